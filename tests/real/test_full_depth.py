"""Depth full against real servers: every fact is what the server was configured with, and what sslscan says of it.

OpenSSL 3.0.22, GnuTLS 3.7.9 and NSS 3.87 behind the front, the emulated SSL 2.0, xrdp 0.9.21 and FreeRDP 2.11.7. One
server each, one at a time: a session of `openssl s_server` can only be resumed where no second one stands beside it.
Where 60 connections are too few to find everything, the facts are proved with more, and a second audit keeps to 60.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import pytest

from probe.result import Result, Tls, TlsFeatures
from tests.real import peers, tls_backends
from tests.real.certificates import Certificate
from tests.real.conftest import Certificates
from tests.real.front import X224Front
from tests.real.full_depth import ENOUGH, full
from tests.real.peers import Findings
from tests.real.process import Launcher, program
from tests.real.servers import FreeRdpShadow, Xrdp
from tests.real.ssl2_server import Ssl2Server
from tests.real.tls_backends import (
    SSL3,
    TLS10,
    TLS11,
    TLS12,
    TLS13,
    GnutlsServer,
    NssServer,
    OpensslServer,
    Suites,
    TlsBackend,
)
from tests.real.xrdp import ONLY_TLS_1_3, OPENSSL_CONF_LEVEL_0, SECURITY_LEVEL_0, TLS_1_0_TO_1_3

SSL2 = "SSLv2"
CURVES = {"x25519", "secp256r1", "secp384r1", "x448", "secp521r1"}
FINITE = {f"ffdhe{bits}" for bits in (2048, 3072, 4096, 6144, 8192)}
MODP_2048, MODP_3072, MODP_1024 = ((2048, "modp2048"), (3072, "modp3072"), (1024, "modp1024"))
GROUPS = {TLS13: CURVES | FINITE, TLS12: CURVES}
Group = dict[str, set[str]]

CURRENT = TlsFeatures(
    secure_renegotiation=True,
    extended_master_secret=True,
    encrypt_then_mac=True,
    compression=False,
    session_tickets=True,
    resumption=True,
    resumed_version=TLS12,
    fallback_scsv=True,
    downgrade_sentinel=True,
    ocsp_stapling=False,
    heartbeat=False,
    client_certificate=False,
    sslv2_framed_hello=True,
    other_name="same certificate",
)
NOTHING = TlsFeatures()  # all that is read is in clear up to TLS 1.2


def but(**fields: object) -> TlsFeatures:
    return msgspec.structs.replace(CURRENT, **fields)


OPENSSL_REFUSES = dict.fromkeys((TLS13, TLS12, TLS11, TLS10, SSL2), "alert protocol_version")
OPENSSL_REFUSES[SSL3] = "alert handshake_failure"
GNUTLS_REFUSES = {TLS13: "alert handshake_failure", SSL3: "alert protocol_version", SSL2: "alert protocol_version"}

# What sslscan does not ask at all. The rest of what only this program says is explained server by server.
NEVER_ASKED = {
    "extended_master_secret": "it does not ask",
    "encrypt_then_mac": "it does not ask",
    "session_tickets": "it does not ask",
    "resumption": "it does not ask",
    "downgrade_sentinel": "it does not look",
    "client_certificate": "only its text names the authorities that are asked for",
    "sslv2_framed_hello": "it does not ask",
    "ocsp_stapling": "with --ocsp only, and not in its XML",
    "heartbeat": "it looks for Heartbleed only",
    "compression": "Debian's OpenSSL has no zlib, so it cannot offer it",
}
ONE_LEAF = {"a certificate": "it reads the certificate of one handshake"}
NO_LEAF = {"a certificate": "its own OpenSSL has to complete a handshake for it, and has no such suite"}
NO_GROUPS = {"group": "where TLS 1.2 is the newest it asks for groups with suites that this server does not have"}
ONLY_THE_VERSION = {f"{SSL3} TLS": "of SSLv3 it tells that it is on"}
RENEGOTIATION = {"secure_renegotiation": "it reads that in TLS 1.0 alone, and says no where it cannot complete that"}
NO_RENEGOTIATION = {"secure_renegotiation: no": RENEGOTIATION["secure_renegotiation"]}
ONE_VERSION = {
    "fallback_scsv: yes": "any refusal of an older version passes for one of the signal: there is none to ask"
}
NO_FALLBACK = {"fallback_scsv": "its first handshake, by its own OpenSSL, is refused"}
# sslscan.c, testFallback(): after TLS 1.0 it asks in TLS 1.0 again. RFC 7507 section 3 has the server go on with that.
SAME_VERSION = "it sends the signal in the newest version, where it means nothing"
DH_BITS = {"Diffie-Hellman group of 3072 bits": "it gives a size for TLS 1.3 too, where the group is named: ffdhe3072"}


# A complete handshake is made by our library, which has neither RC4 nor 3DES, nor a certificate to show.
NOT_RESUMED = ("resumption: no handshake of TLSv1.2 could be completed",)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A server, what is true of it, and where sslscan differs, with the reason."""

    make: Callable[[Certificates, str], Launcher]
    listed: Callable[[Certificates], TlsBackend | Ssl2Server]  # whose listing says what it serves
    order: bool | None = False
    groups: Group = field(default_factory=lambda: GROUPS)  # in TLS 1.3 and 1.2, where each was asked for
    dh: set[tuple[int, str]] = field(default_factory=lambda: {MODP_2048})
    leaves: dict[str, list[str]] = field(default_factory=dict)  # versions by the name in Certificates
    features: TlsFeatures = CURRENT
    unsettled: tuple[str, ...] = ()  # however many connections there are
    refuses: dict[str, str] = field(default_factory=lambda: OPENSSL_REFUSES)
    fits: bool = True  # 60 connections are enough for everything
    suites_fit: bool = True  # and for the suites
    sslscan: tuple[str, ...] = ()  # its options
    it_says: dict[str, str] = field(default_factory=dict)  # lines of its own, and why they are not ours
    it_lacks: dict[str, str] = field(default_factory=dict)  # how lines of ours begin, and why they are not its


def behind_front(make: Callable[[Certificates], TlsBackend | Ssl2Server], **facts: object) -> Kind:
    return Kind(make=lambda made, _: X224Front(make(made)), listed=make, **facts)  # type: ignore[arg-type]


def both(made: Certificates) -> list[Certificate]:
    return [made.rsa, made.ecdsa]


OLDER = [TLS10, TLS11, TLS12]
EVERY = [*OLDER, TLS13]
DEFAULT = "DEFAULT"
RSA = {"rsa": EVERY}
KINDS: dict[str, Kind] = {
    "openssl-everything": behind_front(
        lambda made: tls_backends.everything_openssl(both(made)),
        dh={MODP_2048, MODP_3072, MODP_1024},
        leaves={"ecdsa": EVERY, "rsa": OLDER},
        fits=False,
        suites_fit=False,
        it_lacks=ONE_LEAF,
    ),
    "openssl-two-keys-server-order": behind_front(
        lambda made: OpensslServer(certificates=both(made), order="server"),
        order=True,
        leaves={"ecdsa": EVERY, "rsa": OLDER},
        fits=False,
        suites_fit=False,
        it_lacks=ONE_LEAF,
    ),
    "openssl-server-order": behind_front(
        lambda made: OpensslServer(certificates=[made.rsa], order="server"), order=True, leaves=RSA, fits=False
    ),
    "openssl-client-order": behind_front(lambda made: OpensslServer(certificates=[made.rsa]), leaves=RSA, fits=False),
    "openssl-tls-1.3": behind_front(
        lambda made: OpensslServer(certificates=[made.ecdsa], versions=(TLS13,)),
        order=False,
        groups={TLS13: GROUPS[TLS13]},
        dh=set(),
        leaves={"ecdsa": [TLS13]},
        features=NOTHING,
        it_says=NO_RENEGOTIATION | ONE_VERSION,
    ),
    "openssl-anonymous": behind_front(
        lambda made: tls_backends.anonymous_only(),
        groups={TLS12: CURVES},
        dh={MODP_3072, MODP_1024},
        # Without a certificate there is nothing to staple, and none may be asked for.
        features=but(sslv2_framed_hello=None, other_name=None, ocsp_stapling=None, client_certificate=None),
        it_lacks=NO_GROUPS,
    ),
    "openssl-null": behind_front(
        lambda made: OpensslServer(certificates=[made.rsa], versions=OLDER, ciphers="eNULL:!aNULL:@SECLEVEL=0"),
        groups={TLS12: CURVES},
        dh=set(),
        leaves={"rsa": OLDER},
        features=but(encrypt_then_mac=None, sslv2_framed_hello=None),
        it_lacks=NO_GROUPS,
    ),
    "openssl-p521": behind_front(
        lambda made: OpensslServer(certificates=[made.rsa], groups=["P-521"]),
        groups={TLS12: {"secp521r1"}, TLS13: {"secp521r1"}},
        leaves=RSA,
        fits=False,
    ),
    "openssl-p521-by-retry": behind_front(
        lambda made: OpensslServer(certificates=[made.rsa], groups=["P-521"], versions=(TLS13,)),
        order=False,
        groups={TLS13: {"secp521r1"}},
        dh=set(),
        leaves={"rsa": [TLS13]},
        features=NOTHING,
        it_says=NO_RENEGOTIATION | ONE_VERSION,
    ),
    "openssl-ffdhe3072-by-retry": behind_front(
        lambda made: OpensslServer(certificates=[made.rsa], groups=["ffdhe3072"], versions=(TLS13,)),
        order=False,
        groups={TLS13: {"ffdhe3072"}},
        dh=set(),
        leaves={"rsa": [TLS13]},
        features=NOTHING,
        it_says=NO_RENEGOTIATION | ONE_VERSION | DH_BITS,
    ),
    "gnutls-rc4": behind_front(
        lambda made: replace(tls_backends.rc4_only(), certificates=[made.rsa]),
        groups={TLS12: CURVES},
        dh=set(),
        leaves={"rsa": OLDER},
        features=but(encrypt_then_mac=None, resumption=None, resumed_version=None, downgrade_sentinel=False),
        unsettled=NOT_RESUMED,
        refuses=GNUTLS_REFUSES,
        it_says=NO_RENEGOTIATION,
        it_lacks=RENEGOTIATION | NO_LEAF | NO_FALLBACK,
    ),
    "gnutls-3des": behind_front(
        lambda made: replace(tls_backends.triple_des_only(), certificates=[made.rsa]),
        groups={TLS12: CURVES},
        dh={(2048, "ffdhe2048")},
        leaves={"rsa": OLDER},
        features=but(resumption=None, resumed_version=None, downgrade_sentinel=False),
        unsettled=NOT_RESUMED,
        refuses=GNUTLS_REFUSES,
        it_says=NO_RENEGOTIATION,
        it_lacks=RENEGOTIATION
        | NO_LEAF
        | NO_FALLBACK
        | {"Diffie-Hellman": "it tells the size where its own OpenSSL has the suite"},
    ),
    "gnutls-mixed": behind_front(
        lambda made: GnutlsServer(certificates=both(made)),
        dh={(2048, "ffdhe2048")},
        leaves={"rsa": EVERY, "ecdsa": OLDER},
        refuses=GNUTLS_REFUSES,
        fits=False,
        it_lacks=ONE_LEAF,
    ),
    "nss-sslv3": behind_front(
        lambda made: NssServer(certificates=[made.rsa], versions="ssl3:ssl3"),
        order=None,
        groups={},
        dh=set(),
        leaves={"rsa": [SSL3]},
        features=TlsFeatures(secure_renegotiation=True, client_certificate=False),
        refuses=dict.fromkeys(OLDER, f"answered {SSL3}")
        | {TLS13: "alert protocol_version", SSL2: "alert unexpected_message"},
        it_says=NO_RENEGOTIATION,
        it_lacks=RENEGOTIATION | NO_LEAF | ONLY_THE_VERSION,
    ),
    "nss-sslv3-and-tls-1.0": behind_front(
        lambda made: NssServer(certificates=[made.rsa]),
        order=True,
        groups={},
        dh=set(),
        leaves={"rsa": [SSL3, TLS10]},
        features=but(
            encrypt_then_mac=False,
            session_tickets=False,
            resumed_version=TLS10,
            downgrade_sentinel=None,
            sslv2_framed_hello=False,
        ),
        refuses=dict.fromkeys([TLS12, TLS11], f"answered {TLS10}")
        | {TLS13: "alert protocol_version", SSL2: "alert unexpected_message"},
        sslscan=("--no-groups",),  # it would ask for ever: no end of it was seen in 90 s
        it_says={"fallback_scsv: no": SAME_VERSION},
        it_lacks=ONLY_THE_VERSION | {"fallback_scsv": SAME_VERSION},
    ),
    "sslv2": behind_front(
        lambda made: Ssl2Server(certificate=made.rsa),
        order=None,
        groups={},
        dh=set(),
        leaves={"rsa": [SSL2]},
        features=NOTHING,
        refuses=dict.fromkeys([*EVERY, SSL3], "closed"),
        it_says=NO_RENEGOTIATION,
        it_lacks={f"{SSL2} SSL_CK": "of SSLv2 it tells that it is on"} | NO_LEAF,
    ),
    "xrdp": Kind(
        make=lambda made, _: Xrdp(security_layer="tls", certificate=made.ecdsa),
        listed=lambda made: OpensslServer(certificates=[made.ecdsa], versions=(TLS12, TLS13), ciphers=DEFAULT),
        leaves={"ecdsa": [TLS12, TLS13]},
        dh=set(),
        features=but(resumption=False, sslv2_framed_hello=None),  # a process for each connection
        it_says=NO_RENEGOTIATION,
        it_lacks=RENEGOTIATION,
    ),
    "xrdp-all-versions": Kind(
        make=lambda made, _: Xrdp(
            security_layer="tls", ssl_protocols=TLS_1_0_TO_1_3, tls_ciphers=SECURITY_LEVEL_0, certificate=made.rsa
        ),
        listed=lambda made: OpensslServer(certificates=[made.rsa]),
        leaves=RSA,
        features=but(resumption=False),
        fits=False,
    ),
    "xrdp-tls-1.3-p521": Kind(
        make=lambda made, _: Xrdp(
            security_layer="tls",
            ssl_protocols=ONLY_TLS_1_3,
            openssl_conf=OPENSSL_CONF_LEVEL_0 + "Groups = P-521\n",
            certificate=made.rsa,
        ),
        listed=lambda made: OpensslServer(certificates=[made.rsa], versions=(TLS13,)),
        order=False,
        groups={TLS13: {"secp521r1"}},
        dh=set(),
        leaves={"rsa": [TLS13]},
        features=NOTHING,
        it_says=NO_RENEGOTIATION | ONE_VERSION,
    ),
    "freerdp-nla": Kind(
        make=lambda made, display: FreeRdpShadow("/sec:nla", display=display, certificate=made.rsa),
        # It gives OpenSSL no parameters for DHE.
        listed=lambda made: OpensslServer(certificates=[made.rsa], versions=(TLS12, TLS13), ciphers="DEFAULT:!kDHE"),
        leaves={"rsa": [TLS12, TLS13]},
        dh=set(),
        features=but(resumption=False, sslv2_framed_hello=None),
        refuses=OPENSSL_REFUSES | dict.fromkeys((TLS11, TLS10), "alert internal_error"),
        it_says=NO_RENEGOTIATION,
        it_lacks=RENEGOTIATION,
    ),
}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One server of a kind, asked by all."""

    kind: Kind
    suites: Suites
    result: Result  # by as many connections as it takes
    at_most_60: Result
    sslscan: Findings

    @property
    def tls(self) -> Tls:
        assert self.result.tls is not None
        return self.result.tls


@pytest.fixture(scope="module", params=KINDS)
def seen(request: pytest.FixtureRequest, made: Certificates, display: str) -> Seen:
    kind = KINDS[request.param]
    with kind.make(made, display) as server:
        at_most_60 = full(server)
        result = at_most_60 if kind.fits else full(server, ENOUGH)
        sslscan = peers.run_sslscan(server.target, *kind.sslscan)
    suites = kind.listed(made).expected_suites
    return Seen(kind=kind, suites=suites, result=result, at_most_60=at_most_60, sslscan=sslscan)


def test_suites_and_versions_are_those_that_were_configured(seen: Seen) -> None:
    assert peers.read_result(seen.result).suites == seen.suites
    versions = {name: (verdict.state, verdict.reason) for name, verdict in seen.tls.versions.items()}
    every = {TLS13, TLS12, TLS11, TLS10, SSL3, SSL2}
    refused = {name: ("rejected", seen.kind.refuses[name]) for name in every.difference(seen.suites)}
    assert versions == dict.fromkeys(seen.suites, ("accepted", None)) | refused
    assert seen.tls.unsettled == [*seen.kind.unsettled]
    assert seen.result.limited is None


def in_openssls_order(version: str, ciphers: str) -> list[int]:
    option = version.replace("TLSv", "-tls").replace("1.0", "1").replace(".", "_")
    argv = [program("openssl"), "ciphers", "-s", option, "-V", ciphers]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    return [int(high + low, 16) for high, low in re.findall(r"0x(..),0x(..) - ", said)]


def test_the_order_is_that_of_the_side_that_was_configured(seen: Seen, made: Certificates) -> None:
    assert seen.tls.server_order is seen.kind.order
    backend = seen.kind.listed(made)
    if seen.kind.order and isinstance(backend, OpensslServer):
        for version, suites in seen.suites.items():
            found = [int(suite.code, 16) for suite in seen.tls.cipher_suites[version]]
            assert found == [suite for suite in in_openssls_order(version, backend.ciphers) if suite in suites]


def test_groups_are_those_that_were_configured(seen: Seen) -> None:
    found = {
        version: {group.name for group in seen.tls.groups if version in group.versions}
        for version in {version for group in seen.tls.groups for version in group.versions}
    }
    assert {version: found.get(version) for version in seen.kind.groups} == seen.kind.groups
    every = set().union(*seen.kind.groups.values())
    assert set().union(*found.values()) == every
    assert {(each.bits, each.name) for each in seen.tls.dh_parameters} == seen.kind.dh


def test_every_certificate_is_read_with_the_versions_that_it_was_served_to(seen: Seen, made: Certificates) -> None:
    found = {chain.chain[0].sha256: chain.served_to for chain in seen.result.certificates}
    assert found == {getattr(made, name).sha256: versions for name, versions in seen.kind.leaves.items()}


def test_features_are_those_that_were_configured(seen: Seen) -> None:
    assert seen.tls.features == seen.kind.features
    assert seen.tls.intolerance == []
    assert seen.tls.clear_text_instead is False


def test_sixty_connections_are_kept_to_and_what_is_missing_is_named(seen: Seen) -> None:
    result = seen.at_most_60
    assert result.connections <= 60
    assert (result.limited is None) is seen.kind.fits
    assert result.tls is not None
    found, everything = peers.read_result(result), peers.read_result(seen.result)
    assert found.versions == everything.versions
    said = result.tls.unsettled
    for version, suites in seen.suites.items():
        assert found.suites[version] <= suites
        complete = found.suites[version] == suites
        assert complete or any(words.startswith(f"{version}: ") and "cipher suites" in words for words in said)
        assert complete or not seen.kind.suites_fit
    assert found.groups <= everything.groups
    assert found.groups == everything.groups or any("groups were neither" in words for words in said)
    assert result.tls.features is not None
    for name in result.tls.features.__struct_fields__:
        value, true = getattr(result.tls.features, name), getattr(seen.kind.features, name)
        assert value == true or (value is None and any("TLS features" in words for words in said)), name


def test_sslscan_says_the_same_and_every_difference_has_its_reason(seen: Seen) -> None:
    ours = peers.read_result(seen.result)
    assert set(peers.differences(seen.sslscan, ours)) == set(seen.kind.it_says)
    more = peers.differences(ours, seen.sslscan)
    reasons = NEVER_ASKED | seen.kind.it_lacks
    assert [line for line in more if not line.startswith(tuple(reasons))] == []
    assert [begin for begin in seen.kind.it_lacks if not any(line.startswith(begin) for line in more)] == []


# What a server does only where it was told to


def features(result: Result) -> TlsFeatures:
    assert result.tls is not None
    assert result.tls.features is not None
    return result.tls.features


def test_stapling_no_tickets_another_certificate_and_given_dh_parameters(made: Certificates, tmp_path: Path) -> None:
    parameters = tmp_path / "dh.pem"
    argv = [program("openssl"), "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe4096"]
    subprocess.run([*argv, "-out", str(parameters)], check=True, capture_output=True)
    backend = OpensslServer(
        certificates=[made.rsa],
        other_name=("desk.example.test", made.ecdsa),
        stapled=tls_backends.ocsp_response(tmp_path, made.rsa),
        dh_parameters=parameters,
        options=["-no_ticket"],
    )
    with X224Front(backend) as server:
        unnamed, named = full(server, ENOUGH), full(server, ENOUGH, name="desk.example.test")
    assert features(unnamed) == but(session_tickets=False, ocsp_stapling=True)
    assert unnamed.tls is not None
    assert {(each.bits, each.name) for each in unnamed.tls.dh_parameters} == {(4096, "ffdhe4096")}
    assert [chain.chain[0].sha256 for chain in unnamed.certificates] == [made.rsa.sha256]
    assert features(named).other_name == "another certificate"
    # What is served to the other name, or to a hello without a name, is none of the name's own.
    assert [chain.chain[0].sha256 for chain in named.certificates] == [made.ecdsa.sha256]


def test_a_name_that_the_server_does_not_have_is_refused_where_it_was_told_to(made: Certificates) -> None:
    backend = OpensslServer(
        certificates=[made.rsa], other_name=("desk.example.test", made.rsa), options=["-servername_fatal"]
    )
    with X224Front(backend) as server:
        result = full(server, ENOUGH, name="desk.example.test")
    assert features(result) == but(other_name="refused")
    assert peers.read_result(result).suites == backend.expected_suites


def test_a_client_certificate_is_asked_for_and_heartbeat_is_offered_where_they_were_set(made: Certificates) -> None:
    backend = GnutlsServer(
        certificates=[made.rsa], client_certificate="required", options=["--heartbeat", "--noticket"]
    )
    with X224Front(backend) as server:
        result = full(server, ENOUGH)
    assert peers.read_result(result).suites == backend.expected_suites
    assert features(result) == but(
        client_certificate=True, heartbeat=True, session_tickets=False, resumption=None, resumed_version=None
    )
    assert result.tls is not None
    assert result.tls.unsettled == [*NOT_RESUMED]


def test_a_server_that_keeps_no_sessions_resumes_none(made: Certificates) -> None:
    with X224Front(OpensslServer(certificates=[made.rsa], options=["-no_ticket", "-no_cache"])) as server:
        result = full(server, ENOUGH)
    assert features(result) == but(session_tickets=False, resumption=False)
