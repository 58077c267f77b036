"""A TLS server over memory, for the machines that speak to one. Keys are made once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from probe.handshake.machine import Event, Machine, Side

VERSIONS = {"TLSv1.0": SSL.TLS1_VERSION, "TLSv1.2": SSL.TLS1_2_VERSION, "TLSv1.3": SSL.TLS1_3_VERSION}


@lru_cache
def identity() -> tuple[ec.EllipticCurvePrivateKey, tuple[x509.Certificate, ...]]:
    """The leaf's key, and the chain: leaf, then the authority that signed it."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _certificate("Root", root_key, "Root", root_key)
    return key, (_certificate("srv1.example", key, "Root", root_key), root)


def chain_der() -> tuple[bytes, ...]:
    """The chain as it is served."""
    return tuple(each.public_bytes(serialization.Encoding.DER) for each in identity()[1])


def _certificate(
    subject: str, key: ec.EllipticCurvePrivateKey, issuer: str, issuer_key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    now = datetime(2026, 1, 1, tzinfo=UTC)

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    return (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=3650))
        .sign(issuer_key, hashes.SHA256())
    )


def context(lowest: int = SSL.TLS1_VERSION, highest: int = SSL.TLS1_3_VERSION) -> SSL.Context:
    """A server of the versions from `lowest` to `highest`, with the chain of `identity`."""
    made = SSL.Context(SSL.TLS_SERVER_METHOD)
    made.set_cipher_list(b"ALL:@SECLEVEL=0")
    made.set_min_proto_version(lowest)
    made.set_max_proto_version(highest)
    key, (leaf, *issuers) = identity()
    made.use_privatekey(key)
    made.use_certificate(leaf)
    for issuer in issuers:
        made.add_extra_chain_cert(issuer)
    return made


class MemoryServer:
    """One TLS server. `answer` is asked with the plain text that came, and gives what to say."""

    def __init__(self, made: SSL.Context, answer: Callable[[bytes], bytes] = lambda _: b"") -> None:
        self.tls = SSL.Connection(made, None)
        self.tls.set_accept_state()
        self.heard = b""
        self.shut = False
        self._answer = answer

    def receive(self, data: bytes) -> bytes:
        """Take bytes of the wire, and give those that the server writes."""
        if data:
            self.tls.bio_write(data)
        try:
            self.tls.do_handshake()
            while True:
                plain = self.tls.recv(65536)
                self.heard += plain
                if said := self._answer(plain):
                    self.tls.send(said)
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.shut = True
        except SSL.Error:
            pass  # what it had to say about that is in its buffer
        return self.drain()

    def drain(self) -> bytes:
        """What it wants to write."""
        out = b""
        while True:
            try:
                out += self.tls.bio_read(65536)
            except SSL.WantReadError:
                return out


def converse(machine: Machine, receive: Callable[[bytes], bytes], size: int = 1 << 20) -> list[Event]:
    """What a live driver does, over memory: the server's bytes arrive in pieces of `size`."""
    events: list[Event] = []
    while True:
        out = machine.data_to_send()
        if out:
            events += machine.observe(Side.CLIENT, out, 0.0)
        data = receive(out) if out else b""
        if not data:
            return events
        for at in range(0, len(data), size):
            events += machine.observe(Side.SERVER, data[at : at + size], 0.0)
