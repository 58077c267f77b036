from __future__ import annotations

import pytest

from probe.audit.attempt import Stage
from probe.audit.reading import Reading, read
from probe.handshake.machine import Ending, Event, Secured, Side, TlsFailed
from probe.wire import mcs, rdstls, spnego, tls_hello, x224
from probe.wire.tls_key_exchange import ServerKeyExchange
from probe.wire.tls_record import AlertDescription, AlertLevel
from tests.audit import attempts as a

TUNNEL = a.ask(a.SSL, Stage.TUNNEL)


def reading(*events: list[Event], stage: Stage = Stage.TUNNEL) -> Reading:
    return read(a.attempt(a.ask(a.SSL, stage), [event for group in events for event in group]))


def test_each_message_has_its_field() -> None:
    found = reading(
        a.selects(a.HYBRID),
        a.tunnel(a.TLS12),
        a.challenge(),
        a.says(spnego.NegTokenResp(), rdstls.RdstlsCapabilities(), rdstls.ServerNonce(text=b"{}")),
        a.settings(certificate=a.real_certificate()),
        a.disconnect(),
        a.closed_inside(),
        a.unread(b"rest"),
    )
    assert found.confirm is not None
    assert found.negotiation is not None
    assert found.server_hello == a.hello(a.TLS12)
    assert found.answers_version(a.TLS12)
    assert not found.answers_version(a.TLS13)
    assert found.secured is not None
    assert found.chain == a.CHAIN
    assert found.ts_request is not None
    assert found.challenge is not None
    assert found.challenge_at == 0.01
    assert found.spnego == spnego.NegTokenResp()
    assert found.rdstls is not None
    assert found.nonce is not None
    assert found.connect_response is not None
    assert found.core is not None
    assert found.security is not None
    assert found.server_certificate == a.real_certificate()
    assert found.disconnect is not None
    assert found.tls_closed
    assert found.unread == b"rest"
    assert len(found.messages) == 12


def test_what_the_client_said_or_left_is_not_the_servers() -> None:
    client = [event for event in a.selects(a.SSL) if not isinstance(event, Secured)]
    found = read(
        a.attempt(TUNNEL, [type(event)(event.at, Side.CLIENT, event.message, b"") for event in client])  # type: ignore[attr-defined,call-arg]
    )
    assert found.confirm is None
    assert found.messages == []
    assert reading(a.unread(b"ours", Side.CLIENT)).unread == b""


def test_the_first_of_a_kind_counts_but_the_second_server_hello() -> None:
    first, second = mcs.DisconnectReason.RN_USER_REQUESTED, mcs.DisconnectReason.RN_PROVIDER_INITIATED
    ultimatums = [mcs.DisconnectProviderUltimatum(reason=reason) for reason in (first, second)]
    found = reading(a.says(*ultimatums), a.says(a.hello(a.TLS13), a.hello(a.TLS12)))
    assert found.disconnect == ultimatums[0]
    assert found.server_hello == a.hello(a.TLS12)


def test_a_warning_is_no_alert_that_ended_something() -> None:
    warning = a.alert(AlertDescription.UNRECOGNIZED_NAME, AlertLevel.WARNING)
    fatal = a.alert(AlertDescription.PROTOCOL_VERSION)
    assert reading(warning).alert is None
    found = reading(warning, fatal, a.alert(AlertDescription.INTERNAL_ERROR)).alert
    assert found is not None
    assert found.description == AlertDescription.PROTOCOL_VERSION
    goodbye = reading(a.alert(AlertDescription.CLOSE_NOTIFY, AlertLevel.WARNING)).alert
    assert goodbye is not None


def test_the_chain_comes_from_clear_text_or_from_the_handshake() -> None:
    clear = tls_hello.Certificate(chain=(b"clear",))
    exchange = ServerKeyExchange(params=b"")
    found = reading(a.says(a.hello(a.TLS12), clear, exchange))
    assert found.chain == (b"clear",)
    assert found.key_exchange == exchange
    assert reading(a.says(clear), a.tunnel()).chain == a.CHAIN
    assert reading(a.says(clear), a.tunnel(chain=())).chain == (b"clear",)


def test_the_first_fault_counts_and_what_follows_it_belongs_to_it() -> None:
    first = a.malformed(b"S")
    found = reading(first, a.malformed(b"later"), a.unread(b"SH-2.0"))
    assert found.malformed is first[0]
    assert found.first_bytes == b"SSH-2.0"


def test_the_librarys_words_are_kept() -> None:
    assert reading([TlsFailed(0.0, ("wrong version number",))]).tls_failed is not None


@pytest.mark.parametrize("refusal", [x224.DisconnectRequest(), x224.Error(cause=1)])
def test_x224_refusals(refusal: x224.DisconnectRequest | x224.Error) -> None:
    found = reading(a.says(refusal))
    assert found.refusal == refusal
    assert not found.spoke_rdp
    assert not found.is_foreign


@pytest.mark.parametrize(
    "events",
    [
        a.selects(a.SSL),
        a.fails(1),
        a.disconnect(),
        [*a.bare(), *a.settings()],
        [*a.bare(), *a.disconnect()],
    ],
    ids=["response", "failure", "disconnect", "bare and MCS", "bare and disconnect"],
)
def test_only_rdp_says_these(events: list[Event]) -> None:
    assert reading(events).spoke_rdp
    assert not reading(events).is_foreign


@pytest.mark.parametrize(
    ("events", "stage", "foreign"),
    [
        (a.bare(), Stage.TUNNEL, True),
        (a.bare(), Stage.NEGOTIATION, False),
        (a.malformed(b"HTTP"), Stage.TUNNEL, True),
        (a.malformed(b"\x03\x00\x00\x00"), Stage.TUNNEL, False),
        (a.malformed(b""), Stage.TUNNEL, False),
        (a.malformed(b"HTTP", Side.CLIENT), Stage.TUNNEL, False),
        ([], Stage.TUNNEL, False),
        (a.says(x224.ConnectionConfirm(variable=b"\x02\x00\x09\x00")) + a.malformed(b"\x03\x00"), Stage.TUNNEL, False),
    ],
    ids=["bare", "bare, no more asked", "http", "broken TPKT", "nothing", "ours", "silence", "broken confirm"],
)
def test_what_is_foreign(events: list[Event], stage: Stage, foreign: bool) -> None:
    found = reading(events, stage=stage)
    assert not found.spoke_rdp
    assert found.is_foreign is foreign


def test_without_x224_nothing_is_foreign() -> None:
    direct = a.attempt(a.ask(None, Stage.HELLO, version=a.TLS12), a.malformed(b"HTTP"))
    assert not read(direct).is_foreign


def test_an_attempt_is_read_once() -> None:
    attempt = a.attempt(TUNNEL, [], Ending.TIMED_OUT)
    assert read(attempt) is read(attempt)
    assert read(attempt).received_nothing
