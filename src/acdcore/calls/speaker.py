"""Speech at run time: words that no recording can know are read aloud by a helper process, within a bounded time."""

import asyncio
import tempfile
from concurrent.futures import ThreadPoolExecutor
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
STOPPED_AFTER_S = 2 * WITHIN_S
"""When a helper that hangs is stopped: nobody waits for its words any more, and others want its turn."""
CHARS_MAX = 300
"""About half a minute of speech."""


class Speaker:
    """Reads texts aloud, a few at once.

    It has threads of its own: a helper that hangs keeps its thread until it is stopped, and the disk's and the
    database's work must not wait behind it.
    """

    def __init__(self, reader: Reader | None = None, within_s: float = WITHIN_S) -> None:
        self._within_s = within_s
        self._reader = reader or HelperProcesses(jobs=1, text_timeout_s=STOPPED_AFTER_S)
        self._threads = ThreadPoolExecutor(AT_ONCE_MAX, thread_name_prefix="speech")
        self._log = structlog.get_logger("speech")

    async def pcm(self, words: Words) -> bytes | None:
        """The words as PCM (16 bit, mono, 8 kHz); None when that cannot be in time."""
        try:
            async with asyncio.timeout(self._within_s):
                # A cancelled wait takes a reading that has not begun out of the line.
                return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, words)
        except TimeoutError:
            self._log.warning("not spoken in time", within_s=self._within_s)
        except (AcdError, OSError) as error:
            self._log.warning("not spoken", reason=type(error).__name__)  # its text repeats a customer's data
        return None

    def close(self) -> None:
        """Speak no more; what is being read is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _read(self, words: Words) -> bytes | None:
        with tempfile.TemporaryDirectory(prefix="acdcore-words-") as directory:
            file = Path(directory) / "words.wav"
            self._reader.read([Reading(words.text[:CHARS_MAX], words.language, file)], lambda: None)
            return kept(file)
