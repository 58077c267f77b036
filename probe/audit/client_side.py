"""What the client of a captured connection said of itself: names, versions, offers. Never a proof or a key."""

from __future__ import annotations

from collections.abc import Iterable

from probe.audit.fingerprint import codes_in, ja3, ja4
from probe.audit.watched_question import groups_of, remembered, schemes_of, server_name_of, versions_of, without_random
from probe.audit.windows import RELEASES
from probe.errors import WireError
from probe.handshake.machine import Event, Seen, Side
from probe.handshake.negotiation import CutRequest
from probe.result import CapturedCredSsp, CapturedHello, ClientSide
from probe.wire import gcc, ntlm, spnego, ssl2, tls_hello
from probe.wire.credssp import TsRequest
from probe.wire.cursor import flag_names
from probe.wire.kerberos import KerberosService
from probe.wire.nego import PreconnectionPdu, Protocol, RequestData, RequestFlag
from probe.wire.ntlm_names import NtlmNames
from probe.wire.tls_extensions import ExtensionType, find, read_alpn, read_supported_versions
from probe.wire.tls_record import Alert
from probe.wire.tls_version import version_name

# Builds that a client claims in CS_CORE though it is no Windows: FreeRDP 2.11 settings.c, rdesktop 1.9 secure.c.
_CLAIMED = {18363: "FreeRDP 2", 2600: "rdesktop"}
# RNS_UD_COLOR_*, [MS-RDPBCGR] 2.2.1.3.2
_COLORS = {0xCA00: 4, 0xCA01: 8, 0xCA02: 15, 0xCA03: 16, 0xCA04: 24}
_TRUE_COLOR, _WITH_ALPHA = 24, 32


def client_side(events: Iterable[Event]) -> ClientSide:
    """What the client's messages say. Never raises."""
    side = ClientSide()
    for event in events:
        if not isinstance(event, Seen):
            continue
        if event.side is Side.CLIENT:
            _note(side, event.message)
        elif isinstance(event.message, spnego.NegTokenResp) and event.message.supported_mech is not None:
            name = spnego.mechanism_name(event.message.supported_mech)
            _credssp(side).mechanism = "Kerberos" if "Kerberos" in name else name
    return side


def _note(side: ClientSide, message: object) -> None:
    if isinstance(message, RequestData):
        _note_request(side, message)
    elif isinstance(message, CutRequest):
        _note_token(side, message.token)
    elif isinstance(message, PreconnectionPdu):
        side.preconnection_blob = None if message.blob is None else _utf16(message.blob)
    elif isinstance(message, tls_hello.ClientHello):
        side.hello = _hello(without_random(message))
    elif isinstance(message, ssl2.ClientHello):
        side.hello = _ssl2_hello(message)
    elif isinstance(message, gcc.ConferenceCreateRequest):
        _note_settings(side, message)
    elif isinstance(message, Alert):
        side.alert = side.alert or message.description.name.lower()
    elif isinstance(message, TsRequest | spnego.NegTokenInit | ntlm.Negotiate | NtlmNames | KerberosService):
        _note_credssp(side, message)


# The Connection Request.


def _note_request(side: ClientSide, request: RequestData) -> None:
    _note_token(side, request.token)
    asked = request.negotiation
    side.requested = [] if asked is None else flag_names(asked.protocols, Protocol) or [Protocol(0).name or "RDP"]
    side.request_flags = [] if asked is None else flag_names(asked.flags, RequestFlag)


def _note_token(side: ClientSide, token: bytes | None) -> None:
    if token is None:
        return
    if token.startswith(RequestData.COOKIE):
        side.cookie = token[len(RequestData.COOKIE) :].decode("utf-8", "replace")
    else:
        side.routing_token = token.decode("utf-8", "replace")


def _utf16(raw: bytes) -> str:
    return raw.decode("utf-16-le", "replace").partition("\0")[0]


# The basic settings.


def _note_settings(side: ClientSide, request: gcc.ConferenceCreateRequest) -> None:
    core, network = request.block(gcc.ClientCore), request.block(gcc.ClientNetwork)
    security, cluster = request.block(gcc.ClientSecurity), request.block(gcc.ClientCluster)
    if core is not None:
        _note_core(side, core)
    if network is not None:
        side.channels = [each.name.partition(b"\0")[0].decode("latin-1") for each in network.channels]
    if security is not None:
        methods = security.encryption_methods or security.ext_encryption_methods
        side.encryption_methods = gcc.encryption_method_names(methods)
    if cluster is not None:
        side.cluster_flags = f"0x{cluster.flags:08x}"
        side.redirected_session_id = cluster.redirected_session_id


def _note_core(side: ClientSide, core: gcc.ClientCore) -> None:
    product = core.client_dig_product_id
    side.client_name = core.computer_name
    side.client_build = core.client_build
    side.client = software_of(core.client_build, licensed=bool(product and _utf16(product)))
    side.rdp_version = gcc.rdp_version_name(core.version)
    side.keyboard_layout = f"0x{core.keyboard_layout:08x}"
    side.keyboard_type = core.keyboard_type
    side.desktop = [core.desktop_width, core.desktop_height]
    side.color_depth = _color_depth(core)
    side.dig_product_id = None if product is None else _utf16(product)
    side.early_capability_flags = flag_names(core.early_capability_flags or 0, gcc.ClientCapability)


def software_of(build: int, *, licensed: bool) -> str | None:
    """Which software claims this build in CS_CORE; None where that is not known.

    `licensed`: it names a product identifier, as of the others only Windows does, though not every one.
    """
    windows = [name for (_, _, number), name in RELEASES.items() if number == build]
    claimed = [_CLAIMED[build]] if build in _CLAIMED and not licensed else []
    return " or ".join([*claimed, *windows]) or None


def _color_depth(core: gcc.ClientCore) -> int | None:
    """Bits for each pixel: of the newest field that is there. [MS-RDPBCGR] 2.2.1.3.2."""
    if core.high_color_depth is None:
        older = core.color_depth if core.post_beta2_color_depth is None else core.post_beta2_color_depth
        return _COLORS.get(older)
    wants = (core.early_capability_flags or 0) & gcc.ClientCapability.WANT_32BPP_SESSION
    return _WITH_ALPHA if wants and core.high_color_depth == _TRUE_COLOR else core.high_color_depth


# The hello.


@remembered
def _hello(hello: tls_hello.ClientHello) -> CapturedHello:
    """A hello without its random values: all of one client's are the same."""
    offered = versions_of(hello)
    named = codes_in(hello, ExtensionType.SUPPORTED_VERSIONS, read_supported_versions)
    return CapturedHello(
        version=version_name(offered[0]),
        versions=[version_name(each) for each in offered] if named else [],
        cipher_suites=[f"0x{suite:04x}" for suite in hello.cipher_suites],
        groups=[f"0x{group:04x}" for group in groups_of(hello)],
        signature_schemes=[f"0x{scheme:04x}" for scheme in schemes_of(hello)],
        extensions=[f"0x{extension.type:04x}" for extension in hello.extensions or ()],
        alpn=_alpn(hello),
        server_name=server_name_of(hello),
        ja3=ja3(hello),
        ja4=ja4(hello),
    )


def _alpn(hello: tls_hello.ClientHello) -> list[str]:
    body = find(hello.extensions, ExtensionType.APPLICATION_LAYER_PROTOCOL_NEGOTIATION)
    try:
        return [] if body is None else [name.decode("utf-8", "replace") for name in read_alpn(body)]
    except WireError:
        return []


def _ssl2_hello(hello: ssl2.ClientHello) -> CapturedHello:
    """One in the framing of SSL 2.0, which may offer newer versions. A suite of those has a zero before it."""
    specs = [f"0x{spec:06x}" if spec > 0xFFFF else f"0x{spec:04x}" for spec in hello.cipher_specs]
    return CapturedHello(version=version_name(hello.version), cipher_suites=specs)


# CredSSP, where it was decrypted.


def _credssp(side: ClientSide) -> CapturedCredSsp:
    if side.credssp is None:
        side.credssp = CapturedCredSsp()
    return side.credssp


def _note_credssp(
    side: ClientSide, message: TsRequest | spnego.NegTokenInit | ntlm.Negotiate | NtlmNames | KerberosService
) -> None:
    found = _credssp(side)
    if isinstance(message, TsRequest):
        found.version = message.version if found.version is None else found.version
    elif isinstance(message, KerberosService):
        found.mechanism = found.mechanism or "Kerberos"
        found.service, found.realm = message.service, message.realm
    elif isinstance(message, NtlmNames):
        found.mechanism = "NTLM"
        found.user, found.domain, found.workstation = message.user, message.domain, message.workstation
    elif isinstance(message, ntlm.Negotiate):
        found.mechanism = found.mechanism or "NTLM"
