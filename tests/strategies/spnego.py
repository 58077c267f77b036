"""SPNEGO tokens, in any encoding of their lengths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from probe.wire import spnego
from probe.wire.cursor import Reader, Writer
from tests.strategies import Case

content = st.binary(max_size=200)
forms = st.lists(st.integers(1, 5), max_size=12).map(tuple)
oids = st.sampled_from(list(spnego.MECHANISMS)) | st.binary(max_size=20)
unknown = st.sampled_from([b"", b"\xa4\x02\x04\x00"])

offers = st.builds(
    spnego.NegTokenInit,
    mech_types=st.lists(oids, max_size=5).map(tuple),
    req_flags=st.none() | content,
    mech_token=st.none() | content,
    mech_list_mic=st.none() | content,
    unknown=unknown,
    forms=forms,
)
answers = st.builds(
    spnego.NegTokenResp,
    state=st.none() | st.integers(0, 0xFFFFFFFF).map(spnego.NegState),
    supported_mech=st.none() | oids,
    response_token=st.none() | content,
    mech_list_mic=st.none() | content,
    unknown=unknown,
    forms=forms,
)
raw_tokens = st.builds(spnego.RawToken, body=content.filter(lambda body: body[:1] not in (b"\x60", b"\xa1")))


def _reader(kind: Any) -> Callable[[bytes], Any]:
    return lambda raw: kind.read(Reader(raw, kind.__name__))


def _write(message: Any) -> bytes:
    w = Writer()
    message.write(w)
    return w.getvalue()


CASES = [
    Case(spnego.NegTokenInit, offers, _reader(spnego.NegTokenInit), _write),
    Case(spnego.NegTokenResp, answers, _reader(spnego.NegTokenResp), _write),
    Case(spnego.RawToken, raw_tokens, spnego.read_token, _write, framed=False),
]
