"""The figures of a day, folded from the decisions of any machine."""

from collections.abc import Sequence
from dataclasses import dataclass

from acdcore.kernel.ids import AgentId, QueueName
from acdcore.planning.outcome import AgentShare, DayResult, VisitEnd, VisitOutcome
from acdcore.queues.decisions import AgentState, AgentStateChanged, Connected, Decision, Departed, Overflowed, Queued
from acdcore.queues.inputs import EntryId, LeaveCause
from acdcore.queues.live_figures import AgentFigures
from acdcore.queues.settings import Channel

ENDS = {
    LeaveCause.HUNG_UP: VisitEnd.ABANDONED,
    LeaveCause.CALLBACK: VisitEnd.CALLBACK,
    LeaveCause.WITHDRAWN: VisitEnd.WITHDRAWN,
    LeaveCause.FAILED: VisitEnd.FAILED,
}


@dataclass(frozen=True, slots=True)
class TalliedVisit:
    """A visit that is not over."""

    queue: QueueName
    since: float


@dataclass(frozen=True, slots=True)
class TalliedCaller:
    """What the figures are grouped by."""

    tier: str
    channel: Channel


class Tally:
    """The fold: give it the decisions of every turn once, in order."""

    def __init__(self) -> None:
        self._callers: dict[EntryId, TalliedCaller] = {}
        self._visits: dict[EntryId, TalliedVisit] = {}
        self._outcomes: list[VisitOutcome] = []
        self._agents: dict[AgentId, AgentFigures] = {}
        self._at = 0.0

    def expect(self, entry: EntryId, tier: str, channel: Channel) -> None:
        """Announce an entry; decisions about entries that were not announced are not counted."""
        self._callers[entry] = TalliedCaller(tier, channel)

    def fold(self, decisions: Sequence[Decision], at: float) -> None:
        """Count the decisions of one turn."""
        self._at = at
        for decision in decisions:
            match decision:
                case Queued(entry=entry, queue=queue):
                    self._visits[entry] = TalliedVisit(queue, at)
                case Connected(entry=entry, agent=agent, waited_s=waited_s, is_in_time=is_in_time):
                    self._end(entry, VisitEnd.ANSWERED, waited_s, is_in_time, agent)
                    self._figures(agent).answered += 1
                case Departed(entry=entry, cause=cause, waited_s=waited_s, is_short=is_short):
                    self._end(entry, VisitEnd.ABANDONED_SHORT if is_short else ENDS[cause], waited_s)
                case Overflowed(entry=entry, waited_s=waited_s):
                    self._end(entry, VisitEnd.OVERFLOWED, waited_s)
                case AgentStateChanged(agent=agent, state=state):
                    self._figures(agent).enter(state, at)
                case _:
                    pass

    def result(self) -> DayResult:
        """The result up to the last turn; callers still inside count as `WAITING`."""
        for entry, visit in list(self._visits.items()):
            self._end(entry, VisitEnd.WAITING, self._at - visit.since)
        shares = [self._share(agent, figures.as_of(self._at)) for agent, figures in sorted(self._agents.items())]
        return DayResult(tuple(self._outcomes), tuple(shares))

    def _figures(self, agent: AgentId) -> AgentFigures:
        return self._agents.setdefault(agent, AgentFigures())

    def _share(self, agent: AgentId, figures: AgentFigures) -> AgentShare:
        spent_s = figures.seconds
        work_s = spent_s.get(AgentState.TALKING, 0.0) + spent_s.get(AgentState.WRAP_UP, 0.0)
        idle_s = spent_s.get(AgentState.READY, 0.0) + spent_s.get(AgentState.OFFERED, 0.0)
        return AgentShare(agent, figures.answered, work_s, idle_s)

    def _end(
        self, entry: EntryId, end: VisitEnd, waited_s: float, is_in_time: bool = False, agent: AgentId | None = None
    ) -> None:
        visit, caller = self._visits.pop(entry, None), self._callers.get(entry)
        if visit is not None and caller is not None:
            self._outcomes.append(
                VisitOutcome(entry, visit.queue, caller.tier, caller.channel, end, waited_s, is_in_time, agent)
            )
