"""The front door of an RD Gateway, as far as nobody has to log in: its HTTP request, and which schemes it asks for.

HTTP itself is read by h11, in `probe.handshake.rd_gateway`; here is what an RD Gateway puts into it.

Source: [MS-TSGU] 2.2.3 and 3.3.5.1, RFC 9110 section 11.6.1.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from probe.errors import InvalidField

HTTPS = 443  # the port of the front door
METHOD = "RDG_OUT_DATA"
PATH = "/remoteDesktopGateway/"
OTHER_PATH = "/no-such-gateway/"  # what a gateway does not have
USER_AGENT = "MS-RDGateway/1.0"
# Schemes that RD Gateway alone has; NTLM and Negotiate are asked for by other web servers too. [MS-TSGU] 2.2.3.2.
OWN_SCHEMES = frozenset({"PAA", "SSPI_NTLM", "SMARTCARD"})
WINDOWS_SCHEMES = frozenset({"NTLM", "NEGOTIATE"})
_MOST_CHALLENGES = 32  # of one answer

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
# What stands between commas; a comma in a quoted string parts nothing. A string that is never closed takes all the
# rest, so that no character is looked at twice.
_ELEMENT = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*+"?)+')
_PARAMETER = re.compile(rf"{_TOKEN}[ \t]*=[ \t]*[^= \t]")
_SCHEME = re.compile(rf"({_TOKEN})(?:[ \t]+(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpChallenge:
    """One way to log in that WWW-Authenticate names: its scheme, and what stands behind it."""

    scheme: str
    rest: str = ""  # a token, or parameters

    @property
    def token(self) -> bytes:
        """The token68 of Negotiate and NTLM; empty where there is none. Raises InvalidField."""
        try:
            return base64.b64decode(self.rest, validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidField("WWW-Authenticate", "token68", 0, str(error)) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """What of an HTTP response tells what answers."""

    status: int
    reason: str
    server: str | None  # the Server field
    challenges: tuple[HttpChallenge, ...] = ()  # of every WWW-Authenticate field, in order

    def offers(self, schemes: frozenset[str]) -> bool:
        """Whether it can be logged in by one of these."""
        return any(challenge.scheme.upper() in schemes for challenge in self.challenges)


def challenges(values: Sequence[str]) -> tuple[HttpChallenge, ...]:
    """The challenges in WWW-Authenticate fields, up to 32; what is none is passed over."""
    found: list[HttpChallenge] = []
    for value in values:
        for challenge in _challenges(value):
            if len(found) == _MOST_CHALLENGES:
                return tuple(found)
            found.append(challenge)
    return tuple(found)


def _challenges(value: str) -> Iterator[HttpChallenge]:
    """Those of one field: a parameter belongs to the scheme before it."""
    current: HttpChallenge | None = None
    for element in _ELEMENT.findall(value):
        words = element.strip(" \t")
        match = _SCHEME.fullmatch(words)
        if _PARAMETER.match(words) and current is not None:
            current = HttpChallenge(scheme=current.scheme, rest=f"{current.rest}, {words}")
        elif match is not None:
            if current is not None:
                yield current
            current = HttpChallenge(scheme=match[1], rest=match[2] or "")
    if current is not None:
        yield current


def authorization(answer: HttpAnswer, token: bytes) -> str:
    """The value of Authorization that sends an NTLM message by the first scheme of the answer that takes one."""
    scheme = "NTLM" if answer.offers(frozenset({"NTLM"})) else "Negotiate"
    return f"{scheme} {base64.b64encode(token).decode('ascii')}"


def request_fields(host: str, port: int, connection_id: bytes) -> list[tuple[str, str]]:
    """The header fields of our request. `connection_id` is 16 random bytes."""
    name = f"[{host}]" if ":" in host else host
    return [
        ("Cache-Control", "no-cache"),
        ("Connection", "Keep-Alive"),
        ("Pragma", "no-cache"),
        ("Accept", "*/*"),
        ("User-Agent", USER_AGENT),
        ("RDG-Connection-Id", f"{{{UUID(bytes=connection_id)}}}"),
        ("Host", name if port == HTTPS else f"{name}:{port}"),
        ("Content-Length", "0"),
    ]
