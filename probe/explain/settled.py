"""What rules out causes of the way to a server, of the negotiation, of Standard RDP Security, CredSSP and licenses.

Each function looks for the one fact that proves that a cause is not there. Where it is missing, the cause stays open:
unknown is an answer, and who is told that a cause is excluded does not look for it any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_address

from probe.diagnosis.certificates import name_of
from probe.explain.weight import OPEN, Weight, excluded, seen
from probe.language import _
from probe.result import NegotiationAttempt, Result, Verdict

Settle = Callable[[Result], Weight]

_OF_CLIENTS = {"RDP", "SSL", "HYBRID", "HYBRID_EX"}  # what clients ask for, in whatever combination
_USUAL = ("RDP", "SSL", "HYBRID")
_OVER_TLS = ("SSL", "HYBRID", "HYBRID_EX")
_NLA = ("HYBRID", "HYBRID_EX")
_WITHOUT_NLA = ("SSL", "RDP")
_NO_ANSWER = ("malformed", "incomplete", "disconnect request", "error TPDU", "data TPDU")
_OPENED = ("complete", "closed", "reset", "timed_out", "too_much", "abandoned")  # endings of connections that were had
_OLDEST_CREDSSP = 5
_SMALLEST_KEY_BITS = 2048


# The way to the server


def resolved(result: Result) -> Weight:
    """A name was looked up and gave an address; an address that was given proves nothing of a name."""
    if result.status == "dns_error" or result.target.address is None:
        return OPEN
    if _is_address(result.target.host):
        return seen(_("an address was asked, and no name was looked up"))
    return excluded(_("the name resolves here, to {address}", address=result.target.address))


def connected(result: Result) -> Weight:
    """A connection was had, and no later one was refused or lost."""
    opened = result.status in ("rdp", "not_rdp") or (result.status in ("silent", "closed") and result.ending in _OPENED)
    return excluded(_("the port took the connection")) if opened and result.lost is None else OPEN


def not_reset(result: Result) -> Weight:
    """Something came back, and no request that clients send ended without an answer."""
    if result.status == "not_rdp" and result.bytes_received and result.lost is None:
        return excluded(_("the port took the connection"))
    return requests_answered(result)


def speaks_rdp(result: Result) -> Weight:
    """RDP was answered."""
    return excluded(_("an RDP request is answered")) if result.status == "rdp" else OPEN


def requests_answered(result: Result) -> Weight:
    """Every request that was made and that clients make was answered by a negotiation or a bare confirm."""
    asked = [each for each in _attempts(result) if set(each.requested) <= _OF_CLIENTS]
    if result.status != "rdp" or result.lost is not None or not asked or not all(map(_is_answered, asked)):
        return OPEN
    return excluded(_("an RDP request is answered"))


def _is_answered(attempt: NegotiationAttempt) -> bool:
    if attempt.selected is not None or attempt.failure is not None:
        return True
    return attempt.answer is not None and attempt.answer not in _NO_ANSWER


def _is_address(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


# The negotiation


def lets_in_without_nla(result: Result) -> Weight:
    """What lacks NLA is accepted, and nothing was turned away for want of it."""
    return _accepting(result, _WITHOUT_NLA) if not _was_told(result, "HYBRID_REQUIRED_BY_SERVER") else OPEN


def needs_no_tls(result: Result) -> Weight:
    """Standard RDP Security is accepted; or it is NLA that is required, as both refusals say."""
    if _was_told(result, "SSL_REQUIRED_BY_SERVER"):
        return OPEN
    if all(_verdict(result, name).failure == "HYBRID_REQUIRED_BY_SERVER" for name in _WITHOUT_NLA):
        return excluded(_states(result, _WITHOUT_NLA))
    return _accepting(result, ("RDP",))


def has_tls(result: Result) -> Weight:
    """A protocol that uses TLS is accepted."""
    return _accepting(result, _OVER_TLS)


def has_certificate(result: Result) -> Weight:
    """A certificate was served, and no request was turned away for want of one."""
    shown = [chain.chain[0] for chain in result.certificates if chain.chain]
    if not shown or _was_told(result, "SSL_CERT_NOT_ON_SERVER"):
        return OPEN
    name = name_of(shown[0])
    return excluded(_("the certificate was read: {subject}", subject=name))


def has_nla(result: Result) -> Weight:
    """NLA is accepted."""
    return _accepting(result, _NLA)


def enforces_nla(result: Result) -> Weight:
    """What lacks NLA is turned away."""
    turned_away = all(_verdict(result, name).state == "rejected" for name in _WITHOUT_NLA)
    return excluded(_states(result, _WITHOUT_NLA)) if turned_away else OPEN


def finds_no_contradiction(result: Result) -> Weight:
    """What clients ask for is answered, none of it by failure 4, and TLS that is begun without a negotiation too."""
    if not _are_settled(result) or _was_told(result, "INCONSISTENT_FLAGS"):
        return OPEN
    direct = result.negotiation is not None and result.negotiation.direct_tls.state == "accepted"
    return excluded(_states(result, _USUAL)) if direct else OPEN


def wants_no_client_certificate(result: Result) -> Weight:
    """Something was answered inside TLS, where no certificate of ours had been shown."""
    if _was_told(result, "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER"):
        return OPEN
    if result.credssp is None or result.credssp.version is None:
        return OPEN
    return excluded(_("CredSSP is answered with version {version}", version=result.credssp.version))


def selects_what_is_offered(result: Result) -> Weight:
    """What clients ask for is answered, and the answers are none but that."""
    return excluded(_states(result, _USUAL)) if _are_settled(result) else OPEN


def negotiates(result: Result) -> Weight:
    """A negotiation structure came, and no confirm without one."""
    attempts = _attempts(result)
    spoken = any(each.selected is not None or each.failure is not None for each in attempts)
    if not spoken or any(each.answer == "confirm without negotiation" for each in attempts):
        return OPEN
    return excluded(_("the server's answers: {answers}", answers=_(", ").join(_told(attempts))))


def _told(attempts: list[NegotiationAttempt]) -> list[str]:
    return list(
        dict.fromkeys(each.selected or each.failure or "" for each in attempts if each.selected or each.failure)
    )


def _attempts(result: Result) -> list[NegotiationAttempt]:
    return result.negotiation.attempts if result.negotiation is not None else []


def _verdict(result: Result, name: str) -> Verdict:
    protocols = result.negotiation.protocols if result.negotiation is not None else {}
    return protocols.get(name, Verdict(state="unknown"))


def _was_told(result: Result, failure: str) -> bool:
    """Whether any request was turned away with this failure code."""
    verdicts = result.negotiation.protocols.values() if result.negotiation is not None else ()
    return any(each.failure == failure for each in (*verdicts, *_attempts(result)))


def _are_settled(result: Result) -> bool:
    return all(_verdict(result, name).state != "unknown" for name in _USUAL)


def _accepting(result: Result, names: tuple[str, ...]) -> Weight:
    accepted = tuple(name for name in names if _verdict(result, name).state == "accepted")
    return excluded(_states(result, accepted)) if accepted else OPEN


def _states(result: Result, names: tuple[str, ...]) -> str:
    return _("the server's answers: {answers}", answers=_(", ").join(_stated(result, names)))


def _stated(result: Result, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        verdict = _verdict(result, name)
        how = verdict.failure or verdict.selected
        yield f"{name} {_(verdict.state)} ({how})" if how else f"{name} {_(verdict.state)}"


# Standard RDP Security


def takes_usual_method(result: Result) -> Weight:
    """128-bit encryption, which all clients have, is taken; or Standard RDP Security is not used at all."""
    section = result.standard_rdp
    if section is None or "128BIT" not in section.encryption_methods:
        return uses_no_standard_rdp(result)
    methods = _(", ").join(section.encryption_methods)
    return excluded(_("Standard RDP Security takes the methods {methods}", methods=methods))


def has_sound_key(result: Result) -> Weight:
    """The certificate could be read, its signature is right where it has one to check, and its key is long enough."""
    section = result.standard_rdp
    certificate = section.certificate if section is not None else None
    if certificate is None:
        return uses_no_standard_rdp(result)
    if certificate.kind == "proprietary":
        sound = certificate.signature_valid is True
    else:
        chain = certificate.chain.chain if certificate.kind == "x509" and certificate.chain is not None else []
        sound = chain != [] and all(each.error is None for each in chain)
    if not sound or certificate.key_bits is None or certificate.key_bits < _SMALLEST_KEY_BITS:
        return OPEN
    words = _("its certificate could be read, and its RSA key has {bits} bits", bits=certificate.key_bits)
    return excluded(words)


def uses_no_standard_rdp(result: Result) -> Weight:
    """Standard RDP Security was turned away."""
    if _verdict(result, "RDP").state != "rejected":
        return OPEN
    return excluded(_("the server does not use Standard RDP Security"))


# CredSSP, NTLM and clocks


def has_patched_credssp(result: Result) -> Weight:
    """The server told a version of CredSSP that is patched."""
    version = result.credssp.version if result.credssp is not None else None
    if version is None or version < _OLDEST_CREDSSP:
        return OPEN
    return excluded(_("CredSSP is answered with version {version}", version=version))


def answers_credssp(result: Result) -> Weight:
    """The first message of CredSSP was answered by an NTLM challenge."""
    if result.credssp is None or result.credssp.ntlm is None:
        return OPEN
    return excluded(_("NTLM is answered with a challenge"))


def offers_ntlm(result: Result) -> Weight:
    """A challenge comes before the account: a policy against NTLM for domain accounts shows only behind it."""
    if result.credssp is None or result.credssp.ntlm is None:
        return OPEN
    return seen(_("NTLM is answered with a challenge; a policy for domain accounts shows only at a logon"))


def tells_time(result: Result) -> Weight:
    """The clocks of server and of this computer, which need not be the client."""
    skew = result.credssp.ntlm.clock_skew_s if result.credssp is not None and result.credssp.ntlm is not None else None
    if skew is None:
        return OPEN
    return seen(_("the clocks of the server and of this computer differ by {seconds} s", seconds=f"{abs(skew):.0f}"))


# Licenses and limits


def goes_on(result: Result) -> Weight:
    """How the licensing phase went without an account: a license per user and a limit show only behind a logon."""
    for entry in result.licensing:
        if "demand_active" in (entry.answer, entry.then):
            return seen(
                _(
                    "over {protocol}, without an account, the server goes on after the licensing phase; licenses per "
                    "user and the limit of sessions show only at a logon",
                    protocol=entry.over,
                )
            )
    for entry in result.licensing:
        if entry.answer == "license_request":
            return seen(
                _(
                    "over {protocol} the server wants to issue a license, which does not prove that it finds a "
                    "license server",
                    protocol=entry.over,
                )
            )
        if entry.answer == "valid_client":
            return seen(
                _(
                    "over {protocol} the server asks for no license, and nothing more came: that settles nothing",
                    protocol=entry.over,
                )
            )
    return OPEN
