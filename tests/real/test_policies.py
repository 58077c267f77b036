"""Each built-in policy against a server that fits it and one that does not: of both it is known which rules fail."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio
from cryptography.hazmat.primitives.asymmetric import ec

from probe.audit.settings import MOST_CONNECTIONS, Settings
from probe.diagnosis.judged import judge
from probe.drive.limits import Limits
from probe.drive.live import audit
from probe.result import Target
from probe.result.verification import Verification, VerifyVerdict
from probe.verify import builtin
from probe.verify.policy_file import read_policy
from probe.verify.verdict import needs_of, verify
from tests.real import certificates
from tests.real.certificates import NAME, Certificate
from tests.real.front import X224Front
from tests.real.pki import Key, Recipe, authority, ec_key, from_today, rsa_key, served_by
from tests.real.process import Launcher, Server
from tests.real.servers import SOURCE_ADDRESS, FreeRdpShadow, Xrdp
from tests.real.tls_backends import TLS12, TLS13, OpensslServer
from tests.real.xrdp import SECURITY_LEVEL_0, TLS_1_0_TO_1_3

ROOT = authority("Policy root", key=ec_key(ec.SECP256R1, 1))
ON_A_CURVE = ec_key(ec.SECP256R1, 2)
AEAD = "ECDHE+AESGCM"
AES_OF_TLS13 = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256"
# What a process serves whose program leaves it to OpenSSL.
HARDENED = f"""\
openssl_conf = settings
[settings]
ssl_conf = modules
[modules]
system_default = defaults
[defaults]
MinProtocol = TLSv1.2
CipherString = {AEAD}
Ciphersuites = {AES_OF_TLS13}
Groups = """
STRICT_CONNECTIONS = 20


@dataclass(frozen=True, slots=True)
class Made:
    """What servers of one test are made with."""

    directory: Path
    display: str

    def issued(self, key: Key | None = None, days: int = 90) -> Certificate:
        """A certificate for NAME from our authority, valid for so many days; an RSA key of 2048 bits if not given."""
        recipe = Recipe(key=key or rsa_key(), validity=from_today(-1, days - 1))
        return served_by(self.directory / "issued", recipe.signed_by(ROOT), ROOT)

    def with_nla(self, groups: str) -> Launcher:
        """NLA and nothing else, over TLS with forward secrecy."""
        return FreeRdpShadow(
            "/sec:nla", certificate=self.issued(), display=self.display, openssl_conf=f"{HARDENED}{groups}\n"
        )

    def over_tls(self, key: Key | None = None, **settings: object) -> Launcher:
        """TLS without NLA, as an OpenSSL server has it."""
        server = OpensslServer(certificates=(self.issued(key),), **settings)  # type: ignore[arg-type]
        return X224Front(server)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A server, and what is to come of a policy."""

    server: Callable[[Made], Launcher]
    errors: frozenset[str] = frozenset()  # rules that fail
    milder: frozenset[str] = frozenset()  # rules that fail and change nothing


def old(made: Made) -> Launcher:
    """Everything at once: Standard RDP Security at its lowest, and all versions of TLS with suites of all kinds."""
    return Xrdp(
        security_layer="negotiate",
        crypt_level="low",
        ssl_protocols=TLS_1_0_TO_1_3,
        tls_ciphers=SECURITY_LEVEL_0,
        certificate=certificates.rsa(made.directory),
    )


def dated(made: Made) -> Launcher:
    """Standard RDP Security at its lowest, and of TLS what was usual ten years ago."""
    return Xrdp(
        security_layer="negotiate",
        crypt_level="low",
        ssl_protocols="TLSv1.1, TLSv1.2",
        tls_ciphers=SECURITY_LEVEL_0,
        certificate=certificates.rsa(made.directory),
    )


def expired(made: Made) -> Launcher:
    """A certificate that the server made itself, and that is over since a month."""
    return Xrdp(security_layer="tls", certificate=certificates.expired(made.directory))


FITTING = {
    "strict": Case(server=lambda made: made.with_nla("X25519:P-256:P-384")),
    "microsoft-baseline": Case(
        server=lambda made: made.with_nla("P-256:P-384"),
        milder=frozenset({"protocols.restricted_admin"}),  # FreeRDP has no such mode
    ),
    "cis-windows-server": Case(
        server=lambda made: FreeRdpShadow("/sec:nla", certificate=made.issued(), display=made.display),
        milder=frozenset({"protocols.restricted_admin"}),
    ),
    "nist-sp800-52r2": Case(
        server=lambda made: made.over_tls(
            versions=(TLS12, TLS13), ciphers=AEAD, ciphersuites=AES_OF_TLS13, groups=("P-256", "P-384")
        ),
        milder=frozenset({"tls.ocsp_stapling"}),
    ),
    "pci-dss-4": Case(server=lambda made: Xrdp(security_layer="tls", certificate=made.issued())),
    "bsi-tr-02102-2": Case(
        server=lambda made: made.over_tls(
            rsa_key(3072), versions=(TLS12, TLS13), ciphers=AEAD, ciphersuites=AES_OF_TLS13, groups=("P-256", "P-384")
        ),
        milder=frozenset({"tls.forbidden_schemes"}),  # it signs with what a client wants most
    ),
    "mozilla-intermediate": Case(
        server=lambda made: made.over_tls(
            versions=(TLS12, TLS13), ciphers="ECDHE+AESGCM:ECDHE+CHACHA20", groups=("X25519", "P-256", "P-384")
        ),
        milder=frozenset({"tls.ocsp_stapling"}),
    ),
    "mozilla-modern": Case(
        server=lambda made: made.over_tls(ON_A_CURVE, versions=(TLS13,), groups=("X25519", "P-256", "P-384"))
    ),
}
FAILING = {
    "strict": Case(
        server=old,
        errors=frozenset(
            {"protocols.nla", "protocols.forbidden", "tls.min_version", "tls.forbidden_suites", "credssp.min_version"}
        ),
        milder=frozenset({"certificate.trusted"}),
    ),
    "microsoft-baseline": Case(
        server=dated,
        errors=frozenset(
            {
                *("protocols.nla", "tls.min_version", "tls.allowed_suites", "tls.allowed_groups"),
                *("standard_rdp.min_encryption_level", "credssp.min_version"),
            }
        ),
        milder=frozenset({"protocols.restricted_admin"}),
    ),
    "cis-windows-server": Case(
        server=dated,
        errors=frozenset(
            {"protocols.forbidden", "protocols.nla", "standard_rdp.min_encryption_level", "credssp.min_version"}
        ),
        milder=frozenset({"protocols.restricted_admin"}),
    ),
    "nist-sp800-52r2": Case(
        server=dated,
        errors=frozenset(
            {
                *("protocols.forbidden", "tls.min_version", "tls.required_versions", "tls.allowed_suites"),
                *("tls.allowed_groups", "tls.forbidden_schemes", "certificate.self_signed"),
            }
        ),
        milder=frozenset({"certificate.trusted", "tls.ocsp_stapling"}),
    ),
    "pci-dss-4": Case(server=expired, errors=frozenset({"certificate.trusted", "diagnoses.forbidden"})),
    "bsi-tr-02102-2": Case(
        server=dated,
        errors=frozenset(
            {
                *("protocols.forbidden", "tls.min_version", "tls.allowed_suites", "tls.min_dh_bits"),
                "certificate.min_rsa_bits",
            }
        ),
        milder=frozenset({"tls.allowed_groups", "tls.forbidden_schemes", "certificate.allowed_signatures"}),
    ),
    "mozilla-intermediate": Case(
        server=dated,
        errors=frozenset({"protocols.forbidden", "tls.min_version", "tls.allowed_suites", "tls.allowed_groups"}),
        milder=frozenset({"tls.required_versions", "tls.ocsp_stapling", "certificate.trusted"}),
    ),
    "mozilla-modern": Case(
        server=dated,
        errors=frozenset(
            {
                *("protocols.forbidden", "tls.min_version", "tls.allowed_suites", "tls.allowed_groups"),
                *("certificate.key_types", "certificate.allowed_signatures"),
            }
        ),
        milder=frozenset({"tls.ocsp_stapling", "certificate.max_days_valid", "certificate.trusted"}),
    ),
}


@pytest.fixture
def made(tmp_path: Path, display: str) -> Made:
    return Made(tmp_path, display)


def verified(server: Server, name: str, roots: Path) -> Verification:
    """What comes of a policy at a server, asked for by NAME, with our authority as --ca-file."""
    roots.write_bytes(ROOT.pem)
    policies = [read_policy(name)]
    target = Target(input=NAME, host=NAME, address=server.address, port=server.port)
    limits = Limits(source_address=SOURCE_ADDRESS, ca_file=str(roots))
    settings = Settings().needing(needs_of(policies, target))
    result = trio.run(functools.partial(audit, target, settings, limits))
    judge(result)
    return verify(policies, result, today=dt.datetime.now(tz=dt.UTC).date())


def check(name: str, case: Case, made: Made, verdict: VerifyVerdict) -> Verification:
    with case.server(made) as server:
        found = verified(server, name, made.directory / "root.pem")
    failed = [rule for rule in found.rules if rule.state == "failed"]
    assert {rule.rule for rule in failed if rule.severity == "error"} == case.errors
    assert {rule.rule for rule in failed if rule.severity != "error"} == case.milder
    unknown = {rule.rule for rule in found.rules if rule.state == "unknown" and rule.severity == "error"}
    # A server with every old version has more to be asked than the few connections of `strict` are enough for.
    assert unknown <= ({"tls.min_dh_bits"} if verdict == "failed" else set())
    assert found.verdict == verdict
    assert found.not_checkable
    return found


def test_every_policy_is_tried_both_ways() -> None:
    assert sorted(FITTING) == sorted(FAILING) == list(builtin.names())


@pytest.mark.parametrize("name", FITTING)
def test_a_server_that_fits_passes(name: str, made: Made) -> None:
    check(name, FITTING[name], made, "passed")


@pytest.mark.parametrize("name", FAILING)
def test_a_server_that_does_not_fit_fails_by_exactly_these_rules(name: str, made: Made) -> None:
    check(name, FAILING[name], made, "failed")


ON_CURVES = {
    "bsi-tr-02102-2": Case(
        server=lambda made: made.over_tls(
            ON_A_CURVE, versions=(TLS12, TLS13), ciphers=AEAD, ciphersuites=AES_OF_TLS13, groups=("P-256", "P-384")
        ),
        milder=frozenset({"tls.forbidden_schemes"}),
    ),
    "mozilla-intermediate": Case(
        server=lambda made: made.over_tls(
            ON_A_CURVE,
            versions=(TLS12, TLS13),
            ciphers="ECDHE+AESGCM:ECDHE+CHACHA20",
            groups=("X25519", "P-256", "P-384"),
        ),
        milder=frozenset({"tls.ocsp_stapling"}),
    ),
    "pci-dss-4": Case(server=lambda made: Xrdp(security_layer="tls", certificate=made.issued(ON_A_CURVE))),
}


@pytest.mark.parametrize("name", ON_CURVES)
def test_a_server_with_a_key_on_a_curve_passes_too(name: str, made: Made) -> None:
    """It answers no hello without its certificate's curve, and its groups are settled all the same."""
    found = check(name, ON_CURVES[name], made, "passed")
    assert found.connections <= MOST_CONNECTIONS["full"]
    assert [rule.rule for rule in found.rules if rule.state == "unknown"] == []


def test_strict_is_quick_at_a_healthy_server(made: Made) -> None:
    assert check("strict", FITTING["strict"], made, "passed").connections <= STRICT_CONNECTIONS


def test_strict_passes_a_certificate_that_the_server_made_itself(made: Made) -> None:
    """As Windows has it from the start: who hardened a server is not failed by what only an authority can give."""
    case = Case(
        server=lambda made: FreeRdpShadow("/sec:nla", display=made.display, openssl_conf=f"{HARDENED}P-256\n"),
        milder=frozenset({"certificate.trusted"}),
    )
    check("strict", case, made, "passed")
