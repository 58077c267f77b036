"""Handshake messages about certificates: Certificate in both of its forms, CertificateRequest, CertificateStatus.

Certificates are kept as DER bytes; what they say is read elsewhere.
Source: RFC 5246 section 7.4.2 and 7.4.4, RFC 8446 section 4.4.2, RFC 6066 section 8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from probe.wire.cursor import Reader, Writer
from probe.wire.tls_extensions import Extension, read_extensions, write_extensions


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The chain that a server shows up to TLS 1.2, its own certificate first. It may be empty.

    Layout: list length u24 | { length u24 | DER }.
    Source: RFC 5246 section 7.4.2.
    """

    TYPE: ClassVar[int] = 11

    chain: tuple[bytes, ...]

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        inner = r.sub(r.u24be("certificate_list length"), r.structure, "certificate_list")
        chain = []
        while inner.remaining:
            chain.append(inner.take(inner.u24be("ASN.1Cert length"), "ASN.1Cert"))
        return cls(chain=tuple(chain))

    def write(self, w: Writer) -> None:
        with w.prefixed(3):
            for der in self.chain:
                with w.prefixed(3):
                    w.raw(der)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateEntry:
    """One certificate of a TLS 1.3 chain and what belongs to it.

    Layout: length u24 | DER | extensions length u16 | extensions.
    Source: RFC 8446 section 4.4.2.
    """

    certificate: bytes
    extensions: tuple[Extension, ...] = ()

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        certificate = r.take(r.u24be("cert_data length"), "cert_data")
        return cls(certificate=certificate, extensions=read_extensions(r))

    def write(self, w: Writer) -> None:
        with w.prefixed(3):
            w.raw(self.certificate)
        write_extensions(w, self.extensions)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateTls13:
    """The chain in TLS 1.3, where it is encrypted: only whoever made the handshake can read it.

    Layout: request_context length u8 | request_context | list length u24 | entries.
    Source: RFC 8446 section 4.4.2.
    """

    TYPE: ClassVar[int] = 11

    request_context: bytes = b""
    entries: tuple[CertificateEntry, ...]

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        context = r.take(r.u8("certificate_request_context length"), "certificate_request_context")
        inner = r.sub(r.u24be("certificate_list length"), r.structure, "certificate_list")
        entries = []
        while inner.remaining:
            entries.append(CertificateEntry.read(inner))
        return cls(request_context=context, entries=tuple(entries))

    def write(self, w: Writer) -> None:
        with w.prefixed(1):
            w.raw(self.request_context)
        with w.prefixed(3):
            for entry in self.entries:
                entry.write(w)

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The certificates alone, as in `Certificate`."""
        return tuple(entry.certificate for entry in self.entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRequest:
    """The server wants a certificate of the client. The layout differs between versions, so the body stays whole.

    Source: RFC 5246 section 7.4.4, RFC 8446 section 4.3.2.
    """

    TYPE: ClassVar[int] = 13

    body: bytes

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Take everything."""
        return cls(body=r.rest())

    def write(self, w: Writer) -> None:
        w.raw(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateStatus:
    """A stapled OCSP response.

    Layout: status_type u8 | length u24 | response; a status_type without a layout here keeps all that follows it.
    Source: RFC 6066 section 8, RFC 6961 section 2.2.
    """

    TYPE: ClassVar[int] = 22
    OCSP: ClassVar[int] = 1
    OCSP_MULTI: ClassVar[int] = 2

    status_type: int
    response: bytes

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        status_type = r.u8("status_type")
        known = status_type in (cls.OCSP, cls.OCSP_MULTI)
        response = r.take(r.u24be("response length"), "response") if known else r.rest()
        return cls(status_type=status_type, response=response)

    def write(self, w: Writer) -> None:
        w.u8(self.status_type)
        if self.status_type in (self.OCSP, self.OCSP_MULTI):
            w.u24be(len(self.response))
        w.raw(self.response)
