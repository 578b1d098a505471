"""What UAC and UAS share: the sessions, their dialogs, and the actions of the session table."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from acdcore.kernel.address import Address
from acdcore.kernel.deadlines import Deadlines
from acdcore.kernel.ids import IdSource
from acdcore.sip.admission import Sources
from acdcore.sip.auth.digest_client import ANSWERED_BY, DigestClient, with_credentials
from acdcore.sip.events import (
    DialogPath,
    EndCause,
    Fields,
    InviteCancelled,
    SessionAnswered,
    SessionConfirmed,
    SessionEnded,
    SessionId,
    SessionProgress,
    SessionRefused,
    SipEvent,
    SipFlow,
    Transmit,
)
from acdcore.sip.session.dialog import Dialog, DialogKey, dialog_of_uac
from acdcore.sip.session.next_hop import ListeningAddresses, next_hop
from acdcore.sip.session.own_headers import EndpointSettings, OwnHeaders
from acdcore.sip.session.session_timer import SessionInterval, expires_after_s, granted_interval, timer_fields
from acdcore.sip.session.table import Fact, Repeat, Session, SessionAction, SessionInput, SessionState
from acdcore.sip.syntax.headers import DEFAULT_PORT
from acdcore.sip.syntax.message import Field, Headers, Request, Response, reason_of
from acdcore.sip.syntax.uri import MalformedValue
from acdcore.sip.transaction.layer import EndpointTurn, Transactions
from acdcore.sip.transaction.tables import FORKS_MAX, NOBODY, Owner, Purpose, Transaction, cancel_of
from acdcore.sip.transaction.timers import SESSION_TIMERS, SipTimer, TimerKey

SDP = ("Content-Type", "application/sdp")
AUTH_TRIES_MAX = 4
"""A proxy's challenge, the peer's, and a stale nonce of each; none is answered twice with the same nonce."""
_CHALLENGES = (401, 407)
_CREDENTIALS = frozenset(ANSWERED_BY.values())


class UserAgent:
    """The memory of an endpoint, and what both sides of a session do."""

    def __init__(self, settings: EndpointSettings, ids: IdSource) -> None:
        self.settings = settings
        self.ids = ids
        self.own_headers = OwnHeaders(settings, ids)
        self.deadlines: Deadlines[TimerKey] = Deadlines()
        self.transactions = Transactions(settings.timing, self.deadlines)
        self.sessions: dict[SessionId, Session] = {}
        self.dialogs: dict[DialogKey, Session] = {}
        self.listening = ListeningAddresses()
        """Our addresses, once the driver knows them."""
        self.sources: Sources | None = None
        """What each address is to us; None: every address counts as known."""
        self._serial = 0
        self._actions: Mapping[SessionAction, Callable[[Session, Fact, EndpointTurn], None]] = {
            SessionAction.SEND_ANSWER: self._send_answer,
            SessionAction.SEND_FAILURE: self._send_failure,
            SessionAction.SEND_INVITE: self._send_invite,
            SessionAction.SEND_CANCEL: self._send_cancel,
            SessionAction.SEND_ACK: self._send_ack,
            SessionAction.SEND_BYE: self._send_bye,
        }

    def new_number(self) -> int:
        """A number for a session or a request."""
        self._serial += 1
        return self._serial

    def has_room_for(self, flow: SipFlow) -> bool:
        """Whether another request of this peer can be served: nobody takes the transactions of all the others."""
        transactions, settings = self.transactions, self.settings
        if transactions.served >= settings.transactions_max:
            return False
        return transactions.served_for(flow.remote.host) < settings.source_transactions_max

    def has_room_for_ours(self) -> bool:
        """Whether we can send another request; what peers ask takes none of this."""
        return self.transactions.sent < self.settings.own_transactions_max

    def recognise(self, host: str, now: float) -> None:
        """Our branches or tags come from there, or go there: it is a peer's, one more host of its cluster perhaps."""
        if self.sources is not None and not self.sources.is_known(host, now):
            self.sources.trust(host, now)

    # --- replies and requests ---

    def reply(self, transaction: Transaction, fact: Fact, turn: EndpointTurn) -> bytes:
        """Answer a request by its transaction; returns what was sent."""
        to_tag = None if fact.status == 100 else transaction.to_tag
        fields = (*fact.headers, self.own_headers.server)
        response = transaction.request.response(fact.status, fact.reason, fields, fact.body, to_tag)
        return self.transactions.reply(transaction, response, turn)

    def reply_at_once(self, request: Request, flow: SipFlow, fact: Fact, turn: EndpointTurn, to_tag: str = "") -> None:
        """Answer a request that nobody else needs to see; its retransmissions get the same answer."""
        if not self.has_room_for(flow):
            self.reply_statelessly(request, flow, fact, turn)
            return
        transaction = self.transactions.open_server(request, flow, NOBODY, to_tag or self.own_headers.tag())
        self.reply(transaction, fact, turn)

    def reply_statelessly(self, request: Request, flow: SipFlow, fact: Fact, turn: EndpointTurn) -> None:
        """Answer once without remembering anything (section 8.2.7): overload, strangers, messages too broken to match.

        As short as can be: over UDP the source may be somebody else's address, which must not get more than was sent.
        """
        response = request.response(fact.status, fact.reason, fact.headers, b"", self.own_headers.stateless_tag)
        turn.out.append(Transmit(response.serialise(), flow))

    def send_within(
        self, session: Session, method: str, purpose: Purpose, fact: Fact, turn: EndpointTurn
    ) -> Transaction:
        """Send a request within the session's dialog. RuntimeError without a dialog."""
        dialog = _dialog(session)
        flow = self._flow_within(dialog, session.flow, session.path, turn)
        fields = [*fact.headers, self.own_headers.user_agent]
        if method in ("INVITE", "UPDATE"):
            fields += [("Contact", self.own_headers.contact(flow)), self.own_headers.allow]
        if fact.body:
            fields.append(SDP)
        request = dialog.request(method, self.own_headers.via(flow), None, fields, fact.body)
        if session.credentials is not None:
            given = session.credentials.credentials(method, str(request.uri), request.body)
            request = Request(method, request.uri, with_credentials(request.headers, given), request.body)
        transaction = self.transactions.open_client(request, flow, Owner(purpose, session.id), turn)
        transaction.path = session.path
        return transaction

    def _flow_within(self, dialog: Dialog, flow: SipFlow, path: DialogPath, turn: EndpointTurn) -> SipFlow:
        """Where a request within a dialog is sent; the answer from there must not be dropped as a stranger's."""
        hop_flow = next_hop(dialog, flow, path, self.listening)
        self.recognise(hop_flow.remote.host, turn.now)
        return hop_flow

    def authorised(
        self, transaction: Transaction, response: Response, credentials: DigestClient | None
    ) -> Request | None:
        """The request once more with credentials, a new branch and the next CSeq (section 22.2).

        None when it was no challenge, when we have no credentials for it, or when they were refused.
        """
        if response.status not in _CHALLENGES or credentials is None or transaction.tries >= AUTH_TRIES_MAX:
            return None
        request = transaction.request
        if not credentials.answers(request, response, self.ids, is_first=transaction.tries == 0):
            return None
        headers = request.headers.with_("Via", self.own_headers.via(transaction.flow))
        headers = headers.with_("CSeq", f"{request.cseq.number + 1} {request.method}")
        fields = credentials.credentials(request.method, str(request.uri), request.body)
        return Request(request.method, request.uri, with_credentials(headers, fields), request.body)

    def send_again(self, transaction: Transaction, request: Request, turn: EndpointTurn) -> Transaction:
        """Send what `authorised` made, for the same owner."""
        session = self.sessions.get(SessionId(transaction.owner.number))
        if (
            session is not None
            and session.dialog is not None
            and transaction.owner.purpose is not Purpose.OUT_OF_DIALOG
        ):
            session.dialog.local_cseq = request.cseq.number
        again = self.transactions.open_client(request, transaction.flow, transaction.owner, turn)
        again.tries, again.path = transaction.tries + 1, transaction.path
        return again

    def cancel(self, invite: Transaction, turn: EndpointTurn, why: Fields = ()) -> None:
        """Send CANCEL for an INVITE that has a provisional response (section 9.1); `why` is a Reason (RFC 3326)."""
        self.transactions.open_client(cancel_of(invite.request, why), invite.flow, NOBODY, turn)

    # --- sessions ---

    def lose_flow(self, flow: SipFlow, turn: EndpointTurn) -> None:
        """A connection closed: who is not answered yet is gone, the others' next requests open another one."""
        for session in [one for one in self.sessions.values() if one.flow == flow]:
            session.flow = replace(flow, connection=0)
            if session.repeat is not None and session.repeat.answered.flow == flow:
                # Section 18.2.2: to the host that asked, at the port that it is reached at.
                via = session.repeat.answered.request.via
                remote = Address(flow.remote.host, via.port or DEFAULT_PORT)
                session.repeat.answered.flow = replace(session.flow, remote=remote)
            self.advance(session, SessionInput.FLOW_CLOSED, Fact(cause=EndCause.FLOW_CLOSED), turn)

    def find(self, dialog: DialogKey, remote_tag: str) -> Session | None:
        """The session whose dialog, confirmed or early, a request belongs to (section 12.2.2)."""
        session = self.dialogs.get(dialog)
        if session is None:
            return None
        if session.dialog is not None:
            # A peer whose 2xx had no tag may write one later: our own tag, which nobody else knows, is enough.
            return session if session.dialog.remote_tag in ("", remote_tag) else None
        return session if session.attempt is not None and remote_tag in session.attempt.early else None

    def open(self, session: Session) -> None:
        """Begin to remember a session."""
        self.sessions[session.id] = session
        if session.dialog is not None:
            self.dialogs[session.key] = session

    def open_early(self, session: Session, remote_tag: str) -> None:
        """A provisional response makes an early dialog with the phone that sent it (section 12.1)."""
        if session.attempt is not None and len(session.attempt.early) < FORKS_MAX:
            session.attempt.early.setdefault(remote_tag, -1)
            self.dialogs[session.key] = session

    def advance(self, session: Session, stimulus: SessionInput, fact: Fact, turn: EndpointTurn) -> bool:
        """Move a session by its table and do what the row says; False when the input has no effect now."""
        row = session.move(stimulus)
        if row is None:
            return False
        for action in row.actions:
            do = self._actions.get(action)
            if do is not None:
                do(session, fact, turn)
            elif (event := _EVENTS[action](session, fact)) is not None:
                turn.out.append(event)
        if row.state is SessionState.OVER:
            self._close(session, turn)
        return True

    def arm(self, session: Session, timer: SipTimer, at: float) -> None:
        """Arm one of the session's timers."""
        session.armed.add(timer)
        self.deadlines.set(TimerKey(timer, session.id), at)

    def disarm(self, session: Session, *timers: SipTimer) -> None:
        """Disarm those of the session's timers that are running among `timers`."""
        for timer in session.armed.intersection(timers):
            session.armed.discard(timer)
            self.deadlines.cancel(TimerKey(timer, session.id))

    def await_refresh(self, session: Session, timer: SessionInterval, turn: EndpointTurn) -> None:
        """End the session unless it is refreshed within an interval; where that is ours to do, after half of it."""
        session.timer = timer
        self.disarm(session, SipTimer.EXPIRY, SipTimer.REFRESH)
        if not timer.interval_s:
            return
        if timer.is_ours:
            self.arm(session, SipTimer.REFRESH, turn.now + timer.interval_s / 2)
        self.arm(session, SipTimer.EXPIRY, turn.now + expires_after_s(timer.interval_s))

    def repeat(self, session: Session, repeat: Repeat, turn: EndpointTurn) -> None:
        """Keep sending a 2xx until its ACK (section 13.3.1.4)."""
        session.repeat = repeat
        self.arm(session, SipTimer.ANSWER_AGAIN, turn.now + repeat.gap_s)
        self.arm(session, SipTimer.ACK_WAIT, turn.now + 64 * self.settings.timing.t1_s)

    def acknowledge(self, transaction: Transaction, dialog: Dialog, turn: EndpointTurn) -> SipFlow:
        """Send the ACK of a 2xx, with the INVITE's credentials, and keep it for the repetitions (section 13.2.2.4).

        Returns where it went, because it need not have been where the INVITE went.
        """
        invite = transaction.request
        flow = self._flow_within(dialog, transaction.flow, transaction.path, turn)
        credentials = [entry for entry in invite.headers if entry[0] in _CREDENTIALS]
        ack = dialog.request("ACK", self.own_headers.via(flow), invite.cseq.number, credentials)
        data = transaction.acks[dialog.remote_tag] = ack.serialise()
        transaction.ack_flows[dialog.remote_tag] = flow
        turn.out.append(Transmit(data, flow))
        return flow

    def acknowledge_again(self, transaction: Transaction, response: Response, turn: EndpointTurn) -> bool:
        """Repeat the ACK of a 2xx that came again; False when this phone's 2xx is the first one."""
        tag = response.to.tag or ""
        ack = transaction.acks.get(tag)
        if ack is None:
            return False
        turn.out.append(Transmit(ack, transaction.ack_flows.get(tag, transaction.flow)))
        return True

    def acknowledge_fork(self, transaction: Transaction, response: Response, turn: EndpointTurn) -> None:
        """Another phone answered the same INVITE: ACK it and hang up on it (section 13.2.2.4)."""
        if len(transaction.acks) >= FORKS_MAX:
            return
        dialog = dialog_of_success(transaction.request, response)
        flow = self.acknowledge(transaction, dialog, turn)
        bye = dialog.request("BYE", self.own_headers.via(flow), None, [self.own_headers.user_agent])
        self.transactions.open_client(bye, flow, NOBODY, turn)

    def response_fields(self, transaction: Transaction, fact: Fact) -> tuple[Field, ...]:
        """Fields of a response that makes or refreshes the dialog (section 12.1.1)."""
        fields = [entry for entry in transaction.request.headers if entry[0] == "Record-Route"]
        fields += [("Contact", self.own_headers.contact(transaction.flow)), self.own_headers.allow, *fact.headers]
        if fact.body:
            fields.append(SDP)
        return tuple(fields)

    # --- actions ---

    def _send_failure(self, session: Session, fact: Fact, turn: EndpointTurn) -> None:
        self.reply(session.transaction, fact, turn)

    def _send_invite(self, session: Session, fact: Fact, turn: EndpointTurn) -> None:
        if fact.request is None:
            raise RuntimeError("a challenge is met by another request")
        session.transaction = self.send_again(session.transaction, fact.request, turn)
        if session.attempt is not None:
            session.attempt.early.clear()
            session.attempt.answers.clear()

    def _send_answer(self, session: Session, fact: Fact, turn: EndpointTurn) -> None:
        self.disarm(session, SipTimer.ANSWER_LIMIT, SipTimer.PROGRESS_AGAIN)
        fields = self.response_fields(session.transaction, fact)
        self.await_refresh(session, session.timer, turn)
        fields = (*fields, *timer_fields(session.timer))
        session.described = fact.body
        data = self.reply(session.transaction, Fact(200, headers=fields, body=fact.body), turn)
        self.repeat(session, Repeat(data, session.transaction, self.settings.timing.t1_s), turn)

    def _send_cancel(self, session: Session, fact: Fact, turn: EndpointTurn) -> None:
        self.disarm(session, SipTimer.RING_LIMIT)
        self.cancel(session.transaction, turn, fact.headers or session.farewell)
        self.arm(session, SipTimer.CANCEL_WAIT, turn.now + 64 * self.settings.timing.t1_s)

    def _send_ack(self, session: Session, fact: Fact, turn: EndpointTurn) -> None:
        if fact.response is None:
            raise RuntimeError("an ACK needs the response that it acknowledges")
        self.disarm(session, SipTimer.RING_LIMIT, SipTimer.CANCEL_WAIT)
        session.flow = session.transaction.flow
        session.dialog = dialog = dialog_of_success(session.transaction.request, fact.response)
        if session.attempt is not None:
            # All but the route set stays as it was in the early dialog (section 13.2.2.4).
            dialog.remote_cseq = session.attempt.early.get(dialog.remote_tag, -1)
            session.attempt.early.clear()
        self.dialogs[session.key] = session
        self.acknowledge(session.transaction, dialog, turn)
        self.await_refresh(session, granted_interval(fact.response), turn)
        session.allowed = fact.response.tokens("Allow")
        session.described = session.transaction.request.body

    def _send_bye(self, session: Session, fact: Fact, turn: EndpointTurn) -> None:
        self.disarm(session, *SESSION_TIMERS)
        session.repeat = None
        self._refuse_theirs(session, turn)
        headers = fact.headers or session.farewell
        self.send_within(session, "BYE", Purpose.BYE, Fact(headers=headers), turn)

    def _refuse_theirs(self, session: Session, turn: EndpointTurn) -> None:
        """A request that waits for our answer gets 487 when its session ends (section 15.1.2)."""
        theirs = session.modification.theirs
        if theirs is not None:
            session.modification.theirs = None
            self.reply(theirs, Fact(487), turn)

    def _close(self, session: Session, turn: EndpointTurn) -> None:
        self._refuse_theirs(session, turn)
        self.disarm(session, *SESSION_TIMERS)
        ours = session.modification.ours
        if ours is not None:
            self.transactions.drop(ours)
        for asked in (session.question, session.refresh):
            if asked is not None:
                self.transactions.drop(asked)
        self.dialogs.pop(session.key, None)
        del self.sessions[session.id]


def dialog_of_success(request: Request, response: Response) -> Dialog:
    """The dialog of a 2xx; broken Contact or Record-Route count as absent, because the 2xx must be acknowledged."""
    try:
        return dialog_of_uac(request, response)
    except MalformedValue:
        headers = Headers.from_canonical(
            [entry for entry in response.headers if entry[0] not in ("Contact", "Record-Route")]
        )
        return dialog_of_uac(request, Response(response.status, response.reason, headers))


def _progress(session: Session, fact: Fact) -> SessionProgress | None:
    return SessionProgress(session.id, fact.status, fact.body) if fact.status > 100 else None


def _refusal(session: Session, fact: Fact) -> SessionRefused | None:
    attempt = session.attempt
    if attempt is None or attempt.is_reported:
        return None
    attempt.is_reported = True
    reason = fact.reason or reason_of(fact.status)
    return SessionRefused(session.id, fact.status, reason, fact.response)


_EVENTS: Mapping[SessionAction, Callable[[Session, Fact], SipEvent | None]] = {
    SessionAction.TELL_CONFIRMED: lambda session, fact: SessionConfirmed(session.id, fact.body),
    SessionAction.TELL_CANCELLED: lambda session, fact: InviteCancelled(session.id),
    SessionAction.TELL_PROGRESS: _progress,
    SessionAction.TELL_ANSWERED: lambda session, fact: SessionAnswered(session.id, fact.body),
    SessionAction.TELL_REFUSED: _refusal,
    SessionAction.TELL_GIVEN_UP: lambda session, fact: _refusal(session, Fact(487)),
    SessionAction.TELL_ENDED: lambda session, fact: SessionEnded(session.id, fact.cause),
}
"""What call control hears by each action that only tells."""


def _dialog(session: Session) -> Dialog:
    if session.dialog is None:
        raise RuntimeError(f"session {session.id} is {session.state} and has no dialog")
    return session.dialog
