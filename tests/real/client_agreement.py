"""Real servers that real clients visit, and what an audit of the same server says of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import trio

from probe.audit.settings import Settings
from probe.clients import CLIENTS
from probe.diagnosis import diagnose
from probe.diagnosis.clients import evaluate
from probe.drive.limits import Limits
from probe.drive.live import audit
from probe.result import Client, Depth, Result, Target
from tests.real.certificates import Certificate
from tests.real.clients import PASSWORD, USER, RealClients
from tests.real.servers import SOURCE_ADDRESS, FreeRdpShadow, Launcher, Server, Weston
from tests.real.xrdp import ONLY_TLS_1_2, ONLY_TLS_1_3, OPENSSL_CONF_LEVEL_0, SECURITY_LEVEL_0, TLS_1_0_TO_1_3, Xrdp

VISITORS = ("freerdp2", "rdesktop")
_NT_HASH = "878d8014606cda29677a44efa1353fc7"  # MD4 of PASSWORD in UTF-16, as FreeRDP's SAM files have it
_FULL: Depth = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What servers are made from."""

    directory: Path
    display: str
    rsa: Certificate
    ecdsa: Certificate
    rdp4_key: Path

    @property
    def accounts(self) -> Path:
        """A SAM file with the one account that visitors use."""
        file = self.directory / "sam"
        file.write_text(f"{USER}:::{_NT_HASH}:::\n", "ascii")
        assert PASSWORD == "secret"
        return file


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One server, how deeply it is audited, and for which visitors the audit cannot tell."""

    make: Callable[[Place], Launcher]
    depth: Depth = "standard"
    unknown: frozenset[str] = frozenset()


def _xrdp(**settings: str) -> Callable[[Place], Launcher]:
    return lambda place: Xrdp(channels=True, certificate=place.rsa, **settings)  # type: ignore[arg-type]


def _shadow(*options: str) -> Callable[[Place], Launcher]:
    return lambda place: FreeRdpShadow(*options, display=place.display, certificate=place.rsa)


_NOT_FREERDP, _NOT_RDESKTOP = frozenset({"freerdp2"}), frozenset({"rdesktop"})
_ONLY_1_2 = {"security_layer": "tls", "ssl_protocols": ONLY_TLS_1_2}
_OLD = {"security_layer": "tls", "tls_ciphers": SECURITY_LEVEL_0}

SITUATIONS = {
    "xrdp, security_layer=negotiate": Situation(make=_xrdp()),
    "xrdp, security_layer=tls": Situation(make=_xrdp(security_layer="tls")),
    "xrdp, rdp, crypt_level=none": Situation(make=_xrdp(security_layer="rdp", crypt_level="none")),
    "xrdp, rdp, crypt_level=low": Situation(make=_xrdp(security_layer="rdp", crypt_level="low"), unknown=_NOT_FREERDP),
    "xrdp, rdp, crypt_level=high": Situation(make=_xrdp(security_layer="rdp"), unknown=_NOT_FREERDP),
    "xrdp, rdp, crypt_level=fips": Situation(make=_xrdp(security_layer="rdp", crypt_level="fips")),
    "xrdp, TLS 1.3 only": Situation(make=_xrdp(security_layer="tls", ssl_protocols=ONLY_TLS_1_3)),
    "xrdp, TLS 1.2 only": Situation(make=_xrdp(**_ONLY_1_2)),
    "xrdp, TLS 1.1 only": Situation(make=_xrdp(**_OLD, ssl_protocols="TLSv1.1")),
    "xrdp, TLS 1.0 only": Situation(make=_xrdp(**_OLD, ssl_protocols="TLSv1")),
    "xrdp, TLS 1.0 to 1.3": Situation(make=_xrdp(**_OLD, ssl_protocols=TLS_1_0_TO_1_3)),
    "xrdp, ECDSA certificate": Situation(
        make=lambda place: Xrdp(channels=True, security_layer="tls", certificate=place.ecdsa)
    ),
    "xrdp, TLS 1.2, AES128-SHA only": Situation(make=_xrdp(**_ONLY_1_2, tls_ciphers="AES128-SHA")),
    "xrdp, TLS 1.2, AES128-CCM only": Situation(make=_xrdp(**_ONLY_1_2, tls_ciphers="AES128-CCM"), depth=_FULL),
    "xrdp, TLS 1.2, CAMELLIA128-SHA only": Situation(
        make=_xrdp(**_ONLY_1_2, tls_ciphers="CAMELLIA128-SHA"), depth=_FULL
    ),
    "xrdp, TLS 1.3, group P-521 only": Situation(
        make=_xrdp(
            security_layer="tls", ssl_protocols=ONLY_TLS_1_3, openssl_conf=OPENSSL_CONF_LEVEL_0 + "Groups = P-521\n"
        )
    ),
    "xrdp, tls, key missing": Situation(
        make=lambda place: Xrdp(channels=True, security_layer="tls", key=place.directory / "missing.pem")
    ),
    "xrdp, negotiate, key missing": Situation(
        make=lambda place: Xrdp(channels=True, key=place.directory / "missing.pem"), unknown=_NOT_FREERDP
    ),
    "xrdp, tls, key of another certificate": Situation(
        make=lambda place: Xrdp(channels=True, security_layer="tls", certificate=place.rsa, key=place.ecdsa.key)
    ),
    "freerdp-shadow": Situation(make=_shadow(), unknown=_NOT_RDESKTOP),
    "freerdp-shadow /sec:nla": Situation(make=lambda place: _shadow("/sec:nla", f"/sam-file:{place.accounts}")(place)),
    "freerdp-shadow /sec:tls": Situation(make=_shadow("/sec:tls"), unknown=_NOT_RDESKTOP),
    "freerdp-shadow /sec:rdp": Situation(make=_shadow("/sec:rdp"), unknown=_NOT_RDESKTOP),
    "freerdp-shadow /sec:ext": Situation(make=_shadow("/sec:ext")),
    "weston, RSA certificate": Situation(make=lambda place: Weston(place.rsa, place.rdp4_key), unknown=_NOT_RDESKTOP),
    "weston, ECDSA certificate": Situation(
        make=lambda place: Weston(place.ecdsa, place.rdp4_key), unknown=_NOT_RDESKTOP
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One visitor at one server: what was said of it, and what came of it."""

    situation: str
    said: Client
    got_in: bool
    words: str

    @property
    def agrees(self) -> bool | None:
        """Whether what was said came true; None where nothing was said."""
        return None if self.said.connects is None else self.said.connects == self.got_in


def audited(server: Server, depth: Depth) -> Result:
    """A live audit, with its diagnoses and clients."""
    target = Target(input=server.target, host=server.address, address=server.address, port=server.port)
    limits = Limits(source_address=SOURCE_ADDRESS)
    result = trio.run(functools.partial(audit, target, Settings(depth=depth), limits))
    result.diagnoses = diagnose(result)
    result.clients = evaluate(result)
    return result


def visited(name: str, place: Place, clients: RealClients) -> list[Row]:
    """Audit a server, then let every visitor try."""
    situation = SITUATIONS[name]
    with situation.make(place) as server:
        said = {client.client: client for client in audited(server, situation.depth).clients}
        rows = []
        for key in VISITORS:
            visit = clients.visit(key, server.target)
            about = said[CLIENTS[key].name]
            rows.append(Row(situation=name, said=about, got_in=visit.got_in, words=visit.words))
        return rows
