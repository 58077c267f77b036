"""FreeRDP's shadow server, which shares the screen of an X server that nobody sees."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.real import certificates
from tests.real.certificates import Certificate
from tests.real.process import Launcher, Process, Server, program


@contextmanager
def virtual_display() -> Iterator[str]:
    """Run Xvfb, and give the name of its display. It takes a free number, and tells it when clients may come."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rdp-")))
        read, write = os.pipe()
        numbers = stack.enter_context(open(read, "rb", buffering=0))  # noqa: PTH123, a descriptor has no path
        os.set_blocking(read, False)
        try:
            # Without -noreset it starts over when its last client leaves, and refuses whoever comes meanwhile.
            options = ["-noreset", "-screen", "0", "640x480x24", "-ac", "-nolisten", "tcp"]
            process = Process([program("Xvfb"), "-displayfd", str(write), *options], directory, {}, pass_fds=(write,))
        finally:
            os.close(write)
        stack.callback(process.stop)
        said = bytearray()

        def told() -> bool:
            said.extend(numbers.read(16) or b"")
            return said.endswith(b"\n")

        process.wait_for(told, "the display's number")
        yield f":{int(said)}"


class FreeRdpShadow(Launcher):
    """One freerdp-shadow-cli, with options such as /sec:nla. Its key is also that of Standard RDP Security."""

    def __init__(
        self,
        *options: str,
        certificate: Certificate | None = None,
        display: str | None = None,
        openssl_conf: str | None = None,
    ) -> None:
        self.options = options
        self.certificate = certificate  # None: a good one with an RSA key
        self.display = display  # None: one of its own
        self.openssl_conf = openssl_conf  # the content of a file for OPENSSL_CONF

    def arrange(self, directory: Path, endpoint: tuple[str, int], stack: ExitStack) -> Server:
        path = program("freerdp-shadow-cli")
        display = self.display or stack.enter_context(virtual_display())
        own = self.certificate or certificates.rsa(directory)
        settings = directory / ".config" / "freerdp" / "shadow"
        settings.mkdir(parents=True)
        shutil.copyfile(own.certificate, settings / "shadow.crt")
        shutil.copyfile(own.key, settings / "shadow.key")
        address, port = endpoint
        argv = [path, f"/port:{port}", f"/bind-address:{address}", *self.options]
        environment = {"DISPLAY": display}
        if self.openssl_conf is not None:
            file = directory / "openssl.cnf"
            file.write_text(self.openssl_conf)
            environment["OPENSSL_CONF"] = str(file)
        return Server(argv, endpoint, directory, environment)
