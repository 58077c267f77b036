"""What a server would say to each security protocol once NLA or Standard RDP Security is set otherwise. Pure.

How servers answer: [MS-RDPBCGR] 2.2.1.2.2 and 3.3.5.3.1 (failure codes), and what xrdp 0.9.21 and FreeRDP 2.11 and 3
were seen to send. Each function alters a copy of a result in place and adds sentences on what nobody can tell yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from probe.diagnosis.stored import stored
from probe.language import _
from probe.result import Negotiation, Nla, Result, Verdict

_NLA = ("HYBRID", "HYBRID_EX")
_ALSO = ("RDSTLS", "RDSAAD")  # what clients ask for in special places
_ACCEPTED, _UNKNOWN = Verdict(state="accepted"), Verdict(state="unknown")
_TLS_FIRST = Verdict(state="rejected", failure="SSL_REQUIRED_BY_SERVER")
_NLA_FIRST = Verdict(state="rejected", failure="HYBRID_REQUIRED_BY_SERVER")
_NO_TLS = Verdict(state="rejected", failure="SSL_NOT_ALLOWED_BY_SERVER")
_RDP_INSTEAD = Verdict(state="rejected", selected="RDP")  # of xrdp
_FREERDP = ("freerdp", "gnome", "weston")
_LEVELS = {"high": ("HIGH", "128BIT"), "fips": ("FIPS", "FIPS")}  # [MS-RDPBCGR] 5.3.2.1


class _Answers:
    """The verdicts on protocols while they are altered."""

    def __init__(self, result: Result) -> None:
        if result.negotiation is None:
            result.negotiation = Negotiation()
        self.section = result.negotiation
        self.kind = result.server.kind if result.server is not None else "unknown"
        self.before = dict(self.section.protocols)

    def of(self, name: str) -> Verdict:
        return self.section.protocols.get(name, _UNKNOWN)

    def states(self, *names: str) -> set[str]:
        return {self.of(name).state for name in names}

    def say(self, names: Iterable[str], verdict: Verdict) -> None:
        for name in names:
            self.section.protocols[name] = verdict

    def finish(self) -> None:
        """What follows from the verdicts; connections whose answer may be another one now are not told of."""
        protocols = self.section.protocols
        changed = {name for name in protocols if protocols[name] != self.before.get(name)}
        if not changed:
            return
        self.section.nla = _nla(self)
        self.section.attempts = [
            each for each in self.section.attempts if changed.isdisjoint(each.requested or ("RDP",))
        ]


def _nla(answers: _Answers) -> Nla:
    """As an audit tells it: required where it is accepted, and what lacks it is turned away."""
    without = answers.states("SSL", "RDP")
    demanded = "HYBRID_REQUIRED_BY_SERVER" in {answers.of(name).failure for name in ("SSL", "RDP")}
    if "accepted" in answers.states(*_NLA):
        return "required" if without == {"rejected"} or ("accepted" not in without and demanded) else "offered"
    return "unsupported" if answers.of("HYBRID").state == "rejected" and not demanded else "unknown"


def set_nla(result: Result, value: str, notes: list[str]) -> None:
    """NLA required, offered or off."""
    answers = _Answers(result)
    {"required": _require_nla, "offered": _offer_nla, "off": _drop_nla}[value](answers, notes)
    answers.finish()
    if value == "required":
        result.standard_rdp = None
        if result.tls is not None and result.tls.handshake is not None:
            result.tls.handshake.over = "HYBRID"
    elif value == "off":
        result.credssp = None


def _require_nla(answers: _Answers, notes: list[str]) -> None:
    _have_nla(answers, notes)
    answers.say(("SSL", "RDP"), _NLA_FIRST)
    refused = [name for name in ("HYBRID_EX", *_ALSO) if answers.of(name).state == "rejected"]
    answers.say(refused, _NLA_FIRST)


def _have_nla(answers: _Answers, notes: list[str]) -> None:
    """As if it had NLA where it does not have it today: nobody knows what lies behind. Of xrdp not even that."""
    if "accepted" in answers.states(*_NLA):
        return
    if answers.kind == "xrdp":
        notes.insert(0, _("xrdp has no NLA: it cannot be set there, and what clients with NLA would meet is not known"))
        answers.say(_NLA, _UNKNOWN)
        return
    if answers.of("HYBRID").state == "rejected":
        how = _how(answers.of("HYBRID"))
        notes.append(_("NLA is refused today ({how}), so what clients with NLA would meet is not known", how=how))
    else:
        notes.append(_("whether NLA is accepted is not known today, nor what clients with NLA would meet"))
    answers.say(("HYBRID",), _ACCEPTED)
    answers.say(("HYBRID_EX",), _UNKNOWN)


def _how(verdict: Verdict) -> str:
    if verdict.selected is not None:
        return _("{selected} is selected instead", selected=verdict.selected)
    return stored(verdict.failure or verdict.reason or verdict.ending or verdict.state)


def _offer_nla(answers: _Answers, notes: list[str]) -> None:
    _have_nla(answers, notes)
    _admit_without_nla(answers, notes)


def _admit_without_nla(answers: _Answers, notes: list[str]) -> None:
    """What is turned away for want of NLA today. Which of it then is accepted, other settings decide."""
    if answers.of("SSL").failure == "HYBRID_REQUIRED_BY_SERVER":
        answers.say(("SSL",), _ACCEPTED)
        notes.append(_("NLA is required today; that TLS without NLA is then accepted is assumed"))
    if answers.of("RDP").failure == "HYBRID_REQUIRED_BY_SERVER":
        answers.say(("RDP",), _UNKNOWN)
        notes.append(_("whether Standard RDP Security is accepted where NLA is not required is not known today"))
    demanded = [name for name in _ALSO if answers.of(name).failure == "HYBRID_REQUIRED_BY_SERVER"]
    answers.say(demanded, _UNKNOWN)


def _drop_nla(answers: _Answers, notes: list[str]) -> None:
    if answers.kind == "windows" and "accepted" in answers.states(*_NLA):
        words = _("settings of Windows say whether NLA is required; not required (nla=offered), it is still offered")
        notes.append(words)
    _admit_without_nla(answers, notes)
    offered = [name for name in _NLA if answers.of(name).state != "rejected" or answers.of(name) == _NLA_FIRST]
    answers.say(offered, _without_nla(answers))


def _without_nla(answers: _Answers) -> Verdict:
    """What servers without NLA say to those who ask for it alone."""
    if answers.of("RDP").state == "accepted" and answers.kind == "xrdp":
        return _RDP_INSTEAD
    if answers.of("RDP").state == "accepted" and answers.kind in _FREERDP:
        return _NO_TLS
    return _TLS_FIRST


def set_standard_rdp(result: Result, value: str, notes: list[str]) -> None:
    """Standard RDP Security on or off."""
    answers = _Answers(result)
    if value == "off":
        _refuse_rdp(answers, notes)
        result.standard_rdp = None
    elif answers.of("RDP").state != "accepted":
        _accept_rdp(answers, notes)
    answers.finish()


def _refuse_rdp(answers: _Answers, notes: list[str]) -> None:
    by_tls = answers.states("SSL", *_NLA)
    if by_tls == {"rejected"}:
        notes.append(_("neither TLS nor NLA is accepted today, so what is left without Standard RDP is not known"))
        answers.say(("SSL", *_NLA), _UNKNOWN)
    if answers.of("RDP").state == "rejected":
        return
    only_nla = answers.of("SSL").state == "rejected" and "accepted" in by_tls
    answers.say(("RDP",), _NLA_FIRST if only_nla else _TLS_FIRST)
    _say_otherwise(answers, (_RDP_INSTEAD, _NO_TLS), _TLS_FIRST)


def _accept_rdp(answers: _Answers, notes: list[str]) -> None:
    _admit_without_nla(answers, notes)
    answers.say(("RDP",), _ACCEPTED)
    notes.append(_("Standard RDP Security is not accepted today, so which encryption it would have is not known"))
    if answers.kind == "xrdp":
        _say_otherwise(answers, (_TLS_FIRST,), _RDP_INSTEAD)


def _say_otherwise(answers: _Answers, before: Sequence[Verdict], after: Verdict) -> None:
    """To protocols that stay refused the server gives the reason that now holds."""
    answers.say([name for name in (*_NLA, *_ALSO) if answers.of(name) in before], after)


def set_level(result: Result, value: str, notes: list[str]) -> None:
    """The encryption level of Standard RDP Security."""
    level, method = _LEVELS[value]
    section = result.standard_rdp
    if section is None:
        notes.append(_("nothing is known of Standard RDP Security today, so neither is what its level would change"))
    elif section.encryption_level != level:
        if method not in section.encryption_methods:
            notes.append(_("{method} was not seen today; that it is then chosen is assumed", method=method))
        section.encryption_level, section.encryption_methods, section.methods_asked = level, [method], []
