"""The built-in policies: each can be read, says where every demand is from, and fits the published schema."""

from __future__ import annotations

import datetime as dt
import json
import re
import tomllib
from pathlib import Path

import jsonschema
import pytest

from probe.result import Target
from probe.verify import builtin
from probe.verify.contradictions import contradiction
from probe.verify.kinds import KINDS, kind_of
from probe.verify.policy_file import policy_schema, read_policy
from probe.verify.verdict import needs_of

# The names that other programs rely on.
NAMES = (
    "bsi-tr-02102-2",
    "cis-windows-server",
    "microsoft-baseline",
    "mozilla-intermediate",
    "mozilla-modern",
    "nist-sp800-52r2",
    "pci-dss-4",
    "strict",
)
TARGET = Target(input="srv1.example", host="srv1.example", address="192.0.2.7", port=3389)
# What each source has to name: the document, and a number or title in it.
CITED = {
    "bsi-tr-02102-2": r"BSI TR-02102-2 2026-01 \d\.\d",
    "cis-windows-server": r"CIS Windows Server 20\d\d v\d\.0\.0.* \d+\.\d+\.\d+",
    "microsoft-baseline": r"OSConfig 2025-2510 \[\w+\]|Windows Server 2022, unchanged in 2025 v2602: \w+",
    "mozilla-intermediate": r"Mozilla Server Side TLS( 6\.0 intermediate)?, \w+",
    "mozilla-modern": r"Mozilla Server Side TLS( 6\.0 modern)?, \w+",
    "nist-sp800-52r2": r"NIST SP 800-(52r2 (\d|appendix)|131A r2 section \d)",
    "pci-dss-4": r"PCI DSS v4\.0\.1 \d",
    "strict": r"(RFC \d+ section|\[MS-\w+\] \d|CVE-\d{4}-\d+|docs/diagnoses/)",
}


def test_there_are_those_that_were_promised() -> None:
    assert builtin.names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_it_can_be_read(name: str) -> None:
    policy = read_policy(name)
    assert policy.name == name
    assert policy.file is None
    assert policy.title
    assert policy.version
    assert policy.source
    assert len(policy.rules) >= 5
    assert len(policy.unseen) >= 3
    assert (policy.waivers, policy.overrides) == ((), ())


@pytest.mark.parametrize("name", NAMES)
def test_its_version_has_a_date_and_fits_on_a_line(name: str) -> None:
    version = read_policy(name).version or ""
    assert re.search(r"\d{4}-\d\d", version)
    assert len(version) <= 50


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_says_where_it_is_from_and_why(name: str) -> None:
    for rule in read_policy(name).rules:
        assert rule.source is not None
        assert re.search(CITED[name], rule.source), (rule.key, rule.source)
        assert rule.why, rule.key
        assert not rule.why.endswith("."), rule.key


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_seen_says_where_it_is_from_and_why(name: str) -> None:
    for unseen in read_policy(name).unseen:
        assert unseen.source, unseen.item
        assert unseen.why, unseen.item
        assert not unseen.why.endswith("."), unseen.item


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_is_a_table_in_the_file(name: str) -> None:
    """So that what is copied with --toml shows all that may be said of a rule."""
    said = tomllib.loads(builtin.text(name))
    sections = {kind.key.partition(".")[0] for kind in KINDS.values()}
    for section in sections & said.keys():
        assert all(isinstance(rule, dict) and "source" in rule for rule in said[section].values()), section


@pytest.mark.parametrize("name", NAMES)
def test_it_fits_the_schema(name: str) -> None:
    said = json.loads(json.dumps(tomllib.loads(builtin.text(name)), default=dt.date.isoformat))
    jsonschema.Draft202012Validator(policy_schema()).validate(said)


@pytest.mark.parametrize("name", NAMES)
def test_it_can_be_met(name: str) -> None:
    assert contradiction(read_policy(name).rules) is None


@pytest.mark.parametrize("name", NAMES)
def test_each_demand_has_words(name: str) -> None:
    for rule in read_policy(name).rules:
        assert kind_of(rule.key).words(rule.value)


def test_strict_asks_for_nothing_that_only_depth_full_asks() -> None:
    """It is what everybody tries first: it has to be quick."""
    needs = needs_of([read_policy("strict")], TARGET)
    assert not any((needs.full, needs.standard, needs.udp, needs.gateway, needs.licensing))


def test_who_issued_the_certificate_is_no_error_of_strict() -> None:
    """A server that was hardened is judged by what its own settings decide."""
    mild = {rule.key for rule in read_policy("strict").rules if rule.severity != "error"}
    assert mild == {"certificate.trusted", "certificate.name_match", "certificate.min_days_left"}


def test_the_lists_of_the_windows_baseline_are_those_of_its_own_suites() -> None:
    rules = {rule.key: rule.value for rule in read_policy("microsoft-baseline").rules}
    assert len(rules["tls.allowed_suites"]) == 10
    assert all("_SHA256" in suite or "_SHA384" in suite for suite in rules["tls.allowed_suites"])


def test_the_files_are_a_part_of_the_package() -> None:
    folder = Path(builtin.__file__).parent / "policies"
    assert {path.stem for path in folder.iterdir()} == set(NAMES)
