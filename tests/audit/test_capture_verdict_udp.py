from __future__ import annotations

import random

import pytest

from probe.audit.capture_verdict_udp import exchanged
from probe.audit.settings import Settings
from probe.capture.connection import Datagrams, Endpoint, Piece
from probe.diagnosis.judged import judge
from probe.handshake.key_log import KeyLog
from probe.handshake.machine import Side
from probe.result import Capture, Result
from probe.wire.cursor import Writer
from probe.wire.rdpudp import Syn, SynEx, UdpFlag, UdpVersion, padded
from probe.wire.rdpudp_data import DataPacket
from tests.audit.connections import FLIGHT, HELLO, KEYS

C, S = Side.CLIENT, Side.SERVER
STARTED = 1_700_000_000.0  # 2023-11-14
OFFERED, FIRST = 0xFFFF_FFFE, 7  # initial sequence numbers; the client's wraps at once
SYN = padded(
    Syn(flags=UdpFlag.SYN | UdpFlag.SYNEX, initial_sequence=OFFERED, syn_ex=SynEx(version=UdpVersion.VERSION_2))
)
SYN_ACK = padded(
    Syn(
        flags=UdpFlag.SYN | UdpFlag.ACK | UdpFlag.SYNEX,
        source_ack=OFFERED,
        initial_sequence=FIRST,
        up_mtu=1200,
        down_mtu=1180,
        syn_ex=SynEx(version=UdpVersion.VERSION_2),
    )
)
ACK = bytes.fromhex("000000000040000400000000")


def data(start: int, payload: bytes) -> bytes:
    w = Writer()
    DataPacket(
        source_ack=0, receive_window=64, flags=UdpFlag.ACK | UdpFlag.DATA, ack_vector=b"", ack_padding=b"\0\0",
        coded=start, source_start=start, payload=payload,
    ).write(w)  # fmt: skip
    return w.getvalue()


def datagrams(*said: tuple[Side, bytes], started: float = STARTED) -> Datagrams:
    """An exchange, a tenth of a second between datagrams."""
    pieces = [Piece(side, raw, started + 0.1 * at, 1 + at) for at, (side, raw) in enumerate(said)]
    return Datagrams(
        stream=2,
        client=Endpoint("192.0.2.9", 51000),
        server=Endpoint("192.0.2.7", 3389),
        pieces=pieces,
        first_packet=1,
        last_packet=len(said),
        packets=len(said),
        started=started,
        ended=pieces[-1].at,
    )


def told(*said: tuple[Side, bytes], started: float = STARTED) -> tuple[Result, Capture]:
    result = exchanged(datagrams(*said, started=started), "x.pcap", Settings(depth="discover"), KeyLog())
    judge(result)
    assert result.capture is not None
    return result, result.capture


def test_a_syn_that_is_answered() -> None:
    result, capture = told((C, SYN), (S, SYN_ACK), (C, ACK))
    assert result.status == "rdp"
    assert result.udp is not None
    assert (result.udp.state, result.udp.offered, result.udp.version, result.udp.sent) == ("open", "2.0", "2.0", 1)
    assert (result.udp.up_mtu, result.udp.down_mtu, result.udp.elapsed_ms) == (1200, 1180, 100.0)
    assert (result.asked, result.tls, result.certificates, result.clients) == (["udp"], None, [], [])
    assert (capture.transport, capture.stream, capture.ending, capture.client_side) == ("udp", 2, "open", None)
    assert [(each.what, each.side, each.packets) for each in capture.evidence] == [
        ("RDP-UDP SYN", "client", [1]),
        ("RDP-UDP SYN+ACK", "server", [2]),
    ]
    assert result.diagnoses == []


def test_a_syn_that_nobody_answers() -> None:
    result, capture = told((C, SYN), (C, SYN), (C, SYN))
    assert result.udp is not None
    assert (result.status, result.udp.state, result.udp.sent, result.udp.version) == ("silent", "silent", 3, None)
    assert capture.ending == "unanswered"
    assert [found.code for found in result.diagnoses] == ["UDP_UNREACHABLE"]


def test_an_answer_that_is_none() -> None:
    result, _capture = told((C, SYN), (S, b"something else"))
    assert result.udp is not None
    assert (result.status, result.udp.state) == ("silent", "malformed")


def test_only_the_servers_side() -> None:
    result, capture = told((S, SYN_ACK))
    assert result.udp is not None
    assert (result.udp.state, result.udp.offered, result.udp.sent) == ("open", "unknown", 0)
    assert capture.one_sided == "server"


def test_tls_inside_is_read_in_the_order_of_its_numbers() -> None:
    """Cut in two, the halves in the wrong order and one of them twice."""
    flight, half = FLIGHT[1], len(FLIGHT[1]) // 2
    result, capture = told(
        (C, SYN), (S, SYN_ACK), (C, data(0xFFFF_FFFF, HELLO[1])),
        (S, data(FIRST + 2, flight[half:])), (S, data(FIRST + 1, flight[:half])), (S, data(FIRST + 1, flight[:half])),
        (C, data(0, KEYS[1])),
    )  # fmt: skip
    assert result.tls is not None
    assert result.tls.handshake is not None
    assert result.tls.handshake.version == "TLSv1.2"
    assert result.tls.handshake.group is not None
    assert result.tls.fingerprints is not None
    assert result.asked == ["udp", "tls.handshake", "certificates"]
    assert [chain.served_to for chain in result.certificates] == [["TLSv1.2"]]
    assert capture.client_side is not None
    assert capture.client_side.hello is not None
    assert capture.encrypted_from == 7
    assert capture.unknown == ["encrypted from frame 7 on (TLSv1.2): what is inside TLS"]
    assert [each.what for each in capture.evidence][:3] == ["RDP-UDP SYN", "RDP-UDP SYN+ACK", "TLS ClientHello"]


def test_what_is_missing_ends_what_is_read() -> None:
    result, capture = told((C, SYN), (S, SYN_ACK), (C, data(0xFFFF_FFFF, HELLO[1])), (S, data(FIRST + 2, FLIGHT[1])))
    assert result.tls is None
    assert capture.client_side is not None


def test_data_without_a_syn_begins_where_it_begins() -> None:
    result, _capture = told((S, data(90, FLIGHT[1])), (C, data(40, HELLO[1])), (C, data(39, b"older")))
    assert result.udp is not None
    assert result.udp.state == "malformed"
    assert result.tls is None or result.tls.handshake is not None


def test_a_capture_without_a_clock() -> None:
    result, capture = told(
        (C, SYN), (S, SYN_ACK), (C, data(0xFFFF_FFFF, HELLO[1])), (S, data(FIRST + 1, FLIGHT[1])), started=-5.0
    )
    assert result.started == "1970-01-01T00:00:00.000Z"
    assert [chain.days_left for chain in result.certificates] == [None]
    assert any("no clock" in words for words in capture.unknown)


@pytest.mark.parametrize("seed", range(20))
def test_anything_is_told(seed: int) -> None:
    chance = random.Random(seed)
    known = [SYN, SYN_ACK, ACK, data(FIRST + 1, FLIGHT[1]), data(0xFFFF_FFFF, HELLO[1]), b"", bytes(30)]
    said = [(chance.choice((C, S)), chance.choice(known)[: chance.randrange(2000)]) for _ in range(12)]
    result, _capture = told(*said)
    assert result.udp is not None
    assert result.udp.state in ("open", "silent", "malformed")
