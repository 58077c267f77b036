"""How rules and explanations read a stored certificate: its name for a person, its times, and what soon means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from probe.result import Certificate

SOON = timedelta(days=30)  # before its end a certificate expires soon


def name_of(certificate: Certificate) -> str:
    """Its subject, or its fingerprint where it has none."""
    return certificate.subject or f"SHA-256 {certificate.sha256}"


def moment(text: str | None) -> datetime | None:
    """A stored time; None where there is none or it cannot be read. Without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(text) if text is not None else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found
