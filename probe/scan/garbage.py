"""How often this process looks for garbage that refers to itself, while it scans.

A target leaves hardly any such garbage, but what thousands of others are in the middle of is looked through each time,
and with it every class and function of the program: a tenth of a scan's CPU.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_BETWEEN = 20_000  # objects made and not yet freed; Python's own figure is 700


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Look for garbage less often inside this block, and not among what there was before it."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_BETWEEN, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
