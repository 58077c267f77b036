"""Where the parts of a scan are, as who asks for its results needs to know: the journal has receipts of them alone."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass

from probe.errors import InputError
from probe.language import _
from probe.scan import sidecar

_LOCAL = ("file://", "local://")
TABLES = "parquet"


@dataclass(frozen=True, slots=True)
class Place:
    """The parts of one scan. `url` is their folder, as fsspec takes it."""

    url: str
    scan: str  # with which their names begin
    format: str

    def pattern(self) -> str | None:
        """What a shell makes their names of; None where `rdp-probe export` cannot read them from here."""
        folder = next((self.url.removeprefix(each) for each in _LOCAL if self.url.startswith(each)), self.url)
        if "://" in folder or "::" in folder or self.format == TABLES:
            return None
        return f"{shlex.quote(folder.rstrip('/') + '/' + self.scan)}-*.{self.format}"

    def sentence(self) -> str:
        """Where they are, for a person."""
        names = f"{self.url.rstrip('/')}/{self.scan}-*.{self.format}"
        if self.format == TABLES:
            return _("The results are Parquet tables, which DuckDB reads: {names}", names=names)
        return _("The results are in these files; export reads them once they are here: {names}", names=names)


def scan_name(fingerprint: str | None, seed: int) -> str:
    """With which the names of a scan's parts begin."""
    return f"{(fingerprint or 'stream')[:12]}-{seed:x}"


def of_receipts(file: str) -> Place | None:
    """Where those results are of which `file` has receipts, by the record beside it; None where there is none."""
    try:
        found = sidecar.read(file)
    except InputError:
        return None
    asked = found.arguments
    if asked.parts is None or asked.seed is None:
        return None
    url = asked.parts if "://" in asked.parts else os.path.join(found.directory, asked.parts)  # noqa: PTH118  a name
    return Place(url, scan_name(found.fingerprint, asked.seed), asked.parts_format)
