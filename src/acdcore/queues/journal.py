"""Inputs as lines of JSON and back: a floor's state is the fold over its journal.

A line is one JSON object: `at` (the `now` of the turn), `input` (the class name) and the fields of the input. Fields
that a reader does not know are ignored, and fields that it misses take their defaults, so that a journal can be read
by the version before and after the one that wrote it.
"""

import json
from collections.abc import Iterable
from typing import get_args

from pydantic import TypeAdapter, ValidationError

from acdcore.kernel.errors import PeerError
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.model import Input
from acdcore.queues.settings import FloorSettings

_ADAPTERS: dict[str, TypeAdapter[Input]] = {kind.__name__: TypeAdapter(kind) for kind in get_args(Input)}


class JournalError(PeerError):
    """A line that is not a record of an input."""


def write(at: float, fed: Input) -> str:
    """One line, without its line feed."""
    kind = type(fed).__name__
    fields = _ADAPTERS[kind].dump_python(fed, mode="json")
    return json.dumps({"at": at, "input": kind, **fields}, ensure_ascii=False, separators=(",", ":"))


def read(line: str) -> tuple[float, Input]:
    """The time and the input of one line. Raises JournalError."""
    try:
        record = json.loads(line)
        at, kind = float(record.pop("at")), record.pop("input")
        fed = _ADAPTERS[kind].validate_python(record)
    except (ValueError, TypeError, KeyError, AttributeError, ValidationError) as error:
        raise JournalError(f"not a journal line: {line[:80]!r}") from error
    return at, fed


def rebuild(settings: FloorSettings, lines: Iterable[str]) -> Dispatcher:
    """A dispatcher in the state that the journal led to; `settings` are those of the journal's start.

    Raises JournalError for a line that can not be read, ValueError for settings that are not valid.
    """
    dispatcher = Dispatcher(settings)
    for line in lines:
        at, fed = read(line)
        dispatcher.handle(fed, at)
    return dispatcher
