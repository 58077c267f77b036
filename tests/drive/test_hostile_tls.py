"""Depth full against TLS servers that break the rules of one message: what each verdict says, to the word."""

from __future__ import annotations

import random
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from probe.drive.limits import Limits
from probe.result import CertificateChain, Result, Tls, Verdict, to_json
from probe.wire import ssl2, tls_hello
from probe.wire import tls_extensions as ext
from probe.wire.tls_certificate import Certificate
from probe.wire.tls_record import AlertDescription, AlertLevel, ContentType, RecordFramer
from tests.drive.peers import SSL, Peer, only, reset
from tests.drive.tls_peers import (
    GCM,
    REFUSAL,
    RSA_AES,
    TLS12,
    TLS13,
    Say,
    alert,
    checked,
    client_hello,
    flight,
    honest,
    is_tls13,
    params,
    record,
    says,
    server_hello,
    suites,
)

RETRY = server_hello(0x1301, random=tls_hello.ServerHello.RETRY_RANDOM)
HELLO_13 = server_hello(0x1301, extensions=(ext.selected_version(TLS13), ext.server_key_share(0x1D, bytes(32))))
X25519 = 0x001D
UNKNOWN = AlertDescription(250)
DONE = tls_hello.ServerHelloDone()


def tls_of(result: Result) -> Tls:
    assert result.tls is not None
    return result.tls


def in_version(say: Say, *, newer: bool) -> Say:
    """Answers hellos of TLS 1.3 alone, or those of TLS 1.2, and refuses the others."""

    def chosen(hello: tls_hello.ClientHello) -> bytes:
        return say(hello) if is_tls13(hello) is newer and hello.version == TLS12 else REFUSAL

    return chosen


def verdict_on(say: Say, version: str = "TLSv1.2", most: int = 30) -> Verdict:
    """Of one version, on a server that answers nothing else; no suite may be listed that was not agreed on."""
    result = checked(says(in_version(say, newer=version == "TLSv1.3")), most=most)
    section = tls_of(result)
    assert section.handshake is None or not section.handshake.complete
    if section.versions[version].state != "accepted":
        assert (section.cipher_suites, section.groups, section.dh_parameters) == ({}, [], [])
    return section.versions[version]


# A ServerHello for what was never offered.


@pytest.mark.parametrize(
    ("version", "hello", "words"),
    [
        ("TLSv1.2", server_hello(0x00FF), "suite 0x00ff"),
        ("TLSv1.2", server_hello(0x5600), "suite 0x5600"),
        ("TLSv1.2", server_hello(0xFAFA), "suite 0xfafa"),
        ("TLSv1.2", server_hello(0x1301), "suite 0x1301"),
        ("TLSv1.2", server_hello(GCM, compression_method=64), "compression method 64"),
        ("TLSv1.2", replace(HELLO_13, cipher_suite=GCM), "TLSv1.3"),
        ("TLSv1.2", server_hello(GCM, version=0x0305), "0x0305"),
        ("TLSv1.2", server_hello(GCM, random=tls_hello.ServerHello.RETRY_RANDOM), "a HelloRetryRequest"),
        ("TLSv1.3", replace(HELLO_13, cipher_suite=GCM), "suite 0xc030"),
        ("TLSv1.3", replace(HELLO_13, compression_method=1), "compression method 1"),
        ("TLSv1.3", replace(HELLO_13, extensions=(ext.selected_version(0x7F1C),)), "0x7f1c"),
        (
            "TLSv1.3",
            replace(HELLO_13, extensions=(ext.selected_version(TLS13), ext.server_key_share(0xFAFA, b"key"))),
            "group 0xfafa",
        ),
        (
            "TLSv1.3",
            replace(RETRY, extensions=(ext.selected_version(TLS13), ext.retry_key_share(0x2A2A))),
            "group 0x2a2a",
        ),
    ],
)
def test_what_was_not_offered_is_named_and_not_believed(version: str, hello: tls_hello.ServerHello, words: str) -> None:
    verdict = verdict_on(lambda _: flight(hello), version)
    assert verdict == Verdict(state="unknown", reason=f"answered {words}, which was not offered")


def test_a_suite_of_another_hello_is_not_accepted_twice() -> None:
    first: list[int] = []

    def say(hello: tls_hello.ClientHello) -> bytes:
        first.append(hello.cipher_suites[0])
        return flight(server_hello(first[0]), DONE)

    section = tls_of(checked(says(in_version(say, newer=False)), most=40))
    assert [suite.code for suite in section.cipher_suites["TLSv1.2"]] == [f"0x{first[0]:04x}"]
    assert section.server_order is None
    assert any("cipher suites were neither selected nor refused" in words for words in section.unsettled)


def test_a_server_that_claims_to_have_everything_costs_sixty_connections() -> None:
    result = checked(says(lambda hello: flight(server_hello(hello.cipher_suites[0]), DONE)))
    assert (result.connections, result.limited is None) == (60, False)
    section = tls_of(result)
    assert 20 < len(section.cipher_suites["TLSv1.2"]) < 60
    assert section.order_by_version["TLSv1.2"] is False
    assert any(words.startswith("not asked for want of connections") for words in section.unsettled)


# TLS 1.3.


@pytest.mark.parametrize(
    "extensions",
    [
        (ext.selected_version(TLS13),),
        (ext.selected_version(TLS13), ext.retry_key_share(X25519)),
        (ext.selected_version(TLS13), ext.cookie(b"c" * 60_000)),
    ],
    ids=["nothing to change", "a share that was given", "an enormous cookie"],
)
@pytest.mark.parametrize("times", [1, 5])
def test_retries_that_lead_nowhere_complete_no_handshake(extensions: tuple[ext.Extension, ...], times: int) -> None:
    answer = flight(replace(RETRY, extensions=extensions)) * times
    result = checked(says(in_version(lambda _: answer, newer=True)), most=40)
    section = tls_of(result)
    assert section.versions["TLSv1.3"].state == "accepted"
    assert [suite.code for suite in section.cipher_suites["TLSv1.3"]] == ["0x1301"]
    assert {int(group.code, 16) for group in section.groups} <= {X25519}
    assert section.handshake_failure is not None
    assert result.certificates == []


@pytest.mark.parametrize("body", [b"", b"\x00", b"\x00\x1d\x00"])
def test_a_retry_whose_group_cannot_be_read_is_malformed(body: bytes) -> None:
    share = ext.Extension(type=ext.ExtensionType.KEY_SHARE, body=body)
    answer = flight(replace(RETRY, extensions=(ext.selected_version(TLS13), share)))
    verdict = verdict_on(lambda _: answer, "TLSv1.3")
    assert (verdict.state, verdict.reason) == ("unknown", "malformed")


def test_a_second_server_hello_changes_nothing() -> None:
    answer = flight(server_hello(GCM), server_hello(RSA_AES), DONE)
    section = tls_of(checked(says(in_version(lambda _: answer, newer=False)), most=40))
    assert [suite.code for suite in section.cipher_suites["TLSv1.2"]] == ["0xc030"]


def after_hello(answer: Callable[[trio.SocketStream, tls_hello.ClientHello], Awaitable[None]]) -> Peer:
    """A server with TLS alone that goes its own way behind a hello of TLS, and then is silent."""

    async def then(stream: trio.SocketStream) -> None:
        hello = await client_hello(stream)
        if hello is not None:
            await answer(stream, hello)
        await trio.sleep_forever()

    return only(SSL, then)


def test_silence_behind_a_server_hello_leaves_what_it_said() -> None:
    async def answer(stream: trio.SocketStream, hello: tls_hello.ClientHello) -> None:
        suite = next((each for each in (GCM, RSA_AES) if each in hello.cipher_suites), None)
        taken = suite is not None and hello.version == TLS12 and not is_tls13(hello)
        await stream.send_all(flight(server_hello(suite)) if taken and suite else REFUSAL)

    result = checked(after_hello(answer), Limits(step_s=0.05, per_host=4, deadline_s=10))
    assert tls_of(result).versions["TLSv1.2"].state == "accepted"
    assert set(suites(result)) <= {"0xc030", "0x002f"}
    assert "0xc030" in suites(result)
    assert result.certificates == []
    assert tls_of(result).features is not None


def test_the_deadline_ends_an_audit_of_silence_and_is_named() -> None:
    async def answer(_: trio.SocketStream, __: tls_hello.ClientHello) -> None:
        return

    result = checked(after_hello(answer), Limits(step_s=0.3, per_host=4, deadline_s=1.0))
    assert result.limited == "the deadline of 1 s passed"
    assert {verdict.state for verdict in tls_of(result).versions.values()} == {"unknown"}
    assert tls_of(result).cipher_suites == {}
    assert tls_of(result).intolerance == []


# Certificates.


def odd(*, serial: int = 1, since: datetime | None = None, until: datetime | None = None, subject: str = "d") -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder(subject_name=name, issuer_name=name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(since or now - timedelta(days=1))
        .not_valid_after(until or now + timedelta(days=9))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.DER)
    )


def served(*chain: bytes) -> CertificateChain:
    (found,) = checked(says(honest(chain=chain, suites=(RSA_AES,)))).certificates
    return found


def test_a_certificate_of_sixteen_megabytes_is_not_waited_for() -> None:
    answer = flight(server_hello(RSA_AES)) + record(b"\x0b\xff\xff\xff" + bytes(16000)) + record(bytes(16384)) * 60
    result = checked(says(in_version(lambda hello: answer if RSA_AES in hello.cipher_suites else REFUSAL, newer=False)))
    assert suites(result) == ["0x002f"]
    assert result.certificates == []
    assert result.bytes_received < 60 * 200_000
    assert len(to_json(result)) < 200_000


def test_a_negative_serial_number_is_shown_as_it_is() -> None:
    positive = odd(serial=1)
    negative = positive.replace(b"\x02\x01\x01", b"\x02\x01\xfe", 1)
    assert negative != positive
    leaf = served(negative).chain[0]
    assert (leaf.serial, leaf.subject, leaf.error) == ("-2", "CN=d", None)


@pytest.mark.parametrize(
    ("since", "until"),
    [
        (datetime(1950, 1, 1, tzinfo=UTC), datetime(1950, 1, 2, tzinfo=UTC)),
        (datetime(2020, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
    ids=["1950", "9999"],
)
def test_years_at_the_ends_of_time_are_read(since: datetime, until: datetime) -> None:
    found = served(odd(since=since, until=until))
    leaf = found.chain[0]
    assert leaf.not_after == until.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert leaf.not_before == since.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert found.days_left is not None
    assert (found.days_left < 0) == (until.year == 1950)


@pytest.mark.parametrize(
    "subject", ["a\x00b.example", "\x1b]0;owned\x07\x1b[31m", "[bold red]x[/]", "\u202e\u2066gpj.exe", "<script>\r\n"]
)
def test_a_subject_cannot_write_on_the_screen(subject: str) -> None:
    leaf = served(odd(subject=subject)).chain[0]  # `checked` renders it
    assert leaf.subject is not None
    assert leaf.error is None


def test_garbage_and_nothing_beside_a_good_leaf_stay_in_their_place() -> None:
    found = served(odd(), b"", b"\x30\x84\xff\xff\xff\xff", b"\x00" * 5000)
    assert [each.error is None for each in found.chain] == [True, False, False, False]


# Records and alerts.


def reframed(say: Say, size: int, between: bytes = b"") -> Say:
    """The same messages in records of `size` bytes, with other records between them."""

    def cut(hello: tls_hello.ClientHello) -> bytes:
        framer, out = RecordFramer(), b""
        framer.feed(say(hello))
        while (one := framer.next_record()) is not None:
            pieces = [one.fragment[at : at + size] for at in range(0, len(one.fragment), size)]
            whole = one.type != ContentType.HANDSHAKE
            out += record(one.fragment, one.type) if whole else between.join(map(record, pieces))
        return out

    return cut


@pytest.mark.parametrize(
    ("size", "between"),
    [
        (1, b""),
        (3, alert(UNKNOWN, AlertLevel.WARNING)),
        (9, record(b"")),
        (9, record(b"", ContentType.CHANGE_CIPHER_SPEC) * 3),
        (16384, b""),
    ],
    ids=["one byte a record", "warnings between", "empty records between", "empty changes between", "coalesced"],
)
def test_messages_are_read_however_records_cut_them(size: int, between: bytes) -> None:
    result = checked(says(reframed(honest(), size, between)))
    read = size != 9 or ContentType.CHANGE_CIPHER_SPEC.to_bytes(1, "big") != between[:1]
    assert suites(result) == ["0xc030", "0x002f"]
    assert [chain.chain[0].error is not None for chain in result.certificates] == ([True] if read else [])


@pytest.mark.parametrize(
    ("answer", "state", "reason"),
    [
        (record(b"\x02", ContentType.ALERT) + record(b"\x28", ContentType.ALERT), "unknown", "malformed"),
        (record(b"\x01\x5a\x02\x28", ContentType.ALERT), "unknown", "malformed"),
        (record(b"", ContentType.ALERT), "unknown", "malformed"),
        (record(b"\x01\x28", ContentType.ALERT), "rejected", "closed"),
        (record(b"\x00\x28", ContentType.ALERT), "rejected", "alert handshake_failure"),
        (record(b"\x02\xfa", ContentType.ALERT), "rejected", "alert unknown_0xfa"),
        (record(b"\x01\x00", ContentType.ALERT), "rejected", "alert close_notify"),
        (REFUSAL + flight(server_hello(GCM), DONE), "rejected", "alert handshake_failure"),
        (REFUSAL + bytes(300_000), "rejected", "alert handshake_failure"),
        (record(b"\x01", ContentType.HEARTBEAT) * 3, "rejected", "closed"),
        (record(b"HTTP/1.1 200", ContentType.APPLICATION_DATA), "rejected", "closed"),
    ],
    ids=[
        *("split over records", "two in a record", "an empty one", "of level 1", "of level 0", "an unknown number"),
        *("close_notify", "then a flight", "then zeros", "heartbeats", "application data"),
    ],
)
def test_what_stands_in_place_of_a_server_hello(answer: bytes, state: str, reason: str) -> None:
    verdict = verdict_on(lambda _: answer)
    assert (verdict.state, verdict.reason) == (state, reason)


# Servers that change their mind.


@pytest.mark.parametrize("seed", range(4))
def test_answers_by_chance_are_never_more_than_was_said(seed: int) -> None:
    chance = random.Random(seed)
    kinds: list[Say] = [
        honest(),
        honest(suites=(RSA_AES,)),
        lambda _: REFUSAL,
        lambda _: b"",
        lambda _: flight(server_hello(0xFAFA)),
        lambda _: flight(HELLO_13),
        lambda _: b"\x80\x03\x00\x00\x01",
    ]

    def say(hello: tls_hello.ClientHello) -> bytes:
        return chance.choice(kinds)(hello)

    result = checked(says(say))
    assert set(suites(result)) <= {"0xc030", "0x002f"}
    assert set(tls_of(result).cipher_suites) <= {"TLSv1.2", "TLSv1.3"}
    assert {group.name for group in tls_of(result).groups} <= {"secp256r1", "x25519"}


def test_a_certificate_of_its_own_for_each_connection_says_nothing_of_another_name() -> None:
    numbers = count(1)

    def say(hello: tls_hello.ClientHello) -> bytes:
        return honest(chain=(odd(serial=next(numbers)),), suites=(RSA_AES,))(hello)

    result = checked(says(say))
    section = tls_of(result)
    assert len(result.certificates) > 1
    assert suites(result) == ["0x002f"]
    assert section.features is not None
    assert section.features.other_name is None


def no_more(then: Peer, turns: Iterator[bool]) -> Peer:
    """An honest server that goes another way on those connections."""

    async def peer(stream: trio.SocketStream) -> None:
        if next(turns):
            await then(stream)
        else:
            await says(honest())(stream)

    return peer


async def _close(_: trio.SocketStream) -> None:
    return


@pytest.mark.parametrize(
    ("then", "turns"),
    [
        (_close, lambda: (number % 2 == 1 for number in count())),
        (reset, lambda: (number % 3 == 2 for number in count())),
        (reset, lambda: (number == 2 for number in count())),
    ],
    ids=["every second is closed", "every third is reset", "the third is reset"],
)
def test_connections_that_are_turned_away_make_no_refusals(then: Peer, turns: Callable[[], Iterator[bool]]) -> None:
    result = checked(no_more(then, turns()))
    assert suites(result) in (["0xc030", "0x002f"], ["0xc030"], [])
    if suites(result) != ["0xc030", "0x002f"]:
        assert result.lost is not None or tls_of(result).unsettled


async def _trickled(stream: trio.SocketStream) -> None:
    for byte in flight(server_hello(GCM), DONE) * 50:
        await stream.send_all(bytes([byte]))
        await trio.sleep(0.05)


def test_a_byte_every_fifty_milliseconds_does_not_hold_us() -> None:
    async def answer(stream: trio.SocketStream, _: tls_hello.ClientHello) -> None:
        await _trickled(stream)

    result = checked(after_hello(answer), Limits(step_s=0.1, per_host=4, deadline_s=4))
    assert {verdict.state for verdict in tls_of(result).versions.values()} == {"unknown"}
    assert tls_of(result).cipher_suites == {}


# SSL 2.0.


def to_ssl2(answer: bytes, say: Say | None = None) -> Peer:
    """Answers an SSLv2 CLIENT-HELLO by these bytes, and hellos of TLS by the same or otherwise."""

    async def then(stream: trio.SocketStream) -> None:
        hello = await client_hello(stream)
        await stream.send_all(answer if hello is None or say is None else say(hello))
        await stream.send_eof()
        async for _ in stream:
            pass

    return only(SSL, then)


def ssl2_hello(**fields: object) -> bytes:
    made = ssl2.ServerHello(
        session_id_hit=0, certificate_type=1, version=2, certificate=odd(), cipher_specs=(0x010080,),
        connection_id=bytes(16),
    )  # fmt: skip
    return ssl2.write_message(replace(made, **fields))  # type: ignore[arg-type]


ABSURD = {
    "lengths beyond the record": b"\x80\x0b\x04\x00\x01\x00\x02\xff\xff\xff\xff\xff\xff",
    "a record that never comes": b"\xff\xff\x04\x00\x01\x00\x02",
    "no message": b"\x80\x00",
    "half a cipher": b"\x80\x0d\x04\x00\x01\x00\x02\x00\x00\x00\x02\x00\x00\x01\x00",
    "an unknown message": b"\x80\x03\x09\x00\x00",
}


@pytest.mark.parametrize("answer", ABSURD.values(), ids=ABSURD)
def test_an_sslv2_answer_that_cannot_be_read_is_none(answer: bytes) -> None:
    for say in (None, honest()):
        section = tls_of(checked(to_ssl2(answer, say)))
        assert section.versions["SSLv2"].state in ("unknown", "rejected")
        assert "SSLv2" not in section.cipher_suites
        assert section.features is not None
        assert section.features.sslv2_framed_hello is None


def test_sslv2_with_padding_where_nothing_is_encrypted_is_no_answer() -> None:
    data = ssl2_hello()[2:]
    padded = (len(data) + 5).to_bytes(2, "big") + b"\x05" + data + bytes(5)
    section = tls_of(checked(to_ssl2(padded, honest())))
    assert section.versions["SSLv2"] == Verdict(state="unknown", reason="malformed", ending="complete")
    assert section.versions["TLSv1.2"].state == "accepted"


def test_sslv2_cipher_kinds_that_were_not_offered_are_not_listed() -> None:
    hello = ssl2_hello(cipher_specs=(0x010080, *range(0xF00000, 0xF02000)))
    section = tls_of(checked(to_ssl2(hello, honest())))
    assert section.versions["SSLv2"].state == "accepted"
    assert [suite.code for suite in section.cipher_suites["SSLv2"]] == ["0x010080"]


def test_sslv2_of_another_version_is_not_sslv2() -> None:
    section = tls_of(checked(to_ssl2(ssl2_hello(version=0x0300), honest())))
    assert section.versions["SSLv2"] == Verdict(state="unknown", reason="answered SSLv3, which was not offered")
    assert "SSLv2" not in section.cipher_suites


# Key exchanges.


@pytest.mark.parametrize(
    "prime", [b"\x01", b"\x17", b"\xff" * 65535, bytes(256), b"\xff" * 255 + b"\xfe"],
    ids=["one bit", "one byte", "65535 bytes", "zero", "even"],
)  # fmt: skip
def test_a_prime_is_measured_and_never_called_a_known_group(prime: bytes) -> None:
    result = checked(says(honest(suites=(0x009F,), parameters=params(prime))))
    (found,) = tls_of(result).dh_parameters
    assert found.bits == int.from_bytes(prime, "big").bit_length()
    assert [suite.dh_bits for suite in tls_of(result).cipher_suites["TLSv1.2"]] == [found.bits]
    assert len(to_json(result)) < 400_000


EXPLICIT = b"\x01\x20" + b"\xff" * 32 + b"\x01\x00" * 40


@pytest.mark.parametrize(
    "parameters",
    [EXPLICIT, b"\x03\x00\x1d", b"\x03\xfa\xfa\x20" + bytes(32) + b"\x04\x01\x00\x00", random.Random(5).randbytes(999)],
    ids=["an explicit curve", "a curve without its point", "an unknown group", "garbage"],
)
def test_a_curve_that_was_not_offered_or_cannot_be_read_is_not_listed(parameters: bytes) -> None:
    result = checked(says(honest(suites=(GCM,), parameters=parameters)))
    assert suites(result) == ["0xc030"]
    assert tls_of(result).groups == []
    assert any("groups were neither" in words for words in tls_of(result).unsettled)


def test_a_scheme_that_was_not_offered_is_not_listed() -> None:
    signed_by = b"\x03\x00\x17\x41" + bytes(65) + b"\xfa\xfa\x00\x03sig"
    result = checked(says(honest(suites=(GCM,), parameters=signed_by)))
    assert suites(result) == ["0xc030"]
    assert [group.name for group in tls_of(result).groups] == ["secp256r1"]
    assert tls_of(result).signature_schemes == []


# Sessions that are to be continued.


async def peeked(stream: trio.SocketStream) -> tls_hello.ClientHello | None:
    """The hello of TLS that waits to be received."""
    data = await stream.socket.recv(65536, socket.MSG_PEEK)
    if data[:1] != bytes([ContentType.HANDSHAKE]):
        return None
    hello = tls_hello.read_handshake(data[5:], TLS12)
    return hello if isinstance(hello, tls_hello.ClientHello) else None


def with_tickets(folder: Path) -> ssl.SSLContext:
    """A whole TLS 1.2 server."""
    der, key = rsa_leaf()
    pem = x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM)
    pem += key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "both.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def honest_until_resumed(context: ssl.SSLContext, answer: bytes | None) -> Peer:
    """To the handshake that continues a session it says this; None: goes on with the session."""

    async def then(stream: trio.SocketStream) -> None:
        hello = await peeked(stream)
        ticket = None if hello is None else ext.find(hello.extensions, ext.ExtensionType.SESSION_TICKET)
        if ticket and answer is not None:
            await stream.receive_some(65536)
            await stream.send_all(answer)
            return
        await trio.SSLStream(stream, context, server_side=True).receive_some(1)

    return only(SSL, then)


CHANGE = record(b"\x01", ContentType.CHANGE_CIPHER_SPEC)
FAILED = "resumption: the handshake that was to continue a session of TLSv1.2 failed"


@pytest.mark.parametrize(
    "answer",
    [
        flight(server_hello(0xC014, version=0x0302)) + CHANGE,
        flight(server_hello(0xC030, version=0x0300)) + CHANGE,
        flight(replace(HELLO_13, cipher_suite=0x1301)) + CHANGE,
        flight(server_hello(0xFAFA)) + CHANGE,
        flight(server_hello(0xC030)) + CHANGE + record(bytes(40)),
        REFUSAL,
        b"",
    ],
    ids=["TLS 1.1", "SSLv3", "TLS 1.3", "no suite", "a session without its keys", "an alert", "a close"],
)
def test_a_session_that_is_not_continued_as_it_was_begun_is_neither_yes_nor_no(answer: bytes, tmp_path: Path) -> None:
    section = tls_of(checked(honest_until_resumed(with_tickets(tmp_path), answer)))
    assert section.features is not None
    assert (section.features.resumption, section.features.resumed_version) == (None, None)
    assert FAILED in section.unsettled
    assert {version for version, verdict in section.versions.items() if verdict.state == "accepted"} == {"TLSv1.2"}
    assert set(section.cipher_suites) == {"TLSv1.2"}


def test_a_session_that_is_continued_is_seen(tmp_path: Path) -> None:
    section = tls_of(checked(honest_until_resumed(with_tickets(tmp_path), None)))
    assert section.features is not None
    assert (section.features.resumption, section.features.resumed_version) == (True, "TLSv1.2")
    assert FAILED not in section.unsettled


def rsa_leaf() -> tuple[bytes, rsa.RSAPrivateKey]:
    """A certificate in DER, and its key."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "rsa.example")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(subject_name=name, issuer_name=name).public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=9))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER), key


def test_a_ticket_of_a_megabyte_is_no_session() -> None:
    """The server's half of a handshake without keys: whatever the client sends, a ticket comes in clear."""
    body = bytes(4) + b"\xff\xff" + bytes(65535)
    ticket = tls_hello.UnknownHandshake(type=tls_hello.HandshakeType.NEW_SESSION_TICKET, body=body)
    offers_tickets = (ext.session_ticket(),)
    first = server_hello(RSA_AES, session_id=bytes(32), extensions=offers_tickets)
    leaf, _ = rsa_leaf()

    async def answer(stream: trio.SocketStream, hello: tls_hello.ClientHello) -> None:
        taken = RSA_AES in hello.cipher_suites and hello.version == TLS12
        if not taken:
            await stream.send_all(REFUSAL)
            return
        await stream.send_all(flight(first, Certificate(chain=(leaf,)), DONE))
        await stream.receive_some(65536)
        await stream.send_all(flight(*[ticket] * 16) + CHANGE)

    result = checked(after_hello(answer), Limits(step_s=0.3, per_host=4, deadline_s=10))
    section = tls_of(result)
    assert section.features is not None
    assert section.features.resumption is None
    assert section.features.session_tickets is True
    assert "resumption: no handshake of TLSv1.2 could be completed" in section.unsettled
    assert suites(result) == ["0x002f"]
    assert [chain.chain[0].subject for chain in result.certificates] == ["CN=rsa.example"]
