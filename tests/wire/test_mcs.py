"""MCS PDUs of the specification and of real servers."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given

from probe.errors import InvalidField, TooLong, Truncated
from probe.wire import gcc, mcs, x224
from tests.strategies.mcs import initials
from tests.vectors import vector

VECTORS = [
    "mcs_connect_initial_microsoft",
    "mcs_connect_initial_strict",
    "mcs_connect_response_microsoft",
    "mcs_connect_response_freerdp",
    "mcs_connect_response_xrdp",
    "mcs_connect_response_xrdp_tls",
    "mcs_disconnect_user_requested",
]


def user_data(name: str) -> bytes:
    tpdu = x224.read_packet(vector(name))
    assert isinstance(tpdu, x224.Data)
    return tpdu.user_data


def initial(name: str) -> mcs.ConnectInitial:
    pdu = mcs.read_pdu(user_data(name))
    assert isinstance(pdu, mcs.ConnectInitial)
    return pdu


def response(name: str) -> mcs.ConnectResponse:
    pdu = mcs.read_pdu(user_data(name))
    assert isinstance(pdu, mcs.ConnectResponse)
    return pdu


@pytest.mark.parametrize("name", VECTORS)
def test_a_real_pdu_survives_with_its_forms(name: str) -> None:
    assert mcs.write_pdu(mcs.read_pdu(user_data(name))) == user_data(name)


@pytest.mark.parametrize("name", VECTORS)
def test_every_prefix_of_a_real_pdu_is_truncated(name: str) -> None:
    raw = user_data(name)
    for size in range(len(raw)):
        with pytest.raises(Truncated):
            mcs.read_pdu(raw[:size])


@pytest.mark.parametrize("name", ["mcs_connect_initial_microsoft", "mcs_connect_initial_strict"])
def test_what_microsofts_client_and_ours_ask_for(name: str) -> None:
    pdu = initial(name)
    assert (pdu.target, pdu.minimum, pdu.maximum) == (mcs.TARGET, mcs.MINIMUM, mcs.MAXIMUM)
    assert (pdu.calling_domain_selector, pdu.called_domain_selector, pdu.upward_flag) == (b"\x01", b"\x01", 0xFF)


def test_the_defaults_make_the_request_that_servers_answered() -> None:
    request = gcc.ConferenceCreateRequest(
        blocks=(
            gcc.ClientCore(version=0x00080004, server_selected_protocol=0),
            gcc.ClientSecurity(encryption_methods=0x1B),
            gcc.ClientNetwork(channels=(gcc.ChannelDefinition(name=b"rdpdr\0\0\0", options=0x80800000),)),
            gcc.ClientCluster(flags=0x0D),
        )
    )
    assert mcs.write_pdu(mcs.ConnectInitial(user_data=request.write())) == user_data("mcs_connect_initial_strict")


@pytest.mark.parametrize(
    ("name", "channels", "octets"),
    [
        ("mcs_connect_response_microsoft", 34, 287),
        ("mcs_connect_response_freerdp", 34, 64),
        ("mcs_connect_response_xrdp", 22, 471),
        ("mcs_connect_response_xrdp_tls", 22, 55),
    ],
)
def test_what_servers_settle(name: str, channels: int, octets: int) -> None:
    pdu = response(name)
    assert pdu.result is mcs.ConnectResult.RT_SUCCESSFUL
    assert pdu.called_connect_id == 0
    assert pdu.parameters == dataclasses.replace(
        mcs.TARGET, max_channel_ids=channels, max_user_ids=3, max_mcs_pdu_size=65528
    )
    assert len(pdu.user_data) == octets


def test_a_refusal_without_user_data() -> None:
    refusal = mcs.ConnectResponse(result=mcs.ConnectResult.RT_UNSPECIFIED_FAILURE, parameters=mcs.TARGET, user_data=b"")
    raw = mcs.write_pdu(refusal)
    assert raw[:6] == bytes.fromhex("7f66240a010e")
    assert mcs.read_pdu(raw) == refusal


def test_an_unlisted_result_survives() -> None:
    pdu = dataclasses.replace(response("mcs_connect_response_freerdp"), result=mcs.ConnectResult(200))
    read = mcs.read_pdu(mcs.write_pdu(pdu))
    assert isinstance(read, mcs.ConnectResponse)
    assert (read.result, read.result.name) == (200, "UNKNOWN_0xc8")


# T.125: the choice in six bits, the reason in three, seven of padding.
@pytest.mark.parametrize(
    ("encoded", "reason"),
    [
        ("2000", mcs.DisconnectReason.RN_DOMAIN_DISCONNECTED),
        ("2080", mcs.DisconnectReason.RN_PROVIDER_INITIATED),
        ("2100", mcs.DisconnectReason.RN_TOKEN_PURGED),
        ("2180", mcs.DisconnectReason.RN_USER_REQUESTED),
        ("2200", mcs.DisconnectReason.RN_CHANNEL_PURGED),
    ],
)
def test_the_reasons_of_an_ultimatum(encoded: str, reason: mcs.DisconnectReason) -> None:
    pdu = mcs.read_pdu(bytes.fromhex(encoded))
    assert pdu == mcs.DisconnectProviderUltimatum(reason=reason)
    assert mcs.write_pdu(pdu) == bytes.fromhex(encoded)


def test_an_unlisted_reason_and_padding_survive() -> None:
    pdu = mcs.read_pdu(bytes.fromhex("23d5"))
    assert isinstance(pdu, mcs.DisconnectProviderUltimatum)
    assert (pdu.reason, pdu.reason.name, pdu.padding) == (7, "UNKNOWN_0x7", 0x55)
    assert mcs.write_pdu(pdu) == bytes.fromhex("23d5")


# Erect Domain, Attach User and its Confirm, Channel Join Request and Confirm: [MS-RDPBCGR] 4.1.5 to 4.1.8.
@pytest.mark.parametrize("encoded", ["0401000100", "28", "2e000006", "38000603ef", "3e00000603ef03ef", "7f67", "ff"])
def test_other_pdus_are_kept_as_they_are(encoded: str) -> None:
    pdu = mcs.read_pdu(bytes.fromhex(encoded))
    assert pdu == mcs.UnknownPdu(body=bytes.fromhex(encoded))
    assert mcs.write_pdu(pdu) == bytes.fromhex(encoded)


@pytest.mark.parametrize("name", VECTORS)
def test_bytes_behind_a_pdu_are_refused(name: str) -> None:
    with pytest.raises(InvalidField, match="bytes left over: 1") as caught:
        mcs.read_pdu(user_data(name) + b"\0")
    assert caught.value.offset == len(user_data(name))


def test_an_empty_tpdu_holds_no_pdu() -> None:
    with pytest.raises(Truncated, match="choice"):
        mcs.read_pdu(b"")


PARAMETERS = "301a 020122 020103 020100 020101 020100 020101 020300fff8 020102"


@pytest.mark.parametrize(
    ("encoded", "why"),
    [
        (f"7f6626 0a0100 020100 {PARAMETERS} 0400 0500", "bytes left over: 2"),
        ("7f6626 0a0100 020100 301c" + PARAMETERS[4:] + " 0500 0400", "bytes left over: 2"),
        (f"7f6625 0a0100 020100 {PARAMETERS} 030100", "0x4 expected: 0x3"),
        ("7f650c 040101 040101 0102ffff 3000", "bytes left over: 1"),
        ("7f6580", "indefinite length"),
        ("7f6603 0a0200", "2 bytes needed, 1 left"),
    ],
)
def test_broken_framing_is_an_error_with_a_reason(encoded: str, why: str) -> None:
    with pytest.raises((InvalidField, Truncated), match=why):
        mcs.read_pdu(bytes.fromhex(encoded))


def test_absurd_lengths_are_refused_before_anything_is_read() -> None:
    with pytest.raises(Truncated, match="4294967295 bytes needed"):
        mcs.read_pdu(bytes.fromhex("7f6584ffffffff"))
    with pytest.raises(TooLong):
        mcs.read_pdu(bytes.fromhex("7f66ff") + bytes(200))


@given(pdu=initials)
def test_how_a_pdu_was_encoded_is_no_part_of_what_it_says(pdu: mcs.ConnectInitial) -> None:
    wide = dataclasses.replace(pdu, forms=(5,) * 60)
    assert len(mcs.write_pdu(wide)) > len(mcs.write_pdu(pdu))
    assert wide == pdu
    assert mcs.read_pdu(mcs.write_pdu(wide)) == pdu
