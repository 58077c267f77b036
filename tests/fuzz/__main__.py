"""python -m tests.fuzz [--seconds 60] [--seed N]: look for input that breaks a parser or a machine."""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import time

from tests.fuzz.targets import REGRESSIONS, seeds, targets

_TELLING = (0x00, 0x01, 0x02, 0x03, 0x7F, 0x80, 0x81, 0x82, 0x84, 0xFE, 0xFF)  # values that lengths turn on


def mutated(rng: random.Random, corpus: list[bytes]) -> bytes:
    """A seed with a few bytes changed, cut, doubled, or joined with another."""
    data = bytearray(rng.choice(corpus))
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(5)
        if kind == 0 and at < len(data):
            data[at] = rng.choice(_TELLING) if rng.random() < 0.7 else rng.randrange(256)
        elif kind == 1:
            del data[at : at + rng.randint(1, 8)]
        elif kind == 2:
            data[at:at] = rng.randbytes(rng.randint(1, 8))
        elif kind == 3:
            data[at:at] = data[at : at + rng.randint(1, 32)]
        else:
            data = data[:at] + bytearray(rng.choice(corpus))[at:]
    return bytes(data)


def main() -> int:
    """Run until the time is over or something breaks. Exit status 1 when something did."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=None, help="to repeat a run")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1 << 32)
    rng, corpus, over = random.Random(seed), seeds(), time.monotonic() + options.seconds
    every, runs = list(targets().items()), 0
    while time.monotonic() < over:
        data = mutated(rng, corpus)
        for name, target in every:
            runs += 1
            try:
                target(data)
            except Exception as error:  # noqa: BLE001 - whatever it is, it breaks the invariant
                kept = REGRESSIONS / f"{name}-{hashlib.sha256(data).hexdigest()[:12]}.hex"
                kept.write_text(f"# {type(error).__name__}: {error}\n{data.hex()}\n")
                print(f"{name} broke on {kept.name} (seed {seed}): {error!r}", file=sys.stderr)
                return 1
    print(f"{runs} runs of {len(every)} targets, nothing broke (seed {seed})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
