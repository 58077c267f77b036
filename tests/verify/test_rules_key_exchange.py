from __future__ import annotations

from typing import Any

import pytest

from probe.errors import InputError
from probe.needs import Needs
from probe.result import DhParameters, Registered, Result, TlsAnswer
from probe.verify.kinds import KINDS
from probe.verify.rules_suites import needs_of
from probe.verify.selectors import SUITES, groups, suites
from probe.verify.served import EPHEMERAL_DH
from tests.verify.rules import check, told
from tests.verify.tls_servers import (
    full_of,
    group,
    group_code,
    registered,
    suite,
    tls_of,
    trial,
    without_tls,
)

DHE, ANON, EXPORT = (
    "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_DH_anon_WITH_AES_128_CBC_SHA",
    "TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA",
)
GCM = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
OF_EXPORT = frozenset(code for code in EPHEMERAL_DH if "EXPORT" in SUITES[code])
OF_ANON = suites("TLS_DH_anon_*") - OF_EXPORT
SIGNED = EPHEMERAL_DH - OF_EXPORT - OF_ANON
SHA1, SHA256 = Registered(code="0x0201", name="rsa_pkcs1_sha1"), Registered(code="0x0401", name="rsa_pkcs1_sha256")
PSS = Registered(code="0x0804", name="rsa_pss_rsae_sha256")


def dh(*bits: int) -> list[DhParameters]:
    return [DhParameters(bits=each, prime_sha256="00", generator="02") for each in bits]


def tried(states: str, *trials: Any, bits: tuple[int, ...] = ()) -> Result:
    """Trials, and groups of so many bits that came with all that they selected."""
    described = tls_of(states, trials=list(trials), dh_parameters=dh(*bits))
    assert described.tls is not None
    for each in described.tls.dh_parameters:
        each.seen_in = [f"{one.version} {suite.name}" for one in trials for suite in one.selected]
    return described


def all_but(*selected: Registered, version: str = "TLSv1.2") -> list[Any]:
    """Each kind of suites by itself, as it is asked for: one that is selected is enough."""
    found = []
    for codes in (SIGNED, OF_ANON, OF_EXPORT):
        taken = [each for each in selected if int(each.code, 16) in codes]
        found.append(trial(version, codes, *taken, state="accepted" if taken else "rejected"))
    return found


NO_DH = ("passed", "no suite with a Diffie-Hellman group of the server is accepted")
LONG = ("passed", "no Diffie-Hellman group has fewer than 2048 bits")


def shorter(bits: int, least: int = 2048) -> tuple[str, str]:
    return (
        "failed",
        f"a Diffie-Hellman group of {bits} bits is used; demanded: Diffie-Hellman groups of {least} bits or more",
    )


@pytest.mark.parametrize(
    ("value", "described", "expected"),
    [
        (2048, tried("rrrrar", *all_but()), NO_DH),
        (2048, tried("rrrrra"), NO_DH),
        (2048, without_tls(), NO_DH),
        (2048, full_of("rrrrar", cipher_suites={"TLSv1.2": [suite(GCM)]}), NO_DH),
        (2048, tried("rrrrar", *all_but(registered(DHE)), bits=(2048,)), LONG),
        (2048, full_of("rrrrar", cipher_suites={"TLSv1.2": [suite(DHE, 2048), suite(GCM)]}), LONG),
        (2048, full_of("rrrrra", cipher_suites={}, groups=[group("ffdhe2048", "TLSv1.3")]), LONG),
        (2048, tried("rrrrar", *all_but(registered(DHE)), bits=(2047,)), shorter(2047)),
        (2048, full_of("rrrrar", cipher_suites={"TLSv1.2": [suite(DHE, 1024), suite(GCM)]}), shorter(1024)),
        # The shortest is told, and it fails whatever is not known.
        (2048, tls_of("uuuuuu", dh_parameters=dh(3072, 1024, 512)), shorter(512)),
        (
            3072,
            tried("rrrrra", trial("TLSv1.3", groups("class:ffdhe"), group_code("ffdhe2048"), kind="groups")),
            shorter(2048, 3072),
        ),
        (
            3072,
            tried("rrrrra", trial("TLSv1.3", groups("ffdhe2048"), kind="groups")),
            NO_DH,
        ),
        (2048, tls_of("rrrrar"), ("unknown", "TLS 1.2: whether there is another group is not settled (not asked)")),
        (
            2048,
            tried("rrrrur"),
            ("unknown", "whether TLS 1.2 is accepted is not known (timed_out)"),
        ),
        # One of each kind tells: of these two, nothing is known of those for export.
        (
            2048,
            tried("rrrrar", *all_but(registered(DHE))[:2], bits=(2048,)),
            ("unknown", "TLS 1.2: whether there is another group is not settled (not asked)"),
        ),
        (
            2048,
            tried("rrrrar", *all_but(registered(ANON))[1:], bits=(2048,)),
            ("unknown", "TLS 1.2: whether there is another group is not settled (not asked)"),
        ),
        (
            2048,
            tried(
                "rrrrar",
                *all_but()[:2],
                trial("TLSv1.2", OF_EXPORT, state="unknown", reason="timed_out"),
            ),
            ("unknown", "TLS 1.2: whether there is another group is not settled (timed_out)"),
        ),
        (
            2048,
            tried("rrrrar", *all_but(registered(DHE), registered(EXPORT))),
            (
                "unknown",
                (
                    f"TLS 1.2: the group that comes with {DHE} was not seen; "
                    f"TLS 1.2: the group that comes with {EXPORT} was not seen"
                ),
            ),
        ),
        (
            2048,
            full_of("rrrrar", cipher_suites={"TLSv1.2": [suite(DHE)]}),
            ("unknown", f"TLS 1.2: the group that comes with {DHE} was not seen"),
        ),
        # TLS 1.3 has groups that are shorter than 3072 bits, and none under 2048.
        (3072, tried("rrrrra"), ("unknown", "TLS 1.3: whether there is another group is not settled (not asked)")),
        (3072, tried("rrrrru"), ("unknown", "whether TLS 1.3 is accepted is not known (timed_out)")),
        (2048, tried("rrrrru"), NO_DH),
    ],
)
def test_the_size_of_groups(value: int, described: Result, expected: tuple[str, str]) -> None:
    assert told("tls.min_dh_bits", value, described) == expected


def test_what_was_seen_of_groups() -> None:
    found = check(
        "tls.min_dh_bits",
        2048,
        full_of("rrrrar", cipher_suites={"TLSv1.2": [suite(DHE, 1024)]}, dh_parameters=dh(1024)),
    )
    assert found.observed == "1024 bits"
    assert found.evidence == (f"TLSv1.2: {DHE}, 1024 bits", "DH parameters of 1024 bits")
    assert (found.diagnosis, found.change) == ("TLS_WEAK_CIPHER", "suites.off=TLS_DHE_*+TLS_DH_anon_*")
    found = check(
        "tls.min_dh_bits", 2048, tls_of("rrrrra", groups=[group("ffdhe3072", "TLSv1.3"), group("ffdhe2048", "TLSv1.3")])
    )
    assert (found.observed, found.evidence) == ("2048 bits, 3072 bits", ("group ffdhe2048", "group ffdhe3072"))
    assert check("tls.min_dh_bits", 2048, without_tls()).evidence == (
        "SSL: rejected (SSL_NOT_ALLOWED_BY_SERVER)",
        "HYBRID: rejected (selected RDP)",
    )
    assert check("tls.min_dh_bits", 2048, tls_of("rrrrra")).observed == "none"


def test_for_which_suites_a_server_chooses_a_group() -> None:
    names = {SUITES[code] for code in EPHEMERAL_DH}
    assert {DHE, ANON, EXPORT, "TLS_DHE_PSK_WITH_AES_128_CCM"} <= names
    assert names.isdisjoint({GCM, "TLS_DH_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDH_anon_WITH_AES_128_CBC_SHA"})
    assert "TLS_DH_anon_EXPORT_WITH_RC4_40_MD5" in {SUITES[code] for code in OF_EXPORT}


def test_what_is_asked_for_of_groups() -> None:
    kind = KINDS["tls.min_dh_bits"]
    own = needs_of("suites", SIGNED, OF_ANON, OF_EXPORT, enough=1, each=1)
    assert kind.needs(2048) == own
    assert {len(each.codes) for each in own.trials} == {len(SIGNED), len(OF_ANON), len(OF_EXPORT)}
    assert own.versions == {"SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2"}
    assert kind.needs(3072) == own | needs_of("groups", groups("ffdhe2048"))
    assert kind.words(2048) == "Diffie-Hellman groups of 2048 bits or more"


# Signatures


def signed(*schemes: Registered, states: str = "rrrraa", **fields: Any) -> Result:
    return full_of(states, signature_schemes=list(schemes), **fields)


@pytest.mark.parametrize(
    ("value", "described", "expected"),
    [
        (["*sha1*", "*md5*"], signed(SHA256, PSS), ("passed", "no signature is like *sha1*, *md5*")),
        # A server without a suite that is signed shows no scheme.
        (["*sha1*"], signed(), ("passed", "no signature is like *sha1*")),
        (["rsa_pkcs1_sha1"], signed(SHA256), ("passed", "no signature is like rsa_pkcs1_sha1")),
        (["*sha1*"], tls_of("rrrrra"), ("passed", "TLS 1.2 is refused, and others show no signature")),
        (["*sha1*"], without_tls(), ("passed", "TLS 1.2 is refused, and others show no signature")),
        (
            ["*sha1*"],
            signed(SHA256, unsettled=["TLSv1.2: 45 groups were neither selected nor refused"]),
            ("passed", "no signature is like *sha1*"),
        ),
        (
            ["*sha1*", "*md5*"],
            signed(SHA256, SHA1),
            ("failed", "the server signs with rsa_pkcs1_sha1; demanded: no signature like *sha1*, *md5*"),
        ),
        (
            ["RSA_PKCS1_*"],
            signed(SHA256, SHA1, PSS),
            (
                "failed",
                "the server signs with rsa_pkcs1_sha256, rsa_pkcs1_sha1; demanded: no signature like RSA_PKCS1_*",
            ),
        ),
        (
            ["*sha1*"],
            tls_of("uuuuuu", answered={"TLSv1.2": TlsAnswer(cipher_suite=registered(GCM), scheme=SHA1)}),
            ("failed", "the server signs with rsa_pkcs1_sha1; demanded: no signature like *sha1*"),
        ),
        (
            ["*sha1*"],
            tls_of("rrrraa", answered={"TLSv1.2": TlsAnswer(cipher_suite=registered(GCM), scheme=SHA256)}),
            ("unknown", "not every signature scheme was asked for: --depth full"),
        ),
        (["*sha1*"], tls_of("rrrrua"), ("unknown", "whether TLS 1.2 is accepted is not known (timed_out)")),
        (
            ["*sha1*"],
            signed(SHA256, unsettled=["TLSv1.2: 3 signature schemes were neither selected nor refused"]),
            ("unknown", "not every signature scheme was settled"),
        ),
        (
            ["*sha1*"],
            signed(SHA256, unsettled=["not asked for want of connections: TLSv1.2 signature schemes"]),
            ("unknown", "not every signature scheme was settled"),
        ),
    ],
)
def test_signatures(value: list[str], described: Result, expected: tuple[str, str]) -> None:
    assert told("tls.forbidden_schemes", value, described) == expected


def test_what_was_seen_of_signatures() -> None:
    found = check("tls.forbidden_schemes", ["*sha1*"], signed(SHA256, SHA1))
    assert (found.observed, found.evidence) == (
        "rsa_pkcs1_sha256, rsa_pkcs1_sha1",
        ("TLSv1.2: rsa_pkcs1_sha256", "TLSv1.2: rsa_pkcs1_sha1"),
    )
    assert check("tls.forbidden_schemes", ["*sha1*"], signed()).observed == "none"
    found = check("tls.forbidden_schemes", ["*sha1*"], tls_of("rrrrra"))
    assert found.evidence == ("TLSv1.2: rejected (alert protocol_version)",)
    found = check("tls.forbidden_schemes", ["*sha1*"], without_tls())
    assert found.evidence[0] == "SSL: rejected (SSL_NOT_ALLOWED_BY_SERVER)"


def test_what_is_asked_for_of_signatures_and_what_is_refused() -> None:
    kind = KINDS["tls.forbidden_schemes"]
    assert kind.needs(["*sha1*"]) == Needs(full=True)
    assert kind.words(["*sha1*", "*md5*"]) == "no signature like *sha1*, *md5*"
    kind.validate(["*sha1*", "*md5*"])
    with pytest.raises(InputError, match="sha-1"):
        kind.validate(["*md5*", "*sha-1*"])


@pytest.mark.parametrize("states", ["-ar---", "--ar--", "---ar-", "----ar"])
def test_a_server_may_choose_a_group_in_each_version_before_tls13(states: str) -> None:
    described = tried(states.replace("-", "r"))
    assert check("tls.min_dh_bits", 2048, described).state == "unknown"


def test_groups_of_another_kind_have_no_size_here() -> None:
    described = tls_of("rrrrra", groups=[group("x25519", "TLSv1.3"), group("ffdhe2048", "TLSv1.3")])
    assert check("tls.min_dh_bits", 2048, described).observed == "2048 bits"


def test_an_answer_that_shows_no_signature_is_passed_over() -> None:
    described = tls_of("rrrraa", answered={"TLSv1.2": TlsAnswer(cipher_suite=registered(GCM))})
    assert check("tls.forbidden_schemes", ["*sha1*"], described).state == "unknown"


@pytest.mark.parametrize("place", ["TLSv1.2 " + ANON, "TLSv1.0 " + DHE, "TLSv1.2 " + GCM, ""])
def test_a_group_of_another_version_or_kind_of_suites_tells_nothing(place: str) -> None:
    described = tried("rrrrar", *all_but(registered(DHE)), bits=(2048,))
    assert described.tls is not None
    described.tls.dh_parameters[0].seen_in = [place]
    words = f"TLS 1.2: the group that comes with {DHE} was not seen"
    found = check("tls.min_dh_bits", 2048, described)
    assert (found.state, found.message) == ("unknown", words)
