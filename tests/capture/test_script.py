"""A captured server as a script: which of its bytes follow what, and which connection goes on for another client."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.audit.conversation import connect_initial, opening
from probe.capture.connection import Connection, Endpoint, HowItEnded, Piece
from probe.capture.script import MessageFramer, Player, Script, is_playable, script_of
from probe.handshake.client_hello import client_hello, usual_offer
from probe.handshake.machine import Side
from probe.wire.nego import Protocol
from probe.wire.tls_version import TLS12, TLS13
from tests.conversations import ASK_RDP, ASK_SSL, XRDP_REQUIRES_TLS, XRDP_SELECTS_SSL, C, S

_REQUEST_RDP, _REQUEST_SSL = ASK_RDP[1], ASK_SSL[1]
_CONFIRM_SSL, _REFUSES_RDP = XRDP_SELECTS_SSL.said[1][1], XRDP_REQUIRES_TLS.said[1][1]
_FLIGHT = bytes.fromhex("1603030004 0e000000".replace(" ", ""))  # a ServerHelloDone, in the place of a flight


def _random(number: int) -> bytes:
    return bytes(number)


def _other_random(number: int) -> bytes:
    return b"\x5a" * number


_HELLO_12 = client_hello(usual_offer(TLS12), _random, None)
_HELLO_13 = client_hello(usual_offer(TLS13), _random, None)


def _connection(
    *said: tuple[Side, bytes], stream: int = 0, ending: HowItEnded = "closed", ended_by: Side | None = Side.SERVER
) -> Connection:
    return Connection(
        stream=stream,
        client=Endpoint("192.0.2.9", 51234),
        server=Endpoint("192.0.2.7", 3389),
        pieces=[Piece(side, data, 10.0 + at, at + 1) for at, (side, data) in enumerate(said)],
        first_packet=1,
        last_packet=len(said),
        packets=len(said),
        started=10.0,
        ended=20.0,
        ending=ending,
        ended_by=ended_by,
    )


def _script(*said: tuple[Side, bytes], stream: int = 0) -> Script:
    return script_of(_connection(*said, stream=stream))


def _heard(player: Player, data: bytes) -> bytes:
    return b"".join(said.data for said in player.hear(data))


def test_turns_are_what_the_client_said_and_what_the_server_said_then() -> None:
    script = _script((C, _REQUEST_SSL), (S, _CONFIRM_SSL[:5]), (S, _CONFIRM_SSL[5:]), (C, _HELLO_12), (S, _FLIGHT))
    assert [len(turn.expects) for turn in script.turns] == [1, 1]
    assert [[said.data for said in turn.says] for turn in script.turns] == [
        [_CONFIRM_SSL[:5], _CONFIRM_SSL[5:]],
        [_FLIGHT],
    ]
    assert [said.after_s for said in script.turns[0].says] == [1.0, 1.0]
    assert (script.whole, script.ending, script.ended_by) == (True, "closed", Side.SERVER)


def test_nothing_is_said_behind_bytes_that_the_capture_lacks() -> None:
    connection = _connection((C, _REQUEST_SSL), (S, _CONFIRM_SSL), (C, _HELLO_12), (S, _FLIGHT))
    connection.pieces[3] = connection.pieces[3]._replace(missing=1460)
    script = script_of(connection)
    assert (len(script.turns[1].says), script.whole, script.ending) == (0, False, "open")


def test_a_connection_of_which_not_all_was_kept_is_not_whole() -> None:
    assert not script_of(replace(_connection((S, b"SSH-2.0-x\r\n")), cut=True)).whole


def test_an_answer_waits_for_the_whole_message() -> None:
    player = Player([_script((C, _REQUEST_SSL), (S, _CONFIRM_SSL))])
    assert _heard(player, _REQUEST_SSL[:7]) == b""
    assert _heard(player, _REQUEST_SSL[7:]) == _CONFIRM_SSL
    assert player.over
    assert _heard(player, b"and more") == b""


def test_another_clients_random_values_do_not_matter() -> None:
    player = Player([_script((C, _REQUEST_SSL), (S, _CONFIRM_SSL), (C, _HELLO_12), (S, _FLIGHT))])
    assert _heard(player, _REQUEST_SSL) == _CONFIRM_SSL
    assert _heard(player, client_hello(usual_offer(TLS12), _other_random, "other.example")) == _FLIGHT
    assert not player.differs


def test_each_client_meets_the_connection_that_asked_the_same() -> None:
    scripts = [_script((C, _REQUEST_SSL), (S, _CONFIRM_SSL)), _script((C, _REQUEST_RDP), (S, _REFUSES_RDP), stream=1)]
    for request, stream, answer in ((_REQUEST_SSL, 0, _CONFIRM_SSL), (_REQUEST_RDP, 1, _REFUSES_RDP)):
        player = Player(scripts)
        assert _heard(player, request) == answer
        assert (player.script.stream, player.differs) == (stream, False)


def test_connections_that_began_alike_part_at_the_hello() -> None:
    begins = ((C, _REQUEST_SSL), (S, _CONFIRM_SSL))
    scripts = [_script(*begins, (C, _HELLO_12), (S, b"old")), _script(*begins, (C, _HELLO_13), (S, b"new"), stream=1)]
    player = Player(scripts)
    assert _heard(player, _REQUEST_SSL) == _CONFIRM_SSL
    assert _heard(player, _HELLO_13) == b"new"


def test_a_connection_that_answered_otherwise_is_not_gone_on_with() -> None:
    """Of two that asked alike the first is played, and the other's next bytes would not fit what was said."""
    scripts = [
        _script((C, _REQUEST_SSL), (S, _REFUSES_RDP)),
        _script((C, _REQUEST_SSL), (S, _CONFIRM_SSL), (C, _HELLO_12), (S, _FLIGHT), stream=1),
    ]
    player = Player(scripts)
    assert _heard(player, _REQUEST_SSL) == _REFUSES_RDP
    assert (player.script.stream, player.over) == (0, True)


def test_what_no_captured_client_asked_is_answered_by_the_nearest_and_told() -> None:
    scripts = [
        _script((C, _REQUEST_RDP), (S, _REFUSES_RDP)),
        _script(
            (C, opening(Protocol.SSL | Protocol.HYBRID, 0, bare=False, token=None, blob=None)), (S, b"x"), stream=1
        ),
    ]
    player = Player(scripts)
    assert _heard(player, opening(Protocol.HYBRID, 0, bare=False, token=None, blob=None)) == b"x"
    assert player.differs


def test_a_request_without_negotiation_is_far_from_one_with() -> None:
    bare = opening(0, 0, bare=True, token=None, blob=None)
    scripts = [_script((C, _REQUEST_RDP), (S, _REFUSES_RDP)), _script((C, bare), (S, b"old"), stream=1)]
    assert _heard(Player(scripts), opening(0, 0, bare=True, token=b"Cookie: mstshash=x", blob=None)) == b"old"


def test_encryption_methods_tell_connect_initials_apart() -> None:
    scripts = [
        _script((C, connect_initial(0x80004, methods, 0)), (S, answer), stream=stream)
        for stream, (methods, answer) in enumerate(((1, b"40"), (2, b"128"), (16, b"FIPS")))
    ]
    assert _heard(Player(scripts), connect_initial(0x80005, 16, 0)) == b"FIPS"


def test_what_is_not_what_it_is_called_is_as_good_as_the_other() -> None:
    """A record of a handshake with something else in it, and a request that cannot be read, tell nothing apart."""
    odd_record, odd_request = bytes.fromhex("16030300020102"), bytes.fromhex("0300000b06e00000000000")
    player = Player([_script((C, odd_request + b"")), _script((C, odd_record), (S, b"x"), stream=1)])
    assert _heard(player, _HELLO_12) == b"x"
    certificate = bytes.fromhex("160303000410000000")  # a handshake message, but no hello
    assert _heard(Player([_script((C, _HELLO_12), (S, b"y"))]), certificate) == b"y"
    broken = bytes.fromhex("0300000c07e0000000000001")
    assert _heard(Player([_script((C, broken), (S, b"z"))]), _REQUEST_SSL) == b"z"
    attach, other = bytes.fromhex("0300000802f08028"), bytes.fromhex("0300000902f0802801")
    assert _heard(Player([_script((C, attach), (S, b"w"))]), other) == b"w"


def test_of_connections_that_began_alike_one_goes_on_unless_the_server_ended_the_first() -> None:
    begins, goes_on = ((C, _REQUEST_SSL), (S, _CONFIRM_SSL)), ((C, _HELLO_12), (S, _FLIGHT))
    for ended_by, answer in ((Side.SERVER, b""), (Side.CLIENT, _FLIGHT)):
        ends = script_of(_connection(*begins, ended_by=ended_by))
        player = Player([ends, _script(*begins, *goes_on, stream=1)])
        assert _heard(player, _REQUEST_SSL) == _CONFIRM_SSL
        assert _heard(player, _HELLO_13) == answer
        assert player.over


def test_other_flags_are_a_small_difference() -> None:
    scripts = [_script((C, _REQUEST_SSL), (S, b"plain")), _script((C, _REQUEST_RDP), (S, b"other"), stream=1)]
    player = Player(scripts)
    assert _heard(player, opening(Protocol.SSL, 1, bare=False, token=None, blob=None)) == b"plain"
    assert player.differs


def test_a_flight_may_be_cut_into_other_records() -> None:
    key_exchange, change, finished = (
        bytes.fromhex("160303000410000000"),
        bytes.fromhex("140303000101"),
        bytes.fromhex("1603030004deadbeef"),
    )
    player = Player([_script((C, key_exchange), (C, change), (C, finished), (S, b"done"))])
    for record in (key_exchange, key_exchange, change):
        assert _heard(player, record) == b""
    assert _heard(player, finished) == b"done"


def test_an_alert_in_the_place_of_a_key_exchange_is_not_answered() -> None:
    player = Player([_script((C, bytes.fromhex("160303000410000000")), (S, b"done"))])
    assert _heard(player, bytes.fromhex("15030300020230")) == b""
    assert player.differs
    assert not player.over


def test_a_server_that_speaks_first_does_so() -> None:
    player = Player([_script((S, b"SSH-2.0-x\r\n"), (C, b"SSH-2.0-y\r\n"), (S, b"keys"))])
    assert [said.data for said in player.begin()] == [b"SSH-2.0-x\r\n"]
    assert _heard(player, b"SSH-2.0-z\r\n") == b"keys"
    assert Player([_script((C, _REQUEST_SSL), (S, b"x"))]).begin() == []


@pytest.mark.parametrize(
    ("data", "kinds"),
    [
        (_REQUEST_SSL, [("x224", 1, 0)]),
        (_CONFIRM_SSL, [("x224", 0, 0)]),
        (bytes.fromhex("0300000902f0802180"), [("data", 8, 0)]),
        (bytes.fromhex("0300000702f080"), [("data", 0, 0)]),
        (_FLIGHT * 2, [("tls", 22, 0)] * 2),
        (b"GET / HTTP/1.0\r\n\r\n", [("bytes", 0, 0)]),
        (b"\x03\x00\x00\x01", [("bytes", 0, 0)]),  # a TPKT packet shorter than its header
        (b"\x16\x03\x01", []),
        (b"", []),
    ],
)
def test_kinds_of_messages(data: bytes, kinds: list[tuple[str, int, int]]) -> None:
    assert [message.kind for message in MessageFramer().feed(data)] == kinds


@pytest.mark.parametrize(
    ("connection", "playable"),
    [
        (_connection((C, _REQUEST_SSL), (S, _CONFIRM_SSL)), True),
        (_connection((C, _REQUEST_SSL), ending="reset"), True),
        (_connection((C, _REQUEST_SSL), ending="open", ended_by=None), True),
        (_connection(), False),
        (_connection(ending="refused"), False),
        (replace(_connection((C, _REQUEST_SSL)), one_sided=Side.CLIENT), False),
        (replace(_connection((C, _REQUEST_SSL)), gaps=True), False),
    ],
)
def test_what_a_server_can_be_made_of(connection: Connection, playable: bool) -> None:
    """That it said nothing is known only where it would have been seen."""
    assert is_playable(connection) is playable


_BYTES = st.one_of(st.binary(max_size=80), st.sampled_from([_REQUEST_SSL, _CONFIRM_SSL, _HELLO_12, _HELLO_13, _FLIGHT]))


@given(
    captured=st.lists(st.lists(st.tuples(st.sampled_from(Side), _BYTES), max_size=6), min_size=1, max_size=3),
    said=st.lists(_BYTES, max_size=6),
)
def test_any_client_meets_any_capture(captured: list[list[tuple[Side, bytes]]], said: list[bytes]) -> None:
    """What is said is always a beginning of what one captured server said."""
    scripts = [_script(*pieces, stream=number) for number, pieces in enumerate(captured)]
    player = Player(scripts)
    answered = b"".join(each.data for each in player.begin())
    for data in said:
        answered += _heard(player, data)
    spoken = b"".join(data for side, data in captured[player.script.stream] if side is Side.SERVER)
    assert spoken.startswith(answered)
