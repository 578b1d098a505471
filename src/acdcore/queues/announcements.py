"""What waiting callers are told of their position and of the wait, and whether we keep our word.

Neither figure ever rises within one queue. When a VIP overtook, or the pace slackened, nothing is said of the figure
that rose: a caller who hears nothing new is angry later than one who hears that it became worse.
"""

import math

from acdcore.queues.decisions import Announce
from acdcore.queues.state import AnnounceDue, DispatcherState
from acdcore.queues.waiting_line import QueuedCaller, VisitState, WaitingLine

FINE_BELOW_S = 180.0
"""Waits below this are told in steps of `FINE_STEP_S`."""
FINE_STEP_S = 30.0
COARSE_STEP_S = 60.0
SILENT_ABOVE_S = 1_800.0
"""Longer waits are not told: the estimate is a guess then, and half an hour says enough by itself."""


def announced_wait_s(estimated_s: float | None) -> float | None:
    """An estimate rounded up to what is told, in seconds; None: nothing is."""
    if estimated_s is None or estimated_s > SILENT_ABOVE_S:
        return None
    step_s = FINE_STEP_S if estimated_s <= FINE_BELOW_S else COARSE_STEP_S
    return max(1, math.ceil(estimated_s / step_s)) * step_s


def announce_position(state: DispatcherState, waiting: QueuedCaller, line: WaitingLine) -> None:
    """Tell the position, unless a phone rings for the caller or a side flow has the caller; arm the next time."""
    visit, queue = waiting.visit, line.queue
    visit.announce_at = None
    if queue.announce_every_s is not None:
        visit.announce_at = state.now + queue.announce_every_s
        state.deadlines.set(AnnounceDue(waiting.entry), visit.announce_at)
    if waiting.offer is not None or waiting.is_paused:
        return
    position = state.lines.position(line, waiting, state.now)
    if visit.announced_position is not None and position > visit.announced_position:
        return
    visit.announced_position = position
    if not queue.announces_wait:
        state.decisions.append(Announce(waiting.entry, queue.name, position))
        return
    wait_s = _wait_s(state, waiting, line, position)
    is_first_wait = wait_s is not None and visit.announced_wait_until is None
    if wait_s is not None:
        visit.announced_wait_s = wait_s
        if is_first_wait:
            visit.announced_wait_until = state.now + wait_s
    state.decisions.append(Announce(waiting.entry, queue.name, position, wait_s, is_first_wait))


def is_announced_wait_kept(visit: VisitState, now: float) -> bool | None:
    """Whether an answer now comes within the wait announced first; None when none was."""
    return None if visit.announced_wait_until is None else now <= visit.announced_wait_until


def announced_wait_kept_on_leaving(visit: VisitState, now: float) -> bool | None:
    """False for who goes unanswered after the announced wait; None for who goes before, or heard of none."""
    return False if is_announced_wait_kept(visit, now) is False else None


def _wait_s(state: DispatcherState, waiting: QueuedCaller, line: WaitingLine, position: int) -> float | None:
    """The wait to be told now, never above what was told before."""
    queue, visit = line.queue.name, waiting.visit
    wait_s = announced_wait_s(state.estimator.estimate(queue, position, state.on_duty(line), state.now))
    if wait_s is not None and visit.announced_wait_s is not None and wait_s > visit.announced_wait_s:
        return None
    return wait_s
