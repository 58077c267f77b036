"""rdp-probe schema: the JSON Schema that every JSON document of this program validates against."""

from __future__ import annotations

import argparse


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which document's schema."""
    parser.add_argument("document", nargs="?", choices=("result", "explain"), default="result",
                        help="of the results (default), or of what explain --json prints")  # fmt: skip
    parser.epilog = (
        "examples:\n  rdp-probe schema > rdp-probe.schema.json\n  rdp-probe schema explain > explain.schema.json\n"
    )


def run(options: argparse.Namespace) -> int:
    """Print the schema. Exit status 0."""
    import json

    from probe.result import json_schema
    from probe.result.explain import explain_schema

    print(json.dumps(explain_schema() if options.document == "explain" else json_schema(), indent=2))
    return 0
