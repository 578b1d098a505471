"""`acdcore init`, and the version."""

from importlib.metadata import version
from pathlib import Path

from bench.ports import listener_environment
from tests.cli.shell import WIDE, Typed
from typer.testing import CliRunner

from acdcore.__main__ import cli

CONFIG = Path(__file__).parents[2] / "config"


def files_of(directory: Path) -> dict[str, bytes]:
    """Every file below, by name."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_init_writes_the_shipped_settings_and_check_finds_them_good(tmp_path: Path) -> None:
    target = tmp_path / "here" / "conf"
    typed = Typed.of("init", str(target))
    assert (typed.status, typed.err) == (0, "")
    assert files_of(target) == files_of(CONFIG)
    assert f"acdcore check --config {target / 'acdcore.toml'}" in typed.out
    assert Typed.of("check", "--config", str(target / "acdcore.toml"), **listener_environment()).status == 0


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "agents.toml").write_text("# ours", "utf-8")
    typed = Typed.of("init", str(tmp_path))
    assert typed.status == 1
    wanted = f"acdcore: {tmp_path / 'agents.toml'}: exists already and is not overwritten; name another DIR"
    assert typed.err.strip() == wanted
    assert files_of(tmp_path) == {"agents.toml": b"# ours"}


def test_version_is_the_packages() -> None:
    result = CliRunner().invoke(cli, ["--version"], env=WIDE)
    assert (result.exit_code, result.stdout) == (0, f"acdcore {version('acdcore')}\n")
