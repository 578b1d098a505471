"""The background job that makes transcripts of recordings: one process, one recording after the other, at low priority.

The database says which recordings wait (`storage.stores.transcripts`): messages first, then the newest talk. A crash
loses nothing: a recording without a transcript still waits. When the engine fails twice at a recording, the reason is
stored in place of a transcript.
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
"""No transcripts can be made, or too many recordings wait."""
COMMAND = (sys.executable, "-m", "acdcore.recognition.transcribing")
FIRST_AFTER_S = 60.0
"""The first look waits until the start is over."""
EVERY_S = 20.0
"""Seconds between two looks at what waits, so that a message has its transcript soon."""
BATCH = 20
"""Recordings that one look takes."""
BACKLOG = timedelta(days=7)
"""Older recordings get no transcript: after turning transcripts on nobody waits for years of talks, and a machine that
is so far behind would never catch up."""
LATE_MAX = 1_000
"""More waiting recordings than this raise the alarm."""
ATTEMPTS_MAX = 2
LINE_MAX = 16 * 1024 * 1024
"""Octets of a transcript: a day of talking."""


@dataclass(frozen=True, slots=True)
class TranscriptionSettings:
    """Which recordings get transcripts, and by which engine."""

    engine: RecognitionSettings
    recordings: Path
    """The directory of the recordings."""
    missing: tuple[str, ...] = ()
    """Missing packages; without them no transcripts can be made."""
    server_key: str = field(default="", repr=False)
    """API key of the server that the engine `http` asks; empty: the server needs none."""
    command: tuple[str, ...] = COMMAND
    within_s: float = 300.0
    within_times: float = 4.0
    """Multiple of the recording's length that is added to `within_s`: the process has the lowest priority."""


class Transcription:
    """Makes transcripts for the daemon."""

    def __init__(self, settings: TranscriptionSettings, store: PgTranscripts, clock: Clock) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._failures: Counter[tuple[str, int]] = Counter()
        self._log = structlog.get_logger("transcripts")

    async def turn(self, alarms: Alarms) -> None:
        """Make transcripts until no recording waits."""
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
            await process.send(json.dumps(told).encode() + b"\n")  # not on the command line, which every user can see
            yield process

    async def _write(self, recording: Unwritten, process: HelperProcess) -> None:
        """Transcribe one recording. Raises HelperGone when the process must end, Unavailable without the database."""
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
        """Try the recording once more, or, after the second failure, store the reason."""
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
    """The parts in a helper's answer. Raises HelperGone when it cannot be read."""
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
    """Make transcripts in the background until the block ends; None: make none."""
    if transcription is None:
        yield
        return
    rhythm = Rhythm(EVERY_S, FIRST_AFTER_S)
    async with repeat_in_background("transcripts", lambda: transcription.turn(alarms), rhythm, alarms):
        yield
