"""The order of a scan: a keyed permutation of [0, n) that takes no memory, the same on every machine.

The numbers below n are laid out as a table of `a` columns and `b` rows, just large enough. Each half round adds to the
column something that depends on the row, or the other way round, so that every round can be undone and none ever makes
two numbers one. What falls into the few places of the table past n is sent through again until it does not.

Source: J. Black, P. Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002: the generalized Feistel network and
cycle walking. The mixing is the finalizer of SplitMix64 (G. Steele, D. Lea, C. Flood, OOPSLA 2014). It is for spreading
load and not for secrecy: whoever knows the seed knows the order.
"""

from __future__ import annotations

from hashlib import blake2b
from math import isqrt

_ROUNDS = 4
_WORD = (1 << 64) - 1


class Permutation:
    """`at(position)` is the number at that position. `size` from 1, a seed of 64 bits."""

    __slots__ = ("_columns", "_keys", "_rows", "size")

    def __init__(self, size: int, seed: int) -> None:
        self.size = size
        self._columns = isqrt(size - 1) + 1
        self._rows = -(-size // self._columns)
        stream = blake2b(f"rdp-probe order 1 {seed} {size}".encode(), digest_size=_ROUNDS * 16).digest()
        words = [int.from_bytes(stream[at : at + 8], "big") for at in range(0, len(stream), 8)]
        self._keys = tuple(zip(words[::2], words[1::2], strict=True))

    def at(self, position: int) -> int:
        """The number at this position, both from 0 and below `size`."""
        columns, rows, size = self._columns, self._rows, self.size
        found = position
        while True:
            row, column = divmod(found, columns)
            for first, second in self._keys:
                mixed = ((row ^ first) * 0xBF58476D1CE4E5B9) & _WORD
                mixed = ((mixed ^ mixed >> 27) * 0x94D049BB133111EB) & _WORD
                column = (column + (mixed ^ mixed >> 31)) % columns
                mixed = ((column ^ second) * 0xBF58476D1CE4E5B9) & _WORD
                mixed = ((mixed ^ mixed >> 27) * 0x94D049BB133111EB) & _WORD
                row = (row + (mixed ^ mixed >> 31)) % rows
            found = row * columns + column
            if found < size:
                return found
