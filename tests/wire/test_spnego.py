"""SPNEGO tokens as Windows and the specification write them, and what is not SPNEGO."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import InvalidField, Truncated, WireError
from probe.wire import spnego
from probe.wire.credssp import TsRequest
from probe.wire.cursor import Reader, Writer
from probe.wire.spnego import NegState, NegTokenInit, NegTokenResp, RawToken, mechanism_name, read_token
from tests.vectors import vector


def token_of(name: str) -> bytes:
    tokens = TsRequest.read(Reader(vector(name), "TSRequest")).nego_tokens
    assert tokens is not None
    return tokens[0]


def write(token: NegTokenInit | NegTokenResp | RawToken) -> bytes:
    w = Writer()
    token.write(w)
    return w.getvalue()


@pytest.mark.parametrize(
    ("name", "mechanisms", "mech_token"),
    [
        ("credssp_spnego_ntlm", ["NTLM"], b"NTLMSSP\0\x01"),
        ("credssp_spnego_kerberos", ["MS-Kerberos", "Kerberos"], None),
        ("credssp_spnego_kerberos_ntlm", ["MS-Kerberos", "Kerberos", "NTLM"], None),
        ("credssp_init_windows10", ["MS-Kerberos", "Kerberos", "NegoEx", "NTLM"], bytes.fromhex("6040060a2a864886f7")),
    ],
)
def test_offers(name: str, mechanisms: list[str], mech_token: bytes | None) -> None:
    raw = token_of(name)
    token = read_token(raw)
    assert isinstance(token, NegTokenInit)
    assert [mechanism_name(oid) for oid in token.mech_types] == mechanisms
    assert token.mech_token == mech_token or (token.mech_token or b"")[:9] == mech_token
    assert write(token) == raw


def test_the_answer_of_windows() -> None:
    raw = token_of("credssp_resp_windows2016")
    token = read_token(raw)
    assert isinstance(token, NegTokenResp)
    assert token.state is NegState.ACCEPT_INCOMPLETE
    assert mechanism_name(token.supported_mech or b"") == "MS-Kerberos"
    assert token.response_token is not None
    assert len(token.response_token) == 1059
    assert token.mech_list_mic is None
    assert write(token) == raw


def test_a_reject_without_anything_else() -> None:
    # By hand from RFC 4178 section 4.2.2.
    raw = bytes.fromhex("a1073005a0030a0102")
    token = read_token(raw)
    assert token == NegTokenResp(state=NegState.REJECT)
    assert write(NegTokenResp(state=NegState.REJECT)) == raw
    assert read_token(bytes.fromhex("a1023000")) == NegTokenResp()


@pytest.mark.parametrize(
    "raw",
    [
        token_of("credssp_raw_ntlm"),
        bytes(0x2FE0),
        b"",
        bytes.fromhex("6040060a2a864886f71201020203") + bytes(0x34),  # Kerberos U2U under its own identifier
    ],
)
def test_other_tokens_are_kept_raw(raw: bytes) -> None:
    assert read_token(raw) == RawToken(body=raw)


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        ("60", Truncated),
        ("6002 0601", Truncated),
        ("6008 0606 2b0601050502", Truncated),  # no negTokenInit
        ("600c 0606 2b0601050502 a0023000", Truncated),  # no mechTypes
        ("6010 0606 2b0601050502 a0063004a0023000 ff", InvalidField),  # bytes behind the token
        ("6011 0606 2b0601050502 a0063004a0023000 ff", InvalidField),  # inside it
        ("6011 0606 2b0601050502 a0073004a0023000 ff", InvalidField),  # inside [0]
        ("6011 0606 2b0601050502 a0073005a0033000ff", InvalidField),  # behind the list of mechanisms
        ("6012 0606 2b0601050502 a0083006a00430020500", InvalidField),  # a mechanism that is no identifier
        ("a103300000", InvalidField),
        ("a1023000 00", InvalidField),
        ("a1083006a0040a010200", InvalidField),  # bytes behind negState
        ("a1073005a003020102", InvalidField),  # an INTEGER for the ENUMERATED
        ("a1083006a20404010000", InvalidField),  # bytes behind responseToken
    ],
)
def test_broken_tokens(raw: str, error: type[WireError]) -> None:
    with pytest.raises(error):
        read_token(bytes.fromhex(raw))


def test_init_refuses_another_identifier() -> None:
    with pytest.raises(InvalidField, match="not SPNEGO"):
        NegTokenInit.read(Reader(bytes.fromhex("6040060a2a864886f71201020203") + bytes(0x34), "NegTokenInit"))


@pytest.mark.parametrize(
    ("oid", "name"),
    [
        ("2b06010401823702020a", "NTLM"),
        ("2a864886f712010202", "Kerberos"),
        ("2a864882f712010202", "MS-Kerberos"),
        ("2a864886f71201020203", "Kerberos U2U"),
        ("2b06010401823702021e", "NegoEx"),
        ("2b0601050502", "1.3.6.1.5.5.2"),
        ("883703", "2.999.3"),  # X.660's own example, joint-iso-itu-t(2) example(999)
        ("00", "0.0"),
        ("67", "2.23"),
        ("", "0x"),
        ("2b86", "0x2b86"),
        ("2b" + "ff" * 40 + "7f", "0x2b" + "ff" * 40 + "7f"),
    ],
)
def test_mechanism_names(oid: str, name: str) -> None:
    assert mechanism_name(bytes.fromhex(oid)) == name


@given(oid=st.binary(max_size=60))
def test_every_mechanism_has_a_printable_name(oid: bytes) -> None:
    name = mechanism_name(oid)
    assert name
    assert name.isascii()
    assert name.isprintable()


def test_names_are_known_for_all_identifiers_but_spnego_itself() -> None:
    assert spnego.SPNEGO not in spnego.MECHANISMS
    assert len(set(spnego.MECHANISMS.values())) == len(spnego.MECHANISMS) == 5
