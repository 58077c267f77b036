from __future__ import annotations

from enum import Enum

import pytest

from probe.handshake.machine import Side
from tools.make_states import TARGET, Table, render, tables

MACHINES = {name: (states, transitions) for name, _, states, transitions in tables()}
_ENDS = ("CONFIRMED", "CONNECTED", "ANSWERED", "DISCONNECTED", "REFUSED", "HANDED_OVER", "FAILED")


@pytest.fixture(params=sorted(MACHINES))
def machine(request: pytest.FixtureRequest) -> tuple[type[Enum], Table]:
    return MACHINES[request.param]


def test_the_machines_with_a_table_are_known() -> None:
    assert sorted(MACHINES) == [
        "credssp",
        "licensing",
        "negotiation",
        "ssl2_hello",
        "standard_rdp",
        "tls_hello",
        "tls_watched",
    ]


def test_the_page_is_fresh() -> None:
    assert TARGET.read_text("utf-8") == render(), "stale: run python -m tools.make_states"


def test_every_waiting_state_can_be_left_and_no_other(machine: tuple[type[Enum], Table]) -> None:
    states, transitions = machine
    left = {key[0] for key in transitions}
    assert left == {state for state in states if state.name.startswith("EXPECT_")}
    assert {state.name for state in states if state not in left} <= set(_ENDS)


def test_every_state_is_reached_from_the_first_or_by_what_the_table_leaves_out(
    machine: tuple[type[Enum], Table],
) -> None:
    states, transitions = machine
    first = next(iter(states))
    reached = {first}
    while more := {then for key, then in transitions.items() if key[0] in reached} - reached:
        reached |= more
    # A HelloRetryRequest is a ServerHello by its type; the machine tells it by its random. What is handed over is read
    # by another machine.
    aside = {"FAILED", "REFUSED", "DISCONNECTED", "HANDED_OVER"}
    aside |= {"EXPECT_SECOND_CLIENT_HELLO", "EXPECT_SECOND_SERVER_HELLO"}
    assert {state.name for state in states if state not in reached} <= aside


def test_the_client_speaks_first_and_somebody_always_speaks(machine: tuple[type[Enum], Table]) -> None:
    states, transitions = machine
    first = next(iter(states))
    assert Side.CLIENT in {key[1] for key in transitions if key[0] is first}
    assert {key[1] for key in transitions} == set(Side)
