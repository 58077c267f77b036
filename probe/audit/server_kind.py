"""What kind of server it is, from traits that servers do not choose: references, flags, versions, quirks.

A trait is evidence, and several that agree make a kind likely. A build number alone proves nothing: FreeRDP's servers
send a fixed Windows build. Source: protocol notes on real servers, the specifications' product notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from probe.audit.attempt import protocol_name
from probe.audit.reading import Reading
from probe.audit.windows import release_of
from probe.result import Server
from probe.wire.gcc import RDP_5, rdp_version_name
from probe.wire.nego import NegotiationResponse, Protocol, ResponseFlag

_WINDOWS_REFERENCE = 0x1234
_VIRTUALBOX_REFERENCE = 0x3412
# Plain numbers: an IntFlag takes ten times as long to be combined.
_BY_WINDOWS = int(ResponseFlag.NEGRSP_FLAG_RESERVED)
_CREDENTIAL_GUARD = int(ResponseFlag.REDIRECTED_AUTHENTICATION_MODE_SUPPORTED)
# RDP_NEG_RSP flags that servers of one time send, seen by several independent detectors.
_FLAG_RELEASES = {
    0x00: "Windows Vista or Server 2008",
    0x09: "Windows 7 SP1 or Server 2008 R2",
    0x07: "Windows 8 or Server 2012",
    0x0F: "Windows 8.1 or Server 2012 R2",
    0x1F: "Windows 10 1607 or later, Server 2016 or later",
    0x2F: "Windows 11 24H2 or Server 2025",
    0x3F: "Windows 11 24H2 or Server 2025",
}
_SEVERAL = 2  # traits that must agree before a kind is called likely


@dataclass(slots=True)
class _Traits:
    """What is looked at, gathered over all attempts."""

    references: set[int]
    flags: set[int]
    selected: set[int]
    disconnects: bool
    answers_unasked: bool
    core_versions: dict[int, int]  # what we sent -> what came back
    core_lengths_short: bool
    echoes_nonce: bool
    whole_seconds: bool
    build: tuple[int, int, int] | None


def server_kind(readings: Sequence[Reading]) -> Server:
    """The kind, how certain it is, and the traits that say so."""
    traits = _gather(readings)
    server = Server(rdp_version=_rdp_version(traits))
    for kind, evidence in (
        ("xrdp", _xrdp(traits)),
        ("freerdp", _freerdp(traits)),
        ("virtualbox", _virtualbox(traits)),
        ("windows", _windows(traits)),
    ):
        if evidence:
            server.kind, server.evidence = kind, evidence
            server.certainty = "likely" if len(evidence) >= _SEVERAL else "unknown"
            break
    if server.certainty == "unknown":
        server.kind = "unknown"
    if server.kind == "windows":
        server.release = _windows_release(traits)
    return server


def _gather(readings: Sequence[Reading]) -> _Traits:
    answers = [reading.negotiation for reading in readings]
    responses = [answer for answer in answers if isinstance(answer, NegotiationResponse)]
    challenges = [reading.challenge for reading in readings if reading.challenge is not None]
    versions = [challenge.version for challenge in challenges if challenge.version is not None]
    stamps = [stamp for challenge in challenges if (stamp := challenge.timestamp) is not None]
    requests = [reading.ts_request for reading in readings if reading.ts_request is not None]
    return _Traits(
        references={reading.confirm.src_ref for reading in readings if reading.confirm is not None},
        flags={response.flags for response in responses},
        selected={response.selected for response in responses},
        disconnects=any(_disconnects_in_clear(reading) for reading in readings),
        answers_unasked=any(
            reading.question.protocols in (Protocol.HYBRID, Protocol.HYBRID_EX)
            and isinstance(reading.negotiation, NegotiationResponse)
            and reading.negotiation.selected == Protocol.RDP
            for reading in readings
        ),
        core_versions={
            reading.question.rdp_version: reading.core.version for reading in readings if reading.core is not None
        },
        core_lengths_short=any(
            reading.core is not None and reading.core.early_capability_flags is None for reading in readings
        ),
        echoes_nonce=any(request.client_nonce is not None for request in requests),
        whole_seconds=bool(stamps) and all(stamp % 10_000_000 == 0 for stamp in stamps),
        build=(versions[0].major, versions[0].minor, versions[0].build) if versions else None,
    )


def _disconnects_in_clear(reading: Reading) -> bool:
    """An MCS disconnect stood in place of the confirm or of TLS; behind a Connect-Initial any server may send one."""
    if reading.disconnect is None or reading.question.protocols is None:
        return False
    return reading.confirm is None or (
        isinstance(reading.negotiation, NegotiationResponse)
        and reading.negotiation.selected != Protocol.RDP
        and reading.secured is None
    )


def _rdp_version(traits: _Traits) -> str | None:
    """The highest version seen; a server that follows ours shows its own only where ours was higher."""
    return rdp_version_name(max(traits.core_versions.values())) if traits.core_versions else None


def _xrdp(traits: _Traits) -> list[str]:
    if traits.flags - {int(ResponseFlag.EXTENDED_CLIENT_DATA_SUPPORTED)}:
        return []
    if traits.references != {_WINDOWS_REFERENCE} or traits.selected - {0, int(Protocol.SSL)} or traits.echoes_nonce:
        return []
    evidence = []
    if traits.disconnects:
        evidence.append("rejects by an MCS disconnect PDU in clear, as xrdp does")
    if traits.answers_unasked:
        evidence.append("answers a request for HYBRID by selecting RDP, as xrdp does")
    if not evidence:
        return []
    if set(traits.core_versions.values()) == {RDP_5} and traits.core_lengths_short:  # Windows before 8 does that too
        evidence.append("SC_CORE version 0x00080004 in 12 bytes")
    return [*evidence, "SRC-REF 0x1234 with RDP_NEG_RSP flags 0x01 or none"]


def _freerdp(traits: _Traits) -> list[str]:
    evidence = []
    if traits.references == {0}:
        evidence.append("SRC-REF 0x0000")
    if traits.echoes_nonce:
        evidence.append("its TSRequest carries a clientNonce, which Windows never sends")
    if traits.whole_seconds:
        evidence.append("NTLM timestamp in whole seconds")
    if any(ours == theirs != RDP_5 for ours, theirs in traits.core_versions.items()) or _follows(traits):
        evidence.append("SC_CORE version follows the client's")
    if traits.flags and not any(flags & _BY_WINDOWS for flags in traits.flags):
        evidence.append(f"RDP_NEG_RSP flags {_hex(traits.flags)} without the bit that Windows sets")
    return evidence if traits.references == {0} else []


def _follows(traits: _Traits) -> bool:
    """A lower version of ours gave a lower version of theirs."""
    pairs = sorted(traits.core_versions.items())
    return len(pairs) > 1 and pairs[0][1] < pairs[-1][1]


def _virtualbox(traits: _Traits) -> list[str]:
    if traits.references != {_VIRTUALBOX_REFERENCE}:
        return []
    return ["SRC-REF 0x3412", "no other known server sends that reference"]


def _windows(traits: _Traits) -> list[str]:
    if traits.references != {_WINDOWS_REFERENCE} or _contradicts_windows(traits):
        return []
    evidence = ["SRC-REF 0x1234"]
    if traits.flags and all(flags & _BY_WINDOWS for flags in traits.flags):
        evidence.append(f"RDP_NEG_RSP flags {_hex(traits.flags)}")
    if traits.build is not None and release_of(*traits.build) is not None:
        evidence.append(f"NTLM build {traits.build[2]}")
    if traits.selected & {int(Protocol.HYBRID), int(Protocol.HYBRID_EX), int(Protocol.RDSAAD)}:
        names = ", ".join(sorted(protocol_name(selected) for selected in traits.selected if selected))
        evidence.append(f"selects {names}")
    return evidence


def _contradicts_windows(traits: _Traits) -> bool:
    """What no Windows does: something dresses up as one, or several servers answer."""
    return (
        traits.echoes_nonce
        or traits.answers_unasked
        or _follows(traits)
        or any(traits.build is not None and traits.build < _oldest_build(flags) for flags in traits.flags)
    )


def _oldest_build(flags: int) -> tuple[int, int, int]:
    """The first Windows that sends such RDP_NEG_RSP flags: [MS-RDPBCGR] 2.2.1.2.1 and its product notes."""
    if flags & _CREDENTIAL_GUARD:
        return (10, 0, 14393)
    return (6, 2, 9200) if flags & _BY_WINDOWS else (0, 0, 0)


def _windows_release(traits: _Traits) -> str | None:
    if traits.build is not None:
        return release_of(*traits.build)
    return next((_FLAG_RELEASES[flags] for flags in sorted(traits.flags) if flags in _FLAG_RELEASES), None)


def _hex(flags: set[int]) -> str:
    return " and ".join(f"0x{value:02x}" for value in sorted(flags))
