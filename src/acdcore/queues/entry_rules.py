"""What is decided once, when a caller comes to a queue: the wait to expect, and whether a rule sends the caller on."""

from acdcore.queues.settings import OverflowCause, OverflowRule
from acdcore.queues.state import DispatcherState
from acdcore.queues.waiting_line import QueuedCaller, WaitingLine


def overflow_rule(line: WaitingLine, cause: OverflowCause) -> OverflowRule | None:
    """The queue's rule for `cause`, which holds for those on the line only: nobody else has anywhere else to go."""
    if not line.is_for_calls:
        return None
    return next((rule for rule in line.queue.overflow if rule.cause is cause), None)


def estimated_wait_s(state: DispatcherState, waiting: QueuedCaller, line: WaitingLine) -> float | None:
    """The wait that a caller who comes to this line now is to expect; None: not known, or nothing here asks for it."""
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
    """The rule that keeps a caller from standing in this line at all; the first that applies, in this order."""
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
