from __future__ import annotations

from dataclasses import dataclass

import pytest

from probe.audit.attempt import Stage
from probe.audit.steps import record, words_for
from probe.handshake.machine import Ended, Ending, Event, Secured, Seen, Side, TlsClosed, TlsFailed, Unread
from probe.wire import mcs, nego, tls_hello, x224
from probe.wire.tls_record import AlertDescription
from tests.audit import attempts as a


def words(message: object) -> str:
    return words_for(Seen(0.0, Side.SERVER, message, b""))


def request(protocols: int) -> nego.RequestData:
    return nego.RequestData(negotiation=nego.NegotiationRequest(protocols=protocols))


@dataclass(frozen=True)
class Plain:
    text: str = "no number"


MESSAGES = [
    (request(0x0B), "RequestData: asks for SSL+HYBRID+HYBRID_EX"),
    (request(0), "RequestData: asks for RDP"),
    (nego.RequestData(), "RequestData: asks for nothing"),
    (
        nego.ConfirmData(negotiation=nego.NegotiationResponse(selected=2, flags=0x1F)),
        "ConfirmData: selects HYBRID, flags 0x1f",
    ),
    (
        nego.ConfirmData(negotiation=nego.NegotiationFailure(code=nego.FailureCode(5))),
        "ConfirmData: failure HYBRID_REQUIRED_BY_SERVER",
    ),
    (nego.ConfirmData(), "ConfirmData: no negotiation"),
    (a.hello(a.TLS13), "ServerHello: TLSv1.3, TLS_AES_256_GCM_SHA384"),
    (a.hello(a.TLS12, cipher_suite=0xABCD), "ServerHello: TLSv1.2, 0xabcd"),
    (
        a.hello(a.TLS13, random=tls_hello.ServerHello.RETRY_RANDOM),
        "HelloRetryRequest: TLSv1.3, TLS_AES_256_GCM_SHA384",
    ),
    (
        mcs.DisconnectProviderUltimatum(reason=mcs.DisconnectReason.RN_USER_REQUESTED),
        "DisconnectProviderUltimatum (reason=RN_USER_REQUESTED, padding=0)",
    ),
    (x224.ConnectionConfirm(src_ref=0x1234), "ConnectionConfirm (credit=0, dst_ref=0, src_ref=4660, class_option=0)"),
    (Plain(), "Plain"),
    ("a string", "str"),
]


@pytest.mark.parametrize(("message", "expected"), MESSAGES, ids=[each[1].split(" (")[0] for each in MESSAGES])
def test_a_message_in_one_line(message: object, expected: str) -> None:
    assert words(message) == expected


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (a.alert(AlertDescription.PROTOCOL_VERSION)[0], "Alert: protocol_version"),
        (a.malformed(b"HTTP")[0], "cannot be read: TPKT.version at byte 0: 3 expected"),
        (a.unread(b"rest")[0], "bytes that were not read"),
        (Secured(0.0, "TLSv1.3", "A_SUITE", (b"leaf",)), "TLS handshake complete: TLSv1.3, A_SUITE, 1 certificates"),
        (TlsFailed(0.0, ("one", "two")), "TLS failed: one; two"),
        (TlsClosed(0.0), "TLS ended by close_notify"),
        (Ended(0.0, Ending.CLOSED, ""), "Ended"),
    ],
    ids=["alert", "malformed", "unread", "secured", "failed", "closed", "ended"],
)
def test_an_event_in_one_line(event: Event, expected: str) -> None:
    assert words_for(event) == expected


def test_a_line_has_an_end() -> None:
    @dataclass(frozen=True)
    class Wide:
        first_of_the_long_names: int = 10**100
        second_of_the_long_names: int = 10**100

    assert len(words(Wide())) == len("Wide") + 160


def test_an_attempt_is_recorded_with_its_bytes_and_times() -> None:
    question = a.ask(a.SSL, Stage.TUNNEL).again()
    attempt = a.attempt(
        question,
        [
            Seen(10.001, Side.CLIENT, request(1), b"\x01" * 200),
            Seen(10.002, Side.SERVER, nego.ConfirmData(), b"\x02"),
            Secured(10.0031, "TLSv1.3", "A_SUITE", ()),
            Unread(10.004, Side.SERVER, b"\x03"),
            Ended(10.005, Ending.TIMED_OUT, "the server's TSRequest"),
        ],
        Ending.TIMED_OUT,
        number=7,
        started=10.0,
        ended=10.005,
        cause="its words",
    )
    shown = record(attempt, 9.5)
    assert (shown.number, shown.asked, shown.repeat) == (7, "SSL, then a complete TLS handshake", True)
    assert (shown.ending, shown.expected, shown.cause) == ("timed_out", "the server's TSRequest", "its words")
    assert (shown.started_ms, shown.elapsed_ms) == (500.0, 5.0)
    assert (shown.bytes_sent, shown.bytes_received) == (19, 19)
    assert [(step.side, step.at_ms, step.size) for step in shown.steps] == [
        ("client", 1.0, 200),
        ("server", 2.0, 1),
        ("both", 3.1, None),
        ("server", 4.0, 1),
    ]
    assert shown.steps[0].hex == "01" * 128
    assert shown.steps[2].hex is None


def test_nothing_awaited_is_nothing_expected() -> None:
    assert record(a.attempt(a.ask(a.SSL)), 0.0).expected is None
