"""First-call resolution: whether a caller had to call again after the first answered call.

A first call is an answered call with no answered call of the same caller in the window before it. It is repeated when
the caller calls again in the window after it, answered or not.
"""

import math
from collections.abc import Iterator, Sequence

from acdcore.kernel.ids import CustomerId
from acdcore.queues.settings import Channel
from acdcore.reports.formulas import Resolution
from acdcore.reports.queue_visits import QueueVisitEnd, RecordedVisit

ANSWERED = frozenset({QueueVisitEnd.ANSWERED, QueueVisitEnd.IN_CONTACT})
"""Ends of visits in which an agent was connected to the caller."""


def resolutions(
    visits: Sequence[RecordedVisit], joined: Sequence[float], window_s: float, known_until: float
) -> dict[int, Resolution]:
    """What is known of the first calls among `visits`, by row; a row that is absent is no first call.

    A call counts once, at its first answered visit. The same customer, or the same number, is one caller. A number that
    was once recognised as a customer's stands for that customer in all rows. `joined` has the joining time of each
    visit, in seconds since the epoch like all times here.
    """
    found: dict[int, Resolution] = {}
    answered_at: dict[CustomerId | str, float] = {}  # each caller's latest answered call
    first: dict[CustomerId | str, int] = {}  # each caller's first call that nothing has followed yet
    calls: set[str] = set()
    for row, who in _in_order(visits, joined):
        visit = visits[row]
        if visit.call_id not in calls:
            calls.add(visit.call_id)
            before = first.pop(who, None)
            if before is not None:
                is_repeated = joined[row] - joined[before] <= window_s
                found[before] = (
                    Resolution.REPEATED if is_repeated else _unfollowed(joined[before], window_s, known_until)
                )
        if visit.how in ANSWERED:
            if joined[row] - answered_at.get(who, -math.inf) > window_s:
                first[who] = row
            answered_at[who] = joined[row]
    for row in first.values():
        found[row] = _unfollowed(joined[row], window_s, known_until)
    return found


def _in_order(visits: Sequence[RecordedVisit], joined: Sequence[float]) -> Iterator[tuple[int, CustomerId | str]]:
    """The rows of calls of known callers in the order of time, each with its caller."""
    customers = {visit.caller: visit.customer_id for visit in visits if visit.customer_id is not None and visit.caller}
    call: str = Channel.CALL  # a look-up in an enum would cost as much as the rest of the loop
    for row in sorted(range(len(visits)), key=joined.__getitem__):
        visit = visits[row]
        if visit.channel != call:
            continue
        customer_id, number = visit.customer_id, visit.caller
        if customer_id is not None:
            yield row, customer_id
        elif number:
            yield row, customers.get(number) or number


def _unfollowed(joined_at: float, window_s: float, known_until: float) -> Resolution:
    """The resolution of a first call that no other call has followed within the window, as far as is known."""
    return Resolution.UNDECIDED if joined_at + window_s > known_until else Resolution.RESOLVED
