"""What changed between two results of one target, in the order that matters. Pure.

Times, durations, numbers of connections and random values are no facts; nor is the order of things that have none.
A fact counts where both results have it: what an earlier release did not know, or a shallower audit did not ask, has
not changed. What was known and is not now is neither better nor worse, and is said by `undetermined`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import get_args

from probe.diagnosis.diagnosing import diagnose
from probe.language import _
from probe.needs import Needs, Trial, TrialKind
from probe.result import Result
from probe.result.verification import Change, ChangeKind, ClientChange
from probe.verify import baseline_negotiation as met
from probe.verify import baseline_others as others
from probe.verify.baseline_certificate import certificates
from probe.verify.baseline_facts import Comparing
from probe.verify.baseline_same import is_same
from probe.verify.baseline_tls import tls

__all__ = ["Comparison", "changes", "client_changes", "compare", "needs_of_baseline", "undetermined"]

_DIRECTIONS = ("worse", "changed", "better")
_KINDS: tuple[ChangeKind, ...] = get_args(ChangeKind)
_PARTS: Sequence[Callable[[Comparing], None]] = (
    met.address,
    met.negotiation,
    met.standard_rdp,
    met.credssp,
    certificates,
    tls,
    others.names,
    others.server,
    others.behaviour,
    others.udp,
    others.gateway,
    others.licensing,
    others.clients,
)
# Diagnoses that time alone brings, or whose fact has a threshold of its own.
_OF_TIME = ("CERT_EXPIRES_SOON", "CERT_EXPIRED", "CERT_NOT_YET_VALID", "CLOCK_SKEW")


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of comparing a result with an earlier one."""

    changes: tuple[Change, ...]  # in the order that matters
    undetermined: tuple[str, ...]  # sentences: what was known and is not now
    failed: bool  # something is worse; where it was to be exactly as before: something changed


def changes(before: Result, after: Result) -> list[Change]:
    """Every fact that is not as it was: what became worse first, and then by kind as `ChangeKind` has them."""
    return _compared(before, after).changes


def undetermined(before: Result, after: Result) -> list[str]:
    """What was known and is not now, one sentence each; texts are in the language spoken now."""
    return _compared(before, after).undetermined


def client_changes(before: Result, after: Result) -> list[ClientChange]:
    """The known clients for which it is not as it was, those that lost access first."""
    return others.client_changes(before, after)


def compare(before: Result | None, after: Result, *, exact: bool) -> Comparison:
    """Hold a result against a baseline, which may have none for its target.

    A server that is not met as RDP now is not worse: nothing is known of it. That is a change all the same.
    """
    if before is None:
        return Comparison((), (_("the baseline has no result for it"),), failed=False)
    found = _compared(before, after)
    told = list(found.undetermined)
    if before.status == "rdp" != after.status:
        told.append(_("nothing could be compared: {how}", how=met.told(after)))
        return Comparison(tuple(found.changes), tuple(told), failed=False)
    if before.status != "rdp" == after.status:
        told.append(_("the baseline has no facts of it: {how}", how=met.told(before)))
    failed = any(exact or change.direction == "worse" for change in found.changes)
    return Comparison(tuple(found.changes), tuple(told), failed)


def _compared(before: Result, after: Result) -> Comparing:
    found = _facts(before, after)
    if not (found.changes or found.undetermined) and _know_the_same(before, after):
        _diagnoses(found)
    found.changes.sort(key=_place)
    return found


def _know_the_same(before: Result, after: Result) -> bool:
    """Whether a diagnosis of one cannot be of something that the other was not asked."""
    both = (before, after)
    names = [each.target.server_name or each.target.host for each in both]
    asked = [(each.depth, each.asked, each.capture is None, bool(each.limited)) for each in both]
    return (
        names[0] == names[1]
        and asked[0] == asked[1]
        and not is_same(before, after)
        and not _facts(after, before).undetermined
    )


def _facts(before: Result, after: Result) -> Comparing:
    found = Comparing(before, after)
    if is_same(before, after):
        return found
    met.reachability(found)
    if before.status == after.status == "rdp":
        for part in _PARTS:
            part(found)
    elif before.status == after.status:
        met.address(found)
    return found


def _place(change: Change) -> tuple[bool, int, int]:
    return change.direction != "worse", _KINDS.index(change.kind), _DIRECTIONS.index(change.direction)


def _diagnoses(found: Comparing) -> None:
    """What the facts above do not have, this release's diagnoses may."""
    old, new = ({each.code for each in diagnose(result)} - {*_OF_TIME} for result in (found.before, found.after))
    what = _("diagnoses")
    found.come("diagnoses", "other", what, sorted(new - old), direction="worse")
    found.gone("diagnoses", "other", what, sorted(old - new), direction="better")


def needs_of_baseline(before: Result) -> Needs:
    """What must be asked for a result that knows all that this one does."""
    protocols = before.negotiation.protocols if before.negotiation is not None else {}
    versions = before.tls.versions if before.tls is not None else {}
    whole = {before.depth} if before.asked is None else {"standard", "full"}.intersection(before.asked)
    return Needs(
        protocols=frozenset(name for name, verdict in protocols.items() if verdict.state != "unknown"),
        versions=frozenset(name for name, verdict in versions.items() if verdict.state != "unknown"),
        certificates=bool(before.certificates),
        credssp=before.credssp is not None,
        encryption=before.standard_rdp is not None and (before.asked is None or "standard_rdp" in before.asked),
        direct_tls=before.negotiation is not None and before.negotiation.direct_tls.state != "unknown",
        intolerance=bool(before.asked and "tls.intolerance" in before.asked),
        trials=_trials(before),
        again=True,
        standard=bool(whole & {"standard", "full"}),
        full="full" in whole,
        udp=before.udp is not None,
        gateway=before.gateway is not None,
        licensing=before.licensing_asked,
        clients=frozenset(each.client for each in before.simulated),
    )


def _trials(before: Result) -> frozenset[Trial]:
    """The same again, as far as it went in any version: to the refusal where it went so far."""
    enough: dict[tuple[TrialKind, tuple[int, ...]], int] = {}
    for each in before.tls.trials if before.tls is not None else []:
        trial = (each.kind, tuple(sorted(int(code, 16) for code in each.offered)))
        number = len(each.selected) + (each.state == "rejected")
        enough[trial] = max(enough.get(trial, 1), number)
    return frozenset(Trial(kind, codes, enough=number, each=number) for (kind, codes), number in enough.items())
