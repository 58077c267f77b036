"""Depth full against TLS servers that lie, go on for ever or change their mind: bounded, said, and never believed."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import trio

from probe.drive.limits import Limits
from probe.wire import tls_extensions as ext
from probe.wire import tls_hello
from probe.wire.tls_record import AlertDescription, AlertLevel, ContentType, RecordFramer
from tests.drive.peers import SSL, only
from tests.drive.tls_peers import (
    GCM,
    REFUSAL,
    RSA_AES,
    TLS13,
    Say,
    alert,
    checked,
    client_hello,
    flight,
    honest,
    made,
    params,
    record,
    says,
    server_hello,
    suites,
)


def test_an_honest_server_is_the_measure_of_the_others() -> None:
    result = checked(says(honest()))
    assert suites(result) == ["0xc030", "0x002f"]
    assert result.tls is not None
    assert result.tls.server_order is True
    assert [group.name for group in result.tls.groups] == ["secp256r1"]
    assert not any("neither" in words for words in result.tls.unsettled)
    assert result.connections <= 40


@pytest.mark.parametrize("suite", [0x1A1A, 0x00FF, 0x5600, 0x0000])
def test_a_suite_that_no_hello_offers_is_never_accepted(suite: int) -> None:
    result = checked(says(lambda _: flight(server_hello(suite))), most=30)
    assert result.tls is not None
    assert result.tls.cipher_suites == {}
    assert result.tls.versions["TLSv1.2"].state == "unknown"
    assert "not offered" in (result.tls.versions["TLSv1.2"].reason or "")


def test_the_same_suite_for_ever_is_accepted_once() -> None:
    result = checked(says(lambda hello: flight(server_hello(GCM), tls_hello.ServerHelloDone())), most=40)
    assert suites(result) == ["0xc030"]
    assert result.tls is not None
    assert any("cipher suites were neither" in words for words in result.tls.unsettled)


def test_another_suite_each_time_ends_with_the_connections() -> None:
    chance = random.Random(7)
    result = checked(
        says(lambda hello: flight(server_hello(chance.choice(hello.cipher_suites)), tls_hello.ServerHelloDone()))
    )
    assert result.connections == 60
    assert result.limited is not None
    assert result.tls is not None
    assert any("cipher suites were neither" in words for words in result.tls.unsettled)


@pytest.mark.parametrize("version", [0x0305, 0x0001, 0x7F1C])
def test_a_version_that_does_not_exist_is_not_accepted(version: int) -> None:
    result = checked(says(lambda _: flight(server_hello(GCM, version))), most=30)
    assert result.tls is not None
    assert {verdict.state for verdict in result.tls.versions.values()} <= {"rejected", "unknown"}


def test_retries_without_end_and_without_sense() -> None:
    retry = server_hello(0x1301, random=tls_hello.ServerHello.RETRY_RANDOM)
    for extensions in (
        (),
        (ext.selected_version(TLS13),),
        (ext.selected_version(TLS13), ext.retry_key_share(0x001D)),
        (ext.selected_version(TLS13), ext.retry_key_share(0xFAFA)),
    ):
        answer = flight(replace(retry, extensions=extensions)) * 5
        result = checked(says(lambda _, answer=answer: answer))  # type: ignore[misc]
        assert result.tls is not None
        assert len(result.tls.groups) <= 1


def test_silence_behind_every_hello_costs_time_and_is_no_refusal() -> None:
    async def then(stream: trio.SocketStream) -> None:
        await client_hello(stream)
        await trio.sleep_forever()

    result = checked(only(SSL, then), Limits(step_s=0.1, per_host=4, deadline_s=8))
    assert result.tls is not None
    assert {verdict.state for verdict in result.tls.versions.values()} == {"unknown"}
    assert result.tls.cipher_suites == {}


CLAIMS = {
    "sixteen megabytes claimed": b"\x0b\xff\xff\xff" + bytes(4096),
    "a list longer than its message": b"\x0b\x00\x00\x06\x00\xff\xff\x00\x00\x00",
    "a certificate longer than its list": b"\x0b\x00\x00\x06\x00\x00\x03\x00\xff\xff",
}


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
def test_a_certificate_message_that_cannot_be(claim: bytes) -> None:
    result = checked(says(lambda hello: flight(server_hello(hello.cipher_suites[0])) + record(claim)))
    assert result.tls is not None
    assert result.certificates == []


def test_no_certificate_at_all_and_one_of_garbage() -> None:
    assert checked(says(honest(chain=()))).certificates == []
    (served,) = checked(says(honest(chain=(b"\x30\x82garbage",)))).certificates
    assert served.chain[0].error is not None
    assert served.trust is None or served.trust.verdict == "unknown"


def test_ten_thousand_certificates_are_not_all_described() -> None:
    (served,) = checked(says(honest(chain=(b"0",) * 10_000, suites=(RSA_AES,)))).certificates
    assert len(served.chain) == 20


def test_ten_thousand_names_a_far_year_and_a_subject_that_writes_on_the_screen() -> None:
    many = made([f"h{number}.example" for number in range(10_000)])
    far = made(["a.example"], until=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
    ugly = made(["a.example"], subject="\x1b[2J\r\n<script>\x00\u202e")
    for leaf in (many, far, ugly):
        (served,) = checked(says(honest(chain=(leaf,), suites=(RSA_AES,)))).certificates
        assert len(served.chain[0].names) <= 200


@pytest.mark.parametrize("prime", [b"", b"\x00", b"\x02", b"\xff" * 65535, bytes(300)])
def test_absurd_diffie_hellman_groups_are_measured_and_no_more(prime: bytes) -> None:
    result = checked(says(honest(suites=(0x009F,), parameters=params(prime))))
    assert suites(result) == ["0x009f"]
    assert result.tls is not None
    assert [each.bits for each in result.tls.dh_parameters] == [int.from_bytes(prime, "big").bit_length()]


@pytest.mark.parametrize("parameters", [b"", b"\x01", b"\x03\x00", b"\x03\xfa\xfa\x41" + bytes(65), b"\x02" * 40])
def test_a_key_exchange_that_cannot_be_read_names_no_group(parameters: bytes) -> None:
    result = checked(says(honest(suites=(GCM,), parameters=parameters)))
    assert suites(result) == ["0xc030"]
    assert result.tls is not None
    assert result.tls.groups == []
    assert any("groups were neither" in words for words in result.tls.unsettled)


@pytest.mark.parametrize("piece", [1, 7])
def test_however_the_bytes_come_in(piece: int) -> None:
    def cut(say: Say) -> Say:
        def fragments(hello: tls_hello.ClientHello) -> bytes:
            whole = say(hello)
            framer, out = RecordFramer(), b""
            framer.feed(whole)
            while (one := framer.next_record()) is not None:
                size = 50 if one.type == ContentType.HANDSHAKE else 2
                remark = alert(AlertDescription(112), AlertLevel.WARNING)
                pieces = [one.fragment[at : at + size] for at in range(0, len(one.fragment), size)]
                out += remark.join(record(each, one.type) for each in pieces)
            return out

        return fragments

    assert suites(checked(says(cut(honest()), piece=piece * 40))) == ["0xc030", "0x002f"]


def test_a_server_that_changes_its_certificate_each_time_is_said_to() -> None:
    numbers = iter(range(1000))

    def say(hello: tls_hello.ClientHello) -> bytes:
        return honest(chain=(made([f"h{next(numbers)}.example"]),), suites=(RSA_AES,))(hello)

    result = checked(says(say))
    assert len(result.certificates) > 1


def test_a_server_that_answers_by_chance_contradicts_itself_within_bounds() -> None:
    chance = random.Random(3)

    def say(hello: tls_hello.ClientHello) -> bytes:
        answers = (honest(), lambda _: REFUSAL, lambda _: b"", lambda _: b"HTTP/1.1 400\r\n", honest(suites=(RSA_AES,)))
        return chance.choice(answers)(hello)

    result = checked(says(say))
    assert set(suites(result)) <= {"0xc030", "0x002f"}


def test_a_server_that_takes_every_second_connection_only() -> None:
    turn = iter(range(10_000))

    async def peer(stream: trio.SocketStream) -> None:
        if next(turn) % 2:
            return
        await says(honest())(stream)

    result = checked(peer)
    assert set(suites(result)) <= {"0xc030", "0x002f"}


def test_an_sslv2_hello_with_absurd_lengths_is_no_answer() -> None:
    async def then(stream: trio.SocketStream) -> None:
        await stream.receive_some(16384)
        await stream.send_all(b"\x80\x0b\x04\x00\x01\x00\x02\xff\xff\xff\xff\xff\xff")

    result = checked(only(SSL, then))
    assert result.tls is not None
    assert {verdict.state for verdict in result.tls.versions.values()} <= {"rejected", "unknown"}
    assert result.tls.versions["SSLv2"].state == "unknown"
