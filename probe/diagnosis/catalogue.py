"""Every diagnosis code and its texts, in one table."""

from __future__ import annotations

from collections.abc import Mapping

from probe.diagnosis import (
    catalogue_certificate,
    catalogue_connection,
    catalogue_negotiation,
    catalogue_security,
    catalogue_tls,
)
from probe.diagnosis.rule import Diagnosis

CATALOGUE: Mapping[str, Diagnosis] = {
    entry.code: entry
    for module in (
        catalogue_connection,
        catalogue_negotiation,
        catalogue_security,
        catalogue_tls,
        catalogue_certificate,
    )
    for entry in vars(module).values()
    if isinstance(entry, Diagnosis)
}
