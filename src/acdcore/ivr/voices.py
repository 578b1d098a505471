"""The daemon's side of the speech synthesis: texts in, WAV files out, by helper processes."""

import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from acdcore.ivr.model import Language
from acdcore.kernel.errors import Unavailable

JOBS_MAX = 4
"""Helper processes at once: a first start has a few hundred short texts, and each process costs its own start."""
TEXT_TIMEOUT_S = 10.0
"""For each text that a process is given, start included: a hundred times what one takes."""
COMPLAINT_MAX = 300
"""Characters of a failed helper's last words that go into the error."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One text to be read aloud."""

    text: str
    """What is read."""
    language: Language
    """In which voice."""
    file: Path
    """The WAV file that is to appear."""


class Reader(Protocol):
    """Something that reads texts aloud."""

    def is_there(self) -> bool:
        """Whether this machine can read texts at all."""
        ...

    def read(self, readings: Sequence[Reading], on_read: Callable[[], None]) -> None:
        """Make all files, calling `on_read` after each. Raises Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class HelperProcesses:
    """Read by `acdcore.ivr.speech` in processes of its own."""

    library: str = "espeakng_loader"
    """The Python package that brings the speech library."""
    command: tuple[str, ...] = (sys.executable, "-m", "acdcore.ivr.speech")
    """What is started."""
    jobs: int = min(JOBS_MAX, os.cpu_count() or 1)
    """How many at once."""
    text_timeout_s: float = TEXT_TIMEOUT_S
    """A process is stopped after so much for each of its texts."""

    def is_there(self) -> bool:
        """Whether the package with the speech library is installed; it is not loaded here."""
        return importlib.util.find_spec(self.library) is not None

    def read(self, readings: Sequence[Reading], on_read: Callable[[], None]) -> None:
        """Make all files, calling `on_read` after each, from any thread but never twice at once. Raises Unavailable."""
        shares = [readings[job :: self.jobs] for job in range(self.jobs)]
        turn = threading.Lock()

        def one_read() -> None:
            with turn:
                on_read()

        with ThreadPoolExecutor(self.jobs) as pool:
            for done in [pool.submit(self._read_share, share, one_read) for share in shares if share]:
                done.result()

    def _read_share(self, share: Sequence[Reading], one_read: Callable[[], None]) -> None:
        texts = [{"voice": each.language.value, "text": each.text, "file": str(each.file)} for each in share]
        read = 0
        with subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as helper:
            assert helper.stdin is not None and helper.stdout is not None and helper.stderr is not None
            watchdog = threading.Timer(self.text_timeout_s * len(share), helper.kill)
            watchdog.start()
            try:
                complaint = _hand_over(helper, json.dumps(texts))
                for _ in helper.stdout:
                    read += 1
                    one_read()
                complaint += helper.stderr.read().strip()[-COMPLAINT_MAX:]
            finally:
                watchdog.cancel()
        if helper.returncode != 0 or read != len(share):
            text = share[min(read, len(share) - 1)].text
            raise Unavailable(f"the speech helper stopped at {text!r} (exit {helper.returncode}): {complaint}")


def _hand_over(helper: subprocess.Popen[str], texts: str) -> str:
    """Give the texts to the helper; one that is gone already explains itself on its standard error."""
    assert helper.stdin is not None
    try:
        helper.stdin.write(texts)
        helper.stdin.close()
    except BrokenPipeError:
        return "it did not read its texts; "
    return ""
