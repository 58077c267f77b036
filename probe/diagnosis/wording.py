"""Places in Windows, and messages of clients, that diagnoses name."""

from __future__ import annotations

GPO_SECURITY = (
    "Computer Configuration, Administrative Templates, Windows Components, Remote Desktop Services, Remote Desktop "
    "Session Host, Security"
)
RDP_TCP = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\RDP-Tcp"
FREERDP_NAME_NOT_FOUND = "FreeRDP: ERRCONNECT_DNS_NAME_NOT_FOUND [0x00020005]"
FREERDP_CONNECT_FAILED = "FreeRDP: ERRCONNECT_CONNECT_FAILED [0x00020006]"
FREERDP_TLS_FAILED = "FreeRDP: ERRCONNECT_TLS_CONNECT_FAILED [0x00020008]"
FREERDP_NO_PROTOCOL = "FreeRDP: ERRCONNECT_SECURITY_NEGO_CONNECT_FAILED [0x0002000C]"
FREERDP_NLA_REQUIRED = "FreeRDP: ERRCONNECT_HYBRID_REQUIRED_BY_SERVER [0x0002001E]"
SOCKET_CLOSED = (
    (
        "This computer can't connect to the remote computer. Try connecting again. If the problem continues, "
        "contact the owner of the remote computer or your network administrator."
    ),
    "Error code: 0x904",
)
NEW_SELF_SIGNED = (
    "For a new self-signed one on Windows: delete the old one from Cert:\\LocalMachine\\Remote Desktop and run "
    "Restart-Service TermService -Force, which disconnects whoever is connected."
)
