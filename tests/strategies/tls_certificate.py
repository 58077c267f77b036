"""Handshake messages about certificates."""

from __future__ import annotations

from hypothesis import strategies as st

from probe.wire import tls_certificate as tls
from probe.wire.cursor import Reader, Writer
from probe.wire.tls_hello import read_handshake, write_handshake
from tests.strategies import Case
from tests.strategies.tls_extensions import extensions

TLS12, TLS13 = 0x0303, 0x0304

certificates = st.builds(tls.Certificate, chain=st.lists(st.binary(max_size=60), max_size=4).map(tuple))
entries = st.builds(
    tls.CertificateEntry,
    certificate=st.binary(max_size=60),
    extensions=st.lists(extensions, max_size=2).map(tuple),
)
tls13_certificates = st.builds(
    tls.CertificateTls13,
    request_context=st.binary(max_size=255),
    entries=st.lists(entries, max_size=3).map(tuple),
)
requests = st.builds(tls.CertificateRequest, body=st.binary(max_size=60))
statuses = st.builds(tls.CertificateStatus, status_type=st.integers(0, 255), response=st.binary(max_size=60))


def _write_entry(entry: tls.CertificateEntry) -> bytes:
    w = Writer()
    entry.write(w)
    return w.getvalue()


CASES = [
    Case(tls.Certificate, certificates, lambda raw: read_handshake(raw, TLS12), write_handshake),
    Case(
        tls.CertificateEntry, entries, lambda raw: tls.CertificateEntry.read(Reader(raw, "Certificate")), _write_entry
    ),
    Case(tls.CertificateTls13, tls13_certificates, lambda raw: read_handshake(raw, TLS13), write_handshake),
    Case(tls.CertificateRequest, requests, lambda raw: read_handshake(raw, TLS12), write_handshake),
    Case(tls.CertificateStatus, statuses, lambda raw: read_handshake(raw, TLS12), write_handshake),
]
