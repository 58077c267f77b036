"""Certificates, each with one fault or none, served by xrdp to a client that asks for a name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from probe.result import Severity
from tests.matrix.rows_xrdp import SELF_SIGNED, TLS_ONLY, Codes
from tests.matrix.situation import Program, Situation
from tests.real.certificates import NAME
from tests.real.pki import (
    CODE_SIGNING,
    REMOTE_DESKTOP,
    Entity,
    Recipe,
    authority,
    by_openssl,
    from_today,
    key_usage,
    rsa_key,
    served_by,
)
from tests.real.xrdp import SECURITY_LEVEL_0, Xrdp

Made = Callable[[Path], tuple[Entity, ...]]  # the leaf and what is sent behind it
ROOT = authority("Matrix root")
BETWEEN = authority("Matrix authority", ROOT)
STRANGER = authority("Unrelated root")
OWN = Recipe().signed_by(None)


def _until(distance: timedelta) -> tuple[datetime, datetime]:
    now = datetime.now(UTC).replace(microsecond=0)
    return now - timedelta(days=60), now + distance


def _from(distance: timedelta) -> tuple[datetime, datetime]:
    now = datetime.now(UTC).replace(microsecond=0)
    return now + distance, now + timedelta(days=90)


def _own(**fields: object) -> Made:
    """Signed by itself."""
    return lambda _: (Recipe(**fields).signed_by(None),)  # type: ignore[arg-type]


def _own_until(distance: timedelta) -> Made:
    return lambda _: (Recipe(validity=_until(distance)).signed_by(None),)


def _issued(*behind: Entity, **fields: object) -> Made:
    return lambda _: (Recipe(**fields).signed_by(BETWEEN), *behind)  # type: ignore[arg-type]


def _trusting(root: Entity) -> Callable[[Path], Path]:
    def write(room: Path) -> Path:
        file = room / "root.pem"
        file.write_bytes(root.pem)
        return file

    return write


def _served(made: Made, tls_ciphers: str) -> Program:
    def launcher(room: Path) -> Xrdp:
        leaf, *others = made(room)
        return Xrdp(security_layer="tls", certificate=served_by(room, leaf, *others), tls_ciphers=tls_ciphers)

    return Program(launcher)


def expired_yesterday() -> Program:
    """xrdp whose certificate is expired."""
    return _served(_own_until(-timedelta(days=1)), "DEFAULT")


def _row(
    name: str, certificate: str, made: Made, why: str, *, tls_ciphers: str = "DEFAULT", trusts: Entity | None = None,
    asks: str | None = NAME, **codes: Severity,
) -> Situation:  # fmt: skip
    signed_by: Codes = SELF_SIGNED if trusts is None else {}
    return Situation(
        name=f"certificate-{name}",
        started=f"xrdp with {certificate}",
        site=_served(made, tls_ciphers),
        codes={**TLS_ONLY, **signed_by, **codes},
        why=why,
        server_name=asks,
        ca_file=None if trusts is None else _trusting(trusts),
    )


_DAY, _SECOND = timedelta(days=1), timedelta(seconds=1)

ROWS: tuple[Situation, ...] = (
    _row("good", "a certificate that it signed itself", _own(), "the name fits and the time is right"),
    _row(
        "expired",
        "a certificate that ran out a second ago",
        _own_until(-_SECOND),
        "it has ended, if only just",
        CERT_EXPIRED="breaks_some",
    ),
    _row(
        "last-minutes",
        "a certificate that runs out in a few minutes",
        _own_until(300 * _SECOND),
        "it ends soon, and has not ended",
        CERT_EXPIRES_SOON="risk",
    ),
    _row(
        "not-yet-valid",
        "a certificate that is valid from tomorrow",
        lambda _: (Recipe(validity=_from(_DAY)).signed_by(None),),
        "it has not begun",
        CERT_NOT_YET_VALID="breaks_some",
    ),
    _row(
        "29-days",
        "a certificate that runs out in 29 days",
        _own_until(29 * _DAY),
        "less than thirty days are left",
        CERT_EXPIRES_SOON="risk",
    ),
    _row("31-days", "a certificate that runs out in 31 days", _own_until(31 * _DAY), "more than thirty days are left"),
    _row(
        "sha1",
        "a certificate signed with SHA-1",
        lambda room: (by_openssl(room / "sha1", None, "-sha1"),),
        "a signature that can be forged",
        CERT_WEAK_SIGNATURE="risk",
    ),
    _row(
        "md5",
        "a certificate signed with MD5",
        lambda room: (by_openssl(room / "md5", None, "-md5"),),
        "clients of today refuse MD5 outright",
        tls_ciphers=SECURITY_LEVEL_0,
        CERT_WEAK_SIGNATURE="breaks_some",
    ),
    _row(
        "rsa-512",
        "a certificate with an RSA key of 512 bits",
        _own(key=rsa_key(512, 9)),
        "Windows refuses RSA keys under 1024 bits",
        tls_ciphers=SECURITY_LEVEL_0,
        CERT_WEAK_KEY="breaks_some",
    ),
    _row(
        "wrong-name",
        "a certificate for other.example.test",
        _own(common="other.example.test", names=("other.example.test",)),
        "it does not hold the name asked for",
        CERT_NAME_MISMATCH="risk",
    ),
    _row(
        "no-name-asked",
        "a certificate for other.example.test, asked for by address",
        _own(common="other.example.test", names=("other.example.test",)),
        "an address is compared with no names but addresses",
        asks=None,
    ),
    _row(
        "for-code",
        "a certificate for signing code",
        _own(usages=(CODE_SIGNING,)),
        "its extended key usage leaves servers out",
        CERT_USAGE_UNSUITABLE="breaks_some",
    ),
    _row(
        "for-remote-desktop",
        "a certificate for Remote Desktop authentication alone",
        _own(usages=(REMOTE_DESKTOP,)),
        "the extended key usage that Microsoft made for this",
    ),
    _row(
        "key-usage-unsuitable",
        "a certificate whose key may only sign certificates",
        _own(key_usage=key_usage("key_cert_sign")),
        "its key usage leaves TLS out",
        CERT_USAGE_UNSUITABLE="breaks_some",
    ),
    _row(
        "trusted",
        "a certificate with its whole chain, and the client trusts the root",
        _issued(BETWEEN, ROOT),
        "nothing is to be said of a certificate that is in order",
        trusts=ROOT,
    ),
    _row(
        "trusted-without-root",
        "a certificate and its issuer without the root, which the client has",
        _issued(BETWEEN),
        "a root need not be sent",
        trusts=ROOT,
    ),
    _row(
        "chain-incomplete",
        "a certificate whose issuer it does not send",
        _issued(),
        "the issuer is neither sent nor in the store",
        trusts=ROOT,
        CERT_CHAIN_INCOMPLETE="risk",
    ),
    _row(
        "untrusted",
        "a certificate with its whole chain, and the client trusts another root",
        _issued(BETWEEN, ROOT),
        "the chain is complete, and leads to a root that the store lacks",
        trusts=STRANGER,
        CERT_UNTRUSTED="risk",
    ),
    _row(
        "own-and-trusted",
        "a certificate that it signed itself and that the client trusts",
        lambda _: (OWN,),
        "whoever trusts it cannot be told that it is untrustworthy",
        trusts=OWN,
    ),
    _row(
        "several-faults",
        "an expired certificate for another name, signed by an authority that is not sent",
        _issued(common="other.example.test", names=("other.example.test",), validity=from_today(-60, -1)),
        "one fault does not hide another",
        trusts=ROOT,
        CERT_EXPIRED="breaks_some",
        CERT_NAME_MISMATCH="risk",
        CERT_CHAIN_INCOMPLETE="risk",
    ),
)
