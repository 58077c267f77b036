from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.l2 import Ether
from scapy.utils import PcapNgWriter

from probe.capture.frame import Frame
from probe.capture.pcapng import PcapNg
from probe.capture.window import Window
from probe.handshake.key_log import KeyLog
from tests.capture.files import Blocks, read_pcapng

LITTLE, BIG = Blocks("<"), Blocks(">")
AT = 1_700_000_000_250_000  # microseconds
START = LITTLE.section() + LITTLE.interface()
BOTH = pytest.mark.parametrize("blocks", [LITTLE, BIG], ids=["little", "big"])


@BOTH
def test_packets_of_all_three_blocks_are_given(blocks: Blocks) -> None:
    file = blocks.section() + blocks.interface(link=113) + blocks.enhanced(b"one", ticks=AT, length=60)
    file += blocks.simple(b"two", 3) + blocks.obsolete(b"three", ticks=AT + 1_000_000)
    frames, reader = read_pcapng(file)
    at = 1_700_000_000.25
    assert frames == [
        Frame(1, at, 113, b"one", 60), Frame(2, at, 113, b"two", 3), Frame(3, at + 1, 113, b"three", 6),
    ]  # fmt: skip
    assert not reader.notices


def test_sections_have_their_own_byte_order_and_interfaces_and_numbers_go_on() -> None:
    file = b""
    for link, blocks in enumerate((LITTLE, BIG, LITTLE)):
        file += blocks.section(length=-1) + blocks.interface(link) + blocks.interface(link + 100)
        file += blocks.enhanced(b"a") + blocks.enhanced(b"b", interface=1)
    for step in (1, 7, 1000):
        frames, reader = read_pcapng(file, step)
        assert [(frame.number, frame.link_type) for frame in frames] == [
            (1, 0), (2, 100), (3, 1), (4, 101), (5, 2), (6, 102),
        ]  # fmt: skip
        assert not reader.notices


@BOTH
@pytest.mark.parametrize(
    ("resolution", "ticks", "at"),
    [
        (6, AT, 1_700_000_000.25),
        (9, AT * 1000 + 7, 1_700_000_000.25),
        (0, 1_700_000_000, 1_700_000_000),
        (3, 1_700_000_000_125, 1_700_000_000.125),
        (0x80 | 20, 1_700_000_000 << 20 | 1 << 19, 1_700_000_000.5),
        (0x80 | 0, 5, 5),
        (127, 1, 0),
    ],
)
def test_times_have_the_resolution_of_their_interface(blocks: Blocks, resolution: int, ticks: int, at: float) -> None:
    options = blocks.option(2, b"eth0") + blocks.option(9, bytes((resolution,))) + blocks.option(0, b"")
    frames, _ = read_pcapng(blocks.section() + blocks.interface(options=options) + blocks.enhanced(b"", ticks=ticks))
    assert frames[0].at == pytest.approx(at, abs=3e-7, rel=0)


@BOTH
def test_times_are_shifted_by_the_offset_of_their_interface(blocks: Blocks) -> None:
    options = blocks.option(14, struct.pack(blocks.order + "q", -100))
    file = blocks.section() + blocks.interface(options=options) + blocks.enhanced(b"", ticks=AT)
    assert read_pcapng(file)[0][0].at == 1_699_999_900.25


def test_options_that_do_not_fit_are_passed_over() -> None:
    for options in (LITTLE.option(9, b""), LITTLE.option(14, b"abc"), b"\x09\x00\xff\xff\x03", b"\x09\x00"):
        frames, reader = read_pcapng(
            LITTLE.section() + LITTLE.interface(options=options) + LITTLE.enhanced(b"", ticks=AT)
        )
        assert frames[0].at == 1_700_000_000.25
        assert not reader.notices


@pytest.mark.parametrize("resolution", [0, 3])
def test_a_time_beyond_all_calendars_is_that_of_the_packet_before(resolution: int) -> None:
    later = LITTLE.interface(options=LITTLE.option(9, bytes((resolution,))))
    file = START + later + LITTLE.enhanced(b"", ticks=AT) + 2 * LITTLE.enhanced(b"", ticks=2**64 - 1, interface=1)
    frames, reader = read_pcapng(file)
    assert [frame.at for frame in frames] == [1_700_000_000.25] * 3
    assert reader.notices == ["packet 2 has a time that cannot be: it is given that of the packet before"]


def test_a_simple_packet_is_cut_to_the_snaplen_of_the_first_interface() -> None:
    file = (
        LITTLE.section() + LITTLE.interface(snaplen=6) + LITTLE.simple(b"123456xx", 1500) + LITTLE.simple(b"12345", 5)
    )
    assert [(frame.data, frame.length) for frame in read_pcapng(file)[0]] == [(b"123456", 1500), (b"12345", 5)]


def test_a_packet_of_no_known_interface_is_passed_over_but_numbered() -> None:
    blocks = [LITTLE.enhanced(b"x", interface=1), LITTLE.obsolete(b"x", interface=9), LITTLE.enhanced(b"y")]
    frames, reader = read_pcapng(START + b"".join(blocks))
    assert [(frame.number, frame.data) for frame in frames] == [(3, b"y")]
    assert reader.notices == ["packet 1 is of an interface that is not described: it is passed over"]


@BOTH
def test_secrets_go_to_the_key_log(blocks: Blocks) -> None:
    random, secret = bytes(range(32)), bytes(48)
    line = b"CLIENT_RANDOM " + random.hex().encode() + b" " + secret.hex().encode() + b"\n"
    log = KeyLog()
    file = blocks.section() + blocks.secrets(line) + blocks.secrets(b"other", kind=0x57474B4C)
    _, reader = read_pcapng(file, secrets=log)
    assert log.of(random) == {"CLIENT_RANDOM": secret}
    assert reader.secrets is log


def test_secrets_are_not_taken_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.capture.pcapng._MOST_SECRETS", 500)
    line = b"CLIENT_RANDOM " + b"ab" * 32 + b" " + b"cd" * 48
    frames, reader = read_pcapng(START + 5 * LITTLE.secrets(line) + LITTLE.enhanced(b""))
    assert (len(frames), reader.secrets.taken) == (1, 2)
    assert reader.notices == ["more than 32 MiB of TLS secrets: the later ones are not used"]


def test_other_blocks_are_passed_over_and_some_of_them_are_numbered_as_in_wireshark() -> None:
    others = [LITTLE.block(kind, b"1234") for kind in (4, 5, 0x999, 0x80000001)]
    numbered = [LITTLE.block(kind, b"1234") for kind in (9, 0xBAD, 0x40000BAD, 0x204)]
    frames, reader = read_pcapng(
        START + b"".join(others) + LITTLE.enhanced(b"") + b"".join(numbered) + LITTLE.enhanced(b"")
    )
    assert [frame.number for frame in frames] == [1, 6]
    assert not reader.notices


def test_a_very_large_block_of_no_interest_is_passed_over_without_keeping_it() -> None:
    size = 12 + (20 << 20)
    head, tail = struct.pack("<II", 0xBAD, size), struct.pack("<I", size)

    left = [START + head, *[bytes(1 << 16)] * 320, tail + LITTLE.enhanced(b"behind it")]

    class Source:
        def read(self, size: int, /) -> bytes:
            return left.pop(0) if left else b""

    tracemalloc.start()
    frames = list(PcapNg(Window(Source())))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [(frame.number, frame.data) for frame in frames] == [(2, b"behind it")]
    assert peak < 1 << 20
    _, reader = read_pcapng(START + head + bytes(100))
    assert reader.notices == ["the file ends inside a block that begins at byte 48"]


def _start(kind: int, size: int) -> bytes:
    return struct.pack("<II", kind, size) + bytes(50)


BLOCK = LITTLE.enhanced(b"12345678")
DAMAGED = {
    "a block at byte 96 has a length of 4294967292 bytes, which cannot be": _start(6, 0xFFFFFFFC),
    "a block at byte 96 has a length of 4294967288 bytes, which cannot be": _start(99, 0xFFFFFFF8),
    "a block at byte 96 has a length of 0 bytes, which cannot be": _start(6, 0),
    "a block at byte 96 has a length of 8 bytes, which cannot be": _start(6, 8),
    "a block at byte 96 has a length of 30 bytes, which cannot be": _start(6, 30),
    "a block at byte 96 of 52 bytes has another length at its end": LITTLE.enhanced(b"12345678")[:-4] + bytes(8),
    "a block at byte 96 is too short for a packet": LITTLE.block(6, bytes(16)),
    "a block at byte 96 cannot hold a packet of 200 bytes": LITTLE.block(6, bytes(12) + b"\xc8\0\0\0" + bytes(104)),
    "a block at byte 96 is too short for an interface": LITTLE.block(1, bytes(4)),
    "a block at byte 96 is too short for secrets": LITTLE.block(10, bytes(4)),
    "a block at byte 96 begins a section without saying its byte order": LITTLE.block(0x0A0D0D0A, bytes(20)),
}  # fmt: skip


@pytest.mark.parametrize("what", DAMAGED)
@pytest.mark.parametrize("step", [1, 13, None])
def test_what_stands_before_damage_is_given(what: str, step: int | None) -> None:
    file = START + LITTLE.enhanced(b"1234")[:48]
    assert len(file) == 96
    frames, reader = read_pcapng(file + DAMAGED[what] + BLOCK, step)
    assert [frame.data for frame in frames] == [b"1234"]
    assert reader.notices == [what + ": the rest is not read"]
    assert reader.damaged


def test_a_simple_packet_without_its_length_is_damage() -> None:
    _, reader = read_pcapng(START + LITTLE.block(3, b""))
    assert reader.notices == ["a block at byte 48 is too short for a packet: the rest is not read"]


def test_interfaces_are_not_described_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.capture.pcapng._MOST_INTERFACES", 3)
    frames, reader = read_pcapng(LITTLE.section() + 4 * LITTLE.interface() + LITTLE.enhanced(b""))
    assert not frames
    assert reader.notices == ["a block at byte 88 describes one interface more than 3: the rest is not read"]


@pytest.mark.parametrize("kind", ["enhanced", "section", "other"])
def test_a_file_may_end_anywhere(kind: str) -> None:
    last = {"enhanced": BLOCK, "section": BIG.section(), "other": LITTLE.block(5, bytes(12))}[kind]
    before = START + BLOCK
    for cut in range(1, len(last)):
        for step in (1, None):
            frames, reader = read_pcapng(before + last[:-cut], step)
            assert [frame.data for frame in frames] == [b"12345678"]
            assert reader.truncated
            inside = "packet 2, which" if kind == "enhanced" and len(last) - cut >= 12 else "a block that"
            assert reader.notices == [f"the file ends inside {inside} begins at byte {len(before)}"]


_blocks = st.sampled_from([LITTLE, BIG])


@st.composite
def _files(draw: st.DrawFn) -> bytes:
    file = b""
    for _ in range(draw(st.integers(1, 3))):
        blocks = draw(_blocks)
        one = st.one_of(
            st.builds(blocks.interface, st.integers(0, 65535), st.integers(0, 50)),
            st.builds(
                blocks.enhanced, st.binary(max_size=30), ticks=st.integers(0, 2**64 - 1), interface=st.integers(0, 3)
            ),
            st.builds(blocks.simple, st.binary(max_size=30), st.integers(0, 50)),
            st.builds(blocks.obsolete, st.binary(max_size=30), ticks=st.integers(0, 2**64 - 1)),
            st.builds(blocks.secrets, st.binary(max_size=30)),
            st.builds(blocks.block, st.integers(0, 20), st.binary(max_size=30)),
        )
        file += blocks.section() + b"".join(draw(st.lists(one, max_size=6)))
    return file


@given(_files(), st.integers(1, 60), st.data())
def test_split_and_damaged_as_one_likes(file: bytes, step: int, data: st.DataObject) -> None:
    damaged = bytearray(file)
    for _ in range(data.draw(st.integers(0, 3))):
        damaged[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.sampled_from([0, 1, 4, 0x7F, 0x80, 0xFF]))
    whole, all_at_once = read_pcapng(bytes(damaged))
    frames, reader = read_pcapng(bytes(damaged), step)
    assert frames == whole
    assert reader.notices == all_at_once.notices


@given(st.binary(max_size=300))
def test_no_bytes_raise(data: bytes) -> None:
    for start in (b"", LITTLE.section()[:4], START, BIG.section()):
        frames, reader = read_pcapng(start + data)
        assert len(frames) <= reader.count


def test_what_scapy_writes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    writer = PcapNgWriter(str(path))
    for number in range(5):
        packet = Ether(b"\xff" * 12 + b"\x08\x00" + bytes(number))
        packet.time = 1_700_000_000.125 + number
        writer.write(packet)
    writer.close()
    frames, reader = read_pcapng(path.read_bytes())
    assert [frame.at for frame in frames] == [1_700_000_000.125 + number for number in range(5)]
    assert [frame.data for frame in frames] == [b"\xff" * 12 + b"\x08\x00" + bytes(number) for number in range(5)]
    assert not reader.notices
