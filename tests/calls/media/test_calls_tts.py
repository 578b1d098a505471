"""Speech at run time: real espeak-ng in helper processes, its deadline, and many callers at once."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import pytest
from structlog.testing import capture_logs
from tests.calls.silent_engine import SilentEngine
from tests.ivr.read_by import read_by

from acdcore.calls.media.prompts import SPOKEN_MAX, PromptLibrary
from acdcore.calls.media.tts import AT_ONCE_MAX, CHARS_MAX, WITHIN_S, RuntimeTts
from acdcore.ivr.audio.wav import write_wav
from acdcore.ivr.model.flow import Language, PromptKey, PromptName, RuntimeText
from acdcore.ivr.tts.engines import TtsEngines
from acdcore.ivr.tts.helper import HelperProcesses
from acdcore.ivr.tts.voices import CHOSEN, EngineUnavailable, SpeechEngine, TtsEngine, TtsRequest
from acdcore.kernel.errors import Unavailable
from acdcore.media.engine import Engine

BYTES_PER_S = 16_000
LOADED_AND_HANGING = 'import time; print(\'{"error": ""}\', flush=True); time.sleep(60)'
BUSY_S = 60.0
"""A patience that a busy machine does not use up, where the deadline is not what is tried."""
WORDS = RuntimeText("你好", Language.MANDARIN)


@dataclass
class ScriptedReader:
    """Reads as long as `gate` is closed; every file is a tenth of a second of sound."""

    gate: threading.Event = field(default_factory=threading.Event)
    texts: list[str] = field(default_factory=list)
    running: int = 0
    running_max: int = 0
    error: Exception | None = None
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def is_there(self) -> bool:
        return True

    def read(self, readings: Sequence[TtsRequest], on_read: Callable[[], None]) -> None:
        with self._turn:
            self.running += 1
            self.running_max = max(self.running, self.running_max)
        self.gate.wait(30)
        with self._turn:
            self.running -= 1
        if self.error is not None:
            raise self.error
        for reading in readings:
            self.texts.append(reading.text)
            reading.file.write_bytes(write_wav(bytes(BYTES_PER_S // 10), 8_000))

    def close(self) -> None:
        pass

    def stop(self) -> None:
        pass


def spoken_by(reader: TtsEngine, within_s: float = WITHIN_S) -> RuntimeTts:
    """A speaker with one reader for all languages."""
    return RuntimeTts(within_s=within_s, make=lambda _: read_by(reader))


@asynccontextmanager
async def speaking(reader: TtsEngine | None = None, within_s: float = WITHIN_S) -> AsyncIterator[RuntimeTts]:
    """A speaker, closed at the end."""
    runtime_tts = spoken_by(reader or HelperProcesses(), within_s)
    try:
        yield runtime_tts
    finally:
        runtime_tts.close()


def read_at_once() -> ScriptedReader:
    """One that never waits."""
    reader = ScriptedReader()
    reader.gate.set()
    return reader


@pytest.mark.skipif(not HelperProcesses().is_there(), reason="no speech library on this machine")
async def test_words_are_spoken_in_each_language_and_longer_words_take_longer() -> None:
    async with speaking(within_s=BUSY_S) as runtime_tts:
        texts = {Language.MANDARIN: "您的余额是", Language.CANTONESE: "多謝", Language.ENGLISH: "your balance is"}
        spoken = [await runtime_tts.pcm(RuntimeText(text, language)) for language, text in texts.items()]
        assert all(pcm is not None and len(pcm) > BYTES_PER_S // 4 and any(pcm) for pcm in spoken)
        twice = await runtime_tts.pcm(RuntimeText("your balance is your balance is", Language.ENGLISH))
        assert twice is not None
        assert spoken[2] is not None
        assert len(twice) > 1.4 * len(spoken[2])


@pytest.mark.skipif(not HelperProcesses().is_there(), reason="no speech library on this machine")
async def test_many_callers_at_once_are_all_spoken_to() -> None:
    async with speaking(within_s=BUSY_S) as runtime_tts:
        spoken = await asyncio.gather(
            *(runtime_tts.pcm(RuntimeText(f"number {n}", Language.ENGLISH)) for n in range(AT_ONCE_MAX))
        )
        assert all(spoken)


async def test_no_more_helpers_run_at_once_than_allowed_also_when_nobody_waits_any_more() -> None:
    reader = ScriptedReader()
    async with speaking(reader) as runtime_tts:
        waiting = [
            asyncio.create_task(runtime_tts.pcm(RuntimeText(str(n), Language.ENGLISH))) for n in range(3 * AT_ONCE_MAX)
        ]
        await until(lambda: reader.running == AT_ONCE_MAX)
        for task in waiting[:AT_ONCE_MAX]:
            task.cancel()
        await asyncio.gather(*waiting[:AT_ONCE_MAX], return_exceptions=True)
        await asyncio.sleep(0.05)
        assert reader.running_max == AT_ONCE_MAX
        for task in waiting[AT_ONCE_MAX : 2 * AT_ONCE_MAX]:
            task.cancel()
        await asyncio.gather(*waiting[AT_ONCE_MAX : 2 * AT_ONCE_MAX], return_exceptions=True)
        reader.gate.set()
        assert all(await asyncio.gather(*waiting[2 * AT_ONCE_MAX :]))
        assert reader.running_max == AT_ONCE_MAX
        assert len(reader.texts) == 2 * AT_ONCE_MAX  # who hung up before the turn came is never read to


async def test_engine_that_has_much_to_read_holds_up_neither_the_others_nor_what_comes_along() -> None:
    natural, espeak = ScriptedReader(), read_at_once()
    runtime_tts = RuntimeTts(
        make=lambda _: TtsEngines(CHOSEN, {SpeechEngine.KOKORO: natural, SpeechEngine.ESPEAK: espeak})
    )
    texts = [f"您好，第{number}位。" for number in range(3 * AT_ONCE_MAX)]
    waiting = [asyncio.create_task(runtime_tts.pcm(RuntimeText(text, Language.MANDARIN))) for text in texts]
    await until(lambda: natural.running > 0)
    assert await runtime_tts.pcm(RuntimeText("您好", Language.CANTONESE)) is not None
    assert await runtime_tts.pcm(RuntimeText("一", Language.MANDARIN)) is not None, "of the pack"
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    natural.gate.set()
    assert await runtime_tts.pcm(WORDS) is not None
    assert len(natural.texts) == 2, "the one that was begun, and the last"
    runtime_tts.close()


async def test_deadline_holds_and_the_disk_does_not_wait_behind_a_helper_that_hangs() -> None:
    reader = ScriptedReader()
    async with speaking(reader) as runtime_tts:
        loop = asyncio.get_running_loop()
        began = loop.time()
        with capture_logs() as logs:
            late = [asyncio.create_task(runtime_tts.pcm(WORDS)) for _ in range(2 * AT_ONCE_MAX)]
            await asyncio.sleep(0.05)
            await asyncio.wait_for(asyncio.to_thread(int), 1.0)  # the threads that all others use are free
            assert await asyncio.gather(*late) == [None] * len(late)
        assert WITHIN_S <= loop.time() - began < WITHIN_S + 2
        assert [entry["event"] for entry in logs] == ["not spoken in time"] * len(late)
        reader.gate.set()
        assert await runtime_tts.pcm(WORDS) is not None


async def test_speaker_that_is_closed_leaves_no_helper_behind() -> None:
    hanging = HelperProcesses(modules=(), command=(sys.executable, "-c", LOADED_AND_HANGING), jobs=1)
    runtime_tts = spoken_by(hanging)
    asked = asyncio.create_task(runtime_tts.pcm(WORDS))
    await until(lambda: bool(hanging._up))
    runtime_tts.close()
    assert await asked is None
    await until(lambda: not hanging._up)


async def test_helper_that_hangs_is_stopped() -> None:
    hanging = HelperProcesses(
        modules=(), command=(sys.executable, "-c", "import time; time.sleep(60)"), jobs=1, text_timeout_s=0.3
    )
    async with speaking(hanging) as runtime_tts:
        assert await runtime_tts.pcm(WORDS) is None


@pytest.mark.parametrize("error", [Unavailable("the speech helper stopped at '张三 欠款'"), OSError("no space left")])
async def test_words_that_cannot_be_spoken_are_left_out_and_no_log_repeats_them(error: Exception) -> None:
    reader = read_at_once()
    reader.error = error
    async with speaking(reader) as runtime_tts:
        with capture_logs() as logs:
            assert await runtime_tts.pcm(WORDS) is None
        assert [entry["reason"] for entry in logs] == [type(error).__name__]
        assert "张三" not in str(logs)


async def test_words_of_an_engine_that_fails_are_read_by_espeak_where_no_clips_say_them() -> None:
    natural, espeak = read_at_once(), read_at_once()
    natural.error = EngineUnavailable("the speech helper stopped")
    readers = {SpeechEngine.KOKORO: natural, SpeechEngine.ESPEAK: espeak}
    runtime_tts = RuntimeTts(make=lambda _: TtsEngines(CHOSEN, readers))
    with capture_logs() as logs:
        assert await runtime_tts.pcm(WORDS) is not None
        clips = (PromptKey(PromptName("system.digit-1"), Language.MANDARIN),)
        assert await runtime_tts.pcm(RuntimeText("幺九九幺九", Language.MANDARIN, clips)) is None
    runtime_tts.close()
    assert espeak.texts == [WORDS.text]
    assert [entry["event"] for entry in logs] == ["espeak reads in the place of kokoro", "not spoken"]


async def test_words_that_are_no_text_at_all_are_left_out() -> None:
    async with speaking(read_at_once()) as runtime_tts:
        assert await runtime_tts.pcm(RuntimeText("\ud800", Language.MANDARIN)) is None


async def test_long_texts_are_cut() -> None:
    reader = read_at_once()
    async with speaking(reader) as runtime_tts:
        await runtime_tts.pcm(RuntimeText("a" * 5_000, Language.ENGLISH))
    assert [len(text) for text in reader.texts] == [CHARS_MAX]


async def test_same_words_at_once_leave_one_clip() -> None:
    reader, engine = ScriptedReader(), SilentEngine(10)
    voice = PromptLibrary(cast(Engine, engine), {}, {}, bytes(2), spoken_by(reader))
    before = len(engine.clips)
    asked = [asyncio.create_task(voice.spoken(WORDS)) for _ in range(3)]
    await until(lambda: reader.running == 3)
    reader.gate.set()
    clips = await asyncio.gather(*asked)
    assert len(set(clips)) == 1
    assert len(engine.clips) == before + 1
    voice.close()
    assert engine.clips == {}


async def test_only_the_latest_sentences_are_kept() -> None:
    engine = SilentEngine(10)
    voice = PromptLibrary(cast(Engine, engine), {}, {}, bytes(2), spoken_by(read_at_once()))
    before = len(engine.clips)
    for number in range(SPOKEN_MAX + 5):
        await voice.spoken(RuntimeText(str(number), Language.ENGLISH))
    assert len(engine.clips) == before + SPOKEN_MAX
    voice.close()


def test_helper_that_is_not_installed_is_known_without_starting_it() -> None:
    assert not HelperProcesses(modules=("no_such_speech_library",)).is_there()


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for threads."""
    async with asyncio.timeout(5):
        while not is_so():  # noqa: ASYNC110 a thread sets no asyncio event
            await asyncio.sleep(0.005)
