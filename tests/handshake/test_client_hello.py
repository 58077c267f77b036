"""The hellos that offers make, read back by our own reader."""

from __future__ import annotations

from dataclasses import replace

import pytest

from probe.handshake.client_hello import LARGE, Offer, client_hello, current_offer, usual_offer
from probe.wire import tls_extensions as ext
from probe.wire.cursor import Reader
from probe.wire.tls_extensions import ExtensionType, find
from probe.wire.tls_hello import ClientHello, read_handshake
from probe.wire.tls_record import Record
from probe.wire.tls_suites import FALLBACK_SCSV, RENEGOTIATION_SCSV
from probe.wire.tls_version import SSL3, TLS10, TLS12, TLS13


def sent(offer: Offer, name: str | None = None) -> tuple[Record, ClientHello]:
    record = Record.read(Reader(client_hello(offer, bytes, name), "Record"))
    hello = read_handshake(record.fragment, TLS12)
    assert isinstance(hello, ClientHello)
    return record, hello


def types(hello: ClientHello) -> set[int]:
    return {extension.type for extension in hello.extensions or ()}


def test_sslv3_has_no_extensions_and_its_own_record_version() -> None:
    record, hello = sent(usual_offer(SSL3), "srv1.example")
    assert (record.version, hello.version, hello.extensions) == (SSL3, SSL3, None)
    assert hello.cipher_suites[-1] == RENEGOTIATION_SCSV


@pytest.mark.parametrize("version", [TLS10, TLS12, TLS13])
def test_the_record_says_tls_1_0_and_the_name_is_asked_for(version: int) -> None:
    record, hello = sent(usual_offer(version), "srv1.example")
    assert record.version == TLS10
    assert find(hello.extensions, ExtensionType.SERVER_NAME) is not None
    assert hello.compression_methods == b"\x00"


def test_extras_are_asked_for_and_compression_with_them() -> None:
    _, hello = sent(replace(usual_offer(TLS12), extras=True))
    assert hello.compression_methods == b"\x01\x00"
    assert types(hello) >= {5, 15, 22, 35}
    _, newest = sent(replace(usual_offer(TLS13), extras=True))
    assert newest.compression_methods == b"\x00"  # RFC 8446 4.1.2


def test_a_hello_without_a_share_asks_for_a_retry() -> None:
    with_one, without = sent(usual_offer(TLS13))[1], sent(replace(usual_offer(TLS13), share=False))[1]
    shares = [ext.read_client_key_share(find(each.extensions, ExtensionType.KEY_SHARE) or b"") for each in
              (with_one, without)]  # fmt: skip
    assert [len(each) for each in shares] == [1, 0]
    assert RENEGOTIATION_SCSV not in with_one.cipher_suites


def test_a_current_client_offers_two_versions_at_once() -> None:
    _, hello = sent(current_offer())
    versions = ext.read_supported_versions(find(hello.extensions, ExtensionType.SUPPORTED_VERSIONS) or b"")
    assert versions == (TLS13, TLS12)
    assert find(hello.extensions, ExtensionType.RENEGOTIATION_INFO) is not None
    assert RENEGOTIATION_SCSV in hello.cipher_suites


def test_padding_makes_a_hello_longer_than_a_packet() -> None:
    small, large = (client_hello(current_offer(padding), bytes, None) for padding in (0, LARGE))
    assert len(large) - len(small) == LARGE + 4
    assert len(large) > 1500


def test_a_fallback_says_so() -> None:
    _, hello = sent(replace(usual_offer(TLS12), fallback=True))
    assert hello.cipher_suites[-1] == FALLBACK_SCSV


def test_equal_offers_are_one_question() -> None:
    assert usual_offer(TLS12) == Offer(version=TLS12, suites=usual_offer(TLS12).suites)
    assert hash(usual_offer(TLS12)) == hash(Offer(version=TLS12, suites=usual_offer(TLS12).suites))
    assert usual_offer(TLS12) != replace(usual_offer(TLS12), extras=True)


def test_schemes_for_certificates_are_another_list_where_they_differ() -> None:
    _, same = sent(usual_offer(TLS12))
    assert ExtensionType.SIGNATURE_ALGORITHMS_CERT not in types(same)
    _, other = sent(replace(usual_offer(TLS12), schemes=(0x0804,), certificate_schemes=(0x0401, 0x0201)))
    body = find(other.extensions, ExtensionType.SIGNATURE_ALGORITHMS_CERT)
    assert ext.read_signature_algorithms(body or b"") == (0x0401, 0x0201)
