"""One capture in the making: its servers, its clients, what is captured, and what is known to be true of it."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.real import peers
from tests.real.captures_network import CLIENT, SERVER, Neighbor
from tests.real.freerdp import virtual_display
from tests.real.process import GRACE_S, Launcher, Server, listening, program, until

PORT = 3389
SSLYZE = Path(__file__).parents[2] / ".cache" / "sslyze"
_SETTLE_S = 0.7  # dumpcap is handed packets by the kernel in blocks, at the latest after a quarter of a second
_PRINTED = 8000

# Requests as clients write them: mstsc's with a cookie for TLS and NLA, and those for TLS and for nothing newer alone.
ASKS_HYBRID = bytes.fromhex("0300002a25e00000000000436f6f6b69653a206d737473686173683d46524f470d0a010008000b000000")
ASKS_SSL = bytes.fromhex("030000130ee000000000000100080001000000")
ASKS_RDP = bytes.fromhex("030000130ee000000000000100080000000000")

# Who never has an account anywhere. The password is what FreeRDP needs to begin CredSSP at all.
USER, DOMAIN, NO_PASSWORD = "probe", "CORP", "made-up"
FREERDP = (
    "xfreerdp", f"/u:{USER}", f"/d:{DOMAIN}", f"/p:{NO_PASSWORD}", "+auth-only", "/client-hostname:FROG",
    "/cert:ignore", "/gdi:sw", "/bpp:16", "/audio-mode:2",
)  # fmt: skip


@dataclass(kw_only=True)
class Lab:
    """What a scene works with. `work` is thrown away; captures go to `out`."""

    name: str
    work: Path
    out: Path
    stack: ExitStack
    truths: dict[int, dict[str, object]] = field(default_factory=dict)  # by stream, from the configuration
    commands: list[str] = field(default_factory=list)
    configuration: list[str] = field(default_factory=list)
    programs: list[str] = field(default_factory=list)  # whose versions are told
    file: Path = field(init=False)
    said: dict[str, object] = field(default_factory=dict)  # of the whole capture
    port: int = PORT  # the server's, for who reads connections without a SYN
    _display: str | None = None

    def directory(self, name: str) -> Path:
        """A new directory for files that are thrown away."""
        made = self.work / name
        made.mkdir(mode=0o700)
        return made

    def path_of(self, name: str) -> str:
        """Where a program is; rdp-probe is of this environment, and sslyze has one of its own."""
        if name == "sslyze":
            return str(peers.sslyze_program(SSLYZE).with_name("python"))
        return str(Path(sys.executable).with_name(name)) if name == "rdp-probe" else program(name)

    # ---- servers ----

    def serve(self, launcher: Launcher, address: str = SERVER, port: int = PORT) -> Server:
        """Run a real server at this address until the capture is done."""
        directory = self.directory(f"server{len(self.programs)}")
        server = launcher.arrange(directory, (address, port), self.stack)
        self.stack.callback(server.stop)
        server.wait_until_listening()
        self._tell_server(server)
        return server

    def _tell_server(self, server: Server) -> None:
        self.programs.append(Path(server.argv[0]).name)
        self.configuration.append(self.plain(shlex.join(server.argv)))
        for ini in server.directory.glob("*.ini"):
            lines = ini.read_text().partition("[Logging]")[0].splitlines()[2:]
            kept = [line for line in lines if not line.startswith(("fork", "port", "allow_channels"))]
            self.configuration += [self.plain(line) for line in kept if not line.endswith("=") and line]

    def listen(self, answer: bytes | None, *, reset: bool = False, end: bool = False) -> None:
        """Listen with a socket of our own: it says `answer` to the first bytes, is silent, ends or resets."""
        listener = self.stack.enter_context(socket.create_server((SERVER, PORT)))
        words = "resets" if reset else "closes" if end else "is silent" if answer is None else f"says {answer!r}"
        self.configuration.append(f"a listener that reads a request, then {words}")
        script = _Answering(listener, answer, reset=reset, end=end)
        self.stack.callback(script.stop)

    def listen_beside(self, address: str) -> None:
        """Listen at another address: it reads a request and closes."""
        listener = self.stack.enter_context(socket.create_server((address, PORT)))
        self.configuration.append(f"a listener at {address} that reads a request, then closes")
        self.stack.callback(_Answering(listener, None, reset=False, end=True).stop)

    def serve_datagrams(self) -> None:
        """Take datagrams and never answer, so that nothing says that the port is closed."""
        taker = self.stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        taker.bind((SERVER, PORT))
        self.configuration.append("a UDP socket that answers nothing")

    def wait_for_listener(self) -> None:
        """Wait until somebody listens at the server's address."""
        if not until(lambda: listening(SERVER, PORT), 10):
            raise RuntimeError("no listener came")

    def ended(self, process: subprocess.Popen[bytes], seconds: float = 3.0) -> bool:
        """Wait for a client: whether it ended in time."""
        return until(lambda: process.poll() is not None, seconds)

    # ---- what is captured ----

    @contextlib.contextmanager
    def capturing(
        self, *options: str, interface: str = "lo", suffix: str = ".pcap", name: str = "", at: Neighbor | None = None
    ) -> Iterator[None]:
        """Capture what passes while the `with` lasts, into NAME with this suffix."""
        self.file = (self.work if name else self.out) / f"{name or self.name}{suffix}"
        part = self.work / f"taken{suffix}"
        arguments = ["-i", interface, "-w", str(part), *(["-P"] if suffix == ".pcap" else []), *options]
        argv = [program("dumpcap"), "-q", *arguments]
        self.commands.append(self.plain(shlex.join(["dumpcap", *arguments])))
        told = self.work / "dumpcap"
        with told.open("wb") as stream:
            capture = subprocess.Popen(at.inside(*argv) if at else argv, stderr=stream, stdout=stream)
        try:
            if not until(lambda: "File:" in told.read_text("utf-8", "replace"), 10):
                raise RuntimeError(f"dumpcap did not begin: {told.read_text()}")
            yield
            time.sleep(_SETTLE_S)
        finally:
            capture.send_signal(signal.SIGINT)
            capture.wait(10)
        shutil.copyfile(part, self.file)
        self.file.chmod(0o644)

    def edit(self, *argv: str) -> None:
        """Run a tool of Wireshark's on captures that were taken."""
        self.commands.append(self.plain(shlex.join(argv)))
        subprocess.run([program(argv[0]), *argv[1:]], check=True, timeout=60, capture_output=True)

    def result(self, suffix: str = ".pcap") -> Path:
        """Where the capture goes that `edit` makes."""
        self.file = self.out / f"{self.name}{suffix}"
        return self.file

    # ---- clients ----

    def display(self) -> str:
        """An X server for clients that need one."""
        if self._display is None:
            self._display = self.stack.enter_context(virtual_display())
        return self._display

    def run(
        self,
        *argv: str,
        at: Neighbor | None = None,
        limit_s: float = 12.0,
        keys: bool = False,
        display: bool = False,
    ) -> str:
        """Run a client to its end, or for so long. `keys`: the secrets of its TLS go to NAME.keys."""
        with self.begun(*argv, at=at, keys=keys, display=display) as (process, output):
            until(lambda: process.poll() is not None, limit_s)
        return output.read_text("utf-8", "replace")[:_PRINTED]

    @contextlib.contextmanager
    def begun(
        self,
        *argv: str,
        at: Neighbor | None = None,
        keys: bool = False,
        display: bool = False,
    ) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
        """Start a client, and end it with the `with`."""
        self.programs.append(Path(argv[0]).name)
        self.commands.append(self.plain(shlex.join(argv)))
        home = self.directory(f"client{len(self.commands)}")
        environment = {"PATH": os.environ["PATH"] + ":/usr/sbin", "HOME": str(home), "LC_ALL": "C.UTF-8"}
        if display or argv[0] in ("xfreerdp", "rdesktop"):
            environment["DISPLAY"] = self.display()
        if keys:
            (self.out / f"{self.name}.keys").unlink(missing_ok=True)
            environment |= {"LD_PRELOAD": str(self.key_writer()), "KEYLOG": str(self.out / f"{self.name}.keys")}
        path = argv[0] if "/" in argv[0] else program(argv[0])
        command = [path, *argv[1:]]
        with (home / "output").open("wb") as output:
            process = subprocess.Popen(
                at.inside(*command) if at else command,
                env=environment,
                cwd=home,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(b"yes\n" * 4)
            process.stdin.flush()
        try:
            yield process, home / "output"
        finally:
            _end(process)

    def key_writer(self) -> Path:
        """The library that makes a program of OpenSSL tell its secrets."""
        library = self.work / "keylog.so"
        if not library.exists():
            source = Path(__file__).with_name("keylog.c")
            command = [program("cc"), "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
            subprocess.run(command, check=True, timeout=60)
        return library

    def freerdp(self, *options: str, to: str = SERVER, **how: object) -> str:
        """Run xfreerdp as far as authentication."""
        return self.run(*FREERDP, f"/v:{to}", *options, **how)  # type: ignore[arg-type]

    def rdesktop(self, *options: str, limit_s: float = 4.0) -> str:
        """Run rdesktop for a moment. It would stay at the login screen."""
        return self.run(
            "rdesktop", "-u", USER, "-d", DOMAIN, "-n", "FROG", "-g", "200x200", *options, SERVER, limit_s=limit_s
        )

    def probe(self, *options: str, to: str = SERVER, **how: object) -> str:
        """Run rdp-probe."""
        return self.run(self.path_of("rdp-probe"), "host", *options, to, **how)  # type: ignore[arg-type]

    def nmap(self, *options: str, limit_s: float = 60.0) -> str:
        """Run nmap on the port."""
        return self.run("nmap", "-n", "-Pn", "-p", str(PORT), *options, SERVER, limit_s=limit_s)

    # ---- what is known ----

    def truth(self, stream: int = 0, **facts: object) -> None:
        """What must be true of a connection, because everything was set up so."""
        self.truths.setdefault(stream, {}).update(facts)

    def plain(self, text: str) -> str:
        """A text without paths of this run."""
        text = text.replace(str(self.out), "pcaps").replace(str(self.work), "WORK")
        for folder in (Path(sys.executable).parent, SSLYZE / "bin"):
            text = text.replace(f"{folder}/", "")
        return re.sub(r"/tmp/rdp-[^/ ]+|/usr/s?bin/", lambda found: "" if "bin" in found[0] else "WORK", text)


class _Answering:
    """A listener's other side, in a thread."""

    def __init__(self, listener: socket.socket, answer: bytes | None, *, reset: bool, end: bool) -> None:
        import threading

        self._listener, self._answer, self._reset, self._close = listener, answer, reset, end
        self._ended = threading.Event()
        self._held: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(5)
        for each in self._held:
            each.close()

    def _serve(self) -> None:
        self._listener.settimeout(0.05)
        while not self._ended.is_set():
            with contextlib.suppress(TimeoutError, OSError):
                client, _ = self._listener.accept()
                client.settimeout(5)
                client.recv(4096)
                if self._answer is not None:
                    client.sendall(self._answer)
                if self._reset:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                if self._reset or self._close:
                    client.close()
                else:
                    self._held.append(client)


def _end(process: subprocess.Popen[bytes]) -> None:
    for number, seconds in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, 10.0)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            break
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()


def python_client(*, newest: ssl.TLSVersion, oldest: ssl.TLSVersion, verify: bool = False) -> str:
    """Python's own TLS behind a request for it, as clients written in Python have it: what came of it."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = oldest, newest
    with socket.create_connection((SERVER, PORT), 5) as client:
        client.sendall(ASKS_SSL)
        client.recv(19)
        try:
            with context.wrap_socket(client) as tunnel:
                tunnel.sendall(b"")
                return "connected"
        except OSError as error:
            return str(error)


def client_of_ours(steps: Sequence[bytes], *, source_port: int = 0, reset: bool = False, pause_s: float = 0.05) -> None:
    """Say these pieces to the server, each after an answer or a pause, and end: what no client does at will."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.bind((CLIENT, source_port))
        client.settimeout(2)
        client.connect((SERVER, PORT))
        for step in steps:
            client.sendall(step)
            time.sleep(pause_s)
            with contextlib.suppress(OSError):
                client.recv(65536)
        if reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
