"""What operators set: queues, overflow rules and agents' skills, and the check that they fit together.

Every field that ends in `_s` is a length of time in seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Annotated

from annotated_types import Ge

from acdcore.kernel.ids import AgentId, QueueName, SkillName
from acdcore.kernel.mistakes import near

MAX_TIME_S = 86_400.0
"""Longest time in any setting, seconds: a day."""
MIN_PERIOD_S = 0.1
"""Shortest period, seconds: a shorter one would keep the timer busy with one caller."""
MAX_LEVEL = 100
"""Highest level of a skill."""
MAX_RULES = 100
"""Rules and widening steps of one queue: each combination of needs that occurs has a line of its own."""


class Channel(StrEnum):
    """How an agent meets the caller. Each channel takes the agent's voice, so an agent has one contact at a time."""

    CALL = "call"
    """A caller on the line."""
    CALLBACK = "callback"
    """Somebody to be called; nobody is on the line."""
    VOICEMAIL = "voicemail"
    """A message to be heard; nobody is on the line."""


class Strategy(StrEnum):
    """How agents of equal level are ordered."""

    LONGEST_IDLE = "longest_idle"
    """Whose last contact ended first."""
    FEWEST_CALLS = "fewest_calls"
    """Who has answered the smallest number of calls."""
    LEAST_OCCUPIED = "least_occupied"
    """Who has been at work for the smallest share of the recent time on duty."""
    ROUND_ROBIN = "round_robin"
    """Whose last offer is the oldest."""


class OverflowCause(StrEnum):
    """Why a caller leaves a queue without an agent."""

    WAIT = "wait"
    """Waited for `max_wait_s` in this queue."""
    LENGTH = "length"
    """`max_length` callers were in the queue already."""
    NOBODY_LOGGED_IN = "nobody_logged_in"
    """No agent who may serve the caller is logged in with a phone that can be reached."""
    ESTIMATED_WAIT = "estimated_wait"
    """The wait estimated on entry exceeds `max_estimated_wait_s`."""
    NOBODY_READY = "nobody_ready"
    """No agent who may serve the caller is ready on entry."""
    CLOSED = "closed"
    """The queue's hours are over (`HoursChanged`)."""


@dataclass(frozen=True, slots=True)
class ToQueue:
    """Go on waiting in another queue; the time waited so far goes on counting for the order."""

    queue: QueueName
    """The queue to join."""


@dataclass(frozen=True, slots=True)
class ToAnnouncement:
    """Hear an announcement; the entry is over."""

    prompt: str
    """The prompt's name."""


@dataclass(frozen=True, slots=True)
class ToExternalNumber:
    """Be connected to an external number, which may be another site; the entry is over."""

    number: str
    """The number to dial."""
    trunk: str = ""
    """The trunk to dial it on; "": the first that may dial out."""


@dataclass(frozen=True, slots=True)
class ToFlow:
    """Go on in a flow (leave a message, be called back); the entry is over."""

    flow: str
    """The flow's name."""


OverflowTarget = ToQueue | ToAnnouncement | ToExternalNumber | ToFlow


@dataclass(frozen=True, slots=True)
class OverflowRule:
    """Where callers go when one cause applies."""

    cause: OverflowCause
    """When the rule applies."""
    target: OverflowTarget
    """Where the caller goes."""


@dataclass(frozen=True, slots=True)
class NeedRule:
    """What some callers need beside the queue's skills; applies when each set given contains the caller's value."""

    tiers: frozenset[str] = frozenset()
    """Customer tiers; empty: any."""
    languages: frozenset[str] = frozenset()
    """Languages chosen; empty: any."""
    regions: frozenset[str] = frozenset()
    """Regions; empty: any."""
    skills: Mapping[SkillName, int] = field(kw_only=True)
    """Skills needed, each with its lowest level; when several rules ask for one skill, the higher level counts."""


@dataclass(frozen=True, slots=True)
class WideningStep:
    """More agents for callers who have waited, or are likely to wait, too long.

    Steps are numbered from 1 in the order of the file. Reaching a step reaches all earlier steps.
    """

    after_s: Annotated[float, Ge(0)]
    """Time in this queue after which the step is reached, 0 to `MAX_TIME_S` seconds."""
    skills: Mapping[SkillName, int]
    """The level that is enough from now on, even if a rule or the caller asks for more; 0: the skill is not needed."""
    estimated_wait_s: Annotated[float, Ge(0)] | None = None
    """The step is reached on entry when the estimated wait exceeds this, seconds; None: by time only."""


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """One queue."""

    name: QueueName
    """Key of the queue."""
    skills: Mapping[SkillName, int] = field(default_factory=dict)
    """Skills that an agent needs, each with its lowest level; empty: any agent who is logged in may serve."""
    strategy: Strategy = Strategy.LONGEST_IDLE
    """Order of agents with equal levels."""
    weight: float = 1.0
    """How much a second of urgency counts here against other queues of the same agent, 0.01 to 100."""
    ageing: float = 1.0
    """Seconds of urgency that a second of waiting adds, 0 to 100; 0: priority alone decides, low ones may starve."""
    ring_for_s: float = 20.0
    """How long an agent's phone rings before the offer counts as missed, 0.1 to 300 seconds."""
    wrap_up_s: float = 15.0
    """Time for notes after a talk, 0 to 3600 seconds; 0: none."""
    max_wait_s: float | None = None
    """Time in this queue after which the overflow rule for `wait` applies, seconds; None: never."""
    max_length: int | None = None
    """With this many callers in the queue (waiting or ringing), new ones overflow by `length`; None: never."""
    overflow: tuple[OverflowRule, ...] = ()
    """At most one rule for each cause."""
    announce_first_s: float | None = None
    """Time in the queue until the position is first announced, seconds; None: never."""
    announce_every_s: float | None = None
    """Time between later announcements, seconds; None: one announcement only."""
    misses_until_not_ready: int = 2
    """Missed offers in a row after which an agent is made not ready."""
    service_level_within_s: float = 20.0
    """An answer within this time in the queue counts for the service level, seconds."""
    short_abandon_s: float = 5.0
    """A caller who hangs up within this time, in seconds, is counted apart (wrong number, second thoughts)."""
    rules: tuple[NeedRule, ...] = ()
    """What some callers need beside `skills`; every rule that applies counts."""
    widening: tuple[WideningStep, ...] = ()
    """How the needs are lowered, in rising order of `after_s`."""
    max_estimated_wait_s: float | None = None
    """Above this estimated wait, in seconds, the rule for `estimated_wait` applies to new callers; None: never."""
    sticky_for_s: float = 0.0
    """How long a caller is kept for the preferred agent (of the last talk, or the owner), seconds; 0: not at all."""
    is_manual_assignment: bool = False
    """True: a front desk, where callers are offered only by `CallerAssigned`."""
    announces_wait: bool = False
    """True: announcements name the estimated wait too."""
    first_language: str = ""
    """The language that all agents of the queue are assumed to speak."""
    language_level: int = 0
    """Level of the caller's language that the agent needs when it is not the first one; 0: not needed."""
    language_for_s: float = 30.0
    """After this time in the queue, in seconds, the language is needed only while an agent on duty who may serve the
    caller speaks it."""


class OfferEnd(StrEnum):
    """How an offer ended without an answer on the agent's side; each counts as a miss."""

    REFUSED = "refused"
    """The agent declined (603, or the decline button)."""
    NO_ANSWER = "no_answer"
    """Nobody answered within the ring time."""
    UNREACHABLE = "unreachable"
    """The phone did not respond (408, 480, transport error)."""
    BUSY = "busy"
    """The phone is in a call that the daemon did not know of (486)."""
    FAILED = "failed"
    """Anything else: no common codec, or a fault of the phone or of the daemon."""


def _back_off_s() -> dict[OfferEnd, float]:
    return {
        OfferEnd.REFUSED: 10.0,
        OfferEnd.NO_ANSWER: 10.0,
        OfferEnd.UNREACHABLE: 30.0,
        OfferEnd.BUSY: 15.0,
        OfferEnd.FAILED: 30.0,
    }


@dataclass(frozen=True, slots=True)
class DispatcherSettings:
    """All queues, and the times that they share."""

    queues: tuple[QueueSettings, ...] = ()
    """The queues; each name occurs once."""
    back_off_s: Mapping[OfferEnd, float] = field(default_factory=_back_off_s)
    """How long an agent gets no offer after a miss, in seconds, by the cause; a cause left out: no back-off."""
    retry_after_miss_s: float = 30.0
    """How long a caller is not offered again to an agent who missed that caller, seconds."""


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """An agent as the directory has it."""

    agent: AgentId
    """The agent's number."""
    name: str = ""
    """For displays."""
    skills: Mapping[SkillName, int] = field(default_factory=dict)
    """Skill to level, 1 to `MAX_LEVEL`; languages are skills too. The highest level gets the offer first."""
    channels: Mapping[Channel, int] = field(default_factory=dict)
    """Contacts of a channel at once, 0 or 1; 0: none of these; a channel left out counts as 1."""
    seat: str = ""
    """The phone at which the agent works; the dispatcher does not use it."""

    def takes(self, channel: Channel) -> bool:
        """Whether the agent takes contacts of this channel."""
        return self.channels.get(channel, 1) > 0


# ---- the check ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SettingsProblem:
    """A problem in the settings of a dispatcher."""

    key: str
    """Path of the key, e.g. `queues.sales.overflow.wait`."""
    text: str
    """What is wrong and what to change."""


def validate(settings: DispatcherSettings) -> list[SettingsProblem]:
    """All problems, in the order of the file; empty: the dispatcher accepts the settings."""
    names = {queue.name for queue in settings.queues}
    problems: list[SettingsProblem] = []
    seen: set[QueueName] = set()
    for queue in settings.queues:
        if queue.name in seen:
            problems.append(SettingsProblem(f"queues.{queue.name}", "this name is used twice; rename one queue"))
        seen.add(queue.name)
        problems += _figure_problems(queue)
        problems += _rule_problems(queue, names)
        problems += _widening_problems(queue)
    problems += _loop_problems(settings.queues)
    for cause, back_off_s in settings.back_off_s.items():
        if not 0 <= back_off_s <= MAX_TIME_S:
            problems.append(SettingsProblem(f"back_off_s.{cause}", f"{back_off_s} is not within 0 and {MAX_TIME_S}"))
    if not MIN_PERIOD_S <= settings.retry_after_miss_s <= MAX_TIME_S:
        problems.append(
            SettingsProblem(
                "retry_after_miss_s", f"{settings.retry_after_miss_s} is not within {MIN_PERIOD_S} and {MAX_TIME_S}"
            )
        )
    return problems


def validate_agent(settings: AgentSettings) -> list[SettingsProblem]:
    """All problems in an agent's settings; empty: the dispatcher accepts them."""
    return [
        SettingsProblem(
            f"channels.{channel}",
            f"{count} is neither 0 nor 1; a contact of any channel takes the agent's voice, so set 0 or 1",
        )
        for channel, count in settings.channels.items()
        if count not in (0, 1)
    ]


def _figure_problems(queue: QueueSettings) -> list[SettingsProblem]:
    """Figures outside of their range."""
    bounds: list[tuple[str, float | None, float, float]] = [
        ("weight", queue.weight, 0.01, 100.0),
        ("ageing", queue.ageing, 0.0, 100.0),
        ("ring_for_s", queue.ring_for_s, MIN_PERIOD_S, 300.0),
        ("wrap_up_s", queue.wrap_up_s, 0.0, 3_600.0),
        ("max_wait_s", queue.max_wait_s, MIN_PERIOD_S, MAX_TIME_S),
        ("max_length", queue.max_length, 0, 100_000),
        ("announce_first_s", queue.announce_first_s, 0.0, MAX_TIME_S),
        ("announce_every_s", queue.announce_every_s, MIN_PERIOD_S, MAX_TIME_S),
        ("misses_until_not_ready", queue.misses_until_not_ready, 1, 100),
        ("service_level_within_s", queue.service_level_within_s, 0.0, MAX_TIME_S),
        ("short_abandon_s", queue.short_abandon_s, 0.0, MAX_TIME_S),
        ("max_estimated_wait_s", queue.max_estimated_wait_s, 0.0, MAX_TIME_S),
        ("sticky_for_s", queue.sticky_for_s, 0.0, MAX_TIME_S),
        ("language_level", queue.language_level, 0, MAX_LEVEL),
        ("language_for_s", queue.language_for_s, 0.0, MAX_TIME_S),
        ("rules", len(queue.rules), 0, MAX_RULES),
        ("widening", len(queue.widening), 0, MAX_RULES),
    ]
    for number, rule in enumerate(queue.rules, 1):
        bounds += [(f"rules.{number}.skills.{skill}", level, 1, MAX_LEVEL) for skill, level in rule.skills.items()]
    for number, step in enumerate(queue.widening, 1):
        bounds.append((f"widening.{number}.after_s", step.after_s, 0.0, MAX_TIME_S))
        bounds.append((f"widening.{number}.estimated_wait_s", step.estimated_wait_s, 0.0, MAX_TIME_S))
        bounds += [(f"widening.{number}.skills.{skill}", level, 0, MAX_LEVEL) for skill, level in step.skills.items()]
    bounds += [(f"skills.{skill}", level, 1, MAX_LEVEL) for skill, level in queue.skills.items()]
    return [
        SettingsProblem(f"queues.{queue.name}.{key}", f"{figure} is not within {low} and {high}")
        for key, figure, low, high in bounds
        if figure is not None and not low <= figure <= high
    ]


def _rule_problems(queue: QueueSettings, names: set[QueueName]) -> list[SettingsProblem]:
    """Rules without a limit, limits without a rule, rules given twice, targets that do not exist."""
    path = f"queues.{queue.name}"
    problems: list[SettingsProblem] = []
    causes = [rule.cause for rule in queue.overflow]
    for rule in queue.overflow:
        if isinstance(rule.target, ToQueue) and rule.target.queue not in names:
            text = f"there is no queue {rule.target.queue}; there are {', '.join(sorted(names))}"
            problems.append(SettingsProblem(f"{path}.overflow.{rule.cause}", text + near(rule.target.queue, names)))
    for cause in OverflowCause:
        if causes.count(cause) > 1:
            problems.append(SettingsProblem(f"{path}.overflow.{cause}", "given twice; keep one rule for each cause"))
    limits = [
        (OverflowCause.WAIT, "max_wait_s", queue.max_wait_s),
        (OverflowCause.LENGTH, "max_length", queue.max_length),
        (OverflowCause.ESTIMATED_WAIT, "max_estimated_wait_s", queue.max_estimated_wait_s),
    ]
    for cause, key, limit in limits:
        if cause in causes and limit is None:
            problems.append(SettingsProblem(f"{path}.overflow.{cause}", f"never applies; set {key}"))
        if cause not in causes and limit is not None:
            problems.append(SettingsProblem(f"{path}.{key}", f"leads nowhere; add an overflow rule for {cause}"))
    return problems


def _widening_problems(queue: QueueSettings) -> list[SettingsProblem]:
    """Steps out of order, and steps and rules that change nothing."""
    path = f"queues.{queue.name}"
    problems: list[SettingsProblem] = []
    for number, (step, following) in enumerate(pairwise(queue.widening), 2):
        if following.after_s < step.after_s:
            problems.append(
                SettingsProblem(
                    f"{path}.widening.{number}.after_s", "is before the step above; put the steps in order of time"
                )
            )
    for number, step in enumerate(queue.widening, 1):
        if not step.skills:
            problems.append(SettingsProblem(f"{path}.widening.{number}", "lowers nothing; name skills"))
    for number, rule in enumerate(queue.rules, 1):
        if not rule.skills:
            problems.append(SettingsProblem(f"{path}.rules.{number}", "asks for nothing; name skills"))
    if queue.sticky_for_s and queue.is_manual_assignment:
        problems.append(
            SettingsProblem(f"{path}.sticky_for_s", "has no effect in a queue with manual assignment; remove it")
        )
    return problems


def _loop_problems(queues: tuple[QueueSettings, ...]) -> list[SettingsProblem]:
    """Overflow from queue to queue that comes back to the first queue, whatever the causes."""
    onward = {
        queue.name: [rule.target.queue for rule in queue.overflow if isinstance(rule.target, ToQueue)]
        for queue in queues
    }
    problems: list[SettingsProblem] = []
    for start in onward:
        reached: dict[QueueName, QueueName] = {}
        edges = [(start, target) for target in onward[start]]
        while edges:  # each queue is expanded once
            origin, target = edges.pop()
            if target in reached:
                continue
            reached[target] = origin
            edges += [(target, further) for further in onward.get(target, [])]
        if start in reached:
            problems.append(
                SettingsProblem(f"queues.{start}.overflow", "overflow comes back to this queue; break the loop")
            )
    return problems
