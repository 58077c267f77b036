from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import InvalidField, WireError
from probe.wire import spnego
from probe.wire.asn1 import OBJECT_IDENTIFIER, SEQUENCE, Asn1Writer, context
from probe.wire.credssp import TsRequest
from probe.wire.cursor import Reader
from probe.wire.kerberos import KerberosService
from tests.vectors import vector

GENERAL_STRING = 0x1B


def read(token: bytes) -> KerberosService:
    return KerberosService.of(Reader(token, "Kerberos"))


def _principal(w: Asn1Writer, *names: str) -> None:
    with w.element(SEQUENCE):
        with w.element(context(0)):
            w.integer(2)
        with w.element(context(1)), w.element(SEQUENCE):
            for name in names:
                w.octets(name.encode(), GENERAL_STRING)


def ap_req(realm: str, *names: str) -> bytes:
    """A GSS-API token with an AP-REQ, RFC 4120 section 5.5.1, whose encrypted parts are left out."""
    w = Asn1Writer(())
    with w.element(0x60):
        w.octets(spnego.KERBEROS, OBJECT_IDENTIFIER)
        w.raw(b"\x01\x00")
        with w.element(0x6E), w.element(SEQUENCE):
            for number, value in ((0, 5), (1, 14), (2, 0)):
                with w.element(context(number)):
                    w.integer(value)
            with w.element(context(3)), w.element(0x61), w.element(SEQUENCE):
                with w.element(context(0)):
                    w.integer(5)
                with w.element(context(1)):
                    w.octets(realm.encode(), GENERAL_STRING)
                with w.element(context(2)):
                    _principal(w, *names)
    return w.getvalue()


def tgt_req(realm: str | None, *names: str) -> bytes:
    w = Asn1Writer(())
    with w.element(0x60):
        w.octets(spnego.KERBEROS_U2U, OBJECT_IDENTIFIER)
        w.raw(b"\x04\x00")
        with w.element(SEQUENCE):
            with w.element(context(0)):
                w.integer(5)
            if names:
                with w.element(context(2)):
                    _principal(w, *names)
            if realm is not None:
                with w.element(context(3)):
                    w.octets(realm.encode(), GENERAL_STRING)
    return w.getvalue()


def test_what_a_windows_client_asks_for() -> None:
    request = TsRequest.read(Reader(vector("credssp_init_windows10"), "TSRequest"))
    assert request.nego_tokens is not None
    token = spnego.read_token(request.nego_tokens[0])
    assert isinstance(token, spnego.NegTokenInit)
    assert token.mech_token is not None
    assert read(token.mech_token) == KerberosService(service="TERMSRV/dc01.rdsod.com")


def test_a_ticket_names_its_service_and_realm() -> None:
    token = ap_req("EXAMPLE.COM", "TERMSRV", "srv1.example")
    assert read(token) == KerberosService(service="TERMSRV/srv1.example", realm="EXAMPLE.COM")


def test_a_request_for_a_tgt_may_name_neither() -> None:
    assert read(tgt_req("EXAMPLE.COM", "TERMSRV", "s")) == KerberosService(service="TERMSRV/s", realm="EXAMPLE.COM")
    assert read(tgt_req(None)) == KerberosService(service="")


def test_a_name_without_end_is_cut() -> None:
    assert read(tgt_req(None, *"abcdefghijkl")).service == "a/b/c/d/e/f/g/h"


@pytest.mark.parametrize("kind", [b"\x02\x00", b"\x03\x00"])
def test_another_token_is_none(kind: bytes) -> None:
    with pytest.raises(InvalidField):
        read(ap_req("R", "s").replace(b"\x01\x00\x6e", kind + b"\x6e"))


@given(st.one_of(st.binary(), st.integers(0, 60).map(lambda at: ap_req("REALM", "TERMSRV", "srv1")[:at])))
def test_any_bytes_give_a_service_or_a_named_error(data: bytes) -> None:
    try:
        read(data)
    except WireError:
        return
