from __future__ import annotations

import pytest

from probe.audit.attempt import Question, Stage, protocol_name, protocol_names
from probe.audit.settings import Settings
from tests.audit import attempts as a


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (a.ask(a.RDP), "RDP"),
        (a.ask(a.USUAL), "SSL+HYBRID+HYBRID_EX"),
        (a.ask(a.SSL, Stage.TUNNEL), "SSL, then a complete TLS handshake"),
        (a.ask(a.HYBRID, Stage.HELLO, version=a.TLS13), "HYBRID, then a TLSv1.3 ClientHello"),
        (a.ask(a.HYBRID, Stage.HELLO), "HYBRID"),
        (a.ask(None, Stage.HELLO, version=a.TLS12), "TLS without X.224, then a TLSv1.2 ClientHello"),
        (a.ask(a.RDP, Stage.SETTINGS, methods=0x10), "RDP, then basic settings with FIPS"),
        (a.ask(a.RDP, Stage.SETTINGS), "RDP, then basic settings with no method"),
    ],
)
def test_a_question_in_words(question: Question, words: str) -> None:
    assert question.words == words
    assert question.again().words == words
    assert question.again() != question
    assert question.again().again() == question.again()


def test_bits_have_names_and_unknown_ones_numbers() -> None:
    assert protocol_names(0) == ["RDP"]
    assert protocol_names(0x2B) == ["SSL", "HYBRID", "HYBRID_EX", "0x20"]


@pytest.mark.parametrize(
    ("selected", "name"), [(0, "RDP"), (8, "HYBRID_EX"), (3, "0x00000003"), (0x20, "0x00000020"), (0x21, "0x00000021")]
)
def test_what_was_selected_is_one_protocol_or_a_number(selected: int, name: str) -> None:
    assert protocol_name(selected) == name


def test_the_depth_decides_how_many_connections_there_are_unless_the_user_does() -> None:
    assert [Settings(depth="discover").most_connections, Settings().most_connections] == [3, 16]
    assert Settings(depth="full").most_connections == 60
    assert Settings(max_connections=5).most_connections == 5
