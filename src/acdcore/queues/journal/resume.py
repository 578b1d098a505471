"""The state at the end of the daemon's last run: agents, and the places that callers lost.

Rules:
- Agents come back in the resting state that follows what they did: a break stays a break, with its reason; a ringing
  offer, a talk or a wrap-up is over; a back-off is forgotten.
- A caller who waited when the journal ended has lost a place. After a shutdown mark, so has every caller whom the
  daemon took out of a queue. A caller who hung up or was answered has not.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from acdcore.queues.decisions import AgentState
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.inputs import AgentRestored, CallerLeft, EntryId, LeaveCause
from acdcore.queues.journal import checkpoint
from acdcore.queues.journal.checkpoint import AgentFacts, StateError
from acdcore.queues.journal.lines import Header, JournalSegment, JournalTurn, MarkKind
from acdcore.queues.journal.lost_places import LostPlace

OURS = frozenset({LeaveCause.WITHDRAWN, LeaveCause.FAILED})
"""Causes by which the daemon takes callers out of a queue during a shutdown."""
AT_WORK = frozenset({AgentState.OFFERED, AgentState.TALKING, AgentState.WRAP_UP})
"""States after which a new idle time begins."""


@dataclass(frozen=True, slots=True)
class ResumedRun:
    """What a new run may take over."""

    ended_wall: datetime
    """When the journal ended (UTC)."""
    agents: tuple[AgentRestored, ...]
    """Agents who were logged in; the new run finds out whether their phones are registered."""
    places: tuple[LostPlace, ...]
    """Callers who lost their place in a queue."""
    problem: str = ""
    """Why the end of the journal could not be read, "" when it could; the rest is then the state before that line."""


def resume(segment: JournalSegment) -> ResumedRun:
    """Read a segment to its end; a line that cannot be read counts as the end."""
    header, dispatcher = segment.header, segment.dispatcher
    at = header.began_at
    is_stopping = False
    lost: list[LostPlace] = []
    problem = ""
    try:
        for record in segment.rest:
            at = record.at
            if isinstance(record, JournalTurn):
                if is_stopping and isinstance(record.event, CallerLeft) and record.event.cause in OURS:
                    lost += _places(dispatcher, [record.event.entry], at, header)
                dispatcher.handle(record.event, at)
            else:
                is_stopping |= record.mark is MarkKind.SHUTDOWN
    except StateError as error:
        problem = str(error)
    state = checkpoint.dump(dispatcher)
    lost += _places(dispatcher, [each.entry for each in state.entries], at, header)
    agents = tuple([_restored(agent, at) for agent in state.agents if agent.is_logged_in])
    return ResumedRun(header.wall(at), agents, tuple(lost), problem)


def _places(dispatcher: Dispatcher, entries: Iterable[EntryId], at: float, header: Header) -> list[LostPlace]:
    """The places of those entries that wait or are rung for."""
    found = [dispatcher._state.find(entry) for entry in entries]
    return [
        LostPlace(
            caller=waiting.asked.label,
            queue=waiting.asked.queue,
            waited_s=at - waiting.joined_at,
            priority_s=waiting.asked.priority_s,
            facts=waiting.asked.facts,
            channel=waiting.asked.channel,
            left_wall=header.wall(at),
        )
        for waiting, _ in filter(None, found)
        if waiting.is_waiting
    ]


def _restored(agent: AgentFacts, at: float) -> AgentRestored:
    fairness = replace(agent.fairness)
    fairness.accrue(agent.state, at)
    return AgentRestored(
        settings=agent.settings,
        is_ready=agent.not_ready_reason is None,
        reason=agent.not_ready_reason or "",
        answered=fairness.answered,
        idle_for_s=0.0 if agent.state in AT_WORK else max(0.0, at - fairness.idle_since),
        load=fairness.load,
    )
