"""TSRequests of real peers and of odd ones, and their framing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import InvalidField, TooLong, Truncated
from probe.wire.credssp import NtStatus, TsRequest, TsRequestFramer
from probe.wire.cursor import Reader, Writer
from tests.vectors import vector

VECTORS = [
    "credssp_raw_ntlm",
    "credssp_raw_ntlm_nmap",
    "credssp_spnego_ntlm",
    "credssp_spnego_kerberos",
    "credssp_spnego_kerberos_ntlm",
    "credssp_challenge_freerdp",
    "credssp_init_windows10",
    "credssp_resp_windows2016",
    "credssp_challenge_windows2016",
]


def read(raw: bytes) -> TsRequest:
    r = Reader(raw, "TSRequest")
    request = TsRequest.read(r)
    r.end()
    return request


def write(request: TsRequest) -> bytes:
    w = Writer()
    request.write(w)
    return w.getvalue()


@pytest.mark.parametrize("name", VECTORS)
def test_vectors_survive_byte_for_byte(name: str) -> None:
    raw = vector(name)
    request = read(raw)
    assert write(request) == raw
    assert request.nego_tokens is not None
    assert len(request.nego_tokens) == 1
    assert request.error_code is None


def test_versions_are_what_the_peers_said() -> None:
    assert [read(vector(name)).version for name in VECTORS] == [6, 0x60, 6, 6, 6, 6, 6, 4, 4]


def test_only_freerdp_echoes_a_nonce() -> None:
    nonces = {name: read(vector(name)).client_nonce for name in VECTORS}
    echoed = nonces.pop("credssp_challenge_freerdp")
    assert echoed is not None
    assert echoed.hex().startswith("0b728195")
    assert len(echoed) == 32
    assert set(nonces.values()) == {None}


def test_a_request_without_forms_is_written_in_der() -> None:
    raw = vector("credssp_challenge_windows2016")
    request = read(raw)
    assert write(TsRequest(version=4, nego_tokens=request.nego_tokens)) == raw


# By hand: 30 L, a0 03 02 01 06, a4 L 02 L errorCode.
@pytest.mark.parametrize(
    ("raw", "high"),
    [
        ("300da003020106a4060204c000006d", 0),  # negative, as a signed 32-bit number is
        ("300ea003020106a407020500c000006d", 0),  # unsigned, with the zero that makes it positive
        ("300ea003020106a4070205ffc000006d", 0xFF),  # the sign extended by an octet too many
        ("30820011a0820003020106a48200060204c000006d", 0),  # with lengths wider than needed
    ],
)
def test_an_error_code_is_32_bits_in_any_encoding(raw: str, high: int) -> None:
    request = read(bytes.fromhex(raw))
    assert request.error_code == NtStatus.STATUS_LOGON_FAILURE
    assert request.error_code_high == high
    assert write(request) == bytes.fromhex(raw)


@pytest.mark.parametrize(
    ("code", "name"),
    [(0xC0000418, "STATUS_NTLM_BLOCKED"), (0x80090308, "SEC_E_INVALID_TOKEN"), (0xC0000999, "UNKNOWN_0xc0000999")],
)
def test_statuses_have_their_registered_names(code: int, name: str) -> None:
    assert NtStatus(code).name == name


def test_the_zeros_that_freerdp_2_answers_spnego_with_can_be_read() -> None:
    zeros = bytes(0x2FE0)
    header = "30822ff9a003020106a1822ff030822fec30822fe8a0822fe404822fe0"
    raw = bytes.fromhex(header) + zeros
    framer = TsRequestFramer()
    framer.feed(raw)
    message = framer.next_message()
    assert message == raw
    request = read(message)
    assert request.nego_tokens == (zeros,)
    assert write(request) == raw


@pytest.mark.parametrize(
    "raw",
    [
        "3003a00100",  # [0] holds no INTEGER
        "3006a004020106ff",  # more than the INTEGER in [0]
        "3000",
        "300ba003020106a10430020500",  # NegoData is no SEQUENCE
        "300ba003020106a10430023000",  # NegoData without a token
        "300fa003020106a10830063004a0020500",  # the token is no OCTET STRING
        "3011a003020106a10a30083006a00204000500",  # more than the token in NegoData
        "300ba003020106a10430000500",  # more than the list in [1]
        "300aa003020106a2060404",  # [2] is cut off
    ],
)
def test_what_breaks_the_layout_is_refused(raw: str) -> None:
    with pytest.raises((InvalidField, Truncated)):
        read(bytes.fromhex(raw))


def test_an_extension_survives() -> None:
    raw = bytes.fromhex("300aa003020106" + "a603020101")
    request = read(raw)
    assert request.unknown == bytes.fromhex("a603020101")
    assert write(request) == raw


@given(data=st.data())
def test_however_the_stream_is_split_the_same_messages_come_out(data: st.DataObject) -> None:
    wanted = [vector(name) for name in data.draw(st.lists(st.sampled_from(VECTORS), min_size=1, max_size=3))]
    stream = b"".join(wanted) + b"0"
    framer, got = TsRequestFramer(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        framer.feed(stream[:size])
        stream = stream[size:]
        while (message := framer.next_message()) is not None:
            got.append(message)
    assert got == wanted
    assert framer.leftover() == b"0"
    assert framer.leftover() == b""


@pytest.mark.parametrize("first", [b"\x16\x03\x01", b"\x03\x00\x00\x13", b"\x00"])
def test_what_is_no_sequence_is_refused_at_its_first_byte(first: bytes) -> None:
    framer = TsRequestFramer()
    framer.feed(first)
    with pytest.raises(InvalidField):
        framer.next_message()
    assert framer.leftover() == first


def test_a_message_of_the_limit_passes_and_one_byte_more_does_not() -> None:
    framer = TsRequestFramer(limit=0x90)
    framer.feed(bytes.fromhex("30818d") + bytes(0x8D))
    assert framer.next_message() == bytes.fromhex("30818d") + bytes(0x8D)
    framer.feed(bytes.fromhex("30818e"))
    with pytest.raises(TooLong):
        framer.next_message()


def test_lengths_that_cannot_be_are_refused_before_their_bytes_come() -> None:
    for header, error in (("3080", InvalidField), ("3085", TooLong), ("3084ffffffff", TooLong)):
        framer = TsRequestFramer()
        framer.feed(bytes.fromhex(header))
        with pytest.raises(error):
            framer.next_message()
