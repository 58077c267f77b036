"""From a question to the machine that asks it: which protocol follows which on one connection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from probe.audit.attempt import Question, Stage
from probe.audit.licensing import joining_of
from probe.audit.settings import Settings
from probe.handshake.client_hello import Offer, client_hello, hello_in_form
from probe.handshake.credssp import CredSspExchange, first_request
from probe.handshake.licensing import LicensingPhase
from probe.handshake.machine import Chain, Machine
from probe.handshake.negotiation import Negotiation
from probe.handshake.server_first import aad_nonce, rdstls_greeting
from probe.handshake.shaped_hello import HelloForm, hello_record, second_hello
from probe.handshake.ssl2_hello import Ssl2Hello, framed_hello, ssl2_hello
from probe.handshake.standard_rdp import BasicSettingsExchange
from probe.handshake.tls_hello import TlsHello
from probe.handshake.tls_tunnel import KeyLogLine, SessionMemory, TlsTunnel
from probe.wire import gcc, mcs, x224
from probe.wire.cursor import Writer
from probe.wire.nego import (
    NegotiationRequest,
    NegotiationResponse,
    PreconnectionPdu,
    Protocol,
    RequestData,
)

_OVER_TLS = (Stage.HELLO, Stage.TUNNEL, Stage.LICENSING)
_COOKIE = b"probe"
OUR_COOKIE = RequestData.COOKIE + _COOKIE
OTHER_NAME = "rdp-probe.invalid"  # RFC 2606: nobody has it
RandomBytes = Callable[[int], bytes]

# Every client in the field asks for at least one channel; this one is the commonest. INITIALIZED | COMPRESS_RDP.
_RDPDR = gcc.ChannelDefinition(name=b"rdpdr\0\0\0", options=0x80800000)
# Where Standard RDP Security follows unasked, all that a client can have: one method is the least that is legal.
ANY_METHOD = (
    gcc.EncryptionMethod.FORTY_BIT
    | gcc.EncryptionMethod.FIFTY_SIX_BIT
    | gcc.EncryptionMethod.ONE_TWENTY_EIGHT_BIT
    | gcc.EncryptionMethod.FIPS
)


@dataclass(frozen=True, slots=True)
class Conversation:
    """What every connection of one audit shares: what the user decided, the TLS name, the source of randomness."""

    settings: Settings
    server_name: str | None
    random_bytes: RandomBytes
    address: str | None = None  # of the server, for clients that put it where a name belongs
    memory: SessionMemory = field(default_factory=SessionMemory)  # for the handshake that continues another
    keylog: KeyLogLine | None = None  # where the secrets of complete handshakes go, if anywhere

    def machine(self, question: Question) -> Machine:
        """The machine that asks a question on a new connection."""
        if question.protocols is None:
            return self._tls(question, Protocol.SSL)
        first = Negotiation(
            opening(
                question.protocols,
                question.flags,
                bare=question.bare,
                token=self._token(cookie=question.cookie),
                blob=self.settings.preconnection_blob,
            )
        )
        return Chain(first, lambda finished: self._after(first, finished, question))

    def _token(self, *, cookie: bool) -> bytes | None:
        if self.settings.routing_token is not None:
            return self.settings.routing_token.encode("utf-8")
        if self.settings.cookie is not None:
            return RequestData.COOKIE + self.settings.cookie.encode("utf-8")
        return OUR_COOKIE if cookie else None

    def _after(self, negotiation: Negotiation, finished: Machine, question: Question) -> Machine | None:
        """What follows the negotiation; what followed it is followed by the licensing phase, or by nothing."""
        if finished is not negotiation:
            return self._licensing(question, finished)
        if negotiation.confirm is None:
            return None
        answer = negotiation.confirm.negotiation
        if answer is None:  # an old server, or another ISO service: only RDP itself tells which
            goes_on = question.stage is not Stage.NEGOTIATION and (question.client is None or question.methods)
            return self._settings(question, Protocol.RDP) if goes_on else None
        if not isinstance(answer, NegotiationResponse) or question.protocols is None:
            return None
        if answer.selected == Protocol.RDP:
            return self._settings(question, Protocol.RDP) if self._is_for_settings(question) else None
        if answer.selected.bit_count() != 1 or not answer.selected & question.protocols:
            return None  # it selected what was not offered, or several: nothing that we could rightly speak
        return self._tls(question, answer.selected) if question.stage in _OVER_TLS else None

    @staticmethod
    def _is_for_settings(question: Question) -> bool:
        """RDP itself was selected: what was asked about licensing inside TLS is not asked in clear."""
        if question.client is not None:
            return question.methods != 0
        return question.stage is Stage.SETTINGS or (
            question.stage is Stage.LICENSING and question.protocols == Protocol.RDP
        )

    def _tls(self, question: Question, selected: int) -> Machine:
        if question.stage is Stage.HELLO and question.version is not None:
            return self._hello(question, question.version)
        if question.version is None:
            return TlsTunnel(self.server_name, self._inside(question, selected), keylog=self.keylog)
        if not question.resume:
            self.memory.kept = None
        return TlsTunnel(self.server_name, newest=question.version, memory=self.memory, keylog=self.keylog)

    def _hello(self, question: Question, version: int) -> Machine:
        offer = question.hello
        if offer is None:
            return Ssl2Hello(ssl2_hello(self.random_bytes))
        if question.framed:
            return Ssl2Hello(framed_hello(version, offer.suites, self.random_bytes))
        if offer.form is not None:
            return self._hello_in_form(offer, offer.form)
        name = OTHER_NAME if question.other_name else self.server_name
        return TlsHello(client_hello(offer, self.random_bytes, name))

    def _hello_in_form(self, offer: Offer, form: HelloForm) -> Machine:
        """Another program's hello, and the second one where the server wants it."""
        name = self.server_name or (self.address if form.names_addresses else None)
        first = hello_in_form(form, offer, self.random_bytes, name)
        return TlsHello(
            hello_record(form, first), second=lambda retry: second_hello(form, first, retry, self.random_bytes)
        )

    def _inside(self, question: Question, selected: int) -> Machine | None:
        """The first message inside TLS, by the protocol that was selected."""
        if selected in (Protocol.HYBRID, Protocol.HYBRID_EX):
            return CredSspExchange(first_request())
        if selected == Protocol.RDSTLS:
            return rdstls_greeting()
        if selected == Protocol.RDSAAD:
            return aad_nonce()
        if selected != Protocol.SSL:
            return None
        return Chain(self._settings(question, selected), lambda finished: self._licensing(question, finished))

    def _settings(self, question: Question, selected: int) -> Machine:
        methods = question.methods
        if selected == Protocol.RDP and not methods:  # it did not negotiate; without a method it would just close
            methods = ANY_METHOD
        return BasicSettingsExchange(connect_initial(question.rdp_version, methods, selected))

    def _licensing(self, question: Question, finished: Machine) -> Machine | None:
        """What follows the basic settings exchange, where the user wants it and the server has agreed."""
        if question.stage is not Stage.LICENSING or not isinstance(finished, BasicSettingsExchange):
            return None
        joining = joining_of(finished, self.random_bytes)
        return LicensingPhase(joining) if joining is not None else None


@lru_cache(maxsize=64)
def opening(protocols: int, flags: int, *, bare: bool, token: bytes | None, blob: str | None) -> bytes:
    """The preconnection PDU, where there is one, and the Connection Request. Every server is sent the same."""
    w = Writer()
    if blob is not None:
        PreconnectionPdu.naming(blob).write(w)
    asked = None if bare else NegotiationRequest(protocols=protocols, flags=flags)
    data = RequestData(token=token, negotiation=asked)
    w.raw(x224.write_packet(x224.ConnectionRequest(variable=data.write())))
    return w.getvalue()


@lru_cache(maxsize=64)
def connect_initial(rdp_version: int, methods: int, selected: int) -> bytes:
    """The TPKT packet of an MCS Connect-Initial as a plain client sends it, [MS-RDPBCGR] 2.2.1.3."""
    blocks: tuple[gcc.ClientBlock, ...] = (
        gcc.ClientCore(version=rdp_version, server_selected_protocol=selected),
        gcc.ClientCluster(flags=0x0D, redirected_session_id=0),  # version 4, redirection supported
        gcc.ClientSecurity(encryption_methods=methods, ext_encryption_methods=0),
        gcc.ClientNetwork(channels=(_RDPDR,)),
    )
    initial = mcs.ConnectInitial(user_data=gcc.ConferenceCreateRequest(blocks=blocks).write())
    return x224.write_packet(x224.Data(user_data=mcs.write_pdu(initial)))
