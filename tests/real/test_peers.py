"""What sslscan and sslyze say is read as they mean it, and sslscan finds of the servers what these were set to."""

from __future__ import annotations

import json

import pytest

from probe import result
from probe.result import Result, Tls
from tests.real import peers, tls_backends
from tests.real.conftest import Certificates
from tests.real.front import X224Front
from tests.real.process import Launcher
from tests.real.ssl2_server import Ssl2Server
from tests.real.tls_backends import OPENSSL_GROUPS, OpensslServer, everything_openssl


@pytest.mark.parametrize("kind", ["everything", "anonymous", "null", "3des", "rc4"])
def test_sslscan_finds_what_a_server_was_configured_with(kind: str, made: Certificates) -> None:
    backend = {
        "everything": everything_openssl([made.rsa, made.ecdsa]),
        "anonymous": tls_backends.anonymous_only(),
        "null": tls_backends.null_only(),
        "3des": tls_backends.triple_des_only(),
        "rc4": tls_backends.rc4_only(),
    }[kind]
    with X224Front(backend, workers=4) as server:
        found = peers.run_sslscan(server.target)
        assert server.connections > 20
    assert found.suites == backend.expected_suites
    assert {version for version, accepted in found.versions.items() if accepted} == set(backend.expected_suites)


def test_sslscan_finds_groups_keys_and_features_too() -> None:
    with X224Front(OpensslServer(), workers=4) as server:
        found = peers.run_sslscan(server.target, "--tlsall")
    assert found.groups == set(OPENSSL_GROUPS.values())
    assert found.dh_bits == {2048}
    assert found.keys == {"RSA"}
    assert found.features == {"secure_renegotiation": True, "fallback_scsv": True}


@pytest.mark.parametrize(("backend", "version"), [(tls_backends.sslv3_only(), "SSLv3"), (Ssl2Server(), "SSLv2")])
def test_sslscan_sees_a_version_older_than_tls_and_none_of_its_suites(backend: Launcher, version: str) -> None:
    with X224Front(backend) as server:
        found = peers.run_sslscan(server.target)
    assert [name for name, accepted in found.versions.items() if accepted] == [version]
    assert found.suites == {}


def _sslyze_says(**scans: object) -> str:
    server = {
        "connectivity_result": {"client_auth_requirement": "OPTIONAL"},
        "scan_result": {name: {"status": "COMPLETED", "result": result} for name, result in scans.items()},
    }
    return json.dumps({"server_scan_results": [server]})


def test_what_sslyze_prints_is_read() -> None:
    key = {"type_name": "DH", "size": 1024}
    suites = [
        {"cipher_suite": {"name": "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"}, "ephemeral_key": key},
        {"cipher_suite": {"name": "TLS_RSA_WITH_AES_128_CBC_SHA"}, "ephemeral_key": None},
    ]
    leaf = {"fingerprint_sha256": "AAECAw==", "public_key": {"algorithm": "RSAPublicKey"}}
    found = peers.read_sslyze(
        _sslyze_says(
            tls_1_1_cipher_suites={
                "tls_version_used": "TLS_1_1", "is_tls_version_supported": True, "accepted_cipher_suites": suites
            },
            ssl_3_0_cipher_suites={
                "tls_version_used": "SSL_3_0", "is_tls_version_supported": False, "accepted_cipher_suites": []
            },
            elliptic_curves={"supported_curves": [{"name": "X25519"}, {"name": "prime256v1"}]},
            certificate_info={"certificate_deployments": [{"received_certificate_chain": [leaf]}]},
            tls_fallback_scsv={"supports_fallback_scsv": True},
            tls_compression=None,
        )
    )  # fmt: skip
    assert found.versions == {"TLSv1.1": True, "SSLv3": False}
    assert found.suites == {"TLSv1.1": {0x0033, 0x002F}}
    assert (found.groups, found.dh_bits) == ({0x1D, 0x17}, {1024})
    assert (found.certificates, found.keys) == ({"00010203"}, {"RSA"})
    assert found.features == {"fallback_scsv": True, "client_certificate": True}


def test_differences_are_told_one_by_one() -> None:
    one = peers.Findings(
        versions={"SSLv3": False, "TLSv1.2": True},
        suites={"TLSv1.2": {0xC02F, 0x002F}},
        groups={0x1D, 0x17},
        dh_bits={2048},
        features={"compression": False, "fallback_scsv": True},
    )
    other = peers.Findings(
        versions={"TLSv1.2": True}, suites={"TLSv1.2": {0x002F}}, groups={0x17}, features={"fallback_scsv": False}
    )
    assert peers.differences(one, one) == []
    assert peers.differences(one, other) == [
        "SSLv3 no",
        "TLSv1.2 TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "group x25519",
        "Diffie-Hellman group of 2048 bits",
        "compression: no",
        "fallback_scsv: yes",
    ]
    assert peers.differences(other, one) == ["fallback_scsv: no"]


def of(tls: Tls | None, *chains: result.CertificateChain) -> Result:
    return Result(
        target=result.Target(input="desk", host="desk", port=3389),
        started="2026-11-20T00:00:00Z",
        elapsed_ms=1.0,
        depth="full",
        connections=1,
        bytes_sent=1,
        bytes_received=1,
        status="rdp",
        tls=tls,
        certificates=list(chains),
    )


def test_what_this_program_finds_is_read_in_the_same_form() -> None:
    suite = result.CipherSuite(code="0x009F", name="TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", dh_bits=2048)
    tls = Tls(
        versions={"TLSv1.2": result.Verdict(state="accepted"), "TLSv1.3": result.Verdict(state="unknown")},
        cipher_suites={"TLSv1.2": [suite]},
        groups=[result.Group(code="0x001D", name="x25519")],
        features=result.TlsFeatures(heartbeat=False, resumed_version="TLSv1.2"),
    )
    leaf = result.Certificate(sha256="ab", key=result.Key(type="EC"))
    found = peers.read_result(of(tls, result.CertificateChain(chain=[leaf])))
    assert found.versions == {"TLSv1.2": True}
    assert found.suites == {"TLSv1.2": {0x009F}}
    assert (found.groups, found.dh_bits) == ({0x1D}, {2048})
    assert (found.certificates, found.keys) == ({"ab"}, {"EC"})
    assert found.features == {"heartbeat": False}
    assert peers.read_result(of(None)) == peers.Findings()
