"""What proves that it was the client who ended a captured connection, and why."""

from __future__ import annotations

from collections.abc import Iterator

from probe.diagnosis import catalogue_client as catalogue
from probe.diagnosis.captures import one_connection
from probe.diagnosis.rule import Cause, Evidence, finds
from probe.language import _
from probe.result import Capture, Result

# Source: RFC 8446 section 6.2, RFC 5246 section 7.2.2. What a client says of the certificate that it was shown.
_ON_THE_CERTIFICATE = {
    "bad_certificate": catalogue.UNSUITED,
    "unsupported_certificate": catalogue.UNSUITED,
    "certificate_revoked": catalogue.REVOKED,
    "certificate_expired": catalogue.OUT_OF_TIME,
    "certificate_unknown": catalogue.NOT_TRUSTED,
    "unknown_ca": catalogue.NOT_TRUSTED,
    "access_denied": catalogue.UNSUITED,
}
_ON_STRENGTH = ("protocol_version", "insufficient_security", "handshake_failure")
_ON_THE_BYTES = ("decrypt_error", "decode_error", "illegal_parameter", "unexpected_message", "bad_record_mac")
_NO_REASON = ("close_notify", "user_canceled")  # it ends, and does not say why: RFC 8446 section 6.1
_HIDES_CERTIFICATE = ": the certificate and what is inside TLS"  # as `audit` words what is encrypted
_AFTER_CERTIFICATE = ("certificate", "secured")


@finds(catalogue.CLIENT_REJECTED_CERTIFICATE)
def client_rejected_certificate(result: Result) -> Iterator[Evidence]:
    """The client sent an alert that is about the certificate."""
    alert = _alert(result)
    if alert in _ON_THE_CERTIFICATE:
        yield Evidence(said=_sent(result, alert), likeliest=_ON_THE_CERTIFICATE[alert], facts={"alert": alert})


@finds(catalogue.CLIENT_REJECTED_TLS)
def client_rejected_tls(result: Result) -> Iterator[Evidence]:
    """The client sent another alert that ends a handshake; what had been selected stands beside it."""
    alert = _alert(result)
    if alert is None or alert in _ON_THE_CERTIFICATE or alert in _NO_REASON:
        return
    yield Evidence(said=_sent(result, alert), likeliest=_behind(alert), facts={"alert": alert})
    made = result.tls.handshake if result.tls is not None else None
    if made is not None:
        said = _("the server had selected {version}, {suite}", version=made.version, suite=made.cipher_suite.name)
        yield Evidence(said=said)


@finds(catalogue.CLIENT_LEFT_AFTER_CERTIFICATE)
def client_left_after_certificate(result: Result) -> Iterator[Evidence]:
    """The client ended it with the certificate in hand and nothing said inside TLS. What was cut may have been said.

    In TLS 1.3 an alert is encrypted as well, and this is all that can be known.
    """
    capture = one_connection(result)
    if capture is None or capture.ended_by != "client" or capture.reached not in _AFTER_CERTIFICATE:
        return
    if capture.gaps or capture.truncated or capture.one_sided is not None or not _was_shown_one(result, capture):
        return
    side = capture.client_side
    if side is not None and side.alert is not None and side.alert not in _NO_REASON:
        return
    hidden = any(each.what == "encrypted TLS alert" and each.side == "client" for each in capture.evidence)
    yield Evidence(said=_left(capture, said_more=hidden))
    if hidden:
        yield Evidence(said=_("the client sent an alert that cannot be read here (encrypted)"))
    if side is not None and side.alert is not None:
        yield Evidence(said=_("the client sent the TLS alert {alert}", alert=side.alert))


def _was_shown_one(result: Result, capture: Capture) -> bool:
    """A session that is continued has no certificate: none is seen, and none is among what is encrypted."""
    return (
        capture.reached == "certificate"
        or bool(result.certificates)
        or any(each.endswith(_HIDES_CERTIFICATE) for each in capture.unknown)
    )


def _alert(result: Result) -> str | None:
    """The client's alert on one connection, where it came before the handshake was complete."""
    capture = one_connection(result)
    if capture is None or capture.client_side is None or capture.reached in ("secured", "inside"):
        return None
    return capture.client_side.alert


def _sent(result: Result, alert: str) -> str:
    packet = result.capture.ended_packet if result.capture is not None else None
    said = _("the client sent the TLS alert {alert}", alert=alert)
    if packet is None:
        return said
    return _("{said}, and the connection ended in frame {frame}", said=said, frame=packet)


def _behind(alert: str) -> Cause:
    if alert in _ON_STRENGTH:
        return catalogue.SERVER_TOO_OLD
    return catalogue.HANDSHAKE_BROKEN if alert in _ON_THE_BYTES else catalogue.CLIENT_BROKEN


def _left(capture: Capture, *, said_more: bool) -> str:
    words = {
        ("closed", "certificate"): _("the client closed the connection after the server's certificate"),
        ("reset", "certificate"): _("the client reset the connection after the server's certificate"),
        ("closed", "secured"): _("the client closed the connection after the TLS handshake, and said nothing in it"),
        ("reset", "secured"): _("the client reset the connection after the TLS handshake, and said nothing in it"),
    }
    if said_more:
        words[("closed", "secured")] = _("the client closed the connection after the TLS handshake")
        words[("reset", "secured")] = _("the client reset the connection after the TLS handshake")
    said = words.get((capture.ending, capture.reached or ""), _("the client ended the connection"))
    if capture.ended_packet is None:
        return said
    return _("{said}, in frame {frame}", said=said, frame=capture.ended_packet)
