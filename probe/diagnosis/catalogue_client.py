"""What is said of a client that ended a captured connection itself. Only a capture shows these."""

from __future__ import annotations

from probe.diagnosis.rule import Cause, Diagnosis, Remedy, Sees
from probe.diagnosis.wording import (
    CERT_EXPIRED_TEXT,
    FREERDP_CERTIFICATE_ASKED,
    FREERDP_TLS_FAILED,
    GIVE_GNOME_A_CERTIFICATE,
    GIVE_WINDOWS_A_CERTIFICATE,
    GIVE_XRDP_A_CERTIFICATE,
    IDENTITY_WARNING,
    INTERNAL_ERROR,
    MAC_IDENTITY_WARNING,
    RDESKTOP_NOT_TRUSTED,
    TRY_AGAIN,
    UNEXPECTED_CERTIFICATE,
)

FREERDP_CANCELLED = "ERRCONNECT_CONNECT_CANCELLED [0x0002000B]"

NOT_TRUSTED = Cause(
    "The client does not trust who issued the certificate: it is self-signed, or the authority is not in its store.",
    "The alert is unknown_ca, or with some clients certificate_unknown or bad_certificate.",
)
OUT_OF_TIME = Cause(
    "The certificate has expired or is not yet valid by the client's clock.",
    "The alert is certificate_expired; where the certificate is valid, the client's clock is wrong.",
)
REVOKED = Cause("The certificate was revoked by its authority.", "The alert is certificate_revoked.")
UNSUITED = Cause(
    "The client's rules turn the certificate down: its name, key, signature or usage.",
    "The alert is certificate_unknown, bad_certificate, unsupported_certificate or access_denied; the findings on the "
    "certificate in this report say what may be amiss.",
)
CHANGED = Cause(
    "The server's certificate is not the one that the client has remembered.",
    "FreeRDP and rdesktop keep a list of known servers; an entry of this server has another fingerprint.",
)

CLIENT_REJECTED_CERTIFICATE = Diagnosis(
    code="CLIENT_REJECTED_CERTIFICATE",
    severity="breaks_some",
    summary="The client turned the server's certificate down: TLS alert {alert}.",
    title="The client turned the server's certificate down.",
    wire=(
        "In a capture: the client sent a TLS alert that is about the certificate (bad_certificate, "
        "unsupported_certificate, certificate_revoked, certificate_expired, certificate_unknown, unknown_ca or "
        "access_denied) before the handshake was complete."
    ),
    causes=(NOT_TRUSTED, UNSUITED, OUT_OF_TIME, CHANGED, REVOKED),
    remedies=(
        Remedy(
            "Give the server a certificate of an authority that its clients trust, with the name in it by which they "
            "connect.",
            heals=(NOT_TRUSTED, UNSUITED, OUT_OF_TIME, REVOKED),
        ),
        Remedy(
            "Where the server's authority is your own, put its root into the client's store of trusted roots.",
            heals=(NOT_TRUSTED,),
        ),
        Remedy("Set the client's clock.", heals=(OUT_OF_TIME,)),
        Remedy(
            "Compare the fingerprint with the one on the server. If it is right, delete the old entry: FreeRDP keeps "
            "known_hosts2 or the folder server in ~/.config/freerdp.",
            heals=(CHANGED,),
        ),
        GIVE_WINDOWS_A_CERTIFICATE,
        GIVE_XRDP_A_CERTIFICATE,
        GIVE_GNOME_A_CERTIFICATE,
    ),
    user_sees=Sees(
        mstsc=(UNEXPECTED_CERTIFICATE, CERT_EXPIRED_TEXT),
        windows_app=(MAC_IDENTITY_WARNING,),
        freerdp=(FREERDP_TLS_FAILED,),
        rdesktop=(RDESKTOP_NOT_TRUSTED,),
    ),
    events=("System log of the client: Schannel 36888",),
    source="RFC 8446 6.2; RFC 5246 7.2.2",
)

SERVER_TOO_OLD = Cause(
    "The server selected a version, suite or key that the client finds too weak.",
    "The alert is protocol_version, insufficient_security or handshake_failure; the handshake in this report says what "
    "was selected.",
)
HANDSHAKE_BROKEN = Cause(
    "The client could not verify or read what the server sent: the server's TLS is faulty, or the traffic was changed "
    "on the way.",
    "The alert is decrypt_error, decode_error, illegal_parameter, unexpected_message or bad_record_mac.",
)
CLIENT_BROKEN = Cause(
    "The client failed for a reason of its own.", "The alert is internal_error; other clients connect to this server."
)

CLIENT_REJECTED_TLS = Diagnosis(
    code="CLIENT_REJECTED_TLS",
    severity="breaks_some",
    summary="The client turned the server's TLS down: alert {alert}.",
    title="The client turned the server's TLS down.",
    wire=(
        "In a capture: the client sent a fatal TLS alert that is not about the certificate, such as protocol_version, "
        "handshake_failure or insufficient_security, before the handshake was complete."
    ),
    causes=(SERVER_TOO_OLD, HANDSHAKE_BROKEN, CLIENT_BROKEN),
    remedies=(
        Remedy(
            "Let the server speak TLS 1.2 or newer with ECDHE and AES-GCM, and with keys and DH parameters of 2048 "
            "bits or more; rdp-probe host on it says what it has now.",
            heals=(SERVER_TOO_OLD,),
        ),
        Remedy("Update the server's software, and the client's.", heals=(HANDSHAKE_BROKEN, CLIENT_BROKEN)),
        Remedy(
            "Capture on the server too: where the bytes differ, something in between changes them.",
            heals=(HANDSHAKE_BROKEN,),
        ),
        Remedy(
            "Read the client's log at that time: Schannel in the System log on Windows, /log-level:debug in FreeRDP."
        ),
        Remedy(
            "Last resort, which lowers security: a client that allows old TLS connects, and is open to old attacks "
            "everywhere. FreeRDP alone: /tls-seclevel:0 (version 2) or /tls:seclevel:0 (version 3).",
            lowers=True,
            heals=(SERVER_TOO_OLD,),
        ),
    ),
    user_sees=Sees(
        mstsc=(INTERNAL_ERROR, TRY_AGAIN),
        windows_app=("Error code: 0x904",),
        freerdp=(FREERDP_TLS_FAILED,),
        rdesktop=("TLS handshake failed. GnuTLS error: …",),
    ),
    events=("System log of the client: Schannel 36874, 36888",),
    source="RFC 8446 6.2; RFC 5246 7.2.2",
)

DECLINED = Cause(
    "Somebody answered No or Cancel when the client asked whether to trust the certificate.",
    "Some seconds passed between the server's last message and the end.",
)
ASKS = Cause(
    "The client ended the connection while it asked whether to trust the certificate, and comes again once it is told.",
    "Another connection of the same client follows, and goes on.",
)
SILENT_REFUSAL = Cause(
    "The client turned the certificate down by its own rules, and says so on the screen and not on the wire.",
    "It ended at once. Clients that run without a screen, and those that are set to be strict, do so.",
)
PROBED = Cause(
    "It was no client of users: a scanner or a monitor that wanted the certificate alone.",
    "The address of the client is that of such a program; it comes again and again.",
)

CLIENT_LEFT_AFTER_CERTIFICATE = Diagnosis(
    code="CLIENT_LEFT_AFTER_CERTIFICATE",
    severity="info",
    summary="The client ended the connection once it had the certificate; no TLS alert that can be read says why.",
    wire=(
        "In a capture: the server's certificate was sent, in clear or within the encrypted part of TLS 1.3. Then the "
        "client closed or reset the connection and had said nothing inside TLS, but perhaps an encrypted alert."
    ),
    causes=(DECLINED, ASKS, SILENT_REFUSAL, PROBED),
    remedies=(
        Remedy(
            "Give the server a certificate of an authority that its clients trust, with the name in it by which they "
            "connect: then nobody is asked.",
            heals=(DECLINED, ASKS, SILENT_REFUSAL),
        ),
        Remedy(
            "Until then compare the fingerprint that the client shows with the one on the server, and only then accept "
            "it.",
            heals=(DECLINED, ASKS, SILENT_REFUSAL),
        ),
        GIVE_WINDOWS_A_CERTIFICATE,
        GIVE_XRDP_A_CERTIFICATE,
        GIVE_GNOME_A_CERTIFICATE,
    ),
    user_sees=Sees(
        mstsc=(IDENTITY_WARNING,),
        windows_app=(MAC_IDENTITY_WARNING,),
        freerdp=(FREERDP_CERTIFICATE_ASKED, FREERDP_CANCELLED),
        rdesktop=(RDESKTOP_NOT_TRUSTED,),
    ),
    source="[MS-RDPBCGR] 5.4.5.1; RFC 8446 6.1",
)
