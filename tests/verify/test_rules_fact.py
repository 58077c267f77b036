"""What a policy demands of any fact of a result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from probe.errors import InputError
from probe.needs import Needs
from probe.result import (
    Capture,
    Gateway,
    Negotiation,
    Result,
    Server,
    StandardCertificate,
    StandardRdp,
    Tls,
    Udp,
    Verdict,
)
from probe.result.tls import CipherSuite, Group, TlsFeatures
from probe.verify.fact_paths import kinds_at, steps, values
from probe.verify.kinds import KINDS
from probe.verify.rule import Finding
from probe.verify.rules_fact import Fact
from tests.verify.rules import ACCEPTED, REFUSED, SILENT, chain, leaf, rdp, serving


def table(path: str, comparison: Mapping[str, Any]) -> Fact:
    return msgspec.convert({"path": path, **comparison}, Fact)


def check(described: Result, path: str, **comparison: Any) -> Finding:
    value = table(path, {name.rstrip("_"): wanted for name, wanted in comparison.items()})
    KINDS["fact"].validate(value)
    return KINDS["fact"].check(value, described)


def released(release: str | None, **fields: Any) -> Result:
    described = rdp(RDP=REFUSED, SSL=ACCEPTED)
    described.server = Server(kind="windows", release=release, **fields)
    return described


@pytest.mark.parametrize(
    ("comparison", "fitting", "other"),
    [
        ({"is": "Windows 11"}, "Windows 11", "windows 11"),
        ({"is_not": "Windows 11"}, "Windows 10", "Windows 11"),
        ({"one_of": ["Windows 11", "Windows 10"]}, "Windows 10", "Windows 8"),
        ({"none_of": ["Windows 11", "Windows 10"]}, "Windows 8", "Windows 10"),
        ({"at_least": "Windows 10"}, "Windows 10", "Windows 9"),
        ({"at_least": "10.0.20348"}, "10.0.26100", "10.0.9600"),
        ({"at_most": "10.0.20348"}, "10.0.9600", "10.0.20349"),
        ({"at_most": "Windows 10"}, "Windows 10", "Windows 11"),
        ({"like": "*server 20??"}, "Windows Server 2022", "Windows Server 2022 "),
    ],
)
def test_text(comparison: dict[str, Any], fitting: str, other: str) -> None:
    value = table("server.release", comparison)
    KINDS["fact"].validate(value)
    found = KINDS["fact"].check(value, released(fitting))
    assert (found.state, found.message) == ("passed", f'server.release is "{fitting}"')
    assert found.observed == f'"{fitting}"'
    demand = KINDS["fact"].words(value).removeprefix("server.release ").removeprefix("is ")
    found = KINDS["fact"].check(value, released(other))
    assert (found.state, found.message) == ("failed", f'server.release is "{other}"; demanded: {demand}')
    assert found.observed == f'"{other}"'
    found = KINDS["fact"].check(value, released(None))
    assert (found.state, found.message, found.observed) == ("unknown", "server.release is not known", "not known")


def test_a_section_that_is_not_there_is_not_known() -> None:
    assert check(rdp(), "server.release", is_="x").state == "unknown"
    assert check(rdp(), "tls.features.compression", is_=False).state == "unknown"


def keyed(bits: int | None) -> Result:
    described = rdp()
    described.standard_rdp = StandardRdp(certificate=StandardCertificate(kind="x509", key_bits=bits))
    return described


@pytest.mark.parametrize(
    ("comparison", "fitting", "other"),
    [
        ({"is": 2048}, 2048, 2047),
        ({"is": 2048.0}, 2048, 2049),
        ({"is_not": 0}, 1, 0),
        ({"one_of": [2048, 3072]}, 3072, 1024),
        ({"none_of": [1, 0]}, 2, 0),
        ({"at_least": 2048}, 2048, 2047),
        ({"at_most": 4096}, 4096, 4097),
        ({"at_most": 4095.5}, 4095, 4096),
    ],
)
def test_numbers(comparison: dict[str, Any], fitting: int, other: int) -> None:
    value = table("standard_rdp.certificate.key_bits", comparison)
    KINDS["fact"].validate(value)
    assert KINDS["fact"].check(value, keyed(fitting)).state == "passed"
    assert KINDS["fact"].check(value, keyed(other)).state == "failed"
    assert KINDS["fact"].check(value, keyed(None)).state == "unknown"


@pytest.mark.parametrize("seen", [True, False])
def test_yes_and_no(seen: bool) -> None:
    described = rdp()
    assert described.negotiation is not None
    described.negotiation.restricted_admin = seen
    path, states = "negotiation.restricted_admin", {True: "passed", False: "failed"}
    for wanted in (True, False):
        assert check(described, path, is_=wanted).state == states[seen is wanted]
        assert check(described, path, is_not=wanted).state == states[seen is not wanted]
        assert check(described, path, one_of=[wanted]).state == states[seen is wanted]
    assert check(described, path, is_=True).observed == ("true" if seen else "false")
    described.negotiation.restricted_admin = None
    assert check(described, path, is_=True).state == "unknown"


def test_unknown_is_no_answer() -> None:
    described = rdp(RDP=SILENT)
    path = "negotiation.protocols.RDP.state"
    assert check(described, path, is_not="accepted").state == "unknown"
    assert check(described, path, is_="accepted").state == "unknown"
    assert check(described, path, none_of=["accepted", "unknown"]).state == "failed"
    assert check(described, path, is_="unknown").state == "passed"
    assert check(described, path, is_not="unknown").state == "failed"
    assert check(rdp(RDP=ACCEPTED), path, is_not="unknown").state == "passed"


def test_a_step_may_be_the_name_of_a_version() -> None:
    described = serving(chain(leaf()))
    assert check(described, "tls.versions.TLSv1.0.state", is_="rejected").state == "passed"
    assert check(described, 'tls.versions."TLSv1.2".state', is_="rejected").state == "failed"
    assert check(described, "tls.versions.SSLv3.state", is_="rejected").state == "unknown"
    assert steps('tls.versions."TLSv1.2".state') == steps("tls.versions.TLSv1.2.state")


def test_every_element_must_fit() -> None:
    described = serving(chain(leaf("aa"), leaf("ca")), chain(leaf("bb", signature_algorithm=None)))
    path = "certificates.*.chain.0.signature_algorithm"
    found = check(described, path, like="*sha256*")
    assert (found.state, found.message) == ("unknown", f"{path} is not known")
    assert check(described, path, like="*sha1*").state == "failed"
    described.certificates.pop()
    found = check(described, path, like="*sha256*")
    assert (found.state, found.observed) == ("passed", '"sha256WithRSAEncryption"')
    assert check(described, "certificates.*.chain.*.sha256", one_of=["aa", "ca"]).state == "passed"
    found = check(described, "certificates.*.chain.*.sha256", one_of=["aa", "bb"])
    assert (found.state, found.observed) == ("failed", '"aa", "ca"')
    assert found.message == 'certificates.*.chain.*.sha256 is "ca"; demanded: one of "aa", "bb"'
    assert check(described, "certificates.0.chain.1.sha256", is_="ca").state == "passed"
    assert check(described, "certificates.0.chain.2.sha256", is_="ca").state == "unknown"
    assert check(described, "certificates.0.chain.7.sha256", is_="ca").state == "unknown"
    assert check(described, "certificates.1.chain.0.sha256", is_="ca").state == "unknown"


def test_certificates_must_all_be_seen() -> None:
    described = serving(chain(leaf(), served_to=("TLSv1.3",)))
    found = check(described, "certificates.*.chain.0.key.bits", at_least=2048)
    assert (found.state, found.message) == (
        "unknown",
        "certificates.*.chain.0.key.bits is not known of all: the certificate of TLSv1.2 was not seen",
    )
    assert check(described, "certificates.0.chain.0.key.bits", at_least=2048).state == "passed"
    assert check(described, "certificates.*.chain.0.key.bits", at_least=2049).state == "failed"


def test_an_empty_list_proves_nothing() -> None:
    for comparison in ({"is_not": "x"}, {"none_of": ["x"]}, {"is": "x"}):
        value = table("intermittent.*", comparison)
        assert KINDS["fact"].check(value, rdp()).state == "unknown"


def test_elements_of_a_table() -> None:
    described = serving()
    found = check(described, "tls.versions.*.state", one_of=["accepted", "rejected"])
    assert (found.state, found.observed) == ("passed", '"rejected", "accepted"')
    assert check(described, "tls.versions.*.state", is_="accepted").state == "failed"


@pytest.mark.parametrize(
    ("depth", "asked", "state"),
    [
        ("standard", None, "passed"),
        ("full", None, "passed"),
        ("discover", None, "unknown"),
        ("standard", ["tls.versions.TLSv1.2"], "unknown"),
        ("standard", [], "unknown"),
        ("standard", ["credssp", "standard"], "passed"),
        ("full", ["full"], "passed"),
    ],
)
def test_elements_of_what_was_asked_in_part(depth: Any, asked: list[str] | None, state: str) -> None:
    described = serving()
    described.depth, described.asked = depth, asked
    found = check(described, "tls.versions.*.state", is_not="unknown")
    assert found.state == state
    if state == "unknown":
        assert found.message == "tls.versions.*.state is not known of all: only a part was asked for"
    assert check(described, "tls.versions.TLSv1.0.state", is_="rejected").state == "passed"


def in_full() -> Result:
    described = serving()
    described.depth = "full"
    described.tls = Tls(
        cipher_suites={"TLSv1.2": [CipherSuite(code="0xc030", name="TLS_X", dh_bits=None)]},
        groups=[Group(code="0x001d", name="x25519")],
        features=TlsFeatures(compression=False),
    )
    return described


@pytest.mark.parametrize(
    ("path", "comparison"),
    [
        ("tls.cipher_suites.*.*.name", {"is": "TLS_X"}),
        ("tls.groups.*.name", {"none_of": ["secp192r1"]}),
        ("tls.groups.0.name", {"is": "x25519"}),
        ("tls.features.compression", {"is": False}),
    ],
)
def test_what_takes_depth_full(path: str, comparison: dict[str, Any]) -> None:
    value, described = table(path, comparison), in_full()
    KINDS["fact"].validate(value)
    assert KINDS["fact"].check(value, described).state == "passed"
    described.asked = ["standard"]
    found = KINDS["fact"].check(value, described)
    assert (found.state, found.message) == ("unknown", f"{path} is not known of all: this takes depth full")
    described.asked = ["full"]
    assert KINDS["fact"].check(value, described).state == "passed"
    described.depth, described.asked = "standard", None
    assert KINDS["fact"].check(value, described).state == "unknown"


def test_what_depth_full_could_not_settle() -> None:
    described = in_full()
    assert described.tls is not None
    described.tls.unsettled = ["TLSv1.2 groups: closed"]
    path = "tls.groups.*.name"
    found = check(described, path, is_="x25519")
    assert (found.state, found.message) == ("unknown", f"{path} is not known of all: TLSv1.2 groups: closed")
    assert check(described, "tls.groups.0.name", is_="x25519").state == "passed"
    assert check(described, path, is_="x448").state == "failed"
    assert check(described, "tls.unsettled.*", like="TLSv1.2*").state == "passed"
    described.tls = None
    assert check(described, path, is_="x25519").state == "unknown"


def test_what_is_asked_outside_is_whole() -> None:
    described = rdp()
    described.depth, described.asked = "discover", []
    described.gateway = Gateway(host="gw", port=443, state="rd_gateway", schemes=["NTLM", "Negotiate"])
    assert check(described, "gateway.schemes.*", one_of=["NTLM", "Negotiate"]).state == "passed"
    described.gateway.schemes = []
    assert check(described, "gateway.schemes.*", is_not="Basic").state == "unknown"


def test_udp() -> None:
    described = rdp()
    described.depth = "discover"
    described.udp = Udp(port=3389, state="silent", offered="3.0")
    assert check(described, "udp.state", is_="silent").state == "passed"
    assert check(described, "udp.port", at_most=3388).state == "failed"


@pytest.mark.parametrize(
    ("path", "needs"),
    [
        ("server.release", Needs(standard=True)),
        ("tls.versions.TLSv1.0.state", Needs(standard=True)),
        ("tls.handshake.version", Needs(standard=True)),
        ("certificates.*.days_left", Needs(standard=True)),
        ("status", Needs(standard=True)),
        ("udp.state", Needs(udp=True)),
        ("gateway.state", Needs(gateway=True)),
        ("licensing.*.answer", Needs(licensing=True)),
        *(
            (f"tls.{field}", Needs(full=True))
            for field in (
                *("cipher_suites.*.*.name", "server_order", "order_by_version.TLSv1.2", "groups.*.name"),
                *("dh_parameters.*.bits", "signature_schemes.*.name", "extensions.*.name", "features.compression"),
                "unsettled.*",
            )
        ),
    ],
)
def test_what_must_be_asked(path: str, needs: Needs) -> None:
    kinds_at(path)
    assert KINDS["fact"].needs(table(path, {"is": "x"})) == needs


@pytest.mark.parametrize(
    ("comparison", "words"),
    [
        ({"is": "x"}, 'server.release is "x"'),
        ({"is_not": True}, "server.release is not true"),
        ({"one_of": ["x", 1, False]}, 'server.release one of "x", 1, false'),
        ({"at_least": 2.5}, "server.release at least 2.5"),
    ],
)
def test_words(comparison: dict[str, Any], words: str) -> None:
    assert KINDS["fact"].words(table("server.release", comparison)) == words


@pytest.mark.parametrize(
    ("path", "comparison", "what", "hint"),
    [
        ("server.relase", {"is": "x"}, 'a result has no "server.relase"', 'did you mean "server.release"?'),
        ("sever.release", {"is": "x"}, 'a result has no "sever.release"', 'did you mean "server"?'),
        (
            *("udp.zzz", {"is": "x"}, 'a result has no "udp.zzz"'),
            '"udp" has port, state, version, offered, up_mtu, down_mtu, sent, answer, ending, cause, elapsed_ms',
        ),
        (
            *("certificates.first.sha256", {"is": "x"}, 'a result has no "certificates.first.sha256"'),
            '"certificates" is a list: its elements are 0, 1 and so on, or "*"',
        ),
        ("status.*", {"is": "x"}, 'a result has no "status.*"', '"status" has nothing inside'),
        ("status.0", {"is": "x"}, 'a result has no "status.0"', '"status" has nothing inside'),
        ("status.of", {"is": "x"}, 'a result has no "status.of"', '"status" has nothing inside'),
        ("tls", {"is": "x"}, '"tls" is no single fact', 'give one of its fields: "tls.versions"'),
        (
            "server.evidence",
            {"is": "x"},
            '"server.evidence" is no single fact',
            'give its elements: "server.evidence.*"',
        ),
        ("tls.versions", {"is": "x"}, '"tls.versions" is no single fact', 'give its elements: "tls.versions.*"'),
        ("", {"is": "x"}, '"" is no path to a fact', 'write it as in the JSON form: "server.release"'),
        ("a..b", {"is": "x"}, '"a..b" is no path to a fact', 'write it as in the JSON form: "server.release"'),
        ("server.", {"is": "x"}, '"server." is no path to a fact', 'write it as in the JSON form: "server.release"'),
        ('a"b"', {"is": "x"}, '"a"b"" is no path to a fact', "steps are divided by dots"),
        ("udp.port", {"is": "x"}, 'the fact "udp.port" is never "x"', "it is a number"),
        ("udp.port", {"is": True}, 'the fact "udp.port" is never true', "it is a number"),
        ("server.kind", {"one_of": ["x", 1]}, 'the fact "server.kind" is never 1', "it is text"),
        ("server.kind", {"is": False}, 'the fact "server.kind" is never false', "it is text"),
        ("licensing_asked", {"is": "x"}, 'the fact "licensing_asked" is never "x"', "it is true or false"),
        ("licensing_asked", {"is": 1}, 'the fact "licensing_asked" is never 1', "it is true or false"),
        ("capture.stream", {"is": True}, 'the fact "capture.stream" is never true', "it is a number"),
        ("udp.state", {"is": "opn"}, 'the fact "udp.state" is never "opn"', 'did you mean "open"?'),
        ("udp.state", {"is_not": "opn"}, 'the fact "udp.state" is never "opn"', 'did you mean "open"?'),
        ("udp.state", {"one_of": ["open", "opn"]}, 'the fact "udp.state" is never "opn"', 'did you mean "open"?'),
        (
            *("udp.state", {"none_of": ["open", "zzzzz"]}, 'the fact "udp.state" is never "zzzzz"'),
            "it is one of malformed, open, refused, silent, unknown, unreachable",
        ),
        ("udp.port", {"like": "3*"}, 'the fact "udp.port" is never "3*"', "it is a number"),
        ("udp.port", {}, 'the fact "udp.port" has no comparison', None),
        ("udp.port", {"is": 1, "is_not": 2}, 'the fact "udp.port" has several comparisons', None),
    ],
)
def test_what_is_refused(path: str, comparison: dict[str, Any], what: str, hint: str | None) -> None:
    one = "give exactly one of is, is_not, one_of, none_of, at_least, at_most, like"
    with pytest.raises(InputError) as refused:
        KINDS["fact"].validate(table(path, comparison))
    assert (refused.value.what, refused.value.hint) == (what, hint or one)


def test_an_unknown_top_is_told_all_there_is() -> None:
    with pytest.raises(InputError) as refused:
        KINDS["fact"].validate(table("zzz", {"is": 1}))
    assert refused.value.hint.startswith("a result has schema, target, started")


@pytest.mark.parametrize(
    "comparison", [{"at_least": True}, {"like": 1}, {"one_of": []}, {"is": []}, {"below": 1}, {"is": {}}]
)
def test_values_that_are_none(comparison: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        table("udp.port", comparison)


@pytest.mark.parametrize(
    ("path", "comparison"),
    [
        ("udp.state", {"at_least": "zzz"}),
        ("udp.state", {"like": "o*"}),
        ("capture.stream", {"is": 1}),
        ("capture.file", {"is": "x"}),
        ("udp.elapsed_ms", {"at_most": 1.5}),
        ("credssp.ntlm.clock_skew_s", {"at_most": 300}),
        ("spent.x", {"at_most": 300}),
    ],
)
def test_what_is_taken(path: str, comparison: dict[str, Any]) -> None:
    KINDS["fact"].validate(table(path, comparison))


@pytest.mark.parametrize(
    ("seen", "comparison", "state"),
    [
        (7, {"is": "7"}, "failed"),
        (7, {"is_not": "7"}, "passed"),
        (7, {"at_least": "6"}, "failed"),
        (7, {"at_most": "8"}, "failed"),
        (7, {"like": "7"}, "failed"),
        ("7", {"at_least": 6}, "failed"),
        (7, {"one_of": ["x", 7]}, "passed"),
        ("x", {"none_of": [7, "x"]}, "failed"),
        ("y", {"none_of": [7, "x"]}, "passed"),
        (7, {"none_of": ["7", "x"]}, "passed"),
        (7, {"one_of": ["7", "x"]}, "failed"),
    ],
)
def test_text_is_not_compared_with_numbers(seen: str | int, comparison: dict[str, Any], state: str) -> None:
    described = rdp()
    described.capture = Capture(
        file=str(seen), stream=int(seen == 7) * 7, client="", server="", first_packet=1, last_packet=1, ending="open"
    )
    value = table("capture.stream" if isinstance(seen, int) else "capture.file", comparison)
    assert KINDS["fact"].check(value, described).state == state


def test_true_is_no_number() -> None:
    described = rdp()
    described.licensing_asked = True
    for comparison in ({"is": 1}, {"one_of": [1, "x"]}):
        assert KINDS["fact"].check(table("licensing_asked", comparison), described).state == "failed"
    assert KINDS["fact"].check(table("licensing_asked", {"is_not": 1}), described).state == "passed"
    described.connections = 1
    assert KINDS["fact"].check(table("connections", {"is": True}), described).state == "failed"
    assert KINDS["fact"].check(table("connections", {"one_of": [True, 7]}), described).state == "failed"
    assert KINDS["fact"].check(table("connections", {"none_of": [True, 7]}), described).state == "passed"


def test_a_walk_through_what_is_not_there() -> None:
    described = rdp()
    described.negotiation = Negotiation(protocols={"RDP": Verdict(state="accepted")})
    assert values(described, "negotiation.protocols.SSL.state") == [None]
    assert values(described, "negotiation.protocols.RDP.state") == ["accepted"]
    assert values(described, "tls.versions.TLSv1.0.state") == [None]
    assert values(described, "certificates.*.sha256") == []
    assert values(described, "certificates.0.sha256") == [None]
