"""The table of commands beside `run`."""

import typer

from acdcore.cli import agents, prompts, report, voice
from acdcore.cli.check import check
from acdcore.cli.init import init
from acdcore.cli.reload import reload
from acdcore.cli.replay import replay
from acdcore.cli.retention import retention
from acdcore.cli.staffing import staffing
from acdcore.cli.what_if import what_if
from acdcore.cli.why import why

COMMANDS = (init, check, reload, retention, why, replay, what_if, staffing)
"""A command has the name of its function, with a dash for an underscore."""


def add_to(app: typer.Typer) -> None:
    """Add all commands and groups to `app`."""
    for command in COMMANDS:
        app.command()(command)
    app.add_typer(report.app, name="report")
    app.add_typer(agents.app, name="agents")
    app.add_typer(prompts.app, name="prompts")
    app.add_typer(voice.app, name="voice")
