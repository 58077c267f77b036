"""Of a result, what decides which clients connect, and nothing that tells one server from another of its kind.

Thousands of servers that are set up alike differ in names, times and fingerprints, and no client asks for these. What
is left is the same for all of them, so that it is walked through once.
"""

from __future__ import annotations

import copy

from probe.diagnosis import rules_certificate as rules
from probe.result import (
    Certificate,
    CertificateChain,
    CredSsp,
    Negotiation,
    NegotiationAttempt,
    Ntlm,
    Result,
    Server,
    StandardCertificate,
    StandardRdp,
    Target,
    Tls,
    Trust,
)

_BEFORE, _BEGAN, _LATER = "2000-01-01T00:00:00Z", "2000-01-02T00:00:00Z", "2000-01-03T00:00:00Z"
_ALONE = "-"  # the name of a computer that is in no domain


def deciding(result: Result) -> Result:
    """A result from which every client gets the answer that it gets from this one."""
    return Result(
        target=Target(input="", host="", port=0),
        started=_BEGAN,
        elapsed_ms=0,
        depth=result.depth,
        connections=0,
        bytes_sent=0,
        bytes_received=0,
        status=result.status,
        negotiation=_negotiation(result.negotiation),
        server=Server(kind=result.server.kind) if result.server is not None else None,
        standard_rdp=_standard(result.standard_rdp),
        tls=_tls(result.tls),
        certificates=_certificates(result),
        credssp=_credssp(result.credssp),
        licensing=result.licensing,
    )


def _negotiation(section: Negotiation | None) -> Negotiation | None:
    if section is None:
        return None
    attempts = [
        NegotiationAttempt(
            requested=each.requested,
            selected=each.selected,
            failure=each.failure,
            answer=each.answer,
            ending=each.ending,
            elapsed_ms=0,
        )
        for each in section.attempts
    ]
    return Negotiation(attempts=attempts, protocols=section.protocols)


def _standard(section: StandardRdp | None) -> StandardRdp | None:
    if section is None or section.certificate is None:
        return section
    served, shown = section.certificate, copy.copy(section)
    shown.certificate = StandardCertificate(
        kind=served.kind, key_bits=served.key_bits, signature_valid=served.signature_valid
    )
    return shown


def _tls(section: Tls | None) -> Tls | None:
    if section is None:
        return None
    shown = copy.copy(section)
    shown.fingerprints = None
    return shown


def _credssp(section: CredSsp | None) -> CredSsp | None:
    if section is None:
        return None
    ntlm = section.ntlm
    if ntlm is not None:  # of the names one thing counts: whether it names itself as its domain
        alone = ntlm.netbios_domain is not None and ntlm.netbios_domain == ntlm.netbios_computer
        ntlm = Ntlm(netbios_domain=_ALONE if alone else None, netbios_computer=_ALONE if alone else None)
    return CredSsp(version=section.version, mechanisms=section.mechanisms, ntlm=ntlm, error=section.error)


def _certificates(result: Result) -> list[CertificateChain]:
    """The chains with their leaves alone, and with times that are to each other as the real ones are to the audit's."""
    since = _LATER if any(rules.cert_not_yet_valid(result)) else _BEGAN
    until = _BEFORE if any(rules.cert_expired(result)) else _BEGAN
    return [
        CertificateChain(
            chain=[
                Certificate(
                    sha256="",
                    not_before=since,
                    not_after=until,
                    key=leaf.key,
                    signature_algorithm=leaf.signature_algorithm,
                    self_signed=leaf.self_signed,
                )
                for leaf in served.chain[:1]
            ],
            trust=Trust(verdict=served.trust.verdict, store="") if served.trust is not None else None,
            name_match=served.name_match,
            days_left=-1 if (served.days_left or 0) < 0 else None,
        )
        for served in result.certificates
    ]
