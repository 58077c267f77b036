from __future__ import annotations

import pytest

from probe.audit.attempt import Attempt, Stage
from probe.audit.certificate import Circumstances
from probe.audit.reading import read
from probe.audit.verdict_inside import credssp, standard_rdp, timestamp
from probe.handshake.machine import Ending, Event
from probe.result import CredSsp, StandardRdp
from probe.wire import gcc, mcs, ntlm, spnego, standard_security
from probe.wire.credssp import TsRequest
from tests.audit import attempts as a
from tests.real.pki import Recipe, authority, rsa_key

FORTY, FIFTY_SIX, FIPS = 0x01, 0x08, 0x10


def offers(method: int, *events: Event, ending: Ending = Ending.COMPLETE) -> Attempt:
    question = a.ask(a.RDP, Stage.SETTINGS, methods=method)
    return a.attempt(question, [*a.selects(a.RDP), *events], ending)


def standard(*attempts: Attempt) -> StandardRdp:
    circumstances = Circumstances(names_asked="srv1.example", at=a.NOW)
    return standard_rdp([read(attempt) for attempt in attempts], circumstances)


def test_each_method_alone() -> None:
    found = standard(
        offers(a.ONE_TWENTY_EIGHT, *a.settings(level=2)),
        offers(FIFTY_SIX, *a.settings(method=FIFTY_SIX, level=2)),
        offers(FORTY, ending=Ending.CLOSED),
        offers(FIPS, ending=Ending.RESET),
    )
    assert found.encryption_methods == ["128BIT", "56BIT"]
    assert found.encryption_level == "CLIENT_COMPATIBLE"
    assert found.ignores_offered_methods is False
    assert [(each.offered, each.method, each.ending) for each in found.methods_asked] == [
        ("128BIT", ["128BIT"], None),
        ("56BIT", ["56BIT"], None),
        ("40BIT", None, "closed"),
        ("FIPS", None, "reset"),
    ]
    assert found.methods_asked[0].level == "CLIENT_COMPATIBLE"
    assert found.rdp_version == "5.0-8.1"


def test_a_server_that_chooses_what_was_not_offered_ignores_offers() -> None:
    found = standard(offers(a.ONE_TWENTY_EIGHT, *a.settings()), offers(FORTY, *a.settings()))
    assert found.ignores_offered_methods is True
    assert found.encryption_methods == ["128BIT"]
    assert found.methods_asked[1].method == ["128BIT"]


def test_a_server_without_encryption_says_none() -> None:
    found = standard(offers(a.ONE_TWENTY_EIGHT, *a.settings(method=0, level=0)))
    assert found.encryption_level == "NONE"
    assert found.encryption_methods == []
    assert found.methods_asked[0].method == ["NONE"]


def test_unknown_methods_and_levels_have_numbers() -> None:
    found = standard(offers(a.ONE_TWENTY_EIGHT, *a.settings(method=0x40, level=9)))
    assert found.encryption_methods == ["0x40"]
    assert found.encryption_level == "UNKNOWN_0x9"


def test_a_server_that_says_no_by_a_result_of_its_own_ended_it() -> None:
    refused = mcs.ConnectResponse(result=mcs.ConnectResult.RT_UNSPECIFIED_FAILURE, parameters=mcs.TARGET, user_data=b"")
    found = standard(offers(FIPS, *a.says(refused)))
    assert found.methods_asked[0].ending == "closed"
    assert found.encryption_level is None
    assert found.ignores_offered_methods is None
    assert found.rdp_version is None


def test_the_highest_version_is_shown_and_settings_inside_tls_are_not_standard() -> None:
    inside = a.attempt(a.ask(a.SSL, Stage.TUNNEL), [*a.selects(a.SSL), *a.tunnel(), *a.settings(method=0, level=0)])
    found = standard(inside, offers(2, *a.settings(version=0x0008000D)), offers(8, *a.settings(version=0x00080004)))
    assert found.rdp_version == "10.8"
    assert len(found.methods_asked) == 2


def test_a_security_block_alone_is_enough() -> None:
    security = gcc.ServerSecurity(encryption_method=2, encryption_level=gcc.EncryptionLevel.LOW)
    found = standard(offers(2, *a.says(gcc.ConferenceCreateResponse(blocks=(security,)))))
    assert found.encryption_level == "LOW"
    assert found.rdp_version is None


def test_certificates() -> None:
    proprietary = standard(offers(2, *a.settings(certificate=a.real_certificate()))).certificate
    assert proprietary is not None
    assert (proprietary.kind, proprietary.key_bits, proprietary.signature_valid) == ("proprietary", 2048, True)
    chain = standard_security.X509CertificateChain(certificates=(b"root", b"leaf"))
    found = standard(
        offers(2, *a.settings(certificate=chain)), offers(8, *a.settings(certificate=a.real_certificate()))
    )
    assert found.certificate is not None
    assert (found.certificate.kind, found.certificate.certificates) == ("x509", 2)
    assert found.certificate.key_bits is None
    assert found.certificate.chain is not None
    assert [each.error is not None for each in found.certificate.chain.chain] == [True, True]
    unknown = standard_security.UnknownCertificate(version=3, body=b"")
    found = standard(offers(2, *a.settings(certificate=unknown)))
    assert found.certificate is not None
    assert found.certificate.kind == "unknown"
    assert standard(offers(2, *a.settings())).certificate is None


def test_the_chain_of_a_license_server_is_described_as_that_of_tls() -> None:
    root = authority("License server")
    leaf = Recipe(common="srv1", names=("srv1.example",), key=rsa_key(1024)).signed_by(root)
    chain = standard_security.X509CertificateChain(certificates=(root.der, leaf.der))  # the root first
    found = standard(offers(2, *a.settings(certificate=chain))).certificate
    assert found is not None
    assert found.chain is not None
    assert (found.kind, found.certificates, found.key_bits) == ("x509", 2, 1024)
    assert [each.subject for each in found.chain.chain] == ["CN=srv1", "CN=License server"]
    assert found.chain.name_match is True
    assert found.chain.served_to == []
    empty = standard(offers(2, *a.settings(certificate=standard_security.X509CertificateChain(certificates=()))))
    assert empty.certificate is not None
    assert (empty.certificate.certificates, empty.certificate.key_bits) == (0, None)


def nla(*events: Event, ending: Ending = Ending.COMPLETE, protocol: int = a.HYBRID) -> Attempt:
    return a.attempt(a.ask(protocol, Stage.TUNNEL), [*a.selects(protocol), *events], ending)


def inside(*attempts: Attempt, offset: float = 1_795_226_400.0) -> CredSsp:
    found = credssp([read(attempt) for attempt in attempts], offset)
    assert found is not None
    return found


@pytest.mark.parametrize("protocol", [a.HYBRID, a.HYBRID_EX])
def test_the_challenge_names_the_server(protocol: int) -> None:
    found = inside(nla(*a.tunnel(), *a.challenge(), protocol=protocol))
    assert (found.version, found.mechanisms, found.error, found.ending) == (6, ["NTLM"], None, None)
    server = found.ntlm
    assert server is not None
    assert (server.target_name, server.netbios_domain, server.netbios_computer) == ("CORP", "CORP", "SRV1")
    assert (server.dns_domain, server.dns_computer, server.dns_tree) == (
        "corp.example",
        "srv1.corp.example",
        "corp.example",
    )
    assert (server.os_build, server.os) == ("10.0.20348", "Windows Server 2022")
    assert server.timestamp == "2026-11-21T02:00:00.250Z"
    assert server.clock_skew_s == 0.2  # it arrived 0.01 s after the audit began


def test_every_computer_that_a_challenge_names_is_told_once() -> None:
    one = nla(*a.tunnel(), *a.challenge())
    assert inside(one, one).computers == ["srv1.corp.example, 10.0.20348"]
    newer = nla(*a.tunnel(), *a.challenge((10, 0, 26100)))
    nameless = nla(*a.tunnel(), *a.challenge(pairs=()))
    told = ["srv1.corp.example, 10.0.20348", "srv1.corp.example, 10.0.26100", "10.0.20348"]
    assert inside(one, newer, nameless, one).computers == told


def test_a_challenge_without_names_and_version_names_no_computer() -> None:
    empty = ntlm.PayloadField(length=0, maximum=0, offset=48)
    bare = ntlm.Challenge(
        flags=ntlm.NegotiateFlag.UNICODE,
        server_challenge=bytes(8),
        target_name_fields=empty,
        target_info_fields=empty,
        version=None,
        payload=b"",
    )
    request = TsRequest(version=6, nego_tokens=(b"token",))
    assert inside(nla(*a.tunnel(), *a.says(request, bare))).computers == []


def test_an_unlisted_build_has_no_release() -> None:
    found = inside(nla(*a.tunnel(), *a.challenge((10, 0, 65000)))).ntlm
    assert found is not None
    assert (found.os_build, found.os) == ("10.0.65000", None)


def test_an_error_code_is_named() -> None:
    for code, name in ((0xC000006D, "STATUS_LOGON_FAILURE"), (0xC0001234, "UNKNOWN_0xc0001234")):
        found = inside(nla(*a.tunnel(), *a.says(TsRequest(version=3, error_code=code))))
        assert (found.version, found.error, found.ntlm, found.mechanisms) == (3, name, None, [])


@pytest.mark.parametrize(
    ("mechanism", "expected"),
    [(spnego.NTLM, ["NTLM"]), (spnego.KERBEROS, ["NTLM", "Kerberos"]), (None, ["NTLM"])],
)
def test_mechanisms_are_those_the_answer_used(mechanism: bytes | None, expected: list[str]) -> None:
    answer = spnego.NegTokenResp(supported_mech=mechanism)
    assert inside(nla(*a.tunnel(), *a.challenge(), *a.says(answer))).mechanisms == expected


def test_an_offer_of_the_server_shows_nothing_usable() -> None:
    offer = spnego.NegTokenInit(mech_types=(spnego.KERBEROS,))
    assert inside(nla(*a.tunnel(), *a.says(TsRequest(version=6), offer))).mechanisms == []


@pytest.mark.parametrize(
    ("events", "ending", "shown"),
    [
        (a.closed_inside(), Ending.COMPLETE, "closed"),
        ([], Ending.RESET, "reset"),
        ([], Ending.TIMED_OUT, "timed_out"),
    ],
)
def test_an_exchange_without_an_answer_says_how_it_ended(events: list[Event], ending: Ending, shown: str) -> None:
    found = inside(nla(*a.tunnel(), *events, ending=ending))
    assert found == CredSsp(ending=shown)  # type: ignore[arg-type]


def test_an_answer_that_is_no_ts_request_is_called_malformed_and_not_closed() -> None:
    found = inside(nla(*a.tunnel(), *a.malformed(b"\x30"), ending=Ending.COMPLETE))
    assert found == CredSsp(answer="malformed", ending="complete")


def test_of_several_exchanges_the_answered_one_is_shown() -> None:
    found = inside(nla(*a.tunnel(), ending=Ending.RESET), nla(*a.tunnel(), *a.challenge()), nla(*a.tunnel()))
    assert found.version == 6


@pytest.mark.parametrize(
    "attempt",
    [
        nla(ending=Ending.RESET),
        nla(*a.says(a.hello(a.TLS12))),
        a.attempt(a.ask(a.HYBRID, Stage.TUNNEL), a.fails(2)),
        a.attempt(a.ask(a.SSL, Stage.TUNNEL), [*a.selects(a.SSL), *a.tunnel()]),
        a.attempt(a.ask(a.HYBRID, Stage.TUNNEL), a.selects(a.RDP)),
    ],
    ids=["no hello", "no handshake", "failure", "SSL", "RDP"],
)
def test_no_credssp_where_it_was_not_reached(attempt: Attempt) -> None:
    assert credssp([read(attempt)], 0.0) is None


def test_a_challenge_without_version_or_names_is_still_one() -> None:
    bare = ntlm.Challenge(flags=0, server_challenge=bytes(8))
    found = inside(nla(*a.tunnel(), *a.says(TsRequest(version=2), bare))).ntlm
    assert found is not None
    assert found.os_build is None
    assert found.netbios_domain is None
    assert found.timestamp is None
    assert found.clock_skew_s is None


def test_broken_av_pairs_keep_what_stands_before_the_fault() -> None:
    whole = a.challenge()[1]
    message = getattr(whole, "message", None)
    assert isinstance(message, ntlm.Challenge)
    at = message.payload.index("corp.example".encode("utf-16-le")) - 2
    payload = message.payload[:at] + b"\xff\xff" + message.payload[at + 2 :]
    broken = ntlm.Challenge(
        flags=message.flags,
        server_challenge=message.server_challenge,
        target_name_fields=message.target_name_fields,
        target_info_fields=message.target_info_fields,
        version=message.version,
        payload=payload,
    )
    found = inside(nla(*a.tunnel(), *a.says(TsRequest(version=6), broken))).ntlm
    assert found is not None
    assert (found.target_name, found.netbios_computer, found.dns_domain) == ("CORP", "SRV1", None)
    assert found.os == "Windows Server 2022"
    assert found.timestamp is None


@pytest.mark.parametrize(
    ("stamp", "shown"),
    [(0, "1601-01-01T00:00:00.000Z"), ((1 << 64) - 1, None), (a.filetime(253_402_300_800.0), None)],
    ids=["1601", "the end", "10000"],
)
def test_an_absurd_clock_is_a_skew_and_no_error(stamp: int, shown: str | None) -> None:
    found = inside(nla(*a.tunnel(), *a.challenge(pairs=a.names(stamp)))).ntlm
    assert found is not None
    assert found.timestamp == shown
    assert found.clock_skew_s is not None
    assert abs(found.clock_skew_s) > 1e9


def test_a_time_is_utc_to_the_millisecond() -> None:
    assert timestamp(0.0015) == "1970-01-01T00:00:00.001Z"
