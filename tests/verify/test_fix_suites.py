"""Lists of suites and groups that mend a rule: only what the rule forbids goes, and nothing that it forbids comes."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from probe.result import CipherSuite, DhParameters, Registered, Result, Server, Tls, TlsAnswer, TlsTrial, Verdict
from probe.verify import builtin, selectors
from probe.verify.fix import fix
from probe.verify.fix_suites import (
    change_of,
    is_told,
    may_stay,
    openssl_groups,
    openssl_name,
    openssl_suites,
    openssl_tls13,
    windows_suites,
)
from probe.verify.kinds import KINDS
from probe.verify.policy_file import read_policy
from probe.verify.rule import Finding, Rule
from tests.clients.results import group, modern

NOTHING = Finding(state="failed", message="", observed="")
# With an RSA certificate, up to TLS 1.2: all that the policy's weak ones leave these two.
OF_WINDOWS_8_1 = (
    "DHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES128-SHA256",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-RSA-AES256-SHA",
)
KEYS = ("tls.allowed_", "tls.forbidden_s", "tls.forbidden_g", "tls.required_g", "tls.min_dh")  # suites and groups
BY_OPENSSL = {"X25519": "x25519", "P-256": "secp256r1", "P-384": "secp384r1", "X448": "x448", "P-521": "secp521r1"}
EVERYTHING = tuple(
    code
    for code, name in selectors.SUITES.items()
    if code <= 0xFFFF and name.startswith(("TLS_ECDHE_RSA", "TLS_DHE_RSA", "TLS_RSA_WITH", "TLS_AES", "TLS_CHACHA"))
)
WINDOWS_COMMAND = "Disable-TlsCipherSuite -Name "


def suite(code: int) -> CipherSuite:
    return CipherSuite(code=f"0x{code:04x}", name=selectors.SUITES[code])


def rule(key: str, value: Any) -> Rule:
    return Rule(key=key, value=value, policy="ours")


def listed(*codes: int, versions: tuple[str, ...] = ("TLSv1.2",)) -> Tls:
    """A server whose suites are all known."""
    older = [suite(code) for code in codes if "_WITH_" in selectors.SUITES[code]]
    newer = [suite(code) for code in codes if "_WITH_" not in selectors.SUITES[code]]
    lists: dict[str, list[CipherSuite]] = {version: older for version in versions if older}
    lists |= {"TLSv1.3": newer} if newer else {}
    return Tls(versions={name: Verdict(state="accepted") for name in lists}, cipher_suites=lists)


def by_openssl(words: str) -> dict[int, str]:
    """What OpenSSL makes of a list, up to TLS 1.2: code points and its own names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(words)
    return {int(each["id"]) & 0xFFFF: each["name"] for each in context.get_ciphers() if each["protocol"] != "TLSv1.3"}


RULES = [
    rule("tls.forbidden_suites", ["class:weak"]),
    rule("tls.forbidden_suites", ["class:cbc", "class:static_rsa"]),
    rule("tls.forbidden_suites", ["TLS_*_SHA"]),
    rule("tls.forbidden_suites", ["TLS_RSA_*AES_128*", "*CHACHA20*"]),
    rule("tls.allowed_suites", ["class:aead"]),
    rule("tls.allowed_suites", ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256"]),
]


@pytest.mark.parametrize("demanded", RULES, ids=lambda each: "+".join(each.value))
@pytest.mark.parametrize("tls", [Tls(), listed(*EVERYTHING)], ids=["unknown", "listed"])
def test_openssl_gets_nothing_that_is_forbidden_and_keeps_the_rest(demanded: Rule, tls: Tls) -> None:
    stays = may_stay("suites", demanded)
    got = by_openssl(openssl_suites(demanded, tls))
    assert got
    assert all(map(stays, got))
    before = by_openssl("DEFAULT:@SECLEVEL=1")
    kept = {code for code in before if stays(code) and code in EVERYTHING and "CCM" not in selectors.SUITES[code]}
    assert kept <= got.keys()


def test_what_clients_have_that_is_not_weak_stays() -> None:
    demanded = rule("tls.forbidden_suites", ["class:weak"])
    for tls in (Tls(), listed(*EVERYTHING)):
        assert set(OF_WINDOWS_8_1) <= set(by_openssl(openssl_suites(demanded, tls)).values())


def test_nothing_comes_that_was_not_served() -> None:
    tls = listed(0xC030, 0x009F, 0x009C, 0xC028)
    demanded = rule("tls.forbidden_suites", ["class:weak"])
    assert openssl_suites(demanded, tls) == "ECDHE+AESGCM:DHE+AESGCM:ECDHE+AES+SHA384"
    assert openssl_suites(rule("tls.forbidden_suites", ["*"]), tls) == ""
    only_weak = listed(0x009C)
    assert "ECDHE+AESGCM" in openssl_suites(demanded, only_weak)  # something must be left


def test_what_is_weak_stays_as_it_was_where_the_rule_lets_it() -> None:
    tls = listed(0xC030, 0x000A, 0x0041)
    assert openssl_suites(rule("tls.forbidden_suites", ["class:aead"]), tls) == "kRSA+CAMELLIA+SHA1:kRSA+3DES"


def test_tls_1_0_needs_level_0_of_openssl_as_long_as_it_has_a_suite() -> None:
    tls = listed(0xC030, 0xC014, 0x0035, versions=("TLSv1.2", "TLSv1.0"))
    assert openssl_suites(rule("tls.forbidden_suites", ["class:weak"]), tls).endswith(":@SECLEVEL=0")
    assert "SECLEVEL" not in openssl_suites(rule("tls.allowed_suites", ["class:aead"]), tls)


def test_every_name_for_openssl_is_one_of_its_names() -> None:
    known = by_openssl("ALL:@SECLEVEL=0")
    for code, name in known.items():
        registered = selectors.SUITES[code]
        if registered.startswith(("TLS_ECDHE_RSA", "TLS_ECDHE_ECDSA_WITH", "TLS_DHE_RSA", "TLS_RSA_WITH")):
            assert openssl_name(registered) == name
    assert openssl_name("TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA") == "ECDHE-RSA-DES-CBC3-SHA"


def test_suites_of_tls_1_3_are_named_where_one_must_go() -> None:
    tls = listed(0x1301, 0x1302, 0x1303, 0xC030)
    assert openssl_tls13(rule("tls.forbidden_suites", ["class:weak"]), tls) == ""
    demanded = rule("tls.forbidden_suites", ["*CHACHA20*"])
    assert openssl_tls13(demanded, tls) == "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256"
    described = server("xrdp", tls)
    [told] = fix(demanded, NOTHING, described)
    assert "set Ciphersuites = TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256 in" in told
    [nothing_left] = fix(rule("tls.forbidden_suites", ["TLS_AES_*", "TLS_CHACHA20*"]), NOTHING, described)
    assert "MaxProtocol = TLSv1.2" in nothing_left


def test_the_list_for_windows_is_what_was_seen_and_may_stay() -> None:
    demanded = rule("tls.forbidden_suites", ["class:weak"])
    assert windows_suites(demanded, listed(0x1302, 0xC030, 0x009D, 0xC014)) == (
        "TLS_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"
    )
    partly = windows_suites(demanded, Tls(answered={"TLSv1.2": TlsAnswer(cipher_suite=suite(0xC09E))}))
    assert partly.startswith("TLS_AES_256_GCM_SHA384,TLS_AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,")
    assert "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA," in partly
    assert partly.endswith(",TLS_DHE_RSA_WITH_AES_128_CCM")
    assert "TLS_RSA_" not in partly


def test_the_list_for_windows_fits_into_the_policy() -> None:
    text = windows_suites(rule("tls.forbidden_suites", ["class:null"]), listed(*EVERYTHING))
    assert len(text) <= 1023
    assert set(text.split(",")) <= set(selectors.SUITES.values())


def test_groups_are_those_that_were_seen_and_may_stay() -> None:
    tls = listed(0xC030)
    tls.groups = [group(0x0017, "TLSv1.2"), group(0x001D, "TLSv1.2"), group(0x0013, "TLSv1.2")]
    assert openssl_groups(rule("tls.forbidden_groups", ["x25519"]), tls) == "P-256"
    assert openssl_groups(rule("tls.forbidden_groups", ["x25519"]), Tls()) == "P-256:X448:P-521:P-384"
    assert openssl_groups(rule("tls.allowed_groups", ["class:ffdhe"]), tls).startswith("ffdhe2048:ffdhe3072:")


# What is told of it


def server(kind: str, tls: Tls) -> Result:
    described = modern()
    described.server, described.tls = Server(kind=kind), tls
    return described


def tried(state: str, *codes: int) -> Tls:
    selected: list[Registered] = [suite(code) for code in codes]
    trial = TlsTrial(kind="suites", version="TLSv1.2", offered=[], selected=selected, state=state)  # type: ignore[arg-type]
    return Tls(versions={"TLSv1.2": Verdict(state="accepted")}, trials=[trial])


def test_commands_name_every_suite() -> None:
    weak = [code for code in EVERYTHING if selectors.SUITES[code].startswith("TLS_RSA_")]
    first, second = fix(rule("tls.forbidden_suites", ["TLS_RSA_*"]), NOTHING, server("windows", listed(0xC030, *weak)))
    named = [words.partition("; then")[0].rstrip(";") for words in first.split(WINDOWS_COMMAND)[1:]]
    assert {each.strip("; ") for each in named} == {selectors.SUITES[code] for code in weak}
    assert "set to what may stay: TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384; then restart" in second


def test_where_not_all_was_asked_one_go_comes_first_and_depth_full_names_all() -> None:
    described = server("windows", tried("accepted", 0x009D, 0x002F))
    first, second = fix(rule("tls.forbidden_suites", ["class:weak"]), NOTHING, described)
    assert "SSL Cipher Suite Order" in first
    assert f"{WINDOWS_COMMAND}TLS_RSA_WITH_AES_256_GCM_SHA384; {WINDOWS_COMMAND}TLS_RSA_WITH_AES_128" in second
    assert "--depth full names all" in second
    [of_xrdp] = fix(
        rule("tls.forbidden_suites", ["class:weak"]), NOTHING, server("xrdp", tried("accepted", 0x009D, 0x002F))
    )
    assert "--depth full names all" in of_xrdp


def test_a_trial_that_came_to_its_end_tells_all() -> None:
    assert is_told("suites", tried("rejected", 0x009D))
    assert not is_told("suites", tried("accepted", 0x009D))
    first, _second = fix(
        rule("tls.forbidden_suites", ["class:weak"]), NOTHING, server("windows", tried("rejected", 0x009D))
    )
    assert first.startswith("On Windows Server 2016")
    assert "--depth full" not in first


# What is tried for it


def test_the_change_that_is_tried_is_what_the_text_takes_away() -> None:
    demanded = rule("tls.allowed_suites", ["class:aead"])
    known = server("xrdp", listed(0xC030, 0x009D, 0xC014, 0x0035))
    assert change_of(demanded, "suites=class:aead", known) == (
        "suites.off=TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA+TLS_RSA_WITH_AES_256_CBC_SHA"
    )
    assert change_of(demanded, "suites=class:aead", server("xrdp", tried("accepted", 0xC014))) == "suites=class:aead"
    other = rule("tls.forbidden_suites", ["class:weak"])
    assert change_of(other, "suites.off=class:weak", known) == "suites.off=class:weak"
    known.tls = None
    assert change_of(demanded, None, known) is None


# The policies that are built in


def lists_in_policies() -> Iterator[Any]:
    for name in builtin.names():
        for each in read_policy(name).rules:
            if each.key.startswith(
                ("tls.allowed_", "tls.forbidden_s", "tls.forbidden_g", "tls.required_g", "tls.min_dh")
            ):
                yield pytest.param(each, id=f"{name}:{each.key}")


@pytest.mark.parametrize("kind", ["windows", "xrdp", "gnome", "unknown"])
@pytest.mark.parametrize("demanded", list(lists_in_policies()))
def test_no_fix_names_what_its_rule_forbids_as_something_to_set(demanded: Rule, kind: str) -> None:
    tls = listed(*EVERYTHING, versions=("TLSv1.2", "TLSv1.0"))
    tls.groups = [
        group(code, "TLSv1.2", "TLSv1.0", "TLSv1.3") for code in (0x001D, 0x0017, 0x0018, 0x0013, 0x0100, 0x001E)
    ]
    tls.dh_parameters = [DhParameters(bits=1024, prime_sha256="aa", generator="02")]
    described = server(kind, tls)
    finding = KINDS[demanded.key].check(demanded.value, described)
    for text in fix(demanded, finding, described):
        assert "for example" not in text
        to_set = [words.split(" in ")[0] for words in text.split("tls_ciphers=")[1:] if "suites" in demanded.key]
        to_set += [words.split(" in the")[0] for words in text.split("CipherString = ")[1:] if "suites" in demanded.key]
        for words in to_set:
            assert all(map(may_stay("suites", demanded), by_openssl(words)))
        for words in text.split("what may stay: ")[1:]:
            codes = {name: code for code, name in selectors.SUITES.items()}
            assert all(may_stay("suites", demanded)(codes[name]) for name in words.split(";")[0].split(","))
        for words in text.split("Groups = ")[1:]:
            for name in words.split(" in ")[0].split(":"):
                code = next(iter(selectors.groups(BY_OPENSSL.get(name, name))))
                assert may_stay("groups", demanded)(code)
