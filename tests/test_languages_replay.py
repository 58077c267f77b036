"""What replay says of a capture is there in every language, and whatever programs read of it is the same."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec
import pytest
from rich.cells import cell_len
from rich.console import Console

from probe.audit.settings import Settings
from probe.diagnosis.judged import judge
from probe.diagnosis.stored import stored
from probe.drive.key_log_file import read_key_log
from probe.drive.replay import replay
from probe.language import LANGUAGES, speaking
from probe.report.text_replay import connection_line, connections, nothing_chosen, nothing_found, render_connection
from probe.result import Result
from tests.golden.replayed import captures, name_of
from tests.test_languages import CHINESE, english_left, paths

_HAN = re.compile("[\u3000-\u9fff\uff00-\uffef]")
# Names of messages and fields of RDP, and messages of programs, which stand in no quotation marks.
_NAMES = re.compile(r"MCS Disconnect Provider Ultimatum|xrdp[.]log：[^。]*")
CAPTURES = pytest.mark.parametrize("capture", captures(), ids=name_of)
# One of each sentence on a file that is damaged or too much, with all it names.
NOTICES = (
    "the file ends inside its header: there are no packets in it",
    "the file ends inside packet 22, which begins at byte 4062",
    "the file ends inside a block that begins at byte 4062",
    "packet 7, at byte 80, has a length of 4000000000 bytes, which cannot be: the rest is not read",
    "a block at byte 28 has a length of 13 bytes, which cannot be: the rest is not read",
    "a block at byte 28 of 40 bytes has another length at its end: the rest is not read",
    "a block at byte 28 begins a section without saying its byte order: the rest is not read",
    "a block at byte 28 is too short for an interface: the rest is not read",
    "a block at byte 28 is too short for secrets: the rest is not read",
    "a block at byte 28 is too short for a packet: the rest is not read",
    "a block at byte 28 describes one interface more than 65536: the rest is not read",
    "a block at byte 28 cannot hold a packet of 1500 bytes: the rest is not read",
    "packet 3 is of an interface that is not described: it is passed over",
    "packet 3 has a time that cannot be: it is given that of the packet before",
    "more than 16 MiB of TLS secrets: the later ones are not used",
    "it could not be read to its end: Connection reset by peer",
    "the gzip data ends early",
    "the gzip data is damaged: Error -3",
    "the zstd data ends early",
    "the zstd data is damaged: 20",
    "1 frame of link type 147, which is not read",
    "12 frames of link type 147, which is not read",
    "12 frames of still other link types, which are not read",
    "12 frames with a header that cannot be: passed over",
    "12 frames of which the capture kept too little to read the addresses",
    "12 frames with more than 8 headers in one another: passed over",
    "3 IP fragments of packets of which others are missing",
    "3 packets have no readable TCP header",
    "3 connections were judged before they were over: too many bytes or connections at a time",
    "more than 9 connections at a time: 3 were forgotten, and stream numbers may differ from Wireshark's",
    "3 RDP-UDP exchanges were judged early: more than 9 at a time",
    "more than 9 exchanges over UDP: 3 were forgotten, and their stream numbers may differ from Wireshark's",
    "the reports are made of the first 1000 connections: more are not kept",
)


@cache
def found_in(capture: Path) -> tuple[Result, ...]:
    """What is in a capture, with the key log beside it and without."""
    beside = capture.with_name(f"{name_of(capture)}.keys")
    settings, file = Settings(depth="discover", keep_attempts=True), str(capture)
    opened = replay(file, settings, read_key_log(str(beside))) if beside.exists() else ()
    return (*replay(file, settings), *opened)


def told(capture: Path, language: str) -> list[Result]:
    """Copies with the texts of that language."""
    copies = [msgspec.convert(msgspec.to_builtins(result), Result) for result in found_in(capture)]
    with speaking(language):
        for copy in copies:
            judge(copy)
    return copies


def shown(result: Result, language: str, verbosity: int = 0, width: int = 200) -> str:
    stream = io.StringIO()
    with speaking(language):
        render_connection(result, Console(file=stream, width=width, force_terminal=True, color_system=None), verbosity)
    return stream.getvalue()


def lines(capture: Path, language: str) -> Iterator[str]:
    """Each connection in a line, and all of them as a list."""
    results, stream = told(capture, language), io.StringIO()
    with speaking(language):
        for result in results:
            yield connection_line(result)
        connections(results, len(results), Console(file=stream, width=200, force_terminal=True, color_system=None), 1)
    yield stream.getvalue()


def left_in(words: str) -> list[str]:
    return english_left(_NAMES.sub("#", words))


@CAPTURES
def test_no_english_sentence_is_left_in_a_chinese_report_of_a_capture(capture: Path) -> None:
    for result in told(capture, CHINESE):
        assert left_in(shown(result, CHINESE)) == []
        assert left_in(shown(result, CHINESE, 1)) == []
        assert result.capture is not None
        with speaking(CHINESE):
            for words in result.capture.unknown:
                assert stored(words) != words
                assert left_in(stored(words)) == []
        for found in result.diagnoses:
            for words in (found.summary, *found.evidence, *found.causes, *found.remedies):
                assert left_in(words) == []
                assert _HAN.search(words), words
    assert [left for line in lines(capture, CHINESE) for left in left_in(line)] == []


@CAPTURES
def test_an_english_report_of_a_capture_has_no_word_of_chinese(capture: Path) -> None:
    assert [page for result in told(capture, LANGUAGES[0]) if _HAN.search(page := shown(result, LANGUAGES[0], 2))] == []
    assert [line for line in lines(capture, LANGUAGES[0]) if _HAN.search(line)] == []


@CAPTURES
def test_names_and_codes_of_a_capture_are_the_same_in_both_languages(capture: Path) -> None:
    english, chinese = (told(capture, language) for language in LANGUAGES)
    for one, other in zip(english, chinese, strict=True):
        assert list(paths(msgspec.to_builtins(one))) == list(paths(msgspec.to_builtins(other)))


@CAPTURES
@pytest.mark.parametrize("width", [40, 80])
def test_every_chinese_line_of_a_capture_fits_the_width(capture: Path, width: int) -> None:
    for result in told(capture, CHINESE):
        for line in shown(result, CHINESE, 1, width).splitlines():
            assert cell_len(line) <= width or not re.search("[\u4e00-\u9fff]{4}", line), line
            assert line == line.rstrip()


@pytest.mark.parametrize("notice", NOTICES)
def test_what_is_amiss_with_a_file_is_said_in_chinese(notice: str) -> None:
    assert stored(notice) == notice
    with speaking(CHINESE):
        said = stored(notice)
    assert not re.search("[a-z]{2}", re.sub("Error -3|zstd|gzip|[(].*[)]", "", said).replace("Wireshark", "")), said
    assert re.findall(r"\d+", said.replace("个", "")) or not re.search(r"\d", notice)


def test_a_capture_without_rdp_is_told_of_in_chinese() -> None:
    spoken = {("tls", 443): 3, ("unknown", 25): 2, ("silent", 3389): 1}
    with speaking(CHINESE):
        said = [
            nothing_chosen("day.pcap", [3, 4]),
            nothing_found("day.pcap", 0, {}),
            nothing_found("day.pcap", 1, {("silent", 3389): 1}),
            nothing_found("day.pcap", 6, spoken),
        ]
    for words in said:
        assert english_left(words) == []
        assert _HAN.search(words)
    assert said[-1] == (
        "day.pcap：6 个 TCP 连接，都不是 RDP：3 个在端口 443（TLS）、2 个在端口 25（其他协议）、"
        "1 个在端口 3389（没有任何字节）。"
    )


def test_software_that_a_client_may_be_is_named_in_chinese() -> None:
    capture = next(path for path in captures() if name_of(path) == "xrdp-standard-low")
    [result] = told(capture, CHINESE)
    assert "FreeRDP 2 或 Windows 10 1909" in shown(result, CHINESE)
    assert "FreeRDP 2 or Windows 10 1909" in shown(result, LANGUAGES[0])
