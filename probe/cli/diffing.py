"""Two files of results, target by target: who has a partner in the other, and what is not as it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from probe.result import Result
from probe.result.common import Depth
from probe.result.verification import Change, Difference, VerifiedTarget
from probe.scan.kept import Kept, Key
from probe.verify.baseline import client_changes, compare
from probe.verify.baseline_negotiation import told


def differences(old: Kept, new: Kept, *, only_worse: bool = False) -> Iterator[Difference | None]:
    """Every target, in the order of the new file, then those that are gone; None for one that is as it was.

    A difference may have nothing but what is not known any more. `only_worse` leaves out who appeared or is gone.
    Raises InputError where a file is damaged.
    """
    moved: set[Key] = set()
    for key in new:
        after = new[key]
        partner = key if key in old else _at_another_address(after, old, new)
        if partner is not None:
            moved.add(partner)
            yield difference(old[partner], after, only_worse=only_worse)
        elif not only_worse:
            yield _alone(after, "appeared")
    for key in old:
        if not only_worse and key not in moved:
            yield _alone(old[key], "gone")


def _at_another_address(after: Result, old: Kept, new: Kept) -> Key | None:
    """The earlier result of a name whose address is another now, where it can be no other's."""
    gone = [key for key in old.addresses_of(after.target) if key not in new]
    come = [key for key in new.addresses_of(after.target) if key not in old]
    return gone[0] if len(gone) == len(come) == 1 else None


def difference(before: Result, after: Result, *, only_worse: bool = False) -> Difference | None:
    """What is not as it was of one target; None where nothing is."""
    compared = compare(before, after, exact=False)
    changes = [change for change in compared.changes if change.direction == "worse" or not only_worse]
    is_met = before.status == after.status  # else nothing of it is known now, which a change says
    undetermined = [] if only_worse or not is_met else [*compared.undetermined]
    if not changes and not undetermined:
        return None
    clients = client_changes(before, after)
    return Difference(
        target=VerifiedTarget.of(after.target),
        state="changed",
        before=before.started,
        after=after.started,
        before_depth=_depth(before),
        after_depth=_depth(after),
        changes=changes,
        clients=[each for each in clients if each.before and each.after is False] if only_worse else clients,
        undetermined=undetermined,
    )


def _depth(result: Result) -> Depth:
    """Also where only what somebody needed was asked: all of depth full may be that."""
    return "full" if "full" in (result.asked or ()) else result.depth


def _alone(result: Result, state: Literal["appeared", "gone"]) -> Difference:
    """A target that only one file has, with how it was met."""
    met = Change(kind="reachability", direction="changed", field="status", message=told(result))
    if state == "appeared":
        met.after = result.status
        return Difference(target=VerifiedTarget.of(result.target), state=state, after=result.started, changes=[met])
    met.before = result.status
    return Difference(target=VerifiedTarget.of(result.target), state=state, before=result.started, changes=[met])
