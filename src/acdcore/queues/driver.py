"""The driver: gives inputs to the dispatcher, keeps its only timer, and hands out its decisions in order."""

import asyncio
from collections import deque
from collections.abc import Callable

from acdcore.kernel.clock import Clock
from acdcore.queues.decisions import Decision
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.inputs import DeadlinePassed, Input

Journal = Callable[[float, Input, list[Decision]], None]
"""Takes one turn: monotonic seconds, input, decisions."""


class DispatcherDriver:
    """One dispatcher on the running event loop.

    `journal` is called for every turn before any of its decisions is handed out. `on_decision` is called for every
    decision, in order. It may call `handle`: that input is handled after the decisions of the present turn, never
    between them.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        clock: Clock,
        journal: Journal | None,
        on_decision: Callable[[Decision], None],
    ) -> None:
        self._dispatcher = dispatcher
        self._clock = clock
        self._journal = journal
        self._on_decision = on_decision
        self._inputs: deque[Input] = deque()  # bounded by one turn's decisions: each leads to a few inputs at most
        self._decisions: deque[Decision] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: float | None = None
        self._is_in_turn = False

    @property
    def dispatcher(self) -> Dispatcher:
        """The dispatcher, for `snapshot`, `why` and the figures."""
        return self._dispatcher

    def handle(self, event: Input) -> None:
        """Handle one input now, or right after the turn that is running."""
        self._inputs.append(event)
        if not self._is_in_turn:
            self._run_turns()

    def close(self) -> None:
        """Cancel the timer; the driver holds nothing else."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self._timer_at = None

    def _run_turns(self) -> None:
        self._is_in_turn = True
        try:
            self._take_turns()
        finally:
            self._is_in_turn = False
            if self._decisions or self._inputs:  # on_decision raised: hand out the rest later
                asyncio.get_running_loop().call_soon(self._run_turns)
            self._arm()

    def _take_turns(self) -> None:
        while self._decisions or self._inputs:
            if self._decisions:
                self._on_decision(self._decisions.popleft())
                continue
            event = self._inputs.popleft()
            now = self._clock.now()
            decisions = self._dispatcher.handle(event, now)
            if self._journal is not None:
                self._journal(now, event, decisions)
            self._decisions.extend(decisions)

    def _arm(self) -> None:
        deadline = self._dispatcher.next_deadline()
        if deadline == self._timer_at:  # most turns leave the earliest deadline as it was
            return
        self.close()
        if deadline is not None:
            delay_s = max(0.0, deadline - self._clock.now())
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._come_due)
            self._timer_at = deadline

    def _come_due(self) -> None:
        self._timer = self._timer_at = None
        self.handle(DeadlinePassed())
