"""A server from the basic settings exchange to the licensing phase, over memory: it really decrypts what it is told.

Give `receive` what a client writes and it gives the reply. `answers` is what it says once the Client Info PDU has come:
`license`, `share` and `on_channel` write them, encrypted as the level asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

from cryptography.hazmat.primitives.asymmetric import rsa

from probe.audit.standard_cipher import FipsCipher, Rc4Cipher
from probe.wire import gcc, mcs, x224
from probe.wire import mcs_domain as domain
from probe.wire.client_info import ClientInfo
from probe.wire.cursor import Reader, Writer
from probe.wire.licensing import LicensingCode, LicensingError, LicensingMessage, LicensingType, StateTransition
from probe.wire.security_header import FipsHeader, SecurityExchange, SecurityFlag, SecurityHeader, SignedHeader
from probe.wire.share import DataType, ShareData, SharePdu, ShareType
from probe.wire.standard_security import ProprietaryCertificate, write_server_certificate

USER, IO, RDPDR = 1007, 1003, 1004
FORTY, ONE_TWENTY_EIGHT, FIFTY_SIX, FIPS = 0x01, 0x02, 0x08, 0x10
LOW, COMPATIBLE, HIGH, FIPS_LEVEL = 1, 2, 3, 4
SALTS = {FORTY: b"\xd1\x26\x9e", FIFTY_SIX: b"\xd1", ONE_TWENTY_EIGHT: b""}


def written(message: object) -> bytes:
    w = Writer()
    message.write(w)  # type: ignore[attr-defined]
    return w.getvalue()


def packet(pdu: domain.DomainPdu) -> bytes:
    return x224.write_packet(x224.Data(user_data=domain.write_domain_pdu(pdu)))


def alert(code: int, transition: int = 1) -> LicensingError:
    return LicensingError(code=LicensingCode(code), transition=StateTransition(transition))


VALID = alert(7, 2)
NO_SERVER = alert(6)
LICENSE_REQUEST = LicensingMessage(message_type=LicensingType.LICENSE_REQUEST, body=bytes(40))
CHALLENGE = LicensingMessage(message_type=LicensingType.PLATFORM_CHALLENGE, body=bytes(4))
DEMAND_ACTIVE = SharePdu(share_type=ShareType.DEMAND_ACTIVE, body=bytes(30), source=1002)
REDIRECTION = SharePdu(share_type=ShareType.SERVER_REDIRECTION, body=bytes(20), source=1002, version=0)
DEACTIVATE = SharePdu(share_type=ShareType.DEACTIVATE_ALL, body=bytes(6))
STATUS = ShareData(data_type=DataType.STATUS_INFO, body=bytes(4))
ULTIMATUM = mcs.DisconnectProviderUltimatum(reason=mcs.DisconnectReason.RN_PROVIDER_INITIATED)


def set_error(number: int) -> ShareData:
    return ShareData(data_type=DataType.SET_ERROR_INFO, body=number.to_bytes(4, "little"))


@cache
def rsa_key() -> rsa.RSAPrivateNumbers:
    return rsa.generate_private_key(65537, 1024).private_numbers()


def certificate() -> ProprietaryCertificate:
    modulus = rsa_key().public_numbers.n
    return ProprietaryCertificate(
        bitlen=1024,
        datalen=127,
        exponent=65537,
        modulus_field=modulus.to_bytes(128, "little") + bytes(8),
        signature=bytes(72),
    )


class LicensingServer:
    """One connection. What the client said is kept in `info` and `joined`."""

    def __init__(self, *answers: object, method: int = 0, level: int = 0, secure: bool | None = None) -> None:
        self.answers = answers
        self.method, self.level = method, level
        self.encrypts = level > LOW if secure is None else secure  # what it says itself
        self.random = bytes(range(32))
        self.cipher: Rc4Cipher | FipsCipher | None = None
        self.info: ClientInfo | None = None
        self.joined: list[int] = []
        self.replies: dict[type[object], Callable[[domain.DomainPdu], bytes]] = {
            domain.AttachUserRequest: lambda _: packet(
                domain.AttachUserConfirm(result=mcs.ConnectResult.RT_SUCCESSFUL, initiator=USER)
            ),
            domain.ChannelJoinRequest: self._join,
            domain.SendDataRequest: self._data,
        }
        self._framer = x224.TpktFramer()

    def connect_response(self) -> bytes:
        """The packet of a Connect-Response."""
        security = gcc.ServerSecurity(
            encryption_method=self.method,
            encryption_level=gcc.EncryptionLevel(self.level),
            server_random=self.random if self.method else None,
            server_certificate=write_server_certificate(certificate()) if self.method else None,
        )
        blocks = (
            gcc.ServerCore(version=gcc.RDP_5),
            gcc.ServerNetwork(io_channel_id=IO, channel_ids=(RDPDR,), padding=bytes(2)),
            security,
        )
        response = mcs.ConnectResponse(
            result=mcs.ConnectResult.RT_SUCCESSFUL,
            parameters=replace(mcs.TARGET, max_user_ids=3),
            user_data=gcc.ConferenceCreateResponse(blocks=blocks).write(),
        )
        return x224.write_packet(x224.Data(user_data=mcs.write_pdu(response)))

    def receive(self, data: bytes) -> bytes:
        """Take bytes of the wire, and give those that the server writes."""
        self._framer.feed(data)
        out = b""
        while (raw := self._framer.next_packet()) is not None:
            tpdu = x224.read_packet(raw)
            assert isinstance(tpdu, x224.Data)
            if tpdu.user_data[:2] == b"\x7f\x65":
                out += self.connect_response()
                continue
            pdu = domain.read_domain_pdu(tpdu.user_data)
            if (reply := self.replies.get(type(pdu))) is not None:
                out += reply(pdu)
        return out

    def _join(self, pdu: domain.DomainPdu) -> bytes:
        assert isinstance(pdu, domain.ChannelJoinRequest)
        assert pdu.initiator == USER
        self.joined.append(pdu.channel_id)
        return packet(
            domain.ChannelJoinConfirm(
                result=mcs.ConnectResult.RT_SUCCESSFUL,
                initiator=USER,
                requested=pdu.channel_id,
                channel_id=pdu.channel_id,
            )
        )

    def _data(self, pdu: domain.DomainPdu) -> bytes:
        assert isinstance(pdu, domain.SendDataRequest)
        assert (pdu.initiator, pdu.channel_id) == (USER, IO)
        r = Reader(pdu.user_data, "PDU")
        flags = SecurityHeader.read(Reader(pdu.user_data, "header")).flags
        if flags & SecurityFlag.EXCHANGE_PKT:
            SecurityHeader.read(r)
            self._exchange(SecurityExchange.read(r).encrypted_client_random)
            return b""
        assert flags & SecurityFlag.INFO_PKT
        self.info = ClientInfo.read(Reader(self._opened(r), "ClientInfo"))
        return b"".join(self.said(answer) for answer in self.answers)

    def _opened(self, r: Reader) -> bytes:
        if self.cipher is None:
            SecurityHeader.read(r)
            return r.rest()
        header: SignedHeader | FipsHeader = self.cipher.header.read(r)
        clear = self.cipher.open(header, r.rest())
        assert clear is not None, "the client signs otherwise"
        return clear

    def _exchange(self, encrypted: bytes) -> None:
        key = rsa_key()
        assert encrypted[-8:] == bytes(8)
        client = pow(int.from_bytes(encrypted, "little"), key.d, key.public_numbers.n).to_bytes(32, "little")
        if self.method == FIPS:
            self.cipher = FipsCipher(client, self.random, b"", serving=True)
        else:
            self.cipher = Rc4Cipher(client, self.random, b"", SALTS[self.method], serving=True)

    def said(self, answer: object) -> bytes:
        """One answer as a packet; bytes stay as they are."""
        if isinstance(answer, bytes):
            return answer
        if isinstance(answer, mcs.DisconnectProviderUltimatum):
            return packet(answer)
        licensing = isinstance(answer, LicensingError | LicensingMessage)
        return self.on_channel(SecurityFlag.LICENSE_PKT if licensing else 0, written(answer))

    def on_channel(self, flags: int, body: bytes) -> bytes:
        """An indication on the I/O channel."""
        if self.encrypts and self.cipher is not None:
            data = self.cipher.seal(flags | SecurityFlag.ENCRYPT, body)
        elif flags or self.level:
            data = written(SecurityHeader(flags=flags)) + body
        else:
            data = body
        return packet(domain.SendDataIndication(initiator=1002, channel_id=IO, user_data=data))
