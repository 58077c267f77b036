from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.audit.certificate import describe
from probe.audit.certificate_der import PublicKeyInfo, parse, public_key_info, salvage, unknown_key
from probe.errors import WireError
from probe.result import Certificate, Key
from tests.real.pki import Recipe, ec_key, rsa_key

GOOD = Recipe(
    common="srv1",
    key=ec_key(),
    validity=(datetime(1970, 1, 2, tzinfo=UTC), datetime(2068, 5, 6, 7, 8, 9, tzinfo=UTC)),
).signed_by(None)


def salvaged(der: bytes) -> Certificate:
    found = Certificate(sha256="")
    salvage(der, found)
    return found


def element(tag: int, *content: bytes) -> bytes:
    joined = b"".join(content)
    return bytes([tag, 0x82]) + len(joined).to_bytes(2, "big") + joined


def name(tag: int, value: bytes, kind: str = "550403") -> bytes:
    return element(0x30, element(0x31, element(0x30, element(0x06, bytes.fromhex(kind)), element(tag, value))))


def time(tag: int, value: str) -> bytes:
    return element(tag, value.encode())


FIRST, LAST = time(0x17, "260101000000Z"), time(0x17, "270101000000Z")
KEY = element(0x30, element(0x30, element(0x06, bytes.fromhex("2a030405"))), element(0x03, b"\0key"))


def built(
    *,
    serial: bytes = b"\x12\x34",
    issuer: bytes = name(0x0C, b"CA"),
    first: bytes = FIRST,
    last: bytes = LAST,
    subject: bytes = name(0x0C, b"srv1"),
    key: bytes = KEY,
) -> bytes:
    """A certificate of version 1 without a signature, in lengths that DER forbids."""
    fields = (element(0x02, serial), element(0x30), issuer, element(0x30, first, last), subject, key)
    return element(0x30, element(0x30, *fields))


def test_our_reader_and_the_library_agree() -> None:
    found, expected = salvaged(GOOD.der), describe(GOOD.der)
    for field in ("serial", "subject", "issuer", "not_before", "not_after", "spki_sha256"):
        assert getattr(found, field) == getattr(expected, field)
    assert found.key == Key(type="EC", curve="1.2.840.10045.3.1.7")


def test_what_the_library_refuses_is_read_as_far_as_it_goes() -> None:
    assert isinstance(parse(built()), str)
    found = describe(built())
    assert found.error is not None
    assert (found.serial, found.subject, found.issuer) == ("1234", "CN=srv1", "CN=CA")
    assert (found.not_before, found.not_after) == ("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")
    assert found.key == Key(type="1.2.3.4.5")
    assert found.self_signed is None


def test_a_certificate_that_is_cut_short_keeps_what_came_before() -> None:
    der = built(subject=b"\x30")
    found = salvaged(der)
    assert (found.serial, found.issuer, found.not_after) == ("1234", "CN=CA", "2027-01-01T00:00:00Z")
    assert (found.subject, found.key) == (None, None)
    assert salvaged(b"").serial is None


def test_a_serial_number_may_be_negative() -> None:
    assert salvaged(built(serial=b"\xff\x34")).serial == "-cc"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (time(0x17, "500101000000Z"), "1950-01-01T00:00:00Z"),
        (time(0x17, "491231235959Z"), "2049-12-31T23:59:59Z"),
        (time(0x17, "2601010000Z"), "2026-01-01T00:00:00Z"),  # without seconds, as DER forbids
        (time(0x18, "99991231235959Z"), "9999-12-31T23:59:59Z"),
        (time(0x18, "19500101000000.5Z"), "1950-01-01T00:00:00Z"),
        (time(0x17, "260132000000Z"), None),
        (time(0x18, "00000101000000Z"), None),
        (time(0x17, "soon"), None),
        (time(0x0C, "260101000000Z"), None),
    ],
)
def test_times(written: bytes, expected: str | None) -> None:
    assert salvaged(built(last=written)).not_after == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (name(0x0C, "m\u00fcnchen".encode()), "CN=m\u00fcnchen"),
        (name(0x13, b"a\0b"), "CN=a\0b"),
        (name(0x1E, "\u00fc".encode("utf-16-be")), "CN=\u00fc"),
        (name(0x0C, b"\xff"), "CN=\ufffd"),
        (name(0x0C, b"org", kind="55040a"), None),
        (element(0x30), None),
    ],
)
def test_common_names(written: bytes, expected: str | None) -> None:
    assert salvaged(built(subject=written)).subject == expected


def info(algorithm: str, key: bytes = b"", parameter_oid: str | None = None) -> PublicKeyInfo:
    return PublicKeyInfo(raw=b"", algorithm=algorithm, parameter_oid=parameter_oid, key=key)


@pytest.mark.parametrize(
    ("served", "expected"),
    [
        (info("1.2.643.7.1.1.1.1", parameter_oid="1.2.643.2.2.35.1"), Key(type="GOST R 34.10-2012 256")),
        (info("1.2.840.10045.2.1", parameter_oid="1.2.156.10197.1.301"), Key(type="EC", curve="SM2")),
        (info("1.2.840.10045.2.1", parameter_oid="1.2.3"), Key(type="EC", curve="1.2.3")),
        (info("1.2.840.10045.2.1"), Key(type="EC")),
        (info("1.2.840.113549.1.1.1", b"garbage"), Key(type="RSA")),
        (info("1.2.840.113549.1.1.1", bytes.fromhex("3006020200ff020103")), Key(type="RSA", bits=8)),
        (info("2.999.1"), Key(type="2.999.1")),
    ],
)
def test_keys_by_their_algorithm(served: PublicKeyInfo, expected: Key) -> None:
    assert unknown_key(served) == expected


@pytest.mark.parametrize(
    ("algorithm", "parameters", "expected"),
    [
        ("2a030405", b"", ("1.2.3.4.5", None)),
        ("883703", element(0x05), ("2.999.3", None)),
        ("", b"", ("", None)),
        ("2a85030202", element(0x30, element(0x06, b"\x2a\x03")), ("1.2.643.2.2", "1.2.3")),
        ("2a8648ce3d0201", element(0x06, b"\x2a\x03"), ("1.2.840.10045.2.1", "1.2.3")),
        ("2a03", element(0x30), ("1.2.3", None)),
    ],
)
def test_algorithms_and_their_parameters(algorithm: str, parameters: bytes, expected: tuple[str, str | None]) -> None:
    key = element(0x30, element(0x06, bytes.fromhex(algorithm)), parameters)
    fields = (element(0x02, b"1"), element(0x30), name(0x0C, b"CA"), element(0x30), name(0x0C, b"srv1"))
    found = public_key_info(element(0x30, *fields, element(0x30, key, element(0x03, b"\0key"))))
    assert (found.algorithm, found.parameter_oid) == expected
    assert found.key == b"key"


def test_a_key_that_is_not_there_is_an_error() -> None:
    with pytest.raises(WireError):
        public_key_info(element(0x30))


@given(garbage=st.binary(max_size=300))
def test_any_bytes_are_read_as_far_as_they_go(garbage: bytes) -> None:
    salvaged(garbage)
    salvaged(element(0x30, element(0x30, garbage)))


@given(at=st.integers(0, 400), value=st.integers(0, 255))
def test_any_byte_may_be_wrong(at: int, value: int) -> None:
    der = bytearray(Recipe(key=rsa_key()).signed_by(None).der)
    der[at % len(der)] = value
    salvaged(bytes(der))
