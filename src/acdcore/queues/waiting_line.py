"""Callers who need the same agents form one line: a sorted list of callers and a sorted list of ready agents.

Within a line the order of two callers never changes while they wait, since all age at one rate. So both lists stay
sorted, and a turn looks at their heads only.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from acdcore.kernel.ids import AgentId, QueueName, SkillName
from acdcore.queues import policy
from acdcore.queues.agent import Agent
from acdcore.queues.decisions import AgentKey, CallerKey
from acdcore.queues.inputs import MAX_FORMER_EDITIONS, MAX_LINES, CallerJoined, Channel, EntryId, OfferId
from acdcore.queues.policy import Demand, Place
from acdcore.queues.settings import DispatcherSettings, QueueSettings


@dataclass(frozen=True, slots=True, eq=False)
class SettingsEdition:
    """One version of the settings; an entry keeps the version under which it joined."""

    number: int
    settings: DispatcherSettings
    queues: Mapping[QueueName, QueueSettings]


@dataclass(slots=True, eq=False)
class Offer:
    """One ringing phone."""

    offer: OfferId
    waiting: "QueuedCaller"
    agent: Agent
    until: float
    """End of the ring time, monotonic seconds."""


class Reservation(NamedTuple):
    """The agent for whom a caller is kept, until a monotonic time."""

    agent: AgentId
    until: float


@dataclass(slots=True, eq=False)
class VisitState:
    """What begins anew in each queue that an entry enters."""

    queued_at: float
    """When the entry came to this queue, monotonic seconds; limits and figures count from here."""
    needs: Mapping[SkillName, int]
    """Skills that queue, rules and caller need, before any widening step."""
    widening_step: int = 0
    """The last widening step reached; 0: none."""
    language: SkillName | None = None
    """The language need that is dropped when nobody on duty speaks it; None: there is none, or it is dropped."""
    reserved: Reservation | None = None
    announce_at: float | None = None
    """When the position is announced next, monotonic seconds; None: not again."""
    announced_position: int | None = None
    """Position announced last; None: not yet."""
    announced_wait_s: float | None = None
    """Wait announced last, seconds; None: not yet."""
    announced_wait_until: float | None = None
    """End of the wait announced first, monotonic seconds; None: none was announced."""


@dataclass(slots=True, eq=False)
class QueuedCaller:
    """One entry: waiting, ringing (`offer`) or talking (`talking_to`)."""

    entry: EntryId
    asked: CallerJoined
    """The input by which the caller joined."""
    joined_at: float
    """When the entry joined its first queue, less the time waited before, monotonic seconds; the order counts this."""
    serial: int
    visit: VisitState = field(init=False)
    """In the present queue; set by `callers.enter`."""
    place: Place = field(init=False)
    """Place in the present queue."""
    tried_agents: dict[AgentId, float] = field(default_factory=dict)
    """Agents who missed this caller, and until when the caller is not offered to them again, monotonic seconds."""
    is_paused: bool = False
    """True: in a side flow."""
    offer: Offer | None = None
    talking_to: Agent | None = None
    talking_since: float = 0.0

    @property
    def is_waiting(self) -> bool:
        """True: not talking; an agent's phone may be ringing."""
        return self.talking_to is None


PlacedCaller = tuple[float, float, int, QueuedCaller]
"""A caller after the three figures of the place, by which it is sorted; no two callers have the same serial."""


class WaitingLine:
    """The callers of one queue, edition and demand."""

    def __init__(self, edition: SettingsEdition, queue: QueueSettings, demand: Demand) -> None:
        self.edition = edition
        self.queue = queue
        self.demand = demand
        self.waiting: list[PlacedCaller] = []  # up to MAX_ENTRIES
        self.paused: list[PlacedCaller] = []  # up to MAX_ENTRIES
        self.ringing: list[PlacedCaller] = []  # one for each agent OFFERED at most
        self.ready: list[tuple[AgentKey, Agent]] = []
        self.on_duty = 0  # agents logged in and reachable who may serve

    def __len__(self) -> int:
        return len(self.waiting) + len(self.ringing) + len(self.paused)

    @property
    def is_for_calls(self) -> bool:
        """Whether these are callers on the line; overflow rules and announcements are for them only."""
        return self.demand.channel is Channel.CALL

    def caller_key(self, waiting: QueuedCaller, now: float) -> CallerKey:
        """The caller's order against callers of other lines."""
        return policy.caller_key(self.queue, waiting.place, now)

    def agent_key(self, agent: Agent) -> AgentKey:
        """The agent's order against other agents of this line."""
        return policy.agent_key(self.queue.strategy, self.demand.skills, agent.settings, agent.fairness)

    def add(self, waiting: QueuedCaller) -> None:
        """Add a caller at the place that the urgency gives."""
        insort(self.waiting, (*waiting.place, waiting))

    def remove(self, waiting: QueuedCaller) -> None:
        """Remove a caller who is waiting, ringing or paused."""
        _take(self.ringing if waiting.offer else self.paused if waiting.is_paused else self.waiting, waiting)

    def ring(self, waiting: QueuedCaller, offer: Offer) -> None:
        """Move a caller from waiting to ringing."""
        _take(self.waiting, waiting)
        insort(self.ringing, (*waiting.place, waiting))
        waiting.offer = offer

    def stop_ringing(self, waiting: QueuedCaller) -> None:
        """Move a caller from ringing back to the same place."""
        _take(self.ringing, waiting)
        insort(self.waiting, (*waiting.place, waiting))
        waiting.offer = None

    def pause(self, waiting: QueuedCaller) -> None:
        """Move a caller from waiting to paused."""
        _take(self.waiting, waiting)
        insort(self.paused, (*waiting.place, waiting))
        waiting.is_paused = True

    def unpause(self, waiting: QueuedCaller) -> None:
        """Move a caller from paused back to the same place."""
        _take(self.paused, waiting)
        insort(self.waiting, (*waiting.place, waiting))
        waiting.is_paused = False

    def ahead(self, place: Place) -> int:
        """How many callers are before this place, including those ringing and paused."""
        ahead = bisect_left(self.waiting, place)
        if self.ringing:
            ahead += bisect_left(self.ringing, place)
        if self.paused:
            ahead += bisect_left(self.paused, place)
        return ahead

    def add_ready(self, agent: Agent, key: AgentKey) -> None:
        """Add an agent who may serve this line and is ready."""
        insort(self.ready, (key, agent))

    def remove_ready(self, key: AgentKey) -> None:
        """Remove an agent who is no longer ready."""
        del self.ready[bisect_left(self.ready, (key,))]

    def first_for(self, agent: Agent, now: float) -> QueuedCaller | None:
        """The first caller whom this agent did not just miss; None: no such caller, or manual assignment."""
        if self.queue.is_manual_assignment:
            return None
        for _, _, _, waiting in self.waiting:
            if not waiting.tried_agents or waiting.tried_agents.get(agent.id, now) <= now:
                return waiting
        return None

    def first_pair(self, now: float) -> tuple[QueuedCaller, Agent] | None:
        """The first caller for whom an agent is ready, with the best such agent; None: no such pair.

        Only callers whom every ready agent has missed are passed over, so the loop is short.
        """
        if not self.ready or self.queue.is_manual_assignment:
            return None
        for _, _, _, waiting in self.waiting:
            best = self.agent_for(waiting, now)
            if best is not None:
                return waiting, best
        return None

    def agent_for(self, waiting: QueuedCaller, now: float) -> Agent | None:
        """The best ready agent who never missed this caller, else the best who may be tried again; None: no agent."""
        tried = waiting.tried_agents
        if not tried:
            return self.ready[0][1] if self.ready else None
        for _, agent in self.ready:
            if agent.id not in tried:
                return agent
        for _, agent in self.ready:
            if tried[agent.id] <= now:
                return agent
        return None


def _take(side: list[PlacedCaller], waiting: QueuedCaller) -> None:
    del side[0 if side[0][3] is waiting else bisect_left(side, waiting.place)]  # most callers who leave are the first


_LineKey = tuple[int, QueueName, frozenset[tuple[SkillName, int]], Channel, AgentId | None]


def _key(edition: SettingsEdition, queue: QueueSettings, demand: Demand) -> _LineKey:
    return edition.number, queue.name, frozenset(demand.skills.items()), demand.channel, demand.only


class WaitingLines:
    """All lines, found by what callers need; lines of the present edition are kept while empty."""

    def __init__(self, settings: DispatcherSettings) -> None:
        self.edition = _edition(1, settings)
        self.former: dict[int, SettingsEdition] = {}
        """The last `MAX_FORMER_EDITIONS` editions: a call that came under one of them may still come to its queues."""
        self._lines: dict[_LineKey, WaitingLine] = {}
        self._of_queue: dict[QueueName, list[WaitingLine]] = {}

    def __iter__(self) -> Iterator[WaitingLine]:
        return iter(self._lines.values())

    def change(self, settings: DispatcherSettings) -> None:
        """Begin a new edition for calls that come from now on."""
        self.former[self.edition.number] = self.edition
        self.edition = _edition(self.edition.number + 1, settings)
        self.former.pop(self.edition.number - MAX_FORMER_EDITIONS - 1, None)

    def under(self, number: int | None) -> SettingsEdition:
        """The edition that a call uses; the present one when the call's edition is no longer kept."""
        return self.edition if number is None else self.former.get(number, self.edition)

    def find(self, edition: SettingsEdition, queue: QueueSettings, demand: Demand) -> WaitingLine | None:
        """The line for this demand; None: there is none."""
        return self._lines.get(_key(edition, queue, demand))

    def make(self, edition: SettingsEdition, queue: QueueSettings, demand: Demand) -> WaitingLine:
        """Make a new, empty line."""
        line = WaitingLine(edition, queue, demand)
        self._lines[_key(edition, queue, demand)] = line
        self._of_queue.setdefault(queue.name, []).append(line)
        return line

    def of(self, queue: QueueName) -> list[WaitingLine]:
        """All lines of one queue, of every edition."""
        return self._of_queue.get(queue, [])

    def length(self, queue: QueueName) -> int:
        """Callers on the line in one queue: waiting, ringing or paused."""
        return sum(len(line) for line in self.of(queue) if line.is_for_calls)

    def names(self) -> list[QueueName]:
        """Queues of the present edition, then older ones in which callers still wait."""
        present = list(self.edition.queues)
        return present + [name for name in self._of_queue if name not in self.edition.queues]

    def is_idle(self, line: WaitingLine) -> bool:
        """Whether the line is empty and not needed: of an old edition, kept for one agent, or above `MAX_LINES`."""
        if len(line):
            return False
        is_passing = line.edition is not self.edition or line.demand.only is not None
        return is_passing or len(self._lines) > MAX_LINES

    def drop(self, line: WaitingLine) -> None:
        """Remove a line; the roster removes its agents."""
        del self._lines[_key(line.edition, line.queue, line.demand)]
        siblings = self._of_queue[line.queue.name]
        siblings.remove(line)
        if not siblings:
            del self._of_queue[line.queue.name]

    def position(self, line: WaitingLine, waiting: QueuedCaller, now: float) -> int:
        """The caller's position over all lines of the queue; 1 is next."""
        ahead = 0
        for sibling in self.of(line.queue.name):
            if sibling.queue is line.queue:
                ahead += sibling.ahead(waiting.place)
            else:  # another edition may age at another rate: compare urgencies of this moment
                ahead += sibling.ahead(policy.equal_place(sibling.queue, line.caller_key(waiting, now), now))
        return ahead + 1


def _edition(number: int, settings: DispatcherSettings) -> SettingsEdition:
    return SettingsEdition(number, settings, {queue.name: queue for queue in settings.queues})
