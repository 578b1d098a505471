"""Requests outside of any dialog, both ways (RFC 3261 sections 8, 10 and 11)."""

from acdcore.sip.events import (
    OutgoingRequest,
    RequestArrived,
    RequestFinished,
    RequestId,
    ServerTransactionId,
    SipFlow,
)
from acdcore.sip.peers import Peer
from acdcore.sip.session.core import UserAgent
from acdcore.sip.session.table import Fact
from acdcore.sip.syntax.message import Headers, Request, Response
from acdcore.sip.transaction.layer import EndpointTurn
from acdcore.sip.transaction.tables import Owner, Purpose, Transaction
from acdcore.sip.transaction.timers import SipTimer, TimerKey

METHODS_OF_SESSIONS = frozenset({"INVITE", "ACK", "CANCEL", "BYE", "PRACK", "UPDATE", "INFO"})
"""Methods that make no sense outside of a session, or that have commands of their own."""
RESPOND_LIMIT_T1S = 60
"""In units of T1: a request that call control has not answered gets 500 while its sender, who gives up at 64, still
listens (RFC 4320 section 4.2 rules out 408)."""


class OutOfDialog:
    """REGISTER, OPTIONS and the like."""

    def __init__(self, ua: UserAgent) -> None:
        self._ua = ua
        self._sent: dict[RequestId, OutgoingRequest] = {}
        self._received: set[int] = set()

    def __len__(self) -> int:
        return len(self._sent) + len(self._received)

    def arrived(self, request: Request, flow: SipFlow, peer: Peer | None, turn: EndpointTurn) -> None:
        """A request that was admitted, and that call control answers."""
        ua = self._ua
        number = ua.new_number()
        transaction = ua.transactions.open_server(
            request, flow, Owner(Purpose.OUT_OF_DIALOG, number), ua.own_headers.tag()
        )
        self._received.add(transaction.number)
        limit_s = RESPOND_LIMIT_T1S * ua.settings.timing.t1_s
        ua.deadlines.set(TimerKey(SipTimer.RESPOND_LIMIT, transaction.number), turn.now + limit_s)
        turn.out.append(RequestArrived(ServerTransactionId(transaction.number), request, flow, peer))

    def respond(self, number: ServerTransactionId, fact: Fact, turn: EndpointTurn) -> None:
        """Answer such a request; one whose connection is gone, or that was answered, needs nothing."""
        transaction = self._ua.transactions.find(number)
        if transaction is None or number not in self._received:
            return
        if fact.status >= 200:
            self._forget(number)
        self._ua.reply(transaction, fact, turn)

    def unreachable(self, transaction: Transaction) -> None:
        """The asker's connection is gone before our answer."""
        self._forget(transaction.number)

    def _forget(self, number: int) -> None:
        self._received.discard(number)
        self._ua.deadlines.cancel(TimerKey(SipTimer.RESPOND_LIMIT, number))

    def request(self, asked: OutgoingRequest, turn: EndpointTurn) -> RequestId:
        """Send a request; refused at once with 503 when there are too many transactions."""
        if asked.method in METHODS_OF_SESSIONS:
            raise ValueError(f"{asked.method} is not a request outside of sessions")
        ua = self._ua
        number = RequestId(ua.new_number())
        if not ua.has_room_for_ours():
            turn.out.append(RequestFinished(number, 503, None))
            return number
        fields = [
            ("Via", ua.own_headers.via(asked.flow)),
            ("Max-Forwards", "70"),
            ("From", str(asked.from_.with_param("tag", ua.own_headers.tag()))),
            ("To", str(asked.to)),
            ("Call-ID", ua.ids.token(16)),
            ("CSeq", f"1 {asked.method}"),
            ua.own_headers.user_agent,
            *asked.headers,
        ]
        if "Contact" not in Headers(asked.headers):
            fields.append(("Contact", ua.own_headers.contact(asked.flow)))
        self._sent[number] = asked
        request = Request(asked.method, asked.target, Headers(fields), asked.body)
        ua.transactions.open_client(request, asked.flow, Owner(Purpose.OUT_OF_DIALOG, number), turn)
        return number

    def response_arrived(self, transaction: Transaction, response: Response, turn: EndpointTurn) -> None:
        """A response to a request of ours; challenges are answered here."""
        number = RequestId(transaction.owner.number)
        asked = self._sent.get(number)
        if asked is None or response.is_provisional:
            return
        again = self._ua.authorised(transaction, response, asked.credentials)
        if again is not None:
            self._ua.send_again(transaction, again, turn)
            return
        del self._sent[number]
        turn.out.append(RequestFinished(number, response.status, response))

    def failed(self, transaction: Transaction, status: int, turn: EndpointTurn) -> None:
        """No response: 408 for silence, 503 for a failed transport."""
        number = RequestId(transaction.owner.number)
        if self._sent.pop(number, None) is not None:
            turn.out.append(RequestFinished(number, status, None))
