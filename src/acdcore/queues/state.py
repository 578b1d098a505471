"""The dispatcher's whole state, and what one turn notes in it."""

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from acdcore.kernel.deadlines import Deadlines
from acdcore.kernel.ids import AgentId, QueueName
from acdcore.queues import policy
from acdcore.queues.agent import Agent, AgentEvent
from acdcore.queues.decisions import AgentState, AgentStateChanged, Decision
from acdcore.queues.estimate import Estimator
from acdcore.queues.inputs import EntryId, OfferId
from acdcore.queues.policy import Demand
from acdcore.queues.roster import Roster
from acdcore.queues.settings import DispatcherSettings, QueueSettings
from acdcore.queues.views import Evidence
from acdcore.queues.waiting_line import Offer, QueuedCaller, SettingsEdition, WaitingLine, WaitingLines

# ---- deadlines: tuples, since every turn hashes some of them; `kind` distinguishes those with equal fields -----------


class RingDue(NamedTuple):
    """The phone has rung for the whole ring time."""

    offer: OfferId
    kind: Literal["ring"] = "ring"


class WaitDue(NamedTuple):
    """The caller has waited for `max_wait_s`."""

    entry: EntryId
    kind: Literal["wait"] = "wait"


class AnnounceDue(NamedTuple):
    """The position is to be announced."""

    entry: EntryId
    kind: Literal["announce"] = "announce"


class RetryDue(NamedTuple):
    """An agent who missed this caller may be tried again."""

    entry: EntryId
    kind: Literal["retry"] = "retry"


class WidenDue(NamedTuple):
    """The next widening step is reached."""

    entry: EntryId
    kind: Literal["widen"] = "widen"


class StickyDue(NamedTuple):
    """The reservation for one agent ends."""

    entry: EntryId
    kind: Literal["sticky"] = "sticky"


class LanguageDue(NamedTuple):
    """From now on the caller's language is needed only while somebody on duty has it."""

    entry: EntryId
    kind: Literal["language"] = "language"


class WrapUpDue(NamedTuple):
    """The wrap-up is over."""

    agent: AgentId
    kind: Literal["wrap_up"] = "wrap_up"


class BackOffDue(NamedTuple):
    """The back-off is over."""

    agent: AgentId
    kind: Literal["back_off"] = "back_off"


Due = RingDue | WaitDue | AnnounceDue | RetryDue | WidenDue | StickyDue | LanguageDue | WrapUpDue | BackOffDue


@dataclass(frozen=True, slots=True)
class DecisionTrace:
    """Collects what decisions are based on; a live dispatcher has no trace, so this costs nothing there."""

    about: Collection[EntryId]
    """The entries whose decisions are traced."""
    noted: list[Evidence] = field(default_factory=list)
    """The evidence of this turn, in the order of its decisions: a few for each entry."""


class DispatcherState:
    """Who waits in which line, who is rung for whom, and what is due; the modules beside this one change it."""

    def __init__(self, settings: DispatcherSettings) -> None:
        self.lines = WaitingLines(settings)
        self.roster = Roster()
        self.entries: dict[EntryId, tuple[QueuedCaller, WaitingLine]] = {}
        self.offers: dict[OfferId, Offer] = {}
        self.deadlines: Deadlines[Due] = Deadlines()
        self.estimator = Estimator()
        self.closed: set[QueueName] = set()
        self.offers_made = 0
        self.entries_made = 0
        self.now = -math.inf
        self.decisions: list[Decision] = []
        self.trace: DecisionTrace | None = None
        # Notes of the turn: lines where a match may be possible (ordered, so that turns repeat exactly), agents freed.
        self.dirty: dict[WaitingLine, None] = {}
        self.freed: list[Agent] = []
        self.open_lines()

    def find(self, entry: EntryId) -> tuple[QueuedCaller, WaitingLine] | None:
        """An entry and its line, or the line where it waited before its talk; None: no such entry."""
        return self.entries.get(entry)

    def line(self, edition: SettingsEdition, queue: QueueSettings, demand: Demand) -> WaitingLine:
        """The line for this demand, with all agents entered who may serve it."""
        line = self.lines.find(edition, queue, demand)
        if line is None:
            line = self.lines.make(edition, queue, demand)
            self.roster.open(line)
        return line

    def line_of(self, waiting: QueuedCaller, edition: SettingsEdition, queue: QueueSettings) -> WaitingLine:
        """The line where a caller belongs now, by the widening step reached and the agent who is preferred."""
        visit = waiting.visit
        skills = (
            policy.apply_widening(visit.needs, queue.widening[: visit.widening_step])
            if visit.widening_step
            else visit.needs
        )
        only = visit.reserved.agent if visit.reserved else None
        return self.line(edition, queue, Demand(skills, waiting.asked.channel, only))

    def on_duty(self, line: WaitingLine) -> int:
        """Agents on duty who may serve a line's callers, as if no caller were kept for one agent."""
        if line.demand.only is None:
            return line.on_duty
        common = self.lines.find(line.edition, line.queue, line.demand._replace(only=None))
        return line.on_duty if common is None else common.on_duty  # None: removed while empty, of an old edition

    def line_without_language(self, waiting: QueuedCaller, line: WaitingLine) -> WaitingLine:
        """The line of the caller without the language need; the same line when there is no such need."""
        language = waiting.visit.language
        if language is None or language not in line.demand.skills:
            return line
        skills = {skill: level for skill, level in line.demand.skills.items() if skill != language}
        return self.line(line.edition, line.queue, line.demand._replace(skills=skills))

    def is_anybody_on_duty(self, waiting: QueuedCaller, line: WaitingLine) -> bool:
        """Whether an agent on duty may serve the caller, if need be without the caller's language."""
        return bool(line.on_duty or self.line_without_language(waiting, line).on_duty)

    def agent_ready(self, waiting: QueuedCaller, line: WaitingLine) -> Agent | None:
        """An agent to whom a caller who enters this line now could be offered; None: none."""
        seated = line.agent_for(waiting, self.now)
        if seated is not None:
            return seated
        for agent in self.freed:  # ready since this turn, and not entered at the lines yet
            is_missed = waiting.tried_agents.get(agent.id, self.now) > self.now
            if agent.state is AgentState.READY and not is_missed and self.roster.serves(agent, line):
                return agent
        return None

    def open_lines(self) -> None:
        """Open the lines of every queue of the present edition, so that no later turn has to do it."""
        for queue in self.lines.edition.settings.queues:
            self.line(self.lines.edition, queue, Demand(queue.skills))

    def close_if_idle(self, line: WaitingLine) -> None:
        """Remove a line that is empty and that no caller will join again."""
        if self.lines.is_idle(line):
            self.lines.drop(line)
            self.roster.close(line)

    def apply_event(self, agent: Agent, event: AgentEvent, reason: str = "") -> None:
        """Apply an event to an agent, and note what follows for timers, displays and the match."""
        before, reason_before, back_off_before = agent.state, agent.reason, agent.back_off
        self.roster.apply(agent, event, self.now, reason)
        state, shown = agent.state, agent.reason
        if before is AgentState.WRAP_UP and state is not before:
            self.deadlines.cancel(WrapUpDue(agent.id))
        if back_off_before is not None and agent.back_off is None:
            self.deadlines.cancel(BackOffDue(agent.id))
        if state is not before or shown != reason_before:
            self.decisions.append(AgentStateChanged(agent.id, state, shown, self.now))
        if state is AgentState.READY:
            self.freed.append(agent)
