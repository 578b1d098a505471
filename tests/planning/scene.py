"""A small centre for the planner's tests: two queues, seven agents, one afternoon."""

from acdcore.kernel.ids import AgentId, QueueName, SkillName
from acdcore.planning.day import Arrival, Person, Phone, WorkSpan
from acdcore.planning.pattern import CallerKind, Duration, Pattern, Stream
from acdcore.queues.inputs import CallerFacts, EntryId
from acdcore.queues.settings import AgentSettings, DispatcherSettings, QueueSettings

SALES, HELP = QueueName("sales"), QueueName("help")
TALK, REPAIR = SkillName("talk"), SkillName("repair")
NOON, EVENING = 12 * 3_600.0, 18 * 3_600.0
SETTINGS = DispatcherSettings((QueueSettings(SALES, {TALK: 1}), QueueSettings(HELP, {REPAIR: 1}, wrap_up_s=10.0)))


def agent(number: int, *skills: SkillName, spans: tuple[WorkSpan, ...] = (), phone: Phone | None = None) -> Person:
    """Somebody at work from noon to evening unless `spans` say otherwise."""
    settings = AgentSettings(AgentId(str(number)), f"agent {number}", dict.fromkeys(skills, 1))
    return Person(settings, spans or (WorkSpan(NOON, EVENING),), phone=phone or Phone((2.0, 4.0)))


def arrival(number: int, at: float, handling_s: float = 60.0, patience_s: float | None = None) -> Arrival:
    """Somebody who calls the sales queue."""
    return Arrival(EntryId(f"e{number}"), at, SALES, handling_s, patience_s)


PEOPLE = (
    *(agent(number, TALK) for number in range(1001, 1005)),
    *(agent(number, TALK, REPAIR) for number in range(1005, 1008)),
)
AFTERNOON = Pattern(
    SETTINGS,
    (
        Stream(
            SALES,
            (20.0, 30.0, 40.0, 30.0, 20.0, 20.0, 20.0, 20.0, 20.0, 20.0, 10.0),
            Duration(180.0, 0.8),
            Duration(120.0),
            Duration(10.0),
            (CallerKind(0.9, CallerFacts("standard")), CallerKind(0.1, CallerFacts("vip"), 60.0)),
        ),
        Stream(HELP, (8.0,) * 11, Duration(240.0, 0.8), Duration(120.0)),
    ),
    PEOPLE,
    start=NOON,
)
"""About 340 calls: busy, with some who give up."""
