"""The alarms of storage."""

from typing import Final

from acdcore.kernel.alarms import AlarmKind, Severity

DATABASE_AWAY: Final = AlarmKind(
    "database_away",
    Severity.MAJOR,
    "Start PostgreSQL or correct [storage] dsn; until then records wait on disk and calls go on.",
)
"""The database does not answer."""
ROWS_LATE: Final = AlarmKind(
    "rows_late",
    Severity.MAJOR,
    "Read the detail: a missing table, a full disk of the database or one that is too slow keeps records from it.",
)
"""The database answers, but records still wait."""
ROWS_REFUSED: Final = AlarmKind(
    "rows_refused",
    Severity.MAJOR,
    "Read the file that the detail names, correct what its reasons say, and move the file away when it is dealt with.",
)
"""Records that the database will never accept were put into `rejected.jsonl`."""
ROWS_LOST: Final = AlarmKind(
    "rows_lost",
    Severity.CRITICAL,
    "Make room on the spool's disk and bring the database back; what is lost stays lost.",
)
"""The spool was full, on disk or in memory, and records were dropped; raised until the next start."""
SPOOL_DISK: Final = AlarmKind(
    "spool_disk",
    Severity.CRITICAL,
    "Make room on the disk of [storage] directory, or let the daemon's user write there: records are in memory only.",
)
"""The spool cannot be written."""
JOURNAL_OFF: Final = AlarmKind(
    "journal_off",
    Severity.MAJOR,
    "Make room on the disk of [storage] directory, or let the daemon's user write there.",
)
"""No journal is kept: a crash now would lose agents' states and callers' places."""
