"""Scenes about what servers are configured to do."""

from __future__ import annotations

from tests.real import certificates, pki
from tests.real.captures_lab import ASKS_RDP, Lab, client_of_ours
from tests.real.captures_scenes import scene
from tests.real.servers import FreeRdpShadow, Weston, Xrdp
from tests.real.xrdp import ONLY_TLS_1_2, ONLY_TLS_1_3, OPENSSL_CONF_LEVEL_0, SECURITY_LEVEL_0

SSL, HYBRID, RDP = ["SSL"], ["SSL", "HYBRID"], ["RDP"]
TLS_12_SUITE, TLS_13_SUITE = "0xc030", "0x1302"  # what OpenSSL's two ends agree on by default


def _standard(lab: Lab, crypt_level: str, level: str, method: str) -> None:
    lab.serve(Xrdp(security_layer="rdp", crypt_level=crypt_level))
    with lab.capturing("-c", "26"):
        lab.freerdp("/sec:rdp", limit_s=2.0)
    lab.truth(requested=[], selected=None, level=level, method=method, status="rdp")
    lab.truth(codes=["STANDARD_RDP_WEAK"], client_name="FROG")


@scene("xrdp-standard-low", "xrdp with 40-bit Standard RDP Security; xfreerdp asks for nothing else.")
def standard_low(lab: Lab) -> None:
    _standard(lab, "low", "LOW", "40BIT")


@scene("xrdp-standard-high", "xrdp with 128-bit Standard RDP Security; xfreerdp asks for nothing else.")
def standard_high(lab: Lab) -> None:
    _standard(lab, "high", "HIGH", "128BIT")


@scene("xrdp-standard-fips", "xrdp that takes FIPS encryption only; xfreerdp asks for Standard RDP Security.")
def standard_fips(lab: Lab) -> None:
    _standard(lab, "fips", "FIPS", "FIPS")


@scene("xrdp-standard-none", "xrdp with crypt_level=none: Standard RDP Security without any encryption.")
def standard_none(lab: Lab) -> None:
    _standard(lab, "none", "NONE", "NONE")


@scene("xrdp-standard-rdesktop", "rdesktop with its cookie meets xrdp with Standard RDP Security.")
def standard_rdesktop(lab: Lab) -> None:
    lab.serve(Xrdp(security_layer="rdp", crypt_level="medium"))
    with lab.capturing("-c", "26"):
        lab.rdesktop()
    lab.truth(
        cookie="probe", selected="RDP", level="CLIENT_COMPATIBLE", method="40BIT", client_name="FROG", status="rdp"
    )


@scene("xrdp-tls13-freerdp", "xrdp with TLS required, xfreerdp asks for it: TLS 1.3, and all behind it is encrypted.")
def tls13(lab: Lab) -> None:
    lab.serve(Xrdp(security_layer="tls", channels=True))
    with lab.capturing("-c", "26"):
        lab.freerdp("/sec:tls", limit_s=2.0)
    lab.truth(requested=SSL, selected="SSL", tls="TLSv1.3", suite=TLS_13_SUITE, status="rdp")


@scene("xrdp-tls12-freerdp", "The same with TLS 1.2: the certificate is readable.")
def tls12(lab: Lab) -> None:
    made = certificates.rsa(lab.work)
    lab.serve(Xrdp(security_layer="tls", ssl_protocols=ONLY_TLS_1_2, certificate=made, channels=True))
    with lab.capturing("-c", "26"):
        lab.freerdp("/sec:tls", limit_s=2.0)
    lab.truth(requested=SSL, selected="SSL", tls="TLSv1.2", suite=TLS_12_SUITE, certificate=made.sha256, status="rdp")
    lab.truth(codes=["CERT_SELF_SIGNED"])


@scene("xrdp-tls12-ec", "xrdp with a certificate on P-256 and TLS 1.2.")
def tls12_ec(lab: Lab) -> None:
    made = certificates.ecdsa(lab.work)
    lab.serve(Xrdp(security_layer="tls", ssl_protocols=ONLY_TLS_1_2, certificate=made, channels=True))
    with lab.capturing("-c", "26"):
        lab.freerdp("/sec:tls", limit_s=2.0)
    lab.truth(requested=SSL, selected="SSL", tls="TLSv1.2", suite="0xc02c", certificate=made.sha256, status="rdp")


@scene("xrdp-tls10-only", "An xrdp that serves TLS 1.0 and nothing newer; rdp-probe asks.")
def tls10(lab: Lab) -> None:
    made = certificates.rsa(lab.work)
    lab.serve(Xrdp(security_layer="tls", ssl_protocols="TLSv1", tls_ciphers=SECURITY_LEVEL_0, certificate=made))
    with lab.capturing():
        lab.freerdp("/sec:tls", "/tls-seclevel:0", limit_s=3.0)
        lab.probe("--depth", "standard", "--max-connections", "6", "--json")
    lab.truth(1, status="rdp")


@scene("xrdp-tls11-freerdp", "xrdp with TLS 1.1 only, and an xfreerdp that was told to take it.")
def tls11(lab: Lab) -> None:
    made = certificates.rsa(lab.work)
    lab.serve(
        Xrdp(
            security_layer="tls", ssl_protocols="TLSv1.1", tls_ciphers=SECURITY_LEVEL_0, certificate=made, channels=True
        )
    )
    with lab.capturing("-c", "26"):
        lab.freerdp("/sec:tls", "/tls-seclevel:0", limit_s=3.0)
    lab.truth(requested=SSL, selected="SSL", status="rdp")


@scene("xrdp-chain-of-two", "A certificate with its issuer, over TLS 1.2; rdp-probe's one connection.")
def chain(lab: Lab) -> None:
    root = pki.authority("Pond root")
    issuer = pki.authority("Pond issuing authority", root)
    made = pki.served_by(lab.work, pki.Recipe().signed_by(issuer), issuer)
    lab.serve(Xrdp(security_layer="tls", ssl_protocols=ONLY_TLS_1_2, certificate=made))
    with lab.capturing():
        lab.probe("--depth", "discover", "--json")
    lab.truth(selected="SSL", tls="TLSv1.2", certificate=made.sha256, certificates=2, status="rdp")
    lab.truth(not_codes=["CERT_SELF_SIGNED"])


@scene("xrdp-expired", "A certificate whose last day was a month ago, over TLS 1.2.")
def expired(lab: Lab) -> None:
    made = certificates.expired(lab.work)
    lab.serve(Xrdp(security_layer="tls", ssl_protocols=ONLY_TLS_1_2, certificate=made, channels=True))
    with lab.capturing("-c", "26"):
        lab.freerdp("/sec:tls", limit_s=2.0)
    lab.truth(requested=SSL, selected="SSL", certificate=made.sha256, codes=["CERT_EXPIRED"], status="rdp")


@scene("xrdp-certificate-refused", "xfreerdp was told to refuse what it does not know, and ends after the certificate.")
def refused_certificate(lab: Lab) -> None:
    made = certificates.rsa(lab.work)
    lab.serve(Xrdp(security_layer="tls", ssl_protocols=ONLY_TLS_1_2, certificate=made))
    with lab.capturing():
        lab.freerdp("/sec:tls", "/cert:deny")
    lab.truth(requested=SSL, selected="SSL", tls="TLSv1.2", certificate=made.sha256, status="rdp")


@scene("xrdp-hello-retry", "xrdp has P-521 alone: the client's hello is asked for again.")
def hello_retry(lab: Lab) -> None:
    lab.serve(Xrdp(security_layer="tls", openssl_conf=OPENSSL_CONF_LEVEL_0 + "Groups = P-521\n", channels=True))
    with lab.capturing("-c", "30"):
        lab.freerdp("/sec:tls", limit_s=2.0)
    lab.truth(requested=SSL, selected="SSL", tls="TLSv1.3", status="rdp")


@scene("xrdp-certificate-refused-tls13", "The same in TLS 1.3: neither the certificate nor the alert can be read.")
def refused_certificate_13(lab: Lab) -> None:
    lab.serve(Xrdp(security_layer="tls", ssl_protocols=ONLY_TLS_1_3))
    with lab.capturing():
        lab.freerdp("/sec:tls", "/cert:deny")
    lab.truth(requested=SSL, selected="SSL", tls="TLSv1.3", certificate=None, status="rdp")


@scene(
    "xrdp-wrong-key",
    "xrdp's key is not the certificate's: it selects SSL, then disconnects where a ServerHello belongs.",
)
def wrong_key(lab: Lab) -> None:
    other = certificates.ecdsa(lab.work)
    lab.serve(Xrdp(security_layer="tls", key=other.key))
    with lab.capturing():
        lab.freerdp("/sec:tls")
    lab.truth(requested=SSL, selected="SSL", status="rdp", codes=["TLS_HANDSHAKE_ABORTED"])


@scene("xrdp-no-certificate", "xrdp must speak TLS and has no key file: failure 3.")
def no_certificate(lab: Lab) -> None:
    lab.serve(Xrdp(security_layer="tls", key=lab.work / "nowhere.pem"))
    with lab.capturing():
        lab.freerdp("/sec:tls")
    lab.truth(requested=SSL, failure="SSL_CERT_NOT_ON_SERVER", status="rdp", codes=["TLS_CERTIFICATE_MISSING"])


@scene("xrdp-tls-required", "xrdp requires TLS and is asked for Standard RDP Security: failure 1 and a disconnect.")
def tls_required(lab: Lab) -> None:
    lab.serve(Xrdp(security_layer="tls"))
    with lab.capturing():
        client_of_ours([ASKS_RDP])
    lab.commands.append("a client that sends RDP_NEG_REQ with PROTOCOL_RDP and reads")
    lab.truth(requested=RDP, failure="SSL_REQUIRED_BY_SERVER", status="rdp", codes=["TLS_REQUIRED"])


@scene(
    "xrdp-tls-required-old-client",
    "xrdp requires TLS, and xfreerdp sends no RDP_NEG_REQ: confirmed, then disconnected.",
)
def tls_required_old(lab: Lab) -> None:
    lab.serve(Xrdp(security_layer="tls"))
    with lab.capturing():
        lab.freerdp("/sec:rdp")
    lab.truth(requested=[], status="rdp")


@scene(
    "xrdp-falls-back-to-rdp", "xfreerdp asks for NLA, and an xrdp with Standard RDP Security selects that all the same."
)
def falls_back(lab: Lab) -> None:
    lab.serve(Xrdp(security_layer="rdp"))
    with lab.capturing("-c", "26"):
        lab.freerdp("/sec:nla")
    lab.truth(selected="RDP", status="rdp", not_codes=["UNOFFERED_PROTOCOL_SELECTED"])


@scene(
    "xrdp-no-common-version",
    "xrdp serves TLS 1.3 only, and a client of TLS 1.2 (rdp-probe asking as FreeRDP 1) gets an alert.",
)
def no_common_version(lab: Lab) -> None:
    lab.serve(Xrdp(security_layer="tls", ssl_protocols=ONLY_TLS_1_3))
    with lab.capturing():
        lab.probe("--simulate", "mstsc-win8.1", "--json")
    lab.truth(0, selected="SSL", status="rdp", alerts=["server 70"])


@scene("shadow-nla", "freerdp-shadow with NLA, and xfreerdp that begins CredSSP as a made-up user; with the key log.")
def shadow_nla(lab: Lab) -> None:
    made = certificates.rsa(lab.work)
    lab.serve(FreeRdpShadow("/sec:nla", certificate=made, display=lab.display()))
    with lab.capturing():
        lab.freerdp("/sec:nla", keys=True)
    lab.truth(selected="HYBRID", status="rdp", user="probe", domain="CORP", certificate=made.sha256)


@scene("shadow-nla-required", "freerdp-shadow with NLA turns away who asks for TLS alone: failure 5.")
def shadow_nla_required(lab: Lab) -> None:
    lab.serve(FreeRdpShadow("/sec:nla", display=lab.display()))
    with lab.capturing():
        lab.freerdp("/sec:tls")
    lab.truth(requested=SSL, failure="HYBRID_REQUIRED_BY_SERVER", status="rdp", codes=["NLA_REQUIRED"])


@scene("shadow-standard", "freerdp-shadow with Standard RDP Security only, met by rdesktop.")
def shadow_standard(lab: Lab) -> None:
    lab.serve(FreeRdpShadow("/sec:rdp", display=lab.display()))
    with lab.capturing("-c", "26", "-s", "2000"):
        lab.rdesktop(limit_s=2.0)
    lab.truth(0, requested=HYBRID, failure="SSL_NOT_ALLOWED_BY_SERVER", codes=["STANDARD_RDP_ONLY"], status="rdp")
    lab.truth(1, requested=[], level="CLIENT_COMPATIBLE", method="128BIT", status="rdp")


@scene(
    "shadow-tls-not-allowed", "freerdp-shadow with Standard RDP Security only turns away who asks for TLS: failure 2."
)
def shadow_tls_not_allowed(lab: Lab) -> None:
    lab.serve(FreeRdpShadow("/sec:rdp", display=lab.display()))
    with lab.capturing():
        lab.freerdp("/sec:tls")
    lab.truth(requested=SSL, failure="SSL_NOT_ALLOWED_BY_SERVER", status="rdp", codes=["STANDARD_RDP_ONLY"])


@scene("shadow-local-client", "freerdp-shadow switches encryption off for a client at 127.0.0.1.")
def shadow_local(lab: Lab) -> None:
    lab.serve(FreeRdpShadow("/sec:rdp", display=lab.display()), address="127.0.0.1")
    with lab.capturing("-c", "26", "-s", "2000"):
        lab.freerdp("/sec:rdp", to="127.0.0.1", limit_s=2.0)
    lab.truth(requested=[], level="NONE", method="NONE", status="rdp")


@scene("weston-tls", "weston with TLS and xfreerdp.")
def weston_tls(lab: Lab) -> None:
    made = certificates.rsa(lab.work)
    lab.serve(Weston(made))
    with lab.capturing("-c", "26"):
        lab.freerdp("/sec:tls", limit_s=3.0)
    lab.truth(requested=SSL, selected="SSL", status="rdp")


@scene("weston-rdp-key", "weston with a key for Standard RDP Security; rdp-probe's few connections.")
def weston_rdp(lab: Lab) -> None:
    made = certificates.ecdsa(lab.work)
    lab.serve(Weston(made, certificates.rsa_key_pem(lab.work)))
    with lab.capturing("-c", "26"):
        lab.freerdp("/sec:rdp", limit_s=3.0)
    lab.truth(requested=[], status="rdp", level="CLIENT_COMPATIBLE")
