"""What was said in recordings: each is written down once, found by its words, and goes with its recording."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.storage.keeping import Delivery

from acdcore.calls.model.ports import BadRecord, TranscriptFilter
from acdcore.calls.model.rows import RecordingRow, SpokenPart, TranscriptRow, WorkRow
from acdcore.daemon.transcription import TRANSCRIPTS, Transcription, TranscriptionSettings
from acdcore.kernel.alarms import Alarms
from acdcore.kernel.clock import SystemClock
from acdcore.kernel.errors import Unavailable
from acdcore.kernel.ids import CallId, QueueName
from acdcore.recognition.model import TranscriptKind
from acdcore.recognition.service import RecognitionSettings
from acdcore.storage.postgres.database import Database
from acdcore.storage.stores.retention import PgRetention
from acdcore.storage.stores.transcript_search import fold_text, pairs
from acdcore.storage.stores.transcripts import PgTranscripts
from acdcore.work.model import WorkId, WorkItem, WorkKind

NOW = datetime.now(UTC)
COMMAND = (sys.executable, str(Path(__file__).with_name("writing_child.py")))
WEEK_AGO = NOW - timedelta(days=7)


def recording(number: int, minutes_ago: float = 60.0, caller: str = "+8613800138000") -> RecordingRow:
    call = CallId(f"20261121T080000000-{number:06}")
    at = NOW - timedelta(minutes=minutes_ago)
    return RecordingRow(call, 1, f"2026/11/21/{call}-1.wav", at, 10.0, 1_000, None, QueueName("service"), caller)


def message(row: RecordingRow) -> WorkRow:
    work = WorkId(f"W{row.call_id}")
    item = WorkItem(work, WorkKind.VOICEMAIL, QueueName("service"), "", row.started_at, recording=row.path)
    return WorkRow(work, 1, row.started_at, item)


def said(row: RecordingRow, text: str) -> TranscriptRow:
    return TranscriptRow(row.call_id, row.n, NOW, "cmn", (SpokenPart("caller", 0.4, 2.0, text),))


async def stored(delivery: Delivery, *rows: RecordingRow | WorkRow) -> None:
    for row in rows:
        delivery.spool.append(row)
    assert await delivery.deliver()


async def found(store: PgTranscripts, words: str) -> list[CallId]:
    return [each.recording.call_id for each in await store.transcripts(TranscriptFilter(words=words))]


async def waiting(store: PgTranscripts, kind: TranscriptKind = TranscriptKind.ALL) -> list[CallId]:
    return [each.call_id for each in await store.waiting(kind, WEEK_AGO, 100)]


@pytest.fixture
def store(database: Database) -> PgTranscripts:
    return PgTranscripts(database)


@pytest.mark.parametrize(
    ("words", "is_found"),
    [
        ("发票", True),
        ("我的发票", True),
        ("INVOICE", True),
        ("ｉｎｖｏｉｃｅ", True),
        ("voic", True),
        ("发票 2026", True),
        ("的 发票", True),
        ("票发", False),
        ("发票 贷款", False),
        ("我的invoice", False),
        ("%发票%", True),
        ("'; drop table transcripts; --", False),
    ],
)
async def test_words_are_found_wherever_in_a_sentence_they_stand(
    delivery: Delivery, store: PgTranscripts, words: str, is_found: bool
) -> None:
    row = recording(1)
    await stored(delivery, row)
    await store.keep(said(row, "你好，我想问一下我的发票。Invoice number 2026!"))
    assert await found(store, words) == ([row.call_id] if is_found else [])


@pytest.mark.parametrize("words", ["", "  ", "，。", "的", "a b c", "发_票", "ab " * 11])
async def test_words_that_would_be_in_every_text_are_refused(store: PgTranscripts, words: str) -> None:
    with pytest.raises(BadRecord, match=r"^q: "):
        await found(store, words)


async def test_search_reads_the_index_and_not_every_text(
    delivery: Delivery, store: PgTranscripts, database: Database
) -> None:
    row = recording(1)
    await stored(delivery, row)
    await store.keep(said(row, "我的发票"))
    async with database.connection() as connection:
        await connection.execute("set enable_seqscan = off")
        plan = await connection.fetch("explain select from transcripts where pairs @> array['发票']")
        await connection.execute("reset enable_seqscan")
    assert "transcripts_by_pairs" in str(plan)


async def test_transcript_is_reported_with_its_recording_as_it_was_kept(
    delivery: Delivery, store: PgTranscripts
) -> None:
    row = recording(1, caller="")  # withheld, and so it stays
    await stored(delivery, row)
    await store.keep(said(row, "我的发票"))
    (each,) = await store.transcripts(TranscriptFilter(path=row.path))
    assert (each.recording, each.transcript) == (row, said(row, "我的发票"))


async def test_pages_follow_each_other(delivery: Delivery, store: PgTranscripts) -> None:
    rows = [recording(number) for number in range(5)]
    await stored(delivery, *rows)
    for row in rows:
        await store.keep(said(row, "我的发票"))
    seen: list[CallId] = []
    wanted = TranscriptFilter(words="发票", limit=2)
    while page := await store.transcripts(wanted):
        seen += [each.recording.call_id for each in page]
        wanted = replace(wanted, before=(page[-1].recording.call_id, page[-1].recording.n))
    assert seen == [row.call_id for row in reversed(rows)]


async def test_messages_wait_before_talks_and_the_newest_before_older_ones(
    delivery: Delivery, store: PgTranscripts
) -> None:
    old, new, left, long_ago = recording(1, 50), recording(2, 10), recording(3, 90), recording(4, 8 * 24 * 60)
    await stored(delivery, old, new, left, long_ago, message(left))
    assert await waiting(store) == [left.call_id, new.call_id, old.call_id]
    assert await waiting(store, TranscriptKind.MESSAGES) == [left.call_id]
    assert await waiting(store, TranscriptKind.RECORDINGS) == [new.call_id, old.call_id]
    assert await waiting(store, TranscriptKind.NONE) == []


async def test_recording_is_kept_once_and_waits_no_more(delivery: Delivery, store: PgTranscripts) -> None:
    row = recording(1)
    await stored(delivery, row)
    await store.keep(said(row, "first"))
    await store.keep(said(row, "second"))
    assert await waiting(store) == []
    assert await found(store, "first") == [row.call_id]
    assert await found(store, "second") == []


async def test_transcript_goes_with_its_recording_and_none_is_kept_after_it(
    delivery: Delivery, store: PgTranscripts, database: Database
) -> None:
    row, gone = recording(1), recording(2)
    await stored(delivery, row, gone)
    await store.keep(said(row, "我的发票"))
    await PgRetention(database).forget_recordings([row.path, gone.path])
    await store.keep(said(gone, "我的发票"))
    assert await found(store, "发票") == []


def test_text_is_folded_and_cut_into_pairs() -> None:
    assert fold_text("Ａbc，  你好。\n１２") == "abc 你好 12"
    assert pairs(["abc", "你好", "x", ""]) == ("ab", "bc", "你好")


# --- the job ---


class Job:
    """Writes down what waits, with a process that does what the files say."""

    def __init__(self, store: PgTranscripts, directory: Path, missing: tuple[str, ...] = ()) -> None:
        limits = {"within_s": 2.0, "within_times": 0.0}
        engine = RecognitionSettings("whisper", transcripts=TranscriptKind.ALL)
        settings = TranscriptionSettings(engine, directory, missing, "", COMMAND, **limits)
        self.alarms = Alarms(SystemClock())
        self.directory = directory
        self.transcription = Transcription(settings, store, SystemClock())

    def record(self, row: RecordingRow, text: str) -> None:
        file = self.directory / row.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    async def turn(self) -> None:
        await self.transcription.turn(self.alarms)

    @property
    def alarm(self) -> str:
        return next((each.detail for each in self.alarms.raised() if each.kind is TRANSCRIPTS), "")


@pytest.fixture
def job(store: PgTranscripts, tmp_path: Path) -> Job:
    return Job(store, tmp_path)


async def kept(store: PgTranscripts) -> Sequence[TranscriptRow]:
    return [each.transcript for each in await store.transcripts(TranscriptFilter())]


async def test_what_waits_is_written_down_side_by_side(delivery: Delivery, store: PgTranscripts, job: Job) -> None:
    rows = [recording(number) for number in range(25)]  # more than one look
    await stored(delivery, *rows)
    for row in rows:
        job.record(row, f"invoice {row.call_id[-2:]}")
    await job.turn()
    assert await waiting(store) == []
    assert job.alarm == ""
    (first, *_) = await kept(store)
    assert first.parts == (SpokenPart("caller", 0.0, 1.0, "invoice 24"), SpokenPart("agent", 1.5, 2.0, "好的"))


async def test_file_that_kills_the_process_twice_is_kept_with_the_reason_and_holds_up_nobody(
    delivery: Delivery, store: PgTranscripts, job: Job
) -> None:
    bad, good = recording(1, 10), recording(2, 20)
    await stored(delivery, bad, good)
    job.record(bad, "die")
    job.record(good, "invoice")
    await job.turn()
    assert "killed" in job.alarm
    assert await waiting(store) == [bad.call_id, good.call_id]
    await job.turn()
    await job.turn()
    assert job.alarm == ""
    assert await waiting(store) == []
    assert [(row.call_id, "killed" in row.problem) for row in await kept(store)] == [
        (good.call_id, False),
        (bad.call_id, True),
    ]


async def test_file_that_is_gone_is_kept_with_the_reason(delivery: Delivery, store: PgTranscripts, job: Job) -> None:
    await stored(delivery, recording(1))
    await job.turn()
    (row,) = await kept(store)
    assert row.problem == "FileNotFoundError: No such file or directory"


async def test_path_that_is_none_of_ours_is_never_read(delivery: Delivery, store: PgTranscripts, job: Job) -> None:
    await stored(delivery, replace(recording(1), path="../../etc/passwd"))
    await job.turn()
    (row,) = await kept(store)
    assert "not the path of a recording" in row.problem


async def test_process_that_hangs_is_ended(delivery: Delivery, store: PgTranscripts, job: Job) -> None:
    await stored(delivery, recording(1))
    job.record(recording(1), "hang")
    await job.turn()
    assert "takes too long" in job.alarm
    assert await waiting(store) == [recording(1).call_id]


async def test_nothing_is_begun_while_the_engine_is_not_installed(
    delivery: Delivery, store: PgTranscripts, tmp_path: Path
) -> None:
    await stored(delivery, recording(1))
    job = Job(store, tmp_path, missing=("faster_whisper",))
    await job.turn()
    assert job.alarm == "not installed: faster_whisper; pip install 'acdcore[speech]'"
    assert await waiting(store) == [recording(1).call_id]


async def test_without_the_database_everything_waits(store: PgTranscripts, job: Job, database: Database) -> None:
    database.up.clear()
    await job.turn()
    with pytest.raises(Unavailable):
        await waiting(store)
    database.up.set()


async def test_ten_thousand_that_wait_are_an_alarm_and_a_stop_loses_none_and_repeats_none(
    delivery: Delivery, store: PgTranscripts, job: Job, database: Database
) -> None:
    async with database.connection() as connection:
        await connection.execute(
            "insert into recordings (call_id, n, path, started_at, duration_s, size_bytes, caller, is_repaired,"
            " caller_key) select 'c' || n, 1, '2026/11/21/c' || n || '-1.wav', now() - n * interval '1 s', 1, 1, '',"
            " false, '' from generate_series(1, 10000) n"
        )
    (job.directory / "2026/11/21").mkdir(parents=True)
    for number in range(1, 31):
        (job.directory / f"2026/11/21/c{number}-1.wav").write_text("die" if number == 30 else "invoice")
    told: list[str] = []
    job.alarms.listen(lambda alarm: told.append(alarm.detail))
    await job.turn()  # ended by the thirtieth, as a stop would have
    assert told[0] == "more than 1000 recordings wait to be written down"
    left = await store.waiting(TranscriptKind.ALL, WEEK_AGO, 20_000)
    assert (len(left), left[0].call_id) == (9_971, "c30")
    assert len(await found(store, "invoice")) == 29


async def test_engine_that_is_away_fails_no_recording(delivery: Delivery, store: PgTranscripts, job: Job) -> None:
    await stored(delivery, recording(1))
    job.record(recording(1), "away")
    for _ in range(5):
        await job.turn()
        assert job.alarm == "no server"
    assert await waiting(store) == [recording(1).call_id]
    job.record(recording(1), "invoice")
    await job.turn()
    assert await found(store, "invoice") == [recording(1).call_id]
