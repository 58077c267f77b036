"""CredSSP and Standard RDP Security: met and nearly met."""

from __future__ import annotations

import dataclasses

import pytest

from probe.clients.profile import CredSspProfile
from probe.diagnosis.clients import evaluate, walk
from probe.result import (
    CredSsp,
    Licensing,
    MethodAttempt,
    NegotiationAttempt,
    Ntlm,
    Result,
    Server,
    StandardCertificate,
)
from probe.result.licensing import LicensingAnswer
from tests.clients.results import RSA_KEY_CBC, certified, in_full, modern, of, profile, standard, with_nla, with_tls
from tests.diagnosis.results import ACCEPTED

IN_DOMAIN = Ntlm(netbios_domain="CORP", netbios_computer="SRV1")
ALONE = Ntlm(netbios_domain="SRV1", netbios_computer="SRV1")


@pytest.mark.parametrize(("version", "connects"), [(2, False), (4, False), (5, True), (6, True)])
def test_patched_clients_refuse_old_credssp(version: int, connects: bool) -> None:
    outcome = of("mstsc-win10", with_nla(version))
    assert outcome.connects is connects
    assert (outcome.code == "CREDSSP_OUTDATED") is not connects
    assert of("freerdp2", with_nla(version)).connects is True


def test_nla_that_was_not_tried_or_not_answered_is_unknown() -> None:
    described = with_nla(None)
    assert of("mstsc-win10", described).connects is None
    described.credssp = None
    assert of("mstsc-win10", described).connects is None


def test_ntlm_that_is_not_answered_leaves_kerberos() -> None:
    assert of("mstsc-win10", with_nla(mechanisms=("Kerberos",))).connects is None
    assert "Kerberos" in of("mstsc-win10", with_nla(mechanisms=("Kerberos",))).because


@pytest.mark.parametrize("mechanisms", [(), ("NTLM",)])
def test_ntlm_that_is_named_without_a_challenge_proves_nothing(mechanisms: tuple[str, ...]) -> None:
    described = with_nla()
    described.credssp = CredSsp(version=6, mechanisms=list(mechanisms))
    for key in ("mstsc-win10", "freerdp2", "ironrdp"):
        outcome = of(key, described)
        assert (outcome.connects, outcome.stage) == (None, "credssp")
        assert "no NTLM challenge" in outcome.because
    described.credssp.error = "STATUS_LOGON_FAILURE"
    assert "STATUS_LOGON_FAILURE" in of("mstsc-win10", described).because
    described.credssp.error = "STATUS_NTLM_BLOCKED"
    assert "Kerberos" in of("mstsc-win10", described).because
    alone = CredSspProfile(version=6, mechanisms=("NTLM",))
    assert walk(dataclasses.replace(profile("freerdp3"), credssp=alone), described).code == "NTLM_REFUSED"


@pytest.mark.parametrize(
    ("certificate", "of_windows", "of_freerdp"),
    [
        (StandardCertificate(kind="unknown"), None, None),
        (StandardCertificate(kind="proprietary", key_bits=0), False, False),
        (StandardCertificate(kind="proprietary", key_bits=512, signature_valid=False), None, True),
        (StandardCertificate(kind="proprietary", key_bits=512, signature_valid=True), True, True),
    ],
)
def test_a_key_that_nobody_can_use_lets_nobody_in(
    certificate: StandardCertificate, of_windows: bool | None, of_freerdp: bool | None
) -> None:
    described = standard("128BIT")
    assert described.standard_rdp is not None
    described.standard_rdp.certificate = certificate
    assert of("mstsc-win10", described).connects is of_windows
    assert of("freerdp2", described).connects is of_freerdp


def test_licenses_over_its_own_protocol_count_alone() -> None:
    described = modern(RDP=ACCEPTED)
    failed = Licensing(over="RDP", answer="error", code="ERR_NO_LICENSE_SERVER")
    described.licensing = [failed, Licensing(over="SSL", answer="valid_client")]
    assert of("mstsc-win11", described).connects is True
    described.licensing.reverse()
    assert of("mstsc-win11", described).connects is True
    described.licensing = [failed, Licensing(over="SSL")]  # its own was not answered
    assert of("mstsc-win11", described).connects is None


def test_a_client_of_kerberos_alone_needs_a_domain() -> None:
    outcome = of("rdesktop", with_nla(ntlm=ALONE))
    assert (outcome.connects, outcome.stage, outcome.code) == (False, "credssp", "NLA_REQUIRED")
    assert of("rdesktop", with_nla(ntlm=IN_DOMAIN)).connects is None
    assert of("rdesktop", with_nla()).connects is None


def test_a_client_of_kerberos_alone_falls_back_to_tls() -> None:
    described = with_nla(ntlm=ALONE)
    assert described.negotiation is not None
    described.negotiation.protocols["SSL"] = ACCEPTED
    outcome = of("rdesktop", described)
    assert (outcome.connects, outcome.protocol) == (True, "SSL")
    assert "after" in outcome.because


def test_rdesktop_binds_credssp_to_rsa_keys_only() -> None:
    outcome = of("rdesktop", certified(with_nla(ntlm=IN_DOMAIN), "EC"))
    assert (outcome.connects, outcome.stage) == (False, "certificate")
    assert of("rdesktop", certified(with_nla(ntlm=IN_DOMAIN), "EC", "RSA")).connects is None
    assert of("rdesktop", certified(modern(), "EC")).connects is True  # over TLS alone any key will do


@pytest.mark.parametrize(
    ("methods", "connects"),
    [(("128BIT",), True), (("40BIT",), True), (("FIPS",), False), (("56BIT",), False)],
)
def test_encryption_methods_of_rdesktop(methods: tuple[str, ...], connects: bool) -> None:
    outcome = of("rdesktop", standard(*methods))
    assert outcome.connects is connects
    expected = None if connects else "ENCRYPTION_FIPS_ONLY" if methods == ("FIPS",) else "ENCRYPTION_REFUSED"
    assert outcome.code == expected


def asked(described: Result, **endings: str | None) -> Result:
    assert described.standard_rdp is not None
    described.standard_rdp.ignores_offered_methods = False
    described.standard_rdp.methods_asked = [
        MethodAttempt(offered=name, method=[name] if ending is None else None, ending=ending)  # type: ignore[arg-type]
        for name, ending in endings.items()
    ]
    return described


def test_methods_that_were_refused_one_by_one() -> None:
    refused = asked(standard(), FIPS="closed")
    assert of("mstsc-win10", refused).code == "ENCRYPTION_REFUSED"
    assert of("mstsc-win10", asked(standard(), FIPS="timed_out")).connects is None
    assert of("rdesktop", asked(standard("FIPS"), FIPS=None, **{"128BIT": "closed"})).connects is False
    assert of("rdesktop", asked(standard("FIPS"), FIPS=None, **{"128BIT": "timed_out"})).connects is None


def test_no_encryption_at_all() -> None:
    described = standard(level="NONE")
    assert of("mstsc-win10", described).connects is None  # not documented
    assert of("freerdp2", described).connects is True
    assert of("rdesktop", described).code == "ENCRYPTION_REFUSED"


def test_standard_rdp_security_that_was_not_tried_is_unknown() -> None:
    described = standard("128BIT")
    described.standard_rdp = None
    assert of("mstsc-win10", described).connects is None
    assert of("windows-app-mac", described).connects is None


def test_what_is_not_documented_of_an_app_is_unknown() -> None:
    assert of("windows-app-mac", standard("128BIT")).connects is None
    assert of("windows-app-mac", with_nla(2)).connects is None
    assert of("windows-app-mac", with_nla(6)).connects is not False


def test_faults_between_a_client_and_a_server_leave_it_open() -> None:
    described = standard("128BIT")
    assert of("freerdp2", described).connects is True
    described.server = Server(kind="xrdp")
    assert of("freerdp2", described).connects is None
    assert of("rdesktop", described).connects is True
    fips = standard("FIPS")
    fips.server = Server(kind="xrdp")
    assert of("freerdp2", fips).connects is True
    over_tls = modern()
    over_tls.server = Server(kind="xrdp")
    assert of("freerdp2", over_tls).connects is True
    over_tls.server = Server(kind="freerdp")
    assert of("rdesktop", over_tls).connects is None


def test_who_fails_is_told_what_helps() -> None:
    told = {client.client: client for client in evaluate(with_nla(4, ntlm=ALONE))}
    windows, xp = told["Windows 10 (mstsc)"], told["Windows XP SP3 (mstsc 6.1, 7.0)"]
    assert windows.hint is not None
    assert "CVE-2018-0886" in windows.hint
    assert windows.user_sees is not None
    assert "CredSSP encryption oracle remediation" in windows.user_sees
    assert (windows.protocol, windows.version, windows.fails_at) == ("HYBRID_EX", "TLSv1.2", "credssp")
    assert xp.hint == "connect from FreeRDP 3"  # every later Windows is refused as well
    assert told["IronRDP"].connects is True
    assert told["Windows XP (mstsc 5.1, 5.2)"].user_sees is None  # not documented


def test_a_client_without_nla_that_is_led_into_it_fails_there() -> None:
    described = with_nla()
    assert described.negotiation is not None
    described.negotiation.attempts = [NegotiationAttempt(requested=["SSL"], selected="HYBRID", elapsed_ms=1.0)]
    described = with_tls(described, {"TLSv1.0": (RSA_KEY_CBC, None)}, rejected=("TLSv1.3", "TLSv1.2", "TLSv1.1"))
    assert of("mstsc-xp-sp3", described).connects is None  # its suites are not among what was seen
    in_full(described, TLSv1_0=(0x0005,))
    outcome = of("mstsc-xp-sp3", described)
    assert (outcome.connects, outcome.stage, outcome.code) == (False, "credssp", "NLA_REQUIRED")


def test_a_client_that_has_ntlm_alone() -> None:
    alone = CredSspProfile(version=6, mechanisms=("NTLM",))
    ntlm_only = dataclasses.replace(profile("freerdp3"), credssp=alone)
    outcome = walk(ntlm_only, with_nla(mechanisms=("Kerberos",)))
    assert (outcome.connects, outcome.stage, outcome.code) == (False, "credssp", "NTLM_REFUSED")
    assert walk(ntlm_only, with_nla()).connects is True


def test_which_methods_are_taken_is_not_known_where_none_was_asked() -> None:
    assert of("mstsc-win10", standard(ignores=None)).connects is None


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (Licensing(over="SSL", answer="error", code="ERR_NO_LICENSE_SERVER"), "LICENSING_FAILED"),
        (Licensing(over="SSL", answer="error_info", error_info_code=0x101), "LICENSING_FAILED"),
        (Licensing(over="SSL", answer="valid_client", then="error_info", error_info_code=0x7), "CONNECTION_LIMIT"),
    ],
)
def test_what_the_licensing_phase_ends_with_keeps_everybody_out(entry: Licensing, code: str) -> None:
    described = modern()
    described.licensing = [entry]
    for client in (outcome := of("mstsc-win11", described), of("rdesktop", described)):
        assert (client.connects, client.stage, client.code, client.protocol) == (False, "licensing", code, "SSL")
    assert outcome.version is not None


def test_licenses_that_were_asked_for_over_another_protocol_leave_it_open() -> None:
    described = with_nla()
    described.licensing = [Licensing(over="SSL", answer="error", code="ERR_NO_LICENSE_SERVER")]
    outcome = of("mstsc-win11", described)
    assert (outcome.connects, outcome.stage) == (None, "licensing")


@pytest.mark.parametrize("answer", ["valid_client", "license_request", "demand_active", None])
def test_a_content_or_silent_licensing_phase_keeps_nobody_out(answer: LicensingAnswer | None) -> None:
    described = modern()
    described.licensing = [Licensing(over="SSL", answer=answer), Licensing(over="SSL", error_info_code=0x5)]
    assert of("mstsc-win11", described).connects is True
