"""The policies that come with the program, by their names: the files of `policies/`."""

from __future__ import annotations

from importlib.resources import files

_ENDING = ".toml"


def names() -> tuple[str, ...]:
    """The names of all of them, in alphabetical order."""
    found = (each.name for each in files("probe.verify").joinpath("policies").iterdir())
    return tuple(sorted(name.removesuffix(_ENDING) for name in found if name.endswith(_ENDING)))


def text(name: str) -> str:
    """The file of one of `names()`, as it is."""
    return files("probe.verify").joinpath("policies", f"{name}{_ENDING}").read_text("utf-8")
