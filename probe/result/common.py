"""What more than one part of a result uses: the closed lists of names, a verdict, and what an NTLM server says."""

from __future__ import annotations

from typing import Literal

import msgspec

ProtocolName = Literal["RDP", "SSL", "HYBRID", "RDSTLS", "HYBRID_EX", "RDSAAD"]
VersionName = Literal["SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"]
EndingName = Literal[
    "complete",
    "closed",
    "reset",
    "timed_out",
    "deadline",
    "too_much",
    "refused",
    "filtered",
    "unreachable",
    "abandoned",
    "interrupted",
]
Status = Literal["rdp", "not_rdp", "silent", "closed", "refused", "filtered", "unreachable", "dns_error"]
State = Literal["accepted", "rejected", "unknown"]
Nla = Literal["required", "offered", "unsupported", "unknown"]
Depth = Literal["discover", "standard", "full"]
Severity = Literal["blocker", "breaks_some", "risk", "info"]
SEVERITIES: tuple[Severity, ...] = ("blocker", "breaks_some", "risk", "info")


class Verdict(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Accepted, rejected or unknown, with the wire's reason.

    For a security protocol: `failure` is the RDP_NEG_FAILURE code's name, `selected` what was selected instead.
    For a TLS version: `reason` says what came in place of a ServerHello. `ending` is how the connection ended where
    no answer settled it.
    """

    state: State
    failure: str | None = None
    selected: str | None = None
    reason: str | None = None
    ending: EndingName | None = None


class Ntlm(msgspec.Struct, kw_only=True):
    """What the NTLM CHALLENGE says, [MS-NLMP] 2.2.1.2."""

    target_name: str | None = None
    netbios_domain: str | None = None
    netbios_computer: str | None = None
    dns_domain: str | None = None
    dns_computer: str | None = None
    dns_tree: str | None = None
    os_build: str | None = None
    os: str | None = None
    timestamp: str | None = None
    clock_skew_s: float | None = None  # server minus client, at the moment the CHALLENGE arrived
