"""The TLS section of a result, and the certificates: what was served, never what is thought of it.

In every field `None` says that a thing was not asked or that nothing settled it, `False` that it was asked and is not
there.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from probe.result.common import EndingName, State, Verdict


class Registered(msgspec.Struct, kw_only=True):
    """A code point and its name in the IANA registry."""

    code: str
    name: str


class CipherSuite(Registered, kw_only=True, omit_defaults=True):
    """A suite that the server selected."""

    dh_bits: int | None = None  # size of the Diffie-Hellman group that came with it, in bits


class Group(Registered, kw_only=True):
    """A group that the server used for key exchange."""

    versions: list[str] = []  # the TLS versions in which it was seen


class DhParameters(msgspec.Struct, kw_only=True):
    """A Diffie-Hellman group that the server chose by itself, up to TLS 1.2."""

    bits: int
    prime_sha256: str  # of the prime, big-endian, without leading zeros
    generator: str  # hexadecimal
    name: str | None = None  # of a published group: "ffdhe2048" (RFC 7919), "modp2048" (RFC 3526)
    seen_in: list[str] = []  # version and suite with which it came: "TLSv1.2 TLS_DHE_RSA_WITH_AES_128_CBC_SHA"


class TlsHandshake(msgspec.Struct, kw_only=True):
    """The complete handshake that was made, or the furthest ServerHello seen."""

    version: str
    cipher_suite: Registered
    group: Registered | None = None
    complete: bool = True
    over: str | None = None  # the security protocol that was selected before


class TlsAnswer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a server chose in one version, of all that a hello of a current client has."""

    cipher_suite: Registered
    group: Registered | None = None  # None up to TLS 1.2 where the suite needs none, or none was told
    scheme: Registered | None = None  # of its signature, in TLS 1.2


class Intolerance(msgspec.Struct, kw_only=True):
    """A hello that was dropped though another was answered."""

    hello: str
    ending: EndingName


class Fingerprints(msgspec.Struct, kw_only=True):
    """Of the ServerHello that the complete handshake met."""

    ja3s: str | None = None
    ja4s: str | None = None


class TlsFeatures(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What the server does besides agreeing on a version and a suite; depth full."""

    secure_renegotiation: bool | None = None  # RFC 5746
    extended_master_secret: bool | None = None  # RFC 7627
    encrypt_then_mac: bool | None = None  # RFC 7366; asked only where a CBC suite was selected
    compression: bool | None = None  # DEFLATE was offered: True where it was selected
    session_tickets: bool | None = None  # RFC 5077
    resumption: bool | None = None  # a second handshake continued the session of the first
    resumed_version: str | None = None  # in which TLS version that was tried
    fallback_scsv: bool | None = None  # RFC 7507
    downgrade_sentinel: bool | None = None  # RFC 8446 4.1.3: an answer below the newest version says so
    ocsp_stapling: bool | None = None  # RFC 6066 section 8
    heartbeat: bool | None = None  # RFC 6520, as an extension only
    client_certificate: bool | None = None  # the server asks for a certificate of the client
    sslv2_framed_hello: bool | None = None  # an SSLv2 CLIENT-HELLO that offers newer versions is answered
    other_name: Literal["same certificate", "another certificate", "refused"] | None = None  # to another SNI


class TlsTrial(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What came of offering certain suites, or certain groups, and no others in one version.

    Each that was selected is accepted. `state` tells of the rest: "rejected" where it was refused, so that nothing
    of `offered` but what is in `selected` is served; "accepted" where something was selected and more may be;
    "unknown" where nothing was selected and nothing settled it, for the `reason`.
    """

    kind: Literal["suites", "groups"]
    version: str
    offered: list[str]  # code points, "0xc030": all that were to be tried, in ascending order
    selected: list[Registered] = []  # in the order in which they were seen, in whatever hello
    state: State
    reason: str | None = None  # what came in place of a ServerHello, or why there was none to come
    ending: EndingName | None = None  # how the connection ended where no answer settled it


class Tls(msgspec.Struct, kw_only=True):
    """What is known of TLS; None in the result when no TLS-based protocol is accepted."""

    versions: dict[str, Verdict] = {}
    handshake: TlsHandshake | None = None
    answered: dict[str, TlsAnswer] = {}  # by version: one answer, at every depth
    cipher_suites: dict[str, list[CipherSuite]] = {}  # by version, in the server's order where it has one
    server_order: bool | None = None  # True: the server's order decides; False: the client's; None too where it varies
    order_by_version: dict[str, bool] = {}  # the same for each version in which the answers tell
    groups: list[Group] = []
    dh_parameters: list[DhParameters] = []
    signature_schemes: list[Registered] = []  # up to TLS 1.2, where they are in clear
    extensions: list[Registered] = []  # in clear, of every ServerHello
    features: TlsFeatures | None = None  # None below depth full
    trials: list[TlsTrial] = []  # of suites and groups by themselves; asked for only where a policy needs it
    fingerprints: Fingerprints | None = None
    intolerance: list[Intolerance] = []
    unsettled: list[str] = []  # what depth full asked for and could not find out, and why
    handshake_failure: Verdict | None = None  # what came of the last try at a complete one, where none succeeded
    clear_text_instead: bool = False  # a disconnect PDU in clear stood where TLS bytes belong (xrdp)


class Key(msgspec.Struct, kw_only=True):
    """A public key's algorithm and size."""

    type: str
    bits: int | None = None
    curve: str | None = None


class Certificate(msgspec.Struct, kw_only=True):
    """One X.509 certificate as served. Fields that could not be read are None; `error` then says why."""

    sha256: str
    subject: str | None = None
    issuer: str | None = None
    serial: str | None = None
    not_before: str | None = None
    not_after: str | None = None
    spki_sha256: str | None = None
    key: Key | None = None
    signature_algorithm: str | None = None
    names: list[str] = []
    key_usage: list[str] | None = None  # None where the extension is absent
    extended_key_usage: list[str] | None = None  # None where the extension is absent
    self_signed: bool | None = None
    error: str | None = None


class Trust(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The verdict of a trust store on a chain."""

    verdict: Literal["trusted", "self_signed", "untrusted", "chain_incomplete", "unknown"]
    store: str  # "system", "certifi", the file that the user named, or "none" where none was needed or found
    file: str | None = None  # the file that the roots of "system" or "certifi" are from
    reason: str | None = None  # the verifier's words, or which issuer is missing


class CertificateChain(msgspec.Struct, kw_only=True):
    """One distinct chain, leaf first as served."""

    chain: list[Certificate]
    trust: Trust | None = None  # None where it was not judged
    name_match: bool | None = None  # the name asked for
    ntlm_name_match: bool | None = None  # the DNS computer name that the NTLM CHALLENGE tells
    windows_generated: bool | None = None  # as Windows makes it by itself: six months, self-signed, CN = computer
    served_to: list[str] = []  # TLS versions
    days_left: int | None = None
