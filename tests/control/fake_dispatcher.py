"""The dispatcher's view of the call centre: 1001 talks, a VIP waits, 1002 is logged out."""

from tests.control.fake_centre import SERVICE, TALKING, WAITING

from acdcore.control.release import Planner
from acdcore.daemon.release_planning import ReleasePlanner
from acdcore.kernel.ids import AgentId, SkillName
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.inputs import (
    AgentLoggedIn,
    AgentLoggedOut,
    AgentPhoneUp,
    AgentReady,
    CallerJoined,
    EntryId,
    OfferAccepted,
    OfferId,
)
from acdcore.queues.settings import AgentSettings, DispatcherSettings, QueueSettings

SKILL = SkillName("service")
QUEUES = (QueueSettings(SERVICE, {SKILL: 1}, service_level_within_s=10.0),)
NOW = 104.5


def dispatcher_view() -> Dispatcher:
    """At `NOW` the VIP has waited for 4.5 s."""
    dispatcher = Dispatcher(DispatcherSettings(QUEUES))
    one, two = AgentId("1001"), AgentId("1002")
    for agent in (one, two):
        dispatcher.handle(AgentPhoneUp(agent), 0.0)
        dispatcher.handle(AgentLoggedIn(AgentSettings(agent, skills={SKILL: 9})), 0.0)
    dispatcher.handle(AgentLoggedOut(two), 0.0)
    dispatcher.handle(AgentReady(one), 0.0)
    dispatcher.handle(CallerJoined(EntryId(f"{TALKING}/1"), SERVICE), 80.0)
    dispatcher.handle(OfferAccepted(OfferId(1)), 84.0)
    dispatcher.handle(CallerJoined(EntryId(f"{WAITING}/2"), SERVICE, 120.0), 100.0)
    return dispatcher


def release_planner() -> Planner:
    """The release planner of the call centre."""
    view = dispatcher_view()
    return ReleasePlanner(lambda: view.snapshot(NOW), lambda: QUEUES).release
