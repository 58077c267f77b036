"""What `negotiation.nla` says and what is diagnosed of NLA agree, whatever a server answers."""

from __future__ import annotations

from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.audit.verdict_negotiation import nla_of
from probe.result import Nla, ProtocolName, Result, Verdict
from probe.wire.nego import FailureCode
from tests.diagnosis.results import ACCEPTED, SELECTED_RDP, UNKNOWN, captured, codes, negotiated, refused

NLA = refused("HYBRID_REQUIRED_BY_SERVER")
NO_TLS = refused("SSL_NOT_ALLOWED_BY_SERVER")
ABOUT_NLA = {"NLA_REQUIRED", "NLA_NOT_ENFORCED", "NLA_UNSUPPORTED"}
VERDICTS = (
    ACCEPTED,
    UNKNOWN,
    SELECTED_RDP,
    Verdict(state="rejected", reason="confirm without negotiation"),
    *(refused(code.name) for code in FailureCode),
)


def judged(**protocols: Verdict) -> Result:
    described = negotiated(**{name: protocols.get(name, UNKNOWN) for name in get_args(ProtocolName)})
    assert described.negotiation is not None
    described.negotiation.nla = nla_of(described.negotiation.protocols)
    return described


@given(
    protocols=st.fixed_dictionaries({name: st.sampled_from(VERDICTS) for name in get_args(ProtocolName)}),
    is_capture=st.booleans(),
)
def test_nla_and_what_is_diagnosed_never_contradict(protocols: dict[str, Verdict], is_capture: bool) -> None:
    agree(protocols, is_capture)


def test_no_combination_of_what_decides_is_missed() -> None:
    telling, others = (ACCEPTED, UNKNOWN, SELECTED_RDP, NO_TLS, NLA), (UNKNOWN, ACCEPTED, NLA)
    for rdp, ssl, hybrid in product(telling, repeat=3):
        for hybrid_ex, rdstls, is_capture in product(others, others, (False, True)):
            known = {"RDP": rdp, "SSL": ssl, "HYBRID": hybrid, "HYBRID_EX": hybrid_ex, "RDSTLS": rdstls}
            agree({**known, "RDSAAD": UNKNOWN}, is_capture)


def agree(protocols: dict[str, Verdict], is_capture: bool) -> None:
    described = judged(**protocols)
    assert described.negotiation is not None
    nla = described.negotiation.nla
    found = ABOUT_NLA.intersection(codes(captured(described) if is_capture else described))
    without = {protocols["SSL"].state, protocols["RDP"].state}
    offers = "accepted" in {protocols["HYBRID"].state, protocols["HYBRID_EX"].state}
    assert len(found) <= 1
    if nla == "required":
        assert found == {"NLA_REQUIRED"}
    elif nla == "offered":
        assert found == ({"NLA_NOT_ENFORCED"} if "accepted" in without else set())
        assert without != {"rejected"}
    elif nla == "unsupported":
        assert found <= {"NLA_UNSUPPORTED"}
    else:  # where nothing is accepted the server's own word may be all there is
        assert found <= {"NLA_REQUIRED"}
        assert not found or "accepted" not in {verdict.state for verdict in protocols.values()}
    assert (nla in ("required", "offered")) == offers


@pytest.mark.parametrize(
    ("nla", "ssl", "rdp"),
    [
        ("required", NLA, NLA),
        ("required", NLA, UNKNOWN),
        ("required", UNKNOWN, NLA),
        ("required", NO_TLS, SELECTED_RDP),
        ("offered", NLA, ACCEPTED),
        ("offered", ACCEPTED, NLA),
        ("offered", NO_TLS, UNKNOWN),
        ("offered", UNKNOWN, UNKNOWN),
    ],
)
@pytest.mark.parametrize("accepted", ["HYBRID", "HYBRID_EX"])
def test_what_a_server_that_accepts_nla_asks_of_others(nla: Nla, ssl: Verdict, rdp: Verdict, accepted: str) -> None:
    described = judged(**{accepted: ACCEPTED, "SSL": ssl, "RDP": rdp})
    assert described.negotiation is not None
    assert described.negotiation.nla == nla


def test_who_demands_nla_and_turns_it_away_leaves_open_whether_there_is_any() -> None:
    assert nla_of(judged(RDP=NLA, SSL=NLA, HYBRID=NLA).negotiation.protocols) == "unknown"  # type: ignore[union-attr]
    assert nla_of(judged(RDP=NO_TLS, SSL=NO_TLS, HYBRID=NO_TLS).negotiation.protocols) == "unsupported"  # type: ignore[union-attr]
    assert nla_of(judged(RDP=ACCEPTED, SSL=NLA, HYBRID=NLA).negotiation.protocols) == "unsupported"  # type: ignore[union-attr]
