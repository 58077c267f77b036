from __future__ import annotations

import hashlib

import pytest

from probe.errors import InvalidField, Truncated
from probe.wire.tls_certificate import Certificate, CertificateEntry, CertificateStatus, CertificateTls13
from probe.wire.tls_hello import read_handshake, write_handshake
from probe.wire.tls_record import HandshakeFramer, RecordFramer
from tests.vectors import vector

TLS12, TLS13 = 0x0303, 0x0304


def _message(body: str, msg_type: int = 11) -> bytes:
    raw = bytes.fromhex(body)
    return bytes([msg_type]) + len(raw).to_bytes(3, "big") + raw


def test_the_certificate_of_a_real_server_is_read() -> None:
    records, messages = RecordFramer(), HandshakeFramer()
    records.feed(vector("tls12_ecdhe_flight"))
    while record := records.next_record():
        messages.feed(record.fragment)
    messages.next_message()
    raw = messages.next_message()
    assert raw is not None
    certificate = read_handshake(raw, TLS12)
    assert isinstance(certificate, Certificate)
    assert [len(der) for der in certificate.chain] == [791]
    digest = "717882e7795e5872ed506a6a32cee979945f2d28d3b95f907691f243f65beed1"  # by `openssl x509 | sha256sum`
    assert hashlib.sha256(certificate.chain[0]).hexdigest() == digest
    assert write_handshake(certificate) == raw


@pytest.mark.parametrize(
    ("body", "chain"),
    [("000000", ()), ("000003 000000", (b"",)), ("000008 000001 61 000001 62", (b"a", b"b"))],
)
def test_a_chain_may_be_empty_and_so_may_a_certificate(body: str, chain: tuple[bytes, ...]) -> None:
    assert read_handshake(_message(body), TLS12) == Certificate(chain=chain)


@pytest.mark.parametrize(
    "body",
    [
        "ffffff 000001 61",  # the list claims 16 MB
        "000004 ffffff 61",  # a certificate does
        "000004 000002 61",  # a certificate is longer than its list
        "000002 0000",  # the list ends inside a length
        "0000",
    ],
)
def test_lying_lengths_are_refused(body: str) -> None:
    for version in (TLS12, TLS13):
        with pytest.raises(Truncated):
            read_handshake(_message(body if version == TLS12 else "00" + body), version)


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_bytes_behind_the_list_are_refused(version: int) -> None:
    with pytest.raises(InvalidField, match="left over"):
        read_handshake(_message("000000 00" if version == TLS12 else "00 000000 00"), version)


def test_tls13_has_a_context_and_extensions_behind_each_certificate() -> None:
    message = read_handshake(_message("01 63 00000b 000001 61 0005 0012 0001 7a"), TLS13)
    assert isinstance(message, CertificateTls13)
    assert message.request_context == b"c"
    assert message.chain == (b"a",)
    assert [extension.type for extension in message.entries[0].extensions] == [18]
    assert isinstance(message.entries[0], CertificateEntry)


def test_a_status_of_unknown_type_keeps_its_bytes() -> None:
    assert read_handshake(_message("01 000002 6162", 22), TLS12) == CertificateStatus(status_type=1, response=b"ab")
    assert read_handshake(_message("09 000002", 22), TLS12) == CertificateStatus(status_type=9, response=b"\0\0\2")
    with pytest.raises(InvalidField):
        read_handshake(_message("02 000001 6162", 22), TLS12)
