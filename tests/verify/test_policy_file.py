"""Policy files: what they say, and where their mistakes are."""

from __future__ import annotations

import datetime as dt
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from probe.errors import InputError
from probe.verify import builtin
from probe.verify.kinds import KINDS
from probe.verify.policy import Policy
from probe.verify.policy_file import parse_policy, policy_schema, read_policy
from probe.verify.policy_shape import FACT
from probe.verify.rule import Rule

TLS = '[tls]\nmin_version = "TLSv1.2"\n'
WHOLE = """\
name = "ours"
title = "Our servers"
version = "3"
source = "the handbook"

[protocols]
nla = "required"
[tls]
min_version = { value = "TLSv1.2", severity = "warning", source = "RFC 8996", why = "older ones are withdrawn" }
forbidden_suites = ["TLS_RSA_*", "class:weak"]

[[fact]]
path = "server.kind"
is = "windows"
[[fact]]
path = "tls.handshake.version"
at_least = "TLSv1.2"
severity = "note"
why = "to see it"

[[waiver]]
rules = ["tls.*"]
reason = "is being replaced"
expires = 2027-01-31
[[waiver]]
rules = ["protocols.nla", "fact:server.kind"]
targets = ["old*.example", "10.0.0.0/8"]
reason = "has no NLA"
expires = "2027-02-28"

[[override]]
targets = ["test.example"]
without = ["fact:*"]
[override.tls]
min_version = "TLSv1.0"
[[override.fact]]
path = "server.kind"
is = "xrdp"

[[not_checkable]]
item = "who may log in"
why = "it shows to nobody outside"
"""
_KINDS = [kind for kind in KINDS.values() if kind.key != FACT]


def refused(text: str) -> tuple[str, str]:
    """What is said of a file, without its name, and the hint."""
    with pytest.raises(InputError) as raised:
        parse_policy(text)
    what = raised.value.what
    assert what.startswith("cannot read policy.toml: ")
    return what.removeprefix("cannot read policy.toml: "), raised.value.hint


def rules(policy: Policy) -> dict[str, object]:
    return {rule.key: rule.value for rule in policy.rules}


def test_a_file_says_what_it_demands() -> None:
    policy = parse_policy(WHOLE, "dir/ours.toml")
    assert (policy.name, policy.title, policy.version, policy.source) == ("ours", "Our servers", "3", "the handbook")
    assert policy.file == "dir/ours.toml"
    keys = [
        "protocols.nla",
        "tls.min_version",
        "tls.forbidden_suites",
        "fact:server.kind",
        "fact:tls.handshake.version",
    ]
    assert [rule.key for rule in policy.rules] == keys
    nla, version, suites, kind, handshake = policy.rules
    assert nla == Rule(key="protocols.nla", value="required", policy="ours", source="the handbook")
    assert version == Rule(
        key="tls.min_version",
        value="TLSv1.2",
        policy="ours",
        severity="warning",
        source="RFC 8996",
        why="older ones are withdrawn",
    )
    assert suites.value == ["TLS_RSA_*", "class:weak"]
    assert (kind.value.path, kind.value.is_, kind.severity, kind.source) == (
        *("server.kind", "windows"),
        *("error", "the handbook"),
    )
    assert (handshake.value.at_least, handshake.severity, handshake.why) == ("TLSv1.2", "note", "to see it")


def test_a_file_says_who_is_let_off() -> None:
    policy = parse_policy(WHOLE)
    everywhere, old = policy.waivers
    assert (everywhere.rules, everywhere.targets, everywhere.reason) == (("tls.*",), (), "is being replaced")
    assert everywhere.expires == dt.date(2027, 1, 31)
    assert (old.rules, old.targets, old.expires) == (
        ("protocols.nla", "fact:server.kind"),
        ("old*.example", "10.0.0.0/8"),
        dt.date(2027, 2, 28),
    )
    [override] = policy.overrides
    assert (override.targets, override.without) == (("test.example",), ("fact:*",))
    assert [(rule.key, rule.policy, rule.source) for rule in override.rules] == [
        ("tls.min_version", "ours", "the handbook"),
        ("fact:server.kind", "ours", "the handbook"),
    ]
    [unseen] = policy.unseen
    assert (unseen.item, unseen.why, unseen.source) == ("who may log in", "it shows to nobody outside", None)


def test_a_short_file_is_called_as_it_is() -> None:
    policy = parse_policy(TLS, "/some/where/ours.v2.toml")
    assert (policy.name, policy.title, policy.version, policy.source) == ("ours.v2", "", None, None)
    assert (policy.waivers, policy.overrides, policy.unseen) == ((), (), ())
    assert policy.rules[0].source is None


@pytest.mark.parametrize("kind", _KINDS, ids=lambda kind: kind.key)
def test_every_key_takes_its_example_in_both_forms(kind: Any) -> None:
    value = tomllib.loads(f"x = {kind.example}")["x"]
    assert rules(parse_policy(f"{kind.key} = {kind.example}")) == {kind.key: value}
    longer = f'{kind.key} = {{ value = {kind.example}, severity = "note", why = "so" }}'
    [rule] = parse_policy(longer).rules
    assert (rule.key, rule.value, rule.severity, rule.why) == (kind.key, value, "note", "so")


@pytest.mark.parametrize("kind", _KINDS, ids=lambda kind: kind.key)
@pytest.mark.parametrize("value", ["2027-01-31", "{ value = 2027-01-31 }", "nan", "[]", '""', "[[1]]"])
def test_every_key_refuses_what_it_cannot_mean(kind: Any, value: str) -> None:
    what, hint = refused(f"# one\n{kind.key} = {value}")
    column = len(kind.key) + 4 + (len("{ value = ") if value.startswith("{") else value == "[[1]]" and what[:1] == "x")
    assert what.startswith(f"line 2, column {column}: ") or (value == "[[1]]" and f"column {column + 1}: " in what)
    assert kind.key in what
    assert hint


def test_the_example_of_a_fact_is_one() -> None:
    [rule] = parse_policy(f"fact = [{KINDS[FACT].example}]").rules
    assert rule.key == f"fact:{rule.value.path}"


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        # keys and sections
        ("[tls]\n  min_versoin = 1", 'line 2, column 3: unknown key "tls.min_versoin"', '"tls.min_version"?'),
        ("tls.min_versoin = 1", 'line 1, column 5: unknown key "tls.min_versoin"', '"tls.min_version"?'),
        ("[tsl]\nmin_version = 1", 'line 1, column 2: unknown section "tsl"', 'did you mean "tls"?'),
        ("min_version = 1", 'unknown key "min_version"', '"tls.min_version" or "credssp.min_version"?'),
        ("[tls]\nmin_days_left = 1", 'unknown key "tls.min_days_left"', '"certificate.min_days_left"?'),
        ('"tls.min_version" = 1', 'line 1, column 1: unknown key "tls.min_version"', "without quotes: tls.min_version"),
        (TLS + 'title = "x"', 'line 3, column 1: unknown key "tls.title"', "title stands above the first [table]"),
        ("qqqqqq = 1", 'unknown key "qqqqqq"', "docs/policy.md has every key"),
        ("qqqqqq.x = 1", 'unknown section "qqqqqq"', "docs/policy.md has every key"),
        ('"" = 1', 'unknown key ""', "docs/policy.md has every key"),
        (f"{'k' * 99} = 1", f'unknown key "{"k" * 59}…', "docs/policy.md has every key"),
        ('[tls]\nmin_version = { vale = "x" }', 'unknown key "tls.min_version.vale"', '"tls.min_version.value"?'),
        ("[tls]\nmin_version = { }", 'line 2, column 1: tls.min_version: "value" is missing', 'value = "TLSv1.2"'),
        (
            TLS + "[[override]]\ntargets = ['a']\n[override.tsl]\nx = 1",
            'line 5, column 11: unknown section "override.tsl"',
            '"override.tls"',
        ),
        (TLS + "[[override]]\ntarget = ['a']", 'unknown key "override.target"', 'mean "override.targets"?'),
        # types
        (
            "[protocols]\nforbidden = 5",
            "line 2, column 13: protocols.forbidden: expected a list of names, found 5",
            '["',
        ),
        ('[protocols]\nforbidden = "SSL"', 'expected a list of names, found "SSL"', 'brackets: ["SSL"]'),
        ("[protocols]\nforbidden = []", "expected a list of names, found an empty list", "for example: forbidden = ["),
        (
            "[protocols]\nforbidden = [\n 'RDP',\n  5]",
            "line 4, column 3: protocols.forbidden: expected one of",
            "for ex",
        ),
        ("[credssp]\nmin_version = 1", "expected a whole number, 2 or more, found 1", "min_version = 6"),
        ("[credssp]\nmin_version = true", "expected a whole number, 2 or more, found true", "min_version = 6"),
        ("[certificate]\nmin_rsa_bits = 99999", "512 or more, 16384 at most, found 99999", "min_rsa_bits = "),
        (
            "[certificate]\nspki_sha256 = ['abc']",
            'column 16: certificate.spki_sha256: "abc" is not of its form',
            "for ex",
        ),
        ("[certificate]\ntrusted = 'yes'", 'expected true or false, found "yes"', "trusted = true"),
        ("[certificate]\ntrusted = [1]", "expected true or false, found a list", "trusted = true"),
        ("tls = 5", "line 1, column 7: tls: expected a table, found 5", "docs/policy.md"),
        ("tls = [{}]", "tls: expected a table, found a list", "docs/policy.md"),
        ("waiver = 5", "waiver: expected a list of tables, found 5", "docs/policy.md"),
        ("[waiver]\nx = 1", "line 1, column 1: waiver: expected a list of tables, found a table", "[[waiver]]"),
        ("name = 5", "name: expected a text, found 5", "what it is called"),
        ('name = " "', 'name: expected a text, found " "', "what it is called"),
        ("[[fact]]\npath = 'server.kind'\nis = {}", "fact.is: expected true or false, or a whole number, or", "docs/"),
        # names
        ('[tls]\nmin_version = "1.2"', 'column 15: unknown value "1.2" of tls.min_version', 'did you mean "TLSv1.2"?'),
        ('[tls]\nmin_version = "TLS 1.3"', 'unknown value "TLS 1.3"', 'did you mean "TLSv1.3"?'),
        ('[tls]\nmin_version = "tls1.2"', 'unknown value "tls1.2"', 'did you mean "TLSv1.2"?'),
        ('[tls]\nmin_version = "ssl3"', 'unknown value "ssl3"', 'did you mean "SSLv3"?'),
        ('[tls]\nmin_version = "3"', 'unknown value "3"', "one of SSLv2, SSLv3, TLSv1.0, TLSv1.1, TLSv1.2, TLSv1.3"),
        ('[protocols]\nrequired = ["nla"]', 'unknown value "nla" of protocols.required', 'mean "HYBRID"?'),
        ('[protocols]\nrequired = ["hybrid-ex"]', 'unknown value "hybrid-ex"', 'did you mean "HYBRID_EX"?'),
        (
            '[tls]\nmin_version = { value = "TLSv1.2", severity = "warn" }',
            'value "warn" of tls.min_version.sev',
            "warning",
        ),
        ('[diagnoses]\nforbidden = ["CERT_EXPIERD"]', 'unknown value "CERT_EXPIERD"', 'mean "CERT_EXPIRED"?'),
        ('[diagnoses]\nforbidden = ["?"]', 'unknown value "?"', "one of DNS_FAILED"),
        (
            '[tls]\nforbidden_suites = ["class:rc4",\n "class:wek"]',
            "line 3, column 2: tls.forbidden_suites: ",
            "class:weak",
        ),
        ("[tls]\nforbidden_groups = { value = ['x25518'] }", "line 2, column 31: tls.forbidden_groups: ", "x25519"),
        (
            '[clients]\nmust_connect = ["windows-app-iso"]',
            "line 2, column 17: clients.must_connect: ",
            "windows-app-ios",
        ),
        ("[[fact]]\npath = 'server.knid'\nis = 'x'", "line 2, column 8: fact.path: ", "server.kind"),
        ('[tls]\nmin_version = "TLSv1"', 'unknown value "TLSv1"', 'did you mean "TLSv1.0"?'),
        ('[tls]\nforbidden_versions = ["TLS1.0"]', 'unknown value "TLS1.0"', 'did you mean "TLSv1.0"?'),
        ('[tls]\nmin_version = "TLSv1.4"', 'unknown value "TLSv1.4"', "one of SSLv2, SSLv3, TLSv1.0"),
        ('[certificate]\nkey_types = ["ECDSA"]', 'unknown value "ECDSA"', 'did you mean "EC"?'),
        (
            '[tls]\nmin_version = { value = "TLSv1.2", severity = "critical" }',
            'unknown value "critical" of tls.min_version.severity',
            "one of error, warning, note",
        ),
        (
            '[certificate]\nallowed_signatures = ["*", "sha256RSA"]',
            'line 2, column 28: certificate.allowed_signatures: no signature is called "sha256RSA"',
            'did you mean "*sha256*"?',
        ),
        ('[clients]\nmust_connect = ["mstsc"]', 'no known client is "mstsc"', 'did you mean "mstsc*"?'),
        ('[clients]\nmust_connect = ["MSTSC-Win11"]', 'no known client is "MSTSC-Win11"', '"mstsc-win11"?'),
        ("[[fact]]\npath = 'udp.state'\nlike = 'ope'", 'the fact "udp.state" is never like "ope"', 'mean "open"?'),
        # waivers and overrides
        (
            TLS + "[[waiver]]\nrules = ['tls']\nreason = 'x'\nexpires = 2027-01-31",
            'waiver.rules: this policy has no rule "tls"',
            'did you mean "tls.*"?',
        ),
        (
            TLS + "[[waiver]]\nrules = ['tls.*']\nexpires = 2027-01-31",
            'line 3, column 3: waiver: "reason" is mis',
            "fail",
        ),
        (TLS + "[[waiver]]\nrules = ['tls.*']\nreason = 'x'", 'waiver: "expires" is missing', "2027-01-31"),
        (
            TLS + "[[waiver]]\nrules = ['tls.*']\nreason = ''\nexpires = 2027-01-31",
            'line 5, column 10: waiver.reason: expected a text, found ""',
            "why they may fail",
        ),
        (
            TLS + "[[waiver]]\nrules = ['tls.*']\nreason = 'x'\nexpires = '31.1.2027'",
            'line 6, column 11: waiver.expires: expected a date such as 2027-01-31, found "31.1.2027"',
            "a date is written 2027-01-31",
        ),
        (
            TLS + "[[waiver]]\nrules = ['tls.*']\nreason = 'x'\nexpires = 2027-01-31T00:00:00",
            "waiver.expires: expected a date such as 2027-01-31, found 2027-01-31 00:00:00",
            "the last day",
        ),
        (
            TLS + "[[waiver]]\nrules = ['tls.min_versoin']\nreason = 'x'\nexpires = 2027-01-31",
            'line 4, column 10: waiver.rules: this policy has no rule "tls.min_versoin"',
            'did you mean "tls.min_version"?',
        ),
        (
            TLS + "[[waiver]]\nrules = ['tls.*', 'udp.*']\nreason = 'x'\nexpires = 2027-01-31",
            'line 4, column 19: waiver.rules: this policy has no rule "udp.*"',
            "it has tls.min_version",
        ),
        (
            TLS + "[[waiver]]\nrules = ['tls.*']\ntargets = ['a', 'b/c']\nreason = 'x'\nexpires = 2027-01-31",
            "line 5, column 17: waiver.targets: 'b/c' is no block of addresses",
            "10.0.0.0/8",
        ),
        (
            TLS + "[[waiver]]\nrules = ['tls.*']\ntargets = []\nreason = 'x'\nexpires = 2027-01-31",
            "line 5, column 11: waiver.targets: expected",
            "names",
        ),
        (TLS + "[[override]]\nwithout = ['tls.*']", 'override: "targets" is missing', "blocks such as"),
        (TLS + "[[override]]\ntargets = ['a']", "line 3, column 3: override: it changes no rule", "without"),
        (
            TLS + "[[override]]\ntargets = ['a']\nwithout = ['certificate.*']",
            'line 5, column 12: override.without: this policy has no rule "certificate.*"',
            "it has tls.min_version",
        ),
        (TLS + "[[override]]\ntargets = ['1.2.3.4/8']\ntls.max_version='TLSv1.3'", "bits set behind", "1.0.0.0/8"),
        (
            TLS + "[[override]]\ntargets = ['a']\n[override.tls]\nmin_version = 'TLSv1.9'",
            'line 6, column 15: unknown value "TLSv1.9" of tls.min_version',
            "TLSv1.",
        ),
        # nothing at all
        ("", "it has no rule", "every server would pass"),
        ("# nothing\n[tls]\n", "it has no rule", "every server would pass"),
        ("[[not_checkable]]\nitem = 'x'\nwhy = 'y'", "it has no rule", "every server would pass"),
        # TOML
        ("[tls]\nmin_version = TLSv1.2", "line 2, column 15: invalid value", "texts stand in quotes"),
        ("[certificate]\ntrusted = True", "line 2, column 11: invalid value", "TOML writes true"),
        ("[certificate]\ntrusted = yes # so", "line 2, column 11: invalid value", "TOML writes true"),
        ("[certificate]\ntrusted = { value = No }", "line 2, column 21: invalid value", "TOML writes false"),
        ("[certificate]\ntrusted = 'True'", 'expected true or false, found "True"', "without quotes: true"),
        ("[tls]\nmin_version = \u201cTLSv1.2\u201d", "column 15: invalid value", "\u201c is no quotation mark of TOML"),
        ("[tls]\nrequired_versions = [\u2018TLSv1.2\u2019]", "column 22: invalid value", "\u2018 is no quotation mark"),
        ("\u00abname\u00bb = 'x'", "column 1: invalid statement", "\u00ab is no quotation mark"),
        ("expires = 31.12.2027", "line 1, column ", "a date is written 2027-12-31"),
        ("expires = 2027/1/2", "line 1, column ", "a date is written 2027-01-02"),
        ("a = 1\na = 2", "line 2, column 6: cannot overwrite a value", "each key may stand there once"),
        ("[tls]\n[tls]", "line 2, column 5: cannot declare", "each [table] may stand there once"),
        (r'a = "C:\dir"', "unescaped '\\' in a string", "a backslash is written twice"),
        ("expires = 2027-1-31", "line 1, column ", "a date is written 2027-01-31"),
        ("expires = 2027-02-30", "invalid date or datetime", "a date is written 2027-01-31"),
        ('title = """\nabc', "line 2, column 4: unterminated string", "key = value"),
        ("\n\n[tls", "line 3, column 5: expected ']'", "key = value"),
        ("tls", "line 1, column 4: expected '='", "key = value"),
        ("\x00", "line 1, column 1: invalid statement", "key = value"),
        (f"a = {'1' * 5000}", "a number in it is too long", "no key"),
        (f"a = {'[' * 5000}", "something in it is nested too deeply", "two levels"),
    ],
)
def test_a_mistake_is_shown_where_it_is(text: str, what: str, hint: str) -> None:
    said, meant = refused(text)
    assert what in said
    assert hint in meant


@pytest.mark.parametrize(
    ("text", "place", "why"),
    [
        ("[tls]\nmin_version='TLSv1.2'\nmax_version='TLSv1.1'", "3, column 1", "TLSv1.2 is newer than TLSv1.1"),
        ("[tls]\nmax_version='TLSv1.1'\nmin_version='TLSv1.2'", "2, column 1", "TLSv1.2 is newer than TLSv1.1"),
        ("[tls]\nmin_version='TLSv1.2'\nrequired_versions=['TLSv1.0','TLSv1.2']", "2", "TLSv1.0 is older than TLSv1.2"),
        ("[tls]\nmax_version='TLSv1.2'\nrequired_versions=['TLSv1.3']", "2", "TLSv1.3 is newer than TLSv1.2"),
        ("[tls]\nrequired_versions=['TLSv1.2']\nforbidden_versions=['TLSv1.2']", "3", "TLSv1.2 cannot be both"),
        ("[tls]\nrequired_suites=['*']\nforbidden_suites=['*']", "3", "* cannot be both"),
        ("[tls]\nrequired_groups=['x25519']\nforbidden_groups=['x25519']", "3", "x25519 cannot be both"),
        ("[protocols]\nrequired=['SSL']\nforbidden=['RDP', 'SSL']", "3", "SSL cannot be both"),
        ("[protocols]\nnla='offered'\nforbidden=['HYBRID', 'HYBRID_EX']", "3", "NLA is HYBRID or HYBRID_EX"),
        ("[protocols]\nnla='unsupported'\nrequired=['HYBRID']", "3", "NLA is HYBRID or HYBRID_EX"),
        ("[protocols]\nnla='required'\nrequired=['HYBRID', 'SSL']", "3", "where NLA is required, SSL is refused"),
        ("[certificate]\nmin_days_left=90\nmax_days_valid=60", "3", "90 days are more than 60"),
        ("[certificate]\nallowed_signatures=['*']\nforbidden_signatures=['*']", "3", "* cannot be both"),
        ("[clients]\nmust_connect=['*']\nmust_not_connect=['*']", "3", "* cannot be both"),
        (
            TLS + "[[override]]\ntargets=['a']\n[override.tls]\nmax_version='TLSv1.1'",
            "6, column 1",
            "TLSv1.2 is newer than TLSv1.1",
        ),
        (
            "[tls]\nmin_version='TLSv1.0'\nmax_version='TLSv1.1'\n[[override]]\ntargets=['a']\ntls.min_version='TLSv1.2'",
            "6, column 5",
            "TLSv1.2 is newer than TLSv1.1",
        ),
    ],
)
def test_demands_that_no_server_meets_are_refused(text: str, place: str, why: str) -> None:
    what, hint = refused(text)
    assert what.startswith(f"line {place}")
    assert what.endswith(f"contradict each other: {why}")
    assert "take one of them out" in hint


@pytest.mark.parametrize(
    "text",
    [
        "[tls]\nmin_version='TLSv1.2'\nmax_version='TLSv1.2'\nrequired_versions=['TLSv1.2']",
        "[tls]\nmin_version='TLSv1.2'\nmax_version={value='TLSv1.1', severity='note'}",
        "[protocols]\nnla='required'\nrequired=['HYBRID']\nforbidden=['RDP','SSL']",
        "[protocols]\nnla='offered'\nrequired=['HYBRID', 'SSL']\nforbidden=['RDP', 'HYBRID_EX']",
        "[protocols]\nnla='unsupported'\nrequired=['SSL']\nforbidden=['HYBRID','HYBRID_EX']",
        "[certificate]\nmin_days_left=60\nmax_days_valid=60",
        "[tls]\nmin_version='TLSv1.2'\n[[override]]\ntargets=['a']\nwithout=['tls.*']\ntls.max_version='TLSv1.1'",
    ],
)
def test_demands_that_a_server_can_meet_are_not(text: str) -> None:
    assert parse_policy(text).rules


def write(folder: Path, **files: str | bytes) -> None:
    for name, text in files.items():
        (folder / f"{name}.toml").write_bytes(text if isinstance(text, bytes) else text.encode())


def test_a_policy_may_extend_another(tmp_path: Path) -> None:
    write(
        tmp_path,
        base="version='1'\nsource='S'\n[tls]\nmin_version='TLSv1.2'\nforbidden_suites=['class:weak']\n"
        "[[fact]]\npath='server.kind'\nis='windows'\n"
        "[[waiver]]\nrules=['tls.*']\nreason='r'\nexpires=2027-01-31\n[[override]]\ntargets=['a']\nwithout=['tls.*']\n"
        "[[not_checkable]]\nitem='i'\nwhy='w'",
        ours="extends = 'base.toml'\n[udp]\nstate='closed'\n[tls]\nmin_version={value='TLSv1.3', severity='note'}\n"
        "[[fact]]\npath='server.kind'\nis='xrdp'\n[[fact]]\npath='server.kind'\nis_not='gnome'\n"
        "[[waiver]]\nrules=['tls.forbidden_suites']\nreason='r2'\nexpires=2027-02-28\n"
        "[[override]]\ntargets=['b']\nwithout=['udp.*']\n[[not_checkable]]\nitem='i2'\nwhy='w2'\nsource='s2'",
    )
    policy = read_policy(str(tmp_path / "ours.toml"))
    assert [(rule.key, rule.policy, rule.severity, rule.source) for rule in policy.rules] == [
        ("tls.min_version", "ours", "note", None),
        ("tls.forbidden_suites", "base", "error", "S"),
        ("fact:server.kind", "ours", "error", None),
        ("fact:server.kind", "ours", "error", None),
        ("udp.state", "ours", "error", None),
    ]
    assert policy.rules[0].value == "TLSv1.3"
    assert [each.reason for each in policy.waivers] == ["r", "r2"]
    assert [each.targets for each in policy.overrides] == [("a",), ("b",)]
    assert [(each.item, each.source) for each in policy.unseen] == [("i", None), ("i2", "s2")]
    assert (policy.name, policy.version, policy.source) == ("ours", None, None)
    assert policy.file == str(tmp_path / "ours.toml")


def test_a_policy_may_extend_one_that_comes_with_the_program(tmp_path: Path) -> None:
    write(tmp_path, ours="extends = 'strict'\n[[waiver]]\nrules=['tls.*']\nreason='r'\nexpires=2027-01-31\n")
    policy = read_policy(str(tmp_path / "ours.toml"))
    assert policy.rules == read_policy("strict").rules
    assert policy.unseen == read_policy("strict").unseen


def test_what_a_policy_extends_may_be_contradicted_only_by_a_demand_in_its_place(tmp_path: Path) -> None:
    write(
        tmp_path,
        base="[tls]\nmin_version='TLSv1.2'\n[udp]\nstate='open'\n",
        ours="extends='base.toml'\ntls.max_version='TLSv1.1'\n",
        other="extends='base.toml'\n[tls]\nmin_version='TLSv1.1'\nmax_version='TLSv1.1'\n",
    )
    with pytest.raises(InputError, match=r"line 2, column 5: tls.min_version and tls.max_version contradict"):
        read_policy(str(tmp_path / "ours.toml"))
    assert rules(read_policy(str(tmp_path / "other.toml")))["tls.min_version"] == "TLSv1.1"


def test_circles_of_policies_are_refused(tmp_path: Path) -> None:
    write(
        tmp_path,
        one="extends='two.toml'\n" + TLS,
        two="\nextends='one.toml'\n" + TLS,
        itself="extends='itself.toml'\n" + TLS,
        **{f"deep{number}": f"extends='deep{number + 1}.toml'\n{TLS}" for number in range(10)},
        **{f"flat{number}": f"extends='flat{number + 1}.toml'\n{TLS}" for number in range(8)},
        flat8=TLS,
    )
    with pytest.raises(InputError, match=r'two.toml: line 2, column 9: "one.toml" extends itself'):
        read_policy(str(tmp_path / "one.toml"))
    with pytest.raises(InputError, match=r'itself.toml: line 1, column 9: "itself.toml" extends itself'):
        read_policy(str(tmp_path / "itself.toml"))
    with pytest.raises(InputError, match=r"deep8.toml: line 1, column 9: more than 8 policies extend one another"):
        read_policy(str(tmp_path / "deep0.toml"))
    assert read_policy(str(tmp_path / "flat0.toml")).rules


def test_what_is_extended_is_named_where_it_is_missing_or_wrong(tmp_path: Path) -> None:
    write(tmp_path, ours="\nextends='strct'\n" + TLS, other="extends='bad.toml'\n", bad="[tls]\nx=1\n")
    with pytest.raises(InputError, match=r"ours.toml: line 2, column 9: extends: there is no file") as raised:
        read_policy(str(tmp_path / "ours.toml"))
    assert "did you mean" in raised.value.hint
    with pytest.raises(InputError, match=r"bad.toml: line 2, column 1: unknown key"):
        read_policy(str(tmp_path / "other.toml"))


def test_files_that_are_not_text_are_refused(tmp_path: Path) -> None:
    write(
        tmp_path,
        latin="[tls]\n# für\n".encode("latin-1"),
        wide=TLS.encode("utf-16"),
        large=b"#" * 1_000_001,
        marked=b"\xef\xbb\xbf" + TLS.replace("\n", "\r\n").encode(),
        full=TLS.encode() + b"#" * (1_000_000 - len(TLS)),
    )
    for name, what, hint in (
        ("latin", "line 2, column 4: this is not UTF-8", "save it as UTF-8"),
        ("wide", "it is UTF-16", "save it as UTF-8"),
        ("large", "it is larger than 1 MB", "is it a policy?"),
    ):
        with pytest.raises(InputError, match=what) as raised:
            read_policy(str(tmp_path / f"{name}.toml"))
        assert raised.value.hint == hint
    for name in ("marked", "full"):
        assert rules(read_policy(str(tmp_path / f"{name}.toml"))) == {"tls.min_version": "TLSv1.2"}


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for name, what, hint in (
        (str(tmp_path), "Is a directory", "give a TOML file, or a built-in policy"),
        (f"{tmp_path}/none.toml", "there is no file", "rdp-probe policy list"),
        ("strickt", "there is no file 'strickt', and no built-in policy", "did you mean"),
        ("Strict.toml", "there is no file 'Strict.toml'", "did you mean strict?"),
        ("a\0b", "there is no file", "rdp-probe policy list"),
        ("", "there is no file", "rdp-probe policy list"),
    ):
        with pytest.raises(InputError) as raised:
            read_policy(name)
        assert what in raised.value.what
        assert hint in raised.value.hint


def test_the_built_in_policies_are_found_by_their_names() -> None:
    assert "strict" in builtin.names()
    for name in builtin.names():
        policy = read_policy(name)
        assert (policy.name, policy.file) == (name, None)


def _as_json(text: str) -> Any:
    return msgspec.to_builtins(tomllib.loads(text))  # dates as texts


SCHEMA = policy_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("name", builtin.names())
def test_the_built_in_policies_are_of_the_schema(name: str) -> None:
    VALIDATOR.validate(_as_json(builtin.text(name)))


def test_the_schema_takes_every_form() -> None:
    VALIDATOR.validate(_as_json(WHOLE))
    for kind in _KINDS:
        VALIDATOR.validate(_as_json(f"{kind.key} = {kind.example}"))
        VALIDATOR.validate(_as_json(f'{kind.key} = {{ value = {kind.example}, severity = "note" }}'))


@pytest.mark.parametrize("kind", _KINDS, ids=lambda kind: kind.key)
@pytest.mark.parametrize("value", ["2027-01-31", "{ value = 2027-01-31 }", "[]", "{}", "[[1]]", "{ vale = 1 }"])
def test_the_schema_refuses_what_the_program_does(kind: Any, value: str) -> None:
    text = f"{kind.key} = {value}"
    with pytest.raises(InputError):
        parse_policy(text)
    assert isinstance(value, str)
    if "2027" not in value or "str" not in str(kind.value):  # a date is a text in JSON
        assert not VALIDATOR.is_valid(_as_json(text))


def test_the_schema_says_what_each_key_is_for() -> None:
    definitions: Any = SCHEMA["$defs"]
    for kind in _KINDS:
        section, name = kind.key.split(".")
        described = definitions[section]["properties"][name]
        assert described["description"] == kind.says
        assert described["examples"] == [tomllib.loads(f"x = {kind.example}")["x"]]


_WORDS = st.sampled_from(
    [
        *(
            "[tls]\n",
            "[[waiver]]\n",
            "[[override]]\n",
            "[override.tls]\n",
            "[[fact]]\n",
            "min_version",
            "extends",
            " = ",
        ),
        *("'TLSv1.2'", "'strict'", "['tls.*']", "{ value = ", " }", "\n", "2027-01-31", "rules", "reason", "expires"),
        *(
            "targets",
            "path",
            "is",
            "'server.kind'",
            "5",
            "[",
            "]",
            '"',
            "#",
            "\\",
            "\x00",
            "é",
            "'fuzz.toml'",
            "'\\u0000'",
        ),
    ]
)


@settings(max_examples=300)
@given(st.binary(max_size=200) | st.lists(_WORDS, max_size=25).map(lambda words: "".join(words).encode()))
@example(WHOLE.encode())
@example(b'extends = "a\\u0000b"\n')
@example(b"extends = 'fuzz.toml'\n")
@example(b"a" + b".a" * 3000 + b"=1")
def test_any_bytes_are_a_policy_or_a_mistake(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "fuzz.toml"
        file.write_bytes(data)
        try:
            policy = read_policy(str(file))
        except InputError as error:
            assert error.what
            assert error.hint
        else:
            assert policy.rules or policy.overrides


@settings(max_examples=200)
@given(st.data())
def test_a_file_with_a_character_changed_is_a_policy_or_a_mistake(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(WHOLE) - 1))
    put = data.draw(st.sampled_from(["", "[", "]", '"', "x", "=", "\n", ".", "{", "}", "*", "1", " "]))
    text = WHOLE[:place] + put + WHOLE[place + 1 :]
    try:
        parse_policy(text)
    except InputError as error:
        lines = text.count("\n") + 1
        if "line " in error.what:
            assert 1 <= int(error.what.split("line ")[1].split(",")[0]) <= lines


def every_mistake(text: str) -> list[tuple[str, str]]:
    with pytest.raises(InputError) as raised:
        parse_policy(text)
    what = raised.value.what.removeprefix("cannot read policy.toml: ")
    return [(what, raised.value.hint), *raised.value.more]


def test_every_mistake_is_told_as_they_follow_each_other() -> None:
    found = every_mistake(
        "nane = 'x'\n[certificate]\nallowed_signatures = ['sha256', '*', 'md6']\n[tls]\nmin_versoin = 'TLSv1.2'\n"
        "required_versions = ['TLSv1', 5]\nforbidden_suites = { value = ['RC4'] }\n"
        "[[fact]]\npath = 'server.knid'\nis = 'x'\n[[override]]\ntargets = ['a', 'b/c']\nwithout = ['*']\n"
    )
    assert [what.partition(": ")[0] for what, _hint in found] == [
        "line 1, column 1",
        "line 3, column 23",
        "line 3, column 38",
        "line 5, column 1",
        "line 6, column 22",
        "line 6, column 31",
        "line 7, column 31",
        "line 9, column 8",
        "line 12, column 17",
    ]
    assert found[3] == ('line 5, column 1: unknown key "tls.min_versoin"', 'did you mean "tls.min_version"?')
    assert all(hint for _what, hint in found)


def test_what_is_said_of_rules_that_are_not_there_is_told_with_contradictions() -> None:
    found = every_mistake(
        "[tls]\nmin_version = 'TLSv1.2'\nmax_version = 'TLSv1.1'\n"
        "[[waiver]]\nrules = ['udp.*', 'tls.*', 'clients.*']\nreason = 'x'\nexpires = 2027-01-31\n"
        "[[override]]\ntargets = ['a']\nwithout = ['credssp.*']\n"
    )
    assert [what.split(":")[0] for what, _hint in found] == [
        "line 3, column 1",
        "line 5, column 10",
        "line 5, column 28",
        "line 10, column 12",
    ]


@pytest.mark.parametrize("count", [9, 10, 11, 3000])
def test_ten_mistakes_are_told_at_once(count: int) -> None:
    found = every_mistake("[tls]\n" + "".join(f"nothing{number} = 1\n" for number in range(count)))
    assert len(found) == min(count, 11)
    assert found[-1][0] == (
        "there are more mistakes" if count > 10 else f'line {count + 1}, column 1: unknown key "tls.nothing{count - 1}"'
    )
    assert found[min(count, 10) - 1][0].startswith(f"line {min(count, 10) + 1}, ")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("cis", "cis-windows-server"),
        ("PCI", "pci-dss-4"),
        ("nist", "nist-sp800-52r2"),
        ("bsi", "bsi-tr-02102-2"),
        ("mozilla", "mozilla-intermediate or mozilla-modern"),
        ("microsoft", "microsoft-baseline"),
    ],
)
def test_a_built_in_policy_is_found_by_how_its_name_begins(typed: str, meant: str) -> None:
    with pytest.raises(InputError) as raised:
        read_policy(typed)
    assert raised.value.hint == f"did you mean {meant}? rdp-probe policy list names all"


def test_a_file_that_is_there_is_named_with_its_ending(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, ours=TLS)
    monkeypatch.chdir(tmp_path)
    for name, hint in (("ours", "did you mean ours.toml?"), ("theirs", "rdp-probe policy list")):
        with pytest.raises(InputError, match=f"there is no file '{name}'") as raised:
            read_policy(name)
        assert raised.value.hint == hint
