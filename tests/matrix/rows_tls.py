"""What TLS can be: back ends of three libraries behind a front that speaks X.224, and faults on the way to them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.matrix.faults import Fault, LosesLarge, ResetsAfterServerHello, ResetsHello, ResetsNewHellos
from tests.matrix.rows_xrdp import SELF_SIGNED, TLS_ONLY, Codes
from tests.matrix.situation import Behind, Program, Situation
from tests.real import certificates, tls_backends
from tests.real.front import X224Front
from tests.real.tls_backends import OpensslServer, TlsBackend
from tests.real.xrdp import Xrdp

BASE: Codes = {**TLS_ONLY, **SELF_SIGNED}


def _front(backend: Callable[[], TlsBackend], workers: int = 2) -> Program:
    return Program(lambda _: X224Front(backend(), workers=workers))


def _two_certificates(room: Path) -> X224Front:
    both = [certificates.rsa(room), certificates.ecdsa(room)]
    return X224Front(OpensslServer(certificates=both), workers=2)


def _xrdp(fault: Callable[[], Fault], layer: str = "tls") -> Behind:
    return Behind(fault=fault, sites=(Program(lambda _: Xrdp(security_layer=layer)),))


ROWS: tuple[Situation, ...] = (
    Situation(
        name="tls-current",
        started="openssl s_server with TLS 1.2 and 1.3",
        site=_front(lambda: OpensslServer(versions=("TLSv1.2", "TLSv1.3"))),
        codes=BASE,
        why="nothing is wrong with it",
    ),
    Situation(
        name="tls-current-full",
        started="openssl s_server with TLS 1.2 and 1.3 and suites with forward secrecy",
        site=_front(lambda: OpensslServer(versions=("TLSv1.2", "TLSv1.3"), ciphers="ECDHE+AESGCM")),
        codes=BASE,
        why="nothing is wrong with it however much is asked",
        depth="full",
    ),
    Situation(
        name="tls13-only",
        started="openssl s_server with TLS 1.3 alone",
        site=_front(tls_backends.tls13_only),
        codes={**BASE, "TLS_MODERN_ONLY": "breaks_some"},
        why="Windows 10 has no TLS 1.3",
    ),
    Situation(
        name="tls-rc4-only",
        started="gnutls-serv with RC4 alone, TLS 1.0 to 1.2",
        site=_front(tls_backends.rc4_only),
        codes={
            **BASE,
            "TLS_NO_SHARED_CIPHER": "breaks_some",
            "TLS_WEAK_CIPHER": "risk",
            "TLS_LEGACY_VERSION": "risk",
        },
        why="versions meet, and no current client offers RC4",
        depth="full",
    ),
    Situation(
        name="tls-rc4-only-standard",
        started="gnutls-serv with RC4 alone, TLS 1.0 to 1.2",
        site=_front(tls_backends.rc4_only),
        codes={**BASE, "TLS_WEAK_CIPHER": "risk", "TLS_LEGACY_VERSION": "risk"},
        why="one suite was seen in each version; that there is no other takes depth full to know",
    ),
    Situation(
        name="tls-sslv3-only-standard",
        started="NSS's selfserv with SSLv3 alone",
        site=_front(tls_backends.sslv3_only),
        codes={**BASE, "TLS_NO_COMMON_VERSION": "blocker", "TLS_LEGACY_VERSION": "risk"},
        why="it answers every hello with SSLv3, which nobody asked for",
    ),
    Situation(
        name="tls-3des-only",
        started="gnutls-serv with 3DES alone, TLS 1.0 to 1.2",
        site=_front(tls_backends.triple_des_only),
        codes={**BASE, "TLS_WEAK_CIPHER": "risk", "TLS_LEGACY_VERSION": "risk"},
        why="Windows still offers 3DES, so some current clients get in",
        depth="full",
    ),
    Situation(
        name="tls-sslv3-only",
        started="NSS's selfserv with SSLv3 alone",
        site=_front(tls_backends.sslv3_only),
        codes={
            **BASE,
            "TLS_NO_COMMON_VERSION": "blocker",
            "TLS_WEAK_CIPHER": "risk",
            "TLS_LEGACY_VERSION": "risk",
        },
        why="no client in use speaks SSLv3 any more",
        depth="full",
    ),
    Situation(
        name="tls-null-only",
        started="openssl s_server with suites that do not encrypt, TLS 1.0 to 1.2",
        site=_front(tls_backends.null_only),
        codes={
            **BASE,
            "TLS_NO_SHARED_CIPHER": "blocker",
            "TLS_WEAK_CIPHER": "risk",
            "TLS_LEGACY_VERSION": "risk",
        },
        why="no client known offers a suite without encryption",
        depth="full",
    ),
    Situation(
        name="tls-anonymous-only",
        started="openssl s_server with anonymous suites, TLS 1.0 to 1.2",
        site=_front(tls_backends.anonymous_only),
        codes={
            **TLS_ONLY,
            "TLS_NO_SHARED_CIPHER": "blocker",
            "TLS_WEAK_CIPHER": "risk",
            "TLS_LEGACY_VERSION": "risk",
        },
        why="no certificate is there to be judged",
        depth="full",
    ),
    Situation(
        name="tls-two-certificates",
        started="openssl s_server with an RSA and an ECDSA certificate",
        site=Program(_two_certificates),
        codes={**BASE, "CERT_VARIES": "info", "TLS_WEAK_CIPHER": "risk", "TLS_LEGACY_VERSION": "risk"},
        why="which certificate it is depends on the suites that are offered",
        depth="full",
    ),
    Situation(
        name="tls-reset-at-hello",
        started="xrdp with security_layer=tls behind a firewall that resets at the first byte of TLS",
        site=_xrdp(ResetsHello),
        codes={**TLS_ONLY, "TLS_HANDSHAKE_ABORTED": "blocker"},
        why="SSL is selected, and every hello ends in a reset",
    ),
    Situation(
        name="tls-reset-after-hello",
        started="xrdp with security_layer=tls behind a firewall that resets after the ServerHello",
        site=_xrdp(ResetsAfterServerHello),
        codes={**TLS_ONLY, **SELF_SIGNED},
        why="hellos are answered: that a handshake is not completed afterwards is another thing",
    ),
    Situation(
        name="tls-reset-at-hello-negotiate",
        started="xrdp with security_layer=negotiate behind a firewall that resets at the first byte of TLS",
        site=_xrdp(ResetsHello, "negotiate"),
        codes={"TLS_HANDSHAKE_ABORTED": "breaks_some", "NLA_UNSUPPORTED": "risk", "STANDARD_RDP_WEAK": "info"},
        why="clients that ask for Standard RDP Security alone still get in",
    ),
    Situation(
        name="tls-black-hole",
        started="xrdp with security_layer=tls behind a way that loses what is larger than 600 bytes toward the client",
        site=_xrdp(lambda: LosesLarge(600)),
        codes={**TLS_ONLY, "TLS_HANDSHAKE_ABORTED": "blocker"},
        why="small answers arrive and ServerHellos do not: an MTU black hole looks like silence",
        step_s=1.0,
    ),
    Situation(
        name="tls-large-hello-lost",
        started="xrdp with security_layer=tls behind a way that loses hellos of more than 300 bytes",
        site=_xrdp(lambda: LosesLarge(300, toward_client=False, toward_server=True)),
        codes={**TLS_ONLY, **SELF_SIGNED, "TLS_INTOLERANT": "breaks_some"},
        why="a small hello is answered, and a large one, which is as legal, is dropped",
        step_s=1.0,
    ),
    Situation(
        name="tls-intolerant",
        started="xrdp with security_layer=tls behind a firewall that resets hellos with TLS 1.3 in them",
        site=_xrdp(ResetsNewHellos),
        codes={**TLS_ONLY, **SELF_SIGNED, "TLS_INTOLERANT": "breaks_some"},
        why="the hello of TLS 1.2 is answered, and one that offers TLS 1.3 as well is not",
    ),
)
