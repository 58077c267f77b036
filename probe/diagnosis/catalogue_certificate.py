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
    "For xrdp, get a certificate with the server's name in it from an authority that clients trust (RSA of 2048 bits "
    "or more, SHA-256), set certificate and key_file in xrdp.ini to the two files, readable to the user xrdp runs as, "
    "and systemctl restart xrdp. (xrdp-keygen makes no TLS certificates.)"
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

WINDOWS_MADE = "Windows made it by itself for Remote Desktop: it lasts six months, and then Windows makes another."

CERT_SELF_SIGNED = Diagnosis(
    code="CERT_SELF_SIGNED",
    severity="info",
    summary="The server signed its certificate itself: clients cannot tell it from an impostor's.",
    causes=(
        WINDOWS_MADE,
        "The package of xrdp brought it along: on Debian it is that of ssl-cert, for the name the computer had then.",
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

CERT_UNTRUSTED = Diagnosis(
    code="CERT_UNTRUSTED",
    severity="risk",
    summary="The server's certificate leads to no authority that {by} trusts.",
    causes=(
        "An authority of the organization issued it, and its root is not installed here.",
        "The root or an authority between was replaced, and the server or this computer has the old one.",
        "Something in between inspects TLS and presents a certificate of its own authority.",
    ),
    remedies=(
        "If the authority is the organization's own, judge by its root: --ca-file ROOT.pem.",
        (
            "Give clients the root: by Group Policy (Computer Configuration, Windows Settings, Security Settings, "
            "Public Key Policies, Trusted Root Certification Authorities), or certutil -addstore Root ROOT.cer."
        ),
        "If nobody knows the authority, compare the fingerprint with that on the server before any password is typed.",
        _GIVE_WINDOWS_A_CERTIFICATE,
        _GIVE_XRDP_A_CERTIFICATE,
    ),
    user_sees=(*_IDENTITY_WARNING, "The certificate is not from a trusted certifying authority."),
    source="RFC 5280 6.1",
)

ISSUER_NOT_SENT = "The server does not send its issuing authority's certificate, which is not installed beside its own."
ROOT_NOT_HERE = "The authority is private: its root, which servers leave out, is not installed here."

CERT_CHAIN_INCOMPLETE = Diagnosis(
    code="CERT_CHAIN_INCOMPLETE",
    severity="risk",
    summary="The chain that the server sends does not lead to a root that {by} trusts: an issuer is missing.",
    causes=(ISSUER_NOT_SENT, ROOT_NOT_HERE),
    remedies=(
        "If the root is private, judge by it: --ca-file ROOT.pem, which may hold the authorities between as well.",
        (
            "On Windows import the issuing authority's certificate on the server into Cert:\\LocalMachine\\CA "
            "(certutil -addstore CA ISSUER.cer); Schannel then sends it."
        ),
        (
            "For xrdp append the issuing authorities' certificates to the file that certificate names in xrdp.ini, "
            "the server's own first, and systemctl restart xrdp."
        ),
    ),
    user_sees=(*_IDENTITY_WARNING, "The certificate is not from a trusted certifying authority."),
    source="RFC 8446 4.4.2; RFC 5246 7.4.2",
)

CERT_WEAK_KEY = Diagnosis(
    code="CERT_WEAK_KEY",
    severity="risk",
    summary="The key of a certificate that the server serves is too weak: {key}.",
    causes=(
        "The certificate is old, or was made by an old template or program.",
        "The device makes its own certificate and knows no longer key.",
    ),
    remedies=(
        "Use a key of RSA with 2048 bits or more, or ECDSA on P-256.",
        "On Windows set the key size in the certificate template (Cryptography, Minimum key size) and enroll anew.",
        _GIVE_WINDOWS_A_CERTIFICATE,
        _GIVE_XRDP_A_CERTIFICATE,
        NEW_SELF_SIGNED,
    ),
    user_sees=(),
    source="NIST SP 800-131A Rev. 2 section 3; NIST SP 800-52 Rev. 2 section 3.2; CA/B Forum BR 6.1.5",
)

CERT_WEAK_SIGNATURE = Diagnosis(
    code="CERT_WEAK_SIGNATURE",
    severity="risk",
    summary="A certificate that the server serves is signed with {digest}, which no longer protects it from forgery.",
    causes=(
        "The authority still signs as it was set up long ago.",
        "The certificate is that of an old server: Windows 7 and Server 2008 R2 sign their own with SHA-1.",
    ),
    remedies=(
        "Let the authority sign with SHA-256, and enroll the certificate anew.",
        (
            "On a Windows authority: certutil -setreg ca\\csp\\CNGHashAlgorithm SHA256, restart its service, and renew "
            "the certificates between as well."
        ),
        _GIVE_WINDOWS_A_CERTIFICATE,
        _GIVE_XRDP_A_CERTIFICATE,
    ),
    user_sees=(),
    source="RFC 9155; RFC 6151; NIST SP 800-131A Rev. 2 section 9; CA/B Forum BR 7.1.3.2",
)

CERT_USAGE_UNSUITABLE = Diagnosis(
    code="CERT_USAGE_UNSUITABLE",
    severity="breaks_some",
    summary="The server's certificate is not meant for a server: its usages are {usages}.",
    causes=(
        "It was issued by a template for users, code signing or mail, or for an authority.",
        "Remote Desktop was given the wrong one of several certificates in the store.",
    ),
    remedies=(
        (
            "Issue one with the extended key usage Server Authentication (1.3.6.1.5.5.7.3.1) or Remote Desktop "
            "Authentication (1.3.6.1.4.1.311.54.1.2), and the key usages digitalSignature and keyEncipherment."
        ),
        _GIVE_WINDOWS_A_CERTIFICATE,
        _GIVE_XRDP_A_CERTIFICATE,
    ),
    user_sees=_IDENTITY_WARNING,
    source="RFC 5280 4.2.1.3, 4.2.1.12; Microsoft: Remote Desktop listener certificate configurations",
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
