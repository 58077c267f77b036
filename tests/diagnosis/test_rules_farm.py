from __future__ import annotations

import pytest

from probe.result import CredSsp, Licensing, Result
from tests.diagnosis.results import attempted, certificate, codes, credssp, result, served, the


def confirmed(*attempts: tuple[str, str | None, tuple[str, ...]]) -> Result:
    """Attempts with a reference, what was selected of SSL and HYBRID, and the flags."""
    described = attempted()
    assert described.negotiation is not None
    described.negotiation.attempts.clear()
    for reference, selected, flags in attempts:
        [each] = attempted(requested=("SSL", "HYBRID"), selected=selected).negotiation.attempts  # type: ignore[union-attr]
        each.source_reference, each.flags = reference, list(flags)
        described.negotiation.attempts.append(each)
    return described


def test_ntlm_challenges_of_two_computers() -> None:
    described = credssp(CredSsp(version=6, computers=["SRV1, 10.0.20348", "SRV2, 10.0.20348"]))
    found = the("LOAD_BALANCED", described)
    assert found.evidence == [
        "an NTLM challenge names SRV1, 10.0.20348",
        "an NTLM challenge names SRV2, 10.0.20348",
    ]
    assert found.severity == "info"
    assert "LOAD_BALANCED" not in codes(credssp(CredSsp(version=6, computers=["SRV1, 10.0.20348"])))


def test_confirms_of_different_software() -> None:
    found = the("LOAD_BALANCED", confirmed(("0x1234", "SSL", ()), ("0x0000", "SSL", ())))
    assert found.evidence == ["Connection Confirms carry the references 0x1234, 0x0000"]


@pytest.mark.parametrize(
    "attempts",
    [
        (("0x1234", "SSL", ()), ("0x1234", "SSL", ())),
        (("0x0001", "SSL", ()), ("0x0002", "SSL", ())),  # counted up for each connection by one server
        (("0x1234", "SSL", ("A",)), ("0x1234", "HYBRID", ("A", "B"))),  # flags may go with what was selected
        (("0x1234", "SSL", ("A",)), ("0x1234", None, ())),
    ],
)
def test_confirms_that_one_server_gives(attempts: tuple[tuple[str, str | None, tuple[str, ...]], ...]) -> None:
    assert "LOAD_BALANCED" not in codes(confirmed(*attempts))


def test_flags_that_differ_for_the_same_request() -> None:
    found = the("LOAD_BALANCED", confirmed(("0x1234", "HYBRID", ("A",)), ("0x1234", "HYBRID", ())))
    assert found.evidence == ["asked for SSL+HYBRID, selected HYBRID with different flags: A; none"]


def test_certificates_for_different_subjects() -> None:
    described = served(certificate("aa", subject="CN=one"), certificate("bb", subject="CN=two"))
    assert the("LOAD_BALANCED", described).evidence == ["RSA certificates are for CN=one; CN=two"]
    assert "CERT_VARIES" in codes(described)


@pytest.mark.parametrize(
    "described",
    [
        served(certificate("aa"), certificate("bb")),  # renewed, for the same subject
        served(certificate("aa", subject="CN=one"), certificate("bb", subject="CN=two", key="EC")),
        served(certificate("aa", subject="CN=one"), certificate("bb", subject="CN=two", key=None)),
        served(certificate("aa", subject="CN=one"), certificate("bb", subject=None)),
    ],
)
def test_certificates_that_one_server_may_have(described: Result) -> None:
    assert "LOAD_BALANCED" not in codes(described)
    assert "CERT_VARIES" in codes(described)


def test_what_is_no_rdp_is_no_farm() -> None:
    described = confirmed(("0x1234", None, ()), ("0x0000", None, ()))
    described.status = "not_rdp"
    described.target.routing_token = "Cookie: msts=16777343.15629.0000"
    assert not {"LOAD_BALANCED", "REDIRECTED"} & set(codes(described))


@pytest.mark.parametrize(
    ("token", "where"),
    [
        ("Cookie: msts=3640205228.15629.0000", "172.31.249.216:3389"),
        ("Cookie: msts=16777343.15629.0000", "127.0.0.1:3389"),
        ("Cookie: msts=4294967296.15629.0000", "the token names no address that could be read"),
        ("Cookie: msts=16777343.65536.0000", "the token names no address that could be read"),
        ("Cookie: msts=12345", "the token names no address that could be read"),
        ("tsv://MS Terminal Services Plugin.1.Farm", "the token names no address that could be read"),
    ],
)
def test_a_routing_token_and_whom_it_names(token: str, where: str) -> None:
    described = result()
    described.target.routing_token = token
    found = the("REDIRECTED", described)
    assert found.summary.endswith(f": {where}.")
    assert found.evidence == [f"sent the routing token {token}"]


def test_a_server_that_needs_no_token_is_not_redirected() -> None:
    assert codes(result()) == []
    silent = result("silent", ending="timed_out")
    silent.target.routing_token = "Cookie: msts=16777343.15629.0000"
    assert "REDIRECTED" not in codes(silent)


@pytest.mark.parametrize(
    ("entry", "where", "said"),
    [
        (
            Licensing(over="SSL", answer="redirection"),
            "the server sends clients on to another",
            "over SSL, the server sent a redirection",
        ),
        (
            Licensing(over="RDP", answer="valid_client", then="redirection"),
            "the server sends clients on to another",
            "over RDP, the server sent a redirection",
        ),
        (
            Licensing(
                over="SSL",
                answer="error_info",
                error_info="ERRINFO_CB_DESTINATION_NOT_FOUND",
                error_info_code=0x0400,
            ),
            "ERRINFO_CB_DESTINATION_NOT_FOUND",
            "over SSL, the connection broker said ERRINFO_CB_DESTINATION_NOT_FOUND",
        ),
        (
            Licensing(over="SSL", answer="error_info", error_info_code=0x0403),
            "0x0403",
            "over SSL, the connection broker said 0x0403",
        ),
    ],
)
def test_a_server_that_sends_clients_on(entry: Licensing, where: str, said: str) -> None:
    described = result()
    described.licensing = [entry]
    found = the("REDIRECTED", described)
    assert found.summary.endswith(f": {where}.")
    assert found.evidence == [said]


@pytest.mark.parametrize("code", [0x0007, 0x0408, 0x0413])
def test_other_words_of_the_server_send_nobody_on(code: int) -> None:
    described = result()
    described.licensing = [Licensing(over="SSL", answer="error_info", error_info_code=code)]
    assert "REDIRECTED" not in codes(described)
