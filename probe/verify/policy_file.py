"""Policies as TOML files: what a file says, or where its mistake is."""

from __future__ import annotations

from probe.verify.policy import Policy


def read_policy(name: str) -> Policy:
    """The policy of a file, or a built-in one by its name. Raises InputError with line, column and what was meant."""
    raise NotImplementedError


def policy_schema() -> dict[str, object]:
    """The JSON Schema (2020-12) of a policy file, for editors and other programs."""
    raise NotImplementedError
