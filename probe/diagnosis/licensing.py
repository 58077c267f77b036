"""What a connection's licensing phase says of everybody's: that licenses fail, or that nobody more is let in."""

from __future__ import annotations

from probe.result import Licensing

# errorInfo codes of a server that turns the connection away: [MS-RDPBCGR] 2.2.5.1.1. That another user took the session
# over (0x5) is no limit. 0x7 says no more than "denied": of all codes CONNECTION_LIMIT is the closest, and its summary
# and causes leave the reason open. 0x10A is one of licensing: the server is not licensed to accept remote connections.
DENIED = 0x0007
TURNED_AWAY = (0x0006, DENIED, 0x0408)
_LICENSING_CODES = range(0x0100, 0x0110)


def refusal(entry: Licensing) -> str | None:
    """The code of the diagnosis that an entry proves: LICENSING_FAILED, CONNECTION_LIMIT, or none."""
    number = entry.error_info_code or 0
    if entry.answer == "error" and entry.code is not None:
        return "LICENSING_FAILED"
    if number in TURNED_AWAY:
        return "CONNECTION_LIMIT"
    return "LICENSING_FAILED" if number in _LICENSING_CODES else None


def name_of(entry: Licensing) -> str:
    """The name of the error that an entry holds, or its number where it has none."""
    if entry.answer == "error" and entry.code is not None:
        return entry.code
    return entry.error_info or f"0x{entry.error_info_code or 0:04X}"
