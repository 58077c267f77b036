"""TLS alerts, and the failure codes of the RDP negotiation."""

from __future__ import annotations

from probe.explain import causes as cause
from probe.explain.explanation import Explanation, Suspect

_ALERTS: tuple[tuple[int, str, str, tuple[Suspect, ...]], ...] = (
    (
        10,
        "unexpected_message",
        "A message came that did not belong there.",
        (cause.TLS_PICKY, cause.OTHER_SERVICE, cause.ALTERED),
    ),
    (20, "bad_record_mac", "A message could not be decrypted.", (cause.NETWORK, cause.ALTERED)),
    (
        40,
        "handshake_failure",
        "No cipher suite, group or signature algorithm fits both sides.",
        (cause.TLS_SUITES, cause.TLS_OLD, cause.TLS_DIES),
    ),
    (42, "bad_certificate", "The certificate is broken.", (cause.TLS_DIES, cause.CLIENT_CERTIFICATE)),
    (
        43,
        "unsupported_certificate",
        "The certificate is of a kind that is not supported.",
        (cause.USAGE, cause.WEAK_KEY),
    ),
    (44, "certificate_revoked", "The certificate was revoked.", (cause.REVOKED,)),
    (45, "certificate_expired", "The certificate has expired.", (cause.EXPIRED, cause.CLOCK)),
    (
        46,
        "certificate_unknown",
        "The certificate is not accepted: mostly nobody said that it is trusted.",
        (cause.SELF_SIGNED, cause.UNTRUSTED, cause.WRONG_NAME),
    ),
    (47, "illegal_parameter", "A field of the handshake was wrong.", (cause.TLS_PICKY, cause.ALTERED)),
    (
        48,
        "unknown_ca",
        "The certificate's authority is not known to the other side.",
        (cause.SELF_SIGNED, cause.UNTRUSTED, cause.CHAIN),
    ),
    (50, "decode_error", "A message could not be read.", (cause.TLS_PICKY, cause.OTHER_SERVICE)),
    (51, "decrypt_error", "A signature or key could not be verified.", (cause.TLS_DIES, cause.ALTERED)),
    (70, "protocol_version", "No version of TLS fits both sides.", (cause.TLS_OLD, cause.TLS_NEW)),
    (
        71,
        "insufficient_security",
        "What was offered is too weak for the other side.",
        (cause.TLS_SUITES, cause.TLS_OLD, cause.WEAK_KEY),
    ),
    (
        80,
        "internal_error",
        "The other side failed for a reason of its own, such as a private key that it cannot use.",
        (cause.TLS_DIES, cause.TLS_OLD, cause.CREDSSP_DIES),
    ),
    (
        86,
        "inappropriate_fallback",
        "The client tried an older version than both sides have.",
        (cause.UNSTEADY, cause.TLS_PICKY),
    ),
    (112, "unrecognized_name", "The server does not know the name that the client gave.", (cause.WRONG_NAME,)),
    (116, "certificate_required", "The server wants a certificate of the client.", (cause.CLIENT_CERTIFICATE,)),
)

_FAILURES: tuple[tuple[int, str, str, Suspect], ...] = (
    (1, "SSL_REQUIRED_BY_SERVER", "The server requires TLS and was not offered it.", cause.NEEDS_TLS),
    (
        2,
        "SSL_NOT_ALLOWED_BY_SERVER",
        (
            "The server takes Standard RDP Security alone; FreeRDP's server says so also to a client that offers NLA "
            "without TLS."
        ),
        cause.ONLY_STANDARD,
    ),
    (3, "SSL_CERT_NOT_ON_SERVER", "The server has no certificate that it can use.", cause.NO_CERTIFICATE),
    (4, "INCONSISTENT_FLAGS", "The server finds the negotiation inconsistent with the connection.", cause.FLAGS),
    (5, "HYBRID_REQUIRED_BY_SERVER", "The server requires NLA and was not offered it.", cause.NEEDS_NLA),
    (
        6,
        "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER",
        "The server requires TLS with a certificate of the client.",
        cause.CLIENT_CERTIFICATE,
    ),
)


def _words(name: str) -> tuple[str, ...]:
    """An alert as OpenSSL and GnuTLS write it."""
    spaced = name.replace("_", " ")
    return (f"alert {spaced}", f"alert: {spaced}")


ROWS: tuple[Explanation, ...] = (
    *(
        Explanation(
            key=f"alert-{number}",
            kind="alert",
            title=f"TLS alert {number} {name}",
            meaning=meaning,
            causes=causes,
            options="--depth full" if cause.TLS_SUITES in causes else "",
            alert=number,
            names=(name,),
            phrases=_words(name),
            source="RFC 8446 6; IANA TLS Alerts",
        )
        for number, name, meaning, causes in _ALERTS
    ),
    *(
        Explanation(
            key=f"negotiation-{number}",
            kind="negotiation",
            title=f"RDP negotiation failure {number} {name}",
            meaning=meaning,
            causes=(why,),
            failure=number,
            names=(name,),
            source="[MS-RDPBCGR] 2.2.1.2.2",
        )
        for number, name, meaning, why in _FAILURES
    ),
)
