"""The address that connections are made from."""

from __future__ import annotations

import socket

from probe.errors import InputError


def check_source(address: str) -> None:
    """Raise InputError unless this machine can connect from `address`."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.bind((address, 0))
    except OSError as error:
        raise InputError(
            f"cannot connect from {address}: {error.strerror}", "give an address of this machine: see `ip address`"
        ) from error
