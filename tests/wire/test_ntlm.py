"""NTLM messages of Windows and FreeRDP, of systems that end them early, and of servers that lie in them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import InvalidField, Truncated, WireError
from probe.wire import ntlm
from probe.wire.av_pair import filetime_to_unix
from probe.wire.credssp import TsRequest
from probe.wire.cursor import Reader, Writer, flag_names
from probe.wire.ntlm import AvId, AvPair, Challenge, Negotiate, NegotiateFlag, PayloadField, Version
from tests.strategies.ntlm import pair_lists
from tests.vectors import vector


def token_of(name: str) -> bytes:
    tokens = TsRequest.read(Reader(vector(name), "TSRequest")).nego_tokens
    assert tokens is not None
    return tokens[0]


def challenge(raw: bytes) -> Challenge:
    message = ntlm.read_message(raw)
    assert isinstance(message, Challenge)
    assert written(message) == raw
    return message


def written(message: Negotiate | Challenge | Version) -> bytes:
    w = Writer()
    message.write(w)
    return w.getvalue()


EIGHT = "0000000000000000"  # Reserved
MODERN = EIGHT + "{info}0a007c4f0000000f"  # Reserved, TargetInfoFields, version 10.0.20348


def by_hand(
    *, name: bytes = b"", name_at: int = 0, info: bytes = b"", info_at: int = 0, flags: str, rest: str
) -> bytes:
    """A CHALLENGE laid out from [MS-NLMP] 2.2.1.2; `rest` is what follows ServerChallenge, {info} its fields."""

    def place(value: bytes, at: int) -> str:
        return (len(value).to_bytes(2, "little") * 2 + at.to_bytes(4, "little")).hex()

    head = b"NTLMSSP\0".hex() + "02000000" + place(name, name_at) + flags + "1122334455667788"
    return bytes.fromhex(head + rest.format(info=place(info, info_at), name_value=name.hex(), info_value=info.hex()))


def test_what_the_probe_sends_is_the_vector() -> None:
    raw = token_of("credssp_raw_ntlm")
    assert written(ntlm.probe_negotiate()) == raw
    assert len(raw) == 40
    assert ntlm.read_message(raw) == ntlm.probe_negotiate()
    assert ntlm.probe_negotiate().flags == 0xE2088297
    assert raw[32:] == bytes.fromhex("0a0063450000000f")


def test_nmaps_negotiate_differs_in_seal_and_offsets() -> None:
    message = ntlm.read_message(token_of("credssp_raw_ntlm_nmap"))
    assert isinstance(message, Negotiate)
    assert flag_names(message.flags ^ ntlm.probe_negotiate().flags, NegotiateFlag) == ["SEAL"]
    assert message.domain_fields == PayloadField()


def test_the_challenge_of_windows_server_2016() -> None:
    message = challenge(token_of("credssp_challenge_windows2016"))
    assert message.target_name == "CONTOSO"
    assert message.flags == 0xE2898235
    assert message.server_challenge.hex() == "5f8629dc64abd0c7"
    assert message.version is not None
    assert message.version.text == "10.0.14393"
    assert [pair.id for pair in message.av_pairs] == [2, 1, 4, 3, 5, 7]
    assert message.text(AvId.NB_DOMAIN_NAME) == "CONTOSO"
    assert message.text(AvId.NB_COMPUTER_NAME) == "SERVER"
    assert message.text(AvId.DNS_DOMAIN_NAME) == "CONTOSO.com"
    assert message.text(AvId.DNS_COMPUTER_NAME) == "Server.CONTOSO.com"
    assert message.text(AvId.DNS_TREE_NAME) == "CONTOSO.com"
    assert message.text(AvId.TARGET_NAME) is None
    assert message.timestamp == int.from_bytes(bytes.fromhex("db0685312359d301"), "little")
    at = datetime.fromtimestamp(filetime_to_unix(message.timestamp), UTC)
    assert at.isoformat() == "2017-11-09T06:23:01.340540+00:00"


def test_the_challenge_of_freerdp() -> None:
    message = challenge(token_of("credssp_challenge_freerdp"))
    assert message.target_name == "VM"
    assert message.version is not None
    assert message.version.text == "6.1.7601"
    assert {av_id.name: message.text(av_id) for av_id in (AvId(2), AvId(1), AvId(4), AvId(3))} == {
        "NB_DOMAIN_NAME": "VM",
        "NB_COMPUTER_NAME": "VM",
        "DNS_DOMAIN_NAME": "vm",
        "DNS_COMPUTER_NAME": "vm",
    }
    assert message.timestamp is not None
    assert message.timestamp % 10_000_000 == 0
    assert datetime.fromtimestamp(filetime_to_unix(message.timestamp), UTC) == datetime(
        2026, 11, 21, 2, 24, 58, tzinfo=UTC
    )


def test_a_filetime_counts_from_1601() -> None:
    assert filetime_to_unix(116_444_736_000_000_000) == 0
    assert filetime_to_unix(0) == -11_644_473_600


def test_payload_in_odd_order_with_gaps_survives() -> None:
    info = bytes.fromhex("00000000")
    raw = by_hand(
        name="ÄB".encode("utf-16-le"),
        name_at=65,
        info=info,
        info_at=58,
        flags="01028002",
        rest=MODERN + "ffff{info_value}eeeeee{name_value}dd",
    )
    message = challenge(raw)
    assert message.target_name == "ÄB"
    assert message.target_info == info
    assert message.av_pairs == ()
    assert message.version == Version(major=10, minor=0, build=20348)
    assert message.version.text == "10.0.20348"


@pytest.mark.parametrize(
    ("raw", "reserved", "has_info", "has_version"),
    [
        (by_hand(name=b"XP", name_at=32, flags="02020002", rest="{name_value}"), None, False, False),
        (
            by_hand(name=b"XP", name_at=40, flags="02020002", rest="00000000000000ff{name_value}"),
            b"\0" * 7 + b"\xff",
            False,
            False,
        ),
        (by_hand(name=b"XP", name_at=48, flags="02020002", rest=EIGHT + "{info}{name_value}"), bytes(8), True, False),
        (by_hand(flags="02020002", rest=""), None, False, False),
        (by_hand(flags="02020002", rest=EIGHT), bytes(8), False, False),
        (by_hand(flags="02020002", rest=EIGHT + "{info}"), bytes(8), True, False),
        (by_hand(flags="02020002", rest=EIGHT + "{info}05012800000000ff"), bytes(8), True, True),
        (by_hand(flags="02020000", rest=EIGHT + "{info}0501280000000000"), bytes(8), True, False),
        (
            by_hand(info=b"\0" * 4, info_at=48, flags="02020002", rest=EIGHT + "{info}{info_value}"),
            bytes(8),
            True,
            False,
        ),
    ],
)
def test_fixed_parts_end_where_the_payload_begins(
    raw: bytes, reserved: bytes | None, has_info: bool, has_version: bool
) -> None:
    message = challenge(raw)
    assert message.reserved == reserved
    assert (message.target_info_fields is not None) == has_info
    assert (message.version is not None) == has_version
    assert message.target_name in ("XP", None)
    assert message.timestamp is None
    assert message.text(AvId.NB_COMPUTER_NAME) is None


def test_a_version_of_another_revision_is_a_version() -> None:
    message = challenge(by_hand(flags="02020002", rest=EIGHT + "{info}05012800aabbcc01"))
    assert message.version == Version(major=5, minor=1, build=40, reserved=b"\xaa\xbb\xcc", revision=1)


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (by_hand(name=b"name", name_at=57, flags="01020002", rest=MODERN + "{name_value}"), Truncated),
        (by_hand(name=b"name", name_at=0xFFFFFFFF, flags="01020002", rest=MODERN), Truncated),
        (by_hand(info=b"\0" * 4, info_at=200, flags="01020002", rest=MODERN), Truncated),
        (by_hand(name=b"name", name_at=12, flags="01020002", rest=MODERN), InvalidField),
        (by_hand(info=b"\0" * 4, info_at=40, flags="01020002", rest=MODERN), InvalidField),
        (by_hand(flags="01020002", rest="")[:31], Truncated),
        (b"NTLMSSP\0", Truncated),
        (b"NTLMSSP", Truncated),
        (b"NTLMSSX\0\2\0\0\0", InvalidField),
    ],
)
def test_offsets_outside_the_message_and_broken_heads(raw: bytes, error: type[WireError]) -> None:
    with pytest.raises(error):
        ntlm.read_message(raw)


@pytest.mark.parametrize(
    ("info", "error"),
    [
        (bytes.fromhex("01000200 4100"), Truncated),  # no MsvAvEOL
        (bytes.fromhex("01000200 4100 0200"), Truncated),
        (bytes.fromhex("01000200 4100 0200ffff 41004200"), Truncated),
        (bytes.fromhex("01000200 4100 00000100 00"), InvalidField),  # an end that has a value
    ],
)
def test_broken_av_pairs_leave_the_challenge_readable(info: bytes, error: type[WireError]) -> None:
    raw = by_hand(info=info, info_at=56, flags="01028002", rest=MODERN + "{info_value}")
    message = challenge(raw)
    assert message.target_info == info
    assert message.av_pairs == (AvPair(id=AvId.NB_COMPUTER_NAME, value=b"A\0"),)
    assert message.text(AvId.NB_COMPUTER_NAME) == "A"
    assert message.timestamp is None
    with pytest.raises(error):
        ntlm.read_av_pairs(info)


def test_av_pairs_are_given_as_they_stand() -> None:
    info = bytes.fromhex("0b000100ff 01000300410042 07000400ffffffff 01000200 4300 00000000 eeee")
    message = challenge(by_hand(info=info, info_at=56, flags="01028002", rest=MODERN + "{info_value}"))
    assert [pair.id.name for pair in message.av_pairs] == [
        "UNKNOWN_0xb",
        "NB_COMPUTER_NAME",
        "TIMESTAMP",
        "NB_COMPUTER_NAME",
    ]
    assert message.av_pairs == ntlm.read_av_pairs(info)
    assert message.text(AvId.NB_COMPUTER_NAME) == "A\ufffd"  # half a character, and the first pair counts
    assert message.timestamp is None  # four bytes are no FILETIME


@given(pairs=pair_lists)
def test_av_pairs_written_read_back(pairs: tuple[AvPair, ...]) -> None:
    assert ntlm.read_av_pairs(ntlm.write_av_pairs(pairs)) == pairs


def test_many_av_pairs_cost_no_more_than_their_bytes() -> None:
    pairs = (AvPair(id=AvId.FLAGS),) * 16_000
    assert ntlm.read_av_pairs(ntlm.write_av_pairs(pairs)) == pairs


def test_a_server_can_be_named() -> None:
    pairs = ntlm.read_av_pairs(challenge(token_of("credssp_challenge_windows2016")).target_info or b"")
    message = Challenge.naming(
        "CONTOSO",
        pairs,
        flags=0xE2898235,
        server_challenge=bytes.fromhex("5f8629dc64abd0c7"),
        version=Version(major=10, minor=0, build=14393),
    )
    assert written(message) == token_of("credssp_challenge_windows2016")


def test_names_of_oem_servers_are_ascii_or_replaced() -> None:
    raw = by_hand(name=b"A\xc4", name_at=32, flags="02020000", rest="{name_value}")
    assert challenge(raw).target_name == "A\ufffd"


@given(raw=st.binary(max_size=200))
def test_what_is_read_never_raises_when_asked(raw: bytes) -> None:
    head = by_hand(flags="01028002", rest=EIGHT)
    try:
        message = Challenge.read(Reader(head[:12] + raw[:8] + head[20:] + raw[8:], "CHALLENGE_MESSAGE"))
    except WireError:
        return
    for av_id in AvId:
        assert message.text(av_id) is None or message.av_pairs
    assert message.timestamp is None or message.timestamp >= 0
    assert message.target_name is None or message.target_name.encode()


def test_a_changed_field_that_points_nowhere_is_noticed() -> None:
    message = challenge(token_of("credssp_challenge_freerdp"))
    with pytest.raises(Truncated):
        _ = replace(message, payload=b"").target_name


def test_an_authenticate_is_told_but_not_looked_into() -> None:
    raw = b"NTLMSSP\0\3\0\0\0" + b"proof"
    assert ntlm.read_message(raw) == ntlm.Authenticate(body=b"proof")
    other = ntlm.read_message(b"NTLMSSP\0\x09\0\0\0")
    assert other == ntlm.UnknownMessage(message_type=ntlm.MessageType(9), body=b"")
