"""What all commands share: where they print, how they fail, and the options that they have in common."""

import errno
import os
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from pydantic import TypeAdapter
from rich.console import Console, RenderableType
from rich.text import Text

from acdcore.configuration.settings import PREFIX
from acdcore.kernel.errors import AcdError, SettingsError


class Exit(IntEnum):
    """What a command's exit status says; 2 is typer's own for a wrong command line."""

    GOOD = 0
    BAD = 1
    """It could not be done, or it found something wrong: problems in the settings, a difference in a replay."""


ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", help="The settings; every key also as ACDCORE_<SECTION>__<KEY>.")
]
UrlOption = Annotated[
    str | None,
    typer.Option("--url", help="The running daemon's URL; without it the address in the settings' section http."),
]
KeyFileOption = Annotated[
    Path | None,
    typer.Option(
        "--key-file",
        help="File of API keys, a line each: name, right, secret; without it api-keys in the storage directory.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of tables.")]
DEFAULT_CONFIG = Path("config/acdcore.toml")


FILE_FAULTS = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST}
    | {errno.ENOENT, errno.ENAMETOOLONG, errno.ELOOP}
)
"""Errors that are the fault of a file or a directory, not of acdcore; they are printed as one line."""
WIDTH_OF_FILES = 160
"""Width in characters where there is no terminal: tables in a pipe or a file are not squeezed."""


class PlainConsole(Console):
    """A console for text that strangers may have given: names and numbers must not steer the terminal."""

    def render_str(self, text: str, **options: Any) -> Text:
        """As in `Console`, without control characters and direction marks in the text, also in cells of tables."""
        return super().render_str(harmless(text), **options)


def harmless(text: str) -> str:
    """The text with a replacement character for each character that controls a terminal or cannot be encoded."""
    if text.isprintable():
        return text
    return "".join("\ufffd" if _is_obeyed(char) else char for char in text)


def _is_obeyed(char: str) -> bool:
    return char not in "\n\t" and unicodedata.category(char) in ("Cc", "Cf", "Cs")


def out() -> Console:
    """The console on stdout, for the result."""
    console = PlainConsole(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WIDTH_OF_FILES
    return console


def err() -> Console:
    """The console on stderr, for everything else."""
    return PlainConsole(stderr=True, highlight=False)


def show(what: RenderableType) -> None:
    """Print text, without reading it as markup, or a table."""
    out().print(what, soft_wrap=isinstance(what, str), markup=False)


def show_json(value: object) -> None:
    """Print dataclasses, enums and times as indented JSON."""
    plain = TypeAdapter(object).dump_python(value, mode="json")
    out().print(orjson.dumps(plain, option=orjson.OPT_INDENT_2).decode(), soft_wrap=True, markup=False)


def show_raw_json(body: bytes) -> None:
    """Print an answer of the daemon as it came, indented."""
    out().print(orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2).decode(), soft_wrap=True, markup=False)


def print_error(text: str) -> None:
    """Print in one line what is wrong."""
    err().print(f"acdcore: {text}", style="bold red", soft_wrap=True, markup=False)


def print_warning(text: str) -> None:
    """Print in one line what is allowed but is probably a mistake."""
    err().print(f"acdcore: {text}", style="yellow", soft_wrap=True, markup=False)


def print_note(text: str) -> None:
    """Print in one line what could be better."""
    err().print(f"acdcore: note: {text}", soft_wrap=True, markup=False)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Print an expected error, one line for each mistake, and exit with status 1."""
    try:
        yield
    except AcdError as error:
        for line in error_lines(error):
            print_error(line)
        raise typer.Exit(Exit.BAD) from None
    except OSError as error:
        if error.errno not in FILE_FAULTS or not isinstance(error.filename, str):
            raise
        print_error(f"{error.filename}: {error.strerror}; give it to the daemon's user, or name another directory")
        raise typer.Exit(Exit.BAD) from None


def error_lines(error: AcdError) -> list[str]:
    """The error as lines; for a key that the environment sets, the variable is named instead of the file."""
    return [error_line(one) for one in error.all()] if isinstance(error, SettingsError) else [str(error)]


def error_line(error: SettingsError) -> str:
    """One mistake in one line."""
    if error.key:
        name = PREFIX + error.key.replace(".", "__").upper()
        if name in os.environ and error.file != name:
            return f"{name}: {error.key}: {error.problem}"
    return str(error)
