from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from probe.audit.client_side import client_side, software_of
from probe.audit.fingerprint import ja3, ja4
from probe.errors import ProbeError
from probe.handshake.credssp_watched import WatchedCredSsp
from probe.handshake.machine import Event, Malformed, Seen, Side
from probe.handshake.negotiation import CutRequest
from probe.result import CapturedCredSsp, CapturedHello, ClientSide
from probe.wire import gcc, spnego, ssl2
from probe.wire import tls_extensions as ext
from probe.wire.nego import NegotiationRequest, PreconnectionPdu, RequestData
from probe.wire.tls_hello import ClientHello, Extension
from probe.wire.tls_record import Alert, AlertDescription, AlertLevel
from tests.handshake.driving import feed
from tests.handshake.test_credssp_watched import LOGON, request
from tests.licensing_server import written
from tests.vectors import vector
from tests.wire.test_kerberos import ap_req
from tests.wire.test_ntlm_names import SECRET

C, S = Side.CLIENT, Side.SERVER


def said(*messages: object) -> ClientSide:
    return client_side([Seen(0.0, C, message, b"") for message in messages])


def test_nothing_was_said() -> None:
    assert said() == ClientSide()
    events: list[Event] = [Malformed(0.0, C, ProbeError(), b""), Seen(0.0, S, RequestData(token=b"x"), b"")]
    assert client_side(events) == ClientSide()


# The request.


def test_a_request_with_a_cookie() -> None:
    asked = NegotiationRequest(protocols=0x2B, flags=0x09)
    side = said(PreconnectionPdu.naming("vm1"), RequestData(token=b"Cookie: mstshash=el\xfftons", negotiation=asked))
    assert side.cookie == "el\ufffdtons"
    assert side.routing_token is None
    assert side.requested == ["SSL", "HYBRID", "HYBRID_EX", "0x20"]
    assert side.request_flags == ["RESTRICTED_ADMIN_MODE_REQUIRED", "CORRELATION_INFO_PRESENT"]
    assert side.preconnection_blob == "vm1"


def test_a_request_for_standard_rdp_security_and_one_without_negotiation() -> None:
    assert said(RequestData(negotiation=NegotiationRequest(protocols=0))).requested == ["RDP"]
    assert said(RequestData()).requested == []
    token = b"Cookie: msts=3640205228.15629.0000"
    assert said(RequestData(token=token)).routing_token == token.decode()
    assert said(PreconnectionPdu(version=1, id=7)).preconnection_blob is None


def test_a_request_that_is_not_whole() -> None:
    side = said(CutRequest(b"Cookie: mstshash=eltons"))
    assert side.cookie == "eltons"
    assert side.requested is None
    assert said(CutRequest(None)) == ClientSide()


# The settings.


def settings(*blocks: gcc.ClientBlock) -> ClientSide:
    return said(gcc.ConferenceCreateRequest(blocks=blocks))


def test_the_core_settings() -> None:
    side = settings(
        gcc.ClientCore(
            version=0x00080004,
            desktop_width=1280,
            desktop_height=1024,
            keyboard_layout=0x0004041E,
            client_build=9600,
            client_name="SEPTU".encode("utf-16-le").ljust(32, b"\0"),
            keyboard_type=7,
            early_capability_flags=0x8003,
            client_dig_product_id="76487-OEM".encode("utf-16-le").ljust(64, b"\0"),
        ),
        gcc.ClientCluster(flags=0x15, redirected_session_id=3),
        gcc.ClientSecurity(encryption_methods=0x1B),
        gcc.ClientNetwork(channels=(gcc.ChannelDefinition(name=b"rdpdr\0\0\0", options=0),)),
    )
    assert side == ClientSide(
        client_name="SEPTU",
        client_build=9600,
        client="Windows 8.1 or Server 2012 R2",
        rdp_version="5.0-8.1",
        keyboard_layout="0x0004041e",
        keyboard_type=7,
        desktop=[1280, 1024],
        color_depth=32,
        channels=["rdpdr"],
        encryption_methods=["40BIT", "128BIT", "56BIT", "FIPS"],
        dig_product_id="76487-OEM",
        early_capability_flags=["SUPPORT_ERRINFO_PDU", "WANT_32BPP_SESSION", "0x8000"],
        cluster_flags="0x00000015",
        redirected_session_id=3,
    )


def test_settings_of_which_parts_are_absent() -> None:
    assert settings() == ClientSide()
    french = settings(gcc.ClientSecurity(encryption_methods=0, ext_encryption_methods=2))
    assert french.encryption_methods == ["128BIT"]


@pytest.mark.parametrize(
    ("fields", "depth"),
    [
        ({"high_color_depth": 16}, 16),
        ({"high_color_depth": 24, "early_capability_flags": 0}, 24),
        ({"high_color_depth": 24, "early_capability_flags": None}, 24),
        ({"high_color_depth": 24, "early_capability_flags": 2}, 32),
        ({"high_color_depth": None, "post_beta2_color_depth": 0xCA03}, 16),
        ({"high_color_depth": None, "post_beta2_color_depth": None, "color_depth": 0xCA01}, 8),
        ({"high_color_depth": None, "post_beta2_color_depth": None, "color_depth": 7}, None),
    ],
)
def test_the_color_depth_is_that_of_the_newest_field(fields: dict[str, int | None], depth: int | None) -> None:
    core = replace(gcc.ClientCore(), **fields)  # type: ignore[arg-type]
    assert settings(core).color_depth == depth


def test_an_old_client_has_no_product_identifier() -> None:
    assert settings(gcc.ClientCore(client_dig_product_id=None)).dig_product_id is None


@pytest.mark.parametrize(
    ("build", "licensed", "name"),
    [
        (2600, True, "Windows XP"),
        (2600, False, "rdesktop or Windows XP"),
        (6000, False, "Windows Vista"),
        (1, False, None),
    ],
)
def test_which_software_claims_a_build(build: int, name: str | None, *, licensed: bool) -> None:
    assert software_of(build, licensed=licensed) == name


def test_a_build_of_freerdp_and_of_windows() -> None:
    named = software_of(18363, licensed=False)
    assert named is not None
    assert named.startswith("FreeRDP 2 or Windows")


# The hello. The lists of JA4's own example, as FoxIO publishes it: technical_details/JA4.md.

SUITES = (
    *(0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC013, 0xC014),
    *(0x009C, 0x009D, 0x002F, 0x0035),
)
TYPES = (0x1B, 0x00, 0x33, 0x10, 0x4469, 0x17, 0x2D, 0x0D, 0x05, 0x23, 0x12, 0x2B, 0xFF01, 0x0B, 0x0A, 0x15)
SCHEMES = (0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601)


def example(*, grease: bool) -> ClientHello:
    bodies = {
        0x00: ext.server_name("srv1.example"),
        0x0A: ext.supported_groups((0x1A1A, 0x001D, 0x0017) if grease else (0x001D, 0x0017)),
        0x0B: ext.ec_point_formats((0,)),
        0x0D: ext.signature_algorithms(SCHEMES),
        0x10: Extension(type=16, body=b"\x00\x0c\x02h2\x08http/1.1"),
        0x2B: ext.supported_versions((0x2A2A, 0x0304, 0x0303) if grease else (0x0304, 0x0303)),
    }
    extensions = tuple(bodies.get(kind, Extension(type=kind)) for kind in TYPES)
    if grease:
        extensions = (Extension(type=0x3A3A), *extensions, Extension(type=0x4A4A, body=b"\0"))
    suites = (0x0A0A, *SUITES) if grease else SUITES
    return ClientHello(version=0x0303, random=bytes(32), cipher_suites=suites, extensions=extensions)


@pytest.mark.parametrize("grease", [False, True])
def test_ja4_of_the_published_example(*, grease: bool) -> None:
    assert ja4(example(grease=grease)) == "t13d1516h2_8daaf6152771_e5627efa2ab1"


@pytest.mark.parametrize("grease", [False, True])
def test_ja3_is_the_digest_of_five_lists(*, grease: bool) -> None:
    text = (
        "771,4865-4866-4867-49195-49199-49196-49200-52393-52392-49171-49172-156-157-47-53,"
        "27-0-51-16-17513-23-45-13-5-35-18-43-65281-11-10-21,29-23,0"
    )
    assert ja3(example(grease=grease)) == hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def test_fingerprints_of_the_barest_hello() -> None:
    bare = ClientHello(version=0x0301, random=bytes(32), cipher_suites=(), extensions=None)
    assert ja4(bare) == "t10i000000_000000000000_000000000000"
    assert ja3(bare) == hashlib.md5(b"769,,,,", usedforsecurity=False).hexdigest()
    assert ja4(replace(bare, version=0x0999)).startswith("t00i")


def test_a_fingerprint_survives_extensions_that_cannot_be_read() -> None:
    broken = tuple(Extension(type=kind, body=b"\xff") for kind in (0x0A, 0x0B, 0x0D, 0x10, 0x2B))
    hello = ClientHello(version=0x0303, random=bytes(32), cipher_suites=(0x002F,), extensions=broken)
    assert ja4(hello).startswith("t12i010500_")
    assert said(hello).hello is not None
    assert said(hello).hello.alpn == []  # type: ignore[union-attr]


def test_what_a_hello_offers() -> None:
    hello = said(example(grease=True)).hello
    assert hello == CapturedHello(
        version="TLSv1.3",
        versions=["TLSv1.3", "TLSv1.2"],
        cipher_suites=["0x0a0a", *(f"0x{suite:04x}" for suite in SUITES)],
        groups=["0x001d", "0x0017"],
        signature_schemes=[f"0x{scheme:04x}" for scheme in SCHEMES],
        extensions=["0x3a3a", *(f"0x{kind:04x}" for kind in TYPES), "0x4a4a"],
        alpn=["h2", "http/1.1"],
        server_name="srv1.example",
        ja3=ja3(example(grease=False)),
        ja4="t13d1516h2_8daaf6152771_e5627efa2ab1",
    )


def test_an_old_hello_names_only_its_newest_version() -> None:
    bare = ClientHello(version=0x0301, random=bytes(32), cipher_suites=(0x0004,), extensions=None)
    hello = said(bare).hello
    assert hello is not None
    assert (hello.version, hello.versions, hello.extensions) == ("TLSv1.0", [], [])


def test_the_last_hello_counts() -> None:
    other = replace(example(grease=False), cipher_suites=(0x1301,))
    hello = said(example(grease=False), other).hello
    assert hello is not None
    assert hello.cipher_suites == ["0x1301"]


def test_a_hello_of_ssl_2() -> None:
    old = ssl2.ClientHello(version=0x0002, cipher_specs=(0x0700C0,), challenge=bytes(16))
    assert said(old).hello == CapturedHello(version="SSLv2", cipher_suites=["0x0700c0"])
    newer = ssl2.ClientHello(version=0x0303, cipher_specs=(0x00002F,), challenge=bytes(16))
    assert said(newer).hello == CapturedHello(version="TLSv1.2", cipher_suites=["0x002f"])


def test_the_first_alert_counts() -> None:
    alerts = [
        Alert(level=AlertLevel.FATAL, description=AlertDescription.UNKNOWN_CA),
        Alert(level=AlertLevel.WARNING, description=AlertDescription.CLOSE_NOTIFY),
    ]
    assert said(*alerts).alert == "unknown_ca"


# CredSSP.


def test_who_logs_on_by_ntlm() -> None:
    side = client_side(feed(WatchedCredSsp(), LOGON))
    assert side.credssp == CapturedCredSsp(
        version=6, mechanism="NTLM", user="eltons", domain="NTDEV", workstation="ELTONS-DEV2"
    )
    assert SECRET.decode() not in repr(side)


def test_for_which_service_a_ticket_is() -> None:
    token = ap_req("EXAMPLE.COM", "TERMSRV", "srv1.example")
    side = client_side(feed(WatchedCredSsp(), [(C, request(token))]))
    assert side.credssp == CapturedCredSsp(
        version=6, mechanism="Kerberos", realm="EXAMPLE.COM", service="TERMSRV/srv1.example"
    )


def test_the_mechanism_is_the_one_that_the_server_took() -> None:
    kerberos = [(C, vector("credssp_init_windows10")), (S, vector("credssp_resp_windows2016"))]
    side = client_side(feed(WatchedCredSsp(), kerberos))
    assert side.credssp == CapturedCredSsp(version=6, mechanism="Kerberos", service="TERMSRV/dc01.rdsod.com")
    ntlm = written(spnego.NegTokenResp(supported_mech=spnego.NTLM))
    side = client_side(feed(WatchedCredSsp(), [kerberos[0], (S, request(ntlm))]))
    assert side.credssp is not None
    assert side.credssp.mechanism == "NTLM"


def test_an_offer_alone_is_no_mechanism() -> None:
    side = client_side(feed(WatchedCredSsp(), [(C, vector("credssp_spnego_kerberos"))]))
    assert side.credssp == CapturedCredSsp(version=6)
    undecided = written(spnego.NegTokenResp())
    side = client_side(feed(WatchedCredSsp(), [(C, vector("credssp_spnego_kerberos")), (S, request(undecided))]))
    assert side.credssp == CapturedCredSsp(version=6)
