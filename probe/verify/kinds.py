"""Every key that a policy may have: importing this fills `rule.KINDS`, in the order of documentation."""

from __future__ import annotations

from probe.verify.rule import KINDS

__all__ = ["KINDS"]
