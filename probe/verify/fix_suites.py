"""What to set of suites and groups so that only what a rule forbids goes: lists for OpenSSL and for Windows. Pure.

A list that is written too short cuts clients off that the rule does not mean: so it keeps all that was seen and may
stay, and where not all was asked for, all that servers have by default and that may stay.

Sources: ciphers(1) and config(5) of OpenSSL 3.0; Microsoft: "TLS Cipher Suites in Windows Server 2022", "Manage
Transport Layer Security (TLS)" (1023 characters at most in the policy).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from probe.needs import TrialKind
from probe.result import Registered, Result, Tls
from probe.verify import selectors
from probe.verify.rule import Rule
from probe.verify.what_if_tls import is_left, serves

_AT_LEVEL_0 = ("SSLv3", "TLSv1.0", "TLSv1.1")  # OpenSSL 3 has them at no other security level
_SERVED = ("TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1.0", "SSLv3")  # in whose order lists are written
# How keys are exchanged and what protects the data, in the order in which they are to be chosen: OpenSSL's word for
# it, and what the registry's names hold.
_EXCHANGES = (
    ("ECDHE", ("TLS_ECDHE_ECDSA_WITH_", "TLS_ECDHE_RSA_WITH_")),
    ("DHE", ("TLS_DHE_RSA_WITH_", "TLS_DHE_DSS_WITH_")),
    ("kRSA", ("TLS_RSA_WITH_",)),
)
_CIPHERS = (
    ("AESGCM", ("AES_256_GCM_SHA384", "AES_128_GCM_SHA256")),
    ("CHACHA20", ("CHACHA20_POLY1305_SHA256",)),
    ("AESCCM", ("AES_256_CCM", "AES_128_CCM", "AES_256_CCM_8", "AES_128_CCM_8")),
    ("ARIAGCM", ("ARIA_256_GCM_SHA384", "ARIA_128_GCM_SHA256")),
    ("AES+SHA384", ("AES_256_CBC_SHA384",)),
    ("AES+SHA256", ("AES_256_CBC_SHA256", "AES_128_CBC_SHA256")),
    ("CAMELLIA+SHA384", ("CAMELLIA_256_CBC_SHA384",)),
    ("CAMELLIA+SHA256", ("CAMELLIA_256_CBC_SHA256", "CAMELLIA_128_CBC_SHA256")),
    ("AES+SHA1", ("AES_256_CBC_SHA", "AES_128_CBC_SHA")),
    ("CAMELLIA+SHA1", ("CAMELLIA_256_CBC_SHA", "CAMELLIA_128_CBC_SHA")),
    ("3DES", ("3DES_EDE_CBC_SHA",)),
)
_OF_LISTS: Mapping[str, TrialKind] = {"tls.allowed_suites": "suites", "tls.allowed_groups": "groups"}
_AEAD = 4  # the first of them
_BY_DEFAULT = ("AESGCM", "CHACHA20", "AES+SHA384", "AES+SHA256", "AES+SHA1")  # of DEFAULT, as far as clients use it
_OPENSSL_TLS13 = ("TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256")
_OPENSSL_GROUPS = {  # those of DEFAULT first
    "x25519": "X25519",
    "secp256r1": "P-256",
    "x448": "X448",
    "secp521r1": "P-521",
    "secp384r1": "P-384",
    "ffdhe2048": "ffdhe2048",
    "ffdhe3072": "ffdhe3072",
    "ffdhe4096": "ffdhe4096",
    "ffdhe6144": "ffdhe6144",
    "ffdhe8192": "ffdhe8192",
    "X25519MLKEM768": "X25519MLKEM768",
    "SecP256r1MLKEM768": "SecP256r1MLKEM768",
    "SecP384r1MLKEM1024": "SecP384r1MLKEM1024",
    "brainpoolP256r1": "brainpoolP256r1",
    "brainpoolP384r1": "brainpoolP384r1",
    "brainpoolP512r1": "brainpoolP512r1",
}
_DEFAULT_GROUPS = ("x25519", "secp256r1", "x448", "secp521r1", "secp384r1")
_WINDOWS = (  # what Windows Server 2022 has on, in its order, without PSK and NULL; older ones have no more but 3DES
    "TLS_AES_256_GCM_SHA384",
    "TLS_AES_128_GCM_SHA256",
    *(
        f"TLS_{exchange}_WITH_{cipher}"
        for ciphers, exchanges in (
            (("AES_256_GCM_SHA384", "AES_128_GCM_SHA256"), ("ECDHE_ECDSA", "ECDHE_RSA", "DHE_RSA")),
            (("AES_256_CBC_SHA384", "AES_128_CBC_SHA256"), ("ECDHE_ECDSA", "ECDHE_RSA")),
            (("AES_256_CBC_SHA", "AES_128_CBC_SHA"), ("ECDHE_ECDSA", "ECDHE_RSA")),
            (
                (
                    "AES_256_GCM_SHA384",
                    "AES_128_GCM_SHA256",
                    "AES_256_CBC_SHA256",
                    "AES_128_CBC_SHA256",
                    "AES_256_CBC_SHA",
                    "AES_128_CBC_SHA",
                ),
                ("RSA",),
            ),
        )
        for exchange in exchanges
        for cipher in ciphers
    ),
)
_LONGEST_POLICY = 1023  # characters in SSL Cipher Suite Order


def may_stay(kind: TrialKind, rule: Rule) -> Callable[[int], bool]:
    """Whether a rule on suites or groups that are allowed or forbidden lets a code point be."""
    codes = selectors.all_of(kind, rule.value)
    is_list_of_allowed = rule.key.startswith("tls.allowed_")
    return lambda code: (code in codes) is is_list_of_allowed


def seen(kind: TrialKind, tls: Tls) -> list[Registered]:
    """All that were selected at some time, each once: those of newer versions first, and in the server's order."""
    found: list[Registered] = []
    if kind == "suites":
        for version in (*_SERVED, *tls.cipher_suites):
            found += tls.cipher_suites.get(version, [])
        found += [answer.cipher_suite for answer in tls.answered.values()]
    else:
        found += [*tls.groups, *(answer.group for answer in tls.answered.values() if answer.group is not None)]
    found += [each for trial in tls.trials if trial.kind == kind for each in trial.selected]
    return list({each.code.lower(): each for each in found}.values())


def is_listed(kind: TrialKind, tls: Tls) -> bool:
    """Whether all that is served of it is known."""
    what = "suite" if kind == "suites" else "group"
    listed = set(tls.cipher_suites) if kind == "suites" else {name for each in tls.groups for name in each.versions}
    served = [version for version in _SERVED if serves(tls, version)]
    return all(version in listed and not is_left(tls, version, what) for version in served)


def is_told(kind: TrialKind, tls: Tls) -> bool:
    """Whether all is known of it that the rule is about: listed, or offered alone until the rest was refused."""
    if is_listed(kind, tls):
        return True
    trials = [trial for trial in tls.trials if trial.kind == kind]
    return bool(trials) and all(trial.state == "rejected" for trial in trials)


def change_of(rule: Rule, change: str | None, result: Result) -> str | None:
    """The planned change that a fix is: of a list of what is allowed, that goes which is not on it, and nothing comes.

    `change` is what the rule itself says; it stands for other keys, and where not all is known that must go.
    """
    kind = _OF_LISTS.get(rule.key)
    if kind is None or result.tls is None or not is_told(kind, result.tls):
        return change
    stays = may_stay(kind, rule)
    names = selectors.SUITES if kind == "suites" else selectors.SELECTABLE_GROUPS
    off = [code for each in seen(kind, result.tls) if not stays(code := int(each.code, 16))]
    return f"{kind}.off={'+'.join(names[code] for code in off)}" if off and set(off) <= set(names) else change


def openssl_suites(rule: Rule, tls: Tls) -> str:
    """The list up to TLS 1.2 for OpenSSL: what was seen and may stay, or what it has by default and may stay."""
    stays = may_stay("suites", rule)
    known = {suite.name for suite in seen("suites", tls)}
    listed = is_listed("suites", tls) and any(stays(int(each.code, 16)) for each in _older(tls))
    names = {name for code, name in selectors.SUITES.items() if stays(code)}
    parts = [
        part
        for ciphers in (_CIPHERS[:_AEAD], _CIPHERS[_AEAD:])
        for exchange, begins in _EXCHANGES
        for cipher, ends in ciphers
        for part in _parts(
            f"{exchange}+{cipher}",
            [begin + end for end in ends for begin in begins if begin + end in _REGISTERED],
            names,
            known if listed or cipher not in _BY_DEFAULT else None,
        )
    ]
    if any("GCM" not in part and "CHACHA" not in part and "CCM" not in part for part in parts) and any(
        serves(tls, version) for version in _AT_LEVEL_0
    ):  # these versions have no AEAD
        parts.append("@SECLEVEL=0")
    return ":".join(parts)


def _older(tls: Tls) -> list[Registered]:
    return [suite for suite in seen("suites", tls) if "_WITH_" in suite.name]


def _parts(together: str, members: Sequence[str], names: set[str], known: set[str] | None) -> list[str]:
    """Some suites for OpenSSL, by their common word where all may stay. `known`: only as far as one was seen."""
    if known is not None and known.isdisjoint(members):
        return []
    if names.issuperset(members):
        return [together] if members else []
    staying = [name for name in members if name in names and (known is None or name in known)]
    return [openssl_name(name) for name in staying]


def openssl_name(name: str) -> str:
    """What OpenSSL calls a suite of `_EXCHANGES` and `_CIPHERS`: ECDHE-RSA-AES128-SHA256."""
    exchange, _with, cipher = name.removeprefix("TLS_").partition("_WITH_")
    for old, new in (("_CBC", ""), ("3DES_EDE", "DES_CBC3"), ("POLY1305_SHA256", "POLY1305"), ("CCM_8", "CCM8")):
        cipher = cipher.replace(old, new)
    for bits in ("128", "256"):
        cipher = cipher.replace(f"_{bits}", bits, 1)
    if cipher.startswith("ARIA"):
        exchange = exchange.replace("ECDHE_RSA", "ECDHE")
    return f"{'' if exchange == 'RSA' else exchange + '-'}{cipher}".replace("_", "-")


def openssl_tls13(rule: Rule, tls: Tls) -> str:
    """The list of TLS 1.3 for OpenSSL, where one of those that are seen must go; empty where nothing would be left."""
    stays = may_stay("suites", rule)
    of_tls13 = [suite for suite in seen("suites", tls) if "_WITH_" not in suite.name and suite.name.startswith("TLS_")]
    if all(stays(int(suite.code, 16)) for suite in of_tls13):
        return ""
    return ":".join(name for name in _OPENSSL_TLS13 if stays(_REGISTERED[name]))


def windows_suites(rule: Rule, tls: Tls) -> str:
    """The list for the policy SSL Cipher Suite Order, as it is typed there."""
    stays = may_stay("suites", rule)
    usual = [name for name in _WINDOWS if stays(_REGISTERED[name])]
    kept = [suite.name for suite in seen("suites", tls) if stays(int(suite.code, 16))]
    names = kept if kept and is_listed("suites", tls) else [*usual, *(name for name in kept if name not in usual)]
    text = ",".join(name for name in names if name.startswith("TLS_"))
    return text if len(text) <= _LONGEST_POLICY else text[: text.rindex(",", 0, _LONGEST_POLICY + 1)]


def openssl_groups(rule: Rule, tls: Tls) -> str:
    """The value of Groups for OpenSSL: what was seen and may stay, or what it has by default and may stay."""
    stays = may_stay("groups", rule)
    known = [each.name for each in seen("groups", tls) if each.name in _OPENSSL_GROUPS and stays(int(each.code, 16))]
    allowed = [name for code, name in selectors.SELECTABLE_GROUPS.items() if stays(code)]
    usual = [name for name in _DEFAULT_GROUPS if name in allowed]
    names = known if known and is_listed("groups", tls) else list(dict.fromkeys([*usual, *known]))
    return ":".join(_OPENSSL_GROUPS[name] for name in names or [each for each in _OPENSSL_GROUPS if each in allowed])


def openssl_group_names(chosen: Iterable[str]) -> list[str]:
    """What OpenSSL calls the groups that selectors mean, as far as it has them."""
    codes = selectors.all_of("groups", chosen)
    meant = {name for code, name in selectors.SELECTABLE_GROUPS.items() if code in codes}
    return [own for name, own in _OPENSSL_GROUPS.items() if name in meant]


_REGISTERED = {name: code for code, name in selectors.SUITES.items()}
