"""`acdcore what-if DAY CHANGE...`: simulates a recorded day with and without changes, and compares both."""

import math
from itertools import groupby
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from acdcore.cli.support.console import (
    DEFAULT_CONFIG,
    ConfigOption,
    JsonOption,
    err,
    plain_errors,
    show,
    show_json,
)
from acdcore.cli.support.recorded_day import (
    BadArgument,
    DayArgument,
    JournalLocation,
    JournalOption,
    ZoneOption,
    files_of,
    recording_of,
    zone_of,
)
from acdcore.planning import change_words, whatif
from acdcore.planning.changes import Change
from acdcore.planning.recorded import RecordedDay
from acdcore.planning.whatif import Comparison, estimate_text
from acdcore.planning.whatif import compare_changes as simulate_changes

CHANGES_HELP = f"What is changed: {change_words.EXAMPLES}."
RunsOption = Annotated[
    int,
    typer.Option("--runs", min=1, max=whatif.MAX_RUNS, help="Days to draw; each runs with and without the changes."),
]
SeedOption = Annotated[int, typer.Option("--seed", help="The same seed draws the same days.")]


def what_if(
    day: DayArgument,
    changes: Annotated[list[str], typer.Argument(metavar="CHANGE...", help=CHANGES_HELP)],
    runs: RunsOption = 20,
    seed: SeedOption = 1,
    zone: ZoneOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    journal: JournalOption = None,
    as_json: JsonOption = False,
) -> None:
    """Simulate a recorded day with changes: service level, waits, abandonment, occupancy, fairness.

    Both runs have the same callers, patience and random numbers. Differences have 95 % intervals.
    """
    with plain_errors():
        wanted = tuple(change_words.read(word) for word in changes)
        place = JournalLocation(config, journal)
        that = place.day(day)
        recording = recording_of(files_of(place, that), that, zone_of(zone))
        comparison = run(recording, wanted, runs, seed)
    if as_json:
        show_json(comparison)
        return
    show(comparison_table(comparison))
    show(f"{comparison.runs} runs, 95 % intervals; * marks a difference that is more than chance")


def run(recording: RecordedDay, changes: tuple[Change, ...], runs: int, seed: int) -> Comparison:
    """The comparison, with a progress bar; raises ChangeError, BadArgument."""
    columns = (TextColumn("simulating"), BarColumn(), MofNCompleteColumn())
    console = err()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=runs)
        try:
            return simulate_changes(recording, changes, runs, seed, lambda done: progress.update(task, completed=done))
        except ValueError as error:
            raise BadArgument(str(error)) from error


def comparison_table(comparison: Comparison) -> Table:
    """One block of rows for all callers, for each queue and for each tier."""
    made = Table("", "", "as it was", "with the changes", "difference", "")
    for column in made.columns[2:5]:
        column.justify = "right"
    for scope, rows in groupby(comparison.rows, key=lambda row: row.scope):
        for number, row in enumerate(rows):
            made.add_row(
                scope if number == 0 else "",
                row.measure.name,
                estimate_text(row.baseline, row.measure),
                estimate_text(row.changed, row.measure),
                estimate_text(row.difference, row.measure, is_signed=True),
                "*" if row.difference.is_sure and not math.isinf(row.difference.half_width) else "",
            )
        made.add_section()
    return made
