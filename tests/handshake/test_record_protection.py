from __future__ import annotations

import hashlib
import hmac

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4, TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from hypothesis import given
from hypothesis import strategies as st

from probe.handshake.machine import SIDES, Side
from probe.handshake.record_protection import CannotOpen, Tls13Opener, expand_label, master_secret, openers, prf
from probe.wire.iana import CIPHER_SUITES
from probe.wire.tls_record import ContentType, Record
from probe.wire.tls_version import SSL3, TLS10, TLS11, TLS12, TLS13

CODES = {name: code for code, name in CIPHER_SUITES.items()}
MASTER, RANDOMS = b"m" * 48, (b"c" * 32, b"s" * 32)
DATA = ContentType.APPLICATION_DATA


def record(fragment: bytes, version: int = TLS12) -> Record:
    return Record(type=DATA, version=version, fragment=fragment)


def keys(version: int, suite: str, mac: int, key: int, iv: int) -> list[bytes]:
    """The client's: RFC 5246 section 6.3, written down once more."""
    size = 2 * (mac + key + iv)
    block = prf(version, CODES[suite], MASTER, b"key expansion" + RANDOMS[1] + RANDOMS[0], size)
    return [block[:mac], block[2 * mac : 2 * mac + key], block[2 * (mac + key) : 2 * (mac + key) + iv]]


def mac_of(digest: str, key: bytes, sequence: int, version: int, data: bytes) -> bytes:
    head = sequence.to_bytes(8, "big") + bytes([DATA]) + version.to_bytes(2, "big") + len(data).to_bytes(2, "big")
    return hmac.digest(key, head + data, digest)


def test_the_prf_of_tls_1_2_gives_the_vector_that_implementers_share() -> None:
    # "P_SHA256 test vector", IETF TLS working group's list, 2008
    out = prf(
        TLS12,
        CODES["TLS_RSA_WITH_AES_128_CBC_SHA"],
        bytes.fromhex("9bbe436ba940f017b17652849a71db35"),
        b"test label" + bytes.fromhex("a0ba9f936cda311827a6f796ffd5198c"),
        100,
    )
    assert out.hex().startswith(
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e"
    )


def test_keys_of_a_traffic_secret_are_those_of_the_rfc() -> None:
    # RFC 8448 section 3: the server's handshake traffic secret, its key and IV
    secret = bytes.fromhex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38")
    assert expand_label(secret, "key", 16, "sha256").hex() == "3fce516009c21727d0f2e4e86ee403bc"
    assert expand_label(secret, "iv", 12, "sha256").hex() == "5d313eb2671276ee13000b30"


@pytest.mark.parametrize("version", [TLS10, TLS11, TLS12])
def test_triple_des_is_opened(version: int) -> None:
    suite = "TLS_RSA_WITH_3DES_EDE_CBC_SHA"
    mac, key, iv = keys(version, suite, 20, 24, 8 if version == TLS10 else 0)
    opener = openers(version, CODES[suite], MASTER, RANDOMS, encrypt_then_mac=False)[Side.CLIENT]
    for sequence, plain in enumerate([b"first", b"", b"third" * 100]):
        inside = plain + mac_of("sha1", mac, sequence, version, plain)
        padding = 7 - len(inside) % 8
        inside += bytes([padding]) * (padding + 1)
        explicit = b"" if version == TLS10 else b"explicit"
        cipher = Cipher(TripleDES(key), modes.CBC(explicit or iv)).encryptor()
        sealed = cipher.update(inside)
        iv = sealed[-8:]
        assert opener.open(record(explicit + sealed, version)) == (DATA, plain)


@pytest.mark.parametrize(("suite", "digest", "size"), [("RC4_128_SHA", "sha1", 20), ("RC4_128_MD5", "md5", 16)])
def test_rc4_goes_on_from_record_to_record(suite: str, digest: str, size: int) -> None:
    name = f"TLS_RSA_WITH_{suite}"
    mac, key, _ = keys(TLS12, name, size, 16, 0)
    cipher = Cipher(ARC4(key), None).encryptor()
    opener = openers(TLS12, CODES[name], MASTER, RANDOMS, encrypt_then_mac=True)[Side.CLIENT]
    for sequence, plain in enumerate([b"first", b"second"]):
        sealed = cipher.update(plain + mac_of(digest, mac, sequence, TLS12, plain))
        assert opener.open(record(sealed)) == (DATA, plain)


def test_a_library_without_a_cipher_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from cryptography.hazmat.primitives import ciphers

    def missing(*_: object) -> None:
        raise UnsupportedAlgorithm("not here")

    monkeypatch.setattr(ciphers, "Cipher", missing)
    for name, word in (("TLS_RSA_WITH_RC4_128_SHA", "RC4-128"), ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", "3DES-EDE")):
        with pytest.raises(CannotOpen, match=f"this machine's library has no {word}"):
            openers(TLS12, CODES[name], MASTER, RANDOMS, encrypt_then_mac=False)


@pytest.mark.parametrize(
    "name",
    [
        "TLS_ECDHE_RSA_WITH_ARIA_128_GCM_SHA256",
        "TLS_RSA_WITH_CAMELLIA_128_GCM_SHA256",
        "TLS_RSA_WITH_DES_CBC_SHA",
        "TLS_RSA_EXPORT_WITH_RC4_40_MD5",
        "TLS_RSA_WITH_IDEA_CBC_SHA",
        "TLS_NULL_WITH_NULL_NULL",
    ],
)
def test_suites_without_an_opener_are_named(name: str) -> None:
    with pytest.raises(CannotOpen, match=f"records of {name} cannot be opened here"):
        openers(TLS12, CODES[name], MASTER, RANDOMS, encrypt_then_mac=False)


def test_every_suite_that_is_registered_has_openers_or_says_so() -> None:
    made = 0
    for code in [*CIPHER_SUITES, 0x1A1A, 0xFFFF]:
        try:
            assert set(openers(TLS12, code, MASTER, RANDOMS, encrypt_then_mac=False)) == set(SIDES)
            made += 1
        except CannotOpen as error:
            assert "cannot be opened here" in str(error)
    assert made > 100


@pytest.mark.parametrize("version", [SSL3, TLS13, 0x0305])
def test_versions_without_an_opener_are_told(version: int) -> None:
    with pytest.raises(CannotOpen, match="this version"):
        openers(version, CODES["TLS_RSA_WITH_AES_128_CBC_SHA"], MASTER, RANDOMS, encrypt_then_mac=False)


def test_suites_of_other_versions_are_told() -> None:
    with pytest.raises(CannotOpen, match=r"is no suite of TLS 1\.3"):
        Tls13Opener(CODES["TLS_RSA_WITH_AES_128_CBC_SHA"], bytes(32))


SUITES = [
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_128_CCM_8",
    "TLS_RSA_WITH_NULL_SHA256",
    "TLS_RSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
]


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("mac_outside", [True, False])
@given(fragment=st.binary(max_size=100))
def test_what_others_made_is_never_opened(suite: str, mac_outside: bool, fragment: bytes) -> None:
    opener = openers(TLS12, CODES[suite], MASTER, RANDOMS, encrypt_then_mac=mac_outside)[Side.SERVER]
    with pytest.raises(CannotOpen):
        opener.open(record(fragment))


def test_a_record_of_no_whole_block_or_of_nothing_but_a_mac_is_told() -> None:
    suite = "TLS_RSA_WITH_AES_128_CBC_SHA"
    mac, _, _ = keys(TLS12, suite, 20, 16, 0)
    opener = openers(TLS12, CODES[suite], MASTER, RANDOMS, encrypt_then_mac=True)[Side.CLIENT]
    for sequence, sealed in enumerate((b"", b"short", b"i" * 16, b"i" * 16 + b"odd")):
        mac_outside = mac_of("sha1", mac, sequence, TLS12, sealed)  # right each time, and so the record is counted
        with pytest.raises(CannotOpen, match="another connection's"):
            opener.open(record(sealed + mac_outside))


@pytest.mark.parametrize("fragment", [b"", bytes(16), bytes(17)])
def test_a_record_of_tls_1_3_that_is_too_short_is_told(fragment: bytes) -> None:
    with pytest.raises(CannotOpen, match="another connection's"):
        Tls13Opener(CODES["TLS_AES_128_GCM_SHA256"], bytes(32)).open(record(fragment))


def test_a_record_of_tls_1_3_without_a_type_is_told() -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key, iv = (expand_label(bytes(32), label, size, "sha256") for label, size in (("key", 16), ("iv", 12)))
    sealed = AESGCM(key).encrypt(iv, bytes(5), bytes.fromhex("1703030015"))
    with pytest.raises(CannotOpen, match="another connection's"):
        Tls13Opener(CODES["TLS_AES_128_GCM_SHA256"], bytes(32)).open(record(sealed))


def test_the_extended_master_secret_depends_on_what_was_said() -> None:
    suite = CODES["TLS_RSA_WITH_AES_256_GCM_SHA384"]
    plain = master_secret(TLS12, suite, b"p" * 48, RANDOMS, None)
    extended = {master_secret(version, suite, b"p" * 48, RANDOMS, b"said") for version in (TLS10, TLS12)}
    seed = b"extended master secret" + hashlib.sha384(b"said").digest()
    assert prf(TLS12, suite, b"p" * 48, seed, 48) in extended
    assert len({plain, *extended}) == 3
