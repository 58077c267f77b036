"""TLS sections as depth full fills them, made by hand."""

from __future__ import annotations

from probe.result import (
    CipherSuite,
    DhParameters,
    Fingerprints,
    Group,
    Intolerance,
    Registered,
    Tls,
    TlsFeatures,
    TlsHandshake,
    Verdict,
)

_ACCEPTED = Verdict(state="accepted")
_TOO_OLD = Verdict(state="rejected", reason="alert protocol_version")
_NAMES = {
    "1302": "TLS_AES_256_GCM_SHA384",
    "1301": "TLS_AES_128_GCM_SHA256",
    "c030": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "c02f": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "009f": "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
    "009e": "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
    "c028": "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
    "c027": "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "c014": "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "c013": "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "009d": "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "009c": "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "003d": "TLS_RSA_WITH_AES_256_CBC_SHA256",
    "003c": "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "0035": "TLS_RSA_WITH_AES_256_CBC_SHA",
    "002f": "TLS_RSA_WITH_AES_128_CBC_SHA",
    "000a": "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "0005": "TLS_RSA_WITH_RC4_128_SHA",
    "0004": "TLS_RSA_WITH_RC4_128_MD5",
    "0033": "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
    "010080": "SSL_CK_RC4_128_WITH_MD5",
    "0700c0": "SSL_CK_DES_192_EDE3_CBC_WITH_MD5",
}
_OLD = "c014 c013 0035 002f 000a"


def suites(codes: str, dh_bits: int = 2048) -> list[CipherSuite]:
    """Suites by their codes; those with DHE with a group of that size."""
    return [
        CipherSuite(code=f"0x{code}", name=_NAMES[code], dh_bits=dh_bits if "_DHE_" in _NAMES[code] else None)
        for code in codes.split()
    ]


def group(code: str, name: str, *versions: str) -> Group:
    return Group(code=code, name=name, versions=list(versions))


def windows() -> Tls:
    """A Windows Server 2022 with TLS 1.0 and 1.1 left on."""
    older = dict.fromkeys(("TLSv1.1", "TLSv1.0"), suites(_OLD))
    return Tls(
        versions={
            **dict.fromkeys(("TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1.0"), _ACCEPTED),
            "SSLv3": _TOO_OLD,
            "SSLv2": Verdict(state="rejected", reason="closed", ending="closed"),
        },
        handshake=TlsHandshake(
            version="TLSv1.3",
            cipher_suite=Registered(code="0x1302", name="TLS_AES_256_GCM_SHA384"),
            group=Registered(code="0x0018", name="secp384r1"),
            over="HYBRID",
        ),
        cipher_suites={
            "TLSv1.3": suites("1302 1301"),
            "TLSv1.2": suites("c030 c02f 009f 009e c028 c027 c014 c013 009d 009c 003d 003c 0035 002f 000a"),
            **older,
        },
        server_order=True,
        order_by_version={"TLSv1.2": True, "TLSv1.3": True},
        groups=[
            group("0x0018", "secp384r1", "TLSv1.3", "TLSv1.2"),
            group("0x0017", "secp256r1", "TLSv1.3", "TLSv1.2"),
            group("0x001d", "x25519", "TLSv1.3"),
        ],
        dh_parameters=[DhParameters(bits=2048, prime_sha256="cd" * 32, generator="2", name="modp2048")],
        signature_schemes=[
            Registered(code="0x0401", name="rsa_pkcs1_sha256"),
            Registered(code="0x0201", name="rsa_pkcs1_sha1"),
        ],
        extensions=[
            Registered(code="0x002b", name="supported_versions"),
            Registered(code="0x0033", name="key_share"),
            Registered(code="0xff01", name="renegotiation_info"),
        ],
        features=TlsFeatures(
            secure_renegotiation=True,
            extended_master_secret=True,
            encrypt_then_mac=False,
            compression=False,
            session_tickets=False,
            resumption=True,
            resumed_version="TLSv1.2",
            fallback_scsv=False,
            downgrade_sentinel=True,
            ocsp_stapling=False,
            heartbeat=False,
            client_certificate=False,
            sslv2_framed_hello=True,
            other_name="same certificate",
        ),
        fingerprints=Fingerprints(ja3s="15af977ce25de452b96affa2addb1036", ja4s="t130200_1302_a56c5b993250"),
    )


def ancient() -> Tls:
    """Everything that is wrong: SSLv2, a 512-bit group, no suite of today, and an end before all was asked."""
    return Tls(
        versions={
            "TLSv1.3": Verdict(state="rejected", reason="reset", ending="reset"),
            "TLSv1.2": _ACCEPTED,
            "TLSv1.1": Verdict(state="unknown", ending="timed_out"),
            "TLSv1.0": _ACCEPTED,
            "SSLv3": _ACCEPTED,
            "SSLv2": _ACCEPTED,
        },
        cipher_suites={
            "TLSv1.2": suites("0005 0004"),
            "TLSv1.0": suites("0033 0005", dh_bits=512),
            "SSLv3": suites("000a"),
            "SSLv2": suites("010080 0700c0"),
        },
        server_order=False,
        order_by_version=dict.fromkeys(("SSLv3", "TLSv1.0"), False),
        groups=[group("0x0013", "secp192r1", "TLSv1.0"), group("0x0017", "secp256r1", "TLSv1.2")],
        dh_parameters=[DhParameters(bits=512, prime_sha256="ef" * 32, generator="5")],
        signature_schemes=[Registered(code="0x0201", name="rsa_pkcs1_sha1")],
        features=TlsFeatures(
            secure_renegotiation=False,
            extended_master_secret=False,
            compression=True,
            heartbeat=True,
            client_certificate=True,
            downgrade_sentinel=False,
            other_name="another certificate",
        ),
        fingerprints=Fingerprints(),
        intolerance=[Intolerance(hello="TLSv1.3 offered", ending="reset")],
        unsettled=["TLSv1.1: two hellos were not answered"],
    )
