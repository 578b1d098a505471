"""Differences between two plans: every key that differs, by the file's own names, secrets covered."""

import shutil
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from acdcore.calls.model.commands import SettingChange
from acdcore.configuration.diff import (
    HIDDEN,
    READ_AT_START,
    SHOWN_CHARS_MAX,
    config_diff,
    prompt_in_words,
    value_in_words,
)
from acdcore.configuration.settings import Settings, load
from acdcore.configuration.snapshot import Snapshot, load_snapshot
from acdcore.ivr.calendars.opening_hours import OpeningPeriod
from acdcore.ivr.model.flow import (
    Beep,
    ExternalNumberNode,
    Language,
    MessageNode,
    NodeName,
    Text,
    VariableName,
    WavFile,
)
from acdcore.kernel.ids import QueueName
from acdcore.queues.settings import Strategy

CONFIG = Path(__file__).parents[2] / "config"
SETTINGS = """
[queues.service]
skills = { service = 3 }
[[queues.service.rules]]
tiers = ["vip"]
skills = { vip = 1 }
[queues.sales]
[trunks.carrier]
addresses = ["198.51.100.0/24"]
user = "carrier"
password = "secret one"
[services.orders]
url = "http://192.0.2.1/"
headers = { Authorization = "secret two" }
[notices]
smtp = "192.0.2.2:25"
sender = "a@example.org"
to = ["b@example.org"]
password = "secret three"
[storage]
dsn = "postgresql://acd:secret-four@192.0.2.3/acd"
"""

Changed = Callable[[str, str], tuple[SettingChange, ...]]


@pytest.fixture
def config_dir(tmp_path: Path) -> Path:
    """A configuration in files."""
    for name in ("ivr", "prompts"):
        shutil.copytree(CONFIG / name, tmp_path / name)
    shutil.copy(CONFIG / "calendars.toml", tmp_path)
    (tmp_path / "acdcore.toml").write_text(SETTINGS, "utf-8")
    return tmp_path


def snapshot(config_dir: Path) -> Snapshot:
    """What the files say now."""
    return load_snapshot(load(config_dir / "acdcore.toml", {}), config_dir / "acdcore.toml")


def after(config_dir: Path, file: str, was: str, becomes: str) -> dict[str, SettingChange]:
    """The differences that one edit makes, by key."""
    before, path = snapshot(config_dir), config_dir / file
    text = path.read_text("utf-8")
    assert was in text
    path.write_text(text.replace(was, becomes, 1), "utf-8")
    return {change.key.removeprefix(f"{config_dir}/"): change for change in config_diff(before, snapshot(config_dir))}


def test_nothing_differs_from_itself(config_dir: Path) -> None:
    assert config_diff(snapshot(config_dir), snapshot(config_dir)) == ()


def test_key_that_differs_is_named_with_both_values(config_dir: Path) -> None:
    changes = after(config_dir, "acdcore.toml", "skills = { service = 3 }", "skills = { service = 5 }")
    assert changes == {
        "queues.service.skills.service": SettingChange("queues.service.skills.service", "3", "5"),
    }


def test_key_that_comes_and_key_that_goes_have_one_side_empty(config_dir: Path) -> None:
    changes = after(config_dir, "acdcore.toml", "skills = { service = 3 }", 'survey = "survey"')
    assert changes == {
        "queues.service.skills.service": SettingChange("queues.service.skills.service", "3", ""),
        "queues.service.survey": SettingChange("queues.service.survey", "", "survey"),
    }


def test_lists_of_tables_are_told_as_a_whole(config_dir: Path) -> None:
    changes = after(config_dir, "acdcore.toml", 'tiers = ["vip"]', 'tiers = ["gold"]')
    assert changes.keys() == {"queues.service.rules"}
    assert "vip" in changes["queues.service.rules"].was
    assert "gold" in changes["queues.service.rules"].becomes


@pytest.mark.parametrize(
    ("secret", "key"),
    [
        ("secret one", "trunks.carrier.password"),
        ("secret two", "services.orders.headers.Authorization"),
        ("secret three", "notices.password"),
        ("secret-four", "storage.dsn"),
    ],
)
def test_secret_that_differs_is_named_and_covered(config_dir: Path, secret: str, key: str) -> None:
    changes = after(config_dir, "acdcore.toml", secret, "another")
    assert changes.keys() == {key}
    assert (changes[key].was, changes[key].becomes) == (HIDDEN, HIDDEN)


def test_sections_of_the_start_need_one(config_dir: Path) -> None:
    changes = after(
        config_dir,
        "acdcore.toml",
        "[queues.service]",
        '[sip]\nrealm = "other"\n[trunk_capacity]\nlimit = 9\n[queues.service]',
    )
    assert {key: change.needs_restart for key, change in changes.items()} == {
        "sip.realm": True,
        "trunk_capacity.limit": False,
    }


def test_sections_of_the_start_are_sections_that_there_are() -> None:
    assert set(READ_AT_START) <= {field.name for field in fields(Settings)}


def test_queue_that_is_named_like_a_section_of_the_start_needs_none(config_dir: Path) -> None:
    changes = after(config_dir, "acdcore.toml", "[queues.sales]", "[queues.sales]\n[queues.sip]")
    assert changes
    assert not any(change.needs_restart for change in changes.values())


def test_node_is_named_by_file_and_key(config_dir: Path) -> None:
    changes = after(config_dir, "ivr/hotline.toml", "timeout_s = 5.0", "timeout_s = 6.0")
    assert changes.keys() == {"ivr/hotline.toml: nodes.main"}
    change = changes["ivr/hotline.toml: nodes.main"]
    assert ("timeout_s=5.0" in change.was, "timeout_s=6.0" in change.becomes) == (True, True)
    assert max(len(change.was), len(change.becomes)) <= SHOWN_CHARS_MAX


def test_credentials_in_an_address_are_covered(config_dir: Path) -> None:
    changes = after(config_dir, "acdcore.toml", "http://192.0.2.1/", "http://me:mine@192.0.2.9/")
    assert changes["services.orders.url"].becomes == "http://***@192.0.2.9/"


def test_flow_that_is_gone_is_told_node_by_node(config_dir: Path) -> None:
    before = snapshot(config_dir)
    (config_dir / "ivr" / "survey.toml").unlink()
    gone = config_diff(before, snapshot(config_dir))
    assert f"{config_dir}/ivr/survey.toml: start" in {change.key for change in gone}
    assert all(change.becomes == "" for change in gone)


def test_prompt_and_calendar_are_told_by_name(config_dir: Path) -> None:
    before = snapshot(config_dir)
    text = (config_dir / "ivr" / "night.toml").read_text("utf-8")
    name = next(key for key in before.flows["night"].prompts if key.language is Language.MANDARIN)
    source = before.flows["night"].prompts[name]
    assert isinstance(source, Text)
    (config_dir / "ivr" / "night.toml").write_text(text.replace(source.text, "再见"), "utf-8")
    (config_dir / "calendars.toml").write_text(
        (config_dir / "calendars.toml").read_text("utf-8").replace('mon = ["09:00', 'mon = ["08:00', 1), "utf-8"
    )
    told = {change.key: change for change in config_diff(before, snapshot(config_dir))}
    assert told.keys() == {f"prompts: {name.name}.cmn", "calendars.toml: calendars.office"}
    prompt = told[f"prompts: {name.name}.cmn"]
    assert (prompt.was, prompt.becomes) == (source.text, "再见")


def test_prompt_that_is_recorded_now_is_told_with_its_file() -> None:
    assert prompt_in_words(WavFile("recorded/hotline.greeting.cmn.wav", "您好")) == (
        "recording recorded/hotline.greeting.cmn.wav: 您好"
    )
    assert prompt_in_words(WavFile("a.wav")) == "recording a.wav"
    assert prompt_in_words(Beep()) == "beep"


def test_long_values_are_cut(config_dir: Path) -> None:
    rules = ", ".join(f'"tier{number}"' for number in range(100))
    changes = after(config_dir, "acdcore.toml", '"vip"', rules)
    assert len(changes["queues.service.rules"].becomes) == SHOWN_CHARS_MAX


def test_words_for_what_a_plan_is_made_of() -> None:
    assert value_in_words({"a": (Language.ENGLISH, 1.5), "b": frozenset({"y", "x"})}) == "{a: [en, 1.5], b: {x, y}}"
    assert value_in_words(Text("words")) == "(text=words)"
    assert value_in_words(ExternalNumberNode("10086")) == "external_number(number=10086, trunk=)"
    assert value_in_words(MessageNode(QueueName("service"), VariableName("caller"), NodeName("bye"))).startswith(
        "message(queue=service"
    )
    assert value_in_words(OpeningPeriod(540, 1080)) == "09:00-18:00"
    assert value_in_words(Strategy.ROUND_ROBIN) == "round_robin"
    assert value_in_words(None) == "None"
