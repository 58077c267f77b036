"""RDSTLS capabilities and the RDS-AAD nonce."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from probe.wire import rdstls
from probe.wire.cursor import Reader, Writer
from tests.strategies import Case

u16 = st.integers(0, 0xFFFF)

capabilities = st.builds(rdstls.RdstlsCapabilities, version=u16, data_type=u16, supported_versions=u16)
unknown = st.builds(
    rdstls.UnknownRdstls,
    version=u16,
    pdu_type=u16.filter(lambda kind: kind != rdstls.RdstlsCapabilities.PDU_TYPE),
    body=st.binary(max_size=40),
)
nonces = st.builds(rdstls.ServerNonce, text=st.binary(max_size=200).map(lambda text: text.replace(b"\0", b" ")))


def _read_rdstls(raw: bytes) -> rdstls.RdstlsCapabilities | rdstls.UnknownRdstls:
    return rdstls.read_rdstls(Reader(raw, "RDSTLS"))


def _write(message: Any) -> bytes:
    w = Writer()
    message.write(w)
    return w.getvalue()


CASES = [
    Case(rdstls.RdstlsCapabilities, capabilities, _read_rdstls, _write),
    Case(rdstls.UnknownRdstls, unknown, _read_rdstls, _write, framed=False),
    Case(rdstls.ServerNonce, nonces, lambda raw: rdstls.ServerNonce.read(Reader(raw, "ServerNonce")), _write),
]
