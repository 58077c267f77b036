"""What goes wrong on the client's side, from its bytes to what is said of it."""

from __future__ import annotations

import pytest

from probe.capture.connection import Connection
from tests.audit.connections import (
    ASKS_HYBRID,
    FINISHED,
    GIVES_HYBRID_EX,
    INSIDE,
    NEW_FLIGHT,
    NEW_HELLO,
    SECURED,
    UNTIL_FLIGHT,
    UNTIL_HELLO,
    C,
    S,
    alert,
    codes,
    connection,
    record,
    told,
)
from tests.conversations import Said

REJECTED, REFUSED, LEFT = "CLIENT_REJECTED_CERTIFICATE", "CLIENT_REJECTED_TLS", "CLIENT_LEFT_AFTER_CERTIFICATE"
NEW = (ASKS_HYBRID, GIVES_HYBRID_EX, NEW_HELLO, NEW_FLIGHT, (S, INSIDE))


# A ServerHello that continues a session of TLS 1.3 (pre_shared_key), and one of TLS 1.2 that no Certificate follows.
HELLO_PSK = record(
    22, bytes.fromhex("02000032" + "0303" + "42" * 32 + "00" + "1301" + "00" + "000a" + "002b00020304" + "00290000")
)
PSK = (ASKS_HYBRID, GIVES_HYBRID_EX, NEW_HELLO, (S, HELLO_PSK), (S, INSIDE))
HELLO_12 = record(22, bytes.fromhex("02000026" + "0303" + "42" * 32 + "00" + "c02f" + "00"))
RESUMED = (*UNTIL_HELLO, (S, HELLO_12), FINISHED)


@pytest.mark.parametrize(
    ("said", "reached"),
    [
        (PSK, "server_hello"),
        ((*PSK, (C, record(23, bytes(53)))), "secured"),
        (RESUMED, "server_hello"),
        ((*RESUMED, (C, record(20, b"\1") + record(22, bytes(40)) + record(21, bytes(26)))), "secured"),
    ],
)
def test_a_session_that_is_continued_shows_no_certificate(said: tuple[Said, ...], reached: str) -> None:
    result = told(connection(*said, ending="closed", by=C))
    assert result.capture is not None
    assert result.capture.reached == reached
    assert not any("the certificate" in each for each in result.capture.unknown)
    assert codes(result).isdisjoint({LEFT})


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (connection(*UNTIL_FLIGHT, (C, alert(48)), ending="closed", by=C), REJECTED),
        (connection(*UNTIL_FLIGHT, (C, alert(46)), ending="reset", by=S), REJECTED),
        (connection(*UNTIL_FLIGHT, (C, alert(70)), ending="closed", by=C), REFUSED),
        (connection(*UNTIL_FLIGHT, (C, alert(40)), ending="closed", by=C), REFUSED),
        (connection(*UNTIL_FLIGHT, ending="reset", by=C), LEFT),
        (connection(*UNTIL_FLIGHT, (C, alert(0, 1)), ending="closed", by=C), LEFT),
        (connection(*SECURED, ending="closed", by=C), LEFT),
        (connection(*NEW, ending="closed", by=C), LEFT),
        (connection(*NEW, (C, record(23, bytes(19))), ending="closed", by=C), LEFT),
        (connection(*SECURED, (C, INSIDE), ending="closed", by=C), None),
        (connection(*UNTIL_FLIGHT, ending="closed", by=S), None),
        (connection(*UNTIL_FLIGHT), None),
        (connection(*UNTIL_HELLO, ending="closed", by=C), None),
        (connection(*UNTIL_FLIGHT, ending="closed", by=C, gaps=True), None),
    ],
)
def test_what_the_client_did_is_told_by_one_code(made: Connection, code: str | None) -> None:
    assert codes(told(made)) & {REJECTED, REFUSED, LEFT} == ({code} if code is not None else set())


def test_the_alert_that_it_sent_is_named() -> None:
    result = told(connection(*UNTIL_FLIGHT, (C, alert(48)), ending="closed", by=C))
    assert result.capture is not None
    assert result.capture.client_side is not None
    assert result.capture.client_side.alert == "unknown_ca"
    [found] = [each for each in result.diagnoses if each.code == REJECTED]
    assert found.summary == "The client turned the server's certificate down: TLS alert unknown_ca."
    assert found.evidence == ["the client sent the TLS alert unknown_ca, and the connection ended in frame 9"]
