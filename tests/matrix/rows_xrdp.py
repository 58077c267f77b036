"""xrdp, as it is installed, as it is hardened, and as it is got wrong."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from probe.result import Severity
from tests.matrix.situation import Program, Situation
from tests.real import certificates
from tests.real.certificates import Certificate
from tests.real.pki import Recipe, rsa_key, served_by
from tests.real.process import Server
from tests.real.xrdp import (
    ONLY_TLS_1_2,
    ONLY_TLS_1_3,
    OPENSSL_CONF_LEVEL_0,
    SECURITY_LEVEL_0,
    TLS_1_0_TO_1_3,
    Xrdp,
)

Codes = Mapping[str, Severity]

TLS_ONLY: Codes = {"TLS_REQUIRED": "info", "NLA_UNSUPPORTED": "risk"}
SELF_SIGNED: Codes = {"CERT_SELF_SIGNED": "info"}
RDP_ONLY: Codes = {"STANDARD_RDP_ONLY": "risk", "NLA_UNSUPPORTED": "risk"}
BOTH: Codes = {"NLA_UNSUPPORTED": "risk", **SELF_SIGNED}
# What crypt_level makes of Standard RDP Security.
BY_LEVEL: Mapping[str, Codes] = {
    "none": {"STANDARD_RDP_WEAK": "risk"},
    "low": {"STANDARD_RDP_WEAK": "risk"},
    "medium": {"STANDARD_RDP_WEAK": "risk"},
    "high": {"STANDARD_RDP_WEAK": "info"},
    "fips": {"STANDARD_RDP_WEAK": "info", "ENCRYPTION_FIPS_ONLY": "breaks_some"},
}
ABORTED: Codes = {"TLS_HANDSHAKE_ABORTED": "blocker", **TLS_ONLY}


@dataclass(kw_only=True)
class XrdpAsNobody(Xrdp):
    """xrdp that runs as a user who may read everything but the private key: the classic of Debian's package."""

    def arrange(self, directory: Path, endpoint: tuple[str, int], stack: ExitStack) -> Server:
        made = certificates.rsa(directory)
        self.certificate = made
        for each in (directory, made.certificate.parent):
            each.chmod(0o755)
        if os.geteuid():
            made.key.chmod(0)
            return super().arrange(directory, endpoint, stack)
        (directory / "xrdp.log").touch()
        (directory / "xrdp.log").chmod(0o666)
        as_root = super().arrange(directory, endpoint, stack)
        as_root.stop()
        nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        return Server([*nobody, *as_root.argv], endpoint, directory, {})


def with_passphrase(room: Path) -> Xrdp:
    """xrdp whose key has a passphrase."""
    made = certificates.rsa(room)
    locked = room / "locked.pem"
    argv = ["openssl", "rsa", "-aes256", "-passout", "pass:secret", "-in", str(made.key), "-out", str(locked)]
    subprocess.run(argv, check=True, capture_output=True, timeout=60)
    return Xrdp(security_layer="tls", certificate=made, key=locked)


def with_damaged_certificate(room: Path) -> Xrdp:
    """xrdp whose certificate file begins as one and is cut off."""
    made = certificates.rsa(room)
    made.certificate.write_text("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    return Xrdp(security_layer="tls", certificate=made)


def small(room: Path, bits: int) -> Certificate:
    """A certificate with an RSA key of so few bits."""
    return served_by(room, Recipe(key=rsa_key(bits, 9)).signed_by(None))


_LAYERS: Mapping[str, tuple[Codes, str]] = {
    "tls": ({**TLS_ONLY, **SELF_SIGNED}, "where TLS is required, crypt_level is not used at all"),
    "negotiate": (BOTH, "TLS and Standard RDP Security are both there, and HYBRID is answered by selecting RDP"),
    "rdp": (RDP_ONLY, "TLS and HYBRID are answered by selecting RDP"),
}
_LEVELS_SAY = {
    "none": "nothing is encrypted",
    "low": "the method is 40 bit",
    "medium": "the method is 40 bit",
    "high": "the method is 128 bit",
    "fips": "FIPS is the only method there is",
}


def _layers() -> list[Situation]:
    rows = []
    for layer, (codes, why) in _LAYERS.items():
        for level, more in BY_LEVEL.items():
            expected = codes if layer == "tls" else {**codes, **more}
            rows.append(
                Situation(
                    name=f"xrdp-{layer}-{level}",
                    started=f"xrdp with security_layer={layer} and crypt_level={level}",
                    site=Program(lambda _, layer=layer, level=level: Xrdp(security_layer=layer, crypt_level=level)),  # type: ignore[misc]
                    codes=expected,
                    why=f"{why}; {_LEVELS_SAY[level]}" if layer != "tls" else why,
                    as_command=(layer, level) == ("negotiate", "high"),
                )
            )
    return rows


ROWS: tuple[Situation, ...] = (
    *_layers(),
    Situation(
        name="xrdp-key-missing",
        started="xrdp with security_layer=tls and a key_file that does not exist",
        site=Program(lambda room: Xrdp(security_layer="tls", key=room / "missing.pem")),
        codes={"TLS_CERTIFICATE_MISSING": "blocker"},
        why="every request is turned away with SSL_CERT_NOT_ON_SERVER",
    ),
    Situation(
        name="xrdp-key-missing-negotiate",
        started="xrdp with security_layer=negotiate and a key_file that does not exist",
        site=Program(lambda room: Xrdp(security_layer="negotiate", key=room / "missing.pem")),
        codes={**RDP_ONLY, **BY_LEVEL["high"]},
        why="it falls back to Standard RDP Security without a word: the missing key is a cause here, and not seen",
    ),
    Situation(
        name="xrdp-key-unreadable",
        started="xrdp with security_layer=tls, as a user who may not read the key",
        site=Program(lambda _: XrdpAsNobody(security_layer="tls")),
        codes={"TLS_CERTIFICATE_MISSING": "blocker"},
        why="on the wire a key that may not be read is a key that is not there",
    ),
    Situation(
        name="xrdp-key-of-another",
        started="xrdp with security_layer=tls and the key of another certificate",
        site=Program(
            lambda room: Xrdp(
                security_layer="tls", certificate=certificates.rsa(room), key=certificates.ecdsa(room).key
            )
        ),
        codes=ABORTED,
        why="it selects SSL, and answers every hello in clear text",
    ),
    Situation(
        name="xrdp-key-locked",
        started="xrdp with security_layer=tls and a key that has a passphrase",
        site=Program(with_passphrase),
        codes=ABORTED,
        why="it selects SSL, and answers every hello in clear text",
    ),
    Situation(
        name="xrdp-certificate-damaged",
        started="xrdp with security_layer=tls and a certificate file that is cut off",
        site=Program(with_damaged_certificate),
        codes=ABORTED,
        why="it selects SSL, and answers every hello in clear text",
    ),
    Situation(
        name="xrdp-ciphers-invalid",
        started="xrdp with security_layer=tls and tls_ciphers=NONSENSE",
        site=Program(lambda _: Xrdp(security_layer="tls", tls_ciphers="NONSENSE")),
        codes=ABORTED,
        why="it selects SSL, and answers every hello in clear text",
    ),
    Situation(
        name="xrdp-protocols-misspelt",
        started="xrdp with security_layer=tls and ssl_protocols=TLS1.2",
        site=Program(lambda _: Xrdp(security_layer="tls", ssl_protocols="TLS1.2")),
        codes={**TLS_ONLY, "TLS_NO_COMMON_VERSION": "blocker"},
        why="no version is left to it, and it refuses each for being that version",
    ),
    Situation(
        name="xrdp-negotiate-ciphers-invalid",
        started="xrdp with security_layer=negotiate and tls_ciphers=NONSENSE",
        site=Program(lambda _: Xrdp(security_layer="negotiate", tls_ciphers="NONSENSE")),
        codes={"TLS_HANDSHAKE_ABORTED": "breaks_some", "NLA_UNSUPPORTED": "risk", **BY_LEVEL["high"]},
        why="clients that ask for nothing newer than Standard RDP Security still get in",
    ),
    Situation(
        name="xrdp-rsa-1024-refused",
        started="xrdp with security_layer=tls and an RSA key of 1024 bits, OpenSSL at security level 2",
        site=Program(lambda room: Xrdp(security_layer="tls", certificate=small(room, 1024))),
        codes=ABORTED,
        why="the certificate never reaches the wire: its weak key is not seen",
    ),
    Situation(
        name="xrdp-rsa-1024-served",
        started="xrdp with security_layer=tls, an RSA key of 1024 bits and tls_ciphers=DEFAULT:@SECLEVEL=0",
        site=Program(
            lambda room: Xrdp(security_layer="tls", certificate=small(room, 1024), tls_ciphers=SECURITY_LEVEL_0)
        ),
        codes={**TLS_ONLY, **SELF_SIGNED, "CERT_WEAK_KEY": "risk"},
        why="the same key, served",
    ),
    Situation(
        name="xrdp-tls10-only",
        started="xrdp with security_layer=tls, ssl_protocols=TLSv1 and OpenSSL at security level 0 by OPENSSL_CONF",
        site=Program(lambda _: Xrdp(security_layer="tls", ssl_protocols="TLSv1", openssl_conf=OPENSSL_CONF_LEVEL_0)),
        codes={**TLS_ONLY, **SELF_SIGNED, "TLS_NO_COMMON_VERSION": "breaks_some", "TLS_LEGACY_VERSION": "risk"},
        why="only clients that still speak TLS 1.0 can connect",
    ),
    Situation(
        name="xrdp-tls10-without-signatures",
        started="xrdp with security_layer=tls and ssl_protocols=TLSv1, OpenSSL at its security level 2",
        site=Program(lambda _: Xrdp(security_layer="tls", ssl_protocols="TLSv1")),
        codes=ABORTED,
        why="TLS 1.0 is allowed and cannot sign: an internal error to 1.0, and no hello is answered by a ServerHello",
    ),
    Situation(
        name="xrdp-tls12-only",
        started="xrdp with security_layer=tls and ssl_protocols=TLSv1.2",
        site=Program(lambda _: Xrdp(security_layer="tls", ssl_protocols=ONLY_TLS_1_2)),
        codes={**TLS_ONLY, **SELF_SIGNED},
        why="TLS 1.2 is what every current client has",
    ),
    Situation(
        name="xrdp-tls13-only",
        started="xrdp with security_layer=tls and ssl_protocols=TLSv1.3",
        site=Program(lambda _: Xrdp(security_layer="tls", ssl_protocols=ONLY_TLS_1_3)),
        codes={**TLS_ONLY, **SELF_SIGNED, "TLS_MODERN_ONLY": "breaks_some"},
        why="Windows 10 has no TLS 1.3",
    ),
    Situation(
        name="xrdp-tls10-to-13",
        started="xrdp with security_layer=tls, all versions and tls_ciphers=DEFAULT:@SECLEVEL=0",
        site=Program(lambda _: Xrdp(security_layer="tls", ssl_protocols=TLS_1_0_TO_1_3, tls_ciphers=SECURITY_LEVEL_0)),
        codes={**TLS_ONLY, **SELF_SIGNED, "TLS_LEGACY_VERSION": "risk"},
        why="old versions beside current ones keep nobody out",
    ),
    Situation(
        name="xrdp-static-rsa",
        started="xrdp with security_layer=tls, ssl_protocols=TLSv1.2 and tls_ciphers=AES128-GCM-SHA256",
        site=Program(lambda _: Xrdp(security_layer="tls", ssl_protocols=ONLY_TLS_1_2, tls_ciphers="AES128-GCM-SHA256")),
        codes={**TLS_ONLY, **SELF_SIGNED, "TLS_WEAK_CIPHER": "risk"},
        why="no forward secrecy, and the one suite is what current clients still offer",
    ),
    Situation(
        name="xrdp-discover",
        started="xrdp as it is installed",
        site=Program(lambda _: Xrdp()),
        codes=SELF_SIGNED,
        nla="unknown",
        why="one connection that offers several protocols is no verdict on those that were not selected",
        depth="discover",
    ),
)
