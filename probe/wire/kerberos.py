"""What a client's first Kerberos message inside SPNEGO asks for: the service, and its realm. Nothing secret is read.

A GSS-API token holds a KRB_AP_REQ, whose ticket is for a service; or, where the client's key is to be used, a
KRB_TGT_REQ, which names it.
Source: RFC 4120 sections 5.2.2, 5.3 and 5.5.1, RFC 4121 section 4.1, draft-swift-win2k-krb-user2user section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from probe.wire.asn1 import OBJECT_IDENTIFIER, SEQUENCE, ber_enter, context
from probe.wire.cursor import Reader

_TOKEN = 0x60  # [APPLICATION 0], RFC 2743 section 3.1
_GENERAL_STRING = 0x1B
_AP_REQ, _TICKET = 0x6E, 0x61  # [APPLICATION 14] and [APPLICATION 1]
_MOST_NAMES = 8  # of a principal; a service has two


@dataclass(frozen=True, slots=True, kw_only=True)
class KerberosService:
    """The service that a client's token is for: "TERMSRV/srv1.example", and the realm where that is said."""

    AP_REQ: ClassVar[int] = 0x0100  # TOK_ID
    TGT_REQ: ClassVar[int] = 0x0400

    service: str
    realm: str | None = None

    @classmethod
    def of(cls, r: Reader) -> Self:
        """Read a GSS-API token as far as the names. Raises Truncated, InvalidField or TooLong."""
        token = ber_enter(r, _TOKEN, "token", [])
        ber_enter(token, OBJECT_IDENTIFIER, "thisMech", [])
        kind = token.u16be("TOK_ID")
        if kind == cls.AP_REQ:
            return cls._of_ticket(ber_enter(ber_enter(token, _AP_REQ, "AP-REQ", []), SEQUENCE, "AP-REQ", []))
        token.expect("TOK_ID", kind, cls.TGT_REQ)
        return cls._of_names(ber_enter(token, SEQUENCE, "KRB-TGT-REQ", []), name_at=2, realm_at=3)

    @classmethod
    def _of_ticket(cls, request: Reader) -> Self:
        """AP-REQ: pvno [0], msg-type [1], ap-options [2], ticket [3]. Ticket: tkt-vno [0], realm [1], sname [2]."""
        for number in range(3):
            ber_enter(request, context(number), "AP-REQ", [])
        ticket = ber_enter(request, context(3), "ticket", [])
        body = ber_enter(ber_enter(ticket, _TICKET, "Ticket", []), SEQUENCE, "Ticket", [])
        ber_enter(body, context(0), "tkt-vno", [])
        realm = _string(ber_enter(body, context(1), "realm", []), "realm")
        return cls(service=_principal(ber_enter(body, context(2), "sname", [])), realm=realm)

    @classmethod
    def _of_names(cls, body: Reader, *, name_at: int, realm_at: int) -> Self:
        """KRB-TGT-REQ: pvno [0], msg-type [1], server-name [2], realm [3]; the last two are optional."""
        service, realm = "", None
        while body.remaining:
            number = body.peek(1)[0]
            field = ber_enter(body, number, "KRB-TGT-REQ", [])
            if number == context(name_at):
                service = _principal(field)
            elif number == context(realm_at):
                realm = _string(field, "realm")
        return cls(service=service, realm=realm)


def _principal(r: Reader) -> str:
    """PrincipalName: SEQUENCE { name-type [0], name-string [1] SEQUENCE OF GeneralString }."""
    body = ber_enter(r, SEQUENCE, "PrincipalName", [])
    ber_enter(body, context(0), "name-type", [])
    names = ber_enter(ber_enter(body, context(1), "name-string", []), SEQUENCE, "name-string", [])
    found: list[str] = []
    while names.remaining and len(found) < _MOST_NAMES:
        found.append(_string(names, "name-string"))
    return "/".join(found)


def _string(r: Reader, field: str) -> str:
    return ber_enter(r, _GENERAL_STRING, field, []).rest().decode("utf-8", "replace")
