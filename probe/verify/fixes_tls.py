"""What mends a failed rule on versions, suites, groups and features of TLS: texts as data. Sources: see `fixes`."""

from __future__ import annotations

from dataclasses import dataclass

from probe.diagnosis.rule import Platform
from probe.language import N_


@dataclass(frozen=True, slots=True)
class Fix:
    """One thing to do: a sentence or a few, with names of facts in braces."""

    text: str
    on: Platform = "any"


_OLD_OFF = Fix(
    N_(
        "Set Enabled to 0 (DWORD) in {off_keys} under {protocols}, for example reg add "
        '"{protocols}\\{first_off}\\Server" /v Enabled /t REG_DWORD /d 0 /f, then restart. Other services of that '
        "computer obey it too."
    ),
    on="windows",
)
_WID = Fix(
    N_(
        "Before {tls10} goes: where an RD Connection Broker on Windows Server 2008 R2 to 2012 R2 lacks updates, it "
        "cannot reach its own database (WID) without it, and Remote Desktop Management stops; install them first, or "
        "give the broker an SQL Server that has TLS 1.2."
    ),
    on="windows",
)
_NEW_ON = Fix(
    N_(
        "Set Enabled to 1 and DisabledByDefault to 0 (DWORD) in {on_keys} under {protocols}, then restart; "
        "TLS 1.3 needs Windows 11 or Windows Server 2022, and Remote Desktop on Windows 7 and Server 2008 R2 needs "
        "KB3080079 for TLS 1.2."
    ),
    on="windows",
)
_XRDP_VERSIONS = Fix(N_("Set ssl_protocols={xrdp_versions} in xrdp.ini; it counts for the next connection."), on="xrdp")
_OPENSSL_LEAST = Fix(
    N_(
        "The system's OpenSSL decides: MinProtocol = {least} in the "
        "section of system_default in openssl.cnf, or update-crypto-policies --set DEFAULT on Fedora and RHEL; then "
        "restart the service."
    ),
    on="freerdp",
)
_OPENSSL_ON = Fix(
    N_(
        "The system's OpenSSL decides: see MinProtocol, MaxProtocol and "
        "CipherString in openssl.cnf, which must leave {on} on; then restart the service."
    ),
    on="freerdp",
)
VERSIONS = (_NEW_ON, _OLD_OFF, _WID, _XRDP_VERSIONS, _OPENSSL_LEAST, _OPENSSL_ON)

_SUITES_OFF = Fix(
    N_(
        "On Windows Server 2016, Windows 10 and later, in PowerShell as administrator: {suite_commands}; then restart. "
        "Other services of that computer obey it too."
    ),
    on="windows",
)
_SUITE_ORDER = Fix(
    N_(
        "On any Windows by Group Policy: Computer Configuration, Administrative Templates, Network, SSL Configuration "
        "Settings, SSL Cipher Suite Order, set to what may stay: {windows_suites}; then restart. Where this policy is "
        "set, it alone counts."
    ),
    on="windows",
)
_SEEN_SUITES_OFF = Fix(
    N_(
        "On Windows Server 2016, Windows 10 and later, in PowerShell as administrator: {seen_suite_commands}; then "
        "restart. These are those that were seen, and there may be more: --depth full names all."
    ),
    on="windows",
)
_XRDP_SUITES = Fix(
    N_(
        "Set tls_ciphers={openssl_suites} in xrdp.ini: it takes away {suites} and keeps what else clients may "
        "need; it counts for the next connection."
    ),
    on="xrdp",
)
_OPENSSL_SUITES = Fix(
    N_(
        "Set CipherString = {openssl_suites} in the section of "
        "system_default in openssl.cnf: it takes away {suites} and keeps what else clients may need; then restart the "
        "service."
    ),
    on="freerdp",
)
_OPENSSL_TLS13 = Fix(
    N_(
        "Suites of TLS 1.3 are chosen in openssl.cnf alone: set Ciphersuites = {openssl_tls13} in its section of "
        "system_default; then restart the service."
    ),
    on="linux",
)
_NO_TLS13 = Fix(
    N_(
        "Suites of {no_tls13} are chosen in openssl.cnf alone, and none that OpenSSL has on by default may stay: set "
        "MaxProtocol = TLSv1.2 in its section of system_default; then restart the service."
    ),
    on="linux",
)
SUITES = (_SUITES_OFF, _SUITE_ORDER, _SEEN_SUITES_OFF, _XRDP_SUITES, _OPENSSL_SUITES, _OPENSSL_TLS13, _NO_TLS13)
SUITES_ON = (
    Fix(
        N_(
            "On Windows Server 2016, Windows 10 and later, in PowerShell as administrator: Enable-TlsCipherSuite -Name "
            "NAME with one that {value} means; Get-TlsCipherSuite lists what is on. A suite with ECDSA needs a "
            "certificate with such a key."
        ),
        on="windows",
    ),
    Fix(
        N_(
            "On any Windows see the Group Policy SSL Cipher Suite Order (Network, SSL Configuration Settings): where "
            "it is set, it alone counts, and must name one that {value} means."
        ),
        on="windows",
    ),
    Fix(
        N_("Add such suites to tls_ciphers in xrdp.ini; openssl ciphers -stdname tells OpenSSL's names."),
        on="xrdp",
    ),
    Fix(
        N_(
            "Add such suites to CipherString, or for TLS 1.3 to "
            "Ciphersuites, in openssl.cnf; openssl ciphers -stdname tells OpenSSL's names."
        ),
        on="freerdp",
    ),
)
GROUPS_OFF = (
    Fix(
        N_(
            "On Windows Server 2016, Windows 10 and later, in PowerShell as administrator: {group_commands}; then "
            "restart. The Group Policy ECC Curve Order (Network, SSL Configuration Settings) wins where it is set."
        ),
        on="windows",
    ),
    Fix(
        N_(
            "Against {dh_groups} set Enabled to 0 in the key KeyExchangeAlgorithms\\Diffie-Hellman under "
            "{schannel}, or take the TLS_DHE suites away."
        ),
        on="windows",
    ),
    Fix(
        N_(
            "Set Groups = {openssl_groups} in the section of "
            "system_default in openssl.cnf, which takes away {groups}; then restart the service."
        ),
        on="linux",
    ),
)
GROUPS_ON = (
    Fix(
        N_(
            "On Windows Server 2016, Windows 10 and later, in PowerShell as administrator: Enable-TlsEccCurve -Name "
            "NAME ({windows_groups}); Get-TlsEccCurve lists what is on. The Group Policy ECC "
            "Curve Order wins where it is set."
        ),
        on="windows",
    ),
    Fix(
        N_(
            "Add one of these to Groups in the section of system_default "
            "in openssl.cnf, as far as that OpenSSL has it: {openssl_groups}; then restart the service."
        ),
        on="linux",
    ),
)
DH_BITS = (
    Fix(
        N_(
            "Set ServerMinKeyBitLength to {value} (DWORD) in the key KeyExchangeAlgorithms\\Diffie-Hellman "
            "under {schannel}, then restart; or take the TLS_DHE suites away."
        ),
        on="windows",
    ),
    Fix(
        N_(
            "Add :!DHE to tls_ciphers in xrdp.ini, tls_ciphers=DEFAULT:!DHE where none is set; it counts for "
            "the next connection."
        ),
        on="xrdp",
    ),
    Fix(
        N_(
            "CipherString with :!DHE at its end, such as "
            "DEFAULT:!DHE, in the section of system_default in openssl.cnf; then restart the service."
        ),
        on="freerdp",
    ),
)
NEW_STACK = (
    Fix(
        N_(
            "What Schannel does of this is part of its release: install the updates of Windows, or take a newer one; "
            "see TLS registry settings in Microsoft's documentation for what can be set."
        ),
        on="windows",
    ),
    Fix(N_("Update OpenSSL and the server on that system, then restart the service."), on="linux"),
    Fix(
        N_(
            "Where a device in between ends TLS (a load balancer, a gateway, TLS inspection), it is that which "
            "answers: ask from the server's own network."
        )
    ),
)
SCHEMES = (
    NEW_STACK[0],
    Fix(
        N_(
            "Set SignatureAlgorithms in the section of "
            "system_default in openssl.cnf without them, or @SECLEVEL=2; then restart the service."
        ),
        on="linux",
    ),
)
SERVER_ORDER = (
    Fix(
        N_(
            "Schannel goes by its own order (SSL Cipher Suite Order): where a server on Windows seems to go by "
            "that of the client, see whether a device in between ends TLS."
        ),
        on="windows",
    ),
    Fix(
        N_("Set Options = ServerPreference in the section of system_default in openssl.cnf; then restart the service."),
        on="linux",
    ),
)
