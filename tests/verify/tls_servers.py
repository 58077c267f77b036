"""Servers as rules on TLS see them: each builder states what matters."""

from __future__ import annotations

from typing import Any, Literal

from probe.result import CipherSuite, Group, Registered, Result, Tls, TlsFeatures, TlsTrial, Verdict
from probe.wire.iana import CIPHER_SUITES, GROUPS
from tests.verify.rules import rdp

ACCEPTED = Verdict(state="accepted")
ALERT = Verdict(state="rejected", reason="alert protocol_version")
RESET = Verdict(state="rejected", reason="reset", ending="reset")
SILENT = Verdict(state="unknown", reason="timed_out", ending="timed_out")
NOT_ASKED = Verdict(state="unknown", reason="not asked")
REFUSED = Verdict(state="rejected", failure="SSL_NOT_ALLOWED_BY_SERVER")
SELECTED_RDP = Verdict(state="rejected", selected="RDP")
SSL2_RC4 = CipherSuite(code="0x010080", name="SSL_CK_RC4_128_WITH_MD5")
SSL2_3DES = CipherSuite(code="0x0700c0", name="SSL_CK_DES_192_EDE3_CBC_WITH_MD5")

_BY_NAME = {name: code for code, name in CIPHER_SUITES.items()}
_GROUP_BY_NAME = {name: code for code, name in GROUPS.items()}
_LETTERS = {"a": ACCEPTED, "r": ALERT, "u": SILENT, "x": RESET}
_NAMES = ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")


def tls_of(states: str, **fields: Any) -> Result:
    """A server with a letter for each version, oldest first: accepted, rejected, unknown, x reset, - not asked."""
    described = rdp(SSL=ACCEPTED, HYBRID=ACCEPTED)
    asked = {name: _LETTERS[letter] for name, letter in zip(_NAMES, states, strict=True) if letter != "-"}
    described.tls = Tls(versions=asked, **fields)
    return described


def full_of(states: str, **fields: Any) -> Result:
    """The same, where depth full asked for everything."""
    described = tls_of(states, **{"features": TlsFeatures(), **fields})
    described.depth = "full"
    return described


def without_tls() -> Result:
    """A server that has Standard RDP Security alone."""
    return rdp(RDP=ACCEPTED, SSL=REFUSED, HYBRID=SELECTED_RDP)


def suite(name: str, dh_bits: int | None = None) -> CipherSuite:
    """A registered suite as a result has it."""
    return CipherSuite(code=f"0x{_BY_NAME[name]:04x}", name=name, dh_bits=dh_bits)


def registered(name: str) -> Registered:
    return Registered(code=f"0x{_BY_NAME[name]:04x}", name=name)


def group(name: str, *versions: str) -> Group:
    return Group(code=f"0x{_GROUP_BY_NAME[name]:04x}", name=name, versions=list(versions))


def group_code(name: str) -> Registered:
    return Registered(code=f"0x{_GROUP_BY_NAME[name]:04x}", name=name)


def trial(
    version: str,
    offered: frozenset[int],
    *selected: Registered,
    kind: Literal["suites", "groups"] = "suites",
    state: Literal["accepted", "rejected", "unknown"] = "rejected",
    reason: str | None = None,
) -> TlsTrial:
    """What came of offering these and nothing else."""
    codes = [f"0x{code:04x}" for code in sorted(offered) if code <= 0xFFFF]
    return TlsTrial(kind=kind, version=version, offered=codes, selected=list(selected), state=state, reason=reason)
