"""Release planning for the control plane: what becomes of a queue when agents leave it now."""

import asyncio
import math
from collections.abc import Callable, Iterable

from acdcore.calls.model.commands import UnknownName, WrongState
from acdcore.control.release import LastingFigures, ReleasePlan, ReleaseQuestion, SoonRow
from acdcore.planning.erlang import Expected, Target
from acdcore.planning.release import Present, Recent, Release, affordable_runs, present, recent, release, who_serves
from acdcore.queues.settings import QueueSettings
from acdcore.queues.views import DispatcherView


class ReleasePlanner:
    """Reads the present state of queues and agents, and simulates the half hours in a thread."""

    def __init__(self, view: Callable[[], DispatcherView], queues: Callable[[], Iterable[QueueSettings]]) -> None:
        self._view = view
        self._queues = queues

    async def release(self, question: ReleaseQuestion) -> ReleasePlan:
        """Raises UnknownName for the queue, WrongState when there are fewer agents or no past calls to plan from."""
        queue = next((queue for queue in self._queues() if queue.name == question.queue), None)
        if queue is None:
            raise UnknownName(f"there is no queue {question.queue}")
        view = self._view()
        target = Target(question.target, queue.service_level_within_s)
        try:
            lately = recent(question.visits, queue.name, who_serves(view, queue), question.minutes * 60.0)
            now = present(view, queue, lately.demand, target)
            runs = affordable_runs(lately.demand)
            planned = await asyncio.to_thread(release, now, question.count, runs)
        except ValueError as error:
            raise WrongState(str(error)) from error
        return describe_plan(question, now, lately, planned)


def describe_plan(question: ReleaseQuestion, now: Present, lately: Recent, planned: Release) -> ReleasePlan:
    """The plan in the shape of the answer."""
    demand = now.demand
    verdict = "enough" if planned.is_advisable else "too few"
    return ReleasePlan(
        queue=question.queue,
        count=planned.count,
        agents=now.agents,
        agents_left=planned.agents_left,
        required=planned.required,
        is_advisable=planned.is_advisable,
        advice=f"{planned.agents_left} of {now.agents} agents stay; the target asks for {planned.required}: {verdict}",
        caveat=caveat(question, lately),
        target=now.target.service_level,
        within_s=now.target.within_s,
        waiting=len(now.waited_s),
        calls=lately.calls,
        elsewhere=lately.elsewhere,
        handled=lately.handled,
        calls_per_hour=round(demand.calls_per_hour, 1),
        handling_s=round(demand.handling_s, 1),
        patience_s=None if math.isinf(demand.patience_s) else round(demand.patience_s, 1),
        before=long_run_figures(planned.before),
        after=long_run_figures(planned.after),
        soon=tuple(
            SoonRow(
                row.measure.name,
                row.measure.unit,
                round(row.baseline.mean, 4),
                round(row.changed.mean, 4),
                round(row.difference.mean, 4),
                round(row.difference.half_width, 4),
                row.difference.is_sure,
            )
            for row in planned.soon.rows
            if row.scope == "all"
        ),
    )


def long_run_figures(expected: Expected) -> LastingFigures:
    """The formulas' figures; a wait without end is None."""
    wait_s = None if math.isinf(expected.average_wait_s) else round(expected.average_wait_s, 1)
    return LastingFigures(
        round(expected.service_level, 4), wait_s, round(expected.abandonment, 4), round(expected.occupancy, 4)
    )


def caveat(question: ReleaseQuestion, lately: Recent) -> str:
    """Why the answer is uncertain; "" when no reason is known."""
    if not lately.is_thin:
        return ""
    return (
        f"it rests on few contacts ({lately.calls + lately.elsewhere}) and talks ({lately.handled}) of the last "
        f"{question.minutes} minutes; look further back by minutes, or take it as a guess"
    )
