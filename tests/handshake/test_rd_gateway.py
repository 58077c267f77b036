"""The front door of an RD Gateway, and of what is none, without the TLS around it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import InvalidField, TooLong, WireError
from probe.handshake.machine import Event, Malformed, Seen, Side
from probe.handshake.rd_gateway import LARGEST_BODY, LARGEST_HEAD, GatewayGreeting, State
from probe.wire.ntlm import Challenge
from probe.wire.rdg import HttpAnswer
from tests.vectors import vector_lines

FIRST, SECOND, THIRD = vector_lines("rdg_unauthorized")


def greeting() -> GatewayGreeting:
    machine = GatewayGreeting("gw.example", 443, bytes(16))
    machine.observe(Side.CLIENT, machine.data_to_send(), 0.0)
    return machine


def hear(*answers: bytes, size: int = 1 << 20) -> tuple[GatewayGreeting, list[Event], list[bytes]]:
    """Say each answer in pieces once the machine has asked for it; what it asked with behind the first request."""
    machine, events, asked = greeting(), [], []
    for answer in answers:
        for at in range(0, len(answer), size):
            if machine.finished:
                break
            events += machine.observe(Side.SERVER, answer[at : at + size], 1.0)
            if out := machine.data_to_send():
                asked.append(out)
    return machine, events, asked


def messages(events: Sequence[Event]) -> list[str]:
    return [type(event.message if isinstance(event, Seen) else event).__name__ for event in events]


def test_the_first_request_is_that_of_a_client_without_a_user() -> None:
    head = GatewayGreeting("gw.example", 443, bytes(16)).data_to_send().decode()
    assert head.startswith("RDG_OUT_DATA /remoteDesktopGateway/ HTTP/1.1\r\n")
    assert head.endswith("\r\n\r\n")
    assert "Host: gw.example\r\n" in head
    assert "Authorization" not in head


@pytest.mark.parametrize("size", [1, 2, 7, 1 << 20])
def test_a_gateway_is_asked_for_its_challenge_on_the_same_connection(size: int) -> None:
    machine, events, [asked, control] = hear(FIRST, SECOND, THIRD, size=size)
    assert messages(events) == ["HttpAnswer", "HttpAnswer", "Challenge", "HttpAnswer"]
    assert asked.startswith(b"RDG_OUT_DATA /remoteDesktopGateway/ ")
    assert b"Authorization: NTLM TlRMTVNTUAABAAAA" in asked
    assert control.startswith(b"RDG_OUT_DATA /no-such-gateway/ ")
    assert b"Authorization" not in control
    first, second, challenge, third = events
    assert isinstance(first, Seen)
    assert isinstance(first.message, HttpAnswer)
    assert (first.message.status, first.message.reason) == (401, "Unauthorized")
    assert first.message.server == "Microsoft-HTTPAPI/2.0"
    assert [each.scheme for each in first.message.challenges] == ["Negotiate", "NTLM"]
    assert isinstance(second, Seen)
    assert isinstance(third, Seen)
    assert isinstance(third.message, HttpAnswer)
    assert third.message.status == 404
    assert (first.raw, second.raw, third.raw) == (FIRST[:-7], SECOND[:-4], THIRD)
    assert isinstance(challenge, Seen)
    assert isinstance(challenge.message, Challenge)
    assert challenge.message.target_name == "VM"
    assert machine.state is State.ANSWERED
    assert (machine.waiting_for, machine.farewell(), machine.leftover(Side.CLIENT)) == ("", b"", b"")
    assert machine.observe(Side.SERVER, b"more", 2.0) == []


def test_negotiate_alone_takes_the_message_too() -> None:
    first, second = FIRST.replace(b"WWW-Authenticate: NTLM\r\n", b""), SECOND.replace(b"NTLM T", b"Negotiate T")
    _, events, [asked, _] = hear(first, second)
    assert b"Authorization: Negotiate TlRM" in asked
    assert messages(events)[-1] == "Challenge"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n<html></>",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.0 301 Moved\r\nLocation: https://gw.example/RDWeb\r\n\r\n",
        b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="router"\r\n\r\n',
        b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: SSPI_NTLM\r\n\r\n",
        b"HTTP/1.1 403 Forbidden\r\nWWW-Authenticate: NTLM\r\n\r\n",
        b"HTTP/1.1 401 \r\nWWW-Authenticate: @\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 405 Method Not Allowed\r\n\r\n",
    ],
)
def test_whatever_asks_for_no_ntlm_is_asked_once(answer: bytes) -> None:
    for size in (1, 1 << 20):
        machine, events, asked = hear(answer, size=size)
        assert messages(events) == ["HttpAnswer"]
        assert asked == []
        assert machine.state is State.ANSWERED


@pytest.mark.parametrize("end", [b"Connection: close\r\n\r\n<html/>"])
def test_a_server_that_closes_is_not_asked_again(end: bytes) -> None:
    machine, events, asked = hear(FIRST.replace(b"\r\n<html/>", end))
    assert (messages(events), asked, machine.state) == (["HttpAnswer"], [], State.ANSWERED)


def test_a_server_that_closes_after_its_challenge_is_not_asked_for_another_path() -> None:
    machine, events, asked = hear(FIRST, SECOND.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert messages(events)[-1] == "Challenge"
    assert (len(asked), machine.state) == (1, State.ANSWERED)


def test_a_challenge_without_its_end_is_waited_for() -> None:
    machine, events, _ = hear(FIRST, SECOND[:-1])
    assert messages(events)[-1] == "Challenge"
    assert machine.waiting_for == "the end of an answer"


def test_a_body_without_a_length_is_awaited() -> None:
    machine, _, asked = hear(FIRST.replace(b"Content-Length: 7\r\n", b""))
    assert asked == []
    assert machine.waiting_for == "the end of an answer"


def test_a_chunked_body_is_read() -> None:
    body = b"Transfer-Encoding: chunked\r\nServer: x\r\nWWW-Authenticate: NTLM\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    _, events, asked = hear(b"HTTP/1.1 401 No\r\n" + body, SECOND)
    assert len(asked) == 2
    assert messages(events)[-1] == "Challenge"


@pytest.mark.parametrize(
    ("second", "read"),
    [
        (b"HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\n\r\n", []),
        (b"HTTP/1.1 401 No\r\n\r\n", []),
        (b"HTTP/1.1 200 OK\r\n\r\n", []),
        (b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic AAAA\r\n\r\n", []),
        (b"HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM A\r\n\r\n", ["Malformed"]),
        (b"HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM TlRMTVNTUAACAAAA\r\n\r\n", ["Malformed"]),
        (b"HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate YGAA\r\n\r\n", ["Malformed"]),
    ],
)
def test_an_answer_without_a_challenge_keeps_the_first(second: bytes, read: list[str]) -> None:
    machine, events, asked = hear(FIRST, second)
    assert messages(events) == ["HttpAnswer", "HttpAnswer", *read]
    assert len(asked) == 1
    assert machine.finished is (read != [] or b"401" not in second)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", InvalidField),
        (b"\x16\x03\x01", InvalidField),
        (b"HTTP/9\r\n\r\n", InvalidField),
        (b"HTTP/1.1 401 No\r\nbad header\r\n\r\n", InvalidField),
        (b"HTTP/1.1 401 No\r\nContent-Length: -1\r\n\r\n", InvalidField),
        (b"HTTP/1.1 401 No\r\n" + b"X: y\r\n" * LARGEST_HEAD, InvalidField),
        (FIRST.replace(b"7", b"9999999") + bytes(LARGEST_BODY), TooLong),
    ],
    ids=["ssh", "binary", "version", "header", "length", "endless head", "endless body"],
)
def test_what_is_no_answer_ends_it(said: bytes, kind: type[WireError]) -> None:
    machine, events, _ = hear(said, size=1000)
    malformed = events[-1]
    assert isinstance(malformed, Malformed)
    assert isinstance(malformed.error, kind)
    assert machine.state is State.FAILED
    assert len(malformed.raw) <= LARGEST_BODY + LARGEST_HEAD


def test_half_an_answer_is_left_over() -> None:
    machine, events, _ = hear(b"HTTP/1.1 401")
    assert events == []
    assert machine.leftover(Side.SERVER) == b"HTTP/1.1 401"
    assert machine.waiting_for == "the answer to RDG_OUT_DATA"


@given(st.binary(max_size=200), st.integers(1, 60))
def test_no_bytes_of_a_server_are_an_error_of_ours(noise: bytes, size: int) -> None:
    hear(noise, size=size)
    machine, events, _ = hear(FIRST, noise, size=size)
    assert messages(events)[:1] == ["HttpAnswer"]
    assert machine.state is not State.EXPECT_ANSWER
