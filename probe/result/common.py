"""What every part of a result uses: the closed lists of names, and a verdict."""

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
