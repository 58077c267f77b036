"""How often a scan looks for garbage: seldom while it runs, and as before afterwards."""

from __future__ import annotations

import gc

import pytest

from probe.scan.garbage import seldom_collected


def test_garbage_is_looked_for_seldom_and_not_among_what_there_was() -> None:
    before = gc.get_threshold()
    with seldom_collected():
        assert gc.get_threshold()[0] > 10 * before[0]
        assert gc.get_freeze_count() > 0
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_it_is_as_before_after_a_scan_that_failed() -> None:
    before = gc.get_threshold()
    with pytest.raises(OSError, match="full"), seldom_collected():
        raise OSError("full")
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
