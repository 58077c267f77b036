"""SYNs that nobody answered: their lines are made of one another's, and are what each would have had by itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from probe.audit.capture_verdict import captured
from probe.audit.settings import Settings
from probe.capture.connection import Connection, Datagrams, Endpoint
from probe.cli.replaying import line_of
from probe.drive import replay_alike
from probe.drive.replay_alike import OneSyn
from probe.handshake.key_log import KeyLog

SYN = Connection(
    stream=7,
    client=Endpoint("192.0.2.9", 50000),
    server=Endpoint("198.51.100.7", 3389),
    syn=True,
    first_packet=12,
    last_packet=12,
    packets=1,
    started=1_700_000_000.25,
    ended=1_700_000_000.25,
    ending="unanswered",
)
OTHERS = [
    replace(SYN, stream=8, first_packet=13, last_packet=13, server=Endpoint("203.0.113.200", 3389)),
    replace(SYN, stream=0, client=Endpoint("198.51.100.7", 3389), started=1_800_000_000.999, ended=1_800_000_000.999),
    replace(SYN, server=Endpoint("203.0.113.1", 3390)),
    replace(SYN, truncated=True),
    replace(SYN, goes_on=1.0),
    replace(SYN, goes_on=0.012, stream=9),
    replace(SYN, goes_on=60.0),
    replace(SYN, client=Endpoint("2001:db8::1", 50000), server=Endpoint("2001:db8::2", 3389)),
    replace(SYN, client=Endpoint("2001:db8::3", 1), server=Endpoint("2001:db8::", 3389), stream=123_456),
]
SLOW: list[Callable[[Connection], Connection]] = [
    lambda syn: replace(syn, packets=2, retransmitted=1, ended=syn.ended + 1, last_packet=20),
    lambda syn: replace(syn, started=5.0, ended=5.0),
    lambda syn: replace(syn, started=1e11, ended=1e11),
    lambda syn: replace(syn, ending="open"),
]


class Counted:
    """Writes lines, and counts them."""

    def __init__(self, file: str = "scan.pcap") -> None:
        self.count = 0
        self._file = file

    def __call__(self, found: Connection) -> bytes:
        self.count += 1
        return line_of(captured(found, self._file, Settings(depth="discover", keep_attempts=False), KeyLog()))


def test_a_line_is_what_it_would_have_been_by_itself() -> None:
    counted, write = Counted(), Counted()
    syns = OneSyn(counted)
    assert [syns.line(each) for each in (SYN, *OTHERS, SYN)] == [write(each) for each in (SYN, *OTHERS, SYN)]
    told = counted.count
    assert [syns.line(each) for each in (SYN, *OTHERS, SYN)] == [write(each) for each in (SYN, *OTHERS, SYN)]
    assert counted.count == told < 2 * (2 + len(OTHERS))
    line = json.loads(syns.line(OTHERS[0]) or b"")
    assert line["target"]["input"] == line["capture"]["server"] == "203.0.113.200:3389"
    assert line["diagnoses"][0]["code"] == "TCP_TIMEOUT"
    assert "203.0.113.200:3389" in line["diagnoses"][0]["evidence"][0]


@pytest.mark.parametrize("change", SLOW)
def test_all_else_is_written_by_itself(change: Callable[[Connection], Connection]) -> None:
    assert OneSyn(Counted()).line(change(SYN)) is None


def test_an_exchange_over_udp_is_none() -> None:
    udp = Datagrams(stream=0, client=SYN.client, server=SYN.server, first_packet=1, last_packet=1, packets=1,
                    started=1_700_000_000.0, ended=1_700_000_000.0)  # fmt: skip
    assert OneSyn(Counted()).line(udp) is None


def test_a_file_that_has_the_name_of_a_mark_is_read_the_long_way() -> None:
    syns = OneSyn(Counted("@server@.pcap"))
    assert syns.line(SYN) is None
    assert syns.line(SYN) is None


def test_not_too_many_kinds_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_alike, "_MOST_KINDS", 2)
    syns, write = OneSyn(Counted()), Counted()
    for each in (SYN, *OTHERS):
        assert syns.line(each) == write(each)
    assert len(syns._lines) <= 2
