"""A credential-free RDP handshake probe: why Remote Desktop fails, for whom, and what to change."""

__version__ = "0.1.0"
