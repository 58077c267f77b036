"""What a capture shows of a client that ended its connection: each rule with what it needs, and what is nearly that."""

from __future__ import annotations

import pytest

from probe.diagnosis.catalogue_client import (
    CLIENT_BROKEN,
    HANDSHAKE_BROKEN,
    NOT_TRUSTED,
    OUT_OF_TIME,
    REVOKED,
    SERVER_TOO_OLD,
    UNSUITED,
)
from probe.diagnosis.diagnosing import told
from probe.diagnosis.rule import Cause
from probe.result import CertificateChain, ClientSide, Registered, Result, TlsHandshake
from tests.diagnosis.results import ACCEPTED, captured, codes, the, tls

CERTIFICATE, OTHER, LEFT = "CLIENT_REJECTED_CERTIFICATE", "CLIENT_REJECTED_TLS", "CLIENT_LEFT_AFTER_CERTIFICATE"

HIDDEN = "encrypted from frame 8 on (TLSv1.3): the certificate and what is inside TLS"


def ended(alert: str | None = None, *, reached: str = "certificate", by: str = "client", **fields: object) -> Result:
    """A connection of a capture that one side ended, and the alert that the client sent."""
    described = tls(ACCEPTED)
    assert described.tls is not None
    described.tls.handshake = TlsHandshake(
        version="TLSv1.0",
        cipher_suite=Registered(code="0xc014", name="TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"),
        complete=False,
        over="SSL",
    )
    fields = {"ending": "closed", "ended_packet": 9, **fields}
    return captured(described, ClientSide(alert=alert), reached=reached, ended_by=by, **fields)


def clients(described: Result) -> set[str]:
    return {CERTIFICATE, OTHER, LEFT} & set(codes(described))


@pytest.mark.parametrize(
    ("alert", "cause"),
    [
        ("unknown_ca", NOT_TRUSTED),
        ("certificate_unknown", NOT_TRUSTED),
        ("bad_certificate", UNSUITED),
        ("access_denied", UNSUITED),
        ("certificate_expired", OUT_OF_TIME),
        ("certificate_revoked", REVOKED),
    ],
)
def test_an_alert_on_the_certificate_names_it(alert: str, cause: Cause) -> None:
    described = ended(alert)
    assert clients(described) == {CERTIFICATE}
    found = the(CERTIFICATE, described)
    assert (found.severity, found.causes[0]) == ("breaks_some", told(cause))
    assert alert in found.summary
    assert found.evidence == [f"the client sent the TLS alert {alert}, and the connection ended in frame 9"]


@pytest.mark.parametrize(
    ("alert", "cause"),
    [
        ("protocol_version", SERVER_TOO_OLD),
        ("handshake_failure", SERVER_TOO_OLD),
        ("decrypt_error", HANDSHAKE_BROKEN),
        ("internal_error", CLIENT_BROKEN),
    ],
)
def test_another_alert_is_about_tls(alert: str, cause: Cause) -> None:
    described = ended(alert, reached="server_hello", ended_packet=None)
    assert clients(described) == {OTHER}
    found = the(OTHER, described)
    assert found.causes[0] == told(cause)
    assert found.evidence == [
        f"the client sent the TLS alert {alert}",
        "the server had selected TLSv1.0, TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    ]


def test_a_client_that_was_shown_none_does_not_go_with_it() -> None:
    inside = "encrypted from frame 8 on (TLSv1.2): what is inside TLS"
    assert not clients(ended(reached="secured", unknown=[inside]))
    shown = ended(reached="secured", unknown=[inside])
    shown.certificates = [CertificateChain(chain=[])]
    assert clients(shown) == {LEFT}


def test_what_was_selected_is_told_only_where_it_was_seen() -> None:
    described = ended("handshake_failure", reached="client_hello")
    assert described.tls is not None
    described.tls.handshake = None
    assert len(the(OTHER, described).evidence) == 1
    described.tls = None
    assert len(the(OTHER, described).evidence) == 1


@pytest.mark.parametrize(
    ("described", "evidence"),
    [
        (ended(), "the client closed the connection after the server's certificate, in frame 9"),
        (ended(ending="reset"), "the client reset the connection after the server's certificate, in frame 9"),
        (
            ended(reached="secured", ended_packet=None, unknown=[HIDDEN]),
            "the client closed the connection after the TLS handshake, and said nothing in it",
        ),
        (
            ended(reached="secured", ending="reset", unknown=[HIDDEN]),
            "the client reset the connection after the TLS handshake, and said nothing in it, in frame 9",
        ),
    ],
)
def test_a_client_that_goes_with_the_certificate_says_nothing_of_why(described: Result, evidence: str) -> None:
    assert clients(described) == {LEFT}
    assert the(LEFT, described).severity == "info"
    assert the(LEFT, described).evidence == [evidence]


def test_close_notify_is_no_reason() -> None:
    found = the(LEFT, ended("close_notify"))
    assert found.evidence[1] == "the client sent the TLS alert close_notify"
    assert clients(ended("user_canceled")) == {LEFT}


@pytest.mark.parametrize(
    "described",
    [
        ended(by="server"),
        ended(reached="inside"),
        ended(reached="server_hello"),
        ended(gaps=True),
        ended(truncated=True),
        ended(one_sided="client"),
        ended("unknown_ca", reached="inside"),
        ended("internal_error", reached="secured", by="server"),
        ended("unknown_ca", streams=[1, 2]),
        ended(streams=[1, 2]),
        tls(ACCEPTED),
        captured(tls(ACCEPTED)),
    ],
)
def test_what_does_not_show_it_says_nothing(described: Result) -> None:
    assert clients(described) == set()


def test_without_a_client_that_could_be_read_it_can_still_have_left() -> None:
    described = captured(tls(ACCEPTED), reached="certificate", ended_by="client", ending="closed")
    assert clients(described) == {LEFT}
