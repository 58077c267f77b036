"""X.224 TPDUs in TPKT packets."""

from __future__ import annotations

from hypothesis import strategies as st

from probe.wire import x224
from probe.wire.cursor import Reader, Writer
from tests.strategies import Case

u4, u8, u16 = st.integers(0, 15), st.integers(0, 255), st.integers(0, 0xFFFF)

connection = {
    "variable": st.binary(max_size=248),
    "credit": u4,
    "dst_ref": u16,
    "src_ref": u16,
    "class_option": u8,
}
requests = st.builds(x224.ConnectionRequest, **connection)
confirms = st.builds(x224.ConnectionConfirm, **connection)
disconnects = st.builds(x224.DisconnectRequest, **connection)
errors = st.builds(x224.Error, cause=u8, credit=u4, dst_ref=u16, variable=st.binary(max_size=248))
data = st.builds(x224.Data, user_data=st.binary(max_size=2000), credit=u4, number=u8)
unknown = st.builds(
    x224.UnknownTpdu,
    body=st.tuples(
        u8, u8.filter(lambda code: code >> 4 not in (0xE, 0xD, 0x8, 0x7, 0xF)), st.binary(min_size=1, max_size=40)
    ).map(lambda parts: bytes(parts[:2]) + parts[2]),
)
tpkts = st.builds(x224.Tpkt, payload=st.binary(min_size=3, max_size=2000), reserved=u8)


def _write_tpkt(tpkt: x224.Tpkt) -> bytes:
    w = Writer()
    tpkt.write(w)
    return w.getvalue()


CASES = [
    Case(x224.Tpkt, tpkts, lambda raw: x224.Tpkt.read(Reader(raw, "TPKT")), _write_tpkt),
    Case(x224.ConnectionRequest, requests, x224.read_packet, x224.write_packet),
    Case(x224.ConnectionConfirm, confirms, x224.read_packet, x224.write_packet),
    Case(x224.DisconnectRequest, disconnects, x224.read_packet, x224.write_packet),
    Case(x224.Error, errors, x224.read_packet, x224.write_packet),
    Case(x224.Data, data, x224.read_packet, x224.write_packet),
    Case(x224.UnknownTpdu, unknown, x224.read_packet, x224.write_packet),
]
