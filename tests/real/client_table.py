"""Run every visitor at every server, and write what came of it into docs/clients.md:

    .venv/bin/python -m tests.real.client_table

Exit status 1 where something that was said did not come true. Read the difference before it is committed.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.real import certificates
from tests.real.client_agreement import SITUATIONS, Place, Row, visited
from tests.real.clients import RealClients
from tests.real.freerdp import virtual_display
from tools.make_clients import MARK, PATH, page

_HEAD = """
Each server was audited, then the client itself was run against it: xfreerdp 2.11.7 and rdesktop 1.9.0 of Debian 12,
2026-11. "In" is a client whose TLS, CredSSP or Standard RDP Security was done, by its own words or by the screen that
the server sent. `tests/real/test_clients_agree.py` repeats all of it; `python -m tests.real.client_table` writes this.

| server | client | said | seen | because |
|---|---|---|---|---|
"""
_SAID = {True: "connects", False: "fails", None: "unknown"}


def rows() -> Iterable[Row]:
    """Everything, one server after another."""
    with tempfile.TemporaryDirectory(prefix="rdp-") as name, virtual_display() as display, RealClients() as clients:
        directory = Path(name)
        place = Place(
            directory=directory,
            display=display,
            rsa=certificates.rsa(directory),
            ecdsa=certificates.ecdsa(directory),
            rdp4_key=certificates.rsa_key_pem(directory),
        )
        for situation in SITUATIONS:
            yield from visited(situation, place, clients)


def described(row: Row) -> str:
    """One line of the table."""
    said = _SAID[row.said.connects]
    if row.said.fails_at is not None:
        said += f" at {row.said.fails_at}, `{row.said.diagnosis}`"
    elif row.said.protocol is not None:
        said += f", {row.said.protocol}{f' {row.said.version}' if row.said.version else ''}"
    seen = "in" if row.got_in else "not in"
    mark = {True: "", False: " **(disagrees)**", None: ""}[row.agrees]
    return f"| {row.situation} | {row.said.client} | {said} | {seen}{mark} | {row.said.because} |\n"


def main() -> int:
    found = list(rows())
    agreed = sum(row.agrees is True for row in found)
    unknown = sum(row.agrees is None for row in found)
    total = f"\n{len(found)} visits: {agreed} as said, {unknown} of which nothing was said, "
    total += f"{len(found) - agreed - unknown} otherwise.\n"
    PATH.write_text(page() + _HEAD + "".join(described(row) for row in found) + total, "utf-8")
    return 0 if agreed + unknown == len(found) else 1


if __name__ == "__main__":
    assert PATH.read_text("utf-8").count(MARK) == 1
    sys.exit(main())
