"""A wheel outside of the checkout has everything that a daemon begins with."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from bench.ports import listener_environment

ROOT = Path(__file__).parents[2]
WITHIN_S = 300.0
"""Of each step; seconds on a machine that has nothing else to do."""


def wheel_in(directory: Path) -> Path:
    """A wheel of the checkout as it is, with what the checkout has compiled already."""
    source = directory / "source"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("src", "config"):  # with their times, so that nothing is compiled anew
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md"):
        shutil.copy2(ROOT / name, source / name)
    (source / "setup.cfg").write_text("[build]\nbuild_lib = lib\n", "utf-8")
    setup(source, "build_py")
    for compiled in (source / "src").rglob("*.so"):
        shutil.copy2(compiled, source / "lib" / compiled.relative_to(source / "src"))
    setup(source, "bdist_wheel", "--skip-build", "-d", str(directory))
    (wheel,) = directory.glob("acdcore-*.whl")
    return wheel


def setup(source: Path, *words: str) -> None:
    """One command of the build."""
    subprocess.run([sys.executable, "setup.py", "-q", *words], cwd=source, check=True, timeout=WITHIN_S)


@pytest.mark.slow
def test_wheel_in_a_new_environment_writes_settings_that_its_check_finds_good(tmp_path: Path) -> None:
    wheel = wheel_in(tmp_path)
    new = tmp_path / "venv"
    venv.create(new, symlinks=True, with_pip=False)
    # The dependencies are those of this environment: nothing is fetched.
    (site,) = (new / "lib").glob("python3.*/site-packages")
    here = next(path for path in sys.path if path.endswith("site-packages"))
    installed = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run(installed, check=True, timeout=WITHIN_S)
    environment = {**os.environ, **listener_environment(), "PYTHONPATH": f"{site}:{here}"}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [str(new / "bin" / "python"), "-m", "acdcore", *words]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, text=True, capture_output=True, timeout=WITHIN_S, check=False
        )

    assert run("--version").stdout.startswith("acdcore ")
    begun = run("init")
    assert (begun.returncode, begun.stderr) == (0, "")
    shipped = {path.name for path in (ROOT / "config").rglob("*") if path.is_file()}
    assert {path.name for path in (tmp_path / "config").rglob("*") if path.is_file()} == shipped
    checked = run("check")
    assert checked.returncode == 0, checked.stderr
    assert "is good" in checked.stderr


@pytest.mark.slow
def test_wheel_has_no_sources_that_were_generated_for_the_compiler(tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel_in(tmp_path)) as packed:
        names = packed.namelist()
    assert any(name.endswith(".so") for name in names)
    assert [name for name in names if name.endswith(".c")] == []
