"""What is said of how the certificates served are made: their form, key, signature and purpose."""

from __future__ import annotations

from probe.diagnosis.rule import Cause, Diagnosis, Remedy, Sees
from probe.diagnosis.wording import (
    FREERDP_TLS_FAILED,
    GIVE_GNOME_A_CERTIFICATE,
    GIVE_WINDOWS_A_CERTIFICATE,
    GIVE_XRDP_A_CERTIFICATE,
    IDENTITY_WARNING,
    INTERNAL_ERROR,
    NEW_SELF_SIGNED,
    RDESKTOP_NOT_TRUSTED,
    SET_THUMBPRINT,
)

_GIVE_CERTIFICATES = (GIVE_WINDOWS_A_CERTIFICATE, SET_THUMBPRINT, GIVE_XRDP_A_CERTIFICATE, GIVE_GNOME_A_CERTIFICATE)
_MAC_PROTOCOL_ERROR = "Protocol error. Error code: 0x2104"

CERT_MALFORMED = Diagnosis(
    code="CERT_MALFORMED",
    severity="breaks_some",
    summary="The server serves a certificate that cannot be read in full.",
    wire="A served certificate breaks the rules of its encoding (DER), so that parts of it cannot be read.",
    causes=(
        Cause(
            "The certificate was made by faulty software, or its file was damaged.",
            "It is as broken in the file on the server.",
        ),
        Cause(
            "Something in between makes up certificates, badly.",
            "From the server's own network a good one is served.",
        ),
        Cause("It is a honeypot.", "Other answers of it do not fit together either."),
    ),
    remedies=(
        Remedy("Look at the certificate with another program: openssl x509 -text, or certutil -dump."),
        NEW_SELF_SIGNED,
        *_GIVE_CERTIFICATES,
    ),
    user_sees=Sees(mstsc=(INTERNAL_ERROR,), windows_app=(_MAC_PROTOCOL_ERROR,), freerdp=(FREERDP_TLS_FAILED,)),
    source="RFC 5280 4.1; xrdp issue 1922",
)

CERT_WEAK_KEY = Diagnosis(
    code="CERT_WEAK_KEY",
    severity="risk",
    summary="The key of a certificate that the server serves is too weak: {key}.",
    title="The key of a certificate that the server serves is too weak.",
    wire="The key in a served certificate is RSA of less than 2048 bits, a curve of less than 224, or DSA.",
    causes=(
        Cause("The certificate is old, or was made by an old template or program.", "Its first day is years ago."),
        Cause(
            "The device makes its own certificate and knows no longer key.",
            "A new one that it makes is as short.",
        ),
    ),
    remedies=(
        Remedy("Use a key of RSA with 2048 bits or more, or ECDSA on P-256 (rdesktop knows RSA alone)."),
        Remedy(
            "On Windows set the key size in the certificate template (Cryptography, Minimum key size) and enroll anew.",
            on="windows",
        ),
        NEW_SELF_SIGNED,
        *_GIVE_CERTIFICATES,
    ),
    user_sees=Sees(mstsc=(INTERNAL_ERROR,), windows_app=(_MAC_PROTOCOL_ERROR,), freerdp=(FREERDP_TLS_FAILED,)),
    source=(
        "NIST SP 800-131A Rev. 2 section 3; NIST SP 800-52 Rev. 2 section 3.2; CA/B Forum BR 6.1.5; Microsoft KB2661254"
    ),
)

OLD_WINDOWS_SIGNED = Cause(
    "The server made and signed it by itself, as Windows 7 and Server 2008 R2 do with SHA-1.", on="windows"
)
MADE_BY_HAND = Cause("The server, or a person, made and signed it by itself with an old program or digest.")
AUTHORITY_SIGNS_SO = Cause(
    "The authority still signs as it was set up long ago.", "Other certificates of it are signed alike."
)

CERT_WEAK_SIGNATURE = Diagnosis(
    code="CERT_WEAK_SIGNATURE",
    severity="risk",
    summary="A certificate that the server serves is signed with {digest}, {harm}.",
    title="A certificate that the server serves is signed with a digest that is no longer safe.",
    wire="A served certificate, other than a root above the server's, is signed with MD2, MD4, MD5 or SHA-1.",
    causes=(AUTHORITY_SIGNS_SO, OLD_WINDOWS_SIGNED, MADE_BY_HAND),
    remedies=(
        Remedy(
            "On a Windows authority: certutil -setreg ca\\csp\\CNGHashAlgorithm SHA256, restart its service, and renew "
            "the certificates between as well; then enroll the server's anew.",
            heals=(AUTHORITY_SIGNS_SO,),
        ),
        Remedy(
            "On Windows 7 and Server 2008 R2 give Remote Desktop a certificate of an authority, which signs with "
            "SHA-256; their own go on with SHA-1.",
            on="windows",
            heals=(OLD_WINDOWS_SIGNED,),
        ),
        Remedy(
            "Make it anew with SHA-256: openssl req -x509 -newkey rsa:2048 -sha256 -nodes -days 365 -keyout key.pem "
            "-out cert.pem.",
            heals=(MADE_BY_HAND,),
        ),
        *_GIVE_CERTIFICATES,
    ),
    user_sees=Sees(windows_app=(_MAC_PROTOCOL_ERROR,), freerdp=(FREERDP_TLS_FAILED,)),
    source="RFC 9155; RFC 6151; NIST SP 800-131A Rev. 2 section 9; CA/B Forum BR 7.1.3.2",
)

CERT_USAGE_UNSUITABLE = Diagnosis(
    code="CERT_USAGE_UNSUITABLE",
    severity="breaks_some",
    summary="The server's certificate is not meant for a server: its usages are {usages}.",
    title="The server's certificate is not meant for a server.",
    wire="A served certificate lists usages, and those of a TLS server are not among them.",
    causes=(
        Cause(
            "Remote Desktop was given the wrong one of several certificates in the store.",
            "Another one in Cert:\\LocalMachine\\My is for Server Authentication.",
            on="windows",
        ),
        Cause(
            "It was issued by a template for users, code signing or mail, or for an authority.",
            "The usages in the evidence are those of that template.",
        ),
    ),
    remedies=(
        Remedy(
            "Issue one with the extended key usage Server Authentication (1.3.6.1.5.5.7.3.1) or Remote Desktop "
            "Authentication (1.3.6.1.4.1.311.54.1.2), and the key usages digitalSignature and keyEncipherment. Clients "
            "on OpenSSL refuse the second alone."
        ),
        *_GIVE_CERTIFICATES,
    ),
    user_sees=Sees(
        mstsc=(IDENTITY_WARNING,),
        windows_app=(_MAC_PROTOCOL_ERROR,),
        freerdp=(FREERDP_TLS_FAILED,),
        rdesktop=(RDESKTOP_NOT_TRUSTED,),
    ),
    events=("System log: TerminalServices-RemoteConnectionManager 1054",),
    source=(
        "RFC 5280 4.2.1.3, 4.2.1.12; Microsoft: Remote Desktop listener certificate configurations; FreeRDP issue 6122"
    ),
)
