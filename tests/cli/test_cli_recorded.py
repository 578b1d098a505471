"""`acdcore replay` and `acdcore what-if` on a recorded day."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.cli.journaled_day import CALLERS, DAY, journal_of_a_day
from tests.cli.shell import Typed


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """The directory of a journal with one day."""
    journal_of_a_day(tmp_path / "journal")
    return tmp_path / "journal"


def test_recorded_day_is_reproduced(journal: Path) -> None:
    typed = Typed.of("replay", str(DAY), "--journal", str(journal))
    assert (typed.status, typed.out.splitlines()[-1]) == (0, "reproduced")
    as_json = json.loads(Typed.of("replay", str(DAY), "--journal", str(journal), "--json").out)
    assert (as_json["differences"], as_json["problems"]) == ([], [])
    assert as_json["segments"][0]["turns"] > 3 * CALLERS


def test_day_that_is_decided_otherwise_shows_the_difference(journal: Path) -> None:
    (file,) = journal.iterdir()
    file.write_text(
        file.read_text("utf-8").replace('"ring_for_s":15.0,"caller_key"', '"ring_for_s":16.0,"caller_key"'), "utf-8"
    )
    typed = Typed.of("replay", str(DAY), "--journal", str(journal))
    assert (typed.status, typed.out.splitlines()[-1]) == (1, "not reproduced")
    assert "then:" in typed.out


def test_journal_directory_is_that_of_the_settings(journal: Path, tmp_path: Path) -> None:
    settings = tmp_path / "acdcore.toml"
    settings.write_text(f'[storage]\ndirectory = "{tmp_path}"\n', "utf-8")
    assert Typed.of("replay", str(DAY), "--config", str(settings)).status == 0


def test_day_without_a_journal_names_the_days_that_there_are(journal: Path) -> None:
    typed = Typed.of("replay", str(DAY - timedelta(days=1)), "--journal", str(journal))
    assert typed.status == 1
    assert typed.err.strip() == f"acdcore: {journal} has no journal of 2026-11-19: there is 2026-11-20 to 2026-11-20"


@pytest.mark.parametrize("command", [("replay", "today"), ("what-if", "today", "agents+1")], ids=lambda words: words[0])
def test_today_is_the_day_of_the_journals_own_zone(command: tuple[str, ...], journal: Path, tmp_path: Path) -> None:
    settings = tmp_path / "acdcore.toml"
    for zone in ("Etc/GMT+12", "Etc/GMT-14"):  # 26 hours apart: never the same day
        settings.write_text(f'[storage]\ndirectory = "{tmp_path}"\n[journal]\ntimezone = "{zone}"\n', "utf-8")
        day = datetime.now(ZoneInfo(zone)).date()
        assert f"has no journal of {day}" in Typed.of(*command, "--config", str(settings)).err


@pytest.mark.parametrize("word", ["monday", "2026-13-01", "20-11"])
def test_word_that_is_no_day_is_refused_with_an_example(journal: Path, word: str) -> None:
    typed = Typed.of("replay", word, "--journal", str(journal))
    assert (typed.status, "write 2026-11-21, today or yesterday" in typed.err) == (1, True)


def test_another_agent_is_shown_to_shorten_the_wait(journal: Path) -> None:
    words = ("what-if", str(DAY), "agents+1@08:00-10:00", "--zone", "UTC", "--runs", "3", "--journal", str(journal))
    typed = Typed.of(*words)
    assert (typed.status, typed.err.strip()) == (0, "")
    assert typed.out.splitlines()[-1] == "3 runs, 95 % intervals; * marks a difference that is more than chance"
    rows = json.loads(Typed.of(*words, "--json").out)["rows"]
    waits = next(row for row in rows if row["measure"]["name"] == "average wait")
    assert waits["difference"]["mean"] < 0
    assert waits["baseline"]["mean"] > 0


def test_same_seed_says_the_same(journal: Path) -> None:
    words = ("what-if", str(DAY), "calls*1.5", "--runs", "2", "--seed", "7", "--journal", str(journal))
    assert Typed.of(*words).out == Typed.of(*words).out


@pytest.mark.parametrize(
    "change", ["agents+x", "nonsense", "queues.absent.ring_for_s=12", "queues.service.ring_for_s=x"]
)
def test_change_that_cannot_be_made_is_one_clear_line(journal: Path, change: str) -> None:
    typed = Typed.of("what-if", str(DAY), change, "--runs", "1", "--journal", str(journal))
    assert (typed.status, typed.out) == (1, "")
    assert typed.err.startswith("acdcore: ") and typed.err.count("\n") == 1


def test_zone_that_there_is_not_is_one_clear_line(journal: Path) -> None:
    typed = Typed.of("what-if", str(DAY), "calls*1.1", "--zone", "Moon/Base", "--journal", str(journal))
    assert (typed.status, "no time zone Moon/Base" in typed.err) == (1, True)


def test_damaged_journal_is_one_clear_line(journal: Path) -> None:
    (file,) = journal.iterdir()
    file.write_text("nothing of the kind\n", "utf-8")
    assert Typed.of("replay", str(DAY), "--journal", str(journal)).status == 1
    typed = Typed.of("what-if", str(DAY), "calls*1.1", "--journal", str(journal))
    assert (typed.status, "not a journal" in typed.err, typed.err.count("\n")) == (1, True, 1)
