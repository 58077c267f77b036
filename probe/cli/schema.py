"""rdp-probe schema: the JSON Schema that every JSON document of this program validates against."""

from __future__ import annotations

import argparse

_DOCUMENTS = ("result", "explain", "verify", "diff", "policy", "shown-policy")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which document's schema."""
    whose = "of results (default), of policy files, or of what the others print with --json"
    parser.add_argument("document", nargs="?", choices=_DOCUMENTS, default="result", help=whose)
    parser.epilog = (
        "examples:\n  rdp-probe schema > rdp-probe.schema.json\n  rdp-probe schema explain > explain.schema.json\n"
    )


def run(options: argparse.Namespace) -> int:
    """Print the schema. Exit status 0."""
    import json

    print(json.dumps(_schema(options.document), indent=2))
    return 0


def _schema(document: str) -> dict[str, object]:
    if document == "explain":
        from probe.result.explain import explain_schema

        return explain_schema()
    if document == "verify":
        from probe.result.verification import verify_schema

        return verify_schema()
    if document == "diff":
        from probe.result.verification import diff_schema

        return diff_schema()
    if document == "policy":
        from probe.verify.policy_file import policy_schema

        return policy_schema()
    if document == "shown-policy":
        from probe.result.shown_policy import shown_policy_schema

        return shown_policy_schema()
    from probe.result import json_schema

    return json_schema()
