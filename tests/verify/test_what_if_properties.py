"""What holds of any change on any result: nothing happens twice, nothing happens for nothing, less lets nobody in."""

from __future__ import annotations

import copy

from hypothesis import given
from hypothesis import strategies as st

from probe.diagnosis.judged import judge
from probe.result import Result, to_json
from probe.verify.what_if import altered, cut_off, parse, what_if
from tests.clients.results import suite
from tests.clients.test_properties import results

TIGHTER = (
    "tls.min=1.0",
    "tls.min=1.1",
    "tls.min=1.2",
    "tls.min=1.3",
    "nla=required",
    "standard_rdp=off",
    "credssp.min=6",
)
LESS_OF_TLS = ("suites=class:aead", "suites.off=class:cbc", "suites.off=class:no_forward_secrecy", "groups.off=x25519")
OTHERS = (
    "tls.max=1.2",
    "tls.max=1.0",
    "tls.versions=1.2",
    "tls.versions=1.2+1.3",
    "nla=offered",
    "nla=off",
    "standard_rdp=on",
    "standard_rdp.level=high",
    "standard_rdp.level=fips",
    "groups=secp256r1",
    "groups=x25519+class:post_quantum",
    "certificate=trusted",
    "certificate=self_signed",
    "certificate.key=RSA-1024",
    "certificate.key=EC-256",
    "suites=TLS_CHACHA20_POLY1305_SHA256",
    "tls.min=1.2,nla=required,suites=class:aead",
    "nla=off,standard_rdp=on",
    "nla=offered,standard_rdp=off,tls.max=1.2",
)
changes = st.sampled_from((*TIGHTER, *LESS_OF_TLS, *OTHERS))


def connecting(described: Result) -> dict[str, bool | None]:
    return {client.client: client.connects for client in described.clients}


@given(results(), changes)
def test_a_change_that_was_made_changes_nothing_more(described: Result, change: str) -> None:
    once, _notes = altered(described, parse(change))
    twice, _notes = altered(once, parse(change))
    assert to_json(twice) == to_json(once)
    assert all(client.before == client.after for client in what_if(change, once).clients) or "credssp" in change


@given(results(), changes)
def test_the_result_itself_stays_as_it_is(described: Result, change: str) -> None:
    judge(described)
    before = to_json(described)
    changed, _notes = altered(described, parse(change))
    said = what_if(change, described)
    assert to_json(described) == before
    assert {client.client: client.after for client in said.clients} == connecting(changed)
    assert {client.client: client.before for client in said.clients} == connecting(described)


@given(results(), changes)
def test_who_is_cut_off_connects_now_and_then_does_not(described: Result, change: str) -> None:
    said = what_if(change, described)
    lost = cut_off(change, described)
    assert lost == [client for client in said.clients if client.before and client.after is False]
    assert said.clients[: len(lost)] == lost
    assert all(client.because for client in said.clients)


@given(results(), st.sampled_from(TIGHTER))
def test_to_demand_more_lets_nobody_in(described: Result, change: str) -> None:
    for client in what_if(change, described).clients:
        assert not (client.before is False and client.after), client.because


@given(results(), st.sampled_from(LESS_OF_TLS))
def test_fewer_suites_let_nobody_in_where_each_has_one_version(described: Result, change: str) -> None:
    """A client that gives up in a newer version may get in by an older one once the newer has gone."""
    if described.tls is not None:
        for section in (described.tls.versions, described.tls.answered, described.tls.cipher_suites):
            for name in [name for name in section if name != "TLSv1.2"]:
                section.pop(name)
    for client in what_if(change, described).clients:
        assert not (client.before is False and client.after), client.because


@given(results())
def test_what_is_so_already_changes_no_client(described: Result) -> None:
    judge(described)
    assert described.clients == altered(described, ())[0].clients
    if described.negotiation is None:
        return
    protocols = described.negotiation.protocols
    state = {name: verdict.state for name, verdict in protocols.items()}
    if state.get("RDP") == "rejected":
        described.standard_rdp = None  # a server that refuses it has shown nothing of it
        judge(described)
    if state.get("RDP") == "rejected" and {"accepted"} & {state.get("SSL"), state.get("HYBRID")}:
        _unchanged("standard_rdp=off", described)
    if described.negotiation.protocols.get("RDP") is not None and state["RDP"] == "accepted":
        _unchanged("standard_rdp=on", described)


def _unchanged(change: str, described: Result) -> None:
    for client in what_if(change, described).clients:
        assert client.before == client.after, (change, client)


@given(results(), st.sampled_from(["nla=required", "standard_rdp=off", "tls.min=1.2"]))
def test_what_was_seen_to_hold_after_the_change_is_no_change(described: Result, change: str) -> None:
    once, _notes = altered(described, parse(change))
    again = copy.deepcopy(once)
    judge(again)
    assert connecting(again) == connecting(once)
    _unchanged(change, again)


@given(results())
def test_a_suite_that_nobody_serves_can_go(described: Result) -> None:
    if described.tls is None:
        return
    seen = {each.name for suites in described.tls.cipher_suites.values() for each in suites}
    seen |= {answer.cipher_suite.name for answer in described.tls.answered.values()}
    seen |= {described.tls.handshake.cipher_suite.name} if described.tls.handshake is not None else set()
    for code in (0x1303, 0x009E, 0x0005):
        if suite(code).name not in seen:
            _unchanged(f"suites.off={suite(code).name}", described)
