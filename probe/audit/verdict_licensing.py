"""From readings to what the licensing phase came to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from probe.audit.attempt import Stage
from probe.audit.reading import Reading
from probe.result import Licensing
from probe.result.common import ProtocolName
from probe.result.licensing import LicensingAnswer
from probe.wire.error_info import ErrorInfo
from probe.wire.licensing import LicensingCode, LicensingError, LicensingMessage, LicensingType
from probe.wire.mcs import ConnectResult, DisconnectProviderUltimatum
from probe.wire.mcs_domain import AttachUserConfirm, ChannelJoinConfirm
from probe.wire.nego import NegotiationResponse
from probe.wire.share import ShareData, SharePdu, ShareType

_NAMES: dict[int, ProtocolName] = {0: "RDP", 1: "SSL", 2: "HYBRID", 4: "RDSTLS", 8: "HYBRID_EX", 16: "RDSAAD"}
_SHARE: dict[int, LicensingAnswer] = {
    ShareType.DEMAND_ACTIVE: "demand_active",
    ShareType.SERVER_REDIRECTION: "redirection",
}


def licensing(readings: Sequence[Reading]) -> list[Licensing]:
    """One entry for each connection that was to go on to the licensing phase, or was seen to."""
    return [_entry(reading) for reading in readings if reading.question.stage is Stage.LICENSING or _is_told(reading)]


def _is_told(reading: Reading) -> bool:
    """A watched server said something of licenses, or named an error, behind its settings."""
    return any(isinstance(message, LicensingError | LicensingMessage | ShareData) for message in reading.messages)


def _entry(reading: Reading) -> Licensing:
    answer = reading.negotiation
    entry = Licensing(over=_NAMES.get(answer.selected if isinstance(answer, NegotiationResponse) else 0, "RDP"))
    found = list(_answers(reading))
    for _, message in found:
        _name(entry, message)
    if found:
        entry.answer = found[0][0]
    if entry.answer == "valid_client" and len(found) > 1:
        entry.then = found[-1][0]
    if entry.answer is None or (entry.answer == "valid_client" and entry.then is None):
        entry.awaited, entry.ending = reading.awaited or None, reading.ending.value
    return entry


def _answers(reading: Reading) -> Iterator[tuple[LicensingAnswer, object]]:
    """What counts as an answer, in its order."""
    for message in reading.messages:
        answer = _answer(message)
        if answer is not None:
            yield answer, message
    if reading.malformed is not None:
        yield "malformed", None


def _answer(message: object) -> LicensingAnswer | None:
    if isinstance(message, LicensingError):
        return "valid_client" if message.code == LicensingCode.STATUS_VALID_CLIENT else "error"
    if isinstance(message, LicensingMessage):
        is_request = message.message_type == LicensingType.LICENSE_REQUEST
        return "license_request" if is_request else "licensing_message"
    if isinstance(message, SharePdu):
        return _SHARE.get(message.share_type, "deactivated")
    if isinstance(message, ShareData) and message.error_info not in (None, ErrorInfo.ERRINFO_NONE):
        return "error_info"
    if isinstance(message, AttachUserConfirm | ChannelJoinConfirm) and message.result != ConnectResult.RT_SUCCESSFUL:
        return "refused"
    return "disconnected" if isinstance(message, DisconnectProviderUltimatum) else None


def _name(entry: Licensing, message: object) -> None:
    """Codes by their names."""
    if isinstance(message, LicensingError):
        entry.code, entry.transition = message.code.name, message.transition.name
    elif isinstance(message, LicensingMessage):
        entry.message = message.message_type.name
    elif isinstance(message, ShareData) and message.error_info is not None:
        entry.error_info, entry.error_info_code = message.error_info.name, int(message.error_info)
