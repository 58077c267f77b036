"""ServerKeyExchange and the parameters in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from probe.wire import tls_key_exchange as tls
from probe.wire.cursor import Reader, Writer
from probe.wire.tls_hello import read_handshake, write_handshake
from tests.strategies import Case

TLS12 = 0x0303
u16 = st.integers(0, 0xFFFF)
numbers = st.binary(max_size=60)

messages = st.builds(tls.ServerKeyExchange, params=st.binary(max_size=80))
signatures = st.builds(tls.Signature, scheme=u16, value=numbers)
ecdhe = st.builds(tls.EcdheParameters, group=u16, point=st.binary(max_size=255), signed=signatures)
dhe = st.builds(tls.DheParameters, p=numbers, g=numbers, ys=numbers, signed=signatures)
rsa_export = st.builds(tls.RsaExportParameters, modulus=numbers, exponent=numbers, signed=signatures)
unknown = st.builds(tls.UnknownKeyExchange, body=st.binary(max_size=80))


def reader(key_exchange: str) -> Callable[[bytes], Any]:
    """Reads parameters of that key exchange in TLS 1.2."""
    return lambda raw: tls.read_server_key_exchange(raw, TLS12, key_exchange)


def write(message: Any) -> bytes:
    """Parameters or a signature as bytes."""
    w = Writer()
    message.write(w)
    return w.getvalue()


CASES = [
    Case(tls.ServerKeyExchange, messages, lambda raw: read_handshake(raw, TLS12), write_handshake),
    Case(tls.Signature, signatures, lambda raw: tls.Signature.read(Reader(raw, "Signature"), TLS12), write),
    Case(tls.EcdheParameters, ecdhe, reader("ECDHE_RSA"), write),
    Case(tls.DheParameters, dhe, reader("DHE_RSA"), write),
    Case(tls.RsaExportParameters, rsa_export, reader("RSA_EXPORT"), write),
    Case(tls.UnknownKeyExchange, unknown, reader("GOSTR341112_256"), write, framed=False),
]
