"""Desks: the agents, their phones and what they may ask for."""

from collections.abc import Iterable
from dataclasses import replace

from acdcore.calls.acd import Acd
from acdcore.calls.call import Call
from acdcore.calls.chronicle import Chronicle
from acdcore.calls.commands import AgentCommand, AgentState, LiveAgent, Seat, SeatKind, UnknownAgent, WrongState
from acdcore.calls.leg import Leg
from acdcore.calls.phones import Phones
from acdcore.calls.ports import AgentRecord, Directory
from acdcore.ivr.model import Language
from acdcore.kernel.clock import Clock
from acdcore.kernel.errors import Unavailable
from acdcore.kernel.ids import AgentId, SkillName
from acdcore.queues.model import (
    AgentBusy,
    AgentIdle,
    AgentLoggedIn,
    AgentLoggedOut,
    AgentNotReady,
    AgentPhoneDown,
    AgentPhoneUp,
    AgentReady,
    AgentRestored,
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


LEVEL_MAX = 9
"""Of the language that an agent speaks best."""


class Desks:
    """All agents, on phone or not."""

    def __init__(self, phones: Phones, directory: Directory, acd: Acd, chronicle: Chronicle, clock: Clock) -> None:
        self.phones = phones
        self._directory = directory
        self._acd = acd
        self._chronicle = chronicle
        self._time = chronicle.time
        self._started_at = clock.now()
        self._seats: dict[AgentId, Seat] = {}
        """Where agents work who do not work at their own phone."""
        self._leaving: set[AgentId] = set()
        """Who talks and has logged out: gone when the talk ends."""
        acd.on_agent = self._changed
        phones.on_change = self._phones_changed

    # --- phones ---

    def ring(self, call: Call, agent: AgentId, ring_for_s: float) -> Leg:
        """Ring the phone at the agent's seat; raises Unavailable when none can be reached, PortsExhausted.

        A registration outlives the agent's deactivation, but is not used any more: Unavailable too.
        """
        if not self._record(agent).is_active:
            raise Unavailable(f"agent {agent} is not active")
        return self.phones.ring(call, self._phone_of(agent), ring_for_s)

    def seat(self, agent: AgentId) -> Seat | None:
        """Where the agent sits; None: at the agent's own phone."""
        return self._seats.get(agent)

    def _phone_of(self, agent: AgentId) -> AgentId:
        """The user under which the agent's phone is registered."""
        seat = self._seats.get(agent)
        return agent if seat is None or seat.kind is SeatKind.NUMBER else AgentId(seat.where)

    def _phones_changed(self, user: AgentId) -> None:
        guests = [agent for agent, seat in self._seats.items() if seat == Seat(SeatKind.PHONE, user)]
        for agent in guests if user in self._seats else [user, *guests]:
            self._tell_reach(agent)

    def _tell_reach(self, agent: AgentId) -> None:
        """Tell the dispatcher whether the agent can be rung; an outside number is taken for reachable."""
        seat = self._seats.get(agent)
        is_outside = seat is not None and seat.kind is SeatKind.NUMBER
        is_up = is_outside or self.phones.is_reachable(self._phone_of(agent))
        self._acd.feed(AgentPhoneUp(agent) if is_up else AgentPhoneDown(agent))

    def _sit_down(self, agent: AgentId, seat: Seat | None) -> None:
        """Take a seat for this duty; raises WrongState for a phone that another agent works at."""
        if seat is not None and seat.kind is SeatKind.PHONE:
            taken_by = next((who for who, where in self._seats.items() if where == seat and who != agent), None)
            owner = self._acd.agent(AgentId(seat.where)) if seat.where != agent else None
            if owner is not None and owner.state is not FloorState.LOGGED_OUT and owner.agent not in self._seats:
                taken_by = owner.agent
            if taken_by is not None:
                raise WrongState(f"agent {taken_by} works at phone {seat.where}; log that agent out first")
        if seat is None or seat == Seat(SeatKind.PHONE, agent):
            self._seats.pop(agent, None)
        else:
            self._seats[agent] = seat
        self._tell_reach(agent)

    # --- agents ---

    def agents(self) -> tuple[LiveAgent, ...]:
        """Every agent of the directory, by number."""
        views = {view.agent: view for view in self._acd.snapshot().agents}
        return tuple(self._live(record, views.get(record.agent)) for record in self._directory.agents())

    def agent(self, agent: AgentId) -> LiveAgent:
        """One agent; raises UnknownAgent."""
        return self._live(self._record(agent), self._acd.agent(agent))

    def command(
        self, agent: AgentId, command: AgentCommand, reason: str | None = None, seat: Seat | None = None
    ) -> LiveAgent:
        """Carry out `command`; raises UnknownAgent, WrongState."""
        record = self._record(agent)
        if not record.is_active:
            raise WrongState(f"agent {agent} is not active")
        if command is AgentCommand.LOG_IN:
            self._sit_down(agent, seat)
        refusal = self._ask(record, command, reason)
        if refusal is not None:
            state = self.agent(agent).state.value
            raise WrongState(f"agent {agent} is {state}: {command.value} does not fit ({refusal.value})")
        return self.agent(agent)

    def restore(self, agents: Iterable[AgentRestored]) -> int:
        """Have those who were at work before a restart at work again, as the directory knows them now; how many."""
        restored = 0
        for before in agents:
            record = self._directory.agent(before.settings.agent)
            if record is None or not record.is_active:
                continue
            settings = settings_of(record)
            self._acd.feed(replace(before, settings=settings, is_phone_up=self.phones.is_reachable(record.agent)))
            restored += 1
        return restored

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
        if change.state is FloorState.LOGGED_OUT and self._seats.pop(change.agent, None) is not None:
            self._tell_reach(change.agent)
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
                return AgentLoggedIn(settings_of(record))
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


def settings_of(record: AgentRecord) -> AgentSettings:
    """The agent for the dispatcher: languages are skills too, the best spoken at the highest level."""
    spoken = {SkillName(name): LEVEL_MAX - place for place, name in enumerate(record.languages[:LEVEL_MAX])}
    return AgentSettings(
        agent=record.agent,
        name=record.name,
        skills={**spoken, **record.skills},
        channels=dict.fromkeys(record.declines, 0),
    )
