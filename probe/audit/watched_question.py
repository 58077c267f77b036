"""The question that a client's bytes ask, in the words in which a live audit would have put it.

This program's own requests and hellos are known again by making them anew: where the bytes are the same but for random
values, the question is the very one. Any other client's hello becomes an offer with the form that it has, so that what
a server selects can be judged by what was offered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeVar

from probe.audit.attempt import Question, Stage
from probe.audit.conversation import ANY_METHOD, OTHER_NAME, OUR_COOKIE, connect_initial
from probe.audit.fingerprint import codes_in, without_grease
from probe.audit.offers import ALL_GROUPS, ALL_SCHEMES, full_offer
from probe.errors import WireError
from probe.handshake.client_hello import Offer, client_hello, usual_offer
from probe.handshake.machine import Event, Seen
from probe.handshake.shaped_hello import HelloForm
from probe.wire import gcc, mcs, ssl2, tls_hello
from probe.wire import tls_extensions as ext
from probe.wire.nego import ConfirmData, FailureCode, NegotiationFailure, NegotiationResponse, Protocol, RequestData
from probe.wire.tls_extensions import ExtensionType, find
from probe.wire.tls_record import Record
from probe.wire.tls_suites import FALLBACK_SCSV, RENEGOTIATION_SCSV
from probe.wire.tls_version import SSL2, SSL3, TLS12, TLS13

_SIGNALS = (RENEGOTIATION_SCSV, FALLBACK_SCSV)
_TLS_VERSIONS = range(SSL3, TLS13 + 1)
_USUAL_MASK = Protocol.SSL | Protocol.HYBRID | Protocol.HYBRID_EX
_EXTRAS = (
    ExtensionType.SESSION_TICKET,
    ExtensionType.STATUS_REQUEST,
    ExtensionType.ENCRYPT_THEN_MAC,
    ExtensionType.HEARTBEAT,
)
_MOST_REMEMBERED = 4096  # bytes of a hello
_MANY_SUITES = 30  # fewer are never offered by our library
# What a failure says of what was asked for, where the request is not there. [MS-RDPBCGR] 2.2.1.2.2.
_FAILED_WITHOUT_TLS = (FailureCode.SSL_REQUIRED_BY_SERVER,)


@dataclass(slots=True)
class _Asked:
    """The messages that a question is read from."""

    request: RequestData | None = None
    confirm: ConfirmData | None = None
    hello: tls_hello.ClientHello | None = None  # the first
    ssl2_hello: ssl2.ClientHello | None = None
    initial: Seen | None = None
    client: gcc.ConferenceCreateRequest | None = None
    core: gcc.ServerCore | None = None
    security: gcc.ServerSecurity | None = None
    answered: bool = False  # by a ServerHello


def question_of(events: Iterable[Event], *, direct: bool = False) -> Question:
    """What the client asked. `direct`: TLS without X.224. Without a request, what the answer says of it counts."""
    asked = _gather(events)
    hello = asked.hello
    if asked.ssl2_hello is not None:
        question = _of_ssl2_hello(asked.ssl2_hello)
    elif hello is not None:
        question = _of_hello(without_random(hello))
    else:
        question = _of_negotiation(asked)
    unasked = asked.request is None and asked.confirm is None
    unseen = asked.hello is None and asked.ssl2_hello is None and asked.answered  # TLS, and not what the client offered
    if unseen:
        question = Question(protocols=0, stage=Stage.TUNNEL)
    nothing = unasked and not direct and question.stage is Stage.NEGOTIATION
    negotiation = asked.request.negotiation if asked.request is not None else None
    return replace(
        question,
        protocols=None if direct and unasked else _protocols(asked),
        joined=unseen or (unasked and not direct and (hello is not None or asked.core is not None)),
        bare=nothing or (asked.request is not None and negotiation is None),
        flags=negotiation.flags if negotiation is not None else 0,
        cookie=asked.request is not None and asked.request.token == OUR_COOKIE,
    )


def _gather(events: Iterable[Event]) -> _Asked:
    asked = _Asked()
    for event in events:
        if not isinstance(event, Seen):
            continue
        message = event.message
        if isinstance(message, RequestData):
            asked.request = asked.request or message
        elif isinstance(message, ConfirmData):
            asked.confirm = asked.confirm or message
        elif isinstance(message, tls_hello.ClientHello):
            asked.hello = asked.hello or message
        elif isinstance(message, ssl2.ClientHello):
            asked.ssl2_hello = asked.ssl2_hello or message
        elif isinstance(message, mcs.ConnectInitial):
            asked.initial = event
        elif isinstance(message, gcc.ConferenceCreateRequest):
            asked.client = message
        elif isinstance(message, gcc.ConferenceCreateResponse):
            asked.core, asked.security = message.block(gcc.ServerCore), message.block(gcc.ServerSecurity)
        elif isinstance(message, tls_hello.ServerHello):
            asked.answered = True
    return asked


def _protocols(asked: _Asked) -> int:
    """What was requested; without the request, what the server's own words say of it, or what came behind."""
    if asked.request is not None:
        return int(asked.request.negotiation.protocols) if asked.request.negotiation is not None else 0
    if asked.core is not None and asked.core.client_requested_protocols is not None:
        return int(asked.core.client_requested_protocols)
    answer = asked.confirm.negotiation if asked.confirm is not None else None
    if isinstance(answer, NegotiationResponse):
        return int(answer.selected)
    if isinstance(answer, NegotiationFailure):
        return 0 if answer.code in _FAILED_WITHOUT_TLS else int(Protocol.SSL)
    return int(Protocol.SSL) if asked.hello is not None else 0


# What follows the negotiation in clear, or nothing.


def _of_negotiation(asked: _Asked) -> Question:
    protocols = _protocols(asked)
    if asked.initial is not None or asked.core is not None:
        return _of_settings(asked, protocols)
    answer = asked.confirm.negotiation if asked.confirm is not None else None
    is_left = isinstance(answer, NegotiationResponse) and answer.selected != Protocol.RDP
    if is_left or protocols == Protocol.HYBRID_EX or (asked.confirm is not None and answer is None):
        return Question(protocols=protocols, stage=Stage.NEGOTIATION)
    if asked.request is None and asked.confirm is None:
        return Question(protocols=protocols, stage=Stage.NEGOTIATION)
    return Question(protocols=protocols, stage=Stage.SETTINGS if protocols == Protocol.RDP else Stage.TUNNEL)


def _of_settings(asked: _Asked, protocols: int) -> Question:
    """Standard RDP Security: the methods that the client offers, and its version."""
    client = asked.client
    security = client.block(gcc.ClientSecurity) if client is not None else None
    core = client.block(gcc.ClientCore) if client is not None else None
    methods = 0 if security is None else security.encryption_methods or security.ext_encryption_methods
    if asked.initial is None and asked.security is not None:  # what was chosen was among them, as far as is known
        methods = asked.security.encryption_method
    question = Question(protocols=protocols, stage=Stage.SETTINGS, methods=methods)
    if core is None or asked.initial is None:
        return question
    question = replace(question, rdp_version=core.version)
    ours = protocols and methods == ANY_METHOD and asked.initial.raw == _our_initial(core, methods)
    return replace(question, stage=Stage.TUNNEL, methods=0) if ours else question


def _our_initial(core: gcc.ClientCore, methods: int) -> bytes:
    return connect_initial(core.version, methods, core.server_selected_protocol or 0)


# Hellos.


def _of_ssl2_hello(hello: ssl2.ClientHello) -> Question:
    if hello.version == SSL2:
        return Question(protocols=0, stage=Stage.HELLO, version=SSL2)
    suites = tuple(spec for spec in hello.cipher_specs if spec <= 0xFFFF and spec not in _SIGNALS)
    offer = replace(usual_offer(min(hello.version, TLS12)), version=hello.version, suites=suites)
    return Question(protocols=0, stage=Stage.HELLO, version=hello.version, offer=offer, framed=True)


def without_random(hello: tls_hello.ClientHello) -> tls_hello.ClientHello:
    """The same hello with zeros for what is random, so that all of one client's are equal."""
    extensions = hello.extensions
    if extensions is not None:
        extensions = tuple([each if each.type not in _RANDOM else _with_zeros(each) for each in extensions])
    return tls_hello.ClientHello(
        version=hello.version,
        random=bytes(32),
        session_id=bytes(len(hello.session_id)),
        cipher_suites=hello.cipher_suites,
        compression_methods=hello.compression_methods,
        extensions=extensions,
    )


_RANDOM = frozenset(
    map(
        int,
        (
            ExtensionType.KEY_SHARE,
            ExtensionType.SESSION_TICKET,
            ExtensionType.PRE_SHARED_KEY,
            ExtensionType.COOKIE,
        ),
    )
)


def _with_zeros(extension: tls_hello.Extension) -> tls_hello.Extension:
    body = extension.body
    zeros = _zero_shares(body) if extension.type == ExtensionType.KEY_SHARE else bytes(len(body))
    return tls_hello.Extension(type=extension.type, body=zeros)


def _zero_shares(body: bytes) -> bytes:
    """The groups and the lengths of keys stay; of what cannot be read nothing does."""
    zeros, at, end = bytearray(len(body)), 2, len(body)
    zeros[:at] = body[:at]
    while at + 4 <= end:
        zeros[at : at + 4] = body[at : at + 4]
        at += 4 + (body[at + 2] << 8 | body[at + 3])
    is_whole = at == end and int.from_bytes(body[:2], "big") == end - 2 > 0
    return bytes(zeros) if is_whole else bytes(end)


_Told = TypeVar("_Told")


def remembered(tell: Callable[[tls_hello.ClientHello], _Told]) -> Callable[[tls_hello.ClientHello], _Told]:
    """What is told of hellos without their random values: each client's is looked at once, but for the very large."""
    known = lru_cache(maxsize=256)(tell)

    def told(hello: tls_hello.ClientHello) -> _Told:
        size = 2 * len(hello.cipher_suites) + sum(len(extension.body) for extension in hello.extensions or ())
        return known(hello) if size <= _MOST_REMEMBERED else tell(hello)

    return told


@remembered
def _of_hello(hello: tls_hello.ClientHello) -> Question:
    """The question that a hello without its random values asks."""
    offer, name = _our_offer(hello), server_name_of(hello)
    if _makes(offer, name, hello):
        usual = offer == usual_offer(offer.version)
        return Question(
            protocols=0,
            stage=Stage.HELLO,
            version=offer.version,
            offer=None if usual else offer,
            other_name=name == OTHER_NAME,
        )
    if _is_of_our_library(hello, offer.version):
        version = None if offer.version == TLS13 else offer.version
        resumed = version is not None and bool(find(hello.extensions, ExtensionType.SESSION_TICKET) or hello.session_id)
        return Question(protocols=0, stage=Stage.TUNNEL, version=version, resume=resumed)
    return Question(protocols=0, stage=Stage.TUNNEL, version=offer.version, offer=_offer_of(hello))


def _our_offer(hello: tls_hello.ClientHello) -> Offer:
    """The offer that would make this hello, were it one of ours."""
    versions, kinds = versions_of(hello), [extension.type for extension in hello.extensions or ()]
    padding = find(hello.extensions, ExtensionType.PADDING)
    suites = tuple(suite for suite in hello.cipher_suites if suite not in _SIGNALS)
    usual = usual_offer(versions[0])
    hidden = usual if suites == usual.suites else full_offer(versions[0])  # what an old version has no place for
    return Offer(
        version=versions[0],
        suites=suites,
        groups=codes_in(hello, ExtensionType.SUPPORTED_GROUPS, ext.read_supported_groups) or hidden.groups,
        schemes=codes_in(hello, ExtensionType.SIGNATURE_ALGORITHMS, ext.read_signature_algorithms) or hidden.schemes,
        share=bool(shares_of(hello)) if versions[0] >= TLS13 else True,
        older=versions[0] >= TLS13 and TLS12 in versions,
        extras=all(kind in kinds for kind in _EXTRAS),
        fallback=FALLBACK_SCSV in hello.cipher_suites,
        padding=len(padding) if padding is not None else 0,
        certificate_schemes=codes_in(hello, ExtensionType.SIGNATURE_ALGORITHMS_CERT, ext.read_signature_algorithms),
    )


def _makes(offer: Offer, name: str | None, hello: tls_hello.ClientHello) -> bool:
    """Whether this program makes the same hello, but for random values."""
    try:
        return client_hello(offer, bytes, name)[Record.HEADER :] == tls_hello.write_handshake(hello)
    except (WireError, ValueError, OverflowError):  # an offer that cannot be written, so not ours
        return False


def _is_of_our_library(hello: tls_hello.ClientHello, newest: int) -> bool:
    """A hello of the library that completes handshakes here: by what it offers, in the same order."""
    if len(hello.cipher_suites) < _MANY_SUITES or newest not in _TLS_VERSIONS or newest == SSL3:
        return False
    return _shape(hello) == _shape_of_our_library(newest)


def _shape(hello: tls_hello.ClientHello) -> tuple[object, ...]:
    extensions = [extension for extension in hello.extensions or () if extension.type not in _VARYING]
    bodies = [(extension.type, extension.body) for extension in extensions if extension.type in _TELLING]
    return (hello.version, hello.cipher_suites, tuple(extension.type for extension in extensions), tuple(bodies))


_VARYING = (ExtensionType.SERVER_NAME, ExtensionType.PADDING, ExtensionType.PRE_SHARED_KEY, ExtensionType.COOKIE)
_TELLING = (
    ExtensionType.SUPPORTED_GROUPS,
    ExtensionType.SIGNATURE_ALGORITHMS,
    ExtensionType.SUPPORTED_VERSIONS,
    ExtensionType.EC_POINT_FORMATS,
)


@lru_cache(maxsize=8)
def _shape_of_our_library(newest: int) -> tuple[object, ...]:
    from probe.handshake.tls_tunnel import TlsTunnel  # the library is large, and seldom needed

    raw = TlsTunnel(newest=newest).data_to_send()[Record.HEADER :]
    hello = tls_hello.read_handshake(raw, TLS12)
    return _shape(hello) if isinstance(hello, tls_hello.ClientHello) else ()


def _offer_of(hello: tls_hello.ClientHello) -> Offer:
    """Another client's hello as an offer. Where it names no groups or schemes, a server may take any."""
    versions = versions_of(hello)
    return Offer(
        version=versions[0],
        suites=tuple(suite for suite in without_grease(hello.cipher_suites) if suite not in _SIGNALS),
        groups=groups_of(hello) or ALL_GROUPS,
        schemes=schemes_of(hello) or ALL_SCHEMES,
        share=bool(shares_of(hello)),
        older=versions[0] >= TLS13 and len(versions) > 1,
        extras=b"\1" in hello.compression_methods,
        fallback=FALLBACK_SCSV in hello.cipher_suites,
        form=HelloForm(
            versions=versions,
            extensions=tuple(extension.type for extension in hello.extensions or ()),
            shares=tuple(group for group, _ in shares_of(hello)),
        ),
    )


# What a hello says, each in its order and without the values of GREASE.


def versions_of(hello: tls_hello.ClientHello) -> tuple[int, ...]:
    """What it offers, newest first; where it names only the newest, all from there on down."""
    named = codes_in(hello, ExtensionType.SUPPORTED_VERSIONS, ext.read_supported_versions)
    known = sorted((version for version in named if version in _TLS_VERSIONS), reverse=True)
    if known:
        return tuple(known)
    newest = min(hello.version, TLS12)
    return tuple(range(newest, SSL3 - 1, -1)) or (hello.version,)


def groups_of(hello: tls_hello.ClientHello) -> tuple[int, ...]:
    """supported_groups."""
    return codes_in(hello, ExtensionType.SUPPORTED_GROUPS, ext.read_supported_groups)


def schemes_of(hello: tls_hello.ClientHello) -> tuple[int, ...]:
    """signature_algorithms."""
    return codes_in(hello, ExtensionType.SIGNATURE_ALGORITHMS, ext.read_signature_algorithms)


def shares_of(hello: tls_hello.ClientHello) -> tuple[tuple[int, bytes], ...]:
    """key_share."""
    body = find(hello.extensions, ExtensionType.KEY_SHARE)
    try:
        return () if body is None else ext.read_client_key_share(body)
    except WireError:
        return ()


def server_name_of(hello: tls_hello.ClientHello) -> str | None:
    """server_name's first host name, in ASCII; None where there is none."""
    body = find(hello.extensions, ExtensionType.SERVER_NAME)
    try:
        names = () if body is None else ext.read_server_name(body)
    except WireError:
        return None
    return next((name.decode("ascii", "replace") for kind, name in names if kind == ext.HOST_NAME), None)
