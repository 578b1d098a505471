"""Differences between two plans: every key that differs, by the file's own names, secrets covered."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from acdcore.calls.model.commands import SettingChange
from acdcore.configuration.diff import HIDDEN, READ_AT_START, SHOWN_CHARS_MAX, differences, in_words, prompt_in_words
from acdcore.configuration.settings import Settings, load
from acdcore.configuration.snapshot import Plan, make_plan
from acdcore.ivr.model.flow import Beep, Language, Text, WavFile
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
def house(tmp_path: Path) -> Path:
    """A configuration in files."""
    for name in ("ivr", "prompts"):
        shutil.copytree(CONFIG / name, tmp_path / name)
    shutil.copy(CONFIG / "calendars.toml", tmp_path)
    (tmp_path / "acdcore.toml").write_text(SETTINGS, "utf-8")
    return tmp_path


def plan(house: Path) -> Plan:
    """What the files say now."""
    return make_plan(load(house / "acdcore.toml", {}), house / "acdcore.toml")


def after(house: Path, file: str, was: str, becomes: str) -> dict[str, SettingChange]:
    """The differences that one edit makes, by key."""
    before, path = plan(house), house / file
    text = path.read_text("utf-8")
    assert was in text
    path.write_text(text.replace(was, becomes, 1), "utf-8")
    return {change.key.removeprefix(f"{house}/"): change for change in differences(before, plan(house))}


def test_nothing_differs_from_itself(house: Path) -> None:
    assert differences(plan(house), plan(house)) == ()


def test_key_that_differs_is_named_with_both_values(house: Path) -> None:
    changes = after(house, "acdcore.toml", "skills = { service = 3 }", "skills = { service = 5 }")
    assert changes == {
        "queues.service.skills.service": SettingChange("queues.service.skills.service", "3", "5"),
    }


def test_key_that_comes_and_key_that_goes_have_one_side_empty(house: Path) -> None:
    changes = after(house, "acdcore.toml", "skills = { service = 3 }", 'survey = "survey"')
    assert changes == {
        "queues.service.skills.service": SettingChange("queues.service.skills.service", "3", ""),
        "queues.service.survey": SettingChange("queues.service.survey", "", "survey"),
    }


def test_lists_of_tables_are_told_as_a_whole(house: Path) -> None:
    changes = after(house, "acdcore.toml", 'tiers = ["vip"]', 'tiers = ["gold"]')
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
def test_secret_that_differs_is_named_and_covered(house: Path, secret: str, key: str) -> None:
    changes = after(house, "acdcore.toml", secret, "another")
    assert changes.keys() == {key}
    assert (changes[key].was, changes[key].becomes) == (HIDDEN, HIDDEN)


def test_sections_of_the_start_need_one(house: Path) -> None:
    changes = after(
        house, "acdcore.toml", "[queues.service]", '[sip]\nrealm = "other"\n[lines]\nlimit = 9\n[queues.service]'
    )
    assert {key: change.needs_restart for key, change in changes.items()} == {"sip.realm": True, "lines.limit": False}


def test_sections_of_the_start_are_sections_that_there_are() -> None:
    assert set(READ_AT_START) <= set(Settings.model_fields)


def test_queue_that_is_named_like_a_section_of_the_start_needs_none(house: Path) -> None:
    changes = after(house, "acdcore.toml", "[queues.sales]", "[queues.sales]\n[queues.sip]")
    assert changes
    assert not any(change.needs_restart for change in changes.values())


def test_node_is_named_by_file_and_key(house: Path) -> None:
    changes = after(house, "ivr/hotline.toml", "timeout_s = 5.0", "timeout_s = 6.0")
    assert changes.keys() == {"ivr/hotline.toml: nodes.main"}
    change = changes["ivr/hotline.toml: nodes.main"]
    assert ("timeout_s=5.0" in change.was, "timeout_s=6.0" in change.becomes) == (True, True)
    assert max(len(change.was), len(change.becomes)) <= SHOWN_CHARS_MAX


def test_credentials_in_an_address_are_covered(house: Path) -> None:
    changes = after(house, "acdcore.toml", "http://192.0.2.1/", "http://me:mine@192.0.2.9/")
    assert changes["services.orders.url"].becomes == "http://***@192.0.2.9/"


def test_flow_that_is_gone_is_told_node_by_node(house: Path) -> None:
    before = plan(house)
    (house / "ivr" / "survey.toml").unlink()
    gone = differences(before, plan(house))
    assert f"{house}/ivr/survey.toml: start" in {change.key for change in gone}
    assert all(change.becomes == "" for change in gone)


def test_prompt_and_calendar_are_told_by_name(house: Path) -> None:
    before = plan(house)
    text = (house / "ivr" / "night.toml").read_text("utf-8")
    name = next(key for key in before.flows["night"].prompts if key.language is Language.MANDARIN)
    source = before.flows["night"].prompts[name]
    assert isinstance(source, Text)
    (house / "ivr" / "night.toml").write_text(text.replace(source.text, "再见"), "utf-8")
    (house / "calendars.toml").write_text(
        (house / "calendars.toml").read_text("utf-8").replace('mon = ["09:00', 'mon = ["08:00', 1), "utf-8"
    )
    told = {change.key: change for change in differences(before, plan(house))}
    assert told.keys() == {f"prompts: {name.name}.cmn", "calendars.toml: calendars.office"}
    prompt = told[f"prompts: {name.name}.cmn"]
    assert (prompt.was, prompt.becomes) == (source.text, "再见")


def test_prompt_that_is_recorded_now_is_told_with_its_file() -> None:
    assert prompt_in_words(WavFile("recorded/hotline.greeting.cmn.wav", "您好")) == (
        "recording recorded/hotline.greeting.cmn.wav: 您好"
    )
    assert prompt_in_words(WavFile("a.wav")) == "recording a.wav"
    assert prompt_in_words(Beep()) == "beep"


def test_long_values_are_cut(house: Path) -> None:
    rules = ", ".join(f'"tier{number}"' for number in range(100))
    changes = after(house, "acdcore.toml", '"vip"', rules)
    assert len(changes["queues.service.rules"].becomes) == SHOWN_CHARS_MAX


def test_words_for_what_a_plan_is_made_of() -> None:
    assert in_words({"a": (Language.ENGLISH, 1.5), "b": frozenset({"y", "x"})}) == "{a: [en, 1.5], b: {x, y}}"
    assert in_words(Text("words")) == "Text(text=words)"
    assert in_words(Strategy.ROUND_ROBIN) == "round_robin"
    assert in_words(None) == "None"
