from __future__ import annotations

from typing import Any

import pytest

from probe.errors import InputError
from probe.needs import Needs, Trial
from probe.result import (
    CipherSuite,
    Registered,
    Result,
    SimulatedRequest,
    Simulation,
    TlsAnswer,
    TlsHandshake,
)
from probe.verify.kinds import KINDS
from probe.verify.rules_suites import names
from probe.verify.seen import VERSIONS
from probe.verify.selectors import SELECTABLE_GROUPS, SUITES, groups, groups_in, suites, suites_in
from tests.diagnosis.results import result
from tests.verify.rules import check, told
from tests.verify.tls_servers import (
    SSL2_RC4,
    full_of,
    group,
    group_code,
    registered,
    suite,
    tls_of,
    trial,
    without_tls,
)

GCM, CBC, TLS13 = (
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_AES_128_GCM_SHA256",
)
STATIC, STATIC_CBC = "TLS_RSA_WITH_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_128_CBC_SHA"
RC4, RC4_MD5 = "TLS_RSA_WITH_RC4_128_SHA", "TLS_RSA_WITH_RC4_128_MD5"
WEAK = suites("class:weak")
OF_RC4 = suites("class:rc4")
NOT_AEAD = frozenset(SUITES) - suites("class:aead")
SMALL = groups("class:weak")
NOT_NIST = frozenset(SELECTABLE_GROUPS) - groups("class:nist")


def tried(states: str, *trials: Any, **fields: Any) -> Result:
    return tls_of(states, trials=list(trials), **fields)


def hardened(codes: frozenset[int], states: str = "rrrraa") -> Result:
    """TLS 1.2 and 1.3 refuse all of these."""
    return tried(states, *(trial(name, codes & suites_in(name)) for name in ("TLSv1.2", "TLSv1.3")))


def listed(*names: str, states: str = "rrrraa", **fields: Any) -> Result:
    """Depth full found these in TLS 1.2, and one suite in TLS 1.3."""
    found = {"TLSv1.2": [suite(name) for name in names], "TLSv1.3": [suite(TLS13)]}
    return full_of(states, cipher_suites=found, **fields)


def simulated(version: str, name: str) -> Result:
    described = hardened(WEAK)
    request = SimulatedRequest(
        requested=["SSL"], stage="tls", connects=True, version=version, cipher_suite=registered(name)
    )
    described.simulated = [Simulation(client="mstsc-win7", requests=[request])]
    return described


HELD = ("passed", "none of class:weak is accepted")
DEMANDED = "; demanded: none of class:weak"
MORE = ", and perhaps more (--depth full names all)"


@pytest.mark.parametrize(
    ("described", "expected"),
    [
        (hardened(WEAK), HELD),
        (listed(GCM, CBC), HELD),
        (without_tls(), HELD),
        (tls_of("rrrrrr"), HELD),
        # TLS 1.3 has suites without encryption, and TLS 1.2 is not asked at all.
        (tried("rrrrra", trial("TLSv1.3", WEAK & suites_in("TLSv1.3"))), HELD),
        # What was selected of a trial that was refused in the end is not among what is forbidden.
        (tried("rrrrar", trial("TLSv1.2", WEAK | suites(GCM), registered(GCM))), HELD),
        # A line on another version, or on groups, is none on the suites of this one.
        (listed(GCM, unsettled=["TLSv1.1: 3 cipher suites were neither selected nor refused"]), HELD),
        (listed(GCM, unsettled=["TLSv1.2: 45 groups were neither selected nor refused"]), HELD),
        (listed(GCM, unsettled=["not asked for want of connections: TLSv1.2 groups, TLSv1.1 suites"]), HELD),
        (listed(STATIC), ("failed", f"TLS 1.2 accepts {STATIC}{DEMANDED}")),
        (
            listed(RC4, RC4_MD5, STATIC, STATIC_CBC, "TLS_RSA_WITH_AES_256_CBC_SHA"),
            ("failed", f"TLS 1.2 accepts {RC4}, {RC4_MD5}, {STATIC}, {STATIC_CBC} and 1 more{DEMANDED}"),
        ),
        (
            tls_of("rrrra-", answered={"TLSv1.2": TlsAnswer(cipher_suite=registered(STATIC))}),
            ("failed", f"TLS 1.2 accepts {STATIC}{MORE}{DEMANDED}"),
        ),
        (
            tls_of("------", handshake=TlsHandshake(version="TLSv1.0", cipher_suite=registered(RC4), complete=False)),
            ("failed", f"TLS 1.0 accepts {RC4}{MORE}{DEMANDED}"),
        ),
        (
            tried("rrrraa", trial("TLSv1.2", WEAK, registered(STATIC), state="accepted")),
            ("failed", f"TLS 1.2 accepts {STATIC}{MORE}{DEMANDED}"),
        ),
        # What was offered until all the rest was refused is told in full.
        (
            tried(
                "rrrraa",
                trial("TLSv1.2", WEAK, registered(STATIC)),
                trial("TLSv1.3", WEAK & suites_in("TLSv1.3")),
            ),
            ("failed", f"TLS 1.2 accepts {STATIC}{DEMANDED}"),
        ),
        (
            tried(
                "rrraaa",
                trial("TLSv1.1", WEAK, registered(RC4)),
                trial("TLSv1.2", WEAK, registered(STATIC), state="unknown", reason="timed_out"),
            ),
            ("failed", f"TLS 1.1 accepts {RC4}; TLS 1.2 accepts {STATIC}{MORE}{DEMANDED}"),
        ),
        (simulated("TLSv1.2", RC4), ("failed", f"TLS 1.2 accepts {RC4}{DEMANDED}")),
        (simulated("TLSv1.2", GCM), HELD),
        # All that SSL 2.0 has is weak, so that it need not be asked which of it is there.
        (tls_of("arrrra"), ("failed", f"SSL 2 accepts nothing else{MORE}{DEMANDED}")),
        (
            full_of("arrrrr", cipher_suites={"SSLv2": [SSL2_RC4]}),
            ("failed", f"SSL 2 accepts {SSL2_RC4.name}{DEMANDED}"),
        ),
        (
            tls_of("rrrraa"),
            ("unknown", "TLS 1.2: suites not settled: 229 (not asked); TLS 1.3: suites not settled: 4 (not asked)"),
        ),
        (
            tried("rrrrar", trial("TLSv1.2", WEAK, state="unknown", reason="timed_out")),
            ("unknown", "TLS 1.2: suites not settled: 229 (timed_out)"),
        ),
        (
            tried("rrrrar", trial("TLSv1.2", WEAK, registered(GCM), state="accepted")),
            ("unknown", "TLS 1.2: suites not settled: 229 (not asked)"),
        ),
        # A trial of fewer settles no more than these.
        (
            tried("rrrrar", trial("TLSv1.2", WEAK - suites(RC4))),
            ("unknown", "TLS 1.2: suites not settled: 1 (not asked)"),
        ),
        (
            tried("rrrrar", trial("TLSv1.2", WEAK - suites(RC4)), trial("TLSv1.2", suites(RC4))),
            HELD,
        ),
        (
            tried("rrrrar", trial("TLSv1.1", WEAK), trial("TLSv1.2", SMALL, kind="groups")),
            ("unknown", "TLS 1.2: suites not settled: 229 (not asked)"),
        ),
        (
            listed(GCM, unsettled=["TLSv1.2: 3 cipher suites were neither selected nor refused"]),
            (
                "unknown",
                "TLS 1.2: suites not settled: 229 (TLSv1.2: 3 cipher suites were neither selected nor refused)",
            ),
        ),
        (
            listed(GCM, unsettled=["not asked for want of connections: TLS features, TLSv1.2 suites"]),
            ("unknown", "TLS 1.2: suites not settled: 229 (not asked for want of connections: TLSv1.2 suites)"),
        ),
        (
            full_of("rrrraa", cipher_suites={"TLSv1.3": [suite(TLS13)]}),
            ("unknown", "TLS 1.2: suites not settled: 229 (not asked)"),
        ),
        # A version of which nothing is known leaves it open, unless something else fails it.
        (
            hardened(WEAK, "rrruaa"),
            ("unknown", "whether TLS 1.1 is accepted is not known (timed_out)"),
        ),
        (listed(STATIC, states="uuuuaa"), ("failed", f"TLS 1.2 accepts {STATIC}, and perhaps more{DEMANDED}")),
        (
            result(),
            (
                "unknown",
                "whether SSL 2, SSL 3, TLS 1.0, TLS 1.1, TLS 1.2 and TLS 1.3 are accepted is not known (not asked)",
            ),
        ),
    ],
)
def test_forbidden_suites(described: Result, expected: tuple[str, str]) -> None:
    assert told("tls.forbidden_suites", ["class:weak"], described) == expected


@pytest.mark.parametrize(
    ("value", "described", "expected"),
    [
        # TLS 1.3 and SSL 2.0 have none of these, so that nothing of them need be known.
        (["TLS_RSA_*"], tried("-rrrau", trial("TLSv1.2", suites("TLS_RSA_*"))), "passed"),
        (["TLS_RSA_*"], listed("TLS_DHE_RSA_WITH_AES_128_CBC_SHA"), "passed"),
        (["TLS_RSA_*"], listed("TLS_RSA_PSK_WITH_AES_128_CBC_SHA"), "failed"),
        ([TLS13], listed(GCM), "failed"),
        (["TLS_AES_256_GCM_SHA384"], tried("uuuuua", trial("TLSv1.3", suites("TLS_AES_256_GCM_SHA384"))), "passed"),
        ([GCM, "class:rc4"], listed(GCM), "failed"),
        (["class:short_tag"], listed("TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8"), "failed"),
        (["class:short_tag"], listed("TLS_ECDHE_ECDSA_WITH_AES_128_CCM"), "passed"),
        (["class:3des"], listed("TLS_RSA_WITH_IDEA_CBC_SHA"), "passed"),
        (["class:3des"], listed("TLS_RSA_WITH_3DES_EDE_CBC_SHA"), "failed"),
    ],
)
def test_what_is_just_outside_is_not_forbidden(value: list[str], described: Result, expected: str) -> None:
    assert check("tls.forbidden_suites", value, described).state == expected


@pytest.mark.parametrize(
    ("described", "expected"),
    [
        (hardened(NOT_AEAD), ("passed", "nothing but class:aead is accepted")),
        (listed(GCM), ("passed", "nothing but class:aead is accepted")),
        (without_tls(), ("passed", "nothing but class:aead is accepted")),
        (listed(GCM, CBC), ("failed", f"TLS 1.2 accepts {CBC}; demanded: only class:aead")),
        (
            full_of("rrrrar", cipher_suites={"TLSv1.2": [CipherSuite(code="0x1A2B", name="0x1a2b")]}),
            ("failed", "TLS 1.2 accepts 0x1a2b; demanded: only class:aead"),
        ),
        (tls_of("arrrrr"), ("failed", "SSL 2 accepts nothing else; demanded: only class:aead")),
        (
            tried("rrrrar", trial("TLSv1.2", NOT_AEAD, state="unknown", reason="closed")),
            ("unknown", "TLS 1.2: suites not settled: 232 (closed)"),
        ),
    ],
)
def test_allowed_suites(described: Result, expected: tuple[str, str]) -> None:
    assert told("tls.allowed_suites", ["class:aead"], described) == expected


def test_a_long_list_of_allowed_suites_is_told_by_its_length() -> None:
    few, many = ["class:aead", GCM, CBC, STATIC], ["class:aead", GCM, CBC, STATIC, STATIC_CBC]
    assert told("tls.allowed_suites", few, listed(RC4)) == (
        "failed",
        f"TLS 1.2 accepts {RC4}; demanded: only class:aead, {GCM}, {CBC}, {STATIC}",
    )
    assert told("tls.allowed_suites", many, listed(RC4)) == (
        "failed",
        f"TLS 1.2 accepts {RC4}; not among the policy's 5",
    )
    assert told("tls.allowed_suites", many, listed(GCM)) == ("passed", "nothing but the policy's 5 is accepted")


def test_every_name_that_was_seen_is_evidence() -> None:
    accepted = [RC4, RC4_MD5, STATIC, STATIC_CBC, "TLS_RSA_WITH_AES_256_CBC_SHA"]
    found = check("tls.forbidden_suites", ["class:weak"], listed(*accepted))
    assert found.evidence == (f"TLSv1.2: {', '.join(accepted)}",)
    assert found.observed == found.evidence[0]


@pytest.mark.parametrize(
    ("value", "described", "expected"),
    [
        ([GCM], listed(GCM), ("passed", f"what is demanded is accepted: {GCM}")),
        ([GCM, "class:cbc"], listed(CBC, GCM), ("passed", f"what is demanded is accepted: {GCM}, class:cbc")),
        ([TLS13], listed(GCM), ("passed", f"what is demanded is accepted: {TLS13}")),
        (
            [GCM],
            tried("uuuuau", trial("TLSv1.2", suites(GCM), registered(GCM))),
            ("passed", f"what is demanded is accepted: {GCM}"),
        ),
        # Whatever TLS 1.3 selects is AEAD.
        (["TLS_*"], tls_of("uuuuua"), ("passed", "what is demanded is accepted: TLS_*")),
        ([GCM], listed(CBC), ("failed", f"{GCM} is refused; demanded: at least one of each of {GCM}")),
        (
            [GCM, "class:rc4", "class:cbc"],
            listed(CBC),
            (
                "failed",
                f"{GCM} and class:rc4 are refused; demanded: at least one of each of {GCM}, class:rc4, class:cbc",
            ),
        ),
        (
            [GCM],
            tried("rrrrar", trial("TLSv1.2", suites(GCM))),
            ("failed", f"{GCM} is refused; demanded: at least one of each of {GCM}"),
        ),
        # One that is refused fails, whatever is not known of another.
        (
            [GCM, STATIC],
            tried("rrrrar", trial("TLSv1.2", suites(GCM))),
            ("failed", f"{GCM} is refused; demanded: at least one of each of {GCM}, {STATIC}"),
        ),
        ([GCM], without_tls(), ("failed", f"no TLS version is served; demanded: at least one of each of {GCM}")),
        ([GCM], tls_of("rrrrrr"), ("failed", f"no TLS version is served; demanded: at least one of each of {GCM}")),
        ([GCM], tls_of("rrrrra"), ("failed", f"{GCM} is refused; demanded: at least one of each of {GCM}")),
        ([GCM], tls_of("rrrrar"), ("unknown", "TLS 1.2: suites not settled: 1 (not asked)")),
        ([GCM], tls_of("rruurr"), ("unknown", "whether TLS 1.0 and TLS 1.1 are accepted is not known (timed_out)")),
        (
            [GCM, STATIC, CBC],
            tried("rrrrar", trial("TLSv1.2", suites(CBC), registered(CBC))),
            ("unknown", "TLS 1.2: suites not settled: 1 (not asked)"),
        ),
    ],
)
def test_required_suites(value: list[str], described: Result, expected: tuple[str, str]) -> None:
    assert told("tls.required_suites", value, described) == expected


# Groups. Those before TLS 1.3 are shared: the newest version tells of them.


def grouped(states: str, *trials: Any, **fields: Any) -> Result:
    return tls_of(states, trials=list(trials), **fields)


def no_small(*versions: str) -> list[Any]:
    return [trial(name, SMALL, kind="groups") for name in versions]


GROUPS_HELD = ("passed", "none of class:weak is accepted")


@pytest.mark.parametrize(
    ("described", "expected"),
    [
        (grouped("rrrraa", *no_small("TLSv1.2", "TLSv1.3")), GROUPS_HELD),
        (grouped("rrrrra", *no_small("TLSv1.3")), GROUPS_HELD),
        # Older versions have the groups of TLS 1.2, and SSL has none.
        (grouped("uuuuar", *no_small("TLSv1.2")), GROUPS_HELD),
        (grouped("aaaaar", *no_small("TLSv1.2")), GROUPS_HELD),
        (grouped("rraarr", *no_small("TLSv1.1")), GROUPS_HELD),
        (grouped("rrarrr", *no_small("TLSv1.0")), GROUPS_HELD),
        (grouped("rrrarr"), ("unknown", "TLS 1.1: groups not settled: 10 (not asked)")),
        (grouped("rrarrr"), ("unknown", "TLS 1.0: groups not settled: 10 (not asked)")),
        (without_tls(), GROUPS_HELD),
        (
            listed(GCM, groups=[group("x25519", "TLSv1.2", "TLSv1.3"), group("secp224r1", "TLSv1.2")]),
            GROUPS_HELD,
        ),
        # Without a suite that needs one there is no group to ask for.
        (full_of("rrrrar", cipher_suites={"TLSv1.2": [suite(STATIC)]}), GROUPS_HELD),
        (
            listed(GCM, groups=[group("secp192r1", "TLSv1.2"), group("x25519", "TLSv1.3")]),
            ("failed", "TLS 1.2 accepts secp192r1; demanded: none of class:weak"),
        ),
        (
            tls_of(
                "------",
                handshake=TlsHandshake(version="TLSv1.2", cipher_suite=registered(GCM), group=group_code("sect163k1")),
            ),
            ("failed", f"TLS 1.2 accepts sect163k1{MORE}{DEMANDED}"),
        ),
        (
            tls_of(
                "rruuar", answered={"TLSv1.0": TlsAnswer(cipher_suite=registered(CBC), group=group_code("secp160r1"))}
            ),
            ("failed", f"TLS 1.0 accepts secp160r1{MORE}{DEMANDED}"),
        ),
        (
            grouped("rrrraa", trial("TLSv1.2", SMALL, group_code("secp192k1"), kind="groups"), *no_small("TLSv1.3")),
            ("failed", "TLS 1.2 accepts secp192k1; demanded: none of class:weak"),
        ),
        (
            grouped("rrrraa", *no_small("TLSv1.2")),
            ("unknown", "TLS 1.3: groups not settled: 10 (not asked)"),
        ),
        (
            grouped("rrrrar", *no_small("TLSv1.1")),
            ("unknown", "TLS 1.2: groups not settled: 10 (not asked)"),
        ),
        (
            grouped("rrraur", *no_small("TLSv1.1")),
            ("unknown", "whether TLS 1.2 is accepted is not known (timed_out)"),
        ),
        (
            grouped("rrrrar", trial("TLSv1.2", SMALL, kind="groups", state="unknown", reason="reset")),
            ("unknown", "TLS 1.2: groups not settled: 10 (reset)"),
        ),
        (
            listed(
                GCM,
                groups=[group("x25519", "TLSv1.2", "TLSv1.3")],
                unsettled=["TLSv1.2: 45 groups were neither selected nor refused"],
            ),
            ("unknown", "TLS 1.2: groups not settled: 10 (TLSv1.2: 45 groups were neither selected nor refused)"),
        ),
        # At depth full, but no group was seen though one is needed.
        (
            full_of("rrrrra", cipher_suites={"TLSv1.3": [suite(TLS13)]}),
            ("unknown", "TLS 1.3: groups not settled: 10 (not asked)"),
        ),
    ],
)
def test_forbidden_groups(described: Result, expected: tuple[str, str]) -> None:
    assert told("tls.forbidden_groups", ["class:weak"], described) == expected


def test_a_group_that_a_simulated_client_met_counts() -> None:
    described = grouped("rrrrar", *no_small("TLSv1.2"))
    request = SimulatedRequest(
        requested=["SSL"],
        stage="tls",
        connects=True,
        version="TLSv1.2",
        cipher_suite=registered(GCM),
        group=group_code("secp192r1"),
    )
    described.simulated = [Simulation(client="rdesktop", requests=[request])]
    assert told("tls.forbidden_groups", ["class:weak"], described)[0] == "failed"


@pytest.mark.parametrize(
    ("described", "expected"),
    [
        (
            grouped("rrrrra", trial("TLSv1.3", NOT_NIST, kind="groups")),
            ("passed", "nothing but class:nist is accepted"),
        ),
        (
            listed(GCM, groups=[group("secp256r1", "TLSv1.2", "TLSv1.3")]),
            ("passed", "nothing but class:nist is accepted"),
        ),
        (
            listed(GCM, groups=[group("secp256r1", "TLSv1.2"), group("X25519MLKEM768", "TLSv1.3")]),
            ("failed", "TLS 1.3 accepts X25519MLKEM768; demanded: only class:nist"),
        ),
        (
            grouped("rrrrra", trial("TLSv1.3", NOT_NIST, kind="groups", state="unknown", reason="timed_out")),
            ("unknown", "TLS 1.3: groups not settled: 52 (timed_out)"),
        ),
    ],
)
def test_allowed_groups(described: Result, expected: tuple[str, str]) -> None:
    assert told("tls.allowed_groups", ["class:nist"], described) == expected


@pytest.mark.parametrize(
    ("value", "described", "expected"),
    [
        (
            ["x25519"],
            grouped(
                "uuuuua", trial("TLSv1.3", groups("x25519"), group_code("x25519"), kind="groups", state="accepted")
            ),
            ("passed", "what is demanded is accepted: x25519"),
        ),
        (
            ["x25519", "class:ffdhe"],
            grouped("rrrrra", *(trial("TLSv1.3", groups(each), kind="groups") for each in ("x25519", "class:ffdhe"))),
            (
                "failed",
                "x25519 and class:ffdhe are refused; demanded: at least one of each of x25519, class:ffdhe",
            ),
        ),
        # No version before TLS 1.3 has these.
        (
            ["class:post_quantum"],
            grouped("rrrrar"),
            ("failed", "class:post_quantum is refused; demanded: at least one of each of class:post_quantum"),
        ),
        (["x25519"], grouped("rrrrra"), ("unknown", "TLS 1.3: groups not settled: 1 (not asked)")),
    ],
)
def test_required_groups(value: list[str], described: Result, expected: tuple[str, str]) -> None:
    assert told("tls.required_groups", value, described) == expected


# What is said besides


@pytest.mark.parametrize(
    ("key", "value", "described", "observed", "evidence"),
    [
        (
            "forbidden_suites",
            ["class:weak"],
            hardened(WEAK),
            "none",
            (
                *(f"{name}: rejected (alert protocol_version)" for name in VERSIONS[:4]),
                "TLSv1.2: 229 offered, none accepted",
                "TLSv1.3: 4 offered, none accepted",
            ),
        ),
        (
            "forbidden_suites",
            ["class:weak"],
            listed(STATIC),
            f"TLSv1.2: {STATIC}",
            (f"TLSv1.2: {STATIC}",),
        ),
        (
            "forbidden_suites",
            ["class:rc4"],
            without_tls(),
            "none",
            ("SSL: rejected (SSL_NOT_ALLOWED_BY_SERVER)", "HYBRID: rejected (selected RDP)"),
        ),
        (
            "forbidden_suites",
            ["class:rc4"],
            tls_of("-rrrar"),
            "not known",
            tuple(f"{name}: rejected (alert protocol_version)" for name in VERSIONS[1:4]),
        ),
        ("required_suites", [GCM], listed(CBC), f"TLSv1.2: {CBC}; TLSv1.3: {TLS13}", None),
        (
            "required_suites",
            [CBC],
            listed(CBC),
            f"TLSv1.2: {CBC}; TLSv1.3: {TLS13}",
            (f"TLSv1.2: {CBC}", f"TLSv1.3: {TLS13}"),
        ),
        ("required_suites", [GCM], tls_of("rrrrrr"), "none", None),
        (
            "required_suites",
            [GCM],
            without_tls(),
            "none",
            ("SSL: rejected (SSL_NOT_ALLOWED_BY_SERVER)", "HYBRID: rejected (selected RDP)"),
        ),
        ("required_suites", [GCM], tls_of("rrrrar"), "not known", ()),
        (
            "required_suites",
            [GCM, STATIC],
            tls_of("-rrrra"),
            "none",
            (*(f"{name}: rejected (alert protocol_version)" for name in VERSIONS[1:5]),),
        ),
        (
            "required_groups",
            ["x25519"],
            grouped("rrrrra", trial("TLSv1.3", groups("x25519"), kind="groups")),
            "none",
            ("TLSv1.2: rejected (alert protocol_version)", "TLSv1.3: 1 offered, none accepted"),
        ),
    ],
)
def test_what_was_observed(
    key: str, value: list[str], described: Result, observed: str, evidence: tuple[str, ...] | None
) -> None:
    found = check(f"tls.{key}", value, described)
    assert found.observed == observed
    assert evidence is None or found.evidence == evidence


@pytest.mark.parametrize(
    ("key", "value", "described", "diagnosis", "change"),
    [
        (
            "forbidden_suites",
            ["class:weak", "TLS_RSA_*"],
            listed(STATIC),
            "TLS_WEAK_CIPHER",
            "suites.off=class:weak+TLS_RSA_*",
        ),
        ("allowed_suites", ["class:aead"], listed(CBC), "TLS_WEAK_CIPHER", "suites=class:aead"),
        ("allowed_suites", ["class:aead", GCM], listed(CBC), "TLS_WEAK_CIPHER", f"suites=class:aead+{GCM}"),
        (
            "forbidden_groups",
            ["x25519"],
            listed(GCM, groups=[group("x25519", "TLSv1.3")]),
            "TLS_WEAK_CIPHER",
            "groups.off=x25519",
        ),
        (
            "allowed_groups",
            ["x448"],
            listed(GCM, groups=[group("x25519", "TLSv1.3")]),
            "TLS_WEAK_CIPHER",
            "groups=x448",
        ),
        ("forbidden_suites", ["class:weak"], listed(GCM), None, None),
        ("required_suites", [GCM], listed(CBC), "TLS_NO_SHARED_CIPHER", None),
        ("required_suites", [GCM], tls_of("rrrrrr"), "TLS_HANDSHAKE_ABORTED", None),
        ("required_suites", [GCM], without_tls(), "STANDARD_RDP_ONLY", None),
    ],
)
def test_what_mends_it(
    key: str, value: list[str], described: Result, diagnosis: str | None, change: str | None
) -> None:
    found = check(f"tls.{key}", value, described)
    assert (found.diagnosis, found.change) == (diagnosis, change)


def trial_of(kind: Any, codes: frozenset[int], enough: int = 4) -> Trial:
    return Trial(kind, tuple(sorted(codes)), enough)


@pytest.mark.parametrize(
    ("key", "value", "versions", "trials"),
    [
        ("forbidden_suites", ["class:rc4"], VERSIONS[:5], [trial_of("suites", OF_RC4 & suites_in("TLSv1.2"))]),
        ("forbidden_suites", [TLS13], ("TLSv1.3",), [trial_of("suites", suites(TLS13))]),
        ("forbidden_suites", ["SSL_CK_*"], ("SSLv2",), []),
        (
            "allowed_suites",
            ["class:aead"],
            VERSIONS,
            [trial_of("suites", NOT_AEAD - suites_in("SSLv2"))],
        ),
        ("allowed_suites", ["TLS_*"], ("SSLv2",), []),
        (
            "required_suites",
            [GCM, TLS13],
            VERSIONS[1:],
            [trial_of("suites", suites(GCM), 1), trial_of("suites", suites(TLS13), 1)],
        ),
        ("forbidden_groups", ["class:weak"], VERSIONS[2:], [trial_of("groups", SMALL)]),
        ("forbidden_groups", ["class:post_quantum"], ("TLSv1.3",), [trial_of("groups", groups("class:post_quantum"))]),
        ("allowed_groups", ["class:nist"], VERSIONS[2:], [trial_of("groups", NOT_NIST)]),
        ("required_groups", ["x25519"], VERSIONS[2:], [trial_of("groups", groups("x25519"), 1)]),
    ],
)
def test_what_is_asked_for(key: str, value: list[str], versions: tuple[str, ...], trials: list[Trial]) -> None:
    expected = Needs(versions=frozenset(versions), trials=frozenset(trials))
    assert KINDS[f"tls.{key}"].needs(value) == expected


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("forbidden_suites", "none of class:rc4, TLS_RSA_*"),
        ("allowed_suites", "only class:rc4, TLS_RSA_*"),
        ("required_suites", "at least one of each of class:rc4, TLS_RSA_*"),
    ],
)
def test_how_it_is_said(key: str, words: str) -> None:
    assert KINDS[f"tls.{key}"].words(["class:rc4", "TLS_RSA_*"]) == words


@pytest.mark.parametrize("trial_kind", ["suites", "groups"])
@pytest.mark.parametrize("demand", ["allowed", "forbidden", "required"])
def test_a_selector_that_means_nothing_is_refused_before_anybody_is_asked(trial_kind: str, demand: str) -> None:
    kind = KINDS[f"tls.{demand}_{trial_kind}"]
    with pytest.raises(InputError, match="nonsense"):
        kind.validate(["class:weak", "nonsense"])
    kind.validate(["class:weak"])


def test_codes_of_a_stored_result_are_read_in_any_case() -> None:
    described = full_of(
        "rrrrar", cipher_suites={"TLSv1.2": [CipherSuite(code="0xC011", name="TLS_ECDHE_RSA_WITH_RC4_128_SHA")]}
    )
    assert check("tls.forbidden_suites", ["class:rc4"], described).state == "failed"
    selected = Registered(code="0xC011", name="TLS_ECDHE_RSA_WITH_RC4_128_SHA")
    upper = trial("TLSv1.2", suites("class:rc4") & suites_in("TLSv1.2"), selected)
    upper.offered = [code.upper().replace("X", "x") for code in upper.offered]
    assert check("tls.forbidden_suites", ["class:rc4"], tried("-rrrar", upper)).state == "failed"
    upper.selected = []
    assert check("tls.forbidden_suites", ["class:rc4"], tried("rrrrar", upper)).state == "passed"


def test_versions_have_the_groups_that_trials_offer_in_them() -> None:
    from probe.audit.offers import groups_of
    from probe.wire.tls_version import TLS12
    from probe.wire.tls_version import TLS13 as V13

    assert groups_in("TLSv1.2") <= set(groups_of(TLS12))
    assert groups_in("TLSv1.3") == set(groups_of(V13))


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, "a"),
        (4, "a, b, c, d"),
        (5, "a, b, c, d and 1 more"),
        (7, "a, b, c, d and 3 more"),
        (10, "a, b, c, d and 6 more"),
    ],
)
def test_of_many_names_the_first_are_told(count: int, said: str) -> None:
    assert names(list("abcdefghij"[:count])) == said


def test_a_group_is_no_suite_of_the_same_number() -> None:
    assert int(group_code("secp256r1").code, 16) in WEAK
    small = trial("TLSv1.2", groups("secp256r1"), group_code("secp256r1"), kind="groups", state="accepted")
    described = hardened(WEAK, "rrrrar")
    assert described.tls is not None
    described.tls.trials.append(small)
    assert told("tls.forbidden_suites", ["class:weak"], described) == HELD


def test_answers_that_tell_no_suite_or_no_group_are_passed_over() -> None:
    described = hardened(WEAK, "rrrrar")
    assert described.tls is not None
    described.tls.answered = {"TLSv1.2": TlsAnswer(cipher_suite=registered(GCM))}
    request = SimulatedRequest(requested=["SSL"], stage="tls", connects=None, version="TLSv1.2")
    described.simulated = [Simulation(client="mstsc-win7", requests=[request])]
    assert told("tls.forbidden_suites", ["class:weak"], described) == HELD
    assert check("tls.forbidden_groups", ["class:weak"], described).state == "unknown"


@pytest.mark.parametrize(
    "described",
    [
        # One group was seen, and the others were not asked for.
        tls_of("rrrrra", answered={"TLSv1.3": TlsAnswer(cipher_suite=registered(TLS13), group=group_code("x25519"))}),
        # No suite that needs a group was seen, and not all were settled.
        full_of(
            "rrrrar",
            cipher_suites={"TLSv1.2": [suite(STATIC)]},
            unsettled=["TLSv1.2: 3 cipher suites were neither selected nor refused"],
        ),
        # What names no version is about each.
        listed(GCM, groups=[group("x25519", "TLSv1.2", "TLSv1.3")], unsettled=["3 groups were not settled"]),
    ],
)
def test_groups_that_may_be_there_are_not_refused(described: Result) -> None:
    assert check("tls.forbidden_groups", ["class:weak"], described).state == "unknown"


def test_suites_left_open_in_a_version_that_is_not_named_are_open_in_each() -> None:
    described = listed(GCM, unsettled=["3 cipher suites were not settled"])
    assert check("tls.forbidden_suites", ["class:weak"], described).state == "unknown"
