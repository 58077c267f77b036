"""What connections showed that asked as a known client asks: facts, which `diagnosis.simulated` judges."""

from __future__ import annotations

from typing import Literal

import msgspec

from probe.result.common import EndingName
from probe.result.tls import Registered

SimulatedStage = Literal["tcp", "negotiation", "tls", "credssp", "encryption", "settings"]


class SimulatedRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One Connection Request of a client, and how far it led.

    `connects` is False where this client gets no further, and None where that is not known; `stage` is where.
    """

    requested: list[str]  # empty where the client sends no RDP_NEG_REQ; ["RDP"] for requestedProtocols 0
    stage: SimulatedStage  # the last that was reached
    connects: bool | None
    selected: str | None = None
    failure: str | None = None
    version: str | None = None  # of the ServerHello that answered the client's own hello
    cipher_suite: Registered | None = None
    group: Registered | None = None
    retried: bool = False  # a HelloRetryRequest came before that ServerHello
    certificate: str | None = None  # SHA-256 of the server's
    credssp: int | None = None  # the server's TSRequest version
    mechanisms: list[str] = []
    methods: list[str] | None = None  # of Standard RDP Security: what the server chose; ["NONE"] for no encryption
    reason: str | None = None  # what came in place of what the client needs, in the words of the wire
    ending: EndingName | None = None  # how the connection ended where nothing came


class Simulation(msgspec.Struct, kw_only=True):
    """One client: its requests in the order in which it sent them."""

    client: str  # its key, as --simulate takes it
    requests: list[SimulatedRequest] = []
    complete: bool = True  # False: it would have gone on, but no connection was left for it
