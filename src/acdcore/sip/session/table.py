"""A session: one INVITE usage from the first INVITE to its end, as a table over transactions and a dialog.

Rules of the table:

- A row is (state, stimulus) -> (next state, actions). Actions are carried out in order, after the state has changed.
- What is not in the table has no effect: a command whose session has moved on, or a message that crossed it.
- UAS states: INVITED, ANSWERED, DEPARTING. UAC states: CALLING, PROCEEDING, ABANDONED, CANCELLING.
- OVER means that nothing is left: no timer, no dialog; the session is forgotten.
- A connection that closes ends only what is not answered yet: the audio of a talk does not flow there, and its next
  request is sent on another one (`next_hop`).
- A session in LEAVING is over for call control, and is kept only until its BYE has been answered.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from acdcore.sip.auth.digest_client import DigestClient
from acdcore.sip.events import DialogPath, EndCause, Fields, OutgoingInvite, SessionId, SipFlow, Watch
from acdcore.sip.session.dialog import Dialog, DialogKey, Order
from acdcore.sip.session.session_timer import NO_TIMER, SessionInterval
from acdcore.sip.syntax.message import Request, Response
from acdcore.sip.transaction.tables import SOURCE_PATH, Transaction
from acdcore.sip.transaction.timers import SipTimer


class SessionState(StrEnum):
    """Where a session stands."""

    INVITED = "invited"
    """UAS: INVITE came, not answered."""
    ANSWERED = "answered"
    """UAS: 2xx sent and repeated, ACK not seen."""
    DEPARTING = "departing"
    """UAS: hung up before the ACK; BYE must wait for it (section 15)."""
    CALLING = "calling"
    """UAC: INVITE sent, nothing heard."""
    PROCEEDING = "proceeding"
    """UAC: a provisional response came."""
    ABANDONED = "abandoned"
    """UAC: hung up before any response; CANCEL must wait for one (section 9.1)."""
    CANCELLING = "cancelling"
    """UAC: CANCEL sent."""
    CONFIRMED = "confirmed"
    """Either side: answered and acknowledged."""
    LEAVING = "leaving"
    """Either side: BYE sent, its answer not seen."""
    OVER = "over"
    """Nothing is left."""


class SessionInput(StrEnum):
    """What moves a session."""

    ANSWER = "answer"
    REFUSE = "refuse"
    HANG_UP = "hang up"
    PEER_CANCEL = "peer's CANCEL"
    PEER_BYE = "peer's BYE"
    ACK = "ACK"
    ACK_TIMEOUT = "ACK timeout"
    PROVISIONAL = "1xx"
    CHALLENGED = "401 or 407 that we can answer"
    SUCCESS = "2xx"
    FAILURE = "300-699"
    RING_LIMIT = "ring limit"
    CANCEL_TIMEOUT = "CANCEL timeout"
    UNANSWERED = "answer limit"
    EXPIRED = "session timer"
    GONE = "peer gone"
    FLOW_CLOSED = "flow closed"
    BYE_DONE = "BYE done"


class SessionAction(StrEnum):
    """What a row wants done."""

    SEND_ANSWER = "send the 2xx and repeat it"
    SEND_FAILURE = "send the final response given"
    SEND_INVITE = "send the INVITE once more with credentials"
    SEND_CANCEL = "send CANCEL"
    SEND_ACK = "acknowledge the 2xx"
    SEND_BYE = "send BYE"
    TELL_CONFIRMED = "tell SessionConfirmed"
    TELL_CANCELLED = "tell InviteCancelled"
    TELL_PROGRESS = "tell SessionProgress"
    TELL_ANSWERED = "tell SessionAnswered"
    TELL_REFUSED = "tell SessionRefused, once"
    TELL_GIVEN_UP = "tell SessionRefused 487, once"
    TELL_ENDED = "tell SessionEnded"


@dataclass(frozen=True, slots=True)
class SessionRow:
    """What follows from one input in one state."""

    state: SessionState
    """The next state."""
    actions: tuple[SessionAction, ...] = ()
    """To be done in this order."""


_S, _I, _A = SessionState, SessionInput, SessionAction
_END_WITH_BYE = SessionRow(_S.LEAVING, (_A.SEND_BYE, _A.TELL_ENDED))
_END = SessionRow(_S.OVER, (_A.TELL_ENDED,))
_LEAVE = SessionRow(_S.LEAVING, (_A.SEND_BYE,))
_GO = SessionRow(_S.OVER)

TABLE: Mapping[tuple[SessionState, SessionInput], SessionRow] = {
    # UAS (sections 13.3, 15.1.2).
    (_S.INVITED, _I.ANSWER): SessionRow(_S.ANSWERED, (_A.SEND_ANSWER,)),
    (_S.INVITED, _I.REFUSE): SessionRow(_S.OVER, (_A.SEND_FAILURE,)),
    (_S.INVITED, _I.HANG_UP): SessionRow(_S.OVER, (_A.SEND_FAILURE,)),
    (_S.INVITED, _I.PEER_CANCEL): SessionRow(_S.OVER, (_A.SEND_FAILURE, _A.TELL_CANCELLED)),
    (_S.INVITED, _I.PEER_BYE): SessionRow(_S.OVER, (_A.SEND_FAILURE, _A.TELL_ENDED)),
    (_S.INVITED, _I.UNANSWERED): SessionRow(_S.OVER, (_A.SEND_FAILURE, _A.TELL_ENDED)),
    (_S.INVITED, _I.FLOW_CLOSED): _END,
    (_S.ANSWERED, _I.ACK): SessionRow(_S.CONFIRMED, (_A.TELL_CONFIRMED,)),
    (_S.ANSWERED, _I.ACK_TIMEOUT): _END_WITH_BYE,
    (_S.ANSWERED, _I.HANG_UP): SessionRow(_S.DEPARTING),
    (_S.ANSWERED, _I.PEER_BYE): _END,
    (_S.DEPARTING, _I.ACK): _LEAVE,
    (_S.DEPARTING, _I.ACK_TIMEOUT): _LEAVE,
    (_S.DEPARTING, _I.PEER_BYE): _GO,
    # UAC (sections 9.1, 13.2). A failed transport arrives as FAILURE 503 of the INVITE's transaction.
    (_S.CALLING, _I.PROVISIONAL): SessionRow(_S.PROCEEDING, (_A.TELL_PROGRESS,)),
    (_S.CALLING, _I.SUCCESS): SessionRow(_S.CONFIRMED, (_A.SEND_ACK, _A.TELL_ANSWERED)),
    (_S.CALLING, _I.FAILURE): SessionRow(_S.OVER, (_A.TELL_REFUSED,)),
    (_S.CALLING, _I.HANG_UP): SessionRow(_S.ABANDONED),
    (_S.CALLING, _I.RING_LIMIT): SessionRow(_S.ABANDONED, (_A.TELL_REFUSED,)),
    # The INVITE is sent anew with credentials, and nothing was heard of that one.
    (_S.CALLING, _I.CHALLENGED): SessionRow(_S.CALLING, (_A.SEND_INVITE,)),
    (_S.PROCEEDING, _I.CHALLENGED): SessionRow(_S.CALLING, (_A.SEND_INVITE,)),
    (_S.PROCEEDING, _I.PROVISIONAL): SessionRow(_S.PROCEEDING, (_A.TELL_PROGRESS,)),
    (_S.PROCEEDING, _I.SUCCESS): SessionRow(_S.CONFIRMED, (_A.SEND_ACK, _A.TELL_ANSWERED)),
    (_S.PROCEEDING, _I.FAILURE): SessionRow(_S.OVER, (_A.TELL_REFUSED,)),
    (_S.PROCEEDING, _I.HANG_UP): SessionRow(_S.CANCELLING, (_A.SEND_CANCEL,)),
    # A phone must not end an early dialog by BYE (section 15), but one that does so will not answer any more.
    (_S.PROCEEDING, _I.PEER_BYE): SessionRow(_S.CANCELLING, (_A.SEND_CANCEL, _A.TELL_REFUSED)),
    (_S.PROCEEDING, _I.RING_LIMIT): SessionRow(_S.CANCELLING, (_A.SEND_CANCEL, _A.TELL_REFUSED)),
    (_S.ABANDONED, _I.PROVISIONAL): SessionRow(_S.CANCELLING, (_A.SEND_CANCEL,)),
    (_S.ABANDONED, _I.SUCCESS): SessionRow(_S.LEAVING, (_A.SEND_ACK, _A.SEND_BYE, _A.TELL_GIVEN_UP)),
    (_S.ABANDONED, _I.FAILURE): SessionRow(_S.OVER, (_A.TELL_REFUSED,)),
    (_S.CANCELLING, _I.SUCCESS): SessionRow(_S.LEAVING, (_A.SEND_ACK, _A.SEND_BYE, _A.TELL_GIVEN_UP)),
    (_S.CANCELLING, _I.FAILURE): SessionRow(_S.OVER, (_A.TELL_REFUSED,)),
    (_S.CANCELLING, _I.CANCEL_TIMEOUT): SessionRow(_S.OVER, (_A.TELL_GIVEN_UP,)),
    # Both (section 15).
    (_S.CONFIRMED, _I.HANG_UP): _LEAVE,
    (_S.CONFIRMED, _I.PEER_BYE): _END,
    (_S.CONFIRMED, _I.ACK): SessionRow(_S.CONFIRMED, (_A.TELL_CONFIRMED,)),
    (_S.CONFIRMED, _I.ACK_TIMEOUT): _END_WITH_BYE,
    (_S.CONFIRMED, _I.EXPIRED): _END_WITH_BYE,
    (_S.CONFIRMED, _I.GONE): _END_WITH_BYE,
    (_S.LEAVING, _I.BYE_DONE): _GO,
    # Not OVER: our own BYE is still to be answered, the peer's gets its 200 meanwhile.
    (_S.LEAVING, _I.PEER_BYE): SessionRow(_S.LEAVING),
}


TAKES_KEYS = frozenset({_S.INVITED, _S.ANSWERED, _S.CONFIRMED})
"""Where an INFO is for call control: not while a phone of theirs still rings, and not once call control has let go."""


class Fact(NamedTuple):
    """What came with an input: each action takes what it needs."""

    status: int = 0
    """The status received, or to be sent."""
    reason: str | None = None
    """Its reason phrase; None is the usual one."""
    response: Response | None = None
    """The response received."""
    request: Request | None = None
    """The request to be sent instead of the one that was challenged."""
    body: bytes = b""
    """The body received, or to be sent."""
    headers: Fields = ()
    """Fields to be sent."""
    cause: EndCause = EndCause.BYE
    """Why it ends."""


@dataclass(slots=True)
class Repeat:
    """A 2xx to an INVITE that is sent until its ACK comes (section 13.3.1.4)."""

    data: bytes
    """The response."""
    answered: Transaction
    """The INVITE or re-INVITE; its ACK carries its number, and the answer when it had no offer."""
    gap_s: float
    """The present gap between retransmissions."""


@dataclass(slots=True)
class InviteAttempt:
    """The UAC's side of a session until it is answered."""

    invite: OutgoingInvite
    """What call control asked for."""
    is_reported: bool = False
    """Whether call control already knows that it failed."""
    early: dict[str, int] = field(default_factory=dict)
    """The phones that sent provisional responses: tag -> CSeq of its latest request, -1 before the first."""
    answers: dict[str, bytes] = field(default_factory=dict)
    """The first session description that each of them sent before its 2xx: what counts where that has none."""


@dataclass(slots=True)
class Modification:
    """Changes of media that are under way (sections 14.1, 14.2); at most one in each direction."""

    ours: Transaction | None = None
    """Our re-INVITE without a final response."""
    body: bytes | None = None
    """The offer of our re-INVITE, also while it waits for its turn."""
    glares: int = 0
    """How often ours was refused with 491."""
    is_cancelled: bool = False
    """Whether ours was cancelled, because it got nothing but provisional responses."""
    is_refresh: bool = False
    """Whether ours only keeps the session up: nobody waits for its outcome."""
    theirs: Transaction | None = None
    """The peer's re-INVITE or UPDATE that waits for our answer."""


@dataclass(slots=True, eq=False)
class Session:
    """One session's memory."""

    id: SessionId
    """Its number."""
    state: SessionState
    """Where it stands."""
    flow: SipFlow
    """The way by which the INVITE, or the peer's latest re-INVITE, went or came."""
    transaction: Transaction
    """The first INVITE's transaction."""
    local_tag: str
    """Our tag."""
    dialog: Dialog | None = None
    """None until a UAC's INVITE is answered."""
    attempt: InviteAttempt | None = None
    """Only of a UAC."""
    path: DialogPath = SOURCE_PATH
    """What decides where its requests are sent."""
    credentials: DigestClient | None = None
    """What answers the peer's challenges, in any request of ours (section 22.2); None: nothing does."""
    repeat: Repeat | None = None
    """Our 2xx without an ACK."""
    modification: Modification = field(default_factory=Modification)
    """Changes of media under way."""
    farewell: Fields = ()
    """Fields of a BYE that has to wait (DEPARTING)."""
    timer: SessionInterval = NO_TIMER
    """Who refreshes the session, and how often (RFC 4028)."""
    allowed: tuple[str, ...] = ()
    """The methods that the peer allows, as its latest INVITE or 2xx says; empty when it does not say."""
    described: bytes = b""
    """The session description that we sent last: a re-INVITE with it changes nothing."""
    refresh: Transaction | None = None
    """Our UPDATE that has no final response."""
    watch: Watch | None = None
    """How the peer is asked whether it is still there, None while it is not."""
    question: Transaction | None = None
    """The OPTIONS that has no final response."""
    armed: set[SipTimer] = field(default_factory=set)
    """Its timers that are running."""

    @property
    def key(self) -> DialogKey:
        """How the peer's requests find it; the same in all its dialogs, early or confirmed."""
        return DialogKey(self.transaction.request.call_id, self.local_tag)

    def order(self, request: Request) -> Order:
        """Where a request of the peer stands in the sequence of its dialog, confirmed or early (section 12.2.2)."""
        number = request.cseq.number
        if self.dialog is not None:
            return self.dialog.order(number)
        early, tag = self._early, request.from_.tag or ""
        if number <= early.get(tag, -1):
            return Order.STALE
        early[tag] = number
        return Order.NEXT

    def is_rung_elsewhere(self, bye: Request) -> bool:
        """Whether a phone that ends its early dialog leaves others that still ring."""
        if self.dialog is not None:
            return False
        self._early.pop(bye.from_.tag or "", None)
        return bool(self._early)

    @property
    def _early(self) -> dict[str, int]:
        return self.attempt.early if self.attempt is not None else {}

    def move(self, stimulus: SessionInput) -> SessionRow | None:
        """Take one step in the table; None when the input has no effect in this state."""
        row = TABLE.get((self.state, stimulus))
        if row is not None:
            self.state = row.state
        return row
