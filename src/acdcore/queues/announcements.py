"""What waiting callers are told of their position and of the wait, and whether we keep our word.

Neither figure ever rises within one queue. When a VIP overtook, or the pace slackened, nothing is said of the figure
that rose: a caller who hears nothing new is angry later than one who hears that it became worse.
"""

import math

from acdcore.queues.decisions import Announce
from acdcore.queues.state import AnnounceDue, Board
from acdcore.queues.waiting_line import Line, Visit, Waiting

FINE_BELOW_S = 180.0
"""Waits below this are told in steps of `FINE_STEP_S`."""
FINE_STEP_S = 30.0
COARSE_STEP_S = 60.0
SILENT_ABOVE_S = 1_800.0
"""Longer waits are not told: the estimate is a guess then, and half an hour says enough by itself."""


def told_wait_s(estimated_s: float | None) -> float | None:
    """An estimate rounded up to what is told, in seconds; None: nothing is."""
    if estimated_s is None or estimated_s > SILENT_ABOVE_S:
        return None
    step_s = FINE_STEP_S if estimated_s <= FINE_BELOW_S else COARSE_STEP_S
    return max(1, math.ceil(estimated_s / step_s)) * step_s


def announce(board: Board, waiting: Waiting, line: Line) -> None:
    """Tell the position, unless a phone rings for the caller or a side flow has the caller; arm the next time."""
    visit, queue = waiting.visit, line.queue
    visit.announce_at = None
    if queue.announce_every_s is not None:
        visit.announce_at = board.now + queue.announce_every_s
        board.deadlines.set(AnnounceDue(waiting.entry), visit.announce_at)
    if waiting.offer is not None or waiting.is_paused:
        return
    position = board.lines.position(line, waiting, board.now)
    if visit.told_position is not None and position > visit.told_position:
        return
    visit.told_position = position
    if not queue.announces_wait:
        board.out.append(Announce(waiting.entry, queue.name, position))
        return
    wait_s = _wait_s(board, waiting, line, position)
    is_promise = wait_s is not None and visit.promised_until is None
    if wait_s is not None:
        visit.told_wait_s = wait_s
        if is_promise:
            visit.promised_until = board.now + wait_s
    board.out.append(Announce(waiting.entry, queue.name, position, wait_s, is_promise))


def is_kept(visit: Visit, now: float) -> bool | None:
    """Whether an answer now keeps the first promise; None when nothing was promised."""
    return None if visit.promised_until is None else now <= visit.promised_until


def kept_by_leaving(visit: Visit, now: float) -> bool | None:
    """False for who goes unanswered after the promised wait; None for who goes before, or was promised nothing."""
    return False if is_kept(visit, now) is False else None


def _wait_s(board: Board, waiting: Waiting, line: Line, position: int) -> float | None:
    """The wait to be told now, never above what was told before."""
    queue, visit = line.queue.name, waiting.visit
    wait_s = told_wait_s(board.estimator.estimate(queue, position, board.on_duty(line), board.now))
    if wait_s is not None and visit.told_wait_s is not None and wait_s > visit.told_wait_s:
        return None
    return wait_s
