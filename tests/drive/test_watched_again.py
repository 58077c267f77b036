"""What a live audit saw is seen again where its bytes alone are watched, on every connection with embedded servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, replace

import pytest

from probe.audit.attempt import Question, Stage
from probe.audit.capture_verdict_server import by_server
from probe.audit.reading import Reading, read
from probe.audit.settings import Settings
from probe.audit.watched import watched
from probe.audit.watched_packets import packets_of
from probe.drive import demo
from probe.drive.limits import Limits
from probe.drive.trust_store import trust_judge
from probe.handshake.machine import Ending, Secured
from probe.result import Depth, to_json
from probe.wire.tls_version import SSL3, TLS12, TLS13
from tests.drive.recorded import Recorded, recorded

ENDLESS = ("silent", "tarpit")  # they never answer, so that nothing is gained by waiting
# What is the connection's own (times, numbers), or is compared by itself.
OWN = {"question", "number", "worked_out", "challenge_at", "ending", "awaited"}
OWN |= {"malformed", "messages", "secured", "unread"}
AT_FULL_DEPTH = ("windows-nla", "xrdp-like", "tls10-only")


def _audited(kind: str, depth: Depth) -> Recorded:
    limits = Limits(step_s=0.1, per_host=1) if kind in ENDLESS else Limits(per_host=1)
    return recorded(kind, Settings(depth=depth), limits)


def _facts(reading: Reading) -> dict[str, object]:
    return {each.name: getattr(reading, each.name) for each in fields(reading) if each.name not in OWN}


def _told(question: Question) -> Question:
    """A question without what no byte shows: that it was asked before, a share where there is no place for one, …"""
    offer = question.offer
    if offer is not None and offer.version < TLS13:
        schemes = offer.schemes if offer.version >= TLS12 else ()
        offer = replace(offer, share=True, schemes=schemes, groups=offer.groups if offer.version > SSL3 else ())
    if offer is not None and question.framed:
        offer = replace(offer, groups=(), schemes=())
    plain = replace(question, offer=offer, repeat=False, control=False, resume=False, purpose="")
    return replace(plain, methods=0) if question.stage is Stage.SETTINGS else plain


def _secured(secured: Secured | None) -> object:
    """The library and the registry call a suite by different names."""
    return None if secured is None else (secured.version, secured.chain)


def _assert_all_seen_again(audit: Recorded) -> None:
    assert len(audit.attempts) == len(audit.connections)
    for attempt, connection in zip(audit.attempts, audit.connections, strict=True):
        seen = watched(connection, audit.secrets)
        live, again = read(attempt), read(seen.attempt)
        assert _facts(again) == _facts(live)
        assert _secured(again.secured) == _secured(live.secured)
        assert {type(message) for message in live.messages} <= {type(message) for message in again.messages}
        assert (again.malformed is None) == (live.malformed is None)
        assert _told(again.question) == _told(live.question)
        if again.security is not None:
            assert again.question.methods == live.question.methods
        given_up = live.ending is Ending.TIMED_OUT  # by us: whoever looks on sees the client go
        assert again.ending is (Ending.ABANDONED if given_up else live.ending)
        assert not seen.holes
        assert not seen.apart
        assert all(each.packets for each in packets_of(connection, seen.attempt.events))


@pytest.mark.parametrize("kind", demo.KINDS)
def test_every_embedded_server_is_seen_again(kind: str) -> None:
    _assert_all_seen_again(_audited(kind, "standard"))


@pytest.mark.parametrize("kind", AT_FULL_DEPTH)
def test_every_hello_of_an_enumeration_is_known_again(kind: str) -> None:
    _assert_all_seen_again(_audited(kind, "full"))


@pytest.mark.parametrize("kind", ["windows-no-nla", "xrdp-like"])
def test_without_secrets_the_clear_part_is_seen_again(kind: str) -> None:
    audit = _audited(kind, "standard")
    for attempt, connection in zip(audit.attempts, audit.connections, strict=True):
        seen = watched(connection)
        live, again = read(attempt), read(seen.attempt)
        assert again.confirm_data == live.confirm_data
        assert again.server_hello == live.server_hello
        assert again.connect_response is None or again.connect_response == live.connect_response
        assert not seen.decrypted


# When it was, how long it took, and what each connection was counted under: no facts of the server.
ASIDE = {"target", "started", "elapsed_ms", "started_ms", "at_ms", "capture", "spent", "timestamp", "clock_skew_s"}


def _differences(live: object, again: object, path: str = "") -> Iterator[str]:
    if isinstance(live, dict) and isinstance(again, dict):
        for name in sorted({*live, *again} - ASIDE):
            if path or name != "attempts":  # steps tell also what is inside TLS
                yield from _differences(live.get(name), again.get(name), f"{path}.{name}")
    elif isinstance(live, list) and isinstance(again, list) and len(live) == len(again):
        for number, (one, other) in enumerate(zip(live, again, strict=True)):
            yield from _differences(one, other, f"{path}[{number}]")
    elif live != again:
        yield f"{path}: {live}, and watched {again}"


@pytest.mark.parametrize(
    ("kind", "depth"),
    [
        *((kind, "standard") for kind in demo.KINDS if kind not in (*ENDLESS, "http", "ssh")),
        *((kind, "full") for kind in AT_FULL_DEPTH),
    ],
)
def test_all_connections_of_an_audit_are_its_result_again(kind: str, depth: Depth) -> None:
    audit = _audited(kind, depth)
    [again] = by_server(audit.connections, "x.pcap", Settings(depth=depth), audit.secrets, trust_judge(None))
    assert list(_differences(json.loads(to_json(audit.result)), json.loads(to_json(again)))) == []
