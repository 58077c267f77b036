"""What was heard on UDP and at a front door, as sections of a result."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from probe.audit.outside import Heard, gateway, udp
from probe.errors import InvalidField
from probe.handshake.machine import Ended, Ending, Event, Malformed, Secured, Seen, Side, TlsFailed, Unread
from probe.result import GatewayState, UdpState
from probe.wire.ntlm import Challenge, read_message
from probe.wire.rdg import HttpAnswer, challenges
from probe.wire.rdpudp import Syn, SynEx
from tests.handshake.tls_server import chain_der
from tests.strategies.rdpudp import read
from tests.vectors import vector_lines

SECURED = Secured(1.0, version="TLSv1.3", cipher_suite="TLS_AES_256_GCM_SHA384", chain=chain_der())
ERROR = InvalidField("HTTP", "status line", 0, "it does not begin with HTTP/")


def heard(ending: Ending, *events: Event, host: str = "gw.example", sent: int = 0) -> Heard:
    return Heard(
        host=host, port=443, address="192.0.2.7", events=events, ending=ending, started=1.0, ended=1.0625, sent=sent
    )


def unreadable(raw: bytes) -> Malformed:
    return Malformed(1.0, Side.SERVER, ERROR, raw)


def answer(status: int, *values: str) -> Seen:
    message = HttpAnswer(status=status, reason="", server=None, challenges=challenges(values))
    return Seen(1.0, Side.SERVER, message, b"")


@pytest.mark.parametrize(
    ("ending", "state"),
    [
        (Ending.TIMED_OUT, "silent"),
        (Ending.REFUSED, "refused"),
        (Ending.UNREACHABLE, "unreachable"),
        (Ending.INTERRUPTED, "unknown"),
        (Ending.COMPLETE, "malformed"),
    ],
)
def test_a_syn_alone_is_not_open(ending: Ending, state: UdpState) -> None:
    said = read(vector_lines("rdpudp_syns")[0])
    section = udp(heard(ending, Seen(1.0, Side.CLIENT, said, b""), sent=2))
    assert (section.state, section.version, section.sent, section.elapsed_ms) == (state, None, 2, 62.5)
    assert section.ending == (None if ending is Ending.COMPLETE else ending.value)


def test_a_syn_ack_is_what_it_says() -> None:
    said = Syn(flags=0x1005, initial_sequence=1, up_mtu=1140, down_mtu=1150, syn_ex=SynEx(version=2))
    section = udp(heard(Ending.COMPLETE, Seen(1.0, Side.SERVER, said, b"")))
    assert (section.state, section.version, section.up_mtu, section.down_mtu) == ("open", "2.0", 1140, 1150)


def test_bytes_of_ours_are_no_answer_that_cannot_be_read() -> None:
    section = udp(heard(Ending.TIMED_OUT, Malformed(1.0, Side.CLIENT, ERROR, b"")))
    assert (section.state, section.answer) == ("silent", None)


@pytest.mark.parametrize(
    ("ending", "events", "state"),
    [
        (Ending.REFUSED, [], "refused"),
        (Ending.FILTERED, [], "silent"),
        (Ending.UNREACHABLE, [], "unreachable"),
        (Ending.TIMED_OUT, [], "silent"),
        (Ending.DEADLINE, [], "silent"),
        (Ending.INTERRUPTED, [], "unknown"),
        (Ending.CLOSED, [Ended(1.0, Ending.CLOSED, "")], "closed"),
        (Ending.RESET, [Unread(1.0, Side.CLIENT, b"hello")], "closed"),
        (Ending.CLOSED, [Unread(1.0, Side.SERVER, b"+OK")], "not_tls"),
        (Ending.COMPLETE, [unreadable(b"SSH-"), TlsFailed(1.0, ("wrong version number",))], "not_tls"),
        (Ending.COMPLETE, [TlsFailed(1.0, ("sslv3 alert handshake failure",))], "tls_failed"),
        (Ending.CLOSED, [Seen(1.0, Side.SERVER, object(), b"hello")], "tls_failed"),
        (Ending.CLOSED, [Seen(1.0, Side.CLIENT, object(), b"hello")], "closed"),
        (Ending.TIMED_OUT, [SECURED], "tls_only"),
        (Ending.CLOSED, [SECURED], "tls_only"),
        (Ending.INTERRUPTED, [SECURED], "unknown"),
        (Ending.COMPLETE, [SECURED, unreadable(b"SSH-")], "not_http"),
        (Ending.CLOSED, [SECURED, Unread(1.0, Side.SERVER, b"HTTP/1.1 200")], "http"),
        (Ending.COMPLETE, [SECURED, answer(404)], "http"),
        (Ending.COMPLETE, [SECURED, answer(401, "Basic realm=x")], "http"),
        (Ending.COMPLETE, [SECURED, answer(403, "NTLM")], "http"),
        (Ending.COMPLETE, [SECURED, answer(401, "ntlm")], "rd_gateway"),
        (Ending.INTERRUPTED, [SECURED, answer(401, "Negotiate")], "rd_gateway"),
        (Ending.COMPLETE, [SECURED, answer(401, "PAA")], "rd_gateway"),
    ],
)
def test_what_answers_at_the_front_door(ending: Ending, events: Sequence[Event], state: GatewayState) -> None:
    section = gateway(heard(ending, *events), wall_offset=1_800_000_000.0)
    assert section.state == state
    assert (section.certificate is not None) is (SECURED in events)


def test_a_gateway_is_certain_by_a_scheme_of_its_own() -> None:
    both = gateway(heard(Ending.COMPLETE, SECURED, answer(401, "Negotiate, SSPI_NTLM")), wall_offset=0.0)
    one = gateway(heard(Ending.COMPLETE, SECURED, answer(401, "Negotiate")), wall_offset=0.0)
    other = gateway(heard(Ending.COMPLETE, SECURED, answer(404)), wall_offset=0.0)
    assert (both.certainty, one.certainty, other.certainty) == ("certain", "likely", None)
    assert (both.schemes, both.status, both.reason) == (["Negotiate", "SSPI_NTLM"], 401, None)


@pytest.mark.parametrize(
    ("elsewhere", "certainty"),
    [
        (answer(404), "certain"),
        (answer(405), "certain"),
        (answer(501), "certain"),
        (answer(200), "certain"),
        (answer(503), "likely"),
        (answer(401, "Negotiate", "NTLM"), "likely"),
        (answer(401, "Basic realm=x"), "likely"),
    ],
)
def test_a_gateway_is_certain_where_another_path_wants_no_login(elsewhere: Seen, certainty: str) -> None:
    events = (SECURED, answer(401, "NTLM"), answer(401, "NTLM"), elsewhere)
    section = gateway(heard(Ending.COMPLETE, *events), wall_offset=0.0)
    assert (section.state, section.certainty) == ("rd_gateway", certainty)
    assert (section.status, section.schemes) == (401, ["NTLM"])


@pytest.mark.parametrize(
    ("scheme", "state", "certainty"), [("NTLM", "unknown", None), ("SSPI_NTLM", "rd_gateway", "certain")]
)
def test_the_same_answer_for_a_path_that_no_gateway_has_settles_nothing(
    scheme: str, state: GatewayState, certainty: str | None
) -> None:
    events = (SECURED, answer(401, scheme), answer(401, scheme), answer(401, scheme.lower()))
    section = gateway(heard(Ending.COMPLETE, *events), wall_offset=0.0)
    assert (section.state, section.certainty, section.status) == (state, certainty, 401)


def test_the_challenge_and_the_certificate_are_described_at_their_time() -> None:
    raw = vector_lines("rdg_unauthorized")[1].partition(b"NTLM ")[2].partition(b"\r\n")[0].decode()
    challenge = read_message(challenges([f"NTLM {raw}"])[0].token)
    assert isinstance(challenge, Challenge)
    events = (SECURED, answer(401, "NTLM"), answer(401, f"NTLM {raw}"), Seen(2.0, Side.SERVER, challenge, b""))
    section = gateway(heard(Ending.COMPLETE, *events, host="srv1.example"), wall_offset=1_795_000_000.0)
    assert section.ntlm is not None
    assert (section.ntlm.target_name, section.ntlm.timestamp) == ("VM", "2026-11-21T02:24:58.000Z")
    assert section.ntlm.clock_skew_s == round(1795227898 - 1795000002.0, 1)
    assert section.certificate is not None
    assert len(section.certificate.chain) == 2
    assert section.certificate.name_match is True
    assert (section.schemes, section.ending, section.answer) == (["NTLM"], None, None)


def test_why_it_could_not_be_read_is_said() -> None:
    failed = gateway(heard(Ending.COMPLETE, TlsFailed(1.0, ("unsupported protocol", "x"))), wall_offset=0.0)
    broken = gateway(heard(Ending.COMPLETE, SECURED, unreadable(b"HTTP/9")), wall_offset=0.0)
    assert failed.answer == "unsupported protocol; x"
    assert broken.answer == str(ERROR)
    assert (broken.state, broken.status) == ("http", None)
