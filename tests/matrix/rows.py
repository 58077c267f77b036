"""Every situation, in the order in which docs/matrix.md tells of them."""

from __future__ import annotations

from collections.abc import Mapping

from tests.matrix import rows_certificates, rows_xrdp
from tests.matrix.situation import Situation

GROUPS: Mapping[str, tuple[Situation, ...]] = {
    "xrdp": rows_xrdp.ROWS,
    "Certificates": rows_certificates.ROWS,
}
SITUATIONS: tuple[Situation, ...] = tuple(row for rows in GROUPS.values() for row in rows)
