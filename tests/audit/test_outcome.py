"""When a hello was agreed to, and when it was refused."""

from __future__ import annotations

import pytest

from probe.audit.attempt import Question, Stage
from probe.audit.outcome import Outcome, outcome
from probe.audit.reading import read
from probe.handshake.machine import Ending, Event
from probe.wire import ssl2
from probe.wire.tls_record import AlertDescription
from tests.audit import attempts as a

SSLV2 = ssl2.ServerHello(
    session_id_hit=0, certificate_type=1, version=2, certificate=b"leaf", cipher_specs=(0x010080,), connection_id=b""
)


@pytest.mark.parametrize(
    ("version", "events", "ending", "wanted"),
    [
        (a.TLS12, a.says(a.hello(a.TLS12)), Ending.COMPLETE, Outcome.AGREED),
        (a.TLS12, a.says(a.hello(a.TLS10)), Ending.COMPLETE, Outcome.OTHER_VERSION),
        (a.TLS12, a.says(a.hello(a.TLS12, cipher_suite=0x1A1A)), Ending.COMPLETE, Outcome.NOT_OFFERED),
        (a.TLS12, a.alert(AlertDescription.HANDSHAKE_FAILURE), Ending.COMPLETE, Outcome.REFUSED),
        (a.TLS12, a.disconnect(), Ending.COMPLETE, Outcome.REFUSED),
        (a.TLS12, [], Ending.CLOSED, Outcome.REFUSED),
        (a.TLS12, [], Ending.RESET, Outcome.UNSETTLED),
        (a.TLS12, [], Ending.TIMED_OUT, Outcome.UNSETTLED),
        (a.TLS12, a.says(SSLV2), Ending.COMPLETE, Outcome.OTHER_VERSION),
        (a.SSL2, a.says(SSLV2), Ending.COMPLETE, Outcome.AGREED),
        (a.SSL2, a.says(ssl2.Error(code=ssl2.ErrorCode(1))), Ending.COMPLETE, Outcome.REFUSED),
        (a.SSL2, a.says(a.hello(a.TLS10)), Ending.COMPLETE, Outcome.OTHER_VERSION),
    ],
)
def test_how_a_hello_was_taken(version: int, events: list[Event], ending: Ending, wanted: Outcome) -> None:
    question = Question(protocols=a.SSL, stage=Stage.HELLO, version=version)
    assert outcome(read(a.attempt(question, [*a.selects(a.SSL), *events], ending))) is wanted


def test_a_reset_that_came_twice_is_a_refusal() -> None:
    question = Question(protocols=a.SSL, stage=Stage.HELLO, version=a.TLS12, repeat=True)
    assert outcome(read(a.attempt(question, a.selects(a.SSL), Ending.RESET))) is Outcome.REFUSED
