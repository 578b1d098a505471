"""TOML files read into pydantic tables, with errors that name file and key."""

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from acdcore.ivr.bounds import FORMS
from acdcore.kernel.errors import SettingsError
from acdcore.kernel.mistakes import in_words


class Table(BaseModel):
    """A TOML table in which an unknown key is an error, and so is a text where a number belongs."""

    model_config = ConfigDict(extra="forbid", frozen=True)


T = TypeVar("T", bound=Table)


def read_table(file: Path, table: type[T]) -> T:
    """Read a TOML file into `table`. Raises SettingsError naming file and key."""
    try:
        return table.model_validate(tomllib.loads(file.read_text("utf-8")))
    except OSError as error:
        raise SettingsError(str(file), "", f"cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(str(file), "", f"is not TOML in UTF-8: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise SettingsError(str(file), _dotted(first["loc"]), in_words(first, FORMS)) from error


def _dotted(location: tuple[int | str, ...]) -> str:
    """The place as it stands in the file: without the types that pydantic puts after a node's name or for a union."""
    parts = [*location[:2], *location[3:]] if location[0] == "nodes" else list(location)
    return ".".join(str(part) for part in parts if not _is_type(str(part)))


def _is_type(part: str) -> bool:
    return part == "[key]" or part.endswith("Table") or "[" in part
