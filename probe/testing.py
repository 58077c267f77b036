"""A pytest plugin for tests of RDP servers and of RDP clients.

`rdp_verify("srv1.example", policy="strict")` fails as `rdp-probe verify` does. `rdp_replay("failing.pcap")` serves
the server's side of a capture on loopback, and `rdp_server("windows-nla")` an embedded server, until the test ends.

It comes with the package: pytest finds it by itself, and nothing is imported before a test asks for it. `verify_rdp`,
`replay_rdp` and `serve_rdp` are the same without pytest.
"""

from __future__ import annotations

import datetime as dt
import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Literal, TypeVar

import pytest

if TYPE_CHECKING:
    from probe.capture.script import Script
    from probe.cli.demands import Demands
    from probe.cli.verifying import Verifier
    from probe.drive.demo import DemoServer
    from probe.drive.limits import Limits
    from probe.drive.replay_server import ReplayServer
    from probe.result.verification import Verification

VerifyRdp = Callable[..., "list[Verification]"]
ReplayRdp = Callable[..., "ReplayServer"]
ServeRdp = Callable[..., "DemoServer"]
T = TypeVar("T")


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


@pytest.fixture
def rdp_replay() -> Iterator[ReplayRdp]:
    """`replay_rdp`, as a fixture: what it serves is there until the test ends."""
    with ExitStack() as servers:
        yield lambda *given, **options: _entered(servers, replay_rdp(*given, **options))


@pytest.fixture
def rdp_server() -> Iterator[ServeRdp]:
    """`serve_rdp`, as a fixture: the server is there until the test ends."""
    with ExitStack() as servers:
        yield lambda *given, **options: _entered(servers, serve_rdp(*given, **options))


def _entered(servers: ExitStack, server: AbstractContextManager[T]) -> T:
    """A server until the test ends; a mistake in what was asked for fails the test in two lines."""
    from probe.errors import InputError

    try:
        return servers.enter_context(server)
    except InputError as error:
        mistake = error
    pytest.fail(f"{mistake.what}\nhint: {mistake.hint}", pytrace=False)


@contextmanager
def replay_rdp(
    capture: str | os.PathLike[str],
    *,
    stream: int | Sequence[int] | None = None,
    address: str = "127.0.0.1",
    port: int = 0,
    timing: bool = False,
) -> Iterator[ReplayServer]:
    """Serve the server's side of a capture on loopback, byte for byte, to any client.

    A client is answered from the captured connection whose client asked most nearly the same: `served` of what this
    gives tells which, and whether the client asked otherwise. `stream` chooses connections by their numbers (tshark's
    tcp.stream); without it all RDP connections are there that were opened. With `timing` it answers as late as in the
    capture, up to 10 s. Raises InputError for a file that cannot be read, or that has no such connection.
    """
    from functools import partial

    from probe.drive.in_thread import held_open
    from probe.drive.replay_server import replaying

    scripts = _scripts(os.fspath(capture), stream)
    with held_open(partial(replaying, scripts, address=address, port=port, timing=timing)) as server:
        yield server


def _scripts(capture: str, stream: int | Sequence[int] | None) -> list[Script]:
    from probe.capture.script import is_playable, script_of
    from probe.drive.replay import connections
    from probe.errors import InputError

    asked = None if stream is None else {stream} if isinstance(stream, int) else set(stream)
    found = [each for each in connections(capture) if asked is None or each.stream in asked]
    scripts = [script_of(each) for each in found if is_playable(each)]
    if not scripts:
        which = "" if asked is None else f" in stream {', '.join(map(str, sorted(asked)))}"
        raise InputError(
            f"{capture} has no RDP connection that shows what its server did{which}",
            f"see what is in it: rdp-probe replay -q {capture}",
        )
    return scripts


@contextmanager
def serve_rdp(kind: str, *, port: int = 0, delay_s: float = 0.0) -> Iterator[DemoServer]:
    """Serve one of the embedded servers on loopback: "windows-nla", "xrdp-like" (see `rdp-probe demo --list`).

    What this gives has `address`, `port` and `target`, and in `expects` the diagnoses that an audit must find. Every
    answer comes `delay_s` seconds late. Raises InputError for a kind that there is not.
    """
    from functools import partial

    from probe.drive.demo import serving
    from probe.drive.in_thread import held_open

    with held_open(partial(serving, [kind], port=port, delay=delay_s)) as (server,):
        yield server


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
        from probe.cli.remark import remark
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
