"""What a server would serve of TLS with other versions, suites or groups. Pure.

Each function alters a copy of a result in place, so that its facts agree with each other, and adds sentences on what
nobody can tell yet. What is taken away is known to be gone; what takes its place is known only where it was seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from probe.language import _
from probe.result import Registered, Result, Tls, TlsAnswer, TlsHandshake, Verdict
from probe.verify import selectors
from probe.verify.what_if_language import VERSIONS

_TLS_BASED = ("SSL", "HYBRID", "HYBRID_EX", "RDSTLS", "RDSAAD")
_ACCEPTED = Verdict(state="accepted")
_NO_VERSION = "alert protocol_version"
_NO_SUITE = "alert handshake_failure"
_OF_SUITES = (_NO_SUITE, "alert insufficient_security")  # a refusal that is no word on the version
_NOT_ASKED = "not asked"
_NOT_SERVED = "cipher suites that are not served today"  # in `unsettled`: a suite of a client may be among them
NEWEST_FIRST = VERSIONS[::-1]

Keep = Callable[[str, Registered], bool]  # whether a suite or a group stays in a version, "TLSv1.2"


def section_of(result: Result, notes: list[str]) -> Tls | None:
    """The TLS section to be altered; an empty one where TLS is accepted and was not looked at."""
    if result.tls is None:
        protocols = result.negotiation.protocols if result.negotiation is not None else {}
        if not any(name in protocols and protocols[name].state == "accepted" for name in _TLS_BASED):
            notes.append(_("TLS is not known to be served today, so what a setting of TLS would change is not known"))
            return None
        result.tls = Tls()
    return result.tls


def serves(tls: Tls, version: str) -> bool:
    """Whether a version is known to be served."""
    verdict = tls.versions.get(version)
    seen = bool(tls.cipher_suites.get(version)) or version in tls.answered
    return seen or (verdict is not None and verdict.state == "accepted")


def set_least(result: Result, version: str, notes: list[str]) -> None:
    """No version older than this one."""
    _bound(result, VERSIONS[VERSIONS.index(version) :], version, notes)


def set_most(result: Result, version: str, notes: list[str]) -> None:
    """No version newer than this one."""
    _bound(result, VERSIONS[: VERSIONS.index(version) + 1], version, notes)


def set_versions(result: Result, versions: Sequence[str], notes: list[str]) -> None:
    """These versions and no others."""
    if (tls := section_of(result, notes)) is not None:
        _serve_only(result, tls, versions)
        _hope_for(tls, [version for version in versions if not serves(tls, version)], notes)
        _agree(tls)


def _bound(result: Result, kept: Sequence[str], bound: str, notes: list[str]) -> None:
    """A limit turns nothing on, unless nothing would be left: then it would be the version that it names."""
    tls = section_of(result, notes)
    if tls is None:
        return
    _serve_only(result, tls, kept)
    hoped = [version for version in kept if version.startswith("TLS") and not _is_settled(tls, version)]
    if not hoped and not any(serves(tls, version) for version in kept):
        hoped = [bound]
    _hope_for(tls, hoped, notes)
    _agree(tls)


def _is_settled(tls: Tls, version: str) -> bool:
    verdict = tls.versions.get(version)
    return serves(tls, version) or (verdict is not None and verdict.state == "rejected")


def _hope_for(tls: Tls, versions: Iterable[str], notes: list[str]) -> None:
    """Versions that were not seen to be served: nobody knows whether they would be, and with what."""
    for version in versions:
        verdict = tls.versions.get(version)
        if verdict is not None and verdict.state == "rejected":
            notes.append(_("{version} is not served today, and whether it would be is not known", version=version))
        else:
            notes.append(_("whether {version} is served is not known today", version=version))
        today = verdict.reason if verdict is not None and verdict.reason is not None else _NOT_ASKED
        tls.versions[version] = Verdict(state="unknown", reason=today)
    _sort(tls)


def _sort(tls: Tls) -> None:
    tls.versions = {name: tls.versions[name] for name in (*NEWEST_FIRST, *tls.versions) if name in tls.versions}


def _serve_only(result: Result, tls: Tls, kept: Iterable[str]) -> None:
    """Turn every other version off."""
    staying = [version for version in NEWEST_FIRST if version in set(kept) and serves(tls, version)]
    for version in NEWEST_FIRST:
        if version not in set(kept):
            _turn_off(tls, version, staying)
    _sort(tls)
    staying_chains = [chain for chain in result.certificates if not chain.served_to or set(chain.served_to) & set(kept)]
    if staying_chains:
        result.certificates = staying_chains
        for chain in staying_chains:
            chain.served_to = [version for version in chain.served_to if version in set(kept)]


def _turn_off(tls: Tls, version: str, staying: Sequence[str]) -> None:
    """As servers answer a hello for a version that they do not have: with an older one, or by an alert."""
    verdict = tls.versions.get(version)
    older = [each for each in staying if VERSIONS.index(each) < VERSIONS.index(version)]
    instead = f"answered {older[0]}" if older and version != "TLSv1.3" else _NO_VERSION
    if serves(tls, version) or verdict is None or verdict.state == "unknown" or verdict.reason in _OF_SUITES:
        tls.versions[version] = Verdict(state="rejected", reason=instead)
    elif verdict.reason is not None and verdict.reason.removeprefix("answered ") in VERSIONS:
        tls.versions[version] = Verdict(state="rejected", reason=instead)  # by what may have been turned off too
    _forget(tls, version)


def _forget(tls: Tls, version: str) -> None:
    """What was seen in a version that is not served."""
    for by_version in (tls.answered, tls.cipher_suites, tls.order_by_version):
        by_version.pop(version, None)
    for group in tls.groups:
        group.versions = [each for each in group.versions if each != version]
    tls.groups = [group for group in tls.groups if group.versions]
    tls.trials = [trial for trial in tls.trials if trial.version != version]


def _agree(tls: Tls) -> None:
    """What follows for the rest of the section from the versions and suites that are left."""
    if tls.order_by_version:
        orders = set(tls.order_by_version.values())
        tls.server_order = orders.pop() if len(orders) == 1 else None
    names = [suite.name for suites in tls.cipher_suites.values() for suite in suites]
    if names and not any(name.startswith("TLS_DHE_") for name in names):
        tls.dh_parameters = []
    if tls.handshake is not None and not serves(tls, tls.handshake.version):
        _make_another(tls, tls.handshake)


def _make_another(tls: Tls, made: TlsHandshake) -> None:
    """The handshake in place of one that cannot be made: certificate and key are the same, so it goes as far."""
    tls.fingerprints = tls.handshake = None
    newest = next((version for version in NEWEST_FIRST if version in tls.answered), None)
    if newest is not None:
        answer = tls.answered[newest]
        tls.handshake = TlsHandshake(
            version=newest, cipher_suite=answer.cipher_suite, group=answer.group, complete=made.complete, over=made.over
        )


def set_suites(result: Result, chosen: Sequence[str], notes: list[str]) -> None:
    """Of the suites that are served only those that these select."""
    codes = frozenset(f"0x{code:04x}" for code in selectors.all_of("suites", chosen))
    tls = section_of(result, notes)
    if tls is None:
        return
    seen = {suite.code.lower() for suite in _seen_suites(tls)}
    for selector in chosen:
        if seen.isdisjoint(f"0x{code:04x}" for code in selectors.suites(selector)):
            notes.append(_("no suite that {selector} selects was seen today", selector=selector))
            leave(tls, f"{_NOT_SERVED}: {selector}")
    keep_suites(tls, lambda _version, suite: suite.code.lower() in codes, notes)


def drop_suites(result: Result, chosen: Sequence[str], notes: list[str]) -> None:
    """The suites that are served without those that these select."""
    codes = frozenset(f"0x{code:04x}" for code in selectors.all_of("suites", chosen))
    if (tls := section_of(result, notes)) is not None:
        keep_suites(tls, lambda _version, suite: suite.code.lower() not in codes, notes)


def _seen_suites(tls: Tls) -> Iterable[Registered]:
    yield from (suite for suites in tls.cipher_suites.values() for suite in suites)
    yield from (answer.cipher_suite for answer in tls.answered.values())
    yield from (suite for trial in tls.trials if trial.kind == "suites" for suite in trial.selected)


def leave(tls: Tls, words: str) -> None:
    """Name something that is not settled."""
    if words not in tls.unsettled:
        tls.unsettled.append(words)


def keep_suites(tls: Tls, keep: Keep, notes: list[str]) -> None:
    """Take away the suites that are not to be kept. A version without any is not served."""
    for version in NEWEST_FIRST:
        if serves(tls, version):
            _keep_in(tls, version, keep, notes)
    for trial in tls.trials:
        if trial.kind == "suites" and not all(keep(trial.version, suite) for suite in trial.selected):
            trial.selected = [suite for suite in trial.selected if keep(trial.version, suite)]
            trial.state = trial.state if trial.selected else "rejected"
    made = tls.handshake
    if made is not None and not keep(made.version, made.cipher_suite):
        _make_another(tls, made)
    _agree(tls)


def _keep_in(tls: Tls, version: str, keep: Keep, notes: list[str]) -> None:
    listed, answer = tls.cipher_suites.get(version), tls.answered.get(version)
    left = [suite for suite in listed or _tried(tls, version) if keep(version, suite)]
    if listed:
        tls.cipher_suites[version] = [suite for suite in listed if keep(version, suite)]
    made = tls.handshake.cipher_suite if tls.handshake is not None and tls.handshake.version == version else None
    known = answer.cipher_suite if answer is not None else made
    if left and (known is None or not keep(version, known)):
        tls.answered[version] = _answer(tls, version, left[0], answer)
    elif not left and (listed or (known is not None and not keep(version, known))):
        others = _("which other suites {version} has is not known today: --depth full", version=version)
        all_known = bool(listed) and not is_left(tls, version, "suite")
        end(tls, version, notes, None if all_known else others)


def _tried(tls: Tls, version: str) -> list[Registered]:
    of_version = [trial for trial in tls.trials if trial.kind == "suites" and trial.version == version]
    return [suite for trial in of_version for suite in trial.selected]


def needs_group(suite: str) -> bool:
    """By its name: ECDHE up to TLS 1.2, and all of TLS 1.3, whose suites name no key exchange."""
    return "_ECDHE_" in suite or "_WITH_" not in suite


def _answer(tls: Tls, version: str, suite: Registered, before: TlsAnswer | None) -> TlsAnswer:
    """What would be selected in place of a suite that is gone: the next that was seen, with the same group."""
    groups: list[Registered | None] = [before.group if before is not None else None]
    groups += [group for group in tls.groups if version in group.versions]
    group = next((each for each in groups if each is not None), None) if needs_group(suite.name) else None
    plain = Registered(code=suite.code, name=suite.name)
    shown = Registered(code=group.code, name=group.name) if group is not None else None
    return TlsAnswer(cipher_suite=plain, group=shown)


def end(tls: Tls, version: str, notes: list[str], unknown: str | None) -> None:
    """Nothing that was seen in a version is left: it is not served, unless a sentence says what is not known of it."""
    _forget(tls, version)
    if unknown is None:
        tls.versions[version] = Verdict(state="rejected", reason=_NO_SUITE)
    else:
        tls.versions[version] = Verdict(state="unknown", reason=_NOT_ASKED)
        notes.append(unknown)
    _sort(tls)


def is_left(tls: Tls, version: str, what: str) -> bool:
    """Whether something of this kind was not settled in this version, or in one that is not named."""
    left = [words for words in tls.unsettled if what in words]
    return any(version in words or not any(each in words for each in VERSIONS) for words in left)
