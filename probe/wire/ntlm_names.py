"""Whom an NTLM AUTHENTICATE names. Its responses, MIC and key are passed over and kept nowhere.

Source: [MS-NLMP] 2.2.1.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from probe.wire.cursor import Reader
from probe.wire.ntlm import SIGNATURE, MessageType, NegotiateFlag, PayloadField

_UNICODE = int(NegotiateFlag.UNICODE)


@dataclass(frozen=True, slots=True, kw_only=True)
class NtlmNames:
    """Who wants to log on, as the client says it; a name that was left empty is None.

    Layout: Signature 8 | MessageType u32 = 3 | LmChallengeResponseFields 8 | NtChallengeResponseFields 8 |
    DomainNameFields 8 | UserNameFields 8 | WorkstationFields 8 | EncryptedRandomSessionKeyFields 8 |
    NegotiateFlags u32 | payload.
    """

    user: str | None = None
    domain: str | None = None
    workstation: str | None = None

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Read a whole AUTHENTICATE_MESSAGE. Raises Truncated or InvalidField."""
        r = Reader(data, "AUTHENTICATE_MESSAGE")
        r.expect("Signature", int.from_bytes(r.take(8, "Signature"), "big"), int.from_bytes(SIGNATURE, "big"))
        r.expect("MessageType", r.u32le("MessageType"), MessageType.AUTHENTICATE)
        r.take(16, "LmChallengeResponseFields and NtChallengeResponseFields")
        domain, user, workstation = (PayloadField.read(r) for _ in range(3))
        r.take(8, "EncryptedRandomSessionKeyFields")
        unicode = bool(r.u32le("NegotiateFlags") & _UNICODE)
        return cls(
            user=_text(data, user, unicode=unicode),
            domain=_text(data, domain, unicode=unicode),
            workstation=_text(data, workstation, unicode=unicode),
        )


def _text(data: bytes, where: PayloadField, *, unicode: bool) -> str | None:
    if not where.length:
        return None
    r = Reader(data, "AUTHENTICATE_MESSAGE")
    r.take(where.offset, "BufferOffset")
    return r.take(where.length, "name").decode("utf-16-le" if unicode else "ascii", "replace")
