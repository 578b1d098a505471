"""Asks within a session whether the peer is still there, while its audio cannot tell (RFC 3261 sections 11 and 12.2).

| what happens | what follows |
|---|---|
| watched | a question after `first_s`, the limit after `limit_s`; the same watch again changes nothing |
| time for a question, no offer under way | OPTIONS within the dialog |
| time for a question while an offer or an ACK is awaited | that tells as much: again after `every_s` |
| 481, 408, or no answer for `answer_within_s`, at most 64 x T1 | the peer is gone: BYE, SessionEnded |
| any other answer, 405 or 501 too | the peer is there: again after `every_s` |
| any request of the peer's within the dialog | the same |
| the question cannot be sent (a connection that is refused) | again after `UNSENT_S`, as part of the same question |
| the limit | HoldLimitReached, for call control to decide |
| not watched any more | nothing; a question under way has no consequence |
"""

from acdcore.sip.events import EndCause, HoldLimitReached, SessionId, Watch
from acdcore.sip.session.bodies import READ_TYPES
from acdcore.sip.session.core import UserAgent
from acdcore.sip.session.reinvite import GONE_STATUSES
from acdcore.sip.session.table import Fact, Session, SessionInput, SessionState
from acdcore.sip.transaction.layer import EndpointTurn
from acdcore.sip.transaction.tables import Purpose, Transaction
from acdcore.sip.transaction.timers import SipTimer

UNSENT_S = 4.0
"""Between attempts to send a question: T2, which is how often UDP would repeat it. A server that restarts refuses
connections for a second or two; a phone that is gone refuses them for ever."""


class Prober:
    """The questions of a user agent's sessions."""

    def __init__(self, ua: UserAgent) -> None:
        self._ua = ua

    def watch(self, session: Session, watch: Watch | None, turn: EndpointTurn) -> None:
        """Begin or stop asking; it ends with the session."""
        if watch == session.watch:
            return
        session.watch, session.question = watch, None
        self._ua.disarm(session, SipTimer.ASK, SipTimer.ASK_LIMIT, SipTimer.HOLD_LIMIT)
        if watch is None:
            return
        first_s = watch.every_s if watch.first_s is None else watch.first_s
        self._ua.arm(session, SipTimer.ASK, turn.now + first_s)
        if watch.limit_s is not None:
            self._ua.arm(session, SipTimer.HOLD_LIMIT, turn.now + watch.limit_s)

    def ask(self, session: Session, turn: EndpointTurn) -> None:
        """It is time for a question."""
        if session.watch is None:
            return
        modification = session.modification
        is_busy = modification.ours is not None or modification.theirs is not None or session.repeat is not None
        if is_busy or session.state is not SessionState.CONFIRMED:
            self._rest(session, turn)
            return
        if SipTimer.ASK_LIMIT not in session.armed:
            limit_s = 64 * self._ua.settings.timing.t1_s
            self._ua.arm(session, SipTimer.ASK_LIMIT, turn.now + min(session.watch.answer_within_s or limit_s, limit_s))
        fact = Fact(headers=(("Accept", READ_TYPES),))
        session.question = self._ua.send_within(session, "OPTIONS", Purpose.QUESTION, fact, turn)

    def finished(self, transaction: Transaction, status: int, turn: EndpointTurn) -> None:
        """The final response; 408 also for silence."""
        session = self._session_of(transaction)
        if session is None:
            return
        session.question = None
        if status in GONE_STATUSES:
            self._gone(session, turn)
        elif session.watch is not None and session.state is SessionState.CONFIRMED:
            self._rest(session, turn)

    def unsent(self, transaction: Transaction, turn: EndpointTurn) -> None:
        """The question could not be sent, which alone says nothing."""
        session = self._session_of(transaction)
        if session is None:
            return
        session.question = None
        if session.watch is not None and session.state is SessionState.CONFIRMED:
            self._ua.arm(session, SipTimer.ASK, turn.now + UNSENT_S)

    def unanswered(self, session: Session, turn: EndpointTurn) -> None:
        """The peer has had its time to answer."""
        if session.watch is not None:
            self._gone(session, turn)

    def heard(self, session: Session, turn: EndpointTurn) -> None:
        """The peer has sent a request: that answers a question under way, and spares the next."""
        if (
            session.watch is not None
            and session.state is SessionState.CONFIRMED
            and SipTimer.ASK_LIMIT in session.armed
        ):
            session.question = None
            self._rest(session, turn)

    def limit(self, session: Session, turn: EndpointTurn) -> None:
        """It has lasted as long as it may."""
        turn.out.append(HoldLimitReached(session.id))

    def _session_of(self, transaction: Transaction) -> Session | None:
        """The session that waits for this answer; None when none does any more."""
        session = self._ua.sessions.get(SessionId(transaction.owner.number))
        return session if session is not None and session.question is transaction else None

    def _rest(self, session: Session, turn: EndpointTurn) -> None:
        """The peer is there: ask again later."""
        if session.watch is not None:
            self._ua.disarm(session, SipTimer.ASK_LIMIT)
            self._ua.arm(session, SipTimer.ASK, turn.now + session.watch.every_s)

    def _gone(self, session: Session, turn: EndpointTurn) -> None:
        self._ua.advance(session, SessionInput.GONE, Fact(cause=EndCause.GONE), turn)
