from __future__ import annotations

import pytest

from probe.errors import InvalidField, Truncated
from probe.wire import nego
from probe.wire.cursor import Reader, Writer

CORRELATION = nego.CorrelationInfo(correlation_id=bytes(range(1, 17)))


def read_pcb(raw: bytes) -> nego.PreconnectionPdu:
    return nego.PreconnectionPdu.read(Reader(raw, "RDP_PRECONNECTION_PDU"))


# [MS-RDPEPS] section 4: the samples of version 1 and version 2.
@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("100000000000000001000000eb99c6ee", nego.PreconnectionPdu(version=1, id=0xEEC699EB)),
        (
            "20000000000000000200000000000000" + "0700" + "540065007300740056004d000000",
            nego.PreconnectionPdu.naming("TestVM"),
        ),
    ],
)
def test_preconnection_samples(raw: str, expected: nego.PreconnectionPdu) -> None:
    data = bytes.fromhex(raw)
    assert read_pcb(data) == expected
    w = Writer()
    expected.write(w)
    assert w.getvalue() == data


def test_a_preconnection_pdu_shorter_than_its_header_is_refused() -> None:
    with pytest.raises(InvalidField) as caught:
        read_pcb(bytes.fromhex("0f0000000000000001000000"))
    assert caught.value.field == "cbSize"


def test_a_blob_longer_than_the_pdu_is_truncated() -> None:
    with pytest.raises(Truncated):
        read_pcb(bytes.fromhex("12000000000000000200000000000000ffff"))


@pytest.mark.parametrize(
    "token",
    [
        b"Cookie: mstshash=eltons",
        b"Cookie: msts=3640205228.15629.0000",
        b"tsv://MS Terminal Services Plugin.1.Farm",
        b"",
    ],
)
def test_tokens_survive_whatever_they_are(token: bytes) -> None:
    data = nego.RequestData(token=token, negotiation=nego.NegotiationRequest(protocols=3), correlation=CORRELATION)
    assert nego.RequestData.read(data.write()) == data
    assert (data.cookie is None) == (not token.startswith(b"Cookie: mstshash="))


def test_a_token_without_line_end_is_kept_as_unknown() -> None:
    data = nego.RequestData.read(b"Cookie: mstshash=eltons")
    assert data == nego.RequestData(unknown=b"Cookie: mstshash=eltons")
    assert data.cookie is None


def test_other_services_parameters_are_kept() -> None:
    data = nego.ConfirmData.read(bytes.fromhex("c0010ac1020100c2020102"))  # a Siemens PLC
    assert data.negotiation is None
    assert data.write() == bytes.fromhex("c0010ac1020100c2020102")


def test_unlisted_codes_and_flags_survive() -> None:
    raw = bytes.fromhex("0380080099000000")
    data = nego.ConfirmData.read(raw)
    assert isinstance(data.negotiation, nego.NegotiationFailure)
    assert data.negotiation.code.name == "UNKNOWN_0x99"
    assert data.negotiation.flags == 0x80
    assert data.write() == raw


@pytest.mark.parametrize("raw", ["0200090000000000", "0300000005000000", "02000800"])
def test_a_wrong_length_is_refused(raw: str) -> None:
    with pytest.raises((InvalidField, Truncated)):
        nego.ConfirmData.read(bytes.fromhex(raw))
