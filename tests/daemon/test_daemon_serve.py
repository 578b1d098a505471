"""What can be wrong before anything is started."""

from pathlib import Path

import pytest

from acdcore.cli.support.console import error_line
from acdcore.daemon.components import make_directory, try_media_address
from acdcore.kernel.errors import SettingsError


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


def test_directory_of_somebody_else_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file")
    with pytest.raises(SettingsError, match="give it to the daemon's user, or name another"):
        make_directory(tmp_path / "var" / "here", "acdcore.toml", "storage")


def test_media_address_of_another_machine_is_an_error_of_its_key() -> None:
    try_media_address("127.0.0.1", "acdcore.toml")
    with pytest.raises(
        SettingsError, match=r"acdcore\.toml: media\.address: 198\.51\.100\.7 is not an address of this"
    ):
        try_media_address("198.51.100.7", "acdcore.toml")


def test_value_of_the_environment_is_blamed_on_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    error = SettingsError("acdcore.toml", "storage.directory", "/var/x cannot be made")
    assert error_line(error) == "acdcore.toml: storage.directory: /var/x cannot be made"
    monkeypatch.setenv("ACDCORE_STORAGE__DIRECTORY", "/var/x")
    assert error_line(error) == "ACDCORE_STORAGE__DIRECTORY: storage.directory: /var/x cannot be made"
