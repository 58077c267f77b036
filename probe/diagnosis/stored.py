"""Words that a result holds: facts, in English in every stored result, and in the reader's language when shown.

What the audit puts together from a pattern ("SSL, then a TLSv1.2 ClientHello") is taken apart by it again, and its
parts are looked up in the same way. Words that fit no pattern stay as they are: names, codes, a server's own text.
"""

from __future__ import annotations

import re
from functools import lru_cache

from probe.language import LANGUAGES, N_, _, current

_LONGEST = 600  # what is longer holds a server's text, and is shown as it came
_MOST_REMEMBERED = 1024  # words; most are said of many servers
_NAME = re.compile(r"\{(\w+)\}")
_ENDINGS = (
    N_("complete"),
    N_("closed"),
    N_("reset"),
    N_("timed_out"),
    N_("deadline"),
    N_("too_much"),
    N_("refused"),
    N_("filtered"),
    N_("unreachable"),
    N_("interrupted"),
    N_("abandoned"),
)
_ANSWERS = (
    N_("not asked"),
    N_("not completed"),
    N_("answered, and which group was not told"),
    N_("at the end the server refused what it had agreed to before"),
    N_("the same hello was refused with what the server accepts in it too"),
    N_("rejected"),
    N_("alert {name}"),
    N_("SSLv2 error {name}"),
    N_("answered {what}, which was not offered"),
    N_("answered {version}"),
    N_("a HelloRetryRequest"),
    N_("suite {code}"),
    N_("compression method {number}"),
    N_("group {code}"),
    N_("confirm without negotiation"),
    N_("disconnect provider ultimatum"),
    N_("disconnect request"),
    N_("X.224 disconnect"),
    N_("clear-text disconnect"),
    N_("error TPDU"),
    N_("data TPDU"),
    N_("malformed"),
    N_("incomplete"),
    N_("asked for {asked}, the server saw {seen}"),
)
_QUESTIONS = (
    N_("as {client}: {asked}"),
    N_("{asked}: {before}, then {after}"),
    N_("{over}, then basic settings with {methods}"),
    N_("{over}, then a complete TLS handshake up to {version}"),
    N_("{over}, then a resumed TLS handshake up to {version}"),
    N_("{over}, then a complete TLS handshake"),
    N_("{over}, then a resumed TLS handshake"),
    N_("{over}, then its own ClientHello"),
    N_("{over}, then a complete TLS handshake of another library"),
    N_("{over}, then the licensing phase without an account"),
    N_("{over}, then {hello}"),
    N_("a request without RDP_NEG_REQ"),
    N_("no RDP request that this capture shows"),
    N_("simulation"),
    N_("{hello} for another name"),
    N_("{hello} as a fallback"),
    N_("{hello} padded"),
    N_("{hello} with {suites} cipher suites and {groups} groups"),
    N_("a {version} ClientHello in SSLv2's form"),
    N_("a {version} ClientHello"),
    N_("no method"),
    N_("TLS without X.224"),
    N_("Standard RDP Security"),
    N_("TLS versions"),
    N_("TLS features"),
    N_("security protocols"),
    N_("intolerance"),
    N_("licensing phase"),
    N_("signature schemes"),
    N_("TLS version"),
    N_("TLS feature"),
    N_("security protocol"),
    N_("signature scheme"),
    N_("{version} group"),
    N_("{version} suites"),
    N_("{version} suite"),
    N_("{version} groups"),
    N_("{version} signature schemes"),
)
_LIMITS = (
    N_("the deadline of {seconds} s passed"),
    N_("{most}; what could not be asked is named as not settled"),
    N_("{most}; not asked: {questions}"),
    N_("{number} connections are the most at this setting (--max-connections)"),
    N_("1 connection is the most at this setting (--max-connections)"),
    N_("{version}: {number} cipher suites were neither selected nor refused"),
    N_("{version}: {number} groups were neither selected nor refused"),
    N_("{version}: {number} signature schemes were neither selected nor refused"),
    N_("not asked for want of connections: {what}"),
    N_("{number} refusals are not counted: at the end the server refused what it had agreed to before"),
    N_("resumption: the handshake that was to continue a session of {version} failed"),
    N_("resumption: no handshake of {version} could be completed"),
    N_("no answer from the resolver in {seconds} s"),
)
_MESSAGES = (
    N_("the client's first TSRequest"),
    N_("the server's TSRequest"),
    N_("the client's Connection Request"),
    N_("the server's Connection Confirm"),
    N_("the server's first message"),
    N_("the client's SSLv2 CLIENT-HELLO"),
    N_("the server's answer to an SSLv2 CLIENT-HELLO"),
    N_("the client's MCS Connect-Initial"),
    N_("the server's MCS Connect-Response"),
    N_("the client's ClientHello after HelloRetryRequest"),
    N_("the server's ServerHello after HelloRetryRequest"),
    N_("the client's ClientHello"),
    N_("the server's ServerHello"),
    N_("the rest of the server's first flight"),
    N_("the TLS handshake to be completed"),
    N_("the protocol inside TLS"),
    N_("cannot be read: {error}"),
    N_("bytes that were not read"),
    N_("TLS handshake complete: {version}, {suite}, {count} certificates"),
    N_("TLS failed: {reasons}"),
    N_("TLS ended by close_notify"),
    N_("{message}: asks for {protocols}"),
    N_("{message}: selects {protocol}, flags {flags}"),
    N_("{message}: failure {code}"),
    N_("{message}: no negotiation"),
)
_CAPTURED = (
    N_("only the client's side was captured"),
    N_("only the server's side was captured"),
    N_("the capture begins mid-stream"),
    N_("packets were cut when they were captured"),
    N_("the capture has no clock: it begins in {year}"),
    N_("{count} bytes of the client are missing before frame {frame}"),
    N_("{count} bytes of the server are missing before frame {frame}"),
    N_("bytes are missing in {count} places"),
    N_("{count} bytes of the client are missing at the end"),
    N_("{count} bytes of the server are missing at the end"),
    N_("the key log does not open it: it holds no secret of this connection"),
    N_("the key log does not open it: it holds not all secrets of this connection"),
    N_("the key log does not open it: its secrets are another connection's, or bytes are missing"),
    N_("the key log does not open it: its secret has another size than those of the suite"),
    N_("the key log does not open it: what is inside is compressed"),
    N_("the key log does not open it: records of this version cannot be opened here"),
    N_("the key log does not open it: records of {suite} cannot be opened here"),
    N_("the key log does not open it: this machine's library has no {suite}"),
    N_("the key log does not open it: {reason}"),
    N_("encrypted from frame {frame} on ({version}): the certificate and what is inside TLS"),
    N_("encrypted from frame {frame} on ({version}): what is inside TLS"),
    N_("encrypted from frame {frame} on: what is inside TLS"),
    N_("the capture ends while the connection is open"),
    N_("bytes that cannot be read"),
    N_("X.224 Connection Request, not whole"),
    N_("TLS alert"),
    N_("encrypted TLS alert"),
    N_("RDSTLS capabilities"),
    N_("RDS-AAD server nonce"),
)
_READING = (
    N_("the file ends inside its header: there are no packets in it"),
    N_("the file ends inside packet {number}, which begins at byte {offset}"),
    N_("the file ends inside a block that begins at byte {offset}"),
    N_("packet {number}, at byte {offset}, has a length of {length} bytes, which cannot be: the rest is not read"),
    N_("a block at byte {offset} {damage}: the rest is not read"),
    N_("has a length of {length} bytes, which cannot be"),
    N_("of {length} bytes has another length at its end"),
    N_("begins a section without saying its byte order"),
    N_("is too short for an interface"),
    N_("is too short for secrets"),
    N_("is too short for a packet"),
    N_("describes one interface more than {most}"),
    N_("cannot hold a packet of {length} bytes"),
    N_("packet {number} is of an interface that is not described: it is passed over"),
    N_("packet {number} has a time that cannot be: it is given that of the packet before"),
    N_("more than {size} MiB of TLS secrets: the later ones are not used"),
    N_("it could not be read to its end: {reason}"),
    N_("the gzip data ends early"),
    N_("the gzip data is damaged: {reason}"),
    N_("the zstd data ends early"),
    N_("the zstd data is damaged: {reason}"),
    N_("1 frame {what}"),
    N_("{count} frames {what}"),
    N_("of link type {number}, which is not read"),
    N_("of still other link types, which are not read"),
    N_("with a header that cannot be: passed over"),
    N_("of which the capture kept too little to read the addresses"),
    N_("with more than {most} headers in one another: passed over"),
    N_("{count} IP fragments of packets of which others are missing"),
    N_("{count} packets have no readable TCP header"),
    N_("{count} connections were judged before they were over: too many bytes or connections at a time"),
    N_(
        "more than {most} connections at a time: {count} were forgotten, and stream numbers may differ from Wireshark's"
    ),
    N_("{count} RDP-UDP exchanges were judged early: more than {most} at a time"),
    N_(
        "more than {most} exchanges over UDP: {count} were forgotten, "
        "and their stream numbers may differ from Wireshark's"
    ),
    N_("the reports are made of the first {count} connections: more are not kept"),
)
_OF_THE_SYSTEM = (
    N_("Connection refused"),
    N_("Connection reset by peer"),
    N_("Connection timed out"),
    N_("Operation timed out"),
    N_("No route to host"),
    N_("Network is unreachable"),
    N_("Broken pipe"),
    N_("Name or service not known"),
    N_("No address associated with hostname"),
    N_("Temporary failure in name resolution"),
    N_("nodename nor servname provided, or not known"),
)
_SIGNS = (
    N_("rejects by an MCS disconnect PDU in clear, as xrdp does"),
    N_("answers a request for HYBRID by selecting RDP, as xrdp does"),
    N_("SC_CORE version {version} in {count} bytes"),
    N_("SRC-REF 0x1234 with RDP_NEG_RSP flags 0x01 or none"),
    N_("its TSRequest carries a clientNonce, which Windows never sends"),
    N_("NTLM timestamp in whole seconds"),
    N_("SC_CORE version follows the client's"),
    N_("RDP_NEG_RSP flags {flags} without the bit that Windows sets"),
    N_("no other known server sends that reference"),
    N_("RDP_NEG_RSP flags {flags}"),
    N_("NTLM build {number}"),
    N_("selects {protocols}"),
)
_TRUST = (
    N_("system"),
    N_("none"),
    N_("{reason}; judged as of {date}, when the leaf was valid"),
    N_("judged as of {date}, when the leaf was valid"),
    N_("this computer has no trust store"),
    N_("the certificate cannot be read"),
    N_("the store lacks the root {name}"),
    N_("the issuer was not served and the store lacks it: {names}"),
    N_("more than {signatures} signatures or {length} certificates in a path"),
    N_("the signature of {name} cannot be checked: {algorithm}"),
    N_("{name} did not sign {other}"),
    N_("{name} is no certificate of an authority"),
    N_("{name} may not sign certificates by its key usage"),
    N_("may not sign certificates by its key usage"),
    N_("{name} allows {number} authorities below it"),
    N_("{name} is valid from {start} until {end} only"),
    N_("the certificate itself is in the store"),
    N_("a path leads to a root and proves nothing: {reasons}"),
    N_("every signature fits, but the verifier does not take this: {reasons}"),
    N_("the signature of {name} is made with {digest}"),
    N_("{name} has an RSA key of {bits} bits"),
    N_("{name} has version 1"),
)
_HELLOS = (
    N_("TLSv1.3 offered, in a large hello"),
    N_("TLSv1.3 offered"),
    N_("large hello"),
    N_("{count} cipher suites offered"),
    N_("same certificate"),
    N_("another certificate"),
)


def stored(words: str) -> str:
    """A result's words in the language that is spoken now."""
    language = current()
    return words if language == LANGUAGES[0] or len(words) > _LONGEST else _told(words, language)


@lru_cache(maxsize=_MOST_REMEMBERED)
def _told(words: str, language: str) -> str:  # noqa: ARG001  it is the one that is spoken, and `_` asks for it itself
    for text, pattern in _patterns():
        if found := pattern.fullmatch(words):
            return _(text, **{name: stored(part) for name, part in found.groupdict().items()})
    head, separator, rest = words.partition("; ")
    return _("; ").join((stored(head), stored(rest))) if separator else words


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    seen = (*_ENDINGS, *_OF_THE_SYSTEM, *_CAPTURED, *_HELLOS)
    every = (*seen, *_LIMITS, *_TRUST, *_MESSAGES, *_SIGNS, *_ANSWERS, *_QUESTIONS, *_READING)
    return tuple((text, _pattern(text)) for text in every)


def _pattern(text: str) -> re.Pattern[str]:
    """The text with something of one line in place of each name."""
    parts = _NAME.split(text)  # literal, name, literal, …
    return re.compile(
        "".join(f"(?P<{part}>.+?)" if number % 2 else re.escape(part) for number, part in enumerate(parts))
    )
