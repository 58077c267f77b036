"""What the texts of `fixes` name: the versions, suites, groups and values that a failed rule is about. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from probe.language import _
from probe.result import Result
from probe.verify import selectors
from probe.verify.rule import Rule
from probe.verify.what_if_language import VERSIONS

_MOST_NAMED = 4  # of suites or groups in one sentence
_SCHANNEL = {
    "SSLv2": "SSL 2.0",
    "SSLv3": "SSL 3.0",
    "TLSv1.0": "TLS 1.0",
    "TLSv1.1": "TLS 1.1",
    "TLSv1.2": "TLS 1.2",
    "TLSv1.3": "TLS 1.3",
}
_CURRENT = ("TLSv1.2", "TLSv1.3")
_XRDP = {"SSLv3": "SSLv3", "TLSv1.0": "TLSv1", "TLSv1.1": "TLSv1.1", "TLSv1.2": "TLSv1.2", "TLSv1.3": "TLSv1.3"}
# As Get-TlsEccCurve names them; others it calls as the registry does.
_CURVES = {
    "secp256r1": "NistP256",
    "secp384r1": "NistP384",
    "secp521r1": "NistP521",
    "x25519": "curve25519",
    "brainpoolP256r1": "brainpoolP256r1",
    "brainpoolP384r1": "brainpoolP384r1",
    "brainpoolP512r1": "brainpoolP512r1",
}


def facts_of(rule: Rule, result: Result) -> dict[str, str]:
    """The names that a text may use, as far as there is something to name."""
    found: dict[str, str] = {"value": _words(rule.value)}
    section, _dot, key = rule.key.partition(".")
    if section == "tls" and "version" in key:
        found |= _of_versions(rule, result)
    if section == "tls" and "suites" in key:
        found |= _of_names(_suites_off(rule, result), "suite")
    if section == "tls" and "groups" in key:
        found |= _of_names(_groups_off(rule, result), "group")
    return {name: said for name, said in found.items() if said}


def _words(value: Any) -> str:
    if isinstance(value, list | tuple):
        return _(", ").join(map(str, value))
    return str(value)


def served(result: Result) -> list[str]:
    """The versions of TLS that were seen to be served, oldest first."""
    tls = result.tls
    if tls is None:
        return []
    accepted = {name for name, verdict in tls.versions.items() if verdict.state == "accepted"}
    accepted |= {name for name, suites in tls.cipher_suites.items() if suites}
    return [name for name in VERSIONS if name in accepted]


def _unwanted(rule: Rule) -> Callable[[str], bool]:
    """Which versions must go."""
    place = VERSIONS.index
    if rule.key == "tls.min_version":
        return lambda name: place(name) < place(rule.value)
    if rule.key == "tls.max_version":
        return lambda name: place(name) > place(rule.value)
    return lambda name: rule.key == "tls.forbidden_versions" and name in rule.value


def _of_versions(rule: Rule, result: Result) -> dict[str, str]:
    """What must go and what must come: a version that is current, where nothing that is served may stay."""
    is_unwanted, now = _unwanted(rule), served(result)
    off = [name for name in now if is_unwanted(name)]
    demanded = rule.value if rule.key == "tls.required_versions" else ()
    on = [name for name in demanded if name not in now]
    staying = [name for name in now if not is_unwanted(name)]
    if not staying and not on:
        on = [name for name in _CURRENT if not is_unwanted(name)][:1]
    kept = [name for name in VERSIONS if name in (*staying, *on)]
    return {
        "off_keys": _(", ").join(f"{_SCHANNEL[name]}\\Server" for name in off),
        "on_keys": _(", ").join(f"{_SCHANNEL[name]}\\Server" for name in on),
        "off": _(", ").join(_SCHANNEL[name] for name in off),
        "on": _(", ").join(_SCHANNEL[name] for name in on),
        "first_off": _SCHANNEL[off[0]] if off else "",
        "tls10": "TLS 1.0" if "TLSv1.0" in off else "",
        "xrdp_versions": ", ".join(_XRDP[name] for name in kept if name in _XRDP),
        "least": next((name for name in kept if name in _XRDP), "") if off else "",
    }


def _of_names(names: Iterable[str], kind: str) -> dict[str, str]:
    """Some of them, the commands for Windows, and how many there are."""
    listed = list(dict.fromkeys(names))
    command = "Disable-TlsCipherSuite -Name" if kind == "suite" else "Disable-TlsEccCurve -Name"
    known = listed if kind == "suite" else [_CURVES[name] for name in listed if name in _CURVES]
    return {
        f"{kind}s": _named(listed),
        f"{kind}_commands": _named([f"{command} {name}" for name in known], "; "),
    }


def _named(names: list[str], between: str | None = None) -> str:
    shown = (_(", ") if between is None else between).join(names[:_MOST_NAMED])
    more = len(names) - _MOST_NAMED
    return _("{names} and {more} more", names=shown, more=more) if more > 0 else shown


def _suites_off(rule: Rule, result: Result) -> Iterator[str]:
    tls = result.tls
    if tls is None or rule.key not in ("tls.allowed_suites", "tls.forbidden_suites"):
        return
    codes = selectors.all_of("suites", rule.value)
    seen = [suite for suites in tls.cipher_suites.values() for suite in suites]
    seen_elsewhere = [answer.cipher_suite for answer in tls.answered.values()]
    tried = [suite for trial in tls.trials if trial.kind == "suites" for suite in trial.selected]
    for suite in (*seen, *seen_elsewhere, *tried):
        if (int(suite.code, 16) in codes) is (rule.key == "tls.forbidden_suites"):
            yield suite.name


def _groups_off(rule: Rule, result: Result) -> Iterator[str]:
    tls = result.tls
    if tls is None or rule.key not in ("tls.allowed_groups", "tls.forbidden_groups"):
        return
    codes = selectors.all_of("groups", rule.value)
    used = [answer.group for answer in tls.answered.values() if answer.group is not None]
    tried = [group for trial in tls.trials if trial.kind == "groups" for group in trial.selected]
    for group in (*tls.groups, *used, *tried):
        if (int(group.code, 16) in codes) is (rule.key == "tls.forbidden_groups"):
            yield group.name
