"""Fixtures that several tests with real servers share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.real import certificates
from tests.real.certificates import Certificate
from tests.real.freerdp import virtual_display


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """One of each kind, and a key alone."""

    rsa: Certificate
    ecdsa: Certificate
    expired: Certificate
    rdp4_key: Path


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    directory = tmp_path_factory.mktemp("certificates")
    return Certificates(
        rsa=certificates.rsa(directory),
        ecdsa=certificates.ecdsa(directory),
        expired=certificates.expired(directory),
        rdp4_key=certificates.rsa_key_pem(directory),
    )


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """One X server for every shadow server of the run."""
    with virtual_display() as name:
        yield name
