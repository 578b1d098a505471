"""What was said in recordings, in PostgreSQL: which recordings have yet to be written down, and what was found in them.

The list of what waits is the recordings without a transcript: it needs no queue of its own, outlives a crash, and
names none twice.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime

import asyncpg
from pydantic import TypeAdapter

from acdcore.calls.model.ports import BadRecord, Transcribed, TranscriptFilter
from acdcore.calls.model.rows import RecordingRow, SpokenPart, TranscriptRow
from acdcore.kernel.ids import CallId
from acdcore.recognition.model import TranscriptKind
from acdcore.storage.postgres.database import Database
from acdcore.storage.stores.history import Conditions, page
from acdcore.storage.stores.transcript_search import WORDS_MAX, fold_text, pairs

_RECORDING = TypeAdapter(RecordingRow)
_PARTS = TypeAdapter(tuple[SpokenPart, ...])
_COLUMNS = ", ".join(f"r.{field.name}" for field in fields(RecordingRow))
IS_MESSAGE = "exists (select from work_items w where w.item->>'recording' = r.path and w.item->>'recording' <> '')"


WANTED = {
    TranscriptKind.MESSAGES: IS_MESSAGE,
    TranscriptKind.RECORDINGS: f"not {IS_MESSAGE}",
    TranscriptKind.ALL: "true",
}


@dataclass(frozen=True, slots=True)
class Unwritten:
    """A recording that nobody has written down."""

    call_id: CallId
    n: int
    path: str
    duration_s: float


class PgTranscripts:
    """Implements `Transcripts`, and keeps them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def waiting(self, kind: TranscriptKind, since: datetime, limit: int) -> tuple[Unwritten, ...]:
        """Recordings begun since then that wait, messages first, then the newest. Raises Unavailable."""
        if kind is TranscriptKind.NONE:
            return ()
        query = (
            f"select r.call_id, r.n, r.path, r.duration_s from recordings r where r.started_at >= $1 and {WANTED[kind]}"
            " and not exists (select from transcripts t where t.call_id = r.call_id and t.n = r.n)"
            f" order by {IS_MESSAGE} desc, r.started_at desc limit $2"
        )
        async with self._database.connection() as connection:
            found = await connection.fetch(query, since, limit)
        return tuple(Unwritten(CallId(row["call_id"]), row["n"], row["path"], row["duration_s"]) for row in found)

    async def keep(self, row: TranscriptRow) -> None:
        """Store it, once; of a recording that was deleted meanwhile nothing is kept. Raises Unavailable."""
        text = fold_text(" ".join(part.text for part in row.parts))
        query = (
            "insert into transcripts (call_id, n, at, language, problem, parts, folded, pairs)"
            " select $1, $2, $3, $4, $5, $6, $7, $8 where exists (select from recordings where call_id = $1 and n = $2)"
            " on conflict do nothing"
        )
        values = (row.call_id, row.n, row.at, row.language, row.problem, [asdict(part) for part in row.parts])
        try:
            async with self._database.connection() as connection:
                await connection.execute(query, *values, text, list(pairs(text.split())))
        except asyncpg.ForeignKeyViolationError:
            return  # deleted between the look and the row

    async def transcripts(self, wanted: TranscriptFilter) -> Sequence[Transcribed]:
        """See `Transcripts`."""
        conditions = Conditions()
        if wanted.words is not None:
            words = words_of(wanted.words)
            conditions.add("t.pairs @> {}::text[]", list(pairs(words)))
            for word in words:
                conditions.add("strpos(t.folded, {}) > 0", word)
        conditions.add("r.call_id = {}", wanted.call_id)
        conditions.add("r.path = {}", wanted.path)
        conditions.add("r.started_at >= {}", wanted.started_from)
        conditions.add("r.started_at < {}", wanted.started_before)
        if wanted.before is not None:
            conditions.add("(r.call_id, r.n) < ({}, {})", *wanted.before)
        query = (
            f"select {_COLUMNS}, t.at, t.language, t.problem, t.parts"
            f" from transcripts t join recordings r using (call_id, n) {conditions}"
            f" order by r.call_id desc, r.n desc limit {page(wanted.limit)}"
        )
        async with self._database.connection() as connection:
            found = await connection.fetch(query, *conditions.values)
        return [_transcribed(row) for row in found]


def words_of(text: str) -> list[str]:
    """What is looked for. Raises `BadRecord` for what would be in every text, or in none."""
    words = fold_text(text).split()
    if not words or all(len(word) < 2 for word in words):
        raise BadRecord("q", "needs a word of at least two letters or characters")
    if len(words) > WORDS_MAX:
        raise BadRecord("q", f"has {len(words)} words; at most {WORDS_MAX} are looked for")
    return words


def _transcribed(row: asyncpg.Record) -> Transcribed:
    recording = _RECORDING.validate_python({field.name: row[field.name] for field in fields(RecordingRow)})
    parts = _PARTS.validate_python(row["parts"])
    transcript = TranscriptRow(recording.call_id, recording.n, row["at"], row["language"], parts, row["problem"])
    return Transcribed(recording, transcript)
