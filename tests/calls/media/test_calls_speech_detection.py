"""Where speech begins and ends, off the loop: the thread over a real engine, and what it does with faults."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from bench.ports import media_range
from tests.calls.plain_recogniser import PlainDetectors, pause, probability, words
from tests.media.handset import Handset

from acdcore.calls.media.speech_detection import Attention, EarsThread, Facts
from acdcore.kernel.clock import SystemClock
from acdcore.kernel.ids import IdSource
from acdcore.media.engine import Engine
from acdcore.media.model import EarFrame, EarId, EngineCodec, EngineSettings
from acdcore.recognition.endpoint import EndOfSpeechSettings, Probability, UtteranceBegan, UtteranceEnded

FRAME = 960
WITHIN_S = 5.0
"""For what takes a second."""


def frames(ear: int, pcm: bytes) -> list[EarFrame]:
    return [EarFrame(EarId(ear), pcm[at : at + FRAME]) for at in range(0, len(pcm), FRAME)]


def test_each_caller_is_judged_apart_and_an_ear_that_nobody_attends_to_tells_nothing() -> None:
    detectors = PlainDetectors()
    attention = Attention(detectors)
    for ear in (1, 2):
        attention.attend(EarId(ear), EndOfSpeechSettings())
    attention.forget(EarId(2))
    heard = [frame for ears in zip(*(frames(ear, words("销售")) for ear in (1, 2, 3)), strict=True) for frame in ears]
    assert attention.facts(heard, 1.0) == [(1, UtteranceBegan(1.0))]
    assert detectors.in_use == 1
    attention.forget(EarId(1))
    assert detectors.in_use == 0


class One:
    """Detectors that are all the same."""

    def __init__(self, judge: Probability) -> None:
        self._judge = judge

    def take(self) -> Probability:
        return self._judge

    def give_back(self, probability: Probability) -> None:
        assert probability is self._judge


class Posted:
    """Takes facts in the loop."""

    def __init__(self) -> None:
        self.facts: Facts = []
        self.threads: set[str] = set()
        self.has_news = asyncio.Event()

    def __call__(self, facts: Facts) -> None:
        self.facts += facts
        self.threads.add(threading.current_thread().name)
        self.has_news.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(WITHIN_S):
            while len(self.facts) < count:
                self.has_news.clear()
                await self.has_news.wait()


@asynccontextmanager
async def attending(attention: Attention, posted: Posted) -> AsyncIterator[Engine]:
    first_port, last_port = media_range(20)
    engine = Engine(EngineSettings(first_port=first_port, last_port=last_port), IdSource(1))
    engine.start()
    thread = EarsThread(engine, attention, posted, SystemClock())
    thread.start()
    try:
        yield engine
    finally:
        thread.stop()
        engine.stop()


@pytest.mark.wire
async def test_phone_that_speaks_is_heard_to_begin_and_to_end_with_all_that_it_said() -> None:
    judged: set[str] = set()

    def judge(window: bytes) -> float:
        judged.add(threading.current_thread().name)
        return probability(window)

    attention, posted = Attention(One(judge)), Posted()
    async with attending(attention, posted) as engine:
        phone, opened = Handset(EngineCodec.PCMU), engine.open()
        engine.connect(opened.stream, phone.target())
        ear = engine.listen(opened.stream)
        attention.attend(ear, EndOfSpeechSettings(silence_s=0.3))
        await asyncio.to_thread(phone.say, opened.port, words("是的") + pause(0.6), 0.02)
        await posted.until(2)
        phone.close()
        engine.unlisten(ear)
    (began_by, began), (ended_by, ended) = posted.facts
    assert (began_by, ended_by) == (ear, ear)
    assert isinstance(began, UtteranceBegan)
    assert isinstance(ended, UtteranceEnded)
    assert 0.8 < len(ended.pcm) / 16_000 < 1.5
    assert judged == {"ears"}, "not in the loop's thread"
    assert posted.threads == {threading.current_thread().name}


class BrokenOnce:
    """An engine whose first frame makes the detector fail."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._broke = False

    @property
    def frame_fd(self) -> int:
        return self._engine.frame_fd

    def frames(self) -> Sequence[EarFrame]:
        if self._broke:
            return self._engine.frames()
        self._broke = True
        raise ValueError("a fault of ours")


@pytest.mark.wire
async def test_fault_in_one_turn_costs_no_later_one() -> None:
    attention, posted = Attention(One(lambda _: 1.0)), Posted()
    first_port, last_port = media_range(20)
    engine = Engine(EngineSettings(first_port=first_port, last_port=last_port), IdSource(1))
    engine.start()
    thread = EarsThread(BrokenOnce(engine), attention, posted, SystemClock())
    thread.start()
    ear = engine.listen(engine.open().stream)
    attention.attend(ear, EndOfSpeechSettings())
    await posted.until(1)
    thread.stop()
    engine.stop()
    assert isinstance(posted.facts[0][1], UtteranceBegan)
