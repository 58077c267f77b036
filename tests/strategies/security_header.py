"""Security headers, and the Security Exchange PDU."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from probe.wire import security_header as s
from probe.wire.cursor import Reader, Writer
from tests.strategies import Case

u8, u16 = st.integers(0, 0xFF), st.integers(0, 0xFFFF)
signatures = st.binary(min_size=8, max_size=8)

headers = st.builds(s.SecurityHeader, flags=u16, flags_hi=u16)
signed = st.builds(s.SignedHeader, flags=u16, flags_hi=u16, signature=signatures)
fips = st.builds(s.FipsHeader, flags=u16, flags_hi=u16, length=u16, version=u8, padding=u8, signature=signatures)
exchanges = st.builds(s.SecurityExchange, encrypted_client_random=st.binary(max_size=300))


def _write(message: Any) -> bytes:
    w = Writer()
    message.write(w)
    return w.getvalue()


CASES = [
    Case(kind, messages, lambda raw, kind=kind: kind.read(Reader(raw, kind.__name__)), _write)  # type: ignore[misc]
    for kind, messages in (
        (s.SecurityHeader, headers),
        (s.SignedHeader, signed),
        (s.FipsHeader, fips),
        (s.SecurityExchange, exchanges),
    )
]
