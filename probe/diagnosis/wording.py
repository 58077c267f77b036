"""Places in Windows and messages of clients that more than one diagnosis names."""

from __future__ import annotations

from collections.abc import Sequence

from probe.diagnosis.rule import Remedy, Sees
from probe.language import N_, _

GPO_SECURITY = N_(
    "Computer Configuration, Administrative Templates, Windows Components, Remote Desktop Services, Remote Desktop "
    "Session Host, Security"
)
TERMINAL_SERVER = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server"
RDP_TCP = f"{TERMINAL_SERVER}\\WinStations\\RDP-Tcp"
SCHANNEL = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL"
LISTENER = (
    "Get-CimInstance -Namespace root/cimv2/TerminalServices -ClassName Win32_TSGeneralSetting -Filter "
    "\"TerminalName='RDP-Tcp'\""
)
TLS_BY_POLICY = Remedy(
    f"On Windows require TLS, once all clients can do it: {GPO_SECURITY}, Require use of specific security layer for "
    f"remote (RDP) connections, set to SSL; or SecurityLayer 2 in {RDP_TCP}.",
    on="windows",
)
TLS_BY_POWERSHELL = Remedy(
    f"In PowerShell on Windows, to require TLS: {LISTENER} | Invoke-CimMethod -MethodName SetSecurityLayer -Arguments "
    "@{SecurityLayer=2}",
    on="windows",
)
NLA_BY_POLICY = Remedy(
    f"On Windows require NLA, once all clients can do it: {GPO_SECURITY}, Require user authentication for remote "
    f"connections by using Network Level Authentication, set to Enabled; or UserAuthentication 1 in {RDP_TCP}.",
    on="windows",
)
NLA_BY_POWERSHELL = Remedy(
    f"In PowerShell on Windows, to require NLA: {LISTENER} | Invoke-CimMethod -MethodName "
    "SetUserAuthenticationRequired -Arguments @{UserAuthenticationRequired=1}",
    on="windows",
)
TLS_BY_XRDP = Remedy(
    "For xrdp let its user read certificate and key_file (on Debian and Ubuntu with the packaged certificate: adduser "
    "xrdp ssl-cert), set security_layer=tls in xrdp.ini, so that it never falls back, and systemctl restart xrdp.",
    on="xrdp",
)
NLA_BY_FREERDP = Remedy(
    "FreeRDP's server (freerdp-shadow-cli): start it with /sec:nla /sam-file:FILE. FILE holds the accounts, each a "
    "line that winpr-hash -u USER -p PASSWORD -f sam prints.",
    on="freerdp",
)
NEW_SELF_SIGNED = Remedy(
    "For a new self-signed one on Windows, in PowerShell as administrator: Get-ChildItem 'Cert:\\LocalMachine\\Remote "
    "Desktop' | Remove-Item, then Restart-Service SessionEnv; Windows then makes another.",
    on="windows",
)

FREERDP_NAME_NOT_FOUND = "ERRCONNECT_DNS_NAME_NOT_FOUND [0x00020005]"
FREERDP_CONNECT_FAILED = "ERRCONNECT_CONNECT_FAILED [0x00020006]"
FREERDP_MCS_FAILED = "ERRCONNECT_MCS_CONNECT_INITIAL_ERROR [0x00020007]"
FREERDP_TLS_FAILED = "ERRCONNECT_TLS_CONNECT_FAILED [0x00020008]"
FREERDP_AUTHENTICATION_FAILED = "ERRCONNECT_AUTHENTICATION_FAILED [0x00020009]"
FREERDP_NO_PROTOCOL = "ERRCONNECT_SECURITY_NEGO_CONNECT_FAILED [0x0002000C]"
FREERDP_TRANSPORT_FAILED = "ERRCONNECT_CONNECT_TRANSPORT_FAILED [0x0002000D]"
FREERDP_NLA_REQUIRED = "ERRCONNECT_HYBRID_REQUIRED_BY_SERVER [0x0002001E]"

CANNOT_CONNECT = (
    "Remote Desktop can't connect to the remote computer for one of these reasons: 1) Remote access to the server is "
    "not enabled 2) The remote computer is turned off 3) The remote computer is not available on the network. Error "
    "code: 0x204"
)
MAC_CANNOT_CONNECT = (
    "We couldn't connect to the remote PC. Make sure the PC is turned on and connected to the network, and that remote "
    "access is enabled. Error code: 0x204"
)
TRY_AGAIN = (
    "This computer can't connect to the remote computer. Try connecting again. If the problem continues, contact the "
    "owner of the remote computer or your network administrator. Error code: 0x904"
)
INTERNAL_ERROR = "An internal error has occurred."
PROTOCOL_ERROR = "Because of a protocol error detected at the client (code 0x1104), this session will be disconnected."
CERT_EXPIRED_TEXT = (
    "Remote Desktop cannot connect to the remote computer because the authentication certificate received from the "
    "remote computer is expired or invalid. In some cases, this error might also be caused by a large time discrepancy "
    "between the client and server computers. Error code: 0x1B07"
)
UNEXPECTED_CERTIFICATE = (
    "The connection has been terminated because an unexpected server authentication certificate was received from the "
    "remote computer. Error code: 0x907"
)
IDENTITY_WARNING = "The identity of the remote computer cannot be verified. Do you want to connect anyway?"
MAC_IDENTITY_WARNING = (
    "You are connecting to the RDP host. The certificate couldn't be verified back to a root certificate. Your "
    "connection may not be secure. Do you want to continue?"
)

NOT_REACHED = Sees(
    mstsc=(CANNOT_CONNECT,), windows_app=(MAC_CANNOT_CONNECT,), freerdp=(FREERDP_CONNECT_FAILED,), rdesktop=()
)
CLOSED_AT_ONCE = Sees(
    mstsc=(TRY_AGAIN, INTERNAL_ERROR), windows_app=("Error code: 0x904",), freerdp=(FREERDP_NO_PROTOCOL,)
)
TLS_BROKEN = Sees(
    mstsc=(INTERNAL_ERROR, TRY_AGAIN),
    windows_app=("Error code: 0x904",),
    freerdp=(FREERDP_TLS_FAILED,),
    rdesktop=("TLS handshake failed. GnuTLS error: …",),
)

LISTENING = Remedy(
    "On Windows see that the service runs and listens: Get-Service TermService, and qwinsta, where the line rdp-tcp "
    f"must say Listen. fDenyTSConnections must be 0 in {TERMINAL_SERVER}.",
    on="windows",
)
FIND_PROGRAM_WINDOWS = Remedy(
    "On Windows see which program has the port: Get-Process -Id (Get-NetTCPConnection -State Listen -LocalPort "
    "PORT).OwningProcess.",
    on="windows",
)
FIND_PROGRAM_LINUX = Remedy("On Linux see which program has the port: ss -ltnp.", on="linux")
FIND_PROGRAM = Remedy(
    "See on the server which program has the port: sudo ss -ltnp on Linux; on Windows, in PowerShell: Get-Process -Id "
    "(Get-NetTCPConnection -State Listen -LocalPort PORT).OwningProcess."
)
ASK_ON_SERVER = Remedy(
    "Run rdp-probe host on the server itself (127.0.0.1). If it ends so there too, read the service's log at that "
    "time: /var/log/xrdp.log or journalctl on Linux; on Windows the Event Viewer, Applications and Services Logs, "
    "Microsoft, Windows, TerminalServices-RemoteConnectionManager. If it is answered there, look at what is in between."
)
READ_LOG_WINDOWS = Remedy(
    "On Windows read the log at the time of the attempt: Event Viewer, Applications and Services Logs, Microsoft, "
    "Windows, TerminalServices-RemoteConnectionManager and RemoteDesktopServices-RdpCoreTS, both Operational.",
    on="windows",
)
READ_LOG_XRDP = Remedy("For xrdp read /var/log/xrdp.log, or journalctl -u xrdp, at that time.", on="xrdp")
FROM_INSIDE = Remedy(
    "Run rdp-probe host from the server's own network: if that is answered, look at what is in between."
)

FREERDP_CERTIFICATE_ASKED = "Do you trust the above certificate? (Y/T/N)"
RDESKTOP_NOT_TRUSTED = (  # as it is spelled there
    "ATTENTION! The server uses and invalid security certificate which can not be trusted for the following identified "
    "reasons(s)"
)
GIVE_WINDOWS_A_CERTIFICATE = Remedy(
    f"On Windows enroll a certificate by Group Policy: {GPO_SECURITY}, Server authentication certificate template.",
    on="windows",
)
SET_THUMBPRINT = Remedy(
    f"On Windows set one by its thumbprint, in PowerShell: {LISTENER} | Set-CimInstance -Property "
    "@{SSLCertificateSHA1Hash='THUMBPRINT'}; it must be in Cert:\\LocalMachine\\My with its private key, which NETWORK "
    "SERVICE may read.",
    on="windows",
)
GIVE_XRDP_A_CERTIFICATE = Remedy(
    "For xrdp, get a certificate with the server's name in it from an authority that clients trust (RSA of 2048 bits "
    "or more, SHA-256), and set certificate and key_file in xrdp.ini to the two files, readable to the user xrdp runs "
    "as. (xrdp-keygen makes no TLS certificates.)",
    on="xrdp",
)
GIVE_GNOME_A_CERTIFICATE = Remedy(
    "For GNOME: grdctl rdp set-tls-cert FILE, grdctl rdp set-tls-key FILE (grdctl --system for the login screen). "
    "FreeRDP's server takes shadow.crt and shadow.key in ~/.config/freerdp/shadow.",
    on="freerdp",
)
SUITE_ORDER = (
    "Group Policy (Computer Configuration, Administrative Templates, Network, SSL Configuration Settings, SSL Cipher "
    "Suite Order)"
)


def both(names: Sequence[str]) -> str:
    """One name, or the last after the others with a word between."""
    return _("{first} and {last}", first=_(", ").join(names[:-1]), last=names[-1]) if len(names) > 1 else "".join(names)
