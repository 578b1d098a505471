"""Secrets of the installation: made at the first start, kept in files that only the operator can read."""

import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

from acdcore.calls.model.commands import SettingChange
from acdcore.control.settings import ApiKey, Right
from acdcore.kernel.errors import SettingsError
from acdcore.storage.stores.seed import SeededAgent

API_KEYS_FILE = "api-keys"
SOFTPHONES_FILE = "softphones"
DIGEST_SECRET_FILE = "digest-secret"
SECRET_BYTES = 32
RIGHTS = {right.name.lower(): right for right in Right}


def read_or_make_keys(directory: Path) -> tuple[ApiKey, ...]:
    """The keys of the control plane: lines of `name right secret`. Without a file, one with an admin's key is made.

    Raises SettingsError naming file and line.
    """
    file = directory / API_KEYS_FILE
    if not file.exists():
        header = "# One key a line: name, right (read, operate or admin), secret. Read at each start and reload.\n"
        write_private(file, f"{header}admin admin {secrets.token_urlsafe(24)}\n")
    return read_keys(directory)


def read_keys(directory: Path) -> tuple[ApiKey, ...]:
    """The keys in the file; raises SettingsError naming file and line, also when there is no file."""
    file = directory / API_KEYS_FILE
    keys = []
    for number, line in enumerate(file_lines(file), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 3 or words[1] not in RIGHTS:
            raise SettingsError(str(file), f"line {number}", f"write: name, one of {', '.join(RIGHTS)}, secret")
        keys.append(ApiKey.of(words[0], words[2], RIGHTS[words[1]]))
    return tuple(keys)


def key_changes(was: Iterable[ApiKey], becomes: Iterable[ApiKey]) -> Iterator[SettingChange]:
    """The differences between two lists of keys, without their secrets."""
    before, after = {key.name: key for key in was}, {key.name: key for key in becomes}
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old != new:
            shown = [key.right.name.lower() if key is not None else "" for key in (old, new)]
            if shown[0] == shown[1]:
                shown[1] += " (another secret)"
            yield SettingChange(f"{API_KEYS_FILE}: {name}", shown[0], shown[1])


def read_or_make_secret(directory: Path) -> bytes:
    """The secret by which unknown user names always get the same digest algorithms; made at the first start.

    Raises SettingsError naming the file.
    """
    file = directory / DIGEST_SECRET_FILE
    if not file.exists():
        write_private(file, f"{secrets.token_hex(SECRET_BYTES)}\n")
    try:
        secret = bytes.fromhex("".join(file_lines(file)))
    except ValueError as error:
        raise SettingsError(
            str(file), "", "is not hexadecimal; delete the file, and the next start makes a new one"
        ) from error
    if not secret:
        raise SettingsError(str(file), "", "is empty; delete the file, and the next start makes a new one")
    return secret


def file_lines(file: Path) -> list[str]:
    """The file's lines; raises SettingsError when it cannot be read."""
    try:
        return file.read_text("utf-8").splitlines()
    except OSError as error:
        raise SettingsError(str(file), "", f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(str(file), "", "is not UTF-8 text; write it again as UTF-8") from error


def keep_passwords(directory: Path, new: Iterable[SeededAgent]) -> None:
    """Write the generated passwords of new agents' phones into a file for the operator."""
    lines = [f"{agent.record.agent} {agent.password}" for agent in new]
    write_private(directory / SOFTPHONES_FILE, "\n".join(["# agent password", *lines, ""]))


def find_password(directory: Path, agent: str) -> str | None:
    """The generated password of an agent's phone; None when it is not in the file."""
    try:
        lines = (directory / SOFTPHONES_FILE).read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    return next((words[1] for line in lines if len(words := line.split()) == 2 and words[0] == agent), None)


def write_private(file: Path, text: str) -> None:
    """Write a file that nobody else can read, not even for a moment."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        os.fchmod(descriptor, 0o600)  # the mode above is that of a new file only
        handle.write(text)
