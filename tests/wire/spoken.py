"""Listeners of spoken prompts: they press when it has become quiet, as people do, and keep what they heard in parts."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from bench.phone import PhoneCall
from bench.prompt_voice import PromptVoice
from numpy.typing import NDArray

from acdcore.ivr.model.flow import PromptKey

OCTETS_PER_S = 16_000
LOUD = 400
"""A sample above this is no silence: A-law makes at most 8 of it."""
QUIET_S = 1.1
"""Longer than any pause within a prompt or between two."""
LOOK_EVERY_S = 0.05
SEARCH_EVERY_S = 0.7
FOUND_FROM = 0.5
"""Likeness of a prompt to its own sound over lowered music; two different prompts come to 0.2 at most."""

Samples = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Part:
    """What was heard in one step of a journey."""

    step: str
    said: tuple[PromptKey, ...]
    """What was to be said."""
    pcm: bytes
    """16 bit, mono, 8 kHz."""


class Listener:
    """Somebody at a phone; what was heard since the last step belongs to the next one."""

    def __init__(self, call: PhoneCall, voice: PromptVoice, parts: list[Part]) -> None:
        """What is heard goes to `parts`."""
        self.call = call
        self._voice = voice
        self._parts = parts
        self._from = 0

    async def listen(self, step: str, said: Sequence[PromptKey], within_s: float = 60.0) -> None:
        """Hear something, and wait until it is quiet, or the call is over. Raises TimeoutError."""
        loop = asyncio.get_running_loop()
        heard, begun = self.call.sound.heard, loop.time()
        place, loud_at = self._from, None
        while not self.call.ended.is_set():
            now = loop.time()
            if is_loud(bytes(heard[place:])):
                loud_at = now
            place = len(heard)
            if loud_at is not None and now - loud_at > QUIET_S:
                break
            if now - begun > within_s:
                raise TimeoutError(f"{step}: {'it goes on and on' if loud_at else 'nothing was heard'}")
            await asyncio.sleep(LOOK_EVERY_S)
        self._keep(step, said, len(heard))

    async def find(self, step: str, said: Sequence[PromptKey], within_s: float = 40.0) -> None:
        """Wait until prompts were heard one after the other, whatever is around them. Raises TimeoutError.

        Music has no pause to wait for; and a part in one language is told from the next in another.
        """
        heard, sounds = self.call.sound.heard, [self._voice.sound(key) for key in said]
        try:
            async with asyncio.timeout(within_s):
                while True:
                    places = places_of(sounds, bytes(heard[self._from :]))
                    if places is not None:
                        break
                    await asyncio.sleep(SEARCH_EVERY_S)
        except TimeoutError:
            likest = [f"{likest_place(sound, bytes(heard[self._from :]))[1]:.2f}" for sound in sounds]
            raise TimeoutError(f"{step}: not heard within {within_s} s; likeness {likest}") from None
        first, end = self._from + places[0], self._from + places[1]
        self._from = first
        self._keep(step, said, end)

    def press(self, key: str) -> None:
        """Press a key; what was heard up to now is over."""
        self.call.sound.press(key)
        self.skip()

    def skip(self) -> None:
        """What was heard up to now belongs to no part."""
        self._from = len(self.call.sound.heard)

    def _keep(self, step: str, said: Sequence[PromptKey], end: int) -> None:
        self._parts.append(Part(step, tuple(said), bytes(self.call.sound.heard[self._from : end])))
        self._from = end


def is_loud(pcm: bytes) -> bool:
    """Whether there is any sound in it."""
    samples = _floats(pcm)
    return bool(samples.size) and float(np.abs(samples).max()) > LOUD


def places_of(sounds: Sequence[bytes], heard: bytes) -> tuple[int, int] | None:
    """Where the first of `sounds` begins and the last one ends in `heard`, in octets; None when one is not there."""
    begin, after = None, 0
    for sound in map(spoken_part, sounds):
        place, likeness = likest_place(sound, heard[after:])
        if likeness < FOUND_FROM:
            return None
        begin = after + place if begin is None else begin
        after += place + len(sound)
    return None if begin is None else (begin, after)


def spoken_part(sound: bytes) -> bytes:
    """A sound without the pause after it, which may be shorter where other words follow."""
    loud = np.flatnonzero(np.abs(_floats(sound)) > LOUD)
    return sound[: 2 * (int(loud[-1]) + 1)] if loud.size else sound


def likest_place(sound: bytes, heard: bytes) -> tuple[int, float]:
    """Where `sound` is most like what was heard, in octets, and how much so: 1 is the very same."""
    wanted, there = _floats(sound), _floats(heard)
    if wanted.size == 0 or there.size < wanted.size:
        return 0, 0.0
    size = 1 << (there.size + wanted.size - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(there, size) * np.conj(np.fft.rfft(wanted, size)), size)
    product = product[: there.size - wanted.size + 1]
    energy = np.concatenate(([0.0], np.cumsum(there * there)))
    there_energy = energy[wanted.size :] - energy[: -wanted.size]
    likeness = product / np.sqrt(np.maximum(there_energy * float(wanted @ wanted), 1.0))
    place = int(np.argmax(likeness))
    return 2 * place, float(likeness[place])


def _floats(pcm: bytes) -> Samples:
    return np.frombuffer(pcm[: len(pcm) // 2 * 2], dtype="<i2").astype(np.float64)
