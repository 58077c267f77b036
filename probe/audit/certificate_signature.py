"""Whose key made the signature of a certificate.

The library checks what current certificates have. For what it refuses, SHA-1 and MD5, the key itself is asked; and of
a certificate that claims to be its own issuer, the key identifiers are what is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probe.audit.certificate_names import subject_and_issuer

if TYPE_CHECKING:
    from cryptography import x509

_MOST_BITS = 8192  # of an RSA key whose signatures are checked


def self_signed(certificate: x509.Certificate) -> bool | None:
    """Whether it is its own issuer and its own key made its signature; None where that cannot be told.

    Where neither the library nor its key can check the signature, the key identifiers decide: those of the key and
    of the issuer's key are the same in a certificate that signed itself.
    """
    subject, issuer = subject_and_issuer(certificate)
    if issuer != subject:
        return False
    by_key = signed_by(certificate, certificate)
    return _names_own_key(certificate) if by_key is None else by_key


def signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool | None:
    """Whether the issuer's key made the signature; None where the library has no way to check such a signature.

    The names must fit: the issuer's subject is the certificate's issuer. One RSA or EC verification at most.
    """
    from cryptography.exceptions import InvalidSignature

    if _is_enormous(issuer):
        return None
    try:
        certificate.verify_directly_issued_by(issuer)
    except InvalidSignature:
        return False
    except Exception:  # noqa: BLE001 - unknown keys and algorithms, sizes that OpenSSL refuses: no closed list
        return _signed_by_key(certificate, issuer)
    return True


def _is_enormous(issuer: x509.Certificate) -> bool:
    """An RSA key so large that checking its signatures would keep us busy, as only a hostile chain has."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    try:
        key = issuer.public_key()
    except Exception:  # noqa: BLE001 - whatever it is, it is not such a key
        return False
    return isinstance(key, rsa.RSAPublicKey) and key.key_size > _MOST_BITS


def _signed_by_key(certificate: x509.Certificate, issuer: x509.Certificate) -> bool | None:
    """What the key says of MD5 and SHA-1 signatures, which old servers have and the library refuses of an issuer."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.x509.oid import SignatureAlgorithmOID

    algorithm = certificate.signature_algorithm_oid
    known = {  # those that the library tells no parameters of
        SignatureAlgorithmOID.RSA_WITH_MD5: padding.PKCS1v15(),
        SignatureAlgorithmOID.ECDSA_WITH_SHA1: ec.ECDSA(hashes.SHA1()),  # noqa: S303 - as it was served
    }
    try:
        key, digest = issuer.public_key(), certificate.signature_hash_algorithm
        how = known.get(algorithm) or certificate.signature_algorithm_parameters
        signature, signed = certificate.signature, certificate.tbs_certificate_bytes
        if isinstance(key, rsa.RSAPublicKey) and isinstance(how, padding.PKCS1v15 | padding.PSS) and digest:
            key.verify(signature, signed, how, digest)
        elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(how, ec.ECDSA):
            key.verify(signature, signed, how)
        else:
            return None if how is None else False  # a key of another kind cannot have made it
    except InvalidSignature:
        return False
    except Exception:  # noqa: BLE001 - as above
        return None
    return True


def _names_own_key(certificate: x509.Certificate) -> bool | None:
    """Whether the issuer's key, by its identifier, is its own; None where an identifier is absent."""
    from cryptography import x509

    try:
        own = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
        issuers = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        return None
    return own == issuers if issuers is not None else None
