"""What a policy may demand of Standard RDP Security where it is served. All of it holds where it is refused.

Source: [MS-RDPBCGR] 5.3.1 to 5.3.4.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from probe.language import _
from probe.needs import Needs
from probe.result import MethodAttempt, Result, StandardRdp
from probe.verify.rule import Finding, kind
from probe.verify.seen import not_known, protocols, unsettled

_NEEDS = Needs(protocols=frozenset({"RDP"}), encryption=True)
_LEVELS = ("NONE", "LOW", "CLIENT_COMPATIBLE", "HIGH", "FIPS")  # weakest first
_OFF = "standard_rdp=off"
_MALFORMED = "malformed"
Level = Literal["LOW", "CLIENT_COMPATIBLE", "HIGH", "FIPS"]
Method = Literal["NONE", "40BIT", "56BIT", "128BIT", "FIPS"]


@kind(
    "standard_rdp.min_encryption_level",
    Level,
    says="Standard RDP Security is refused, or its encryption level is this one or a higher one.",
    example='"HIGH"',
    needs=_NEEDS,
    words=lambda value: _("{level} or higher, where Standard RDP Security is served", level=value),
)
def min_encryption_level(value: str, result: Result) -> Finding:
    """The lowest level that the server named."""
    section = result.standard_rdp
    if (settled := _unless_served(result)) is not None or section is None:
        return settled or _not_tried()
    levels = _levels(section)
    known = [level for level in _LEVELS if level in levels]
    if not levels or len(known) < len(levels):
        return not_known(_("the encryption level is not known: {levels}", levels=_(", ").join(levels) or _("not seen")))
    lowest = known[0]
    message = _("the encryption level is {level}; {least} or higher is required", level=lowest, least=value)
    if _LEVELS.index(lowest) >= _LEVELS.index(value):
        return Finding(state="passed", message=message, observed=lowest)
    return Finding(
        state="failed",
        message=message,
        observed=lowest,
        evidence=_answers(section),
        diagnosis="STANDARD_RDP_WEAK",
        change=_OFF,
    )


@kind(
    "standard_rdp.forbidden_methods",
    Annotated[list[Method], msgspec.Meta(min_length=1)],
    says="Standard RDP Security is refused, or none of these encryption methods is taken; NONE is no encryption.",
    example='["40BIT", "56BIT"]',
    needs=_NEEDS,
    words=lambda value: _("not {methods}", methods=_(", ").join(value)),
)
def forbidden_methods(value: list[str], result: Result) -> Finding:
    """What the server chose, whatever it was offered; and for the rest, that it was refused when offered alone."""
    section = result.standard_rdp
    if (settled := _unless_served(result)) is not None or section is None:
        return settled or _not_tried()
    taken = _taken(section)
    observed = _(", ").join(taken) or _("none")
    found = [name for name in value if name in taken]
    if found:
        return Finding(
            state="failed",
            message=_(
                "Standard RDP Security takes {found}; forbidden are {value}",
                found=_(", ").join(found),
                value=_(", ").join(value),
            ),
            observed=observed,
            evidence=_answers(section),
            diagnosis="STANDARD_RDP_WEAK",
            change=_OFF,
        )
    open_ = [name for name in value if not _is_refused(section, name)]
    if open_:
        return not_known(_("whether {methods} is taken was not settled", methods=_(", ").join(open_)))
    message = _("none of {value} is taken", value=_(", ").join(value))
    return Finding(state="passed", message=message, observed=observed)


@kind(
    "standard_rdp.min_key_bits",
    Annotated[int, msgspec.Meta(ge=1, le=65536)],
    says="Standard RDP Security is refused, or the key that its session keys are encrypted with has so many bits.",
    example="2048",
    needs=_NEEDS,
    words=lambda value: _("a key of {bits} bits or more, where Standard RDP Security is served", bits=value),
)
def min_key_bits(value: int, result: Result) -> Finding:
    """The RSA key in the certificate of Standard RDP Security; where nothing is encrypted there is none."""
    section = result.standard_rdp
    if (settled := _unless_served(result)) is not None or section is None:
        return settled or _not_tried()
    if "NONE" in _taken(section):
        message = _("nothing is encrypted; a key of at least {least} bits is required", least=value)
        return Finding(state="failed", message=message, observed=_("none"), diagnosis="STANDARD_RDP_WEAK", change=_OFF)
    bits = section.certificate.key_bits if section.certificate is not None else None
    if bits is None:
        return not_known(_("no RSA key of Standard RDP Security was seen"))
    message = _("the key has {bits} bits; at least {least} are required", bits=bits, least=value)
    if bits >= value:
        return Finding(state="passed", message=message, observed=str(bits))
    return Finding(state="failed", message=message, observed=str(bits), diagnosis="STANDARD_RDP_WEAK_KEY", change=_OFF)


def _unless_served(result: Result) -> Finding | None:
    """What every rule here comes to where Standard RDP Security is refused or not settled."""
    why = unsettled(protocols(result), ("RDP",))
    if why is not None:
        return not_known(why)
    if protocols(result)["RDP"].state == "rejected":
        return Finding(state="passed", message=_("Standard RDP Security is refused"), observed=_("refused"))
    return None


def _not_tried() -> Finding:
    return not_known(_("the encryption of Standard RDP Security was not asked for"))


def _levels(section: StandardRdp) -> list[str]:
    named = [section.encryption_level, *(each.level for each in section.methods_asked)]
    return list(dict.fromkeys(level for level in named if level is not None))


def _taken(section: StandardRdp) -> list[str]:
    """The methods that the server chose, and NONE where it encrypts nothing."""
    chosen = [*section.encryption_methods]
    for each in section.methods_asked:
        chosen += each.method or []
    if "NONE" in _levels(section):
        chosen.append("NONE")
    return list(dict.fromkeys(chosen))


def _is_refused(section: StandardRdp, method: str) -> bool:
    """Whether a method that the server did not choose was offered alone: it chose another, said no, or hung up.

    To hang up is an answer only of a server that takes another method afterwards: it may have hung up on us for good.
    """
    if method == "NONE":
        return bool(_taken(section))
    asked = section.methods_asked
    last = max((at for at, each in enumerate(asked) if each.method is not None), default=-1)
    return any(each.offered == method and _is_answer(each, heard_later=at < last) for at, each in enumerate(asked))


def _is_answer(attempt: MethodAttempt, *, heard_later: bool) -> bool:
    if attempt.method is not None:
        return True
    hung_up = attempt.ending in ("closed", "reset")
    return hung_up and attempt.answer != _MALFORMED and (heard_later or attempt.answer is not None)


def _answers(section: StandardRdp) -> tuple[str, ...]:
    """How each method that was offered alone was answered."""
    return tuple(
        _("offered {offered}, chosen {method}, level {level}", offered=each.offered, method=method, level=each.level)
        for each in section.methods_asked
        if (method := _(", ").join(each.method or ()))
    )
