"""Obligations of the journal on disk: nothing recorded is lost, a segment stands alone, and no disk stops a call."""

import gzip
import os
import stat
import threading
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.queues.shift import SALES, TALK, Shift, dispatcher_settings

from acdcore.kernel.ids import AgentId
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.inputs import (
    AgentLoggedIn,
    AgentNotReady,
    AgentPhoneDown,
    AgentPhoneUp,
    AgentReady,
    AgentRestored,
    CallerFacts,
    CallerJoined,
    CallerLeft,
    EntryId,
    Input,
    LeaveCause,
    OfferAccepted,
    OfferId,
)
from acdcore.queues.journal import lines as journal
from acdcore.queues.journal.lines import Header, JournalTurn, Mark, MarkKind
from acdcore.queues.settings import AgentSettings
from acdcore.storage.journal.files import JournalRetention, day_files, lines, pack, segment_files, segment_path, tidy
from acdcore.storage.journal.journal import (
    MEMORY_TURNS_MAX,
    RETRY_AFTER_S,
    SEGMENT_TURNS_MAX,
    DiskJournal,
    JournalSettings,
    last_state,
)

WITHIN_S = 20.0
NOON = datetime(2026, 11, 5, 4, 0, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
ANNA, BO, CHEN = AgentId("1001"), AgentId("1002"), AgentId("1003")


@dataclass
class HandClock:
    """Monotonic time and time of day, moved by hand."""

    at: float = 5_000.0
    began: datetime = NOON

    def now(self) -> float:
        return self.at

    def wall(self) -> datetime:
        return self.began + timedelta(seconds=self.at - 5_000.0)


class Kept:
    """A dispatcher whose turns are journaled."""

    def __init__(self, directory: Path, clock: HandClock | None = None, reserve_bytes: int = 0) -> None:
        self.clock = clock or HandClock()
        self.dispatcher = Dispatcher(dispatcher_settings())
        self.settings = JournalSettings(directory, SHANGHAI, version="0.4.0", reserve_bytes=reserve_bytes)
        self.journal = DiskJournal(self.settings, self.dispatcher, self.clock)

    def handle(self, *inputs: Input) -> None:
        for one in inputs:
            self.journal.record(self.clock.at, one, self.dispatcher.handle(one, self.clock.at))

    def work(self, seed: int, turns: int) -> None:
        """A piece of a busy shift."""
        shift = Shift(seed)
        shift.now = self.clock.at
        for at, fed in shift.inputs(self.dispatcher, turns):
            self.clock.at = at
            decisions = self.dispatcher.handle(fed, at)
            self.journal.record(at, fed, decisions)
            shift.learn(decisions)


def marks(path: Path) -> list[MarkKind]:
    return [record.mark for record in journal.records(lines(path)) if isinstance(record, Mark)]


def folded(path: Path) -> Dispatcher:
    """The state at the end of a segment; every turn must be decided as it was."""
    segment = journal.open_segment(lines(path))
    for record in segment.rest:
        if isinstance(record, JournalTurn):
            assert segment.dispatcher.handle(record.event, record.at) == record.decisions()
    return segment.dispatcher


# ---- writing ----------------------------------------------------------------------------------------------------


def test_everything_recorded_is_on_disk_when_the_journal_is_closed(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "journal")
    with kept.journal:
        kept.work(1, 600)
    (path,) = day_files(tmp_path / "journal", date(2026, 11, 5))
    assert folded(path).snapshot(kept.clock.at) == kept.dispatcher.snapshot(kept.clock.at)
    assert marks(path) == [MarkKind.CLOSED]
    assert (kept.journal.alarm, kept.journal.gaps) == ("", 0)


def test_journal_is_for_its_owner_only(tmp_path: Path) -> None:
    with Kept(tmp_path / "journal").journal:
        pass
    (found,) = segment_files(tmp_path / "journal")
    assert stat.S_IMODE(found.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(found.path.parent.stat().st_mode) == 0o700


def test_turns_are_on_disk_soon_without_a_close(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    with kept.journal:
        kept.work(2, 50)
        assert kept.journal.wait_durable(WITHIN_S)
        (found,) = segment_files(tmp_path)
        assert folded(found.path).snapshot(kept.clock.at) == kept.dispatcher.snapshot(kept.clock.at)


def test_what_comes_after_the_close_is_not_recorded(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    with kept.journal:
        pass
    kept.handle(AgentPhoneUp(ANNA))
    (found,) = segment_files(tmp_path)
    assert not [record for record in journal.records(lines(found.path)) if isinstance(record, JournalTurn)]


def test_day_ends_at_midnight_of_the_operators_zone_and_the_next_file_stands_alone(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    with kept.journal:
        kept.work(3, 300)
        kept.clock.at = 5_000.0 + 12 * 3_600 - 1  # 23:59:59 in Shanghai
        kept.handle(AgentPhoneUp(ANNA))
        kept.clock.at += 1
        kept.handle(AgentPhoneUp(BO))
        kept.work(4, 300)
    (first,) = day_files(tmp_path, date(2026, 11, 5))
    (second,) = day_files(tmp_path, date(2026, 11, 6))
    assert (marks(first), marks(second)) == ([MarkKind.CONTINUED], [MarkKind.CLOSED])
    folded(first)
    assert folded(second).snapshot(kept.clock.at) == kept.dispatcher.snapshot(kept.clock.at)


def test_segment_that_is_packed_between_its_listing_and_its_reading_is_read(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    with kept.journal:
        kept.work(3, 300)
    (listed,) = day_files(tmp_path, date(2026, 11, 5))
    pack(listed)
    folded(listed)


def test_segment_that_grows_long_is_continued_in_another(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    with kept.journal:
        for number in range(SEGMENT_TURNS_MAX + 5):
            kept.handle(AgentPhoneUp(ANNA) if number % 2 else AgentPhoneDown(ANNA))
            kept.clock.at += 0.001
    first, second = day_files(tmp_path, date(2026, 11, 5))
    assert marks(first) == [MarkKind.CONTINUED]
    assert len(list(journal.records(lines(second)))) == 2 + 5 + 1
    assert folded(second).snapshot(kept.clock.at) == kept.dispatcher.snapshot(kept.clock.at)


def test_segments_of_one_moment_are_kept_apart(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    with kept.journal:
        kept.handle(AgentPhoneUp(ANNA))
        kept.journal.note_shutdown()
    assert [marks(path) for path in day_files(tmp_path, date(2026, 11, 5))] == [
        [MarkKind.CONTINUED],
        [MarkKind.SHUTDOWN, MarkKind.CLOSED],
    ]


def test_clock_that_was_set_back_does_not_end_the_day_early(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    with kept.journal:
        kept.clock.began -= timedelta(hours=2)
        kept.clock.at += 12 * 3_600
        kept.handle(AgentPhoneUp(ANNA))
        kept.clock.at += 2 * 3_600
        kept.handle(AgentPhoneUp(BO), AgentPhoneUp(CHEN))
    (_,), (last,) = day_files(tmp_path, date(2026, 11, 5)), day_files(tmp_path, date(2026, 11, 6))
    turns = [record for record in journal.records(lines(last)) if isinstance(record, JournalTurn)]
    assert [turn.event for turn in turns] == [AgentPhoneUp(CHEN)]


def test_header_tells_time_of_day_version_and_settings(tmp_path: Path) -> None:
    with Kept(tmp_path).journal:
        pass
    (found,) = segment_files(tmp_path)
    header = next(journal.records(lines(found.path)))
    assert header == Header(NOON, 5_000.0, dispatcher_settings(), "0.4.0")


# ---- a disk that fails -------------------------------------------------------------------------------------------


def test_disk_that_cannot_be_used_is_an_alarm_and_the_journal_comes_back_with_it(tmp_path: Path) -> None:
    place = tmp_path / "journal"
    place.write_text("in the way")
    kept = Kept(place)
    with kept.journal:
        kept.work(5, 20)
        assert kept.journal.wait_durable(WITHIN_S)
        kept.handle(AgentPhoneUp(ANNA))
        assert "no journal is kept" in kept.journal.alarm and str(place) in kept.journal.alarm
        place.unlink()
        kept.handle(AgentPhoneUp(BO))
        assert kept.journal.alarm, "not tried again so soon"
        kept.clock.at += RETRY_AFTER_S
        kept.work(6, 200)
        assert (kept.journal.alarm, kept.journal.gaps) == ("", 1)
    (found,) = segment_files(place)
    assert folded(found.path).snapshot(kept.clock.at) == kept.dispatcher.snapshot(kept.clock.at)


def test_room_for_the_records_of_calls_is_left(tmp_path: Path) -> None:
    kept = Kept(tmp_path, reserve_bytes=1 << 60)
    with kept.journal:
        assert kept.journal.wait_durable(WITHIN_S)
        kept.handle(AgentPhoneUp(ANNA))
        assert "nearly full" in kept.journal.alarm
    assert segment_files(tmp_path) == []


def test_disk_that_hangs_fills_no_memory(tmp_path: Path) -> None:
    kept = Kept(tmp_path)  # never entered: a thread that takes nothing
    for _ in range(MEMORY_TURNS_MAX + 1_000):
        kept.journal.record(kept.clock.at, AgentPhoneUp(ANNA), [])
    assert "wait for the disk" in kept.journal.alarm
    assert kept.journal.backlog() <= MEMORY_TURNS_MAX + 2


def test_segment_that_cannot_go_on_keeps_what_was_written_and_ends_with_a_mark(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    limit = replace(kept.settings, retention=JournalRetention(size_bytes_max=20_000))
    kept.journal = DiskJournal(limit, kept.dispatcher, kept.clock)
    with kept.journal:
        while not kept.journal.alarm:
            kept.work(7, 10)
            assert kept.journal.wait_durable(WITHIN_S)
        assert "larger than the journal may be" in kept.journal.alarm
    (found,) = segment_files(tmp_path)
    assert 10_000 < found.path.stat().st_size <= 21_000
    assert marks(found.path) == [MarkKind.STOPPED]
    folded(found.path)


def test_no_thread_is_left(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with Kept(tmp_path).journal as kept:
        assert kept.wait_durable(WITHIN_S)
    left = {thread for thread in set(threading.enumerate()) - before if thread.name == "journal"}
    assert not left


# ---- files ------------------------------------------------------------------------------------------------------


def made(directory: Path, day: date, text: str = "x\n") -> Path:
    path = segment_path(directory, day, datetime(day.year, day.month, day.day, tzinfo=UTC))
    path.write_text(text)
    return path


def test_finished_days_are_packed_and_the_running_one_is_not(tmp_path: Path) -> None:
    old, today = made(tmp_path, date(2026, 11, 3)), made(tmp_path, date(2026, 11, 5))
    running = made(tmp_path, date(2026, 11, 4))  # begun before midnight, by a clock set forward since
    tidy(tmp_path, running, date(2026, 11, 5), JournalRetention())
    names = [each.path.name for each in segment_files(tmp_path)]
    assert names == [old.name + ".gz", running.name, today.name]
    (packed,) = day_files(tmp_path, date(2026, 11, 3))
    assert list(lines(packed)) == ["x\n"]
    assert stat.S_IMODE(packed.stat().st_mode) == 0o600


def test_days_past_the_limit_go_and_strange_files_stay(tmp_path: Path) -> None:
    for day in (1, 2, 3, 4):
        made(tmp_path, date(2026, 11, day))
    strange = tmp_path / "2026-01-01_notes.jsonl"
    strange.write_text("mine")
    tidy(tmp_path, None, date(2026, 11, 5), JournalRetention(days=2))
    assert [each.day.day for each in segment_files(tmp_path)] == [3, 4]
    assert strange.exists()


def test_oldest_go_first_when_the_journal_is_too_large(tmp_path: Path) -> None:
    for day in (5, 6, 7):
        made(tmp_path, date(2026, 11, day), "x" * 1_000)
    tidy(tmp_path, None, date(2026, 11, 5), JournalRetention(size_bytes_max=2_500))
    assert [each.day.day for each in segment_files(tmp_path)] == [6, 7]


def test_packing_that_a_crash_interrupted_shows_every_segment_once(tmp_path: Path) -> None:
    path = made(tmp_path, date(2026, 11, 3))
    text = path.read_text()
    packed = pack(path)
    path.write_text(text)  # as if the crash had come before the plain file was deleted
    assert [each.path for each in segment_files(tmp_path)] == [packed]
    tidy(tmp_path, None, date(2026, 11, 5), JournalRetention())
    assert [each.name for each in tmp_path.iterdir()] == [packed.name]


def test_no_directory_is_no_journal(tmp_path: Path) -> None:
    assert segment_files(tmp_path / "journal") == []
    assert last_state(tmp_path / "journal") is None


# ---- restart ----------------------------------------------------------------------------------------------------


def staff(kept: Kept, agent: AgentId) -> None:
    kept.handle(AgentPhoneUp(agent), AgentLoggedIn(AgentSettings(agent, skills={TALK: 3})), AgentReady(agent))


def caller(name: str, number: str, priority_s: float = 0.0, waited_s: float = 0.0) -> CallerJoined:
    facts = CallerFacts("vip", "en", "gz")
    return CallerJoined(EntryId(name), SALES, priority_s, label=number, facts=facts, waited_s=waited_s)


def evening(kept: Kept) -> None:
    """Anna talks, Bo is at lunch, three callers wait and one has hung up."""
    staff(kept, ANNA)
    staff(kept, BO)
    kept.handle(AgentNotReady(BO, "lunch"), caller("e1", "13800000001"), OfferAccepted(OfferId(1)))
    kept.clock.at += 20
    kept.handle(caller("e2", "13800000002", waited_s=30.0), caller("e3", "13800000003"), caller("e4", "13800000004"))
    kept.handle(caller("e5", "13800000005", priority_s=60.0))
    kept.clock.at += 10
    kept.handle(CallerLeft(EntryId("e3")))


def test_agents_and_places_are_known_after_a_crash(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    with kept.journal:
        evening(kept)
        assert kept.journal.wait_durable(WITHIN_S)
        (found,) = segment_files(tmp_path)
        with open(found.path, "ab") as file:
            file.write(b'{"at":5030.0,"input":"Agen')  # the line that the crash tore off
        resumed = last_state(tmp_path)
    assert resumed is not None
    assert resumed.ended_wall == NOON + timedelta(seconds=30)
    anna, bo = resumed.agents
    assert (anna.settings.agent, anna.is_ready, anna.answered, anna.idle_for_s) == (ANNA, True, 1, 0.0)
    assert 0 < anna.load < 0.05
    assert (bo.settings.agent, bo.is_ready, bo.reason, bo.idle_for_s) == (BO, False, "lunch", 30.0)
    assert {place.caller: (place.waited_s, place.priority_s) for place in resumed.places} == {
        "13800000002": (40.0, 0.0),
        "13800000004": (10.0, 0.0),
        "13800000005": (10.0, 60.0),
    }
    assert {(place.queue, place.facts.tier, place.left_wall) for place in resumed.places} == {
        (SALES, "vip", resumed.ended_wall)
    }


def test_callers_whom_the_shutdown_itself_took_out_keep_their_places(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    with kept.journal:
        evening(kept)
        kept.handle(CallerLeft(EntryId("e4"), LeaveCause.FAILED))  # before: a failure of its own
        kept.journal.note_shutdown()
        kept.clock.at += 5
        kept.handle(CallerLeft(EntryId("e2"), LeaveCause.FAILED), CallerLeft(EntryId("e5"), LeaveCause.HUNG_UP))
        kept.handle(CallerLeft(EntryId("e1"), LeaveCause.FAILED))  # in a talk: had been served
    resumed = last_state(tmp_path)
    assert resumed is not None
    assert [(place.caller, place.waited_s) for place in resumed.places] == [("13800000002", 45.0)]
    before, after = segment_files(tmp_path)
    assert (marks(before.path), marks(after.path)) == ([MarkKind.CONTINUED], [MarkKind.SHUTDOWN, MarkKind.CLOSED])


def test_caller_who_was_lost_before_any_shutdown_has_no_place(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    with kept.journal:
        evening(kept)
        kept.handle(CallerLeft(EntryId("e4"), LeaveCause.FAILED))
        assert kept.journal.wait_durable(WITHIN_S)
        resumed = last_state(tmp_path)
    assert resumed is not None
    assert {place.caller for place in resumed.places} == {"13800000002", "13800000005"}


def test_restored_agents_are_as_they_were(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    with kept.journal:
        kept.work(9, 500)
    resumed = last_state(tmp_path)
    assert resumed is not None and len(resumed.agents) > 3
    again = Dispatcher(dispatcher_settings())
    for agent in resumed.agents:
        assert isinstance(agent, AgentRestored)
        assert not [decision for decision in again.handle(agent, 100.0) if type(decision).__name__ == "InputRefused"]


def test_run_that_ended_too_long_ago_is_not_taken_over(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    with kept.journal:
        evening(kept)
    ended = NOON + timedelta(seconds=30)
    assert last_state(tmp_path, ended) is not None
    assert last_state(tmp_path, ended + timedelta(seconds=1)) is None


def test_segment_without_a_beginning_gives_way_to_the_one_before(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    with kept.journal:
        evening(kept)
    segment_path(tmp_path, date(2026, 11, 6), NOON + timedelta(days=1)).write_text('{"journal":1,"beg')
    resumed = last_state(tmp_path)
    assert resumed is not None and len(resumed.agents) == 2
    assert "first line is no header" in resumed.problem


def test_line_that_is_damaged_ends_what_is_known(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    with kept.journal:
        evening(kept)
    (found,) = segment_files(tmp_path)
    text = found.path.read_bytes().splitlines(keepends=True)
    found.path.write_bytes(b"".join([*text[:-2], b"\xff\xfe\n", *text[-2:]]))
    resumed = last_state(tmp_path)
    assert resumed is not None and f"line {len(text) - 1}" in resumed.problem
    assert len(resumed.agents) == 2 and len(resumed.places) == 4  # e3 had not hung up yet


def test_packed_file_that_is_damaged_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    with kept.journal:
        kept.work(9, 500)
    (found,) = segment_files(tmp_path)
    packed = pack(found.path)
    whole = packed.read_bytes()
    packed.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EOFError), gzip.open(packed) as file:
        file.read()
    resumed = last_state(tmp_path)
    assert resumed is not None and resumed.problem
    os.truncate(packed, 5)
    assert last_state(tmp_path) is None
