"""What tells speech from noise is made once for as many callers as speak at once, and used again as new."""

import os
import subprocess
import sys

import pytest

from acdcore.recognition.endpoint import WINDOW_OCTETS
from acdcore.recognition.voice_activity import VoiceDetectors, is_installed


class Counted:
    """A detector that is the surer the more it has heard."""

    made = 0

    def __init__(self) -> None:
        Counted.made += 1
        self.windows = 0

    def process_samples(self, samples: list[float]) -> float:
        self.windows += 1
        return self.windows / 10

    def reset(self) -> None:
        self.windows = 0


LOUD = b"\x00\x40" * (WINDOW_OCTETS // 2)


def test_detector_is_used_again_and_has_forgotten_whom_it_heard() -> None:
    Counted.made = 0
    detectors = VoiceDetectors(Counted)
    assert Counted.made == 1, "what is broken is known at the start"
    one = detectors.take()
    assert (one(LOUD), one(LOUD)) == (0.1, 0.2)
    other = detectors.take()
    assert (Counted.made, other(LOUD)) == (2, 0.1)
    detectors.give_back(one)
    again = detectors.take()
    assert (Counted.made, again(LOUD)) == (2, 0.1)


JUDGING = """
import os
from acdcore.recognition.voice_activity import detectors
before = len(os.listdir("/proc/self/task"))
judge = detectors().take()
for _ in range(3):
    judge(bytes(range(256)) * 2)
print(len(os.listdir("/proc/self/task")) - before, os.environ.get("OMP_THREAD_LIMIT"))
"""


@pytest.mark.skipif(not is_installed(), reason="the extra speech is not installed")
@pytest.mark.parametrize("limit", [None, "7"])
def test_window_is_judged_by_one_thread_and_the_environment_is_as_it_was(limit: str | None) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OMP_THREAD_LIMIT"}
    if limit is not None:
        environment["OMP_THREAD_LIMIT"] = limit
    done = subprocess.run(
        [sys.executable, "-c", JUDGING], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["0", str(limit)]
