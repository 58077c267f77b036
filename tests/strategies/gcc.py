"""GCC conferences and the data blocks in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from probe.wire import gcc
from probe.wire.cursor import Reader, Writer
from probe.wire.gcc_client import CLIENT_BLOCKS
from probe.wire.gcc_server import SERVER_BLOCKS
from tests.strategies import Case

u8, u16, u32 = st.integers(0, 255), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
unknown_fields = st.binary(max_size=9)

CORE_OPTIONAL: dict[str, st.SearchStrategy[Any]] = {
    "post_beta2_color_depth": u16,
    "client_product_id": u16,
    "serial_number": u32,
    "high_color_depth": u16,
    "supported_color_depths": u16,
    "early_capability_flags": u16,
    "client_dig_product_id": st.binary(min_size=64, max_size=64),
    "connection_type": u8,
    "pad1octet": u8,
    "server_selected_protocol": u32,
    "desktop_physical_width": u32,
    "desktop_physical_height": u32,
    "desktop_orientation": u16,
    "desktop_scale_factor": u32,
    "device_scale_factor": u32,
}


def _up_to(count: int, fields: dict[str, st.SearchStrategy[Any]]) -> dict[str, st.SearchStrategy[Any]]:
    """The first `count` optional fields, the others None. What is unknown can only follow all of them."""
    kept = {name: field if place < count else st.none() for place, (name, field) in enumerate(fields.items())}
    return {**kept, "unknown": unknown_fields if count == len(fields) else st.just(b"")}


client_cores = st.integers(0, len(CORE_OPTIONAL)).flatmap(
    lambda count: st.builds(
        gcc.ClientCore,
        version=u32,
        desktop_width=u16,
        desktop_height=u16,
        color_depth=u16,
        sas_sequence=u16,
        keyboard_layout=u32,
        client_build=u32,
        client_name=st.binary(min_size=32, max_size=32),
        keyboard_type=u32,
        keyboard_sub_type=u32,
        keyboard_function_key=u32,
        ime_file_name=st.binary(min_size=64, max_size=64),
        **_up_to(count, CORE_OPTIONAL),
    )
)
client_securities = st.builds(
    gcc.ClientSecurity, encryption_methods=u32, ext_encryption_methods=u32, unknown=unknown_fields
)
channels = st.builds(gcc.ChannelDefinition, name=st.binary(min_size=8, max_size=8), options=u32)
client_networks = st.builds(
    gcc.ClientNetwork, channels=st.lists(channels, max_size=4).map(tuple), unknown=unknown_fields
)
client_clusters = st.builds(gcc.ClientCluster, flags=u32, redirected_session_id=u32, unknown=unknown_fields)
monitors = st.lists(st.binary(min_size=20, max_size=20), max_size=3).map(tuple)
client_monitors = st.builds(gcc.ClientMonitor, monitors=monitors, flags=u32, unknown=unknown_fields)
client_message_channels = st.builds(gcc.ClientMessageChannel, flags=u32, unknown=unknown_fields)
client_monitors_extended = st.builds(gcc.ClientMonitorExtended, monitors=monitors, flags=u32, unknown=unknown_fields)
client_multitransports = st.builds(gcc.ClientMultitransport, flags=u32, unknown=unknown_fields)

server_cores = st.integers(0, 2).flatmap(
    lambda count: st.builds(
        gcc.ServerCore,
        version=u32,
        **_up_to(count, {"client_requested_protocols": u32, "early_capability_flags": u32}),
    )
)
server_securities = st.builds(
    gcc.ServerSecurity,
    encryption_method=u32,
    encryption_level=u32.map(gcc.EncryptionLevel),
    unknown=st.binary(max_size=7),
) | st.builds(
    gcc.ServerSecurity,
    encryption_method=u32,
    encryption_level=u32.map(gcc.EncryptionLevel),
    server_random=st.binary(max_size=40),
    server_certificate=st.binary(max_size=200),
    unknown=unknown_fields,
)
server_networks = st.builds(
    gcc.ServerNetwork, io_channel_id=u16, channel_ids=st.lists(u16, max_size=5).map(tuple), padding=unknown_fields
)
server_message_channels = st.builds(gcc.ServerMessageChannel, channel_id=u16, unknown=unknown_fields)
server_multitransports = st.builds(gcc.ServerMultitransport, flags=u32, unknown=unknown_fields)


def unknown_blocks(known: dict[int, Any]) -> st.SearchStrategy[gcc.UnknownBlock]:
    return st.builds(gcc.UnknownBlock, type=u16.filter(lambda number: number not in known), body=st.binary(max_size=30))


client_blocks = st.one_of(
    client_cores,
    client_securities,
    client_networks,
    client_clusters,
    client_monitors,
    client_message_channels,
    client_monitors_extended,
    client_multitransports,
    unknown_blocks(CLIENT_BLOCKS),
)
server_blocks = st.one_of(
    server_cores,
    server_securities,
    server_networks,
    server_message_channels,
    server_multitransports,
    unknown_blocks(SERVER_BLOCKS),
)
keys = st.just(b"Duca") | st.just(b"McDn") | st.binary(min_size=4, max_size=20)
# A conferenceName of as many digits as the first octet says and one, half a byte each; then five bits.
conferences = st.integers(0, 20).flatmap(
    lambda more: st.binary(min_size=more // 2 + 2, max_size=more // 2 + 2).map(lambda rest: bytes([more]) + rest)
)
requests = st.builds(
    gcc.ConferenceCreateRequest,
    blocks=st.lists(client_blocks, max_size=4).map(tuple),
    h221_key=keys,
    conference=conferences,
    length_error=st.integers(0, 200),
)
responses = st.builds(
    gcc.ConferenceCreateResponse,
    blocks=st.lists(server_blocks, max_size=4).map(tuple),
    h221_key=keys,
    node_id=st.integers(1001, 1001 + 0xFFFF),
    tag=u32,
    result=u8,
    length_error=st.integers(0, 200),
)


def _body(kind: Any) -> Callable[[bytes], Any]:
    return lambda raw: kind.read(Reader(raw, kind.__name__))


def _write(message: Any) -> bytes:
    w = Writer()
    message.write(w)
    return w.getvalue()


def _block(kind: Any, blocks: st.SearchStrategy[Any]) -> Case:
    return Case(kind, blocks, _body(kind), _write, framed=False)


CASES = [
    _block(gcc.ClientCore, client_cores),
    _block(gcc.ClientSecurity, client_securities),
    Case(gcc.ChannelDefinition, channels, _body(gcc.ChannelDefinition), _write),
    _block(gcc.ClientNetwork, client_networks),
    _block(gcc.ClientCluster, client_clusters),
    _block(gcc.ClientMonitor, client_monitors),
    _block(gcc.ClientMessageChannel, client_message_channels),
    _block(gcc.ClientMonitorExtended, client_monitors_extended),
    _block(gcc.ClientMultitransport, client_multitransports),
    _block(gcc.ServerCore, server_cores),
    _block(gcc.ServerSecurity, server_securities),
    _block(gcc.ServerNetwork, server_networks),
    _block(gcc.ServerMessageChannel, server_message_channels),
    _block(gcc.ServerMultitransport, server_multitransports),
    Case(gcc.ConferenceCreateRequest, requests, gcc.ConferenceCreateRequest.read, gcc.ConferenceCreateRequest.write),
    Case(
        gcc.ConferenceCreateResponse,
        responses,
        gcc.ConferenceCreateResponse.read,
        gcc.ConferenceCreateResponse.write,
    ),
]
