from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import InputError
from probe.needs import TrialKind
from probe.verify.selectors import (
    GROUP_CLASSES,
    SCHEMES,
    SELECTABLE_GROUPS,
    SUITE_CLASSES,
    SUITES,
    all_of,
    check,
    check_scheme,
    groups,
    groups_in,
    is_like,
    suites,
    suites_in,
)
from probe.wire.ssl2 import CIPHER_KINDS
from probe.wire.tls_suites import OLDER_SUITES, TLS13_SUITES

# What each class holds by the registry's names alone, written down apart from how it is worked out.
BY_NAME = {
    "null": r"_NULL_|^TLS_SHA(256|384)_",
    "anonymous": r"_anon_",
    "export": r"EXPORT",
    "rc4": r"_RC4_",
    "des": r"_WITH_DES(40)?_CBC|CK_DES_64",
    "3des": r"_3DES_|EDE3",
    "cbc": r"_CBC_",
    "md5": r"_MD5$",
    "sha1": r"_SHA$",
    "static_rsa": r"^TLS_RSA_(PSK_|EXPORT_|EXPORT1024_)?WITH_|^SSL_CK_",
    "no_forward_secrecy": r"^TLS_(RSA|DH_RSA|DH_DSS|ECDH_RSA|ECDH_ECDSA|PSK|RSA_PSK|KRB5)(_EXPORT\w*?)?_WITH_|^SSL_CK_"
    r"|^TLS_GOST\w+(28147_CNT_IMIT|GOSTR3411|OMAC)$",
    "short_tag": r"_CCM_8(_|$)",
    "aead": r"_(GCM|CCM|POLY1305|MGM|AEGIS)(_|$)",
    "forward_secrecy": r"^TLS_(ECDHE|DHE|DH_anon|ECDH_anon|SRP|ECCPWD|ECJPAKE|PSK_DHE)_|_MGM_|^TLS_(?!\w*_WITH_)",
}


def names(selector: str) -> list[str]:
    return sorted(SUITES[code] for code in suites(selector))


@pytest.mark.parametrize("name", BY_NAME)
def test_a_class_of_suites_holds_what_the_names_say(name: str) -> None:
    expected = sorted(each for each in SUITES.values() if re.search(BY_NAME[name], each))
    assert names(f"class:{name}") == expected


def test_every_class_is_held_against_the_names() -> None:
    assert set(BY_NAME) | {"weak"} == set(SUITE_CLASSES)


@pytest.mark.parametrize(
    ("selector", "member", "outsider"),
    [
        ("class:weak", "TLS_RSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"),
        ("class:weak", "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"),
        ("class:weak", "SSL_CK_DES_192_EDE3_CBC_WITH_MD5", "TLS_AES_128_CCM_8_SHA256"),
        ("class:weak", "TLS_SHA256_SHA256", "TLS_AES_128_GCM_SHA256"),
        ("class:weak", "TLS_PSK_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256"),
        ("class:null", "TLS_RSA_WITH_NULL_SHA256", "TLS_RSA_WITH_AES_128_CBC_SHA256"),
        ("class:des", "TLS_RSA_WITH_DES_CBC_SHA", "TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
        ("class:3des", "TLS_RSA_WITH_3DES_EDE_CBC_SHA", "TLS_RSA_WITH_IDEA_CBC_SHA"),
        ("class:sha1", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"),
        ("class:static_rsa", "TLS_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256"),
        ("class:short_tag", "TLS_RSA_WITH_AES_128_CCM_8", "TLS_RSA_WITH_AES_128_CCM"),
        ("class:aead", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"),
        ("TLS_RSA_*", "TLS_RSA_PSK_WITH_AES_128_GCM_SHA256", "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"),
        ("TLS_RSA_WITH_*", "TLS_RSA_WITH_RC4_128_SHA", "TLS_RSA_PSK_WITH_RC4_128_SHA"),
        ("*_SHA", "TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_AES_128_CBC_SHA256"),
    ],
)
def test_what_is_just_outside_is_outside(selector: str, member: str, outsider: str) -> None:
    assert {member, outsider} <= set(SUITES.values())
    assert member in names(selector)
    assert outsider not in names(selector)


def test_every_cipher_kind_of_ssl2_is_weak_and_has_no_forward_secrecy() -> None:
    assert set(CIPHER_KINDS) <= suites("class:weak")
    assert set(CIPHER_KINDS) <= suites("class:no_forward_secrecy")
    assert suites("SSL_CK_*") == set(CIPHER_KINDS)


def test_with_and_without_forward_secrecy_there_is_nothing_else() -> None:
    ours, others = suites("class:forward_secrecy"), suites("class:no_forward_secrecy")
    assert ours.isdisjoint(others)
    assert ours | others == set(SUITES)


def test_what_no_server_can_select_is_no_suite_and_no_group() -> None:
    assert {0x0000, 0x00FF, 0x5600}.isdisjoint(SUITES)
    assert {0xFF01, 0xFF02}.isdisjoint(SELECTABLE_GROUPS)
    assert suites("*") == set(SUITES)


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("class:nist", "secp256r1 secp384r1 secp521r1"),
        ("class:ffdhe", "ffdhe2048 ffdhe3072 ffdhe4096 ffdhe6144 ffdhe8192"),
        (
            "class:weak",
            "secp160k1 secp160r1 secp160r2 secp192k1 secp192r1 sect163k1 sect163r1 sect163r2 sect193r1 sect193r2",
        ),
        (
            "class:post_quantum",
            (
                "MLKEM1024 MLKEM512 MLKEM768 SecP256r1Kyber768Draft00 SecP256r1MLKEM768 SecP384r1MLKEM1024 "
                "X25519Kyber768Draft00 X25519MLKEM768 curveSM2MLKEM768"
            ),
        ),
        ("secp256r1", "secp256r1"),
        ("X25519", "x25519"),
        ("x25519*", "X25519Kyber768Draft00 X25519MLKEM768 x25519"),
    ],
)
def test_groups(selector: str, expected: str) -> None:
    assert " ".join(sorted(SELECTABLE_GROUPS[code] for code in groups(selector))) == expected


def test_every_class_of_groups_is_asked_for_above() -> None:
    assert set(GROUP_CLASSES) == {"nist", "ffdhe", "weak", "post_quantum"}


@pytest.mark.parametrize(
    ("kind", "selector", "what", "hint"),
    [
        (
            "suites",
            "TLS_RSA_WITH_AES128_CBC_SHA",
            'unknown cipher suite "TLS_RSA_WITH_AES128_CBC_SHA"',
            'did you mean "TLS_RSA_WITH_AES_128_CBC_SHA"?',
        ),
        ("suites", "class:weakk", 'unknown cipher suite "class:weakk"', 'did you mean "class:weak"?'),
        ("suites", "class:nist", 'unknown cipher suite "class:nist"', None),
        (
            "suites",
            "QQQ*",
            'no cipher suite is called "QQQ*"',
            "names are those of the IANA registry; others are: class:weak, class:aead, class:forward_secrecy",
        ),
        ("suites", "", 'unknown cipher suite ""', None),
        ("groups", "x22519", 'unknown group "x22519"', 'did you mean "x25519"?'),
        ("groups", "P-256", 'unknown group "P-256"', None),
        ("groups", "TLS_RSA_*", 'no group is called "TLS_RSA_*"', None),
        ("groups", "arbitrary_explicit_prime_curves", 'unknown group "arbitrary_explicit_prime_curves"', None),
    ],
)
def test_what_means_nothing_is_said_with_what_is_near(
    kind: TrialKind, selector: str, what: str, hint: str | None
) -> None:
    with pytest.raises(InputError) as caught:
        check(selector, kind)
    assert caught.value.what == what
    if hint is not None:
        assert caught.value.hint == hint


def test_a_list_of_selectors_is_all_that_they_mean() -> None:
    assert all_of("suites", ["class:rc4", "class:3des"]) == suites("class:rc4") | suites("class:3des")
    assert all_of("groups", ["x25519", "x25519"]) == groups("x25519")
    assert all_of("suites", []) == frozenset()
    with pytest.raises(InputError):
        all_of("suites", ["class:rc4", "class:rc5"])


def test_which_suites_and_groups_a_version_has() -> None:
    assert suites_in("SSLv2") == set(CIPHER_KINDS)
    assert suites_in("TLSv1.3") == set(TLS13_SUITES)
    for version in ("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2"):
        assert suites_in(version) == set(OLDER_SUITES)
    assert groups_in("SSLv2") == groups_in("SSLv3") == frozenset()
    assert groups_in("TLSv1.3") == set(SELECTABLE_GROUPS)
    older = {SELECTABLE_GROUPS[code] for code in groups_in("TLSv1.2")}
    assert {"x25519", "secp256r1", "sect163k1", "brainpoolP256r1"} <= older
    assert older.isdisjoint({"ffdhe2048", "X25519MLKEM768", "X25519Kyber768Draft00", "brainpoolP256r1tls13"})


@pytest.mark.parametrize("pattern", ["rsa_pkcs1_sha1", "*sha1*", "md5_rsa", "SHA1_DSA", "ed25519", "*"])
def test_schemes_that_there_are(pattern: str) -> None:
    check_scheme(pattern)


@pytest.mark.parametrize(
    ("pattern", "what", "hint"),
    [
        ("*sha-1*", 'no signature scheme is called "*sha-1*"', None),
        ("rsa_pkcs_sha1", 'unknown signature scheme "rsa_pkcs_sha1"', 'did you mean "rsa_pkcs1_sha1"?'),
    ],
)
def test_schemes_that_there_are_not(pattern: str, what: str, hint: str | None) -> None:
    with pytest.raises(InputError) as caught:
        check_scheme(pattern)
    assert caught.value.what == what
    assert hint is None or caught.value.hint == hint


def test_older_schemes_are_named_as_results_name_them() -> None:
    from probe.audit.offers import scheme_name

    pairs = {scheme_name(hashed << 8 | signed) for hashed in range(1, 7) for signed in range(1, 4)}
    assert pairs <= set(SCHEMES)


@pytest.mark.parametrize(
    ("name", "pattern", "fits"),
    [
        ("rsa_pkcs1_sha1", "*sha1*", True),
        ("rsa_pkcs1_sha1", "*SHA1", True),
        ("rsa_pkcs1_sha256", "*sha1*", False),
        ("sha1", "sha[1]", False),
        ("sha[1]", "sha[1]", True),
    ],
)
def test_brackets_in_a_pattern_stand_for_themselves(name: str, pattern: str, fits: bool) -> None:
    assert is_like(name, pattern) is fits


@given(st.text(max_size=30))
def test_any_text_means_some_suites_or_is_refused(text: str) -> None:
    for kind, mean in (("suites", suites), ("groups", groups)):
        try:
            assert mean(text)
        except InputError as error:
            assert error.hint
            with pytest.raises(InputError):
                check(text, kind)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "selector", "hint"),
    [
        ("suites", "RC4", "class:rc4"),
        ("suites", "sha1", "class:sha1"),
        ("suites", "RSA_*", "*RSA_*"),
        ("suites", "AES_256", "*AES_256*"),
        ("suites", "AES256-SHA", "TLS_RSA_WITH_AES_256_CBC_SHA"),
        ("suites", "DES-CBC3-SHA", "TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
        ("suites", "ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
        ("groups", "weak", "class:weak"),
        ("groups", "curve25519", "x25519"),
        ("groups", "prime256v1", "secp256r1"),
        ("groups", "P-384", "secp384r1"),
    ],
)
def test_what_other_programs_call_it_is_known(kind: TrialKind, selector: str, hint: str) -> None:
    with pytest.raises(InputError) as raised:
        check(selector, kind)
    assert raised.value.hint == f'did you mean "{hint}"?'


@pytest.mark.parametrize(("pattern", "hint"), [("sha1", "*sha1*"), ("SHA-1", "*sha1*"), ("RSA-SHA1", "*sha1*")])
def test_a_digest_is_a_part_of_a_scheme(pattern: str, hint: str) -> None:
    with pytest.raises(InputError) as raised:
        check_scheme(pattern)
    assert raised.value.hint == f'did you mean "{hint}"?'
