from __future__ import annotations

import functools
import hashlib
import ipaddress
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from hypothesis import given
from hypothesis import strategies as st

from probe.audit import certificate as subject
from probe.audit import certificate_names as names
from probe.audit.certificate import Circumstances, describe
from probe.audit.certificate import describe_chain as describe_in
from probe.audit.certificate_der import parse
from probe.audit.certificate_names import held_names
from probe.audit.trust import Roots, TrustJudge
from probe.result import CertificateChain, Key, Ntlm, Trust
from tests.real.pki import Recipe, authority, ed25519_key, from_today, key_usage
from tests.real.pki import rsa_key as rsa_key_of

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
REMOTE_DESKTOP = ObjectIdentifier("1.3.6.1.4.1.311.54.1.2")


@functools.cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@functools.cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def make(
    common: str = "srv1.example",
    *,
    issuer: str | None = None,
    alternative: tuple[x509.GeneralName, ...] = (),
    usages: tuple[ObjectIdentifier, ...] = (),
    last: datetime = NOW + timedelta(days=12, hours=5),
    first: datetime = NOW - timedelta(days=168),
    key: object | None = None,
) -> bytes:
    own = key or ec_key()
    signer = ec_key() if isinstance(own, dsa.DSAPrivateKey) else own
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(common))
        .issuer_name(name(issuer or common))
        .public_key(own.public_key())  # type: ignore[attr-defined]
        .serial_number(0x1234)
        .not_valid_before(first)
        .not_valid_after(last)
    )
    if alternative:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternative), critical=False)
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    digest = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(signer, digest).public_bytes(serialization.Encoding.DER)  # type: ignore[arg-type]


def test_every_field_of_a_self_signed_certificate() -> None:
    der = make(
        alternative=(x509.DNSName("srv1.example"), x509.IPAddress(ipaddress.ip_address("192.0.2.7"))),
        usages=(ExtendedKeyUsageOID.SERVER_AUTH, REMOTE_DESKTOP, ObjectIdentifier("1.2.3.4")),
    )
    chain = describe_chain([der], names_asked="srv1.example", at=NOW, served_to=["TLSv1.2"])
    leaf = chain.chain[0]
    assert leaf.sha256 == hashlib.sha256(der).hexdigest()
    assert leaf.subject == leaf.issuer == "CN=srv1.example"
    assert leaf.serial == "1234"
    assert leaf.not_after == "2026-12-03T07:00:00Z"
    assert leaf.key is not None
    assert (leaf.key.type, leaf.key.bits, leaf.key.curve) == ("EC", 256, "secp256r1")
    assert leaf.signature_algorithm == "ecdsa-with-SHA256"
    assert leaf.names == ["srv1.example", "192.0.2.7"]
    assert leaf.extended_key_usage == ["serverAuth", "remoteDesktopAuthentication", "1.2.3.4"]
    assert leaf.self_signed is True
    assert leaf.error is None
    assert chain.trust is not None
    assert chain.trust.verdict == "self_signed"
    assert chain.name_match is True
    assert chain.days_left == 12
    assert chain.served_to == ["TLSv1.2"]
    spki = (
        ec_key().public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    assert leaf.spki_sha256 == hashlib.sha256(spki).hexdigest()


def test_a_certificate_of_another_issuer_is_not_judged() -> None:
    chain = describe_chain([make(issuer="CA")], names_asked=None, at=NOW, served_to=[])
    assert chain.chain[0].self_signed is False
    assert chain.trust is None
    assert chain.name_match is None
    assert chain.chain[0].extended_key_usage is None


def test_one_that_names_itself_as_issuer_but_was_signed_by_another_key() -> None:
    own = ec.generate_private_key(ec.SECP256R1())
    assert describe(signed_by(ec_key(), own.public_key())).self_signed is False


def signed_by(signer: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, public: CertificatePublicKeyTypes) -> bytes:
    """A certificate that names itself as issuer, whoever signed it."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(name("srv1"))
        .issuer_name(name("srv1"))
        .public_key(public)
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
    )
    return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def test_a_key_of_another_kind_than_the_signature_has_not_signed() -> None:
    assert describe(signed_by(ec_key(), rsa_key().public_key())).self_signed is False
    assert describe(signed_by(rsa_key(), ec_key().public_key())).self_signed is False
    assert describe(signed_by(ec_key(), x25519.X25519PrivateKey.generate().public_key())).self_signed is False


def describe_chain(
    chain: list[bytes], *, names_asked: str | None, at: datetime, served_to: list[str]
) -> CertificateChain:
    return describe_in(chain, Circumstances(names_asked=names_asked, at=at), served_to)


def name_match(der: bytes, asked: str) -> bool | None:
    parsed = parse(der)
    assert isinstance(parsed, x509.Certificate)
    held = held_names(parsed)
    return held.match(asked) if held is not None else None


def openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def by_openssl(folder: Path, *options: str, key: tuple[str, ...] = ("rsa:2048",)) -> bytes:
    """A self-signed certificate of a kind that the library does not make; its key is in key.pem."""
    out = folder / "cert.der"
    subject_of = ("-subj", "/CN=old", "-nodes", "-keyout", str(folder / "key.pem"), "-outform", "DER", "-out", str(out))
    openssl("req", "-x509", *options, "-newkey", *key, *subject_of)
    return out.read_bytes()


@pytest.mark.parametrize("digest", ["sha1", "md5"])
def test_signatures_of_old_servers_are_checked(tmp_path: Path, digest: str) -> None:
    der = by_openssl(tmp_path, f"-{digest}")
    described = describe(der)
    assert described.signature_algorithm == f"{digest}WithRSAEncryption"
    assert described.self_signed is True
    assert describe(der[:-1] + bytes([der[-1] ^ 1])).self_signed is False


def test_where_the_signature_cannot_be_checked_the_identifiers_decide(tmp_path: Path) -> None:
    key = ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    described = describe(by_openssl(tmp_path, "-sha1", key=key))
    assert described.signature_algorithm == "ecdsa-with-SHA1"
    assert described.self_signed is True


def test_a_key_that_the_library_lacks_is_told_by_its_identifiers(tmp_path: Path) -> None:
    key = ("ec", "-pkeyopt", "ec_paramgen_curve:SM2")
    with_both = by_openssl(tmp_path, key=key)
    described = describe(with_both)
    assert described.key == Key(type="EC", curve="SM2")
    assert described.error is None
    assert described.self_signed is True
    own = hashlib.sha1(_point(with_both), usedforsecurity=False).digest()
    assert with_both.count(own) == 2  # subjectKeyIdentifier and authorityKeyIdentifier
    first = with_both.index(own)
    other = with_both[:first] + bytes(20) + with_both[first + 20 :]
    assert describe(other).self_signed is False
    without = by_openssl(tmp_path, "-addext", "authorityKeyIdentifier=none", key=key)
    assert describe(without).self_signed is None
    chain = describe_chain([without], names_asked=None, at=NOW, served_to=[])
    assert chain.trust is None


def _point(der: bytes) -> bytes:
    """The uncompressed point of 65 octets in the only BIT STRING that can hold one."""
    at = der.index(bytes.fromhex("03420004")) + 3
    return der[at : at + 65]


def test_an_issuers_identifier_that_is_only_a_serial_number_tells_nothing() -> None:
    key = ed448.Ed448PrivateKey.generate()
    identifier = x509.SubjectKeyIdentifier(bytes(20))
    other = x509.AuthorityKeyIdentifier(None, [x509.DirectoryName(name("srv1"))], 1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name("srv1"))
        .issuer_name(name("srv1"))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(identifier, critical=False)
        .add_extension(other, critical=False)
    )
    der = builder.sign(key, None).public_bytes(serialization.Encoding.DER)
    unknown = der.replace(
        bytes.fromhex("06032b6571"), bytes.fromhex("06032b657e")
    )  # of the signatures, not a known one
    assert unknown != der
    assert describe(unknown).self_signed is None


def test_the_key_is_hashed_as_it_was_served(tmp_path: Path) -> None:
    described = describe(by_openssl(tmp_path, key=("rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048")))
    openssl("pkey", "-in", tmp_path / "key.pem", "-pubout", "-outform", "DER", "-out", tmp_path / "key.der")
    assert described.spki_sha256 == hashlib.sha256((tmp_path / "key.der").read_bytes()).hexdigest()
    assert described.signature_algorithm == "rsassaPss"
    assert described.self_signed is True


def test_a_certificate_of_version_1_has_its_key_at_the_same_place(tmp_path: Path) -> None:
    by_openssl(tmp_path)
    request, old = tmp_path / "request.pem", tmp_path / "old.der"
    key = ("-key", str(tmp_path / "key.pem"))
    openssl("req", "-new", *key, "-subj", "/CN=old", "-out", request)
    openssl("x509", "-req", "-in", request, "-signkey", tmp_path / "key.pem", "-outform", "DER", "-out", old)
    openssl("pkey", "-in", tmp_path / "key.pem", "-pubout", "-outform", "DER", "-out", tmp_path / "key.der")
    assert x509.load_der_x509_certificate(old.read_bytes()).version is x509.Version.v1
    assert describe(old.read_bytes()).spki_sha256 == hashlib.sha256((tmp_path / "key.der").read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("key", "kind", "bits"),
    [
        (ed25519.Ed25519PrivateKey.generate(), "Ed25519", None),
        (dsa.generate_private_key(2048), "DSA", 2048),
    ],
    ids=["ed25519", "dsa"],
)
def test_rarer_keys(key: object, kind: str, bits: int | None) -> None:
    described = describe(make(key=key))
    assert described.key is not None
    assert (described.key.type, described.key.bits) == (kind, bits)


@pytest.mark.parametrize("last", [NOW - timedelta(seconds=1), NOW - timedelta(days=30)])
def test_an_expired_certificate_has_negative_days(last: datetime) -> None:
    chain = describe_chain([make(last=last)], names_asked=None, at=NOW, served_to=[])
    assert chain.days_left == (-1 if last > NOW - timedelta(days=1) else -30)


def test_dates_at_the_ends_of_time() -> None:
    described = describe(make(first=datetime(1950, 1, 1, tzinfo=UTC), last=datetime(9999, 12, 31, tzinfo=UTC)))
    assert (described.not_before, described.not_after) == ("1950-01-01T00:00:00Z", "9999-12-31T00:00:00Z")


DNS = x509.DNSName
IP = x509.IPAddress(ipaddress.ip_address("192.0.2.7"))


@pytest.mark.parametrize(
    ("alternative", "common", "asked", "expected"),
    [
        ((DNS("srv1.example"),), "x", "SRV1.example.", True),
        ((DNS("srv2.example"),), "srv1.example", "srv1.example", False),  # the common name no longer counts
        ((), "srv1.example", "srv1.example", True),  # as Windows makes it by itself
        ((), "SRV1", "srv1.example", False),
        ((), "SRV1", "srv1", True),  # a name that ends as an address does
        ((IP,), "x", "2001:db8::7", False),
        ((DNS("*.example"),), "x", "srv1.example", False),  # a wildcard for a whole top-level domain
        ((DNS("*.corp.example"),), "x", "srv1.corp.example", True),
        ((DNS("*.corp.example"),), "x", "a.b.corp.example", False),
        ((DNS("*.corp.example"),), "x", "corp.example", False),
        ((IP,), "srv1.example", "192.0.2.7", True),
        ((IP,), "srv1.example", "192.0.2.8", False),
        ((DNS("srv1.example"),), "x", "192.0.2.7", None),  # an address says nothing about names
        ((IP,), "srv1.example", "srv1.example", True),
        ((DNS("192.0.2.7"),), "192.0.2.7", "192.0.2.7", None),  # a DNS name is no address, whatever it looks like
        ((DNS("192.0.2.7"),), "srv1.example", "srv1.example", False),
        ((DNS("xn--mnchen-3ya.example"),), "x", "m\u00fcnchen.example", True),
        ((), "m\u00fcnchen.example", "m\u00fcnchen.example", True),
        ((DNS("srv1.example"),), "x", "srv1..example", False),
        ((DNS("srv1.example"),), "x", "m\u00fcnchen..example", False),  # an empty label has no ASCII spelling
    ],
)
def test_names(alternative: tuple[x509.GeneralName, ...], common: str, asked: str, expected: bool | None) -> None:
    assert name_match(make(common, alternative=alternative), asked) is expected


def test_ten_thousand_names_are_cut() -> None:
    described = describe(make(alternative=tuple(DNS(f"n{number}.example") for number in range(10_000))))
    assert len(described.names) == 200
    assert described.error is None


def test_an_embedded_nul_is_shown_and_matches_nothing() -> None:
    der = make("srv1.example\0.evil.example")
    assert describe(der).subject == "CN=srv1.example\\00.evil.example"
    assert name_match(der, "srv1.example") is False


def test_a_negative_serial_is_described_without_a_warning() -> None:
    der = make()
    negative = der.replace(bytes.fromhex("02021234"), bytes.fromhex("0202ff34"))
    assert negative != der
    described = describe(negative)
    assert described.sha256 == hashlib.sha256(negative).hexdigest()


def test_what_is_no_certificate_keeps_its_digest_and_the_reason() -> None:
    chain = describe_chain([b"not a certificate"], names_asked="srv1", at=NOW, served_to=[])
    assert chain.chain[0].sha256 == hashlib.sha256(b"not a certificate").hexdigest()
    assert chain.chain[0].error
    assert chain.name_match is None
    assert chain.days_left is None


def test_an_empty_chain() -> None:
    chain = describe_chain([], names_asked="srv1", at=NOW, served_to=[])
    assert (chain.chain, chain.trust, chain.days_left, chain.name_match) == ([], None, None, None)


def test_a_fault_in_one_part_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_certificate: object) -> list[str]:
        raise ValueError("bad extension")

    monkeypatch.setattr(subject, "alternative_names", broken)
    monkeypatch.setattr(names, "alternative_names", broken)
    described = describe(make())
    assert described.error == "alternatives: bad extension"
    assert described.subject == "CN=srv1.example"
    assert described.self_signed is True
    assert name_match(make(), "srv1.example") is None


@given(garbage=st.binary(max_size=300))
def test_any_bytes_are_described(garbage: bytes) -> None:
    describe_chain([garbage], names_asked="srv1.example", at=NOW, served_to=[])


@given(at=st.integers(0, 400), value=st.integers(0, 255))
def test_a_certificate_with_one_byte_changed_is_described(at: int, value: int) -> None:
    der = bytearray(make())
    der[at % len(der)] = value
    describe_chain([bytes(der)], names_asked="srv1.example", at=NOW, served_to=[])


def test_key_usages_have_the_names_of_the_rfc() -> None:
    assert describe(Recipe().signed_by(None).der).key_usage is None
    some = key_usage("digital_signature", "key_encipherment", "key_cert_sign", "crl_sign")
    assert describe(Recipe(key_usage=some).signed_by(None).der).key_usage == [
        "digitalSignature",
        "keyEncipherment",
        "keyCertSign",
        "cRLSign",
    ]
    rest = key_usage("content_commitment", "data_encipherment", "key_agreement", "decipher_only")
    assert describe(Recipe(key_usage=rest).signed_by(None).der).key_usage == [
        "nonRepudiation",
        "dataEncipherment",
        "keyAgreement",
        "decipherOnly",
    ]


BY_WINDOWS = Recipe(common="srv1.corp.example", names=(), validity=from_today(-1, 182))
NTLM = Ntlm(dns_computer="SRV1.corp.example", netbios_computer="SRV1")


@pytest.mark.parametrize(
    ("recipe", "ntlm", "expected"),
    [
        (BY_WINDOWS, NTLM, True),
        (replace(BY_WINDOWS, common="srv1"), NTLM, True),
        (BY_WINDOWS, Ntlm(netbios_computer="SRV1"), False),
        (replace(BY_WINDOWS, common="other"), NTLM, False),
        (replace(BY_WINDOWS, common=""), NTLM, False),
        (BY_WINDOWS, None, None),
        (BY_WINDOWS, Ntlm(dns_computer=""), None),
        (replace(BY_WINDOWS, names=("srv1.corp.example",)), NTLM, False),
        (replace(BY_WINDOWS, names=("srv1.corp.example",)), None, False),
        (replace(BY_WINDOWS, validity=from_today(0, 179)), NTLM, False),
        (replace(BY_WINDOWS, validity=from_today(0, 191)), NTLM, False),
        (replace(BY_WINDOWS, usages=None), NTLM, False),
        (replace(BY_WINDOWS, usages=(ExtendedKeyUsageOID.SERVER_AUTH, REMOTE_DESKTOP)), NTLM, False),
    ],
)
def test_what_windows_makes_by_itself(recipe: Recipe, ntlm: Ntlm | None, expected: bool | None) -> None:
    der = recipe.signed_by(None).der
    found = describe_in([der], Circumstances(names_asked=None, at=NOW, ntlm=ntlm))
    assert found.windows_generated is expected


def test_what_an_authority_issued_or_cannot_be_read_windows_did_not_make() -> None:
    issued = BY_WINDOWS.signed_by(authority("CA")).der
    here = Circumstances(names_asked=None, at=NOW, ntlm=NTLM)
    assert describe_in([issued], here).windows_generated is False
    assert describe_in([b"garbage"], here).windows_generated is None
    assert describe_in([], here).windows_generated is None


def test_the_name_that_ntlm_tells_is_compared_by_itself() -> None:
    der = Recipe(names=("srv1.corp.example",)).signed_by(None).der
    for ntlm, expected in ((NTLM, True), (Ntlm(dns_computer="srv2.corp.example"), False), (Ntlm(), None), (None, None)):
        found = describe_in([der], Circumstances(names_asked="alias.example", at=NOW, ntlm=ntlm))
        assert (found.name_match, found.ntlm_name_match) == (False, expected)


def test_the_judge_is_asked_with_the_leaf_and_all_else() -> None:
    root = authority("Root")
    roots = Roots(store="corp.pem", certificates=(root.certificate,))
    here = Circumstances(names_asked=None, at=datetime.now(UTC), judge=TrustJudge(load=lambda: roots))
    assert describe_in([Recipe().signed_by(root).der], here).trust == Trust(verdict="trusted", store="corp.pem")
    assert describe_in([make()], here).trust == Trust(verdict="self_signed", store="none")
    assert describe_in([b"garbage"], here).trust == Trust(
        verdict="unknown", store="corp.pem", reason="the certificate cannot be read"
    )


def test_no_more_than_twenty_certificates_are_described() -> None:
    assert len(describe_chain([make()] * 30, names_asked=None, at=NOW, served_to=[]).chain) == 20


def test_names_with_a_nul_match_nothing_but_themselves() -> None:
    der = make("x", alternative=(DNS("srv1.example\0.evil.example"), DNS("*.example\0.evil.example")))
    assert describe(der).names[0] == "srv1.example\0.evil.example"
    for asked in ("srv1.example", "a.example", "srv1.example.evil.example"):
        assert name_match(der, asked) is False


def test_a_negative_serial_number_is_told() -> None:
    negative = make().replace(bytes.fromhex("02021234"), bytes.fromhex("0202ff34"))
    assert describe(negative).serial == "-cc"
    at_most = make().replace(bytes.fromhex("02021234"), bytes.fromhex("02020034"))  # not the shortest form
    assert describe(at_most).serial == "34"


def test_rsa_with_512_bits() -> None:
    described = describe(Recipe(key=rsa_key_of(512)).signed_by(None).der)
    assert described.key == Key(type="RSA", bits=512)
    assert described.self_signed is True


def test_keys_that_the_library_does_not_know_go_by_the_oid() -> None:
    der = Recipe(key=ed25519_key()).signed_by(None, signer=rsa_key()).der
    gost = der.replace(bytes.fromhex("300506032b6570"), bytes.fromhex("300506032a8503"))
    described = describe(gost)
    assert described.key == Key(type="1.2.643")
    assert described.error is None
    assert described.self_signed is None


@pytest.mark.parametrize("oid", ["2a864886f70d010104", "2a864886f70d010102"])
def test_terminal_servers_name_their_rsa_key_by_a_signature(oid: str) -> None:
    der = Recipe().signed_by(None, signer=ec_key()).der
    assert der.count(bytes.fromhex("2a864886f70d010101")) == 1
    described = describe(der.replace(bytes.fromhex("2a864886f70d010101"), bytes.fromhex(oid)))
    assert described.key == Key(type="RSA", bits=2048)
    assert described.error is None


def test_old_signatures_have_names() -> None:
    der = (
        Recipe()
        .signed_by(None)
        .der.replace(bytes.fromhex("06092a864886f70d01010b"), bytes.fromhex("06092a864886f70d010102"))
    )
    described = describe(der)
    assert described.signature_algorithm == "md2WithRSAEncryption"
    assert described.self_signed is None
