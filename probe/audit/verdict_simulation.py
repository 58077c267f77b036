"""From readings to what --simulate measured: one entry a client, one a request, facts alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

from probe.audit.attempt import protocol_name, protocol_names
from probe.audit.outcome import group_of
from probe.audit.reading import Reading
from probe.audit.simulation import Step, Walk, walks
from probe.audit.verdict_tls import registered
from probe.handshake.machine import Ending
from probe.result import Registered, SimulatedRequest, Simulation
from probe.wire.gcc import encryption_method_names
from probe.wire.iana import GROUPS
from probe.wire.nego import NegotiationFailure, NegotiationResponse
from probe.wire.tls_hello import ServerHello
from probe.wire.tls_suites import suite_name
from probe.wire.tls_version import version_name


def simulations(clients: Iterable[str], readings: Sequence[Reading]) -> list[Simulation]:
    """What was measured of each client, in the order in which they were asked for."""
    return [_simulation(each) for each in walks(clients, readings)]


def _simulation(walk: Walk) -> Simulation:
    return Simulation(
        client=walk.profile.key,
        requests=[_request(step) for step in walk.steps],
        complete=walk.following is None,
    )


def _request(step: Step) -> SimulatedRequest:
    reading, protocols = step.reading, step.request.protocols
    described = SimulatedRequest(
        requested=[] if protocols is None else protocol_names(protocols),
        stage=step.stage,
        connects=step.connects,
        reason=step.reason,
    )
    answer = reading.negotiation
    if isinstance(answer, NegotiationResponse):
        described.selected = protocol_name(answer.selected)
    elif isinstance(answer, NegotiationFailure):
        described.failure = answer.code.name
    last = step.behind or reading
    if last.ending is not Ending.COMPLETE:
        described.ending = last.ending.value
    if reading.security is not None:
        described.methods = encryption_method_names(reading.security.encryption_method) or ["NONE"]
    if reading.server_hello is not None:
        _describe_hello(described, reading, reading.server_hello)
    if step.behind is not None:
        _describe_behind(described, step.behind)
    return described


def _describe_hello(described: SimulatedRequest, reading: Reading, hello: ServerHello) -> None:
    group = group_of(reading)
    described.version = version_name(hello.selected_version)
    described.cipher_suite = Registered(code=f"0x{hello.cipher_suite:04x}", name=suite_name(hello.cipher_suite))
    described.group = registered(group, GROUPS) if group is not None else None
    hellos = [message for message in reading.messages if isinstance(message, ServerHello)]
    described.retried = hellos[0].is_hello_retry_request
    if reading.chain:
        described.certificate = sha256(reading.chain[0]).hexdigest()


def _describe_behind(described: SimulatedRequest, behind: Reading) -> None:
    if behind.chain and described.certificate is None:
        described.certificate = sha256(behind.chain[0]).hexdigest()
    if behind.ts_request is not None:
        described.credssp = behind.ts_request.version
        described.mechanisms = ["NTLM"] if behind.challenge is not None else []
