"""`--pcap-out` and `--keylog-out`: what a live audit exchanged, as a capture that Wireshark opens, and its TLS secrets.

Packets are written in the order in which things happened, as IP without a link layer (LINKTYPE_RAW), with nanoseconds.
What is written is whole records, so that a file is a capture at any moment, however the process ends. In a `.gz` file
each write is a member of its own, [RFC 1952] 2.2, for the same reason.
"""

from __future__ import annotations

import errno
import fcntl
import gzip
import mmap
import os
import stat

from probe.drive.capture_format import PCAP, PCAPNG, PER_S, blocks, record, whole_until
from probe.drive.synthesized import Path, RandomBytes, SynthesizedTcp
from probe.drive.tap import Line, Place
from probe.errors import InputError, Unavailable
from probe.handshake.machine import Side

_AT_A_TIME = 64 * 1024  # bytes that wait to be written
_APART = 1000  # ns between packets of one moment: who shows microseconds shows their order too
_COMPRESSIONS = frozenset({"zst", "bz2", "xz", "lzma", "lz4", "zip", "7z"})
_ELSEWHERE = "give another name, or see to the permissions"


class Recorder:
    """A tap that keeps packets and secrets in memory: what a scan tells of one target. Packets are records of a pcap.

    What would need more than `most` bytes is left out from there on, connection by connection.
    """

    def __init__(
        self, *, packets: bool = True, secrets: bool = True, most: int = 1 << 24, random_bytes: RandomBytes = os.urandom
    ) -> None:
        self._wants_packets = packets
        self._wants_secrets = secrets
        self._most = most
        self._random_bytes = random_bytes
        self._last = 0
        self.records = bytearray()
        self.secrets = bytearray()

    def line(self, server: Place, at: float) -> Line | None:
        """Whoever makes packets of a connection; None where no more of them are wanted."""
        del at  # it begins with its first segment
        if not self._wants_packets or len(self.records) >= self._most:
            return None
        return SynthesizedTcp(server, self._emit, self._random_bytes, self._over)

    def datagram(self, side: Side, local: Place, server: Place, data: bytes, at: float) -> None:
        """Add a datagram."""
        if self._wants_packets:
            ports = (local[1], server[1]) if side is Side.CLIENT else (server[1], local[1])
            self._emit(at, Path(local[0], server[0], self._random_bytes).udp(side, ports, data))
            self._over()

    def secret(self, line: bytes) -> None:
        """Add a line of the key log."""
        if self._wants_secrets:
            self.secrets += line.rstrip(b"\n") + b"\n"

    def _emit(self, at: float, packet: bytes) -> None:
        moment = round(at * PER_S)
        if self._last - moment < PER_S:  # else the clock was put back, and is believed
            moment = max(moment, self._last + _APART)
        self._last = moment
        self.records += record(moment, packet)

    def _over(self) -> None:
        """A connection is over."""


class CaptureWriter(Recorder):
    """A capture file: pcapng where the name ends in .pcapng, else pcap; .gz behind it compresses.

    Raises InputError for a name that cannot be had. What the file system refuses later does not disturb whoever is
    looked at: nothing more is written, and `close` raises Unavailable. With `append` packets are added to those of a
    file that this wrote; what was torn off at its end is cut.
    """

    def __init__(self, name: str, *, append: bool = False, random_bytes: RandomBytes = os.urandom) -> None:
        super().__init__(secrets=False, most=1 << 62, random_bytes=random_bytes)
        stem, dot, ending = name.lower().rpartition(".")
        if dot and ending in _COMPRESSIONS:
            raise InputError(f"a capture is not compressed as .{ending}", f"as .gz it is: {name[: len(stem)]}.gz")
        self._is_gzip = ending == "gz"
        self._is_pcapng = (stem if self._is_gzip else name.lower()).endswith(".pcapng")
        self._file = _Whole(name, append=append)
        try:
            self._begin(name)
        except BaseException:
            self._file.close()
            raise

    def _begin(self, name: str) -> None:
        head = PCAPNG if self._is_pcapng else PCAP
        if self._file.size:
            with self._file.content() as content:
                whole = whole_until(content, head, is_gzip=self._is_gzip)
            if whole is None:
                raise InputError(f"{name} is no capture that this program wrote", "give another name")
            self._file.cut(whole)
        if not self._file.size:
            self._write(head)
            self._file.check()

    @property
    def problem(self) -> Unavailable | None:
        """Why nothing more is written."""
        return self._file.problem

    def add(self, records: bytes) -> None:
        """Add what a `Recorder` kept."""
        self.records += records
        self._over()

    def _emit(self, at: float, packet: bytes) -> None:
        super()._emit(at, packet)
        if len(self.records) >= _AT_A_TIME:
            self._over()

    def _over(self) -> None:
        """Write what waits."""
        if self.records:
            self._write(b"".join(blocks(self.records)) if self._is_pcapng else bytes(self.records))
            self.records.clear()

    def _write(self, data: bytes) -> None:
        self._file.add(gzip.compress(data, 6, mtime=0) if self._is_gzip else data)

    def close(self) -> None:
        """Write what is left. Raises Unavailable where something could not be written."""
        self._over()
        self._file.close()
        self._file.check()


class KeyLogWriter:
    """A TLS key log that only its owner may read. Errors as `CaptureWriter`'s."""

    def __init__(self, name: str, *, append: bool = False) -> None:
        self._file = _Whole(name, append=append, mode=0o600)

    @property
    def problem(self) -> Unavailable | None:
        """Why nothing more is written."""
        return self._file.problem

    def add(self, lines: bytes) -> None:
        """Write whole lines at once: who looks on while it is written can use them."""
        if lines:
            self._file.add(lines)

    def close(self) -> None:
        """It is complete. Raises Unavailable where something could not be written."""
        self._file.close()
        self._file.check()


class Recording:
    """A tap that writes packets to one file and secrets to another, where there is one. Also from recorders."""

    def __init__(self, capture: CaptureWriter | None, key_log: KeyLogWriter | None) -> None:
        self._capture = capture
        self._key_log = key_log

    def line(self, server: Place, at: float) -> Line | None:
        """See `probe.drive.tap.Tap`."""
        return self._capture.line(server, at) if self._capture is not None else None

    def datagram(self, side: Side, local: Place, server: Place, data: bytes, at: float) -> None:
        """See `probe.drive.tap.Tap`."""
        if self._capture is not None:
            self._capture.datagram(side, local, server, data, at)

    def secret(self, line: bytes) -> None:
        """See `probe.drive.tap.Tap`."""
        if self._key_log is not None:
            self._key_log.add(line.rstrip(b"\n") + b"\n")

    def add(self, records: bytes, secrets: bytes) -> None:
        """What a `Recorder` kept of one target."""
        if self._capture is not None and records:
            self._capture.add(records)
        if self._key_log is not None:
            self._key_log.add(secrets)

    @property
    def problem(self) -> Unavailable | None:
        """Why one of them is not written any more."""
        return (self._capture and self._capture.problem) or (self._key_log and self._key_log.problem) or None

    def close(self) -> None:
        """Both are complete. Raises Unavailable where something could not be written."""
        try:
            if self._capture is not None:
                self._capture.close()
        finally:
            if self._key_log is not None:
                self._key_log.close()


def recording(pcap_out: str | None, keylog_out: str | None, *, append: bool = False) -> Recording | None:
    """What the two options ask for; None: nothing. Raises InputError."""
    if pcap_out is None and keylog_out is None:
        return None
    capture = CaptureWriter(pcap_out, append=append) if pcap_out is not None else None
    try:
        return Recording(capture, KeyLogWriter(keylog_out, append=append) if keylog_out is not None else None)
    except BaseException:
        if capture is not None:
            capture.close()
        raise


class _Whole:
    """A file that holds whole pieces, whatever happens; it is this process's alone."""

    def __init__(self, name: str, *, append: bool, mode: int = 0o666) -> None:
        self._name = name
        self.problem: Unavailable | None = None
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
            self._descriptor = os.open(name, flags, mode)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "a file's name has no NUL"
            raise InputError(f"cannot write {name!r}: {why}", _ELSEWHERE) from error
        try:
            self._claim(append=append)
            if mode == 0o600:  # it may have been there, and empty
                os.fchmod(self._descriptor, mode)
        except OSError as error:
            os.close(self._descriptor)
            raise InputError(f"cannot write {name!r}: {error.strerror}", _ELSEWHERE) from error
        except BaseException:
            os.close(self._descriptor)
            raise

    def _claim(self, *, append: bool) -> None:
        found = os.fstat(self._descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"{self._name} is no regular file", "give the name of one")
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f"{self._name} is being written already", "give another name") from error
        self.size = found.st_size
        if self.size and not append:
            raise InputError(f"{self._name} is there already", "give another name, or remove it first")

    def content(self) -> mmap.mmap:
        """All of it, read where it is looked at. Not of an empty file."""
        return mmap.mmap(self._descriptor, 0, prot=mmap.PROT_READ)

    def cut(self, size: int) -> None:
        """Drop what stands behind `size` bytes."""
        os.ftruncate(self._descriptor, size)
        self.size = size

    def add(self, data: bytes) -> None:
        """Write it whole; where that fails, none of it, and nothing any more."""
        if self.problem is not None:
            return
        left, end = memoryview(data), self.size
        try:
            while left:
                written = os.pwrite(self._descriptor, left, end)
                end += written
                left = left[written:]
        except OSError as error:
            hint = "make room" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "put that right"
            words = f"cannot write {self._name}: {error.strerror}"
            self.problem = Unavailable(words, f"what came before is in it; {hint}, then begin with another name")
            try:
                os.ftruncate(self._descriptor, self.size)
            except OSError:
                return
        else:
            self.size = end

    def check(self) -> None:
        """Raise what went wrong."""
        if self.problem is not None:
            raise self.problem

    def close(self) -> None:
        """Another may have the file now."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
