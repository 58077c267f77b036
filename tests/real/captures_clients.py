"""Scenes about what clients and scanners do."""

from __future__ import annotations

import ssl
import sys

from tests.real import certificates, peers
from tests.real.captures_lab import ASKS_HYBRID, ASKS_SSL, FREERDP, SSLYZE, Lab, client_of_ours, python_client
from tests.real.captures_network import SERVER
from tests.real.captures_scenes import scene
from tests.real.servers import FreeRdpShadow, Xrdp
from tests.real.tls_backends import OpensslServer
from tests.real.xrdp import ONLY_TLS_1_2, ONLY_TLS_1_3, SECURITY_LEVEL_0


@scene("probe-discover", "One connection of rdp-probe to an xrdp as Debian installs it, with a P-256 key.")
def probe_discover(lab: Lab) -> None:
    lab.serve(Xrdp(certificate=certificates.ecdsa(lab.work)))
    with lab.capturing():
        lab.probe("--depth", "discover", "--json", "--cookie", "FROG")
    lab.truth(cookie="FROG", selected="SSL", status="rdp")


@scene("probe-standard", "All connections of an audit by rdp-probe of freerdp-shadow with NLA and a P-256 key.")
def probe_standard(lab: Lab) -> None:
    lab.serve(FreeRdpShadow("/sec:nla", certificate=certificates.ecdsa(lab.work), display=lab.display()))
    with lab.capturing():
        lab.probe("--json")
    lab.said["nla"] = "required"


@scene("probe-simulated", "rdp-probe asking as an old Windows and as a FreeRDP do.")
def probe_simulated(lab: Lab) -> None:
    lab.serve(Xrdp(certificate=certificates.ecdsa(lab.work)))
    with lab.capturing():
        lab.probe("--simulate", "mstsc-win7", "--simulate", "freerdp2", "--json")


@scene("nmap-enum-encryption", "nmap's rdp-enum-encryption asks an xrdp for everything.")
def nmap_enum(lab: Lab) -> None:
    lab.serve(Xrdp(certificate=certificates.ecdsa(lab.work)))
    with lab.capturing():
        lab.nmap("-sT", "--script", "rdp-enum-encryption")


@scene("nmap-ntlm-info", "nmap's rdp-ntlm-info asks a freerdp-shadow for its names; with the key log.")
def nmap_ntlm(lab: Lab) -> None:
    lab.serve(FreeRdpShadow("/sec:nla", certificate=certificates.ecdsa(lab.work), display=lab.display()))
    with lab.capturing():
        lab.run("nmap", "-n", "-Pn", "-p", "3389", "-sT", "--script", "rdp-ntlm-info", SERVER, keys=True, limit_s=60.0)


@scene("sslyze-certinfo", "sslyze asks an xrdp for its certificate, with its own idea of RDP.")
def sslyze(lab: Lab) -> None:
    lab.serve(Xrdp(security_layer="tls", certificate=certificates.ecdsa(lab.work)))
    path = peers.sslyze_program(SSLYZE)
    with lab.capturing():
        lab.run(str(path), "--starttls=rdp", "--certinfo", "--mozilla_config=disable", SERVER + ":3389", limit_s=60.0)


@scene("sslscan-one-version", "sslscan with --rdp, TLS 1.2 only.")
def sslscan(lab: Lab) -> None:
    lab.serve(Xrdp(security_layer="tls", certificate=certificates.ecdsa(lab.work), ssl_protocols=ONLY_TLS_1_2))
    with lab.capturing("-c", "200"):
        without = ("ciphersuites", "groups", "renegotiation", "fallback", "heartbleed", "compression")
        options = ["--rdp", "--tls12", *(f"--no-{each}" for each in without)]
        lab.run("sslscan", *options, f"{SERVER}:3389", limit_s=30.0)


def _verifying(lab: Lab, ssl_protocols: str) -> None:
    made = certificates.rsa(lab.work)
    lab.serve(Xrdp(security_layer="tls", ssl_protocols=ssl_protocols, certificate=made))
    with lab.capturing():
        said = python_client(newest=ssl.TLSVersion.TLSv1_3, oldest=ssl.TLSVersion.TLSv1_2, verify=True)
    lab.commands.append(f"a client that requests TLS, with Python's ssl and CERT_REQUIRED: {said}")
    lab.truth(requested=["SSL"], selected="SSL", tls=ssl_protocols, status="rdp")


@scene("client-alert-unknown-ca", "A client that verifies within TLS 1.2 sends alert unknown_ca, readable.")
def unknown_ca(lab: Lab) -> None:
    _verifying(lab, ONLY_TLS_1_2)
    lab.truth(alerts=["client 48"])


@scene("client-alert-tls13", "The same in TLS 1.3: the certificate is encrypted, and OpenSSL's alert still is not.")
def unknown_ca_13(lab: Lab) -> None:
    _verifying(lab, ONLY_TLS_1_3)
    lab.truth(alerts=["client 48"], certificate=None)


@scene("client-alert-protocol-version", "xrdp speaks TLS 1.0 only, and a client of TLS 1.2 refuses its ServerHello.")
def protocol_version(lab: Lab) -> None:
    lab.serve(Xrdp(security_layer="tls", ssl_protocols="TLSv1", tls_ciphers=SECURITY_LEVEL_0))
    with lab.capturing():
        said = python_client(newest=ssl.TLSVersion.TLSv1_2, oldest=ssl.TLSVersion.TLSv1_2)
    lab.commands.append(f"a client that requests TLS, with Python's ssl and TLS 1.2 alone: {said}")
    lab.truth(requested=["SSL"], selected="SSL", status="rdp")


@scene("openssl-straight-to-xrdp", "openssl s_client speaks TLS at once on 3389, and xrdp knows no such thing.")
def straight(lab: Lab) -> None:
    lab.serve(Xrdp(security_layer="tls"))
    with lab.capturing():
        lab.run("openssl", "s_client", "-connect", f"{SERVER}:3389", limit_s=5.0)


@scene("openssl-straight-tls", "A TLS server on 3389 that is no RDP server, met with TLS at once; with the key log.")
def straight_tls(lab: Lab) -> None:
    made = certificates.rsa(lab.work)
    lab.serve(OpensslServer(certificates=[made], versions=("TLSv1.2",)))
    with lab.capturing():
        lab.run("openssl", "s_client", "-connect", f"{SERVER}:3389", keys=True, limit_s=3.0)
    lab.truth(tls="TLSv1.2", certificate=made.sha256, status="not_rdp", service="tls")


@scene("https-on-3389", "An HTTPS server on 3389, and a client of RDP: it closes.")
def https(lab: Lab) -> None:
    lab.serve(OpensslServer())
    with lab.capturing():
        lab.freerdp(limit_s=5.0)
    lab.truth(status="closed")


@scene("http-on-3389", "A web server on 3389, and a client of RDP.")
def http(lab: Lab) -> None:
    from tests.real.process import Process

    server = Process([sys.executable, "-m", "http.server", "3389", "--bind", SERVER], lab.directory("http"), {})
    lab.stack.callback(server.stop)
    lab.configuration.append("python -m http.server 3389")
    lab.wait_for_listener()
    with lab.capturing():
        lab.freerdp(limit_s=5.0)
    lab.truth(0, status="not_rdp", service="http", codes=["NOT_RDP"])


@scene("refused", "Nobody listens on 3389.")
def refused(lab: Lab) -> None:
    with lab.capturing():
        lab.freerdp(limit_s=5.0)
    lab.truth(0, status="refused", ending="reset", ended_by="server", codes=["TCP_REFUSED"])


@scene("silent", "A listener that takes the request and says nothing.")
def silent(lab: Lab) -> None:
    lab.listen(None)
    with lab.capturing():
        lab.probe("--depth", "discover", "--timeout", "6s", "--json")
    lab.truth(0, status="silent", codes=["X224_SILENT"])


@scene("gives-up-early", "The same, and a client that goes away within a second: nobody knows what would have come.")
def gives_up(lab: Lab) -> None:
    lab.listen(None)
    with lab.capturing():
        lab.probe("--depth", "discover", "--timeout", "500ms", "--json")
    lab.truth(0, ending="closed", ended_by="client", not_codes=["X224_SILENT", "X224_CLOSED"])


@scene("closes-after-request", "A listener that reads the request and closes.")
def closes(lab: Lab) -> None:
    lab.listen(None, end=True)
    with lab.capturing():
        lab.freerdp(limit_s=5.0)
    lab.truth(0, status="closed", ending="closed", ended_by="server", codes=["X224_CLOSED"])


@scene("resets-after-request", "A listener that reads the request and resets.")
def resets(lab: Lab) -> None:
    lab.listen(None, reset=True)
    with lab.capturing():
        lab.freerdp(limit_s=5.0)
    lab.truth(0, ending="reset", ended_by="server")


@scene("disconnect-request", "A listener that answers with an X.224 Disconnect Request.")
def disconnects(lab: Lab) -> None:
    lab.listen(bytes.fromhex("0300000b06800000000000"), end=True)
    with lab.capturing():
        client_of_ours([ASKS_HYBRID])
    lab.commands.append("a client that sends mstsc's request for NLA with the cookie FROG")
    lab.truth(0, cookie="FROG", requested=["SSL", "HYBRID", "HYBRID_EX"], codes=["X224_DISCONNECTED"])


@scene("port-scan-connect", "nmap opens and closes port 3389 without a byte.")
def opened(lab: Lab) -> None:
    lab.serve(Xrdp())
    with lab.capturing():
        lab.nmap("-sT")


@scene("port-scan-syn", "nmap's half-open scan: SYN, SYN and ACK, reset.")
def half_open(lab: Lab) -> None:
    lab.serve(Xrdp())
    with lab.capturing():
        lab.nmap("-sS")


@scene("two-interleaved", "Two xfreerdp at once, one with TLS and one with Standard RDP Security.")
def interleaved(lab: Lab) -> None:
    lab.serve(Xrdp(certificate=certificates.ecdsa(lab.work), ssl_protocols=ONLY_TLS_1_2, channels=True))
    with lab.capturing("-c", "90"), lab.begun(*FREERDP, f"/v:{SERVER}", "/sec:tls") as (first, _):
        lab.freerdp("/sec:rdp", limit_s=2.0)
        lab.ended(first)


@scene("port-reuse", "Three connections from one port: the client resets, and comes again.")
def port_reuse(lab: Lab) -> None:
    lab.serve(Xrdp())
    with lab.capturing():
        for request in (ASKS_HYBRID, ASKS_SSL, ASKS_SSL):
            client_of_ours([request], source_port=50001, reset=True)
    lab.commands.append("a client that sends a request, reads the answer and resets, three times from port 50001")
    lab.truth(0, cookie="FROG", selected="SSL", ending="reset", ended_by="client", status="rdp")
    for stream in (1, 2):
        lab.truth(stream, requested=["SSL"], selected="SSL", ending="reset", ended_by="client", status="rdp")


@scene("udp-unanswered", "rdp-probe asks for RDP over UDP as well, where nobody answers it.")
def udp(lab: Lab) -> None:
    lab.serve(Xrdp(certificate=certificates.ecdsa(lab.work)))
    lab.serve_datagrams()
    with lab.capturing():
        lab.probe("--depth", "discover", "--udp", "--timeout", "1s", "--json")
    lab.said["udp_exchanges"] = 1
