"""SPNEGO tokens: which security mechanisms a client offers inside CredSSP, and which one the server takes.

A negoToken need not be SPNEGO: clients that can only use NTLM send its messages bare, and servers answer in
kind. `read_token` tells them apart.

Source: RFC 4178 section 4.2, [MS-SPNG] 2.2.1, RFC 2743 section 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self, TypeVar

from probe.wire.asn1 import (
    BIT_STRING,
    ENUMERATED,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    Asn1Writer,
    Forms,
    ber_enter,
    ber_integer,
    context,
)
from probe.wire.cursor import OpenIntEnum, Reader, Writer

SPNEGO = bytes.fromhex("2b0601050502")  # 1.3.6.1.5.5.2
NTLM = bytes.fromhex("2b06010401823702020a")  # 1.3.6.1.4.1.311.2.2.10
KERBEROS = bytes.fromhex("2a864886f712010202")  # 1.2.840.113554.1.2.2
MS_KERBEROS = bytes.fromhex("2a864882f712010202")  # 1.2.840.48018.1.2.2, Kerberos with one bit lost in Windows 2000
KERBEROS_U2U = bytes.fromhex("2a864886f71201020203")  # 1.2.840.113554.1.2.2.3
NEGOEX = bytes.fromhex("2b06010401823702021e")  # 1.3.6.1.4.1.311.2.2.30

MECHANISMS: dict[bytes, str] = {
    NTLM: "NTLM",
    KERBEROS: "Kerberos",
    MS_KERBEROS: "MS-Kerberos",
    KERBEROS_U2U: "Kerberos U2U",
    NEGOEX: "NegoEx",
}

_LARGEST_ARC = 1 << 128  # UUID arcs reach it; beyond it a number would only cost time


def mechanism_name(oid: bytes) -> str:
    """A mechanism's name; dotted decimal for one without, "0x…" for octets that are no object identifier.

    `oid` is the content of the OBJECT IDENTIFIER. Never raises.
    """
    return MECHANISMS.get(oid) or _dotted(oid) or f"0x{oid.hex()}"


def _dotted(oid: bytes) -> str:
    arcs, arc = list[int](), 0
    for octet in oid:
        arc = arc << 7 | octet & 0x7F
        if arc > _LARGEST_ARC:
            return ""
        if octet < 0x80:
            arcs.append(arc)
            arc = 0
    if not oid or oid[-1] >= 0x80:
        return ""
    top = min(arcs[0] // 40, 2)  # the first two arcs share one number
    return ".".join(str(arc) for arc in (top, arcs[0] - 40 * top, *arcs[1:]))


def read_tagged(r: Reader, number: int, tag: int, name: str, forms: Forms) -> bytes | None:
    """The content of the one element inside [number]; None where [number] is absent.

    Raises Truncated, InvalidField or TooLong.
    """
    if r.peek(1) != bytes([context(number)]):
        return None
    outer = ber_enter(r, context(number), name, forms)
    content = ber_enter(outer, tag, name, forms).rest()
    outer.end()
    return content


def write_tagged(w: Asn1Writer, number: int, tag: int, content: bytes | None) -> None:
    """One element inside [number]; nothing for None."""
    if content is not None:
        with w.element(context(number)):
            w.octets(content, tag)


@dataclass(frozen=True, slots=True, kw_only=True)
class NegTokenInit:
    """What a client offers: its mechanisms, best first, and a token made for the first of them.

    Layout: 60 L, 06 L SPNEGO, [0] SEQUENCE { mechTypes [0] SEQUENCE OF OBJECT IDENTIFIER, reqFlags [1] BIT STRING?,
    mechToken [2] OCTET STRING?, mechListMIC [3] OCTET STRING? }. The server-first form, NegTokenInit2, has no
    place in CredSSP and is not read.
    Source: RFC 4178 section 4.2.1, [MS-SPNG] 2.2.1.
    """

    TAG: ClassVar[int] = 0x60  # [APPLICATION 0], RFC 2743 section 3.1

    mech_types: tuple[bytes, ...]  # contents of the OBJECT IDENTIFIERs
    req_flags: bytes | None = None  # content of the BIT STRING, its count of unused bits first
    mech_token: bytes | None = None
    mech_list_mic: bytes | None = None
    unknown: bytes = b""  # what the SEQUENCE holds behind the fields above
    forms: tuple[int, ...] = field(default=(), compare=False, repr=False)  # widths, see `probe.wire.asn1`

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated, InvalidField or TooLong."""
        forms: Forms = []
        token = ber_enter(r, cls.TAG, "token", forms)
        if ber_enter(token, OBJECT_IDENTIFIER, "thisMech", forms).rest() != SPNEGO:
            raise token.invalid("thisMech", "not SPNEGO")
        choice = ber_enter(token, context(0), "negTokenInit", forms)
        body = ber_enter(choice, SEQUENCE, "negTokenInit", forms)
        message = cls(
            mech_types=_read_mech_types(body, forms),
            req_flags=read_tagged(body, 1, BIT_STRING, "reqFlags", forms),
            mech_token=read_tagged(body, 2, OCTET_STRING, "mechToken", forms),
            mech_list_mic=read_tagged(body, 3, OCTET_STRING, "mechListMIC", forms),
            unknown=body.rest(),
            forms=tuple(forms),
        )
        choice.end()
        token.end()
        return message

    def write(self, w: Writer) -> None:
        out = Asn1Writer(self.forms)
        with out.element(self.TAG):
            out.octets(SPNEGO, OBJECT_IDENTIFIER)
            with out.element(context(0)), out.element(SEQUENCE):
                with out.element(context(0)), out.element(SEQUENCE):
                    for oid in self.mech_types:
                        out.octets(oid, OBJECT_IDENTIFIER)
                write_tagged(out, 1, BIT_STRING, self.req_flags)
                write_tagged(out, 2, OCTET_STRING, self.mech_token)
                write_tagged(out, 3, OCTET_STRING, self.mech_list_mic)
                out.raw(self.unknown)
        w.raw(out.getvalue())


def _read_mech_types(r: Reader, forms: Forms) -> tuple[bytes, ...]:
    outer = ber_enter(r, context(0), "mechTypes", forms)
    items = ber_enter(outer, SEQUENCE, "mechTypes", forms)
    outer.end()
    oids = []
    while items.remaining:
        oids.append(ber_enter(items, OBJECT_IDENTIFIER, "mechType", forms).rest())
    return tuple(oids)


class NegState(OpenIntEnum):
    """negState of NegTokenResp. RFC 4178 section 4.2.2."""

    ACCEPT_COMPLETED = 0
    ACCEPT_INCOMPLETE = 1
    REJECT = 2
    REQUEST_MIC = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class NegTokenResp:
    """What a server makes of the offer: the mechanism it takes, and that mechanism's answer.

    Layout: [1] SEQUENCE { negState [0] ENUMERATED?, supportedMech [1] OBJECT IDENTIFIER?,
    responseToken [2] OCTET STRING?, mechListMIC [3] OCTET STRING? }.
    Source: RFC 4178 section 4.2.2.
    """

    TAG: ClassVar[int] = context(1)

    state: NegState | None = None
    supported_mech: bytes | None = None  # content of the OBJECT IDENTIFIER
    response_token: bytes | None = None
    mech_list_mic: bytes | None = None
    unknown: bytes = b""  # what the SEQUENCE holds behind the fields above
    forms: tuple[int, ...] = field(default=(), compare=False, repr=False)  # widths, see `probe.wire.asn1`

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated, InvalidField or TooLong."""
        forms: Forms = []
        choice = ber_enter(r, cls.TAG, "negTokenResp", forms)
        body = ber_enter(choice, SEQUENCE, "negTokenResp", forms)
        message = cls(
            state=_read_state(body, forms),
            supported_mech=read_tagged(body, 1, OBJECT_IDENTIFIER, "supportedMech", forms),
            response_token=read_tagged(body, 2, OCTET_STRING, "responseToken", forms),
            mech_list_mic=read_tagged(body, 3, OCTET_STRING, "mechListMIC", forms),
            unknown=body.rest(),
            forms=tuple(forms),
        )
        choice.end()
        return message

    def write(self, w: Writer) -> None:
        out = Asn1Writer(self.forms)
        with out.element(self.TAG), out.element(SEQUENCE):
            if self.state is not None:
                with out.element(context(0)):
                    out.integer(self.state, ENUMERATED)
            write_tagged(out, 1, OBJECT_IDENTIFIER, self.supported_mech)
            write_tagged(out, 2, OCTET_STRING, self.response_token)
            write_tagged(out, 3, OCTET_STRING, self.mech_list_mic)
            out.raw(self.unknown)
        w.raw(out.getvalue())


def _read_state(r: Reader, forms: Forms) -> NegState | None:
    if r.peek(1) != bytes([context(0)]):
        return None
    outer = ber_enter(r, context(0), "negState", forms)
    state = NegState(ber_integer(outer, "negState", forms, ENUMERATED))
    outer.end()
    return state


@dataclass(frozen=True, slots=True, kw_only=True)
class RawToken:
    """A negoToken that is not SPNEGO, such as a bare NTLM message, kept as it came."""

    body: bytes

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Take everything."""
        return cls(body=r.rest())

    def write(self, w: Writer) -> None:
        w.raw(self.body)


_Token = TypeVar("_Token", NegTokenInit, NegTokenResp)


def read_token(data: bytes) -> NegTokenInit | NegTokenResp | RawToken:
    """Read one negoToken. A Kerberos token, framed like NegTokenInit under its own identifier, is a RawToken.

    Raises Truncated, InvalidField or TooLong for what begins as SPNEGO and is broken.
    """
    if data[:1] == bytes([NegTokenInit.TAG]):
        head = ber_enter(Reader(data, "NegTokenInit"), NegTokenInit.TAG, "token", [])
        if ber_enter(head, OBJECT_IDENTIFIER, "thisMech", []).rest() == SPNEGO:
            return _whole(NegTokenInit, data)
    elif data[:1] == bytes([NegTokenResp.TAG]):
        return _whole(NegTokenResp, data)
    return RawToken.read(Reader(data, "negoToken"))


def _whole(kind: type[_Token], data: bytes) -> _Token:
    r = Reader(data, kind.__name__)
    message = kind.read(r)
    r.end()
    return message
