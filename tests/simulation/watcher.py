"""Checks a whole day: the auditor after every turn, the dispatcher from time to time, and that nobody is left over.

The auditor (tests/queues/dispatcher_harness.py) sees inputs and decisions only. Turn by turn it checks the invariants
1 to 3, 5, 6, 8 to 11, 13 and 14 of the dispatcher; number 7 follows from 6, since keys change by time alone. Number 4
needs the dispatcher's own answer to why a caller waits. Number 12 needs a dispatcher that is dumped and loaded again in
the middle of the day.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from tests.queues.dispatcher_harness import Auditor
from tests.simulation.chaos import CLOSE_S, OPEN_S, chaos

from acdcore.planning.simulation import Simulation
from acdcore.queues.decisions import AgentState, Decision
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.inputs import Input
from acdcore.queues.journal import checkpoint
from acdcore.queues.settings import DispatcherSettings

TURNS_BETWEEN_LOOKS = 40
"""The dispatcher is asked about everybody who waits once in so many turns: it costs as much as hundreds of turns."""
RESTARTS = 3


class RestartedDispatcher:
    """A dispatcher that is dumped and loaded again at given times."""

    def __init__(self, settings: DispatcherSettings, times: Sequence[float]) -> None:
        self.dispatcher = Dispatcher(settings)
        self._times = sorted(times)

    def handle(self, event: Input, now: float) -> list[Decision]:
        """One turn, after a restart when it is time for one."""
        while self._times and self._times[0] <= now:
            self._times.pop(0)
            self._restart(now)
        return self.dispatcher.handle(event, now)

    def next_deadline(self) -> float | None:
        """As the dispatcher says."""
        return self.dispatcher.next_deadline()

    def _restart(self, now: float) -> None:
        before = self.dispatcher
        self.dispatcher = checkpoint.load(checkpoint.dump(before))
        assert self.dispatcher.next_deadline() == before.next_deadline()
        places = [[waiting.entry for waiting in queue.waiting] for queue in before.snapshot(now).queues]
        after = [[waiting.entry for waiting in queue.waiting] for queue in self.dispatcher.snapshot(now).queues]
        assert after == places, "a restart changed the order of those who wait"


@dataclass(slots=True)
class Seen:
    """What happened in a day."""

    decisions: Counter[str] = field(default_factory=Counter)
    """Decisions by name."""
    turns: int = 0


def watch(seed: int) -> Seen:
    """Run one day of chaos. Raises AssertionError on the first broken invariant, naming the seed and the time."""
    day = chaos(seed)
    rng = Random(seed)
    machine = RestartedDispatcher(day.settings, [rng.uniform(OPEN_S, CLOSE_S) for _ in range(RESTARTS)])
    auditor, seen, at = Auditor(day.settings), Seen(), 0.0
    try:
        for turn in Simulation(day, machine).turns():
            at = turn.at
            auditor.turn(turn.event, list(turn.decisions), at)
            seen.turns += 1
            seen.decisions.update(type(decision).__name__ for decision in turn.decisions)
            if seen.turns % TURNS_BETWEEN_LOOKS == 0:
                _no_possible_match_is_left(machine.dispatcher, at)
        _at_rest(machine.dispatcher, auditor, at)
    except AssertionError as error:
        raise AssertionError(f"day {seed}, {at:.3f} s: {error}") from error
    return seen


def _no_possible_match_is_left(dispatcher: Dispatcher, now: float) -> None:
    """Invariant 4: for no waiting caller is there an agent who could be offered, unless a named rule forbids it."""
    for queue in dispatcher.snapshot(now).queues:
        for waiting in queue.waiting:
            if waiting.agent is not None:
                continue
            why = dispatcher.why(waiting.entry, now)
            assert why is not None
            free = [candidate.agent for candidate in why.candidates if candidate.exclusion is None]
            assert not free or why.blocked_by is not None, f"{waiting.entry} waits although {free} could serve"


def _at_rest(dispatcher: Dispatcher, auditor: Auditor, now: float) -> None:
    """After closing time nobody rings, waits or talks, and every caller is accounted for."""
    view = dispatcher.snapshot(now)
    assert not auditor.live and not auditor.callers, f"{list(auditor.callers)} never left"
    assert dispatcher.metrics.queues == auditor.metrics.queues, "the figures survived no restart"
    assert dispatcher.metrics.work == auditor.metrics.work, "the figures of work items survived no restart"
    assert not dispatcher.metrics.items, "a work item that is gone is remembered"
    assert all(not queue.waiting and queue.figures.is_balanced for queue in view.queues)
    busy = {AgentState.OFFERED, AgentState.TALKING, AgentState.WRAP_UP}
    assert not {agent.state for agent in view.agents} & busy
