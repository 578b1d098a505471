"""A studio's recordings on the wire: taken in beside a running daemon and heard by the next caller."""

import asyncio
import sys
from pathlib import Path

import numpy as np
import pytest
from bench.daemon import Daemon
from bench.phone import Phone, PhoneSettings
from tests.ivr.studio import RATE, silence, wav
from tests.wire.test_wire_reload import changed, greeted
from tests.wire.watch import Operator

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="session")]

TAKE_HZ = 900.0
"""The tone of this studio's recordings; no other prompt has it."""
TEXTS = 'cmn = "您好。"\nyue = "您好。"\nen = "Hello."'


def take() -> bytes:
    """Two seconds at 48 kHz, 24 bit, stereo, with half a second of silence around them."""
    spoken = 0.4 * np.sin(2 * np.pi * TAKE_HZ * np.arange(2 * RATE) / RATE)
    return wav(np.concatenate([silence(0.5), spoken, silence(0.5)]), bits=24, channels=2)


async def acdcore(*words: str) -> str:
    """What a command of the program says; it must succeed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "acdcore", *words), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


async def test_next_caller_hears_the_studio_s_take_instead_of_the_text(own_daemon: Daemon, tmp_path: Path) -> None:
    config = own_daemon.settings.directory / "config"
    (tmp_path / "hotline.greeting.cmn.wav").write_bytes(take())
    async with Operator(own_daemon) as operator, Phone(PhoneSettings(own_daemon.sip)) as caller:
        with changed(config / "ivr" / "hotline.toml", 'wav = "greeting.wav"', TEXTS):
            said = await acdcore("prompts", "import", str(tmp_path), "--config", str(config / "acdcore.toml"))
            assert "taken in: 1 new recordings" in said
            report = await operator.tell("POST", "/v1/reload")
            assert report["is_applied"], report
            await greeted(caller, TAKE_HZ)
        (config / "prompts" / "recorded" / "hotline.greeting.cmn.wav").unlink()
        assert await operator.settle() == {}
