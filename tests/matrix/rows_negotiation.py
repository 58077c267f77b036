"""What a server can answer to a Connection Request, and inside NLA and Standard RDP Security."""

from __future__ import annotations

from dataclasses import replace

from probe.drive.demo_replies import Profile
from probe.result import Severity
from probe.wire.credssp import NtStatus
from probe.wire.gcc import EncryptionLevel, EncryptionMethod
from probe.wire.nego import FailureCode, Protocol
from tests.licensing_server import DEMAND_ACTIVE, NO_SERVER, VALID, set_error
from tests.matrix import embedded
from tests.matrix.embedded import RC4, STRONG, answers, nla, served
from tests.matrix.faults import AsksForMore
from tests.matrix.rows_xrdp import BOTH, RDP_ONLY, SELF_SIGNED, TLS_ONLY, Codes
from tests.matrix.situation import Behind, Embedded, Program, Situation, kind
from tests.real.xrdp import Xrdp

NLA: Codes = {"NLA_REQUIRED": "info", **SELF_SIGNED}
_ONLY_RDP = Profile(accepts=(Protocol.RDP,), standard=STRONG)
_WITHOUT_NLA = Profile(accepts=(Protocol.SSL, Protocol.RDP), tls=embedded.TLS, standard=STRONG)
_EVERYTHING = replace(
    embedded.NLA_ALONE,
    accepts=(Protocol.HYBRID_EX, Protocol.HYBRID, Protocol.SSL, Protocol.RDP),
    refusal=None,
    standard=STRONG,
)


def _fails(code: FailureCode, diagnosis: str, why: str) -> Situation:
    severity: Severity = "blocker"
    return Situation(
        name=f"fails-{code.value}",
        started=f"a server that answers everything with {code.name}",
        site=embedded.fails(code),
        codes={diagnosis: severity},
        nla="unknown" if code is FailureCode.HYBRID_REQUIRED_BY_SERVER else "unsupported",
        why=why,
    )


FAILURES = (
    _fails(FailureCode.SSL_REQUIRED_BY_SERVER, "TLS_REQUIRED", "TLS is required, and refused as well"),
    _fails(
        FailureCode.SSL_NOT_ALLOWED_BY_SERVER, "STANDARD_RDP_ONLY", "TLS is not allowed, and RDP is refused as well"
    ),
    _fails(FailureCode.SSL_CERT_NOT_ON_SERVER, "TLS_CERTIFICATE_MISSING", "it says itself what it lacks"),
    _fails(FailureCode.INCONSISTENT_FLAGS, "INCONSISTENT_FLAGS", "to it every request contradicts itself"),
    _fails(FailureCode.HYBRID_REQUIRED_BY_SERVER, "NLA_REQUIRED", "NLA is required, and refused as well"),
    _fails(
        FailureCode.SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER,
        "USER_AUTH_REQUIRED",
        "it wants a certificate from the client",
    ),
)

NEGOTIATION = (
    Situation(
        name="windows-nla",
        started="the demo's current Windows server",
        site=kind("windows-nla"),
        codes=NLA,
        nla="required",
        why="it admits nobody without NLA",
        as_command=True,
    ),
    Situation(
        name="windows-no-nla",
        started="the demo's older Windows server",
        site=kind("windows-no-nla"),
        codes={
            "NLA_NOT_ENFORCED": "risk",
            "STANDARD_RDP_WEAK": "risk",
            "TLS_LEGACY_VERSION": "risk",
            **SELF_SIGNED,
        },
        nla="offered",
        why="its login screen is shown to anyone",
    ),
    Situation(
        name="windows-xp",
        started="the demo's Windows XP",
        site=kind("xp-like"),
        codes={
            "NEGOTIATION_UNSUPPORTED": "info",
            "NLA_UNSUPPORTED": "risk",
            "STANDARD_RDP_WEAK": "risk",
            "STANDARD_RDP_WEAK_KEY": "risk",
        },
        why="it confirms without a word on the negotiation, and goes on with RDP",
    ),
    Situation(
        name="nla-not-required",
        started="a server with NLA, TLS and Standard RDP Security of 128 bits",
        site=served(_EVERYTHING),
        codes={"NLA_NOT_ENFORCED": "risk", "STANDARD_RDP_WEAK": "info", **SELF_SIGNED},
        nla="offered",
        why="NLA is offered, and not required",
    ),
    Situation(
        name="nla-required",
        started="the same server with NLA alone",
        site=served(embedded.NLA_ALONE),
        codes=NLA,
        nla="required",
        why="NLA is offered, and required",
    ),
    Situation(
        name="gnome-like",
        started="a server that has HYBRID alone, as GNOME Remote Desktop does",
        site=served(replace(embedded.NLA_ALONE, accepts=(Protocol.HYBRID,), flags=0)),
        codes=NLA,
        nla="required",
        why="that HYBRID_EX is refused takes nothing from NLA",
    ),
    Situation(
        name="code-2-to-hybrid-alone",
        started="a server with TLS and Standard RDP Security that falls back to RDP",
        site=served(_WITHOUT_NLA),
        codes={"NLA_UNSUPPORTED": "risk", "STANDARD_RDP_WEAK": "info", **SELF_SIGNED},
        why="RDP selected in place of HYBRID turns HYBRID away, and not TLS",
    ),
    Situation(
        name="unoffered-protocol",
        started="a server that selects HYBRID whatever it is asked for",
        site=embedded.always_selects(Protocol.HYBRID, answers()),
        codes={"UNOFFERED_PROTOCOL_SELECTED": "breaks_some", **NLA},
        nla="required",
        why="it selects what was not offered",
    ),
    Situation(
        name="honeypot-like",
        started="a server that gives the same confirm with SSL to everything",
        site=embedded.always_selects(Protocol.SSL, embedded.closes),
        codes={"UNOFFERED_PROTOCOL_SELECTED": "breaks_some", "NLA_UNSUPPORTED": "risk", **SELF_SIGNED},
        why="SSL in answer to a request for HYBRID turns HYBRID away",
    ),
    Situation(
        name="negotiation-altered",
        started="xrdp with security_layer=tls behind something that adds HYBRID to each request",
        site=Behind(fault=lambda: AsksForMore(Protocol.HYBRID), sites=(Program(lambda _: Xrdp(security_layer="tls")),)),
        codes={"NEGOTIATION_ALTERED": "risk", **TLS_ONLY, **SELF_SIGNED},
        why="the server repeats inside TLS a request that was not ours",
    ),
    Situation(
        name="plc-closes",
        started="a controller that confirms every connection and closes on what follows",
        site=Embedded(behavior=embedded.says(embedded.BARE_CONFIRM)),
        codes={"NOT_RDP": "blocker"},
        status="not_rdp",
        nla="unknown",
        why="X.224 is not RDP's alone, and RDP never followed",
    ),
    Situation(
        name="plc-is-silent",
        started="a controller that confirms every connection and says nothing more",
        site=Embedded(behavior=embedded.says(embedded.BARE_CONFIRM, leaves=False)),
        codes={"NOT_RDP": "blocker"},
        status="not_rdp",
        nla="unknown",
        why="X.224 is not RDP's alone, and RDP never followed",
        step_s=0.5,
    ),
)

CREDSSP = (
    Situation(
        name="credssp-closed",
        started="a server with NLA that closes at the first TSRequest",
        site=nla(embedded.closes),
        codes={"CREDSSP_ABORTED": "breaks_some", **NLA},
        nla="required",
        why="a server that takes Kerberos alone may hang up on NTLM too: that nobody gets in is not proved",
    ),
    Situation(
        name="credssp-closed-beside-tls",
        started="a server with NLA and TLS that closes at the first TSRequest",
        site=nla(embedded.closes, required=False),
        codes={"CREDSSP_ABORTED": "breaks_some", "NLA_NOT_ENFORCED": "risk", **SELF_SIGNED},
        nla="offered",
        why="clients without NLA still get in",
    ),
    Situation(
        name="credssp-nonsense",
        started="a server with NLA that answers the first TSRequest with a web page",
        site=nla(embedded.talks_nonsense),
        codes={"CREDSSP_ABORTED": "blocker", **NLA},
        nla="required",
        why="no client can go on with that",
    ),
    Situation(
        name="credssp-invalid-token",
        started="a server with NLA that answers the first TSRequest with SEC_E_INVALID_TOKEN",
        site=nla(answers(error=NtStatus.SEC_E_INVALID_TOKEN)),
        codes={"CREDSSP_ABORTED": "breaks_some", **NLA},
        nla="required",
        why="an error that is not about NTLM; with Kerberos it may go on",
    ),
    Situation(
        name="credssp-ntlm-without-challenge",
        started="a server with NLA that answers the first TSRequest by an empty one",
        site=nla(answers(who=None)),
        codes={"CREDSSP_ABORTED": "breaks_some", **NLA},
        nla="required",
        why="CredSSP is spoken, and what becomes of Kerberos was not asked",
    ),
    Situation(
        name="credssp-version-2",
        started="a server with NLA that speaks CredSSP version 2",
        site=nla(answers(version=2)),
        codes={"CREDSSP_OUTDATED": "breaks_some", **NLA},
        nla="required",
        why="from before the repair of CVE-2018-0886",
    ),
    Situation(
        name="credssp-version-5",
        started="a server with NLA that speaks CredSSP version 5",
        site=nla(answers(version=5)),
        codes=NLA,
        nla="required",
        why="the first version with the repair",
    ),
    Situation(
        name="ntlm-blocked",
        started="a server with NLA that answers STATUS_NTLM_BLOCKED",
        site=nla(answers(error=NtStatus.STATUS_NTLM_BLOCKED)),
        codes={"NTLM_REFUSED": "breaks_some", **NLA},
        nla="required",
        why="only clients with Kerberos get in",
    ),
    Situation(
        name="clock-ahead",
        started="a server with NLA whose clock is an hour ahead",
        site=nla(answers(clock_s=3600)),
        codes={"CLOCK_SKEW": "breaks_some", **NLA},
        nla="required",
        why="Kerberos allows five minutes",
    ),
    Situation(
        name="clock-behind",
        started="a server with NLA whose clock is six minutes behind",
        site=nla(answers(clock_s=-360)),
        codes={"CLOCK_SKEW": "breaks_some", **NLA},
        nla="required",
        why="Kerberos allows five minutes, in both directions",
    ),
    Situation(
        name="clock-four-minutes",
        started="a server with NLA whose clock is four minutes ahead",
        site=nla(answers(clock_s=240)),
        codes=NLA,
        nla="required",
        why="Kerberos allows five minutes",
    ),
)

STANDARD = (
    Situation(
        name="encryption-refused",
        started="a server with Standard RDP Security alone that takes no encryption method",
        site=served(replace(_ONLY_RDP, standard=None)),
        codes={"ENCRYPTION_REFUSED": "blocker", "STANDARD_RDP_WEAK": "info", **RDP_ONLY},
        why="it closes on every method offered, and there is nothing else",
    ),
    Situation(
        name="encryption-fips-only",
        started="a server with Standard RDP Security that takes FIPS alone",
        site=served(
            replace(
                _ONLY_RDP,
                standard=replace(STRONG, level=EncryptionLevel.FIPS, methods=(EncryptionMethod.FIPS,)),
            )
        ),
        codes={"ENCRYPTION_FIPS_ONLY": "breaks_some", "STANDARD_RDP_WEAK": "info", **RDP_ONLY},
        why="it closes on every other method",
    ),
    Situation(
        name="encryption-fips-too",
        started="a server with Standard RDP Security that takes FIPS and 128 bits",
        site=served(replace(_ONLY_RDP, standard=replace(STRONG, methods=(*STRONG.methods, EncryptionMethod.FIPS)))),
        codes={"STANDARD_RDP_WEAK": "info", **RDP_ONLY},
        why="FIPS beside another method keeps nobody out",
    ),
    Situation(
        name="encryption-56-bit",
        started="a server with Standard RDP Security that takes 56 bits at most",
        site=served(
            replace(_ONLY_RDP, standard=replace(STRONG, level=EncryptionLevel.CLIENT_COMPATIBLE, methods=RC4[1:]))
        ),
        codes={"STANDARD_RDP_WEAK": "risk", **RDP_ONLY},
        why="such keys are broken in hours",
    ),
    Situation(
        name="standard-key-512",
        started="a server with Standard RDP Security of 128 bits and an RSA key of 512",
        site=served(replace(_ONLY_RDP, standard=replace(STRONG, key_bits=512))),
        codes={"STANDARD_RDP_WEAK": "info", "STANDARD_RDP_WEAK_KEY": "risk", **RDP_ONLY},
        why="the key that protects the session key is short",
    ),
)

_OVER_TLS: Codes = {**TLS_ONLY, **SELF_SIGNED}

LICENSING = (
    Situation(
        name="licensing-no-server",
        started="a server with TLS alone that finds no license server",
        site=embedded.licenses(NO_SERVER),
        codes={"LICENSING_FAILED": "breaks_some", **_OVER_TLS},
        why="the licensing phase is answered by ERR_NO_LICENSE_SERVER",
        licensing=True,
    ),
    Situation(
        name="licensing-not-asked-for",
        started="the same server",
        site=embedded.licenses(NO_SERVER),
        codes=_OVER_TLS,
        why="what is not asked for is not known",
    ),
    Situation(
        name="licensing-valid",
        started="a server with TLS alone that needs no license",
        site=embedded.licenses(VALID, DEMAND_ACTIVE),
        codes=_OVER_TLS,
        why="STATUS_VALID_CLIENT is an error message by its form alone",
        licensing=True,
    ),
    Situation(
        name="licensing-standard",
        started="a server with Standard RDP Security of 128 bits that finds no license server",
        site=embedded.licenses(NO_SERVER, over=Protocol.RDP),
        codes={
            "LICENSING_FAILED": "breaks_some",
            "STANDARD_RDP_WEAK": "info",
            "STANDARD_RDP_WEAK_KEY": "risk",
            **RDP_ONLY,
        },
        why="the same, encrypted",
        licensing=True,
    ),
    Situation(
        name="connection-limit",
        started="a server with TLS alone that denies the connection",
        site=embedded.licenses(VALID, set_error(7)),
        codes={"CONNECTION_LIMIT": "breaks_some", **_OVER_TLS},
        why="a Set Error Info PDU says ERRINFO_SERVER_DENIED_CONNECTION",
        licensing=True,
    ),
    Situation(
        name="no-remote-connections",
        started="a server with TLS alone that is not licensed to take remote connections",
        site=embedded.licenses(VALID, set_error(0x10A)),
        codes={"LICENSING_FAILED": "breaks_some", **_OVER_TLS},
        why="a Set Error Info PDU says ERRINFO_LICENSE_NO_REMOTE_CONNECTIONS, which is no limit",
        licensing=True,
    ),
    Situation(
        name="disconnected-by-another",
        started="a server with TLS alone that says that another user took the session",
        site=embedded.licenses(VALID, set_error(5)),
        codes=_OVER_TLS,
        why="ERRINFO_DISCONNECTED_BY_OTHER_CONNECTION is no limit",
        licensing=True,
    ),
    Situation(
        name="xrdp-licensing",
        started="xrdp with security_layer=negotiate",
        site=Program(lambda _: Xrdp()),
        codes={**BOTH, "STANDARD_RDP_WEAK": "info"},
        why="it gives every client what it needs",
        licensing=True,
        as_command=True,
    ),
)
