"""Captures of what was exchanged, read by scapy: every header is right, and every byte is there."""

from __future__ import annotations

import errno
import gzip
import os
import re
import stat
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.drive.capture_format import PCAP, PCAPNG
from probe.drive.capture_writer import CaptureWriter, KeyLogWriter, Recorder, Recording, recording
from probe.drive.synthesized import RandomBytes, SynthesizedTcp
from probe.errors import InputError, Unavailable
from probe.handshake.machine import Ending, Side

CLIENT4, SERVER4 = ("192.0.2.9", 51234), ("192.0.2.7", 3389)
CLIENT6, SERVER6 = ("2001:db8::9", 51234), ("2001:db8::7", 3389)
NOON = 1_800_000_000.25
KINDS = ("x.pcap", "x.pcapng", "x.pcap.gz", "x.pcapng.gz", "x.cap", "nameless")
Talk = list[tuple[Side, bytes]]


def packets(path: Path) -> list[Any]:
    """What scapy reads, and when each packet was."""
    from scapy.layers.inet import IP
    from scapy.layers.inet6 import IPv6
    from scapy.utils import RawPcapNgReader, RawPcapReader

    plain = path
    if path.name.endswith(".gz"):
        plain = path.with_name("plain")
        plain.write_bytes(gzip.decompress(path.read_bytes()))
    reader = RawPcapNgReader if plain.read_bytes()[:4] == PCAPNG[:4] else RawPcapReader
    found = []
    with reader(str(plain)) as records:
        for data, about in records:
            assert about.wirelen == len(data)
            found.append((IP if data[0] >> 4 == 4 else IPv6)(data))
            time: Any = about
            is_pcap = reader is RawPcapReader
            found[-1].time = time.sec * 10**9 + time.usec if is_pcap else (time.tshigh << 32) + time.tslow
    return found


def assert_sums(packet: Any) -> None:
    """Each checksum and length is what scapy computes."""
    from scapy.layers.inet import IP, TCP, UDP

    again = packet.copy()
    for layer in (IP, TCP, UDP):
        if layer in again:
            again[layer].chksum = None
    assert bytes(type(packet)(bytes(again))) == bytes(packet)


def streams(found: list[Any]) -> dict[int, bytes]:
    """What each port said, by its sequence numbers: every byte once, and acknowledged when it was there."""
    from scapy.layers.inet import TCP

    said: dict[int, bytes] = {}
    following: dict[int, int] = {}
    for packet in found:
        tcp = packet[TCP]
        assert_sums(packet)
        data = bytes(tcp.payload)
        assert len(packet) <= 1500
        if tcp.sport in following:
            assert tcp.seq == following[tcp.sport]
        if tcp.flags.A and tcp.dport in following:
            assert tcp.ack == following[tcp.dport]
        following[tcp.sport] = (tcp.seq + len(data) + bool(tcp.flags.S) + bool(tcp.flags.F)) % 2**32
        said[tcp.sport] = said.get(tcp.sport, b"") + data
    return said


def flags(found: list[Any]) -> list[str]:
    from scapy.layers.inet import TCP

    return [f"{'>' if packet[TCP].dport == 3389 else '<'}{packet[TCP].flags}" for packet in found]


def written(
    path: Path,
    talk: Talk,
    by: Side | None = Side.CLIENT,
    how: Ending = Ending.COMPLETE,
    *,
    ends: tuple[tuple[str, int], tuple[str, int]] = (CLIENT4, SERVER4),
    random_bytes: RandomBytes = os.urandom,
) -> list[Any]:
    """One connection through a file."""
    client, server = ends
    writer = CaptureWriter(str(path), random_bytes=random_bytes)
    line = writer.line(server, NOON)
    assert line is not None
    line.bound(client, NOON)
    line.opened(client, NOON + 0.001)
    for number, (side, data) in enumerate(talk, 2):
        line.carried(side, data, NOON + number / 1000)
    line.ended(by, how, NOON + 9)
    writer.close()
    return packets(path)


@given(
    st.lists(st.tuples(st.sampled_from(Side), st.binary(min_size=1, max_size=9000)), max_size=6),
    st.sampled_from(KINDS),
    st.sampled_from([(CLIENT4, SERVER4), (CLIENT6, SERVER6)]),
    st.just(b"\xff" * 4) | st.binary(min_size=4, max_size=4),
)
def test_every_byte_is_there_in_its_order(
    tmp_path_factory: pytest.TempPathFactory, talk: Talk, kind: str, ends: Any, isn: bytes
) -> None:
    path = tmp_path_factory.mktemp("capture") / kind
    found = written(path, talk, ends=ends, random_bytes=lambda size: (isn * size)[:size])
    said = streams(found)
    for side, port in ((Side.CLIENT, 51234), (Side.SERVER, 3389)):
        assert said[port] == b"".join(data for who, data in talk if who is side)
    times = [packet.time for packet in found]
    assert times == sorted(set(times))
    assert times[0] == int(NOON * 1e9)
    assert flags(found)[:3] == [">S", "<SA", ">A"]
    assert flags(found)[-3:] == [">FA", "<FA", ">A"]


def test_options_and_windows_are_those_of_a_real_stack(tmp_path: Path) -> None:
    from scapy.layers.inet import TCP

    for ends, longest in (((CLIENT4, SERVER4), 1460), ((CLIENT6, SERVER6), 1440)):
        found = written(tmp_path / f"{longest}.pcap", [(Side.SERVER, bytes(3 * longest))], ends=ends)
        for syn in found[:2]:
            assert dict(syn[TCP].options[:4]) | {"EOL": None} == {
                "MSS": longest, "SAckOK": b"", "NOP": None, "WScale": 7, "EOL": None
            }  # fmt: skip
        assert flags(found)[3:8] == ["<A", "<A", ">A", "<PA", ">A"]
        assert max(len(packet[TCP].payload) for packet in found) == longest


@pytest.mark.parametrize(
    ("by", "how", "last"),
    [
        (Side.CLIENT, Ending.COMPLETE, [">FA", "<FA", ">A"]),
        (Side.CLIENT, Ending.TIMED_OUT, [">FA", "<A"]),
        (Side.CLIENT, Ending.RESET, [">RA"]),
        (Side.SERVER, Ending.CLOSED, ["<FA", ">FA", "<A"]),
        (Side.SERVER, Ending.RESET, ["<RA"]),
        (None, Ending.INTERRUPTED, []),
    ],
)
def test_an_ending_is_what_it_was(tmp_path: Path, by: Side | None, how: Ending, last: list[str]) -> None:
    found = written(tmp_path / "x.pcap", [(Side.CLIENT, b"hello")], by, how)
    streams(found)
    assert flags(found) == [">S", "<SA", ">A", ">PA", "<A", *last]


@pytest.mark.parametrize("ends", [(CLIENT4, SERVER4), (CLIENT6, SERVER6)])
@pytest.mark.parametrize(
    ("how", "answer"),
    [
        (Ending.REFUSED, "RA"),
        (Ending.FILTERED, None),
        (Ending.INTERRUPTED, None),
        (Ending.UNREACHABLE, "ICMP"),
    ],
)
def test_what_never_opened(tmp_path: Path, ends: Any, how: Ending, answer: str | None) -> None:
    from scapy.layers.inet import ICMP, TCP
    from scapy.layers.inet6 import ICMPv6DestUnreach

    client, server = ends
    writer = CaptureWriter(str(tmp_path / "x.pcap"))
    line = writer.line(server, NOON)
    assert line is not None
    line.bound(client, NOON)
    line.never_opened(how, NOON + 1)
    writer.close()
    syn, *more = packets(tmp_path / "x.pcap")
    assert str(syn[TCP].flags) == "S"
    if answer is None:
        assert more == []
        return
    [reply] = more
    if answer == "RA":
        assert str(reply[TCP].flags) == "RA"
        assert reply[TCP].ack == syn[TCP].seq + 1
        assert_sums(reply)
        return
    message = reply[ICMP if ICMP in reply else ICMPv6DestUnreach]
    assert (message.type, message.code) == ((3, 1) if ICMP in reply else (1, 3))
    again = reply.copy()
    setattr(again.getlayer(type(message)), "chksum" if ICMP in reply else "cksum", None)
    assert bytes(again) == bytes(reply)
    assert reply.src == client[0]
    assert bytes(syn)[:28] in bytes(reply)


def test_where_nothing_went_out_there_is_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    writer = CaptureWriter(str(path))
    line = writer.line(SERVER4, NOON)
    assert line is not None
    line.never_opened(Ending.UNREACHABLE, NOON)
    writer.close()
    assert path.read_bytes() == PCAP


def test_a_line_that_is_told_only_of_the_opening_begins_with_it() -> None:
    sent: list[bytes] = []
    line = SynthesizedTcp(SERVER4, lambda _at, packet: sent.append(packet), os.urandom)
    line.opened(CLIENT4, NOON)
    assert len(sent) == 3


@given(st.binary(max_size=1400), st.sampled_from([(CLIENT4, SERVER4), (CLIENT6, SERVER6)]))
def test_datagrams(tmp_path_factory: pytest.TempPathFactory, data: bytes, ends: Any) -> None:
    from scapy.layers.inet import UDP

    path = tmp_path_factory.mktemp("capture") / "x.pcap"
    writer = CaptureWriter(str(path))
    for side in Side:
        writer.datagram(side, ends[0], ends[1], data, NOON)
    writer.close()
    first, second = packets(path)
    for packet, ports in ((first, (51234, 3389)), (second, (3389, 51234))):
        assert (packet[UDP].sport, packet[UDP].dport) == ports
        assert bytes(packet[UDP].payload) == data
        assert_sums(packet)


def test_connections_beside_each_other_are_in_the_order_of_time(tmp_path: Path) -> None:
    writer = CaptureWriter(str(tmp_path / "x.pcap"))
    lines = [writer.line(SERVER4, NOON) for _ in range(2)]
    for number, line in enumerate(lines):
        assert line is not None
        line.bound((CLIENT4[0], 50000 + number), NOON + number / 1000)
    for number, line in enumerate(lines):
        assert line is not None
        line.opened((CLIENT4[0], 50000 + number), NOON + 1 + number / 1000)
    for line in lines:
        assert line is not None
        line.ended(Side.CLIENT, Ending.COMPLETE, NOON + 2)
    writer.close()
    times = [packet.time for packet in packets(tmp_path / "x.pcap")]
    assert times == sorted(times)


def test_a_clock_that_was_put_back_is_believed(tmp_path: Path) -> None:
    writer = CaptureWriter(str(tmp_path / "x.pcap"))
    for at in (NOON, NOON - 0.5, NOON - 3600):
        writer.datagram(Side.CLIENT, CLIENT4, SERVER4, b"", at)
    writer.close()
    first, second, third = (packet.time for packet in packets(tmp_path / "x.pcap"))
    assert (second - first, third - first) == (1000, -3600 * 10**9)


def test_what_a_recorder_kept_is_the_same_in_a_file(tmp_path: Path) -> None:
    recorder = Recorder(random_bytes=bytes)
    for tap in (recorder, CaptureWriter(str(tmp_path / "1.pcap"), random_bytes=bytes)):
        line = tap.line(SERVER4, NOON)
        assert line is not None
        line.bound(CLIENT4, NOON)
        line.never_opened(Ending.REFUSED, NOON + 1)
    with CaptureWriterClosing(tmp_path / "2.pcap") as writer:
        writer.add(bytes(recorder.records))
    assert (tmp_path / "2.pcap").read_bytes() == (tmp_path / "1.pcap").read_bytes()


class CaptureWriterClosing:
    """A writer that is closed behind the block."""

    def __init__(self, path: Path, *, append: bool = False) -> None:
        self._writer = CaptureWriter(str(path), append=append)

    def __enter__(self) -> CaptureWriter:
        return self._writer

    def __exit__(self, *_: object) -> None:
        self._writer.close()


def test_a_recorder_keeps_what_is_wanted_and_no_more_than_it_may() -> None:
    nothing = Recorder(packets=False, secrets=False)
    assert nothing.line(SERVER4, NOON) is None
    nothing.datagram(Side.CLIENT, CLIENT4, SERVER4, b"x", NOON)
    nothing.secret(b"CLIENT_RANDOM 00 00")
    assert nothing.records == nothing.secrets == b""
    small = Recorder(most=10)
    small.datagram(Side.CLIENT, CLIENT4, SERVER4, b"x", NOON)
    assert small.line(SERVER4, NOON) is None
    small.secret(b"CLIENT_RANDOM 00 00")
    assert small.secrets == b"CLIENT_RANDOM 00 00\n"


def test_much_is_written_before_a_connection_ends(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    writer = CaptureWriter(str(path))
    line = writer.line(SERVER4, NOON)
    assert line is not None
    line.bound(CLIENT4, NOON)
    line.opened(CLIENT4, NOON)
    assert path.stat().st_size == len(PCAP)
    line.carried(Side.SERVER, bytes(200_000), NOON)
    assert path.stat().st_size > 128 * 1024
    writer.close()
    assert sum(len(data) for data in streams(packets(path)).values()) == 200_000


@pytest.mark.parametrize("kind", KINDS[:4])
def test_a_file_that_was_torn_is_gone_on_with(tmp_path: Path, kind: str) -> None:
    """Wherever it is torn: whole packets stay, and new ones follow."""
    path = tmp_path / kind
    with CaptureWriterClosing(path) as writer:
        for text in (b"one", b"two"):
            writer.datagram(Side.CLIENT, CLIENT4, SERVER4, text, NOON)
    whole = path.read_bytes()
    kept = set()
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        with CaptureWriterClosing(path, append=True) as writer:
            writer.datagram(Side.CLIENT, CLIENT4, SERVER4, b"new", NOON)
        said = [bytes(packet.lastlayer())[-3:] for packet in packets(path)]
        assert said in ([b"new"], [b"one", b"new"], [b"one", b"two", b"new"])
        kept.add(len(said))
    assert kept == {1, 2, 3}


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("x.pcap", b"something else that somebody wrote"),
        ("x.pcap", PCAPNG),
        ("x.pcapng", PCAP),
        ("x.pcap.gz", b"not compressed"),
        ("x.pcap.gz", gzip.compress(b"something else")),
        ("x.pcap.gz", gzip.compress(b"")),
        ("x.pcap.gz", gzip.compress(b"something else")[:-4]),
    ],
)
def test_no_file_of_others_is_touched(tmp_path: Path, kind: str, content: bytes) -> None:
    (tmp_path / kind).write_bytes(content)
    for append in (False, True):
        with pytest.raises(InputError):
            CaptureWriter(str(tmp_path / kind), append=append)
        assert (tmp_path / kind).read_bytes() == content


@pytest.mark.parametrize("length", [0, 1, 11, 14])
def test_a_block_whose_length_cannot_be_ends_what_is_whole(tmp_path: Path, length: int) -> None:
    path = tmp_path / "x.pcapng"
    path.write_bytes(PCAPNG + struct.pack("<II", 6, length) + bytes(40))
    CaptureWriter(str(path), append=True).close()
    assert path.read_bytes() == PCAPNG


def test_what_is_there_is_not_overwritten_and_what_is_empty_is_used(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    path.touch()
    CaptureWriter(str(path)).close()
    with pytest.raises(InputError, match="is there already"):
        CaptureWriter(str(path))
    (tmp_path / "keys").touch(mode=0o644)
    KeyLogWriter(str(tmp_path / "keys")).close()
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("x.pcap.zst", "not compressed as .zst"),
        ("missing/x.pcap", "No such file"),
        ("", "Is a directory"),
        ("a\0b.pcap", "no NUL"),
    ],
)
def test_names_that_cannot_be(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        CaptureWriter(f"{tmp_path}/{name}")


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="is no regular file"):
        CaptureWriter(str(tmp_path / "pipe"))


def test_a_file_has_one_writer(tmp_path: Path) -> None:
    with CaptureWriterClosing(tmp_path / "x.pcap"), pytest.raises(InputError, match="being written already"):
        CaptureWriter(str(tmp_path / "x.pcap"), append=True)


def test_a_full_disk_leaves_what_was_whole_and_is_told_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, before, left = tmp_path / "x.pcap", os.pwrite, [150]

    def full(descriptor: int, data: Any, at: int) -> int:
        if not left[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        some = data[: left[0]]
        left[0] -= len(some)
        return before(descriptor, some, at)

    monkeypatch.setattr(os, "pwrite", full)
    writer = CaptureWriter(str(path))
    for number in range(9):
        writer.datagram(Side.CLIENT, CLIENT4, SERVER4, bytes([number] * 40), NOON)
    assert writer.problem is not None
    with pytest.raises(Unavailable, match="No space left on device") as raised:
        writer.close()
    assert "make room" in raised.value.hint
    assert [bytes(packet.lastlayer())[-1] for packet in packets(path)] == [0]


def test_a_disk_that_is_full_at_once_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "pwrite", refuse)
    monkeypatch.setattr(os, "ftruncate", refuse)
    with pytest.raises(Unavailable, match="Input/output error"):
        CaptureWriter(str(tmp_path / "x.pcap"))


def test_a_recording_writes_both_or_what_is_wanted(tmp_path: Path) -> None:
    assert recording(None, None) is None
    both = recording(str(tmp_path / "x.pcap"), str(tmp_path / "x.keys"))
    assert both is not None
    both.datagram(Side.CLIENT, CLIENT4, SERVER4, b"one", NOON)
    both.secret(b"CLIENT_RANDOM 00 01")
    recorder = Recorder()
    recorder.datagram(Side.CLIENT, CLIENT4, SERVER4, b"two", NOON)
    recorder.secret(b"CLIENT_RANDOM 00 02")
    both.add(bytes(recorder.records), bytes(recorder.secrets))
    both.add(b"", b"")
    assert both.problem is None
    both.close()
    assert len(packets(tmp_path / "x.pcap")) == 2
    assert (tmp_path / "x.keys").read_text() == "CLIENT_RANDOM 00 01\nCLIENT_RANDOM 00 02\n"
    assert stat.S_IMODE((tmp_path / "x.keys").stat().st_mode) == 0o600
    neither = Recording(None, None)
    assert neither.line(SERVER4, NOON) is None
    neither.datagram(Side.CLIENT, CLIENT4, SERVER4, b"", NOON)
    neither.secret(b"")
    neither.add(b"x", b"x")
    neither.close()


def test_where_one_of_both_cannot_be_had_the_other_is_free_again(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        recording(str(tmp_path / "x.pcap"), str(tmp_path / "missing" / "keys"))
    CaptureWriter(str(tmp_path / "x.pcap"), append=True).close()


def test_a_section_says_what_is_made(tmp_path: Path) -> None:
    CaptureWriter(str(tmp_path / "x.pcapng")).close()
    assert re.search(rb"payloads and times are true, the headers around them are synthesized", PCAPNG)
    assert (tmp_path / "x.pcapng").read_bytes() == PCAPNG
