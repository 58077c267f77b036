"""tshark counts the same streams in public captures, and follows the same bytes in them."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from probe.capture.connection import Connection, Datagrams
from probe.capture.conversations import Conversations
from probe.capture.flows import Limits
from probe.capture.link_layers import Layers
from probe.drive.capture_file import open_capture
from probe.drive.odd_links import ScapyLinks
from tests.capture.talk import said

PUBLIC = Path(__file__).parents[3] / "shared" / "pcaps"
FILES = sorted(path.name for path in PUBLIC.glob("*.pcap*"))
# tshark's follow writes a sentence into the bytes where some are missing.
WITH_GAPS = ("12-", "13-", "14-", "15-", "32-")
pytestmark = [
    pytest.mark.skipif(not FILES, reason="the public captures are not here"),
    pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed"),
]


@cache
def read(name: str) -> tuple[list[Connection | Datagrams], Conversations]:
    conversations = Conversations(Layers(ScapyLinks()), Limits(kept=1 << 22))
    found: list[Connection | Datagrams] = []
    with open_capture(str(PUBLIC / name)) as file:
        for batch in file.batches():
            found += conversations.take(batch)
    return [*found, *conversations.finish()], conversations


def tshark(name: str, *arguments: str) -> list[str]:
    argv = ["tshark", "-n", "-r", str(PUBLIC / name), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120).stdout.splitlines()


@pytest.mark.parametrize("name", FILES)
def test_streams_have_the_same_numbers(name: str) -> None:
    """The first frame of each, and how many there are, over TCP and UDP."""
    firsts: dict[tuple[str, int], int] = {}
    for line in tshark(name, "-T", "fields", "-e", "frame.number", "-e", "tcp.stream", "-e", "udp.stream"):
        number, tcp, udp = line.split("\t")
        for kind, streams in (("tcp", tcp), ("udp", udp)):
            if streams:
                firsts.setdefault((kind, int(streams.split(",")[0])), int(number))
    found, conversations = read(name)
    counted = conversations.flows.streams, conversations.exchanges.streams
    assert counted == tuple(sum(kind == each for kind, _ in firsts) for each in ("tcp", "udp"))
    for each in found:
        kind = "tcp" if isinstance(each, Connection) else "udp"
        assert firsts[kind, each.stream] == each.first_packet


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith(WITH_GAPS)])
def test_the_same_bytes(name: str) -> None:
    for each in read(name)[0]:
        if isinstance(each, Connection):
            lines = tshark(name, "-q", "-z", f"follow,tcp,raw,{each.stream}")
            data = [line for line in lines if line.strip() and not set(line.strip()) - set("0123456789abcdef")]
            ways = [
                b"".join(bytes.fromhex(line) for line in data if line.startswith("\t") is back)
                for back in (False, True)
            ]
            assert sorted(said(each)) == sorted(ways)


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith(WITH_GAPS)])
def test_where_bytes_are_missing_it_is_told(name: str) -> None:
    gaps = [each for each in read(name)[0] if isinstance(each, Connection) and each.gaps]
    assert gaps
    assert all(tshark(name, "-Y", f"tcp.stream == {each.stream} && tcp.analysis.flags") for each in gaps)
