"""Every TLS fact of depth full: by version, newest first, what is weak marked and named why.

Suites that nothing is said against are counted, and named with -v.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from probe.diagnosis.stored import stored
from probe.diagnosis.strength import (
    Weakness,
    weak_suites,
    weakest,
    weaknesses_of_dh,
    weaknesses_of_feature,
    weaknesses_of_group,
    weaknesses_of_signature,
    weaknesses_of_suite,
    weaknesses_of_version,
)
from probe.language import N_, _
from probe.report.escape import terminal
from probe.report.page import Page
from probe.report.sentences import STATES, listed, why_no_version
from probe.report.wrapping import pad
from probe.result import CipherSuite, DhParameters, Group, Registered, Result, Tls, TlsFeatures, Verdict

_NEWEST_FIRST = ("TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1.0", "SSLv3", "SSLv2")
_VERSION, _MARK = 9, 11  # the columns at which states, and what is said of suites, stand
_LONGEST_NAME = 80
_MARKS = {"weak": N_("weak"), "dated": N_("dated")}
_STYLES = {"accepted": "bold", "rejected": "", "unknown": "dim"}
_FEATURES = {
    "secure_renegotiation": N_("secure renegotiation"),
    "extended_master_secret": N_("extended master secret"),
    "encrypt_then_mac": N_("encrypt-then-MAC"),
    "compression": N_("compression"),
    "session_tickets": N_("session tickets"),
    "resumption": N_("resumption"),
    "fallback_scsv": N_("fallback SCSV"),
    "ocsp_stapling": N_("OCSP stapling"),
    "downgrade_sentinel": N_("downgrade sentinel"),
    "heartbeat": N_("heartbeat"),
    "client_certificate": N_("client certificate asked for"),
    "sslv2_framed_hello": N_("SSLv2-framed hello"),
}
_ONLY_IF_THERE = ("compression", "heartbeat", "client_certificate")  # of these, what is not there is good
_FOR_V = ("downgrade_sentinel", "sslv2_framed_hello", "fallback_scsv", "ocsp_stapling", "session_tickets")


def is_full(tls: Tls) -> bool:
    """Whether more than versions was asked for."""
    return bool(tls.cipher_suites or tls.features is not None or tls.groups or tls.unsettled)


def version_number(name: str) -> str:
    """A version as a table names it: 1.2, SSL 3."""
    return terminal(name.removeprefix("TLSv").replace("SSLv", "SSL "), 10)


def spoken(name: str) -> str:
    """A version in running words: TLS 1.2, SSLv3."""
    return name.replace("TLSv", "TLS ")


def versions(tls: Tls, page: Page, verbosity: int) -> None:
    """The block of versions, each with its suites."""
    page.title("TLS")
    for name in _in_order([*tls.versions, *tls.cipher_suites]):
        suites = tls.cipher_suites.get(name, [])
        found = tls.versions.get(name, Verdict(state="unknown"))
        first = [
            (f"  {version_number(name):<{_VERSION - 4}}  ", ""),
            (f"{pad(_(STATES[found.state]), 8)}  ", _STYLES[found.state]),
        ]
        said = _version(found, suites, tls.order_by_version.get(name))
        words = _("at least {suites}", suites=said) if suites and _goes_on(tls, name) else said
        page.paragraph(words, first=first, indent=_VERSION + 10)
        if found.state == "accepted" or suites:
            for weakness in weaknesses_of_version(name):
                _marked(page, weakness.level, _("the version itself: {weakness}", weakness=weakness))
        for mark, words in _judged(suites, name, brief=not verbosity and bool(weaknesses_of_version(name))):
            _marked(page, mark, words)
        for suite in suites if verbosity else []:
            _suite(page, suite, name)


def _goes_on(tls: Tls, version: str) -> bool:
    """Suites of this version were left unsettled."""
    return any(words.startswith(f"{version}:") and "cipher suites" in words for words in tls.unsettled)


def _in_order(names: Iterable[str]) -> list[str]:
    places = {name: place for place, name in enumerate(_NEWEST_FIRST)}
    return sorted(dict.fromkeys(names), key=lambda name: places.get(name, len(places)))


def _version(found: Verdict, suites: Sequence[CipherSuite], server_order: bool | None) -> str:
    why = [why_no_version(found)] if found.state != "accepted" else []
    if not suites:
        return listed(why)
    order = {True: [_("server's order")], False: [_("client's order")], None: []}[server_order]
    return listed([*why, _count(len(suites)), *(order if len(suites) > 1 else [])])


def _count(number: int) -> str:
    return _("1 suite") if number == 1 else _("{count} suites", count=number)


def _judged(suites: Sequence[CipherSuite], version: str, *, brief: bool) -> Iterator[tuple[str, str]]:
    """A line for each reason that makes suites weak, and one for all that are merely dated.

    `brief`, for a version that is withdrawn: one line for all that are weak. It is the version that has to go.
    """
    weak = weak_suites(suites, version)
    if brief:
        number = sum(len(each) for each in weak.values())
        if number:
            reasons = _("; ").join(_(weakness.words) for weakness in weak)
            yield "weak", _("{suites}: {reasons}", suites=_count(number), reasons=reasons)
        return
    for weakness, each in weak.items():
        named = terminal(each[0].name, _LONGEST_NAME) if len(each) == 1 else _count(len(each))
        yield "weak", _("{suites}: {reasons}", suites=named, reasons=f"{weakness}{_sizes(weakness, each)}")
    dated: dict[Weakness, int] = {}
    for weakness in (weakness for suite in suites for weakness in _dated(suite, version)):
        dated[weakness] = dated.get(weakness, 0) + 1
    if dated:
        yield (
            "dated",
            _("; ").join(
                _("{count} with {weakness}", count=count, weakness=weakness) for weakness, count in dated.items()
            ),
        )


def _dated(suite: CipherSuite, version: str) -> tuple[Weakness, ...]:
    found = weaknesses_of_suite(suite.name, version, suite.dh_bits)
    return () if weakest(found) else found[:1]


def _sizes(weakness: Weakness, weak: Sequence[CipherSuite]) -> str:
    bits = {suite.dh_bits for suite in weak if suite.dh_bits is not None} if weakness.kind == "short_dh" else set()
    return _(", {sizes} here", sizes=listed(str(size) for size in sorted(bits))) if bits else ""


def _marked(page: Page, mark: str, words: str) -> None:
    page.paragraph(words, first=[(f"    {pad(_(_MARKS.get(mark, '')), 5)}  ", _mark_style(mark))], indent=_MARK)


def _mark_style(mark: str) -> str:
    return {"weak": "yellow", "dated": "dim"}.get(mark, "")


def _suite(page: Page, suite: CipherSuite, version: str) -> None:
    found = weaknesses_of_suite(suite.name, version, suite.dh_bits)
    mark = "weak" if weakest(found) else found[0].level if found else ""
    named = f"{terminal(suite.code, 10)}  {terminal(suite.name, _LONGEST_NAME)}"
    if suite.dh_bits is not None:
        named += f", DH {suite.dh_bits}"
    reasons = _("; ").join(_(weakness.words) for weakness in found)
    _marked(page, mark, _("{suites}: {reasons}", suites=named, reasons=reasons) if found else named)


def rows(tls: Tls, verbosity: int) -> Iterator[tuple[str, str]]:
    """What TLS does besides versions and suites."""
    if tls.groups:
        yield _("Groups"), _groups(tls.groups, verbosity)
    if tls.dh_parameters:
        yield "DH", " · ".join(_dh(parameters, verbosity) for parameters in tls.dh_parameters)
    if tls.signature_schemes:
        yield _("Signatures"), _schemes(tls.signature_schemes, verbosity)
    if tls.features is not None:
        against, other = _features(tls.features, verbosity)
        lines = [*([" · ".join(other)] if other else []), *against]
        yield from zip((_("Features"), *("" for _line in lines[1:])), lines, strict=False)
    for dropped in tls.intolerance:
        hello, ending = terminal(stored(dropped.hello)), stored(dropped.ending).replace("_", " ")
        yield _("Intolerant"), _("dropped: {hello} ({ending})", hello=spoken(hello), ending=ending)
    if is_clean(tls):
        yield _("Judged"), _("nothing weak was found in versions, suites, groups, signatures and features")
    if verbosity:
        yield from _rest(tls)


def is_clean(tls: Tls) -> bool:
    """Everything was asked, everything was settled, and nothing is weak."""
    if tls.unsettled or tls.features is None or not any(tls.cipher_suites.values()):
        return False
    found = [
        *(
            each
            for version, state in tls.versions.items()
            if state.state != "rejected"
            for each in weaknesses_of_version(version)
        ),
        *(each for version, suites in tls.cipher_suites.items() for each in weak_suites(suites, version)),
        *(each for group in tls.groups for each in weaknesses_of_group(group.name)),
        *(each for parameters in tls.dh_parameters for each in weaknesses_of_dh(parameters.bits)),
        *(each for scheme in tls.signature_schemes for each in weaknesses_of_signature(scheme.name)),
        *(each for field in _FEATURES for each in weaknesses_of_feature(field, getattr(tls.features, field))),
    ]
    unknown = any(state.state == "unknown" for state in tls.versions.values())
    return not unknown and all(each.level != "weak" for each in found)


def _groups(groups: Sequence[Group], verbosity: int) -> str:
    everywhere = {tuple(group.versions) for group in groups}
    parts = []
    for group in groups:
        seen = listed(spoken(version) for version in group.versions) if len(everywhere) > 1 else ""
        said = [seen] if verbosity and seen else []
        parts.append(_judged_name(group, verbosity, weaknesses_of_group(group.name), said))
    return " · ".join(parts)


def _judged_name(found: Registered, verbosity: int, against: Sequence[Weakness], said: Sequence[str] = ()) -> str:
    """A name; its code and more with -v; and what is said against it."""
    known = [part for part in (found.code, *said) if part] if verbosity else []
    code = f" ({listed(terminal(part, 40) for part in known)})" if known else ""
    return f"{terminal(found.name, _LONGEST_NAME)}{code}{_against(against)}"


def _against(weaknesses: Sequence[Weakness]) -> str:
    return "".join(
        _(", {level}: {weakness}", level=_(_MARKS[weakness.level]), weakness=weakness) for weakness in weaknesses
    )


def _dh(parameters: DhParameters, verbosity: int) -> str:
    known = terminal(parameters.name, 40) if parameters.name is not None else _("its own")
    said = _("{bits} bits ({name})", bits=parameters.bits, name=known)
    if verbosity:
        prime, generator = terminal(parameters.prime_sha256, 64), terminal(parameters.generator, 20)
        said += _(", generator 0x{generator}, SHA-256 of the prime {digest}", generator=generator, digest=prime)
    return f"{said}{_against(weaknesses_of_dh(parameters.bits))}"


def _schemes(schemes: Sequence[Registered], verbosity: int) -> str:
    return " · ".join(_judged_name(each, verbosity, weaknesses_of_signature(each.name)) for each in schemes)


def _features(features: TlsFeatures, verbosity: int) -> tuple[list[str], list[str]]:
    """What something is said against, and the rest."""
    against: list[str] = []
    other: list[str] = []
    for field, name in _FEATURES.items():
        present: bool | None = getattr(features, field)
        words = _(name) if present else _("no {feature}", feature=_(name))
        found = weaknesses_of_feature(field, present)
        against += [
            _("{level}: {feature}, {weakness}", level=_(_MARKS[each.level]), feature=words, weakness=each)
            for each in found
            if verbosity or each.level == "weak"
        ]
        if present is not None and not found and _is_shown(field, present, verbosity):
            other.append(f"{words}{_resumed(features) if field == 'resumption' else ''}")
    if features.other_name is not None and (verbosity or features.other_name != "same certificate"):
        other.append(_("another name: {answer}", answer=stored(features.other_name)))
    return against, other


def _is_shown(field: str, present: bool, verbosity: int) -> bool:
    return bool(verbosity) or (field not in _FOR_V and (present or field not in _ONLY_IF_THERE))


def _resumed(features: TlsFeatures) -> str:
    if features.resumed_version is None:
        return ""
    return _(" (in {version})", version=terminal(spoken(features.resumed_version), 10))


def _rest(tls: Tls) -> Iterator[tuple[str, str]]:
    if tls.extensions:
        named = [f"{terminal(each.name, _LONGEST_NAME)} ({terminal(each.code, 10)})" for each in tls.extensions]
        yield _("Extensions"), " · ".join(named)
    if tls.fingerprints is not None:
        known = (("JA3S", tls.fingerprints.ja3s), ("JA4S", tls.fingerprints.ja4s))
        parts = [f"{name} {terminal(value, 80)}" for name, value in known if value is not None]
        if parts:
            yield _("Fingerprints"), " · ".join(parts)


def spent(result: Result) -> str | None:
    """How many connections were made for what, the most first; None where that is not known."""
    if not result.spent:
        return None
    parts = sorted(result.spent.items(), key=lambda part: -part[1])
    words = listed(_spent(terminal(spoken(what), 60), count) for what, count in parts)
    if result.connections == 1:
        return _("1 connection: {what}", what=words)
    return _("{count} connections: {what}", count=result.connections, what=words)


def _spent(what: str, count: int) -> str:
    return _("{count} {what}", count=count, what=stored(what.removesuffix("s") if count == 1 else what))
