"""`make` names what is missing or does not fit in one line, before anything is installed."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def script(file: Path, *lines: str) -> Path:
    """A program of a few lines."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(("#!/bin/sh", *lines, "")))
    file.chmod(0o755)
    return file


def made(target: str, *variables: str) -> tuple[int, list[str]]:
    """Exit status of `make target` in this checkout, and what it says; make's own last line is left out."""
    command = ("make", "--no-print-directory", "-C", str(ROOT), target, *variables)
    # What a make that runs these tests tells its children is nothing to this one.
    environment = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    }
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    said = [line for line in (ended.stdout + ended.stderr).splitlines() if not line.startswith("make: ***")]
    return ended.returncode, said


def test_python_that_is_too_old_is_named_with_the_remedy(tmp_path: Path) -> None:
    old = script(tmp_path / "python", 'case "$1" in -V) echo Python 3.10.13;; *) exit 1;; esac')
    status, said = made("run", f"PYTHON={old}", f"VENV={tmp_path / 'none'}")
    assert status != 0
    assert said == [
        f"acdcore: {old} is Python 3.10.13; CPython 3.11, 3.12 or 3.13 is needed: name one, "
        "as in 'make run PYTHON=/usr/bin/python3'"
    ]


def test_python_that_is_not_there_is_named(tmp_path: Path) -> None:
    status, said = made("run", "PYTHON=no-such-python", f"VENV={tmp_path / 'none'}")
    assert status != 0
    assert len(said) == 1
    assert said[0].startswith("acdcore: no-such-python is missing; install Python 3.11, 3.12 or 3.13")


def test_python_without_venv_is_named_with_debians_package(tmp_path: Path) -> None:
    (tmp_path / "ensurepip.py").write_text("raise ImportError\n")
    without = script(tmp_path / "python", f'PYTHONPATH="{tmp_path}" exec "{sys.executable}" "$@"')
    status, said = made("run", f"PYTHON={without}", f"VENV={tmp_path / 'none'}")
    assert status != 0
    assert said == [f"acdcore: {without} has no venv module (Debian: apt-get install python3-venv)"]


def test_environment_of_another_python_is_not_used_in_silence(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    script(venv / "bin" / "python", "echo Python 3.13.0 of /opt/python")
    status, said = made("run", f"PYTHON={sys.executable}", f"VENV={venv}")
    assert status != 0
    assert len(said) == 1
    assert f"{venv} was made with another Python (Python 3.13.0 of /opt/python)" in said[0]
    assert f"VENV={venv}-new" in said[0]


def test_environment_of_the_same_python_is_taken(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    script(venv / "bin" / "python", f'exec "{sys.executable}" "$@"')
    assert made("same-python", f"PYTHON={sys.executable}", f"VENV={venv}") == (0, [])


def test_environment_that_was_interrupted_is_completed(tmp_path: Path) -> None:
    script(tmp_path / "venv" / "bin" / "python", f'exec "{sys.executable}" "$@"')
    status, said = made("-n", "setup", f"VENV={tmp_path / 'venv'}")
    assert status == 0
    assert any(line.endswith(f"-m venv {tmp_path / 'venv'}") for line in said)
