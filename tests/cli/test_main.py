from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from probe.cli.host import Printer
from probe.cli.main import build_parser, main
from probe.cli.options import preconnection_blob
from probe.drive.limits import Limits
from probe.result import from_json, json_schema
from probe.wire.cursor import Writer
from probe.wire.nego import PreconnectionPdu
from tests.golden import results as golden

COMMAND = [sys.executable, "-m", "probe.cli.main"]


@pytest.fixture
def closed_port() -> str:
    """An address and port where nothing listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.66.1", 0))
        return f"127.0.66.1:{sock.getsockname()[1]}"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    "arguments",
    [
        ["host"],
        ["nonsense"],
        ["host", "--nonsense", "srv1.example"],
        ["host", "--time", "5s", "srv1.example"],
        ["host", "srv1.example:99999"],
        ["host", "srv1 example"],
        ["host", "127.0.0.1", "also:wrong:port:x"],
        ["host", "--port", "0", "srv1.example"],
        ["host", "--timeout", "5", "srv1.example"],
        ["host", "--timeout", "0s", "srv1.example"],
        ["host", "--deadline", "2h", "srv1.example"],
        ["host", "--per-host", "0", "srv1.example"],
        ["host", "--max-connections", "many", "srv1.example"],
        ["host", "--depth", "deep", "srv1.example"],
        ["host", "--source-address", "srv1", "srv1.example"],
        ["host", "--source-address", "192.0.2.1", "127.0.0.1"],
        ["host", "--server-name", "192.0.2.1", "srv1.example"],
        ["host", "--server-name", "a b", "srv1.example"],
        ["host", "--cookie", "a\r\nb", "srv1.example"],
        ["host", "--cookie", "x" * 300, "srv1.example"],
        ["host", "--routing-token", "", "srv1.example"],
        ["host", "--cookie", "a", "--routing-token", "b", "srv1.example"],
        ["host", "--preconnection-blob", "x" * 20000, "srv1.example"],
        ["host", "--preconnection-blob", "\U0001f600" * 8001, "srv1.example"],
        ["host", "--preconnection-blob", "\udcff", "srv1.example"],
        ["host", "--cookie", "caf\udce9", "srv1.example"],
        ["host", "--routing-token", "\udcff\udcfe", "srv1.example"],
        ["host", "--json", "-q", "srv1.example"],
        ["host", "@/nowhere/at/all"],
        ["demo", "--only", "nonsense"],
    ],
    ids=lambda arguments: " ".join(arguments)[:50],
)
def test_mistakes_are_an_error_and_a_hint(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    error, hint = shown.err.splitlines()
    assert error.startswith("error: ")
    assert hint.startswith("hint: ")
    assert len(hint) > len("hint: ")


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (["scan", "--concurency", "5", "127.0.0.1"], "no option --concurency", "did you mean --concurrency?"),
        (["scan", "--conc", "5"], "no option --conc", "--concurrency"),
        (["scan", "--concurency=5", "x"], "no option --concurency", "--concurrency"),
        (["host", "x", "--licence"], "no option --licence", "did you mean --licensing?"),
        (["host", "--rate", "5", "x"], "no option --rate", "rdp-probe scan has --rate"),
        (["host", "--zzz", "x"], "no option --zzz", "see rdp-probe host --help"),
        (["explain", "-z", "x"], "no option -z", "see rdp-probe explain --help"),
        (["--zzz"], "no option --zzz", "see rdp-probe --help"),
        (["host", "a", "--port", "1", "b"], "'b' stands apart", "in one place"),
        (["host", "--port", "3389,13389", "x"], "not a port: '3389,13389'", "--port 3389 --port 13389"),
        (["scan", "--port", "3389-3391", "x"], "not a port: '3389-3391'", "repeat --port"),
        (["scn", "127.0.0.1"], "no command 'scn'", "did you mean rdp-probe scan?"),
        (["Scan", "127.0.0.1"], "no command 'Scan'", "did you mean rdp-probe scan?"),
        (["srv1.example"], "no command 'srv1.example'", "rdp-probe host srv1.example"),
    ],
)
def test_a_typo_is_told_with_what_was_meant(
    arguments: list[str], error: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert error in first
    assert hint in second


def test_a_list_without_its_sign_is_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("hosts.example").write_text("127.0.0.1\n")
    for command in ("host", "scan"):
        assert main([command, "hosts.example"]) == 2
        assert "did you mean @hosts.example?" in capsys.readouterr().err


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "examples:" in capsys.readouterr().out


def test_escape_sequences_in_a_target_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["host", "\x1b[31msrv1\x1b[0m"]) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_every_command_has_help_with_examples() -> None:
    parser = build_parser()
    assert max(len(line) for line in parser.format_help().splitlines()) <= 90
    for command in ("host", "demo", "schema"):
        shown = run(command, "--help")
        assert shown.returncode == 0
        assert "example" in shown.stdout
        assert max(len(line) for line in shown.stdout.splitlines()) <= 90


def test_the_version() -> None:
    assert run("--version").stdout == "rdp-probe 0.1.0\n"


def test_the_schema_is_a_valid_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema == json_schema()


def test_a_refused_port_is_a_finding(closed_port: str) -> None:
    shown = run("host", "--json", closed_port)
    assert shown.returncode == 1
    document = json.loads(shown.stdout)
    jsonschema.Draft202012Validator(json_schema()).validate(document)
    assert document["status"] == "refused"
    assert [found["code"] for found in document["diagnoses"]] == ["TCP_REFUSED"]
    assert document["attempts"] == []


def test_verbose_json_lists_the_attempts(closed_port: str) -> None:
    document = json.loads(run("host", "--json", "-v", closed_port).stdout)
    assert [attempt["ending"] for attempt in document["attempts"]] == ["refused"]


def test_a_name_that_does_not_resolve_is_a_finding() -> None:
    shown = run("host", "--json", "nowhere.invalid")
    assert shown.returncode == 1
    document = json.loads(shown.stdout)
    jsonschema.Draft202012Validator(json_schema()).validate(document)
    assert document["status"] == "dns_error"
    assert document["cause"]
    assert document["target"]["address"] is None


def test_results_come_in_the_order_of_the_targets(closed_port: str) -> None:
    port = closed_port.partition(":")[2]
    shown = run("host", "--json", "--port", port, "127.0.66.3", "127.0.66.1", "127.0.66.2")
    order = [json.loads(line)["target"]["host"] for line in shown.stdout.splitlines()]
    assert order == ["127.0.66.3", "127.0.66.1", "127.0.66.2"]


def test_a_mistake_far_down_a_file_is_met_after_the_results_before_it(closed_port: str, tmp_path: Path) -> None:
    path = tmp_path / "servers.txt"
    path.write_text(f"{closed_port}\nsrv1 example\n")
    shown = run("host", "--json", f"@{path}")
    assert shown.returncode == 2
    assert len(shown.stdout.splitlines()) == 1
    assert shown.stderr.startswith(f"error: {path}, line 2: ")


@pytest.mark.parametrize("output", [["--json"], ["-q"], []])
def test_an_encoding_that_lacks_a_character_is_no_failure(output: list[str]) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    shown = subprocess.run(
        [*COMMAND, "host", *output, "bücher.invalid"], capture_output=True, timeout=60, check=False, env=environment
    )
    assert (shown.returncode, shown.stderr) == (1, b"")
    if output == ["--json"]:
        assert json.loads(shown.stdout)["target"]["host"] == "bücher.invalid"
    else:
        assert b"b\\xfccher.invalid" in shown.stdout


def test_json_of_a_hostile_server_does_nothing_to_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Printer(build_parser().parse_args(["host", "--json", "srv1.example"])).show(golden.hostile())
    line = capsys.readouterr().out.removesuffix("\n")
    assert line.isascii()
    assert line.isprintable()
    assert from_json(line) == golden.hostile()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("arguments", [["schema"], ["host", "--json"], ["host"]])
def test_a_full_disk_is_an_error_and_a_hint(arguments: list[str], closed_port: str) -> None:
    target = [closed_port] if arguments[0] == "host" else []
    with Path("/dev/full").open("w") as full:
        shown = subprocess.run(
            [*COMMAND, *arguments, *target], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert shown.returncode == 2
    assert shown.stderr.splitlines()[0].startswith("error: cannot write the output: ")
    assert shown.stderr.splitlines()[1].startswith("hint: ")
    assert len(shown.stderr.splitlines()) == 2


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-"])
def test_streams_that_were_closed_change_no_exit_status(closed: str, closed_port: str) -> None:
    script = f'exec "$@" {closed}'
    shown = subprocess.run(
        ["sh", "-c", script, "sh", *COMMAND, "host", closed_port], capture_output=True, text=True, check=False
    )
    assert (shown.returncode, shown.stdout, shown.stderr) == (1, "", "")


@pytest.mark.parametrize("content", ["", "# nothing yet\n\n"])
def test_a_list_without_a_target_is_an_error_and_no_success(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "servers.txt"
    path.write_text(content)
    assert main(["host", f"@{path}"]) == 2
    assert capsys.readouterr().err.startswith("error: there is no target")


def test_nothing_is_drawn_on_standard_error_of_a_script(closed_port: str) -> None:
    port = closed_port.partition(":")[2]
    assert run("host", "-q", "--port", port, "127.0.66.1", "127.0.66.2").stderr == ""


def test_a_quiet_demo_has_one_line_a_server() -> None:
    shown = run("demo", "-q", "--only", "ssh", "--only", "http")
    assert len(shown.stdout.splitlines()) == 2
    assert shown.returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--cookie", "x" * 221],
        ["--cookie", "bücher"],
        ["--routing-token", "x" * 238],
        ["--server-name", "bücher.example"],
    ],
    ids=lambda arguments: " ".join(arguments)[:30],
)
def test_the_longest_that_is_allowed_can_be_sent(arguments: list[str]) -> None:
    shown = run("demo", "-q", "--only", "xrdp-like", *arguments)
    assert (shown.returncode, shown.stdout.count("RDP is served without NLA")) == (0, 1)


@pytest.mark.parametrize("blob", ["x" * 16000, "\U0001f600" * 8000])
def test_the_longest_preconnection_blob_fits_a_plain_exchange(blob: str) -> None:
    w = Writer()
    PreconnectionPdu.naming(preconnection_blob(blob)).write(w)
    assert len(w.getvalue()) < Limits().plain_bytes


def test_one_line_a_target_when_quiet(closed_port: str) -> None:
    shown = run("host", "-q", closed_port)
    assert shown.returncode == 1
    assert len(shown.stdout.splitlines()) == 1
    assert closed_port in shown.stdout


def test_a_closed_pipe_ends_quietly(closed_port: str) -> None:
    read, write = os.pipe()
    os.close(read)
    with subprocess.Popen([*COMMAND, "host", closed_port], stdout=write, stderr=subprocess.PIPE, text=True) as process:
        os.close(write)
        _, errors = process.communicate(timeout=60)
    assert errors == ""
    assert process.returncode == 0


def test_ctrl_c_stops_with_130() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.66.1", 0))
        listener.listen()
        target = f"127.0.66.1:{listener.getsockname()[1]}"
        with subprocess.Popen([*COMMAND, "host", target], stderr=subprocess.PIPE, text=True) as process:
            accepted, _ = listener.accept()  # the audit is under way, and gets no answer
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
            accepted.close()
    assert process.returncode == 130
    assert errors == "stopped\n"


def test_text_for_a_person_without_colors_when_piped(closed_port: str) -> None:
    shown = run("host", closed_port)
    assert "\x1b" not in shown.stdout
    assert "TCP_REFUSED" in shown.stdout
