"""What proves the diagnoses of connections that never come to RDP, or are lost: DNS, TCP, X.224."""

from __future__ import annotations

from collections.abc import Iterator

from probe.diagnosis import catalogue_connection as catalogue
from probe.diagnosis.rule import Evidence, finds
from probe.result import Result

_BROKEN = ("malformed", "incomplete")
_TURNED_AWAY = ("disconnect request", "error TPDU")
_NOT_HEARD = (None, "interrupted")  # the audit stopped by itself


@finds(catalogue.DNS_FAILED)
def dns_failed(result: Result) -> Iterator[Evidence]:
    """The name was looked up and gave no address."""
    if result.status == "dns_error":
        yield Evidence(said=f"looked up {result.target.host}{_cause(result)}")


@finds(catalogue.TCP_REFUSED)
def tcp_refused(result: Result) -> Iterator[Evidence]:
    """The first connection was refused."""
    if result.status == "refused":
        yield Evidence(said=f"connecting to {_where(result)} was refused{_cause(result)}")


@finds(catalogue.TCP_TIMEOUT)
def tcp_timeout(result: Result) -> Iterator[Evidence]:
    """The first connection was never answered."""
    if result.status == "filtered":
        yield Evidence(said=f"connecting to {_where(result)} was not answered{_cause(result)}")


@finds(catalogue.TCP_UNREACHABLE)
def tcp_unreachable(result: Result) -> Iterator[Evidence]:
    """The network reported that there is no way."""
    if result.status == "unreachable":
        yield Evidence(said=f"{_where(result)} cannot be reached{_cause(result)}")


@finds(catalogue.TCP_RESET)
def tcp_reset(result: Result) -> Iterator[Evidence]:
    """A connection was had, and reset before anything came back."""
    if result.status == "closed" and _reset_without_a_byte(result):
        yield Evidence(said=f"{_where(result)} took the connection and reset it without a byte{_cause(result)}")


@finds(catalogue.NOT_RDP)
def not_rdp(result: Result) -> Iterator[Evidence]:
    """Another protocol spoke, by its name where it is known."""
    if result.status != "not_rdp":
        return
    service = {None: "an unknown service", "unknown": "an unknown service"}.get(result.service, str(result.service))
    said = f"it began with: {result.banner}" if result.banner else f"it answered as {service} does"
    yield Evidence(said=said, facts={"service": service})


@finds(catalogue.X224_SILENT)
def x224_silent(result: Result) -> Iterator[Evidence]:
    """An audit that was interrupted, or had no time to connect, has not heard a silence."""
    if result.status == "silent" and result.ending not in _NOT_HEARD and not _answers(result):
        yield Evidence(
            said=f"{_where(result)} took {_connections(result)} and answered no Connection Request in time; bytes "
            f"received: {result.bytes_received}"
        )


@finds(catalogue.X224_CLOSED)
def x224_closed(result: Result) -> Iterator[Evidence]:
    """A connection was had and ended without an answer; `ending` is that of the first, and others may differ."""
    if result.status != "closed" or result.ending in (*_NOT_HEARD, "too_much") or _reset_without_a_byte(result):
        return
    if not _answers(result):
        yield Evidence(said=f"{_where(result)} took {_connections(result)} and closed without an RDP answer")


@finds(catalogue.X224_MALFORMED)
def x224_malformed(result: Result) -> Iterator[Evidence]:
    """What came back began as RDP does, and could not be read."""
    if result.status not in ("closed", "silent"):
        return
    for asked, answer in _answers(result):
        if answer in _BROKEN:
            yield Evidence(said=f"asked for {asked}, the reply could not be read")
    if result.ending == "too_much" and not _answers(result):
        yield Evidence(said=f"bytes received without a whole answer: {result.bytes_received}")


@finds(catalogue.X224_DISCONNECTED)
def x224_disconnected(result: Result) -> Iterator[Evidence]:
    """An X.224 Disconnect Request or Error TPDU came in place of a Connection Confirm."""
    answers = _answers(result) if result.status in ("closed", "silent") else []
    if any(answer in _BROKEN for _, answer in answers):
        return
    for asked, answer in answers:
        yield Evidence(said=f"asked for {asked}, answered by an X.224 {answer}")


@finds(catalogue.SERVER_LOST)
def server_lost(result: Result) -> Iterator[Evidence]:
    """The audit gave up on a server that had answered."""
    if result.lost is not None:
        yield Evidence(said=f"gone after: {result.lost}")


@finds(catalogue.INTERMITTENT)
def intermittent(result: Result) -> Iterator[Evidence]:
    """A request was asked twice, alone both times, and ended differently."""
    for said in result.intermittent:
        yield Evidence(said=said)


def _reset_without_a_byte(result: Result) -> bool:
    return result.ending == "reset" and not result.bytes_received


def _answers(result: Result) -> list[tuple[str, str]]:
    """What was asked and the odd thing that was said to it, where that names the failure."""
    attempts = result.negotiation.attempts if result.negotiation is not None else []
    return [
        ("+".join(attempt.requested) or "nothing", attempt.answer)
        for attempt in attempts
        if attempt.answer is not None and attempt.answer in _BROKEN + _TURNED_AWAY
    ]


def _where(result: Result) -> str:
    host = result.target.address or result.target.host
    return f"[{host}]:{result.target.port}" if ":" in host else f"{host}:{result.target.port}"


def _connections(result: Result) -> str:
    return "the connection" if result.connections == 1 else f"{result.connections} connections"


def _cause(result: Result) -> str:
    return f": {result.cause}" if result.cause else ""
