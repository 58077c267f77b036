"""Results of audits that asked only what was needed: what was seen there counts, and what was not asked does not."""

from __future__ import annotations

import pytest

from probe.diagnosis.judged import clients_of
from probe.result import (
    Registered,
    Result,
    SimulatedRequest,
    Simulation,
    Tls,
    TlsAnswer,
    TlsHandshake,
    TlsTrial,
    Verdict,
)
from tests.diagnosis.results import ACCEPTED, codes, negotiated, said, the

NOT_ASKED = Verdict(state="unknown", reason="not asked")
RC4 = Registered(code="0x0005", name="TLS_RSA_WITH_RC4_128_SHA")
RSA_AES = Registered(code="0x002f", name="TLS_RSA_WITH_AES_128_CBC_SHA")
GOOD = Registered(code="0xc030", name="TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384")
P_192 = Registered(code="0x0013", name="secp192r1")


def narrow(section: Tls, rdp: Verdict = NOT_ASKED) -> Result:
    described = negotiated(SSL=ACCEPTED, RDP=rdp, HYBRID=NOT_ASKED)
    described.tls, described.asked = section, []
    return described


def tried(*selected: Registered, version: str = "TLSv1.2", kind: str = "suites") -> TlsTrial:
    return TlsTrial(
        kind=kind,  # type: ignore[arg-type]
        version=version,
        offered=["0x0005"],
        selected=list(selected),
        state="accepted" if selected else "rejected",
    )


def test_weak_suites_that_were_tried_by_themselves() -> None:
    section = Tls(versions={"TLSv1.2": ACCEPTED}, trials=[tried(RC4), tried(RC4, GOOD, RSA_AES), tried()])
    assert the("TLS_WEAK_CIPHER", narrow(section)).evidence == [
        "TLSv1.2: TLS_RSA_WITH_RC4_128_SHA: RC4 (RFC 7465)",
        "TLSv1.2: TLS_RSA_WITH_AES_128_CBC_SHA: static RSA, no forward secrecy (RFC 9325 4.1, RFC 10015)",
    ]
    section.trials = [tried(GOOD), tried()]
    assert "TLS_WEAK_CIPHER" not in codes(narrow(section))


def test_a_weak_suite_is_told_once() -> None:
    section = Tls(
        versions={"TLSv1.2": ACCEPTED},
        trials=[tried(RC4), tried(RC4, version="TLSv1.1")],
        handshake=TlsHandshake(version="TLSv1.2", cipher_suite=RC4),
        answered={"TLSv1.1": TlsAnswer(cipher_suite=RC4)},
    )
    assert the("TLS_WEAK_CIPHER", narrow(section)).evidence == [
        "TLSv1.2: TLS_RSA_WITH_RC4_128_SHA: RC4 (RFC 7465)",
        "TLSv1.1: TLS_RSA_WITH_RC4_128_SHA: RC4 (RFC 7465)",
    ]
    section.trials = [tried(RSA_AES)]
    assert len(the("TLS_WEAK_CIPHER", narrow(section)).evidence) == 3


def test_weak_groups_that_were_tried_by_themselves() -> None:
    section = Tls(versions={"TLSv1.2": ACCEPTED}, trials=[tried(P_192, kind="groups")])
    assert the("TLS_WEAK_CIPHER", narrow(section)).evidence == ["group secp192r1: curve under 224 bits (RFC 9325 4.5)"]


def test_an_old_version_that_is_turned_away_does_not_tell_of_every_hello() -> None:
    section = Tls(versions={"TLSv1.0": said("alert handshake_failure")})
    assert "TLS_HANDSHAKE_ABORTED" not in codes(narrow(section))
    section.handshake_failure = Verdict(state="unknown", reason="not completed")
    assert "TLS_HANDSHAKE_ABORTED" not in codes(narrow(section))
    section.handshake_failure = said("reset", ending="reset")
    found = the("TLS_HANDSHAKE_ABORTED", narrow(section))
    assert [words.partition(":")[0] for words in found.evidence] == ["a complete handshake"]


@pytest.mark.parametrize(
    ("rdp", "severity"), [(NOT_ASKED, "breaks_some"), (Verdict(state="rejected"), "blocker"), (ACCEPTED, "breaks_some")]
)
def test_nothing_blocks_everybody_where_standard_rdp_security_was_not_asked_for(rdp: Verdict, severity: str) -> None:
    reset = said("reset", ending="reset")
    found = the("TLS_HANDSHAKE_ABORTED", narrow(Tls(versions={"TLSv1.3": reset, "TLSv1.2": reset}), rdp))
    assert found.severity == severity


def test_a_version_that_was_not_asked_for_is_not_missing_on_the_server() -> None:
    described = narrow(Tls(versions={"TLSv1.3": said("alert protocol_version")}))
    assert not {"TLS_NO_COMMON_VERSION", "TLS_MODERN_ONLY", "TLS_LEGACY_VERSION"} & set(codes(described))
    assert {client.connects for client in clients_of(described) if client.protocol == "SSL"} <= {None}


def test_clients_that_were_measured_are_alone_or_among_the_others_by_what_was_asked() -> None:
    described = negotiated(SSL=ACCEPTED)
    request = SimulatedRequest(requested=["SSL"], stage="negotiation", connects=False, failure="SSL_NOT_ALLOWED")
    described.simulated = [Simulation(client="freerdp2", requests=[request])]
    [only] = clients_of(described)
    assert only.measured
    described.asked = ["standard", "simulated"]
    both = clients_of(described)
    assert len(both) > 1
    assert [client for client in both if client.measured] == [only]
    assert described.clients == []
