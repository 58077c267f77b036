"""Every situation, in the order in which docs/matrix.md tells of them."""

from __future__ import annotations

from collections.abc import Mapping

from tests.matrix import rows_certificates, rows_connection, rows_freerdp, rows_negotiation, rows_tls, rows_xrdp
from tests.matrix.situation import Situation

GROUPS: Mapping[str, tuple[Situation, ...]] = {
    "xrdp": rows_xrdp.ROWS,
    "FreeRDP and weston": rows_freerdp.ROWS,
    "Negotiation": rows_negotiation.NEGOTIATION,
    "A server that turns everybody away": rows_negotiation.FAILURES,
    "Network Level Authentication": rows_negotiation.CREDSSP,
    "Standard RDP Security": rows_negotiation.STANDARD,
    "The licensing phase": rows_negotiation.LICENSING,
    "TLS": rows_tls.ROWS,
    "Certificates": rows_certificates.ROWS,
    "Other services": rows_connection.FOREIGN,
    "No answer, or none of RDP's": rows_connection.SILENT,
    "Slow, lossy and shared ways": rows_connection.WAYS,
}
SITUATIONS: tuple[Situation, ...] = tuple(row for rows in GROUPS.values() for row in rows)
