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
    "page",
    [
        "README.md",
        "README.zh-CN.md",
        "CONTRIBUTING.md",
        "docs/languages.md",
        "docs/verify.md",
        "docs/diff.md",
        "docs/replay.md",
    ],
)
def test_every_command_that_is_shown_can_be_parsed(page: str) -> None:
    parser = build_parser()
    shown = re.findall(r"^(?:\$ )?rdp-probe ([^|>#\n]+)", (ROOT / page).read_text("utf-8"), re.MULTILINE)
    for line in shown:
        words = line.split()
        if words[0] in ("host", "explain", "demo", "schema", "verify", "diff", "replay"):
            parser.parse_args(words)


_PAGES = sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md")) + sorted((ROOT / "benchmarks").glob("*.md"))


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / link).exists(), link


def test_the_first_page_leads_to_the_pages_on_verifying() -> None:
    for page in ("README.md", "README.zh-CN.md"):
        text = (ROOT / page).read_text("utf-8")
        assert {f"docs/{each}.md" for each in ("verify", "policy", "diff", "pipelines")} <= set(
            re.findall(r"\]\(([^)#]+)", text)
        )
