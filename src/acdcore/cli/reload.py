"""`acdcore reload`: have the running daemon read its settings again."""

import asyncio
from http import HTTPStatus
from typing import Annotated

import structlog
import typer
from pydantic import TypeAdapter
from rich.table import Table

from acdcore.calls.model.commands import Commands, ReloadReport, SettingChange
from acdcore.cli.support.console import (
    DEFAULT_CONFIG,
    ConfigOption,
    Exit,
    JsonOption,
    KeyFileOption,
    UrlOption,
    plain_errors,
    print_error,
    print_warning,
    show,
    show_raw_json,
)
from acdcore.cli.support.http_client import AnswerTimeout, Daemon, DaemonAddress, daemon_at
from acdcore.control.settings import Right

RELOADING = AnswerTimeout(
    within_s=3_600.0,
    notice="the daemon reads texts aloud that are new to it or to their voice, about a second each, and applies all"
    " changes together then; Ctrl-C leaves it to that",
)
"""A new voice for a whole call centre takes minutes, on a busy machine many."""

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")]


def reload(
    config: ConfigOption = DEFAULT_CONFIG,
    url: UrlOption = None,
    key_file: KeyFileOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Have the running daemon read its settings again: checked as a whole, applied at once, or not at all.

    Calls in progress keep the settings that they started with. With problems nothing changes and the status is 1.
    """
    with plain_errors():
        body = request_reload(daemon_at(DaemonAddress(config, url, key_file), Right.ADMIN), is_dry_run=dry_run)
    report = TypeAdapter(ReloadReport).validate_json(body)
    if as_json:
        show_raw_json(body)
    else:
        print_reload_report(report)
    if report.problems:
        raise typer.Exit(Exit.BAD)


def request_reload(daemon: Daemon, *, is_dry_run: bool, reloading: AnswerTimeout = RELOADING) -> bytes:
    """The daemon's report, with problems or without; raises as `Daemon.ask` does."""
    answer_timeout = AnswerTimeout() if is_dry_run else reloading
    return daemon.ask(
        "POST", "/v1/reload", body={"dry_run": is_dry_run}, also=HTTPStatus.CONFLICT, answer_timeout=answer_timeout
    )


def print_reload_report(report: ReloadReport) -> None:
    """Problems and warnings beside, the changes as what was asked for."""
    for problem in report.problems:
        print_error(problem)
    for warning in report.warnings:
        print_warning(warning)
    if report.changes:
        show(change_table(report.changes))
    show(verdict(report))


def change_table(changes: tuple[SettingChange, ...]) -> Table:
    """One line a key."""
    table = Table("key", "runs with", "would be", "")
    for one in changes:
        table.add_row(one.key, one.was, one.becomes, "needs a restart" if one.needs_restart else "")
    return table


def verdict(report: ReloadReport) -> str:
    """What came of it, in one line."""
    count = len(report.changes)
    changes = "1 change" if count == 1 else f"{count} changes"
    if report.problems:
        return "nothing was changed: correct what is wrong, then reload again"
    if report.is_applied:
        return f"applied: {changes}"
    return f"{changes} would be applied" if count else "nothing would change"


async def reload_whenever(wanted: asyncio.Event, commands: Commands) -> None:
    """Reload each time that `wanted` is set, which a signal does; signals during a reload are one more together."""
    log = structlog.get_logger("reload")
    while await wanted.wait():
        wanted.clear()
        try:
            report = await commands.reload("signal", is_dry_run=False)
        except Exception:  # a fault of ours: the daemon goes on with the settings that it has
            log.exception("reload failed")
            continue
        for problem in report.problems:
            log.error("settings are wrong", problem=problem)
        for warning in report.warnings:
            log.warning("settings are doubtful", warning=warning)
        for one in report.changes:
            log.info("setting", key=one.key, was=one.was, becomes=one.becomes, needs_restart=one.needs_restart)
