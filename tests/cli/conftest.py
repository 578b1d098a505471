"""A control plane to ask, and a way to run commands against it as a user does."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from tests.cli.shell import Shell, Typed
from tests.control.conftest import served
from tests.control.served import KEYS, Served

__all__ = ["served"]


@pytest.fixture(autouse=True)
def _log_apart() -> Iterator[None]:
    """The server in this process logs to stderr, so that a command's stdout is its own."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.__stderr__))
    yield
    structlog.reset_defaults()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A key for each right."""
    file = tmp_path / "api-keys"
    lines = [f"{right.name.lower()}-client {right.name.lower()} {secret}" for right, secret in KEYS.items()]
    file.write_text("\n".join(["# name right secret", *lines, ""]), "utf-8")
    return file


@pytest.fixture
def shell(served: Served, key_file: Path) -> Shell:
    """Runs a command line against the served call centre."""

    async def run(*words: str) -> Typed:
        to_daemon = ("--url", served.base, "--key-file", str(key_file))
        return await asyncio.to_thread(Typed.of, *words, *to_daemon)

    return run
