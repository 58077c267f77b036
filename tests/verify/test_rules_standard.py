"""What a policy demands of Standard RDP Security."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from probe.result import EndingName, MethodAttempt, Result, StandardCertificate, StandardRdp, Verdict
from probe.verify.kinds import KINDS
from tests.verify.rules import ACCEPTED, REFUSED, SILENT, check, rdp, told

LEVEL, METHODS, BITS = (
    "standard_rdp.min_encryption_level",
    "standard_rdp.forbidden_methods",
    "standard_rdp.min_key_bits",
)
RULES: list[tuple[str, Any]] = [(LEVEL, "HIGH"), (METHODS, ["40BIT"]), (BITS, 2048)]


def serving(level: str | None = "HIGH", *methods: str, bits: int | None = 2048, **asked: str | None) -> Result:
    """Standard RDP Security; `asked` has what was chosen when a method was offered alone, or how it ended."""
    described = rdp(RDP=ACCEPTED)
    described.standard_rdp = StandardRdp(
        encryption_level=level,
        encryption_methods=list(methods),
        certificate=StandardCertificate(kind="proprietary", key_bits=bits),
        methods_asked=[offered(name.removeprefix("_"), answer, level) for name, answer in asked.items()],
    )
    return described


def offered(name: str, answer: str | None, level: str | None) -> MethodAttempt:
    if answer is None or answer.islower():
        ending: EndingName | None = answer  # type: ignore[assignment]
        return MethodAttempt(offered=name, ending=ending)
    return MethodAttempt(offered=name, method=[answer], level=level)


@pytest.mark.parametrize(("key", "value"), RULES)
def test_what_is_refused_holds(key: str, value: Any) -> None:
    for verdict in (REFUSED, Verdict(state="rejected", selected="SSL")):
        found = check(key, value, rdp(RDP=verdict))
        assert (found.state, found.message) == ("passed", "Standard RDP Security is refused")
        assert (found.observed, found.diagnosis) == ("refused", None)


@pytest.mark.parametrize(("key", "value"), RULES)
@pytest.mark.parametrize(
    ("described", "why"),
    [
        (rdp(), "RDP was not asked for"),
        (rdp(RDP=SILENT), "RDP was not settled: timed_out"),
        (rdp(RDP=ACCEPTED), "the encryption of Standard RDP Security was not asked for"),
    ],
)
def test_what_was_not_settled_is_open(key: str, value: Any, described: Result, why: str) -> None:
    assert told(key, value, described) == ("unknown", why)


LEVELS = ["NONE", "LOW", "CLIENT_COMPATIBLE", "HIGH", "FIPS"]


@pytest.mark.parametrize("least", LEVELS[1:])
@pytest.mark.parametrize("level", LEVELS)
def test_level(level: str, least: str) -> None:
    found = check(LEVEL, least, serving(level, "128BIT", _128BIT="128BIT", FIPS="closed"))
    state = "passed" if LEVELS.index(level) >= LEVELS.index(least) else "failed"
    assert (found.state, found.observed) == (state, level)
    assert found.message == f"the encryption level is {level}; {least} or higher is required"
    if state == "failed":
        assert (found.diagnosis, found.change) == ("STANDARD_RDP_WEAK", "standard_rdp=off")
        assert found.evidence == (f"offered 128BIT, chosen 128BIT, level {level}",)


def test_the_lowest_level_counts() -> None:
    described = serving("HIGH", "128BIT", _128BIT="128BIT")
    assert described.standard_rdp is not None
    described.standard_rdp.methods_asked.append(MethodAttempt(offered="40BIT", method=["40BIT"], level="LOW"))
    assert check(LEVEL, "HIGH", described).observed == "LOW"
    assert check(LEVEL, "LOW", described).state == "passed"
    described.standard_rdp.encryption_level = None
    assert check(LEVEL, "HIGH", described).observed == "LOW"


def test_a_level_that_is_not_known() -> None:
    assert told(LEVEL, "LOW", serving(None)) == ("unknown", "the encryption level is not known: not seen")
    assert told(LEVEL, "LOW", serving("0x00000009")) == ("unknown", "the encryption level is not known: 0x00000009")
    described = serving("FIPS")
    assert described.standard_rdp is not None
    described.standard_rdp.methods_asked.append(MethodAttempt(offered="40BIT", method=["40BIT"], level="9"))
    assert told(LEVEL, "LOW", described) == ("unknown", "the encryption level is not known: FIPS, 9")


def test_methods() -> None:
    described = serving("HIGH", "128BIT", _40BIT="closed", FIPS="reset", _128BIT="128BIT", _56BIT="128BIT")
    found = check(METHODS, ["40BIT", "56BIT", "FIPS"], described)
    assert (found.state, found.message) == ("passed", "none of 40BIT, 56BIT, FIPS is taken")
    assert found.observed == "128BIT"
    found = check(METHODS, ["40BIT", "128BIT"], described)
    assert (found.state, found.message) == ("failed", "Standard RDP Security takes 128BIT; forbidden are 40BIT, 128BIT")
    assert (found.diagnosis, found.change) == ("STANDARD_RDP_WEAK", "standard_rdp=off")
    assert found.evidence == ("offered 128BIT, chosen 128BIT, level HIGH", "offered 56BIT, chosen 128BIT, level HIGH")


def test_a_method_chosen_when_another_was_offered_is_taken() -> None:
    found = check(METHODS, ["40BIT"], serving("LOW", FIPS="40BIT"))
    assert (found.state, found.observed) == ("failed", "40BIT")
    assert check(METHODS, ["40BIT"], serving("LOW", "56BIT", "40BIT")).observed == "56BIT, 40BIT"


@pytest.mark.parametrize("ending", [None, "timed_out", "interrupted", "deadline", "too_much"])
def test_a_method_whose_offer_was_not_answered_is_open(ending: str | None) -> None:
    described = serving("HIGH", "128BIT", _40BIT=ending, FIPS="closed", _128BIT="128BIT")
    assert told(METHODS, ["FIPS", "40BIT"], described) == ("unknown", "whether 40BIT is taken was not settled")
    assert told(METHODS, ["40BIT", "56BIT"], described) == ("unknown", "whether 40BIT, 56BIT is taken was not settled")


@pytest.mark.parametrize("ending", ["closed", "reset"])
def test_who_hung_up_last_may_have_hung_up_for_good(ending: str) -> None:
    described = serving("HIGH", "128BIT", _128BIT="128BIT", FIPS="128BIT", _40BIT=ending, _56BIT=ending)
    words = "whether 40BIT, 56BIT is taken was not settled"
    assert told(METHODS, ["40BIT", "56BIT", "FIPS"], described) == ("unknown", words)
    assert described.standard_rdp is not None
    described.standard_rdp.methods_asked.append(MethodAttempt(offered="128BIT", method=["128BIT"], level="HIGH"))
    assert check(METHODS, ["40BIT", "56BIT", "FIPS"], described).state == "passed"
    described = serving("HIGH", _128BIT=ending, FIPS=ending, _40BIT=ending)
    assert told(METHODS, ["40BIT"], described) == ("unknown", "whether 40BIT is taken was not settled")


def test_a_broken_answer_is_no_refusal() -> None:
    described = serving("HIGH", "128BIT", _40BIT="closed", _128BIT="128BIT")
    assert described.standard_rdp is not None
    assert check(METHODS, ["40BIT"], described).state == "passed"
    described.standard_rdp.methods_asked[0].answer = "disconnect provider ultimatum"
    assert check(METHODS, ["40BIT"], described).state == "passed"
    described.standard_rdp.methods_asked[0].answer = "malformed"
    assert check(METHODS, ["40BIT"], described).state == "unknown"


def test_no_encryption_is_a_method_too() -> None:
    found = check(METHODS, ["NONE"], serving("NONE"))
    assert (found.state, found.observed) == ("failed", "NONE")
    assert check(METHODS, ["NONE"], serving("LOW", FIPS="NONE")).state == "failed"
    found = check(METHODS, ["NONE"], serving("LOW", "40BIT"))
    assert (found.state, found.observed) == ("passed", "40BIT")
    assert check(METHODS, ["NONE"], serving(None, FIPS="closed")).state == "unknown"


@pytest.mark.parametrize(
    ("bits", "state"), [(4096, "passed"), (2048, "passed"), (2047, "failed"), (512, "failed"), (0, "failed")]
)
def test_key(bits: int, state: str) -> None:
    found = check(BITS, 2048, serving(bits=bits))
    assert (found.state, found.observed) == (state, str(bits))
    assert found.message == f"the key has {bits} bits; at least 2048 are required"
    if state == "failed":
        assert (found.diagnosis, found.change) == ("STANDARD_RDP_WEAK_KEY", "standard_rdp=off")


def test_the_smallest_demand_and_nothing_taken() -> None:
    assert check(BITS, 1, serving(bits=1)).state == "passed"
    described = serving("LOW", _40BIT="closed")
    assert check(METHODS, ["40BIT"], described).state == "unknown"
    assert described.standard_rdp is not None
    described.standard_rdp.methods_asked[0].answer = "disconnect provider ultimatum"
    found = check(METHODS, ["40BIT"], described)
    assert (found.state, found.observed) == ("passed", "none")


def test_a_key_that_is_not_there() -> None:
    found = check(BITS, 512, serving("NONE", bits=4096))
    assert (found.state, found.message) == ("failed", "nothing is encrypted; a key of at least 512 bits is required")
    assert (found.observed, found.diagnosis, found.change) == ("none", "STANDARD_RDP_WEAK", "standard_rdp=off")
    described = serving(bits=None)
    assert told(BITS, 512, described) == ("unknown", "no RSA key of Standard RDP Security was seen")
    assert described.standard_rdp is not None
    described.standard_rdp.certificate = None
    assert check(BITS, 512, described).state == "unknown"


@pytest.mark.parametrize(
    ("key", "value"), [(LEVEL, "NONE"), (LEVEL, "high"), (METHODS, []), (METHODS, ["RC4"]), (BITS, 0)]
)
def test_values_that_are_none(key: str, value: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(value, KINDS[key].value)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        (LEVEL, "HIGH", "HIGH or higher, where Standard RDP Security is served"),
        (METHODS, ["40BIT", "56BIT"], "not 40BIT, 56BIT"),
        (BITS, 2048, "a key of 2048 bits or more, where Standard RDP Security is served"),
    ],
)
def test_words_and_needs(key: str, value: Any, words: str) -> None:
    assert KINDS[key].words(value) == words
    needs = KINDS[key].needs(value)
    assert (needs.encryption, needs.protocols, needs.standard) == (True, frozenset({"RDP"}), False)
