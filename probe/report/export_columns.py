"""A result as one row of a table: the columns, their types, and what of a result stands in each.

The columns are the same whatever the results hold. Where nothing is known, or was not asked, a cell is empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from probe.result import SEVERITIES, Certificate, Ntlm, ProtocolName, Result, Verdict, VersionName

Type = Literal["VARCHAR", "BIGINT", "DOUBLE", "BOOLEAN", "TIMESTAMP", "VARCHAR[]"]  # of DuckDB; times are UTC
Cell = str | int | float | bool | Sequence[str] | None
Row = dict[str, Cell]

COLUMNS: Mapping[str, Type] = {
    "target": "VARCHAR",  # as it was given
    "host": "VARCHAR",
    "address": "VARCHAR",
    "port": "BIGINT",
    "started": "TIMESTAMP",
    "elapsed_ms": "DOUBLE",
    "depth": "VARCHAR",
    "connections": "BIGINT",
    "bytes_sent": "BIGINT",
    "bytes_received": "BIGINT",
    "status": "VARCHAR",
    "service": "VARCHAR",
    "ending": "VARCHAR",
    "cause": "VARCHAR",
    "lost": "VARCHAR",
    "limited": "VARCHAR",
    "tags": "VARCHAR[]",  # as `rdp-probe export --only list` names them, without cert_shared
    "diagnoses": "VARCHAR[]",  # codes, most severe first
    "worst": "VARCHAR",  # severity
    "nla": "VARCHAR",
    "rdp": "VARCHAR",  # accepted, rejected, unknown; and so on to rdsaad
    "ssl": "VARCHAR",
    "hybrid": "VARCHAR",
    "hybrid_ex": "VARCHAR",
    "rdstls": "VARCHAR",
    "rdsaad": "VARCHAR",
    "negotiation_flags": "VARCHAR[]",
    "restricted_admin": "BOOLEAN",
    "remote_credential_guard": "BOOLEAN",
    "server_kind": "VARCHAR",
    "server_release": "VARCHAR",
    "server_certainty": "VARCHAR",
    "rdp_version": "VARCHAR",
    "encryption_level": "VARCHAR",  # of Standard RDP Security
    "encryption_methods": "VARCHAR[]",
    "tls_versions": "VARCHAR[]",  # that were accepted
    "tls_version": "VARCHAR",  # of the handshake that was made
    "tls_cipher_suite": "VARCHAR",
    "tls_group": "VARCHAR",
    "ja3s": "VARCHAR",
    "ja4s": "VARCHAR",
    "certificates": "BIGINT",  # how many chains were served; what follows is of the first
    "certificate_sha256": "VARCHAR",
    "certificate_spki_sha256": "VARCHAR",  # of its public key
    "certificate_subject": "VARCHAR",
    "certificate_issuer": "VARCHAR",
    "certificate_serial": "VARCHAR",
    "certificate_not_before": "TIMESTAMP",
    "certificate_not_after": "TIMESTAMP",
    "certificate_days_left": "BIGINT",
    "certificate_key_type": "VARCHAR",
    "certificate_key_bits": "BIGINT",
    "certificate_signature_algorithm": "VARCHAR",
    "certificate_names": "VARCHAR[]",
    "certificate_self_signed": "BOOLEAN",
    "certificate_trust": "VARCHAR",
    "certificate_name_match": "BOOLEAN",
    "credssp_version": "BIGINT",
    "credssp_mechanisms": "VARCHAR[]",
    "netbios_domain": "VARCHAR",
    "netbios_computer": "VARCHAR",
    "dns_domain": "VARCHAR",
    "dns_computer": "VARCHAR",
    "dns_tree": "VARCHAR",
    "os_build": "VARCHAR",
    "os": "VARCHAR",
    "clock_skew_s": "DOUBLE",
    "clients_connecting": "BIGINT",
    "clients_locked_out": "VARCHAR[]",
    "udp_state": "VARCHAR",
    "gateway_state": "VARCHAR",
    "scan_position": "BIGINT",
    "capture_file": "VARCHAR",  # where the result is of a capture
    "capture_stream": "BIGINT",  # as tshark counts
    "capture_client": "VARCHAR",  # address and port
    "capture_client_name": "VARCHAR",  # what it calls itself
    "capture_ended_by": "VARCHAR",
    "capture_ending": "VARCHAR",
}


def row(result: Result, tags: Sequence[str]) -> Row:
    """The cells of a result, by the names of COLUMNS, all of them."""
    found: Row = {}
    for part in (_audit, _outcome, _negotiation, _server, _tls, _certificate, _credssp, _others, _capture):
        found |= part(result)
    found["tags"] = list(tags)
    return {name: found[name] for name in COLUMNS}


def _audit(result: Result) -> Row:
    return {
        "target": result.target.input,
        "host": result.target.host,
        "address": result.target.address,
        "port": result.target.port,
        "started": result.started,
        "elapsed_ms": result.elapsed_ms,
        "depth": result.depth,
        "connections": result.connections,
        "bytes_sent": result.bytes_sent,
        "bytes_received": result.bytes_received,
        "scan_position": result.scan.position if result.scan is not None else None,
    }


def _outcome(result: Result) -> Row:
    return {
        "status": result.status,
        "service": result.service,
        "ending": result.ending,
        "cause": result.cause,
        "lost": result.lost,
        "limited": result.limited,
        "diagnoses": [found.code for found in result.diagnoses],
        "worst": min((found.severity for found in result.diagnoses), key=SEVERITIES.index, default=None),
    }


def _negotiation(result: Result) -> Row:
    of = result.negotiation
    states = of.protocols if of is not None else {}
    return {
        "nla": of.nla if of is not None else None,
        **{name.lower(): _state(states.get(name)) for name in get_args(ProtocolName)},
        "negotiation_flags": of.flags if of is not None else None,
        "restricted_admin": of.restricted_admin if of is not None else None,
        "remote_credential_guard": of.remote_credential_guard if of is not None else None,
    }


def _state(verdict: Verdict | None) -> str | None:
    return verdict.state if verdict is not None else None


def _server(result: Result) -> Row:
    server, standard = result.server, result.standard_rdp
    return {
        "server_kind": server.kind if server is not None else None,
        "server_release": server.release if server is not None else None,
        "server_certainty": server.certainty if server is not None else None,
        "rdp_version": _first(server and server.rdp_version, standard and standard.rdp_version),
        "encryption_level": standard.encryption_level if standard is not None else None,
        "encryption_methods": standard.encryption_methods if standard is not None else None,
    }


def _first(*texts: object) -> str | None:
    return next((text for text in texts if isinstance(text, str)), None)


def _tls(result: Result) -> Row:
    of = result.tls
    handshake = of.handshake if of is not None else None
    prints = of.fingerprints if of is not None else None
    group = handshake.group if handshake is not None else None
    return {
        "tls_versions": _served(of.versions) if of is not None else None,
        "tls_version": handshake.version if handshake is not None else None,
        "tls_cipher_suite": handshake.cipher_suite.name if handshake is not None else None,
        "tls_group": group.name if group is not None else None,
        "ja3s": prints.ja3s if prints is not None else None,
        "ja4s": prints.ja4s if prints is not None else None,
    }


def _served(versions: Mapping[str, Verdict]) -> list[str]:
    return [name for name in get_args(VersionName) if _state(versions.get(name)) == "accepted"]


def _certificate(result: Result) -> Row:
    chain = next((each for each in result.certificates if each.chain), None)
    own = chain.chain[0] if chain is not None else Certificate(sha256="")
    key = own.key
    return {
        "certificates": len(result.certificates),
        "certificate_sha256": own.sha256 or None,
        "certificate_spki_sha256": own.spki_sha256,
        "certificate_subject": own.subject,
        "certificate_issuer": own.issuer,
        "certificate_serial": own.serial,
        "certificate_not_before": own.not_before,
        "certificate_not_after": own.not_after,
        "certificate_days_left": chain.days_left if chain is not None else None,
        "certificate_key_type": key.type if key is not None else None,
        "certificate_key_bits": key.bits if key is not None else None,
        "certificate_signature_algorithm": own.signature_algorithm,
        "certificate_names": own.names if chain is not None else None,
        "certificate_self_signed": own.self_signed,
        "certificate_trust": chain.trust.verdict if chain is not None and chain.trust is not None else None,
        "certificate_name_match": chain.name_match if chain is not None else None,
    }


def _credssp(result: Result) -> Row:
    of = result.credssp
    ntlm = of.ntlm if of is not None and of.ntlm is not None else Ntlm()
    return {
        "credssp_version": of.version if of is not None else None,
        "credssp_mechanisms": of.mechanisms if of is not None else None,
        "netbios_domain": ntlm.netbios_domain,
        "netbios_computer": ntlm.netbios_computer,
        "dns_domain": ntlm.dns_domain,
        "dns_computer": ntlm.dns_computer,
        "dns_tree": ntlm.dns_tree,
        "os_build": ntlm.os_build,
        "os": ntlm.os,
        "clock_skew_s": ntlm.clock_skew_s,
    }


def _capture(result: Result) -> Row:
    of = result.capture
    side = of.client_side if of is not None else None
    return {
        "capture_file": of.file if of is not None else None,
        "capture_stream": of.stream if of is not None else None,
        "capture_client": of.client if of is not None else None,
        "capture_client_name": side.client_name if side is not None else None,
        "capture_ended_by": of.ended_by if of is not None else None,
        "capture_ending": of.ending if of is not None else None,
    }


def _others(result: Result) -> Row:
    untold = result.capture is not None and not result.clients
    return {
        "clients_connecting": None if untold else sum(client.connects is True for client in result.clients),
        "clients_locked_out": [client.client for client in result.clients if client.connects is False],
        "udp_state": result.udp.state if result.udp is not None else None,
        "gateway_state": result.gateway.state if result.gateway is not None else None,
    }
