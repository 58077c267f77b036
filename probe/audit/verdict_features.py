"""What a server does besides agreeing on a version and a suite, as its answers in clear show it. Depth full."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from probe.audit.attempt import Stage
from probe.audit.outcome import Outcome, outcome, reached_tls
from probe.audit.reading import Reading
from probe.audit.verdict_suites import answers, is_open, says_no_to_all
from probe.handshake.client_hello import current_offer
from probe.handshake.machine import Ending
from probe.result import Intolerance, Registered, TlsFeatures
from probe.wire import tls_hello
from probe.wire.iana import EXTENSIONS, AlertDescription
from probe.wire.tls_extensions import ExtensionType, find
from probe.wire.tls_key_exchange import key_exchange_of
from probe.wire.tls_suites import suite_name
from probe.wire.tls_version import SSL3, TLS12, TLS13, version_name

_Says = Callable[[tls_hello.ServerHello], bool]
_DROPPED = (Ending.CLOSED, Ending.RESET, Ending.TIMED_OUT, Ending.DEADLINE)
_MANY_SUITES = 100
_LIBRARY = "TLSv1.3 offered, in a large hello"  # as current libraries and our padded hello have it


def features(readings: Sequence[Reading]) -> TlsFeatures:
    """Every feature that was asked for. Those that TLS 1.3 encrypts or does not have are read from older answers."""
    older = [reading for reading in answers(readings) if (hello := reading.question.hello) and hello.version <= TLS12]
    with_extensions = [reading for reading in older if not reading.answers_version(SSL3)]
    asked = [reading for reading in older if (hello := reading.question.hello) and hello.extras]
    resumed = next((reading for reading in readings if reading.question.resume and reading.secured is not None), None)
    return TlsFeatures(
        secure_renegotiation=_any_says(older, ExtensionType.RENEGOTIATION_INFO),
        extended_master_secret=_any_says(with_extensions, ExtensionType.EXTENDED_MASTER_SECRET),
        encrypt_then_mac=_any_says([reading for reading in asked if _is_cbc(reading)], ExtensionType.ENCRYPT_THEN_MAC),
        compression=_any(asked, lambda hello: hello.compression_method != 0),
        session_tickets=_any_says(asked, ExtensionType.SESSION_TICKET),
        heartbeat=_any_says(asked, ExtensionType.HEARTBEAT),
        resumption=resumed.resumed if resumed is not None else None,
        resumed_version=_version_of(resumed) if resumed is not None else None,
        fallback_scsv=_fallback(readings),
        downgrade_sentinel=_sentinel(readings),
        ocsp_stapling=_any_message(asked, tls_hello.CertificateStatus),
        client_certificate=_any_message(older, tls_hello.CertificateRequest),
        sslv2_framed_hello=_framed(readings),
        other_name=_other_name(readings),
    )


def _hellos(readings: Iterable[Reading]) -> list[tls_hello.ServerHello]:
    return [reading.server_hello for reading in readings if reading.server_hello is not None]


def _any(readings: Iterable[Reading], says: _Says) -> bool | None:
    """Whether any ServerHello says so; None where there is none."""
    found = [says(hello) for hello in _hellos(readings)]
    return any(found) if found else None


def _any_says(readings: Iterable[Reading], extension: int) -> bool | None:
    return _any(readings, lambda hello: find(hello.extensions, extension) is not None)


def _any_message(readings: Iterable[Reading], kind: type[object]) -> bool | None:
    """Whether the message is in any flight with a certificate that was seen to its end; None without such a flight."""
    found = [
        any(isinstance(message, kind) for message in reading.messages)
        for reading in readings
        if reading.chain and any(isinstance(message, tls_hello.ServerHelloDone) for message in reading.messages)
    ]
    return any(found) if found else None


def _is_cbc(reading: Reading) -> bool:
    return reading.server_hello is not None and "_CBC_" in suite_name(reading.server_hello.cipher_suite)


def _version_of(reading: Reading) -> str | None:
    return version_name(reading.server_hello.selected_version) if reading.server_hello is not None else None


def _fallback(readings: Iterable[Reading]) -> bool | None:
    for reading in readings:
        offer = reading.question.hello
        if offer is None or not offer.fallback:
            continue
        if reading.alert is not None and reading.alert.description == AlertDescription.INAPPROPRIATE_FALLBACK:
            return True
        if outcome(reading) is Outcome.AGREED:
            return False
    return None


def _sentinel(readings: Sequence[Reading]) -> bool | None:
    """Whether answers below the newest version that the server has carry the sentinel. RFC 8446 section 4.1.3."""
    hellos = _hellos(answers(readings))
    newest = max((hello.selected_version for hello in hellos), default=0)
    if newest < TLS12:
        return None
    below = [hello.downgrade_sentinel is not None for hello in hellos if hello.selected_version < newest]
    return any(below) if below else None


def _framed(readings: Iterable[Reading]) -> bool | None:
    """A refusal tells nothing: without extensions there is no signature that a server of today could make."""
    framed = [reading for reading in readings if reading.question.framed]
    if any(reading.server_hello is not None for reading in framed):
        return True
    return False if any(_is_silent(reading) and _heard_nothing(reading) for reading in framed) else None


def _heard_nothing(reading: Reading) -> bool:
    """The server ended the connection or let it wait, and nothing came that could not be read."""
    return reading.ending in _DROPPED and reading.malformed is None and not reading.unread


def _other_name(readings: Sequence[Reading]) -> Literal["same certificate", "another certificate", "refused"] | None:
    for reading in readings:
        if not reading.question.other_name:
            continue
        if outcome(reading) is Outcome.REFUSED:
            return "refused"
        if outcome(reading) is Outcome.AGREED and reading.chain:
            return _compared(reading, readings)
    return None


def _compared(other: Reading, readings: Sequence[Reading]) -> Literal["same certificate", "another certificate"] | None:
    """The certificate for another name beside those for the usual one."""
    usual = _chains_like(other, readings)
    if other.chain in usual:
        return "same certificate"
    if len(usual) > 1:  # it changes without another name
        return None
    return "another certificate" if usual or _is_refused_to_the_name(other, readings) else None


def _is_refused_to_the_name(other: Reading, readings: Iterable[Reading]) -> bool:
    """The usual name was refused the suite that another name was given."""
    return any(
        offer.version == hello.selected_version and hello.cipher_suite in offer.suites and is_open(offer)
        for reading in readings
        if (offer := reading.question.hello) and (hello := other.server_hello) and says_no_to_all(reading, offer)
    )


def _chains_like(other: Reading, readings: Iterable[Reading]) -> set[tuple[bytes, ...]]:
    """The chains that the usual name was given for suites that want the same kind of key."""
    return {
        reading.chain
        for reading in readings
        if reading.chain and reading.question.has_usual_name and _key_kind(reading) == _key_kind(other)
    }


def _key_kind(reading: Reading) -> str | None:
    """The last word of the key exchange of the suite that was selected: RSA, ECDSA, DSS, anon."""
    hello = reading.server_hello
    return key_exchange_of(hello.cipher_suite).rpartition("_")[2] if hello is not None else None


def not_told(readings: Iterable[Reading], found: TlsFeatures) -> list[str]:
    """Resumption, where it was asked for and a handshake failed, in words."""
    failed = [
        reading.question
        for reading in readings
        if reading.question.stage is Stage.TUNNEL and reading.question.version is not None and reading.secured is None
    ]
    if not failed or found.resumption is not None:
        return []
    version = version_name(failed[-1].version or 0)
    if failed[-1].resume:
        return [f"resumption: the handshake that was to continue a session of {version} failed"]
    return [f"resumption: no handshake of {version} could be completed"]


def extensions(readings: Sequence[Reading]) -> list[Registered]:
    """Every extension in a ServerHello or HelloRetryRequest."""
    kinds = {extension.type for hello in _hellos(answers(readings)) for extension in hello.extensions or ()}
    return [Registered(code=f"0x{kind:04x}", name=EXTENSIONS.get(kind, f"0x{kind:04x}")) for kind in sorted(kinds)]


def intolerance(readings: Sequence[Reading]) -> list[Intolerance]:
    """Legal hellos that were dropped without an alert though the server agrees to another one."""
    agreed = [(hello.selected_version, hello.cipher_suite) for hello in _hellos(answers(readings))]
    dropped = {}
    for reading in readings:
        words = _oddity(reading)
        if words is not None and _was_dropped(reading) and any(_offers(reading, *each) for each in agreed):
            dropped[words] = Intolerance(hello=words, ending=reading.ending.value)
    answered = {_oddity(reading) for reading in readings if not _is_silent(reading)}
    return [found for words, found in dropped.items() if words not in answered]


def _is_silent(reading: Reading) -> bool:
    return reading.server_hello is None and reading.alert is None and reading.disconnect is None


def _was_dropped(reading: Reading) -> bool:
    silent = _is_silent(reading) and _heard_nothing(reading)
    return silent and not reading.is_to_be_repeated and reached_tls(reading)


def _oddity(reading: Reading) -> str | None:
    """What a hello has that an old client's has not; None where it has nothing of the kind."""
    offer = reading.question.hello
    if offer is None:
        return _LIBRARY if reading.question.stage is Stage.TUNNEL and reading.question.version is None else None
    if offer.padding:
        return _LIBRARY if offer.older else "large hello"
    if offer.older:
        return "TLSv1.3 offered"
    return f"{len(offer.suites)} cipher suites offered" if len(offer.suites) > _MANY_SUITES else None


def _offers(reading: Reading, version: int, suite: int) -> bool:
    """Whether its hello holds what another one was agreed on with; our library's holds whatever is usual."""
    offer = reading.question.hello
    if offer is None:
        return suite in current_offer().suites
    versions = (TLS12, TLS13) if offer.older else (offer.version,)
    return version in versions and suite in offer.suites and is_open(offer)
