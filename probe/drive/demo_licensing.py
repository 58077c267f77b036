"""How the embedded servers go on from the basic settings exchange: up to what they say of licenses.

Only inside TLS, where nothing is encrypted a second time: nobody has the private key of their Standard RDP Security.

Source: [MS-RDPBCGR] 1.3.1.1 phases 3 to 6; the Demand Active PDU stands for all that would follow, and holds nothing.
"""

from __future__ import annotations

from probe.wire import x224
from probe.wire.cursor import Reader, Writer
from probe.wire.error_info import ErrorInfo
from probe.wire.licensing import LicensingCode, LicensingError, LicensingMessage, LicensingType, StateTransition
from probe.wire.mcs import ConnectResult
from probe.wire.mcs_domain import (
    AttachUserConfirm,
    AttachUserRequest,
    ChannelJoinConfirm,
    ChannelJoinRequest,
    DomainPdu,
    ErectDomainRequest,
    SendDataIndication,
    SendDataRequest,
    read_domain_pdu,
    write_domain_pdu,
)
from probe.wire.security_header import SecurityFlag, SecurityHeader
from probe.wire.share import DataType, ShareData, SharePdu, ShareType

Said = LicensingError | LicensingMessage | ShareData | SharePdu

_USER, _SERVER = 1007, 1002  # channels of the client and of the server, as in [MS-RDPBCGR] 4.1.7 and 4.1.11
_LICENSE_BYTES = 160  # of a license request, which nobody reads

VALID_CLIENT = LicensingError(code=LicensingCode.STATUS_VALID_CLIENT, transition=StateTransition.ST_NO_TRANSITION)
NO_LICENSE_SERVER = LicensingError(code=LicensingCode.ERR_NO_LICENSE_SERVER, transition=StateTransition.ST_TOTAL_ABORT)
LICENSE_REQUEST = LicensingMessage(message_type=LicensingType.LICENSE_REQUEST, body=bytes(_LICENSE_BYTES))
DEMAND_ACTIVE = SharePdu(share_type=ShareType.DEMAND_ACTIVE, body=bytes(8), source=_SERVER)
DENIED = ShareData(
    data_type=DataType.SET_ERROR_INFO,
    body=int(ErrorInfo.ERRINFO_SERVER_DENIED_CONNECTION).to_bytes(4, "little"),
    source=_SERVER,
)


def reply(said: tuple[Said, ...], packet: bytes) -> bytes | None:
    """What is answered to one packet of the client, perhaps nothing; None where it is no longer followed.

    Raises ProbeError for what cannot be read.
    """
    tpdu = x224.read_packet(packet)
    if not isinstance(tpdu, x224.Data):
        return None
    pdu = read_domain_pdu(tpdu.user_data)
    if isinstance(pdu, ErectDomainRequest):
        return b""
    if isinstance(pdu, AttachUserRequest):
        return _packet(AttachUserConfirm(result=ConnectResult.RT_SUCCESSFUL, initiator=_USER))
    if isinstance(pdu, ChannelJoinRequest):
        channel = pdu.channel_id
        joined = ConnectResult.RT_SUCCESSFUL
        return _packet(ChannelJoinConfirm(result=joined, initiator=_USER, requested=channel, channel_id=channel))
    if isinstance(pdu, SendDataRequest):
        header = SecurityHeader.read(Reader(pdu.user_data, "SecurityHeader"))
        if header.flags & SecurityFlag.INFO_PKT:
            return b"".join(_packet(_indication(pdu.channel_id, each)) for each in said)
    return None


def _indication(channel: int, message: Said) -> SendDataIndication:
    w = Writer()
    if isinstance(message, LicensingError | LicensingMessage):
        SecurityHeader(flags=SecurityFlag.LICENSE_PKT).write(w)
    message.write(w)
    return SendDataIndication(initiator=_SERVER, channel_id=channel, user_data=w.getvalue())


def _packet(pdu: DomainPdu) -> bytes:
    return x224.write_packet(x224.Data(user_data=write_domain_pdu(pdu)))
