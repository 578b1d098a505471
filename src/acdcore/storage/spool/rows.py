"""Rows of history in their two other forms: a line of the spool, and a table's columns as JSON.

A line is `CRC JSON newline`: eight hex digits of CRC-32 over the JSON, a space, and
`{"kind": "cdr", "spooled_at": 1790000000.5, "row": {...}}` with the columns of the row's table. The database takes
the JSON as it is: it is neither parsed into a row nor encoded again on its way.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, TypeVar

import orjson
from pydantic import TypeAdapter

from acdcore.calls.model.rows import (
    AgentEventRow,
    AnswerRow,
    CallEventRow,
    CallSegment,
    CdrRow,
    QueueVisitRow,
    RecordingRow,
    Row,
    TraceRow,
    WorkRow,
)
from acdcore.kernel.errors import PeerError
from acdcore.kernel.ids import AgentId, QueueName
from acdcore.numbering.key import matching_key
from acdcore.work.model import WorkItem

CRC_DIGITS = 8
T = TypeVar("T", AgentId, QueueName)


class BadLine(PeerError):
    """A damaged line of the spool."""


@dataclass(frozen=True, slots=True)
class RowTable:
    """The table that rows of one class are stored in."""

    kind: str
    """The value of `kind` in a line of the spool."""
    name: str
    """The table."""
    columns: tuple[str, ...]
    """The class's fields, then the columns derived from them."""

    @property
    def insert(self) -> str:
        """The statement that stores a JSON array of rows, except those whose key exists already."""
        columns = ", ".join(self.columns)
        found = f"json_populate_recordset(null::{self.name}, $1::json)"
        return f"insert into {self.name} ({columns}) select {columns} from {found} on conflict do nothing"


def _columns(row: type[Row], *derived: str) -> tuple[str, ...]:
    return (*(field.name for field in fields(row)), *derived)


TABLES: Mapping[type[Row], RowTable] = {
    CdrRow: RowTable("cdr", "calls", _columns(CdrRow, "caller_key", "agents", "queues")),
    CallEventRow: RowTable("call_event", "call_events", _columns(CallEventRow)),
    RecordingRow: RowTable("recording", "recordings", _columns(RecordingRow, "caller_key")),
    AgentEventRow: RowTable("agent_event", "agent_events", _columns(AgentEventRow)),
    WorkRow: RowTable("work", "work_items_log", _columns(WorkRow, "queue", "kind", "state", "agent", "number_key")),
    AnswerRow: RowTable("answer", "answers", _columns(AnswerRow)),
    QueueVisitRow: RowTable("queue_visit", "queue_visits", _columns(QueueVisitRow)),
    TraceRow: RowTable("trace", "traces", _columns(TraceRow)),
}

_SEGMENT_FIELDS = tuple(field.name for field in fields(CallSegment))
_ITEM_FIELDS = tuple(field.name for field in fields(WorkItem))
_VALUES = {row: attrgetter(*(field.name for field in fields(row))) for row in TABLES}
_ADAPTERS: Mapping[str, TypeAdapter[Row]] = {table.kind: TypeAdapter(row) for row, table in TABLES.items()}
_BY_KIND: Mapping[str, RowTable] = {table.kind: table for table in TABLES.values()}
_JSON_INTEGERS = range(-(2**63), 2**64)
"""Integers that orjson can encode."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """A row as found in the spool."""

    row: Row
    """The row."""
    spooled_at: float
    """When it was appended, Unix time in seconds."""


def encode_line(row: Row, spooled_at: float) -> bytes:
    """The row as a line. NUL, half surrogates and huge integers, which no database can store, are replaced."""
    kind, columns = TABLES[type(row)].kind, column_values(row)
    try:
        body = _json(kind, spooled_at, columns)
    except TypeError:  # A lone surrogate: bytes of a peer that were not UTF-8.
        body = _json(kind, spooled_at, _storable(columns))
    if b"\\u0000" in body:
        body = _json(kind, spooled_at, _storable(columns))
    return b"%08x %b\n" % (zlib.crc32(body), body)


def parse(text: bytes) -> Spooled:
    """The row in a line without its newline; raises `BadLine`."""
    envelope = _envelope(text)
    try:
        row = _ADAPTERS[envelope["kind"]].validate_python(envelope["row"])
        return Spooled(row, float(envelope["spooled_at"]))
    except (ValueError, KeyError, TypeError) as error:
        raise BadLine(f"not a row of ours: {error}") from error


def by_table(lines: Sequence[bytes]) -> Mapping[RowTable, str]:
    """The rows of many lines as JSON arrays for `RowTable.insert`, without checking them; raises `BadLine`."""
    sorted_rows: dict[str, list[object]] = {table.kind: [] for table in TABLES.values()}
    for text in lines:
        envelope = _envelope(text)
        try:
            sorted_rows[envelope["kind"]].append(envelope["row"])
        except (KeyError, TypeError) as error:
            raise BadLine(f"not a row of ours: {error}") from error
    return {_BY_KIND[kind]: orjson.dumps(found).decode() for kind, found in sorted_rows.items() if found}


def column_values(row: Row) -> dict[str, object]:
    """The row as its table holds it: column to value."""
    values: tuple[object, ...] = _VALUES[type(row)](row)
    match row:
        case CdrRow():
            values = (*values, matching_key(row.caller), agents_of(row), queues_of(row))
        case RecordingRow():
            values = (*values, matching_key(row.caller))
        case WorkRow(item=item):
            plain = {name: getattr(item, name) for name in _ITEM_FIELDS}
            key = matching_key(item.number)
            values = (*values[:-1], plain, item.queue, item.kind, item.state, item.agent, key)
    return dict(zip(TABLES[type(row)].columns, values, strict=True))


def agents_of(row: CdrRow) -> list[AgentId]:
    """Every agent who took part in the call."""
    return _each(row.agent, *(each.agent for each in row.segments))


def queues_of(row: CdrRow) -> list[QueueName]:
    """Every queue that the call was in."""
    return _each(row.queue, *(each.queue for each in row.segments))


def _each(*found: T | None) -> list[T]:
    return list(dict.fromkeys(each for each in found if each is not None))


def _envelope(text: bytes) -> dict[str, Any]:
    crc, body = text[:CRC_DIGITS], text[CRC_DIGITS + 1 :]
    if crc != b"%08x" % zlib.crc32(body):
        raise BadLine("the checksum is wrong")
    try:
        envelope: dict[str, Any] = orjson.loads(body)
    except ValueError as error:
        raise BadLine(f"not a row of ours: {error}") from error
    return envelope


def _json(kind: str, spooled_at: float, columns: object) -> bytes:
    return orjson.dumps({"kind": kind, "spooled_at": spooled_at, "row": columns}, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be stored")


def _storable(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, Mapping):
        return {_storable(key): _storable(each) for key, each in value.items()}
    if isinstance(value, CallSegment):
        return {name: _storable(getattr(value, name)) for name in _SEGMENT_FIELDS}
    if isinstance(value, list | tuple):
        return [_storable(each) for each in value]
    if isinstance(value, int) and value not in _JSON_INTEGERS:
        return str(value)
    return value
