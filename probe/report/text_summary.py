"""What a scan found, in a table: what people scan for, how many there are, and the command that lists them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Protocol

from rich.cells import cell_len  # noqa: TID253  this module is itself imported only where text is shown
from rich.console import Console  # noqa: TID253

from probe.language import N_, _
from probe.report.duration import duration
from probe.report.page import Page
from probe.report.wrapping import pad

_ROWS = (
    ("rdp", N_("RDP found")),
    ("nla_required", N_("NLA required")),
    ("nla_offered", N_("NLA offered")),
    ("nla_missing", N_("NLA missing")),
    ("nla_unknown", N_("NLA not settled")),
    ("standard_rdp", N_("Standard RDP Security reachable")),
    ("tls_legacy", N_("TLS 1.1 or older accepted")),
    ("credssp_outdated", N_("CredSSP outdated")),
    ("blocker", N_("No client can connect")),
    ("cert_expired", N_("Certificate expired")),
    ("cert_expires_soon", N_("Certificate expires in under 30 days")),
    ("cert_shared", N_("Certificate shared with other hosts")),
    ("unusual", N_("Unusual: intermittent, inconsistent")),
    ("lost", N_("Stopped answering when asked")),
    ("not_rdp", N_("Not RDP")),
    ("silent", N_("Silent")),
    ("closed", N_("Closed without an answer")),
    ("refused", N_("Refused")),
    ("filtered", N_("No answer at all")),
    ("unreachable", N_("Unreachable")),
    ("dns_error", N_("Name without an address")),
    ("internal_error", N_("Failed by a fault of this program")),
)
_ALWAYS = ("rdp",)
_OF_RDP = _ROWS[1:9]  # stand below it
_DIM = ("silent", "closed", "refused", "filtered", "unreachable", "dns_error")  # nobody scans for these
_GAP = "   "


class Counted(Protocol):
    """What a scan has counted, such as `probe.scan.tally.Tally`."""

    targets: int
    results: int
    connections: int

    def count(self, tag: str) -> int:
        """How many results have a tag."""
        ...

    def is_least(self, tag: str) -> bool:
        """Whether there may be more of them."""
        ...


def summary(
    counted: Counted,
    console: Console,
    *,
    seconds: float,
    earlier: int = 0,
    file: str | None = None,
    finished: bool = True,
) -> None:
    """Print it. `earlier`: targets of these that runs before this one did; `seconds`: how long this run took.

    `file` has the results and is named in commands; None: there is no file, and no command.
    """
    page = Page(console)
    page.blank()
    page.paragraph(_headline(counted, finished))
    page.paragraph(_effort(counted, seconds, earlier))
    page.blank()
    rows = [(tag, *row) for tag, *row in _rows(counted)]
    if not rows:
        return
    labels, numbers = max(cell_len(row[1]) for row in rows), max(cell_len(row[2]) for row in rows)
    commands = {tag: "" if file is None else _command(tag, file) for tag, _label, _number in rows}
    used = labels + numbers + 2 * len(_GAP)
    is_short = any(used + cell_len(command) > page.width for command in commands.values()) and page.breaks
    for tag, label, number in rows:
        beside = tag if is_short else commands[tag]
        style = "dim" if tag in _DIM else ""
        page.line((f"{pad(label, labels)}{_GAP}{number:>{numbers}}", style), (f"{_GAP}{beside}", "dim"))
    if is_short and file is not None:
        page.blank()
        page.paragraph(_("The hosts of a row: {command}", command=_command(_("TAG"), file)))


def _headline(counted: Counted, finished: bool) -> str:
    targets = f"{counted.targets:,}"
    if not finished:
        return _("Interrupted. So far, targets scanned: {targets}", targets=targets)
    return _("Finished. Targets scanned: {targets}", targets=targets)


def _effort(counted: Counted, seconds: float, earlier: int) -> str:
    """How long it took and what it cost; the rate is that of this run alone."""
    now = counted.targets - earlier
    rate = f"{now / seconds:,.0f}" if seconds > 0 else "-"
    connections = f"{counted.connections:,}"
    if earlier:
        return _(
            "{now} of them in this run of {time}, {rate}/s · {connections} connections in all",
            now=f"{now:,}",
            time=duration(seconds),
            rate=rate,
            connections=connections,
        )
    return _("{time}, {rate}/s · {connections} connections", time=duration(seconds), rate=rate, connections=connections)


def _rows(counted: Counted) -> Iterator[tuple[str, str, str]]:
    """Tag, label and number of each row that says something."""
    for tag, label in _ROWS:
        count = counted.count(tag)
        if count or tag in _ALWAYS:
            number = f"{count:,}"
            said = _("at least {number}", number=number) if counted.is_least(tag) else number
            yield tag, f"{'  ' if (tag, label) in _OF_RDP else ''}{_(label)}", said


def _command(tag: str, file: str) -> str:
    return f"rdp-probe export --only {tag} {shlex.quote(file)}"
