"""Why a fact of the public captures' ground truth is not compared, and why one differs."""

from __future__ import annotations

_BEHIND = "how many records follow says nothing of the connection, and they are passed by unread"
_DIGEST = "the certificate's SHA-256 is compared, which covers every byte"

# Facts by their path, without indexes, of which results say nothing.
NOT_REPORTED: dict[str, str] = {
    "client_side.tls.records": _BEHIND,
    "client_side.tls.application_data_records": _BEHIND,
    "server_side.tls.records": _BEHIND,
    "server_side.tls.application_data_records": _BEHIND,
    "server_side.tls.certificates[].der_bytes": _DIGEST,
    "tls[].certificates[].der_bytes": _DIGEST,
    "tcp.lost": "tshark's guess from sequence numbers; `gaps` says whether bytes are missing",
    "vlan": "tags are read over",
}

_RETRANSMITTED = (
    "tshark flags segments by their numbers and times: a SYN or FIN that comes twice, and what fills a hole late. "
    "`retransmitted` counts segments whose bytes had been seen, which can be counted in the file"
)
_REORDERED = (
    "tshark calls what fills a hole late retransmitted, lost or out of order by how long it took, and in this file "
    "times are interpolated; `out_of_order` counts every segment that comes after one with a higher number"
)
_S7 = (
    "these are the parameters of an ISO connection (0xc0 size, 0xc1 and 0xc2 TSAPs), which the truth writes down as if "
    "they were the fields of RDP_NEG_REQ; its own outcome says that this is not RDP"
)
_SNAPLEN = (
    "the truth counts the bytes that were captured, 96 of each packet; TCP's numbers and IP's lengths say how many "
    "were sent, and `truncated` says that not all of them are in the file"
)
_READ_ON = (
    "the packet is cut inside RDP_NEG_REQ (01 00 08), and the truth takes the next packet's first bytes (03 00 02 ...) "
    "for the rest of it: a length of 776 where 8 is the only one there is; its note on stream 0 calls that wrong"
)
_CUT_ANSWER = (
    "the Connect-Response is cut behind its first 42 bytes; what is not whole is not read, and `unknown` says that "
    "packets were cut"
)
_23, _11 = "23-d-snaplen-96.pcap", "11-x224-but-s7comm-port102.pcap"
_NEGOTIATION = ("type", "flags_raw", "length", "value", "trailing_bytes")

# Differences that are the ground truth's: by file, stream and path; or by path alone.
EXPLAINED: dict[tuple[str, str, str], str] = {
    ("", "", "tcp.retransmissions"): _RETRANSMITTED,
    ("", "", "tcp.out_of_order"): _REORDERED,
    ("09-rdp-inside-socks5.pcap", "0", "(any)"): (
        "not RDP as TCP, by the truth's own words, and to another port than 3389: it is counted, and has no result"
    ),
    (_11, "0", "outcome"): "the truth's words for what is named iso-tsap: another service of ISO transport",
    (_11, "0", "service"): "the truth leaves it open (or unknown); iso-tsap is what X.224 on port 102 is",
    **{
        (_11, "0", f"{side}_side.x224.negotiation.{name}"): _S7
        for side in ("client", "server")
        for name in _NEGOTIATION
    },
    ("15-ws2016-ipv6-cc-after-its-ack.pcap", "0", "server_bytes"): (
        "the file has every byte from 1 to 40928 once (the lengths of all segments add up to that); tshark's follow, "
        "which the truth counted by, left out 6778 that come later than their numbers say"
    ),
    (_23, "0", "client_bytes"): _SNAPLEN,
    (_23, "1", "client_bytes"): _SNAPLEN,
    (_23, "1", "server_bytes"): _SNAPLEN,
    **{
        (_23, "1", f"client_side.{name}"): _READ_ON
        for name in (
            *(f"x224.negotiation.{field}" for field in (*_NEGOTIATION[:-1], "kind", "requested", "flags")),
            "first_bytes",
            "ascii",
        )
    },
    **{(_23, "1", f"server_side.{name}"): _CUT_ANSWER for name in ("mcs", "mcs_result", "gcc.error", "mcs_truncated")},
}
