"""Behaviors that no server which can be had here shows: each a few lines beside the demo's own."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from dataclasses import replace

from probe.drive import demo_replies as replies
from probe.drive.demo_replies import NtlmProfile, Profile, StandardProfile
from probe.drive.demo_server import Behavior, Plain, Secured, rdp
from probe.drive.demo_tls import TlsProfile
from probe.wire import nego, ntlm, x224
from probe.wire.credssp import TsRequest, TsRequestFramer
from probe.wire.cursor import Reader, Writer
from probe.wire.gcc import EncryptionLevel, EncryptionMethod
from probe.wire.nego import FailureCode, Protocol
from tests.licensing_server import HIGH, ONE_TWENTY_EIGHT, LicensingServer
from tests.matrix.situation import Embedded

TLS = TlsProfile(name="matrix.example", rsa=False)
NTLM = NtlmProfile(computer="DESK", domain="CORP", dns_domain="corp.example", build=20348)
NLA_ALONE = Profile(
    accepts=(Protocol.HYBRID_EX, Protocol.HYBRID),
    refusal=FailureCode.HYBRID_REQUIRED_BY_SERVER,
    flags=0x1F,
    tls=TLS,
    ntlm=NTLM,
)
RC4 = (EncryptionMethod.ONE_TWENTY_EIGHT_BIT, EncryptionMethod.FIFTY_SIX_BIT, EncryptionMethod.FORTY_BIT)
STRONG = StandardProfile(level=EncryptionLevel.HIGH, methods=(EncryptionMethod.ONE_TWENTY_EIGHT_BIT,))
Inside = Callable[[Secured], Awaitable[None]]


def served(profile: Profile, delay_s: float = 0.0) -> Embedded:
    """An RDP server of this profile."""
    return Embedded(behavior=functools.partial(rdp, profile), tls=profile.tls, delay_s=delay_s)


def says(*pieces: bytes, first: bool = False, leaves: bool = True) -> Behavior:
    """Says the same to whatever it is told, or before it is told anything; then it closes, or goes on listening."""

    async def behavior(peer: Plain) -> None:
        if not first:
            await peer.receive()
        for piece in pieces:
            await peer.send(piece)
        while not leaves:
            await peer.receive()

    return behavior


async def resets(peer: Plain) -> None:
    """Breaks every connection off when something is said on it."""
    await peer.receive()
    await peer.reset()


def _confirm(negotiation: nego.NegotiationResponse | nego.NegotiationFailure | None) -> bytes:
    variable = nego.ConfirmData(negotiation=negotiation).write()
    return x224.write_packet(x224.ConnectionConfirm(variable=variable, src_ref=0x1234))


def fails(code: FailureCode) -> Embedded:
    """Turns every request away with one code."""
    return Embedded(behavior=says(_confirm(nego.NegotiationFailure(code=code))))


BARE_CONFIRM = _confirm(None)
DISCONNECT = x224.write_packet(x224.DisconnectRequest())
BROKEN_CONFIRM = bytes.fromhex("0300000b 0ad00000123400")  # the confirm is longer than the packet it is in
CUT_CONFIRM = bytes.fromhex("03000013 0ed0000012")


async def _requested(peer: Plain) -> int | None:
    """The protocols of a Connection Request; None for one that negotiates nothing. Raises WireError."""
    framer = x224.TpktFramer()
    while (packet := framer.next_packet()) is None:
        framer.feed(await peer.receive())
    peer.give_back(framer.leftover())
    request = x224.read_packet(packet)
    assert isinstance(request, x224.ConnectionRequest)
    wanted = nego.RequestData.read(request.variable).negotiation
    return None if wanted is None else wanted.protocols


def always_selects(protocol: Protocol, then: Inside, *, flags: int = 0, tls: TlsProfile = TLS) -> Embedded:
    """Selects one protocol whatever was asked for, as honeypots do."""

    async def behavior(peer: Plain) -> None:
        await _requested(peer)
        await peer.send(_confirm(nego.NegotiationResponse(selected=protocol, flags=flags)))
        secured = Secured(peer, tls)
        await secured.handshake()
        await then(secured)

    return Embedded(behavior=behavior, tls=tls)


def nla(then: Inside, *, required: bool = True) -> Embedded:
    """A server with NLA whose CredSSP is `then`."""

    async def behavior(peer: Plain) -> None:
        requested = await _requested(peer)
        selected = next((each for each in NLA_ALONE.accepts if (requested or 0) & each), None)
        if selected is None and not required and (requested or 0) & Protocol.SSL:
            selected = Protocol.SSL
        if selected is None:
            await peer.send(_confirm(nego.NegotiationFailure(code=FailureCode.HYBRID_REQUIRED_BY_SERVER)))
            return
        await peer.send(_confirm(nego.NegotiationResponse(selected=selected, flags=NLA_ALONE.flags)))
        secured = Secured(peer, TLS)
        await secured.handshake()
        if selected == Protocol.SSL:
            await secured.receive()
            return
        await then(secured)

    return Embedded(behavior=behavior, tls=TLS)


def licenses(*answers: object, over: Protocol = Protocol.SSL) -> Embedded:
    """A server of one protocol that goes on to the licensing phase, and says this there.

    Standard RDP Security is encrypted with 128 bits.
    """
    refusal = FailureCode.SSL_REQUIRED_BY_SERVER if over else FailureCode.SSL_NOT_ALLOWED_BY_SERVER

    async def behavior(peer: Plain) -> None:
        requested = await _requested(peer)
        if requested is None or (requested & over if over else not requested) == 0:
            await peer.send(_confirm(nego.NegotiationFailure(code=refusal)))
            return
        await peer.send(_confirm(nego.NegotiationResponse(selected=over, flags=1)))
        channel: Plain | Secured = peer
        if over:
            channel = secured = Secured(peer, TLS)
            await secured.handshake()
        server = LicensingServer(*answers, method=0 if over else ONE_TWENTY_EIGHT, level=0 if over else HIGH)
        while True:
            if reply := server.receive(await channel.receive()):
                await channel.send(reply)

    return Embedded(behavior=behavior, tls=TLS if over else None)


def resets_hellos() -> Embedded:
    """Windows that cannot use its certificate's private key: it selects NLA, and resets every hello."""
    return served(replace(NLA_ALONE, tls=None))


async def _ts_request(secured: Secured) -> TsRequest:
    framer = TsRequestFramer()
    while (raw := framer.next_message()) is None:
        framer.feed(await secured.receive())
    return TsRequest.read(Reader(raw, "TSRequest"))


async def closes(secured: Secured) -> None:
    """Closes at the first TSRequest."""
    await _ts_request(secured)
    await secured.close()


async def talks_nonsense(secured: Secured) -> None:
    """Answers the first TSRequest with what is none."""
    await _ts_request(secured)
    await secured.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await secured.close()


def answers(
    *, version: int = 6, error: int | None = None, clock_s: float = 0.0, who: NtlmProfile | None = NTLM
) -> Inside:
    """Answers the first TSRequest with an NTLM challenge, or with an error."""

    async def then(secured: Secured) -> None:
        await _ts_request(secured)
        tokens = () if error is not None or who is None else (_challenge(who, clock_s),)
        TsRequest(version=version, nego_tokens=tokens, error_code=error).write(said := Writer())
        await secured.send(said.getvalue())
        await secured.close()

    return then


def _challenge(who: NtlmProfile, clock_s: float) -> bytes:
    """The demo's challenge, from a clock that is so many seconds off."""
    replies._challenge(who).write(w := Writer())
    stamp = replies._filetime_now() + int(clock_s * 10_000_000)
    raw = bytearray(w.getvalue())
    header = ntlm.AvId.TIMESTAMP.to_bytes(2, "little") + (8).to_bytes(2, "little")
    at = raw.rindex(header) + len(header)
    raw[at : at + 8] = stamp.to_bytes(8, "little")
    return bytes(raw)
