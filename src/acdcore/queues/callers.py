"""What happens to callers on the board: they enter queues, leave them, overflow, and hear their position."""

from collections.abc import Iterable

from acdcore.queues.board import AnnounceDue, Board, HoldDue, WaitDue
from acdcore.queues.line import Edition, Line, Waiting
from acdcore.queues.model import Announce, Overflowed, Queued
from acdcore.queues.settings import OverflowCause, OverflowRule, QueueSettings, ToQueue


def enter(board: Board, waiting: Waiting, edition: Edition, queue: QueueSettings) -> None:
    """Join a queue, or whatever its overflow rules lead to."""
    following: QueueSettings | None = queue
    while following is not None:  # ends: settings whose overflow comes back to a queue are refused
        line = board.line(edition, following, waiting.skills)
        waiting.queued_at = board.now
        waiting.announced = None
        board.entries[waiting.entry] = (waiting, line)
        board.out.append(Queued(waiting.entry, following.name, board.now))
        rule = _door_rule(board, line)
        if rule is None:
            _stand_in_line(board, waiting, line)
            return
        following = _send_away(board, waiting, line, rule)
        board.close_if_idle(line)


def leave(board: Board, waiting: Waiting, line: Line) -> None:
    """Out of line and off the board, waiting or ringing, with all timers."""
    line.remove(waiting)
    del board.entries[waiting.entry]
    board.deadlines.cancel(WaitDue(waiting.entry))
    board.deadlines.cancel(AnnounceDue(waiting.entry))
    board.deadlines.cancel(HoldDue(waiting.entry))
    board.close_if_idle(line)


def resume(board: Board, waiting: Waiting, line: Line) -> None:
    """An offer came to nothing: wait on, or overflow for a wait that ran out or agents who all went meanwhile."""
    if _is_overdue(board, waiting, line):
        overflow(board, waiting, line, OverflowCause.WAIT)
    elif not line.on_duty and _rule(line.queue, OverflowCause.NOBODY_LOGGED_IN) is not None:
        overflow(board, waiting, line, OverflowCause.NOBODY_LOGGED_IN)
    else:
        board.dirty[line] = None


def wait_over(board: Board, waiting: Waiting, line: Line) -> None:
    """`max_wait_s` is over; a ringing offer outlasts it."""
    if waiting.offer is None:
        overflow(board, waiting, line, OverflowCause.WAIT)


def hold_over(board: Board, waiting: Waiting, line: Line) -> None:
    """An agent who missed this caller may be tried again; the next such moment is armed."""
    board.dirty[line] = None
    later = [until for until in waiting.tried.values() if until > board.now]
    if later:
        board.deadlines.set(HoldDue(waiting.entry), min(later))


def overflow(board: Board, waiting: Waiting, line: Line, cause: OverflowCause) -> None:
    """Carry out the rule for `cause`; without one the caller waits on. The caller must not be ringing."""
    rule = _rule(line.queue, cause)
    if rule is None:
        return
    leave(board, waiting, line)
    following = _send_away(board, waiting, line, rule)
    if following is not None:
        enter(board, waiting, line.edition, following)


def send_on(board: Board, lines: Iterable[Line]) -> None:
    """Overflow those for whom the last agent has gone."""
    for line in lines:
        if line.on_duty or not line.waiting or _rule(line.queue, OverflowCause.NOBODY_LOGGED_IN) is None:
            continue
        for _, _, _, waiting in list(line.waiting):
            overflow(board, waiting, line, OverflowCause.NOBODY_LOGGED_IN)


def announce(board: Board, waiting: Waiting, line: Line) -> None:
    """Tell the position, unless a phone rings for the caller already, and arm the next time."""
    if waiting.offer is None:
        position = board.lines.position(line, waiting, board.now)
        told = position if waiting.announced is None else min(position, waiting.announced)
        waiting.announced = told
        board.out.append(Announce(waiting.entry, line.queue.name, told))
    if line.queue.announce_every_s is not None:
        board.deadlines.set(AnnounceDue(waiting.entry), board.now + line.queue.announce_every_s)


def _stand_in_line(board: Board, waiting: Waiting, line: Line) -> None:
    queue = line.queue
    line.add(waiting)
    board.dirty[line] = None
    if queue.max_wait_s is not None:
        board.deadlines.set(WaitDue(waiting.entry), waiting.queued_at + queue.max_wait_s)
    if queue.announce_first_s is not None:
        board.deadlines.set(AnnounceDue(waiting.entry), waiting.queued_at + queue.announce_first_s)
    if waiting.tried:
        hold_over(board, waiting, line)


def _door_rule(board: Board, line: Line) -> OverflowRule | None:
    """The rule that keeps a caller from standing in this line at all."""
    queue = line.queue
    if queue.max_length is not None and board.lines.length(queue.name) >= queue.max_length:
        return _rule(queue, OverflowCause.LENGTH)
    if not line.on_duty:
        return _rule(queue, OverflowCause.NOBODY_LOGGED_IN)
    return None


def _send_away(board: Board, waiting: Waiting, line: Line, rule: OverflowRule) -> QueueSettings | None:
    """Say where the caller goes; a further queue is returned, found in the settings that the caller came under."""
    waited_s = board.now - waiting.queued_at
    board.entries.pop(waiting.entry, None)
    board.out.append(Overflowed(waiting.entry, line.queue.name, rule.cause, rule.target, waited_s))
    if isinstance(rule.target, ToQueue):
        return line.edition.queues[rule.target.queue]
    return None


def _rule(queue: QueueSettings, cause: OverflowCause) -> OverflowRule | None:
    return next((rule for rule in queue.overflow if rule.cause is cause), None)


def _is_overdue(board: Board, waiting: Waiting, line: Line) -> bool:
    limit_s = line.queue.max_wait_s
    return limit_s is not None and board.now >= waiting.queued_at + limit_s
