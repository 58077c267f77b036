"""Faults in rules on the negotiation and on TLS that no other test showed: each would change a verdict."""

from __future__ import annotations

import pytest

from probe.result import Result, Verdict
from tests.verify.rules import check
from tests.verify.tls_servers import full_of, registered, suite, tls_of, trial

GCM = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"


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
