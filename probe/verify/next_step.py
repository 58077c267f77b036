"""What would settle a rule that is unknown: one sentence. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from probe.language import N_, _
from probe.result import Result
from probe.verify.rule import Rule

_ENUMERATED = ("suites", "groups", "schemes", "dh_bits", "server_order")  # parts of keys that only a list settles


def next_step(rule: Rule, result: Result) -> str | None:
    """The next thing to do; None where the target was not reached or is not RDP, which is told once for all rules."""
    if result.status != "rdp":
        return None
    for concerns, step in _STEPS:
        if concerns(rule.key, result):
            return _(step)
    return _(_AGAIN_HERE if _is_here(result) else _AGAIN)


def _is_here(result: Result) -> bool:
    """There is no nearer place to ask from."""
    address = result.target.address or result.target.host
    return _is_address(address) and ipaddress.ip_address(address).is_loopback


def _is_limited(_key: str, result: Result) -> bool:
    return result.limited is not None


def _is_nameless(key: str, result: Result) -> bool:
    """A name is to be judged, and clients were given none to judge it by."""
    return key == "certificate.name_match" and result.target.server_name is None and _is_address(result.target.host)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_without_roots(key: str, result: Result) -> bool:
    return key == "certificate.trusted" and any(
        chain.trust is not None and chain.trust.verdict == "unknown" for chain in result.certificates
    )


def _is_not_asked_by_udp(key: str, result: Result) -> bool:
    return key == "udp.state" and result.udp is None


def _is_silent_by_udp(key: str, result: Result) -> bool:
    return key == "udp.state" and result.udp is not None


def _is_of_clients(key: str, _result: Result) -> bool:
    return key.startswith("clients.")


def _needs_login(key: str, result: Result) -> bool:
    return key == "credssp.mechanisms" and result.credssp is not None and result.credssp.version is not None


def _shows_no_order(key: str, result: Result) -> bool:
    """Depth full asked for all suites, and its answers fit both: that no other hello tells."""
    if key != "tls.server_order" or result.depth != "full" or result.tls is None:
        return False
    served = [name for name, verdict in result.tls.versions.items() if verdict.state == "accepted"]
    return bool(served) and all(result.tls.cipher_suites.get(name) for name in served)


def _is_for_full_depth(key: str, result: Result) -> bool:
    of_lists = any(part in key for part in _ENUMERATED)
    return key.startswith("tls.") and result.depth != "full" and (of_lists or "version" not in key)


_AGAIN = N_(
    "Ask again with rdp-probe verify and a longer --timeout, or from a place nearer to the server; earlier results "
    "(--results) hold only what was asked then."
)
_AGAIN_HERE = N_(
    "Ask again with rdp-probe verify and a longer --timeout; earlier results (--results) hold only what was asked then."
)
# The first that concerns it is told.
_STEPS: tuple[tuple[Callable[[str, Result], bool], str], ...] = (
    (_is_nameless, N_("Give the name by which clients connect: --server-name NAME.")),
    (_is_without_roots, N_("Give the roots that clients trust: --ca-file ROOTS.pem.")),
    (_is_not_asked_by_udp, N_("Ask with --udp.")),
    (_is_silent_by_udp, N_("Admit UDP 3389 on the way, or ask from the server's own network.")),
    (_is_limited, N_("Less was asked than is needed: give more by --max-connections or --deadline.")),
    (
        _shows_no_order,
        N_("Every suite was asked for, and asking again tells no more: look at the server's own settings."),
    ),
    (_is_of_clients, N_("Ask as this client asks, with --simulate, or for all that decides it, with --depth full.")),
    (_needs_login, N_("Without a login only NTLM can be shown to be usable: look at the server's own settings.")),
    (_is_for_full_depth, N_("Ask for all of TLS, with --depth full.")),
)
