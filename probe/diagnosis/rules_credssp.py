"""What proves the diagnoses of CredSSP."""

from __future__ import annotations

from collections.abc import Iterator

from probe.diagnosis import catalogue_security as catalogue
from probe.diagnosis.captures import one_connection
from probe.diagnosis.rule import Evidence, finds
from probe.diagnosis.rules_security import if_rejected
from probe.diagnosis.stored import stored
from probe.language import _
from probe.result import CredSsp, Result

_WITHOUT_NLA = ("RDP", "SSL")
_NTLM_REFUSALS = ("STATUS_NTLM_BLOCKED", "STATUS_NOT_SUPPORTED", "SEC_E_UNSUPPORTED_FUNCTION")
_HUNG_UP = ("closed", "reset")
_DROPPED = (*_HUNG_UP, "timed_out", "too_much")
_OLDEST_CREDSSP = 5
_MOST_SKEW_S = 300


@finds(catalogue.CREDSSP_ABORTED, needs="credssp")
def credssp_aborted(result: Result) -> Iterator[Evidence]:
    """The first TSRequest was answered by an end, or by nothing that a client could go on with.

    It offers NTLM alone. Where the server may have hung up for that, and where it speaks CredSSP, clients with Kerberos
    may get in: nothing is proved of them, and it is no blocker. In a capture the client may have offered Kerberos.
    """
    section = result.credssp
    if section is None or section.ntlm is not None or _turns_ntlm_away(section) or _is_kerberos(result):
        return
    severity = if_rejected(result, _WITHOUT_NLA)
    if section.version is None and section.ending in _DROPPED:
        said = _("sent the first TSRequest: {ending}", ending=stored(section.ending))
        if section.ending in _HUNG_UP:
            yield Evidence(said=said)
        else:
            yield Evidence(said=said, severity=severity, excludes=(catalogue.KERBEROS_ONLY,))
    elif section.version is None and section.answer is not None:
        said = _("sent the first TSRequest: the answer is {answer}", answer=stored(section.answer))
        yield Evidence(said=said, severity=severity, excludes=(catalogue.KERBEROS_ONLY,))
    elif section.version is not None:
        yield _no_challenge(section)


def _no_challenge(section: CredSsp) -> Evidence:
    """A TSRequest came, so that CredSSP is passed on; what offers Kerberos beside NTLM may get further with it."""
    if section.error is not None:
        said = _("sent the first TSRequest: the answer holds error {error}", error=section.error)
    elif "NTLM" in section.mechanisms:
        said = _("sent the first TSRequest: the answer chooses NTLM and holds no NTLM challenge")
        return Evidence(said=said, excludes=(catalogue.TLS_ENDED, catalogue.KERBEROS_ONLY))
    else:
        said = _("sent the first TSRequest: the answer holds no NTLM challenge and no error")
    return Evidence(said=said, excludes=(catalogue.TLS_ENDED,))


@finds(catalogue.CREDSSP_OUTDATED, needs="credssp")
def credssp_outdated(result: Result) -> Iterator[Evidence]:
    """The server said a version from before the repair of CVE-2018-0886."""
    version = result.credssp.version if result.credssp is not None else None
    if version is not None and version < _OLDEST_CREDSSP and not _follows_client(result, version):
        yield Evidence(said=_("TSRequest version {version}", version=version), facts={"version": version})


@finds(catalogue.NTLM_REFUSED, needs="credssp")
def ntlm_refused(result: Result) -> Iterator[Evidence]:
    """The server answered the offer of NTLM with an error that means it, or with another mechanism."""
    section = result.credssp
    if section is not None and _turns_ntlm_away(section) and not _is_kerberos(result):
        said = _("offered NTLM, answered by choosing {mechanisms}", mechanisms=_(", ").join(section.mechanisms))
        if section.error is not None:
            said = _("offered NTLM, answered {error}", error=section.error)
        yield Evidence(said=said)


@finds(catalogue.CLOCK_SKEW, needs="credssp")
def clock_skew(result: Result) -> Iterator[Evidence]:
    """The NTLM challenge's timestamp is further off than Kerberos allows."""
    ntlm = result.credssp.ntlm if result.credssp is not None else None
    skew = ntlm.clock_skew_s if ntlm is not None else None
    if ntlm is not None and skew is not None and abs(skew) > _MOST_SKEW_S:
        seconds = f"{abs(skew):.0f}"
        said = _("the server's clock was behind by {seconds} s", seconds=seconds)
        if skew > 0:
            said = _("the server's clock was ahead by {seconds} s", seconds=seconds)
        if ntlm.timestamp is not None:
            said = _("{said}, at {moment}", said=said, moment=ntlm.timestamp)
        yield Evidence(said=said, facts={"seconds": round(skew)})


def _is_kerberos(result: Result) -> bool:
    """What a capture shows is not the answer to an offer of NTLM: the client's own, or nobody knows which it was."""
    capture = result.capture
    if capture is None or result.asked is None:
        return False
    said = capture.client_side.credssp if capture.client_side is not None else None
    return said is None or said.mechanism != "NTLM"


def _follows_client(result: Result, version: int) -> bool:
    """The client of a capture said no newer version: some servers answer with the lower of both."""
    capture = one_connection(result)
    side = capture.client_side if capture is not None else None
    said = side.credssp.version if side is not None and side.credssp is not None else None
    return capture is not None and (said is None or said <= version)


def _turns_ntlm_away(section: CredSsp) -> bool:
    if section.ntlm is not None or section.version is None:
        return False
    if section.error is not None:
        return section.error in _NTLM_REFUSALS
    return bool(section.mechanisms) and "NTLM" not in section.mechanisms
