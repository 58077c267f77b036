"""From all captured connections to one server to one result: what a live audit would have made of them.

Where our own audit is among them it is told as such, with its depth. What others asked tells of the server as well, and
then `asked` names the places that were settled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from probe.audit.attempt import Attempt, Question, Stage
from probe.audit.capture_verdict import audit_of, captured, name_in, without_clock
from probe.audit.capture_verdict_course import course, would_hear
from probe.audit.capture_verdict_narrow import narrow_to_seen
from probe.audit.capture_verdict_unknown import has_clock, unknown
from probe.audit.offers import whole_offer
from probe.audit.reading import read
from probe.audit.settings import Settings
from probe.audit.trust import TrustJudge
from probe.audit.verdict import verdict
from probe.audit.watched import Watched, watched
from probe.capture.connection import Connection, Endpoint
from probe.handshake.client_hello import current_offer
from probe.handshake.key_log import KeyLog
from probe.handshake.machine import Ending, Side
from probe.result import Capture, Depth, Result
from probe.wire.tls_version import TLS13

_MOST_UNKNOWN = 10  # reasons that are told; a file of many connections repeats them


def by_server(
    connections: Iterable[Connection],
    file: str,
    settings: Settings,
    secrets: KeyLog,
    trust: TrustJudge | None = None,
) -> list[Result]:
    """One result for each server, in the order of their first connections, with `capture` filled in; not diagnosed."""
    servers: dict[Endpoint, list[Connection]] = {}
    for connection in sorted(connections, key=lambda each: (each.started, each.stream)):
        servers.setdefault(connection.server, []).append(connection)
    return [_server(found, file, settings, secrets, trust) for found in servers.values()]


def _server(
    connections: list[Connection], file: str, settings: Settings, secrets: KeyLog, trust: TrustJudge | None
) -> Result:
    telling = [each for each in connections if each.pieces] or connections[:1]
    seen = [watched(each, secrets) for each in telling]
    streams = [each.stream for each in connections]
    if len(telling) > 1 and not any(read(each.attempt).spoke_rdp for each in seen):
        seen = [_as_silent(each, found) for each, found in zip(telling, seen, strict=True)]
        telling, seen = _that_tell_most(telling, seen)
    is_one = seen[0].attempt.ending is not Ending.TIMED_OUT and not any(read(each.attempt).spoke_rdp for each in seen)
    if len(telling) == 1 or is_one:
        result = captured(telling[0], file, settings, secrets, trust, streams=streams)
    else:
        result = _merged(telling, seen, settings, trust)
        result.capture = _described(telling, seen, file, streams)
    result.connections = len(connections)
    return result


def _that_tell_most(
    connections: Sequence[Connection], seen: Sequence[Watched]
) -> tuple[list[Connection], list[Watched]]:
    """Of connections without RDP those that say what the server does: it answers, is silent, or ends them itself."""
    pairs = list(zip(connections, seen, strict=True))
    heard = [pair for pair in pairs if pair[0].received or would_hear(pair[0])]
    did = [
        pair
        for pair in heard
        if pair[0].received or pair[0].ended_by is Side.SERVER or pair[1].attempt.ending is Ending.TIMED_OUT
    ]
    kept = did or heard or pairs[:1]
    return [each for each, _found in kept], [found for _each, found in kept]


def _as_silent(connection: Connection, found: Watched) -> Watched:
    """Where a client waited long enough, and closed, the server gave no answer in time."""
    where = course(connection, found.attempt, read(found.attempt))
    if where.status != "silent" or found.attempt.ending is not Ending.ABANDONED:
        return found
    return replace(found, attempt=replace(found.attempt, ending=Ending.TIMED_OUT))


def _merged(
    connections: Sequence[Connection], seen: Sequence[Watched], settings: Settings, trust: TrustJudge | None
) -> Result:
    attempts = tuple(_in_order(connections, seen))
    depth = _depth(attempts)
    usual = (each.client for each in seen if each.attempt.question.has_usual_name)
    server_name = next((name for client in usual if (name := name_in(client)) is not None), None)
    settings = replace(settings, depth=depth or "standard")
    result = verdict(audit_of(connections, attempts, settings, trust, server_name=server_name))
    if not any(each.decrypted for each in seen):
        result.credssp = None  # that nothing of it was read says nothing of the server
    if depth is None:
        narrow_to_seen(result)
    if not all(map(has_clock, connections)):
        without_clock(result)
    return result


def _depth(attempts: Iterable[Attempt]) -> Depth | None:
    """How deep our own audit went, where its hellos are among them."""
    ours = [attempt.question for attempt in attempts if attempt.question.stage is Stage.HELLO]
    if not ours:
        return None
    return "full" if any(map(_tries_more, ours)) else "standard"


def _tries_more(question: Question) -> bool:
    """It is none of those that depth standard asks, where a usual hello is turned away or dropped."""
    offer = question.offer
    if offer is None or offer.padding or offer == current_offer():
        return False
    whole = whole_offer(offer.version)
    return offer != (whole if offer.version >= TLS13 else replace(whole, share=offer.share))


def _in_order(connections: Sequence[Connection], seen: Sequence[Watched]) -> Iterator[Attempt]:
    """The attempts as an audit numbers them; what is asked again after it was not answered is a repeat."""
    before: dict[object, Attempt] = {}
    last_end = float("-inf")
    for number, (connection, each) in enumerate(zip(connections, seen, strict=True), 1):
        following = connections[number].started if number < len(connections) else float("inf")
        attempt = replace(
            each.attempt, number=number, alone=last_end <= connection.started and connection.ended <= following
        )
        first = before.setdefault(attempt.question, attempt)
        if first is not attempt and read(first).is_to_be_repeated:
            attempt = replace(attempt, question=attempt.question.again())
        elif first is not attempt and _may_resume(attempt.question):
            attempt = replace(attempt, question=replace(attempt.question, resume=True))
        last_end = max(last_end, connection.ended)
        yield attempt


def _may_resume(question: Question) -> bool:
    """A handshake of our library with an older version is made twice only to continue the session of the first."""
    return question.stage is Stage.TUNNEL and question.version is not None and question.offer is None


def _described(connections: Sequence[Connection], seen: Sequence[Watched], file: str, streams: list[int]) -> Capture:
    first, last = connections[0], max(connections, key=lambda each: each.ended)
    reasons = [
        reason for each, found in zip(connections, seen, strict=True) for reason in unknown(each, found, "opened")
    ]
    return Capture(
        file=file,
        stream=streams[0],
        streams=streams,
        client=str(first.client),
        server=str(first.server),
        first_packet=min(each.first_packet for each in connections),
        last_packet=max(each.last_packet for each in connections),
        packet_count=sum(each.packets for each in connections),
        syn=first.syn,
        syn_ack=first.syn_ack,
        ended_by=last.ended_by.value if last.ended_by is not None else None,
        ending=last.ending,
        ended_packet=last.ended_packet,
        gaps=any(each.gaps for each in connections),
        truncated=any(each.truncated for each in connections),
        retransmitted=sum(each.retransmitted for each in connections),
        out_of_order=sum(each.out_of_order for each in connections),
        decrypted=any(each.decrypted for each in seen),
        unknown=list(dict.fromkeys(reasons))[:_MOST_UNKNOWN],
    )
