"""`acdcore init`: write the shipped settings, flows, calendars and prompts as a starting point."""

import os
import shutil
from pathlib import Path
from typing import Annotated

import typer

from acdcore.cli.support.console import DEFAULT_CONFIG, plain_errors, show
from acdcore.kernel.errors import SettingsError
from acdcore.kernel.shipped import shipped

DirectoryArgument = Annotated[Path, typer.Argument(help="Directory to write to; created if it does not exist.")]


def init(directory: DirectoryArgument = DEFAULT_CONFIG.parent) -> None:
    """Write commented settings, flows, calendars, prompts and agents as a starting point; nothing is overwritten."""
    with plain_errors():
        written = write_out(shipped(), directory)
    file = directory / DEFAULT_CONFIG.name
    named = "" if file == DEFAULT_CONFIG else f" --config {file}"
    show(f"{written} files are in {directory}. Edit {file}, then `acdcore check{named}` and `acdcore run{named}`.")


def write_out(source: Path, directory: Path) -> int:
    """Copy all files, or none when one of them exists; returns how many. Raises SettingsError."""
    if not source.is_dir():
        raise SettingsError(str(source), "", "the shipped settings are missing; install acdcore again")
    names = sorted(path.relative_to(source) for path in source.rglob("*") if path.is_file())
    for name in names:
        if (directory / name).exists():
            raise SettingsError(str(directory / name), "", "exists already and is not overwritten; name another DIR")
    try:
        for name in names:
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, directory / name)
    except OSError as error:
        raise SettingsError(str(directory), "", f"cannot be written: {os.strerror(error.errno or 0)}") from error
    return len(names)
