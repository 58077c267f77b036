"""Servers to hold clients against: each builder states what matters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from probe.clients import CLIENTS
from probe.clients.profile import ClientProfile
from probe.diagnosis.client_walk import Outcome
from probe.diagnosis.clients import walk
from probe.result import (
    Certificate,
    CertificateChain,
    CipherSuite,
    CredSsp,
    Group,
    Key,
    Negotiation,
    Ntlm,
    Registered,
    Result,
    StandardRdp,
    Tls,
    TlsAnswer,
    TlsFeatures,
    TlsHandshake,
    Verdict,
)
from probe.wire.iana import CIPHER_SUITES, GROUPS
from tests.diagnosis.results import ACCEPTED, refused, result

ACCEPTED_VERSION = Verdict(state="accepted")
TOO_OLD = Verdict(state="rejected", reason="alert protocol_version")
NO_SUITE = Verdict(state="rejected", reason="alert handshake_failure")
RSA_GCM, RSA_CBC, RSA_KEY_CBC, OF_TLS13 = 0xC030, 0xC014, 0x002F, 0x1302
X25519, P256 = 0x001D, 0x0017


def suite(code: int) -> CipherSuite:
    return CipherSuite(code=f"0x{code:04x}", name=CIPHER_SUITES[code])


def group(code: int, *versions: str) -> Group:
    return Group(code=f"0x{code:04x}", name=GROUPS[code], versions=list(versions))


def negotiating(**protocols: Verdict) -> Result:
    """A server with these verdicts; others are unknown."""
    described = result()
    described.negotiation = Negotiation(protocols=protocols)
    return described


def with_tls(
    described: Result, answers: Mapping[str, tuple[int, int | None]], *, rejected: Iterable[str] = ()
) -> Result:
    """One answer in each version: a suite and a group. The newest was completed."""
    described.tls = Tls(
        versions=dict.fromkeys(answers, ACCEPTED_VERSION) | dict.fromkeys(rejected, TOO_OLD),
        answered={
            name: TlsAnswer(
                cipher_suite=suite(code),
                group=Registered(code=f"0x{used:04x}", name=GROUPS[used]) if used is not None else None,
            )
            for name, (code, used) in answers.items()
        },
    )
    if answers:
        newest = max(answers)
        described.tls.handshake = TlsHandshake(version=newest, cipher_suite=suite(answers[newest][0]))
    return described


def modern(**protocols: Verdict) -> Result:
    """TLS 1.2 and 1.3 as OpenSSL has them, asked at standard depth."""
    required = refused("SSL_REQUIRED_BY_SERVER")
    described = negotiating(
        **({"RDP": required, "HYBRID": required, "HYBRID_EX": required, "SSL": ACCEPTED} | protocols)
    )
    answers = {"TLSv1.3": (OF_TLS13, X25519), "TLSv1.2": (RSA_GCM, X25519)}
    return with_tls(described, answers, rejected=("TLSv1.1", "TLSv1.0"))


def in_full(described: Result, **suites: Iterable[int]) -> Result:
    """The same with every suite of these versions known, as depth full has it: TLSv1_2=(0xc030,)."""
    assert described.tls is not None
    described.tls.features = TlsFeatures()
    described.tls.cipher_suites = {
        name.replace("_", "."): [suite(code) for code in codes] for name, codes in suites.items()
    }
    return described


def with_nla(version: int | None = 6, mechanisms: tuple[str, ...] = ("NTLM",), ntlm: Ntlm | None = None) -> Result:
    """A server that requires NLA, over a modern TLS."""
    required = refused("HYBRID_REQUIRED_BY_SERVER")
    described = modern(HYBRID=ACCEPTED, HYBRID_EX=ACCEPTED, SSL=required, RDP=required)
    challenge = ntlm or (Ntlm() if "NTLM" in mechanisms and version is not None else None)
    described.credssp = CredSsp(version=version, mechanisms=list(mechanisms), ntlm=challenge)
    return described


def standard(*methods: str, level: str = "HIGH", ignores: bool | None = True) -> Result:
    """A server that has Standard RDP Security alone, and says so as xrdp does."""
    instead = Verdict(state="rejected", selected="RDP")
    described = negotiating(RDP=ACCEPTED, SSL=instead, HYBRID=instead, HYBRID_EX=instead)
    described.standard_rdp = StandardRdp(
        encryption_level=level, encryption_methods=list(methods), ignores_offered_methods=ignores
    )
    return described


def certified(described: Result, *kinds: str) -> Result:
    """The same with a certificate of each kind of key."""
    described.certificates = [
        CertificateChain(chain=[Certificate(sha256=kind, key=Key(type=kind, bits=2048))]) for kind in kinds
    ]
    return described


def of(key: str, described: Result) -> Outcome:
    """How far one client of the table gets."""
    return walk(CLIENTS[key], described)


def profile(key: str) -> ClientProfile:
    return CLIENTS[key]
