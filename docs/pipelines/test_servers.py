"""Servers as tests: pip install rdp-probe beside pytest, and `rdp_verify` is there.

    pytest test_servers.py

A test fails with what `rdp-probe verify` prints: which rule, what to do about it, and whom that would cut off.
"""

import pytest

from probe.testing import RdpUnknown


@pytest.mark.parametrize("server", ["srv1.example", "srv2.example:3390"])
def test_remote_desktop_is_as_we_demand(rdp_verify, server):
    rdp_verify(server, policy="rdp/policy.toml")


def test_nothing_became_worse(rdp_verify):
    rdp_verify("srv1.example", baseline="rdp/before.ndjson")


def test_a_server_that_is_down_is_no_failure(rdp_verify):
    try:
        (found,) = rdp_verify("192.0.2.7", policy="strict", retry_s=300)
    except RdpUnknown as unknown:
        pytest.skip(str(unknown))
    assert found.connections <= 20
