"""Results made by hand, each of a sort that a reader meets, for whole reports that are compared word for word."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from probe.diagnosis import diagnose
from probe.diagnosis.clients import evaluate
from probe.result import (
    AttemptRecord,
    Certificate,
    CertificateChain,
    CredSsp,
    Diagnosis,
    Key,
    MethodAttempt,
    Negotiation,
    NegotiationAttempt,
    Ntlm,
    Registered,
    Result,
    Server,
    StandardCertificate,
    StandardRdp,
    Status,
    Step,
    Target,
    Tls,
    TlsAnswer,
    TlsHandshake,
    Trust,
    Verdict,
)
from tests.golden import full

PROTOCOLS = ("HYBRID_EX", "HYBRID", "SSL", "RDP", "RDSTLS", "RDSAAD")
VERSIONS = ("TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1.0")
ACCEPTED = Verdict(state="accepted")
_X25519 = Registered(code="0x001d", name="x25519")


def result(status: Status = "rdp", host: str = "srv1.example", address: str | None = "192.0.2.7") -> Result:
    """A result with nothing in it yet."""
    return Result(
        target=Target(input=host, host=host, port=3389, address=address),
        started="2026-11-21T10:00:00.000Z",
        elapsed_ms=140.0,
        depth="standard",
        connections=12,
        bytes_sent=5000,
        bytes_received=9000,
        status=status,
    )


def protocols(accepted: tuple[str, ...], other: Verdict) -> dict[str, Verdict]:
    """Every protocol: some accepted, the others all alike."""
    return {name: ACCEPTED if name in accepted else other for name in PROTOCOLS}


def certificate(subject: str = "CN=srv1.example", days_left: int = 12) -> CertificateChain:
    """A chain of one self-signed certificate."""
    leaf = Certificate(
        sha256="ab" * 32,
        subject=subject,
        issuer=subject,
        not_before="2026-06-05T00:00:00Z",
        not_after="2026-12-03T00:00:00Z",
        key=Key(type="RSA", bits=2048),
        signature_algorithm="sha256WithRSAEncryption",
        self_signed=True,
    )
    return CertificateChain(chain=[leaf], name_match=True, served_to=["TLSv1.2", "TLSv1.3"], days_left=days_left)


def _modern_tls() -> Tls:
    old = Verdict(state="rejected", reason="alert protocol_version")
    return Tls(
        versions={name: ACCEPTED if name in ("TLSv1.3", "TLSv1.2") else old for name in VERSIONS},
        handshake=TlsHandshake(
            version="TLSv1.3",
            cipher_suite=Registered(code="0x1302", name="TLS_AES_256_GCM_SHA384"),
            group=_X25519,
            over="HYBRID",
        ),
        answered={
            "TLSv1.3": TlsAnswer(cipher_suite=Registered(code="0x1302", name="TLS_AES_256_GCM_SHA384"), group=_X25519),
            "TLSv1.2": TlsAnswer(
                cipher_suite=Registered(code="0xc030", name="TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"), group=_X25519
            ),
        },
    )


def windows_nla() -> Result:
    """NLA required, and a certificate that runs out soon."""
    made = result()
    made.server = Server(
        kind="windows",
        release="Windows Server 2022",
        certainty="likely",
        evidence=["SRC-REF 0x1234", "NTLM build 20348"],
    )
    made.negotiation = Negotiation(
        protocols=protocols(("HYBRID_EX", "HYBRID"), Verdict(state="rejected", failure="HYBRID_REQUIRED_BY_SERVER")),
        nla="required",
        restricted_admin=True,
        remote_credential_guard=True,
        direct_tls=Verdict(state="rejected", reason="closed", ending="closed"),
    )
    made.tls = _modern_tls()
    made.certificates = [certificate()]
    made.credssp = CredSsp(
        version=6,
        mechanisms=["NTLM"],
        ntlm=Ntlm(
            target_name="CORP",
            netbios_domain="CORP",
            netbios_computer="SRV1",
            dns_computer="srv1.corp.example",
            os_build="10.0.20348",
            clock_skew_s=0.4,
        ),
    )
    made.clients = evaluate(made)
    made.diagnoses = [
        Diagnosis(
            code="CERT_SELF_SIGNED",
            severity="info",
            summary="Self-signed, as Windows makes it by itself",
            evidence=["CN=srv1.example is its own issuer."],
        ),
        Diagnosis(
            code="TLS_MODERN_ONLY",
            severity="breaks_some",
            summary="Clients without TLS 1.2 cannot connect",
            evidence=["Windows 7 without KB3080079, Windows XP and rdesktop before 1.9 lack it."],
            remedies=["Old clients: install KB3080079 and enable TLS 1.2 in SCHANNEL on them."],
            user_sees=["An internal error has occurred."],
        ),
        Diagnosis(
            code="CERT_EXPIRES_SOON",
            severity="risk",
            summary="The certificate expires in 12 days (2026-12-03)",
            remedies=[
                "Give the listener a certificate of your CA before 2026-12-03.",
                "Or let Windows make a new one.",
            ],
        ),
    ]
    return made


def windows_nla_attempts() -> Result:
    """The same with two of its attempts, as -v and -vv show them."""
    made = windows_nla()
    request = "030000130ee000000000000100080001000000"
    made.attempts = [
        AttemptRecord(
            number=1,
            asked="SSL, then a complete TLS handshake",
            ending="complete",
            started_ms=0.2,
            elapsed_ms=1.2,
            bytes_sent=19,
            bytes_received=19,
            steps=[
                Step(at_ms=0.5, side="client", what="RequestData: asks for SSL", hex=request, size=19),
                Step(at_ms=0.9, side="server", what="ConfirmData: HYBRID_REQUIRED_BY_SERVER", hex="ab" * 128, size=300),
                Step(at_ms=1.0, side="both", what="TLS ended by close_notify"),
            ],
        ),
        AttemptRecord(
            number=2,
            asked="HYBRID, then a TLSv1.0 ClientHello",
            ending="reset",
            expected="the server's ServerHello",
            cause="Connection reset by peer",
            started_ms=2.0,
            elapsed_ms=3.5,
            bytes_sent=200,
            bytes_received=19,
            repeat=True,
        ),
    ]
    return made


def xrdp() -> Result:
    """A server that negotiates, knows no NLA, and takes Standard RDP Security too."""
    made = result(host="192.0.2.20", address="192.0.2.20")
    made.server = Server(kind="xrdp", certainty="likely", evidence=["SC_CORE version 0x00080004 in 12 bytes"])
    made.negotiation = Negotiation(
        protocols=protocols(("SSL", "RDP"), Verdict(state="rejected", selected="RDP")),
        nla="unsupported",
        direct_tls=Verdict(state="rejected", reason="clear-text disconnect"),
    )
    made.negotiation.protocols["RDSAAD"] = Verdict(
        state="unknown", reason="disconnect provider ultimatum", ending="closed"
    )
    made.tls = _modern_tls()
    made.certificates = [certificate("CN=linux.example", 169)]
    made.certificates[0].name_match = None
    made.standard_rdp = StandardRdp(
        rdp_version="5.0-8.1",
        encryption_level="HIGH",
        encryption_methods=["128BIT"],
        certificate=StandardCertificate(kind="proprietary", key_bits=2048, signature_valid=True),
        ignores_offered_methods=True,
    )
    made.diagnoses = [
        Diagnosis(
            code="STANDARD_RDP_WEAK",
            severity="risk",
            summary="Standard RDP Security is accepted.",
            evidence=["RDP alone was answered with RDP; its RC4 keeps nothing from a machine in the middle."],
            remedies=["In xrdp.ini set security_layer=tls, then restart xrdp."],
        ),
        Diagnosis(code="NLA_UNSUPPORTED", severity="info", summary="Network Level Authentication is not offered."),
    ]
    return made


def tls_aborted() -> Result:
    """TLS is selected, and every ClientHello is answered by a reset."""
    made = result(host="srv2.example", address="192.0.2.8")
    reset = Verdict(state="rejected", reason="reset", ending="reset")
    made.negotiation = Negotiation(
        attempts=[NegotiationAttempt(requested=["SSL"], selected="SSL", elapsed_ms=1.0)],
        protocols=protocols(("SSL",), Verdict(state="rejected", failure="SSL_REQUIRED_BY_SERVER")),
        nla="unsupported",
    )
    made.tls = Tls(versions=dict.fromkeys(VERSIONS, reset))
    made.diagnoses = [
        Diagnosis(
            code="TLS_HANDSHAKE_ABORTED",
            severity="blocker",
            summary="TLS is agreed on, then every handshake dies.",
            evidence=["TLS 1.0, 1.1, 1.2 and 1.3 were each answered by a reset, twice."],
            causes=[
                "The server cannot read its private key: event 36870 (Schannel) in its System log.",
                "TLS is disabled in SCHANNEL on the server: event 36871; no TLS version key is enabled.",
                "Something between you and it resets TLS: ask from inside the network; does it answer there?",
            ],
            remedies=["Give NETWORK SERVICE read access to the private key of the certificate."],
            user_sees=["An internal error has occurred."],
        )
    ]
    return made


def xp_like() -> Result:
    """Neither negotiation nor TLS, and a short key."""
    made = result(host="old.example", address="192.0.2.30")
    made.negotiation = Negotiation(
        protocols=protocols(("RDP",), Verdict(state="rejected", reason="confirm without negotiation")),
        nla="unsupported",
        direct_tls=Verdict(state="rejected", reason="closed", ending="closed"),
    )
    made.standard_rdp = StandardRdp(
        rdp_version="5.0-8.1",
        encryption_level="CLIENT_COMPATIBLE",
        encryption_methods=["128BIT", "56BIT", "40BIT"],
        certificate=StandardCertificate(kind="proprietary", key_bits=512, signature_valid=True),
        methods_asked=[MethodAttempt(offered="FIPS", ending="closed")],
        ignores_offered_methods=False,
    )
    made.lost = "RDP, then basic settings with FIPS"
    return made


def ssh() -> Result:
    """Another service on the port."""
    made = result("not_rdp", "srv3.example", "192.0.2.9")
    made.connections, made.service, made.banner = 1, "ssh", "SSH-2.0-OpenSSH_9.2p1"
    return made


def refused() -> Result:
    """Nothing listens."""
    made = result("refused", "2001:db8::7", "2001:db8::7")
    made.connections, made.ending, made.cause = 2, "refused", "Connection refused"
    return made


def unresolved() -> Result:
    """The name leads nowhere."""
    made = result("dns_error", "nosuch.example", None)
    made.connections, made.cause = 0, "Name or service not known"
    return made


def silent() -> Result:
    """The port is open and says nothing."""
    made = result("silent")
    made.bytes_received = 0
    made.connections, made.ending = 4, "timed_out"
    return made


def windows_full() -> Result:
    """The same server at depth full, with a certificate of an authority whose own was not served."""
    made = windows_nla()
    made.depth, made.connections, made.elapsed_ms = "full", 52, 610.0
    made.spent = {"protocols": 7, "TLSv1.3 suites": 3, "TLSv1.2 suites": 24, "groups": 9, "features": 9}
    made.tls = full.windows()
    leaf = made.certificates[0].chain[0]
    leaf.issuer, leaf.self_signed, leaf.serial, leaf.spki_sha256 = "CN=CORP Issuing CA", False, "4f2a", "12" * 32
    leaf.names, leaf.key_usage = ["srv1.example", "srv1"], ["digital_signature", "key_encipherment"]
    leaf.extended_key_usage = ["serverAuth", "remoteDesktopAuthentication"]
    made.certificates[0].ntlm_name_match = False
    made.certificates[0].trust = Trust(
        verdict="chain_incomplete",
        store="system",
        reason="the issuer was not served and the store lacks it: CN=CORP Issuing CA",
    )
    made.diagnoses = [found for found in diagnose(made) if found.code.startswith("TLS_")]
    made.clients = evaluate(made)
    return made


def ancient_full() -> Result:
    """A server that serves what nobody should, and hangs up on what everybody sends."""
    made = result(host="old.example", address="192.0.2.31")
    made.depth, made.connections = "full", 2
    made.spent = {"TLSv1.2 suites": 1, "SSLv2": 1}
    made.limited = "--max-connections 2"
    made.negotiation = Negotiation(protocols=protocols(("SSL",), Verdict(state="rejected", selected="RDP")))
    made.tls = full.ancient()
    made.certificates = [certificate("CN=old", 169)]
    made.certificates[0].windows_generated = True
    made.diagnoses = [found for found in diagnose(made) if found.code.startswith("TLS_")]
    return made


def hostile() -> Result:
    """Every text that a server chooses tries to act on the terminal."""
    evil = "\x1b[31m\r\n[bold]x[/bold]\u202egpj \x9b2J"
    made = windows_nla()
    made.certificates[0].chain[0].subject = f"CN={evil}"
    made.certificates[0].chain[0].error = evil
    made.credssp = CredSsp(
        version=6, ntlm=Ntlm(netbios_domain=evil, netbios_computer=evil, dns_computer=evil, os_build=evil)
    )
    made.diagnoses = [
        Diagnosis(
            code="CERT_NAME_MISMATCH",
            severity="breaks_some",
            summary=f"The certificate is for {evil}",
            evidence=[evil],
            remedies=[evil],
            user_sees=[evil],
        )
    ]
    made.lost, made.intermittent = evil, [evil]
    return made


GOLDEN: Mapping[str, tuple[Callable[[], Result], int]] = {
    "windows_nla": (windows_nla, 0),
    "windows_nla_v": (windows_nla_attempts, 1),
    "windows_nla_vv": (windows_nla_attempts, 2),
    "windows_full": (windows_full, 0),
    "windows_full_v": (windows_full, 1),
    "ancient_full": (ancient_full, 0),
    "ancient_full_v": (ancient_full, 1),
    "xrdp": (xrdp, 0),
    "tls_aborted": (tls_aborted, 0),
    "xp_like": (xp_like, 0),
    "ssh": (ssh, 0),
    "refused": (refused, 0),
    "unresolved": (unresolved, 0),
    "silent": (silent, 0),
    "hostile": (hostile, 0),
}
