"""What `rdp-probe scan --cluster` asks and says before it begins."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from probe.language import _

if TYPE_CHECKING:
    from probe.scan.cluster import Cluster
    from probe.scan.work import Pool, Source


def check_captures(options: argparse.Namespace) -> None:
    """Raise InputError where packets would not come to where the capture is written."""
    from probe.errors import InputError

    if options.parts is not None and (options.pcap_out is not None or options.keylog_out is not None):
        raise InputError("--parts leaves results with the workers, and a capture is written here", "leave --parts out")


def cluster_of(options: argparse.Namespace, source: Source, say: Callable[[str], None]) -> tuple[Cluster, str | None]:
    """The cluster, which is there, and what should be known of it. Raises InputError, Unavailable.

    `options.parts` is made what it means from everywhere.
    """
    from probe.scan.cluster import Cluster
    from probe.scan.cluster_check import LOCAL, ask
    from probe.scan.cluster_parts import Parts, prepared
    from probe.scan.parts_place import scan_name

    name = scan_name(source.fingerprint, source.seed)
    parts = prepared(Parts(options.parts, name, options.parts_format)) if options.parts else None
    if parts is not None:
        options.parts = parts.url
    remark = None
    if options.cluster != LOCAL:
        if not options.quiet:
            say(_("Connecting to {address}", address=options.cluster))
        if not ask(options.cluster).workers:
            remark = _("No worker has come there yet: the scan waits a minute for one.")
    return Cluster(options.cluster, parts, processes=options.processes, whole=options.concurrency is not None), remark


def expect(pool: Pool, targets: int) -> None:
    """Tell a cluster how many targets are to come. Others do not ask."""
    from probe.scan.cluster import Cluster

    if isinstance(pool, Cluster):
        pool.left = targets


def connections(options: argparse.Namespace, count: str) -> str:
    """How many may be open at once."""
    if options.cluster is not None and options.concurrency is None:
        return _("up to {count} connections at once for each worker", count=count)
    return _("up to {count} connections at once", count=count)
