"""What a scan found, in a table: what people scan for, how many there are, and the command that lists them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
_CLIENT_ROWS = (
    ("client_connects", N_("{client} can connect")),
    ("client_fails", N_("{client} cannot connect")),
    ("client_unknown", N_("{client}: not settled")),
)
_ALWAYS = ("rdp", "client_connects", "client_fails")  # none is an answer too
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

    def seen(self) -> Iterable[str]:
        """Every tag that a result has."""
        ...


def summary(
    counted: Counted,
    console: Console,
    *,
    seconds: float,
    earlier: int = 0,
    file: str | None = None,
    where: str | None = None,
    finished: bool = True,
) -> None:
    """Print it. `earlier`: targets of these that runs before this one did; `seconds`: how long this run took.

    `file` has the results and is named in commands, as a shell takes it; None: there is no file, and no command.
    `where` is a sentence on results that no command reads.
    """
    page = Page(console)
    page.blank()
    page.paragraph(_headline(counted, finished))
    page.paragraph(_effort(counted, seconds, earlier))
    page.blank()
    _table(list(_rows(counted)), page, file)
    if where is not None:
        page.blank()
        page.paragraph(where)


def _table(rows: list[tuple[str, str, str]], page: Page, file: str | None) -> None:
    """Each row with its command beside it; where that is too wide, with its tag; where that is too, one by one."""
    labels, numbers = max(cell_len(row[1]) for row in rows), max(cell_len(row[2]) for row in rows)
    commands = {tag: "" if file is None else _command(tag, file) for tag, _label, _number in rows}
    used = labels + numbers + 2 * len(_GAP)
    is_short = page.breaks and any(used + cell_len(command) > page.width for command in commands.values())
    beside = {tag: tag if is_short and file is not None else commands[tag] for tag in commands}
    is_narrow = page.breaks and any(used + cell_len(words) > page.width for words in beside.values())
    for tag, label, number in rows:
        style = "dim" if tag in _DIM else ""
        if is_narrow:
            words = label.strip() if file is None else f"{label.strip()} ({tag})"
            page.paragraph(words, first=[(f"{number:>{numbers}}", style)], indent=numbers + 2, style=style)
        else:
            page.line((f"{pad(label, labels)}{_GAP}{number:>{numbers}}", style), (f"{_GAP}{beside[tag]}", "dim"))
    if is_short and file is not None:
        page.blank()
        page.command(_("The hosts of a row:"), _command(_("TAG"), file))


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
            "{now} of them in this run of {time}, {rate}/s · connections in all: {connections}",
            now=f"{now:,}",
            time=duration(seconds),
            rate=rate,
            connections=connections,
        )
    return _(
        "{time}, {rate}/s · connections: {connections}", time=duration(seconds), rate=rate, connections=connections
    )


def _rows(counted: Counted) -> Iterator[tuple[str, str, str]]:
    """Tag, label and number of each row that says something."""
    for tag, label in _ROWS:
        count = counted.count(tag)
        if count or tag in _ALWAYS:
            number = f"{count:,}"
            said = _("at least {number}", number=number) if counted.is_least(tag) else number
            yield tag, f"{'  ' if (tag, label) in _OF_RDP else ''}{_(label)}", said
        if tag == _OF_RDP[-1][0]:
            yield from _clients(counted)


def _clients(counted: Counted) -> Iterator[tuple[str, str, str]]:
    """The rows of clients that were simulated."""
    from probe.clients import CLIENTS

    asked = {tag.partition(":")[2] for tag in counted.seen()}
    for key in CLIENTS:
        for kind, label in _CLIENT_ROWS if key in asked else ():
            count = counted.count(f"{kind}:{key}")
            if count or kind in _ALWAYS:
                yield f"{kind}:{key}", f"  {_(label, client=CLIENTS[key].name)}", f"{count:,}"


def _command(tag: str, file: str) -> str:
    return f"rdp-probe export --only {tag} {file}"
