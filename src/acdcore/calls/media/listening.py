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
    ListeningUnavailable,
    PossibleAnswer,
    PrepareToListen,
    SpeechInput,
)
from acdcore.kernel.clock import Clock
from acdcore.kernel.errors import Unavailable
from acdcore.media.model import EarId, StreamId
from acdcore.recognition.endpoint import (
    EndOfSpeechSettings,
    UtteranceBegan,
    UtteranceEnded,
    UtteranceEvent,
    UtteranceTooLong,
)
from acdcore.recognition.model import SAMPLE_OCTETS, TELEPHONE_RATE, Phrase, RecognisedPhrase
from acdcore.recognition.service import Understanding

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
class ListenedCall:
    """Whose call it is that is listened to."""

    stream: StreamId
    """The caller's audio."""
    tell: Callable[[SpeechInput], None]
    """Told what comes of it, in the loop."""
    note: Callable[[history.Event], None]
    """Takes it into the call's history."""


class SpeechListening:
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
        self._listeners: set[ListenedCaller] = set()
        self._by_ear: dict[EarId, ListenedCaller] = {}

    @property
    def running(self) -> int:
        """Callers who are listened to, or whose words are being made out."""
        return len(self._listeners)

    def prepare(self, wanted: PrepareToListen, call: ListenedCall) -> "ListenedCaller | None":
        """A place among those who are listened to; None, and why is written down, when there is none."""
        why = (
            "no_recogniser" if self.understanding is None else "too_many" if self.running >= self._listeners_max else ""
        )
        if why or self.understanding is None:
            self.refuse(why, "", call)
            return None
        listener = ListenedCaller(self, self.understanding, wanted, call)
        self._listeners.add(listener)
        return listener

    def refuse(self, why: str, detail: str, call: ListenedCall) -> None:
        """Write down that a caller cannot be listened to."""
        self.results[why] += 1
        self.log.warning("nobody can listen", why=why, detail=detail, running=self.running)
        call.note(history.NotListened(self.clock.now(), why, detail))

    def attend(self, listener: "ListenedCaller", ear: EarId, settings: EndOfSpeechSettings) -> None:
        """What is heard by this ear is for this listener."""
        self._by_ear[ear] = listener
        self.attention.attend(ear, settings)

    def forget(self, ear: EarId) -> None:
        """Nothing more is wanted of this ear."""
        if self._by_ear.pop(ear, None) is not None:
            self.attention.forget(ear)
            self.ears.unlisten(ear)

    def deliver(self, facts: list[tuple[EarId, UtteranceEvent]]) -> None:
        """What the ears' thread found, brought to the loop."""
        for ear, fact in facts:
            listener = self._by_ear.get(ear)
            if listener is not None:
                listener.on_fact(fact)

    def leave(self, listener: "ListenedCaller") -> None:
        """Its place is free."""
        self._listeners.discard(listener)


class ListenedCaller:
    """One caller, listened to for one answer."""

    def __init__(
        self, listening: SpeechListening, understanding: Understanding, wanted: PrepareToListen, call: ListenedCall
    ) -> None:
        self._listening = listening
        self._understanding = understanding
        self._wanted = wanted
        self._call = call
        self._ear: EarId | None = None
        self._pcm = b""
        self._asking: asyncio.Task[None] | None = None

    def open(self) -> None:
        """What the caller says counts from here on."""
        settings = EndOfSpeechSettings(longest_s=self._wanted.longest_s)
        self._ear = self._listening.ears.listen(self._call.stream)
        self._listening.attend(self, self._ear, settings)

    def on_fact(self, fact: UtteranceEvent) -> None:
        """The caller speaks, or has spoken."""
        match fact:
            case UtteranceBegan():
                self._call.tell(CallerSpeaks(self._wanted.listening))
            case UtteranceEnded(pcm=pcm) | UtteranceTooLong(pcm=pcm):
                self._pcm = pcm
                self._shut()
                self._call.tell(CallerSpoke(self._wanted.listening))

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
        phrases = tuple(Phrase(one.value, one.texts) for one in self._wanted.expected)
        began_at = self._listening.clock.now()
        try:
            heard = await means.recogniser.recognise(self._pcm, self._wanted.language.value, phrases, means.within_s)
        except Unavailable as error:
            self._listening.refuse("failed", str(error), self._call)
            self._call.tell(ListeningUnavailable(number))
            return
        except Exception as error:  # the fault of an engine that others wrote is not the caller's
            self._listening.log.exception("recogniser_fault")
            self._listening.refuse("failed", type(error).__name__, self._call)
            self._call.tell(ListeningUnavailable(number))
            return
        now = self._listening.clock.now()
        self._listening.results["understood" if heard else "not_understood"] += 1
        self._call.note(speech_heard(now, heard, len(self._pcm) / SAMPLE_OCTETS / TELEPHONE_RATE, now - began_at))
        self._call.tell(
            CallerUnderstood(number, tuple(PossibleAnswer(one.value, one.confidence, one.text) for one in heard))
        )


def speech_heard(
    now: float, heard: tuple[RecognisedPhrase, ...], length_s: float, took_s: float
) -> history.SpeechHeard:
    """What goes into the history of an answer, whatever the flow makes of it."""
    others = ", ".join(f"{one.value} {one.confidence:.2f}" for one in heard[1 : 1 + OTHERS_MAX])
    if not heard:
        return history.SpeechHeard(now, "", None, "", others, round(length_s, 2), round(took_s, 3))
    best = heard[0]
    confidence = round(best.confidence, 2)
    return history.SpeechHeard(now, best.value, confidence, best.text, others, round(length_s, 2), round(took_s, 3))
