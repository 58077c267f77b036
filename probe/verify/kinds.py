"""Every key that a policy may have: importing this fills `rule.KINDS`, in the order of documentation."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module

from probe.verify.rule import KINDS, Kind

__all__ = ["KINDS", "kind_of"]

for _name in (
    "protocols",
    "tls",
    "suites",
    "key_exchange",
    "features",
    "certificate",
    "certificate_make",
    "credssp",
    "standard",
    "others",
    "clients",
    "fact",
):
    with suppress(ModuleNotFoundError):
        import_module(f"probe.verify.rules_{_name}")


def kind_of(key: str) -> Kind:
    """What a rule's key is: that of any fact is "fact:PATH", and they are all of one kind."""
    return KINDS["fact" if key.startswith("fact:") else key]
