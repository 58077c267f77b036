"""What `rdp-probe --help` loads: nothing heavy. How long it takes is measured in benchmarks/."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {"trio", "msgspec", "rich", "cryptography", "OpenSSL", "scapy", "jinja2", "duckdb", "asyncio", "ssl"}
_SCRIPT = """
import contextlib, io, json, sys
from probe.cli.main import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main(sys.argv[1:])
print(json.dumps(sorted(sys.modules)))
"""


@pytest.mark.parametrize(
    "arguments", [["--help"], ["host", "--help"], ["export", "--help"], ["demo", "--help"], ["schema", "--help"]]
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    out = subprocess.run([sys.executable, "-c", _SCRIPT, *arguments], capture_output=True, text=True, check=True).stdout
    assert HEAVY & set(json.loads(out)) == set()


def test_importing_the_package_loads_nothing_heavy() -> None:
    script = "import json, sys, probe; print(json.dumps(sorted(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert HEAVY & set(json.loads(out)) == set()
