"""Rows of history in their two other shapes: a line of the spool, and the arguments of an insert.

A line is `CRC JSON newline`: eight hex digits of CRC-32 over the JSON, a space, and
`{"kind": "cdr", "spooled_at": 1790000000.5, "row": {...}}` with the fields of the row's class.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from operator import attrgetter

import orjson
from pydantic import TypeAdapter

from acdcore.calls.ports import AgentEventRow, CallEventRow, CdrRow, RecordingRow, Row
from acdcore.kernel.errors import PeerError
from acdcore.storage.phone_number import matching_key

CRC_DIGITS = 8


class BadLine(PeerError):
    """A line of the spool that is not what we wrote."""


@dataclass(frozen=True, slots=True)
class Table:
    """Where rows of one class are kept."""

    kind: str
    """The word for it in the spool."""
    name: str
    """The table."""
    columns: tuple[str, ...]
    """The class's fields, then what is derived from them."""

    @property
    def insert(self) -> str:
        """Stores a row unless its key is there already."""
        places = ", ".join(f"${number}" for number in range(1, len(self.columns) + 1))
        return f"insert into {self.name} ({', '.join(self.columns)}) values ({places}) on conflict do nothing"


def _columns(row: type[Row], *derived: str) -> tuple[str, ...]:
    return (*(field.name for field in fields(row)), *derived)


TABLES: Mapping[type[Row], Table] = {
    CdrRow: Table("cdr", "calls", _columns(CdrRow, "caller_key")),
    CallEventRow: Table("call_event", "call_events", _columns(CallEventRow)),
    RecordingRow: Table("recording", "recordings", _columns(RecordingRow, "caller_key")),
    AgentEventRow: Table("agent_event", "agent_events", _columns(AgentEventRow)),
}

_VALUES = {row: attrgetter(*(field.name for field in fields(row))) for row in TABLES}
_ADAPTERS: Mapping[str, TypeAdapter[Row]] = {table.kind: TypeAdapter(row) for row, table in TABLES.items()}


@dataclass(frozen=True, slots=True)
class Spooled:
    """A row as found in the spool."""

    row: Row
    """The row."""
    spooled_at: float
    """When it was appended, seconds since 1970 in UTC."""


def line(row: Row, spooled_at: float) -> bytes:
    """The row as a line; text that no database can hold (NUL, half surrogates) is replaced, never refused."""
    kind = TABLES[type(row)].kind
    try:
        body = _json(kind, spooled_at, row)
    except TypeError:  # A lone surrogate: bytes of a peer that were not UTF-8.
        body = _json(kind, spooled_at, _storable({field.name: getattr(row, field.name) for field in fields(row)}))
    if b"\\u0000" in body:
        body = _json(kind, spooled_at, _storable({field.name: getattr(row, field.name) for field in fields(row)}))
    return b"%08x %b\n" % (zlib.crc32(body), body)


def parse(text: bytes) -> Spooled:
    """The row in a line without its newline; raises `BadLine`."""
    crc, body = text[:CRC_DIGITS], text[CRC_DIGITS + 1 :]
    if crc != b"%08x" % zlib.crc32(body):
        raise BadLine("the checksum is wrong")
    try:
        envelope = orjson.loads(body)
        row = _ADAPTERS[envelope["kind"]].validate_python(envelope["row"])
        return Spooled(row, float(envelope["spooled_at"]))
    except (ValueError, KeyError, TypeError) as error:
        raise BadLine(f"not a row of ours: {error}") from error


def arguments(row: Row) -> tuple[object, ...]:
    """The row's values in the order of its table's columns."""
    values: tuple[object, ...] = _VALUES[type(row)](row)
    if isinstance(row, CdrRow | RecordingRow):
        return (*values, matching_key(row.caller))
    return values


def _json(kind: str, spooled_at: float, row: object) -> bytes:
    return orjson.dumps({"kind": kind, "spooled_at": spooled_at, "row": row}, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be stored")


def _storable(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, Mapping):
        return {_storable(key): _storable(each) for key, each in value.items()}
    return value
