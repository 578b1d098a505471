"""Alarms begin once, end once, and are told to everybody who listens."""

from datetime import UTC, datetime, timedelta

from acdcore.kernel.alarms import DETAIL_CHARS_MAX, PAST_MAX, RAISED_MAX, Alarm, AlarmKind, Alarms, Severity

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
DISK = AlarmKind("disk", Severity.MAJOR, "Make room.")
TRUNK = AlarmKind("trunk", Severity.CRITICAL, "Call the carrier.")
MAIL = AlarmKind("mail", Severity.MINOR, "Look at the address.", lasts_s=60.0)


class Clock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def wall(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)


def told() -> tuple[Clock, Alarms, list[Alarm]]:
    clock = Clock()
    alarms = Alarms(clock)
    heard: list[Alarm] = []
    alarms.listen(heard.append)
    return clock, alarms, heard


def test_condition_that_goes_on_in_the_same_words_is_one_alarm_until_its_time_after_the_last_look() -> None:
    clock, alarms, heard = told()
    for second in range(200):
        clock.seconds = float(second)
        alarms.expire()
        alarms.hold(MAIL, "refused")
    assert [alarm.is_raised for alarm in heard] == [True]
    clock.seconds = 199.0 + 59.0
    alarms.expire()
    assert alarms.is_raised(MAIL)
    clock.seconds += 1.0
    alarms.expire()
    assert [alarm.is_raised for alarm in heard] == [True, False]


def test_alarm_is_told_when_it_begins_and_when_it_ends_and_not_between() -> None:
    clock, alarms, heard = told()
    alarms.raise_alarm(DISK, "180 MB free")
    clock.seconds = 5.0
    alarms.raise_alarm(DISK, "170 MB free")
    clock.seconds = 9.0
    alarms.clear(DISK, "there is room")
    assert [(alarm.is_raised, alarm.detail) for alarm in heard] == [(True, "180 MB free"), (False, "there is room")]
    assert (heard[1].times, heard[1].ended_at) == (2, NOON + timedelta(seconds=9))


def test_latest_detail_is_shown_while_raised_and_kept_when_over() -> None:
    _, alarms, _ = told()
    alarms.raise_alarm(DISK, "180 MB free")
    alarms.raise_alarm(DISK, "170 MB free")
    assert [alarm.detail for alarm in alarms.raised()] == ["170 MB free"]
    alarms.clear(DISK)
    assert (alarms.raised(), [alarm.detail for alarm in alarms.past()]) == ((), ["170 MB free"])


def test_alarms_of_one_kind_about_several_things_live_apart() -> None:
    _, alarms, heard = told()
    alarms.raise_alarm(TRUNK, "no answer", about="north")
    alarms.raise_alarm(TRUNK, "no answer", about="south")
    alarms.clear(TRUNK, about="north")
    assert [alarm.about for alarm in alarms.raised()] == ["south"]
    assert [alarm.about for alarm in heard] == ["north", "south", "north"]
    assert alarms.is_raised(TRUNK, "south") and not alarms.is_raised(TRUNK)


def test_end_of_what_is_not_raised_is_told_to_nobody() -> None:
    _, alarms, heard = told()
    alarms.clear(DISK)
    alarms.hold(DISK, "")
    assert not heard


def test_condition_that_is_looked_at_often_counts_only_its_changes() -> None:
    _, alarms, heard = told()
    for detail in ("full", "full", "fuller", "fuller", ""):
        alarms.hold(DISK, detail)
    assert [alarm.is_raised for alarm in heard] == [True, False]
    assert alarms.past()[0].times == 2


def test_alarm_without_an_end_of_its_own_is_over_when_it_is_not_seen_again() -> None:
    clock, alarms, heard = told()
    alarms.raise_alarm(MAIL, "refused")
    clock.seconds = 59.0
    alarms.raise_alarm(MAIL, "refused again")
    clock.seconds = 100.0
    alarms.expire()
    assert alarms.is_raised(MAIL), "59 s + 60 s are not over"
    clock.seconds = 119.0
    alarms.expire()
    assert [alarm.is_raised for alarm in heard] == [True, False]
    alarms.raise_alarm(MAIL, "and again")
    alarms.clear(MAIL)
    clock.seconds = 500.0
    alarms.expire()
    assert len(heard) == 4


def test_who_listens_late_hears_of_what_is_raised_already() -> None:
    _, alarms, _ = told()
    alarms.raise_alarm(DISK, "full")
    heard: list[Alarm] = []
    alarms.listen(heard.append)
    assert [alarm.kind for alarm in heard] == [DISK]


def test_details_are_one_bounded_line_and_all_that_is_kept_is_bounded() -> None:
    _, alarms, heard = told()
    alarms.raise_alarm(DISK, "two\nlines\x1b[31m" + "x" * 10_000)
    assert heard[0].detail.startswith("two lines [31mx") and len(heard[0].detail) <= DETAIL_CHARS_MAX
    for number in range(RAISED_MAX + 50):
        alarms.raise_alarm(TRUNK, "no answer", about=str(number))
    assert len(alarms.raised()) == RAISED_MAX
    for number in range(RAISED_MAX):
        alarms.clear(TRUNK, about=str(number))
    assert len(alarms.past()) == PAST_MAX
