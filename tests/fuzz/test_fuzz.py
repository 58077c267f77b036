from __future__ import annotations

import random

import pytest

from tests.fuzz.__main__ import mutated
from tests.fuzz.targets import REGRESSIONS, seeds, targets

EVERY = targets()


def test_what_once_broke_no_longer_does() -> None:
    for path in sorted(REGRESSIONS.glob("*.hex")):
        lines = path.read_text("ascii").splitlines()
        data = bytes.fromhex("".join(line for line in lines if not line.startswith("#")))
        EVERY[path.stem.partition("-")[0]](data)


@pytest.mark.parametrize("name", EVERY)
def test_every_vector_goes_into_every_reader(name: str) -> None:
    for data in seeds():
        EVERY[name](data)


@pytest.mark.parametrize("name", EVERY)
def test_a_short_run_of_mutations(name: str) -> None:
    rng, corpus = random.Random(name), seeds()
    for _ in range(150):
        EVERY[name](mutated(rng, corpus))
