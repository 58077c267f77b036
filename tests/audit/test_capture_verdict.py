"""One captured connection: what it came to, what is said of it, and what is not."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.audit.capture_verdict import captured, without_clock
from probe.audit.settings import Settings
from probe.capture.connection import Connection, HowItEnded, Piece
from probe.drive.limits import Limits
from probe.handshake.client_hello import client_hello, usual_offer
from probe.handshake.key_log import KeyLog
from probe.handshake.machine import Side
from probe.result import Reached, from_json, json_schema, to_json
from probe.wire.tls_version import TLS12
from tests.audit.connections import (
    ASKS_HYBRID,
    FINISHED,
    FLIGHT,
    GIVES_HYBRID_EX,
    HELLO,
    INSIDE,
    KEYS,
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
from tests.conversations import ASK_RDP, ASK_SSL, Said, client, server
from tests.drive.recorded import recorded
from tests.vectors import vector

SELECTS_RDP = server("030000130ed000001234000201080000000000")
NEEDS_NLA = server("030000130ed000000000000300080005000000")
INITIAL = (C, vector("mcs_connect_initial_microsoft"))
SETTINGS = (S, vector("mcs_connect_response_microsoft"))
BARE_REQUEST = (C, vector("x224_request_bare"))
BARE_CONFIRM = (S, vector("x224_confirm_bare_xp"))
S7_REQUEST = client("0300001611e00000000100c0010ac1020100c2020102")
S7_CONFIRM = server("0300001611d00001000100c0010ac1020100c2020102")
S7_DATA = client("0300001902f08032010000000000080000f0000001000101e0")
NO_MCS = client("0300000902f0803201")
ALERT_70 = (S, alert(70))


@pytest.mark.parametrize(
    ("said", "reached"),
    [
        ((), "opened"),
        ((ASKS_HYBRID,), "request"),
        ((ASKS_HYBRID, GIVES_HYBRID_EX), "confirm"),
        (UNTIL_HELLO, "client_hello"),
        ((*UNTIL_HELLO, (S, FLIGHT[1][:80])), "server_hello"),
        (UNTIL_FLIGHT, "certificate"),
        ((ASKS_HYBRID, GIVES_HYBRID_EX, NEW_HELLO, NEW_FLIGHT), "server_hello"),
        ((ASKS_HYBRID, GIVES_HYBRID_EX, NEW_HELLO, NEW_FLIGHT, (S, INSIDE)), "certificate"),
        (SECURED, "secured"),
        ((*SECURED, (C, alert(0))), "secured"),
        ((*SECURED, (C, INSIDE)), "inside"),
        ((ASK_RDP, SELECTS_RDP, INITIAL), "initial"),
        ((ASK_RDP, SELECTS_RDP, INITIAL, SETTINGS), "settings"),
    ],
)
def test_how_far_it_came_is_told(said: tuple[Said, ...], reached: Reached) -> None:
    capture = told(connection(*said)).capture
    assert capture is not None
    assert capture.reached == reached


def test_application_data_of_tls_13_is_more_than_finished_and_an_alert() -> None:
    until = (ASKS_HYBRID, GIVES_HYBRID_EX, NEW_HELLO, NEW_FLIGHT, (S, INSIDE))
    finished, ends = (C, record(23, bytes(53))), (C, record(23, bytes(19)))
    for said, reached in (
        ((*until, ends), "certificate"),
        ((*until, finished), "secured"),
        ((*until, finished, ends), "secured"),
        ((*until, finished, (C, INSIDE)), "inside"),
    ):
        capture = told(connection(*said, ending="closed", by=C)).capture
        assert capture is not None
        assert capture.reached == reached


@pytest.mark.parametrize(
    ("made", "status", "found"),
    [
        (connection(ending="unanswered", syn_ack=False), "filtered", {"TCP_TIMEOUT"}),
        (connection(ending="refused", by=S, syn_ack=False), "refused", {"TCP_REFUSED"}),
        (connection(ending="unreachable", syn_ack=False), "unreachable", {"TCP_UNREACHABLE"}),
        (connection(ending="closed", by=C), "closed", set()),
        (connection(ending="closed", by=S), "closed", set()),
        (connection(), "silent", set()),
        (connection(ASK_SSL, ending="reset", by=S), "closed", {"TCP_RESET"}),
        (connection(ASK_SSL, ending="closed", by=S), "closed", {"X224_CLOSED"}),
        (connection(ASK_SSL, ending="closed", by=C), "closed", set()),
        (connection(ASK_SSL, ending="reset", by=C, after=0.5), "closed", set()),
        (connection(ASK_SSL, ending="closed", by=C, after=9.0), "silent", {"X224_SILENT"}),
        (connection(ASK_SSL, server("0300"), ending="closed", by=C, after=9.0), "silent", {"X224_MALFORMED"}),
        (connection(ASK_SSL, server("0300"), ending="closed", by=C, after=1.0), "closed", set()),
        (connection(ASK_SSL, ending="timed_out"), "silent", {"X224_SILENT"}),
        (connection(ASK_SSL, server("0300"), ending="timed_out"), "silent", {"X224_MALFORMED"}),
        (connection(ASK_SSL, server("0300"), ending="timed_out", gaps=True), "silent", set()),
        (connection(ASK_SSL, ending="closed", by=C, after=9.0, one_sided=C), "closed", set()),
        (connection(ASK_SSL), "silent", set()),
        (connection(ASK_SSL, server("0300001302"), ending="closed", by=S), "closed", {"X224_MALFORMED"}),
        (connection(ASK_SSL, server("0300001302"), ending="closed", by=S, truncated=True), "closed", set()),
        (connection(ASK_SSL, server("0300000b068000001234c5")), "closed", {"X224_DISCONNECTED"}),
        (connection(ASK_SSL, NEEDS_NLA), "rdp", {"NLA_REQUIRED"}),
    ],
)
def test_what_became_of_it(made: Connection, status: str, found: set[str]) -> None:
    result = told(made)
    assert (result.status, codes(result)) == (status, found)


def test_how_long_nothing_came_is_told() -> None:
    result = told(connection(ASK_SSL, ending="closed", by=C, after=9.0))
    assert result.capture is not None
    assert result.capture.waited_s == 9.0
    assert "9.0 s" in result.diagnoses[0].evidence[0]
    assert told(connection(ASK_SSL, NEEDS_NLA, ending="closed", by=C)).capture.waited_s is None  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("made", "service", "banner"),
    [
        (connection(client("474554"), (S, b"HTTP/1.1 400 Bad Request\r\n\r\n")), "http", "HTTP/1.1 400 Bad Request"),
        (connection(ASK_SSL, (S, b"SSH-2.0-OpenSSH_9\r\n")), "ssh", "SSH-2.0-OpenSSH_9"),
        (connection((S, b"\xde\xad")), "unknown", "\\xde\\xad"),
        (connection(HELLO, (S, alert(40)), ending="closed", by=S), "tls", None),
        (connection(S7_REQUEST, S7_CONFIRM, S7_DATA), "iso-tsap", None),
        (connection(BARE_REQUEST, BARE_CONFIRM, NO_MCS), "iso-tsap", None),
        (connection(BARE_REQUEST, BARE_CONFIRM, INITIAL, (S, b"hello")), "iso-tsap", None),
    ],
)
def test_what_is_not_rdp_is_named(made: Connection, service: str, banner: str | None) -> None:
    result = told(made)
    assert (result.status, result.service, result.banner) == ("not_rdp", service, banner)
    assert codes(result) == {"NOT_RDP"}


@pytest.mark.parametrize(
    "made",
    [
        connection((S, b"\xde\xad"), syn=False, syn_ack=False),
        connection((C, INSIDE), (S, INSIDE), syn=False, syn_ack=False),
        connection(HELLO, FLIGHT, syn=False, syn_ack=False),
        connection(BARE_REQUEST, BARE_CONFIRM),
        connection(BARE_REQUEST, BARE_CONFIRM, INITIAL, (S, b"hello"), gaps=True),
        connection((C, vector("x224_request_cookie_microsoft")), BARE_CONFIRM, NO_MCS),
    ],
)
def test_what_may_be_rdp_is_not_called_another_service(made: Connection) -> None:
    result = told(made)
    assert result.status != "not_rdp"
    assert "NOT_RDP" not in codes(result)


def test_a_server_whose_first_bytes_are_missing_is_not_named() -> None:
    made = connection(ASK_SSL, (S, b"SSH-2.0-x\r\n"))
    made.pieces[1] = made.pieces[1]._replace(missing=7)
    assert told(made).status != "not_rdp"


def test_only_what_was_seen_selected_or_refused_is_told_of_tls() -> None:
    made = told(connection(*SECURED))
    assert made.tls is not None
    assert made.tls.versions.keys() == {"TLSv1.2"}
    assert made.tls.handshake is not None
    assert (made.tls.handshake.version, made.tls.handshake.complete) == ("TLSv1.2", True)
    assert made.asked == ["negotiation.protocols.HYBRID_EX", "tls.versions.TLSv1.2", "certificates"]
    assert made.credssp is None
    assert made.clients == []
    assert made.negotiation is not None
    assert made.negotiation.protocols["SSL"].selected == "HYBRID_EX"
    assert made.negotiation.protocols["RDP"].reason == "not asked"
    assert len(made.certificates) == 1


def test_a_name_is_compared_only_where_the_client_asked_for_one() -> None:
    plain = told(connection(ASKS_HYBRID, GIVES_HYBRID_EX, (C, vector("tls12_client_hello")), FLIGHT))
    named = told(connection(*UNTIL_FLIGHT))
    other = told(connection(*UNTIL_FLIGHT), settings=Settings(depth="discover", server_name="srv1.example"))
    assert plain.certificates[0].name_match is None
    assert plain.target.server_name is None
    assert named.certificates[0].name_match is True
    assert named.target.server_name is not None
    assert other.certificates[0].name_match is False
    assert "CERT_NAME_MISMATCH" in codes(other)


def test_the_versions_of_a_client_that_is_turned_away_are_refused() -> None:
    result = told(connection(*UNTIL_HELLO, ALERT_70, ending="reset", by=S))
    assert result.tls is not None
    assert {verdict.reason for verdict in result.tls.versions.values()} == {"alert protocol_version"}
    assert "TLSv1.2" in result.tls.versions
    assert "TLS_NO_COMMON_VERSION" in codes(result)
    alone = told(connection(GIVES_HYBRID_EX, ALERT_70, one_sided=S))
    assert "TLS_NO_COMMON_VERSION" not in codes(alone)


@pytest.mark.parametrize(
    ("made", "aborted"),
    [
        (connection(*UNTIL_HELLO, (S, alert(40)), ending="closed", by=S), True),
        (connection(*UNTIL_HELLO, (S, alert(80)), ending="closed", by=S), True),
        (connection(*UNTIL_HELLO, server("0300000902f0802180"), ending="closed", by=S), True),
        (connection(*UNTIL_HELLO, ending="closed", by=S), True),
        (connection(*UNTIL_HELLO, ending="reset", by=S), True),
        (connection(*UNTIL_HELLO, ending="closed", by=C, after=8.0), True),
        (connection(*UNTIL_HELLO, ending="timed_out"), True),
        (connection(*UNTIL_HELLO, ending="closed", by=C), False),
        (connection(*UNTIL_HELLO), False),
        (connection(ASKS_HYBRID, GIVES_HYBRID_EX, ending="closed", by=S), False),
        (connection(*UNTIL_HELLO, ending="closed", by=S, one_sided=C), False),
        (connection(*UNTIL_FLIGHT, ending="closed", by=S), False),
    ],
)
def test_a_hello_is_answered_by_none_of_the_server(made: Connection, *, aborted: bool) -> None:
    assert ("TLS_HANDSHAKE_ABORTED" in codes(told(made))) is aborted


def test_without_its_request_nothing_is_said_of_what_was_asked() -> None:
    result = told(connection(GIVES_HYBRID_EX, FLIGHT, syn=False, one_sided=S))
    assert result.negotiation is not None
    assert result.negotiation.attempts[0].requested == []
    assert codes(result).isdisjoint({"UNOFFERED_PROTOCOL_SELECTED", "NEGOTIATION_ALTERED"})
    assert result.capture is not None
    assert "only the server's side was captured" in result.capture.unknown


@pytest.mark.parametrize(
    ("made", "asked"),
    [
        (connection(ASKS_HYBRID), "SSL+HYBRID+HYBRID_EX"),
        (connection(*UNTIL_HELLO), "SSL+HYBRID+HYBRID_EX, then its own ClientHello"),
        (connection(HELLO), "TLS without X.224, then its own ClientHello"),
        (connection(BARE_REQUEST, BARE_CONFIRM), "a request without RDP_NEG_REQ"),
        (
            connection(ASK_RDP, SELECTS_RDP, INITIAL),
            "RDP, then basic settings with 40BIT+128BIT+56BIT+FIPS",
        ),
        (
            connection(ASK_SSL, SELECTS_RDP, (C, INITIAL[1].replace(b"\x02\xc0\x0c\0\x1b", b"\x02\xc0\x0c\0\0"))),
            "SSL, then basic settings with no method",
        ),
        (connection(GIVES_HYBRID_EX, syn=False, one_sided=S), "no RDP request that this capture shows"),
    ],
)
def test_what_was_asked_is_what_the_client_was_seen_to_ask(made: Connection, asked: str) -> None:
    result = told(made, settings=Settings(depth="discover"))
    assert [each.asked for each in result.attempts] == [asked]


@pytest.mark.parametrize(
    ("made", "status"),
    [
        (connection(ASKS_HYBRID, HELLO, one_sided=C, syn_ack=False), "rdp"),
        (connection(ASKS_HYBRID, one_sided=C, syn_ack=False), "silent"),
        (connection(ASKS_HYBRID, HELLO, ending="timed_out"), "silent"),
    ],
)
def test_a_client_that_goes_on_with_tls_was_answered_where_the_answer_may_be_missing(
    made: Connection, status: str
) -> None:
    assert told(made).status == status


SERVER_HELLO = (S, FLIGHT[1][: 5 + int.from_bytes(FLIGHT[1][3:5], "big")])


@pytest.mark.parametrize(
    ("said", "complete"),
    [
        ((FLIGHT, FINISHED), True),
        ((FLIGHT,), False),
        ((SERVER_HELLO, FINISHED), False),  # a session that is continued: the server's Finished is not the last word
    ],
)
def test_the_servers_own_side_proves_the_end_of_a_handshake(said: tuple[Said, ...], *, complete: bool) -> None:
    result = told(connection(GIVES_HYBRID_EX, *said, syn=False, one_sided=S))
    assert result.tls is not None
    assert result.tls.handshake is not None
    assert result.tls.handshake.complete is complete


def test_from_the_middle_on_it_is_standard_rdp_all_the_same() -> None:
    result = told(connection(INITIAL, SETTINGS, syn=False, syn_ack=False))
    assert result.status == "rdp"
    assert result.standard_rdp is not None
    assert result.standard_rdp.encryption_level is not None
    assert result.negotiation is not None
    assert result.negotiation.attempts == []
    assert result.capture is not None
    assert result.capture.unknown[0] == "the capture begins mid-stream"


def test_rdp_in_the_place_of_what_was_asked_for_is_standard_rdp() -> None:
    asks_both = client("030000130ee000000000000100080003000000")
    result = told(connection(asks_both, SELECTS_RDP, INITIAL, SETTINGS))
    assert result.standard_rdp is not None
    assert {"STANDARD_RDP_ONLY", "STANDARD_RDP_WEAK"} <= codes(result)


def test_neither_side_negotiates() -> None:
    result = told(connection(BARE_REQUEST, BARE_CONFIRM, INITIAL, SETTINGS))
    [found] = [each for each in result.diagnoses if each.code == "NEGOTIATION_UNSUPPORTED"]
    assert found.causes[0].startswith("The client is as old")
    assert "neither" in found.evidence[0]


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (connection(*SECURED), "encrypted from frame 8 on (TLSv1.2): what is inside TLS"),
        (
            connection(ASKS_HYBRID, GIVES_HYBRID_EX, NEW_HELLO, NEW_FLIGHT, (S, INSIDE)),
            "encrypted from frame 8 on (TLSv1.3): the certificate and what is inside TLS",
        ),
        (
            connection(ASKS_HYBRID, HELLO, KEYS, (C, INSIDE), one_sided=C),
            "encrypted from frame 6 on: what is inside TLS",
        ),
        (connection(ASK_SSL), "the capture ends while the connection is open"),
        (connection(ASK_SSL, truncated=True), "packets were cut when they were captured"),
        (connection(ASK_SSL, one_sided=C), "only the client's side was captured"),
        (connection(ASK_SSL, started=0.0), "the capture has no clock: it begins in 1970"),
    ],
)
def test_what_cannot_be_shown_is_told_with_its_reason(made: Connection, reason: str) -> None:
    capture = told(made).capture
    assert capture is not None
    assert reason in capture.unknown


def test_missing_bytes_are_told_where_they_are_few() -> None:
    made = connection(*SECURED, *[(S, INSIDE)] * 5)
    made.pieces[-5:] = [piece._replace(missing=7) for piece in made.pieces[-5:]]
    capture = told(made).capture
    assert capture is not None
    told_of = [words for words in capture.unknown if "missing" in words]
    assert told_of[0] == "7 bytes of the server are missing before frame 10"
    assert told_of[-1] == "bytes are missing in 5 places"
    assert len(told_of) == 4


def test_missing_bytes_that_nothing_follows_are_told() -> None:
    made = connection(ASK_SSL)
    made.gaps, made.missing_at_end = True, (0, 19)
    capture = told(made).capture
    assert capture is not None
    assert "19 bytes of the server are missing at the end" in capture.unknown


def test_a_connection_without_a_byte_may_begin_mid_stream() -> None:
    capture = told(connection(syn=False, syn_ack=False)).capture
    assert capture is not None
    assert capture.unknown[0] == "the capture begins mid-stream"


def test_a_connection_that_was_read_to_its_end_lacks_nothing() -> None:
    capture = told(connection(ASK_SSL, NEEDS_NLA, ending="closed", by=S)).capture
    assert capture is not None
    assert capture.unknown == []


def test_times_without_a_clock_judge_no_certificate() -> None:
    made = connection(*SECURED)
    assert told(made).certificates[0].days_left is not None
    for piece in range(len(made.pieces)):
        made.pieces[piece] = made.pieces[piece]._replace(at=float(piece))
    made.started, made.ended = 0.0, 9.0
    result = told(made)
    assert result.certificates[0].days_left is None
    assert codes(result).isdisjoint({"CERT_EXPIRED", "CERT_NOT_YET_VALID", "CERT_EXPIRES_SOON"})
    later = replace(made, started=1e15, ended=1e15)
    assert told(later).started.startswith("9999")


def test_what_the_client_said_and_where_stands_in_the_capture() -> None:
    result = told(connection(*SECURED, (C, INSIDE), ending="reset", by=C))
    capture = result.capture
    assert capture is not None
    assert capture.client_side is not None
    assert capture.client_side.requested == ["SSL", "HYBRID", "HYBRID_EX"]
    assert capture.encrypted_from == 8
    assert (capture.ended_by, capture.ending) == ("client", "reset")
    assert set(capture.packets) >= {4, 5, 6, 7}
    assert told(connection()).capture.client_side is None  # type: ignore[union-attr]


MESSAGES = (*SECURED, ASK_RDP, NEEDS_NLA, SELECTS_RDP, INITIAL, SETTINGS, BARE_REQUEST, BARE_CONFIRM, S7_CONFIRM)
MORE = (NEW_HELLO, NEW_FLIGHT, ALERT_70, KEYS)


def test_a_hello_of_ours_is_told_as_any_other_on_its_connection() -> None:
    hello = (C, client_hello(usual_offer(TLS12), bytes, None))
    result = told(connection(ASKS_HYBRID, GIVES_HYBRID_EX, hello, FLIGHT))
    assert result.tls is not None
    assert result.tls.handshake is not None
    assert (result.tls.handshake.version, result.tls.handshake.complete) == ("TLSv1.2", False)
    assert [chain.served_to for chain in result.certificates] == [["TLSv1.2"]]


def test_tls_without_x224_is_told_beside_it() -> None:
    result = told(connection(HELLO, FLIGHT))
    assert (result.status, result.service) == ("not_rdp", "tls")
    assert result.asked == ["negotiation.direct_tls"]


def test_a_key_log_that_does_not_fit_is_a_reason() -> None:
    secrets = KeyLog()
    random = HELLO[1][11:43].hex()
    secrets.take(f"CLIENT_RANDOM {random} {'00' * 48}".encode())
    capture = told(connection(*SECURED, (C, INSIDE), (S, INSIDE)), secrets).capture
    assert capture is not None
    assert not capture.decrypted
    assert any(words.startswith("the key log does not open it: ") for words in capture.unknown)


def test_what_a_key_log_opened_is_told() -> None:
    audit = recorded("windows-nla", Settings(depth="discover"), Limits(per_host=1))
    settings = Settings(depth="discover", keep_attempts=False)
    results = [captured(each, "x.pcap", settings, audit.secrets) for each in audit.connections]
    assert audit.result.credssp is not None
    [result] = [each for each in results if each.credssp is not None]
    assert result.credssp is not None
    assert result.credssp.version == audit.result.credssp.version
    assert result.asked is not None
    assert "credssp" in result.asked
    assert result.credssp.ntlm is not None
    assert result.credssp.ntlm.clock_skew_s is not None
    without_clock(result)
    assert result.credssp.ntlm.clock_skew_s is None


BYTES = st.one_of(st.binary(min_size=1, max_size=60), st.sampled_from([data for _, data in (*MESSAGES, *MORE)]))
PIECES = st.lists(
    st.builds(
        Piece,
        side=st.sampled_from(Side),
        data=BYTES,
        at=st.floats(0, 2e9),
        packet=st.integers(1, 99),
        missing=st.sampled_from((0, 0, 0, 7)),
    ),
    max_size=8,
)
ANY = st.builds(
    lambda pieces, **fields: replace(
        connection(ending=fields.pop("ending")),
        pieces=pieces,
        sent=sum(len(piece.data) for piece in pieces if piece.side is C),
        received=sum(len(piece.data) for piece in pieces if piece.side is S),
        **fields,
    ),
    PIECES,
    ending=st.sampled_from(get_args(HowItEnded)),
    ended_by=st.sampled_from((None, C, S)),
    ended_packet=st.sampled_from((None, 9)),
    syn=st.booleans(),
    syn_ack=st.booleans(),
    gaps=st.booleans(),
    truncated=st.booleans(),
    one_sided=st.sampled_from((None, None, C, S)),
    started=st.floats(-1e9, 1e12),
    ended=st.floats(-1e9, 1e12),
)


@given(ANY)
def test_any_connection_has_a_result_and_diagnoses(made: Connection) -> None:
    result = told(made)
    assert from_json(to_json(result)) == result
    assert result.asked is not None
    assert result.clients == []
    assert codes(result).isdisjoint({"NLA_NOT_ENFORCED", "TLS_MODERN_ONLY", "CERT_VARIES", "INTERMITTENT"})


def test_the_schema_knows_what_a_capture_holds() -> None:
    definitions = json_schema()["$defs"]
    assert isinstance(definitions, dict)
    assert {"streams", "reached", "waited_s"} <= definitions["Capture"]["properties"].keys()
    result = msgspec.to_builtins(told(connection(*SECURED)))
    assert result["capture"]["reached"] == "secured"
