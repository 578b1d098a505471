"""What moves a work item from state to state.

    from      due     accepted  barred   let_go   put_back  missed   exhausted  talked  heard  settled  expired
    WAITING   QUEUED  -         -        -        -         -        -          -       -      MERGED   GIVEN_UP
    QUEUED    -       IN_HAND   WAITING  WAITING  -         -        -          -       -      MERGED   GIVEN_UP
    IN_HAND   -       -         -        -        WAITING   WAITING  GIVEN_UP   DONE    DONE   MERGED   -

Staff may close (DONE) or cancel (CANCELLED) in any of the three; what is in hand when they talk stays in hand.
"""

from collections.abc import Mapping
from enum import StrEnum

from acdcore.work.model import WorkState


class Event(StrEnum):
    """What moves an item from state to state."""

    DUE = "due"
    """Its time has come and nothing bars it."""
    ACCEPTED = "accepted"
    """An agent took it."""
    BARRED = "barred"
    """Its queue closed, another item for the customer is in hand, or the customer calls."""
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
    SETTLED = "settled"
    """The customer got through."""
    EXPIRED = "expired"
    """It is too old."""
    CONNECTED = "connected"
    """Agent and customer begin to talk."""
    CLOSED = "closed"
    """Somebody says that it is done."""
    CANCELLED = "cancelled"
    """Somebody takes it out."""


TRANSITIONS: Mapping[tuple[WorkState, Event], WorkState] = {
    (WorkState.WAITING, Event.DUE): WorkState.QUEUED,
    (WorkState.WAITING, Event.SETTLED): WorkState.MERGED,
    (WorkState.WAITING, Event.EXPIRED): WorkState.GIVEN_UP,
    (WorkState.WAITING, Event.CLOSED): WorkState.DONE,
    (WorkState.WAITING, Event.CANCELLED): WorkState.CANCELLED,
    (WorkState.QUEUED, Event.ACCEPTED): WorkState.IN_HAND,
    (WorkState.QUEUED, Event.BARRED): WorkState.WAITING,
    (WorkState.QUEUED, Event.LET_GO): WorkState.WAITING,
    (WorkState.QUEUED, Event.SETTLED): WorkState.MERGED,
    (WorkState.QUEUED, Event.EXPIRED): WorkState.GIVEN_UP,
    (WorkState.QUEUED, Event.CLOSED): WorkState.DONE,
    (WorkState.QUEUED, Event.CANCELLED): WorkState.CANCELLED,
    (WorkState.IN_HAND, Event.CONNECTED): WorkState.IN_HAND,
    (WorkState.IN_HAND, Event.PUT_BACK): WorkState.WAITING,
    (WorkState.IN_HAND, Event.MISSED): WorkState.WAITING,
    (WorkState.IN_HAND, Event.EXHAUSTED): WorkState.GIVEN_UP,
    (WorkState.IN_HAND, Event.TALKED): WorkState.DONE,
    (WorkState.IN_HAND, Event.HEARD): WorkState.DONE,
    (WorkState.IN_HAND, Event.SETTLED): WorkState.MERGED,
    (WorkState.IN_HAND, Event.CLOSED): WorkState.DONE,
    (WorkState.IN_HAND, Event.CANCELLED): WorkState.CANCELLED,
}
"""Anything else does not fit and is rejected."""

KNOWN_TO_QUEUE = frozenset({Event.ACCEPTED, Event.LET_GO})
"""The queue itself did this and need not be told to take the item out."""
