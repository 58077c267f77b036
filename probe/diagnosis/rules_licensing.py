"""What proves the diagnoses of licenses and of how many may connect, where the licensing phase was asked for."""

from __future__ import annotations

from collections.abc import Iterator

from probe.diagnosis import catalogue_licensing as catalogue
from probe.diagnosis.rule import Cause, Evidence, finds
from probe.language import _
from probe.result import Licensing, Result

# errorInfo codes that say that no more, or no, connections are admitted: [MS-RDPBCGR] 2.2.5.1.1. That another user
# took the session over (0x5) is no limit, and 0x10A is about connections though its name is one of licensing.
_TURNED_AWAY: dict[int, Cause | None] = {
    0x0006: catalogue.NO_MEMORY,
    0x0007: None,  # "the server denied the connection", for whatever reason
    0x010A: None,
    0x0408: None,  # the Connection Broker's pool has no endpoint left
}
_LICENSING_CODES = range(0x0100, 0x0110)
_CAUSES: dict[str, Cause] = {
    "ERR_NO_LICENSE_SERVER": catalogue.NO_LICENSE_SERVER,
    "ERRINFO_LICENSE_NO_LICENSE_SERVER": catalogue.NO_LICENSE_SERVER,
    "ERRINFO_LICENSE_NO_LICENSE": catalogue.NO_LICENSE_LEFT,
}


@finds(catalogue.LICENSING_FAILED)
def licensing_failed(result: Result) -> Iterator[Evidence]:
    """A licensing error other than STATUS_VALID_CLIENT, or an error about licenses in a Set Error Info PDU."""
    for entry in result.licensing:
        if entry.answer == "error" and entry.code is not None:
            said = _(
                "over {protocol}, without an account, the licensing phase was answered by {code}, {transition}",
                protocol=entry.over,
                code=entry.code,
                transition=entry.transition or "?",
            )
            yield Evidence(said=said, likeliest=_CAUSES.get(entry.code), facts={"error": entry.code})
        elif _number(entry) in _LICENSING_CODES and _number(entry) not in _TURNED_AWAY:
            yield _set_error(entry)


@finds(catalogue.CONNECTION_LIMIT)
def connection_limit(result: Result) -> Iterator[Evidence]:
    """A Set Error Info PDU says so; that a server merely closes says nothing of the reason."""
    for entry in result.licensing:
        if _number(entry) in _TURNED_AWAY:
            yield _set_error(entry)


def _number(entry: Licensing) -> int:
    return entry.error_info_code or 0


def _set_error(entry: Licensing) -> Evidence:
    number = _number(entry)
    name = entry.error_info or f"0x{number:04X}"
    said = _(
        "over {protocol}, without an account, a Set Error Info PDU said {code} (0x{number})",
        protocol=entry.over,
        code=name,
        number=f"{number:X}",
    )
    return Evidence(said=said, likeliest=_CAUSES.get(name) or _TURNED_AWAY.get(number), facts={"error": name})
