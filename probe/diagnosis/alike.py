"""Captured connections that are alike in all that diagnoses are made of are judged once.

A capture may hold a hundred thousand connections of one client to one server. What differs between them is left out of
what is compared only where no rule of such a connection reads it: addresses of clients, frames, durations. A server's
address is left out too, for rules do no more with it than to name it: where one did, each server is judged by itself.
"""

from __future__ import annotations

import copy

from probe.diagnosis.certificates import moment
from probe.diagnosis.diagnosing import diagnose
from probe.language import current
from probe.result import Capture, ClientSide, Diagnosis, Result, Target, to_json

_MOST_REMEMBERED = 256  # a few kB each
_LARGEST = 32 * 1024  # bytes of facts; what is larger is made to be large
_TELLS_ITS_END = ("certificate", "secured")  # where rules on a client name the frame in which it left
_seen: dict[tuple[str, bytes, object], list[Diagnosis] | None] = {}  # None: they name the server


def remembered(result: Result) -> list[Diagnosis]:
    """What `diagnose` says of a result of a capture."""
    capture = result.capture
    if capture is None or not _may_be_alike(result, capture):
        return diagnose(result)
    facts = _facts(result, capture)
    if len(facts) > _LARGEST:
        return diagnose(result)
    key = (current(), facts, _times(result))
    if key not in _seen:
        found = diagnose(result)
        if len(_seen) >= _MOST_REMEMBERED:
            _seen.clear()
        _seen[key] = None if _names_target(found, result.target) else found
    remembered = _seen[key]
    return diagnose(result) if remembered is None else [copy.copy(each) for each in remembered]


def _names_target(found: list[Diagnosis], target: Target) -> bool:
    """Whether a text tells which server it was."""
    names = (target.host, target.address or target.host)
    texts = (text for each in found for text in (each.summary, *each.evidence))
    return any(name in text for text in texts for name in names)


def _may_be_alike(result: Result, capture: Capture) -> bool:
    """RDP of one connection, whose client gave no word on its end: what is said of others names bytes and frames."""
    side = capture.client_side
    alert = side is not None and side.alert is not None
    return result.status == "rdp" and not capture.streams and not alert and capture.reached not in _TELLS_ITS_END


def _facts(result: Result, capture: Capture) -> bytes:
    """All that rules read, but times."""
    shown = copy.copy(result)
    shown.started, shown.elapsed_ms, shown.bytes_sent, shown.bytes_received = "", 0.0, 0, 0
    target = result.target
    shown.target = Target(
        input="", host="", port=target.port, server_name=target.server_name, routing_token=target.routing_token
    )
    shown.spent, shown.attempts, shown.diagnoses, shown.clients = {}, [], [], []
    if result.negotiation is not None:
        shown.negotiation = copy.copy(result.negotiation)
        shown.negotiation.attempts = [copy.copy(attempt) for attempt in result.negotiation.attempts]
        for attempt in shown.negotiation.attempts:
            attempt.elapsed_ms = 0.0
    side = capture.client_side
    shown.capture = Capture(
        file="",
        stream=0,
        client="",
        server="",
        first_packet=0,
        last_packet=0,
        client_side=ClientSide(requested=side.requested, credssp=side.credssp) if side is not None else None,
        ended_by=capture.ended_by,
        ending=capture.ending,
        reached=capture.reached,
        gaps=capture.gaps,
        truncated=capture.truncated,
        one_sided=capture.one_sided,
    )
    return to_json(shown)


def _times(result: Result) -> tuple[object, ...]:
    """How the time of the connection lies to those of the certificates, as exactly as rules tell it."""
    if not result.certificates:
        return ()
    now = moment(result.started)
    leaves = [chain.chain[0] for chain in result.certificates if chain.chain]
    ends = [moment(text) for leaf in leaves for text in (leaf.not_before, leaf.not_after)]
    if now is None:
        return ("never",)
    return (now.year, *((end > now, end == now, (end - now).days, (now - end).days) if end else None for end in ends))
