"""The recogniser without a model keeps the promises of the real one: the same cases for both."""

import asyncio
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from tests.calls.plain_recogniser import PlainRecogniser, pause, words

from acdcore.ivr.model.flow import Language
from acdcore.ivr.tts.helper import HelperProcesses
from acdcore.ivr.tts.voices import TtsRequest, stand_in
from acdcore.kernel.errors import Unavailable
from acdcore.recognition.model import RECOGNISED_MAX, Phrase, Recogniser
from acdcore.recognition.service import RecognitionSettings, missing_packages, open_recognition

SAID = "opening hours"
PHRASES = (
    Phrase("hours", ("opening hours", "sales")),
    Phrase("insurance", ("insurance", "insurance claim")),
    Phrase("parts", ("spare parts",)),
)
AMPLE_S = 60.0
"""A model is read from a cold disk."""


@dataclass
class Subject:
    """A recogniser, and somebody who says the first of the phrases."""

    recogniser: Recogniser
    said: bytes


@pytest_asyncio.fixture(
    params=[
        "plain",
        pytest.param(
            "real",
            marks=[
                pytest.mark.wire,
                pytest.mark.skipif(bool(missing_packages("whisper")), reason="the extra speech is not installed"),
            ],
        ),
    ]
)
async def subject(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Subject]:
    if request.param == "plain":
        yield Subject(PlainRecogniser(takes_s=0.05), words("sales"))
        return
    file = tmp_path / "said.wav"
    HelperProcesses().read([TtsRequest(SAID, Language.ENGLISH, file, stand_in(Language.ENGLISH))], lambda: None)
    with wave.open(str(file)) as sound:
        said = sound.readframes(sound.getnframes())
    async with open_recognition(RecognitionSettings("whisper")) as hearing:
        assert hearing.understanding is not None
        await hearing.understanding.recogniser.recognise(said, "en", PHRASES, AMPLE_S)  # once the model is there
        yield Subject(hearing.understanding.recogniser, said)


async def test_phrase_that_was_said_is_first_and_each_value_comes_once_surest_first(subject: Subject) -> None:
    heard = await subject.recogniser.recognise(subject.said, "en", PHRASES, AMPLE_S)
    assert heard[0].value == "hours"
    assert heard[0].confidence >= 0.6
    assert heard[0].text
    values = [one.value for one in heard]
    assert len(set(values)) == len(values) <= RECOGNISED_MAX
    assert [one.confidence for one in heard] == sorted((one.confidence for one in heard), reverse=True)
    assert all(0 <= one.confidence <= 1 for one in heard)


async def test_silence_and_no_phrases_are_nothing_heard(subject: Subject) -> None:
    assert await subject.recogniser.recognise(pause(0.05), "en", PHRASES, AMPLE_S) == ()
    assert await subject.recogniser.recognise(subject.said, "en", (), AMPLE_S) == ()


async def test_answer_that_is_late_is_none(subject: Subject) -> None:
    with pytest.raises(Unavailable, match=r"within 0\.01 s"):
        await subject.recogniser.recognise(subject.said, "en", PHRASES, 0.01)


async def test_question_that_is_given_up_is_no_hindrance_to_the_next(subject: Subject) -> None:
    given_up = asyncio.create_task(subject.recogniser.recognise(subject.said, "en", PHRASES, AMPLE_S))
    await asyncio.sleep(0.01)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    assert (await subject.recogniser.recognise(subject.said, "en", PHRASES, AMPLE_S))[0].value == "hours"


async def test_more_questions_than_can_wait_are_refused_and_the_others_answered(subject: Subject) -> None:
    asked = [subject.recogniser.recognise(subject.said, "en", PHRASES, AMPLE_S) for _ in range(8)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Unavailable)]
    assert 0 < len(refused) < 8
    assert all(answer[0].value == "hours" for answer in answers if not isinstance(answer, BaseException))
