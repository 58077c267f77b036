from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import InvalidField, Truncated
from probe.wire.cursor import Reader, Writer
from probe.wire.rdpudp import UdpFlag
from probe.wire.rdpudp_data import DataPacket

# The datagrams behind the SYN+ACK of a public capture (Windows Server 2016 on loopback), cut in their payload.
CLIENT = bytes.fromhex("0f94ea0b0400000c000000000b127f160b127f1616030300b2010000ae0303")
SERVER = bytes.fromhex("0b127f1600c8000c0001001f0f94ea0c0f94ea0c160303047b020000510303")


def read(data: bytes) -> DataPacket:
    return DataPacket.read(Reader(data, "RDP-UDP"))


def write(packet: DataPacket) -> bytes:
    w = Writer()
    packet.write(w)
    return w.getvalue()


def test_a_captured_hello_is_read() -> None:
    packet = read(CLIENT)
    assert (packet.source_ack, packet.receive_window, packet.flags) == (0x0F94EA0B, 1024, 0x000C)
    assert (packet.ack_vector, packet.ack_padding, packet.ack_of_acks) == (b"", b"\0\0", None)
    assert (packet.coded, packet.source_start) == (0x0B127F16, 0x0B127F16)
    assert packet.payload == bytes.fromhex("16030300b2010000ae0303")


def test_an_acknowledgment_with_elements_is_padded_to_four_bytes() -> None:
    packet = read(SERVER)
    assert (packet.ack_vector, packet.ack_padding) == (b"\0", b"\x1f")
    assert packet.payload.startswith(b"\x16\x03\x03\x04\x7b\x02")


@pytest.mark.parametrize("data", [CLIENT, SERVER])
def test_writing_gives_what_was_read(data: bytes) -> None:
    assert write(read(data)) == data


@pytest.mark.parametrize("flags", [0x0005, 0x0004, 0x001C, 0x0009])
def test_what_carries_no_data_of_its_own_is_none(flags: int) -> None:
    with pytest.raises(InvalidField):
        read(CLIENT[:6] + flags.to_bytes(2, "big") + CLIENT[8:])


@pytest.mark.parametrize("length", [0, 7, 9, 11, 15, 19])
def test_a_cut_header_is_truncated(length: int) -> None:
    with pytest.raises(Truncated):
        read(CLIENT[:length])


_U32 = st.integers(0, 2**32 - 1)


@st.composite
def packets(draw: st.DrawFn) -> DataPacket:
    vector = draw(st.none() | st.binary(max_size=40))
    of_acks = draw(st.none() | _U32)
    flags = (
        UdpFlag.DATA | (UdpFlag.ACK if vector is not None else 0) | (UdpFlag.ACK_OF_ACKS if of_acks is not None else 0)
    )
    size = -(2 + len(vector)) % 4 if vector is not None else 0
    return DataPacket(
        source_ack=draw(_U32),
        receive_window=draw(st.integers(0, 65535)),
        flags=int(flags),
        ack_vector=vector,
        ack_padding=draw(st.binary(min_size=size, max_size=size)),
        ack_of_acks=of_acks,
        coded=draw(_U32),
        source_start=draw(_U32),
        payload=draw(st.binary(max_size=100)),
    )


@given(packets())
def test_reading_gives_what_was_written(packet: DataPacket) -> None:
    assert read(write(packet)) == packet
