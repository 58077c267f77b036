"""From the basic settings exchange to the licensing phase: which channels there are, and how is encrypted."""

from __future__ import annotations

from collections.abc import Callable

from probe.audit.standard_cipher import standard_cipher
from probe.handshake.licensing import Joining
from probe.handshake.standard_rdp import BasicSettingsExchange
from probe.wire import gcc


def joining_of(exchange: BasicSettingsExchange, random_bytes: Callable[[int], bytes]) -> Joining | None:
    """What the licensing phase needs to know; None where there is no channel, or no key that encrypts."""
    settings = exchange.settings
    network = settings.block(gcc.ServerNetwork) if settings is not None else None
    if settings is None or network is None:
        return None
    message = settings.block(gcc.ServerMessageChannel)
    channels = ((message.channel_id,) if message is not None and message.channel_id else ()) + network.channel_ids
    security = settings.block(gcc.ServerSecurity)
    if security is None or not (security.encryption_method or security.encryption_level):
        return Joining(io_channel=network.io_channel_id, channels=channels)
    if exchange.certificate is None:
        return None
    cipher = standard_cipher(security, exchange.certificate, random_bytes)
    if cipher is None:
        return None
    return Joining(io_channel=network.io_channel_id, channels=channels, headers=True, cipher=cipher)
