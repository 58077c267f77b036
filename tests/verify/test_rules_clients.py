"""What a policy demands of the known clients."""

from __future__ import annotations

import msgspec
import pytest

from probe.clients import CLIENTS
from probe.errors import InputError
from probe.needs import Needs
from probe.result import Client, Result
from probe.verify.kinds import KINDS
from tests.verify.rules import check, rdp, told

MUST, MUST_NOT = "clients.must_connect", "clients.must_not_connect"
XP, SP3, WIN7 = (CLIENTS[key].name for key in ("mstsc-xp", "mstsc-xp-sp3", "mstsc-win7"))


def judged(connects: dict[str, bool | None], because: str | None = "so it is", code: str | None = None) -> Result:
    described = rdp()
    described.clients = [
        Client(client=CLIENTS[key].name, connects=answer, because=because, diagnosis=code if answer is False else None)
        for key, answer in connects.items()
    ]
    return described


def test_all_can_connect() -> None:
    described = judged({"mstsc-win7": True, "mstsc-xp-sp3": True, "mstsc-xp": False})
    found = check(MUST, ["mstsc-win7", "mstsc-xp-sp3"], described)
    assert (found.state, found.message) == ("passed", f"can connect: {SP3}, {WIN7}")
    assert found.observed == "2 of 2 can connect"


def test_one_that_cannot_is_enough() -> None:
    described = judged({"mstsc-xp": False, "mstsc-xp-sp3": None, "mstsc-win7": True}, code="TLS_REQUIRED")
    found = check(MUST, ["mstsc-xp*", "mstsc-win7"], described)
    assert (found.state, found.message) == ("failed", f"cannot connect: {XP}")
    assert (found.observed, found.diagnosis) == ("1 of 3 can connect", "TLS_REQUIRED")
    assert found.evidence == (f"{XP}: so it is",)


def test_a_code_that_is_none_is_not_told() -> None:
    for code in (None, "OF_A_LATER_RELEASE"):
        found = check(MUST, ["mstsc-xp"], judged({"mstsc-xp": False}, None, code))
        assert found.diagnosis is None
        assert found.evidence == (f"{XP}: {code or '?'}",)


def test_none_can_connect() -> None:
    described = judged({"mstsc-xp": False, "mstsc-xp-sp3": False, "mstsc-win7": True})
    found = check(MUST_NOT, ["mstsc-xp*"], described)
    assert (found.state, found.message) == ("passed", f"cannot connect: {XP}, {SP3}")
    assert found.observed == "0 of 2 can connect"


def test_one_that_can_is_enough() -> None:
    described = judged({"mstsc-xp": None, "mstsc-xp-sp3": False, "mstsc-win7": True})
    found = check(MUST_NOT, ["mstsc-xp*", "mstsc-win7"], described)
    assert (found.state, found.message) == ("failed", f"can connect, and must not: {WIN7}")
    assert (found.observed, found.evidence) == ("1 of 3 can connect", (f"{WIN7}: so it is",))
    assert found.diagnosis is None


@pytest.mark.parametrize(("key", "answer"), [(MUST, True), (MUST_NOT, False)])
def test_what_is_not_known_is_open(key: str, answer: bool) -> None:
    described = judged({"mstsc-xp": answer, "mstsc-xp-sp3": None}, "its hello is not documented")
    expected = f"whether {SP3} can connect is not known: its hello is not documented"
    assert told(key, ["mstsc-xp*"], described) == ("unknown", expected)
    described = judged({"mstsc-xp": answer, "mstsc-xp-sp3": None}, None)
    assert told(key, ["mstsc-xp*"], described)[1] == f"whether {SP3} can connect is not known: a fact is missing"
    assert check(key, ["mstsc-xp"], described).state == "passed"


@pytest.mark.parametrize(("key", "answer"), [(MUST, True), (MUST_NOT, False)])
def test_a_client_that_the_result_lacks_is_open(key: str, answer: bool) -> None:
    described = judged({"mstsc-xp": answer})
    assert told(key, ["mstsc-xp*"], described) == ("unknown", f"nothing is known of {SP3}")
    assert told(key, ["mstsc-xp*"], rdp()) == ("unknown", f"nothing is known of {XP}, {SP3}")


@pytest.mark.parametrize("key", [MUST, MUST_NOT])
def test_a_pattern_that_fits_none_proves_nothing(key: str) -> None:
    found = KINDS[key].check(["gone"], judged({"mstsc-xp": True}))
    assert (found.state, found.message) == ("unknown", "nothing is known of these clients")


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [("mstsc-win12", 'did you mean "mstsc-win11"?'), ("zz*", f"known are {', '.join(CLIENTS)}")],
)
@pytest.mark.parametrize("key", [MUST, MUST_NOT])
def test_a_client_that_nobody_knows(key: str, pattern: str, hint: str) -> None:
    with pytest.raises(InputError) as refused:
        check(key, ["mstsc-xp", pattern], rdp())
    assert (refused.value.what, refused.value.hint) == (f'no known client is "{pattern}"', hint)


@pytest.mark.parametrize("key", [MUST, MUST_NOT])
def test_words_and_needs(key: str) -> None:
    needs = KINDS[key].needs(["mstsc-xp*", "freerdp3"])
    assert needs == Needs(standard=True, clients=frozenset({"mstsc-xp", "mstsc-xp-sp3", "freerdp3"}))
    said = "can connect" if key == MUST else "cannot connect"
    assert KINDS[key].words(["mstsc-xp", "freerdp3"]) == f"{said}: mstsc-xp, freerdp3"
    for value in ([], [""]):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(value, KINDS[key].value)
