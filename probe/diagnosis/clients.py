"""Which of the known clients can connect: each profile walked through the facts of a stored result.

The walk is that of a connection: negotiation with the client's own requests and fallbacks, then TLS, its certificate
and CredSSP, or Standard RDP Security. It ends at the first thing that cannot be; where a fact is missing, the answer
is unknown and names it. Nothing here is asked: `--simulate` does that.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from probe.clients import CLIENTS
from probe.clients.profile import ClientProfile, CredSspProfile, Request
from probe.clients.protocol import METHODS, NTLM_REFUSALS
from probe.diagnosis.client_facts import deciding
from probe.diagnosis.client_hints import hint_for
from probe.diagnosis.client_messages import seen_by
from probe.diagnosis.client_tls import handshake
from probe.diagnosis.client_walk import (
    Outcome,
    answer_to,
    deepest,
    fails,
    missing,
    next_request,
    over,
    refused,
)
from probe.diagnosis.licensing import name_of, refusal
from probe.language import _, current
from probe.result import (
    Client,
    CredSsp,
    Licensing,
    MethodAttempt,
    Negotiation,
    Ntlm,
    Result,
    StandardCertificate,
    from_json,
    to_json,
)

_STAYED_AWAY = ("closed", "reset")
_MOST_REMEMBERED = 256  # kinds of servers, 20 kB each; of a million servers there are a few dozen kinds


def evaluate(result: Result) -> list[Client]:
    """Every known client, in the table's order; none where the target is not known to speak RDP.

    A pure function of the facts, so that results of earlier releases will do. What was measured stays as it is. Texts
    are in the language spoken now.
    """
    if result.status != "rdp":
        return []
    measured = {client.client: client for client in result.clients if client.measured}
    if measured:
        return _evaluate(result, measured)
    return [copy.copy(client) for client in _alike(to_json(deciding(result)), current())]


@lru_cache(maxsize=_MOST_REMEMBERED)
def _alike(facts: bytes, language: str) -> tuple[Client, ...]:  # noqa: ARG001  another language has other texts
    """The clients for every result that these facts, as JSON, are all there is to know of."""
    return tuple(_evaluate(from_json(facts), {}))


def _evaluate(result: Result, measured: Mapping[str, Client]) -> list[Client]:
    walked = {key: walk(profile, result) for key, profile in CLIENTS.items()}
    able = {key: _connects(CLIENTS[key], outcome, measured) for key, outcome in walked.items()}
    found = [measured.get(profile.name) or _described(profile, walked[key], able) for key, profile in CLIENTS.items()]
    names = {client.client for client in found}
    return [*found, *(client for name, client in measured.items() if name not in names)]  # of other releases


def _connects(profile: ClientProfile, outcome: Outcome, measured: Mapping[str, Client]) -> bool | None:
    return measured[profile.name].connects if profile.name in measured else outcome.connects


def _described(profile: ClientProfile, outcome: Outcome, able: Mapping[str, bool | None]) -> Client:
    failed = outcome.connects is False
    return Client(
        client=profile.name,
        connects=outcome.connects,
        fails_at=outcome.stage if failed else None,
        diagnosis=outcome.code if failed else None,
        hint=hint_for(profile, outcome, able) if failed else None,
        user_sees=seen_by(profile, outcome) if failed else None,
        protocol=outcome.protocol,
        version=outcome.version,
        cipher_suite=outcome.cipher_suite,
        because=outcome.because,
    )


def walk(profile: ClientProfile, result: Result) -> Outcome:
    """How far one client gets, after all requests that it falls back to."""
    negotiation = result.negotiation or Negotiation()
    kind = result.server.kind if result.server is not None else "unknown"
    met: list[Outcome] = []
    place: int | None = 0
    while place is not None:
        answer = answer_to(profile.requests[place], negotiation, kind)
        if answer.selected is not None:
            outcome = over(answer.selected, _secured(profile, result, answer.selected))
            outcome = _unless_troubled(profile, result, _licensed(result, outcome))
            outcome = unless_assumed(profile.requests[place], outcome)
            event = f"{'HYBRID' if answer.selected == 'HYBRID_EX' else answer.selected} failed"
        elif answer.refusal is not None:
            outcome, event = refused(profile, answer), answer.refusal
        else:
            outcome, event = missing("negotiation", answer.because), ""
        if outcome.connects is not False or outcome.stage == "licensing":  # behind security nobody falls back
            return _kept_open(met, outcome)
        met.append(outcome)
        place = next_request(profile, place, event)
    return deepest(met)


def _kept_open(met: list[Outcome], outcome: Outcome) -> Outcome:
    """Got in, or not known; a fallback that got in says what it fell back from."""
    if outcome.connects and met:
        return replace(outcome, because=_("{because}, after: {before}", because=outcome.because, before=met[0].because))
    return outcome


def _licensed(result: Result, outcome: Outcome) -> Outcome:
    """It would get in, but for what the licensing phase said; over its own protocol that counts alone."""
    if not outcome.connects:
        return outcome
    own = [entry for entry in result.licensing if entry.over == outcome.protocol and _settles(entry)]
    for entry in own or result.licensing:
        code = refusal(entry)
        if code is None:
            continue
        because = _("over {protocol} the licensing phase ends with {code}", protocol=entry.over, code=name_of(entry))
        if entry.over != outcome.protocol:  # what a logon changes of that is not known
            return replace(outcome, connects=None, stage="licensing", because=because)
        return replace(outcome, connects=False, stage="licensing", code=code, because=because)
    return outcome


def _settles(entry: Licensing) -> bool:
    return entry.answer is not None or refusal(entry) is not None


def unless_assumed(request: Request, outcome: Outcome) -> Outcome:
    """It would get in with a request of which nobody knows whether it sends it."""
    if not outcome.connects or request.documented:
        return outcome
    because = _("it was refused TLS, and whether it then asks for Standard RDP Security is not documented")
    return replace(outcome, connects=None, stage="negotiation", because=because)


def _unless_troubled(profile: ClientProfile, result: Result, outcome: Outcome) -> Outcome:
    """It would get in, but for a fault that some releases of such a server have with this client."""
    kind = result.server.kind if outcome.connects and result.server is not None else None
    methods = set(result.standard_rdp.encryption_methods) if result.standard_rdp is not None else set()
    for trouble in profile.troubles:
        if trouble.server != kind or trouble.protocol not in (None, outcome.protocol):
            continue
        if trouble.protocol != "RDP" or methods - trouble.not_with:
            return replace(outcome, connects=None, stage="encryption", because=_(trouble.words))
    return outcome


def _secured(profile: ClientProfile, result: Result, protocol: str) -> Outcome:
    """What follows once a security protocol is selected."""
    if protocol == "RDP":
        return _standard(profile, result)
    if protocol not in ("SSL", "HYBRID", "HYBRID_EX"):
        return missing("negotiation", _("{protocol} is selected, which it did not ask for", protocol=protocol))
    outcome = handshake(profile, result)
    if not outcome.connects or protocol == "SSL":
        return outcome
    inside = _credssp(profile.credssp, result)
    if inside.connects is False and profile.tls is not None and not profile.tls.documented:
        inside = missing("credssp", _("its CredSSP is not documented"))
    return replace(
        inside,
        version=outcome.version,
        cipher_suite=outcome.cipher_suite,
        because=outcome.because if inside.connects else inside.because,
    )


def _credssp(client: CredSspProfile | None, result: Result) -> Outcome:
    """CredSSP up to the point where credentials decide."""
    server = result.credssp
    if client is None:
        return fails("credssp", "NLA_REQUIRED", _("it has no CredSSP"))
    if server is None:
        return missing("credssp", _("CredSSP was not tried"))
    if server.version is None:
        return missing("credssp", _("NLA's first message got no usable answer"))
    if server.version < client.oldest_server:
        because = _("the server's TSRequest has version {version}, below 5", version=server.version)
        return fails("credssp", "CREDSSP_OUTDATED", because)
    keys = {chain.chain[0].key.type for chain in result.certificates if chain.chain and chain.chain[0].key is not None}
    if client.key_types and keys and keys.isdisjoint(client.key_types):
        because = _("its CredSSP needs a certificate with an {kind} key", kind=_(", ").join(sorted(client.key_types)))
        return fails("certificate", "NLA_REQUIRED", because)
    return _mechanism(client, server)


def _mechanism(client: CredSspProfile, server: CredSsp) -> Outcome:
    """NTLM is usable where a challenge came; that a server names it proves nothing."""
    if server.ntlm is not None and "NTLM" in client.mechanisms:
        return Outcome(connects=True, because=_("CredSSP is answered"))
    if server.ntlm is None and not _turns_ntlm_away(server):
        return missing("credssp", no_challenge(server.error))
    if "Kerberos" not in client.mechanisms:
        return fails("credssp", "NTLM_REFUSED", _("NTLM is not answered, and it has nothing else"))
    if _is_in_a_workgroup(server.ntlm):
        return fails("credssp", "NLA_REQUIRED", _("the server is in no domain, and the client has Kerberos alone"))
    return missing("credssp", _("whether the user has a Kerberos ticket for it is not known"))


def _turns_ntlm_away(server: CredSsp) -> bool:
    if server.error is not None:
        return server.error in NTLM_REFUSALS
    return bool(server.mechanisms) and "NTLM" not in server.mechanisms


def no_challenge(error: str | None) -> str:
    """Why nothing is known of NTLM though the first TSRequest was answered."""
    if error is not None:
        return _("the answer to NLA's first message holds the error {error}", error=error)
    return _("the answer to NLA's first message holds no NTLM challenge")


def _is_in_a_workgroup(ntlm: Ntlm | None) -> bool:
    """Where a server is in no domain, it names itself as its domain: [MS-NLMP] 2.2.2.1."""
    return ntlm is not None and ntlm.netbios_domain is not None and ntlm.netbios_domain == ntlm.netbios_computer


def _standard(profile: ClientProfile, result: Result) -> Outcome:
    """Standard RDP Security: an encryption method that both have."""
    server = result.standard_rdp
    if profile.methods == 0 and not (profile.tls is not None and profile.tls.documented):
        return missing("encryption", _("whether it has Standard RDP Security is not documented"))
    if profile.methods == 0:
        return fails("negotiation", "STANDARD_RDP_ONLY", _("it has no Standard RDP Security"))
    if server is None:
        return missing("encryption", _("Standard RDP Security was not tried"))
    if server.encryption_level == "NONE":
        return unencrypted(profile)
    known = [name for name in server.encryption_methods if name in METHODS]
    common = [name for name in known if METHODS[name] & profile.methods]
    if common and (doubt := without_key(profile, server.certificate)) is not None:
        return doubt
    if common:
        return Outcome(connects=True, because=_("method {method} is in common", method=common[0]))
    asked = server.methods_asked
    if known and (server.ignores_offered_methods or all(each.method is not None or _left(each) for each in asked)):
        code = "ENCRYPTION_FIPS_ONLY" if known == ["FIPS"] else "ENCRYPTION_REFUSED"
        return fails("encryption", code, _("the server takes {methods}", methods=_(", ").join(known)))
    if asked and not known and all(_left(each) for each in asked):
        return fails("encryption", "ENCRYPTION_REFUSED", _("every encryption method was refused"))
    return missing("encryption", _("which encryption methods it takes is not known"))


def unencrypted(profile: ClientProfile) -> Outcome:
    """A server that encrypts nothing."""
    if profile.unencrypted is None:
        return missing("encryption", _("nothing is encrypted, and whether it goes on without is not documented"))
    if not profile.unencrypted:
        return fails("encryption", "ENCRYPTION_REFUSED", _("nothing is encrypted, and the client cannot do without"))
    return Outcome(connects=True, because=_("nothing is encrypted"))


def without_key(profile: ClientProfile, certificate: StandardCertificate | None) -> Outcome | None:
    """A client encrypts its random number with the key in the certificate, [MS-RDPBCGR] 5.3.4."""
    if certificate is None:
        return None
    if certificate.kind == "unknown":
        return missing("encryption", _("the certificate of Standard RDP Security cannot be read"))
    if certificate.key_bits == 0:
        return fails("encryption", None, _("the certificate of Standard RDP Security holds no usable key"))
    if certificate.signature_valid is False and profile.family == "mstsc":
        return missing("encryption", _("the certificate of Standard RDP Security is signed with another key"))
    return None


def _left(attempt: MethodAttempt) -> bool:
    """The server hung up on a method."""
    return attempt.method is None and attempt.ending in _STAYED_AWAY
