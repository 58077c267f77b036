"""TLS records, alerts and change_cipher_spec."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from probe.wire import tls_record
from probe.wire.cursor import Reader, Writer
from tests.strategies import Case

u8 = st.integers(0, 255)

records = st.builds(
    tls_record.Record,
    type=st.integers(20, 24).map(tls_record.ContentType),
    version=st.integers(0x0300, 0x03FF),
    fragment=st.binary(max_size=300),
)
alerts = st.builds(
    tls_record.Alert,
    level=u8.map(tls_record.AlertLevel),
    description=u8.map(tls_record.AlertDescription),
)
changes = st.builds(tls_record.ChangeCipherSpec, value=u8)


def _reader(kind: Any) -> Callable[[bytes], Any]:
    return lambda raw: kind.read(Reader(raw, kind.__name__))


def write(message: Any) -> bytes:
    """One message of this module as bytes."""
    w = Writer()
    message.write(w)
    return w.getvalue()


CASES = [
    Case(tls_record.Record, records, _reader(tls_record.Record), write),
    Case(tls_record.Alert, alerts, _reader(tls_record.Alert), write),
    Case(tls_record.ChangeCipherSpec, changes, _reader(tls_record.ChangeCipherSpec), write),
]
