"""What changed beside security: names, build and kind of the server, UDP, a gateway, licensing, clients."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import partial
from typing import get_args

from probe.diagnosis.captures import tells_of_clients
from probe.diagnosis.clients import evaluate
from probe.diagnosis.simulated import measured
from probe.language import N_, _
from probe.result import Client, Depth, Gateway, Licensing, Result
from probe.result.verification import ClientChange
from probe.verify.baseline_certificate import by_leaf, compare
from probe.verify.baseline_facts import FALSE_IS_BETTER, NONE, Comparing, Fact
from probe.verify.baseline_negotiation import ntlm_of

_DEPTHS: tuple[Depth, ...] = get_args(Depth)
_NAMES: Mapping[str, str] = {
    "target_name": N_("the target name of NTLM"),
    "netbios_domain": N_("the NetBIOS domain"),
    "netbios_computer": N_("the NetBIOS name"),
    "dns_domain": N_("the DNS domain"),
    "dns_computer": N_("the DNS name"),
    "dns_tree": N_("the DNS forest"),
}
_UDP: Mapping[str, str] = {
    "open": N_("answered"),
    "silent": N_("silent"),
    "refused": N_("refused"),
    "unreachable": N_("unreachable"),
    "malformed": N_("answered by something else"),
}
_UDP_RANK = {"open": 1, "silent": 0, "refused": 0, "unreachable": 0}
_GATEWAY: Mapping[str, str] = {
    "rd_gateway": N_("an RD Gateway"),
    "http": N_("another web server"),
    "not_http": N_("something else inside TLS"),
    "tls_only": N_("TLS with nothing inside"),
    "tls_failed": N_("TLS that fails"),
    "not_tls": N_("something without TLS"),
    "closed": N_("closed without an answer"),
    "silent": N_("silent"),
    "refused": N_("refused"),
    "unreachable": N_("unreachable"),
}


def names(comparing: Comparing) -> None:
    """What the NTLM challenge calls itself. Of several computers, the set of them."""
    if all(ntlm_of(each) is not None for each in (comparing.before, comparing.after)):
        for field, what in _NAMES.items():
            comparing.fact(f"credssp.ntlm.{field}", "names", _(what), partial(_name, field), words=_or_none)
        return
    comparing.names("credssp.computers", "names", _("computers that answer"), _computers)


def _name(field: str, result: Result) -> str:
    """An empty text where the challenge has no such name."""
    value: str | None = getattr(ntlm_of(result), field)
    return value or ""


def _or_none(name: str) -> str:
    return name or _("absent")


def _computers(result: Result) -> Fact[list[str]]:
    return result.credssp.computers or NONE if result.credssp is not None else NONE


def server(comparing: Comparing) -> None:
    """Kind, release and build. A kind that cannot be told any more is no news of the server."""
    comparing.fact("server.kind", "build", _("the kind of server"), _kind)
    comparing.fact("server.release", "build", _("the release"), _release)
    comparing.fact("credssp.ntlm.os_build", "build", _("the build"), _build)
    comparing.fact("server.rdp_version", "build", _("the version of RDP"), _rdp_version)


def _kind(result: Result) -> Fact[str]:
    return result.server.kind if result.server is not None and result.server.kind != "unknown" else NONE


def _release(result: Result) -> Fact[str]:
    return result.server.release or NONE if result.server is not None else NONE


def _build(result: Result) -> Fact[str]:
    ntlm = ntlm_of(result)
    return ntlm.os_build or NONE if ntlm is not None else NONE


def _rdp_version(result: Result) -> Fact[str]:
    return result.server.rdp_version or NONE if result.server is not None else NONE


def behaviour(comparing: Comparing) -> None:
    """A server that stopped answering during the audit, or that answers one request in two ways."""
    what = _("a loss of the server during the audit")
    comparing.fact("lost", "other", what, lambda result: result.lost is not None, rank=FALSE_IS_BETTER, words=_seen)
    what = _("one request that is answered differently each time")
    comparing.fact(
        "intermittent", "other", what, lambda result: bool(result.intermittent), rank=FALSE_IS_BETTER, words=_seen
    )


def _seen(seen: bool) -> str:
    return _("seen") if seen else _("not seen")


# Outside of the connection, and behind its security


def udp(comparing: Comparing) -> None:
    """RDP over UDP, where both asked for it."""
    comparing.fact(
        "udp.state", "other", _("RDP over UDP"), _udp_state, rank=_UDP_RANK, words=lambda name: _(_UDP[name])
    )
    comparing.fact("udp.version", "other", _("the version of RDP over UDP"), _udp_version)


def _udp_state(result: Result) -> str | None:
    return result.udp.state if result.udp is not None and result.udp.state != "unknown" else None


def _udp_version(result: Result) -> Fact[str]:
    return result.udp.version or NONE if result.udp is not None else NONE


def gateway(comparing: Comparing) -> None:
    """The RD Gateway, where both asked the same one."""
    before, after = comparing.before.gateway, comparing.after.gateway
    if before is None or (after is not None and (before.host, before.port) != (after.host, after.port)):
        return
    words = _("the gateway's front door")
    states = [_gateway_state(section) for section in (before, after)]
    rank = {name: int(name == "rd_gateway") for name in _GATEWAY}
    comparing.values("gateway.state", "other", words, *states, rank=rank, words=lambda name: _(_GATEWAY[name]))
    if after is None or before.state != "rd_gateway" or after.state != "rd_gateway":
        return
    comparing.values(
        "gateway.tls_version", "other", _("the gateway's TLS version"), before.tls_version, after.tls_version
    )
    schemes = [section.schemes for section in (before, after)]
    what = _("sign-in schemes of the gateway")
    comparing.come("gateway.schemes", "other", what, sorted({*schemes[1]} - {*schemes[0]}), direction="changed")
    comparing.gone("gateway.schemes", "other", what, sorted({*schemes[0]} - {*schemes[1]}), direction="changed")
    old, new = (
        by_leaf([section.certificate] if section.certificate is not None else []) for section in (before, after)
    )
    if old and new:
        compare(comparing, old, new, "gateway.certificate")


def _gateway_state(section: Gateway | None) -> str | None:
    return section.state if section is not None and section.state != "unknown" else None


def licensing(comparing: Comparing) -> None:
    """What the licensing phase came to over each protocol that both went through."""
    for over in dict.fromkeys(each.over for result in (comparing.before, comparing.after) for each in result.licensing):
        what = _("the licensing phase over {protocol}", protocol=over)
        comparing.fact(f"licensing.{over}", "other", what, partial(_licensing, over), rank=_licensed)


def _licensing(over: str, result: Result) -> Fact[str]:
    found: Licensing | None = next((each for each in result.licensing if each.over == over), None)
    if found is None or found.answer is None:
        return NONE if result.licensing_asked and found is None else None
    return " ".join(each for each in (found.answer, found.code, found.error_info) if each is not None)


def _licensed(answer: str) -> int:
    return 0 if answer.startswith(("error", "refused", "disconnected", "malformed")) else 1


# Clients


def clients(comparing: Comparing) -> None:
    """The clients that cannot connect any more, those that can now, and those of which that is not known now."""
    found = client_changes(comparing.before, comparing.after)
    lost = [each.client for each in found if each.before and each.after is False]
    won = [each.client for each in found if each.after is True]
    open_now = [each.client for each in found if each.before and each.after is None]
    refused = [each.client for each in found if each.before is None]
    if refused:
        sentence = _("clients that cannot connect now; before it was not known: {names}", names=_("; ").join(refused))
        comparing.add("clients.connects", "clients", sentence, after="; ".join(refused))
    if lost:
        sentence = _("clients that could connect and cannot now: {names}", names=_("; ").join(lost))
        comparing.add("clients.connects", "clients", sentence, direction="worse", before="; ".join(lost))
    if won:
        sentence = _("clients that could not connect and can now: {names}", names=_("; ").join(won))
        comparing.add("clients.connects", "clients", sentence, direction="better", after="; ".join(won))
    if open_now:
        sentence = _(
            "of clients that could connect it could not be determined now: {names}", names=_("; ").join(open_now)
        )
        comparing.undetermined.append(sentence)


def client_changes(before: Result, after: Result) -> list[ClientChange]:
    """The known clients for which it is not as it was, those that lost access first.

    Both are judged by this release: a client that an earlier one judged otherwise has not changed. Where both were
    asked as a client asks, what they measured counts. One that is refused now, and of which it was not known before
    (`before` is None), is among them where no more was asked than before: else the asking has changed.
    """
    found: list[ClientChange] = []
    if not (tells_of_clients(before) and tells_of_clients(after)):
        return found
    olds, news = _connecting(before, after), _connecting(after, before)
    is_deeper = _asked_more(before, after)
    for name, old in olds.items():
        new = news.get(name)
        if new is None or new.connects is old.connects:
            continue
        if old.connects is not None or (new.connects is False and not is_deeper):
            found.append(
                ClientChange(
                    client=name,
                    before=old.connects,
                    after=new.connects,
                    because=new.because,
                    user_sees=new.user_sees,
                    hint=new.hint,
                )
            )
    return sorted(found, key=lambda each: (each.after is not False, each.before is None, each.after is not None))


def _asked_more(before: Result, after: Result) -> bool:
    """Whether a later audit was to find out anything that the earlier one was not."""
    if before.limited or _DEPTHS.index(after.depth) > _DEPTHS.index(before.depth):
        return True
    if before.asked is None:
        return before.depth != "full" and "full" in (after.asked or ())
    return after.asked is None or not {*after.asked}.issubset(before.asked) or not _trials(after) <= _trials(before)


def _trials(result: Result) -> set[tuple[str, ...]]:
    return {(each.kind, *each.offered) for each in result.tls.trials} if result.tls is not None else set()


def _connecting(result: Result, other: Result) -> dict[str, Client]:
    """Every client by its name, as a result says: measured where the other's was too, else as the facts have it."""
    if result.status != "rdp" or other.status != "rdp":
        return {}
    bare = copy.copy(result)
    bare.clients = []
    found = {each.client: each for each in evaluate(bare)}
    both = {each.client for each in result.simulated} & {each.client for each in other.simulated}
    if both:
        asked = copy.copy(bare)
        asked.simulated = [each for each in result.simulated if each.client in both]
        found.update({each.client: each for each in measured(asked)})
    return found
