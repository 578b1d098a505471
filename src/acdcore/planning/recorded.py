"""A recorded day as a source of days: the same calls and shifts, with random draws for what the record cannot contain.

Drawn are the remaining patience of callers who were answered, and the talk times of callers who were not. The model
leaves out pauses in side flows and manual assignments. `RecordedDay.result` is what really happened, so a run without
changes shows how accurate the model is.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from random import Random

from acdcore.kernel.ids import AgentId, QueueName
from acdcore.planning import handling, patience
from acdcore.planning.day import Arrival, Day, DayEvent, Person, Phone, WorkSpan, mix_seeds
from acdcore.planning.handling import Handling, Talk
from acdcore.planning.outcome import DayResult
from acdcore.planning.patience import PatienceCurve, Wait
from acdcore.planning.tally import Tally
from acdcore.queues.decisions import (
    AgentState,
    AgentStateChanged,
    Connected,
    Decision,
    Departed,
    InputRefused,
    Offered,
    OfferMissed,
    Overflowed,
    TalkFinished,
)
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
    CallerJoined,
    DispatcherChanged,
    EntryId,
    HoursChanged,
    Input,
    LeaveCause,
    OfferId,
)
from acdcore.queues.settings import AgentSettings, Channel, DispatcherSettings, OfferEnd, ToQueue

RecordedTurn = tuple[datetime, float, Input, Sequence[Decision]]
"""One turn of the journal: wall time with its zone, monotonic seconds, input, decisions."""

FEW_CALLERS = 50
"""From this many callers on, a queue's patience is estimated from its own callers; below, from those of all queues."""
DEFAULT_TALK_S = 180.0
"""Talk time on a day on which no caller was answered, seconds."""
MIN_SPAN_S = 1.0
"""Shorter times of being ready are mistakes and are left out, seconds."""


@dataclass(frozen=True, slots=True)
class PresentAgent:
    """An agent who was logged in when a segment began."""

    settings: AgentSettings
    is_ready: bool
    """True: the agent wanted calls, or was in a contact."""


@dataclass(frozen=True, slots=True)
class RecordedContact:
    """One caller of the recorded day."""

    arrival: Arrival
    """As recorded; handling time and patience are not known yet."""
    waited_s: float
    """Seconds over all queues until the answer, or until leaving."""
    gave_up: LeaveCause | None
    """How the caller left when the patience ended; None: the patience did not end."""
    talk: Talk | None
    """The talk, if it ended on the day; None: no such talk."""


@dataclass(frozen=True, slots=True)
class RecordedDay:
    """A recorded day, divided into what `Day` needs."""

    settings: DispatcherSettings
    contacts: tuple[RecordedContact, ...]
    people: tuple[Person, ...]
    events: tuple[DayEvent, ...]
    handling: Handling
    """What is known of handling times."""
    patience: Mapping[QueueName, PatienceCurve]
    """What is known of the patience of each queue's callers."""
    result: DayResult
    """What really happened."""

    def draw(self, seed: int) -> Day:
        """A day in which the unknown values are drawn at random."""
        arrivals = [
            self._draw_arrival(contact, mix_seeds(seed, number)) for number, contact in enumerate(self.contacts)
        ]
        return Day(self.settings, tuple(arrivals), self.people, self.events)

    def _draw_arrival(self, contact: RecordedContact, seed: int) -> Arrival:
        rng = Random(seed)
        arrival = contact.arrival
        patience_s: float | None = contact.waited_s
        if contact.gave_up is None:
            patience_s = self.patience[arrival.queue].draw(rng.random(), contact.waited_s)
        if arrival.channel is not Channel.CALL:
            patience_s = None
        known = contact.talk
        talk = self.handling.ordinary(known) if known else self.handling.draw(arrival.queue, rng.random())
        return replace(
            arrival,
            handling_s=talk.talk_s if talk else DEFAULT_TALK_S,
            wrap_up_s=talk.wrap_up_s if talk else None,
            patience_s=patience_s,
            leaves_as=contact.gave_up or LeaveCause.HUNG_UP,
            chance=rng.getrandbits(48),
        )


def record(
    turns: Iterable[RecordedTurn], settings: DispatcherSettings, zone: tzinfo, present: Iterable[PresentAgent] = ()
) -> RecordedDay:
    """Convert the turns of a day. `zone`: where its midnight is; `present`: agents logged in when it began.

    Raises ValueError when there is no turn.
    """
    recorder = DayRecorder(zone)
    for wall, _, event, decisions in turns:
        if not recorder.has_begun:
            recorder.begin(wall, settings, present)
        recorder.read(wall, event, decisions)
    return recorder.recording()


@dataclass(slots=True)
class _RecordedCaller:
    """A caller as recorded so far."""

    arrival: Arrival
    waited_s: float | None = None
    """Seconds; None: still in a queue."""
    gave_up: LeaveCause | None = None
    agent: AgentId | None = None
    talk_s: float | None = None
    wrap_up_s: float = 0.0


@dataclass(slots=True)
class _RecordedAgent:
    """An agent as recorded so far."""

    settings: AgentSettings
    spans: list[WorkSpan] = field(default_factory=list)
    ready_at: float | None = None
    answers_s: list[float] = field(default_factory=list)
    misses: list[OfferEnd] = field(default_factory=list)
    wrapping: tuple[EntryId, float] | None = None
    """The entry whose wrap-up runs, and since when; None: no wrap-up."""


class DayRecorder:
    """Reads the records of one day turn by turn; `zone` says where its midnight is."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._midnight: datetime | None = None
        self._settings = DispatcherSettings()
        self._callers: dict[EntryId, _RecordedCaller] = {}
        self._agents: dict[AgentId, _RecordedAgent] = {}
        self._events: list[DayEvent] = []
        self._offered_at: dict[OfferId, float] = {}
        self._last: dict[AgentId, EntryId] = {}
        self._tally = Tally()
        self._at = 0.0

    @property
    def has_begun(self) -> bool:
        """Whether a segment has begun."""
        return self._midnight is not None

    def begin(self, wall: datetime, settings: DispatcherSettings, present: Iterable[PresentAgent] = ()) -> None:
        """Begin a segment: at the start of the day, or after a restart of the daemon."""
        if self._midnight is None:
            self._midnight = wall.astimezone(self._zone).replace(hour=0, minute=0, second=0, microsecond=0)
            self._settings = settings
        else:
            self._rest_all()
            self._events.append(DayEvent(self._at, DispatcherChanged(settings)))
        self._at = (wall - self._midnight).total_seconds()
        for who in present:
            self._agents.setdefault(who.settings.agent, _RecordedAgent(who.settings))
            if who.is_ready:
                self._ready(who.settings.agent, self._at)

    def read(self, wall: datetime, event: Input, decisions: Sequence[Decision]) -> None:
        """Read one turn of the segment."""
        if self._midnight is None:
            raise ValueError("no segment has begun; call begin() before read()")
        at = self._at = (wall - self._midnight).total_seconds()
        if not any(isinstance(decision, InputRefused) for decision in decisions):
            self._hear(at, event)
        for decision in decisions:
            self._follow(at, decision)
        self._tally.fold(decisions, at)

    def recording(self) -> RecordedDay:
        """The whole day, when all turns are read. Raises ValueError when no segment has begun."""
        if self._midnight is None:
            raise ValueError("the record has no turn")
        self._rest_all()
        talks = [talk for caller in self._callers.values() if (talk := _talk(caller)) is not None]
        learnt = handling.fit(talks)
        contacts = tuple(
            RecordedContact(caller.arrival, self._waited_s(caller), caller.gave_up, _talk(caller))
            for caller in self._callers.values()
        )
        people = [_person(each, learnt) for each in self._agents.values() if each.spans]
        return RecordedDay(
            self._settings,
            contacts,
            tuple(people),
            tuple(self._events),
            learnt,
            _patience(contacts),
            self._tally.result(),
        )

    def _rest_all(self) -> None:
        """End what is still running when a segment ends."""
        for recorded in self._agents.values():
            self._rest(recorded, self._at)
            recorded.wrapping = None

    def _hear(self, at: float, event: Input) -> None:
        match event:
            case CallerJoined():
                self._callers[event.entry] = _RecordedCaller(_arrival(event, at))
                self._tally.expect(event.entry, event.facts.tier, event.channel)
            case AgentLoggedIn(settings=who) | AgentRestored(settings=who):
                if who.agent in self._agents:
                    self._events.append(DayEvent(at, AgentLoggedIn(who)))
                else:
                    self._agents[who.agent] = _RecordedAgent(who)
                if isinstance(event, AgentRestored) and event.is_ready:
                    self._ready(who.agent, at)
            case AgentReady(agent=agent):
                self._ready(agent, at)
            case AgentNotReady(agent=agent) | AgentLoggedOut(agent=agent):
                if agent in self._agents:
                    self._rest(self._agents[agent], at)
            case AgentPhoneUp() | AgentPhoneDown() | AgentBusy() | AgentIdle() | DispatcherChanged() | HoursChanged():
                self._events.append(DayEvent(at, event))
            case _:
                pass

    def _follow(self, at: float, decision: Decision) -> None:
        match decision:
            case Offered(offer=offer):
                self._offered_at[offer] = at
            case Connected(offer=offer, entry=entry, agent=agent):
                self._answered(at, offer, entry, agent)
            case OfferMissed(offer=offer, agent=agent, cause=cause):
                self._offered_at.pop(offer, None)
                if agent in self._agents:
                    self._agents[agent].misses.append(cause)
            case Departed(entry=entry, cause=cause) if entry in self._callers:
                self._left(at, entry)
                if cause in (LeaveCause.HUNG_UP, LeaveCause.CALLBACK):
                    self._callers[entry].gave_up = cause
            case Overflowed(entry=entry, target=target) if entry in self._callers and not isinstance(target, ToQueue):
                self._left(at, entry)
            case TalkFinished(entry=entry, agent=agent, talked_s=talked_s) if entry in self._callers:
                self._callers[entry].talk_s = talked_s
                self._last[agent] = entry
            case AgentStateChanged(agent=agent, state=state) if agent in self._agents:
                self._state(at, agent, state)
            case _:
                pass

    def _answered(self, at: float, offer: OfferId, entry: EntryId, agent: AgentId) -> None:
        offered_at = self._offered_at.pop(offer, None)
        if offered_at is not None and agent in self._agents:
            self._agents[agent].answers_s.append(at - offered_at)
        if entry in self._callers:
            self._left(at, entry)
            self._callers[entry].agent = agent

    def _left(self, at: float, entry: EntryId) -> None:
        caller = self._callers[entry]
        caller.waited_s = at - caller.arrival.at

    def _waited_s(self, caller: _RecordedCaller) -> float:
        return self._at - caller.arrival.at if caller.waited_s is None else caller.waited_s

    def _state(self, at: float, agent: AgentId, state: AgentState) -> None:
        recorded = self._agents[agent]
        if recorded.wrapping is not None and state is not AgentState.WRAP_UP:
            entry, since = recorded.wrapping
            self._callers[entry].wrap_up_s = at - since
            recorded.wrapping = None
        if state is AgentState.WRAP_UP and agent in self._last:
            recorded.wrapping = (self._last[agent], at)

    def _ready(self, agent: AgentId, at: float) -> None:
        recorded = self._agents.get(agent)
        if recorded is not None and recorded.ready_at is None:
            recorded.ready_at = at

    def _rest(self, recorded: _RecordedAgent, at: float) -> None:
        if recorded.ready_at is not None and at - recorded.ready_at >= MIN_SPAN_S:
            recorded.spans.append(WorkSpan(recorded.ready_at, at))
        recorded.ready_at = None


def _arrival(event: CallerJoined, at: float) -> Arrival:
    return Arrival(
        event.entry,
        at,
        event.queue,
        DEFAULT_TALK_S,
        priority_s=event.priority_s,
        skills=event.skills,
        facts=event.facts,
        channel=event.channel,
        preferred=event.preferred,
        waited_s=event.waited_s,
    )


def _talk(caller: _RecordedCaller) -> Talk | None:
    if caller.agent is None or caller.talk_s is None:
        return None
    return Talk(caller.agent, caller.arrival.queue, caller.talk_s, caller.wrap_up_s)


def _person(recorded: _RecordedAgent, learnt: Handling) -> Person:
    offers = len(recorded.answers_s) + len(recorded.misses)
    phone = Phone(
        answers_s=tuple(recorded.answers_s) or Phone().answers_s,
        miss_share=len(recorded.misses) / offers if offers else 0.0,
        miss_cause=Counter(recorded.misses).most_common(1)[0][0] if recorded.misses else OfferEnd.NO_ANSWER,
    )
    return Person(recorded.settings, tuple(recorded.spans), learnt.pace(recorded.settings.agent), phone)


def _patience(contacts: Sequence[RecordedContact]) -> dict[QueueName, PatienceCurve]:
    """Patience by queue; queues with few callers use the callers of all queues."""
    waits: dict[QueueName, list[Wait]] = defaultdict(list)
    for contact in contacts:
        waits[contact.arrival.queue]  # a queue of callbacks alone has an entry too
        if contact.arrival.channel is Channel.CALL:
            waits[contact.arrival.queue].append(Wait(contact.waited_s, contact.gave_up is not None))
    of_all = patience.fit(wait for own in waits.values() for wait in own)
    return {queue: patience.fit(own) if len(own) >= FEW_CALLERS else of_all for queue, own in waits.items()}
