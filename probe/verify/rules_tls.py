"""What a policy may demand of TLS versions: which must, may, and must not be served."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec

from probe.diagnosis.wording import both
from probe.language import _
from probe.needs import Needs
from probe.result import Result, Verdict, VersionName
from probe.verify.rule import Finding, kind
from probe.verify.seen import VERSIONS, in_state, these
from probe.verify.served import no_road, not_settled, said_of, spoken, told, version, versions, without_tls

Versions = Annotated[list[VersionName], msgspec.Meta(min_length=1)]


def _spoken(value: Iterable[str]) -> list[str]:
    return [spoken(each) for each in value]


def _served(result: Result) -> str:
    return these(in_state(versions(result), "accepted")) or _("none")


def _short(name: str) -> str:
    """A version as --what-if has it: "1.2", "ssl3"."""
    return name.removeprefix("TLSv").replace("SSLv", "ssl")


def _older_than(name: str) -> tuple[str, ...]:
    return VERSIONS[: VERSIONS.index(name)]


def _not_older_than(name: str) -> tuple[str, ...]:
    return VERSIONS[VERSIONS.index(name) :]


def _evidence(result: Result, wanted: Iterable[str]) -> tuple[str, ...]:
    return no_road(result) or tuple(told(name, version(result, name)) for name in wanted)


def _seen(result: Result, value: Iterable[str]) -> dict[str, Verdict]:
    return {name: version(result, name) for name in value}


def _unknown(result: Result, open_: dict[str, Verdict]) -> Finding:
    """Why it is not known of some versions whether they are served."""
    evidence = _evidence(result, VERSIONS)
    return Finding(state="unknown", message=not_settled(open_), observed=_served(result), evidence=evidence)


def _failed(result: Result, seen: str, demand: str, evidence: tuple[str, ...], **mended: str | None) -> Finding:
    message = _("{seen}; demanded: {demand}", seen=seen, demand=demand)
    return Finding(state="failed", message=message, observed=_served(result), evidence=evidence, **mended)


def _passed(result: Result, seen: str, wanted: Iterable[str]) -> Finding:
    evidence = _evidence(result, wanted)
    return Finding(state="passed", message=seen, observed=_served(result), evidence=evidence)


# Versions


def _min_words(value: str) -> str:
    return _("{version} or newer", version=spoken(value))


@kind(
    "tls.min_version",
    VersionName,
    says="TLS is served, and nothing older than this version of it.",
    example='"TLSv1.2"',
    needs=Needs(versions=frozenset(VERSIONS)),
    words=_min_words,
)
def min_version(value: str, result: Result) -> Finding:
    """One that is older fails, whatever is not known of the others."""
    older, newer = _seen(result, _older_than(value)), _seen(result, _not_older_than(value))
    if found := in_state(older, "accepted"):
        seen = said_of(_spoken(found), "accepted")
        evidence = _evidence(result, found)
        change = f"tls.min={_short(value)}"
        return _failed(result, seen, _min_words(value), evidence, diagnosis="TLS_LEGACY_VERSION", change=change)
    if len(in_state(newer, "rejected")) == len(newer):
        seen = _refused(result, list(newer))
        return _failed(result, seen, _min_words(value), _evidence(result, newer), diagnosis=without_tls(result))
    matter = older if in_state(newer, "accepted") else older | newer
    open_ = {name: each for name, each in matter.items() if each.state == "unknown"}
    if open_:
        return _unknown(result, open_)
    seen = _("nothing older than {version} is accepted", version=spoken(value))
    return _passed(result, seen, VERSIONS)


def _refused(result: Result, refused: Sequence[str]) -> str:
    """What is said of versions that are demanded and refused; where all are, of all."""
    is_none = all(verdict.state == "rejected" for verdict in versions(result).values())
    return _("no TLS version is served") if is_none else said_of(_spoken(refused), "rejected")


@kind(
    "tls.max_version",
    VersionName,
    says="Nothing newer than this TLS version is accepted.",
    example='"TLSv1.2"',
    needs=lambda value: Needs(versions=frozenset(_not_older_than(value)) - {value}),
    words=lambda value: _("{version} or older", version=spoken(value)),
)
def max_version(value: str, result: Result) -> Finding:
    """Every newer one is refused."""
    newer = [name for name in _not_older_than(value) if name != value]
    demand = _("{version} or older", version=spoken(value))
    held = _("nothing newer than {version} is accepted", version=spoken(value))
    return _none_of(result, newer, demand, held, change=f"tls.max={_short(value)}")


def _none_of(
    result: Result, value: Iterable[str], demand: str, held: str, *, change: str | None, diagnosis: str | None = None
) -> Finding:
    """None of these versions is accepted."""
    verdicts = _seen(result, value)
    if found := in_state(verdicts, "accepted"):
        seen = said_of(_spoken(found), "accepted")
        return _failed(result, seen, demand, _evidence(result, found), diagnosis=diagnosis, change=change)
    if open_ := {name: each for name, each in verdicts.items() if each.state == "unknown"}:
        return _unknown(result, open_)
    return _passed(result, held, verdicts)


@kind(
    "tls.required_versions",
    Versions,
    says="Each of these TLS versions is accepted.",
    example='["TLSv1.2", "TLSv1.3"]',
    needs=lambda value: Needs(versions=frozenset(value)),
    words=lambda value: _("{versions} accepted", versions=both(_spoken(value))),
)
def required_versions(value: list[str], result: Result) -> Finding:
    """One that is refused fails, whatever is not known of the others."""
    verdicts = _seen(result, value)
    refused = in_state(verdicts, "rejected")
    if refused:
        now = in_state(versions(result), "accepted")
        return _failed(
            result,
            _refused(result, refused),
            _("{versions} accepted", versions=both(_spoken(value))),
            _evidence(result, refused),
            diagnosis="TLS_NO_COMMON_VERSION" if now else without_tls(result),
            change=_exactly({*now, *value}),
        )
    if open_ := {name: each for name, each in verdicts.items() if each.state == "unknown"}:
        return _unknown(result, open_)
    return _passed(result, _("{seen}, as demanded", seen=said_of(_spoken(value), "accepted")), value)


def _exactly(wanted: Iterable[str]) -> str | None:
    """The change to exactly these versions; None for none of them."""
    kept = "+".join(_short(name) for name in VERSIONS if name in wanted)
    return f"tls.versions={kept}" if kept else None


@kind(
    "tls.forbidden_versions",
    Versions,
    says="None of these TLS versions is accepted.",
    example='["TLSv1.0", "TLSv1.1"]',
    needs=lambda value: Needs(versions=frozenset(value)),
    words=lambda value: _("{versions} refused", versions=both(_spoken(value))),
)
def forbidden_versions(value: list[str], result: Result) -> Finding:
    """Each was turned away."""
    kept = [name for name in in_state(versions(result), "accepted") if name not in value]
    legacy = any(name in value for name in _older_than("TLSv1.2"))
    demand = _("{versions} refused", versions=both(_spoken(value)))
    held = _("{seen}, as demanded", seen=said_of(_spoken(value), "rejected"))
    diagnosis = "TLS_LEGACY_VERSION" if legacy else None
    return _none_of(result, value, demand, held, change=_exactly(kept), diagnosis=diagnosis)
