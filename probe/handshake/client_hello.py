"""The ClientHellos that this program sends of its own, one for each question it asks.

They are ordinary hellos of a current client, so that a refusal means what was asked and not an oddity of ours: suites
old and new, every group and signature scheme that servers in the field have, and no extension that a server of that
version has no reason to know. TLS 1.2 needs signature_algorithms and supported_groups, else OpenSSL refuses it for
another reason than the version. Source: RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2, RFC 8422 section 5.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from probe.handshake.shaped_hello import Contents, HelloForm, hello_record, shaped_hello
from probe.wire import tls_extensions as ext
from probe.wire.cursor import Writer
from probe.wire.tls_hello import ClientHello, Extension, write_handshake
from probe.wire.tls_record import ContentType, Record
from probe.wire.tls_suites import FALLBACK_SCSV, RENEGOTIATION_SCSV
from probe.wire.tls_version import SSL3, TLS10, TLS12, TLS13

# RFC 8446 B.4
_USUAL_TLS13_SUITES = (0x1301, 0x1302, 0x1303, 0x1304, 0x1305)
# Forward-secret AEAD, then CBC, then RSA key exchange, then what only old servers still have.
_USUAL_OLDER_SUITES = (
    *(0xC02C, 0xC02B, 0xC030, 0xC02F, 0xCCA9, 0xCCA8, 0x009F, 0x009E, 0xCCAA),
    *(0xC024, 0xC023, 0xC028, 0xC027, 0xC00A, 0xC009, 0xC014, 0xC013, 0x006B, 0x0067, 0x0039, 0x0033),
    *(0x009D, 0x009C, 0x003D, 0x003C, 0x0035, 0x002F),
    *(0xC008, 0xC012, 0x0016, 0x000A, 0x0005, 0x0004),
)
_X25519 = 0x001D
USUAL_GROUPS = (_X25519, 0x0017, 0x0018, 0x0019, 0x001E, 0x0100, 0x0101)
USUAL_SCHEMES = (
    *(0x0403, 0x0503, 0x0603, 0x0807, 0x0808),
    *(0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B),
    *(0x0401, 0x0501, 0x0601, 0x0303, 0x0203, 0x0201),
)
LARGE = 1400  # bytes of padding that make a hello longer than one packet, as key shares of ML-KEM do
_NO_COMPRESSION, _DEFLATE = b"\x00", b"\x01"  # RFC 3749 section 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What one ClientHello offers, in its order. Two equal offers make the same hello but for random values.

    `suites` do not hold signaling values. In TLS 1.3 `share` adds an x25519 key share; without one the server has to
    ask for a share, and so says which group it wants. `padding` is a number of bytes to add, RFC 7685.
    """

    version: int
    suites: tuple[int, ...]
    groups: tuple[int, ...] = USUAL_GROUPS
    schemes: tuple[int, ...] = USUAL_SCHEMES
    share: bool = True
    older: bool = False  # of TLS 1.3: also offers TLS 1.2, as most clients do
    extras: bool = False  # asks for what is optional: compression, tickets, stapling, encrypt-then-MAC, heartbeat
    fallback: bool = False  # says that a newer version was tried before, RFC 7507
    padding: int = 0
    certificate_schemes: tuple[int, ...] = ()  # for certificates, RFC 8446 4.2.3; empty: the same schemes
    form: HelloForm | None = None  # as another program writes it: then `share` to `padding` count for nothing
    few_groups: bool = field(default=False, compare=False)  # groups are missing that a refusal may be for
    _hash: int = field(init=False, repr=False, compare=False, default=0)

    def __post_init__(self) -> None:
        own = (self.version, self.suites, self.groups, self.schemes, self.share, self.older, self.extras)
        object.__setattr__(self, "_hash", hash((*own, self.fallback, self.padding)))

    def __hash__(self) -> int:
        """Worked out once: an enumeration looks up a long hello over and over."""
        return self._hash


@lru_cache(maxsize=8)
def usual_offer(version: int) -> Offer:
    """The offer of a current client that has exactly one version, 0x0300 to 0x0304."""
    suites = _USUAL_TLS13_SUITES if version >= TLS13 else _USUAL_OLDER_SUITES
    return Offer(version=version, suites=suites)


def current_offer(padding: int = 0) -> Offer:
    """TLS 1.3 and 1.2 in one hello, as current clients have it."""
    suites = (*_USUAL_TLS13_SUITES, *_USUAL_OLDER_SUITES)
    return Offer(version=TLS13, suites=suites, older=True, padding=padding)


def hello_in_form(form: HelloForm, offer: Offer, random_bytes: Callable[[int], bytes], name: str | None) -> ClientHello:
    """The hello of another program: its form, and what the offer holds. Random values as for `client_hello`."""
    contents = Contents(suites=offer.suites, groups=offer.groups, schemes=offer.schemes, server_name=name)
    return shaped_hello(form, contents, random_bytes)


def client_hello(offer: Offer, random_bytes: Callable[[int], bytes], server_name: str | None) -> bytes:
    """The record of the ClientHello that makes an offer.

    `random_bytes` gives as many random bytes as asked; `server_name` is None where there is no name to send.
    """
    if offer.form is not None:
        return hello_record(offer.form, hello_in_form(offer.form, offer, random_bytes, server_name))
    hello = ClientHello(
        version=min(offer.version, TLS12),
        random=random_bytes(32),
        session_id=random_bytes(32) if offer.version >= TLS13 else b"",
        cipher_suites=(*offer.suites, *_signals(offer)),
        compression_methods=_compression_methods(offer),
        extensions=_extensions(offer, random_bytes, server_name),
    )
    w = Writer()
    # RFC 8446 5.1: the record of an initial hello may say TLS 1.0, and middleboxes want it. SSLv3 knows only itself.
    record_version = min(offer.version, TLS10)
    Record(type=ContentType.HANDSHAKE, version=record_version, fragment=write_handshake(hello)).write(w)
    return w.getvalue()


def _signals(offer: Offer) -> tuple[int, ...]:
    """Suites that are none, but say something of the client."""
    renegotiation = () if offer.version >= TLS13 and not offer.older else (RENEGOTIATION_SCSV,)
    return (*renegotiation, *((FALLBACK_SCSV,) if offer.fallback else ()))


def _compression_methods(offer: Offer) -> bytes:
    """TLS 1.3 allows nothing but none, RFC 8446 section 4.1.2."""
    return _DEFLATE + _NO_COMPRESSION if offer.extras and offer.version < TLS13 else _NO_COMPRESSION


def _extensions(
    offer: Offer, random_bytes: Callable[[int], bytes], server_name: str | None
) -> tuple[Extension, ...] | None:
    """None for SSLv3, which has no extensions: RFC 6101 section 5.6.1.2."""
    if offer.version <= SSL3:
        return None
    extensions = [] if server_name is None else [ext.server_name(server_name)]
    extensions += [ext.supported_groups(offer.groups), ext.ec_point_formats((0,))]
    if offer.version >= TLS12:
        extensions.append(ext.signature_algorithms(offer.schemes))
        if offer.certificate_schemes:
            extensions.append(ext.signature_algorithms_cert(offer.certificate_schemes))
    if offer.extras:
        extensions += _extras()
    if offer.version < TLS13 or offer.older:
        extensions += [ext.extended_master_secret(), ext.renegotiation_info(b"")]
    if offer.version >= TLS13:
        extensions += _of_tls13(offer, random_bytes)
    if offer.padding:
        extensions.append(ext.padding(offer.padding))
    return tuple(extensions)


def _of_tls13(offer: Offer, random_bytes: Callable[[int], bytes]) -> list[Extension]:
    versions = (TLS13, TLS12) if offer.older else (TLS13,)
    # Any 32 bytes are an x25519 public value, so the server can answer; nothing is ever derived from them.
    shares = ((_X25519, random_bytes(32)),) if offer.share else ()
    return [ext.supported_versions(versions), ext.psk_key_exchange_modes((1,)), ext.client_key_share(shares)]


def _extras() -> list[Extension]:
    return [ext.session_ticket(), ext.status_request(), ext.encrypt_then_mac(), ext.heartbeat()]
