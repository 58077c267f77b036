from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from probe.audit import certificate_signature, trust
from probe.audit.trust import Roots, TrustJudge, judge, readable
from probe.result import Trust
from tests.real.pki import (
    Entity,
    Recipe,
    authority,
    by_openssl,
    ec_key,
    ed25519_key,
    from_today,
    key_usage,
    rsa_key,
)

NOW = datetime.now(UTC) + timedelta(hours=1)  # openssl makes certificates that begin when it does
ROOT = authority("Root")
BETWEEN = authority("Between", ROOT)
LEAF = Recipe().signed_by(BETWEEN)
OTHER = authority("Other root")
PAST, FUTURE = from_today(-9, -2), from_today(30, 90)


def roots(*entities: Entity) -> Roots:
    return Roots(store="system", file="roots.pem", certificates=tuple(each.certificate for each in entities))


def judged(*chain: Entity, by: Roots | None = None, at: datetime = NOW) -> Trust:
    found = judge([each.der for each in chain], by or roots(OTHER, ROOT), at)
    assert (found.store, found.file) == ("system", "roots.pem")
    return found


def told(*chain: Entity, by: Roots | None = None, at: datetime = NOW) -> tuple[str, str | None]:
    found = judged(*chain, by=by, at=at)
    return found.verdict, found.reason


@pytest.mark.parametrize(
    "chain",
    [
        (LEAF, BETWEEN),
        (LEAF, BETWEEN, ROOT),
        (LEAF, ROOT, BETWEEN),  # in the wrong order
        (LEAF, OTHER, LEAF, BETWEEN, authority("Extra", OTHER)),
        (Recipe().signed_by(ROOT),),
        (Recipe(key=rsa_key(1024)).signed_by(ROOT),),  # what is wrong with a leaf's own key is told elsewhere
        (Recipe(key=ed25519_key()).signed_by(ROOT),),
        (Recipe(usages=None, names=(), common="").signed_by(ROOT),),
        (Recipe(authority=True).signed_by(ROOT),),
    ],
)
def test_a_path_that_leads_to_a_root(chain: tuple[Entity, ...]) -> None:
    assert told(*chain) == ("trusted", None)


def test_what_is_trusted_is_what_the_store_holds() -> None:
    assert told(LEAF, BETWEEN, by=roots(BETWEEN)) == ("trusted", None)
    assert told(LEAF, by=roots(BETWEEN)) == ("trusted", None)
    assert told(LEAF, by=roots(LEAF)) == ("trusted", None)


def test_a_complete_chain_to_a_root_that_the_store_lacks() -> None:
    assert told(LEAF, BETWEEN, ROOT, by=roots(OTHER)) == ("untrusted", "the store lacks the root CN=Root")
    assert told(LEAF, ROOT, BETWEEN, by=roots())[0] == "untrusted"


def test_a_missing_issuer_is_named() -> None:
    missing = "the issuer was not served and the store lacks it: CN="
    assert told(LEAF) == ("chain_incomplete", missing + "Between")
    assert told(LEAF, BETWEEN, by=roots(OTHER)) == ("chain_incomplete", missing + "Root")
    nameless = Recipe().signed_by(authority("", ROOT))
    assert told(nameless) == ("chain_incomplete", missing.removesuffix("CN=") + "(no name)")


@pytest.mark.parametrize(("validity", "judged_at"), [(PAST, PAST[1]), (FUTURE, FUTURE[0])])
def test_a_leaf_out_of_its_time_is_judged_within_it(validity: tuple[datetime, datetime], judged_at: datetime) -> None:
    when = f"judged as of {judged_at:%Y-%m-%d}, when the leaf was valid"
    leaf = Recipe(validity=validity).signed_by(ROOT)
    assert told(leaf) == ("trusted", when)
    assert told(leaf, by=roots(OTHER))[1] == f"the issuer was not served and the store lacks it: CN=Root; {when}"


def test_a_leaf_whose_end_is_before_its_beginning_does_no_harm() -> None:
    der = bytearray(Recipe(validity=from_today(-1, 1)).signed_by(ROOT).der)
    at = der.index(b"Z\x17\x0d") + 3
    der[at : at + 2] = b"01"
    assert judge([bytes(der)], roots(ROOT), NOW).verdict == "untrusted"


@pytest.mark.parametrize(
    ("issuer", "why"),
    [
        (Recipe(common="Between").signed_by(ROOT), "CN=Between is no certificate of an authority"),
        (
            authority("Between", ROOT, key_usage=key_usage("crl_sign")),
            "CN=Between may not sign certificates by its key usage",
        ),
        (
            Recipe(common="Between", authority=True, validity=PAST).signed_by(ROOT),
            f"CN=Between is valid from {PAST[0]:%Y-%m-%d} until {PAST[1]:%Y-%m-%d} only",
        ),
        (
            Recipe(common="Between", more=[(x509.BasicConstraints(ca=False, path_length=None), True)]).signed_by(ROOT),
            "CN=Between is no certificate of an authority",
        ),
    ],
)
def test_an_issuer_that_may_not_be_one(issuer: Entity, why: str) -> None:
    leaf = Recipe().signed_by(issuer)
    assert told(leaf, issuer) == ("untrusted", why)


def test_an_authority_below_one_that_allows_none() -> None:
    narrow = authority("Narrow", ROOT, path_length=0)
    below = authority("Below", narrow)
    assert told(Recipe().signed_by(below), below, narrow) == (
        "untrusted",
        "CN=Narrow allows 0 authorities below it",
    )
    assert told(Recipe().signed_by(narrow), narrow) == ("trusted", None)


def test_a_signature_that_does_not_fit() -> None:
    forged = Recipe().signed_by(BETWEEN, signer=ec_key(number=9))
    assert told(forged, BETWEEN) == ("untrusted", "CN=Between did not sign CN=desk.example.test")
    of_another_kind = Recipe().signed_by(BETWEEN, signer=rsa_key())
    assert told(of_another_kind, BETWEEN)[0] == "untrusted"
    impostor = authority("Root", key=ec_key(number=8))
    assert told(Recipe().signed_by(impostor), impostor) == ("untrusted", "the store lacks the root CN=Root")
    assert told(Recipe().signed_by(impostor)) == ("untrusted", "CN=Root did not sign CN=desk.example.test")


def test_what_cannot_be_read() -> None:
    unread = ("unknown", "the certificate cannot be read")
    for chain in ([], [b"garbage"], [b"garbage", ROOT.der]):
        found = judge(chain, roots(ROOT), NOW)
        assert (found.verdict, found.reason) == unread
    assert judge([LEAF.der, b"garbage", BETWEEN.der], roots(ROOT), NOW).verdict == "trusted"
    twice = Recipe(more=[(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b""), False)]).signed_by(ROOT)
    broken = twice.der.replace(bytes.fromhex("06032a0304"), bytes.fromhex("0603551d11"))  # a second subjectAltName
    assert broken != twice.der
    assert readable(broken) is None


OLD = "every signature fits, but the verifier does not take this: "


def test_what_the_verifier_refuses_is_checked_by_hand(tmp_path: Path) -> None:
    root = authority("RSA root", key=rsa_key())
    small = authority("Small root", key=rsa_key(1024))
    leaf = by_openssl(tmp_path, root, "-sha1")
    assert told(leaf, by=roots(root)) == (
        "trusted",
        f"{OLD}the signature of CN=desk.example.test is made with SHA1",
    )
    assert told(leaf, by=roots(ROOT))[0] == "chain_incomplete"
    assert told(Recipe().signed_by(small), by=roots(small)) == (
        "trusted",
        f"{OLD}CN=Small root has an RSA key of 1024 bits",
    )
    with_both = by_openssl(tmp_path / "both", small, "-sha1")
    assert judged(with_both, by=roots(small)).verdict == "trusted"
    elliptic = by_openssl(tmp_path / "ec", ROOT, "-sha1")
    assert told(elliptic)[1] == f"{OLD}the signature of CN=desk.example.test is made with SHA1"
    edwards = authority("Ed25519 root", key=ed25519_key())
    verdict, reason = told(Recipe().signed_by(edwards), by=roots(edwards))
    assert verdict == "trusted"
    assert reason is not None
    assert "Forbidden public key algorithm" in reason
    brainpool = authority("Brainpool root", key=ec_key(ec.BrainpoolP256R1))
    assert judged(Recipe().signed_by(brainpool), by=roots(brainpool)).verdict == "trusted"


def test_roots_of_old_say_nothing_of_themselves(tmp_path: Path) -> None:
    old = Recipe(common="Old root", names=(), usages=None, key=rsa_key(2048, 1), validity=from_today(-9, 9))
    root = old.signed_by(None)
    assert judged(Recipe().signed_by(root), by=roots(root)).verdict == "trusted"
    assert judged(Recipe().signed_by(root), root).verdict == "untrusted"  # served, it is anybody's
    first = by_openssl(tmp_path, root, version_1=True)
    assert first.certificate.version is x509.Version.v1
    assert told(first, by=roots(root))[1] == f"{OLD}CN=desk.example.test has version 1"


def test_what_can_be_forged_proves_nothing(tmp_path: Path) -> None:
    root = authority("RSA root", key=rsa_key())
    leaf = by_openssl(tmp_path, root, "-md5")
    assert told(leaf, by=roots(root)) == (
        "unknown",
        "a path leads to a root and proves nothing: the signature of CN=desk.example.test is made with MD5",
    )
    breakable = authority("Tiny", key=rsa_key(512))
    assert told(Recipe().signed_by(breakable), by=roots(breakable)) == (
        "unknown",
        "a path leads to a root and proves nothing: CN=Tiny has an RSA key of 512 bits",
    )


def test_signatures_that_cannot_be_checked() -> None:
    algorithm = LEAF.der.replace(bytes.fromhex("06082a8648ce3d040302"), bytes.fromhex("06082a8648ce3d04037e"))
    found = judge([algorithm, BETWEEN.der], roots(ROOT), NOW)
    assert (found.verdict, found.reason) == (
        "unknown",
        "the signature of CN=desk.example.test cannot be checked: 1.2.840.10045.4.3.126",
    )


CONSTRAINED = authority("Bound", more=[(x509.NameConstraints([x509.DNSName("other.test")], None), True)])
UNHEARD_OF = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), bytes.fromhex("0500"))


def test_rules_that_only_the_verifier_knows(tmp_path: Path) -> None:
    assert told(Recipe().signed_by(CONSTRAINED), by=roots(CONSTRAINED)) == (
        "untrusted",
        "no permitted name constraints matched SAN",
    )
    old = by_openssl(tmp_path, CONSTRAINED, "-sha1")
    assert told(old, by=roots(CONSTRAINED)) == ("unknown", "the signature of CN=desk.example.test is made with SHA1")
    within = Recipe(names=("a.other.test",)).signed_by(CONSTRAINED)
    assert told(within, by=roots(CONSTRAINED)) == ("trusted", None)
    critical = Recipe(more=[(UNHEARD_OF, True)]).signed_by(ROOT)
    verdict, reason = told(critical)
    assert (verdict, reason is not None and "1.2.3.4" in reason) == ("untrusted", True)
    assert told(critical, by=roots(critical)) == ("trusted", "the certificate itself is in the store")
    assert told(Recipe(more=[(UNHEARD_OF, False)]).signed_by(ROOT)) == ("trusted", None)


def test_cross_signed_certificates_do_not_multiply(monkeypatch: pytest.MonkeyPatch) -> None:
    checked = []
    by_key = certificate_signature.signed_by

    def counted(certificate: x509.Certificate, issuer: x509.Certificate) -> bool | None:
        checked.append(issuer)
        return by_key(certificate, issuer)

    monkeypatch.setattr(trust, "signed_by", counted)
    keys = [ec_key(number=number) for number in range(20, 30)]
    same = [
        authority("Same", Entity(certificate=OTHER.certificate, key=keys[(number + 1) % 10]), key=key)
        for number, key in enumerate(keys)
    ]
    mesh = [
        Recipe(common="Same", key=key, authority=True).signed_by(same[0], signer=other)
        for key in keys[:5]
        for other in keys[:5]
        if key is not other
    ][:19]
    leaf = Recipe().signed_by(mesh[0])
    verdict, reason = told(leaf, *mesh)
    assert (verdict, reason) == ("unknown", "more than 40 signatures or 10 certificates in a path")
    assert len(checked) == 40


def test_a_path_may_have_ten_certificates() -> None:
    line = [ROOT]
    for number in range(10):
        line.append(authority(f"A{number}", line[-1]))
    assert told(Recipe().signed_by(line[8]), *line[1:9])[0] == "trusted"
    assert told(Recipe().signed_by(line[9]), *line[1:10])[0] == "unknown"


def test_issuers_that_name_each_other_end() -> None:
    one, two = ec_key(number=30), ec_key(number=31)
    first = authority("Two", key=two)
    a = Recipe(common="One", key=one, authority=True).signed_by(first)
    b = Recipe(common="Two", key=two, authority=True).signed_by(a)
    assert told(Recipe().signed_by(b), a, b)[0] == "chain_incomplete"
    renewed = Recipe(common="Root", key=one, authority=True).signed_by(ROOT)  # by its own old key: self-issued
    assert told(Recipe().signed_by(renewed), renewed) == ("trusted", None)
    assert told(Recipe().signed_by(renewed), renewed, by=roots(OTHER))[0] == "chain_incomplete"


def judge_of(found: Roots | None, *, chosen: bool = False) -> tuple[TrustJudge, list[bool]]:
    """A judge, and a list that gets an entry when it loads its roots."""
    loaded: list[bool] = []

    def load() -> Roots | None:
        loaded.append(True)
        return found

    return TrustJudge(load=load, chosen=chosen), loaded


def test_the_store_is_loaded_only_where_it_is_needed() -> None:
    mine = Recipe().signed_by(None)
    system, loaded = judge_of(roots(ROOT))
    assert system.judge([mine.der], NOW, self_signed=True) == Trust(verdict="self_signed", store="none")
    assert loaded == []
    assert system.judge([LEAF.der, BETWEEN.der], NOW, self_signed=False).verdict == "trusted"
    assert loaded == [True]


def test_a_self_signed_certificate_may_be_in_a_file_of_the_user() -> None:
    mine = Recipe().signed_by(None)
    chosen, _ = judge_of(roots(mine), chosen=True)
    assert chosen.judge([mine.der], NOW, self_signed=True).verdict == "trusted"
    others, _ = judge_of(roots(ROOT), chosen=True)
    assert others.judge([mine.der], NOW, self_signed=True) == Trust(verdict="self_signed", store="system")


def test_a_computer_without_roots_does_not_know() -> None:
    none, _ = judge_of(None)
    found = none.judge([LEAF.der], NOW, self_signed=False)
    assert found == Trust(verdict="unknown", store="none", reason="this computer has no trust store")


@given(at=st.integers(0, 1000), value=st.integers(0, 255), certificate=st.sampled_from([LEAF, BETWEEN]))
def test_a_chain_with_one_byte_changed_is_judged(at: int, value: int, certificate: Entity) -> None:
    der = bytearray(certificate.der)
    der[at % len(der)] = value
    chain = [bytes(der) if each is certificate else each.der for each in (LEAF, BETWEEN, ROOT)]
    found = judge(chain, roots(ROOT), NOW)
    assert found.verdict != "self_signed"
    if certificate is LEAF and found.verdict == "trusted":
        read = readable(bytes(der))  # the count of unused bits of the signature may be another: it is not signed
        assert read is not None
        assert read.tbs_certificate_bytes == LEAF.certificate.tbs_certificate_bytes


def test_a_key_that_only_a_hostile_chain_has_is_not_worked_with(monkeypatch: pytest.MonkeyPatch) -> None:
    root = authority("Large", key=rsa_key(2048))
    leaf = Recipe().signed_by(root)
    assert certificate_signature.signed_by(leaf.certificate, root.certificate) is True
    monkeypatch.setattr(certificate_signature, "_MOST_BITS", 1024)
    assert certificate_signature.signed_by(leaf.certificate, root.certificate) is None
