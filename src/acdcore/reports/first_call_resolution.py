"""First-call resolution: which answered calls were a caller's first, and whether the caller had to call again.

A first call is an answered one with no answered call of the same caller in the window before; it is repeated when the
caller calls again, answered or not, in the window after.
"""

import math
from collections.abc import Iterator, Sequence

from acdcore.kernel.ids import CustomerId
from acdcore.queues.settings import Channel
from acdcore.reports.formulas import Resolution
from acdcore.reports.queue_visits import KeptStay, StayEnd

ANSWERED = frozenset({StayEnd.ANSWERED, StayEnd.IN_CONTACT})
"""Ends of stays in which an agent talked to the caller."""


def resolutions(
    stays: Sequence[KeptStay], joined: Sequence[float], window_s: float, known_until: float
) -> dict[int, Resolution]:
    """What is known of the first calls among `stays`, by row; whatever is not in it is no first call.

    A call counts once, at its first answered stay. The same customer, or the same number, is one caller; a number that
    was once recognised as a customer's stands for that customer throughout. `joined` has the time of joining of each
    stay, in seconds of the epoch as all times here.
    """
    found: dict[int, Resolution] = {}
    answered_at: dict[CustomerId | str, float] = {}  # each caller's latest answered call
    first: dict[CustomerId | str, int] = {}  # each caller's first call that nothing has followed yet
    calls: set[str] = set()
    for row, who in _in_order(stays, joined):
        stay = stays[row]
        if stay.call_id not in calls:
            calls.add(stay.call_id)
            before = first.pop(who, None)
            if before is not None:
                is_repeated = joined[row] - joined[before] <= window_s
                found[before] = (
                    Resolution.REPEATED if is_repeated else _unfollowed(joined[before], window_s, known_until)
                )
        if stay.how in ANSWERED:
            if joined[row] - answered_at.get(who, -math.inf) > window_s:
                first[who] = row
            answered_at[who] = joined[row]
    for row in first.values():
        found[row] = _unfollowed(joined[row], window_s, known_until)
    return found


def _in_order(stays: Sequence[KeptStay], joined: Sequence[float]) -> Iterator[tuple[int, CustomerId | str]]:
    """The rows of calls of known callers in the order of time, each with its caller."""
    customers = {stay.caller: stay.customer_id for stay in stays if stay.customer_id is not None and stay.caller}
    call: str = Channel.CALL  # a look-up in an enum would cost as much as the rest of the loop
    for row in sorted(range(len(stays)), key=joined.__getitem__):
        stay = stays[row]
        if stay.channel != call:
            continue
        customer_id, number = stay.customer_id, stay.caller
        if customer_id is not None:
            yield row, customer_id
        elif number:
            yield row, customers.get(number) or number


def _unfollowed(joined_at: float, window_s: float, known_until: float) -> Resolution:
    """Of a first call that no other has followed within the window, as far as is known."""
    return Resolution.UNDECIDED if joined_at + window_s > known_until else Resolution.RESOLVED
