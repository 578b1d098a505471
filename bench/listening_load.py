"""The effect of callers who are listened to on recorded talks and on the event loop.

Talks are set up and carry audio as in `bench.lines`. In turn nobody else calls (`alone`), callers are listened to whose
lines are loud but say nothing, so that each window of each is judged (`listened`), and callers say words that whisper
makes out (`speaking`). The loss of the talks, how late the daemon's loop was, and what became of the spoken answers
are printed for each state. It ends with one JSON line; the exit status is 1 if a call failed or a talk lost a packet.
"""

import argparse
import asyncio
import contextlib
import json
import math
import os
import random
import sys
import tempfile
import time
import wave
from array import array
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from acdcore.ivr.model.flow import Language
from acdcore.ivr.tts.helper import HelperProcesses
from acdcore.ivr.tts.voices import TtsRequest, stand_in
from acdcore.recognition.service import missing_packages
from bench.audit import judge, read_records
from bench.centre import (
    FIRST_AGENT,
    MENU,
    MENU_KEY,
    MENU_NUMBER,
    PASSWORD,
    QUEUE_NUMBER,
    SETTINGS,
    STRAIGHT,
    CallCentre,
    Cores,
    Target,
    allow_many_files,
    daemon_of,
    take_cores,
    target_of,
)
from bench.crowd import Crowd, Failed, Unready
from bench.daemon import AgentSeed, Daemon, scratch
from bench.lines import CLOCK_MARGIN, SOUND_SHARE, Figures, dial_all, hang_up_all, loss, median, tell, tell_window
from bench.listening_daemon import FILE
from bench.load import LoadFailed, LoadSettings, ToolMissing, Window, carry
from bench.phone import Dialled, Phone, PhoneSettings

ALONE, LISTENED, SPEAKING = "alone", "listened", "speaking"
SPOKEN_NUMBER = "95502"
"""Leads to a question that is answered by speech."""
FLOW = """
language = "en"
languages = ["en"]
start = "which"
[nodes.which]
type = "listen"
prompts = ["which"]
retries = 0
timeout_s = 60
longest_s = 30
variable = "department"
cases = { insurance = "bye", hours = "bye" }
on_timeout = "bye"
unavailable = "bye"
keys = { 1 = "bye" }
[nodes.which.phrases]
insurance = { en = ["insurance", "insurance claim"] }
hours = { en = ["opening hours", "address"] }
[nodes.bye]
type = "hang_up"
[prompts.which]
wav = "bench.wav"
"""
SAID = ("insurance", "opening hours")
RATE = 8_000
HUM_PEAK = 150
"""Of 32,768: loud enough to be judged (`voice_activity.QUIET`), and no speech."""
HUM = array("h", random.Random(2).choices(range(-HUM_PEAK, HUM_PEAK), k=RATE)).tobytes()
"""A second of noise of a quiet room."""
THINKING_S = (2.0, 12.0)
"""Before a caller says something."""
AFTER_S = 2.0
SETTLE_S = 3.0
"""Until all who call are listened to."""
ENDED_WITHIN_S = 90.0
DIAL_RATE = 20.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for."""

    talks: int
    listeners: int
    seconds: float
    rounds: int
    tick_us: int
    processes: int


@dataclass(frozen=True, slots=True)
class Observed:
    """One window of one state."""

    window: Window
    began_at: float
    ended_at: float
    """Monotonic seconds."""
    listeners: float
    """Listened to, by the daemon's own figures at the begin and the end; the lesser of the two."""
    results: Counter[str]
    """What listening came to."""


class Talkative:
    """Callers who call repeatedly."""

    def __init__(self, target: Target, sounds: Sequence[bytes], count: int) -> None:
        self._server = target.sip
        self._sounds = sounds
        self._count = count
        self._random = random.Random(1)

    @contextlib.asynccontextmanager
    async def calling(self, state: str) -> AsyncIterator[None]:
        """All of them, until the block is left."""
        if state == ALONE:
            yield
            return
        async with Phone(PhoneSettings(self._server)) as phone:
            tasks = [
                asyncio.create_task(self._call(phone, str(13_800_000_000 + number), state))
                for number in range(self._count)
            ]
            await asyncio.sleep(SETTLE_S)
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _call(self, phone: Phone, number: str, state: str) -> None:
        while True:
            try:
                call = await phone.call(SPOKEN_NUMBER, number)
            except Dialled:
                await asyncio.sleep(1.0)
                continue
            try:
                call.sound.say(self._words() if state == SPEAKING else hum(1.0))
                await call.until_ended(ENDED_WITHIN_S)
            finally:
                if not call.ended.is_set():
                    call.hang_up()

    def _words(self) -> bytes:
        """After a while, something; and a hum all the time."""
        said = self._random.choice(self._sounds)
        return hum(self._random.uniform(*THINKING_S)) + said + hum(AFTER_S)


def hum(length_s: float) -> bytes:
    """Noise of a quiet room."""
    return (HUM * math.ceil(length_s))[: 2 * round(length_s * RATE)]


def spoken() -> list[bytes]:
    """What is said, read by a voice that needs no model."""
    with tempfile.TemporaryDirectory(prefix="acdcore-said-") as directory:
        files = [Path(directory) / f"{number}.wav" for number in range(len(SAID))]
        readings = [
            TtsRequest(text, Language.ENGLISH, file, stand_in(Language.ENGLISH))
            for text, file in zip(SAID, files, strict=True)
        ]
        HelperProcesses().read(readings, lambda: None)
        found = []
        for file in files:
            with wave.open(str(file)) as sound:
                found.append(sound.readframes(sound.getnframes()))
        return found


def listening_daemon(directory: Path, asked: Asked, cores: Cores) -> Daemon:
    """As `bench.centre.new_daemon`, with a number that is answered by listening, and lines for it."""
    lines = asked.talks + asked.listeners + 10
    toml = SETTINGS.format(lines=lines, menu_number=MENU_NUMBER, queue_number=QUEUE_NUMBER)
    routes = "[trunks.bench.routes]\n"
    toml = toml.replace(routes, f'{routes}{SPOKEN_NUMBER} = {{ flow = "spoken" }}\n', 1)
    toml += f'[recognition]\nengine = "whisper"\nprocesses = {asked.processes}\n'
    call_centre = CallCentre(
        toml=toml,
        flows={"menu": MENU, "straight": STRAIGHT, "spoken": FLOW},
        agents=[AgentSeed(str(FIRST_AGENT + index), PASSWORD) for index in range(asked.talks)],
        lines=lines,
    )
    return daemon_of(call_centre, directory, cores, ("-m", "bench.listening_daemon"))


async def run(asked: Asked, cores: Cores) -> Figures:
    """One daemon, one set of talks, every state in turn."""
    failures: Counter[str] = Counter()
    sounds = await asyncio.to_thread(spoken)
    since = datetime.now(UTC) - CLOCK_MARGIN
    with scratch("listening") as directory:
        async with listening_daemon(directory, asked, cores) as daemon:
            target = target_of(daemon, MENU_NUMBER, MENU_KEY)
            async with Crowd(target) as crowd:
                tell(f"{asked.talks} agents log in, {asked.talks} callers dial")
                await crowd.make_ready(asked.talks)
                talks = await dial_all(crowd, asked.talks, DIAL_RATE, target.keys, failures)
                load = LoadSettings(asked.seconds, asked.tick_us, cores.load)
                pairs = [talk.pair() for talk in talks]
                observed: dict[str, list[Observed]] = {ALONE: [], LISTENED: [], SPEAKING: []}
                for _ in range(asked.rounds):
                    for state, found in observed.items():
                        async with Talkative(target, sounds, asked.listeners).calling(state):
                            began_at, before = time.monotonic(), await metrics(target)
                            window = await carry(pairs, load, target.pid)
                            after, ended_at = await metrics(target), time.monotonic()
                        found.append(observe(window, began_at, ended_at, before, after))
                        tell_window(state, window)
                await hang_up_all(talks, failures)
            records = await read_records(target, since, len(talks))
            windows = [one.window for found in observed.values() for one in found]
            packets = round(SOUND_SHARE * sum(window.sent_by_each for window in windows))
            audit = await asyncio.to_thread(judge, records, packets, target.recordings)
        lateness = json.loads((directory / FILE).read_text())
    if audit.good < asked.talks:
        failures["a record or a recording is wrong"] += asked.talks - audit.good
    if failures:
        tell(str(dict(failures)))
    return figures_of(asked, observed, lateness, cores) | {"failed": sum(failures.values())}


Counts = dict[str, float]


async def metrics(target: Target) -> Counts:
    """What the daemon tells of listening."""
    async with target.client() as client, client.get("/metrics") as answer:
        answer.raise_for_status()
        lines = (line.rpartition(" ") for line in (await answer.text()).splitlines())
        return {name: float(value) for name, _, value in lines if name.startswith("acdcore_listen")}


def observe(window: Window, began_at: float, ended_at: float, before: Counts, after: Counts) -> Observed:
    """One window, from the metrics at its beginning and its end."""
    gauge = "acdcore_listeners"
    results = Counter(
        {
            name.partition('"')[2].partition('"')[0]: round(value - before.get(name, 0))
            for name, value in after.items()
            if name.startswith("acdcore_listened_total")
        }
    )
    return Observed(window, began_at, ended_at, min(before[gauge], after[gauge]), +results)


def figures_of(
    asked: Asked, observed: dict[str, list[Observed]], lateness: Sequence[tuple[float, float]], cores: Cores
) -> Figures:
    """Medians over the rounds; loss and lateness are of all of them together."""
    figures: Figures = {"talks": asked.talks, "listeners": asked.listeners}
    for state, found in observed.items():
        windows = [one.window for one in found]
        late = sorted(ms for at, ms in lateness if any(one.began_at <= at <= one.ended_at for one in found))
        results = sum((one.results for one in found), Counter())
        figures |= {
            f"{state}_loss": round(loss(windows), 8),
            f"{state}_gap_p99_ms": median([window.gap_p99_ms for window in windows]),
            f"{state}_cpu_pct": median([window.cpu_pct or 0.0 for window in windows]),
            f"{state}_late_p50_ms": late[len(late) // 2],
            f"{state}_late_p99_ms": late[int(0.99 * (len(late) - 1))],
            f"{state}_late_max_ms": late[-1],
            f"{state}_listeners_min": min(one.listeners for one in found),
            **{f"{state}_{name}": count for name, count in sorted(results.items())},
        }
    return figures | {
        "seconds": asked.seconds,
        "rounds": asked.rounds,
        "tick_us": asked.tick_us,
        "shared_core": cores.are_shared,
        "load_average": round(os.getloadavg()[0], 2),
    }


# --- command line ---


def main() -> None:
    """Command line."""
    asked = parse(sys.argv[1:])
    lacks = missing_packages("whisper")
    if lacks:
        sys.exit(f"listening_load: not installed: {', '.join(lacks)}")
    allow_many_files()
    try:
        figures = uvloop.run(run(asked, take_cores()))
    except (Unready, Failed, ToolMissing, LoadFailed) as error:
        sys.exit(f"listening_load: {error}")
    print(json.dumps(figures), flush=True)
    sys.exit(bool(figures["failed"]) or any(figures[f"{state}_loss"] for state in (ALONE, LISTENED, SPEAKING)))


def parse(arguments: Sequence[str]) -> Asked:
    """The command line; exits with 2 when it is wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.listening_load", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--talks", type=int, default=50, help="recorded talks at once (default 50)")
    parser.add_argument("--listeners", type=int, default=20, help="callers who are listened to (default 20)")
    parser.add_argument("--seconds", type=float, default=10, help="length of a window (default 10)")
    parser.add_argument("--rounds", type=int, default=2, help="windows of each kind (default 2)")
    parser.add_argument("--tick-us", type=int, default=100, help="the load sends in steps of this length (default 100)")
    parser.add_argument("--processes", type=int, default=1, help="of whisper (default 1)")
    found = parser.parse_args(arguments)
    if min(vars(found).values()) <= 0:
        parser.error("all figures are above 0")
    return Asked(found.talks, found.listeners, found.seconds, found.rounds, found.tick_us, found.processes)


if __name__ == "__main__":
    main()
