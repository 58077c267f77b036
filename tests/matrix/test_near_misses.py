"""What is just so, and what is just not: pairs of stored results that differ in one fact, and in what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from probe.diagnosis import diagnose
from probe.result import (
    CertificateChain,
    CredSsp,
    Intolerance,
    Key,
    Result,
    StandardCertificate,
    Trust,
    Verdict,
    from_json,
    to_json,
)
from tests.diagnosis import results as r

_STARTED = datetime.fromisoformat(r.STARTED)
TOO_OLD = r.said("alert protocol_version")
CLOSED, RESET, SILENCE = (r.said("closed"), r.said("reset"), r.said("timed_out", "unknown", "timed_out"))
FAR, NEAR = "2099-01-01T00:00:00Z", "2000-01-01T00:00:00Z"


def at(**distance: float) -> str:
    """A time so far from the beginning of the audit."""
    return (_STARTED + timedelta(**distance)).isoformat()


def until(**distance: float) -> Result:
    return r.served(r.certificate(since=NEAR, until=at(**distance)))


def since(**distance: float) -> Result:
    return r.served(r.certificate(since=at(**distance), until=FAR))


def leaf(**fields: object) -> Result:
    """A certificate that is in order but for these fields."""
    served = r.certificate(since=NEAR, until=FAR, self_signed=False)
    for name, value in fields.items():
        setattr(served, name, value)
    return r.served(served)


def judged(verdict: str | None, *, self_signed: bool = False) -> Result:
    described = leaf(self_signed=self_signed)
    trust = None if verdict is None else Trust(verdict=verdict, store="system")  # type: ignore[arg-type]
    described.certificates[0].trust = trust
    return described


def named(matches: bool | None) -> Result:
    described = leaf()
    described.certificates[0].name_match = matches
    return described


def two(first: str, second: str) -> Result:
    certificates = [r.certificate(each, since=NEAR, until=FAR) for each in (first, second)]
    described = r.served(certificates[0])
    described.certificates.append(CertificateChain(chain=[certificates[1]], served_to=["TLSv1.3"]))
    return described


def key(kind: str, bits: int) -> Result:
    return leaf(key=Key(type=kind, bits=bits))


def nla(*, ssl: Verdict, rdp: Verdict = Verdict(state="unknown"), hybrid: Verdict = r.ACCEPTED) -> Result:  # noqa: B008
    return r.negotiated(HYBRID=hybrid, SSL=ssl, RDP=rdp)


def standard_key(bits: int) -> Result:
    described = r.standard("HIGH", ("128BIT",))
    assert described.standard_rdp is not None
    described.standard_rdp.certificate = StandardCertificate(kind="proprietary", key_bits=bits)
    return described


def intolerant(*hellos: str) -> Result:
    described = r.tls(r.ACCEPTED, r.ACCEPTED, TOO_OLD, TOO_OLD)
    assert described.tls is not None
    described.tls.intolerance = [Intolerance(hello=each, ending="reset") for each in hellos]
    return described


def lost(after: str | None) -> Result:
    described = r.tls(r.ACCEPTED, r.ACCEPTED)
    described.lost = after
    return described


def intermittent(*said: str) -> Result:
    described = r.tls(r.ACCEPTED, r.ACCEPTED)
    described.intermittent = list(said)
    return described


NEEDS_NLA, NEEDS_TLS = r.refused("HYBRID_REQUIRED_BY_SERVER"), r.refused("SSL_REQUIRED_BY_SERVER")
NOT_ALLOWED, NO_CERTIFICATE = r.refused("SSL_NOT_ALLOWED_BY_SERVER"), r.refused("SSL_CERT_NOT_ON_SERVER")


@dataclass(frozen=True, slots=True, kw_only=True)
class NearMiss:
    """A code, a result that has it, and one that does not by one fact."""

    name: str
    code: str
    hit: Callable[[], Result]
    miss: Callable[[], Result]
    instead: frozenset[str] = frozenset()  # codes that the second has and the first has not


def pair(name: str, code: str, hit: Callable[[], Result], miss: Callable[[], Result], *instead: str) -> NearMiss:
    return NearMiss(name=name, code=code, hit=hit, miss=miss, instead=frozenset(instead))


PAIRS = (
    pair(
        "expired by a second, or ending in one",
        "CERT_EXPIRED",
        lambda: until(seconds=-1),
        lambda: until(seconds=1),
        "CERT_EXPIRES_SOON",
    ),
    pair(
        "expired by a millisecond, or ending at this moment",
        "CERT_EXPIRED",
        lambda: until(milliseconds=-1),
        until,
        "CERT_EXPIRES_SOON",
    ),
    pair(
        "a minute less than thirty days, or thirty",
        "CERT_EXPIRES_SOON",
        lambda: until(days=29, hours=23, minutes=59),
        lambda: until(days=30),
    ),
    pair(
        "valid in a second, or since this moment",
        "CERT_NOT_YET_VALID",
        lambda: since(seconds=1),
        since,
    ),
    pair("RSA of 2047 and 2048 bits", "CERT_WEAK_KEY", lambda: key("RSA", 2047), lambda: key("RSA", 2048)),
    pair("a curve of 192 and 224 bits", "CERT_WEAK_KEY", lambda: key("EC", 192), lambda: key("EC", 224)),
    pair(
        "SHA-1 and SHA-224",
        "CERT_WEAK_SIGNATURE",
        lambda: leaf(signature_algorithm="sha1WithRSAEncryption"),
        lambda: leaf(signature_algorithm="sha224WithRSAEncryption"),
    ),
    pair(
        "for clients, and for servers as well",
        "CERT_USAGE_UNSUITABLE",
        lambda: leaf(extended_key_usage=["clientAuth"]),
        lambda: leaf(extended_key_usage=["clientAuth", "serverAuth"]),
    ),
    pair(
        "for nothing at all, and no word on what for",
        "CERT_USAGE_UNSUITABLE",
        lambda: leaf(extended_key_usage=[]),
        lambda: leaf(extended_key_usage=None),
    ),
    pair("another name, and none to compare with", "CERT_NAME_MISMATCH", lambda: named(False), lambda: named(None)),
    pair(
        "its own issuer, and trusted as such",
        "CERT_SELF_SIGNED",
        lambda: judged("self_signed", self_signed=True),
        lambda: judged("trusted", self_signed=True),
    ),
    pair(
        "a root that is not in the store, and an issuer that is nowhere",
        "CERT_UNTRUSTED",
        lambda: judged("untrusted"),
        lambda: judged("chain_incomplete"),
        "CERT_CHAIN_INCOMPLETE",
    ),
    pair("untrusted, and not judged", "CERT_UNTRUSTED", lambda: judged("untrusted"), lambda: judged(None)),
    pair("two certificates, and one twice", "CERT_VARIES", lambda: two("aa", "bb"), lambda: two("aa", "aa")),
    pair(
        "a clock 301 and 299 seconds ahead",
        "CLOCK_SKEW",
        lambda: r.challenged(301.0),
        lambda: r.challenged(299.0),
    ),
    pair(
        "a clock 301 and 299 seconds behind",
        "CLOCK_SKEW",
        lambda: r.challenged(-301.0),
        lambda: r.challenged(-299.0),
    ),
    pair(
        "a clock a little more than five minutes off, and five minutes",
        "CLOCK_SKEW",
        lambda: r.challenged(300.1),
        lambda: r.challenged(300),
    ),
    pair(
        "CredSSP version 4 and 5",
        "CREDSSP_OUTDATED",
        lambda: r.credssp(CredSsp(version=4, error="STATUS_NTLM_BLOCKED")),
        lambda: r.credssp(CredSsp(version=5, error="STATUS_NTLM_BLOCKED")),
    ),
    pair(
        "an error about NTLM, and one about something else",
        "NTLM_REFUSED",
        lambda: r.credssp(CredSsp(version=6, error="STATUS_NTLM_BLOCKED")),
        lambda: r.credssp(CredSsp(version=6, error="SEC_E_INVALID_TOKEN")),
        "CREDSSP_ABORTED",
    ),
    pair(
        "CredSSP that was closed, and that we had no time for",
        "CREDSSP_ABORTED",
        lambda: r.credssp(CredSsp(ending="closed")),
        lambda: r.credssp(CredSsp(ending="interrupted")),
    ),
    pair(
        "NLA required, and offered",
        "NLA_REQUIRED",
        lambda: nla(ssl=NEEDS_NLA, rdp=NEEDS_NLA),
        lambda: nla(ssl=r.ACCEPTED, rdp=NEEDS_NLA),
        "NLA_NOT_ENFORCED",
    ),
    pair(
        "NLA offered beside TLS, and beside what is not settled",
        "NLA_NOT_ENFORCED",
        lambda: nla(ssl=r.ACCEPTED),
        lambda: nla(ssl=r.UNKNOWN),
    ),
    pair(
        "NLA refused, and not settled",
        "NLA_UNSUPPORTED",
        lambda: nla(ssl=r.ACCEPTED, hybrid=NEEDS_TLS),
        lambda: nla(ssl=r.ACCEPTED, hybrid=r.UNKNOWN),
    ),
    pair(
        "TLS required of RDP, and of HYBRID alone",
        "TLS_REQUIRED",
        lambda: nla(ssl=r.ACCEPTED, rdp=NEEDS_TLS, hybrid=NEEDS_TLS),
        lambda: nla(ssl=r.ACCEPTED, rdp=r.UNKNOWN, hybrid=NEEDS_TLS),
    ),
    pair(
        "code 2 to SSL and HYBRID, and to HYBRID while SSL is accepted",
        "STANDARD_RDP_ONLY",
        lambda: nla(ssl=NOT_ALLOWED, rdp=r.ACCEPTED, hybrid=NOT_ALLOWED),
        lambda: nla(ssl=r.ACCEPTED, rdp=r.ACCEPTED, hybrid=NOT_ALLOWED),
    ),
    pair(
        "no certificate for anything, and for HYBRID while SSL is accepted",
        "TLS_CERTIFICATE_MISSING",
        lambda: nla(ssl=NO_CERTIFICATE, hybrid=NO_CERTIFICATE),
        lambda: nla(ssl=r.ACCEPTED, hybrid=NO_CERTIFICATE),
        "NLA_UNSUPPORTED",
    ),
    pair(
        "HYBRID selected unasked, and RDP, which is a rejection",
        "UNOFFERED_PROTOCOL_SELECTED",
        lambda: r.attempted(requested=("SSL",), selected="HYBRID"),
        lambda: r.attempted(requested=("SSL",), selected="RDP"),
    ),
    pair(
        "a bare confirm of RDP, and of what never spoke it",
        "NEGOTIATION_UNSUPPORTED",
        lambda: r.attempted(answer="confirm without negotiation"),
        lambda: r.attempted(answer="confirm without negotiation", status="not_rdp"),
        "NOT_RDP",
    ),
    pair(
        "every hello reset, and one answered",
        "TLS_HANDSHAKE_ABORTED",
        lambda: r.tls(RESET, RESET, RESET, RESET),
        lambda: r.tls(RESET, r.ACCEPTED, RESET, RESET),
    ),
    pair(
        "old versions refused as such and the rest reset, and all refused as such",
        "TLS_HANDSHAKE_ABORTED",
        lambda: r.tls(RESET, RESET, TOO_OLD, TOO_OLD),
        lambda: r.tls(TOO_OLD, TOO_OLD, TOO_OLD, TOO_OLD),
        "TLS_NO_COMMON_VERSION",
    ),
    pair(
        "hellos met by silence, and cut short by us",
        "TLS_HANDSHAKE_ABORTED",
        lambda: r.tls(SILENCE, SILENCE),
        lambda: r.tls(*2 * [r.said("deadline", "unknown", "deadline")]),
    ),
    pair(
        "TLS 1.2 refused, and not settled, beside TLS 1.0",
        "TLS_NO_COMMON_VERSION",
        lambda: r.tls(TOO_OLD, r.said("answered TLSv1.0"), TOO_OLD, r.ACCEPTED),
        lambda: r.tls(TOO_OLD, SILENCE, TOO_OLD, r.ACCEPTED),
    ),
    pair(
        "TLS 1.2 refused, and not settled, beside TLS 1.3",
        "TLS_MODERN_ONLY",
        lambda: r.tls(r.ACCEPTED, TOO_OLD),
        lambda: r.tls(r.ACCEPTED, SILENCE),
    ),
    pair(
        "TLS 1.1 accepted, and not settled",
        "TLS_LEGACY_VERSION",
        lambda: r.tls(r.ACCEPTED, r.ACCEPTED, r.ACCEPTED),
        lambda: r.tls(r.ACCEPTED, r.ACCEPTED, SILENCE),
    ),
    pair("a hello dropped, and none", "TLS_INTOLERANT", lambda: intolerant("TLSv1.3 offered"), intolerant),
    pair(
        "FIPS alone, and 128 bits as well",
        "ENCRYPTION_FIPS_ONLY",
        lambda: r.standard("FIPS", ("FIPS",)),
        lambda: r.standard("HIGH", ("128BIT", "FIPS")),
    ),
    pair(
        "FIPS and the rest refused, and the rest met by silence",
        "ENCRYPTION_FIPS_ONLY",
        lambda: r.standard("CLIENT_COMPATIBLE", ("FIPS",), asked=(("FIPS", None), ("128BIT", "closed"))),
        lambda: r.standard("CLIENT_COMPATIBLE", ("FIPS",), asked=(("FIPS", None), ("128BIT", "timed_out"))),
    ),
    pair(
        "a method refused, and met by silence",
        "ENCRYPTION_REFUSED",
        lambda: r.standard(asked=(("128BIT", "closed"),)),
        lambda: r.standard(asked=(("128BIT", "timed_out"),)),
    ),
    pair(
        "one of two methods refused",
        "ENCRYPTION_REFUSED",
        lambda: r.standard(asked=(("128BIT", "closed"), ("56BIT", "closed"))),
        lambda: r.standard("LOW", ("56BIT",), asked=(("128BIT", "closed"), ("56BIT", None))),
    ),
    pair(
        "a key for Standard RDP Security of 2047 and 2048 bits",
        "STANDARD_RDP_WEAK_KEY",
        lambda: standard_key(2047),
        lambda: standard_key(2048),
    ),
    pair(
        "silence, and an audit that was interrupted",
        "X224_SILENT",
        lambda: r.result("silent", ending="timed_out"),
        lambda: r.result("silent", ending="interrupted"),
    ),
    pair(
        "an answer that is never finished, and none",
        "X224_MALFORMED",
        lambda: r.attempted(answer="incomplete", status="silent", ending="timed_out"),
        lambda: r.attempted(status="silent", ending="timed_out"),
        "X224_SILENT",
    ),
    pair(
        "closed, and reset without a byte",
        "X224_CLOSED",
        lambda: _ended("closed"),
        lambda: _ended("reset"),
        "TCP_RESET",
    ),
    pair("gone, and still there", "SERVER_LOST", lambda: lost("SSL"), lambda: lost(None)),
    pair("asked twice and answered differently", "INTERMITTENT", lambda: intermittent("SSL: reset"), intermittent),
)


def _ended(how: str) -> Result:
    described = r.result("closed", ending=how)  # type: ignore[arg-type]
    described.bytes_received = 0
    return described


def codes(described: Result) -> set[str]:
    """By way of the stored form, as an old file would be diagnosed."""
    return {found.code for found in diagnose(from_json(to_json(described)))}


@pytest.mark.parametrize("near", PAIRS, ids=lambda near: near.name)
def test_one_fact_decides(near: NearMiss) -> None:
    hit, miss = codes(near.hit()), codes(near.miss())
    assert hit - miss == {near.code}
    assert miss - hit == near.instead


def test_keys_of_1024_bits_are_accepted_by_windows_and_smaller_ones_are_not() -> None:
    severities = {bits: r.the("CERT_WEAK_KEY", key("RSA", bits)).severity for bits in (1023, 1024)}
    assert severities == {1023: "breaks_some", 1024: "risk"}


@pytest.mark.parametrize(
    ("rdp", "severity"), [(r.ACCEPTED, "breaks_some"), (NEEDS_TLS, "blocker"), (r.UNKNOWN, "blocker")]
)
def test_what_blocks_tls_blocks_everybody_unless_rdp_is_accepted(rdp: Verdict, severity: str) -> None:
    assert r.the("TLS_HANDSHAKE_ABORTED", r.tls(CLOSED, CLOSED, CLOSED, CLOSED, rdp=rdp)).severity == severity
