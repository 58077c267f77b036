"""weston's RDP backend: TLS, and Standard RDP Security where it was given a key for it; never NLA."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from tests.real.certificates import Certificate
from tests.real.process import Launcher, Server, program


class Weston(Launcher):
    """One weston without a screen. `rdp4_key` is an RSA key in PEM's traditional form."""

    def __init__(self, certificate: Certificate, rdp4_key: Path | None = None) -> None:
        self.certificate = certificate
        self.rdp4_key = rdp4_key

    def arrange(self, directory: Path, endpoint: tuple[str, int], stack: ExitStack) -> Server:
        address, port = endpoint
        argv = [
            program("weston"),
            "--backend=rdp-backend.so",
            f"--address={address}",
            f"--port={port}",
            "--no-config",
            "--shell=kiosk-shell.so",  # the usual shell starts helper processes
            "--socket=wayland-rdp",
            f"--rdp-tls-cert={self.certificate.certificate.absolute()}",
            f"--rdp-tls-key={self.certificate.key.absolute()}",
        ]
        if self.rdp4_key is not None:
            argv.append(f"--rdp4-key={self.rdp4_key.absolute()}")
        # mkdtemp made the directory with mode 0700, as XDG_RUNTIME_DIR must be.
        return Server(argv, endpoint, directory, {"XDG_RUNTIME_DIR": str(directory)})
