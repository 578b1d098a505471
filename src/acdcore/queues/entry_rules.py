"""What is decided once, when a caller comes to a queue: the wait to expect, and whether a rule sends the caller on."""

from acdcore.queues.settings import OverflowCause, OverflowRule
from acdcore.queues.state import Board
from acdcore.queues.waiting_line import Line, Waiting


def rule(line: Line, cause: OverflowCause) -> OverflowRule | None:
    """The queue's rule for `cause`, which holds for those on the line only: nobody else has anywhere else to go."""
    if not line.is_on_the_line:
        return None
    return next((rule for rule in line.queue.overflow if rule.cause is cause), None)


def estimated_s(board: Board, waiting: Waiting, line: Line) -> float | None:
    """The wait that a caller who comes to this line now is to expect; None: not known, or nothing here asks for it."""
    queue = line.queue
    if queue.max_estimated_wait_s is None and not queue.rings:
        return None
    if not queue.is_by_hand and board.agent_ready(waiting, line) is not None:
        return 0.0
    position = board.lines.position(line, waiting, board.now)
    return board.estimator.estimate(queue.name, position, line.on_duty, board.now)


def closing_rule(board: Board, waiting: Waiting, line: Line, expected_s: float | None) -> OverflowRule | None:
    """The rule that keeps a caller from standing in this line at all; the first that applies, in this order."""
    queue = line.queue
    if not queue.overflow:
        return None
    applying = (
        (OverflowCause.CLOSED, queue.name in board.closed),
        (OverflowCause.LENGTH, queue.max_length is not None and board.lines.length(queue.name) >= queue.max_length),
        (OverflowCause.NOBODY_LOGGED_IN, not board.is_anybody_there(waiting, line)),
        (OverflowCause.NOBODY_READY, board.agent_ready(waiting, line) is None),
        (OverflowCause.ESTIMATED_WAIT, _exceeds(expected_s, queue.max_estimated_wait_s)),
    )
    for cause, applies in applying:
        found = rule(line, cause) if applies else None
        if found is not None:
            return found
    return None


def _exceeds(expected_s: float | None, limit_s: float | None) -> bool:
    return expected_s is not None and limit_s is not None and expected_s > limit_s
