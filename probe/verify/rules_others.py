"""What a policy may demand of UDP, of the kind of server, and of what the diagnoses say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec

from probe.diagnosis.stored import stored
from probe.language import N_, _
from probe.needs import Needs
from probe.result import SEVERITIES, Diagnosis, Result, Severity
from probe.verify.diagnoses_seen import SEEN, can_be_worse, is_usual, needs_of, unseen
from probe.verify.rule import Finding, kind
from probe.verify.seen import not_known

Kind = Literal["windows", "xrdp", "freerdp", "gnome", "weston", "virtualbox"]
UdpState = Literal["open", "closed"]
_UDP: dict[UdpState, tuple[str, str]] = {
    "open": (N_("UDP is open"), N_("{seen}; open is required")),
    "closed": (N_("UDP is closed"), N_("{seen}; closed is required")),
}
_Code: Any = Literal.__getitem__(tuple(SEEN))  # of every code


@kind(
    "udp.state",
    UdpState,
    says="RDP over UDP is answered (open), or a SYN to its port is turned away (closed). Silence is neither.",
    example='"closed"',
    needs=Needs(udp=True),
    words=lambda value: _(_UDP[value][0]),
)
def udp_state(value: UdpState, result: Result) -> Finding:
    """Silence may be a filter, a firewall, or a datagram that was lost: it is unknown."""
    udp = result.udp
    if udp is None:
        return not_known(_("UDP was not asked for"))
    if udp.state == "open" or (udp.state == "malformed" and value == "closed"):
        seen = _("UDP {port} answers", port=udp.port)
        state = "passed" if value == "open" else "failed"
    elif udp.state == "refused":
        seen = _("UDP {port} is turned away: nothing listens there", port=udp.port)
        state = "passed" if value == "closed" else "failed"
    elif udp.state == "silent":
        return not_known(_("no answer on UDP {port} (closed or filtered)", port=udp.port))
    else:
        how = udp.cause or udp.answer or udp.ending or udp.state
        return not_known(_("UDP {port} was not settled: {how}", port=udp.port, how=stored(how)))
    message = _(_UDP[value][1], seen=seen)
    if state == "passed":
        return Finding(state="passed", message=message, observed=udp.state)
    return Finding(
        state="failed",
        message=message,
        observed=udp.state,
        evidence=(_("sent {sent} datagrams to UDP {port}: {state}", sent=udp.sent, port=udp.port, state=udp.state),),
        diagnosis="UDP_UNREACHABLE" if value == "open" else None,
    )


@kind(
    "server.kind",
    Annotated[list[Kind], msgspec.Meta(min_length=1)],
    says="What answers is a server of one of these kinds.",
    example='["windows"]',
    needs=Needs(standard=True),
    words=lambda value: _(" or ").join(value),
)
def server_kind(value: list[str], result: Result) -> Finding:
    """The kind by its traits, which is never more than likely."""
    server = result.server
    if server is None or server.kind == "unknown":
        return not_known(_("what kind of server it is could not be told"))
    message = _("it is {kind} ({certainty})", kind=server.kind, certainty=_(server.certainty))
    if server.kind in value:
        return Finding(state="passed", message=message, observed=server.kind)
    return Finding(
        state="failed",
        message=_("{message}; allowed are {kinds}", message=message, kinds=_(", ").join(value)),
        observed=server.kind,
        evidence=tuple(stored(trait) for trait in server.evidence),
    )


@kind(
    "diagnoses.forbidden",
    Annotated[list[_Code], msgspec.Meta(min_length=1)],
    says="None of these diagnoses is made, and what each rests on was looked at.",
    example='["NLA_NOT_ENFORCED", "TLS_LEGACY_VERSION"]',
    needs=needs_of,
    words=lambda value: _("without {codes}", codes=_(", ").join(value)),
)
def forbidden(value: list[str], result: Result) -> Finding:
    """A diagnosis that is not made holds only where it could have been."""
    made = [each for each in result.diagnoses if each.code in value]
    if made:
        return _made(made)
    for code in value:
        why = unseen(code, result)
        if why is not None:
            return not_known(_("{code} could not be told: {why}", code=code, why=why))
    message = _("none of {codes} is found", codes=_(", ").join(value))
    return Finding(state="passed", message=message, observed=_("none"))


@kind(
    "diagnoses.worst",
    Severity,
    says=(
        "No diagnosis is more severe than this, of all that depth standard tells; what is asked for besides"
        " (UDP, a gateway, licenses, every suite) counts where it was asked for."
    ),
    example='"risk"',
    needs=Needs(standard=True),
    words=lambda value: _("nothing more severe than {severity}", severity=value),
)
def worst(value: Severity, result: Result) -> Finding:
    """What is worse fails; otherwise every diagnosis of depth standard must have had its chance."""
    most = SEVERITIES.index(value)
    worse = [each for each in result.diagnoses if SEVERITIES.index(each.severity) < most]
    if worse:
        return _made(worse)
    for code in SEEN:
        why = unseen(code, result) if is_usual(code) and can_be_worse(code, value) else None
        if why is not None:
            return not_known(_("{code} could not be told: {why}", code=code, why=why))
    found = [each.severity for each in result.diagnoses]
    observed = min(found, key=SEVERITIES.index) if found else _("none")
    message = _("nothing more severe than {severity} is found", severity=value)
    return Finding(state="passed", message=message, observed=observed)


def _made(made: Sequence[Diagnosis]) -> Finding:
    codes = _(", ").join(dict.fromkeys(each.code for each in made))
    evidence = [f"{each.code}: {said}" for each in made for said in each.evidence or [each.summary]]
    return Finding(
        state="failed",
        message=_("found: {codes}", codes=codes),
        observed=codes,
        evidence=tuple(evidence),
        diagnosis=made[0].code,
    )
