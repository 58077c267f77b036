"""Small things that a report says: whose message it is, that nothing weak was found, what an attempt came to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from probe.language import speaking
from probe.report.text import verdict_line
from probe.report.text_tls import is_clean
from probe.result import AttemptRecord, CipherSuite, Client, Diagnosis, Step, Tls, TlsFeatures, Verdict
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
        ("An internal error has occurred.", 'They see: "An internal error has occurred."'),
        ("event log: System log: Schannel 36870", "System log: Schannel 36870"),
    ],
)
def test_a_message_stands_with_the_client_that_shows_it(stored: str, words: str) -> None:
    result = golden.windows_nla()
    result.diagnoses = [diagnosed("A", "risk")]
    result.diagnoses[0].user_sees = [stored]
    assert f"                {words}\n" in piped(result)


def test_what_is_stored_in_english_is_shown_in_a_chinese_report_too() -> None:
    result = golden.windows_nla()
    result.diagnoses = [diagnosed("A", "risk")]
    result.diagnoses[0].user_sees = ["event log: System log: Schannel 36870", "mstsc: Error"]
    with speaking("zh-CN"):
        text = piped(result, 1)
    assert "                System log: Schannel 36870\n" in text
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
    assert "0 of 3 known clients can connect, one is unknown." in piped(result)
