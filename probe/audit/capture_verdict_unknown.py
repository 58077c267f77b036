"""What a capture of one connection cannot show, each with the reason, in sentences that `diagnosis.stored` knows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from probe.audit.attempt import Stage
from probe.audit.watched import Watched
from probe.capture.connection import Connection
from probe.handshake.machine import SIDES, Secured, Seen
from probe.handshake.tls_progress import Undecrypted
from probe.result import Reached
from probe.wire.tls_extensions import ExtensionType, find
from probe.wire.tls_hello import ServerHello
from probe.wire.tls_version import TLS13, version_name

# The first server of this protocol came in 1998; what is older was dated by nobody.
OLDEST = datetime(1998, 1, 1, tzinfo=UTC)
_MOST_GAPS = 3  # that are told one by one
_ENDS: tuple[Reached, ...] = ("secured", "inside", "settings")  # where nothing more would have been learned


def unknown(connection: Connection, seen: Watched, reached: Reached) -> list[str]:
    """The reasons, in the order in which somebody who looks at the capture meets them."""
    return [
        *_of_the_file(connection, seen),
        *_gaps(connection),
        *_encrypted(seen),
        *_of_the_end(connection, reached),
    ]


def has_clock(connection: Connection) -> bool:
    """Whether its times are of a clock; some tools write files that begin in 1970."""
    return connection.started >= OLDEST.timestamp()


def _of_the_file(connection: Connection, seen: Watched) -> Iterator[str]:
    if connection.one_sided is not None and connection.ending != "unanswered":
        yield f"only the {connection.one_sided.value}'s side was captured"
    if not (connection.syn or connection.syn_ack or seen.request_seen):
        yield "the capture begins mid-stream"
    if connection.truncated:
        yield "packets were cut when they were captured"
    if not has_clock(connection):
        yield f"the capture has no clock: it begins in {_year(connection)}"


def _year(connection: Connection) -> int:
    return datetime.fromtimestamp(max(connection.started, 0), UTC).year


def _gaps(connection: Connection) -> Iterator[str]:
    missing = [piece for piece in connection.pieces if piece.missing]
    for piece in missing[:_MOST_GAPS]:
        yield f"{piece.missing} bytes of the {piece.side.value} are missing before frame {piece.packet}"
    if len(missing) > _MOST_GAPS:
        yield f"bytes are missing in {len(missing)} places"
    for side, count in zip(SIDES, connection.missing_at_end, strict=True):
        if count:
            yield f"{count} bytes of the {side.value} are missing at the end"


def _encrypted(seen: Watched) -> Iterator[str]:
    for event in seen.attempt.events:
        if isinstance(event, Undecrypted) and _needs_secrets(seen):
            yield f"the key log does not open it: {event.reason}"
    frame = seen.encrypted_from
    if frame is None or seen.decrypted:
        return
    answers = [event.message for event in seen.attempt.events if isinstance(event, Seen)]
    hellos = [hello for hello in answers if isinstance(hello, ServerHello)]
    versions = [hello.selected_version for hello in hellos]
    if not versions:
        yield f"encrypted from frame {frame} on: what is inside TLS"
    elif versions[-1] >= TLS13 and find(hellos[-1].extensions, ExtensionType.PRE_SHARED_KEY) is None:
        yield f"encrypted from frame {frame} on ({version_name(versions[-1])}): the certificate and what is inside TLS"
    else:
        yield f"encrypted from frame {frame} on ({version_name(versions[-1])}): what is inside TLS"


def _needs_secrets(seen: Watched) -> bool:
    """Not where one of our own hellos was answered, and all that is encrypted is what the server said to it."""
    return seen.attempt.question.stage is not Stage.HELLO or any(
        isinstance(event, Secured) for event in seen.attempt.events
    )


def _of_the_end(connection: Connection, reached: Reached) -> Iterator[str]:
    if connection.ending == "open" and reached not in _ENDS:
        yield "the capture ends while the connection is open"
