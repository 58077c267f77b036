"""The public result: what one audit of one target found.

Field names are the public contract: they are added to, never renamed or given another meaning. `None` says that
a thing was not asked or not seen; "unknown" that it was asked and nothing settled it. The JSON Schema that users
validate against is made from these types.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from probe.result.capture import (
    Capture,
    CapturedCredSsp,
    CapturedHello,
    CapturedMessage,
    ClientSide,
    Reached,
)
from probe.result.common import (
    SEVERITIES,
    Depth,
    EndingName,
    Nla,
    Ntlm,
    ProtocolName,
    Severity,
    State,
    Status,
    Verdict,
    VersionName,
)
from probe.result.licensing import Licensing
from probe.result.outside import Gateway, GatewayState, Udp, UdpState
from probe.result.simulation import SimulatedRequest, SimulatedStage, Simulation
from probe.result.tls import (
    Certificate,
    CertificateChain,
    CipherSuite,
    DhParameters,
    Fingerprints,
    Group,
    Intolerance,
    Key,
    Registered,
    Tls,
    TlsAnswer,
    TlsFeatures,
    TlsHandshake,
    TlsTrial,
    Trust,
)

__all__ = [
    "SCHEMA",
    "SEVERITIES",
    "AttemptRecord",
    "Capture",
    "CapturedCredSsp",
    "CapturedHello",
    "CapturedMessage",
    "Certificate",
    "CertificateChain",
    "CipherSuite",
    "Client",
    "ClientSide",
    "CredSsp",
    "Depth",
    "DhParameters",
    "Diagnosis",
    "EndingName",
    "Fingerprints",
    "Gateway",
    "GatewayState",
    "Group",
    "Intolerance",
    "Key",
    "Licensing",
    "MethodAttempt",
    "Negotiation",
    "NegotiationAttempt",
    "Nla",
    "Ntlm",
    "Place",
    "ProtocolName",
    "Reached",
    "Registered",
    "Result",
    "Server",
    "Severity",
    "SimulatedRequest",
    "SimulatedStage",
    "Simulation",
    "StandardCertificate",
    "StandardRdp",
    "State",
    "Status",
    "Step",
    "Target",
    "Tls",
    "TlsAnswer",
    "TlsFeatures",
    "TlsHandshake",
    "TlsTrial",
    "Trust",
    "Udp",
    "UdpState",
    "Verdict",
    "VersionName",
    "from_json",
    "json_schema",
    "to_json",
]

SCHEMA = "rdp-probe/1"


class Target(msgspec.Struct, kw_only=True):
    """What was asked for, and the address that was asked."""

    input: str
    host: str
    port: int
    address: str | None = None  # None when the name did not resolve
    server_name: str | None = None  # the name used for TLS SNI and the name check
    routing_token: str | None = None  # that every Connection Request carried: "Cookie: msts=3640205228.15629.0000"


class NegotiationAttempt(msgspec.Struct, kw_only=True):
    """One connection that negotiated."""

    requested: list[str]  # empty where no RDP_NEG_REQ was sent; ["RDP"] for requestedProtocols 0
    selected: str | None = None
    failure: str | None = None
    flags: list[str] = []
    elapsed_ms: float
    answer: str | None = None  # anything but a Connection Confirm with negotiation: "confirm without negotiation", …
    ending: EndingName | None = None  # how it ended where nothing was answered, or no whole answer
    source_reference: str | None = None  # SRC-REF of the Connection Confirm, "0x1234": software has one of its own


class Negotiation(msgspec.Struct, kw_only=True):
    """X.224 connection initiation, [MS-RDPBCGR] 1.3.1.1 phase 1."""

    attempts: list[NegotiationAttempt] = []
    protocols: dict[str, Verdict] = {}
    nla: Nla = "unknown"
    flags: list[str] = []
    restricted_admin: bool | None = None  # advertised in RDP_NEG_RSP; None where no RDP_NEG_RSP was seen
    remote_credential_guard: bool | None = None
    altered_request: str | None = None  # the server says it was asked for something else than we sent: for what
    direct_tls: Verdict = msgspec.field(default_factory=lambda: Verdict(state="unknown"))


class Server(msgspec.Struct, kw_only=True):
    """What kind of server it is, with the evidence; never more certain than that."""

    kind: str = "unknown"
    release: str | None = None
    certainty: Literal["certain", "likely", "unknown"] = "unknown"
    evidence: list[str] = []
    rdp_version: str | None = None  # SC_CORE version, also where it was read inside TLS


class StandardCertificate(msgspec.Struct, kw_only=True):
    """The certificate inside SC_SECURITY."""

    kind: Literal["proprietary", "x509", "unknown"]
    key_bits: int | None = None
    signature_valid: bool | None = None  # proprietary: by the published terminal-services key; proves no identity
    certificates: int | None = None  # x509: how many
    chain: CertificateChain | None = None  # x509: described as those of TLS are


class MethodAttempt(msgspec.Struct, kw_only=True):
    """One encryption method offered alone."""

    offered: str
    method: list[str] | None = None  # what the server chose; None where it did not answer
    level: str | None = None
    answer: str | None = None  # what came in place of a Connect-Response that could be used
    ending: EndingName | None = None


class StandardRdp(msgspec.Struct, kw_only=True):
    """Standard RDP Security, [MS-RDPBCGR] 5.3; None in the result when it is not accepted."""

    rdp_version: str | None = None
    encryption_level: str | None = None
    encryption_methods: list[str] = []  # chosen by the server when offered alone, or chosen regardless of the offer
    certificate: StandardCertificate | None = None
    methods_asked: list[MethodAttempt] = []
    ignores_offered_methods: bool | None = None


class CredSsp(msgspec.Struct, kw_only=True):
    """CredSSP up to the NTLM challenge; None in the result when HYBRID is not accepted."""

    version: int | None = None  # the server's TSRequest version
    mechanisms: list[str] = []  # shown to be usable by an answer
    ntlm: Ntlm | None = None
    computers: list[str] = []  # name and build in each NTLM challenge, the different ones: "SRV1, 10.0.20348"
    error: str | None = None  # TSRequest errorCode, by its NTSTATUS name
    answer: str | None = None  # "malformed" where an answer came that is no TSRequest
    ending: EndingName | None = None  # how the exchange ended where no TSRequest came


class Client(msgspec.Struct, kw_only=True):
    """Whether one known client can connect."""

    client: str
    connects: bool | None  # None: unknown
    fails_at: str | None = None
    diagnosis: str | None = None
    hint: str | None = None
    user_sees: str | None = None
    protocol: str | None = None  # the security protocol that it ends up with, or fails in
    version: str | None = None  # the TLS version
    cipher_suite: str | None = None  # where it is known: asked for at depth full, or measured
    measured: bool = False  # False: worked out from the client's profile and the facts; True: asked as it asks
    because: str | None = None  # the fact that decided, or the one that is missing where `connects` is None


class Diagnosis(msgspec.Struct, kw_only=True):
    """What the facts mean to a person."""

    code: str
    severity: Severity
    summary: str
    evidence: list[str] = []
    causes: list[str] = []
    remedies: list[str] = []
    user_sees: list[str] = []
    source: str | None = None
    page: str | None = None  # where to read more, from the project's root: docs/diagnoses/CODE.md


class Step(msgspec.Struct, kw_only=True):
    """One thing that was sent, received or noticed on a connection."""

    at_ms: float  # since the attempt began
    side: Literal["client", "server", "both"]
    what: str  # the message or event, in one line
    hex: str | None = None  # the bytes, cut to what a reader can use
    size: int | None = None  # how many bytes there were


class AttemptRecord(msgspec.Struct, kw_only=True):
    """One connection that was made."""

    number: int
    asked: str
    ending: EndingName
    expected: str | None = None  # what was still awaited when it ended
    outcome: str | None = None  # the last thing that the server said, in one line
    started_ms: float  # since the audit began
    elapsed_ms: float
    bytes_sent: int
    bytes_received: int
    repeat: bool = False  # a repeat of an earlier attempt that ended in silence or a reset
    cause: str | None = None  # the operating system's words for a connection that failed
    steps: list[Step] = []


class Place(msgspec.Struct, kw_only=True):
    """Where a result stands in a scan: in the order of all its shards, so that their files can be put together."""

    position: int  # of its target in the order of the whole scan, all its shards together, from 0
    result: int  # which of its target's results this is, from 1: a name has one for each address
    of: int  # how many results its target has


class Result(msgspec.Struct, kw_only=True):
    """Everything that one audit of one target found."""

    schema: str = SCHEMA
    target: Target
    started: str
    elapsed_ms: float
    depth: Depth
    # Where only what somebody needed was asked for: the places in this result that were ("tls.versions.TLSv1.2",
    # "credssp", …), and "standard" or "full" for all that this depth asks. What is elsewhere came along, and what is
    # absent elsewhere was not asked. None: all that the depth asks, or with --simulate all that those clients ask.
    asked: list[str] | None = None
    connections: int
    bytes_sent: int
    bytes_received: int
    status: Status
    service: str | None = None  # when not_rdp
    banner: str | None = None  # the first bytes of what is not RDP, escaped
    ending: EndingName | None = None  # how the first connection ended, where it was not answered
    cause: str | None = None  # the operating system's or resolver's words
    lost: str | None = None  # the server answered and then was gone: after which request
    intermittent: list[str] = []  # the same request, alone both times, ended differently
    spent: dict[str, int] = {}  # connections by what they were made for; their sum is `connections`
    limited: str | None = None  # why less was asked than the depth would have: a cap or a deadline
    negotiation: Negotiation | None = None
    server: Server | None = None
    standard_rdp: StandardRdp | None = None
    tls: Tls | None = None
    certificates: list[CertificateChain] = []
    credssp: CredSsp | None = None
    licensing: list[Licensing] = []  # the licensing phase over each protocol; asked for only with --licensing
    licensing_asked: bool = False  # --licensing was given: an empty `licensing` then says that none could be asked
    simulated: list[Simulation] = []  # with --simulate: what connections showed that asked as these clients ask
    clients: list[Client] = []
    udp: Udp | None = None
    gateway: Gateway | None = None
    diagnoses: list[Diagnosis] = []
    scan: Place | None = None  # from `scan`
    capture: Capture | None = None  # from `replay`: where it was captured, and what only a capture shows
    attempts: list[AttemptRecord] = []

    @property
    def is_simulation(self) -> bool:
        """Nothing was asked but as certain clients ask; elsewhere `simulated` comes beside what an audit asked."""
        return bool(self.simulated) and self.asked is None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Result)


def to_json(result: Result) -> bytes:
    """One line of NDJSON, without the line end. Only what is below U+0020 is escaped: see `report.escape`."""
    return _encoder.encode(result)


def from_json(line: bytes | str) -> Result:
    """Read back what `to_json` wrote, now or by an earlier release. Raises msgspec.ValidationError."""
    return _decoder.decode(line)


def json_schema() -> dict[str, object]:
    """The JSON Schema (2020-12) that every JSON document of this program validates against."""
    schema = msgspec.json.schema(Result)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "rdp-probe result, one target"
    return schema
