"""What moves a work item from state to state.

    from        due    accepted    barred  let_go  put_back missed  exhausted talked heard through expired
    WAITING     QUEUED -           -       -       -        -       -         -      -     MERGED  GIVEN_UP
    QUEUED      -      IN_PROGRESS WAITING WAITING -        -       -         -      -     MERGED  GIVEN_UP
    IN_PROGRESS -      -           -       -       WAITING  WAITING GIVEN_UP  DONE   DONE  MERGED  -

Staff may close (DONE) or cancel (CANCELLED) in any of the three; what is in progress when they talk stays in progress.
"""

from collections.abc import Mapping
from enum import StrEnum

from acdcore.work.model import WorkState


class WorkEvent(StrEnum):
    """What moves an item from state to state."""

    DUE = "due"
    """Its time has come and nothing bars it."""
    ACCEPTED = "accepted"
    """An agent took it."""
    BARRED = "barred"
    """Its queue closed, another item for the customer is in progress, or the customer calls."""
    LET_GO = "let_go"
    """The queue let it go."""
    PUT_BACK = "put_back"
    """The attempt was broken off on our side."""
    MISSED = "missed"
    """The customer was not reached, and is to be tried again."""
    EXHAUSTED = "exhausted"
    """The customer was not reached, for the last time."""
    TALKED = "talked"
    """Agent and customer talked."""
    HEARD = "heard"
    """The message was heard, and no reply is wanted."""
    GOT_THROUGH = "got_through"
    """The customer got through."""
    EXPIRED = "expired"
    """It is too old."""
    CONNECTED = "connected"
    """Agent and customer begin to talk."""
    CLOSED = "closed"
    """Somebody says that it is done."""
    CANCELLED = "cancelled"
    """Somebody takes it out."""


TRANSITIONS: Mapping[tuple[WorkState, WorkEvent], WorkState] = {
    (WorkState.WAITING, WorkEvent.DUE): WorkState.QUEUED,
    (WorkState.WAITING, WorkEvent.GOT_THROUGH): WorkState.MERGED,
    (WorkState.WAITING, WorkEvent.EXPIRED): WorkState.GIVEN_UP,
    (WorkState.WAITING, WorkEvent.CLOSED): WorkState.DONE,
    (WorkState.WAITING, WorkEvent.CANCELLED): WorkState.CANCELLED,
    (WorkState.QUEUED, WorkEvent.ACCEPTED): WorkState.IN_PROGRESS,
    (WorkState.QUEUED, WorkEvent.BARRED): WorkState.WAITING,
    (WorkState.QUEUED, WorkEvent.LET_GO): WorkState.WAITING,
    (WorkState.QUEUED, WorkEvent.GOT_THROUGH): WorkState.MERGED,
    (WorkState.QUEUED, WorkEvent.EXPIRED): WorkState.GIVEN_UP,
    (WorkState.QUEUED, WorkEvent.CLOSED): WorkState.DONE,
    (WorkState.QUEUED, WorkEvent.CANCELLED): WorkState.CANCELLED,
    (WorkState.IN_PROGRESS, WorkEvent.CONNECTED): WorkState.IN_PROGRESS,
    (WorkState.IN_PROGRESS, WorkEvent.PUT_BACK): WorkState.WAITING,
    (WorkState.IN_PROGRESS, WorkEvent.MISSED): WorkState.WAITING,
    (WorkState.IN_PROGRESS, WorkEvent.EXHAUSTED): WorkState.GIVEN_UP,
    (WorkState.IN_PROGRESS, WorkEvent.TALKED): WorkState.DONE,
    (WorkState.IN_PROGRESS, WorkEvent.HEARD): WorkState.DONE,
    (WorkState.IN_PROGRESS, WorkEvent.GOT_THROUGH): WorkState.MERGED,
    (WorkState.IN_PROGRESS, WorkEvent.CLOSED): WorkState.DONE,
    (WorkState.IN_PROGRESS, WorkEvent.CANCELLED): WorkState.CANCELLED,
}
"""Anything else does not fit and is rejected."""

KNOWN_TO_QUEUE = frozenset({WorkEvent.ACCEPTED, WorkEvent.LET_GO})
"""The queue itself did this and has taken the item out already."""
