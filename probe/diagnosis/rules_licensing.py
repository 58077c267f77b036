"""What proves the diagnoses of licenses and of how many may connect, where the licensing phase was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from probe.diagnosis import catalogue_licensing as catalogue
from probe.diagnosis.licensing import DENIED, name_of, refusal
from probe.diagnosis.rule import Cause, Evidence, finds
from probe.language import _
from probe.result import Licensing, Result

_OF_THE_CLIENT = (  # the client's license, or a message of the client's: [MS-RDPBCGR] 2.2.1.12.1.3, 2.2.5.1.1
    "ERR_INVALID_MAC",
    "ERR_INVALID_CLIENT",
    "ERRINFO_LICENSE_BAD_CLIENT_MSG",
    "ERRINFO_LICENSE_HWID_DOESNT_MATCH_LICENSE",
    "ERRINFO_LICENSE_BAD_CLIENT_LICENSE",
    "ERRINFO_LICENSE_CLIENT_ENDED_PROTOCOL",
    "ERRINFO_LICENSE_BAD_CLIENT_ENCRYPTION",
    "ERRINFO_LICENSE_CANT_UPGRADE_LICENSE",
)
_CAUSES: dict[str, Cause] = {
    "ERR_NO_LICENSE_SERVER": catalogue.NO_LICENSE_SERVER,
    "ERRINFO_LICENSE_NO_LICENSE_SERVER": catalogue.NO_LICENSE_SERVER,
    "ERRINFO_LICENSE_NO_LICENSE": catalogue.NO_LICENSE_LEFT,
    "ERRINFO_LICENSE_NO_REMOTE_CONNECTIONS": catalogue.NOT_LICENSED,
    "ERRINFO_OUT_OF_MEMORY": catalogue.NO_MEMORY,
    **dict.fromkeys(_OF_THE_CLIENT, catalogue.CLIENT_LICENSE_REFUSED),
}
_WENT_ON = ("demand_active", "redirection")


@finds(catalogue.LICENSING_FAILED, needs="licensing")
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
    yield from _went_on(result, "LICENSING_FAILED")


@finds(catalogue.CONNECTION_LIMIT, needs="licensing")
def connection_limit(result: Result) -> Iterator[Evidence]:
    """A Set Error Info PDU says so; that a server merely closes says nothing of the reason."""
    refused = [entry for entry in result.licensing if refusal(entry) == "CONNECTION_LIMIT"]
    is_open = all(entry.error_info_code == DENIED for entry in refused)
    for entry in refused:
        found = _set_error(entry)
        if is_open:
            summary = _(
                "The server turns the connection away without naming a reason, commonly for a limit: {error}.",
                error=name_of(entry),
            )
            yield replace(found, summary=summary)
        else:
            yield replace(found, excludes=(catalogue.NO_RIGHT,))
    yield from _went_on(result, "CONNECTION_LIMIT")


def _went_on(result: Result, code: str) -> Iterator[Evidence]:
    """Beside what failed by this code, what got further over another protocol."""
    if all(refusal(entry) != code for entry in result.licensing):
        return
    for entry in result.licensing:
        if refusal(entry) is not None:
            continue
        if entry.answer == "demand_active" or (entry.answer == "valid_client" and entry.then in _WENT_ON):
            said = _("over {protocol}, without an account, the licensing phase was passed", protocol=entry.over)
            yield Evidence(said=said)
        elif entry.answer == "license_request":
            yield Evidence(
                said=_(
                    "over {protocol}, without an account, the server went on with the licensing phase",
                    protocol=entry.over,
                )
            )


def _set_error(entry: Licensing) -> Evidence:
    name = name_of(entry)
    said = _(
        "over {protocol}, without an account, a Set Error Info PDU said {code} (0x{number})",
        protocol=entry.over,
        code=name,
        number=f"{entry.error_info_code or 0:X}",
    )
    return Evidence(said=said, likeliest=_CAUSES.get(name), facts={"error": name})
