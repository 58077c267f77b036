"""The section on clients: who fails stands in groups, who is unknown is counted, and -v shows all."""

from __future__ import annotations

import io

from rich.console import Console

from probe.report.page import Page
from probe.report.text_clients import clients
from probe.result import Client
from tests.diagnosis.results import captured, result


def shown(*known: Client, verbosity: int = 0, is_captured: bool = False) -> str:
    described = captured(result()) if is_captured else result()
    described.clients = list(known)
    stream = io.StringIO()
    clients(described, Page(Console(file=stream, width=80)), verbosity)
    return stream.getvalue()


def failing(name: str, *, hint: str = "update it", sees: str | None = "It failed.") -> Client:
    return Client(
        client=name,
        connects=False,
        fails_at="tls",
        diagnosis="TLS_MODERN_ONLY",
        hint=hint,
        user_sees=sees,
        because="old",
    )


CONNECTING = Client(client="new", connects=True, protocol="SSL", version="TLSv1.3", cipher_suite="TLS_X", because="ok")
UNKNOWN = Client(client="odd", connects=None, because="suites were not asked")


def test_nothing_is_said_where_all_connect_or_none() -> None:
    assert shown(CONNECTING) == ""
    assert shown() == ""
    assert shown(failing("one"), failing("two")) == ""  # the verdict says so


def test_those_with_the_same_reason_and_remedy_stand_together() -> None:
    text = shown(failing("one"), CONNECTING, failing("two", sees="It failed too."), failing("three", hint="replace it"))
    assert "  one; two" in text
    assert "  three" in text
    assert text.count("TLS_MODERN_ONLY") == 2
    assert text.count("What helps: update it.") == 1
    assert 'They see: "It failed."' in text
    assert 'They see: "It failed too."' in text
    assert "new" not in text


def test_unknown_ones_are_counted_with_what_is_missing() -> None:
    text = shown(UNKNOWN, UNKNOWN, CONNECTING)
    assert "2 unknown: suites were not asked" in text
    assert "cannot connect" not in text


def test_what_would_tell_more_is_a_command_that_can() -> None:
    more = Client(client="odd", connects=None, because="suites were not asked: --depth full")
    assert "What was not asked, --depth full asks." in " ".join(shown(more, CONNECTING).split())
    text = " ".join(shown(more, CONNECTING, is_captured=True).split())
    assert "What this capture does not show, rdp-probe host --depth full asks." in text


def test_verbose_shows_every_client() -> None:
    text = shown(failing("one"), CONNECTING, UNKNOWN, verbosity=1)
    rows = [line.split() for line in text.splitlines()[2:5]]
    assert rows == [["no", "one", "-"], ["yes", "new", "SSL,", "TLSv1.3,", "TLS_X"], ["unknown", "odd", "-"]]


def test_long_names_stand_before_what_they_get_where_there_is_no_room() -> None:
    named = Client(client="a client with quite a long name of its own", connects=True, protocol="SSL")
    stream = io.StringIO()
    described = result()
    described.clients = [named]
    clients(described, Page(Console(file=stream, width=50, force_terminal=True, color_system=None)), 1)
    assert "a client with quite a long name of its" in stream.getvalue()
    assert max(len(line) for line in stream.getvalue().splitlines()) <= 50


def test_measured_ones_are_marked() -> None:
    measured = Client(client="asked", connects=True, protocol="SSL", measured=True)
    assert "SSL, measured" in shown(measured, verbosity=1)


def test_what_a_server_said_is_escaped() -> None:
    evil = failing("one")
    evil.because = "\x1b[31m red \u202e"
    assert "\x1b" not in shown(evil, CONNECTING)
    assert "\u202e" not in shown(evil, CONNECTING)
