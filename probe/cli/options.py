"""What several commands let the user choose, and what they may choose."""

from __future__ import annotations

import argparse
import os
import re

from probe.errors import InputError
from probe.language import LANGUAGES, of_environment

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)", re.ASCII)
_LONGEST_TIME_S = 3600.0
# X.224 counts its variable part in one byte, 248 at most; the negotiation takes 8 and the line end 2 of them.
_LONGEST_TOKEN = 238
_COOKIE_PREFIX = len("Cookie: mstshash=")
_GATEWAY_PORT = 443
SIMULATE_LIST = "list"  # in the place of a client: which there are
_LONGEST_BLOB = 16000  # UTF-16 units, so that the PDU stays within a plain exchange


def duration(text: str) -> float:
    """Seconds from "500ms", "5s", "2m" or "1h". Raises InputError."""
    match = _DURATION.fullmatch(text)
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if not 0 < seconds <= _LONGEST_TIME_S:
        raise InputError(f"not a time: {text!r}", "times have a unit, up to an hour: 500ms, 5s, 2m, 1h")
    return seconds


def positive(text: str) -> int:
    """A whole number from 1. Raises InputError."""
    if not text.isascii() or not text.isdigit() or len(text) > 6 or int(text) < 1:
        raise InputError(f"not a number from 1 to 999999: {text!r}", "give a whole number such as 2")
    return int(text)


def rate(text: str) -> float:
    """Connections a second; 0.5 is one every two seconds. Raises InputError."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0.001 <= found <= 1_000_000:
        raise InputError(f"not a rate: {text!r}", "give new connections a second, such as 500 or 0.5")
    return found


def retries(text: str) -> int:
    """A small number, 0 too. Raises InputError."""
    if not text.isascii() or not text.isdigit() or int(text) > 10:
        raise InputError(f"not a number of retries: {text!r}", "give a whole number from 0 to 10")
    return int(text)


def seed(text: str) -> int:
    """A seed of up to 64 bits, in hexadecimal as it is printed. Raises InputError."""
    if not re.fullmatch(r"[0-9A-Fa-f]{1,16}", text, re.ASCII):
        raise InputError(f"not a seed: {text!r}", "a seed is up to 16 hexadecimal digits, such as 7f3a")
    return int(text, 16)


def shard(text: str) -> tuple[int, int]:
    """K and N of "3/16". Raises InputError."""
    match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text, re.ASCII)
    part, parts = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= part <= parts:
        raise InputError(f"not a shard: {text!r}", "a shard is K/N with K from 1 to N, such as 3/16")
    return part, parts


def port(text: str) -> int:
    """A TCP port. Raises InputError."""
    from probe.scan.targets import parse_port

    return parse_port(text)


def cookie(text: str) -> str:
    """The identifier of an mstshash cookie. Raises InputError."""
    return _one_line(text, "cookie", _LONGEST_TOKEN - _COOKIE_PREFIX)


def routing_token(text: str) -> str:
    """A routing token. Raises InputError."""
    return _one_line(text, "routing token", _LONGEST_TOKEN)


def _one_line(text: str, what: str, longest: int) -> str:
    raw = _encoded(text, "utf-8", what)
    if not raw or any(byte < 0x20 or byte == 0x7F for byte in raw):
        raise InputError(f"not a {what}: {text!r}", "it must be one line of text without control characters")
    if len(raw) > longest:
        raise InputError(f"the {what} has {len(raw)} bytes", f"an X.224 request has room for {longest}")
    return text


def _encoded(text: str, encoding: str, what: str) -> bytes:
    """As it will be sent. Raises InputError for bytes that the command line could not read as text."""
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        raise InputError(f"not a {what}: {text!r}", "it must be text in this terminal's encoding") from error


def preconnection_blob(text: str) -> str:
    """The text of a preconnection PDU. Raises InputError."""
    if len(_encoded(text, "utf-16-le", "preconnection blob")) > 2 * _LONGEST_BLOB or "\0" in text:
        raise InputError("not a preconnection blob", f"it is text of up to {_LONGEST_BLOB} characters without NUL")
    return text


def server_name(text: str) -> str:
    """A name for TLS and the name check. Raises InputError."""
    from probe.drive.names import tls_name

    name = tls_name(text)
    if name is None or not re.fullmatch(r"[\w.-]{1,253}", name, re.ASCII):
        raise InputError(f"not a server name: {text!r}", "give a host name such as srv1.example; TLS has no addresses")
    return name


def gateway_at(text: str) -> tuple[str, int]:
    """The host and port of one gateway. Raises InputError."""
    from itertools import islice

    from probe.scan.targets import targets

    if text != "-" and not text.startswith("@"):
        found = list(islice(targets([text], [_GATEWAY_PORT]), 2))
        if len(found) == 1:
            return found[0].host, found[0].port
    raise InputError(f"not one gateway: {text!r}", "give a name or an address, such as gw.example or gw.example:8443")


def client(text: str) -> str:
    """The key of a known client, or "list". Raises InputError."""
    from difflib import get_close_matches

    from probe.clients import CLIENTS

    key = text.lower()
    if key in CLIENTS or key == SIMULATE_LIST:
        return key
    near = _sharing_words(key) or get_close_matches(key, CLIENTS, n=3, cutoff=0.4)
    hint = f"perhaps {' or '.join(near)}; " if near else ""
    raise InputError(f"not a client: {text!r}", f"{hint}see --simulate list")


def _sharing_words(text: str) -> list[str]:
    """Up to three keys whose client has all words of the text in its key or name, those of fewest words first."""
    from probe.clients import CLIENTS

    asked = set(re.findall(r"[a-z]+|[0-9.]+", text))
    words = {
        key: set(re.findall(r"[a-z]+|[0-9.]+", f"{key} {profile.name}".lower())) for key, profile in CLIENTS.items()
    }
    return sorted((key for key in words if asked and asked <= words[key]), key=lambda key: len(words[key]))[:3]


def source_address(text: str) -> str:
    """An address of this machine. Raises InputError."""
    import ipaddress

    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise InputError(f"not an address: {text!r}", "give an address of this machine, such as 192.0.2.10") from error


def add_limits(parser: argparse.ArgumentParser, timeout_s: float = 5.0, depth: str | None = "standard") -> None:
    """Options that bound what one audit does. `depth` is the one where none is chosen; None: what is needed decides."""
    group = parser.add_argument_group("limits")
    group.add_argument("--timeout", type=duration, default=timeout_s, metavar="TIME",
                       help=f"longest silence of a server ({timeout_s:g}s)")  # fmt: skip
    group.add_argument(
        "--deadline", type=duration, default=60.0, metavar="TIME", help="longest audit of a target (60s)"
    )
    default = " (default)" if depth == "standard" else ""
    group.add_argument(
        "--depth",
        choices=("discover", "standard", "full"),
        default=depth,
        help=f"discover: one connection; standard: whether and why it fails, at most 16{default}; "
        "full: also every cipher suite, group and signature scheme, at most 60",
    )
    group.add_argument("--max-connections", type=positive, metavar="N", help="at most so many to one server")
    group.add_argument("--per-host", type=positive, default=2, metavar="N",
                       help="open to one server at a time (2: some servers queue no more)")  # fmt: skip


def add_request(parser: argparse.ArgumentParser) -> None:
    """Options that shape what is sent."""
    group = parser.add_argument_group("requests")
    group.add_argument("--source-address", type=source_address, metavar="ADDRESS", help="connect from this address")
    group.add_argument("--server-name", type=server_name, metavar="NAME", help="for TLS SNI and the name check")
    group.add_argument("--ca-file", metavar="FILE", help="trust the roots in FILE (PEM), not the system's")
    either = group.add_mutually_exclusive_group()
    either.add_argument("--cookie", type=cookie, metavar="TEXT", help='send "Cookie: mstshash=TEXT"')
    either.add_argument("--routing-token", type=routing_token, metavar="TEXT", help="send TEXT in its place")
    group.add_argument("--simulate", type=client, action="append", metavar="CLIENT",
                       help="ask only as this client asks; repeatable; see --simulate list")  # fmt: skip
    group.add_argument("--licensing", action="store_true",
                       help="also ask for licensing, without an account: intrusive, see docs/licensing.md")  # fmt: skip
    group.add_argument("--preconnection-blob", type=preconnection_blob, metavar="TEXT",
                       help="send a preconnection PDU first (a virtual machine's id)")  # fmt: skip


def add_outside(parser: argparse.ArgumentParser) -> None:
    """Options that ask beside the RDP connection."""
    group = parser.add_argument_group("beside the connection")
    group.add_argument("--udp", action="store_true", help="also whether RDP over UDP is served, on the same port")
    group.add_argument("--gateway", action="store_true",
                       help="also for an RD Gateway, on port 443 of the target; no user is named")  # fmt: skip
    group.add_argument("--gateway-at", type=gateway_at, metavar="HOST[:PORT]", help="ask for the RD Gateway there")


def add_capture(parser: argparse.ArgumentParser) -> None:
    """Options that keep what goes over the wire."""
    group = parser.add_argument_group("captures")
    group.add_argument("--pcap-out", metavar="FILE",
                       help="write what was sent and received as a capture: .pcap, .pcapng, .pcap.gz")  # fmt: skip
    group.add_argument("--keylog-out", metavar="FILE",
                       help="write the TLS secrets, for Wireshark and replay --keylog; for your eyes")  # fmt: skip


def add_language(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """The option that chooses the language of texts for people."""
    parser.add_argument(
        "--lang", type=_language, choices=LANGUAGES, help="language of texts (the locale's; of JSON: en)"
    )


def _language(text: str) -> str:
    """The name of a language as we write it: zh, zh_cn and ZH-CN are zh-CN."""
    asked = text.replace("_", "-").casefold()
    return next((name for name in LANGUAGES if asked in (name.casefold(), name.split("-")[0])), text)


def language_of(options: argparse.Namespace) -> str:
    """What was chosen, else the locale's for people and English for programs."""
    if options.lang is not None:
        return str(options.lang)
    return LANGUAGES[0] if getattr(options, "json", False) else of_environment(os.environ)
