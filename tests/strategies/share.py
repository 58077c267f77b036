"""Share PDUs."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from probe.wire import share
from probe.wire.cursor import Writer
from tests.strategies import Case

u8, u16, u32 = st.integers(0, 0xFF), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
versions = st.integers(0, 0xFFF).map(lambda version: version << 4)
errors_of_length = st.integers(-6, 6)
bodies = st.binary(max_size=60)

data = st.builds(
    share.ShareData,
    data_type=u8.map(share.DataType),
    body=bodies,
    source=u16,
    version=versions,
    share_id=u32,
    padding=u8,
    stream=u8,
    uncompressed_length=u16,
    compressed_type=u8,
    compressed_length=u16,
    length_error=errors_of_length,
)
others = st.builds(
    share.SharePdu,
    share_type=st.integers(0, 15).filter(lambda kind: kind != share.ShareType.DATA).map(share.ShareType),
    body=bodies,
    source=u16,
    version=versions,
    length_error=errors_of_length.filter(lambda error: error >= -6),
)


def _write(message: Any) -> bytes:
    w = Writer()
    message.write(w)
    return w.getvalue()


CASES = [
    Case(share.ShareData, data, share.read_share, _write, framed=False),
    Case(share.SharePdu, others, share.read_share, _write, framed=False),
]
