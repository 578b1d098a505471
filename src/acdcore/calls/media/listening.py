"""Listening to callers: who may be listened to, where their speech ends, and what was said.

    caller's audio -> engine -> ears' thread -> Attention: begin and end of speech -> Listener -> the call's flow
                                                                                  -> recogniser ->

A caller is listened to once at a time, and only while a flow says so.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from acdcore.calls.media.speech_detection import Attention
from acdcore.calls.model import history
from acdcore.ivr.flow.actions import (
    CallerSpeaks,
    CallerSpoke,
    CallerUnderstood,
    Likely,
    ListeningUnavailable,
    PrepareToListen,
    SpeechInput,
)
from acdcore.kernel.clock import Clock
from acdcore.kernel.errors import Unavailable
from acdcore.media.model import EarId, StreamId
from acdcore.recognition.endpoint import (
    EndpointSettings,
    SpeechBegan,
    SpeechEnded,
    SpeechFact,
    SpeechTooLong,
)
from acdcore.recognition.hearing import Understanding
from acdcore.recognition.model import SAMPLE_OCTETS, TELEPHONE_RATE, Heard, Phrase

LISTENERS_MAX = 20
"""Callers listened to at once: to tell speech from noise takes 0.27 ms of each 32 ms, a fifth of a core for all."""
OTHERS_MAX = 2
"""Next best answers that go into the history."""


class Ears(Protocol):
    """The media engine, seen from here."""

    def listen(self, stream: StreamId) -> EarId:
        """Hear what is received from now on."""
        ...

    def unlisten(self, ear: EarId) -> None:
        """Hear no more of it."""
        ...


@dataclass(frozen=True, slots=True)
class Witness:
    """Whose call it is that is listened to."""

    stream: StreamId
    """The caller's audio."""
    tell: Callable[[SpeechInput], None]
    """Told what comes of it, in the loop."""
    note: Callable[[history.Event], None]
    """Takes it into the call's history."""


class Listening:
    """Everybody who is listened to; one for the daemon."""

    def __init__(
        self, ears: Ears, clock: Clock, understanding: Understanding | None, listeners_max: int = LISTENERS_MAX
    ) -> None:
        """Without `understanding` nobody is listened to."""
        self.ears = ears
        self.clock = clock
        self.understanding = understanding
        self.attention = Attention(None if understanding is None else understanding.detectors)
        self.results: Counter[str] = Counter()
        """How often listening came to what: `understood`, `not_understood`, and why it was not possible."""
        self.log = structlog.get_logger("listening")
        self._listeners_max = listeners_max
        self._listeners: set[Listener] = set()
        self._by_ear: dict[EarId, Listener] = {}

    @property
    def running(self) -> int:
        """Callers who are listened to, or whose words are being made out."""
        return len(self._listeners)

    def prepare(self, wanted: PrepareToListen, witness: Witness) -> "Listener | None":
        """A place among those who are listened to; None, and why is written down, when there is none."""
        why = (
            "no_recogniser" if self.understanding is None else "too_many" if self.running >= self._listeners_max else ""
        )
        if why or self.understanding is None:
            self.refuse(why, "", witness)
            return None
        listener = Listener(self, self.understanding, wanted, witness)
        self._listeners.add(listener)
        return listener

    def refuse(self, why: str, detail: str, witness: Witness) -> None:
        """Write down that a caller cannot be listened to."""
        self.results[why] += 1
        self.log.warning("nobody can listen", why=why, detail=detail, running=self.running)
        witness.note(history.NotListened(self.clock.now(), why, detail))

    def attend(self, listener: "Listener", ear: EarId, settings: EndpointSettings) -> None:
        """What is heard by this ear is for this listener."""
        self._by_ear[ear] = listener
        self.attention.attend(ear, settings)

    def forget(self, ear: EarId) -> None:
        """Nothing more is wanted of this ear."""
        if self._by_ear.pop(ear, None) is not None:
            self.attention.forget(ear)
            self.ears.unlisten(ear)

    def deliver(self, facts: list[tuple[EarId, SpeechFact]]) -> None:
        """What the ears' thread found, brought to the loop."""
        for ear, fact in facts:
            listener = self._by_ear.get(ear)
            if listener is not None:
                listener.on_fact(fact)

    def leave(self, listener: "Listener") -> None:
        """Its place is free."""
        self._listeners.discard(listener)


class Listener:
    """One caller, listened to for one answer."""

    def __init__(
        self, listening: Listening, understanding: Understanding, wanted: PrepareToListen, witness: Witness
    ) -> None:
        self._listening = listening
        self._understanding = understanding
        self._wanted = wanted
        self._witness = witness
        self._ear: EarId | None = None
        self._pcm = b""
        self._asking: asyncio.Task[None] | None = None

    def open(self) -> None:
        """What the caller says counts from here on."""
        settings = EndpointSettings(longest_s=self._wanted.longest_s)
        self._ear = self._listening.ears.listen(self._witness.stream)
        self._listening.attend(self, self._ear, settings)

    def on_fact(self, fact: SpeechFact) -> None:
        """The caller speaks, or has spoken."""
        match fact:
            case SpeechBegan():
                self._witness.tell(CallerSpeaks(self._wanted.listening))
            case SpeechEnded(pcm=pcm) | SpeechTooLong(pcm=pcm):
                self._pcm = pcm
                self._shut()
                self._witness.tell(CallerSpoke(self._wanted.listening))

    def ask(self) -> None:
        """Have what was said made out."""
        self._asking = asyncio.get_running_loop().create_task(self._ask())

    def close(self) -> None:
        """Nothing more is wanted: the audio, the question to the recogniser, and the place are given up."""
        self._shut()
        if self._asking is not None:
            self._asking.cancel()
        self._listening.leave(self)

    def _shut(self) -> None:
        ear, self._ear = self._ear, None
        if ear is not None:
            self._listening.forget(ear)

    async def _ask(self) -> None:
        number, means = self._wanted.listening, self._understanding
        phrases = tuple(Phrase(one.value, one.texts) for one in self._wanted.sayable)
        began_at = self._listening.clock.now()
        try:
            heard = await means.recogniser.recognise(self._pcm, self._wanted.language.value, phrases, means.within_s)
        except Unavailable as error:
            self._listening.refuse("failed", str(error), self._witness)
            self._witness.tell(ListeningUnavailable(number))
            return
        except Exception as error:  # the fault of an engine that others wrote is not the caller's
            self._listening.log.exception("recogniser_fault")
            self._listening.refuse("failed", type(error).__name__, self._witness)
            self._witness.tell(ListeningUnavailable(number))
            return
        now = self._listening.clock.now()
        self._listening.results["understood" if heard else "not_understood"] += 1
        self._witness.note(speech_heard(now, heard, len(self._pcm) / SAMPLE_OCTETS / TELEPHONE_RATE, now - began_at))
        self._witness.tell(
            CallerUnderstood(number, tuple(Likely(one.value, one.confidence, one.text) for one in heard))
        )


def speech_heard(now: float, heard: tuple[Heard, ...], length_s: float, took_s: float) -> history.SpeechHeard:
    """What goes into the history of an answer, whatever the flow makes of it."""
    others = ", ".join(f"{one.value} {one.confidence:.2f}" for one in heard[1 : 1 + OTHERS_MAX])
    if not heard:
        return history.SpeechHeard(now, "", None, "", others, round(length_s, 2), round(took_s, 3))
    best = heard[0]
    confidence = round(best.confidence, 2)
    return history.SpeechHeard(now, best.value, confidence, best.text, others, round(length_s, 2), round(took_s, 3))
