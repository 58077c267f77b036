"""The licensing phase with real servers: each decrypts what we encrypt, and we what it does.

xrdp 0.9.21 begins to issue a license, whatever its encryption; FreeRDP 2.11.7, which weston is built on, is content
without one and goes on. FreeRDP checks our signatures, and closes where one is wrong.
"""

from __future__ import annotations

import functools
import os
import socket

import pytest
import trio

from probe.audit.attempt import Question, Stage
from probe.audit.conversation import Conversation
from probe.audit.reading import Reading, read
from probe.audit.settings import Settings
from probe.audit.verdict_licensing import licensing
from probe.drive.limits import Limits
from probe.drive.live import audit
from probe.handshake.machine import Ending, Event, Side
from probe.result import Licensing, Result, Target
from probe.wire.gcc import EncryptionMethod
from probe.wire.nego import Protocol
from probe.wire.security_header import FipsHeader, SignedHeader
from tests.audit.attempts import attempt
from tests.real.conftest import Certificates
from tests.real.servers import SOURCE_ADDRESS, FreeRdpShadow, Server, Weston, Xrdp

LIMIT_S = 10.0  # for one read; servers here answer in milliseconds
LOOPBACK = "127.0.0.1"


def audited(server: Server, source: str = SOURCE_ADDRESS) -> Result:
    target = Target(input=server.target, host=server.address, address=server.address, port=server.port)
    result = trio.run(functools.partial(audit, target, Settings(licensing=True), Limits(source_address=source)))
    assert result.limited is None
    assert result.spent["licensing phase"] == len(result.licensing)
    assert server.alive()
    return result


def content(over: str) -> Licensing:
    return Licensing(
        over=over,  # type: ignore[arg-type]
        answer="valid_client",
        code="STATUS_VALID_CLIENT",
        transition="ST_NO_TRANSITION",
        then="demand_active",
    )


def issues(over: str) -> Licensing:
    return Licensing(over=over, answer="license_request", message="LICENSE_REQUEST")  # type: ignore[arg-type]


@pytest.mark.parametrize("level", ["none", "low", "medium", "high", "fips"])
def test_xrdp_begins_to_issue_a_license(level: str) -> None:
    with Xrdp(security_layer="rdp", crypt_level=level) as server:
        assert audited(server).licensing == [issues("RDP")]


def test_xrdp_over_tls_and_both() -> None:
    with Xrdp(security_layer="tls") as server:
        assert audited(server).licensing == [issues("SSL")]
    with Xrdp(security_layer="negotiate") as server:
        assert audited(server).licensing == [issues("SSL"), issues("RDP")]


@pytest.mark.parametrize(
    ("option", "source", "over"),
    [("/sec:rdp", SOURCE_ADDRESS, "RDP"), ("/sec:rdp", LOOPBACK, "RDP"), ("/sec:tls", SOURCE_ADDRESS, "SSL")],
)
def test_freerdp_is_content_and_goes_on(option: str, source: str, over: str, display: str) -> None:
    with FreeRdpShadow("-auth", option, display=display) as server:
        assert audited(server, source).licensing == [content(over)]


def test_where_nla_is_required_it_is_not_asked(display: str) -> None:
    with FreeRdpShadow("-auth", "/sec:nla", display=display) as server:
        target = Target(input=server.target, host=server.address, address=server.address, port=server.port)
        wanted = functools.partial(audit, target, Settings(licensing=True), Limits(source_address=SOURCE_ADDRESS))
        result = trio.run(wanted)
    assert result.licensing == []
    assert "licensing phase" not in result.spent


def test_weston_is_content_over_both(made: Certificates) -> None:
    with Weston(made.rsa, made.rdp4_key) as server:
        assert audited(server).licensing == [content("SSL"), content("RDP")]


def read_over(server: Server, question: Question) -> Reading:
    """One connection with one question."""
    machine = Conversation(Settings(), None, os.urandom).machine(question)
    events: list[Event] = []
    ending = Ending.COMPLETE
    with socket.create_connection((server.address, server.port), LIMIT_S, (SOURCE_ADDRESS, 0)) as connection:
        while True:
            if out := machine.data_to_send():
                connection.sendall(out)
                events += machine.observe(Side.CLIENT, out, 0.0)
            if machine.finished:
                break
            data = connection.recv(65536)
            if not data:
                ending = Ending.CLOSED
                break
            events += machine.observe(Side.SERVER, data, 0.0)
    return read(attempt(question, events, ending))


@pytest.mark.parametrize("method", list(EncryptionMethod), ids=lambda method: str(method.name))
def test_freerdp_takes_every_method_and_encrypts_its_answers(method: EncryptionMethod, display: str) -> None:
    with FreeRdpShadow("-auth", "/sec:rdp", display=display) as server:
        question = Question(protocols=Protocol.RDP, stage=Stage.LICENSING, methods=method)
        reading = read_over(server, question)
    assert reading.security is not None
    assert reading.security.encryption_method == method
    assert licensing([reading]) == [content("RDP")]
    header = FipsHeader if method == EncryptionMethod.FIPS else SignedHeader
    assert [type(message) for message in reading.messages if isinstance(message, SignedHeader | FipsHeader)] == [
        header,
        header,
    ]
