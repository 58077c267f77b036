"""What a policy demands of UDP, of the kind of server, and of the diagnoses."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from probe.diagnosis import CATALOGUE
from probe.needs import Needs
from probe.result import Diagnosis, Gateway, Result, Server, Severity, Udp, UdpState
from probe.verify.diagnoses_seen import SEEN
from probe.verify.kinds import KINDS
from tests.verify.rules import ACCEPTED, REFUSED, chain, check, leaf, rdp, serving, told

UDP, KIND, FORBIDDEN, WORST = "udp.state", "server.kind", "diagnoses.forbidden", "diagnoses.worst"


def over_udp(state: UdpState, **fields: Any) -> Result:
    described = rdp()
    described.udp = Udp(port=3389, state=state, offered="3.0", sent=3, **fields)
    return described


@pytest.mark.parametrize(
    ("wanted", "seen", "state", "message"),
    [
        ("open", "open", "passed", "UDP 3389 answers; open is required"),
        ("closed", "open", "failed", "UDP 3389 answers; closed is required"),
        ("closed", "malformed", "failed", "UDP 3389 answers; closed is required"),
        ("closed", "refused", "passed", "UDP 3389 is turned away: nothing listens there; closed is required"),
        ("open", "refused", "failed", "UDP 3389 is turned away: nothing listens there; open is required"),
        ("open", "silent", "unknown", "no answer on UDP 3389 (closed or filtered)"),
        ("closed", "silent", "unknown", "no answer on UDP 3389 (closed or filtered)"),
        ("open", "malformed", "unknown", "UDP 3389 was not settled: malformed"),
        ("open", "unreachable", "unknown", "UDP 3389 was not settled: unreachable"),
        ("closed", "unreachable", "unknown", "UDP 3389 was not settled: unreachable"),
        ("closed", "unknown", "unknown", "UDP 3389 was not settled: unknown"),
    ],
)
def test_udp(wanted: str, seen: UdpState, state: str, message: str) -> None:
    found = check(UDP, wanted, over_udp(seen))
    assert (found.state, found.message) == (state, message)
    assert found.observed == ("not known" if state == "unknown" else seen)
    evidence = (f"sent 3 datagrams to UDP 3389: {seen}",) if state == "failed" else ()
    assert found.evidence == evidence
    assert found.diagnosis == ("UDP_UNREACHABLE" if state == "failed" and wanted == "open" else None)


@pytest.mark.parametrize(
    ("fields", "how"),
    [
        ({"cause": "no route", "answer": "x", "ending": "reset"}, "no route"),
        ({"answer": "too short", "ending": "reset"}, "too short"),
        ({"ending": "reset"}, "reset"),
    ],
)
def test_udp_was_not_settled(fields: dict[str, Any], how: str) -> None:
    assert told(UDP, "open", over_udp("unknown", **fields))[1] == f"UDP 3389 was not settled: {how}"


def test_udp_was_not_asked_for() -> None:
    for wanted in ("open", "closed"):
        assert told(UDP, wanted, rdp()) == ("unknown", "UDP was not asked for")
    assert KINDS[UDP].needs("open") == Needs(udp=True)


def test_kind_of_server() -> None:
    described = rdp()
    described.server = Server(kind="xrdp", certainty="likely", evidence=["says so"])
    found = check(KIND, ["windows", "xrdp"], described)
    assert (found.state, found.message, found.observed) == ("passed", "it is xrdp (likely)", "xrdp")
    found = check(KIND, ["windows", "gnome"], described)
    assert (found.state, found.message) == ("failed", "it is xrdp (likely); allowed are windows, gnome")
    assert (found.observed, found.evidence) == ("xrdp", ("says so",))
    described.server.kind = "unknown"
    assert told(KIND, ["windows"], described) == ("unknown", "what kind of server it is could not be told")
    described.server = None
    assert check(KIND, ["windows"], described).state == "unknown"
    assert KINDS[KIND].needs(["windows"]) == Needs(standard=True)


def made(code: str, severity: Severity, *evidence: str) -> Diagnosis:
    return Diagnosis(code=code, severity=severity, summary=f"{code} it is.", evidence=list(evidence))


def sound() -> Result:
    """A server of which depth standard told all: NLA is refused, TLS 1.2 and 1.3 are served."""
    described = serving(chain(leaf()))
    assert described.negotiation is not None
    described.negotiation.protocols |= {"HYBRID": REFUSED, "HYBRID_EX": REFUSED}
    return described


def test_forbidden_diagnoses() -> None:
    described = sound()
    codes = ["CERT_EXPIRED", "TLS_LEGACY_VERSION"]
    found = check(FORBIDDEN, codes, described)
    assert (found.state, found.message) == ("passed", "none of CERT_EXPIRED, TLS_LEGACY_VERSION is found")
    assert found.observed == "none"
    described.diagnoses = [
        made("NLA_REQUIRED", "info", "a"),
        made("TLS_LEGACY_VERSION", "risk", "b", "c"),
        made("CERT_EXPIRED", "breaks_some"),
    ]
    found = check(FORBIDDEN, codes, described)
    assert (found.state, found.message) == ("failed", "found: TLS_LEGACY_VERSION, CERT_EXPIRED")
    assert (found.observed, found.diagnosis) == ("TLS_LEGACY_VERSION, CERT_EXPIRED", "TLS_LEGACY_VERSION")
    assert found.evidence == ("TLS_LEGACY_VERSION: b", "TLS_LEGACY_VERSION: c", "CERT_EXPIRED: CERT_EXPIRED it is.")


def test_a_diagnosis_that_nobody_looked_for_is_open() -> None:
    described = sound()
    assert told(FORBIDDEN, ["CERT_EXPIRED", "UDP_UNREACHABLE"], described) == (
        "unknown",
        "UDP_UNREACHABLE could not be told: UDP was not asked for",
    )
    described.diagnoses = [made("CERT_EXPIRED", "risk", "x")]
    assert check(FORBIDDEN, ["UDP_UNREACHABLE", "CERT_EXPIRED"], described).state == "failed"
    assert check(FORBIDDEN, ["UDP_UNREACHABLE"], described).state == "unknown"


SEVERITIES: list[Severity] = ["blocker", "breaks_some", "risk", "info"]


@pytest.mark.parametrize("most", SEVERITIES)
@pytest.mark.parametrize("worst", SEVERITIES)
def test_worst(most: Severity, worst: Severity) -> None:
    described = sound()
    described.diagnoses = [made("CERT_VARIES", "info", "x"), made("CERT_EXPIRED", worst, "x")]
    found = check(WORST, most, described)
    if SEVERITIES.index(worst) < SEVERITIES.index(most):
        assert (found.state, found.message) == ("failed", "found: CERT_EXPIRED")
        assert (found.diagnosis, found.observed) == ("CERT_EXPIRED", "CERT_EXPIRED")
    else:
        assert (found.state, found.message) == ("passed", f"nothing more severe than {most} is found")
        assert found.observed == worst


def test_nothing_to_find() -> None:
    assert check(WORST, "info", sound()).observed == "none"


def test_what_may_be_worse_and_was_not_seen_is_open() -> None:
    described = sound()
    described.certificates = []
    for most, code in (("info", "CERT_EXPIRED"), ("risk", "CERT_EXPIRED"), ("breaks_some", "CERT_WEAK_KEY")):
        expected = f"{code} could not be told: the certificate of TLSv1.2 was not seen"
        assert told(WORST, most, described) == ("unknown", expected)
    assert check(WORST, "blocker", described).state == "passed"


def test_what_cannot_be_worse_need_not_be_seen() -> None:
    """Who asks an address has no name to compare, and a name that does not fit is a risk and never more."""
    described = sound()
    described.certificates[0].name_match = None
    assert check(WORST, "risk", described).state == "passed"
    why = "its names cannot be compared with the one asked for; --server-name gives one"
    assert told(WORST, "info", described) == ("unknown", f"CERT_NAME_MISMATCH could not be told: {why}")
    described = serving(chain(leaf(key=None)))
    assert described.negotiation is not None
    described.negotiation.protocols |= {"HYBRID": REFUSED, "HYBRID_EX": REFUSED}
    assert told(WORST, "risk", described)[1].startswith("CERT_WEAK_KEY could not be told")
    assert check(WORST, "blocker", described).state == "passed"
    described = serving(chain(leaf(signature_algorithm=None)))
    assert described.negotiation is not None
    described.negotiation.protocols |= {"HYBRID": REFUSED, "HYBRID_EX": REFUSED}
    assert told(WORST, "risk", described)[1].startswith("CERT_WEAK_SIGNATURE could not be told")
    described = sound()
    described.certificates[0].chain[0].self_signed = None  # information
    assert check(WORST, "risk", described).state == "passed"
    assert told(WORST, "info", described)[0] == "passed"


def test_what_depth_standard_does_not_ask_leaves_the_worst_alone() -> None:
    outside = {code for code, seen in SEEN.items() if seen.needs.udp or seen.needs.gateway or seen.needs.licensing}
    deep = {code for code, seen in SEEN.items() if seen.needs.full}
    assert outside == {
        *("UDP_UNREACHABLE", "GATEWAY_UNREACHABLE", "GATEWAY_NAME_LEAK"),
        *("REDIRECTED", "LICENSING_FAILED", "CONNECTION_LIMIT"),
    }
    assert deep == {"TLS_NO_SHARED_CIPHER", "TLS_WEAK_CIPHER"}
    described = sound()
    assert check(WORST, "info", described).state == "passed"
    described.gateway = Gateway(host="gw", port=443, state="unknown")
    assert check(WORST, "info", described).state == "passed"
    described.diagnoses = [made("GATEWAY_UNREACHABLE", "breaks_some", "x")]
    assert check(WORST, "risk", described).state == "failed"


def test_words_and_needs() -> None:
    assert KINDS[UDP].words("open") == "UDP is open"
    assert KINDS[KIND].words(["xrdp", "gnome"]) == "xrdp or gnome"
    assert KINDS[FORBIDDEN].words(["NOT_RDP", "CERT_EXPIRED"]) == "without NOT_RDP, CERT_EXPIRED"
    assert KINDS[WORST].words("risk") == "nothing more severe than risk"
    assert KINDS[WORST].needs("risk") == Needs(standard=True)
    needs = KINDS[FORBIDDEN].needs(["UDP_UNREACHABLE", "CERT_EXPIRED"])
    assert (needs.udp, needs.certificates, needs.gateway, needs.standard) == (True, True, False, False)


@pytest.mark.parametrize(
    ("key", "value"),
    [(UDP, "silent"), (KIND, []), (KIND, ["unknown"]), (FORBIDDEN, []), (FORBIDDEN, ["CERT_EXPIRD"]), (WORST, "error")],
)
def test_values_that_are_none(key: str, value: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(value, KINDS[key].value)


def test_every_code_of_servers_can_be_forbidden() -> None:
    of_servers = [code for code in CATALOGUE if not code.startswith("CLIENT_")]
    assert msgspec.convert(of_servers, KINDS[FORBIDDEN].value) == of_servers
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(["CLIENT_REJECTED_TLS"], KINDS[FORBIDDEN].value)
    assert rdp(RDP=ACCEPTED).diagnoses == []


def test_every_kind_of_server_can_be_demanded() -> None:
    kinds = ["windows", "xrdp", "freerdp", "gnome", "weston", "virtualbox"]
    assert msgspec.convert(kinds, KINDS[KIND].value) == kinds
    for kind in kinds:
        described = rdp()
        described.server = Server(kind=kind, certainty="likely")
        assert check(KIND, [kind], described).state == "passed"
