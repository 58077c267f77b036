"""A pytest plugin for tests of servers: `rdp_verify("srv1.example", policy="strict")` in a test fails as `verify` does.

It comes with the package: pytest finds it by itself, and nothing is imported before a test asks for it. `verify_rdp`
is the same without pytest.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from probe.cli.demands import Demands
    from probe.cli.verifying import Verifier
    from probe.result.verification import Verification
    from probe.verify.policy import Policy

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
    port: int | None = None,
    server_name: str | None = None,
    ca_file: str | None = None,
    timeout_s: float = 5.0,
    retry_s: float = 0.0,
) -> list[Verification]:
    """Verify servers, one verification for each address.

    `targets` are what the command takes: names, addresses, "[::1]:3390", "10.0.0.0/28". `policy` is a built-in
    policy, a file, or several of them; `baseline` a file of earlier results, of which nothing may have become worse
    (`exact`: nothing may have changed). Times are seconds: the longest silence of a server, and how long one that does
    not pass is asked again. Raises RdpFailed, RdpUnknown, and InputError for what cannot be understood.
    """
    import trio

    from probe.audit.settings import Settings
    from probe.cli.verifying import Verifier
    from probe.drive.limits import Limits
    from probe.errors import InputError
    from probe.verify.policy_file import read_policy

    policies = (policy,) if isinstance(policy, str) else tuple(policy)
    if not targets:
        raise InputError("there is no target", 'give a name or an address: rdp_verify("srv1.example", policy="strict")')
    if not policies and baseline is None:
        raise InputError("nothing is demanded", 'give policy="strict", a policy file, or baseline="before.ndjson"')
    with ExitStack() as closing:
        verifier = Verifier(
            demands=_demands(tuple(map(read_policy, policies)), baseline, closing, exact=exact),
            settings=Settings(server_name=server_name, keep_attempts=False),
            limits=Limits(step_s=timeout_s, ca_file=ca_file),
            retry_s=retry_s,
        )
        found = trio.run(_verified, verifier, targets, [port] if port is not None else [])
    open_or_failed = [each for each in found if each.verdict != "passed"]
    if any(each.verdict == "failed" for each in open_or_failed):
        raise RdpFailed(open_or_failed)
    if open_or_failed:
        raise RdpUnknown(open_or_failed)
    return found


def _demands(policies: tuple[Policy, ...], baseline: str | None, closing: ExitStack, *, exact: bool) -> Demands:
    from probe.cli.demands import Baseline, Demands

    compared = None
    if baseline is not None:
        from probe.cli.verify_run import remark
        from probe.scan.kept import Kept

        compared = Baseline(file=baseline, results=closing.enter_context(Kept(baseline, remark)), exact=exact)
    return Demands(today=dt.datetime.now().astimezone().date(), policies=policies, baseline=compared)


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
