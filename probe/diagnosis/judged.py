"""All that is said of a stored result: its diagnoses, and which clients can connect."""

from __future__ import annotations

from probe.diagnosis.clients import evaluate
from probe.diagnosis.diagnosing import diagnose
from probe.diagnosis.simulated import measured
from probe.result import Client, Result


def judge(result: Result) -> None:
    """Fill in `diagnoses` and `clients`, in the language that is spoken (see `probe.language`)."""
    result.diagnoses = diagnose(result)
    result.clients = clients_of(result)


def clients_of(result: Result) -> list[Client]:
    """The clients that were simulated, as they were measured; where none was, every known one as it follows."""
    return measured(result) if result.simulated else evaluate(result)
