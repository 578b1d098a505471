"""`[voice.LANGUAGE]`: what is asked for, and what cannot be."""

from pathlib import Path

import pytest

from acdcore.configuration.settings import Settings, load
from acdcore.ivr.model.flow import Language
from acdcore.ivr.tts.voices import CHOSEN, SpeechEngine, VoiceChoice
from acdcore.kernel.errors import SettingsError

HERE = Path("/etc/acdcore")


def loaded(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "acdcore.toml"
    file.write_text(text, "utf-8")
    return load(file, {})


def test_without_a_word_each_language_has_its_voice(tmp_path: Path) -> None:
    assert loaded(tmp_path, "").voice.settings(HERE).by_language == CHOSEN


def test_engine_without_a_name_has_its_own_voice_of_the_language(tmp_path: Path) -> None:
    voices = loaded(tmp_path, '[voice.cmn]\nengine = "kokoro"\n[voice.en]\nengine = "espeak"\nspeed = 1.2\n').voice
    choices = voices.settings(HERE).by_language
    assert choices[Language.MANDARIN] == VoiceChoice(SpeechEngine.KOKORO, "zf_xiaobei")
    assert choices[Language.ENGLISH] == VoiceChoice(SpeechEngine.ESPEAK, "en", 1.2)


def test_files_are_found_from_the_settings_on(tmp_path: Path) -> None:
    text = (
        '[voice.cmn]\nengine = "kokoro"\nname = "own.bin"\n'
        '[voice.yue]\nengine = "http"\n[voice.http]\nurl = "http://127.0.0.1:1/v1/audio/speech"\nkey_file = "key"\n'
    )
    voices = loaded(tmp_path, text).voice.settings(HERE)
    assert voices.by_language[Language.MANDARIN].name == "/etc/acdcore/own.bin"
    assert voices.http.key_file == HERE / "key"


@pytest.mark.parametrize(
    ("text", "key", "problem"),
    [
        ('[voice.yue]\nengine = "kokoro"', "voice.yue", "kokoro speaks no Cantonese; take engine"),
        (
            '[voice.cmn]\nengine = "kokoro"\nname = "af_heart"',
            "voice.cmn",
            "kokoro has no Mandarin voice af_heart here",
        ),
        ('[voice.en]\nengine = "http"', "voice", 'engine = "http" of en needs the service\'s address'),
        ("[voice.en]\nspeed = 3", "voice.en.speed", "it must be less than or equal to 2"),
        ('[voice.en]\nengine = "piper"', "voice.en.engine", "kokoro"),
        ("[voice.de]\nspeed = 1", "voice.de", "is not a key that belongs here"),
    ],
)
def test_what_cannot_be_is_refused_at_its_key(tmp_path: Path, text: str, key: str, problem: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        loaded(tmp_path, text)
    assert refusal.value.key == key
    assert problem in refusal.value.problem
