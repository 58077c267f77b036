"""The option --simulate: what it takes, and what a person reads."""

from __future__ import annotations

import io

import pytest

from probe.cli.host import works
from probe.cli.main import main
from probe.clients import CLIENTS
from probe.diagnosis.judged import clients_of
from probe.diagnosis.simulated import measured
from probe.report.text import console, render, verdict_line
from probe.result import Client, Registered, Result, SimulatedRequest, Simulation, Target

SUITE = Registered(code="0x1302", name="TLS_AES_256_GCM_SHA384")


def result_of(*simulated: Simulation, status: str = "rdp") -> Result:
    result = Result(
        target=Target(input="192.0.2.7", host="192.0.2.7", port=3389, address="192.0.2.7"),
        started="2026-11-21T02:00:00.000Z",
        elapsed_ms=12.0,
        depth="standard",
        connections=2,
        bytes_sent=1,
        bytes_received=1,
        status=status,  # type: ignore[arg-type]
        simulated=list(simulated),
    )
    result.clients = clients_of(result)
    return result


def asked(*names: str, **fields: object) -> SimulatedRequest:
    return SimulatedRequest(requested=list(names), **fields)  # type: ignore[arg-type]


GETS_IN = Simulation(
    client="freerdp2",
    requests=[
        asked("SSL", "HYBRID", stage="credssp", connects=True, selected="HYBRID", version="TLSv1.3", cipher_suite=SUITE)
    ],
)
FAILS = Simulation(
    client="rdesktop",
    requests=[
        asked("SSL", "HYBRID", stage="tls", connects=False, selected="SSL", reason="reset", ending="reset"),
        asked("RDP", stage="negotiation", connects=False, failure="SSL_REQUIRED_BY_SERVER"),
    ],
)
UNKNOWN = Simulation(
    client="mstsc-xp", requests=[asked(stage="encryption", connects=None, reason="timed_out", ending="timed_out")]
)


def shown(result: Result) -> str:
    stream = io.StringIO()
    render(result, console(stream))
    return stream.getvalue()


def test_the_list_needs_no_target(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["host", "--simulate", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(CLIENTS)
    assert all(profile.name in line for profile, line in zip(CLIENTS.values(), lines, strict=True))
    assert main(["demo", "--simulate", "list"]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--simulate", "freerd2", "srv1.example"], "perhaps freerdp2"),
        (["--simulate", "zzzzzz", "srv1.example"], "hint: see --simulate list"),
        ([], "error: there is no target"),
        (["--simulate", "freerdp2"], "error: there is no target"),
    ],
)
def test_what_cannot_be_understood(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["host", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_key_may_be_written_in_capitals(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["host", "-q", "--port", "1", "--simulate", "FreeRDP2", "127.0.70.99"]) == 1
    assert "FreeRDP 2.11 cannot connect" in capsys.readouterr().out


def test_the_verdict_comes_first() -> None:
    text = shown(result_of(GETS_IN))
    assert text.splitlines()[2] == "FreeRDP 2.11 connects: HYBRID, TLSv1.3, TLS_AES_256_GCM_SHA384 (measured)"
    assert "another TLS library" in text
    assert text.count("FreeRDP 2.11") == 1


def test_where_it_failed_stands_as_a_path() -> None:
    text = shown(result_of(FAILS, UNKNOWN, GETS_IN))
    assert "rdesktop 1.9 cannot connect: SSL+HYBRID: connection reset (measured)" in text
    assert "  TCP ok > asked for SSL+HYBRID > SSL selected > ClientHello sent > connection reset" in text
    assert "  TCP ok > asked for RDP > SSL_REQUIRED_BY_SERVER" in text
    assert 'They see: "tcp_tls_connect(), TLS handshake failed."' in text
    assert "Whether Windows XP (mstsc 5.1, 5.2) connects is not known: a request without RDP_NEG_REQ: no answer" in text
    assert "  TCP ok > asked without RDP_NEG_REQ > no answer" in text


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        (asked("SSL", stage="tcp", connects=False, ending="reset"), "  connection reset"),
        (
            asked("HYBRID", selected="HYBRID", stage="credssp", connects=None, version="TLSv1.2", reason="closed"),
            "  TCP ok > asked for HYBRID > HYBRID selected > TLSv1.2 > CredSSP request sent > connection closed",
        ),
    ],
)
def test_other_paths(request_: SimulatedRequest, path: str) -> None:
    assert path in shown(result_of(Simulation(client="freerdp3", requests=[request_]))).splitlines()


def test_what_is_not_rdp_is_said_as_ever() -> None:
    text = shown(result_of(Simulation(client="freerdp2", requests=[]), status="refused"))
    assert "Nothing listens on 192.0.2.7:3389" in text


def test_one_line_holds_every_client() -> None:
    line = verdict_line(result_of(GETS_IN, FAILS))
    assert line.startswith("192.0.2.7:3389  FreeRDP 2.11 connects: HYBRID, TLSv1.3")
    assert "rdesktop 1.9 cannot connect" in line


def test_the_exit_status_is_that_of_the_clients() -> None:
    assert works(result_of(GETS_IN))
    assert not works(result_of(GETS_IN, FAILS))
    assert not works(result_of(GETS_IN, UNKNOWN))


def test_hostile_words_of_a_server_are_escaped() -> None:
    request = asked("SSL", stage="tls", connects=False, reason="alert \x1b[31m", selected="\x1b]0;x\x07")
    text = shown(result_of(Simulation(client="freerdp2", requests=[request])))
    assert "\x1b" not in text
    assert "\x07" not in text


def test_a_client_of_an_older_table_has_no_path() -> None:
    result = result_of(Simulation(client="nobody", requests=[]), GETS_IN)
    result.clients.append(Client(client="Nobody", connects=False, measured=True))
    assert "Nobody cannot connect" in shown(result)
    assert measured(result)[0].client == "FreeRDP 2.11"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("windows11", "mstsc-win11"),
        ("windows10", "mstsc-win10"),
        ("win7", "mstsc-win7"),
        ("rdsktop", "rdesktop"),
    ],
)
def test_a_client_by_another_name_leads_to_its_key(typed: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["host", "--simulate", typed, "127.0.0.1"]) == 2
    assert meant in capsys.readouterr().err
