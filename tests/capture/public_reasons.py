"""Why a fact of the public captures' ground truth is not compared, and why one differs."""

from __future__ import annotations

_BEHIND = "how much follows what is encrypted says nothing of the connection, and is skipped unread"

# Facts by their path, without indexes, of which results say nothing.
NOT_REPORTED: dict[str, str] = {
    "client_side.tls.records": _BEHIND,
    "client_side.tls.application_data_records": _BEHIND,
    "server_side.tls.records": _BEHIND,
    "server_side.tls.application_data_records": _BEHIND,
    "tcp.lost": "tshark's guess from sequence numbers; `gaps` says whether bytes are missing",
}

# Differences that are the ground truth's: by file, stream and path; or by path alone.
EXPLAINED: dict[tuple[str, str, str], str] = {}
