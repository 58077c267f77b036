"""NTLM messages: payloads in any order, fixed parts that end where old systems end them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from probe.wire import ntlm
from probe.wire.cursor import Reader, Writer
from tests.strategies import Case

u8, u16, u32 = st.integers(0, 255), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
VERSION = int(ntlm.NegotiateFlag.VERSION)
eight = st.binary(min_size=8, max_size=8)

versions = st.builds(
    ntlm.Version, major=u8, minor=u8, build=u16, reserved=st.binary(min_size=3, max_size=3), revision=u8
)
fields = st.builds(ntlm.PayloadField, length=u16, maximum=u16, offset=u32)
negotiates = st.builds(
    ntlm.Negotiate,
    flags=u32.map(lambda flags: flags & ~VERSION),
    domain_fields=fields,
    workstation_fields=fields,
    payload=st.binary(max_size=60),
) | st.builds(
    ntlm.Negotiate,
    flags=u32.map(lambda flags: flags | VERSION),
    domain_fields=fields,
    workstation_fields=fields,
    version=versions,
    payload=st.binary(max_size=60),
)
pairs = st.builds(ntlm.AvPair, id=u16.map(ntlm.AvId), value=st.binary(max_size=40))
pair_lists = st.lists(pairs.filter(lambda pair: pair.id != ntlm.AvId.EOL), max_size=8).map(tuple)


@st.composite
def challenges(draw: st.DrawFn) -> ntlm.Challenge:
    """Values at random places behind a fixed part of 32, 40, 48 or 56 bytes; below 48 the name shows where it ends."""
    fixed = draw(st.sampled_from([32, 40, 48, 56]))
    flags = draw(u32) & ~VERSION | (VERSION if fixed == 56 else 0)
    payload = draw(st.binary(max_size=120))
    name = info = ntlm.PayloadField(maximum=draw(u16), offset=draw(u32))
    if fixed < 48:
        payload += b"name"
        name = ntlm.PayloadField(length=4, maximum=draw(u16), offset=fixed)
    elif payload:
        name, info = (draw(_inside(fixed, len(payload))) for _ in range(2))
    return ntlm.Challenge(
        flags=flags,
        server_challenge=draw(eight),
        target_name_fields=name,
        reserved=draw(eight) if fixed >= 40 else None,
        target_info_fields=info if fixed >= 48 else None,
        version=draw(versions) if fixed == 56 else None,
        payload=payload,
    )


@st.composite
def _inside(draw: st.DrawFn, fixed: int, size: int) -> ntlm.PayloadField:
    at = draw(st.integers(0, size))
    return ntlm.PayloadField(length=draw(st.integers(0, size - at)), maximum=draw(u16), offset=fixed + at)


authenticates = st.builds(ntlm.Authenticate, body=st.binary(max_size=100))
unknown = st.builds(
    ntlm.UnknownMessage,
    message_type=u32.filter(lambda number: number not in (1, 2, 3)).map(ntlm.MessageType),
    body=st.binary(max_size=60),
)


def _reader(kind: Any) -> Callable[[bytes], Any]:
    return lambda raw: kind.read(Reader(raw, kind.__name__))


def _write(message: Any) -> bytes:
    w = Writer()
    message.write(w)
    return w.getvalue()


CASES = [
    Case(ntlm.Version, versions, _reader(ntlm.Version), _write),
    Case(ntlm.PayloadField, fields, _reader(ntlm.PayloadField), _write),
    Case(ntlm.AvPair, pairs, _reader(ntlm.AvPair), _write),
    Case(ntlm.Negotiate, negotiates, ntlm.read_message, _write, framed=False),
    Case(ntlm.Challenge, challenges(), ntlm.read_message, _write, framed=False),
    Case(ntlm.Authenticate, authenticates, ntlm.read_message, _write, framed=False),
    Case(ntlm.UnknownMessage, unknown, ntlm.read_message, _write, framed=False),
]
