from __future__ import annotations

from pathlib import Path

import pytest

from probe.wire import iana
from tools import make_iana


def test_the_module_is_what_its_tables_make() -> None:
    assert make_iana.TARGET.read_text("utf-8") == make_iana.render()


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (0x0004, "TLS_RSA_WITH_RC4_128_MD5"),
        (0x000A, "TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
        (0x00C6, "TLS_SM4_GCM_SM3"),  # RFC 8998
        (0x00FF, "TLS_EMPTY_RENEGOTIATION_INFO_SCSV"),
        (0x1301, "TLS_AES_128_GCM_SHA256"),
        (0x5600, "TLS_FALLBACK_SCSV"),
        (0xC02F, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
        (0xC0B4, "TLS_SHA256_SHA256"),  # RFC 9150
        (0xCCA8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
        (0x0A0A, "0x0a0a"),  # GREASE
    ],
)
def test_cipher_suites_have_their_registered_names(code: int, name: str) -> None:
    assert iana.cipher_suite_name(code) == name


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (0x0017, "secp256r1"),
        (0x001D, "x25519"),
        (0x001E, "x448"),
        (0x001F, "brainpoolP256r1tls13"),
        (0x0104, "ffdhe8192"),
        (0x0200, "MLKEM512"),
        (0x11EB, "SecP256r1MLKEM768"),
        (0x11EC, "X25519MLKEM768"),
        (0x11ED, "SecP384r1MLKEM1024"),
        (0xFFFF, "0xffff"),
    ],
)
def test_groups_have_their_registered_names(code: int, name: str) -> None:
    assert iana.group_name(code) == name


def test_schemes_and_extensions_have_their_registered_names() -> None:
    assert iana.signature_scheme_name(0x0804) == "rsa_pss_rsae_sha256"
    assert iana.signature_scheme_name(0x0301) == "0x0301"
    assert iana.extension_name(43) == "supported_versions"
    assert iana.extension_name(0xFF01) == "renegotiation_info"
    assert iana.extension_name(0x1234) == "0x1234"


def test_alerts_carry_their_registered_names_as_members() -> None:
    assert iana.AlertDescription(70) is iana.AlertDescription.PROTOCOL_VERSION
    assert iana.ALERTS[86] == "inappropriate_fallback"
    assert iana.AlertDescription(200).name == "UNKNOWN_0xc8"
    assert all(iana.AlertDescription(code).name.lower() == name for code, name in iana.ALERTS.items())


def test_a_name_stands_for_one_suite() -> None:
    assert len(set(iana.CIPHER_SUITES.values())) == len(iana.CIPHER_SUITES) > 350


def test_a_value_that_stands_twice_in_a_table_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "alerts.csv").write_text("# origin\nvalue,name\n0x01,one\n0x01,uno\n")
    monkeypatch.setattr(make_iana, "_TABLES", tmp_path)
    with pytest.raises(ValueError, match="alerts"):
        make_iana.table("alerts")
