"""What mends a rule that failed, by its key: texts as data, for each kind of server.

A text is told where everything that it names in braces is known (`fix_facts`). A key that has no texts here, or none
for the kind of server that it is, is mended as the diagnosis says that means the same.

Sources: Microsoft: "TLS registry settings", "Manage Transport Layer Security (TLS)" and the module TLS of Windows
PowerShell (Disable-TlsCipherSuite, Disable-TlsEccCurve), policy CSPs "ADMX_TerminalServer" and
"CredentialsDelegation", "Remote Credential Guard", KB4093492, KB3080079, Win32_TSGeneralSetting; pull request 2322 of
MicrosoftDocs/windows-powershell-docs (TLS 1.0 and the Connection Broker); xrdp.ini(5); config(5) of OpenSSL, "SSL
Configuration".
"""

from __future__ import annotations

from collections.abc import Mapping

from probe.diagnosis.wording import GPO_SECURITY, NEW_SELF_SIGNED, RDP_TCP, SCHANNEL
from probe.language import N_
from probe.verify.fixes_tls import (
    DH_BITS,
    GROUPS_OFF,
    GROUPS_ON,
    NEW_STACK,
    SCHEMES,
    SERVER_ORDER,
    SUITES,
    SUITES_ON,
    VERSIONS,
    Fix,
)

_PROTOCOLS = f"{SCHANNEL}\\Protocols"
_DELEGATION = N_("Computer Configuration, Administrative Templates, System, Credentials Delegation")
_LSA = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa"


_RESTRICTED = (
    Fix(
        N_(
            "DisableRestrictedAdmin (DWORD) in {lsa}, 0 to allow Restricted Admin and Remote Credential "
            "Guard, 1 to forbid; or the policy Remote host allows delegation of nonexportable credentials in "
            "{delegation}."
        ),
        on="windows",
    ),
    Fix(
        N_(
            "What the server says here is what its release can do: some of Windows say it whatever is set, so look at "
            "DisableRestrictedAdmin itself."
        ),
        on="windows",
    ),
    Fix(N_("Only servers on Windows and some on FreeRDP have this mode."), on="linux"),
)
_SELF_SIGNED_BY_OPENSSL = Fix(
    N_(
        "On Linux: openssl req -x509 -newkey rsa:2048 -sha256 -nodes -days 365 -keyout key.pem -out cert.pem; then "
        "name both files to the server: certificate and key_file in xrdp.ini, grdctl rdp set-tls-cert and set-tls-key "
        "for GNOME."
    ),
    on="linux",
)
_CERTIFICATE_ELSE = Fix(
    N_("Have the certificate issued anew so that it is as demanded: {value}; its template or request decides.")
)
_PROTOCOLS_BY = (
    Fix(
        N_(
            "SecurityLayer (0: Standard RDP Security alone, 1: what the client has, 2: TLS) and "
            "UserAuthentication (1: NLA alone) in {rdp_tcp} decide which protocols there are, or the policies of the "
            "same meaning in {security}."
        ),
        on="windows",
    ),
    Fix(N_("In xrdp.ini security_layer decides: tls, rdp or negotiate. It has no NLA."), on="xrdp"),
    Fix(
        N_(
            "FreeRDP's server: start it with /sec:nla, /sec:tls or /sec:rdp, or with +sec-NAME and -sec-NAME for each. "
            "GNOME Remote Desktop has NLA alone."
        ),
        on="freerdp",
    ),
)
FIXES: Mapping[str, tuple[Fix, ...]] = {  # by key, or where the value decides what to do, by "key=value"
    "protocols.required": _PROTOCOLS_BY,
    "protocols.forbidden": _PROTOCOLS_BY,
    "protocols.nla=unsupported": _PROTOCOLS_BY,
    "protocols.direct_tls": (
        Fix(
            N_(
                "No setting of Windows, xrdp or FreeRDP turns TLS without X.224 on or off: it is a gateway, a load "
                "balancer or a tunnel on this port that takes it; see what listens there."
            )
        ),
    ),
    "protocols.restricted_admin": _RESTRICTED,
    "protocols.remote_credential_guard": _RESTRICTED,
    "tls.min_version": VERSIONS,
    "tls.max_version": VERSIONS,
    "tls.required_versions": VERSIONS,
    "tls.forbidden_versions": VERSIONS,
    "tls.allowed_suites": SUITES,
    "tls.forbidden_suites": SUITES,
    "tls.required_suites": SUITES_ON,
    "tls.allowed_groups": GROUPS_OFF,
    "tls.forbidden_groups": GROUPS_OFF,
    "tls.required_groups": GROUPS_ON,
    "tls.min_dh_bits": DH_BITS,
    "tls.forbidden_schemes": SCHEMES,
    "tls.server_order": SERVER_ORDER,
    "tls.tolerant": (),
    "certificate.self_signed=True": (Fix(NEW_SELF_SIGNED.text, on="windows"), _SELF_SIGNED_BY_OPENSSL),
    "certificate.key_usage": (_CERTIFICATE_ELSE,),
    "certificate.extended_key_usage": (_CERTIFICATE_ELSE,),
    "certificate.max_days_valid": (
        Fix(
            N_(
                "Have the certificate issued anew for {value} days at most: on a Windows authority the validity period "
                "of its template decides, otherwise the days of the request."
            )
        ),
    ),
    "certificate.spki_sha256": (
        Fix(
            N_(
                "If nobody renewed the key, find out who answers here before any password is typed; if somebody did, "
                "put the new value into the policy."
            )
        ),
    ),
    "server.kind": (
        Fix(
            N_(
                "See whether this is the machine that was meant, and what listens on its port; if it is, the policy's "
                "list is what must change."
            )
        ),
    ),
    "udp.state=closed": (
        Fix(
            N_(
                "By Group Policy: Computer Configuration, Administrative Templates, Windows Components, "
                "Remote Desktop Services, Remote Desktop Session Host, Connections, Select RDP transport protocols, "
                "set to Use only TCP; then restart."
            ),
            on="windows",
        ),
        Fix(
            N_(
                "Or close it in the firewall of Windows, in PowerShell: Disable-NetFirewallRule -Name "
                "RemoteDesktop-UserMode-In-UDP; and UDP 3389 in firewalls between."
            ),
            on="windows",
        ),
        Fix(N_("xrdp, FreeRDP and GNOME serve no UDP: see what else answers there (ss -lunp)."), on="linux"),
    ),
    "clients.must_not_connect": (
        Fix(
            N_(
                "Raise what the server demands until they fail: NLA keeps out those without CredSSP, TLS 1.2 those "
                "with older TLS alone; --what-if shows whom a change would cut off."
            )
        ),
    ),
    "fact": (
        Fix(
            N_(
                "The policy compares a field of the result itself: --json of rdp-probe host shows it, and rdp-probe "
                "schema says what it means."
            )
        ),
    ),
}
# Every feature that a policy may demand and that no setting of its own changes.
FEATURES = NEW_STACK
# Whose remedies mend a key, beside its texts here; the check's own diagnosis goes before these.
CODES: Mapping[str, tuple[str, ...]] = {
    "protocols.required": ("STANDARD_RDP_ONLY", "NLA_UNSUPPORTED"),
    "protocols.forbidden": ("STANDARD_RDP_WEAK", "NLA_NOT_ENFORCED"),
    "protocols.nla": ("NLA_UNSUPPORTED", "NLA_NOT_ENFORCED"),
    "tls.tolerant": ("TLS_INTOLERANT",),
    "certificate.trusted": ("CERT_UNTRUSTED",),
    "certificate.self_signed": ("CERT_SELF_SIGNED",),
    "certificate.name_match": ("CERT_NAME_MISMATCH",),
    "certificate.names": ("CERT_NAME_MISMATCH",),
    "certificate.key_types": ("CERT_WEAK_KEY",),
    "certificate.min_rsa_bits": ("CERT_WEAK_KEY",),
    "certificate.min_ec_bits": ("CERT_WEAK_KEY",),
    "certificate.allowed_signatures": ("CERT_WEAK_SIGNATURE",),
    "certificate.forbidden_signatures": ("CERT_WEAK_SIGNATURE",),
    "certificate.min_days_left": ("CERT_EXPIRES_SOON",),
    "certificate.extended_key_usage": ("CERT_USAGE_UNSUITABLE",),
    "certificate.key_usage": ("CERT_USAGE_UNSUITABLE",),
    "certificate.same_everywhere": ("CERT_VARIES",),
    "credssp.min_version": ("CREDSSP_OUTDATED",),
    "credssp.mechanisms": ("NTLM_REFUSED",),
    "credssp.max_clock_skew_s": ("CLOCK_SKEW",),
    "standard_rdp.min_encryption_level": ("STANDARD_RDP_WEAK",),
    "standard_rdp.forbidden_methods": ("STANDARD_RDP_WEAK",),
    "standard_rdp.min_key_bits": ("STANDARD_RDP_WEAK_KEY",),
    "udp.state=open": ("UDP_UNREACHABLE",),
    "clients.must_connect": ("TLS_NO_COMMON_VERSION", "NLA_REQUIRED"),
    "diagnoses.forbidden": (),
    "diagnoses.worst": (),
}
ELSEWHERE = N_(
    "No setting for this is known of such a server: see the documentation of its makers, or of the device in between "
    "that ends TLS."
)
PLACES: Mapping[str, str] = {
    "protocols": _PROTOCOLS,
    "schannel": SCHANNEL,
    "lsa": _LSA,
    "delegation": _DELEGATION,
    "rdp_tcp": RDP_TCP,
    "security": GPO_SECURITY,
}
