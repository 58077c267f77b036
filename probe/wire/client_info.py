"""The Client Info PDU: who wants to log on, where that is known. This program fills in nobody.

Source: [MS-RDPBCGR] 2.2.1.11.1.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from typing import Self

from probe.wire.cursor import Reader, Writer

_END = b"\0\0"  # of a text in UTF-16
_TIME_ZONE = 172  # bytes of TS_TIME_ZONE_INFORMATION
_AF_INET = 2


class InfoFlag(IntFlag):
    """flags of TS_INFO_PACKET, those that a plain client sets and the one that asks for a logon."""

    MOUSE = 0x0001
    DISABLECTRLALTDEL = 0x0002
    AUTOLOGON = 0x0008  # never set here: it asks the server to log on the user whose name and password are sent
    UNICODE = 0x0010
    MAXIMIZESHELL = 0x0020


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientInfo:
    """TS_INFO_PACKET: by default that of a client without a user, whose server is to show its login screen.

    Texts are octets as sent, UTF-16LE where INFO_UNICODE is set, each without the NUL behind it. `extra` is the
    extended info packet, which every version but RDP 4.0 sends.
    Layout: CodePage u32 | flags u32 | cbDomain u16 | cbUserName u16 | cbPassword u16 | cbAlternateShell u16 |
    cbWorkingDir u16, little-endian | the five texts, each with a NUL that its length does not count | extraInfo.
    Source: [MS-RDPBCGR] 2.2.1.11.1.1.
    """

    code_page: int = 0
    flags: int = InfoFlag.MOUSE | InfoFlag.DISABLECTRLALTDEL | InfoFlag.UNICODE | InfoFlag.MAXIMIZESHELL
    domain: bytes = b""
    user_name: bytes = b""
    password: bytes = b""
    alternate_shell: bytes = b""
    working_dir: bytes = b""
    ends: bytes = _END * 5  # what stands behind each text, two bytes each (one without INFO_UNICODE); zero is due
    extra: bytes = b""

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        code_page, flags = r.u32le("CodePage"), r.u32le("flags")
        names = ("Domain", "UserName", "Password", "AlternateShell", "WorkingDir")
        sizes = [r.u16le(f"cb{name}") for name in names]
        end = _width(flags)
        texts, ends = [], b""
        for name, size in zip(names, sizes, strict=True):
            texts.append(r.take(size, name))
            ends += r.take(end, name)
        domain, user_name, password, shell, directory = texts
        return cls(
            code_page=code_page,
            flags=flags,
            domain=domain,
            user_name=user_name,
            password=password,
            alternate_shell=shell,
            working_dir=directory,
            ends=ends,
            extra=r.rest(),
        )

    def write(self, w: Writer) -> None:
        w.u32le(self.code_page)
        w.u32le(self.flags)
        texts = (self.domain, self.user_name, self.password, self.alternate_shell, self.working_dir)
        for text in texts:
            w.u16le(len(text))
        end = _width(self.flags)
        for index, text in enumerate(texts):
            w.raw(text)
            w.raw(self.ends[index * end : (index + 1) * end])
        w.raw(self.extra)


def _width(flags: int) -> int:
    """Bytes of the NUL behind a text."""
    return len(_END) if flags & InfoFlag.UNICODE else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendedInfo:
    """TS_EXTENDED_INFO_PACKET: by default of a client that tells neither its address, its files nor its time zone.

    Texts are octets as sent, with their NUL, which their lengths count.
    Layout: clientAddressFamily u16 | cbClientAddress u16 | clientAddress | cbClientDir u16 | clientDir |
    clientTimeZone, 172 bytes | clientSessionId u32 | performanceFlags u32 | what newer versions add; little-endian.
    Source: [MS-RDPBCGR] 2.2.1.11.1.1.1.
    """

    address_family: int = _AF_INET
    address: bytes = _END
    directory: bytes = _END
    time_zone: bytes = bytes(_TIME_ZONE)
    session_id: int = 0
    performance_flags: int = 0
    rest: bytes = b"\0\0"  # cbAutoReconnectCookie: none

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        family = r.u16le("clientAddressFamily")
        address = r.take(r.u16le("cbClientAddress"), "clientAddress")
        directory = r.take(r.u16le("cbClientDir"), "clientDir")
        return cls(
            address_family=family,
            address=address,
            directory=directory,
            time_zone=r.take(_TIME_ZONE, "clientTimeZone"),
            session_id=r.u32le("clientSessionId"),
            performance_flags=r.u32le("performanceFlags"),
            rest=r.rest(),
        )

    def write(self, w: Writer) -> None:
        w.u16le(self.address_family)
        for text in (self.address, self.directory):
            w.u16le(len(text))
            w.raw(text)
        w.raw(self.time_zone)
        w.u32le(self.session_id)
        w.u32le(self.performance_flags)
        w.raw(self.rest)
