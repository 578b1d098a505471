"""Desks: the agents, their phones and what they may ask for."""

from dataclasses import replace

from acdcore.calls.acd import Acd
from acdcore.calls.call import Call
from acdcore.calls.chronicle import Chronicle
from acdcore.calls.commands import AgentCommand, AgentState, LiveAgent, UnknownAgent, WrongState
from acdcore.calls.leg import Leg
from acdcore.calls.phones import Phones
from acdcore.calls.ports import AgentRecord, Directory
from acdcore.ivr.model import Language
from acdcore.kernel.clock import Clock
from acdcore.kernel.errors import Unavailable
from acdcore.kernel.ids import AgentId
from acdcore.queues.model import (
    AgentBusy,
    AgentIdle,
    AgentLoggedIn,
    AgentLoggedOut,
    AgentNotReady,
    AgentPhoneDown,
    AgentPhoneUp,
    AgentReady,
    AgentStateChanged,
    Input,
    RefusalReason,
    WrapUpEnded,
)
from acdcore.queues.model import AgentState as FloorState
from acdcore.queues.settings import AgentSettings
from acdcore.queues.view import AgentView

STATES = {
    FloorState.LOGGED_OUT: AgentState.LOGGED_OUT,
    FloorState.UNREACHABLE: AgentState.UNREACHABLE,
    FloorState.NOT_READY: AgentState.NOT_READY,
    FloorState.BACKING_OFF: AgentState.NOT_READY,
    FloorState.BUSY: AgentState.BUSY,
    FloorState.READY: AgentState.READY,
    FloorState.OFFERED: AgentState.RINGING,
    FloorState.TALKING: AgentState.TALKING,
    FloorState.WRAP_UP: AgentState.WRAP_UP,
}
"""The dispatcher's states as boards show them."""


class Desks:
    """All agents, on phone or not."""

    def __init__(self, phones: Phones, directory: Directory, acd: Acd, chronicle: Chronicle, clock: Clock) -> None:
        self.phones = phones
        self._directory = directory
        self._acd = acd
        self._chronicle = chronicle
        self._time = chronicle.time
        self._started_at = clock.now()
        self._leaving: set[AgentId] = set()
        """Who talks and has logged out: gone when the talk ends."""
        acd.on_agent = self._changed
        phones.on_change = self._phones_changed

    # --- phones ---

    def ring(self, call: Call, agent: AgentId, ring_for_s: float) -> Leg:
        """Ring the agent's preferred phone; raises Unavailable when none can be reached, PortsExhausted.

        A registration outlives the agent's deactivation, but is not used any more: Unavailable too.
        """
        if not self._record(agent).is_active:
            raise Unavailable(f"agent {agent} is not active")
        return self.phones.ring(call, agent, ring_for_s)

    def _phones_changed(self, agent: AgentId) -> None:
        self._acd.feed(AgentPhoneUp(agent) if self.phones.is_reachable(agent) else AgentPhoneDown(agent))

    # --- agents ---

    def agents(self) -> tuple[LiveAgent, ...]:
        """Every agent of the directory, by number."""
        views = {view.agent: view for view in self._acd.snapshot().agents}
        return tuple(self._live(record, views.get(record.agent)) for record in self._directory.agents())

    def agent(self, agent: AgentId) -> LiveAgent:
        """One agent; raises UnknownAgent."""
        return self._live(self._record(agent), self._acd.agent(agent))

    def command(self, agent: AgentId, command: AgentCommand, reason: str | None = None) -> LiveAgent:
        """Carry out `command`; raises UnknownAgent, WrongState."""
        record = self._record(agent)
        if not record.is_active:
            raise WrongState(f"agent {agent} is not active")
        refusal = self._ask(record, command, reason)
        if refusal is not None:
            state = self.agent(agent).state.value
            raise WrongState(f"agent {agent} is {state}: {command.value} does not fit ({refusal.value})")
        return self.agent(agent)

    def agent_changed(self, agent: AgentId) -> None:
        """Take over a changed record: skills and name at once, the end of the duty when it is no longer active.

        Raises UnknownAgent.
        """
        record = self._record(agent)
        view = self._acd.agent(agent)
        if view is None or view.state is FloorState.LOGGED_OUT or agent in self._leaving:
            return  # the next log-in reads the record
        self._ask(record, AgentCommand.LOG_IN if record.is_active else AgentCommand.LOG_OUT)

    def language(self, agent: AgentId) -> Language:
        """The language that the agent is spoken to in."""
        record = self._directory.agent(agent)
        spoken = record.languages[0] if record is not None and record.languages else ""
        return Language(spoken) if spoken in set(Language) else Language.MANDARIN

    def own_call(self, agent: AgentId, is_up: bool) -> None:
        """The agent's phone is, or is no longer, in a call that no queue gave it."""
        self._acd.feed(AgentBusy(agent) if is_up else AgentIdle(agent))

    def _ask(self, record: AgentRecord, command: AgentCommand, reason: str | None = None) -> RefusalReason | None:
        """Put `command` to the dispatcher; why it was refused if it was."""
        refusal = self._acd.ask(self._input(record, command, reason))
        if refusal is not None:
            return refusal
        if command is AgentCommand.LOG_IN:
            self._leaving.discard(record.agent)
        elif command is AgentCommand.LOG_OUT and self.agent(record.agent).state is AgentState.TALKING:
            self._leaving.add(record.agent)
        return None

    def _changed(self, change: AgentStateChanged) -> None:
        self._leaving.discard(change.agent)
        record = self._directory.agent(change.agent)
        if record is None:
            return
        # By the change itself, not by the floor, which may have gone on: freed and offered in one turn are two facts.
        live = self._live(record, self._acd.agent(change.agent))
        since = self._time.at(change.at)
        self._chronicle.agent_state(
            replace(live, state=STATES[change.state], reason=change.reason or None, since=since)
        )

    def _record(self, agent: AgentId) -> AgentRecord:
        record = self._directory.agent(agent)
        if record is None:
            raise UnknownAgent(f"there is no agent {agent}")
        return record

    @staticmethod
    def _input(record: AgentRecord, command: AgentCommand, reason: str | None) -> Input:
        match command:
            case AgentCommand.LOG_IN:
                return AgentLoggedIn(AgentSettings(record.agent, record.name, record.skills))
            case AgentCommand.READY:
                return AgentReady(record.agent)
            case AgentCommand.NOT_READY:
                return AgentNotReady(record.agent, reason or "break")
            case AgentCommand.END_WRAP_UP:
                return WrapUpEnded(record.agent)
            case AgentCommand.LOG_OUT:
                return AgentLoggedOut(record.agent)

    def _live(self, record: AgentRecord, view: AgentView | None) -> LiveAgent:
        is_registered = self.phones.is_registered(record.agent)
        if view is None:
            started_at = self._time.at(self._started_at)
            return LiveAgent(
                record.agent, record.name, AgentState.LOGGED_OUT, None, started_at, None, is_registered, 0, 0
            )
        return LiveAgent(
            agent=record.agent,
            name=record.name,
            state=STATES[view.state],
            reason=view.reason or None,
            since=self._time.at(view.since),
            call_id=self._acd.call_id(view.entry) if view.entry else None,
            is_registered=is_registered,
            answered=view.figures.answered,
            missed=view.figures.misses,
        )
