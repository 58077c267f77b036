"""Host names as TLS wants them."""

from __future__ import annotations

import ipaddress


def tls_name(host: str) -> str | None:
    """The name for server_name (RFC 6066 section 3): ASCII, never an address. None where there is none to send."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    else:
        return None
    try:
        return host.rstrip(".").encode("idna").decode("ascii") or None
    except UnicodeError:
        return None
