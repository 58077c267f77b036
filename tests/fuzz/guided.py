"""python -m tests.fuzz.guided --corpus DIR [--seconds 3600]: look for a capture that breaks its reading.

Guided by coverage (`pip install atheris`; it is not installed with the project, and tests do without): whole files
through everything that `replay` does with one, as JSON. Begins from the captures in pcaps/ and what DIR already
holds. A file that breaks it, or takes over 10 s, is kept in regressions/.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from pathlib import Path

_REGRESSIONS = Path(__file__).parent / "regressions"
_LARGEST = 16 * 1024  # bytes of a file; what is read of a connection is less
_LONGEST_S = 10


def main() -> None:
    """Run until the time is over (exit status 0) or something breaks."""
    import atheris

    with atheris.instrument_imports(include=["probe"]):
        from tests.fuzz.capture_target import PCAPS, replayed

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--corpus", type=Path, required=True, help="a folder where what was found new is kept")
    options = parser.parse_args()
    options.corpus.mkdir(parents=True, exist_ok=True)
    for path in PCAPS:
        (options.corpus / path.name).write_bytes(path.read_bytes()[:_LARGEST])

    def run(data: bytes) -> None:
        began = time.monotonic()
        try:
            replayed(data)
            assert time.monotonic() - began < _LONGEST_S, "too slow"
        except Exception as error:
            kept = _REGRESSIONS / f"replay-{hashlib.sha256(data).hexdigest()[:12]}.hex"
            kept.write_text(f"# {type(error).__name__}: {str(error)[:200]!r}\n{data.hex()}\n")
            raise

    limits = (f"-max_total_time={options.seconds}", f"-max_len={_LARGEST}", "-rss_limit_mb=1500", "-timeout=60")
    atheris.Setup([sys.argv[0], *limits, f"-artifact_prefix={options.corpus}/", os.fspath(options.corpus)], run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
