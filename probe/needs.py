"""What somebody wants to know of a server, so that an audit asks that and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

TrialKind = Literal["suites", "groups"]


@dataclass(frozen=True, slots=True, order=True)
class Trial:
    """Code points that are to be offered to the server and nothing else of their kind, in each version that has them.

    What it selects is offered no more, until it refuses or has selected `enough`: so each that it accepts costs one
    connection, and all that it refuses together cost one for each version. Whether a server has any of them in some
    version, and `each` in each version, is asked for first; the rest is only more of their names, and is asked for
    while there are few connections.
    """

    kind: TrialKind
    codes: tuple[int, ...]  # of the IANA registry, in ascending order
    enough: int = 4  # in one version: who knows of so many that they are accepted needs no more
    each: int = 0  # so many must be known of each version; 0: one that any version accepts tells all that matters


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """The facts of a result that somebody is going to look at. `a | b` is what either needs."""

    protocols: frozenset[str] = frozenset()  # security protocols to be settled, by their names in a result
    versions: frozenset[str] = frozenset()  # TLS versions to be settled, by their names in a result
    certificates: bool = False  # of every version that is settled
    credssp: bool = False  # the server's TSRequest and its NTLM challenge
    encryption: bool = False  # of Standard RDP Security: level, methods, certificate
    direct_tls: bool = False  # TLS without X.224
    intolerance: bool = False  # hellos that are dropped though others are answered
    trials: frozenset[Trial] = frozenset()
    again: bool = False  # what the trials say was known before: connections are not saved at it
    standard: bool = False  # everything that depth standard asks
    full: bool = False  # everything that depth full asks: lists of suites and groups, their order, features
    udp: bool = False
    gateway: bool = False
    licensing: bool = False
    clients: frozenset[str] = frozenset()  # keys of clients that are to be asked as, where the facts leave them open

    def __or__(self, other: Needs) -> Needs:
        """What either needs."""
        return Needs(**{each.name: getattr(self, each.name) | getattr(other, each.name) for each in fields(self)})


NOTHING = Needs()
