"""The language of changes that are only planned: 'tls.min=1.2,nla=required'. Which keys and values there are.

    tls.min · tls.max    none that is older, none that is newer: 1.2, TLSv1.2, tls1.2, ssl3
    tls.versions         exactly these: 1.2+1.3
    nla                  required · offered · off
    standard_rdp         on · off
    standard_rdp.level   high · fips: its encryption
    suites · groups      of those served today only what these select: class:aead+TLS_RSA_*
    suites.off           without what these select; so groups.off
    credssp.min          the oldest CredSSP of a client that the server takes: 2 to 6
    certificate          trusted · self_signed
    certificate.key      RSA-3072 · EC-256

Keys and values are read in any case; each key stands once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from probe.errors import InputError
from probe.needs import TrialKind
from probe.verify.selectors import check

VERSIONS = ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")  # oldest first, as a result names them
_VERSION = re.compile(r"(?:tls)?[ _-]?v?[ _-]?(1(?:\.[0-3])?)|ssl[ _-]?v?([23])(?:\.0)?")
_LEAST_RSA_BITS = 1024  # current TLS libraries refuse shorter keys, and no client is known that would not
_OF_NO_OPENSSL = (
    "+ joins names of the IANA registry, patterns of them with * and classes: TLS_ECDHE_*_GCM_*+class:aead; "
    "OpenSSL's words, as in xrdp.ini, are none of them"
)
_KEY = re.compile(r"(rsa|ec|ecdsa)[-_ ]?(?:p-?)?([0-9]{3,5})")
_CURVES = (256, 384, 521)
_CREDSSP = range(2, 7)
_EXAMPLE = "tls.min=1.2,nla=required"


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that would be set: "tls.min" to "TLSv1.2"."""

    key: str  # of KEYS
    value: str  # in the words of a result, whatever was typed: "TLSv1.2"; several are joined by "+"

    @property
    def values(self) -> tuple[str, ...]:
        """Its value, where that is several."""
        return tuple(self.value.split("+"))


class _NoValue(Exception):
    """A text is no value of a key."""


@dataclass(frozen=True, slots=True)
class _Values:
    """What may stand behind a key."""

    read: Callable[[str], str]  # the text as `Setting.value` has it; raises _NoValue
    words: str  # for the hint
    known: tuple[str, ...] = ()  # to find the nearest of


def _version(text: str) -> str:
    """Its name in a result: "TLSv1.2"."""
    found = _VERSION.fullmatch(text)
    if found is None:
        raise _NoValue
    return f"SSLv{found[2]}" if found[2] else f"TLSv{found[1] if '.' in found[1] else '1.0'}"


def _versions(text: str) -> str:
    return "+".join(sorted({_version(each.strip()) for each in text.split("+")}, key=VERSIONS.index))


def _word(aliases: Mapping[str, str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in aliases:
            raise _NoValue
        return aliases[text]

    return read


def _credssp(text: str) -> str:
    number = text.removeprefix("v")
    if not (number.isascii() and number.isdecimal() and int(number) in _CREDSSP):
        raise _NoValue
    return str(int(number))


def _key(text: str) -> str:
    """As a result names a key's type and size: "RSA-2048", "EC-256"."""
    found = _KEY.fullmatch(text)
    kind, bits = ("RSA" if found[1] == "rsa" else "EC", int(found[2])) if found is not None else ("", 0)
    if bits == 0 or (kind == "EC" and bits not in _CURVES) or (kind == "RSA" and not _LEAST_RSA_BITS <= bits <= 16384):
        raise _NoValue
    return f"{kind}-{bits}"


def _selectors(kind: TrialKind) -> Callable[[str], str]:
    """Selectors of suites or groups, as policies have them: names, patterns and classes."""

    def read(text: str) -> str:
        return "+".join(dict.fromkeys(_selector(kind, each.strip()) for each in text.split("+")))

    return read


def _selector(kind: TrialKind, text: str) -> str:
    try:
        check(text, kind)
    except InputError as error:
        is_near = text.casefold().startswith(("tls_", "class:", "ssl_")) or kind == "groups"
        raise InputError(f"--what-if: {error.what}", error.hint if is_near else _OF_NO_OPENSSL) from None
    return text


def _aliases(**words: str) -> Mapping[str, str]:
    """Each value by its own name and by its other ones, which are given with spaces between."""
    return {alias: value for value, aliases in words.items() for alias in (value, *aliases.split())}


_NLA = _aliases(required="require on yes true", offered="offer optional allowed", off="no false none unsupported")
_SWITCH = _aliases(on="yes true", off="no false")
_LEVEL = _aliases(high="3", fips="4")
_CERTIFICATE = _aliases(trusted="ca", self_signed="self-signed selfsigned")

_ONE_VERSION = _Values(_version, "1.0, 1.1, 1.2 or 1.3", ("1.0", "1.1", "1.2", "1.3", "sslv3"))
_SUITES = _Values(_selectors("suites"), "names, patterns or classes, joined by +: class:aead+TLS_RSA_*")
_GROUPS = _Values(_selectors("groups"), "names, patterns or classes, joined by +: x25519+secp*+class:ffdhe")
KEYS: Mapping[str, _Values] = {
    "tls.min": _ONE_VERSION,
    "tls.max": _ONE_VERSION,
    "tls.versions": _Values(_versions, "versions, joined by +: 1.2+1.3"),
    "nla": _Values(_word(_NLA), "required, offered or off", ("required", "offered", "off")),
    "standard_rdp": _Values(_word(_SWITCH), "on or off", ("on", "off")),
    "standard_rdp.level": _Values(_word(_LEVEL), "high or fips", ("high", "fips")),
    "suites": _SUITES,
    "suites.off": _SUITES,
    "groups": _GROUPS,
    "groups.off": _GROUPS,
    "credssp.min": _Values(_credssp, "2 to 6", ("2", "3", "4", "5", "6")),
    "certificate": _Values(_word(_CERTIFICATE), "trusted or self_signed", ("trusted", "self_signed")),
    "certificate.key": _Values(_key, "a kind and its bits: RSA-2048, RSA-3072, EC-256, EC-384; of RSA 1024 or more"),
}
_OTHER_KEYS = {  # what else people call them
    "tls": "tls.versions",
    "tls.min_version": "tls.min",
    "tls.max_version": "tls.max",
    "protocols.nla": "nla",
    "rdp": "standard_rdp",
    "tls.suites": "suites",
    "tls.groups": "groups",
    "credssp.min_version": "credssp.min",
}


def parse(text: str) -> tuple[Setting, ...]:
    """The settings of 'tls.min=1.2,nla=required', in their order.

    Raises InputError that names the nearest valid key or value, or the two settings that cannot both be.
    """
    settings = tuple(dict.fromkeys(_setting(part.strip()) for part in text.split(",") if part.strip()))
    if not settings:
        raise InputError("--what-if names no change", f"write it as {_EXAMPLE}; {_all_keys()}")
    _agree(settings)
    return settings


def normal(settings: Sequence[Setting]) -> str:
    """The settings in the words of this language, however they were given: "tls.min=1.2,nla=required"."""
    return ",".join(f"{setting.key}={_said(setting)}" for setting in settings)


def _said(setting: Setting) -> str:
    if setting.key not in ("tls.min", "tls.max", "tls.versions"):
        return setting.value
    return "+".join(version.removeprefix("TLSv") for version in setting.values)


def _setting(text: str) -> Setting:
    written, equals, said = (part.strip() for part in text.partition("="))
    key = _OTHER_KEYS.get(written.casefold(), written.casefold())
    if key not in KEYS:
        raise InputError(f"--what-if: unknown key {written!r}", _nearest(key, tuple(KEYS), _all_keys()))
    if not equals or not said:
        raise InputError(f"--what-if: {key} has no value", f"{key} takes {KEYS[key].words}")
    return Setting(key, _value(key, said))


def _value(key: str, said: str) -> str:
    values = KEYS[key]
    is_name = values in (_SUITES, _GROUPS)  # of a registry, which has capitals
    try:
        return values.read(said if is_name else said.casefold())
    except _NoValue:
        hint = _nearest(said.casefold(), values.known, f"{key} takes {values.words}")
        raise InputError(f"--what-if: {key} cannot be {said!r}", hint) from None


def _nearest(written: str, known: Sequence[str], all_of_them: str) -> str:
    near = get_close_matches(written, known, 1, 0.5)
    return f"did you mean {near[0]}? {all_of_them}" if near else all_of_them


def _all_keys() -> str:
    return f"keys are {', '.join(KEYS)}"


def _agree(settings: Sequence[Setting]) -> None:
    """What cannot be at the same time. Raises InputError."""
    by_key: dict[str, str] = {}
    for setting in settings:
        if by_key.setdefault(setting.key, setting.value) != setting.value:
            raise InputError(f"--what-if: {setting.key} is set twice", "give one value")
    for first, second, hint in _contradictions(by_key):
        raise InputError(f"--what-if: {first} and {second} cannot both be", hint)


def _contradictions(settings: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Two keys, and what to do."""
    if "tls.versions" in settings and not {"tls.min", "tls.max"}.isdisjoint(settings):
        other = "tls.min" if "tls.min" in settings else "tls.max"
        yield "tls.versions", other, "tls.versions alone says which there are"
    least, most = settings.get("tls.min", VERSIONS[0]), settings.get("tls.max", VERSIONS[-1])
    if VERSIONS.index(least) > VERSIONS.index(most):
        yield f"tls.min={least}", f"tls.max={most}", "no version would be left"
    if settings.get("standard_rdp") == "on" and settings.get("nla") == "required":
        yield "standard_rdp=on", "nla=required", "a server that requires NLA refuses Standard RDP Security"
    if settings.get("standard_rdp") == "off" and "standard_rdp.level" in settings:
        yield "standard_rdp=off", "standard_rdp.level", "what is off has no encryption level"
    for kind in ("suites", "groups"):
        if settings.get(kind) is not None and settings.get(kind) == settings.get(f"{kind}.off"):
            yield kind, f"{kind}.off", "none would be left"
