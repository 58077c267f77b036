"""What --gateway-at takes, and what the three options ask for."""

from __future__ import annotations

import json
import socket

import pytest

from probe.audit.settings import Settings
from probe.cli.host import settings_of
from probe.cli.main import build_parser, main
from probe.cli.options import gateway_at
from probe.errors import InputError


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("gw.example", ("gw.example", 443)),
        ("gw.example:8443", ("gw.example", 8443)),
        ("192.0.2.7", ("192.0.2.7", 443)),
        ("[::1]:444", ("::1", 444)),
        ("2001:db8::1", ("2001:db8::1", 443)),
    ],
)
def test_a_gateway_is_a_host_and_maybe_a_port(text: str, where: tuple[str, int]) -> None:
    assert gateway_at(text) == where


@pytest.mark.parametrize(
    "text", ["-", "@gateways.txt", "10.0.0.0/8", "10.0.0.1-9", "https://gw.example", "gw:99999", ""]
)
def test_it_is_one(text: str) -> None:
    with pytest.raises(InputError):
        gateway_at(text)


def settings(*options: str) -> Settings:
    return settings_of(build_parser().parse_args(["host", *options, "srv1.example"]))


def test_nothing_is_asked_unasked_and_another_host_is_asking() -> None:
    assert (settings().udp, settings().gateway) == (False, False)
    assert settings("--udp").udp
    assert (settings("--gateway").gateway, settings("--gateway").gateway_at) == (True, None)
    elsewhere = settings("--gateway-at", "gw.example")
    assert (elsewhere.gateway, elsewhere.gateway_at) == (True, ("gw.example", 443))


def test_both_are_in_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        assert main(["host", "--json", "--udp", "--gateway-at", where, where]) == 1
    result = json.loads(capsys.readouterr().out)
    assert (result["udp"]["state"], result["gateway"]["state"]) == ("refused", "refused")
    assert {found["code"] for found in result["diagnoses"]} == {"TCP_REFUSED", "UDP_UNREACHABLE", "GATEWAY_UNREACHABLE"}
