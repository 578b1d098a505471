"""`acdcore replay DAY`: runs a recorded day through the dispatcher again."""

import typer

from acdcore.cli.support.console import DEFAULT_CONFIG, ConfigOption, Exit, JsonOption, plain_errors, show, show_json
from acdcore.cli.support.recorded_day import DayArgument, JournalLocation, JournalOption, files_of
from acdcore.planning.replay import replay as replay_segments


def replay(
    day: DayArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    journal: JournalOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a recorded day through the dispatcher again and compare each decision with the recorded one.

    The exit status is 1 when a turn differs or something could not be read; the first differences are shown.
    """
    with plain_errors():
        place = JournalLocation(config, journal)
        files = files_of(place, place.day(day))
        report = replay_segments(files)
    if as_json:
        show_json(report)
    else:
        show(report.render())
        show("reproduced" if report.is_identical else "not reproduced")
    if not report.is_identical:
        raise typer.Exit(Exit.BAD)
