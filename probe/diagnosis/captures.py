"""How rules read a result that is from a capture."""

from __future__ import annotations

from datetime import UTC, datetime

from probe.diagnosis.certificates import moment
from probe.result import Capture, Result

_OLDEST = datetime(1998, 1, 1, tzinfo=UTC)  # of the first servers; what is older has no clock


def one_connection(result: Result) -> Capture | None:
    """The capture that a result is of, where it tells of a single connection of it; None where a server was judged."""
    capture = result.capture
    return capture if capture is not None and len(capture.streams) < 2 else None


def tells_of_clients(result: Result) -> bool:
    """Whether known clients can be judged by it: not by a capture of what others asked, which is too little."""
    return result.capture is None or result.asked is None


def is_whole(result: Result) -> bool:
    """Nothing that was said is missing: always so where we asked ourselves."""
    capture = result.capture
    return capture is None or not (capture.gaps or capture.truncated or capture.one_sided is not None)


def is_heard(result: Result) -> bool:
    """An answer of the server would have been seen: without one, it gave none. Always so where we asked ourselves."""
    return result.capture is None or (is_whole(result) and result.capture.syn_ack)


def is_hung_up(result: Result) -> bool:
    """The server ended what it had not answered, as far as a capture shows that. Always so where we asked ourselves."""
    return result.capture is None or (is_heard(result) and result.capture.ended_by == "server")


def is_heard_silent(result: Result) -> bool:
    """That nobody answered is a fact: somebody waited, and an answer would have been seen."""
    return result.ending not in (None, "interrupted") and is_heard(result)


def judged_at(result: Result) -> datetime | None:
    """When it was: the time that certificates are held against. None where a capture has no clock."""
    started = moment(result.started)
    return None if result.capture is not None and started is not None and started < _OLDEST else started


def requested(result: Result) -> list[str] | None:
    """What the one client of a capture asked for; None where that is not known, or several are told of."""
    capture = one_connection(result)
    return capture.client_side.requested if capture is not None and capture.client_side is not None else None


def dropped_unnegotiated(result: Result) -> bool:
    """A client that asked for nothing was confirmed as it asked, and the server then ended it before its settings."""
    capture = one_connection(result)
    attempts = result.negotiation.attempts if result.negotiation is not None else []
    return (
        capture is not None
        and requested(result) == []
        and capture.ended_by == "server"
        and capture.reached in ("confirm", "initial")
        and is_whole(result)
        and any(attempt.answer == "confirm without negotiation" for attempt in attempts)
    )
