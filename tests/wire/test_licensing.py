"""Licensing, share and Client Info: what the specification's and real servers' bytes are read as."""

from __future__ import annotations

import pytest

from probe.wire import licensing as lic
from probe.wire import share
from probe.wire.client_info import ClientInfo, ExtendedInfo, InfoFlag
from probe.wire.cursor import Reader, Writer
from probe.wire.error_info import ErrorInfo
from probe.wire.security_header import SecurityExchange, SecurityFlag, SecurityHeader

VALID_CLIENT = bytes.fromhex("ff031000070000000200000004000000")  # FreeRDP's, and [MS-RDPBCGR] 4.1.11's
NO_SERVER = bytes.fromhex("ff031000060000000100000004000000")


@pytest.mark.parametrize(
    ("raw", "code", "transition"),
    [
        (VALID_CLIENT, "STATUS_VALID_CLIENT", "ST_NO_TRANSITION"),
        (NO_SERVER, "ERR_NO_LICENSE_SERVER", "ST_TOTAL_ABORT"),
        (bytes.fromhex("ff0310002a0000002a000000"), "UNKNOWN_0x2a", "UNKNOWN_0x2a"),
    ],
)
def test_errors_by_their_names(raw: bytes, code: str, transition: str) -> None:
    message = lic.read_licensing(raw)
    assert isinstance(message, lic.LicensingError)
    assert (message.code.name, message.transition.name) == (code, transition)


def test_other_messages_by_their_type() -> None:
    message = lic.read_licensing(bytes.fromhex("0103100000112233"))
    assert isinstance(message, lic.LicensingMessage)
    assert (message.message_type, message.size_error) == (lic.LicensingType.LICENSE_REQUEST, 8)


def test_the_security_exchange_of_the_specification() -> None:
    r = Reader(bytes.fromhex("0102000048000000" + "91" * 72), "PDU")  # [MS-RDPBCGR] 4.1.9, its beginning
    header = SecurityHeader.read(r)
    assert header.flags == SecurityFlag.EXCHANGE_PKT | SecurityFlag.LICENSE_ENCRYPT
    assert len(SecurityExchange.read(r).encrypted_client_random) == 72
    r.end()


def set_error_info(number: int) -> bytes:
    """As FreeRDP writes it."""
    return bytes.fromhex("16001700ea03ea030100000104002f000000") + number.to_bytes(4, "little")


def test_a_set_error_info_pdu_names_its_error() -> None:
    pdu = share.read_share(set_error_info(7))
    assert isinstance(pdu, share.ShareData)
    assert (pdu.data_type, pdu.length_error) == (share.DataType.SET_ERROR_INFO, 0)
    assert pdu.error_info is ErrorInfo.ERRINFO_SERVER_DENIED_CONNECTION


def test_other_data_pdus_and_cut_ones_name_none() -> None:
    raw = set_error_info(7)
    status, cut = share.read_share(raw[:14] + b"\x36" + raw[15:]), share.read_share(raw[:-1])
    assert isinstance(status, share.ShareData)
    assert isinstance(cut, share.ShareData)
    assert (status.data_type, status.error_info, cut.error_info) == (share.DataType.STATUS_INFO, None, None)


def test_what_begins_a_share_is_told_from_a_security_header() -> None:
    assert share.is_share(set_error_info(7))
    assert share.is_share(bytes.fromhex("06001100ea03"))  # a Demand Active PDU with nothing in it
    assert not share.is_share(bytes.fromhex("80000000") + VALID_CLIENT)
    assert not share.is_share(bytes.fromhex("06001200ea03"))  # no PDU has type 2
    assert not share.is_share(b"\x03\x00\x11")


def test_nobody_is_named_by_default() -> None:
    info = ClientInfo()
    assert not info.flags & InfoFlag.AUTOLOGON
    w = Writer()
    info.write(w)
    assert w.getvalue() == bytes.fromhex("0000000033000000") + bytes(20)
    w = Writer()
    ExtendedInfo().write(w)
    assert w.getvalue() == bytes.fromhex("02000200000002000000") + bytes(172 + 8 + 2)


def test_names_of_errors_are_those_of_the_specification() -> None:
    assert ErrorInfo(0x10A).name == "ERRINFO_LICENSE_NO_REMOTE_CONNECTIONS"
    assert ErrorInfo(0x1195).name == "ERRINFO_DECRYPTFAILED2"
    assert ErrorInfo(0x1234).name == "UNKNOWN_0x1234"
