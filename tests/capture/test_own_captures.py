"""Every capture of pcaps/: what its sidecar says is what replay finds in it, and its results are the reviewed ones.

The sidecars were written from the servers' configurations and from what tshark reads, without rdp-probe.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from probe.result import Result
from tests.golden.replayed import CAPTURES, by_stream, captures, golden, goldens, name_of, results_of

MOST_BYTES = 40 * 1024
MOST_BYTES_TOGETHER = 1_500_000
NAMES = [path.name for path in captures()]
ALERTS = {"handshake_failure": 40, "unknown_ca": 48, "protocol_version": 70, "internal_error": 80}


def sidecar(capture: Path) -> dict[str, object]:
    return tomllib.loads(capture.with_name(f"{name_of(capture)}.toml").read_text(encoding="utf-8"))


def connections(capture: Path) -> list[dict[str, object]]:
    found = sidecar(capture).get("connection", [])
    assert isinstance(found, list)
    return found


def test_every_capture_has_its_sidecar_and_every_sidecar_its_capture() -> None:
    names = {name_of(path) for path in captures()}
    assert len(names) == len(captures()) >= 30
    assert {path.stem for path in CAPTURES.glob("*.toml")} == names
    assert {path.stem for path in CAPTURES.glob("*.keys")} <= names


def test_there_is_nothing_else_and_all_of_it_is_small() -> None:
    files = [path for path in CAPTURES.iterdir() if path.name != "README.md"]
    assert {path.suffix for path in files} <= {".pcap", ".pcapng", ".gz", ".toml", ".keys"}
    assert max(path.stat().st_size for path in files) < MOST_BYTES
    assert sum(path.stat().st_size for path in files) < MOST_BYTES_TOGETHER


@pytest.mark.parametrize("name", NAMES)
def test_a_sidecar_says_where_its_capture_comes_from(name: str) -> None:
    said = sidecar(CAPTURES / name)
    assert said["story"]
    assert said["origin"]
    made_by = said["made_by"]
    assert isinstance(made_by, dict)
    assert made_by["command"] == f"python -m tests.real.captures --only {name_of(CAPTURES / name)}"
    assert made_by["run"]


@pytest.mark.parametrize("name", NAMES)
def test_what_its_sidecar_says_is_found(name: str) -> None:
    found = by_stream(CAPTURES / name)
    expected = {int(str(each["stream"])): each for each in connections(CAPTURES / name)}
    assert found.keys() == expected.keys()
    wrong = [
        f"stream {stream}: {fact} is {expected[stream][fact]!r}, found {value!r}"
        for stream, result in found.items()
        for fact, value in facts(result, expected[stream]).items()
        if value != expected[stream][fact]
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", NAMES)
def test_exchanges_over_udp_are_found(name: str) -> None:
    truth = sidecar(CAPTURES / name).get("truth", {})
    assert isinstance(truth, dict)
    found = len(results_of(CAPTURES / name)) - len(by_stream(CAPTURES / name))
    assert found == truth.get("udp_exchanges", 0)


@pytest.mark.parametrize(("path", "capture"), [pytest.param(*each, id=each[0].stem) for each in goldens()])
def test_the_results_are_the_reviewed_ones(path: Path, capture: Path) -> None:
    assert path.exists(), "python -m tests.golden --update writes it"
    assert golden(capture) == path.read_text(encoding="utf-8"), (
        "python -m tests.golden --update, and read the difference"
    )


def test_no_golden_result_is_left_over() -> None:
    kept = {path for path, _ in goldens()}
    assert set((CAPTURES.parent / "tests" / "golden" / "replay").iterdir()) == kept


def test_an_audit_in_one_capture_comes_to_one_verdict() -> None:
    (result,) = results_of(CAPTURES / "probe-standard.pcap", by_server=True)
    assert result.negotiation is not None
    assert result.negotiation.nla == sidecar(CAPTURES / "probe-standard.pcap")["truth"]["nla"]  # type: ignore[index]
    assert result.connections == len(connections(CAPTURES / "probe-standard.pcap"))


def facts(result: Result, expected: Mapping[str, object]) -> dict[str, object]:
    """What a result says of each fact that its sidecar states, in the sidecar's form."""
    told = expected.keys() - not_told(result, expected)
    return {name: FACTS[name](result) if name in FACTS else _of_sets(result, name, expected) for name in told}


def not_told(result: Result, expected: Mapping[str, object]) -> set[str]:
    """What is in the capture and, on purpose, not in a result."""
    missing = set()
    if result.service == "tls":  # `tls` and `certificates` are those of an RDP server, which this is none
        missing |= {"tls", "suite", "certificate", "certificates"}
    if "ja3" not in expected:  # an alert after the client has gone answers no hello of it
        missing |= {"alerts"}
    return missing


def _of_sets(result: Result, name: str, expected: Mapping[str, object]) -> object:
    """Diagnoses that must be there, and those that must not: as expected where that holds, else what is there."""
    codes = [each.code for each in result.diagnoses]
    given = expected[name]
    assert isinstance(given, list)
    holds = set(given) <= set(codes) if name == "codes" else not set(given) & set(codes)
    return given if holds else codes


def _client(result: Result, name: str) -> object:
    side = result.capture.client_side if result.capture else None
    return getattr(side, name, None)


def _hello(result: Result, name: str) -> object:
    return getattr(_client(result, "hello"), name, None)


def _layout(result: Result) -> object:
    layout = _client(result, "keyboard_layout")
    return int(layout, 16) if isinstance(layout, str) else None


def _attempt(result: Result, name: str) -> object:
    attempts = result.negotiation.attempts if result.negotiation else []
    return getattr(attempts[0], name) if attempts else None


def _handshake(result: Result) -> object:
    return result.tls.handshake if result.tls else None


def _suite(result: Result) -> object:
    return getattr(getattr(_handshake(result), "cipher_suite", None), "code", None)


def _chain(result: Result) -> list[str]:
    return [each.sha256 for each in result.certificates[0].chain] if result.certificates else []


def _level(result: Result) -> object:
    return result.standard_rdp.encryption_level if result.standard_rdp else _NONE_INSIDE_TLS


def _method(result: Result) -> object:
    if result.standard_rdp is None:
        return _NONE_INSIDE_TLS
    return result.standard_rdp.encryption_methods[0] if result.standard_rdp.encryption_methods else "NONE"


# TLS has the place of Standard RDP Security: tshark shows the server's security data, which say NONE.
_NONE_INSIDE_TLS = "NONE"


def _ending(result: Result) -> str:
    """As tshark shows it: a refusal is a reset; where nobody ended it, that is all that is seen."""
    assert result.capture is not None
    ending = result.capture.ending
    return {"refused": "reset", "unanswered": "open", "unreachable": "open", "timed_out": "open"}.get(ending, ending)


def _capture(name: str) -> Callable[[Result], object]:
    return lambda result: getattr(result.capture, name)


def _alerts(result: Result) -> list[str]:
    """Those that say what went wrong, as far as they can be read; close_notify says nothing of that."""
    failure = result.tls.handshake_failure if result.tls else None
    named = {
        "server": (failure.reason or "").removeprefix("alert ") if failure else "",
        "client": _client(result, "alert"),
    }
    return [f"{side} {ALERTS[str(name)]}" for side, name in named.items() if name in ALERTS]


FACTS: dict[str, Callable[[Result], object]] = {
    "stream": _capture("stream"),
    "client": _capture("client"),
    "server": _capture("server"),
    "ended_by": _capture("ended_by"),
    "ending": _ending,
    "gaps": _capture("gaps"),
    "truncated": _capture("truncated"),
    "one_sided": _capture("one_sided"),
    "decrypted": _capture("decrypted"),
    "requested": lambda result: _client(result, "requested"),
    "selected": lambda result: _attempt(result, "selected"),
    "failure": lambda result: _attempt(result, "failure"),
    "cookie": lambda result: _client(result, "cookie"),
    "client_name": lambda result: _client(result, "client_name"),
    "client_build": lambda result: _client(result, "client_build"),
    "keyboard_layout": _layout,
    "channels": lambda result: _client(result, "channels"),
    "level": _level,
    "method": _method,
    "tls": lambda result: getattr(_handshake(result), "version", None),
    "suite": _suite,
    "certificate": lambda result: next(iter(_chain(result)), None),
    "certificates": lambda result: len(_chain(result)),
    "server_name": lambda result: _hello(result, "server_name"),
    "ja3": lambda result: _hello(result, "ja3"),
    "user": lambda result: getattr(_client(result, "credssp"), "user", None),
    "domain": lambda result: getattr(_client(result, "credssp"), "domain", None),
    "alerts": _alerts,
    "status": lambda result: result.status,
    "service": lambda result: result.service,
}
