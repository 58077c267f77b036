"""What a scan says beside its progress, on terminals of every width and in files."""

from __future__ import annotations

import argparse
import io
import os
from typing import Any

import pytest

from probe.cli import scan_say
from probe.cli.scan_say import say, say_facts, tell_terminals, where_results_are
from probe.scan.source import open_source


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def narrow(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Standard error as a terminal of 40 columns. Call it in the test: pytest has its own before that."""
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setattr(scan_say, "_width", lambda: 40)
    return stream


def test_a_text_breaks_at_words_and_a_command_never(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = narrow(monkeypatch)
    say("Stopped. Targets done, and in out.ndjson: 12 of 254")
    say("To go on, pipe the same list again:", "rdp-probe scan --resume 'a long name.ndjson'")
    say("To go on:", "rdp-probe scan --resume x")
    assert shown.getvalue().splitlines() == [
        "Stopped. Targets done, and in",
        "out.ndjson: 12 of 254",
        "To go on, pipe the same list again:",
        "rdp-probe scan --resume 'a long name.ndjson'",
        "To go on: rdp-probe scan --resume x",
    ]


def test_facts_break_between_them(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = narrow(monkeypatch)
    say_facts(["Scanning 254 targets", "seed 7f3a", "up to 500 connections at once, 2 to a server", "Ctrl-C stops"])
    assert shown.getvalue().splitlines() == [
        "Scanning 254 targets · seed 7f3a",
        "up to 500 connections at once, 2 to a",
        "server",
        "Ctrl-C stops",
    ]


def test_in_a_file_every_text_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    say("a word " * 50, "rdp-probe")
    say_facts(["one", "two"])
    assert capsys.readouterr().err.splitlines() == [f"{'a word ' * 50} rdp-probe", "one · two"]


def test_the_width_is_that_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.openpty()
    with open(ours, "rb", buffering=0), open(theirs, "w", encoding="utf-8") as stream:  # noqa: PTH123  descriptors
        monkeypatch.setattr("sys.stderr", stream)
        assert scan_say._width() is None  # one that tells none
        import fcntl
        import struct
        import termios

        fcntl.ioctl(stream.fileno(), termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
        assert scan_say._width() == 60


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"output": None, "targets": ["192.0.2.1"], "quiet": False}, ["-o FILE keeps"]),
        ({"output": "-", "targets": ["-"], "quiet": False}, ["-o FILE keeps", "Ctrl-D ends"]),
        ({"output": "out.ndjson", "targets": ["-"], "quiet": False}, ["Ctrl-D ends"]),
        ({"output": "out.ndjson", "targets": ["192.0.2.1"], "quiet": False}, []),
        ({"output": None, "targets": ["-"], "quiet": True}, []),
    ],
)
def test_who_sits_at_a_terminal_is_told(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], told: list[str]
) -> None:
    shown = narrow(monkeypatch)
    for made in (io.StringIO, Terminal):
        assert shown.getvalue() == ""
        for name in ("stdin", "stdout"):
            monkeypatch.setattr(f"sys.{name}", made())
        tell_terminals(argparse.Namespace(**options))
    said = " ".join(shown.getvalue().split())
    assert [words for words in ("-o FILE keeps", "Ctrl-D ends") if words in said] == told
    assert bool(said) is bool(told)


@pytest.mark.parametrize(
    ("parts", "kind", "file", "sentence"),
    [
        (None, "ndjson.zst", "'my out.ndjson'", ""),
        ("file:///shared/p", "ndjson.zst", "/shared/p/{scan}-*.ndjson.zst", ""),
        ("s3://b/x", "ndjson", None, "s3://b/x/{scan}-*.ndjson"),
        ("file:///shared/p", "parquet", None, "Parquet tables, which DuckDB reads: file:///shared/p/{scan}-*.parquet"),
    ],
)
def test_commands_name_where_results_are(parts: str | None, kind: str, file: str | None, sentence: str) -> None:
    source = open_source(["192.0.2.1"], [], seed=0x7F3A)
    scan = f"{(source.fingerprint or '')[:12]}-7f3a"
    options = argparse.Namespace(parts=parts, parts_format=kind)
    named, where = where_results_are(options, source, "my out.ndjson")
    assert named == (file and file.format(scan=scan))
    assert sentence.format(scan=scan) in (where or "")
