"""A ClientHello in the form that another program gives it, and its second hello behind a HelloRetryRequest.

What is offered, in which order, and which extensions stand where is given by the caller; the layout of each extension
is `wire.tls_extensions`. Key shares are public values whose secrets nobody knows: the server can answer them, and
nothing is ever derived from them. Source: RFC 8446 sections 4.1.2, 4.1.4 and 4.2.8, RFC 7685 section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from probe.wire import tls_extensions as ext
from probe.wire.cursor import Writer
from probe.wire.tls_hello import ClientHello, Extension, ExtensionType, ServerHello, write_handshake
from probe.wire.tls_record import ChangeCipherSpec, ContentType, Record
from probe.wire.tls_version import TLS10, TLS12, TLS13

RandomBytes = Callable[[int], bytes]

# Uncompressed base points, SEC 2 sections 2.4.2, 2.5.1 and 2.6.1: points that every server finds on its curve.
_POINTS: Mapping[int, str] = {
    0x0017: "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
    0x0018: "04aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7"
    "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f",
    0x0019: "0400c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ff"
    "a8de3348b3c1856a429bf97e7e31c2e5bd66011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd1727"
    "3e662c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650",
}
_ANY_BYTES: Mapping[int, int] = {0x001D: 32, 0x001E: 56}  # x25519 and x448, RFC 7748 section 5
_FINITE_FIELDS: Mapping[int, int] = {0x0100: 256, 0x0101: 384, 0x0102: 512, 0x0103: 768, 0x0104: 1024}
_PADDED_FROM, _PADDED_TO = 256, 512  # lengths of a hello that some servers drop, and the one that it is padded to
_EXTENSION_HEADER = 4
_LARGEST_RECORD = 16385  # record_size_limit of a client without a wish of its own, RFC 8449 section 4


@dataclass(frozen=True, slots=True, kw_only=True)
class HelloForm:
    """How a program writes its hello: code points of the IANA registries, in the order in which they are sent."""

    versions: tuple[int, ...]  # newest first
    extensions: tuple[int, ...] = ()  # types; empty: no block of extensions at all
    shares: tuple[int, ...] = ()  # groups with a key share in the first hello
    point_formats: tuple[int, ...] = (0,)
    psk_modes: tuple[int, ...] = (1,)
    record_version: int = TLS10  # RFC 8446 section 5.1 lets a first hello have any up to TLS 1.2
    signals_retry: bool = False  # sends change_cipher_spec before a second hello
    names_addresses: bool = False  # its server_name holds an address where there is no name


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a hello says beside its form. `server_name` is None where there is no name to send."""

    suites: tuple[int, ...]
    groups: tuple[int, ...]
    schemes: tuple[int, ...]
    server_name: str | None


def key_share(group: int, random_bytes: RandomBytes) -> bytes | None:
    """A public value of a group that a server can answer; None for a group that has none here."""
    if group in _POINTS:
        return bytes.fromhex(_POINTS[group])
    if group in _ANY_BYTES:
        return random_bytes(_ANY_BYTES[group])
    if group in _FINITE_FIELDS:  # RFC 7919 appendix A: every prime begins with 64 ones
        return b"\x7f" + random_bytes(_FINITE_FIELDS[group] - 1)
    return None


def shaped_hello(form: HelloForm, contents: Contents, random_bytes: RandomBytes) -> ClientHello:
    """The first hello of a program."""
    newest = max(form.versions)
    hello = ClientHello(
        version=min(newest, TLS12),
        random=random_bytes(32),
        session_id=random_bytes(32) if newest >= TLS13 else b"",  # RFC 8446 D.4
        cipher_suites=contents.suites,
        extensions=None,
    )
    if not form.extensions:
        return hello
    return _padded(replace(hello, extensions=tuple(_extensions(form, contents, random_bytes))))


def hello_record(form: HelloForm, hello: ClientHello) -> bytes:
    """The record of a first hello."""
    return _record(hello, form.record_version)


def second_hello(form: HelloForm, first: ClientHello, retry: ServerHello, random_bytes: RandomBytes) -> bytes:
    """The records that answer a HelloRetryRequest as RFC 8446 section 4.1.2 has it.

    Empty where the client would end instead: the group was not offered, or had its share already. Empty too for a
    group that has no public value here.
    """
    group = retry.key_share_group
    offered = ext.find(first.extensions, ExtensionType.SUPPORTED_GROUPS)
    shared = ext.find(first.extensions, ExtensionType.KEY_SHARE)
    if group is None or offered is None or shared is None or group not in ext.read_supported_groups(offered):
        return b""
    key = key_share(group, random_bytes)
    if key is None or group in [each for each, _ in ext.read_client_key_share(shared)]:
        return b""
    changed = [_with_share(each, group, key) for each in first.extensions or ()]
    cookie = ext.find(retry.extensions, ExtensionType.COOKIE)
    if cookie is not None:
        changed.append(Extension(type=ExtensionType.COOKIE, body=cookie))
    hello = _record(_padded(replace(first, extensions=tuple(changed))), TLS12)
    return _middlebox_signal() + hello if form.signals_retry else hello


def _middlebox_signal() -> bytes:
    """The change_cipher_spec that some clients send before a second flight, for others on the way: RFC 8446 D.4."""
    fragment, w = Writer(), Writer()
    ChangeCipherSpec().write(fragment)
    Record(type=ContentType.CHANGE_CIPHER_SPEC, version=TLS12, fragment=fragment.getvalue()).write(w)
    return w.getvalue()


def _with_share(extension: Extension, group: int, key: bytes) -> Extension:
    return ext.client_key_share([(group, key)]) if extension.type == ExtensionType.KEY_SHARE else extension


def _record(hello: ClientHello, version: int) -> bytes:
    w = Writer()
    Record(type=ContentType.HANDSHAKE, version=version, fragment=write_handshake(hello)).write(w)
    return w.getvalue()


def _extensions(form: HelloForm, contents: Contents, random_bytes: RandomBytes) -> Iterable[Extension]:
    builders: dict[int, Callable[[], Extension]] = {
        ExtensionType.SUPPORTED_GROUPS: lambda: ext.supported_groups(contents.groups),
        ExtensionType.EC_POINT_FORMATS: lambda: ext.ec_point_formats(form.point_formats),
        ExtensionType.SIGNATURE_ALGORITHMS: lambda: ext.signature_algorithms(contents.schemes),
        ExtensionType.SUPPORTED_VERSIONS: lambda: ext.supported_versions(form.versions),
        ExtensionType.PSK_KEY_EXCHANGE_MODES: lambda: ext.psk_key_exchange_modes(form.psk_modes),
        ExtensionType.KEY_SHARE: lambda: ext.client_key_share(_shares(form, random_bytes)),
        ExtensionType.STATUS_REQUEST: ext.status_request,
        ExtensionType.RENEGOTIATION_INFO: ext.renegotiation_info,
        ExtensionType.RECORD_SIZE_LIMIT: lambda: ext.record_size_limit(_LARGEST_RECORD),
    }
    for kind in form.extensions:
        if kind == ExtensionType.SERVER_NAME:
            if contents.server_name is not None:
                yield ext.server_name(contents.server_name)
        else:
            # The others that programs send are empty in a first hello: tickets, timestamps, two that change MACs.
            yield builders[kind]() if kind in builders else Extension(type=kind)


def _shares(form: HelloForm, random_bytes: RandomBytes) -> list[tuple[int, bytes]]:
    made = [(group, key_share(group, random_bytes)) for group in form.shares]
    return [(group, key) for group, key in made if key is not None]


def _padded(hello: ClientHello) -> ClientHello:
    """With its padding, where it has that extension, as RFC 7685 section 4 has it: out of a range that is dropped."""
    extensions = hello.extensions or ()
    if all(each.type != ExtensionType.PADDING for each in extensions):
        return hello
    others = tuple(each for each in extensions if each.type != ExtensionType.PADDING)
    bare = replace(hello, extensions=others)
    size = len(write_handshake(bare))
    if not _PADDED_FROM <= size < _PADDED_TO:
        return bare
    return replace(hello, extensions=(*others, ext.padding(max(0, _PADDED_TO - size - _EXTENSION_HEADER))))
