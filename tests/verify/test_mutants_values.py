"""Which values a policy may have, to the last: faults in these lists and limits that no other test showed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from probe.result import Server
from probe.verify.diagnoses_seen import SEEN
from probe.verify.kinds import KINDS
from tests.diagnosis.results import result
from tests.verify.rules import check

SECTIONS = ("certificate.", "credssp.", "standard_rdp.", "server.", "diagnoses.", "clients.")
LISTS = {
    "certificate.names": ["srv1.example"],
    "certificate.spki_sha256": ["aB" * 32],
    "certificate.key_types": ["RSA", "EC", "DSA", "Ed25519", "Ed448"],
    "certificate.allowed_signatures": ["*"],
    "certificate.forbidden_signatures": ["*"],
    "certificate.extended_key_usage": [
        *("serverAuth", "clientAuth", "codeSigning", "emailProtection", "timeStamping", "OCSPSigning"),
        *("remoteDesktopAuthentication", "anyExtendedKeyUsage", "1.3.6.1.4.1.311.54.1.2", "2.5"),
    ],
    "certificate.key_usage": [
        *("digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement"),
        *("keyCertSign", "cRLSign", "encipherOnly", "decipherOnly"),
    ],
    "credssp.mechanisms": ["NTLM", "Kerberos"],
    "standard_rdp.forbidden_methods": ["NONE", "40BIT", "56BIT", "128BIT", "FIPS"],
    "server.kind": ["windows", "xrdp", "freerdp", "gnome", "weston", "virtualbox"],
    "diagnoses.forbidden": list(SEEN),
    "clients.must_connect": ["*"],
    "clients.must_not_connect": ["*"],
}
LIMITS = [
    ("certificate.min_rsa_bits", 512, 511),
    ("certificate.min_rsa_bits", 16384, 16385),
    ("certificate.min_ec_bits", 112, 111),
    ("certificate.min_ec_bits", 521, 522),
    ("certificate.min_days_left", 0, -1),
    ("certificate.min_days_left", 36500, 36501),
    ("certificate.max_days_valid", 1, 0),
    ("certificate.max_days_valid", 36500, 36501),
    ("credssp.min_version", 2, 1),
    ("credssp.max_clock_skew_s", 0, -0.1),
    ("credssp.max_clock_skew_s", 1e9, 1e9 + 1),
    ("standard_rdp.min_key_bits", 1, 0),
    ("standard_rdp.min_key_bits", 65536, 65537),
    ("tls.min_dh_bits", 1, 0),
    ("tls.min_dh_bits", 65536, 65537),
]


def reads(key: str, value: Any) -> bool:
    try:
        msgspec.convert(value, KINDS[key].value)
    except msgspec.ValidationError:
        return False
    return True


def test_every_list_is_here() -> None:
    assert {key for key in KINDS if key.startswith(SECTIONS) and KINDS[key].example.startswith("[")} == set(LISTS)


@pytest.mark.parametrize("key", LISTS)
def test_lists(key: str) -> None:
    assert reads(key, LISTS[key])
    for element in LISTS[key]:
        assert reads(key, [element])
    assert not reads(key, [])
    assert not reads(key, LISTS[key][0])
    if key != "certificate.names":
        assert not reads(key, [""])
    if len(LISTS[key]) > 1:
        assert not reads(key, [f"{LISTS[key][0]}x"])


@pytest.mark.parametrize(("key", "taken", "refused"), LIMITS)
def test_limits(key: str, taken: float, refused: float) -> None:
    assert reads(key, taken)
    assert not reads(key, refused)


@pytest.mark.parametrize("level", ["LOW", "CLIENT_COMPATIBLE", "HIGH", "FIPS"])
def test_levels(level: str) -> None:
    assert reads("standard_rdp.min_encryption_level", level)


@pytest.mark.parametrize("key", [key for key in KINDS if key.startswith((*SECTIONS, "udp."))])
def test_examples_are_read(key: str) -> None:
    import tomllib

    value = tomllib.loads(f"value = {KINDS[key].example}")["value"]
    KINDS[key].validate(msgspec.convert(value, KINDS[key].value))


@pytest.mark.parametrize("code", [code for code in SEEN if code.startswith(("TLS_", "CERT_"))])
def test_whether_tls_is_served_is_asked_where_that_matters(code: str) -> None:
    needs = SEEN[code].needs
    of_negotiation = {"TLS_REQUIRED", "TLS_CERTIFICATE_MISSING"}
    assert needs.full or needs.protocols >= {"SSL", "HYBRID", "HYBRID_EX"}
    assert needs.full or bool(needs.versions) == (code not in of_negotiation)


@pytest.mark.parametrize("key", [key for key in KINDS if KINDS[key].example.startswith("[")])
def test_no_list_is_empty(key: str) -> None:
    """A demand for nothing would always hold."""
    assert not reads(key, [])


PROTOCOLS = ("RDP", "SSL", "HYBRID", "RDSTLS", "HYBRID_EX", "RDSAAD")
VERSIONS = ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")


@pytest.mark.parametrize(
    ("key", "taken"),
    [
        ("protocols.required", [[each] for each in PROTOCOLS]),
        ("protocols.forbidden", [[each] for each in PROTOCOLS]),
        ("protocols.nla", ["required", "offered", "unsupported"]),
        ("protocols.direct_tls", ["accepted", "rejected"]),
        ("tls.min_version", VERSIONS),
        ("tls.max_version", VERSIONS),
        ("tls.required_versions", [[each] for each in VERSIONS]),
        ("tls.forbidden_versions", [[each] for each in VERSIONS]),
    ],
)
def test_values_of_the_negotiation_and_of_versions(key: str, taken: list[Any]) -> None:
    for value in taken:
        assert reads(key, value)
    assert not reads(key, "unknown")
    assert not reads(key, ["unknown"])


@pytest.mark.parametrize(
    ("release", "comparison", "state"),
    [
        # What begins otherwise is neither more nor less.
        ("Windows Server 2022", {"at_least": "10.0"}, "failed"),
        ("10.0", {"at_most": "Windows Server 2022"}, "failed"),
        ("Xenon 1", {"at_least": "Windows Server 2022"}, "failed"),
        ("Windows 10", {"at_least": "Windows"}, "failed"),
        ("10.b", {"at_least": "10.a"}, "passed"),
        ("10.a", {"at_least": "10.b"}, "failed"),
        ("10.b", {"at_most": "10.a"}, "failed"),
        ("10\u0663", {"at_least": "10a"}, "failed"),  # a digit of another script comes before a letter
        ("10a", {"at_least": "10\u0663"}, "passed"),
        # What is longer is more, and where it goes on makes no difference.
        ("10.0", {"at_least": "10"}, "passed"),
        ("10", {"at_least": "10.0"}, "failed"),
        ("Windows", {"at_least": "Windows 10"}, "failed"),
        ("10a", {"at_most": "10"}, "failed"),
    ],
)
def test_text_in_its_natural_order(release: str, comparison: dict[str, str], state: str) -> None:
    described = result()
    described.server = Server(kind="windows", release=release)
    assert check("fact", {"path": "server.release", **comparison}, described).state == state


@pytest.mark.parametrize("comparison", ["at_least", "at_most"])
def test_a_bound_need_not_be_a_value_that_a_fact_may_have(comparison: str) -> None:
    assert check("fact", {"path": "udp.state", comparison: "zzz"}, result()).state == "unknown"


def test_only_of_tls_full_tells_more() -> None:
    described = result()
    described.spent = {"groups": 3}
    assert check("fact", {"path": "spent.groups", "at_most": 3}, described).state == "passed"
    assert not KINDS["fact"].needs(msgspec.convert({"path": "spent.groups", "is": 3}, KINDS["fact"].value)).full
