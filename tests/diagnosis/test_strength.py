from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.diagnosis import strength
from probe.diagnosis.strength import (
    Weakness,
    traits_of_suite,
    weak_suites,
    weakest,
    weaknesses_of_dh,
    weaknesses_of_feature,
    weaknesses_of_group,
    weaknesses_of_signature,
    weaknesses_of_suite,
    weaknesses_of_version,
)
from probe.result import CipherSuite, TlsFeatures
from probe.wire.iana import CIPHER_SUITES, GROUPS, SIGNATURE_SCHEMES
from probe.wire.ssl2 import CIPHER_KINDS
from probe.wire.tls_version import VERSION_NAMES

VERSIONS = list(VERSION_NAMES.values())
ALL = [value for value in vars(strength).values() if isinstance(value, Weakness)] + list(strength._FEATURES.values())
# Of the suites that RFC 9325 section 4.2 and RFC 8446 section 9.1 recommend, nothing is said against one.
RECOMMENDED = (
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
)


def kinds(weaknesses: tuple[Weakness, ...]) -> str:
    return " ".join(weakness.kind for weakness in weaknesses)


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        ("TLS_RSA_WITH_NULL_SHA256", "TLSv1.2", "null_encryption static_rsa"),
        ("TLS_NULL_WITH_NULL_NULL", "TLSv1.2", "null_encryption anonymous"),
        ("TLS_SHA256_SHA256", "TLSv1.3", "null_encryption"),
        ("TLS_SHA384_SHA384", "TLSv1.3", "null_encryption"),
        ("TLS_DH_anon_WITH_AES_128_CBC_SHA", "TLSv1.2", "anonymous not_aead"),
        ("TLS_ECDH_anon_WITH_RC4_128_SHA", "TLSv1.2", "anonymous rc4"),
        ("TLS_RSA_EXPORT_WITH_RC4_40_MD5", "TLSv1.0", "export rc4 static_rsa md5_mac"),
        ("TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5", "TLSv1.0", "export static_rsa md5_mac not_aead"),
        ("TLS_RSA_EXPORT1024_WITH_DES_CBC_SHA", "TLSv1.0", "export des static_rsa not_aead"),
        ("TLS_KRB5_EXPORT_WITH_DES_CBC_40_SHA", "TLSv1.0", "export des static_secret not_aead"),
        ("TLS_DHE_RSA_WITH_DES_CBC_SHA", "TLSv1.0", "des finite_field_dh not_aead"),
        ("TLS_ECDHE_RSA_WITH_RC4_128_SHA", "TLSv1.2", "rc4"),
        ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", "TLSv1.2", "blocks_of_64_bits static_rsa not_aead"),
        ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", "SSLv3", "sslv3_cbc blocks_of_64_bits static_rsa not_aead"),
        ("TLS_RSA_WITH_IDEA_CBC_SHA", "TLSv1.1", "blocks_of_64_bits static_rsa not_aead"),
        ("TLS_GOSTR341001_WITH_28147_CNT_IMIT", "TLSv1.2", "blocks_of_64_bits"),
        ("TLS_RSA_WITH_RC4_128_SHA", "SSLv3", "rc4 static_rsa"),
        ("TLS_RSA_WITH_AES_256_GCM_SHA384", "TLSv1.2", "static_rsa"),
        ("TLS_DH_RSA_WITH_AES_128_GCM_SHA256", "TLSv1.2", "static_dh"),
        ("TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256", "TLSv1.2", "static_ecdh"),
        ("TLS_PSK_WITH_AES_128_GCM_SHA256", "TLSv1.2", "static_secret"),
        ("TLS_RSA_PSK_WITH_AES_128_GCM_SHA256", "TLSv1.2", "static_rsa"),
        ("TLS_SRP_SHA_RSA_WITH_AES_128_CBC_SHA", "TLSv1.2", "not_aead"),
        ("TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256", "TLSv1.2", ""),
        ("TLS_KRB5_WITH_3DES_EDE_CBC_MD5", "TLSv1.2", "blocks_of_64_bits static_secret md5_mac not_aead"),
        ("TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "TLSv1.2", "finite_field_dh"),
        ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "TLSv1.0", "not_aead"),
        ("TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", "TLSv1.2", "short_tag"),
        ("TLS_AES_128_CCM_8_SHA256", "TLSv1.3", "short_tag"),
        ("SSL_CK_RC4_128_WITH_MD5", "SSLv2", "rc4 static_rsa md5_mac"),
        ("SSL_CK_RC4_128_EXPORT40_WITH_MD5", "SSLv2", "export rc4 static_rsa md5_mac"),
        ("SSL_CK_RC2_128_CBC_WITH_MD5", "SSLv2", "rc2 static_rsa md5_mac not_aead"),
        ("SSL_CK_RC2_128_CBC_EXPORT40_WITH_MD5", "SSLv2", "export static_rsa md5_mac not_aead"),
        ("SSL_CK_IDEA_128_CBC_WITH_MD5", "SSLv2", "blocks_of_64_bits static_rsa md5_mac not_aead"),
        ("SSL_CK_DES_64_CBC_WITH_MD5", "SSLv2", "des static_rsa md5_mac not_aead"),
        ("SSL_CK_DES_192_EDE3_CBC_WITH_MD5", "SSLv2", "blocks_of_64_bits static_rsa md5_mac not_aead"),
        ("TLS_EMPTY_RENEGOTIATION_INFO_SCSV", "TLSv1.2", ""),
        ("TLS_FALLBACK_SCSV", "TLSv1.2", ""),
        ("0x1a2b", "TLSv1.2", ""),
    ],
)
def test_a_suite_by_its_name(name: str, version: str, expected: str) -> None:
    assert name in {*CIPHER_SUITES.values(), *CIPHER_KINDS.values(), "0x1a2b"}
    assert kinds(weaknesses_of_suite(name, version)) == expected


@pytest.mark.parametrize(
    ("bits", "expected"),
    [
        (512, "short_dh finite_field_dh"),
        (2047, "short_dh finite_field_dh"),
        (2048, "finite_field_dh"),
        (None, "finite_field_dh"),
    ],
)
def test_a_short_dh_group_makes_a_good_suite_weak(bits: int | None, expected: str) -> None:
    assert kinds(weaknesses_of_suite("TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", "TLSv1.2", bits)) == expected


@pytest.mark.parametrize("name", RECOMMENDED)
def test_what_is_recommended_is_not_blamed(name: str) -> None:
    assert name in CIPHER_SUITES.values()
    for version in VERSIONS:
        assert weaknesses_of_suite(name, version) == ()


def test_every_suite_without_forward_secrecy_or_with_it() -> None:
    static = {"static_rsa", "static_dh", "static_ecdh", "static_secret"}
    for name in CIPHER_SUITES.values():
        exchange = name.partition("_WITH_")[0]
        found = static & {weakness.kind for weakness in weaknesses_of_suite(name, "TLSv1.2")}
        plain = re.fullmatch(r"TLS_(RSA|DH_RSA|DH_DSS|ECDH_\w+A|PSK|RSA_PSK|KRB5)(_EXPORT(1024)?)?", exchange)
        assert (len(found) == 1) is (plain is not None and name.startswith("TLS_") and "_WITH_" in name), name


@given(
    st.sampled_from([*CIPHER_SUITES.values(), *CIPHER_KINDS.values()]) | st.text(max_size=60),
    st.sampled_from(VERSIONS) | st.text(max_size=10),
    st.none() | st.integers(),
)
def test_any_name_gives_reasons_and_never_fails(name: str, version: str, bits: int | None) -> None:
    found = weaknesses_of_suite(name, version, bits)
    assert len(set(found)) == len(found)
    assert all(weakness in ALL for weakness in found)
    assert [weakness.level for weakness in found] == sorted((weakness.level for weakness in found), reverse=True)
    assert weakest(found) == tuple(weakness for weakness in found[:1] if weakness.level == "weak")


@given(st.text(max_size=60).filter(lambda name: name not in VERSION_NAMES.values()), st.integers())
def test_any_other_name_gives_reasons_and_never_fails(name: str, number: int) -> None:
    assert weaknesses_of_version(name) == ()
    for found in (weaknesses_of_group(f"secp{number}r1"), weaknesses_of_group(name), weaknesses_of_signature(name)):
        assert all(weakness in ALL for weakness in found)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", "3des sha1"),
        ("SSL_CK_DES_192_EDE3_CBC_WITH_MD5", "3des"),
        ("TLS_RSA_WITH_IDEA_CBC_SHA", "sha1"),
        ("TLS_RSA_WITH_AES_128_CBC_SHA256", ""),
        ("TLS_SRP_SHA_WITH_AES_128_CBC_SHA", "forward_secrecy sha1"),
        ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "aead forward_secrecy"),
        ("TLS_DH_anon_WITH_RC4_128_MD5", "forward_secrecy"),
        ("TLS_DH_RSA_WITH_AES_128_GCM_SHA256", "aead"),
        ("TLS_AES_128_CCM_8_SHA256", "aead forward_secrecy"),
        ("TLS_SHA256_SHA256", "forward_secrecy"),
        ("TLS_GOSTR341112_256_WITH_KUZNYECHIK_MGM_L", "aead forward_secrecy"),
        ("TLS_GOSTR341112_256_WITH_KUZNYECHIK_CTR_OMAC", ""),
        ("TLS_FALLBACK_SCSV", ""),
        ("0x1a2b", ""),
    ],
)
def test_what_a_suite_has(name: str, expected: str) -> None:
    assert " ".join(sorted(traits_of_suite(name))) == expected


def test_every_word_that_is_said_has_a_source_and_a_kind_of_its_own() -> None:
    assert len({weakness.kind for weakness in ALL}) == len(ALL)
    for weakness in ALL:
        assert re.fullmatch(r"[a-z0-9_]+", weakness.kind)
        assert re.search(r"RFC \d{4}|NIST SP 800-52r2|IANA", weakness.source)
        assert str(weakness) == f"{weakness.words} ({weakness.source})"
        assert "(" not in weakness.words


def test_every_kind_of_suite_weakness_occurs_in_the_registries() -> None:
    names = [*CIPHER_SUITES.values(), *CIPHER_KINDS.values()]
    met = {weakness for name in names for weakness in weaknesses_of_suite(name, "SSLv3", 1024)}
    assert met == {weakness for weakness, _ in strength._SUITES}


@pytest.mark.parametrize(
    ("version", "source"),
    [("SSLv2", "RFC 6176"), ("SSLv3", "RFC 7568"), ("TLSv1.0", "RFC 8996"), ("TLSv1.1", "RFC 8996")],
)
def test_versions_that_are_withdrawn(version: str, source: str) -> None:
    [weakness] = weaknesses_of_version(version)
    assert (weakness.source, weakness.level) == (source, "weak")


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3", "TLSv9.9"])
def test_versions_that_are_not(version: str) -> None:
    assert weaknesses_of_version(version) == ()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sect163k1", "small_curve"),
        ("secp192r1", "small_curve"),
        ("secp224r1", "retired_curve"),
        ("sect571r1", "retired_curve"),
        ("secp256k1", "retired_curve"),
        ("arbitrary_explicit_prime_curves", "explicit_curve"),
        ("X25519Kyber768Draft00", "draft_group"),
        ("secp256r1", ""),
        ("secp521r1", ""),
        ("x25519", ""),
        ("brainpoolP256r1", ""),
        ("ffdhe2048", ""),
        ("X25519MLKEM768", ""),
    ],
)
def test_groups(name: str, expected: str) -> None:
    assert name in GROUPS.values()
    assert kinds(weaknesses_of_group(name)) == expected


def test_finite_field_groups_and_parameters_by_their_size() -> None:
    assert kinds(weaknesses_of_group("ffdhe1024")) == kinds(weaknesses_of_dh(1024)) == "short_dh"
    assert weaknesses_of_dh(2048) == ()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rsa_pkcs1_sha1", "sha1_signature"),
        ("ecdsa_sha1", "sha1_signature"),
        ("SHA1_DSA", "sha1_signature"),
        ("md5_rsa", "md5_signature"),
        ("0x0101", ""),
    ],
)
def test_signatures(name: str, expected: str) -> None:
    assert kinds(weaknesses_of_signature(name)) == expected


def test_no_other_registered_signature_is_blamed() -> None:
    blamed = {name for name in SIGNATURE_SCHEMES.values() if weaknesses_of_signature(name)}
    assert blamed == {"rsa_pkcs1_sha1", "ecdsa_sha1"}


@pytest.mark.parametrize(
    ("field", "value", "level"),
    [
        ("secure_renegotiation", False, "weak"),
        ("extended_master_secret", False, "weak"),
        ("compression", True, "weak"),
        ("downgrade_sentinel", False, "weak"),
        ("encrypt_then_mac", False, "dated"),
    ],
)
def test_features(field: str, value: bool, level: str) -> None:
    assert field in TlsFeatures.__struct_fields__
    [weakness] = weaknesses_of_feature(field, value)
    assert weakness.level == level
    assert weaknesses_of_feature(field, not value) == ()
    assert weaknesses_of_feature(field, None) == ()


def test_no_other_feature_is_blamed() -> None:
    assert all(weaknesses_of_feature("heartbeat", value) == () for value in (True, False, None))


def test_suites_of_a_version_by_the_worst_reason() -> None:
    names = ("TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_RC4_128_SHA")
    suites = [CipherSuite(code="0x0000", name=name) for name in names]
    assert weak_suites(suites, "TLSv1.2") == {strength.RC4: [suites[2]], strength.STATIC_RSA: [suites[0]]}
    assert list(weak_suites(suites, "TLSv1.2")) == [strength.RC4, strength.STATIC_RSA]
    assert weak_suites(suites[1:2], "TLSv1.2") == {}
