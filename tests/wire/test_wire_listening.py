"""A caller who answers by speech, over real sockets, with the recogniser that the settings name: heard, and led on."""

import asyncio
import socket
import wave
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from bench.daemon import Daemon
from bench.phone import Phone, PhoneCall, PhoneSettings
from bench.ports import free_port
from tests.wire.hotline import ORDINARY, VIP, hotline
from tests.wire.tones import MENU_HZ
from tests.wire.watch import Facts, Operator

from acdcore.ivr.model.flow import Language
from acdcore.ivr.tts.helper import HelperProcesses
from acdcore.ivr.tts.voices import TtsRequest, stand_in
from acdcore.recognition.service import missing_packages

pytestmark = [
    pytest.mark.wire,
    pytest.mark.skipif(bool(missing_packages("whisper")), reason="the extra speech is not installed"),
]

LINE = "95560"
ANSWER_S = 20.0
"""From the end of speech to the queue, on a busy machine with a model that is still being read."""
FLOW = """
language = "en"
languages = ["en"]
start = "which"

[nodes.which]
type = "listen"
prompts = ["which", "which", "which", "which", "which", "which"]
invalid_prompts = ["sorry"]
variable = "department"
cases = { insurance = "narrow", hours = "patient" }
keys = { 1 = "narrow", 2 = "patient" }
on_timeout = "bye"
unavailable = "bye"

[nodes.which.phrases]
insurance = { en = ["insurance", "insurance claim"] }
hours = { en = ["opening hours", "address"] }

[nodes.narrow]
type = "queue"
queue = "narrow"

[nodes.patient]
type = "queue"
queue = "patient"

[nodes.bye]
type = "hang_up"

[prompts.which]
wav = "menu.wav"
[prompts.sorry]
wav = "invalid.wav"
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def listening(open_directory: Path) -> AsyncIterator[Daemon]:
    """A daemon that listens."""
    environment = {"ACDCORE_RECOGNITION__ENGINE": "whisper", "ACDCORE_RECOGNITION__WITHIN_S": "20"}
    settings = hotline(open_directory / "listening", free_port(socket.SOCK_DGRAM), environment=environment)
    toml = settings.toml.replace(
        "[trunks.local.routes]\n", f'[trunks.local.routes]\n{LINE} = {{ flow = "spoken" }}\n', 1
    )
    async with Daemon(replace(settings, toml=toml, flows={**settings.flows, "spoken": FLOW})) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What callers say, read by a voice."""
    directory = tmp_path_factory.mktemp("words")
    files = {text: directory / f"{number}.wav" for number, text in enumerate(("insurance", "opening hours"))}
    readings = [TtsRequest(text, Language.ENGLISH, file, stand_in(Language.ENGLISH)) for text, file in files.items()]
    HelperProcesses().read(readings, lambda: None)
    said: dict[str, bytes] = {}
    for text, file in files.items():
        with wave.open(str(file)) as sound:
            said[text] = sound.readframes(sound.getnframes())
    return said


async def say(call: PhoneCall, pcm: bytes) -> None:
    """Say it once, then nothing."""
    call.sound.say(pcm)
    await asyncio.sleep(len(pcm) / 16_000)
    call.sound.say(b"")


async def heard_of(operator: Operator, caller: str) -> list[Facts]:
    """What was heard of the caller whose call has ended."""
    ended = await operator.ended(caller=caller)
    events = (await operator.stored(ended["call_id"]))["events"]
    assert isinstance(events, list)
    return [event["detail"] for event in events if event["kind"] == "speech_heard"]


async def test_department_that_is_said_into_the_prompt_stops_it_and_leads_to_its_queue(
    listening: Daemon, words: dict[str, bytes]
) -> None:
    async with Operator(listening) as operator, Phone(PhoneSettings(listening.sip)) as phone:
        for caller, text, value, queue in (
            (ORDINARY, "insurance", "insurance", "narrow"),
            (VIP, "opening hours", "hours", "patient"),
        ):
            call = await phone.dial(LINE, caller)
            assert await call.sound.hear(MENU_HZ, 5)
            await say(call, words[text])
            queued = await operator.until("call_queued", ANSWER_S, caller=caller)
            assert queued["queue"] == queue
            call.hang_up()
            (heard,) = await heard_of(operator, caller)
            assert heard["value"] == value
            assert float(str(heard["confidence"])) >= 0.6
        figures = await operator.metrics()
        assert figures['acdcore_listened_total{result="understood"}'] == 2
        assert figures["acdcore_listeners"] == 0
        assert await operator.settle() == {}


async def test_key_in_the_middle_of_a_word_goes_before_the_word(listening: Daemon, words: dict[str, bytes]) -> None:
    async with Operator(listening) as operator, Phone(PhoneSettings(listening.sip)) as phone:
        call = await phone.dial(LINE, ORDINARY)
        assert await call.sound.hear(MENU_HZ, 5)
        call.sound.say(words["insurance"])
        await asyncio.sleep(0.4)
        call.sound.press("2")
        queued = await operator.until("call_queued", ANSWER_S, caller=ORDINARY)
        assert queued["queue"] == "patient"
        call.hang_up()
        assert await heard_of(operator, ORDINARY) == []
        assert await operator.settle() == {}
