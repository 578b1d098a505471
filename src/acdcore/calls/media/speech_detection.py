"""Where callers' speech begins and ends: a thread takes the engine's frames and reports beginnings and ends.

Speech detection takes a fraction of a millisecond for each 32 ms of each caller: too much for the event loop.
"""

import asyncio
import os
import select
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from acdcore.kernel.clock import Clock
from acdcore.media.model import EarFrame, EarId
from acdcore.recognition.endpoint import Detectors, EndOfSpeech, EndOfSpeechSettings, Probability, UtteranceEvent

PAUSE_MS = 20
"""Between two reads of frames: otherwise twenty callers would wake the thread three hundred times a second."""
GIVE_WAY_S = 0.0001
"""Seconds of rest between two frames: one frame holds the interpreter lock for half a millisecond, twenty callers have
a frame each, and the event loop needs the lock too."""
STOP_WITHIN_S = 5.0
"""Seconds; one turn of the thread takes some milliseconds."""

Facts = list[tuple[EarId, UtteranceEvent]]
"""Facts in the order in which they were found."""


@dataclass(slots=True)
class Attended:
    """One ear, with the state of its detector."""

    settings: EndOfSpeechSettings
    """When sound counts as speech, and when speech is over."""
    probability: Probability | None = None
    """The speech detector; None before the first frame."""
    endpoint: EndOfSpeech | None = None
    """Finds the end of speech; None before the first frame."""


class Attention:
    """The ears to watch; the event loop changes them while the thread reads them."""

    def __init__(self, detectors: Detectors | None) -> None:
        """Without `detectors` nothing is found."""
        self._detectors = detectors
        self._attended: dict[EarId, Attended] = {}

    def attend(self, ear: EarId, settings: EndOfSpeechSettings) -> None:
        """Detect speech on this ear from now on."""
        self._attended[ear] = Attended(settings)

    def forget(self, ear: EarId) -> None:
        """Stop the detection on this ear."""
        attended = self._attended.pop(ear, None)
        if attended is not None and attended.probability is not None and self._detectors is not None:
            self._detectors.give_back(attended.probability)

    def facts(self, frames: Iterable[EarFrame], now: float) -> Facts:
        """The facts that follow from the frames; frames of an ear that is not attended give none."""
        found: Facts = []
        for frame in frames:
            attended = self._attended.get(frame.ear)
            fact = None if attended is None else self._judge(attended, frame, now)
            if fact is not None:
                found.append((frame.ear, fact))
        return found

    def _judge(self, attended: Attended, frame: EarFrame, now: float) -> UtteranceEvent | None:
        """The detector is made here and not on the event loop, since the model's file may have to be read."""
        if attended.endpoint is None and self._detectors is not None:
            attended.probability = self._detectors.take()
            attended.endpoint = EndOfSpeech(attended.probability, attended.settings)
        return None if attended.endpoint is None else attended.endpoint.hear(frame.samples, now)


class FrameSource(Protocol):
    """What is needed of the media engine."""

    @property
    def frame_fd(self) -> int:
        """Readable while frames wait."""
        ...

    def frames(self) -> Sequence[EarFrame]:
        """Take the frames that wait, those of one ear in order."""
        ...


class EarsThread:
    """Takes frames and calls `deliver` with facts on the event loop."""

    def __init__(
        self, source: FrameSource, attention: Attention, deliver: Callable[[Facts], None], clock: Clock
    ) -> None:
        self._source = source
        self._attention = attention
        self._deliver = deliver
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._stop_fd = -1
        self._thread = threading.Thread(target=self._run, name="ears", daemon=True)
        self._log = structlog.get_logger("listening")

    def start(self) -> None:
        """Start the thread; once only."""
        self._stop_fd = os.eventfd(0)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; before the engine is stopped."""
        if self._stop_fd < 0:
            return
        os.eventfd_write(self._stop_fd, 1)
        self._thread.join(STOP_WITHIN_S)
        os.close(self._stop_fd)
        self._stop_fd = -1

    def _run(self) -> None:
        stop, wake = select.poll(), select.poll()
        stop.register(self._stop_fd, select.POLLIN)
        wake.register(self._stop_fd, select.POLLIN)
        wake.register(self._source.frame_fd, select.POLLIN)
        while not stop.poll(PAUSE_MS):
            wake.poll()
            self._take()

    def _take(self) -> None:
        """A fault in one frame loses the frames of this turn; flows that wait for them go on after their time limit."""
        try:
            for frame in self._source.frames():
                facts = self._attention.facts((frame,), self._clock.now())
                if facts:
                    self._loop.call_soon_threadsafe(self._deliver, facts)
                time.sleep(GIVE_WAY_S)
        except Exception:
            self._log.exception("ears_fault")
