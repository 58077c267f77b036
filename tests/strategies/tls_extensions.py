"""Hello extensions."""

from __future__ import annotations

from hypothesis import strategies as st

from probe.wire import tls_extensions as ext
from probe.wire.cursor import Reader, Writer
from tests.strategies import Case

u16 = st.integers(0, 0xFFFF)
keys = st.binary(max_size=70)

extensions = st.builds(ext.Extension, type=u16, body=st.binary(max_size=40))
blocks = st.none() | st.lists(extensions, max_size=5).map(tuple)


def _write(extension: ext.Extension) -> bytes:
    w = Writer()
    extension.write(w)
    return w.getvalue()


CASES = [Case(ext.Extension, extensions, lambda raw: ext.Extension.read(Reader(raw, "Extension")), _write)]
