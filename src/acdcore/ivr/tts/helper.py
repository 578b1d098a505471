"""Helper processes that read texts aloud, seen from the daemon: one text at a time to each, with a limit to its time.

The speech libraries are large, one is under the GPL, and any may hang: none is ever loaded into the daemon's process. A
helper is asked by one JSON line on its standard input and answers by one on its standard output
(`acdcore.ivr.tts.tts_process`); what it says on its standard error is read all the time, so that it never waits for us
to do so.
"""

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from acdcore.ivr.tts.voices import EngineUnavailable, SpeechEngine, TtsRequest
from acdcore.kernel.errors import Unavailable

LOAD_TIMEOUT_S = 120.0
"""A helper that has not loaded its engine by then is stopped; kokoro takes a second on a machine with nothing to do."""
JOBS_MAX = 4
"""Helper processes at once: a first start has a few hundred short texts, and each process costs its own start."""
TEXT_TIMEOUT_S = 180.0
"""For each text: many times what one takes, also on a machine that is busy."""
ANSWER_MAX = 65_536
"""Characters of an answer; a complaint has some hundred."""
COMPLAINT_LINES_MAX = 40
COMPLAINT_MAX = 300
"""Characters of a failed helper's last words that go into the error."""
MEMORY = Path("/proc/meminfo")
PROGRAM = "acdcore.ivr.tts.tts_process"


class TtsHelper:
    """One helper process. Not for two threads at once."""

    def __init__(self, command: Sequence[str]) -> None:
        """Raises EngineUnavailable."""
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(
                command,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,  # what it starts ends with it, and Ctrl-C is for the daemon
            )
        except OSError as error:
            raise EngineUnavailable(f"the speech helper does not start: {error.strerror}") from error
        self._complaints: deque[str] = deque(maxlen=COMPLAINT_LINES_MAX)
        self._listener = threading.Thread(target=self._listen, name="speech complaints", daemon=True)
        self._listener.start()

    def is_up(self) -> bool:
        """Whether it can be asked; the kernel ends one that is idle where memory is short."""
        return self._process.poll() is None

    def load(self, within_s: float) -> None:
        """Wait until it has loaded its engine. Raises EngineUnavailable; the helper is then closed."""
        self._answer("", within_s, "before its first text")

    def read(self, reading: TtsRequest, within_s: float) -> None:
        """Have one text read. Raises EngineUnavailable and closes the helper; Unavailable for a text without sound."""
        voice = reading.voice
        asked = {"voice": voice.name, "speed": voice.speed, "language": reading.language.value}
        asked |= {"text": reading.text, "file": str(reading.file)}
        problem = self._answer(json.dumps(asked) + "\n", within_s, f"at {reading.text!r}")
        if problem:
            raise Unavailable(f"{reading.text!r} could not be read aloud: {problem}")

    def _answer(self, line: str, within_s: float, place: str) -> str:
        is_late = threading.Event()
        watchdog = threading.Timer(within_s, self._stop_late, [is_late])
        watchdog.start()
        try:
            answer = self._exchange(line)
        finally:
            watchdog.cancel()
        if answer is None:
            self.close()
            if is_late.is_set():
                raise EngineUnavailable(f"the speech helper was stopped {place}: it took more than {within_s:g} s")
            problem = f"(exit {self._process.returncode}): {self._last_words()}"
            raise EngineUnavailable(f"the speech helper stopped {place} {problem}")
        return answer

    def _stop_late(self, is_late: threading.Event) -> None:
        is_late.set()
        self.kill()

    def kill(self) -> None:
        """End the process, and what it has started, from any thread; whoever asks it closes it."""
        if self._process.returncode is None:  # its number is nobody else's yet
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End the process; one that is idle goes at once."""
        self.kill()
        self._process.wait()
        self._listener.join(1.0)
        pipes = [self._process.stdin, self._process.stdout]
        if not self._listener.is_alive():  # closing what another thread reads waits for that thread
            pipes.append(self._process.stderr)
        for pipe in filter(None, pipes):
            _close(pipe)

    def _exchange(self, line: str) -> str | None:
        """What went wrong with a text, "" for nothing; None when the helper is gone."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
            return _problem_in(self._process.stdout.readline(ANSWER_MAX))
        except (OSError, ValueError):
            return None

    def _listen(self) -> None:
        assert self._process.stderr is not None
        try:
            for line in self._process.stderr:
                self._complaints.append(line[-COMPLAINT_MAX:])
        except (OSError, ValueError):  # closed meanwhile
            return

    def _last_words(self) -> str:
        return "".join(self._complaints).strip()[-COMPLAINT_MAX:]


def _problem_in(answer: str) -> str | None:
    """What a helper's answer says; None when it is no answer, but what a library printed, or the end."""
    try:
        said = json.loads(answer)
    except (ValueError, RecursionError):
        return None
    problem = said.get("error") if isinstance(said, dict) else None
    return problem if isinstance(problem, str) else None


def _close(pipe: IO[str]) -> None:
    try:
        pipe.close()
    except OSError:  # what was left to write goes nowhere
        return


def _fitting(bytes_each: int) -> int:
    """How many such processes the memory that is free has room for; one at least."""
    if not bytes_each:
        return JOBS_MAX
    try:
        lines = MEMORY.read_text().splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):  # another system: nothing is known
        return JOBS_MAX
    return max(1, free // bytes_each)


@dataclass(slots=True)
class HelperProcesses:
    """An engine in helper processes: as many as there are texts, up to `jobs`; kept for the next texts if wanted."""

    engine: SpeechEngine = SpeechEngine.ESPEAK
    """What the helpers load."""
    modules: tuple[str, ...] = ("espeakng_loader",)
    """The Python packages that it needs."""
    jobs: int = min(JOBS_MAX, os.cpu_count() or 1)
    """How many at once."""
    bytes_each: int = 0
    """Memory of one at work; no more run at once than there is room for."""
    text_timeout_s: float = TEXT_TIMEOUT_S
    """A process is stopped after so long with one text."""
    idle_s: float = 0.0
    """How long a process is kept that has nothing to read; 0: it ends with its texts."""
    command: tuple[str, ...] = ()
    """What is started; empty: our own program."""
    _room: threading.BoundedSemaphore = field(init=False)
    _idle: list[TtsHelper] = field(default_factory=list)
    _up: set[TtsHelper] = field(default_factory=set)
    """All that were started and not closed yet."""
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _rest: threading.Timer | None = None
    _is_closed: bool = False
    _is_stopped: bool = False

    def __post_init__(self) -> None:
        self._room = threading.BoundedSemaphore(self.jobs)

    def is_there(self) -> bool:
        """Whether the packages are installed; they are not loaded here."""
        return all(importlib.util.find_spec(module) is not None for module in self.modules)

    def read(self, readings: Sequence[TtsRequest], on_read: Callable[[], None]) -> None:
        """Make all files, calling `on_read` after each, from any thread but never twice at once. Raises Unavailable."""
        texts, turn = iter(readings), threading.Lock()
        jobs = min(self.jobs, len(readings), _fitting(self.bytes_each))
        if jobs <= 1:
            self._read_all(texts, turn, on_read)
            return
        with ThreadPoolExecutor(jobs) as pool:
            for done in [pool.submit(self._read_all, texts, turn, on_read) for _ in range(jobs)]:
                done.result()

    def warm(self) -> None:
        """Load a helper now, so that the first text need not wait for it. Raises EngineUnavailable."""
        if self.is_there():
            with self._helper():
                pass

    def close(self) -> None:
        """End the processes that are kept; those at work end with their text."""
        with self._turn:
            self._is_closed = True
        self._end_idle()

    def stop(self) -> None:
        """End all processes; no other is started."""
        with self._turn:
            self._is_closed = self._is_stopped = True
            for helper in self._up:
                helper.kill()
        self._end_idle()

    def _read_all(self, texts: Iterator[TtsRequest], turn: threading.Lock, on_read: Callable[[], None]) -> None:
        with self._helper() as helper:
            while True:
                with turn:
                    reading = next(texts, None)
                if reading is None:
                    return
                helper.read(reading, self.text_timeout_s)
                with turn:
                    on_read()

    @contextlib.contextmanager
    def _helper(self) -> Iterator[TtsHelper]:
        """A helper to oneself, in turn: there are never more than `jobs`. Raises EngineUnavailable."""
        if not self._room.acquire(timeout=self.text_timeout_s):
            raise EngineUnavailable(f"all speech helpers of {self.engine.value} are busy")
        try:
            helper = self._take()
            try:
                yield helper
            except Unavailable:
                self._give_back(helper)  # one text had no sound
                raise
            except BaseException:
                self._end(helper)
                raise
            self._give_back(helper)
        finally:
            self._room.release()

    def _take(self) -> TtsHelper:
        while (idle := self._idle_one()) is not None:
            if idle.is_up():
                return idle
            self._end(idle)
        helper = self._started()
        try:
            helper.load(LOAD_TIMEOUT_S)
        except EngineUnavailable:
            self._end(helper)
            raise
        return helper

    def _started(self) -> TtsHelper:
        purpose = "live" if self.idle_s else "ahead"
        with self._turn:
            if self._is_stopped:
                raise EngineUnavailable(f"the speech helpers of {self.engine.value} are stopped")
            helper = TtsHelper(self.command or (sys.executable, "-m", PROGRAM, self.engine.value, purpose))
            self._up.add(helper)
            return helper

    def _end(self, helper: TtsHelper) -> None:
        helper.close()
        with self._turn:
            self._up.discard(helper)

    def _idle_one(self) -> TtsHelper | None:
        with self._turn:
            return self._idle.pop() if self._idle else None

    def _give_back(self, helper: TtsHelper) -> None:
        with self._turn:
            if self.idle_s and not self._is_closed and helper.is_up():
                self._idle.append(helper)
                if self._rest is not None:
                    self._rest.cancel()
                self._rest = threading.Timer(self.idle_s, self._end_idle)
                self._rest.daemon = True
                self._rest.start()
                return
        self._end(helper)

    def _end_idle(self) -> None:
        with self._turn:
            idle, self._idle = self._idle, []
            if self._rest is not None:
                self._rest.cancel()
                self._rest = None
        for helper in idle:
            self._end(helper)
