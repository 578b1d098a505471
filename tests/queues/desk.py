"""A floor on a clock of its own, with an auditor who checks the invariants from the outside after every turn."""

from dataclasses import dataclass, field
from typing import TypeVar

from acdcore.kernel.ids import AgentId, QueueName, SkillName
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.journal import rebuild, write
from acdcore.queues.metrics import Metrics
from acdcore.queues.model import (
    AgentLoggedIn,
    AgentPhoneUp,
    AgentReady,
    AgentState,
    AgentStateChanged,
    CallerJoined,
    Connected,
    DeadlinePassed,
    Decision,
    Departed,
    EntryId,
    FloorChanged,
    Input,
    InputRefused,
    Offered,
    OfferId,
    OfferMissed,
    OfferWithdrawn,
    Overflowed,
    Queued,
    TalkFinished,
)
from acdcore.queues.settings import AgentSettings, FloorSettings, QueueSettings, ToQueue

SALES, HELP, SPARE = QueueName("sales"), QueueName("help"), QueueName("spare")
TALK, REPAIR, ENGLISH = SkillName("talk"), SkillName("repair"), SkillName("english")
ANNA, BO, CHEN = AgentId("1001"), AgentId("1002"), AgentId("1003")

D = TypeVar("D")


@dataclass(slots=True)
class Caller:
    """What the auditor knows of an entry."""

    queue: QueueSettings
    floor: FloorSettings
    joined: CallerJoined
    joined_at: float
    serial: int
    held: dict[AgentId, float] = field(default_factory=dict)
    ringing: OfferId | None = None
    talking_to: AgentId | None = None

    def urgency(self, now: float) -> tuple[float, float, int]:
        """The order key by its definition."""
        urgency_s = self.queue.weight * (self.joined.advance_s + self.queue.ageing * (now - self.joined_at))
        return (-urgency_s, self.joined_at, self.serial)

    def fits(self, agent: AgentSettings) -> bool:
        """Eligibility by its definition."""
        needed = list(self.queue.skills.items()) + list(self.joined.skills.items())
        return all(agent.skills.get(skill, 0) >= level for skill, level in needed)


class Auditor:
    """Follows inputs and decisions only, and fails on the first broken invariant."""

    def __init__(self, settings: FloorSettings) -> None:
        self.floor = settings
        self.callers: dict[EntryId, Caller] = {}
        self.agents: dict[AgentId, AgentSettings] = {}
        self.states: dict[AgentId, AgentState] = {}
        self.live: dict[OfferId, tuple[Offered, float]] = {}
        self.ended: set[OfferId] = set()
        self.metrics = Metrics()
        self.serial = 0

    def turn(self, fed: Input, decisions: list[Decision], now: float) -> None:
        """Check one turn, decision by decision."""
        if not any(isinstance(decision, InputRefused) for decision in decisions):
            self._learn(fed, now)
        for decision in decisions:
            self._follow(decision, now)
        if isinstance(fed, DeadlinePassed):
            late = [offer for offer, (offered, at) in self.live.items() if now >= at + offered.ring_for_s]
            assert not late, f"{late} ring beyond their time"
        self.metrics.fold(decisions)
        for name, figures in self.metrics.queues.items():
            inside = [c for c in self.callers.values() if c.queue.name == name and c.talking_to is None]
            assert figures.waiting == len(inside), f"{name} counts {figures.waiting} waiting, there are {len(inside)}"
            assert figures.is_balanced, f"{name} has lost count of somebody: {figures}"

    def _learn(self, fed: Input, now: float) -> None:
        match fed:
            case CallerJoined():
                self.serial += 1
                queue = next(queue for queue in self.floor.queues if queue.name == fed.queue)
                self.callers[fed.entry] = Caller(queue, self.floor, fed, now, self.serial)
            case AgentLoggedIn(settings=who):
                self.agents[who.agent] = who
            case FloorChanged(settings=settings):
                self.floor = settings
            case _:
                pass

    def _follow(self, decision: Decision, now: float) -> None:
        match decision:
            case Queued(entry=entry, queue=name):
                caller = self.callers[entry]
                caller.queue = next(queue for queue in caller.floor.queues if queue.name == name)
                assert caller.ringing is None and caller.talking_to is None
            case Offered():
                self._offered(decision, now)
            case OfferWithdrawn(offer=offer, entry=entry):
                self._offer_over(offer, entry)
            case OfferMissed(offer=offer, entry=entry, agent=agent):
                if offer in self.live:
                    self._offer_over(offer, entry)
                self.callers[entry].held[agent] = now + self.callers[entry].floor.tried_hold_s
            case Connected(offer=offer, entry=entry, agent=agent):
                self._offer_over(offer, entry)
                self.callers[entry].talking_to = agent
            case TalkFinished(entry=entry, agent=agent):
                assert self.callers.pop(entry).talking_to == agent
            case Departed(entry=entry):
                assert self.callers.pop(entry).ringing is None, "a phone rings for a caller who left"
            case Overflowed(entry=entry, target=target):
                assert self.callers[entry].ringing is None, "a phone rings for a caller who overflowed"
                if not isinstance(target, ToQueue):
                    del self.callers[entry]
            case AgentStateChanged(agent=agent, state=state):
                self.states[agent] = state
            case _:
                pass

    def _offered(self, offered: Offered, now: float) -> None:
        caller, agent = self.callers[offered.entry], self.agents[offered.agent]
        assert offered.offer not in self.ended and offered.offer not in self.live
        assert caller.ringing is None and caller.talking_to is None, "two agents for one caller"
        assert self.states[offered.agent] is AgentState.READY, "an agent is offered a second contact"
        assert caller.fits(agent), "an agent without the skills is offered the caller"
        assert caller.held.get(offered.agent, now) <= now, "the same agent is rung again for the caller missed before"
        key = caller.urgency(now)
        for other in self.callers.values():
            if other.ringing is None and other.talking_to is None and other.fits(agent):
                held = other.held.get(offered.agent, now) > now
                assert held or key <= other.urgency(now), "somebody with a smaller key was passed over"
        caller.ringing = offered.offer
        self.live[offered.offer] = (offered, now)

    def _offer_over(self, offer: OfferId, entry: EntryId) -> None:
        assert self.callers[entry].ringing == offer, "an offer ended twice, or for another caller"
        self.callers[entry].ringing = None
        del self.live[offer]
        self.ended.add(offer)


class Desk:
    """The dispatcher under test with a clock that is moved by hand; every input is journaled and audited."""

    def __init__(self, *queues: QueueSettings, floor: FloorSettings | None = None) -> None:
        self.settings = floor or FloorSettings(queues=queues)
        self.dispatcher = Dispatcher(self.settings)
        self.auditor = Auditor(self.settings)
        self.now = 1_000.0
        self.journal: list[str] = []
        self.entries = 0

    def feed(self, fed: Input) -> list[Decision]:
        """One turn at the present moment."""
        decisions = self.dispatcher.handle(fed, self.now)
        self.journal.append(write(self.now, fed))
        self.auditor.turn(fed, decisions, self.now)
        return decisions

    def wait(self, seconds: float) -> list[Decision]:
        """Let time pass; deadlines are handled at their time."""
        until = self.now + seconds
        decisions: list[Decision] = []
        deadline = self.dispatcher.next_deadline()
        while deadline is not None and deadline <= until:
            self.now = max(self.now, deadline)
            decisions += self.feed(DeadlinePassed())
            following = self.dispatcher.next_deadline()
            assert following is None or following > self.now, "the timer would fire for ever"
            deadline = following
        self.now = until
        return decisions

    def staff(self, agent: AgentId, **skills: int) -> list[Decision]:
        """An agent logs in with a working phone and is ready."""
        levels = {SkillName(skill): level for skill, level in skills.items()}
        self.feed(AgentPhoneUp(agent))
        self.feed(AgentLoggedIn(AgentSettings(agent, f"agent {agent}", levels)))
        return self.feed(AgentReady(agent))

    def join(self, queue: QueueName, advance_s: float = 0.0, **skills: int) -> tuple[EntryId, list[Decision]]:
        """A caller joins."""
        self.entries += 1
        entry = EntryId(f"e{self.entries}")
        levels = {SkillName(skill): level for skill, level in skills.items()}
        return entry, self.feed(CallerJoined(entry, queue, advance_s, levels, f"caller {self.entries}"))

    def state(self, agent: AgentId) -> tuple[AgentState, str]:
        """State and reason as displays show them."""
        view = next(view for view in self.dispatcher.snapshot(self.now).agents if view.agent == agent)
        return view.state, view.reason

    def assert_matched(self) -> None:
        """Invariant 4: whoever waits has nobody who could be offered the caller."""
        for queue in self.dispatcher.snapshot(self.now).queues:
            for waiting in queue.waiting:
                if waiting.agent is not None:
                    continue
                explanation = self.dispatcher.why(waiting.entry, self.now)
                assert explanation is not None
                free = [candidate.agent for candidate in explanation.candidates if candidate.exclusion is None]
                assert not free, f"{waiting.entry} waits although {free} could be offered"

    def assert_rebuilt(self) -> None:
        """Invariant 12: the journal leads to the same floor."""
        again = rebuild(self.settings, self.journal)
        assert again.snapshot(self.now) == self.dispatcher.snapshot(self.now)
        assert again.next_deadline() == self.dispatcher.next_deadline()


def only(kind: type[D], decisions: list[Decision]) -> D:
    """The one decision of this kind."""
    (found,) = [decision for decision in decisions if isinstance(decision, kind)]
    return found


def kinds(decisions: list[Decision]) -> list[str]:
    """Names of the decisions, in order."""
    return [type(decision).__name__ for decision in decisions]
