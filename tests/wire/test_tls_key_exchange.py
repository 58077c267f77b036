from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import InvalidField, Truncated, WireError
from probe.wire.tls_hello import read_handshake
from probe.wire.tls_key_exchange import (
    DheParameters,
    EcdheParameters,
    KeyExchange,
    RsaExportParameters,
    ServerKeyExchange,
    UnknownKeyExchange,
    key_exchange_of,
    read_server_key_exchange,
)
from probe.wire.tls_record import HandshakeFramer, RecordFramer
from tests.strategies.tls_key_exchange import write
from tests.vectors import vector

SSL3, TLS10, TLS12 = 0x0300, 0x0301, 0x0303
KEY_EXCHANGES = ("ECDHE_RSA", "DHE_DSS", "DH_anon", "ECDH_anon", "RSA_EXPORT", "ECDHE_PSK", "SRP_SHA", "")


def _parameters(name: str, version: int, key_exchange: str) -> KeyExchange:
    records, messages = RecordFramer(), HandshakeFramer()
    records.feed(vector(name))
    while record := records.next_record():
        messages.feed(record.fragment)
    while raw := messages.next_message():
        message = read_handshake(raw, version)
        if isinstance(message, ServerKeyExchange):
            parameters = read_server_key_exchange(message.params, version, key_exchange)
            assert write(parameters) == message.params
            return parameters
    raise AssertionError(name)


def test_an_elliptic_curve_of_openssl_in_tls12() -> None:
    parameters = _parameters("tls12_ecdhe_flight", TLS12, "ECDHE_RSA")
    assert isinstance(parameters, EcdheParameters)
    assert parameters.group == 0x001D
    assert parameters.point.hex() == "2676e98493821d31989b97e2a33917873a1428660650b2ca4c3b06998bc77749"
    assert parameters.signature_scheme == 0x0804
    assert parameters.signature is not None
    assert (parameters.signature[:4].hex(), len(parameters.signature)) == ("31d5fa00", 256)


def test_an_elliptic_curve_of_openssl_in_tls10_has_no_signature_scheme() -> None:
    parameters = _parameters("tls10_ecdhe_key_exchange", TLS10, "ECDHE_RSA")
    assert isinstance(parameters, EcdheParameters)
    assert (parameters.group, len(parameters.point)) == (0x0017, 65)
    assert parameters.signature_scheme is None
    assert parameters.signature is not None
    assert (parameters.signature[:4].hex(), len(parameters.signature)) == ("213d9812", 256)


def test_a_diffie_hellman_group_of_openssl() -> None:
    parameters = _parameters("tls12_dhe_key_exchange", TLS12, "DHE_RSA")
    assert isinstance(parameters, DheParameters)
    assert (parameters.bits, parameters.g) == (2048, b"\x02")
    assert parameters.p[:12].hex() == "ffffffffffffffffc90fdaa2"
    assert parameters.ys[:4].hex() == "221fc0f7"
    assert parameters.signature_scheme == 0x0804


def test_read_with_the_wrong_version_a_key_exchange_does_not_fit() -> None:
    with pytest.raises(WireError):
        _parameters("tls10_ecdhe_key_exchange", TLS12, "ECDHE_RSA")


@pytest.mark.parametrize(("p", "bits"), [("", 0), ("00", 0), ("0001", 1), ("00ff", 8), ("80" + "00" * 63, 512)])
def test_leading_zeros_do_not_make_a_number_larger(p: str, bits: int) -> None:
    assert DheParameters(p=bytes.fromhex(p), g=b"", ys=b"", signed=None).bits == bits
    assert RsaExportParameters(modulus=bytes.fromhex(p), exponent=b"", signed=None).bits == bits


def test_anonymous_parameters_have_no_signature() -> None:
    body = bytes.fromhex("0002 00fb 0001 02 0001 07")
    parameters = read_server_key_exchange(body, TLS12, "DH_anon")
    assert isinstance(parameters, DheParameters)
    assert (parameters.signature, parameters.signature_scheme, write(parameters)) == (None, None, body)
    curve = read_server_key_exchange(bytes.fromhex("03 0017 01 04"), TLS10, "ECDH_anon")
    assert curve == EcdheParameters(group=0x17, point=b"\x04", signed=None)


def test_an_export_key_is_read_without_a_scheme_in_sslv3() -> None:
    parameters = read_server_key_exchange(bytes.fromhex("0002 80ff 0001 03 0001 99"), SSL3, "RSA_EXPORT")
    assert isinstance(parameters, RsaExportParameters)
    assert (parameters.bits, parameters.exponent, parameters.signature) == (16, b"\x03", b"\x99")


@pytest.mark.parametrize("key_exchange", ["ECDHE_PSK", "RSA_PSK", "PSK_DHE", "SRP_SHA_RSA", "KRB5_EXPORT", "GOST", ""])
def test_what_has_no_layout_here_stays_whole(key_exchange: str) -> None:
    assert read_server_key_exchange(b"\x03\x00", TLS12, key_exchange) == UnknownKeyExchange(body=b"\x03\x00")


def test_a_curve_given_by_its_equation_stays_whole() -> None:
    assert read_server_key_exchange(b"\x01\x09", TLS12, "ECDHE_RSA") == UnknownKeyExchange(body=b"\x01\x09")


def test_an_empty_body_is_truncated_and_a_long_one_has_bytes_left_over() -> None:
    with pytest.raises(Truncated):
        read_server_key_exchange(b"", TLS12, "ECDHE_RSA")
    with pytest.raises(InvalidField, match="left over"):
        read_server_key_exchange(bytes.fromhex("03 0017 00 00"), TLS12, "ECDH_anon")


@given(body=st.binary(max_size=120), version=st.integers(SSL3, TLS12), key_exchange=st.sampled_from(KEY_EXCHANGES))
def test_any_bytes_are_kept_or_refused(body: bytes, version: int, key_exchange: str) -> None:
    try:
        parameters = read_server_key_exchange(body, version, key_exchange)
    except WireError as error:
        assert error.offset <= len(body)
    else:
        assert write(parameters) == body


@pytest.mark.parametrize(
    ("suite", "key_exchange"),
    [
        (0xC02F, "ECDHE_RSA"),
        (0x009E, "DHE_RSA"),
        (0x0003, "RSA_EXPORT"),
        (0x0018, "DH_anon"),
        (0x002F, "RSA"),
        (0x1301, ""),
        (0x0A0A, ""),
    ],
)
def test_a_suite_states_its_key_exchange(suite: int, key_exchange: str) -> None:
    assert key_exchange_of(suite) == key_exchange
