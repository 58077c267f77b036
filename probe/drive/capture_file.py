"""Opens a capture: a path or standard input, compressed or not, pcap or pcapng, all told apart by their first bytes."""

from __future__ import annotations

import io
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, cast

from probe.capture import pcap, pcapng
from probe.capture.frame import Frame
from probe.capture.window import Window
from probe.drive.decompression import GZIP, ZSTD, Content, Gunzipped, Stored, Unzstd
from probe.errors import InputError
from probe.handshake.key_log import KeyLog

STANDARD_INPUT = "-"
_FIRST = 4  # bytes that tell pcap from pcapng
_HEADER = {pcap.Pcap: 24, pcapng.PcapNg: 28}  # bytes of a file's, or of the shortest block that begins one
_ZIP, _ZIP_FLAGS, _ZIP_ENCRYPTED = b"PK\x03\x04", 6, 1  # where its flags are: APPNOTE.TXT 4.3.7 and 4.4.4
_COMPRESSED = {
    b"\xfd7zXZ\0": "xz -dc",
    b"BZh": "bzip2 -dc",
    b"\x04\x22\x4d\x18": "lz4 -dc",
    b"\x1f\x9d": "gzip -dc",
    _ZIP: "unzip -p",
    b"7z\xbc\xaf\x27\x1c": "7z e -so",
}
_OTHER_CAPTURES = {  # that Wireshark's editcap reads; magics of wiretap's modules
    b"snoop\0\0\0": "a capture of snoop",
    b"GMBU": "a capture of Network Monitor",
    b"RTSS": "a capture of Network Monitor 1",
    b"XCP\0": "a capture of NetXRay",
    b"TRSNIFF data": "a capture of Sniffer",
}


class Reader(Protocol):
    """What reads one format: `capture.pcap.Pcap`, `capture.pcapng.PcapNg`."""

    notices: list[str]
    truncated: bool
    damaged: bool
    count: int

    def batches(self) -> Iterator[list[Frame]]:
        """Frames, some at a time."""
        ...


class CaptureFile:
    """A capture that is being read. `notices` is complete once the frames are."""

    def __init__(self, path: str, stored: Stored, content: Content, reader: Reader) -> None:
        self.path = path
        self.format = "pcapng" if isinstance(reader, pcapng.PcapNg) else "pcap"
        self.size = stored.size  # bytes of the file as it is stored; None where that is not known (a pipe)
        self._stored = stored
        self._content = content
        self._reader = reader

    @property
    def read(self) -> int:
        """Bytes of the file, as it is stored, that have been read so far."""
        return self._stored.count

    @property
    def count(self) -> int:
        """Frames so far."""
        return self._reader.count

    @property
    def truncated(self) -> bool:
        """Whether the file ended where it should not."""
        return self._reader.truncated or bool(self._content.notices)

    @property
    def damaged(self) -> bool:
        """Whether something stood in it that cannot be."""
        return self._reader.damaged

    @property
    def notices(self) -> list[str]:
        """What is wrong with the file, in plain English without its name."""
        outer = [] if self._content is self._stored else self._content.notices
        return [*self._stored.notices, *outer, *self._reader.notices]

    def batches(self) -> Iterator[list[Frame]]:
        """Frames, some at a time."""
        return self._reader.batches()

    def __iter__(self) -> Iterator[Frame]:
        for batch in self.batches():
            yield from batch


@contextmanager
def open_capture(path: str, secrets: KeyLog | None = None) -> Iterator[CaptureFile]:
    """Open a file, a FIFO or "-". TLS key logs in it go to `secrets`. Raises InputError where it is no capture."""
    name = "standard input" if path == STANDARD_INPUT else path
    file = _standard_input() if path == STANDARD_INPUT else _open(path)
    try:
        stored = Stored(file)
        content = _content(stored)
        window = Window(content)
        window.need(_FIRST)
        reader = _reader(window, secrets)
        if reader is None or not window.need(_HEADER[type(reader)]):
            raise _no_capture(path, name, stored, content, window.data)
        yield CaptureFile(path, stored, content, reader)
    finally:
        if path != STANDARD_INPUT:
            file.close()


def _standard_input() -> io.BufferedIOBase:
    if sys.stdin is None or sys.stdin.closed:
        raise InputError("standard input: closed", "give a file, or pipe a capture into it")
    if sys.stdin.isatty():
        raise InputError("standard input: a terminal, no capture", "tcpdump -U -w - port 3389 | rdp-probe replay -")
    return cast("io.BufferedReader", sys.stdin.buffer)


def _open(path: str) -> io.BufferedIOBase:
    if os.path.isdir(path):  # noqa: PTH112 - a path of "" is one too, and pathlib makes "." of it
        raise InputError(f"{path}: a directory, no capture", f"rdp-probe replay {shlex.quote(path)}/*.pcap*")
    try:
        return open(path, "rb")  # noqa: PTH123 - the caller closes it
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file", "give the path of a capture, or - for standard input") from error
    except PermissionError as error:
        hint = "captures of tcpdump and dumpcap often belong to root: change the owner, or read it as root"
        raise InputError(f"{path}: permission denied", hint) from error
    except (OSError, ValueError) as error:  # ValueError: a null byte
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"{path}: cannot be opened: {why}", "give the path of a capture") from error


def _content(stored: Stored) -> Content:
    start = stored.peek()
    if start.startswith(GZIP):
        return Gunzipped(stored)
    return Unzstd(stored) if start.startswith(ZSTD) else stored


def _reader(window: Window, secrets: KeyLog | None) -> Reader | None:
    magic = window.data[:_FIRST]
    if magic == pcapng.MAGIC:
        return pcapng.PcapNg(window, secrets)
    return pcap.Pcap(window) if magic in pcap.MAGICS else None


def _no_capture(path: str, name: str, stored: Stored, content: Content, start: bytes) -> InputError:
    """What it is in place of a capture, as far as its first bytes tell."""
    if stored.notices or content.notices:
        hint = "unpack it first, or copy it again from where it was"
        return InputError(f"{name}: {(stored.notices or content.notices)[0]}", hint)
    if start[:_FIRST] in (pcapng.MAGIC, *pcap.MAGICS):
        hint = "copy the file again from where it was, once what writes it has ended"
        return InputError(f"{name}: it ends inside its header: there are no packets in it", hint)
    if not start:
        compressed = "" if content is stored else ", once decompressed"
        hint = "a capture has at least a header: let tcpdump or Wireshark end before you copy its file"
        return InputError(f"{name}: empty{compressed}", hint)
    shown = "FILE" if path == STANDARD_INPUT else shlex.quote(path)
    if start.startswith(_ZIP) and len(start) > _ZIP_FLAGS and start[_ZIP_FLAGS] & _ZIP_ENCRYPTED:
        hint = "rdp-probe does not open zip files: unzip it with its password, and give what was in it"
        return InputError(f"{name}: an encrypted zip file", hint)
    for magic, program in _COMPRESSED.items():
        if start.startswith(magic):
            what = program.split()[0]
            return InputError(f"{name}: compressed for {what}", f"{program} {shown} | rdp-probe replay -")
    for magic, what in _OTHER_CAPTURES.items():
        if start.startswith(magic):
            return InputError(f"{name}: {what}, not pcap or pcapng", f"editcap -F pcapng {shown} out.pcapng")
    return _no_capture_at_all(name, shown, start)


def _no_capture_at_all(name: str, shown: str, start: bytes) -> InputError:
    text = start[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:1] in (b"{", b"["):
        hint = "rdp-probe verify and diff read results; replay reads what tcpdump or Wireshark captured"
        return InputError(f"{name}: JSON, no capture", hint)
    if text.isascii() and text.decode("ascii").replace("\n", "").replace("\r", "").replace("\t", "").isprintable():
        hint = "save the capture itself: tcpdump -w out.pcap, tshark -w out.pcapng; text2pcap reads hex dumps"
        return InputError(f"{name}: text, no capture", hint)
    hint = f"if Wireshark opens it: editcap -F pcapng {shown} out.pcapng; of netsh trace: etl2pcapng {shown} out.pcapng"
    return InputError(f"{name}: neither pcap nor pcapng (it begins with {start[:4].hex(' ')})", hint)
