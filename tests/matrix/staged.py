"""The causes behind two messages that say nothing, each staged on a server, all asked in one run of `rdp-probe host`.

    python -m tests.matrix.staged [--update]

prints the table of them, and with --update writes it to the file that tests/matrix/test_staged_causes.py compares.
The messages and their causes are those of the articles that users find; ../shared/seed-map.md lists what settles each.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import trio

from probe.result import Result, Severity, from_json
from tests.matrix import embedded
from tests.matrix.asking import COMMAND, ROOT
from tests.matrix.faults import LosesLarge
from tests.matrix.rows_certificates import expired_yesterday
from tests.matrix.rows_connection import WebServer
from tests.matrix.rows_freerdp import shadow
from tests.matrix.rows_xrdp import XrdpAsNobody, with_damaged_certificate
from tests.matrix.situation import Behind, Endpoint, Full, Nobody, Program, Site, Workshop
from tests.real import certificates
from tests.real.process import SOURCE_ADDRESS
from tests.real.weston import Weston
from tests.real.xrdp import ONLY_TLS_1_3, OPENSSL_CONF_LEVEL_0, Xrdp

GOLDEN = Path(__file__).parent / "staged.txt"
TIMEOUT = "1500ms"
NEGOTIATION_FAILED = "The security protocol negotiation failed"
INTERNAL_ERROR = "An internal error has occurred"


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """One cause on one server."""

    name: str
    cause: str  # as the articles have it
    messages: tuple[str, ...]
    started: str
    site: Site
    code: str  # the leading one
    severity: Severity
    first_cause: str  # words that stand in the first cause and tell what it is


CAUSES: tuple[Staged, ...] = (
    Staged(
        name="versions-too-old",
        cause="TLS versions do not meet: the server's are too old",
        messages=(NEGOTIATION_FAILED,),
        started="xrdp with TLS 1.0 alone",
        site=Program(lambda _: Xrdp(security_layer="tls", ssl_protocols="TLSv1", openssl_conf=OPENSSL_CONF_LEVEL_0)),
        code="TLS_NO_COMMON_VERSION",
        severity="breaks_some",
        first_cause="names old versions only",
    ),
    Staged(
        name="versions-too-new",
        cause="TLS versions do not meet: the server's are too new",
        messages=(NEGOTIATION_FAILED,),
        started="xrdp with TLS 1.3 alone",
        site=Program(lambda _: Xrdp(security_layer="tls", ssl_protocols=ONLY_TLS_1_3)),
        code="TLS_MODERN_ONLY",
        severity="breaks_some",
        first_cause="TLSv1.3 only",
    ),
    Staged(
        name="versions-disabled",
        cause="TLS is disabled in all versions",
        messages=(INTERNAL_ERROR,),
        started="xrdp with ssl_protocols=SSLv3, which its OpenSSL does not have",
        site=Program(lambda _: Xrdp(security_layer="tls", ssl_protocols="SSLv3")),
        code="TLS_NO_COMMON_VERSION",
        severity="blocker",
        first_cause="ssl_protocols in xrdp.ini names no version",
    ),
    Staged(
        name="nla-required",
        cause="NLA conflict: the server wants it, and the client cannot",
        messages=(NEGOTIATION_FAILED,),
        started="freerdp-shadow-cli /sec:nla",
        site=shadow("/sec:nla"),
        code="NLA_REQUIRED",
        severity="info",
        first_cause="/sec:nla",
    ),
    Staged(
        name="nla-missing",
        cause="NLA conflict: the client wants it, and the server does not have it",
        messages=(NEGOTIATION_FAILED,),
        started="freerdp-shadow-cli /sec:tls",
        site=shadow("/sec:tls"),
        code="NLA_UNSUPPORTED",
        severity="risk",
        first_cause="has NLA off",
    ),
    Staged(
        name="encryption-fips",
        cause="encryption levels do not meet: the server takes FIPS alone",
        messages=(NEGOTIATION_FAILED,),
        started="xrdp with security_layer=rdp and crypt_level=fips",
        site=Program(lambda _: Xrdp(security_layer="rdp", crypt_level="fips")),
        code="ENCRYPTION_FIPS_ONLY",
        severity="breaks_some",
        first_cause="crypt_level",
    ),
    Staged(
        name="encryption-refused",
        cause="encryption levels do not meet: the server takes no method at all",
        messages=(NEGOTIATION_FAILED,),
        started="weston with a TLS certificate and no key for Standard RDP Security",
        site=Program(lambda room: Weston(certificates.rsa(room))),
        code="ENCRYPTION_REFUSED",
        severity="breaks_some",
        first_cause="without a key",
    ),
    Staged(
        name="certificate-expired",
        cause="the certificate has expired",
        messages=(NEGOTIATION_FAILED, INTERNAL_ERROR),
        started="xrdp with a certificate that ran out yesterday",
        site=expired_yesterday(),
        code="CERT_EXPIRED",
        severity="breaks_some",
        first_cause="Nobody renewed it",
    ),
    Staged(
        name="certificate-damaged",
        cause="the certificate is damaged",
        messages=(INTERNAL_ERROR,),
        started="xrdp with a certificate file that is cut off",
        site=Program(with_damaged_certificate),
        code="TLS_HANDSHAKE_ABORTED",
        severity="blocker",
        first_cause="xrdp cannot load its certificate or key",
    ),
    Staged(
        name="key-unreadable",
        cause="the private key cannot be read",
        messages=(INTERNAL_ERROR,),
        started="xrdp as a user who may not read the key",
        site=Program(lambda _: XrdpAsNobody(security_layer="tls")),
        code="TLS_CERTIFICATE_MISSING",
        severity="blocker",
        first_cause="xrdp may not read the files",
    ),
    Staged(
        name="key-unreadable-windows",
        cause="the RSA key store (MachineKeys) cannot be read",
        messages=(INTERNAL_ERROR,),
        started="a server that selects NLA and resets every hello, as Windows does",
        site=embedded.resets_hellos(),
        code="TLS_HANDSHAKE_ABORTED",
        severity="blocker",
        first_cause="private key",
    ),
    Staged(
        name="port-held",
        cause="another program holds the port",
        messages=(INTERNAL_ERROR,),
        started="python -m http.server",
        site=Program(lambda _: WebServer()),
        code="NOT_RDP",
        severity="blocker",
        first_cause="Another program",
    ),
    Staged(
        name="service-stopped",
        cause="the service does not run",
        messages=(INTERNAL_ERROR,),
        started="nothing",
        site=Nobody(),
        code="TCP_REFUSED",
        severity="blocker",
        first_cause="its service is stopped",
    ),
    Staged(
        name="firewall",
        cause="a firewall keeps the port closed",
        messages=(NEGOTIATION_FAILED, INTERNAL_ERROR),
        started="a listener whose queue is full: what comes is dropped",
        site=Full(),
        code="TCP_TIMEOUT",
        severity="blocker",
        first_cause="A firewall",
    ),
    Staged(
        name="tls-swallowed",
        cause="a firewall keeps TLS from passing",
        messages=(NEGOTIATION_FAILED,),
        started="xrdp behind a way that loses everything larger than 600 bytes",
        site=Behind(fault=lambda: LosesLarge(600), sites=(Program(lambda _: Xrdp(security_layer="tls")),)),
        code="TLS_HANDSHAKE_ABORTED",
        severity="blocker",
        first_cause="lost on the way",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the run said of one cause's server."""

    result: Result
    text: str  # the report, with what differs from run to run made alike


def tell(causes: Sequence[Staged] = CAUSES) -> Mapping[str, Told]:
    """Start every server, and ask all of them in one run for programs and one for people."""
    return trio.run(_tell, causes)


async def _tell(causes: Sequence[Staged]) -> Mapping[str, Told]:
    with Workshop() as workshop:
        async with AsyncExitStack() as stack:
            places = [await stack.enter_async_context(each.site.serving(workshop)) for each in causes]
            documents = (await _run(places, "--json")).splitlines()
            reports = re.split(r"(?m)^(?=127\.)", await _run(places, "--lang=en"))[1:]
    assert len(documents) == len(reports) == len(causes)
    return {
        cause.name: Told(result=from_json(document.encode()), text=_alike(report, place))
        for cause, place, document, report in zip(causes, places, documents, reports, strict=True)
    }


async def _run(places: Sequence[Endpoint], *options: str) -> str:
    targets = [f"{address}:{port}" for address, port in places]
    argv = [*COMMAND, "host", *options, f"--timeout={TIMEOUT}", f"--source-address={SOURCE_ADDRESS}", *targets]
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    ran = await trio.run_process(
        argv, capture_stdout=True, stderr=subprocess.DEVNULL, check=False, cwd=ROOT, env=environment
    )
    assert ran.returncode == 1, ran.stdout
    return str(ran.stdout, "utf-8")


_DIFFERS = (
    # Told elsewhere, as is who they are.
    (re.compile(r" \d+ of \d+ known clients can(?:not)? connect(, \d+ are unknown)?\."), ""),
    (re.compile(r"(?ms)^Clients that cannot connect\n.*?(\n\n|\Z)"), ""),
    (re.compile(r" *\d+\.\d\d s · \d+ connections?"), ""),
    (re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\dZ)?"), "DATE"),
    (re.compile(r"(?m)\n?  +(?=[A-Z0-9_]+$)"), "  "),  # a code stands at the right edge
    (re.compile(r"127\.0\.60\.\d+:\d+"), "SERVER"),
)


def _alike(report: str, place: Endpoint) -> str:
    """A report up to its facts, without what differs from one run to the next."""
    said = report.partition("\nSecurity protocols")[0].partition("\nMore: ")[0]
    said = said.partition("\nMore about")[0].replace(f"answers on {place[1]}", "answers on PORT")
    for pattern, word in _DIFFERS:
        said = pattern.sub(word, said)
    return said.rstrip() + "\n"


def page(told: Mapping[str, Told], causes: Sequence[Staged] = CAUSES) -> str:
    """The table: each cause, where it is staged, what leads, the first cause that is named, and the report's head."""
    parts = []
    for cause in causes:
        leading = told[cause.name].result.diagnoses[0]
        parts.append(
            f"=== {cause.cause}\n"
            f"    met as: {'; '.join(cause.messages)}\n"
            f"    staged: {cause.started}\n"
            f"    leads:  {leading.code} ({leading.severity})\n"
            f"    cause:  {leading.causes[0]}\n\n"
            f"{told[cause.name].text}"
        )
    return "\n".join(parts)


def main(update: bool) -> None:
    """Print the table, or write it to its file."""
    shown = page(tell())
    if update:
        GOLDEN.write_text(shown, encoding="utf-8")
    else:
        sys.stdout.write(shown)


if __name__ == "__main__":
    main("--update" in sys.argv[1:])
