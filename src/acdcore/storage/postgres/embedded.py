"""The embedded PostgreSQL: created at the first start, watched, restarted, and stopped with the daemon.

Rules:
- It listens on a Unix socket in a directory of its own, and lets in only the user that the daemon runs as (`peer`).
- It is a child with PDEATHSIG: not even `kill -9` of the daemon leaves a server behind.
- `fsync` and `synchronous_commit` stay on: the spool deletes what the database has confirmed, so a confirmation must
  survive a power cut. Rows come in batches, so the commits cost little.
- A cluster appears under its final name only when complete, so an interrupted first start is simply repeated.
"""

import asyncio
import contextlib
import hashlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

import asyncpg

from acdcore.kernel.background import end_task
from acdcore.kernel.errors import Unavailable
from acdcore.storage.postgres import launch
from acdcore.storage.postgres.binaries import Binaries, closed_ancestor, find_binaries, server_account

ROLE = "acdcore"
DATABASE = "acdcore"
READY_WITHIN_S = 60.0
"""Seconds. A start takes half a second; after a crash the replay of at most 256 MB of log takes longer."""
READY_POLL_S = 0.02
STOP_WITHIN_S = 10.0
"""Seconds for a fast shutdown; then an immediate one follows, from which the next start recovers."""
SYNCFS_SINCE = 17
"""The first major version whose initdb can do that."""
LEAVING_WITHIN_S = 5.0
"""Seconds to wait for the server of a daemon that was just killed to end."""
RESTART_AFTER_S = (0.1, 1.0, 5.0, 15.0)
"""Seconds before each restart of a server that died; the last is repeated. Reset when it has run for a minute."""
RAN_WELL_S = 60.0
LOG_BYTES_MAX = 10_000_000
"""Bytes; a start renames a longer log to `postgres.log.1`."""
SOCKET_PATH_BYTES_MAX = 107
"""Bytes of sun_path in unix(7), without its NUL."""
CLOSED_DIRECTORY_HOME = Path("/var/lib/acdcore")
"""Where the cluster goes when we are root and `nobody` cannot reach the directory that was asked for."""

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "20",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "recovery_init_sync_method": "syncfs",
    "jit": "off",
    "timezone": "UTC",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] ",
}


class EmbeddedPostgres:
    """`async with EmbeddedPostgres(directory) as postgres:` gives a server at `postgres.dsn`.

    Raises `Unavailable` with what to do when it cannot start. Enter it in the thread that lives as long as the
    daemon, for the server ends with that thread.
    """

    def __init__(
        self,
        directory: Path,
        on_progress: Callable[[str], None] = lambda _: None,
        closed_directory_home: Path = CLOSED_DIRECTORY_HOME,
    ) -> None:
        """`on_progress` gets a line of text for each step that takes longer than usual, and for every restart."""
        self._account = server_account()
        self._on_progress = on_progress
        self.directory = _reachable(directory.absolute(), closed_directory_home, self._account.uid != os.geteuid())
        self._data = self.directory / "data"
        self._sockets = _socket_directory(self.directory)
        self._binaries: Binaries | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: asyncio.Task[None] | None = None
        self.restarts = 0
        """How often the server died and was started again."""

    @property
    def dsn(self) -> str:
        """The connection string for asyncpg."""
        return self._dsn(DATABASE)

    @property
    def pid(self) -> int | None:
        """The server's process id; None while there is none."""
        return None if self._process is None else self._process.pid

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start the server and wait until it answers."""
        if self.directory.parent == CLOSED_DIRECTORY_HOME:
            self._on_progress(f"database: kept in {self.directory}, which the server's user can reach")
        self._prepare_directories()
        self._binaries = await asyncio.to_thread(find_binaries, self._account, self.directory)
        if not self._data.exists():
            self._on_progress("database: first start, making a PostgreSQL cluster (a second or two)")
            await self._make_cluster(self._binaries)
        self._check_version(self._binaries)
        await self._run()
        self._watch = asyncio.create_task(self._keep_running(), name="embedded postgres")

    async def stop(self) -> None:
        """Stop the server. Committed rows are safe even if this fails."""
        if self._watch is not None:
            await end_task(self._watch)
            self._watch = None
        await self._end_process()
        if self._sockets.parent != self.directory:
            with contextlib.suppress(OSError):
                self._sockets.rmdir()

    # The cluster

    def _prepare_directories(self) -> None:
        try:
            self._make_passable(self.directory)
            self._own(self._sockets)
        except OSError as error:
            raise Unavailable(f"database: {self.directory} cannot be used: {error}") from error
        log = self.directory / "postgres.log"
        if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
            log.replace(log.with_name("postgres.log.1"))

    def _make_passable(self, directory: Path) -> None:
        """Create a directory with its parents; others cannot read them, but the server's user can pass through."""
        if directory.is_dir():
            return
        self._make_passable(directory.parent)
        directory.mkdir(exist_ok=True)
        directory.chmod(0o700 if self._account.uid == os.geteuid() else 0o711)

    def _own(self, directory: Path) -> None:
        """Give the directory to the server's user; nobody else can enter it."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = directory.lstat()
        if not stat.S_ISDIR(state.st_mode) or state.st_uid not in (os.geteuid(), self._account.uid):
            raise Unavailable(f"database: {directory} belongs to another user; remove it")
        os.chmod(directory, 0o700)
        os.chown(directory, self._account.uid, self._account.gid)

    async def _make_cluster(self, binaries: Binaries) -> None:
        partial = self.directory / "data.part"
        shutil.rmtree(partial, ignore_errors=True)
        self._own(partial)
        # One sync of the file system instead of a thousand files: seconds on a busy disk.
        sync = ("--sync-method=syncfs",) if binaries.major >= SYNCFS_SINCE else ()
        arguments = (*sync, "--no-locale", "--encoding=UTF8", "--auth=peer", "--no-instructions", f"--username={ROLE}")
        process = self._spawn([str(binaries.initdb), "-D", str(partial), *arguments])
        async with _ending(process) as ended:
            await ended.wait()
        if process.wait() != 0:
            raise Unavailable(f"database: initdb failed: {self._log_tail()}")
        partial.rename(self._data)

    def _check_version(self, binaries: Binaries) -> None:
        major = (self._data / "PG_VERSION").read_text().strip()
        if major != str(binaries.major):
            raise Unavailable(
                f"database: {self._data} was made by PostgreSQL {major} and this is {binaries.major}: "
                f"dump it with the old version and restore it, or move it away to begin with an empty database"
            )

    def _admit_only_us(self) -> None:
        user = pwd.getpwuid(os.geteuid()).pw_name
        self._write("pg_hba.conf", f"local all all peer map={ROLE}\n")
        self._write("pg_ident.conf", f"{ROLE} {user} {ROLE}\n")

    def _write(self, name: str, text: str) -> None:
        path = self._data / name
        path.write_text(text)
        os.chown(path, self._account.uid, self._account.gid)
        os.chmod(path, 0o600)

    # The server

    async def _run(self) -> None:
        if self._binaries is None:
            raise Unavailable("database: not started")
        await self._clear_stale_lock()
        self._admit_only_us()
        settings = SETTINGS | {"unix_socket_directories": str(self._sockets)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._process = self._spawn([str(self._binaries.postgres), "-D", str(self._data), *options])
        try:
            await self._answering()
        except BaseException:
            await self._end_process()
            raise

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        account = self._account
        launcher = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid())]
        log: IO[bytes]
        with open(self.directory / "postgres.log", "ab") as log:
            return subprocess.Popen(
                [*launcher, str(account.uid), str(account.gid), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"LC_ALL": "C", "PATH": os.defpath},
                # Ctrl-C in the terminal is for the daemon, which then stops the server.
                start_new_session=True,
            )

    async def _answering(self) -> None:
        """Wait until a client can connect; rename the database if it does not have its name yet."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + READY_WITHIN_S
        while self._process is not None and self._process.poll() is None:
            try:
                connection = await asyncpg.connect(self._dsn("template1"), timeout=READY_WITHIN_S)
            except (OSError, asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError) as error:
                if loop.time() > give_up_at:
                    raise Unavailable(f"database: no answer within {READY_WITHIN_S:.0f} s: {error}") from error
                await asyncio.sleep(READY_POLL_S)
                continue
            except asyncpg.PostgresError as error:
                raise Unavailable(f"database: PostgreSQL refuses us: {error}") from error
            try:
                if not await connection.fetchval("select 1 from pg_database where datname = $1", DATABASE):
                    # Renamed, not created: that needs no copy, and nothing uses initdb's database.
                    await connection.execute(f"alter database postgres rename to {DATABASE}")
            finally:
                await connection.close()
            return
        raise Unavailable(f"database: PostgreSQL did not start: {self._log_tail()}")

    async def _keep_running(self) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while self._process is not None:
            started_at = loop.time()
            async with _ending(self._process) as ended:
                await ended.wait()
            if loop.time() - started_at > RAN_WELL_S:
                failures = 0
            while True:
                self.restarts += 1
                pause_s = RESTART_AFTER_S[min(failures, len(RESTART_AFTER_S) - 1)]
                failures += 1
                self._on_progress(f"database: PostgreSQL ended by itself, starting it again in {pause_s} s")
                await asyncio.sleep(pause_s)
                try:
                    await self._run()
                except (Unavailable, OSError) as error:
                    self._on_progress(str(error))
                else:
                    break

    async def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        async with _ending(process) as ended:
            for signal_number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
                if process.poll() is not None:
                    break
                process.send_signal(signal_number)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(ended.wait(), STOP_WITHIN_S)
        process.wait()

    async def _clear_stale_lock(self) -> None:
        """Remove the lock file of a server that has ended, even if its process id now belongs to another program."""
        lock = self._data / "postmaster.pid"
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + LEAVING_WITHIN_S
        while (holder := _lock_holder(lock)) is not None and _serves(holder, self._data):
            if loop.time() > give_up_at:
                raise Unavailable(f"database: {self._data} is in use by process {holder}: is another acdcore running?")
            await asyncio.sleep(READY_POLL_S)
        lock.unlink(missing_ok=True)
        for leftover in self._sockets.glob(".s.PGSQL.*"):
            leftover.unlink()

    def _dsn(self, database: str) -> str:
        return f"postgresql://{ROLE}@/{database}?host={quote(str(self._sockets), safe='')}"

    def _log_tail(self) -> str:
        lines = (self.directory / "postgres.log").read_text(errors="replace").splitlines()[-3:]
        return " | ".join(lines) or "the log is empty"


@contextlib.asynccontextmanager
async def _ending(process: subprocess.Popen[bytes]) -> AsyncIterator[asyncio.Event]:
    """An event that is set when the process has ended, by a pidfd: no thread, no signal handler, no polling."""
    ended = asyncio.Event()
    if process.poll() is not None:
        ended.set()
        yield ended
        return
    loop = asyncio.get_running_loop()
    descriptor = os.pidfd_open(process.pid)

    def note() -> None:
        loop.remove_reader(descriptor)
        process.poll()
        ended.set()

    loop.add_reader(descriptor, note)
    try:
        yield ended
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _reachable(directory: Path, home: Path, is_other_user: bool) -> Path:
    """`directory`, or a directory below `home` in its place when the server's user cannot reach it."""
    if not is_other_user or closed_ancestor(directory / "data", server_account()) is None:
        return directory
    return home / f"postgres-{_short_name(directory)}"


def _socket_directory(directory: Path) -> Path:
    """The socket's directory: below `directory`, or below /tmp when the socket's path would be too long."""
    ours = directory / "run"
    if len(os.fsencode(ours / ".s.PGSQL.5432")) <= SOCKET_PATH_BYTES_MAX:
        return ours
    return Path("/tmp") / f"acdcore-{os.geteuid()}-{_short_name(directory)}"


def _short_name(directory: Path) -> str:
    return hashlib.sha256(os.fsencode(directory)).hexdigest()[:12]


def _lock_holder(lock: Path) -> int | None:
    try:
        return int(lock.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def _serves(pid: int, data: Path) -> bool:
    """Whether the process is a server of this cluster, which its command line shows."""
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return os.fsencode(data) in arguments
