"""What the catalogue quotes of xrdp.log is what xrdp writes there, so that searching for it finds it."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from probe.diagnosis import CATALOGUE
from probe.diagnosis.rule import texts
from tests.matrix.rows_xrdp import small, with_damaged_certificate, with_passphrase
from tests.real import certificates
from tests.real.process import Launcher
from tests.real.xrdp import Xrdp

_ASKS_FOR_TLS = bytes.fromhex("03000013 0ee00000000000 0100080001000000")  # TPKT, X.224 CR, RDP_NEG_REQ with SSL


def _key_of_another(room: Path) -> Xrdp:
    return Xrdp(security_layer="tls", certificate=certificates.rsa(room), key=certificates.ecdsa(room).key)


def _without_certificate(room: Path) -> Xrdp:
    made = certificates.rsa(room)
    made.certificate.unlink()
    return Xrdp(security_layer="tls", certificate=made)


@pytest.mark.parametrize(
    ("make", "code", "quotes"),
    [
        (_key_of_another, "TLS_HANDSHAKE_ABORTED", ["Private key FILE and certificate FILE do not match"]),
        (
            with_passphrase,
            "TLS_HANDSHAKE_ABORTED",
            ["Encryption is not supported for FILE", "Error loading TLS private key from FILE"],
        ),
        (with_damaged_certificate, "TLS_HANDSHAKE_ABORTED", ["Error loading TLS certificate chain from FILE"]),
        (
            lambda room: Xrdp(security_layer="tls", certificate=small(room, 1024)),
            "TLS_HANDSHAKE_ABORTED",
            ["Error loading TLS certificate chain from FILE", "ee key too small"],
        ),
        (
            lambda _: Xrdp(security_layer="tls", tls_ciphers="NONSENSE"),
            "TLS_HANDSHAKE_ABORTED",
            ["Invalid TLS cipher options VALUE", "no cipher match"],
        ),
        (
            lambda _: Xrdp(security_layer="tls", ssl_protocols="TLS1.2"),
            "TLS_NO_COMMON_VERSION",
            ["No SSL/TLS protocols enabled"],
        ),
        (
            lambda room: Xrdp(security_layer="tls", key=room / "missing.pem"),
            "TLS_CERTIFICATE_MISSING",
            ["Cannot read private key file", "No such file or directory"],
        ),
        (
            _without_certificate,
            "TLS_CERTIFICATE_MISSING",
            ["Cannot read certificate file FILE: No such file or directory"],
        ),
        (
            lambda room: Xrdp(key=room / "missing.pem"),
            "STANDARD_RDP_ONLY",
            ["Cannot accept TLS connections because certificate or private key file is not readable"],
        ),
    ],
    ids=[
        "another-key",
        "passphrase",
        "damaged",
        "small",
        "ciphers",
        "protocols",
        "no-key",
        "no-certificate",
        "falls-back",
    ],
)
def test_what_is_quoted_of_the_log_stands_in_it(
    make: Callable[[Path], Launcher], code: str, quotes: list[str], tmp_path: Path
) -> None:
    said = " ".join(texts(CATALOGUE[code]))
    with make(tmp_path) as server, socket.create_connection((server.address, server.port), timeout=10) as peer:
        peer.sendall(_ASKS_FOR_TLS)
        for quote in quotes:
            assert quote in said
            pattern = re.compile(re.escape(quote).replace("FILE", r"\S+").replace("VALUE", r"\S+"))
            server.wait_for(lambda found=pattern.search: found(server.log) is not None, quote)  # type: ignore[misc]
