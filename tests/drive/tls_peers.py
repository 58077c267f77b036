"""TLS servers of a few lines for depth full, over loopback, and what is true of every result of auditing one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO

import msgspec
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from rich.console import Console

from probe.audit.settings import Settings
from probe.drive.limits import Limits
from probe.report.text import render
from probe.result import Result, from_json, to_json
from probe.wire import tls_extensions as ext
from probe.wire import tls_hello
from probe.wire.cursor import Writer
from probe.wire.tls_certificate import Certificate
from probe.wire.tls_key_exchange import DheParameters, EcdheParameters, ServerKeyExchange, Signature
from probe.wire.tls_record import (
    AlertDescription,
    AlertLevel,
    ContentType,
    HandshakeFramer,
    Record,
    RecordFramer,
)
from tests.drive.peers import SSL, Peer, audited, only

FULL = Settings(depth="full")
QUICK = Limits(step_s=0.2, per_host=4, deadline_s=20)
TLS12, TLS13 = 0x0303, 0x0304
LARGEST = 16384  # bytes of a record
GCM, RSA_AES = 0xC030, 0x002F
Say = Callable[[tls_hello.ClientHello], bytes]


def record(fragment: bytes, kind: ContentType = ContentType.HANDSHAKE) -> bytes:
    w = Writer()
    Record(type=kind, version=TLS12, fragment=fragment).write(w)
    return w.getvalue()


def flight(*messages: tls_hello.HandshakeMessage) -> bytes:
    whole = b"".join(tls_hello.write_handshake(message) for message in messages)
    return b"".join(record(whole[at : at + LARGEST]) for at in range(0, len(whole), LARGEST))


def server_hello(suite: int = GCM, version: int = TLS12, **fields: object) -> tls_hello.ServerHello:
    made = tls_hello.ServerHello(version=version, random=bytes(32), cipher_suite=suite, extensions=())
    return replace(made, **fields)  # type: ignore[arg-type]


def alert(description: AlertDescription, level: AlertLevel = AlertLevel.FATAL) -> bytes:
    return record(bytes([level, description]), ContentType.ALERT)


REFUSAL = alert(AlertDescription.HANDSHAKE_FAILURE)


async def client_hello(stream: trio.SocketStream) -> tls_hello.ClientHello | None:
    """The client's hello; None where it speaks SSLv2 or nothing."""
    records, messages = RecordFramer(), HandshakeFramer()
    while True:
        data = bytes(await stream.receive_some(16384))
        if not data or data[0] & 0x80:
            return None
        records.feed(data)
        while (one := records.next_record()) is not None:
            messages.feed(one.fragment)
        if (raw := messages.next_message()) is not None:
            hello = tls_hello.read_handshake(raw, TLS12)
            return hello if isinstance(hello, tls_hello.ClientHello) else None


def says(say: Say, *, piece: int = 1 << 20) -> Peer:
    """A server with TLS alone that answers each hello by `say`, in pieces."""

    async def then(stream: trio.SocketStream) -> None:
        hello = await client_hello(stream)
        if hello is None:
            await stream.send_all(REFUSAL)
            return
        answer = say(hello)
        for at in range(0, len(answer), piece):
            await stream.send_all(answer[at : at + piece])
        await stream.send_eof()
        async for _ in stream:
            pass

    return only(SSL, then)


def is_tls13(hello: tls_hello.ClientHello) -> bool:
    return ext.find(hello.extensions, ext.ExtensionType.SUPPORTED_VERSIONS) is not None


def takes(hello: tls_hello.ClientHello) -> bool:
    """The client can check the one signature on the one curve."""
    groups = ext.find(hello.extensions, ext.ExtensionType.SUPPORTED_GROUPS) or b"\0\0"
    schemes = ext.find(hello.extensions, ext.ExtensionType.SIGNATURE_ALGORITHMS) or b"\0\0"
    return 0x17 in ext.read_supported_groups(groups) and 0x0401 in ext.read_signature_algorithms(schemes)


def honest(
    chain: Sequence[bytes] = (b"garbage",), suites: Sequence[int] = (GCM, RSA_AES), parameters: bytes | None = None
) -> Say:
    """TLS 1.2 with these suites in this order, and a certificate."""
    w = Writer()
    EcdheParameters(group=0x17, point=bytes(65), signed=Signature(scheme=0x0401, value=b"sig")).write(w)

    def say(hello: tls_hello.ClientHello) -> bytes:
        suite = next((each for each in suites if each in hello.cipher_suites), None)
        if hello.version != TLS12 or is_tls13(hello) or suite is None or not takes(hello):
            return REFUSAL
        exchange = (
            [] if suite == RSA_AES else [ServerKeyExchange(params=w.getvalue() if parameters is None else parameters)]
        )
        return flight(server_hello(suite), Certificate(chain=tuple(chain)), *exchange, tls_hello.ServerHelloDone())

    return say


def checked(peer: Peer, limits: Limits = QUICK, most: int = 60) -> Result:
    """Audited, with what is true of every result: within its bounds, readable again, and fit to be shown."""
    result = audited(peer, limits, FULL)
    assert msgspec.to_builtins(from_json(to_json(result))) == msgspec.to_builtins(result)
    assert result.connections == len(result.attempts) == sum(result.spent.values()) <= most
    shown = StringIO()
    render(result, Console(file=shown, width=80), 2)
    assert not {character for character in shown.getvalue() if ord(character) < 32} - {"\n"}
    return result


def suites(result: Result, version: str = "TLSv1.2") -> list[str]:
    return [suite.code for suite in result.tls.cipher_suites.get(version, [])] if result.tls is not None else []


def made(names: Sequence[str], subject: str = "desk", until: datetime | None = None) -> bytes:
    """A certificate as nobody should make one, in DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder(subject_name=name, issuer_name=name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(until or now + timedelta(days=9))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.DER)
    )


def params(p: bytes, g: bytes = b"\x02") -> bytes:
    w = Writer()
    DheParameters(p=p, g=g, ys=b"\x04", signed=Signature(scheme=0x0401, value=b"sig")).write(w)
    return w.getvalue()
