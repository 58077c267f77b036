"""What a file is that was given as results and is something else: said by name, with what is needed in its place."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

from probe.errors import InputError

_RECORD = ".scan"  # beside the results of a scan, what was asked
_LONGEST_SHOWN = 60
_LARGEST_POLICY = 1_000_000  # bytes
_OTHER_DOCUMENT = b'"schema":"rdp-probe-'  # of verify, diff or explain


_OF_JSON = re.compile(rb"""\[\s*($|[\]\[{"])""")  # an array; a target may begin with a bracket too: [::1]
# A line of TOML; a line of a list of targets has no name before an = sign and is no name in brackets.
_OF_TOML = re.compile(rb"""\[\[?[A-Za-z_][\w.-]*\]?\]\s*(#.*)?|[\w.-]+\s*=\s*["'\[{].*""")


def what_it_is(file: str, line: bytes) -> InputError | None:
    """What to say of a file whose first line is this one; None where it may be a damaged result."""
    named, first = shlex.quote(file), line.strip()
    if file.endswith(_RECORD) and first.startswith(b"{"):
        return InputError(
            f"{file} says what a scan was asked; its results are in {file.removesuffix(_RECORD)}",
            f"name that file: {shlex.quote(file.removesuffix(_RECORD))}",
        )
    if first.startswith(b"PAR1"):
        return InputError(
            f"{file} is a Parquet table", "DuckDB reads it, see docs/query.md; export reads what scan wrote"
        )
    if first.startswith(b"\x1f\x8b"):
        return InputError(f"{file} is compressed by gzip", f"unpack it: zcat {named} | rdp-probe export -")
    if _is_policy(file, first):
        return InputError(
            f"{file} is a policy (TOML): it says what must hold and has no results",
            f"rdp-probe verify TARGET --policy {named}",
        )
    if first == b"{":
        return InputError(
            f"{file} is JSON of several lines; a result is one line", f"jq -c . {named} | rdp-probe export -"
        )
    if _OF_JSON.match(first):
        return InputError(
            f"{file} is a JSON array; a file of results has one object a line", f"jq -c '.[]' {named} > results.ndjson"
        )
    if first[:_LONGEST_SHOWN].lower().startswith((b"<!doctype html", b"<html")):
        return InputError(f"{file} is an HTML page; it has no results", "name the file that it was made from")
    if _OTHER_DOCUMENT in first[:_LONGEST_SHOWN]:
        return InputError(
            f"{file} says what was found out about results; it has none",
            "name the results: scan -o, host --json and verify --save write them",
        )
    scan_it = f"to get results: rdp-probe scan @{named} -o results.ndjson"
    if first.startswith((b"<?xml", b"<nmaprun", b"<!DOCTYPE")):
        return InputError(f"{file} is XML, as nmap -oX writes it: it lists targets and has no results", scan_it)
    if first.startswith(b"{") or not (first.isascii() and first.decode("ascii").isprintable()):
        return None
    shown = first.decode("ascii")[:_LONGEST_SHOWN]
    return InputError(
        f"{file} has no results of a scan: it begins with {shown!r}", f"is it a list of targets? {scan_it}"
    )


def _is_policy(file: str, first: bytes) -> bool:
    """Whether this is TOML: by a line, or where that is a remark by all of the file."""
    if not first.startswith(b"#"):
        return _OF_TOML.fullmatch(first) is not None
    try:
        if not Path(file).is_file():  # a pipe is read once
            return False
        with Path(file).open("rb") as stream:
            return bool(tomllib.loads(stream.read(_LARGEST_POLICY).decode()))
    except (OSError, ValueError, RecursionError):
        return False
