"""Times, budgets and addresses of a live audit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What bounds every wait and every read. Times are seconds, budgets bytes."""

    step_s: float = 5.0  # the longest silence that is waited for
    deadline_s: float = 60.0  # the longest audit of one target
    per_host: int = 2  # connections open to one server at a time; xrdp's backlog is 2
    source_address: str | None = None
    plain_bytes: int = 64 * 1024  # an exchange without TLS
    tls_bytes: int = 1024 * 1024  # one with TLS
    ca_file: str | None = None  # PEM; the roots to trust in place of the system's
