"""Whatever ends a scan, and wherever it cuts the file: going on gives every target once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trio
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import InputError
from probe.scan.journal import Journal
from probe.scan.recovery import recover
from probe.scan.work import Finished

NAMES = ("out.ndjson", "out.ndjson.zst")
named = pytest.mark.parametrize("name", NAMES)


def line(position: int, result: int = 1, of: int = 1, host: str | None = None) -> bytes:
    document = {
        "target": {"host": host or f"host{position}", "port": 3389, "input": "\u00e9"},
        "scan": {"position": position, "result": result, "of": of},
    }
    return json.dumps(document).encode() + b"\n"


def finished(position: int) -> Finished:
    """Every third target is a name with two addresses."""
    of = 2 if position % 3 == 2 else 1
    return Finished(position, b"".join(line(position, result, of) for result in range(1, of + 1)), ())


def write(path: Path, batches: list[list[Finished]]) -> None:
    """As a scan does, after repairing what is there."""

    async def append() -> None:
        for batch in batches:
            await journal.append(batch)

    if path.exists():
        journal = Journal.reopen(str(path))
        journal.cut(recover(str(path)).whole)
    else:
        journal = Journal.create(str(path))
    try:
        trio.run(append)
    finally:
        journal.close()


def read(path: Path) -> list[bytes]:
    raw = path.read_bytes()
    if path.suffix == ".zst":
        with zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True) as stream:
            raw = stream.read()
    return raw.splitlines(keepends=True)


def positions(path: Path) -> list[int]:
    """Of each line, in the order of the file."""
    return [json.loads(each)["scan"]["position"] for each in read(path)]


def left(path: Path, size: int) -> list[Finished]:
    recovered = recover(str(path)).recovered
    return [
        finished(position)
        for position in range(size)
        if position >= recovered.below and position not in recovered.above
    ]


ORDERS = st.permutations(range(12))
BATCHES = st.lists(st.integers(1, 5), max_size=8)


def batched(order: list[int], sizes: list[int]) -> list[list[Finished]]:
    batches = []
    for size in [*sizes, *([1] * len(order))]:
        if order:
            batches.append([finished(position) for position in order[:size]])
            order = order[size:]
    return batches


@named
@given(batches=st.builds(batched, ORDERS, BATCHES), data=st.data())
def test_a_file_cut_anywhere_gives_every_target_once(
    tmp_path_factory: pytest.TempPathFactory, name: str, batches: list[list[Finished]], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("cut") / name
    write(path, batches)
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))] + bytes(data.draw(st.integers(0, 5000))))
    before = path.read_bytes()
    found = recover(str(path))
    assert path.read_bytes() == before  # reading changes nothing
    write(path, [[each] for each in left(path, 12)])
    everything = [each.lines.splitlines(keepends=True) for each in map(finished, range(12))]
    assert sorted(read(path)) == sorted(line for lines in everything for line in lines)
    recovered = recover(str(path)).recovered
    assert (recovered.below, sorted(recovered.above)) == (12, [])
    assert len(list(found.recovered.asked)) == found.targets
    assert found.whole <= len(before)


@named
def test_what_is_done_is_a_mark_and_what_lies_above_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write(path, batched([1, 0, 2, 5, 7], [2]))
    found = recover(str(path))
    assert (found.recovered.below, sorted(found.recovered.above)) == (3, [5, 7])
    assert found.targets == 5
    assert list(found.recovered.asked) == [(f"host{position}", 3389) for position in (1, 0, 2, 5, 7)]
    assert found.whole == path.stat().st_size


def test_of_a_stream_only_the_mark_above_all_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "out.ndjson"
    write(path, batched([1, 5, 3, 9], [2]))
    found = recover(str(path), is_stream=True)
    assert (found.recovered.below, sorted(found.recovered.above), found.targets) == (10, [], 4)


@named
def test_an_empty_file_has_nothing_done(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.touch()
    found = recover(str(path))
    assert (found.recovered.below, found.recovered.above, found.targets, found.whole) == (0, frozenset(), 0, 0)
    assert list(found.recovered.asked) == []


def test_what_was_appended_since_is_not_among_what_was_asked(tmp_path: Path) -> None:
    for name in NAMES:
        path = tmp_path / name
        write(path, batched([0, 1], [1]))
        found = recover(str(path))
        write(path, batched([2], []))
        assert [host for host, _port in found.recovered.asked] == ["host0", "host1"]


@named
@pytest.mark.parametrize("zeros", [1, 4096, 200_000])
def test_nul_bytes_at_the_end_are_torn(tmp_path: Path, name: str, zeros: int) -> None:
    path = tmp_path / name
    write(path, batched([0, 1], [1]))
    size = path.stat().st_size
    with path.open("ab") as stream:
        stream.write(bytes(zeros))
    assert recover(str(path)).whole == size


@pytest.mark.parametrize("size", [1, 60, 300, 4096])
def test_a_hole_in_what_was_written_last_is_torn(tmp_path: Path, size: int) -> None:
    path = tmp_path / "out.ndjson"
    write(path, batched(list(range(100)), [100]))
    raw = bytearray(path.read_bytes())
    assert len(raw) > 8192
    raw[4096 : 4096 + size] = bytes(size)  # blocks of one write that did not reach the disk
    path.write_bytes(raw)
    found = recover(str(path))
    assert 4096 - 300 < found.whole <= 4096
    assert found.recovered.below == found.targets
    lost = 1 + len(bytes(raw[4096 : 4096 + size])) // len(line(50)) + 1
    assert 100 - found.targets - lost <= found.again < 100 - found.targets
    assert found.again > 10


def test_a_hole_far_before_the_end_is_none_of_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.scan.recovery._LARGEST_BATCH", 1000)
    path = tmp_path / "out.ndjson"
    hole = b"\x00" * 200 + b"\n"
    path.write_bytes(line(0) + hole + line(1) * 20)
    with pytest.raises(InputError, match="line 2: not the result"):
        recover(str(path))
    path.write_bytes(line(0) + hole + line(1) + line(2))
    assert (recover(str(path)).whole, recover(str(path)).again) == (len(line(0)), 2)


def received(position: int, target: int, of: int, name: str = "part") -> bytes:
    """A receipt, of one of so many targets in a part."""
    document = {
        "target": {"host": f"host{position}", "port": 3389},
        "scan": {"position": position, "result": 1, "of": 1},
        "part": {"name": name, "target": target, "of": of},
    }
    return json.dumps(document).encode() + b"\n"


def test_of_a_part_all_receipts_count_or_none(tmp_path: Path) -> None:
    path = tmp_path / "out.ndjson"
    first = line(0) + received(1, 1, 1, "a")
    part = [received(2, 1, 3), received(3, 2, 3), received(4, 3, 3)]
    for some in range(3):
        for tail in (b"", part[some][:30]):
            path.write_bytes(first + b"".join(part[:some]) + tail)
            found = recover(str(path))
            assert (found.whole, found.targets, found.again) == (len(first), 2, some)
    path.write_bytes(first + b"".join(part) + line(5))
    assert recover(str(path)).targets == 6


@pytest.mark.parametrize(
    "lines",
    [
        [received(0, 2, 2)],
        [received(0, 1, 2), line(1)],
        [received(0, 1, 2), received(1, 2, 3)],
        [received(0, 1, 2), received(1, 2, 2, "other")],
        [received(0, 1, 3), received(1, 3, 3)],
    ],
)
def test_receipts_of_a_part_that_do_not_follow_each_other_are_damage(tmp_path: Path, lines: list[bytes]) -> None:
    path = tmp_path / "out.ndjson"
    path.write_bytes(b"".join(lines) + line(9))
    with pytest.raises(InputError, match=f"line {len(lines)}: not the result"):
        recover(str(path))


def test_receipts_in_a_frame_count_when_their_part_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.ndjson.zst"
    first = zstandard.compress(line(0) + received(1, 1, 2))
    path.write_bytes(first)
    assert (recover(str(path)).whole, recover(str(path)).again) == (0, 2)
    path.write_bytes(first + zstandard.compress(received(2, 2, 2)))
    assert (recover(str(path)).whole, recover(str(path)).targets) == (path.stat().st_size, 3)


@named
def test_a_line_of_another_scan_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write(path, batched([0, 1, 2], [2]))
    assert recover(str(path), is_at=lambda position, host, port: (host, port) == (f"host{position}", 3389)).targets == 3
    with pytest.raises(InputError, match=r"not of this scan: line 2 has host1:3389 as target 1"):
        recover(str(path), is_at=lambda position, _host, _port: position != 1)


@pytest.mark.parametrize(
    "tail",
    [
        b'{"target": {"host": "x"',
        b"\x00\x00\n",
        b"not json\n",
        line(9, 1, 2),
        line(9, 1, 2) + line(9, 2, 2)[:20],
        line(9)[:-1],
        b'{"scan": null}\n',
    ],
)
def test_a_last_target_that_is_not_whole_is_torn(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "out.ndjson"
    path.write_bytes(line(0) + line(1) + tail)
    found = recover(str(path))
    assert found.targets == 2
    assert found.whole == len(line(0) + line(1))


@pytest.mark.parametrize(
    ("damaged", "number"),
    [
        (b"nonsense\n", 2),
        (b"\xff\xfe\n", 2),
        (b"{}\n", 2),
        (line(5, 2, 2), 2),
        (line(5, 1, 2), 3),
        (line(5, 1, 3) + line(5, 3, 3), 3),
        (line(5, 1, 2) + line(6, 2, 2), 3),
        (line(-1), 2),
    ],
)
def test_damage_in_the_middle_is_named_by_its_line_and_nothing_is_changed(
    tmp_path: Path, damaged: bytes, number: int
) -> None:
    path = tmp_path / "out.ndjson"
    path.write_bytes(line(0) + damaged + line(2) + line(3))
    before = path.read_bytes()
    with pytest.raises(InputError) as caught:
        recover(str(path))
    assert f"line {number}:" in caught.value.what
    assert f"truncate -s {len(line(0))} {path}; then rdp-probe scan --resume {path}" in caught.value.hint
    assert path.read_bytes() == before


def test_a_target_that_is_there_twice_is_named(tmp_path: Path) -> None:
    path = tmp_path / "out.ndjson"
    path.write_bytes(line(0) + line(1) + line(0) + line(2))
    with pytest.raises(InputError, match=r"line 3: target 0 of the scan is there a second time"):
        recover(str(path))


def test_places_in_the_whole_order_are_a_shards_own_numbers(tmp_path: Path) -> None:
    path = tmp_path / "out.ndjson"
    path.write_bytes(b"".join(line(place) for place in (2, 8, 5, 17)))
    recovered = recover(str(path), shard=(3, 3)).recovered
    assert (recovered.below, sorted(recovered.above)) == (3, [5])
    assert recover(str(path), shard=(3, 3), is_stream=True).recovered.below == 6
    for shard in ((1, 3), (2, 3), (18, 19)):
        with pytest.raises(InputError, match=rf"line 1: target 2 of the scan is not in shard {shard[0]}/{shard[1]}"):
            recover(str(path), shard=shard)


def test_a_frame_that_is_damaged_before_the_last_is_named_by_its_byte(tmp_path: Path) -> None:
    path = tmp_path / "out.ndjson.zst"
    write(path, batched([0], []))
    first = path.stat().st_size
    write(path, batched([1], []))
    second = path.stat().st_size
    write(path, batched([2], []))
    raw = bytearray(path.read_bytes())
    raw[second - 1] ^= 0xFF  # its checksum
    path.write_bytes(raw)
    with pytest.raises(InputError, match=f"damaged from byte {first} on"):
        recover(str(path))
    path.write_bytes(raw[:second])  # now it is the last
    assert recover(str(path)).whole == first


@pytest.mark.parametrize("content", [b"", b"no line end"])
def test_a_frame_without_whole_lines_is_none_of_ours(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "out.ndjson.zst"
    path.write_bytes(zstandard.compress(content) + zstandard.compress(line(0)))
    with pytest.raises(InputError, match="is not what a scan writes"):
        recover(str(path))


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    for name in (str(tmp_path / "none"), "nul\0"):
        with pytest.raises(InputError, match="cannot read"):
            recover(name)
