"""What proves that several servers stand behind one address, or that the way leads on to another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address

from probe.diagnosis import catalogue_farm as catalogue
from probe.diagnosis.rule import Evidence, finds
from probe.language import _
from probe.result import Result

# SRC-REF in the confirms of software that always says the same: Windows and xrdp, FreeRDP's library, VirtualBox.
_FIXED_REFERENCES = {"0x1234", "0x0000", "0x3412"}
_BROKER_CODES = {*range(0x0400, 0x0413)} - {0x0408}  # [MS-RDPBCGR] 2.2.5.1.1; that its pool is taken is a limit
# Source: win32 IMsRdpClientAdvancedSettings::LoadBalanceInfo: address and port, each as a number of swapped bytes.
_MSTS = re.compile(r"Cookie: msts=([0-9]{1,10})\.([0-9]{1,5})\.[0-9]{4}")


@finds(catalogue.LOAD_BALANCED)
def load_balanced(result: Result) -> Iterator[Evidence]:
    """Names, software or certificates that one server does not have both of."""
    if result.status != "rdp":
        return
    computers = result.credssp.computers if result.credssp is not None else []
    if len(computers) > 1:
        for computer in computers:
            yield Evidence(said=_("an NTLM challenge names {computer}", computer=computer))
    for said in (*_confirms(result), *_subjects(result)):
        yield Evidence(said=said)


@finds(catalogue.REDIRECTED)
def redirected(result: Result) -> Iterator[Evidence]:
    """A routing token was sent, and RDP answered; or the server sent the connection on."""
    token = result.target.routing_token
    if token is not None and result.status == "rdp":
        where = _named_by(token) or _("the token names no address that could be read")
        yield Evidence(said=_("sent the routing token {token}", token=token), facts={"where": where})
    for entry in result.licensing:
        if "redirection" in (entry.answer, entry.then):
            said = _("over {protocol}, the server sent a redirection", protocol=entry.over)
            yield Evidence(said=said, facts={"where": _("the server sends clients on to another")})
        elif entry.error_info_code in _BROKER_CODES:
            code = entry.error_info or f"0x{entry.error_info_code:04X}"
            said = _("over {protocol}, the connection broker said {code}", protocol=entry.over, code=code)
            yield Evidence(said=said, facts={"where": code})


def _confirms(result: Result) -> Iterator[str]:
    """Connection Confirms of different software, or with different flags for the same request and selection."""
    attempts = result.negotiation.attempts if result.negotiation is not None else []
    references = dict.fromkeys(each.source_reference for each in attempts if each.source_reference is not None)
    if len(references) > 1 and references.keys() <= _FIXED_REFERENCES:
        yield _("Connection Confirms carry the references {references}", references=_(", ").join(references))
    flags: dict[tuple[str, str], dict[str, None]] = {}
    for each in attempts:
        if each.selected is not None:
            asked = flags.setdefault(("+".join(each.requested) or _("nothing"), each.selected), {})
            asked[" ".join(each.flags) or _("none")] = None
    for (asked_for, selected), told in flags.items():
        if len(told) > 1:
            yield _(
                "asked for {asked}, selected {selected} with different flags: {flags}",
                asked=asked_for,
                selected=selected,
                flags=_("; ").join(told),
            )


def _subjects(result: Result) -> Iterator[str]:
    """Certificates for different subjects with keys of the same type: a renewal or a second key keeps the subject."""
    by_key: dict[str, dict[str, None]] = {}
    for chain in result.certificates:
        for leaf in chain.chain[:1]:
            if leaf.subject is not None and leaf.key is not None:
                by_key.setdefault(leaf.key.type, {})[leaf.subject] = None
    for key, subjects in by_key.items():
        if len(subjects) > 1:
            yield _("{key} certificates are for {subjects}", key=key, subjects=_("; ").join(subjects))


def _named_by(token: str) -> str | None:
    """The address and port that a token names, where it is of the kind that tells."""
    found = _MSTS.fullmatch(token.strip())
    if found is None:
        return None
    address, port = int(found[1]), int(found[2])
    if address > 0xFFFFFFFF or port > 0xFFFF:
        return None
    return f"{IPv4Address(address.to_bytes(4, 'little'))}:{int.from_bytes(port.to_bytes(2, 'little'))}"
