from __future__ import annotations

from typing import Any

import pytest

from probe.needs import Needs
from probe.result import Diagnosis, Negotiation, Nla, Result, Verdict
from probe.verify.kinds import KINDS
from tests.diagnosis.results import result
from tests.verify.rules import check, rdp, told
from tests.verify.tls_servers import ACCEPTED, NOT_ASKED, REFUSED, SELECTED_RDP

NEEDS_NLA = Verdict(state="rejected", failure="HYBRID_REQUIRED_BY_SERVER")
BARE = Verdict(state="unknown")
SILENT = Verdict(state="unknown", ending="timed_out")
ULTIMATUM = Verdict(state="unknown", reason="disconnect provider ultimatum", ending="closed")
CLOSED = Verdict(state="rejected", reason="closed", ending="closed")


def hardened() -> Result:
    return rdp(RDP=NEEDS_NLA, SSL=NEEDS_NLA, HYBRID=ACCEPTED)


def xrdp() -> Result:
    """xrdp selects RDP in place of what it does not have."""
    return rdp(RDP=ACCEPTED, SSL=ACCEPTED, HYBRID=SELECTED_RDP, HYBRID_EX=SELECTED_RDP, RDSAAD=ULTIMATUM)


def nla(found: Nla, **protocols: Verdict) -> Result:
    described = rdp(**protocols)
    assert described.negotiation is not None
    described.negotiation.nla = found
    return described


def direct(verdict: Verdict) -> Result:
    described = result()
    described.negotiation = Negotiation(direct_tls=verdict)
    return described


def flags(**advertised: Any) -> Result:
    described = result()
    described.negotiation = Negotiation(**advertised)
    return described


def diagnosed(described: Result, *codes: str) -> Result:
    described.diagnoses = [Diagnosis(code=code, severity="risk", summary="") for code in codes]
    return described


@pytest.mark.parametrize(
    ("key", "value", "described", "expected"),
    [
        ("required", ["HYBRID"], hardened(), ("passed", "HYBRID is accepted, as demanded")),
        ("required", ["SSL", "RDP"], xrdp(), ("passed", "SSL and RDP are accepted, as demanded")),
        ("required", ["HYBRID"], xrdp(), ("failed", "HYBRID is refused; demanded: HYBRID")),
        (
            "required",
            ["HYBRID", "SSL", "HYBRID_EX"],
            xrdp(),
            ("failed", "HYBRID and HYBRID_EX are refused; demanded: HYBRID, SSL and HYBRID_EX"),
        ),
        # One that is refused fails, whatever is not known of the others.
        ("required", ["RDSAAD", "HYBRID"], xrdp(), ("failed", "HYBRID is refused; demanded: RDSAAD and HYBRID")),
        (
            "required",
            ["RDSAAD", "SSL"],
            xrdp(),
            (
                "unknown",
                "whether RDSAAD is accepted is not known (RDSAAD: unknown (disconnect provider ultimatum))",
            ),
        ),
        (
            "required",
            ["SSL", "HYBRID"],
            rdp(SSL=SILENT),
            (
                "unknown",
                (
                    "whether SSL and HYBRID are accepted is not known "
                    "(SSL: unknown (timed_out); HYBRID: unknown (not asked))"
                ),
            ),
        ),
        (
            "required",
            ["SSL"],
            rdp(SSL=BARE),
            ("unknown", "whether SSL is accepted is not known (SSL: unknown (not asked))"),
        ),
        # It answered, with what nobody asked for.
        (
            "forbidden",
            ["RDP"],
            rdp(RDP=Verdict(state="unknown", selected="SSL+HYBRID")),
            ("unknown", "whether RDP is accepted is not known (RDP: unknown (selected SSL+HYBRID))"),
        ),
        ("required", ["SSL"], result(), ("unknown", "whether SSL is accepted is not known (SSL: unknown (not asked))")),
        ("forbidden", ["RDP"], hardened(), ("passed", "RDP is refused, as demanded")),
        ("forbidden", ["RDP", "SSL"], hardened(), ("passed", "RDP and SSL are refused, as demanded")),
        ("forbidden", ["RDP", "HYBRID"], xrdp(), ("failed", "RDP is accepted; forbidden: RDP and HYBRID")),
        ("forbidden", ["RDP", "SSL"], xrdp(), ("failed", "RDP and SSL are accepted; forbidden: RDP and SSL")),
        # One that is accepted fails, whatever is not known of the others.
        ("forbidden", ["RDSAAD", "RDP"], xrdp(), ("failed", "RDP is accepted; forbidden: RDSAAD and RDP")),
        (
            "forbidden",
            ["RDSAAD", "HYBRID"],
            xrdp(),
            ("unknown", "whether RDSAAD is accepted is not known (RDSAAD: unknown (disconnect provider ultimatum))"),
        ),
        (
            "forbidden",
            ["RDP"],
            rdp(RDP=NOT_ASKED),
            ("unknown", "whether RDP is accepted is not known (RDP: unknown (not asked))"),
        ),
        ("nla", "required", nla("required"), ("passed", "NLA is required, as demanded")),
        ("nla", "offered", nla("required"), ("passed", "NLA is required, as demanded")),
        ("nla", "offered", nla("offered"), ("passed", "NLA is offered and not required, as demanded")),
        ("nla", "unsupported", nla("unsupported"), ("passed", "NLA is not supported, as demanded")),
        (
            "nla",
            "required",
            nla("offered", SSL=ACCEPTED),
            ("failed", "NLA is offered and not required; demanded: NLA is required"),
        ),
        (
            "nla",
            "required",
            nla("offered", RDP=ACCEPTED, SSL=SILENT),
            ("failed", "NLA is offered and not required; demanded: NLA is required"),
        ),
        ("nla", "required", nla("unsupported"), ("failed", "NLA is not supported; demanded: NLA is required")),
        (
            "nla",
            "offered",
            nla("unsupported"),
            ("failed", "NLA is not supported; demanded: NLA is offered or required"),
        ),
        ("nla", "unsupported", nla("required"), ("failed", "NLA is required; demanded: NLA is not supported")),
        (
            "nla",
            "unsupported",
            nla("offered"),
            ("failed", "NLA is offered and not required; demanded: NLA is not supported"),
        ),
        # Offered is the least that is known, where nothing without NLA was accepted.
        (
            "nla",
            "required",
            nla("offered", HYBRID=ACCEPTED, SSL=SILENT, RDP=SILENT),
            (
                "unknown",
                (
                    "whether NLA is required is not known "
                    "(HYBRID: accepted; RDP: unknown (timed_out); SSL: unknown (timed_out))"
                ),
            ),
        ),
        (
            "nla",
            "offered",
            nla("unknown", HYBRID=SILENT),
            (
                "unknown",
                (
                    "whether NLA is offered is not known "
                    "(HYBRID: unknown (timed_out); RDP: unknown (not asked); SSL: unknown (not asked))"
                ),
            ),
        ),
        (
            "nla",
            "unsupported",
            result(),
            (
                "unknown",
                (
                    "whether NLA is unsupported is not known "
                    "(HYBRID: unknown (not asked); RDP: unknown (not asked); SSL: unknown (not asked))"
                ),
            ),
        ),
        ("direct_tls", "rejected", direct(CLOSED), ("passed", "TLS without X.224 is rejected, as demanded")),
        ("direct_tls", "accepted", direct(ACCEPTED), ("passed", "TLS without X.224 is accepted, as demanded")),
        (
            "direct_tls",
            "rejected",
            direct(ACCEPTED),
            ("failed", "TLS without X.224 is accepted; demanded: rejected"),
        ),
        ("direct_tls", "accepted", direct(CLOSED), ("failed", "TLS without X.224 is rejected; demanded: accepted")),
        (
            "direct_tls",
            "rejected",
            direct(SILENT),
            ("unknown", "whether TLS without X.224 is accepted is not known (timed_out)"),
        ),
        (
            "direct_tls",
            "accepted",
            direct(BARE),
            ("unknown", "whether TLS without X.224 is accepted is not known (not asked)"),
        ),
        (
            "direct_tls",
            "accepted",
            result(),
            ("unknown", "whether TLS without X.224 is accepted is not known (not asked)"),
        ),
        (
            "restricted_admin",
            True,
            flags(restricted_admin=True),
            ("passed", "Restricted Admin is offered, as demanded"),
        ),
        (
            "restricted_admin",
            False,
            flags(restricted_admin=False),
            ("passed", "Restricted Admin is not offered, as demanded"),
        ),
        (
            "restricted_admin",
            True,
            flags(restricted_admin=False),
            ("failed", "Restricted Admin is not offered; demanded: offered"),
        ),
        (
            "restricted_admin",
            False,
            flags(restricted_admin=True),
            ("failed", "Restricted Admin is offered; demanded: not offered"),
        ),
        # Without CredSSP there is nothing to offer; without an answer nobody knows.
        (
            "restricted_admin",
            False,
            rdp(HYBRID=SELECTED_RDP),
            ("passed", "Restricted Admin is not offered, as demanded"),
        ),
        (
            "restricted_admin",
            True,
            rdp(HYBRID=SELECTED_RDP),
            ("failed", "Restricted Admin is not offered; demanded: offered"),
        ),
        (
            "restricted_admin",
            False,
            rdp(HYBRID=REFUSED, HYBRID_EX=ACCEPTED),
            ("unknown", "no RDP_NEG_RSP was seen, which says whether there is Restricted Admin"),
        ),
        (
            "restricted_admin",
            False,
            rdp(HYBRID=SILENT),
            ("unknown", "no RDP_NEG_RSP was seen, which says whether there is Restricted Admin"),
        ),
        (
            "remote_credential_guard",
            True,
            flags(remote_credential_guard=True),
            ("passed", "Remote Credential Guard is offered, as demanded"),
        ),
        (
            "remote_credential_guard",
            True,
            flags(restricted_admin=True, remote_credential_guard=False),
            ("failed", "Remote Credential Guard is not offered; demanded: offered"),
        ),
        (
            "remote_credential_guard",
            True,
            result(),
            ("unknown", "no RDP_NEG_RSP was seen, which says whether there is Remote Credential Guard"),
        ),
    ],
)
def test_protocols(key: str, value: Any, described: Result, expected: tuple[str, str]) -> None:
    assert told(f"protocols.{key}", value, described) == expected


@pytest.mark.parametrize(
    ("key", "value", "described", "observed", "evidence"),
    [
        ("required", ["SSL"], xrdp(), "RDP, SSL", ("SSL: accepted",)),
        ("required", ["HYBRID"], xrdp(), "RDP, SSL", ("HYBRID: rejected (selected RDP)",)),
        ("required", ["RDP", "RDSAAD"], rdp(RDP=NEEDS_NLA), "none", ("RDP: rejected (HYBRID_REQUIRED_BY_SERVER)",)),
        ("required", ["HYBRID"], rdp(HYBRID=SILENT), "none", ()),
        ("forbidden", ["SSL", "HYBRID"], xrdp(), "RDP, SSL", ("SSL: accepted",)),
        ("forbidden", ["RDP"], hardened(), "HYBRID", ("RDP: rejected (HYBRID_REQUIRED_BY_SERVER)",)),
        (
            "nla",
            "required",
            nla("offered", HYBRID=ACCEPTED, SSL=ACCEPTED, RDP=NEEDS_NLA),
            "offered",
            ("HYBRID: accepted", "RDP: rejected (HYBRID_REQUIRED_BY_SERVER)", "SSL: accepted"),
        ),
        ("nla", "required", nla("unknown"), "not known", ()),
        ("direct_tls", "accepted", direct(CLOSED), "rejected", ("TLS without X.224: rejected (closed)",)),
        ("direct_tls", "accepted", direct(ACCEPTED), "accepted", ("TLS without X.224: accepted",)),
        ("restricted_admin", True, flags(restricted_admin=False), "not offered", ("flags: none",)),
        (
            "restricted_admin",
            True,
            flags(restricted_admin=True, flags=["RESTRICTED_ADMIN_MODE_SUPPORTED", "DYNVC_GFX_PROTOCOL_SUPPORTED"]),
            "offered",
            ("flags: RESTRICTED_ADMIN_MODE_SUPPORTED, DYNVC_GFX_PROTOCOL_SUPPORTED",),
        ),
        ("restricted_admin", False, rdp(HYBRID=SELECTED_RDP), "not offered", ("HYBRID: rejected (selected RDP)",)),
    ],
)
def test_what_was_observed(key: str, value: Any, described: Result, observed: str, evidence: tuple[str, ...]) -> None:
    found = check(f"protocols.{key}", value, described)
    assert (found.observed, found.evidence) == (observed, evidence)


@pytest.mark.parametrize(
    ("key", "value", "described", "diagnosis", "change"),
    [
        ("required", ["HYBRID"], xrdp(), "NLA_UNSUPPORTED", "nla=offered"),
        ("required", ["HYBRID"], diagnosed(xrdp(), "STANDARD_RDP_ONLY"), "STANDARD_RDP_ONLY", "nla=offered"),
        ("required", ["SSL"], diagnosed(hardened(), "NLA_REQUIRED"), "NLA_REQUIRED", "nla=offered"),
        ("required", ["SSL"], rdp(SSL=REFUSED), "STANDARD_RDP_ONLY", "nla=offered"),
        ("required", ["RDP"], diagnosed(hardened(), "TLS_REQUIRED"), "TLS_REQUIRED", "standard_rdp=on"),
        ("required", ["RDSTLS"], rdp(RDSTLS=REFUSED), None, None),
        ("required", ["RDP", "SSL"], hardened(), "NLA_REQUIRED", "standard_rdp=on,nla=offered"),
        ("required", ["RDSTLS", "RDP"], rdp(RDP=REFUSED, RDSTLS=REFUSED), "NLA_REQUIRED", "standard_rdp=on"),
        ("required", ["RDSTLS"], rdp(RDSTLS=ACCEPTED), None, None),
        ("forbidden", ["RDP"], xrdp(), "STANDARD_RDP_WEAK", "standard_rdp=off"),
        ("forbidden", ["RDP"], diagnosed(xrdp(), "STANDARD_RDP_ONLY"), "STANDARD_RDP_ONLY", "standard_rdp=off"),
        ("forbidden", ["SSL"], xrdp(), "NLA_NOT_ENFORCED", "nla=required"),
        ("forbidden", ["SSL"], diagnosed(xrdp(), "NLA_UNSUPPORTED"), "NLA_UNSUPPORTED", "nla=required"),
        ("forbidden", ["RDP", "SSL"], xrdp(), "STANDARD_RDP_WEAK", "standard_rdp=off,nla=required"),
        ("forbidden", ["HYBRID"], hardened(), None, "nla=off"),
        # NLA cannot be required and off: the first that is named stays.
        ("forbidden", ["SSL", "HYBRID"], rdp(SSL=ACCEPTED, HYBRID=ACCEPTED), "NLA_NOT_ENFORCED", "nla=required"),
        ("forbidden", ["RDSTLS"], rdp(RDSTLS=ACCEPTED), None, None),
        ("nla", "required", nla("offered", SSL=ACCEPTED), "NLA_NOT_ENFORCED", "nla=required"),
        ("nla", "required", nla("unsupported"), "NLA_UNSUPPORTED", "nla=required"),
        ("nla", "offered", nla("unsupported"), "NLA_UNSUPPORTED", "nla=offered"),
        ("nla", "unsupported", nla("required"), "NLA_REQUIRED", "nla=off"),
        ("nla", "unsupported", nla("offered"), None, "nla=off"),
        ("nla", "required", nla("required"), None, None),
        ("direct_tls", "rejected", direct(ACCEPTED), None, None),
    ],
)
def test_what_mends_it(key: str, value: Any, described: Result, diagnosis: str | None, change: str | None) -> None:
    found = check(f"protocols.{key}", value, described)
    assert (found.diagnosis, found.change) == (diagnosis, change)


@pytest.mark.parametrize(
    ("key", "value", "needs", "words"),
    [
        ("required", ["HYBRID", "SSL"], Needs(protocols=frozenset({"HYBRID", "SSL"})), "HYBRID and SSL accepted"),
        ("forbidden", ["RDP"], Needs(protocols=frozenset({"RDP"})), "RDP refused"),
        ("nla", "required", Needs(protocols=frozenset({"RDP", "SSL", "HYBRID"})), "NLA is required"),
        ("direct_tls", "rejected", Needs(direct_tls=True), "TLS without X.224 rejected"),
        ("restricted_admin", True, Needs(protocols=frozenset({"SSL", "HYBRID"})), "offered"),
        ("remote_credential_guard", False, Needs(protocols=frozenset({"SSL", "HYBRID"})), "not offered"),
    ],
)
def test_what_is_asked_for_and_how_it_is_said(key: str, value: Any, needs: Needs, words: str) -> None:
    kind = KINDS[f"protocols.{key}"]
    assert (kind.needs(value), kind.words(value)) == (needs, words)
