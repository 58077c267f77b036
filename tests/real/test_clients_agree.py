"""What an audit says of FreeRDP and rdesktop comes true when they are run against the same server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.clients import CLIENTS
from tests.real.client_agreement import SITUATIONS, VISITORS, Place, visited
from tests.real.clients import RealClients
from tests.real.conftest import Certificates
from tools.make_clients import MARK, PATH


@pytest.fixture(scope="module")
def clients() -> Iterator[RealClients]:
    with RealClients() as running:
        yield running


@pytest.fixture(scope="module")
def place(made: Certificates, display: str, tmp_path_factory: pytest.TempPathFactory) -> Place:
    directory = tmp_path_factory.mktemp("agreement")
    return Place(directory=directory, display=display, rsa=made.rsa, ecdsa=made.ecdsa, rdp4_key=made.rdp4_key)


@pytest.mark.parametrize("name", SITUATIONS)
def test_what_is_said_comes_true(name: str, place: Place, clients: RealClients) -> None:
    rows = visited(name, place, clients)
    for row in rows:
        assert row.agrees is not False, f"{row.said}: got in: {row.got_in}\n{row.words}"
    unknown = {CLIENTS[key].name for key in SITUATIONS[name].unknown}
    assert {row.said.client for row in rows if row.agrees is None} == unknown
    assert len(rows) == len(VISITORS)


def test_a_client_without_a_server_has_not_got_in(clients: RealClients, tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.60.254", 0)) as taken:
        target = f"127.0.60.254:{taken.getsockname()[1]}"
    for key in VISITORS:
        assert not clients.visit(key, target).got_in


def test_the_table_of_agreements_has_every_visit() -> None:
    written = PATH.read_text("utf-8").partition(MARK)[2]
    rows = [line.split(" | ")[:2] for line in written.splitlines() if line.startswith("| ")][1:]
    assert [[name.removeprefix("| "), client] for name, client in rows] == [
        [name, CLIENTS[key].name] for name in SITUATIONS for key in VISITORS
    ]
