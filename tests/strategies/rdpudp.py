"""The datagrams that open RDP over UDP."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from probe.wire import rdpudp, rdpudp_data
from probe.wire.cursor import Reader, Writer
from probe.wire.rdpudp import UdpFlag, UdpVersion
from tests.strategies import Case

u16 = st.integers(0, 0xFFFF)
u32 = st.integers(0, 0xFFFFFFFF)
mtu = st.integers(rdpudp.SMALLEST_MTU, rdpudp.LARGEST_MTU)

correlation_ids = st.builds(
    rdpudp.CorrelationId, value=st.binary(min_size=16, max_size=16), reserved=st.binary(min_size=16, max_size=16)
)
with_hash = st.builds(
    rdpudp.SynEx, flags=u16, version=st.just(UdpVersion.VERSION_3), cookie_hash=st.binary(min_size=32, max_size=32)
)
without_hash = st.builds(rdpudp.SynEx, flags=u16, version=u16.filter(lambda version: version != UdpVersion.VERSION_3))
of_servers = st.builds(rdpudp.SynEx, flags=u16, version=st.sampled_from([1, 2, 0x101, 7]))


@st.composite
def syns(draw: st.DrawFn) -> rdpudp.Syn:
    """Either side's, with flags that fit the structures."""
    flags = draw(u16) | UdpFlag.SYN
    syn_ex = draw(of_servers if flags & UdpFlag.ACK else with_hash | without_hash)
    return rdpudp.Syn(
        source_ack=draw(u32),
        receive_window=draw(u16),
        flags=flags,
        initial_sequence=draw(u32),
        up_mtu=draw(mtu),
        down_mtu=draw(mtu),
        correlation_id=draw(correlation_ids) if flags & UdpFlag.CORRELATION_ID else None,
        syn_ex=syn_ex if flags & UdpFlag.SYNEX else None,
        padding=draw(st.binary(max_size=40)),
    )


@st.composite
def source_packets(draw: st.DrawFn) -> rdpudp_data.DataPacket:
    """Data of either side, with what its flags announce before it."""
    flags = (draw(u16) | UdpFlag.DATA) & ~(UdpFlag.SYN | UdpFlag.FEC)
    vector = draw(st.binary(max_size=20)) if flags & UdpFlag.ACK else None
    return rdpudp_data.DataPacket(
        source_ack=draw(u32),
        receive_window=draw(u16),
        flags=flags,
        ack_vector=vector,
        ack_padding=bytes(-(2 + len(vector)) % 4) if vector is not None else b"",
        ack_of_acks=draw(u32) if flags & UdpFlag.ACK_OF_ACKS else None,
        coded=draw(u32),
        source_start=draw(u32),
        payload=draw(st.binary(max_size=60)),
    )


def read(raw: bytes) -> rdpudp.Syn:
    return rdpudp.Syn.read(Reader(raw, "RDP-UDP"))


def write(message: Any) -> bytes:
    w = Writer()
    message.write(w)
    return w.getvalue()


CASES = [
    Case(
        rdpudp.CorrelationId,
        correlation_ids,
        lambda raw: rdpudp.CorrelationId.read(Reader(raw, "CorrelationId")),
        write,
    ),
    Case(
        rdpudp.SynEx,
        with_hash | without_hash,
        lambda raw: rdpudp.SynEx.read(Reader(raw, "SynEx"), of_client=True),
        write,
    ),
    Case(rdpudp.Syn, syns(), read, write, framed=False),
    Case(
        rdpudp_data.DataPacket,
        source_packets(),
        lambda raw: rdpudp_data.DataPacket.read(Reader(raw, "RDP-UDP")),
        write,
        framed=False,
    ),
]
