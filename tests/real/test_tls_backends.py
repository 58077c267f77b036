"""The TLS servers behind the front serve what they say, suite by suite.

What a server accepts is found here by the plainest way, one suite after the other in connections of their own, so that
it can stand against what the program finds by its own way. Seen of OpenSSL 3.0.22, GnuTLS 3.7.9 and NSS 3.87.
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from probe.handshake.client_hello import client_hello, usual_offer
from probe.handshake.machine import Event, Seen, Side
from probe.handshake.tls_hello import TlsHello
from probe.wire import ssl2, tls_hello
from probe.wire.iana import CIPHER_SUITES
from probe.wire.tls_extensions import ExtensionType, find, read_retry_key_share
from probe.wire.tls_version import VERSION_NAMES
from tests.real import tls_backends
from tests.real.certificates import Certificate
from tests.real.conftest import Certificates
from tests.real.process import Server
from tests.real.ssl2_server import Ssl2Server
from tests.real.test_harness import connect
from tests.real.tls_backends import (
    OPENSSL_GROUPS,
    GnutlsServer,
    NssServer,
    OpensslServer,
    TlsBackend,
    everything_openssl,
    rsa_and_ecdsa,
)

CODES = {name: code for code, name in VERSION_NAMES.items()}
SCSV = {0x00FF, 0x5600}
ALL_GROUPS = tuple(OPENSSL_GROUPS.values())


def ask(server: Server, hello: bytes) -> TlsHello:
    """The answer to a ClientHello, without X.224. A server that closes or resets has not answered."""
    machine = TlsHello(hello)
    machine.observe(Side.CLIENT, machine.data_to_send(), 0)
    with connect(server) as connection:
        connection.sendall(hello)
        events: list[Event] = []
        while not machine.finished:
            try:
                data = connection.recv(65536)
            except ConnectionResetError:
                break
            if not data:
                break
            events += machine.observe(Side.SERVER, data, 0)
    return machine


def hello_of(version: str, suites: tuple[int, ...] = (), name: str | None = None) -> bytes:
    offer = replace(usual_offer(CODES[version]), groups=ALL_GROUPS)
    return client_hello(replace(offer, suites=suites) if suites else offer, os.urandom, name)


def accepted(server: Server, version: str) -> set[int]:
    """Every suite of the registry that a server selects in a version."""
    left = [code for code in CIPHER_SUITES if code not in SCSV]
    found = set()
    while left:
        said = ask(server, hello_of(version, tuple(left))).server_hello
        if said is None or VERSION_NAMES[said.selected_version] != version:
            break
        found.add(said.cipher_suite)
        left.remove(said.cipher_suite)
    return found


def served(server: Server) -> dict[str, set[int]]:
    return {version: found for version in tls_backends.VERSIONS if (found := accepted(server, version))}


NSS_SUITES = ":000A:002F:003C:009C:C009:C013:C02B:C02F:1301:1303"
Making = Callable[[Certificates], TlsBackend]

BACKENDS: dict[str, Making] = {
    "openssl": lambda made: OpensslServer(),
    "openssl-level-2": lambda made: OpensslServer(ciphers="DEFAULT"),
    "openssl-ecdsa": lambda made: OpensslServer(certificates=[made.ecdsa]),
    "openssl-rsa-and-ecdsa": lambda made: rsa_and_ecdsa(made.rsa, made.ecdsa),
    "openssl-everything": lambda made: everything_openssl([made.rsa, made.ecdsa]),
    "openssl-ccm": lambda made: OpensslServer(versions=["TLSv1.3"], ciphersuites="TLS_AES_128_CCM_SHA256"),
    "openssl-tls-1.3": lambda made: tls_backends.tls13_only(),
    "openssl-anonymous": lambda made: tls_backends.anonymous_only(),
    "openssl-null": lambda made: tls_backends.null_only(),
    "gnutls": lambda made: GnutlsServer(certificates=[made.rsa, made.ecdsa]),
    "gnutls-anonymous-too": lambda made: GnutlsServer(priority="NORMAL:+ANON-ECDH:+ANON-DH"),
    "gnutls-rc4": lambda made: tls_backends.rc4_only(),
    "gnutls-3des": lambda made: tls_backends.triple_des_only(),
    "nss-sslv3": lambda made: tls_backends.sslv3_only(),
    "nss-sslv3-and-tls-1.0": lambda made: NssServer(),
    "nss-rsa": lambda made: NssServer(versions="tls1.0:tls1.3", suites=NSS_SUITES),
    "nss-ecdsa": lambda made: NssServer(versions="tls1.1:tls1.2", suites=NSS_SUITES, certificates=[made.ecdsa]),
}


@pytest.mark.parametrize("kind", BACKENDS)
def test_a_server_serves_what_it_says_and_nothing_else(kind: str, made: Certificates) -> None:
    backend = BACKENDS[kind](made)
    with backend as server:
        assert served(server) == backend.expected_suites


def test_the_ready_made_ones_are_what_their_names_say(made: Certificates) -> None:
    def names(backend: TlsBackend) -> set[str]:
        return {CIPHER_SUITES[code] for suites in backend.expected_suites.values() for code in suites}

    both = rsa_and_ecdsa(made.rsa, made.ecdsa).expected_suites
    assert list(both) == ["TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"]
    assert len(set.union(*both.values())) >= 25
    assert len(names(everything_openssl([made.rsa, made.ecdsa]))) > 80
    assert list(tls_backends.tls13_only().expected_suites) == ["TLSv1.3"]
    assert list(tls_backends.sslv3_only().expected_suites) == ["SSLv3"]
    assert all("_RC4_" in name for name in names(tls_backends.rc4_only()))
    assert all("_3DES_" in name for name in names(tls_backends.triple_des_only()))
    assert all("_anon_" in name for name in names(tls_backends.anonymous_only()))
    assert all("_NULL_" in name for name in names(tls_backends.null_only()))


@pytest.mark.parametrize("library", [OpensslServer, GnutlsServer])
def test_a_server_presents_the_certificate_that_fits_the_suite(
    library: type[OpensslServer | GnutlsServer], made: Certificates
) -> None:
    with library(certificates=[made.rsa, made.ecdsa]) as server:
        for suite, certificate in ((0xC02F, made.rsa), (0xC02B, made.ecdsa)):
            assert leaf(server, hello_of("TLSv1.2", (suite,))) == certificate.sha256


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_nss_presents_the_certificate_that_it_was_given(kind: str, made: Certificates) -> None:
    given: Certificate = getattr(made, kind)
    with NssServer(versions="tls1.2:tls1.2", suites=NSS_SUITES, certificates=[given]) as server:
        assert leaf(server, hello_of("TLSv1.2")) == given.sha256


def leaf(server: Server, hello: bytes) -> str:
    """The digest of the certificate that comes first."""
    machine = TlsHello(hello)
    machine.observe(Side.CLIENT, machine.data_to_send(), 0)
    chains = [message.chain for message in seen(server, machine, hello) if isinstance(message, tls_hello.Certificate)]
    return hashlib.sha256(chains[0][0]).hexdigest()


def seen(server: Server, machine: TlsHello, hello: bytes) -> list[object]:
    events: list[Event] = []
    with connect(server) as connection:
        connection.sendall(hello)
        while not machine.finished and (data := connection.recv(65536)):
            events += machine.observe(Side.SERVER, data, 0)
    return [event.message for event in events if isinstance(event, Seen)]


@pytest.mark.parametrize(
    ("backend", "selected"),
    [(tls_backends.server_order(), (0xC030, 0xC030)), (tls_backends.client_order(), (0xC030, 0x009C))],
    ids=["server", "client"],
)
def test_the_order_of_suites_is_that_of_the_side_that_was_set(backend: TlsBackend, selected: tuple[int, int]) -> None:
    with backend as server:
        for suites, suite in zip(((0xC030, 0x009C), (0x009C, 0xC030)), selected, strict=True):
            said = ask(server, hello_of("TLSv1.2", suites)).server_hello
            assert said is not None
            assert said.cipher_suite == suite


def groups_accepted(server: Server) -> set[int]:
    """Every group that a server asks a share for in TLS 1.3, by hellos without one."""
    left = list(ALL_GROUPS)
    found = set()
    while left:
        offer = replace(usual_offer(CODES["TLSv1.3"]), groups=tuple(left), share=False)
        said = ask(server, client_hello(offer, os.urandom, None)).server_hello
        if said is None:
            break
        share = find(said.extensions, ExtensionType.KEY_SHARE)
        assert share is not None
        group = read_retry_key_share(share)
        found.add(group)
        left.remove(group)
    return found


@pytest.mark.parametrize("groups", [(), ("P-521",), ("X448", "ffdhe2048")], ids=["default", "one", "two"])
def test_the_groups_are_those_configured(groups: tuple[str, ...]) -> None:
    backend = OpensslServer(groups=groups)
    with backend as server:
        assert groups_accepted(server) == backend.expected_groups


def test_another_name_gets_another_certificate(made: Certificates) -> None:
    with OpensslServer(certificates=[made.rsa], other_name=("other.test", made.ecdsa)) as server:
        assert leaf(server, hello_of("TLSv1.2")) == made.rsa.sha256
        assert leaf(server, hello_of("TLSv1.2", name="other.test")) == made.ecdsa.sha256


def test_a_chain_and_a_stapled_response_are_served(made: Certificates, tmp_path: Path) -> None:
    stapled = tls_backends.ocsp_response(tmp_path, made.rsa)
    with OpensslServer(certificates=[made.rsa], chain=made.ecdsa.certificate, stapled=stapled) as server:
        hello = client_hello(replace(usual_offer(CODES["TLSv1.2"]), extras=True), os.urandom, None)
        machine = TlsHello(hello)
        machine.observe(Side.CLIENT, machine.data_to_send(), 0)
        messages = {type(message): message for message in seen(server, machine, hello)}
    chain, status = messages[tls_hello.Certificate], messages[tls_hello.CertificateStatus]
    assert isinstance(chain, tls_hello.Certificate)
    assert [hashlib.sha256(each).hexdigest() for each in chain.chain] == [made.rsa.sha256, made.ecdsa.sha256]
    assert isinstance(status, tls_hello.CertificateStatus)
    assert stapled.read_bytes() in status.response


@pytest.mark.parametrize(("asking", "asks"), [("no", False), ("requested", True), ("required", True)])
def test_a_client_certificate_is_asked_for_where_it_was_set(asking: str, asks: bool) -> None:
    with GnutlsServer(client_certificate=asking) as server:  # type: ignore[arg-type]
        hello = hello_of("TLSv1.2")
        machine = TlsHello(hello)
        machine.observe(Side.CLIENT, machine.data_to_send(), 0)
        found = any(isinstance(message, tls_hello.CertificateRequest) for message in seen(server, machine, hello))
        assert found is asks


def test_a_missing_server_program_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr("tests.real.process._SEARCH", "/nowhere")
    with pytest.raises(pytest.fail.Exception, match="gnutls-serv is not installed"), GnutlsServer():
        pass


# SSL 2.0


def sslv2_hello(version: int, *specs: int) -> bytes:
    return ssl2.write_message(ssl2.ClientHello(version=version, cipher_specs=specs, challenge=bytes(16)))


def answer_of_sslv2(server: Server, hello: bytes) -> ssl2.Message | None:
    framer = ssl2.RecordFramer()
    with connect(server) as connection:
        connection.sendall(hello)
        while (record := framer.next_record()) is None and (data := connection.recv(65536)):
            framer.feed(data)
    return ssl2.read_message(record.data) if record else None


@pytest.mark.parametrize("version", [0x0002, 0x0301])
def test_sslv2_is_answered_with_what_both_have(version: int, made: Certificates) -> None:
    with Ssl2Server(certificate=made.rsa, kinds=(0x0700C0, 0x010080)) as server:
        said = answer_of_sslv2(server, sslv2_hello(version, 0x00002F, *ssl2.CIPHER_KINDS))
        assert isinstance(said, ssl2.ServerHello)
        assert (said.version, said.cipher_specs) == (0x0002, (0x0700C0, 0x010080))
        assert hashlib.sha256(said.certificate).hexdigest() == made.rsa.sha256
        said = answer_of_sslv2(server, sslv2_hello(version, 0x010080))
        assert isinstance(said, ssl2.ServerHello)
        assert said.cipher_specs == (0x010080,)
        said = answer_of_sslv2(server, sslv2_hello(version, 0x00002F))
        assert said == ssl2.Error(code=ssl2.ErrorCode.NO_CIPHER)


def test_an_sslv2_server_closes_on_tls_and_on_anything_else() -> None:
    backend = Ssl2Server()
    assert backend.expected_suites == {"SSLv2": {0x0700C0, 0x010080, 0x020080}}
    with backend as server:
        assert served(server) == {}
        for sent in (b"GET / HTTP/1.0\r\n\r\n", sslv2_hello(0x0001, 0x010080), b"\x80\x03\x05abc"):
            with connect(server) as connection:
                connection.sendall(sent)
                connection.shutdown(socket.SHUT_WR)
                assert connection.recv(1) == b""
