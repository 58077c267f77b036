"""Every fact that the ground truth of the public captures states, beside what `replay` says, as a table.

`python -m tests.capture.public_table` prints it. The truth stands in `../shared/pcaps/index.json`, which is not part of
this project: without it there is nothing to compare. What a result has no field for is compared with the messages that
the machines read. A difference counts as explained only where EXPLAINED has it, with a reason that shows it to be the
ground truth's.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import msgspec

from probe.audit.settings import Settings
from probe.audit.watched import watch
from probe.capture.connection import Connection, Datagrams
from probe.diagnosis.judged import judge
from probe.drive.replay import conversations, replay
from probe.errors import WireError
from probe.handshake.machine import Seen, Side
from probe.result import Result, to_json
from probe.wire import gcc_client, gcc_server, mcs, nego, rdpudp, x224
from probe.wire.cursor import Reader
from probe.wire.standard_security import ProprietaryCertificate
from probe.wire.tls_record import Alert
from tests.capture.public_reasons import EXPLAINED, NOT_REPORTED

PLACE = Path(os.environ.get("RDP_PROBE_PUBLIC_CAPTURES", Path(__file__).parents[3] / "shared" / "pcaps"))
INDEX = PLACE / "index.json"
_INDEXES = re.compile(r"\[\d+\]")

_VERSIONS = {"1.0": "1 (0x0001)", "2.0": "2 (0x0002)"}  # of RDP-UDP

Fact = Any  # of JSON: a word, a number, a list of them


@dataclass(frozen=True, slots=True)
class Line:
    """One fact, both ways."""

    file: str
    stream: str  # "0", or "udp 0"
    fact: str
    truth: Fact
    ours: Fact
    how: str  # equal, explained, not reported, different
    why: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One connection as this project sees it: the result, and what is under it."""

    result: dict[str, Any]
    seen: Connection | Datagrams
    truth: dict[str, Any]

    @property
    def capture(self) -> dict[str, Any]:
        return self.result["capture"] or {}

    @property
    def client_side(self) -> dict[str, Any]:
        return self.capture["client_side"] or {}

    @property
    def attempt(self) -> dict[str, Any]:
        attempts = (self.result["negotiation"] or {"attempts": []})["attempts"]
        return attempts[0] if attempts else {}

    @property
    def events(self) -> list[Seen]:
        """The messages that the machines read."""
        assert isinstance(self.seen, Connection)
        return [event for event in watch(self.seen).events if isinstance(event, Seen)]

    def event(self, kind: type[Any]) -> Seen | None:
        """The first message of one type."""
        return next((each for each in self.events if isinstance(each.message, kind)), None)

    def message(self, kind: type[Any]) -> Any:
        found = self.event(kind)
        return found.message if found is not None else None

    def block(self, kind: type[Any]) -> Any:
        """A data block of the settings exchange."""
        blocks = (block for event in self.events for block in getattr(event.message, "blocks", ()))
        return next((block for block in blocks if isinstance(block, kind)), None)


def _tpdu(case: Case, side: Side) -> Seen | None:
    kinds = (x224.ConnectionRequest,) if side is Side.CLIENT else (x224.ConnectionConfirm, x224.DisconnectRequest)
    return next((found for kind in kinds if (found := case.event(kind)) is not None), None)


def _raw(case: Case, side: Side) -> bytes:
    """The X.224 packet: as it was read, or what there is of it."""
    found = _tpdu(case, side)
    return found.raw if found is not None else _first(case, side)


def _first(case: Case, side: Side) -> bytes:
    return b"".join(piece.data for piece in case.seen.pieces if piece.side is side)


def _x224(case: Case, side: Side) -> dict[str, Fact]:
    raw = _raw(case, side)
    codes = {0xE0: "CR", 0xD0: "CC", 0x80: "DR"}
    return {
        "tpkt_length": int.from_bytes(raw[2:4], "big"),
        "li": raw[4] if len(raw) > 4 else None,
        "tpdu": codes.get(raw[5] & 0xF0) if len(raw) > 5 else None,
    }


def _cut(case: Case, side: Side, name: str) -> dict[str, Fact]:
    """Of a request that the capture cut: how much of it is there. Of what is no RDP: what stands in the next TPKT."""
    first = _first(case, side)
    length = int.from_bytes(first[2:4], "big")
    facts: dict[str, Fact] = {f"{name}.then": f"TPKT {first[length + 4 : length + 12].hex()}"}
    if case.capture["truncated"] and len(first) < length:
        facts[f"{name}.x224.truncated"] = f"{len(first)} of {length} bytes captured"
        facts[f"{name}.x224.unparsed"] = first.partition(b"\r\n")[2].hex()
    return facts


def _negotiation(case: Case, side: Side) -> dict[str, Fact]:
    """As the ground truth writes RDP_NEG_REQ, RDP_NEG_RSP and RDP_NEG_FAILURE."""
    data = case.message(nego.RequestData if side is Side.CLIENT else nego.ConfirmData)
    found = data.negotiation if data is not None else None
    if isinstance(found, nego.NegotiationRequest):
        return {"type": 1, "flags_raw": found.flags, "length": 8, "value": found.protocols, "kind": "request",
                "requested": sorted(case.attempt["requested"]),
                "flags": case.client_side.get("request_flags")}  # fmt: skip
    if isinstance(found, nego.NegotiationResponse):
        return {"type": 2, "flags_raw": found.flags, "length": 8, "value": found.selected, "kind": "response",
                "selected": case.attempt["selected"], "flags": case.attempt["flags"]}  # fmt: skip
    if isinstance(found, nego.NegotiationFailure):
        return {"type": 3, "flags_raw": 0, "length": 8, "value": int(found.code), "kind": "failure",
                "failure": case.attempt["failure"], "failure_code": int(found.code)}  # fmt: skip
    return {}


def _core(case: Case) -> dict[str, Fact]:
    side, core = case.client_side, case.block(gcc_client.ClientCore)
    if core is None:
        return {}
    return {
        "version": side.get("rdp_version"),
        "version_raw": f"{core.version:#x}",
        "desktop": side.get("desktop"),
        "keyboard_layout": side.get("keyboard_layout"),
        "client_build": side.get("client_build"),
        "client_name": side.get("client_name"),
        "keyboard_type": side.get("keyboard_type"),
        "keyboard_subtype": core.keyboard_sub_type,
        "function_keys": core.keyboard_function_key,
        "high_color_depth": core.high_color_depth,  # `color_depth` has the 32 bits that early_capability_flags ask for
        "supported_color_depths": f"{core.supported_color_depths:#x}",
        "early_capability_flags": f"{core.early_capability_flags:#x}",
        "dig_product_id": side.get("dig_product_id") or "",
        "connection_type": core.connection_type,
        "server_selected_protocol": core.server_selected_protocol,
    }


def _client_gcc(case: Case) -> dict[str, Fact]:
    side, security = case.client_side, case.block(gcc_client.ClientSecurity)
    cluster = case.block(gcc_client.ClientCluster)
    if security is None:
        return {}
    return {
        **{f"core.{name}": value for name, value in _core(case).items()},
        "cluster.flags": f"{int(side['cluster_flags'], 16):#x}" if side.get("cluster_flags") else None,
        "cluster.redirected_session_id": cluster.redirected_session_id if cluster is not None else None,
        "security.encryption_methods": side.get("encryption_methods"),
        "security.encryption_methods_raw": security.encryption_methods,
        "security.ext_encryption_methods": security.ext_encryption_methods,
        "channels": side.get("channels"),
    }


def _server_gcc(case: Case) -> dict[str, Fact]:
    security, network = case.block(gcc_server.ServerSecurity), case.block(gcc_server.ServerNetwork)
    core, key = case.block(gcc_server.ServerCore), case.message(ProprietaryCertificate)
    section = case.result["standard_rdp"] or {}
    inside = section.get("certificate") or {}
    if core is None:
        return {}
    asked = core.client_requested_protocols
    methods = section.get("encryption_methods") or (section.get("methods_asked") or [{}])[0].get("method") or []
    return {
        "core.version": section.get("rdp_version"),
        "core.version_raw": f"{core.version:#x}",
        "core.client_requested_protocols": ["RDP"] if asked == 0 else asked,
        "network.mcs_channel": network.io_channel_id,
        "network.channels": len(network.channel_ids),
        "security.encryption_method": methods[0] if methods else None,
        "security.encryption_level": section.get("encryption_level"),
        "security.server_random_len": len(security.server_random or b""),
        "security.server_cert_len": len(security.server_certificate or b""),
        "security.certificate.kind": inside.get("kind"),
        "security.certificate.key_bits": inside.get("key_bits"),
        "security.certificate.exponent": key.exponent if key is not None else None,
    }


def _certificate(case: Case, number: int) -> dict[str, Fact]:
    chains = case.result["certificates"]
    found = chains[0]["chain"][number] if chains and len(chains[0]["chain"]) > number else None
    return _as_in_truth(found) if found is not None else {}


def _as_in_truth(found: dict[str, Any]) -> dict[str, Fact]:
    return {
        "sha256": found["sha256"],
        "subject": found["subject"],
        "issuer": found["issuer"],
        "serial": found["serial"],
        "not_before": found["not_before"].replace("Z", "+00:00"),
        "not_after": found["not_after"].replace("Z", "+00:00"),
        "signature_algorithm": found["signature_algorithm"],
        "key.type": found["key"]["type"],
        "key.bits": found["key"]["bits"],
    }


def _outcome(case: Case) -> str:
    """The verdict in the words of the ground truth, made from our result alone."""
    result, capture, attempt = case.result, case.capture, case.attempt
    section, made = result["standard_rdp"], (result["tls"] or {}).get("handshake")
    if result["status"] == "filtered":
        return "SYN unanswered"
    if not result["bytes_sent"] and not result["bytes_received"]:
        return "connected, closed with no data from either side"
    if result["status"] == "not_rdp":
        found = case.event(Alert)
        alert = f" (ClientHello answered with alert {int(cast('Alert', found.message).description)})" if found else ""
        return f"not RDP: {result['service']}{alert}"
    if attempt.get("failure"):
        return f"negotiation failure {attempt['failure']}"
    if section is not None and section["encryption_level"] is not None:
        facts = _server_gcc(case)
        words = f"Standard RDP Security {facts['security.encryption_method']} / {facts['security.encryption_level']}"
        if case.client_side.get("requested") is None:
            return f"mid-stream; {words}"
        words = f"{words}, {facts['security.certificate.kind']} certificate"
        return f"{'RDP selected' if attempt['selected'] == 'RDP' else 'no negotiation structure'}; {words}"
    if attempt.get("selected") == "RDP":
        return "RDP selected; no complete Connect Response"
    if made is not None:
        encrypted = ", then encrypted" if capture["reached"] == "inside" or capture["one_sided"] else ""
        return f"{attempt['selected']} selected, TLS handshake{encrypted}"
    if attempt.get("selected"):
        found = case.event(Alert)
        number = int(cast("Alert", found.message).description) if found is not None else None
        return f"{attempt['selected']} selected, server's TLS alert {number} ({_server_alert(case)})"
    if attempt.get("answer") == "disconnect request":
        return "X.224 Disconnect Request"
    return f"{capture['ending']} after the X.224 {capture['reached']}"


def _server_alert(case: Case) -> str | None:
    tls = case.result["tls"]
    if tls is None:
        return None
    reasons = [each for each in (tls["handshake_failure"], *tls["versions"].values()) if each is not None]
    return next(
        (each["reason"].removeprefix("alert ") for each in reasons if "alert" in (each.get("reason") or "")), None
    )


def _codes(case: Case) -> list[str]:
    return [found["code"] for found in case.result["diagnoses"]]


def _ours(case: Case) -> dict[str, Fact]:
    """Our side of every fact of a TCP connection that can be compared, by the path that it has in the truth."""
    result, capture, seen = case.result, case.capture, case.seen
    facts: dict[str, Fact] = {
        "stream": capture["stream"],
        "client": capture["client"],
        "server": capture["server"],
        "client_bytes": result["bytes_sent"],
        "server_bytes": result["bytes_received"],
        "gaps": capture["gaps"],
        "no_data": not result["bytes_sent"] and not result["bytes_received"],
        "outcome": _outcome(case),
        "contract_code": case.truth.get("contract_code")
        if case.truth.get("contract_code") in _codes(case)
        else _codes(case),
        "service": result["service"],
        "tcp.packets": capture.get("packet_count"),
        "tcp.syn": capture.get("syn"),
        "tcp.synack": capture.get("syn_ack"),
        "tcp.fin": capture["ending"] == "closed",
        "tcp.rst": capture["ending"] == "reset",
        "tcp.server_port": result["target"]["port"],
        "tcp.retransmissions": capture["retransmitted"],
        "tcp.out_of_order": capture["out_of_order"],
    }
    for side, name in ((Side.CLIENT, "client_side"), (Side.SERVER, "server_side")):
        first = _first(case, side)
        facts |= _cut(case, side, name)
        facts[f"{name}.first_bytes"] = first.hex()
        facts[f"{name}.ascii"] = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in first)
        facts |= {f"{name}.x224.{key}": value for key, value in _x224(case, side).items()}
        negotiation = _negotiation(case, side)
        facts |= {f"{name}.x224.negotiation.{key}": value for key, value in negotiation.items()}
        if not negotiation:
            facts[f"{name}.x224.negotiation"] = None
    facts["client_side.x224.cookie"] = case.client_side.get("cookie")
    facts["client_side.mcs"] = "Connect-Initial" if case.message(mcs.ConnectInitial) is not None else None
    response = case.message(mcs.ConnectResponse)
    facts["server_side.mcs"] = "Connect-Response" if response is not None else None
    facts["server_side.mcs_result"] = response.result if response is not None else None
    facts |= {f"client_side.gcc.{key}": value for key, value in _client_gcc(case).items()}
    facts |= {f"server_side.gcc.{key}": value for key, value in _server_gcc(case).items()}
    facts |= _tls(case)
    assert isinstance(seen, Connection)
    return facts


def _tls(case: Case) -> dict[str, Fact]:
    facts: dict[str, Fact] = {}
    hello, made = case.client_side.get("hello"), (case.result["tls"] or {}).get("handshake")
    if hello is not None:
        facts["client_side.tls.client_hello[0].version"] = hello["version"]
        facts["client_side.tls.client_hello[0].cipher_suites"] = hello["cipher_suites"]
        facts["client_side.tls.client_hello[0].sni"] = hello["server_name"]
    if made is not None:
        facts["server_side.tls.server_hello[0].version"] = made["version"]
        facts["server_side.tls.server_hello[0].cipher_suite"] = made["cipher_suite"]["code"]
    for number in range(8):
        found = _certificate(case, number)
        facts |= {f"server_side.tls.certificates[{number}].{key}": value for key, value in found.items()}
    alert = next(
        (each.message for each in case.events if each.side is Side.SERVER and isinstance(each.message, Alert)), None
    )
    if alert is not None and _server_alert(case) in (None, alert.description.name.lower()):
        facts["server_side.tls.alerts[0].level"] = int(alert.level)
        facts["server_side.tls.alerts[0].description"] = int(alert.description)
    return facts


def _udp_ours(case: Case) -> dict[str, Fact]:
    """Our side of the facts of an exchange of RDP-UDP."""
    udp = case.result["udp"] or {}
    facts: dict[str, Fact] = {
        "transport": case.capture["transport"],
        "client": case.capture["client"].replace("[", "").replace("]", ""),
        "server": case.capture["server"].replace("[", "").replace("]", ""),
        "packets": case.capture.get("packet_count"),
        "outcome": _udp_outcome(udp),
        "syn": [],
        "synack": [],
    }
    counted: Counter[str] = Counter()
    for piece in case.seen.pieces:
        found = _syn(piece.data)
        if found is None:
            continue
        kind = "synack" if found["ack"] else "syn"
        facts |= {f"{kind}[{counted[kind]}].{key}": value for key, value in found.items()}
        facts[f"{kind}[{counted[kind]}].frame"] = piece.packet
        facts[f"{kind}[{counted[kind]}].from"] = piece.side.value
        counted[kind] += 1
    hello, made = case.client_side.get("hello"), (case.result["tls"] or {}).get("handshake")
    for number, what in enumerate(("TLS ClientHello", "TLS ServerHello")):
        frames = [each["packets"] for each in case.capture["evidence"] if each["what"] == what]
        facts[f"tls[{number}].frame"] = frames[0][0] if frames else None
    if hello is not None and made is not None:
        facts["tls[0].client_hello[0].version"] = hello["version"]
        facts["tls[0].client_hello[0].cipher_suites"] = hello["cipher_suites"]
        facts["tls[0].client_hello[0].sni"] = hello["server_name"]
        facts["tls[1].server_hello[0].version"] = made["version"]
        facts["tls[1].server_hello[0].cipher_suite"] = made["cipher_suite"]["code"]
        facts |= {f"tls[1].certificates[0].{key}": value for key, value in _certificate(case, 0).items()}
    return facts


def _udp_outcome(udp: dict[str, Any]) -> str:
    if udp.get("state") == "silent":
        return "rdpudp: SYN never answered"
    return f"rdpudp handshake, version {_VERSIONS.get(str(udp.get('version')), '?')}"


def _syn(datagram: bytes) -> dict[str, Fact] | None:
    """One SYN or SYN+ACK, as the ground truth writes it; None for any other datagram."""
    try:
        syn = rdpudp.Syn.read(Reader(datagram, "SYN"))
    except WireError:
        return None
    facts: dict[str, Fact] = {
        "sn_source_ack": f"0x{syn.source_ack:08x}",
        "receive_window": syn.receive_window,
        "flags": f"0x{syn.flags:04x}",
        "initial_sequence": f"0x{syn.initial_sequence:08x}",
        "upstream_mtu": syn.up_mtu,
        "downstream_mtu": syn.down_mtu,
        "ack": bool(syn.flags & rdpudp.UdpFlag.ACK),
        "lossy": bool(syn.flags & rdpudp.UdpFlag.SYNLOSSY),
        "version": {1: "1 (0x0001)", 2: "2 (0x0002)"}.get(syn.version, f"{syn.version:#x}"),
        "version_raw": f"0x{syn.version:04x}",
    }
    if syn.correlation_id is not None:
        facts["correlation_id"] = syn.correlation_id.value.hex()
    if syn.syn_ex is not None:
        facts["synex_flags"] = syn.syn_ex.flags
    return facts


def _flat(truth: Fact, path: str = "") -> Iterator[tuple[str, Fact]]:
    """Each fact with its path; a list of words or numbers is one fact."""
    if isinstance(truth, dict):
        for name, value in truth.items():
            yield from _flat(value, f"{path}.{name}" if path else name)
    elif isinstance(truth, list) and truth and isinstance(truth[0], dict):
        for number, value in enumerate(truth):
            yield from _flat(value, f"{path}[{number}]")
    else:
        yield path, truth


_NORMAL: dict[str, Callable[[Fact], Fact]] = {
    "tcp.fin": bool,  # how many say nothing; that one came does
    "client_side.x224.negotiation.requested": sorted,
}


def _compared(file: str, stream: str, truth: dict[str, Any], ours: dict[str, Fact]) -> Iterator[Line]:
    for path, said in _flat(truth):
        bare = _INDEXES.sub("[]", path)
        reason = EXPLAINED.get((file, stream, path)) or EXPLAINED.get(("", "", bare))
        expected = _normal(bare, said, truth)
        if bare in NOT_REPORTED:
            yield Line(file, stream, path, said, None, "not reported", NOT_REPORTED[bare])
        elif path in ours and _same(bare, expected, ours[path]):
            yield Line(file, stream, path, said, ours[path], "equal")
        elif reason is not None:
            yield Line(file, stream, path, said, ours.get(path), "explained", reason)
        else:
            yield Line(file, stream, path, said, ours.get(path, "(absent)"), "different")
    if "gaps" in ours and "gaps" not in truth:
        yield Line(file, stream, "gaps", False, ours["gaps"], "equal" if not ours["gaps"] else "different")


def _normal(path: str, said: Fact, truth: dict[str, Any]) -> Fact:
    if path == "tcp.rst":  # one that comes after a FIN ends nothing
        return bool(said) and not truth["tcp"]["fin"]
    return _NORMAL[path](said) if path in _NORMAL else said


def _same(path: str, truth: Fact, ours: Fact) -> bool:
    if path.endswith((".first_bytes", ".ascii")):
        return isinstance(ours, str) and bool(truth) and ours.startswith(truth)
    return bool(truth == ours)


@lru_cache(maxsize=4)
def results_of(file: str) -> tuple[Result, ...]:
    """The results of one public capture, diagnosed."""
    found = list(replay(str(PLACE / file), Settings(depth="discover", keep_attempts=False)))
    for result in found:
        judge(result)
    return tuple(found)


def lines_of(entry: dict[str, Any]) -> Iterator[Line]:
    """Each fact of one file."""
    results: dict[tuple[str, int], dict[str, Any]] = {}
    for result in results_of(entry["file"]):
        capture = result.capture
        assert capture is not None
        results[capture.transport, capture.stream] = json.loads(to_json(result))
    seen = {
        ("udp" if isinstance(each, Datagrams) else "tcp", each.stream): each
        for each in conversations(str(PLACE / entry["file"]))
    }
    for truth in entry["connections"]:
        yield from _lines(entry["file"], ("tcp", truth["stream"]), truth, results, seen)
    for number, truth in enumerate(entry.get("udp_flows", [])):
        yield from _lines(entry["file"], ("udp", number), truth, results, seen)
    stated = {("tcp", each["stream"]) for each in entry["connections"]}
    stated |= {("udp", number) for number in range(len(entry.get("udp_flows", [])))}
    for transport, stream in set(results) - stated:
        yield Line(entry["file"], f"{transport} {stream}", "(any)", None, "a result", "different")


def _lines(
    file: str,
    key: tuple[str, int],
    truth: dict[str, Any],
    results: dict[tuple[str, int], dict[str, Any]],
    seen: dict[tuple[str, int], Connection | Datagrams],
) -> Iterator[Line]:
    name = str(key[1]) if key[0] == "tcp" else f"udp {key[1]}"
    if key not in results or key not in seen:
        reason = EXPLAINED.get((file, name, "(any)"))
        yield Line(file, name, "(any)", "a connection", None, "explained" if reason else "different", reason or "")
        return
    case = Case(results[key], seen[key], truth)
    yield from _compared(file, name, truth, _ours(case) if key[0] == "tcp" else _udp_ours(case))


def index() -> list[dict[str, Any]]:
    """The ground truth; empty where it is not there."""
    return msgspec.json.decode(INDEX.read_bytes()) if INDEX.exists() else []


def table(lines: list[Line]) -> Iterator[str]:
    """The table in lines of text: one for each connection, then what is explained and what differs."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for line in lines:
        counts.setdefault((line.file, line.stream), Counter())[line.how] += 1
    yield f"{'file':<44} {'stream':>6}  {'facts':>5}  {'equal':>5}  {'explained':>9}  {'not reported':>12}  different"
    for (file, stream), counted in counts.items():
        numbers = f"{counted['equal']:>5}  {counted['explained']:>9}  {counted['not reported']:>12}"
        yield f"{file:<44} {stream:>6}  {counted.total():>5}  {numbers}  {counted['different']:>9}"
    total = Counter(line.how for line in lines)
    yield f"\n{len(lines)} facts: {', '.join(f'{number} {how}' for how, number in total.items())}"
    for line in sorted(lines, key=lambda line: line.how, reverse=True):
        if line.how in ("explained", "different"):
            yield f"\n{line.how}: {line.file} {line.stream} {line.fact}"
            yield f"  truth {line.truth!r}\n  ours  {line.ours!r}\n  {line.why}".rstrip()
    yield "\nnot reported:"
    for path, why in NOT_REPORTED.items():
        yield f"  {path}: {why}"


def main() -> None:
    """Print the table."""
    lines = [line for entry in index() for line in lines_of(entry)]
    sys.stdout.writelines(f"{line}\n" for line in table(lines))


if __name__ == "__main__":
    main()
