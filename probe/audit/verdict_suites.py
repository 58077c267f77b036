"""From the answers of an enumeration to what the server agrees on: suites in its order, groups, schemes. Depth full.

What was selected is accepted, what was offered in vain is refused, and everything else stays unsettled and is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from probe.audit.chain import wants_share
from probe.audit.dh_groups import describe
from probe.audit.offers import ALL_GROUPS, ALL_SCHEMES, all_suites, groups_of, is_ecdhe, scheme_name
from probe.audit.outcome import Outcome, group_of, key_exchange, outcome, scheme_of
from probe.audit.reading import Reading
from probe.handshake.client_hello import USUAL_GROUPS, USUAL_SCHEMES, Offer
from probe.handshake.ssl2_hello import KINDS
from probe.result import CipherSuite, DhParameters, Group, Registered
from probe.wire.iana import GROUPS
from probe.wire.ssl2 import cipher_kind_name
from probe.wire.tls_key_exchange import DheParameters
from probe.wire.tls_suites import suite_name
from probe.wire.tls_version import SSL2, SSL3, TLS10, TLS11, TLS12, TLS13, version_name

_VERSIONS = (TLS13, TLS12, TLS11, TLS10, SSL3)


def answers(readings: Iterable[Reading]) -> list[Reading]:
    """Those in which a server agreed to a hello of ours, or completed a handshake of our library's.

    One for another name counts where the certificate is one that the usual name was shown; else it may be of another
    server behind the same address.
    """
    agreed = [
        reading
        for reading in readings
        if reading.server_hello is not None
        and (_is_complete(reading) if reading.question.hello is None else outcome(reading) is Outcome.AGREED)
    ]
    shown = {reading.chain for reading in agreed if not reading.question.other_name}
    return [reading for reading in agreed if not reading.question.other_name or reading.chain in shown]


def _is_complete(reading: Reading) -> bool:
    """A handshake was completed; or it was captured without its hello, which is not judged then."""
    return reading.secured is not None or reading.question.joined


def _in_version(version: int, agreed: Iterable[Reading]) -> list[Reading]:
    return [reading for reading in agreed if reading.answers_version(version)]


def _suites(agreed: Iterable[Reading]) -> set[int]:
    return {reading.server_hello.cipher_suite for reading in agreed if reading.server_hello is not None}


# Suites


def cipher_suites(readings: Sequence[Reading]) -> dict[str, list[CipherSuite]]:
    """Every suite that was selected, by version, in the server's order where it showed one."""
    agreed, by_version = answers(readings), orders(readings)
    found = {}
    for version in _VERSIONS:
        within = _in_version(version, agreed)
        if within:
            ours = by_version.get(version_name(version)) is False
            codes = _in_our_order(version, _suites(within)) if ours else _ordered(version, within)
            found[version_name(version)] = [_suite(code, within) for code in codes]
    if kinds := _ssl2_kinds(readings):
        found[version_name(SSL2)] = [CipherSuite(code=f"0x{kind:06x}", name=cipher_kind_name(kind)) for kind in kinds]
    return found


def _ssl2_kinds(readings: Iterable[Reading]) -> list[int]:
    """What SSL 2.0 servers have of what was offered, in the order in which they say it."""
    said = [
        kind
        for reading in readings
        if reading.ssl2_hello is not None and outcome(reading) is Outcome.AGREED
        for kind in reading.ssl2_hello.cipher_specs
    ]
    return [kind for kind in dict.fromkeys(said) if kind in KINDS]


def _suite(code: int, within: Iterable[Reading]) -> CipherSuite:
    sizes = [
        parameters.bits
        for reading in within
        if reading.server_hello is not None
        and reading.server_hello.cipher_suite == code
        and isinstance(parameters := key_exchange(reading), DheParameters)
    ]
    return CipherSuite(code=f"0x{code:04x}", name=suite_name(code), dh_bits=min(sizes, default=None))


def _in_our_order(version: int, accepted: set[int]) -> list[int]:
    known = all_suites(version)
    return [*(suite for suite in known if suite in accepted), *sorted(accepted.difference(known))]


def _ordered(version: int, within: Sequence[Reading]) -> list[int]:
    """The suites of one version: each before all that it was preferred to, else in our order."""
    accepted = _suites(within)
    left = _in_our_order(version, accepted)
    preferred = _preferences(within, accepted)
    ordered = []
    while left:
        first = next((one for one in left if not any(one in preferred.get(other, ()) for other in left)), left[0])
        ordered.append(first)
        left.remove(first)
    return ordered


def _preferences(within: Iterable[Reading], accepted: set[int]) -> dict[int, set[int]]:
    """For each suite the accepted ones that were offered beside it when it was selected."""
    preferred: dict[int, set[int]] = {}
    for offer, picked in _choices(within):
        preferred.setdefault(picked, set()).update(accepted.intersection(offer.suites) - {picked})
    return preferred


def _choices(within: Iterable[Reading]) -> Iterable[tuple[Offer, int]]:
    """Answers in which the suites alone decided: in TLS 1.3 always; in SSLv2's form never, for it has no groups."""
    for reading in within:
        offer, hello = reading.question.hello, reading.server_hello
        if offer is None or hello is None or reading.question.framed:
            continue
        if is_open(offer) or offer.version >= TLS13:
            yield offer, hello.cipher_suite


def is_open(offer: Offer) -> bool:
    """It offers every usual group and scheme, so that they are no reason to refuse or avoid a suite."""
    return set(USUAL_GROUPS) <= set(offer.groups) and set(USUAL_SCHEMES) <= set(offer.schemes)


def orders(readings: Sequence[Reading]) -> dict[str, bool]:
    """Whose order decides in each version: True the server's, False the client's; absent where that cannot be told."""
    agreed = answers(readings)
    found = {}
    for version in _VERSIONS:
        within = _in_version(version, agreed)
        accepted = _suites(within)
        preferred = _preferences(within, accepted)
        by_server = not any(one in preferred.get(other, ()) for one in preferred for other in preferred[one])
        by_client = all(
            picked == next(suite for suite in offer.suites if suite in accepted) for offer, picked in _choices(within)
        )
        if by_server is not by_client:
            found[version_name(version)] = by_server
    return found


# Groups and signature schemes


def groups(readings: Sequence[Reading]) -> list[Group]:
    """Every group that was used, with the versions in which it was."""
    found: dict[int, list[str]] = {}
    for reading in answers(readings):
        group = group_of(reading)
        if group is None or reading.server_hello is None:
            continue
        versions = found.setdefault(group, [])
        name = version_name(reading.server_hello.selected_version)
        if name not in versions:
            versions.append(name)
    order = [*(group for group in ALL_GROUPS if group in found), *(group for group in found if group not in ALL_GROUPS)]
    return [
        Group(code=f"0x{group:04x}", name=GROUPS.get(group, f"0x{group:04x}"), versions=sorted(found[group]))
        for group in order
    ]


def signature_schemes(readings: Sequence[Reading]) -> list[Registered]:
    """Every scheme that the server signed with in TLS 1.2."""
    found = dict.fromkeys(scheme for reading in answers(readings) if (scheme := scheme_of(reading)) is not None)
    return [Registered(code=f"0x{scheme:04x}", name=scheme_name(scheme)) for scheme in sorted(found)]


def dh_parameters(readings: Sequence[Reading]) -> list[DhParameters]:
    """Every Diffie-Hellman group that the server chose by itself, each once."""
    found: dict[tuple[bytes, bytes], DhParameters] = {}
    for reading in answers(readings):
        parameters, hello = key_exchange(reading), reading.server_hello
        if isinstance(parameters, DheParameters) and hello is not None:
            described = found.setdefault((parameters.p, parameters.g), describe(parameters))
            place = f"{version_name(hello.selected_version)} {suite_name(hello.cipher_suite)}"
            described.seen_in = sorted({*described.seen_in, place})
    return list(found.values())


# What is left


def credible(readings: Sequence[Reading]) -> list[Reading]:
    """Without the refusals after the last agreement, where the hello made once more at the end was refused too."""
    control = [reading for reading in readings if reading.question.control]
    if not control or outcome(control[-1]) is Outcome.AGREED:
        return list(readings)
    last = max((reading.number for reading in answers(readings)), default=0)
    return [reading for reading in readings if reading.number < last or outcome(reading) is not Outcome.REFUSED]


def says_no_to_all(reading: Reading, offer: Offer) -> bool:
    """Refused, and for nothing but the suites, groups and schemes in it."""
    other_reason = offer.fallback or not reading.question.has_usual_name or wants_share(reading)
    return outcome(reading) is Outcome.REFUSED and not other_reason


def unsettled(readings: Sequence[Reading]) -> list[str]:
    """What was to be found out and was not, in words."""
    agreed = answers(readings)
    refused = [
        offer
        for reading in readings
        if (offer := reading.question.hello) is not None and says_no_to_all(reading, offer)
    ]
    words = []
    newest_older = next((version for version in (TLS12, TLS11, TLS10) if _in_version(version, agreed)), None)
    for version in _VERSIONS:
        within = _in_version(version, agreed)
        if not within:
            continue
        of_version = [offer for offer in refused if offer.version == version]
        accepted = _suites(within)
        suites = set(all_suites(version)) - accepted
        for offer in of_version:
            # What was refused together with an accepted suite was refused for another reason.
            suites -= set(offer.suites) if is_open(offer) and accepted.isdisjoint(offer.suites) else set()
        words += _count(version, len(suites), "cipher suites")
        of_known = [offer for offer in of_version if set(offer.suites) <= accepted]
        if version >= TLS13 or (version == newest_older and any(map(is_ecdhe, accepted))):
            groups_left = set(groups_of(version)) - {group_of(reading) for reading in within}
            groups_left -= {
                group for offer in of_known if set(USUAL_SCHEMES) <= set(offer.schemes) for group in offer.groups
            }
            words += _count(version, len(groups_left), "groups")
        if version == TLS12 and any(scheme_of(reading) is not None for reading in within):
            schemes_left = set(ALL_SCHEMES) - {scheme_of(reading) for reading in within}
            schemes_left -= {
                scheme for offer in of_known if set(USUAL_GROUPS) <= set(offer.groups) for scheme in offer.schemes
            }
            words += _count(version, len(schemes_left), "signature schemes")
    return words


def _count(version: int, number: int, what: str) -> list[str]:
    return [f"{version_name(version)}: {number} {what} were neither selected nor refused"] if number else []
