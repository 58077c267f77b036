"""What --save keeps: all that was seen in a new file; in the baseline itself only what is no worse than it was."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Literal

from probe.language import N_, _
from probe.report.whole_file import Draft
from probe.result import Result, to_json
from probe.result.verification import Verification
from probe.scan.compressed import Packing

if TYPE_CHECKING:
    from probe.scan.kept import Kept, Key

_ENDING = ".zst"
_Why = Literal["unasked", "unreached", "worse", "changed", "unknown"]
# Why the baseline keeps what it had, in the order in which that is said.
_WHY: dict[_Why, str] = {
    "unasked": N_("not asked: {count}"),
    "unreached": N_("not reached: {count}"),
    "worse": N_("became worse: {count}"),
    "changed": N_("changed: {count}"),
    "unknown": N_("less is known now: {count}"),
}


class Saving:
    """A new file: every result in the order in which it came, also of what was not reached. To be discarded at the end.

    It is compressed where its name ends in .zst. Raises InputError for what cannot be written, at once.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self._draft = Draft(file)
        self._packing = Packing() if file.endswith(_ENDING) else None
        self._count = 0
        self._unreached = 0

    def discard(self) -> None:
        """What was not kept leaves no trace."""
        self._draft.discard()

    def take(self, verification: Verification, result: Result, *, alone: bool = False) -> None:
        """One result, and what came of it. `alone`: it is of the only address of its name."""
        del verification, alone  # it is what was seen, whatever that means
        self._count += 1
        self._unreached += result.status != "rdp"
        self._add(_line(result))

    def keep(self) -> None:
        """Put the file in its place, and say what it lacks."""
        if self._packing is not None:
            self._draft.add(self._packing.end())
        self._draft.keep()
        self._tell()

    def _add(self, line: bytes) -> None:
        self._draft.add(line if self._packing is None else self._packing.add(line))

    def _tell(self) -> None:
        """A baseline of a server that did not answer proves nothing later."""
        if self._unreached:
            _note(_("{file}: {count} of {all} results are of targets that were not reached",
                    file=_shown(self._file), count=self._unreached, all=self._count))  # fmt: skip


class Renewing(Saving):
    """The baseline itself: each of its lines stays, in its place, unless a result may take that place; others follow.

    A result may that was compared and found no worse, with `exact` no other, and no less known. So a server that is
    down, was not asked or lost something does not make tomorrow's comparison pass. In memory is a number for each.
    """

    def __init__(self, file: str, baseline: Kept) -> None:
        super().__init__(file)
        from probe.scan.kept import Spill

        self._baseline = baseline
        if baseline.is_compressed and self._packing is None:
            self._packing = Packing()
        self._results = Spill()
        self._places: dict[Key, int] = {}  # of results that take the place of an earlier one, or follow
        self._stays: dict[Key, _Why] = {}

    def discard(self) -> None:
        """What was not kept leaves no trace."""
        self._results.close()
        super().discard()

    def take(self, verification: Verification, result: Result, *, alone: bool = False) -> None:
        """One result, and what came of comparing it. Of several for one target the last counts."""
        key = self._baseline.match(result.target, alone=alone)
        why = _why_not(verification, result, self._baseline.get(key))
        self._places.pop(key, None)
        self._stays.pop(key, None)
        if why is None:
            self._places[key] = self._results.add(_line(result))
        else:
            self._stays[key] = why

    def keep(self) -> None:
        """Put the file in its place, and say what stays as it was."""
        for key in self._baseline:
            self._add(self._new(key) if key in self._places else self._baseline.line(key))
        for key in self._places:
            if key not in self._baseline:
                self._add(self._new(key))
        super().keep()

    def _new(self, key: Key) -> bytes:
        return self._results.read(self._places[key]) + b"\n"

    def _tell(self) -> None:
        stays = Counter(why for key, why in self._stays.items() if key in self._baseline)
        stays["unasked"] = len(self._baseline.keys() - self._stays.keys() - self._places.keys())
        reasons = _("; ").join(_(words, count=f"{stays[why]:,}") for why, words in _WHY.items() if stays[why])
        named = {"file": _shown(self._file), "count": f"{stays.total():,}", "reasons": reasons}
        if stays.total() > stays["unasked"]:
            _note(_("earlier results that {file} keeps: {count} ({reasons}); where there are newer ones, "
                    "use another file to save them anyway", **named))  # fmt: skip
        elif stays.total():
            _note(_("earlier results that {file} keeps: {count} ({reasons})", **named))
        if left_out := sum(key not in self._baseline for key in self._stays):
            _note(_("targets that were not reached and are not added to {file}: {count}",
                    file=_shown(self._file), count=f"{left_out:,}"))  # fmt: skip


def _why_not(verification: Verification, result: Result, earlier: Result | None) -> _Why | None:
    """Why a result does not take the place of the earlier one; None where it does, or there is none."""
    if result.status != "rdp":
        return "unreached"
    if earlier is None or earlier.status != "rdp":
        return None
    if any(change.direction == "worse" for change in verification.changes):
        return "worse"
    if verification.exact and verification.changes:
        return "changed"
    return "unknown" if verification.undetermined else None


def _line(result: Result) -> bytes:
    from probe.report.escape import json_line

    return f"{json_line(to_json(result))}\n".encode()


def _shown(file: str) -> str:
    from probe.report.escape import terminal

    return terminal(file)


def _note(words: str) -> None:
    print(_("note: {words}", words=words), file=sys.stderr)
