"""xrdp as Debian packages it, without sesman or an X server: nothing before the login screen needs them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.real import certificates
from tests.real.certificates import Certificate
from tests.real.process import Launcher, Server, program

# The values of ssl_protocols and tls_ciphers between which tests choose.
ONLY_TLS_1_2 = "TLSv1.2"
ONLY_TLS_1_3 = "TLSv1.3"
TLS_1_0_TO_1_3 = "TLSv1, TLSv1.1, TLSv1.2, TLSv1.3"
SECURITY_LEVEL_0 = "DEFAULT:@SECLEVEL=0"  # OpenSSL 3.0 serves TLS 1.0 and 1.1 at no other level

# The same for the whole process, by OPENSSL_CONF; lines such as `Groups = P-521` may be added at its end.
OPENSSL_CONF_LEVEL_0 = """\
openssl_conf = settings
[settings]
ssl_conf = modules
[modules]
system_default = defaults
[defaults]
MinProtocol = TLSv1
CipherString = ALL:@SECLEVEL=0
"""

_INI = """\
[Globals]
ini_version=1
fork=true
port=tcp://{address}:{port}
security_layer={kind.security_layer}
crypt_level={kind.crypt_level}
certificate={certificate}
key_file={key}
ssl_protocols={kind.ssl_protocols}
tls_ciphers={kind.tls_ciphers}
allow_channels={kind.channels}

[Logging]
LogFile={directory}/xrdp.log
LogLevel=INFO
EnableSyslog=false

[Channels]
{channels}
[Xorg]
name=Xorg
lib=libxup.so
"""
_CHANNELS = "".join(f"{name}=true\n" for name in ("rdpdr", "rdpsnd", "drdynvc", "cliprdr", "rail", "xrdpvr"))


@dataclass(kw_only=True)
class Xrdp(Launcher):
    """One xrdp. A fact of xrdp 0.9.21: it reads settings and certificate anew for every connection."""

    security_layer: str = "negotiate"
    crypt_level: str = "high"
    ssl_protocols: str = "TLSv1.2, TLSv1.3"
    tls_ciphers: str = "DEFAULT"
    certificate: Certificate | None = None  # None: a good one with an RSA key
    key: Path | None = None  # another file than the certificate's own key; it need not exist
    openssl_conf: str | None = None  # the content of a file for OPENSSL_CONF
    channels: bool = False  # without them xrdp 0.9.21 turns away real clients once TLS is up

    def arrange(self, directory: Path, endpoint: tuple[str, int], stack: ExitStack) -> Server:
        certificate = self.certificate or certificates.rsa(directory)
        key = self.key or certificate.key
        ini = directory / "xrdp.ini"
        address, port = endpoint
        ini.write_text(
            _INI.format(
                kind=self,
                address=address,
                port=port,
                # A relative path would silently mean /etc/xrdp/cert.pem.
                certificate=certificate.certificate.absolute(),
                key=key.absolute(),
                directory=directory,
                channels=_CHANNELS if self.channels else "",
            )
        )
        environment = {}
        if self.openssl_conf is not None:
            file = directory / "openssl.cnf"
            file.write_text(self.openssl_conf)
            environment["OPENSSL_CONF"] = str(file)
        return Server([program("xrdp"), "--nodaemon", "--config", str(ini)], endpoint, directory, environment)
