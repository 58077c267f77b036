"""What is demanded of targets: what must be asked for it, and whether a result meets it. Asks nothing itself."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from probe import __version__
from probe.needs import NOTHING, Needs
from probe.result import Result, Target
from probe.result.verification import RuleSeverity, Verification, VerifyVerdict, WhatIf
from probe.verify.policy import Policy
from probe.verify.verdict import needs_of, verify
from probe.verify.what_if import Setting, altered, parse, what_if

if TYPE_CHECKING:
    from probe.scan.kept import Kept

_STANDARD, _FULL = Needs(standard=True), Needs(full=True)
# Settings of --what-if that move clients to other suites and groups, which only depth full lists.
_OF_LISTS = ("tls", "suites", "groups")


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """Earlier results to compare with."""

    file: str
    results: Kept
    exact: bool = False  # nothing may have changed at all


@dataclass(frozen=True, kw_only=True)
class Demands:
    """What must hold for every target: policies, that nothing became worse, what a planned change would leave of it.

    Where there is none of them, a target passes that serves RDP.
    """

    today: dt.date  # for waivers and what is left of a certificate
    policies: tuple[Policy, ...] = ()
    baseline: Baseline | None = None
    what_if: str | None = None
    fail_on: RuleSeverity = "error"
    more: Needs = NOTHING  # to be asked besides
    lists: bool = True  # a planned change may ask for every suite and group that it is about

    @cached_property
    def planned(self) -> tuple[Setting, ...]:
        """The settings of the planned change. Raises InputError."""
        return parse(self.what_if) if self.what_if is not None else ()

    def check(self) -> None:
        """Raises InputError for a planned change that cannot be understood."""
        _ = self.planned

    def needs(self, target: Target, *, alone: bool = False) -> Needs:
        """What must be asked of a target for all of it. `alone`: it is the only address of its name."""
        needs = needs_of(self.policies, target) | self.more
        if self.what_if is not None:
            of_lists = self.lists and any(setting.key.startswith(_OF_LISTS) for setting in self.planned)
            needs |= _FULL if of_lists else _STANDARD
        if self.baseline is not None:
            from probe.verify.baseline import needs_of_baseline

            earlier = self.baseline.results.find(target, alone=alone)
            needs |= needs_of_baseline(earlier) if earlier is not None else _STANDARD
        return needs

    def verify(self, result: Result, *, tries: int = 1, alone: bool = False) -> Verification:
        """Judge a result, which has its diagnoses and clients. `tries` is how often its target was asked."""
        if self.what_if is None or result.status != "rdp":
            found = verify(self.policies, result, today=self.today, fail_on=self.fail_on)
        else:
            found = self._planned(result, self.what_if)
        found.tries, found.version = tries, __version__
        if self.baseline is not None:
            earlier = self.baseline.results.find(result.target, alone=alone)
            _compare(earlier, result, self.baseline, found)
        return found

    def _planned(self, result: Result, change: str) -> Verification:
        """The policies are held against what the server would be; who cannot connect is said of what it is."""
        planned = what_if(change, result)
        if self.policies:
            after, notes = altered(result, self.planned)
            found = verify(self.policies, after, today=self.today, fail_on=self.fail_on)
            _ask_no_more(found, verify(self.policies, result, today=self.today, fail_on=self.fail_on))
            planned.notes += [each for each in notes if each not in planned.notes]
            now = verify((), result, today=self.today)
            found.locked_out, found.locked_out_open = now.locked_out, now.locked_out_open
            found.blockers, found.is_full = now.blockers, now.is_full
        else:
            found = verify((), result, today=self.today)
            found.verdict = _verdict_of(planned)
        found.what_if = planned
        return found


def _compare(earlier: Result | None, result: Result, baseline: Baseline, found: Verification) -> None:
    """Add what is not as it was."""
    from probe.verify.baseline import compare

    found.baseline, found.exact = baseline.file, baseline.exact
    compared = compare(earlier, result, exact=baseline.exact)
    found.changes, found.undetermined = list(compared.changes), list(compared.undetermined)
    before = {client.client: client.connects for client in earlier.clients} if earlier is not None else {}
    for client in found.locked_out:
        client.before = before.get(client.client)
    verdict: VerifyVerdict = "failed" if compared.failed else "unknown" if found.undetermined else "passed"
    found.verdict = _worst(found.verdict, verdict)


def _ask_no_more(planned: Verification, now: Verification) -> None:
    """A rule that only the change leaves unknown is settled once it is made: no asking of today's server tells it."""
    settled = {(each.policy, each.rule) for each in now.rules if each.state != "unknown"}
    for outcome in planned.rules:
        if outcome.state == "unknown" and (outcome.policy, outcome.rule) in settled:
            outcome.fix = []


def _verdict_of(planned: WhatIf) -> VerifyVerdict:
    """Fails where somebody is cut off; unknown where somebody may be, or the facts tell nothing of anybody."""
    if any(client.before is True and client.after is False for client in planned.clients):
        return "failed"
    is_open = bool(planned.open) or all(client.after is None for client in planned.clients)
    return "unknown" if is_open else "passed"


def _worst(first: VerifyVerdict, second: VerifyVerdict) -> VerifyVerdict:
    """What fails counts for more than what is unknown."""
    order: tuple[VerifyVerdict, ...] = ("failed", "unknown", "passed")
    return min(first, second, key=order.index)
