"""Helper processes that write down what callers said: as many as may work at once, and a bounded number of callers
who wait.

1. The first process is started at once and kept, so that no caller waits for a model to load. Others are started when
   one waits and all work, and are ended when they had nothing to do for `idle_s`.
2. A piece of sound waits its turn. It is refused at once when `waiting_max` wait already, and gets no answer when it
   has waited for too long: a caller who hears nothing presses a key, or hangs up.
3. A piece that nobody waits for is not begun. What was begun is finished: starting a process anew takes longer.
4. A process that takes longer than `hang_after_s`, dies or gives an answer that cannot be read is ended, and another is
   started. The piece that it worked at gets no answer; the others are not affected.
5. When none starts, everybody is refused at once until the next attempt, after a growing pause.
"""

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

import structlog

from acdcore.kernel.alarms import AlarmKind, Severity
from acdcore.kernel.errors import Unavailable
from acdcore.recognition.helper import HelperGone, OpenHelper, Question, RecognitionHelper
from acdcore.recognition.model import Transcript

RECOGNITION = AlarmKind(
    "recognition",
    Severity.MINOR,
    "Look at the log (recognition) and at [recognition]; callers who would be listened to use keys meanwhile.",
)
"""Nothing that callers say is understood."""
QUESTION_MAX_S = 30.0
"""Of sound: the model's window."""
OCTETS_A_SECOND = 16_000
STOPPED = "the daemon stops"


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """How many processes, and how long anything may take."""

    processes: int = 1
    """At once. Each takes a core while it works, and its memory all the time."""
    waiting_max: int = 4
    """Pieces of sound in wait for each process, beside what it works at: more would get no answer in time."""
    start_within_s: float = 60.0
    """A model is read from a cold disk on a busy machine."""
    hang_after_s: float = 15.0
    """Thirty seconds of speech take a third of it."""
    idle_s: float = 300.0
    """After which a further process is ended."""
    rest_s: tuple[float, ...] = (1.0, 5.0, 30.0, 120.0)
    """Before the next attempt after the first, second, ... that failed; the last one is repeated."""


@dataclass(slots=True, eq=False)
class _Job:
    question: Question
    answer: asyncio.Future[Transcript]


class HelperPool:
    """A `Transcriber`. To be entered before it is used."""

    def __init__(self, open_helper: OpenHelper, settings: PoolSettings = PoolSettings()) -> None:
        self._open_helper = open_helper
        self._settings = settings
        self._jobs: deque[_Job] = deque()
        self._asking = 0
        """Callers who have no answer yet, those whose turn it is included."""
        self._changed = asyncio.Condition()
        self._idle: set[int] = set()
        """Processes that are up and have nothing to do."""
        self._up = 0
        """Processes that are up."""
        self._is_starting = False
        self.problem = ""
        """Why nothing is understood; empty when something is, or nothing was tried yet."""
        self._log = structlog.get_logger("recognition")

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Processes are started and ended until the block ends."""
        tasks = [
            asyncio.create_task(self._tend(number), name=f"recognition-{number}")
            for number in range(self._settings.processes)
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._refuse_all(STOPPED)

    @property
    def waiting(self) -> int:
        """Pieces of sound that wait for their turn."""
        return len(self._jobs)

    @property
    def up(self) -> int:
        """Processes that are up."""
        return self._up

    def conditions(self) -> tuple[tuple[AlarmKind, str], ...]:
        """For the watch."""
        return ((RECOGNITION, self.problem),)

    async def transcribe(self, pcm: bytes, language: str, hint: str, within_s: float) -> Transcript:
        """See `Transcriber`."""
        if self.problem and not self._up:
            raise Unavailable(self.problem)
        if self._asking >= (self._settings.waiting_max + 1) * self._settings.processes:
            raise Unavailable(f"{self.waiting} callers wait to be understood; [recognition] processes may be raised")
        if len(pcm) > QUESTION_MAX_S * OCTETS_A_SECOND:
            raise Unavailable(f"more than {QUESTION_MAX_S:g} s of sound cannot be understood at once")
        job = _Job(Question(pcm, language, hint), asyncio.get_running_loop().create_future())
        self._asking += 1
        try:
            async with asyncio.timeout(within_s):
                async with self._changed:
                    self._jobs.append(job)
                    self._changed.notify_all()
                return await job.answer
        except TimeoutError:
            raise Unavailable(f"nothing was understood within {within_s:g} s") from None
        finally:
            self._asking -= 1
            job.answer.cancel()
            with contextlib.suppress(ValueError):
                self._jobs.remove(job)

    async def _tend(self, number: int) -> None:
        """The life of one place in the pool: process after process."""
        rests = itertools.chain(self._settings.rest_s[:-1], itertools.repeat(self._settings.rest_s[-1]))
        while True:
            if number:
                await self._wait_until_needed()
            try:
                await self._serve(number)
                rests = itertools.chain(self._settings.rest_s[:-1], itertools.repeat(self._settings.rest_s[-1]))
            except HelperGone as error:
                self._log.error("recogniser_does_not_start", reason=str(error))
                if not self._up:
                    self.problem = str(error)
                    self._refuse_all(self.problem)
                await asyncio.sleep(next(rests))

    async def _wait_until_needed(self) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._jobs and not self._idle and self._up and not self._is_starting)

    async def _serve(self, number: int) -> None:
        """One process from its start to its end. Raises HelperGone when it does not start."""
        self._is_starting = True
        async with contextlib.AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(self._settings.start_within_s):
                    helper = await stack.enter_async_context(self._open_helper())
            except TimeoutError:
                raise HelperGone(f"no recogniser is ready within {self._settings.start_within_s:g} s") from None
            finally:
                self._is_starting = False
            self._up += 1
            self.problem = ""
            try:
                while (job := await self._next(number)) is not None and await self._answer(helper, job):
                    pass
            finally:
                self._up -= 1

    async def _next(self, number: int) -> _Job | None:
        """The next piece of sound for this process; None when none came for too long. Lower numbers are kept warm."""
        self._idle.add(number)
        try:
            async with self._changed, asyncio.timeout(self._settings.idle_s if number else None):
                await self._changed.wait_for(lambda: self._jobs and number == min(self._idle))
                return self._jobs.popleft()
        except TimeoutError:
            return None
        finally:
            self._idle.discard(number)
            async with self._changed:
                self._changed.notify_all()

    async def _answer(self, helper: RecognitionHelper, job: _Job) -> bool:
        """Whether the process may be asked again."""
        if job.answer.done():
            return True
        try:
            async with asyncio.timeout(self._settings.hang_after_s):
                transcript = await helper.ask(job.question)
        except (HelperGone, TimeoutError) as error:
            reason = str(error) or f"no answer for {self._settings.hang_after_s:g} s"
            self._log.error("recogniser_replaced", reason=reason)
            _refuse(job, reason)
            return False
        except Unavailable as error:
            _refuse(job, str(error))
            return True
        except asyncio.CancelledError:
            _refuse(job, STOPPED)
            raise
        if not job.answer.done():
            job.answer.set_result(transcript)
        return True

    def _refuse_all(self, reason: str) -> None:
        while self._jobs:
            _refuse(self._jobs.popleft(), reason)


def _refuse(job: _Job, reason: str) -> None:
    if not job.answer.done():
        job.answer.set_exception(Unavailable(reason))
