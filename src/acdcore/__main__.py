"""The command line."""

import asyncio
import contextlib
import gc
import os
import resource
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from acdcore.calls.record.sip_log import sip_observer
from acdcore.cli.check import warn
from acdcore.cli.commands import add_to
from acdcore.cli.reload import reload_whenever
from acdcore.cli.support.console import DEFAULT_CONFIG, ConfigOption, plain_errors
from acdcore.configuration.settings import load
from acdcore.configuration.snapshot import files_needed, load_snapshot
from acdcore.daemon.logs import LOG_STOPPED, LineWriter, keep_standard_files, queued_stderr, set_up_log
from acdcore.daemon.secrets import API_KEYS_FILE, SOFTPHONES_FILE, find_password
from acdcore.daemon.serve import Running, serve
from acdcore.daemon.watch import Condition
from acdcore.kernel.clock import LoopClock
from acdcore.kernel.errors import SettingsError

cli = typer.Typer(
    name="acdcore",
    help="A telephony switch and ACD: SIP trunks in, menus, queues, agents' phones, recordings, an HTTP control plane.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
COLLECT_EVERY = (5_000, 80, 100)
"""Thresholds for `gc.set_threshold`. A call leaves few reference cycles, so collecting less often than Python's default
saves some 5 % of a call set-up. Looking through 5,000 objects holds the event loop for 2 ms; four times as many
would delay the ringing of a phone."""
SWITCH_S = 0.0005
"""Seconds that a writer's thread (recordings, journal, records) may keep the interpreter from the event loop. Python's
default of 5 ms would delay the ringing of a phone when a recording ends at that moment."""
WORKERS_MAX = 32
"""Threads for work that may wait for a disk. Python's default is 6 on two cores. If the disk of the recordings hangs, 6
downloads would use all of them, and rows and bindings on another disk could not be written."""
FILES_ENOUGH = 1_048_576
"""Soft limit of open files where the system sets no hard limit."""
console = Console(stderr=True, highlight=False)


def tell_version(is_wanted: bool) -> None:
    """Print the version and exit, if `is_wanted`."""
    if is_wanted:
        print(f"acdcore {version('acdcore')}")
        raise typer.Exit


@cli.callback()
def global_options(
    _: Annotated[
        bool, typer.Option("--version", callback=tell_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A telephony switch and ACD: SIP trunks in, menus, queues, agents' phones, recordings, an HTTP control plane."""


@cli.command()
def run(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Start the daemon and say what to dial; SIGHUP has it reload, Ctrl-C or SIGTERM ends it within
    trunk_capacity.drain_s."""
    with private_files(), plain_errors(), queued_stderr() as log:
        uvloop.run(daemon(config, log))


@contextlib.contextmanager
def private_files() -> Iterator[None]:
    """Files that are written inside this block can be read by our own user only."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


add_to(cli)


def print_progress(line: str) -> None:
    """Print one line without markup, because brackets in it are names of sections; the terminal wraps it."""
    console.print(f"acdcore: {line}", style="dim", markup=False, soft_wrap=True)


async def daemon(config: Path, log: LineWriter) -> None:
    """Serve until a signal comes; `log` is the queue that stderr goes through."""
    settings = load(config, os.environ)
    snapshot = load_snapshot(settings, config)
    set_up_log(settings.log)
    allow_files(files_needed(settings), str(config))
    warn(snapshot, config)
    stop, anew = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(WORKERS_MAX, "acdcore"))
    # set before the start: SIGHUP during the start must not end the process
    loop.add_signal_handler(signal.SIGHUP, anew.set)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)

    def conditions() -> tuple[Condition, ...]:
        return ((LOG_STOPPED, log.problem()),)

    observer = sip_observer() if settings.log == "debug" else None
    async with serve(snapshot, LoopClock(loop), print_progress, observer, looks=(conditions,)) as running:
        gc.collect()
        gc.freeze()  # customers, prompts and tables live until the end: later collections skip them
        gc.set_threshold(*COLLECT_EVERY)
        sys.setswitchinterval(SWITCH_S)
        console.print(welcome(running), soft_wrap=True, markup=False)
        reloading = loop.create_task(reload_whenever(anew, running.operations), name="reload by signal")
        await stop.wait()
        reloading.cancel()
        print_progress("stopping; calls may go on for [trunk_capacity] drain_s, a second signal ends them at once")
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, running.switchboard.end_all)


def allow_files(needed: int, file: str) -> None:
    """Raise the limit of open files as far as allowed; raises SettingsError when `needed` is more than that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise SettingsError(
            file, "trunk_capacity.limit", f"needs {needed} open files, {hard} are allowed; raise ulimit -Hn"
        )
    wanted = max(soft, needed, FILES_ENOUGH) if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def welcome(running: Running) -> str:
    """What to do now that the daemon runs."""
    settings = running.snapshot.settings
    var = settings.storage.directory
    numbers = [number for trunk in settings.trunks.values() for number in trunk.routes if number != "*"]
    agents = [record for record in running.storage.directory.agents() if record.is_active]
    lines = ["", "acdcore takes calls."]
    lines += [f"  dial       sip:{number}@{running.udp} (UDP or TCP)" for number in numbers]
    if agents:
        agent = agents[0].agent
        known = f"in {var / SOFTPHONES_FILE}" if find_password(var, agent) else "as you set it"
        lines.append(f"  softphone  user {agent}, server {running.udp}, password {known}")
        lines.append("             dial *11 to log in, *15 to log out")
    lines.append(f"  control    http://{running.http}/openapi.json, keys in {var / API_KEYS_FILE}")
    lines.append("")
    return "\n".join(lines)


def main() -> None:
    """The entry point of the `acdcore` command."""
    keep_standard_files()
    cli()


if __name__ == "__main__":
    main()
