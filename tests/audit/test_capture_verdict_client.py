"""What goes wrong on the client's side, from its bytes to what is said of it."""

from __future__ import annotations

import pytest

from probe.capture.connection import Connection
from tests.audit.connections import (
    ASKS_HYBRID,
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

REJECTED, REFUSED, LEFT = "CLIENT_REJECTED_CERTIFICATE", "CLIENT_REJECTED_TLS", "CLIENT_LEFT_AFTER_CERTIFICATE"
NEW = (ASKS_HYBRID, GIVES_HYBRID_EX, NEW_HELLO, NEW_FLIGHT, (S, INSIDE))


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
