"""Every embedded server is audited as a real one would be, and what was to be found is found.

Servers and audit meet on real sockets; each result is validated against the published schema as users do it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import jsonschema
import pytest
import trio

from probe.audit.settings import Settings
from probe.drive import demo
from probe.drive.limits import Limits
from probe.drive.live import audit
from probe.result import Depth, Result, Target, from_json, json_schema, to_json

PATIENCE_S = 30.0
ENDLESS = ("silent", "tarpit")  # their fault is that they never answer: nothing is gained by waiting for it
DEPTHS: tuple[Depth, ...] = ("discover", "standard", "full")
VALIDATOR = jsonschema.Draft202012Validator(json_schema())


async def _audit(server: demo.DemoServer, depth: Depth, limits: Limits) -> Result:
    target = Target(
        input=f"{server.address}:{server.port}", host=server.address, port=server.port, address=server.address
    )
    return await audit(target, Settings(depth=depth, licensing=server.licensing), limits)


def audited(kind: str, depth: Depth = "standard") -> Result:
    limits = Limits(step_s=0.1) if kind in ENDLESS else Limits()

    async def main() -> Result:
        with trio.fail_after(PATIENCE_S):
            async with demo.serving([kind]) as [server]:
                return await _audit(server, depth, limits)

    return trio.run(main)


def at(document: object, path: str) -> object:
    """What stands at a dotted path; names in it may hold dots, as "TLSv1.2" does. None where a part is absent."""
    if not path:
        return document
    if not isinstance(document, Mapping):
        return None
    for name in document:
        if path == name or path.startswith(f"{name}."):
            return at(document[name], path[len(name) + 1 :])
    return None


@pytest.mark.parametrize("kind", demo.KINDS)
def test_what_was_to_be_found_is_found(kind: str) -> None:
    result = audited(kind)
    document = json.loads(to_json(result))
    facts = demo.KINDS[kind].facts
    assert {path: at(document, path) for path in facts} == facts
    assert result.limited is None
    assert result.lost is None
    assert result.intermittent == []


@pytest.mark.parametrize("kind", demo.KINDS)
@pytest.mark.parametrize("depth", DEPTHS)
def test_a_result_is_what_the_schema_says(kind: str, depth: Depth) -> None:
    line = to_json(audited(kind, depth))
    VALIDATOR.validate(json.loads(line))
    assert b"\n" not in line
    assert to_json(from_json(line)) == line


@pytest.mark.parametrize("kind", demo.KINDS)
def test_expected_diagnoses_are_made(kind: str) -> None:
    diagnosis = pytest.importorskip("probe.diagnosis")
    if not hasattr(diagnosis, "diagnose"):
        pytest.skip("there is no diagnosis yet")
    codes = {each.code for each in diagnosis.diagnose(audited(kind))}
    assert set(demo.KINDS[kind].expects) <= codes


def test_every_kind_at_once_is_audited_as_alone() -> None:
    """What one server says is not mixed up with another's."""

    async def main() -> dict[str, Result]:
        results: dict[str, Result] = {}

        async def one(server: demo.DemoServer) -> None:
            results[server.name] = await _audit(server, "standard", Limits())

        with trio.fail_after(PATIENCE_S):
            async with demo.serving([kind for kind in demo.KINDS if kind not in ENDLESS]) as servers:
                async with trio.open_nursery() as nursery:
                    for server in servers:
                        nursery.start_soon(one, server)
                return results

    for kind, result in trio.run(main).items():
        document = json.loads(to_json(result))
        facts = demo.KINDS[kind].facts
        assert {path: at(document, path) for path in facts} == facts


@pytest.mark.parametrize(
    ("kind", "answer", "then"),
    [
        ("windows-no-nla", "valid_client", "demand_active"),
        ("xrdp-like", "license_request", None),
        ("no-license-server", "error", None),
        ("connection-limit", "valid_client", "error_info"),
    ],
)
def test_what_is_said_of_licenses_inside_tls(kind: str, answer: str, then: str | None) -> None:
    async def main() -> Result:
        async with demo.serving([kind]) as [server]:
            target = Target(input=kind, host=server.address, port=server.port, address=server.address)
            return await audit(target, Settings(licensing=True), Limits(step_s=0.5))

    over_tls = next(entry for entry in trio.run(main).licensing if entry.over == "SSL")
    assert (over_tls.answer, over_tls.then) == (answer, then)


@pytest.mark.parametrize("kind", [name for name, kind in demo.KINDS.items() if kind.licensing])
def test_what_is_found_by_licensing_is_not_found_without_it(kind: str) -> None:
    from probe.diagnosis import diagnose

    async def main() -> Result:
        async with demo.serving([kind]) as [server]:
            target = Target(input=kind, host=server.address, port=server.port, address=server.address)
            return await audit(target, Settings(), Limits())

    result = trio.run(main)
    assert result.licensing == []
    assert not {each.code for each in diagnose(result)} & {"LICENSING_FAILED", "CONNECTION_LIMIT"}
