"""The table of profiles: every row can be read, is named once, and says where it is known from."""

from __future__ import annotations

import re

import pytest

from probe.clients import CLIENTS, protocol
from probe.clients.profile import ClientProfile
from probe.diagnosis import rules_credssp
from probe.diagnosis.catalogue import CATALOGUE
from probe.diagnosis.client_hints import SERVERS
from probe.diagnosis.client_messages import MESSAGES
from probe.diagnosis.client_suites import CURRENT_SUITES, KNOWN_SUITES
from probe.diagnosis.client_tls import NAMES, NOT_USUALLY_ASKED
from probe.diagnosis.client_walk import FAILURES, STAGES
from probe.handshake.client_hello import usual_offer
from probe.wire import tls_version
from probe.wire.gcc import encryption_method_names
from probe.wire.iana import CIPHER_SUITES, EXTENSIONS, GROUPS, SIGNATURE_SCHEMES
from probe.wire.nego import FailureCode, Protocol

PROFILES = list(CLIENTS.values())
_OF_TLS12 = {0x0202, 0x0302, 0x0402, 0x0502, 0x0602, 0x0301, 0x0303}  # DSA and SHA-224, RFC 5246 7.4.1.4.1
EVENTS = {code.name for code in FailureCode} | {"HYBRID failed", "SSL failed"}


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.key)
class TestEveryProfile:
    def test_it_says_what_it_is_and_since_when_that_is_known(self, profile: ClientProfile) -> None:
        assert re.fullmatch(r"[a-z0-9.-]+", profile.key)
        assert profile.name
        assert "not documented" in profile.source or re.search(r"20[12]\d", profile.source)

    def test_its_requests_follow_from_something(self, profile: ClientProfile) -> None:
        first, *later = profile.requests
        assert first.after == ()
        assert all(request.after and set(request.after) <= EVENTS for request in later)

    def test_its_code_points_are_registered(self, profile: ClientProfile) -> None:
        hello = profile.tls
        if hello is None:
            assert all(request.protocols in (None, 0) for request in profile.requests)
            return
        assert list(hello.versions) == sorted(set(hello.versions), reverse=True)
        assert {*hello.versions, *hello.maybe} <= set(NAMES)
        assert not set(hello.versions) & set(hello.maybe)
        assert set(hello.unusable) <= set(hello.versions)
        assert set(hello.suites) - {0x00FF} <= set(CIPHER_SUITES)
        assert set(hello.groups) <= set(GROUPS)
        assert set(hello.schemes) - _OF_TLS12 <= set(SIGNATURE_SCHEMES)
        assert set(hello.extensions) <= set(EXTENSIONS)
        assert set(hello.shares) <= set(hello.groups)
        for listed in (hello.suites, hello.groups, hello.schemes, hello.extensions):
            assert len(set(listed)) == len(listed)

    def test_what_it_sends_goes_together(self, profile: ClientProfile) -> None:
        hello = profile.tls
        if hello is None:
            return
        has_1_3, of_1_3 = 0x0304 in hello.versions, {0x002B, 0x0033}
        assert (of_1_3 <= set(hello.extensions)) == has_1_3
        assert any(suite >> 8 == 0x13 for suite in hello.suites) == has_1_3
        assert bool(hello.shares) == has_1_3
        assert bool(hello.groups) == (0x000A in hello.extensions)
        assert bool(hello.schemes) == (0x000D in hello.extensions)

    def test_what_it_asks_for_it_can_do(self, profile: ClientProfile) -> None:
        offered = 0
        for request in profile.requests:
            offered |= request.protocols or 0
        assert bool(offered & 0x0A) == (profile.credssp is not None)
        if any(request.protocols in (None, 0) for request in profile.requests):
            assert profile.methods


def test_keys_and_names_are_unique() -> None:
    assert [profile.key for profile in PROFILES] == list(CLIENTS)
    assert len({profile.name for profile in PROFILES}) == len(PROFILES)


@pytest.mark.parametrize(
    "wanted",
    [
        *("XP", "Windows 7", "8.1", "Windows 10", "Windows 11", "2012 R2", "2016", "2019", "2022", "2025", "macOS"),
        *("iOS", "Android", "FreeRDP 2", "FreeRDP 3", "Remmina", "Guacamole", "rdesktop 1.9", "IronRDP", "mRemoteNG"),
    ],
)
def test_the_clients_that_people_use_are_there(wanted: str) -> None:
    assert any(wanted in profile.name for profile in PROFILES)


def test_every_code_that_explains_a_failure_is_a_diagnosis() -> None:
    assert set(FAILURES.values()) | set(SERVERS) <= set(CATALOGUE)
    shown = {key for messages in MESSAGES.values() for key in messages}
    assert shown <= set(CATALOGUE) | set(STAGES)


def test_every_family_has_its_messages() -> None:
    assert {profile.family for profile in PROFILES} == set(MESSAGES)


def test_what_no_usual_hello_asks_is_said() -> None:
    asked = {*usual_offer(0x0304).suites, *usual_offer(0x0303).suites, 0x00FF}
    offered = {suite for profile in PROFILES if profile.tls is not None for suite in profile.tls.suites}
    assert {f"0x{suite:04x}" for suite in offered - asked} == NOT_USUALLY_ASKED


def test_suites_of_current_clients_are_known_and_none_is_broken() -> None:
    assert CURRENT_SUITES < KNOWN_SUITES
    names = {CIPHER_SUITES[int(code, 16)] for code in CURRENT_SUITES}
    assert not [name for name in names if "RC4" in name or "EXPORT" in name or "_DES_" in name or "DSS" in name]
    assert "0x1301" in CURRENT_SUITES
    assert "0x0005" in KNOWN_SUITES
    assert "0x00ff" not in KNOWN_SUITES


def test_numbers_are_those_of_the_wire() -> None:
    assert {each.name: each.value for each in Protocol if each.name != "RDP"} == protocol.PROTOCOLS
    assert {name: [name] for name in protocol.METHODS} == {
        name: encryption_method_names(bit) for name, bit in protocol.METHODS.items()
    }
    versions = (tls_version.TLS10, tls_version.TLS11, tls_version.TLS12, tls_version.TLS13)
    assert versions == (protocol.TLS10, protocol.TLS11, protocol.TLS12, protocol.TLS13)
    assert set(rules_credssp._NTLM_REFUSALS) == protocol.NTLM_REFUSALS


def test_what_helps_is_said_for_a_code_that_can_be_met() -> None:
    for profile in PROFILES:
        assert bool(profile.hint) == bool(profile.helps)
        assert set(profile.helps) <= set(SERVERS)
        assert {*profile.successors, *([profile.becomes] if profile.becomes else [])} <= CLIENTS.keys() - {profile.key}
