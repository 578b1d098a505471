"""The four transactions of RFC 3261 section 17 with the Accepted state of RFC 6026, as tables.

Rules of the tables:

- A row is (state, stimulus) -> (next state, actions, timers to start). A stimulus is a message or a timer.
- Every state of a kind has a row for every message that can meet it; one that is of no use there is a DISCARD row, so
  a missing row is a bug of ours and raises KeyError.
- Leaving a state stops the timers that the next state has no row for; nobody stops a timer by hand.
- A timer whose duration is 0 (reliable transports) fires at once, one without a duration (A, E, G there) never.
- ACK of a 2xx is no transaction's business (section 17.1.1.3): ACCEPTED only passes it on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from acdcore.sip.events import DialogPath, Fields, SipFlow
from acdcore.sip.syntax.message import Headers, Request, Response
from acdcore.sip.transaction.timers import SipTimer

MAGIC_COOKIE = "z9hG4bK"
"""How a branch begins that is unique by RFC 3261 section 8.1.1.7."""
FORKS_MAX = 16
"""2xx of different phones to one INVITE that are acknowledged; more are a loop or an attack."""


class TransactionKind(StrEnum):
    """Which of the four machines."""

    INVITE_CLIENT = "invite client"
    CLIENT = "client"
    INVITE_SERVER = "invite server"
    SERVER = "server"


class TransactionState(StrEnum):
    """RFC 3261 figures 5 to 8, RFC 6026 section 7."""

    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    COMPLETED = "completed"
    ACCEPTED = "accepted"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


class TransactionInput(StrEnum):
    """A message that meets the transaction: a response received (client) or to be sent (server), or a request."""

    PROVISIONAL = "1xx"
    SUCCESS = "2xx"
    FAILURE = "300-699"
    REQUEST = "request"
    ACK = "ack"
    UNREACHABLE = "unreachable"


Stimulus: TypeAlias = TransactionInput | SipTimer


class TransactionAction(StrEnum):
    """What a row wants done."""

    SEND = "send"
    """Transmit the response given and keep it for retransmission."""
    RESEND = "resend"
    """Transmit once more what was sent last."""
    BACK_OFF = "back off"
    """Start the timer that just fired again, with twice its gap, at most T2 except for timer A."""
    ACKNOWLEDGE = "acknowledge"
    """Transmit the ACK of a failure (section 17.1.1.3)."""
    PASS_UP = "pass up"
    """Give the message to the transaction user."""
    TELL_TIMEOUT = "tell timeout"
    """Tell the user that nobody answers."""
    TELL_UNREACHABLE = "tell unreachable"
    """Tell the user that the transport failed."""
    DISCARD = "discard"
    """The message is of no use in this state."""


@dataclass(frozen=True, slots=True)
class TransactionRow:
    """What follows from one stimulus in one state."""

    state: TransactionState
    """The next state."""
    actions: tuple[TransactionAction, ...] = ()
    """To be carried out in this order."""
    start: tuple[SipTimer, ...] = ()
    """Timers to start from their first duration."""


Table: TypeAlias = Mapping[tuple[TransactionState, Stimulus], TransactionRow]

_CALLING, _TRYING, _PROCEEDING = TransactionState.CALLING, TransactionState.TRYING, TransactionState.PROCEEDING
_COMPLETED, _ACCEPTED, _CONFIRMED, _TERMINATED = (
    TransactionState.COMPLETED,
    TransactionState.ACCEPTED,
    TransactionState.CONFIRMED,
    TransactionState.TERMINATED,
)
_PASS, _DROP, _RESEND, _SEND = (
    (TransactionAction.PASS_UP,),
    (TransactionAction.DISCARD,),
    (TransactionAction.RESEND,),
    (TransactionAction.SEND,),
)
_AGAIN = (TransactionAction.RESEND, TransactionAction.BACK_OFF)
_TIMEOUT, _UNREACHABLE = (TransactionAction.TELL_TIMEOUT,), (TransactionAction.TELL_UNREACHABLE,)
_PASS_AND_ACK = (TransactionAction.ACKNOWLEDGE, TransactionAction.PASS_UP)

# Section 17.1.1.2 and RFC 6026 section 7.2; the request is sent and timers A and B start when it is made.
_INVITE_CLIENT: Table = {
    (_CALLING, SipTimer.A): TransactionRow(_CALLING, _AGAIN),
    (_CALLING, SipTimer.B): TransactionRow(_TERMINATED, _TIMEOUT),
    (_CALLING, TransactionInput.PROVISIONAL): TransactionRow(_PROCEEDING, _PASS),
    (_CALLING, TransactionInput.SUCCESS): TransactionRow(_ACCEPTED, _PASS, (SipTimer.M,)),
    (_CALLING, TransactionInput.FAILURE): TransactionRow(_COMPLETED, _PASS_AND_ACK, (SipTimer.D,)),
    (_CALLING, TransactionInput.UNREACHABLE): TransactionRow(_TERMINATED, _UNREACHABLE),
    (_PROCEEDING, TransactionInput.PROVISIONAL): TransactionRow(_PROCEEDING, _PASS),
    (_PROCEEDING, TransactionInput.SUCCESS): TransactionRow(_ACCEPTED, _PASS, (SipTimer.M,)),
    (_PROCEEDING, TransactionInput.FAILURE): TransactionRow(_COMPLETED, _PASS_AND_ACK, (SipTimer.D,)),
    (_PROCEEDING, TransactionInput.UNREACHABLE): TransactionRow(_TERMINATED, _UNREACHABLE),
    (_COMPLETED, TransactionInput.PROVISIONAL): TransactionRow(_COMPLETED, _DROP),
    (_COMPLETED, TransactionInput.SUCCESS): TransactionRow(_COMPLETED, _DROP),
    (_COMPLETED, TransactionInput.FAILURE): TransactionRow(_COMPLETED, (TransactionAction.ACKNOWLEDGE,)),
    (_COMPLETED, TransactionInput.UNREACHABLE): TransactionRow(_TERMINATED),
    (_COMPLETED, SipTimer.D): TransactionRow(_TERMINATED),
    (_ACCEPTED, TransactionInput.PROVISIONAL): TransactionRow(_ACCEPTED, _DROP),
    (_ACCEPTED, TransactionInput.SUCCESS): TransactionRow(_ACCEPTED, _PASS),
    (_ACCEPTED, TransactionInput.FAILURE): TransactionRow(_ACCEPTED, _DROP),
    (_ACCEPTED, TransactionInput.UNREACHABLE): TransactionRow(_TERMINATED),
    (_ACCEPTED, SipTimer.M): TransactionRow(_TERMINATED),
}

# Section 17.1.2.2; the request is sent and timers E and F start when it is made.
_CLIENT: Table = {
    (_TRYING, SipTimer.E): TransactionRow(_TRYING, _AGAIN),
    (_TRYING, SipTimer.F): TransactionRow(_TERMINATED, _TIMEOUT),
    (_TRYING, TransactionInput.PROVISIONAL): TransactionRow(_PROCEEDING, _PASS),
    (_TRYING, TransactionInput.SUCCESS): TransactionRow(_COMPLETED, _PASS, (SipTimer.K,)),
    (_TRYING, TransactionInput.FAILURE): TransactionRow(_COMPLETED, _PASS, (SipTimer.K,)),
    (_TRYING, TransactionInput.UNREACHABLE): TransactionRow(_TERMINATED, _UNREACHABLE),
    (_PROCEEDING, SipTimer.E): TransactionRow(_PROCEEDING, _AGAIN),
    (_PROCEEDING, SipTimer.F): TransactionRow(_TERMINATED, _TIMEOUT),
    (_PROCEEDING, TransactionInput.PROVISIONAL): TransactionRow(_PROCEEDING, _PASS),
    (_PROCEEDING, TransactionInput.SUCCESS): TransactionRow(_COMPLETED, _PASS, (SipTimer.K,)),
    (_PROCEEDING, TransactionInput.FAILURE): TransactionRow(_COMPLETED, _PASS, (SipTimer.K,)),
    (_PROCEEDING, TransactionInput.UNREACHABLE): TransactionRow(_TERMINATED, _UNREACHABLE),
    (_COMPLETED, TransactionInput.PROVISIONAL): TransactionRow(_COMPLETED, _DROP),
    (_COMPLETED, TransactionInput.SUCCESS): TransactionRow(_COMPLETED, _DROP),
    (_COMPLETED, TransactionInput.FAILURE): TransactionRow(_COMPLETED, _DROP),
    (_COMPLETED, TransactionInput.UNREACHABLE): TransactionRow(_TERMINATED),
    (_COMPLETED, SipTimer.K): TransactionRow(_TERMINATED),
}

# Section 17.2.1 and RFC 6026 section 7.1; 100 is sent when it is made.
_INVITE_SERVER: Table = {
    (_PROCEEDING, TransactionInput.REQUEST): TransactionRow(_PROCEEDING, _RESEND),
    (_PROCEEDING, TransactionInput.ACK): TransactionRow(_PROCEEDING, _DROP),
    (_PROCEEDING, TransactionInput.PROVISIONAL): TransactionRow(_PROCEEDING, _SEND),
    (_PROCEEDING, TransactionInput.SUCCESS): TransactionRow(_ACCEPTED, _SEND, (SipTimer.L,)),
    (_PROCEEDING, TransactionInput.FAILURE): TransactionRow(_COMPLETED, _SEND, (SipTimer.G, SipTimer.H)),
    (_PROCEEDING, TransactionInput.UNREACHABLE): TransactionRow(_TERMINATED, _UNREACHABLE),
    (_COMPLETED, TransactionInput.REQUEST): TransactionRow(_COMPLETED, _RESEND),
    (_COMPLETED, TransactionInput.ACK): TransactionRow(_CONFIRMED, (), (SipTimer.I,)),
    (_COMPLETED, TransactionInput.PROVISIONAL): TransactionRow(_COMPLETED, _DROP),
    (_COMPLETED, TransactionInput.SUCCESS): TransactionRow(_COMPLETED, _DROP),
    (_COMPLETED, TransactionInput.FAILURE): TransactionRow(_COMPLETED, _DROP),
    (_COMPLETED, TransactionInput.UNREACHABLE): TransactionRow(_TERMINATED),
    (_COMPLETED, SipTimer.G): TransactionRow(_COMPLETED, _AGAIN),
    # The user has already ended the session by its failure, so there is nothing to tell.
    (_COMPLETED, SipTimer.H): TransactionRow(_TERMINATED),
    (_CONFIRMED, TransactionInput.REQUEST): TransactionRow(_CONFIRMED, _DROP),
    (_CONFIRMED, TransactionInput.ACK): TransactionRow(_CONFIRMED, _DROP),
    (_CONFIRMED, TransactionInput.PROVISIONAL): TransactionRow(_CONFIRMED, _DROP),
    (_CONFIRMED, TransactionInput.SUCCESS): TransactionRow(_CONFIRMED, _DROP),
    (_CONFIRMED, TransactionInput.FAILURE): TransactionRow(_CONFIRMED, _DROP),
    (_CONFIRMED, TransactionInput.UNREACHABLE): TransactionRow(_TERMINATED),
    (_CONFIRMED, SipTimer.I): TransactionRow(_TERMINATED),
    # The user repeats the 2xx by its own timer, hence a retransmitted INVITE is only absorbed.
    (_ACCEPTED, TransactionInput.REQUEST): TransactionRow(_ACCEPTED, _DROP),
    (_ACCEPTED, TransactionInput.ACK): TransactionRow(_ACCEPTED, _PASS),
    (_ACCEPTED, TransactionInput.PROVISIONAL): TransactionRow(_ACCEPTED, _DROP),
    (_ACCEPTED, TransactionInput.SUCCESS): TransactionRow(_ACCEPTED, _SEND),
    (_ACCEPTED, TransactionInput.FAILURE): TransactionRow(_ACCEPTED, _DROP),
    (_ACCEPTED, TransactionInput.UNREACHABLE): TransactionRow(_TERMINATED),
    (_ACCEPTED, SipTimer.L): TransactionRow(_TERMINATED),
}

# Section 17.2.2.
_SERVER: Table = {
    (_TRYING, TransactionInput.REQUEST): TransactionRow(_TRYING, _DROP),
    (_TRYING, TransactionInput.PROVISIONAL): TransactionRow(_PROCEEDING, _SEND),
    (_TRYING, TransactionInput.SUCCESS): TransactionRow(_COMPLETED, _SEND, (SipTimer.J,)),
    (_TRYING, TransactionInput.FAILURE): TransactionRow(_COMPLETED, _SEND, (SipTimer.J,)),
    (_TRYING, TransactionInput.UNREACHABLE): TransactionRow(_TERMINATED, _UNREACHABLE),
    (_PROCEEDING, TransactionInput.REQUEST): TransactionRow(_PROCEEDING, _RESEND),
    (_PROCEEDING, TransactionInput.PROVISIONAL): TransactionRow(_PROCEEDING, _SEND),
    (_PROCEEDING, TransactionInput.SUCCESS): TransactionRow(_COMPLETED, _SEND, (SipTimer.J,)),
    (_PROCEEDING, TransactionInput.FAILURE): TransactionRow(_COMPLETED, _SEND, (SipTimer.J,)),
    (_PROCEEDING, TransactionInput.UNREACHABLE): TransactionRow(_TERMINATED, _UNREACHABLE),
    (_COMPLETED, TransactionInput.REQUEST): TransactionRow(_COMPLETED, _RESEND),
    (_COMPLETED, TransactionInput.PROVISIONAL): TransactionRow(_COMPLETED, _DROP),
    (_COMPLETED, TransactionInput.SUCCESS): TransactionRow(_COMPLETED, _DROP),
    (_COMPLETED, TransactionInput.FAILURE): TransactionRow(_COMPLETED, _DROP),
    (_COMPLETED, TransactionInput.UNREACHABLE): TransactionRow(_TERMINATED),
    (_COMPLETED, SipTimer.J): TransactionRow(_TERMINATED),
}

TABLES: Mapping[TransactionKind, Table] = {
    TransactionKind.INVITE_CLIENT: _INVITE_CLIENT,
    TransactionKind.CLIENT: _CLIENT,
    TransactionKind.INVITE_SERVER: _INVITE_SERVER,
    TransactionKind.SERVER: _SERVER,
}

FIRST: Mapping[TransactionKind, TransactionRow] = {
    TransactionKind.INVITE_CLIENT: TransactionRow(_CALLING, _SEND, (SipTimer.A, SipTimer.B)),
    TransactionKind.CLIENT: TransactionRow(_TRYING, _SEND, (SipTimer.E, SipTimer.F)),
    TransactionKind.INVITE_SERVER: TransactionRow(_PROCEEDING),
    TransactionKind.SERVER: TransactionRow(_TRYING),
}
"""How each machine begins."""


def _stopped(table: Table, before: TransactionState, after: TransactionState) -> tuple[SipTimer, ...]:
    """Timers that have a row in the one state and none in the other."""
    here = [stimulus for state, stimulus in table if state is before and isinstance(stimulus, SipTimer)]
    return tuple([timer for timer in here if (after, timer) not in table])


STOPPED: Mapping[tuple[TransactionKind, TransactionState, TransactionState], tuple[SipTimer, ...]] = {
    (kind, before, after): _stopped(table, before, after)
    for kind, table in TABLES.items()
    for before in TransactionState
    for after in TransactionState
}
"""The timers to stop when a machine goes from one state to another."""


class Purpose(StrEnum):
    """Why a transaction exists: who receives its outcome."""

    INVITE = "invite"
    """A session's first INVITE."""
    MODIFY = "modify"
    """A re-INVITE or UPDATE within a session."""
    BYE = "bye"
    """The end of a session."""
    QUESTION = "question"
    """An OPTIONS within a session: is the peer still there?"""
    REFRESH = "refresh"
    """An UPDATE within a session that keeps it up."""
    OUT_OF_DIALOG = "out_of_dialog"
    """A request outside of dialogs."""
    NOTHING = "nothing"
    """Nobody waits for the outcome: CANCEL, the BYE of a fork, a reply given at once."""


class Owner(NamedTuple):
    """The transaction user."""

    purpose: Purpose
    """Why."""
    number: int
    """The session's or request's number; 0 when nobody waits."""


NOBODY = Owner(Purpose.NOTHING, 0)

ServerKey: TypeAlias = tuple[str, str, str]
"""(branch, sent-by, method), section 17.2.3; for RFC 2543 peers the first two are put together from other headers."""
ClientKey: TypeAlias = tuple[str, str]
"""(branch, method), section 17.1.3."""


SOURCE_PATH = DialogPath()
"""Back along the way by which the dialog came."""


@dataclass(slots=True, eq=False)
class Transaction:
    """One transaction's memory; `step` is its table."""

    number: int
    """Serial number, the owner of its timers."""
    kind: TransactionKind
    """Which table."""
    key: ServerKey | ClientKey
    """How messages find it."""
    flow: SipFlow
    """Where it sends to."""
    request: Request
    """The request; a server replies to it, a client makes the ACK and CANCEL from it."""
    owner: Owner
    """Who receives the outcome."""
    state: TransactionState
    """Where it stands."""
    last: bytes = b""
    """What RESEND sends: the request of a client, the latest response of a server."""
    gap_s: float = 0.0
    """The present gap of timer A, E or G."""
    to_tag: str = ""
    """Server: the tag of all our responses to this request (section 8.2.6.2)."""
    tries: int = 0
    """Client: how often this request has been sent with credentials."""
    acks: dict[str, bytes] = field(default_factory=dict)
    """INVITE client: the ACK for each To tag that answered, at most FORKS_MAX, to be repeated with the 2xx."""
    ack_flows: dict[str, SipFlow] = field(default_factory=dict)
    """INVITE client: where the ACK of a 2xx goes, for each of these tags."""
    path: DialogPath = SOURCE_PATH
    """INVITE client: how the dialogs that it makes find the peer."""

    @property
    def outlives_its_flow(self) -> bool:
        """Whether a closed connection means nothing yet: a server answers on another one (section 18.2.2)."""
        return self.path.is_found_anew and self.state in (TransactionState.PROCEEDING, TransactionState.ACCEPTED)

    @property
    def is_server(self) -> bool:
        """Whether the peer sent the request."""
        return self.kind in (TransactionKind.INVITE_SERVER, TransactionKind.SERVER)

    def step(self, stimulus: Stimulus) -> TransactionRow:
        """Move to the next state; the row says what else is to be done. KeyError is a bug of ours."""
        row = TABLES[self.kind][self.state, stimulus]
        self.state = row.state
        return row


def status_input(status: int) -> TransactionInput:
    """What a response is to the tables."""
    if status < 200:
        return TransactionInput.PROVISIONAL
    return TransactionInput.SUCCESS if status < 300 else TransactionInput.FAILURE


def server_key(request: Request, method: str) -> ServerKey:
    """The key under which `request`, taken as `method` (ACK and CANCEL look for INVITE), is found; section 17.2.3."""
    via = request.via
    branch = via.branch
    if branch is not None and branch.startswith(MAGIC_COOKIE):
        return branch, via.sent_by, method
    # RFC 2543 peers: Call-ID, From tag, CSeq number and the topmost Via tell transactions apart.
    return f"{request.call_id} {request.from_.tag} {request.cseq.number}", str(via), method


def failure_ack(request: Request, response: Response) -> Request:
    """The ACK of a failure, hop by hop: the INVITE's Via, Request-URI and Route, the response's To (17.1.1.3)."""
    return _like(request, "ACK", response.headers.get("To") or "")


def cancel_of(request: Request, why: Fields = ()) -> Request:
    """The CANCEL of a pending INVITE (section 9.1), with a Reason where there is one (RFC 3326)."""
    return _like(request, "CANCEL", request.headers.get("To") or "", why)


def _like(request: Request, method: str, to: str, more: Fields = ()) -> Request:
    kept = [entry for entry in request.headers if entry[0] in ("Via", "Route", "From", "Call-ID")]
    fields = [
        *kept,
        ("To", to),
        ("CSeq", f"{request.cseq.number} {method}"),
        ("Max-Forwards", "70"),
        *more,
    ]
    return Request(method, request.uri, Headers.from_canonical(fields))
