"""Embedded servers on loopback, each with one thing to be found: for `rdp-probe demo`, tests and benchmarks.

`serving` starts them and stops them. In a process of its own, `python -m probe.drive.demo` starts them, prints one
line of JSON that says where they are, and stops them when its standard input ends. They are modeled on what real
servers were seen to answer, admit nobody, and go no further than where a user would log on.
"""

from __future__ import annotations

import argparse
import dataclasses
import errno
import json
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import cast

import trio  # noqa: TID253  this module is itself imported only where servers are started

from probe.drive import demo_server as server
from probe.drive.demo_licensing import DENIED, LICENSE_REQUEST, NO_LICENSE_SERVER, VALID_CLIENT
from probe.drive.demo_replies import NtlmProfile, Profile, StandardProfile
from probe.drive.demo_tls import TlsProfile, prepare
from probe.errors import InputError
from probe.wire.gcc import EncryptionLevel, EncryptionMethod
from probe.wire.nego import FailureCode, Protocol

Fact = str | int | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One sort of server: what it is in words, and what an audit of it must find."""

    title: str
    expects: tuple[str, ...]  # diagnosis codes; others may come beside them
    facts: Mapping[str, Fact] = field(default_factory=dict)  # path in the result's JSON -> value
    behavior: server.Behavior
    tls: TlsProfile | None = None
    lifetime_s: float = server.LIFETIME_S
    licensing: bool = False  # what is to be found is found with --licensing alone


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoServer:
    """One server that is being served."""

    name: str
    title: str
    address: str
    port: int
    expects: tuple[str, ...]
    facts: Mapping[str, Fact] = field(default_factory=dict)
    licensing: bool = False

    @property
    def target(self) -> str:
        """Where it is, as a target is written."""
        return f"{self.address}:{self.port}"


def _rdp(
    title: str, expects: tuple[str, ...], facts: Mapping[str, Fact], profile: Profile, *, licensing: bool = False
) -> Kind:
    return Kind(
        title=title,
        expects=expects,
        facts=facts,
        behavior=partial(server.rdp, profile),
        tls=profile.tls,
        licensing=licensing,
    )


_TLS1_0, _TLS1_2 = 0x0301, 0x0303
_RC4 = (EncryptionMethod.ONE_TWENTY_EIGHT_BIT, EncryptionMethod.FIFTY_SIX_BIT, EncryptionMethod.FORTY_BIT)
_NO_NLA = ("NLA_UNSUPPORTED", "CERT_SELF_SIGNED")
_ONLY_TLS = ("TLS_REQUIRED", *_NO_NLA)

KINDS: Mapping[str, Kind] = {
    "windows-nla": _rdp(
        "A current Windows server that requires Network Level Authentication",
        ("NLA_REQUIRED", "CERT_SELF_SIGNED"),
        {
            "status": "rdp",
            "negotiation.nla": "required",
            "negotiation.protocols.HYBRID_EX.state": "accepted",
            "negotiation.protocols.RDSTLS.state": "accepted",
            "negotiation.protocols.SSL.failure": "HYBRID_REQUIRED_BY_SERVER",
            "credssp.version": 6,
            "credssp.ntlm.dns_computer": "srv1.corp.example",
            "credssp.ntlm.os_build": "10.0.20348",
        },
        Profile(
            accepts=(Protocol.HYBRID_EX, Protocol.HYBRID, Protocol.RDSTLS),
            refusal=FailureCode.HYBRID_REQUIRED_BY_SERVER,
            flags=0x1F,
            tls=TlsProfile(name="srv1.corp.example"),
            ntlm=NtlmProfile(computer="SRV1", domain="CORP", dns_domain="corp.example", build=20348),
        ),
    ),
    "windows-no-nla": _rdp(
        "An older Windows server that shows its login screen to anyone",
        ("NLA_NOT_ENFORCED", "STANDARD_RDP_WEAK", "TLS_LEGACY_VERSION", "CERT_SELF_SIGNED"),
        {
            "status": "rdp",
            "negotiation.nla": "offered",
            "negotiation.protocols.RDP.state": "accepted",
            "standard_rdp.encryption_level": "CLIENT_COMPATIBLE",
            "standard_rdp.certificate.signature_valid": True,
            "credssp.ntlm.os_build": "6.3.9600",
        },
        Profile(
            accepts=(Protocol.HYBRID_EX, Protocol.HYBRID, Protocol.SSL, Protocol.RDP),
            flags=0x0F,
            core_flags=3,
            tls=TlsProfile(name="ts2.corp.example", oldest=_TLS1_0, newest=_TLS1_2),
            standard=StandardProfile(level=EncryptionLevel.CLIENT_COMPATIBLE, methods=(*_RC4, EncryptionMethod.FIPS)),
            ntlm=NtlmProfile(computer="TS2", domain="CORP", dns_domain="corp.example", build=9600, major=6, minor=3),
        ),
    ),
    "xrdp-like": _rdp(
        "A Linux server with xrdp as it is installed",
        ("STANDARD_RDP_WEAK", *_NO_NLA),
        {
            "status": "rdp",
            "negotiation.nla": "unsupported",
            "negotiation.protocols.HYBRID.selected": "RDP",
            "standard_rdp.encryption_level": "HIGH",
            "standard_rdp.ignores_offered_methods": True,
        },
        Profile(
            accepts=(Protocol.SSL, Protocol.RDP),
            highest=0x0B,
            request_flags=(0, 1, 8),
            says_ultimatum=True,
            max_channels=22,
            tls=TlsProfile(name="linux.example", rsa=False),
            licensing=(LICENSE_REQUEST,),
            standard=StandardProfile(
                level=EncryptionLevel.HIGH, methods=(EncryptionMethod.ONE_TWENTY_EIGHT_BIT,), asks=False
            ),
        ),
    ),
    "xrdp-missing-key": _rdp(
        "A Linux server with xrdp that may not read its private key",
        ("TLS_CERTIFICATE_MISSING",),
        {"status": "rdp", "negotiation.protocols.SSL.failure": "SSL_CERT_NOT_ON_SERVER"},
        Profile(
            accepts=(),
            refusal=FailureCode.SSL_CERT_NOT_ON_SERVER,
            highest=0x0B,
            request_flags=(0, 1, 8),
            says_ultimatum=True,
        ),
    ),
    "xp-like": _rdp(
        "Windows XP: it knows neither negotiation nor TLS",
        ("NEGOTIATION_UNSUPPORTED", "STANDARD_RDP_WEAK", "STANDARD_RDP_WEAK_KEY", "NLA_UNSUPPORTED"),
        {
            "status": "rdp",
            "standard_rdp.encryption_level": "CLIENT_COMPATIBLE",
            "standard_rdp.certificate.key_bits": 512,
        },
        Profile(
            accepts=(Protocol.RDP,),
            negotiates=False,
            standard=StandardProfile(level=EncryptionLevel.CLIENT_COMPATIBLE, methods=_RC4, key_bits=512),
        ),
    ),
    "tls10-only": _rdp(
        "A server that was never taught anything newer than TLS 1.0",
        ("TLS_NO_COMMON_VERSION", "TLS_LEGACY_VERSION", *_ONLY_TLS),
        {
            "tls.versions.TLSv1.0.state": "accepted",
            "tls.versions.TLSv1.2.state": "rejected",
            "tls.versions.TLSv1.3.state": "rejected",
        },
        Profile(
            accepts=(Protocol.SSL,),
            refusal=FailureCode.SSL_REQUIRED_BY_SERVER,
            tls=TlsProfile(name="old.example", oldest=_TLS1_0, newest=_TLS1_0),
        ),
    ),
    "expired-certificate": _rdp(
        "A server whose certificate ran out a month ago",
        ("CERT_EXPIRED", *_ONLY_TLS),
        {"negotiation.protocols.SSL.state": "accepted"},
        Profile(
            accepts=(Protocol.SSL,),
            refusal=FailureCode.SSL_REQUIRED_BY_SERVER,
            tls=TlsProfile(name="forgotten.example", rsa=False, first_day=-395, last_day=-30),
        ),
    ),
    "drops-client-hello": _rdp(
        "A server that agrees on TLS and then resets every connection",
        ("TLS_HANDSHAKE_ABORTED",),
        {"negotiation.protocols.SSL.state": "accepted"},
        Profile(accepts=(Protocol.SSL,), refusal=FailureCode.SSL_REQUIRED_BY_SERVER, resets_hello=True),
    ),
    "no-license-server": _rdp(
        "A session host whose grace period is over and that finds no license server",
        ("LICENSING_FAILED", *_ONLY_TLS),
        {"negotiation.protocols.SSL.state": "accepted"},
        Profile(
            accepts=(Protocol.SSL,),
            refusal=FailureCode.SSL_REQUIRED_BY_SERVER,
            tls=TlsProfile(name="rds1.corp.example", rsa=False),
            licensing=(NO_LICENSE_SERVER,),
        ),
        licensing=True,
    ),
    "connection-limit": _rdp(
        "A server that admits no more connections",
        ("CONNECTION_LIMIT", *_ONLY_TLS),
        {"negotiation.protocols.SSL.state": "accepted"},
        Profile(
            accepts=(Protocol.SSL,),
            refusal=FailureCode.SSL_REQUIRED_BY_SERVER,
            tls=TlsProfile(name="rds2.corp.example", rsa=False),
            licensing=(VALID_CLIENT, DENIED),
        ),
        licensing=True,
    ),
    "http": Kind(
        title="A web server on the port of RDP",
        expects=("NOT_RDP",),
        facts={"status": "not_rdp", "service": "http"},
        behavior=server.http,
    ),
    "ssh": Kind(
        title="An SSH server on the port of RDP",
        expects=("NOT_RDP",),
        facts={"status": "not_rdp", "service": "ssh"},
        behavior=server.ssh,
    ),
    "silent": Kind(
        title="A server that accepts connections and never says a word",
        expects=("X224_SILENT",),
        facts={"status": "silent"},
        behavior=server.silent,
        lifetime_s=server.ENDLESS_S,
    ),
    "tarpit": Kind(
        title="A trap that answers one byte a second, for ever",
        expects=("X224_MALFORMED",),
        behavior=server.tarpit,
        lifetime_s=server.ENDLESS_S,
    ),
}


@asynccontextmanager
async def serving(
    names: Sequence[str] | None = None, *, count: int = 1, port: int = 0, delay: float = 0.0
) -> AsyncIterator[list[DemoServer]]:
    """Serve each kind named, in the order given, or every kind; stop when the block ends.

    `count` servers of each kind listen on addresses of their own and, where the system allows, on one port: `port`,
    or one that is free. Every reply comes `delay` seconds late. Raises InputError for a name that is not in KINDS.
    """
    wanted = list(KINDS) if names is None else list(names)
    for name in wanted:
        if name not in KINDS:
            raise InputError(f"no such kind of server: {name}", hint=f"one of {', '.join(KINDS)}")
    await trio.to_thread.run_sync(prepare, [KINDS[name].tls for name in wanted])
    # Entered by hand, so that what the caller's block raises reaches the caller as it is and not in a group.
    manager = trio.open_nursery()
    nursery = await manager.__aenter__()
    try:
        servers = []
        for name, address in _places(wanted, count):
            listener = await _listener(address, port)
            serve = server.handler(KINDS[name].behavior, delay=delay, lifetime_s=KINDS[name].lifetime_s)
            nursery.start_soon(trio.serve_listeners, serve, [listener])
            servers.append(_describe(name, listener))
            port = port or (servers[-1].port if count > 1 else 0)
        yield servers
    finally:
        nursery.cancel_scope.cancel()
        await manager.__aexit__(None, None, None)


def _places(names: Sequence[str], count: int) -> Iterator[tuple[str, str]]:
    """Each server's name and address. Where there is one of each kind, a kind always has the same address."""
    if count == 1:
        for name in names:
            yield name, f"127.0.70.{1 + list(KINDS).index(name)}"
        return
    for number in range(count * len(names)):
        above, low = divmod(number, 250)
        yield names[number % len(names)], f"127.{71 + above // 256}.{above % 256}.{1 + low}"


async def _listener(address: str, port: int) -> trio.SocketListener:
    """Listen there; on another port where that one is taken, on 127.0.0.1 where the system has no other loopback."""
    for host, number in ((address, port), (address, 0), ("127.0.0.1", 0)):
        try:
            [listener] = await trio.open_tcp_listeners(number, host=host)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL):
                raise
        else:
            return listener
    raise OSError(errno.EADDRNOTAVAIL, "no loopback address can be listened on")


def _describe(name: str, listener: trio.SocketListener) -> DemoServer:
    address, port = cast("tuple[str, int]", listener.socket.getsockname()[:2])
    kind = KINDS[name]
    return DemoServer(
        name=name,
        title=kind.title,
        address=address,
        port=port,
        expects=kind.expects,
        facts=kind.facts,
        licensing=kind.licensing,
    )


async def _serve_until_input_ends(options: argparse.Namespace) -> None:
    async with serving(options.only, count=options.count, port=options.port, delay=options.delay) as servers:
        if options.json:
            sys.stdout.write(json.dumps([dataclasses.asdict(each) for each in servers]) + "\n")
        else:
            for each in servers:
                sys.stdout.write(f"{each.address}:{each.port}  {each.name}  {each.title}\n")
        sys.stdout.flush()
        await trio.to_thread.run_sync(sys.stdin.buffer.read, abandon_on_cancel=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve in a process of its own, until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m probe.drive.demo", description="Embedded RDP servers on loopback.")
    parser.add_argument("--json", action="store_true", help="say where they are as one line of JSON")
    parser.add_argument("--only", action="append", metavar="NAME", choices=list(KINDS), help="this kind; repeatable")
    parser.add_argument("--count", type=int, default=1, metavar="N", help="servers of each kind")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; a free one where it is not given")
    parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS", help="how late every reply comes")
    trio.run(_serve_until_input_ends, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
