"""`make demo`: a busy minute of the real daemon on free loopback ports, and proof of what happened in it.

Exit status 0 only if every expectation of `bench.scene` was found true; otherwise what did not happen is named.
"""

import argparse
import asyncio
import contextlib
import fcntl
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
from rich.console import Console
from rich.table import Table

from acdcore.configuration.settings import load
from acdcore.configuration.snapshot import load_snapshot
from acdcore.daemon.components import render_audio, render_sentences
from acdcore.daemon.reload import RenderedAudio
from acdcore.daemon.secrets import find_password
from acdcore.ivr.model.flow import Language
from acdcore.ivr.model.system_prompts import SystemPhrase, phrase_key
from acdcore.kernel.errors import AcdError, SettingsError
from bench.board import Board, Listener
from bench.daemon import CONFIG, Daemon, DaemonSettings
from bench.evidence import Evidence, gather_evidence, judge_all, vip_ladder
from bench.phone import Dialled
from bench.ports import media_environment
from bench.scene import AGENT_TONES_HZ, CALLERS, ON_BREAK, STORIES, Expectation, Scene, start_work

VAR = Path(__file__).parent.parent / "var"
DIFFERENCES = {
    "ACDCORE_QUEUES__SERVICE__WRAP_UP_S": "2",
    "ACDCORE_QUEUES__SERVICE__ANNOUNCE_FIRST_S": "9",  # after the busy words, and some music alone
    "ACDCORE_QUEUES__SERVICE__SHORT_ABANDON_S": "3",
    "ACDCORE_QUEUES__SALES__MAX_WAIT_S": "4",
    "ACDCORE_QUEUES__SALES__OVERFLOW__WAIT__QUEUE": "",
    "ACDCORE_QUEUES__SALES__OVERFLOW__WAIT__ANNOUNCEMENT": "system.queue-overflow",
}
"""Settings that differ from config/acdcore.toml, so that everything fits into a minute."""
MEDIA_PORTS = 1_000
"""Two port pairs for each call of the trunk capacity, as the daemon requires; the demo has at most a dozen streams."""
STORY_WITHIN_S = 55.0
"""Seconds for the callers' stories, which take some 40 s; a longer run has failed."""
LOCK = "lock"
"""Marks a demo's directory, and keeps a second demo out of it."""
WIDTH = 150
"""Columns when nobody knows how wide the output is."""
STORY_FAULTS = (TimeoutError, Dialled, RuntimeError, asyncio.CancelledError)
"""Exceptions that end a story when the switch does something wrong; any other is a bug of the demo."""


async def demo(console: Console, directory: Path) -> bool:
    """Run the scene and report; returns whether all expectations came true. Raises AcdError, RuntimeError."""
    whole = asyncio.current_task()
    if whole is not None:  # SIGTERM ends the daemon with us, as Ctrl-C does
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, whole.cancel)
    sounds = await asyncio.to_thread(read_sounds, console)
    settings = DaemonSettings(directory, environment=DIFFERENCES | media_environment(MEDIA_PORTS))
    progress(console, "the daemon starts, with a database of its own")
    async with contextlib.AsyncExitStack() as stack:
        daemon = Daemon(settings)
        stack.push_async_callback(daemon.stop)  # also when we are stopped while it starts
        await stack.enter_async_context(daemon)
        client = await stack.enter_async_context(daemon.client())
        phones = await stack.enter_async_context(contextlib.AsyncExitStack())
        progress(console, f"SIP on {daemon.sip}, control plane on http://{daemon.http}, log in {daemon.log}")
        scene = Scene(daemon.sip, client, Listener(client), sounds.prompts, sounds.music[""], phones)
        await play(scene, daemon, console)
        progress(console, "all calls have ended; the records are read")
        evidence = await gather_evidence(client)
        judge_all(scene, evidence, daemon.recordings)
    report(console, scene, evidence, daemon.recordings)
    return verdict(console, scene)


def read_sounds(console: Console) -> RenderedAudio:
    """All prompts, spoken at the first time only: the demo recognises by them what callers hear."""
    config = CONFIG / "acdcore.toml"
    settings = load(config, DIFFERENCES | {"ACDCORE_STORAGE__DIRECTORY": str(VAR)})
    snapshot = load_snapshot(settings, config)
    sounds = render_audio(snapshot, lambda line: progress(console, line))
    numbers = {
        phrase_key(SystemPhrase.AGENT, agent, Language.MANDARIN): render_sentences(snapshot, [words])[0]
        for agent in AGENT_TONES_HZ
        if (words := snapshot.sayings.agent_words(agent, Language.MANDARIN)) is not None
    }
    return RenderedAudio({**sounds.prompts, **numbers}, sounds.music)


# --- the scene ---


async def play(scene: Scene, daemon: Daemon, console: Console) -> None:
    """Log the agents in and let the callers call, until the last has hung up; a broken story gets no verdicts."""
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(followed(scene, console))
        passwords = {agent: find_password(daemon.var, agent) or "" for agent in (*AGENT_TONES_HZ, ON_BREAK)}
        try:
            jobs = await asyncio.wait_for(start_work(scene, passwords), STORY_WITHIN_S)
        except (TimeoutError, Dialled) as fault:
            progress(console, f"the agents could not start work: {type(fault).__name__} {fault}")
            return
        for job in jobs:
            await stack.enter_async_context(in_background(asyncio.create_task(job)))
        stories = [asyncio.wait_for(story(scene), STORY_WITHIN_S) for story in STORIES.values()]
        endings = await asyncio.gather(*stories, return_exceptions=True)
    for caller, ending in zip(STORIES, endings, strict=True):
        if isinstance(ending, STORY_FAULTS):
            progress(console, f"the {caller.name} caller's story broke off: {type(ending).__name__} {ending}")
        elif isinstance(ending, BaseException):
            raise ending


@contextlib.asynccontextmanager
async def followed(scene: Scene, console: Console) -> AsyncIterator[None]:
    """The event stream is read and shown."""
    names = {caller.number: caller.name for caller in CALLERS}
    names |= {agent: f"agent {agent}" for agent in AGENT_TONES_HZ}
    board = Board(console, names, datetime.now(UTC))
    is_open = asyncio.Event()
    listening = asyncio.create_task(scene.listener.listen(is_open.set))
    async with in_background(listening):
        await is_open.wait()
        async with in_background(asyncio.create_task(board.show(scene.client, scene.listener))):
            yield


@contextlib.asynccontextmanager
async def in_background(task: asyncio.Task[None]) -> AsyncIterator[None]:
    """Run until the block is left; a fault of the task is raised then."""
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


# --- the report ---


def report(console: Console, scene: Scene, evidence: Evidence, recordings: Path) -> None:
    """Records, service level, recordings and the VIP's ladder."""
    console.print()
    console.print(record_table(evidence))
    console.print(level_table(evidence))
    console.print("Recordings (caller left, agent right)", style="bold")
    for name, story in evidence.stories.items():
        for recording in story.recordings:
            say(console, f"  {recordings / recording.path}  {name}, {recording.duration_s:.1f} s")
    console.print("\nThe VIP's call on the wire", style="bold")
    say(console, vip_ladder(scene, evidence))


def record_table(evidence: Evidence) -> Table:
    """The calls' records in the order of their arrival."""
    headings = ("caller", "number", "outcome", "hung up by", "queue", "agent", "wait s", "ring s", "talk s", "went to")
    table = Table(*headings, title="Call detail records", title_justify="left")
    for name, story in sorted(evidence.stories.items(), key=lambda named: named[1].cdr.arrived_at):
        row = story.cdr
        times = (f"{row.wait_s:.1f}", f"{row.ring_s:.1f}", f"{row.talk_s:.1f}")
        who = (name, row.caller, row.outcome.value, row.ended_by.value, row.queue or "", row.agent or "")
        table.add_row(*who, *times, row.overflowed_to)
    return table


def level_table(evidence: Evidence) -> Table:
    """What the queues counted."""
    headings = ("queue", "offered", "answered", "abandoned", "overflowed", "service level", "average wait s")
    table = Table(*headings, title="Service level", title_justify="left")
    for queue in evidence.queues:
        abandoned = queue.abandoned_long + queue.abandoned_short
        level = "-" if queue.service_level is None else f"{queue.service_level:.0%}"
        wait = "-" if queue.asa_s is None else f"{queue.asa_s:.1f}"
        counts = (queue.offered, queue.answered, abandoned, queue.overflowed)
        table.add_row(queue.name, *map(str, counts), level, wait)
    return table


def verdict(console: Console, scene: Scene) -> bool:
    """Name each expectation with what was found; whether all came true."""
    faults = {each: scene.verdicts.get(each, "its story broke off before") for each in Expectation}
    for expectation, fault in faults.items():
        say(console, f"  {'NOT' if fault else 'yes'}  {expectation.value}{f': {fault}' if fault else ''}")
    missing = sum(map(bool, faults.values()))
    say(console, f"\nacdcore demo: {len(faults) - missing} of {len(faults)} expectations came true")
    return missing == 0


def say(console: Console, text: str) -> None:
    """Plain text, not wrapped, not coloured."""
    console.print(text, soft_wrap=True, markup=False, highlight=False)


def progress(console: Console, line: str) -> None:
    """One line about what takes long."""
    console.print(f"demo: {line}", style="dim", soft_wrap=True, markup=False, highlight=False)


# --- the command ---


@contextlib.contextmanager
def own_directory(directory: Path) -> Iterator[None]:
    """Empty the directory of the last demo and lock it; raises SettingsError."""
    if directory.is_dir() and any(directory.iterdir()) and not (directory / LOCK).exists():
        raise SettingsError(str(directory), "", "is not empty and no demo wrote it; name another with --directory")
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / LOCK, "w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            problem = "another demo is running there; name another with --directory"
            raise SettingsError(str(directory), "", problem) from error
        for name in ("config", "var"):
            shutil.rmtree(directory / name, ignore_errors=True)
        (directory / "log").unlink(missing_ok=True)
        (directory / "var").mkdir()
        (directory / "var" / "prompts").symlink_to((VAR / "prompts").absolute(), target_is_directory=True)
        yield


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.demo", description="A busy minute of acdcore, and its proof."
    )
    parser.add_argument("--directory", type=Path, default=VAR / "demo", help="where it writes; emptied at each start")
    directory = parser.parse_args().directory.absolute()
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    try:
        with own_directory(directory):
            return 0 if asyncio.run(demo(console, directory)) else 1
    except (AcdError, RuntimeError, OSError, aiohttp.ClientError) as error:
        say(console, f"acdcore demo: {error}")
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        say(console, "acdcore demo: stopped before its end")
        return 130


if __name__ == "__main__":
    sys.exit(main())
