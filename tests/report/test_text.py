from __future__ import annotations

import io
import unicodedata
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from probe.report.sentences import verdict
from probe.report.text import console, render, verdict_line
from probe.report.text_certificate import days
from probe.result import (
    Certificate,
    CertificateChain,
    Client,
    CredSsp,
    Diagnosis,
    Gateway,
    Key,
    MethodAttempt,
    Negotiation,
    NegotiationAttempt,
    Ntlm,
    Registered,
    Result,
    StandardCertificate,
    StandardRdp,
    Status,
    Tls,
    TlsHandshake,
    Trust,
    Udp,
    Verdict,
)
from tests.golden import results as golden
from tests.golden.__main__ import HERE, report

HOSTILE = "\x1b[31m\r\n[bold]x[/bold]\u202e\x9b\u200b\ud800"


def shown(result: Result, verbosity: int = 0, width: int = 80) -> str:
    stream = io.StringIO()
    render(result, Console(file=stream, width=width, force_terminal=True, color_system=None), verbosity)
    return stream.getvalue()


def piped(result: Result, verbosity: int = 0) -> str:
    stream = io.StringIO()
    render(result, console(stream), verbosity)
    return stream.getvalue()


def assert_harmless(text: str) -> None:
    for character in text.replace("\n", ""):
        assert unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}, repr(character)


@pytest.mark.parametrize("name", golden.GOLDEN)
def test_whole_reports_are_as_they_were_read_and_approved(name: str) -> None:
    assert report(name) == (HERE / f"{name}.txt").read_text(encoding="utf-8")


def test_no_golden_report_is_left_over() -> None:
    assert {path.stem for path in HERE.glob("*.txt")} == set(golden.GOLDEN)


@pytest.mark.parametrize("name", golden.GOLDEN)
@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_every_line_fits_the_width(name: str, width: int) -> None:
    make, verbosity = golden.GOLDEN[name]
    lines = shown(make(), verbosity, width).splitlines()
    if width >= 60:
        assert max(cell_len(line) for line in lines) <= min(width, 100)
    assert not any(line != line.rstrip() for line in lines)


@pytest.mark.parametrize("status", get_args(Status))
def test_each_status_has_a_verdict_and_what_is_not_rdp_a_next_step(status: Status) -> None:
    result = golden.result(status)
    text = shown(result)
    assert verdict(result).endswith((".", "?"))
    assert verdict(result) in " ".join(text.split())
    assert ("  Next " in text) == (status != "rdp")
    assert ("  Likely " in text) == (status != "rdp")


@pytest.mark.parametrize(
    ("accepted", "nla", "sentence"),
    [
        (("HYBRID",), "required", "RDP is served and NLA is required."),
        (("HYBRID", "SSL"), "offered", "RDP is served; NLA is offered but not required."),
        (("SSL", "RDP"), "unsupported", "RDP is served without NLA: over TLS, and with Standard RDP Security."),
        (("SSL",), "unsupported", "RDP is served over TLS, without NLA."),
        (("SSL",), "unknown", "RDP is served over TLS, without NLA; the rest is unknown."),
        (("RDP",), "unsupported", "RDP is served with Standard RDP Security only: no TLS, no NLA."),
        ((), "unknown", "RDP answers, and turns every security protocol away. No client can connect."),
    ],
)
def test_a_healthy_verdict_says_how_rdp_is_served(accepted: tuple[str, ...], nla: str, sentence: str) -> None:
    result = golden.result()
    refused = Verdict(state="rejected", failure="SSL_REQUIRED_BY_SERVER")
    result.negotiation = Negotiation(protocols=golden.protocols(accepted, refused), nla=nla)  # type: ignore[arg-type]
    assert verdict(result) == sentence


def test_a_broken_server_is_broken_without_a_diagnosis_too() -> None:
    result = golden.tls_aborted()
    result.diagnoses = []
    assert verdict(result) == "TLS is agreed on, then every handshake dies. No client can connect."
    text = shown(result)
    assert "negotiation: SSL selected > ClientHello sent >" in text
    assert "connection reset (4 of 4, TLS 1.0 to 1.3)" in text


def test_different_ends_of_hellos_are_counted_apart() -> None:
    result = golden.tls_aborted()
    assert result.tls is not None
    result.tls.versions["TLSv1.0"] = Verdict(state="rejected", reason="alert internal_error")
    text = " ".join(shown(result).split())
    assert "connection reset (3 of 4, TLS 1.0 to 1.3), alert internal_error (1 of 4, TLS 1.0 to 1.3)" in text


def test_tls_that_dies_beside_standard_rdp_is_not_called_broken() -> None:
    result = golden.tls_aborted()
    result.diagnoses = []
    assert result.negotiation is not None
    result.negotiation.protocols["RDP"] = golden.ACCEPTED
    assert "No client can connect" not in verdict(result)


def test_a_server_without_a_certificate_says_so() -> None:
    result = golden.result()
    missing = Verdict(state="rejected", failure="SSL_CERT_NOT_ON_SERVER")
    result.negotiation = Negotiation(protocols=golden.protocols((), missing))
    assert verdict(result) == "The server says that it has no certificate for TLS. No client can connect."
    assert "negotiation: SSL_CERT_NOT_ON_SERVER (6 of 6)" in shown(result)


def test_credssp_that_dies_is_the_end_of_the_path() -> None:
    result = golden.windows_nla()
    result.credssp = CredSsp(ending="reset")
    result.diagnoses = [Diagnosis(code="CREDSSP_ABORTED", severity="blocker", summary="CredSSP dies")]
    text = shown(result)
    assert "TLS ok > CredSSP request sent > connection reset" in " ".join(text.split())
    assert "no usable answer: connection reset" in text
    result.clients = [Client(client="a", connects=False), Client(client="b", connects=None)]
    assert verdict(result) == "CredSSP dies. 1 of 2 known clients cannot connect, one is unknown."


def test_an_answer_that_is_not_rdp_is_named() -> None:
    result = golden.result("closed")
    result.negotiation = Negotiation(
        attempts=[NegotiationAttempt(requested=["SSL"], elapsed_ms=1.0, answer="disconnect request")]
    )
    assert "answers an RDP request only with this: disconnect request." in verdict(result)
    assert "X.224 request sent > disconnect request" in shown(result)


def test_the_diagnosis_knows_better_than_the_status() -> None:
    result = golden.refused()
    result.diagnoses = [
        Diagnosis(code="TCP_REFUSED", severity="blocker", summary="s", causes=["one", "two"], remedies=["do this"])
    ]
    text = shown(result)
    assert "Likely  One\n" in text
    assert "Next    Do this\n" in text
    assert "TCP_REFUSED" in text
    assert "two" not in text
    assert "two" in shown(result, 1)


def test_diagnoses_stand_by_severity_and_remedies_without_those_of_information() -> None:
    result = golden.windows_nla()
    result.diagnoses[0].remedies = ["nothing to do"]
    text = shown(result)
    assert text.index("TLS_MODERN_ONLY") < text.index("CERT_EXPIRES_SOON") < text.index("CERT_SELF_SIGNED")
    assert "nothing to do" not in text
    assert "is its own issuer" not in text
    assert "is its own issuer" in shown(result, 1)


def test_the_same_remedy_is_given_once_and_not_more_than_six() -> None:
    result = golden.windows_nla()
    result.diagnoses = [
        Diagnosis(code=f"C{number}", severity="risk", summary="s", remedies=[f"remedy {number // 2}"])
        for number in range(20)
    ]
    text = shown(result)
    assert text.count("remedy 0") == 1
    assert "  6. remedy 5" in text
    assert "remedy 6" not in text
    assert "remedy 9" in shown(result, 1)


def test_where_nobody_connects_what_is_merely_unsafe_waits() -> None:
    result = golden.windows_nla()
    result.diagnoses = [
        Diagnosis(code="DEAD", severity="blocker", summary="s", remedies=["mend 1", "mend 2", "mend 3", "mend 4"]),
        Diagnosis(code="UNSAFE", severity="risk", summary="s", remedies=["use a VPN"]),
    ]
    text = shown(result)
    assert "mend 3" in text
    assert "mend 4" not in text
    assert "UNSAFE" in text
    assert "use a VPN" not in text
    assert "use a VPN" in shown(result, 1)


def test_what_limits_the_verdict_is_said_once() -> None:
    result = golden.windows_nla()
    result.lost, result.limited, result.intermittent = "HYBRID", "the deadline of 5 s passed", ["SSL: reset, complete"]
    assert result.negotiation is not None
    result.negotiation.altered_request = "asked for SSL, the server saw RDP"
    text = shown(result)
    for words in ("stopped answering", "Not everything was asked: the deadline", "Not steady", "was altered"):
        assert words in text
    result.diagnoses = [
        Diagnosis(code=code, severity="risk", summary="s")
        for code in ("SERVER_LOST", "INTERMITTENT", "NEGOTIATION_ALTERED")
    ]
    text = shown(result)
    for words in ("stopped answering", "Not steady", "was altered"):
        assert words not in text


def test_attempts_come_with_v_and_messages_with_vv() -> None:
    result = golden.windows_nla_attempts()
    assert "Attempts" not in shown(result)
    assert "awaited: the server's ServerHello" in shown(result, 1)
    assert "0300 0013" not in shown(result, 1)
    assert "0300 0013" in shown(result, 2)


@pytest.mark.parametrize(
    ("verbosity", "more"),
    [
        (0, "More: -v every attempt · -vv every message · --json"),
        (1, "More: -vv every message · --json"),
        (2, "More: --json"),
    ],
)
def test_the_last_line_names_what_else_can_be_asked_for(verbosity: int, more: str) -> None:
    assert shown(golden.ssh(), verbosity).splitlines()[-1] == more


@pytest.mark.parametrize(
    ("given", "port", "target"),
    [
        ("srv1.example", 3389, "srv1.example"),
        ("srv1.example", 3390, "srv1.example:3390"),
        ("srv1.example:3390", 3390, "srv1.example:3390"),
        ("2001:db8::1", 3389, "2001:db8::1"),
        ("2001:db8::3390", 3390, "'[2001:db8::3390]:3390'"),
        ("[2001:db8::1]:3390", 3390, "'[2001:db8::1]:3390'"),
        ("$(reboot)", 3389, "'$(reboot)'"),
    ],
)
def test_the_last_line_ends_with_the_command_that_proves_it(given: str, port: int, target: str) -> None:
    result = golden.windows_nla()
    result.target.input, result.target.port = given, port
    command = f"rdp-probe verify {target} --policy strict"
    for width in (60, 80, 100):
        assert shown(result, width=width).splitlines()[-1].endswith(command)
        assert "--json ·" in shown(result, width=width)
    stream = io.StringIO()
    render(result, Console(file=stream), 0)
    assert stream.getvalue().splitlines()[-1].endswith(f" · --json · {command}")
    result.status = "not_rdp"
    assert "rdp-probe verify" not in shown(result)


def test_a_server_that_is_gone_is_not_to_be_verified() -> None:
    stream = io.StringIO()
    render(golden.windows_nla(), Console(file=stream), 0, is_gone=True)
    assert stream.getvalue().splitlines()[-1].endswith(" · --json")


def test_a_discovery_points_to_the_whole_audit() -> None:
    result = golden.ssh()
    result.depth = "discover"
    assert "--depth standard everything" in shown(result)


@pytest.mark.parametrize("verbosity", [0, 1, 2])
def test_text_of_the_server_is_shown_and_does_nothing(verbosity: int) -> None:
    result = golden.hostile()
    result.diagnoses[0].summary = HOSTILE
    assert result.server is not None
    result.server.release = HOSTILE
    result.server.evidence = [HOSTILE]
    result.attempts = golden.windows_nla_attempts().attempts
    result.attempts[0].asked = result.attempts[0].steps[0].what = HOSTILE
    text = shown(result, verbosity)
    assert_harmless(text)
    assert "[bold]x[/bold]" in text
    assert "\\x1b[31m\\x0d\\x0a" in text


@given(st.text(st.characters(exclude_categories=()), max_size=40))
def test_any_text_in_any_place_is_harmless(words: str) -> None:
    result = golden.hostile()
    result.target.host = result.target.input = words
    result.diagnoses[0].summary = result.diagnoses[0].code = words
    assert result.credssp is not None
    result.credssp.error = words
    result.credssp.ntlm = Ntlm(target_name=words, dns_computer=words)
    result.tls = Tls(
        versions={words: Verdict(state="rejected", reason=words)},
        handshake=TlsHandshake(version=words, cipher_suite=Registered(code=words, name=words)),
    )
    result.udp = Udp(port=3389, state="unreachable", offered=words, version=words, cause=words)
    result.gateway = Gateway(
        host=words, port=443, state="http", reason=words, schemes=[words], server=words, ntlm=Ntlm(dns_computer=words)
    )
    assert_harmless(shown(result, 2))
    assert_harmless(verdict_line(result))
    foreign = golden.result("not_rdp", words, words)
    foreign.banner = foreign.service = foreign.cause = words
    assert_harmless(shown(foreign))
    assert_harmless(verdict_line(foreign))
    assert "\n" not in verdict_line(foreign)


def test_a_terminal_is_told_nothing_in_color_alone() -> None:
    stream = io.StringIO()
    render(golden.tls_aborted(), Console(file=stream, width=80, force_terminal=True, color_system="truecolor"))
    colored = stream.getvalue()
    assert "\x1b[" in colored
    plain = shown(golden.tls_aborted())
    assert [line.rstrip() for line in Text.from_ansi(colored).plain.splitlines()] == plain.splitlines()


def test_one_line_says_whom_what_and_the_code() -> None:
    line = verdict_line(golden.tls_aborted())
    assert line == (
        "srv2.example  192.0.2.8:3389  TLS is agreed on, then every handshake dies. "
        "No client can connect.  TLS_HANDSHAKE_ABORTED"
    )
    assert verdict_line(golden.refused()).startswith("[2001:db8::7]:3389  Nothing listens")


def test_clients_that_are_not_known_are_counted_apart() -> None:
    result = golden.windows_nla()
    result.clients = [Client(client="a", connects=True), Client(client="b", connects=None)]
    assert verdict(result).endswith("1 of 2 known clients can connect, one is unknown.")


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (-3, "expired 2 days ago"),
        (-2, "expired 1 day ago"),
        (-1, "expired today"),
        (0, "expires within a day"),
        (1, "1 day left"),
        (12, "12 days left"),
    ],
)
def test_how_long_a_certificate_is_good(left: int, words: str) -> None:
    assert days(left) == words


@pytest.mark.parametrize(
    ("skew", "words"),
    [
        (-0.0, "clock agrees"),
        (0.4, "clock agrees"),
        (1.4, "clock 1.4 s ahead"),
        (-400.0, "clock 7 min behind"),
        (9e5, "clock 10 days ahead"),
    ],
)
def test_a_clock_that_differs_is_told_in_fitting_units(skew: float, words: str) -> None:
    result = golden.windows_nla()
    result.credssp = CredSsp(version=6, ntlm=Ntlm(clock_skew_s=skew))
    assert words in shown(result)


def test_a_stream_that_lacks_a_character_shows_an_escape() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    render(golden.ssh(), console(stream))
    stream.flush()
    assert b"0.14 s \\xb7 1 connection" in raw.getvalue()


def test_many_chains_are_cut_with_a_word() -> None:
    result = golden.windows_nla()
    result.certificates = [golden.certificate(f"CN=n{number}") for number in range(9)]
    text = shown(result)
    assert "served to TLS 1.2, TLS 1.3" in " ".join(text.split())
    assert "and 5 more; --json has them all" in text


@pytest.mark.parametrize("name", golden.GOLDEN)
def test_a_pipe_gets_the_same_words_unbroken(name: str) -> None:
    make, verbosity = golden.GOLDEN[name]
    text = piped(make(), verbosity)
    assert sorted(text.split()) == sorted(shown(make(), verbosity, 100).split())
    assert "\x1b" not in text
    for found in make().diagnoses:
        assert any(found.code in line for line in text.splitlines()) == (found.code in shown(make(), verbosity))


@pytest.mark.parametrize("name", golden.GOLDEN)
@pytest.mark.parametrize("columns", ["60", "90", "300"])
def test_a_pipe_is_as_wide_as_columns_says(name: str, columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    make, verbosity = golden.GOLDEN[name]
    text = piped(make(), verbosity)
    assert text == shown(make(), verbosity, int(columns))
    assert max(cell_len(line) for line in text.splitlines()) <= min(int(columns), 100)


@pytest.mark.parametrize("columns", ["", "0", "wide"])
def test_columns_that_are_no_width_break_nothing(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    unbroken = piped(golden.windows_nla())
    monkeypatch.setenv("COLUMNS", columns)
    assert piped(golden.windows_nla()) == unbroken


def test_a_pipe_can_be_searched_for_a_sentence() -> None:
    text = piped(golden.tls_aborted())
    assert "TCP ok > X.224 ok > negotiation: SSL selected > ClientHello sent > connection reset (4 of 4, TLS" in text
    assert "event 36871; no TLS version key is enabled." in text
    harmful = piped(golden.hostile(), 2)
    assert_harmless(harmful)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Verdict(state="accepted"), "Direct TLS    accepted: TLS is also served without X.224"),
        (Verdict(state="rejected", reason="clear-text disconnect"), "Direct TLS    rejected (clear-text disconnect)"),
        (Verdict(state="unknown", ending="timed_out"), "Direct TLS    unknown (no answer)"),
        (Verdict(state="unknown", reason="record of type 0x99"), "Direct TLS    unknown (record of type 0x99)"),
    ],
)
def test_direct_tls_is_told_with_its_ending(found: Verdict, words: str) -> None:
    result = golden.windows_nla()
    assert result.negotiation is not None
    result.negotiation.direct_tls = found
    assert words in shown(result)


def test_direct_tls_that_was_not_asked_for_is_not_mentioned() -> None:
    result = golden.windows_nla()
    assert result.negotiation is not None
    result.negotiation.direct_tls = Verdict(state="unknown")
    assert "Direct TLS" not in shown(result)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Verdict(state="unknown", ending="timed_out"), "unknown   no answer"),
        (Verdict(state="unknown", ending="reset"), "unknown   no answer: reset"),
        (Verdict(state="unknown", selected="SSL"), "unknown   SSL was preferred"),
        (Verdict(state="unknown"), "unknown   not asked"),
        (Verdict(state="unknown", reason="X.224 disconnect"), "unknown   X.224 disconnect"),
    ],
)
def test_a_protocol_that_is_unknown_is_told_with_its_ending(found: Verdict, words: str) -> None:
    result = golden.windows_nla()
    assert result.negotiation is not None
    result.negotiation.protocols["RDSAAD"] = found
    assert f"RDSAAD     {words}" in shown(result)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        (StandardRdp(), "accepted"),
        (
            StandardRdp(
                encryption_level="HIGH",
                encryption_methods=["128BIT"],
                methods_asked=[
                    MethodAttempt(offered="128BIT", method=["128BIT"], level="HIGH"),
                    MethodAttempt(offered="40BIT", ending="closed"),
                    MethodAttempt(offered="56BIT", ending="closed"),
                    MethodAttempt(offered="FIPS", ending="timed_out"),
                ],
            ),
            "level HIGH · 128BIT · 40BIT, 56BIT alone: connection closed · FIPS alone: no answer",
        ),
        (
            StandardRdp(methods_asked=[MethodAttempt(offered="128BIT", ending="reset")]),
            "no encryption method was agreed on · 128BIT alone: connection reset",
        ),
        (
            StandardRdp(
                encryption_level="NONE",
                methods_asked=[MethodAttempt(offered="128BIT", method=["NONE"], level="NONE")],
                certificate=StandardCertificate(kind="unknown"),
            ),
            "level NONE · no encryption: the server chose none · unknown certificate",
        ),
        (
            StandardRdp(certificate=StandardCertificate(kind="x509", certificates=2), rdp_version="10.8"),
            "x509 certificate, 2 in its chain · RDP 10.8",
        ),
        (
            StandardRdp(certificate=StandardCertificate(kind="proprietary", key_bits=512, signature_valid=False)),
            "proprietary certificate, RSA 512, signature not valid",
        ),
    ],
)
def test_standard_security_is_told_with_how_each_method_ended(section: StandardRdp, words: str) -> None:
    result = golden.xrdp()
    result.standard_rdp = section
    assert f"Standard RDP  RDP's own encryption, without TLS · {words}\n" in piped(result)


@pytest.mark.parametrize(
    ("chain", "words"),
    [
        (CertificateChain(chain=[]), "none served"),
        (CertificateChain(chain=[Certificate(sha256="00")]), "no subject"),
        (
            CertificateChain(chain=[Certificate(sha256="00", subject="CN=a", signature_algorithm="ed25519")]),
            "CN=a · ed25519",
        ),
        (
            CertificateChain(
                chain=[
                    Certificate(sha256="00", subject="CN=a", key=Key(type="EC", curve="secp256r1")),
                    Certificate(sha256="01", subject="CN=ca"),
                ],
                name_match=False,
                trust=Trust(verdict="chain_incomplete", store="system"),
            ),
            "CN=a · EC secp256r1 · name does not match · chain incomplete by system · chain of 2",
        ),
        (
            CertificateChain(chain=[Certificate(sha256="00", key=Key(type="Ed25519"), error="bad \x1b[1m")]),
            "no subject · Ed25519 · cannot be read: bad \\x1b[1m",
        ),
    ],
)
def test_a_certificate_is_told_as_far_as_it_is_known(chain: CertificateChain, words: str) -> None:
    result = golden.windows_nla()
    result.certificates = [chain]
    assert f"Certificate   {words}\n" in piped(result)


def test_credssp_that_was_not_settled_says_so() -> None:
    result = golden.windows_nla()
    result.credssp = CredSsp()
    assert "CredSSP       not settled\n" in piped(result)
    result.credssp = CredSsp(version=2, error="STATUS_LOGON_FAILURE", ntlm=Ntlm())
    assert "CredSSP       version 2 · error STATUS_LOGON_FAILURE\nNTLM          an empty challenge\n" in piped(result)
