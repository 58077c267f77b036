"""Every text for people is there in every language, and whatever programs read is the same in all of them."""

from __future__ import annotations

import io
import re
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from probe import language
from probe.audit.settings import Settings
from probe.diagnosis import diagnose
from probe.diagnosis.catalogue import CATALOGUE
from probe.diagnosis.clients import evaluate
from probe.diagnosis.rule import texts
from probe.diagnosis.stored import stored
from probe.drive import demo
from probe.drive.limits import Limits
from probe.drive.live import audit
from probe.language import LANGUAGES, LOCALE_DIR, _, current, of_environment, speaking
from probe.report.text import render, verdict_line
from probe.report.wrapping import pad, pieces, wrap
from probe.result import Result, Target
from tests.golden.__main__ import report, reports
from tests.golden.results import GOLDEN
from tools import make_translations, translatable

CHINESE = "zh-CN"


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_text_is_translated_and_the_catalogs_are_up_to_date(language: str) -> None:
    assert not list(make_translations.complaints(language)), "run: python -m tools.make_translations, then translate"


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_the_catalogs_that_are_read_hold_what_the_readable_ones_hold(language: str) -> None:
    for english, said in make_translations.translations(language).items():
        with speaking(language):
            assert _(english) == said, english


@pytest.mark.parametrize(
    ("english", "said", "amiss"),
    [
        ("a text", "", ["not translated"]),
        ("{name} is up", "启动了", ["other names in braces (name)"]),
        ("{name} is up", "{host} 已启动", ["other names in braces (host, name)"]),
        ("set @{SecurityLayer=2}", "设置 @{SecurityLayer=2}", []),
        ("see --port, or HKLM\\SYSTEM\\Setup.", "见 --port", ["HKLM\\SYSTEM\\Setup is missing"]),
        ("Error code: 0x904", "错误代码: 904", ["0x904 is missing"]),
        ("port in xrdp.ini (36870)", "xrdp.ini 中的 port (36870)", []),
        ("port in xrdp.ini (36870)", "端口", ["xrdp.ini is missing", "36870 is missing"]),
        ("run Get-Service", "运行 Get-Services", []),
        ("answered by SSL_REQUIRED_BY_SERVER", "被拒绝", ["SSL_REQUIRED_BY_SERVER is missing"]),
    ],
)
def test_a_translation_must_keep_names_and_whatever_a_reader_types(english: str, said: str, amiss: list[str]) -> None:
    assert list(make_translations.against(english, said)) == amiss


def test_a_text_that_is_put_together_first_cannot_be_translated() -> None:
    good = "_('whole {name}', name=1); N_('a table' ' entry'); _(variable); other('not ours'); _()"
    assert list(translatable.spoken_in(good, "here.py")) == [("whole {name}", True), ("a table entry", False)]
    for bad in ("_(f'{x} up')", "_('a' + b)"):
        with pytest.raises(SyntaxError, match=r"here\.py:1"):
            list(translatable.spoken_in(bad, "here.py"))


def test_no_summary_says_that_nobody_connects() -> None:
    """The verdict says it behind the summary, with how many clients there are."""
    assert not [entry.code for entry in CATALOGUE.values() if "No client can connect" in entry.summary]


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh-CN"),
        ({"LANG": "zh_CN"}, "zh-CN"),
        ({"LANG": "zh-CN"}, "zh-CN"),
        ({"LANG": "zh_CN.GB18030"}, "zh-CN"),
        ({"LANG": "zh_SG.utf8"}, "zh-CN"),
        ({"LANG": "zh"}, "zh-CN"),
        ({"LANG": "zh_Hans_CN.UTF-8"}, "zh-CN"),
        ({"LANG": "zh_TW.UTF-8"}, "en"),
        ({"LANG": "zh_HK"}, "en"),
        ({"LANG": "zh_Hant"}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "nonsense\x00"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, "zh-CN"),
        ({"LC_ALL": "C", "LC_MESSAGES": "zh_CN.UTF-8", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LC_ALL": "zh_CN.UTF-8", "LANG": "C"}, "zh-CN"),
        ({"LC_ALL": "", "LANG": "zh_CN.UTF-8"}, "zh-CN"),
        ({"LC_CTYPE": "zh_CN.UTF-8", "LANG": "C"}, "en"),
    ],
)
def test_the_locale_decides_as_posix_says(environ: dict[str, str], language: str) -> None:
    assert of_environment(environ) == language


def test_each_task_speaks_its_own_language() -> None:
    said: dict[str, list[str]] = {language: [] for language in LANGUAGES}

    async def speak(language: str) -> None:
        with speaking(language):
            for _turn in range(3):
                await trio.lowlevel.checkpoint()
                said[language].append(_("What to do"))
                said[language].append(await trio.to_thread.run_sync(_, "What to do"))

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for language in LANGUAGES:
                nursery.start_soon(speak, language)
        assert current() == "en"

    trio.run(main)
    assert said == {"en": ["What to do"] * 6, CHINESE: ["解决办法"] * 6}
    assert current() == "en"


def test_a_language_is_left_when_its_block_fails() -> None:
    with pytest.raises(ValueError, match="gone"), speaking(CHINESE):
        raise ValueError("gone")
    assert current() == "en"


def test_braces_of_facts_are_facts() -> None:
    assert _("{name} is its own issuer", name="{0.__class__}") == "{0.__class__} is its own issuer"
    assert _("@{SecurityLayer=2}") == "@{SecurityLayer=2}"
    assert _("") == ""


@cache
def served() -> tuple[Result, ...]:
    """Each embedded server as it was audited, once for all tests; its texts are left out."""

    async def main() -> list[Result]:
        found = []
        async with demo.serving() as servers:
            for server in servers:
                target = Target(input=server.name, host=server.address, address=server.address, port=server.port)
                found.append(await audit(target, Settings(keep_attempts=True), Limits(step_s=1.0)))
        return found

    return tuple(trio.run(main))


def told(result: Result, language: str) -> Result:
    """A copy of it with the texts of that language."""
    copy = msgspec.convert(msgspec.to_builtins(result), Result)
    with speaking(language):
        copy.diagnoses = diagnose(copy)
        copy.clients = evaluate(copy)
    return copy


def shown(result: Result, language: str, verbosity: int = 0, width: int = 80) -> str:
    stream = io.StringIO()
    with speaking(language):
        console = Console(file=stream, width=width, force_terminal=True, color_system=None)
        render(told(result, language), console, verbosity)
    return stream.getvalue()


# What stays English: quotations, names in brackets, and whatever is typed, read in a log or named by a standard.
_QUOTED = re.compile(r"“[^”]*”|\([^()]*\)|\"[^\"]*\"|'[^']*'|xrdp\.log[^。；]*")
_TYPED = re.compile(r"\S*[^A-Za-z\s,;.]\S*")
_SENTENCE = re.compile(r"\b(?:[A-Za-z]+,? ){3,}[A-Za-z]+")
_COMMANDS = ("grdctl rdp", "ufw allow", "systemctl ", "reg add", "change logon", "adduser xrdp", "ip route")
_OF_SENTENCES = {
    "the",
    "a",
    "an",
    "of",
    "is",
    "are",
    "was",
    "not",
    "and",
    "or",
    "that",
    "which",
    "with",
    "by",
    "for",
    "to",
}


def english_left(chinese: str) -> list[str]:
    """Runs of four English words and more that no quotation holds, with a word that only sentences have."""
    plain, before = " ".join(chinese.split()), ""
    while plain != before:  # brackets within brackets
        plain, before = _QUOTED.sub("#", plain), plain
    plain = _TYPED.sub("#", re.sub(r"[^\x00-\x7f]+", " # ", plain))
    return [
        found[0]
        for found in _SENTENCE.finditer(plain)
        if _OF_SENTENCES & set(found[0].replace(",", "").split()) and not found[0].startswith(_COMMANDS)
    ]


def test_english_that_is_left_over_is_found() -> None:
    assert english_left("服务器 answered by a reset here。")
    assert not english_left("用户看到：“An internal error has occurred.”；grdctl rdp enable；TLS 1.2")


@pytest.mark.parametrize("place", range(len(demo.KINDS)), ids=list(demo.KINDS))
def test_no_english_sentence_is_left_in_a_chinese_report(place: int) -> None:
    result = served()[place]
    assert english_left(shown(result, CHINESE)) == []
    assert english_left(shown(result, CHINESE, 1)) == []
    for found in told(result, CHINESE).diagnoses:
        for words in (found.summary, *found.evidence, *found.causes, *found.remedies):
            assert english_left(words) == []
            assert re.search("[\u4e00-\u9fff]", words), words


def test_no_english_sentence_is_left_in_the_catalogue() -> None:
    with speaking(CHINESE):
        for code, entry in CATALOGUE.items():
            for english in texts(entry):
                if english == _(english):
                    continue  # the message of a client or a log that has no Chinese form
                assert english_left(_(english)) == [], code


def paths(value: Any, at: str = "") -> Iterator[str]:
    """Where there is something in a JSON document, and what where it is not a text for people."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from paths(inner, f"{at}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from paths(inner, f"{at}[]")
    else:
        of_people = re.match(r"\.diagnoses\[\]\.(summary|evidence|causes|remedies|user_sees)", at)
        in_clients = at in (".clients[].hint", ".clients[].user_sees", ".clients[].because")
        yield at if of_people or in_clients else f"{at} = {value!r}"


@pytest.mark.parametrize("place", range(len(demo.KINDS)), ids=list(demo.KINDS))
def test_names_and_codes_are_the_same_in_both_languages(place: int) -> None:
    english, chinese = (msgspec.to_builtins(told(served()[place], language)) for language in LANGUAGES)
    assert list(paths(english)) == list(paths(chinese))


@pytest.mark.parametrize("place", range(len(demo.KINDS)), ids=list(demo.KINDS))
def test_an_english_report_has_no_word_of_chinese(place: int) -> None:
    assert not re.search("[\u3000-\u9fff\uff00-\uffef]", shown(served()[place], "en", 2))


@pytest.mark.parametrize(
    ("words", "chinese"),
    [
        (
            "SSL, then a TLSv1.2 ClientHello with 3 cipher suites and 2 groups as a fallback",
            "SSL，随后是 TLSv1.2 ClientHello（3 个密码套件、2 个组）（作为回退）",
        ),
        ("RDP, then the licensing phase without an account", "RDP，随后是不使用帐户的授权阶段"),
        ("as mstsc-win11: SSL, then its own ClientHello", "以 mstsc-win11 的方式：SSL，随后是它自己的 ClientHello"),
        (
            "SSL, then a TLSv1.0 ClientHello: reset, then closed",
            "SSL，随后是 TLSv1.0 ClientHello：先是被重置，随后是被关闭",
        ),
        ("alert internal_error; closed", "警报 internal_error；被关闭"),
        ("words of a server", "words of a server"),
        ("closed; " * 200, "closed; " * 200),
        ("", ""),
    ],
)
def test_facts_of_a_result_are_stored_in_english_and_said_in_any_language(words: str, chinese: str) -> None:
    assert stored(words) == words
    with speaking(CHINESE):
        assert stored(words) == chinese


@pytest.mark.parametrize("place", range(len(demo.KINDS)), ids=list(demo.KINDS))
def test_every_question_of_an_audit_can_be_said_in_chinese(place: int) -> None:
    with speaking(CHINESE):
        for attempt in served()[place].attempts:
            assert english_left(stored(attempt.asked)) == []
            assert attempt.expected is None or stored(attempt.expected) != attempt.expected


def test_what_connections_were_made_for_can_be_said_in_chinese() -> None:
    async def main() -> Result:
        async with demo.serving(["windows-no-nla"]) as [server]:
            target = Target(input=server.name, host=server.address, address=server.address, port=server.port)
            return await audit(target, Settings(depth="full"), Limits(step_s=1.0))

    found = trio.run(main)
    assert len(found.spent) > 5
    with speaking(CHINESE):
        for what in found.spent:
            for words in (what, what.removesuffix("s")):
                assert stored(words) != words or words == "SSLv2"


@given(st.text(max_size=80))
def test_any_words_can_be_stored(words: str) -> None:
    with speaking(CHINESE):
        assert isinstance(stored(words), str)


@pytest.mark.parametrize(("path", "name", "language"), [each for each in reports() if each[2] != "en"])
def test_whole_reports_are_as_they_were_read_and_approved(path: Path, name: str, language: str) -> None:
    assert report(name, language) == path.read_text(encoding="utf-8")


def test_no_golden_report_is_left_over() -> None:
    folder = next(path.parent for path, _name, language in reports() if language == CHINESE)
    assert set(folder.iterdir()) == {path for path, _name, language in reports() if language == CHINESE}


@pytest.mark.parametrize("name", GOLDEN)
@pytest.mark.parametrize("width", [40, 80])
def test_every_chinese_line_fits_the_width(name: str, width: int) -> None:
    for line in report(name, CHINESE, width).splitlines():
        assert cell_len(line) <= width or not re.search("[\u4e00-\u9fff]{4}", line), line
        assert line == line.rstrip()


def test_one_line_is_said_in_chinese_too() -> None:
    with speaking(CHINESE):
        make, _verbosity = GOLDEN["refused"]
        assert verdict_line(make()).startswith("[2001:db8::7]:3389  [2001:db8::7]:3389 上没有服务在侦听")


@pytest.mark.parametrize(
    ("words", "width", "lines"),
    [
        ("服务器拒绝不使用传输层安全的客户端。", 20, ["服务器拒绝不使用传输", "层安全的客户端。"]),
        ("服务器拒绝不使用传输层安全。", 26, ["服务器拒绝不使用传输层安", "全。"]),  # no line begins with a full stop
        ("启用（或禁用）", 10, ["启用（或禁", "用）"]),
        ("在启用（或禁用）", 6, ["在启用", "（或禁", "用）"]),  # no line ends with an opening bracket
        ("设置 TLS 1.2 之后重启", 8, ["设置 TLS", "1.2 之后", "重启"]),
        ("one two three", 7, ["one two", "three"]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ("x abcdefghij y", 4, ["x", "abcd", "efgh", "ij y"]),
        ("", 4, [""]),
    ],
)
def test_lines_break_where_their_language_breaks_them(words: str, width: int, lines: list[str]) -> None:
    assert wrap(words, width) == lines


_MIXED = st.text(st.sampled_from(string.ascii_letters + " .,()" + "服务器证书，。（）：“”\u0301"), max_size=60)


@given(_MIXED, st.integers(2, 40))
def test_wrapping_loses_nothing_and_keeps_within_the_width(words: str, width: int) -> None:
    lines = wrap(words, width)
    assert "".join(lines).replace(" ", "") == words.replace(" ", "")
    assert all(cell_len(line) <= width for line in lines)
    assert "".join(pieces(words)) == words


def test_columns_are_counted_in_cells() -> None:
    assert pad("已接受", 8) == "已接受  "
    assert pad("accepted", 8) == "accepted"
    assert pad("too long", 3) == "too long"


def test_the_catalogs_lie_where_they_are_packaged() -> None:
    packaged = (Path(translatable.ROOT) / "pyproject.toml").read_text(encoding="utf-8")
    for kind in ("po", "mo"):
        assert f'"locale/*/LC_MESSAGES/*.{kind}"' in packaged
        assert sorted(LOCALE_DIR.glob(f"*/LC_MESSAGES/*.{kind}"))


@pytest.mark.parametrize(
    "damage", [None, b"", b"\xde\x12\x04\x95", b"no catalog at all", b"\xde\x12\x04\x95" + b"\xff" * 60]
)
def test_a_catalog_that_is_missing_or_damaged_leaves_english(
    damage: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if damage is not None:
        (tmp_path / "zh_CN" / "LC_MESSAGES").mkdir(parents=True)
        (tmp_path / "zh_CN" / "LC_MESSAGES" / "report.mo").write_bytes(damage)
    monkeypatch.setattr(language, "LOCALE_DIR", tmp_path)
    language._catalog.cache_clear()
    try:
        with speaking(CHINESE):
            assert _("What to do") == "What to do"
    finally:
        language._catalog.cache_clear()
