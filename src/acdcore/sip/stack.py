"""The driver of the endpoint: owns the sockets and the one timer, carries out what the endpoint returns."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from acdcore.kernel.address import Address
from acdcore.kernel.clock import Clock
from acdcore.sip.endpoint import Endpoint
from acdcore.sip.events import (
    CloseFlow,
    Discarded,
    DiscardReason,
    Event,
    Fields,
    Flow,
    OutgoingInvite,
    OutgoingRequest,
    Output,
    RequestId,
    ServerTransactionId,
    SessionId,
    Transmit,
    Transport,
)
from acdcore.sip.ladder import Observer

RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
"""Asked of the kernel for each UDP socket: a burst of 100 set-ups while Python pauses must not be lost."""


@dataclass(frozen=True, slots=True)
class StackSettings:
    """Where to listen, and the limits of the sockets."""

    udp: tuple[Address, ...] = ()
    """UDP addresses to bind; port 0 takes any free one."""
    tcp: tuple[Address, ...] = ()
    """TCP addresses to listen on."""
    datagram_max_bytes: int = 65_535
    """Longer datagrams cannot exist over UDP; smaller values refuse earlier."""
    connections_max: int = 1_000
    """TCP connections at once; one for each agent phone is ordinary."""
    connection_idle_s: float = 3_600.0
    """A TCP connection silent for so long is closed; it must exceed the peers' registration refresh."""
    write_buffer_max_bytes: int = 1_048_576
    """Unsent bytes for one TCP peer; more means that it has stopped reading, and it is dropped."""
    connect_timeout_s: float = 5.0
    """A TCP connection must be up in this time; well below timer B, so that the caller can try elsewhere."""


class SipStack:
    """Sockets, timer and endpoint as one async context manager.

    Commands are those of `Endpoint` without `now`. Messages go out during the command; events reach `on_event` in
    order and never from inside a command. Raises Unavailable on entry when an address cannot be bound.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Clock,
        on_event: Callable[[Event], None],
        settings: StackSettings,
        observer: Observer | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._on_event = on_event
        self._settings = settings
        self._observer = observer
        self._events: deque[Event] = deque()
        self.discarded: Counter[DiscardReason] = Counter()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def addresses(self, transport: Transport) -> tuple[Address, ...]:
        """The addresses really bound, in the order of the settings."""
        return ()

    def flow_to(self, transport: Transport, remote: Address) -> Flow:
        """A flow for a new request; raises Unavailable when nothing listens on that transport and address family."""
        return Flow(transport, remote, remote)

    def progress(self, session: SessionId, status: int, body: bytes = b"", headers: Fields = ()) -> None:
        self._carry_out(self._endpoint.progress(session, status, self._clock.now(), body, headers))

    def answer(self, session: SessionId, body: bytes, headers: Fields = ()) -> None:
        self._carry_out(self._endpoint.answer(session, body, self._clock.now(), headers))

    def refuse(self, session: SessionId, status: int, reason: str | None = None, headers: Fields = ()) -> None:
        self._carry_out(self._endpoint.refuse(session, status, self._clock.now(), reason, headers))

    def invite(self, invite: OutgoingInvite) -> SessionId:
        session, outputs = self._endpoint.invite(invite, self._clock.now())
        self._carry_out(outputs)
        return session

    def hang_up(self, session: SessionId, headers: Fields = ()) -> None:
        self._carry_out(self._endpoint.hang_up(session, self._clock.now(), headers))

    def modify(self, session: SessionId, body: bytes) -> None:
        self._carry_out(self._endpoint.modify(session, body, self._clock.now()))

    def accept_modify(self, session: SessionId, body: bytes) -> None:
        self._carry_out(self._endpoint.accept_modify(session, body, self._clock.now()))

    def refuse_modify(self, session: SessionId, status: int) -> None:
        self._carry_out(self._endpoint.refuse_modify(session, status, self._clock.now()))

    def respond(self, transaction: ServerTransactionId, status: int, headers: Fields = (), body: bytes = b"") -> None:
        self._carry_out(self._endpoint.respond(transaction, status, self._clock.now(), headers, body))

    def request(self, request: OutgoingRequest) -> RequestId:
        number, outputs = self._endpoint.request(request, self._clock.now())
        self._carry_out(outputs)
        return number

    def _carry_out(self, outputs: list[Output]) -> None:
        for output in outputs:
            match output:
                case Transmit() | CloseFlow():
                    pass
                case Discarded(reason):
                    self.discarded[reason] += 1
                case event:
                    self._events.append(event)
