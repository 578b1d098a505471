"""`acdcore check`: settings, flows, calendars and prompts read and judged without starting anything."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter

from acdcore.advice import advice
from acdcore.calls.commands import ReloadReport
from acdcore.cli.daemon import Reach, daemon_at
from acdcore.cli.reload import reloaded, tell
from acdcore.cli.terminal import (
    DEFAULT_CONFIG,
    ConfigOption,
    Exit,
    KeyFileOption,
    caution,
    err,
    plain_errors,
)
from acdcore.control.settings import Right
from acdcore.plan import Plan, make_plan
from acdcore.settings import load

AgainstOption = Annotated[
    str | None,
    typer.Option(
        "--against-running",
        metavar="URL",
        help="Also ask the daemon there what a reload of its own files would change, such as http://127.0.0.1:8080.",
    ),
]


def check(
    config: ConfigOption = DEFAULT_CONFIG, against_running: AgainstOption = None, key_file: KeyFileOption = None
) -> None:
    """Read settings, flows, calendars and prompts, and say what is wrong with them, without starting anything."""
    with plain_errors():
        plan = make_plan(load(config, os.environ), config)
        warn(plan, config)
        said = (
            f"{config} is good; trunks: {len(plan.settings.trunks)}, queues: {len(plan.settings.queues)}, "
            f"flows: {len(plan.flows)}, prompts: {len(plan.prompts)}"
        )
        err().print(said, soft_wrap=True, markup=False)
        if against_running is None:
            return
        body = reloaded(daemon_at(Reach(config, against_running, key_file), Right.ADMIN), is_dry_run=True)
    report = TypeAdapter(ReloadReport).validate_json(body)
    tell(report)
    if report.problems:
        raise typer.Exit(Exit.BAD)


def warn(plan: Plan, config: Path) -> None:
    """What the settings allow but surely do not mean; what depends on the agents only a running daemon can tell."""
    for warning in advice(plan, (), datetime.now(UTC)):
        caution(f"{config}: {warning}")
