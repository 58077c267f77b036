"""What the user decided about an audit, apart from times and addresses, which only a driver needs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from probe.needs import Needs
from probe.result import Depth

MOST_CONNECTIONS: dict[Depth, int] = {"discover": 3, "standard": 16, "full": 60}
_FOR_NEEDS = 30  # what is needed may be more than depth standard asks, and is repeated where it is dropped
_FEW = 20  # of these, without repeats, for what decides nothing more
_STANDARD = Needs(
    protocols=frozenset({"RDP", "SSL", "HYBRID", "HYBRID_EX", "RDSTLS", "RDSAAD"}),
    versions=frozenset({"TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"}),
    certificates=True,
    credssp=True,
    encryption=True,
    direct_tls=True,
    intolerance=True,
)
_FOR_A_CLIENT = 4  # more for each client that is simulated: requests and fallbacks, and what lies behind TLS
_FOR_LICENSING = 2  # more, where it is asked for: over TLS and over Standard RDP Security


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How much is asked of one server, and what our requests carry."""

    depth: Depth = "standard"
    needs: Needs | None = None  # ask only what serves these; None: all that the depth asks
    max_connections: int | None = None  # None: what the depth allows
    server_name: str | None = None  # for TLS SNI; None: the target's name, and none for an address
    cookie: str | None = None  # identifier of "Cookie: mstshash="
    routing_token: str | None = None  # sent as it is, before CR LF
    preconnection_blob: str | None = None
    simulate: tuple[str, ...] = ()  # keys of clients in `probe.clients`: only what these ask is asked, one by one
    licensing: bool = False  # go on to the licensing phase where that needs no account; intrusive
    udp: bool = False  # ask whether RDP over UDP is served, on the target's port
    gateway: bool = False  # ask the front door of an RD Gateway
    gateway_at: tuple[str, int] | None = None  # host and port; None: port 443 of the target
    keep_attempts: bool = True  # the result lists every attempt with its steps

    @property
    def wanted(self) -> Needs | None:
        """What is to be asked where that is not simply what the depth asks. What needs depth standard has all of it."""
        if self.needs is None or self.depth != "standard":
            return None
        return self.needs | _STANDARD if self.needs.standard else self.needs

    @property
    def most_connections(self) -> int:
        """How many connections one server may see."""
        if self.max_connections is not None:
            return self.max_connections
        more = (_FOR_LICENSING if self.licensing else 0) + _FOR_A_CLIENT * len(self.simulate)
        return (MOST_CONNECTIONS[self.depth] if self.wanted is None else _FOR_NEEDS) + more

    @property
    def few_connections(self) -> int:
        """How many connections, without repeats, may go to what is good to know and decides nothing."""
        if self.max_connections is not None or self.wanted is None:
            return self.most_connections
        return self.most_connections - _FOR_NEEDS + _FEW

    def needing(self, needs: Needs) -> Self:
        """These settings for an audit that asks only what serves `needs`, and all that depth full asks where it does.

        A depth of full that the user chose stays, and what else the user asked for is asked too.
        """
        if self.depth == "full":
            needs |= Needs(full=True)
        return replace(
            self,
            needs=needs,
            depth="full" if needs.full else "standard",
            udp=self.udp or needs.udp,
            gateway=self.gateway or needs.gateway,
            licensing=self.licensing or needs.licensing,
        )
