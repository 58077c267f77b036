"""From readings to Standard RDP Security and to CredSSP: what comes after the negotiation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from probe.audit.attempt import Stage
from probe.audit.certificate import Circumstances, describe_chain
from probe.audit.reading import Reading, ServerCertificate
from probe.audit.windows import release_of
from probe.handshake.machine import Ending
from probe.result import CredSsp, MethodAttempt, Ntlm, StandardCertificate, StandardRdp
from probe.wire.av_pair import filetime_to_unix
from probe.wire.credssp import NtStatus
from probe.wire.gcc import EncryptionLevel, encryption_method_names, rdp_version_name
from probe.wire.nego import NegotiationResponse, Protocol
from probe.wire.ntlm import AvId, Challenge
from probe.wire.spnego import NegTokenResp, mechanism_name
from probe.wire.standard_security import ProprietaryCertificate, X509CertificateChain

_MALFORMED = "malformed"


def standard_rdp(readings: Sequence[Reading], circumstances: Circumstances) -> StandardRdp:
    """Standard RDP Security as each method, offered alone, was answered, and the certificate that came with it."""
    asked = [reading for reading in readings if reading.question.stage is Stage.SETTINGS]
    answered = [(reading, reading.security) for reading in asked if reading.security is not None]
    section = StandardRdp(methods_asked=[_method(reading) for reading in asked])
    for reading, security in answered:
        section.encryption_level = section.encryption_level or EncryptionLevel(security.encryption_level).name
        section.encryption_methods += [
            name
            for name in encryption_method_names(security.encryption_method)
            if name not in section.encryption_methods
        ]
        if security.encryption_method & ~reading.question.methods:
            section.ignores_offered_methods = True
        if section.certificate is None and reading.server_certificate is not None:
            section.certificate = _certificate(reading.server_certificate, circumstances)
    if answered and section.ignores_offered_methods is None:
        section.ignores_offered_methods = False
    versions = [reading.core.version for reading in asked if reading.core is not None]
    section.rdp_version = rdp_version_name(max(versions)) if versions else None
    return section


def _method(reading: Reading) -> MethodAttempt:
    offered = "+".join(encryption_method_names(reading.question.methods))
    security = reading.security
    if security is None:
        answer = _instead(reading)
        ending = Ending.CLOSED if reading.ending is Ending.COMPLETE and answer != _MALFORMED else reading.ending
        return MethodAttempt(offered=offered, answer=answer, ending=ending.value)
    return MethodAttempt(
        offered=offered,
        method=encryption_method_names(security.encryption_method) or ["NONE"],
        level=EncryptionLevel(security.encryption_level).name,
    )


def _instead(reading: Reading) -> str | None:
    """What the server said in place of its settings."""
    if reading.malformed is not None:
        return _MALFORMED
    return "disconnect provider ultimatum" if reading.disconnect is not None else None


def _certificate(certificate: ServerCertificate, circumstances: Circumstances) -> StandardCertificate:
    if isinstance(certificate, ProprietaryCertificate):
        return StandardCertificate(
            kind="proprietary", key_bits=certificate.key_bits, signature_valid=certificate.signature_valid()
        )
    if isinstance(certificate, X509CertificateChain):
        chain = describe_chain(certificate.certificates[::-1], circumstances)  # the server's is the last
        key = chain.chain[0].key if chain.chain else None
        return StandardCertificate(
            kind="x509",
            key_bits=key.bits if key is not None and key.type == "RSA" else None,
            certificates=len(certificate.certificates),
            chain=chain,
        )
    return StandardCertificate(kind="unknown")


def credssp(readings: Sequence[Reading], wall_offset: float) -> CredSsp | None:
    """The CredSSP section; None where no connection got that far. `wall_offset` turns event times into Unix times."""
    reached = [reading for reading in readings if _reached_credssp(reading)]
    if not reached:
        return None
    best = next((reading for reading in reached if reading.ts_request is not None), reached[-1])
    request = best.ts_request
    if request is None:
        if best.malformed is not None:
            return CredSsp(answer=_MALFORMED, ending=best.ending.value)
        ending = Ending.CLOSED if best.tls_closed or best.ending is Ending.COMPLETE else best.ending
        return CredSsp(ending=ending.value)
    return CredSsp(
        version=request.version,
        mechanisms=_mechanisms(best),
        ntlm=ntlm_of(best.challenge, best.challenge_at, wall_offset),
        computers=_computers(reached),
        error=NtStatus(request.error_code).name if request.error_code is not None else None,
    )


def _reached_credssp(reading: Reading) -> bool:
    answer = reading.negotiation
    return (
        reading.secured is not None
        and isinstance(answer, NegotiationResponse)
        and answer.selected in (Protocol.HYBRID, Protocol.HYBRID_EX)
        and bool(answer.selected & (reading.question.protocols or 0))
    )


def _mechanisms(reading: Reading) -> list[str]:
    """Only those that the server has used in its answer."""
    found = ["NTLM"] if reading.challenge is not None else []
    if isinstance(reading.spnego, NegTokenResp) and reading.spnego.supported_mech is not None:
        name = mechanism_name(reading.spnego.supported_mech)
        found += [name] if name not in found else []
    return found


def _computers(reached: Sequence[Reading]) -> list[str]:
    """The computers that the challenges name, each with its build: several where connections met several servers."""
    told = []
    for challenge in (reading.challenge for reading in reached if reading.challenge is not None):
        name = challenge.text(AvId.DNS_COMPUTER_NAME) or challenge.text(AvId.NB_COMPUTER_NAME)
        parts = (name, challenge.version.text if challenge.version is not None else None)
        told.append(", ".join(part for part in parts if part))
    return [each for each in dict.fromkeys(told) if each]


def ntlm_of(challenge: Challenge | None, at: float | None, wall_offset: float) -> Ntlm | None:
    """What a CHALLENGE that came at `at` says; None where there is none."""
    if challenge is None or at is None:
        return None
    section = Ntlm(target_name=challenge.target_name)
    version = challenge.version
    if version is not None:
        section.os_build = version.text
        section.os = release_of(version.major, version.minor, version.build)
    for field, av_id in _NAMES:  # of broken AV_PAIRs, those before the fault
        setattr(section, field, challenge.text(av_id))
    stamp = challenge.timestamp
    if stamp is not None:
        _set_clock(section, filetime_to_unix(stamp), at + wall_offset)
    return section


_NAMES = (
    ("netbios_domain", AvId.NB_DOMAIN_NAME),
    ("netbios_computer", AvId.NB_COMPUTER_NAME),
    ("dns_domain", AvId.DNS_DOMAIN_NAME),
    ("dns_computer", AvId.DNS_COMPUTER_NAME),
    ("dns_tree", AvId.DNS_TREE_NAME),
)


def _set_clock(section: Ntlm, server: float, ours: float) -> None:
    section.clock_skew_s = round(server - ours, 1)
    try:
        section.timestamp = timestamp(server)
    except (ValueError, OverflowError, OSError):  # a FILETIME beyond the year 9999
        section.timestamp = None


def timestamp(unix: float) -> str:
    """ISO 8601 in UTC with milliseconds. Raises ValueError or OverflowError outside the years 1 to 9999."""
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
