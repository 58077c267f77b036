"""What sslscan and sslyze find of a server, and what rdp-probe finds, in one form that can be compared.

sslscan is Debian's. sslyze is not installed for tests: `sslyze_program` makes a virtual environment for it when the
benchmark asks. Both were read as sslscan 2.0.7 and sslyze 6.3 print.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import tempfile
import venv
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path

from probe.result import Result
from probe.wire.iana import CIPHER_SUITES, GROUPS
from probe.wire.ssl2 import CIPHER_KINDS
from tests.real.process import program

LIMIT_S = 90.0
SSLYZE = "sslyze>=6.3,<7"

_SUITES = {name.upper(): code for code, name in (*CIPHER_SUITES.items(), *CIPHER_KINDS.items())}
_GROUPS = {name.lower(): code for code, name in GROUPS.items()}
_GROUPS |= {"prime256v1": 0x17, "prime192v1": 0x13}  # OpenSSL's names


@dataclass(kw_only=True)
class Findings:
    """What a program says of a TLS server. None and absent: it says nothing of that."""

    versions: dict[str, bool] = field(default_factory=dict)  # whether each is accepted
    suites: dict[str, set[int]] = field(default_factory=dict)  # accepted ones by version
    groups: set[int] = field(default_factory=set)
    dh_bits: set[int] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)  # kinds of certificates' keys: RSA, EC
    certificates: set[str] = field(default_factory=set)  # SHA-256 of leaf certificates
    features: dict[str, bool] = field(default_factory=dict)  # by the names of fields in probe.result.TlsFeatures


def run_sslscan(target: str, *options: str) -> Findings:
    """Run sslscan on an RDP server. Raises TimeoutExpired where it does not end, as on some servers it does."""
    with tempfile.TemporaryDirectory(prefix="rdp-") as directory:
        argv = sslscan_command(target, Path(directory) / "found.xml", *options)
        text = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=LIMIT_S).stdout
        return read_sslscan((Path(directory) / "found.xml").read_text("utf-8"), text)


def sslscan_command(target: str, xml: Path, *options: str) -> list[str]:
    """The command that scans an RDP server and writes XML to a file."""
    return [program("sslscan"), "--rdp", "--no-colour", *options, f"--xml={xml}", target]


def read_sslscan(xml: str, text: str = "") -> Findings:
    """Read sslscan's XML, and of its text what is not in the XML."""
    root = ET.fromstring(xml)
    found = Findings()
    for each in root.iter("protocol"):
        found.versions[_sslscan_version(each.get("type", ""), each.get("version", ""))] = each.get("enabled") == "1"
    for each in root.iter("cipher"):
        found.suites.setdefault(each.get("sslversion", ""), set()).add(int(each.get("id", ""), 16))
        if bits := each.get("dhebits"):
            found.dh_bits.add(int(bits))
    found.groups = {int(each.get("id", ""), 16) for each in root.iter("group")}
    found.keys = {each.get("type", "") for each in root.iter("pk")}
    for each in root.iter("renegotiation"):
        found.features["secure_renegotiation"] = each.get("secure") == "1"
    _add_from_text(found, text)
    return found


def _add_from_text(found: Findings, text: str) -> None:
    if scsv := re.search(r"^Server (supports|does not support) TLS Fallback SCSV", text, re.MULTILINE):
        found.features["fallback_scsv"] = scsv[1] == "supports"
    if compression := re.search(r"^Compression (enabled|disabled)", text, re.MULTILINE):
        found.features["compression"] = compression[1] == "enabled"


def _sslscan_version(kind: str, version: str) -> str:
    return f"{kind.upper()}v{version}"


def sslyze_program(directory: Path) -> Path:
    """The path of sslyze, which is installed from PyPI where the directory has no virtual environment with it."""
    found = directory / "bin" / "sslyze"
    if not found.exists():
        print(f"installing sslyze into {directory}", file=sys.stderr)  # noqa: T201
        venv.create(directory, with_pip=True)
        subprocess.run([directory / "bin" / "pip", "install", "--quiet", SSLYZE], check=True)
    return found


def sslyze_command(path: Path, target: str) -> list[str]:
    """The command that scans an RDP server and prints JSON; all that sslyze does when nothing is chosen."""
    return [str(path), "--starttls=rdp", "--json_out=-", target]


def read_sslyze(text: str) -> Findings:
    """Read sslyze's JSON. Scans that it could not complete tell nothing."""
    (server,) = json.loads(text)["server_scan_results"]
    found = Findings()
    scans = {name: scan["result"] for name, scan in (server["scan_result"] or {}).items() if scan["result"]}
    for name, scan in scans.items():
        if name.endswith("_cipher_suites"):
            _add_suites(found, scan)
    curves = scans.get("elliptic_curves", {}).get("supported_curves") or []
    found.groups |= {_GROUPS[curve["name"].lower()] for curve in curves}
    for deployment in scans.get("certificate_info", {}).get("certificate_deployments", []):
        leaf = deployment["received_certificate_chain"][0]
        found.certificates.add(base64.b64decode(leaf["fingerprint_sha256"]).hex())
        found.keys.add(leaf["public_key"]["algorithm"].removesuffix("PublicKey"))
    for feature, name, key in _SSLYZE_FEATURES:
        if name in scans:
            found.features[feature] = scans[name][key]
    if server["connectivity_result"]:
        found.features["client_certificate"] = server["connectivity_result"]["client_auth_requirement"] != "DISABLED"
    return found


_SSLYZE_FEATURES = (
    ("secure_renegotiation", "session_renegotiation", "supports_secure_renegotiation"),
    ("compression", "tls_compression", "supports_compression"),
    ("fallback_scsv", "tls_fallback_scsv", "supports_fallback_scsv"),
    ("extended_master_secret", "tls_extended_master_secret", "supports_ems_extension"),
)


def _add_suites(found: Findings, scan: dict[str, object]) -> None:
    """One version's scan; "TLS_1_0" is TLSv1.0 and "SSL_3_0" SSLv3."""
    kind, major, minor = str(scan["tls_version_used"]).split("_")
    version = f"SSLv{major}" if kind == "SSL" else f"TLSv{major}.{minor}"
    found.versions[version] = scan["is_tls_version_supported"] is True
    accepted = scan["accepted_cipher_suites"]
    assert isinstance(accepted, list)
    for each in accepted:
        found.suites.setdefault(version, set()).add(_SUITES[each["cipher_suite"]["name"].upper()])
        key = each["ephemeral_key"]
        if key and key["type_name"] == "DH":
            found.dh_bits.add(key["size"])


def read_result(result: Result) -> Findings:
    """What rdp-probe says."""
    found = Findings()
    if result.tls is None:
        return found
    tls = result.tls
    states = {"accepted": True, "rejected": False}
    found.versions = {name: states[each.state] for name, each in tls.versions.items() if each.state in states}
    found.suites = {version: {int(each.code, 16) for each in suites} for version, suites in tls.cipher_suites.items()}
    found.groups = {int(each.code, 16) for each in tls.groups}
    found.dh_bits = {each.bits for each in tls.dh_parameters}
    found.dh_bits |= {each.dh_bits for suites in tls.cipher_suites.values() for each in suites if each.dh_bits}
    for chain in result.certificates:
        leaf = chain.chain[0]
        found.certificates.add(leaf.sha256)
        if leaf.key is not None:
            found.keys.add(leaf.key.type)
    names = tls.features.__struct_fields__ if tls.features else ()
    values = {name: getattr(tls.features, name) for name in names}
    found.features = {name: value for name, value in values.items() if isinstance(value, bool)}
    return found


def differences(one: Findings, other: Findings) -> list[str]:
    """What one says that the other does not, one line each. Where both speak and contradict each other it is there too.

    A finding of nothing counts as one: a version that was refused, a feature that is absent.
    """
    lines = [f"{name} {_yes(state)}" for name, state in one.versions.items() if other.versions.get(name) is not state]
    for version, suites in one.suites.items():
        missing = sorted(suites - other.suites.get(version, set()))
        lines += [f"{version} {CIPHER_SUITES.get(code) or CIPHER_KINDS.get(code) or hex(code)}" for code in missing]
    lines += [f"group {GROUPS.get(code, hex(code))}" for code in sorted(one.groups - other.groups)]
    lines += [f"Diffie-Hellman group of {bits} bits" for bits in sorted(one.dh_bits - other.dh_bits)]
    lines += [f"a certificate with a key of kind {kind}" for kind in sorted(one.keys - other.keys)]
    lines += [f"{name}: {_yes(value)}" for name, value in one.features.items() if other.features.get(name) is not value]
    return lines


def _yes(value: bool) -> str:
    return "yes" if value else "no"
