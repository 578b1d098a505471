"""Turns as lines of JSON and back: a dispatcher's state is the fold over its journal.

A journal is a sequence of segments, each complete in itself. The lines of a segment, each one JSON object:
- first a `Header`: format, program version, time of day and monotonic time of one moment, the dispatcher's settings;
- second a `DispatcherCheckpoint` as `checkpoint`: the whole state when the segment began; absent for a new dispatcher;
- then a `JournalTurn` for every input with its decisions: `at` (the `now` of the turn), `input` (the class name), the
  fields of the input, `decisions` (absent when there are none);
- a `Mark` for an event of the journal itself: a shutdown, a gap, the end.
Text after the last line feed is a line that a crash cut off; it is not read.

A reader ignores fields that it does not know and gives missing fields their defaults. So the version before and the
version after the one that wrote a journal can read it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain
from typing import Final, TypeAlias, get_args

from pydantic import TypeAdapter, ValidationError

from acdcore.queues.decisions import Decision, InputRefused, RefusalReason
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.inputs import Input
from acdcore.queues.journal import checkpoint
from acdcore.queues.journal.checkpoint import DispatcherCheckpoint, StateError
from acdcore.queues.settings import DispatcherSettings

FORMAT: Final = 1
"""Rises when an older reader would misread a line; an additional field does not change the format."""

DecisionFields: TypeAlias = Mapping[str, object]
"""One decision as recorded: its class name under `decision`, and its fields as JSON values."""


class JournalError(StateError):
    """A line is no journal record, or records come in an impossible order."""


class MarkKind(StrEnum):
    """Events of the journal itself."""

    SHUTDOWN = "shutdown"
    """The daemon begins to stop: later inputs may be a consequence of that."""
    CONTINUED = "continued"
    """The segment is complete; the next one goes on from here."""
    CLOSED = "closed"
    """The segment is complete; the daemon stopped."""
    STOPPED = "stopped"
    """Turns are missing from here on: the disk failed or was too slow."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of a segment."""

    began_wall: datetime
    """Time of day (UTC) at `began_at`."""
    began_at: float
    """Monotonic seconds of the process that wrote the segment."""
    settings: DispatcherSettings
    """The dispatcher's settings when the segment began."""
    version: str = ""
    """Version of the program that wrote it."""
    journal: int = FORMAT
    """Version of the format."""

    def wall(self, at: float) -> datetime:
        """The time of day at a monotonic time of this segment."""
        return self.began_wall + timedelta(seconds=at - self.began_at)


@dataclass(frozen=True, slots=True)
class JournalTurn:
    """One turn of the dispatcher."""

    at: float
    """The `now` of the turn, monotonic seconds."""
    event: Input
    """The input."""
    recorded: tuple[DecisionFields, ...] = ()
    """The decisions as recorded."""

    def decisions(self) -> list[Decision]:
        """The decisions; a decision that this version does not know is left out."""
        found = [_decision(fields, self.event) for fields in self.recorded]
        return [decision for decision in found if decision is not None]


@dataclass(frozen=True, slots=True)
class Mark:
    """An event of the journal itself."""

    mark: MarkKind
    at: float
    """Monotonic seconds."""
    text: str = ""
    """For people: why the journal stopped; "" for the other marks."""


Record = Header | DispatcherCheckpoint | JournalTurn | Mark

_INPUTS: Final[Mapping[str, TypeAdapter[Input]]] = {kind.__name__: TypeAdapter(kind) for kind in get_args(Input)}
_DECISIONS: Final[Mapping[str, TypeAdapter[Decision]]] = {
    kind.__name__: TypeAdapter(kind) for kind in get_args(Decision) if kind is not InputRefused
}
_HEADER: Final = TypeAdapter(Header)
_MARK: Final = TypeAdapter(Mark)
_STATE: Final = TypeAdapter(DispatcherCheckpoint)


# ---- writing ----------------------------------------------------------------------------------------------------


def write(at: float, event: Input, decisions: Sequence[Decision] = ()) -> str:
    """One turn as a line, without its line feed."""
    kind = type(event).__name__
    record = {"at": at, "input": kind, **_INPUTS[kind].dump_python(event, mode="json")}
    if decisions:
        record["decisions"] = [decision_fields(decision) for decision in decisions]
    return _line(record)


def write_header(header: Header) -> str:
    """The first line of a segment, without its line feed."""
    fields = _HEADER.dump_python(header, mode="json")
    return _line({"journal": fields.pop("journal"), **fields})


def write_state(state: DispatcherCheckpoint) -> str:
    """The second line of a segment whose dispatcher was not new, without its line feed."""
    return _line({"checkpoint": _STATE.dump_python(state, mode="json")})


def write_mark(mark: Mark) -> str:
    """A mark as a line, without its line feed."""
    return _line(_MARK.dump_python(mark, mode="json"))


def decision_fields(decision: Decision) -> DecisionFields:
    """A decision as it is recorded; a refusal is recorded without its input, which is in the same line."""
    kind = type(decision).__name__
    if isinstance(decision, InputRefused):
        return {"decision": kind, "reason": decision.reason.value}
    return {"decision": kind, **_DECISIONS[kind].dump_python(decision, mode="json")}


def _line(record: Mapping[str, object]) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


# ---- reading ----------------------------------------------------------------------------------------------------


def read_record(line: str) -> Record:
    """Any line of a segment. Raises JournalError."""
    try:
        record = json.loads(line)
        if "input" in record:
            return _turn(record)
        if "mark" in record:
            return _MARK.validate_python(record)
        if "checkpoint" in record:
            return _STATE.validate_python(record["checkpoint"])
        return _header(record)
    except (ValueError, TypeError, KeyError, AttributeError, ValidationError) as error:
        raise JournalError(f"not a journal line: {line[:80]!r}") from error


def records(lines: Iterable[str]) -> Iterator[Record]:
    """The records of one segment. Lines come with their line feeds; a last line without one is torn and left out.

    Raises JournalError, with the line's number, for a line that is no record.
    """
    for number, line in enumerate(lines, 1):
        if not line.endswith("\n"):
            return
        try:
            yield read_record(line)
        except JournalError as error:
            raise JournalError(f"line {number}: {error}") from error


def _header(record: dict[str, object]) -> Header:
    header = _HEADER.validate_python(record)
    if "journal" not in record or header.journal > FORMAT:
        raise ValueError("written by a later version of acdcore; read it with that version")
    return header


def _turn(record: dict[str, object]) -> JournalTurn:
    at, kind, recorded = record.pop("at"), record.pop("input"), record.pop("decisions", [])
    if not isinstance(at, int | float) or not isinstance(kind, str) or not isinstance(recorded, list):
        raise ValueError("not a turn")
    event = _INPUTS[kind].validate_python(record)
    return JournalTurn(float(at), event, tuple(recorded))


def _decision(fields: DecisionFields, event: Input) -> Decision | None:
    kind = fields.get("decision")
    try:
        if kind == InputRefused.__name__:
            return InputRefused(event, RefusalReason(str(fields.get("reason"))))
        adapter = _DECISIONS.get(str(kind))
        return None if adapter is None else adapter.validate_python(fields)
    except (ValidationError, ValueError):
        return None


# ---- folding ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JournalSegment:
    """A segment that is being read: its dispatcher at the beginning, and the turns and marks that follow."""

    header: Header
    dispatcher: Dispatcher
    """In the state in which the segment began."""
    rest: Iterator[JournalTurn | Mark]
    """What follows; raises JournalError at a line that is no record."""


def open_segment(lines: Iterable[str]) -> JournalSegment:
    """Begin to read a segment; lines come with their line feeds. Raises StateError."""
    found = records(lines)
    header = next(found, None)
    if not isinstance(header, Header):
        raise JournalError("not a journal segment: the first line is no header")
    second = next(found, None)
    try:
        dispatcher = (
            checkpoint.load(second) if isinstance(second, DispatcherCheckpoint) else Dispatcher(header.settings)
        )
    except ValueError as error:
        raise JournalError(f"the settings of the journal's start are not valid: {error}") from error
    is_turn = isinstance(second, JournalTurn | Mark)
    return JournalSegment(header, dispatcher, _rest(chain([second] if is_turn else [], found)))


def _rest(found: Iterable[Record | None]) -> Iterator[JournalTurn | Mark]:
    for record in found:
        if not isinstance(record, JournalTurn | Mark):
            raise JournalError("a second header or checkpoint within one segment")
        yield record
