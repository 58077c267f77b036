from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL import SSL

from probe.errors import InvalidField
from probe.handshake.key_log import KeyLog
from probe.handshake.machine import Ended, Ending, Event, Malformed, Secured, Seen, Side, TlsClosed, end
from probe.handshake.record_protection import expand_label
from probe.handshake.tls_progress import Decrypted, Exchanged, Renegotiated, Undecrypted
from probe.handshake.tls_watched import State, TlsWatched
from probe.wire import tls_hello
from probe.wire.tls_record import Alert, AlertDescription
from tests.conversations import Said
from tests.handshake.driving import assert_split_does_not_matter, comparable, feed, kinds, split
from tests.handshake.tls_between import (
    NO_ENCRYPT_THEN_MAC,
    NO_EXTENDED_MASTER,
    TALK,
    VERSIONS,
    Between,
    C,
    Ends,
    Listener,
    S,
    between,
    recorded,
    resumed,
    rsa_key,
    with_rsa,
)
from tests.handshake.tls_server import chain_der

OLD = [
    b"ECDHE-ECDSA-AES128-SHA",
    b"ECDHE-ECDSA-AES256-SHA",
    b"ECDHE-ECDSA-NULL-SHA",
    b"AECDH-AES256-SHA",
]
TLS12 = [
    b"ECDHE-ECDSA-AES128-GCM-SHA256",
    b"ECDHE-ECDSA-AES256-GCM-SHA384",
    b"ECDHE-ECDSA-CHACHA20-POLY1305",
    b"ECDHE-ECDSA-AES128-CCM",
    b"ECDHE-ECDSA-AES256-CCM8",
    b"ECDHE-ECDSA-AES128-SHA256",
    b"ECDHE-ECDSA-AES256-SHA384",
    b"ECDHE-ECDSA-CAMELLIA128-SHA256",
    b"ECDHE-ECDSA-CAMELLIA256-SHA384",
    *OLD,
]
TLS13 = [
    b"TLS_AES_128_GCM_SHA256",
    b"TLS_AES_256_GCM_SHA384",
    b"TLS_CHACHA20_POLY1305_SHA256",
    b"TLS_AES_128_CCM_SHA256",
    b"TLS_AES_128_CCM_8_SHA256",
]
ALL = [
    *((version, suite) for version in ("TLSv1.0", "TLSv1.1") for suite in OLD),
    *(("TLSv1.2", suite) for suite in TLS12),
    *(("TLSv1.3", suite) for suite in TLS13),
]


def opened(seen: Between, log: KeyLog | None = None) -> tuple[TlsWatched, Listener, list[Event]]:
    inner = Listener()
    machine = TlsWatched(inner, seen.log if log is None else log)
    return machine, inner, feed(machine, seen.said)


def reasons(events: list[Event]) -> list[str]:
    return [event.reason for event in events if isinstance(event, Undecrypted)]


@pytest.mark.parametrize(("version", "suite"), ALL)
@pytest.mark.parametrize("mac_outside", [True, False])
def test_what_is_inside_is_what_was_said(version: str, suite: bytes, mac_outside: bool) -> None:
    def setup(made: SSL.Context) -> None:
        if not mac_outside:
            made.set_options(NO_ENCRYPT_THEN_MAC)

    seen = between(version, suite, client=setup)
    machine, inner, events = opened(seen)
    assert inner.heard == seen.plain
    assert kinds(events).count("Decrypted") == 1
    assert not reasons(events)
    (secured,) = (event for event in events if isinstance(event, Secured))
    assert secured.version == version
    assert secured.chain == (() if suite.startswith(b"AECDH") else chain_der())
    last = events[-1]
    assert isinstance(last, Seen)
    assert (last.side, last.message) == (C, Alert(level=1, description=AlertDescription.CLOSE_NOTIFY))  # type: ignore[arg-type]
    assert machine.state is State.EXPECT_DATA  # the client has closed while the machine inside wanted more
    assert end(machine, Ending.ABANDONED, 1.0) == [Ended(1.0, Ending.ABANDONED, "more")]


@pytest.mark.parametrize("version", VERSIONS)
def test_how_it_was_split_does_not_matter(version: str) -> None:
    seen = between(version, talk=((C, b"hello"), (S, b"world")))
    assert_split_does_not_matter(lambda: TlsWatched(Listener(), seen.log), seen.said)


@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_finished_with_what_is_inside(version: str) -> None:
    seen = between(version)
    inner = Listener(enough=len(b"helloworld"))
    machine = TlsWatched(inner, seen.log)
    assert machine.waiting_for == "the client's ClientHello"
    for number, (side, data) in enumerate(seen.said):
        machine.observe(side, data, float(number))
        if machine.state is State.EXPECT_DATA:
            assert machine.waiting_for == "more"
    assert machine.state is State.ANSWERED
    assert inner.heard == {C: b"hello", S: b"world"}
    assert machine.leftover(C) == machine.leftover(S) == b""  # though the machine inside would have some


@pytest.mark.parametrize("version", VERSIONS)
def test_without_a_machine_inside_it_is_told_that_both_spoke(version: str) -> None:
    seen = between(version)
    machine = TlsWatched(secrets=seen.log)
    events = feed(machine, seen.said)
    assert isinstance(events[-1], Exchanged)
    assert machine.state is State.ANSWERED


def test_the_chain_of_tls_1_3_and_the_messages_are_seen_as_in_clear() -> None:
    _, _, events = opened(between("TLSv1.3"))
    messages = [(e.side, e.message) for e in events if isinstance(e, Seen)]
    (certificate,) = (m for _, m in messages if isinstance(m, tls_hello.CertificateTls13))
    assert certificate.chain == chain_der()
    hidden = [(side, m.type) for side, m in messages if isinstance(m, tls_hello.UnknownHandshake)]
    assert hidden == [(S, 8), (S, 15), (S, 20), (C, 20)]  # EncryptedExtensions, CertificateVerify, Finished


@pytest.mark.parametrize("version", VERSIONS)
def test_resumed_sessions_are_opened(version: str) -> None:
    first, again = resumed(version)
    for seen in (first, again):
        _, inner, events = opened(seen)
        assert inner.heard == seen.plain
        (secured,) = (event for event in events if isinstance(event, Secured))
        assert secured.chain == (chain_der() if seen is first else ())


@pytest.mark.parametrize("version", VERSIONS)
def test_the_server_s_close_notify_is_told_as_of_a_tunnel(version: str) -> None:
    ends = Ends(version)
    ends.shake()
    ends.close(S)
    machine, _, events = opened(ends.seen)
    assert isinstance(events[-1], TlsClosed)
    assert machine.state is State.ANSWERED


def test_a_client_s_alert_is_read_in_tls_1_3() -> None:
    seen = between("TLSv1.3")
    secret = seen.log.of(seen.said[0][1][11:43])["CLIENT_HANDSHAKE_TRAFFIC_SECRET"]
    key, iv = (expand_label(secret, label, size, "sha384") for label, size in (("key", 32), ("iv", 12)))
    sealed = AESGCM(key).encrypt(iv, b"\2\x30\x15" + bytes(9), bytes.fromhex("170303001c"))  # unknown_ca, padded
    machine = TlsWatched(Listener(), seen.log)
    events = feed(machine, [*seen.said[:2], (C, bytes.fromhex("170303001c") + sealed)])
    last = events[-1]
    assert isinstance(last, Seen)
    assert isinstance(last.message, Alert)
    assert (last.side, last.message.description.name) == (C, "UNKNOWN_CA")
    assert machine.state is State.REFUSED
    assert not any(isinstance(event, Secured) for event in events)


def test_a_hello_retry_request_changes_nothing() -> None:
    seen = between("TLSv1.3", server=_other_group)
    assert kinds(opened(seen)[2])[:4] == ["ClientHello", "ServerHello", "ClientHello", "ServerHello"]
    assert opened(seen)[1].heard == seen.plain


def _other_group(made: SSL.Context) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    made.set_tmp_ecdh(ec.SECP521R1())


@pytest.mark.parametrize("size", [1, 1 << 20])
def test_key_updates_of_a_real_conversation(size: int) -> None:
    (said,), log = recorded("keyupdate")
    inner = Listener()
    events = feed(TlsWatched(inner, log), split(said, size))
    assert inner.heard == {C: b"one\ntwo\nthree\n", S: b"uno\ndos\ntres\n"}
    assert not reasons(events)


def test_early_data_of_a_real_conversation_is_passed_over() -> None:
    (_, said), log = recorded("early")
    inner = Listener()
    events = feed(TlsWatched(inner, log), said)
    assert inner.heard == {C: b"two\n", S: b"dos\n"}
    assert any(isinstance(event, Secured) for event in events)


def test_early_data_that_comes_behind_the_server_hello_is_passed_over() -> None:
    (_, said), log = recorded("early")
    hello, early = said[0][1][: 5 + int.from_bytes(said[0][1][3:5], "big")], said[0][1]
    early = early[len(hello) :]
    inner = Listener()
    feed(TlsWatched(inner, log), [(C, hello), said[1], (C, early), *said[2:]])
    assert inner.heard == {C: b"two\n", S: b"dos\n"}
    assert not any(isinstance(e, Secured) for e in feed(TlsWatched(), [(C, hello), said[1], (C, early), *said[2:]]))


def test_a_renegotiation_of_a_real_conversation_is_followed() -> None:
    (said,), log = recorded("reneg")
    inner = Listener()
    events = feed(TlsWatched(inner, log), said)
    assert inner.heard == {C: b"one\ntwo\n", S: b"uno\ndos\n"}
    assert [event.side for event in events if isinstance(event, Renegotiated)] == [C]
    assert kinds(events).count("Secured") == 1


def test_a_renegotiation_whose_secret_is_missing_is_told() -> None:
    (said,), log = recorded("reneg")
    del log.secrets[list(log.secrets)[1]]
    inner = Listener()
    events = feed(TlsWatched(inner, log), said)
    assert inner.heard == {C: b"one\n", S: b"uno\n"}
    assert reasons(events) == ["it holds no secret of this connection"]


@pytest.mark.parametrize("version", ["TLSv1.0", "TLSv1.1", "TLSv1.2"])
@pytest.mark.parametrize("extended", [True, False])
@pytest.mark.parametrize("form", ["RSA", "PMS_CLIENT_RANDOM"])
def test_a_premaster_secret_does_as_well(version: str, extended: bool, form: str) -> None:
    def setup(made: SSL.Context) -> None:
        if not extended:
            made.set_options(NO_EXTENDED_MASTER)

    seen = between(version, b"AES128-SHA:AES256-GCM-SHA384", client=setup, server=with_rsa)
    flight = next(data for side, data in seen.said[1:] if side is C)
    encrypted = flight[5 + 4 + 2 : 5 + 4 + 2 + 128]
    premaster = rsa_key().decrypt(encrypted, padding.PKCS1v15())
    name = encrypted[:8] if form == "RSA" else next(iter(seen.log.secrets))
    log = KeyLog()
    log.take(f"{form} {name.hex()} {premaster.hex()}".encode())
    _, inner, events = opened(seen, log)
    assert inner.heard == seen.plain
    assert not reasons(events)


@pytest.mark.parametrize("version", VERSIONS)
def test_without_its_secrets_it_is_watched_as_ever_and_that_is_told(version: str) -> None:
    seen = between(version)
    _, inner, events = opened(seen, between(version).log)
    assert inner.heard == {C: b"", S: b""}
    assert reasons(events) == ["it holds no secret of this connection"]
    assert [e for e in events if not isinstance(e, Undecrypted)] == feed(TlsWatched(), seen.said)


@pytest.mark.parametrize(("version", "suite"), ALL)
@pytest.mark.parametrize("mac_outside", [True, False])
def test_wrong_secrets_are_told_and_give_no_garbage(version: str, suite: bytes, mac_outside: bool) -> None:
    setup = None if mac_outside else lambda made: made.set_options(NO_ENCRYPT_THEN_MAC)
    seen = between(version, suite, client=setup)
    log = seen.log
    for labels in log.secrets.values():
        for label, secret in labels.items():
            labels[label] = bytes(byte ^ 1 for byte in secret)
    _, inner, events = opened(seen, log)
    assert inner.heard == {C: b"", S: b""}
    assert len(reasons(events)) == 1
    assert "another connection's" in reasons(events)[0]
    assert not any(isinstance(event, Decrypted) for event in events)
    assert [e for e in events if not isinstance(e, Undecrypted)] == feed(TlsWatched(), seen.said)


def test_what_is_compressed_is_told() -> None:
    seen = between("TLSv1.2")
    hello = bytearray(seen.said[1][1])
    hello[5 + 4 + 2 + 32 + 1 + hello[43] + 2] = 1  # compression_method, behind session_id and cipher_suite
    seen.said[1] = S, bytes(hello)
    assert reasons(opened(seen)[2]) == ["what is inside is compressed"]


def test_secrets_of_another_length_are_told() -> None:
    seen = between("TLSv1.3", b"TLS_AES_128_GCM_SHA256")
    log = KeyLog()
    log.take(seen.keys.replace(b"\n", b"00\n"))
    assert reasons(opened(seen, log)[2]) == ["its secret has another size than those of the suite"]


def test_traffic_secrets_alone_open_what_is_behind_the_handshake() -> None:
    seen = between("TLSv1.3")
    log = KeyLog()
    log.take(b"\n".join(line for line in seen.keys.splitlines() if b"HANDSHAKE" not in line))
    _, inner, events = opened(seen, log)
    assert inner.heard == seen.plain
    assert kinds(events).count("Secured") == 1


def test_handshake_secrets_alone_open_the_handshake() -> None:
    seen = between("TLSv1.3")
    log = KeyLog()
    log.take(b"\n".join(line for line in seen.keys.splitlines() if b"HANDSHAKE" in line))
    _, inner, events = opened(seen, log)
    assert inner.heard == {C: b"", S: b""}
    assert reasons(events) == ["it holds not all secrets of this connection"]
    (secured,) = (event for event in events if isinstance(event, Secured))
    assert secured.chain == chain_der()


def test_what_the_machine_inside_cannot_read_is_not_shown() -> None:
    class Refusing(Listener):
        def observe(self, side: Side, data: bytes, at: float) -> list[Event]:
            return [Malformed(at, side, InvalidField("x", "password", 0, "odd"), data)]

    seen = between("TLSv1.2")
    events = feed(TlsWatched(Refusing(), seen.log), seen.said)
    malformed = [event for event in events if isinstance(event, Malformed)]
    assert malformed
    assert all(event.raw == b"" for event in malformed)


@pytest.mark.parametrize("version", VERSIONS)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_any_change_of_any_byte_is_borne(version: str, data: st.DataObject) -> None:
    said, log = _short(version)
    at = data.draw(st.integers(0, len(said) - 1))
    side, raw = said[at]
    where, what = data.draw(st.integers(0, len(raw) - 1)), data.draw(st.binary(max_size=3))
    changed = [*said[:at], (side, raw[:where] + what + raw[where + 1 :]), *said[at + 1 :]]
    machine = TlsWatched(Listener(), log)
    whole = feed(machine, changed)
    end(machine, Ending.CLOSED, 1.0)
    assert comparable(feed(TlsWatched(Listener(), log), split(changed, 7))) == comparable(whole)


_SHORT: dict[str, tuple[list[Said], KeyLog]] = {}


def _short(version: str) -> tuple[list[Said], KeyLog]:
    if version not in _SHORT:
        seen = between(version, talk=TALK[:2])
        _SHORT[version] = seen.said, seen.log
    return _SHORT[version]
