"""docs/clients.md is what the profiles say, and its table of agreements is of the servers that are visited."""

from __future__ import annotations

from probe.clients import CLIENTS
from tools.make_clients import MARK, PATH, page


def test_the_page_is_current() -> None:
    before, mark, after = PATH.read_text("utf-8").partition(f"{MARK}\n")
    assert before + mark == page(), "run python -m tools.make_clients"
    assert " 0 otherwise." in after
    assert "disagrees" not in after


def test_the_page_has_every_client() -> None:
    made = page()
    for profile in CLIENTS.values():
        assert f"| {profile.name} | `{profile.key}` |" in made
        assert f"- **{profile.name}**: {profile.source}." in made
        assert "|" not in profile.name
