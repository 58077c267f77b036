"""Security protocol facts as words a person can act on: diagnoses are functions of a stored result."""

from __future__ import annotations

from probe.diagnosis.catalogue import CATALOGUE
from probe.diagnosis.diagnosing import diagnose
from probe.diagnosis.rule import Diagnosis, Evidence

__all__ = ["CATALOGUE", "Diagnosis", "Evidence", "diagnose"]
