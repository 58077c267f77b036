"""What mends a failed rule, for each kind of server, and what would settle an unknown one."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import Any

import pytest

from probe.diagnosis import CATALOGUE
from probe.diagnosis.diagnosing import remedies_of
from probe.diagnosis.judged import judge
from probe.language import LANGUAGES, speaking
from probe.result import (
    CertificateChain,
    CredSsp,
    DhParameters,
    Registered,
    Result,
    Server,
    TlsAnswer,
    TlsTrial,
    Trust,
    Udp,
    Verdict,
)
from probe.verify.fix import fix, names_in, next_step, texts_of
from probe.verify.fix_protocols import is_impossible
from probe.verify.fixes import CODES, ELSEWHERE, FEATURES, FIXES, PLACES
from probe.verify.kinds import KINDS
from probe.verify.rule import Finding, Rule
from probe.verify.what_if import parse
from tests.clients.results import (
    OF_TLS13,
    RSA_CBC,
    RSA_GCM,
    RSA_KEY_CBC,
    X25519,
    group,
    in_full,
    modern,
    standard,
    suite,
    with_tls,
)
from tests.diagnosis.results import ACCEPTED, certificate, result

PLATFORMS = ("windows", "xrdp", "freerdp", "gnome", "weston", "unknown", "virtualbox")
NOTHING = Finding(state="failed", message="", observed="")
UNKNOWN = Finding(state="unknown", message="", observed="")


# Where the example's value is met by the server below.
FAILING = {"tls.max_version": "TLSv1.1", "tls.forbidden_groups": ["secp*"], "diagnoses.worst": "info"}


def rule(key: str, value: Any = True) -> Rule:
    return Rule(key=key, value=value, policy="ours")


def of_kind(described: Result, kind: str) -> Result:
    described.server = Server(kind=kind)
    return described


def weak(kind: str = "windows") -> Result:
    """A server with everything that policies forbid."""
    described = modern(RDP=ACCEPTED)
    with_tls(described, {"TLSv1.2": (RSA_GCM, X25519), "TLSv1.0": (RSA_CBC, X25519)}, rejected=("TLSv1.3", "TLSv1.1"))
    in_full(described, TLSv1_2=(RSA_GCM, 0x009E, RSA_KEY_CBC), TLSv1_0=(RSA_CBC, 0x000A))
    assert described.tls is not None
    described.tls.groups = [group(X25519, "TLSv1.2"), group(0x0013, "TLSv1.2"), group(0x0018, "TLSv1.0")]
    described.tls.dh_parameters = [DhParameters(bits=1024, prime_sha256="aa", generator="02")]
    described.certificates = [CertificateChain(chain=[certificate(self_signed=True)])]
    return of_kind(described, kind)


@cache
def judged(kind: str) -> Result:
    """The same with what follows from it; not to be altered."""
    described = weak(kind)
    judge(described)
    return described


def given(key: str) -> Any:
    """The value of a key's example."""
    if key == "fact":
        return None
    return tomllib.loads(f"value = {KINDS[key].example}")["value"]


def found(key: str, value: Any, described: Result) -> Finding:
    """What the check says; of a value that this server meets, a failure without more."""
    finding = KINDS[key].check(value, described) if key != "fact" else NOTHING
    return finding if finding.state == "failed" else NOTHING


@pytest.mark.parametrize("kind", PLATFORMS)
@pytest.mark.parametrize("key", KINDS)
def test_every_key_can_be_mended_on_every_server(key: str, kind: str) -> None:
    described = weak(kind)
    judge(described)
    value = {"tls.max_version": "TLSv1.1", "tls.forbidden_groups": ["secp*"], "diagnoses.worst": "info"}.get(
        key, given(key)
    )
    told = fix(rule(key, value), found(key, value, described), described)
    assert 1 <= len(told) <= 3, key
    assert len(set(told)) == len(told)
    for text in told:
        assert "\n" not in text
        assert "{" not in text.replace("@{", "")
        assert "Last resort" not in text


@pytest.mark.parametrize("key", KINDS)
def test_what_mending_would_be_is_a_change_that_can_be_tried(key: str) -> None:
    described = judged("windows")
    change = found(key, given(key), described).change
    assert change is None or parse(change)


def test_tables_name_keys_codes_and_facts_that_there_are() -> None:
    for key in (*FIXES, *CODES):
        assert key.partition("=")[0] in KINDS, key
    for codes in CODES.values():
        assert set(codes) <= set(CATALOGUE)
    known = {*PLACES, "value", "off_keys", "on_keys", "off", "on", "first_off", "tls10", "xrdp_versions", "least"}
    known |= {"suites", "suite_commands", "seen_suite_commands", "windows_suites", "openssl_suites", "openssl_tls13"}
    known |= {"no_tls13", "groups", "group_commands", "dh_groups", "openssl_groups", "windows_groups"}
    for texts in (*FIXES.values(), FEATURES):
        for each in texts:
            assert names_in(each) <= known
            assert each.text[0].isupper() or each.text.startswith("xrdp")
            assert each.text.endswith(".")


@pytest.mark.parametrize("language", LANGUAGES)
def test_facts_are_filled_in_in_every_language(language: str) -> None:
    with speaking(language):
        told = fix(rule("tls.min_version", "TLSv1.2"), NOTHING, weak())
    assert "TLS 1.0\\Server" in told[0]


# Versions


def test_windows_is_told_the_keys_of_the_very_versions_and_what_else_needs_them() -> None:
    described = weak()
    assert described.tls is not None
    described.tls.versions["TLSv1.1"] = ACCEPTED
    described.tls.cipher_suites["SSLv3"] = [suite(0x000A)]
    first, second = fix(rule("tls.min_version", "TLSv1.2"), NOTHING, described)
    assert "SSL 3.0\\Server, TLS 1.0\\Server, TLS 1.1\\Server under HKLM\\SYSTEM" in first
    assert 'SCHANNEL\\Protocols\\SSL 3.0\\Server" /v Enabled /t REG_DWORD /d 0 /f, then restart' in first
    assert second.startswith("Before TLS 1.0 goes")
    assert "Connection Broker" in second


def test_windows_without_a_version_that_may_stay_turns_one_on_first() -> None:
    described = of_kind(with_tls(modern(), {"TLSv1.0": (RSA_CBC, None)}, rejected=("TLSv1.2",)), "windows")
    told = fix(rule("tls.min_version", "TLSv1.2"), NOTHING, described)
    assert "Set Enabled to 1 and DisabledByDefault to 0 (DWORD) in TLS 1.2\\Server" in told[0]
    assert "TLS 1.0\\Server" in told[1]


def test_a_version_that_is_demanded_is_turned_on() -> None:
    [told] = fix(rule("tls.required_versions", ["TLSv1.2", "TLSv1.3"]), NOTHING, weak())
    assert "in TLS 1.3\\Server under" in told


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("tls.min_version", "TLSv1.2", "ssl_protocols=TLSv1.2 in"),
        ("tls.min_version", "TLSv1.3", "ssl_protocols=TLSv1.3 in"),
        ("tls.max_version", "TLSv1.1", "ssl_protocols=TLSv1 in"),
        ("tls.forbidden_versions", ["TLSv1.0"], "ssl_protocols=TLSv1.2 in"),
        ("tls.required_versions", ["TLSv1.3"], "ssl_protocols=TLSv1, TLSv1.2, TLSv1.3 in"),
    ],
)
def test_xrdp_is_told_its_whole_line(key: str, value: Any, line: str) -> None:
    [told] = fix(rule(key, value), NOTHING, weak("xrdp"))
    assert line in told


def test_openssl_is_told_its_least_version() -> None:
    [told] = fix(rule("tls.min_version", "TLSv1.2"), NOTHING, weak("gnome"))
    assert "MinProtocol = TLSv1.2" in told


def test_where_nothing_is_known_of_tls_the_diagnosis_mends_it() -> None:
    named = Finding(state="failed", message="", observed="", diagnosis="STANDARD_RDP_ONLY")
    described = of_kind(standard("128BIT"), "windows")
    told = fix(rule("tls.max_version", "SSLv3"), named, described)
    assert told == remedies_of("STANDARD_RDP_ONLY", described)[:3]


# Suites and groups


def test_the_suites_that_were_seen_are_named() -> None:
    described = weak()
    assert described.tls is not None
    described.tls.answered["TLSv1.1"] = TlsAnswer(cipher_suite=suite(RSA_KEY_CBC))
    tried: list[Registered] = [suite(0x0005), suite(0x0004), suite(0x0035)]
    described.tls.trials = [TlsTrial(kind="suites", version="TLSv1.0", offered=[], selected=tried, state="accepted")]
    order, commands, *_rest = fix(rule("tls.forbidden_suites", ["TLS_RSA_*"]), NOTHING, described)
    assert commands.count("Disable-TlsCipherSuite -Name TLS_RSA_WITH_") == 5
    assert "more:" in commands
    assert "SSL Cipher Suite Order, set to what may stay: TLS_" in order
    allowed = fix(rule("tls.allowed_suites", ["class:aead"]), NOTHING, weak("xrdp"))
    assert "takes away TLS_RSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA" in allowed[0]


def test_groups_have_other_names_on_windows() -> None:
    described = weak()
    assert described.tls is not None
    described.tls.trials = [
        TlsTrial(kind="groups", version="TLSv1.2", offered=[], selected=[group(0x0017)], state="accepted")
    ]
    told = fix(rule("tls.forbidden_groups", ["class:nist"]), NOTHING, described)
    assert "Disable-TlsEccCurve -Name NistP384; Disable-TlsEccCurve -Name NistP256" in told[0]
    others = fix(rule("tls.allowed_groups", ["class:nist"]), NOTHING, weak())
    assert "Disable-TlsEccCurve -Name curve25519" in others[0]
    assert "secp192r1" not in others[0]
    linux = fix(rule("tls.allowed_groups", ["x25519"]), NOTHING, weak("xrdp"))
    assert "Groups = X25519 in" in linux[0]
    assert "takes away secp192r1, secp384r1" in linux[0]


def test_an_answer_alone_names_a_suite_and_a_group() -> None:
    described = of_kind(with_tls(modern(), {"TLSv1.3": (OF_TLS13, X25519), "TLSv1.2": (RSA_KEY_CBC, None)}), "windows")
    assert "-Name curve25519" in fix(rule("tls.forbidden_groups", ["x25519"]), NOTHING, described)[0]
    assert "-Name TLS_RSA_WITH" in fix(rule("tls.forbidden_suites", ["class:cbc"]), NOTHING, described)[1]


@pytest.mark.parametrize("key", ["tls.forbidden_suites", "tls.forbidden_groups", "tls.min_version"])
def test_without_tls_nothing_is_named(key: str) -> None:
    value = {"tls.min_version": "TLSv1.2"}.get(key, ["TLS_RSA_*"] if "suites" in key else ["x25519"])
    for text in fix(rule(key, value), NOTHING, of_kind(standard("128BIT"), "windows")):
        assert "Disable-Tls" not in text


# Other keys


def test_a_demand_says_what_to_do_for_its_own_value() -> None:
    described = weak()
    closed, opened = (fix(rule("udp.state", state), NOTHING, described) for state in ("closed", "open"))
    assert any("Use only TCP" in text for text in closed)
    assert not any("Enable-NetFirewallRule" in text for text in closed)
    assert any("Enable-NetFirewallRule" in text for text in opened)
    own = fix(rule("certificate.self_signed", value=True), NOTHING, described)
    assert own[0].startswith("For a new self-signed one on Windows")
    assert own != fix(rule("certificate.self_signed", value=False), NOTHING, described)


def test_what_the_check_names_goes_before_the_settings_of_protocols() -> None:
    named = Finding(state="failed", message="", observed="", diagnosis="STANDARD_RDP_WEAK")
    told = fix(rule("protocols.forbidden", ["RDP"]), named, weak())
    assert "SecurityLayer 2" in told[0]
    assert "decide which protocols" in fix(rule("protocols.nla", "unsupported"), NOTHING, weak())[0]


def test_each_kind_of_server_comes_first_where_it_is_not_known_which_it_is() -> None:
    told = fix(rule("tls.min_version", "TLSv1.2"), NOTHING, weak("unknown"))
    assert [text.partition(":")[0] for text in told] == [
        "If it is Windows",
        "If it is xrdp",
        "If it is FreeRDP or GNOME Remote Desktop",
    ]
    nothing_known = fix(rule("tls.min_version", "TLSv1.2"), NOTHING, result())
    assert nothing_known[0].startswith("If it is Windows: Set Enabled to 1")


@pytest.mark.parametrize("key", KINDS)
def test_what_is_for_one_kind_says_so_where_it_is_not_known_which_it_is(key: str) -> None:
    value, described = FAILING.get(key, given(key)), judged("unknown")
    finding = found(key, value, described)
    for text in fix(rule(key, value), finding, described):
        assert text.startswith("If it is ") or not text.startswith(("On Windows", "For xrdp", "FreeRDP's", "For GNOME"))


# Security protocols


def test_xrdp_is_told_to_serve_tls_alone_and_needs_no_restart() -> None:
    described = judged("xrdp")
    finding = KINDS["protocols.forbidden"].check(["RDP"], described)
    assert fix(rule("protocols.forbidden", ["RDP"]), finding, described) == [
        "Set security_layer=tls in xrdp.ini; it counts for the next connection."
    ]


def test_where_xrdp_serves_no_tls_its_certificate_comes_first() -> None:
    described = of_kind(standard("128BIT"), "xrdp")
    judge(described)
    finding = KINDS["protocols.forbidden"].check(["RDP"], described)
    assert "read certificate and key_file" in fix(rule("protocols.forbidden", ["RDP"]), finding, described)[0]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("protocols.forbidden", ["RDP", "SSL"]),
        ("protocols.required", ["HYBRID"]),
        ("protocols.nla", "required"),
        ("protocols.nla", "offered"),
        ("credssp.min_version", 6),
    ],
)
def test_no_setting_of_xrdp_is_named_for_what_it_does_not_have(key: str, value: Any) -> None:
    described = judged("xrdp")
    [told] = fix(rule(key, value), found(key, value, described), described)
    assert told.startswith("xrdp has no NLA: no setting of it meets this rule.")
    assert "security_layer" not in told
    assert is_impossible(rule(key, value), described)
    assert not is_impossible(rule(key, value), judged("windows"))


def test_xrdp_without_tls_has_standard_rdp_security_alone() -> None:
    [told] = fix(rule("protocols.forbidden", ["SSL"]), NOTHING, judged("xrdp"))
    assert "security_layer=rdp" in told
    assert "protects less" in told


def test_xrdp_staples_nothing() -> None:
    [told] = fix(rule("tls.ocsp_stapling"), NOTHING, judged("xrdp"))
    assert told.startswith("xrdp staples no OCSP response")
    assert fix(rule("tls.ocsp_stapling"), NOTHING, judged("windows"))[0].startswith("What Schannel does")


def test_windows_demands_nla_where_tls_alone_is_forbidden() -> None:
    described = judged("windows")
    finding = KINDS["protocols.forbidden"].check(["RDP", "SSL"], described)
    told = fix(rule("protocols.forbidden", ["RDP", "SSL"]), finding, described)
    assert any("UserAuthentication 1" in text for text in told)
    assert not any("set to SSL" in text for text in told)
    only_rdp = fix(
        rule("protocols.forbidden", ["RDP"]), KINDS["protocols.forbidden"].check(["RDP"], described), described
    )
    assert "SecurityLayer 2" in only_rdp[0]
    assert not any(text.startswith("Where it must stay") for text in only_rdp)


def with_nla_alone() -> Result:
    """A server on Windows that demands NLA."""
    refused = Verdict(state="rejected", failure="HYBRID_REQUIRED_BY_SERVER")
    described = of_kind(modern(HYBRID=ACCEPTED, RDP=refused, SSL=refused), "windows")
    assert described.negotiation is not None
    described.negotiation.nla = "required"
    judge(described)
    return described


@pytest.mark.parametrize(("key", "value"), [("protocols.required", ["SSL"]), ("protocols.nla", "unsupported")])
def test_who_demands_less_than_nla_is_not_told_to_leave_it(key: str, value: Any) -> None:
    described = with_nla_alone()
    finding = KINDS[key].check(value, described)
    assert finding.diagnosis == "NLA_REQUIRED"
    told = fix(rule(key, value), finding, described)
    assert "UserAuthentication" in told[0]
    assert not any("Leave it so" in text for text in told)


def test_clients_that_nla_keeps_out_are_let_in_or_taken_off_the_list() -> None:
    described = with_nla_alone()
    finding = KINDS["clients.must_connect"].check(["mstsc-xp"], described)
    told = fix(rule("clients.must_connect", ["mstsc-xp"]), finding, described)
    assert "take them out of clients.must_connect" in told[0]
    assert not any("connect from Windows" in text for text in told)
    assert not any("Leave it so" in text for text in told)


def test_clients_that_must_connect_are_told_what_helps_them() -> None:
    described = of_kind(with_tls(modern(), {"TLSv1.0": (RSA_CBC, X25519)}, rejected=("TLSv1.2", "TLSv1.3")), "windows")
    judge(described)
    told = fix(rule("clients.must_connect", ["freerdp3", "ironrdp", "mstsc-win10"]), NOTHING, described)
    assert told[0].startswith("FreeRDP 3: turn TLS 1.2 on at the server")
    assert told[1].startswith("IronRDP: ")
    assert not any("Windows 10" in text for text in told[:2])


def test_of_a_server_without_settings_that_are_known_its_makers_know() -> None:
    told = fix(rule("tls.server_order"), NOTHING, weak("virtualbox"))
    assert told == [ELSEWHERE]
    assert fix(rule("tls.server_order"), NOTHING, weak("windows")) != told


def test_no_remedy_lowers_security() -> None:
    for code, entry in CATALOGUE.items():
        lowering = {remedy.text for remedy in entry.remedies if remedy.lowers}
        for kind in PLATFORMS:
            assert lowering.isdisjoint(remedies_of(code, weak(kind)))
    assert remedies_of("NO_SUCH_CODE", result()) == []


# What would settle it


def limited() -> Result:
    described = weak()
    described.limited = "--max-connections 3"
    return described


def nameless(host: str, server_name: str | None = None) -> Result:
    described = weak()
    described.target.host, described.target.server_name = host, server_name
    return described


def rootless() -> Result:
    described = weak()
    described.certificates[0].trust = Trust(verdict="unknown", store="none")
    return described


def asked_by_udp() -> Result:
    described = weak()
    described.udp = Udp(port=3389, state="silent", offered="3.0")
    return described


def with_credssp() -> Result:
    described = weak()
    described.credssp = CredSsp(version=6)
    return described


def in_full_depth() -> Result:
    described = weak()
    described.depth = "full"
    return described


@pytest.mark.parametrize(
    ("key", "described", "words"),
    [
        ("tls.min_version", limited(), "--max-connections"),
        ("certificate.name_match", nameless("192.0.2.7"), "--server-name"),
        ("certificate.name_match", nameless("2001:db8::1"), "--server-name"),
        ("certificate.name_match", nameless("192.0.2.7", "srv1"), "longer --timeout"),
        ("certificate.name_match", nameless("srv1.example"), "longer --timeout"),
        ("certificate.trusted", rootless(), "--ca-file"),
        ("certificate.trusted", weak(), "longer --timeout"),
        ("udp.state", weak(), "--udp"),
        ("udp.state", asked_by_udp(), "Admit UDP 3389"),
        ("clients.must_connect", weak(), "--simulate"),
        ("credssp.mechanisms", with_credssp(), "Without a login"),
        ("credssp.mechanisms", weak(), "longer --timeout"),
        ("tls.forbidden_suites", weak(), "--depth full"),
        ("tls.heartbeat", weak(), "--depth full"),
        ("tls.forbidden_suites", in_full_depth(), "longer --timeout"),
        ("tls.min_version", weak(), "longer --timeout"),
        ("tls.server_order", in_full_depth(), "asking again tells no more"),
        ("tls.server_order", weak(), "--depth full"),
        ("fact:server.release", weak(), "longer --timeout"),
    ],
)
def test_what_would_settle_it(key: str, described: Result, words: str) -> None:
    step = next_step(rule(key), UNKNOWN, described)
    assert step is not None
    assert words in step


def test_there_is_no_place_nearer_than_this_machine() -> None:
    described = weak()
    described.target.host = described.target.address = "127.0.0.1"
    step = next_step(rule("tls.min_version"), UNKNOWN, described)
    assert step is not None
    assert "longer --timeout" in step
    assert "nearer" not in step


def test_what_was_not_reached_is_told_once_and_not_for_each_rule() -> None:
    assert next_step(rule("tls.min_version"), UNKNOWN, result("refused")) is None


def test_a_feature_of_tls_is_part_of_the_release() -> None:
    assert texts_of(rule("tls.extended_master_secret")) == FEATURES
    assert texts_of(rule("certificate.trusted")) == ()
    refused = weak()
    assert refused.tls is not None
    refused.tls.versions["TLSv1.2"] = Verdict(state="rejected")
    assert fix(rule("tls.extended_master_secret"), NOTHING, refused)[0].startswith("What Schannel does")
