"""Real TLS servers of three libraries, to stand behind `tests.real.front`: OpenSSL 3.0, GnuTLS 3.7 and NSS.

Each says what it was configured to serve as `expected_suites`: the codes of cipher suites by version name, taken from
the library's own listing of the same configuration (`openssl ciphers -s -V`, `gnutls-cli --list`). The listings know
nothing of keys, so suites are left out that authenticate by a key the server was not given, or by PSK or SRP, which
no server here has. What the servers listed by these tools do serve was seen in full: tests/real/test_tls_backends.py.
"""

from __future__ import annotations

import copy
import re
import socket
import subprocess
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from probe.wire.iana import CIPHER_SUITES
from tests.real import certificates
from tests.real.certificates import Certificate
from tests.real.front import Repeatable
from tests.real.process import Server, listening, program

SSL3, TLS10, TLS11, TLS12, TLS13 = VERSIONS = ("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")
TLS_VERSIONS = VERSIONS[1:]

# All that OpenSSL 3.0 has, which is no RC4, 3DES, export or SSLv3 in Debian's build.
EVERY_CIPHER = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"
EVERY_TLS13_SUITE = ":".join(f"TLS_AES_{kind}" for kind in ("256_GCM_SHA384", "128_GCM_SHA256", "128_CCM_SHA256"))
EVERY_TLS13_SUITE += ":TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_CCM_8_SHA256"

# Names of groups as OpenSSL takes them, and their registered codes.
OPENSSL_GROUPS = {"P-256": 0x17, "P-384": 0x18, "P-521": 0x19, "X25519": 0x1D, "X448": 0x1E}
OPENSSL_GROUPS |= {f"ffdhe{bits}": code for code, bits in enumerate((2048, 3072, 4096, 6144, 8192), 0x100)}

Suites = dict[str, set[int]]


class TlsBackend(Repeatable):
    """A TLS server with certificates of its own."""

    certificates: Sequence[Certificate] | None  # None: a good one with an RSA key

    @property
    def key_kinds(self) -> set[str]:
        """RSA and EC, where it has such a key."""
        return {"RSA"} if self.certificates is None else {each.key_kind for each in self.certificates}

    @property
    def expected_suites(self) -> Suites:
        """The cipher suites that it was configured to serve, by version. Versions that it refuses are absent."""
        raise NotImplementedError

    def settled(self, directory: Path) -> Self:
        same = copy.copy(self)
        same.certificates = self._given(directory)
        return same

    def _given(self, directory: Path) -> Sequence[Certificate]:
        return [certificates.rsa(directory)] if self.certificates is None else self.certificates


class _EveryAddress(Server):
    """A server whose program can only listen on all addresses. It is spoken to at one of its own all the same."""

    def listening(self) -> bool:
        """Whether its port is in the LISTEN state, in the table for IPv4 or the one for IPv6."""
        if listening("0.0.0.0", self.port):
            return True
        rows = (line.split() for line in Path("/proc/net/tcp6").read_text("ascii").splitlines()[1:])
        return any(row[1] == f"{0:032X}:{self.port:04X}" and row[3] == "0A" for row in rows)


def _on_every_address(endpoint: tuple[str, int]) -> tuple[str, int]:
    """The same address, with a port that is free on all."""
    with socket.create_server(("0.0.0.0", 0)) as listener:
        return endpoint[0], listener.getsockname()[1]


def _told_by(*argv: str) -> str:
    return subprocess.run([program(argv[0]), *argv[1:]], capture_output=True, text=True, check=True).stdout


@dataclass(kw_only=True)
class OpensslServer(TlsBackend):
    """`openssl s_server`. It serves one client at a time: see `workers` of X224Front."""

    certificates: Sequence[Certificate] | None = None  # up to two, with keys of different kinds; (): anonymous only
    chain: Path | None = None  # PEM file of the certificates that follow the first one
    versions: Sequence[str] = TLS_VERSIONS
    ciphers: str = "DEFAULT:@SECLEVEL=0"  # OpenSSL 3.0 serves TLS 1.0 and 1.1 at no other level
    ciphersuites: str | None = None  # those of TLS 1.3; None: OpenSSL's three
    groups: Sequence[str] = ()  # names from OPENSSL_GROUPS; (): OpenSSL's default
    order: Literal["client", "server"] = "client"
    dh_parameters: Path | None = None  # PEM file; None: chosen by the certificate's key
    stapled: Path | None = None  # file with an OCSP response as DER
    other_name: tuple[str, Certificate] | None = None  # a server name, and what is served to it
    options: Sequence[str] = ()  # more of s_server's own, such as -no_ticket

    def arrange(self, directory: Path, endpoint: tuple[str, int], stack: ExitStack) -> Server:
        address, port = endpoint
        # With -www standard input, which is empty here and would end it, is not read.
        # A client that ends is no error to it, as it is none to a server of RDP: it closes without an alert.
        argv = [program("openssl"), "s_server", "-www", "-ignore_unexpected_eof", "-accept", f"{address}:{port}"]
        argv += [*self._identity(self._given(directory)), *self._settings(), *self.options]
        return Server(argv, endpoint, directory, {})

    def _identity(self, given: Sequence[Certificate]) -> list[str]:
        argv = [] if given else ["-nocert"]
        for certificate, letter in zip(given, ("", "d"), strict=False):
            argv += [f"-{letter}cert", str(certificate.certificate), f"-{letter}key", str(certificate.key)]
        if self.chain:
            argv += ["-cert_chain", str(self.chain)]
        if self.other_name:
            name, other = self.other_name
            argv += ["-servername", name, "-cert2", str(other.certificate), "-key2", str(other.key)]
        return argv

    def _settings(self) -> list[str]:
        argv = ["-cipher", self.ciphers]
        argv += [f"-no_{_option(version)}" for version in TLS_VERSIONS if version not in self.versions]
        if self.ciphersuites is not None:
            argv += ["-ciphersuites", self.ciphersuites]
        if self.groups:
            argv += ["-groups", ":".join(self.groups)]
        if self.order == "server":
            argv.append("-serverpref")
        if self.dh_parameters:
            argv += ["-dhparam", str(self.dh_parameters)]
        if self.stapled:
            argv += ["-status_file", str(self.stapled)]
        return argv

    @property
    def expected_suites(self) -> Suites:
        """By `openssl ciphers -s`, without those that authenticate by a key that is not there."""
        return {version: found for version in self.versions if (found := self._listed(version))}

    def _listed(self, version: str) -> set[int]:
        if version in (TLS10, TLS11) and "SECLEVEL=0" not in self.ciphers:
            return set()  # no signature algorithm of these versions is left at higher levels
        argv = ["openssl", "ciphers", "-s", f"-{_option(version)}", "-V"]
        argv += [] if self.ciphersuites is None else ["-ciphersuites", self.ciphersuites]
        rows = re.findall(r"0x(..),0x(..) - .* Au=(\S+)", _told_by(*argv, self.ciphers))
        keys = {"RSA": "RSA", "EC": "ECDSA"}
        possible = {keys[kind] for kind in self.key_kinds} | {"None"}
        if self.key_kinds:
            possible.add("any")  # suites of TLS 1.3, which has no anonymous ones
        return {int(high + low, 16) for high, low, key in rows if key in possible}

    @property
    def expected_groups(self) -> set[int]:
        """The groups that it was configured with. The finite-field ones are used in TLS 1.3 only."""
        # The default is `supported_groups_default` in ssl/t1_lib.c of OpenSSL 3.0; no command lists it.
        return {OPENSSL_GROUPS[name] for name in self.groups or OPENSSL_GROUPS}


def _option(version: str) -> str:
    """A version as openssl's options spell it: tls1, tls1_1, tls1_2, tls1_3."""
    return version.replace("TLSv", "tls").replace("1.0", "1").replace(".", "_")


@dataclass(kw_only=True)
class GnutlsServer(TlsBackend):
    """`gnutls-serv`, which has what OpenSSL lost: RC4 and 3DES, in TLS 1.0 to 1.3. It listens on all addresses."""

    priority: str = "NORMAL"
    certificates: Sequence[Certificate] | None = None
    client_certificate: Literal["no", "requested", "required"] = "no"
    options: Sequence[str] = ()  # such as --heartbeat, --noticket, --ocsp-response=FILE

    def arrange(self, directory: Path, endpoint: tuple[str, int], stack: ExitStack) -> Server:
        endpoint = _on_every_address(endpoint)
        argv = [program("gnutls-serv"), "--port", str(endpoint[1]), "--priority", self.priority]
        for given in self._given(directory):
            argv += ["--x509certfile", str(given.certificate), "--x509keyfile", str(given.key)]
        asking = {"no": ["--disable-client-cert"], "requested": [], "required": ["--require-client-cert"]}
        return _EveryAddress([*argv, *asking[self.client_certificate], *self.options], endpoint, directory, {})

    @property
    def expected_suites(self) -> Suites:
        """By `gnutls-cli --list`, which gives a suite's oldest version, and the versions that are on."""
        told = _told_by("gnutls-cli", "--priority", self.priority, "--list")
        names = {"SSL3.0": SSL3} | {name.replace("v", ""): name for name in TLS_VERSIONS}
        on = [names[name] for name in re.findall(r"VERS-((?:SSL|TLS)[\d.]+)", told.partition("Protocols:")[2])]
        found: Suites = {version: set() for version in on}
        for name, high, low, oldest in re.findall(r"^(TLS_\w+)\s+0x(..), 0x(..)\s+(\S+)$", told, re.MULTILINE):
            # A row without WITH in it: TLS_RSA_..., TLS_ECDHE_ECDSA_..., TLS_DH_ANON_...; those of TLS 1.3 name no key.
            if oldest == "TLS1.3" or _has_key(name, self.key_kinds):
                for version in on:
                    if (version == TLS13) == (oldest == "TLS1.3") and version >= names[oldest]:
                        found[version].add(int(high + low, 16))
        return {version: suites for version, suites in found.items() if suites}


def _has_key(name: str, kinds: set[str]) -> bool:
    """Whether a GnuTLS suite up to TLS 1.2 needs no other key than the server has."""
    if re.match(r"TLS_(EC)?DH_ANON_", name):
        return True
    found = re.match(r"TLS_(?:ECDHE_|DHE_)?(RSA|ECDSA)_(?!PSK)", name)
    return found is not None and {"RSA": "RSA", "ECDSA": "EC"}[found[1]] in kinds


@dataclass(kw_only=True)
class NssServer(TlsBackend):
    """NSS's `selfserv`: SSLv3 to TLS 1.3. It listens on all addresses."""

    versions: str = "ssl3:tls1.0"  # the oldest and the newest, of ssl3 tls1.0 tls1.1 tls1.2 tls1.3
    suites: str = ":0004:0005:000A:0035"  # RC4, 3DES, AES with RSA key exchange, by code
    certificates: Sequence[Certificate] | None = None  # one: NSS gives all that have the same subject one name
    options: Sequence[str] = ()

    def arrange(self, directory: Path, endpoint: tuple[str, int], stack: ExitStack) -> Server:
        endpoint = _on_every_address(endpoint)
        database = directory / "nss"
        database.mkdir()
        _told_by("certutil", "-N", "-d", str(database), "--empty-password")
        argv = [program("selfserv"), "-d", str(database), "-p", str(endpoint[1]), "-V", self.versions]
        for given in self._given(directory):
            _add_to_nss(database, given)
            argv += ["-n" if given.key_kind == "RSA" else "-e", given.key_kind]
        return _EveryAddress([*argv, "-c", self.suites, *self.options], endpoint, directory, {})

    @property
    def expected_suites(self) -> Suites:
        """The codes given, in each version that has them.

        NSS has no listing. By RFC 5246 and 8446: SHA-256, SHA-384 and AEAD from TLS 1.2 on, 0x13.. in TLS 1.3 alone;
        by NSS's table no elliptic curves in SSLv3.
        """
        oldest, newest = (
            VERSIONS[("ssl3", "tls1.0", "tls1.1", "tls1.2", "tls1.3").index(name)] for name in self.versions.split(":")
        )
        codes = {code for code in self._codes() if _nss_key(CIPHER_SUITES[code]) in (*self.key_kinds, "any")}
        versions = [version for version in VERSIONS if oldest <= version <= newest]
        found = {version: {code for code in codes if _belongs(code, version)} for version in versions}
        return {version: suites for version, suites in found.items() if suites}

    def _codes(self) -> set[int]:
        return {int(code, 16) for code in self.suites.split(":") if code}


def _nss_key(name: str) -> str:
    """The kind of key by which a suite authenticates; "any" in TLS 1.3."""
    if "_WITH_" not in name:
        return "any"
    return "EC" if "_ECDSA_" in name else "RSA"


def _add_to_nss(database: Path, given: Certificate) -> None:
    """Put a certificate and its key into an NSS database, by the name of the key's kind."""
    bundle = database / f"{given.key_kind}.p12"
    argv = ["openssl", "pkcs12", "-export", "-in", str(given.certificate), "-inkey", str(given.key)]
    _told_by(*argv, "-out", str(bundle), "-passout", "pass:", "-name", given.key_kind)
    _told_by("pk12util", "-i", str(bundle), "-d", str(database), "-W", "")


def _belongs(code: int, version: str) -> bool:
    name = CIPHER_SUITES[code]
    if code >> 8 == 0x13 or version == TLS13:
        return code >> 8 == 0x13 and version == TLS13
    if version == SSL3 and "_EC" in name:
        return False
    return version == TLS12 or name.endswith(("_SHA", "_MD5"))


def everything_openssl(given: Iterable[Certificate] | None = None) -> OpensslServer:
    """TLS 1.0 to 1.3 with every suite that OpenSSL 3.0 can serve with these certificates, NULL and anonymous too."""
    return OpensslServer(
        certificates=given if given is None else tuple(given), ciphers=EVERY_CIPHER, ciphersuites=EVERY_TLS13_SUITE
    )


def rsa_and_ecdsa(rsa: Certificate, ecdsa: Certificate) -> OpensslServer:
    """TLS 1.0 to 1.3 with two certificates and OpenSSL's default suites: 27 of them in TLS 1.2, 3 in TLS 1.3."""
    return OpensslServer(certificates=(rsa, ecdsa))


def tls13_only() -> OpensslServer:
    """TLS 1.3 and nothing older."""
    return OpensslServer(versions=(TLS13,))


def server_order() -> OpensslServer:
    """The server's order decides which suite it is."""
    return OpensslServer(order="server")


def client_order() -> OpensslServer:
    """The client's order decides which suite it is."""
    return OpensslServer(order="client")


def anonymous_only() -> OpensslServer:
    """Suites without a certificate, ADH and AECDH, which no TLS 1.3 can have."""
    return OpensslServer(certificates=(), versions=(TLS10, TLS11, TLS12), ciphers="aNULL:!eNULL:@SECLEVEL=0")


def null_only() -> OpensslServer:
    """Suites without encryption."""
    return OpensslServer(versions=(TLS10, TLS11, TLS12), ciphers="eNULL:!aNULL:@SECLEVEL=0")


def sslv3_only() -> NssServer:
    """SSLv3 and nothing newer."""
    return NssServer(versions="ssl3:ssl3")


def _gnutls_old(*ciphers: str) -> GnutlsServer:
    wanted = ":".join(f"+{name}" for name in ciphers)
    versions = "+VERS-TLS1.2:+VERS-TLS1.1:+VERS-TLS1.0"
    exchange = "+RSA:+DHE-RSA:+ECDHE-RSA:+SHA1:+MD5:+COMP-NULL:+SIGN-ALL:+GROUP-ALL:+CTYPE-X509"
    return GnutlsServer(priority=f"NONE:{versions}:{wanted}:{exchange}")


def rc4_only() -> GnutlsServer:
    """RC4 in TLS 1.0 to 1.2."""
    return _gnutls_old("ARCFOUR-128")


def triple_des_only() -> GnutlsServer:
    """3DES in TLS 1.0 to 1.2."""
    return _gnutls_old("3DES-CBC")


def ocsp_response(directory: Path, certificate: Certificate) -> Path:
    """A file with an OCSP response, as DER, that says `good` of a self-signed certificate."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
    from cryptography.x509 import ocsp

    own = x509.load_pem_x509_certificate(certificate.certificate.read_bytes())
    key = load_pem_private_key(certificate.key.read_bytes(), None)
    assert isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey)
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=own,
        issuer=own,
        algorithm=SHA256(),
        cert_status=ocsp.OCSPCertStatus.GOOD,
        this_update=certificate.not_before,
        next_update=certificate.not_after,
        revocation_time=None,
        revocation_reason=None,
    )
    signed = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, own).sign(key, SHA256())
    file = directory / "response.der"
    file.write_bytes(signed.public_bytes(Encoding.DER))
    return file
