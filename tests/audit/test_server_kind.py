from __future__ import annotations

from collections.abc import Iterable

import pytest

from probe.audit.attempt import Attempt, Question, Stage
from probe.audit.reading import read
from probe.audit.server_kind import server_kind
from probe.audit.windows import release_of
from probe.handshake.machine import Ending, Event
from probe.result import Server
from tests.audit import attempts as a


def kind(attempts: Iterable[Attempt]) -> Server:
    return server_kind([read(attempt) for attempt in attempts])


def seen(protocols: int, *events: Event, stage: Stage = Stage.TUNNEL, **fields: int) -> Attempt:
    return a.attempt(a.ask(protocols, stage, **fields), events)


def asked_fully(answer: a.Answer) -> Server:
    return kind(a.ran(answer)[0])


def test_xrdp_by_its_quirks() -> None:
    found = asked_fully(a.xrdp)
    assert (found.kind, found.certainty, found.release) == ("xrdp", "likely", None)
    assert len(found.evidence) == 4
    assert found.rdp_version == "5.0-8.1"


def test_xrdp_that_requires_tls_is_one_too() -> None:
    found = kind([seen(a.SSL, *a.selects(a.SSL, 0x01)), seen(a.RDSAAD, *a.disconnect()), seen(a.RDP, *a.fails(1))])
    assert (found.kind, found.certainty) == ("xrdp", "likely")


def test_xrdp_without_its_quirks_is_not_told_from_old_windows() -> None:
    old = [
        seen(a.SSL, *a.fails(2)),
        seen(a.RDP, *a.selects(a.RDP, 0x01), *a.settings(requested=0), stage=Stage.SETTINGS),
    ]
    assert kind(old).kind == "unknown"
    assert asked_fully(a.xp).kind == "unknown"


def test_a_disconnect_behind_a_connect_initial_is_no_quirk() -> None:
    inside = seen(a.SSL, *a.selects(a.SSL, 0x01), *a.tunnel(), *a.disconnect())
    clear = seen(a.RDP, *a.selects(a.RDP, 0x01), *a.disconnect(), stage=Stage.SETTINGS)
    assert kind([inside, clear]).kind == "unknown"
    in_place_of_tls = seen(a.SSL, *a.selects(a.SSL, 0x01), *a.disconnect())
    assert kind([in_place_of_tls]).kind == "xrdp"


@pytest.mark.parametrize(
    "other",
    [
        seen(a.SSL, *a.selects(a.SSL, 0x1F)),
        seen(a.HYBRID, *a.selects(a.HYBRID, 0x01)),
        seen(a.SSL, *a.selects(a.SSL, 1, 0)),
    ],
    ids=["flags", "HYBRID", "reference"],
)
def test_what_xrdp_never_says_makes_it_no_xrdp(other: Attempt) -> None:
    assert kind([seen(a.RDSAAD, *a.disconnect()), other]).kind != "xrdp"


@pytest.mark.parametrize("build", [(6, 1, 7601), (10, 0, 22631)])
def test_freerdp_is_never_windows_whatever_build_it_claims(build: tuple[int, int, int]) -> None:
    def answer(question: Question) -> tuple[list[Event], Ending]:
        events, ending = a.freerdp(question)
        if question.stage is Stage.TUNNEL and question.protocols == a.HYBRID:
            stamp = a.names(a.filetime(1_795_226_400))
            events = [*a.selects(a.HYBRID, 0x03, a.FREERDP), *a.tunnel(), *a.challenge(build, stamp, bytes(32))]
        return events, ending

    found = asked_fully(answer)
    assert (found.kind, found.certainty, found.release) == ("freerdp", "likely", None)
    assert any("clientNonce" in each for each in found.evidence)
    assert any("whole seconds" in each for each in found.evidence)


def test_freerdp_follows_the_clients_version() -> None:
    def follows(version: int) -> Attempt:
        core = a.settings(method=0, level=0, version=min(version, 0x0008000C), requested=0)
        return seen(a.RDP, *a.selects(a.RDP, 0x03, a.FREERDP), *core, stage=Stage.SETTINGS, rdp_version=version)

    found = kind([follows(0x00080011), follows(0x00080004)])
    assert found.kind == "freerdp"
    assert "SC_CORE version follows the client's" in found.evidence
    assert found.rdp_version == "10.7"
    assert "SC_CORE version follows the client's" in kind([follows(0x00080007)]).evidence
    assert "SC_CORE version follows the client's" not in kind([follows(0x00080004)]).evidence


def test_a_reference_of_zero_alone_is_nothing() -> None:
    found = kind([seen(a.SSL, *a.fails(5, a.FREERDP))])
    assert (found.kind, found.certainty) == ("unknown", "unknown")
    assert found.evidence == ["SRC-REF 0x0000"]


@pytest.mark.parametrize(
    ("flags", "release"),
    [
        (0x07, "Windows 8 or Server 2012"),
        (0x0F, "Windows 8.1 or Server 2012 R2"),
        (0x1F, "Windows 10 1607 or later, Server 2016 or later"),
        (0x2F, "Windows 11 24H2 or Server 2025"),
        (0x3F, "Windows 11 24H2 or Server 2025"),
        (0x5F, None),
    ],
)
def test_windows_by_its_flags(flags: int, release: str | None) -> None:
    found = kind([seen(a.HYBRID, *a.selects(a.HYBRID, flags))])
    assert (found.kind, found.certainty, found.release) == ("windows", "likely", release)
    assert f"RDP_NEG_RSP flags 0x{flags:02x}" in found.evidence


def test_windows_by_its_build() -> None:
    found = asked_fully(a.windows())
    assert (found.kind, found.release) == ("windows", "Windows Server 2022")
    assert found.evidence == [
        "SRC-REF 0x1234",
        "RDP_NEG_RSP flags 0x1f",
        "NTLM build 20348",
        "selects HYBRID, HYBRID_EX",
    ]
    unlisted = kind([seen(a.HYBRID, *a.selects(a.HYBRID), *a.tunnel(), *a.challenge((10, 0, 65000)))])
    assert (unlisted.kind, unlisted.release) == ("windows", None)


def test_windows_that_answers_its_own_version_whatever_ours() -> None:
    found = asked_fully(a.windows(a.SSL | a.HYBRID, standard=True))
    assert (found.kind, found.rdp_version) == ("windows", "10.8")


HYBRID = a.selects(a.HYBRID, 0x1F)


@pytest.mark.parametrize(
    "attempts",
    [
        [seen(a.HYBRID, *HYBRID, *a.tunnel(), *a.challenge(nonce=bytes(32)))],
        [seen(a.HYBRID, *HYBRID, *a.tunnel(), *a.challenge((6, 1, 7601)))],
        [seen(a.HYBRID, *a.selects(a.HYBRID, 0x0F), *a.tunnel(), *a.challenge((6, 1, 7601)))],
        [seen(a.SSL, *a.selects(a.SSL, 0x1F)), seen(a.HYBRID, *a.selects(a.RDP, 0x1F))],
        [seen(a.HYBRID, *HYBRID), seen(a.SSL, *a.selects(a.SSL, 0x1F, a.FREERDP))],
    ],
    ids=["echoes the nonce", "older than its flags", "older still", "answers unasked", "two references"],
)
def test_what_contradicts_itself_is_not_called_windows(attempts: list[Attempt]) -> None:
    found = kind(attempts)
    assert (found.kind, found.certainty, found.release) == ("unknown", "unknown", None)


def test_virtualbox_by_its_reference() -> None:
    found = kind([seen(a.SSL, *a.selects(a.SSL, 0x00, 0x3412))])
    assert (found.kind, found.certainty) == ("virtualbox", "likely")


def test_nothing_known_is_unknown() -> None:
    found = kind([seen(a.SSL, *a.selects(a.SSL, 0x00, 0x7777))])
    assert (found.kind, found.certainty, found.evidence, found.rdp_version) == ("unknown", "unknown", [], None)
    assert kind([]).kind == "unknown"


def test_releases_by_build() -> None:
    assert release_of(10, 0, 20348) == "Windows Server 2022"
    assert release_of(10, 0, 1) is None
