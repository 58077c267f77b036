"""Servers that spoil the licensing phase at every stage, in clear and inside TLS: what they did is told, and no more.

They answer the basic settings exchange as they should, so that only what comes after it is at fault.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio

from probe.audit.settings import Settings
from probe.drive.demo_server import Secured
from probe.drive.limits import Limits
from probe.result import Licensing, Result
from probe.wire import mcs, x224
from probe.wire import mcs_domain as domain
from tests import licensing_server as server
from tests.drive.peers import PATIENT, RDP, SSL, Peer, audited, inside_tls, only, reset
from tests.drive.test_hostile import check
from tests.licensing_server import DEMAND_ACTIVE, VALID, LicensingServer

WANTED = Settings(licensing=True)
A_WHILE = Limits(step_s=0.3)
STAGES = (domain.ErectDomainRequest, domain.AttachUserRequest, domain.ChannelJoinRequest, domain.SendDataRequest)
Make = Callable[[], LicensingServer]


async def converse(
    peer: LicensingServer, receive: Callable[[], Awaitable[bytes]], send: Callable[[bytes], Awaitable[None]]
) -> None:
    """Answer until the client leaves."""
    while data := await receive():
        if said := peer.receive(data):
            await send(said)


def in_clear(make: Make) -> Peer:
    async def peer(stream: trio.SocketStream) -> None:
        async def receive() -> bytes:
            return bytes(await stream.receive_some(4096))

        await converse(make(), receive, stream.send_all)

    return only(RDP, peer)


def inside(make: Make) -> Peer:
    async def peer(secured: Secured) -> None:
        await converse(make(), secured.receive, secured.send)

    return only(SSL, inside_tls(peer))


def found(peer: Peer, limits: Limits = PATIENT) -> Licensing:
    result = audited(peer, limits, WANTED)
    check(result)
    (entry,) = result.licensing
    assert result.spent["licensing phase"] == 1  # and not once more, whatever happened
    return entry


def at(stage: type[object], said: bytes) -> Make:
    """A server that says something else from one stage on."""

    def make() -> LicensingServer:
        peer = LicensingServer(VALID, DEMAND_ACTIVE)
        peer.replies[stage] = lambda _: said
        return peer

    return make


OVER = pytest.mark.parametrize("over", [in_clear, inside], ids=["RDP", "SSL"])
EACH_STAGE = pytest.mark.parametrize("stage", STAGES[1:], ids=lambda stage: str(stage.__name__))


@OVER
def test_a_good_one(over: Callable[[Make], Peer]) -> None:
    entry = found(over(lambda: LicensingServer(VALID, DEMAND_ACTIVE)))
    assert (entry.answer, entry.then, entry.ending) == ("valid_client", "demand_active", None)


@pytest.mark.parametrize("method", [server.FORTY, server.FIFTY_SIX, server.ONE_TWENTY_EIGHT, server.FIPS])
def test_a_good_one_that_encrypts(method: int) -> None:
    entry = found(in_clear(lambda: LicensingServer(VALID, server.set_error(7), method=method, level=server.HIGH)))
    assert (entry.answer, entry.error_info) == ("valid_client", "ERRINFO_SERVER_DENIED_CONNECTION")


@OVER
@EACH_STAGE
def test_garbage(over: Callable[[Make], Peer], stage: type[object]) -> None:
    assert found(over(at(stage, b"HTTP/1.1 400 Bad Request\r\n\r\n" * 3))).answer == "malformed"


@OVER
@EACH_STAGE
def test_lengths_that_cannot_be(over: Callable[[Make], Peer], stage: type[object]) -> None:
    huge = bytes.fromhex("0300001002f08068000103eb70bfff8000")
    assert found(over(at(stage, huge + bytes(40)))).answer == "malformed"


@OVER
@EACH_STAGE
def test_silence(over: Callable[[Make], Peer], stage: type[object]) -> None:
    entry = found(over(at(stage, b"")), A_WHILE)
    assert (entry.answer, entry.ending) == (None, "timed_out")
    assert entry.awaited is not None


@OVER
def test_silence_behind_a_good_answer(over: Callable[[Make], Peer]) -> None:
    entry = found(over(lambda: LicensingServer(VALID)), A_WHILE)
    assert (entry.answer, entry.then, entry.ending) == ("valid_client", None, "timed_out")


@OVER
@pytest.mark.parametrize("number", [0, x224.Data.END_OF_TSDU], ids=["fragments", "PDUs"])
def test_what_never_ends(over: Callable[[Make], Peer], number: int) -> None:
    pdu = domain.write_domain_pdu(domain.SendDataIndication(initiator=1002, channel_id=1003, user_data=bytes(1000)))
    if number:
        pdu = domain.write_domain_pdu(
            domain.SendDataIndication(initiator=1002, channel_id=1003, user_data=server.written(server.STATUS))
        )
    piece = x224.write_packet(x224.Data(user_data=pdu, number=number))
    assert found(over(lambda: LicensingServer(piece * 2000))).answer == "malformed"


def test_a_trickle_is_not_waited_for_without_end() -> None:
    async def peer(stream: trio.SocketStream) -> None:
        memory = LicensingServer(VALID)
        said = memory.receive(bytes(await stream.receive_some(4096)))
        await stream.send_all(said)
        await stream.receive_some(4096)
        for byte in bytes.fromhex("0300ffff02f080") + bytes(100):
            await stream.send_all(bytes([byte]))
            await trio.sleep(0.1)

    entry = found(only(RDP, peer), A_WHILE)
    assert (entry.answer, entry.ending) == (None, "deadline")


@pytest.mark.parametrize("how", ["reset", "close"])
def test_a_connection_that_ends_behind_the_client_info(how: str) -> None:
    async def peer(stream: trio.SocketStream) -> None:
        memory = LicensingServer(VALID)
        while memory.info is None and (data := bytes(await stream.receive_some(4096))):
            await stream.send_all(memory.receive(data))
        if memory.info is not None and how == "reset":
            await trio.sleep(0.02)  # what was said arrives before the reset
            await reset(stream)

    entry = found(only(RDP, peer))
    assert entry.ending == {"reset": "reset", "close": "closed"}[how]
    assert entry.then is None


@pytest.mark.parametrize("modulus", [bytes(72), b"\xff" * 5000, b"\x02" + bytes(71)], ids=["zero", "huge", "two"])
def test_a_key_that_cannot_be_used_ends_it_before_anything_is_said(modulus: bytes) -> None:
    from dataclasses import replace

    from probe.wire import gcc
    from probe.wire.standard_security import write_server_certificate

    broken = write_server_certificate(replace(server.certificate(), modulus_field=modulus))

    def make() -> LicensingServer:
        peer = LicensingServer(VALID, method=server.ONE_TWENTY_EIGHT, level=server.HIGH)
        data = x224.read_packet(peer.connect_response())
        assert isinstance(data, x224.Data)
        response = mcs.read_pdu(data.user_data)
        assert isinstance(response, mcs.ConnectResponse)
        settled = gcc.ConferenceCreateResponse.read(response.user_data).blocks
        blocks = tuple(
            replace(block, server_certificate=broken) if isinstance(block, gcc.ServerSecurity) else block
            for block in settled
        )
        conference = gcc.ConferenceCreateResponse(blocks=blocks).write()
        said = mcs.write_pdu(replace(response, user_data=conference, forms=()))
        peer.connect_response = lambda: x224.write_packet(x224.Data(user_data=said))  # type: ignore[method-assign]
        return peer

    entry = found(in_clear(make))
    assert (entry.answer, entry.ending) == (None, "complete")


def test_the_diagnoses_of_a_result_with_it() -> None:
    from probe.diagnosis import diagnose

    def codes(result: Result) -> set[str]:
        return {each.code for each in diagnose(result)} & {"LICENSING_FAILED", "CONNECTION_LIMIT"}

    failed = audited(inside(lambda: LicensingServer(server.NO_SERVER)), PATIENT, WANTED)
    limited = audited(in_clear(lambda: LicensingServer(server.set_error(7))), PATIENT, WANTED)
    unasked = audited(inside(lambda: LicensingServer(server.NO_SERVER)))
    assert (codes(failed), codes(limited), codes(unasked)) == ({"LICENSING_FAILED"}, {"CONNECTION_LIMIT"}, set())
