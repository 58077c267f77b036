"""Certificates with one fault each, served by xrdp: what is said of them, and whether they are trusted.

Each is judged twice: by the system's roots, which hold none of ours, and by our root as --ca-file.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from probe.audit.settings import Settings
from probe.diagnosis import diagnose
from probe.drive.limits import Limits
from probe.drive.live import audit
from probe.result import CertificateChain, Key, Result, Target
from tests.real.certificates import NAME
from tests.real.pki import (
    CODE_SIGNING,
    REMOTE_DESKTOP,
    Entity,
    Recipe,
    authority,
    by_openssl,
    ec_key,
    ed25519_key,
    from_today,
    key_usage,
    rsa_key,
    served_by,
)
from tests.real.servers import SOURCE_ADDRESS, Server, Xrdp
from tests.real.xrdp import SECURITY_LEVEL_0

OTHER_NAME = "other.example.test"
MISSING = "the issuer was not served and the store lacks it: CN=Test authority"
LACKS_ROOT = "the store lacks the root CN=Test root"
RSA_2048 = Key(type="RSA", bits=2048)
ALGORITHM = "every signature fits, but the verifier does not take this: "
ROOT = authority("Test root", key=rsa_key(2048, 1))
BETWEEN = authority("Test authority", ROOT, key=rsa_key(2048, 2))
SMALL = authority("Small authority", ROOT, key=rsa_key(1024, 1))


def audited(server: Server, ca_file: Path | None = None) -> tuple[list[str], CertificateChain]:
    """The codes about certificates, and the one chain that was served."""
    target = Target(input=NAME, host=NAME, address=server.address, port=server.port)
    limits = Limits(source_address=SOURCE_ADDRESS, ca_file=str(ca_file) if ca_file else None)
    result: Result = trio.run(functools.partial(audit, target, Settings(), limits))
    [chain] = result.certificates
    codes = [found.code for found in diagnose(result) if found.code.startswith("CERT_")]
    return codes, chain


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A leaf, what is served behind it, and what is to be said."""

    leaf: Callable[[Path], Entity]
    behind: tuple[Entity, ...] = (BETWEEN, ROOT)
    faults: tuple[str, ...] = ()  # that the certificate has whoever judges
    codes: tuple[str, ...] = ("CERT_UNTRUSTED",)  # by the system's roots
    verdict: str = "untrusted"
    reason: str | None = LACKS_ROOT
    trusted: bool = True  # by our root
    remark: str | None = None  # on that
    key: Key = RSA_2048


def good(**fields: object) -> Callable[[Path], Entity]:
    return lambda _: Recipe(**fields).signed_by(BETWEEN)  # type: ignore[arg-type]


EXPIRED, FUTURE = from_today(-90, -2), from_today(2, 90)
AS_OF_EXPIRY = f"judged as of {EXPIRED[1]:%Y-%m-%d}, when the leaf was valid"
AS_OF_START = f"judged as of {FUTURE[0]:%Y-%m-%d}, when the leaf was valid"
CASES = {
    "good": Case(leaf=good()),
    "in the wrong order": Case(leaf=good(), behind=(ROOT, BETWEEN)),
    "with others that have nothing to do with it": Case(leaf=good(), behind=(authority("Extra"), BETWEEN, ROOT)),
    "without its root": Case(
        leaf=good(),
        behind=(BETWEEN,),
        codes=("CERT_CHAIN_INCOMPLETE",),
        verdict="chain_incomplete",
        reason="the issuer was not served and the store lacks it: CN=Test root",
    ),
    "missing intermediate": Case(
        leaf=good(),
        behind=(),
        faults=("CERT_CHAIN_INCOMPLETE",),
        codes=(),
        verdict="chain_incomplete",
        reason=MISSING,
        trusted=False,
        remark=MISSING,
    ),
    "self-signed": Case(
        leaf=lambda _: Recipe().signed_by(None),
        behind=(),
        faults=("CERT_SELF_SIGNED",),
        codes=(),
        verdict="self_signed",
        reason=None,
        trusted=False,
    ),
    "expired": Case(
        leaf=good(validity=EXPIRED),
        faults=("CERT_EXPIRED",),
        reason=f"{LACKS_ROOT}; {AS_OF_EXPIRY}",
        remark=AS_OF_EXPIRY,
    ),
    "not yet valid": Case(
        leaf=good(validity=FUTURE),
        faults=("CERT_NOT_YET_VALID",),
        reason=f"{LACKS_ROOT}; {AS_OF_START}",
        remark=AS_OF_START,
    ),
    "wrong name": Case(leaf=good(names=(OTHER_NAME,)), faults=("CERT_NAME_MISMATCH",)),
    "SHA-1": Case(
        leaf=lambda directory: by_openssl(directory, BETWEEN, "-sha1"),
        faults=("CERT_WEAK_SIGNATURE",),
        remark=f"{ALGORITHM}the signature of CN={NAME} is made with SHA1",
    ),
    "MD5": Case(
        leaf=lambda directory: by_openssl(directory, BETWEEN, "-md5"),
        faults=("CERT_WEAK_SIGNATURE",),
        trusted=False,
        remark=f"a path leads to a root and proves nothing: the signature of CN={NAME} is made with MD5",
    ),
    "RSA with 1024 bits": Case(leaf=good(key=rsa_key(1024)), faults=("CERT_WEAK_KEY",), key=Key(type="RSA", bits=1024)),
    "of an authority with 1024 bits": Case(
        leaf=lambda _: Recipe().signed_by(SMALL),
        behind=(SMALL, ROOT),
        faults=("CERT_WEAK_KEY",),
        remark=f"{ALGORITHM}CN=Small authority has an RSA key of 1024 bits",
    ),
    "unsuitable extended usage": Case(leaf=good(usages=(CODE_SIGNING,)), faults=("CERT_USAGE_UNSUITABLE",)),
    "unsuitable key usage": Case(leaf=good(key_usage=key_usage("crl_sign")), faults=("CERT_USAGE_UNSUITABLE",)),
    "for Remote Desktop alone": Case(leaf=good(usages=(REMOTE_DESKTOP,))),
    "ECDSA on P-521": Case(
        leaf=good(key=ec_key(ec.SECP521R1), digest=hashes.SHA512()),
        key=Key(type="EC", bits=521, curve="secp521r1"),
    ),
    "Ed25519": Case(leaf=good(key=ed25519_key()), key=Key(type="Ed25519")),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_certificate_is_reported_exactly(case: Case, tmp_path: Path) -> None:
    leaf = case.leaf(tmp_path / "leaf")
    root = tmp_path / "root.pem"
    root.write_bytes(ROOT.pem)
    certificate = served_by(tmp_path, leaf, *case.behind)
    with Xrdp(security_layer="tls", certificate=certificate, tls_ciphers=SECURITY_LEVEL_0) as server:
        codes, chain = audited(server)
        codes_by_root, chain_by_root = audited(server, root)
    assert [each.sha256 for each in chain.chain] == [
        each.certificate.fingerprint(hashes.SHA256()).hex() for each in (leaf, *case.behind)
    ]
    assert chain.served_to == ["TLSv1.2", "TLSv1.3"]
    assert chain.chain[0].key == case.key
    assert sorted(codes) == sorted((*case.faults, *case.codes))
    assert chain.trust is not None
    assert (chain.trust.verdict, chain.trust.reason) == (case.verdict, case.reason)
    assert chain.trust.store == ("none" if case.verdict == "self_signed" else "system")
    assert sorted(codes_by_root) == sorted(case.faults)
    assert chain_by_root.trust is not None
    assert (chain_by_root.trust.verdict == "trusted") is case.trusted
    assert chain_by_root.trust.reason == case.remark
    assert chain_by_root.trust.store == str(root)


def test_a_self_signed_certificate_that_is_named_is_trusted(tmp_path: Path) -> None:
    certificate = served_by(tmp_path, Recipe().signed_by(None))
    with Xrdp(security_layer="tls", certificate=certificate) as server:
        codes, chain = audited(server, certificate.certificate)
    assert codes == []
    assert chain.trust is not None
    assert chain.trust.verdict == "trusted"
    assert chain.chain[0].self_signed is True


def test_the_command_takes_a_file_of_roots(tmp_path: Path) -> None:
    root = tmp_path / "root.pem"
    root.write_bytes(ROOT.pem)
    certificate = served_by(tmp_path, Recipe().signed_by(BETWEEN), BETWEEN)
    arguments = ("--ca-file", str(root), "--server-name", NAME, "--depth", "discover")
    with Xrdp(security_layer="tls", certificate=certificate) as server:
        ran = subprocess.run(
            [sys.executable, "-m", "probe.cli.main", "host", "--json", *arguments, server.target],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (ran.returncode, ran.stderr) == (0, "")
    [chain] = json.loads(ran.stdout)["certificates"]
    assert chain["trust"] == {"verdict": "trusted", "store": str(root)}
    assert chain["name_match"] is True
