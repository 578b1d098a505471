"""docs/voice.md and what docs/cli.md shows of `init`, `check` and `prompts`: every example is run."""

import re
from pathlib import Path

import pytest
from tests.docs.test_docs_examples import ROOT, blocks, configured, output_of
from tests.ivr.studio import phrase, wav

from acdcore.cli.prompts import PromptListRow
from acdcore.configuration.settings import load
from acdcore.ivr.model.flow import Language
from acdcore.ivr.prompts.studio_take import CLIPPED_SHARE_MAX, FAINT_DBFS, NOISE_HEARD_DBFS, SPEECH_OVER_NOISE_MIN_DB
from acdcore.ivr.tts.http_voice import ANSWER_BYTES_MAX, AT_ONCE_MAX, LATER, PAUSE_MAX_S, TRIES_MAX
from acdcore.ivr.tts.voices import SpeechEngine, VoiceChoice

PAGE = ROOT / "docs" / "voice.md"
CLI = ROOT / "docs" / "cli.md"
TAKE = "hotline.greeting.yue.wav"


def section(page: Path, heading: str) -> str:
    return page.read_text("utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def shape_of(said: str) -> str:
    """Words and figures, and tables without their widths."""
    return re.sub(r"\s+", " ", re.sub(r"[━─┏┳┓┡╇┩└┴┘]+", "", said)).strip()


@pytest.mark.slow
async def test_recordings_are_made_and_taken_in_as_the_page_says(tmp_path: Path) -> None:
    configured(tmp_path)
    commands = [block.text for block in blocks(PAGE) if block.language == "sh" and "prompts" in block.text]
    assert len(commands) == 2
    status, said = await output_of(commands[0], tmp_path)
    assert status == 0, said
    assert TAKE in (tmp_path / "studio" / "texts-yue.csv").read_text("utf-8-sig")
    (tmp_path / "studio" / TAKE).write_bytes(wav(phrase()))
    status, said = await output_of(commands[1], tmp_path)
    assert status == 0, said
    assert (tmp_path / "config" / "prompts" / "recorded" / TAKE).exists()
    assert "recorded: 1 yue" in said


@pytest.mark.slow
@pytest.mark.parametrize("command", ["init", "check", "prompts export", "prompts import"])
async def test_command_says_what_the_page_shows(command: str, tmp_path: Path) -> None:
    if command != "init":
        configured(tmp_path)
    (tmp_path / "studio").mkdir()
    (tmp_path / "studio" / TAKE).write_bytes(wav(phrase()))
    shown = re.search(r"```text\n\$ ([^\n]+)\n(.*?)```", section(CLI, command), re.DOTALL)
    assert shown is not None
    status, said = await output_of(shown[1], tmp_path)
    assert status == 0, said
    for line in shape_of(shown[2]).split(" ... "):
        assert line in shape_of(said)


def test_example_of_a_voice_over_http_is_taken_by_the_loader(tmp_path: Path) -> None:
    (example,) = [block.text for block in blocks(PAGE) if block.language == "toml" and "[voice.http]" in block.text]
    voice = load(configured(tmp_path, example), {}).voice.settings(tmp_path)
    assert voice.by_language[Language.CANTONESE] == VoiceChoice(SpeechEngine.HTTP, "alloy")
    assert (voice.http.key_file, voice.http.model) == (tmp_path / "voice-key", "tts-1")


def test_columns_of_the_list_are_explained() -> None:

    table = section(PAGE, "Your own recordings").partition("| column | says |")[2].partition("\n\n")[0]
    named = [name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert named == list(PromptListRow.__dataclass_fields__)


def test_limits_of_the_page_are_those_of_the_program() -> None:
    studio, server = section(PAGE, "Your own recordings"), section(PAGE, "A voice over HTTP")
    assert f"below {FAINT_DBFS:.0f} dBFS" in studio
    assert f"{100 * CLIPPED_SHARE_MAX:g} % of the samples" in studio
    assert (
        f"less than {SPEECH_OVER_NOISE_MIN_DB:.0f} dB below the speech and above {NOISE_HEARD_DBFS:.0f} dBFS" in studio
    )
    assert f"more than {ANSWER_BYTES_MAX // 1024 // 1024} MB" in server
    assert (AT_ONCE_MAX, TRIES_MAX) == (4, 3) and "four at once" in server and "asked three times" in server
    assert f"{PAUSE_MAX_S:.0f} s at most" in server
    assert {408, 429, 500, 502, 503, 504} == LATER and "(408, 429, 5xx)" in server
