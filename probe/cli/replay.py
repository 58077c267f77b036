"""rdp-probe replay: the report of `host` from a capture, one result for each RDP connection in it."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from probe.cli import options as choose
from probe.cli.remark import remark
from probe.errors import InputError
from probe.language import _, speaking

if TYPE_CHECKING:
    from probe.audit.settings import Settings
    from probe.cli.replaying import Output
    from probe.drive.replay import Replay, Wanted

_EXAMPLES = """\
FILE is a capture of tcpdump, tshark, Wireshark or --pcap-out: pcap or pcapng, also
compressed (gzip, zstd), or - for standard input. RDP is found by what is said, on any
port; on port 3389 everything is told.

examples:
  rdp-probe replay failing.pcapng
  rdp-probe replay -q day.pcap.gz                one line a connection
  rdp-probe replay --stream 3 -vv failing.pcapng
  rdp-probe replay --json failing.pcap | jq .capture.client_side
  rdp-probe replay --by-server day.pcap.zst      one report a server
  rdp-probe replay --keylog keys.log failing.pcap
  tcpdump -U -w - tcp port 3389 | rdp-probe replay -

exit status: 0; 2 usage, or a file that cannot be read
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.epilog = _EXAMPLES
    parser.add_argument("files", nargs="*", metavar="FILE", help="a capture, or - for standard input")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="one JSON object a connection (NDJSON)")
    output.add_argument("-q", "--quiet", action="store_true", help="one line a connection")
    parser.add_argument("-v", "--verbose", action="count", default=0, help="every frame; -vv every message")
    parser.add_argument("--by-server", action="store_true", help="one report a server, of all its connections")
    parser.add_argument("--stream", type=_stream, action="append", metavar="N",
                        help="only this connection, by Wireshark's tcp.stream or udp.stream; repeatable")  # fmt: skip
    parser.add_argument("--port", type=choose.port, action="append", metavar="PORT",
                        help="tell of every connection to this port, RDP or not; repeatable (3389)")  # fmt: skip
    parser.add_argument("--keylog", action="append", metavar="FILE",
                        help="secrets of TLS in NSS's format (SSLKEYLOGFILE); repeatable")  # fmt: skip
    parser.add_argument("--ca-file", metavar="FILE", help="trust the roots in FILE (PEM), not the system's")
    choose.add_language(parser)


def run(options: argparse.Namespace) -> int:
    """Read each file and print. Exit status 0, or 2 where a file could not be read."""
    if not options.files:
        raise InputError("there is no capture", "give a file of tcpdump or Wireshark, such as failing.pcapng")
    with speaking(choose.language_of(options)):
        return _run(options)


def _run(options: argparse.Namespace) -> int:
    from probe.cli.replaying import Output, ReadingProgress
    from probe.drive.key_log_file import read_key_logs
    from probe.drive.replay import Replay
    from probe.drive.trust_store import roots, trust_judge

    if options.ca_file is not None:
        roots(options.ca_file)  # said before anything is read; what was read is kept
    secrets, wanted, trust = read_key_logs(options.keylog or ()), _wanted(options), trust_judge(options.ca_file)
    if options.keylog and not secrets.kept:
        remark(_("there is no secret in the key log"))
    if secrets.dropped:
        remark(_("of the key log's secrets the newest {kept} are kept", kept=secrets.kept))
    progress = ReadingProgress(sys.stderr)
    output = Output(options, progress)
    bad: list[InputError] = []
    for file in options.files:
        replay = Replay(file, _settings(options), secrets, trust, wanted)
        replay.on_progress = progress.read
        is_read = False
        try:
            _tell(replay, output)
            is_read = True
        except InputError as error:
            bad.append(error)
        progress.done()
        output.close_file(replay, is_whole=is_read)
    if bad:
        raise InputError(bad[0].what, bad[0].hint, [(each.what, each.hint) for each in bad[1:]])
    return 0


def _tell(replay: Replay, output: Output) -> None:
    """Print the results of a file; where the user stops it, those that were found."""
    from probe.cli.replaying import line_of

    with _stopped_by_ctrl_c(replay):
        if output.has_lines:
            for line in replay.lines(line_of):
                output.show_line(line)
        else:
            for result in replay:
                output.show(result, replay)
    if replay.is_stopped:
        output.close_file(replay, is_whole=False)
        raise KeyboardInterrupt


@contextmanager
def _stopped_by_ctrl_c(replay: Replay) -> Iterator[None]:
    """The first Ctrl-C ends the reading, so that what was found is told; the second ends the program."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, lambda _signal, _frame: replay.stop())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _settings(options: argparse.Namespace) -> Settings:
    from probe.audit.settings import Settings

    return Settings(depth="discover", keep_attempts=options.verbose > 0)


def _wanted(options: argparse.Namespace) -> Wanted:
    from probe.drive.replay import RDP_PORT, Wanted

    return Wanted(
        ports=frozenset(options.port or [RDP_PORT]),
        streams=frozenset(options.stream) if options.stream else None,
        by_server=options.by_server,
    )


def _stream(text: str) -> int:
    """The number of a connection. Raises InputError."""
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise InputError(f"not a stream: {text!r}", "give a number as Wireshark's tcp.stream counts, from 0")
    return int(text)
