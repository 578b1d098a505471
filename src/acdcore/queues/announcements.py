"""What waiting callers hear about their position and the wait, and whether the announced wait was kept.

Neither figure ever rises within one queue. When a VIP overtook, or the queue became slower, the figure that rose is
not announced. A caller who hears nothing new becomes angry later than one who hears that it became worse.
"""

import math

from acdcore.queues.decisions import Announce
from acdcore.queues.state import AnnounceDue, DispatcherState
from acdcore.queues.waiting_line import QueuedCaller, VisitState, WaitingLine

FINE_BELOW_S = 180.0
"""Waits below this, in seconds, are rounded up to `FINE_STEP_S`."""
FINE_STEP_S = 30.0
COARSE_STEP_S = 60.0
SILENT_ABOVE_S = 1_800.0
"""Longer waits are not announced, in seconds: such an estimate is a guess."""


def announced_wait_s(estimated_s: float | None) -> float | None:
    """An estimate rounded up for the announcement, in seconds; None: the wait is not announced."""
    if estimated_s is None or estimated_s > SILENT_ABOVE_S:
        return None
    step_s = FINE_STEP_S if estimated_s <= FINE_BELOW_S else COARSE_STEP_S
    return max(1, math.ceil(estimated_s / step_s)) * step_s


def announce_position(state: DispatcherState, waiting: QueuedCaller, line: WaitingLine) -> None:
    """Announce the position, unless a phone rings for the caller or the caller is in a side flow; set the next time."""
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
    """Whether an answer now comes within the wait announced first; None: no wait was announced."""
    return None if visit.announced_wait_until is None else now <= visit.announced_wait_until


def announced_wait_kept_on_leaving(visit: VisitState, now: float) -> bool | None:
    """False: the caller leaves unanswered after the announced wait; None: leaves before it, or none was announced."""
    return False if is_announced_wait_kept(visit, now) is False else None


def _wait_s(state: DispatcherState, waiting: QueuedCaller, line: WaitingLine, position: int) -> float | None:
    """The wait to announce now, in seconds, never above the one announced before; None: none."""
    queue, visit = line.queue.name, waiting.visit
    wait_s = announced_wait_s(state.estimator.estimate(queue, position, state.on_duty(line), state.now))
    if wait_s is not None and visit.announced_wait_s is not None and wait_s > visit.announced_wait_s:
        return None
    return wait_s
