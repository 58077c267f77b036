"""Every diagnosis code and its texts, in one table."""

from __future__ import annotations

from collections.abc import Mapping

from probe.diagnosis import (
    catalogue_certificate,
    catalogue_certificate_make,
    catalogue_client,
    catalogue_connection,
    catalogue_farm,
    catalogue_licensing,
    catalogue_negotiation,
    catalogue_nla,
    catalogue_outside,
    catalogue_security,
    catalogue_tls,
    catalogue_tls_dropped,
    catalogue_x224,
)
from probe.diagnosis.rule import Diagnosis

CATALOGUE: Mapping[str, Diagnosis] = {
    entry.code: entry
    for module in (
        catalogue_connection,
        catalogue_x224,
        catalogue_negotiation,
        catalogue_nla,
        catalogue_security,
        catalogue_tls,
        catalogue_tls_dropped,
        catalogue_certificate,
        catalogue_certificate_make,
        catalogue_client,
        catalogue_farm,
        catalogue_licensing,
        catalogue_outside,
    )
    for entry in vars(module).values()
    if isinstance(entry, Diagnosis)
}
