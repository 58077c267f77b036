"""The answer of `rdp-probe explain`, as a document that leaves the program."""

from __future__ import annotations

from typing import Literal

import msgspec

EXPLAIN_SCHEMA = "rdp-probe-explain/1"


class Weighed(msgspec.Struct, kw_only=True):
    """What an audit of the target says of one cause."""

    verdict: Literal["found", "excluded", "open"]
    evidence: list[str] = []


class PossibleCause(msgspec.Struct, kw_only=True):
    """One thing that may be behind a message."""

    text: str
    tells: str  # what tells it apart from the others
    diagnosis: str | None = None  # the diagnosis that proves it; None where nothing on the wire shows it
    page: str | None = None  # of that diagnosis, from the project's root
    result: Weighed | None = None  # with a target: what its audit says


class Meaning(msgspec.Struct, kw_only=True):
    """One meaning that the text may have."""

    key: str
    kind: str
    title: str
    meaning: str
    sure: float  # 0 to 1: how much the text looks like this one
    seen: str  # what in the text it was recognized by
    causes: list[PossibleCause] = []  # likeliest first
    rarer: list[str] = []  # diagnoses whose users may see it too
    command: str  # the one command whose result tells the causes apart
    remedies: list[str] = []  # of a diagnosis of ours; of others, see the pages of their causes
    user_sees: list[str] = []  # of a diagnosis of ours
    page: str | None = None  # of a diagnosis of ours
    source: str


class NearestKnown(msgspec.Struct, kw_only=True):
    """Something known that is near to something that is not."""

    unknown: str
    key: str
    title: str
    distance: str


class Audited(msgspec.Struct, kw_only=True):
    """A target that was audited to tell the causes apart."""

    target: str
    address: str | None = None
    port: int
    status: str
    verdict: str
    diagnoses: list[str] = []


class Explained(msgspec.Struct, kw_only=True):
    """What `rdp-probe explain --json` prints."""

    schema: str = EXPLAIN_SCHEMA
    asked: str
    cut: bool = False  # only the beginning was read
    matches: list[Meaning] = []  # best first
    diagnoses: list[str] = []  # all codes of the causes
    unknown: list[str] = []  # what in the text looks like a code or message and is not known
    nearest: list[NearestKnown] = []
    nothing_said: list[str] = []  # codes of 0, which say nothing
    remedies: dict[str, list[str]] = {}  # with --target: what to do about each diagnosis found
    audited: list[Audited] = []  # with --target: what was asked, one for each address


_encoder = msgspec.json.Encoder()


def to_json(answer: Explained) -> bytes:
    """One line of JSON, without the line end. Only what is below U+0020 is escaped: see `report.escape`."""
    return _encoder.encode(answer)


def explain_schema() -> dict[str, object]:
    """The JSON Schema (2020-12) of that document."""
    schema = msgspec.json.schema(Explained)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "rdp-probe explain, one text"
    return schema
