"""Which numbers in a text may be codes, and what the words beside them say that they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Role = Literal["code", "extended", "event", "alert", "failure", "info", "any"]

# Times, dates, addresses, versions, ports and identifiers are no codes.
_NO_CODES = re.compile(
    r"""
    \{?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\}?   # a GUID
    | \[[0-9]+:[0-9a-f]{6,8}\]                                           # FreeRDP's process and thread
    | \[\d{8}-[\d:]+\]                                                   # xrdp's time
    | \b\d+(?:[:./-]\d+){2,}                                             # a date, a time, an address, a version
    | \b\d+\.\d+\b                                                       # a version, seconds
    | https?://\S+
    | \b(?:kb|windows|server|tls|ssl|rdp|x\.|sha|aes|port|端口|端口号|版本)[\s-]*\d+(?:\.\d+)?
    | \bsystem\ error\ \d+                                             # FreeRDP's errno, which its words explain
    | \b\d+\s*(?:bit|位|days?|天|seconds?|秒|ms|minutes?|分钟|%)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_NUMBER = re.compile(
    r"(?<![0-9a-z_])(?:0x(?P<hex>[0-9a-f]{1,16})|(?P<minus>-)?(?P<decimal>\d{1,10}))(?![0-9a-z_])", re.IGNORECASE
)
_HRESULT = re.compile(r"(?<![0-9a-z_])(?P<bare>[8cd]0[0-9a-f]{6})(?![0-9a-z_])", re.IGNORECASE)
_ALERT = (
    r"alert(?: number| code)?(?: was (?:received|generated)[^.:]*)?|fatal error code"
    r"|警报(?:代?码)?|严重警告|致命错误代?码"
)
# What stands before a number, nearest first; the longer of two that overlap is listed first.
_ROLES: tuple[tuple[Role, str], ...] = (
    ("extended", r"extended (?:error|reason|disconnect)\w*(?: code)?|扩展错误(?:代?码)?"),
    ("failure", r"(?:nego\w*|rdp_neg)[ _]?failure(?: ?code)?|failure ?code|协商失败(?:代?码)?"),
    ("info", r"errinfo|error ?info|reason code|原因代码"),
    ("alert", _ALERT),
    ("event", r"event ?(?:id)?|事件 ?(?:id)?"),
    ("code", r"error ?(?:code)?|code|reason|错误(?:代?码)?|代码|错误号"),
)
_BEFORE = 40  # characters before a number that are looked at
_GAP = r"(?: is)?[\s:=#\[\](),.是为-]*"
_ONE = re.compile(r"-?\w+")
_MOST = 40  # numbers of a text
_LOG = re.compile(
    r"termdd|schannel|termserv|terminalservices|connectionmanager|sessionmanager|activexcore|rdpclient|lsasrv|event"
    r"|operational|system log|security log|事件|系统日志|安全日志"
)


@dataclass(frozen=True, slots=True)
class Number:
    """A number that may be a code, as it was written, and what the words before it call it."""

    value: int
    written: str
    role: Role
    decimal: bool
    at: int
    guessed: bool = False  # only the rest of the text says that it is an event


def numbers(text: str) -> Iterator[Number]:
    """The numbers of a text in their order; `text` is in one width of characters."""
    alone = len(text.split()) <= 2
    cleared = text if _ONE.fullmatch(text.strip()) else _NO_CODES.sub(lambda match: " " * len(match[0]), text)
    from_log = _LOG.search(text.casefold()) is not None
    count = 0
    for match in _matches(cleared):
        role = _role(cleared[max(0, match.start() - _BEFORE) : match.start()])
        decimal = match.groupdict().get("decimal")
        guessed = False
        if decimal is not None and role == "any" and not alone:
            if not from_log:
                continue  # a bare number in a sentence is a count or a name
            role, guessed = "event", True
        count += 1
        if count > _MOST:
            return
        yield Number(_value(match), match[0], role, decimal is not None, match.start(), guessed)


def _matches(text: str) -> list[re.Match[str]]:
    """The numbers of a text in their order; eight digits that a status begins with are hexadecimal without a 0x."""
    bare = {match.start(): match for match in _HRESULT.finditer(text)}
    plain = {match.start(): match for match in _NUMBER.finditer(text)}
    return [match for _start, match in sorted((plain | bare).items())]


def _value(match: re.Match[str]) -> int:
    groups = match.groupdict()
    if groups.get("bare"):
        return int(groups["bare"], 16)
    if groups.get("hex"):
        value = int(groups["hex"], 16)
        return value & 0xFFFFFFFF if value > 0xFFFFFFFF00000000 else value  # a sign drawn out to 64 bits
    value = int(groups["decimal"])
    return (-value) & 0xFFFFFFFF if groups.get("minus") and value > 0xFFFF else value


def _role(before: str) -> Role:
    """What the words right before a number call it."""
    for role, words in _ROLES:
        if re.search(rf"(?:{words}){_GAP}$", before, re.IGNORECASE):
            return role
    return "any"
