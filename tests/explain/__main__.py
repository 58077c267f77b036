"""Compare the answers to the sixty messages, or with --update write them anew: read the difference first."""

from __future__ import annotations

import sys
from pathlib import Path

from probe.explain.answering import explain
from tests.explain.messages import CHINESE, ENGLISH

ANSWERS = Path(__file__).parent / "answers.txt"
_MOST = 4


def answer(text: str, why: str) -> str:
    """A message, what came out in a line each, and why it is right."""
    found = explain(text)
    lines = ["> " + text.replace("\n", "\n> ")]
    lines += [f"  {match.sure:.2f} {match.explanation.key}" for match in found.matches[:_MOST]]
    if found.matches:
        lines.append(f"  codes    {' '.join(found.matches[0].explanation.diagnoses) or 'none on the wire'}")
        lines.append(f"  command  {found.matches[0].explanation.command}")
    lines += [f"  unknown  {what}" for what in found.unknown]
    lines += [f"  nearest  {near.explanation.key} ({near.distance})" for near in found.nearest]
    lines += [f"  nothing  {what}" for what in found.nothing_said]
    return "\n".join([*lines, f"  right:   {why}"])


def answers() -> str:
    """All of them, in two parts."""
    parts = [
        "# What `explain` says of sixty messages, and why that is right. Written by python -m tests.explain --update"
    ]
    for title, messages in (("English", ENGLISH), ("Chinese", CHINESE)):
        parts.append(f"## {title}")
        parts += [answer(text, why) for text, why in messages]
    return "\n\n".join(parts) + "\n"


def main(*, update: bool) -> int:
    same = ANSWERS.exists() and ANSWERS.read_text(encoding="utf-8") == answers()
    if update:
        ANSWERS.write_text(answers(), encoding="utf-8")
    print("same" if same else "written" if update else "different")
    return 0 if same or update else 1


if __name__ == "__main__":
    sys.exit(main(update="--update" in sys.argv[1:]))
