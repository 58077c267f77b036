"""The hellos and the handshake messages that have no module of their own."""

from __future__ import annotations

from hypothesis import strategies as st

from probe.wire import tls_extensions as ext
from probe.wire import tls_hello
from tests.strategies import Case
from tests.strategies.tls_extensions import blocks, extensions, keys, u16

TLS12 = 0x0303
u8 = st.integers(0, 255)
randoms = st.binary(min_size=32, max_size=32)
session_ids = st.binary(max_size=32)

client_hellos = st.builds(
    tls_hello.ClientHello,
    version=u16,
    random=randoms,
    session_id=session_ids,
    cipher_suites=st.lists(u16, max_size=20).map(tuple),
    compression_methods=st.binary(max_size=4),
    extensions=blocks,
)
_free = extensions.filter(lambda extension: extension.type not in (43, 51))
_tls12_hellos = st.builds(
    tls_hello.ServerHello,
    version=u16,
    random=randoms,
    session_id=session_ids,
    cipher_suite=u16,
    compression_method=u8,
    extensions=st.none() | st.lists(_free, max_size=4).map(tuple),
)
_tls13_hellos = st.builds(
    tls_hello.ServerHello,
    version=st.just(TLS12),
    random=randoms,
    session_id=session_ids,
    cipher_suite=u16,
    extensions=st.tuples(u16.map(ext.selected_version), st.builds(ext.server_key_share, u16, keys), extensions),
)
_retries = st.builds(
    tls_hello.ServerHello,
    version=st.just(TLS12),
    random=st.just(tls_hello.ServerHello.RETRY_RANDOM),
    session_id=session_ids,
    cipher_suite=u16,
    extensions=st.tuples(u16.map(ext.selected_version), u16.map(ext.retry_key_share), keys.map(ext.cookie)),
)
server_hellos = _tls12_hellos | _tls13_hellos | _retries
dones = st.builds(tls_hello.ServerHelloDone)
unknown = st.builds(
    tls_hello.UnknownHandshake,
    type=u8.filter(lambda msg_type: msg_type not in (1, 2, 11, 12, 13, 14, 22)),
    body=st.binary(max_size=60),
)


def _read(raw: bytes) -> tls_hello.HandshakeMessage:
    return tls_hello.read_handshake(raw, TLS12)


CASES = [
    Case(tls_hello.ClientHello, client_hellos, _read, tls_hello.write_handshake),
    Case(tls_hello.ServerHello, server_hellos, _read, tls_hello.write_handshake),
    Case(tls_hello.ServerHelloDone, dones, _read, tls_hello.write_handshake),
    Case(tls_hello.UnknownHandshake, unknown, _read, tls_hello.write_handshake),
]
