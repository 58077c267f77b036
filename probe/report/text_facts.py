"""The facts of a result, in tables and labeled lines."""

from __future__ import annotations

from collections.abc import Iterator

from probe.diagnosis.stored import stored
from probe.language import N_, _
from probe.report import text_licensing, text_outside, text_tls
from probe.report.escape import terminal
from probe.report.page import Page, Part
from probe.report.sentences import STATES, ending_of, listed, why_no_version
from probe.report.sentences_capture import lack
from probe.report.text_certificate import certificates
from probe.report.wrapping import pad
from probe.result import CredSsp, EndingName, Ntlm, Result, StandardCertificate, StandardRdp, Verdict

LABEL = 14
_LONGEST_NAME = 80
_MEANS = {
    "HYBRID_EX": "NLA",
    "HYBRID": "NLA",
    "SSL": N_("TLS without NLA"),
    "RDP": N_("no TLS"),
    "RDSTLS": N_("for redirection"),
    "RDSAAD": "Entra ID",
}
_CERTIFICATES = {
    "proprietary": N_("proprietary certificate"),
    "x509": N_("x509 certificate"),
    "unknown": N_("unknown certificate"),
}
_STYLES = {"accepted": "bold", "rejected": "", "unknown": "dim"}


def facts(result: Result, page: Page, verbosity: int) -> None:
    """Everything that was found, for whoever wants to check the verdict."""
    full = result.tls if result.tls is not None and text_tls.is_full(result.tls) else None
    left, right = list(_protocols(result)), [] if full is not None else list(_versions(result))
    if left or right:
        page.blank()
        page.beside(left or right, right if left else [])
    if full is not None:
        text_tls.versions(full, page, verbosity)
    rows = [*labeled(result, verbosity), *_unsettled(result)]
    if rows:
        page.blank()
    for label, words in rows:
        page.paragraph(words, first=[(label, "bold")], indent=LABEL)
    if (verbosity or result.depth == "full") and (spent := text_tls.spent(result)) is not None:
        page.blank()
        page.paragraph(spent, style="dim")


def _unsettled(result: Result) -> Iterator[tuple[str, str]]:
    if result.tls is not None and result.tls.unsettled:
        words = _("; ").join(terminal(text_tls.spoken(stored(words))) for words in result.tls.unsettled)
        yield _("Not settled"), words


def _protocols(result: Result) -> Iterator[list[Part]]:
    if result.negotiation is None or result.status != "rdp":
        return
    yield [(_("Security protocols"), "bold")]
    for name, found in result.negotiation.protocols.items():
        why = _(_MEANS.get(name, "")) if found.state == "accepted" else _why_no_protocol(found)
        yield [
            (f"  {terminal(name, 20):<9}  ", ""),
            (pad(_(STATES[found.state]), 8), _STYLES[found.state]),
            (f"  {why}", ""),
        ]


def _why_no_protocol(found: Verdict) -> str:
    if found.failure is not None:
        return terminal(found.failure.removesuffix("_BY_SERVER"), 40)
    if found.selected is not None:
        selected = terminal(found.selected, 40)
        if found.state == "rejected":
            return _("{protocol} selected instead", protocol=selected)
        return _("{protocol} was preferred", protocol=selected)
    if found.reason == "confirm without negotiation":
        return _("no negotiation")
    if found.reason == "disconnect provider ultimatum":
        return _("disconnected")
    if found.reason is not None:
        return terminal(stored(found.reason), 40)
    if found.ending is None:
        return _("not asked")
    return _("no answer") if found.ending == "timed_out" else _("no answer: {ending}", ending=_short(found.ending))


def _short(ending: EndingName) -> str:
    return {"closed": _("closed"), "reset": _("reset")}.get(ending, ending_of(ending))


def _versions(result: Result) -> Iterator[list[Part]]:
    if result.tls is None:
        return
    yield [("TLS", "bold")]
    width = max((len(text_tls.version_number(name)) for name in result.tls.versions), default=0)
    for name, found in result.tls.versions.items():
        number = text_tls.version_number(name).ljust(width)
        why = "" if found.state == "accepted" else why_no_version(found)
        yield [(f"  {number}  ", ""), (pad(_(STATES[found.state]), 8), _STYLES[found.state]), (f"  {why}", "")]


def labeled(result: Result, verbosity: int) -> Iterator[tuple[str, str]]:
    """What was seen of a server beside protocols and versions: labels, and what stands behind them."""
    if result.tls is not None and (made := result.tls.handshake) is not None:
        group = [terminal(made.group.name, 60)] if made.group is not None else []
        parts = [made.version.replace("TLSv", "TLS "), terminal(made.cipher_suite.name, 60), *group]
        if not made.complete and (result.capture is None or lack(result.capture) is None):
            parts.append(_("not completed"))
        yield _("Handshake"), " · ".join(parts)
    if result.tls is not None:
        yield from text_tls.rows(result.tls, verbosity)
    yield from certificates(result.certificates, verbosity)
    if result.standard_rdp is not None:
        yield _("Standard RDP"), " · ".join(_standard(result.standard_rdp, by_us=result.capture is None))
        inside = result.standard_rdp.certificate
        chains = [inside.chain] if inside is not None and inside.chain is not None else []
        yield from (("", words) for _label, words in certificates(chains, verbosity))
    if result.credssp is not None:
        yield "CredSSP", " · ".join(_credssp(result.credssp))
        if result.credssp.ntlm is not None:
            yield "NTLM", " · ".join(_ntlm(result.credssp.ntlm)) or _("an empty challenge")
    yield from _negotiated(result)
    yield from text_licensing.rows(result)
    yield from text_outside.rows(result)
    if verbosity and result.server is not None and result.server.evidence:
        signs = _("; ").join(terminal(stored(sign)) for sign in result.server.evidence)
        yield _("Seen as"), _("{kind}: {signs}", kind=terminal(result.server.kind, 40), signs=signs)


def _negotiated(result: Result) -> Iterator[tuple[str, str]]:
    if result.negotiation is None:
        return
    direct = result.negotiation.direct_tls
    if direct.state == "accepted":
        yield _("Direct TLS"), _("accepted: TLS is also served without X.224")
    elif direct.state == "rejected":
        yield _("Direct TLS"), _("rejected ({why})", why=why_no_version(direct))
    elif direct.ending is not None or direct.reason not in (None, "not asked"):
        yield _("Direct TLS"), _("unknown ({why})", why=why_no_version(direct))
    flags = [
        _("{name} advertised", name=_(name)) if value else _("{name} not advertised", name=_(name))
        for name, value in (
            (N_("restricted admin"), result.negotiation.restricted_admin),
            (N_("remote credential guard"), result.negotiation.remote_credential_guard),
        )
        if value is not None
    ]
    if flags:
        yield _("Flags"), " · ".join(flags)


def _standard(section: StandardRdp, *, by_us: bool) -> Iterator[str]:
    yield _("RDP's own encryption, without TLS")
    if section.encryption_level is not None:
        yield _("level {name}", name=terminal(section.encryption_level, 40))
    yield from _methods(section)
    if section.certificate is not None:
        yield _certificate(section.certificate)
    if section.rdp_version is not None:
        version = f"RDP {terminal(section.rdp_version, 40)}"
        yield _("{version}, which share one number", version=version) if "-" in section.rdp_version else version
    if by_us:  # a client of others offers what it likes: that it was not answered says nothing of its methods
        yield from _unanswered(section)
    if not (section.encryption_level or section.methods_asked or section.certificate or section.rdp_version):
        yield _("accepted")


def _certificate(found: StandardCertificate) -> str:
    """What Standard RDP Security proves itself by, in a few words."""
    parts = [_(_CERTIFICATES[found.kind])]
    if found.key_bits is not None:
        parts.append(f"RSA {found.key_bits}")
    if found.signature_valid is not None:
        parts.append(_("signature valid") if found.signature_valid else _("signature not valid"))
    if found.certificates is not None:
        parts.append(_("{count} in its chain", count=found.certificates))
    return listed(parts)


def _methods(section: StandardRdp) -> Iterator[str]:
    if section.encryption_methods:
        words = listed(terminal(name, 20) for name in section.encryption_methods)
        yield _("{methods}, whatever is offered", methods=words) if section.ignores_offered_methods else words
    elif any(asked.method is not None for asked in section.methods_asked):
        yield _("no encryption: the server chose none")
    elif section.methods_asked:
        yield _("no encryption method was agreed on")


def _unanswered(section: StandardRdp) -> Iterator[str]:
    """Methods that, offered alone, were not answered, by how their connections ended."""
    unanswered: dict[str, list[str]] = {}
    for asked in section.methods_asked:
        if asked.ending is not None and asked.offered:
            unanswered.setdefault(ending_of(asked.ending), []).append(terminal(asked.offered, 40))
    for ending, offered in unanswered.items():
        yield _("{methods} alone: {ending}", methods=listed(offered), ending=ending)


def _credssp(section: CredSsp) -> Iterator[str]:
    if section.version is not None:
        yield _("version {number}", number=section.version)
    if section.mechanisms:
        yield listed(terminal(name, 40) for name in section.mechanisms)
    if section.error is not None:
        yield _("error {code}", code=terminal(section.error, 60))
    if section.ending is not None:
        yield _("no usable answer: {ending}", ending=ending_of(section.ending))
    if section.version is None and section.ending is None:
        yield _("not settled")


def _ntlm(ntlm: Ntlm) -> Iterator[str]:
    account = [name for name in (ntlm.netbios_domain or ntlm.target_name, ntlm.netbios_computer) if name]
    if account:
        yield "\\".join(terminal(name, _LONGEST_NAME) for name in account)
    if ntlm.dns_computer:
        yield terminal(ntlm.dns_computer, _LONGEST_NAME)
    if ntlm.os_build:
        yield _("build {number}", number=terminal(ntlm.os_build, 40))
    if ntlm.clock_skew_s is not None:
        yield _clock(ntlm.clock_skew_s)


_NOISE_S = 1.0  # some servers tell whole seconds only


def _clock(skew: float) -> str:
    if abs(skew) < _NOISE_S:
        return _("clock agrees")
    return _("clock {time} ahead", time=_time(skew)) if skew > 0 else _("clock {time} behind", time=_time(-skew))


def _time(seconds: float) -> str:
    minute, hour, day = 60, 3600, 86400
    for unit, name in ((day, N_("{count} days")), (hour, N_("{count} h")), (minute, N_("{count} min"))):
        if seconds >= 2 * unit:
            return _(name, count=f"{seconds / unit:.0f}")
    return _("{count} s", count=f"{seconds:.1f}")
