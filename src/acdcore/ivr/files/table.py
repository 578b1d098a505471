"""TOML files read into pydantic tables, with errors that name file and key."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from acdcore.ivr.files.bounds import FORMS
from acdcore.kernel.errors import SettingsError, raise_together
from acdcore.kernel.mistakes import mistakes
from acdcore.kernel.toml_file import read_toml


class TomlTable(BaseModel):
    """A TOML table in which an unknown key is an error, and so is a string in place of a number."""

    model_config = ConfigDict(extra="forbid", frozen=True)


T = TypeVar("T", bound=TomlTable)


def read_table(file: Path, table: type[T]) -> T:
    """Read a TOML file into `table`. Raises SettingsError naming file and key, one for each mistake."""
    content = read_toml(file)
    try:
        return table.model_validate(content)
    except ValidationError as error:
        found = mistakes(error, table, FORMS)
        raise_together([SettingsError(str(file), ".".join(map(str, at)), problem) for at, problem in found])
        raise  # pydantic has no error without a mistake in it
