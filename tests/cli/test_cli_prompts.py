"""`acdcore prompts`: the list for a studio, the studio's files taken in, and what callers then hear."""

import csv
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from bench.sound import share_of_tone
from tests.ivr.studio import phrase, wav
from typer.testing import CliRunner

from acdcore.__main__ import cli
from acdcore.cli.prompts import PromptListRow, as_csv, escape_formula, prompt_list
from acdcore.configuration.settings import load
from acdcore.configuration.snapshot import Snapshot, load_snapshot
from acdcore.ivr.audio.wav import read_wav
from acdcore.ivr.model.flow import Language, PromptKey, PromptName, WavFile
from acdcore.ivr.prompts.render import render

CONFIG = Path(__file__).parents[2] / "config"


@dataclass(frozen=True, slots=True)
class ConfigCopy:
    """A copy of the shipped settings, and what the program says about it."""

    home: Path

    @property
    def settings(self) -> Path:
        return self.home / "acdcore.toml"

    @property
    def recorded(self) -> Path:
        return self.home / "prompts" / "recorded"

    def snapshot(self) -> Snapshot:
        return load_snapshot(load(self.settings, {}), self.settings)

    def typed(self, *words: str) -> tuple[int, str]:
        """Status and all output of a command line."""
        result = CliRunner().invoke(cli, [*words, "--config", str(self.settings)], env={"COLUMNS": "200"})
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output


@pytest.fixture
def config_dir(tmp_path: Path) -> ConfigCopy:
    home = tmp_path / "config"
    shutil.copytree(CONFIG, home)
    settings = (home / "acdcore.toml").read_text("utf-8").replace("port = 5060", "port = 0")
    settings = settings.replace("port = 8080", "port = 0").replace('directory = "var', f'directory = "{tmp_path}/var')
    (home / "acdcore.toml").write_text(settings, "utf-8")
    calendars = (home / "calendars.toml").read_text("utf-8").replace('country = "CN"', "")
    (home / "calendars.toml").write_text(calendars, "utf-8")
    return ConfigCopy(home)


def studio(directory: Path, names: list[str], take: Callable[[str], bytes] | None = None) -> Path:
    """A directory as a studio delivers it."""
    directory.mkdir(exist_ok=True)
    for name in names:
        (directory / name).write_bytes(take(name) if take else wav(phrase(length_s=1.0), channels=2))
    return directory


def listed(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


# --- export ---


def test_list_has_every_text_with_its_file_and_place(config_dir: ConfigCopy, tmp_path: Path) -> None:
    status, said = config_dir.typed("prompts", "export", str(tmp_path / "studio"))
    assert status == 0
    rows = listed(tmp_path / "studio" / "texts.csv")
    assert f"{len(rows)} texts are in " in said
    by_file = {row["file"]: row for row in rows}
    assert len(by_file) == len(rows) > 600
    welcome = by_file["hotline.greeting.yue.wav"]
    assert (welcome["language"], welcome["prompt"], welcome["recorded"]) == ("yue", "hotline.greeting", "no")
    assert welcome["text"] == "您好，歡迎致電客戶服務熱線。"
    assert welcome["used"].startswith("flow hotline: ")
    assert 5 < float(welcome["longest_s"]) < 15
    assert "acdcore itself; all lines taken" in by_file["system.lines-busy.en.wav"]["used"]
    assert "names the queue service" in by_file["system.call-for-service.cmn.wav"]["used"]
    assert all(row["used"] for row in rows)


def test_list_may_be_of_one_language_and_for_programs(config_dir: ConfigCopy, tmp_path: Path) -> None:
    status, _ = config_dir.typed("prompts", "export", str(tmp_path), "--language", "yue", "--format", "json")
    assert status == 0
    rows = json.loads((tmp_path / "texts-yue.json").read_text("utf-8"))
    assert {row["language"] for row in rows} == {"yue"}
    assert len(rows) == sum(line.language == "yue" for line in prompt_list(config_dir.snapshot()))


def test_list_begins_with_the_mark_that_spreadsheets_know_utf_8_by(config_dir: ConfigCopy, tmp_path: Path) -> None:
    config_dir.typed("prompts", "export", str(tmp_path))
    assert (tmp_path / "texts.csv").read_bytes().startswith(b"\xef\xbb\xbffile,language,prompt,text,used,longest_s")


@pytest.mark.parametrize(
    "cell", ['=HYPERLINK("http://192.0.2.1")', "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＠SUM(A1)"]
)
def test_cell_that_a_spreadsheet_would_calculate_is_shown_as_it_is(cell: str) -> None:
    assert escape_formula(cell) == f"'{cell}"
    assert b"'" + cell[:1].encode() in as_csv([PromptListRow("a.wav", "en", "a", cell, "", 1.0, "no")])
    assert escape_formula("您好，1 + 1 = 2") == "您好，1 + 1 = 2"


def test_list_that_is_there_already_is_not_overwritten(config_dir: ConfigCopy, tmp_path: Path) -> None:
    (tmp_path / "texts.csv").write_text("notes")
    status, said = config_dir.typed("prompts", "export", str(tmp_path))
    assert status == 1
    assert "texts.csv: exists already and is not overwritten; name another DIR" in said
    assert (tmp_path / "texts.csv").read_text() == "notes"


def test_prompt_with_a_wav_of_its_own_is_not_listed(config_dir: ConfigCopy) -> None:
    flow = config_dir.home / "ivr" / "hotline.toml"
    text = flow.read_text("utf-8").replace("[prompts.greeting]", '[prompts.greeting]\nwav = { yue = "own.wav" }')
    flow.write_text(text, "utf-8")
    files = {line.file for line in prompt_list(config_dir.snapshot())}
    assert "hotline.greeting.yue.wav" not in files
    assert "hotline.greeting.cmn.wav" in files


# --- import ---


def test_studio_s_recordings_are_heard_instead_of_the_texts(config_dir: ConfigCopy, tmp_path: Path) -> None:
    """Export, 48 kHz stereo of a studio, import, check, sound."""
    config_dir.typed("prompts", "export", str(tmp_path / "studio"), "--language", "yue")
    every = listed(tmp_path / "studio" / "texts-yue.csv")
    rows = [row for row in every if row["prompt"].endswith((".main", ".closed"))]
    loud = sorted(row["file"] for row in rows)
    lengths = {row["file"]: min(4.0, 0.6 * float(row["longest_s"])) for row in rows}
    studio(tmp_path / "studio", loud, lambda name: wav(phrase(length_s=lengths[name]), bits=24, channels=2))
    status, said = config_dir.typed("prompts", "import", str(tmp_path / "studio"))
    assert status == 0, said
    assert f"taken in: {len(loud)} new recordings, 0 replaced" in said
    assert sorted(file.name for file in config_dir.recorded.iterdir()) == loud
    status, said = config_dir.typed("check")
    assert status == 0 and f"recorded: {len(loud)} yue" in said, said
    requests = [
        one
        for one in config_dir.snapshot().prompts
        if isinstance(one.source, WavFile) and one.key.language is Language.CANTONESE
    ]
    for key, pcm in render(requests, tmp_path / "cache", config_dir.home / "prompts").items():
        assert share_of_tone(pcm, 300.0) > 0.3, key


def test_dry_run_looks_at_everything_and_writes_nothing(config_dir: ConfigCopy, tmp_path: Path) -> None:
    takes = studio(tmp_path / "studio", ["hotline.greeting.yue.wav"])
    status, said = config_dir.typed("prompts", "import", str(takes), "--dry-run")
    assert status == 0
    assert "would be taken in: 1 new recordings, 0 replaced" in said
    assert "missing in yue: " in said
    assert not config_dir.recorded.exists()


def test_every_file_that_is_wrong_is_named_and_then_none_is_taken(config_dir: ConfigCopy, tmp_path: Path) -> None:
    takes = studio(
        tmp_path / "studio", ["hotline.greeting.yue.wav", "hotline.greetin.yue.wav", "system.goodbye.yue.mp3"]
    )
    (takes / "hotline.greeting.cmn.wav").write_bytes(b"ID3")
    (takes / "again").mkdir()
    shutil.copy(takes / "hotline.greeting.yue.wav", takes / "again" / "Hotline.Greeting.YUE.WAV")
    status, said = config_dir.typed("prompts", "import", str(takes))
    assert status == 1
    assert "hotline.greetin.yue.wav: no prompt has this name; did you mean hotline.greeting.yue.wav?" in said
    assert "system.goodbye.yue.mp3: is not a WAV file; ask the studio for WAV" in said
    assert "exists twice, also as " in said
    assert not config_dir.recorded.exists()
    for name in ("hotline.greetin.yue.wav", "system.goodbye.yue.mp3", "again/Hotline.Greeting.YUE.WAV"):
        (takes / name).unlink()
    status, said = config_dir.typed("prompts", "import", str(takes))
    assert status == 1
    assert "hotline.greeting.cmn.wav: is not a WAV file but an MP3 file" in said
    assert not config_dir.recorded.exists()


def test_what_is_called_as_a_recording_and_is_none_is_named(config_dir: ConfigCopy, tmp_path: Path) -> None:
    takes = studio(tmp_path / "studio", ["hotline.greeting.yue.wav"])
    os.mkfifo(takes / "hotline.greeting.cmn.wav")
    (takes / "system.goodbye.yue.wav").symlink_to(takes / "moved.wav")
    (takes / "\udcff.wav").write_bytes(b"")
    status, said = config_dir.typed("prompts", "import", str(takes))
    assert status == 1
    assert "hotline.greeting.cmn.wav: cannot be read as a file" in said
    assert "system.goodbye.yue.wav: cannot be read as a file" in said
    assert "\ufffd.wav: no prompt has this name" in said


def test_names_are_known_in_any_case_and_folder(config_dir: ConfigCopy, tmp_path: Path) -> None:
    studio(tmp_path / "studio", [])
    studio(tmp_path / "studio" / "Day 1", ["Hotline.Greeting.YUE.WAV"])
    status, _ = config_dir.typed("prompts", "import", str(tmp_path / "studio"))
    assert status == 0
    assert [file.name for file in config_dir.recorded.iterdir()] == ["hotline.greeting.yue.wav"]


def test_second_import_replaces_and_the_list_of_what_is_missing_grows_shorter(
    config_dir: ConfigCopy, tmp_path: Path
) -> None:
    takes = studio(tmp_path / "studio", ["hotline.greeting.yue.wav"])
    config_dir.typed("prompts", "import", str(takes))
    status, said = config_dir.typed("prompts", "import", str(takes))
    assert status == 0 and "taken in: 0 new recordings, 1 replaced" in said
    config_dir.typed("prompts", "export", str(tmp_path / "left"), "--missing", "--language", "yue")
    left = {row["file"] for row in listed(tmp_path / "left" / "texts-yue.csv")}
    assert "hotline.greeting.yue.wav" not in left and "system.goodbye.yue.wav" in left


def test_take_of_a_prompt_with_a_wav_in_the_toml_is_refused(config_dir: ConfigCopy, tmp_path: Path) -> None:
    flow = config_dir.home / "ivr" / "hotline.toml"
    text = flow.read_text("utf-8").replace("[prompts.greeting]", '[prompts.greeting]\nwav = { yue = "own.wav" }')
    flow.write_text(text, "utf-8")
    status, said = config_dir.typed("prompts", "import", str(studio(tmp_path / "studio", ["hotline.greeting.yue.wav"])))
    assert status == 1
    assert "gives this prompt a wav; remove that wav" in said


@pytest.mark.parametrize(("make", "said"), [(False, "is not a directory"), (True, "contains no WAV file")])
def test_directory_without_takes_is_refused(config_dir: ConfigCopy, tmp_path: Path, make: bool, said: str) -> None:
    if make:
        studio(tmp_path / "studio", [])
    status, told = config_dir.typed("prompts", "import", str(tmp_path / "studio"))
    assert status == 1 and said in told


def test_recordings_that_fit_no_prompt_or_an_older_text_are_warned_of(config_dir: ConfigCopy, tmp_path: Path) -> None:
    config_dir.typed("prompts", "import", str(studio(tmp_path / "studio", ["hotline.greeting.yue.wav"])))
    shutil.copy(config_dir.recorded / "hotline.greeting.yue.wav", config_dir.recorded / "hotline.hello.yue.wav")
    flow = config_dir.home / "ivr" / "hotline.toml"
    flow.write_text(flow.read_text("utf-8").replace("您好，歡迎致電客戶服務熱線。", "早晨。"), "utf-8")
    status, said = config_dir.typed("check")
    assert status == 0
    assert "hotline.hello.yue.wav: no prompt is called so" in said
    assert "was recorded as '您好，歡迎致電客戶服務熱線。', but the text is now '早晨。'" in said


def test_imported_file_is_what_the_telephone_needs_and_keeps_no_parts(config_dir: ConfigCopy, tmp_path: Path) -> None:
    config_dir.typed("prompts", "import", str(studio(tmp_path / "studio", ["hotline.greeting.yue.wav"])))
    (file,) = config_dir.recorded.iterdir()
    assert read_wav(file.read_bytes()).rate == 8000
    key = PromptKey(PromptName("hotline.greeting"), Language.CANTONESE)
    request = next(one for one in config_dir.snapshot().prompts if one.key == key)
    assert request.source == WavFile("recorded/hotline.greeting.yue.wav", "您好，歡迎致電客戶服務熱線。")
