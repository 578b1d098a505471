"""The dispatcher's invariants on any order of events: a state machine that hypothesis drives, audited every turn."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.queues.dispatcher_harness import (
    ANNA,
    BO,
    CHEN,
    ENGLISH,
    HELP,
    REPAIR,
    SALES,
    SPARE,
    TALK,
    DispatcherHarness,
    only,
)
from tests.queues.journal_turns import read

from acdcore.kernel.ids import AgentId, QueueName, SkillName
from acdcore.queues.decisions import AgentState, Decision, Offered
from acdcore.queues.dispatcher import Dispatcher
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
    CallerAssigned,
    CallerFacts,
    CallerLeft,
    CallerPaused,
    CallerResumed,
    Channel,
    DispatcherChanged,
    EntryId,
    HoursChanged,
    Input,
    LeaveCause,
    OfferAccepted,
    OfferEnded,
    OfferId,
    TalkEnded,
    WrapUpEnded,
)
from acdcore.queues.live_figures import Metrics
from acdcore.queues.settings import (
    AgentSettings,
    DispatcherSettings,
    NeedRule,
    OfferEnd,
    OverflowCause,
    OverflowRule,
    QueueSettings,
    Strategy,
    ToAnnouncement,
    ToExternalNumber,
    ToFlow,
    ToQueue,
    WideningStep,
)

GOING = [AgentNotReady, AgentLoggedOut, AgentPhoneDown, AgentBusy]
AGENTS = [ANNA, BO, CHEN, AgentId("1004")]
FRONT_DESK = QueueName("desk")
QUEUES = [SALES, HELP, SPARE, FRONT_DESK]
FACTS = [CallerFacts(), CallerFacts("vip"), CallerFacts("vip", "en"), CallerFacts(language="en", region="hk")]


def dispatcher_settings(strategy: Strategy, max_wait_s: float, weight: float) -> DispatcherSettings:
    """Queues that overflow into each other, to a prompt, a flow and outside; with rules, widening and a front desk."""
    return DispatcherSettings(
        queues=(
            QueueSettings(
                SALES,
                {TALK: 2},
                strategy,
                ring_for_s=8 * weight,
                max_wait_s=max_wait_s,
                max_length=4,
                overflow=(
                    OverflowRule(OverflowCause.WAIT, ToQueue(HELP)),
                    OverflowRule(OverflowCause.LENGTH, ToQueue(SPARE)),
                    OverflowRule(OverflowCause.CLOSED, ToFlow("message")),
                    OverflowRule(OverflowCause.ESTIMATED_WAIT, ToFlow("callback")),
                ),
                announce_first_s=0,
                announce_every_s=16,
                announces_wait=True,
                max_estimated_wait_s=240,
                sticky_for_s=12,
                rules=(
                    NeedRule(languages=frozenset({"en"}), skills={ENGLISH: 1}),
                    NeedRule(tiers=frozenset({"vip"}), skills={TALK: 4}),
                ),
                widening=(WideningStep(8, {TALK: 2}), WideningStep(20, {ENGLISH: 0, TALK: 1}, estimated_wait_s=60)),
            ),
            QueueSettings(
                HELP,
                {REPAIR: 1},
                strategy,
                ring_for_s=4 * weight,
                weight=weight,
                wrap_up_s=0,
                max_length=3,
                overflow=(
                    OverflowRule(OverflowCause.LENGTH, ToExternalNumber("10086")),
                    OverflowRule(OverflowCause.NOBODY_LOGGED_IN, ToQueue(SPARE)),
                    OverflowRule(OverflowCause.NOBODY_READY, ToQueue(FRONT_DESK)),
                ),
                sticky_for_s=30,
                widening=(WideningStep(16, {REPAIR: 0}),),
            ),
            QueueSettings(FRONT_DESK, {ENGLISH: 1}, is_manual_assignment=True, announce_first_s=4, announces_wait=True),
            QueueSettings(
                SPARE,
                ageing=0.5,
                ring_for_s=8,
                overflow=(OverflowRule(OverflowCause.NOBODY_LOGGED_IN, ToAnnouncement("closed")),),
                misses_until_not_ready=3,
            ),
        ),
        retry_after_miss_s=24,
    )


class AnyDay(RuleBasedStateMachine):
    """Callers, agents, phones, supervisors and time in any order; times are whole or halves, so that sums are exact."""

    def __init__(self) -> None:
        super().__init__()
        self.harness = DispatcherHarness(settings=dispatcher_settings(Strategy.LONGEST_IDLE, 32, 2.0))
        self.decisions: list[Decision] = []

    def handle(self, event: Input) -> None:
        self.decisions += self.harness.handle(event)

    def standing(self) -> list[EntryId]:
        """Who waits, a phone ringing or not."""
        callers = self.harness.auditor.callers.items()
        return [entry for entry, caller in callers if caller.talking_to is None and not caller.is_paused]

    def at_work(self) -> list[AgentId]:
        """Who rings, talks or wraps up."""
        contacts = {AgentState.OFFERED, AgentState.TALKING, AgentState.WRAP_UP}
        return [agent for agent, person in self.harness.auditor.people.items() if person.state in contacts]

    @initialize(levels=st.lists(st.integers(1, 4), min_size=2, max_size=3))
    def a_shift_begins(self, levels: list[int]) -> None:
        for agent, level in zip(AGENTS, levels, strict=False):
            self.decisions += self.harness.handle(AgentPhoneUp(agent))
            who = AgentSettings(agent, skills={TALK: level, ENGLISH: 1 + level // 2, REPAIR: level % 2 + 1})
            self.decisions += self.harness.handle(AgentLoggedIn(who))
            self.decisions += self.harness.handle(AgentReady(agent))

    @rule(queue=st.sampled_from(QUEUES), priority_s=st.sampled_from([0, 0, 0, 16, 300, -8]), english=st.booleans())
    def caller_joins(self, queue: QueueName, priority_s: int, english: bool) -> None:
        if queue not in {known.name for known in self.harness.auditor.settings.queues}:
            return
        extra = {"english": 1} if english and priority_s else {}
        self.decisions += self.harness.join(queue, priority_s, **extra)[1]

    @rule(
        queue=st.sampled_from(QUEUES),
        facts=st.sampled_from(FACTS),
        preferred=st.sampled_from([None, *AGENTS]),
        channel=st.sampled_from([Channel.CALL, Channel.CALL, Channel.CALLBACK, Channel.VOICEMAIL]),
        waited_s=st.sampled_from([0.0, 0.0, 40.0]),
    )
    def caller_of_some_kind_joins(
        self, queue: QueueName, facts: CallerFacts, preferred: AgentId | None, channel: Channel, waited_s: float
    ) -> None:
        if queue in {known.name for known in self.harness.auditor.settings.queues}:
            self.decisions += self.harness.come(queue, facts, preferred, channel, waited_s)[1]

    @precondition(lambda self: self.standing())
    @rule(pick=st.integers(0, 50))
    def caller_turns_to_a_side_flow(self, pick: int) -> None:
        standing = self.standing()
        self.handle(CallerPaused(standing[pick % len(standing)]))

    @precondition(lambda self: any(caller.is_paused for caller in self.harness.auditor.callers.values()))
    @rule(pick=st.integers(0, 50))
    def caller_comes_back(self, pick: int) -> None:
        paused = [entry for entry, caller in self.harness.auditor.callers.items() if caller.is_paused]
        self.handle(CallerResumed(paused[pick % len(paused)]))

    @precondition(lambda self: self.harness.auditor.callers)
    @rule(pick=st.integers(0, 50), agent=st.sampled_from(AGENTS))
    def caller_is_assigned(self, pick: int, agent: AgentId) -> None:
        entries = list(self.harness.auditor.callers)
        self.handle(CallerAssigned(entries[pick % len(entries)], agent))

    @rule(queue=st.sampled_from(QUEUES), is_open=st.booleans())
    def hours_change(self, queue: QueueName, is_open: bool) -> None:
        self.handle(HoursChanged(queue, is_open))

    @rule(agent=st.sampled_from(AGENTS), talk=st.integers(1, 4), is_ready=st.booleans(), load=st.sampled_from([0, 0.5]))
    def agent_is_restored(self, agent: AgentId, talk: int, is_ready: bool, load: float) -> None:
        who = AgentSettings(agent, skills={TALK: talk, ENGLISH: 1})
        self.handle(AgentRestored(who, is_ready, answered=talk, idle_for_s=8.0 * talk, load=load, is_phone_up=is_ready))

    @precondition(lambda self: self.harness.auditor.callers)
    @rule(pick=st.integers(0, 50), cause=st.sampled_from(LeaveCause))
    def caller_leaves(self, pick: int, cause: LeaveCause) -> None:
        entries = list(self.harness.auditor.callers)
        self.handle(CallerLeft(entries[pick % len(entries)], cause))

    @rule(
        agent=st.sampled_from(AGENTS),
        talk=st.integers(0, 4),
        repair=st.integers(0, 2),
        english=st.booleans(),
        channels=st.dictionaries(st.sampled_from(Channel), st.integers(0, 1), max_size=2),
    )
    def agent_logs_in(
        self, agent: AgentId, talk: int, repair: int, english: bool, channels: dict[Channel, int]
    ) -> None:
        levels = {TALK: talk, REPAIR: repair, ENGLISH: int(english)}
        skills: dict[SkillName, int] = {skill: level for skill, level in levels.items() if level}
        self.handle(AgentLoggedIn(AgentSettings(agent, skills=skills, channels=channels)))

    @rule(agent=st.sampled_from(AGENTS))
    def agent_gets_to_work(self, agent: AgentId) -> None:
        self.handle(AgentPhoneUp(agent))
        self.handle(AgentReady(agent))

    @rule(agent=st.sampled_from(AGENTS), kind=st.sampled_from([AgentReady, AgentPhoneUp, AgentIdle, WrapUpEnded]))
    def agent_frees_up(
        self, agent: AgentId, kind: type[AgentReady] | type[AgentPhoneUp] | type[AgentIdle] | type[WrapUpEnded]
    ) -> None:
        self.handle(kind(agent))

    @rule(agent=st.sampled_from(AGENTS), kind=st.sampled_from(GOING))
    def agent_goes(
        self,
        agent: AgentId,
        kind: type[AgentNotReady] | type[AgentLoggedOut] | type[AgentPhoneDown] | type[AgentBusy],
    ) -> None:
        self.handle(kind(agent))

    @precondition(lambda self: self.at_work())
    @rule(pick=st.integers(0, 50), kind=st.sampled_from([*GOING, AgentPhoneUp, AgentIdle]))
    def news_comes_in_the_middle_of_a_contact(
        self, pick: int, kind: type[AgentNotReady] | type[AgentLoggedOut] | type[AgentPhoneDown] | type[AgentBusy]
    ) -> None:
        at_work = self.at_work()
        self.handle(kind(at_work[pick % len(at_work)]))

    @precondition(lambda self: self.at_work())
    @rule(pick=st.integers(0, 50), then=st.sampled_from([*GOING, AgentPhoneUp, AgentReady, WrapUpEnded]))
    def contact_runs_its_course(
        self, pick: int, then: type[AgentNotReady] | type[AgentLoggedOut] | type[AgentPhoneDown] | type[AgentBusy]
    ) -> None:
        at_work = self.at_work()
        agent = at_work[pick % len(at_work)]
        for offered in [offered for offered, _ in self.harness.auditor.live.values() if offered.agent == agent]:
            self.handle(OfferAccepted(offered.offer))
        for entry in [entry for entry, caller in self.harness.auditor.callers.items() if caller.talking_to == agent]:
            self.handle(TalkEnded(entry))
        self.handle(then(agent))

    @precondition(lambda self: self.at_work() and len(self.harness.auditor.settings.queues) > 1)
    @rule(pick=st.integers(0, 50), queue=st.sampled_from([SALES, HELP]), then=st.sampled_from([AgentIdle, *GOING]))
    def caller_prefers_somebody_at_work(
        self,
        pick: int,
        queue: QueueName,
        then: type[AgentNotReady] | type[AgentLoggedOut] | type[AgentPhoneDown] | type[AgentBusy],
    ) -> None:
        at_work = self.at_work()
        agent = at_work[pick % len(at_work)]
        self.decisions += self.harness.come(queue, preferred=agent)[1]
        self.handle(then(agent))

    @rule(agent=st.sampled_from(AGENTS))
    def agent_takes_a_break_and_logs_in_again(self, agent: AgentId) -> None:
        who = self.harness.auditor.person(agent).settings
        self.handle(AgentLoggedOut(agent))
        self.decisions += self.harness.wait(4)
        for event in (AgentPhoneUp(agent), AgentLoggedIn(who), AgentReady(agent)):
            self.handle(event)

    @precondition(lambda self: SALES in {queue.name for queue in self.harness.auditor.settings.queues})
    @rule()
    def vip_overtakes_those_who_wait(self) -> None:
        self.decisions += self.harness.join(SALES)[1]
        self.decisions += self.harness.wait(1)
        self.decisions += self.harness.join(SALES, 300)[1]
        self.decisions += self.harness.wait(16)

    @precondition(lambda self: self.harness.auditor.live)
    @rule(pick=st.integers(0, 50))
    def phone_answers(self, pick: int) -> None:
        live = list(self.harness.auditor.live)
        self.handle(OfferAccepted(live[pick % len(live)]))

    @rule(offer=st.integers(0, 40))
    def phone_answers_any_offer(self, offer: int) -> None:
        self.handle(OfferAccepted(OfferId(offer)))

    @precondition(lambda self: self.harness.auditor.live)
    @rule(pick=st.integers(0, 50), cause=st.sampled_from(OfferEnd))
    def phone_fails(self, pick: int, cause: OfferEnd) -> None:
        live = list(self.harness.auditor.live)
        self.handle(OfferEnded(live[pick % len(live)], cause))

    @precondition(lambda self: any(caller.talking_to for caller in self.harness.auditor.callers.values()))
    @rule(pick=st.integers(0, 50))
    def talk_ends(self, pick: int) -> None:
        talking = [entry for entry, caller in self.harness.auditor.callers.items() if caller.talking_to]
        self.handle(TalkEnded(talking[pick % len(talking)]))

    @rule(seconds=st.sampled_from([0.5, 1.0, 4.0, 8.0, 20.0, 64.0]))
    def time_passes(self, seconds: float) -> None:
        self.decisions += self.harness.wait(seconds)

    @rule(strategy=st.sampled_from(Strategy), max_wait_s=st.sampled_from([4, 32]), weight=st.sampled_from([0.5, 4.0]))
    def settings_change(self, strategy: Strategy, max_wait_s: float, weight: float) -> None:
        self.handle(DispatcherChanged(dispatcher_settings(strategy, max_wait_s, weight)))

    @rule()
    def a_queue_is_removed(self) -> None:
        self.handle(DispatcherChanged(DispatcherSettings(queues=(QueueSettings(SALES, {TALK: 1}),))))

    @invariant()
    def everybody_who_can_be_offered_is(self) -> None:
        self.harness.assert_matched()

    @invariant()
    def the_dispatcher_is_as_the_auditor_heard(self) -> None:
        view = self.harness.dispatcher.snapshot(self.harness.now)
        auditor = self.harness.auditor
        for agent in view.agents:
            assert agent.state is auditor.person(agent.agent).state
        for queue in view.queues:
            assert [waiting.position for waiting in queue.waiting] == list(range(1, len(queue.waiting) + 1))
            for waiting in queue.waiting:
                caller = auditor.callers[waiting.entry]
                assert caller.queue.name == queue.queue
                ringing = auditor.live[caller.ringing][0].agent if caller.ringing else None
                assert ringing == waiting.agent
                assert (waiting.is_paused, waiting.widening_step) == (caller.is_paused, caller.widening_step)
                if caller.stands:
                    assert waiting.reserved_for == (caller.kept.agent if caller.kept else None)
                    due = [
                        step for step in caller.queue.widening if self.harness.now >= caller.queued_at + step.after_s
                    ]
                    assert waiting.widening_step >= len(due), "a widening step is overdue"
                explanation = self.harness.dispatcher.why(waiting.entry, self.harness.now)
                assert explanation is not None and explanation.position == waiting.position

    @invariant()
    def agents_have_one_contact_at_most(self) -> None:
        contacts = [offered.agent for offered, _ in self.harness.auditor.live.values()]
        contacts += [caller.talking_to for caller in self.harness.auditor.callers.values() if caller.talking_to]
        assert len(contacts) == len(set(contacts))

    def teardown(self) -> None:
        self.harness.assert_rebuilt()
        again, figures = Dispatcher(self.harness.settings), Metrics()
        replayed: list[Decision] = []
        for line in self.harness.journal:
            at, event = read(line)
            replayed += again.handle(event, at)
        figures.fold(replayed)
        assert replayed == self.decisions, "the same inputs led to other decisions"
        assert figures.queues == self.harness.dispatcher.metrics.queues
        assert figures.work == self.harness.dispatcher.metrics.work
        assert figures.agents == self.harness.dispatcher.metrics.agents


TestAnyDay = AnyDay.TestCase
TestAnyDay.settings = settings(
    max_examples=100, stateful_step_count=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@given(
    priority_s=st.sampled_from([30, 120, 600]),
    ageing=st.sampled_from([0.5, 1.0, 2.0]),
    weight=st.sampled_from([0.5, 4.0]),
)
@settings(max_examples=12, deadline=None)
def test_no_stream_of_vips_starves_a_caller(priority_s: int, ageing: float, weight: float) -> None:
    """One agent takes a call every 10 s, and a VIP comes every 10 s: without ageing the ordinary caller never comes."""
    harness = DispatcherHarness(QueueSettings(SALES, {TALK: 1}, weight=weight, ageing=ageing, wrap_up_s=0))
    harness.staff(ANNA, talk=1)
    offered = only(Offered, harness.join(SALES)[1])
    ordinary, _ = harness.join(SALES)
    joined_at = harness.now
    while offered.entry != ordinary:
        assert harness.now <= joined_at + priority_s / ageing + 20, "overtaken by somebody who came too late for that"
        harness.handle(OfferAccepted(offered.offer))
        harness.join(SALES, priority_s)
        harness.wait(10)
        offered = only(Offered, harness.handle(TalkEnded(offered.entry)))
