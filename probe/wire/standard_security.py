"""The server certificate of Standard RDP Security: proprietary, or a chain of X.509 certificates.

A proprietary certificate is signed by a key whose private half Microsoft has published, so that a valid signature
proves nothing about who the server is; an invalid one shows a broken or unusual server.

Source: [MS-RDPBCGR] 2.2.1.4.3.1 and 5.3.3, [MS-RDPELE] 2.2.1.4.2.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import ClassVar, Self

from probe.wire.cursor import Reader, Writer

_VERSION_BITS = 0x7FFFFFFF
_TEMPORARY_BIT = 0x80000000

# The Terminal Services signing key, public half: [MS-RDPBCGR] 5.3.3.1.1, least significant byte first.
_SIGNING_MODULUS = int.from_bytes(
    bytes.fromhex(
        "3d3a5ebd72433ec94dbbc11e4aba5fcb3e882087eff5c1e2d7b76b9af2524595"
        "ce63656b583afeef7ce7bffe3df65c7d6c5e06091af561bb2093095f056dea87"
    ),
    "little",
)
_SIGNING_EXPONENT = int.from_bytes(bytes.fromhex("5b7b88c0"), "little")
_SIGNATURE_PADDING = b"\x00" + b"\xff" * 45 + b"\x01"  # fills the hash up to 63 bytes, [MS-RDPBCGR] 5.3.3.1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class ProprietaryCertificate:
    """PROPRIETARYSERVERCERTIFICATE: an RSA key, signed with the published Terminal Services key.

    Layout: dwVersion u32, bit 31 = temporary | dwSigAlgId u32 | dwKeyAlgId u32 | wPublicKeyBlobType u16 |
    wPublicKeyBlobLen u16 | magic u32 = "RSA1" | keylen u32 | bitlen u32 | datalen u32 | pubExp u32 |
    modulus, keylen bytes | wSignatureBlobType u16 | wSignatureBlobLen u16 | SignatureBlob; all little-endian.
    Source: [MS-RDPBCGR] 2.2.1.4.3.1.1.
    """

    CHAIN_VERSION: ClassVar[int] = 1
    MAGIC: ClassVar[int] = 0x31415352  # "RSA1"

    bitlen: int  # as declared; `key_bits` is what the modulus has
    datalen: int  # bytes that one encryption can hold, as declared
    exponent: int
    modulus_field: bytes  # least significant byte first, then eight zero bytes
    signature: bytes  # likewise
    version: int = CHAIN_VERSION
    temporary: bool = False
    signature_algorithm: int = 1  # SIGNATURE_ALG_RSA
    key_algorithm: int = 1  # KEY_EXCHANGE_ALG_RSA
    public_key_blob_type: int = 6  # BB_RSA_KEY_BLOB
    signature_blob_type: int = 8  # BB_RSA_SIGNATURE_BLOB
    unknown: bytes = b""

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated or InvalidField."""
        version, temporary = _read_version(r)
        signature_algorithm = r.u32le("dwSigAlgId")
        key_algorithm = r.u32le("dwKeyAlgId")
        key_type = r.u16le("wPublicKeyBlobType")
        key = r.sub(r.u16le("wPublicKeyBlobLen"), cls.__name__, "PublicKeyBlob")
        key.expect("magic", key.u32le("magic"), cls.MAGIC)
        keylen = key.u32le("keylen")
        bitlen = key.u32le("bitlen")
        datalen = key.u32le("datalen")
        exponent = key.u32le("pubExp")
        modulus = key.take(keylen, "modulus")
        key.end()
        signature_type = r.u16le("wSignatureBlobType")
        signature = r.take(r.u16le("wSignatureBlobLen"), "SignatureBlob")
        return cls(
            version=version,
            temporary=temporary,
            signature_algorithm=signature_algorithm,
            key_algorithm=key_algorithm,
            public_key_blob_type=key_type,
            bitlen=bitlen,
            datalen=datalen,
            exponent=exponent,
            modulus_field=modulus,
            signature_blob_type=signature_type,
            signature=signature,
            unknown=r.rest(),
        )

    def write(self, w: Writer) -> None:
        w.raw(self._signed_fields())
        w.u16le(self.signature_blob_type)
        w.u16le(len(self.signature))
        w.raw(self.signature)
        w.raw(self.unknown)

    def _signed_fields(self) -> bytes:
        """The first six fields, dwVersion to PublicKeyBlob."""
        key = Writer()
        key.u32le(self.MAGIC)
        key.u32le(len(self.modulus_field))
        key.u32le(self.bitlen)
        key.u32le(self.datalen)
        key.u32le(self.exponent)
        key.raw(self.modulus_field)
        w = Writer()
        _write_version(w, self.version, temporary=self.temporary)
        w.u32le(self.signature_algorithm)
        w.u32le(self.key_algorithm)
        w.u16le(self.public_key_blob_type)
        w.u16le(len(key))
        w.raw(key.getvalue())
        return w.getvalue()

    @property
    def modulus(self) -> int:
        """The modulus of the server's RSA key."""
        return int.from_bytes(self.modulus_field, "little")

    @property
    def key_bits(self) -> int:
        """The size of the modulus in bits, whatever `bitlen` declares; 0 for a modulus of zero."""
        return self.modulus.bit_length()

    def signature_valid(self) -> bool:
        """True if the signature is that of the Terminal Services key over the first six fields."""
        digest = hashlib.md5(self._signed_fields(), usedforsecurity=False).digest()
        signed = int.from_bytes(digest + _SIGNATURE_PADDING, "little")
        return pow(int.from_bytes(self.signature, "little"), _SIGNING_EXPONENT, _SIGNING_MODULUS) == signed


@dataclass(frozen=True, slots=True, kw_only=True)
class X509CertificateChain:
    """X.509 certificate chain: what a license server issued.

    Layout: dwVersion u32, bit 31 = temporary | NumCertBlobs u32 | each cbCert u32, abCert | padding; little-endian.
    Source: [MS-RDPELE] 2.2.1.4.2.
    """

    CHAIN_VERSION: ClassVar[int] = 2

    certificates: tuple[bytes, ...]  # DER, the root first and the server's last, as on the wire
    version: int = CHAIN_VERSION
    temporary: bool = False
    padding: bytes = b""  # 8 bytes and 4 more a certificate are due

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        version, temporary = _read_version(r)
        count = r.u32le("NumCertBlobs")
        certificates = tuple(r.take(r.u32le("cbCert"), "abCert") for _ in range(count))
        return cls(version=version, temporary=temporary, certificates=certificates, padding=r.rest())

    def write(self, w: Writer) -> None:
        _write_version(w, self.version, temporary=self.temporary)
        w.u32le(len(self.certificates))
        for certificate in self.certificates:
            w.u32le(len(certificate))
            w.raw(certificate)
        w.raw(self.padding)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownCertificate:
    """A certificate of a version that is neither, kept as it came.

    Layout: dwVersion u32, bit 31 = temporary | body.
    """

    version: int
    body: bytes
    temporary: bool = False

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        version, temporary = _read_version(r)
        return cls(version=version, temporary=temporary, body=r.rest())

    def write(self, w: Writer) -> None:
        _write_version(w, self.version, temporary=self.temporary)
        w.raw(self.body)


ServerCertificate = ProprietaryCertificate | X509CertificateChain | UnknownCertificate

_KINDS: dict[int, type[ProprietaryCertificate | X509CertificateChain]] = {
    ProprietaryCertificate.CHAIN_VERSION: ProprietaryCertificate,
    X509CertificateChain.CHAIN_VERSION: X509CertificateChain,
}


def read_server_certificate(data: bytes) -> ServerCertificate:
    """Read the serverCertificate of SC_SECURITY. Raises Truncated or InvalidField."""
    version, _ = _read_version(Reader(data, "SERVER_CERTIFICATE"))
    kind: type[ServerCertificate] = _KINDS.get(version, UnknownCertificate)
    return kind.read(Reader(data, kind.__name__))


def write_server_certificate(certificate: ServerCertificate) -> bytes:
    """The serverCertificate of SC_SECURITY as bytes."""
    w = Writer()
    certificate.write(w)
    return w.getvalue()


def _read_version(r: Reader) -> tuple[int, bool]:
    version = r.u32le("dwVersion")
    return version & _VERSION_BITS, bool(version & _TEMPORARY_BIT)


def _write_version(w: Writer, version: int, *, temporary: bool) -> None:
    w.u32le(version | (_TEMPORARY_BIT if temporary else 0))
