"""When UDP and the RD Gateway are worth a diagnosis, and when not."""

from __future__ import annotations

import pytest

from probe.diagnosis import catalogue_outside as catalogue
from probe.diagnosis import diagnose
from probe.diagnosis.diagnosing import told
from probe.diagnosis.rule import Cause
from probe.result import Diagnosis, Gateway, GatewayState, Ntlm, Result, Server, Udp, UdpState
from tests.diagnosis import results

CORP = Ntlm(
    target_name="CORP",
    netbios_domain="CORP",
    netbios_computer="GW01",
    dns_domain="corp.internal",
    dns_computer="gw01.corp.internal",
    dns_tree="corp.internal",
)


def codes(result: Result) -> list[str]:
    return [found.code for found in diagnose(result)]


def with_udp(state: UdpState, **fields: object) -> Result:
    result = results.result()
    result.udp = Udp(port=3389, state=state, offered="3.0", sent=3, **fields)  # type: ignore[arg-type]
    return result


def with_gateway(state: GatewayState, host: str = "gw.example", **fields: object) -> Result:
    result = results.result()
    result.gateway = Gateway(host=host, port=443, state=state, **fields)  # type: ignore[arg-type]
    return result


def only(result: Result, code: str) -> Diagnosis:
    [found] = [each for each in diagnose(result) if each.code == code]
    return found


def first_cause(found: Diagnosis, cause: Cause) -> bool:
    return found.causes[0].startswith(cause.text)


def test_nothing_is_said_of_what_was_not_asked() -> None:
    assert codes(results.result()) == []


@pytest.mark.parametrize("state", ["open", "malformed", "unknown"])
def test_udp_that_was_answered_is_no_finding(state: UdpState) -> None:
    assert codes(with_udp(state)) == []


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("silent", "3 SYN datagrams to UDP 192.0.2.7:3389 were not answered"),
        ("refused", "a SYN datagram to UDP 192.0.2.7:3389 was answered by ICMP: nothing listens there"),
        ("unreachable", "UDP 192.0.2.7:3389 cannot be reached: Network is unreachable"),
    ],
)
def test_udp_that_was_not_answered_is_worth_knowing(state: UdpState, said: str) -> None:
    found = only(with_udp(state, cause="Network is unreachable"), "UDP_UNREACHABLE")
    assert (found.severity, found.evidence) == ("info", [said])
    assert "TCP" in found.summary


def test_udp_of_a_server_that_has_none_is_not_blamed_on_a_firewall() -> None:
    silent, xrdp = with_udp("silent"), with_udp("silent")
    xrdp.server = Server(kind="xrdp", certainty="likely")
    assert first_cause(only(silent, "UDP_UNREACHABLE"), catalogue.UDP_FILTERED)
    assert first_cause(only(xrdp, "UDP_UNREACHABLE"), catalogue.UDP_NOT_KNOWN)


def test_a_refusal_by_icmp_is_no_firewall_that_drops() -> None:
    causes = only(with_udp("refused"), "UDP_UNREACHABLE").causes
    assert not any("drops" in cause or "silent" in cause for cause in causes)
    assert told(catalogue.UDP_TURNED_AWAY) in causes
    assert told(catalogue.UDP_TURNED_AWAY) not in only(with_udp("silent"), "UDP_UNREACHABLE").causes
    assert told(catalogue.UDP_FILTERED) in only(with_udp("unreachable"), "UDP_UNREACHABLE").causes


@pytest.mark.parametrize("state", ["rd_gateway", "unknown"])
def test_a_gateway_that_answers_or_was_not_heard_is_no_finding(state: GatewayState) -> None:
    assert codes(with_gateway(state)) == []


@pytest.mark.parametrize(
    ("fields", "said", "cause"),
    [
        ({"state": "refused"}, "the connection was refused", catalogue.GATEWAY_DOWN),
        ({"state": "silent"}, "nothing answers", catalogue.GATEWAY_FILTERED),
        ({"state": "closed"}, "the connection was closed without an answer", None),
        ({"state": "unreachable"}, "it cannot be reached", None),
        ({"state": "unreachable", "cause": "Name or service not known"}, "Name or service not known", None),
        ({"state": "tls_only"}, "RDG_OUT_DATA was not answered", catalogue.GATEWAY_ELSEWHERE),
        ({"state": "tls_failed"}, "TLS was not agreed on", None),
        ({"state": "not_tls"}, "no TLS", catalogue.GATEWAY_ELSEWHERE),
        ({"state": "not_http"}, "no web server", catalogue.GATEWAY_ELSEWHERE),
        ({"state": "http"}, "HTTP that cannot be read", catalogue.GATEWAY_ELSEWHERE),
        ({"state": "http", "status": 404, "reason": "Not Found"}, "HTTP 404 Not Found", catalogue.GATEWAY_ELSEWHERE),
        ({"state": "http", "status": 405}, "by HTTP 405", catalogue.GATEWAY_PROXY_METHOD),
        ({"state": "http", "status": 503}, "by HTTP 503", catalogue.GATEWAY_DOWN),
        ({"state": "http", "status": 401, "schemes": ["Basic"]}, "asking for Basic", catalogue.GATEWAY_ELSEWHERE),
    ],
)
def test_no_gateway_breaks_those_who_go_through_it(fields: dict[str, object], said: str, cause: Cause | None) -> None:
    found = only(with_gateway(**fields), "GATEWAY_UNREACHABLE")  # type: ignore[arg-type]
    assert found.severity == "breaks_some"
    assert found.summary.startswith("No RD Gateway answers at gw.example:443")
    assert len(found.evidence) == 1
    assert found.evidence[0].startswith("gw.example:443: ")
    assert said in found.evidence[0]
    assert cause is None or first_cause(found, cause)


def test_an_address_of_ipv6_is_bracketed() -> None:
    found = only(with_gateway("refused", host="2001:db8::1"), "GATEWAY_UNREACHABLE")
    assert "[2001:db8::1]:443" in found.summary


def test_names_of_internal_machines_are_named() -> None:
    found = only(with_gateway("rd_gateway", ntlm=CORP), "GATEWAY_NAME_LEAK")
    assert found.severity == "risk"
    assert found.summary.endswith("gw01.corp.internal, GW01, corp.internal, CORP.")
    assert found.evidence == [
        "its NTLM challenge, which needs no login, names gw01.corp.internal, GW01, corp.internal, CORP"
    ]


@pytest.mark.parametrize(
    ("certainty", "subject"),
    [
        ("certain", "The RD Gateway tells"),
        ("likely", "What answers as an RD Gateway does tells"),
        (None, "What answers as an RD Gateway does tells"),
    ],
)
def test_who_names_them_is_said_as_surely_as_it_is_known(certainty: str | None, subject: str) -> None:
    found = only(with_gateway("rd_gateway", ntlm=CORP, certainty=certainty), "GATEWAY_NAME_LEAK")
    assert found.summary == (
        f"{subject} anybody the names of internal machines: gw01.corp.internal, GW01, corp.internal, CORP."
    )


def test_a_server_that_wants_a_login_for_every_path_is_no_gateway_for_sure() -> None:
    assert codes(with_gateway("unknown", status=401, schemes=["NTLM"], ntlm=CORP)) == []


@pytest.mark.parametrize(
    "ntlm",
    [
        None,
        Ntlm(),
        Ntlm(dns_computer="GW.Example.", netbios_computer="gw", target_name="GW"),
        Ntlm(dns_computer="gw.example", dns_domain="example", dns_tree="EXAMPLE"),
    ],
)
def test_names_that_who_asks_already_knows_are_no_leak(ntlm: Ntlm | None) -> None:
    assert codes(with_gateway("rd_gateway", ntlm=ntlm)) == []


def test_a_part_of_the_name_that_is_no_domain_of_it_is_a_leak() -> None:
    assert codes(with_gateway("rd_gateway", ntlm=Ntlm(netbios_computer="W"))) == ["GATEWAY_NAME_LEAK"]


def test_another_web_server_leaks_nothing_of_a_gateway() -> None:
    assert codes(with_gateway("http", status=404, ntlm=CORP)) == ["GATEWAY_UNREACHABLE"]


def test_a_name_in_other_letters_is_named_once() -> None:
    found = only(with_gateway("rd_gateway", ntlm=Ntlm(dns_computer="vm", netbios_computer="VM")), "GATEWAY_NAME_LEAK")
    assert found.summary.endswith(": vm.")


def test_a_gateway_is_windows_whatever_is_behind_it() -> None:
    behind = with_gateway("refused")
    behind.server = Server(kind="xrdp", certainty="certain")
    assert first_cause(only(behind, "GATEWAY_UNREACHABLE"), catalogue.GATEWAY_DOWN)
    leaking = with_gateway("rd_gateway", ntlm=CORP)
    leaking.server = Server(kind="windows", certainty="certain")
    assert only(leaking, "GATEWAY_NAME_LEAK").remedies[0] == catalogue.GATEWAY_NAME_LEAK.remedies[0].text
