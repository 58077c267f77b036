"""What is no cluster is said to be none, before anything else and without a traceback."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import create_server, socket

import pytest

from benchmarks.cluster import cluster
from probe.errors import InputError, Unavailable
from probe.scan import cluster_check
from probe.scan.cluster_check import Crew, ask, check_address

pytest.importorskip("distributed", reason="dask.distributed is not installed: pip install 'rdp-probe[cluster]'")

COMMAND = [sys.executable, "-m", "probe.cli.main", "scan", "127.9.0.1", "--port", "1", "--depth", "discover"]
BOUND_S = 60


@contextmanager
def peer(greeting: bytes, *, closes: bool) -> Iterator[str]:
    """Something that listens and is no scheduler: the address."""
    open_ones: list[socket] = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.sendall(greeting)
                if closes:
                    connection.close()
                open_ones.append(connection)

    with create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(2)
            thread.join(BOUND_S)
            for connection in open_ones:
                connection.close()


@pytest.mark.parametrize(
    "address",
    ["lokal", "", "tcp://", "tcp://x", "tcp://x:0", "tcp://x:65536", "nonsense://x:1", "tcp://x:1/y", "http://x:8786"],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(InputError, match="cannot be used as a cluster"):
        check_address(address)


@pytest.mark.parametrize(
    "address", ["local", "tcp://10.0.0.5:8786", "tls://[::1]:8786", "scheduler:8786", "wss://x:1/"]
)
def test_what_is_an_address_is_taken(address: str) -> None:
    check_address(address)


def test_without_dask_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(Unavailable, match=r"dask\.distributed, which is not installed"):
        check_address("local")


def test_who_works_for_a_scheduler_is_known_before_a_scan() -> None:
    with cluster(0) as processes:
        assert ask(processes.address) == Crew(0, 0)
        with pytest.raises(Unavailable, match="certificates"):
            ask(processes.address.replace("tcp:", "tls:"))


@pytest.mark.parametrize(
    ("greeting", "closes"),
    [(b"", False), (b"", True), (b"SSH-2.0-OpenSSH_9.2\r\n", False), (b"\x10" + bytes(7) + b"x" * 16, False)],
)
def test_what_listens_and_is_no_scheduler_is_said_to_be_none(
    greeting: bytes, closes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_check, "CONNECT_S", 1.0)
    with (
        peer(greeting, closes=closes) as address,
        pytest.raises(Unavailable, match="no dask scheduler"),
    ):
        ask(address)


def test_where_nothing_listens_it_is_said_how_to_start_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_check, "CONNECT_S", 1.0)
    with pytest.raises(Unavailable, match=r"no dask scheduler answers at tcp://127\.0\.0\.1:1"):
        ask("tcp://127.0.0.1:1")


def said(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], cwd=cwd, capture_output=True, text=True, timeout=BOUND_S, check=False)


def test_a_wrong_address_is_said_alone_and_nothing_is_begun(tmp_path: Path) -> None:
    ran = said("--cluster", "lokal", "-o", "out.ndjson", cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert [line.partition(":")[0] for line in ran.stderr.splitlines()] == ["error", "hint"]
    assert list(tmp_path.iterdir()) == []


def test_while_it_connects_it_says_where_and_an_end_of_that_leaves_no_traceback(tmp_path: Path) -> None:
    with peer(b"", closes=True) as address:
        ran = said("--cluster", address, "-o", "out.ndjson", cwd=tmp_path)
    assert ran.returncode == 2
    assert [line.partition(":")[0] for line in ran.stderr.splitlines()] == ["Connecting to tcp", "error", "hint"]
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_while_it_connects_is_heeded_at_once(tmp_path: Path) -> None:
    import signal

    with (
        peer(b"", closes=False) as address,
        subprocess.Popen(
            [*COMMAND, "--cluster", address], cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process,
    ):
        try:
            assert process.stderr is not None
            assert process.stderr.readline() == f"Connecting to {address}\n"
            process.send_signal(signal.SIGINT)
            _out, errors = process.communicate(timeout=BOUND_S)
        finally:
            process.kill()
    assert (process.returncode, errors) == (130, "stopped\n")
