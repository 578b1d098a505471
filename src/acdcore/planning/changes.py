"""Changes to a day before it is run again; each change makes another day from the given one."""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from random import Random
from typing import assert_never

from pydantic import TypeAdapter, ValidationError

from acdcore.kernel.errors import AcdError
from acdcore.kernel.ids import AgentId, QueueName, SkillName
from acdcore.planning.day import Arrival, Day, DayEvent, Person, WorkSpan, mix_seeds
from acdcore.queues.inputs import DispatcherChanged, EntryId
from acdcore.queues.settings import AgentSettings, DispatcherSettings, QueueSettings, Strategy, validate

MAX_FACTOR = 10.0
"""More than ten times the calls is another call centre, and takes too long to run."""
MAX_AGENTS = 1_000
"""Most agents that one change may add."""
SHIFT_S = 120.0
"""An extra call comes at most this many seconds before or after the call that it is copied from."""


_QUEUE = TypeAdapter(QueueSettings)


class ChangeError(AcdError):
    """A change that cannot be read or does not fit the day; the text says what would fit."""


@dataclass(frozen=True, slots=True)
class MoreAgents:
    """Additional agents."""

    count: int
    start: float
    """Seconds since midnight; minus infinity: from when the first agent is at work."""
    end: float
    """Seconds since midnight; infinity: until the last agent goes."""
    skills: Mapping[SkillName, int] = field(default_factory=dict)
    """Their skills; empty: those of `like`, or of most agents at work then."""
    like: AgentId | None = None
    """Copy skills, pace and phone of this agent; None: none."""


@dataclass(frozen=True, slots=True)
class FewerAgents:
    """Agents who are away for a time; those with the highest numbers go."""

    count: int
    start: float
    """Seconds since midnight; minus infinity: from the beginning of the day."""
    end: float
    """Seconds since midnight; infinity: until the end of the day."""
    skills: Mapping[SkillName, int] = field(default_factory=dict)
    """Only agents with these skills at these levels or above; empty: any agent."""
    like: AgentId | None = None
    """Only agents with exactly the skills of this agent; None: any agent."""


@dataclass(frozen=True, slots=True)
class PriorityFor:
    """Another priority for a tier of customers."""

    tier: str
    priority_s: float


@dataclass(frozen=True, slots=True)
class RingFor:
    """Another ring time."""

    queue: QueueName | None
    """None: in all queues."""
    ring_for_s: float


@dataclass(frozen=True, slots=True)
class StrategyIs:
    """Another strategy, which orders agents of equal level."""

    queue: QueueName | None
    """None: in all queues."""
    strategy: Strategy


Setting = float | int | bool | str | None | Mapping[SkillName, int]
"""A value that a key of a queue can get."""


@dataclass(frozen=True, slots=True)
class QueueKey:
    """Another value for any key of a queue."""

    queue: QueueName | None
    """None: in all queues."""
    key: str
    """A field of `QueueSettings`."""
    value: Setting


@dataclass(frozen=True, slots=True)
class MoreCalls:
    """More calls, or fewer with a factor below 1, spread over the day as the day's calls are."""

    factor: float
    queue: QueueName | None = None
    """None: for all queues."""


@dataclass(frozen=True, slots=True)
class HandlingTimes:
    """Longer talks and wrap-ups, or shorter with a factor below 1."""

    factor: float
    queue: QueueName | None = None
    """None: for all queues."""


Change = MoreAgents | FewerAgents | PriorityFor | RingFor | StrategyIs | QueueKey | MoreCalls | HandlingTimes


def apply_changes(day: Day, changes: tuple[Change, ...]) -> Day:
    """The day with all changes, applied in order. Raises ChangeError when one does not fit."""
    for change in changes:
        day = _apply_change(day, change)
    return day


def _apply_change(day: Day, change: Change) -> Day:
    match change:
        case MoreAgents():
            return _more_agents(day, change)
        case FewerAgents():
            return _fewer_agents(day, change)
        case PriorityFor(tier=tier, priority_s=priority_s):
            return _with_priority(day, tier, priority_s)
        case RingFor(queue=queue, ring_for_s=ring_for_s):
            return _set(day, queue, lambda settings: replace(settings, ring_for_s=ring_for_s))
        case StrategyIs(queue=queue, strategy=strategy):
            return _set(day, queue, lambda settings: replace(settings, strategy=strategy))
        case QueueKey(queue=queue, key=key, value=value):
            return _set(day, queue, lambda settings: set_key(settings, key, value))
        case MoreCalls(factor=factor, queue=queue):
            return _more_calls(day, factor, queue)
        case HandlingTimes(factor=factor, queue=queue):
            return _scale_handling(day, factor, queue)
        case _:
            assert_never(change)


# ---- agents -------------------------------------------------------------------------------------------------------


def _more_agents(day: Day, change: MoreAgents) -> Day:
    if not 0 < change.count <= MAX_AGENTS or change.start >= change.end:
        raise ChangeError(f"agents+{change.count}: give 1 to {MAX_AGENTS} agents and a start before the end")
    model, span = _model(day, change), _at_work(day, change)
    taken = {person.settings.agent for person in day.people}
    people = list(day.people)
    number = 0
    while len(people) < len(day.people) + change.count:  # skips at most the names of the extra agents added before
        number += 1
        agent = AgentId(f"extra-{number}")
        if agent in taken:
            continue
        settings = replace(model.settings, agent=agent, name=f"extra {number}")
        people.append(replace(model, settings=settings, spans=(span,)))
    return replace(day, people=tuple(people))


def _at_work(day: Day, change: MoreAgents) -> WorkSpan:
    """When the new agents work; by default from the first agent's start to the last agent's end."""
    spans = [span for person in day.people for span in person.spans]
    if not spans and math.inf in (-change.start, change.end):
        raise ChangeError("agents+: nobody works on that day; add the time, e.g. @10:00-12:00")
    start = min(span.start for span in spans) if change.start == -math.inf else change.start
    end = max(span.end for span in spans) if change.end == math.inf else change.end
    return WorkSpan(start, end)


def _model(day: Day, change: MoreAgents) -> Person:
    """An agent whose skills, pace and phone the new agents get."""
    if change.like is not None:
        return _person(day, change.like)
    present = [person for person in day.people if _is_present(person, change.start, change.end)] or list(day.people)
    if change.skills:
        settings = AgentSettings(AgentId("extra"), skills=change.skills)
        phone = present[0].phone if present else None
        return Person(settings, ()) if phone is None else Person(settings, (), phone=phone)
    if not present:
        raise ChangeError("agents+: nobody works on that day whose skills the new agents could get; add /skills=")
    usual = Counter(tuple(sorted(person.settings.skills.items())) for person in present).most_common(1)[0][0]
    return next(replace(p, pace=1.0) for p in present if tuple(sorted(p.settings.skills.items())) == usual)


def _fewer_agents(day: Day, change: FewerAgents) -> Day:
    if change.count < 1 or change.start >= change.end:
        raise ChangeError(f"agents-{change.count}: give at least 1 agent and a start before the end")
    alike = None if change.like is None else dict(_person(day, change.like).settings.skills)
    concerned = [
        person
        for person in day.people
        if _is_present(person, change.start, change.end)
        and all(person.settings.skills.get(skill, 0) >= level for skill, level in change.skills.items())
        and (alike is None or dict(person.settings.skills) == alike)
    ]
    if len(concerned) < change.count:
        raise ChangeError(f"agents-{change.count}: only {len(concerned)} such agents are at work at that time")
    going = {person.settings.agent for person in sorted(concerned, key=_number)[-change.count :]}
    people = [_take_away(person, change) if person.settings.agent in going else person for person in day.people]
    return replace(day, people=tuple(person for person in people if person.spans))


def _number(person: Person) -> tuple[int, str]:
    return len(person.settings.agent), person.settings.agent


def _take_away(person: Person, change: FewerAgents) -> Person:
    """The same agent, away from `change.start` to `change.end`."""
    spans: list[WorkSpan] = []
    for span in person.spans:
        before = WorkSpan(span.start, min(span.end, change.start))
        after = WorkSpan(max(span.start, change.end), span.end)
        spans += [part for part in (before, after) if part.start < part.end]
    return replace(person, spans=tuple(spans))


def _is_present(person: Person, start: float, end: float) -> bool:
    return any(span.start < end and start < span.end for span in person.spans)


def _person(day: Day, agent: AgentId) -> Person:
    for person in day.people:
        if person.settings.agent == agent:
            return person
    raise ChangeError(f"nobody with the number {agent} works on that day")


# ---- settings -----------------------------------------------------------------------------------------------------


def set_key(settings: QueueSettings, key: str, value: Setting) -> QueueSettings:
    """The queue with another value of one key; a text is converted to the key's type.

    Raises ChangeError when there is no such key, or when the value is not of its type.
    """
    values = {each.name: getattr(settings, each.name) for each in fields(settings)}
    if key not in values or key == "name":
        raise ChangeError(f"queues have no key {key}; there are {', '.join(values)}")
    try:
        return _QUEUE.validate_python({**values, key: value})
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise ChangeError(f"{key}={value}: {reason[0].lower()}{reason[1:]}") from error


def _set(day: Day, queue: QueueName | None, change: Callable[[QueueSettings], QueueSettings]) -> Day:
    """Change the settings of one queue or of all, at the start and in every reload of the day."""
    if queue is not None and queue not in {settings.name for settings in day.settings.queues}:
        names = ", ".join(sorted(settings.name for settings in day.settings.queues))
        raise ChangeError(f"there is no queue {queue}; there are {names}")

    def changed_settings(settings: DispatcherSettings) -> DispatcherSettings:
        queues = [change(settings) if queue in (None, settings.name) else settings for settings in settings.queues]
        return replace(settings, queues=tuple(queues))

    return _change_settings(day, changed_settings)


def _change_settings(day: Day, change: Callable[[DispatcherSettings], DispatcherSettings]) -> Day:
    settings = change(day.settings)
    problems = validate(settings)
    if problems:
        raise ChangeError(f"{problems[0].key}: {problems[0].text}")
    events = [
        DayEvent(event.at, DispatcherChanged(change(event.input.settings)))
        if isinstance(event.input, DispatcherChanged)
        else event
        for event in day.events
    ]
    return replace(day, settings=settings, events=tuple(events))


# ---- callers ------------------------------------------------------------------------------------------------------


def _with_priority(day: Day, tier: str, priority_s: float) -> Day:
    tiers = {arrival.facts.tier for arrival in day.arrivals}
    if tier not in tiers:
        raise ChangeError(f"nobody of the tier {tier} calls on that day; there are {', '.join(sorted(tiers))}")
    arrivals = [
        replace(arrival, priority_s=priority_s) if arrival.facts.tier == tier else arrival for arrival in day.arrivals
    ]
    return replace(day, arrivals=tuple(arrivals))


def _more_calls(day: Day, factor: float, queue: QueueName | None) -> Day:
    if not 0.0 <= factor <= MAX_FACTOR:
        raise ChangeError(f"calls*{factor}: give a factor from 0 to {MAX_FACTOR:g}")
    arrivals: list[Arrival] = []
    for arrival in day.arrivals:
        if queue not in (None, arrival.queue):
            arrivals.append(arrival)
            continue
        arrivals += _copies(arrival, factor)
    return replace(day, arrivals=tuple(arrivals))


def _copies(arrival: Arrival, factor: float) -> list[Arrival]:
    """The arrival itself and copies of it, on average `factor` in all."""
    rng = Random(mix_seeds(7, arrival.chance))
    copies = int(factor) + (rng.random() < factor % 1.0)
    made = [arrival] if copies else []
    for number in range(1, copies):
        at = max(0.0, arrival.at + rng.uniform(-SHIFT_S, SHIFT_S))
        entry = EntryId(f"{arrival.entry}+{number}")
        made.append(replace(arrival, entry=entry, at=at, chance=mix_seeds(number, arrival.chance)))
    return made


def _scale_handling(day: Day, factor: float, queue: QueueName | None) -> Day:
    if not 0.0 < factor <= MAX_FACTOR:
        raise ChangeError(f"handling*{factor}: give a factor above 0 and at most {MAX_FACTOR:g}")
    arrivals = [
        replace(
            arrival,
            handling_s=arrival.handling_s * factor,
            wrap_up_s=None if arrival.wrap_up_s is None else arrival.wrap_up_s * factor,
        )
        if queue in (None, arrival.queue)
        else arrival
        for arrival in day.arrivals
    ]
    return replace(day, arrivals=tuple(arrivals))
