"""The SIP endpoint: all sessions, dialogs and transactions of one user agent, as one pure machine.

Bytes, commands and the time go in; orders for the driver and events for call control come out, in order. The work is
done by the UAS (incoming sessions), the UAC (outgoing ones), the modifier (re-INVITE, UPDATE), the prober (OPTIONS
within a session) and the out-of-dialog part (all other requests); here messages and timers are brought to them.
"""

from dataclasses import replace

from acdcore.kernel.address import Address
from acdcore.kernel.errors import PeerError
from acdcore.kernel.ids import IdSource
from acdcore.sip.admission import Admitted, Admitter, Everybody, Sources
from acdcore.sip.auth.digest_client import DigestClient
from acdcore.sip.events import (
    CloseFlow,
    DialogPath,
    Discarded,
    DiscardReason,
    EndCause,
    EndpointCensus,
    Fields,
    FlowClosed,
    FlowProven,
    InfoArrived,
    Leniency,
    OutgoingInvite,
    OutgoingRequest,
    Output,
    RequestId,
    RequestRejected,
    ServerTransactionId,
    SessionId,
    SipFlow,
    Tolerated,
    Watch,
)
from acdcore.sip.session.bodies import READ_TYPES
from acdcore.sip.session.core import UserAgent
from acdcore.sip.session.dialog import DialogKey, Order
from acdcore.sip.session.next_hop import ListeningAddresses
from acdcore.sip.session.out_of_dialog import METHODS_OF_SESSIONS, OutOfDialog
from acdcore.sip.session.own_headers import EXTENSIONS, KNOWN_METHODS, SCHEMES, EndpointSettings
from acdcore.sip.session.prober import Prober
from acdcore.sip.session.reinvite import Modifier
from acdcore.sip.session.table import TAKES_KEYS, Fact, Session, SessionInput, SessionState
from acdcore.sip.session.uac import Uac
from acdcore.sip.session.uas import Uas, unserved
from acdcore.sip.syntax.charset import is_utf8
from acdcore.sip.syntax.headers import DEFAULT_PORT
from acdcore.sip.syntax.message import Request, Response
from acdcore.sip.syntax.parser import MalformedMessage, parse
from acdcore.sip.syntax.uri import SipUri
from acdcore.sip.transaction.layer import EndpointTurn
from acdcore.sip.transaction.tables import Purpose, Transaction, TransactionAction
from acdcore.sip.transaction.timers import SESSION_TIMERS, SipTimer, TimerKey

__all__ = ["Endpoint", "EndpointSettings"]

KEEP_ALIVE = b"\r\n\x00 "
"""What NAT keep-alives over UDP consist of; such datagrams are not even counted."""
KEEP_ALIVE_MAX_BYTES = 4
"""Longest keep-alive: RFC 5626's double CRLF."""


class Endpoint:
    """One user agent core, RFC 3261; holds every session, knows no socket and no clock.

    Commands for a session, transaction or request that is over do nothing and return no outputs, because their end
    may cross the command. A command that the session's state never allows raises RuntimeError: that is our bug.
    """

    def __init__(
        self,
        settings: EndpointSettings,
        ids: IdSource,
        admitter: Admitter | None = None,
        sources: Sources | None = None,
    ) -> None:
        """`admitter` decides who is served; None: everybody. `sources` limits each address; None: no limits."""
        self._admitter = admitter or Everybody()
        self._sources = sources
        self._ua = UserAgent(settings, ids)
        self._ua.sources = sources
        self._uas = Uas(self._ua)
        self._uac = Uac(self._ua)
        self._modifier = Modifier(self._ua)
        self._prober = Prober(self._ua)
        self._out_of_dialog = OutOfDialog(self._ua)

    def receive(self, data: bytes, flow: SipFlow, now: float) -> list[Output]:
        """One message from the wire: a datagram, or one framed from a stream."""
        turn = EndpointTurn(now, [])
        if len(data) <= KEEP_ALIVE_MAX_BYTES and not data.strip(KEEP_ALIVE):
            return turn.out
        if self._sources is None:
            dropped = None
        else:
            is_invite = data.lstrip(b"\r\n").startswith(b"INVITE")
            dropped = self._sources.refuse(flow.remote.host, now, is_invite)
        if dropped is not None:
            turn.out.append(Discarded(dropped, flow))
            if flow.connection and not self.is_known(flow.remote.host, now):
                turn.out.append(CloseFlow(flow))  # no address is forged here, and reading on costs more than closing
            return turn.out
        try:
            message = parse(data)
        except MalformedMessage as fault:
            self._refuse_broken(fault.partial, Fact(fault.status, fault.reason), flow, turn)
            return turn.out
        if not is_utf8(data):
            turn.out.append(Tolerated(Leniency.NOT_UTF8, flow))
        try:
            if isinstance(message, Response):
                self._response_arrived(message, flow, turn)
            else:
                self._request_arrived(message, flow, turn)
        except PeerError as error:
            # A header that only some messages need, and that is read late, does not follow its grammar.
            request = message if isinstance(message, Request) else None
            self._refuse_broken(request, Fact(400, str(error)), flow, turn)
        return turn.out

    def stream_lost(self, fault: MalformedMessage, flow: SipFlow, now: float) -> list[Output]:
        """The framing of a connection is lost: answer if possible, and give the connection up."""
        turn = EndpointTurn(now, [])
        self._refuse_broken(fault.partial, Fact(fault.status, fault.reason), flow, turn)
        turn.out.append(CloseFlow(flow))
        return turn.out

    def flow_closed(self, flow: SipFlow, now: float) -> list[Output]:
        """A TCP connection closed or could not be opened; what is answered goes on, everything else on it ends."""
        turn = EndpointTurn(now, [])
        self._ua.lose_flow(flow, turn)
        for transaction in self._ua.transactions.close_flow(flow, turn):
            self._failed(transaction, 503, turn)
        turn.out.append(FlowClosed(flow))
        return turn.out

    def next_deadline(self) -> float | None:
        """When `handle_deadline` must be called next; None when nothing is armed."""
        return self._ua.deadlines.earliest()

    def handle_deadline(self, now: float) -> list[Output]:
        """Carry out every timer that is due at `now`."""
        turn = EndpointTurn(now, [])
        while (key := self._ua.deadlines.pop_due(now)) is not None:
            if key.timer in SESSION_TIMERS:
                self._session_timer(key, turn)
            elif key.timer is SipTimer.RESPOND_LIMIT:
                self._out_of_dialog.respond(ServerTransactionId(key.owner), Fact(500), turn)
            elif (reported := self._ua.transactions.expire(key, turn)) is not None:
                transaction, action = reported
                self._failed(transaction, 408 if action is TransactionAction.TELL_TIMEOUT else 503, turn)
        return turn.out

    def progress(
        self, session: SessionId, status: int, now: float, body: bytes = b"", headers: Fields = ()
    ) -> list[Output]:
        """Send 101 to 199 to a caller."""
        _check_status(status, 101, 199)
        turn = EndpointTurn(now, [])
        found = self._incoming(session)
        if found is not None:
            self._uas.progress(found, Fact(status, body=body, headers=headers), turn)
        return turn.out

    def answer(self, session: SessionId, body: bytes, now: float, headers: Fields = ()) -> list[Output]:
        """Send 200 with the SDP to a caller; it is repeated until the ACK comes (SessionConfirmed)."""
        turn = EndpointTurn(now, [])
        found = self._incoming(session)
        if found is not None:
            self._ua.advance(found, SessionInput.ANSWER, Fact(200, body=body, headers=headers), turn)
        return turn.out

    def refuse(
        self, session: SessionId, status: int, now: float, reason: str | None = None, headers: Fields = ()
    ) -> list[Output]:
        """End an unanswered incoming session with 300 to 699; no event follows."""
        _check_status(status, 300, 699)
        turn = EndpointTurn(now, [])
        found = self._incoming(session)
        if found is not None:
            self._ua.advance(found, SessionInput.REFUSE, Fact(status, reason, headers=headers), turn)
        return turn.out

    def invite(self, invite: OutgoingInvite, now: float) -> tuple[SessionId, list[Output]]:
        """Place a call. Past the limit of sessions or transactions a SessionRefused 503 is among the outputs."""
        turn = EndpointTurn(now, [])
        return self._uac.invite(invite, turn), turn.out

    def hang_up(self, session: SessionId, now: float, headers: Fields = ()) -> list[Output]:
        """End a session in the way that its state needs: 480, CANCEL or BYE, now or when it is allowed."""
        turn = EndpointTurn(now, [])
        found = self._ua.sessions.get(session)
        if found is not None:
            found.farewell = headers
            self._ua.advance(found, SessionInput.HANG_UP, Fact(480, headers=headers), turn)
        return turn.out

    def move(self, session: SessionId, flow: SipFlow, contact: SipUri | None = None) -> None:
        """The peer is reached there from now on: its phone has registered from another address or connection.

        `contact` is what it has registered: where that names another address than the dialog does, nobody is at the
        dialog's any more. Also CANCEL and the ACK: nobody is any more where an INVITE that still rings was sent
        (against section 9.1).
        """
        found = self._ua.sessions.get(session)
        if found is None:
            return
        found.flow = flow
        if found.dialog is not None and contact is not None:
            found.dialog.move(contact)
        if found.attempt is not None and found.dialog is None and flow.transport is found.transaction.flow.transport:
            found.transaction.flow = flow

    def set_path(self, session: SessionId, path: DialogPath, credentials: DigestClient | None = None) -> None:
        """Say how requests within the dialog of an incoming session find its peer, and what answers its challenges."""
        found = self._ua.sessions.get(session)
        if found is not None:
            found.path, found.credentials = path, credentials

    def shown_host(self, flow: SipFlow) -> str:
        """The host that our addresses name on this flow: what peers see where we are behind a NAT."""
        return self._ua.own_headers.address(flow).host

    def listen(self, listening: ListeningAddresses) -> None:
        """Our own addresses, for requests that have to take another transport than their dialog came by."""
        self._ua.listening = listening

    def modify(self, session: SessionId, body: bytes, now: float) -> list[Output]:
        """Offer other media by re-INVITE; ModifyAnswered follows. A second one replaces one that waits."""
        turn = EndpointTurn(now, [])
        found = self._ua.sessions.get(session)
        if found is not None:
            self._modifier.modify(found, body, turn)
        return turn.out

    def accept_modify(self, session: SessionId, body: bytes, now: float) -> list[Output]:
        """Answer SessionModified with 200 and the SDP."""
        turn = EndpointTurn(now, [])
        found = self._ua.sessions.get(session)
        if found is not None:
            self._modifier.accept(found, body, turn)
        return turn.out

    def refuse_modify(self, session: SessionId, status: int, now: float, headers: Fields = ()) -> list[Output]:
        """Answer SessionModified with 300 to 699, for example 488; the session goes on as it was."""
        _check_status(status, 300, 699)
        turn = EndpointTurn(now, [])
        found = self._ua.sessions.get(session)
        if found is not None:
            self._modifier.refuse(found, Fact(status, headers=headers), turn)
        return turn.out

    def watch(self, session: SessionId, watch: Watch | None, now: float) -> list[Output]:
        """Ask from time to time whether the peer is still there, or no longer; the same again changes nothing."""
        turn = EndpointTurn(now, [])
        found = self._ua.sessions.get(session)
        if found is not None:
            self._prober.watch(found, watch, turn)
        return turn.out

    def respond(
        self,
        transaction: ServerTransactionId,
        status: int,
        now: float,
        headers: Fields = (),
        body: bytes = b"",
    ) -> list[Output]:
        """Answer RequestArrived."""
        _check_status(status, 101, 699)
        turn = EndpointTurn(now, [])
        self._out_of_dialog.respond(transaction, Fact(status, body=body, headers=headers), turn)
        return turn.out

    def request(self, request: OutgoingRequest, now: float) -> tuple[RequestId, list[Output]]:
        """Send a request outside of any dialog; RequestFinished follows."""
        turn = EndpointTurn(now, [])
        return self._out_of_dialog.request(request, turn), turn.out

    def is_known(self, host: str, now: float) -> bool:
        """Whether an address is a trunk's or a phone's; without `sources` every address is."""
        return self._sources is None or self._sources.is_known(host, now)

    def census(self) -> EndpointCensus:
        """What is alive; the leak ledger of tests and metrics."""
        ua = self._ua
        return EndpointCensus(
            transactions=len(ua.transactions),
            dialogs=len(ua.dialogs),
            sessions=len(ua.sessions),
            requests=len(self._out_of_dialog),
            deadlines=len(ua.deadlines),
        )

    # --- requests in ---

    def _request_arrived(self, request: Request, flow: SipFlow, turn: EndpointTurn) -> None:
        if request.method == "ACK":
            self._ack_arrived(request, flow, turn)
            return
        transaction = self._ua.transactions.find_server(request, request.method)
        if transaction is not None:
            self._ua.transactions.receive_request(transaction, request, turn)
            return
        back = reply_flow(request, flow)
        request = request.received_from(flow.remote)
        if request.method == "CANCEL":
            self._uas.cancel_arrived(request, back, turn)
        elif request.to.tag is not None and request.method not in self._ua.settings.surfaced_methods:
            self._within_arrived(request, back, turn)
        else:
            self._out_of_dialog_arrived(request, back, turn)

    def _ack_arrived(self, request: Request, flow: SipFlow, turn: EndpointTurn) -> None:
        transaction = self._ua.transactions.find_server(request, "INVITE")
        if transaction is not None:
            reported = self._ua.transactions.receive_request(transaction, request, turn)
            if reported is not TransactionAction.PASS_UP:
                return
        session = self._session_of(request)
        if session is None:
            turn.out.append(Discarded(DiscardReason.STRAY_ACK, flow))
        else:
            self._recognise(flow, turn)
            self._uas.ack_arrived(session, request, turn)

    def _session_of(self, request: Request) -> Session | None:
        key = DialogKey(request.call_id, request.to.tag or "")
        return self._ua.find(key, request.from_.tag or "")

    def _out_of_dialog_arrived(self, request: Request, flow: SipFlow, turn: EndpointTurn) -> None:
        """Only what is admitted gets a transaction; everything else one answer that is forgotten (section 26.3.2.4)."""
        ua = self._ua
        if request.method != "INVITE" and request.method not in ua.settings.surfaced_methods:
            ua.reply_statelessly(request, flow, self._passing_answer(request, flow, turn), turn)
            return
        admission = self._admitter.admit(request, flow, turn.now)
        if not isinstance(admission, Admitted):
            ua.reply_statelessly(request, flow, Fact(admission.status, headers=admission.headers), turn)
            turn.out.append(RequestRejected(request, flow, admission.status, admission.reason, admission.user))
            return
        if not ua.has_room_for(flow):
            later = (("Retry-After", str(ua.settings.retry_after_s)),)
            ua.reply_statelessly(request, flow, Fact(503, headers=later), turn)
            turn.out.append(unserved(request, flow, 503))
            return
        if flow.connection:
            turn.out.append(FlowProven(flow))
        refusal = Fact(482) if ua.transactions.is_merged(request) else self._inadmissible(request)
        if refusal is not None:
            ua.reply_at_once(request, flow, refusal, turn)
            turn.out.append(unserved(request, flow, refusal.status))
        elif request.method == "INVITE":
            self._uas.invite_arrived(request, flow, admission.peer, turn)
        else:
            self._out_of_dialog.arrived(request, flow, admission.peer, turn)

    def _recognise(self, flow: SipFlow, turn: EndpointTurn) -> None:
        """Our branch or our tag came from there, which only a peer of ours knows."""
        if flow.connection:
            turn.out.append(FlowProven(flow))
        self._ua.recognise(flow.remote.host, turn.now)

    def _passing_answer(self, request: Request, flow: SipFlow, turn: EndpointTurn) -> Fact:
        """To a request that changes nothing here, so that each copy of it can be answered anew (section 8.2.7)."""
        refusal = self._inadmissible(request)
        if refusal is not None:
            return refusal
        if request.method == "OPTIONS":
            return self._abilities(flow) if self.is_known(flow.remote.host, turn.now) else Fact(200)
        return Fact(481) if request.method in METHODS_OF_SESSIONS else self._unserved(request)

    def _within_arrived(self, request: Request, flow: SipFlow, turn: EndpointTurn) -> None:
        """A request with a To tag (section 12.2.2)."""
        ua = self._ua
        session = self._session_of(request)
        if session is None:
            ua.reply_statelessly(request, flow, Fact(481), turn)
            return
        self._recognise(flow, turn)
        if flow.connection and session.flow.transport is flow.transport and not session.flow.connection:
            session.flow = flow  # the peer has opened another connection since its last one closed
        refusal = self._inadmissible(request)
        if session.order(request) is Order.STALE:
            refusal = Fact(500)
        elif session.state is SessionState.LEAVING and request.method != "BYE":
            refusal = Fact(481)  # our BYE has ended the dialog (section 15.1.1); only the peer's own may cross it
        if refusal is not None:
            ua.reply_at_once(request, flow, refusal, turn)
            return
        self._prober.heard(session, turn)
        match request.method:
            case "BYE":
                ua.reply_at_once(request, flow, Fact(200), turn)
                if not session.is_rung_elsewhere(request):
                    ua.advance(session, SessionInput.PEER_BYE, Fact(487, cause=EndCause.BYE), turn)
            case "INVITE" | "UPDATE":
                self._modifier.offer_arrived(session, request, flow, turn)
            case "INFO":
                ua.reply_at_once(request, flow, Fact(200), turn)
                if session.state in TAKES_KEYS:
                    turn.out.append(InfoArrived(session.id, request.content_type or "", request.body))
            case "OPTIONS":
                ua.reply_at_once(request, flow, self._abilities(flow), turn)
            case _:
                ua.reply_at_once(request, flow, self._unserved(request), turn)

    def _inadmissible(self, request: Request) -> Fact | None:
        """A scheme that means nothing here (section 8.2.2.1), or an extension that we would have to know (8.2.2.3)."""
        if request.uri.scheme not in SCHEMES:
            return Fact(416)
        if "Require" not in request.headers:
            return None
        unknown = [token for token in request.tokens("Require") if token not in EXTENSIONS]
        return Fact(420, headers=(("Unsupported", ", ".join(unknown)),)) if unknown else None

    def _unserved(self, request: Request) -> Fact:
        """Known methods that we do not serve are not allowed, others not implemented (sections 21.4.6, 21.5.2)."""
        if request.method in KNOWN_METHODS:
            return Fact(405, headers=(self._ua.own_headers.allow,))
        return Fact(501, headers=(self._ua.own_headers.allow,))

    def _abilities(self, flow: SipFlow) -> Fact:
        """What OPTIONS asks for (section 11.2)."""
        own_headers = self._ua.own_headers
        fields = (
            ("Contact", own_headers.contact(flow)),
            own_headers.allow,
            ("Accept", READ_TYPES),
            ("Supported", ", ".join(sorted(EXTENSIONS))),
        )
        return Fact(200, headers=fields)

    def _refuse_broken(self, request: Request | None, fact: Fact, flow: SipFlow, turn: EndpointTurn) -> None:
        """Answer what could not be understood, without remembering it, when its sender can be answered."""
        if request is None or request.method == "ACK":
            turn.out.append(Discarded(DiscardReason.MALFORMED, flow))
            return
        try:
            request, back = request.received_from(flow.remote), reply_flow(request, flow)
        except PeerError:
            back = (
                flow  # its Via cannot be read: it is repeated as it came, and the response goes to where it came from
            )
        self._ua.reply_statelessly(request, back, fact, turn)

    # --- responses and timers in ---

    def _response_arrived(self, response: Response, flow: SipFlow, turn: EndpointTurn) -> None:
        transaction = self._ua.transactions.find_client(response)
        if transaction is None:
            turn.out.append(Discarded(DiscardReason.STRAY_RESPONSE, flow))
            return
        self._recognise(flow, turn)
        reported = self._ua.transactions.receive_response(transaction, response, flow, turn)
        if reported is not TransactionAction.PASS_UP:
            return
        match transaction.owner.purpose:
            case Purpose.INVITE:
                self._uac.response_arrived(transaction, response, turn)
            case Purpose.MODIFY:
                self._modifier.response_arrived(transaction, response, turn)
            case Purpose.BYE:
                self._bye_response_arrived(transaction, response, turn)
            case Purpose.QUESTION:
                if not response.is_provisional:
                    self._prober.finished(transaction, response.status, turn)
            case Purpose.REFRESH:
                self._modifier.refresh_answered(transaction, response, turn)
            case Purpose.OUT_OF_DIALOG:
                self._out_of_dialog.response_arrived(transaction, response, turn)
            case Purpose.NOTHING:
                pass

    def _bye_response_arrived(self, transaction: Transaction, response: Response, turn: EndpointTurn) -> None:
        session = self._ua.sessions.get(SessionId(transaction.owner.number))
        if session is None or response.is_provisional:
            return
        again = self._ua.authorised(transaction, response, session.credentials)
        if again is not None:
            self._ua.send_again(transaction, again, turn)
            return
        self._ua.advance(session, SessionInput.BYE_DONE, Fact(), turn)

    def _failed(self, transaction: Transaction, status: int, turn: EndpointTurn) -> None:
        """A transaction ended without a final response: 408 for silence, 503 for a failed transport (8.1.3.1)."""
        session = self._ua.sessions.get(SessionId(transaction.owner.number))
        match transaction.owner.purpose:
            case Purpose.OUT_OF_DIALOG if transaction.is_server:
                self._out_of_dialog.unreachable(transaction)
            case Purpose.OUT_OF_DIALOG:
                self._out_of_dialog.failed(transaction, status, turn)
            case Purpose.INVITE if session is not None and not transaction.is_server:
                self._ua.advance(session, SessionInput.FAILURE, Fact(status), turn)
            case Purpose.MODIFY if session is not None and session.modification.ours is transaction:
                self._modifier.failed(session, status, turn)
            case Purpose.QUESTION if status == 503:
                self._prober.unsent(transaction, turn)
            case Purpose.REFRESH if session is not None and session.refresh is transaction:
                self._modifier.refresh_failed(session, status, turn)
            case Purpose.QUESTION:
                self._prober.finished(transaction, status, turn)
            case Purpose.BYE if session is not None and status == 503 and transaction.flow.connection:
                # It crossed the closing of its connection: once more, on another one.
                self._ua.send_within(session, "BYE", Purpose.BYE, Fact(headers=session.farewell), turn)
            case Purpose.BYE if session is not None:
                self._ua.advance(session, SessionInput.BYE_DONE, Fact(), turn)
            case _:
                pass

    def _session_timer(self, key: TimerKey, turn: EndpointTurn) -> None:
        session = self._ua.sessions.get(SessionId(key.owner))
        if session is None:
            return
        session.armed.discard(key.timer)
        match key.timer:
            case SipTimer.ANSWER_AGAIN:
                self._uas.answer_again(session, turn)
            case SipTimer.ACK_WAIT:
                self._uas.ack_timeout(session, turn)
            case SipTimer.RING_LIMIT:
                self._uac.ring_limit(session, turn)
            case SipTimer.CANCEL_WAIT:
                self._uac.cancel_timeout(session, turn)
            case SipTimer.ANSWER_LIMIT:
                self._uas.answer_limit(session, turn)
            case SipTimer.PROGRESS_AGAIN:
                self._uas.progress_again(session, turn)
            case SipTimer.GLARE:
                self._modifier.attempt(session, turn)
            case SipTimer.REFRESH:
                self._modifier.refresh(session, turn)
            case SipTimer.MODIFY_LIMIT:
                self._modifier.limit(session, turn)
            case SipTimer.ASK:
                self._prober.ask(session, turn)
            case SipTimer.ASK_LIMIT:
                self._prober.unanswered(session, turn)
            case SipTimer.HOLD_LIMIT:
                self._prober.limit(session, turn)
            case _:
                self._ua.advance(session, SessionInput.EXPIRED, Fact(cause=EndCause.TIMER), turn)

    def _incoming(self, number: SessionId) -> Session | None:
        session = self._ua.sessions.get(number)
        if session is not None and session.attempt is not None:
            raise RuntimeError(f"session {number} is an outgoing one, which the peer answers")
        return session


def reply_flow(request: Request, flow: SipFlow) -> SipFlow:
    """Where responses go: back along the connection, or to the source over UDP, at the port that Via names unless
    rport asks for the source port (section 18.2.2, RFC 3581 section 4).

    `maddr` and a `received` of the peer's own are not followed: they would let anybody aim our responses at others.
    """
    via = request.via
    if flow.transport.is_reliable or via.is_rport_asked:
        return flow
    return replace(flow, remote=Address(flow.remote.host, via.port or DEFAULT_PORT))


def _check_status(status: int, lowest: int, highest: int) -> None:
    if not lowest <= status <= highest:
        raise ValueError(f"status {status} is not in {lowest} to {highest}")
