"""Asks within a session whether the peer is still there, while its audio cannot tell (RFC 3261 sections 11 and 12.2).

| what happens | what follows |
|---|---|
| watched | a question after `every_s`, the limit after `limit_s`; the same watch again changes nothing |
| time for a question, no offer under way | OPTIONS within the dialog |
| time for a question while an offer or an ACK is awaited | that tells as much: again after `every_s` |
| 481, 408, or no answer for 64 x T1 | the peer is gone: BYE, SessionEnded |
| any other answer, 405 or 501 too | the peer is there: again after `every_s` |
| the limit | HoldLimitReached, for the hall to decide |
| not watched any more | nothing; a question under way has no consequence |
"""

from acdcore.sip.bodies import READ_TYPES
from acdcore.sip.events import EndCause, HoldLimitReached, SessionId, Watch
from acdcore.sip.modifier import GONE_STATUSES
from acdcore.sip.session import Fact, Session, SessionInput, SessionState
from acdcore.sip.timers import Timer
from acdcore.sip.transaction import Purpose, Transaction
from acdcore.sip.transactions import Turn
from acdcore.sip.user_agent import UserAgent


class Prober:
    """The questions of a user agent's sessions."""

    def __init__(self, ua: UserAgent) -> None:
        self._ua = ua

    def watch(self, session: Session, watch: Watch | None, turn: Turn) -> None:
        """Begin or cease to ask; nothing of it outlives the session."""
        if watch == session.watch:
            return
        session.watch, session.question = watch, None
        self._ua.disarm(session, Timer.ASK, Timer.HOLD_LIMIT)
        if watch is not None:
            self._ua.arm(session, Timer.ASK, turn.now + watch.every_s)
            self._ua.arm(session, Timer.HOLD_LIMIT, turn.now + watch.limit_s)

    def ask(self, session: Session, turn: Turn) -> None:
        """It is time for a question."""
        if session.watch is None:
            return
        modification = session.modification
        is_busy = modification.ours is not None or modification.theirs is not None or session.repeat is not None
        if is_busy or session.state is not SessionState.CONFIRMED:
            self._ua.arm(session, Timer.ASK, turn.now + session.watch.every_s)
            return
        fact = Fact(headers=(("Accept", READ_TYPES),))
        session.question = self._ua.send_within(session, "OPTIONS", Purpose.QUESTION, fact, turn)

    def finished(self, transaction: Transaction, status: int, turn: Turn) -> None:
        """The final response; 408 also for silence, and 503 for what could not be sent, which says nothing."""
        session = self._ua.sessions.get(SessionId(transaction.owner.number))
        if session is None or session.question is not transaction:
            return
        session.question = None
        if status in GONE_STATUSES:
            self._ua.advance(session, SessionInput.GONE, Fact(cause=EndCause.GONE), turn)
        elif session.watch is not None and session.state is SessionState.CONFIRMED:
            self._ua.arm(session, Timer.ASK, turn.now + session.watch.every_s)

    def limit(self, session: Session, turn: Turn) -> None:
        """It has lasted as long as it may."""
        turn.out.append(HoldLimitReached(session.id))
