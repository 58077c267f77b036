"""Real RDP servers for tests: `with Xrdp(security_layer="tls") as server: ... server.target ...`.

Each runs on a loopback address of its own and is gone after the `with`. A server whose program is not installed
skips the test, except for root and in CI (CI=true), where it fails it.
"""

from __future__ import annotations

from tests.real.certificates import Certificate
from tests.real.freerdp import FreeRdpShadow, virtual_display
from tests.real.process import SOURCE_ADDRESS, Launcher, Server
from tests.real.weston import Weston
from tests.real.xrdp import Xrdp

__all__ = [
    "SOURCE_ADDRESS",
    "Certificate",
    "FreeRdpShadow",
    "Launcher",
    "Server",
    "Weston",
    "Xrdp",
    "virtual_display",
]
