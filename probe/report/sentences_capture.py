"""What one captured connection says, in one or two sentences.

A capture shows one client and one server: nothing is said here of other clients. What is not in the capture is said not
to be there, and never taken for a refusal.
"""

from __future__ import annotations

from probe.diagnosis.captures import is_heard, is_heard_silent, is_hung_up
from probe.diagnosis.stored import stored
from probe.language import N_, _
from probe.report.escape import terminal
from probe.report.sentences import listed, verdict
from probe.report.text_course import at, ending_words, is_half_open, server_alert
from probe.result import Capture, ClientSide, NegotiationAttempt, Result

_NLA = {"HYBRID", "HYBRID_EX"}
_TURNED_AWAY = {
    "SSL_NOT_ALLOWED_BY_SERVER": N_("it allows Standard RDP Security only, and this client asked for {requested}"),
    "SSL_CERT_NOT_ON_SERVER": N_("it has no certificate for TLS"),
    "INCONSISTENT_FLAGS": N_("it calls the flags of the request inconsistent"),
    "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER": N_("it demands TLS with a certificate of the user"),
}
# What the side that sends it says by a TLS alert.
_ALERTS = {
    "unknown_ca": N_("it does not trust the certificate's issuer"),
    "bad_certificate": N_("it takes the certificate for damaged or wrong"),
    "certificate_expired": N_("it takes the certificate for expired"),
    "certificate_unknown": N_("it does not accept the certificate"),
    "unsupported_certificate": N_("it cannot use this kind of certificate"),
    "certificate_revoked": N_("it knows the certificate to be revoked"),
    "protocol_version": N_("it takes none of the TLS versions"),
    "handshake_failure": N_("nothing offered is acceptable to it"),
    "insufficient_security": N_("what was offered is too weak for it"),
    "internal_error": N_("it failed within itself, as without a usable private key"),
    "unrecognized_name": N_("it does not know the server name"),
    "access_denied": N_("it allows no access"),
    "decrypt_error": N_("a signature or a key exchange was wrong to it"),
}
# The same of a client, which sends them on what the server chose.
_CLIENT_ALERTS = {
    "protocol_version": N_("it does not take the TLS version that the server chose"),
    "handshake_failure": N_("what the server chose is not acceptable to it"),
    "insufficient_security": N_("what the server chose is too weak for it"),
    "internal_error": N_("it failed within itself"),
}
_FAREWELLS = ("close_notify", "user_canceled")  # alerts that say no more than that it is over
_UNREADABLE = N_("bytes that cannot be read")  # as the evidence calls them
_LONG_S = 1.0


def said_of(result: Result) -> str:
    """The verdict on one captured connection, or on one exchange of datagrams; one or two sentences."""
    capture = result.capture
    if capture is None:
        return verdict(result)
    if capture.transport == "udp":
        return _udp(result, capture)
    if result.status in ("refused", "unreachable", "filtered", "dns_error"):
        return _never_opened(result, capture)
    if result.status == "not_rdp":
        return verdict(result)
    return _spoken(result, capture, capture.client_side or ClientSide())


def is_proven(result: Result) -> bool:
    """What the verdict on a server says of its silence is a fact; a capture may show too little for it."""
    capture = result.capture
    if capture is None or result.status not in ("filtered", "silent", "closed"):
        return True
    if result.status == "filtered":
        return capture.seen_for_ms is None
    return is_hung_up(result) if result.status == "closed" else is_heard_silent(result)


def said_of_server(result: Result) -> str:
    """The verdict on a server, asked by us or by all the clients of a capture; one or two sentences."""
    is_seen_only = result.capture is not None and result.status == "unreachable"  # from where is not said
    return said_of(result) if is_seen_only or not is_proven(result) else verdict(result)


def lack(capture: Capture) -> str | None:
    """Why nothing can be said of what is not in a capture; None where all that was said is in it."""
    if capture.one_sided is not None:
        client = capture.one_sided == "client"
        return _("only the client's side was captured") if client else _("only the server's side was captured")
    if capture.truncated:
        return _("packets were cut when they were captured")
    if capture.gaps:
        return _("bytes of this connection are missing")
    opened = capture.syn or capture.syn_ack or (capture.client_side or ClientSide()).requested is not None
    return None if opened else _("the capture begins mid-stream")


def _udp(result: Result, capture: Capture) -> str:
    udp = result.udp
    if udp is None:
        return _("An exchange of RDP-UDP, of which this capture shows no beginning.")
    if udp.state == "open":
        version = terminal((udp.version or "?").removesuffix(".0"), 40)
        return _("The server answers over UDP: RDP-UDP {version} is agreed on.", version=version)
    if udp.state == "silent":
        if udp.sent > 1:
            return _(
                "Nobody answered over UDP: SYN sent {count} times in {time}.",
                count=udp.sent,
                time=seconds(result.elapsed_ms),
            )
        return _("Nobody answered over UDP: one SYN was sent.")
    if udp.state == "malformed":
        return _("The answer over UDP is no SYN+ACK of RDP-UDP.")
    if capture.one_sided == "server":
        return _("Only the server's datagrams are in this capture.")
    return _("RDP over UDP was begun; how it was answered cannot be seen.")


def _never_opened(result: Result, capture: Capture) -> str:
    if capture.ending == "refused":
        return _("Nothing listens there: the SYN was answered by a reset.")
    if capture.ending == "unreachable":
        return _("The network says that the server cannot be reached.")
    if capture.packet_count > 1:
        return _(
            "Nobody answered: SYN sent {count} times in {time}.",
            count=capture.packet_count,
            time=seconds(result.elapsed_ms),
        )
    if capture.seen_for_ms is not None:
        return _(
            "Not answered so far: one SYN, and nothing came back before the capture ends, {time} later.",
            time=seconds(capture.seen_for_ms),
        )
    return _("Nobody answered: one SYN, and nothing came back.")


def _spoken(result: Result, capture: Capture, side: ClientSide) -> str:
    attempt = _attempt(result)
    if not result.bytes_sent and not result.bytes_received:
        return _nothing_said(capture)
    if attempt is None and result.tls is None and result.standard_rdp is None:
        return _without_negotiation(result, capture)
    if attempt is not None and attempt.failure is not None:
        return _turned_away(attempt)
    if result.tls is not None and (result.tls.handshake is not None or side.hello is not None):
        return _tls(result, capture, side, attempt)
    if attempt is not None and attempt.selected not in (None, "RDP"):
        if (lacking := lack(capture)) is not None:
            return _not_whole(_("Answered with {protocol}", protocol=terminal(attempt.selected or "", 40)), lacking)
        return _(
            "Answered with {protocol}; then no TLS handshake was begun: {ending}.",
            protocol=terminal(attempt.selected or "", 40),
            ending=ending_words(capture),
        )
    if result.standard_rdp is not None or (attempt is not None and attempt.selected == "RDP"):
        return _standard(result, capture, attempt)
    if attempt is not None and attempt.answer == "confirm without negotiation":
        return _bare_confirm(capture)
    return _unanswered(result, capture, attempt)


def _not_whole(answered: str, lacking: str) -> str:
    return _("{answered}; what followed is not whole in this capture: {lack}.", answered=answered, lack=lacking)


def _not_captured(capture: Capture, lacking: str) -> str:
    """In place of a silence of the server: its answer may have been lost in capturing."""
    if capture.one_sided == "client":
        return _("Only the client's side was captured: how the server answered is not in this file.")
    return _("How the server answered is not in this capture: {lack}.", lack=lacking)


def _nothing_said(capture: Capture) -> str:
    if (lacking := lack(capture)) is not None:
        return _("No data of this connection is in this capture: {lack}.", lack=lacking)
    if is_half_open(capture):
        return _("The port is open: the client reset the connection before it was complete, as a port scan does.")
    return _("Opened, and not a byte from either side: {ending}.", ending=ending_words(capture))


def _without_negotiation(result: Result, capture: Capture) -> str:
    direct = result.negotiation.direct_tls if result.negotiation is not None else None
    if direct is not None and direct.state == "rejected":
        why = terminal(stored(direct.reason or ""), 80) or ending_words(capture)
        return _("The client began with TLS, without an RDP request, and was turned away: {why}.", why=why)
    if direct is not None and direct.state == "accepted":
        return _("The client began with TLS, without an RDP request, and the server takes it so.")
    if result.status == "rdp":
        return _("RDP, of which this capture shows no beginning: what was negotiated cannot be seen.")
    if (lacking := lack(capture)) is not None and not result.bytes_received:
        return _not_captured(capture, lacking)
    if not result.bytes_received:
        return _("The client spoke, and no answer came: {ending}.", ending=ending_words(capture))
    return _("What is in this capture is not enough to say what was spoken: {ending}.", ending=ending_words(capture))


def _turned_away(attempt: NegotiationAttempt) -> str:
    code = attempt.failure or ""
    if code == "HYBRID_REQUIRED_BY_SERVER":
        if attempt.requested and not _NLA & set(attempt.requested):
            return _("The server turned it away: it demands NLA, and this client did not offer it.")
        return _("The server turned it away: it demands NLA.")
    if code == "SSL_REQUIRED_BY_SERVER":
        if attempt.requested == ["RDP"]:
            return _("The server turned it away: it demands TLS, and this client asked for Standard RDP Security.")
        return _("The server turned it away: it demands TLS.")
    if code == "SSL_NOT_ALLOWED_BY_SERVER" and not attempt.requested:
        return _("The server turned it away: it allows Standard RDP Security only.")
    asked = listed(terminal(name, 40) for name in attempt.requested)
    why = _(_TURNED_AWAY[code], requested=asked) if code in _TURNED_AWAY else terminal(code, 60)
    return _("The server turned it away: {why}.", why=why)


def _tls(result: Result, capture: Capture, side: ClientSide, attempt: NegotiationAttempt | None) -> str:
    protocol = terminal(attempt.selected or "", 40) if attempt is not None else ""
    answered = _("Answered with {protocol}", protocol=protocol) if protocol else _("Answered")
    made = result.tls.handshake if result.tls is not None else None
    lacking, ending = lack(capture), _ended(capture, side)
    if side.alert not in (None, *_FAREWELLS):
        return _("The client broke off TLS: it sent alert {alert}.", alert=alert_words(side.alert or "", "client"))
    if made is None and not _has_other_answer(result) and (capture.ending == "open" or lacking is not None):
        return _("{answered}; how the ClientHello is answered is not in this capture.", answered=answered)
    if made is None:
        return _("{answered}, then TLS failed: {what}.", answered=answered, what=_no_server_hello(result, capture))
    version = terminal(made.version, 20).replace("TLSv", "TLS ")
    if capture.decrypted:
        return _("{answered}, {version} handshake; what follows is decrypted.", answered=answered, version=version)
    is_cut_off = capture.ending == "open" or lacking is not None
    is_encrypted = made.complete or (capture.one_sided is not None and capture.encrypted_from is not None)
    if capture.reached == "inside" or (is_cut_off and is_encrypted):
        return _(
            "{answered}, {version} handshake, then encrypted: from here the capture shows no more.",
            answered=answered,
            version=version,
        )
    if (alert := server_alert(result)) is not None:
        what = _("alert {alert}", alert=alert_words(alert))
        return _("{answered}, then the server broke off TLS: {what}.", answered=answered, what=what)
    if made.complete and any(each.what == "encrypted TLS alert" for each in capture.evidence):
        return _(
            "{answered}, {version} handshake, then an encrypted alert and nothing more: {ending}.",
            answered=answered,
            version=version,
            ending=ending_words(capture),
        )
    if made.complete:
        return _(
            "{answered}, {version} handshake, and nothing more: {ending}.",
            answered=answered,
            version=version,
            ending=ending_words(capture),
        )
    if lacking is not None:
        begun = _("{answered}, {version} handshake begun", answered=answered, version=version)
        return _not_whole(begun, lacking)
    return _(
        "{answered}, {version} handshake begun and not completed: {ending}.",
        answered=answered,
        version=version,
        ending=ending,
    )


def _ended(capture: Capture, side: ClientSide) -> str:
    """How it ended; where the client took its leave in clear, that was the end, whoever closed."""
    left = [each.packets for each in capture.evidence if each.what == "TLS alert" and each.side == "client"]
    if side.alert not in _FAREWELLS or not left:
        return ending_words(capture)
    return at(_("the client ended it by alert {alert}", alert=terminal(side.alert or "", 40)), left[-1])


def _has_other_answer(result: Result) -> bool:
    """Something was seen in place of a ServerHello."""
    return server_alert(result) is not None or (result.tls is not None and result.tls.clear_text_instead)


def _no_server_hello(result: Result, capture: Capture) -> str:
    if (alert := server_alert(result)) is not None:
        return _("the ClientHello was answered by alert {alert}", alert=alert_words(alert))
    if result.tls is not None and result.tls.clear_text_instead:
        return _("the ClientHello was answered in clear text, {ending}", ending=ending_words(capture))
    for found in result.tls.versions.values() if result.tls is not None else ():
        if found.reason not in (None, "not asked", found.ending):
            return _("the ClientHello was answered by {what}", what=terminal(stored(found.reason or ""), 80))
    if any(each.side == "server" and each.what == _UNREADABLE for each in capture.evidence):
        return _("the ClientHello was answered by {what}", what=_(_UNREADABLE))
    ending = _ended(capture, capture.client_side or ClientSide())
    return _("the ClientHello got no answer, {ending}", ending=ending)


def alert_words(name: str, side: str = "server") -> str:
    """A TLS alert by its registered name, and what its sender means by it."""
    shown = terminal(name.removeprefix("alert "), 60)
    meaning = (_CLIENT_ALERTS if side == "client" else _ALERTS).get(shown) or _ALERTS.get(shown)
    return _("{alert} ({meaning})", alert=shown, meaning=_(meaning)) if meaning is not None else shown


def _standard(result: Result, capture: Capture, attempt: NegotiationAttempt | None) -> str:
    section = result.standard_rdp
    if section is not None and section.encryption_level is not None:
        methods = listed(terminal(name, 20) for name in section.encryption_methods)
        level = terminal(section.encryption_level, 40)
        words = _("{methods}, level {level}", methods=methods, level=level) if methods else level
        return _("Answered with Standard RDP Security ({words}): neither TLS nor NLA.", words=words)
    if (lacking := lack(capture)) is not None:
        return _not_whole(_("Answered with Standard RDP Security"), lacking)
    asked = [name for name in attempt.requested if name != "RDP"] if attempt is not None else []
    if asked:
        return _(
            "Answered with Standard RDP Security in place of {requested}, and nothing more: {ending}.",
            requested=listed(terminal(name, 40) for name in asked),
            ending=ending_words(capture),
        )
    return _("Answered with Standard RDP Security, and nothing more: {ending}.", ending=ending_words(capture))


def _bare_confirm(capture: Capture) -> str:
    """No negotiation on either side, or none that the server knows; both go on with Standard RDP Security."""
    if any(each.what == "MCS Disconnect Provider Ultimatum" for each in capture.evidence):
        return _("Nothing was negotiated, and the server disconnected: {ending}.", ending=ending_words(capture))
    if (lacking := lack(capture)) is not None:
        return _not_whole(_("Nothing was negotiated"), lacking)
    return _("Nothing was negotiated, and nothing more followed: {ending}.", ending=ending_words(capture))


def _unanswered(result: Result, capture: Capture, attempt: NegotiationAttempt | None) -> str:
    if attempt is not None and attempt.answer is not None:
        return _("The RDP request was answered with this: {answer}.", answer=terminal(stored(attempt.answer), 80))
    if (lacking := lack(capture)) is not None:
        return _not_captured(capture, lacking)
    if not is_heard(result):
        return _("How the RDP request was answered is not in this capture: {ending}.", ending=ending_words(capture))
    if not result.bytes_received and capture.waited_s is not None and result.status == "closed":
        return _left_early(capture, capture.waited_s)
    if not result.bytes_received:
        return _("The RDP request got no answer: {ending}.", ending=ending_words(capture))
    return _("The RDP request got no answer that settles anything: {ending}.", ending=ending_words(capture))


def _left_early(capture: Capture, waited_s: float) -> str:
    """Too soon for the missing answer to mean anything."""
    numbers = [capture.ended_packet] if capture.ended_packet is not None else []
    words = {"time": seconds(waited_s * 1000)}
    if capture.ending == "reset":
        ended = _("the client reset it after {time}, before any answer", **words)
    else:
        ended = _("the client closed it after {time}, before any answer", **words)
    return _("RDP was requested; {ending}.", ending=at(ended, numbers))


def seconds(elapsed_ms: float) -> str:
    """A span of time as a person reads it: "3 ms", "1.2 s"."""
    if elapsed_ms < 1000 * _LONG_S:
        return _("{count} ms", count=f"{elapsed_ms:.0f}")
    return _("{count} s", count=f"{elapsed_ms / 1000:.1f}")


def _attempt(result: Result) -> NegotiationAttempt | None:
    attempts = result.negotiation.attempts if result.negotiation is not None else []
    return attempts[0] if attempts else None
