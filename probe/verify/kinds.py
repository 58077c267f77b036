"""Every key that a policy may have: importing this fills `rule.KINDS`, in the order of documentation."""

from __future__ import annotations

# The rules register themselves as they are imported, in this order.
from probe.verify import rules_protocols, rules_tls  # noqa: F401

# isort: split
from probe.verify import rules_suites  # noqa: F401

# isort: split
from probe.verify import rules_key_exchange  # noqa: F401

# isort: split
from probe.verify import rules_features  # noqa: F401

# isort: split
from probe.verify import rules_certificate, rules_certificate_make, rules_credssp, rules_standard  # noqa: F401

# isort: split
from probe.verify import rules_others  # noqa: F401

# isort: split
from probe.verify import rules_clients, rules_fact  # noqa: F401

# isort: split
from probe.verify.rule import KINDS, Kind

__all__ = ["KINDS", "kind_of"]


def kind_of(key: str) -> Kind:
    """What a rule's key is: that of any fact is "fact:PATH", and they are all of one kind."""
    return KINDS["fact" if key.startswith("fact:") else key]
