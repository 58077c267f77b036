"""The Client Info PDU."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from probe.wire.client_info import ClientInfo, ExtendedInfo, InfoFlag
from probe.wire.cursor import Reader, Writer
from tests.strategies import Case

u16, u32 = st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
texts = st.binary(max_size=30)


@st.composite
def infos(draw: st.DrawFn) -> ClientInfo:
    flags = draw(u32)
    width = 2 if flags & InfoFlag.UNICODE else 1
    return ClientInfo(
        code_page=draw(u32),
        flags=flags,
        domain=draw(texts),
        user_name=draw(texts),
        password=draw(texts),
        alternate_shell=draw(texts),
        working_dir=draw(texts),
        ends=draw(st.binary(min_size=5 * width, max_size=5 * width)),
        extra=draw(texts),
    )


extended = st.builds(
    ExtendedInfo,
    address_family=u16,
    address=texts,
    directory=texts,
    time_zone=st.binary(min_size=172, max_size=172),
    session_id=u32,
    performance_flags=u32,
    rest=texts,
)


def _write(message: Any) -> bytes:
    w = Writer()
    message.write(w)
    return w.getvalue()


CASES = [
    Case(ClientInfo, infos(), lambda raw: ClientInfo.read(Reader(raw, "ClientInfo")), _write, framed=False),
    Case(ExtendedInfo, extended, lambda raw: ExtendedInfo.read(Reader(raw, "ExtendedInfo")), _write, framed=False),
]
