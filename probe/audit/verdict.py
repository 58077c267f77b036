"""From attempts to a Result. Pure: the clock is an argument, every fact comes from an event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from probe.audit.attempt import Attempt, protocol_name, protocol_names
from probe.audit.certificate import Circumstances, describe_chain
from probe.audit.outcome import reached_tls
from probe.audit.plan import Plan
from probe.audit.reading import Reading, read
from probe.audit.server_kind import server_kind
from probe.audit.service import banner_of, service_of
from probe.audit.settings import Settings
from probe.audit.steps import record
from probe.audit.trust import TrustJudge
from probe.audit.verdict_inside import credssp, standard_rdp, timestamp
from probe.audit.verdict_licensing import licensing
from probe.audit.verdict_needs import asked, describe_trials, narrow
from probe.audit.verdict_negotiation import answer_without_negotiation, negotiation
from probe.audit.verdict_simulation import simulations
from probe.audit.verdict_tls import direct_tls, tls, tls_of_one
from probe.handshake.machine import NEVER_OPENED, Ending
from probe.result import CertificateChain, Ntlm, Result, Status, Target
from probe.wire.nego import NegotiationFailure
from probe.wire.tls_version import SSL2, version_name

_STATUS: dict[Ending, Status] = {
    Ending.REFUSED: "refused",
    Ending.FILTERED: "filtered",
    Ending.UNREACHABLE: "unreachable",
    Ending.TIMED_OUT: "silent",
    Ending.DEADLINE: "silent",
    Ending.INTERRUPTED: "silent",
    Ending.ABANDONED: "silent",  # a watched client waited, and went
}

_ALIKE = {Ending.CLOSED, Ending.RESET}  # a close is a reset where our request came a moment earlier and is unread
_MOST_JUDGED = 8  # distinct chains of one server whose trust is judged; an honest one has two or three


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Everything one audit did. Times are seconds on the driver's clock, `started_at` is when `started` was."""

    target: Target
    settings: Settings
    server_name: str | None
    attempts: tuple[Attempt, ...]
    plan: Plan  # what would still be asked
    started: float
    ended: float
    started_at: datetime
    past_deadline_s: float | None = None  # the target's deadline, where it cut the audit short
    trust: TrustJudge | None = None  # None: only what signed itself is told
    alone: bool = False  # one connection of a capture: what it shows is told, and what follows from it is not
    named: bool = True  # False: what the user asked for is not known; only `server_name` is a name to compare with


def verdict(audit: Audit) -> Result:
    """What the attempts add up to."""
    attempts = sorted(audit.attempts, key=lambda attempt: attempt.number)
    readings = [read(attempt) for attempt in attempts]
    wall_offset = audit.started_at.timestamp() - audit.started
    result = Result(
        target=target_of(audit),
        started=timestamp(audit.started_at.timestamp()),
        elapsed_ms=elapsed_ms(audit),
        depth=audit.settings.depth,
        asked=asked(audit.settings),
        connections=len(attempts),
        bytes_sent=sum(attempt.bytes_sent for attempt in attempts),
        bytes_received=sum(attempt.bytes_received for attempt in attempts),
        status=_status(readings),
        licensing_asked=audit.settings.licensing,
        lost=audit.plan.lost_after,
        limited=_limited(audit),
        spent=dict(Counter(attempt.question.about for attempt in attempts)),
        intermittent=_intermittent(attempts) + _contradictions(readings),
        attempts=[record(attempt, audit.started) for attempt in attempts] if audit.settings.keep_attempts else [],
    )
    if result.status != "rdp":
        _say_why_not(result, attempts, readings)
    if any(attempt.ending not in NEVER_OPENED for attempt in attempts):
        result.negotiation = negotiation(attempts, readings)
        result.negotiation.direct_tls = direct_tls(readings)
        if result.asked is not None:
            narrow(result.negotiation)
    if result.status == "rdp":
        _describe(result, audit, readings, wall_offset)
    result.simulated = simulations(audit.settings.simulate, readings)
    return result


def elapsed_ms(audit: Audit) -> float:
    """How long it took."""
    return round((audit.ended - audit.started) * 1000, 1)


def target_of(audit: Audit) -> Target:
    """The target as a result tells it."""
    target = audit.target
    return Target(
        input=target.input,
        host=target.host,
        port=target.port,
        address=target.address,
        server_name=audit.server_name,
        routing_token=audit.settings.routing_token,
    )


def _describe(result: Result, audit: Audit, readings: Sequence[Reading], wall_offset: float) -> None:
    """Fill in what only an RDP server has."""
    result.credssp = credssp(readings, wall_offset)
    circumstances = _circumstances(audit, result.credssp.ntlm if result.credssp is not None else None)
    if result.negotiation is not None and result.negotiation.protocols["RDP"].state == "accepted":
        result.standard_rdp = standard_rdp(readings, circumstances)
    result.server = server_kind(readings)
    result.licensing = licensing(readings)
    if audit.alone:
        result.tls = tls_of_one(readings[0])
    else:
        result.tls = tls(readings, full=_is_full(audit.settings), cut_short=audit.plan.cut_short)
    if result.tls is not None and audit.settings.wanted is not None:
        describe_trials(result.tls, readings, audit.settings.wanted)
    result.certificates = _certificates(readings, circumstances)
    if result.server.kind not in ("windows", "unknown") and result.credssp and result.credssp.ntlm:
        result.credssp.ntlm.os = None  # other servers send a Windows build that they made up


def _circumstances(audit: Audit, ntlm: Ntlm | None) -> Circumstances:
    return Circumstances(
        names_asked=audit.settings.server_name or (audit.target.host if audit.named else audit.server_name),
        at=audit.started_at,
        ntlm=ntlm,
        judge=audit.trust,
    )


def _is_full(settings: Settings) -> bool:
    """Everything was to be asked: not where only a client's own hellos were."""
    return settings.depth == "full" and not settings.simulate


def _status(readings: Sequence[Reading]) -> Status:
    if any(reading.spoke_rdp for reading in readings):
        return "rdp"
    if any(reading.is_foreign or _tls_without_x224(reading) for reading in readings):
        return "not_rdp"
    if not readings:
        return "silent"
    said = [reading for reading in readings if reading.confirm or answer_without_negotiation(reading)]
    return _STATUS.get((said or readings)[0].ending, "closed")


def _tls_without_x224(reading: Reading) -> bool:
    return reading.question.protocols is None and (reading.server_hello is not None or reading.alert is not None)


def _say_why_not(result: Result, attempts: Sequence[Attempt], readings: Sequence[Reading]) -> None:
    """The service that answers instead, or how the first connection ended."""
    if attempts and attempts[0].ending is Ending.RESET and _closed_and_reset(readings):
        result.ending = Ending.CLOSED.value
    for attempt, reading in zip(attempts, readings, strict=True):
        if result.ending is None:
            result.ending = attempt.ending.value
        if attempt.ending.value == result.ending:
            result.cause = result.cause or attempt.cause
        if result.status != "not_rdp" or result.service is not None:
            continue
        if _tls_without_x224(reading):
            result.service = "tls"
        elif reading.is_foreign and reading.confirm is not None:
            result.service = "iso-tsap"
        elif reading.is_foreign:
            result.service, result.banner = service_of(reading.first_bytes), banner_of(reading.first_bytes)


def _limited(audit: Audit) -> str | None:
    """Why less was asked than the answers called for; None where everything was."""
    if audit.past_deadline_s is not None:
        return f"the deadline of {audit.past_deadline_s:g} s passed"
    if audit.plan.lost_after is not None:
        return None
    number = audit.settings.most_connections
    if audit.plan.cut_short and len(audit.attempts) < number:  # where it was saved at
        number = audit.settings.few_connections
    most = f"{number} connection{'s are' if number > 1 else ' is'} the most at this setting (--max-connections)"
    if audit.plan.cut_short:
        return f"{most}; what could not be asked is named as not settled"
    left = [question.words for question in (*audit.plan.questions, *audit.plan.repeats)]
    return f"{most}; not asked: {'; '.join(left)}" if left else None


def _closed_and_reset(readings: Sequence[Reading]) -> bool:
    """Connections on which nothing came ended both ways."""
    return {reading.ending for reading in readings if reading.received_nothing} >= _ALIKE


def _intermittent(attempts: Sequence[Attempt]) -> list[str]:
    """Requests that ended differently when repeated, though nothing else was under way either time."""
    differing: list[str] = []
    repeats = [attempt for attempt in attempts if attempt.question.repeat]
    if not repeats:
        return differing
    first = {attempt.question: attempt for attempt in attempts if not attempt.question.repeat}
    for repeat in repeats:
        before = first.get(replace(repeat.question, repeat=False))
        if before is None or not before.alone or before.ending is repeat.ending:
            continue
        if not {before.ending, repeat.ending} <= _ALIKE:
            differing.append(f"{before.question.words}: {before.ending.value}, then {repeat.ending.value}")
    return differing


def _contradictions(readings: Sequence[Reading]) -> list[str]:
    """Connection Requests for the same protocols that were answered differently."""
    answers: dict[int, list[str]] = {}
    for reading in readings:
        answer = reading.negotiation
        if reading.question.protocols is None or answer is None:
            continue
        said = answer.code.name if isinstance(answer, NegotiationFailure) else protocol_name(answer.selected)
        told = answers.setdefault(reading.question.protocols, [])
        if said not in told:
            told.append(said)
    return [
        f"{'+'.join(protocol_names(asked))}: {', then '.join(told)}" for asked, told in answers.items() if len(told) > 1
    ]


def _version_of(reading: Reading) -> str:
    """The version of the hello that a chain came with."""
    return version_name(SSL2 if reading.server_hello is None else reading.server_hello.selected_version)


def certificates_of(audit: Audit, readings: Sequence[Reading]) -> list[CertificateChain]:
    """The chains alone, of a server whose NTLM names are not known."""
    return _certificates(readings, _circumstances(audit, None))


def _certificates(readings: Sequence[Reading], circumstances: Circumstances) -> list[CertificateChain]:
    """Each distinct chain that was served over RDP, with the TLS versions it was served to."""
    served: dict[tuple[bytes, ...], list[str]] = {}
    for reading in readings:
        if reading.chain and reached_tls(reading) and reading.question.has_usual_name:
            versions = served.setdefault(reading.chain, [])
            version = _version_of(reading)
            if version not in versions:
                versions.append(version)
    unjudged = replace(circumstances, judge=None)
    return [
        describe_chain(chain, circumstances if number < _MOST_JUDGED else unjudged, sorted(versions))
        for number, (chain, versions) in enumerate(served.items())
    ]
