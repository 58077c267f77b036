"""What --simulate measured, judged from a stored result."""

from __future__ import annotations

import pytest

from probe.clients import CLIENTS
from probe.diagnosis.simulated import measured
from probe.result import (
    Certificate,
    CertificateChain,
    Client,
    DhParameters,
    Registered,
    Result,
    Server,
    SimulatedRequest,
    Simulation,
    StandardCertificate,
    StandardRdp,
    Target,
    Tls,
    Trust,
    from_json,
    to_json,
)
from tests.diagnosis.results import result

FREERDP, WIN11, XP, RDESKTOP = "freerdp2", "mstsc-win11", "mstsc-xp", "rdesktop"


def judged(key: str, *requests: SimulatedRequest, complete: bool = True, kind: str = "unknown") -> Client:
    result = Result(
        target=Target(input="srv1.example", host="srv1.example", port=3389),
        started="2026-11-21T02:00:00.000Z",
        elapsed_ms=1.0,
        depth="standard",
        connections=1,
        bytes_sent=1,
        bytes_received=1,
        status="rdp",
        server=Server(kind=kind),
        simulated=[Simulation(client=key, requests=list(requests), complete=complete)],
    )
    [client] = measured(from_json(to_json(result)))  # as it is stored
    return client


def asked(*names: str, **fields: object) -> SimulatedRequest:
    return SimulatedRequest(requested=list(names), **fields)  # type: ignore[arg-type]


def test_who_got_in_is_said_with_what_was_agreed_on() -> None:
    request = asked(
        "SSL",
        "HYBRID",
        stage="credssp",
        connects=True,
        selected="HYBRID",
        version="TLSv1.3",
        cipher_suite=Registered(code="0x1302", name="TLS_AES_256_GCM_SHA384"),
        credssp=6,
    )
    client = judged(FREERDP, request)
    assert client.measured
    assert (client.client, client.connects, client.protocol) == ("FreeRDP 2.11", True, "HYBRID")
    assert (client.version, client.cipher_suite) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384")
    assert (client.fails_at, client.diagnosis, client.hint, client.user_sees) == (None, None, None, None)
    assert client.because is not None
    assert "another TLS library" in client.because


def test_a_method_is_named_where_there_is_no_tls() -> None:
    client = judged(XP, asked(stage="encryption", connects=True, methods=["128BIT"]))
    assert (client.protocol, client.because) == ("RDP", "method 128BIT was agreed on")
    unencrypted = judged(XP, asked(stage="encryption", connects=True))
    assert unencrypted.because == "method NONE was agreed on"


@pytest.mark.parametrize(
    ("key", "request_", "stage", "code"),
    [
        (FREERDP, asked("SSL", stage="tcp", connects=False, ending="refused"), "negotiation", "TCP_REFUSED"),
        (FREERDP, asked("SSL", stage="tcp", connects=False, ending="filtered"), "negotiation", "TCP_TIMEOUT"),
        (FREERDP, asked("SSL", stage="negotiation", connects=False, reason="closed"), "negotiation", "X224_CLOSED"),
        (FREERDP, asked("SSL", stage="negotiation", connects=False, reason="reset"), "negotiation", "TCP_RESET"),
        (
            FREERDP,
            asked("SSL", stage="negotiation", connects=False, reason="disconnect"),
            "negotiation",
            "X224_DISCONNECTED",
        ),
        (
            WIN11,
            asked("SSL", stage="negotiation", connects=False, failure="SSL_CERT_NOT_ON_SERVER"),
            "negotiation",
            "TLS_CERTIFICATE_MISSING",
        ),
        (
            "ironrdp",
            asked("SSL", stage="encryption", connects=False, reason="the client has no Standard RDP Security"),
            "encryption",
            "STANDARD_RDP_ONLY",
        ),
        (
            XP,
            asked(stage="encryption", connects=False, reason="a method that was not offered", methods=["FIPS"]),
            "encryption",
            "ENCRYPTION_REFUSED",
        ),
        (XP, asked(stage="encryption", connects=False, reason="closed"), "encryption", None),
        (
            FREERDP,
            asked("RDP", selected="RDP", stage="encryption", connects=False, reason="closed"),
            "encryption",
            "ENCRYPTION_REFUSED",
        ),
        (FREERDP, asked("SSL", stage="tls", connects=False, reason="reset"), "tls", "TLS_HANDSHAKE_ABORTED"),
        (
            FREERDP,
            asked("SSL", stage="tls", connects=False, reason="alert handshake_failure"),
            "tls",
            "TLS_NO_SHARED_CIPHER",
        ),
        (FREERDP, asked("SSL", stage="tls", connects=False, reason="answered TLSv1.0"), "tls", "TLS_NO_COMMON_VERSION"),
        (
            FREERDP,
            asked("SSL", stage="tls", connects=False, reason="the client ends this version"),
            "tls",
            "TLS_NO_COMMON_VERSION",
        ),
        (
            WIN11,
            asked("HYBRID", stage="credssp", connects=False, reason="the client wants a newer version", credssp=2),
            "credssp",
            "CREDSSP_OUTDATED",
        ),
        (WIN11, asked("SSL", stage="settings", connects=False, reason="closed"), "encryption", None),
    ],
)
def test_where_a_client_fails_and_what_explains_it(
    key: str, request_: SimulatedRequest, stage: str, code: str | None
) -> None:
    client = judged(key, request_)
    assert (client.connects, client.fails_at, client.diagnosis) == (False, stage, code)
    assert client.because


def test_of_several_requests_the_one_that_got_furthest_is_told() -> None:
    first = asked("SSL", "HYBRID", stage="tls", connects=False, reason="reset", selected="SSL")
    second = asked("RDP", stage="negotiation", connects=False, failure="SSL_REQUIRED_BY_SERVER")
    client = judged(RDESKTOP, first, second)
    assert (client.fails_at, client.protocol, client.because) == ("tls", "SSL", "SSL+HYBRID: connection reset")
    assert client.user_sees == "tcp_tls_connect(), TLS handshake failed."


def test_without_a_ticket_it_is_not_known_what_a_ticket_would_do() -> None:
    first = asked("SSL", "HYBRID", stage="credssp", connects=False, reason="only a Kerberos ticket would do")
    refused = asked("SSL", stage="negotiation", connects=False, failure="HYBRID_REQUIRED_BY_SERVER")
    assert judged(RDESKTOP, first, refused).connects is None
    assert judged(RDESKTOP, first, asked("SSL", stage="settings", connects=True, selected="SSL")).connects is True


@pytest.mark.parametrize(
    ("request_", "because"),
    [
        (asked("SSL", stage="tls", connects=None, reason="timed_out"), "SSL: no answer"),
        (asked("SSL", stage="tls", connects=None, reason="malformed"), "SSL: malformed"),
        (
            asked("HYBRID", stage="credssp", connects=False, reason="NTLM was not answered"),
            "HYBRID: NTLM was not answered, and whether the user has a Kerberos ticket for it is not known",
        ),
        (
            asked("HYBRID", stage="credssp", connects=None, reason="no NTLM challenge"),
            "HYBRID: the answer to NLA's first message holds no NTLM challenge",
        ),
        (
            asked("HYBRID", stage="credssp", connects=None, reason="error STATUS_LOGON_FAILURE"),
            "HYBRID: the answer to NLA's first message holds the error STATUS_LOGON_FAILURE",
        ),
        (
            asked("SSL", stage="tls", connects=False, reason="alert protocol_version"),
            "only some of its builds have TLSv1.1, TLSv1.0; without: SSL: alert protocol_version",
        ),
        (
            asked("RDP", selected="RDP", stage="encryption", connects=None, reason=None, methods=["NONE"]),
            "nothing is encrypted, and whether it goes on without is not documented",
        ),
        (
            asked("RDP", selected="RDP", stage="encryption", connects=True, methods=["128BIT"]),
            "it was refused TLS, and whether it then asks for Standard RDP Security is not documented",
        ),
        (
            asked("SSL", stage="negotiation", connects=None, reason="selected what was not asked for"),
            "SSL: the server selected what was not asked for",
        ),
    ],
)
def test_what_settles_nothing_is_unknown(request_: SimulatedRequest, because: str) -> None:
    client = judged(WIN11, request_)
    assert (client.connects, client.because) == (None, because)
    assert (client.fails_at, client.diagnosis, client.hint) == (None, None, None)


@pytest.mark.parametrize(
    ("key", "request_", "kind", "connects"),
    [
        (FREERDP, asked(stage="encryption", connects=True, selected="RDP", methods=["128BIT"]), "xrdp", None),
        (FREERDP, asked(stage="encryption", connects=True, selected="RDP", methods=["128BIT"]), "windows", True),
        (FREERDP, asked(stage="encryption", connects=True, selected="RDP", methods=["128BIT"]), "unknown", None),
        (RDESKTOP, asked("SSL", stage="settings", connects=True, selected="SSL"), "unknown", True),
        (FREERDP, asked(stage="encryption", connects=True, selected="RDP", methods=["FIPS"]), "xrdp", True),
        (FREERDP, asked("SSL", stage="settings", connects=True, selected="SSL"), "xrdp", True),
        (RDESKTOP, asked("SSL", stage="settings", connects=True, selected="SSL"), "freerdp", None),
    ],
)
def test_what_goes_wrong_behind_all_that_can_be_measured_is_unknown(
    key: str, request_: SimulatedRequest, kind: str, connects: bool | None
) -> None:
    assert judged(key, request_, kind=kind).connects is connects


def test_what_was_cut_short_is_unknown() -> None:
    request = asked("SSL", stage="tls", connects=True)
    assert judged(WIN11, request, complete=False).connects is None
    assert judged(WIN11, complete=False).connects is None


def test_a_client_that_is_in_no_table_any_more_is_left_out() -> None:
    with pytest.raises(ValueError, match="not enough values"):
        judged("nobody")
    assert "nobody" not in CLIENTS


def test_the_reasons_of_the_audit_are_known_here() -> None:
    from probe.audit import simulation as audit
    from probe.diagnosis import simulated

    ours = (audit.NO_NTLM_CLIENT, audit.NO_STANDARD_RDP, audit.NTLM_REFUSED, audit.TOO_OLD, audit.UNUSABLE)
    assert (audit.NTLM_REFUSED, audit.NO_CHALLENGE) == (simulated.NTLM_REFUSED, simulated.NO_CHALLENGE)
    others = (audit.NO_CHALLENGE, audit.NOT_A_METHOD, audit.NOT_ASKED_FOR, audit.UNENCRYPTED)
    for reason in (*ours, *others):
        shown = simulated.why(asked("SSL", stage="tls", connects=False, reason=reason))
        assert shown
        assert reason in simulated.REASONS
    assert audit.NO_NTLM_CLIENT == simulated.NO_TICKET


APP, GUACAMOLE, LEAF = "windows-app-mac", "guacamole", "ab" * 32


def with_certificate(trust: str, *, self_signed: bool = False) -> Result:
    """A server that Guacamole's own hello got an answer from, and CredSSP its own."""
    request = asked(
        "SSL", "HYBRID", stage="credssp", connects=True, selected="HYBRID", version="TLSv1.3", certificate=LEAF
    )
    described = result()
    described.simulated = [Simulation(client=GUACAMOLE, requests=[request])]
    described.certificates = [
        CertificateChain(
            chain=[Certificate(sha256=LEAF, self_signed=self_signed)],
            trust=Trust(verdict=trust, store="system"),  # type: ignore[arg-type]
            name_match=True,
            days_left=30,
        ),
        CertificateChain(chain=[Certificate(sha256="cd" * 32, self_signed=True)]),  # another client's
    ]
    return described


@pytest.mark.parametrize(
    ("trust", "self_signed", "connects", "code"),
    [
        ("trusted", False, True, None),
        ("trusted", True, True, None),  # by --ca-file
        ("self_signed", True, False, "CERT_SELF_SIGNED"),
        ("untrusted", False, None, None),
    ],
)
def test_a_certificate_is_judged_by_what_the_client_demands(
    trust: str, self_signed: bool, connects: bool | None, code: str | None
) -> None:
    [client] = measured(with_certificate(trust, self_signed=self_signed))
    assert (client.connects, client.diagnosis, client.version) == (connects, code, "TLSv1.3")
    assert client.because is not None
    assert "judged" in client.because
    if connects is False:
        assert client.fails_at == "certificate"


def test_a_certificate_that_was_not_seen_leaves_it_open() -> None:
    described = with_certificate("trusted")
    described.simulated[0].requests[0].certificate = None
    assert measured(described)[0].connects is None


@pytest.mark.parametrize(
    "request_",
    [
        asked("SSL", stage="tls", connects=False, reason="alert protocol_version"),
        asked("HYBRID", stage="credssp", connects=False, reason="the client wants a newer version", credssp=2),
        asked("SSL", stage="encryption", connects=False, reason="the client has no Standard RDP Security"),
    ],
)
def test_a_client_that_is_not_documented_is_refused_by_nothing(request_: SimulatedRequest) -> None:
    client = judged(APP, request_)
    assert client.connects is None
    assert client.because is not None
    assert "not documented" in client.because


def test_a_version_that_all_builds_have_is_refused_for_good() -> None:
    request = asked("SSL", stage="tls", connects=False, reason="answered suite 0x0004", version="TLSv1.2")
    assert judged(WIN11, request).connects is False


def test_a_group_that_is_too_short_for_the_client() -> None:
    described = result()
    suite = Registered(code="0x009f", name="TLS_DHE_RSA_WITH_AES_256_GCM_SHA384")
    request = asked("SSL", stage="settings", connects=True, selected="SSL", version="TLSv1.2", cipher_suite=suite)
    described.simulated = [Simulation(client=key, requests=[request]) for key in (FREERDP, "freerdp3")]
    described.tls = Tls(dh_parameters=[DhParameters(bits=1024, prime_sha256="00", generator="02")])
    found = measured(described)
    assert [(client.connects, client.diagnosis) for client in found] == [(True, None), (False, "TLS_WEAK_CIPHER")]


def test_a_key_that_nobody_can_use() -> None:
    described = result()
    request = asked(stage="encryption", connects=True, methods=["128BIT"])
    described.simulated = [Simulation(client=XP, requests=[request])]
    described.standard_rdp = StandardRdp(certificate=StandardCertificate(kind="proprietary", key_bits=0))
    assert measured(described)[0].connects is False
