"""Command lines run in this process, with what they print and their status."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self, TypeAlias

import typer
from typer.testing import CliRunner

from acdcore.cli import commands

WIDE = {"COLUMNS": "160", "TERM": "dumb", "NO_COLOR": "1"}


@dataclass(frozen=True)
class Typed:
    """What came of a command line."""

    status: int
    out: str
    err: str

    @classmethod
    def of(cls, *words: str, **environment: str) -> Self:
        """Run it."""
        app = typer.Typer()
        commands.add_to(app)
        result = CliRunner().invoke(app, words, env={**WIDE, **environment})
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return cls(result.exit_code, result.stdout, result.stderr)


Shell: TypeAlias = Callable[..., Awaitable[Typed]]
