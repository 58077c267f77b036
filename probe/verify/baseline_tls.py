"""What changed of TLS: versions, cipher suites, groups, features, and hellos that are dropped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from probe.diagnosis.stored import stored
from probe.diagnosis.strength import (
    weakest,
    weaknesses_of_feature,
    weaknesses_of_group,
    weaknesses_of_signature,
    weaknesses_of_suite,
    weaknesses_of_version,
)
from probe.language import N_, _
from probe.needs import TrialKind
from probe.result import Registered, Result, Tls, TlsFeatures
from probe.result.verification import ChangeKind, Direction
from probe.verify.baseline_facts import NONE, OPPOSITE, TRUE_IS_BETTER, Comparing, Fact, T, listed, on_off
from probe.verify.baseline_negotiation import BETTER_REJECTED, STATE_RANK, serves_tls, state_of, state_words

_VERSIONS = ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_TELL_OF_TOLERANCE = frozenset({"standard", "full", "tls.intolerance"})  # in `asked`
_WORDS: Mapping[TrialKind, str] = {"suites": "cipher suites", "groups": "groups"}  # in what is unsettled
_FEATURES: Mapping[str, str] = {
    "secure_renegotiation": N_("secure renegotiation"),
    "extended_master_secret": N_("the extended master secret"),
    "encrypt_then_mac": N_("encrypt-then-MAC"),
    "compression": N_("TLS compression"),
    "session_tickets": N_("session tickets"),
    "resumption": N_("resumption of sessions"),
    "fallback_scsv": N_("the check for a forced fallback (TLS_FALLBACK_SCSV)"),
    "downgrade_sentinel": N_("the mark against downgrades"),
    "ocsp_stapling": N_("OCSP stapling"),
    "heartbeat": N_("heartbeat"),
    "client_certificate": N_("the demand for a client certificate"),
    "sslv2_framed_hello": N_("an answer to hellos in SSLv2's form"),
}


def tls(comparing: Comparing) -> None:
    """Everything that is known of TLS. Where no protocol runs over it, that protocol's own fact says so."""
    for version in _VERSIONS:
        _version(comparing, version)
    comparing.fact("tls.handshake", "other", _("the TLS handshake"), _handshake, rank=TRUE_IS_BETTER, words=_completed)
    for version in reversed(_VERSIONS):
        _suites(comparing, version)
    _groups(comparing)
    what = _("the smallest Diffie-Hellman group, in bits,")
    comparing.fact("tls.dh_parameters.bits", "security", what, _dh_bits, rank=int)
    _schemes(comparing)
    for name in TlsFeatures.__struct_fields__:
        if name in _FEATURES:
            _feature(comparing, name)
    other = _of_tls(lambda section: section.features.other_name if section.features is not None else None)
    comparing.fact("tls.features.other_name", "other", _("the answer to another name"), other, words=stored)
    comparing.names("tls.intolerance", "other", _("hellos that are dropped"), _intolerance, new="worse")


def words_of(version: str) -> str:
    """A version as people write it: "TLS 1.0"."""
    return version.replace("v", " ") if version.startswith("TLS") else version


def _of_tls(read: Callable[[Tls], T | None]) -> Callable[[Result], Fact[T]]:
    def of(result: Result) -> Fact[T]:
        if result.tls is None:
            return NONE if serves_tls(result) is False else None
        return read(result.tls)

    return of


def _state(version: str, result: Result) -> Fact[str]:
    return _of_tls(lambda section: state_of(section.versions.get(version)))(result)


def _serves(version: str, result: Result) -> bool:
    return _state(version, result) == "accepted"


def _version(comparing: Comparing, version: str) -> None:
    """What is withdrawn is better refused. TLS 1.2 may go where 1.3 stays."""
    is_old = bool(weaknesses_of_version(version))
    rank: Mapping[str, int] | None = BETTER_REJECTED if is_old else STATE_RANK
    if version == "TLSv1.2" and all(
        _state("TLSv1.3", each) == "accepted" for each in (comparing.before, comparing.after)
    ):
        rank = None
    kind: ChangeKind = "security" if is_old else "versions"
    path = f"tls.versions.{version}"
    comparing.fact(path, kind, words_of(version), partial(_state, version), rank=rank, words=state_words)


def _handshake(result: Result) -> Fact[bool]:
    """Whether one can be completed. A version that is refused is a fact of its own."""
    section = result.tls
    if section is None:
        return NONE if serves_tls(result) is False else None
    if section.handshake is not None and section.handshake.complete:
        return True
    return False if state_of(section.handshake_failure) == "rejected" else None


def _completed(complete: bool) -> str:
    return _("completed") if complete else _("broken off")


# Cipher suites and groups


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the suites of one version, or of the groups of all: by code point, so that names may change."""

    accepted: Mapping[str, str]  # code point to name
    refused: frozenset[str]  # code points
    refuses_others: bool  # everything that is not accepted is refused
    sampled: frozenset[str] = frozenset()  # code points of which those that were found first are known

    def refuses(self, code: str) -> bool:
        """Whether it was offered in vain."""
        return code not in self.accepted and (self.refuses_others or code in self.refused)


def _known(section: Tls, kind: TrialKind, version: str | None, listed_now: Sequence[Registered] | None) -> Known:
    """From a list of all, and from trials of some. What neither says is not known."""
    trials = [each for each in section.trials if each.kind == kind and version in (None, each.version)]
    refused = [
        set(trial.offered) - {each.code for each in trial.selected} for trial in trials if trial.state == "rejected"
    ]
    accepted = {each.code: each.name for trial in trials for each in trial.selected}
    accepted |= {each.code: each.name for each in listed_now or ()}
    words = _WORDS[kind]
    is_open = any(each.startswith(version or "TLS") and words in each for each in section.unsettled)
    sampled = frozenset(code for trial in trials if trial.state == "accepted" for code in trial.offered)
    return Known(accepted, frozenset().union(*refused), listed_now is not None and not is_open, sampled)


def _suites(comparing: Comparing, version: str) -> None:
    """The suites of a version that both serve: those that both know of, and where these are few the one chosen."""
    before, after = comparing.before, comparing.after
    if before.tls is None or after.tls is None:
        return
    if not (_serves(version, before) and _serves(version, after)):
        return
    lists = [section.cipher_suites.get(version) for section in (before.tls, after.tls)]
    known = [
        _known(section, "suites", version, found) for section, found in zip((before.tls, after.tls), lists, strict=True)
    ]
    name = words_of(version)
    _held(
        comparing,
        f"tls.cipher_suites.{version}",
        (_("weak cipher suites of {version}", version=name), _("cipher suites of {version}", version=name)),
        (known[0], known[1]),
        lambda suite: bool(weakest(weaknesses_of_suite(suite, version))),
    )
    if None in lists:
        _chosen(comparing, version)
    elif known[0].accepted.keys() == known[1].accepted.keys():
        what = _("the order of the cipher suites of {version}", version=name)
        comparing.fact(f"tls.cipher_suites.{version}.order", "suites", what, partial(_order, version))


def _held(
    comparing: Comparing, path: str, what: tuple[str, str], known: tuple[Known, Known], is_weak: Callable[[str], bool]
) -> None:
    """Note what came and what went, the weak ones by themselves, and what is not known any more."""
    old, new = known
    come = [name for code, name in new.accepted.items() if old.refuses(code)]
    gone = [name for code, name in old.accepted.items() if new.refuses(code)]
    both_found_some = old.sampled & new.sampled  # others of the same trial may have been found first
    open_now = old.accepted.keys() - new.accepted.keys() - both_found_some
    lost = [name for code, name in old.accepted.items() if code in open_now and not new.refuses(code)]
    for weak, words in zip((True, False), what, strict=True):
        kind: ChangeKind = "security" if weak else "suites"
        new_is: Direction = "worse" if weak else "changed"
        comparing.come(path, kind, words, [name for name in come if is_weak(name) == weak], direction=new_is)
        comparing.gone(path, kind, words, [name for name in gone if is_weak(name) == weak], direction=OPPOSITE[new_is])
    if lost:
        comparing.lacks(what[1], listed(lost))


def _order(version: str, result: Result) -> Fact[str]:
    """The server's own order; the client's is none of the server's."""
    section = result.tls
    if section is None or not section.order_by_version.get(version):
        return NONE
    return ", ".join(suite.name for suite in section.cipher_suites[version])


def _chosen(comparing: Comparing, version: str) -> None:
    """What was chosen of all that a current client offers."""

    def read(result: Result) -> Fact[str]:
        answer = result.tls.answered.get(version) if result.tls is not None else None
        return answer.cipher_suite.name if answer is not None else NONE

    def rank(name: str) -> int:
        return 0 if weakest(weaknesses_of_suite(name, version)) else 1

    names = [name for name in (read(comparing.before), read(comparing.after)) if isinstance(name, str)]
    what = _("the cipher suite chosen in {version}", version=words_of(version))
    kind: ChangeKind = "security" if len({rank(name) for name in names}) > 1 else "suites"
    comparing.fact(f"tls.answered.{version}.cipher_suite", kind, what, read, rank=rank)


def _groups(comparing: Comparing) -> None:
    """The groups of key exchange, of all versions together."""
    sections = [each.tls for each in (comparing.before, comparing.after) if each.tls is not None]
    if len(sections) == 2:
        known = [_known(each, "groups", None, each.groups if each.features is not None else None) for each in sections]
        what = (_("weak groups"), _("groups"))
        _held(
            comparing, "tls.groups", what, (known[0], known[1]), lambda name: bool(weakest(weaknesses_of_group(name)))
        )


# Signatures, features, tolerance


def _dh_bits(result: Result) -> Fact[int]:
    """Where there is no such suite, there is no such group."""
    sizes = [each.bits for each in result.tls.dh_parameters] if result.tls is not None else []
    return min(sizes, default=NONE)


def _schemes(comparing: Comparing) -> None:
    path, weak, others = "tls.signature_schemes", partial(_scheme_names, True), partial(_scheme_names, False)
    comparing.names(path, "security", _("weak signatures of TLS"), weak, new="worse")
    comparing.names(path, "other", _("signatures of TLS"), others)


def _scheme_names(weak: bool, result: Result) -> Fact[list[str]]:
    def read(section: Tls) -> list[str] | None:
        names = [scheme.name for scheme in section.signature_schemes]
        return [name for name in names if bool(weaknesses_of_signature(name)) == weak] if names else None

    return _of_tls(read)(result)


def _feature(comparing: Comparing, name: str) -> None:
    """A feature whose absence or presence is held against a server is security."""

    def read(section: Tls) -> bool | None:
        return getattr(section.features, name, None)

    def rank(present: bool) -> int:
        return 0 if weaknesses_of_feature(name, present) else 1

    kind: ChangeKind = "other" if rank(False) == rank(True) else "security"
    comparing.fact(f"tls.features.{name}", kind, _(_FEATURES[name]), _of_tls(read), rank=rank, words=on_off)


def _intolerance(result: Result) -> Fact[list[str]]:
    """Known where everything of a depth was asked; a single connection meets none."""
    if result.depth == "discover" or (result.asked is not None and _TELL_OF_TOLERANCE.isdisjoint(result.asked)):
        return None
    return _of_tls(lambda section: [each.hello for each in section.intolerance])(result)
