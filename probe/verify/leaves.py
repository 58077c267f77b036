"""What every certificate that a server serves comes to, put together to one finding.

A demand holds where it holds for the leaf of every chain, of every TLS version that is served. One that does not is
enough to fail; otherwise one of which it is not known is enough to leave it open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from probe.diagnosis.certificates import name_of
from probe.language import _
from probe.result import Certificate, CertificateChain, Result
from probe.verify.rule import Finding
from probe.verify.seen import TLS_VERSIONS, no_tls, not_known, unsettled

State = Literal["passed", "failed", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """What one certificate comes to."""

    state: State
    message: str  # as in a `Finding`
    observed: str = ""
    diagnosis: str | None = None
    change: str | None = None


def leaves(result: Result) -> Iterator[tuple[CertificateChain, Certificate]]:
    """Every distinct chain with the certificate of the server in it."""
    for chain in result.certificates:
        for leaf in chain.chain[:1]:
            yield chain, leaf


def uncovered(result: Result) -> str | None:
    """Why the certificates seen may not be all: a version was not settled, or nothing served to it was seen.

    SSL 2 and 3 count where they were asked for, as a rule of this section has them asked.
    """
    versions = result.tls.versions if result.tls is not None else {}
    old = (name for name, verdict in versions.items() if name.startswith("SSL") and verdict.reason != "not asked")
    why = unsettled(versions, (*old, *TLS_VERSIONS))
    if why is not None:
        return why
    chains = [chain for chain, _leaf in leaves(result)]
    served_to = {version for chain in chains for version in chain.served_to}
    for version, verdict in versions.items():
        if verdict.state == "accepted" and version not in served_to:
            return _("the certificate of {version} was not seen", version=version)
    return None if chains else _("no certificate was seen")


def of_every_leaf(
    result: Result, judged: Callable[[CertificateChain, Certificate], Leaf], *, forbids: bool = False
) -> Finding:
    """The finding of a rule on certificates. One that only forbids something holds where no certificate is served."""
    found = [(_named(chain, leaf), judged(chain, leaf)) for chain, leaf in leaves(result)]
    if not found and (none := no_tls(result)) is not None:
        message = _("{none}, so there is no certificate", none=none)
        return Finding(state="passed" if forbids else "failed", message=message, observed=_("none"))
    bad = [(name, each) for name, each in found if each.state == "failed"]
    if bad:
        return Finding(
            state="failed",
            message=bad[0][1].message,
            observed=_observed([each for _name, each in found]),
            evidence=tuple(_("{name}: {said}", name=name, said=each.message) for name, each in bad),
            diagnosis=bad[0][1].diagnosis,
            change=bad[0][1].change,
        )
    for _name, each in found:
        if each.state == "unknown":
            return not_known(each.message)
    why = uncovered(result)
    if why is not None:
        return not_known(why)
    return Finding(state="passed", message=found[0][1].message, observed=_observed([each for _name, each in found]))


def _observed(found: list[Leaf]) -> str:
    return _("; ").join(dict.fromkeys(each.observed for each in found if each.observed)) or _("none")


def _named(chain: CertificateChain, leaf: Certificate) -> str:
    if not chain.served_to:
        return name_of(leaf)
    return _("{name} (served to {versions})", name=name_of(leaf), versions=_(", ").join(chain.served_to))
