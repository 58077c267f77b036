from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.audit.settings import Settings
from probe.capture.connection import Connection, Datagrams
from probe.capture.frame import Frame
from probe.drive import replay as module
from probe.drive.capture_file import CaptureFile
from probe.drive.capture_writer import CaptureWriter
from probe.drive.replay import Passed, Replay, Wanted, connections, conversations, replay
from probe.errors import InputError
from probe.handshake.machine import Ending, Side
from probe.wire.nego import FailureCode, Protocol
from tests.audit.test_capture_verdict_udp import SYN, SYN_ACK
from tests.capture.written import BEGAN, CLIENT, SERVER, Talk, fails, request, selects, write

DISCOVER = Settings(depth="discover", keep_attempts=False)
OTHER = ("192.0.2.8", 3390)
REFUSED = Talk(said=[(Side.CLIENT, request(b"a", 1)), (Side.SERVER, fails(FailureCode.HYBRID_REQUIRED_BY_SERVER))])
SELECTED = Talk(said=[(Side.CLIENT, request(b"a", 3)), (Side.SERVER, selects(Protocol.HYBRID))], port=50001, after=3)
ELSEWHERE = Talk(said=SELECTED.said, port=50002, after=6, server=OTHER)
LEFT = Talk(said=[], port=50003, after=9)
MAIL = Talk(said=[(Side.SERVER, b"220 mail ESMTP\r\n")], port=50004, after=12, server=("192.0.2.7", 25))


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("replay") / "several.pcapng"
    write(path, [REFUSED, SELECTED, ELSEWHERE, LEFT, MAIL])
    return str(path)


@pytest.fixture(scope="module")
def with_udp(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An exchange over UDP with the server of a connection, and one with another."""
    path = tmp_path_factory.mktemp("replay") / "udp.pcap"
    writer = CaptureWriter(str(path))
    line = writer.line(SERVER, BEGAN)
    assert line is not None
    line.bound((CLIENT, 50000), BEGAN)
    line.opened((CLIENT, 50000), BEGAN)
    line.carried(Side.CLIENT, request(b"a", 3), BEGAN + 1)
    line.carried(Side.SERVER, selects(Protocol.HYBRID), BEGAN + 2)
    line.ended(Side.CLIENT, Ending.COMPLETE, BEGAN + 3)
    for server in (SERVER, OTHER):
        writer.datagram(Side.CLIENT, (CLIENT, 51000), server, SYN, BEGAN + 4)
        writer.datagram(Side.SERVER, (CLIENT, 51000), server, SYN_ACK, BEGAN + 5)
    writer.close()
    return str(path)


def test_each_rdp_connection_has_a_result_and_others_are_counted(capture: str) -> None:
    reading = Replay(capture, DISCOVER)
    found = [each.capture for each in reading if each.capture is not None]
    assert [(each.stream, each.server) for each in found] == [
        (0, "192.0.2.7:3389"),
        (1, "192.0.2.7:3389"),
        (2, "192.0.2.8:3390"),
        (3, "192.0.2.7:3389"),
    ]
    assert (reading.others.connections, reading.others.spoken) == (5, {("smtp", 25): 1})
    assert (reading.passed.found, reading.notices) == (4, [])


@pytest.mark.parametrize("by_server", [False, True])
def test_who_stops_it_is_told_what_was_read(capture: str, by_server: bool) -> None:
    reading = Replay(capture, DISCOVER, wanted=Wanted(by_server=by_server))

    def stop(_passed: Passed) -> None:
        reading.on_progress = None
        reading.stop()

    reading.on_progress = stop
    assert len(list(reading)) == (2 if by_server else 4)
    with pytest.raises(KeyboardInterrupt):
        reading.stop()


def test_who_stops_it_is_not_kept_waiting_for_what_a_pipe_has_yet_to_bring(
    capture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = Replay(capture, DISCOVER)
    usual = CaptureFile.batches

    def batches(file: CaptureFile) -> Iterator[list[Frame]]:
        yield from usual(file)
        reading.stop()  # as from a handler of signals

    monkeypatch.setattr(CaptureFile, "batches", batches)
    assert len(list(reading.lines(lambda _: b""))) == 4


def test_ctrl_c_without_a_handler_is_passed_on(capture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def batches(_file: CaptureFile) -> Iterator[list[Frame]]:
        raise KeyboardInterrupt

    monkeypatch.setattr(CaptureFile, "batches", batches)
    with pytest.raises(KeyboardInterrupt):
        list(Replay(capture, DISCOVER))


def test_only_the_streams_that_are_wanted(capture: str) -> None:
    wanted = Wanted(streams=frozenset({1, 3, 77}))
    assert [each.capture.stream for each in replay(capture, DISCOVER, wanted=wanted) if each.capture] == [1, 3]


def test_ports_whose_connections_are_told_whatever_they_are(capture: str) -> None:
    found = list(replay(capture, DISCOVER, wanted=Wanted(ports=frozenset({25}))))
    assert [(each.status, each.service) for each in found] == [("rdp", None)] * 3 + [("not_rdp", "smtp")]


def test_one_result_a_server(capture: str) -> None:
    reading = Replay(capture, DISCOVER, wanted=Wanted(by_server=True))
    first, second = list(reading)
    assert (first.target.input, first.connections) == ("192.0.2.7:3389", 3)
    assert first.capture is not None
    assert first.capture.streams == [0, 1, 3]
    assert second.target.input == "192.0.2.8:3390"
    assert [each.capture.stream for each in reading.each_of(first) if each.capture] == [0, 1, 3]


def test_for_a_server_no_more_is_kept_than_there_is_room_for(capture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_KEPT", 1)
    reading = Replay(capture, DISCOVER, wanted=Wanted(by_server=True))
    assert [each.connections for each in reading] == [1]
    assert reading.notices == ["the reports are made of the first 1 connections: more are not kept"]


def test_an_exchange_over_udp_is_told_or_added_to_its_server(with_udp: str) -> None:
    found = list(replay(with_udp, DISCOVER))
    assert [each.capture.transport for each in found if each.capture] == ["tcp", "udp", "udp"]
    first, second = list(replay(with_udp, DISCOVER, wanted=Wanted(by_server=True)))
    assert first.udp is not None
    assert (first.udp.state, first.negotiation is not None) == ("open", True)
    assert first.asked is not None
    assert "udp" in first.asked
    assert (second.target.input, second.status) == ("192.0.2.8:3390", "rdp")


def test_what_results_are_made_of(with_udp: str) -> None:
    assert [type(each) for each in conversations(with_udp)] == [Connection, Datagrams, Datagrams]
    assert [each.stream for each in connections(with_udp)] == [0]


def test_what_is_no_capture(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"no capture")
    with pytest.raises(InputError):
        list(replay(str(tmp_path / "x"), DISCOVER))
