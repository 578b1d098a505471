"""What boards ask for once a second: parts of the whole view, and never another truth than it."""

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
    EntryId,
    FloorChanged,
    OfferAccepted,
    TalkEnded,
    WrapUpEnded,
)
from acdcore.queues.settings import AgentSettings, FloorSettings, QueueSettings
from acdcore.queues.views import AgentGlance

SALES, HELP = QueueName("sales"), QueueName("help")
TALK = SkillName("talk")
ANNA, BO = AgentId("1001"), AgentId("1002")
SETTINGS = FloorSettings(queues=tuple(QueueSettings(name, {TALK: 1}, ring_for_s=10) for name in (SALES, HELP)))


def busy_floor() -> Dispatcher:
    """Anna has missed one caller and taken another, Bo is at lunch, five wait in two queues, one of them aside."""
    floor = Dispatcher(SETTINGS)
    for agent in (ANNA, BO):
        floor.handle(AgentPhoneUp(agent), 0.0)
        floor.handle(AgentLoggedIn(AgentSettings(agent, skills={TALK: 3})), 0.0)
    floor.handle(AgentNotReady(BO, "lunch"), 1.0)
    floor.handle(AgentReady(ANNA), 2.0)
    floor.handle(CallerJoined(EntryId("missed/1"), SALES), 3.0)
    floor.handle(DeadlinePassed(), 13.0)
    for number in range(5):
        queue = HELP if number % 2 else SALES
        floor.handle(CallerJoined(EntryId(f"c{number}/1"), queue, advance_s=60.0 * (number == 4)), 14.0 + number)
    floor.handle(CallerPaused(EntryId("c1/1")), 20.0)
    floor.handle(OfferAccepted(offer_of(floor.handle(AgentReady(ANNA), 30.0)).offer), 31.0)
    return floor


def offer_of(decisions: list[Decision]) -> Offered:
    return next(decision for decision in decisions if isinstance(decision, Offered))


def test_queues_alone_are_those_of_the_whole_view() -> None:
    floor = busy_floor()
    assert floor.queues(40.0) == floor.snapshot(40.0).queues
    assert sum(len(view.waiting) for view in floor.queues(40.0)) == 5


def test_positions_are_those_of_the_whole_view() -> None:
    floor = busy_floor()
    shown = {waiting.entry: waiting.position for queue in floor.snapshot(40.0).queues for waiting in queue.waiting}
    assert floor.positions(40.0) == shown
    assert len(shown) == 5


def test_glance_says_what_the_agent_does_and_has_done() -> None:
    floor = busy_floor()
    assert floor.glance(ANNA) == AgentGlance(AgentState.TALKING, "", 31.0, EntryId("c4/1"), answered=1, misses=1)
    floor.handle(TalkEnded(EntryId("c4/1")), 40.0)
    assert floor.glance(ANNA) == AgentGlance(AgentState.WRAP_UP, "", 40.0, EntryId("c4/1"), answered=1, misses=1)
    served = offer_of(floor.handle(WrapUpEnded(ANNA), 45.0)).entry
    assert floor.glance(ANNA) == AgentGlance(AgentState.OFFERED, "", 45.0, served, answered=1, misses=1)
    assert floor.glance(BO) == AgentGlance(AgentState.NOT_READY, "lunch", 0.0, None, answered=0, misses=0)
    assert floor.glance(AgentId("9999")) is None


def test_queue_names_keep_an_old_queue_until_it_is_empty() -> None:
    floor = busy_floor()
    floor.handle(FloorChanged(FloorSettings(queues=SETTINGS.queues[:1])), 50.0)
    assert floor.queue_names() == (SALES, HELP)
