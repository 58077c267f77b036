"""The real servers start, answer as these servers do, and leave nothing behind.

What is asserted here was seen of xrdp 0.9.21, FreeRDP 2.11.7 and weston 10.0.1.
"""

from __future__ import annotations

import hashlib
import os
import socket
import ssl
import sys
from pathlib import Path

import pytest

from probe.wire import nego, x224
from probe.wire.nego import FailureCode, Protocol
from tests.real import process
from tests.real.certificates import Certificate
from tests.real.conftest import Certificates
from tests.real.servers import SOURCE_ADDRESS, FreeRdpShadow, Launcher, Server, Weston, Xrdp, virtual_display
from tests.real.xrdp import ONLY_TLS_1_2, ONLY_TLS_1_3, OPENSSL_CONF_LEVEL_0, SECURITY_LEVEL_0, TLS_1_0_TO_1_3

LIMIT_S = 10.0  # for one read; servers here answer in milliseconds
RDP, SSL, HYBRID = Protocol.RDP, Protocol.SSL, Protocol.HYBRID
SSL_REQUIRED = FailureCode.SSL_REQUIRED_BY_SERVER
SSL_NOT_ALLOWED = FailureCode.SSL_NOT_ALLOWED_BY_SERVER
NO_CERTIFICATE = FailureCode.SSL_CERT_NOT_ON_SERVER
HYBRID_REQUIRED = FailureCode.HYBRID_REQUIRED_BY_SERVER

Answer = Protocol | FailureCode | None
Answers = tuple[Answer, Answer, Answer, Answer]  # to no RDP_NEG_REQ, RDP, SSL, HYBRID

XRDP: dict[str, Answers] = {
    "negotiate": (None, RDP, SSL, RDP),
    "rdp": (None, RDP, RDP, RDP),
    "tls": (None, SSL_REQUIRED, SSL, SSL_REQUIRED),
}
XRDP_WITHOUT_KEY: dict[str, Answers] = {
    "negotiate": (None, RDP, RDP, RDP),
    "tls": (None, NO_CERTIFICATE, NO_CERTIFICATE, NO_CERTIFICATE),
}
SHADOW: dict[str, Answers] = {
    "": (RDP, RDP, SSL, SSL_NOT_ALLOWED),
    "/sec:rdp": (RDP, RDP, SSL_NOT_ALLOWED, SSL_NOT_ALLOWED),
    "/sec:tls": (SSL_REQUIRED, SSL_REQUIRED, SSL, SSL_REQUIRED),
    "/sec:nla": (HYBRID_REQUIRED, HYBRID_REQUIRED, HYBRID_REQUIRED, HYBRID),
    "/sec:ext": (SSL_REQUIRED, SSL_REQUIRED, SSL_REQUIRED, SSL_REQUIRED),
}


def connect(server: Server) -> socket.socket:
    return socket.create_connection((server.address, server.port), LIMIT_S, (SOURCE_ADDRESS, 0))


def negotiate(connection: socket.socket, requested: Protocol | None) -> Answer:
    """What the Connection Confirm says to a request for one protocol; None where it has no negotiation data."""
    wanted = None if requested is None else nego.NegotiationRequest(protocols=requested)
    variable = nego.RequestData(negotiation=wanted).write()
    connection.sendall(x224.write_packet(x224.ConnectionRequest(variable=variable)))
    framer = x224.TpktFramer()
    while (packet := framer.next_packet()) is None:
        data = connection.recv(4096)
        assert data, "closed before a Connection Confirm"
        framer.feed(data)
    confirm = x224.read_packet(packet)
    assert isinstance(confirm, x224.ConnectionConfirm)
    match nego.ConfirmData.read(confirm.variable).negotiation:
        case nego.NegotiationResponse(selected=selected):
            return Protocol(selected)
        case nego.NegotiationFailure(code=code):
            return code
        case None:
            return None


def answers(server: Server) -> tuple[Answer, ...]:
    """One connection for each request."""
    found = []
    for requested in (None, RDP, SSL, HYBRID):
        with connect(server) as connection:
            found.append(negotiate(connection, requested))
    return tuple(found)


def handshake(server: Server, version: ssl.TLSVersion) -> str:
    """Offer one TLS version after SSL was selected: the SHA-256 of the certificate. Raises OSError without session."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = version
    context.minimum_version = version
    with connect(server) as connection:
        assert negotiate(connection, SSL) is SSL
        with context.wrap_socket(connection, suppress_ragged_eofs=False) as tls:
            return hashlib.sha256(tls.getpeercert(binary_form=True) or b"").hexdigest()


def serves(server: Server, version: ssl.TLSVersion) -> bool:
    try:
        return handshake(server, version) != ""
    except OSError:  # an alert, a reset or a close
        return False


@pytest.mark.parametrize("security_layer", XRDP)
def test_xrdp_answers_by_its_security_layer(security_layer: str, made: Certificates) -> None:
    with Xrdp(security_layer=security_layer, certificate=made.rsa) as server:
        assert answers(server) == XRDP[security_layer]


@pytest.mark.parametrize("security_layer", XRDP_WITHOUT_KEY)
def test_xrdp_without_its_key_has_no_tls(security_layer: str, made: Certificates, tmp_path: Path) -> None:
    with Xrdp(security_layer=security_layer, certificate=made.rsa, key=tmp_path / "missing.pem") as server:
        assert answers(server) == XRDP_WITHOUT_KEY[security_layer]


@pytest.mark.parametrize("option", SHADOW)
def test_shadow_answers_by_its_security_option(option: str, made: Certificates, display: str) -> None:
    with FreeRdpShadow(*filter(None, [option]), certificate=made.rsa, display=display) as server:
        assert answers(server) == SHADOW[option]


@pytest.mark.parametrize("with_rdp4_key", [False, True])
def test_weston_selects_rdp_with_and_without_a_key_for_it(with_rdp4_key: bool, made: Certificates) -> None:
    with Weston(made.rsa, made.rdp4_key if with_rdp4_key else None) as server:
        assert answers(server) == (RDP, RDP, SSL, SSL_NOT_ALLOWED)
        assert handshake(server, ssl.TLSVersion.TLSv1_2) == made.rsa.sha256


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize(
    ("launcher", "served"),
    [
        (Xrdp(ssl_protocols=ONLY_TLS_1_2), "1.2"),
        (Xrdp(ssl_protocols=ONLY_TLS_1_3), "1.3"),
        (Xrdp(), "1.2 1.3"),
        (Xrdp(ssl_protocols=TLS_1_0_TO_1_3), "1.2 1.3"),
        (Xrdp(ssl_protocols=TLS_1_0_TO_1_3, tls_ciphers=SECURITY_LEVEL_0), "1.0 1.1 1.2 1.3"),
        (Xrdp(ssl_protocols=TLS_1_0_TO_1_3, tls_ciphers="", openssl_conf=OPENSSL_CONF_LEVEL_0), "1.0 1.1 1.2 1.3"),
    ],
    ids=["1.2", "1.3", "default", "level-2", "level-0-by-ciphers", "level-0-by-openssl-conf"],
)
def test_xrdp_serves_the_tls_versions_it_was_set_to(launcher: Launcher, served: str) -> None:
    versions = {"1.0": ssl.TLSVersion.TLSv1, "1.1": ssl.TLSVersion.TLSv1_1}
    versions |= {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
    with launcher as server:
        assert " ".join(name for name, version in versions.items() if serves(server, version)) == served


@pytest.mark.parametrize("kind", ["rsa", "ecdsa", "expired"])
def test_servers_present_the_certificate_they_were_given(kind: str, made: Certificates, display: str) -> None:
    given: Certificate = getattr(made, kind)
    launchers = (Xrdp(certificate=given), FreeRdpShadow(certificate=given, display=display), Weston(given))
    for launcher in launchers:
        with launcher as server:
            assert handshake(server, ssl.TLSVersion.TLSv1_2) == given.sha256


def test_a_certificate_is_what_its_description_says(made: Certificates) -> None:
    from cryptography import x509

    for kind, bits in ((made.rsa, 2048), (made.ecdsa, 256), (made.expired, 2048)):
        found = x509.load_pem_x509_certificate(kind.certificate.read_bytes())
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert found.subject.rfc4514_string() == f"CN={kind.subject}"
        assert tuple(names.get_values_for_type(x509.DNSName)) == kind.names
        assert (found.not_valid_before_utc, found.not_valid_after_utc) == (kind.not_before, kind.not_after)
        assert kind.key_bits == bits
    assert made.expired.not_after < made.rsa.not_before + (made.rsa.not_after - made.rsa.not_before) * 0.75


def test_a_server_is_gone_afterwards_with_its_files_and_connections(made: Certificates) -> None:
    for launcher in (Xrdp(), FreeRdpShadow(), Weston(made.rsa)):
        with launcher as server:
            assert server.alive()
            assert server.listening()
            connection = connect(server)  # xrdp forks a child for it
            assert negotiate(connection, SSL) is SSL
            assert process.start_time(server.pid) == server.started
        with connection:
            connection.settimeout(LIMIT_S)
            assert connection.recv(1) == b""
        assert not server.alive()
        assert not server.listening()
        assert process.members(server.pid) == set()
        assert not server.directory.exists()


def test_an_xrdp_notes_in_its_log_where_it_listens() -> None:
    with Xrdp() as server:
        assert f"listening to port {server.port} on {server.address}" in server.log


def test_servers_have_an_address_each(made: Certificates) -> None:
    with Xrdp(certificate=made.rsa) as first, Xrdp(certificate=made.rsa) as second:
        assert first.address != second.address
        assert first.target == f"{first.address}:{first.port}"
        assert first.listening()
        assert not process.listening(first.address, second.port)


def test_a_display_is_gone_afterwards() -> None:
    with virtual_display() as name:
        path = Path(f"/tmp/.X11-unix/X{name[1:]}")
        assert path.is_socket()
    assert not path.exists()


def test_a_server_that_ends_at_once_is_reported_with_its_log(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", "print('no settings'); raise SystemExit(3)"]
    server = Server(argv, process.free_endpoint(), tmp_path, {})
    with pytest.raises(RuntimeError, match=r"ended with status 3\nno settings"):
        server.wait_until_listening()
    server.stop()


def test_what_ignores_sigterm_is_killed_with_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "GRACE_S", 0.05)
    stubborn = (
        "import os, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "os.fork(); print(1, flush=True); signal.pause()"
    )
    one = process.Process([sys.executable, "-c", stubborn], tmp_path, {})
    one.wait_for(lambda: one.log == "1\n1\n", "both processes")
    assert len(process.members(one.pid)) == 2
    one.stop()
    assert process.members(one.pid) == set()
    assert not one.alive()


def test_a_missing_program_skips_a_user_and_fails_root_and_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no-such-server is not installed"):
        process.program("no-such-server")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no-such-server is not installed"):
        process.program("no-such-server")
    monkeypatch.delenv("CI")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(pytest.fail.Exception, match="no-such-server is not installed"):
        process.program("no-such-server")


def test_settings_of_the_caller_do_not_reach_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/elsewhere")
    one = process.Process(["env"], tmp_path, {"DISPLAY": ":9"})
    assert process.until(lambda: not one.alive(), LIMIT_S)
    assert "DISPLAY=:9" in one.log
    assert "XDG_CONFIG_HOME" not in one.log
