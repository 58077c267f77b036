"""GCC conferences of the specification and of real servers, and hostile blocks."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import InvalidField, TooLong, Truncated
from probe.wire import gcc, gcc_blocks
from probe.wire.cursor import Reader, Writer
from probe.wire.gcc_client import CLIENT_BLOCKS
from probe.wire.gcc_server import SERVER_BLOCKS
from tests.strategies.gcc import requests, responses
from tests.wire.test_mcs import initial, response

INITIALS = ["mcs_connect_initial_microsoft", "mcs_connect_initial_strict"]
RESPONSES = [
    "mcs_connect_response_microsoft",
    "mcs_connect_response_freerdp",
    "mcs_connect_response_xrdp",
    "mcs_connect_response_xrdp_tls",
]


def request_of(name: str) -> gcc.ConferenceCreateRequest:
    return gcc.ConferenceCreateRequest.read(initial(name).user_data)


def response_of(name: str) -> gcc.ConferenceCreateResponse:
    return gcc.ConferenceCreateResponse.read(response(name).user_data)


@pytest.mark.parametrize("name", INITIALS)
def test_a_real_request_survives(name: str) -> None:
    assert request_of(name).write() == initial(name).user_data


@pytest.mark.parametrize("name", RESPONSES)
def test_a_real_response_survives(name: str) -> None:
    assert response_of(name).write() == response(name).user_data


def test_microsofts_request() -> None:
    request = request_of("mcs_connect_initial_microsoft")
    assert [type(block) for block in request.blocks] == [
        gcc.ClientCore,
        gcc.ClientCluster,
        gcc.ClientSecurity,
        gcc.ClientNetwork,
    ]
    assert (request.h221_key, request.length_error) == (b"Duca", 0)
    core = request.block(gcc.ClientCore)
    assert core is not None
    assert core.computer_name == "ELTONS-DEV2"
    assert (core.version, core.client_build, core.desktop_width, core.desktop_height) == (0x80004, 3790, 1280, 1024)
    assert core.client_dig_product_id is not None
    assert core.client_dig_product_id.decode("utf-16-le").rstrip("\0") == "69712-783-0357974-42714"
    assert (core.early_capability_flags, core.server_selected_protocol, core.desktop_physical_width) == (1, 0, None)
    assert request.block(gcc.ClientCluster) == gcc.ClientCluster(flags=0x0D)
    assert request.block(gcc.ClientSecurity) == gcc.ClientSecurity(encryption_methods=0x1B)
    assert request.block(gcc.ClientNetwork) == gcc.ClientNetwork(
        channels=(
            gcc.ChannelDefinition(name=b"rdpdr\0\0\0", options=0x80800000),
            gcc.ChannelDefinition(name=b"cliprdr\0", options=0xC0A00000),
            gcc.ChannelDefinition(name=b"rdpsnd\0\0", options=0xC0000000),
        )
    )
    assert request.block(gcc.ClientMonitor) is None


def test_microsofts_response() -> None:
    answer = response_of("mcs_connect_response_microsoft")
    assert (answer.h221_key, answer.node_id, answer.tag, answer.result) == (b"McDn", 31219, 1, 0)
    assert answer.block(gcc.ServerCore) == gcc.ServerCore(version=0x80004, client_requested_protocols=0)
    assert answer.block(gcc.ServerNetwork) == gcc.ServerNetwork(
        io_channel_id=1003, channel_ids=(1004, 1005, 1006), padding=b"\0\0"
    )
    security = answer.block(gcc.ServerSecurity)
    assert security is not None
    assert (security.encryption_method, security.encryption_level) == (2, gcc.EncryptionLevel.CLIENT_COMPATIBLE)
    assert security.server_random is not None
    assert security.server_random.hex() == "1011772030610a12e434a11ef2c39f317da45f01893496e0ff1108697f1ac3d2"
    assert security.server_certificate is not None
    assert len(security.server_certificate) == 184


def test_freerdps_response_has_a_message_channel_and_no_multitransport() -> None:
    assert response_of("mcs_connect_response_freerdp").blocks == (
        gcc.ServerCore(version=0x80004, client_requested_protocols=0, early_capability_flags=0),
        gcc.ServerNetwork(io_channel_id=1003),
        gcc.ServerSecurity(encryption_method=0, encryption_level=gcc.EncryptionLevel.NONE),
        gcc.ServerMessageChannel(channel_id=1004),
    )


def test_xrdps_responses() -> None:
    security = response_of("mcs_connect_response_xrdp").block(gcc.ServerSecurity)
    assert security is not None
    assert (security.encryption_method, security.encryption_level) == (2, gcc.EncryptionLevel.HIGH)
    assert security.server_certificate is not None
    assert len(security.server_certificate) == 376
    assert response_of("mcs_connect_response_xrdp_tls").blocks == (
        gcc.ServerCore(version=0x80004, client_requested_protocols=1),
        gcc.ServerNetwork(io_channel_id=1003),
        gcc.ServerSecurity(encryption_method=0, encryption_level=gcc.EncryptionLevel.NONE),
    )


def test_the_length_that_windows_declares_is_wrong_and_survives() -> None:
    raw = response("mcs_connect_response_microsoft").user_data
    answer = response_of("mcs_connect_response_microsoft")
    assert raw[7] == 42
    assert answer.length_error == 42 - len(raw[8:])
    assert dataclasses.replace(answer, length_error=0, forms=()).write()[7:9] == (0x8000 | len(raw[8:])).to_bytes(2)


def test_lengths_survive_in_two_octets() -> None:
    raw = response("mcs_connect_response_xrdp_tls").user_data
    answer = response_of("mcs_connect_response_xrdp_tls")
    assert b"McDn\x80\x20" in raw
    assert b"McDn\x20" in dataclasses.replace(answer, forms=()).write()
    assert dataclasses.replace(answer, forms=()) == answer


def test_an_unusual_key_is_kept() -> None:
    raw = initial(INITIALS[0]).user_data.replace(b"Duca", b"XXXX")
    request = gcc.ConferenceCreateRequest.read(raw)
    assert request.h221_key == b"XXXX"
    assert request.write() == raw


def test_a_longer_conference_name_is_kept() -> None:
    raw = initial(INITIALS[0]).user_data.replace(bytes.fromhex("0008001000"), bytes.fromhex("000802123008"))
    request = gcc.ConferenceCreateRequest.read(raw)
    assert request.conference == bytes.fromhex("02123008")
    assert request.length_error == -1
    assert request.write() == raw


def test_the_first_block_of_a_kind_is_found() -> None:
    first, second = gcc.ServerMultitransport(flags=1), gcc.ServerMultitransport(flags=2)
    unknown = gcc.UnknownBlock(type=0x0C09, body=b"?")
    answer = gcc.ConferenceCreateResponse(blocks=(unknown, first, second))
    assert answer.block(gcc.ServerMultitransport) is first
    assert answer.block(gcc.UnknownBlock) is unknown
    assert gcc.ConferenceCreateResponse.read(answer.write()).blocks == answer.blocks


@pytest.mark.parametrize(
    ("find", "replace", "why"),
    [
        ("0005 00147c0001", "0005 00147c0002", "not the key of T.124: 000500147c0002"),
        ("0008 0010 0001", "0018 0010 0001", "0x8 expected: 0x18"),
        ("0010 0001 c000", "0010 0002 c000", "0x1 expected: 0x2"),
        ("0010 0001 c000", "0010 0001 4000", "0xc0 expected: 0x40"),
    ],
)
def test_another_shape_of_request_is_refused(find: str, replace: str, why: str) -> None:
    raw = initial(INITIALS[0]).user_data
    assert bytes.fromhex(find) in raw
    with pytest.raises(InvalidField, match=why):
        gcc.ConferenceCreateRequest.read(raw.replace(bytes.fromhex(find), bytes.fromhex(replace), 1))


def test_a_response_without_user_data_is_refused() -> None:
    with pytest.raises(InvalidField, match="0x14 expected: 0x10"):
        gcc.ConferenceCreateResponse.read(bytes.fromhex("000500147c0001 06 10760a010100"))


def test_bytes_behind_the_user_data_are_refused() -> None:
    for name in INITIALS:
        with pytest.raises(InvalidField, match="left over"):
            gcc.ConferenceCreateRequest.read(initial(name).user_data + b"\0")
    for name in RESPONSES:
        with pytest.raises(InvalidField, match="left over"):
            gcc.ConferenceCreateResponse.read(response(name).user_data + b"\0")


def test_more_than_per_can_count_is_not_written() -> None:
    request = gcc.ConferenceCreateRequest(blocks=(gcc.UnknownBlock(type=0xC0FF, body=bytes(0x4000)),))
    with pytest.raises(TooLong):
        request.write()


@pytest.mark.parametrize("length", [0, 1, 3])
def test_a_block_shorter_than_its_header_is_refused(length: int) -> None:
    body = b"\x01\x0c" + length.to_bytes(2, "little") + bytes(8)
    with pytest.raises(InvalidField, match=f"4 is the smallest: {length}") as caught:
        gcc_blocks.read_blocks(Reader(body, "TEST"), SERVER_BLOCKS)
    assert caught.value.offset == 4


@pytest.mark.parametrize("encoded", ["010c0d00 04000800 00000000", "010cffff 04000800", "010c", "010c08", "99990500"])
def test_a_block_past_the_end_is_truncated(encoded: str) -> None:
    with pytest.raises(Truncated):
        gcc_blocks.read_blocks(Reader(bytes.fromhex(encoded), "TEST"), SERVER_BLOCKS)


@pytest.mark.parametrize(
    "encoded",
    [
        "03c00800 ffffffff",  # channels
        "05c00c00 00000000 ffffffff",  # monitors
        "08c01000 00000000 14000000 ffffffff",  # monitor attributes
    ],
)
def test_absurd_counts_of_a_client_end_with_its_block(encoded: str) -> None:
    with pytest.raises(Truncated):
        gcc_blocks.read_blocks(Reader(bytes.fromhex(encoded), "TEST"), CLIENT_BLOCKS)


@pytest.mark.parametrize(
    "encoded",
    [
        "030c0800 eb03 ffff",  # channels
        "020c1400 02000000 02000000 ffffffff 00000000",  # serverRandomLen
        "020c1400 02000000 02000000 00000000 00000080",  # serverCertLen
    ],
)
def test_absurd_counts_of_a_server_end_with_its_block(encoded: str) -> None:
    with pytest.raises(Truncated):
        gcc_blocks.read_blocks(Reader(bytes.fromhex(encoded), "TEST"), SERVER_BLOCKS)


def test_monitor_attributes_of_no_size_are_refused() -> None:
    with pytest.raises(InvalidField, match="0x14 expected: 0x0"):
        gcc_blocks.read_blocks(Reader(bytes.fromhex("08c01000 00000000 00000000 ffffffff"), "TEST"), CLIENT_BLOCKS)


def test_sixteen_thousand_empty_blocks() -> None:
    raw = bytes.fromhex("09c00400") * 4000
    blocks = gcc_blocks.read_blocks(Reader(raw, "TEST"), CLIENT_BLOCKS)
    assert blocks == (gcc.UnknownBlock(type=0xC009, body=b""),) * 4000


def core_of_size(size: int) -> gcc.ClientCore:
    core = request_of("mcs_connect_initial_microsoft").block(gcc.ClientCore)
    assert core is not None
    w = Writer()
    core.write(w)
    return gcc.ClientCore.read(Reader((w.getvalue() + bytes(range(1, 19)))[:size], "CS_CORE"))


def test_a_client_core_may_end_after_any_optional_field() -> None:
    short = core_of_size(128)
    assert (short.post_beta2_color_depth, short.server_selected_protocol) == (None, None)
    assert core_of_size(140).early_capability_flags is None
    assert core_of_size(142).early_capability_flags == 1
    assert core_of_size(208).server_selected_protocol is None
    assert core_of_size(212).server_selected_protocol == 0
    whole = core_of_size(230)
    assert (whole.desktop_physical_width, whole.desktop_orientation) == (0x04030201, 0x0A09)
    assert (whole.device_scale_factor, whole.unknown) == (0x1211100F, b"")


def test_half_an_optional_field_is_not_taken_for_the_next() -> None:
    core = core_of_size(134)  # two bytes where serialNumber needs four, and highColorDepth two
    assert (core.client_product_id, core.serial_number, core.high_color_depth) == (1, None, None)
    assert core.unknown == b"\0\0"


def test_a_client_core_below_its_fixed_part_is_truncated() -> None:
    with pytest.raises(Truncated, match="imeFileName"):
        core_of_size(127)


def test_an_optional_field_behind_a_missing_one_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="behind one that is None"):
        gcc.ServerCore(version=4, early_capability_flags=1).write(Writer())


def test_a_name_without_end_and_one_that_is_not_utf16() -> None:
    assert gcc.ClientCore().computer_name == "probe"
    assert gcc.ClientCore(client_name="M".encode("utf-16-le") * 16).computer_name == "M" * 16
    assert gcc.ClientCore(client_name=b"\x00\xd8A\x00" + bytes(28)).computer_name == "\ufffdA"


def written(block: gcc.ServerSecurity) -> bytes:
    w = Writer()
    block.write(w)
    return w.getvalue()


def test_absent_lengths_are_told_from_lengths_of_zero() -> None:
    absent = gcc.ServerSecurity(encryption_method=0, encryption_level=gcc.EncryptionLevel.NONE)
    empty = dataclasses.replace(absent, server_random=b"", server_certificate=b"")
    assert (written(absent), written(empty)) == (bytes(8), bytes(16))
    assert gcc.ServerSecurity.read(Reader(bytes(8), "SC_SECURITY")) == absent
    assert gcc.ServerSecurity.read(Reader(bytes(16), "SC_SECURITY")) == empty


def test_one_of_random_and_certificate_brings_both_lengths() -> None:
    level = gcc.EncryptionLevel.LOW
    random = gcc.ServerSecurity(encryption_method=1, encryption_level=level, server_random=b"r")
    certificate = gcc.ServerSecurity(encryption_method=1, encryption_level=level, server_certificate=b"c")
    assert written(random)[8:] == bytes.fromhex("0100000000000000") + b"r"
    assert written(certificate)[8:] == bytes.fromhex("0000000001000000") + b"c"


def test_the_names_of_encryption_methods() -> None:
    assert gcc.encryption_method_names(0) == []
    assert gcc.encryption_method_names(0x1B) == ["40BIT", "128BIT", "56BIT", "FIPS"]
    assert gcc.encryption_method_names(0x80000022) == ["128BIT", "0x20", "0x80000000"]
    assert gcc.ENCRYPTION_METHOD_NAMES[gcc.EncryptionMethod.FIFTY_SIX_BIT] == "56BIT"


# [MS-RDPBCGR] 2.2.1.4.2
@pytest.mark.parametrize(
    ("version", "name"),
    [
        (0x00080001, "4.0"),
        (0x00080002, "0x00080002"),
        (0x00080004, "5.0-8.1"),
        (0x00080005, "10.0"),
        (0x0008000C, "10.7"),
        (0x00080011, "10.12"),
        (0x00080012, "0x00080012"),
        (0, "0x00000000"),
    ],
)
def test_the_name_of_a_version(version: int, name: str) -> None:
    assert gcc.rdp_version_name(version) == name


@given(request=requests, wide=st.booleans())
def test_a_request_says_the_same_in_any_form(request: gcc.ConferenceCreateRequest, wide: bool) -> None:
    form = 2 if wide else 1
    assert gcc.ConferenceCreateRequest.read(dataclasses.replace(request, forms=(form, form)).write()) == request


@given(answer=responses, declared=st.integers(0, 0x3FFF))
def test_any_declared_length_survives(answer: gcc.ConferenceCreateResponse, declared: int) -> None:
    raw = dataclasses.replace(answer, length_error=0, forms=(2, 1, 1)).write()
    raw = raw[:7] + (0x8000 | declared).to_bytes(2) + raw[9:]
    read = gcc.ConferenceCreateResponse.read(raw)
    assert read.blocks == answer.blocks
    assert read.write() == raw
