"""What holds for any result: it is evaluated, nothing is claimed of what was refused, more harms nobody."""

from __future__ import annotations

import copy

from hypothesis import given
from hypothesis import strategies as st

from probe.clients import CLIENTS
from probe.diagnosis.clients import evaluate
from probe.result import (
    Client,
    CredSsp,
    Intolerance,
    MethodAttempt,
    Negotiation,
    NegotiationAttempt,
    Ntlm,
    Result,
    Server,
    StandardRdp,
    Tls,
    TlsAnswer,
    TlsFeatures,
    TlsHandshake,
    Verdict,
    from_json,
    to_json,
)
from tests.clients.results import certified, group, suite
from tests.diagnosis.results import result

PROTOCOLS = ("RDP", "SSL", "HYBRID", "HYBRID_EX", "RDSTLS", "RDSAAD")
VERSIONS = ("TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1.0")
FAILURES = (
    "SSL_REQUIRED_BY_SERVER",
    "SSL_NOT_ALLOWED_BY_SERVER",
    "HYBRID_REQUIRED_BY_SERVER",
    "SSL_CERT_NOT_ON_SERVER",
)
ACCEPTED = Verdict(state="accepted")
SUITES = (0x1301, 0xC030, 0xC014, 0x002F, 0x000A, 0xC09C, 0x0041)

protocol_verdicts = st.one_of(
    st.just(ACCEPTED),
    st.sampled_from(FAILURES).map(lambda failure: Verdict(state="rejected", failure=failure)),
    st.sampled_from(
        [
            Verdict(state="rejected", selected="RDP"),
            Verdict(state="rejected", reason="confirm without negotiation"),
            Verdict(state="unknown", ending="timed_out"),
        ]
    ),
)
version_verdicts = st.sampled_from(
    [
        ACCEPTED,
        Verdict(state="rejected", reason="alert protocol_version"),
        Verdict(state="rejected", reason="alert handshake_failure"),
        Verdict(state="rejected", reason="reset", ending="reset"),
        Verdict(state="unknown", reason="timed_out", ending="timed_out"),
    ]
)
methods = st.lists(st.sampled_from(["40BIT", "56BIT", "128BIT", "FIPS", "0x20"]), unique=True)


@st.composite
def tls_sections(draw: st.DrawFn) -> Tls:
    versions = draw(st.dictionaries(st.sampled_from(VERSIONS), version_verdicts))
    answered = draw(st.lists(st.sampled_from(VERSIONS), unique=True))
    return Tls(
        versions=versions,
        answered={
            name: TlsAnswer(
                cipher_suite=suite(draw(st.sampled_from(SUITES))),
                group=draw(st.sampled_from([None, group(0x1D), group(0x17)])),
            )
            for name in answered
        },
        handshake=draw(
            st.sampled_from(
                [
                    None,
                    TlsHandshake(version="TLSv1.2", cipher_suite=suite(0xC030)),
                    TlsHandshake(version="TLSv1.3", cipher_suite=suite(0x1301), complete=False),
                ]
            )
        ),
        cipher_suites=draw(
            st.dictionaries(st.sampled_from(VERSIONS), st.lists(st.sampled_from(SUITES).map(suite), max_size=3))
        ),
        groups=draw(st.lists(st.sampled_from([group(0x1D, "TLSv1.2"), group(0x19, "TLSv1.3")]), unique_by=id)),
        features=draw(st.sampled_from([None, TlsFeatures()])),
        unsettled=draw(st.lists(st.sampled_from(["TLSv1.2: 3 cipher suites", "TLSv1.3: 2 groups", "all"]), max_size=2)),
    )


@st.composite
def results(draw: st.DrawFn) -> Result:
    described = result()
    described.negotiation = draw(
        st.none()
        | st.builds(
            Negotiation,
            protocols=st.dictionaries(st.sampled_from(PROTOCOLS), protocol_verdicts),
            attempts=st.lists(
                st.builds(
                    NegotiationAttempt,
                    requested=st.lists(st.sampled_from(PROTOCOLS), max_size=3, unique=True),
                    selected=st.none() | st.sampled_from(PROTOCOLS),
                    failure=st.none() | st.sampled_from(FAILURES),
                    elapsed_ms=st.just(1.0),
                ),
                max_size=2,
            ),
        )
    )
    described.tls = draw(st.none() | tls_sections())
    if described.tls is not None and draw(st.booleans()):
        described.tls.intolerance = [Intolerance(hello="TLSv1.3 offered", ending="reset")]
    described.credssp = draw(
        st.none()
        | st.builds(
            CredSsp,
            version=st.none() | st.integers(0, 9),
            mechanisms=st.lists(st.sampled_from(["NTLM", "Kerberos"]), unique=True),
            ntlm=st.sampled_from([None, Ntlm(netbios_domain="A", netbios_computer="A"), Ntlm(netbios_domain="A")]),
        )
    )
    described.standard_rdp = draw(
        st.none()
        | st.builds(
            StandardRdp,
            encryption_level=st.sampled_from([None, "NONE", "HIGH"]),
            encryption_methods=methods,
            ignores_offered_methods=st.sampled_from([None, True, False]),
            methods_asked=st.lists(
                st.sampled_from([MethodAttempt(offered="FIPS", ending="closed"), MethodAttempt(offered="FIPS")]),
                max_size=2,
            ),
        )
    )
    described.server = draw(st.sampled_from([None, Server(kind="xrdp"), Server(kind="freerdp")]))
    return certified(described, *draw(st.lists(st.sampled_from(["RSA", "EC"]), max_size=2)))


def by_name(described: Result) -> dict[str, Client]:
    return {client.client: client for client in evaluate(described)}


@given(results())
def test_any_result_is_evaluated_and_every_answer_has_its_reason(described: Result) -> None:
    before = to_json(described)
    found = evaluate(described)
    assert to_json(described) == before
    assert [client.client for client in found] == [profile.name for profile in CLIENTS.values()]
    for client in found:
        assert client.because
        assert (client.fails_at is not None) == (client.connects is False)
        if client.connects is not False:
            assert (client.diagnosis, client.hint, client.user_sees) == (None, None, None)
    assert evaluate(from_json(before)) == found


@given(results())
def test_no_hint_sends_anybody_to_a_client_that_fails(described: Result) -> None:
    found = by_name(described)
    for client in found.values():
        for name, other in found.items():
            if client.hint is not None and name in client.hint:
                assert other.connects is True


@given(results(), st.sampled_from(FAILURES))
def test_no_client_connects_where_every_protocol_is_refused(described: Result, failure: str) -> None:
    described.negotiation = Negotiation(protocols=dict.fromkeys(PROTOCOLS, Verdict(state="rejected", failure=failure)))
    assert {client.connects for client in evaluate(described)} == {False}


@given(results())
def test_nobody_who_needs_tls_connects_where_no_version_is_served(described: Result) -> None:
    described.negotiation = Negotiation(
        protocols={"SSL": ACCEPTED, "HYBRID": ACCEPTED, "HYBRID_EX": ACCEPTED, "RDP": Verdict(state="rejected")}
    )
    dead = Verdict(state="rejected", reason="reset", ending="reset")
    described.tls = Tls(versions=dict.fromkeys(VERSIONS, dead))
    assert {client.connects for client in evaluate(described)} == {False}


@given(results(), st.sampled_from(["40BIT", "56BIT", "128BIT", "FIPS"]))
def test_one_more_encryption_method_harms_nobody(described: Result, method: str) -> None:
    if described.standard_rdp is None:
        return
    more = copy.deepcopy(described)
    assert more.standard_rdp is not None
    more.standard_rdp.encryption_methods = [*more.standard_rdp.encryption_methods, method]
    _nobody_is_harmed(described, more)


@given(results(), st.sampled_from(VERSIONS), st.sampled_from(SUITES))
def test_one_more_suite_harms_nobody(described: Result, version: str, code: int) -> None:
    if described.tls is None or not described.tls.cipher_suites.get(version):
        return
    more = copy.deepcopy(described)
    assert more.tls is not None
    more.tls.cipher_suites[version] = [*more.tls.cipher_suites[version], suite(code)]
    _nobody_is_harmed(described, more)


@given(results(), st.integers(0, 9))
def test_a_newer_credssp_harms_nobody(described: Result, newer: int) -> None:
    if described.credssp is None or described.credssp.version is None:
        return
    more = copy.deepcopy(described)
    assert more.credssp is not None
    more.credssp.version = max(newer, described.credssp.version)
    _nobody_is_harmed(described, more)


def _nobody_is_harmed(less: Result, more: Result) -> None:
    before, after = by_name(less), by_name(more)
    for name, client in before.items():
        if client.connects:
            assert after[name].connects is not False, name
