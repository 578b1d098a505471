"""Secrets of the installation: made once, private from the first moment, read with errors that name the line."""

import stat
from pathlib import Path

import pytest

from acdcore.calls.model.directory import AgentRecord
from acdcore.control.settings import ApiKey, Right
from acdcore.daemon.secrets import API_KEYS_FILE, SOFTPHONES_FILE, find_password, keep_passwords, read_or_make_keys
from acdcore.kernel.errors import SettingsError
from acdcore.kernel.ids import AgentId
from acdcore.storage.stores.seed import SeededAgent


def write(directory: Path, text: str) -> None:
    (directory / API_KEYS_FILE).write_text(text, "utf-8")


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_first_start_makes_one_key_of_an_admin_that_only_the_operator_can_read(tmp_path: Path) -> None:
    (key,) = read_or_make_keys(tmp_path)
    assert (key.name, key.right) == ("admin", Right.ADMIN)
    assert mode(tmp_path / API_KEYS_FILE) == 0o600


def test_later_starts_read_the_same_keys_and_no_installation_has_anothers(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    assert read_or_make_keys(one) == read_or_make_keys(one)
    assert read_or_make_keys(one) != read_or_make_keys(other)


def test_keys_of_all_rights_are_read_past_comments_and_empty_lines(tmp_path: Path) -> None:
    write(tmp_path, "# keys\n\nboard read abc\n  desk operate def  \nchief admin ghi\n")
    assert read_or_make_keys(tmp_path) == (
        ApiKey.of("board", "abc", Right.READ),
        ApiKey.of("desk", "def", Right.OPERATE),
        ApiKey.of("chief", "ghi", Right.ADMIN),
    )


@pytest.mark.parametrize("line", ["board", "board read", "board write abc", "board read abc def", "board READ abc"])
def test_line_that_cannot_be_read_is_named_without_its_secret(tmp_path: Path, line: str) -> None:
    write(tmp_path, f"# keys\n{line}\n")
    with pytest.raises(SettingsError, match="line 2: write: name, one of read, operate, admin, secret") as caught:
        read_or_make_keys(tmp_path)
    assert "abc" not in str(caught.value)


def test_emptied_file_means_no_keys_at_all(tmp_path: Path) -> None:
    write(tmp_path, "")
    assert read_or_make_keys(tmp_path) == ()


def seeded(agent: str) -> SeededAgent:
    return SeededAgent(AgentRecord(AgentId(agent), agent, "", "", {}, ()), f"password-{agent}")


def test_generated_passwords_are_kept_privately_and_found_by_agent(tmp_path: Path) -> None:
    keep_passwords(tmp_path, [seeded("1001"), seeded("1002")])
    assert find_password(tmp_path, "1002") == "password-1002"
    assert find_password(tmp_path, "1003") is None
    assert find_password(tmp_path, "#") is None
    assert mode(tmp_path / SOFTPHONES_FILE) == 0o600


def test_password_file_that_is_no_text_does_not_keep_the_daemon_from_its_welcome(tmp_path: Path) -> None:
    (tmp_path / SOFTPHONES_FILE).write_bytes(b"\xff\xfe\n1001 secret\n")
    assert find_password(tmp_path, "1001") == "secret"


def test_password_file_that_was_taken_away_is_no_error(tmp_path: Path) -> None:
    assert find_password(tmp_path, "1001") is None


def test_file_that_others_could_read_is_private_once_passwords_are_in_it(tmp_path: Path) -> None:
    (tmp_path / SOFTPHONES_FILE).touch(0o644)
    (tmp_path / SOFTPHONES_FILE).chmod(0o644)
    keep_passwords(tmp_path, [seeded("1001")])
    assert mode(tmp_path / SOFTPHONES_FILE) == 0o600


@pytest.mark.parametrize("content", [b"admin admin \xff\n", None], ids=["not text", "a directory"])
def test_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / API_KEYS_FILE
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=API_KEYS_FILE):
        read_or_make_keys(tmp_path)
