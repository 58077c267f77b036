"""Audits of real servers: every fact in the result is what the configuration says.

xrdp 0.9.21, FreeRDP 2.11.7 and weston 10.0.1 on loopback. The probe's own address is SOURCE_ADDRESS where FreeRDP
is asked: it turns encryption off for a client on 127.0.0.1.
"""

from __future__ import annotations

import functools
import json
import socket
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest
import trio

from probe.audit.settings import Settings
from probe.drive.limits import Limits
from probe.drive.live import audit
from probe.result import Result, Target, Verdict, from_json, json_schema, to_json
from tests.real.certificates import Certificate
from tests.real.conftest import Certificates
from tests.real.servers import SOURCE_ADDRESS, FreeRdpShadow, Server, Weston, Xrdp
from tests.real.xrdp import ONLY_TLS_1_2, ONLY_TLS_1_3, OPENSSL_CONF_LEVEL_0, SECURITY_LEVEL_0, TLS_1_0_TO_1_3

LEVELS = {
    "none": ("NONE", []),
    "low": ("LOW", ["40BIT"]),
    "medium": ("CLIENT_COMPATIBLE", ["40BIT"]),
    "high": ("HIGH", ["128BIT"]),
    "fips": ("FIPS", ["FIPS"]),
}
ALL_VERSIONS = ("TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1.0")


def audited(server: Server, settings: Settings | None = None) -> Result:
    target = Target(input=server.target, host=server.address, address=server.address, port=server.port)
    limits = Limits(source_address=SOURCE_ADDRESS)
    result = trio.run(functools.partial(audit, target, settings or Settings(), limits))
    document = to_json(result)
    jsonschema.Draft202012Validator(json_schema()).validate(json.loads(document))
    assert from_json(document) == result
    assert result.connections <= 16
    assert result.limited is None
    assert result.intermittent == []
    return result


def states(result: Result) -> dict[str, str]:
    assert result.negotiation is not None
    return {name: verdict.state for name, verdict in result.negotiation.protocols.items()}


def protocol(result: Result, name: str) -> Verdict:
    assert result.negotiation is not None
    return result.negotiation.protocols[name]


def versions(result: Result) -> dict[str, str]:
    assert result.tls is not None
    return {name: verdict.state for name, verdict in result.tls.versions.items()}


def assert_serves(result: Result, certificate: Certificate) -> None:
    """One chain of one certificate, with the facts it was made with."""
    assert len(result.certificates) == 1
    chain = result.certificates[0]
    assert len(chain.chain) == 1
    leaf = chain.chain[0]
    assert leaf.sha256 == certificate.sha256
    assert leaf.subject == f"CN={certificate.subject}"
    assert leaf.names == list(certificate.names)
    assert leaf.self_signed is True
    assert leaf.key is not None
    assert (leaf.key.type, leaf.key.bits) == (certificate.key_kind, certificate.key_bits)
    assert leaf.not_after is not None
    assert datetime.fromisoformat(leaf.not_after) == certificate.not_after
    assert chain.days_left == (certificate.not_after - datetime.now(UTC)).days


@pytest.mark.parametrize("crypt_level", LEVELS)
def test_xrdp_with_standard_rdp_security(crypt_level: str) -> None:
    with Xrdp(security_layer="rdp", crypt_level=crypt_level) as server:
        result = audited(server)
    assert states(result) == {
        "HYBRID_EX": "rejected",
        "HYBRID": "rejected",
        "SSL": "rejected",
        "RDP": "accepted",
        "RDSTLS": "rejected",
        "RDSAAD": "unknown",
    }
    assert protocol(result, "HYBRID").selected == "RDP"
    assert protocol(result, "RDSAAD").reason == "disconnect provider ultimatum"
    section = result.standard_rdp
    assert section is not None
    assert (section.encryption_level, section.encryption_methods) == LEVELS[crypt_level]
    assert section.rdp_version == "5.0-8.1"
    assert (section.certificate is None) == (crypt_level == "none")
    if section.certificate is not None:
        assert section.certificate.kind == "proprietary"
        assert section.certificate.key_bits == 2048
        assert section.certificate.signature_valid is True
        assert section.ignores_offered_methods is True
    assert result.tls is None
    assert result.certificates == []
    assert result.credssp is None
    assert result.negotiation is not None
    assert result.negotiation.nla == "unsupported"
    assert result.server is not None
    assert (result.server.kind, result.server.certainty) == ("xrdp", "likely")


@pytest.mark.parametrize("kind", ["rsa", "ecdsa", "expired"])
def test_xrdp_that_negotiates(kind: str, made: Certificates) -> None:
    certificate: Certificate = getattr(made, kind)
    with Xrdp(security_layer="negotiate", certificate=certificate) as server:
        result = audited(server)
    assert states(result)["SSL"] == "accepted"
    assert states(result)["RDP"] == "accepted"
    assert protocol(result, "HYBRID") == Verdict(state="rejected", selected="RDP")
    assert protocol(result, "HYBRID_EX") == Verdict(state="rejected", selected="RDP")
    assert protocol(result, "RDSTLS") == Verdict(state="rejected", selected="RDP")
    assert result.negotiation is not None
    assert result.negotiation.flags == ["EXTENDED_CLIENT_DATA_SUPPORTED"]
    assert result.negotiation.restricted_admin is False
    assert result.negotiation.direct_tls == Verdict(state="rejected", reason="clear-text disconnect")
    assert versions(result) == dict(zip(ALL_VERSIONS, ["accepted", "accepted", "rejected", "rejected"], strict=True))
    assert_serves(result, certificate)
    assert result.certificates[0].served_to == ["TLSv1.2", "TLSv1.3"]
    assert result.tls is not None
    assert result.tls.handshake is not None
    assert (result.tls.handshake.version, result.tls.handshake.complete) == ("TLSv1.3", True)


def test_xrdp_that_requires_tls() -> None:
    with Xrdp(security_layer="tls") as server:
        result = audited(server)
    required = Verdict(state="rejected", failure="SSL_REQUIRED_BY_SERVER")
    for name in ("RDP", "HYBRID", "HYBRID_EX", "RDSTLS"):
        assert protocol(result, name) == required
    assert states(result)["SSL"] == "accepted"
    assert result.standard_rdp is None
    assert result.server is not None
    assert result.server.kind == "xrdp"
    assert result.server.rdp_version == "5.0-8.1"  # read inside TLS


@pytest.mark.parametrize(
    ("settings", "accepted"),
    [
        ({"ssl_protocols": ONLY_TLS_1_2}, {"TLSv1.2"}),
        ({"ssl_protocols": ONLY_TLS_1_3}, {"TLSv1.3"}),
        ({"ssl_protocols": TLS_1_0_TO_1_3, "tls_ciphers": SECURITY_LEVEL_0}, set(ALL_VERSIONS)),
        ({"ssl_protocols": "TLSv1", "tls_ciphers": SECURITY_LEVEL_0}, {"TLSv1.0"}),
        ({"ssl_protocols": TLS_1_0_TO_1_3, "openssl_conf": OPENSSL_CONF_LEVEL_0}, set(ALL_VERSIONS)),
    ],
    ids=["1.2", "1.3", "all", "1.0", "all by OPENSSL_CONF"],
)
def test_the_tls_versions_of_xrdp(settings: dict[str, str], accepted: set[str]) -> None:
    with Xrdp(security_layer="tls", **settings) as server:  # type: ignore[arg-type]
        result = audited(server)
    assert {name for name, state in versions(result).items() if state == "accepted"} == accepted
    assert {name for name, state in versions(result).items() if state == "rejected"} == set(ALL_VERSIONS) - accepted
    assert result.tls is not None
    assert result.tls.handshake is not None
    assert result.tls.handshake.version == max(accepted)
    assert len(result.certificates) == 1
    assert set(result.certificates[0].served_to) == accepted


def test_groups_that_provoke_a_hello_retry_request() -> None:
    conf = OPENSSL_CONF_LEVEL_0 + "Groups = P-521\n"
    with Xrdp(security_layer="tls", ssl_protocols=ONLY_TLS_1_3, openssl_conf=conf) as server:
        result = audited(server)
    assert versions(result)["TLSv1.3"] == "accepted"
    assert result.tls is not None
    assert result.tls.handshake is not None
    assert result.tls.handshake.group is not None
    assert result.tls.handshake.group.name == "secp521r1"


@pytest.mark.parametrize("layer", ["tls", "negotiate"])
def test_xrdp_that_cannot_read_its_key(layer: str, tmp_path: Path) -> None:
    with Xrdp(security_layer=layer, key=tmp_path / "missing.pem") as server:
        result = audited(server)
    if layer == "tls":
        assert protocol(result, "SSL") == Verdict(state="rejected", failure="SSL_CERT_NOT_ON_SERVER")
        assert protocol(result, "RDP") == Verdict(state="rejected", failure="SSL_CERT_NOT_ON_SERVER")
    else:
        assert protocol(result, "SSL") == Verdict(state="rejected", selected="RDP")
        assert states(result)["RDP"] == "accepted"
    assert result.tls is None


def test_xrdp_whose_key_is_another_certificates(made: Certificates) -> None:
    with Xrdp(security_layer="tls", certificate=made.rsa, key=made.ecdsa.key) as server:
        result = audited(server)
    assert states(result)["SSL"] == "accepted"
    assert result.tls is not None
    assert result.tls.clear_text_instead is True
    assert result.tls.handshake is None
    assert set(versions(result).values()) == {"rejected"}
    assert {verdict.reason for verdict in result.tls.versions.values()} == {"clear-text disconnect"}


def assert_freerdp(result: Result, flags: list[str]) -> None:
    assert result.status == "rdp"
    assert result.server is not None
    assert (result.server.kind, result.server.certainty) == ("freerdp", "likely")
    assert result.negotiation is not None
    assert result.negotiation.flags == flags


SHADOW_FLAGS = ["EXTENDED_CLIENT_DATA_SUPPORTED", "DYNVC_GFX_PROTOCOL_SUPPORTED"]
NOT_ALLOWED = Verdict(state="rejected", failure="SSL_NOT_ALLOWED_BY_SERVER")
HYBRID_REQUIRED = Verdict(state="rejected", failure="HYBRID_REQUIRED_BY_SERVER")


def assert_every_method(result: Result) -> None:
    section = result.standard_rdp
    assert section is not None
    assert section.encryption_level == "CLIENT_COMPATIBLE"
    assert set(section.encryption_methods) == {"40BIT", "56BIT", "128BIT", "FIPS"}
    assert all(asked.method == [asked.offered] for asked in section.methods_asked)
    assert section.ignores_offered_methods is False
    assert section.rdp_version == "10.7"
    assert section.certificate is not None
    assert (section.certificate.key_bits, section.certificate.signature_valid) == (2048, True)


def test_a_shadow_server_by_default(display: str) -> None:
    with FreeRdpShadow(display=display) as server:
        result = audited(server)
    assert_freerdp(result, SHADOW_FLAGS)
    assert {protocol(result, name).failure for name in ("HYBRID", "HYBRID_EX", "RDSTLS", "RDSAAD")} == {
        "SSL_NOT_ALLOWED_BY_SERVER"
    }
    assert states(result)["SSL"] == states(result)["RDP"] == "accepted"  # though code 2 says that SSL is not allowed
    assert_every_method(result)
    assert versions(result) == dict(zip(ALL_VERSIONS, ["accepted", "accepted", "rejected", "rejected"], strict=True))
    assert result.tls is not None
    assert result.tls.versions["TLSv1.0"].reason == "alert internal_error"


def test_a_shadow_server_that_requires_nla(display: str, made: Certificates) -> None:
    with FreeRdpShadow("/sec:nla", display=display, certificate=made.rsa) as server:
        result = audited(server)
    assert_freerdp(result, SHADOW_FLAGS)
    assert states(result)["HYBRID"] == "accepted"
    assert {name: protocol(result, name) for name in ("SSL", "RDP", "HYBRID_EX", "RDSTLS", "RDSAAD")} == dict.fromkeys(
        ("SSL", "RDP", "HYBRID_EX", "RDSTLS", "RDSAAD"), HYBRID_REQUIRED
    )
    assert result.negotiation is not None
    assert result.negotiation.nla == "required"
    assert result.standard_rdp is None
    assert_serves(result, made.rsa)
    assert result.credssp is not None
    assert (result.credssp.version, result.credssp.mechanisms, result.credssp.error) == (6, ["NTLM"], None)
    ntlm = result.credssp.ntlm
    assert ntlm is not None
    name = socket.gethostname().partition(".")[0]
    assert ntlm.netbios_computer == ntlm.netbios_domain == name.upper()[:15]
    assert ntlm.dns_computer is not None
    assert ntlm.dns_computer.startswith(name.lower())
    assert ntlm.os_build == "6.1.7601"
    assert ntlm.os is None  # FreeRDP made that build up
    assert ntlm.clock_skew_s is not None
    assert abs(ntlm.clock_skew_s) < 5
    assert result.server is not None
    assert result.server.release is None


def test_a_shadow_server_with_tls_alone(display: str) -> None:
    with FreeRdpShadow("/sec:tls", display=display) as server:
        result = audited(server)
    assert_freerdp(result, SHADOW_FLAGS)
    assert states(result)["SSL"] == "accepted"
    assert protocol(result, "RDP") == Verdict(state="rejected", failure="SSL_REQUIRED_BY_SERVER")
    assert result.server is not None
    assert result.server.rdp_version == "10.7"  # read inside TLS


def test_a_shadow_server_with_standard_rdp_security_alone(display: str) -> None:
    with FreeRdpShadow("/sec:rdp", display=display) as server:
        result = audited(server)
    assert_freerdp(result, SHADOW_FLAGS)
    assert protocol(result, "SSL") == NOT_ALLOWED
    assert_every_method(result)
    assert result.tls is None


def test_a_shadow_server_that_refuses_everything(display: str) -> None:
    with FreeRdpShadow("/sec:ext", display=display) as server:
        result = audited(server)
    assert result.status == "rdp"
    assert {verdict.failure for verdict in (protocol(result, name) for name in states(result))} == {
        "SSL_REQUIRED_BY_SERVER"
    }


def test_weston(made: Certificates) -> None:
    with Weston(made.rsa, made.rdp4_key) as server:
        result = audited(server)
    assert_freerdp(result, ["EXTENDED_CLIENT_DATA_SUPPORTED"])
    assert states(result)["SSL"] == states(result)["RDP"] == "accepted"
    assert protocol(result, "HYBRID") == NOT_ALLOWED
    assert_every_method(result)
    assert_serves(result, made.rsa)


def test_discover_takes_one_connection(display: str) -> None:
    with FreeRdpShadow("/sec:nla", display=display) as server:
        result = audited(server, Settings(depth="discover"))
    assert result.connections == 1
    assert states(result)["HYBRID"] == "accepted"
    assert result.credssp is not None
    assert result.credssp.ntlm is not None
    assert len(result.certificates) == 1
