"""UDP beside real servers, which have none: refused by this machine, or silent where something else holds the port."""

from __future__ import annotations

import functools
import socket

import trio

from probe.audit.settings import Settings
from probe.diagnosis import catalogue_outside as catalogue
from probe.diagnosis import diagnose
from probe.drive.limits import Limits
from probe.drive.live import audit
from probe.result import Result, Target
from tests.real.conftest import Certificates
from tests.real.servers import SOURCE_ADDRESS, FreeRdpShadow, Server, Xrdp


def audited(server: Server, limits: Limits) -> Result:
    target = Target(input=server.target, host=server.address, address=server.address, port=server.port)
    return trio.run(functools.partial(audit, target, Settings(udp=True), limits))


def assert_without_udp(result: Result, state: str, sent: int) -> None:
    assert result.status == "rdp"
    assert result.udp is not None
    assert (result.udp.state, result.udp.sent, result.udp.port) == (state, sent, result.target.port)
    [found] = [each for each in diagnose(result) if each.code == "UDP_UNREACHABLE"]
    assert found.severity == "info"
    assert found.causes[0].startswith(catalogue.UDP_NOT_KNOWN.text)


def test_xrdp_has_no_udp() -> None:
    with Xrdp(security_layer="rdp") as server:
        result = audited(server, Limits(source_address=SOURCE_ADDRESS))
        assert_without_udp(result, "refused", 1)
        assert result.server is not None
        assert result.server.kind == "xrdp"


def test_a_port_that_says_nothing_is_silent() -> None:
    with Xrdp(security_layer="rdp") as server, socket.socket(type=socket.SOCK_DGRAM) as mute:
        mute.bind((server.address, server.port))
        assert_without_udp(audited(server, Limits(source_address=SOURCE_ADDRESS)), "silent", 3)


def test_freerdp_has_no_udp(made: Certificates, display: str) -> None:
    with FreeRdpShadow(certificate=made.rsa, display=display) as server:
        result = audited(server, Limits(source_address=SOURCE_ADDRESS))
        assert_without_udp(result, "refused", 1)
