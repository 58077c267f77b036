from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.audit.standard_cipher import FipsCipher, Rc4Cipher, expand_key, session_keys, standard_cipher
from probe.handshake.licensing import Cipher
from probe.wire.cursor import Reader
from probe.wire.gcc import EncryptionLevel, ServerSecurity
from probe.wire.security_header import FipsHeader, SecurityFlag, SignedHeader
from probe.wire.standard_security import UnknownCertificate, X509CertificateChain
from tests import licensing_server as server
from tests.audit.test_certificate import ec_key, make, rsa_key

CLIENT, SERVER = bytes(range(32)), bytes(range(50, 82))
FLAGS = SecurityFlag.ENCRYPT | SecurityFlag.INFO_PKT
OFFERED = ServerSecurity(
    encryption_method=server.ONE_TWENTY_EIGHT, encryption_level=EncryptionLevel.HIGH, server_random=SERVER
)
Pair = tuple[Cipher, Cipher]


def pair(method: int) -> Pair:
    """The two ends."""
    if method == server.FIPS:
        return FipsCipher(CLIENT, SERVER, b""), FipsCipher(CLIENT, SERVER, b"", serving=True)
    salt = server.SALTS[method]
    return Rc4Cipher(CLIENT, SERVER, b"", salt), Rc4Cipher(CLIENT, SERVER, b"", salt, serving=True)


def opened(cipher: Cipher, sealed: bytes) -> bytes | None:
    r = Reader(sealed, "PDU")
    return cipher.open(cipher.header.read(r), r.rest())


METHODS = [server.FORTY, server.FIFTY_SIX, server.ONE_TWENTY_EIGHT, server.FIPS]


@pytest.mark.parametrize("method", METHODS)
@given(texts=st.lists(st.binary(max_size=50), max_size=5))
def test_what_one_end_seals_the_other_opens_in_both_directions(method: int, texts: list[bytes]) -> None:
    client, serving = pair(method)
    for text in texts:
        assert opened(serving, client.seal(FLAGS, text)) == text
        assert opened(client, serving.seal(FLAGS, text)) == text


@pytest.mark.parametrize("method", METHODS)
def test_what_was_altered_does_not_open(method: int) -> None:
    client, serving = pair(method)
    sealed = bytearray(client.seal(FLAGS, b"twenty-four bytes of text"[:24]))
    sealed[-1] ^= 1
    assert opened(serving, bytes(sealed)) is None


def test_keys_are_shortened_by_their_salt() -> None:
    whole = session_keys(CLIENT, SERVER, b"")
    assert [len(key) for key in whole] == [16, 16, 16]
    assert len(set(whole)) == 3
    for salt in (b"\xd1\x26\x9e", b"\xd1"):
        short = session_keys(CLIENT, SERVER, salt)
        assert short == tuple(salt + key[len(salt) : 8] for key in whole)


def test_the_master_secret_by_hand() -> None:
    """The first signing key, worked out step by step as [MS-RDPBCGR] 5.3.5.1 says."""
    randoms = CLIENT + SERVER

    def salted(secret: bytes, letters: bytes) -> bytes:
        return hashlib.md5(secret + hashlib.sha1(letters + secret + randoms).digest()).digest()

    premaster = CLIENT[:24] + SERVER[:24]
    master = salted(premaster, b"A") + salted(premaster, b"BB") + salted(premaster, b"CCC")
    signing, client, _ = session_keys(CLIENT, SERVER, b"")
    assert signing == salted(master, b"X")
    assert client == hashlib.md5(salted(master, b"ZZZ") + randoms).digest()


def test_a_salted_signature_counts_what_was_opened_before() -> None:
    client, serving = pair(server.ONE_TWENTY_EIGHT)
    assert isinstance(client, Rc4Cipher)
    assert isinstance(serving, Rc4Cipher)
    for count in range(3):
        header = SignedHeader(
            flags=FLAGS | SecurityFlag.SECURE_CHECKSUM,
            signature=client._signature(b"text", count.to_bytes(4, "little")),
        )
        body = client.seal(FLAGS, b"text")[12:]
        assert serving.open(header, body) == b"text"


def test_a_des_key_as_the_specification_expands_it() -> None:
    expanded = expand_key(bytes.fromhex("d15ec47eda") + bytes(15))
    assert expanded[:5].hex() == "513d107626"  # [MS-RDPBCGR] 5.3.5.2
    assert len(expanded) == 24
    assert all(byte.bit_count() % 2 for byte in expanded)


@pytest.mark.parametrize(("data", "padding"), [(bytes(5), 0), (bytes(8), 9), (b"", 200)])
def test_blocks_and_padding_that_cannot_be(data: bytes, padding: int) -> None:
    _, serving = pair(server.FIPS)
    header = FipsHeader(flags=FLAGS, signature=bytes(8), padding=padding)
    assert serving.open(header, data) is None


@pytest.mark.parametrize("method", METHODS)
def test_the_server_can_work_out_what_the_client_has(method: int) -> None:
    security = replace(OFFERED, encryption_method=method)
    cipher = standard_cipher(security, server.certificate(), lambda size: bytes(range(size)))
    assert cipher is not None
    key = server.rsa_key()
    assert len(cipher.exchange) == 136
    random = pow(int.from_bytes(cipher.exchange, "little"), key.d, key.public_numbers.n).to_bytes(32, "little")
    assert random == CLIENT
    assert opened(pair(method)[1], cipher.seal(FLAGS, b"hello")) == b"hello"


def test_the_key_of_an_x509_chain_is_that_of_its_last_certificate() -> None:
    leaf = make(key=rsa_key())
    cipher = standard_cipher(OFFERED, X509CertificateChain(certificates=(make(), leaf)), lambda size: CLIENT[:size])
    assert cipher is not None
    private = rsa_key().private_numbers()
    random = pow(int.from_bytes(cipher.exchange, "little"), private.d, private.public_numbers.n)
    assert (random.to_bytes(32, "little"), len(cipher.exchange)) == (CLIENT, 264)


def broken_key() -> bytes:
    """A certificate whose key is of an algorithm that nobody knows."""
    oid = bytes.fromhex("06092a864886f70d010101")  # rsaEncryption
    der = make(key=rsa_key())
    assert der.count(oid) == 1
    return der.replace(oid, oid[:-1] + b"\x7f")


UNUSABLE = {
    "no chain": X509CertificateChain(certificates=()),
    "no certificate": X509CertificateChain(certificates=(b"no certificate",)),
    "no RSA key": X509CertificateChain(certificates=(make(key=ec_key()),)),
    "an unknown key": X509CertificateChain(certificates=(broken_key(),)),
    "an unknown kind": UnknownCertificate(version=7, body=b""),
    "a modulus of zero": replace(server.certificate(), modulus_field=bytes(72)),
    "a short modulus": replace(server.certificate(), modulus_field=b"\xff" * 32),
    "a modulus without end": replace(server.certificate(), modulus_field=b"\xff" * 2049),
    "an exponent of zero": replace(server.certificate(), exponent=0),
}


@pytest.mark.parametrize("certificate", UNUSABLE.values(), ids=UNUSABLE)
def test_a_key_that_cannot_be_used(
    certificate: X509CertificateChain | UnknownCertificate,
) -> None:
    assert standard_cipher(OFFERED, certificate, bytes) is None


@pytest.mark.parametrize(
    "security",
    [
        replace(OFFERED, server_random=None),
        replace(OFFERED, server_random=bytes(31)),
        replace(OFFERED, encryption_method=0x04),
        replace(OFFERED, encryption_method=0x03),
    ],
)
def test_a_choice_that_cannot_be_used(security: ServerSecurity) -> None:
    assert standard_cipher(security, server.certificate(), bytes) is None
