"""What the hosts of the farm say: each behavior as a generator that takes what came in and gives what goes out."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from typing import cast

from probe.drive import demo
from probe.drive import demo_replies as replies
from probe.drive.demo_tls import Tls, TlsOver, prepare
from probe.wire import x224
from probe.wire.credssp import TsRequestFramer
from probe.wire.nego import FailureCode, Protocol

CERTIFICATES = 256  # hosts whose numbers are equal modulo this many have the same certificate and the same names


class Reset(Exception):
    """The server breaks the connection."""


@dataclass(frozen=True, slots=True)
class After:
    """Bytes to send so many seconds from now."""

    seconds: float
    data: bytes


# Takes what came in and gives what goes out: None where nothing does. Returns where the server says that it is done.
Conversation = Generator["bytes | After | None", bytes, None]


def _profile_of(kind: str) -> replies.Profile:
    """The profile of an embedded server."""
    behavior = cast("partial[object]", demo.KINDS[kind].behavior)
    profile = behavior.args[0]
    assert isinstance(profile, replies.Profile)
    return profile


@cache
def windows_profile(number: int, *, rsa: bool = True) -> replies.Profile:
    """A current Windows with a certificate and names of its own."""
    profile = _profile_of("windows-nla")
    assert profile.tls is not None
    assert profile.ntlm is not None
    return replace(
        profile,
        tls=replace(profile.tls, name=f"srv{number}.{profile.ntlm.dns_domain}", rsa=rsa),
        ntlm=replace(profile.ntlm, computer=f"SRV{number}"),
    )


_NO_TLS = replies.Profile(
    accepts=(Protocol.RDP,),
    refusal=FailureCode.SSL_NOT_ALLOWED_BY_SERVER,
    standard=_profile_of("windows-no-nla").standard,
)

_confirm = lru_cache(4096)(replies.confirm)  # a scanner sends every host the same


@lru_cache(4096)
def _credssp_reply(number: int, raw: bytes) -> tuple[bytes, bool]:
    return replies.credssp_reply(windows_profile(number), raw)


def _packet(framer: x224.TpktFramer) -> Generator[None, bytes, bytes]:
    while (packet := framer.next_packet()) is None:
        framer.feed((yield None))
    return packet


def windows(number: int, *, rsa: bool = True) -> Conversation:
    """TLS, and what follows inside it: the challenge of NTLM."""
    framer = x224.TpktFramer()
    profile = windows_profile(number % CERTIFICATES, rsa=rsa)
    answer = _confirm(profile, (yield from _packet(framer)))
    received = yield answer.data
    if answer.selected is None:
        return
    assert profile.tls is not None
    tls = Tls(profile.tls)
    tls.put(framer.leftover() + received)
    try:
        while not tls.handshake():
            tls.put((yield tls.out() or None))
        if answer.selected == Protocol.RDSTLS:
            tls.write(replies.rdstls_capabilities())
        else:
            yield from _credssp(tls, number % CERTIFICATES)
    except TlsOver:
        if alert := tls.out():
            yield alert
        return
    yield tls.out() or None


def _credssp(tls: Tls, number: int) -> Conversation:
    framer = TsRequestFramer()
    goes_on = True
    while goes_on:
        while (raw := framer.next_message()) is None:
            if data := tls.read():
                framer.feed(data)
            else:
                tls.put((yield tls.out() or None))
        reply, goes_on = _credssp_reply(number, raw)
        tls.write(reply)
    tls.close()


def no_tls(number: int) -> Conversation:  # noqa: ARG001  every host says the same
    """Refuses what is more than Standard RDP Security."""
    framer = x224.TpktFramer()
    answer = _confirm(_NO_TLS, (yield from _packet(framer)))
    yield answer.data
    if answer.selected is not None:
        packet = yield from _packet(framer)
        yield replies.connect_response(_NO_TLS, packet, answer)


def tarpit(number: int) -> Conversation:  # noqa: ARG001
    """Accepts, and never says a word."""
    while True:
        yield None


def reset(number: int) -> Conversation:  # noqa: ARG001
    """Breaks the connection once it was asked something."""
    yield None
    raise Reset


def garbage(number: int) -> Conversation:  # noqa: ARG001
    """Answers with what is no protocol, and closes."""
    yield None
    yield bytes(range(255, -1, -1)) * 2


def drip(number: int) -> Conversation:  # noqa: ARG001
    """A Connection Confirm that is 65,535 bytes long, one byte a second."""
    yield None
    for byte in replies.endless_packet():
        yield After(1.0, bytes([byte]))


BEHAVIORS: Mapping[str, Callable[[int], Conversation] | None] = {
    "windows": windows,
    "windows-ec": partial(windows, rsa=False),  # no Windows is so out of the box; its signature costs the farm little
    "no-tls": no_tls,
    "tarpit": tarpit,
    "reset": reset,
    "garbage": garbage,
    "drip": drip,
    "dead": None,  # answers no SYN
}


def prepare_certificates(names: Iterable[str]) -> None:
    """Make those of the behaviors named now, so that no client waits for them."""
    for name, rsa in (("windows", True), ("windows-ec", False)):
        if name in names:
            prepare([windows_profile(number, rsa=rsa).tls for number in range(CERTIFICATES)])
