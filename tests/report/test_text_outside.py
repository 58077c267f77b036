"""UDP and the gateway for a person."""

from __future__ import annotations

import pytest

from probe.report.text_outside import rows
from probe.result import Gateway, Ntlm, Udp
from tests.diagnosis import results


def told(udp: Udp | None = None, gateway: Gateway | None = None) -> list[tuple[str, str]]:
    result = results.result()
    result.udp, result.gateway = udp, gateway
    return list(rows(result))


def test_nothing_is_told_of_what_was_not_asked() -> None:
    assert told() == []


@pytest.mark.parametrize(
    ("udp", "words"),
    [
        (
            Udp(port=3389, state="open", offered="3.0", version="3.0", up_mtu=1232, down_mtu=1200),
            "open, RDP-UDP 3 · MTU 1232 up, 1200 down",
        ),
        (Udp(port=3389, state="silent", offered="3.0", sent=3), "no answer to 3 datagrams (closed or filtered)"),
        (
            Udp(port=3389, state="refused", offered="3.0", cause="Connection refused"),
            "refused: ICMP says that nothing listens",
        ),
        (
            Udp(port=3389, state="unreachable", offered="3.0", cause="No route to host"),
            "unreachable · No route to host",
        ),
        (Udp(port=3389, state="malformed", offered="3.0"), "something else answers: no SYN+ACK of RDP-UDP"),
        (Udp(port=3389, state="unknown", offered="3.0"), "not settled: the audit ended first"),
    ],
)
def test_udp(udp: Udp, words: str) -> None:
    assert told(udp=udp) == [("UDP 3389", words)]


@pytest.mark.parametrize(
    ("gateway", "words"),
    [
        (
            Gateway(host="gw.example", port=443, state="rd_gateway", certainty="certain", schemes=["PAA"], server="I"),
            "gw.example:443 · RD Gateway · asks for PAA · I",
        ),
        (
            Gateway(host="::1", port=8443, state="rd_gateway", certainty="likely"),
            "[::1]:8443 · RD Gateway (likely)",
        ),
        (
            Gateway(host="gw", port=443, state="http", status=404, reason="Not Found"),
            "gw:443 · another web server: 404 Not Found",
        ),
        (Gateway(host="gw", port=443, state="http"), "gw:443 · another web server: an answer that cannot be read"),
        (Gateway(host="gw", port=443, state="silent"), "gw:443 · no answer"),
        (Gateway(host="gw", port=443, state="refused", cause="x"), "gw:443 · connection refused"),
        (Gateway(host="gw", port=443, state="unreachable", cause="no name"), "gw:443 · unreachable: no name"),
        (Gateway(host="gw", port=443, state="unreachable"), "gw:443 · unreachable"),
        (
            Gateway(host="gw", port=443, state="unknown", status=401),
            "gw:443 · a web server that wants a login for every path: whether it is an RD Gateway is not settled",
        ),
        (Gateway(host="gw", port=443, state="unknown"), "gw:443 · not settled: the audit ended first"),
    ],
)
def test_the_gateway(gateway: Gateway, words: str) -> None:
    assert told(gateway=gateway) == [("Gateway", words)]


def test_the_names_that_its_challenge_tells() -> None:
    ntlm = Ntlm(netbios_domain="CORP", netbios_computer="GW01", dns_computer="gw01.corp", os_build="10.0.20348")
    [_, names] = told(gateway=Gateway(host="gw", port=443, state="rd_gateway", ntlm=ntlm))
    assert names == ("", "its NTLM challenge names CORP\\GW01, gw01.corp, build 10.0.20348")


def test_a_challenge_without_names_is_no_line() -> None:
    assert len(told(gateway=Gateway(host="gw", port=443, state="rd_gateway", ntlm=Ntlm()))) == 1
