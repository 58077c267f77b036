from __future__ import annotations

import hashlib
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.audit.dh_groups import describe
from probe.result import DhParameters
from probe.wire.tls_hello import read_handshake
from probe.wire.tls_key_exchange import DheParameters, ServerKeyExchange, read_server_key_exchange
from tests.vectors import vector
from tools import make_dh_groups

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl command")
COMPUTED = make_dh_groups.computed()


def _parameters(prime: int, generator: int = 2, zeros: int = 0) -> DheParameters:
    p = bytes(zeros) + prime.to_bytes((prime.bit_length() + 7) // 8, "big")
    g = bytes(zeros) + generator.to_bytes((generator.bit_length() + 7) // 8, "big")
    return DheParameters(p=p, g=g, ys=b"\x02", signed=None)


@needs_openssl
def test_the_module_is_what_its_tool_makes() -> None:
    assert make_dh_groups.TARGET.read_text("utf-8") == make_dh_groups.render()


@needs_openssl
@pytest.mark.parametrize("name", [name for name in COMPUTED if name not in ("modp768", "modp1024")])
def test_openssl_has_the_primes_that_the_formulas_make(name: str) -> None:
    group = name.replace("modp", "modp_")
    assert make_dh_groups.of_openssl(f"group:{group}") == COMPUTED[name]


@pytest.mark.parametrize("name", ["modp768", "modp1024"])
def test_the_primes_that_openssl_lacks_are_safe_ones(name: str) -> None:
    """By Fermat's test for the prime and for its half; the formula leaves one added number in a million to fit."""
    prime = COMPUTED[name]
    assert prime.bit_length() == int(name.removeprefix("modp"))
    assert pow(3, prime - 1, prime) == 1
    assert pow(3, prime // 2 - 1, prime // 2) == 1


@pytest.mark.parametrize("name", COMPUTED)
def test_a_published_group_has_its_name(name: str) -> None:
    prime = COMPUTED[name]
    digest = hashlib.sha256(prime.to_bytes(prime.bit_length() // 8, "big")).hexdigest()
    expected = DhParameters(bits=prime.bit_length(), prime_sha256=digest, generator="2", name=name)
    assert describe(_parameters(prime)) == expected
    assert describe(_parameters(prime, zeros=1)) == expected


def test_the_name_is_that_of_the_prime_and_the_generator_stands_beside_it() -> None:
    described = describe(_parameters(COMPUTED["modp2048"], generator=0xABCD))
    assert (described.name, described.generator) == ("modp2048", "abcd")


@given(prime=st.integers(0, 2**512))
def test_another_prime_has_no_name(prime: int) -> None:
    described = describe(_parameters(prime, generator=5))
    assert (described.bits, described.generator, described.name) == (prime.bit_length(), "5", None)


def test_the_group_that_openssl_served_is_told() -> None:
    message = read_handshake(vector("tls12_dhe_key_exchange")[5:], 0x0303)
    assert isinstance(message, ServerKeyExchange)
    parameters = read_server_key_exchange(message.params, 0x0303, "DHE_RSA")
    assert isinstance(parameters, DheParameters)
    described = describe(parameters)
    assert (described.bits, described.generator, described.name) == (2048, "2", "modp2048")
