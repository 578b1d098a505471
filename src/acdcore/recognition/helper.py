"""One helper process and how it is spoken to; `acdcore.recognition.whisper` is the other side."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from acdcore.kernel.errors import Unavailable
from acdcore.recognition.model import Transcript

LINE_MAX = 65_536
"""Octets of an answer: thirty seconds of speech have less than a thousand."""
COMPLAINT_MAX = 300
"""Characters that are reported of what a helper wrote before it ended."""
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
"""One thread each, and nothing is ever fetched."""


@dataclass(frozen=True, slots=True)
class Question:
    """One piece of sound to be written down."""

    pcm: bytes
    language: str
    hint: str


class RecognitionHelper(Protocol):
    """Something that answers one question at a time."""

    async def ask(self, question: Question) -> Transcript:
        """The answer; may take for ever. Raises Unavailable when this question has none, `HelperGone` when no further
        one has."""
        ...


class HelperGone(Unavailable):
    """The process has ended, or its answer cannot be read; another is needed."""


OpenHelper = Callable[[], AbstractAsyncContextManager[RecognitionHelper]]
"""Starts a helper that is ready when the context is entered, and ends it with the context; raises HelperGone."""


class HelperProcess:
    """A process that is up."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._last_words = ""
        self._listening = asyncio.create_task(self._listen(), name="recognition-complaints")

    async def ask(self, question: Question) -> Transcript:
        """See `RecognitionHelper`."""
        header = {"language": question.language, "hint": question.hint, "octets": len(question.pcm)}
        answer = await self.exchange(json.dumps(header).encode() + b"\n" + question.pcm)
        if "problem" in answer:
            raise Unavailable(f"the recogniser: {answer['problem']}")
        try:
            return Transcript(str(answer["text"]), float(str(answer["certainty"])))
        except (KeyError, ValueError) as error:
            raise HelperGone(f"the recogniser answered {str(answer)[:COMPLAINT_MAX]}") from error

    async def send(self, octets: bytes) -> None:
        """What has no answer. Raises HelperGone."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(octets)
            await self._process.stdin.drain()
        except OSError as error:
            raise HelperGone(f"the recogniser ended: {error}") from error

    async def exchange(self, octets: bytes) -> dict[str, object]:
        """Send, and read one line. Raises HelperGone."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        try:
            stdin.write(octets)
            await stdin.drain()
            line = await stdout.readline()
            answer = json.loads(line) if line.endswith(b"\n") else None
        except (OSError, ValueError) as error:
            raise HelperGone(f"the recogniser's answer cannot be read: {error}") from error
        if not isinstance(answer, dict):
            await asyncio.wait([self._listening], timeout=1.0)
            raise HelperGone(
                f"the recogniser ended (exit {self._process.returncode}): {self._last_words or 'no reason given'}"
            )
        return answer

    async def end(self) -> None:
        """Kill it, whatever it does, and wait for that."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        self._listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._listening

    async def _listen(self) -> None:
        """Its standard error, of which the end is kept: a full pipe would hold it up."""
        assert self._process.stderr is not None
        while octets := await self._process.stderr.read(LINE_MAX):
            self._last_words = (self._last_words + octets.decode(errors="replace"))[-COMPLAINT_MAX:]


@contextlib.asynccontextmanager
async def opened_process(command: tuple[str, ...], line_max: int = LINE_MAX) -> AsyncIterator[HelperProcess]:
    """A process of this command that has said that it is ready, and is ended with the context. Raises HelperGone."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=line_max,
            env={**os.environ, **ENVIRONMENT},
            start_new_session=True,  # Ctrl-C is for the daemon, which ends it when nobody listens any more
        )
    except OSError as error:
        raise HelperGone(f"the recogniser does not start: {error}") from error
    helper = HelperProcess(process)
    try:
        await helper.exchange(b"")
        yield helper
    finally:
        await helper.end()


def process_helper(command: tuple[str, ...] = (sys.executable, "-m", "acdcore.recognition.whisper")) -> OpenHelper:
    """Helpers that are processes of this command."""
    return lambda: opened_process(command)
