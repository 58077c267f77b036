"""Small things that a report says: whose message it is, that nothing weak was found, what an attempt came to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from probe.diagnosis.wording import IDENTITY_WARNING
from probe.language import speaking
from probe.report.text import verdict_line
from probe.report.text_seen import seen
from probe.report.text_tls import is_clean
from probe.result import (
    AttemptRecord,
    CipherSuite,
    Client,
    Diagnosis,
    NegotiationAttempt,
    Step,
    Tls,
    TlsFeatures,
    Verdict,
)
from tests.golden import results as golden
from tests.report.test_text import piped, shown


def diagnosed(code: str, severity: str) -> Diagnosis:
    return Diagnosis(code=code, severity=severity, summary="something")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "codes"),
    [
        ([("A", "info"), ("B", "risk"), ("C", "breaks_some")], ["C", "B"]),
        ([("A", "risk"), ("B", "blocker"), ("C", "breaks_some")], ["B"]),
        ([(name, "risk") for name in "ABCDEF"], ["A", "B", "C", "D"]),
        ([("A", "info")], []),
    ],
)
def test_one_line_names_what_blocks_or_else_the_worst_codes(found: list[tuple[str, str]], codes: list[str]) -> None:
    result = golden.windows_nla()
    result.diagnoses = [diagnosed(code, severity) for code, severity in found]
    assert verdict_line(result).split("  ")[3:] == codes


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        ("mstsc: An internal error has occurred.", 'They see in mstsc: "An internal error has occurred."'),
        ("FreeRDP: An internal error has occurred.", None),  # FreeRDP connects
        ("An internal error has occurred.", 'They see: "An internal error has occurred."'),
        ("event log: System log: Schannel 36870", "System log: Schannel 36870"),
    ],
)
def test_a_message_stands_with_the_client_that_shows_it(stored: str, words: str | None) -> None:
    result = golden.windows_nla()
    result.clients = [
        Client(client="Windows 11 (mstsc)", connects=False, diagnosis="A"),
        Client(client="FreeRDP 3", connects=True),
    ]
    result.diagnoses = [diagnosed("A", "risk")]
    result.diagnoses[0].user_sees = [stored]
    assert (f"                {words}\n" in piped(result)) == (words is not None)
    assert piped(result).count("An internal error") == (words is not None and "An internal error" in words)


@pytest.mark.parametrize(
    ("code", "stored", "client", "words"),
    [
        ("NLA_UNSUPPORTED", "mstsc: No.", "connects", 'Clients that insist on NLA see in mstsc: "No."'),
        ("NLA_UNSUPPORTED", "No.", "connects", 'Clients that insist on NLA see: "No."'),
        ("STANDARD_RDP_ONLY", "mstsc: No.", "connects", 'Clients that insist on TLS see in mstsc: "No."'),
        ("CERT_WEAK_KEY", "mstsc: No.", "connects", None),
        ("CERT_WEAK_KEY", "mstsc: No.", "is unknown", None),
        ("CERT_WEAK_KEY", "mstsc: No.", "fails by another", None),
        ("CERT_WEAK_KEY", "mstsc: No.", "fails", 'They see in mstsc: "No."'),
        ("CERT_WEAK_KEY", "Windows App on macOS, iOS, Android: No.", "fails", None),  # of another family
        ("CERT_SELF_SIGNED", f"mstsc: {IDENTITY_WARNING}", "connects", f'They see in mstsc: "{IDENTITY_WARNING}"'),
        ("CERT_SELF_SIGNED", f"mstsc: {IDENTITY_WARNING}", "fails by another", None),
        ("STANDARD_RDP_ONLY", "rdesktop: Connection established using plain RDP.", "connects", None),
    ],
)
def test_nobody_is_said_to_see_what_who_connects_does_not(
    code: str, stored: str, client: str, words: str | None
) -> None:
    result = golden.windows_nla()
    connects = {"connects": True, "is unknown": None}.get(client, False)
    result.clients = [
        Client(
            client="Windows 11 (mstsc)",
            connects=connects,
            diagnosis=code if client == "fails" else "TLS_REQUIRED",
            protocol="SSL",
        )
    ]
    found = Diagnosis(code=code, severity="risk", summary="something", user_sees=[stored])
    assert list(seen(found, result)) == ([words] if words is not None else [])


def test_plain_rdp_is_seen_by_whoever_got_in_so() -> None:
    result = golden.windows_nla()
    result.clients = [Client(client="rdesktop 1.9", connects=True, protocol="RDP")]
    words = "Connection established using plain RDP."
    found = Diagnosis(code="STANDARD_RDP_WEAK", severity="risk", summary="s", user_sees=[f"rdesktop: {words}"])
    assert list(seen(found, result)) == [f'They see in rdesktop: "{words}"']


def test_what_blocks_everybody_is_seen_where_no_client_is_known() -> None:
    result = golden.windows_nla()
    result.clients = []
    found = Diagnosis(code="A", severity="blocker", summary="s", user_sees=["mstsc: No."])
    assert list(seen(found, result)) == ['They see in mstsc: "No."']


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ([3000.0, 3040.0, 2.0], "It answers slowly: 3.0 s to a Connection Request."),
        ([1200.0], "It answers slowly: 1.2 s to a Connection Request."),
        ([2.0, 3.0, 3000.0], None),
        ([], None),
    ],
)
def test_a_server_that_is_slow_is_said_to_be(times: list[float], words: str | None) -> None:
    result = golden.windows_nla()
    assert result.negotiation is not None
    result.negotiation.attempts = [
        *(NegotiationAttempt(requested=["SSL"], selected="SSL", elapsed_ms=each) for each in times),
        NegotiationAttempt(requested=["SSL"], ending="timed_out", elapsed_ms=5000.0),
    ]
    text = piped(result)
    assert ("answers slowly" in text) == (words is not None)
    assert words is None or words in text


def test_what_keeps_every_known_client_out_is_the_verdict() -> None:
    result = golden.windows_nla()
    result.diagnoses = [diagnosed("TLS_MODERN_ONLY", "breaks_some"), diagnosed("CONNECTION_LIMIT", "breaks_some")]
    result.diagnoses[1].summary = "The server turns the connection away."
    result.clients = [
        Client(client="a", connects=False, diagnosis="CONNECTION_LIMIT"),
        Client(client="b", connects=False, diagnosis="TLS_MODERN_ONLY"),
        Client(client="c", connects=False, diagnosis="CONNECTION_LIMIT"),
    ]
    words = "The server turns the connection away. None of the 3 known clients can connect."
    assert verdict_line(result).endswith(f"  {words}  CONNECTION_LIMIT")
    assert piped(result).count("The server turns the connection away.") == 1
    result.clients[1].connects = True
    assert "RDP is served and NLA is required. 1 of 3 known clients can connect." in verdict_line(result)


def test_what_is_stored_in_english_is_shown_in_a_chinese_report_too() -> None:
    result = golden.windows_nla()
    result.diagnoses = [diagnosed("A", "blocker")]
    result.diagnoses[0].user_sees = ["event log: System log: Schannel 36870", "mstsc: Error"]
    with speaking("zh-CN"):
        text = piped(result, 1)
    assert "  System log: Schannel 36870\n" in text
    assert "用户在 mstsc 中看到：“Error”" in text


def test_a_report_with_codes_says_where_to_read_about_them() -> None:
    result = golden.windows_nla()
    assert "More about a code: rdp-probe explain CODE · docs/diagnoses/\nMore: " in piped(result)
    result.diagnoses = []
    assert "More about a code" not in piped(result)


def clean() -> Tls:
    suite = CipherSuite(code="0x1301", name="TLS_AES_128_GCM_SHA256")
    return Tls(
        versions={"TLSv1.3": Verdict(state="accepted"), "TLSv1.0": Verdict(state="rejected", reason="closed")},
        cipher_suites={"TLSv1.3": [suite]},
        features=TlsFeatures(secure_renegotiation=True, extended_master_secret=True, compression=False),
    )


def test_nothing_weak_is_said_where_everything_was_asked_and_nothing_weak_was_found() -> None:
    result = golden.windows_full()
    words = "nothing weak was found"
    assert words not in piped(result)
    result.tls = clean()
    assert is_clean(result.tls)
    assert words in piped(result)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda tls: setattr(tls, "unsettled", ["TLSv1.2: 3 groups were neither selected nor refused"]),
        lambda tls: setattr(tls, "features", None),
        lambda tls: setattr(tls.features, "compression", True),
        lambda tls: tls.cipher_suites.clear(),
        lambda tls: tls.versions.update({"TLSv1.1": Verdict(state="unknown")}),
        lambda tls: tls.versions.update({"TLSv1.1": Verdict(state="accepted")}),
        lambda tls: tls.cipher_suites.update(
            {"TLSv1.2": [CipherSuite(code="0x0005", name="TLS_RSA_WITH_RC4_128_SHA")]}
        ),
    ],
    ids=["unsettled", "no features", "compression", "no suites", "unknown version", "old version", "weak suite"],
)
def test_nothing_weak_is_not_said_lightly(spoil: Callable[[Tls], object]) -> None:
    tls = clean()
    spoil(tls)
    assert not is_clean(tls)


def attempt(*sent: str) -> str:
    """How an attempt is named on which we sent these messages."""
    result = golden.windows_nla()
    steps = [Step(at_ms=0.1, side="client", what=what) for what in sent]
    asked = "SSL, then a complete TLS handshake"
    result.attempts = [
        AttemptRecord(
            number=1, asked=asked, ending="complete", started_ms=0.0, elapsed_ms=1.0, bytes_sent=1, bytes_received=1,
            steps=steps,
        )
    ]  # fmt: skip
    return shown(result, 1)


def test_an_attempt_tells_what_followed_and_not_what_was_planned() -> None:
    assert "  1  SSL (it went no further)" in attempt("ConnectionRequest (credit=0)", "RequestData: asks for SSL")
    whole = "  1  SSL, then a complete TLS handshake"
    assert whole in attempt("ConnectionRequest (credit=0)", "RequestData: asks for SSL", "ClientHello (version=771)")
    assert whole in attempt()  # a result that was stored without its steps


def test_when_no_client_is_left_the_verdict_says_none() -> None:
    result = golden.windows_nla()
    result.clients = [Client(client="a", connects=False), Client(client="b", connects=False)]
    assert "None of the 2 known clients can connect." in piped(result)
    result.clients.append(Client(client="c", connects=None))
    assert "2 of 3 known clients cannot connect, one is unknown." in piped(result)
