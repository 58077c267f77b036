"""What a server says first under RDSTLS and RDS-AAD: eight bytes of capabilities, or a nonce in JSON.

Neither protocol frames its messages: the RDSTLS type fixes the length, and a NUL byte ends the nonce.

Source: [MS-RDPBCGR] 2.2.17 and 2.2.18.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar, Self

from probe.wire.cursor import Reader, Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class RdstlsCapabilities:
    """RDSTLS Capabilities: the versions that the server speaks, one bit each; FreeRDP 3 sets a second.

    Layout: Version u16 | PduType u16 = 1 | DataType u16 | SupportedVersions u16, little-endian.
    Source: [MS-RDPBCGR] 2.2.17.1.
    """

    PDU_TYPE: ClassVar[int] = 1

    version: int = 1
    data_type: int = 1
    supported_versions: int = 1

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated or InvalidField."""
        version = r.u16le("Version")
        r.expect("PduType", r.u16le("PduType"), cls.PDU_TYPE)
        return cls(
            version=version,
            data_type=r.u16le("DataType"),
            supported_versions=r.u16le("SupportedVersions"),
        )

    def write(self, w: Writer) -> None:
        w.u16le(self.version)
        w.u16le(self.PDU_TYPE)
        w.u16le(self.data_type)
        w.u16le(self.supported_versions)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownRdstls:
    """An RDSTLS PDU other than the capabilities. Its length is not known, so it holds all that came.

    Layout: Version u16 | PduType u16, little-endian | body.
    Source: [MS-RDPBCGR] 2.2.17.
    """

    pdu_type: int
    body: bytes
    version: int = 1

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        return cls(version=r.u16le("Version"), pdu_type=r.u16le("PduType"), body=r.rest())

    def write(self, w: Writer) -> None:
        w.u16le(self.version)
        w.u16le(self.pdu_type)
        w.raw(self.body)


def read_rdstls(r: Reader) -> RdstlsCapabilities | UnknownRdstls:
    """Read the PDU that a server opens RDSTLS with; bytes behind capabilities stay unread.

    Raises Truncated: more bytes may make it whole.
    """
    head = Reader(r.peek(4), r.structure)
    head.u16le("Version")
    if head.u16le("PduType") == RdstlsCapabilities.PDU_TYPE:
        return RdstlsCapabilities.read(r)
    return UnknownRdstls.read(r)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerNonce:
    """RDS-AAD Server Nonce: what an Entra ID client must sign.

    Layout: JSON text in UTF-8, {"ts_nonce":"…"} | NUL.
    Source: [MS-RDPBCGR] 2.2.18.1.
    """

    END: ClassVar[bytes] = b"\0"

    text: bytes  # as sent, without NUL

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated until NUL has come."""
        text, _, _ = r.peek(r.remaining).partition(cls.END)
        message = cls(text=r.take(len(text), "nonce"))
        r.take(len(cls.END), "NUL")
        return message

    def write(self, w: Writer) -> None:
        w.raw(self.text)
        w.raw(self.END)

    @property
    def ts_nonce(self) -> str | None:
        """The nonce, always encodable; None where the text is not such JSON. Never raises."""
        try:
            message = json.loads(self.text.decode())
        except (ValueError, RecursionError):  # not UTF-8, not JSON, endless digits; nested deeper than the stack
            return None
        nonce = message.get("ts_nonce") if isinstance(message, dict) else None
        if not isinstance(nonce, str):
            return None
        return nonce.encode(errors="replace").decode()  # JSON can spell half a surrogate pair
