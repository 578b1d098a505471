"""Emulations of other routing policies to compare the dispatcher with, small enough to be read.

All of them see the same callers, agents, phones and ring times as the dispatcher. They serve a caller only by agents
who have the skills at the levels needed. A caller whom no agent can serve does not delay the callers behind. They leave
out overflow, announcements, rules and widening.

- `Fifo`: the caller who came first is served first, by the agent who is idle for the longest. A freed agent is offered
  the next caller in the same turn. After a missed offer the agent pauses as the dispatcher's `back_off_s` says.
- `StrictPriority`: as `Fifo`, but every caller with a larger `priority_s` goes before every caller with a smaller one,
  however long those have waited.
- `PenaltyPolling`: as queues of Asterisk's kind work. Each (queue, needs) is a queue of its own, with its members
  ranked by penalty (the highest level has the lowest). Callers stand by priority, then by time; each looks once a
  second, at a moment of its own, whether as many members are free as its position asks for, and rings the one with the
  lowest penalty. After a missed offer the caller looks again after 5 s; the member may be rung again at once.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from acdcore.kernel.ids import AgentId, SkillName
from acdcore.queues.decisions import (
    AgentKey,
    AgentState,
    AgentStateChanged,
    CallerKey,
    Connected,
    Decision,
    Departed,
    Offered,
    OfferMissed,
    OfferWithdrawn,
    Queued,
    TalkFinished,
    WithdrawCause,
)
from acdcore.queues.inputs import (
    AgentLoggedIn,
    AgentLoggedOut,
    AgentNotReady,
    AgentReady,
    CallerJoined,
    CallerLeft,
    DeadlinePassed,
    EntryId,
    Input,
    LeaveCause,
    OfferAccepted,
    OfferEnded,
    OfferId,
    TalkEnded,
    WrapUpEnded,
)
from acdcore.queues.settings import MAX_LEVEL, AgentSettings, DispatcherSettings, OfferEnd, QueueSettings

RECHECK_S = 1.0
"""With polling, a caller looks for a free member this often, seconds."""
RETRY_S = 5.0
"""With polling, a caller pauses this long after a member did not answer, seconds (the usual default)."""


@dataclass(slots=True)
class EmulatedCaller:
    """A caller in a queue or in a talk."""

    entry: EntryId
    queue: QueueSettings
    needs: Mapping[SkillName, int]
    priority: float
    """`priority_s` as joined."""
    joined_at: float
    serial: int
    looks_from: float
    """With polling: the caller does not look before this time, seconds."""
    ringing: "EmulatedOffer | None" = None
    agent: "EmulatedAgent | None" = None
    talking_since: float = 0.0


@dataclass(slots=True)
class EmulatedAgent:
    """An agent."""

    settings: AgentSettings
    state: AgentState = AgentState.LOGGED_OUT
    wants_calls: bool = False
    is_logged_in: bool = True
    idle_since: float = 0.0
    until: float = math.inf
    """End of the wrap-up or of the pause."""

    def serves(self, needs: Mapping[SkillName, int]) -> bool:
        """Whether the agent has the skills."""
        return all(self.settings.skills.get(skill, 0) >= level for skill, level in needs.items())

    def penalty(self, needs: Mapping[SkillName, int]) -> int:
        """Rank among the members; the lowest is rung first."""
        return sum(MAX_LEVEL - self.settings.skills.get(skill, 0) for skill in needs)


@dataclass(slots=True)
class EmulatedOffer:
    """An offer that rings."""

    offer: OfferId
    caller: EmulatedCaller
    member: EmulatedAgent
    until: float


@dataclass(slots=True)
class EmulationState:
    """The state of an emulation."""

    queues: dict[str, QueueSettings]
    waiting: dict[EntryId, EmulatedCaller] = field(default_factory=dict)
    talking: dict[EntryId, EmulatedCaller] = field(default_factory=dict)
    members: dict[AgentId, EmulatedAgent] = field(default_factory=dict)
    offers: dict[OfferId, EmulatedOffer] = field(default_factory=dict)
    offers_made: int = 0
    joined: int = 0


class Fifo:
    """First come, first served."""

    def __init__(self, settings: DispatcherSettings) -> None:
        self._back_off_s = settings.back_off_s
        self._state = EmulationState({queue.name: queue for queue in settings.queues})
        self._now = 0.0
        self._out: list[Decision] = []

    def handle(self, event: Input, now: float) -> list[Decision]:
        """One turn."""
        self._now, self._out = now, []
        self._take(event)
        self._match()
        return self._out

    def next_deadline(self) -> float | None:
        """The next ring time, wrap-up or pause that ends."""
        ends = [ringing.until for ringing in self._state.offers.values()]
        ends += [member.until for member in self._state.members.values()]
        earliest = min(ends, default=math.inf)
        return None if math.isinf(earliest) else earliest

    def _take(self, event: Input) -> None:
        match event:
            case CallerJoined():
                self._join(event)
            case CallerLeft(entry=entry, cause=cause) if entry in self._state.waiting:
                self._leave(self._state.waiting.pop(entry), cause)
            case AgentLoggedIn(settings=who):
                self._state.members[who.agent] = EmulatedAgent(who, idle_since=self._now)
            case AgentReady(agent=agent):
                self._wants(self._state.members[agent], True)
            case AgentNotReady(agent=agent):
                self._wants(self._state.members[agent], False)
            case AgentLoggedOut(agent=agent):
                self._state.members[agent].is_logged_in = False
                self._wants(self._state.members[agent], False)
            case OfferAccepted(offer=offer) if offer in self._state.offers:
                self._connect(self._state.offers.pop(offer))
            case OfferEnded(offer=offer, cause=end) if offer in self._state.offers:
                self._miss(self._state.offers.pop(offer), end)
            case TalkEnded(entry=entry) if entry in self._state.talking:
                self._talk_over(self._state.talking.pop(entry))
            case WrapUpEnded(agent=agent):
                self._rest(self._state.members[agent])
            case DeadlinePassed():
                self._come_due()
            case _:
                pass

    # ---- who is served next: what the emulations differ in ---------------------------------------------------------

    def _rank(self, caller: EmulatedCaller) -> tuple[float, int]:
        return 0.0, caller.serial

    def _pause_s(self, end: OfferEnd) -> float:
        return self._back_off_s.get(end, 0.0)

    def _match(self) -> None:
        """Offer the first caller who can be served, until there is none."""
        free = self._free()
        if not free:
            return
        waiting = [caller for caller in self._state.waiting.values() if caller.ringing is None]
        for caller in sorted(waiting, key=self._rank):
            able = [member for member in free if member.serves(caller.needs)]
            if able:
                member = min(able, key=lambda member: member.idle_since)
                free.remove(member)
                self._offer(caller, member)
            if not free:
                return

    def _free(self) -> list[EmulatedAgent]:
        return [member for member in self._state.members.values() if member.state is AgentState.READY]

    # ---- callers --------------------------------------------------------------------------------------------------

    def _join(self, event: CallerJoined) -> None:
        state = self._state
        queue = state.queues[event.queue]
        needs = dict(queue.skills)
        for skill, level in sorted(event.skills.items()):
            needs[skill] = max(level, needs.get(skill, 0))
        state.joined += 1
        state.waiting[event.entry] = EmulatedCaller(
            event.entry, queue, needs, event.priority_s, self._now, state.joined, looks_from=self._now
        )
        self._out.append(Queued(event.entry, event.queue, self._now))

    def _leave(self, caller: EmulatedCaller, cause: LeaveCause) -> None:
        if caller.ringing is not None:
            ringing = self._state.offers.pop(caller.ringing.offer)
            self._out.append(
                OfferWithdrawn(ringing.offer, caller.entry, ringing.member.settings.agent, WithdrawCause.CALLER_LEFT)
            )
            self._rest(ringing.member)
        waited_s = self._now - caller.joined_at
        is_short = cause is LeaveCause.HUNG_UP and waited_s < caller.queue.short_abandon_s
        self._out.append(Departed(caller.entry, caller.queue.name, cause, waited_s, is_short))

    # ---- offers ---------------------------------------------------------------------------------------------------

    def _offer(self, caller: EmulatedCaller, member: EmulatedAgent) -> None:
        state = self._state
        state.offers_made += 1
        ring_for_s = caller.queue.ring_for_s
        ringing = EmulatedOffer(OfferId(state.offers_made), caller, member, self._now + ring_for_s)
        state.offers[ringing.offer] = caller.ringing = ringing
        agent = member.settings.agent
        key = CallerKey(self._rank(caller)[0], caller.joined_at, caller.serial)
        agent_key = AgentKey(0, member.idle_since, member.idle_since, agent)
        self._out.append(Offered(ringing.offer, caller.entry, agent, caller.queue.name, ring_for_s, key, agent_key))
        self._enter(member, AgentState.OFFERED)

    def _connect(self, ringing: EmulatedOffer) -> None:
        caller, member = ringing.caller, ringing.member
        del self._state.waiting[caller.entry]
        self._state.talking[caller.entry] = caller
        caller.ringing, caller.agent, caller.talking_since = None, member, self._now
        waited_s = self._now - caller.joined_at
        is_in_time = waited_s <= caller.queue.service_level_within_s
        agent = member.settings.agent
        self._out.append(Connected(ringing.offer, caller.entry, agent, caller.queue.name, waited_s, is_in_time))
        self._enter(member, AgentState.TALKING)

    def _miss(self, ringing: EmulatedOffer, end: OfferEnd) -> None:
        caller, member = ringing.caller, ringing.member
        caller.ringing = None
        caller.looks_from = self._now + RETRY_S
        agent = member.settings.agent
        self._out.append(OfferMissed(ringing.offer, caller.entry, agent, caller.queue.name, end))
        pause_s = self._pause_s(end)
        if pause_s > 0 and member.wants_calls:
            member.until = self._now + pause_s
            self._enter(member, AgentState.BACKING_OFF)
        else:
            self._rest(member)

    def _talk_over(self, caller: EmulatedCaller) -> None:
        member = caller.agent
        if member is None:
            return
        talked_s = self._now - caller.talking_since
        self._out.append(TalkFinished(caller.entry, member.settings.agent, caller.queue.name, talked_s))
        if caller.queue.wrap_up_s > 0 and member.is_logged_in:
            member.until = self._now + caller.queue.wrap_up_s
            self._enter(member, AgentState.WRAP_UP)
        else:
            self._rest(member)

    # ---- agents ---------------------------------------------------------------------------------------------------

    def _wants(self, member: EmulatedAgent, wants_calls: bool) -> None:
        member.wants_calls = wants_calls
        if member.state is AgentState.OFFERED and not wants_calls:
            ringing = next(ringing for ringing in self._state.offers.values() if ringing.member is member)
            del self._state.offers[ringing.offer]
            ringing.caller.ringing = None
            cause = WithdrawCause.AGENT_NOT_READY
            self._out.append(OfferWithdrawn(ringing.offer, ringing.caller.entry, member.settings.agent, cause))
            self._rest(member)
        elif member.state not in (AgentState.OFFERED, AgentState.TALKING, AgentState.WRAP_UP):
            self._rest(member)

    def _rest(self, member: EmulatedAgent) -> None:
        member.until = math.inf
        if not member.is_logged_in:
            self._enter(member, AgentState.LOGGED_OUT)
        else:
            self._enter(member, AgentState.READY if member.wants_calls else AgentState.NOT_READY)

    def _enter(self, member: EmulatedAgent, state: AgentState) -> None:
        if member.state in (AgentState.TALKING, AgentState.WRAP_UP):
            member.idle_since = self._now
        member.state = state
        self._out.append(AgentStateChanged(member.settings.agent, state, "", self._now))

    def _come_due(self) -> None:
        for ringing in [ringing for ringing in self._state.offers.values() if ringing.until <= self._now]:
            del self._state.offers[ringing.offer]
            self._miss(ringing, OfferEnd.NO_ANSWER)
        for member in self._state.members.values():
            if member.until <= self._now:
                self._rest(member)


class StrictPriority(Fifo):
    """The larger priority first, however long the others have waited."""

    def _rank(self, caller: EmulatedCaller) -> tuple[float, int]:
        return -caller.priority, caller.serial


class PenaltyPolling(StrictPriority):
    """Every caller looks for a free member once a second."""

    def next_deadline(self) -> float | None:
        """As in `Fifo`, or the next look of a caller who would find a free member."""
        deadline = super().next_deadline()
        looks = [self._look_at(caller) for caller in self._able_to_try()]
        earliest = min(looks, default=math.inf)
        if deadline is None:
            return None if math.isinf(earliest) else earliest
        return min(deadline, earliest)

    def _pause_s(self, end: OfferEnd) -> float:
        return 0.0

    def _match(self) -> None:
        """Offer the callers who look at this moment, in the order of their queue."""
        for caller in self._able_to_try():
            if not self._is_looking(caller):
                continue
            free = [member for member in self._free() if member.serves(caller.needs)]
            if free:
                self._offer(caller, min(free, key=lambda member: (member.penalty(caller.needs), member.idle_since)))

    def _able_to_try(self) -> list[EmulatedCaller]:
        """Callers whose position is within the number of free members of their queue."""
        free = self._free()
        if not free:
            return []
        lines: dict[tuple[str, tuple[tuple[SkillName, int], ...]], list[EmulatedCaller]] = {}
        for caller in sorted(self._state.waiting.values(), key=self._rank):
            if caller.ringing is None:
                lines.setdefault((caller.queue.name, tuple(caller.needs.items())), []).append(caller)
        able: list[EmulatedCaller] = []
        for line in lines.values():
            members = sum(member.serves(line[0].needs) for member in free)
            able += line[:members]
        return able

    def _is_looking(self, caller: EmulatedCaller) -> bool:
        since_s = self._now - caller.looks_from
        return since_s >= 0 and abs(since_s - round(since_s / RECHECK_S) * RECHECK_S) < 1e-6

    def _look_at(self, caller: EmulatedCaller) -> float:
        """The caller's next look after this moment."""
        if caller.looks_from > self._now:
            return caller.looks_from
        looks = math.floor((self._now - caller.looks_from) / RECHECK_S + 1e-6) + 1
        return caller.looks_from + looks * RECHECK_S
