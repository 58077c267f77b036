"""Bytes that something else wrote: a specification, or a server that was seen.

A vector is a .hex file whose header lines start with # and say where it comes from and how it was checked.
"""

from __future__ import annotations

from pathlib import Path


def vector_lines(name: str) -> list[bytes]:
    """The lines of `name`.hex, each by itself."""
    lines = (Path(__file__).parent / f"{name}.hex").read_text("ascii").splitlines()
    return [bytes.fromhex(line) for line in lines if not line.startswith("#")]


def vector(name: str) -> bytes:
    """All bytes of `name`.hex."""
    return b"".join(vector_lines(name))
