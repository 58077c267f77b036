"""Which message is in which packets: so that whoever doubts a fact can look at it in Wireshark."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate

from probe.capture.connection import Connection, Piece
from probe.handshake.machine import Event, Malformed, Seen, Side
from probe.handshake.negotiation import CutRequest
from probe.handshake.tls_progress import EncryptedAlert
from probe.result import CapturedMessage
from probe.wire import mcs, ntlm, ssl2, tls_hello, x224
from probe.wire.credssp import TsRequest
from probe.wire.nego import PreconnectionPdu
from probe.wire.ntlm_names import NtlmNames
from probe.wire.rdstls import RdstlsCapabilities, ServerNonce
from probe.wire.tls_record import Alert

_KNOWN: dict[type[object], str] = {
    PreconnectionPdu: "preconnection PDU",
    x224.ConnectionRequest: "X.224 Connection Request",
    CutRequest: "X.224 Connection Request, not whole",
    x224.ConnectionConfirm: "X.224 Connection Confirm",
    x224.DisconnectRequest: "X.224 Disconnect Request",
    x224.Error: "X.224 Error",
    mcs.ConnectInitial: "MCS Connect-Initial",
    mcs.ConnectResponse: "MCS Connect-Response",
    mcs.DisconnectProviderUltimatum: "MCS Disconnect Provider Ultimatum",
    ssl2.ClientHello: "SSLv2 CLIENT-HELLO",
    ssl2.ServerHello: "SSLv2 SERVER-HELLO",
    ssl2.Error: "SSLv2 ERROR",
    tls_hello.ClientHello: "TLS ClientHello",
    tls_hello.ServerHello: "TLS ServerHello",
    tls_hello.Certificate: "TLS Certificate",
    tls_hello.CertificateTls13: "TLS Certificate",
    tls_hello.CertificateRequest: "TLS CertificateRequest",
    tls_hello.ServerKeyExchange: "TLS ServerKeyExchange",
    tls_hello.ServerHelloDone: "TLS ServerHelloDone",
    Alert: "TLS alert",
    TsRequest: "CredSSP TSRequest",
    ntlm.Negotiate: "NTLM NEGOTIATE",
    ntlm.Challenge: "NTLM CHALLENGE",
    NtlmNames: "NTLM AUTHENTICATE",
    RdstlsCapabilities: "RDSTLS capabilities",
    ServerNonce: "RDS-AAD server nonce",
}
_EDGE = 24  # bytes of each end by which a message that is spread over TLS records is found
_TELLING = 4  # bytes; an alert has two, which stand in many places
_MOST_BYTES = 256 * 1024  # of one side that are looked through


class _Stream:
    """One side's bytes, and which packets they came in. Messages are looked for in their order."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self._pieces = list(pieces)
        self._bytes = b"".join(piece.data for piece in self._pieces)[:_MOST_BYTES]
        self._ends = list(accumulate(len(piece.data) for piece in self._pieces))
        self._at = 0

    def packets(self, raw: bytes, at: float) -> list[int]:
        """Where a message is; where its bytes are not to be found (they were encrypted), what came when it was read."""
        begin = self._bytes.find(raw[:_EDGE], self._at) if len(raw) >= _TELLING else -1
        if begin < 0:
            return sorted({piece.packet for piece in self._pieces if piece.at == at})
        end = begin + len(raw)
        if self._bytes[begin:end] != raw:
            end = max(self._bytes.find(raw[-_EDGE:], begin), begin) + _EDGE
        self._at = begin
        first, last = bisect_right(self._ends, begin), bisect_right(self._ends, end - 1)
        return sorted({piece.packet for piece in self._pieces[first : last + 1] if piece.data})


def packets_of(connection: Connection, events: Iterable[Event]) -> list[CapturedMessage]:
    """The messages that were read, in their order, each with the numbers of its packets.

    `what` is a phrase in English that names the message as its specification does. What is inside TLS is in the packets
    that completed it.
    """
    streams: dict[Side, _Stream] = {}
    found: list[CapturedMessage] = []
    for side, what, raw, at in _messages(events):
        if side not in streams:
            streams[side] = _Stream(piece for piece in connection.pieces if piece.side is side)
        packets = streams[side].packets(raw, at)
        found.append(CapturedMessage(what=what, side="client" if side is Side.CLIENT else "server", packets=packets))
    return found


def _messages(events: Iterable[Event]) -> Iterator[tuple[Side, str, bytes, float]]:
    for event in events:
        if isinstance(event, Seen):
            if (what := _KNOWN.get(type(event.message))) is not None:
                is_retry = isinstance(event.message, tls_hello.ServerHello) and event.message.is_hello_retry_request
                yield event.side, "TLS HelloRetryRequest" if is_retry else what, event.raw, event.at
        elif isinstance(event, Malformed):
            yield event.side, "bytes that cannot be read", event.raw, event.at
        elif isinstance(event, EncryptedAlert):
            yield event.side, "encrypted TLS alert", b"", event.at
