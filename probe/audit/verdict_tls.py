"""From readings to the TLS section: versions, the complete handshake, TLS without X.224."""

from __future__ import annotations

from collections.abc import Sequence

from probe.audit.attempt import TLS_VERSIONS, Stage, protocol_name
from probe.audit.reading import Reading
from probe.errors import WireError
from probe.handshake.client_hello import suites_offered
from probe.handshake.machine import Ending
from probe.result import Registered, Tls, TlsHandshake, Verdict
from probe.wire.iana import CIPHER_SUITES, GROUPS
from probe.wire.nego import NegotiationResponse
from probe.wire.tls_key_exchange import EcdheParameters, key_exchange_of, read_server_key_exchange
from probe.wire.tls_version import TLS13, version_name


def tls(readings: Sequence[Reading]) -> Tls | None:
    """The TLS section; None where no connection got as far as TLS."""
    over_rdp = [reading for reading in readings if reached_tls(reading)]
    if not over_rdp:
        return None
    return Tls(
        versions={
            version_name(version): verdict for version in TLS_VERSIONS if (verdict := _version(version, over_rdp))
        },
        handshake=_handshake(over_rdp),
        handshake_failure=_handshake_failure(over_rdp),
        clear_text_instead=any(_clear_text_instead(reading) for reading in over_rdp),
    )


def reached_tls(reading: Reading) -> bool:
    """A TLS-based protocol was asked for and selected, and TLS was then tried."""
    answer, requested = reading.negotiation, reading.question.protocols
    return (
        isinstance(answer, NegotiationResponse)
        and requested is not None
        and answer.selected.bit_count() == 1
        and bool(answer.selected & requested)
        and reading.question.stage in (Stage.HELLO, Stage.TUNNEL)
    )


def _version(version: int, readings: Sequence[Reading]) -> Verdict | None:
    """The verdict on one version: seen selected anywhere, else what came of its own hello."""
    if any(_agrees_on(version, reading) for reading in readings):
        return Verdict(state="accepted")
    asked = [reading for reading in readings if reading.question.version == version]
    return hello_verdict(asked[-1]) if asked else None


def _agrees_on(version: int, reading: Reading) -> bool:
    """The server selected this version, in answer to a hello that offered it, with a suite that it offered."""
    if not reading.answers_version(version):
        return False
    asked = reading.question.version
    if asked is None:  # our library's handshake: it went on only if all was as it had offered
        return reading.secured is not None
    return _was_offered(reading) and (version == asked if asked >= TLS13 else version <= asked)


def _was_offered(reading: Reading) -> bool:
    hello, asked = reading.server_hello, reading.question.version
    return hello is None or asked is None or hello.cipher_suite in suites_offered(asked)


def hello_verdict(reading: Reading) -> Verdict:
    """What one hello of ours led to."""
    if reading.server_hello is not None:
        selected = reading.server_hello.selected_version
        if selected == reading.question.version and not _was_offered(reading):
            suite = reading.server_hello.cipher_suite
            return Verdict(state="unknown", reason=f"answered suite 0x{suite:04x}, which was not offered")
        if selected == reading.question.version:
            return Verdict(state="accepted")
        return Verdict(state="rejected", reason=f"answered {version_name(selected)}")
    if reading.alert is not None:
        return Verdict(state="rejected", reason=f"alert {reading.alert.description.name.lower()}")
    if reading.disconnect is not None:
        return Verdict(state="rejected", reason="clear-text disconnect")
    # A close is an answer. A reset is one once it was seen twice: the first may have been an accident on the way.
    if reading.ending is Ending.CLOSED or (reading.ending is Ending.RESET and reading.question.repeat):
        return Verdict(state="rejected", reason=reading.ending.value, ending=reading.ending.value)
    reason = "malformed" if reading.malformed is not None else reading.ending.value
    return Verdict(state="unknown", reason=reason, ending=reading.ending.value)


def _clear_text_instead(reading: Reading) -> bool:
    return reading.disconnect is not None and reading.server_hello is None and reading.alert is None


def _handshake_failure(readings: Sequence[Reading]) -> Verdict | None:
    """What the last try at a complete handshake met, where none was completed."""
    tunnels = [reading for reading in readings if reading.question.stage is Stage.TUNNEL]
    if not tunnels or any(reading.secured is not None for reading in tunnels):
        return None
    verdict = hello_verdict(tunnels[-1])
    return verdict if tunnels[-1].server_hello is None else Verdict(state="unknown", reason="not completed")


def _handshake(readings: Sequence[Reading]) -> TlsHandshake | None:
    """The first complete handshake, else the first ServerHello of an attempt at one."""
    tunnels = [reading for reading in readings if reading.question.stage is Stage.TUNNEL and reading.server_hello]
    complete = [reading for reading in tunnels if reading.secured is not None]
    best = next(iter(complete or tunnels), None)
    if best is None or best.server_hello is None or not isinstance(best.negotiation, NegotiationResponse):
        return None
    hello = best.server_hello
    group = hello.key_share_group or _key_exchange_group(best)
    return TlsHandshake(
        version=version_name(hello.selected_version),
        cipher_suite=registered(hello.cipher_suite, CIPHER_SUITES),
        group=registered(group, GROUPS) if group is not None else None,
        complete=best.secured is not None,
        over=protocol_name(best.negotiation.selected),
    )


def _key_exchange_group(reading: Reading) -> int | None:
    """The group of an ECDHE ServerKeyExchange, up to TLS 1.2."""
    if reading.key_exchange is None or reading.server_hello is None:
        return None
    hello = reading.server_hello
    kind = key_exchange_of(hello.cipher_suite)
    try:
        parameters = read_server_key_exchange(reading.key_exchange.params, hello.selected_version, kind)
    except WireError:
        return None
    return parameters.group if isinstance(parameters, EcdheParameters) else None


def registered(code: int, registry: dict[int, str]) -> Registered:
    """A code point with its name; its own number where the registry has none."""
    number = f"0x{code:04x}"
    return Registered(code=number, name=registry.get(code, number))


def direct_tls(readings: Sequence[Reading]) -> Verdict:
    """TLS straight after TCP, without X.224."""
    asked = [reading for reading in readings if reading.question.protocols is None]
    if not asked:
        return Verdict(state="unknown")
    verdict = hello_verdict(asked[-1])
    if asked[-1].server_hello is not None:
        return Verdict(state="accepted")
    return verdict
