"""What a server that has its own order of cipher suites will probably select next.

A guess decides only which hello is made early; what is reported is what was then answered. The orders are those that
unconfigured servers have: OpenSSL's DEFAULT, and Schannel's of Windows Server 2022, 2016 and 2012 R2.
Source: `openssl ciphers -V DEFAULT` of OpenSSL 3.0; Microsoft, "TLS Cipher Suites in Windows".
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from probe.wire.tls_key_exchange import key_exchange_of

_OPENSSL = (
    *(0xC02C, 0xC030, 0x009F, 0xCCA9, 0xCCA8, 0xCCAA, 0xC02B, 0xC02F, 0x009E),
    *(0xC024, 0xC028, 0x006B, 0xC023, 0xC027, 0x0067, 0xC00A, 0xC014, 0x0039, 0xC009, 0xC013, 0x0033),
    *(0x009D, 0x009C, 0x003D, 0x003C, 0x0035, 0x002F),
)
_WINDOWS_2022 = (
    *(0xC02C, 0xC02B, 0xC030, 0xC02F, 0x009F, 0x009E, 0xC024, 0xC023, 0xC028, 0xC027),
    *(0xC00A, 0xC009, 0xC014, 0xC013, 0x009D, 0x009C, 0x003D, 0x003C, 0x0035, 0x002F, 0x000A),
)
_WINDOWS_2016 = (
    *(0xC02C, 0xC02B, 0xC030, 0xC02F, 0x009F, 0x009E, 0xC024, 0xC023, 0xC028, 0xC027),
    *(0xC00A, 0xC009, 0xC014, 0xC013, 0x0039, 0x0033, 0x009D, 0x009C, 0x003D, 0x003C, 0x0035, 0x002F, 0x000A),
    *(0x006A, 0x0040, 0x0038, 0x0032, 0x0013, 0x0005, 0x0004),
)
_WINDOWS_2012_R2 = (
    *(0xC028, 0xC027, 0xC014, 0xC013, 0x009F, 0x009E, 0x0039, 0x0033, 0x009D, 0x009C, 0x003D, 0x003C),
    *(0x0035, 0x002F, 0xC02C, 0xC02B, 0xC024, 0xC023, 0xC00A, 0xC009),
    *(0x006A, 0x0040, 0x0038, 0x0032, 0x000A, 0x0013, 0x0005, 0x0004),
)
_ORDERS = (_OPENSSL, _WINDOWS_2022, _WINDOWS_2016, _WINDOWS_2012_R2)


def guesses(picked: Sequence[int], suites: Sequence[int]) -> list[int]:
    """The next answers in their probable order, of `suites`, after the answers `picked`; never one of those."""
    order = max(_ORDERS, key=lambda each: _agreement(each, picked))
    if not picked or picked[-1] not in order:
        return []
    at = order.index(picked[-1])
    # What stands before the last answer and was not given is not served; its key exchange then hardly is elsewhere.
    absent = {key_exchange_of(suite) for suite in order[:at] if suite not in picked}
    absent -= {key_exchange_of(suite) for suite in picked}
    return [suite for suite in order[at + 1 :] if suite in suites and key_exchange_of(suite) not in absent]


def _agreement(order: Sequence[int], picked: Sequence[int]) -> int:
    """How many answers follow each other as they do in an order."""
    places = [order.index(suite) if suite in order else -1 for suite in picked]
    return sum(0 <= before < after for before, after in itertools.pairwise(places))
