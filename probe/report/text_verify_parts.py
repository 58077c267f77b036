"""What a verification says of clients, of changes since a baseline, and of what cannot be seen from outside."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Sequence

from rich.cells import cell_len  # noqa: TID253  this module is itself imported only where text is shown

from probe.clients import CLIENTS
from probe.language import N_, _
from probe.report.escape import terminal
from probe.report.page import Page
from probe.report.sentences import listed
from probe.report.verified import fate
from probe.report.wrapping import pad
from probe.result.verification import Change, ChangeKind, ClientChange, Direction, Verification

LONGEST = 600
LONGEST_FIX = 4000  # it may have a list of suites that is to be copied
LONGEST_NAME = 100
KINDS: dict[ChangeKind, str] = {
    "reachability": N_("reachability"),
    "security": N_("security"),
    "clients": N_("clients"),
    "certificate": N_("certificate"),
    "versions": N_("versions"),
    "suites": N_("suites"),
    "names": N_("names"),
    "build": N_("build"),
    "other": N_("other"),
}
DIRECTIONS: dict[Direction, str] = {"worse": N_("worse"), "better": N_("better"), "changed": N_("changed")}
DIRECTION_STYLES: dict[Direction, str] = {"worse": "bold red", "better": "green", "changed": ""}
_MOST_UNKNOWN_REASONS = 3
_BETWEEN = " ,;、，；"  # noqa: RUF001  where a text that is too long may end, in Chinese too
_PARTS = re.compile("[^,，、]*[,，、] *|[^,，、]+$")  # noqa: RUF001  the same
_SENTENCE_ENDS = (".", "!", "?", "…", "。", "！", "？")  # noqa: RUF001  what Chinese sentences end in


def sentence(words: str) -> str:
    """With a capital letter and a full stop."""
    shown = terminal(words, LONGEST)
    shown = shown[:1].upper() + shown[1:]
    return shown if shown.endswith(_SENTENCE_ENDS) else _("{sentence}.", sentence=shown)


def whole(text: str, longest: int = LONGEST) -> str:
    """Text in one line; what is too long ends behind a word."""
    if len(text) <= longest:
        return terminal(text, longest)
    head = text[:longest]
    at = max(map(head.rfind, _BETWEEN))
    return f"{terminal(head[:at].rstrip(_BETWEEN) if at > 0 else head, longest)} …"


def breakable(text: str) -> list[str]:
    """A text in parts, between which a line may end: behind its commas."""
    return _PARTS.findall(text)


def flow(groups: Sequence[Sequence[str]], page: Page, *, indent: int = 0, style: str = "") -> None:
    """Parts that stay whole, as many on a line as there is room for; more space between groups."""
    line = ""
    for group in groups:
        for number, words in enumerate(group):
            longer = f"{line}{'' if number else '   '}{words}" if line else words
            if line and cell_len(longer.rstrip()) + indent > page.width:
                page.paragraph(line.rstrip(), indent=indent, style=style)
                longer = words
            line = longer
    page.paragraph(line.rstrip(), indent=indent, style=style)


def blocked(verification: Verification, page: Page) -> None:
    """Why nobody gets in, each with its code."""
    for number, each in enumerate(verification.blockers):
        if not number:
            page.blank()
        page.entry(("", ""), sentence(each.summary), terminal(each.code, LONGEST_NAME), indent=2)


def cut_off(verification: Verification, page: Page, verbosity: int) -> None:
    """Who loses access by what mends a rule, and how many may. Rules that cost the same are said together."""
    groups: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for outcome in verification.rules:
        if outcome.state == "failed" and (outcome.cut_off or outcome.cut_off_open):
            open_now = tuple(terminal(name, LONGEST_NAME) for name in outcome.cut_off_open)
            groups.setdefault((_names(outcome.cut_off), open_now), []).append(terminal(outcome.rule, LONGEST_NAME))
    if groups:
        page.blank()
    for (names, open_now), rules in groups.items():
        what = {"rules": listed(dict.fromkeys(rules)), "clients": _("; ").join(names)}
        if not names:
            count = len(open_now)
            one = N_("If you fix {rules}: whether 1 client loses access cannot be told")
            several = N_("If you fix {rules}: whether {count} clients lose access cannot be told")
            words = _(one if count == 1 else several, rules=what["rules"], count=count)
            _open(words, open_now, verification, page, verbosity=verbosity)
            continue
        if len(names) == 1:
            words = _("If you fix {rules}: {clients} loses access (it has it now).", **what)
        else:
            words = _("If you fix {rules}: {clients} lose access (they have it now).", **what)
        page.paragraph(words)
        if open_now:
            one, several = N_("1 other cannot be told"), N_("{count} others cannot be told")
            words = _(one if len(open_now) == 1 else several, count=len(open_now))
            _open(words, open_now, verification, page, verbosity=verbosity, indent=2)


def _open(
    words: str, names: Sequence[str], verification: Verification, page: Page, *, verbosity: int, indent: int = 0
) -> None:
    """Of how many clients something cannot be told, what would tell, and with -v their names."""
    words = words if verification.is_full else _("{words}: --depth full", words=words)
    page.paragraph(words, indent=indent)
    if verbosity:
        page.paragraph(_("; ").join(names), indent=indent + 2)


def what_if(verification: Verification, page: Page, verbosity: int) -> None:
    """What a planned change would do to clients: who is cut off, who gains, what cannot be told."""
    found = verification.what_if
    if found is None:
        return
    page.blank()
    title = _("After {change}", change=terminal(found.change, LONGEST))
    flow([breakable(title) if page.breaks else [title]], page, style="bold")
    for words in found.notes:
        page.paragraph(_("note: {words}", words=whole(words)), indent=2)
    fates = [(fate(client), client) for client in found.clients]
    lost, gained, open_now = (
        [client for each, client in fates if each == wanted] for wanted in ("cut off", "gains", "open")
    )
    same = len(fates) - len(lost) - len(gained) - len(open_now)
    for client in lost:
        _client((_("cut off"), "bold red"), client, page)
    for client in gained:
        _client((_("gains"), "green"), client, page)
    if not lost and fates and len(open_now) < len(fates):
        page.paragraph(_("No client that is known to connect now is cut off."), indent=2)
    if same:
        others = N_("For 1 other nothing changes.") if same == 1 else N_("For {count} others nothing changes.")
        page.paragraph(_(others, count=same), indent=2)
    if open_now:
        _undecided(open_now, page, verbosity)


def _undecided(clients: Sequence[ClientChange], page: Page, verbosity: int) -> None:
    """How many, and for want of what; who they are with -v."""
    reasons = Counter(terminal(client.because or "", LONGEST) for client in clients)
    said = [words for words, _count in reasons.most_common(None if verbosity else _MOST_UNKNOWN_REASONS) if words]
    words = _("{count} cannot be told: {reasons}", count=len(clients), reasons=_("; ").join(said) or _("not asked"))
    page.paragraph(words, indent=2)
    if verbosity:
        page.paragraph(_("; ").join(_names(clients)), indent=4)


def _client(state: tuple[str, str], client: ClientChange, page: Page) -> None:
    words, style = state
    first = f"  {pad(words, 10)}"
    indent = cell_len(first)
    page.paragraph(terminal(client.client, LONGEST_NAME), indent=indent, first=[(first, style)])
    if client.because is not None:
        page.paragraph(terminal(client.because, LONGEST), indent=indent)
    if client.user_sees is not None and client.after is False:
        page.paragraph(_('They see: "{words}"', words=terminal(client.user_sees, LONGEST)), indent=indent)
    if client.hint is not None and client.after is False:
        page.paragraph(_("What helps: {hint}.", hint=terminal(client.hint, LONGEST).rstrip(".")), indent=indent)


def locked_out(verification: Verification, page: Page, verbosity: int) -> None:
    """Who cannot connect now: those first who could before. -v says what they see and what helps."""
    newly = [client for client in verification.locked_out if client.before]
    others = [client for client in verification.locked_out if not client.before]
    open_now = [terminal(name, LONGEST_NAME) for name in verification.locked_out_open]
    if not verification.locked_out and not open_now:
        return
    page.blank()
    if len(verification.locked_out) == len(CLIENTS) and not verbosity:
        _nobody(len(newly), page)
        return
    for clients, words in ((newly, N_("Lost access since: {clients}")), (others, N_("Locked out now: {clients}"))):
        if clients and not verbosity:
            page.paragraph(_(words, clients=_("; ").join(_names(clients))))
        elif clients:
            page.line((_(words, clients="").rstrip(), "bold"))
            for client in clients:
                _client(("", ""), client, page)
    if open_now:
        one = N_("Whether 1 client can connect cannot be told")
        several = N_("Whether {count} clients can connect cannot be told")
        words = _(one if len(open_now) == 1 else several, count=len(open_now))
        _open(words, open_now, verification, page, verbosity=verbosity)


def _nobody(newly: int, page: Page) -> None:
    """A list of all that there are tells no more than that."""
    words = _("None of the {count} known clients can connect.", count=len(CLIENTS))
    before = _("1 of them could before.") if newly == 1 else _("{count} of them could before.", count=newly)
    page.paragraph(_("{sentence} {more}", sentence=words, more=before) if newly else words)


def _names(clients: Sequence[ClientChange]) -> tuple[str, ...]:
    return tuple(terminal(client.client, LONGEST_NAME) for client in clients)


def changes(verification: Verification, page: Page) -> None:
    """What is not as it was, in the order that matters, and what could not be compared."""
    if verification.baseline is None or not (verification.changes or verification.undetermined):
        return
    page.title(_("Since {file}", file=terminal(verification.baseline, LONGEST)))
    if verification.changes:
        rows(verification.changes, page)
    width = max(cell_len(_(words)) for words in (*DIRECTIONS.values(), "unknown")) + 2
    for words in verification.undetermined:
        first = f"  {pad(_('unknown'), width)}"
        page.paragraph(terminal(words, LONGEST), indent=cell_len(first), first=[(first, "yellow")])


def rows(found: Sequence[Change], page: Page) -> None:
    """A line for each change: how it went, of what kind it is, and a sentence."""
    states = max(cell_len(_(DIRECTIONS[change.direction])) for change in found) + 2
    kinds = max(cell_len(_(KINDS[change.kind])) for change in found) + 2
    for change in found:
        state, kind = pad(_(DIRECTIONS[change.direction]), states), pad(_(KINDS[change.kind]), kinds)
        first = [(f"  {state}", DIRECTION_STYLES[change.direction]), (kind, "")]
        page.paragraph(terminal(change.message, LONGEST), indent=2 + states + kinds, first=first)


def unseen(verification: Verification, page: Page, verbosity: int) -> None:
    """How much of a policy nothing on the wire shows. It is never passed, and said every time."""
    if not verification.not_checkable:
        return
    page.blank()
    counts = Counter(each.policy for each in verification.not_checkable)
    for name, count in counts.items():
        shown = terminal(name, LONGEST_NAME)
        words = (
            _("1 demand of {policy} cannot be seen from outside and is not judged:", policy=shown)
            if count == 1
            else _(
                "{count} demands of {policy} cannot be seen from outside and are not judged:", count=count, policy=shown
            )
        )
        page.command(words, f"rdp-probe policy show {shlex.quote(_shown_by(verification, name))}")
    if verbosity:
        for each in verification.not_checkable:
            where = f" ({terminal(each.source, LONGEST_NAME)})" if each.source is not None else ""
            words = _("{item}: {why}", item=terminal(each.item, LONGEST), why=terminal(each.why, LONGEST))
            page.paragraph(f"{words}{where}", indent=4, first=[("  - ", "")])


def _shown_by(verification: Verification, name: str) -> str:
    """What `policy show` is to be given: the file of a policy that is not built in."""
    found = next((policy for policy in verification.policies if policy.name == name), None)
    return terminal(found.file if found is not None and found.file is not None else name, LONGEST_NAME)
