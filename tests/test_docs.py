"""The pages that are made from code are as the code would make them now, and README's commands exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from probe.cli.main import build_parser
from tools import make_commands

ROOT = Path(__file__).parent.parent


def test_the_commands_page_is_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "90")
    assert make_commands.PAGE.read_text("utf-8") == make_commands.page(), "run: python -m tools.make_commands"


@pytest.mark.parametrize(
    "page", ["README.md", "README.zh-CN.md", "CONTRIBUTING.md", "docs/languages.md", "docs/verify.md", "docs/diff.md"]
)
def test_every_command_that_is_shown_can_be_parsed(page: str) -> None:
    parser = build_parser()
    shown = re.findall(r"^(?:\$ )?rdp-probe ([^|>#\n]+)", (ROOT / page).read_text("utf-8"), re.MULTILINE)
    for line in shown:
        words = line.split()
        if words[0] in ("host", "explain", "demo", "schema", "verify", "diff"):
            parser.parse_args(words)


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_within_the_project_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    for link in re.findall(r"\]\((?!https?://|#)([^)#]+)", text):
        assert (ROOT / link).exists(), link
