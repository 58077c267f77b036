"""What an RD Gateway puts into HTTP: the fields of our request, and the schemes that WWW-Authenticate names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import InvalidField
from probe.wire.cursor import Writer
from probe.wire.ntlm import probe_negotiate
from probe.wire.rdg import HttpAnswer, HttpChallenge, authorization, challenges, request_fields

OWN = frozenset({"PAA"})


def schemes(*values: str) -> list[tuple[str, str]]:
    return [(challenge.scheme, challenge.rest) for challenge in challenges(values)]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ((), []),
        (("Negotiate", "NTLM"), [("Negotiate", ""), ("NTLM", "")]),
        (("Negotiate, NTLM",), [("Negotiate", ""), ("NTLM", "")]),
        (("NTLM TlRMTVNTUAACAAAA==",), [("NTLM", "TlRMTVNTUAACAAAA==")]),
        (("Negotiate oYG, NTLM abc=",), [("Negotiate", "oYG"), ("NTLM", "abc=")]),
        (('Basic realm="a, b", charset="UTF-8"',), [("Basic", 'realm="a, b", charset="UTF-8"')]),
        (
            ('Basic realm="a\\", NTLM", Digest qop = "auth",nonce=1',),
            [("Basic", 'realm="a\\", NTLM"'), ("Digest", 'qop = "auth", nonce=1')],
        ),
        (("SSPI_NTLM", "PAA", "SMARTCARD"), [("SSPI_NTLM", ""), ("PAA", ""), ("SMARTCARD", "")]),
        ((" ,, NTLM ,",), [("NTLM", "")]),
        (("", "@", 'realm="nobody\'s"', '"'), []),
    ],
)
def test_the_schemes_that_are_asked_for(values: tuple[str, ...], named: list[tuple[str, str]]) -> None:
    assert schemes(*values) == named


def test_there_is_an_end_to_them() -> None:
    assert len(challenges(["NTLM, " * 1000])) == len(challenges(["NTLM"] * 1000)) == 32


@given(st.lists(st.text(max_size=60), max_size=4))
def test_any_text_gives_schemes_that_are_tokens(values: list[str]) -> None:
    for challenge in challenges(values):
        assert challenge.scheme.isascii()
        assert not set(challenge.scheme) & set(' ,"=')


def test_hostile_quotes_take_no_time() -> None:
    assert challenges(['Basic realm="' + "\\" * 16000]) != ()
    assert challenges(['"' * 16000]) == ()
    assert challenges(['"\\' * 8000]) == ()


def test_a_string_that_is_never_closed_takes_the_rest() -> None:
    assert [each.scheme for each in challenges(['Basic realm="a, NTLM', "Negotiate"])] == ["Basic", "Negotiate"]


def test_a_token_is_base64_and_nothing_else() -> None:
    assert HttpChallenge(scheme="NTLM", rest="AAEC").token == b"\0\1\2"
    assert HttpChallenge(scheme="NTLM").token == b""
    for rest in ("A", "A*==", "é"):
        with pytest.raises(InvalidField):
            _ = HttpChallenge(scheme="NTLM", rest=rest).token


def test_schemes_are_told_without_regard_to_case() -> None:
    answer = HttpAnswer(status=401, reason="", server=None, challenges=challenges(["paa"]))
    assert answer.offers(OWN)
    assert not answer.offers(frozenset({"NTLM"}))


@pytest.mark.parametrize(
    ("offered", "scheme"), [("NTLM", "NTLM"), ("Negotiate, ntlm", "NTLM"), ("Negotiate", "Negotiate")]
)
def test_the_negotiate_goes_by_a_scheme_that_is_offered(offered: str, scheme: str) -> None:
    w = Writer()
    probe_negotiate().write(w)
    answer = HttpAnswer(status=401, reason="", server=None, challenges=challenges([offered]))
    wanted = f"{scheme} TlRMTVNTUAABAAAAl4II4gAAAAAoAAAAAAAAACgAAAAKAGNFAAAADw=="
    assert authorization(answer, w.getvalue()) == wanted


@pytest.mark.parametrize(
    ("host", "port", "named"),
    [("gw.example", 443, "gw.example"), ("gw.example", 8443, "gw.example:8443"), ("::1", 444, "[::1]:444")],
)
def test_the_request_names_the_gateway_and_nobody_else(host: str, port: int, named: str) -> None:
    fields = dict(request_fields(host, port, bytes(range(16))))
    assert fields["Host"] == named
    assert fields["User-Agent"] == "MS-RDGateway/1.0"
    assert fields["RDG-Connection-Id"] == "{00010203-0405-0607-0809-0a0b0c0d0e0f}"
    assert "RDG-User-Id" not in fields
    assert "Authorization" not in fields
