"""What tshark, which knows nothing of this project, reads in a capture: one `Seen` for each TCP connection."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

_FIELDS = (
    "frame.number", "tcp.stream", "ip.src", "ipv6.src", "tcp.srcport", "ip.dst", "ipv6.dst", "tcp.dstport",
    "tcp.flags.syn", "tcp.flags.ack", "tcp.flags.fin", "tcp.flags.reset", "tcp.len",
    "cotp.type", "rdp.rt_cookie", "rdp.negReq.requestedProtocols", "rdp.negReq.selectedProtocol",
    "rdp.negFailure.failureCode", "rdp.client.name", "rdp.client.build", "rdp.keyboardLayout", "rdp.name",
    "rdp.encryptionMethod", "rdp.encryptionLevel",
    "tls.handshake.type", "tls.handshake.version", "tls.handshake.extensions.supported_version",
    "tls.handshake.ciphersuite", "tls.handshake.certificate", "tls.handshake.extensions_server_name",
    "tls.handshake.ja3", "tls.alert_message.desc", "ntlmssp.auth.username", "ntlmssp.auth.domain",
    "tcp.analysis.retransmission", "tcp.analysis.out_of_order", "tcp.analysis.lost_segment",
)  # fmt: skip
PROTOCOLS = {1: "SSL", 2: "HYBRID", 4: "RDSTLS", 8: "HYBRID_EX", 16: "RDSAAD"}
FAILURES = {
    1: "SSL_REQUIRED_BY_SERVER",
    2: "SSL_NOT_ALLOWED_BY_SERVER",
    3: "SSL_CERT_NOT_ON_SERVER",
    4: "INCONSISTENT_FLAGS",
    5: "HYBRID_REQUIRED_BY_SERVER",
    6: "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER",
}
LEVELS = {0: "NONE", 1: "LOW", 2: "CLIENT_COMPATIBLE", 3: "HIGH", 4: "FIPS"}
METHODS = {1: "40BIT", 2: "128BIT", 8: "56BIT", 16: "FIPS"}
VERSIONS = {0x300: "SSLv3", 0x301: "TLSv1.0", 0x302: "TLSv1.1", 0x303: "TLSv1.2", 0x304: "TLSv1.3"}
_CLIENT_HELLO, _SERVER_HELLO = 1, 2
_SEGMENTS = "tcp && !icmp && !icmpv6"  # an ICMP message quotes the segment that it is about
_CONNECTION_REQUEST = 0x0E
_CLOSE_NOTIFY = "0"  # an end, and no failure; encrypted, so that only a key log shows it


@dataclass(kw_only=True)
class Seen:
    """What tshark reads of one TCP connection. None: it shows no such thing."""

    stream: int
    client: str
    server: str
    packets: list[int] = field(default_factory=list)
    syn: bool = False
    syn_ack: bool = False
    sent: int = 0
    received: int = 0
    ending: str = "open"
    ended_by: str | None = None
    ended_packet: int | None = None
    cookie: str | None = None
    requested: list[str] | None = None  # empty: a request without negotiation
    selected: str | None = None
    failure: str | None = None
    client_name: str | None = None
    client_build: int | None = None
    keyboard_layout: int | None = None
    channels: list[str] | None = None
    level: str | None = None
    method: str | None = None
    tls: str | None = None  # the version that the server chose
    suite: str | None = None
    certificate: str | None = None  # SHA-256 of the leaf
    certificates: int = 0
    server_name: str | None = None
    ja3: str | None = None
    alerts: list[tuple[str, int]] = field(default_factory=list)  # side and description
    user: str | None = None
    domain: str | None = None
    retransmitted: int = 0
    out_of_order: int = 0
    lost: int = 0
    said: dict[str, bytes] = field(default_factory=dict)  # by the end's address and port, where it was followed


def tshark(file: Path, *options: str, keys: Path | None = None) -> str:
    """What tshark prints of a capture. Raises CalledProcessError where it cannot read it at all."""
    argv = ["tshark", "-n", "-r", str(file), "-o", "tcp.reassemble_out_of_order:TRUE"]
    if keys is not None:
        argv += ["-o", f"tls.keylog_file:{keys}"]
    done = subprocess.run([*argv, *options], capture_output=True, text=True, timeout=300, check=False)
    if done.returncode and not done.stdout and "cut short" not in done.stderr:
        raise subprocess.CalledProcessError(done.returncode, argv, done.stdout, done.stderr)
    return done.stdout


def seen(file: Path, *, keys: Path | None = None, port: int = 3389, follow: Iterable[int] = ()) -> dict[int, Seen]:
    """Every TCP connection of a capture, by tshark's own number; of those in `follow` also what was said.

    `port` is the server's: it tells the sides apart where no SYN does, and tshark what to read as TLS.
    """
    found: dict[int, Seen] = {}
    taps = [part for stream in follow for part in ("-z", f"follow,tcp,raw,{stream}")]
    table, streams = _fields(file, keys, *taps)
    for row in table:
        _add(found, int(row["tcp.stream"].split("|", 1)[0]), row, port)
    for stream, said in _followed(streams):
        found[stream].said = said
    # What begins as RDP stays TPKT to tshark, whatever was agreed. Told that it is TLS, it skips what is not.
    table, _ = _fields(file, keys, "-d", f"tcp.port=={port},tls", "-d", f"tls.port=={port},tpkt")
    for row in table:
        each = found[int(row["tcp.stream"].split("|", 1)[0])]
        _rdp(each, row)
        _tls(each, row, "client" if _endpoint(row, "src") == each.client else "server")
    return found


def _fields(file: Path, keys: Path | None, *more: str) -> tuple[list[dict[str, str]], list[str]]:
    """The fields of each TCP packet, and the lines that follow them."""
    options = [part for name in _FIELDS for part in ("-e", name)]
    options += ["-E", "separator=/t", "-E", "aggregator=|"]
    lines = tshark(file, *more, "-Y", _SEGMENTS, "-T", "fields", *options, keys=keys).splitlines()
    end = next((number for number, line in enumerate(lines) if "\t" not in line), len(lines))
    return [dict(zip(_FIELDS, line.split("\t"), strict=True)) for line in lines[:end]], lines[end:]


def _followed(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, bytes]]]:
    """What each end of a connection said, by its address and port, for each connection that was followed."""
    said = [bytearray(), bytearray()]
    nodes: list[str] = []
    stream = -1
    for line in lines:
        if number := re.match(r"Filter: tcp\.stream eq (\d+)$", line):
            stream, nodes, said = int(number[1]), [], [bytearray(), bytearray()]
        elif node := re.match(r"Node \d: (\S+)$", line):
            nodes.append(node[1])
        elif line.startswith("===") and nodes:  # behind the last line; there is one before the first too
            yield stream, {name: bytes(each) for name, each in zip(nodes, said, strict=True)}
            nodes = []
        elif re.fullmatch(r"\t?[0-9a-f]+", line):
            said[line.startswith("\t")].extend(bytes.fromhex(line.strip()))


def _flag(row: dict[str, str], name: str) -> bool:
    return row[f"tcp.flags.{name}"].split("|")[0] in ("1", "True")


def _add(found: dict[int, Seen], stream: int, row: dict[str, str], port: int) -> None:
    ends = [_endpoint(row, "src"), _endpoint(row, "dst")]
    syn, ack = _flag(row, "syn"), _flag(row, "ack")
    if stream not in found:
        from_server = syn and ack if syn else row["tcp.srcport"].split("|")[0] == str(port)
        client, server = reversed(ends) if from_server else ends
        found[stream] = Seen(stream=stream, client=client, server=server)
    each = found[stream]
    side = "client" if ends[0] == each.client else "server"
    number, length = int(row["frame.number"]), int(row["tcp.len"].split("|")[0] or 0)
    each.packets.append(number)
    each.syn |= syn and not ack
    each.syn_ack |= syn and ack
    if side == "client":
        each.sent += length
    else:
        each.received += length
    for name, ending in (("fin", "closed"), ("reset", "reset")):
        if _flag(row, name) and each.ended_by is None:
            each.ending, each.ended_by, each.ended_packet = ending, side, number
    each.retransmitted += bool(row["tcp.analysis.retransmission"])
    each.out_of_order += bool(row["tcp.analysis.out_of_order"])
    each.lost += bool(row["tcp.analysis.lost_segment"])
    _rdp(each, row)


def _endpoint(row: dict[str, str], end: str) -> str:
    """The innermost address, where a tunnel has several."""
    four, six = (row[f"{kind}.{end}"].split("|")[-1] for kind in ("ip", "ipv6"))
    port = row["tcp.srcport" if end == "src" else "tcp.dstport"].split("|")[0]
    return f"[{six}]:{port}" if six and not four else f"{four}:{port}"


def _number(text: str) -> int | None:
    return int(text.split("|", 1)[0], 0) if text else None


def _rdp(each: Seen, row: dict[str, str]) -> None:
    if cookie := row["rdp.rt_cookie"]:
        each.cookie = cookie.removeprefix("Cookie: mstshash=")
    if _number(row["cotp.type"]) == _CONNECTION_REQUEST and each.requested is None:
        each.requested = []
    if (bits := _number(row["rdp.negReq.requestedProtocols"])) is not None:
        each.requested = [name for bit, name in PROTOCOLS.items() if bits & bit] or ["RDP"]
    if (number := _number(row["rdp.negReq.selectedProtocol"])) is not None:
        each.selected = PROTOCOLS.get(number, "RDP")
    if (number := _number(row["rdp.negFailure.failureCode"])) is not None:
        each.failure = FAILURES[number]
    each.client_name = row["rdp.client.name"] or each.client_name
    each.client_build = _number(row["rdp.client.build"]) or each.client_build
    each.keyboard_layout = _number(row["rdp.keyboardLayout"]) or each.keyboard_layout
    if row["rdp.name"]:
        each.channels = row["rdp.name"].split("|")
    if (number := _number(row["rdp.encryptionLevel"])) is not None:
        each.level, method = LEVELS[number], _number(row["rdp.encryptionMethod"]) or 0
        each.method = METHODS.get(method, "NONE")
    each.user = row["ntlmssp.auth.username"].replace("NULL", "") or each.user
    each.domain = row["ntlmssp.auth.domain"].replace("NULL", "") or each.domain


def _tls(each: Seen, row: dict[str, str], side: str) -> None:
    kinds = [int(kind) for kind in row["tls.handshake.type"].split("|") if kind]
    if side == "client" and _CLIENT_HELLO in kinds:
        each.server_name = row["tls.handshake.extensions_server_name"] or None
        each.ja3 = row["tls.handshake.ja3"] or None
    if side == "server" and _SERVER_HELLO in kinds:
        versions = row["tls.handshake.extensions.supported_version"] or row["tls.handshake.version"]
        each.tls = VERSIONS[int(versions.split("|")[0], 0)]
        each.suite = f"0x{int(row['tls.handshake.ciphersuite'].split('|')[0], 0):04x}"
    if side == "server" and row["tls.handshake.certificate"] and each.certificate is None:
        chain = row["tls.handshake.certificate"].split("|")
        each.certificates = len(chain)
        each.certificate = hashlib.sha256(bytes.fromhex(chain[0].replace(":", ""))).hexdigest()
    each.alerts += [
        (side, int(code)) for code in row["tls.alert_message.desc"].split("|") if code not in ("", _CLOSE_NOTIFY)
    ]
