"""The examples for pipelines are files that their programs can read, and what they call exists."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest
import yaml

from probe.cli.main import build_parser

FOLDER = Path(__file__).parent.parent / "docs" / "pipelines"
EXAMPLES = sorted(path for path in FOLDER.iterdir() if path.is_file())
PAGES = [FOLDER.parent / "pipelines.md"]


def _commands(text: str) -> list[str]:
    """What stands behind rdp-probe, to the end of the line, of a string, or of the command."""
    joined = re.sub(r"\\\n\s*", "", text)
    return re.findall(r"(?<!name: )\brdp-probe ((?:verify|diff|policy|host|scan|export|schema) [^\n#'|`]+)", joined)


@pytest.mark.parametrize("path", [*EXAMPLES, *PAGES], ids=lambda path: path.name)
def test_every_command_of_an_example_is_one(path: Path) -> None:
    parser = build_parser()
    for command in _commands(path.read_text("utf-8")):
        plain = re.sub(r"\{\{.*?\}\}|@Server|\$\w+", "srv1.example", command)
        options, unknown = parser.parse_known_args(shlex.split(plain))
        assert not unknown, command
        assert options.command


def test_the_examples_call_it() -> None:
    calling = {path.name for path in EXAMPLES if _commands(path.read_text("utf-8"))}
    assert calling >= {"github-actions.yml", "gitlab-ci.yml", "ansible.yml", "Jenkinsfile", "after-change.ps1"}


def test_yaml_is_yaml() -> None:
    read = {path.name: yaml.safe_load(path.read_text("utf-8")) for path in EXAMPLES if path.suffix == ".yml"}
    assert [step.get("name") for step in read["github-actions.yml"]["jobs"]["verify"]["steps"]][1:] == [
        "Verify",
        "Summary",
        "Code scanning",
    ]
    assert read["gitlab-ci.yml"]["rdp"]["allow_failure"] == {"exit_codes": 3}
    assert len(read["ansible.yml"][0]["tasks"]) == 7


def test_python_is_python() -> None:
    for path in EXAMPLES:
        if path.suffix == ".py":
            ast.parse(path.read_text("utf-8"))


def test_the_page_names_every_example() -> None:
    page = PAGES[0].read_text("utf-8")
    assert [path.name for path in EXAMPLES if f"pipelines/{path.name}" not in page] == []
