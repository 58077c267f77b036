"""The pytest plugin, as other projects have it: in a pytest of its own, and without one."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from probe.errors import InputError
from probe.testing import RdpFailed, RdpUnknown, replay_rdp, serve_rdp, verify_rdp

pytest_plugins = ["pytester"]
_NLA = '[protocols]\nnla = "required"\n'
_NO_TLS_1_2 = '[tls]\nforbidden_versions = ["TLSv1.2"]\n'


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """An embedded server that requires NLA."""
    command = [sys.executable, "-m", "probe.drive.demo", "--json", "--only", "windows-nla"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            (told,) = json.loads(process.stdout.readline())
            yield f"{told['address']}:{told['port']}"
        finally:
            process.kill()


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """A policy file that the server meets."""
    file = tmp_path / "ours.toml"
    file.write_text(f'name = "ours"\n{_NLA}')
    return file


def test_what_passes_is_returned(server: str, policy: Path) -> None:
    (found,) = verify_rdp(server, policy=str(policy))
    assert (found.verdict, [each.rule for each in found.rules]) == ("passed", ["protocols.nla"])
    assert found.connections <= 3


def test_what_fails_raises_with_what_the_command_prints(server: str, policy: Path) -> None:
    policy.write_text(f'name = "ours"\n{_NO_TLS_1_2}')
    with pytest.raises(RdpFailed, match=r"FAIL  .*\n(.*\n)*  failed +tls.forbidden_versions") as raised:
        verify_rdp(server, policy=[str(policy)])
    assert not isinstance(raised.value, RdpUnknown)
    assert [each.verdict for each in raised.value.verifications] == ["failed"]


def test_what_cannot_be_reached_is_not_said_to_fail(policy: Path) -> None:
    with pytest.raises(RdpUnknown, match="takes connections on this port"):
        verify_rdp("127.0.0.1", port=1, policy=str(policy), timeout_s=1.0)


def test_a_baseline_of_its_own_passes(server: str, tmp_path: Path) -> None:
    file = tmp_path / "before.ndjson"
    command = [sys.executable, "-m", "probe.cli.main", "verify", server, "--save", str(file)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    (found,) = verify_rdp(server, baseline=str(file), exact=True)
    assert (found.verdict, found.changes) == ("passed", [])


@pytest.mark.parametrize(
    ("targets", "given", "why"),
    [
        ((), {"policy": "strict"}, "no target"),
        (("127.0.0.1",), {}, "nothing is demanded"),
        (("127.0.0.1",), {"policy": "strct"}, "strct"),
        (("127.0.0.999999",), {"policy": "strict"}, "127.0.0.999999"),
        ((["127.0.0.1"],), {"policy": "strict"}, r"a target is a text, and not \['127.0.0.1'\]"),
        (("127.0.0.1",), {"policy": Path("ours.toml")}, r"a policy is a text, and not PosixPath"),
        (("127.0.0.1",), {"policy": ["strict", 5]}, "a policy is a text, and not 5"),
        (("127.0.0.1",), {"what_if": "tls.mn=1.2"}, "--what-if: unknown key"),
        (("127.0.0.1",), {"policy": "strict", "depth": "ful"}, "there is no depth 'ful'"),
    ],
)
def test_what_cannot_be_understood_is_an_input_error(targets: tuple[str, ...], given: dict[str, Any], why: str) -> None:
    with pytest.raises(InputError, match=why):
        verify_rdp(*targets, **given)


def test_pytest_finds_the_fixture_by_itself(pytester: pytest.Pytester, server: str, policy: Path) -> None:
    pytester.makepyfile(f"""
        def test_it_passes(rdp_verify):
            (found,) = rdp_verify({server!r}, policy={str(policy)!r})
            assert found.verdict == "passed"

        def test_it_fails(rdp_verify):
            rdp_verify("127.0.0.1:1", policy={str(policy)!r})
    """)
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*RdpUnknown:*", "*UNKNOWN  127.0.0.1:1 *"])


def test_a_failure_shows_the_report_and_nothing_of_this_program(
    pytester: pytest.Pytester, server: str, policy: Path
) -> None:
    policy.write_text(f'name = "ours"\n{_NO_TLS_1_2}')
    wrong = pytester.makefile(".toml", wrong='[tls]\nmin_version = "TLSv1"\nmax_version = "1.2"\n')
    pytester.makepyfile(f"""
        def test_it_fails(rdp_verify):
            rdp_verify({server!r}, policy={str(policy)!r})

        def test_nobody_is_there(rdp_verify):
            rdp_verify("127.0.0.1:1", policy={str(policy)!r})

        def test_several_in_one(rdp_verify):
            rdp_verify(["127.0.0.1"], policy="strict")

        def test_no_such_port(rdp_verify):
            rdp_verify("127.0.0.1:x", policy="strict")

        def test_mistakes(rdp_verify):
            rdp_verify("127.0.0.1:x", policy={str(wrong)!r})
    """)
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=5)
    result.stdout.fnmatch_lines(
        [
            "E * FAIL  *",
            "E *InputError: a target is a text, and not [[]'127.0.0.1'[]]",
            "E * hint: for several: rdp_verify([*]servers)",
            "E *InputError: not a port: 'x'",
            'E *InputError: cannot read * line 2, column 15: unknown value "TLSv1" of tls.min_version',
            'E * hint: did you mean "TLSv1.0"[?]',
            'E * also: line 3, column 15: unknown value "1.2" of tls.max_version',
            'E * hint: did you mean "TLSv1.2"[?]',
        ]
    )
    lines = result.stdout.lines
    assert not [line for line in lines if "probe/" in line and not line.startswith(("plugins", "rootdir", "E"))]
    assert len(lines) < 110


def test_a_planned_change_is_judged(server: str) -> None:
    with pytest.raises(RdpFailed, match="cut off") as raised:
        verify_rdp(server, what_if="tls.max=1.0", depth="standard")
    (found,) = raised.value.verifications
    assert found.what_if is not None
    assert (found.verdict, found.what_if.change) == ("failed", "tls.max=1.0")


def test_what_is_asked_besides_is_as_deep_as_said(server: str, policy: Path) -> None:
    (needed,) = verify_rdp(server, policy=str(policy))
    (standard,) = verify_rdp(server, policy=str(policy), depth="standard")
    (full,) = verify_rdp(server, policy=str(policy), depth="full")
    assert needed.connections < standard.connections < full.connections


def test_the_plugin_imports_nothing_heavy() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import pytest, sys, probe.testing; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not {"trio", "rich", "cryptography", "OpenSSL", "msgspec"} & set(loaded)


def test_a_server_can_be_had_without_a_process(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import socket
        ports = []

        def test_two_kinds(rdp_server):
            for kind, first in (("http", b"HTTP/1.1"), ("ssh", b"SSH-2.0-")):
                server = rdp_server(kind)
                assert server.target == f"{server.address}:{server.port}"
                assert server.expects == ("NOT_RDP",)
                with socket.create_connection((server.address, server.port), timeout=10) as client:
                    client.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
                    assert client.recv(8) == first
                ports.append((server.address, server.port))

        def test_they_are_gone_then():
            for place in ports:
                with socket.socket() as client:
                    assert client.connect_ex(place)
    """)
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)


def test_a_kind_of_server_that_there_is_not_is_a_mistake() -> None:
    with pytest.raises(InputError, match="no such kind of server: windows-95"), serve_rdp("windows-95"):
        pass


PCAPS = Path(__file__).parent.parent / "pcaps"


def test_a_captured_server_is_there_until_the_test_ends(pytester: pytest.Pytester) -> None:
    """freerdp-shadow, which requires NLA: asked for TLS alone it gives a failure code."""
    pytester.makepyfile(f"""
        import socket
        ports = []

        def test_it_answers(rdp_replay):
            server = rdp_replay({str(PCAPS / "shadow-nla-required.pcap")!r})
            with socket.create_connection((server.address, server.port), timeout=10) as client:
                client.sendall(bytes.fromhex("030000130ee000000000000100080001000000"))
                assert client.recv(19)[-8:] == bytes.fromhex("0300080005000000")
            assert server.served[0].stream in server.streams
            ports.append((server.address, server.port))

        def test_it_is_gone_then():
            with socket.socket() as client:
                assert client.connect_ex(ports[0])
    """)
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)


def test_an_audit_of_a_captured_audit_finds_what_was_found_then() -> None:
    """All that the capture holds of its server: an audit asks it again, and TLS goes as far as captured keys can."""
    command = [sys.executable, "-m", "probe.cli.main", "host", "--json", "--timeout", "2s"]
    with replay_rdp(PCAPS / "probe-standard.pcap") as server:
        found = json.loads(subprocess.run([*command, server.target], capture_output=True, check=False).stdout)
        assert all(served.stream is not None for served in server.served)
    protocols = {name: verdict["state"] for name, verdict in found["negotiation"]["protocols"].items()}
    assert {name for name, state in protocols.items() if state == "accepted"} == {"HYBRID"}
    assert found["negotiation"]["nla"] == "required"
    assert {name for name, verdict in found["tls"]["versions"].items() if verdict["state"] == "rejected"} == {
        "TLSv1.0",
        "TLSv1.1",
    }
    assert found["certificates"][0]["chain"][0]["key"]["type"] == "EC"


def test_one_captured_connection_can_be_chosen() -> None:
    with replay_rdp(PCAPS / "probe-standard.pcap", stream=[0, 2]) as server:
        assert server.streams == (0, 2)
    with pytest.raises(InputError, match="that shows what its server did in stream 77"):
        replay_rdp(PCAPS / "probe-standard.pcap", stream=77).__enter__()


@pytest.mark.parametrize(
    ("name", "what"), [("filtered.pcap", "has no RDP connection that shows"), ("README.md", "no capture")]
)
def test_what_no_server_can_be_made_of_is_a_mistake(name: str, what: str) -> None:
    with pytest.raises(InputError, match=what), replay_rdp(PCAPS / name):
        pass


@pytest.mark.parametrize(
    ("name", "ends"), [("resets-after-request.pcap", ConnectionResetError), ("closes-after-request.pcap", None)]
)
def test_a_server_that_ended_it_without_a_word_does_so_again(name: str, ends: type[Exception] | None) -> None:
    with replay_rdp(PCAPS / name) as server:
        client = socket.create_connection((server.address, server.port), timeout=10)
        with client:
            client.sendall(bytes.fromhex("030000130ee00000000000010008000b000000"))
            if ends is None:
                assert client.recv(100) == b""
            else:
                with pytest.raises(ends):
                    client.recv(100)
        [served] = server.served
        assert (served.sent, served.finished) == (0, True)


def test_what_was_sent_is_counted_before_it_comes() -> None:
    with replay_rdp(PCAPS / "shadow-nla-required.pcap") as server:
        for number in range(20):
            with socket.create_connection((server.address, server.port), timeout=10) as client:
                client.sendall(bytes.fromhex("030000130ee000000000000100080001000000"))
                assert len(client.recv(100)) == 19
                assert (server.served[number].sent, server.served[number].finished) == (19, True)


def test_a_mistake_fails_a_test_in_two_lines(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        def test_it(rdp_server):
            rdp_server("windows-95")
    """)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["no such kind of server: windows-95", "hint: one of windows-nla*"], consecutive=True)
    result.stdout.no_fnmatch_line("*Traceback*")
