"""From readings to the negotiation section: a verdict on each protocol, NLA, flags.

A verdict compares what was selected with what was requested: a response is an acceptance only of the protocol that
was asked for, and a server that answers HYBRID by selecting RDP (xrdp) has turned HYBRID away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from probe.audit.attempt import Attempt, protocol_name, protocol_names
from probe.audit.reading import Reading
from probe.handshake.machine import NEVER_OPENED, Ending, Seen
from probe.result import EndingName, Negotiation, NegotiationAttempt, Nla, Verdict
from probe.wire import x224
from probe.wire.cursor import flag_names
from probe.wire.nego import FailureCode, NegotiationFailure, NegotiationResponse, Protocol, ResponseFlag

# Most secure first, as a reader wants them. Plain numbers: an IntFlag takes ten times as long to be combined.
PROTOCOLS = tuple(
    int(protocol)
    for protocol in (
        Protocol.HYBRID_EX,
        Protocol.HYBRID,
        Protocol.SSL,
        Protocol.RDP,
        Protocol.RDSTLS,
        Protocol.RDSAAD,
    )
)
TLS_BASED = tuple(protocol for protocol in PROTOCOLS if protocol)
_INCOMPLETE = "incomplete"  # it begins with a TPKT header, and the rest of it never came
_NEVER_FINISHED = (Ending.CLOSED, Ending.RESET, Ending.TIMED_OUT, Ending.DEADLINE, Ending.ABANDONED)


def negotiation(attempts: Sequence[Attempt], readings: Sequence[Reading]) -> Negotiation:
    """The negotiation section, without direct TLS."""
    protocols = {protocol_name(protocol): protocol_verdict(protocol, readings) for protocol in PROTOCOLS}
    fullest = _fullest_response(readings)
    return Negotiation(
        attempts=[
            _attempt(attempt, reading)
            for attempt, reading in zip(attempts, readings, strict=True)
            if attempt.question.protocols is not None and attempt.ending not in NEVER_OPENED
        ],
        protocols=protocols,
        nla=nla_of(protocols),
        flags=flag_names(fullest.flags, ResponseFlag) if fullest is not None else [],
        restricted_admin=_advertised(fullest, ResponseFlag.RESTRICTED_ADMIN_MODE_SUPPORTED),
        remote_credential_guard=_advertised(fullest, ResponseFlag.REDIRECTED_AUTHENTICATION_MODE_SUPPORTED),
        altered_request=_altered(readings),
    )


def _fullest_response(readings: Sequence[Reading]) -> NegotiationResponse | None:
    responses = [reading.negotiation for reading in readings if isinstance(reading.negotiation, NegotiationResponse)]
    return max(responses, key=lambda response: response.flags.bit_count(), default=None)


def _advertised(response: NegotiationResponse | None, flag: ResponseFlag) -> bool | None:
    return bool(response.flags & flag.value) if response is not None else None


def _attempt(attempt: Attempt, reading: Reading) -> NegotiationAttempt:
    requested = [] if attempt.question.bare else protocol_names(attempt.question.protocols or 0)
    answer = reading.negotiation
    described = NegotiationAttempt(requested=requested, elapsed_ms=answered_ms(attempt))
    if reading.confirm is not None:
        described.source_reference = f"0x{reading.confirm.src_ref:04x}"
    if isinstance(answer, NegotiationResponse):
        described.selected = protocol_name(answer.selected)
        described.flags = flag_names(answer.flags, ResponseFlag)
    elif isinstance(answer, NegotiationFailure):
        described.failure = answer.code.name
    else:
        described.answer = answer_without_negotiation(reading)
        if described.answer in (None, _INCOMPLETE):
            described.ending = attempt.ending.value
    return described


def answered_ms(attempt: Attempt) -> float:
    """How long it took until the confirm came, or until it ended without one."""
    answered_at = next(
        (
            event.at
            for event in attempt.events
            if isinstance(event, Seen) and isinstance(event.message, x224.ConnectionConfirm)
        ),
        attempt.ended,
    )
    return round((answered_at - attempt.started) * 1000, 1)


def answer_without_negotiation(reading: Reading) -> str | None:
    """What came in place of a negotiation structure; None where nothing did."""
    if reading.confirm is not None and reading.negotiation is None and reading.confirm_data is not None:
        return "confirm without negotiation"
    if reading.disconnect is not None:
        return "disconnect provider ultimatum"
    if isinstance(reading.refusal, x224.DisconnectRequest):
        return "disconnect request"
    if reading.refusal is not None:
        return "error TPDU"
    if reading.malformed is not None:
        return "malformed"
    if reading.unread and reading.ending in _NEVER_FINISHED:
        return _INCOMPLETE
    return "data TPDU" if any(isinstance(message, x224.Data) for message in reading.messages) else None


def protocol_verdict(protocol: int, readings: Sequence[Reading]) -> Verdict:
    """Accepted when it was selected on request; rejected with the wire's reason; unknown with how it ended."""
    asked = [reading for reading in readings if reading.question.protocols is not None]
    if any(_selects(reading, protocol) for reading in asked):
        return Verdict(state="accepted")
    alone = [reading for reading in asked if reading.question.protocols == protocol]
    covering = alone or [reading for reading in asked if protocol and _requested(reading) & protocol]
    verdicts = [_turned_away(protocol, reading) for reading in covering]
    settled = [verdict for verdict in verdicts if verdict.state != "unknown"]
    return (settled or verdicts or [Verdict(state="unknown")])[-1]


def _requested(reading: Reading) -> int:
    return int(reading.question.protocols or 0)


def _selects(reading: Reading, protocol: int) -> bool:
    requested, answer = _requested(reading), reading.negotiation
    if isinstance(answer, NegotiationResponse) and answer.selected == protocol:
        # RDP in the place of what was asked for is accepted only where RDP's next message followed: others may go on.
        return bool(requested & protocol) or (protocol == Protocol.RDP and (requested == 0 or _mcs_followed(reading)))
    if protocol != Protocol.RDP or answer is not None or not _mcs_followed(reading):
        return False
    # A confirm without negotiation means Standard RDP Security, once RDP's next message has followed it; in a capture
    # also that message in clear, where what came before is not in it.
    return reading.confirm is not None or (reading.question.joined and reading.server_hello is None)


def _mcs_followed(reading: Reading) -> bool:
    return reading.connect_response is not None


def _turned_away(protocol: int, reading: Reading) -> Verdict:
    answer, requested = reading.negotiation, _requested(reading)
    if isinstance(answer, NegotiationFailure):
        return Verdict(state="rejected", failure=answer.code.name)
    if isinstance(answer, NegotiationResponse):
        if answer.selected not in PROTOCOLS:  # no protocol, or several: it settles nothing
            return Verdict(state="unknown", selected=protocol_name(answer.selected))
        # Of several that were offered the server takes one, which says nothing about the others.
        preferred = requested != protocol and bool(answer.selected & requested)
        return Verdict(state="unknown" if preferred else "rejected", selected=protocol_name(answer.selected))
    said = answer_without_negotiation(reading)
    if said == "confirm without negotiation" and requested:
        return Verdict(state="rejected", reason=said)
    return Verdict(state="unknown", reason=said, ending=ending_of(reading, said))


def ending_of(reading: Reading, said: str | None) -> EndingName:
    """How a connection ended; one that we ended ourselves after a disconnect was ended by the server."""
    if reading.ending is Ending.COMPLETE and said not in (None, "malformed"):
        return Ending.CLOSED.value
    return reading.ending.value


def nla_of(protocols: Mapping[str, Verdict]) -> Nla:
    """What the verdicts, one on each of PROTOCOLS, add up to for NLA.

    Required: it is accepted, and what lacks it is turned away. To turn away one for want of NLA is the server's own
    word on all; another reason, such as having no TLS, says nothing of the one that is not settled.
    """
    without = [protocols["SSL"], protocols["RDP"]]
    if "accepted" in (protocols["HYBRID"].state, protocols["HYBRID_EX"].state):
        states = {verdict.state for verdict in without}
        is_required = states == {"rejected"} or ("accepted" not in states and _demands_nla(without))
        return "required" if is_required else "offered"  # at least that, where the rest is not settled
    if protocols["HYBRID"].state != "rejected":
        return "unknown"
    nothing_accepted = all(verdict.state != "accepted" for verdict in protocols.values())
    return "unknown" if nothing_accepted and _demands_nla(protocols.values()) else "unsupported"


def _demands_nla(verdicts: Iterable[Verdict]) -> bool:
    return any(verdict.failure == FailureCode.HYBRID_REQUIRED_BY_SERVER.name for verdict in verdicts)


def _altered(readings: Sequence[Reading]) -> str | None:
    """What the server says it was asked for ([MS-RDPBCGR] 2.2.1.4.2), where that is not what we asked."""
    for reading in readings:
        echo = reading.core.client_requested_protocols if reading.core is not None else None
        if echo is not None and reading.question.protocols is not None and echo != reading.question.protocols:
            asked = "+".join(protocol_names(reading.question.protocols))
            return f"asked for {asked}, the server saw {'+'.join(protocol_names(echo))}"
    return None
