"""Whether two results have the same facts, found out quickly: of thousands of servers most are as they were.

What is the same here has no change; what differs may have none all the same. Left out is what never counts: times,
durations, the order of connections.
"""

from __future__ import annotations

from operator import attrgetter

from probe.result import CredSsp, Negotiation, NegotiationAttempt, Result
from probe.verify.baseline_certificate import validity
from probe.verify.baseline_negotiation import clock_moved

_WHOLE = attrgetter(
    "status", "service", "tls", "server", "standard_rdp", "licensing", "simulated", "udp", "gateway",
    "target.host", "target.address", "target.server_name",
)  # fmt: skip
_OF_NEGOTIATION = attrgetter(
    "protocols", "nla", "flags", "restricted_admin", "remote_credential_guard", "altered_request", "direct_tls"
)
_OF_NTLM = attrgetter(
    "target_name", "netbios_domain", "netbios_computer", "dns_domain", "dns_computer", "dns_tree", "os_build", "os"
)
_OF_CREDSSP = attrgetter("version", "mechanisms", "computers", "error", "answer", "ending")


def is_same(before: Result, after: Result) -> bool:
    """Whether nothing at all that may count differs. Where it says no, something may."""
    return (
        _WHOLE(before) == _WHOLE(after)
        and (before.lost is None) == (after.lost is None)
        and bool(before.intermittent) == bool(after.intermittent)
        and _certificates(before) == _certificates(after)
        and _credssp(before.credssp) == _credssp(after.credssp)
        and not clock_moved(before, after)
        and _negotiation(before.negotiation) == _negotiation(after.negotiation)
    )


def _certificates(result: Result) -> object:
    """The chains in an order of our own, each with whether it is valid in place of how long it is."""
    return sorted(
        (
            [certificate.sha256 for certificate in chain.chain],
            repr(chain.trust),
            repr(chain.name_match),
            [str(validity(leaf, result)) for leaf in chain.chain[:1]],
        )
        for chain in result.certificates
    )


def _credssp(section: CredSsp | None) -> object:
    if section is None:
        return None
    return _OF_CREDSSP(section), _OF_NTLM(section.ntlm) if section.ntlm is not None else None


def _negotiation(section: Negotiation | None) -> object:
    if section is None:
        return None
    return _OF_NEGOTIATION(section), sorted(map(_attempt, section.attempts))


def _attempt(attempt: NegotiationAttempt) -> list[str]:
    """One connection without how long it took."""
    told = (attempt.selected, attempt.failure, attempt.answer, attempt.ending, attempt.source_reference)
    return [*attempt.requested, *map(str, told), *attempt.flags]
