"""What --what-if takes, and what it says of what it does not take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import InputError
from probe.verify.what_if import Setting, cut_off, parse
from probe.verify.what_if_language import KEYS
from tests.clients.results import modern


def refused(text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        parse(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("tls.min=1.2", "tls.min", "TLSv1.2"),
        ("TLS.Min = TLSv1.2", "tls.min", "TLSv1.2"),
        ("tls.min=tls1.2", "tls.min", "TLSv1.2"),
        ("tls.min=TLS 1.3", "tls.min", "TLSv1.3"),
        ("tls.max=tlsv1", "tls.max", "TLSv1.0"),
        ("tls.min=SSLv3", "tls.min", "SSLv3"),
        ("tls.min=ssl 3.0", "tls.min", "SSLv3"),
        ("tls.min_version=1.2", "tls.min", "TLSv1.2"),
        ("tls.versions=1.3+1.2+1.2", "tls.versions", "TLSv1.2+TLSv1.3"),
        ("nla=Required", "nla", "required"),
        ("nla=on", "nla", "required"),
        ("nla=optional", "nla", "offered"),
        ("nla=no", "nla", "off"),
        ("standard_rdp=no", "standard_rdp", "off"),
        ("rdp=true", "standard_rdp", "on"),
        ("standard_rdp.level=HIGH", "standard_rdp.level", "high"),
        ("suites=class:aead+TLS_RSA_*", "suites", "class:aead+TLS_RSA_*"),
        ("suites.off=class:cbc+class:cbc", "suites.off", "class:cbc"),
        ("groups.off=x25519", "groups.off", "x25519"),
        ("credssp.min=v5", "credssp.min", "5"),
        ("certificate=self-signed", "certificate", "self_signed"),
        ("certificate.key=rsa3072", "certificate.key", "RSA-3072"),
        ("certificate.key=ECDSA-P-256", "certificate.key", "EC-256"),
    ],
)
def test_a_setting_is_read_as_people_write_it(text: str, key: str, value: str) -> None:
    assert parse(text) == (Setting(key, value),)


def test_several_settings_stay_in_their_order() -> None:
    found = parse(" nla=required , tls.min=1.2,")
    assert found == (Setting("nla", "required"), Setting("tls.min", "TLSv1.2"))
    assert parse("tls.versions=1.2+1.3")[0].values == ("TLSv1.2", "TLSv1.3")


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ("", "names no change", "keys are tls.min"),
        (",", "names no change", "tls.min=1.2,nla=required"),
        ("tls.mni=1.2", "unknown key 'tls.mni'", "did you mean tls.min?"),
        ("firewall=on", "unknown key 'firewall'", "keys are tls.min"),
        ("tls.min", "tls.min has no value", "1.0, 1.1, 1.2 or 1.3"),
        ("nla=", "nla has no value", "required, offered or off"),
        ("tls.min=1.4", "tls.min cannot be '1.4'", "did you mean 1.3?"),
        ("tls.min=2", "tls.min cannot be '2'", "1.0, 1.1, 1.2 or 1.3"),
        ("nla=reqired", "nla cannot be 'reqired'", "did you mean required?"),
        ("nla=x", "nla cannot be 'x'", "nla takes required, offered or off"),
        ("tls.versions=1.2+1.9", "tls.versions cannot be '1.2+1.9'", "joined by +"),
        ("credssp.min=7", "credssp.min cannot be '7'", "2 to 6"),
        ("credssp.min=six", "credssp.min cannot be 'six'", "2 to 6"),
        ("certificate.key=DSA-1024", "certificate.key cannot be 'DSA-1024'", "RSA-2048"),
        ("certificate.key=EC-255", "certificate.key cannot be 'EC-255'", "EC-256"),
        ("certificate.key=RSA-100", "certificate.key cannot be 'RSA-100'", "RSA-2048"),
        ("suites=class:waek", 'unknown cipher suite "class:waek"', 'did you mean "class:weak"?'),
        ("groups=x25591", 'unknown group "x25591"', 'did you mean "x25519"?'),
    ],
)
def test_what_is_not_known_is_named_with_what_was_probably_meant(text: str, what: str, hint: str) -> None:
    error = refused(text)
    assert error.what.startswith("--what-if")
    assert what in error.what
    assert hint in error.hint


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("tls.min=1.3,tls.max=1.2", "tls.min=TLSv1.3", "tls.max=TLSv1.2"),
        ("tls.versions=1.2,tls.min=1.2", "tls.versions", "tls.min"),
        ("tls.versions=1.2,tls.max=1.2", "tls.versions", "tls.max"),
        ("standard_rdp=on,nla=required", "standard_rdp=on", "nla=required"),
        ("standard_rdp=off,standard_rdp.level=high", "standard_rdp=off", "standard_rdp.level"),
        ("suites=class:aead,suites.off=class:aead", "suites", "suites.off"),
        ("groups=x25519,groups.off=x25519", "groups", "groups.off"),
    ],
)
def test_what_cannot_both_be_is_refused(text: str, first: str, second: str) -> None:
    error = refused(text)
    assert f"{first} and {second} cannot both be" in error.what
    assert error.hint


def test_a_key_has_one_value() -> None:
    assert "nla is set twice" in refused("nla=required,nla=off").what
    assert parse("nla=required,nla=on") == (Setting("nla", "required"),)


def test_the_help_of_a_key_is_what_it_takes() -> None:
    for key, values in KEYS.items():
        for value in values.known:
            assert parse(f"{key}={value}")


@given(st.text(max_size=30) | st.from_regex(r"[a-z_.]{1,12}=[A-Za-z0-9.+*:]{0,12}(,[a-z.]{3,8}=[a-z0-9.]{1,8})?"))
def test_any_text_is_read_or_refused_with_a_hint(text: str) -> None:
    try:
        assert parse(text)
    except InputError as error:
        assert error.what
        assert error.hint
        assert cut_off(text, modern()) == []


@pytest.mark.parametrize("change", ["", None, "tls.min=9", ","])
def test_no_change_cuts_nobody_off(change: str | None) -> None:
    assert cut_off(change, modern()) == []


@pytest.mark.parametrize("text", ["suites=ECDHE+AESGCM", "suites.off=kRSA", "suites=HIGH"])
def test_words_of_openssl_are_told_from_names(text: str) -> None:
    with pytest.raises(InputError) as raised:
        parse(text)
    assert "+ joins names of the IANA registry" in (raised.value.hint or "")
    assert "class:aead" in (raised.value.hint or "")


def test_a_name_that_is_nearly_one_is_named() -> None:
    with pytest.raises(InputError) as raised:
        parse("suites=class:wek")
    assert raised.value.hint == 'did you mean "class:weak"?'


@pytest.mark.parametrize("size", ["RSA-512", "RSA-1023", "RSA-16385"])
def test_a_key_that_no_library_takes_is_refused(size: str) -> None:
    with pytest.raises(InputError) as raised:
        parse(f"certificate.key={size}")
    assert "of RSA 1024 or more" in (raised.value.hint or "")
    assert parse("certificate.key=RSA-1024")
