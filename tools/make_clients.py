"""Write the table of client profiles into docs/clients.md:

    .venv/bin/python -m tools.make_clients

What stands after the line of MARK is left alone: it is the table of agreements with real clients, which
`python -m tests.real.client_table` writes.
"""

from __future__ import annotations

from pathlib import Path

from probe.clients import CLIENTS
from probe.clients.profile import ClientProfile, CredSspProfile, Request
from probe.diagnosis.client_tls import NAMES
from probe.diagnosis.client_walk import names_of

PATH = Path(__file__).parent.parent / "docs" / "clients.md"
MARK = "## Held against real clients"
_METHODS = {0x01: "40", 0x08: "56", 0x02: "128", 0x10: "FIPS"}

_HEAD = """\
# Which clients can connect

`clients` in a result says for each client below whether it can connect, over which security protocol and TLS version,
and if not: at which stage it fails (`fails_at`), which diagnosis explains it, what its user sees, and what would help.
`null` says that a fact is missing; `because` names it. At standard depth that is often which cipher suites a server
has: `--depth full` asks. Nothing is sent for this: the answer is worked out from the client's profile and the facts,
as for any stored result. `rdp-probe host --simulate CLIENT` asks as that client asks.

A client is walked through the stages of a connection: `negotiation` (its own requests, and what it falls back to),
`tls` (version, cipher suite, group, signature), `certificate`, `credssp`, or for Standard RDP Security `encryption`.
Warnings that a user can answer, as for a self-signed certificate, are no failure. Clients are taken as they come, with
the settings that they come with; an administrator may have changed them.

This page is made from `probe/clients`: `python -m tools.make_clients`.

## The profiles

| client | `--simulate` | asks for | TLS | CredSSP | Standard RDP Security |
|---|---|---|---|---|---|
"""

_SOURCES = """
Versions in parentheses: only some builds have them. Versions marked with `*`: it offers them, and gives up when a
server takes one. `(assumed)`: its TLS is not documented, and nothing is refused for it.

## Where this is known from

"""


def page() -> str:
    """The page down to the mark, and the mark."""
    rows = "".join(_row(profile) for profile in CLIENTS.values())
    sources = "".join(f"- **{profile.name}**: {profile.source}.\n" for profile in CLIENTS.values())
    troubles = "".join(_troubles(profile) for profile in CLIENTS.values())
    return f"{_HEAD}{rows}{_SOURCES}{sources}\nKnown faults, which make an answer unknown:\n\n{troubles}\n{MARK}\n"


def _row(profile: ClientProfile) -> str:
    cells = (
        profile.name,
        f"`{profile.key}`",
        "; ".join(_request(request) for request in profile.requests),
        _versions(profile),
        _credssp(profile.credssp),
        ", ".join(name for bit, name in _METHODS.items() if profile.methods & bit) or "-",
    )
    return f"| {' | '.join(cells)} |\n"


def _request(request: Request) -> str:
    asked = "+".join(names_of(request.protocols)) or "no negotiation"
    return f"{asked} after {_events(request)}" if request.after else asked


def _events(request: Request) -> str:
    return "any other failure" if len(request.after) > 3 else ", ".join(f"`{event}`" for event in request.after)


def _versions(profile: ClientProfile) -> str:
    if profile.tls is None:
        return "-"
    tls = profile.tls
    names = [f"{NAMES[code][4:]}{'*' if code in tls.unusable else ''}" for code in tls.versions]
    names += [f"({NAMES[code][4:]})" for code in tls.maybe]
    return ", ".join(names) + ("" if tls.documented else " (assumed)")


def _credssp(credssp: CredSspProfile | None) -> str:
    if credssp is None:
        return "-"
    mechanisms = "" if "NTLM" in credssp.mechanisms else f", {' and '.join(credssp.mechanisms)} only"
    oldest = f", servers from {credssp.oldest_server}" if credssp.oldest_server > 2 else ""
    return f"{credssp.version}{oldest}{mechanisms}"


def _troubles(profile: ClientProfile) -> str:
    return "".join(f"- {profile.name} and {each.server}: {each.words}.\n" for each in profile.troubles)


def main() -> None:
    """Write the page, and keep what stands after the mark."""
    before = PATH.read_text("utf-8") if PATH.exists() else ""
    PATH.write_text(page() + before.partition(f"{MARK}\n")[2], "utf-8")


if __name__ == "__main__":
    main()
