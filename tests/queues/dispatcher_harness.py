"""A dispatcher with a clock of its own, and an auditor that checks the invariants from outside after every turn."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar, assert_never

from tests.queues.journal_turns import read

from acdcore.kernel.ids import AgentId, QueueName, SkillName
from acdcore.queues.decisions import (
    AgentState,
    AgentStateChanged,
    Announce,
    Connected,
    Decision,
    Departed,
    InputRefused,
    Offered,
    OfferMissed,
    OfferWithdrawn,
    Overflowed,
    Queued,
    ReservedForAgent,
    TalkFinished,
    Widened,
)
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.inputs import (
    AgentLoggedIn,
    AgentLoggedOut,
    AgentNotReady,
    AgentPhoneDown,
    AgentPhoneUp,
    AgentReady,
    AgentRestored,
    CallerAssigned,
    CallerFacts,
    CallerJoined,
    CallerPaused,
    CallerResumed,
    Channel,
    DeadlinePassed,
    DispatcherChanged,
    EntryId,
    HoursChanged,
    Input,
    OfferId,
    WrapUpEnded,
)
from acdcore.queues.journal.lines import write
from acdcore.queues.live_figures import Metrics
from acdcore.queues.settings import (
    AgentSettings,
    DispatcherSettings,
    OverflowCause,
    OverflowRule,
    QueueSettings,
    Strategy,
    ToQueue,
)
from acdcore.queues.views import BlockingRule, Explanation

SALES, HELP, SPARE = QueueName("sales"), QueueName("help"), QueueName("spare")
TALK, REPAIR, ENGLISH = SkillName("talk"), SkillName("repair"), SkillName("english")
ANNA, BO, CHEN = AgentId("1001"), AgentId("1002"), AgentId("1003")
ANYBODY = CallerFacts()

D = TypeVar("D")


@dataclass(slots=True)
class Caller:
    """What the auditor knows of an entry."""

    settings: DispatcherSettings
    joined: CallerJoined
    joined_at: float
    serial: int
    queue: QueueSettings
    queued_at: float = 0.0
    widening_step: int = 0
    kept: ReservedForAgent | None = None
    announced_position: int | None = None
    announced_wait_s: float | None = None
    announced_wait_until: float | None = None
    retry_at: dict[AgentId, float] = field(default_factory=dict)
    is_paused: bool = False
    ringing: OfferId | None = None
    talking_to: AgentId | None = None

    @property
    def stands(self) -> bool:
        """Whether the caller waits and could be offered."""
        return self.ringing is None and self.talking_to is None and not self.is_paused

    def comes_to(self, queue: QueueName, now: float) -> None:
        """The caller enters another queue; what belonged to the old one ends."""
        self.queue = next(known for known in self.settings.queues if known.name == queue)
        self.queued_at, self.widening_step, self.kept = now, 0, None
        self.announced_position = self.announced_wait_s = self.announced_wait_until = None

    def urgency(self, now: float) -> tuple[float, float, int]:
        """The order key by its definition."""
        urgency_s = self.queue.weight * (self.joined.priority_s + self.queue.ageing * (now - self.joined_at))
        return (-urgency_s, self.joined_at, self.serial)

    def needs(self) -> dict[SkillName, int]:
        """What the caller needs by the definition: queue, caller and rules, lowered by the widening steps reached."""
        facts, levels = self.joined.facts, dict(self.queue.skills)
        asking = [self.joined.skills] + [
            rule.skills
            for rule in self.queue.rules
            if facts.tier in (rule.tiers or {facts.tier})
            and facts.language in (rule.languages or {facts.language})
            and facts.region in (rule.regions or {facts.region})
        ]
        for skills in asking:
            for skill, level in skills.items():
                levels[skill] = max(level, levels.get(skill, 0))
        for step in self.queue.widening[: self.widening_step]:
            for skill, level in step.skills.items():
                if skill in levels:
                    levels[skill] = min(level, levels[skill])
        return levels

    def fits(self, agent: AgentSettings) -> bool:
        """Eligibility by its definition."""
        is_taken = agent.channels.get(self.joined.channel, 1) > 0
        return is_taken and all(agent.skills.get(skill, 0) >= level for skill, level in self.needs().items())


@dataclass(slots=True)
class Person:
    """What the auditor knows of an agent."""

    settings: AgentSettings
    state: AgentState = AgentState.LOGGED_OUT
    is_logged_in: bool = False
    is_phone_up: bool = False
    wants_calls: bool = False
    answered: int = 0
    contact_over_at: float | None = None
    wrap_up_until: float = 0.0
    back_off_until: float = 0.0

    @property
    def is_willing(self) -> bool:
        """A reason to keep a caller for this agent."""
        return self.is_logged_in and self.is_phone_up and self.wants_calls


class Auditor:
    """Follows inputs and decisions only, and fails on the first broken invariant."""

    def __init__(self, settings: DispatcherSettings) -> None:
        self.settings = settings
        self.editions = [settings]
        self.callers: dict[EntryId, Caller] = {}
        self.people: dict[AgentId, Person] = {}
        self.live: dict[OfferId, tuple[Offered, float]] = {}
        self.ended: set[OfferId] = set()
        self.closed: set[QueueName] = set()
        self.metrics = Metrics()
        self.serial = 0

    def turn(self, event: Input, decisions: list[Decision], now: float) -> None:
        """Check one turn, decision by decision."""
        if not any(isinstance(decision, InputRefused) for decision in decisions):
            self._learn(event, now)
        for decision in decisions:
            self._follow(event, decision, now)
        if isinstance(event, DeadlinePassed):
            late = [offer for offer, (offered, at) in self.live.items() if now >= at + offered.ring_for_s]
            assert not late, f"{late} ring longer than the ring time"
        for caller in self.callers.values():
            if caller.kept is not None and caller.stands and not self._is_reservation_useful(caller, caller.kept, now):
                caller.kept = None
        self.metrics.fold(decisions)
        counted = [(name, Channel.CALL, figures) for name, figures in self.metrics.queues.items()]
        counted += [
            (name, channel, figures)
            for channel, queues in self.metrics.work.items()
            for name, figures in queues.items()
        ]
        for name, channel, figures in counted:
            inside = [
                caller
                for caller in self.callers.values()
                if (caller.queue.name, caller.joined.channel, caller.talking_to) == (name, channel, None)
            ]
            assert figures.waiting == len(inside), f"{name} counts {figures.waiting} waiting, there are {len(inside)}"
            assert figures.is_balanced, f"{name} does not count every entry once: {figures}"

    def person(self, agent: AgentId) -> Person:
        """What is known of an agent; a new one if nothing is."""
        return self.people.setdefault(agent, Person(AgentSettings(agent)))

    def _is_reservation_useful(self, caller: Caller, kept: ReservedForAgent, now: float) -> bool:
        person = self.person(kept.agent)
        is_tried = caller.retry_at.get(kept.agent, now) > now
        return now < kept.until and person.is_willing and caller.fits(person.settings) and not is_tried

    def _learn(self, event: Input, now: float) -> None:
        match event:
            case CallerJoined():
                self.serial += 1
                settings = self.settings if event.edition is None else self.editions[event.edition - 1]
                queue = next(queue for queue in settings.queues if queue.name == event.queue)
                self.callers[event.entry] = Caller(settings, event, now - event.waited_s, self.serial, queue, now)
            case CallerPaused(entry=entry) | CallerResumed(entry=entry):
                self.callers[entry].is_paused = isinstance(event, CallerPaused)
            case DispatcherChanged(settings=settings):
                self.settings = settings
                self.editions.append(settings)
                self.closed &= {queue.name for queue in settings.queues}
            case HoursChanged(queue=name, is_open=is_open):
                (self.closed.discard if is_open else self.closed.add)(name)
            case _:
                self._learn_of_agent(event, now)

    def _learn_of_agent(self, event: Input, now: float) -> None:
        match event:
            case AgentLoggedIn(settings=who):
                person = self.person(who.agent)
                person.settings = who
                if not person.is_logged_in:
                    person.is_logged_in, person.wants_calls = True, False
                    if person.contact_over_at is None:
                        person.contact_over_at = now
            case AgentRestored(settings=who):
                person = self.person(who.agent)
                person.settings, person.is_logged_in, person.wants_calls = who, True, event.is_ready
                person.is_phone_up = person.is_phone_up or event.is_phone_up
                person.answered, person.contact_over_at = event.answered, now - event.idle_for_s
            case AgentLoggedOut(agent=agent):
                self.person(agent).is_logged_in = False
                self.person(agent).back_off_until = 0.0
            case AgentReady(agent=agent):
                self.person(agent).wants_calls = True
                self.person(agent).back_off_until = 0.0
            case AgentNotReady(agent=agent):
                self.person(agent).wants_calls = False
            case AgentPhoneUp(agent=agent) | AgentPhoneDown(agent=agent):
                self.person(agent).is_phone_up = isinstance(event, AgentPhoneUp)
            case _:
                pass

    def _follow(self, event: Input, decision: Decision, now: float) -> None:
        match decision:
            case Queued(entry=entry, queue=name):
                assert self.callers[entry].stands
                self.callers[entry].comes_to(name, now)
            case Widened():
                self._widened(decision, now)
            case ReservedForAgent(entry=entry, agent=agent, until=until):
                caller = self.callers[entry]
                assert agent == caller.joined.preferred and until == now + caller.queue.sticky_for_s
                assert self._is_reservation_useful(caller, decision, now), "kept for an agent who cannot come"
                caller.kept = decision
            case Offered():
                self._offered(event, decision, now)
            case OfferWithdrawn(offer=offer, entry=entry):
                self._offer_over(offer, entry)
            case OfferMissed(offer=offer, entry=entry, agent=agent):
                if offer in self.live:
                    self._offer_over(offer, entry)
                caller = self.callers[entry]
                caller.retry_at[agent] = now + caller.settings.retry_after_miss_s
                self.person(agent).back_off_until = now + caller.settings.back_off_s.get(decision.cause, 0.0)
            case Connected(offer=offer, entry=entry, agent=agent):
                self._offer_over(offer, entry)
                caller = self.callers[entry]
                caller.talking_to = agent
                self.person(agent).answered += 1
                latest = caller.announced_wait_until
                assert decision.is_announced_wait_kept == (None if latest is None else now <= latest)
            case TalkFinished(entry=entry, agent=agent):
                caller = self.callers.pop(entry)
                assert caller.talking_to == agent
                person = self.person(agent)
                person.contact_over_at = now
                person.wrap_up_until = now + caller.queue.wrap_up_s
            case Departed(entry=entry):
                assert self.callers.pop(entry).ringing is None, "a phone rings for a caller who left"
            case Overflowed():
                self._overflowed(decision, now)
            case Announce():
                self._announced(decision, now)
            case AgentStateChanged():
                self._changed(event, decision, now)
            case _:
                pass

    def _widened(self, widened: Widened, now: float) -> None:
        caller = self.callers[widened.entry]
        assert caller.stands and widened.widening_step > caller.widening_step
        last = caller.queue.widening[widened.widening_step - 1]
        by_estimate = now == caller.queued_at and last.estimated_wait_s is not None
        assert by_estimate or now >= caller.queued_at + last.after_s, "a widening step before its time"
        caller.widening_step = widened.widening_step

    def _offered(self, event: Input, offered: Offered, now: float) -> None:
        caller, person = self.callers[offered.entry], self.person(offered.agent)
        assert offered.offer not in self.ended and offered.offer not in self.live
        assert caller.stands, "two agents for one caller, or an offer for one in a side flow"
        assert person.state is AgentState.READY, "an agent is offered a second contact"
        assert offered.ring_for_s == caller.queue.ring_for_s, "settings that the caller did not come under"
        if offered.is_manual_assignment:
            assert event == CallerAssigned(offered.entry, offered.agent)
        else:
            self._chosen(caller, person, now)
            self._fair(caller, person, offered)
            if caller.kept is not None and caller.kept.agent != offered.agent:
                caller.kept = None  # does not begin again, even if that agent comes back while this phone rings
        caller.ringing = offered.offer
        self.live[offered.offer] = (offered, now)

    def _chosen(self, caller: Caller, person: Person, now: float) -> None:
        """Check that this is the caller for this agent."""
        agent = person.settings.agent
        assert not caller.queue.is_manual_assignment, "nobody assigned this caller"
        assert caller.fits(person.settings), "an agent without the skills is offered the caller"
        assert caller.retry_at.get(agent, now) <= now, "the same agent is rung again for the caller missed before"
        assert now >= person.back_off_until, "an agent is rung within the back-off"
        if caller.kept is not None and caller.kept.agent != agent:
            assert not self._is_reservation_useful(caller, caller.kept, now), "kept for another agent"
        key = caller.urgency(now)
        for other in self.callers.values():
            is_kept = other.kept is not None and other.kept.agent != agent
            if other.stands and not is_kept and not other.queue.is_manual_assignment and other.fits(person.settings):
                is_tried = other.retry_at.get(agent, now) > now
                assert is_tried or key <= other.urgency(now), "somebody with a smaller key was passed over"

    def _fair(self, caller: Caller, person: Person, offered: Offered) -> None:
        """The counts for fairness are kept over breaks, log-ins and restarts."""
        if caller.queue.strategy is Strategy.LONGEST_IDLE:
            assert offered.agent_key.measure == person.contact_over_at
        if caller.queue.strategy is Strategy.FEWEST_CALLS:
            assert offered.agent_key.measure == person.answered

    def _overflowed(self, overflowed: Overflowed, now: float) -> None:
        caller = self.callers[overflowed.entry]
        assert caller.ringing is None, "a phone rings for a caller who overflowed"
        assert not caller.is_paused, "a caller in a side flow overflowed"
        assert caller.joined.channel is Channel.CALL, "nobody is on the line who could go elsewhere"
        assert any(rule == OverflowRule(overflowed.cause, overflowed.target) for rule in caller.queue.overflow)
        is_at_door = now == caller.queued_at
        match overflowed.cause:
            case OverflowCause.WAIT:
                assert caller.queue.max_wait_s is not None and now >= caller.queued_at + caller.queue.max_wait_s
            case OverflowCause.CLOSED:
                assert is_at_door and caller.queue.name in self.closed
            case OverflowCause.ESTIMATED_WAIT | OverflowCause.LENGTH:
                assert is_at_door
            case OverflowCause.NOBODY_READY:
                ready = [person for person in self.people.values() if person.state is AgentState.READY]
                free = [
                    p for p in ready if caller.fits(p.settings) and caller.retry_at.get(p.settings.agent, now) <= now
                ]
                assert is_at_door and not free
            case OverflowCause.NOBODY_LOGGED_IN:
                gone = {AgentState.LOGGED_OUT, AgentState.UNREACHABLE}
                on_duty = [p for p in self.people.values() if p.is_logged_in and p.state not in gone]
                assert not any(caller.fits(person.settings) for person in on_duty)
            case _:
                assert_never(overflowed.cause)
        if not isinstance(overflowed.target, ToQueue):
            del self.callers[overflowed.entry]

    def _announced(self, announced: Announce, now: float) -> None:
        caller = self.callers[announced.entry]
        assert caller.stands and caller.joined.channel is Channel.CALL
        assert caller.announced_position is None or announced.position <= caller.announced_position, "the position rose"
        caller.announced_position = announced.position
        assert announced.is_first_wait == (announced.wait_s is not None and caller.announced_wait_until is None)
        if announced.wait_s is not None:
            assert caller.announced_wait_s is None or announced.wait_s <= caller.announced_wait_s, "the wait rose"
            assert 0 < announced.wait_s <= 1_800 and announced.wait_s % 30 == 0
            caller.announced_wait_s = announced.wait_s
        if announced.is_first_wait and announced.wait_s is not None:
            caller.announced_wait_until = now + announced.wait_s

    def _changed(self, event: Input, changed: AgentStateChanged, now: float) -> None:
        person = self.person(changed.agent)
        if person.state is AgentState.WRAP_UP and changed.state is not AgentState.WRAP_UP:
            own = (AgentReady, AgentNotReady, AgentLoggedOut, WrapUpEnded)
            is_own = isinstance(event, own) and event.agent == changed.agent
            assert is_own or now >= person.wrap_up_until, "the wrap-up was cut short"
            person.contact_over_at = now
        if changed.state is AgentState.NOT_READY:
            person.wants_calls = False
        person.state = changed.state

    def _offer_over(self, offer: OfferId, entry: EntryId) -> None:
        assert self.callers[entry].ringing == offer, "an offer ended twice, or for another caller"
        self.callers[entry].ringing = None
        del self.live[offer]
        self.ended.add(offer)


class DispatcherHarness:
    """The dispatcher under test with a clock that the test moves; every input is written to the journal and audited."""

    def __init__(self, *queues: QueueSettings, settings: DispatcherSettings | None = None) -> None:
        self.settings = settings or DispatcherSettings(queues=queues)
        self.dispatcher = Dispatcher(self.settings)
        self.auditor = Auditor(self.settings)
        self.now = 1_000.0
        self.journal: list[str] = []
        self.entries = 0

    def handle(self, event: Input) -> list[Decision]:
        """One turn at the present moment."""
        decisions = self.dispatcher.handle(event, self.now)
        self.journal.append(write(self.now, event))
        self.auditor.turn(event, decisions, self.now)
        return decisions

    def wait(self, seconds: float) -> list[Decision]:
        """Let time pass; deadlines are handled at their time."""
        until = self.now + seconds
        decisions: list[Decision] = []
        deadline = self.dispatcher.next_deadline()
        while deadline is not None and deadline <= until:
            self.now = max(self.now, deadline)
            decisions += self.handle(DeadlinePassed())
            following = self.dispatcher.next_deadline()
            assert following is None or following > self.now, "the timer would fire for ever"
            deadline = following
        self.now = until
        return decisions

    def staff(self, agent: AgentId, **skills: int) -> list[Decision]:
        """An agent logs in with a working phone and is ready."""
        levels = {SkillName(skill): level for skill, level in skills.items()}
        self.handle(AgentPhoneUp(agent))
        self.handle(AgentLoggedIn(AgentSettings(agent, f"agent {agent}", levels)))
        return self.handle(AgentReady(agent))

    def join(self, queue: QueueName, priority_s: float = 0.0, **skills: int) -> tuple[EntryId, list[Decision]]:
        """A caller joins."""
        self.entries += 1
        entry = EntryId(f"e{self.entries}")
        levels = {SkillName(skill): level for skill, level in skills.items()}
        return entry, self.handle(CallerJoined(entry, queue, priority_s, levels, f"caller {self.entries}"))

    def come(
        self,
        queue: QueueName,
        facts: CallerFacts = ANYBODY,
        preferred: AgentId | None = None,
        channel: Channel = Channel.CALL,
        waited_s: float = 0.0,
    ) -> tuple[EntryId, list[Decision]]:
        """A caller, a callback or a message joins."""
        self.entries += 1
        entry, label = EntryId(f"e{self.entries}"), f"caller {self.entries}"
        joined = CallerJoined(
            entry, queue, label=label, facts=facts, channel=channel, preferred=preferred, waited_s=waited_s
        )
        return entry, self.handle(joined)

    def why(self, entry: EntryId) -> Explanation:
        """Why the caller still waits."""
        explanation = self.dispatcher.why(entry, self.now)
        assert explanation is not None
        return explanation

    def state(self, agent: AgentId) -> tuple[AgentState, str]:
        """State and reason as displays show them."""
        view = next(view for view in self.dispatcher.snapshot(self.now).agents if view.agent == agent)
        return view.state, view.reason

    def assert_matched(self) -> None:
        """Invariant 4: for no waiting caller is there an agent who could be offered the caller."""
        for queue in self.dispatcher.snapshot(self.now).queues:
            for waiting in queue.waiting:
                if waiting.agent is not None:
                    continue
                explanation = self.dispatcher.why(waiting.entry, self.now)
                assert explanation is not None
                if explanation.blocked_by in (BlockingRule.PAUSED, BlockingRule.MANUAL_ASSIGNMENT):
                    continue
                free = [candidate.agent for candidate in explanation.candidates if candidate.exclusion is None]
                assert not free, f"{waiting.entry} waits although {free} could be offered"

    def assert_rebuilt(self) -> None:
        """Invariant 12: the journal leads to the same dispatcher."""
        again = rebuilt(self.settings, self.journal)
        assert again.snapshot(self.now) == self.dispatcher.snapshot(self.now)
        assert again.next_deadline() == self.dispatcher.next_deadline()


def rebuilt(settings: DispatcherSettings, lines: Iterable[str]) -> Dispatcher:
    """A dispatcher that has handled the inputs of these lines; `settings` are those of the journal's start."""
    dispatcher = Dispatcher(settings)
    for line in lines:
        at, event = read(line)
        dispatcher.handle(event, at)
    return dispatcher


def only(kind: type[D], decisions: list[Decision]) -> D:
    """The one decision of this kind."""
    (found,) = [decision for decision in decisions if isinstance(decision, kind)]
    return found


def kinds(decisions: list[Decision]) -> list[str]:
    """Names of the decisions, in order."""
    return [type(decision).__name__ for decision in decisions]
