"""The clients that people use: what each asks for and can do, as a table with sources."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from probe.clients import freerdp, others, windows
from probe.clients.profile import ClientProfile

CLIENTS: Mapping[str, ClientProfile] = MappingProxyType(
    {profile.key: profile for profile in (*windows.PROFILES, *others.WINDOWS_APP, *freerdp.PROFILES, *others.PROFILES)}
)
