"""What settings allow but surely do not mean: said at the check, at the start and at a reload, never a refusal."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from acdcore.calls.ports import AgentRecord
from acdcore.ivr.model import CalendarState
from acdcore.kernel.ids import SkillName
from acdcore.plan import Plan, shortages
from acdcore.queue_table import QueueTable, levels


def advice(plan: Plan, agents: Sequence[AgentRecord], wall: datetime) -> tuple[str, ...]:
    """Every warning, the machine's first, then queue by queue; `agents` empty: nothing is said about skills."""
    warnings = [*shortages(plan.settings)]
    active = [agent for agent in agents if agent.is_active]
    for name, table in plan.settings.queues.items():
        warnings += (f"queue {name}: {text}" for text in _of_queue(table, active))
    for name, calendar in plan.calendars.items():
        moment = calendar.moment(wall)
        if moment.state is not CalendarState.OPEN and moment.next_change_at is None and _is_used(plan, name):
            warnings.append(f"calendar {name}: is not open at any time within the next fortnight")
    if not any(trunk.may_dial_out for trunk in plan.settings.trunks.values()) and _wants_callbacks(plan):
        warnings.append("callbacks are offered, but no trunk may dial out; set may_dial_out and target on one")
    return tuple(warnings)


def _of_queue(table: QueueTable, agents: Sequence[AgentRecord]) -> Iterator[str]:
    queue = levels(table.skills)
    if agents and not able(agents, queue):
        yield f"nobody has {in_words(queue)}"
    for number, rule in enumerate(table.rules, 1):
        needs = {**queue, **levels(rule.skills)}
        if agents and able(agents, queue) and not able(agents, needs):
            relaxed = next((ring.after_s for ring in table.rings if set(ring.skills) & set(rule.skills)), None)
            until = "they wait for ever" if relaxed is None else f"they wait {relaxed:g} s for nothing"
            yield f"rule {number} asks for {in_words(needs)}, which nobody has together; {until}"
    for number, ring in enumerate(table.rings, 1):
        if table.max_wait_s is not None and ring.after_s >= table.max_wait_s:
            yield f"ring {number} begins after {ring.after_s:g} s, but callers overflow after {table.max_wait_s:g} s"
    if table.announce_wait and table.announce_first_s is None:
        yield "announce_wait has no effect without announce_first_s"
    if table.keys_prompt and table.announce_first_s is None:
        yield "keys_prompt is never heard without announce_first_s"


def able(agents: Sequence[AgentRecord], needs: Mapping[SkillName, int]) -> bool:
    """Whether anybody has all these skills at these levels."""
    return any(all(agent.skills.get(skill, 0) >= level for skill, level in needs.items()) for agent in agents)


def in_words(needs: Mapping[SkillName, int]) -> str:
    """`service 3 and vip 5`."""
    return " and ".join(f"{skill} {level}" for skill, level in needs.items())


def _is_used(plan: Plan, calendar: str) -> bool:
    routes = (route for trunk in plan.settings.trunks.values() for route in trunk.routes.values())
    queues = plan.settings.queues.values()
    return any(route.calendar == calendar for route in routes) or any(one.calendar == calendar for one in queues)


def _wants_callbacks(plan: Plan) -> bool:
    return any(
        table.call_back_abandoned or "callback" in table.keys.values() for table in plan.settings.queues.values()
    )
