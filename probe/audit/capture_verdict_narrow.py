"""A verdict narrowed to what one connection shows: what was seen selected or refused, and nothing that follows from it.

A server may have more than it selected, and a client's request is not ours: what was not settled was not asked.
"""

from __future__ import annotations

from collections.abc import Iterator

from probe.audit.capture_verdict_course import SILENCE_S, Course
from probe.audit.reading import Reading
from probe.audit.verdict_needs import narrow
from probe.audit.verdict_tls import hello_verdict
from probe.audit.watched import Watched
from probe.handshake.machine import Ending, Seen, Side
from probe.handshake.tls_progress import Encrypted
from probe.result import Negotiation, Result, Tls, Verdict
from probe.wire.iana import AlertDescription
from probe.wire.tls_hello import Certificate
from probe.wire.tls_version import TLS13, version_name


def narrowed(result: Result, reading: Reading, seen: Watched, where: Course) -> None:
    """Take out of a verdict on one connection what it does not show, and say in `asked` what it does."""
    if result.negotiation is not None and not seen.request_seen:
        _without_request(result.negotiation, reading)
    if result.tls is not None:
        _narrow_tls(result.tls, reading, seen, where)
    if not seen.decrypted:
        result.credssp = None  # that nothing of it was read says nothing of the server
    narrow_to_seen(result)


def narrow_to_seen(result: Result) -> None:
    """Say in `asked` what was settled, and of all else in the negotiation that it was not asked."""
    result.asked = list(_places(result))
    if result.negotiation is not None:
        narrow(result.negotiation)


def _without_request(section: Negotiation, reading: Reading) -> None:
    """What was asked for was not captured: it can neither be told nor compared."""
    section.altered_request = None
    if reading.confirm is None:
        section.attempts = []
    for attempt in section.attempts:
        attempt.requested = []


def _narrow_tls(section: Tls, reading: Reading, seen: Watched, where: Course) -> None:
    section.handshake_failure = _failure(reading, seen, where)
    answer, alert = reading.server_hello, reading.alert
    if answer is not None:
        section.versions[version_name(answer.selected_version)] = Verdict(state="accepted")
        if section.handshake is not None and seen.apart and answer.selected_version < TLS13:
            section.handshake.complete = _is_finished(seen)
    elif alert is not None and alert.description == AlertDescription.PROTOCOL_VERSION and seen.client.hello is not None:
        offered = seen.client.hello.versions or [seen.client.hello.version]
        section.versions = {name: Verdict(state="rejected", reason="alert protocol_version") for name in offered}


def _is_finished(seen: Watched) -> bool:
    """The server's own side proves it: it ends a full handshake once it has the client's Finished. RFC 5246 7.3."""
    presented = any(isinstance(event, Seen) and isinstance(event.message, Certificate) for event in seen.attempt.events)
    return presented and any(
        isinstance(event, Encrypted) and event.side is Side.SERVER for event in seen.attempt.events
    )


def _failure(reading: Reading, seen: Watched, where: Course) -> Verdict | None:
    """What came in place of a ServerHello, where something did or long enough nothing."""
    if reading.server_hello is not None or reading.ssl2_hello is not None:
        return None
    if reading.alert is not None or reading.disconnect is not None:
        return hello_verdict(reading)
    if seen.holes or seen.apart or where.reached != "client_hello":
        return None
    if reading.ending in (Ending.CLOSED, Ending.RESET):
        return hello_verdict(reading)
    waited = where.waited_s is not None and where.waited_s >= SILENCE_S
    if reading.ending is Ending.TIMED_OUT or waited:
        return Verdict(state="unknown", reason=Ending.TIMED_OUT.value, ending=reading.ending.value)
    return None


def _places(result: Result) -> Iterator[str]:
    """The places in the result that the connection settles, in the order of the result."""
    protocols = result.negotiation.protocols if result.negotiation is not None else {}
    yield from (f"negotiation.protocols.{name}" for name in sorted(protocols) if protocols[name].state != "unknown")
    if result.negotiation is not None and result.negotiation.direct_tls.state != "unknown":
        yield "negotiation.direct_tls"
    if result.standard_rdp is not None:
        yield "standard_rdp"
    if result.tls is not None:
        yield from (f"tls.versions.{name}" for name in sorted(result.tls.versions))
    if result.certificates:
        yield "certificates"
    if result.credssp is not None:
        yield "credssp"
