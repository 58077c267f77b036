"""The text of a verification: the verdict first, then what does not hold, who is affected, and what nobody can see."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from probe.clients import CLIENTS
from probe.language import speaking
from probe.report.text_verify import render, verdict_line
from probe.result.verification import (
    AppliedWaiver,
    Blocker,
    Change,
    ClientChange,
    NotCheckable,
    PolicyName,
    RuleSeverity,
    Verification,
    WhatIf,
)
from tests.report.verifications import COMPARED, FAILED, MIXED, PASSED, UNREACHED, outcome, verification

XP = ClientChange(
    client="Windows XP", before=True, after=False, because="no TLS 1.2", user_sees="It failed.", hint="replace it."
)


def shown(found: Verification, verbosity: int = 0, *, width: int = 80, terminal: bool = True) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=terminal, color_system=None, soft_wrap=True)
    render(found, console, verbosity)
    text = stream.getvalue()
    if terminal:
        assert max(len(line) for line in text.splitlines()) <= width
    assert not any(line.endswith(" ") for line in text.splitlines())
    return text


def row(text: str, words: str) -> str:
    return next(line for line in text.splitlines() if words in line)


# The first line


def test_the_verdict_comes_first_with_its_counts() -> None:
    first = shown(MIXED, terminal=False).splitlines()[0]
    assert first == (
        "FAIL  srv1.example:3389 (192.0.2.7)   "
        "1 passed · 1 failed · 1 could not be determined · 1 waived · 1 warning   strict 2026-11"
    )


def test_where_it_does_not_fit_the_counts_are_below() -> None:
    lines = shown(MIXED, width=60).splitlines()
    assert lines[0] == "FAIL  srv1.example:3389 (192.0.2.7)"
    assert lines[1:3] == [
        "  1 passed · 1 failed · 1 could not be determined ·",
        "  1 waived · 1 warning   strict 2026-11",
    ]
    narrow = shown(verification(PASSED, host="a-very-long-name-of-a-server.corp.example"), width=40)
    assert narrow.splitlines()[:2] == ["PASS", "a-very-long-name-of-a-server.corp.exampl"]


@pytest.mark.parametrize(("severity", "words"), [("error", "1 failed"), ("warning", "1 warning"), ("note", "1 note")])
def test_how_severe_a_rule_is_shows_in_the_counts_and_beside_it(severity: RuleSeverity, words: str) -> None:
    found = verification(outcome("failed", severity=severity))
    assert words in shown(found)
    label = {"error": "failed", "warning": "warning", "note": "note"}[severity]
    assert row(shown(found), "tls.min_version is").startswith(f"  {label} ")


def test_one_line_names_the_rules_that_fail() -> None:
    assert verdict_line(MIXED).endswith("1 warning  strict 2026-11  tls.min_version")
    many = verification(*(outcome("failed", f"rule.{number}") for number in range(6)))
    assert verdict_line(many).endswith("6 failed  strict 2026-11  rule.0, rule.1, rule.2, rule.3, and 2 more")
    assert verdict_line(verification(PASSED)) == "PASS  srv1.example:3389 (192.0.2.7)  1 passed  strict 2026-11"
    assert verdict_line(UNREACHED).endswith("TCP: connection refused.  strict 2026-11")


def test_what_was_not_reached_is_said_once() -> None:
    text = shown(UNREACHED)
    assert text.startswith("UNKNOWN  10.0.0.9:3389")
    assert "nothing could be determined" in text
    assert text.count("connection refused") == 1
    assert "tls.min_version" not in text
    assert "tls.min_version" in shown(UNREACHED, 1)


# Rules


def test_a_rule_has_its_key_what_was_seen_its_source_and_its_fix() -> None:
    text = shown(MIXED, width=100)
    words = " ".join(row(text, "TLS 1.1 is accepted").split())
    assert words == "failed tls.min_version TLS 1.1 is accepted; allowed are 1.2 and 1.3 RFC 8996"
    assert "              fix: Set Enabled to 0." in text
    assert "passed  " not in text


def test_words_that_are_long_stand_below_the_key() -> None:
    lines = shown(verification(outcome("failed", message="seen " * 20, source="RFC 8996"))).splitlines()
    at = next(number for number, line in enumerate(lines) if "tls.min_version" in line)
    assert lines[at].endswith("RFC 8996")
    assert lines[at + 1].startswith("              seen seen")


def test_a_long_key_has_a_line_of_its_own_and_pushes_no_other_aside() -> None:
    text = shown(verification(outcome("failed", "protocols.remote_credential_guard"), outcome("failed", "udp.state")))
    assert row(text, "  protocols.remote").rstrip().endswith("protocols.remote_credential_guard")
    assert row(text, "udp.state is failed") == "  failed      udp.state  udp.state is failed"


def test_a_long_source_stands_below() -> None:
    source = "CIS Microsoft Windows Server 2022 Benchmark 3.0.0, 18.10.57.3.9.2"
    text = shown(verification(outcome("failed", source=source)))
    assert f"source: {source}" in " ".join(text.split())
    assert (
        shown(verification(outcome("failed", source=source)), terminal=False)
        .split("\n\n")[1]
        .endswith(f"source: {source}")
    )


def test_only_the_likeliest_remedy_is_shown_unless_all_are_asked_for() -> None:
    found = verification(outcome("failed", fix=["one", "two", "three"]))
    assert shown(found).count("fix: ") == 1
    assert shown(found, 1).count("fix: ") == 3


def test_a_remedy_of_several_rules_is_said_once() -> None:
    text = shown(verification(outcome("failed", fix=["do it"]), outcome("failed", "protocols.nla", fix=["do it"])))
    assert text.count("fix: do it") == 1
    assert text.count("fix: as for tls.min_version") == 1


def test_what_is_let_pass_needs_no_fix_at_once() -> None:
    found = verification(outcome("waived", fix=["do it"]))
    assert "fix" not in shown(found)
    assert "fix: do it" in shown(found, 1)


def test_what_would_settle_a_rule_is_no_fix() -> None:
    text = shown(verification(outcome("unknown", fix=["ask with --server-name NAME"])))
    assert "              next: ask with --server-name NAME" in text.splitlines()
    assert "fix" not in text


def test_more_is_said_of_each_rule_with_v() -> None:
    seen = outcome("failed", evidence=["TLSv1.1: accepted"], diagnosis="TLS_LEGACY_VERSION", why="it is withdrawn")
    text = shown(verification(seen, PASSED), 1)
    for words in (
        "why: it is withdrawn",
        "demanded: TLS 1.2 or newer",
        "seen: TLSv1.1: accepted",
        "rdp-probe explain TLS_LEGACY_VERSION",
        "passed      protocols.nla",
    ):
        assert words in text
        assert words not in shown(verification(seen, PASSED))


def test_what_was_seen_is_said_once_and_before_what_to_do() -> None:
    seen = outcome(
        "failed",
        message="TLS 1.1 and TLS 1.0 are accepted; demanded: TLS 1.2 or newer",
        evidence=["TLSv1.1: accepted", "TLSv1.0: accepted", "TLSv1.2: timed_out"],
        observed="TLSv1.1, TLSv1.0",
        fix=["switch them off"],
    )
    lines = [line.strip() for line in shown(verification(seen), 1, terminal=False).splitlines()]
    at = next(number for number, line in enumerate(lines) if line.startswith("failed"))
    assert lines[at + 1 : at + 3] == ["seen: TLSv1.2: timed_out", "fix: switch them off"]
    more = outcome("failed", evidence=["TLSv1.1: accepted"], observed="TLSv1.1, TLSv1.3")
    text = shown(verification(more), 1, terminal=False)
    assert "seen: TLSv1.1, TLSv1.3" in text
    assert "seen: none" not in shown(verification(outcome("failed", observed="none")), 1)


def test_what_is_too_long_ends_behind_a_name() -> None:
    many = [f"TLS_SUITE_{number}" for number in range(100)]
    text = shown(verification(outcome("failed", message=", ".join(many))), terminal=False)
    (line,) = [line for line in text.splitlines() if "TLS_SUITE" in line]
    shown_names = line.split("tls.min_version")[1].removesuffix(" …").split(", ")
    assert line.endswith(" …")
    assert [name.strip() for name in shown_names] == many[: len(shown_names)]
    assert "x" * 600 + " …" in shown(verification(outcome("failed", message="x" * 700)), terminal=False)


def test_a_list_to_be_copied_is_whole_and_broken_at_its_commas() -> None:
    many = [f"TLS_ECDHE_RSA_WITH_SUITE_{number}" for number in range(60)]
    text = shown(verification(outcome("failed", fix=[f"set to {','.join(many)}; then restart"])))
    lines = [line.strip() for line in text.splitlines() if "TLS_ECDHE" in line]
    assert all(line.endswith(",") for line in lines[:-1])
    assert "".join(lines).startswith(f"fix: set to {','.join(many)}; then")


def test_the_last_line_says_when_by_what_and_what_it_cost() -> None:
    text = shown(verification(PASSED, version="0.1.0"))
    assert text.endswith("\n\n2026-11-21 02:00 UTC · rdp-probe 0.1.0 · 17 connections · 1.2 s\n")
    text = shown(verification(PASSED, tries=4, connections=1, started="then"))
    assert text.endswith("\n\nthen · 1 connection · 1.2 s · asked 4 times\n")


# Why nobody gets in

BLOCKED = verification(
    outcome("failed"),
    blockers=[Blocker(code="TLS_HANDSHAKE_ABORTED", summary="TLS is selected and never answered.")],
    locked_out=[ClientChange(client=each.name, before=None, after=False, because="x") for each in CLIENTS.values()],
)


def test_why_nobody_gets_in_comes_right_after_the_verdict() -> None:
    lines = shown(BLOCKED).splitlines()
    assert lines[1:3] == [
        "",
        "  TLS is selected and never answered.                      TLS_HANDSHAKE_ABORTED",
    ]
    assert verdict_line(BLOCKED).endswith("  TLS_HANDSHAKE_ABORTED  tls.min_version")
    assert "TLS_HANDSHAKE" not in shown(MIXED)


def test_where_all_are_locked_out_none_is_named() -> None:
    text = shown(BLOCKED)
    assert "None of the 22 known clients can connect." in text.splitlines()
    assert "mstsc" not in text
    assert "mstsc" in shown(BLOCKED, 1)
    lost = [ClientChange(client=each.name, before=True, after=False) for each in CLIENTS.values()]
    every = shown(verification(PASSED, locked_out=lost))
    assert "None of the 22 known clients can connect. 22 of them could before." in every
    lost[1:] = [ClientChange(client=each.client, before=None, after=False) for each in lost[1:]]
    assert "can connect. 1 of them could before." in shown(verification(PASSED, locked_out=lost))


def test_of_several_policies_each_rule_says_whose_it_is() -> None:
    both = [PolicyName(name="strict"), PolicyName(name="ours", version="2")]
    found = verification(outcome("failed"), outcome("failed", policy="ours"), policies=both)
    text = shown(found, width=100)
    assert "strict + ours 2" in text
    assert "strict: tls.min_version" in text
    assert "ours: tls.min_version" in text


def test_a_waiver_is_shown_with_its_reason_and_day_and_loudly_once_it_expired() -> None:
    holds = AppliedWaiver(reason="the new CA comes", expires="2027-03-31")
    text = shown(verification(outcome("waived", waiver=holds)))
    assert row(text, "waived  ")
    assert "until 2027-03-31: the new CA comes" in text
    over = AppliedWaiver(reason="the new CA comes", expires="2026-03-31", expired=True)
    text = shown(verification(outcome("failed", waiver=over)))
    assert "THE WAIVER EXPIRED on 2026-03-31" in text


# Clients


def test_rules_that_cost_the_same_clients_are_said_together() -> None:
    found = verification(
        outcome("failed", "tls.min_version", cut_off=[XP]),
        outcome("failed", "protocols.nla", cut_off=[XP]),
        outcome("failed", "tls.tolerant", cut_off=[XP, ClientChange(client="rdesktop 1.8", before=True, after=False)]),
        outcome("waived", "udp.state", cut_off=[XP]),
    )
    text = shown(found, terminal=False)
    assert "If you fix tls.min_version, protocols.nla: Windows XP loses access (it has it now)." in text
    assert "If you fix tls.tolerant: Windows XP; rdesktop 1.8 lose access (they have it now)." in text
    assert "udp.state: Windows" not in text


def test_of_whom_it_cannot_be_told_whether_a_fix_shuts_them_out_is_counted_and_named_with_v() -> None:
    found = verification(
        outcome("failed", "tls.min_version", cut_off=[XP], cut_off_open=["Old", "Older"]),
        outcome("failed", "protocols.nla", cut_off_open=["Old", "Older"]),
        outcome("failed", "udp.state", cut_off=[XP], cut_off_open=["Old"]),
        outcome("failed", "udp.other", cut_off_open=["Old"]),
    )
    lines = shown(found, terminal=False).splitlines()
    at = lines.index("If you fix tls.min_version: Windows XP loses access (it has it now).")
    assert lines[at + 1 : at + 6] == [
        "  2 others cannot be told: --depth full",
        "If you fix protocols.nla: whether 2 clients lose access cannot be told: --depth full",
        "If you fix udp.state: Windows XP loses access (it has it now).",
        "  1 other cannot be told: --depth full",
        "If you fix udp.other: whether 1 client loses access cannot be told: --depth full",
    ]
    assert "    Old; Older" in shown(found, 1, terminal=False).splitlines()
    found.is_full = True
    assert "--depth full" not in shown(found)


def test_of_whom_it_cannot_be_told_whether_they_are_locked_out_is_counted_too() -> None:
    locked = [ClientChange(client="Old", before=None, after=False)]
    found = verification(PASSED, locked_out=locked, locked_out_open=["Odd", "Even"])
    lines = shown(found).splitlines()
    at = lines.index("Locked out now: Old")
    assert lines[at + 1] == "Whether 2 clients can connect cannot be told: --depth full"
    assert "  Odd; Even" in shown(found, 1).splitlines()
    text = shown(verification(PASSED, locked_out_open=["Odd"]))
    assert "Whether 1 client can connect cannot be told: --depth full" in text


def test_who_is_locked_out_is_named_and_with_v_told_in_full() -> None:
    lost = ClientChange(client="rdesktop 1.9", before=True, after=False, hint="update it")
    found = verification(PASSED, locked_out=[ClientChange(client="Old", before=None, after=False, because="x"), lost])
    text = shown(found)
    assert "Lost access since: rdesktop 1.9" in text
    assert "Locked out now: Old" in text
    assert text.index("Lost access") < text.index("Locked out")
    assert "What helps: update it." in shown(found, 1)
    assert "What helps" not in text


def test_a_planned_change_names_who_is_cut_off_who_gains_and_what_cannot_be_told() -> None:
    clients = [
        XP,
        ClientChange(client="New", before=False, after=True),
        ClientChange(client="Same", before=True, after=True),
        ClientChange(client="Odd", before=True, after=None, because="suites were not asked"),
    ]
    planned = WhatIf(change="tls.min=1.2", clients=clients, open=["Odd"], notes=["the groups may change too"])
    found = verification(verdict="failed", policies=[], what_if=planned)
    text = shown(found)
    assert text.startswith(
        "FAIL  srv1.example:3389 (192.0.2.7)\n  1 client cut off · 1 cannot be told   after tls.min=1.2\n"
    )
    for words in (
        "After tls.min=1.2",
        "  cut off   Windows XP",
        "            no TLS 1.2",
        '            They see: "It failed."',
        "            What helps: replace it.",
        "  gains     New",
        "  For 1 other nothing changes.",
        "  1 cannot be told: suites were not asked",
        "  note: the groups may change too",
    ):
        assert words in text.splitlines()
    assert "    Odd" in shown(found, 1).splitlines()
    assert "Odd" not in text
    assert text.index("  note: ") < text.index("  cut off ")
    assert verdict_line(found).endswith("1 client cut off · 1 cannot be told  after tls.min=1.2")
    two = verification(policies=[], what_if=WhatIf(change="x", clients=[clients[2]] * 2 + [XP] * 2))
    assert "  For 2 others nothing changes." in shown(two).splitlines()
    assert "2 clients cut off" in shown(two)


def test_a_client_that_can_connect_neither_way_gains_nothing() -> None:
    clients = [
        ClientChange(client="Old", before=False, after=False),
        ClientChange(client="x", before=None, after=False),
    ]
    text = shown(verification(policies=[], what_if=WhatIf(change="tls.min=1.2", clients=clients, open=["x"])))
    assert "For 1 other nothing changes." in text
    assert "gains" not in text
    assert "no client is known to be cut off · 1 cannot be told" in text.splitlines()[0] + text.splitlines()[1]


def test_a_long_change_is_broken_at_its_commas() -> None:
    change = "tls.min=1.2,nla=required,standard_rdp=off,credssp.min=6,certificate.key=RSA-3072"
    found = verification(PASSED, what_if=WhatIf(change=change, clients=[XP]))
    assert shown(found).splitlines()[:4] == [
        "PASS  srv1.example:3389 (192.0.2.7)",
        "  1 passed · 1 client cut off   strict 2026-11, after tls.min=1.2,nla=required,",
        "  standard_rdp=off,credssp.min=6,certificate.key=RSA-3072",
        "",
    ]
    assert "After tls.min=1.2,nla=required,standard_rdp=off,credssp.min=6,\ncertificate.key" in shown(found)


def test_who_is_locked_out_today_is_not_said_of_a_planned_change_unless_all_is_asked_for() -> None:
    locked = [ClientChange(client="Old", before=None, after=False)]
    found = verification(policies=[], locked_out=locked, what_if=WhatIf(change="tls.min=1.2"))
    assert "Locked out" not in shown(found)
    assert "Locked out" in shown(found, 1)


def test_a_change_that_cuts_nobody_off_says_so() -> None:
    same = ClientChange(client="Same", before=True, after=True)
    text = shown(verification(policies=[], what_if=WhatIf(change="tls.min=1.2", clients=[same])))
    assert "no client is cut off" in text
    assert "No client that is known to connect now is cut off." in text
    open_now = ClientChange(client="Odd", before=None, after=None)
    text = shown(verification(policies=[], verdict="unknown", what_if=WhatIf(change="x", clients=[open_now])))
    assert "No client that is known" not in text
    assert "1 cannot be told: not asked" in text


# The baseline, and what nobody can see


def test_changes_come_in_their_order_with_what_could_not_be_compared() -> None:
    text = shown(COMPARED, terminal=False)
    assert "1 passed · 1 worse than before · 1 changed otherwise · 1 not comparable   strict 2026-11, since" in text
    lines = text.splitlines()
    at = lines.index("Since before.ndjson")
    assert lines[at + 1].split() == ["worse", "versions", *["TLS", "1.0", "is", "accepted", "again"]]
    assert lines[at + 2].split() == ["changed", "build", *["another", "build"]]
    assert lines[at + 3].split()[0] == "unknown"


def test_what_became_better_is_counted_as_that() -> None:
    better = Change(kind="security", direction="better", field="x", message="TLS 1.0 is rejected now")
    found = verification(policies=[], baseline="before.ndjson", changes=[better, better])
    assert shown(found, terminal=False).splitlines()[0].endswith("2 better   since before.ndjson")


def test_what_could_not_be_compared_stands_alone_too() -> None:
    found = verification(policies=[], verdict="unknown", baseline="before.ndjson", undetermined=["it has no result"])
    lines = shown(found).splitlines()
    assert lines[0].endswith("1 not comparable   since before.ndjson")
    assert lines[-4:-2] == ["Since before.ndjson", "  unknown  it has no result"]


def test_where_nothing_is_demanded_nothing_passes() -> None:
    assert shown(verification(policies=[])).startswith("SAVED  srv1.example:3389 (192.0.2.7)   RDP is served\n")
    assert verdict_line(verification(policies=[])) == "SAVED  srv1.example:3389 (192.0.2.7)  RDP is served"
    unreached = verification(policies=[], verdict="unknown", reason="refused")
    assert verdict_line(unreached) == "UNKNOWN  srv1.example:3389 (192.0.2.7)  Refused."


def test_one_line_names_what_became_worse() -> None:
    lost = [ClientChange(client="Windows XP", before=True, after=False)]
    gone = Change(kind="clients", direction="worse", field="clients.connects", message="lost")
    found = verification(
        policies=[], verdict="failed", baseline="b", changes=[*COMPARED.changes, gone], locked_out=lost
    )
    assert verdict_line(found).endswith("1 changed otherwise  since b  tls.versions.TLSv1.0, Windows XP")
    found.exact = True
    assert verdict_line(found).endswith("tls.versions.TLSv1.0, credssp.ntlm.os_build, Windows XP")


def test_only_what_counts_is_counted_as_open() -> None:
    found = verification(
        PASSED,
        outcome("unknown", severity="warning"),
        outcome("unknown", severity="note"),
        outcome("failed", severity="warning"),
        outcome("failed", severity="warning"),
        verdict="passed",
    )
    text = shown(found, terminal=False)
    assert "1 passed · 2 warnings · 1 warning open · 1 note open   strict" in text
    assert text.count("  unknown   ") == 2


def test_nothing_that_changed_is_said_to_be_as_it_was() -> None:
    found = verification(policies=[], baseline="before.ndjson")
    assert shown(found).startswith("PASS  srv1.example:3389 (192.0.2.7)   as it was   since before.ndjson\n")
    both = verification(PASSED, baseline="before.ndjson")
    assert "1 passed · as it was   strict 2026-11, since before.ndjson" in shown(both, terminal=False)
    assert "\nSince" not in shown(found)


def test_what_cannot_be_seen_is_counted_with_the_command_that_lists_it() -> None:
    unseen = [NotCheckable(policy="strict", item="Account lockout", why="it shows at a logon", source="CIS 1.2.1")] * 2
    one = NotCheckable(policy="ours", item="Patches", why="nothing says so")
    found = verification(
        PASSED,
        not_checkable=[*unseen, one],
        policies=[PolicyName(name="strict"), PolicyName(name="ours", file="our rules.toml")],
    )
    text = shown(found, terminal=False)
    assert "2 demands of strict cannot be seen from outside and are not judged: rdp-probe policy show strict" in text
    assert "1 demand of ours cannot be seen from outside" in text
    assert "rdp-probe policy show 'our rules.toml'" in text
    assert "Account lockout" not in text
    assert "  - Account lockout: it shows at a logon (CIS 1.2.1)" in shown(found, 1, terminal=False)


# What a server sent


def test_text_of_a_server_reaches_no_terminal_alive() -> None:
    evil = "\x1b[31mCN=\u202eevil\x9b"
    rule = outcome("failed", message=evil, evidence=[evil], observed=evil, fix=[evil], source=evil, cut_off=[XP])
    rule.cut_off = [ClientChange(client=evil, before=True, after=False)]
    found = verification(
        rule,
        host=evil,
        locked_out=[ClientChange(client=evil, before=None, after=False, because=evil, user_sees=evil, hint=evil)],
        baseline=evil,
        changes=[Change(kind="names", direction="changed", field=evil, message=evil)],
        undetermined=[evil],
        not_checkable=[NotCheckable(policy=evil, item=evil, why=evil, source=evil)],
        what_if=WhatIf(change=evil, clients=[ClientChange(client=evil, before=True, after=None)], notes=[evil]),
    )
    for text in (shown(found, 1, terminal=False), verdict_line(found), shown(verification(reason=evil))):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "\x9b" not in text


def test_it_reads_the_same_without_color() -> None:
    stream = io.StringIO()
    render(MIXED, Console(file=stream, width=80, force_terminal=True, color_system="standard", soft_wrap=True))
    colored = stream.getvalue()
    assert "\x1b[" in colored
    assert shown(MIXED) == "".join(
        part.partition("m")[2] if number else part for number, part in enumerate(colored.split("\x1b["))
    )


def test_what_is_not_translated_yet_is_shown_in_english() -> None:
    with speaking("zh-CN"):
        assert "tls.min_version" in shown(verification(FAILED))
