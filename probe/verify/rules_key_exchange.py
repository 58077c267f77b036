"""What a policy may demand of a key exchange: the size of the server's own groups, and what it signs with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec

from probe.diagnosis.stored import stored
from probe.language import _
from probe.needs import Needs
from probe.result import Result, Tls
from probe.verify.rule import Finding, kind
from probe.verify.rules_suites import needs_of
from probe.verify.seen import VERSIONS, these
from probe.verify.selectors import SELECTABLE_GROUPS, SUITES, check_scheme, is_like
from probe.verify.served import (
    EPHEMERAL_DH,
    Asked,
    asked,
    code_of,
    codes_of,
    is_left,
    no_road,
    not_settled,
    spoken,
    told,
    version,
)

_FULL = Needs(full=True)
_OLDER = ("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2")  # in which a server chooses its own Diffie-Hellman group
# A server has one group for all suites of a kind, so that one suite of each tells. OpenSSL, for one, takes another for
# those without a certificate (ssl_get_auto_dh), and RFC 2246 section 7.4.3 bounds those for export.
_EXPORT = frozenset(code for code in EPHEMERAL_DH if "EXPORT" in SUITES[code])
_ANONYMOUS = frozenset(code for code in EPHEMERAL_DH if "_DH_anon_" in SUITES[code]) - _EXPORT
_BY_KIND = (EPHEMERAL_DH - _EXPORT - _ANONYMOUS, _ANONYMOUS, _EXPORT)
_KINDS = tuple(map(codes_of, _BY_KIND))
_FFDHE = {int(name.removeprefix("ffdhe")): code for code, name in SELECTABLE_GROUPS.items() if name.startswith("ffdhe")}
Patterns = Annotated[list[str], msgspec.Meta(min_length=1)]


# The server's own Diffie-Hellman groups


def _short_groups(bits: int) -> frozenset[int]:
    """The groups of TLS 1.3 that are shorter; RFC 7919 has none under 2048 bits."""
    return frozenset(code for size, code in _FFDHE.items() if size < bits)


@kind(
    "tls.min_dh_bits",
    Annotated[int, msgspec.Meta(ge=1, le=65536)],
    says="No Diffie-Hellman group over a prime of fewer bits is used in any TLS version.",
    example="2048",
    needs=lambda value: needs_of("suites", *_BY_KIND, enough=1, each=1) | needs_of("groups", _short_groups(value)),
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
    if open_ := dict.fromkeys(_sizes_open(result, value)):
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
        _(
            "{said}: {words}", said=name, words=_(", ").join((suite.name, _("{bits} bits", bits=suite.dh_bits)))
        ): suite.dh_bits
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
    short = _short_groups(value)
    relevant = [*_OLDER, *(["TLSv1.3"] if short else [])]
    unknown = {name: each for name in relevant if (each := version(result, name)).state == "unknown"}
    found = [not_settled(unknown)] if unknown else []
    found += [words for name in _OLDER for words in _own_groups_open(name, result)]
    known = asked("groups", "TLSv1.3", result)
    if version(result, "TLSv1.3").state == "accepted" and known.left(codes_of(short)):
        found.append(_open("TLSv1.3", known))
    return found


def _own_groups_open(name: str, result: Result) -> Iterator[str]:
    """The same of the groups that a server chooses by itself, in one version that it serves."""
    if version(result, name).state != "accepted":
        return
    known = asked("suites", name, result)
    for codes in _KINDS:
        taken = [suite for code, suite in known.selected.items() if code in codes]
        if taken and not _is_size_seen(name, codes, result):
            yield _("{version}: the group that comes with {suite} was not seen", version=spoken(name), suite=taken[0])
        elif not taken and known.left(codes):
            yield _open(name, known)


def _open(name: str, known: Asked) -> str:
    how = stored(known.why_not or "not asked")
    return _("{version}: whether there is another group is not settled ({how})", version=spoken(name), how=how)


def _is_size_seen(name: str, codes: frozenset[str], result: Result) -> bool:
    """Whether a group was seen in a version, with a suite of these."""
    tls = result.tls if result.tls is not None else Tls()
    places = {f"{name} {suite}" for code, suite in SUITES.items() if code_of(code) in codes}
    if any(places.intersection(each.seen_in) for each in tls.dh_parameters):
        return True
    return any(each.dh_bits is not None and each.code.lower() in codes for each in tls.cipher_suites.get(name, []))


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
    words=lambda value: _("no signature like {patterns}", patterns=these(value)),
    validate=_valid_schemes,
)
def forbidden_schemes(value: list[str], result: Result) -> Finding:
    """Every scheme that it signed with, and that all others were refused."""
    signed = _schemes(result)
    observed = these(signed) or _("none")
    demand = _("no signature like {patterns}", patterns=these(value))
    evidence = tuple(_("{said}: {words}", said="TLSv1.2", words=name) for name in signed)
    if found := [name for name in signed if any(is_like(name, pattern) for pattern in value)]:
        seen = _("the server signs with {schemes}", schemes=these(found))
        message = _("{seen}; demanded: {demand}", seen=seen, demand=demand)
        return Finding(state="failed", message=message, observed=observed, evidence=evidence)
    verdict = version(result, "TLSv1.2")
    if verdict.state == "rejected":
        message = _("{version} is refused, and others show no signature", version=spoken("TLSv1.2"))
        shown = no_road(result) or (told("TLSv1.2", verdict),)
        return Finding(state="passed", message=message, observed=observed, evidence=shown)
    if verdict.state == "unknown":
        return Finding(state="unknown", message=not_settled({"TLSv1.2": verdict}), observed=observed)
    if (why := _schemes_open(result)) is not None:
        return Finding(state="unknown", message=why, observed=observed, evidence=evidence)
    message = _("no signature is like {patterns}", patterns=these(value))
    return Finding(state="passed", message=message, observed=observed, evidence=evidence)


def _schemes(result: Result) -> list[str]:
    """What the server signed with, by name."""
    if result.tls is None:
        return []
    answers = (each.scheme.name for each in result.tls.answered.values() if each.scheme is not None)
    return list(dict.fromkeys([*(each.name for each in result.tls.signature_schemes), *answers]))


def _schemes_open(result: Result) -> str | None:
    """Why there may be a signature that was not seen, where TLS 1.2 is served."""
    if result.tls is None or result.tls.features is None:
        return _("not every signature scheme was asked for: --depth full")
    return _("not every signature scheme was settled") if is_left("TLSv1.2", "schemes", result.tls) else None
