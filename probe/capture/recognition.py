"""Is this RDP? What the first bytes of one side of a TCP connection say.

An X.224 Connection Request or Confirm, a preconnection PDU, MCS in X.224 data: only these begin RDP, or show it in its
middle. What else stands in TPKT (H.323, S7comm's data) is not RDP. TLS alone says nothing, and is RDP on no port.

Source: [MS-RDPBCGR] 2.2.1 and 5.3.9, [MS-RDPEPS] 2.2.1, RFC 1006, X.224 13, T.125 7 (the choices of DomainMCSPDU).
"""

from __future__ import annotations

from enum import Enum

from probe.handshake.machine import Side

ENOUGH = 64  # bytes of one side that always decide
_CR, _CC, _DR, _DT = 0xE0, 0xD0, 0x80, 0xF0
_X224_SIDES = {_CR: Side.CLIENT, _CC: Side.SERVER}
_CONNECT_INITIAL, _CONNECT_RESPONSE = b"\x7f\x65", b"\x7f\x66"  # BER application tags 101 and 102
# First octet, without the two low bits, of the DomainMCSPDUs that RDP uses.
_MCS_CLIENT = (0x04, 0x28, 0x38, 0x64)  # erectDomain, attachUserRequest, channelJoinRequest, sendDataRequest
_MCS_SERVER = (0x2C, 0x3C, 0x68)  # attachUserConfirm, channelJoinConfirm, sendDataIndication
_MCS_EITHER = (0x20,)  # disconnectProviderUltimatum
_LARGEST_CONNECT = 4096  # bytes; a Connection Request with its token is far smaller
_PRECONNECTION = (16, 18, 4096)  # cbSize: version 1, least and most of version 2


class Sight(Enum):
    """What the bytes are."""

    RDP = "rdp"
    OTHER = "other"
    OPEN = "open"  # too few to say


def sight(data: bytes) -> Sight:
    """What one side's first bytes are, in a stream that may begin in its middle (between messages)."""
    if not data:
        return Sight.OPEN
    if data[0] == 3:
        return _tpkt(data)
    return _preconnection(data)


def speaker(data: bytes) -> Side | None:
    """Who begins with such bytes: only a client, or only a server; None where either may."""
    if data[:2] == b"\x16\x03" and len(data) > 5:  # a TLS record with a handshake message
        return {1: Side.CLIENT, 2: Side.SERVER}.get(data[5])
    if _preconnection(data) is Sight.RDP:
        return Side.CLIENT
    if sight(data) is not Sight.RDP:
        return None
    if data[5] != _DT:
        return _X224_SIDES.get(data[5] & 0xF0)
    return _mcs_speaker(data)


def _mcs_speaker(data: bytes) -> Side | None:
    if data[7:9] in (_CONNECT_INITIAL, _CONNECT_RESPONSE):
        return Side.CLIENT if data[7:9] == _CONNECT_INITIAL else Side.SERVER
    choice = data[7] & 0xFC
    if choice in _MCS_EITHER:
        return None
    return Side.CLIENT if choice in _MCS_CLIENT else Side.SERVER


def _tpkt(data: bytes) -> Sight:
    """TPKT: version 3 | reserved 0 | length u16be, then X.224: length indicator | code | ..."""
    if len(data) < 6:
        return Sight.OPEN if data[1:2] in (b"", b"\0") else Sight.OTHER
    length, indicator, code = int.from_bytes(data[2:4], "big"), data[4], data[5]
    if data[1] != 0 or length < 7:
        return Sight.OTHER
    if code == _DT:
        return _data(data) if indicator == 2 else Sight.OTHER
    if code & 0xF0 in (_CR, _CC, _DR):
        return Sight.RDP if 6 <= indicator == length - 5 and length <= _LARGEST_CONNECT else Sight.OTHER
    return Sight.OTHER


def _data(data: bytes) -> Sight:
    if len(data) < 9:
        return Sight.OPEN
    if data[6] != 0x80:
        return Sight.OTHER
    if data[7:9] in (_CONNECT_INITIAL, _CONNECT_RESPONSE):
        return Sight.RDP
    return Sight.RDP if data[7] & 0xFC in _MCS_CLIENT + _MCS_SERVER + _MCS_EITHER else Sight.OTHER


def _preconnection(data: bytes) -> Sight:
    """Layout: cbSize u32le | flags 0 | version 1 or 2 | id | in version 2 cchPCB u16le and so many UTF-16 units."""
    head = data[:16]
    size = int.from_bytes(head[:4], "little")
    one, least, most = _PRECONNECTION
    if size > most or (len(head) >= 4 and size != one and size < least):
        return Sight.OTHER
    if any(head[4:8]) or head[8:12] not in _versions(len(head[8:12]), size):
        return Sight.OTHER
    return Sight.RDP if len(head) == 16 else Sight.OPEN


def _versions(length: int, size: int) -> tuple[bytes, ...]:
    known = (b"\1\0\0\0",) if size == _PRECONNECTION[0] else (b"\1\0\0\0", b"\2\0\0\0")
    return tuple(version[:length] for version in known)
