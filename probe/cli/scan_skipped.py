"""What is said of lines that a scan skipped because they name no target: the first as they come, all as a number."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from probe.language import _
from probe.report.escape import terminal

if TYPE_CHECKING:
    from probe.cli.scan_progress import ScanProgress
    from probe.errors import InputError
    from probe.scan.work import Source

_SHOWN = 5  # lines


def tell_skipped(source: Source, progress: ScanProgress) -> None:
    """Have them said while tasks are taken from this source, in a thread of the scan. Call it within the event loop."""
    import trio

    from probe.scan.source_stream import StreamSource

    if not isinstance(source, StreamSource):
        return

    def tell(error: InputError) -> None:
        if source.skipped <= _SHOWN:
            text = _("Skipped: {error}", error=terminal(error.what))
        elif source.skipped == _SHOWN + 1:
            text = _("More lines name no target; they are skipped and counted.")
        else:
            return
        with suppress(trio.RunFinishedError):
            trio.from_thread.run_sync(progress.remark, text)

    source.on_skipped = tell


def skipped_in_all(source: Source) -> str:
    """How many there were, a sentence; empty where there were none."""
    number = getattr(source, "skipped", 0)
    if not number:
        return ""
    return _("Lines of the list that name no target and were skipped: {count}", count=f"{number:,}")
