"""What FreeRDP and rdesktop send is what their profiles say: request, hello, and what follows a failure."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence

import pytest

from probe.clients import CLIENTS
from probe.clients.profile import Request, TlsProfile
from probe.wire import tls_extensions as ext
from probe.wire.cursor import Writer
from probe.wire.nego import ConfirmData, FailureCode, NegotiationFailure, NegotiationResponse, RequestData
from probe.wire.tls_extensions import ExtensionType
from probe.wire.tls_hello import ClientHello, read_handshake
from probe.wire.x224 import ConnectionConfirm, ConnectionRequest, Tpkt, read_packet
from tests.real.clients import RealClients

WATCHED = ("freerdp2", "rdesktop")
SSL, HYBRID = NegotiationResponse(selected=1), NegotiationResponse(selected=2)


@pytest.fixture(scope="module")
def clients() -> Iterator[RealClients]:
    with RealClients() as running:
        yield running


def met(clients: RealClients, key: str, answers: Sequence[object]) -> tuple[list[Request], list[bytes]]:
    """The requests of one client at a listener that gives these answers, one a connection; and what it said next."""
    with socket.create_server(("127.0.60.253", 0)) as listener:
        listener.settimeout(1.0)
        requests: list[Request] = []
        next_words: list[bytes] = []
        thread = threading.Thread(target=_serve, args=(listener, answers, requests, next_words))
        thread.start()
        clients.visit(key, f"127.0.60.253:{listener.getsockname()[1]}")
        thread.join()
    return requests, next_words


def _serve(
    listener: socket.socket, answers: Sequence[object], requests: list[Request], next_words: list[bytes]
) -> None:
    for answer in answers:
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(1.0)
                requests.append(_request(_packet(connection)))
                if isinstance(answer, NegotiationResponse | NegotiationFailure):
                    connection.sendall(_confirm(answer))
                    next_words.append(connection.recv(65536))
    listener.close()  # who comes back is refused, and does not wait


def _packet(connection: socket.socket) -> bytes:
    head = connection.recv(4, socket.MSG_WAITALL)
    return head + connection.recv(int.from_bytes(head[2:]) - 4, socket.MSG_WAITALL)


def _request(packet: bytes) -> Request:
    request = read_packet(packet)
    assert isinstance(request, ConnectionRequest)
    data = RequestData.read(request.variable)
    assert data.cookie == b"someone"
    return Request(protocols=data.negotiation.protocols if data.negotiation is not None else None)


def _confirm(answer: NegotiationResponse | NegotiationFailure) -> bytes:
    w = Writer()
    ConnectionConfirm(variable=ConfirmData(negotiation=answer).write()).write(w)
    packet = Writer()
    Tpkt(payload=w.getvalue()).write(packet)
    return packet.getvalue()


def described(hello: ClientHello) -> TlsProfile:
    """A hello as a profile has it."""

    def body(kind: ExtensionType) -> bytes:
        return ext.find(hello.extensions, kind) or b""

    return TlsProfile(
        versions=ext.read_supported_versions(body(ExtensionType.SUPPORTED_VERSIONS)),
        suites=hello.cipher_suites,
        groups=ext.read_supported_groups(body(ExtensionType.SUPPORTED_GROUPS)),
        schemes=ext.read_signature_algorithms(body(ExtensionType.SIGNATURE_ALGORITHMS)),
        extensions=tuple(extension.type for extension in hello.extensions or ()),
        shares=tuple(group for group, _ in ext.read_client_key_share(body(ExtensionType.KEY_SHARE))),
    )


@pytest.mark.parametrize("key", WATCHED)
def test_the_hello_of_a_profile_is_the_real_one(key: str, clients: RealClients) -> None:
    requests, words = met(clients, key, [SSL])
    assert requests == [Request(protocols=CLIENTS[key].requests[0].protocols)]
    hello = read_handshake(words[0][5:], 0)
    assert isinstance(hello, ClientHello)
    seen, told = described(hello), CLIENTS[key].tls
    assert told is not None
    for name in ("versions", "suites", "groups", "schemes", "extensions", "shares"):
        assert getattr(seen, name) == getattr(told, name), name


def followed(key: str, answers: Sequence[object]) -> list[int | None]:
    """The requests that the profile says a client makes when it meets these answers."""
    requests, place, made = CLIENTS[key].requests, 0, []
    for answer in answers:
        made.append(requests[place].protocols)
        event = answer.code.name if isinstance(answer, NegotiationFailure) else "closed"
        if isinstance(answer, NegotiationResponse):
            event = "HYBRID failed" if answer.selected == 2 else "SSL failed"
        later = range(place + 1, len(requests))
        found = next((number for number in later if event in requests[number].after), None)
        if found is None:
            return made
        place = found
    return made


ANSWERS = [
    *([NegotiationFailure(code=FailureCode(code))] * 3 for code in range(1, 7)),
    [HYBRID, SSL, NegotiationFailure(code=FailureCode(5))],
    [SSL, NegotiationFailure(code=FailureCode(1))],
    ["closed"],
]


@pytest.mark.parametrize("key", WATCHED)
@pytest.mark.parametrize("answers", ANSWERS, ids=str)
def test_a_client_falls_back_as_its_profile_says(key: str, answers: list[object], clients: RealClients) -> None:
    if key == "rdesktop" and [getattr(answer, "code", None) for answer in answers] in ([2, 2, 2], [3, 3, 3]):
        answers = answers[:2]  # it asks for plain RDP again and again: the profile has it once
    requests, _ = met(clients, key, answers)
    assert [request.protocols for request in requests] == followed(key, answers)
