"""What a policy may demand of a key exchange that the server has a say in: the size of its groups, and its signatures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec

from probe.diagnosis.stored import stored
from probe.language import _
from probe.needs import Needs
from probe.result import Result, Tls
from probe.verify.rule import Finding, kind
from probe.verify.rules_suites import needs_of
from probe.verify.selectors import SELECTABLE_GROUPS, check_scheme, is_like
from probe.verify.served import (
    EPHEMERAL_DH,
    VERSIONS,
    asked,
    codes_of,
    is_ephemeral_dh,
    is_left,
    no_road,
    not_settled,
    spoken,
    told,
    version,
)

_FULL = Needs(full=True)
_OLDER = ("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2")  # in which a server chooses its own Diffie-Hellman group
_FFDHE = {int(name.removeprefix("ffdhe")): code for code, name in SELECTABLE_GROUPS.items() if name.startswith("ffdhe")}
Patterns = Annotated[list[str], msgspec.Meta(min_length=1)]


def _these(value: Iterable[str]) -> str:
    return _(", ").join(value)


# The server's own Diffie-Hellman groups


def _short_groups(bits: int) -> frozenset[int]:
    """The groups of TLS 1.3 that are shorter; RFC 7919 has none under 2048 bits."""
    return frozenset(code for size, code in _FFDHE.items() if size < bits)


@kind(
    "tls.min_dh_bits",
    Annotated[int, msgspec.Meta(ge=1)],
    says="No Diffie-Hellman group over a prime of fewer bits is used in any TLS version.",
    example="2048",
    needs=lambda value: needs_of("suites", EPHEMERAL_DH) | needs_of("groups", _short_groups(value)),
    words=lambda value: _("Diffie-Hellman groups of {bits} bits or more", bits=value),
)
def min_dh_bits(value: int, result: Result) -> Finding:
    """Every size that was seen, and that no suite is left whose size was not."""
    sizes = _sizes(result)
    observed = _(", ").join(_("{bits} bits", bits=bits) for bits in sorted(set(sizes.values()))) or _("none")
    demand = _("Diffie-Hellman groups of {bits} bits or more", bits=value)
    if short := {said: bits for said, bits in sizes.items() if bits < value}:
        seen = _("a Diffie-Hellman group of {bits} bits is used", bits=min(short.values()))
        message = _("{seen}; demanded: {demand}", seen=seen, demand=demand)
        return Finding(
            state="failed",
            message=message,
            observed=observed,
            evidence=tuple(short),
            diagnosis="TLS_WEAK_CIPHER",
            change="suites.off=TLS_DHE_*+TLS_DH_anon_*",
        )
    if open_ := _sizes_open(result, value):
        return Finding(state="unknown", message=_("; ").join(open_), observed=observed, evidence=tuple(sizes))
    if sizes:
        message = _("no Diffie-Hellman group has fewer than {bits} bits", bits=value)
        return Finding(state="passed", message=message, observed=observed, evidence=tuple(sizes))
    message = _("no suite with a Diffie-Hellman group of the server is accepted")
    return Finding(state="passed", message=message, observed=observed, evidence=no_road(result))


def _sizes(result: Result) -> dict[str, int]:
    """The bits of every group that was seen, by the words for it."""
    tls = result.tls if result.tls is not None else Tls()
    found = {
        _("{said}: {words}", said=name, words=f"{suite.name}, {_('{bits} bits', bits=suite.dh_bits)}"): suite.dh_bits
        for name, suites in tls.cipher_suites.items()
        for suite in suites
        if suite.dh_bits is not None
    }
    found |= {_("DH parameters of {bits} bits", bits=each.bits): each.bits for each in tls.dh_parameters}
    groups = {group for name in VERSIONS for group in asked("groups", name, result).selected.values()}
    known = {SELECTABLE_GROUPS[code]: bits for bits, code in _FFDHE.items()}
    return found | {_("group {name}", name=group): known[group] for group in sorted(groups) if group in known}


def _sizes_open(result: Result, value: int) -> list[str]:
    """Why there may be a group that was not seen, in words."""
    found = []
    seen = result.tls is not None and bool(result.tls.dh_parameters)
    wanted = [(name, EPHEMERAL_DH, "suites") for name in _OLDER]
    if short := _short_groups(value):
        wanted.append(("TLSv1.3", short, "groups"))
    for name, codes, what in wanted:
        verdict = version(result, name)
        known = asked("suites" if what == "suites" else "groups", name, result)
        unseen = [suite for suite in known.selected.values() if is_ephemeral_dh(suite)]
        if verdict.state == "unknown":
            found.append(not_settled({name: verdict}))
        elif verdict.state == "accepted" and known.left(codes_of(codes)):
            how = stored(known.why_not or "not asked")
            found.append(
                _("{version}: whether there is a shorter one is not settled ({how})", version=spoken(name), how=how)
            )
        elif unseen and not seen and not _told(name, result):
            found.append(
                _("{version}: the size of the group of {suite} was not seen", version=spoken(name), suite=unseen[0])
            )
    return found


def _told(name: str, result: Result) -> bool:
    """Depth full saw the group of each suite of a version that has one."""
    listed = result.tls.cipher_suites.get(name, []) if result.tls is not None else []
    return any(each.dh_bits is not None for each in listed)


# Signatures


def _valid_schemes(value: list[str]) -> None:
    for each in value:
        check_scheme(each)


@kind(
    "tls.forbidden_schemes",
    Patterns,
    says="The server signs its key exchange in TLS 1.2 with none of these signature schemes.",
    example='["*sha1*", "*md5*"]',
    needs=_FULL,
    words=lambda value: _("no signature like {patterns}", patterns=_these(value)),
    validate=_valid_schemes,
)
def forbidden_schemes(value: list[str], result: Result) -> Finding:
    """Every scheme that it signed with, and that all others were refused."""
    signed = _schemes(result)
    observed = _these(signed) or _("none")
    demand = _("no signature like {patterns}", patterns=_these(value))
    evidence = tuple(_("{said}: {words}", said="TLSv1.2", words=name) for name in signed)
    if found := [name for name in signed if any(is_like(name, pattern) for pattern in value)]:
        seen = _("the server signs with {schemes}", schemes=_these(found))
        message = _("{seen}; demanded: {demand}", seen=seen, demand=demand)
        return Finding(state="failed", message=message, observed=observed, evidence=evidence)
    verdict = version(result, "TLSv1.2")
    if verdict.state == "rejected":
        message = _("{version} is refused, and others show no signature", version=spoken("TLSv1.2"))
        shown = no_road(result) or (told("TLSv1.2", verdict),)
        return Finding(state="passed", message=message, observed=observed, evidence=shown)
    if verdict.state == "unknown":
        return Finding(state="unknown", message=not_settled({"TLSv1.2": verdict}), observed=observed)
    if not _is_full(result) or is_left("TLSv1.2", "schemes", result.tls or Tls()):
        message = _("not every signature scheme was asked for: --depth full")
        return Finding(state="unknown", message=message, observed=observed, evidence=evidence)
    message = _("no signature is like {patterns}", patterns=_these(value))
    return Finding(state="passed", message=message, observed=observed, evidence=evidence)


def _schemes(result: Result) -> list[str]:
    """What the server signed with, by name."""
    if result.tls is None:
        return []
    answers = (each.scheme.name for each in result.tls.answered.values() if each.scheme is not None)
    return list(dict.fromkeys([*(each.name for each in result.tls.signature_schemes), *answers]))


def _is_full(result: Result) -> bool:
    return result.tls is not None and result.tls.features is not None
