"""What a row of the knowledge about messages and codes is made of.

Texts are plain English here and pass through `probe.language` when they are shown. What a message is recognized by,
and official names and titles, are data and are not translated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "mstsc",
    "windows_app",
    "gateway",
    "message",
    "setting",
    "reason",
    "event",
    "freerdp",
    "linux",
    "status",
    "alert",
    "negotiation",
    "diagnosis",
]

# What a reader calls each kind.
KINDS: Mapping[Kind, str] = {
    "mstsc": "error code of Remote Desktop Connection and Windows App",
    "windows_app": "error code of Windows App",
    "gateway": "error code about the RD Gateway",
    "message": "message of Remote Desktop Connection",
    "setting": "setting",
    "reason": "reason that the server gave (extended error code, Set Error Info PDU)",
    "event": "entry of a Windows event log",
    "freerdp": "error of FreeRDP and the clients built on it",
    "linux": "message of xrdp, rdesktop or another program on Linux",
    "status": "Windows status code",
    "alert": "TLS alert",
    "negotiation": "RDP negotiation failure",
    "diagnosis": "diagnosis of rdp-probe",
}

COMMAND = "rdp-probe host SERVER"


@dataclass(frozen=True, slots=True)
class Suspect:
    """One thing that may be behind a message: a sentence, what tells it apart, and what proves it.

    `diagnosis` is the code of the diagnosis that `rdp-probe host` gives where this is the cause; None where nothing on
    the wire shows it, and `tells` then says where to look instead.
    """

    text: str
    tells: str
    diagnosis: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What one message or code means. Causes are likeliest first."""

    key: str
    kind: Kind
    title: str  # the name or text by which it is known; not translated
    meaning: str
    causes: tuple[Suspect, ...] = ()
    options: str = ""  # of the one command whose result tells the causes apart
    numbers: tuple[int, ...] = ()  # by which it is known, however they are written
    events: tuple[int, ...] = ()  # event ids
    sources: tuple[str, ...] = ()  # of these events, as logs name them
    alert: int | None = None  # of TLS
    failure: int | None = None  # of the RDP negotiation
    names: tuple[str, ...] = ()  # constants
    phrases: tuple[str, ...] = ()  # pieces of messages, English and Chinese, as people paste them
    general: bool = False  # it is shown for so many reasons that anything else in a text says more
    advice: str = ""  # what to do where no diagnosis has remedies for it
    own: str = ""  # the code of a diagnosis of ours, where the row is one
    source: str

    @property
    def command(self) -> str:
        """The one command whose result tells the causes apart."""
        return f"{COMMAND} {self.options}" if self.options else COMMAND

    @property
    def diagnoses(self) -> list[str]:
        """The codes that its causes lead to, likeliest first."""
        codes = (self.own, *(cause.diagnosis for cause in self.causes))
        return list(dict.fromkeys(code for code in codes if code))


def texts_of(entry: Explanation) -> Iterator[str]:
    """Every text of a row that is translated."""
    yield entry.meaning
    for cause in entry.causes:
        yield cause.text
        yield cause.tells
    if entry.advice:
        yield entry.advice
