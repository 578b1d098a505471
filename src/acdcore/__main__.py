"""The command line."""

import asyncio
import gc
import logging
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Annotated

import structlog
import typer
import uvloop
from rich.console import Console

from acdcore.app import Running, serve
from acdcore.kernel.clock import LoopClock
from acdcore.kernel.errors import AcdError, SettingsError
from acdcore.keys import API_KEYS_FILE, SOFTPHONES_FILE, kept_password
from acdcore.plan import Plan, files_needed, make_plan, shortages
from acdcore.settings import load

cli = typer.Typer(
    name="acdcore",
    help="A telephony switch and ACD: SIP trunks in, menus, queues, agents' phones, recordings, an HTTP control plane.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", help="The settings; every key also as ACDCORE_<SECTION>__<KEY>.")
]
DEFAULT_CONFIG = Path("config/acdcore.toml")
FAILURE = 1
COLLECT_EVERY = (20_000, 20, 100)
"""A call leaves few cycles behind: collecting the young less often than Python does saves some 5 % of a set-up."""
console = Console(stderr=True, highlight=False)


@cli.command()
def run(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Start the daemon and say what to dial; Ctrl-C or SIGTERM ends it after the calls."""
    try:
        uvloop.run(daemon(config))
    except AcdError as error:
        fail(error)


@cli.command()
def check(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Read settings, flows, calendars and prompts, and say what is wrong with them, without starting anything."""
    try:
        plan = make_plan(load(config, os.environ), config)
    except AcdError as error:
        fail(error)
    else:
        warn(plan, config)
        console.print(
            f"{config} is good: {len(plan.settings.trunks)} trunks, {len(plan.settings.queues)} queues, "
            f"{len(plan.flows)} flows, {len(plan.prompts)} prompts"
        )


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
        await stop.wait()
        stopping = "acdcore: stopping; calls may go on for a few seconds, a second signal ends them at once"
        console.print(stopping, soft_wrap=True)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, running.switchboard.end_all)


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


def warn(plan: Plan, config: Path) -> None:
    """What works, but not as far as the settings promise."""
    for shortage in shortages(plan.settings):
        console.print(f"acdcore: {config}: {shortage}", style="yellow", soft_wrap=True, markup=False)


def fail(error: AcdError) -> None:
    """One clear line, and a status that says so."""
    console.print(f"acdcore: {error}", style="bold red", soft_wrap=True, markup=False)
    raise typer.Exit(FAILURE)


def main() -> None:
    """The entry point of the `acdcore` command."""
    cli()


if __name__ == "__main__":
    main()
