"""What was probably meant by a word that names nothing, and never something that was not."""

from __future__ import annotations

from typing import get_args

import pytest
from cryptography.hazmat import _oid
from cryptography.x509.oid import SignatureAlgorithmOID
from hypothesis import given
from hypothesis import strategies as st

from probe.audit.certificate import _SIGNATURES
from probe.errors import InputError
from probe.result import VersionName
from probe.verify.kinds import KINDS
from probe.verify.meant import A_DATE, date_hint, near, wider
from probe.verify.rules_certificate_make import SIGNATURES

VERSIONS = get_args(VersionName)


@pytest.mark.parametrize(
    ("written", "version"),
    [
        *((word, "TLSv1.0") for word in ("TLSv1", "tls1", "TLS 1", "TLS1.0", "1.0", "TLSv1_0", "tls10", "v1.0")),
        *((word, "TLSv1.2") for word in ("1.2", "TLS1.2", "TLS 1.2", "tls-1.2", "TLSV1.2", "TSLv1.2", "TLSv1,2")),
        *((word, "SSLv3") for word in ("SSL3", "SSLv3.0", "ssl 3", "SSL 3.0")),
        ("SSL2.0", "SSLv2"),
    ],
)
def test_a_version_is_meant_by_its_digits(written: str, version: str) -> None:
    assert near(written, VERSIONS) == [version]


@pytest.mark.parametrize("written", ["3", "1", "12", "TLSv2", "TLS 1.4", "TLSv1.x", "TLS", "SSL", "SSLv3.1", "", "3.0"])
def test_no_version_is_guessed(written: str) -> None:
    assert near(written, VERSIONS) == []


@given(st.from_regex(r"(TLS|SSL|tls|T)?[ v_-]{0,2}[0-9]?[._-]?[0-9]?", fullmatch=True))
def test_a_version_that_is_named_has_no_other_digits(written: str) -> None:
    for found in near(written, VERSIONS):
        digits = "".join(filter(str.isdecimal, written))
        assert "".join(filter(str.isdecimal, found)) in (digits, f"{digits}0", digits.removesuffix("0"))


def test_the_kind_of_a_key_is_no_signature() -> None:
    assert near("ECDSA", ["RSA", "EC", "DSA", "Ed25519"]) == ["EC"]
    assert near("critical", ["error", "warning", "note"]) == []


@pytest.mark.parametrize(
    ("word", "pattern"),
    [
        ("sha256", "*sha256*"),
        ("sha256RSA", "*sha256*"),
        ("RSA-SHA256", "*sha256*"),
        ("SHA-256", "*sha256*"),
        ("ecdsa", "*ecdsa*"),
        ("sha2", None),
        ("3.4", None),
        ("quantum", None),
        ("", None),
    ],
)
def test_a_part_of_a_name_is_made_a_pattern(word: str, pattern: str | None) -> None:
    assert wider(word, SIGNATURES, digest=True) == pattern


@pytest.mark.parametrize("key", ["certificate.allowed_signatures", "certificate.forbidden_signatures"])
def test_a_pattern_that_fits_no_signature_is_refused(key: str) -> None:
    for pattern, hint in (
        ("sha256", '"*sha256*"'),
        ("sha256RSA", '"*sha256*"'),
        ("rsa-pss", '"rsassaPss"'),
        ("quantum", "patterns are such as"),
    ):
        with pytest.raises(InputError, match=f'no signature is called "{pattern}"') as raised:
            KINDS[key].validate(["*sha384*", pattern])
        assert hint in raised.value.hint
    KINDS[key].validate(["*", "SHA256with*", "ecdsa-with-SHA256", "1.2.840.113549.*", "2.16.840.1.101.3.4.3.14"])


def test_every_signature_that_the_library_names_is_known() -> None:
    named = {_oid._OID_NAMES.get(oid) for name, oid in vars(SignatureAlgorithmOID).items() if name[:1] != "_"}
    assert (named - {None}) | set(_SIGNATURES.values()) <= set(SIGNATURES)


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("31.12.2027", "2027-12-31"),
        ("1.2.2027", "2027-02-01"),
        ("31/12/2027", "2027-12-31"),
        ("12/31/2027", "2027-12-31"),
        ("2027/1/2", "2027-01-02"),
        ("2027-1-31", "2027-01-31"),
    ],
)
def test_a_date_in_another_order_is_put_right(written: str, date: str) -> None:
    assert date_hint(written) == f"a date is written {date}: year, month, day"


@pytest.mark.parametrize("written", ["1/2/2027", "31.2.2027", "soon", "1.2.27", "31.12.0000", "2027-99-99", "1.2/2027"])
def test_no_date_is_guessed(written: str) -> None:
    assert date_hint(written) == A_DATE


@pytest.mark.parametrize(
    "key", ["tls.forbidden_suites", "tls.forbidden_groups", "tls.forbidden_schemes", "clients.must_connect"]
)
def test_a_long_name_is_cut_where_it_is_told(key: str) -> None:
    with pytest.raises(InputError) as raised:
        KINDS[key].validate(["q" * 500])
    assert len(raised.value.what) < 120
    assert "q…" in raised.value.what
