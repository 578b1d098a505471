"""One daemon for most wire tests, and a ledger that must be empty after each."""

import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from bench.daemon import Daemon, scratch
from bench.phone import Phone, PhoneSettings
from bench.ports import free_port
from tests.wire.hotline import hotline
from tests.wire.watch import Operator


@pytest.fixture(scope="session")
def open_directory() -> Iterator[Path]:
    """A directory that the database's user can reach when we are root, as pytest's own are not."""
    with scratch("wire") as directory:
        yield directory


@pytest.fixture(scope="session")
def far_end_port() -> int:
    """The port of the external party's switch, if a test starts one."""
    return free_port(socket.SOCK_DGRAM)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def daemon(open_directory: Path, far_end_port: int) -> AsyncIterator[Daemon]:
    """The daemon that most tests share."""
    async with Daemon(hotline(open_directory / "shared", far_end_port)) as daemon:
        yield daemon
        async with Operator(daemon) as operator:
            assert await operator.forgotten() == {}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def own_daemon(open_directory: Path) -> AsyncIterator[Daemon]:
    """A daemon for tests that restart it or change its settings; each leaves it running, and empty."""
    async with Daemon(hotline(open_directory / "own", free_port(socket.SOCK_DGRAM))) as daemon:
        yield daemon


@pytest.fixture
async def operator(daemon: Daemon) -> AsyncIterator[Operator]:
    """An operator of the shared daemon; when the test is over nothing may be held."""
    async with Operator(daemon) as operator:
        yield operator
        held = await operator.settle()
        await operator.hang_up_all()  # so that one failure causes no others
        assert held == {}


@contextlib.asynccontextmanager
async def scripted_phone(daemon: Daemon, operator: Operator) -> AsyncIterator[Phone]:
    """A phone that is closed only when its calls are over, so that no call waits for an answer that never comes."""
    async with Phone(PhoneSettings(daemon.sip)) as phone:
        yield phone
        for call in tuple(phone.calls.values()):
            call.hang_up()
        await operator.settle()
        for agent in phone.users:
            await phone.unregister(agent)


@pytest.fixture
async def agent_phone(daemon: Daemon, operator: Operator) -> AsyncIterator[Phone]:
    """A phone for agents."""
    async with scripted_phone(daemon, operator) as phone:
        yield phone


@pytest.fixture
async def caller(daemon: Daemon, operator: Operator, agent_phone: Phone) -> AsyncIterator[Phone]:
    """A phone on the trunk; it leaves before the agents do."""
    async with scripted_phone(daemon, operator) as phone:
        yield phone


@pytest.fixture
def recordings(daemon: Daemon) -> Path:
    """Where the shared daemon records."""
    return daemon.recordings
