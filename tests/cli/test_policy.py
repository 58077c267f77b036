"""rdp-probe policy: the list, one policy in words, as JSON and as the file itself; and what is wrong with a file."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

from probe.cli.main import main
from probe.result.shown_policy import shown_policy_schema
from probe.verify import builtin
from probe.verify.policy_file import read_policy

OURS = """
name = "ours"
title = "What every server shows"
version = "3"
source = "handbook 7"
extends = "strict"

[tls.required_versions]
value = ["TLSv1.3"]
severity = "warning"
why = "clients are new"

[[fact]]
path = "server.release"
like = "Windows Server 20*"
severity = "note"

[[override]]
targets = ["*.legacy.example", "10.20.0.0/16"]
without = ["tls.required_versions"]
[override.certificate]
min_days_left = 7

[[waiver]]
rules = ["credssp.*"]
reason = "it is replaced in January"
expires = 2999-01-31

[[waiver]]
rules = ["tls.min_version"]
targets = ["srv9.example"]
reason = "it was to be replaced"
expires = 2020-01-31

[[not_checkable]]
item = "Sessions end"
why = "it takes a session"
"""


@pytest.fixture
def ours(tmp_path: Path) -> str:
    file = tmp_path / "ours.toml"
    file.write_text(OURS, "utf-8")
    return str(file)


def said(capsys: pytest.CaptureFixture[str], *argv: str, status: int = 0) -> str:
    """Standard output in lines as wide as a terminal's, or standard error where it fails."""
    assert main(["policy", *argv]) == status
    captured = capsys.readouterr()
    assert (captured.out if status else captured.err) == ""
    return captured.err if status else captured.out


def test_the_list_names_each_with_how_much_it_has(capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "list")
    for name in builtin.names():
        policy = read_policy(name)
        extent = f"{policy.version} · {len(policy.rules)} rules · {len(policy.unseen)} that cannot be seen from outside"
        [line] = [line for line in out.splitlines() if line.startswith(f"{name} ")]
        assert line.split(maxsplit=1)[1] == policy.title
        assert extent in out
    assert out.splitlines()[-1].endswith("rdp-probe policy show strict")


def test_the_list_as_json_is_one_policy_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    documents = [json.loads(line) for line in said(capsys, "list", "--json").splitlines()]
    validator = jsonschema.Draft202012Validator(shown_policy_schema())
    for document in documents:
        validator.validate(document)
    assert [document["name"] for document in documents] == [
        "strict",
        *(name for name in builtin.names() if name != "strict"),
    ]


@pytest.mark.parametrize("name", builtin.names())
def test_each_rule_is_shown_with_demand_severity_source_and_why(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "show", name)
    policy = read_policy(name)
    for rule in policy.rules:
        assert f"  {rule.key}" in out
        assert rule.source is not None
        assert rule.source in out
        assert rule.why is not None
        assert rule.why in out
    for unseen in policy.unseen:
        assert f"  - {unseen.item}" in out
        assert unseen.why in out
    assert out.splitlines()[-1] == f"Apply it: rdp-probe verify TARGET --policy {name}"


@pytest.mark.parametrize("columns", [60, 80, 100])
def test_a_policy_in_a_terminal_is_kept_within_its_width(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert max(map(len, said(capsys, "show", "strict").splitlines())) <= columns


def test_a_wide_terminal_has_the_key_beside_its_demand(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    [line] = [line for line in said(capsys, "show", "strict").splitlines() if "tls.min_version" in line]
    assert line.split() == ["tls.min_version", "TLS", "1.2", "or", "newer", "error"]


def test_a_narrow_terminal_has_the_key_above_its_demand(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    lines = said(capsys, "show", "strict").splitlines()
    at = lines.index("  tls.min_version")
    assert lines[at + 1].split() == ["TLS", "1.2", "or", "newer", "error"]


def test_an_own_file_is_shown_with_all_that_it_says(ours: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "show", ours)
    head, extent, source = out.splitlines()[:3]
    assert head == "ours  What every server shows"
    assert extent == "3 · 16 rules · other rules for some targets · 2 waived · 7 that cannot be seen from outside"
    assert source == "handbook 7"
    assert "TLS 1.3 accepted" in out
    assert "clients are new" in out
    assert "fact:server.release" in out
    assert "\nFor *.legacy.example, 10.20.0.0/16\n" in out
    assert "at least 7 days left" in out
    assert "  - without tls.required_versions" in out
    assert "  - credssp.* until 2999-01-31\n    it is replaced in January" in out
    assert "  - tls.min_version for srv9.example until 2020-01-31, which is over: it fails\n" in out
    assert "  - Sessions end\n    it takes a session" in out
    assert "from strict" in out
    assert out.rstrip().endswith(f"--policy {ours}")


def test_a_rule_in_place_of_one_that_is_extended_is_marked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "base.toml").write_text("extends = 'strict'\n[udp]\nstate = 'open'\n[tls]\ntolerant = true\n", "utf-8")
    file = tmp_path / "ours.toml"
    file.write_text(
        "extends = 'base.toml'\n[tls]\nmin_version = 'TLSv1.3'\n"
        "forbidden_suites = { value = ['class:rc4'], severity = 'warning' }\n[udp]\nstate = 'closed'\n",
        "utf-8",
    )
    lines = [line.strip() for line in said(capsys, "show", str(file)).splitlines()]
    assert sum("in place of" in line for line in lines) == 3
    at = next(number for number, line in enumerate(lines) if line.startswith("tls.min_version"))
    assert lines[at + 1] == "in place of that of strict: TLS 1.2 or newer"
    assert sum(line.startswith("weaker than there") for line in lines) == 1
    at = lines.index("weaker than there: error there, warning here")
    assert lines[at - 1].startswith("in place of that of strict: ")
    assert lines[at - 2].split()[0] == "tls.forbidden_suites"
    document = json.loads(said(capsys, "show", "--json", str(file)))
    jsonschema.Draft202012Validator(shown_policy_schema()).validate(document)
    replaces = {rule["rule"]: rule["replaces"] for rule in document["rules"]}
    assert replaces["udp.state"][0] | {"demand": ""} == {
        "policy": "base",
        "demand": "",
        "severity": "error",
        "value": "open",
        "weaker_here": False,
    }
    assert replaces["tls.tolerant"] == []
    assert "in place of" not in said(capsys, "show", "strict")


def test_a_file_without_much_is_shown_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "one rule.toml"
    file.write_text('[protocols]\nnla = "required"\n', "utf-8")
    assert said(capsys, "show", str(file)).splitlines() == [
        "one rule",
        "1 rule",
        "",
        "What it demands",
        *[line for line in said(capsys, "show", str(file)).splitlines() if "protocols.nla" in line],
        "",
        f"Apply it: rdp-probe verify TARGET --policy '{file}'",
    ]


def test_an_override_that_only_takes_away_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "less.toml"
    file.write_text('extends = "strict"\n[[override]]\ntargets = ["srv9"]\nwithout = ["tls.*"]\n', "utf-8")
    assert "\nFor srv9\n  - without tls.*\n" in said(capsys, "show", str(file))


def test_as_json_it_has_values_and_words(ours: str, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(said(capsys, "show", "--json", ours))
    jsonschema.Draft202012Validator(shown_policy_schema()).validate(document)
    assert (document["schema"], document["name"], document["file"]) == ("rdp-probe-policy/1", "ours", ours)
    rules = {rule["rule"]: rule for rule in document["rules"]}
    assert rules["tls.required_versions"] == {
        "rule": "tls.required_versions",
        "value": ["TLSv1.3"],
        "demand": "TLS 1.3 accepted",
        "severity": "warning",
        "source": "handbook 7",
        "why": "clients are new",
        "policy": "ours",
        "replaces": [],
    }
    assert rules["protocols.nla"]["policy"] == "strict"
    assert rules["fact:server.release"]["value"] == {"path": "server.release", "like": "Windows Server 20*"}
    assert [waiver["expired"] for waiver in document["waivers"]] == [False, True]
    assert document["waivers"][1]["expires"] == "2020-01-31"
    [override] = document["overrides"]
    assert override["without"] == ["tls.required_versions"]
    assert [rule["rule"] for rule in override["rules"]] == ["certificate.min_days_left"]


@pytest.mark.parametrize("name", builtin.names())
def test_the_file_itself_can_be_copied(name: str, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["policy", "show", "--toml", name]) == 0
    written = capfdbinary.readouterr().out
    assert written.decode("utf-8") == builtin.text(name)
    copy = tmp_path / "copy.toml"
    copy.write_bytes(written)
    assert tomllib.loads(copy.read_text("utf-8"))["name"] == name
    assert read_policy(str(copy)).rules == read_policy(name).rules


def test_a_file_with_a_mistake_is_not_copied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "ours.toml"
    file.write_text('[tls]\nmin_versoin = "TLSv1.2"\n', "utf-8")
    for argv in (["show", "--toml"], ["show"], ["show", "--json"]):
        message = said(capsys, *argv, str(file), status=2)
        assert 'line 2, column 1: unknown key "tls.min_versoin"' in message
        assert 'did you mean "tls.min_version"?' in message


def test_every_mistake_of_a_file_is_told_with_its_hint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "ours.toml"
    file.write_text('[tls]\nmin_version = "TLSv1"\n"odd\\u001b" = 1\nrequired_suites = ["RC4"]\n', "utf-8")
    assert said(capsys, "show", str(file), status=2).splitlines() == [
        f'error: cannot read {file}: line 2, column 15: unknown value "TLSv1" of tls.min_version',
        'hint: did you mean "TLSv1.0"?',
        r'also: line 3, column 1: unknown key "tls.odd\u001b"',
        "hint: docs/policy.md has every key; rdp-probe policy show --toml strict is an example",
        'also: line 4, column 20: tls.required_suites: unknown cipher suite "RC4"',
        'hint: did you mean "class:rc4"?',
    ]


@pytest.mark.parametrize(("typed", "meant"), [("stict", "strict"), ("mozila-modern", "mozilla-modern")])
def test_the_nearest_name_is_given_for_a_wrong_one(typed: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    message = said(capsys, "show", typed, status=2)
    assert f"'{typed}'" in message
    assert f"did you mean {meant}" in message


@pytest.mark.parametrize(
    ("argv", "what", "hint"),
    [
        (["show"], "which policy is to be shown was not said", "rdp-probe policy list"),
        (
            ["show", "strict", "linux.toml"],
            "policy show takes one policy at a time",
            "rdp-probe policy show linux.toml",
        ),
        (["list", "strict"], "policy list takes no name", "rdp-probe policy show strict"),
        ([], "list or show was not said", "rdp-probe policy list"),
        (["--json", "show", "--toml", "strict"], "--json and --toml do not go together", "give one of them"),
        (["list", "--toml"], "--toml is for one policy", "rdp-probe policy show --toml strict"),
    ],
)
def test_what_does_not_go_together_is_said(
    argv: list[str], what: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(capsys, *argv, status=2) == f"error: {what}\nhint: {hint}" + (
        " names the built-in ones\n" if argv == ["show"] else "\n"
    )


def test_what_a_file_says_does_nothing_to_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "odd.toml"
    file.write_text('title = "a\\u001b[31mb\\u202ec"\n[protocols]\nnla = "required"\n', "utf-8")
    assert "a\\x1b[31mb\\u202ec" in said(capsys, "show", str(file))
    assert "\x1b" not in said(capsys, "show", "--json", str(file))


def test_the_schema_of_what_is_shown_can_be_had(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "shown-policy"]) == 0
    assert json.loads(capsys.readouterr().out) == shown_policy_schema()


def test_options_may_stand_before_the_action(capsys: pytest.CaptureFixture[str]) -> None:
    before, behind = said(capsys, "--json", "show", "strict"), said(capsys, "show", "--json", "strict")
    assert before == behind == said(capsys, "show", "strict", "--json")


def test_another_language_changes_words_and_no_data(ours: str, capsys: pytest.CaptureFixture[str]) -> None:
    here = json.loads(said(capsys, "show", "--json", "--lang", "zh-CN", ours))
    there = json.loads(said(capsys, "show", "--json", "--lang", "en", ours))
    for rules in (here["rules"], there["rules"], here["overrides"][0]["rules"], there["overrides"][0]["rules"]):
        for rule in rules:
            assert rule.pop("demand")
    assert here == there
    assert "tls.min_version" in said(capsys, "show", "--lang", "zh-CN", "strict")
