"""What an audit's result says of the causes behind a message: which it finds, which it excludes, which stay open.

A cause is found where its diagnosis is, and excluded only by the one fact that proves that it is not there: see
`settled`. Everything else is open: what was not asked, what was not settled, and what nothing on the wire shows. It
is open, too, where a known client fails for this very reason, and where the next connection may meet another server.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from probe.explain import settled, settled_tls
from probe.explain.explanation import Suspect
from probe.explain.settled import Settle
from probe.explain.weight import OPEN, Weight, seen
from probe.language import _
from probe.result import Result

_MOST_EVIDENCE = 3
_SEVERAL = ("LOAD_BALANCED", "INTERMITTENT", "REDIRECTED")  # what one answer shows, the next need not


def weigh(suspect: Suspect, result: Result) -> Weight:
    """Judge one cause by one result, which has its diagnoses. The evidence is in the language spoken now."""
    if suspect.diagnosis is None:
        return OPEN
    for found in result.diagnoses:
        if found.code == suspect.diagnosis:
            return Weight("found", (found.summary, *found.evidence[:_MOST_EVIDENCE]))
    settle = SETTLED.get(suspect.diagnosis)
    weight = settle(result) if settle is not None else OPEN
    if weight.outcome == "excluded" and (doubt := _doubt(suspect.diagnosis, result)) is not None:
        return seen(doubt)
    return Weight(weight.outcome, weight.evidence[:_MOST_EVIDENCE])


def weigh_all(suspect: Suspect, results: Iterable[Result]) -> Weight:
    """Judge one cause by the results of all addresses of a target: found by one, excluded only by all."""
    weights = [weigh(suspect, result) for result in results]
    for weight in weights:
        if weight.outcome == "found":
            return weight
    if weights and all(weight.outcome == "excluded" for weight in weights):
        return weights[0]
    told = [words for weight in weights if weight.outcome == "open" for words in weight.evidence]
    return Weight("open", tuple(dict.fromkeys(told))[:_MOST_EVIDENCE])


def _doubt(code: str, result: Result) -> str | None:
    """Why what one connection proved does not hold for everybody's."""
    codes = [found.code for found in result.diagnoses if found.code in _SEVERAL]
    if codes and code != "DNS_FAILED":
        return _("the next connection may be answered differently: {codes}", codes=_(", ").join(codes))
    return settled_tls.failing(code, result)


_TCP = ("TCP_REFUSED", "TCP_TIMEOUT", "TCP_UNREACHABLE")
_X224 = ("X224_SILENT", "X224_CLOSED", "X224_MALFORMED", "X224_DISCONNECTED")

# What excludes a cause, or at least bears on it. A diagnosis that is not here is found or open.
SETTLED: Mapping[str, Settle] = {
    "DNS_FAILED": settled.resolved,
    **dict.fromkeys(_TCP, settled.connected),
    "TCP_RESET": settled.not_reset,
    "NOT_RDP": settled.speaks_rdp,
    **dict.fromkeys(_X224, settled.requests_answered),
    "NLA_REQUIRED": settled.lets_in_without_nla,
    "TLS_REQUIRED": settled.needs_no_tls,
    "STANDARD_RDP_ONLY": settled.has_tls,
    "TLS_CERTIFICATE_MISSING": settled.has_certificate,
    "NLA_UNSUPPORTED": settled.has_nla,
    "NLA_NOT_ENFORCED": settled.enforces_nla,
    "INCONSISTENT_FLAGS": settled.finds_no_contradiction,
    "USER_AUTH_REQUIRED": settled.wants_no_client_certificate,
    "UNOFFERED_PROTOCOL_SELECTED": settled.selects_what_is_offered,
    "NEGOTIATION_UNSUPPORTED": settled.negotiates,
    "TLS_HANDSHAKE_ABORTED": settled_tls.completes_tls,
    "TLS_NO_COMMON_VERSION": settled_tls.has_current_tls,
    "TLS_MODERN_ONLY": settled_tls.has_tls12,
    "TLS_NO_SHARED_CIPHER": settled_tls.shares_suites,
    "CERT_EXPIRED": settled_tls.is_in_date,
    "CERT_NOT_YET_VALID": settled_tls.has_begun,
    "CERT_EXPIRES_SOON": settled_tls.is_in_date_for_long,
    "CERT_SELF_SIGNED": settled_tls.is_issued_by_another,
    "CERT_WEAK_KEY": settled_tls.has_long_keys,
    "CERT_WEAK_SIGNATURE": settled_tls.has_strong_signatures,
    "CERT_USAGE_UNSUITABLE": settled_tls.is_for_servers,
    "CERT_MALFORMED": settled_tls.is_well_formed,
    "CERT_UNTRUSTED": settled_tls.is_trusted,
    "CERT_CHAIN_INCOMPLETE": settled_tls.is_whole,
    "CERT_NAME_MISMATCH": settled_tls.is_named,
    "CREDSSP_OUTDATED": settled.has_patched_credssp,
    "CREDSSP_ABORTED": settled.answers_credssp,
    "NTLM_REFUSED": settled.offers_ntlm,
    "CLOCK_SKEW": settled.tells_time,
    "LICENSING_FAILED": settled.goes_on,
    "CONNECTION_LIMIT": settled.goes_on,
    **dict.fromkeys(("ENCRYPTION_REFUSED", "ENCRYPTION_FIPS_ONLY"), settled.takes_usual_method),
    "STANDARD_RDP_WEAK_KEY": settled.has_sound_key,
    "STANDARD_RDP_WEAK": settled.uses_no_standard_rdp,
}
