"""The real engine and the real detector of speech: what espeak-ng says is understood, and noise is not."""

import json
import random
import sys
import wave
from array import array
from collections.abc import Callable
from pathlib import Path

import pytest
from bench.listening_words import DEPARTMENTS_EN

from acdcore.ivr.audio.wav import read_wav, to_pcm
from acdcore.ivr.model.flow import Language
from acdcore.ivr.tts.helper import HelperProcesses
from acdcore.ivr.tts.voices import TtsRequest, stand_in
from acdcore.kernel.errors import Unavailable
from acdcore.media.g711 import decode, encode
from acdcore.media.model import EngineCodec
from acdcore.recognition.endpoint import EndOfSpeech, UtteranceBegan, UtteranceEnded, UtteranceEvent
from acdcore.recognition.helper import opened_process
from acdcore.recognition.model import CONFIDENCE_DEFAULT
from acdcore.recognition.service import RecognitionSettings, missing_packages, open_recognition
from acdcore.recognition.voice_activity import detectors
from acdcore.recognition.whisper import without_repetitions

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing_packages("whisper")), reason="the extra speech is not installed"),
]
WITHIN_S = 120.0
"""A busy machine loads the model in a quarter of a minute."""


def noise(level_dbfs: float, length_s: float) -> bytes:
    generator = random.Random(1)
    peak = 32_768 * 10 ** (level_dbfs / 20) * 3**0.5
    return array("h", [round(generator.uniform(-peak, peak)) for _ in range(round(8_000 * length_s))]).tobytes()


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], bytes]:
    """What a telephone makes of words that espeak-ng says."""
    reader = HelperProcesses()
    if not reader.is_there():
        pytest.skip("espeak-ng is not installed")

    def say(text: str) -> bytes:
        file = tmp_path_factory.mktemp("said") / "said.wav"
        reader.read([TtsRequest(text, Language.ENGLISH, file, stand_in(Language.ENGLISH))], lambda: None)
        pcm = to_pcm(read_wav(file.read_bytes()).samples)
        return decode(encode(pcm, EngineCodec.PCMA), EngineCodec.PCMA)

    return say


def facts(pcm: bytes) -> list[UtteranceEvent]:
    ear = EndOfSpeech(detectors().take())
    found = [ear.hear(pcm[at : at + 320], (at + 320) / 16_000) for at in range(0, len(pcm), 320)]
    return [fact for fact in found if fact]


def test_end_of_speech_is_found_in_noise(spoken: Callable[[str], bytes]) -> None:
    words = spoken("customer service please")
    line = noise(-50.0, 1.0)
    began, ended = facts(line + words + noise(-50.0, 2.0))
    assert isinstance(began, UtteranceBegan) and isinstance(ended, UtteranceEnded)
    assert 1.0 < began.at < 1.6
    assert ended.at < 1.0 + len(words) / 16_000 + 1.0


@pytest.mark.parametrize("level_dbfs", [-60.0, -40.0, -25.0])
def test_a_minute_of_noise_is_no_speech(level_dbfs: float) -> None:
    assert facts(noise(level_dbfs, 60.0)) == []


async def test_words_are_understood_and_noise_is_not(spoken: Callable[[str], bytes]) -> None:
    async with open_recognition(RecognitionSettings(engine="whisper", within_s=WITHIN_S)) as hearing:
        understanding = hearing.understanding
        assert understanding is not None
        recogniser = understanding.recogniser
        found = await recogniser.recognise(spoken("customer service"), "en", DEPARTMENTS_EN, WITHIN_S)
        assert found[0].value == "service"
        assert found[0].confidence >= CONFIDENCE_DEFAULT
        for sound in (b"", bytes(16_000), noise(-25.0, 3.0), b"\xff\x7f\x00\x80" * 8_000, b"\x01" * 12_345):
            heard = await recogniser.recognise(sound, "en", DEPARTMENTS_EN, WITHIN_S)
            assert [each for each in heard if each.confidence >= CONFIDENCE_DEFAULT] == []
        with pytest.raises(Unavailable, match="more than 30 s"):
            await recogniser.recognise(noise(-25.0, 60.0), "en", DEPARTMENTS_EN, WITHIN_S)
        with pytest.raises(Unavailable, match="does not know yue"):
            await recogniser.recognise(noise(-25.0, 1.0), "yue", DEPARTMENTS_EN, WITHIN_S)
        assert hearing.conditions()[0][1] == ""


async def test_both_sides_of_a_recording_are_written_down_with_their_times(
    spoken: Callable[[str], bytes], tmp_path: Path
) -> None:
    question, answer = spoken("what does it cost"), spoken("it is free of charge")
    left = bytes(16_000) + question + bytes(16_000 + len(answer) + 32_000)
    right = bytes(32_000 + len(question)) + answer + bytes(32_000)
    frames = zip(array("h", left), array("h", right), strict=True)
    file = tmp_path / "talk.wav"
    with wave.open(str(file), "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(8_000)
        sound.writeframes(array("h", [sample for frame in frames for sample in frame]).tobytes())
    bad = tmp_path / "bad.wav"
    with wave.open(str(bad), "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(48_000)
        sound.writeframes(bytes(4_000))
    command = (sys.executable, "-m", "acdcore.recognition.transcribing")
    async with opened_process(command, 1_000_000) as process:
        await process.send(json.dumps({"url": "", "model": "", "key": ""}).encode() + b"\n")
        answers = [
            await process.exchange(json.dumps({"file": str(each)}).encode() + b"\n")
            for each in (bad, tmp_path / "none.wav", Path(__file__), file)
        ]
    assert "48000 Hz" in str(answers[0]["problem"])
    assert "FileNotFoundError" in str(answers[1]["problem"])
    assert "no WAV file" in str(answers[2]["problem"])
    assert answers[3]["language"] == "en"
    parts = answers[3]["parts"]
    assert isinstance(parts, list)
    assert [part[0] for part in parts] == ["caller", "agent"]
    assert "cost" in parts[0][3].lower() and "free" in parts[1][3].lower()
    assert parts[0][1] == pytest.approx(1.0, abs=0.5)
    assert parts[1][1] == pytest.approx(2.0 + len(question) / 16_000, abs=0.5)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Yes. Yes.", "Yes"),
        ("你好,李培部,謝謝你好,李培部,謝謝你好,李培部", "你好,李培部,謝謝"),
        (", 销售部,", "销售部"),
        ("1313", "1313"),
        ("谢谢", "谢谢"),
        ("bye bye, see you", "bye bye, see you"),
    ],
)
def test_what_is_said_twice_by_the_window_is_told_once(text: str, meant: str) -> None:
    assert without_repetitions(text) == meant
