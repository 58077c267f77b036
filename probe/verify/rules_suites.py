"""What a policy may demand of cipher suites and of groups for key exchange, by selectors: see `selectors`.

Only what a rule is about is offered to a server, alone, so that a refusal is about nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Annotated

import msgspec

from probe.diagnosis.stored import stored
from probe.language import _
from probe.needs import Needs, Trial, TrialKind
from probe.result import Result, Verdict
from probe.verify.rule import Finding, kind
from probe.verify.seen import VERSIONS, these
from probe.verify.selectors import SELECTABLE_GROUPS, SUITES, all_of, check
from probe.verify.served import (
    OLDER_TLS,
    Asked,
    asked,
    codes_of,
    everything,
    no_road,
    not_settled,
    said_of,
    spoken,
    told,
    version,
    versions,
    without_tls,
)

Selectors = Annotated[list[str], msgspec.Meta(min_length=1)]
_MOST_NAMES = 4  # of suites in one sentence
_LARGEST = 0xFFFF  # what a TLS hello can offer; SSL 2.0 says all that it has in one answer
_ALL: dict[TrialKind, frozenset[int]] = {"suites": frozenset(SUITES), "groups": frozenset(SELECTABLE_GROUPS)}


@dataclass(slots=True)
class _Looked:
    """What was found of code points that must not be accepted."""

    found: dict[str, list[str]] = field(default_factory=dict)  # names, by version
    left: list[str] = field(default_factory=list)  # why the rest is not known, of versions that are served
    unsettled: dict[str, Verdict] = field(default_factory=dict)  # of versions that may be served
    evidence: list[str] = field(default_factory=list)  # of what is refused
    more: bool = False  # in a version that has some, others were neither selected nor refused

    @property
    def open(self) -> list[str]:
        """Why the rest is not known, in words."""
        return [*([not_settled(self.unsettled)] if self.unsettled else []), *self.left]


def names(found: list[str]) -> str:
    """The first of many names, and how many more there are."""
    more = len(found) - _MOST_NAMES
    return _("{named} and {more} more", named=these(found[:_MOST_NAMES]), more=more) if more > 0 else these(found)


def needs_of(trial: TrialKind, *codes: frozenset[int], enough: int | None = None, each: int = 0) -> Needs:
    """Each set of code points offered by itself, in the versions that have some; `enough`, `each` as `Trial` has it."""
    offered = (tuple(sorted(code for code in one if code <= _LARGEST)) for one in codes)
    usual = Trial(trial, (), each=each) if enough is None else Trial(trial, (), enough, each)
    trials = (replace(usual, codes=one) for one in offered if one)
    return Needs(
        versions=frozenset(name for one in codes for name in VERSIONS if everything(trial, name) & one),
        trials=frozenset(trials),
    )


def _relevant(trial: TrialKind, result: Result) -> list[str]:
    """The versions that are looked at: of those before TLS 1.3, which share their groups, the newest that may be."""
    if trial == "suites":
        return list(VERSIONS)
    older = [name for name in OLDER_TLS if version(result, name).state != "rejected"]
    return [*(older[-1:] or OLDER_TLS[-1:]), "TLSv1.3"]


def _look(trial: TrialKind, result: Result, codes: frozenset[int], is_bad: Callable[[str], bool]) -> _Looked:
    """In each version: which of these were selected, and whether the others were refused."""
    looked = _Looked()
    relevant = _relevant(trial, result)
    for name in VERSIONS:
        known = asked(trial, name, result)
        concerned = everything(trial, name) & codes
        bad = [each for code, each in known.selected.items() if is_bad(code)]
        if bad:
            looked.found[name] = bad
            looked.more |= name in relevant and bool(known.left(codes_of(concerned)))
        elif name in relevant and concerned:
            verdict = version(result, name)
            if verdict.state == "accepted":
                _look_further(trial, looked, name, concerned, known)
            elif verdict.state == "rejected":
                looked.evidence.append(told(name, verdict))
            else:
                looked.unsettled[name] = verdict
    return looked


def _look_further(trial: TrialKind, looked: _Looked, name: str, concerned: frozenset[int], known: Asked) -> None:
    """Where a version is served and none of them was selected in it: whether that is because they are refused."""
    left = known.left(codes_of(concerned))
    if not left:
        looked.evidence.append(_("{name}: {number} offered, none accepted", name=name, number=len(concerned)))
    elif concerned == everything(trial, name):  # whatever it selects is one of them
        looked.found[name] = [_("nothing else")]
    else:
        looked.left.append(_why_open(trial, name, len(left), known))


def _why_open(trial: TrialKind, name: str, left: int, known: Asked) -> str:
    what = _("suites") if trial == "suites" else _("groups")
    how = stored(known.why_not if known.why_not is not None else "not asked")
    return _("{version}: {what} not settled: {left} ({how})", version=spoken(name), left=left, what=what, how=how)


def _prohibited(held: str, demand: str, looked: _Looked, result: Result, change: str) -> Finding:
    """The finding of a prohibition: `held` is the message where it holds, `demand` ends the one where it does not."""
    if looked.found:
        evidence = tuple(_("{said}: {words}", said=name, words=these(found)) for name, found in looked.found.items())
        seen = _("; ").join(
            _("{version} accepts {names}", version=spoken(name), names=names(found))
            for name, found in looked.found.items()
        )
        return Finding(
            state="failed",
            message=_("{seen}; {demand}", seen=_and_more(seen, looked, result), demand=demand),
            observed=_("; ").join(evidence),
            evidence=evidence,
            diagnosis="TLS_WEAK_CIPHER",
            change=change,
        )
    evidence = no_road(result) or tuple(looked.evidence)
    if looked.open:
        return Finding(state="unknown", message=_("; ").join(looked.open), observed=_("not known"), evidence=evidence)
    return Finding(state="passed", message=held, observed=_("none"), evidence=evidence)


def _and_more(seen: str, looked: _Looked, result: Result) -> str:
    """What was seen, and that it may not be all: what was accepted is not offered until nothing is left of it."""
    if not (looked.more or looked.open):
        return seen
    if "full" in (result.asked if result.asked is not None else [result.depth]):
        return _("{seen}, and perhaps more", seen=seen)
    return _("{seen}, and perhaps more (--depth full names all)", seen=seen)


def _forbidden(trial: TrialKind, value: list[str], result: Result) -> Finding:
    codes = all_of(trial, value)
    looked = _look(trial, result, codes, codes_of(codes).__contains__)
    held = _("none of {selectors} is accepted", selectors=names(value))
    demand = _("demanded: {demand}", demand=_("none of {selectors}", selectors=names(value)))
    return _prohibited(held, demand, looked, result, f"{trial}.off={'+'.join(value)}")


def _allowed(trial: TrialKind, value: list[str], result: Result) -> Finding:
    codes = all_of(trial, value)
    fine = codes_of(codes)
    looked = _look(trial, result, _ALL[trial] - codes, lambda code: code not in fine)
    if len(value) > _MOST_NAMES:  # a list that nobody reads says less than how long it is
        held = _("nothing but the policy's {count} is accepted", count=len(value))
        demand = _("not among the policy's {count}", count=len(value))
    else:
        held = _("nothing but {selectors} is accepted", selectors=these(value))
        demand = _("demanded: {demand}", demand=_only(value))
    return _prohibited(held, demand, looked, result, f"{trial}={'+'.join(value)}")


def _required(trial: TrialKind, value: list[str], result: Result) -> Finding:
    """Each selector has one that was selected in some version."""
    looked = {each: _wanted(trial, result, all_of(trial, [each])) for each in value}
    selected = _selected_now(trial, result)
    refused = [each for each in value if not looked[each].found and not looked[each].open]
    if refused:
        demand = _("at least one of each of {selectors}", selectors=names(value))
        return _not_there(demand, refused, looked, selected, result)
    missing = [each for each in value if not looked[each].found]
    observed = _("; ").join(selected)
    if missing:
        why = dict.fromkeys(words for each in missing for words in looked[each].open)
        return Finding(state="unknown", message=_("; ").join(why), observed=observed or _("not known"))
    message = _("what is demanded is accepted: {selectors}", selectors=names(value))
    return Finding(state="passed", message=message, observed=observed, evidence=tuple(selected))


def _wanted(trial: TrialKind, result: Result, codes: frozenset[int]) -> _Looked:
    return _look(trial, result, codes, codes_of(codes).__contains__)


def _selected_now(trial: TrialKind, result: Result) -> list[str]:
    """What was selected, by version, as evidence."""
    known = {name: list(asked(trial, name, result).selected.values()) for name in VERSIONS}
    return [_("{said}: {words}", said=name, words=names(found)) for name, found in known.items() if found]


def _not_there(
    demand: str, refused: list[str], looked: dict[str, _Looked], selected: list[str], result: Result
) -> Finding:
    """The finding where all that a selector means is refused."""
    is_none = all(each.state == "rejected" for each in versions(result).values())
    seen = _("no TLS version is served") if is_none else said_of(refused, "rejected")
    evidence = dict.fromkeys(words for each in refused for words in looked[each].evidence)
    return Finding(
        state="failed",
        message=_("{seen}; demanded: {demand}", seen=seen, demand=demand),
        observed=_("; ").join(selected) or _("none"),
        evidence=no_road(result) or tuple(evidence),
        diagnosis=without_tls(result) if is_none else "TLS_NO_SHARED_CIPHER",
    )


def _no(value: Iterable[str]) -> str:
    return _("none of {selectors}", selectors=these(value))


def _only(value: Iterable[str]) -> str:
    return _("only {selectors}", selectors=these(value))


def _each(value: Iterable[str]) -> str:
    return _("at least one of each of {selectors}", selectors=these(value))


@dataclass(frozen=True, slots=True)
class _Demand:
    """What the three keys of suites, and the three of groups, have each of its own."""

    key: str
    says: str
    check: Callable[[TrialKind, list[str], Result], Finding]
    words: Callable[[list[str]], str]
    needs: Callable[[TrialKind, list[str]], Needs]


_DEMANDS = (
    _Demand(
        "allowed",
        "No {what} but these are accepted in any TLS version.",
        _allowed,
        _only,
        lambda trial, value: needs_of(trial, _ALL[trial] - all_of(trial, value)),
    ),
    _Demand(
        "forbidden",
        "None of these {what} is accepted in any TLS version.",
        _forbidden,
        _no,
        lambda trial, value: needs_of(trial, all_of(trial, value)),
    ),
    _Demand(
        "required",
        "Of each of these selectors of {what} at least one is accepted, in some TLS version.",
        _required,
        _each,
        lambda trial, value: needs_of(trial, *(all_of(trial, [each]) for each in value), enough=1),
    ),
)
_WHAT: tuple[tuple[TrialKind, str, dict[str, str]], ...] = (
    (
        "suites",
        "cipher suites",
        {
            "allowed": '["class:aead"]',
            "forbidden": '["class:weak", "TLS_RSA_*"]',
            "required": '["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]',
        },
    ),
    (
        "groups",
        "groups for key exchange",
        {"allowed": '["x25519", "class:nist"]', "forbidden": '["class:weak"]', "required": '["secp256r1"]'},
    ),
)


def _register(trial: TrialKind, what: str, demand: _Demand, example: str) -> None:
    def check_it(value: list[str], result: Result) -> Finding:
        return demand.check(trial, value, result)

    def validate(value: list[str]) -> None:
        for each in value:
            check(each, trial)

    kind(
        f"tls.{demand.key}_{trial}",
        Selectors,
        says=demand.says.format(what=what),
        example=example,
        needs=lambda value: demand.needs(trial, value),
        words=demand.words,
        validate=validate,
    )(check_it)


for _trial, _what, _examples in _WHAT:
    for _demand in _DEMANDS:
        _register(_trial, _what, _demand, _examples[_demand.key])
