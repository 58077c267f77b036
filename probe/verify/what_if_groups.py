"""What a server would serve of TLS with other groups for key exchange. Pure; see `what_if_tls`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from probe.language import _
from probe.result import Registered, Result, Tls
from probe.verify import selectors
from probe.verify.what_if_tls import NEWEST_FIRST, end, is_left, keep_suites, leave, needs_group, section_of, serves

_NOT_SERVED = "groups that are not served today"  # in `unsettled`: a group of a client may be among them

Keep = Callable[[Registered], bool]


def set_groups(result: Result, chosen: Sequence[str], notes: list[str]) -> None:
    """Of the groups that are served only those that these select."""
    codes = _codes(chosen)
    tls = section_of(result, notes)
    if tls is None:
        return
    seen = {group.code.lower() for group in _seen(tls)}
    for selector in chosen:
        if seen.isdisjoint(_codes([selector])):
            notes.append(_("no group that {selector} selects was seen today", selector=selector))
            leave(tls, f"{_NOT_SERVED}: {selector}")
    _keep(tls, lambda group: group.code.lower() in codes, notes)


def drop_groups(result: Result, chosen: Sequence[str], notes: list[str]) -> None:
    """The groups that are served without those that these select."""
    codes = _codes(chosen)
    if (tls := section_of(result, notes)) is not None:
        _keep(tls, lambda group: group.code.lower() not in codes, notes)


def _codes(chosen: Iterable[str]) -> frozenset[str]:
    return frozenset(f"0x{code:04x}" for code in selectors.all_of("groups", chosen))


def _seen(tls: Tls) -> Iterable[Registered]:
    yield from tls.groups
    yield from (answer.group for answer in tls.answered.values() if answer.group is not None)
    yield from (group for trial in tls.trials if trial.kind == "groups" for group in trial.selected)


def _keep(tls: Tls, keep: Keep, notes: list[str]) -> None:
    """Take away the groups that are not to be kept. Suites that need one are gone with the last of them."""
    for version in NEWEST_FIRST:
        if serves(tls, version):
            _keep_in(tls, version, keep, notes)
    tls.groups = [group for group in tls.groups if group.versions]
    for trial in tls.trials:
        if trial.kind == "groups" and not all(map(keep, trial.selected)):
            trial.selected = [group for group in trial.selected if keep(group)]
            trial.state = trial.state if trial.selected else "rejected"


def _keep_in(tls: Tls, version: str, keep: Keep, notes: list[str]) -> None:
    listed: list[Registered] = [group for group in tls.groups if version in group.versions]
    left = [group for group in listed or _tried(tls, version) if keep(group)]
    for group in tls.groups:
        if not keep(group):
            group.versions = [each for each in group.versions if each != version]
    used = _in_use(tls, version)
    if left:
        _use(tls, version, left[0], keep)
    elif listed and not is_left(tls, version, "group"):
        _without_groups(tls, version, notes)
    elif used is not None and not keep(used):
        words = _("which other groups {version} has is not known today: --depth full", version=version)
        end(tls, version, notes, words)


def _tried(tls: Tls, version: str) -> list[Registered]:
    of_version = [trial for trial in tls.trials if trial.kind == "groups" and trial.version == version]
    return [group for trial in of_version for group in trial.selected]


def _in_use(tls: Tls, version: str) -> Registered | None:
    answer, made = tls.answered.get(version), tls.handshake
    if answer is not None:
        return answer.group
    return made.group if made is not None and made.version == version else None


def _use(tls: Tls, version: str, group: Registered, keep: Keep) -> None:
    """The next group that was seen, in place of one that is gone."""
    shown = Registered(code=group.code, name=group.name)
    answer, made = tls.answered.get(version), tls.handshake
    if answer is not None and answer.group is not None and not keep(answer.group):
        answer.group = shown
    if made is not None and made.version == version and made.group is not None and not keep(made.group):
        made.group = shown


def _without_groups(tls: Tls, version: str, notes: list[str]) -> None:
    def keep(each: str, suite: Registered) -> bool:
        return each != version or not needs_group(suite.name)

    keep_suites(tls, keep, notes)
