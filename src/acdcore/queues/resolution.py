"""First-call resolution: which answered calls were a caller's first, and whether the caller had to call again.

A first call is an answered one with no answered call of the same caller in the window before; it is repeated when the
caller calls again, answered or not, in the window after.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from acdcore.kernel.ids import CustomerId
from acdcore.queues.figures import Resolution
from acdcore.queues.settings import Channel
from acdcore.queues.stays import KeptStay, StayEnd

ANSWERED = frozenset({StayEnd.ANSWERED, StayEnd.IN_CONTACT})
"""Ends of stays in which an agent talked to the caller."""


class _Joining(NamedTuple):
    """A stay of one caller, in the order of time."""

    joined_at: float
    row: int
    call_id: str
    is_answered: bool


def resolutions(stays: Sequence[KeptStay], window_s: float, known_until: float) -> dict[int, Resolution]:
    """What is known of the first calls among `stays`, by index; whatever is not in it is no first call.

    A call counts once, at its first answered stay. The same customer, or the same number, is one caller; a number that
    was once recognised as a customer's stands for that customer throughout. Times in seconds of the epoch.
    """
    found: dict[int, Resolution] = {}
    for joinings in _callers(stays).values():
        if len(joinings) > 1:
            joinings.sort()
        _judge(joinings, window_s, known_until, found)
    return found


def _callers(stays: Sequence[KeptStay]) -> dict[CustomerId | str, list[_Joining]]:
    """Each caller's stays that were calls."""
    customers = {stay.caller: stay.customer_id for stay in stays if stay.customer_id is not None and stay.caller}
    callers: dict[CustomerId | str, list[_Joining]] = {}
    for row, stay in enumerate(stays):
        if stay.channel != Channel.CALL:
            continue
        number = stay.caller
        who = stay.customer_id if stay.customer_id is not None else customers.get(number, number)
        if who is None or who == "":
            continue
        joining = _Joining(stay.joined_at.timestamp(), row, stay.call_id, stay.how in ANSWERED)
        joinings = callers.get(who)
        if joinings is None:
            callers[who] = [joining]
        else:
            joinings.append(joining)
    return callers


def _judge(joinings: list[_Joining], window_s: float, known_until: float, found: dict[int, Resolution]) -> None:
    """Walk one caller's calls in the order of time, each with the answered call before and whatever call after."""
    calls = _calls(joinings)
    answered_before_at = -math.inf
    for number, (joined_at, row) in enumerate(calls):
        if row is None:
            continue
        is_first = joined_at - answered_before_at > window_s
        answered_before_at = joined_at
        if not is_first:
            continue
        if number + 1 < len(calls) and calls[number + 1][0] - joined_at <= window_s:
            found[row] = Resolution.REPEATED
        elif joined_at + window_s > known_until:
            found[row] = Resolution.UNDECIDED
        else:
            found[row] = Resolution.RESOLVED


def _calls(joinings: list[_Joining]) -> list[tuple[float, int | None]]:
    """One for each call: when it first joined a queue, and the row of its first answered stay."""
    calls: dict[str, tuple[float, int | None]] = {}
    for joined_at, row, call_id, is_answered in joinings:
        first_at, answered = calls.get(call_id, (joined_at, None))
        calls[call_id] = (first_at, row if answered is None and is_answered else answered)
    return list(calls.values())
