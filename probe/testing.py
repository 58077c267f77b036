"""A pytest plugin for tests of servers: `rdp_verify("srv1.example", policy="strict")` in a test fails as `verify` does.

It comes with the package: pytest finds it by itself, and nothing is imported before a test asks for it. `verify_rdp`
is the same without pytest.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Literal

import pytest

if TYPE_CHECKING:
    from probe.cli.demands import Demands
    from probe.cli.verifying import Verifier
    from probe.drive.limits import Limits
    from probe.result.verification import Verification

VerifyRdp = Callable[..., "list[Verification]"]


class RdpFailed(AssertionError):
    """A server is not as it is demanded; the message is what `rdp-probe verify` prints. `verifications` has it all."""

    def __init__(self, verifications: Sequence[Verification]) -> None:
        super().__init__(f"\n{_text(verifications)}")
        self.verifications = list(verifications)


class RdpUnknown(RdpFailed):
    """Nothing fails, but something that is demanded could not be determined: the server was not reached, say."""


@pytest.fixture
def rdp_verify() -> VerifyRdp:
    """`verify_rdp`, as a fixture."""
    return verify_rdp


def verify_rdp(
    *targets: str,
    policy: str | Sequence[str] = (),
    baseline: str | None = None,
    exact: bool = False,
    what_if: str | None = None,
    depth: Literal["standard", "full"] | None = None,
    port: int | None = None,
    server_name: str | None = None,
    ca_file: str | None = None,
    timeout_s: float = 5.0,
    retry_s: float = 0.0,
) -> list[Verification]:
    """Verify servers, one verification for each address.

    `targets` are what the command takes: names, addresses, "[::1]:3390", "10.0.0.0/28". `policy` is a built-in
    policy, a file, or several of them; `baseline` a file of earlier results, of which nothing may have become worse
    (`exact`: nothing may have changed); `what_if` a planned change, which must cut nobody off, or with a policy make it
    hold; `depth` what is asked besides what is needed. Times are seconds: the longest silence of a server, and how long
    one that does not pass is asked again. Raises RdpFailed, RdpUnknown, and InputError for what cannot be understood.
    """
    __tracebackhide__ = True  # of a test that fails the report is read, and not how it came about
    from probe.drive.limits import Limits
    from probe.errors import InputError

    policies = tuple(policy) if isinstance(policy, list | tuple) else (policy,)
    try:
        _check(targets, policies, baseline, what_if, depth)
        with ExitStack() as closing:
            demands = _demands(policies, baseline, closing, exact=exact, what_if=what_if, depth=depth)
            found = _found(
                targets,
                demands,
                ports=[port] if port is not None else [],
                server_name=server_name,
                limits=Limits(step_s=timeout_s, ca_file=ca_file),
                retry_s=retry_s,
            )
    except InputError as error:
        for what, hint in ((None, error.hint), *error.more):
            error.add_note(f"hint: {hint}" if what is None else f"also: {what}\nhint: {hint}")
        raise error.with_traceback(None) from None
    open_or_failed = [each for each in found if each.verdict != "passed"]
    if any(each.verdict == "failed" for each in open_or_failed):
        raise RdpFailed(open_or_failed)
    if open_or_failed:
        raise RdpUnknown(open_or_failed)
    return found


def _found(
    targets: Sequence[str],
    demands: Demands,
    *,
    ports: Sequence[int],
    server_name: str | None,
    limits: Limits,
    retry_s: float,
) -> list[Verification]:
    """Ask and judge."""
    import trio

    from probe.audit.settings import Settings
    from probe.cli.verifying import Verifier

    settings = Settings(server_name=server_name, keep_attempts=False)
    verifier = Verifier(demands=demands, settings=settings, limits=limits, retry_s=retry_s)
    return trio.run(_verified, verifier, targets, ports)


def _check(
    targets: Sequence[object],
    policies: Sequence[object],
    baseline: str | None,
    what_if: str | None,
    depth: str | None,
) -> None:
    """Raises InputError for arguments that cannot be meant."""
    from probe.errors import InputError

    if not targets:
        raise InputError("there is no target", 'give a name or an address: rdp_verify("srv1.example", policy="strict")')
    for what, given, hint in (("target", targets, "rdp_verify(*servers)"), ("policy", policies, 'policy="strict"')):
        for each in given:
            if not isinstance(each, str):
                raise InputError(f"a {what} is a text, and not {each!r}", f"for several: {hint}")
    if not policies and baseline is None and what_if is None:
        raise InputError("nothing is demanded", 'give policy="strict", a policy file, or baseline="before.ndjson"')
    if depth not in (None, "standard", "full"):
        raise InputError(f"there is no depth {depth!r} for this", 'depth="standard" or depth="full"')


def _demands(
    policies: Sequence[str],
    baseline: str | None,
    closing: ExitStack,
    *,
    exact: bool,
    what_if: str | None,
    depth: str | None,
) -> Demands:
    from probe.cli.demands import Baseline, Demands
    from probe.needs import NOTHING, Needs
    from probe.verify.policy_file import read_policy

    __tracebackhide__ = True

    compared = None
    if baseline is not None:
        from probe.cli.verify_run import remark
        from probe.scan.kept import Kept

        compared = Baseline(file=baseline, results=closing.enter_context(Kept(baseline, remark)), exact=exact)
    demands = Demands(
        today=dt.datetime.now().astimezone().date(),
        policies=tuple(map(read_policy, policies)),
        baseline=compared,
        what_if=what_if,
        more=Needs(full=True) if depth == "full" else Needs(standard=True) if depth == "standard" else NOTHING,
        lists=depth != "standard",
    )
    demands.check()
    return demands


async def _verified(verifier: Verifier, texts: Sequence[str], ports: Sequence[int]) -> list[Verification]:
    from probe.errors import InputError
    from probe.scan.targets import targets

    found: list[Verification] = []
    mistake: InputError | None = None  # raised outside: a nursery would wrap it
    async with verifier.verify(targets(texts, ports)) as results:
        async for each in results:
            if isinstance(each, InputError):
                mistake = each
                break
            verifier.taken(each)
            found.append(each.verification)
    if mistake is not None:
        raise mistake
    if not found:
        raise InputError("there is no target in what was given", "give a name or an address")
    return found


def _text(verifications: Sequence[Verification]) -> str:
    """What the command prints of them."""
    from probe.report.text import console
    from probe.report.text_verify import render

    out = io.StringIO()
    for each in verifications:
        render(each, console(out))
    return out.getvalue()
