"""What of a stored result was settled, and why the rest was not: the reason of every rule that stays unknown.

A verdict that is "unknown" was asked for and not settled; one that is not there was not asked for. Neither proves
anything of the server.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from probe.diagnosis.stored import stored
from probe.language import _
from probe.result import Result, State, Verdict
from probe.verify.rule import Finding
from probe.wire.tls_version import VERSION_NAMES

NLA = ("HYBRID", "HYBRID_EX")
OVER_TLS = ("SSL", *NLA)  # what clients ask for
TLS_BASED = (*OVER_TLS, "RDSTLS", "RDSAAD")
TLS_VERSIONS = ("TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")
VERSIONS = tuple(VERSION_NAMES.values())  # oldest first, with those of SSL, which may serve a certificate too


def not_known(why: str) -> Finding:
    """What nobody can say: a sentence says what was not asked for, or how it ended."""
    return Finding(state="unknown", message=why, observed=_("not known"))


def these(names: Iterable[str]) -> str:
    """Names as they are listed in the language that is spoken now."""
    return _(", ").join(names)


def in_state(verdicts: Mapping[str, Verdict], state: State) -> list[str]:
    """The names whose verdict is this."""
    return [name for name, verdict in verdicts.items() if verdict.state == state]


def protocols(result: Result) -> Mapping[str, Verdict]:
    """The verdicts on security protocols by name; none where nothing was negotiated."""
    return result.negotiation.protocols if result.negotiation is not None else {}


def accepted(result: Result, names: Iterable[str]) -> tuple[str, ...]:
    """Those of these security protocols that the server accepts."""
    found = protocols(result)
    return tuple(name for name in names if name in found and found[name].state == "accepted")


def unsettled(verdicts: Mapping[str, Verdict], names: Iterable[str]) -> str | None:
    """Why it is not known of all of these whether they are accepted; None where each was settled."""
    for name in names:
        found = verdicts.get(name)
        if found is None:
            return _("{name} was not asked for", name=name)
        if found.state == "unknown":
            how = found.reason or found.ending
            return _("{name} was not settled: {how}", name=name, how=stored(how) if how else _("no usable answer"))
    return None


def no_nla(result: Result) -> str | None:
    """Why CredSSP is certain not to be served; None where it may be. Where HYBRID is refused, so is HYBRID_EX."""
    asked = tuple(name for name in NLA if name == "HYBRID" or name in protocols(result))
    if accepted(result, NLA) or unsettled(protocols(result), asked) is not None:
        return None
    return _("NLA is not supported")


def no_tls(result: Result) -> str | None:
    """Why TLS is certain not to be served: it is refused, or none of its versions is accepted. None: it may be."""
    direct = result.negotiation.direct_tls.state if result.negotiation is not None else "unknown"
    asked = tuple(name for name in OVER_TLS if name != "HYBRID_EX" or name in protocols(result))
    if direct == "rejected" and not accepted(result, TLS_BASED) and unsettled(protocols(result), asked) is None:
        return _("TLS is not accepted")
    versions = result.tls.versions if result.tls is not None else {}
    is_any = result.tls is not None and (any(result.tls.cipher_suites.values()) or result.tls.handshake is not None)
    if is_any or unsettled(versions, VERSIONS) is not None:
        return None
    return None if any(verdict.state == "accepted" for verdict in versions.values()) else _("no TLS version is served")
