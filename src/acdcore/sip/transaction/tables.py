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

from acdcore.sip.events import DialogPath, Fields, Flow
from acdcore.sip.syntax.message import Headers, Request, Response
from acdcore.sip.transaction.timers import Timer

MAGIC_COOKIE = "z9hG4bK"
"""How a branch begins that is unique by RFC 3261 section 8.1.1.7."""
FORKS_MAX = 16
"""2xx of different phones to one INVITE that are acknowledged; more are a loop or an attack."""


class Kind(StrEnum):
    """Which of the four machines."""

    INVITE_CLIENT = "invite client"
    CLIENT = "client"
    INVITE_SERVER = "invite server"
    SERVER = "server"


class State(StrEnum):
    """RFC 3261 figures 5 to 8, RFC 6026 section 7."""

    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    COMPLETED = "completed"
    ACCEPTED = "accepted"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


class Input(StrEnum):
    """A message that meets the transaction: a response received (client) or to be sent (server), or a request."""

    PROVISIONAL = "1xx"
    SUCCESS = "2xx"
    FAILURE = "300-699"
    REQUEST = "request"
    ACK = "ack"
    UNREACHABLE = "unreachable"


Stimulus: TypeAlias = Input | Timer


class Action(StrEnum):
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
class Row:
    """What follows from one stimulus in one state."""

    state: State
    """The next state."""
    actions: tuple[Action, ...] = ()
    """To be carried out in this order."""
    start: tuple[Timer, ...] = ()
    """Timers to start from their first duration."""


Table: TypeAlias = Mapping[tuple[State, Stimulus], Row]

_CALLING, _TRYING, _PROCEEDING = State.CALLING, State.TRYING, State.PROCEEDING
_COMPLETED, _ACCEPTED, _CONFIRMED, _TERMINATED = State.COMPLETED, State.ACCEPTED, State.CONFIRMED, State.TERMINATED
_PASS, _DROP, _RESEND, _SEND = (Action.PASS_UP,), (Action.DISCARD,), (Action.RESEND,), (Action.SEND,)
_AGAIN = (Action.RESEND, Action.BACK_OFF)
_TIMEOUT, _UNREACHABLE = (Action.TELL_TIMEOUT,), (Action.TELL_UNREACHABLE,)
_PASS_AND_ACK = (Action.ACKNOWLEDGE, Action.PASS_UP)

# Section 17.1.1.2 and RFC 6026 section 7.2; the request is sent and timers A and B start when it is made.
_INVITE_CLIENT: Table = {
    (_CALLING, Timer.A): Row(_CALLING, _AGAIN),
    (_CALLING, Timer.B): Row(_TERMINATED, _TIMEOUT),
    (_CALLING, Input.PROVISIONAL): Row(_PROCEEDING, _PASS),
    (_CALLING, Input.SUCCESS): Row(_ACCEPTED, _PASS, (Timer.M,)),
    (_CALLING, Input.FAILURE): Row(_COMPLETED, _PASS_AND_ACK, (Timer.D,)),
    (_CALLING, Input.UNREACHABLE): Row(_TERMINATED, _UNREACHABLE),
    (_PROCEEDING, Input.PROVISIONAL): Row(_PROCEEDING, _PASS),
    (_PROCEEDING, Input.SUCCESS): Row(_ACCEPTED, _PASS, (Timer.M,)),
    (_PROCEEDING, Input.FAILURE): Row(_COMPLETED, _PASS_AND_ACK, (Timer.D,)),
    (_PROCEEDING, Input.UNREACHABLE): Row(_TERMINATED, _UNREACHABLE),
    (_COMPLETED, Input.PROVISIONAL): Row(_COMPLETED, _DROP),
    (_COMPLETED, Input.SUCCESS): Row(_COMPLETED, _DROP),
    (_COMPLETED, Input.FAILURE): Row(_COMPLETED, (Action.ACKNOWLEDGE,)),
    (_COMPLETED, Input.UNREACHABLE): Row(_TERMINATED),
    (_COMPLETED, Timer.D): Row(_TERMINATED),
    (_ACCEPTED, Input.PROVISIONAL): Row(_ACCEPTED, _DROP),
    (_ACCEPTED, Input.SUCCESS): Row(_ACCEPTED, _PASS),
    (_ACCEPTED, Input.FAILURE): Row(_ACCEPTED, _DROP),
    (_ACCEPTED, Input.UNREACHABLE): Row(_TERMINATED),
    (_ACCEPTED, Timer.M): Row(_TERMINATED),
}

# Section 17.1.2.2; the request is sent and timers E and F start when it is made.
_CLIENT: Table = {
    (_TRYING, Timer.E): Row(_TRYING, _AGAIN),
    (_TRYING, Timer.F): Row(_TERMINATED, _TIMEOUT),
    (_TRYING, Input.PROVISIONAL): Row(_PROCEEDING, _PASS),
    (_TRYING, Input.SUCCESS): Row(_COMPLETED, _PASS, (Timer.K,)),
    (_TRYING, Input.FAILURE): Row(_COMPLETED, _PASS, (Timer.K,)),
    (_TRYING, Input.UNREACHABLE): Row(_TERMINATED, _UNREACHABLE),
    (_PROCEEDING, Timer.E): Row(_PROCEEDING, _AGAIN),
    (_PROCEEDING, Timer.F): Row(_TERMINATED, _TIMEOUT),
    (_PROCEEDING, Input.PROVISIONAL): Row(_PROCEEDING, _PASS),
    (_PROCEEDING, Input.SUCCESS): Row(_COMPLETED, _PASS, (Timer.K,)),
    (_PROCEEDING, Input.FAILURE): Row(_COMPLETED, _PASS, (Timer.K,)),
    (_PROCEEDING, Input.UNREACHABLE): Row(_TERMINATED, _UNREACHABLE),
    (_COMPLETED, Input.PROVISIONAL): Row(_COMPLETED, _DROP),
    (_COMPLETED, Input.SUCCESS): Row(_COMPLETED, _DROP),
    (_COMPLETED, Input.FAILURE): Row(_COMPLETED, _DROP),
    (_COMPLETED, Input.UNREACHABLE): Row(_TERMINATED),
    (_COMPLETED, Timer.K): Row(_TERMINATED),
}

# Section 17.2.1 and RFC 6026 section 7.1; 100 is sent when it is made.
_INVITE_SERVER: Table = {
    (_PROCEEDING, Input.REQUEST): Row(_PROCEEDING, _RESEND),
    (_PROCEEDING, Input.ACK): Row(_PROCEEDING, _DROP),
    (_PROCEEDING, Input.PROVISIONAL): Row(_PROCEEDING, _SEND),
    (_PROCEEDING, Input.SUCCESS): Row(_ACCEPTED, _SEND, (Timer.L,)),
    (_PROCEEDING, Input.FAILURE): Row(_COMPLETED, _SEND, (Timer.G, Timer.H)),
    (_PROCEEDING, Input.UNREACHABLE): Row(_TERMINATED, _UNREACHABLE),
    (_COMPLETED, Input.REQUEST): Row(_COMPLETED, _RESEND),
    (_COMPLETED, Input.ACK): Row(_CONFIRMED, (), (Timer.I,)),
    (_COMPLETED, Input.PROVISIONAL): Row(_COMPLETED, _DROP),
    (_COMPLETED, Input.SUCCESS): Row(_COMPLETED, _DROP),
    (_COMPLETED, Input.FAILURE): Row(_COMPLETED, _DROP),
    (_COMPLETED, Input.UNREACHABLE): Row(_TERMINATED),
    (_COMPLETED, Timer.G): Row(_COMPLETED, _AGAIN),
    # The user has already ended the session by its failure, so there is nothing to tell.
    (_COMPLETED, Timer.H): Row(_TERMINATED),
    (_CONFIRMED, Input.REQUEST): Row(_CONFIRMED, _DROP),
    (_CONFIRMED, Input.ACK): Row(_CONFIRMED, _DROP),
    (_CONFIRMED, Input.PROVISIONAL): Row(_CONFIRMED, _DROP),
    (_CONFIRMED, Input.SUCCESS): Row(_CONFIRMED, _DROP),
    (_CONFIRMED, Input.FAILURE): Row(_CONFIRMED, _DROP),
    (_CONFIRMED, Input.UNREACHABLE): Row(_TERMINATED),
    (_CONFIRMED, Timer.I): Row(_TERMINATED),
    # The user repeats the 2xx by its own timer, hence a retransmitted INVITE is only absorbed.
    (_ACCEPTED, Input.REQUEST): Row(_ACCEPTED, _DROP),
    (_ACCEPTED, Input.ACK): Row(_ACCEPTED, _PASS),
    (_ACCEPTED, Input.PROVISIONAL): Row(_ACCEPTED, _DROP),
    (_ACCEPTED, Input.SUCCESS): Row(_ACCEPTED, _SEND),
    (_ACCEPTED, Input.FAILURE): Row(_ACCEPTED, _DROP),
    (_ACCEPTED, Input.UNREACHABLE): Row(_TERMINATED),
    (_ACCEPTED, Timer.L): Row(_TERMINATED),
}

# Section 17.2.2.
_SERVER: Table = {
    (_TRYING, Input.REQUEST): Row(_TRYING, _DROP),
    (_TRYING, Input.PROVISIONAL): Row(_PROCEEDING, _SEND),
    (_TRYING, Input.SUCCESS): Row(_COMPLETED, _SEND, (Timer.J,)),
    (_TRYING, Input.FAILURE): Row(_COMPLETED, _SEND, (Timer.J,)),
    (_TRYING, Input.UNREACHABLE): Row(_TERMINATED, _UNREACHABLE),
    (_PROCEEDING, Input.REQUEST): Row(_PROCEEDING, _RESEND),
    (_PROCEEDING, Input.PROVISIONAL): Row(_PROCEEDING, _SEND),
    (_PROCEEDING, Input.SUCCESS): Row(_COMPLETED, _SEND, (Timer.J,)),
    (_PROCEEDING, Input.FAILURE): Row(_COMPLETED, _SEND, (Timer.J,)),
    (_PROCEEDING, Input.UNREACHABLE): Row(_TERMINATED, _UNREACHABLE),
    (_COMPLETED, Input.REQUEST): Row(_COMPLETED, _RESEND),
    (_COMPLETED, Input.PROVISIONAL): Row(_COMPLETED, _DROP),
    (_COMPLETED, Input.SUCCESS): Row(_COMPLETED, _DROP),
    (_COMPLETED, Input.FAILURE): Row(_COMPLETED, _DROP),
    (_COMPLETED, Input.UNREACHABLE): Row(_TERMINATED),
    (_COMPLETED, Timer.J): Row(_TERMINATED),
}

TABLES: Mapping[Kind, Table] = {
    Kind.INVITE_CLIENT: _INVITE_CLIENT,
    Kind.CLIENT: _CLIENT,
    Kind.INVITE_SERVER: _INVITE_SERVER,
    Kind.SERVER: _SERVER,
}

FIRST: Mapping[Kind, Row] = {
    Kind.INVITE_CLIENT: Row(_CALLING, _SEND, (Timer.A, Timer.B)),
    Kind.CLIENT: Row(_TRYING, _SEND, (Timer.E, Timer.F)),
    Kind.INVITE_SERVER: Row(_PROCEEDING),
    Kind.SERVER: Row(_TRYING),
}
"""How each machine begins."""


def _stopped(table: Table, before: State, after: State) -> tuple[Timer, ...]:
    """Timers that have a row in the one state and none in the other."""
    here = [stimulus for state, stimulus in table if state is before and isinstance(stimulus, Timer)]
    return tuple([timer for timer in here if (after, timer) not in table])


STOPPED: Mapping[tuple[Kind, State, State], tuple[Timer, ...]] = {
    (kind, before, after): _stopped(table, before, after)
    for kind, table in TABLES.items()
    for before in State
    for after in State
}
"""The timers to stop when a machine goes from one state to another."""


class Purpose(StrEnum):
    """Why a transaction exists: who is told of it."""

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
    OUTSIDE = "outside"
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
    kind: Kind
    """Which table."""
    key: ServerKey | ClientKey
    """How messages find it."""
    flow: Flow
    """Where it sends to."""
    request: Request
    """The request; a server replies to it, a client makes the ACK and CANCEL from it."""
    owner: Owner
    """Who is told."""
    state: State
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
    ways: dict[str, Flow] = field(default_factory=dict)
    """INVITE client: where the ACK of a 2xx goes, for each of these tags."""
    path: DialogPath = SOURCE_PATH
    """INVITE client: how the dialogs that it makes find the peer."""

    @property
    def outlives_its_flow(self) -> bool:
        """Whether a closed connection means nothing yet: a server answers on another one (section 18.2.2)."""
        return self.path.is_found_anew and self.state in (State.PROCEEDING, State.ACCEPTED)

    @property
    def is_server(self) -> bool:
        """Whether the peer sent the request."""
        return self.kind in (Kind.INVITE_SERVER, Kind.SERVER)

    def step(self, stimulus: Stimulus) -> Row:
        """Move to the next state; the row says what else is to be done. KeyError is a bug of ours."""
        row = TABLES[self.kind][self.state, stimulus]
        self.state = row.state
        return row


def status_input(status: int) -> Input:
    """What a response is to the tables."""
    if status < 200:
        return Input.PROVISIONAL
    return Input.SUCCESS if status < 300 else Input.FAILURE


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
