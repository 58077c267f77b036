"""What would let a client connect: the safest first, and what lowers security never alone.

A client is named in another's place only where the same result says that it connects.

Where a server demands what the client had offered, the server contradicts itself: nothing is known to help.
"""

from __future__ import annotations

from collections.abc import Mapping

from probe.clients import CLIENTS
from probe.clients.profile import ClientProfile
from probe.diagnosis.client_walk import Outcome
from probe.language import N_, _

# What a newer client of the same kind may have.
_OF_ITS_AGE = ("NLA_REQUIRED", "TLS_REQUIRED", "TLS_NO_COMMON_VERSION", "TLS_MODERN_ONLY", "TLS_NO_SHARED_CIPHER")
SERVERS: Mapping[str, str] = {
    "NLA_REQUIRED": N_("use a client that has NLA"),
    "TLS_REQUIRED": N_("use a client that has TLS"),
    "STANDARD_RDP_ONLY": N_("turn TLS on at the server, with a certificate that it can read"),
    "TLS_CERTIFICATE_MISSING": N_("give the server a certificate, and the right to read its key"),
    "INCONSISTENT_FLAGS": N_("connect without what stands in between and ends TLS by itself"),
    "USER_AUTH_REQUIRED": N_("use a client certificate, as the server demands"),
    "TLS_HANDSHAKE_ABORTED": N_("mend the server's TLS: no client gets through; its certificate and key come first"),
    "TLS_NO_COMMON_VERSION": N_("turn TLS 1.2 on at the server"),
    "TLS_MODERN_ONLY": N_("use a client that has TLS 1.3, or turn TLS 1.2 on at the server"),
    "TLS_WEAK_CIPHER": N_("add a suite with ECDHE and AES-GCM at the server, or Diffie-Hellman of 2048 bits"),
    "TLS_NO_SHARED_CIPHER": N_("add a suite with ECDHE and AES-GCM at the server"),
    "TLS_INTOLERANT": N_("mend what drops its ClientHello: the server's TLS, or a device on the way"),
    "CREDSSP_OUTDATED": N_("install the server's updates of May 2018 or later (CVE-2018-0886)"),
    "NTLM_REFUSED": N_("connect by the server's full name from a computer of its domain, so that Kerberos is used"),
    "ENCRYPTION_FIPS_ONLY": N_("turn TLS on at the server; the encryption level FIPS is for old clients only"),
    "ENCRYPTION_REFUSED": N_("turn TLS on at the server, or set its encryption level to High"),
    "LICENSING_FAILED": N_("mend the server's licensing"),
    "CONNECTION_LIMIT": N_("wait until a session ends, or end one that nobody uses"),
    "CERT_SELF_SIGNED": N_("give the server a certificate of an authority that the client trusts"),
    "CERT_NOT_YET_VALID": N_("give the server a certificate that is valid now, or set the clock that is wrong"),
    "CERT_EXPIRED": N_("give the server a new certificate"),
    "CERT_NAME_MISMATCH": N_("connect by a name that is in the certificate, or give the server one with this name"),
    "CERT_WEAK_KEY": N_("give the server a certificate with an RSA key of 2048 bits or more"),
    "CERT_WEAK_SIGNATURE": N_("give the server a certificate that is signed with SHA-256"),
}


def hint_for(profile: ClientProfile, outcome: Outcome, others: Mapping[str, bool | None]) -> str | None:
    """What to do, in the language spoken now; None where nothing is known to help.

    `others` says of clients, by their keys, whether they connect to the same server.
    """
    code = outcome.code or ""
    if outcome.stage == "negotiation" and _had_offered(profile, code):
        return None
    if code in profile.helps and others.get(profile.becomes) is not False and not outcome.nothing_served:
        return _(profile.hint)
    able = next((key for key in profile.successors if others.get(key)), None)
    if able is not None and code in _OF_ITS_AGE:
        return _("connect from {client}", client=CLIENTS[able].name)
    if code not in SERVERS:
        return None
    if profile.last_resort and code == "TLS_NO_COMMON_VERSION" and not outcome.nothing_served:
        return _("; ").join((_(SERVERS[code]), _(profile.last_resort)))
    return _(SERVERS[code])


def _had_offered(profile: ClientProfile, code: str) -> bool:
    """The server says that it demands what the client asked for."""
    return (code == "TLS_REQUIRED" and profile.tls is not None) or (
        code == "NLA_REQUIRED" and profile.credssp is not None
    )
