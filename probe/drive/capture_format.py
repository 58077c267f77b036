"""pcap and pcapng as bytes: what `--pcap-out` writes, and where a file of ours is whole.

Packets are IP without a link layer (LINKTYPE_RAW), with nanoseconds. Formats: draft-ietf-opsawg-pcap,
draft-ietf-opsawg-pcapng, [RFC 1952].
"""

from __future__ import annotations

import mmap
import struct
import zlib
from collections.abc import Iterator

_LINKTYPE_RAW = 101
_SNAPLEN = 262144  # bytes; none of our packets is as long
PCAP = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, _SNAPLEN, _LINKTYPE_RAW)  # the magic number of nanoseconds
_RECORD = struct.Struct("<IIII")  # seconds, nanoseconds, captured length, length
_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6  # blocks of pcapng
_COMMENT, _USER_APPLICATION, _TSRESOL = 1, 4, 9  # options of them
_REMARK = "made by a live audit: payloads and times are true, the headers around them are synthesized"
_GZIP = b"\x1f\x8b\x08"
_CHUNK = 1 << 20
PER_S = 1_000_000_000


def record(moment: int, packet: bytes) -> bytes:
    """One packet as pcap has it, at nanoseconds since 1970."""
    seconds, rest = divmod(moment, PER_S)
    return _RECORD.pack(seconds, rest, len(packet), len(packet)) + packet


def _head() -> bytes:
    """A section of unknown length, and its one interface."""
    section = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
    about = _option(_COMMENT, _REMARK.encode()) + _option(_USER_APPLICATION, b"rdp-probe") + _option(0, b"")
    interface = struct.pack("<HHI", _LINKTYPE_RAW, 0, _SNAPLEN) + _option(_TSRESOL, b"\x09") + _option(0, b"")
    return _block(_SECTION, section + about) + _block(_INTERFACE, interface)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def _block(kind: int, body: bytes) -> bytes:
    body += b"\0" * (-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def blocks(records: bytes | bytearray) -> Iterator[bytes]:
    """Records of a pcap as Enhanced Packet Blocks."""
    at = 0
    while at < len(records):
        seconds, rest, length, original = _RECORD.unpack_from(records, at)
        begin, at = at + _RECORD.size, at + _RECORD.size + length
        high, low = divmod(seconds * PER_S + rest, 1 << 32)
        yield _block(_PACKET, struct.pack("<IIIII", 0, high, low, length, original) + records[begin:at])


def whole_until(content: mmap.mmap, head: bytes, *, is_gzip: bool) -> int | None:
    """How many bytes of a file of ours are whole records; None where it is none of ours."""
    if is_gzip:
        return _whole_members(content, head)
    begin = content[: len(head)]
    if begin != head:
        return 0 if head.startswith(begin) else None
    is_pcapng, at = head != PCAP, len(head)
    while True:
        if is_pcapng:
            length = int.from_bytes(content[at + 4 : at + 8], "little")
            length = 0 if length < 12 or length % 4 else length
        else:
            captured = int.from_bytes(content[at + 8 : at + 12], "little")
            length = _RECORD.size + captured if at + _RECORD.size <= len(content) else 0
        if not length or at + length > len(content):
            return at
        at += length


def _whole_members(content: mmap.mmap, head: bytes) -> int | None:
    """As `whole_until`, of members of gzip."""
    magic = content[: len(_GZIP)]
    if not _GZIP.startswith(magic):
        return None
    whole, begin = 0, b""
    while whole < len(content):
        end, plain = _member(content, whole)
        begin += plain[: len(head) - len(begin)]
        if begin != head[: len(begin)] or (end is not None and not plain):
            return None
        if end is None:
            return whole
        whole = end
    return whole


def _member(content: mmap.mmap, at: int) -> tuple[int | None, bytes]:
    """Where a member ends, None where it is torn; and what it begins with."""
    inflater, plain = zlib.decompressobj(wbits=31), b""
    while at < len(content) and not inflater.eof:
        try:
            some = inflater.decompress(content[at : at + _CHUNK])
        except zlib.error:
            break
        plain = plain or some
        at += _CHUNK
    return (min(at, len(content)) - len(inflater.unused_data) if inflater.eof else None), plain


PCAPNG = _head()
