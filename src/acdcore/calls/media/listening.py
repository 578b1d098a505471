"""Speech recognition in calls: which callers it serves, where their speech ends, and what was said.

    caller's audio -> engine -> ears' thread -> Attention: begin and end of speech -> Listener -> the call's flow
                                                                                  -> recogniser ->

There is one recognition for a caller at a time, and only while a flow asks for it.
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
"""Callers served at once: speech detection takes 0.27 ms of each 32 ms, which is a fifth of a core for all."""
OTHERS_MAX = 2
"""Next best answers that are kept in the history."""


class Ears(Protocol):
    """What is needed of the media engine."""

    def listen(self, stream: StreamId) -> EarId:
        """Deliver the audio that is received on `stream` from now on."""
        ...

    def unlisten(self, ear: EarId) -> None:
        """Deliver no more of it."""
        ...


@dataclass(frozen=True, slots=True)
class ListenedCall:
    """The call of the caller."""

    stream: StreamId
    """The caller's audio."""
    tell: Callable[[SpeechInput], None]
    """Called with each result, on the event loop."""
    note: Callable[[history.Event], None]
    """Called with events for the call's history."""


class SpeechListening:
    """All recognitions that run; one for the daemon."""

    def __init__(
        self, ears: Ears, clock: Clock, understanding: Understanding | None, listeners_max: int = LISTENERS_MAX
    ) -> None:
        """Without `understanding` there is no speech recognition."""
        self.ears = ears
        self.clock = clock
        self.understanding = understanding
        self.attention = Attention(None if understanding is None else understanding.detectors)
        self.results: Counter[str] = Counter()
        """Counts by result: `understood`, `not_understood`, and the causes of `NotListened`."""
        self.log = structlog.get_logger("listening")
        self._listeners_max = listeners_max
        self._listeners: set[ListenedCaller] = set()
        self._by_ear: dict[EarId, ListenedCaller] = {}

    @property
    def running(self) -> int:
        """Callers whose speech is awaited or is being recognised."""
        return len(self._listeners)

    def prepare(self, wanted: PrepareToListen, call: ListenedCall) -> "ListenedCaller | None":
        """Reserve a recognition; None when there is none, with the cause in the history."""
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
        """Write into the history that a question could not be answered by speech."""
        self.results[why] += 1
        self.log.warning("nobody can listen", why=why, detail=detail, running=self.running)
        call.note(history.NotListened(self.clock.now(), why, detail))

    def attend(self, listener: "ListenedCaller", ear: EarId, settings: EndOfSpeechSettings) -> None:
        """Results of this ear go to this listener from now on."""
        self._by_ear[ear] = listener
        self.attention.attend(ear, settings)

    def forget(self, ear: EarId) -> None:
        """Results of this ear are ignored from now on."""
        if self._by_ear.pop(ear, None) is not None:
            self.attention.forget(ear)
            self.ears.unlisten(ear)

    def deliver(self, facts: list[tuple[EarId, UtteranceEvent]]) -> None:
        """Take a result of the ears' thread; runs on the event loop."""
        for ear, fact in facts:
            listener = self._by_ear.get(ear)
            if listener is not None:
                listener.on_fact(fact)

    def leave(self, listener: "ListenedCaller") -> None:
        """Free the caller's place."""
        self._listeners.discard(listener)


class ListenedCaller:
    """The recognition of one answer of one caller."""

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
        """Speech counts from here on."""
        settings = EndOfSpeechSettings(longest_s=self._wanted.longest_s)
        self._ear = self._listening.ears.listen(self._call.stream)
        self._listening.attend(self, self._ear, settings)

    def on_fact(self, fact: UtteranceEvent) -> None:
        """The caller has begun to speak, or has stopped."""
        match fact:
            case UtteranceBegan():
                self._call.tell(CallerSpeaks(self._wanted.listening))
            case UtteranceEnded(pcm=pcm) | UtteranceTooLong(pcm=pcm):
                self._pcm = pcm
                self._shut()
                self._call.tell(CallerSpoke(self._wanted.listening))

    def ask(self) -> None:
        """Give what was said to the recogniser."""
        self._asking = asyncio.get_running_loop().create_task(self._ask())

    def close(self) -> None:
        """End the recognition: stop the audio, cancel the request to the recogniser, and free the place."""
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
        except Exception as error:  # a fault of a third-party recogniser must not end the call
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
    """The history's event for an answer, whether or not the flow accepts it."""
    others = ", ".join(f"{one.value} {one.confidence:.2f}" for one in heard[1 : 1 + OTHERS_MAX])
    if not heard:
        return history.SpeechHeard(now, "", None, "", others, round(length_s, 2), round(took_s, 3))
    best = heard[0]
    confidence = round(best.confidence, 2)
    return history.SpeechHeard(now, best.value, confidence, best.text, others, round(length_s, 2), round(took_s, 3))
