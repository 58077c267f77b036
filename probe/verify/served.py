"""What a result shows of each TLS version: whether it is served, and which suites and groups were selected or refused.

A suite is accepted where it was selected anywhere. It is refused where depth full settled all of its version, or where
a trial offered it and the rest of that trial was refused. Everything else is open, and so is what rests on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from probe.diagnosis.stored import stored
from probe.diagnosis.wording import both
from probe.language import N_, _
from probe.needs import TrialKind
from probe.result import Registered, Result, State, Tls, TlsTrial, Verdict
from probe.verify.seen import TLS_BASED, VERSIONS, accepted, protocols
from probe.verify.selectors import SUITES, groups_in, suites_in

OLDER_TLS = ("TLSv1.0", "TLSv1.1", "TLSv1.2")  # that have ECDHE, and share their groups
_CLIENTS_ASK_FOR = ("SSL", "HYBRID")  # HYBRID_EX only beside HYBRID; the others in redirection and in Entra ID alone
_WITHOUT_TLS = ("STANDARD_RDP_ONLY", "TLS_CERTIFICATE_MISSING", "NEGOTIATION_UNSUPPORTED", "TLS_HANDSHAKE_ABORTED")
_STATES: dict[State, tuple[str, str]] = {
    "accepted": (N_("{names} is accepted"), N_("{names} are accepted")),
    "rejected": (N_("{names} is refused"), N_("{names} are refused")),
    "unknown": (N_("whether {names} is accepted is not known"), N_("whether {names} are accepted is not known")),
}
_NOT_ASKED = Verdict(state="unknown", reason="not asked")
_CUT_SHORT = "not asked for want of connections: "


def spoken(version: str) -> str:
    """A version as people write it: "TLS 1.2", "SSL 3"."""
    return version.replace("TLSv", "TLS ").replace("SSLv", "SSL ")


def said_of(names: Sequence[str], state: State) -> str:
    """One sentence on several names: "RDP and SSL are accepted"."""
    one, several = _STATES[state]
    return _(one if len(names) == 1 else several, names=both(names))


def told(name: str, verdict: Verdict) -> str:
    """A verdict as evidence: "TLSv1.0: rejected (alert protocol_version)"."""
    how = verdict.failure or verdict.reason or verdict.ending
    if verdict.selected is not None:
        how = _("selected {protocol}", protocol=verdict.selected)
    if how is None:
        return _("{name}: {how}", name=name, how=_(verdict.state))
    return _("{name}: {state} ({reason})", name=name, state=_(verdict.state), reason=stored(how))


def tls_refused(result: Result) -> bool:
    """No road leads to TLS: what clients ask for is refused, and nothing else that uses TLS is accepted."""
    if result.negotiation is None or result.tls is not None or accepted(result, TLS_BASED):
        return False
    verdicts = [protocols(result).get(name, _NOT_ASKED) for name in _CLIENTS_ASK_FOR]
    return result.negotiation.direct_tls.state == "rejected" and all(each.state == "rejected" for each in verdicts)


def no_road(result: Result) -> tuple[str, ...]:
    """What shows that TLS cannot be had at all, as evidence; nothing where it may be had."""
    return tuple(told(name, protocols(result)[name]) for name in _CLIENTS_ASK_FOR) if tls_refused(result) else ()


def without_tls(result: Result) -> str:
    """The diagnosis that says how a server comes to serve TLS that serves none."""
    known = {each.code for each in result.diagnoses}
    return next((code for code in _WITHOUT_TLS if code in known), _WITHOUT_TLS[0 if result.tls is None else -1])


def version(result: Result, name: str) -> Verdict:
    """The verdict on one version. Rejected where TLS cannot be had at all; accepted where any suite was selected."""
    if result.tls is None:
        return Verdict(state="rejected") if tls_refused(result) else _NOT_ASKED
    if any(_selected("suites", name, result.tls, result)):
        return Verdict(state="accepted")
    return result.tls.versions.get(name, _NOT_ASKED)


def versions(result: Result) -> dict[str, Verdict]:
    """The verdicts on all versions, oldest first."""
    return {name: version(result, name) for name in VERSIONS}


def not_settled(verdicts: dict[str, Verdict]) -> str:
    """Why it is not known of some versions whether they are served, in words; those for the same reason together."""
    by_reason: dict[str, list[str]] = {}
    for name, each in verdicts.items():
        if each.state == "unknown":
            by_reason.setdefault(each.reason or each.ending or "not asked", []).append(spoken(name))
    return _("; ").join(
        _("{what} ({how})", what=said_of(names, "unknown"), how=stored(how)) for how, names in by_reason.items()
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known of the suites, or the groups, of one version. Code points as in a result: "0xc030"."""

    selected: dict[str, str]  # names by code
    refused: frozenset[str]  # as trials say it: of what is selected too, where that is known from elsewhere
    all_settled: bool  # all that can be selected and was not is refused
    why_not: str | None = None  # why something is open, in the words of the result; None: it was not asked

    def left(self, codes: Iterable[str]) -> frozenset[str]:
        """Those of these that were neither selected nor refused."""
        return frozenset() if self.all_settled else frozenset(codes) - self.selected.keys() - self.refused


def asked(kind: TrialKind, name: str, result: Result) -> Asked:
    """What is known of the suites or groups of one version."""
    tls = result.tls
    if tls is None:
        return Asked({}, frozenset(), all_settled=tls_refused(result))
    trials = [each for each in tls.trials if each.kind == kind and each.version == name]
    selected = dict(_selected(kind, name, tls, result))
    refused = frozenset(code for each in trials if each.state == "rejected" for code in _offered(each))
    settled = _suites_settled(name, tls) if kind == "suites" else _groups_settled(name, tls, result)
    said = (each.reason or each.ending for each in trials if each.state == "unknown")
    why_not = next(chain(said, _left(name, kind, tls)), None)
    return Asked(selected, refused, settled, why_not)


def code_of(code: int) -> str:
    """A code point as results have it: "0xc030"; those of SSL 2.0 have three bytes."""
    return f"0x{code:04x}" if code <= 0xFFFF else f"0x{code:06x}"


def codes_of(codes: Iterable[int]) -> frozenset[str]:
    """Code points as results have them."""
    return frozenset(map(code_of, codes))


def everything(kind: TrialKind, name: str) -> frozenset[int]:
    """All suites, or groups, that can be selected in a version."""
    return suites_in(name) if kind == "suites" else groups_in(name)


# Suites for which the server chooses a Diffie-Hellman group by itself.
EPHEMERAL_DH = frozenset(code for code, name in SUITES.items() if "_DHE_" in name or "_DH_anon_" in name)


def _offered(trial: TlsTrial) -> Iterator[str]:
    return (code.lower() for code in trial.offered)


def _selected(kind: TrialKind, name: str, tls: Tls, result: Result) -> Iterator[tuple[str, str]]:
    """Code and name of everything that was selected in a version, on whatever connection."""
    found = _selected_suites(name, tls, result) if kind == "suites" else _selected_groups(name, tls, result)
    yield from found
    for trial in tls.trials:
        if trial.kind == kind and trial.version == name:
            yield from ((each.code.lower(), each.name) for each in trial.selected)


def _selected_suites(name: str, tls: Tls, result: Result) -> Iterator[tuple[str, str]]:
    yield from ((each.code.lower(), each.name) for each in tls.cipher_suites.get(name, []))
    agreed = (suite for version, suite, _group in _agreed(tls, result) if version == name and suite is not None)
    yield from ((suite.code.lower(), suite.name) for suite in agreed)


def _selected_groups(name: str, tls: Tls, result: Result) -> Iterator[tuple[str, str]]:
    yield from ((each.code.lower(), each.name) for each in tls.groups if name in each.versions)
    agreed = (group for version, _suite, group in _agreed(tls, result) if version == name and group is not None)
    yield from ((group.code.lower(), group.name) for group in agreed)


def _agreed(tls: Tls, result: Result) -> Iterator[tuple[str | None, Registered | None, Registered | None]]:
    """Version, suite and group of every agreement that is told by itself."""
    if tls.handshake is not None:
        yield tls.handshake.version, tls.handshake.cipher_suite, tls.handshake.group
    yield from ((name, each.cipher_suite, each.group) for name, each in tls.answered.items())
    requests = (request for each in result.simulated for request in each.requests)
    yield from ((each.version, each.cipher_suite, each.group) for each in requests)


def _suites_settled(name: str, tls: Tls) -> bool:
    return name in tls.cipher_suites and not is_left(name, "suites", tls)


def _groups_settled(name: str, tls: Tls, result: Result) -> bool:
    """At depth full; up to TLS 1.2 it asks for groups only where a suite with ECDHE is served."""
    if tls.features is None or is_left(name, "groups", tls):
        return False
    has_some = any(_selected("groups", name, tls, result))
    return has_some or (name in OLDER_TLS and _suites_settled(name, tls))


def is_left(name: str, what: str, tls: Tls) -> bool:
    """Whether depth full left "suites", "groups" or "schemes" of a version open."""
    return any(_left(name, what, tls))


def _left(name: str, what: str, tls: Tls) -> Iterator[str]:
    """What depth full says of it, in the words of the result."""
    for words in tls.unsettled:
        prefix = _CUT_SHORT if words.startswith(_CUT_SHORT) else ""
        for item in words.removeprefix(prefix).split(", "):
            if what.removesuffix("s") in item and (name in item or not _names_a_version(item)):
                yield prefix + item


def _names_a_version(words: str) -> bool:
    return any(name in words for name in VERSIONS)
