"""What RDP carries in CR and CC, and the preconnection PDU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from probe.wire import nego
from probe.wire.cursor import Reader, Writer
from tests.strategies import Case

u8, u32 = st.integers(0, 255), st.integers(0, 0xFFFFFFFF)

requests = st.builds(nego.NegotiationRequest, protocols=u32, flags=u8)
correlations = st.builds(
    nego.CorrelationInfo,
    correlation_id=st.binary(min_size=16, max_size=16),
    flags=u8,
    reserved=st.binary(min_size=16, max_size=16),
)
responses = st.builds(nego.NegotiationResponse, selected=u32, flags=u8)
failures = st.builds(nego.NegotiationFailure, code=u32.map(nego.FailureCode), flags=u8)
tokens = st.binary(min_size=1, max_size=120).filter(
    lambda token: token[0] not in (1, 6) and b"\r\n" not in token + b"\r"
)
request_data = st.builds(
    nego.RequestData,
    token=st.none() | tokens,
    negotiation=st.none() | requests,
    correlation=st.none() | correlations,
)
confirm_data = st.builds(
    nego.ConfirmData,
    negotiation=st.none() | responses | failures,
    unknown=st.binary(max_size=20).filter(lambda rest: rest[:1] not in (b"\x02", b"\x03")),
)
preconnections = st.builds(
    nego.PreconnectionPdu,
    version=st.just(1),
    id=u32,
    flags=u32,
    padding=st.binary(max_size=8),
) | st.builds(
    nego.PreconnectionPdu,
    version=st.just(2),
    id=u32,
    flags=u32,
    blob=st.binary(max_size=40).filter(lambda blob: len(blob) % 2 == 0),
    padding=st.binary(max_size=8),
)


def _reader(kind: Any) -> Callable[[bytes], Any]:
    return lambda raw: kind.read(Reader(raw, kind.__name__))


def _write(message: Any) -> bytes:
    w = Writer()
    message.write(w)
    return w.getvalue()


CASES = [
    Case(nego.NegotiationRequest, requests, _reader(nego.NegotiationRequest), _write),
    Case(nego.CorrelationInfo, correlations, _reader(nego.CorrelationInfo), _write),
    Case(nego.NegotiationResponse, responses, _reader(nego.NegotiationResponse), _write),
    Case(nego.NegotiationFailure, failures, _reader(nego.NegotiationFailure), _write),
    Case(nego.RequestData, request_data, nego.RequestData.read, nego.RequestData.write, framed=False),
    Case(nego.ConfirmData, confirm_data, nego.ConfirmData.read, nego.ConfirmData.write, framed=False),
    Case(nego.PreconnectionPdu, preconnections, _reader(nego.PreconnectionPdu), _write),
]
