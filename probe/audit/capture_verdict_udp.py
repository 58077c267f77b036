"""From one captured exchange of RDP-UDP to a result: how a SYN was answered, and TLS as far as it is in clear text.

Source: [MS-RDPEUDP] 3.1.5.1 and 3.1.5.2. TLS in it is that of reliable mode; DTLS, of lossy mode, is not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from probe.audit.capture_verdict import without_clock
from probe.audit.capture_verdict_unknown import has_clock, unknown
from probe.audit.certificate import Circumstances, describe_chain
from probe.audit.fingerprint import ja3s, ja4s
from probe.audit.outcome import group_of
from probe.audit.reading import Reading, read
from probe.audit.settings import Settings
from probe.audit.trust import TrustJudge
from probe.audit.verdict_inside import timestamp
from probe.audit.watched import Watched, watched
from probe.audit.watched_packets import packets_of
from probe.capture.connection import Connection, Datagrams, Piece
from probe.errors import WireError
from probe.handshake.key_log import KeyLog
from probe.handshake.machine import SIDES, Side
from probe.result import (
    Capture,
    CapturedMessage,
    ClientSide,
    Fingerprints,
    Registered,
    Result,
    Target,
    Tls,
    TlsHandshake,
    Udp,
)
from probe.wire.cursor import Reader
from probe.wire.iana import GROUPS
from probe.wire.rdpudp import Syn, UdpFlag, version_name
from probe.wire.rdpudp_data import DataPacket
from probe.wire.tls_hello import version_name as tls_version_name
from probe.wire.tls_suites import suite_name

_LATEST = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
_HALF = 1 << 31  # sequence numbers wrap
_MASK = (1 << 32) - 1
Found = tuple[Piece, Syn]


def exchanged(
    datagrams: Datagrams, file: str, settings: Settings, secrets: KeyLog, trust: TrustJudge | None = None
) -> Result:
    """What a capture of one exchange says, with `capture` and `udp` filled in; not yet diagnosed."""
    syns = [(piece, syn) for piece in datagrams.pieces if (syn := _syn(piece.data)) is not None]
    asked = [found for found in syns if not found[1].flags & UdpFlag.ACK]
    answers = [found for found in syns if found[1].flags & UdpFlag.ACK]
    inside = _inside(datagrams)
    seen = watched(inside, secrets) if inside.pieces else None
    server, started = datagrams.server, min(max(datagrams.started, 0.0), _LATEST)
    result = Result(
        target=Target(input=str(server), host=server.address, address=server.address, port=server.port),
        started=timestamp(started),
        elapsed_ms=round((datagrams.ended - datagrams.started) * 1000, 1),
        depth=settings.depth,
        asked=["udp"],
        connections=1,
        bytes_sent=_bytes(datagrams, Side.CLIENT),
        bytes_received=_bytes(datagrams, Side.SERVER),
        status="rdp" if answers else "silent",
        udp=_udp(datagrams, asked, answers),
        capture=_described(datagrams, file, syns, inside, seen),
    )
    if seen is not None:
        _describe_tls(result, read(seen.attempt), seen, settings, trust)
    if not has_clock(inside):
        without_clock(result)
    return result


def _syn(datagram: bytes) -> Syn | None:
    try:
        return Syn.read(Reader(datagram, "RDP-UDP"))
    except WireError:
        return None


def _udp(datagrams: Datagrams, asked: Sequence[Found], answers: Sequence[Found]) -> Udp:
    """The section that a live audit has of its own SYN. Where the client's is missing, what it offered is not known."""
    spoke = any(piece.side is Side.SERVER for piece in datagrams.pieces)
    section = Udp(
        port=datagrams.server.port,
        state="open" if answers else "malformed" if spoke else "silent",
        offered=version_name(asked[0][1].version) if asked else "unknown",
        sent=len(asked),
        elapsed_ms=round((datagrams.ended - datagrams.started) * 1000, 1),
    )
    if answers:
        first, answer = answers[0]
        section.version = version_name(answer.version)
        section.up_mtu, section.down_mtu = answer.up_mtu, answer.down_mtu
        section.elapsed_ms = round((first.at - datagrams.started) * 1000, 1)
    return section


def _bytes(datagrams: Datagrams, side: Side) -> int:
    return sum(len(piece.data) for piece in datagrams.pieces if piece.side is side)


def _inside(datagrams: Datagrams) -> Connection:
    """What the exchange carries, as if it were a connection: each side's data in order, without repeats."""
    pieces = [piece for side in SIDES for piece in _payloads(datagrams.pieces, side)]
    return Connection(
        stream=datagrams.stream,
        client=datagrams.client,
        server=datagrams.server,
        pieces=sorted(pieces, key=lambda piece: piece.at),
        syn=True,
        syn_ack=True,
        first_packet=datagrams.first_packet,
        last_packet=datagrams.last_packet,
        packets=datagrams.packets,
        started=datagrams.started,
        ended=datagrams.ended,
        truncated=datagrams.truncated,
    )


def _payloads(pieces: Sequence[Piece], side: Side) -> Iterator[Piece]:
    """One side's data up to the first that is missing."""
    expected: int | None = None
    waiting: dict[int, Piece] = {}
    for piece in pieces:
        if piece.side is not side:
            continue
        syn = _syn(piece.data)
        if syn is not None:
            expected = (syn.initial_sequence + 1) & _MASK
            continue
        try:
            packet = DataPacket.read(Reader(piece.data, "RDP-UDP"))
        except WireError:
            continue
        expected = packet.source_start if expected is None else expected
        if (packet.source_start - expected) & _MASK < _HALF:
            waiting.setdefault(packet.source_start, piece._replace(data=packet.payload))
        while (found := waiting.pop(expected, None)) is not None:
            yield found._replace(at=piece.at)
            expected = (expected + 1) & _MASK


def _described(
    datagrams: Datagrams, file: str, syns: Sequence[Found], inside: Connection, seen: Watched | None
) -> Capture:
    evidence = [
        CapturedMessage(
            what="RDP-UDP SYN+ACK" if syn.flags & UdpFlag.ACK else "RDP-UDP SYN",
            side="client" if piece.side is Side.CLIENT else "server",
            packets=[piece.packet],
        )
        for piece, syn in syns
    ]
    if seen is not None:
        evidence += packets_of(inside, seen.attempt.events)
    sides = {piece.side for piece in datagrams.pieces}
    spoke = Side.SERVER in sides
    return Capture(
        file=file,
        stream=datagrams.stream,
        transport="udp",
        client=str(datagrams.client),
        server=str(datagrams.server),
        packets=sorted({packet for each in evidence for packet in each.packets}),
        first_packet=datagrams.first_packet,
        last_packet=datagrams.last_packet,
        packet_count=datagrams.packets,
        client_side=seen.client if seen is not None and seen.client != ClientSide() else None,
        evidence=evidence,
        ending="open" if spoke else "unanswered",
        truncated=datagrams.truncated,
        one_sided="server" if sides == {Side.SERVER} else None,
        encrypted_from=seen.encrypted_from if seen is not None else None,
        decrypted=seen.decrypted if seen is not None else False,
        unknown=unknown(inside, seen, "inside") if seen is not None else [],
    )


def _describe_tls(
    result: Result, reading: Reading, seen: Watched, settings: Settings, trust: TrustJudge | None
) -> None:
    """The handshake inside, and the certificate."""
    hello = reading.server_hello
    if hello is None or result.asked is None:
        return
    version, group = tls_version_name(hello.selected_version), group_of(reading)
    result.tls = Tls(
        handshake=TlsHandshake(
            version=version,
            cipher_suite=Registered(code=f"0x{hello.cipher_suite:04x}", name=suite_name(hello.cipher_suite)),
            group=Registered(code=f"0x{group:04x}", name=GROUPS.get(group, "unknown")) if group is not None else None,
            complete=reading.secured is not None,
        ),
        fingerprints=Fingerprints(ja3s=ja3s(hello), ja4s=ja4s(hello)),
    )
    result.asked.append("tls.handshake")
    if reading.chain:
        name = seen.client.hello.server_name if seen.client.hello is not None else None
        circumstances = Circumstances(
            names_asked=settings.server_name or name or result.target.host,
            at=datetime.fromisoformat(result.started),
            judge=trust,
        )
        result.certificates = [describe_chain(reading.chain, circumstances, [version])]
        result.asked.append("certificates")
