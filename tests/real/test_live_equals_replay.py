"""A capture of an audit says what the audit says: fact by fact, for each real server and for each embedded one.

`host --pcap-out --keylog-out`, then `replay --by-server --keylog` of that: see `live_equals_replay` for what may
differ, and why. Without the key log what is encrypted is missing, and nothing else is otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.real import tls_backends
from tests.real.conftest import Certificates
from tests.real.front import X224Front
from tests.real.live_equals_replay import Comparison, compare, complaints, embedded
from tests.real.process import SOURCE_ADDRESS, Launcher
from tests.real.servers import FreeRdpShadow, Weston, Xrdp
from tests.real.xrdp import OPENSSL_CONF_LEVEL_0, SECURITY_LEVEL_0, TLS_1_0_TO_1_3

EMBEDDED = (
    "windows-nla", "windows-no-nla", "xrdp-like", "xrdp-missing-key", "xp-like", "tls10-only", "expired-certificate",
    "drops-client-hello", "no-license-server", "connection-limit", "http", "ssh", "silent", "tarpit",
)  # fmt: skip
MAKE: dict[str, Callable[[Certificates, str], Launcher]] = {
    "xrdp-negotiate": lambda made, _: Xrdp(certificate=made.rsa),
    "xrdp-tls": lambda made, _: Xrdp(security_layer="tls", certificate=made.ecdsa),
    "xrdp-rdp-low": lambda *_: Xrdp(security_layer="rdp", crypt_level="low"),
    "xrdp-rdp-fips": lambda *_: Xrdp(security_layer="rdp", crypt_level="fips"),
    "xrdp-old-tls": lambda made, _: Xrdp(
        security_layer="tls",
        certificate=made.rsa,
        ssl_protocols=TLS_1_0_TO_1_3,
        tls_ciphers=SECURITY_LEVEL_0,
        openssl_conf=OPENSSL_CONF_LEVEL_0,
    ),
    "xrdp-no-key": lambda made, _: Xrdp(security_layer="tls", certificate=made.rsa, key=Path("/nowhere/key.pem")),
    "freerdp-nla": lambda made, display: FreeRdpShadow("/sec:nla", display=display, certificate=made.rsa),
    "freerdp-tls": lambda made, display: FreeRdpShadow("/sec:tls", display=display, certificate=made.rsa),
    "freerdp-rdp": lambda _, display: FreeRdpShadow("/sec:rdp", display=display),
    "freerdp-all": lambda made, display: FreeRdpShadow("-auth", display=display, certificate=made.rsa),
    "weston": lambda made, _: Weston(made.rsa, made.rdp4_key),
    "openssl-everything": lambda made, _: X224Front(tls_backends.everything_openssl([made.rsa, made.ecdsa])),
    "openssl-tls13": lambda *_: X224Front(tls_backends.tls13_only()),
    "gnutls-rc4": lambda *_: X224Front(tls_backends.rc4_only()),
    "nss-sslv3": lambda *_: X224Front(tls_backends.sslv3_only()),
}
# Where a server sends what its own protocol does not allow, tshark says so: it was so.
_TRUE = ("Connection reset (RST)", "Ignored Unknown Record")


@pytest.fixture(scope="module")
def demo() -> Iterator[dict[str, str]]:
    with embedded() as servers:
        yield {server["name"]: f"{server['address']}:{server['port']}" for server in servers}


def assert_same(compared: Comparison, directory: Path) -> None:
    assert not compared.differences, "\n".join(compared.differences)
    wrong = [line for line in complaints(directory / "x.pcap") if not any(words in line for words in _TRUE)]
    assert wrong == []


@pytest.mark.parametrize("depth", ["standard", "full"])
@pytest.mark.parametrize("name", EMBEDDED)
def test_embedded_servers(name: str, depth: str, demo: dict[str, str], tmp_path: Path) -> None:
    assert set(demo) == set(EMBEDDED)
    # A client that goes away within 2 s has not waited for an answer, whatever it knows itself.
    assert_same(compare(demo[name], tmp_path, "--depth", depth, "--timeout", "3s"), tmp_path)


@pytest.mark.parametrize("depth", ["standard", "full"])
@pytest.mark.parametrize("name", MAKE)
def test_real_servers(name: str, depth: str, made: Certificates, display: str, tmp_path: Path) -> None:
    with MAKE[name](made, display) as server:
        options = ("--depth", depth, "--source-address", SOURCE_ADDRESS)
        assert_same(compare(server.target, tmp_path, *options), tmp_path)
