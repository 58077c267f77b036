"""For each cause that can be excluded: results that prove that it is not there, and near misses that do not.

A near miss has everything but the fact that proves it. A cause that nothing excludes has near misses alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from probe.result import (
    Certificate,
    CertificateChain,
    CipherSuite,
    CredSsp,
    Group,
    Key,
    Licensing,
    NegotiationAttempt,
    Ntlm,
    Registered,
    Result,
    StandardCertificate,
    StandardRdp,
    Tls,
    TlsFeatures,
    TlsHandshake,
    Trust,
    Verdict,
)
from probe.result.licensing import LicensingAnswer
from tests.diagnosis.results import ACCEPTED, UNKNOWN, attempted, certificate, negotiated, refused, result

NEEDS_NLA = refused("HYBRID_REQUIRED_BY_SERVER")
NEEDS_TLS = refused("SSL_REQUIRED_BY_SERVER")
NO_TLS = refused("SSL_NOT_ALLOWED_BY_SERVER")
_ECDHE = Registered(code="0xc030", name="TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384")


@dataclass(frozen=True, slots=True)
class Proof:
    """What excludes one cause, and what is not enough."""

    code: str
    excluded: Sequence[Callable[[], Result]]
    open: Sequence[Callable[[], Result]]


def _attempts(*described: NegotiationAttempt) -> Result:
    server = negotiated(RDP=NEEDS_NLA, SSL=NEEDS_NLA, HYBRID=ACCEPTED)
    assert server.negotiation is not None
    server.negotiation.attempts = list(described)
    return server


def _attempt(
    *requested: str, selected: str | None = None, answer: str | None = None, ending: str | None = None
) -> NegotiationAttempt:
    return NegotiationAttempt(
        requested=list(requested),
        selected=selected,
        answer=answer,
        ending=ending,  # type: ignore[arg-type]  # checked by the reader of results
        elapsed_ms=1.0,
    )


def _lost(described: Result) -> Result:
    described.lost = "asking for RDP"
    return described


def _unsteady(described: Result) -> Result:
    described.intermittent = ["asked for SSL: answered, reset"]
    return described


def _direct(described: Result, state: Verdict = ACCEPTED) -> Result:
    assert described.negotiation is not None
    described.negotiation.direct_tls = state
    return described


def _silent(ending: str | None) -> Result:
    return result("silent", ending=ending)  # type: ignore[arg-type]


def _named(host: str) -> Result:
    return result(host=host, address="192.0.2.7")


# TLS


def _handshake(version: str = "TLSv1.3", *, complete: bool = True) -> Result:
    described = negotiated(SSL=ACCEPTED)
    suite = Registered(code="0x1302", name="TLS_AES_256_GCM_SHA384")
    described.tls = Tls(handshake=TlsHandshake(version=version, cipher_suite=suite, complete=complete))
    return described


def _versions(**states: str) -> Result:
    described = negotiated(SSL=ACCEPTED)
    versions = {name.replace("_", "."): Verdict(state=state) for name, state in states.items()}  # type: ignore[arg-type]
    described.tls = Tls(versions=versions)
    return described


def _tls_of_all_clients(*suites: tuple[int, str], features: bool = True, complete: bool = True) -> Result:
    """A server with TLS 1.2 and 1.0 at depth full, with these suites in both."""
    described = negotiated(RDP=NEEDS_TLS, SSL=ACCEPTED, HYBRID=ACCEPTED, HYBRID_EX=ACCEPTED)
    listed = [CipherSuite(code=f"0x{code:04x}", name=name) for code, name in suites]
    names = ("TLSv1.2", "TLSv1.0")
    rejected = Verdict(state="rejected", reason="alert protocol_version")
    made = TlsHandshake(version="TLSv1.2", cipher_suite=listed[0], complete=complete)
    described.tls = Tls(
        versions={"TLSv1.3": rejected, "TLSv1.2": ACCEPTED, "TLSv1.1": rejected, "TLSv1.0": ACCEPTED},
        handshake=made,
        cipher_suites=dict.fromkeys(names, listed) if features else {},
        order_by_version=dict.fromkeys(names, True),
        groups=[Group(code="0x0017", name="secp256r1", versions=list(names))],
        features=TlsFeatures() if features else None,
    )
    described.credssp = CredSsp(version=6, mechanisms=["NTLM"], ntlm=Ntlm(netbios_domain="CORP"))
    return described


_USUAL_SUITES = (
    (0xC030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    (0xC014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"),
    (0x002F, "TLS_RSA_WITH_AES_128_CBC_SHA"),
    (0x000A, "TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
)


def _rc4() -> Result:
    described = _handshake("TLSv1.0", complete=False)
    assert described.tls is not None
    assert described.tls.handshake is not None
    described.tls.handshake.cipher_suite = Registered(code="0x0005", name="TLS_RSA_WITH_RC4_128_SHA")
    return described


# Certificates

_SOUND = {
    "issuer": "CN=Corp CA",
    "key": Key(type="RSA", bits=2048),
    "signature_algorithm": "sha256WithRSAEncryption",
    "extended_key_usage": ["serverAuth"],
}
BROKEN = Certificate(sha256="bb", error="not a certificate")


def leaf(sha256: str = "aa", **changed: object) -> Certificate:
    """A sound certificate, but for what is changed."""
    made = certificate(sha256, names=("srv1.example",))
    for name, value in {**_SOUND, **changed}.items():
        setattr(made, name, value)
    return made


def root() -> Certificate:
    return leaf("cc", subject="CN=Corp CA", self_signed=True)


def served(
    *chains: Sequence[Certificate],
    verdict: str | None = "trusted",
    store: str = "certifi",
    name_match: bool | None = True,
) -> Result:
    """These chains, each judged so."""
    described = negotiated(SSL=ACCEPTED)
    trust = Trust(verdict=verdict, store=store) if verdict is not None else None  # type: ignore[arg-type]
    described.certificates = [
        CertificateChain(chain=list(chain), trust=trust, name_match=name_match) for chain in chains
    ]
    return described


def _without(described: Result) -> Result:
    described.started = "some day"
    return described


def unread(*more: Callable[[], Result]) -> tuple[Callable[[], Result], ...]:
    """Certificates of which nothing, or not everything, is known."""
    return (
        lambda: negotiated(SSL=ACCEPTED),
        lambda: served([BROKEN]),
        lambda: served([]),
        lambda: served([leaf()], []),
        lambda: served([leaf()], [BROKEN]),
        *more,
    )


# Standard RDP Security, CredSSP, licenses


def _standard(*methods: str, level: str | None = None, certificate: StandardCertificate | None = None) -> Result:
    described = negotiated(RDP=ACCEPTED, SSL=UNKNOWN, HYBRID=UNKNOWN)
    described.standard_rdp = StandardRdp(
        encryption_level=level, encryption_methods=list(methods), certificate=certificate
    )
    return described


def _key(
    kind: str, bits: int | None = 2048, *, valid: bool | None = None, chain: Sequence[Certificate] | None = None
) -> Result:
    held = StandardCertificate(
        kind=kind,  # type: ignore[arg-type]
        key_bits=bits,
        signature_valid=valid,
        chain=CertificateChain(chain=list(chain)) if chain is not None else None,
    )
    return _standard("128BIT", certificate=held)


def _credssp(version: int | None = None, *, ntlm: Ntlm | None = None) -> Result:
    described = negotiated(SSL=NEEDS_NLA, RDP=NEEDS_NLA, HYBRID=ACCEPTED)
    described.credssp = CredSsp(version=version, ntlm=ntlm)
    return described


def _turned_away(described: Result, failure: str) -> Result:
    """The same, but another request was turned away with this code."""
    assert described.negotiation is not None
    described.negotiation.attempts.append(NegotiationAttempt(requested=["SSL"], failure=failure, elapsed_ms=1.0))
    return described


def licensed(answer: LicensingAnswer | None, then: LicensingAnswer | None = None) -> Result:
    described = negotiated(SSL=ACCEPTED, RDP=NEEDS_TLS, HYBRID=NO_TLS)
    described.licensing = [Licensing(over="SSL", answer=answer, then=then, ending="closed")]
    return described


_TCP = (
    lambda: result("silent", ending=None),
    lambda: _silent("interrupted"),
    lambda: _silent("deadline"),
    lambda: _lost(result()),
    lambda: _unsteady(result()),
)
_ANSWERED = (
    lambda: _attempts(_attempt("SSL", "HYBRID", selected="HYBRID")),
    lambda: attempted(requested=(), answer="confirm without negotiation"),
)
_UNANSWERED = (
    result,
    lambda: _attempts(_attempt("SSL", selected="SSL"), _attempt("RDP", ending="closed")),
    lambda: _attempts(_attempt("SSL", selected="SSL"), _attempt("RDP", ending="reset")),
    lambda: _attempts(_attempt("SSL", selected="SSL"), _attempt("RDP", ending="timed_out")),
    lambda: _attempts(_attempt("SSL", selected="SSL"), _attempt("RDP", answer="malformed")),
    lambda: _attempts(_attempt("SSL", selected="SSL"), _attempt("RDP", answer="disconnect request")),
    lambda: _lost(_attempts(_attempt("SSL", selected="SSL"))),
    lambda: _unsteady(_attempts(_attempt("SSL", selected="SSL"))),
)

PROOFS = (
    Proof(
        "DNS_FAILED",
        (result, lambda: result("filtered"), lambda: _unsteady(result())),
        (lambda: _named("192.0.2.7"), lambda: _named("fe80::1%eth0"), lambda: result(address=None)),
    ),
    *(
        Proof(code, (result, lambda: result("not_rdp"), lambda: _silent("timed_out")), _TCP)
        for code in ("TCP_REFUSED", "TCP_TIMEOUT", "TCP_UNREACHABLE")
    ),
    Proof(
        "TCP_RESET",
        (*_ANSWERED, lambda: result("not_rdp")),
        (*_UNANSWERED, lambda: result("closed", ending="closed"), lambda: _silent("timed_out")),
    ),
    Proof("NOT_RDP", (result,), (lambda: _silent("timed_out"), lambda: _unsteady(result()))),
    *(
        Proof(code, _ANSWERED, _UNANSWERED)
        for code in ("X224_SILENT", "X224_CLOSED", "X224_MALFORMED", "X224_DISCONNECTED")
    ),
    Proof(
        "NLA_REQUIRED",
        (
            lambda: negotiated(RDP=NEEDS_TLS, SSL=ACCEPTED, HYBRID=ACCEPTED),
            lambda: negotiated(RDP=ACCEPTED, SSL=NO_TLS, HYBRID=NO_TLS),
        ),
        (
            lambda: negotiated(RDP=UNKNOWN, SSL=UNKNOWN, HYBRID=ACCEPTED),
            lambda: negotiated(RDP=NEEDS_NLA, SSL=ACCEPTED, HYBRID=ACCEPTED),
            lambda: _turned_away(negotiated(RDP=ACCEPTED, SSL=ACCEPTED), "HYBRID_REQUIRED_BY_SERVER"),
        ),
    ),
    Proof(
        "TLS_REQUIRED",
        (
            lambda: negotiated(RDP=ACCEPTED, SSL=ACCEPTED, HYBRID=UNKNOWN),
            lambda: negotiated(RDP=NEEDS_NLA, SSL=NEEDS_NLA, HYBRID=ACCEPTED),
        ),
        (
            lambda: negotiated(RDP=UNKNOWN, SSL=ACCEPTED, HYBRID=ACCEPTED),
            lambda: negotiated(RDP=NEEDS_NLA, SSL=ACCEPTED, HYBRID=ACCEPTED),
            lambda: _turned_away(negotiated(RDP=ACCEPTED), "SSL_REQUIRED_BY_SERVER"),
        ),
    ),
    Proof(
        "STANDARD_RDP_ONLY",
        (
            lambda: negotiated(RDP=ACCEPTED, SSL=ACCEPTED, HYBRID=NO_TLS),
            lambda: negotiated(RDP=NEEDS_TLS, HYBRID=ACCEPTED),
        ),
        (lambda: negotiated(RDP=ACCEPTED, SSL=UNKNOWN, HYBRID=UNKNOWN), lambda: negotiated(RDP=ACCEPTED, SSL=NO_TLS)),
    ),
    Proof(
        "TLS_CERTIFICATE_MISSING",
        (lambda: served([leaf()]),),
        (
            lambda: negotiated(SSL=ACCEPTED, HYBRID=ACCEPTED),
            lambda: served([]),
            lambda: _turned_away(served([leaf()]), "SSL_CERT_NOT_ON_SERVER"),
        ),
    ),
    Proof(
        "NLA_UNSUPPORTED",
        (lambda: negotiated(HYBRID=ACCEPTED), lambda: negotiated(HYBRID_EX=ACCEPTED, HYBRID=UNKNOWN)),
        (lambda: negotiated(HYBRID=UNKNOWN, SSL=ACCEPTED), result),
    ),
    Proof(
        "NLA_NOT_ENFORCED",
        (lambda: negotiated(RDP=NEEDS_NLA, SSL=NEEDS_NLA, HYBRID=ACCEPTED),),
        (
            lambda: negotiated(RDP=NEEDS_NLA, SSL=UNKNOWN, HYBRID=ACCEPTED),
            lambda: negotiated(RDP=UNKNOWN, SSL=NEEDS_NLA, HYBRID=ACCEPTED),
        ),
    ),
    Proof(
        "INCONSISTENT_FLAGS",
        (lambda: _direct(negotiated(RDP=NEEDS_TLS, SSL=ACCEPTED, HYBRID=ACCEPTED)),),
        (
            lambda: negotiated(RDP=NEEDS_TLS, SSL=ACCEPTED, HYBRID=ACCEPTED),
            lambda: _direct(negotiated(RDP=UNKNOWN, SSL=ACCEPTED, HYBRID=ACCEPTED)),
            lambda: _turned_away(
                _direct(negotiated(RDP=NEEDS_TLS, SSL=ACCEPTED, HYBRID=ACCEPTED)), "INCONSISTENT_FLAGS"
            ),
        ),
    ),
    Proof(
        "USER_AUTH_REQUIRED",
        (lambda: _credssp(6),),
        (
            lambda: negotiated(RDP=NEEDS_TLS, SSL=ACCEPTED, HYBRID=ACCEPTED),
            lambda: _credssp(None),
            _handshake,  # TLS 1.3 is complete for the client before the server has seen a certificate
            lambda: _turned_away(_credssp(6), "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER"),
        ),
    ),
    Proof(
        "UNOFFERED_PROTOCOL_SELECTED",
        (lambda: negotiated(RDP=NEEDS_TLS, SSL=ACCEPTED, HYBRID=ACCEPTED),),
        (
            lambda: negotiated(RDP=NEEDS_TLS, SSL=ACCEPTED, HYBRID=UNKNOWN),
            lambda: negotiated(SSL=ACCEPTED, HYBRID=ACCEPTED),
            lambda: negotiated(RDP=UNKNOWN, SSL=ACCEPTED, HYBRID=ACCEPTED),
        ),
    ),
    Proof(
        "NEGOTIATION_UNSUPPORTED",
        (lambda: _attempts(_attempt("SSL", selected="SSL")),),
        (
            lambda: negotiated(SSL=Verdict(state="rejected", reason="confirm without negotiation")),
            lambda: _attempts(_attempt("SSL", ending="closed")),
            lambda: _attempts(_attempt("SSL", selected="SSL"), _attempt(answer="confirm without negotiation")),
        ),
    ),
    Proof("NEGOTIATION_ALTERED", (), (lambda: _standard("128BIT"), lambda: _direct(_standard("128BIT")))),
    Proof(
        "TLS_HANDSHAKE_ABORTED",
        (_handshake, lambda: _handshake("TLSv1.2")),
        (lambda: _handshake(complete=False), lambda: _handshake("TLSv1.0"), lambda: negotiated(SSL=ACCEPTED)),
    ),
    Proof(
        "TLS_NO_COMMON_VERSION",
        (lambda: _versions(TLSv1_2="accepted", TLSv1_0="accepted"),),
        (
            lambda: _versions(TLSv1_2="unknown", TLSv1_3="unknown", TLSv1_0="accepted"),
            lambda: negotiated(SSL=ACCEPTED),
            # Windows 7 without its update fails with this code
            lambda: _versions(TLSv1_3="accepted", TLSv1_2="accepted", TLSv1_1="rejected", TLSv1_0="rejected"),
        ),
    ),
    Proof(
        "TLS_MODERN_ONLY",
        (lambda: _versions(TLSv1_2="accepted"),),
        (
            lambda: _versions(TLSv1_3="accepted", TLSv1_2="unknown"),
            lambda: _versions(TLSv1_3="accepted"),
            lambda: negotiated(SSL=ACCEPTED),
        ),
    ),
    Proof(
        "TLS_NO_SHARED_CIPHER",
        (lambda: _tls_of_all_clients(*_USUAL_SUITES),),
        (
            _rc4,
            _handshake,
            lambda: _tls_of_all_clients(*_USUAL_SUITES, features=False),
            lambda: _tls_of_all_clients(*_USUAL_SUITES, complete=False),
            lambda: _tls_of_all_clients(_USUAL_SUITES[0]),  # Windows 8.1 has it for elliptic-curve keys only
        ),
    ),
    Proof("CERT_EXPIRED", (lambda: served([leaf()]), lambda: served([leaf()], [leaf("dd")])), unread(
        lambda: served([leaf(not_after=None)]),
        lambda: served([leaf(not_after="one day")]),
        lambda: _without(served([leaf()])),
    )),
    Proof("CERT_NOT_YET_VALID", (lambda: served([leaf()]),), unread(
        lambda: served([leaf(not_before=None)]),
        lambda: served([leaf(not_before="one day")]),
        lambda: _without(served([leaf()])),
    )),
    Proof("CERT_EXPIRES_SOON", (lambda: served([leaf()]),), unread(
        lambda: served([leaf(not_after=None)]),
        lambda: served([leaf(not_after="2026-11-20T02:00:00Z")]),  # it has expired, which is another thing
    )),
    Proof("CERT_SELF_SIGNED", (lambda: served([leaf()]),), unread(
        lambda: served([leaf(self_signed=None)]),
        lambda: served([leaf(issuer=None)]),
        lambda: served([leaf(self_signed=True)]),  # trusted here by its fingerprint, say: no diagnosis, and still it
    )),
    Proof(
        "CERT_WEAK_KEY",
        (
            lambda: served([leaf(), root()]),
            lambda: served([leaf(key=Key(type="EC", bits=256))]),
            lambda: served([leaf(key=Key(type="Ed25519"))]),
        ),
        unread(
            lambda: served([leaf(key=None)]),
            lambda: served([leaf(key=Key(type="RSA"))]),
            lambda: served([leaf(key=Key(type="GOST", bits=256))]),
            lambda: served([leaf(), leaf("ee", key=None)]),
        ),
    ),
    Proof(
        "CERT_WEAK_SIGNATURE",
        (
            lambda: served([leaf(), root()]),
            lambda: served([leaf(self_signed=True, signature_algorithm="ecdsa-with-SHA384")]),
            lambda: served([leaf(), leaf("cc", self_signed=True, signature_algorithm="sha1WithRSAEncryption",
                                         subject="CN=Corp CA")]),
        ),
        unread(
            lambda: served([leaf(signature_algorithm=None), root()]),
            lambda: served([leaf(signature_algorithm="1.2.840.113549.1.1.10"), root()]),
            lambda: served([leaf()]),  # an authority's certificate that was not sent may be signed weakly
            lambda: served([leaf(), leaf("ee", signature_algorithm=None), root()]),
        ),
    ),
    Proof(
        "CERT_USAGE_UNSUITABLE",
        (lambda: served([leaf()]), lambda: served([leaf(extended_key_usage=None)])),
        unread(lambda: served([leaf(error="extensions cannot be read")]), lambda: served([leaf(key=None)])),
    ),
    Proof(
        "CERT_MALFORMED",
        (lambda: served([leaf(), root()]),),
        (lambda: negotiated(SSL=ACCEPTED), lambda: served([]), lambda: served([leaf()], [])),
    ),
    Proof(
        "CERT_UNTRUSTED",
        (
            lambda: served([leaf(), root()]),
            lambda: served([leaf(self_signed=True)], verdict="self_signed", store="none"),
        ),
        (
            lambda: negotiated(SSL=ACCEPTED),
            lambda: served([leaf()], verdict="unknown"),
            lambda: served([leaf()], verdict=None),
            lambda: served([leaf()], verdict="chain_incomplete"),
            lambda: served([]),
            lambda: served([leaf(), root()], store="system"),  # an administrator's own root may be in it
            lambda: served([leaf(), root()], store="/etc/corp.pem"),
        ),
    ),
    Proof(
        "CERT_CHAIN_INCOMPLETE",
        (
            lambda: served([leaf(), root()]),
            lambda: served([leaf(), root()], verdict="untrusted"),
            lambda: served([leaf(self_signed=True)], verdict="self_signed"),
        ),
        (
            lambda: negotiated(SSL=ACCEPTED),
            lambda: served([leaf(), root()], verdict="unknown"),
            lambda: served([leaf(), root()], verdict=None),
            lambda: served([leaf()]),  # the store here has the issuer
            lambda: served([]),
        ),
    ),
    Proof(
        "CERT_NAME_MISMATCH",
        (lambda: served([leaf()]),),
        (
            lambda: negotiated(SSL=ACCEPTED),
            lambda: served([leaf()], name_match=None),
            lambda: served([], name_match=True),
        ),
    ),
    Proof(
        "CREDSSP_OUTDATED",
        (lambda: _credssp(5), lambda: _credssp(6)),
        (lambda: _credssp(None), lambda: negotiated(HYBRID=ACCEPTED)),
    ),
    Proof(
        "CREDSSP_ABORTED",
        (lambda: _credssp(6, ntlm=Ntlm()),),
        (lambda: _credssp(None), lambda: negotiated(HYBRID=ACCEPTED)),
    ),
    Proof("NTLM_REFUSED", (), (lambda: _credssp(6, ntlm=Ntlm()), lambda: _credssp(None))),
    Proof("CLOCK_SKEW", (), (lambda: _credssp(6, ntlm=Ntlm(clock_skew_s=1.0)), lambda: _credssp(6, ntlm=Ntlm()))),
    *(
        Proof(
            code,
            (),
            (
                lambda: licensed("license_request"),
                lambda: licensed("valid_client"),
                lambda: licensed("valid_client", "disconnected"),
                lambda: licensed("valid_client", "demand_active"),
                lambda: licensed("demand_active"),
                lambda: licensed("disconnected"),
                lambda: licensed(None),
                result,
            ),
        )
        for code in ("LICENSING_FAILED", "CONNECTION_LIMIT")
    ),
    *(
        Proof(
            code,
            (lambda: _standard("40BIT", "128BIT", level="CLIENT_COMPATIBLE"), lambda: negotiated(RDP=NEEDS_NLA)),
            (_standard, lambda: _standard(level="NONE"), lambda: negotiated(RDP=UNKNOWN), result),
        )
        for code in ("ENCRYPTION_REFUSED", "ENCRYPTION_FIPS_ONLY")
    ),
    Proof(
        "STANDARD_RDP_WEAK_KEY",
        (
            lambda: _key("proprietary", valid=True),
            lambda: _key("x509", chain=[leaf(), root()]),
            lambda: negotiated(RDP=NEEDS_NLA),
        ),
        (
            lambda: _standard("128BIT"),
            lambda: _key("unknown", None),
            lambda: _key("unknown"),
            lambda: _key("proprietary", valid=False),
            lambda: _key("proprietary", valid=None),
            lambda: _key("proprietary", None, valid=True),
            lambda: _key("x509"),
            lambda: _key("x509", chain=[]),
            lambda: _key("x509", chain=[leaf(), BROKEN]),
            lambda: _key("x509", None, chain=[leaf()]),
            lambda: negotiated(RDP=UNKNOWN),
        ),
    ),
    Proof("STANDARD_RDP_WEAK", (lambda: negotiated(RDP=NEEDS_NLA),), (lambda: negotiated(RDP=UNKNOWN), result)),
)  # fmt: skip
