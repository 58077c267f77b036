from __future__ import annotations

import pytest

from probe.errors import InvalidField
from probe.wire import mcs_domain as d
from probe.wire.mcs import ConnectResult, DisconnectProviderUltimatum, UnknownPdu

# [MS-RDPBCGR] 4.1.5 to 4.1.9, without TPKT and X.224.
SPECIFIED = [
    ("0401000100", d.ErectDomainRequest()),
    ("28", d.AttachUserRequest()),
    ("2e000006", d.AttachUserConfirm(result=ConnectResult.RT_SUCCESSFUL, initiator=1007)),
    ("38000603ef", d.ChannelJoinRequest(initiator=1007, channel_id=1007)),
    (
        "3e00000603ef03ef",
        d.ChannelJoinConfirm(result=ConnectResult.RT_SUCCESSFUL, initiator=1007, requested=1007, channel_id=1007),
    ),
    ("64000603eb7003aabbcc", d.SendDataRequest(initiator=1007, channel_id=1003, user_data=b"\xaa\xbb\xcc")),
    ("68000103eb7001ff", d.SendDataIndication(initiator=1002, channel_id=1003, user_data=b"\xff")),
]


@pytest.mark.parametrize(("raw", "pdu"), SPECIFIED, ids=lambda value: type(value).__name__)
def test_the_bytes_of_the_specification(raw: str, pdu: d.DomainPdu) -> None:
    assert d.read_domain_pdu(bytes.fromhex(raw)) == pdu
    assert d.write_domain_pdu(pdu) == bytes.fromhex(raw)


def test_a_length_wider_than_it_need_be_survives() -> None:
    raw = bytes.fromhex("68000103eb708001ff")  # FreeRDP and Windows write lengths in two octets where one would do
    assert d.write_domain_pdu(d.read_domain_pdu(raw)) == raw


def test_a_refusal_has_no_number() -> None:
    refused = d.AttachUserConfirm(result=ConnectResult.RT_TOO_MANY_USERS)
    raw = d.write_domain_pdu(refused)
    assert len(raw) == 2
    assert d.read_domain_pdu(raw) == refused


def test_other_pdus_keep_their_kind() -> None:
    assert isinstance(d.read_domain_pdu(bytes.fromhex("2180")), DisconnectProviderUltimatum)
    assert d.read_domain_pdu(b"\x7f\x66\x00") == UnknownPdu(body=b"\x7f\x66\x00")


@pytest.mark.parametrize(("kind", "raw"), [(d.AttachUserRequest, "2c"), (d.AttachUserConfirm, "3e00")])
def test_another_choice_is_not_taken_for_it(kind: type[d.AttachUserRequest], raw: str) -> None:
    from probe.wire.cursor import Reader

    with pytest.raises(InvalidField):
        kind.read(Reader(bytes.fromhex(raw), kind.__name__))
