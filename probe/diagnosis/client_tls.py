"""Whether a client's TLS and a server's meet: version, cipher suite, group, signature, certificate.

A hello of the audit that was turned away offered all that current clients have, so what turned it away turns them away
too. What was never asked is not known: a client that has none of the suites that were seen may still find another.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from probe.clients.profile import ClientProfile, TlsProfile
from probe.diagnosis import rules_certificate as rules
from probe.diagnosis.client_walk import Outcome, fails, missing
from probe.diagnosis.stored import stored
from probe.language import _
from probe.result import Registered, Result, Tls

NAMES = {0x0304: "TLSv1.3", 0x0303: "TLSv1.2", 0x0302: "TLSv1.1", 0x0301: "TLSv1.0", 0x0300: "SSLv3"}
_CURRENT = ("TLSv1.3", "TLSv1.2")
_OF_ITS_SUITES = ("alert handshake_failure", "alert insufficient_security")  # a refusal that is no word on the version
# What clients offer and no hello below depth full does: the audit asks for what current clients have in common.
NOT_USUALLY_ASKED = frozenset(
    f"0x{code:04x}"
    for code in (
        *(0x0003, 0x0006, 0x0009, 0x0012, 0x0013, 0x0032, 0x0038, 0x0040, 0x0062, 0x0063, 0x0064, 0x006A),
        *(0xC09C, 0xC09D, 0xC09E, 0xC09F, 0xC0AC, 0xC0AD),
    )
)
_OFFERING_TLS13 = "TLSv1.3 offered"  # what `tls.intolerance` calls a hello with TLS 1.3 and 1.2


@dataclass(frozen=True, slots=True)
class _Shared:
    """What a client and a server have in common in one version, of one kind."""

    found: bool | None  # None: not known
    names: tuple[str, ...] = ()
    because: str = ""


def handshake(profile: ClientProfile, result: Result) -> Outcome:
    """The TLS handshake of a client, up to what it refuses a certificate for."""
    tls, client = result.tls, profile.tls
    if client is None:
        return fails("tls", "TLS_REQUIRED", _("it has no TLS"))
    if tls is None:
        return missing("tls", _("TLS was not tried"))
    outcome = _handshake(client, tls)
    if outcome.connects:
        outcome = certificate(profile, result, outcome)
    if outcome.connects is False and not client.documented and any(_serves(name, tls) for name in NAMES.values()):
        return replace(outcome, connects=None, code=None, because=_("its TLS is not documented"))
    return outcome


def _handshake(client: TlsProfile, tls: Tls) -> Outcome:
    if (dropped := _dropped(client, tls)) is not None:
        return dropped
    for code in client.versions:
        name = NAMES[code]
        serves = _serves(name, tls)
        if serves is None or (not serves and _may_have_others(client, name, tls)):
            return missing("tls", _not_known(name, tls))
        if serves:
            unusable = code in client.unusable
            return _given_up(name, tls) if unusable else replace(_within(name, client, tls), version=name)
    some = [NAMES[code] for code in client.maybe if _serves(NAMES[code], tls) is not False]
    if some:
        return missing("tls", _("only some of its builds have {versions}", versions=_(", ").join(some)))
    return _no_version(client, tls)


def _serves(name: str, tls: Tls) -> bool | None:
    """Whether the server has a version: a suite that was found in it counts for more than a hello turned away."""
    if tls.cipher_suites.get(name) or name in tls.answered:
        return True
    verdict = tls.versions.get(name)
    if verdict is None or verdict.state == "unknown":
        return None
    return verdict.state == "accepted"


def _may_have_others(client: TlsProfile, name: str, tls: Tls) -> bool:
    """Turned away for its suites, and this client has some that were not in that hello. At depth full all were."""
    of_suites = tls.versions[name].reason in _OF_ITS_SUITES and not _is_full(tls)
    return of_suites and not NOT_USUALLY_ASKED.isdisjoint(_codes(client.suites))


def _is_full(tls: Tls) -> bool:
    return tls.features is not None


def _not_known(name: str, tls: Tls) -> str:
    verdict = tls.versions.get(name)
    if verdict is None:
        return _("{version} was not asked for", version=name)
    if verdict.state == "rejected":
        return _("other cipher suites of {version} were not asked for: --depth full", version=name)
    return _("{version} is not settled: {how}", version=name, how=stored(verdict.reason or verdict.ending or "unknown"))


def _dropped(client: TlsProfile, tls: Tls) -> Outcome | None:
    """A server that drops hellos with TLS 1.3, and this client's is one. Clients send no hello of many packets."""
    if not (0x0304 in client.versions and 0x0303 in client.versions):
        return None
    dropped = {each.hello: each for each in tls.intolerance}
    if (of_tls13 := dropped.get(_OFFERING_TLS13)) is not None:
        return fails("tls", "TLS_INTOLERANT", f"{stored(of_tls13.hello)}: {stored(of_tls13.ending)}")
    if any(words.startswith(_OFFERING_TLS13) for words in dropped):
        return missing("tls", _("a large hello with TLS 1.3 was dropped, and no small one was tried"))
    return None


def _given_up(name: str, tls: Tls) -> Outcome:
    served = _(", ").join(each for each in NAMES.values() if _serves(each, tls))
    because = _("the server has {served}, and the client ends what is older than TLS 1.2", served=served)
    return replace(fails("tls", "TLS_NO_COMMON_VERSION", because), version=name)


def _no_version(client: TlsProfile, tls: Tls) -> Outcome:
    served = [name for name in NAMES.values() if _serves(name, tls)]
    own = _(", ").join(NAMES[code] for code in client.versions)
    if not served:
        reasons = {verdict.reason or verdict.state for verdict in tls.versions.values()}
        is_old = reasons == {"alert protocol_version"}
        code = "TLS_NO_COMMON_VERSION" if is_old else "TLS_HANDSHAKE_ABORTED"
        because = _("no hello was answered: {how}", how=_(", ").join(map(stored, sorted(reasons))))
        return replace(fails("tls", code, because), nothing_served=True)
    code = "TLS_MODERN_ONLY" if served == ["TLSv1.3"] else "TLS_NO_COMMON_VERSION"
    return fails("tls", code, _("the server has {served}, the client {own}", served=_(", ").join(served), own=own))


def _within(name: str, client: TlsProfile, tls: Tls) -> Outcome:
    """The rest of the handshake, in the version that both prefer."""
    suites = _suites(name, client, tls)
    if suites.found is False:
        return fails("tls", "TLS_NO_SHARED_CIPHER", suites.because)
    if suites.found is None:
        return missing("tls", suites.because)
    group = _groups(name, suites.names, client, tls)
    if group.found is False:
        return fails("tls", "TLS_NO_SHARED_CIPHER", group.because)
    signature = _schemes(name, suites.names, client, tls)
    if signature.found is False:
        return fails("tls", "TLS_NO_SHARED_CIPHER", signature.because)
    for shared in (group, signature):
        if shared.found is None:
            return missing("tls", shared.because)
    chosen = _chosen(name, suites, tls)
    if (short := short_group(client, [chosen] if chosen is not None else suites.names, tls)) is not None:
        return short
    if tls.handshake is None or not tls.handshake.complete:
        return missing("tls", _("no handshake was completed"))
    because = _("{version} is accepted, with {suite}", version=name, suite=suites.names[0])
    return Outcome(connects=True, because=because, cipher_suite=chosen)


def _suites(name: str, client: TlsProfile, tls: Tls) -> _Shared:
    """The suites that both have, in the order of whose choice it is."""
    own = _codes(client.suites)
    listed = tls.cipher_suites.get(name)
    if listed:
        shared = [suite for suite in listed if suite.code.lower() in own]
        if tls.order_by_version.get(name) is False:
            shared.sort(key=lambda suite: own.index(suite.code.lower()))
        if shared:
            return _Shared(found=True, names=tuple(suite.name for suite in shared))
        if _is_left(name, "suite", tls):
            return _Shared(found=None, because=_("not all cipher suites of {version} were settled", version=name))
        suites = _(", ").join(suite.name for suite in listed[:3])
        return _Shared(
            found=False, because=_("{version} has {suites} and none of its own", version=name, suites=suites)
        )
    seen: list[Registered] = [answer.cipher_suite] if (answer := tls.answered.get(name)) is not None else []
    seen += [tls.handshake.cipher_suite] if tls.handshake is not None and tls.handshake.version == name else []
    if proven := tuple(dict.fromkeys(suite.name for suite in seen if suite.code.lower() in own)):
        return _Shared(found=True, names=proven)
    return _Shared(found=None, because=_("cipher suites of {version} were not asked: --depth full", version=name))


def _groups(name: str, suites: Sequence[str], client: TlsProfile, tls: Tls) -> _Shared:
    """The groups that both have, where all suites that they share need one."""
    if not all(_needs_group(suite) for suite in suites):
        return _Shared(found=True)
    own = _codes(client.groups) or _codes((0x0017, 0x0018, 0x0019))  # RFC 8422 4: any will do; these are usual
    of_version = [group for group in tls.groups if name in group.versions]
    seen: list[Registered] = [*of_version, *_told(name, tls)]
    if any(group.code.lower() in own for group in seen):
        return _Shared(found=True)
    if of_version and not _is_left(name, "group", tls):
        groups = _(", ").join(group.name for group in of_version)
        return _Shared(
            found=False, because=_("{version} uses {groups} and none of its own", version=name, groups=groups)
        )
    return _Shared(found=None, because=_("groups of {version} were not asked: --depth full", version=name))


def _told(name: str, tls: Tls) -> list[Registered]:
    answer = tls.answered.get(name)
    made = tls.handshake if tls.handshake is not None and tls.handshake.version == name else None
    return [each.group for each in (answer, made) if each is not None and each.group is not None]


def _needs_group(suite: str) -> bool:
    """By its name: ECDHE up to TLS 1.2, and all of TLS 1.3, whose suites name no key exchange."""
    return "_ECDHE_" in suite or "_WITH_" not in suite


def _schemes(name: str, suites: Sequence[str], client: TlsProfile, tls: Tls) -> _Shared:
    """The signature of TLS 1.2. Without signature_algorithms a server signs with SHA-1, RFC 5246 7.4.1.4.1."""
    if name != "TLSv1.2" or not all("_ECDHE_" in suite or "_DHE_" in suite for suite in suites):
        return _Shared(found=True)
    own = _codes(client.schemes) or _codes((0x0201, 0x0203))
    answer = tls.answered.get(name)
    seen = [*tls.signature_schemes, *([answer.scheme] if answer is not None and answer.scheme is not None else [])]
    if not seen or any(scheme.code.lower() in own for scheme in seen):
        return _Shared(found=True)
    if tls.signature_schemes and not _is_left(name, "signature", tls):
        schemes = _(", ").join(scheme.name for scheme in tls.signature_schemes)
        because = _("{version} signs with {schemes} and none of its own", version=name, schemes=schemes)
        return _Shared(found=False, because=because)
    return _Shared(found=None, because=_("signature schemes were not asked: --depth full"))


def short_group(client: TlsProfile, suites: Sequence[str], tls: Tls) -> Outcome | None:
    """A Diffie-Hellman group of the server's own that is too short for the client, in the suite that is selected."""
    needing = [suite for suite in suites if suite.startswith("TLS_DHE_")]
    short = sorted({each.bits for each in tls.dh_parameters if each.bits < client.least_dh_bits})
    if not needing or not short:
        return None
    bits = _(", ").join(map(str, short))
    because = _("the server's Diffie-Hellman group has {bits} bits, too few for the client", bits=bits)
    if len(needing) == len(suites) and all(each.bits < client.least_dh_bits for each in tls.dh_parameters):
        return fails("tls", "TLS_WEAK_CIPHER", because)
    return missing("tls", _("{because}, and whether it is used is not known", because=because))


def _chosen(name: str, suites: _Shared, tls: Tls) -> str | None:
    """The suite, where it is known whose order decides, or there is only one."""
    if name not in tls.cipher_suites:
        return None
    return suites.names[0] if len(suites.names) == 1 or name in tls.order_by_version else None


def _is_left(name: str, what: str, tls: Tls) -> bool:
    """Whether something of this kind was not settled in this version, or in one that is not named."""
    left = [words for words in tls.unsettled if what in words]
    return any(name in words or not any(each in words for each in NAMES.values()) for words in left)


def _codes(numbers: Collection[int]) -> tuple[str, ...]:
    return tuple(f"0x{number:04x}" for number in numbers)


def certificate(profile: ClientProfile, result: Result, met: Outcome) -> Outcome:
    """What it refuses whatever the user says: warnings are for the user to answer, and no failure."""
    demands = profile.certificate
    leaves = [chain.chain[0] for chain in result.certificates if chain.chain]
    if demands.trusted and (doubt := _distrusted(result)) is not None:
        return replace(doubt, version=met.version, cipher_suite=met.cipher_suite)
    for leaf in leaves if len(leaves) == 1 else []:
        if demands.key_types and leaf.key is not None and leaf.key.type not in demands.key_types:
            return replace(met, connects=False, stage="certificate", code=None, because=f"{leaf.key.type}")
        if leaf.key is not None and leaf.key.type == "RSA" and (leaf.key.bits or 0) < demands.least_rsa_bits:
            because = _("its certificate's key has {bits} bits", bits=leaf.key.bits or 0)
            return replace(met, connects=False, stage="certificate", code="CERT_WEAK_KEY", because=because)
        if leaf.signature_algorithm is not None and leaf.signature_algorithm in demands.signatures:
            because = _("its certificate is signed with {algorithm}", algorithm=leaf.signature_algorithm)
            return replace(met, connects=False, stage="certificate", code="CERT_WEAK_SIGNATURE", because=because)
    return met


def _distrusted(result: Result) -> Outcome | None:
    """What a client that asks nobody says of a certificate, as the diagnoses do; None where it is trusted."""
    served = result.certificates
    if len(served) != 1 or not served[0].chain:
        return missing("certificate", _("which certificate it is shown is not known"))
    if any(rules.cert_self_signed(result)):
        return fails("certificate", "CERT_SELF_SIGNED", _("the certificate is self-signed"))
    if any(rules.cert_expired(result)) or (served[0].days_left or 0) < 0:
        return fails("certificate", "CERT_EXPIRED", _("the certificate has expired"))
    if any(rules.cert_not_yet_valid(result)):
        return fails("certificate", "CERT_NOT_YET_VALID", _("the certificate is not valid yet"))
    if served[0].name_match is False:
        return fails("certificate", "CERT_NAME_MISMATCH", _("the certificate is for another name"))
    if served[0].trust is None or served[0].trust.verdict != "trusted" or served[0].name_match is None:
        return missing("certificate", _("whether its store verifies the certificate is not known"))
    return None
