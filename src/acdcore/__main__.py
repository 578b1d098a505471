"""The command line."""

import asyncio
import gc
import logging
import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
import typer
import uvloop
from rich.console import Console

from acdcore.app import Running, serve
from acdcore.calls.commands import ReloadReport
from acdcore.cli.check import warn
from acdcore.cli.commands import add_to
from acdcore.cli.reload import verdict
from acdcore.cli.terminal import DEFAULT_CONFIG, ConfigOption, plain_errors
from acdcore.kernel.clock import LoopClock
from acdcore.kernel.errors import SettingsError
from acdcore.keys import API_KEYS_FILE, SOFTPHONES_FILE, kept_password
from acdcore.plan import files_needed, make_plan
from acdcore.settings import load

cli = typer.Typer(
    name="acdcore",
    help="A telephony switch and ACD: SIP trunks in, menus, queues, agents' phones, recordings, an HTTP control plane.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
COLLECT_EVERY = (20_000, 20, 100)
"""A call leaves few cycles behind: collecting the young less often than Python does saves some 5 % of a set-up."""
console = Console(stderr=True, highlight=False)


@cli.command()
def run(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Start the daemon and say what to dial; Ctrl-C or SIGTERM ends it after the calls."""
    with plain_errors():
        uvloop.run(daemon(config))


add_to(cli)


async def daemon(config: Path) -> None:
    """Serve until a signal comes."""
    settings = load(config, os.environ)
    plan = make_plan(settings, config)
    set_up_log(settings.log)
    allow_files(files_needed(settings), str(config))
    warn(plan, config)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with serve(plan, LoopClock(loop), lambda line: console.print(f"acdcore: {line}", style="dim")) as running:
        gc.collect()
        gc.freeze()  # customers, prompts and tables stay: no later collection needs to walk them
        gc.set_threshold(*COLLECT_EVERY)
        console.print(welcome(running), soft_wrap=True, markup=False)
        with reloading_by_signal(running):
            await stop.wait()
        stopping = "acdcore: stopping; calls may go on for a few seconds, a second signal ends them at once"
        console.print(stopping, soft_wrap=True)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, running.switchboard.end_all)


@contextmanager
def reloading_by_signal(running: Running) -> Iterator[None]:
    """Have SIGHUP read the settings anew; one signal at a time, those that come meanwhile are one more."""
    loop, wanted = asyncio.get_running_loop(), asyncio.Event()

    async def reload_when_wanted() -> None:
        while await wanted.wait():
            wanted.clear()
            try:
                log_reload(await running.operations.reload("signal", is_dry_run=False))
            except Exception:  # a fault of ours: the daemon goes on with the settings that it has
                structlog.get_logger("reload").exception("reload failed")

    task = loop.create_task(reload_when_wanted(), name="reload by signal")
    loop.add_signal_handler(signal.SIGHUP, wanted.set)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        task.cancel()


def log_reload(report: ReloadReport) -> None:
    """What a reload by signal came to, for whoever sent the signal."""
    log = structlog.get_logger("reload")
    for problem in report.problems:
        log.error("settings are wrong", problem=problem)
    for warning in report.warnings:
        log.warning("settings are doubtful", warning=warning)
    for one in report.changes:
        log.info("setting", key=one.key, was=one.was, becomes=one.becomes, needs_restart=one.needs_restart)
    log.info(verdict(report))


def allow_files(needed: int, file: str) -> None:
    """Let the process open as many files as the lines take; raises SettingsError when it may not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise SettingsError(file, "lines.limit", f"needs {needed} open files, {hard} are allowed; raise ulimit -Hn")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))


def welcome(running: Running) -> str:
    """What to do now that the daemon runs."""
    settings = running.plan.settings
    var = settings.storage.directory
    numbers = [number for trunk in settings.trunks.values() for number in trunk.routes if number != "*"]
    agents = [record for record in running.storage.directory.agents() if record.is_active]
    lines = ["", "acdcore takes calls."]
    lines += [f"  dial       sip:{number}@{running.udp} (UDP or TCP)" for number in numbers]
    if agents:
        agent = agents[0].agent
        password = kept_password(var, agent) or "as you set it"
        lines.append(f"  softphone  user {agent}, password {password}, server {running.udp}")
        lines.append(f"             all agents' passwords: {var / SOFTPHONES_FILE}; dial *11 to log in, *15 to log out")
    lines.append(f"  control    http://{running.http}/openapi.json, keys in {var / API_KEYS_FILE}")
    lines.append("")
    return "\n".join(lines)


def set_up_log(level: str) -> None:
    """One line an event on stderr: for people on a terminal, JSON for machines."""
    renderer = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def main() -> None:
    """The entry point of the `acdcore` command."""
    cli()


if __name__ == "__main__":
    main()
