"""The facts of a result, in tables and labeled lines."""

from __future__ import annotations

from collections.abc import Iterator

from probe.report import text_tls
from probe.report.escape import terminal
from probe.report.page import Page, Part
from probe.report.sentences import ENDINGS, why_no_version
from probe.report.text_certificate import certificates
from probe.result import CredSsp, Ntlm, Result, StandardRdp, Verdict

LABEL = 14
_LONGEST_NAME = 80
_MEANS = {
    "HYBRID_EX": "NLA",
    "HYBRID": "NLA",
    "SSL": "TLS without NLA",
    "RDP": "no TLS",
    "RDSTLS": "for redirection",
    "RDSAAD": "Entra ID",
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
    rows = [*_rows(result, verbosity), *_unsettled(result)]
    if rows:
        page.blank()
    for label, words in rows:
        page.paragraph(words, first=[(label, "bold")], indent=LABEL)
    if (verbosity or result.depth == "full") and (spent := text_tls.spent(result)) is not None:
        page.blank()
        page.paragraph(spent, style="dim")


def _unsettled(result: Result) -> Iterator[tuple[str, str]]:
    if result.tls is not None and result.tls.unsettled:
        words = "; ".join(terminal(text_tls.spoken(words)) for words in result.tls.unsettled)
        yield "Not settled", words


def _protocols(result: Result) -> Iterator[list[Part]]:
    if result.negotiation is None or result.status != "rdp":
        return
    yield [("Security protocols", "bold")]
    for name, found in result.negotiation.protocols.items():
        why = _MEANS.get(name, "") if found.state == "accepted" else _why_no_protocol(found)
        yield [(f"  {terminal(name, 20):<9}  ", ""), (f"{found.state:<8}", _STYLES[found.state]), (f"  {why}", "")]


def _why_no_protocol(found: Verdict) -> str:
    if found.failure is not None:
        return terminal(found.failure.removesuffix("_BY_SERVER"), 40)
    if found.selected is not None:
        instead = "selected instead" if found.state == "rejected" else "was preferred"
        return f"{terminal(found.selected, 40)} {instead}"
    if found.reason == "confirm without negotiation":
        return "no negotiation"
    if found.reason is not None:
        return "disconnected" if found.reason == "disconnect provider ultimatum" else terminal(found.reason, 40)
    if found.ending is not None:
        return "no answer" if found.ending == "timed_out" else f"no answer: {_ending(found)}"
    return "not asked"


def _ending(found: Verdict) -> str:
    return ENDINGS[found.ending].removeprefix("connection ") if found.ending is not None else ""


def _versions(result: Result) -> Iterator[list[Part]]:
    if result.tls is None:
        return
    yield [("TLS", "bold")]
    width = max((len(text_tls.version_number(name)) for name in result.tls.versions), default=0)
    for name, found in result.tls.versions.items():
        number = text_tls.version_number(name).ljust(width)
        why = "" if found.state == "accepted" else why_no_version(found)
        yield [(f"  {number}  ", ""), (f"{found.state:<8}", _STYLES[found.state]), (f"  {why}", "")]


def _rows(result: Result, verbosity: int) -> Iterator[tuple[str, str]]:
    """Labels and what stands behind them."""
    if result.tls is not None and (made := result.tls.handshake) is not None:
        group = [terminal(made.group.name, 60)] if made.group is not None else []
        parts = [made.version.replace("TLSv", "TLS "), terminal(made.cipher_suite.name, 60), *group]
        yield "Handshake", " · ".join([*parts, *([] if made.complete else ["not completed"])])
    if result.tls is not None:
        yield from text_tls.rows(result.tls, verbosity)
    yield from certificates(result.certificates, verbosity)
    if result.standard_rdp is not None:
        yield "Standard RDP", " · ".join(_standard(result.standard_rdp))
        inside = result.standard_rdp.certificate
        for _, words in certificates(
            [inside.chain] if inside is not None and inside.chain is not None else [], verbosity
        ):
            yield "", words
    if result.credssp is not None:
        yield "CredSSP", " · ".join(_credssp(result.credssp))
        if result.credssp.ntlm is not None:
            yield "NTLM", " · ".join(_ntlm(result.credssp.ntlm)) or "an empty challenge"
    yield from _negotiated(result)
    for label, answers in (("UDP", result.udp), ("Gateway", result.gateway)):
        if answers is not None:
            yield label, " · ".join(f"{terminal(name, 40)} {terminal(str(value))}" for name, value in answers.items())
    if verbosity and result.server is not None and result.server.evidence:
        yield "Seen as", f"{_kind(result)}: " + "; ".join(terminal(sign) for sign in result.server.evidence)


def _kind(result: Result) -> str:
    return terminal(result.server.kind, 40) if result.server is not None else "unknown"


def _negotiated(result: Result) -> Iterator[tuple[str, str]]:
    if result.negotiation is None:
        return
    direct = result.negotiation.direct_tls
    if direct.state == "accepted":
        yield "Direct TLS", "accepted: TLS is also served without X.224"
    elif direct.state == "rejected":
        yield "Direct TLS", f"rejected ({why_no_version(direct)})"
    elif direct.ending is not None or direct.reason is not None:
        yield "Direct TLS", f"unknown ({why_no_version(direct)})"
    flags = [
        f"{words} {'advertised' if value else 'not advertised'}"
        for words, value in (
            ("restricted admin", result.negotiation.restricted_admin),
            ("remote credential guard", result.negotiation.remote_credential_guard),
        )
        if value is not None
    ]
    if flags:
        yield "Flags", " · ".join(flags)


def _standard(section: StandardRdp) -> Iterator[str]:
    if section.encryption_level is not None:
        yield f"level {terminal(section.encryption_level, 40)}"
    yield from _methods(section)
    if section.certificate is not None:
        certificate = section.certificate
        bits = f", RSA {certificate.key_bits}" if certificate.key_bits is not None else ""
        valid = {True: ", signature valid", False: ", signature not valid", None: ""}[certificate.signature_valid]
        count = f", {certificate.certificates} in its chain" if certificate.certificates is not None else ""
        yield f"{certificate.kind} certificate{bits}{valid}{count}"
    if section.rdp_version is not None:
        yield f"RDP {terminal(section.rdp_version, 40)}"
    yield from _unanswered(section)
    if not (section.encryption_level or section.methods_asked or section.certificate or section.rdp_version):
        yield "accepted"


def _methods(section: StandardRdp) -> Iterator[str]:
    if section.encryption_methods:
        words = ", ".join(terminal(name, 20) for name in section.encryption_methods)
        yield f"{words}{', whatever is offered' if section.ignores_offered_methods else ''}"
    elif any(asked.method is not None for asked in section.methods_asked):
        yield "no encryption: the server chose none"
    elif section.methods_asked:
        yield "no encryption method was agreed on"


def _unanswered(section: StandardRdp) -> Iterator[str]:
    """Methods that, offered alone, were not answered, by how their connections ended."""
    unanswered: dict[str, list[str]] = {}
    for asked in section.methods_asked:
        if asked.ending is not None:
            unanswered.setdefault(ENDINGS[asked.ending], []).append(terminal(asked.offered, 40))
    for ending, offered in unanswered.items():
        yield f"{', '.join(offered)} alone: {ending}"


def _credssp(section: CredSsp) -> Iterator[str]:
    if section.version is not None:
        yield f"version {section.version}"
    if section.mechanisms:
        yield ", ".join(terminal(name, 40) for name in section.mechanisms)
    if section.error is not None:
        yield f"error {terminal(section.error, 60)}"
    if section.ending is not None:
        yield f"no usable answer: {ENDINGS[section.ending]}"
    if section.version is None and section.ending is None:
        yield "not settled"


def _ntlm(ntlm: Ntlm) -> Iterator[str]:
    account = [name for name in (ntlm.netbios_domain or ntlm.target_name, ntlm.netbios_computer) if name]
    if account:
        yield "\\".join(terminal(name, _LONGEST_NAME) for name in account)
    if ntlm.dns_computer:
        yield terminal(ntlm.dns_computer, _LONGEST_NAME)
    if ntlm.os_build:
        yield f"build {terminal(ntlm.os_build, 40)}"
    if ntlm.clock_skew_s is not None:
        yield _clock(ntlm.clock_skew_s)


_NOISE_S = 1.0  # some servers tell whole seconds only


def _clock(skew: float) -> str:
    if abs(skew) < _NOISE_S:
        return "clock agrees"
    way = "ahead" if skew > 0 else "behind"
    minute, hour, day = 60, 3600, 86400
    size = abs(skew)
    for unit, name in ((day, "days"), (hour, "h"), (minute, "min")):
        if size >= 2 * unit:
            return f"clock {size / unit:.0f} {name} {way}"
    return f"clock {size:.1f} s {way}"
