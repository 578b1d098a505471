"""The background job that writes down recordings: one process, one recording after the other, when nobody waits for it.

What waits is asked of the database (`storage.stores.transcripts`), messages first, then the newest talk. A recording is
either written down or still waits, whatever happens in between; what an engine fails at twice is kept with the reason,
and not tried again.
"""

import asyncio
import contextlib
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import structlog

from acdcore.calls.model.rows import SpokenPart, TranscriptRow
from acdcore.kernel.alarms import AlarmKind, Alarms, Severity
from acdcore.kernel.background import Rhythm, repeat_in_background
from acdcore.kernel.clock import Clock
from acdcore.kernel.errors import Refused, Unavailable
from acdcore.recognition.helper import HelperGone, HelperProcess, opened_process
from acdcore.recognition.service import EXTRA, RecognitionSettings
from acdcore.recording.names import located
from acdcore.storage.stores.transcripts import PgTranscripts, Unwritten

TRANSCRIPTS = AlarmKind(
    "transcripts",
    Severity.MINOR,
    "Read the detail: install the extra speech, repair the recogniser, "
    "or write down fewer ([recognition] transcripts).",
)
"""Recordings are not written down, or too many wait."""
COMMAND = (sys.executable, "-m", "acdcore.recognition.transcribing")
FIRST_AFTER_S = 60.0
"""The start has better things to do."""
EVERY_S = 20.0
"""Between two looks at what waits: a message is written down soon after it was left."""
BATCH = 20
"""Recordings of one look."""
BACKLOG = timedelta(days=7)
"""Older recordings are not begun with: who turns this on does not wait for years of talks, and who is behind by so much
will never catch up."""
LATE_MAX = 1_000
"""More that wait are an alarm."""
ATTEMPTS_MAX = 2
LINE_MAX = 16 * 1024 * 1024
"""Octets of a transcript: a day of talking."""


@dataclass(frozen=True, slots=True)
class TranscriptionSettings:
    """What is written down, and by what."""

    engine: RecognitionSettings
    recordings: Path
    """Their directory."""
    missing: tuple[str, ...] = ()
    """Packages without which nothing can be written down."""
    server_key: str = field(default="", repr=False)
    """Of the server that the engine `http` asks; empty: it wants none."""
    command: tuple[str, ...] = COMMAND
    within_s: float = 300.0
    within_times: float = 4.0
    """A recording is given so long, and so many times its length: the process has the lowest priority."""


class Transcription:
    """One for the daemon."""

    def __init__(self, settings: TranscriptionSettings, store: PgTranscripts, clock: Clock) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._failures: Counter[tuple[str, int]] = Counter()
        self._log = structlog.get_logger("transcripts")

    async def turn(self, alarms: Alarms) -> None:
        """Write down what waits, until nothing does."""
        missing = ", ".join(self._settings.missing)
        if missing:
            alarms.hold(TRANSCRIPTS, f"not installed: {missing}; pip install '{EXTRA}'")
            return
        try:
            waiting = await self._waiting(LATE_MAX + 1)
            is_late = len(waiting) > LATE_MAX
            alarms.hold(TRANSCRIPTS, f"more than {LATE_MAX} recordings wait to be written down" if is_late else "")
            while waiting:
                async with self._process() as process:
                    for each in waiting[:BATCH]:
                        await self._write(each, process)
                waiting = await self._waiting(BATCH)
        except HelperGone as error:
            alarms.hold(TRANSCRIPTS, str(error))
        except Unavailable as error:
            self._log.info("transcripts_wait", reason=str(error))

    async def _waiting(self, limit: int) -> tuple[Unwritten, ...]:
        return await self._store.waiting(self._settings.engine.transcripts, self._clock.wall() - BACKLOG, limit)

    @contextlib.asynccontextmanager
    async def _process(self) -> AsyncIterator[HelperProcess]:
        engine = self._settings.engine
        is_http = engine.engine == "http"
        told = {"url": engine.url if is_http else "", "model": engine.model, "key": self._settings.server_key}
        async with opened_process(self._settings.command, LINE_MAX) as process:
            await process.send(json.dumps(told).encode() + b"\n")  # not on the command line, which everybody sees
            yield process

    async def _write(self, recording: Unwritten, process: HelperProcess) -> None:
        """Raises HelperGone when the process is of no more use, Unavailable without the engine or the database."""
        limits = self._settings
        try:
            file = located(limits.recordings, recording.path)
            async with asyncio.timeout(limits.within_s + limits.within_times * recording.duration_s):
                answer = await process.exchange(json.dumps({"file": str(file)}).encode() + b"\n")
        except Refused as error:
            answer = {"problem": str(error)}
        except (HelperGone, TimeoutError) as error:
            reason = str(error) or "it takes too long"
            await self._fail(recording, reason)
            raise HelperGone(f"{recording.path}: {reason}") from None
        if "away" in answer:
            raise HelperGone(str(answer["away"]))
        if "problem" in answer:
            await self._fail(recording, str(answer["problem"]))
        else:
            await self._keep(recording, str(answer.get("language", "")), parts_of(answer), "")

    async def _fail(self, recording: Unwritten, reason: str) -> None:
        """Once more, or never again."""
        key = (recording.call_id, recording.n)
        self._failures[key] += 1
        self._log.warning("transcript_failed", path=recording.path, reason=reason)
        if self._failures[key] >= ATTEMPTS_MAX:
            await self._keep(recording, "", (), reason)

    async def _keep(self, recording: Unwritten, language: str, parts: tuple[SpokenPart, ...], problem: str) -> None:
        row = TranscriptRow(recording.call_id, recording.n, self._clock.wall(), language, parts, problem)
        await self._store.keep(row)
        self._failures.pop((recording.call_id, recording.n), None)


def parts_of(answer: dict[str, object]) -> tuple[SpokenPart, ...]:
    """The parts in a helper's answer. Raises HelperGone for nonsense."""
    found = answer.get("parts", [])
    try:
        assert isinstance(found, list)
        return tuple(
            SpokenPart(str(side), float(from_s), float(until_s), str(text).replace("\0", ""))
            for side, from_s, until_s, text in found
        )
    except (TypeError, ValueError, AssertionError) as error:
        raise HelperGone(f"the process that writes down recordings answered {str(answer)[:200]}") from error


@contextlib.asynccontextmanager
async def transcribing(transcription: Transcription | None, alarms: Alarms) -> AsyncIterator[None]:
    """Write down in the background until the block ends; None: nothing is to be written down."""
    if transcription is None:
        yield
        return
    rhythm = Rhythm(EVERY_S, FIRST_AFTER_S)
    async with repeat_in_background("transcripts", lambda: transcription.turn(alarms), rhythm, alarms):
        yield
