"""What is to be known of a client to say whether it can connect, and to ask as it asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Family = Literal["mstsc", "windows_app", "freerdp", "rdesktop", "ironrdp"]  # whose messages and codes it shows


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One Connection Request.

    `protocols` are requestedProtocols, [MS-RDPBCGR] 2.2.1.1.1; None where no RDP_NEG_REQ is sent.
    `after` names what became of the request before that leads to this one: RDP_NEG_FAILURE codes by name, or
    "HYBRID failed" and "SSL failed" for a selected protocol whose handshakes failed. The first request has none.
    Of several later requests the first that names it is sent.
    """

    protocols: int | None
    after: tuple[str, ...] = ()
    flags: int = 0
    documented: bool = True  # False: whether it sends this request at all is assumed


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsProfile:
    """Its ClientHello, code points of the IANA registries, in the order in which they are sent."""

    versions: tuple[int, ...]  # 0x0300 to 0x0304, newest first
    suites: tuple[int, ...]
    groups: tuple[int, ...] = ()  # empty: no supported_groups extension
    schemes: tuple[int, ...] = ()  # empty: no signature_algorithms extension
    extensions: tuple[int, ...] = ()  # extension types in order; empty: a hello without extensions
    shares: tuple[int, ...] = ()  # groups with a key share in the first hello
    maybe: tuple[int, ...] = ()  # versions that only some of its builds have: not in `versions`
    unusable: tuple[int, ...] = ()  # versions that it offers, and gives up in when a server takes one
    point_formats: tuple[int, ...] = (0,)  # how it takes points of curves, RFC 8422 section 5.1.2
    psk_modes: tuple[int, ...] = (1,)  # how it resumes sessions of TLS 1.3, RFC 8446 section 4.2.9
    record_version: int = 0x0301  # of the record that the first hello lies in
    signals_retry: bool = False  # sends change_cipher_spec before a second hello, RFC 8446 D.4
    names_addresses: bool = False  # its server_name holds the address where it was given one in place of a name
    least_dh_bits: int = 0  # it ends a handshake with a shorter Diffie-Hellman group of the server's own
    documented: bool = True  # False: the suites and what follows them are assumed, and nothing is refused for them


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateDemands:
    """What it refuses a certificate for, however the user answers its warnings."""

    trusted: bool = False  # of an authority in its own store, in date, with the name that was asked for
    key_types: frozenset[str] = frozenset()  # as `Key.type` in a result names them; empty: any
    least_rsa_bits: int = 0
    signatures: frozenset[str] = frozenset()  # signature algorithms that it refuses, by their names in a result


@dataclass(frozen=True, slots=True, kw_only=True)
class CredSspProfile:
    """Its side of CredSSP, [MS-CSSP]."""

    version: int  # the TSRequest version that it sends
    oldest_server: int = 2  # the oldest TSRequest version of a server that it goes on with
    mechanisms: tuple[str, ...] = ("Kerberos", "NTLM")
    key_types: frozenset[str] = frozenset()  # of server keys that it can bind CredSSP to; empty: any


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A fault between this client and some releases of a server, behind what an audit sees: the answer is unknown."""

    server: str  # `server.kind` of a result
    words: str
    protocol: str | None = None  # only over this security protocol
    not_with: frozenset[str] = frozenset()  # encryption methods with which it does not show


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientProfile:
    """One client as it comes, with the settings that it comes with."""

    key: str  # what --simulate takes: "mstsc-win11"
    name: str  # what the result calls it: "Windows 11 (mstsc)"
    family: Family
    requests: tuple[Request, ...]
    tls: TlsProfile | None  # None: it has no TLS
    credssp: CredSspProfile | None = None
    methods: int = 0  # encryptionMethods that it offers for Standard RDP Security; 0: it has none
    unencrypted: bool | None = None  # it goes on where a server encrypts nothing (level NONE); None: not documented
    certificate: CertificateDemands = field(default_factory=CertificateDemands)
    troubles: tuple[Trouble, ...] = ()
    cookie: bool = True  # its request carries "Cookie: mstshash="
    hint: str = ""  # what would make it connect where it fails with one of the codes in `helps`
    helps: tuple[str, ...] = ()
    becomes: str = ""  # the key of the client that it then connects as, which must be able to; empty: itself
    successors: tuple[str, ...] = ()  # keys of clients to use in its place where it is too old, next of kin first
    last_resort: str = ""  # behind what mends the server, where TLS is too old there: it lowers security
    source: str = ""  # where all of this is known from, with a date
