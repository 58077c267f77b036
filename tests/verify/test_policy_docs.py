"""docs/policy.md and docs/policies are as the code would make them now, and what they show can be read."""

from __future__ import annotations

import re

import pytest

from probe.cli.main import build_parser, main
from probe.errors import InputError
from probe.verify.kinds import KINDS
from probe.verify.policy_file import parse_policy
from probe.verify.policy_shape import Said, document_type
from probe.verify.selectors import GROUP_CLASSES, SUITE_CLASSES
from tools import make_policy_docs

PAGE = make_policy_docs.PAGE.read_text("utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def test_the_pages_are_up_to_date() -> None:
    made = make_policy_docs.pages()
    found = {path: path.read_text("utf-8") for path in [*make_policy_docs.FOLDER.glob("*.md"), make_policy_docs.PAGE]}
    assert found == made, "run: python -m tools.make_policy_docs"


def test_every_key_is_on_the_page() -> None:
    for key in KINDS:
        assert f"| `{key}` |" in PAGE
    for name in (*document_type().__struct_fields__, *Said.__struct_fields__):
        assert name in PAGE


def test_every_class_is_on_the_page() -> None:
    for name in (*SUITE_CLASSES, *GROUP_CLASSES):
        assert f"`class:{name}`" in PAGE


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: text.splitlines()[0])
def test_every_example_can_be_read(text: str) -> None:
    policy = parse_policy(text)
    assert policy.rules


def test_the_whole_example_has_every_part() -> None:
    policy = parse_policy(max(EXAMPLES, key=len))
    keys = {rule.key: rule for rule in policy.rules}
    assert keys["tls.allowed_suites"].severity == "warning"
    assert [rule.key for rule in policy.replaced if keys[rule.key].severity != "error"] == []  # it weakens nothing
    assert keys["certificate.trusted"].severity == "error"
    assert keys["certificate.trusted"].source == "handbook of the company, 7.3"
    assert keys["tls.required_versions"].source == "handbook of the company, chapter 7"
    assert keys["fact:server.release"].severity == "note"
    assert "protocols.nla" in keys
    [override] = policy.overrides
    assert override.without == ("tls.required_versions", "clients.*")
    [waiver] = policy.waivers
    assert waiver.targets == ("srv9.example", "192.0.2.9:3390")
    assert policy.unseen[-1].source == "handbook of the company, 7.8"


def test_the_mistake_that_is_shown_is_reported_so() -> None:
    [line, hint] = re.findall(r"^(?:error|hint): (.*)$", PAGE, re.MULTILINE)
    with pytest.raises(InputError) as caught:
        parse_policy('name = "ours"\nextends = "strict"\n\n[tls]\nrequired_version = ["TLSv1.3"]\n', "ours.toml")
    assert (caught.value.what, caught.value.hint) == (line, hint)


def test_every_command_that_is_shown_can_be_parsed() -> None:
    parser = build_parser()
    for line in re.findall(r"^rdp-probe ([^|>#\n]+?)(?:  .*)?$", PAGE, re.MULTILINE):
        parser.parse_args(line.split())


def test_the_pages_are_written_where_they_are_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("docs")
    page = folder / "policy.md"
    page.write_text(PAGE, "utf-8")
    monkeypatch.setattr(make_policy_docs, "PAGE", page)
    monkeypatch.setattr(make_policy_docs, "FOLDER", folder / "policies")
    (folder / "policies").mkdir()
    (folder / "policies" / "gone.md").write_text("", "utf-8")
    make_policy_docs.main()
    assert page.read_text("utf-8") == PAGE
    assert sorted(path.stem for path in (folder / "policies").iterdir()) == sorted(
        path.stem for path in (make_policy_docs.ROOT / "docs" / "policies").iterdir()
    )


def test_a_policy_shown_as_toml_is_a_file_to_begin_with(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "show", "--toml", "strict"]) == 0
    assert parse_policy(capfd.readouterr().out).name == "strict"
