"""The same properties for every message of probe.wire."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import probe.wire
import tests.strategies
from probe.errors import Truncated, WireError
from tests.strategies import Case

CASES: list[Case] = [
    case
    for module in pkgutil.iter_modules(tests.strategies.__path__)
    for case in importlib.import_module(f"tests.strategies.{module.name}").CASES
]
each_message = pytest.mark.parametrize("case", CASES, ids=repr)


@each_message
@given(data=st.data())
def test_what_is_written_reads_back(case: Case, data: st.DataObject) -> None:
    message = data.draw(case.messages)
    raw = case.write(message)
    assert case.read(raw) == message
    assert case.write(case.read(raw)) == raw


@each_message
@given(raw=st.binary(max_size=400))
def test_any_bytes_give_a_message_or_a_wire_error(case: Case, raw: bytes) -> None:
    try:
        case.read(raw)
    except WireError as error:
        assert 0 <= error.offset <= len(raw)


@each_message
@given(data=st.data())
def test_every_prefix_is_truncated(case: Case, data: st.DataObject) -> None:
    raw = case.write(data.draw(case.messages))
    prefix = raw[: data.draw(st.integers(0, max(0, len(raw) - 1)))]
    if prefix == raw:
        return
    if case.framed:
        with pytest.raises(Truncated):
            case.read(prefix)
    else:
        try:
            case.read(prefix)
        except WireError as error:
            assert error.offset <= len(prefix)


@each_message
@given(data=st.data(), noise=st.binary(max_size=64))
def test_a_valid_prefix_followed_by_noise_never_escapes(case: Case, data: st.DataObject, noise: bytes) -> None:
    raw = case.write(data.draw(case.messages))
    cut = data.draw(st.integers(0, len(raw)))
    try:
        case.read(raw[:cut] + noise)
    except WireError as error:
        assert error.why


def _messages_of_wire() -> set[type[Any]]:
    """Every public dataclass of probe.wire that is read from bytes."""
    found = set()
    for module in pkgutil.iter_modules(probe.wire.__path__):
        members = inspect.getmembers(importlib.import_module(f"probe.wire.{module.name}"), inspect.isclass)
        found |= {
            kind
            for name, kind in members
            if dataclasses.is_dataclass(kind) and not name.startswith("_") and hasattr(kind, "read")
        }
    return found


def test_every_message_has_a_case() -> None:
    assert _messages_of_wire() - {case.kind for case in CASES} == set()
