"""The front door of an RD Gateway inside TLS: asked without a login, then for its NTLM challenge, and never further.

RDG_OUT_DATA is what a client begins with; a gateway answers 401 and says how one logs in. Where that is by NTLM or
Negotiate, the same request goes out once more on the same connection with an NTLM NEGOTIATE, which names nobody, and
the gateway's CHALLENGE shows its names. [MS-TSGU] 3.3.5.1, [MS-NLMP] 3.2.5.1.1, RFC 4559 section 4. Last, a path that
no gateway has is asked for in the same way: a web server that wants everybody to log in answers 401 there as well.

HTTP is h11's. A head is read up to 16 kB, bodies up to 64 kB together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import TYPE_CHECKING

from probe.errors import InvalidField, ProbeError, TooLong
from probe.handshake.credssp import messages_in
from probe.handshake.machine import Event, Malformed, Seen, Side
from probe.wire import ntlm
from probe.wire.cursor import Writer
from probe.wire.rdg import (
    METHOD,
    OTHER_PATH,
    PATH,
    WINDOWS_SCHEMES,
    HttpAnswer,
    authorization,
    challenges,
    request_fields,
)

if TYPE_CHECKING:
    import h11

LARGEST_HEAD = 16 * 1024
LARGEST_BODY = 64 * 1024
UNAUTHORIZED = 401
_BEGINNING = b"HTTP/"


class State(Enum):
    """What is awaited, or how it ended."""

    __hash__ = object.__hash__

    EXPECT_ANSWER = "the answer to RDG_OUT_DATA"
    EXPECT_BODY = "the end of an answer"
    EXPECT_CHALLENGE = "the NTLM challenge"
    EXPECT_CONTROL = "the answer for another path"
    ANSWERED = "answered"
    FAILED = "failed"


_WAITING = (State.EXPECT_ANSWER, State.EXPECT_BODY, State.EXPECT_CHALLENGE, State.EXPECT_CONTROL)


class GatewayGreeting:
    """Up to three requests and their answers, in this order. `connection_id` is 16 random bytes.

    Live only: what the client said is not read back from the wire, for it is only ever seen inside our own TLS.
    """

    def __init__(self, host: str, port: int, connection_id: bytes) -> None:
        import h11

        self.state = State.EXPECT_ANSWER
        self._h11 = h11
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=LARGEST_HEAD)
        self._fields = request_fields(host, port, connection_id)
        self._login = ""  # the value of Authorization, until it was sent
        self._out = self._request(PATH)
        self._unclaimed = b""  # of the server, since its last answer
        self._body = 0  # bytes of bodies

    def _request(self, path: str, login: str = "") -> bytes:
        fields = [*self._fields, *([("Authorization", login)] if login else [])]
        head = self._http.send(self._h11.Request(method=METHOD, target=path, headers=fields))
        return (head or b"") + (self._http.send(self._h11.EndOfMessage()) or b"")

    @property
    def finished(self) -> bool:
        """True once everything was answered, or could not be read."""
        return self.state not in _WAITING

    @property
    def waiting_for(self) -> str:
        """What is awaited, in words."""
        return self.state.value if self.state in _WAITING else ""

    def data_to_send(self) -> bytes:
        """The next request, once."""
        out, self._out = self._out, b""
        return out

    def observe(self, side: Side, data: bytes, at: float) -> list[Event]:
        """Take bytes of the server, however split."""
        if side is Side.CLIENT or self.finished:
            return []
        self._unclaimed += data
        events: list[Event] = []
        try:
            self._expect_http()
            self._http.receive_data(data)
            while not self.finished and self._next(at, events):
                pass
        except ProbeError as error:
            self._fail(at, error, events)
        except self._h11.ProtocolError as error:
            self._fail(at, InvalidField("HTTP", "response", 0, str(error)), events)
        return events

    def _expect_http(self) -> None:
        """Raise InvalidField for what does not begin as HTTP does; h11 would wait for a whole head."""
        if self.state is State.EXPECT_ANSWER and not self._unclaimed.startswith(_BEGINNING[: len(self._unclaimed)]):
            raise InvalidField("HTTP", "status line", 0, "it does not begin with HTTP/")

    def _fail(self, at: float, error: ProbeError, events: list[Event]) -> None:
        self.state = State.FAILED
        events.append(Malformed(at, Side.SERVER, error, self.leftover(Side.SERVER)))

    def _next(self, at: float, events: list[Event]) -> bool:
        """Take one event of HTTP; False when there is none yet."""
        event = self._http.next_event()
        if isinstance(event, self._h11.Response):
            self._answered(event, at, events)
        elif isinstance(event, self._h11.Data):
            self._body += len(event.data)
            if self._body > LARGEST_BODY:
                raise TooLong("HTTP", "body", self._body, f"{LARGEST_BODY} bytes are read at most")
        elif isinstance(event, self._h11.EndOfMessage):
            self._ask_again()
        return event is not self._h11.NEED_DATA and event is not self._h11.PAUSED

    def _answered(self, response: h11.Response, at: float, events: list[Event]) -> None:
        answer = _answer(response)
        rest = self._http.trailing_data[0]
        raw, self._unclaimed = self._unclaimed[: len(self._unclaimed) - len(rest)], rest
        events.append(Seen(at, Side.SERVER, answer, raw))
        asks, asked = answer.status == UNAUTHORIZED, self.state
        self.state = State.ANSWERED
        if asked is State.EXPECT_ANSWER and asks and answer.offers(WINDOWS_SCHEMES):
            w = Writer()
            ntlm.probe_negotiate().write(w)
            self.state, self._login = State.EXPECT_BODY, authorization(answer, w.getvalue())
        elif asked is State.EXPECT_CHALLENGE and asks:
            self.state = State.EXPECT_BODY
            for token in _tokens(answer):
                events.extend(Seen(at, Side.SERVER, message, token) for message in messages_in(token))

    def _ask_again(self) -> None:
        """The next request, where the server keeps the connection open."""
        self._unclaimed = self._http.trailing_data[0]
        if self._http.our_state is not self._h11.DONE or self._http.their_state is not self._h11.DONE:
            self.state = State.ANSWERED
            return
        self._http.start_next_cycle()
        login, self._login = self._login, ""
        if login:
            self.state, self._out = State.EXPECT_CHALLENGE, self._request(PATH, login)
        else:
            self.state, self._out = State.EXPECT_CONTROL, self._request(OTHER_PATH)

    def leftover(self, side: Side) -> bytes:
        """Bytes of the server that no answer claimed."""
        if side is Side.CLIENT:
            return b""
        rest, self._unclaimed = self._unclaimed, b""
        return rest

    def farewell(self) -> bytes:
        """Nothing: the TLS around it says goodbye."""
        return b""


def _tokens(answer: HttpAnswer) -> Iterator[bytes]:
    """What the answer's Windows schemes say. Raises InvalidField."""
    for challenge in answer.challenges:
        if challenge.scheme.upper() in WINDOWS_SCHEMES and (token := challenge.token):
            yield token


def _answer(response: h11.Response) -> HttpAnswer:
    fields: Sequence[tuple[bytes, bytes]] = response.headers

    def named(name: bytes) -> list[str]:
        return [value.decode("latin-1") for key, value in fields if key == name]

    return HttpAnswer(
        status=response.status_code,
        reason=response.reason.decode("latin-1"),
        server=next(iter(named(b"server")), None),
        challenges=challenges(named(b"www-authenticate")),
    )
