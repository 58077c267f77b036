"""The causes that stand behind messages, each with what tells it apart and the diagnosis that proves it."""

from __future__ import annotations

from probe.explain.explanation import Suspect

# The connection
NAME = Suspect(
    "The name does not resolve, or not where you are.", "Its address works where the name does not.", "DNS_FAILED"
)
REFUSED = Suspect(
    "Nothing listens there: Remote Desktop is off, its service has stopped, or it has another port.",
    "The connection is refused at once.",
    "TCP_REFUSED",
)
FILTERED = Suspect(
    "A firewall drops the connection, or the computer is off or asleep.", "Nothing comes back at all.", "TCP_TIMEOUT"
)
NO_ROUTE = Suspect(
    "There is no way to that network: a VPN that is not connected, say.",
    "The network itself reports it as unreachable.",
    "TCP_UNREACHABLE",
)
RESET_EARLY = Suspect(
    "Something resets the connection before a word is said: a filter, or a program that protects against attacks.",
    "TCP opens and dies before any byte arrives.",
    "TCP_RESET",
)
OTHER_SERVICE = Suspect(
    "Another program holds the port.", "What answers is not RDP, and is named where it can be.", "NOT_RDP"
)
CLOSED_EARLY = Suspect(
    "The server closes at the first request: it may filter, be at a limit, or be starting or stopping.",
    "The connection is accepted and then closed without a reply.",
    "X224_CLOSED",
)
SILENT = Suspect(
    "The listener hangs: it takes the connection and never answers.",
    "The connection is accepted and then there is silence.",
    "X224_SILENT",
)
BROKEN_REPLY = Suspect(
    "What answers speaks a broken RDP: a wrapper, a patched service or a device in between.",
    "The reply to the first request cannot be read.",
    "X224_MALFORMED",
)
UNSTEADY = Suspect(
    "The server or the way to it is unsteady.", "The same request ends differently when repeated.", "INTERMITTENT"
)
SEVERAL = Suspect(
    "Several servers answer under this name, and one of them may be ill.",
    "Certificates, names or builds differ from connection to connection.",
    "LOAD_BALANCED",
)
NETWORK = Suspect(
    "The network broke off: Wi-Fi, a VPN, NAT or a firewall that forgets idle connections.",
    "It happens in the middle of a session and to other programs too. This cannot be seen from outside.",
)

# Negotiation
NEEDS_NLA = Suspect(
    "The server requires NLA: a client that has none, or has it switched off, is turned away.",
    "Requests without CredSSP are answered with failure 5, HYBRID_REQUIRED_BY_SERVER.",
    "NLA_REQUIRED",
)
NO_NLA = Suspect(
    "The server has no NLA: a client that insists on it fails.",
    "HYBRID is turned away; xrdp has no NLA at all.",
    "NLA_UNSUPPORTED",
)
NEEDS_TLS = Suspect(
    "The server requires TLS, though not NLA: a client that offers only Standard RDP Security is turned away.",
    "A request without TLS is answered with failure 1, SSL_REQUIRED_BY_SERVER.",
    "TLS_REQUIRED",
)
ONLY_STANDARD = Suspect(
    "The server has only Standard RDP Security: a client that insists on TLS or NLA fails.",
    "TLS is answered with failure 2, SSL_NOT_ALLOWED_BY_SERVER, or by selecting RDP.",
    "STANDARD_RDP_ONLY",
)
NO_CERTIFICATE = Suspect(
    "The server has no certificate that it can use for TLS.",
    "TLS is answered with failure 3, SSL_CERT_NOT_ON_SERVER.",
    "TLS_CERTIFICATE_MISSING",
)
FLAGS = Suspect(
    "TLS was begun before the negotiation, or something changed the negotiation's flags.",
    "The answer is failure 4, INCONSISTENT_FLAGS.",
    "INCONSISTENT_FLAGS",
)
CLIENT_CERTIFICATE = Suspect(
    "The server wants the client to authenticate itself by a certificate in TLS.",
    "The answer is failure 6, SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER.",
    "USER_AUTH_REQUIRED",
)
ALTERED = Suspect(
    "Something in between rewrites the negotiation.",
    "The server says that it was asked for something else than was sent.",
    "NEGOTIATION_ALTERED",
)
UNOFFERED = Suspect(
    "The server selects a protocol that the client did not offer.",
    "The selected protocol is none of those requested.",
    "UNOFFERED_PROTOCOL_SELECTED",
)
OLD_SERVER = Suspect(
    "The server is old and knows neither TLS nor NLA.",
    "Its answer carries no negotiation at all.",
    "NEGOTIATION_UNSUPPORTED",
)

# TLS and certificates
TLS_DIES = Suspect(
    "The server breaks off every TLS handshake: mostly it cannot use its certificate's private key, or "
    "TLS is disabled on it.",
    "TLS is selected and then every handshake dies; Schannel 36870 or 36871 in its System log.",
    "TLS_HANDSHAKE_ABORTED",
)
TLS_OLD = Suspect(
    "The server offers only versions of TLS that current clients refuse.",
    "It completes TLS 1.1 or older, and neither 1.2 nor 1.3.",
    "TLS_NO_COMMON_VERSION",
)
TLS_NEW = Suspect(
    "The server takes only TLS 1.3, which older clients do not have.", "It completes TLS 1.3 alone.", "TLS_MODERN_ONLY"
)
TLS_SUITES = Suspect(
    "Client and server have a version of TLS in common, but no cipher suite.",
    "--depth full lists the server's suites; Schannel 36874 in its System log.",
    "TLS_NO_SHARED_CIPHER",
)
TLS_PICKY = Suspect(
    "The server, or a device before it, drops the hellos of newer clients.",
    "One legal hello is answered and another is dropped.",
    "TLS_INTOLERANT",
)
EXPIRED = Suspect("The server's certificate has expired.", "Its last day is in the report.", "CERT_EXPIRED")
NOT_YET = Suspect(
    "The server's certificate is not valid yet.",
    "Its first day is in the report.",
    "CERT_NOT_YET_VALID",
)
SELF_SIGNED = Suspect(
    "The server signed its certificate itself, as Windows does where nobody gives it one.",
    "Issuer and subject are the same.",
    "CERT_SELF_SIGNED",
)
UNTRUSTED = Suspect(
    "The certificate comes from an authority that the client does not trust.",
    "Its chain ends in a root that is not in the store; --ca-file judges by another root.",
    "CERT_UNTRUSTED",
)
CHAIN = Suspect(
    "The server leaves out an intermediate certificate.", "The missing issuer is named.", "CERT_CHAIN_INCOMPLETE"
)
WRONG_NAME = Suspect(
    "The certificate is for another name than the one that was connected to.",
    "The names in it are listed; an address is rarely among them.",
    "CERT_NAME_MISMATCH",
)
USAGE = Suspect(
    "The certificate is not meant for servers.", "Its extended key usage is in the report.", "CERT_USAGE_UNSUITABLE"
)
WEAK_KEY = Suspect("The certificate's key is too short.", "Its size is in the report.", "CERT_WEAK_KEY")
VARIES = Suspect(
    "Different servers, or an inspecting device, show different certificates.",
    "Connections are served different certificates.",
    "CERT_VARIES",
)
REVOKED = Suspect(
    "The certificate was revoked, or its revocation list cannot be reached from the client.",
    "The client's CAPI2 log says so. It depends on the client's network and cannot be seen from outside.",
)

# Standard RDP Security
NO_METHOD = Suspect(
    "The server takes none of the encryption methods of Standard RDP Security that clients offer.",
    "Each method is offered alone and none is taken.",
    "ENCRYPTION_REFUSED",
)
FIPS_ONLY = Suspect(
    "The server's encryption level is FIPS Compliant, which some clients do not have.",
    "Only the FIPS method is taken.",
    "ENCRYPTION_FIPS_ONLY",
)
STANDARD_ACCEPTED = Suspect(
    "Standard RDP Security is accepted at all, or at a weak level.",
    "RDP is accepted beside TLS; the report shows the level and the methods.",
    "STANDARD_RDP_WEAK",
)
STANDARD_KEY = Suspect(
    "The server's certificate of Standard RDP Security is damaged or its key too short.",
    "The report shows its kind, its key's size and whether its signature is valid.",
    "STANDARD_RDP_WEAK_KEY",
)

# CredSSP, NTLM and Kerberos
CREDSSP_OLD = Suspect(
    "The server lacks the update for CVE-2018-0886 and patched clients refuse it.",
    "Its CredSSP version is below 5.",
    "CREDSSP_OUTDATED",
)
CREDSSP_DIES = Suspect(
    "The server takes NLA and then breaks off the authentication.",
    "The first CredSSP message gets no usable answer.",
    "CREDSSP_ABORTED",
)
NO_NTLM = Suspect(
    "The server turns NTLM away, and Kerberos needs its host name and a domain controller within reach.",
    "NTLM is answered with an error such as STATUS_NTLM_BLOCKED.",
    "NTLM_REFUSED",
)
CLOCK = Suspect(
    "The clocks of client and server are more than five minutes apart.",
    "The server's clock is in its NTLM challenge.",
    "CLOCK_SKEW",
)
CLIENT_UNPATCHED = Suspect(
    "The client lacks that update, and the server's policy is Force Updated Clients.",
    "The server's CredSSP version is current, so it is the client. The policy itself cannot be seen from outside.",
)
CLIENT_POLICY = Suspect(
    "A policy on the client forbids it.",
    "gpresult /h on the client shows it. This cannot be seen from outside.",
)
NO_DC = Suspect(
    "Client or server cannot reach a domain controller, or the trust between them is broken.",
    "nltest /sc_verify:DOMAIN on both computers tells. This cannot be seen from outside.",
)
NO_TRUST = Suspect(
    "The trust between the computer and its domain, or between the domains, is broken.",
    "Test-ComputerSecureChannel on the server, or nltest /sc_verify:DOMAIN. This cannot be seen from outside.",
)
WRONG_PASSWORD = Suspect(
    "The user name, its domain or the password is wrong.",
    "The server's Security log has event 4625 with the reason. Without logging on this cannot be seen from outside.",
)
ACCOUNT = Suspect(
    "It is the account: its state, its restrictions or its rights.",
    "The server's Security log has event 4625 with the reason. Without logging on this cannot be seen from outside.",
)

# Licensing and sessions
LICENSE = Suspect(
    "The server has no license to give: its grace period is over, or it finds no license server.",
    "Asked with --licensing, it answers that phase with an error.",
    "LICENSING_FAILED",
)
LIMIT = Suspect(
    "The server has as many connections as it allows.",
    "Asked with --licensing, it may say so by a code; a mere close proves nothing, and the limit of two sessions for "
    "administration shows only at a logon.",
    "CONNECTION_LIMIT",
)
LICENSE_STORE = Suspect(
    "The client's stored license is damaged, or the client may not write its license store.",
    "Other computers can connect; started once as administrator the client writes a new one. This cannot be seen "
    "from outside.",
)
LICENSE_CERTIFICATE = Suspect(
    "The license certificates in the server's registry are damaged (values X509 Certificate* under Terminal "
    "Server\\RCM).",
    "All clients are refused while a license server is within reach. The registry cannot be seen from outside.",
)
STALE_SESSION = Suspect(
    "The server has not noticed that the client is gone, and the old session stays active.",
    "qwinsta on the server shows it as Active. This cannot be seen from outside.",
)
ADMINISTRATOR = Suspect(
    "Somebody or something ended the session: an administrator, another logon, a limit, a restart.",
    "Events 24, 25, 39 and 40 of TerminalServices-LocalSessionManager on the server say which. This cannot be seen "
    "from outside.",
)
CRASH = Suspect(
    "A program or display driver of the session failed on the server.",
    "The server's Application and System logs at that time. This cannot be seen from outside.",
)
MEMORY = Suspect("That computer has run out of memory.", "Its Task Manager tells. This cannot be seen from outside.")

# Elsewhere
GATEWAY = Suspect(
    "It lies with the RD Gateway and not with the computer behind it.",
    "The computer answers when it is asked directly, from a network that reaches it.",
)
BROKER = Suspect(
    "It lies with the Connection Broker or the virtual machine that it starts.",
    "Each session host answers when it is asked by its own name.",
)
CLIENT_FAULT = Suspect(
    "It lies with the client or its settings.",
    "Another client connects from the same place. This cannot be seen from outside.",
)
OTHER_TLS = Suspect(
    "It is not Remote Desktop at all: Schannel logs for every program that uses TLS.",
    "The time of the entry differs from that of a connection attempt.",
)
SCANNER = Suspect(
    "It was a scanner, a monitor or a stray connection, and no client.",
    "The address in the log is nobody's client, and users notice nothing.",
)
