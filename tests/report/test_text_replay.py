from __future__ import annotations

import io
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from probe.capture.connection import Connection, HowItEnded
from probe.language import speaking
from probe.report.sentences_capture import alert_words, said_of, seconds
from probe.report.text import console
from probe.report.text_course import course, ending_words, frames
from probe.report.text_replay import (
    connection_line,
    connections,
    deciding,
    nothing_chosen,
    nothing_found,
    render_connection,
)
from probe.result import (
    Capture,
    CapturedCredSsp,
    CapturedHello,
    CapturedMessage,
    ClientSide,
    NegotiationAttempt,
    Result,
    Status,
    Udp,
    UdpState,
)
from probe.wire.nego import FailureCode, Protocol
from tests.audit.connections import (
    ASKS_HYBRID,
    FINISHED,
    FLIGHT,
    GIVES_HYBRID_EX,
    HELLO,
    INSIDE,
    KEYS,
    NEW_FLIGHT,
    SECURED,
    UNTIL_FLIGHT,
    UNTIL_HELLO,
    C,
    S,
    alert,
    connection,
    told,
)
from tests.capture.written import fails, request, selects
from tests.conversations import Said
from tests.golden import results as golden
from tests.golden.replayed import by_stream, captures, name_of

HOSTILE = "\x1b[31m\r\n[bold]x[/bold]\u202e\x9b\u200b"
RDP_ONLY, SSL_ONLY = (C, request(b"alice", 0)), (C, request(b"alice", 1))
BARE_REQUEST = (C, request(b"alice", None))
BARE_CONFIRM = (S, bytes.fromhex("0300000b06d00000123400"))
DISCONNECT = (S, bytes.fromhex("0300000902f0802180"))


def shown(result: Result, verbosity: int = 0, width: int = 80) -> str:
    stream = io.StringIO()
    render_connection(result, Console(file=stream, width=width, force_terminal=True, color_system=None), verbosity)
    return stream.getvalue()


def piped(result: Result, verbosity: int = 0) -> str:
    stream = io.StringIO()
    render_connection(result, console(stream), verbosity)
    return stream.getvalue()


def refused(code: FailureCode) -> Said:
    return (S, fails(code))


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (
            connection(SSL_ONLY, refused(FailureCode.HYBRID_REQUIRED_BY_SERVER), ending="closed", by=S),
            "The server turned it away: it demands NLA, and this client did not offer it.",
        ),
        (
            connection(ASKS_HYBRID, refused(FailureCode.HYBRID_REQUIRED_BY_SERVER)),
            "The server turned it away: it demands NLA.",
        ),
        (
            connection(RDP_ONLY, refused(FailureCode.SSL_REQUIRED_BY_SERVER)),
            "The server turned it away: it demands TLS, and this client asked for Standard RDP Security.",
        ),
        (
            connection(ASKS_HYBRID, refused(FailureCode.SSL_REQUIRED_BY_SERVER)),
            "The server turned it away: it demands TLS.",
        ),
        (
            connection(SSL_ONLY, refused(FailureCode.SSL_NOT_ALLOWED_BY_SERVER)),
            "The server turned it away: it allows Standard RDP Security only, and this client asked for SSL.",
        ),
        (
            connection(refused(FailureCode.SSL_NOT_ALLOWED_BY_SERVER), one_sided=S),
            "The server turned it away: it allows Standard RDP Security only.",
        ),
        (
            connection(SSL_ONLY, refused(FailureCode.SSL_CERT_NOT_ON_SERVER)),
            "The server turned it away: it has no certificate for TLS.",
        ),
        (connection(SSL_ONLY, refused(FailureCode(77))), "The server turned it away: UNKNOWN_0x4d."),
        (
            connection(*SECURED, (C, INSIDE), (S, INSIDE)),
            "Answered with HYBRID_EX, TLS 1.2 handshake, then encrypted: from here the capture shows no more.",
        ),
        (
            connection(*SECURED, ending="reset", by=C),
            "Answered with HYBRID_EX, TLS 1.2 handshake, and nothing more: the client reset it (frame 10).",
        ),
        (
            connection(*UNTIL_FLIGHT, (C, alert(48)), ending="closed", by=C),
            "The client broke off TLS: it sent alert unknown_ca (it does not trust the certificate's issuer).",
        ),
        (
            connection(*UNTIL_FLIGHT, ending="closed", by=C),
            "Answered with HYBRID_EX, TLS 1.2 handshake begun and not completed: the client closed it (frame 8).",
        ),
        (
            connection(*UNTIL_HELLO, (S, alert(70)), ending="reset", by=S),
            (
                "Answered with HYBRID_EX, then TLS failed: the ClientHello was answered by alert protocol_version "
                "(it takes none of the TLS versions)."
            ),
        ),
        (
            connection(*UNTIL_HELLO, ending="reset", by=S),
            "Answered with HYBRID_EX, then TLS failed: the ClientHello got no answer, the server reset it (frame 7).",
        ),
        (
            connection(*UNTIL_HELLO, DISCONNECT, ending="reset", by=S),
            (
                "Answered with HYBRID_EX, then TLS failed: the ClientHello was answered in clear text, "
                "the server reset it (frame 8)."
            ),
        ),
        (
            connection(*UNTIL_HELLO),
            "Answered with HYBRID_EX; how the ClientHello is answered is not in this capture.",
        ),
        (
            connection(ASKS_HYBRID, GIVES_HYBRID_EX, ending="closed", by=C),
            "Answered with HYBRID_EX; then no TLS handshake was begun: the client closed it (frame 6).",
        ),
        (
            connection(ASKS_HYBRID, (S, selects(Protocol.RDP)), ending="closed", by=C),
            (
                "Answered with Standard RDP Security in place of SSL, HYBRID, HYBRID_EX, and nothing more: "
                "the client closed it (frame 6)."
            ),
        ),
        (
            connection(RDP_ONLY, (S, selects(Protocol.RDP))),
            "Answered with Standard RDP Security, and nothing more: the capture ends there.",
        ),
        (
            connection(BARE_REQUEST, BARE_CONFIRM, DISCONNECT, ending="closed", by=S),
            "Nothing was negotiated, and the server disconnected: the server closed it (frame 7).",
        ),
        (
            connection(BARE_REQUEST, BARE_CONFIRM, ending="closed", by=C),
            "Nothing was negotiated, and nothing more followed: the client closed it (frame 6).",
        ),
        (
            connection(ASKS_HYBRID, ending="reset", by=S),
            "The RDP request got no answer: the server reset it (frame 5).",
        ),
        (
            connection(ending="closed", by=C),
            "Opened, and not a byte from either side: the client closed it (frame 4).",
        ),
        (
            connection((C, b"GET / HTTP/1.1\r\n\r\n"), (S, b"HTTP/1.1 400 Bad Request\r\n\r\n")),
            "A web server answers on 3389 (HTTP/1.1 400 Bad Request). Is the port right?",
        ),
        (
            connection(HELLO, DISCONNECT, ending="reset", by=S),
            "The client began with TLS, without an RDP request, and was turned away: clear-text disconnect.",
        ),
        (
            connection(ending="refused", by=S, syn_ack=False),
            "Nothing listens there: the SYN was answered by a reset.",
        ),
        (
            connection(ending="unanswered", syn_ack=False, packets=3, one_sided=C, after=9.0),
            "Nobody answered: SYN sent 3 times in 9.0 s.",
        ),
        (
            connection(ending="unanswered", syn_ack=False, packets=1, one_sided=C),
            "Nobody answered: one SYN, and nothing came back.",
        ),
        (
            replace(connection(ending="unanswered", syn_ack=False, packets=1, one_sided=C), goes_on=0.25),
            "Not answered so far: one SYN, and nothing came back before the capture ends, 250 ms later.",
        ),
        (
            connection(ending="unreachable", syn_ack=False),
            "The network says that the server cannot be reached.",
        ),
        (
            connection(ending="reset", by=C, packets=3),
            "The port is open: the client reset the connection before it was complete, as a port scan does.",
        ),
        (
            connection(ending="reset", by=C, packets=4),
            "Opened, and not a byte from either side: the client reset it (frame 4).",
        ),
        (
            connection(*UNTIL_HELLO, (C, alert(0, 1)), ending="reset", by=S),
            (
                "Answered with HYBRID_EX, then TLS failed: the ClientHello got no answer, "
                "the client ended it by alert close_notify (frame 7)."
            ),
        ),
        (
            connection(*UNTIL_HELLO, (S, b"\xa7" * 40), ending="reset", by=C),
            ("Answered with HYBRID_EX, then TLS failed: the ClientHello was answered by bytes that cannot be read."),
        ),
        (
            connection(*UNTIL_FLIGHT, (C, alert(0, 1)), ending="closed", by=S),
            (
                "Answered with HYBRID_EX, TLS 1.2 handshake begun and not completed: "
                "the client ended it by alert close_notify (frame 8)."
            ),
        ),
        (
            connection(*UNTIL_FLIGHT, (C, alert(70)), ending="closed", by=C),
            (
                "The client broke off TLS: it sent alert protocol_version "
                "(it does not take the TLS version that the server chose)."
            ),
        ),
    ],
)
def test_a_connection_is_told_in_a_sentence(made: Connection, words: str) -> None:
    result = told(made)
    assert said_of(result) == words
    assert connection_line(result).startswith("x.pcap  stream 0  192.0.2.9:51234 → 192.0.2.7:3389  " + words)


_NO_ANSWER = "Only the client's side was captured: how the server answered is not in this file."
_IS_MISSING = "bytes of this connection are missing."
_IS_CUT = "packets were cut when they were captured."
_CUT_OFF = "what followed is not whole in this capture: "
_ENCRYPTED = "then encrypted: from here the capture shows no more."


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (connection(ASKS_HYBRID, one_sided=C, syn_ack=False), _NO_ANSWER),
        (connection(ASKS_HYBRID, HELLO, KEYS, (C, INSIDE), one_sided=C, syn_ack=False), _NO_ANSWER),
        (
            connection(GIVES_HYBRID_EX, syn=False, one_sided=S),
            f"Answered with HYBRID_EX; {_CUT_OFF}only the server's side was captured.",
        ),
        (
            connection(GIVES_HYBRID_EX, FLIGHT, syn=False, one_sided=S),
            f"Answered with HYBRID_EX, TLS 1.2 handshake begun; {_CUT_OFF}only the server's side was captured.",
        ),
        (
            connection(GIVES_HYBRID_EX, FLIGHT, FINISHED, syn=False, one_sided=S, ending="closed", by=S),
            f"Answered with HYBRID_EX, TLS 1.2 handshake, {_ENCRYPTED}",
        ),
        (
            connection(GIVES_HYBRID_EX, NEW_FLIGHT, (S, INSIDE), syn=False, one_sided=S),
            f"Answered with HYBRID_EX, TLS 1.3 handshake, {_ENCRYPTED}",
        ),
        (
            connection(ASKS_HYBRID, gaps=True, ending="closed", by=C),
            f"How the server answered is not in this capture: {_IS_MISSING}",
        ),
        (
            connection(ASKS_HYBRID, GIVES_HYBRID_EX, truncated=True, ending="closed", by=C),
            f"Answered with HYBRID_EX; {_CUT_OFF}{_IS_CUT}",
        ),
        (
            connection(*UNTIL_HELLO, gaps=True, ending="closed", by=C),
            "Answered with HYBRID_EX; how the ClientHello is answered is not in this capture.",
        ),
        (
            connection(*UNTIL_FLIGHT, gaps=True, ending="closed", by=C),
            f"Answered with HYBRID_EX, TLS 1.2 handshake begun; {_CUT_OFF}{_IS_MISSING}",
        ),
        (
            connection(RDP_ONLY, (S, selects(Protocol.RDP)), gaps=True, ending="closed", by=C),
            f"Answered with Standard RDP Security; {_CUT_OFF}{_IS_MISSING}",
        ),
        (
            connection(BARE_REQUEST, BARE_CONFIRM, truncated=True, ending="closed", by=C),
            f"Nothing was negotiated; {_CUT_OFF}{_IS_CUT}",
        ),
        (
            connection((C, HELLO[1]), gaps=True, ending="closed", by=C),
            f"How the server answered is not in this capture: {_IS_MISSING}",
        ),
        (
            connection(syn=False, syn_ack=False, ending="reset", by=C),
            "No data of this connection is in this capture: the capture begins mid-stream.",
        ),
    ],
)
def test_where_a_capture_is_not_whole_nothing_is_said_not_to_have_come(made: Connection, words: str) -> None:
    assert said_of(told(made)) == words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("client-side-only", _NO_ANSWER),
        ("server-side-only", f"Answered with SSL, TLS 1.2 handshake, {_ENCRYPTED}"),
        ("snaplen-96", f"Answered with SSL; {_CUT_OFF}{_IS_CUT}"),
        ("hole", "Answered with SSL; how the ClientHello is answered is not in this capture."),
        ("secrets-inside", "Answered with SSL, TLS 1.3 handshake; what follows is decrypted."),
        (
            "client-alert-protocol-version",
            (
                "The client broke off TLS: it sent alert protocol_version "
                "(it does not take the TLS version that the server chose)."
            ),
        ),
        (
            "port-scan-syn",
            "The port is open: the client reset the connection before it was complete, as a port scan does.",
        ),
    ],
)
def test_our_own_captures_are_told_in_a_sentence(name: str, words: str) -> None:
    (path,) = [each for each in captures() if name_of(each) == name]
    assert said_of(by_stream(path)[0]) == words


def test_what_ended_it_is_the_verdict_though_it_is_no_fault_of_the_server() -> None:
    left = told(connection(*SECURED, ending="closed", by=C))
    assert "  CLIENT_LEFT_AFTER_CERTIFICATE" in connection_line(left)
    assert "What to do" in shown(left)
    inside = told(connection(*SECURED, (C, INSIDE), (S, INSIDE), ending="closed", by=C))
    assert "CLIENT_LEFT_AFTER_CERTIFICATE" not in connection_line(inside)
    late = told(replace(connection(ending="unanswered", syn_ack=False, packets=1, one_sided=C), goes_on=0.25))
    assert connection_line(late).endswith("  TCP_TIMEOUT")


def test_the_course_names_each_frame_and_the_end() -> None:
    result = told(connection(*SECURED, (C, INSIDE), (S, INSIDE), ending="reset", by=C))
    assert course(result) == [
        "TCP ok",
        "X.224 request (frame 4)",
        "HYBRID_EX selected (frame 5)",
        "ClientHello (frame 6)",
        "ServerHello TLS 1.2 (frame 7)",
        "certificate (frame 7)",
        "encrypted from there on (frame 8)",
        "ended by the client: reset (frame 12)",
    ]


@pytest.mark.parametrize(
    ("made", "first", "last"),
    [
        (connection(ASKS_HYBRID, syn=False, syn_ack=False), "TCP opened before the capture", "the capture ends there"),
        (connection(GIVES_HYBRID_EX, syn=False, one_sided=S), "SYN answered", "the capture ends there"),
        (connection(ASKS_HYBRID, syn_ack=False, one_sided=C), "SYN sent", "the capture ends there"),
        (connection(ASKS_HYBRID, ending="timed_out"), "TCP ok", "nothing more came"),
        (connection(ending="refused", by=S), "SYN sent", "the SYN was answered by a reset (frame 4)"),
        (connection(ending="unanswered", one_sided=C), "SYN sent", "the SYN was not answered"),
        (connection(ending="unreachable"), "SYN sent", "the network says that there is no way"),
    ],
)
def test_where_it_begins_and_ends(made: Connection, first: str, last: str) -> None:
    steps = course(told(made))
    assert (steps[0], steps[-1]) == (first, last)


def test_a_result_of_no_capture_has_no_course_and_the_verdict_of_its_server() -> None:
    result = golden.result()
    assert course(result) == []
    assert said_of(result).startswith("RDP is served")
    with pytest.raises(ValueError, match="capture"):
        connection_line(result)


def test_frames_are_put_together() -> None:
    assert frames([7]) == "frame 7"
    assert frames([9, 7, 8, 12]) == "frames 7-9, 12"
    assert frames(range(1, 40, 2)) == "frames 1, 3, 5, 7, 9, 11, …"


@pytest.mark.parametrize(("elapsed", "words"), [(0.0, "0 ms"), (999.4, "999 ms"), (1200.0, "1.2 s")])
def test_times_are_short(elapsed: float, words: str) -> None:
    assert seconds(elapsed) == words


def test_an_alert_is_named_with_what_it_means() -> None:
    assert alert_words("alert handshake_failure") == "handshake_failure (nothing offered is acceptable to it)"
    assert alert_words("something_new") == "something_new"
    assert "\x1b" not in alert_words("\x1b[31m")


@pytest.mark.parametrize("ending", ["closed", "reset"])
def test_who_ended_it_may_be_unknown(ending: HowItEnded) -> None:
    capture = Capture(file="x", stream=0, client="", server="", first_packet=1, last_packet=1, ending=ending)
    assert ending_words(capture).startswith("somebody")


def test_the_report_of_a_client_that_is_turned_away() -> None:
    result = told(connection(SSL_ONLY, refused(FailureCode.HYBRID_REQUIRED_BY_SERVER), ending="closed", by=S))
    found = deciding(result)
    assert found is not None
    assert found.code == "NLA_REQUIRED"
    text = shown(result)
    assert text.startswith("x.pcap  stream 0")
    assert "2023-11-14 22:13:20 UTC" in text
    for words in ("NLA_REQUIRED", "Likely causes", "What to do", "cookie alice", "HYBRID_REQUIRED_BY_SERVER"):
        assert words in text
    for words in ("Clients\n", "not asked", "rdp-probe verify", "--depth"):
        assert words not in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_what_cannot_be_seen_is_told_with_the_way_to_see_it() -> None:
    text = piped(told(connection(*SECURED, (C, INSIDE), (S, INSIDE))))
    assert "Not visible\n  encrypted from frame 8 on (TLSv1.2): what is inside TLS\n" in text
    assert "--keylog FILE what is inside TLS" in text


def test_more_is_told_of_every_frame_and_message() -> None:
    made = connection(*UNTIL_FLIGHT, (C, alert(48)), ending="closed", by=C)
    plain, verbose = piped(told(made)), piped(told(made), 1)
    assert "Where" not in plain
    assert "Where         frame 4 · client · X.224 Connection Request\n" in verbose
    assert "frame 7 · server · TLS Certificate\n" in verbose


def test_the_clients_side_is_told_whole() -> None:
    result = told(connection(*UNTIL_FLIGHT))
    assert result.capture is not None
    result.capture.decrypted = True
    result.capture.client_side = ClientSide(
        cookie="alice",
        routing_token="Cookie: msts=1",
        preconnection_blob="vm-1",
        requested=[],
        request_flags=["RESTRICTED_ADMIN_MODE_REQUIRED"],
        client_name="FROG",
        client_build=2600,
        client="Windows XP",
        rdp_version="5.0-8.1",
        keyboard_layout="0x00000409",
        desktop=[1280, 1024],
        color_depth=16,
        channels=["rdpdr", "cliprdr"],
        encryption_methods=["40BIT", "128BIT"],
        dig_product_id="76487",
        hello=CapturedHello(version="TLSv1.3", versions=["TLSv1.3", "TLSv1.2"], cipher_suites=["0x1302"],
                            server_name="srv1.example", ja3="abc", ja4="t13d"),
        credssp=CapturedCredSsp(version=6, mechanism="Kerberos", user="alice", domain="CORP", workstation="FROG",
                                realm="CORP.EXAMPLE", service="TERMSRV/srv1.example"),
    )  # fmt: skip
    text = piped(result)
    for line in (
        "Client        FROG · Windows XP · build 2600 · RDP 5.0-8.1 · product id 76487",
        (
            "Asked for     no negotiation · RESTRICTED_ADMIN_MODE_REQUIRED · cookie alice · "
            "routing token Cookie: msts=1 · preconnection blob vm-1 · encryption 40BIT, 128BIT"
        ),
        "Desktop       1280 × 1024 · 16 bits a pixel · keyboard 0x00000409 · channels rdpdr, cliprdr",
        "ClientHello   TLS 1.3, TLS 1.2 · 1 cipher suite · for srv1.example · JA3 abc · JA4 t13d",
        (
            "Login         Kerberos · CredSSP version 6 · CORP\\alice · from FROG · realm CORP.EXAMPLE · "
            "service TERMSRV/srv1.example"
        ),
    ):
        assert f"{line}\n" in text
    assert "what follows is decrypted" in text


def udp(state: UdpState, status: Status = "rdp", sent: int = 1) -> Result:
    result = golden.result(status)
    result.udp = Udp(port=3389, state=state, offered="2.0", version="2.0", up_mtu=1232, down_mtu=1232, sent=sent)
    result.capture = Capture(
        file="x", stream=4, transport="udp", client="a", server="b", first_packet=1, last_packet=3, ending="open",
        evidence=[CapturedMessage(what="RDP-UDP SYN", side="client", packets=[1 + n]) for n in range(sent)],
    )  # fmt: skip
    return result


@pytest.mark.parametrize(
    ("result", "words", "steps"),
    [
        (udp("open"), "The server answers over UDP: RDP-UDP 2 is agreed on.", ["SYN (frame 1)"]),
        (
            udp("silent", "silent", 3),
            "Nobody answered over UDP: SYN sent 3 times in 140 ms.",
            ["SYN (frames 1-3)", "no answer"],
        ),
        (udp("silent", "silent"), "Nobody answered over UDP: one SYN was sent.", ["SYN (frame 1)", "no answer"]),
        (udp("malformed"), "The answer over UDP is no SYN+ACK of RDP-UDP.", ["SYN (frame 1)"]),
        (udp("unknown"), "RDP over UDP was begun; how it was answered cannot be seen.", ["SYN (frame 1)"]),
    ],
)
def test_an_exchange_over_udp(result: Result, words: str, steps: list[str]) -> None:
    assert said_of(result) == words
    assert course(result) == steps
    assert "UDP stream 4" in piped(result)


def test_a_capture_without_rdp_is_told_by_what_is_in_it() -> None:
    assert nothing_found("a.pcap", 0, {}) == "a.pcap: no RDP in it, and no TCP connection."
    assert nothing_found("a.pcap", 1, {("tls", 443): 1}) == "a.pcap: 1 TCP connection, and it is not RDP: 1 TLS on 443."
    spoken = {("tls", 443): 10, ("http", 80): 2, ("silent", 22): 1, ("unknown", 9): 1}
    assert nothing_found("a.pcap", 14, spoken) == (
        "a.pcap: 14 TCP connections, none of them RDP: 10 TLS on 443, 2 HTTP on 80, 1 without a byte on 22, "
        "1 of something else on 9."
    )
    assert nothing_found("a.pcap", 90, {("tls", port): 1 for port in range(90)}).endswith("1 TLS on 7, ….")
    assert nothing_chosen("a.pcap", {7, 3}) == "a.pcap: no RDP in stream 3, 7; rdp-probe replay -q lists what there is."


def test_the_connections_of_a_server_are_listed() -> None:
    stream = io.StringIO()
    results = [told(connection(*UNTIL_HELLO, stream=number)) for number in range(2)] * 15
    connections(results, 30, console(stream))
    lines = stream.getvalue().splitlines()
    assert lines[1] == "Connections"
    assert lines[2].startswith("   0  192.0.2.9:51234      Answered with HYBRID_EX")
    assert lines[-1].strip() == "and 10 more; -v lists them"
    connections(results, 30, console(stream), 1)
    assert stream.getvalue().count("Answered") == 20 + 30


def test_the_same_is_said_in_chinese() -> None:
    result = told(connection(SSL_ONLY, refused(FailureCode.HYBRID_REQUIRED_BY_SERVER), ending="closed", by=S))
    with speaking("zh-CN"):
        text = piped(result)
    for words in ("NLA_REQUIRED", "alice", "192.0.2.9:51234 → 192.0.2.7:3389", "HYBRID_REQUIRED_BY_SERVER"):
        assert words in text


TEXT = st.text(alphabet=st.characters(), max_size=20) | st.just(HOSTILE)


@given(TEXT, st.integers(0, 2))
def test_nothing_of_either_side_is_alive(text: str, verbosity: int) -> None:
    result = told(
        connection(SSL_ONLY, (S, selects(Protocol.SSL)), HELLO, FLIGHT, (C, alert(48)), ending="closed", by=C)
    )
    assert result.capture is not None
    assert result.negotiation is not None
    side = ClientSide(requested=[text], request_flags=[text], channels=[text], encryption_methods=[text])
    for name in ("cookie", "routing_token", "preconnection_blob", "client_name", "client", "rdp_version", "alert",
                 "keyboard_layout", "dig_product_id"):  # fmt: skip
        setattr(side, name, text)
    side.hello = CapturedHello(version=text, versions=[text], server_name=text, ja3=text, ja4=text)
    side.credssp = CapturedCredSsp(mechanism=text, user=text, domain=text, workstation=text, realm=text, service=text)
    result.capture.client_side = side
    result.capture.file = result.capture.client = result.capture.server = result.capture.ending = text
    result.capture.unknown = [text]
    result.capture.evidence += [CapturedMessage(what=text, side="client", packets=[]),
                                CapturedMessage(what="TLS alert", side="client", packets=[9])]  # fmt: skip
    result.negotiation.attempts = [NegotiationAttempt(requested=[text], elapsed_ms=1.0, failure=text, flags=[text])]
    for written in (piped(result, verbosity), connection_line(result), *course(result)):
        for character in written.replace("\n", ""):
            assert unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}, repr(character)
