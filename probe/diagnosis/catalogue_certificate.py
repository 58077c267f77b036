"""What is said of the time, the name and the issuer of the certificates served."""

from __future__ import annotations

from probe.diagnosis.rule import Cause, Diagnosis, Remedy, Sees
from probe.diagnosis.wording import (
    CERT_EXPIRED_TEXT,
    FREERDP_CERTIFICATE_ASKED,
    FREERDP_TLS_FAILED,
    FROM_INSIDE,
    GIVE_GNOME_A_CERTIFICATE,
    GIVE_WINDOWS_A_CERTIFICATE,
    GIVE_XRDP_A_CERTIFICATE,
    IDENTITY_WARNING,
    MAC_IDENTITY_WARNING,
    NEW_SELF_SIGNED,
    RDESKTOP_NOT_TRUSTED,
    SET_THUMBPRINT,
    UNEXPECTED_CERTIFICATE,
)

_GIVE_CERTIFICATES = (GIVE_WINDOWS_A_CERTIFICATE, SET_THUMBPRINT, GIVE_XRDP_A_CERTIFICATE, GIVE_GNOME_A_CERTIFICATE)
_WARNED = Sees(
    mstsc=(IDENTITY_WARNING,),
    windows_app=(MAC_IDENTITY_WARNING,),
    freerdp=(FREERDP_CERTIFICATE_ASKED,),
    rdesktop=(RDESKTOP_NOT_TRUSTED,),
)
_LISTENER_EVENTS = "System log: TerminalServices-RemoteConnectionManager"
_THIS_CLOCK = Cause("The clock of this computer is wrong.", "Certificates of other servers seem to be out of time too.")

RENEWAL_FAILS = Cause(
    "Windows made it by itself and could not make the next one: it may not write to MachineKeys.",
    "The System log has TerminalServices-RemoteConnectionManager 1058 or 1057.",
    on="windows",
)

CERT_EXPIRED = Diagnosis(
    code="CERT_EXPIRED",
    severity="breaks_some",
    summary="The server's certificate ran out on {date} (whole days since then: {days}).",
    title="The server's certificate has run out.",
    wire="The end of a served certificate's validity lies before the time of the audit.",
    causes=(
        Cause(
            "Nobody renewed it: it was installed by hand, or automatic enrollment fails.",
            "No newer certificate is in Cert:\\LocalMachine\\My, or in the file that xrdp.ini names.",
        ),
        RENEWAL_FAILS,
        Cause(
            "It was renewed, and Remote Desktop still uses the old one.",
            "A newer certificate is in the store, with a thumbprint other than SSLCertificateSHA1Hash.",
        ),
        _THIS_CLOCK,
    ),
    remedies=(
        Remedy(
            "On Windows let it make its own again: give SYSTEM full control and NETWORK SERVICE read access to the "
            "files that begin with f686aace in C:\\ProgramData\\Microsoft\\Crypto\\RSA\\MachineKeys, then "
            "Restart-Service SessionEnv.",
            on="windows",
            heals=(RENEWAL_FAILS,),
        ),
        GIVE_WINDOWS_A_CERTIFICATE,
        SET_THUMBPRINT,
        NEW_SELF_SIGNED,
        GIVE_XRDP_A_CERTIFICATE,
        GIVE_GNOME_A_CERTIFICATE,
    ),
    user_sees=Sees(
        mstsc=(CERT_EXPIRED_TEXT, IDENTITY_WARNING),
        windows_app=(MAC_IDENTITY_WARNING,),
        freerdp=(FREERDP_CERTIFICATE_ASKED, FREERDP_TLS_FAILED),
        rdesktop=(RDESKTOP_NOT_TRUSTED,),
    ),
    events=(f"{_LISTENER_EVENTS} 1058 or 1057",),
    source=(
        "RFC 5280 4.1.2.5; Microsoft: Troubleshoot Azure VM RDP connection issues by Event ID; Microsoft TechNet wiki "
        "37870"
    ),
)

CERT_NOT_YET_VALID = Diagnosis(
    code="CERT_NOT_YET_VALID",
    severity="breaks_some",
    summary="The server's certificate is valid only from {date} (whole days until then: {days}).",
    title="The server's certificate is not valid yet.",
    wire="The beginning of a served certificate's validity lies after the time of the audit.",
    causes=(
        _THIS_CLOCK,
        Cause(
            "The clock of the server, or of what issued the certificate, was ahead when it was made.",
            "CLOCK_SKEW is reported too, or the server's clock was set back since.",
        ),
        Cause("The certificate was installed too early.", "Its authority says that its time begins later."),
    ),
    remedies=(
        Remedy("Compare the clocks first: w32tm /query /status on Windows, timedatectl on Linux."),
        NEW_SELF_SIGNED,
        *_GIVE_CERTIFICATES,
    ),
    user_sees=Sees(
        mstsc=(CERT_EXPIRED_TEXT, IDENTITY_WARNING),
        windows_app=(MAC_IDENTITY_WARNING,),
        freerdp=(FREERDP_CERTIFICATE_ASKED,),
        rdesktop=(RDESKTOP_NOT_TRUSTED,),
    ),
    source="RFC 5280 4.1.2.5; Microsoft TechNet wiki 37870",
)

CERT_EXPIRES_SOON = Diagnosis(
    code="CERT_EXPIRES_SOON",
    severity="risk",
    summary="The server's certificate runs out on {date} (whole days left: {days}).",
    title="The server's certificate runs out soon.",
    wire="The end of a served certificate's validity is less than 30 days away.",
    causes=(
        Cause("It is near its end and has not been renewed yet.", "Earlier ones were renewed in time."),
        Cause(
            "Automatic renewal fails, or Remote Desktop is not told of the new one.",
            "A newer certificate is in the store already, or the authority has refused one.",
        ),
    ),
    remedies=(
        Remedy(
            "Where Windows made the self-signed certificate by itself, it makes the next one by itself too; see that "
            "it did.",
            on="windows",
        ),
        *_GIVE_CERTIFICATES,
    ),
    events=(f"{_LISTENER_EVENTS} 1058, where renewal fails",),
    source="RFC 5280 4.1.2.5",
)

WINDOWS_MADE = Cause(
    "Windows made it by itself for Remote Desktop: it lasts six months, and then Windows makes another.",
    "Its subject is the computer's name, and it is in the store Remote Desktop.",
    on="windows",
)

CERT_SELF_SIGNED = Diagnosis(
    code="CERT_SELF_SIGNED",
    severity="info",
    summary="The server signed its certificate itself: clients cannot tell it from an impostor's.",
    wire="The served certificate names itself as its issuer.",
    causes=(
        WINDOWS_MADE,
        Cause(
            "The package of xrdp brought it along: on Debian it is that of ssl-cert, for the name it had then.",
            "cert.pem leads to ssl-cert-snakeoil.pem.",
            on="xrdp",
        ),
        Cause("FreeRDP's server made it at its first start.", on="freerdp"),
        Cause("It was made by hand."),
    ),
    remedies=(
        Remedy("Use a certificate of an authority that the clients trust, such as the domain's own."),
        *_GIVE_CERTIFICATES,
        Remedy("Where it must stay, hand its fingerprint to users by another way, so that they can compare it."),
    ),
    user_sees=_WARNED,
    source="RFC 5280 3.2, 6.1",
)

CERT_NAME_MISMATCH = Diagnosis(
    code="CERT_NAME_MISMATCH",
    severity="risk",
    summary="The server's certificate is for other names than the one asked for, {asked}.",
    title="The server's certificate is for other names than the one asked for.",
    wire=(
        "The name asked for (or that of --server-name) was compared with the names in the certificate, and is "
        "not among them."
    ),
    causes=(
        Cause(
            "The server is asked for by a short name, an alias or an address that the certificate does not hold.",
            "The evidence names the names that would do.",
        ),
        Cause(
            "The certificate is that of another server: a load balancer, a clone, or a computer that was renamed.",
            "The NTLM challenge or the computer itself tells another name.",
        ),
        Cause(
            "Something in between presents its own certificate.",
            "From the server's own network another certificate is served.",
        ),
    ),
    remedies=(
        Remedy("Connect by a name that is in the certificate."),
        Remedy("Use a certificate that holds every name by which users connect, as subject alternative names."),
        *_GIVE_CERTIFICATES,
    ),
    user_sees=_WARNED,
    source="RFC 9525 6",
)

CERT_UNTRUSTED = Diagnosis(
    code="CERT_UNTRUSTED",
    severity="risk",
    summary="The server's certificate leads to no authority that {by} trusts.",
    title="The server's certificate leads to no authority that is trusted.",
    wire=(
        "The served chain is complete and ends at a root that the store of this computer, or --ca-file, does not hold."
    ),
    causes=(
        Cause(
            "An authority of the organization issued it, and its root is not installed here.",
            "With --ca-file and that root it is trusted.",
        ),
        Cause(
            "The root or an authority between was replaced, and the server or this computer has the old one.",
            "Computers that were updated later trust it.",
        ),
        Cause(
            "Something in between inspects TLS and presents a certificate of its own authority.",
            "From the server's own network another issuer is served.",
        ),
    ),
    remedies=(
        Remedy("If the authority is the organization's own, judge by its root: --ca-file ROOT.pem."),
        Remedy(
            "Give clients the root: by Group Policy (Computer Configuration, Windows Settings, Security Settings, "
            "Public Key Policies, Trusted Root Certification Authorities), or certutil -addstore Root ROOT.cer."
        ),
        Remedy(
            "If nobody knows the authority, compare the fingerprint with that on the server before any password is "
            "typed."
        ),
        *_GIVE_CERTIFICATES,
    ),
    user_sees=_WARNED,
    source="RFC 5280 6.1",
)

ISSUER_NOT_SENT = Cause(
    "The server does not send its issuing authority's certificate, which is not installed beside its own.",
    "Only one certificate is served.",
)
ROOT_NOT_HERE = Cause(
    "The authority is private: its root, which servers leave out, is not installed here.",
    "With --ca-file and that root the chain is whole.",
)

CERT_CHAIN_INCOMPLETE = Diagnosis(
    code="CERT_CHAIN_INCOMPLETE",
    severity="risk",
    summary="The chain that the server sends does not lead to a root that {by} trusts: an issuer is missing.",
    title="The chain that the server sends does not lead to a trusted root: an issuer is missing.",
    wire=(
        "The issuer of a served certificate is neither among those served nor in the store of this computer "
        "or --ca-file."
    ),
    causes=(ISSUER_NOT_SENT, ROOT_NOT_HERE),
    remedies=(
        Remedy(
            "On Windows import the issuing authority's certificate on the server into Cert:\\LocalMachine\\CA "
            "(certutil -addstore CA ISSUER.cer); Schannel then sends it.",
            on="windows",
            heals=(ISSUER_NOT_SENT,),
        ),
        Remedy(
            "For xrdp append the issuing authorities' certificates to the file that certificate names in xrdp.ini, "
            "the server's own first.",
            on="xrdp",
            heals=(ISSUER_NOT_SENT,),
        ),
        Remedy(
            "If the root is private, judge by it: --ca-file ROOT.pem, which may hold the authorities between as well.",
            heals=(ROOT_NOT_HERE,),
        ),
    ),
    user_sees=_WARNED,
    source="RFC 8446 4.4.2; RFC 5246 7.4.2",
)

TWO_KEYS = Cause(
    "The server has a certificate for each type of key, and picks by what a client can use.",
    "Each type of key comes with one certificate, every time.",
)
SEVERAL_SERVERS = Cause(
    "Several servers share the address, each with its own certificate.",
    "LOAD_BALANCED is reported too, or each server's own address serves one of them.",
)

CERT_VARIES = Diagnosis(
    code="CERT_VARIES",
    severity="info",
    summary="Connections to this address were served different certificates.",
    wire="TLS handshakes with the same server name were served different certificates.",
    causes=(
        SEVERAL_SERVERS,
        TWO_KEYS,
        Cause(
            "Something in between inspects some connections and presents its own certificate.",
            "One of the issuers is not known, and is not served in the server's own network.",
        ),
        Cause(
            "The certificate was renewed meanwhile.",
            "Both are for the same subject, and asked again only the newer one comes.",
        ),
    ),
    remedies=(
        Remedy("Compare the fingerprints with the certificates that are known to belong to the server."),
        FROM_INSIDE,
        Remedy("Behind a load balancer, give all servers one certificate that holds the shared name."),
        Remedy("Exclude the port from TLS inspection: NLA does not work through it."),
    ),
    user_sees=Sees(mstsc=(UNEXPECTED_CERTIFICATE,), freerdp=(FREERDP_CERTIFICATE_ASKED,)),
    source="observed; Microsoft TechNet wiki 37870",
)
