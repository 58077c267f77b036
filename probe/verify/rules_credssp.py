"""What a policy may demand of NLA's inside: the version, the mechanisms and the clock of CredSSP.

Source: [MS-CSSP] 2.2.1, and [MS-NLMP] 2.2.1.2 for the clock.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from probe.clients.protocol import NTLM_REFUSALS
from probe.diagnosis.stored import stored
from probe.language import _
from probe.needs import Needs
from probe.result import CredSsp, Result
from probe.verify.rule import Finding, kind
from probe.verify.seen import NLA, no_nla, not_known, protocols, unsettled

_NEEDS = Needs(protocols=frozenset(NLA), credssp=True)
_NEWEST = 6
Mechanism = Literal["NTLM", "Kerberos"]


@kind(
    "credssp.min_version",
    Annotated[int, msgspec.Meta(ge=2)],
    says="The server speaks this version of CredSSP or a newer one; 5 and 6 are those after CVE-2018-0886.",
    example="6",
    needs=_NEEDS,
    words=lambda value: _("CredSSP version {version} or newer", version=value),
)
def min_version(value: int, result: Result) -> Finding:
    """The version of the server's TSRequest."""
    section = result.credssp
    if section is None or section.version is None:
        return _without(result)
    message = _("CredSSP version {version}; at least {least} is required", version=section.version, least=value)
    observed = str(section.version)
    if section.version >= value:
        return Finding(state="passed", message=message, observed=observed)
    return Finding(
        state="failed",
        message=message,
        observed=observed,
        evidence=(_("TSRequest version {version}", version=section.version),),
        diagnosis="CREDSSP_OUTDATED",
        change=f"credssp.min={value}" if value <= _NEWEST else None,
    )


@kind(
    "credssp.mechanisms",
    Annotated[list[Mechanism], msgspec.Meta(min_length=1)],
    says="Each of these mechanisms is usable inside NLA. Without a login only NTLM can be shown to be.",
    example='["NTLM"]',
    needs=_NEEDS,
    words=lambda value: _(", ").join(value),
)
def mechanisms(value: list[str], result: Result) -> Finding:
    """Usable is what the server answered with; refused is NTLM where it answered the offer with something else."""
    section = result.credssp
    if section is None or section.version is None:
        return _without(result)
    observed = _(", ").join(section.mechanisms) or _("none")
    if "NTLM" in value and _turns_ntlm_away(section):
        how = section.error or observed
        return Finding(
            state="failed",
            message=_("NTLM is refused; {demand} must be usable", demand=_(", ").join(value)),
            observed=observed,
            evidence=(_("offered NTLM, answered {how}", how=stored(how)),),
            diagnosis="NTLM_REFUSED",
        )
    usable = {"Kerberos" if name == "MS-Kerberos" else name for name in section.mechanisms}
    if section.ntlm is None:  # to choose NTLM and send no challenge is no use of it
        usable.discard("NTLM")
    left = [name for name in value if name not in usable]
    if left:
        return not_known(_("whether {mechanisms} is usable was not shown", mechanisms=_(", ").join(left)))
    return Finding(state="passed", message=_("usable are {mechanisms}", mechanisms=observed), observed=observed)


@kind(
    "credssp.max_clock_skew_s",
    Annotated[float, msgspec.Meta(ge=0, le=1e9)],
    says="The server's clock is off by this many seconds at most; Kerberos takes 300.",
    example="300",
    needs=_NEEDS,
    words=lambda value: _("a clock that is off by {seconds} s at most", seconds=f"{value:g}"),
)
def max_clock_skew(value: float, result: Result) -> Finding:
    """The time in the NTLM challenge against ours at that moment."""
    ntlm = result.credssp.ntlm if result.credssp is not None else None
    skew = ntlm.clock_skew_s if ntlm is not None else None
    if ntlm is None or skew is None:
        return not_known(_("no NTLM challenge tells the server's clock"))
    seconds, most = f"{abs(skew):.1f}", f"{value:g}"
    message = _("the clock is {seconds} s behind; at most {most} s are allowed", seconds=seconds, most=most)
    if skew >= 0:
        message = _("the clock is {seconds} s ahead; at most {most} s are allowed", seconds=seconds, most=most)
    observed = f"{skew:.1f} s"
    if abs(skew) <= value:
        return Finding(state="passed", message=message, observed=observed)
    evidence = (_("the NTLM challenge says {moment}", moment=ntlm.timestamp or "?"),)
    return Finding(state="failed", message=message, observed=observed, evidence=evidence, diagnosis="CLOCK_SKEW")


def _without(result: Result) -> Finding:
    """What a demand on CredSSP comes to where the server told no version of it."""
    none = no_nla(result)
    if none is not None:
        message = _("{none}; CredSSP is required", none=none)
        return Finding(state="failed", message=message, observed=_("none"), diagnosis="NLA_UNSUPPORTED")
    section = result.credssp
    if section is None:
        why = unsettled(protocols(result), ("HYBRID",)) or _("CredSSP was not tried")
        return not_known(why)
    how = section.answer or section.ending
    return not_known(_("the first TSRequest was not answered: {how}", how=stored(how) if how else "?"))


def _turns_ntlm_away(section: CredSsp) -> bool:
    if section.ntlm is not None:
        return False
    if section.error is not None:
        return section.error in NTLM_REFUSALS
    return bool(section.mechanisms) and "NTLM" not in section.mechanisms
