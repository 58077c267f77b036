"""What one hello of ours led to: the one place that says when a server agreed, and when it refused."""

from __future__ import annotations

from enum import Enum

from probe.audit.attempt import Stage
from probe.audit.reading import Reading, once
from probe.errors import WireError
from probe.handshake.client_hello import Offer
from probe.handshake.machine import Ending
from probe.wire.nego import NegotiationResponse
from probe.wire.tls_hello import ServerHello
from probe.wire.tls_key_exchange import (
    DheParameters,
    EcdheParameters,
    KeyExchange,
    key_exchange_of,
    read_server_key_exchange,
)
from probe.wire.tls_version import SSL2, TLS12, TLS13, version_name


class Outcome(Enum):
    """How a server took an offer."""

    __hash__ = object.__hash__

    AGREED = "agreed"  # a ServerHello with the version asked for, and nothing that was not offered
    OTHER_VERSION = "answered another version"
    NOT_OFFERED = "answered what was not offered"
    REFUSED = "refused"  # by an alert, a close, a disconnect in clear, or a reset that came twice
    UNSETTLED = "unsettled"  # silence, a first reset, bytes that cannot be read


@once
def outcome(reading: Reading) -> Outcome:
    """How the server took the offer of this connection's hello."""
    offer, hello = reading.question.hello, reading.server_hello
    if hello is not None:
        return Outcome.OTHER_VERSION if offer is None else _of_answer(hello, offer)
    if reading.ssl2_hello is not None:
        agreed = offer is None and reading.ssl2_hello.version == SSL2
        return Outcome.AGREED if agreed else Outcome.OTHER_VERSION
    if reading.alert is not None or reading.disconnect is not None or reading.ssl2_error is not None:
        return Outcome.REFUSED
    # A close is an answer. A reset is one once it was seen twice: the first may have been an accident on the way.
    if reading.ending is Ending.CLOSED or (reading.ending is Ending.RESET and reading.question.repeat):
        return Outcome.REFUSED
    return Outcome.UNSETTLED


def reached_tls(reading: Reading) -> bool:
    """A TLS-based protocol was asked for and selected, and TLS was then tried."""
    answer, requested = reading.negotiation, reading.question.protocols
    if reading.question.joined and answer is None:
        return reading.question.stage in (Stage.HELLO, Stage.TUNNEL)
    return (
        isinstance(answer, NegotiationResponse)
        and requested is not None
        and answer.selected.bit_count() == 1
        and bool(answer.selected & requested)
        and reading.question.stage in (Stage.HELLO, Stage.TUNNEL)
    )


def _of_answer(hello: ServerHello, offer: Offer) -> Outcome:
    selected = hello.selected_version
    offered = offer.form.versions if offer.form is not None else (TLS12,) if offer.older else ()
    if selected < offer.version and selected not in offered:
        return Outcome.OTHER_VERSION
    return Outcome.AGREED if unoffered(hello, offer) is None else Outcome.NOT_OFFERED


def unoffered(hello: ServerHello, offer: Offer) -> str | None:
    """What the server selected that was not in the offer, in words; None where all of it was.

    A version below the offer's is no such thing: it is how a server says that it has nothing newer.
    """
    if hello.selected_version > offer.version:
        return version_name(hello.selected_version)
    if hello.is_hello_retry_request and hello.selected_version < TLS13:
        return "a HelloRetryRequest"
    if hello.cipher_suite not in offer.suites:
        return f"suite 0x{hello.cipher_suite:04x}"
    if hello.compression_method and not (offer.extras and hello.compression_method == 1):
        return f"compression method {hello.compression_method}"
    group = hello.key_share_group
    if group is not None and group not in offer.groups:
        return f"group 0x{group:04x}"
    return None


@once
def key_exchange(reading: Reading) -> KeyExchange | None:
    """The parameters of the ServerKeyExchange, up to TLS 1.2; None where there are none that can be read."""
    if reading.key_exchange is None or reading.server_hello is None:
        return None
    hello = reading.server_hello
    try:
        return read_server_key_exchange(
            reading.key_exchange.params, hello.selected_version, key_exchange_of(hello.cipher_suite)
        )
    except WireError:
        return None


@once
def group_of(reading: Reading) -> int | None:
    """The group of the key exchange that the server named: in a ServerHello of TLS 1.3, else in its key exchange.

    None also for a group that our hello did not offer.
    """
    hello, offer = reading.server_hello, reading.question.hello
    if hello is not None and hello.selected_version >= TLS13:
        group = hello.key_share_group
    else:
        parameters = key_exchange(reading)
        group = parameters.group if isinstance(parameters, EcdheParameters) else None
    return group if offer is None or group in offer.groups else None


@once
def scheme_of(reading: Reading) -> int | None:
    """The scheme of the server's signature, in TLS 1.2; None also for one that our hello did not offer."""
    parameters, offer = key_exchange(reading), reading.question.hello
    scheme = parameters.signature_scheme if isinstance(parameters, EcdheParameters | DheParameters) else None
    return scheme if offer is None or scheme in offer.schemes else None
