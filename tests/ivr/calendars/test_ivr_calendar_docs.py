"""The examples in docs/calendars.md: the calendar is loaded, each moment is asked for."""

import re
from datetime import datetime
from pathlib import Path

import pytest

from acdcore.ivr.calendars.file import Calendar, CalendarName, Moment, load_calendars

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "calendars.md").read_text("utf-8")
MOMENTS = re.findall(r"^(\d{4}-\d\d-\d\d \d\d:\d\d)   (.*)$", DOCUMENT, re.MULTILINE)


def block(kind: str) -> str:
    [found] = re.findall(rf"^```{kind}\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    return str(found)


def in_words(moment: Moment, calendar: Calendar) -> str:
    said = " ".join(word for word in (moment.state.value, moment.shift, moment.day) if word)
    assert moment.next_change_at is not None
    return f"{said}, until {moment.next_change_at.astimezone(calendar.zone):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(("wall", "said"), MOMENTS)
def test_moments_are_as_the_page_says(tmp_path: Path, wall: str, said: str) -> None:
    file = tmp_path / "calendars.toml"
    file.write_text(block("toml"), "utf-8")
    calendar = load_calendars(file)[CalendarName("service")]
    moment = calendar.moment(datetime.fromisoformat(wall).replace(tzinfo=calendar.zone))
    assert in_words(moment, calendar) == said


def test_every_moment_of_the_page_is_asked_for() -> None:
    assert len(MOMENTS) == len(block("moments").splitlines()) - 1


def test_the_shipped_calendars_can_be_read() -> None:
    assert load_calendars(ROOT / "config" / "calendars.toml").keys() == {"always", "office"}
