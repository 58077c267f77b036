"""What decides which clients connect: all of it is kept, and nothing else."""

from __future__ import annotations

import copy

from hypothesis import given
from hypothesis import strategies as st

from probe.clients import CLIENTS
from probe.diagnosis.client_facts import deciding
from probe.diagnosis.clients import evaluate, walk
from probe.language import speaking
from probe.result import (
    Certificate,
    CertificateChain,
    Fingerprints,
    Key,
    Licensing,
    NegotiationAttempt,
    Ntlm,
    Result,
    Trust,
    to_json,
)
from tests.clients.test_properties import results
from tests.golden.results import windows_nla

STARTED = "2026-11-21T02:00:00.000Z"
moments = st.sampled_from([None, "2026-11-20T00:00:00Z", STARTED, "2026-11-22T00:00:00Z", "never"])
leaves = st.builds(
    Certificate,
    sha256=st.sampled_from(["aa", "bb"]),
    not_before=moments,
    not_after=moments,
    key=st.sampled_from([None, Key(type="RSA", bits=512), Key(type="RSA", bits=2048), Key(type="EC", bits=256)]),
    signature_algorithm=st.sampled_from([None, "md5WithRSAEncryption", "sha256WithRSAEncryption"]),
    self_signed=st.sampled_from([None, True, False]),
)
chains = st.builds(
    CertificateChain,
    chain=st.lists(leaves, max_size=2),
    trust=st.sampled_from(
        [None, Trust(verdict="trusted", store="system"), Trust(verdict="untrusted", store="certifi")]
    ),
    name_match=st.sampled_from([None, True, False]),
    days_left=st.sampled_from([None, -2, 0, 90]),
)
licensing = st.builds(
    Licensing,
    over=st.sampled_from(["RDP", "SSL"]),
    answer=st.sampled_from([None, "error_info", "valid_client"]),
    error_info_code=st.sampled_from([None, 0x6, 0x103]),
)


@given(results(), st.lists(chains, max_size=2), st.lists(licensing, max_size=2))
def test_every_client_meets_with_what_decides_what_it_meets_with_all(
    described: Result, served: list[CertificateChain], phases: list[Licensing]
) -> None:
    described.started, described.certificates, described.licensing = STARTED, served, phases
    before, kept = to_json(described), deciding(described)
    for profile in CLIENTS.values():
        assert walk(profile, kept) == walk(profile, described)
    assert to_json(described) == before


def test_servers_that_differ_in_names_and_times_are_one() -> None:
    one, other = windows_nla(), windows_nla()
    other.started, other.elapsed_ms, other.target.host = "2026-11-21T03:00:00.000Z", 99.0, "srv2.example"
    assert other.tls is not None
    other.tls.fingerprints = Fingerprints(ja3s="00")
    assert other.credssp is not None
    other.credssp.ntlm = Ntlm(netbios_domain="CORP", netbios_computer="SRV2", clock_skew_s=2.5)
    other.certificates[0].chain[0].subject = "CN=srv2.example"
    other.certificates[0].chain[0].not_after = "2027-03-03T00:00:00Z"
    for described, took in ((one, 5.0), (other, 77.0)):
        assert described.negotiation is not None
        described.negotiation.attempts = [NegotiationAttempt(requested=["SSL"], selected="SSL", elapsed_ms=took)]
    assert to_json(deciding(one)) == to_json(deciding(other))


def test_what_one_result_is_given_is_its_own() -> None:
    described = windows_nla()
    first = evaluate(described)
    before = copy.deepcopy(first)
    for client in first:
        client.connects, client.hint = None, "changed"
    assert evaluate(described) == before


def test_another_language_has_other_words() -> None:
    described = windows_nla()
    english = evaluate(described)
    with speaking("zh-CN"):
        chinese = evaluate(described)
    assert [each.connects for each in chinese] == [each.connects for each in english]
    assert [each.because for each in chinese] != [each.because for each in english]
    assert evaluate(described) == english
