"""Captured connections into the machines that live traffic meets.

    for result in replay("failing.pcapng", Settings(depth="discover")):
        judge(result)                                  # probe.diagnosis.judged: diagnoses

A file is read once, from its beginning to its end, and a result comes when its connection is over and those that began
before it are; see `replay_work.in_order`. Exchanges over UDP have no end, and come when the file has been read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from probe.audit.capture_verdict import captured
from probe.audit.capture_verdict_server import by_server
from probe.audit.capture_verdict_udp import exchanged
from probe.audit.service import service_of
from probe.audit.settings import Settings
from probe.audit.trust import TrustJudge
from probe.capture.connection import Connection, Datagrams
from probe.capture.conversations import Conversations
from probe.capture.flow import Flow
from probe.capture.flows import Limits
from probe.capture.frame import Frame
from probe.capture.link_layers import Layers
from probe.drive.capture_file import CaptureFile, open_capture
from probe.drive.odd_links import ScapyLinks
from probe.drive.replay_alike import OneSyn
from probe.drive.replay_work import in_order, worked
from probe.handshake.key_log import KeyLog
from probe.result import Result

RDP_PORT = 3389
_NAMED_BY = 64  # first bytes of a side
_MOST_KINDS = 1000
_MOST_KEPT, _MOST_KEPT_BYTES = 20_000, 64 << 20  # connections, and what was said on them, for results by server


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which connections of a capture get a result: those that are RDP by what is said, and these."""

    ports: frozenset[int] = frozenset({RDP_PORT})  # of servers: every connection to them, whatever it is
    streams: frozenset[int] | None = None  # only these, by tshark's tcp.stream or udp.stream; None: all
    by_server: bool = False  # one result a server, of all its connections, in place of one a connection


@dataclass(slots=True, kw_only=True)
class Passed:
    """How much of a capture has been read."""

    read: int = 0  # bytes of the file, compressed where it is
    size: int | None = None  # of the file; None where it is a pipe
    packets: int = 0
    found: int = 0  # results


@dataclass(slots=True, kw_only=True)
class Others:
    """What else is in a capture: connections that have no result of their own."""

    connections: int = 0
    # How many there are of each service ("tls", "unknown"; "silent": not a byte) and port of a server.
    spoken: dict[tuple[str, int], int] = field(default_factory=dict)


class Replay:
    """One capture as it is read: iterate over it, once. What went wrong with the file stands in `notices`."""

    def __init__(
        self,
        path: str,
        settings: Settings,
        secrets: KeyLog | None = None,
        trust: TrustJudge | None = None,
        wanted: Wanted | None = None,
    ) -> None:
        self.path = path
        self.settings = settings
        self.secrets = secrets if secrets is not None else KeyLog()
        self.trust = trust
        self.wanted = wanted or Wanted()
        self.passed = Passed()
        self.others = Others()
        self.notices: list[str] = []
        self.on_progress: Callable[[Passed], None] | None = None  # called now and then while the file is read
        self.is_stopped = False  # by the user: what comes is of what was read until then
        self._waits = False  # for bytes of the file
        self._kept: list[Connection] = []  # for results by server
        self._kept_bytes = 0
        self._is_full = False

    def __iter__(self) -> Iterator[Result]:
        """Results, not yet diagnosed. Raises InputError for what is no capture or cannot be read."""
        if self.wanted.by_server:
            yield from self._servers()
        else:
            yield from map(self._told, in_order(self._chosen()))

    def stop(self) -> None:
        """For a handler of Ctrl-C: read no further. A second time raises KeyboardInterrupt."""
        is_waiting, self._waits = self._waits or self.is_stopped, False
        self.is_stopped = True
        if is_waiting:
            raise KeyboardInterrupt

    def _servers(self) -> Iterator[Result]:
        udp = []
        for found, _oldest in self._chosen():
            if isinstance(found, Connection):
                self._keep(found)
            else:
                udp.append(self._told(found))
        results = by_server(self._kept, self.path, self.settings, self.secrets, self.trust)
        for exchange in udp:
            _add(exchange, results)
        yield from results

    def lines(self, finish: Callable[[Result], bytes]) -> Iterator[bytes]:
        """What `finish` makes of each result, in their order: of many, in several processes. Not with `by_server`."""

        def line(found: Connection | Datagrams) -> bytes:
            return finish(self._told(found))

        one_syn = OneSyn(line)
        taken = self.secrets.taken

        def is_known() -> bool:  # to other processes: secrets that stand in the file itself are not
            return self.passed.size is not None and self.secrets.taken == taken

        yield from worked(in_order(self._chosen()), line, is_known, at_once=one_syn.line)

    def _chosen(self) -> Iterator[tuple[Connection | Datagrams, int | None]]:
        for found, oldest in self._conversations():
            if self.wanted.streams is None or found.stream in self.wanted.streams:
                self.passed.found += 1
                yield found, oldest

    def each_of(self, server: Result) -> Iterator[Result]:
        """With `by_server`: the results of the connections that a server's result is of, one by one."""
        streams = set(server.capture.streams) if server.capture is not None else set()
        for connection in self._kept:
            if connection.stream in streams:
                yield self._told(connection)

    def _told(self, found: Connection | Datagrams) -> Result:
        if isinstance(found, Datagrams):
            return exchanged(found, self.path, self.settings, self.secrets, self.trust)
        return captured(found, self.path, self.settings, self.secrets, self.trust)

    def _keep(self, connection: Connection) -> None:
        """Keep a connection for its server's result, if there is room."""
        self._kept_bytes += sum(len(piece.data) for piece in connection.pieces)
        if len(self._kept) < _MOST_KEPT and self._kept_bytes <= _MOST_KEPT_BYTES:
            self._kept.append(connection)
        elif not self._is_full:
            self._is_full = True
            self.notices.append(f"the reports are made of the first {len(self._kept)} connections: more are not kept")

    def conversations(self) -> Iterator[Connection | Datagrams]:
        """What the results are made of, each when it is over."""
        for found, _oldest in self._conversations():
            yield found

    def _conversations(self) -> Iterator[tuple[Connection | Datagrams, int | None]]:
        """Each with the first frame of the oldest connection that still goes on."""
        limits = Limits(ports=self.wanted.ports)
        conversations = Conversations(Layers(ScapyLinks()), limits)
        conversations.flows.unwanted = self._pass_by
        with open_capture(self.path, self.secrets) as file:
            self.passed.size = file.size
            for batch in self._batches(file):
                over = conversations.take(batch)
                self._read(file)
                for found in over:
                    yield found, conversations.flows.oldest
            for found in conversations.finish():
                yield found, None
            self._read(file)
            self.notices += [*file.notices, *conversations.notices()]
        self.others.connections = conversations.flows.streams

    def _batches(self, file: CaptureFile) -> Iterator[list[Frame]]:
        """The file's frames, until the user stops: at once also where more are awaited of a pipe."""
        batches = file.batches()
        while True:
            try:
                if self.is_stopped:
                    return
                self._waits = True
                batch = next(batches, None)
                self._waits = False
            except KeyboardInterrupt:
                if not self.is_stopped:
                    raise
                return
            if batch is None:
                return
            yield batch

    def _pass_by(self, flow: Flow) -> None:
        """Count a connection that gets no result, by what it begins with and the server's port."""
        client = flow.client_side(self.wanted.ports)
        said = [stream.first(_NAMED_BY) for stream in flow.streams or ()]
        name = next((name for first in said if (name := service_of(first)) != "unknown"), "unknown")
        if not any(said):
            name = "silent"
        kind = name, flow.port(1 - client)
        if kind in self.others.spoken or len(self.others.spoken) < _MOST_KINDS:
            self.others.spoken[kind] = self.others.spoken.get(kind, 0) + 1

    def _read(self, file: CaptureFile) -> None:
        self.passed.read, self.passed.packets = file.read, file.count
        if self.on_progress is not None:
            self.on_progress(self.passed)


def _add(exchange: Result, results: list[Result]) -> None:
    """Put an exchange over UDP into its server's result; it is one of its own where there is none."""
    server = next((each for each in results if each.target.input == exchange.target.input), None)
    if server is None:
        results.append(exchange)
    elif server.udp is None or server.udp.state != "open":
        server.udp = exchange.udp
        if server.asked is not None:
            server.asked.append("udp")


def replay(
    path: str,
    settings: Settings,
    secrets: KeyLog | None = None,
    trust: TrustJudge | None = None,
    wanted: Wanted | None = None,
) -> Iterator[Result]:
    """One result for each RDP connection of a capture, not yet diagnosed.

    `path` names a file (pcap or pcapng, also gzip or zstd), or is "-" for standard input. Raises InputError for what is
    no capture.
    """
    yield from Replay(path, settings, secrets, trust, wanted)


def conversations(path: str) -> Iterator[Connection | Datagrams]:
    """What the results of a capture are made of: its RDP connections and exchanges over UDP, in no certain order."""
    yield from Replay(path, Settings(depth="discover")).conversations()


def connections(path: str) -> list[Connection]:
    """The RDP connections of a capture, in the order in which they began. Raises InputError for what is no capture."""
    found = [each for each in conversations(path) if isinstance(each, Connection)]
    return sorted(found, key=lambda each: each.stream)
