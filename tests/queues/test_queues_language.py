"""A caller's language is a need: who speaks it is asked first, and nobody waits for ever for who is not there."""

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
class Hall:
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
        until, told = self.now + seconds, list[Decision]()
        while (due := self.dispatcher.next_deadline()) is not None and due <= until:
            self.now = max(self.now, due)
            told += self.dispatcher.handle_deadline(self.now)
        self.now = until
        return told

    def why(self, entry: EntryId) -> Explanation:
        found = self.dispatcher.why(entry, self.now)
        assert found is not None
        return found


def offered(decisions: list[Decision]) -> list[AgentId]:
    return [one.agent for one in decisions if isinstance(one, Offered)]


def test_caller_with_another_language_gets_the_agent_who_speaks_it() -> None:
    hall = Hall()
    hall.comes(CHINESE, CMN)
    hall.comes(ENGLISH, CMN, EN)
    assert offered(hall.calls("en")[1]) == [ENGLISH]


def test_caller_in_the_queues_first_language_gets_anybody() -> None:
    hall = Hall()
    hall.comes(ENGLISH, EN)
    assert offered(hall.calls("cmn")[1]) == [ENGLISH]


def test_caller_waits_for_the_language_while_somebody_with_it_is_on_duty() -> None:
    hall = Hall()
    hall.comes(CHINESE, CMN)
    hall.comes(ENGLISH, EN)
    hall.handle(AgentNotReady(ENGLISH))
    entry, decisions = hall.calls("en")
    assert offered(decisions) == []
    assert offered(hall.passes(600.0)) == []
    lacking = {one.agent: (one.exclusion, one.detail) for one in hall.why(entry).candidates}
    assert lacking[CHINESE] == (Exclusion.SKILL_MISSING, "en")
    assert hall.why(entry).needs == {EN: 1}
    assert offered(hall.handle(AgentReady(ENGLISH))) == [ENGLISH]


def test_language_is_let_go_after_its_time_when_nobody_on_duty_has_it() -> None:
    hall = Hall()
    hall.comes(CHINESE, CMN)
    entry, decisions = hall.calls("en")
    assert offered(decisions) == []
    why = hall.why(entry)
    assert [(timer.name, timer.at) for timer in why.timers] == [(TimerName.LANGUAGE, 30.0)]
    assert why.would_change == ("en is not asked for any more, since nobody on duty has it (in 30 s)",)
    assert offered(hall.passes(29.9)) == []
    told = hall.passes(0.1)
    assert [one for one in told if isinstance(one, Widened)] == [Widened(entry, SERVICE, 0, 30.0, "en")]
    assert offered(told) == [CHINESE]


def test_language_is_let_go_when_the_last_who_has_it_goes_home_later() -> None:
    hall = Hall()
    hall.comes(CHINESE, CMN)
    hall.comes(ENGLISH, EN)
    hall.handle(AgentNotReady(ENGLISH))
    hall.calls("en")
    hall.passes(60.0)
    assert offered(hall.handle(AgentLoggedOut(ENGLISH))) == [CHINESE]


def test_language_is_let_go_behind_a_caller_whose_flow_needs_it() -> None:
    hall = Hall()
    hall.comes(CHINESE, CMN)
    hall.comes(ENGLISH, EN)
    hall.handle(AgentNotReady(ENGLISH))
    hall.handle(CallerJoined(EntryId("f1/1"), SERVICE, skills={EN: 1}, facts=CallerFacts(language="cmn")))
    entry, _ = hall.calls("en")
    hall.passes(60.0)
    told = hall.handle(AgentLoggedOut(ENGLISH))
    assert [one.entry for one in told if isinstance(one, Offered)] == [entry]


def test_caller_is_not_told_that_nobody_is_there_while_others_are() -> None:
    hall = Hall(replace(QUEUE, overflow=(NOBODY,)))
    hall.comes(CHINESE, CMN)
    _, decisions = hall.calls("en")
    assert not [one for one in decisions if isinstance(one, Overflowed)]
    assert offered(hall.passes(30.0)) == [CHINESE]


def test_caller_overflows_when_nobody_at_all_is_there() -> None:
    hall = Hall(replace(QUEUE, overflow=(NOBODY,)))
    hall.comes(CHINESE, CMN)
    hall.comes(ENGLISH, EN)
    hall.handle(AgentNotReady(CHINESE))
    hall.handle(AgentNotReady(ENGLISH))
    hall.calls("en")
    assert not [one for one in hall.handle(AgentLoggedOut(ENGLISH)) if isinstance(one, Overflowed)]
    assert [one.cause for one in hall.handle(AgentLoggedOut(CHINESE)) if isinstance(one, Overflowed)] == [
        OverflowCause.NOBODY_LOGGED_IN
    ]


def test_ring_of_the_queue_lowers_the_language_like_any_skill() -> None:
    hall = Hall(replace(QUEUE, widening=(WideningStep(10.0, {EN: 0}),)))
    hall.comes(CHINESE, CMN)
    hall.comes(ENGLISH, EN)
    hall.handle(AgentNotReady(ENGLISH))
    hall.calls("en")
    assert offered(hall.passes(10.0)) == [CHINESE]


def test_language_that_the_queue_itself_asks_for_is_never_let_go() -> None:
    hall = Hall(replace(QUEUE, skills={EN: 1}))
    hall.comes(CHINESE, CMN)
    hall.calls("en")
    assert offered(hall.passes(600.0)) == []


def test_queue_without_the_need_offers_anybody() -> None:
    hall = Hall(replace(QUEUE, language_level=0))
    hall.comes(CHINESE, CMN)
    assert offered(hall.calls("en")[1]) == [CHINESE]


def test_language_and_its_time_outlast_a_checkpoint() -> None:
    hall = Hall()
    hall.comes(CHINESE, CMN)
    hall.calls("en")
    hall.passes(20.0)
    hall.dispatcher = load(dump(hall.dispatcher))
    assert offered(hall.passes(9.0)) == []
    assert offered(hall.passes(1.0)) == [CHINESE]


# --- who has just sent the caller off ---


def test_agent_who_sent_the_caller_back_is_not_rung_while_others_may_be() -> None:
    hall = Hall()
    hall.comes(CHINESE, CMN)
    hall.comes(ENGLISH, CMN)
    assert offered(hall.calls("cmn", tried=(CHINESE,))[1]) == [ENGLISH]


def test_agent_who_sent_the_caller_back_is_rung_again_after_the_time_of_a_miss() -> None:
    hall = Hall()
    hall.comes(CHINESE, CMN)
    _, decisions = hall.calls("cmn", tried=(CHINESE,))
    assert offered(decisions) == []
    assert offered(hall.passes(DispatcherSettings().retry_after_miss_s)) == [CHINESE]


def test_log_out_that_is_taken_back_in_the_talk_leaves_the_agent_ready() -> None:
    hall = Hall()
    hall.comes(CHINESE, CMN)
    entry, _ = hall.calls("cmn")
    hall.handle(OfferAccepted(OfferId(1)))
    hall.handle(AgentLoggedOut(CHINESE))
    hall.handle(AgentLoggedIn(AgentSettings(CHINESE)))
    hall.handle(TalkEnded(entry))
    assert offered(hall.calls("cmn")[1]) == [CHINESE]
