"""The file beside a capture that says where it comes from and what is true in it.

What is true comes from the configuration (what a server was told to serve, the certificate that was made for it) and
from tshark. Where both speak they must agree, or there is no sidecar: rdp-probe has no say in it.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tests.real.captures_facts import Seen, seen
from tests.real.captures_lab import Lab

if TYPE_CHECKING:
    from tests.real.captures_scenes import Scene

# How each program says its version, and which line it is.
_VERSIONS: Mapping[str, tuple[list[str], str]] = {
    "xrdp": (["xrdp", "--version"], r"xrdp \S+"),
    "freerdp-shadow-cli": (["freerdp-shadow-cli", "/version"], r"FreeRDP version \S+"),
    "xfreerdp": (["xfreerdp", "/version"], r"FreeRDP version \S+"),
    "weston": (["weston", "--version"], r"weston \S+"),
    "rdesktop": (["rdesktop", "-V"], r"[Vv]ersion \d\S+"),
    "nmap": (["nmap", "--version"], r"Nmap version \S+"),
    "openssl": (["openssl", "version"], r"OpenSSL \S+"),
    "sslscan": (["sslscan", "--version"], r"\d+\.\d+\.\S+"),
    "dumpcap": (["dumpcap", "--version"], r"Dumpcap \(Wireshark\) \S+"),
    "sslyze": (["sslyze", "-c", "import importlib.metadata as m; print(m.version('sslyze'))"], r"\S+"),
    "rdp-probe": (["rdp-probe", "--version"], r"\d+\.\d+\S*"),
}
_FROM_TSHARK = (
    "client", "server", "ended_by", "ending", "requested", "selected", "failure", "cookie", "client_name",
    "client_build", "keyboard_layout", "channels", "level", "method", "tls", "suite", "certificate", "certificates",
    "server_name", "ja3", "alerts", "user", "domain",
)  # fmt: skip
# What tshark has no word for. Of the rest it must say the same where it says anything.
OURS_ONLY = (
    "codes",
    "not_codes",
    "status",
    "service",
    "alert",
    "gaps",
    "truncated",
    "one_sided",
    "decrypted",
    "nla",
    "result",
)


def versions(lab: Lab) -> dict[str, str]:
    """What the programs of a capture say of their versions."""
    found = {}
    for name in dict.fromkeys([*lab.programs, "dumpcap"]):
        if name not in _VERSIONS:
            continue
        argv, pattern = _VERSIONS[name]
        path = lab.path_of(argv[0])
        environment = {"PATH": "/usr/bin:/usr/sbin:/bin", "HOME": str(lab.work), "DISPLAY": lab.display()}
        done = subprocess.run(
            [path, *argv[1:]], capture_output=True, text=True, timeout=20, check=False, env=environment
        )
        said = re.search(pattern, done.stdout + done.stderr)
        found[name] = said[0] if said else "unknown"
    return found


def truths(lab: Lab) -> list[dict[str, object]]:
    """One table for each connection. Raises ValueError where tshark contradicts the configuration."""
    keys = lab.out / f"{lab.name}.keys"
    found = seen(lab.file, keys=keys if keys.exists() else None, port=lab.port)
    tables = [table(each, lab.truths.get(stream, {})) for stream, each in sorted(found.items())]
    unknown = set(lab.truths) - set(found)
    if unknown:
        raise ValueError(f"{lab.name}: the configuration speaks of streams that are not there: {sorted(unknown)}")
    return tables


def table(each: Seen, configured: Mapping[str, object]) -> dict[str, object]:
    """What is true of one connection. Raises ValueError where tshark contradicts the configuration."""
    facts: dict[str, object] = {"stream": each.stream}
    for name in _FROM_TSHARK:
        value = getattr(each, name)
        if value is not None and (value or name == "requested"):
            facts[name] = [f"{side} {code}" for side, code in value] if name == "alerts" else value
    for name, value in configured.items():
        if name in OURS_ONLY:
            facts[name] = value
        elif value is None:
            facts.pop(name, None)
        elif name in facts and facts[name] != value:
            raise ValueError(f"stream {each.stream}: {name} was set up as {value!r}, and tshark shows {facts[name]!r}")
        else:
            facts[name] = value
    return facts


def write_sidecar(lab: Lab, scene: Scene) -> None:
    """Write NAME.toml. Raises ValueError where tshark contradicts the configuration, or nothing was captured."""
    tables = truths(lab)
    lines = [f"story = {_value(scene.story)}", f"made = {datetime.now(UTC).date().isoformat()}", ""]
    lines += ["[origin]", *(f"{json.dumps(name)} = {_value(said)}" for name, said in versions(lab).items()), ""]
    lines += ["[made_by]", f"command = {_value(f'python -m tests.real.captures --only {lab.name}')}"]
    lines += [_lines("configuration", lab.configuration), _lines("run", lab.commands), ""]
    if lab.said:
        lines += ["[truth]", *(f"{name} = {_value(value)}" for name, value in lab.said.items()), ""]
    for table in tables:
        lines += ["[[connection]]", *(f"{name} = {_value(value)}" for name, value in table.items()), ""]
    (lab.out / f"{lab.name}.toml").write_text("\n".join(lines), encoding="utf-8")


def _lines(name: str, lines: list[str]) -> str:
    return f"{name} = [\n" + "".join(f"    {_value(line)},\n" for line in lines) + "]"


def _value(value: object) -> str:
    """As TOML writes it; of a string JSON's form is TOML's too."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False)


def read_sidecar(path: Path) -> dict[str, object]:
    """A sidecar as it was written."""
    import tomllib

    return tomllib.loads(path.read_text(encoding="utf-8"))
