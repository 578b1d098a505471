"""Where a caller's speech begins and ends, by the probability of speech in each window of sound (pure).

1. Speech has begun when windows of together `shortest_s` were speech, with gaps of at most `ONSET_GAP_S`: clicks do
   not count.
2. It has ended when nothing was speech for `silence_s`, or when frames stopped for a little longer: some phones send
   nothing in silence.
3. What is longer than `longest_s` is cut off there: it is no answer but a talk in the room, or a radio.
4. A window is speech from `onset` on; once speech has begun, from `release` on, so that a soft end is not lost.
5. What is handed on has `lead_s` before the first window of speech, since consonants begin softer than the vowels that
   are found, and `tail_s` after the last.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from acdcore.recognition.model import SAMPLE_OCTETS, TELEPHONE_RATE

WINDOW_SAMPLES = 256
"""Of 8 kHz, 32 ms: what silero-vad judges at once (512 at its 16 kHz)."""
WINDOW_OCTETS = WINDOW_SAMPLES * SAMPLE_OCTETS
WINDOW_S = WINDOW_SAMPLES / TELEPHONE_RATE

ONSET_GAP_S = 0.2
"""Between two syllables that belong together."""
LATE_S = 0.2
"""Frames that are so late were held up; they are not missing."""


@dataclass(frozen=True, slots=True)
class EndOfSpeechSettings:
    """When speech counts and when it is over."""

    silence_s: float = 0.65
    """After the last word. A pause between words of one answer is shorter."""
    shortest_s: float = 0.15
    """The shortest answers, as 是 or "no", have twice as much."""
    longest_s: float = 10.0
    """From the first word on."""
    onset: float = 0.5
    """Probability from which a window is speech."""
    release: float = 0.35
    """The same, while somebody speaks."""
    lead_s: float = 0.3
    """Kept before the first word."""
    tail_s: float = 0.2
    """Kept after the last."""


@dataclass(frozen=True, slots=True)
class UtteranceBegan:
    """Somebody speaks: a prompt may be interrupted."""

    at: float
    """Monotonic seconds, when it was sure."""


@dataclass(frozen=True, slots=True)
class UtteranceEnded:
    """Somebody spoke and is done."""

    at: float
    """Monotonic seconds, when it was sure."""
    pcm: bytes
    """What was said: 8 kHz, 16 bit little-endian, mono, with its lead and tail."""


@dataclass(frozen=True, slots=True)
class UtteranceTooLong:
    """Somebody speaks for longer than an answer takes."""

    at: float
    """Monotonic seconds."""
    pcm: bytes
    """What was said until then."""


UtteranceEvent = UtteranceBegan | UtteranceEnded | UtteranceTooLong
Probability = Callable[[bytes], float]
"""Of speech (0 to 1) in one window of `WINDOW_SAMPLES` at 8 kHz; windows are given in their order."""


class Detectors(Protocol):
    """What tells speech from noise, one for each caller who is listened to; costly to make, and used again."""

    def take(self) -> Probability:
        """One that has heard nothing yet. May read a file: not for the loop."""
        ...

    def give_back(self, probability: Probability) -> None:
        """Nobody uses it any more."""
        ...


class EndOfSpeech:
    """One caller, listened to until one answer has ended; the next answer is for the next `EndOfSpeech`."""

    def __init__(self, probability: Probability, settings: EndOfSpeechSettings = EndOfSpeechSettings()) -> None:
        self._probability = probability
        self._settings = settings
        self._pending = bytearray()
        self._kept = bytearray()
        self._said = 0  # octets of _kept up to the last window of speech
        self._begun_at = 0  # octets of _kept before the first one
        self._speech_s = 0.0
        self._quiet_s = 0.0
        self._heard_at = 0.0
        self._has_begun = False
        self._is_over = False

    def hear(self, pcm_frame: bytes, now: float) -> UtteranceEvent | None:
        """A frame of any length (8 kHz, 16 bit little-endian, mono) that ended at `now` (monotonic seconds).

        One event at a time: further events of a long frame come with the next frames. An empty frame says that nothing
        came, see `next_deadline`. Nothing is returned after the end.
        """
        if self._is_over:
            return None
        if pcm_frame:
            self._pending += pcm_frame
            self._heard_at = now
        while len(self._pending) >= WINDOW_OCTETS:
            window = bytes(self._pending[:WINDOW_OCTETS])
            del self._pending[:WINDOW_OCTETS]
            if fact := self._judge(window, now):
                return fact
        deadline = self.next_deadline()
        if deadline is not None and now >= deadline:
            return self._end(now)
        return None

    def next_deadline(self) -> float | None:
        """When speech is over if no frame comes until then; `hear(b"", now)` reports it then. None: nobody speaks."""
        if not self._has_begun or self._is_over:
            return None
        return self._heard_at + self._settings.silence_s - self._quiet_s + LATE_S

    def _judge(self, window: bytes, now: float) -> UtteranceEvent | None:
        settings = self._settings
        self._kept += window
        if self._probability(window) >= (settings.release if self._has_begun else settings.onset):
            return self._count_speech(now)
        self._quiet_s += WINDOW_S
        if self._has_begun and self._quiet_s >= settings.silence_s:
            return self._end(now)
        if not self._has_begun and self._quiet_s > ONSET_GAP_S:
            self._speech_s = 0.0
            self._keep_lead(0)
        return self._cut_off(now)

    def _count_speech(self, now: float) -> UtteranceEvent | None:
        if self._speech_s == 0.0:
            self._keep_lead(WINDOW_OCTETS)
            self._begun_at = len(self._kept) - WINDOW_OCTETS
        self._speech_s += WINDOW_S
        self._quiet_s = 0.0
        self._said = len(self._kept)
        if not self._has_begun and self._speech_s >= self._settings.shortest_s:
            self._has_begun = True
            return UtteranceBegan(now)
        return self._cut_off(now)

    def _keep_lead(self, after: int) -> None:
        """Forget what was before the lead and the last `after` octets."""
        del self._kept[: max(0, len(self._kept) - _octets(self._settings.lead_s) - after)]

    def _cut_off(self, now: float) -> UtteranceTooLong | None:
        if not self._has_begun or len(self._kept) - self._begun_at < _octets(self._settings.longest_s):
            return None
        self._is_over = True
        return UtteranceTooLong(now, bytes(self._kept))

    def _end(self, now: float) -> UtteranceEnded:
        self._is_over = True
        return UtteranceEnded(now, bytes(self._kept[: self._said + _octets(self._settings.tail_s)]))


def _octets(length_s: float) -> int:
    return round(length_s * TELEPHONE_RATE) * SAMPLE_OCTETS
