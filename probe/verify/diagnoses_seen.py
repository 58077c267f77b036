"""What each diagnosis rests on: what must be asked for it, and whether a result could have shown it.

A diagnosis that was not made proves something only where all that it rests on was asked for and answered. Where what it
is about is certain not to be served (TLS, NLA, Standard RDP Security), it cannot be made, and that is settled too.
What a client in a capture did (CLIENT_…) is nothing that could be demanded of a server, and is not here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from probe.diagnosis import CATALOGUE
from probe.language import N_, _
from probe.needs import NOTHING, Needs
from probe.result import SEVERITIES, Certificate, CertificateChain, Result, Severity
from probe.verify.leaves import leaves, uncovered
from probe.verify.seen import OVER_TLS, TLS_VERSIONS, VERSIONS, no_nla, no_tls, protocols, unsettled

_NOT_READ = N_("not all of the certificate could be read or judged")
_NOT_COMPARED = N_("its names cannot be compared with the one asked for; --server-name gives one")
Why = Callable[[Result], str | None]  # why it could not have been made; None: it could


@dataclass(frozen=True, slots=True)
class Seen:
    """What one diagnosis rests on."""

    needs: Needs
    why: Why


def unseen(code: str, result: Result) -> str | None:
    """Why a diagnosis could not have been made of this result, as a part of a sentence; None where it could."""
    return SEEN[code].why(result)


def needs_of(codes: Iterable[str]) -> Needs:
    """What must be asked so that none of these diagnoses can be missed."""
    wanted = NOTHING
    for code in codes:
        wanted |= SEEN[code].needs
    return wanted


def is_usual(code: str) -> bool:
    """Whether depth standard asks all that a diagnosis rests on."""
    needs = SEEN[code].needs
    return not (needs.full or needs.udp or needs.gateway or needs.licensing)


def can_be_worse(code: str, severity: Severity) -> bool:
    """Whether a diagnosis may be more severe than this. Most weigh by what was seen, so that all may."""
    if not code.startswith("CERT_") or code in _WEIGHED:
        return severity != SEVERITIES[0]
    return SEVERITIES.index(CATALOGUE[code].severity) < SEVERITIES.index(severity)


def _reached(result: Result) -> str | None:
    """What is told by how the target was met is told by every result."""
    return None if result.status == "rdp" else _("the server did not answer as RDP")


def _negotiated(*names: str) -> Why:
    def why(result: Result) -> str | None:
        return unsettled(protocols(result), names)

    return why


def _versions(result: Result) -> str | None:
    if no_tls(result) is not None:
        return None
    return unsettled(result.tls.versions if result.tls is not None else {}, TLS_VERSIONS)


def _old_versions(result: Result) -> str | None:
    """Those of SSL count where they were asked for, as they do for certificates."""
    versions = result.tls.versions if result.tls is not None else {}
    old = (name for name in VERSIONS if name in versions and versions[name].reason != "not asked")
    return None if no_tls(result) is not None else unsettled(versions, (*old, *TLS_VERSIONS))


def _suites(result: Result) -> str | None:
    if no_tls(result) is not None:
        return None
    tls = result.tls
    if tls is None or tls.features is None:
        return _("not every suite was asked for")
    left = [words for words in tls.unsettled if "suite" in words]
    return left[0] if left else _versions(result)


def _hellos(result: Result) -> str | None:
    if no_tls(result) is not None or (result.tls is not None and result.tls.intolerance):
        return None
    return _versions(result)


def _certificates(readable: Callable[[CertificateChain, Certificate], bool], words: str = _NOT_READ) -> Why:
    """Every certificate was seen, and this could be read of each; otherwise `words` say what could not."""

    def why(result: Result) -> str | None:
        if no_tls(result) is not None:
            return None
        for chain, leaf in leaves(result):
            if not readable(chain, leaf):
                return _(words)
        return uncovered(result)

    return why


def _credssp(result: Result) -> str | None:
    if no_nla(result) is not None:
        return None
    section = result.credssp
    if section is None:
        return _("CredSSP was not tried")
    # How it ended is what CREDSSP_ABORTED is about, but for endings of ours.
    return _("CredSSP was not answered") if section.version is None and section.ending in (None, *_OURS) else None


def _credssp_version(result: Result) -> str | None:
    if no_nla(result) is not None or (result.credssp is not None and result.credssp.version is not None):
        return None
    return _("the server told no version of CredSSP")


def _clock(result: Result) -> str | None:
    ntlm = result.credssp.ntlm if result.credssp is not None else None
    if no_nla(result) is not None or (ntlm is not None and ntlm.clock_skew_s is not None):
        return None
    return _("no NTLM challenge tells the server's clock")


def _standard(result: Result) -> str | None:
    """Standard RDP Security is refused, or was asked for its encryption."""
    why = unsettled(protocols(result), ("RDP",))
    if why is not None or protocols(result)["RDP"].state == "rejected":
        return why
    section = result.standard_rdp
    if section is None or not (section.encryption_level or section.methods_asked):
        return _("the encryption of Standard RDP Security was not asked for")
    asked = [each.ending for each in section.methods_asked]
    return _("not every encryption method was answered") if {"timed_out", *_OURS} & {*asked} else None


def _standard_key(result: Result) -> str | None:
    why = _standard(result)
    section = result.standard_rdp
    if why is not None or section is None:
        return why
    if section.encryption_level == "NONE" or (
        section.certificate is not None and section.certificate.key_bits is not None
    ):
        return None
    return _("no RSA key of Standard RDP Security was seen")


def _licensing(result: Result) -> str | None:
    if not result.licensing_asked and not result.licensing:
        return _("the licensing phase was not asked for")
    return None if result.licensing else _("no licensing phase could be asked for")


def _udp(result: Result) -> str | None:
    if result.udp is None:
        return _("UDP was not asked for")
    return _("UDP was not settled") if result.udp.state == "unknown" else None


def _gateway(result: Result) -> str | None:
    if result.gateway is None:
        return _("no gateway was asked for")
    return _("the gateway was not settled") if result.gateway.state == "unknown" else None


def _farm(result: Result) -> str | None:
    why = _negotiated("RDP", "SSL", "HYBRID")(result)
    return uncovered(result) if why is None and no_tls(result) is None else why


_WEIGHED = ("CERT_WEAK_KEY", "CERT_WEAK_SIGNATURE")  # of those on certificates, how weak decides
_OURS = ("interrupted", "deadline", "refused", "filtered", "unreachable")  # ended before the server could answer
_STANDARD = Needs(standard=True)
_FULL = Needs(full=True)
_TLS = Needs(protocols=frozenset(OVER_TLS), versions=frozenset(VERSIONS))
_PROTOCOLS = Needs(protocols=frozenset({"RDP", *OVER_TLS}))
_CERTIFICATES = _TLS | Needs(certificates=True)
_CREDSSP = Needs(protocols=frozenset({"HYBRID", "HYBRID_EX"}), credssp=True)
_ENCRYPTION = Needs(protocols=frozenset({"RDP"}), encryption=True)
_USUAL = _negotiated("RDP", "SSL", "HYBRID")
_met = Seen(NOTHING, _reached)
_protocols = Seen(_PROTOCOLS, _USUAL)
_dates = Seen(_CERTIFICATES, _certificates(lambda _chain, leaf: None not in (leaf.not_before, leaf.not_after)))
_judged = Seen(
    _CERTIFICATES, _certificates(lambda chain, _leaf: chain.trust is not None and chain.trust.verdict != "unknown")
)
_gateway_asked = Seen(Needs(gateway=True), _gateway)
_licenses = Seen(Needs(licensing=True), _licensing)

SEEN: Mapping[str, Seen] = {
    **dict.fromkeys(
        (
            *("DNS_FAILED", "TCP_REFUSED", "TCP_TIMEOUT", "TCP_UNREACHABLE", "TCP_RESET", "NOT_RDP"),
            *("X224_SILENT", "X224_CLOSED", "X224_MALFORMED", "X224_DISCONNECTED"),
        ),
        _met,
    ),
    **dict.fromkeys(("SERVER_LOST", "INTERMITTENT"), Seen(_STANDARD, _USUAL)),
    **dict.fromkeys(
        (
            *("NLA_REQUIRED", "TLS_REQUIRED", "STANDARD_RDP_ONLY", "TLS_CERTIFICATE_MISSING", "USER_AUTH_REQUIRED"),
            *("INCONSISTENT_FLAGS", "NEGOTIATION_UNSUPPORTED", "UNOFFERED_PROTOCOL_SELECTED", "NLA_NOT_ENFORCED"),
            "NLA_UNSUPPORTED",
        ),
        _protocols,
    ),
    "NEGOTIATION_ALTERED": Seen(_STANDARD, _USUAL),
    **dict.fromkeys(
        ("TLS_HANDSHAKE_ABORTED", "TLS_NO_COMMON_VERSION", "TLS_MODERN_ONLY"),
        Seen(_TLS, _versions),
    ),
    "TLS_LEGACY_VERSION": Seen(_TLS, _old_versions),
    **dict.fromkeys(("TLS_NO_SHARED_CIPHER", "TLS_WEAK_CIPHER"), Seen(_FULL, _suites)),
    "TLS_INTOLERANT": Seen(_TLS | Needs(intolerance=True), _hellos),
    **dict.fromkeys(("CERT_EXPIRED", "CERT_NOT_YET_VALID", "CERT_EXPIRES_SOON"), _dates),
    "CERT_SELF_SIGNED": Seen(_CERTIFICATES, _certificates(lambda _chain, leaf: leaf.self_signed is not None)),
    **dict.fromkeys(("CERT_UNTRUSTED", "CERT_CHAIN_INCOMPLETE"), _judged),
    "CERT_NAME_MISMATCH": Seen(
        _CERTIFICATES, _certificates(lambda chain, _leaf: chain.name_match is not None, _NOT_COMPARED)
    ),
    "CERT_WEAK_KEY": Seen(
        _CERTIFICATES,
        _certificates(lambda chain, _leaf: all(each.key is not None for each in chain.chain)),
    ),
    "CERT_WEAK_SIGNATURE": Seen(
        _CERTIFICATES,
        _certificates(lambda chain, _leaf: all(each.signature_algorithm is not None for each in chain.chain)),
    ),
    "CERT_USAGE_UNSUITABLE": Seen(_CERTIFICATES, _certificates(lambda _chain, leaf: leaf.error is None)),
    **dict.fromkeys(("CERT_MALFORMED", "CERT_VARIES"), Seen(_CERTIFICATES, _certificates(lambda _chain, _leaf: True))),
    "LOAD_BALANCED": Seen(_STANDARD, _farm),
    **dict.fromkeys(("REDIRECTED", "LICENSING_FAILED", "CONNECTION_LIMIT"), _licenses),
    "CREDSSP_ABORTED": Seen(_CREDSSP, _credssp),
    "CREDSSP_OUTDATED": Seen(_CREDSSP, _credssp_version),
    "NTLM_REFUSED": Seen(_CREDSSP, _credssp_version),
    "CLOCK_SKEW": Seen(_CREDSSP, _clock),
    **dict.fromkeys(("STANDARD_RDP_WEAK", "ENCRYPTION_FIPS_ONLY", "ENCRYPTION_REFUSED"), Seen(_ENCRYPTION, _standard)),
    "STANDARD_RDP_WEAK_KEY": Seen(_ENCRYPTION, _standard_key),
    "UDP_UNREACHABLE": Seen(Needs(udp=True), _udp),
    **dict.fromkeys(("GATEWAY_UNREACHABLE", "GATEWAY_NAME_LEAK"), _gateway_asked),
}
