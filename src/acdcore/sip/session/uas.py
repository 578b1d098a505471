"""The UAS side of sessions: INVITE comes in, is answered or refused, and its ACK awaited (RFC 3261 section 13.3)."""

from acdcore.kernel.errors import PeerError
from acdcore.sip.events import EndCause, InviteArrived, RequestRejected, SessionId, SipFlow, Transmit
from acdcore.sip.peers import Peer
from acdcore.sip.session.bodies import SDP_TYPE, Unsupported, description_or_nothing, session_description
from acdcore.sip.session.core import UserAgent
from acdcore.sip.session.dialog import Dialog, dialog_of_uas
from acdcore.sip.session.session_timer import IntervalTooSmall, SessionInterval, asked_interval
from acdcore.sip.session.table import Fact, Session, SessionInput, SessionState
from acdcore.sip.syntax.message import Request, reason_of
from acdcore.sip.transaction.layer import EndpointTurn
from acdcore.sip.transaction.tables import SOURCE_PATH, Owner, Purpose
from acdcore.sip.transaction.timers import SipTimer

_SDP_RANGES = (SDP_TYPE, "*", "multipart/mixed")
ANSWER_LIMIT_S = 180.0
"""An INVITE for which call control has done nothing at all: by then it never will, and the caller has long given up."""
RING_LIMIT_S = 3_600.0
"""An INVITE that call control lets ring or wait unanswered, counted from its latest provisional response."""
PROGRESS_GAP_S = 60.0
"""A provisional response is repeated so often that no proxy gives the INVITE up (section 13.3.1.1)."""


def _takes_sdp(request: Request) -> bool:
    """Whether the caller can read an answer; without Accept it can (section 20.1)."""
    accepted = ",".join(request.headers.get_all("Accept")).strip(", ").lower()
    return not accepted or any(each in accepted for each in _SDP_RANGES)


def unserved(request: Request, flow: SipFlow, status: int) -> RequestRejected:
    """What the log hears of an admitted request that was refused before call control saw it."""
    return RequestRejected(request, flow, status, reason_of(status).lower())


class Uas:
    """Incoming sessions of a user agent."""

    def __init__(self, ua: UserAgent) -> None:
        self._ua = ua

    def invite_arrived(self, request: Request, flow: SipFlow, peer: Peer | None, turn: EndpointTurn) -> None:
        """A new INVITE outside of any dialog that was admitted; `flow` is where replies go."""
        tag = self._ua.own_headers.tag()
        admitted = self._admit(request, tag)
        if isinstance(admitted, Fact):
            self._ua.reply_at_once(request, flow, admitted, turn)
            turn.out.append(unserved(request, flow, admitted.status))
            return
        dialog, timer, offer = admitted
        number = SessionId(self._ua.new_number())
        transaction = self._ua.transactions.open_server(request, flow, Owner(Purpose.INVITE, number), tag)
        session = Session(number, SessionState.INVITED, flow, transaction, tag, dialog, timer=timer)
        session.allowed = request.tokens("Allow")
        session.path = self._ua.settings.path
        self._ua.open(session)
        self._ua.arm(session, SipTimer.ANSWER_LIMIT, turn.now + ANSWER_LIMIT_S)
        # At once rather than after 200 ms (section 17.2.1): it stops the caller's retransmissions.
        self._ua.reply(transaction, Fact(100), turn)
        turn.out.append(InviteArrived(number, request, flow, offer, peer))

    def _admit(self, request: Request, tag: str) -> tuple[Dialog, SessionInterval, bytes] | Fact:
        """The dialog, session interval and offer of an INVITE, or why it cannot even be offered to call control."""
        if len(self._ua.sessions) >= self._ua.settings.sessions_max:
            return Fact(503, headers=(("Retry-After", str(self._ua.settings.retry_after_s)),))
        if request.max_forwards == 0:
            # We place calls onward, so a call that has no hop left must end here (RFC 7332 section 5).
            return Fact(483)
        offer = session_description(request)
        if isinstance(offer, Unsupported):
            return Fact(415, headers=offer.headers)
        if not _takes_sdp(request):
            return Fact(406)
        try:
            timer = asked_interval(request, self._ua.settings.session_expires_min_s)
            return dialog_of_uas(request, tag), timer, offer
        except IntervalTooSmall:
            return Fact(422, headers=(("Min-SE", str(self._ua.settings.session_expires_min_s)),))
        except PeerError as error:
            return Fact(400, str(error))

    def cancel_arrived(self, request: Request, flow: SipFlow, turn: EndpointTurn) -> None:
        """CANCEL: 200 when its INVITE is known, and 487 to that when it has no final response yet (section 9.2)."""
        ua = self._ua
        invite = ua.transactions.find_server(request, "INVITE")
        if invite is None:
            ua.reply_statelessly(request, flow, Fact(481), turn)
            return
        ua.reply_at_once(request, flow, Fact(200), turn, invite.to_tag)
        session = ua.sessions.get(SessionId(invite.owner.number))
        if session is None:
            return
        if invite.owner.purpose is Purpose.MODIFY and session.modification.theirs is invite:
            session.modification.theirs = None
            ua.reply(invite, Fact(487), turn)
        elif invite.owner.purpose is Purpose.INVITE:
            ua.advance(session, SessionInput.PEER_CANCEL, Fact(487), turn)

    def ack_arrived(self, session: Session, request: Request, turn: EndpointTurn) -> None:
        """The ACK of a 2xx; another copy of it has no effect."""
        repeat = session.repeat
        if repeat is None or repeat.answered.request.cseq.number != request.cseq.number:
            return
        session.repeat = None
        self._ua.disarm(session, SipTimer.ANSWER_AGAIN, SipTimer.ACK_WAIT)
        if repeat.answered is session.transaction or not description_or_nothing(repeat.answered.request):
            self._ua.advance(session, SessionInput.ACK, Fact(body=description_or_nothing(request)), turn)

    def answer_again(self, session: Session, turn: EndpointTurn) -> None:
        """The ACK has not come: send the 2xx once more (section 13.3.1.4, over any transport)."""
        repeat = session.repeat
        if repeat is None:
            return
        turn.out.append(Transmit(repeat.data, repeat.answered.flow))
        repeat.gap_s = min(2 * repeat.gap_s, self._ua.settings.timing.t2_s)
        self._ua.arm(session, SipTimer.ANSWER_AGAIN, turn.now + repeat.gap_s)

    def ack_timeout(self, session: Session, turn: EndpointTurn) -> None:
        """The ACK never came: hang up."""
        repeat, session.repeat = session.repeat, None
        if repeat is not None and repeat.answered is session.transaction and not session.flow.transport.is_reliable:
            # Nobody has shown that he receives what we send to the INVITE's source: it may be forged, and its route and
            # Contact would aim our BYE and its repetitions at anybody.
            session.path = SOURCE_PATH
        self._ua.disarm(session, SipTimer.ANSWER_AGAIN)
        self._ua.advance(session, SessionInput.ACK_TIMEOUT, Fact(cause=EndCause.ACK_TIMEOUT), turn)

    def progress(self, session: Session, fact: Fact, turn: EndpointTurn) -> None:
        """Send 101 to 199."""
        if session.state is SessionState.INVITED:
            fields = self._ua.response_fields(session.transaction, fact)
            self._ua.reply(session.transaction, Fact(fact.status, fact.reason, headers=fields, body=fact.body), turn)
            self._ua.arm(session, SipTimer.ANSWER_LIMIT, turn.now + RING_LIMIT_S)
            self._ua.arm(session, SipTimer.PROGRESS_AGAIN, turn.now + PROGRESS_GAP_S)

    def progress_again(self, session: Session, turn: EndpointTurn) -> None:
        """Say once more how far the call is."""
        turn.out.append(Transmit(session.transaction.last, session.transaction.flow))
        self._ua.arm(session, SipTimer.PROGRESS_AGAIN, turn.now + PROGRESS_GAP_S)

    def answer_limit(self, session: Session, turn: EndpointTurn) -> None:
        """Call control has forgotten the call."""
        self._ua.advance(session, SessionInput.UNANSWERED, Fact(500, cause=EndCause.UNANSWERED), turn)
