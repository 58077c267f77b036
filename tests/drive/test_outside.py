"""UDP and front doors of gateways on real sockets, beside an audit."""

from __future__ import annotations

import socket

import pytest
import trio

from probe.audit.settings import Settings
from probe.diagnosis import diagnose
from probe.drive import live
from probe.drive.demo_server import Secured
from probe.drive.limits import Limits
from probe.result import Gateway, Result, from_json, to_json
from probe.wire.cursor import Reader
from probe.wire.rdpudp import Syn, UdpVersion
from tests.drive.outside_peers import (
    HERE,
    UNAUTHORIZED,
    WITH_CHALLENGE,
    answering,
    asked,
    at,
    gateway_of,
    syn_ack,
    udp_of,
    web,
)
from tests.drive.peers import BRIEF, ONE, PATIENCE_S, PATIENT, Peer, inside_tls, reset, selects, serving, until_closed


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind((HERE, 0))
        return int(taken.getsockname()[1])


@pytest.mark.parametrize(("version", "name"), [(None, "1.0"), (1, "1.0"), (2, "2.0"), (0x101, "3.0"), (3, "0x0003")])
def test_udp_is_open_where_a_syn_is_taken(version: int | None, name: str) -> None:
    udp, heard = udp_of(lambda datagram: syn_ack(datagram, version, up_mtu=1200))
    assert (udp.state, udp.version, udp.offered, udp.sent) == ("open", name, "3.0", 1)
    assert (udp.up_mtu, udp.down_mtu, udp.ending, udp.answer) == (1200, 1232, None, None)
    [datagram] = heard
    offered = Syn.read(Reader(datagram, "RDP-UDP"))
    assert len(datagram) == 1232
    assert offered.version == UdpVersion.VERSION_3


def test_silence_is_asked_three_times_by_the_same_datagram() -> None:
    udp, heard = udp_of(lambda _: [], BRIEF)
    assert (udp.state, udp.sent, udp.ending) == ("silent", 3, "timed_out")
    assert len(set(heard)) == 1


def test_a_lost_answer_is_waited_for_again() -> None:
    lost: list[bytes] = []

    def second(datagram: bytes) -> list[bytes]:
        lost.append(datagram)
        return syn_ack(datagram) if len(lost) > 1 else []

    udp, _ = udp_of(second)
    assert udp.state == "open"
    assert udp.sent > 1


@pytest.mark.parametrize("answer", [b"", b"\x16\xfe\xfd", b"NOTIFY * HTTP/1.1\r\n", bytes(1232)], ids=repr)
def test_another_service_on_udp_is_malformed(answer: bytes) -> None:
    udp, _ = udp_of(lambda _: [answer])
    assert (udp.state, udp.version, udp.ending) == ("malformed", None, None)
    assert udp.answer is not None
    assert udp.answer.startswith("RDP-UDP.")


def test_an_echo_is_no_answer() -> None:
    udp, _ = udp_of(lambda datagram: [datagram])
    assert (udp.state, udp.answer) == ("malformed", "SYN while in state EXPECT_SYN_ACK")


def run(settings: Settings, limits: Limits = PATIENT, port: int | None = None) -> Result:
    return trio.run(asked, at(port or free_port()), settings, limits)


def test_a_closed_port_is_told_by_icmp() -> None:
    udp = run(Settings(udp=True)).udp
    assert udp is not None
    assert (udp.state, udp.sent, udp.ending, udp.cause) == ("refused", 1, "refused", "Connection refused")


def test_a_way_that_is_none_is_unreachable() -> None:
    udp = run(Settings(udp=True), Limits(source_address="::1")).udp
    assert udp is not None
    assert (udp.state, udp.sent) == ("unreachable", 0)
    assert udp.cause


def test_nothing_is_asked_unasked() -> None:
    result = run(Settings())
    assert (result.udp, result.gateway) == (None, None)


def test_a_gateway_tells_its_names_to_anybody() -> None:
    gateway = gateway_of(web(UNAUTHORIZED, WITH_CHALLENGE), host="localhost")
    assert (gateway.state, gateway.certainty, gateway.status, gateway.reason) == (
        "rd_gateway",
        "likely",
        401,
        "Unauthorized",
    )
    assert gateway.schemes == ["Negotiate", "NTLM"]
    assert gateway.server == "Microsoft-HTTPAPI/2.0"
    assert gateway.ntlm is not None
    assert (gateway.ntlm.netbios_domain, gateway.ntlm.dns_computer) == ("VM", "vm")
    assert gateway.ntlm.os_build == "6.1.7601"
    assert gateway.tls_version == "TLSv1.3"
    assert gateway.certificate is not None
    assert gateway.certificate.name_match is False
    assert (gateway.host, gateway.address) == ("localhost", HERE)
    assert (gateway.ending, gateway.answer) == (None, None)


def test_a_scheme_of_gateways_alone_is_certain() -> None:
    gateway = gateway_of(web(b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: SSPI_NTLM\r\nContent-Length: 0\r\n\r\n"))
    assert (gateway.state, gateway.certainty, gateway.ntlm) == ("rd_gateway", "certain", None)


def test_a_server_that_wants_a_login_for_everything_need_not_be_a_gateway() -> None:
    gateway = gateway_of(web(UNAUTHORIZED, WITH_CHALLENGE, UNAUTHORIZED))
    assert (gateway.state, gateway.certainty, gateway.status) == ("unknown", None, 401)
    assert gateway.ntlm is not None


def test_a_gateway_that_goes_silent_stays_one() -> None:
    gateway = gateway_of(web(UNAUTHORIZED), BRIEF)
    assert (gateway.state, gateway.ntlm, gateway.ending) == ("rd_gateway", None, None)


def test_a_challenge_that_cannot_be_read_is_said() -> None:
    broken = b"HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM !\r\n\r\n"
    gateway = gateway_of(web(UNAUTHORIZED, broken))
    assert (gateway.state, gateway.ntlm) == ("rd_gateway", None)
    assert gateway.answer is not None
    assert gateway.answer.startswith("WWW-Authenticate.token68")


async def says_nothing(tls: Secured) -> None:
    await tls.receive()
    await trio.sleep_forever()


async def leaves(tls: Secured) -> None:
    await tls.receive()


async def speaks_ssh(tls: Secured) -> None:
    await tls.send(b"SSH-2.0-OpenSSH_9.2p1\r\n")
    await tls.receive()


async def endless_head(tls: Secured) -> None:
    await tls.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        await tls.send(b"X-More: and more\r\n" * 100)


async def slow_drip(tls: Secured) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nServer: " + b"x" * 1000:
        await tls.send(bytes([byte]))
        await trio.sleep(0.01)


async def plain_silence(_stream: trio.SocketStream) -> None:
    await trio.sleep_forever()


async def plain_ssh(stream: trio.SocketStream) -> None:
    await stream.send_all(b"SSH-2.0-OpenSSH_9.2p1\r\n")
    await until_closed(stream)


async def plain_http(stream: trio.SocketStream) -> None:
    await stream.receive_some(4096)
    await stream.send_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")


async def plain_close(stream: trio.SocketStream) -> None:
    await stream.receive_some(4096)


async def plain_reset(stream: trio.SocketStream) -> None:
    await stream.receive_some(4096)
    await reset(stream)


async def plain_alert(stream: trio.SocketStream) -> None:
    await stream.receive_some(4096)
    await stream.send_all(bytes.fromhex("15030300020228"))
    await until_closed(stream)


@pytest.mark.parametrize(
    ("peer", "limits", "state", "endings"),
    [
        (web(b"HTTP/1.1 404 Not Found\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n"), PATIENT, "http", [None]),
        (web(b'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="x"\r\n\r\n'), PATIENT, "http", [None]),
        (web(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1000), PATIENT, "http", [None]),
        (web(b"HTTP/1.1 200 OK\r\nbroken\r\n\r\n"), PATIENT, "http", [None]),
        (inside_tls(endless_head), PATIENT, "http", [None]),
        (inside_tls(slow_drip), Limits(step_s=0.1), "http", ["deadline", "timed_out"]),
        (inside_tls(speaks_ssh), PATIENT, "not_http", [None]),
        (inside_tls(says_nothing), BRIEF, "tls_only", ["timed_out"]),
        (inside_tls(leaves), PATIENT, "tls_only", ["closed", "reset", None]),
        (plain_silence, BRIEF, "silent", ["timed_out"]),
        (plain_ssh, PATIENT, "not_tls", [None]),
        (plain_http, PATIENT, "not_tls", [None]),
        (plain_close, PATIENT, "closed", ["closed"]),
        (plain_reset, PATIENT, "closed", ["reset"]),
        (plain_alert, PATIENT, "tls_failed", [None]),
    ],
)
def test_what_is_no_gateway_has_a_name(peer: Peer, limits: Limits, state: str, endings: list[str | None]) -> None:
    gateway = gateway_of(peer, limits)
    assert gateway.state == state
    assert gateway.certainty is None
    assert gateway.ending in endings
    result = run(Settings())
    result.gateway = gateway
    assert [found.code for found in diagnose(result)] == ["GATEWAY_UNREACHABLE"]


def test_a_gateway_that_is_refused() -> None:
    gateway = run(Settings(gateway=True, gateway_at=(HERE, free_port()))).gateway
    assert gateway is not None
    assert (gateway.state, gateway.ending, gateway.cause) == ("refused", "refused", "Connection refused")


def test_a_gateway_whose_name_has_no_address() -> None:
    gateway = run(Settings(gateway=True, gateway_at=("x" * 64, 443))).gateway
    assert gateway is not None
    assert (gateway.state, gateway.address) == ("unreachable", None)
    assert gateway.cause


def test_without_another_host_the_target_is_asked_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []

    async def listens(tls: Secured) -> None:
        seen.append(await tls.receive())

    async def main() -> Gateway | None:
        with trio.fail_after(PATIENCE_S):
            async with serving(inside_tls(listens)) as target:
                monkeypatch.setattr("probe.drive.outside.HTTPS", target.port)
                return (await asked(target, Settings(gateway=True, server_name="gw.example"), PATIENT)).gateway

    gateway = trio.run(main)
    assert gateway is not None
    assert (gateway.host, gateway.address) == ("gw.example", HERE)
    assert b"\r\nHost: gw.example:" in seen[0]


def audited(settings: Settings, limits: Limits = PATIENT) -> Result:
    """A server of RDP and UDP on one port, with a web server as its gateway."""

    async def rdp(stream: trio.SocketStream) -> None:
        await stream.receive_some(4096)
        await stream.send_all(selects(0))

    async def main() -> Result:
        with trio.fail_after(PATIENCE_S):
            async with serving(rdp) as target, answering(syn_ack, [], target.port), serving(plain_http) as gateway:
                where = (HERE, gateway.port) if settings.gateway else None
                asks = Settings(max_connections=1, udp=settings.udp, gateway=settings.gateway, gateway_at=where)
                return await live.audit(target, asks, limits)

    return trio.run(main)


def test_an_audit_holds_what_was_asked_beside_it() -> None:
    result = audited(Settings(udp=True, gateway=True))
    assert result.status == "rdp"
    assert result.udp is not None
    assert result.gateway is not None
    assert (result.udp.state, result.gateway.state) == ("open", "not_tls")
    assert result.connections == len(result.attempts) == 1
    assert from_json(to_json(result)) == result


def test_a_deadline_leaves_it_unknown() -> None:
    async def main() -> Result:
        async with serving(plain_silence) as silent:
            with socket.socket(type=socket.SOCK_DGRAM) as mute:
                mute.bind((HERE, silent.port))
                asks = Settings(max_connections=1, udp=True, gateway=True, gateway_at=(HERE, silent.port))
                return await live.audit(silent, asks, Limits(deadline_s=0.1))

    result = trio.run(main)
    assert result.udp is not None
    assert result.gateway is not None
    assert (result.udp.state, result.udp.ending) == ("unknown", "interrupted")
    assert (result.gateway.state, result.gateway.ending) == ("unknown", "interrupted")
    assert not {"UDP_UNREACHABLE", "GATEWAY_UNREACHABLE"} & {found.code for found in diagnose(result)}


def test_one_connection_without_the_options_asks_nothing_else() -> None:
    result = audited(ONE)
    assert (result.udp, result.gateway) == (None, None)
