"""TSRequest, in any encoding of its lengths and integers."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from probe.wire.credssp import TsRequest
from probe.wire.cursor import Reader, Writer
from tests.strategies import Case

u32 = st.integers(0, 0xFFFFFFFF)
content = st.binary(max_size=300)
forms = st.lists(st.integers(1, 5), max_size=12).map(tuple)

common: dict[str, st.SearchStrategy[Any]] = {
    "version": st.integers(0, 7) | u32,
    "nego_tokens": st.none() | st.lists(content, max_size=3).map(tuple),
    "auth_info": st.none() | content,
    "pub_key_auth": st.none() | content,
    "client_nonce": st.none() | content,
    "unknown": st.sampled_from([b"", b"\xa6\x03\x02\x01\x00"]),
    "forms": forms,
}
requests = st.builds(TsRequest, **common) | st.builds(
    TsRequest, error_code=u32, error_code_high=st.integers(0, 127), **common
)


def _write(message: Any) -> bytes:
    w = Writer()
    message.write(w)
    return w.getvalue()


CASES = [Case(TsRequest, requests, lambda raw: TsRequest.read(Reader(raw, "TSRequest")), _write)]
