"""Server certificates of the specification and of a real server, their signatures, and hostile sizes."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import InvalidField, Truncated
from probe.wire import gcc, standard_security
from probe.wire.standard_security import (
    ProprietaryCertificate,
    UnknownCertificate,
    X509CertificateChain,
    read_server_certificate,
    write_server_certificate,
)
from tests.wire.test_gcc import response_of


def raw_certificate(server: str) -> bytes:
    security = response_of(f"mcs_connect_response_{server}").block(gcc.ServerSecurity)
    assert security is not None
    assert security.server_certificate is not None
    return security.server_certificate


MICROSOFT = raw_certificate("microsoft")


def proprietary(raw: bytes) -> ProprietaryCertificate:
    certificate = read_server_certificate(raw)
    assert isinstance(certificate, ProprietaryCertificate)
    return certificate


@pytest.mark.parametrize(
    ("server", "bits", "modulus_starts"),
    [("microsoft", 512, 0xBC12562663), ("xrdp", 2048, 0xC779A6E66D)],
)
def test_a_real_certificate(server: str, bits: int, modulus_starts: int) -> None:
    raw = raw_certificate(server)
    certificate = proprietary(raw)
    assert (certificate.key_bits, certificate.bitlen, certificate.datalen) == (bits, bits, bits // 8 - 1)
    assert certificate.exponent == 65537
    assert certificate.modulus >> (bits - 40) == modulus_starts
    assert len(certificate.modulus_field) == bits // 8 + 8
    assert (certificate.version, certificate.temporary, len(certificate.signature)) == (1, False, 72)
    assert certificate.signature_valid()
    assert write_server_certificate(certificate) == raw


@pytest.mark.parametrize(
    "place",
    [4, 8, 12, 24, 28, 32, 36, 99, 107, 112, 175],
    ids=str,
)
def test_a_flipped_bit_breaks_the_signature(place: int) -> None:
    raw = bytearray(MICROSOFT)
    raw[place] ^= 1
    assert not proprietary(bytes(raw)).signature_valid()


@given(bit=st.integers(0, 512 - 1))
def test_any_bit_of_the_modulus_counts(bit: int) -> None:
    raw = bytearray(MICROSOFT)
    raw[36 + bit // 8] ^= 1 << bit % 8
    assert not proprietary(bytes(raw)).signature_valid()


def test_the_temporary_bit_is_signed_and_survives() -> None:
    raw = MICROSOFT[:3] + b"\x80" + MICROSOFT[4:]
    certificate = proprietary(raw)
    assert (certificate.version, certificate.temporary) == (1, True)
    assert not certificate.signature_valid()
    assert write_server_certificate(certificate) == raw


def test_the_padding_behind_the_signature_is_not_signed() -> None:
    certificate = dataclasses.replace(proprietary(MICROSOFT), unknown=b"more", signature_blob_type=9)
    assert certificate.signature_valid()
    assert read_server_certificate(write_server_certificate(certificate)) == certificate


def test_another_signature_is_invalid() -> None:
    certificate = proprietary(MICROSOFT)
    for signature in (b"", bytes(72), b"\xff" * 72, b"\xff" * 65535):
        assert not dataclasses.replace(certificate, signature=signature).signature_valid()


def test_a_modulus_of_zero_has_no_bits() -> None:
    raw = MICROSOFT[:36] + bytes(72) + MICROSOFT[108:]
    certificate = proprietary(raw)
    assert (certificate.modulus, certificate.key_bits, certificate.bitlen) == (0, 0, 512)
    assert not certificate.signature_valid()


def test_a_declared_size_does_not_change_that_of_the_key() -> None:
    certificate = proprietary(MICROSOFT[:24] + bytes.fromhex("00000080") + MICROSOFT[28:])
    assert (certificate.bitlen, certificate.key_bits) == (2**31, 512)
    assert not certificate.signature_valid()


@pytest.mark.parametrize("keylen", [73, 2**31, 2**32 - 1])
def test_a_modulus_longer_than_its_blob_is_truncated(keylen: int) -> None:
    with pytest.raises(Truncated, match=f"modulus at byte 36: {keylen} bytes needed, 72 left"):
        read_server_certificate(MICROSOFT[:20] + keylen.to_bytes(4, "little") + MICROSOFT[24:])


def test_a_modulus_shorter_than_its_blob_is_refused() -> None:
    with pytest.raises(InvalidField, match="bytes left over: 1"):
        read_server_certificate(MICROSOFT[:20] + bytes([71]) + MICROSOFT[21:])


def test_a_key_of_another_kind_is_refused() -> None:
    with pytest.raises(InvalidField, match="0x31415352 expected: 0x32415352"):
        read_server_certificate(MICROSOFT.replace(b"RSA1", b"RSA2"))


def test_every_prefix_of_a_real_certificate_is_truncated() -> None:
    for size in range(len(MICROSOFT)):
        with pytest.raises(Truncated):
            read_server_certificate(MICROSOFT[:size])


# [MS-RDPELE] 2.2.1.4.2, with stand-ins for the two certificates.
CHAIN = bytes.fromhex("02000080 02000000 03000000 300101 04000000 30020202") + bytes(8 + 4 * 2)


def test_a_chain_of_x509_certificates() -> None:
    chain = read_server_certificate(CHAIN)
    assert chain == X509CertificateChain(
        temporary=True,
        certificates=(bytes.fromhex("300101"), bytes.fromhex("30020202")),
        padding=bytes(16),
    )
    assert chain.version == 2
    assert write_server_certificate(chain) == CHAIN


def test_ten_thousand_certificates() -> None:
    chain = X509CertificateChain(certificates=(b"\x30",) * 10_000)
    assert read_server_certificate(write_server_certificate(chain)) == chain


@pytest.mark.parametrize("count", [3, 10_000, 2**32 - 1])
def test_more_certificates_than_there_are_bytes(count: int) -> None:
    raw = CHAIN[:4] + count.to_bytes(4, "little") + CHAIN[8:-16]
    with pytest.raises(Truncated, match="cbCert"):
        read_server_certificate(raw)


def test_a_certificate_longer_than_the_chain_is_truncated() -> None:
    with pytest.raises(Truncated, match="abCert at byte 12: 2147483648 bytes needed"):
        read_server_certificate(bytes.fromhex("02000000 01000000 00000080") + bytes(100))


def test_a_certificate_of_another_version_is_kept() -> None:
    raw = bytes.fromhex("03000080 aabb")
    certificate = read_server_certificate(raw)
    assert certificate == UnknownCertificate(version=3, temporary=True, body=b"\xaa\xbb")
    assert write_server_certificate(certificate) == raw


def test_three_bytes_hold_no_version() -> None:
    with pytest.raises(Truncated, match="dwVersion"):
        standard_security.read_server_certificate(b"\x01\0\0")
