"""Hellos in another program's form: what is offered, in which order, and what answers a HelloRetryRequest."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from probe.clients import CLIENTS
from probe.handshake.client_hello import Offer, client_hello, hello_in_form
from probe.handshake.machine import Seen, Side
from probe.handshake.shaped_hello import HelloForm, hello_record, key_share, second_hello
from probe.handshake.tls_hello import State, TlsHello
from probe.wire import tls_extensions as ext
from probe.wire.cursor import Reader, Writer
from probe.wire.tls_extensions import Extension, ExtensionType, find
from probe.wire.tls_hello import ClientHello, ServerHello, read_handshake, write_handshake
from probe.wire.tls_record import ContentType, Record
from probe.wire.tls_version import TLS10, TLS12, TLS13

X25519, P256, P384, P521, X448 = 0x001D, 0x0017, 0x0018, 0x0019, 0x001E
MODERN = HelloForm(versions=(TLS13, TLS12), extensions=(0, 10, 13, 43, 45, 51), shares=(X25519,))
OFFER = Offer(version=TLS13, suites=(0x1302, 0xC030), groups=(X25519, P384), schemes=(0x0804,), older=True, form=MODERN)


def read_back(raw: bytes) -> tuple[Record, ClientHello]:
    record = Record.read(Reader(raw, "Record"))
    hello = read_handshake(record.fragment, TLS12)
    assert isinstance(hello, ClientHello)
    return record, hello


SIGNAL = bytes.fromhex("140303000101")  # change_cipher_spec


def second(first: ClientHello, again: ServerHello) -> tuple[Record, ClientHello]:
    raw = second_hello(MODERN, first, again, bytes)
    assert second_hello(replace(MODERN, signals_retry=True), first, again, bytes) == SIGNAL + raw
    return read_back(raw)


def retry(group: int, *others: Extension) -> ServerHello:
    extensions = (ext.selected_version(TLS13), ext.retry_key_share(group), *others)
    return ServerHello(version=TLS12, random=ServerHello.RETRY_RANDOM, cipher_suite=0x1302, extensions=extensions)


def from_server(hello: ServerHello) -> bytes:
    w = Writer()
    Record(type=ContentType.HANDSHAKE, version=TLS12, fragment=write_handshake(hello)).write(w)
    return w.getvalue()


@pytest.mark.parametrize(("group", "curve"), [(P256, ec.SECP256R1()), (P384, ec.SECP384R1()), (P521, ec.SECP521R1())])
def test_a_share_of_a_curve_is_a_point_on_it(group: int, curve: ec.EllipticCurve) -> None:
    made = key_share(group, bytes)
    assert made is not None
    point = ec.EllipticCurvePublicKey.from_encoded_point(curve, made)
    assert point == ec.derive_private_key(1, curve).public_key()


@pytest.mark.parametrize(("group", "size"), [(X25519, 32), (X448, 56), (0x0100, 256), (0x0101, 384), (0x0104, 1024)])
def test_any_bytes_are_a_share_of_the_other_groups(group: int, size: int) -> None:
    made = key_share(group, lambda count: b"\xff" * count)
    assert made is not None
    assert len(made) == size
    assert group < 0x0100 or made[0] == 0x7F  # below the prime, which begins with ones


def test_what_has_no_share_here_is_left_out() -> None:
    assert key_share(0x11EC, bytes) is None
    form = replace(MODERN, shares=(0x11EC, X25519))
    _, hello = read_back(client_hello(replace(OFFER, form=form), bytes, None))
    shares = ext.read_client_key_share(find(hello.extensions, ExtensionType.KEY_SHARE) or b"")
    assert [group for group, _ in shares] == [X25519]


def test_a_program_without_extensions_sends_no_block_of_them() -> None:
    offer = Offer(version=TLS10, suites=(0x0004, 0x0005), form=HelloForm(versions=(TLS10,)))
    record, hello = read_back(client_hello(offer, bytes, "srv1.example"))
    assert (record.version, hello.version, hello.session_id) == (TLS10, TLS10, b"")
    assert (hello.cipher_suites, hello.extensions) == ((0x0004, 0x0005), None)


@pytest.mark.parametrize(("name", "first"), [("srv1.example", 0), (None, 10)])
def test_a_name_is_sent_where_there_is_one(name: str | None, first: int) -> None:
    _, hello = read_back(client_hello(OFFER, bytes, name))
    assert (hello.extensions or ())[0].type == first
    assert len(hello.session_id) == 32


@pytest.mark.parametrize("suites", range(1, 200, 3))
def test_padding_keeps_a_hello_out_of_the_range_that_is_dropped(suites: int) -> None:
    form = replace(MODERN, extensions=(*MODERN.extensions, 21))
    _, hello = read_back(client_hello(replace(OFFER, suites=tuple(range(suites)), form=form), bytes, None))
    size = len(write_handshake(hello))
    assert size < 256 or size >= 512
    padded = find(hello.extensions, ExtensionType.PADDING)
    assert padded is None or not any(padded)
    assert padded is None or size in range(512, 516)


@pytest.mark.parametrize("key", [key for key, profile in CLIENTS.items() if profile.tls is not None])
def test_the_hello_of_every_client_offers_what_its_profile_says(key: str) -> None:
    from probe.audit.simulation import offer_of

    tls = CLIENTS[key].tls
    assert tls is not None
    _, hello = read_back(client_hello(offer_of(tls), bytes, "srv1.example"))
    assert hello.cipher_suites == tls.suites
    assert hello.version == min(max(tls.versions), TLS12)
    sent = [each.type for each in hello.extensions or ()]
    assert sent == [each for each in tls.extensions if each != 21 or each in sent]
    if tls.groups:
        assert ext.read_supported_groups(find(hello.extensions, 10) or b"") == tls.groups
    if tls.schemes:
        assert ext.read_signature_algorithms(find(hello.extensions, 13) or b"") == tls.schemes
    if TLS13 in tls.versions:
        assert ext.read_supported_versions(find(hello.extensions, 43) or b"") == tls.versions
        shares = ext.read_client_key_share(find(hello.extensions, 51) or b"")
        assert tuple(group for group, _ in shares) == tls.shares
    known = {0, 5, 10, 11, 13, 21, 28, 43, 45, 51, 0xFF01}
    empty = {each.type for each in hello.extensions or () if not each.body}
    assert empty.isdisjoint(known - {21})


def test_a_retry_is_answered_with_the_share_that_it_asks_for_and_its_cookie() -> None:
    first = hello_in_form(MODERN, OFFER, bytes, "srv1.example")
    cookie = ext.cookie(b"again")
    record, made = second(first, retry(P384, cookie))
    assert record.version == TLS12  # RFC 8446 5.1
    shares = ext.read_client_key_share(find(made.extensions, ExtensionType.KEY_SHARE) or b"")
    assert [(group, len(key)) for group, key in shares] == [(P384, 97)]
    assert find(made.extensions, ExtensionType.COOKIE) == cookie.body
    others = [each for each in made.extensions or () if each.type not in (44, 51)]
    assert others == [each for each in first.extensions or () if each.type != 51]
    assert replace(made, extensions=None) == replace(first, extensions=None)


def test_a_second_hello_is_padded_anew() -> None:
    form = replace(MODERN, extensions=(*MODERN.extensions, 21))
    offer = replace(OFFER, suites=tuple(range(60)), form=form)
    first = hello_in_form(form, offer, bytes, None)
    _, made = second(first, retry(P384))
    assert len(write_handshake(first)) == len(write_handshake(made)) == 512


@pytest.mark.parametrize(
    ("form", "group", "groups"),
    [
        (MODERN, P521, (X25519, P384)),  # not offered
        (MODERN, X25519, (X25519, P384)),  # its share was sent
        (MODERN, 0x11EC, (X25519, 0x11EC)),  # has no share here
        (replace(MODERN, extensions=(10, 43)), P384, (X25519, P384)),
        (replace(MODERN, extensions=(51, 43)), P384, (X25519, P384)),
    ],
)
def test_a_retry_that_a_client_would_not_follow_is_not_answered(
    form: HelloForm, group: int, groups: tuple[int, ...]
) -> None:
    first = hello_in_form(form, replace(OFFER, groups=groups), bytes, None)
    assert second_hello(form, first, retry(group), bytes) == b""


def test_a_retry_that_names_no_group_is_not_answered() -> None:
    bare = replace(retry(P384), extensions=(ext.selected_version(TLS13),))
    assert second_hello(MODERN, hello_in_form(MODERN, OFFER, bytes, None), bare, bytes) == b""


def machine() -> TlsHello:
    first = hello_in_form(MODERN, OFFER, bytes, None)
    return TlsHello(hello_record(MODERN, first), second=lambda again: second_hello(MODERN, first, again, bytes))


def test_the_machine_sends_the_second_hello_and_waits_for_its_answer() -> None:
    talking = machine()
    talking.observe(Side.CLIENT, talking.data_to_send(), 0.0)
    talking.observe(Side.SERVER, from_server(retry(P384)), 0.1)
    assert not talking.finished
    again = talking.data_to_send()
    assert talking.data_to_send() == b""
    events = talking.observe(Side.CLIENT, again, 0.2)
    assert [type(each.message) for each in events if isinstance(each, Seen)] == [ClientHello]
    answer = ServerHello(
        version=TLS12,
        random=bytes(32),
        cipher_suite=0x1302,
        extensions=(ext.selected_version(TLS13), ext.server_key_share(P384, bytes(97))),
    )
    talking.observe(Side.SERVER, from_server(answer), 0.3)
    assert talking.state is State.ANSWERED


def test_the_machine_ends_with_a_retry_that_its_client_would_not_follow() -> None:
    talking = machine()
    talking.observe(Side.CLIENT, talking.data_to_send(), 0.0)
    talking.observe(Side.SERVER, from_server(retry(P521)), 0.1)
    assert talking.state is State.ANSWERED
    assert talking.data_to_send() == b""
