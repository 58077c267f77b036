"""The connect PDUs of MCS, and the one domain PDU that ends a connection.

Connect-Initial and Connect-Response are BER, all others aligned PER. Those that come after the connection is
made carry nothing we ask for and are kept as they are.

Source: ITU-T T.125 section 7, [MS-RDPBCGR] 2.2.1.3, 2.2.1.4, 3.2.5.3.3 and 3.1.5.1.1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

from probe.wire.asn1 import (
    BOOLEAN,
    ENUMERATED,
    OCTET_STRING,
    SEQUENCE,
    Asn1Writer,
    Forms,
    ber_enter,
    ber_integer,
)
from probe.wire.cursor import OpenIntEnum, Reader, Writer


class ConnectResult(OpenIntEnum):
    """result of Connect-Response. T.125 section 7, Result."""

    RT_SUCCESSFUL = 0
    RT_DOMAIN_MERGING = 1
    RT_DOMAIN_NOT_HIERARCHICAL = 2
    RT_NO_SUCH_CHANNEL = 3
    RT_NO_SUCH_DOMAIN = 4
    RT_NO_SUCH_USER = 5
    RT_NOT_ADMITTED = 6
    RT_OTHER_USER_ID = 7
    RT_PARAMETERS_UNACCEPTABLE = 8
    RT_TOKEN_NOT_AVAILABLE = 9
    RT_TOKEN_NOT_POSSESSED = 10
    RT_TOO_MANY_CHANNELS = 11
    RT_TOO_MANY_TOKENS = 12
    RT_TOO_MANY_USERS = 13
    RT_UNSPECIFIED_FAILURE = 14
    RT_USER_REJECTED = 15


class DisconnectReason(OpenIntEnum):
    """reason of a Disconnect Provider Ultimatum. T.125 section 7, Reason; RDP uses 1 and 3."""

    RN_DOMAIN_DISCONNECTED = 0
    RN_PROVIDER_INITIATED = 1
    RN_TOKEN_PURGED = 2
    RN_USER_REQUESTED = 3
    RN_CHANNEL_PURGED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainParameters:
    """What an MCS domain may hold, offered by the client and settled by the server.

    Layout: SEQUENCE of eight INTEGERs, in the order of the fields.
    Source: T.125 section 7, DomainParameters.
    """

    max_channel_ids: int
    max_user_ids: int
    max_token_ids: int
    num_priorities: int
    min_throughput: int
    max_height: int
    max_mcs_pdu_size: int
    protocol_version: int

    @classmethod
    def read(cls, r: Reader, name: str, forms: Forms) -> Self:
        """Read the element `name`. Raises Truncated, InvalidField or TooLong."""
        inner = ber_enter(r, SEQUENCE, name, forms)
        parameters = cls(
            max_channel_ids=ber_integer(inner, "maxChannelIds", forms),
            max_user_ids=ber_integer(inner, "maxUserIds", forms),
            max_token_ids=ber_integer(inner, "maxTokenIds", forms),
            num_priorities=ber_integer(inner, "numPriorities", forms),
            min_throughput=ber_integer(inner, "minThroughput", forms),
            max_height=ber_integer(inner, "maxHeight", forms),
            max_mcs_pdu_size=ber_integer(inner, "maxMCSPDUsize", forms),
            protocol_version=ber_integer(inner, "protocolVersion", forms),
        )
        inner.end()
        return parameters

    def write(self, w: Asn1Writer) -> None:
        with w.element(SEQUENCE):
            w.integer(self.max_channel_ids)
            w.integer(self.max_user_ids)
            w.integer(self.max_token_ids)
            w.integer(self.num_priorities)
            w.integer(self.min_throughput)
            w.integer(self.max_height)
            w.integer(self.max_mcs_pdu_size)
            w.integer(self.protocol_version)


# What Microsoft's clients ask for: [MS-RDPBCGR] 4.1.3.
TARGET = DomainParameters(
    max_channel_ids=34,
    max_user_ids=2,
    max_token_ids=0,
    num_priorities=1,
    min_throughput=0,
    max_height=1,
    max_mcs_pdu_size=65535,
    protocol_version=2,
)
MINIMUM = DomainParameters(
    max_channel_ids=1,
    max_user_ids=1,
    max_token_ids=1,
    num_priorities=1,
    min_throughput=0,
    max_height=1,
    max_mcs_pdu_size=1056,
    protocol_version=2,
)
MAXIMUM = DomainParameters(
    max_channel_ids=65535,
    max_user_ids=64535,
    max_token_ids=65535,
    num_priorities=1,
    min_throughput=0,
    max_height=1,
    max_mcs_pdu_size=65535,
    protocol_version=2,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectInitial:
    """MCS Connect-Initial: the client proposes a domain; `user_data` is a `gcc.ConferenceCreateRequest`.

    Layout, BER: [APPLICATION 101] { callingDomainSelector OCTET STRING | calledDomainSelector OCTET STRING |
    upwardFlag BOOLEAN | targetParameters | minimumParameters | maximumParameters | userData OCTET STRING }.
    Source: T.125 section 7, [MS-RDPBCGR] 2.2.1.3.
    """

    TAG: ClassVar[int] = 0x7F65

    user_data: bytes
    calling_domain_selector: bytes = b"\x01"
    called_domain_selector: bytes = b"\x01"
    upward_flag: int = 0xFF  # the octet as sent; 0 is false
    target: DomainParameters = TARGET
    minimum: DomainParameters = MINIMUM
    maximum: DomainParameters = MAXIMUM
    forms: tuple[int, ...] = field(default=(), compare=False, repr=False)  # widths, see `probe.wire.asn1`

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated, InvalidField or TooLong."""
        forms: Forms = []
        inner = ber_enter(r, cls.TAG, "Connect-Initial", forms)
        calling = ber_enter(inner, OCTET_STRING, "callingDomainSelector", forms).rest()
        called = ber_enter(inner, OCTET_STRING, "calledDomainSelector", forms).rest()
        flag = ber_enter(inner, BOOLEAN, "upwardFlag", forms)
        upward = flag.u8("upwardFlag")
        flag.end()
        target = DomainParameters.read(inner, "targetParameters", forms)
        minimum = DomainParameters.read(inner, "minimumParameters", forms)
        maximum = DomainParameters.read(inner, "maximumParameters", forms)
        user_data = ber_enter(inner, OCTET_STRING, "userData", forms).rest()
        inner.end()
        return cls(
            calling_domain_selector=calling,
            called_domain_selector=called,
            upward_flag=upward,
            target=target,
            minimum=minimum,
            maximum=maximum,
            user_data=user_data,
            forms=tuple(forms),
        )

    def write(self, w: Writer) -> None:
        ber = Asn1Writer(self.forms)
        with ber.element(self.TAG):
            ber.octets(self.calling_domain_selector)
            ber.octets(self.called_domain_selector)
            ber.octets(bytes([self.upward_flag]), BOOLEAN)
            self.target.write(ber)
            self.minimum.write(ber)
            self.maximum.write(ber)
            ber.octets(self.user_data)
        w.raw(ber.getvalue())


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectResponse:
    """MCS Connect-Response: the server settles the domain; `user_data` is a `gcc.ConferenceCreateResponse`.

    With another result than RT_SUCCESSFUL the user data may be empty or anything.
    Layout, BER: [APPLICATION 102] { result ENUMERATED | calledConnectId INTEGER | domainParameters |
    userData OCTET STRING }.
    Source: T.125 section 7, [MS-RDPBCGR] 2.2.1.4.
    """

    TAG: ClassVar[int] = 0x7F66

    result: ConnectResult
    called_connect_id: int = 0
    parameters: DomainParameters
    user_data: bytes
    forms: tuple[int, ...] = field(default=(), compare=False, repr=False)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated, InvalidField or TooLong."""
        forms: Forms = []
        inner = ber_enter(r, cls.TAG, "Connect-Response", forms)
        result = ConnectResult(ber_integer(inner, "result", forms, ENUMERATED))
        connect_id = ber_integer(inner, "calledConnectId", forms)
        parameters = DomainParameters.read(inner, "domainParameters", forms)
        user_data = ber_enter(inner, OCTET_STRING, "userData", forms).rest()
        inner.end()
        return cls(
            result=result,
            called_connect_id=connect_id,
            parameters=parameters,
            user_data=user_data,
            forms=tuple(forms),
        )

    def write(self, w: Writer) -> None:
        ber = Asn1Writer(self.forms)
        with ber.element(self.TAG):
            ber.integer(self.result, ENUMERATED)
            ber.integer(self.called_connect_id)
            self.parameters.write(ber)
            ber.octets(self.user_data)
        w.raw(ber.getvalue())


@dataclass(frozen=True, slots=True, kw_only=True)
class DisconnectProviderUltimatum:
    """MCS DPU: the sender ends the connection and says in one word why.

    Layout, PER: choice 6 bits = 8 | reason 3 bits | padding 7 bits.
    Source: T.125 section 7, [MS-RDPBCGR] 2.2.1.14 and 3.1.5.1.1.
    """

    CHOICE: ClassVar[int] = 8

    reason: DisconnectReason
    padding: int = 0

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated or InvalidField."""
        bits = r.u16be("reason")
        r.expect("choice", bits >> 10, cls.CHOICE)
        return cls(reason=DisconnectReason(bits >> 7 & 0x07), padding=bits & 0x7F)

    def write(self, w: Writer) -> None:
        w.u16be(self.CHOICE << 10 | self.reason << 7 | self.padding)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownPdu:
    """A PDU that we have no use for, kept as it came."""

    body: bytes

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Take everything."""
        return cls(body=r.rest())

    def write(self, w: Writer) -> None:
        w.raw(self.body)


McsPdu = ConnectInitial | ConnectResponse | DisconnectProviderUltimatum | UnknownPdu

_CONNECT: dict[bytes, type[ConnectInitial | ConnectResponse]] = {
    kind.TAG.to_bytes(2, "big"): kind for kind in (ConnectInitial, ConnectResponse)
}
_APPLICATION = b"\x7f"  # the first identifier octet of every connect PDU


def read_pdu(data: bytes) -> McsPdu:
    """Read the PDU that fills the user data of an X.224 DT. Raises Truncated, InvalidField or TooLong."""
    head = Reader(data, "MCS")
    tag = head.take(2 if data[:1] == _APPLICATION else 1, "choice")
    kind: type[McsPdu] = UnknownPdu
    if tag in _CONNECT:
        kind = _CONNECT[tag]
    elif tag[0] >> 2 == DisconnectProviderUltimatum.CHOICE:
        kind = DisconnectProviderUltimatum
    r = Reader(data, kind.__name__)
    pdu = kind.read(r)
    r.end()
    return pdu


def write_pdu(pdu: McsPdu) -> bytes:
    """One PDU, ready for an X.224 DT."""
    w = Writer()
    pdu.write(w)
    return w.getvalue()
