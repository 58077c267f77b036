"""What --simulate sends is what the real programs send, and what it measures comes true for them."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
import trio

from probe.audit.conversation import Conversation
from probe.audit.settings import Settings
from probe.audit.simulation import opening
from probe.clients import CLIENTS
from probe.diagnosis.simulated import measured
from probe.drive.limits import Limits
from probe.drive.live import audit
from probe.handshake.machine import Machine, Side
from probe.result import Client, Target
from probe.wire import tls_extensions as ext
from probe.wire.cursor import Reader, Writer
from probe.wire.tls_extensions import ExtensionType
from probe.wire.tls_hello import ClientHello, ServerHello, read_handshake, write_handshake
from probe.wire.tls_record import ContentType, Record
from probe.wire.tls_version import TLS12, TLS13
from tests.real.client_agreement import SITUATIONS, VISITORS, Place
from tests.real.clients import USER, RealClients
from tests.real.conftest import Certificates
from tests.real.process import SOURCE_ADDRESS

SELECTS_SSL = bytes.fromhex("030000130ed000001234000200080001000000")
RELAY = "127.0.61.1"  # where the visitors find their servers
P384 = 0x0018
PLACES = (
    "xrdp, security_layer=negotiate",
    "xrdp, security_layer=tls",
    "xrdp, rdp, crypt_level=high",
    "xrdp, TLS 1.3 only",
    "xrdp, TLS 1.2 only",
    "xrdp, TLS 1.0 only",
    "xrdp, TLS 1.2, AES128-CCM only",
    "xrdp, TLS 1.3, group P-521 only",
    "xrdp, tls, key missing",
    "freerdp-shadow",
    "freerdp-shadow /sec:nla",
    "freerdp-shadow /sec:tls",
    "freerdp-shadow /sec:rdp",
)


@pytest.fixture(scope="module")
def clients() -> Iterator[RealClients]:
    with RealClients() as running:
        yield running


@pytest.fixture(scope="module")
def place(made: Certificates, display: str, tmp_path_factory: pytest.TempPathFactory) -> Place:
    directory = tmp_path_factory.mktemp("simulation")
    return Place(directory=directory, display=display, rsa=made.rsa, ecdsa=made.ecdsa, rdp4_key=made.rdp4_key)


def heard(connection: socket.socket) -> list[bytes]:
    """The request, the hello, and the one behind a HelloRetryRequest for a group that has had no share."""
    said = [_tpkt(connection)]
    connection.sendall(SELECTS_SSL)
    said.append(_record(connection))
    connection.sendall(retry_to(said[1]))
    said += [_record(connection)]
    if said[-1][:1] == b"\x14":  # change_cipher_spec, RFC 8446 D.4
        said.append(_record(connection))
    return said


def retry_to(raw: bytes) -> bytes:
    extensions = (ext.selected_version(TLS13), ext.retry_key_share(P384))
    retry = ServerHello(
        version=TLS12,
        random=ServerHello.RETRY_RANDOM,
        session_id=hello_in(raw).session_id,
        cipher_suite=0x1302,
        extensions=extensions,
    )
    return _written(write_handshake(retry), TLS12)


def of_the_program(key: str, clients: RealClients) -> list[bytes]:
    said: list[bytes] = []
    with socket.create_server(("127.0.60.252", 0)) as listener:
        listener.settimeout(10)

        def serve() -> None:
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    connection.settimeout(5)
                    said.extend(heard(connection))
            listener.close()  # it may come again

        thread = threading.Thread(target=serve)
        thread.start()
        clients.visit(key, f"127.0.60.252:{listener.getsockname()[1]}")
        thread.join()
    return said


def of_the_simulation(key: str) -> list[bytes]:
    profile = CLIENTS[key]
    conversation = Conversation(Settings(cookie=USER), None, os.urandom, RELAY)
    machine = conversation.machine(opening(profile, profile.requests[0]))
    said = [machine.data_to_send()]
    _answered(machine, said[0], SELECTS_SSL)
    said.append(machine.data_to_send())
    _answered(machine, said[1], retry_to(said[1]))
    both = machine.data_to_send()
    return [*said, both[:6], both[6:]] if both[:1] == b"\x14" else [*said, both]


def _answered(machine: Machine, said: bytes, answer: bytes) -> None:
    machine.observe(Side.CLIENT, said, 0.0)
    machine.observe(Side.SERVER, answer, 0.0)


def _tpkt(connection: socket.socket) -> bytes:
    head = connection.recv(4, socket.MSG_WAITALL)
    return head + connection.recv(int.from_bytes(head[2:]) - 4, socket.MSG_WAITALL)


def _record(connection: socket.socket) -> bytes:
    head = connection.recv(5, socket.MSG_WAITALL)
    return head + connection.recv(int.from_bytes(head[3:]), socket.MSG_WAITALL)


def _written(fragment: bytes, version: int) -> bytes:
    w = Writer()
    Record(type=ContentType.HANDSHAKE, version=version, fragment=fragment).write(w)
    return w.getvalue()


def hello_in(raw: bytes) -> ClientHello:
    hello = read_handshake(Record.read(Reader(raw, "Record")).fragment, 0)
    assert isinstance(hello, ClientHello)
    return hello


def without_random(raw: bytes) -> bytes:
    """A hello with zeros where every program has values of its own."""
    hello, record = hello_in(raw), Record.read(Reader(raw, "Record"))
    assert _written(write_handshake(hello), record.version) == raw  # so nothing else can get lost here
    shares = [
        ext.client_key_share([(group, bytes(len(key))) for group, key in ext.read_client_key_share(each.body)])
        if each.type == ExtensionType.KEY_SHARE
        else each
        for each in hello.extensions or ()
    ]
    plain = replace(hello, random=bytes(32), session_id=bytes(len(hello.session_id)), extensions=tuple(shares))
    return _written(write_handshake(plain), record.version)


@pytest.mark.parametrize("key", VISITORS)
def test_a_simulated_client_says_what_the_program_says(key: str, clients: RealClients) -> None:
    real, ours = of_the_program(key, clients), of_the_simulation(key)
    assert len(real) == len(ours)
    for theirs, own in zip(real, ours, strict=True):
        if theirs[:1] == b"\x16":
            assert without_random(own).hex() == without_random(theirs).hex()
        else:
            assert own.hex() == theirs.hex()


def simulated(target: str) -> dict[str, Client]:
    host, _, port = target.rpartition(":")
    settings, limits = Settings(simulate=VISITORS), Limits(source_address=SOURCE_ADDRESS)
    where = Target(input=target, host=host, address=host, port=int(port))
    result = trio.run(functools.partial(audit, where, settings, limits))
    return dict(zip(VISITORS, measured(result), strict=True))


@pytest.mark.parametrize("name", PLACES)
def test_what_is_measured_comes_true(name: str, place: Place, clients: RealClients) -> None:
    with SITUATIONS[name].make(place) as server:
        found = simulated(server.target)
        for key in VISITORS:
            visit = clients.visit(key, server.target)
            said = found[key]
            assert said.measured
            assert said.connects in (visit.got_in, None), f"{said}: got in: {visit.got_in}\n{visit.words}"
            if said.connects is None:
                troubles = [trouble.words for trouble in CLIENTS[key].troubles]
                assert "Kerberos" in (said.because or "") or said.because in troubles, said
