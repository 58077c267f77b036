"""What is known of a Diffie-Hellman group that a server chose by itself, up to TLS 1.2.

A published prime is shared by many servers, so that whoever computed for one has computed for all of them: Adrian et
al., "Imperfect Forward Secrecy", 2015. The name says which it is; whether it is too short is judged elsewhere.
"""

from __future__ import annotations

import hashlib

from probe.audit.dh_primes import PRIMES
from probe.result import DhParameters
from probe.wire.tls_key_exchange import DheParameters


def describe(parameters: DheParameters) -> DhParameters:
    """The group of a ServerKeyExchange: size, prime and generator as sent, and the name that the prime has.

    The name is that of the prime alone, "modp1024" (RFC 2409), "modp2048" (RFC 3526), "modp2048s256" (RFC 5114) or
    "ffdhe2048" (RFC 7919), and None for one that no RFC has; the generator stands beside it. Whether a prime without a
    name is one at all is not tested.
    """
    prime = hashlib.sha256(parameters.p.lstrip(b"\0")).hexdigest()
    return DhParameters(
        bits=parameters.bits,
        prime_sha256=prime,
        generator=f"{int.from_bytes(parameters.g, 'big'):x}",
        name=PRIMES.get(prime),
    )
