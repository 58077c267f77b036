"""What is counted of results: a tag for each thing that people scan for.

Tags follow from a stored result, from its fields and the codes of its diagnoses alone: no rule is made here. They are
what the summary of a scan counts and what `rdp-probe export --only` selects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from probe.language import N_
from probe.result import Nla, Place, Result, Severity, Status
from probe.scan.work import Facts, Finished

SHARED = "cert_shared"  # the one that follows from several results
FAILED = "internal_error"

TAGS: Mapping[str, str] = {
    "rdp": N_("RDP is served"),
    "not_rdp": N_("something else answers"),
    "silent": N_("the connection is taken, and nothing is said"),
    "closed": N_("the connection is taken, and closed without an answer"),
    "refused": N_("the connection is refused"),
    "filtered": N_("the connection is not answered"),
    "unreachable": N_("the network says that there is no way"),
    "dns_error": N_("the name has no address"),
    "nla_required": N_("NLA is required"),
    "nla_offered": N_("NLA is offered, and nothing was seen that requires it"),
    "nla_missing": N_("RDP is served, and NLA is not accepted"),
    "nla_unknown": N_("RDP is served, and nothing settled whether NLA is"),
    "nla_not_enforced": N_("NLA is offered, and who does not use it is let in too"),
    "standard_rdp": N_("Standard RDP Security is accepted"),
    "tls_legacy": N_("TLS 1.1 or older is accepted"),
    "cert_expired": N_("the certificate has expired"),
    "cert_expires_soon": N_("the certificate expires in less than 30 days"),
    "cert_self_signed": N_("the certificate is its own issuer"),
    SHARED: N_("another address serves the same certificate"),
    "credssp_outdated": N_("CredSSP is older than the correction of CVE-2018-0886"),
    "unusual": N_("it behaves as few servers do: intermittent, inconsistent, several behind one address"),
    "blocker": N_("RDP is served, and no client can connect"),
    "breaks_some": N_("RDP is served, and some clients cannot connect"),
    "lost": N_("it answered, and stopped answering during the audit"),
    FAILED: N_("the audit failed by a fault of this program"),
}

# Of a client that was simulated: each with its key, as in "client_fails:mstsc-win11".
CLIENT_TAGS: Mapping[str, str] = {
    "client_connects": N_("RDP is served, and CLIENT, as --simulate names it, can connect"),
    "client_fails": N_("RDP is served, and CLIENT, as --simulate names it, cannot connect"),
    "client_unknown": N_("RDP is served, and whether CLIENT, as --simulate names it, can connect is not known"),
}
_OF_CONNECTS = {True: "client_connects", False: "client_fails", None: "client_unknown"}

_OF_NLA: Mapping[Nla, str] = {
    "required": "nla_required",
    "offered": "nla_offered",
    "unsupported": "nla_missing",
    "unknown": "nla_unknown",
}
_OF_CODE: Mapping[str, str] = {
    "NLA_NOT_ENFORCED": "nla_not_enforced",
    "STANDARD_RDP_WEAK": "standard_rdp",
    "TLS_LEGACY_VERSION": "tls_legacy",
    "CERT_EXPIRED": "cert_expired",
    "CERT_EXPIRES_SOON": "cert_expires_soon",
    "CERT_SELF_SIGNED": "cert_self_signed",
    "CREDSSP_OUTDATED": "credssp_outdated",
    "SERVER_LOST": "lost",
    "INTERMITTENT": "unusual",
    "UNOFFERED_PROTOCOL_SELECTED": "unusual",
    "NEGOTIATION_ALTERED": "unusual",
    "INCONSISTENT_FLAGS": "unusual",
    "LOAD_BALANCED": "unusual",
    "X224_MALFORMED": "unusual",
}
OUR_FAULT = "internal error"  # `limited` by it, see probe.scan.outcome
_OTHER_ISO_SERVICE = "iso-tsap"  # it confirms a connection as RDP does, and is none
_OF_SEVERITY: Mapping[Severity, str] = {"blocker": "blocker", "breaks_some": "breaks_some"}


class _Target(msgspec.Struct):
    host: str
    port: int
    address: str | None = None


class _Diagnosis(msgspec.Struct):
    code: str
    severity: Severity


class _Negotiation(msgspec.Struct):
    nla: Nla = "unknown"


class _Certificate(msgspec.Struct):
    sha256: str


class _Chain(msgspec.Struct):
    chain: list[_Certificate]


class _Simulated(msgspec.Struct):
    client: str


class _Client(msgspec.Struct):
    connects: bool | None = None


class Brief(msgspec.Struct):
    """What tags follow from, of a line of results: to be read at a fraction of what a whole result costs."""

    schema: Literal["rdp-probe/1"]
    target: _Target
    status: Status
    connections: int
    service: str | None = None
    limited: str | None = None
    negotiation: _Negotiation | None = None
    certificates: list[_Chain] = []
    simulated: list[_Simulated] = []
    clients: list[_Client] = []
    diagnoses: list[_Diagnosis] | None = None
    scan: Place | None = None

    @property
    def is_receipt(self) -> bool:
        """Whether this stands for a result that is kept elsewhere, in a part: whoever is diagnosed has a list."""
        return self.diagnoses is None


_briefly = msgspec.json.Decoder(Brief)


def read_brief(line: bytes) -> Brief:
    """What a line of results says, in brief. Raises msgspec.MsgspecError, or UnicodeDecodeError."""
    return _briefly.decode(line)


def facts_of(result: Result | Brief) -> Facts:
    """The tags of one result, the server's certificate and where it was seen, and how many connections it took."""
    if result.limited is not None and result.limited.startswith(OUR_FAULT):
        return Facts((FAILED,))  # its status is that of a target that was not asked
    tags: dict[str, None] = {result.status: None}
    if result.diagnoses is None:  # a receipt: what else there is to say, the result itself does
        return Facts((result.status,), None, result.connections)
    is_rdp = result.status == "rdp"
    if is_rdp:
        tags[_OF_NLA[result.negotiation.nla if result.negotiation is not None else "unknown"]] = None
    for found in result.diagnoses:
        if (tag := _OF_CODE.get(found.code)) is not None:
            tags[tag] = None
        if is_rdp and (tag := _OF_SEVERITY.get(found.severity)) is not None:
            tags[tag] = None
    if is_rdp and result.simulated:
        keys, connects = [each.client for each in result.simulated], [each.connects for each in result.clients]
        for key, answer in zip(keys, connects, strict=False):  # in the same order
            tags[f"{_OF_CONNECTS[answer]}:{key}"] = None
    if result.service == _OTHER_ISO_SERVICE:
        tags["unusual"] = None
    for chain in result.certificates:
        if chain.chain:
            where = result.target.address or result.target.host
            return Facts(tuple(tags), chain.chain[0].sha256, result.connections, where)
    return Facts(tuple(tags), None, result.connections)


class Shared:
    """Certificates that several addresses serve, in bounded memory: of `most` different ones, then "at least".

    A certificate is known by a hash of 64 bits, as Python makes it with a secret of its own.
    """

    def __init__(self, most: int | None = 100_000) -> None:
        self.results = 0  # results whose certificate another address serves too
        self.certificates = 0
        self.is_full = False  # one was not remembered: the numbers are at least these
        self._most = most
        self._once: dict[int, int] = {}  # certificate: the only address so far
        self._again: dict[int, int] = {}  # such a certificate: how many more results that address has, by its ports
        self._shared: set[int] = set()

    def add(self, certificate: str, host: str) -> None:
        """One more result with this certificate."""
        key, place = hash(certificate), hash(host)
        if key in self._shared:
            self.results += 1
        elif (known := self._once.get(key)) is None:
            self._remember(key, place)
        elif known == place:
            self._again[key] = self._again.get(key, 0) + 1
        else:
            del self._once[key]
            self._shared.add(key)
            self.certificates += 1
            self.results += 2 + self._again.pop(key, 0)

    def has(self, certificate: str) -> bool:
        """Whether several addresses were seen with it."""
        return hash(certificate) in self._shared

    def _remember(self, key: int, place: int) -> None:
        if self._most is not None and len(self._once) + len(self._shared) >= self._most:
            self.is_full = True
        else:
            self._once[key] = place


class Tally:
    """Adds up what came of targets, in bounded memory. It is a Watch of a course, and may be asked at any time."""

    def __init__(self) -> None:
        self.targets = 0
        self.results = 0  # a name with several addresses has one for each
        self.connections = 0
        self.shared = Shared()
        self._counts: dict[str, int] = dict.fromkeys(TAGS, 0)

    def saw(self, finished: list[Finished]) -> None:
        """These targets are done."""
        self.targets += len(finished)
        for each in finished:
            for facts in each.facts:
                self.add(facts)

    def add(self, facts: Facts) -> None:
        """One more result."""
        self.results += 1
        self.connections += facts.connections
        counts = self._counts
        for tag in facts.tags:
            counts[tag] = counts.get(tag, 0) + 1
        if facts.certificate is not None:
            self.shared.add(facts.certificate, facts.host or "")

    def count(self, tag: str) -> int:
        """How many results have a tag of TAGS, or one of a simulated client."""
        return self.shared.results if tag == SHARED else self._counts.get(tag, 0)

    def seen(self) -> Iterator[str]:
        """Every tag that a result has, those of simulated clients too."""
        return (tag for tag, count in self._counts.items() if count)

    def is_least(self, tag: str) -> bool:
        """Whether there may be more of them."""
        return tag == SHARED and self.shared.is_full
