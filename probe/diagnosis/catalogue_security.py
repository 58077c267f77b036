"""What is said of CredSSP and of Standard RDP Security, once they are selected."""

from __future__ import annotations

from probe.diagnosis.rule import Diagnosis
from probe.diagnosis.wording import GPO_SECURITY, RDP_TCP, SOCKET_CLOSED

_ONLY_STANDARD = "The encryption level counts for Standard RDP Security alone: with TLS or NLA it is not used."

CREDSSP_ABORTED = Diagnosis(
    code="CREDSSP_ABORTED",
    severity="breaks_some",
    summary="NLA is selected, and then its first message gets no usable answer.",
    causes=(
        ("The server's authentication service fails: LSASS is overloaded, or its security packages are misconfigured."),
        "The server takes Kerberos only, and hangs up on anything else.",
        "Something in between ends TLS by itself, and does not pass CredSSP on.",
        "The server's software only claims to do NLA.",
    ),
    remedies=(
        (
            "Read the server's log at that time: System (LsaSrv, Schannel) and, under Microsoft, Windows, "
            "TerminalServices-RemoteConnectionManager and NTLM."
        ),
        "From a domain computer, connect by the server's full name, so that Kerberos can be used.",
        "Ask from the server's own network, past proxies.",
    ),
    user_sees=SOCKET_CLOSED,
    source="[MS-CSSP] 3.1.5",
)

CREDSSP_OUTDATED = Diagnosis(
    code="CREDSSP_OUTDATED",
    severity="breaks_some",
    summary=(
        "The server speaks CredSSP version {version}, from before the repair of CVE-2018-0886; updated Windows "
        "clients refuse it."
    ),
    causes=(
        "The server lacks the security updates of March 2018 and later.",
        "The server's software implements an old version of CredSSP.",
    ),
    remedies=(
        "Install the server's updates; then nothing needs to change on the clients.",
        (
            "Last resort, which lowers security: AllowEncryptionOracle 2 (Vulnerable) on a client lets it connect "
            "to such servers, and exposes its passwords to whoever sits in between. Undo it as soon as the server "
            "is updated."
        ),
    ),
    user_sees=(
        (
            "An authentication error has occurred. The function requested is not supported. This could be due to "
            "CredSSP encryption oracle remediation."
        ),
    ),
    source="[MS-CSSP] 2.2.1, 3.1.5; CVE-2018-0886",
)

NTLM_REFUSED = Diagnosis(
    code="NTLM_REFUSED",
    severity="breaks_some",
    summary="The server turns NTLM away: only clients that can use Kerberos get in.",
    causes=(
        "NTLM is restricted by policy: Network security: Restrict NTLM: Incoming NTLM traffic.",
        "The server's software offers Kerberos only.",
    ),
    remedies=(
        (
            "Connect by the server's full name and not by its address, from a computer that reaches a domain "
            "controller: then Kerberos is used."
        ),
        "See that the name is registered: setspn -Q TERMSRV/server.domain.example.",
        "From outside the domain use an RD Gateway, or a KDC proxy.",
        "Last resort, which lowers security: allow incoming NTLM on this server again.",
    ),
    user_sees=("Error code: 0x1807",),
    source="[MS-CSSP] 2.2.1 errorCode; [MS-NLMP] 3.2.5.1.1",
)

CLOCK_SKEW = Diagnosis(
    code="CLOCK_SKEW",
    severity="breaks_some",
    summary="The server's clock and this computer's are more than five minutes apart, too far for Kerberos "
    "(difference in seconds: {seconds}).",
    causes=(
        "The server does not get its time from the domain or from a time server.",
        "A virtual machine was paused or restored, and has kept the old time.",
        "This computer's own clock is wrong.",
    ),
    remedies=(
        ("See which one is wrong: w32tm /stripchart /computer:TIMESERVER /samples:3 on Windows, timedatectl on Linux."),
        (
            "Set it right on Windows: w32tm /resync, and see its source with w32tm /query /source. Members of a "
            "domain take their time from the domain."
        ),
        "Set it right on Linux: timedatectl set-ntp true.",
    ),
    source="[MS-NLMP] 2.2.2.1 MsvAvTimestamp; RFC 4120 1.6",
)

STANDARD_RDP_WEAK = Diagnosis(
    code="STANDARD_RDP_WEAK",
    severity="risk",
    summary="The server accepts Standard RDP Security ({strength}), which does not prove who the server is.",
    causes=(
        f"SecurityLayer is 0 or 1 in {RDP_TCP}, or security_layer is negotiate or rdp in xrdp.ini.",
        "The server's software is too old for anything else.",
    ),
    remedies=(
        (
            f"On Windows set {GPO_SECURITY}, Require use of specific security layer for remote (RDP) connections, to "
            "SSL (SecurityLayer 2), and require NLA. See first that all clients can do TLS."
        ),
        "For xrdp set security_layer=tls in xrdp.ini, with a certificate, and restart it.",
        (f"Where it must stay: MinEncryptionLevel 3 in {RDP_TCP}, or crypt_level=high in xrdp.ini. {_ONLY_STANDARD}"),
    ),
    source="[MS-RDPBCGR] 5.3, 5.3.2",
)

STANDARD_RDP_WEAK_KEY = Diagnosis(
    code="STANDARD_RDP_WEAK_KEY",
    severity="risk",
    summary="The RSA key of Standard RDP Security has {bits} bits, which is less than 2048.",
    causes=(
        "The key was made by old software: 512 bits were usual up to Windows Server 2003.",
        "xrdp's rsakeys.ini was made with a small key.",
    ),
    remedies=(
        "Use TLS in its place: SecurityLayer 2 on Windows, security_layer=tls for xrdp. This key is then not used.",
        (
            "For xrdp make a new one: xrdp-keygen xrdp auto 2048. It is the key of Standard RDP Security, and no "
            "TLS certificate."
        ),
    ),
    source="[MS-RDPBCGR] 2.2.1.4.3.1.1, 5.3.3.1",
)

ENCRYPTION_FIPS_ONLY = Diagnosis(
    code="ENCRYPTION_FIPS_ONLY",
    severity="breaks_some",
    summary="Under Standard RDP Security the server accepts the FIPS method alone, which many clients lack.",
    causes=(
        f"MinEncryptionLevel is 4 in {RDP_TCP}, or crypt_level=fips in xrdp.ini.",
        "System cryptography: Use FIPS compliant algorithms is enabled on the server.",
    ),
    remedies=(
        f"Let clients use TLS or NLA: SecurityLayer 2, or security_layer=tls. {_ONLY_STANDARD}",
        "Update clients that have to use Standard RDP Security to such as know the FIPS method.",
        (
            "Where no rule asks for FIPS: MinEncryptionLevel 3, or crypt_level=high. It lowers security, as RC4 "
            "replaces 3DES, and matters only without TLS."
        ),
    ),
    user_sees=("Error code: 0x506",),
    source="[MS-RDPBCGR] 5.3.1, 5.3.2",
)

ENCRYPTION_REFUSED = Diagnosis(
    code="ENCRYPTION_REFUSED",
    severity="breaks_some",
    summary="Standard RDP Security is selected, and then no encryption method that was offered is accepted.",
    causes=(
        "The encryption level demands a method that was not offered.",
        (
            "The server selects Standard RDP Security though it is not able to use it: its RSA key is missing or "
            "unreadable."
        ),
        "Something in between ends connections without TLS.",
    ),
    remedies=(
        f"Let clients use TLS or NLA: SecurityLayer 2, or security_layer=tls. {_ONLY_STANDARD}",
        (
            f"On Windows see MinEncryptionLevel in {RDP_TCP} (1 low, 2 client compatible, 3 high, 4 FIPS), and "
            "System events 50 and 56 of source TermDD."
        ),
        (
            "For xrdp see crypt_level, and that rsakeys.ini is there and readable: xrdp-keygen xrdp auto 2048 makes "
            "it anew."
        ),
    ),
    user_sees=("Error code: 0x506",),
    source="[MS-RDPBCGR] 3.3.5.3.3, 5.3.2",
)
