"""The PDUs of an MCS domain."""

from __future__ import annotations

from hypothesis import strategies as st

from probe.wire import mcs_domain as d
from probe.wire.mcs import ConnectResult
from tests.strategies import Case

u8, u16, u32 = st.integers(0, 0xFF), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
users = st.integers(d.USER_ID_FROM, d.USER_ID_FROM + 0xFFFF)
two_bits, five_bits = st.integers(0, 3), st.integers(0, 31)
results = st.integers(0, 15).map(ConnectResult)
user_data = st.binary(max_size=200) | st.integers(100, 16_000).map(bytes)

erects = st.builds(d.ErectDomainRequest, sub_height=u32, sub_interval=u32, padding=two_bits)
attaches = st.builds(d.AttachUserRequest, padding=two_bits)
attached = st.builds(d.AttachUserConfirm, result=results, initiator=st.none() | users, padding=five_bits)
joins = st.builds(d.ChannelJoinRequest, initiator=users, channel_id=u16, padding=two_bits)
joined = st.builds(
    d.ChannelJoinConfirm,
    result=results,
    initiator=users,
    requested=u16,
    channel_id=st.none() | u16,
    padding=five_bits,
)
requests = st.builds(
    d.SendDataRequest, initiator=users, channel_id=u16, user_data=user_data, segmentation=u8, padding=two_bits
)
indications = st.builds(
    d.SendDataIndication, initiator=users, channel_id=u16, user_data=user_data, segmentation=u8, padding=two_bits
)

CASES = [
    Case(kind, messages, d.read_domain_pdu, d.write_domain_pdu)
    for kind, messages in (
        (d.ErectDomainRequest, erects),
        (d.AttachUserRequest, attaches),
        (d.AttachUserConfirm, attached),
        (d.ChannelJoinRequest, joins),
        (d.ChannelJoinConfirm, joined),
        (d.SendDataRequest, requests),
        (d.SendDataIndication, indications),
    )
]
