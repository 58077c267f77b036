"""What proves the diagnoses of connections that never come to RDP, or are lost: DNS, TCP, X.224."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from probe.diagnosis import catalogue_connection as catalogue
from probe.diagnosis import catalogue_x224 as x224
from probe.diagnosis.captures import dropped_unnegotiated, is_heard_silent, is_hung_up, is_whole, one_connection
from probe.diagnosis.catalogue_negotiation import DEMANDS_NEGOTIATION
from probe.diagnosis.rule import Cause, Evidence, finds
from probe.diagnosis.stored import stored
from probe.language import _
from probe.result import Capture, Result

_BROKEN = ("malformed", "incomplete")
_TURNED_AWAY = ("disconnect request", "error TPDU")
_NOT_HEARD = (None, "interrupted")  # the audit stopped by itself, or the capture did
_LEFT = "abandoned"  # the client went away, and nobody knows what the server would have said


@finds(catalogue.DNS_FAILED)
def dns_failed(result: Result) -> Iterator[Evidence]:
    """The name was looked up and gave no address."""
    if result.status == "dns_error":
        yield Evidence(said=_because(result, _("looked up {host}", host=result.target.host)))


@finds(catalogue.TCP_REFUSED)
def tcp_refused(result: Result) -> Iterator[Evidence]:
    """The first connection was refused."""
    if result.status == "refused":
        yield Evidence(said=_because(result, _("connecting to {where} was refused", where=_where(result))))


@finds(catalogue.TCP_TIMEOUT)
def tcp_timeout(result: Result) -> Iterator[Evidence]:
    """The first connection was never answered."""
    if result.status != "filtered":
        return
    capture = one_connection(result)
    if capture is not None and capture.seen_for_ms is not None:
        yield _ends_too_soon(result, capture.seen_for_ms)
        return
    said = _because(result, _("connecting to {where} was not answered", where=_where(result)))
    yield Evidence(said=said, excludes=(catalogue.CAPTURE_ENDS,))


@finds(catalogue.TCP_UNREACHABLE)
def tcp_unreachable(result: Result) -> Iterator[Evidence]:
    """The network reported that there is no way."""
    if result.status == "unreachable":
        is_ipv6 = ":" in (result.target.address or result.target.host)
        excludes = () if is_ipv6 or result.target.address is None else (catalogue.NO_IPV6,)
        said = _because(result, _("{where} cannot be reached", where=_where(result)))
        yield Evidence(said=said, excludes=excludes)


@finds(catalogue.TCP_RESET)
def tcp_reset(result: Result) -> Iterator[Evidence]:
    """A connection was had, and reset before anything came back."""
    if result.status == "closed" and _reset_without_a_byte(result) and is_hung_up(result):
        said = _("{where} took the connection and reset it without a byte", where=_where(result))
        yield Evidence(said=_because(result, said))


@finds(catalogue.NOT_RDP)
def not_rdp(result: Result) -> Iterator[Evidence]:
    """Another protocol spoke, by its name where it is known."""
    if result.status != "not_rdp":
        return
    service = _("an unknown service") if result.service in (None, "unknown") else str(result.service)
    said = _("it answered as {service} does", service=service)
    if result.banner:
        said = _("it began with: {banner}", banner=result.banner)
    yield Evidence(said=said, facts={"service": service})


@finds(x224.X224_SILENT)
def x224_silent(result: Result) -> Iterator[Evidence]:
    """An audit that was interrupted, or had no time to connect, has not heard a silence."""
    if result.status == "silent" and is_heard_silent(result) and not _answers(result):
        capture = one_connection(result)
        if capture is not None:
            yield Evidence(said=_waited(result, capture))
            return
        said = _(
            "{where} took {connections} and answered no Connection Request in time; bytes received: {received}",
            where=_where(result),
            connections=_connections(result),
            received=result.bytes_received,
        )
        yield Evidence(said=said)


@finds(x224.X224_CLOSED)
def x224_closed(result: Result) -> Iterator[Evidence]:
    """A connection was had and ended without an answer; `ending` is that of the first, and others may differ.

    In a capture the server must have ended it, and the client asked: who closes what nobody spoke on refuses nothing.
    """
    not_closed = (*_NOT_HEARD, _LEFT, "too_much")
    if result.status != "closed" or result.ending in not_closed or _reset_without_a_byte(result):
        return
    if result.capture is not None and not (is_hung_up(result) and result.bytes_sent):
        return
    if not _answers(result):
        said = _(
            "{where} took {connections} and closed without an RDP answer",
            where=_where(result),
            connections=_connections(result),
        )
        yield _dropped(said) if dropped_unnegotiated(result) else Evidence(said=said, excludes=_not_asked_so(result))
        ended = _endings(result)
        if "reset" in ended and "closed" in ended:
            yield Evidence(said=_("ended by a close: {closed}, by a reset: {reset}", **ended))


@finds(x224.X224_MALFORMED)
def x224_malformed(result: Result) -> Iterator[Evidence]:
    """What came back began as RDP does, and could not be read: broken, cut off, or never finished."""
    if result.status not in ("closed", "silent") or not is_whole(result):
        return
    answers = _answers(result)
    if result.status == "closed" and result.ending == _LEFT:  # what was not whole when the client went may have come
        answers = [each for each in answers if each[1] != "incomplete"]
    is_endless = answers != [] and all(answer == "incomplete" for _asked, answer in answers)
    if result.status == "silent" and is_endless:
        yield _never_finished(result)
        return
    for asked, answer in answers:
        if answer in _BROKEN:
            said = _("asked for {asked}, the reply could not be read", asked=asked)
            yield Evidence(said=said, excludes=(x224.ENDLESS,))
    if result.ending == "too_much" and not answers:
        said = _("bytes received without a whole answer: {received}", received=result.bytes_received)
        yield Evidence(said=said)


def _dropped(said: str) -> Evidence:
    summary = _("The server confirms a request that has no list of protocols, and then ends the connection.")
    excludes = (x224.WANTS_MORE_FIRST, x224.TOKEN_UNWANTED)
    return Evidence(said=said, summary=summary, likeliest=DEMANDS_NEGOTIATION, excludes=excludes)


def _not_asked_so(result: Result) -> tuple[Cause, ...]:
    """What the request rules out: a token that was not sent cannot be unwanted."""
    capture = one_connection(result)
    side = capture.client_side if capture is not None else None
    token = side.routing_token if side is not None else result.target.routing_token
    first = token or (side is not None and side.preconnection_blob)
    no_token = () if token else (x224.TOKEN_UNWANTED,)
    return (DEMANDS_NEGOTIATION, *no_token, *((x224.WANTS_MORE_FIRST,) if first else ()))


def _ends_too_soon(result: Result, after_ms: int) -> Evidence:
    """A SYN at the end of a capture, which may have been answered after it."""
    said = _(
        "{where}: no answer before the capture ends, {count} ms after the SYN", where=_where(result), count=after_ms
    )
    summary = _("No answer to the connection request is in the capture, which ends too soon after it to tell.")
    return Evidence(said=said, severity="info", summary=summary, likeliest=catalogue.CAPTURE_ENDS)


def _never_finished(result: Result) -> Evidence:
    """Bytes of an answer, and then no more of it in time."""
    said = _("bytes received without a whole answer: {received}", received=result.bytes_received)
    summary = _("The answer begins as RDP does and never ends.")
    return Evidence(said=said, summary=summary, likeliest=x224.ENDLESS)


@finds(x224.X224_DISCONNECTED)
def x224_disconnected(result: Result) -> Iterator[Evidence]:
    """An X.224 Disconnect Request or Error TPDU came in place of a Connection Confirm."""
    answers = _answers(result) if result.status in ("closed", "silent") else []
    if any(answer in _BROKEN for _asked, answer in answers):
        return
    for asked, answer in answers:
        yield Evidence(said=_("asked for {asked}, answered by an X.224 {answer}", asked=asked, answer=stored(answer)))


@finds(catalogue.SERVER_LOST)
def server_lost(result: Result) -> Iterator[Evidence]:
    """The audit gave up on a server that had answered."""
    if result.lost is not None:
        yield Evidence(said=_("gone after: {request}", request=stored(result.lost)))


@finds(catalogue.INTERMITTENT)
def intermittent(result: Result) -> Iterator[Evidence]:
    """A request was asked twice, alone both times, and ended differently."""
    for said in result.intermittent:
        yield Evidence(said=stored(said))


def _waited(result: Result, capture: Capture) -> str:
    """How long somebody else's request was not answered."""
    if capture.waited_s is None:
        return _(
            "{where} took the connection, and nothing came in answer to the client's request", where=_where(result)
        )
    return _(
        "{where} took the connection, and in {seconds} s nothing came in answer; then the client ended it",
        where=_where(result),
        seconds=f"{capture.waited_s:.1f}",
    )


def _reset_without_a_byte(result: Result) -> bool:
    if not is_whole(result):
        return False
    return result.ending == "reset" and not result.bytes_received and "closed" not in _endings(result)


def _endings(result: Result) -> Counter[str]:
    """How often connections that nothing came back on ended in which way."""
    if result.negotiation is None:
        return Counter()
    unanswered = [attempt.ending for attempt in result.negotiation.attempts if attempt.answer is None]
    return Counter(ending for ending in [*unanswered, result.negotiation.direct_tls.ending] if ending is not None)


def _answers(result: Result) -> list[tuple[str, str]]:
    """What was asked and the odd thing that was said to it, where that names the failure."""
    attempts = result.negotiation.attempts if result.negotiation is not None else []
    return [
        ("+".join(attempt.requested) or _("nothing"), attempt.answer)
        for attempt in attempts
        if attempt.answer is not None and attempt.answer in _BROKEN + _TURNED_AWAY
    ]


def _where(result: Result) -> str:
    host = result.target.address or result.target.host
    return f"[{host}]:{result.target.port}" if ":" in host else f"{host}:{result.target.port}"


def _connections(result: Result) -> str:
    return _("the connection") if result.connections == 1 else _("{count} connections", count=result.connections)


def _because(result: Result, said: str) -> str:
    """What was seen, and the system's words for it where there are any."""
    return _("{said}: {words}", said=said, words=stored(result.cause)) if result.cause else said
