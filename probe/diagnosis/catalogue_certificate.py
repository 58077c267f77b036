"""What is said of the certificates served."""

from __future__ import annotations

from probe.diagnosis.rule import Diagnosis
from probe.diagnosis.wording import NEW_SELF_SIGNED

_GIVE_WINDOWS_A_CERTIFICATE = (
    "On Windows, enroll a certificate by Group Policy (Computer Configuration, Administrative Templates, Windows "
    "Components, Remote Desktop Services, Remote Desktop Session Host, Security, Server authentication certificate "
    "template), or set one's thumbprint in PowerShell: Get-CimInstance -Namespace root/cimv2/TerminalServices "
    "-ClassName Win32_TSGeneralSetting | Set-CimInstance -Property @{SSLCertificateSHA1Hash='THUMBPRINT'}"
)
_GIVE_XRDP_A_CERTIFICATE = (
    "For xrdp, set certificate and key_file in xrdp.ini to the new files, readable to the user xrdp runs as, and "
    "systemctl restart xrdp. (xrdp-keygen makes no TLS certificates.)"
)
_IDENTITY_WARNING = ("A warning that the identity of the remote computer cannot be verified",)

CERT_EXPIRED = Diagnosis(
    code="CERT_EXPIRED",
    severity="breaks_some",
    summary="The server's certificate ran out on {date} (whole days since then: {days}).",
    causes=(
        "Nobody renewed it: it was installed by hand, or automatic enrollment fails.",
        "It was renewed, and Remote Desktop still uses the old one.",
        "The clock of this computer is wrong.",
    ),
    remedies=(_GIVE_WINDOWS_A_CERTIFICATE, NEW_SELF_SIGNED, _GIVE_XRDP_A_CERTIFICATE),
    user_sees=("Error code: 0x1B07", *_IDENTITY_WARNING),
    source="RFC 5280 4.1.2.5",
)

CERT_NOT_YET_VALID = Diagnosis(
    code="CERT_NOT_YET_VALID",
    severity="breaks_some",
    summary="The server's certificate is valid only from {date} (whole days until then: {days}).",
    causes=(
        "The clock of the server, or of what issued the certificate, was ahead when it was made.",
        "The clock of this computer is behind.",
        "The certificate was installed too early.",
    ),
    remedies=(
        "Compare the clocks first: w32tm /query /status on Windows, timedatectl on Linux.",
        _GIVE_WINDOWS_A_CERTIFICATE,
        _GIVE_XRDP_A_CERTIFICATE,
    ),
    user_sees=_IDENTITY_WARNING,
    source="RFC 5280 4.1.2.5",
)

CERT_EXPIRES_SOON = Diagnosis(
    code="CERT_EXPIRES_SOON",
    severity="risk",
    summary="The server's certificate runs out on {date} (whole days left: {days}).",
    causes=(
        "It is near its end and has not been renewed yet.",
        "Automatic renewal fails, or Remote Desktop is not told of the new one.",
    ),
    remedies=(
        "Where Windows made the self-signed certificate by itself, it makes the next one by itself too.",
        _GIVE_WINDOWS_A_CERTIFICATE,
        _GIVE_XRDP_A_CERTIFICATE,
    ),
    source="RFC 5280 4.1.2.5",
)

CERT_SELF_SIGNED = Diagnosis(
    code="CERT_SELF_SIGNED",
    severity="info",
    summary="The server signed its certificate itself: clients cannot tell it from an impostor's.",
    causes=(
        "It is the one that Windows or the xrdp package makes when it is installed.",
        "It was made by hand.",
    ),
    remedies=(
        "Use a certificate of an authority that the clients trust, such as the domain's own.",
        _GIVE_WINDOWS_A_CERTIFICATE,
        _GIVE_XRDP_A_CERTIFICATE,
        "Where it must stay, hand its fingerprint to users by another way, so that they can compare it.",
    ),
    user_sees=_IDENTITY_WARNING,
    source="RFC 5280 3.2, 6.1",
)

CERT_NAME_MISMATCH = Diagnosis(
    code="CERT_NAME_MISMATCH",
    severity="risk",
    summary="The server's certificate is for other names than the one asked for, {asked}.",
    causes=(
        "The server is asked for by a short name, an alias or an address that the certificate does not hold.",
        "The certificate is that of another server: a load balancer, a clone, or a computer that was renamed.",
        "Something in between presents its own certificate.",
    ),
    remedies=(
        "Connect by a name that is in the certificate.",
        "Use a certificate that holds every name by which users connect, as subject alternative names.",
        _GIVE_WINDOWS_A_CERTIFICATE,
        _GIVE_XRDP_A_CERTIFICATE,
    ),
    user_sees=_IDENTITY_WARNING,
    source="RFC 9525 6",
)

CERT_MALFORMED = Diagnosis(
    code="CERT_MALFORMED",
    severity="breaks_some",
    summary="The server serves a certificate that cannot be read in full.",
    causes=(
        "The certificate was made by faulty software, or its file was damaged.",
        "Something in between makes up certificates, badly.",
        "It is a honeypot.",
    ),
    remedies=(
        "Look at the certificate with another program: openssl x509 -text, or certutil -dump.",
        _GIVE_WINDOWS_A_CERTIFICATE,
        _GIVE_XRDP_A_CERTIFICATE,
        NEW_SELF_SIGNED,
    ),
    user_sees=(),
    source="RFC 5280 4.1",
)
TWO_KEYS = "The server has a certificate for each type of key, and picks by what a client can use."
SEVERAL_SERVERS = "Several servers share the address, each with its own certificate."

CERT_VARIES = Diagnosis(
    code="CERT_VARIES",
    severity="info",
    summary="Connections to this address were served different certificates.",
    causes=(
        SEVERAL_SERVERS,
        TWO_KEYS,
        "Something in between inspects some connections and presents its own certificate.",
        "The certificate was renewed meanwhile.",
    ),
    remedies=(
        "Compare the fingerprints with the certificates that are known to belong to the server.",
        "Behind a load balancer, give all servers one certificate that holds the shared name.",
        "Exclude the port from TLS inspection: NLA does not work through it.",
    ),
    user_sees=(),
    source="observed",
)
