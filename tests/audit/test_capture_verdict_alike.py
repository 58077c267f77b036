"""Connections that are alike are given one verdict: never another one than each would have had by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from probe.audit import capture_verdict_alike as alike
from probe.audit.capture_verdict import captured
from probe.audit.reading import read
from probe.audit.settings import Settings
from probe.audit.watched import watch
from probe.capture.connection import Connection, Endpoint
from probe.drive.replay import connections
from probe.handshake.key_log import KeyLog
from probe.handshake.machine import Side
from probe.result import Result
from probe.wire.tls_key_exchange import ServerKeyExchange
from tests.audit.connections import NEW_FLIGHT, NEW_HELLO, SECURED, UNTIL_HELLO, connection
from tests.golden.replayed import captures
from tests.vectors import vector

SETTINGS = Settings(depth="discover", keep_attempts=False)
HOUR = 3600.25
MONTHS = 8_000_000.5


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    alike._made.clear()
    yield
    alike._made.clear()


def judged(found: Connection, settings: Settings = SETTINGS) -> Result:
    return captured(found, "some.pcap", settings, KeyLog())


def alone(found: Connection) -> Result:
    alike._made.clear()
    return judged(found)


def moved(found: Connection, number: int) -> Connection:
    """The same between others, at another time, a little slower."""
    later = HOUR if number % 2 else MONTHS
    return replace(
        found,
        client=Endpoint("198.51.100.77", 40000 + number % 20_000),
        server=Endpoint("203.0.113.9", found.server.port),
        pieces=[piece._replace(at=piece.at + later + place / 100) for place, piece in enumerate(found.pieces)],
        started=found.started + later,
        ended=found.ended + later + len(found.pieces) / 100,
    )


def test_what_is_remembered_is_what_each_would_have_had_by_itself() -> None:
    found = [each for path in captures() for each in connections(str(path))]
    changed = [moved(each, number) for number, each in enumerate(found)]
    by_itself = [alone(each) for each in changed]
    alike._made.clear()
    for each in found:
        judged(each)
    assert len(alike._made) < len(found)
    before = list(alike._made)
    told = [judged(each) for each in changed]
    assert told == by_itself
    assert list(alike._made)[: len(before)] == before
    assert [judged(each) for each in found] == [alone(each) for each in found]


def test_a_result_is_changed_without_another() -> None:
    first, second = judged(connection(*SECURED)), judged(connection(*SECURED))
    assert len(alike._made) == 1
    assert first == second
    assert first.asked is not None
    first.asked.append("udp")
    first.negotiation.attempts[0].elapsed_ms = 5.0  # type: ignore[union-attr]
    assert first.spent.popitem() == ("security protocols", 1)
    assert second == judged(connection(*SECURED))


def test_what_a_client_waited_for_in_vain_is_told_apart() -> None:
    left, patient = (connection(*UNTIL_HELLO, ending="closed", by=Side.CLIENT, after=after) for after in (0.1, 10))
    assert [judged(left), judged(patient)] == [alone(left), alone(patient)]


def test_what_is_large_or_of_another_kind_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    unread = read(watch(connection(*UNTIL_HELLO)))
    assert alike._told(ServerKeyExchange(params=vector("tls12_dhe_key_exchange")), unread) is None
    assert judged(connection(*SECURED), Settings(depth="discover")).status == "rdp"
    assert not alike._made
    monkeypatch.setattr(alike, "_LONGEST", 1)
    assert judged(connection(*UNTIL_HELLO[:2], NEW_HELLO, NEW_FLIGHT)).status == "rdp"
    monkeypatch.setattr(alike, "_MOST_CODES", 1)
    assert judged(connection(*UNTIL_HELLO)).status == "rdp"
    assert not alike._made


def test_no_more_than_a_number_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alike, "_MOST_REMEMBERED", 2)
    made = [connection(*SECURED[:length]) for length in range(1, len(SECURED))]
    told = [judged(each) for each in made]
    assert len(alike._made) <= 2
    assert told == [alone(each) for each in made]
