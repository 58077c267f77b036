"""From what was heard on UDP and at a gateway's front door to their sections of a Result. Pure, as `verdict` is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from probe.audit.certificate import Circumstances, describe_chain
from probe.audit.trust import TrustJudge
from probe.audit.verdict_inside import ntlm_of
from probe.handshake.machine import Ending, Event, Malformed, Secured, Seen, Side, TlsFailed, Unread
from probe.handshake.rd_gateway import UNAUTHORIZED
from probe.handshake.rdp_udp import OFFERED
from probe.result import EndingName, Gateway, GatewayState, Udp, UdpState
from probe.wire.ntlm import Challenge
from probe.wire.rdg import OWN_SCHEMES, WINDOWS_SCHEMES, HttpAnswer
from probe.wire.rdpudp import Syn, UdpFlag, version_name

_FAULTS, _NOT_IMPLEMENTED = 500, 501  # statuses of HTTP
_UDP: dict[Ending, UdpState] = {
    Ending.TIMED_OUT: "silent",
    Ending.REFUSED: "refused",
    Ending.UNREACHABLE: "unreachable",
    Ending.COMPLETE: "malformed",
}
_NOT_OPENED: dict[Ending, GatewayState] = {
    Ending.REFUSED: "refused",
    Ending.FILTERED: "silent",
    Ending.UNREACHABLE: "unreachable",
}
_NO_TLS: dict[Ending, GatewayState] = {
    Ending.TIMED_OUT: "silent",
    Ending.DEADLINE: "silent",
    Ending.INTERRUPTED: "unknown",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One conversation outside of the audit's attempts. Times are seconds on the driver's clock."""

    host: str
    port: int
    address: str | None
    events: Sequence[Event]
    ending: Ending
    started: float
    ended: float
    cause: str | None = None
    sent: int = 0  # datagrams

    @property
    def elapsed_ms(self) -> float:
        """How long it took."""
        return round((self.ended - self.started) * 1000, 1)


def udp(heard: Heard) -> Udp:
    """The UDP section."""
    said = [event.message for event in heard.events if isinstance(event, Seen)]
    answer = next((each for each in said if isinstance(each, Syn) and each.flags & UdpFlag.ACK), None)
    section = Udp(
        port=heard.port,
        state="open" if answer is not None else _UDP.get(heard.ending, "unknown"),
        offered=version_name(OFFERED),
        sent=heard.sent,
        answer=_unread(heard.events),
        ending=_ending(heard),
        cause=heard.cause,
        elapsed_ms=heard.elapsed_ms,
    )
    if answer is not None:
        section.version = version_name(answer.version)
        section.up_mtu, section.down_mtu = answer.up_mtu, answer.down_mtu
    return section


def gateway(heard: Heard, *, wall_offset: float, judge: TrustJudge | None = None) -> Gateway:
    """The gateway's section. `wall_offset` turns event times into Unix times."""
    said = [event.message for event in heard.events if isinstance(event, Seen)]
    answers = [each for each in said if isinstance(each, HttpAnswer)]
    answer = answers[0] if answers else None
    section = Gateway(
        host=heard.host,
        port=heard.port,
        address=heard.address,
        state=_state(heard, answers),
        answer=_unread(heard.events),
        ending=_ending(heard) if answer is None else None,
        cause=heard.cause,
        elapsed_ms=heard.elapsed_ms,
    )
    if answer is not None:
        section.status, section.reason, section.server = answer.status, answer.reason or None, answer.server
        section.schemes = [challenge.scheme for challenge in answer.challenges]
        if section.state == "rd_gateway":
            # The second answer is that to the NTLM message, the third that for another path.
            certain = answer.offers(OWN_SCHEMES) or any(map(_lets_in, answers[2:]))
            section.certainty = "certain" if certain else "likely"
    for event in heard.events:
        if isinstance(event, Secured):
            at = datetime.fromtimestamp(event.at + wall_offset, UTC)
            circumstances = Circumstances(names_asked=heard.host, at=at, judge=judge)
            section.tls_version, section.cipher_suite = event.version, event.cipher_suite
            section.certificate = describe_chain(event.chain, circumstances)
        elif isinstance(event, Seen) and isinstance(event.message, Challenge):
            section.ntlm = ntlm_of(event.message, event.at, wall_offset)
    return section


def _asks_for_login(answer: HttpAnswer) -> bool:
    return answer.status == UNAUTHORIZED and answer.offers(OWN_SCHEMES | WINDOWS_SCHEMES)


def _lets_in(answer: HttpAnswer) -> bool:
    """Whether a path was judged without a login: not found, say, or not by this method; a fault proves nothing."""
    return answer.status != UNAUTHORIZED and (answer.status < _FAULTS or answer.status == _NOT_IMPLEMENTED)


def _says_the_same(answer: HttpAnswer, elsewhere: HttpAnswer) -> bool:
    """Whether a path that no gateway has asks for the same login: then the path that was meant shows nothing."""

    def schemes(of: HttpAnswer) -> set[str]:
        return {challenge.scheme.upper() for challenge in of.challenges}

    return elsewhere.status == answer.status and schemes(elsewhere) == schemes(answer)


def _state(heard: Heard, answers: Sequence[HttpAnswer]) -> GatewayState:
    if answers:
        answer = answers[0]
        if not _asks_for_login(answer):
            return "http"
        is_any = any(_says_the_same(answer, elsewhere) for elsewhere in answers[2:])
        return "unknown" if is_any and not answer.offers(OWN_SCHEMES) else "rd_gateway"
    odd = next(_odd_bytes(heard.events), b"")
    if any(isinstance(event, Secured) for event in heard.events):
        return _state_inside(heard.ending, odd)
    if heard.ending in _NOT_OPENED:
        return _NOT_OPENED[heard.ending]
    if odd:
        return "not_tls"
    if any(_of_server(event) or isinstance(event, TlsFailed) for event in heard.events):
        return "tls_failed"
    return _NO_TLS.get(heard.ending, "closed")


def _state_inside(ending: Ending, odd: bytes) -> GatewayState:
    """What is said of a server with which TLS was agreed on, and which gave no HTTP answer that could be read."""
    if odd:
        return "http" if odd.startswith(b"HTTP/") else "not_http"
    return "unknown" if ending is Ending.INTERRUPTED else "tls_only"


def _odd_bytes(events: Sequence[Event]) -> Iterator[bytes]:
    """What the server said that was no message."""
    for event in events:
        if isinstance(event, Malformed | Unread) and event.side is Side.SERVER:
            yield event.raw


def _of_server(event: Event) -> bool:
    return isinstance(event, Seen) and event.side is Side.SERVER


def _unread(events: Sequence[Event]) -> str | None:
    """Why the server's bytes could not be used."""
    for event in events:
        if isinstance(event, Malformed) and event.side is Side.SERVER:
            return str(event.error)
        if isinstance(event, TlsFailed):
            return "; ".join(event.reasons)
    return None


def _ending(heard: Heard) -> EndingName | None:
    """How it ended, where not by us."""
    return None if heard.ending is Ending.COMPLETE else heard.ending.value
