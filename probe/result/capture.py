"""What only a capture shows: both ends, the client's side, and which packets say so."""

from __future__ import annotations

from typing import Literal

import msgspec

# How far a connection came, in the order of things: what was said last of these. "certificate" is also reached in TLS
# 1.3, where the server's flight is encrypted; "inside": the client said something inside TLS; "settings": the server
# answered the client's MCS Connect-Initial.
Reached = Literal[
    "opened",
    "request",
    "confirm",
    "client_hello",
    "server_hello",
    "certificate",
    "secured",
    "inside",
    "initial",
    "settings",
]


class CapturedHello(msgspec.Struct, kw_only=True):
    """The client's ClientHello; the last one, where a HelloRetryRequest asked for another."""

    version: str  # the newest that is offered
    versions: list[str] = []  # all that are offered, where it says so (supported_versions)
    cipher_suites: list[str] = []  # as offered: "0xc030"
    groups: list[str] = []
    signature_schemes: list[str] = []
    extensions: list[str] = []
    alpn: list[str] = []
    server_name: str | None = None
    ja3: str | None = None
    ja4: str | None = None


class CapturedCredSsp(msgspec.Struct, kw_only=True):
    """The client's side of CredSSP, where the key log lets it be read. Names, never a secret."""

    version: int | None = None
    mechanism: str | None = None  # "NTLM" or "Kerberos"
    user: str | None = None
    domain: str | None = None
    workstation: str | None = None
    realm: str | None = None
    service: str | None = None  # the Kerberos service's name: "TERMSRV/srv1.example"


class ClientSide(msgspec.Struct, kw_only=True):
    """What the client said of itself."""

    cookie: str | None = None  # of "Cookie: mstshash="
    routing_token: str | None = None  # what stands in its place
    preconnection_blob: str | None = None
    requested: list[str] | None = None  # None where no request was seen; empty where it has no RDP_NEG_REQ
    request_flags: list[str] = []
    client_name: str | None = None
    client_build: int | None = None
    client: str | None = None  # which software has this build, where that is known
    rdp_version: str | None = None
    keyboard_layout: str | None = None  # "0x00000409"
    keyboard_type: int | None = None
    desktop: list[int] | None = None  # width and height in pixels
    color_depth: int | None = None
    channels: list[str] | None = None
    encryption_methods: list[str] | None = None
    dig_product_id: str | None = None
    early_capability_flags: list[str] = []
    cluster_flags: str | None = None
    redirected_session_id: int | None = None
    hello: CapturedHello | None = None
    credssp: CapturedCredSsp | None = None
    alert: str | None = None  # the TLS alert that it sent


class CapturedMessage(msgspec.Struct, kw_only=True):
    """One message and the packets that it is in: to be looked at in Wireshark."""

    what: str
    side: Literal["client", "server"]
    packets: list[int]


class Capture(msgspec.Struct, kw_only=True):
    """Where in which capture this connection is, and what it shows beside the server's answers."""

    file: str
    stream: int  # as tshark counts: tcp.stream, or udp.stream; with --by-server the first of `streams`
    streams: list[int] = []  # with --by-server: every connection that the facts are from; else empty
    transport: Literal["tcp", "udp"] = "tcp"
    client: str  # "192.0.2.9:51234"
    server: str
    packets: list[int] = []  # numbers of the frames that the facts were read from
    first_packet: int
    last_packet: int
    packet_count: int = 0  # frames of this connection
    syn: bool = False  # the client's SYN is in the capture, and the server's answer to it
    syn_ack: bool = False
    client_side: ClientSide | None = None
    evidence: list[CapturedMessage] = []  # which message is in which packets
    ended_by: Literal["client", "server"] | None = None
    ending: str  # closed, reset, open (the capture ends first), refused, unanswered, unreachable, timed_out
    ended_packet: int | None = None
    seen_for_ms: int | None = None  # unanswered: the capture ends so soon after the first SYN; None where it is later
    reached: Reached | None = None  # the last thing that was said, as far as it could be followed
    waited_s: float | None = None  # how long the client waited for an answer before it ended the connection
    gaps: bool = False
    truncated: bool = False  # packets were cut when they were captured
    one_sided: Literal["client", "server"] | None = None  # only packets of this side are in the capture
    retransmitted: int = 0
    out_of_order: int = 0
    encrypted_from: int | None = None  # the frame behind which nothing can be read
    decrypted: bool = False  # a key log opened what is encrypted
    unknown: list[str] = []  # what the capture cannot show, each with the reason
