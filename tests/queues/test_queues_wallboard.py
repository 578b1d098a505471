"""Parts of the whole view that wallboards ask for once a second agree with it."""

from acdcore.kernel.ids import AgentId, QueueName, SkillName
from acdcore.queues.decisions import AgentState, Decision, Offered
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.inputs import (
    AgentLoggedIn,
    AgentNotReady,
    AgentPhoneUp,
    AgentReady,
    CallerJoined,
    CallerPaused,
    DeadlinePassed,
    DispatcherChanged,
    EntryId,
    OfferAccepted,
    TalkEnded,
    WrapUpEnded,
)
from acdcore.queues.settings import AgentSettings, DispatcherSettings, QueueSettings
from acdcore.queues.views import AgentSummary

SALES, HELP = QueueName("sales"), QueueName("help")
TALK = SkillName("talk")
ANNA, BO = AgentId("1001"), AgentId("1002")
SETTINGS = DispatcherSettings(queues=tuple(QueueSettings(name, {TALK: 1}, ring_for_s=10) for name in (SALES, HELP)))


def busy_dispatcher() -> Dispatcher:
    """Anna has missed one caller and taken another, Bo is at lunch, five wait in two queues, one of them aside."""
    dispatcher = Dispatcher(SETTINGS)
    for agent in (ANNA, BO):
        dispatcher.handle(AgentPhoneUp(agent), 0.0)
        dispatcher.handle(AgentLoggedIn(AgentSettings(agent, skills={TALK: 3})), 0.0)
    dispatcher.handle(AgentNotReady(BO, "lunch"), 1.0)
    dispatcher.handle(AgentReady(ANNA), 2.0)
    dispatcher.handle(CallerJoined(EntryId("missed/1"), SALES), 3.0)
    dispatcher.handle(DeadlinePassed(), 13.0)
    for number in range(5):
        queue = HELP if number % 2 else SALES
        dispatcher.handle(CallerJoined(EntryId(f"c{number}/1"), queue, priority_s=60.0 * (number == 4)), 14.0 + number)
    dispatcher.handle(CallerPaused(EntryId("c1/1")), 20.0)
    dispatcher.handle(OfferAccepted(offer_of(dispatcher.handle(AgentReady(ANNA), 30.0)).offer), 31.0)
    return dispatcher


def offer_of(decisions: list[Decision]) -> Offered:
    return next(decision for decision in decisions if isinstance(decision, Offered))


def test_queues_alone_are_those_of_the_whole_view() -> None:
    dispatcher = busy_dispatcher()
    assert dispatcher.queues(40.0) == dispatcher.snapshot(40.0).queues
    assert sum(len(view.waiting) for view in dispatcher.queues(40.0)) == 5


def test_positions_are_those_of_the_whole_view() -> None:
    dispatcher = busy_dispatcher()
    shown = {waiting.entry: waiting.position for queue in dispatcher.snapshot(40.0).queues for waiting in queue.waiting}
    assert dispatcher.positions(40.0) == shown
    assert len(shown) == 5


def test_agent_summary_says_what_the_agent_does_and_has_done() -> None:
    dispatcher = busy_dispatcher()
    assert dispatcher.agent_summary(ANNA) == AgentSummary(
        AgentState.TALKING, "", 31.0, EntryId("c4/1"), answered=1, misses=1
    )
    dispatcher.handle(TalkEnded(EntryId("c4/1")), 40.0)
    assert dispatcher.agent_summary(ANNA) == AgentSummary(
        AgentState.WRAP_UP, "", 40.0, EntryId("c4/1"), answered=1, misses=1
    )
    served = offer_of(dispatcher.handle(WrapUpEnded(ANNA), 45.0)).entry
    assert dispatcher.agent_summary(ANNA) == AgentSummary(AgentState.OFFERED, "", 45.0, served, answered=1, misses=1)
    assert dispatcher.agent_summary(BO) == AgentSummary(AgentState.NOT_READY, "lunch", 0.0, None, answered=0, misses=0)
    assert dispatcher.agent_summary(AgentId("9999")) is None


def test_queue_names_keep_an_old_queue_until_it_is_empty() -> None:
    dispatcher = busy_dispatcher()
    dispatcher.handle(DispatcherChanged(DispatcherSettings(queues=SETTINGS.queues[:1])), 50.0)
    assert dispatcher.queue_names() == (SALES, HELP)
