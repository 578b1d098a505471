"""What tells speech from noise is made once for as many callers as speak at once, and used again as new."""

from acdcore.recognition.endpoint import WINDOW_OCTETS
from acdcore.recognition.voice_activity import VoiceDetectors


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
