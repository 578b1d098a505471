"""The agents, their phones and what they may ask for."""

from collections.abc import Iterable
from dataclasses import replace

from acdcore.calls.agents.nailed_up_leg import NailedUpLeg
from acdcore.calls.agents.phones import Phones
from acdcore.calls.agents.seats import Seats, format_seat, parse_seat, phone_at
from acdcore.calls.core.call import Call
from acdcore.calls.core.leg import Leg
from acdcore.calls.model.commands import (
    AgentCommand,
    LiveAgent,
    LiveAgentState,
    Seat,
    SeatKind,
    UnknownAgent,
    WrongState,
)
from acdcore.calls.model.directory import AgentRecord
from acdcore.calls.model.events import PhoneReachabilityChanged
from acdcore.calls.model.ports import Directory
from acdcore.calls.queueing.queue_client import Acd
from acdcore.calls.record.event_log import CallEventLog
from acdcore.ivr.model.flow import Language
from acdcore.kernel.bus import EventBus
from acdcore.kernel.clock import Clock
from acdcore.kernel.errors import Unavailable
from acdcore.kernel.ids import AgentId, SkillName
from acdcore.queues.decisions import AgentState as QueueAgentState
from acdcore.queues.decisions import AgentStateChanged, RefusalReason
from acdcore.queues.inputs import (
    AgentBusy,
    AgentIdle,
    AgentLoggedIn,
    AgentLoggedOut,
    AgentNotReady,
    AgentPhoneDown,
    AgentPhoneUp,
    AgentReady,
    AgentRestored,
    Input,
    WrapUpEnded,
)
from acdcore.queues.settings import AgentSettings
from acdcore.queues.views import AgentSummary

STATES = {
    QueueAgentState.LOGGED_OUT: LiveAgentState.LOGGED_OUT,
    QueueAgentState.UNREACHABLE: LiveAgentState.UNREACHABLE,
    QueueAgentState.NOT_READY: LiveAgentState.NOT_READY,
    QueueAgentState.BACKING_OFF: LiveAgentState.NOT_READY,
    QueueAgentState.BUSY: LiveAgentState.BUSY,
    QueueAgentState.READY: LiveAgentState.READY,
    QueueAgentState.OFFERED: LiveAgentState.RINGING,
    QueueAgentState.TALKING: LiveAgentState.TALKING,
    QueueAgentState.WRAP_UP: LiveAgentState.WRAP_UP,
}
"""The dispatcher's states as boards show them."""
Facts = tuple[AgentRecord, AgentSummary | None, bool, Seat]
"""What a board shows of an agent depends on: the dispatcher's view, whether a phone is registered, and the seat."""


LEVEL_MAX = 9
"""Skill level of the language that an agent speaks best."""


class Agents:
    """All agents, logged in or not."""

    def __init__(
        self, phones: Phones, directory: Directory, acd: Acd, event_log: CallEventLog, bus: EventBus, clock: Clock
    ) -> None:
        self.phones = phones
        self._directory = directory
        self._acd = acd
        self._event_log = event_log
        self._time = event_log.time
        self._started_at = clock.now()
        self._seats = Seats()
        self._nailed_up: dict[AgentId, NailedUpLeg] = {}
        """The nailed-up legs, by agent."""
        self._shown: dict[AgentId, tuple[Facts, LiveAgent]] = {}
        """The view of each agent that was published last, with the facts that it was made from; agents of the directory
        only."""
        self._deactivated: set[AgentId] = set()
        """Those of `_leaving` who leave because they were deactivated; they do not leave when they are activated
        again."""
        self._leaving: set[AgentId] = set()
        """Agents who logged out during a talk: they leave when the talk ends."""
        bus.subscribe(AgentStateChanged, self._changed)
        bus.subscribe(PhoneReachabilityChanged, self._phones_changed)

    # --- phones ---

    def ring(self, call: Call, agent: AgentId, ring_for_s: float) -> Leg:
        """Ring the phone at the agent's seat; raises Unavailable when none can be reached, PortsExhausted.

        The phone of a deactivated agent may still be registered, but is not rung: Unavailable too.
        """
        if not self._record(agent).is_active:
            raise Unavailable(f"agent {agent} is not active")
        phone = self._seats.phone_of(agent)
        if phone is None:
            raise Unavailable(f"agent {agent} works at an external number")
        return self.phones.ring(call, phone, ring_for_s)

    def seat(self, agent: AgentId) -> Seat | None:
        """The agent's seat; None: the agent's own phone."""
        return self._seats.of(agent)

    def at_phone(self, user: AgentId) -> AgentId:
        """Who works at the phone that is registered under `user`."""
        return self._seats.guest_at(user) or user

    def _phones_changed(self, event: PhoneReachabilityChanged) -> None:
        user = event.user
        for agent in (user, self._seats.guest_at(user)):
            if agent is not None and self._seats.phone_of(agent) == user:
                self._tell_reach(agent)

    def _tell_reach(self, agent: AgentId) -> None:
        is_up = self._is_reachable(agent, self._seats.of(agent))
        self._acd.handle(AgentPhoneUp(agent) if is_up else AgentPhoneDown(agent))

    def _is_reachable(self, agent: AgentId, seat: Seat | None) -> bool:
        """Whether the agent can be rung there; an external number and a nailed-up leg count as reachable."""
        phone = phone_at(agent, seat)
        return phone is None or agent in self._nailed_up or self.phones.is_reachable(phone)

    def _sit_down(self, agent: AgentId, seat: Seat | None) -> None:
        """Take a seat until the log-out; raises WrongState for a phone at which another agent works."""
        phone = phone_at(agent, seat)
        if phone is not None and phone != agent and self._directory.agent(phone) is None:
            raise WrongState(f"there is no phone {phone}: it is named by the agent's number that it registers under")
        taken_by = None if phone is None else self._works_at(phone)
        if taken_by is not None and taken_by != agent:
            raise WrongState(f"agent {taken_by} works at phone {phone}; log that agent out first")
        leg = self._nailed_up.get(agent)
        if leg is not None and leg.phone != phone:
            self._replace(agent, leg)
        self._seats.take(agent, seat)
        self._tell_reach(agent)

    def _works_at(self, phone: AgentId) -> AgentId | None:
        """The guest at the phone, or its owner on duty."""
        owner = self._acd.agent(phone)
        is_there = owner is not None and owner.state is not QueueAgentState.LOGGED_OUT
        is_there = is_there and self._seats.phone_of(phone) == phone
        return self._seats.guest_at(phone) or (phone if is_there else None)

    # --- nailed-up legs ---

    def nailed_up_legs(self) -> tuple[NailedUpLeg, ...]:
        """Every nailed-up leg."""
        return tuple(self._nailed_up.values())

    def nailed_up_leg(self, agent: AgentId) -> NailedUpLeg | None:
        """The agent's nailed-up leg, over which calls come instead of ringing the phone."""
        return self._nailed_up.get(agent)

    def nail_up(self, agent: AgentId, leg: NailedUpLeg) -> None:
        """The agent works on this leg from now on. An earlier one is hung up; WrongState while that is in a talk."""
        former = self._nailed_up.get(agent)
        if former is not None:
            self._replace(agent, former)
        self._nailed_up[agent] = leg
        self._tell_reach(agent)

    def release(self, agent: AgentId, leg: NailedUpLeg) -> bool:
        """The leg has ended; False when the agent did not work on it any more."""
        if self._nailed_up.get(agent) is not leg:
            return False
        del self._nailed_up[agent]
        self._tell_reach(agent)
        return True

    def _replace(self, agent: AgentId, leg: NailedUpLeg) -> None:
        if leg.is_lent:
            raise WrongState(f"agent {agent} talks on a nailed-up leg at phone {leg.phone}")
        self.release(agent, leg)
        leg.hang_up("replaced")

    # --- agents ---

    def agents(self) -> tuple[LiveAgent, ...]:
        """Every agent of the directory, by number."""
        return tuple(self._live(record) for record in self._directory.agents())

    def agent(self, agent: AgentId) -> LiveAgent:
        """One agent; raises UnknownAgent."""
        return self._live(self._record(agent))

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
        """Log in the agents who were logged in before a restart, with their records of now; returns how many."""
        restored = 0
        for before in agents:
            record = self._directory.agent(before.settings.agent)
            if record is None or not record.is_active:
                continue
            seat = parse_seat(before.settings.seat)
            is_up = self._is_reachable(record.agent, seat)
            again = replace(before, settings=agent_settings(record, seat), is_phone_up=is_up)
            if self._acd.ask(again) is None:
                self._seats.take(record.agent, seat)
                restored += 1
        return restored

    def agent_changed(self, agent: AgentId) -> None:
        """Take over a changed record: skills and name at once, and a log-out when the agent is no longer active.

        Raises UnknownAgent.
        """
        record = self._record(agent)
        view = self._acd.agent(agent)
        is_leaving = agent in self._leaving and not (record.is_active and agent in self._deactivated)
        if view is None or view.state is QueueAgentState.LOGGED_OUT or is_leaving:
            return  # not logged in: the next log-in reads the record
        self._ask(record, AgentCommand.LOG_IN if record.is_active else AgentCommand.LOG_OUT)
        if not record.is_active and agent in self._leaving:
            self._deactivated.add(agent)

    def clock_set(self) -> None:
        """The machine's clock was set: publish every agent again, with the right start of the state."""
        self._shown.clear()

    def language(self, agent: AgentId) -> Language:
        """The language of the prompts for this agent."""
        record = self._directory.agent(agent)
        spoken = record.languages[0] if record is not None and record.languages else ""
        return Language(spoken) if spoken in set(Language) else Language.MANDARIN

    def own_call(self, agent: AgentId, is_up: bool) -> None:
        """The agent's phone is, or is no longer, in a call that did not come from a queue."""
        self._acd.handle(AgentBusy(agent) if is_up else AgentIdle(agent))

    def _ask(self, record: AgentRecord, command: AgentCommand, reason: str | None = None) -> RefusalReason | None:
        """Give `command` to the dispatcher; the reason of a refusal, None when it was carried out."""
        refusal = self._acd.ask(self._input(record, command, reason))
        if refusal is not None:
            return refusal
        if command is AgentCommand.LOG_IN:
            self._leaving.discard(record.agent)
            self._deactivated.discard(record.agent)
        elif command is AgentCommand.LOG_OUT and self.agent(record.agent).state is LiveAgentState.TALKING:
            self._leaving.add(record.agent)
        return None

    def _changed(self, change: AgentStateChanged) -> None:
        self._leaving.discard(change.agent)
        self._deactivated.discard(change.agent)
        leg = self._nailed_up.get(change.agent)
        if change.state is QueueAgentState.LOGGED_OUT and leg is not None:
            self.release(change.agent, leg)
            leg.hang_up("logged out")
        if change.state is QueueAgentState.LOGGED_OUT and self._seats.of(change.agent) is not None:
            self._seats.take(change.agent, None)
            self._tell_reach(change.agent)
        record = self._directory.agent(change.agent)
        if record is None:
            return
        # From the change, not from the present state: an agent who is freed and offered in one turn has two changes.
        live = self._live(record)
        since = self._time.at(change.at)
        self._event_log.agent_state(
            replace(live, state=STATES[change.state], reason=change.reason or None, since=since)
        )

    def _record(self, agent: AgentId) -> AgentRecord:
        record = self._directory.agent(agent)
        if record is None:
            raise UnknownAgent(f"there is no agent {agent}")
        return record

    def _input(self, record: AgentRecord, command: AgentCommand, reason: str | None) -> Input:
        match command:
            case AgentCommand.LOG_IN:
                return AgentLoggedIn(agent_settings(record, self._seats.of(record.agent)))
            case AgentCommand.READY:
                return AgentReady(record.agent)
            case AgentCommand.NOT_READY:
                return AgentNotReady(record.agent, reason or "break")
            case AgentCommand.END_WRAP_UP:
                return WrapUpEnded(record.agent)
            case AgentCommand.LOG_OUT:
                return AgentLoggedOut(record.agent)

    def _live(self, record: AgentRecord) -> LiveAgent:
        """The last view if nothing has changed: boards ask for all agents, and few have changed since."""
        phone = self._seats.phone_of(record.agent)
        is_registered = phone is not None and self.phones.is_registered(phone)
        seat = self._seats.of(record.agent) or Seat(SeatKind.PHONE, record.agent)
        facts = (record, self._acd.glance(record.agent), is_registered, seat)
        shown = self._shown.get(record.agent)
        if shown is None or shown[0] != facts:
            shown = self._shown[record.agent] = (facts, self._look(*facts))
        return shown[1]

    def _look(self, record: AgentRecord, seen: AgentSummary | None, is_registered: bool, seat: Seat) -> LiveAgent:
        if seen is None:
            started_at = self._time.at(self._started_at)
            return LiveAgent(
                record.agent, record.name, LiveAgentState.LOGGED_OUT, None, started_at, None, is_registered, 0, 0, seat
            )
        return LiveAgent(
            agent=record.agent,
            name=record.name,
            state=STATES[seen.state],
            reason=seen.reason or None,
            since=self._time.at(seen.since),
            call_id=self._acd.call_id(seen.entry) if seen.entry else None,
            is_registered=is_registered,
            answered=seen.answered,
            missed=seen.misses,
            seat=seat,
        )


def agent_settings(record: AgentRecord, seat: Seat | None) -> AgentSettings:
    """The agent for the dispatcher: languages are skills too, the best spoken at the highest level."""
    spoken = {SkillName(name): LEVEL_MAX - place for place, name in enumerate(record.languages[:LEVEL_MAX])}
    if not spoken:  # the record names no language: such agents are not kept from callers with a language
        spoken = {SkillName(language.value): 1 for language in Language}
    return AgentSettings(
        agent=record.agent,
        name=record.name,
        skills={**spoken, **record.skills},
        channels=dict.fromkeys(record.declines, 0),
        seat=format_seat(seat),
    )
