from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import jsonschema
import pytest

from probe.cli.main import main
from probe.result.explain import explain_schema


@contextmanager
def demo(kind: str) -> Iterator[str]:
    """One embedded server in a process of its own; its address and port."""
    command = [sys.executable, "-m", "probe.drive.demo", "--json", "--only", kind]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        [server] = json.loads(process.stdout.readline())
        yield f"{server['address']}:{server['port']}"
        process.stdin.close()


def _json(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    document: dict[str, object] = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(explain_schema()).validate(document)
    return document


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["0x904"], 0),
        (["event", "56", "TermDD"], 0),
        (["NLA_REQUIRED"], 0),
        (["内部错误"], 0),
        (["0x4505"], 1),
        (["nothing", "of", "the", "kind"], 1),
        (["0x0"], 1),
        ([" "], 2),
        ([], 2),
        (["--nonsense", "0x904"], 2),
        (["--port", "0", "0x904"], 2),
        (["--lang", "tlh", "0x904"], 2),
        (["--lang", "zh", "0x904"], 0),
        (["--lang", "zh_CN", "0x904"], 0),
        (["--lang", "ZH-cn", "0x904"], 0),
        (["0x904", "--target", "@servers.txt"], 2),
        (["0x904", "--target", "10.0.0.0/30"], 2),
        (["0x904", "--target", "-"], 2),
        (["0x904", "--target", "srv1 example"], 2),
    ],
)
def test_exit_status(words: list[str], status: int) -> None:
    assert main(["explain", *words]) == status


@pytest.mark.parametrize("text", ["0x904", "0x4505", "NLA_REQUIRED", "50", "0x0", "\x1b[2J", "\udcff", "内部错误"])
def test_json_is_one_document_of_the_schema(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["explain", "--json", text])
    line = capsys.readouterr().out
    assert line.isascii()
    assert line.count("\n") == 1
    document = json.loads(line)
    jsonschema.Draft202012Validator(explain_schema()).validate(document)
    assert document["schema"] == "rdp-probe-explain/1"


def test_json_names_the_diagnoses(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--json", "security", "protocol", "negotiation", "failed"]) == 0
    document = _json(capsys)
    assert document["diagnoses"][:3] == ["NLA_REQUIRED", "NLA_UNSUPPORTED", "TLS_NO_COMMON_VERSION"]  # type: ignore[index]
    assert document["asked"] == "security protocol negotiation failed"


def test_an_unknown_code_is_told_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--json", "0x905"]) == 1
    document = _json(capsys)
    assert document["unknown"] == ["0x905"]
    nearest = document["nearest"]
    assert isinstance(nearest, list)
    assert {(near["key"], near["distance"]) for near in nearest[:2]} == {("mstsc-0x904", "-1"), ("mstsc-0x906", "+1")}


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "explain"]) == 0
    assert json.loads(capsys.readouterr().out) == explain_schema()


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Stdin:
        buffer = io.BytesIO("错误代码：0x204\xff\n".encode() + b"\xff" + b" " * 10_000_000)

    monkeypatch.setattr(sys, "stdin", Stdin)
    assert main(["explain", "--json", "-"]) == 0
    document = _json(capsys)
    assert document["cut"] is True
    assert "TCP_REFUSED" in document["diagnoses"]  # type: ignore[operator]


def test_the_text_says_meaning_causes_command_and_pages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--lang", "en", "0x904", "0x7"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("0x904 (2308) disconnectReasonAtClientWinsockFDCLOSE\n")
    assert "rdp-probe host SERVER\n" in shown
    assert "docs/diagnoses/TLS_HANDSHAKE_ABORTED.md" in shown
    assert "exDiscReason" not in shown
    assert "ERRINFO_SERVER_DENIED_CONNECTION" in shown


def test_what_users_see_and_remedies_are_shown_of_our_own_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--lang", "en", "CREDSSP_OUTDATED"]) == 0
    shown = capsys.readouterr().out
    assert "What users see" in shown
    assert "What to do" in shown
    assert "docs/diagnoses/CREDSSP_OUTDATED.md" in shown


def test_a_chinese_reader_gets_the_chinese_title(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--lang", "zh", "发生了内部错误"]) == 0
    assert capsys.readouterr().out.startswith("出现了内部错误")


def test_remedies_for_one_platform_stand_together(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--json", "TLS_HANDSHAKE_ABORTED"]) == 0
    remedies = _json(capsys)["matches"][0]["remedies"]  # type: ignore[index]
    xrdp = [at for at, text in enumerate(remedies) if text.startswith("For xrdp")]
    assert xrdp == list(range(xrdp[0], xrdp[0] + len(xrdp)))
    assert min(xrdp) > max(at for at, text in enumerate(remedies) if "On Windows" in text)


def _verdicts(document: dict[str, object]) -> dict[str | None, str]:
    causes = document["matches"][0]["causes"]  # type: ignore[index]
    return {cause["diagnosis"]: cause["result"]["verdict"] for cause in causes}


def test_a_target_that_drops_hellos_has_the_first_cause(capsys: pytest.CaptureFixture[str]) -> None:
    with demo("drops-client-hello") as target:
        assert main(["explain", "--json", "an internal error has occurred", "--target", target]) == 0
        document = _json(capsys)
        verdicts = _verdicts(document)
        assert verdicts["TLS_HANDSHAKE_ABORTED"] == "found"
        assert verdicts["NOT_RDP"] == "excluded"
        assert verdicts["CERT_EXPIRED"] == "open"  # no certificate was seen
        assert verdicts["CREDSSP_ABORTED"] == "open"
        assert verdicts[None] == "open"
        assert document["audited"][0]["status"] == "rdp"  # type: ignore[index]
        assert main(["explain", "--lang", "en", "0x904", "--target", target]) == 0
        shown = capsys.readouterr().out
    assert "What the audit says of each cause" in shown
    assert "What to do" in shown
    assert "rdp-probe explain TLS_HANDSHAKE_ABORTED" in shown
    assert shown.index("  found  ") < shown.index("  open  ") < shown.index("  excluded  ")
    assert "docs/diagnoses/TLS_HANDSHAKE_ABORTED.md" in shown
    assert "docs/diagnoses/TLS_NO_COMMON_VERSION.md" not in shown


def test_a_healthy_target_excludes_what_its_answers_exclude(capsys: pytest.CaptureFixture[str]) -> None:
    with demo("windows-nla") as target:
        main(["explain", "--json", "CredSSP encryption oracle remediation", "--target", target])
        verdicts = _verdicts(_json(capsys))
        assert verdicts["CREDSSP_OUTDATED"] == "excluded"
        assert verdicts["NTLM_REFUSED"] == "open"  # a policy for domain accounts shows only behind the challenge
        assert verdicts["NLA_UNSUPPORTED"] == "excluded"
        main(["explain", "--json", "security protocol negotiation failed", "--target", target])
        verdicts = _verdicts(_json(capsys))
    assert verdicts["NLA_REQUIRED"] == "found"
    assert {verdicts[code] for code in ("STANDARD_RDP_ONLY", "TLS_HANDSHAKE_ABORTED", "TCP_REFUSED")} == {"excluded"}
    assert verdicts["TLS_NO_COMMON_VERSION"] == "open"  # Windows 7 without its update fails so


def test_an_expired_certificate_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    with demo("expired-certificate") as target:
        main(["explain", "--json", "0x1B07", "--target", target])
        assert _verdicts(_json(capsys))["CERT_EXPIRED"] == "found"


def test_what_is_not_rdp_leaves_the_later_causes_open(capsys: pytest.CaptureFixture[str]) -> None:
    with demo("ssh") as target:
        main(["explain", "--json", "内部错误", "--target", target])
        verdicts = _verdicts(_json(capsys))
    assert verdicts["NOT_RDP"] == "found"
    assert {verdict for code, verdict in verdicts.items() if code != "NOT_RDP"} == {"open"}


def test_a_target_may_be_asked_on_several_ports(capsys: pytest.CaptureFixture[str]) -> None:
    with demo("ssh") as target:
        host, port = target.split(":")
        main(["explain", "--json", "0x204", "--timeout", "1s", "--target", host, "--port", port, "--port", "1"])
    document = _json(capsys)
    assert [audited["port"] for audited in document["audited"]] == [int(port), 1]  # type: ignore[attr-defined]
    verdicts = _verdicts(document)
    assert verdicts["TCP_REFUSED"] == "found"  # on one of them
    assert verdicts["TCP_TIMEOUT"] == "open"  # the other one says nothing of it
    assert verdicts["DNS_FAILED"] == "open"  # an address was asked


def test_nothing_is_asked_of_a_target_for_the_sake_of_an_unknown_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--json", "0x4505", "--target", "127.0.66.9:1", "--timeout", "1s"]) == 1
    assert _json(capsys)["audited"] == []
