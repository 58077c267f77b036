"""What is fuzzed: every message's reader, every machine with its peer's bytes, and what reads captures."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path

import tests.strategies
from probe.errors import WireError
from probe.handshake.credssp import CredSspExchange
from probe.handshake.licensing import Joining, LicensingPhase
from probe.handshake.machine import Ending, Machine, Side, end
from probe.handshake.negotiation import Negotiation
from probe.handshake.rd_gateway import GatewayGreeting
from probe.handshake.rdp_udp import UdpGreeting
from probe.handshake.server_first import aad_nonce, rdstls_greeting
from probe.handshake.ssl2_hello import Ssl2Hello
from probe.handshake.standard_rdp import BasicSettingsExchange
from probe.handshake.tls_hello import TlsHello
from tests.fuzz import captures
from tests.fuzz.capture_target import replayed
from tests.licensing_server import IO, LicensingServer


def _joined() -> LicensingPhase:
    """One that has joined its channels and awaits what the server says of licenses."""
    machine, server = LicensingPhase(Joining(io_channel=IO)), LicensingServer()
    while out := machine.data_to_send():
        machine.observe(Side.CLIENT, out, 0.0)
        machine.observe(Side.SERVER, server.receive(out), 0.0)
    return machine


Target = Callable[[bytes], None]
VECTORS = Path(__file__).parent.parent / "vectors"
REGRESSIONS = Path(__file__).parent / "regressions"
_MACHINES: dict[str, Callable[[], Machine]] = {
    "Negotiation": Negotiation,
    "BasicSettingsExchange": BasicSettingsExchange,
    "LicensingPhase": LicensingPhase,
    "LicensingPhase.answer": _joined,
    "TlsHello": TlsHello,
    "Ssl2Hello": Ssl2Hello,
    "CredSspExchange": CredSspExchange,
    "GatewayGreeting": lambda: GatewayGreeting("gw.example", 443, bytes(16)),
    "UdpGreeting": UdpGreeting,
    "rdstls_greeting": rdstls_greeting,
    "aad_nonce": aad_nonce,
}


def targets() -> dict[str, Target]:
    """Each target by its name; it raises when the invariant is broken."""
    found: dict[str, Target] = {}
    for module in pkgutil.iter_modules(tests.strategies.__path__):
        for case in importlib.import_module(f"tests.strategies.{module.name}").CASES:
            found[f"{module.name}.{case.kind.__name__}"] = _reader(case.read)  # SSL 2.0 and TLS share names
    for name, make in _MACHINES.items():
        found[name] = _observer(make)
    return found | captures.TARGETS | {"replay": replayed}


def _reader(read: Callable[[bytes], object]) -> Target:
    def feed(data: bytes) -> None:
        try:
            read(data)
        except WireError as error:
            assert 0 <= error.offset <= len(data)

    return feed


def _observer(make: Callable[[], Machine]) -> Target:
    """Feeds the bytes as the server's, after the same bytes as the client's, so that both sides are read."""

    def feed(data: bytes) -> None:
        for first in (Side.CLIENT, Side.SERVER):
            machine = make()
            for side in (first, Side.SERVER):
                for at in range(0, len(data), 97):
                    machine.observe(side, data[at : at + 97], 0.0)
            end(machine, Ending.CLOSED, 0.0)

    return feed


def seeds() -> list[bytes]:
    """Valid messages to begin from: every vector, line by line and whole."""
    found = []
    for path in sorted(VECTORS.glob("*.hex")):
        lines = [line for line in path.read_text("ascii").splitlines() if not line.startswith("#")]
        found += [bytes.fromhex(line) for line in lines] + [bytes.fromhex("".join(lines))]
    return found + captures.seeds()
