"""Faults in rules on the negotiation and on TLS that no other test showed: each would change a verdict."""

from __future__ import annotations

import pytest

from probe.result import Diagnosis, Result, Verdict
from tests.verify.rules import ACCEPTED, REFUSED, check, rdp
from tests.verify.tls_servers import full_of, group, group_code, registered, suite, tls_of, trial

GCM = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
X25519 = frozenset({0x001D})


def ended(*endings: str) -> Result:
    """A server that refused each of the newest versions by an ending."""
    described = tls_of("rrrrrr")
    assert described.tls is not None
    for name, ending in zip(("TLSv1.3", "TLSv1.2", "TLSv1.1"), endings, strict=False):
        described.tls.versions[name] = Verdict(state="rejected", reason=ending)
    return described


@pytest.mark.parametrize("ending", ["closed", "reset"])
def test_a_hello_is_dropped_where_the_connection_just_ends(ending: str) -> None:
    assert check("tls.tolerant", True, ended(ending)).state == "failed"
    assert check("tls.tolerant", False, ended(ending)).state == "passed"
    assert check("tls.tolerant", True, ended("alert handshake_failure")).state == "passed"


def test_one_suite_that_was_selected_may_not_be_all() -> None:
    offered = frozenset({0xC02F, 0xC013})
    some = tls_of("rrrrar", trials=[trial("TLSv1.2", offered, registered(GCM), state="accepted")])
    assert check("tls.server_order", True, some).state == "unknown"
    every = full_of("rrrrar", cipher_suites={"TLSv1.2": [suite(GCM)]})
    assert check("tls.server_order", True, every).state == "passed"


@pytest.mark.parametrize("value", [True, False])
def test_what_has_no_use_was_asked_for_all_the_same(value: bool) -> None:
    assert check("tls.secure_renegotiation", value, tls_of("rrrrra")).state == "unknown"
    assert check("tls.secure_renegotiation", value, full_of("rrrrra")).state == "passed"
    assert check("tls.fallback_scsv", value, tls_of("rrrrar")).state == "unknown"


WITHOUT_TLS = ("TLS_CERTIFICATE_MISSING", "STANDARD_RDP_ONLY")


@pytest.mark.parametrize(
    ("key", "name", "change", "codes"),
    [
        ("required", "RDP", "standard_rdp=on", ("TLS_REQUIRED", "NLA_REQUIRED")),
        ("required", "SSL", "nla=offered", ("NLA_REQUIRED", *WITHOUT_TLS)),
        ("required", "HYBRID", "nla=offered", (*WITHOUT_TLS, "NLA_UNSUPPORTED")),
        ("required", "HYBRID_EX", "nla=offered", (*WITHOUT_TLS, "NLA_UNSUPPORTED")),
        ("required", "RDSTLS", None, ()),
        ("forbidden", "RDP", "standard_rdp=off", ("STANDARD_RDP_ONLY", "STANDARD_RDP_WEAK")),
        ("forbidden", "SSL", "nla=required", ("NLA_UNSUPPORTED", "NLA_NOT_ENFORCED")),
        ("forbidden", "HYBRID", "nla=off", ()),
        ("forbidden", "HYBRID_EX", "nla=off", ()),
        ("forbidden", "RDSTLS", None, ()),
    ],
)
def test_each_protocol_alone(key: str, name: str, change: str | None, codes: tuple[str, ...]) -> None:
    described = rdp(**{name: REFUSED if key == "required" else ACCEPTED})
    found = check(f"protocols.{key}", [name], described)
    assert (found.state, found.change, found.diagnosis) == ("failed", change, codes[-1] if codes else None)
    for code in codes:
        described.diagnoses = [Diagnosis(code=code, severity="risk", summary="")]
        assert check(f"protocols.{key}", [name], described).diagnosis == code
    if len(codes) > 1:  # of several, the one that says most
        described.diagnoses = [Diagnosis(code=code, severity="risk", summary="") for code in codes[::-1]]
        assert check(f"protocols.{key}", [name], described).diagnosis == codes[0]


@pytest.mark.parametrize(
    ("described", "state"),
    [
        # Depth full says what it left open: a group that a trial selected shows that groups were asked for.
        (full_of("rrrrra", trials=[trial("TLSv1.3", X25519, group_code("x25519"), kind="groups")]), "passed"),
        (full_of("rrrrra", groups=[group("x25519", "TLSv1.3")]), "passed"),
        (full_of("rrrrra"), "unknown"),
        (full_of("rrrrra", groups=[group("x25519", "TLSv1.3")], unsettled=["TLSv1.3: 1 group was left"]), "unknown"),
        (full_of("rrrrra", groups=[group("x25519", "TLSv1.3")], unsettled=["TLSv1.3: 2 groups were left"]), "unknown"),
    ],
)
def test_groups_of_tls13_are_settled_where_one_was_seen_and_none_was_left(described: Result, state: str) -> None:
    assert check("tls.forbidden_groups", ["secp521r1"], described).state == state
