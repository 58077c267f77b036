"""What is said after a scan whose own machine was so busy that silences may have been its fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probe.language import _

if TYPE_CHECKING:
    from probe.scan.work import Pool


def lateness(pool: Pool, step_s: float) -> str | None:
    """A remark, or None where nothing is amiss. What workers of a cluster were like is not known here."""
    from probe.scan.lateness import matters

    late_s: float = getattr(pool, "late_s", 0.0)
    if not matters(late_s, step_s):
        return None
    return _(
        "This machine was busy, and up to {milliseconds} ms late to look at its connections: with fewer at once "
        "(--concurrency) timeouts would be more certain.",
        milliseconds=f"{1000 * late_s:,.0f}",
    )
