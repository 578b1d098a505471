"""What is decided once, when a caller enters a queue: the estimated wait, and whether an overflow rule applies."""

from acdcore.queues.settings import OverflowCause, OverflowRule
from acdcore.queues.state import DispatcherState
from acdcore.queues.waiting_line import QueuedCaller, WaitingLine


def overflow_rule(line: WaitingLine, cause: OverflowCause) -> OverflowRule | None:
    """The queue's rule for `cause`; None: no rule, or the entries are callbacks or messages, which never overflow."""
    if not line.is_for_calls:
        return None
    return next((rule for rule in line.queue.overflow if rule.cause is cause), None)


def estimated_wait_s(state: DispatcherState, waiting: QueuedCaller, line: WaitingLine) -> float | None:
    """The estimated wait of a caller who enters this line now, in seconds; None: unknown, or no setting needs it."""
    queue = line.queue
    if queue.max_estimated_wait_s is None and not queue.widening:
        return None
    if not queue.is_manual_assignment and state.agent_ready(waiting, line) is not None:
        return 0.0
    position = state.lines.position(line, waiting, state.now)
    return state.estimator.estimate(queue.name, position, line.on_duty, state.now)


def closing_rule(
    state: DispatcherState, waiting: QueuedCaller, line: WaitingLine, expected_s: float | None
) -> OverflowRule | None:
    """The first rule, in this order, that keeps a caller from entering this line; None: the caller may enter."""
    queue = line.queue
    if not queue.overflow:
        return None
    applying = (
        (OverflowCause.CLOSED, queue.name in state.closed),
        (OverflowCause.LENGTH, queue.max_length is not None and state.lines.length(queue.name) >= queue.max_length),
        (OverflowCause.NOBODY_LOGGED_IN, not state.is_anybody_on_duty(waiting, line)),
        (OverflowCause.NOBODY_READY, state.agent_ready(waiting, line) is None),
        (OverflowCause.ESTIMATED_WAIT, _exceeds(expected_s, queue.max_estimated_wait_s)),
    )
    for cause, applies in applying:
        found = overflow_rule(line, cause) if applies else None
        if found is not None:
            return found
    return None


def _exceeds(expected_s: float | None, limit_s: float | None) -> bool:
    return expected_s is not None and limit_s is not None and expected_s > limit_s
