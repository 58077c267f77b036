"""What answers that is no server of RDP, what does not answer, and ways that are slow, lossy or shared."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from tests.drive.tls_peers import honest, says
from tests.matrix import embedded
from tests.matrix.faults import Delays, FailsOver, ResetsOne, Trickles
from tests.matrix.rows_xrdp import BOTH, SELF_SIGNED, TLS_ONLY
from tests.matrix.situation import Behind, Embedded, Full, Nobody, Peered, Place, Program, Situation, kind
from tests.real.pki import Recipe, rsa_key, served_by
from tests.real.process import Launcher, Server
from tests.real.tls_backends import OpensslServer
from tests.real.xrdp import Xrdp


@dataclass
class WebServer(Launcher):
    """Python's, which answers what is no HTTP with a page without a status line."""

    def arrange(self, directory: Path, endpoint: tuple[str, int], stack: ExitStack) -> Server:
        address, port = endpoint
        return Server([sys.executable, "-m", "http.server", "--bind", address, str(port)], endpoint, directory, {})


def _xrdp(layer: str = "tls") -> Program:
    return Program(lambda _: Xrdp(security_layer=layer))


def _named(name: str) -> Program:
    """xrdp with a certificate for a name."""
    return Program(
        lambda room: Xrdp(
            security_layer="tls",
            certificate=served_by(room, Recipe(common=name, names=(name,), key=rsa_key()).signed_by(None)),
        )
    )


def _computer(name: str) -> Embedded:
    """A server with NLA that says by its certificate and inside NTLM who it is."""
    who = replace(embedded.NTLM, computer=name.upper())
    tls = replace(embedded.TLS, name=f"{name}.corp.example")
    return embedded.served(replace(embedded.NLA_ALONE, tls=tls, ntlm=who))


FOREIGN = (
    Situation(
        name="http",
        started="the demo's web server",
        site=kind("http"),
        codes={"NOT_RDP": "blocker"},
        status="not_rdp",
        nla="unknown",
        why="what comes back is no TPKT",
        as_command=True,
    ),
    Situation(
        name="http-without-status",
        started="python -m http.server",
        site=Program(lambda _: WebServer()),
        codes={"NOT_RDP": "blocker"},
        status="not_rdp",
        nla="unknown",
        why="a bare page of HTML is no TPKT either",
    ),
    Situation(
        name="ssh",
        started="the demo's SSH server",
        site=kind("ssh"),
        codes={"NOT_RDP": "blocker"},
        status="not_rdp",
        nla="unknown",
        why="it speaks first",
    ),
    Situation(
        name="tls-without-x224",
        started="openssl s_server without a front",
        site=Program(lambda _: OpensslServer()),
        codes={"NOT_RDP": "blocker"},
        status="not_rdp",
        nla="unknown",
        why="it closes on X.224, and answers TLS without it",
    ),
)

SILENT = (
    Situation(
        name="silent",
        started="the demo's silent server",
        site=kind("silent"),
        codes={"X224_SILENT": "blocker"},
        status="silent",
        nla="unknown",
        why="connections are taken, and nothing is ever said",
        step_s=0.3,
    ),
    Situation(
        name="tarpit",
        started="the demo's tarpit",
        site=kind("tarpit"),
        codes={"X224_MALFORMED": "blocker"},
        status="silent",
        nla="unknown",
        why="a byte a second, as RDP begins, makes no whole answer in time",
        step_s=0.3,
    ),
    Situation(
        name="refused",
        started="nothing",
        site=Nobody(),
        codes={"TCP_REFUSED": "blocker"},
        status="refused",
        nla=None,
        why="no program listens",
        as_command=True,
    ),
    Situation(
        name="filtered",
        started="a listener whose queue is full",
        site=Full(),
        codes={"TCP_TIMEOUT": "blocker"},
        status="filtered",
        nla=None,
        why="what asks for a connection is dropped, as a firewall drops it",
        step_s=0.3,
    ),
    Situation(
        name="unreachable",
        started="nothing: a network's broadcast address",
        site=Place(("127.255.255.255", 3389)),
        codes={"TCP_UNREACHABLE": "blocker"},
        status="unreachable",
        nla=None,
        why="the kernel knows no way that a connection could go",
    ),
    Situation(
        name="no-such-name",
        started="nothing: the name host.invalid",
        site=Nobody(),
        codes={"DNS_FAILED": "blocker"},
        status="dns_error",
        nla=None,
        why="names under invalid are in no DNS (RFC 6761)",
        host="host.invalid",
        as_command=True,
    ),
    Situation(
        name="closes",
        started="a server that closes when it is asked something",
        site=Embedded(behavior=embedded.says()),
        codes={"X224_CLOSED": "blocker"},
        status="closed",
        nla="unknown",
        why="it ends the connection in order, without an answer",
    ),
    Situation(
        name="resets",
        started="a server that resets when it is asked something",
        site=Embedded(behavior=embedded.resets),
        codes={"TCP_RESET": "blocker"},
        status="closed",
        nla="unknown",
        why="the connection dies before a byte arrives",
    ),
    Situation(
        name="x224-disconnect",
        started="a server that answers with an X.224 Disconnect Request",
        site=Embedded(behavior=embedded.says(embedded.DISCONNECT)),
        codes={"X224_DISCONNECTED": "blocker"},
        status="closed",
        nla="unknown",
        why="a refusal of the transport layer, without a reason of RDP's",
    ),
    Situation(
        name="x224-malformed",
        started="a server whose Connection Confirm has a length that does not fit",
        site=Embedded(behavior=embedded.says(embedded.BROKEN_CONFIRM)),
        codes={"X224_MALFORMED": "blocker"},
        status="closed",
        nla="unknown",
        why="it begins as RDP does and is broken",
    ),
    Situation(
        name="x224-cut-off",
        started="a server that closes in the middle of its Connection Confirm",
        site=Embedded(behavior=embedded.says(embedded.CUT_CONFIRM)),
        codes={"X224_MALFORMED": "blocker"},
        status="closed",
        nla="unknown",
        why="an answer that never ends is a broken one",
    ),
    Situation(
        name="certificate-unreadable",
        started="a TLS server of a few lines whose certificate is no DER",
        site=Peered(says(honest())),
        codes={**TLS_ONLY, "CERT_MALFORMED": "breaks_some"},
        why="the ServerHello is in order, and what follows it is not",
    ),
)

WAYS = (
    Situation(
        name="slow",
        started="xrdp behind a way that brings every answer half a second late",
        site=Behind(fault=lambda: Delays(0.5), sites=(_xrdp(),)),
        codes={**TLS_ONLY, **SELF_SIGNED},
        why="slow is not silent",
    ),
    Situation(
        name="slow-windows",
        started="the demo's current Windows server, which thinks for 0.3 seconds",
        site=kind("windows-nla", delay_s=0.3),
        codes={"NLA_REQUIRED": "info", **SELF_SIGNED},
        nla="required",
        why="slow is not silent",
    ),
    Situation(
        name="trickling",
        started="xrdp behind a way that brings every answer in pieces of nine bytes",
        site=Behind(fault=lambda: Trickles(9, 0.001), sites=(_xrdp("negotiate"),)),
        codes={**BOTH, "STANDARD_RDP_WEAK": "info"},
        why="where a packet ends is said by the packet",
    ),
    Situation(
        name="first-reset",
        started="xrdp behind a way that resets the first connection",
        site=Behind(fault=lambda: ResetsOne(0), sites=(_xrdp(),)),
        codes={**TLS_ONLY, **SELF_SIGNED, "INTERMITTENT": "breaks_some"},
        why="asked again, alone both times, it answers",
    ),
    Situation(
        name="later-reset",
        started="xrdp behind a way that resets the second connection",
        site=Behind(fault=lambda: ResetsOne(1), sites=(_xrdp(),)),
        codes={**TLS_ONLY, **SELF_SIGNED},
        why="two connections were open: some servers take one at a time, and asked again alone it answers",
    ),
    Situation(
        name="lost",
        started="a server with NLA that is gone after five connections",
        site=Embedded(behavior=embedded.served(embedded.NLA_ALONE).behavior, tls=embedded.TLS, connections=5),
        codes={"SERVER_LOST": "breaks_some", "NLA_REQUIRED": "info", **SELF_SIGNED},
        nla="required",
        why="it answered, and then refused twice: that it requires NLA is its own word to SSL; RDP was never asked",
    ),
    Situation(
        name="two-servers-contradict",
        started="an address that leads to an xrdp with security_layer=tls, and later to one with rdp",
        site=Behind(fault=lambda: FailsOver(3), sites=(_xrdp(), _xrdp("rdp"))),
        codes={**BOTH, "STANDARD_RDP_WEAK": "info", "INTERMITTENT": "breaks_some"},
        why="the same request is answered by SSL, then by RDP; that they are two is a cause, and not seen",
    ),
    Situation(
        name="two-servers-one-name",
        started="an address that leads to an xrdp, and later to another with a certificate for the same name",
        site=Behind(fault=lambda: FailsOver(3), sites=(_xrdp(), _xrdp())),
        codes={**TLS_ONLY, **SELF_SIGNED, "CERT_VARIES": "info"},
        why="a certificate that was renewed meanwhile looks the same",
    ),
    Situation(
        name="two-servers-two-names",
        started="an address that leads to an xrdp, and later to another with a certificate for another name",
        site=Behind(fault=lambda: FailsOver(3), sites=(_named("one.example"), _named("two.example"))),
        codes={**TLS_ONLY, **SELF_SIGNED, "CERT_VARIES": "info", "LOAD_BALANCED": "info"},
        why="one server is not both",
    ),
    Situation(
        name="two-servers-nla",
        started="an address that leads to a server with NLA, and later to another of another name",
        site=Behind(fault=lambda: FailsOver(3), sites=(_computer("one"), _computer("two"))),
        codes={"NLA_REQUIRED": "info", **SELF_SIGNED, "CERT_VARIES": "info", "LOAD_BALANCED": "info"},
        nla="required",
        why="one server is not both",
    ),
    Situation(
        name="routing-token",
        started="the demo's current Windows server, asked with a token of a farm",
        site=kind("windows-nla"),
        codes={"NLA_REQUIRED": "info", **SELF_SIGNED, "REDIRECTED": "info"},
        nla="required",
        why="the token names the server that was meant, which may be another than the one asked",
        routing_token="Cookie: msts=3640205228.15629.0000",
    ),
)
