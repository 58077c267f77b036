"""Small results to diagnose: each builder states what matters, the rest is a server of no interest."""

from __future__ import annotations

from probe.diagnosis import diagnose
from probe.result import (
    Capture,
    Certificate,
    CertificateChain,
    ClientSide,
    CredSsp,
    Diagnosis,
    EndingName,
    Key,
    MethodAttempt,
    Negotiation,
    NegotiationAttempt,
    Ntlm,
    Result,
    StandardCertificate,
    StandardRdp,
    State,
    Status,
    Target,
    Tls,
    Verdict,
)

STARTED = "2026-11-21T02:00:00.123Z"
ACCEPTED, UNKNOWN = Verdict(state="accepted"), Verdict(state="unknown", ending="closed")
SELECTED_RDP = Verdict(state="rejected", selected="RDP")


def result(
    status: Status = "rdp",
    *,
    host: str = "srv1.example",
    address: str | None = "192.0.2.7",
    ending: EndingName | None = None,
    connections: int = 1,
) -> Result:
    """A result with nothing in it but how the target was met."""
    return Result(
        target=Target(input=host, host=host, port=3389, address=address),
        started=STARTED,
        elapsed_ms=100.0,
        depth="standard",
        connections=connections,
        bytes_sent=300,
        bytes_received=1,
        status=status,
        ending=ending,
    )


def refused(failure: str) -> Verdict:
    return Verdict(state="rejected", failure=failure)


def negotiated(**protocols: Verdict) -> Result:
    """A server with these verdicts."""
    described = result()
    described.negotiation = Negotiation(protocols=protocols)
    return described


def all_refused(failure: str) -> Result:
    return negotiated(RDP=refused(failure), SSL=refused(failure), HYBRID=refused(failure))


def captured(described: Result, side: ClientSide | None = None, **fields: object) -> Result:
    """The same from a capture of one connection."""
    fields = {"syn": True, "syn_ack": True} | fields
    described.capture = Capture(
        file="x.pcap",
        stream=1,
        client="192.0.2.9:51234",
        server="192.0.2.7:3389",
        first_packet=1,
        last_packet=9,
        client_side=side,
        ending=str(fields.pop("ending", "open")),
        **fields,  # type: ignore[arg-type]
    )
    return described


def attempted(
    *,
    requested: tuple[str, ...] = ("SSL",),
    selected: str | None = None,
    answer: str | None = None,
    status: Status = "rdp",
    ending: EndingName | None = None,
) -> Result:
    """One connection that negotiated."""
    described = result(status, ending=ending)
    attempt = NegotiationAttempt(requested=list(requested), selected=selected, answer=answer, elapsed_ms=1.0)
    described.negotiation = Negotiation(attempts=[attempt])
    return described


def standard(
    level: str | None = None,
    methods: tuple[str, ...] = (),
    *,
    asked: tuple[tuple[str, EndingName | None], ...] = (),
    key_bits: int | None = None,
    ssl: Verdict = UNKNOWN,
    hybrid: Verdict = UNKNOWN,
) -> Result:
    """A server that accepts Standard RDP Security."""
    described = negotiated(RDP=ACCEPTED, SSL=ssl, HYBRID=hybrid)
    described.standard_rdp = StandardRdp(
        encryption_level=level,
        encryption_methods=list(methods),
        methods_asked=[MethodAttempt(offered=offered, ending=ending) for offered, ending in asked],
        certificate=StandardCertificate(kind="proprietary", key_bits=key_bits),
    )
    return described


def credssp(section: CredSsp, *, without: State = "unknown") -> Result:
    described = negotiated(HYBRID=ACCEPTED, SSL=Verdict(state=without), RDP=Verdict(state=without))
    described.credssp = section
    return described


def challenged(clock_skew_s: float | None, timestamp: str | None = None) -> Result:
    return credssp(CredSsp(version=6, ntlm=Ntlm(clock_skew_s=clock_skew_s, timestamp=timestamp)))


def said(reason: str, state: State = "rejected", ending: EndingName | None = None) -> Verdict:
    """What came of one TLS hello."""
    return Verdict(state=state, reason=reason, ending=ending)


def tls(*verdicts: Verdict, rdp: Verdict = UNKNOWN) -> Result:
    """Verdicts on TLS 1.3, 1.2, 1.1 and 1.0, as many as are given."""
    described = negotiated(SSL=ACCEPTED, RDP=rdp)
    names = ("TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1.0")
    described.tls = Tls(versions=dict(zip(names, verdicts, strict=False)))
    return described


def certificate(
    sha256: str = "aa",
    *,
    since: str | None = "2026-01-01T00:00:00Z",
    until: str | None = "2027-06-01T00:00:00Z",
    self_signed: bool | None = False,
    subject: str | None = "CN=srv1",
    key: str | None = "RSA",
    error: str | None = None,
    names: tuple[str, ...] = (),
) -> Certificate:
    return Certificate(
        sha256=sha256,
        subject=subject,
        not_before=since,
        not_after=until,
        self_signed=self_signed,
        key=Key(type=key) if key is not None else None,
        error=error,
        names=list(names),
    )


def served(*leaves: Certificate, name_match: bool | None = None, served_to: tuple[str, ...] = ("TLSv1.2",)) -> Result:
    """Each certificate as a chain of its own."""
    described = tls(ACCEPTED, ACCEPTED)
    described.certificates = [
        CertificateChain(chain=[leaf], name_match=name_match, served_to=list(served_to)) for leaf in leaves
    ]
    return described


def codes(described: Result) -> list[str]:
    return [diagnosis.code for diagnosis in diagnose(described)]


def the(code: str, described: Result) -> Diagnosis:
    """The one diagnosis of this code."""
    [found] = [diagnosis for diagnosis in diagnose(described) if diagnosis.code == code]
    return found
