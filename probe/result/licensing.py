"""What the licensing phase came to."""

from __future__ import annotations

from typing import Literal

import msgspec

from probe.result.common import EndingName, ProtocolName

LicensingAnswer = Literal[
    "valid_client",
    "license_request",
    "licensing_message",
    "error",
    "error_info",
    "demand_active",
    "redirection",
    "deactivated",
    "refused",
    "disconnected",
    "malformed",
]


class Licensing(msgspec.Struct, kw_only=True):
    """One connection that went on to the licensing phase without an account.

    `valid_client`: the server asks for no license; `then` is what came next. `license_request`: it wants to issue one,
    and was not answered. `licensing_message`: another message of that transfer. `error`: a licensing error, named by
    `code` and `transition`. `error_info`: a Set Error Info PDU, named by `error_info`. `demand_active`: the server went
    on without a word of licenses. `redirection`: it sends the client to another server. `refused`: it let the client
    attach no user or join no channel. `disconnected`: an MCS disconnect. None: nothing of these came.
    """

    over: ProtocolName
    answer: LicensingAnswer | None = None
    message: str | None = None  # the licensing message's type, where the answer is another than an error
    code: str | None = None  # dwErrorCode, [MS-RDPBCGR] 2.2.1.12.1.3
    transition: str | None = None  # dwStateTransition
    error_info: str | None = None  # errorInfo of a Set Error Info PDU, [MS-RDPBCGR] 2.2.5.1.1; also behind valid_client
    error_info_code: int | None = None
    then: LicensingAnswer | None = None  # behind valid_client
    awaited: str | None = None  # what was awaited when the connection ended without the last answer
    ending: EndingName | None = None  # and how it ended
