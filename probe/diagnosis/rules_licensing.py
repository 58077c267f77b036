"""What proves the diagnoses of licenses and of how many may connect, where the licensing phase was asked for."""

from __future__ import annotations

from collections.abc import Iterator

from probe.diagnosis import catalogue_licensing as catalogue
from probe.diagnosis.licensing import name_of, refusal
from probe.diagnosis.rule import Cause, Evidence, finds
from probe.language import _
from probe.result import Licensing, Result

_CAUSES: dict[str, Cause] = {
    "ERR_NO_LICENSE_SERVER": catalogue.NO_LICENSE_SERVER,
    "ERRINFO_LICENSE_NO_LICENSE_SERVER": catalogue.NO_LICENSE_SERVER,
    "ERRINFO_LICENSE_NO_LICENSE": catalogue.NO_LICENSE_LEFT,
    "ERRINFO_OUT_OF_MEMORY": catalogue.NO_MEMORY,
}


@finds(catalogue.LICENSING_FAILED)
def licensing_failed(result: Result) -> Iterator[Evidence]:
    """A licensing error other than STATUS_VALID_CLIENT, or an error about licenses in a Set Error Info PDU."""
    for entry in result.licensing:
        if refusal(entry) != "LICENSING_FAILED":
            continue
        if entry.answer == "error" and entry.code is not None:
            said = _(
                "over {protocol}, without an account, the licensing phase was answered by {code}, {transition}",
                protocol=entry.over,
                code=entry.code,
                transition=entry.transition or "?",
            )
            yield Evidence(said=said, likeliest=_CAUSES.get(entry.code), facts={"error": entry.code})
        else:
            yield _set_error(entry)


@finds(catalogue.CONNECTION_LIMIT)
def connection_limit(result: Result) -> Iterator[Evidence]:
    """A Set Error Info PDU says so; that a server merely closes says nothing of the reason."""
    for entry in result.licensing:
        if refusal(entry) == "CONNECTION_LIMIT":
            yield _set_error(entry)


def _set_error(entry: Licensing) -> Evidence:
    name = name_of(entry)
    said = _(
        "over {protocol}, without an account, a Set Error Info PDU said {code} (0x{number})",
        protocol=entry.over,
        code=name,
        number=f"{entry.error_info_code or 0:X}",
    )
    return Evidence(said=said, likeliest=_CAUSES.get(name), facts={"error": name})
