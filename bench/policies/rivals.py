"""Other ways to run a floor, small enough to be judged: emulations to compare the dispatcher with.

All of them see the same callers, agents, phones and ring times as the dispatcher, serve a caller only by agents who
have the skills at the levels asked for, and never let a caller whom nobody can serve hold up the ones behind. They
leave out overflow, announcements, rules and rings.

- `Fifo`: the caller who came first is served first, by the agent who is idle for the longest. A freed agent is offered
  the next caller in the same turn. After a missed offer the agent pauses as the floor's `back_off_s` says.
- `StrictPriority`: as `Fifo`, but every caller with a larger `priority_s` goes before every caller with a smaller one,
  however long those have waited.
- `PenaltyPolling`: as queues of Asterisk's kind work. Each (queue, needs) is a queue of its own, with its members
  ranked by penalty (the highest level has the lowest). Callers stand by priority, then by time; each looks once a
  second, at its own phase, whether as many members are free as its position asks for, and rings the one with the
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
"""How often a caller looks for a free member when queues poll."""
RETRY_S = 5.0
"""Pause of a caller after a member did not answer, when queues poll (the usual default)."""


@dataclass(slots=True)
class Caller:
    """Somebody in a queue, or talking."""

    entry: EntryId
    queue: QueueSettings
    needs: Mapping[SkillName, int]
    priority: float
    """`priority_s` as joined."""
    joined_at: float
    serial: int
    looks_from: float
    """Polling: does not look before."""
    ringing: "Ringing | None" = None
    agent: "Seat | None" = None
    talking_since: float = 0.0


@dataclass(slots=True)
class Seat:
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
        """Rank among the members: the lower, the earlier."""
        return sum(MAX_LEVEL - self.settings.skills.get(skill, 0) for skill in needs)


@dataclass(slots=True)
class Ringing:
    """A live offer."""

    offer: OfferId
    caller: Caller
    seat: Seat
    until: float


@dataclass(slots=True)
class Book:
    """What every rival keeps."""

    queues: dict[str, QueueSettings]
    waiting: dict[EntryId, Caller] = field(default_factory=dict)
    talking: dict[EntryId, Caller] = field(default_factory=dict)
    seats: dict[AgentId, Seat] = field(default_factory=dict)
    offers: dict[OfferId, Ringing] = field(default_factory=dict)
    offers_made: int = 0
    joined: int = 0


class Fifo:
    """First come, first served."""

    def __init__(self, settings: DispatcherSettings) -> None:
        self._back_off_s = settings.back_off_s
        self._book = Book({queue.name: queue for queue in settings.queues})
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
        ends = [ringing.until for ringing in self._book.offers.values()]
        ends += [seat.until for seat in self._book.seats.values()]
        earliest = min(ends, default=math.inf)
        return None if math.isinf(earliest) else earliest

    def _take(self, event: Input) -> None:
        match event:
            case CallerJoined():
                self._join(event)
            case CallerLeft(entry=entry, cause=cause) if entry in self._book.waiting:
                self._leave(self._book.waiting.pop(entry), cause)
            case AgentLoggedIn(settings=who):
                self._book.seats[who.agent] = Seat(who, idle_since=self._now)
            case AgentReady(agent=agent):
                self._wants(self._book.seats[agent], True)
            case AgentNotReady(agent=agent):
                self._wants(self._book.seats[agent], False)
            case AgentLoggedOut(agent=agent):
                self._book.seats[agent].is_logged_in = False
                self._wants(self._book.seats[agent], False)
            case OfferAccepted(offer=offer) if offer in self._book.offers:
                self._connect(self._book.offers.pop(offer))
            case OfferEnded(offer=offer, cause=end) if offer in self._book.offers:
                self._miss(self._book.offers.pop(offer), end)
            case TalkEnded(entry=entry) if entry in self._book.talking:
                self._talk_over(self._book.talking.pop(entry))
            case WrapUpEnded(agent=agent):
                self._rest(self._book.seats[agent])
            case DeadlinePassed():
                self._come_due()
            case _:
                pass

    # ---- who is served next: what the rivals differ in ------------------------------------------------------------

    def _rank(self, caller: Caller) -> tuple[float, int]:
        return 0.0, caller.serial

    def _pause_s(self, end: OfferEnd) -> float:
        return self._back_off_s.get(end, 0.0)

    def _match(self) -> None:
        """The first caller who can be served, again and again."""
        free = self._free()
        if not free:
            return
        waiting = [caller for caller in self._book.waiting.values() if caller.ringing is None]
        for caller in sorted(waiting, key=self._rank):
            able = [seat for seat in free if seat.serves(caller.needs)]
            if able:
                seat = min(able, key=lambda seat: seat.idle_since)
                free.remove(seat)
                self._offer(caller, seat)
            if not free:
                return

    def _free(self) -> list[Seat]:
        return [seat for seat in self._book.seats.values() if seat.state is AgentState.READY]

    # ---- callers --------------------------------------------------------------------------------------------------

    def _join(self, event: CallerJoined) -> None:
        book = self._book
        queue = book.queues[event.queue]
        needs = dict(queue.skills)
        for skill, level in sorted(event.skills.items()):
            needs[skill] = max(level, needs.get(skill, 0))
        book.joined += 1
        book.waiting[event.entry] = Caller(
            event.entry, queue, needs, event.priority_s, self._now, book.joined, looks_from=self._now
        )
        self._out.append(Queued(event.entry, event.queue, self._now))

    def _leave(self, caller: Caller, cause: LeaveCause) -> None:
        if caller.ringing is not None:
            ringing = self._book.offers.pop(caller.ringing.offer)
            self._out.append(
                OfferWithdrawn(ringing.offer, caller.entry, ringing.seat.settings.agent, WithdrawCause.CALLER_LEFT)
            )
            self._rest(ringing.seat)
        waited_s = self._now - caller.joined_at
        is_short = cause is LeaveCause.HUNG_UP and waited_s < caller.queue.short_abandon_s
        self._out.append(Departed(caller.entry, caller.queue.name, cause, waited_s, is_short))

    # ---- offers ---------------------------------------------------------------------------------------------------

    def _offer(self, caller: Caller, seat: Seat) -> None:
        book = self._book
        book.offers_made += 1
        ring_for_s = caller.queue.ring_for_s
        ringing = Ringing(OfferId(book.offers_made), caller, seat, self._now + ring_for_s)
        book.offers[ringing.offer] = caller.ringing = ringing
        agent = seat.settings.agent
        key = CallerKey(self._rank(caller)[0], caller.joined_at, caller.serial)
        agent_key = AgentKey(0, seat.idle_since, seat.idle_since, agent)
        self._out.append(Offered(ringing.offer, caller.entry, agent, caller.queue.name, ring_for_s, key, agent_key))
        self._enter(seat, AgentState.OFFERED)

    def _connect(self, ringing: Ringing) -> None:
        caller, seat = ringing.caller, ringing.seat
        del self._book.waiting[caller.entry]
        self._book.talking[caller.entry] = caller
        caller.ringing, caller.agent, caller.talking_since = None, seat, self._now
        waited_s = self._now - caller.joined_at
        is_in_time = waited_s <= caller.queue.service_level_within_s
        agent = seat.settings.agent
        self._out.append(Connected(ringing.offer, caller.entry, agent, caller.queue.name, waited_s, is_in_time))
        self._enter(seat, AgentState.TALKING)

    def _miss(self, ringing: Ringing, end: OfferEnd) -> None:
        caller, seat = ringing.caller, ringing.seat
        caller.ringing = None
        caller.looks_from = self._now + RETRY_S
        agent = seat.settings.agent
        self._out.append(OfferMissed(ringing.offer, caller.entry, agent, caller.queue.name, end))
        pause_s = self._pause_s(end)
        if pause_s > 0 and seat.wants_calls:
            seat.until = self._now + pause_s
            self._enter(seat, AgentState.BACKING_OFF)
        else:
            self._rest(seat)

    def _talk_over(self, caller: Caller) -> None:
        seat = caller.agent
        if seat is None:
            return
        talked_s = self._now - caller.talking_since
        self._out.append(TalkFinished(caller.entry, seat.settings.agent, caller.queue.name, talked_s))
        if caller.queue.wrap_up_s > 0 and seat.is_logged_in:
            seat.until = self._now + caller.queue.wrap_up_s
            self._enter(seat, AgentState.WRAP_UP)
        else:
            self._rest(seat)

    # ---- agents ---------------------------------------------------------------------------------------------------

    def _wants(self, seat: Seat, wants_calls: bool) -> None:
        seat.wants_calls = wants_calls
        if seat.state is AgentState.OFFERED and not wants_calls:
            ringing = next(ringing for ringing in self._book.offers.values() if ringing.seat is seat)
            del self._book.offers[ringing.offer]
            ringing.caller.ringing = None
            cause = WithdrawCause.AGENT_NOT_READY
            self._out.append(OfferWithdrawn(ringing.offer, ringing.caller.entry, seat.settings.agent, cause))
            self._rest(seat)
        elif seat.state not in (AgentState.OFFERED, AgentState.TALKING, AgentState.WRAP_UP):
            self._rest(seat)

    def _rest(self, seat: Seat) -> None:
        seat.until = math.inf
        if not seat.is_logged_in:
            self._enter(seat, AgentState.LOGGED_OUT)
        else:
            self._enter(seat, AgentState.READY if seat.wants_calls else AgentState.NOT_READY)

    def _enter(self, seat: Seat, state: AgentState) -> None:
        if seat.state in (AgentState.TALKING, AgentState.WRAP_UP):
            seat.idle_since = self._now
        seat.state = state
        self._out.append(AgentStateChanged(seat.settings.agent, state, "", self._now))

    def _come_due(self) -> None:
        for ringing in [ringing for ringing in self._book.offers.values() if ringing.until <= self._now]:
            del self._book.offers[ringing.offer]
            self._miss(ringing, OfferEnd.NO_ANSWER)
        for seat in self._book.seats.values():
            if seat.until <= self._now:
                self._rest(seat)


class StrictPriority(Fifo):
    """The larger advance first, whatever the others have waited."""

    def _rank(self, caller: Caller) -> tuple[float, int]:
        return -caller.priority, caller.serial


class PenaltyPolling(StrictPriority):
    """Every caller looks for a free member once a second."""

    def next_deadline(self) -> float | None:
        """As for all, and the next look of a caller who would find somebody."""
        deadline = super().next_deadline()
        looks = [self._look_at(caller) for caller in self._able_to_try()]
        earliest = min(looks, default=math.inf)
        if deadline is None:
            return None if math.isinf(earliest) else earliest
        return min(deadline, earliest)

    def _pause_s(self, end: OfferEnd) -> float:
        return 0.0

    def _match(self) -> None:
        """Those who look at this very moment, in the order of their queue."""
        for caller in self._able_to_try():
            if not self._is_looking(caller):
                continue
            free = [seat for seat in self._free() if seat.serves(caller.needs)]
            if free:
                self._offer(caller, min(free, key=lambda seat: (seat.penalty(caller.needs), seat.idle_since)))

    def _able_to_try(self) -> list[Caller]:
        """Callers whose position is within the number of free members of their queue."""
        free = self._free()
        if not free:
            return []
        lines: dict[tuple[str, tuple[tuple[SkillName, int], ...]], list[Caller]] = {}
        for caller in sorted(self._book.waiting.values(), key=self._rank):
            if caller.ringing is None:
                lines.setdefault((caller.queue.name, tuple(caller.needs.items())), []).append(caller)
        able: list[Caller] = []
        for line in lines.values():
            members = sum(seat.serves(line[0].needs) for seat in free)
            able += line[:members]
        return able

    def _is_looking(self, caller: Caller) -> bool:
        since_s = self._now - caller.looks_from
        return since_s >= 0 and abs(since_s - round(since_s / RECHECK_S) * RECHECK_S) < 1e-6

    def _look_at(self, caller: Caller) -> float:
        """The caller's next look after this moment."""
        if caller.looks_from > self._now:
            return caller.looks_from
        looks = math.floor((self._now - caller.looks_from) / RECHECK_S + 1e-6) + 1
        return caller.looks_from + looks * RECHECK_S
