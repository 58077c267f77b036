"""Places in Windows and messages of its client that several diagnoses name."""

from __future__ import annotations

GPO_SECURITY = (
    "Computer Configuration, Administrative Templates, Windows Components, Remote Desktop Services, Remote Desktop "
    "Session Host, Security"
)
RDP_TCP = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\RDP-Tcp"
SOCKET_CLOSED = (
    (
        "This computer can't connect to the remote computer. Try connecting again. If the problem continues, "
        "contact the owner of the remote computer or your network administrator."
    ),
    "Error code: 0x904",
)
