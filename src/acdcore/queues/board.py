"""The floor's whole state, and what one turn notes down on it."""

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple

from acdcore.kernel.deadlines import Deadlines
from acdcore.kernel.ids import AgentId, SkillName
from acdcore.queues.agent import Agent, AgentEvent
from acdcore.queues.line import Edition, Line, Lines, Offer, Waiting
from acdcore.queues.model import AgentState, AgentStateChanged, Decision, EntryId, OfferId
from acdcore.queues.roster import Roster
from acdcore.queues.settings import FloorSettings, QueueSettings

# ---- what can come due: tuples, since every turn hashes some of them; `kind` keeps those of one name apart ----------


class RingDue(NamedTuple):
    """The ring time is over."""

    offer: OfferId
    kind: Literal["ring"] = "ring"


class WaitDue(NamedTuple):
    """`max_wait_s` is over."""

    entry: EntryId
    kind: Literal["wait"] = "wait"


class AnnounceDue(NamedTuple):
    """The position is to be told."""

    entry: EntryId
    kind: Literal["announce"] = "announce"


class HoldDue(NamedTuple):
    """An agent who missed this caller may be tried again."""

    entry: EntryId
    kind: Literal["hold"] = "hold"


class WrapUpDue(NamedTuple):
    """The wrap-up is over."""

    agent: AgentId
    kind: Literal["wrap_up"] = "wrap_up"


class BackOffDue(NamedTuple):
    """The back-off is over."""

    agent: AgentId
    kind: Literal["back_off"] = "back_off"


Due = RingDue | WaitDue | AnnounceDue | HoldDue | WrapUpDue | BackOffDue


class Board:
    """Who waits in which line, who is rung for whom, what is due; the modules beside this one are its verbs."""

    def __init__(self, settings: FloorSettings) -> None:
        self.lines = Lines(settings)
        self.roster = Roster()
        self.entries: dict[EntryId, tuple[Waiting, Line]] = {}
        self.offers: dict[OfferId, Offer] = {}
        self.deadlines: Deadlines[Due] = Deadlines()
        self.offers_made = 0
        self.entries_made = 0
        self.now = -math.inf
        self.out: list[Decision] = []
        # Notes of the turn: lines where a match may be possible (in order, since turns are repeatable), agents freed.
        self.dirty: dict[Line, None] = {}
        self.freed: list[Agent] = []
        self.open_lines()

    def find(self, entry: EntryId) -> tuple[Waiting, Line] | None:
        """An entry and its line: the one where it waits, or waited before its talk."""
        return self.entries.get(entry)

    def line(self, edition: Edition, queue: QueueSettings, skills: Mapping[SkillName, int]) -> Line:
        """The line for these needs, with everybody seated who may serve it."""
        line = self.lines.find(edition, queue, skills)
        if line is None:
            line = self.lines.make(edition, queue, skills)
            self.roster.open(line)
        return line

    def open_lines(self) -> None:
        """Open every queue of the present edition, so that no later turn pays for it."""
        for queue in self.lines.edition.settings.queues:
            self.line(self.lines.edition, queue, {})

    def close_if_idle(self, line: Line) -> None:
        """Forget a line that is empty and will not be joined again."""
        if self.lines.is_idle(line):
            self.lines.drop(line)
            self.roster.close(line)

    def walk(self, agent: Agent, event: AgentEvent, reason: str = "") -> None:
        """Walk a row of the agent's table, and note what follows for timers, displays and the match."""
        before, reason_before, back_off_before = agent.state, agent.reason, agent.back_off
        self.roster.apply(agent, event, self.now, reason)
        state, shown = agent.state, agent.reason
        if before is AgentState.WRAP_UP and state is not before:
            self.deadlines.cancel(WrapUpDue(agent.id))
        if back_off_before is not None and agent.back_off is None:
            self.deadlines.cancel(BackOffDue(agent.id))
        if state is not before or shown != reason_before:
            self.out.append(AgentStateChanged(agent.id, state, shown, self.now))
        if state is AgentState.READY:
            self.freed.append(agent)
