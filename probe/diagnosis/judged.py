"""All that is said of a stored result: its diagnoses, and which clients can connect."""

from __future__ import annotations

import copy

from probe.diagnosis.alike import remembered
from probe.diagnosis.captures import tells_of_clients
from probe.diagnosis.clients import evaluate
from probe.diagnosis.diagnosing import diagnose
from probe.diagnosis.simulated import measured
from probe.result import Client, Result


def judge(result: Result) -> None:
    """Fill in `diagnoses` and `clients`, in the language that is spoken (see `probe.language`)."""
    result.diagnoses = remembered(result) if result.capture is not None else diagnose(result)
    result.clients = clients_of(result)


def clients_of(result: Result) -> list[Client]:
    """Every known client as it follows, or as it was measured where it was; with --simulate those measured alone.

    None of a capture of what others asked: it tells of the clients that are in it, and too little of the server.
    """
    if not tells_of_clients(result):
        return []
    if result.is_simulation:
        return measured(result)
    if not result.simulated:
        return evaluate(result)
    shown = copy.copy(result)
    shown.clients = measured(result)
    return evaluate(shown)
