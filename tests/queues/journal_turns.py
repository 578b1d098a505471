"""Journal lines that a test takes to be turns."""

from acdcore.queues.inputs import Input
from acdcore.queues.journal.lines import JournalTurn, read_record


def read(line: str) -> tuple[float, Input]:
    """The time and the input of a turn. Raises JournalError for a line that cannot be read."""
    record = read_record(line)
    assert isinstance(record, JournalTurn), f"not a turn of the journal: {line[:80]!r}"
    return record.at, record.event
