"""`acdcore staffing --release N --queue NAME`: asks the daemon what becomes of a queue if agents leave it now."""

from dataclasses import dataclass

from pydantic import TypeAdapter
from rich.console import Group, RenderableType
from rich.table import Table

from acdcore.cli.support.console import print_warning, show, show_raw_json
from acdcore.cli.support.http_client import Daemon, in_path
from acdcore.control.release import ReleasePlan


@dataclass(frozen=True, slots=True)
class PlannedRelease:
    """What the command line asks for."""

    queue: str
    count: int
    minutes: int
    """The demand is that of so many minutes before now."""
    target: float
    """Share to be answered within the queue's time."""


def print_release(daemon: Daemon, planned: PlannedRelease, as_json: bool) -> None:
    """Ask and print; raises RefusedByDaemon where there are fewer agents, or no past calls to plan from."""
    query = {"count": str(planned.count), "minutes": str(planned.minutes), "target": f"{planned.target:g}"}
    body = daemon.ask("GET", f"/v1/queues/{in_path(planned.queue)}/release", query)
    if as_json:
        show_raw_json(body)
        return
    release_plan = TypeAdapter(ReleasePlan).validate_json(body)
    show(release_in_words(release_plan))
    if release_plan.caveat:
        print_warning(release_plan.caveat)


def release_in_words(release_plan: ReleasePlan) -> RenderableType:
    """The verdict, the calls that it rests on, the long run and the coming half hour."""
    patience = "nobody gave up" if release_plan.patience_s is None else f"patience {release_plan.patience_s:g} s"
    facts = Table.grid(padding=(0, 2))
    facts.add_row(
        "queue",
        f"{release_plan.queue}, {release_plan.waiting} waiting; "
        f"target {release_plan.target:.0%} within {release_plan.within_s:g} s",
    )
    facts.add_row(
        "lately", f"{release_plan.calls_per_hour:g} calls an hour, {release_plan.handling_s:g} s each, {patience}"
    )
    facts.add_row(
        "rests on",
        f"{release_plan.calls} calls here, {release_plan.elsewhere} in other queues, {release_plan.handled} talks",
    )
    facts.add_row("verdict", release_plan.advice)
    return Group(facts, "", steady_state_table(release_plan), "", next_half_hour_table(release_plan))


def steady_state_table(release_plan: ReleasePlan) -> Table:
    """The formulas' figures for the long run."""
    before, after = release_plan.before, release_plan.after
    table = Table("", "as it is", "afterwards", title="in the long run", title_justify="left")
    table.add_row("service level", share(before.service_level), share(after.service_level))
    table.add_row("average wait", seconds(before.average_wait_s), seconds(after.average_wait_s))
    table.add_row("abandonment", share(before.abandonment), share(after.abandonment))
    table.add_row("occupancy", share(before.occupancy), share(after.occupancy))
    right_aligned(table)
    return table


def next_half_hour_table(release_plan: ReleasePlan) -> Table:
    """The simulated figures of the coming half hour."""
    table = Table("", "as it is", "afterwards", "difference", "", title="the coming half hour", title_justify="left")
    for row in release_plan.soon:
        word = share if row.unit == "%" else seconds if row.unit == "s" else str
        difference = f"{'+' if row.difference > 0 else ''}{word(row.difference)} ±{word(row.within)}"
        table.add_row(row.figure, word(row.as_it_is), word(row.afterwards), difference, "*" if row.is_sure else "")
    right_aligned(table)
    table.caption = "* marks a difference that is more than chance"
    table.caption_justify = "left"
    return table


def right_aligned(table: Table) -> None:
    """A table whose figures are aligned to the right."""
    for column in table.columns[1:4]:
        column.justify = "right"


def share(value: float) -> str:
    """`80.0%`."""
    return f"{value:.1%}"


def seconds(value: float | None) -> str:
    """`12.3 s`; without end where a queue only grows."""
    return "without end" if value is None else f"{value:.1f} s"
