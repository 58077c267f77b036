from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.handshake.joining_watched import WatchedJoining
from probe.handshake.machine import Seen, Side
from probe.wire import gcc, mcs, x224
from probe.wire import mcs_domain as domain
from probe.wire.error_info import ErrorInfo
from probe.wire.licensing import LicensingError
from probe.wire.mcs import ConnectResult
from probe.wire.security_header import SecurityFlag, SecurityHeader
from probe.wire.share import ShareData, SharePdu, ShareType
from tests.handshake.driving import assert_split_does_not_matter, feed
from tests.licensing_server import alert, packet, set_error, written

C, S = Side.CLIENT, Side.SERVER
VALID, NO_SERVER = 7, 6
ENCRYPTING = gcc.ConferenceCreateResponse(
    blocks=(
        gcc.ServerSecurity(
            encryption_method=2, encryption_level=gcc.EncryptionLevel.CLIENT_COMPATIBLE, server_random=bytes(32)
        ),
    )
)


def indication(data: bytes) -> bytes:
    return packet(domain.SendDataIndication(initiator=1002, channel_id=1003, user_data=data))


def under(flags: SecurityFlag, body: bytes) -> bytes:
    return indication(written(SecurityHeader(flags=flags)) + body)


def licensing(code: int) -> bytes:
    return under(SecurityFlag.LICENSE_PKT, written(alert(code)))


ATTACHED = packet(domain.AttachUserConfirm(result=ConnectResult.RT_SUCCESSFUL, initiator=1007))
REFUSED = packet(domain.AttachUserConfirm(result=ConnectResult(1), initiator=None))
DISCONNECT = x224.write_packet(
    x224.Data(user_data=mcs.write_pdu(mcs.DisconnectProviderUltimatum(reason=mcs.DisconnectReason.RN_USER_REQUESTED)))
)
DEMAND_ACTIVE = written(SharePdu(share_type=ShareType.DEMAND_ACTIVE, body=b""))
ERROR = written(set_error(ErrorInfo.ERRINFO_LICENSE_NO_LICENSE_SERVER))


def seen(machine: WatchedJoining, *packets: bytes) -> list[object]:
    events = feed(machine, [(S, data) for data in packets])
    return [event.message for event in events if isinstance(event, Seen)]


@pytest.mark.parametrize(
    ("packets", "kinds", "finished"),
    [
        ([ATTACHED], [], False),
        ([REFUSED], [domain.AttachUserConfirm], True),
        ([ATTACHED, DISCONNECT], [mcs.DisconnectProviderUltimatum], True),
        ([ATTACHED, licensing(NO_SERVER)], [LicensingError], True),
        ([licensing(VALID)], [LicensingError], False),
        ([licensing(VALID), indication(ERROR)], [LicensingError, ShareData], True),
        ([licensing(VALID), indication(DEMAND_ACTIVE)], [LicensingError], True),
        ([under(SecurityFlag(0), ERROR)], [ShareData], True),
        ([under(SecurityFlag.HEARTBEAT, b"beat")], [], False),
        ([under(SecurityFlag.ENCRYPT, b"hidden")], [], True),
        ([packet(domain.AttachUserRequest())], [], True),
        ([x224.write_packet(x224.DisconnectRequest())], [], True),
        ([b"no TPKT at all"], [], True),
        ([ATTACHED] * 64, [], True),
    ],
)
def test_what_a_server_says_behind_its_settings(packets: list[bytes], kinds: list[type], *, finished: bool) -> None:
    machine = WatchedJoining(None)
    assert [type(message) for message in seen(machine, *packets)] == kinds
    assert machine.finished is finished


def test_under_encryption_every_message_has_a_header() -> None:
    machine = WatchedJoining(ENCRYPTING)
    assert [type(message) for message in seen(machine, licensing(NO_SERVER))] == [LicensingError]
    assert seen(WatchedJoining(ENCRYPTING), under(SecurityFlag.ENCRYPT, ERROR)) == []


def test_of_the_client_nothing_is_read_or_kept() -> None:
    machine = WatchedJoining(None)
    assert machine.observe(C, licensing(NO_SERVER), 0.0) == []
    assert machine.observe(C, b"password", 0.0) == []
    assert not machine.finished
    assert machine.leftover(C) == machine.leftover(S) == b""
    assert machine.waiting_for == ""
    assert machine.data_to_send() == machine.farewell() == b""


def test_split_does_not_matter() -> None:
    said = [(S, ATTACHED + licensing(VALID)), (C, b"?"), (S, indication(ERROR))]
    assert_split_does_not_matter(lambda: WatchedJoining(None), said)


@given(st.lists(st.tuples(st.sampled_from(Side), st.binary(max_size=40).map(lambda tail: b"\x03\x00\x00\x10" + tail))))
def test_any_bytes_are_observed_without_an_exception(said: list[tuple[Side, bytes]]) -> None:
    machine = WatchedJoining(ENCRYPTING)
    for side, data in said:
        machine.observe(side, data, 0.0)
