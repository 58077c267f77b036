"""What a client says to the embedded servers, and how it reads a challenge: bytes that real servers have answered."""

from __future__ import annotations

# CORE 216, SECURITY, NET with one channel, CLUSTER; answered by xrdp 0.9.21, freerdp-shadow 2.11.7 and weston 10.
CONNECT_INITIAL = bytes.fromhex(
    "0300018d02f0807f658201810401010401010101ff301a020122020102020100020101020100020101020300ffff020102301902"
    "0101020101020101020101020100020101020204200201023020020300ffff020300fc17020300ffff0201010201000201010203"
    "00ffff0201020482011b000500147c00018112000800100001c00044756361810401c0d800040008000004000301ca03aa090400"
    "00280a0000700072006f00620065000000000000000000000000000000000000000000000004000000000000000c000000000000"
    "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "00000000000000000001ca0100000000001800070001000000000000000000000000000000000000000000000000000000000000"
    "000000000000000000000000000000000000000000000000000000000000000000000000000000000002c00c001b000000000000"
    "0003c014000100000072647064720000000000808004c00c000d00000000000000"
)

# TSRequest version 6 with a raw NTLM NEGOTIATE; answered by freerdp-shadow 2.11.7.
NTLM_NEGOTIATE = bytes.fromhex(
    "3037a003020106a130302e302ca02a04284e544c4d5353500001000000978208e2000000002800000000000000280000000a0063450000000f"
)
# TSRequest version 6 with a SPNEGO NegTokenInit that lists only Kerberos; read by tshark.
SPNEGO_KERBEROS = bytes.fromhex(
    "3037a003020106a130302e302ca02a0428602606062b0601050502a01c301aa018301606092a864882f71201020206092a864886f712010202"
)

# [MS-RDPBCGR] 5.3.3.1.1: the public half of the terminal-services signing key.
SIGNING_MODULUS = int.from_bytes(
    bytes.fromhex(
        "3d3a5ebd72433ec94dbbc11e4aba5fcb3e882087eff5c1e2d7b76b9af2524595"
        "ce63656b583afeef7ce7bffe3df65c7d6c5e06091af561bb2093095f056dea87"
    ),
    "little",
)
SIGNING_EXPONENT = int.from_bytes(bytes.fromhex("5b7b88c0"), "little")


def connect_initial(methods: int) -> bytes:
    """The Connect-Initial above with other encryptionMethods."""
    before, block, after = CONNECT_INITIAL.partition(bytes.fromhex("02c00c00"))
    return before + block + methods.to_bytes(4, "little") + after[4:]


def hello(version: int) -> bytes:
    """A ClientHello without supported_versions; the one of TLS 1.2 was answered by OpenSSL 3.0."""
    raw = bytes.fromhex(
        "160301006a010000660303000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f000008c02fc030009c002f"
        "01000035000a00080006001d00170018000b00020100000d00160014080404010805050108060601040305030201020300170000ff01"
        "000100"
    )
    return raw[:9] + version.to_bytes(2, "big") + raw[11:]


def av_pairs(challenge: bytes) -> dict[int, bytes]:
    """The AV_PAIRs of an NTLM CHALLENGE, [MS-NLMP] 2.2.1.2 and 2.2.2.1."""
    size = int.from_bytes(challenge[40:42], "little")
    at = int.from_bytes(challenge[44:48], "little")
    end = at + size
    found = {}
    while at < end and (kind := int.from_bytes(challenge[at : at + 2], "little")):
        length = int.from_bytes(challenge[at + 2 : at + 4], "little")
        found[kind] = challenge[at + 4 : at + 4 + length]
        at += 4 + length
    return found
