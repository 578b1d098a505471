"""What is wrong at the start is one clear line that names it, and exit status 1."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.daemon import CONFIG, Daemon
from tests.wire.hotline import hotline

pytestmark = pytest.mark.wire

ENDS_WITHIN_S = 60.0


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A copy of the shipped configuration to be spoilt."""
    shutil.copytree(CONFIG, tmp_path / "config")
    return tmp_path / "config" / "acdcore.toml"


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A UDP port of 127.0.0.1 that somebody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        yield other.getsockname()[1]


def refused_start(config: Path, **environment: str) -> str:
    """What the daemon says when it does not start."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ACDCORE_")}
    ended = subprocess.run(
        [sys.executable, "-m", "acdcore", "run", "--config", str(config)],
        env={**clean, **environment},
        cwd=config.parent.parent,
        timeout=ENDS_WITHIN_S,
        capture_output=True,
        text=True,
        check=False,
    )
    said = ended.stdout + ended.stderr
    assert ended.returncode == 1, said
    lines = [line for line in said.splitlines() if line.strip() and ": voice." not in line]  # advice about espeak
    assert len(lines) == 1, said
    return lines[0]


def test_wrong_key_is_named_with_its_file(config: Path) -> None:
    config.write_text(config.read_text().replace("udp_port = 5060", "upd_port = 5060"))
    said = refused_start(config)
    assert str(config) in said
    assert "sip.upd_port" in said


def test_wrong_key_of_the_environment_is_named(config: Path) -> None:
    assert "ACDCORE_SIP__UPD_PORT" in refused_start(config, ACDCORE_SIP__UPD_PORT="5070")


def test_missing_flow_is_named_with_the_route(config: Path) -> None:
    config.write_text(config.read_text().replace('flow = "hotline"', 'flow = "hotlien"'))
    said = refused_start(config)
    assert "trunks.local.routes.95500" in said
    assert "hotlien" in said


def test_missing_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    assert "none.toml" in refused_start(tmp_path / "config" / "none.toml")


async def test_taken_port_is_named(open_directory: Path, taken_port: int) -> None:
    settings = hotline(open_directory / "taken", 5999, environment={"ACDCORE_SIP__UDP_PORT": str(taken_port)})
    with pytest.raises(RuntimeError, match=f"acdcore: sip: UDP 127.0.0.1:{taken_port} is taken"):
        await Daemon(settings).__aenter__()


def test_media_address_of_another_machine_is_named(config: Path) -> None:
    said = refused_start(config, ACDCORE_MEDIA__ADDRESS="198.51.100.7")
    assert said.startswith(
        "acdcore: ACDCORE_MEDIA__ADDRESS: media.address: 198.51.100.7 is not an address of this machine"
    )


def test_directory_that_cannot_be_made_is_named_by_its_variable(config: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = refused_start(config, ACDCORE_STORAGE__DIRECTORY=str(tmp_path / "file"))
    assert said.startswith("acdcore: ACDCORE_STORAGE__DIRECTORY: storage.directory: ")
    assert said.endswith("or name another")
