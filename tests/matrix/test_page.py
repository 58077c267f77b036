"""docs/matrix.md tells what the rows hold."""

from __future__ import annotations

from probe.diagnosis import CATALOGUE
from tests.matrix.page import PAGE, page
from tests.matrix.rows import SITUATIONS


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == page(), "run: python -m tests.matrix --update"


def test_every_code_of_a_connection_has_a_situation() -> None:
    asked_for_only = {"UDP_UNREACHABLE", "GATEWAY_UNREACHABLE", "GATEWAY_NAME_LEAK"}  # by --udp and --gateway
    of_captures = {code for code in CATALOGUE if code.startswith("CLIENT_")}  # of what others' clients do
    assert {code for row in SITUATIONS for code in row.codes} == set(CATALOGUE) - asked_for_only - of_captures


def test_every_row_says_why() -> None:
    assert all(row.why and row.started for row in SITUATIONS)
