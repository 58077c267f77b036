"""Lists as zmap, masscan, nmap and people write them; and such as nobody should be asked to read."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import InputError
from probe.scan import inputs, inputs_xml
from probe.scan.inputs import pieces_of
from probe.scan.inputs_lines import found
from probe.scan.targets import Piece, targets

HERE = Path(__file__).parent

# The records are spelled as masscan's out-json.c, out-ndjson.c, out-text.c and out-grepable.c do.
MASSCAN_JSON = """[
{   "ip": "192.0.2.1",   "timestamp": "1453300800", "ports": [ {"port": 3389, "proto": "tcp", "status": "open", \
"reason": "syn-ack", "ttl": 64} ] }
,
{   "ip": "192.0.2.2",   "timestamp": "1453300801", "ports": [ {"port": 3390, "proto": "tcp", "service": {"name": \
"ssl", "banner": "TLS\\u002f1.2 #1"} } ] }
,
{   "ip": "192.0.2.3",   "timestamp": "1453300801", "ports": [ {"port": 53, "proto": "udp", "status": "open"} ] }
,
{   "ip": "192.0.2.4",   "timestamp": "1453300801", "ports": [ {"port": 3389, "proto": "tcp", "status": "closed"} ] }
]
"""
MASSCAN_JSON_1_0_3 = """{   "ip": "192.0.2.1",   "timestamp": "1453300800", "ports": [ {"port": 3389, "proto": "tcp", \
"status": "open", "reason": "syn-ack", "ttl": 64} ] },
{   "ip": "192.0.2.2",   "timestamp": "1453300801", "ports": [ {"port": 3390, "proto": "tcp", "status": "open"} ] },
{finished: 1}
"""
MASSCAN_NDJSON = """\
{"ip":"192.0.2.1","timestamp":"1453300800","port":3389,"proto":"tcp","rec_type":"status",\
"data":{"status":"open","reason":"syn-ack","ttl":64}}
{"ip":"192.0.2.2","timestamp":"1453300800","port":3390,"proto":"tcp","rec_type":"banner",\
"data":{"service_name":"ssl","banner":"x"}}
{"ip":"192.0.2.3","timestamp":"1453300800","port":3389,"proto":"tcp","rec_type":"status","data":{"status":"closed"}}
"""
MASSCAN_LIST = """#masscan
open tcp 3389 192.0.2.1 1453300800
banner tcp 3390 192.0.2.2 1453300801 ssl TLS/1.2 # of something
open udp 53 192.0.2.3 1453300801
closed tcp 3389 192.0.2.4 1453300801
# end
"""
MASSCAN_GREPABLE = """# Masscan 1.3.2 scan initiated Wed Jan 20 14:40:00 2016
# Ports scanned: TCP(2;3389-3390) UDP(0;) SCTP(0;) PROTOCOLS(0;)
Timestamp: 1453300800\tHost: 192.0.2.1 ()\tPorts: 3389/open/tcp//ms-wbt-server//
Host: 192.0.2.2 ()\tPorts: 3390/open/tcp////, 22/closed/tcp////, 53/open/udp////
Host: 192.0.2.2 ()\tPort: 3390\tService: ssl\tBanner: x, 22/open/tcpx
# Masscan done at Wed Jan 20 14:41:00 2016
"""
RESULTS = "".join(
    json.dumps({"schema": "rdp-probe/1", "target": {"input": host, "host": host, "address": "192.0.2.9", "port": port},
                "tls": {"chain": ["x" * 500]}}) + "\n"
    for host, port in (("192.0.2.1", 3389), ("192.0.2.2", 3390))
)  # fmt: skip
ZMAP_JSON = """{"saddr":"192.0.2.1","sport":3389,"success":1}
{"saddr":"192.0.2.2","sport":3390}
{"saddr":"192.0.2.3","sport":3390,"success":0}
"""
TWO = [("192.0.2.1", 3389), ("192.0.2.2", 3390)]


def listed(content: str | bytes, tmp_path: Path, *ports: int) -> list[tuple[str, int]]:
    path = tmp_path / "list"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [(target.host, target.port) for target in targets([f"@{path}"], ports)]


@pytest.mark.parametrize(
    "content",
    [
        MASSCAN_JSON,
        MASSCAN_JSON_1_0_3,
        MASSCAN_NDJSON,
        MASSCAN_LIST,
        MASSCAN_GREPABLE,
        RESULTS,
        "192.0.2.1:3389\n192.0.2.2:3390 # two\n",
        "saddr,sport\n192.0.2.1,3389\n192.0.2.2,3390\n",
        "192.0.2.1,3389\n192.0.2.2, 3390,synack\n",
        'SADDR,"ttl",sport,success\n192.0.2.1,64,3389,1\n"192.0.2.2",64,3390,1\n192.0.2.3,64,3389,0\n',
        ZMAP_JSON,
        json.dumps(json.loads(MASSCAN_JSON)),
        json.dumps(json.loads(MASSCAN_JSON), indent=2),
        "\n".join(json.dumps(record, indent=4) for record in json.loads(MASSCAN_JSON)),
    ],
    ids=["masscan -oJ", "masscan 1.0.3 -oJ", "masscan -oD", "masscan -oL", "masscan -oG", "results", "plain",
         "zmap CSV", "zmap CSV without header", "zmap CSV of all", "zmap JSON", "one line", "jq .", "jq .[]"],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "zst", "zst in frames"])
def test_every_format(content: str, encoding: str, tmp_path: Path) -> None:
    if encoding == "zst":
        raw = zstandard.compress(content.encode())
    elif encoding == "zst in frames":
        raw = zstandard.compress(content[:50].encode()) + zstandard.compress(content[50:].encode())
    else:
        raw = content.encode(encoding)
    assert [target for target in listed(raw, tmp_path) if target[1] != 22] == TWO
    assert listed(raw, tmp_path, 3390)[-1:] == TWO[1:]


@pytest.mark.parametrize(
    "content", [MASSCAN_JSON, MASSCAN_LIST, RESULTS, "saddr,sport\n192.0.2.1,3389\n192.0.2.2,3390"]
)
def test_of_ports_found_open_only_those_asked_count(content: str, tmp_path: Path) -> None:
    assert listed(content, tmp_path, 3390, 5) == TWO[1:]
    assert listed(content, tmp_path, 5) == []


@pytest.mark.parametrize(
    "content", ["192.0.2.1\n", "saddr\n192.0.2.1\n", "saddr,ttl\n192.0.2.1,64\n", '{"ip": "192.0.2.1"}']
)
def test_where_no_port_is_named_those_asked_count(content: str, tmp_path: Path) -> None:
    assert listed(content, tmp_path) == [("192.0.2.1", 3389)]
    assert listed(content, tmp_path, 5, 6) == [("192.0.2.1", 5), ("192.0.2.1", 6)]


def test_what_nmap_wrote_here() -> None:
    """Both made by nmap 7.93 of 127.0.0.1, where 18389 was open and 18390 closed."""
    for name in ("nmap-7.93.xml", "nmap-7.93.gnmap"):
        assert [(t.input, t.host, t.port) for t in targets([f"@{HERE / name}"], [])] == [
            ("127.0.0.1:18389", "127.0.0.1", 18389)
        ]


XML = """<?xml version="1.0"?>\n<!DOCTYPE nmaprun>\n<nmaprun>{}</nmaprun>\n"""
PORT = '<port protocol="{}" portid="{}"><state state="{}"/></port>'


def host(address: str, *ports: str, kind: str = "ipv4") -> str:
    return f'<host>\n<address addr="{address}" addrtype="{kind}"/>\n<ports>{"".join(ports)}</ports></host>'


def test_nmaps_xml(tmp_path: Path) -> None:
    content = XML.format(
        host("192.0.2.1", PORT.format("tcp", 3389, "open"), PORT.format("udp", 3389, "open"))
        + host("192.0.2.2", PORT.format("tcp", 3389, "filtered"), PORT.format("tcp", 3390, "open"))
        + host("00:11:22:33:44:55", PORT.format("tcp", 3389, "open"), kind="mac")
        + host("2001:db8::1", PORT.format("tcp", 3389, "open"), kind="ipv6")
    )
    assert listed(content, tmp_path) == [*TWO, ("2001:db8::1", 3389)]
    assert listed("\ufeff" + content.replace("<?xml", " <?xml").lstrip(), tmp_path) == [*TWO, ("2001:db8::1", 3389)]
    assert listed(zstandard.compress(content.encode()), tmp_path, 3390) == TWO[1:]


def test_a_large_xml_is_read_a_piece_at_a_time(tmp_path: Path) -> None:
    many = "".join(host(f"10.0.{n >> 8}.{n & 255}", PORT.format("tcp", 3389, "open")) for n in range(3000))
    assert len(listed(XML.format(many), tmp_path)) == 3000


BOMB = """<?xml version="1.0"?><!DOCTYPE nmaprun [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>
<nmaprun><host><address addr="&b;" addrtype="ipv4"/></host></nmaprun>"""
OUTSIDE = """<?xml version="1.0"?><!DOCTYPE nmaprun [<!ENTITY a SYSTEM "file:///etc/passwd">]><nmaprun>&a;</nmaprun>"""

# Two frames, of which the second lost its way.
CORRUPT = (
    zstandard.compress(b"192.0.2.1\n" * 20_000) + zstandard.compress(bytes(range(48, 58)) * 9000)[:9] + b"\xff" * 9
)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (BOMB, "line 1: XML with entities of its own"),
        (OUTSIDE, "line 1: XML with entities of its own"),
        ("<html><body/></html>", "XML of 'html' and not of nmap"),
        ("<nmaprun>" + "<a>" * 200, "elements deep"),
        ("<nmaprun>\n<host>", "line 2: not well-formed XML: no element found"),
        ("<nmaprun>&b;</nmaprun>", "not well-formed XML: undefined entity"),
        ("<nmaprun><a b='" + "x" * (5 << 20), "longer than 4 MiB"),
        (XML.format(host("192.0.2.1", PORT.format("tcp", "0", "open"))), "line 5: not a port"),
        (XML.format(host("", PORT.format("tcp", "3389", "open"))), "not a target"),
        ("{" + '"a":[' * 100_000, "not a record of targets"),
        ('{"ip": "192.0.2.1", "data": ' + '{"a":' * 100_000 + "1" + "}" * 100_001, "not a record of targets"),
        ('[{"ip": "192.0.2.1"}', None),
        ('{"ip": "192.0.2.1", "port": 99999}', "not a port: 99999"),
        ('{"ip": "192.0.2.1:5", "port": 9}', "not a host"),
        ('{"ip": 5}', "not a record of targets"),
        ('{"name": "srv1"}', "without ip, saddr or target"),
        ('{\n"ip": "192.0.2.1"', "ends within a JSON object"),
        ("{\n" + '"ip": "192.0.2.1",\n' * 5000, "a JSON object that does not end"),
        ("saddr,sport\n,3389\n", "line 2: a row without an address"),
        ("saddr,sport\n192.0.2.1,x\n", "line 2: not a port: 'x'"),
        ('saddr,sport\n"192.0.2.1\n', None),
        ("192.0.2.1,192.0.2.2\n", "line 1: not a target"),
        ("open tcp 99999 192.0.2.1 1\n", "not a port"),
        ("192.0.2.1\nsrv 1\n", "line 2: not a target"),
        ("x" * (5 << 20), "line 1: longer than 4,194,304 characters"),
        (b"\x7fELF\x02\x01\x01\0\0\0\n", "line 1: not text"),
        (b"\0" * 100, "line 1: not text"),
        (b"\x28\xb5\x2f\xfd" + b"\xff" * 100, "damaged"),
        (CORRUPT, ": damaged"),
        (zstandard.compress(XML.encode() * 9000)[:-30] + b"\xff" * 60, None),
        ('saddr,sport\n"' + "x" * 200_000, "line 2: not a row of CSV"),
        (zstandard.compress(b"192.0.2.1\n" * 9)[:-3] + b"\xff" * 30, None),
    ],
)
def test_hostile_lists_end_in_an_error_that_says_where(content: str | bytes, why: str | None, tmp_path: Path) -> None:
    if why is None:  # readable in part: no more is asked of it than an end
        try:
            assert listed(content, tmp_path) is not None
        except InputError as error:
            assert error.hint
        return
    with pytest.raises(InputError) as caught:
        listed(content, tmp_path)
    assert why in caught.value.what
    assert str(tmp_path / "list") in caught.value.what
    assert len(caught.value.what) < 1000
    assert caught.value.hint


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"<nmaprun>", b"{", b"saddr,sport\n", b"open tcp ", b"Host: ", b"\x28\xb5\x2f\xfd"]),
)
def test_any_bytes_are_a_list_or_an_input_error(content: bytes, start: bytes) -> None:
    try:
        for _, piece in zip(
            range(5), inputs._pieces(io.BytesIO(start + content), "x", lambda _: None, None), strict=False
        ):
            assert piece.text
    except InputError as error:
        assert error.hint


@pytest.mark.parametrize(
    ("content", "program"),
    [
        (gzip.compress(b"192.0.2.1\n"), "zcat"),
        (lzma.compress(b"192.0.2.1\n"), "xzcat"),
        (bz2.compress(b"192.0.2.1\n"), "bzcat"),
        (b"PK\x03\x04" + bytes(40), "unzip -p"),
    ],
)
def test_what_is_compressed_otherwise_is_told_with_what_reads_it(content: bytes, program: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"list: compressed with \w+$") as caught:
        listed(content, tmp_path)
    assert caught.value.hint == f"{program} {tmp_path / 'list'} | rdp-probe scan -"


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("; remark", "a remark begins with #"),
        ("192.0.2.1,", "one target a line"),
        ("192.0.2.1 web server", "192.0.2.1 # web server"),
        ("srv1.example; web", "srv1.example # web"),
        ("192.0.2.1 192.0.2.2", "each on a line of its own"),
        ("srv1.example,192.0.2.2", "each on a line of its own"),
        ("192.0.2.1;[::1]:3390 # both", "each on a line of its own"),
        ("[::1]:3390 of ours", "[::1]:3390 # of ours"),
        ("our servers", "a remark begins with #"),
        ("Nmap scan report for 192.0.2.1", "-oN is for people"),
    ],
)
def test_a_line_with_more_than_a_target_is_told_how_it_is_written(line: str, hint: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="list, line 2: not a target: ") as caught:
        listed(f"# ours\n{line}\n", tmp_path)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "content",
    [
        XML.replace("<nmaprun>", '<nmaprun args="nmap -n -sn -oX sn.xml 192.0.2.1">').format(host("192.0.2.1")),
        "# Nmap 7.93 scan initiated now as: nmap -sn -oG -\nHost: 192.0.2.1 ()\tStatus: Up\n# Nmap done at now\n",
        "# Nmap 7.93 scan initiated now as: nmap -n -sL -oG -\nHost: 192.0.2.1 ()\tStatus: Unknown\n",
    ],
)
def test_a_list_of_nmap_without_ports_is_told_why(content: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"list(, line \d)?: names no open TCP port: nmap -s[nL] asked none") as caught:
        listed(content, tmp_path)
    assert "-p 3389" in caught.value.hint


def test_a_list_of_nmap_that_found_nothing_is_no_mistake(tmp_path: Path) -> None:
    started = '<nmaprun args="nmap -sT -oX x-sn.xml 192.0.2.1">'
    assert listed(XML.replace("<nmaprun>", started).format(host("192.0.2.1")), tmp_path) == []
    assert listed("# Nmap 7.93 scan initiated now as: nmap -sT -oG - 192.0.2.1\n", tmp_path) == []
    assert listed("# see nmap -sn\nsrv1.example\n", tmp_path) == [("srv1.example", 3389)]


def test_a_wish_not_met_is_told_with_its_line(tmp_path: Path) -> None:
    def never(_: object) -> None:
        raise InputError("no", "never")

    path = tmp_path / "list"
    path.write_text("# one\nsrv1.example\n")
    with pytest.raises(InputError, match="list, line 2: no"):
        list(pieces_of(f"@{path}", never))
    with pytest.raises(InputError, match=r"^no$"):
        list(pieces_of("srv1.example", never))


def test_closed_standard_input_has_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    assert list(pieces_of("-")) == []


def test_standard_input_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(b"srv1.example\n")))
    monkeypatch.setattr("sys.stdin", stdin)
    assert [piece.text for piece in pieces_of("-")] == ["srv1.example"]
    assert not stdin.buffer.closed


def test_a_file_that_cannot_be_read_to_its_end_is_said() -> None:
    with pytest.raises(InputError, match="cannot read /proc/self/mem: Input/output error"):
        list(pieces_of("@/proc/self/mem"))


def test_a_host_of_xml_has_few_addresses_and_its_ports_are_made_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def xml(addresses: int, ports: int) -> str:
        each = [f'<address addr="10.{number}.0.1" addrtype="ipv4"/>' for number in range(addresses)]
        opened = (f'<port protocol="tcp" portid="{port}"><state state="open"/></port>' for port in range(1, ports + 1))
        return f"<nmaprun><host>{''.join(each)}<ports>{''.join([*opened] * 2)}</ports></host></nmaprun>"

    assert len(listed(xml(16, 100), tmp_path)) == 1600
    with pytest.raises(InputError, match="line 1: a host with more than 16 addresses"):
        listed(xml(17, 1), tmp_path)
    made: list[int | None] = []

    def noted(host: str, port: int | None) -> Piece:
        made.append(port)
        return found(host, port)

    monkeypatch.setattr(inputs_xml, "found", noted)
    (tmp_path / "large").write_text(xml(16, 1000))
    several = pieces_of(f"@{tmp_path / 'large'}")
    assert [next(several).port for _ in range(3)] == [1, 2, 3] == made


@pytest.mark.parametrize(
    "content",
    [
        '{"ip": "10.0.0.0/8", "ports": [{"port": 3389}]}\n',
        '[{"ip": "10.0.0.1-9", "ports": [{"port": 3389}]}]\n',
        '{"saddr": "10.0.0.0/24"}\n',
        "open tcp 3389 10.0.0.0/24 1\n",
        "saddr,sport\n10.0.0.0/24,3389\n",
        XML.format(host("10.0.0.0/24", PORT.format("tcp", 3389, "open"))),
    ],
)
def test_a_record_of_another_program_is_of_one_host(content: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not a host: '10.0.0.[01]"):
        listed(content, tmp_path)
