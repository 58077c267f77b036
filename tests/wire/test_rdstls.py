"""What RDSTLS and RDS-AAD servers say first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import InvalidField, Truncated
from probe.wire.cursor import Reader, Writer
from probe.wire.rdstls import RdstlsCapabilities, ServerNonce, UnknownRdstls, read_rdstls
from tests.vectors import vector


def written(message: RdstlsCapabilities | UnknownRdstls | ServerNonce) -> bytes:
    w = Writer()
    message.write(w)
    return w.getvalue()


def test_the_capabilities_of_the_specification() -> None:
    raw = vector("rdstls_capabilities")
    message = read_rdstls(Reader(raw, "RDSTLS"))
    assert message == RdstlsCapabilities(version=1, data_type=1, supported_versions=1)
    assert written(message) == raw


def test_freerdp_3_sets_a_second_version_bit() -> None:
    message = read_rdstls(Reader(bytes.fromhex("0100010001000300"), "RDSTLS"))
    assert isinstance(message, RdstlsCapabilities)
    assert message.supported_versions == 3


def test_bytes_behind_the_capabilities_are_left_to_whoever_comes_next() -> None:
    r = Reader(bytes.fromhex("0100010001000100") + b"next", "RDSTLS")
    read_rdstls(r)
    assert r.rest() == b"next"


def test_another_pdu_is_kept_whole() -> None:
    raw = bytes.fromhex("0100 0400 0100 05000000")  # an authentication response: access denied
    message = read_rdstls(Reader(raw, "RDSTLS"))
    assert message == UnknownRdstls(pdu_type=4, body=bytes.fromhex("010005000000"))
    assert written(message) == raw


def test_capabilities_refuse_another_type() -> None:
    with pytest.raises(InvalidField):
        RdstlsCapabilities.read(Reader(bytes.fromhex("0100040001000100"), "RDSTLS"))


def test_a_nonce_ends_with_nul() -> None:
    r = Reader(b'{"ts_nonce":"AwABAAEAAAACAAAA"}\0rest', "ServerNonce")
    nonce = ServerNonce.read(r)
    assert nonce.ts_nonce == "AwABAAEAAAACAAAA"
    assert written(nonce) == b'{"ts_nonce":"AwABAAEAAAACAAAA"}\0'
    assert r.rest() == b"rest"
    with pytest.raises(Truncated):
        ServerNonce.read(Reader(b'{"ts_nonce":"AwABAAEAAAACAAAA"}', "ServerNonce"))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[]",
        b'"ts_nonce"',
        b'{"ts_nonce":5}',
        b'{"ts_nonce":null}',
        b'{"ts_nonce":"\xff"}',
        b'{"ts_nonce":"cut',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"9" * 10_000,
        b'\xef\xbb\xbf{"ts_nonce":"a"}',
    ],
    ids=lambda text: repr(text[:16]),
)
def test_hostile_json_gives_no_nonce_and_survives(text: bytes) -> None:
    nonce = ServerNonce.read(Reader(text + b"\0", "ServerNonce"))
    assert nonce.ts_nonce is None
    assert written(nonce) == text + b"\0"


def test_half_a_surrogate_pair_becomes_something_that_can_be_printed() -> None:
    assert ServerNonce(text=rb'{"ts_nonce":"a\ud800b"}').ts_nonce == "a?b"
    assert ServerNonce(text=rb'{"ts_nonce":"\ud83d\ude00"}').ts_nonce == "\U0001f600"


@given(text=st.binary(max_size=100) | st.text(max_size=40).map(lambda text: f'{{"ts_nonce":{text}}}'.encode()))
def test_a_nonce_can_always_be_encoded(text: bytes) -> None:
    nonce = ServerNonce(text=text).ts_nonce
    assert nonce is None or nonce.encode().decode() == nonce
