"""Which hellos settle a TLS version, and whether it has a second certificate. Below depth full. Pure.

The usual hello of a current client is enough where a server agrees to it, or says that the version is what it refuses.
Where it says no more than that nothing fits, one hello with everything there is decides. Where suites or groups are to
be tried by themselves, that hello takes the place of the usual one: agreed to, it shows that a refusal of less of it is
no refusal of what else is in a hello.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from probe.audit.attempt import Question, Stage
from probe.audit.chain import Answers
from probe.audit.offers import all_suites, groups_of, is_touchy, whole_offer
from probe.audit.outcome import Outcome, outcome
from probe.audit.reading import Reading
from probe.handshake.client_hello import usual_offer
from probe.handshake.machine import Ending
from probe.needs import Trial
from probe.wire.nego import NegotiationResponse, Protocol
from probe.wire.tls_key_exchange import key_exchange_of
from probe.wire.tls_record import AlertDescription
from probe.wire.tls_version import SSL3, TLS10, TLS11, TLS12, TLS13, version_name

_VERSIONS = (TLS13, TLS12, TLS11, TLS10, SSL3)
_NOTHING_FITS = (AlertDescription.HANDSHAKE_FAILURE, AlertDescription.INSUFFICIENT_SECURITY)
_CLEAR = (TLS12, TLS11, TLS10, SSL3)  # in which certificates are sent in clear
_KEYS = ("ECDSA", "RSA", "DSS")  # of certificates, up to TLS 1.2


def usual_hello(over: int | None, version: int) -> Question:
    """The hello of a current client that has this version and no other."""
    return Question(protocols=over, stage=Stage.HELLO, version=version)


def whole_hello(over: int | None, version: int) -> Question:
    """The hello with everything that this version has."""
    return Question(
        protocols=over, stage=Stage.HELLO, version=version, offer=whole_offer(version), purpose="TLS versions"
    )


def says_nothing_fits(reading: Reading) -> bool:
    """Refused for what the hello offers, and not, as far as is said, for its version."""
    return reading.alert is not None and reading.server_hello is None and reading.alert.description in _NOTHING_FITS


def tried_in(trials: Collection[Trial]) -> list[int]:
    """The versions whose own hello is to be the whole one."""
    return [
        version
        for version in _VERSIONS
        if any(
            set(trial.codes).intersection(all_suites(version) if trial.kind == "suites" else groups_of(version))
            for trial in trials
        )
    ]


def of_versions(
    readings: Sequence[Reading], over: int, versions: Sequence[int], tried: Collection[int] = ()
) -> Iterator[tuple[Question, ...]]:
    """Groups of hellos, each begun when the one before was answered. `tried` are versions with trials to come.

    The last is never complete while the first connection, which may show the version that is served, goes on.
    """
    heard = Answers(readings, over)
    goes_on = any(reading.ending is Ending.INTERRUPTED for reading in readings)
    newer = [version for version in versions if version >= TLS12 and not (goes_on and version in tried)]
    older = [version for version in versions if version < TLS12]
    for group in (newer, older) if tried else ((*newer, *older),):
        firsts = {version: _first(heard, readings, version, tried) for version in group}
        yield tuple(firsts.values())
        seconds = (_second(heard, question, version) for version, question in firsts.items())
        yield tuple(question for question in seconds if question is not None)
        if goes_on and tried:
            return


def _first(heard: Answers, readings: Sequence[Reading], version: int, tried: Collection[int]) -> Question:
    usual, whole = usual_hello(heard.over, version), whole_hello(heard.over, version)
    if heard.get(whole) is not None:
        return whole
    if version not in tried or heard.get(usual) is not None:
        return usual
    newest = max((hello.selected_version for each in readings if (hello := each.server_hello)), default=0)
    expected = version <= newest if version >= TLS12 else _takes_everything(heard)
    return whole if expected else usual


def _second(heard: Answers, question: Question, version: int) -> Question | None:
    """The other hello, where the first does not settle the version."""
    reading = heard.final(question)
    if reading is None:
        return None
    if question.offer is None:
        return whole_hello(heard.over, version) if says_nothing_fits(reading) else None
    says_version = reading.alert is not None and reading.alert.description == AlertDescription.PROTOCOL_VERSION
    settled = says_version or outcome(reading) in (Outcome.AGREED, Outcome.OTHER_VERSION)
    settled = settled or (version < TLS12 and _takes_everything(heard))  # it is not what else is in the hello
    return None if settled else usual_hello(heard.over, version)


def _takes_everything(heard: Answers) -> bool:
    """The hello with everything was agreed to in TLS 1.2: older ones hold no more."""
    reading = heard.final(whole_hello(heard.over, TLS12))
    return reading is not None and outcome(reading) is Outcome.AGREED


def certificate_hello(readings: Sequence[Reading], over: int) -> Question | None:
    """A hello that only a server with another certificate agrees to, of another kind of key than was seen.

    In the newest version before TLS 1.3, where a suite says what the certificate's key is, and where it can be read.
    """
    heard = Answers(readings, over)
    agreed = [reading for reading in heard.all if outcome(reading) is Outcome.AGREED and reading.chain]
    version = next((version for version in _CLEAR if any(each.answers_version(version) for each in agreed)), None)
    if version is None:
        return None
    seen = {
        _key_of(hello.cipher_suite) for each in agreed if each.answers_version(version) and (hello := each.server_hello)
    }
    keys = set(_KEYS) - seen
    left = tuple(suite for suite in all_suites(version) if _key_of(suite) in keys and not is_touchy(suite))
    purpose = f"{version_name(version)} certificates"
    before = next((reading.question.hello for reading in heard.all if reading.question.purpose == purpose), None)
    whole = heard.get(whole_hello(over, version))
    offer = whole_offer(version) if whole is not None and outcome(whole) is Outcome.AGREED else usual_offer(version)
    return heard.asking(replace(before or offer, suites=left), purpose) if left else None


def other_road(readings: Sequence[Reading], over: int) -> Question | None:
    """A hello of TLS 1.0 over HYBRID, where all others go over SSL: the two may lead to different programs."""
    by_hybrid = any(
        isinstance(answer := reading.negotiation, NegotiationResponse)
        and answer.selected == reading.question.protocols == Protocol.HYBRID
        for reading in readings
    )
    is_served = any(reading.answers_version(TLS10) for reading in readings)
    if over != Protocol.SSL or not by_hybrid or is_served:
        return None
    return usual_hello(Protocol.HYBRID, TLS10)


def _key_of(suite: int) -> str:
    """The kind of key that a suite needs in the certificate: "RSA" of "ECDHE_RSA"."""
    return key_exchange_of(suite).rpartition("_")[2]
