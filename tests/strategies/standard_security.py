"""Server certificates of Standard RDP Security."""

from __future__ import annotations

from hypothesis import strategies as st

from probe.wire import standard_security
from tests.strategies import Case

u16, u32 = st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)

proprietary = st.builds(
    standard_security.ProprietaryCertificate,
    temporary=st.booleans(),
    signature_algorithm=u32,
    key_algorithm=u32,
    public_key_blob_type=u16,
    bitlen=u32,
    datalen=u32,
    exponent=u32,
    modulus_field=st.binary(max_size=100),
    signature_blob_type=u16,
    signature=st.binary(max_size=80),
    unknown=st.binary(max_size=8),
)
chains = st.builds(
    standard_security.X509CertificateChain,
    temporary=st.booleans(),
    certificates=st.lists(st.binary(max_size=50), max_size=4).map(tuple),
    padding=st.binary(max_size=16),
)
unknown = st.builds(
    standard_security.UnknownCertificate,
    version=st.integers(0, 0x7FFFFFFF).filter(lambda version: version not in (1, 2)),
    temporary=st.booleans(),
    body=st.binary(max_size=40),
)

_read, _write = standard_security.read_server_certificate, standard_security.write_server_certificate

CASES = [
    Case(standard_security.ProprietaryCertificate, proprietary, _read, _write, framed=False),
    Case(standard_security.X509CertificateChain, chains, _read, _write, framed=False),
    Case(standard_security.UnknownCertificate, unknown, _read, _write, framed=False),
]
