"""tshark reads every capture too, ours and the public ones, and finds the same; where not, the table says why."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from probe.capture.connection import Connection
from probe.drive.replay import conversations
from probe.handshake.machine import Side
from probe.result import Result
from tests.capture.test_own_captures import FACTS
from tests.golden.replayed import by_stream, captures, name_of, results_of
from tests.real.captures_facts import Seen, seen
from tests.real.process import program

PUBLIC = Path(__file__).parents[3] / "shared" / "pcaps"
FILES = [*captures(), *(sorted(PUBLIC.glob("[0-9]*.pcap*")) if PUBLIC.is_dir() else [])]

# What of a Seen is in a result, by the name that both have.
COMPARED = (
    "client", "server", "ending", "ended_by", "cookie", "requested", "selected", "failure", "client_name",
    "client_build", "keyboard_layout", "channels", "level", "method", "tls", "suite", "certificate", "certificates",
    "server_name", "ja3", "user", "domain",
)  # fmt: skip

_CUT = "the packet is cut: tshark shows what is left of it, and replay nothing that may have gone on"
_NO_RDP = "a TLS server that is no RDP server: its certificate is in the capture, and no fact of an RDP server"

# Why tshark shows something else, or something more: by file and fact.
EXPLAINED: Mapping[tuple[str, str], str] = {
    ("snaplen-96.pcap", "cookie"): _CUT,
    ("snaplen-96.pcap", "requested"): _CUT,
    ("23-d-snaplen-96.pcap", "requested"): _CUT,
    ("openssl-straight-tls.pcap", "tls"): _NO_RDP,
    ("openssl-straight-tls.pcap", "suite"): _NO_RDP,
    ("openssl-straight-tls.pcap", "certificate"): _NO_RDP,
    ("openssl-straight-tls.pcap", "certificates"): _NO_RDP,
}


@pytest.fixture(scope="module", autouse=True)
def _tshark() -> None:
    program("tshark")


def ids(path: Path) -> str:
    return name_of(path)


@pytest.mark.parametrize("capture", FILES, ids=ids)
def test_facts(capture: Path) -> None:
    found = by_stream(capture)
    others = told_by_tshark(capture)
    assert found.keys() <= others.keys()
    differing = [
        f"stream {stream}: {fact}: tshark {theirs!r}, replay {ours!r}"
        for stream, result in found.items()
        for fact, theirs, ours in differences(result, others[stream])
        if (capture.name, fact) not in EXPLAINED
    ]
    assert not differing, "\n".join(differing)


@pytest.mark.parametrize("capture", FILES, ids=ids)
def test_packets(capture: Path) -> None:
    others = told_by_tshark(capture)
    for result in results_of(capture):
        facts = result.capture
        assert facts is not None
        if facts.transport == "udp":
            continue
        packets = others[facts.stream].packets
        assert (facts.first_packet, facts.last_packet, facts.packet_count) == (packets[0], packets[-1], len(packets))
        assert set(facts.packets) <= set(packets)
        assert {number for each in facts.evidence for number in each.packets} <= set(packets)


@pytest.mark.parametrize("capture", FILES, ids=ids)
def test_every_connection_that_tshark_takes_for_rdp_has_a_result(capture: Path) -> None:
    found = by_stream(capture).keys()
    rdp = {stream for stream, each in told_by_tshark(capture).items() if each.requested is not None or each.selected}
    assert rdp <= found


@pytest.mark.parametrize("capture", FILES, ids=ids)
def test_bytes(capture: Path) -> None:
    """Both sides' bytes, put together; of what is long its beginning, which is all that is kept."""
    found = [each for each in conversations(str(capture)) if isinstance(each, Connection)]
    whole = [each for each in found if not each.gaps and not each.truncated]
    others = told_by_tshark(capture)
    differing = [
        f"stream {each.stream}, {end}: {len(ours)} bytes, tshark {len(theirs)}"
        for each in whole
        for side, end in ((Side.CLIENT, each.client), (Side.SERVER, each.server))
        if not agree(
            ours := b"".join(piece.data for piece in each.pieces if piece.side is side),
            theirs := others[each.stream].said.get(str(end), b""),
            cut=each.cut,
        )
    ]
    assert not differing or (capture.name, "bytes") in EXPLAINED, "\n".join(differing)


def agree(ours: bytes, theirs: bytes, *, cut: bool) -> bool:
    return ours == (theirs[: len(ours)] if cut else theirs)


def test_what_is_explained_is_of_captures_that_are_there() -> None:
    names = {path.name for path in FILES}
    assert {name for name, _ in EXPLAINED} <= names or not PUBLIC.is_dir()


@functools.cache
def told_by_tshark(capture: Path) -> dict[int, Seen]:
    keys = capture.with_name(f"{name_of(capture)}.keys")
    streams = [each.stream for each in conversations(str(capture)) if isinstance(each, Connection)]
    return seen(capture, keys=keys if keys.exists() else None, port=server_port(capture), follow=streams)


def server_port(capture: Path) -> int:
    """The port by which tshark is told what to dissect: the server's, of the first result that has one."""
    ports = re.findall(r":(\d+)$", "\n".join(r.capture.server for r in results_of(capture) if r.capture), re.MULTILINE)
    return int(ports[0]) if ports else 3389


def differences(result: Result, theirs: Seen) -> Iterator[tuple[str, object, object]]:
    """Facts on which both do not agree. What tshark does not show is not compared."""
    for fact in COMPARED:
        shown = getattr(theirs, fact)
        if shown in (None, 0, "", []) and fact != "requested":
            continue
        ours = FACTS[fact](result)
        if shown is not None and ours != shown:
            yield fact, shown, ours
