"""A server that was hardened, proved on real ones: xrdp before and after, and NLA by FreeRDP's shadow server.

xrdp 0.9.21 reads its settings anew for every connection, so that before and after are one server at one address.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from probe.cli.main import main
from tests.real.conftest import Certificates
from tests.real.process import free_endpoint
from tests.real.servers import SOURCE_ADDRESS, FreeRdpShadow, Server, Xrdp
from tests.real.xrdp import SECURITY_LEVEL_0, TLS_1_0_TO_1_3

ROOT = Path(__file__).parent.parent.parent
HARDENED = {
    "security_layer": "tls",
    "ssl_protocols": "TLSv1.2, TLSv1.3",
    "tls_ciphers": "ECDHE+AESGCM:ECDHE+CHACHA20",
}
PIPES: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
ASKING = ["--source-address", SOURCE_ADDRESS]


@pytest.fixture
def server() -> Iterator[Server]:
    """One that offers everything."""
    with Xrdp(security_layer="negotiate", ssl_protocols=TLS_1_0_TO_1_3, tls_ciphers=SECURITY_LEVEL_0) as found:
        yield found


@pytest.fixture
def policy(tmp_path: Path) -> str:
    """The one that docs/verify.md shows."""
    page = (ROOT / "docs" / "verify.md").read_text("utf-8")
    text = re.search(r"```toml\n(name = .*?)```", page, re.DOTALL)
    assert text is not None
    path = tmp_path / "linux.toml"
    path.write_text(text[1])
    return str(path)


def harden(server: Server, settings: dict[str, str]) -> None:
    path = server.directory / "xrdp.ini"
    text = path.read_text()
    for key, value in settings.items():
        text, count = re.subn(rf"^{key}=.*$", f"{key}={value}", text, flags=re.MULTILINE)
        assert count == 1
    path.write_text(text)


def states(document: str) -> dict[str, str]:
    return {rule["rule"]: rule["state"] for rule in json.loads(document)["rules"]}


def test_before_it_fails_and_after_it_passes(
    server: Server, policy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = str(tmp_path / "before.ndjson"), str(tmp_path / "after.ndjson")
    ask = ["verify", server.target, "--policy", policy, *ASKING]
    assert main([*ask, "--json", "--save", before]) == 1
    found = states(capsys.readouterr().out)
    assert {key for key, state in found.items() if state == "failed"} == {
        "protocols.forbidden",
        "tls.min_version",
        "tls.forbidden_suites",
    }
    assert found["certificate.trusted"] == "waived"

    harden(server, HARDENED)
    assert main([*ask, "--json", "--save", after]) == 0
    assert set(states(capsys.readouterr().out).values()) == {"passed", "waived"}
    # What was seen then is judged as it was, without the server.
    assert main(["verify", "--results", before, "--policy", policy]) == 1
    assert main(["verify", "--results", after, "--policy", policy]) == 0
    capsys.readouterr()


def test_the_difference_names_exactly_what_was_changed(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = str(tmp_path / "before.ndjson"), str(tmp_path / "after.ndjson")
    keep = ["verify", server.target, *ASKING, "-q", "--save"]
    assert main([*keep, before]) == 0
    assert main(["verify", server.target, "--baseline", before, "--exact", *ASKING]) == 0
    harden(server, {key: HARDENED[key] for key in ("security_layer", "ssl_protocols")})
    assert main([*keep, after]) == 0
    capsys.readouterr()
    assert main(["diff", "--json", before, after]) == 1
    changes = json.loads(capsys.readouterr().out)["changes"]
    assert {(each["field"], each["direction"]) for each in changes if each["kind"] != "clients"} == {
        ("negotiation.protocols.RDP", "better"),
        ("tls.versions.TLSv1.0", "better"),
        ("tls.versions.TLSv1.1", "better"),
    }
    lost = {each["direction"]: each["message"] for each in changes if each["kind"] == "clients"}
    assert lost.keys() == {"worse", "changed"}  # who connected before, and of whom nobody knew
    assert lost["worse"].endswith(": Windows XP (mstsc 5.1, 5.2)")


def test_what_if_tells_before_what_is_seen_after(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    change = "tls.min=1.2,standard_rdp=off"
    assert main(["verify", server.target, "--what-if", change, "--json", *ASKING]) == 1
    clients = json.loads(capsys.readouterr().out)["what_if"]["clients"]
    told = {each["client"]: each["after"] for each in clients}
    harden(server, {key: HARDENED[key] for key in ("security_layer", "ssl_protocols")})
    main(["host", server.target, "--depth", "full", "--json", *ASKING])
    seen = {each["client"]: each["connects"] for each in json.loads(capsys.readouterr().out)["clients"]}
    assert {name: known for name, known in told.items() if known is not None and known != seen[name]} == {}
    assert [name for name, known in told.items() if known is False] != []


def test_nla_of_freerdp_is_proved(
    display: str, made: Certificates, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "nla.toml"
    path.write_text('name = "nla"\n[protocols]\nnla = "required"\n[tls]\nmin_version = "TLSv1.2"\n')
    with FreeRdpShadow("/sec:nla", display=display, certificate=made.rsa) as server:
        assert main(["verify", server.target, "--policy", str(path), *ASKING]) == 0
    with FreeRdpShadow("/sec:tls", display=display, certificate=made.rsa) as server:
        assert main(["verify", server.target, "--policy", str(path), *ASKING, "--json"]) == 1
    assert states(capsys.readouterr().out.splitlines()[-1])["protocols.nla"] == "failed"


def test_one_host_at_the_strict_policy_needs_few_connections(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    harden(server, HARDENED)
    main(["verify", server.target, "--policy", "strict", "--json", *ASKING])
    found = json.loads(capsys.readouterr().out)
    assert found["connections"] <= 20
    assert {rule["rule"] for rule in found["rules"] if rule["state"] == "unknown"} <= {"certificate.name_match"}


def test_a_server_that_restarts_is_waited_for(tmp_path: Path, policy: str) -> None:
    endpoint = free_endpoint()
    argv = [sys.executable, "-m", "probe.cli.main", "verify", f"{endpoint[0]}:{endpoint[1]}", "--policy", policy]
    with subprocess.Popen([*argv, "--retry-until", "2m", *ASKING], **PIPES) as process, ExitStack() as stack:
        stack.callback(process.kill)
        assert process.stderr is not None
        assert "asking again" in process.stderr.readline()  # nothing listens yet
        started = Xrdp(
            security_layer="tls", ssl_protocols=HARDENED["ssl_protocols"], tls_ciphers=HARDENED["tls_ciphers"]
        ).arrange(tmp_path, endpoint, stack)
        stack.callback(started.stop)
        out, err = process.communicate(timeout=120)
        assert out.startswith("PASS")
        assert re.search(r"passes, asked \d+ times", err)
        assert process.returncode == 0
