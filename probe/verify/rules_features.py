"""What else a policy may demand of TLS: whose order of suites decides, that no hello is dropped, and its features.

All but the tolerance of hellos is asked for at depth full alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from probe.diagnosis.stored import stored
from probe.language import N_, _
from probe.needs import Needs
from probe.result import Result, TlsFeatures
from probe.verify.rule import Finding, kind
from probe.verify.seen import VERSIONS, in_state, not_known, these
from probe.verify.served import asked, no_road, not_settled, spoken, told, version, versions

_FULL = Needs(full=True)
_ORDERED = VERSIONS[1:]  # in SSL 2.0 the client chooses among all that both have
_DROPPED = ("closed", "reset")  # the reasons of verdicts on versions where nothing was said


def _none_served(result: Result) -> tuple[str, ...]:
    """Evidence that no version at all is served; nothing where one is or may be."""
    verdicts = versions(result)
    if any(verdict.state != "rejected" for verdict in verdicts.values()):
        return ()
    return no_road(result) or tuple(told(name, verdict) for name, verdict in verdicts.items())


def _without_tls(demand: str, evidence: tuple[str, ...], *, holds: bool) -> Finding:
    """A prohibition holds where no TLS is served, and a demand fails."""
    seen = _("no TLS version is served")
    message = seen if holds else _("{seen}; demanded: {demand}", seen=seen, demand=demand)
    return Finding(state="passed" if holds else "failed", message=message, observed=_("none"), evidence=evidence)


# Order


def _order_words(value: bool) -> str:
    return _("the server's order of suites decides") if value else _("the client's order of suites decides")


@kind(
    "tls.server_order",
    bool,
    says="The server's own order of cipher suites decides, or with false the client's.",
    example="true",
    needs=_FULL,
    words=_order_words,
)
def server_order(value: bool, result: Result) -> Finding:
    """In each version whose suites are more than one."""
    demand = _order_words(value)
    if none := _none_served(result):
        return _without_tls(demand, none, holds=not value)
    by_version = result.tls.order_by_version if result.tls is not None else {}
    evidence = tuple(
        _("{said}: {words}", said=name, words=_order_words(by_server)) for name, by_server in by_version.items()
    )
    observed = _("; ").join(evidence) or _("not known")
    if wrong := [name for name, by_server in by_version.items() if by_server is not value]:
        seen = _("{versions}: {order}", versions=these(spoken(name) for name in wrong), order=_order_words(not value))
        message = _("{seen}; demanded: {demand}", seen=seen, demand=demand)
        return Finding(state="failed", message=message, observed=observed, evidence=evidence)
    open_ = [name for name in _ORDERED if name not in by_version and not _has_one_suite(name, result)]
    if open_:
        message = _("whose order decides is not known of {versions}", versions=these(spoken(name) for name in open_))
        return Finding(state="unknown", message=message, observed=observed, evidence=evidence)
    message = _("{seen}, as demanded", seen=demand)
    return Finding(state="passed", message=message, observed=observed, evidence=evidence)


def _has_one_suite(name: str, result: Result) -> bool:
    """There is nothing to order: the version is refused, or has one suite."""
    known = asked("suites", name, result)
    state = version(result, name).state
    return state == "rejected" or (state == "accepted" and known.all_settled and len(known.selected) == 1)


# Tolerance


def _tolerant_words(value: bool) -> str:
    return _("no hello is dropped") if value else _("some hello is dropped")


@kind(
    "tls.tolerant",
    bool,
    says="No ClientHello is dropped for its size or for what it offers, while others are answered.",
    example="true",
    needs=Needs(versions=frozenset(VERSIONS) - {"SSLv2", "SSLv3"}, intolerance=True),
    words=_tolerant_words,
)
def tolerant(value: bool, result: Result) -> Finding:
    """What was dropped, and that hellos which could have been were answered."""
    demand = _tolerant_words(value)
    if none := _none_served(result):
        return _none_answered(value, none, result)
    dropped = result.tls.intolerance if result.tls is not None else []
    evidence = tuple(_("{said}: {words}", said=stored(each.hello), words=stored(each.ending)) for each in dropped)
    if not dropped and (why := _tolerance_open(result)):
        return not_known(why)
    seen = _("dropped: {hellos}", hellos=_("; ").join(evidence)) if dropped else _("no hello is dropped")
    observed = _("; ").join(evidence) or _("none")
    if bool(dropped) is not value:
        message = _("{seen}, as demanded", seen=seen)
        return Finding(state="passed", message=message, observed=observed, evidence=evidence)
    message = _("{seen}; demanded: {demand}", seen=seen, demand=demand)
    return Finding(
        state="failed",
        message=message,
        observed=observed,
        evidence=evidence,
        diagnosis="TLS_INTOLERANT" if dropped else None,
    )


def _none_answered(value: bool, evidence: tuple[str, ...], result: Result) -> Finding:
    """The same where no hello led to TLS: those that were dropped without a word, and not refused, count."""
    dropped = result.tls is not None and any(
        verdict.reason in _DROPPED for name, verdict in result.tls.versions.items() if not name.startswith("SSL")
    )
    seen = _("every hello is dropped or refused") if dropped else _("no TLS version is served")
    if dropped is not value:
        return Finding(state="passed", message=seen, observed=seen, evidence=evidence)
    message = _("{seen}; demanded: {demand}", seen=seen, demand=_tolerant_words(value))
    diagnosis = "TLS_HANDSHAKE_ABORTED" if dropped else None
    return Finding(state="failed", message=message, observed=seen, evidence=evidence, diagnosis=diagnosis)


def _tolerance_open(result: Result) -> str | None:
    """Why it is not known whether any hello is dropped; None where it is."""
    if result.depth == "discover" or (result.asked is not None and not _INTOLERANCE_ASKED.intersection(result.asked)):
        return _("what hellos are dropped was not asked for")
    verdicts = {name: verdict for name, verdict in versions(result).items() if not name.startswith("SSL")}
    if any(verdict.state == "unknown" for verdict in verdicts.values()):
        return not_settled(verdicts)
    return None


_INTOLERANCE_ASKED = frozenset({"tls.intolerance", "standard", "full"})


# Features


@dataclass(frozen=True, slots=True)
class _Feature:
    """One field of `TlsFeatures`. `moot` says where there can be none, and that it is then as good as there."""

    name: str
    words: str
    says: str
    moot: str | None = None  # "tls13": TLS 1.3 does without; "one": one version alone has no use for it; "cbc": no CBC
    example: str = "true"
    danger: bool = False  # where there can be none, it is as good as not there


_FEATURES = (
    _Feature(
        "secure_renegotiation",
        N_("secure renegotiation (RFC 5746)"),
        "Secure renegotiation is served, RFC 5746; TLS 1.3 has no renegotiation.",
        moot="tls13",
    ),
    _Feature(
        "extended_master_secret",
        N_("the extended master secret (RFC 7627)"),
        "The extended master secret is served, RFC 7627; TLS 1.3 always has what it is for.",
        moot="tls13",
    ),
    _Feature(
        "encrypt_then_mac",
        N_("encrypt-then-MAC (RFC 7366)"),
        "Encrypt-then-MAC is served where suites with CBC are, RFC 7366.",
        moot="cbc",
    ),
    _Feature(
        "compression",
        N_("compression"),
        "Data is compressed before encryption, where a client offers it.",
        moot="tls13",
        example="false",
        danger=True,
    ),
    _Feature(
        "session_tickets",
        N_("resumption by session tickets (RFC 5077)"),
        "Sessions up to TLS 1.2 are continued by tickets, RFC 5077.",
        moot="tls13",
        danger=True,
    ),
    _Feature(
        "fallback_scsv",
        N_("TLS_FALLBACK_SCSV (RFC 7507)"),
        "A client that falls back to an older version than both have is turned away, RFC 7507.",
        moot="one",
    ),
    _Feature(
        "downgrade_sentinel",
        N_("the downgrade sentinel (RFC 8446 4.1.3)"),
        "An answer below the newest version says so in its random, RFC 8446 section 4.1.3.",
        moot="one",
    ),
    _Feature(
        "ocsp_stapling",
        N_("OCSP stapling (RFC 6066)"),
        "A certificate status is sent to clients that ask for it, RFC 6066 section 8.",
    ),
    _Feature(
        "heartbeat",
        N_("heartbeat (RFC 6520)"),
        "The heartbeat extension is served, RFC 6520.",
        example="false",
    ),
    _Feature(
        "client_certificate",
        N_("a request for the client's certificate"),
        "The server asks clients for a certificate.",
        example="false",
    ),
    _Feature(
        "sslv2_framed_hello",
        N_("an answer to a hello in SSLv2's form"),
        "A hello in the form of SSL 2.0 that offers newer versions is answered.",
        moot="tls13",
        example="false",
        danger=True,
    ),
)


def _feature_check(feature: _Feature) -> Callable[[bool, Result], Finding]:
    def check(value: bool, result: Result) -> Finding:
        words = _(feature.words)
        demand = _feature_words(feature)(value)
        if none := _none_served(result):
            return _without_tls(demand, none, holds=not value)
        features = result.tls.features if result.tls is not None else None
        found: bool | None = getattr(features or TlsFeatures(), feature.name)
        if found is None and features is not None and (why := _moot(feature, result)) is not None:
            return _no_use(feature, value, why, demand)
        if found is None:
            return not_known(_why_no_feature(feature, result))
        seen = _("{what} is there", what=words) if found else _("{what} is not there", what=words)
        observed = _("there") if found else _("not there")
        evidence = (f"tls.features.{feature.name}: {str(found).lower()}",)
        if found is value:
            message = _("{seen}, as demanded", seen=seen)
            return Finding(state="passed", message=message, observed=observed, evidence=evidence)
        message = _("{seen}; demanded: {demand}", seen=seen, demand=demand)
        return Finding(state="failed", message=message, observed=observed, evidence=evidence)

    return check


def _why_no_feature(feature: _Feature, result: Result) -> str:
    words = _(feature.words)
    if result.tls is None or result.tls.features is None:
        return _("{what} was not asked for: --depth full", what=words)
    return _("nothing that was answered tells of {what}", what=words)


def _moot(feature: _Feature, result: Result) -> str | None:
    """Why there can be no such thing, where that is so."""
    served, unknown = in_state(versions(result), "accepted"), in_state(versions(result), "unknown")
    if unknown or len(served) == 0:
        return None
    if feature.moot is not None and served == ["TLSv1.3"]:
        return _("only {version} is served", version=spoken("TLSv1.3"))
    if feature.moot == "one" and len(served) == 1:
        return _("only {version} is served", version=spoken(served[0]))
    if feature.moot == "cbc" and not any(_may_have_cbc(name, result) for name in served):
        return _("no suite with CBC is served")
    return None


def _may_have_cbc(name: str, result: Result) -> bool:
    known = asked("suites", name, result)
    return not known.all_settled or any("_CBC_" in suite for suite in known.selected.values())


def _no_use(feature: _Feature, value: bool, why: str, demand: str) -> Finding:
    """What is for nothing there is as good as there, unless it is a danger: then it is not there."""
    seen = _("{why}, which has no use for {what}", why=why, what=_(feature.words))
    if value and feature.danger:
        message = _("{seen}; demanded: {demand}", seen=seen, demand=demand)
        return Finding(state="failed", message=message, observed=_("not there"))
    return Finding(state="passed", message=seen, observed=_("not there"))


def _feature_words(feature: _Feature) -> Callable[[bool], str]:
    def words(value: bool) -> str:
        what = _(feature.words)
        return _("with {what}", what=what) if value else _("without {what}", what=what)

    return words


for _each in _FEATURES:
    kind(
        f"tls.{_each.name}",
        bool,
        says=f"{_each.says} With false: it is not.",
        example=_each.example,
        needs=_FULL,
        words=_feature_words(_each),
    )(_feature_check(_each))
