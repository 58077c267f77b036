from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import Truncated, WireError
from probe.wire.ntlm import SIGNATURE, NegotiateFlag
from probe.wire.ntlm_names import NtlmNames
from tests.vectors import vector

SECRET = b"the proof of a password!"


def authenticate(user: str, domain: str, workstation: str, *, unicode: bool = True) -> bytes:
    """An AUTHENTICATE_MESSAGE laid out by [MS-NLMP] 2.2.1.3, without Version and MIC."""
    encoding = "utf-16-le" if unicode else "ascii"
    values = [SECRET, SECRET, *(text.encode(encoding) for text in (domain, user, workstation)), SECRET]
    at, fields, payload = 64, b"", b""
    for value in values:
        fields += struct.pack("<HHI", len(value), len(value), at + len(payload))
        payload += value
    flags = int(NegotiateFlag.UNICODE) if unicode else int(NegotiateFlag.OEM)
    return SIGNATURE + struct.pack("<I", 3) + fields + struct.pack("<I", flags) + payload


@pytest.mark.parametrize("unicode", [True, False])
def test_who_wants_to_log_on_and_nothing_else(*, unicode: bool) -> None:
    names = NtlmNames.of(authenticate("eltons", "NTDEV", "ELTONS-DEV2", unicode=unicode))
    assert names == NtlmNames(user="eltons", domain="NTDEV", workstation="ELTONS-DEV2")
    assert SECRET.decode() not in repr(names)


def test_a_name_that_was_left_empty_is_none() -> None:
    assert NtlmNames.of(authenticate("", "", "")) == NtlmNames()


def test_a_name_beyond_the_end() -> None:
    with pytest.raises(Truncated):
        NtlmNames.of(authenticate("eltons", "NTDEV", "X")[:80])


@given(st.one_of(st.binary(), st.binary().map(lambda tail: SIGNATURE + b"\3\0\0\0" + tail)))
def test_any_bytes_give_names_or_a_named_error(data: bytes) -> None:
    try:
        NtlmNames.of(data)
    except WireError:
        return


def test_another_message_has_no_names() -> None:
    with pytest.raises(WireError):
        NtlmNames.of(vector("credssp_raw_ntlm"))
