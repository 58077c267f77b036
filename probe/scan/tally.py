"""What is counted of results: a tag for each thing that people scan for. Tags are functions of a stored result."""

from __future__ import annotations

from probe.result import Result
from probe.scan.work import Facts


def facts_of(result: Result) -> Facts:
    """The tags of one result, and the fingerprint of the server's certificate."""
    own = next((chain.chain[0].sha256 for chain in result.certificates if chain.chain), None)
    return Facts((result.status,), own)
