"""SSL 2.0 records, hellos and errors."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from probe.wire import ssl2
from probe.wire.cursor import Reader, Writer
from tests.strategies import Case

u8 = st.integers(0, 255)
u16 = st.integers(0, 0xFFFF)
specs = st.lists(st.sampled_from(sorted(ssl2.CIPHER_KINDS)) | st.integers(0, 0xFFFFFF), max_size=12).map(tuple)

client_hellos = st.builds(
    ssl2.ClientHello,
    version=u16,
    cipher_specs=specs,
    session_id=st.binary(max_size=16),
    challenge=st.binary(max_size=32),
)
server_hellos = st.builds(
    ssl2.ServerHello,
    session_id_hit=u8,
    certificate_type=u8,
    version=u16,
    certificate=st.binary(max_size=200),
    cipher_specs=specs,
    connection_id=st.binary(max_size=32),
)
errors = st.builds(ssl2.Error, code=u16.map(ssl2.ErrorCode))
_short = st.builds(ssl2.Record, data=st.binary(max_size=300))
_long = st.builds(ssl2.Record, data=st.binary(max_size=300), padding=st.binary(max_size=255), escape=st.booleans())
records = _short | _long


def write(message: Any) -> bytes:
    """A message's body, or a record."""
    w = Writer()
    message.write(w)
    return w.getvalue()


def _case(kind: Any, messages: st.SearchStrategy[Any]) -> Case:
    return Case(kind, messages, lambda raw: kind.read(Reader(raw, kind.__name__)), write)


CASES = [
    _case(ssl2.Record, records),
    _case(ssl2.ClientHello, client_hellos),
    _case(ssl2.ServerHello, server_hellos),
    _case(ssl2.Error, errors),
]
