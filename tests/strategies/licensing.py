"""Licensing PDUs."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from probe.wire import licensing as lic
from probe.wire.cursor import Writer
from tests.strategies import Case

u8, u32 = st.integers(0, 0xFF), st.integers(0, 0xFFFFFFFF)
bodies = st.binary(max_size=60)
errors_of_size = st.integers(-4, 4)

errors = st.builds(
    lic.LicensingError,
    code=u32.map(lic.LicensingCode),
    transition=u32.map(lic.StateTransition),
    error_info=bodies,
    flags=u8,
    size_error=errors_of_size,
)
messages = st.builds(
    lic.LicensingMessage,
    message_type=st.integers(0, 0xFE).map(lic.LicensingType),
    body=bodies,
    flags=u8,
    size_error=errors_of_size,
)


def _write(message: Any) -> bytes:
    w = Writer()
    message.write(w)
    return w.getvalue()


CASES = [
    Case(lic.LicensingError, errors, lic.read_licensing, _write, framed=False),
    Case(lic.LicensingMessage, messages, lic.read_licensing, _write, framed=False),
]
