"""The natural voice itself: what its helper process makes of a text is fit to be played between others."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from acdcore.ivr.audio.loudness import CEILING, PROMPT_LUFS, loudness
from acdcore.ivr.audio.shaping import AFTER_MS, BEFORE_MS, SENTENCE_GAP_MS, WORD_GAP_MS, speech_span
from acdcore.ivr.audio.wav import from_pcm
from acdcore.ivr.model.flow import Language
from acdcore.ivr.tts.cache import kept
from acdcore.ivr.tts.engines import KOKORO_MODULES
from acdcore.ivr.tts.helper import PROGRAM, HelperProcesses, TtsHelper
from acdcore.ivr.tts.voices import NATURAL, SpeechEngine, TtsRequest, VoiceChoice
from acdcore.kernel.errors import Unavailable

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not HelperProcesses(SpeechEngine.KOKORO, KOKORO_MODULES).is_there(), reason="the extra voice is not installed"
    ),
]
SENTENCES: Mapping[Language, str] = {
    Language.MANDARIN: "正在为您转接客服代表，请稍候。",
    Language.ENGLISH: "We are connecting you to an agent. Please hold.",
}
WORDS: Mapping[Language, str] = {Language.MANDARIN: "工号", Language.ENGLISH: "Agent number"}
SYLLABLES = {Language.MANDARIN: (14, 2), Language.ENGLISH: (12, 4)}
"""Of the sentence and of the words; people say three to eight a second."""
BUSY_S = 240.0
"""What takes seconds takes minutes on a machine that is busy."""
RATE = 8_000
PEAK_MS = 5
"""A frame, within which the ends of speech are known."""


@pytest.fixture(scope="module")
def helper() -> Iterator[TtsHelper]:
    """One process for all that is read here."""
    process = TtsHelper((sys.executable, "-m", PROGRAM, SpeechEngine.KOKORO.value, "live"))
    try:
        process.load(BUSY_S)
        yield process
    finally:
        process.close()


def read_aloud(helper: TtsHelper, text: str, language: Language, directory: Path) -> array[int]:
    file = directory / "spoken.wav"
    voice = VoiceChoice(SpeechEngine.KOKORO, NATURAL[language])
    helper.read(TtsRequest(text, language, file, voice), BUSY_S)
    pcm = kept(file)
    assert pcm is not None
    return from_pcm(pcm)


@pytest.mark.parametrize("language", NATURAL)
def test_sentence_and_then_words_are_trimmed_as_loud_as_all_and_have_their_pause(
    helper: TtsHelper, language: Language, tmp_path: Path
) -> None:
    texts = (SENTENCES[language], WORDS[language])
    for text, syllables, gap_ms in zip(texts, SYLLABLES[language], (SENTENCE_GAP_MS, WORD_GAP_MS), strict=True):
        samples = read_aloud(helper, text, language, tmp_path)
        span = speech_span(samples)
        assert span is not None, text
        first_ms, end_ms, whole_ms = (1000 * place / RATE for place in (*span, len(samples)))
        assert syllables / 8 < (end_ms - first_ms) / 1000 < syllables / 2.5, text
        assert first_ms <= BEFORE_MS + PEAK_MS
        assert gap_ms - PEAK_MS <= whole_ms - end_ms <= gap_ms + AFTER_MS
        assert loudness(samples) == pytest.approx(PROMPT_LUFS, abs=1.0)
        assert max(map(abs, samples)) <= CEILING


def test_voice_that_is_not_there_is_refused_and_the_next_text_is_read(helper: TtsHelper, tmp_path: Path) -> None:
    nobody = VoiceChoice(SpeechEngine.KOKORO, "nobody")
    with pytest.raises(Unavailable, match="nobody"):
        helper.read(TtsRequest("Hello.", Language.ENGLISH, tmp_path / "none.wav", nobody), BUSY_S)
    assert read_aloud(helper, "Hello.", Language.ENGLISH, tmp_path)
