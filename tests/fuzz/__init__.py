"""Random bytes near valid ones, into everything that reads what a peer sent.

The invariant: a parser gives a message or a WireError, a machine gives events, neither anything else. `python -m
tests.fuzz --seconds 60` looks for an input that breaks it and keeps it in regressions/, where it always runs.
"""
