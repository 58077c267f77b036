"""Results of captures are verified and compared as any others, and one connection settles little."""

from __future__ import annotations

import datetime as dt

import pytest

from probe.capture.connection import Connection
from probe.verify import builtin
from probe.verify.baseline import changes, client_changes, compare, undetermined
from probe.verify.policy_file import read_policy
from probe.verify.verdict import verify
from tests.audit.connections import INSIDE, SECURED, C, S, alert, connection, told
from tests.conversations import ASK_SSL, server

TODAY = dt.date(2026, 11, 21)
NEEDS_NLA = server("030000130ed000000000000300080005000000")
CONNECTIONS = (
    connection(*SECURED, (C, INSIDE)),
    connection(*SECURED[:3], (S, alert(70)), ending="closed", by=S),
    connection(ASK_SSL, NEEDS_NLA),
    connection(ASK_SSL, ending="reset", by=S),
    connection(ending="closed", by=C),
)


@pytest.mark.parametrize("name", builtin.names())
@pytest.mark.parametrize("made", CONNECTIONS)
def test_one_connection_passes_no_rule_on_what_it_does_not_show(name: str, made: Connection) -> None:
    found = verify([read_policy(name)], told(made), today=TODAY)
    passed = {rule.rule for rule in found.rules if rule.state == "passed"}
    assert passed.isdisjoint({"protocols.nla", "protocols.forbidden", "tls.forbidden_versions", "tls.forbidden_suites"})
    assert found.locked_out == []


@pytest.mark.parametrize("after", CONNECTIONS)
@pytest.mark.parametrize("before", CONNECTIONS)
def test_two_connections_differ_in_nothing_that_one_does_not_show(before: Connection, after: Connection) -> None:
    first, second = told(before), told(after)
    assert client_changes(first, second) == []
    assert compare(first, second, exact=True) is not None
    assert isinstance(undetermined(first, second), list)
    if before is after:
        assert changes(first, second) == []


def test_another_connection_that_settles_less_is_no_loss() -> None:
    full, refused = told(CONNECTIONS[0]), told(CONNECTIONS[2])
    kinds = {change.kind for change in changes(full, refused)}
    assert kinds.isdisjoint({"certificate", "tls", "protocol"})
