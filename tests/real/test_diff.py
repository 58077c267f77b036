"""What diff says of a real server that was hardened: exactly that, and nothing of one that was not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from probe.result import Result, from_json
from probe.verify.baseline import changes, client_changes, undetermined
from tests.real.servers import Server, Xrdp
from tests.real.xrdp import SECURITY_LEVEL_0, TLS_1_0_TO_1_3

COMMAND = str(Path(sys.executable).parent / "rdp-probe")
HARDENED = {
    "security_layer=negotiate": "security_layer=tls",
    f"ssl_protocols={TLS_1_0_TO_1_3}": "ssl_protocols=TLSv1.2, TLSv1.3",
    f"tls_ciphers={SECURITY_LEVEL_0}": "tls_ciphers=DEFAULT",
}


def ask(server: Server, into: Path, *options: str) -> Result:
    with into.open("wb") as file:
        subprocess.run([COMMAND, "host", "--json", *options, server.target], stdout=file, timeout=60, check=True)
    return from_json(into.read_bytes())


def harden(server: Server) -> None:
    """xrdp reads its settings anew for each connection."""
    ini = server.directory / "xrdp.ini"
    text = ini.read_text()
    for loose, strict in HARDENED.items():
        assert loose in text
        text = text.replace(loose, strict)
    ini.write_text(text)


@pytest.mark.parametrize(
    ("depth", "more", "lost"),
    [
        (
            "standard",
            [("changed", "clients", "clients.connects")],
            [
                "Windows XP (mstsc 5.1, 5.2)",
                "Windows XP SP3 (mstsc 6.1, 7.0)",  # of these it was not known before
                "Windows 7 SP1 (mstsc 7.1, 8.1), without KB3080079",
            ],
        ),
        (
            "full",
            [("better", "security", "tls.signature_schemes")],
            ["Windows XP (mstsc 5.1, 5.2)", "Windows 7 SP1 (mstsc 7.1, 8.1), without KB3080079"],
        ),
    ],
)
def test_a_server_that_was_hardened(
    tmp_path: Path, depth: str, more: list[tuple[str, str, str]], lost: list[str]
) -> None:
    with Xrdp(security_layer="negotiate", ssl_protocols=TLS_1_0_TO_1_3, tls_ciphers=SECURITY_LEVEL_0) as server:
        before = ask(server, tmp_path / "before.ndjson", "--depth", depth)
        again = ask(server, tmp_path / "again.ndjson", "--depth", depth)
        harden(server)
        after = ask(server, tmp_path / "after.ndjson", "--depth", depth)
    assert changes(before, again) == []
    assert undetermined(before, again) == []
    assert [(each.direction, each.kind, each.field) for each in changes(before, after)] == [
        ("worse", "clients", "clients.connects"),
        ("better", "security", "negotiation.protocols.RDP"),
        ("better", "security", "tls.versions.TLSv1.0"),
        ("better", "security", "tls.versions.TLSv1.1"),
        *more,
    ]
    assert [each.client for each in client_changes(before, after)] == lost
    assert undetermined(before, after) == []
    for files, status in ((("before", "again"), 0), (("before", "after"), 1)):
        names = [str(tmp_path / f"{name}.ndjson") for name in files]
        assert subprocess.run([COMMAND, "diff", "-q", *names], capture_output=True, check=False).returncode == status
