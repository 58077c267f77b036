"""From a result to its diagnoses: every rule is asked, and the most severe answer comes first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import get_args

from probe import result as facts

# The rules register themselves as they are imported, in this order.
from probe.diagnosis import rules_connection, rules_security  # noqa: F401

# isort: split
from probe.diagnosis import rules_credssp, rules_tls  # noqa: F401

# isort: split
from probe.diagnosis import rules_certificate, rules_client, rules_farm, rules_licensing  # noqa: F401

# isort: split
from probe.diagnosis import rules_outside  # noqa: F401

# isort: split
from probe.diagnosis.rule import RULES, Cause, Diagnosis, Evidence, Remedy, Section, Sees, is_constant
from probe.language import _, current

_SECTIONS: tuple[Section, ...] = get_args(Section)
_MOST_REMEMBERED = 512  # diagnoses with what points to a cause; a few kB each
# Whose advice is good for whom: some are built on FreeRDP's library.
_KIN = {
    "xrdp": ("xrdp", "linux"),
    "freerdp": ("freerdp", "linux"),
    "gnome": ("gnome", "freerdp", "linux"),
    "weston": ("freerdp", "linux"),
}


def diagnose(result: facts.Result) -> list[facts.Diagnosis]:
    """What a result means, most severe first; of equally severe ones, in the order that a connection meets them.

    Needs nothing but the stored facts, so that results of earlier releases, or saved without `attempts`, will do.
    The texts are in the language that is spoken now.
    """
    server = result.server if result.server is not None else facts.Server()
    there = {None, *(section for section in _SECTIONS if getattr(result, section))}
    asked = (rule for rule in RULES if rule.needs in there)
    found = [_describe(rule.diagnosis, said, server.kind) for rule in asked if (said := [*rule.evidence(result)])]
    return sorted(found, key=lambda diagnosis: facts.SEVERITIES.index(diagnosis.severity))


def remedies_of(code: str, result: facts.Result) -> list[str]:
    """What mends what a code means, likeliest first for what was seen and for the kind of server; none lowers security.

    Where the result gives no evidence for the code, as where a policy demands more than a diagnosis is made for, the
    catalogue alone decides. A code that is not in it has no remedies.
    """
    return [_(remedy.text) for remedy in remedies_for(code, result)]


def remedies_for(code: str, result: facts.Result) -> list[Remedy]:
    """The same as data: with the kind of server that each is for."""
    server = result.server if result.server is not None else facts.Server()
    for rule in RULES:
        if rule.diagnosis.code == code:
            asked = rule.needs is None or getattr(result, rule.needs)
            excluded, pointed = _causes([*rule.evidence(result)] if asked else [])
            _left, remedies = _weighed(rule.diagnosis, excluded, pointed, server.kind)
            return [remedy for remedy in remedies if not remedy.lowers]
    return []


def _causes(evidence: Sequence[Evidence]) -> tuple[frozenset[Cause], frozenset[Cause]]:
    """Those that are ruled out, and those that are pointed to."""
    excluded = frozenset(cause for each in evidence for cause in each.excludes)
    return excluded, frozenset(each.likeliest for each in evidence if each.likeliest is not None)


def _describe(diagnosis: Diagnosis, evidence: Sequence[Evidence], kind: str) -> facts.Diagnosis:
    said = {name: value for each in reversed(evidence) for name, value in each.facts.items()}
    severities = [each.severity for each in evidence if each.severity is not None]
    summaries = [each.summary for each in evidence if each.summary is not None]
    excluded, pointed = _causes(evidence)
    advice = _advice(diagnosis, excluded, pointed, kind, current())
    return facts.Diagnosis(
        code=diagnosis.code,
        severity=min(severities, key=facts.SEVERITIES.index, default=diagnosis.severity),
        summary=summaries[0] if summaries else _(diagnosis.summary, **said),
        evidence=[each.said for each in evidence],
        causes=list(advice.causes),
        remedies=list(advice.remedies),
        user_sees=list(advice.user_sees),
        source=diagnosis.source,
        page=diagnosis.page,
    )


@dataclass(frozen=True, slots=True)
class _Advice:
    """What a person is told of a diagnosis, in one language."""

    causes: tuple[str, ...]
    remedies: tuple[str, ...]
    user_sees: tuple[str, ...]


@lru_cache(maxsize=_MOST_REMEMBERED)
def _advice(
    diagnosis: Diagnosis,
    excluded: frozenset[Cause],
    pointed: frozenset[Cause],
    kind: str,
    language: str,  # noqa: ARG001  it is the one that is spoken, and `_` asks for it itself
) -> _Advice:
    causes, remedies = _weighed(diagnosis, excluded, pointed, kind)
    return _Advice(
        causes=tuple(told(cause) for cause in causes),
        remedies=tuple(_(remedy.text) for remedy in remedies),
        user_sees=tuple(seen(diagnosis, kind)),
    )


def _weighed(
    diagnosis: Diagnosis, excluded: frozenset[Cause], pointed: frozenset[Cause], kind: str
) -> tuple[list[Cause], list[Remedy]]:
    """The causes that are left and the remedies for them, likeliest first by what was seen and by what answers.

    Where it is known what answers, what belongs to another platform is left out as long as something else is left.
    """

    def is_foreign(advice: Cause | Remedy) -> bool:
        return distance(advice.on, kind) > 1

    def place(cause: Cause) -> tuple[bool, int]:
        return (cause not in pointed, distance(cause.on, kind))

    possible = sorted((cause for cause in diagnosis.causes if cause not in excluded), key=place)
    causes = [cause for cause in possible if not is_foreign(cause)] or possible
    likely = [cause for cause in causes if cause in pointed]

    def need(remedy: Remedy) -> tuple[bool, bool, int]:
        return (remedy.lowers, likely != [] and likely[0] not in remedy.heals, distance(remedy.on, kind))

    healing = [each for each in diagnosis.remedies if not each.heals or not set(causes).isdisjoint(each.heals)]
    fitting = [each for each in healing if not is_foreign(each)]
    if all(each.lowers for each in fitting):
        fitting = healing
    return causes, sorted(fitting, key=need)


def distance(on: str, kind: str) -> int:
    """How far advice is from a kind of server: 0 its own, 1 for any (or nobody knows which it is), 2 for another."""
    if kind == "unknown" or on == "any":
        return 1
    return 0 if on in _KIN.get(kind, (kind,)) else 2


def told(cause: Cause) -> str:
    """A cause, and what tells it apart, in the language that is spoken now."""
    if not cause.tells:
        return _(cause.text)
    return _("{cause} {tells}", cause=_(cause.text), tells=_(cause.tells))


def seen(diagnosis: Diagnosis, kind: str = "unknown") -> Iterator[str]:
    """What users see, each with its client, then what stands in the log of a server of this kind."""
    for client, words in by_client(diagnosis.user_sees):
        yield _("{client}: {words}", client=client, words=words)
    for event in diagnosis.events if kind == "unknown" else _written_by(kind, diagnosis.events):
        yield _("event log: {event}", event=_(event))


def _written_by(kind: str, events: Sequence[str]) -> Iterator[str]:
    """Xrdp writes its own log, and Windows the event log, which on a client may stand for any server."""
    for event in events:
        writer = "xrdp" if event.startswith("xrdp.log") else "windows"
        if writer == kind or "of the client" in event:
            yield event


def by_client(sees: Sees) -> Iterator[tuple[str, str]]:
    """The client's name and what it shows, one for each text."""
    for client, shown in (
        ("mstsc", sees.mstsc),
        (_("Windows App on macOS, iOS, Android"), sees.windows_app),
        ("FreeRDP", sees.freerdp),
        ("rdesktop", sees.rdesktop),
    ):
        for words in shown:
            yield client, words if is_constant(words) else _(words)
