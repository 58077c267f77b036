"""A verdict narrowed to what one connection shows: what was seen selected or refused, and nothing that follows from it.

A server may have more than it selected, and a client's request is not ours: what was not settled was not asked.
"""

from __future__ import annotations

from collections.abc import Iterator

from probe.audit.reading import Reading
from probe.audit.verdict_needs import narrow
from probe.audit.verdict_tls import hello_verdict
from probe.errors import WireError
from probe.handshake.machine import Ending
from probe.result import Result, Tls, Verdict
from probe.wire import tls_hello
from probe.wire.iana import AlertDescription
from probe.wire.tls_extensions import ExtensionType, find, read_supported_versions
from probe.wire.tls_version import VERSION_NAMES, version_name


def narrowed(result: Result, reading: Reading, hello: tls_hello.ClientHello | None, *, decrypted: bool) -> None:
    """Take out of a verdict on one connection what it does not show, and say in `asked` what it does."""
    if result.tls is not None:
        _narrow_tls(result.tls, reading, hello)
    if not decrypted:
        result.credssp = None  # that nothing of it was read says nothing of the server
    result.asked = list(_places(result))
    if result.negotiation is not None:
        narrow(result.negotiation)


def _narrow_tls(section: Tls, reading: Reading, hello: tls_hello.ClientHello | None) -> None:
    section.versions = {}
    section.handshake_failure = None
    section.intolerance = []
    answer = reading.server_hello
    if answer is not None:
        section.versions[version_name(answer.selected_version)] = Verdict(state="accepted")
        return
    if reading.ending is Ending.RESET or reading.alert is not None or reading.ending is Ending.CLOSED:
        section.handshake_failure = hello_verdict(reading)
    if reading.alert is not None and reading.alert.description == AlertDescription.PROTOCOL_VERSION:
        said = hello_verdict(reading)
        section.versions = {name: Verdict(state="rejected", reason=said.reason) for name in offered(hello)}


def offered(hello: tls_hello.ClientHello | None) -> list[str]:
    """The versions that a hello names, newest first. Up to TLS 1.2 it names the newest, and older ones go unsaid."""
    if hello is None:
        return []
    body = find(hello.extensions, ExtensionType.SUPPORTED_VERSIONS)
    try:
        versions = read_supported_versions(body) if body is not None else (hello.version,)
    except WireError:
        versions = (hello.version,)
    return [version_name(version) for version in sorted(set(versions), reverse=True) if version in VERSION_NAMES]


def _places(result: Result) -> Iterator[str]:
    """The places in the result that the connection settles, in the order of the result."""
    protocols = result.negotiation.protocols if result.negotiation is not None else {}
    yield from (f"negotiation.protocols.{name}" for name in sorted(protocols) if protocols[name].state != "unknown")
    if result.negotiation is not None and result.negotiation.direct_tls.state != "unknown":
        yield "negotiation.direct_tls"
    if result.standard_rdp is not None:
        yield "standard_rdp"
    if result.tls is not None:
        yield from (f"tls.versions.{name}" for name in sorted(result.tls.versions))
    if result.certificates:
        yield "certificates"
    if result.credssp is not None:
        yield "credssp"
