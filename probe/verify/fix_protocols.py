"""What mends rules on security protocols where the usual remedies would not: what they say depends on the rest. Pure.

Sources: xrdp.ini(5), security_layer; xrdp 0.9.21 reads xrdp.ini anew for every connection, and has no NLA. Windows:
[MS-RDPBCGR] 5.4.5.2, UserAuthentication and SecurityLayer as in `fixes`.
"""

from __future__ import annotations

from collections.abc import Sequence

from probe.diagnosis.diagnosing import remedies_for
from probe.diagnosis.rule import Platform
from probe.diagnosis.wording import RDP_TCP
from probe.language import _
from probe.result import Result
from probe.verify.rule import Finding, Rule

_WITHIN_NLA = ("HYBRID", "HYBRID_EX", "RDSTLS", "RDSAAD")  # what xrdp has none of
STAYS = "Where it must stay"  # begins what is said to those that keep a protocol

Told = tuple[Platform, str]  # for which server, and what to do


def unlike_others(rule: Rule, finding: Finding, result: Result) -> list[Told] | None:
    """What to do instead of what the texts for the rule and its diagnosis say; None where these are right."""
    if is_impossible(rule, result):
        return [("xrdp", _impossible(rule))]
    if rule.key == "protocols.forbidden":
        return _without(rule, finding, result)
    if rule.key == "clients.must_connect" and finding.diagnosis == "NLA_REQUIRED":
        return _let_in()
    return None


def is_impossible(rule: Rule, result: Result) -> bool:
    """Whether no setting of such a server meets a rule."""
    if result.server is None or result.server.kind != "xrdp":
        return False
    if rule.key == "protocols.required":
        return not set(_WITHIN_NLA).isdisjoint(rule.value)
    if rule.key == "protocols.forbidden":
        return {"RDP", "SSL"} <= set(rule.value)
    if rule.key.startswith("credssp."):
        return True
    return (rule.key == "protocols.nla" and rule.value != "unsupported") or (
        rule.key == "tls.ocsp_stapling" and rule.value is True
    )


def _impossible(rule: Rule) -> str:
    if rule.key == "tls.ocsp_stapling":
        return _("xrdp staples no OCSP response, and no setting of it does: except such servers from this rule.")
    return _(
        "xrdp has no NLA: no setting of it meets this rule. Let it be reached through a VPN, SSH or an RD Gateway "
        "only, and except it from this rule by a waiver."
    )


def _without(rule: Rule, finding: Finding, result: Result) -> list[Told] | None:
    """To refuse TLS without NLA is to demand NLA, which refuses Standard RDP Security too."""
    kind = result.server.kind if result.server is not None else "unknown"
    accepted = _accepted(result)
    if "SSL" in rule.value and "SSL" in accepted:
        if kind == "xrdp":
            return [("xrdp", _only_standard())]
        code = "NLA_NOT_ENFORCED" if "HYBRID" in accepted else "NLA_UNSUPPORTED"
        return _remedies(code, result)
    if "RDP" in rule.value and "RDP" in accepted:
        by_xrdp: list[Told] = [("xrdp", _by_xrdp())] if "SSL" in accepted and kind in ("xrdp", "unknown") else []
        if kind == "xrdp" and by_xrdp:
            return [*by_xrdp]
        others = _remedies(finding.diagnosis or "STANDARD_RDP_WEAK", result)
        told = [each for each in others if not (by_xrdp and each[0] == "xrdp")]
        return [*told[:1], *by_xrdp, *told[1:]]
    return None


def _by_xrdp() -> str:
    return _("Set security_layer=tls in xrdp.ini; it counts for the next connection.")


def _only_standard() -> str:
    return _(
        "xrdp has no NLA: without TLS it has Standard RDP Security alone (security_layer=rdp in xrdp.ini), which "
        "protects less. Better except it from this rule by a waiver."
    )


def _let_in() -> list[Told]:
    return [
        (
            "windows",
            _(
                "NLA keeps them out. UserAuthentication 0 (DWORD) in {rdp_tcp} lets them in, and shows the "
                "login screen to everybody before any password: rather replace these clients, and take them out of "
                "clients.must_connect.",
                rdp_tcp=RDP_TCP,
            ),
        ),
        (
            "freerdp",
            _(
                "NLA keeps them out. FreeRDP's server takes them with /sec:tls or /sec:rdp, which is weaker; GNOME "
                "Remote Desktop has NLA alone. Rather replace these clients, and take them out of "
                "clients.must_connect."
            ),
        ),
    ]


def _remedies(code: str, result: Result) -> list[Told]:
    return [(each.on, _(each.text)) for each in remedies_for(code, result) if not each.text.startswith(STAYS)]


def _accepted(result: Result) -> Sequence[str]:
    protocols = result.negotiation.protocols if result.negotiation is not None else {}
    return [name for name, verdict in protocols.items() if verdict.state == "accepted"]
