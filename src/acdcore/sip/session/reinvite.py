"""Changes of media within a session: re-INVITE both ways, UPDATE from the peer (RFC 3261 section 14, RFC 3311)."""

from contextlib import suppress

from acdcore.kernel.errors import PeerError
from acdcore.sip.events import EndCause, ModifyAnswered, SessionId, SessionModified, SipFlow
from acdcore.sip.session.bodies import Unsupported, description_or_nothing, session_description
from acdcore.sip.session.core import UserAgent
from acdcore.sip.session.session_timer import (
    IntervalTooSmall,
    asked_interval,
    granted_interval,
    refresh_fields,
    timer_fields,
)
from acdcore.sip.session.table import Fact, Repeat, Session, SessionInput, SessionState
from acdcore.sip.syntax.message import Request, Response
from acdcore.sip.transaction.layer import EndpointTurn
from acdcore.sip.transaction.tables import Owner, Purpose, Transaction
from acdcore.sip.transaction.timers import SipTimer

GLARES_MAX = 5
"""How often a re-INVITE is tried again after 491; two well-behaved sides need one or two."""
REFRESH_AGAIN_S = 10.0
"""A refresh that was refused or could not be sent is tried again while the session lasts: a few times at least."""
NOT_UPDATE = frozenset({405, 501})
"""Responses of a peer that does not know UPDATE after all."""
GONE_STATUSES = frozenset({408, 481})
"""Responses within a dialog that mean that the dialog is no more (section 12.2.1.2)."""


class Modifier:
    """Re-INVITEs and UPDATEs of a user agent's sessions."""

    def __init__(self, ua: UserAgent) -> None:
        self._ua = ua

    # --- ours ---

    def modify(self, session: Session, body: bytes, turn: EndpointTurn) -> None:
        """Offer other media, now or as soon as nothing is in the way."""
        session.modification.body = body
        session.modification.is_refresh = False
        session.modification.glares = 0
        self.attempt(session, turn)

    def attempt(self, session: Session, turn: EndpointTurn) -> None:
        """Send the re-INVITE that waits, unless another offer is under way (section 14.1)."""
        modification = session.modification
        if modification.body is None or modification.ours is not None:
            return
        if session.state not in (SessionState.CONFIRMED, SessionState.ANSWERED):
            modification.body = None
            return
        is_busy = modification.theirs is not None or session.repeat is not None
        if is_busy or session.state is SessionState.ANSWERED:
            self._wait(session, turn)
            return
        fact = Fact(body=modification.body, headers=refresh_fields(session.timer))
        modification.ours = self._ua.send_within(session, "INVITE", Purpose.MODIFY, fact, turn)
        modification.is_cancelled = False
        self._arm_limit(session, turn)

    def _arm_limit(self, session: Session, turn: EndpointTurn) -> None:
        """A little later than timer B, which tells of silence."""
        self._ua.arm(session, SipTimer.MODIFY_LIMIT, turn.now + 65 * self._ua.settings.timing.t1_s)

    def _wait(self, session: Session, turn: EndpointTurn) -> None:
        """The owner of the Call-ID waits longer than the other side, in steps of 10 ms (section 14.1)."""
        is_owner = session.attempt is not None
        gap_s = 2.1 + self._ua.ids.number(191) / 100 if is_owner else self._ua.ids.number(201) / 100
        self._ua.arm(session, SipTimer.GLARE, turn.now + gap_s)

    def response_arrived(self, transaction: Transaction, response: Response, turn: EndpointTurn) -> None:
        """A response to a re-INVITE of ours."""
        session = self._ua.sessions.get(SessionId(transaction.owner.number))
        if response.is_provisional:
            return
        if response.is_success and self._ua.acknowledge_again(transaction, response, turn):
            return
        if session is None or session.dialog is None:
            return
        if response.is_success:
            self._success_arrived(session, transaction, response, turn)
        elif session.modification.ours is transaction:
            self._failure_arrived(session, response, turn)

    def _success_arrived(
        self, session: Session, transaction: Transaction, response: Response, turn: EndpointTurn
    ) -> None:
        if session.dialog is None:
            return
        # A broken Contact refreshes nothing; the 2xx must be acknowledged all the same.
        with suppress(PeerError):
            session.dialog.refresh(response)
        self._ua.acknowledge(transaction, session.dialog, turn)
        if session.modification.ours is transaction:
            if session.timer.interval_s:
                self._ua.await_refresh(session, granted_interval(response), turn)
            session.described = session.modification.body or session.described
            self._finish(session, response.status, description_or_nothing(response), turn)

    def _failure_arrived(self, session: Session, response: Response, turn: EndpointTurn) -> None:
        modification = session.modification
        if modification.ours is None:
            return
        request = self._ua.authorised(modification.ours, response, session.credentials)
        if request is not None and session.state is SessionState.CONFIRMED:
            modification.ours = self._ua.send_again(modification.ours, request, turn)
            self._arm_limit(session, turn)
        elif response.status == 491 and modification.glares < GLARES_MAX:
            modification.ours = None
            modification.glares += 1
            self._ua.disarm(session, SipTimer.MODIFY_LIMIT)
            self._wait(session, turn)
        elif response.status in GONE_STATUSES:
            self.lost(session, turn)
        else:
            self._finish(session, response.status, b"", turn)

    def failed(self, session: Session, status: int, turn: EndpointTurn) -> None:
        """Our re-INVITE found nobody: silence ends the dialog (12.2.1.2), a closed connection only the offer."""
        if status in GONE_STATUSES:
            self.lost(session, turn)
        else:
            self._finish(session, status, b"", turn)

    def lost(self, session: Session, turn: EndpointTurn) -> None:
        """The peer does not know the dialog any more, or is silent."""
        session.modification.ours = None
        self._ua.advance(session, SessionInput.GONE, Fact(cause=EndCause.GONE), turn)

    def limit(self, session: Session, turn: EndpointTurn) -> None:
        """Our re-INVITE got a provisional response and then nothing: cancel it, then give it up; keep the session."""
        modification = session.modification
        if modification.ours is None:
            return
        if not modification.is_cancelled:
            modification.is_cancelled = True
            self._ua.cancel(modification.ours, turn)
            self._arm_limit(session, turn)
            return
        self._ua.transactions.drop(modification.ours)
        self._finish(session, 408, b"", turn)

    def _finish(self, session: Session, status: int, body: bytes, turn: EndpointTurn) -> None:
        session.modification.ours = None
        session.modification.body = None
        self._ua.disarm(session, SipTimer.MODIFY_LIMIT, SipTimer.GLARE)
        if session.state is SessionState.CONFIRMED and not session.modification.is_refresh:
            turn.out.append(ModifyAnswered(session.id, status, body))

    # --- keeping the session up (RFC 4028 section 10) ---

    def refresh(self, session: Session, turn: EndpointTurn) -> None:
        """Half of the interval is over: UPDATE where the peer knows it, else a re-INVITE that changes nothing.

        Any offer that is under way does as well, because it names the interval too.
        """
        modification = session.modification
        if session.state is not SessionState.CONFIRMED or not session.timer.is_ours:
            return
        if session.refresh is not None or modification.ours is not None or modification.theirs is not None:
            self._ua.arm(session, SipTimer.REFRESH, turn.now + REFRESH_AGAIN_S)
            return
        if "update" in session.allowed:
            fact = Fact(headers=refresh_fields(session.timer))
            session.refresh = self._ua.send_within(session, "UPDATE", Purpose.REFRESH, fact, turn)
        elif modification.body is None:
            modification.body, modification.is_refresh, modification.glares = session.described, True, 0
            self._ua.arm(session, SipTimer.REFRESH, turn.now + REFRESH_AGAIN_S)
            self.attempt(session, turn)

    def refresh_answered(self, transaction: Transaction, response: Response, turn: EndpointTurn) -> None:
        """The response to our UPDATE."""
        session = self._ua.sessions.get(SessionId(transaction.owner.number))
        if session is None or session.refresh is not transaction or response.is_provisional:
            return
        again = self._ua.authorised(transaction, response, session.credentials)
        if again is not None:
            session.refresh = self._ua.send_again(transaction, again, turn)
            return
        session.refresh = None
        if response.is_success:
            self._ua.await_refresh(session, granted_interval(response), turn)
        elif response.status in GONE_STATUSES:
            self.lost(session, turn)
        else:
            if response.status in NOT_UPDATE:
                session.allowed = ()  # by re-INVITE then
            self._ua.arm(session, SipTimer.REFRESH, turn.now + REFRESH_AGAIN_S)

    def refresh_failed(self, session: Session, status: int, turn: EndpointTurn) -> None:
        """Our UPDATE found nobody."""
        session.refresh = None
        if status in GONE_STATUSES:
            self.lost(session, turn)
        else:
            self._ua.arm(session, SipTimer.REFRESH, turn.now + REFRESH_AGAIN_S)

    # --- theirs ---

    def offer_arrived(self, session: Session, request: Request, flow: SipFlow, turn: EndpointTurn) -> None:
        """A re-INVITE or UPDATE in order; `flow` is where replies go."""
        if not self._ua.has_room_for(flow):
            self._ua.reply_statelessly(request, flow, self._later(), turn)
            return
        offer = session_description(request)
        refusal = self._refusal(session, request, offer)
        if refusal is not None:
            self._ua.reply_at_once(request, flow, refusal, turn)
            return
        if session.dialog is not None:
            session.dialog.refresh(request)
        session.flow = flow
        owner = Owner(Purpose.MODIFY, session.id)
        transaction = self._ua.transactions.open_server(request, flow, owner, session.local_tag)
        if not _is_offer(request, offer):
            # A refresh of the session timer or of the Contact; nothing for call control to decide.
            self._accept(session, transaction, b"", turn)
            return
        session.modification.theirs = transaction
        if request.method == "INVITE":
            self._ua.reply(transaction, Fact(100), turn)
        turn.out.append(SessionModified(session.id, offer if isinstance(offer, bytes) else b"", flow.remote))

    def _refusal(self, session: Session, request: Request, offer: bytes | Unsupported) -> Fact | None:
        if _is_offer(request, offer) and (refusal := self._collision(session)) is not None:
            return refusal
        if isinstance(offer, Unsupported):
            return Fact(415, headers=offer.headers)
        try:
            asked_interval(request, self._ua.settings.session_expires_min_s)
            _ = request.contacts  # one that is missing (against section 8.1.1.8) leaves the target as it is
        except IntervalTooSmall:
            return Fact(422, headers=(("Min-SE", str(self._ua.settings.session_expires_min_s)),))
        except PeerError as error:
            return Fact(400, str(error))
        return None

    def _collision(self, session: Session) -> Fact | None:
        """Why no other offer can be taken now (section 14.2, RFC 3311 section 5.2)."""
        modification = session.modification
        if modification.theirs is not None or session.state is SessionState.INVITED:
            # The peer's own earlier offer has no answer yet.
            return self._later()
        if modification.ours is not None or session.state is not SessionState.CONFIRMED or session.repeat is not None:
            return Fact(491)
        return None

    def _later(self) -> Fact:
        """Not now, and nothing has changed: section 14.2 wants from 0 to 10 s."""
        return Fact(500, headers=(("Retry-After", str(self._ua.ids.number(11))),))

    def accept(self, session: Session, body: bytes, turn: EndpointTurn) -> None:
        """Answer the peer's offer with 200; one that was cancelled meanwhile needs no answer."""
        theirs = session.modification.theirs
        if theirs is not None:
            session.modification.theirs = None
            self._accept(session, theirs, body, turn)

    def _accept(self, session: Session, theirs: Transaction, body: bytes, turn: EndpointTurn) -> None:
        fields = self._ua.response_fields(theirs, Fact(body=body))
        if session.state is SessionState.CONFIRMED:
            # Without an interval in the 2xx the session has no timer any more (RFC 4028 section 9).
            timer = asked_interval(theirs.request, self._ua.settings.session_expires_min_s)
            self._ua.await_refresh(session, timer, turn)
            fields = (*fields, *timer_fields(timer))
            session.described = body or session.described
        data = self._ua.reply(theirs, Fact(200, headers=fields, body=body), turn)
        if theirs.request.method == "INVITE":
            self._ua.repeat(session, Repeat(data, theirs, self._ua.settings.timing.t1_s), turn)

    def refuse(self, session: Session, fact: Fact, turn: EndpointTurn) -> None:
        """Refuse the peer's offer; the session goes on as it was."""
        theirs = session.modification.theirs
        if theirs is not None:
            session.modification.theirs = None
            self._ua.reply(theirs, fact, turn)


def _is_offer(request: Request, offer: bytes | Unsupported) -> bool:
    """Whether media may change; a re-INVITE without an offer asks for ours."""
    return request.method == "INVITE" or bool(offer)
