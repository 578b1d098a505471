"""`acdcore staffing --release N --queue NAME`: what becomes of a queue if agents go now, asked of the daemon."""

from dataclasses import dataclass

from pydantic import TypeAdapter
from rich.console import Group, RenderableType
from rich.table import Table

from acdcore.cli.support.console import caution, show, show_raw_json
from acdcore.cli.support.http_client import Daemon, in_path
from acdcore.control.release import ReleaseOutlook


@dataclass(frozen=True, slots=True)
class Going:
    """Who is to go."""

    queue: str
    count: int
    minutes: int
    """The demand is that of so many minutes before now."""
    target: float
    """Share to be answered within the queue's time."""


def released(daemon: Daemon, going: Going, as_json: bool) -> None:
    """Ask and tell; raises Declined where there are not so many agents, or nothing to go by."""
    query = {"count": str(going.count), "minutes": str(going.minutes), "target": f"{going.target:g}"}
    body = daemon.ask("GET", f"/v1/queues/{in_path(going.queue)}/release", query)
    if as_json:
        show_raw_json(body)
        return
    outlook = TypeAdapter(ReleaseOutlook).validate_json(body)
    show(told(outlook))
    if outlook.caveat:
        caution(outlook.caveat)


def told(outlook: ReleaseOutlook) -> RenderableType:
    """The advice, what it rests on, the long run and the coming half hour."""
    patience = "nobody gave up" if outlook.patience_s is None else f"patience {outlook.patience_s:g} s"
    facts = Table.grid(padding=(0, 2))
    facts.add_row(
        "queue",
        f"{outlook.queue}, {outlook.waiting} waiting; target {outlook.target:.0%} within {outlook.within_s:g} s",
    )
    facts.add_row("lately", f"{outlook.calls_per_hour:g} calls an hour, {outlook.handling_s:g} s each, {patience}")
    facts.add_row(
        "rests on", f"{outlook.calls} calls here, {outlook.elsewhere} in other queues, {outlook.handled} talks"
    )
    facts.add_row("verdict", outlook.advice)
    return Group(facts, "", lasting(outlook), "", soon(outlook))


def lasting(outlook: ReleaseOutlook) -> Table:
    """What the formulas promise."""
    before, after = outlook.before, outlook.after
    table = Table("", "as it is", "afterwards", title="in the long run", title_justify="left")
    table.add_row("service level", share(before.service_level), share(after.service_level))
    table.add_row("average wait", seconds(before.average_wait_s), seconds(after.average_wait_s))
    table.add_row("abandonment", share(before.abandonment), share(after.abandonment))
    table.add_row("occupancy", share(before.occupancy), share(after.occupancy))
    right_aligned(table)
    return table


def soon(outlook: ReleaseOutlook) -> Table:
    """The coming half hour."""
    table = Table("", "as it is", "afterwards", "difference", "", title="the coming half hour", title_justify="left")
    for row in outlook.soon:
        word = share if row.unit == "%" else seconds if row.unit == "s" else str
        difference = f"{'+' if row.difference > 0 else ''}{word(row.difference)} ±{word(row.within)}"
        table.add_row(row.figure, word(row.as_it_is), word(row.afterwards), difference, "*" if row.is_sure else "")
    right_aligned(table)
    table.caption = "* marks a difference that is more than chance"
    table.caption_justify = "left"
    return table


def right_aligned(table: Table) -> None:
    """Figures below each other."""
    for column in table.columns[1:4]:
        column.justify = "right"


def share(value: float) -> str:
    """`80.0%`."""
    return f"{value:.1%}"


def seconds(value: float | None) -> str:
    """`12.3 s`; without end where a queue only grows."""
    return "without end" if value is None else f"{value:.1f} s"
