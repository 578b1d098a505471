"""Migrates the tables: numbered SQL files, each applied once, in order, in its own transaction.

An advisory lock lets one daemon at a time apply them. A file that was changed after it had been applied is refused,
because the tables would no longer match the file.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources

from acdcore.kernel.errors import SettingsError
from acdcore.storage.postgres.database import Connection

LOCK_KEY = 0x61636463
"""The advisory lock, "acdc": the same for every daemon that uses the database."""
WITHIN_S = 86_400.0
"""Seconds for a file, and for the wait while another daemon applies one: to rewrite years of calls may take hours. With
the limit of other statements a call centre with many calls could never start again."""
PACKAGE = "acdcore.storage.postgres.migrations"
FILE_NAME = re.compile(r"(\d{4})_\w+\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One migration of the tables."""

    number: int
    """1, 2, 3 and so on without a gap."""
    name: str
    """The file's name."""
    sql: str
    """The statements."""

    @property
    def checksum(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def packaged_migrations() -> list[Migration]:
    """The migrations of this acdcore, in order; raises `SettingsError` when a number is missing or a name is wrong."""
    files = [path for path in resources.files(PACKAGE).iterdir() if path.name.endswith(".sql")]
    return in_order([(path.name, path.read_text("utf-8")) for path in files])


def in_order(files: Sequence[tuple[str, str]]) -> list[Migration]:
    """(name, sql) pairs as migrations; raises `SettingsError` unless they are numbered 1, 2, 3 and so on."""
    migrations = []
    for expected, (name, sql) in enumerate(sorted(files), start=1):
        match = FILE_NAME.fullmatch(name)
        if match is None or int(match.group(1)) != expected:
            raise SettingsError(name, "", f"a migration is named NNNN_words.sql, and the next number is {expected:04}")
        migrations.append(Migration(expected, name, sql))
    return migrations


def _untold(_: str) -> None:
    """Ignore the progress."""


async def migrate(
    connection: Connection, migrations: Sequence[Migration], on_progress: Callable[[str], None] = _untold
) -> list[str]:
    """Apply the missing migrations; returns the names of their files.

    The server's own time limit for statements is switched off meanwhile. In an empty database no progress is reported.
    Raises `SettingsError` when an applied file was changed since, or when the database is newer than the program.
    """
    applied_now = []
    await connection.execute("set statement_timeout = 0")
    await connection.execute("select pg_advisory_lock($1)", LOCK_KEY, timeout=WITHIN_S)
    try:
        await connection.execute(
            "create table if not exists migrations"
            " (number integer primary key, name text not null, checksum text not null,"
            " applied_at timestamptz not null default now())"
        )
        rows = await connection.fetch("select number, name, checksum from migrations order by number")
        applied = {row["number"]: (row["name"], row["checksum"]) for row in rows}
        _refuse_unknown(applied, migrations)
        for migration in migrations:
            if migration.number in applied:
                continue
            if applied:
                on_progress(f"database: applying {migration.name}, which may take minutes where there are many calls")
            async with connection.transaction():
                await connection.execute(migration.sql, timeout=WITHIN_S)
                await connection.execute(
                    "insert into migrations (number, name, checksum) values ($1, $2, $3)",
                    migration.number,
                    migration.name,
                    migration.checksum,
                )
            applied_now.append(migration.name)
    finally:
        await connection.execute("select pg_advisory_unlock($1)", LOCK_KEY)
        await connection.execute("reset statement_timeout")
    return applied_now


def _refuse_unknown(applied: dict[int, tuple[str, str]], migrations: Sequence[Migration]) -> None:
    known = {migration.number: migration for migration in migrations}
    for number, (name, checksum) in applied.items():
        if number not in known:
            raise SettingsError(
                name,
                "",
                "is applied in the database and unknown here: this acdcore is too old; install the newer one",
            )
        if known[number].checksum != checksum:
            raise SettingsError(
                known[number].name, "", "was changed after it had been applied; restore it and add a new file instead"
            )
