"""What can be wrong before anything is started."""

from pathlib import Path

import pytest

from acdcore.kernel.errors import SettingsError
from acdcore.parts import make_directory


def test_directory_is_made_with_its_parents_and_may_be_there_already(tmp_path: Path) -> None:
    for _ in range(2):
        make_directory(tmp_path / "var" / "recordings", "acdcore.toml", "recording")
    assert (tmp_path / "var" / "recordings").is_dir()


def test_directory_that_cannot_be_made_is_an_error_of_the_settings_key(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file")
    with pytest.raises(
        SettingsError, match=r"acdcore\.toml: storage\.directory: .*/var/here cannot be made: Not a dir"
    ):
        make_directory(tmp_path / "var" / "here", "acdcore.toml", "storage")
