"""rdp-probe schema: the JSON Schema that every JSON document of this program validates against."""

from __future__ import annotations

import argparse


def add_options(parser: argparse.ArgumentParser) -> None:
    """It has none."""
    parser.epilog = "example:\n  rdp-probe schema > rdp-probe.schema.json\n"


def run(_options: argparse.Namespace) -> int:
    """Print the schema. Exit status 0."""
    import json

    from probe.result import json_schema

    print(json.dumps(json_schema(), indent=2))
    return 0
