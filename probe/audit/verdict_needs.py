"""From readings to what an audit says of being narrowed to what was needed: its trials, and what it asked at all."""

from __future__ import annotations

from collections.abc import Sequence

from probe.audit.plan import tls_protocol
from probe.audit.reading import Reading
from probe.audit.settings import Settings
from probe.audit.trials import Line, Trials
from probe.audit.verdict_suites import credible, dh_parameters
from probe.audit.verdict_tls import hello_verdict, registered
from probe.needs import Needs, Trial, TrialKind
from probe.result import Negotiation, Registered, Tls, TlsTrial, Verdict
from probe.wire.iana import GROUPS
from probe.wire.tls_suites import suite_name
from probe.wire.tls_version import version_name

_NOT_ASKED = "not asked"
_NOT_TOLD = "answered, and which group was not told"
_OTHER_REASON = "the same hello was refused with what the server accepts in it too"
_WEARY = "at the end the server refused what it had agreed to before"
_UNKNOWN = Verdict(state="unknown")


def asked(settings: Settings) -> list[str] | None:
    """The places in a result that were asked for, in its order; None where all was that the depth asks."""
    needs = settings.needs
    if needs is None or settings.simulate:
        return None
    wanted = settings.wanted or needs
    return [
        *(["full"] if settings.depth == "full" else ["standard"] if needs.standard else []),
        *(f"negotiation.protocols.{name}" for name in sorted(wanted.protocols)),
        *(["negotiation.direct_tls"] if wanted.direct_tls else []),
        *(["standard_rdp"] if wanted.encryption else []),
        *(f"tls.versions.{name}" for name in sorted(wanted.versions)),
        *(["tls.trials"] if wanted.trials else []),
        *(["tls.intolerance"] if wanted.intolerance else []),
        *(["certificates"] if wanted.certificates else []),
        *(["credssp"] if wanted.credssp else []),
        *(["licensing"] if settings.licensing else []),
        *(["udp"] if settings.udp else []),
        *(["gateway"] if settings.gateway else []),
    ]


def narrow(negotiation: Negotiation) -> None:
    """Say of each protocol, and of TLS without X.224, that was not asked for that it was not."""
    for verdict in (*negotiation.protocols.values(), negotiation.direct_tls):
        if verdict == _UNKNOWN:
            verdict.reason = _NOT_ASKED


def describe_trials(section: Tls, readings: Sequence[Reading], needs: Needs) -> None:
    """What came of each trial in each version that was agreed on, and the Diffie-Hellman groups that were met."""
    over = tls_protocol(readings)
    if over is None:
        return
    heard = credible(readings)
    lines = Trials(heard, over, needs.trials).lines
    section.trials = [_described(line, trial) for line in lines for trial in line.codes]
    for trial in section.trials if len(heard) < len(readings) else []:
        trial.reason = _WEARY if trial.reason == _NOT_ASKED else trial.reason
    section.dh_parameters = dh_parameters(readings)


def _described(line: Line, trial: Trial) -> TlsTrial:
    codes, left = line.codes[trial], line.left(trial)
    selected = [code for code in line.selected if code in codes]
    found = TlsTrial(
        kind=trial.kind,
        version=version_name(line.version),
        offered=[f"0x{code:04x}" for code in sorted(codes)],
        selected=[_named(trial.kind, code) for code in selected],
        state="rejected" if not left and len(selected) < len(codes) else "accepted" if selected else "unknown",
    )
    if found.state == "accepted" and (not left or len(selected) >= trial.enough):
        return found
    failed = [reading for reading in line.failures if not left or line.offered(reading).intersection(left)]
    if not failed:
        found.reason = _NOT_ASKED
        return found
    how = hello_verdict(failed[-1])
    found.reason, found.ending = how.reason or _NOT_TOLD, how.ending
    if left and line.doubtful.issuperset(left):
        found.reason = _OTHER_REASON
    return found


def _named(kind: TrialKind, code: int) -> Registered:
    if kind == "groups":
        return registered(code, GROUPS)
    return Registered(code=f"0x{code:04x}", name=suite_name(code))
