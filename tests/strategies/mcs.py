"""MCS connect PDUs and the Disconnect Provider Ultimatum."""

from __future__ import annotations

from hypothesis import strategies as st

from probe.wire import mcs
from probe.wire.asn1 import Asn1Writer
from probe.wire.cursor import Reader
from tests.strategies import Case

u8, u32 = st.integers(0, 255), st.integers(0, 0xFFFFFFFF)

parameters = st.builds(
    mcs.DomainParameters,
    max_channel_ids=u32,
    max_user_ids=u32,
    max_token_ids=u32,
    num_priorities=u32,
    min_throughput=u32,
    max_height=u32,
    max_mcs_pdu_size=u32,
    protocol_version=u32,
)
user_data = st.binary(max_size=50) | st.integers(100, 70_000).map(bytes)
initials = st.builds(
    mcs.ConnectInitial,
    calling_domain_selector=st.binary(max_size=20),
    called_domain_selector=st.binary(max_size=20),
    upward_flag=u8,
    target=parameters,
    minimum=parameters,
    maximum=parameters,
    user_data=user_data,
)
responses = st.builds(
    mcs.ConnectResponse,
    result=u32.map(mcs.ConnectResult),
    called_connect_id=u32,
    parameters=parameters,
    user_data=user_data,
)
ultimatums = st.builds(
    mcs.DisconnectProviderUltimatum,
    reason=st.integers(0, 7).map(mcs.DisconnectReason),
    padding=st.integers(0, 0x7F),
)
unknown = st.builds(
    mcs.UnknownPdu,
    body=st.binary(min_size=2, max_size=40).filter(
        lambda body: body[0] >> 2 != 8 and body[:2] not in (b"\x7f\x65", b"\x7f\x66")
    ),
)


def _write_parameters(message: mcs.DomainParameters) -> bytes:
    w = Asn1Writer()
    message.write(w)
    return w.getvalue()


CASES = [
    Case(
        mcs.DomainParameters,
        parameters,
        lambda raw: mcs.DomainParameters.read(Reader(raw, "MCS"), "domainParameters", []),
        _write_parameters,
    ),
    Case(mcs.ConnectInitial, initials, mcs.read_pdu, mcs.write_pdu),
    Case(mcs.ConnectResponse, responses, mcs.read_pdu, mcs.write_pdu),
    Case(mcs.DisconnectProviderUltimatum, ultimatums, mcs.read_pdu, mcs.write_pdu),
    Case(mcs.UnknownPdu, unknown, mcs.read_pdu, mcs.write_pdu, framed=False),
]
