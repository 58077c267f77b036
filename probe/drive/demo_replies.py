"""The words of the embedded RDP servers: what each answers, as a function of its profile and of what it was told.

No sockets here. Every answer is written by `probe.wire`; the order and the oddities are those of the real servers
that the profiles are modeled on.

Source: [MS-RDPBCGR] 3.3.5.3.1 (which protocol is selected), 5.3.2.1 (which encryption), 5.3.3.1 (the certificate).
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from probe.drive.demo_licensing import DEMAND_ACTIVE, VALID_CLIENT, Said
from probe.drive.demo_tls import TlsProfile
from probe.errors import UnexpectedMessage
from probe.wire import gcc, mcs, nego, ntlm, rdstls, standard_security, x224
from probe.wire.asn1 import per_length
from probe.wire.credssp import NtStatus, TsRequest
from probe.wire.cursor import Reader, Writer
from probe.wire.gcc import EncryptionLevel, EncryptionMethod
from probe.wire.nego import FailureCode, Protocol
from probe.wire.ntlm import NegotiateFlag

_SRC_REF = 0x1234  # of Windows and of xrdp
_IO_CHANNEL = 1003
_T124_KEY = 7  # bytes before the length of the connect PDU
_FILETIME_OF_1970 = 116444736000000000
_NO_SIGNATURE = bytes.fromhex("08000000")  # wSignatureBlobType and wSignatureBlobLen of an empty one
_CREDSSP_VERSION = 6
_CHALLENGE_FIXED = 56  # signature 8, type 4, name 8, flags 4, challenge 8, reserved 8, info 8, version 8
_CHALLENGE_FLAGS = (
    NegotiateFlag.UNICODE
    | NegotiateFlag.REQUEST_TARGET
    | NegotiateFlag.SIGN
    | NegotiateFlag.NTLM
    | NegotiateFlag.ALWAYS_SIGN
    | NegotiateFlag.TARGET_TYPE_DOMAIN
    | NegotiateFlag.EXTENDED_SESSIONSECURITY
    | NegotiateFlag.TARGET_INFO
    | NegotiateFlag.VERSION
    | NegotiateFlag.KEY_128
    | NegotiateFlag.KEY_EXCH
    | NegotiateFlag.KEY_56
)

# The terminal-services signing key is published, private half too: its signature proves nothing. [MS-RDPBCGR] 5.3.3.1.1
_SIGNING_MODULUS = int.from_bytes(
    bytes.fromhex(
        "3d3a5ebd72433ec94dbbc11e4aba5fcb3e882087eff5c1e2d7b76b9af2524595"
        "ce63656b583afeef7ce7bffe3df65c7d6c5e06091af561bb2093095f056dea87"
    ),
    "little",
)
_SIGNING_EXPONENT = int.from_bytes(
    bytes.fromhex(
        "87a71932da11875558001616256568f8243ee6fae9674994cf92cc3399e80860"
        "179a129f24ddb12499c73ab80a7b0ddd350779170b519bb3c7100113e73ff35f"
    ),
    "little",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardProfile:
    """How a server does Standard RDP Security."""

    level: EncryptionLevel
    methods: tuple[EncryptionMethod, ...]  # best first
    asks: bool = True  # False: the first of `methods` whatever the client offers
    key_bits: int = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class NtlmProfile:
    """Who a server says it is in its NTLM CHALLENGE."""

    computer: str
    domain: str
    dns_domain: str
    build: int
    major: int = 10
    minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One RDP server."""

    accepts: tuple[Protocol, ...]  # best first
    refusal: FailureCode | None = None  # where nothing it accepts was asked for; None: it selects RDP instead
    flags: int = 0x01
    negotiates: bool = True  # False: knows no negotiation and confirms everything
    highest: int = 0xFFFFFFFF  # requestedProtocols above it are not understood
    request_flags: tuple[int, ...] | None = None  # RDP_NEG_REQ flags that are understood; None: all
    says_ultimatum: bool = False  # an MCS Disconnect Provider Ultimatum stands before every close of its own
    resets_hello: bool = False
    tls: TlsProfile | None = None
    standard: StandardProfile | None = None
    ntlm: NtlmProfile | None = None
    rdp_version: int = 0x00080004
    core_flags: int | None = None  # SC_CORE earlyCapabilityFlags
    max_channels: int = 34
    licensing: tuple[Said, ...] = (VALID_CLIENT, DEMAND_ACTIVE)  # inside TLS, to a client that has said who it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is sent in reply to a Connection Request, and what follows on the connection."""

    data: bytes
    selected: Protocol | None = None  # None: nothing follows, the server closes
    requested: int | None = None  # requestedProtocols as SC_CORE echoes it; None where it has no such field


def ultimatum() -> bytes:
    """The good-bye of xrdp, also where MCS has not begun."""
    return _data(mcs.write_pdu(mcs.DisconnectProviderUltimatum(reason=mcs.DisconnectReason.RN_USER_REQUESTED)))


def confirm(profile: Profile, packet: bytes) -> Answer:
    """Answer the packet that carries a Connection Request. Raises ProbeError where it carries something else."""
    tpdu = x224.read_packet(packet)
    if not isinstance(tpdu, x224.ConnectionRequest):
        raise UnexpectedMessage("EXPECT_REQUEST", type(tpdu).__name__)
    request = nego.RequestData.read(tpdu.variable).negotiation
    if request is None or not profile.negotiates:
        return _bare_confirm(profile)
    understood = profile.request_flags is None or request.flags in profile.request_flags
    if request.protocols > profile.highest or not understood:
        return Answer(data=ultimatum())
    selected = next((each for each in profile.accepts if _asks_for(request.protocols, each)), None)
    if selected is None and profile.refusal is None:
        selected = Protocol.RDP
    if selected is not None:
        response = nego.NegotiationResponse(selected=selected, flags=profile.flags)
        return Answer(data=_confirm(response), selected=selected, requested=request.protocols)
    assert profile.refusal is not None
    failure = _confirm(nego.NegotiationFailure(code=profile.refusal))
    return Answer(data=failure + (ultimatum() if profile.says_ultimatum else b""))


def _asks_for(requested: int, protocol: Protocol) -> bool:
    return bool(requested & protocol) or (protocol == Protocol.RDP and requested == Protocol.RDP)


def _bare_confirm(profile: Profile) -> Answer:
    """Without RDP_NEG_REQ there is no room for a refusal: who admits no RDP closes, at once or one message later."""
    data = _confirm(None)
    if profile.says_ultimatum and Protocol.RDP not in profile.accepts:
        return Answer(data=data + ultimatum())
    return Answer(data=data, selected=Protocol.RDP, requested=Protocol.RDP if profile.negotiates else None)


def _confirm(negotiation: nego.NegotiationResponse | nego.NegotiationFailure | None) -> bytes:
    variable = nego.ConfirmData(negotiation=negotiation).write()
    return x224.write_packet(x224.ConnectionConfirm(variable=variable, src_ref=_SRC_REF))


def connect_response(profile: Profile, packet: bytes, answer: Answer) -> bytes | None:
    """Answer the packet that carries a Connect-Initial, or None where the server closes. Raises WireError."""
    tpdu = x224.read_packet(packet)
    if not isinstance(tpdu, x224.Data):
        return None
    initial = mcs.read_pdu(tpdu.user_data)
    if not isinstance(initial, mcs.ConnectInitial):
        return None
    request = gcc.ConferenceCreateRequest.read(initial.user_data)
    security = request.block(gcc.ClientSecurity)
    network = request.block(gcc.ClientNetwork)
    chosen = _server_security(profile, answer, 0 if security is None else security.encryption_methods)
    if chosen is None:
        return None
    core = gcc.ServerCore(
        version=profile.rdp_version,
        client_requested_protocols=answer.requested,
        early_capability_flags=profile.core_flags,
    )
    channels = tuple(_IO_CHANNEL + 1 + n for n in range(0 if network is None else len(network.channels)))
    padding = bytes(2 * (len(channels) % 2))
    blocks = (core, gcc.ServerNetwork(io_channel_id=_IO_CHANNEL, channel_ids=channels, padding=padding), chosen)
    response = mcs.ConnectResponse(
        result=mcs.ConnectResult.RT_SUCCESSFUL,
        parameters=_domain(profile),
        user_data=_conference(gcc.ConferenceCreateResponse(blocks=blocks)),
    )
    return _data(mcs.write_pdu(response))


def _conference(response: gcc.ConferenceCreateResponse) -> bytes:
    """Declares 42 bytes whatever follows, as Windows does and xrdp after it; some clients count on it."""
    r = Reader(response.write(), "ConnectData")
    r.take(_T124_KEY, "t124Identifier")
    length = per_length(r, "connectPDU", [])
    return replace(response, length_error=42 - length).write()


def _data(pdu: bytes) -> bytes:
    return x224.write_packet(x224.Data(user_data=pdu))


def _domain(profile: Profile) -> mcs.DomainParameters:
    return mcs.DomainParameters(
        max_channel_ids=profile.max_channels,
        max_user_ids=3,
        max_token_ids=0,
        num_priorities=1,
        min_throughput=0,
        max_height=1,
        max_mcs_pdu_size=65528,
        protocol_version=2,
    )


def _server_security(profile: Profile, answer: Answer, offered: int) -> gcc.ServerSecurity | None:
    """None where no encryption can be agreed on."""
    if answer.selected != Protocol.RDP:
        return gcc.ServerSecurity(encryption_method=0, encryption_level=EncryptionLevel.NONE)
    standard = profile.standard
    if standard is None:
        return None
    usable = [method for method in standard.methods if not standard.asks or offered & method]
    if not usable:
        return None
    return gcc.ServerSecurity(
        encryption_method=usable[0],
        encryption_level=standard.level,
        server_random=secrets.token_bytes(32),
        server_certificate=standard_certificate(standard.key_bits),
    )


@cache
def standard_certificate(key_bits: int) -> bytes:
    """A proprietary certificate that verifies.

    Its modulus is a random number: nobody ever gets so far as to have the server decrypt anything.
    """
    modulus = secrets.randbits(key_bits) | 1 << key_bits - 1 | 1
    unsigned = standard_security.ProprietaryCertificate(
        bitlen=key_bits,
        datalen=key_bits // 8 - 1,
        exponent=65537,
        modulus_field=modulus.to_bytes(key_bits // 8, "little") + bytes(8),
        signature=b"",
    )
    return standard_security.write_server_certificate(replace(unsigned, signature=_signature(unsigned)))


def _signature(certificate: standard_security.ProprietaryCertificate) -> bytes:
    """What the published key makes of all fields before the signature's own."""
    fields = standard_security.write_server_certificate(certificate)[: -len(_NO_SIGNATURE)]
    digest = hashlib.md5(fields, usedforsecurity=False).digest()
    padded = int.from_bytes(digest + b"\x00" + b"\xff" * 45 + b"\x01", "little")
    return pow(padded, _SIGNING_EXPONENT, _SIGNING_MODULUS).to_bytes(64, "little") + bytes(8)


def rdstls_capabilities() -> bytes:
    """What an RDSTLS server says first."""
    w = Writer()
    rdstls.RdstlsCapabilities().write(w)
    return w.getvalue()


def credssp_reply(profile: Profile, raw: bytes) -> tuple[bytes, bool]:
    """Answer one TSRequest; False says that the server then closes. Raises WireError."""
    request = TsRequest.read(Reader(raw, "TSRequest"))
    token = request.nego_tokens[0] if request.nego_tokens else b""
    is_ntlm = token.startswith(ntlm.SIGNATURE)
    message = ntlm.read_message(token) if is_ntlm else None
    w = Writer()
    if profile.ntlm is not None and isinstance(message, ntlm.Negotiate):
        _challenge(profile.ntlm).write(token_out := Writer())
        TsRequest(version=_CREDSSP_VERSION, nego_tokens=(token_out.getvalue(),)).write(w)
        return w.getvalue(), True
    status = NtStatus.STATUS_LOGON_FAILURE if is_ntlm else NtStatus.SEC_E_INVALID_TOKEN
    TsRequest(version=_CREDSSP_VERSION, error_code=status).write(w)
    return w.getvalue(), False


def _challenge(who: NtlmProfile) -> ntlm.Challenge:
    """As a domain member on Windows writes it: the domain first, the clock in tenths of microseconds."""
    name = who.domain.encode("utf-16-le")
    computer = f"{who.computer.lower()}.{who.dns_domain}"
    info = Writer()
    for av_id, text in (
        (ntlm.AvId.NB_DOMAIN_NAME, who.domain),
        (ntlm.AvId.NB_COMPUTER_NAME, who.computer),
        (ntlm.AvId.DNS_DOMAIN_NAME, who.dns_domain),
        (ntlm.AvId.DNS_COMPUTER_NAME, computer),
        (ntlm.AvId.DNS_TREE_NAME, who.dns_domain),
    ):
        ntlm.AvPair(id=av_id, value=text.encode("utf-16-le")).write(info)
    ntlm.AvPair(id=ntlm.AvId.TIMESTAMP, value=_filetime_now().to_bytes(8, "little")).write(info)
    ntlm.AvPair(id=ntlm.AvId.EOL).write(info)
    return ntlm.Challenge(
        flags=_CHALLENGE_FLAGS,
        server_challenge=secrets.token_bytes(8),
        target_name_fields=_payload_field(name, _CHALLENGE_FIXED),
        target_info_fields=_payload_field(info.getvalue(), _CHALLENGE_FIXED + len(name)),
        version=ntlm.Version(major=who.major, minor=who.minor, build=who.build),
        payload=name + info.getvalue(),
    )


def _payload_field(value: bytes, offset: int) -> ntlm.PayloadField:
    return ntlm.PayloadField(length=len(value), maximum=len(value), offset=offset)


def _filetime_now() -> int:
    """A clock that is ever seen at a whole second would look like FreeRDP's."""
    now = time.time_ns() // 100 + _FILETIME_OF_1970
    return now if now % 10_000_000 else now + 1


def endless_packet() -> Iterator[int]:
    """A TPKT packet of the largest size that looks like a Connection Confirm, byte by byte."""
    w = Writer()
    x224.Tpkt(payload=bytes(0xFFFF - x224.Tpkt.HEADER)).write(w)
    yield from w.getvalue()
