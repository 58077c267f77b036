"""What proves the diagnoses of TLS."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence

from probe.diagnosis import catalogue_tls as catalogue
from probe.diagnosis import catalogue_tls_dropped as dropped
from probe.diagnosis.captures import one_connection
from probe.diagnosis.client_suites import CURRENT_SUITES, KNOWN_SUITES
from probe.diagnosis.rule import Cause, Evidence, finds
from probe.diagnosis.stored import stored
from probe.diagnosis.strength import (
    Weakness,
    weak_suites,
    weakest,
    weaknesses_of_dh,
    weaknesses_of_group,
    weaknesses_of_suite,
    weaknesses_of_version,
)
from probe.diagnosis.wording import both
from probe.language import _
from probe.result import CipherSuite, DhParameters, Registered, Result, Severity, Tls, Verdict

_CURRENT = ("TLSv1.2", "TLSv1.3")
_LEGACY = ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1")
_FOR_NO_CLIENT = {"SSLv2", "SSLv3"}  # that none of the clients in use speaks any more
_TOO_OLD = "alert protocol_version"
_MOST_NAMES = 4  # of suites in one piece of evidence
_OF_WINDOWS = (catalogue.SCHANNEL_KEY, catalogue.SCHANNEL_OFF)
_OF_XRDP = (catalogue.XRDP_KEY, catalogue.XRDP_SMALL_KEY, catalogue.XRDP_CIPHERS)
_OF_THE_WAY = (catalogue.PATH_SWALLOWS, catalogue.PATH_CUTS, catalogue.SERVICE_HANGS)
_OF_CLIENTS = (catalogue.CLIENT_TOO_OLD,)  # ruled out where a current client was refused, or we asked as one
_OF_SERVERS = (catalogue.NEVER_TAUGHT, catalogue.OFF_12, catalogue.XRDP_OLD_ONLY, catalogue.TOO_OLD)
_OF_CAPTURES = (*_OF_CLIENTS, catalogue.NEWER_ONLY)  # a live audit asks for every version
_WITH_OLDER = (catalogue.ALL_OFF, catalogue.XRDP_NO_VERSION, *_OF_CAPTURES)  # where an older version is accepted
_WITHOUT_ANY = (*_OF_SERVERS, *_OF_CAPTURES)
_BEFORE_12 = (catalogue.NEVER_TAUGHT, catalogue.TOO_OLD)  # ruled out where the server was made with TLS 1.2
_WITH_12 = ("Windows 8", "Windows 10", "Windows 11")
_NOT_ASKED = ("interrupted", "deadline", "refused", "filtered", "unreachable")  # ended before the server could answer


@finds(catalogue.TLS_HANDSHAKE_ABORTED, needs="tls")
def tls_handshake_aborted(result: Result) -> Iterator[Evidence]:
    """No hello was answered by a ServerHello, and not merely because its version is too old.

    On one connection of a capture too: handshake_failure says that no set of parameters was acceptable (RFC 8446 6.2),
    and that may be a suite, a group, a signature algorithm, or a key that the server cannot use, so that it proves
    nothing of suites alone (TLS_NO_SHARED_CIPHER); protocol_version does say which (TLS_NO_COMMON_VERSION).
    """
    versions = _asked(result)
    if versions.keys().isdisjoint(_CURRENT):  # older versions alone do not tell of every hello
        versions = _only_try(result)
    if _served(result) or all(verdict.reason == _TOO_OLD for verdict in versions.values()):
        return
    severity = _unless_rdp(result)
    likeliest, excludes = _pointed_at(versions, result.server.kind if result.server is not None else "unknown")
    for name, verdict in versions.items():
        how = verdict.reason or verdict.state
        said = _("{said}: {words}", said=name, words=stored(how))
        if verdict.ending is not None and verdict.ending != how:
            said = _("{name}: {how}, {ending}", name=name, how=stored(how), ending=stored(verdict.ending))
        yield Evidence(said=said, severity=severity, likeliest=likeliest, excludes=excludes)


@finds(catalogue.TLS_NO_COMMON_VERSION, needs="tls")
def tls_no_common_version(result: Result) -> Iterator[Evidence]:
    """TLS 1.2 and 1.3 were both turned away, for an older version or as versions; or all that one client has."""
    if one_connection(result) is not None:
        yield from _refused_versions(result)
        return
    versions = _asked(result)
    current = [versions.get(name, Verdict(state="unknown")) for name in _CURRENT]
    served = _served(result)
    if any(verdict.state != "rejected" for verdict in current) or not set(served).isdisjoint(_CURRENT):
        return
    if not served and any(verdict.reason != _TOO_OLD for verdict in versions.values()):
        return  # whatever is amiss there, it is not the version
    for name in _CURRENT:
        yield Evidence(
            said=_("{name}: rejected ({reason})", name=name, reason=stored(versions[name].reason or "")),
            excludes=_WITH_OLDER if served else _WITHOUT_ANY,
            severity=None if set(served) - _FOR_NO_CLIENT else _unless_rdp(result),
        )
    for name in served:
        yield Evidence(said=_("{name}: accepted", name=name))


def _refused_versions(result: Result) -> Iterator[Evidence]:
    """The versions of one client, where the server said by its alert that it has none of them."""
    refused = [name for name, verdict in _asked(result).items() if verdict.reason == _TOO_OLD]
    if not refused or _served(result):
        return
    summary = _("The server has no version of TLS that this client offers: {versions}.", versions=both(refused))
    current = not set(refused).isdisjoint(_CURRENT)
    release = result.server.release if result.server is not None else None
    excludes: tuple[Cause, ...] = (*_OF_SERVERS, catalogue.ALL_OFF, catalogue.XRDP_NO_VERSION, catalogue.NEWER_ONLY)
    if current:
        excludes = _OF_CAPTURES if "TLSv1.3" in refused else _OF_CLIENTS
        excludes += _BEFORE_12 if (release or "").startswith(_WITH_12) else ()
    likeliest = None if catalogue.NEWER_ONLY in excludes else catalogue.NEWER_ONLY
    for name in refused:
        said = _("{name}: rejected ({reason})", name=name, reason=stored(_TOO_OLD))
        yield Evidence(said=said, summary=summary, likeliest=likeliest, excludes=excludes)


@finds(catalogue.TLS_LEGACY_VERSION, needs="tls")
def tls_legacy_version(result: Result) -> Iterator[Evidence]:
    """TLS 1.1 or older, or SSL, was accepted."""
    served = [name for name in _LEGACY if name in _served(result)]
    for name in served:
        by = _("; ").join(str(weakness) for weakness in weaknesses_of_version(name))
        yield Evidence(said=_("{name}: accepted; {by}", name=name, by=by), facts={"versions": _(", ").join(served)})


@finds(catalogue.TLS_MODERN_ONLY, needs="tls")
def tls_modern_only(result: Result) -> Iterator[Evidence]:
    """TLS 1.3 was accepted and TLS 1.2 turned away."""
    older = _asked(result).get("TLSv1.2")
    served = _served(result)
    if older is not None and older.state == "rejected" and "TLSv1.3" in served and "TLSv1.2" not in served:
        yield Evidence(said=_("{name}: accepted", name="TLSv1.3"))
        yield Evidence(said=_("{name}: rejected ({reason})", name="TLSv1.2", reason=stored(older.reason or "")))


@finds(catalogue.TLS_NO_SHARED_CIPHER, needs="tls")
def tls_no_shared_cipher(result: Result) -> Iterator[Evidence]:
    """Every suite of every current version that is served is known, and no current client offers one of them."""
    if result.tls is None or result.lost is not None or _are_suites_left(result.tls):
        return
    served = {name: result.tls.cipher_suites.get(name, []) for name in _served(result)}
    current = {name: suites for name, suites in served.items() if name in _CURRENT}
    if not current or not all(current.values()) or _any_of(CURRENT_SUITES, current.values()):
        return
    severity = None if _any_of(KNOWN_SUITES, served.values()) else _unless_rdp(result)
    for name, suites in current.items():
        said = _(
            "{name} accepts {suites}; current clients (Windows 10 and 11, OpenSSL 3) offer none of these",
            name=name,
            suites=_names(suites),
        )
        yield Evidence(said=said, severity=severity, facts={"versions": both(list(current))})
        verdict = result.tls.versions.get(name)
        if verdict is not None and verdict.state == "rejected":
            reason = stored(verdict.reason or "")
            said = _("{name}: the hello of a current client is rejected ({reason})", name=name, reason=reason)
            yield Evidence(said=said)


@finds(catalogue.TLS_WEAK_CIPHER, needs="tls")
def tls_weak_cipher(result: Result) -> Iterator[Evidence]:
    """A weak suite was selected, or a weak group or short DH parameters were used."""
    weak = list(_weak(result.tls)) if result.tls is not None else []
    words = _("; ").join(dict.fromkeys(_(weakness.words) for _said, weakness in weak))
    agreed = _("Weak cipher suites or key exchange were agreed on: {weak}.", weak=words)
    summary = agreed if one_connection(result) is not None else None
    for said, weakness in weak:
        yield Evidence(said=_("{said}: {words}", said=said, words=weakness), summary=summary, facts={"weak": words})


@finds(dropped.TLS_INTOLERANT, needs="tls")
def tls_intolerant(result: Result) -> Iterator[Evidence]:
    """A hello was dropped though another was answered."""
    for hello in result.tls.intolerance if result.tls is not None else []:
        yield Evidence(said=_("{said}: {words}", said=stored(hello.hello), words=stored(hello.ending)))


def _are_suites_left(tls: Tls) -> bool:
    """Whether the suites of a current version, or of an unnamed one, were not all settled."""
    left = [words for words in tls.unsettled if "suite" in words]
    return not all(any(old in words for old in _LEGACY) for words in left)


def _weak(tls: Tls) -> Iterator[tuple[str, Weakness]]:
    """What is weak, and the worst reason; suites of a version with the same reason together."""
    for version, suites in tls.cipher_suites.items():
        for weakness, weak in weak_suites(suites, version).items():
            yield _("{said}: {words}", said=version, words=_names(weak)), weakness
    tried = _tried(tls)
    for version, selected in tried.items():
        shown = [CipherSuite(code=suite.code, name=suite.name) for suite in selected]
        for weakness, weak in weak_suites(shown, version).items():
            yield _("{said}: {words}", said=version, words=_names(weak)), weakness
    made = tls.handshake
    if (
        made is not None
        and made.version not in tls.cipher_suites
        and made.cipher_suite not in tried.get(made.version, [])
    ):
        for weakness in weakest(weaknesses_of_suite(made.cipher_suite.name, made.version)):
            said = _(
                "{version}: {suite}, chosen in the complete handshake",
                version=made.version,
                suite=made.cipher_suite.name,
            )
            yield said, weakness
    for version, answer in tls.answered.items():
        told = version in tls.cipher_suites or answer.cipher_suite in tried.get(version, [])
        if not told and (made is None or made.version != version):
            for weakness in weakest(weaknesses_of_suite(answer.cipher_suite.name, version)):
                yield _("{said}: {words}", said=version, words=answer.cipher_suite.name), weakness
    for group in [*tls.groups, *(group for trial in tls.trials if trial.kind == "groups" for group in trial.selected)]:
        for weakness in weakest(weaknesses_of_group(group.name)):
            yield _("group {name}", name=group.name), weakness
    for parameters in tls.dh_parameters:
        for weakness in weakest(weaknesses_of_dh(parameters.bits)):
            yield _dh(parameters), weakness


def _tried(tls: Tls) -> dict[str, list[Registered]]:
    """The suites that were selected where they were tried by themselves, by version, each once."""
    found: dict[str, list[Registered]] = {}
    for trial in tls.trials:
        if trial.kind == "suites" and trial.version not in tls.cipher_suites:
            seen = found.setdefault(trial.version, [])
            seen += [suite for suite in trial.selected if suite not in seen]
    return found


def _dh(parameters: DhParameters) -> str:
    if parameters.name is None:
        return _("DH parameters of {bits} bits", bits=parameters.bits)
    return _("DH parameters of {bits} bits ({name})", bits=parameters.bits, name=parameters.name)


def _names(suites: Sequence[Registered]) -> str:
    named = _(", ").join(suite.name for suite in suites[:_MOST_NAMES])
    more = len(suites) - _MOST_NAMES
    return _("{named} and {more} more", named=named, more=more) if more > 0 else named


def _any_of(offered: Container[str], lists: Iterable[Sequence[Registered]]) -> bool:
    return any(suite.code.lower() in offered for suites in lists for suite in suites)


def _asked(result: Result) -> dict[str, Verdict]:
    """The verdicts on the versions whose hello the server had the chance to answer."""
    versions = result.tls.versions if result.tls is not None else {}
    return {
        name: verdict
        for name, verdict in versions.items()
        if verdict.state == "accepted" or verdict.ending not in _NOT_ASKED
    }


def _only_try(result: Result) -> dict[str, Verdict]:
    """Where no current version was asked for by itself: the try at a complete handshake, if it was never answered."""
    failure = result.tls.handshake_failure if result.tls is not None else None
    if failure is None or failure.ending in _NOT_ASKED or failure.reason in (None, "not completed"):
        return {}
    whose = _("the client's hello") if one_connection(result) is not None else _("a complete handshake")
    return {whose: failure}


def _served(result: Result) -> list[str]:
    """The versions that were accepted, or in which a suite was: a hello can fail for its suites alone."""
    found = result.tls.cipher_suites if result.tls is not None else {}
    accepted = [name for name, verdict in _asked(result).items() if verdict.state == "accepted" or found.get(name)]
    return [*accepted, *(name for name, suites in found.items() if suites and name not in accepted)]


def _unless_rdp(result: Result) -> Severity:
    """Without TLS nobody connects, unless Standard RDP Security is accepted."""
    protocols = result.negotiation.protocols if result.negotiation is not None else {}
    rdp = protocols.get("RDP", Verdict(state="unknown"))
    if rdp.state != "accepted":
        return "breaks_some" if rdp.reason == "not asked" else "blocker"
    asked = result.standard_rdp.methods_asked if result.standard_rdp is not None else []
    dropped = [each for each in asked if each.method is None and each.ending in ("closed", "reset")]
    return "blocker" if asked and dropped == asked else "breaks_some"


def _pointed_at(versions: dict[str, Verdict], kind: str) -> tuple[Cause | None, tuple[Cause, ...]]:
    """The cause that the way it ended points to, where every version ended in the same way, and those it rules out.

    Versions that are merely too old are left aside: what answers them by an alert is alive, and small packets arrive.
    """
    said = {verdict.reason or "" for verdict in versions.values()}
    reasons = said - {_TOO_OLD}
    if "clear-text disconnect" in reasons:
        return catalogue.XRDP_KEY, (*_OF_WINDOWS, *_OF_THE_WAY, catalogue.NOTHING_SHARED)
    if reasons <= {"closed", "reset"}:
        if kind == "xrdp":
            return catalogue.XRDP_KEY, (catalogue.PATH_SWALLOWS, catalogue.SERVICE_HANGS)
        # xrdp answers in clear text before it closes.
        return catalogue.SCHANNEL_KEY, (*_OF_XRDP, catalogue.PATH_SWALLOWS, catalogue.SERVICE_HANGS)
    if reasons == {"timed_out"}:
        answered = (*_OF_WINDOWS, *_OF_XRDP, catalogue.NOTHING_SHARED, catalogue.PATH_CUTS)
        alive = (catalogue.SERVICE_HANGS,) if _TOO_OLD in said else ()
        return catalogue.PATH_SWALLOWS, (*answered, *alive)
    if all(reason.startswith("alert ") for reason in reasons):
        key = () if "alert internal_error" in reasons else (catalogue.SCHANNEL_KEY,)
        return catalogue.NOTHING_SHARED, (*key, catalogue.XRDP_KEY, catalogue.PATH_SWALLOWS, catalogue.SERVICE_HANGS)
    return None, ()
