"""Transcripts of recordings in PostgreSQL: which recordings still need one, and the finished transcripts.

The recordings without a transcript are those that wait. That needs no separate queue, survives a crash, and has no
duplicates.
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
    """A recording without a transcript."""

    call_id: CallId
    n: int
    path: str
    duration_s: float


class PgTranscripts:
    """Implements `Transcripts`, and stores them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def waiting(self, kind: TranscriptKind, since: datetime, limit: int) -> tuple[Unwritten, ...]:
        """Recordings begun since `since` that wait, messages first, then the newest talk. Raises Unavailable."""
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
        """Store a transcript once; when its recording was deleted meanwhile, nothing is stored. Raises Unavailable."""
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
            return  # the recording was deleted in between

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
    """The words to search for. Raises `BadRecord` when there are none, or too many."""
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
