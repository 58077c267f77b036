"""A captured connection for a person: what it says, what to do, what either side told, and what cannot be seen.

It is about one connection: no list of other clients, and nothing about what was not asked on it. Numbers of frames are
Wireshark's, so that everything can be looked up there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from rich.console import Console  # noqa: TID253  this module is itself imported only where text is shown

from probe.diagnosis.stored import stored
from probe.language import N_, _
from probe.report.escape import terminal
from probe.report.page import Page
from probe.report.sentences import listed, worst
from probe.report.sentences_capture import alert_words, said_of, seconds
from probe.report.text import about_codes, causes, diagnoses, kind_of, remedies
from probe.report.text_attempts import attempts
from probe.report.text_course import course, frames, server_alert
from probe.report.text_facts import LABEL, labeled
from probe.result import Capture, CapturedCredSsp, CapturedHello, ClientSide, Diagnosis, NegotiationAttempt, Result

_LONGEST = 100
_MOST_CODES = 4
_MOST_KINDS = 8
_CLIENT = 19  # cells of an address and a port, mostly
_MOST_CONNECTIONS = 20  # of a server, without -v
# What a code of RDP_NEG_FAILURE says of this connection, though it may be as it should be.
_TURNED_AWAY = {
    "NLA_REQUIRED",
    "TLS_REQUIRED",
    "STANDARD_RDP_ONLY",
    "TLS_CERTIFICATE_MISSING",
    "INCONSISTENT_FLAGS",
    "USER_AUTH_REQUIRED",
}
_SIDES = {"client": N_("client"), "server": N_("server")}


def connection_line(result: Result) -> str:
    """One line: which connection, the verdict, and the codes of what is not merely information."""
    capture = _capture(result)
    said = deciding(result)
    first = [said.code] if said is not None else []
    codes = dict.fromkeys([*first, *(found.code for found in result.diagnoses if found.severity != "info")])
    return "  ".join(
        (
            *_who(capture),
            said_of(result),
            *(terminal(code, 60) for code in list(codes)[:_MOST_CODES]),
        )
    )


def render_connection(result: Result, console: Console, verbosity: int = 0) -> None:
    """Print the report of one result that has `capture`."""
    page, capture = Page(console), _capture(result)
    _headline(result, capture, page)
    page.blank()
    said = deciding(result)
    _verdict(result, page, said)
    diagnoses(result, page, verbosity, said)
    causes([said] if said is not None else [], page)
    remedies(result, page, verbosity, said)
    rows = [*_rows(result, capture, verbosity)]
    if rows:
        page.blank()
    for label, words in rows:
        page.paragraph(words, first=[(label, "bold")], indent=LABEL)
    _unknown(capture, page)
    if verbosity:
        attempts(result, page, steps=verbosity > 1)
    _more(result, page, verbosity)


def connections(results: Iterable[Result], count: int, console: Console, verbosity: int = 0) -> None:
    """The connections that one report of a server is made of, each in a line; `count` of them."""
    page = Page(console)
    page.title(_("Connections"))
    for result in results if verbosity else islice(results, _MOST_CONNECTIONS):
        capture = _capture(result)
        where = f"{capture.stream:>4}  {terminal(capture.client, 60):<{_CLIENT}}"
        page.paragraph(said_of(result), first=[(f"{where}  ", "")], indent=len(where) + 2)
    if not verbosity and count > _MOST_CONNECTIONS:
        page.paragraph(_("and {count} more; -v lists them", count=count - _MOST_CONNECTIONS), indent=8)


def nothing_chosen(file: str, streams: Iterable[int]) -> str:
    """That none of the connections that were asked for can be told."""
    numbers = listed(str(number) for number in sorted(streams))
    return _(
        "{file}: no RDP in stream {numbers}; rdp-probe replay -q lists what there is.",
        file=terminal(file, _LONGEST),
        numbers=numbers,
    )


def nothing_found(file: str, count: int, spoken: dict[tuple[str, int], int]) -> str:
    """That no RDP is in a capture, and what is: how many connections of each service, and to which port."""
    name = terminal(file, _LONGEST)
    if not count:
        return _("{file}: no RDP in it, and no TCP connection.", file=name)
    kinds = sorted(spoken.items(), key=lambda kind: (-kind[1], kind[0]))
    shown = [f"{number} {_kind(service, port)}" for (service, port), number in kinds[:_MOST_KINDS]]
    what = listed([*shown, *(["…"] if len(kinds) > _MOST_KINDS else [])])
    if count == 1:
        return _("{file}: 1 TCP connection, and it is not RDP: {what}.", file=name, what=what)
    return _("{file}: {count} TCP connections, none of them RDP: {what}.", file=name, count=count, what=what)


def _kind(service: str, port: int) -> str:
    if service == "silent":
        return _("without a byte on {port}", port=port)
    what = _("of something else") if service == "unknown" else service.upper()
    return _("{what} on {port}", what=what, port=port)


def deciding(result: Result) -> Diagnosis | None:
    """The diagnosis that says why this connection failed; None where it did not, as far as the capture shows."""
    if _capture(result).reached in ("inside", "settings"):
        return next((each for each in result.diagnoses if each.severity == "blocker"), None)
    found = {each.code: each for each in reversed(result.diagnoses)}
    ended = worst(result) or found.get("CLIENT_LEFT_AFTER_CERTIFICATE") or found.get("TCP_TIMEOUT")
    ended = ended or next((each for each in result.diagnoses if each.severity == "breaks_some"), None)
    if ended is not None or result.negotiation is None:
        return ended
    is_turned_away = any(
        attempt.failure is not None or (attempt.selected == "RDP" and set(attempt.requested) - {"RDP"})
        for attempt in result.negotiation.attempts
    )
    return next((each for each in result.diagnoses if is_turned_away and each.code in _TURNED_AWAY), None)


def _capture(result: Result) -> Capture:
    if result.capture is None:
        raise ValueError("a result of a capture has `capture`")
    return result.capture


def _who(capture: Capture) -> list[str]:
    stream = _("UDP stream {number}") if capture.transport == "udp" else _("stream {number}")
    return [
        terminal(capture.file, _LONGEST),
        stream.format(number=capture.stream),
        f"{terminal(capture.client, 60)} → {terminal(capture.server, 60)}",
    ]


def _headline(result: Result, capture: Capture, page: Page) -> None:
    file, stream, ends = _who(capture)
    time = _("{date} UTC", date=result.started[:19].replace("T", " "))
    right = f"{time}  {seconds(result.elapsed_ms)}"
    if page.fits(f"{file}  {stream}   {ends}", right):
        page.line((file, "bold"), (f"  {stream}   {ends}", ""), right=right)
    else:
        page.line((file, "bold"), (f"  {stream}", ""))
        page.line((ends, ""), right=right) if page.fits(ends, right) else page.paragraph(f"{ends}  {right}")


def _verdict(result: Result, page: Page, said: Diagnosis | None) -> None:
    code, sentence = said.code if said is not None else "", said_of(result)
    if page.fits(sentence, code):
        page.line((sentence, "bold"), right=code)
    else:
        page.paragraph(sentence, style="bold")
        if code:
            page.line(right=code)
    if steps := course(result):
        page.blank()
        page.path(steps, indent=2)


def _rows(result: Result, capture: Capture, verbosity: int) -> Iterator[tuple[str, str]]:
    side = capture.client_side
    if side is not None:
        for label, parts in (
            (_("Client"), _client(side)),
            (_("Asked for"), _asked(side)),
            (_("Desktop"), _desktop(side)),
            ("ClientHello", _hello(side.hello) if side.hello is not None else ()),
            (_("Login"), _login(side.credssp) if side.credssp is not None else ()),
        ):
            if words := " · ".join(parts):
                yield label, words
    if words := " · ".join(_answered(result)):
        yield _("Answered"), words
    if kind := kind_of(result):
        yield _("Server"), kind
    yield from labeled(result, verbosity)
    yield from _frames(capture, verbosity)


def _client(side: ClientSide) -> Iterator[str]:
    if side.client_name is not None:
        yield terminal(side.client_name, _LONGEST) or _("an empty name")
    if side.client is not None:
        yield terminal(side.client.replace(" or ", _(" or ")), _LONGEST)
    if side.client_build is not None:
        yield _("build {number}", number=side.client_build)
    if side.rdp_version is not None:
        yield f"RDP {terminal(side.rdp_version, 40)}"
    if side.dig_product_id:
        yield _("product id {id}", id=terminal(side.dig_product_id, _LONGEST))


def _asked(side: ClientSide) -> Iterator[str]:
    if side.requested:
        yield listed(terminal(name, 40) for name in side.requested)
    elif side.requested is not None:
        yield _("no negotiation")
    if side.request_flags:
        yield listed(terminal(name, 60) for name in side.request_flags)
    if side.cookie is not None:
        yield _("cookie {text}", text=terminal(side.cookie, _LONGEST))
    if side.routing_token is not None:
        yield _("routing token {text}", text=terminal(side.routing_token, _LONGEST))
    if side.preconnection_blob is not None:
        yield _("preconnection blob {text}", text=terminal(side.preconnection_blob, _LONGEST))
    if side.encryption_methods:
        yield _("encryption {methods}", methods=listed(terminal(name, 20) for name in side.encryption_methods))


def _desktop(side: ClientSide) -> Iterator[str]:
    if side.desktop is not None:
        yield " × ".join(str(pixels) for pixels in side.desktop)  # noqa: RUF001  as sizes are written
    if side.color_depth is not None:
        yield _("{count} bits a pixel", count=side.color_depth)
    if side.keyboard_layout is not None:
        yield _("keyboard {layout}", layout=terminal(side.keyboard_layout, 40))
    if side.channels:
        yield _("channels {names}", names=listed(terminal(name, 20) for name in side.channels))


def _hello(hello: CapturedHello) -> Iterator[str]:
    versions = [name.replace("TLSv", "TLS ") for name in (hello.versions or [hello.version])]
    yield listed(terminal(name, 20) for name in versions)
    count = len(hello.cipher_suites)
    yield _("1 cipher suite") if count == 1 else _("{count} cipher suites", count=count)
    if hello.server_name is not None:
        yield _("for {name}", name=terminal(hello.server_name, _LONGEST))
    if hello.ja3 is not None:
        yield f"JA3 {terminal(hello.ja3, 60)}"
    if hello.ja4 is not None:
        yield f"JA4 {terminal(hello.ja4, 60)}"


def _login(credssp: CapturedCredSsp) -> Iterator[str]:
    if credssp.mechanism is not None:
        yield terminal(credssp.mechanism, 40)
    if credssp.version is not None:
        yield _("CredSSP version {number}", number=credssp.version)
    account = "\\".join(terminal(name, _LONGEST) for name in (credssp.domain, credssp.user) if name)
    if account:
        yield account
    for label, value in (
        (N_("from {name}"), credssp.workstation),
        (N_("realm {name}"), credssp.realm),
        (N_("service {name}"), credssp.service),
    ):
        if value:
            yield _(label, name=terminal(value, _LONGEST))


def _answered(result: Result) -> Iterator[str]:
    attempt: NegotiationAttempt | None = next(iter(result.negotiation.attempts), None) if result.negotiation else None
    if attempt is None:
        return
    if attempt.failure is not None:
        yield terminal(attempt.failure, 60)
    elif attempt.selected is not None:
        yield terminal(attempt.selected, 40)
    elif attempt.answer is not None:
        yield terminal(stored(attempt.answer), 60)
    if attempt.flags:
        yield _("flags {names}", names=listed(terminal(name, 60) for name in attempt.flags))
    if (alert := server_alert(result)) is not None:
        yield _("alert {alert}", alert=alert_words(alert))


def _frames(capture: Capture, verbosity: int) -> Iterator[tuple[str, str]]:
    if not verbosity:
        return
    label = _("Where")
    for message in capture.evidence:
        side = _(_SIDES[message.side])
        where = frames(message.packets) if message.packets else _("no frame")
        yield label, f"{where} · {side} · {terminal(stored(message.what), 200)}"
        label = ""


def _unknown(capture: Capture, page: Page) -> None:
    """What cannot be seen, each with its reason."""
    if capture.unknown:
        page.title(_("Not visible"))
    for words in capture.unknown:
        page.paragraph(terminal(stored(words)), indent=2)


def _more(result: Result, page: Page, verbosity: int) -> None:
    page.blank()
    about_codes(result, page)
    options = [f"-v {_('every frame')}", f"-vv {_('every message')}"][verbosity:]
    capture = _capture(result)
    if capture.encrypted_from is not None and not capture.decrypted:
        options.append(f"--keylog FILE {_('what is inside TLS')}")
    page.paragraph(_("More: {options}", options=" · ".join([*options, "--json"])), style="dim")
