"""A caller's language is a need: agents who speak it come first, but no caller waits for ever for one."""

from dataclasses import dataclass, field, replace

from acdcore.kernel.ids import AgentId, QueueName, SkillName
from acdcore.queues.decisions import Decision, Offered, Overflowed, Widened
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.inputs import (
    AgentLoggedIn,
    AgentLoggedOut,
    AgentNotReady,
    AgentPhoneUp,
    AgentReady,
    CallerFacts,
    CallerJoined,
    EntryId,
    Input,
    OfferAccepted,
    OfferId,
    TalkEnded,
)
from acdcore.queues.journal.checkpoint import dump, load
from acdcore.queues.settings import (
    AgentSettings,
    DispatcherSettings,
    OverflowCause,
    OverflowRule,
    QueueSettings,
    ToAnnouncement,
    WideningStep,
)
from acdcore.queues.views import Exclusion, Explanation, TimerName

SERVICE = QueueName("service")
CHINESE, ENGLISH = AgentId("1001"), AgentId("1002")
CMN, EN = SkillName("cmn"), SkillName("en")
QUEUE = QueueSettings(SERVICE, first_language="cmn", language_level=1, language_for_s=30.0, wrap_up_s=0.0)
NOBODY = OverflowRule(OverflowCause.NOBODY_LOGGED_IN, ToAnnouncement("system.nobody-there"))


@dataclass
class Centre:
    """A dispatcher on a clock of its own."""

    queue: QueueSettings = QUEUE
    now: float = 0.0
    dispatcher: Dispatcher = field(init=False)
    callers: int = 0

    def __post_init__(self) -> None:
        self.dispatcher = Dispatcher(DispatcherSettings((self.queue,)))

    def handle(self, event: Input) -> list[Decision]:
        return self.dispatcher.handle(event, self.now)

    def comes(self, agent: AgentId, *languages: SkillName) -> list[Decision]:
        """An agent logs in and is ready."""
        self.handle(AgentLoggedIn(AgentSettings(agent, skills=dict.fromkeys(languages, 9))))
        self.handle(AgentPhoneUp(agent))
        return self.handle(AgentReady(agent))

    def calls(self, language: str = "en", tried: tuple[AgentId, ...] = ()) -> tuple[EntryId, list[Decision]]:
        self.callers += 1
        entry = EntryId(f"c{self.callers}/1")
        return entry, self.handle(
            CallerJoined(entry, SERVICE, facts=CallerFacts(language=language), tried_agents=tried)
        )

    def passes(self, seconds: float) -> list[Decision]:
        """Time, with every deadline in it."""
        until, decided = self.now + seconds, list[Decision]()
        while (due := self.dispatcher.next_deadline()) is not None and due <= until:
            self.now = max(self.now, due)
            decided += self.dispatcher.handle_deadline(self.now)
        self.now = until
        return decided

    def why(self, entry: EntryId) -> Explanation:
        found = self.dispatcher.why(entry, self.now)
        assert found is not None
        return found


def offered(decisions: list[Decision]) -> list[AgentId]:
    return [one.agent for one in decisions if isinstance(one, Offered)]


def test_caller_with_another_language_gets_the_agent_who_speaks_it() -> None:
    centre = Centre()
    centre.comes(CHINESE, CMN)
    centre.comes(ENGLISH, CMN, EN)
    assert offered(centre.calls("en")[1]) == [ENGLISH]


def test_caller_in_the_queues_first_language_gets_anybody() -> None:
    centre = Centre()
    centre.comes(ENGLISH, EN)
    assert offered(centre.calls("cmn")[1]) == [ENGLISH]


def test_caller_waits_for_the_language_while_somebody_with_it_is_on_duty() -> None:
    centre = Centre()
    centre.comes(CHINESE, CMN)
    centre.comes(ENGLISH, EN)
    centre.handle(AgentNotReady(ENGLISH))
    entry, decisions = centre.calls("en")
    assert offered(decisions) == []
    assert offered(centre.passes(600.0)) == []
    lacking = {one.agent: (one.exclusion, one.detail) for one in centre.why(entry).candidates}
    assert lacking[CHINESE] == (Exclusion.SKILL_MISSING, "en")
    assert centre.why(entry).needs == {EN: 1}
    assert offered(centre.handle(AgentReady(ENGLISH))) == [ENGLISH]


def test_language_is_dropped_after_its_time_when_nobody_on_duty_has_it() -> None:
    centre = Centre()
    centre.comes(CHINESE, CMN)
    entry, decisions = centre.calls("en")
    assert offered(decisions) == []
    why = centre.why(entry)
    assert [(timer.name, timer.at) for timer in why.timers] == [(TimerName.LANGUAGE, 30.0)]
    assert why.would_change == ("en is not asked for any more, since nobody on duty has it (in 30 s)",)
    assert offered(centre.passes(29.9)) == []
    decided = centre.passes(0.1)
    assert [one for one in decided if isinstance(one, Widened)] == [Widened(entry, SERVICE, 0, 30.0, "en")]
    assert offered(decided) == [CHINESE]


def test_language_is_dropped_when_the_last_who_has_it_goes_home_later() -> None:
    centre = Centre()
    centre.comes(CHINESE, CMN)
    centre.comes(ENGLISH, EN)
    centre.handle(AgentNotReady(ENGLISH))
    centre.calls("en")
    centre.passes(60.0)
    assert offered(centre.handle(AgentLoggedOut(ENGLISH))) == [CHINESE]


def test_language_is_dropped_behind_a_caller_whose_flow_needs_it() -> None:
    centre = Centre()
    centre.comes(CHINESE, CMN)
    centre.comes(ENGLISH, EN)
    centre.handle(AgentNotReady(ENGLISH))
    centre.handle(CallerJoined(EntryId("f1/1"), SERVICE, skills={EN: 1}, facts=CallerFacts(language="cmn")))
    entry, _ = centre.calls("en")
    centre.passes(60.0)
    decided = centre.handle(AgentLoggedOut(ENGLISH))
    assert [one.entry for one in decided if isinstance(one, Offered)] == [entry]


def test_caller_is_not_told_that_nobody_is_there_while_others_are() -> None:
    centre = Centre(replace(QUEUE, overflow=(NOBODY,)))
    centre.comes(CHINESE, CMN)
    _, decisions = centre.calls("en")
    assert not [one for one in decisions if isinstance(one, Overflowed)]
    assert offered(centre.passes(30.0)) == [CHINESE]


def test_caller_overflows_when_nobody_at_all_is_there() -> None:
    centre = Centre(replace(QUEUE, overflow=(NOBODY,)))
    centre.comes(CHINESE, CMN)
    centre.comes(ENGLISH, EN)
    centre.handle(AgentNotReady(CHINESE))
    centre.handle(AgentNotReady(ENGLISH))
    centre.calls("en")
    assert not [one for one in centre.handle(AgentLoggedOut(ENGLISH)) if isinstance(one, Overflowed)]
    assert [one.cause for one in centre.handle(AgentLoggedOut(CHINESE)) if isinstance(one, Overflowed)] == [
        OverflowCause.NOBODY_LOGGED_IN
    ]


def test_widening_step_of_the_queue_lowers_the_language_like_any_skill() -> None:
    centre = Centre(replace(QUEUE, widening=(WideningStep(10.0, {EN: 0}),)))
    centre.comes(CHINESE, CMN)
    centre.comes(ENGLISH, EN)
    centre.handle(AgentNotReady(ENGLISH))
    centre.calls("en")
    assert offered(centre.passes(10.0)) == [CHINESE]


def test_language_that_the_queue_itself_asks_for_is_never_dropped() -> None:
    centre = Centre(replace(QUEUE, skills={EN: 1}))
    centre.comes(CHINESE, CMN)
    centre.calls("en")
    assert offered(centre.passes(600.0)) == []


def test_queue_without_the_need_offers_anybody() -> None:
    centre = Centre(replace(QUEUE, language_level=0))
    centre.comes(CHINESE, CMN)
    assert offered(centre.calls("en")[1]) == [CHINESE]


def test_language_and_its_time_outlast_a_checkpoint() -> None:
    centre = Centre()
    centre.comes(CHINESE, CMN)
    centre.calls("en")
    centre.passes(20.0)
    centre.dispatcher = load(dump(centre.dispatcher))
    assert offered(centre.passes(9.0)) == []
    assert offered(centre.passes(1.0)) == [CHINESE]


# --- who has just sent the caller off ---


def test_agent_who_sent_the_caller_back_is_not_rung_while_others_may_be() -> None:
    centre = Centre()
    centre.comes(CHINESE, CMN)
    centre.comes(ENGLISH, CMN)
    assert offered(centre.calls("cmn", tried=(CHINESE,))[1]) == [ENGLISH]


def test_agent_who_sent_the_caller_back_is_rung_again_after_the_time_of_a_miss() -> None:
    centre = Centre()
    centre.comes(CHINESE, CMN)
    _, decisions = centre.calls("cmn", tried=(CHINESE,))
    assert offered(decisions) == []
    assert offered(centre.passes(DispatcherSettings().retry_after_miss_s)) == [CHINESE]


def test_log_out_that_is_taken_back_in_the_talk_leaves_the_agent_ready() -> None:
    centre = Centre()
    centre.comes(CHINESE, CMN)
    entry, _ = centre.calls("cmn")
    centre.handle(OfferAccepted(OfferId(1)))
    centre.handle(AgentLoggedOut(CHINESE))
    centre.handle(AgentLoggedIn(AgentSettings(CHINESE)))
    centre.handle(TalkEnded(entry))
    assert offered(centre.calls("cmn")[1]) == [CHINESE]
