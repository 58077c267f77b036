"""An answer as a document, in the language that is spoken now, with what audits of a target say of each cause."""

from __future__ import annotations

from collections.abc import Sequence

from probe.diagnosis.catalogue import CATALOGUE
from probe.diagnosis.diagnosing import seen
from probe.diagnosis.rule import Remedy
from probe.explain.answering import Answer, Match, rarer
from probe.explain.explanation import KINDS, Explanation, Suspect
from probe.explain.matching import is_chinese
from probe.explain.target import weigh_all
from probe.language import _, current
from probe.result import Result
from probe.result.explain import Explained, Meaning, NearestKnown, PossibleCause, Weighed

_PLATFORMS = ("any", "windows", "linux", "xrdp", "gnome", "freerdp")


def described(answer: Answer, results: Sequence[Result] = ()) -> Explained:
    """The document. `results` are the audits of one target, one for each address, with their diagnoses."""
    return Explained(
        asked=answer.asked,
        cut=answer.cut,
        matches=[_meaning(match, results) for match in answer.matches],
        diagnoses=answer.diagnoses,
        unknown=list(answer.unknown),
        nearest=[
            NearestKnown(unknown=near.unknown, key=near.explanation.key, title=near.explanation.title,
                         distance=near.distance)
            for near in answer.nearest
        ],
        nothing_said=list(answer.nothing_said),
    )  # fmt: skip


def _meaning(match: Match, results: Sequence[Result]) -> Meaning:
    row = match.explanation
    own = CATALOGUE.get(row.own)
    return Meaning(
        key=row.key,
        kind=row.kind,
        title=_title(row),
        meaning=_(row.meaning),
        sure=round(match.sure, 2),
        seen=match.seen,
        causes=[_cause(suspect, results) for suspect in (*row.causes, *_rarely(row, results))],
        rarer=rarer(row),
        command=row.command,
        remedies=[_(remedy.text) for remedy in sorted(own.remedies, key=_place)] if own is not None else _advice(row),
        user_sees=list(seen(own)) if own is not None else [],
        page=own.page if own is not None else None,
        source=row.source,
    )


def _title(row: Explanation) -> str:
    """A message as Chinese clients show it, where that is spoken and known, before the English one."""
    local = next((phrase for phrase in row.phrases if is_chinese(phrase)), "")
    if current() != "zh-CN" or not local or row.kind not in ("message", "setting"):
        return row.title
    return _("{local} ({title})", local=local, title=row.title)


def _place(remedy: Remedy) -> tuple[bool, int]:
    """Together what is for one platform, and last what lowers security, as on the page of the diagnosis."""
    return remedy.lowers, _PLATFORMS.index(remedy.on)


def _rarely(row: Explanation, results: Sequence[Result]) -> list[Suspect]:
    """What an audit found of the causes that rarely show so, each told by its summary."""
    found = {diagnosis.code: diagnosis.summary for result in results for diagnosis in result.diagnoses}
    return [Suspect(found[code], "", code) for code in rarer(row) if code in found]


def _advice(row: Explanation) -> list[str]:
    return [_(row.advice)] if row.advice else []


def _cause(suspect: Suspect, results: Sequence[Result]) -> PossibleCause:
    proof = CATALOGUE.get(suspect.diagnosis or "")
    weight = weigh_all(suspect, results) if results else None
    return PossibleCause(
        text=_(suspect.text),
        tells=_(suspect.tells) if suspect.tells else "",
        diagnosis=suspect.diagnosis,
        page=proof.page if proof is not None else None,
        result=Weighed(verdict=weight.outcome, evidence=list(weight.evidence)) if weight is not None else None,
    )


def kind_in_words(kind: str) -> str:
    """What a reader calls a kind of message, in the language spoken now."""
    return _(dict(KINDS).get(kind, kind))  # type: ignore[call-overload]
