"""What a diagnosis is made of: texts declared as data, and a rule that yields evidence for them.

Texts are plain English here and pass through `probe.language` when they are shown. `texts` tells them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Literal

from probe.result import Result, Severity

Section = Literal["negotiation", "tls", "certificates", "credssp", "standard_rdp", "licensing", "udp", "gateway"]
Platform = Literal["any", "windows", "linux", "xrdp", "freerdp", "gnome"]  # `freerdp`: what is built on its library


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that may be behind a diagnosis: a sentence."""

    text: str
    tells: str = ""  # a sentence: what tells this cause apart from the others
    on: Platform = "any"  # the only kind of server that can have it


@dataclass(frozen=True, slots=True)
class Remedy:
    """One thing to do: a sentence or a few."""

    text: str
    on: Platform = "any"  # the kind of server that it is for
    lowers: bool = False  # it lowers security; the text says so, and it is told last
    heals: tuple[Cause, ...] = ()  # the causes that it is for; empty: whatever the cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Sees:
    """What users of each client see: its texts in English, and codes."""

    mstsc: tuple[str, ...] = ()  # Remote Desktop Connection on Windows
    windows_app: tuple[str, ...] = ()  # Microsoft's client on macOS, iOS and Android
    freerdp: tuple[str, ...] = ()
    rdesktop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # there is one of each code
class Diagnosis:
    """What one code means to a person. Lists are likeliest or safest first.

    `summary` may hold `{names}` of facts, which the rule gives; the other texts hold none, and `title` says the same
    where no facts are known.
    """

    code: str
    severity: Severity
    summary: str
    wire: str  # what must be seen on the wire for it, in a sentence or two
    causes: tuple[Cause, ...]
    remedies: tuple[Remedy, ...]
    user_sees: Sees = Sees()
    events: tuple[str, ...] = ()  # what the server writes into which log
    source: str
    title: str = ""  # empty where the summary holds no `{names}`

    @property
    def plain(self) -> str:
        """What it says of no server in particular."""
        return self.title or self.summary

    @property
    def page(self) -> str:
        """Where to read more, from the project's root."""
        return f"docs/diagnoses/{self.code}.md"


def texts(entry: Diagnosis) -> Iterator[str]:
    """Every text of an entry that people read in their language, each as it is looked up in a catalog of texts.

    Names of errors alone (`ERRCONNECT_…`) are the same in every language and not among them.
    """
    yield entry.summary
    if entry.title:
        yield entry.title
    yield entry.wire
    for cause in entry.causes:
        yield cause.text
        if cause.tells:
            yield cause.tells
    for remedy in entry.remedies:
        yield remedy.text
    for client in fields(entry.user_sees):
        yield from (seen for seen in getattr(entry.user_sees, client.name) if not is_constant(seen))
    yield from entry.events


def is_constant(seen: str) -> bool:
    """Whether what a user sees is the name of an error and its number, and no sentence."""
    name, _, number = seen.partition(" ")
    return name.isupper() and "_" in name and (not number or number.startswith("[0x"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One thing that was seen and that the diagnosis rests on."""

    said: str
    severity: Severity | None = None  # where what was seen weighs otherwise than the catalogue says
    summary: str | None = None  # where what was seen reads otherwise than the catalogue's summary; already translated
    likeliest: Cause | None = None  # the cause, of those in the catalogue, that this points to
    excludes: tuple[Cause, ...] = ()  # causes in the catalogue that this rules out
    facts: Mapping[str, str | int] = field(default_factory=dict)  # for the summary's `{names}`


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A catalogue entry, and what finds it: no evidence, no diagnosis."""

    diagnosis: Diagnosis
    evidence: Callable[[Result], Iterator[Evidence]]
    needs: Section | None = None  # where a result has nothing of it, the rule has nothing to say and is not asked


RULES: list[Rule] = []  # in the order of their modules, which is the order of equally severe diagnoses


def finds(
    diagnosis: Diagnosis, needs: Section | None = None
) -> Callable[[Callable[[Result], Iterator[Evidence]]], Callable[[Result], Iterator[Evidence]]]:
    """Make a generator of evidence the rule of a diagnosis."""

    def register(evidence: Callable[[Result], Iterator[Evidence]]) -> Callable[[Result], Iterator[Evidence]]:
        RULES.append(Rule(diagnosis=diagnosis, evidence=evidence, needs=needs))
        return evidence

    return register
