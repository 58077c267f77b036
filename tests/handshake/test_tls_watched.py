from __future__ import annotations

from functools import lru_cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL import SSL

from probe.errors import UnexpectedMessage
from probe.handshake import tls_watched
from probe.handshake.machine import Ended, Ending, Event, Malformed, Secured, Seen, Side, Unread, end
from probe.handshake.ssl2_hello import framed_hello, ssl2_hello
from probe.handshake.tls_progress import Encrypted, Exchanged, Renegotiated
from probe.handshake.tls_watched import State, TlsWatched
from probe.wire import ssl2, tls_hello
from probe.wire.cursor import Writer
from probe.wire.tls_record import Alert, ContentType, Record
from tests.conversations import DISCONNECT, Said
from tests.handshake.driving import assert_split_does_not_matter, comparable, feed, kinds, split
from tests.handshake.tls_between import VERSIONS, C, Ends, S, between, recorded, resumed
from tests.handshake.tls_server import chain_der
from tests.vectors import vector_lines

OLD = [version for version in VERSIONS if version != "TLSv1.3"]
FLIGHT = ["ServerHello", "Certificate", "ServerKeyExchange", "ServerHelloDone"]


def record(kind: int, fragment: bytes, version: int = 0x0303) -> bytes:
    w = Writer()
    Record(type=ContentType(kind), version=version, fragment=fragment).write(w)
    return w.getvalue()


CHANGE = record(20, b"\1")
FATAL = record(21, bytes([2, 48]))  # unknown_ca
EXCHANGE = record(22, bytes([16, 0, 0, 3]) + b"key")
FINISHED = record(22, b"\xee" * 40)  # encrypted
SEALED_ALERT = record(21, b"\xee" * 26)
DATA = record(23, b"\xee" * 30)


def of(said: list[Said], side: Side) -> list[Said]:
    return [each for each in said if each[0] is side]


def told(events: list[Event]) -> list[str]:
    """Kinds, with the side where it is told."""
    names = zip(kinds(events), events, strict=True)
    return [f"{name} {side.value}" if (side := getattr(event, "side", None)) else name for name, event in names]


@lru_cache
def flight(version: str = "TLSv1.2") -> list[Said]:
    """The hellos, and the server's flight in clear."""
    return between(version).said[:2]


@pytest.mark.parametrize("version", OLD)
def test_a_whole_connection_up_to_tls_1_2(version: str) -> None:
    said = between(version).said
    machine = TlsWatched()
    events = feed(machine, said)
    assert told(events) == [
        "ClientHello client",
        *(f"{name} server" for name in FLIGHT),
        "UnknownHandshake client",
        "Encrypted client",
        "UnknownHandshake server",  # a session ticket
        "Encrypted server",
        "Secured",
        "Exchanged",
    ]
    (secured,) = (event for event in events if isinstance(event, Secured))
    assert (secured.version, secured.chain) == (version, chain_der())
    assert secured.cipher_suite.startswith("TLS_ECDHE_ECDSA_WITH_")
    assert machine.state is State.ANSWERED
    assert machine.waiting_for == ""
    assert machine.data_to_send() == machine.farewell() == b""
    assert machine.observe(C, DATA, 1.0) == []
    assert end(machine, Ending.COMPLETE, 1.0) == [Ended(1.0, Ending.COMPLETE, "")]


def test_a_whole_connection_of_tls_1_3() -> None:
    machine = TlsWatched()
    events = feed(machine, between("TLSv1.3").said)
    assert told(events) == [
        "ClientHello client",
        "ServerHello server",
        "Encrypted server",
        "Encrypted client",
        "Secured",
    ]
    assert events[-1] == Secured(0.0, "TLSv1.3", "TLS_AES_256_GCM_SHA384", ())
    assert machine.state is State.ANSWERED


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("only", [None, C, S])
def test_how_it_was_split_does_not_matter(version: str, only: Side | None) -> None:
    said = between(version, talk=((C, b"hello"), (S, b"world"))).said
    seen = said if only is None else of(said, only)
    assert_split_does_not_matter(lambda: TlsWatched(only=only), seen)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_client_alone(version: str) -> None:
    machine = TlsWatched(only=C)
    assert machine.waiting_for == "the client's ClientHello"
    events = feed(machine, of(between(version).said, C))
    old = ["ClientHello client", "UnknownHandshake client", "Encrypted client"]
    assert told(events) == (old if version != "TLSv1.3" else [old[0], old[2]])
    assert machine.state is State.ANSWERED


@pytest.mark.parametrize("version", VERSIONS)
def test_the_server_alone(version: str) -> None:
    machine = TlsWatched(only=S)
    assert machine.waiting_for == "the server's ServerHello"
    events = feed(machine, of(between(version).said, S))
    old = [*(f"{name} server" for name in FLIGHT), "UnknownHandshake server", "Encrypted server"]
    assert told(events) == (old if version != "TLSv1.3" else [old[0], old[-1]])
    assert machine.state is State.ANSWERED


@pytest.mark.parametrize("version", VERSIONS)
def test_without_the_client_hello(version: str) -> None:
    machine = TlsWatched(begun=True)
    events = feed(machine, between(version).said[1:])
    assert told(events)[0] == "ServerHello server"
    assert [event.side for event in events if isinstance(event, Encrypted)] == (
        [S, C] if version == "TLSv1.3" else [C, S]
    )
    # Of a client of TLS 1.3 whose hello is not there it is not known whether it sent early data.
    assert any(isinstance(event, Secured) for event in events) == (version != "TLSv1.3")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("only", [None, C, S])
def test_resumed_sessions(version: str, only: Side | None) -> None:
    said = resumed(version)[1].said
    events = feed(TlsWatched(only=only), said if only is None else of(said, only))
    sides = [event.side for event in events if isinstance(event, Encrypted)]
    assert sides == [S, C] if only is None else sides == [only]
    assert "Certificate" not in kinds(events)
    assert any(isinstance(event, Secured) for event in events) == (only is None)


def test_a_hello_retry_request() -> None:
    said = between("TLSv1.3", server=lambda made: made.set_tmp_ecdh(ec.SECP521R1())).said
    hellos = ["ClientHello client", "ServerHello server"]
    assert told(feed(TlsWatched(), said))[:5] == [*hellos, *hellos, "Encrypted server"]
    assert told(feed(TlsWatched(only=C), of(said, C))) == [hellos[0], hellos[0], "Encrypted client"]
    assert told(feed(TlsWatched(only=S), of(said, S))) == [hellos[1], hellos[1], "Encrypted server"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_that_does_not_trust_the_server_says_so(version: str) -> None:
    ends = Ends(version, client=lambda made: made.set_verify(SSL.VERIFY_PEER, lambda *_: False))
    ends.shake()
    machine = TlsWatched()
    events = feed(machine, ends.seen.said)
    last = events[-1]
    assert isinstance(last, Seen)
    assert isinstance(last.message, Alert)
    assert (last.side, last.message.description.name) == (C, "UNKNOWN_CA")  # in clear: OpenSSL has no keys to write yet
    assert machine.state is State.REFUSED
    assert not any(isinstance(event, Secured) for event in events)


@pytest.mark.parametrize(("suite", "tag"), [(b"TLS_AES_128_GCM_SHA256", 16), (b"TLS_AES_128_CCM_8_SHA256", 8)])
def test_a_first_record_of_tls_1_3_that_is_too_short_for_anything_else_is_an_alert(suite: bytes, tag: int) -> None:
    flight = between("TLSv1.3", suite).said[:2]
    machine = TlsWatched()
    events = feed(machine, [*flight, (C, CHANGE + record(23, bytes(3 + tag)))])
    assert told(events)[2:] == ["Encrypted server", "Encrypted client", "EncryptedAlert client"]
    assert machine.state is State.REFUSED
    machine = TlsWatched()
    assert told(feed(machine, [*flight, (C, record(23, bytes(4 + tag)))]))[3:] == ["Encrypted client", "Secured"]


def test_a_client_of_another_suite_is_refused_in_clear() -> None:
    ends = Ends("TLSv1.2", b"ECDHE-ECDSA-AES128-SHA", server=lambda made: made.set_cipher_list(b"ECDHE-RSA-AES256-SHA"))
    ends.shake()
    machine = TlsWatched()
    assert told(feed(machine, ends.seen.said)) == ["ClientHello client", "Alert server"]
    assert machine.state is State.REFUSED


@pytest.mark.parametrize("version", OLD)
def test_who_closes_behind_the_handshake_sends_an_alert_that_nobody_reads(version: str) -> None:
    ends = Ends(version)
    ends.shake()
    ends.close(C)
    machine = TlsWatched()
    events = feed(machine, ends.seen.said)
    assert kinds(events)[-2:] == ["Secured", "EncryptedAlert"]
    assert end(machine, Ending.ABANDONED, 1.0) == [Ended(1.0, Ending.ABANDONED, "application data inside TLS")]


def test_an_encrypted_alert_ends_a_handshake() -> None:
    machine = TlsWatched()
    events = feed(machine, [*flight(), (C, EXCHANGE + CHANGE + SEALED_ALERT)])
    assert told(events)[-2:] == ["Encrypted client", "EncryptedAlert client"]
    assert machine.state is State.REFUSED


def test_of_the_client_s_flight_nothing_is_kept_but_types() -> None:
    events = feed(TlsWatched(), [*flight(), (C, record(22, bytes([11, 0, 0, 3]) + b"its") + EXCHANGE)])
    shown = [(e.message, e.raw) for e in events[-2:] if isinstance(e, Seen)]
    assert shown == [
        (tls_hello.UnknownHandshake(type=11, body=b""), bytes([11, 0, 0, 3])),
        (tls_hello.UnknownHandshake(type=16, body=b""), bytes([16, 0, 0, 3])),
    ]


@pytest.mark.parametrize("before", [EXCHANGE, EXCHANGE + CHANGE])
@pytest.mark.parametrize("alert", [b"", FATAL])
def test_a_disconnect_in_clear_behind_the_flight(before: bytes, alert: bytes) -> None:
    if alert and before != EXCHANGE:
        alert = SEALED_ALERT
    rest = bytes.fromhex(DISCONNECT)
    machine = TlsWatched()
    events = assert_split_does_not_matter(TlsWatched, [*flight(), (C, before), (S, rest)])
    assert kinds(events)[-1] == "DisconnectProviderUltimatum"
    feed(machine, [*flight(), (C, before), (S, rest[:4])])
    assert not machine.finished
    machine.observe(S, rest[4:] + b"more", 0.0)
    assert machine.state is State.DISCONNECTED
    assert end(machine, Ending.CLOSED, 1.0) == [Unread(1.0, S, b"more"), Ended(1.0, Ending.CLOSED, "")]


def test_a_disconnect_in_clear_behind_an_alert_is_left_over() -> None:
    machine = TlsWatched()
    feed(machine, [*flight(), (C, EXCHANGE), (S, FATAL + bytes.fromhex(DISCONNECT))])
    assert machine.state is State.REFUSED
    assert machine.leftover(S) == bytes.fromhex(DISCONNECT)


def test_a_disconnect_in_clear_instead_of_a_hello() -> None:
    machine = TlsWatched()
    feed(machine, [flight()[0], (S, bytes.fromhex(DISCONNECT) + b"more")])
    assert machine.state is State.DISCONNECTED
    assert machine.leftover(S) == b"more"


def test_what_is_no_tls_is_told_with_its_bytes_only_while_nothing_is_encrypted() -> None:
    machine = TlsWatched()
    events = feed(machine, [*flight(), (C, b"SSH-2.0-x\r\n")])
    assert isinstance(events[-1], Malformed)
    assert events[-1].raw == b"SSH-2.0-x\r\n"
    assert machine.state is State.FAILED
    events = feed(TlsWatched(), [*flight(), (C, EXCHANGE + CHANGE + b"password")])
    assert isinstance(events[-1], Malformed)
    assert events[-1].raw == b""


def test_a_message_at_the_wrong_moment_is_told() -> None:
    machine = TlsWatched()
    events = feed(machine, [*flight(), (S, CHANGE)])
    assert isinstance(events[-1], Malformed)
    assert isinstance(events[-1].error, UnexpectedMessage)
    assert machine.state is State.FAILED


def test_bytes_that_are_not_whole_are_left_over_while_they_are_in_clear() -> None:
    machine = TlsWatched()
    feed(machine, [*flight(), (C, EXCHANGE[:7])])
    assert end(machine, Ending.RESET, 1.0) == [
        Unread(1.0, C, EXCHANGE[:7]),
        Ended(1.0, Ending.RESET, "the client's ChangeCipherSpec"),
    ]
    feed(machine, [(C, EXCHANGE[7:] + CHANGE + FINISHED[:9])])
    assert machine.leftover(C) == b""


def test_heartbeats_data_in_clear_and_nothing_are_passed_over() -> None:
    machine = TlsWatched()
    odd = record(24, b"beat") + DATA
    events = feed(machine, [*flight(), (C, b""), (C, odd + EXCHANGE + CHANGE + record(24, b"beat") + FINISHED)])
    assert told(events)[-2:] == ["UnknownHandshake client", "Encrypted client"]


def test_another_handshake_inside() -> None:
    machine = TlsWatched()
    events = feed(machine, [*flight(), (C, EXCHANGE + CHANGE + FINISHED), (S, CHANGE + FINISHED), (S, FINISHED)])
    assert events[-1] == Renegotiated(0.0, S)
    assert machine.state is State.ANSWERED


def test_a_real_renegotiation_comes_after_all_was_known() -> None:
    (said,), _ = recorded("reneg")
    assert isinstance(feed(TlsWatched(), said)[-1], Exchanged)


def test_it_does_not_go_on_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls_watched, "_MOST_RECORDS", 20)
    machine = TlsWatched()
    feed(machine, [*flight(), (C, EXCHANGE + CHANGE + FINISHED + DATA * 30)])
    assert machine.state is State.ANSWERED
    assert end(machine, Ending.CLOSED, 1.0) == [Ended(1.0, Ending.CLOSED, "")]


def test_early_data_is_no_proof_of_a_handshake() -> None:
    (_, said), _ = recorded("early")
    events = feed(TlsWatched(), said)
    assert told(events) == ["ClientHello client", "ServerHello server", "Encrypted server", "Encrypted client"]


def test_records_of_other_types_say_nothing_in_tls_1_3() -> None:
    said = between("TLSv1.3").said
    odd = [(side, data + CHANGE + record(24, b"beat")) for side, data in said]
    assert comparable(feed(TlsWatched(), odd)) == feed(TlsWatched(), said)


# The client alone, where it is not known what it was answered.


HELLO = record(
    22, tls_hello.write_handshake(tls_hello.ClientHello(version=0x0303, random=bytes(32), cipher_suites=(1,)))
)


@pytest.mark.parametrize(
    ("said", "expected", "state"),
    [
        (HELLO + CHANGE + FINISHED, ["ClientHello", "Encrypted"], State.EXPECT_DATA),
        (HELLO + CHANGE + FINISHED + DATA, ["ClientHello", "Encrypted"], State.ANSWERED),
        (HELLO + CHANGE + SEALED_ALERT, ["ClientHello", "Encrypted", "EncryptedAlert"], State.REFUSED),
        (HELLO + CHANGE + FATAL, ["ClientHello", "Alert"], State.REFUSED),
        (HELLO + CHANGE + HELLO + DATA, ["ClientHello", "ClientHello", "Encrypted"], State.EXPECT_DATA),
        (HELLO + CHANGE + DATA + DATA, ["ClientHello", "Encrypted"], State.ANSWERED),
        (HELLO + DATA, ["ClientHello", "Encrypted"], State.EXPECT_DATA),
        (HELLO + FATAL, ["ClientHello", "Alert"], State.REFUSED),
        (HELLO + CHANGE + record(24, b"beat"), ["ClientHello"], State.EXPECT_CLIENT_CHANGE),
        (HELLO + record(21, b"\1\x64"), ["ClientHello", "Alert"], State.EXPECT_CLIENT_CHANGE),
        (HELLO + EXCHANGE + CHANGE, ["ClientHello", "UnknownHandshake", "Encrypted"], State.EXPECT_DATA),
        (b"SSH-2.0", ["Malformed"], State.FAILED),
    ],
)
def test_what_a_client_alone_shows(said: bytes, expected: list[str], state: State) -> None:
    events = assert_split_does_not_matter(lambda: TlsWatched(only=C), [(C, said)])
    assert kinds(events) == expected
    machine = TlsWatched(only=C)
    feed(machine, [(C, said)])
    assert machine.state is state


# SSL 2.0, and hellos in its framing.


def test_a_hello_in_the_framing_of_ssl_2_0() -> None:
    hello, *flight = vector_lines("ssl2_framed_hello_openssl")
    said = [(C, hello), *((S, data) for data in flight)]
    events = assert_split_does_not_matter(TlsWatched, said)
    assert kinds(events) == ["ClientHello", "ServerHello", "Certificate", "ServerHelloDone"]
    machine = TlsWatched()
    feed(machine, said)
    assert machine.waiting_for == "the client's ChangeCipherSpec"
    assert machine.hellos.client_random == hello[-32:]
    feed(machine, [(C, EXCHANGE + CHANGE + FINISHED), (S, CHANGE + FINISHED)])
    assert machine.waiting_for == "application data inside TLS"


def test_such_a_hello_of_a_client_alone() -> None:
    hello = framed_hello(0x0303, (0xC02B,), bytes)
    said = [(C, hello + EXCHANGE + CHANGE)]
    events = assert_split_does_not_matter(lambda: TlsWatched(only=C), said)
    assert kinds(events) == ["ClientHello", "UnknownHandshake", "Encrypted"]
    assert feed(TlsWatched(only=C), [(C, hello[:9])]) == []
    machine = TlsWatched(only=C)
    broken = bytes([0x80, 3, 9, 9, 9])
    assert kinds(feed(machine, [(C, broken)])) == ["Malformed"]
    assert machine.state is State.FAILED


def test_ssl_2_0_itself_is_another_protocol() -> None:
    answer = ssl2.ServerHello(
        session_id_hit=0,
        certificate_type=ssl2.ServerHello.X509_CERTIFICATE,
        version=0x0002,
        certificate=b"not a certificate",
        cipher_specs=(0x0700C0,),
        connection_id=bytes(16),
    )
    machine = TlsWatched()
    said = [(C, ssl2_hello(bytes)), (S, ssl2.write_message(answer))]
    assert kinds(feed(machine, said)) == ["ClientHello", "ServerHello"]
    assert machine.state is State.HANDED_OVER
    machine = TlsWatched()
    assert kinds(feed(machine, [said[0], (S, bytes([0x80, 1, 0xFF]))])) == ["ClientHello", "Malformed"]
    assert machine.state is State.FAILED


# Anything.


PIECES = st.lists(
    st.tuples(
        st.sampled_from([C, S]),
        st.one_of(
            st.binary(max_size=60),
            st.sampled_from([CHANGE, FATAL, EXCHANGE, FINISHED, SEALED_ALERT, DATA, HELLO, bytes.fromhex(DISCONNECT)]),
        ),
    ),
    max_size=12,
)


@given(said=PIECES, only=st.sampled_from([None, C, S]), begun=st.booleans(), start=st.integers(0, 4))
@settings(deadline=None)
def test_any_bytes_are_borne(said: list[Said], only: Side | None, begun: bool, start: int) -> None:
    lead = flight("TLSv1.3" if start == 3 else "TLSv1.2")[: min(start, 2)] if start else []
    whole = [*lead, *said]
    machine = TlsWatched(only=only, begun=begun)
    events = feed(machine, whole)
    pieces = feed(TlsWatched(only=only, begun=begun), split(whole, 3))
    assert comparable(pieces) == comparable(events)
    assert bool(machine.waiting_for) != machine.finished
    assert all(isinstance(event, Ended | Unread) for event in end(machine, Ending.CLOSED, 1.0))


@pytest.mark.parametrize("version", VERSIONS)
def test_times_are_those_of_the_bytes(version: str) -> None:
    machine = TlsWatched()
    events = [e for n, (side, data) in enumerate(flight(version)) for e in machine.observe(side, data, float(n))]
    assert [event.at for event in events] == [0.0] + [1.0] * (len(events) - 1)
