"""What verify's help says, and the options that it has in common with others."""

from __future__ import annotations

import pytest

from probe.cli import verify
from probe.cli.options import duration
from probe.errors import InputError
from probe.verify.what_if_language import KEYS, parse


def test_the_help_names_every_setting_of_a_change_with_a_value() -> None:
    help_ = " ".join(verify._EXAMPLES.split())
    shown = help_.partition("with commas between: ")[2].partition(". examples:")[0].split()
    assert [each.partition("=")[0] for each in shown] == list(KEYS)
    for each in shown:
        assert parse(each)


@pytest.mark.parametrize(
    ("written", "seconds"), [("500ms", 0.5), ("5s", 5), ("2m", 120), ("1.5m", 90), ("1h", 3600), ("0.5h", 1800)]
)
def test_times_have_a_unit(written: str, seconds: float) -> None:
    assert duration(written) == seconds


@pytest.mark.parametrize("written", ["5", "0s", "2h", "1d", "61m", "h", "1 h"])
def test_times_are_up_to_an_hour(written: str) -> None:
    with pytest.raises(InputError, match="not a time") as raised:
        duration(written)
    assert "up to an hour: 500ms, 5s, 2m, 1h" in raised.value.hint
