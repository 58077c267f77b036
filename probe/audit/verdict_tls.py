"""From readings to the TLS section: versions, the complete handshake, TLS without X.224."""

from __future__ import annotations

from collections.abc import Sequence

from probe.audit import verdict_features as features_of
from probe.audit import verdict_suites as suites_of
from probe.audit.attempt import ALL_VERSIONS, Stage, protocol_name
from probe.audit.fingerprint import ja3s, ja4s
from probe.audit.offers import all_suites, scheme_name
from probe.audit.outcome import Outcome, group_of, outcome, reached_tls, scheme_of, unoffered
from probe.audit.reading import Reading
from probe.audit.trials import is_trial
from probe.audit.version_hellos import says_nothing_fits
from probe.handshake.machine import Ending
from probe.result import Fingerprints, Registered, Tls, TlsAnswer, TlsHandshake, Verdict
from probe.wire.iana import GROUPS
from probe.wire.nego import NegotiationResponse
from probe.wire.tls_suites import suite_name
from probe.wire.tls_version import SSL2, TLS13, version_name


def tls(readings: Sequence[Reading], *, full: bool = False, cut_short: Sequence[str] = ()) -> Tls | None:
    """The TLS section; None where no connection got as far as TLS.

    `full` where everything was to be asked; `cut_short` is what there were too few connections for.
    """
    tried = [reading for reading in readings if reached_tls(reading) and not _is_refused_client(reading)]
    if not tried:
        return None
    over_rdp = suites_of.credible(tried)
    section = Tls(
        versions={
            version_name(version): verdict for version in ALL_VERSIONS if (verdict := _version(version, over_rdp))
        },
        handshake=_handshake(over_rdp),
        answered=_answered([reading for reading in over_rdp if full or not is_trial(reading.question)]),
        handshake_failure=_handshake_failure(over_rdp),
        clear_text_instead=any(_clear_text_instead(reading) for reading in over_rdp),
        fingerprints=_fingerprints(over_rdp),
        intolerance=features_of.intolerance(over_rdp),
    )
    if full:
        _describe_everything(section, over_rdp)
        if cut_short:
            section.unsettled.append(f"not asked for want of connections: {', '.join(cut_short)}")
        if doubtful := len(tried) - len(over_rdp):
            words = "refusals are not counted: at the end the server refused what it had agreed to before"
            section.unsettled.append(f"{doubtful} {words}")
    return section


def tls_of_one(reading: Reading) -> Tls | None:
    """What one connection of others shows by itself, without a verdict on versions; None where it was not of TLS."""
    if not reached_tls(reading):
        return None
    return Tls(
        versions={},
        handshake=_handshake([reading]),
        answered=_answered([reading]),
        clear_text_instead=_clear_text_instead(reading),
        fingerprints=_fingerprints([reading]),
    )


def _is_refused_client(reading: Reading) -> bool:
    """What turns a client's own hello away is no word on a version, nor on all hellos."""
    return reading.question.client is not None and reading.server_hello is None


def _describe_everything(section: Tls, readings: Sequence[Reading]) -> None:
    """What only an enumeration can say."""
    for version in ALL_VERSIONS:
        section.versions.setdefault(version_name(version), Verdict(state="unknown", reason="not asked"))
    section.cipher_suites = suites_of.cipher_suites(readings)
    section.order_by_version = suites_of.orders(readings)
    decided = set(section.order_by_version.values())
    section.server_order = decided.pop() if len(decided) == 1 else None
    section.groups = suites_of.groups(readings)
    section.dh_parameters = suites_of.dh_parameters(readings)
    section.signature_schemes = suites_of.signature_schemes(readings)
    section.extensions = features_of.extensions(readings)
    section.features = features_of.features(readings)
    section.unsettled = suites_of.unsettled(readings) + features_of.not_told(readings, section.features)


def _version(version: int, readings: Sequence[Reading]) -> Verdict | None:
    """The verdict on one version: seen selected anywhere, else what came of its own hello."""
    if any(_agrees_on(version, reading) for reading in readings):
        return Verdict(state="accepted")
    asked = [reading for reading in readings if _is_about(version, reading)]
    if not asked:
        return None
    verdict = hello_verdict(asked[-1])
    if says_nothing_fits(asked[-1]) and not any(_offers_everything(version, reading) for reading in asked):
        verdict.state = "unknown"  # it may have something that was not in our hello
    return verdict


def _offers_everything(version: int, reading: Reading) -> bool:
    offer = reading.question.hello
    return offer is not None and set(all_suites(version)) <= set(offer.suites)


def _is_about(version: int, reading: Reading) -> bool:
    """Its hello asked for this version and no other."""
    question = reading.question
    if question.client is not None:
        return False
    ordinary = not (question.framed or question.other_name) and (question.hello is None or not question.hello.fallback)
    alone = question.hello is None or not question.hello.older
    return question.stage is Stage.HELLO and question.version == version and ordinary and alone


def _agrees_on(version: int, reading: Reading) -> bool:
    """The server selected this version, in answer to a hello that offered it, with a suite that it offered."""
    if version == SSL2:
        return reading.ssl2_hello is not None and outcome(reading) is Outcome.AGREED
    if not reading.answers_version(version):
        return False
    offer, hello = reading.question.hello, reading.server_hello
    if offer is None or hello is None:  # our library's handshake: it went on only if all was as it had offered
        return reading.secured is not None or reading.question.joined
    newer = version == offer.version if offer.version >= TLS13 and not offer.older else version <= offer.version
    return newer and unoffered(hello, offer) is None


def hello_verdict(reading: Reading) -> Verdict:
    """What one hello of ours led to."""
    hello, offer = reading.server_hello, reading.question.hello
    if reading.ssl2_hello is not None and offer is None:
        return _ssl2_verdict(reading.ssl2_hello.version)
    if reading.ssl2_error is not None:
        return Verdict(state="rejected", reason=f"SSLv2 error {reading.ssl2_error.code.name.lower()}")
    if hello is not None:
        selected = hello.selected_version
        stray = unoffered(hello, offer) if offer is not None else None
        if stray is not None and offer is not None and selected >= offer.version:
            return Verdict(state="unknown", reason=f"answered {stray}, which was not offered")
        if selected == reading.question.version:
            return Verdict(state="accepted")
        return Verdict(state="rejected", reason=f"answered {version_name(selected)}")
    if reading.alert is not None:
        return Verdict(state="rejected", reason=f"alert {reading.alert.description.name.lower()}")
    if reading.disconnect is not None:
        return Verdict(state="rejected", reason="clear-text disconnect")
    # A close is an answer. A reset is one once it was seen twice: the first may have been an accident on the way.
    if reading.ending is Ending.CLOSED or (reading.ending is Ending.RESET and reading.question.repeat):
        return Verdict(state="rejected", reason=reading.ending.value, ending=reading.ending.value)
    reason = "malformed" if reading.malformed is not None else reading.ending.value
    return Verdict(state="unknown", reason=reason, ending=reading.ending.value)


def _ssl2_verdict(version: int) -> Verdict:
    """What a SERVER-HELLO of SSL 2.0's form means, which names a version of its own."""
    if version == SSL2:
        return Verdict(state="accepted")
    return Verdict(state="unknown", reason=f"answered {version_name(version)}, which was not offered")


def _clear_text_instead(reading: Reading) -> bool:
    return reading.disconnect is not None and reading.server_hello is None and reading.alert is None


def _handshake_failure(readings: Sequence[Reading]) -> Verdict | None:
    """What the last try at a complete handshake met, where none was completed."""
    tunnels = [reading for reading in readings if reading.question.stage is Stage.TUNNEL]
    if not tunnels or any(reading.secured is not None for reading in tunnels):
        return None
    verdict = hello_verdict(tunnels[-1])
    return verdict if tunnels[-1].server_hello is None else Verdict(state="unknown", reason="not completed")


def _best_tunnel(readings: Sequence[Reading]) -> Reading | None:
    """The first complete handshake, else the first ServerHello of an attempt at one."""
    tunnels = [reading for reading in readings if reading.question.stage is Stage.TUNNEL and reading.server_hello]
    complete = [reading for reading in tunnels if reading.secured is not None]
    return next(iter(complete or tunnels), None)


def _handshake(readings: Sequence[Reading]) -> TlsHandshake | None:
    best = _best_tunnel(readings)
    if best is None or best.server_hello is None or not isinstance(best.negotiation, NegotiationResponse):
        return None
    hello = best.server_hello
    group = group_of(best)
    return TlsHandshake(
        version=version_name(hello.selected_version),
        cipher_suite=Registered(code=f"0x{hello.cipher_suite:04x}", name=suite_name(hello.cipher_suite)),
        group=registered(group, GROUPS) if group is not None else None,
        complete=best.secured is not None,
        over=protocol_name(best.negotiation.selected),
    )


def _answered(readings: Sequence[Reading]) -> dict[str, TlsAnswer]:
    """One answer of each version: the first that tells the group, else the first; to hellos of ours before others.

    Those offer what clients have had for long, and our library's what is newest, so that a server may choose that.
    """
    found: dict[str, TlsAnswer] = {}
    agreed = sorted(suites_of.answers(readings), key=lambda reading: reading.question.hello is None)
    for reading, hello in [(reading, hello) for reading in agreed if (hello := reading.server_hello) is not None]:
        name, group, scheme = version_name(hello.selected_version), group_of(reading), scheme_of(reading)
        if name not in found or (found[name].group is None and group is not None):
            found[name] = TlsAnswer(
                cipher_suite=Registered(code=f"0x{hello.cipher_suite:04x}", name=suite_name(hello.cipher_suite)),
                group=registered(group, GROUPS) if group is not None else None,
                scheme=Registered(code=f"0x{scheme:04x}", name=scheme_name(scheme)) if scheme is not None else None,
            )
    return found


def _fingerprints(readings: Sequence[Reading]) -> Fingerprints | None:
    best = _best_tunnel(readings)
    if best is None or best.server_hello is None:
        return None
    return Fingerprints(ja3s=ja3s(best.server_hello), ja4s=ja4s(best.server_hello))


def registered(code: int, registry: dict[int, str]) -> Registered:
    """A code point with its name; its own number where the registry has none."""
    number = f"0x{code:04x}"
    return Registered(code=number, name=registry.get(code, number))


def direct_tls(readings: Sequence[Reading]) -> Verdict:
    """TLS straight after TCP, without X.224."""
    asked = [reading for reading in readings if reading.question.protocols is None]
    if not asked:
        return Verdict(state="unknown")
    verdict = hello_verdict(asked[-1])
    if asked[-1].server_hello is not None:
        return Verdict(state="accepted")
    return verdict
