"""Link layers that are seldom met, read by scapy: 802.11, radiotap, PPI and whatever else it knows."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any


class ScapyLinks:
    """What `capture.link_layers.Layers` asks for a link type that it does not read. scapy is loaded only then."""

    def __init__(self) -> None:
        self._layers: dict[int, Any] | None = None

    def knows(self, link_type: int) -> bool:
        """Whether scapy has a layer for it."""
        return self._layer(link_type) is not None

    def inside(self, link_type: int, data: bytes) -> Iterable[bytes]:
        """The outermost IP packet of a frame, from its header on; nothing where there is none."""
        layer = self._layer(link_type)
        if layer is None:
            return
        from scapy.layers.inet import IP
        from scapy.layers.inet6 import IPv6

        try:
            packet = layer(data)
        except Exception:  # noqa: BLE001 - its dissectors raise whatever they like
            return
        while packet is not None:
            if isinstance(packet, IP | IPv6):
                yield bytes(packet.original)
                return
            packet = packet.payload or None

    def _layer(self, link_type: int) -> Any:
        if self._layers is None:
            self._layers = _every_layer()
        return self._layers.get(link_type)


def _every_layer() -> dict[int, Any]:
    logging.getLogger("scapy").setLevel(logging.CRITICAL)  # its remarks on this machine's interfaces concern nobody
    from scapy.all import conf

    return dict(conf.l2types.num2layer)
