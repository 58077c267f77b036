from __future__ import annotations

import io
import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import InputError
from probe.result import Target
from probe.scan.targets import Span, check, parse, parse_port, targets


def named(*texts: str, ports: tuple[int, ...] = ()) -> list[tuple[str, int]]:
    return [(target.host, target.port) for target in targets(texts, ports)]


@pytest.mark.parametrize(
    ("text", "host", "port", "address"),
    [
        ("srv1.example", "srv1.example", 3389, None),
        ("srv1.example:3390", "srv1.example", 3390, None),
        ("192.0.2.7", "192.0.2.7", 3389, "192.0.2.7"),
        ("192.0.2.7:443", "192.0.2.7", 443, "192.0.2.7"),
        ("::1", "::1", 3389, "::1"),
        ("[::1]", "::1", 3389, "::1"),
        ("[2001:db8::7]:3390", "2001:db8::7", 3390, "2001:db8::7"),
        ("fe80::1%lo", "fe80::1%lo", 3389, "fe80::1%lo"),
        ("bücher.example", "bücher.example", 3389, None),
        ("srv_1.example.", "srv_1.example.", 3389, None),
        ("a-b.example", "a-b.example", 3389, None),
        ("10-20.example", "10-20.example", 3389, None),
    ],
)
def test_one_target(text: str, host: str, port: int, address: str | None) -> None:
    assert list(targets([text], [])) == [Target(input=text, host=host, port=port, address=address)]


def test_blocks_leave_out_the_networks_own_addresses() -> None:
    assert named("192.0.2.0/30") == [("192.0.2.1", 3389), ("192.0.2.2", 3389)]
    assert named("192.0.2.4/31") == [("192.0.2.4", 3389), ("192.0.2.5", 3389)]
    assert named("192.0.2.9/32") == [("192.0.2.9", 3389)]
    assert named("2001:db8::/127") == [("2001:db8::", 3389), ("2001:db8::1", 3389)]


def test_ranges() -> None:
    assert named("10.0.0.254-255") == [("10.0.0.254", 3389), ("10.0.0.255", 3389)]
    assert named("10.0.0.255-10.0.1.1")[-1] == ("10.0.1.1", 3389)
    assert named("2001:db8::1-2001:db8::2") == [("2001:db8::1", 3389), ("2001:db8::2", 3389)]


def test_every_port_of_every_target_but_a_port_of_its_own_wins() -> None:
    assert named("a.example", "b.example:1", ports=(5, 6)) == [("a.example", 5), ("a.example", 6), ("b.example", 1)]


def test_a_block_is_a_stream() -> None:
    first = itertools.islice(targets(["10.0.0.0/8", "2001:db8::/32"], []), 3)
    assert [target.host for target in first] == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]


def test_a_file_has_a_target_a_line(tmp_path: Path) -> None:
    path = tmp_path / "servers.txt"
    path.write_text("# ours\nsrv1.example  # the first\n\n[::1]:3390\n")
    assert named(f"@{path}") == [("srv1.example", 3389), ("::1", 3390)]


def test_a_mistake_in_a_file_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "servers.txt"
    path.write_text("srv1.example\nsrv2.example:99999\n")
    with pytest.raises(InputError, match=r"servers\.txt, line 2: not a port: '99999'"):
        named(f"@{path}")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_a_list_saved_by_any_editor_is_read(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "servers.txt"
    mark = "\ufeff" if encoding == "utf-16-be" else ""  # the codec that names its byte order writes none
    path.write_bytes(f"{mark}192.0.2.7\r\nbücher.example\r\n".encode(encoding))
    found = list(targets([f"@{path}"], []))
    assert [(target.host, target.address) for target in found] == [("192.0.2.7",) * 2, ("bücher.example", None)]


def test_a_list_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "servers.txt"
    path.write_bytes(b"a\0b\0c\0\n")
    with pytest.raises(InputError, match="line 1: not text"):
        named(f"@{path}")


def test_a_byte_order_mark_on_standard_input_is_no_part_of_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\ufeffsrv1.example\n"))
    assert named("-") == [("srv1.example", 3389)]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("https://srv1.example:3389/", "the host alone"),
        ("srv1.example,srv2.example", "separated by spaces"),
        ("user@srv1.example", "leave the user name out"),
        ("[2001:db8::]/126", "2001:db8::/120 as a block"),
        ("10.0.0.0/33", "at most 32"),
        ("srv1.example:http", "numbers from 1 to 65535"),
    ],
)
def test_what_is_often_typed_instead_gets_a_hint_of_its_own(text: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        named(text)
    assert hint in caught.value.hint


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("srv1.example\n"))
    assert named("-") == [("srv1.example", 3389)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "srv1 example",
        "srv1.example:",
        "srv1.example:0",
        "srv1.example:65536",
        "srv1.example:http",
        "[::1",
        "[::1]3389",
        "[::1]:x",
        "10.0.0.0/33",
        "10.0.0.x/24",
        "10.0.0.9-5",
        "10.0.0.1-::1",
        "10.0.0.1-10.0.0",
        "300.1.1.1",
        "1.2.3",
        "0x7f.1",
        "0X7F000001",
        "0x7f.0.0x0.1:3389",
        "0177.1.",
        "-leading.example",
        "a..example",
        "x" * 64 + ".example",
        ".".join(["long"] * 60),
        "esc\x1b[31m.example",
        "@/nowhere/at/all",
        "https://srv1.example",
        "\uff11\uff12.0.2.7",
        "@",
        "@nul\0",
    ],
)
def test_what_is_no_target_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(InputError) as caught:
        named(text)
    assert caught.value.hint


@pytest.mark.parametrize("text", ["0", "65536", "-1", "+5", "3 ", "٣", "", "1e3"])
def test_ports_are_numbers_in_range(text: str) -> None:
    with pytest.raises(InputError):
        parse_port(text)


def test_checking_looks_at_texts_and_leaves_files_and_input_alone() -> None:
    check(["srv1.example", "10.0.0.0/8", "@/nowhere/at/all", "-"])
    with pytest.raises(InputError):
        check(["srv1.example", "srv2.example:99999"])


def test_the_name_of_a_file_is_told_from_that_of_a_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lists").mkdir()
    (tmp_path / "srv1.example").mkdir()
    for name in ("hosts.example", "lists/hosts", "srv2", "10.0.0.1", "10.0.0.1-5"):
        Path(name).write_text("192.0.2.1\n")
    Path("srv3.example").touch()  # as a shell makes for output that goes there
    check(["srv1.example", "srv2", "srv3.example", "hosts.example.", "10.0.0.1", "10.0.0.1-5", "@hosts.example"])
    for text in ("hosts.example", "./hosts.example", "lists/hosts", str(tmp_path / "hosts.example")):
        with pytest.raises(InputError, match="is a file here") as caught:
            check([text])
        assert f"did you mean @{text}?" in caught.value.hint
    check(["srv1.text", "srv.txt.example", "srv.txt."])
    for text in ("none.txt", "none.CSV", "none.ndjson.zst", "none.xml"):
        with pytest.raises(InputError, match="there is no file") as caught:
            check([text])
        assert f"@{text}; with a final dot" in caught.value.hint
    with pytest.raises(InputError, match="is a file here"):
        check(["srv2"], labels=True)
    check(["srv1", "srv2."], labels=True)


@given(st.text(max_size=60).filter(lambda text: text != "-" and not text.startswith("@")))
def test_any_text_gives_targets_or_an_input_error(text: str) -> None:
    try:
        for target in itertools.islice(targets([text], []), 5):
            assert 1 <= target.port <= 65535
            assert target.host
    except InputError as error:
        assert error.hint


@pytest.mark.parametrize(
    "text", ["::ffff:127.3.0.0/121", "::ffff:127.3.0.0-::ffff:127.3.0.127", "::ffff:127.3.0.9", "127.3.0.9"]
)
def test_an_ipv4_address_in_its_form_of_ipv6_is_one_of_ipv4(text: str) -> None:
    piece = parse(text)
    assert isinstance(piece, Span)
    assert piece.version == 4
    assert 0x7F030000 <= piece.first <= piece.last <= 0x7F03007F
    assert named(text)[-1][0].endswith(".".join(("127.3.0", text.rpartition(".")[2].replace("0/121", "126"))))


def test_only_blocks_of_ipv4_have_a_broadcast_address() -> None:
    assert len(named("2001:db8::/126")) == 4
    assert len(named("::ffff:10.0.0.0/126")) == len(named("10.0.0.0/30")) == 2
    assert len(named("::fffe:10.0.0.0/126")) == 4
    assert named("0x7f.example") == [("0x7f.example", 3389)]
