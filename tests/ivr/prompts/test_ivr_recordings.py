"""Recordings by name: played instead of the text, noticed when they fit nothing, kept all or none."""

from array import array
from pathlib import Path

import pytest

from acdcore.ivr.audio.wav import read_wav, to_pcm, write_wav
from acdcore.ivr.model.flow import Language, PromptKey, PromptName, PromptRequest, Text, WavFile
from acdcore.ivr.prompts.recordings import (
    DIRECTORY,
    comment_of,
    file_name,
    keep_together,
    recordings_status,
    with_comment,
    with_recordings,
)
from acdcore.ivr.prompts.render import check_recordings, render
from acdcore.kernel.errors import SettingsError

TICK = to_pcm(array("h", [1000, -1000] * 800))
WAV = write_wav(TICK, 8000)
WELCOME = PromptKey(PromptName("hotline.welcome"), Language.CANTONESE)


def wanted(text: str = "您好。", key: PromptKey = WELCOME) -> PromptRequest:
    return PromptRequest(key, Text(text), "config/ivr/hotline.toml")


def recorded(directory: Path, name: str, data: bytes = WAV) -> Path:
    file = directory / DIRECTORY / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(data)
    return file


def test_file_with_a_prompts_name_is_played_instead_of_its_text(tmp_path: Path) -> None:
    recorded(tmp_path, "hotline.welcome.yue.wav")
    english = wanted("Hello.", PromptKey(WELCOME.name, Language.ENGLISH))
    found = with_recordings([wanted(), english], tmp_path)
    assert found[0].source == WavFile("recorded/hotline.welcome.yue.wav", "您好。")
    assert found[1] == english
    assert render(found[:1], tmp_path / "cache", tmp_path) == {WELCOME: TICK}


def test_wav_of_the_toml_goes_before_the_file_with_the_name(tmp_path: Path) -> None:
    file = recorded(tmp_path, "hotline.welcome.yue.wav")
    own = PromptRequest(WELCOME, WavFile("own.wav"), "hotline.toml")
    assert with_recordings([own], tmp_path) == (own,)
    assert recordings_status([own], tmp_path).doubts == (
        f"{file}: is not heard: the prompt has a wav of its own; delete the one or the other",
    )


def test_names_that_no_file_can_have_are_written_otherwise_and_apart() -> None:
    names = ["queue.a/b", "queue.a b", "queue.客服", "queue.a~2fb", "queue.ab"]
    files = {file_name(PromptKey(PromptName(name), Language.ENGLISH)) for name in names}
    assert len(files) == len(names)
    assert all("/" not in file and file.isascii() for file in files)


def test_file_that_no_prompt_is_called_as_is_named(tmp_path: Path) -> None:
    file = recorded(tmp_path, "hotline.welcom.yue.wav")
    assert recordings_status(with_recordings([wanted()], tmp_path), tmp_path).doubts == (
        f"{file}: no prompt is called so; did you mean hotline.welcome.yue.wav?; rename or delete it",
    )


def test_recording_of_a_text_that_was_changed_since_is_named(tmp_path: Path) -> None:
    file = recorded(tmp_path, "hotline.welcome.yue.wav", with_comment(WAV, "您好。"))
    assert recordings_status(with_recordings([wanted()], tmp_path), tmp_path).doubts == ()
    found = recordings_status(with_recordings([wanted("早晨。")], tmp_path), tmp_path)
    assert found.recorded == {WELCOME: file}
    assert found.doubts == (
        f"{file}: was recorded as '您好。', but the text is now '早晨。'; record it anew, or delete the file",
    )


def test_recording_without_a_comment_is_not_doubted(tmp_path: Path) -> None:
    recorded(tmp_path, "hotline.welcome.yue.wav")
    assert recordings_status(with_recordings([wanted()], tmp_path), tmp_path).doubts == ()


def test_recording_by_name_that_cannot_be_played_is_refused_with_its_file(tmp_path: Path) -> None:
    file = recorded(tmp_path, "hotline.welcome.yue.wav", b"ID3")
    (error,) = check_recordings(with_recordings([wanted()], tmp_path), {}, "", tmp_path).errors
    assert str(error).startswith(f"{file}: is not a WAV file but an MP3 file")


@pytest.mark.parametrize("text", ["您好。", "a", "ab", "", "Hello."])
def test_comment_is_read_as_it_was_written_and_does_not_touch_the_sound(text: str) -> None:
    data = with_comment(WAV, text)
    assert comment_of(data) == text
    assert to_pcm(read_wav(data).samples) == TICK
    assert int.from_bytes(data[4:8], "little") == len(data) - 8


@pytest.mark.parametrize("data", [b"", WAV[:20], WAV + b"LIST\x08\0\0\0INFOICMT", with_comment(WAV, "x")[:-9]])
def test_file_without_a_readable_comment_has_none(data: bytes) -> None:
    assert comment_of(data) == ""


def test_nothing_is_replaced_when_one_file_cannot_be_written(tmp_path: Path) -> None:
    old = tmp_path / "a.wav"
    old.write_bytes(b"old")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SettingsError, match="cannot be written"):
        keep_together({old: b"new", tmp_path / "file" / "b.wav": b"new"})
    assert old.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "file"]
