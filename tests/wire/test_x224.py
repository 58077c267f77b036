from __future__ import annotations

import pytest

from probe.errors import InvalidField, Truncated
from probe.wire import x224
from probe.wire.cursor import Reader
from probe.wire.nego import ConfirmData, FailureCode, NegotiationFailure, NegotiationResponse, RequestData
from tests.vectors import vector

CONFIRMS = {
    "x224_confirm_rdp_microsoft": (0x1234, NegotiationResponse(selected=0)),
    "x224_confirm_nla_freerdp": (0, NegotiationFailure(code=FailureCode.HYBRID_REQUIRED_BY_SERVER)),
    "x224_confirm_bare_xp": (0x1234, None),
}


@pytest.mark.parametrize("name", CONFIRMS)
def test_confirms_of_real_servers(name: str) -> None:
    raw = vector(name)
    confirm = x224.read_packet(raw)
    assert isinstance(confirm, x224.ConnectionConfirm)
    assert (confirm.src_ref, ConfirmData.read(confirm.variable).negotiation) == CONFIRMS[name]
    assert x224.write_packet(confirm) == raw


REQUESTS: dict[str, tuple[bytes | None, int | None]] = {
    "x224_request_cookie_microsoft": (b"eltons", 0),
    "x224_request_bare": (None, None),
    "x224_request_ssl_hybrid": (None, 3),
    "x224_request_hybrid_ex": (None, 0x0B),
    "x224_request_cookie_nmap": (b"nmap", 3),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_requests_of_real_clients(name: str) -> None:
    raw = vector(name)
    request = x224.read_packet(raw)
    assert isinstance(request, x224.ConnectionRequest)
    data = RequestData.read(request.variable)
    assert (data.cookie, data.negotiation.protocols if data.negotiation else None) == REQUESTS[name]
    assert data.write() == request.variable
    assert x224.write_packet(request) == raw


def test_an_empty_data_tpdu() -> None:
    raw = vector("x224_data_empty")
    assert x224.read_packet(raw) == x224.Data(user_data=b"")
    assert x224.write_packet(x224.Data(user_data=b"")) == raw


@pytest.mark.parametrize(
    ("packet", "field"),
    [
        ("0300000607d0", "length"),  # shorter than the shortest TPDU
        ("0200000b06d00000123400", "version"),
        ("0300000b07d00000123400", "LI"),  # LI counts more than there is
        ("0300000b05d00000123400", "class"),  # and less
        ("0300000703f080", "LI"),  # a DT's LI is 2
        ("0300000c06d0000012340000", "end"),
    ],
)
def test_broken_framing_names_the_field(packet: str, field: str) -> None:
    with pytest.raises((InvalidField, Truncated)) as caught:
        x224.read_packet(bytes.fromhex(packet))
    assert caught.value.field == field


def test_bytes_behind_a_packet_are_refused() -> None:
    with pytest.raises(InvalidField):
        x224.read_packet(vector("x224_data_empty") + b"\0")


def test_the_framer_cuts_a_stream_into_packets() -> None:
    one, two = vector("x224_confirm_bare_xp"), vector("x224_data_empty")
    framer = x224.TpktFramer()
    cut: list[bytes] = []
    for byte in one + two + b"\x03\x00":
        framer.feed(bytes([byte]))
        while (packet := framer.next_packet()) is not None:
            cut.append(packet)
    assert cut == [one, two]
    assert framer.leftover() == b"\x03\x00"
    assert framer.leftover() == b""


def test_the_framer_refuses_the_first_wrong_byte() -> None:
    framer = x224.TpktFramer()
    framer.feed(b"H")
    with pytest.raises(InvalidField):
        framer.next_packet()
    assert framer.leftover() == b"H"


def test_a_header_cut_short_is_truncated() -> None:
    with pytest.raises(Truncated):
        x224.Tpkt.read(Reader(b"\x03\x00\x00", "TPKT"))
