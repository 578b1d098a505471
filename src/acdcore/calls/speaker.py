"""Speech at run time: words that no recording can know are read aloud by a helper process, within a bounded time."""

import asyncio
import tempfile
from pathlib import Path

import structlog

from acdcore.ivr.cache import kept
from acdcore.ivr.model import Words
from acdcore.ivr.voices import HelperProcesses, Reader, Reading
from acdcore.kernel.errors import AcdError

AT_ONCE_MAX = 4
"""Helper processes at once; callers beyond wait for their turn as far as `WITHIN_S` goes."""
WITHIN_S = 3.0
"""Longer silence would make callers hang up; what is not spoken by then is left out."""
CHARS_MAX = 300
"""About half a minute of speech."""


class Speaker:
    """Reads texts aloud, a few at once."""

    def __init__(self, reader: Reader | None = None) -> None:
        self._reader = reader or HelperProcesses(jobs=1)
        self._turns = asyncio.Semaphore(AT_ONCE_MAX)
        self._log = structlog.get_logger("speech")

    async def pcm(self, words: Words) -> bytes | None:
        """The words as PCM (16 bit, mono, 8 kHz); None when that cannot be in time."""
        try:
            async with asyncio.timeout(WITHIN_S), self._turns:
                return await asyncio.to_thread(self._read, words)
        except TimeoutError:
            self._log.warning("not spoken in time", within_s=WITHIN_S)
        except AcdError as error:
            self._log.warning("not spoken", reason=str(error))
        return None

    def _read(self, words: Words) -> bytes | None:
        with tempfile.TemporaryDirectory(prefix="acdcore-words-") as directory:
            file = Path(directory) / "words.wav"
            self._reader.read([Reading(words.text[:CHARS_MAX], words.language, file)], lambda: None)
            return kept(file)
