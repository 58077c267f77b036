"""Room for connections: how many are open at a time, in all, to one subnet and to one server, and begin in a second.

A target that is under way holds one place in all and one in its subnet until its audit is over, so an audit that has
begun never waits for others to make its next connection; a second connection beside it takes another place where one
is free, and else its turn after the first. So at most as many targets are under way as connections may be open.

Nothing is allocated and nothing awaited for a connection that nothing limits.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import AddressValueError, IPv6Address

import trio  # noqa: TID253 - this module is only imported when a scan runs

BURST_S = 0.1  # so much of a second's connections may begin at one moment, after a quiet time


class Pace:
    """So many turns a second, evenly: the generic cell rate algorithm (ITU-T I.371, 1.8.1), a tolerance of 100 ms.

    In any time of T seconds at most `per_second` x (T + 0.1) + 1 begin.
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = trio.current_time) -> None:
        self._interval_s = 1 / per_second
        self._clock = clock
        self._due = -float("inf")  # when the next would begin, were there no tolerance

    def book(self, *, late: bool) -> float | None:
        """Take a turn: in how many seconds it is. None where it is not at once and `late` is not wanted."""
        now = self._clock()
        wait_s = max(0.0, self._due - now - BURST_S)
        if wait_s and not late:
            return None
        self._due = max(self._due, now) + self._interval_s
        return wait_s


class Rate:
    """Turns at a pace, given in the order of asking."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self.waiting = 0  # tasks that wait for their turn now
        self.calm: Callable[[], None] = _nothing  # told when nobody waits any more

    def try_take(self) -> bool:
        """Take a turn if there is one at once."""
        return self._pace.book(late=False) is not None

    async def take(self) -> None:
        """Wait for a turn."""
        wait_s = self._pace.book(late=True)
        if not wait_s:
            return
        self.waiting += 1
        try:
            await trio.sleep(wait_s)
        finally:
            self.waiting -= 1
            if not self.waiting:
                self.calm()


class Room:
    """Places for connections. `concurrency` in all, `per_subnet` in a /24 or an IPv6 /64; None: no such limit.

    What is known of a subnet is forgotten when its last place is free.
    """

    def __init__(self, concurrency: int, rate: float | None = None, per_subnet: int | None = None) -> None:
        self._concurrency = concurrency
        self._per_subnet = per_subnet
        self._subnets: dict[object, int] = {}
        self.taken = 0
        self.freed: Callable[[object], None] = _nobody_waits  # told when a place in this subnet is free
        self.spare: Callable[[], None] = _nothing  # told when a place is free that no target has in view
        self.rate = None if rate is None else Rate(Pace(rate))

    @property
    def is_full(self) -> bool:
        """No place is free."""
        return self.taken >= self._concurrency

    def subnet(self, address: str) -> object:
        """The subnet that counts for a literal address; None where subnets are not limited."""
        return None if self._per_subnet is None else subnet_of(address)

    def try_take(self, subnet: object) -> bool:
        """Take a place if one is free."""
        if self.taken >= self._concurrency:
            return False
        if self._per_subnet is not None:
            taken = self._subnets.get(subnet, 0)
            if taken >= self._per_subnet:
                return False
            self._subnets[subnet] = taken + 1
        self.taken += 1
        return True

    def give_back(self, subnet: object) -> None:
        """A place is free again."""
        self.taken -= 1
        if self._per_subnet is not None:
            left = self._subnets[subnet] - 1
            if left:
                self._subnets[subnet] = left
            else:
                del self._subnets[subnet]
        self.freed(subnet)


class Hosts:
    """Audits of one address beside each other, on several ports or by several names: at most `most`.

    An address is forgotten when its last audit is over.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._audits: dict[str, int] = {}
        self.freed: Callable[[object], None] = _nobody_waits  # told when one more audit of this address may begin

    def try_take(self, host: str) -> bool:
        """Whether an audit of this address may begin; if so, it has begun."""
        audits = self._audits.get(host, 0)
        if audits >= self._most:
            return False
        self._audits[host] = audits + 1
        return True

    def give_back(self, host: str) -> None:
        """An audit of this address is over."""
        left = self._audits.pop(host) - 1
        if left:
            self._audits[host] = left
        self.freed(host)


def _nobody_waits(_place: object) -> None:
    pass


def _nothing() -> None:
    pass


class Seat:
    """The gate of one audit, which has a place already, and the turn for its first connection."""

    __slots__ = ("_first", "_open", "_room", "_subnet", "_waiting")

    def __init__(self, room: Room, subnet: object) -> None:
        self._room = room
        self._subnet = subnet
        self._open = 0
        self._first = True
        self._waiting: trio.lowlevel.ParkingLot | None = None

    def try_enter(self, address: str) -> bool:  # noqa: ARG002  all connections of an audit go to one address
        """Whether a connection may be opened at once; if so, it has entered."""
        if self._open and not self._room.try_take(self._subnet):
            return False
        if self._first:
            self._first = False
        elif self._room.rate is not None and not self._room.rate.try_take():
            if self._open:
                self._room.give_back(self._subnet)
            return False
        self._open += 1
        return True

    async def enter(self, address: str) -> None:  # noqa: ARG002
        """Wait for a place, our own or another, then for a turn."""
        while self._open and not self._room.try_take(self._subnet):
            if self._waiting is None:
                self._waiting = trio.lowlevel.ParkingLot()
            await self._waiting.park()
        self._open += 1
        if self._room.rate is not None:
            try:
                await self._room.rate.take()
            except trio.Cancelled:
                self.leave("")
                raise

    def leave(self, address: str) -> None:  # noqa: ARG002
        """A connection is closed. The last one's place is kept: `Room.give_back` belongs to who took it."""
        self._open -= 1
        if self._open:
            self._room.give_back(self._subnet)
            self._room.spare()
        if self._waiting is not None:
            self._waiting.unpark()


def host_of(address: str) -> str:
    """One server, however its address is written: an IPv6 address in one way, with its zone, IPv4 within it as IPv4.

    What is no address stays as it is.
    """
    if ":" not in address:
        return address
    try:
        literal = IPv6Address(address)
    except AddressValueError:
        return address
    return str(literal if literal.ipv4_mapped is None else literal.ipv4_mapped)


def subnet_of(address: str) -> object:
    """The /24 of an IPv4 address, the /64 of an IPv6 one, as something to look up by."""
    if ":" not in address:
        return address.rpartition(".")[0]
    literal = IPv6Address(address.partition("%")[0])
    return subnet_of(str(literal.ipv4_mapped)) if literal.ipv4_mapped is not None else literal.packed[:8]
