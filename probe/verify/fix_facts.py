"""What the texts of `fixes` name: the versions, suites, groups and values that a failed rule is about. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from probe.language import _
from probe.needs import TrialKind
from probe.result import Result, Tls
from probe.verify import fix_suites as lists
from probe.verify import selectors
from probe.verify.rule import Rule
from probe.verify.what_if_language import VERSIONS

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
        found |= _of_suites(rule, result.tls)
    if section == "tls" and "groups" in key:
        found |= _of_groups(rule, result.tls)
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


def _of_suites(rule: Rule, tls: Tls | None) -> dict[str, str]:
    """What must go, by the whole commands for it, and the lists that keep everything else."""
    off = _off("suites", rule, tls)
    if tls is None or not off:
        return {}
    commands = _commands("Disable-TlsCipherSuite", [name for name in off if name.startswith("TLS_")])
    older = [name for name in off if "_WITH_" in name]
    is_told, names = lists.is_told("suites", tls), _(", ").join(off)
    return {
        "suites": names if is_told else _("{names} and perhaps others (--depth full names all)", names=names),
        "suite_commands" if is_told else "seen_suite_commands": commands,
        "windows_suites": lists.windows_suites(rule, tls),
        "openssl_suites": lists.openssl_suites(rule, tls) if older else "",
        "openssl_tls13": lists.openssl_tls13(rule, tls),
        "no_tls13": "" if lists.openssl_tls13(rule, tls) or len(older) == len(off) else "TLS 1.3",
    }


def _of_groups(rule: Rule, tls: Tls | None) -> dict[str, str]:
    """What must go, or what must come, as each kind of server calls it."""
    if rule.key == "tls.required_groups":
        codes = selectors.all_of("groups", rule.value)
        meant = [name for code, name in selectors.SELECTABLE_GROUPS.items() if code in codes]
        return {
            "windows_groups": _(", ").join(_CURVES[name] for name in meant if name in _CURVES),
            "openssl_groups": _(", ").join(lists.openssl_group_names(rule.value)),
        }
    off = _off("groups", rule, tls)
    if tls is None or not off:
        return {}
    return {
        "groups": _(", ").join(off),
        "group_commands": _commands("Disable-TlsEccCurve", [_CURVES[name] for name in off if name in _CURVES]),
        "dh_groups": _(", ").join(name for name in off if name.startswith("ffdhe")),
        "openssl_groups": lists.openssl_groups(rule, tls),
    }


def _off(kind: TrialKind, rule: Rule, tls: Tls | None) -> list[str]:
    """The names of what was seen and must go."""
    if tls is None or not rule.key.startswith(("tls.allowed_", "tls.forbidden_")):
        return []
    stays = lists.may_stay(kind, rule)
    return [each.name for each in lists.seen(kind, tls) if not stays(int(each.code, 16))]


def _commands(command: str, names: Iterable[str]) -> str:
    """One command a name, all in one line for PowerShell: whoever copies it gets the whole."""
    return "; ".join(f"{command} -Name {name}" for name in names)
