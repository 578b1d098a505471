"""The main job on real phones: a caller reaches an agent, both talk, and everything about it is on record."""

import importlib.util
import wave
from array import array
from pathlib import Path

import pytest
from bench.daemon import Daemon
from bench.phone import Phone
from bench.sound import tone
from tests.wire.hearing import is_silent, seconds_of
from tests.wire.hotline import HOTLINE, VIP
from tests.wire.sipp_caller import Sipp, write_caller
from tests.wire.softphone import agents_phone
from tests.wire.tones import AGENT_HZ, CALLER_HZ, GREETING_HZ, MUSIC_HZ, SYSTEM_HZ
from tests.wire.watch import Facts, Operator

pytestmark = pytest.mark.wire

KINDS = [
    *("call_arrived", "call_answered", "call_queued", "agent_offered", "offer_ended", "call_connected"),
    *("call_moved", "call_ended", "recording_finished"),
]
"""Of a call that the agent ends: it moves out of the talk, and its end follows, for there is no survey."""
LATE_S = 0.4
"""A sound may begin or end so much later: jitter buffers, and the time from one phone's BYE to the other's silence."""


def require(module: str, package: str) -> None:
    """Skip where a peer is missing."""
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"needs PyPI's {package}")


def channels(file: Path) -> tuple[bytes, bytes]:
    """Left and right of a stereo recording, as PCM."""
    with wave.open(str(file)) as recording:
        assert (recording.getnchannels(), recording.getsampwidth(), recording.getframerate()) == (2, 2, 8000)
        samples = array("h", recording.readframes(recording.getnframes()))
    return samples[::2].tobytes(), samples[1::2].tobytes()


def seconds(pcm: bytes) -> float:
    """The length of mono PCM."""
    return len(pcm) / 16000


def kinds_of(stored: Facts) -> list[str]:
    """The kinds of a stored call's events."""
    events = stored["events"]
    assert isinstance(events, list)
    return [event["kind"] for event in events]


async def test_sipp_caller_and_baresip_agent_talk_and_are_recorded(
    daemon: Daemon, operator: Operator, recordings: Path, tmp_path: Path
) -> None:
    require("baresip", "baresip-python")
    write_caller(tmp_path / "caller.pcap", "1", CALLER_HZ)
    async with (
        agents_phone("baresip_agent.py", daemon, "1001") as agent,
        Sipp(tmp_path, daemon.sip, HOTLINE, VIP) as caller,
    ):
        await agent.do("register")
        assert await caller.ear.hear(GREETING_HZ, 5)
        assert await caller.ear.hear(MUSIC_HZ, 5), "pressing 1 leads into the queue"
        await operator.make_ready("1001")
        await agent.until("incoming")
        await agent.do("answer")
        assert await agent.ear.hear(SYSTEM_HZ["whisper-call"], 5)
        assert await caller.ear.hear(SYSTEM_HZ["agent-number"], 5)
        assert await agent.ear.hear(CALLER_HZ, 5), "the caller's voice arrives at the agent"
        assert await caller.ear.hear(AGENT_HZ, 5), "the agent's voice arrives at the caller"
        await agent.do("hang_up")
        assert await caller.finished(10) == 0, (tmp_path / "sipp-errors.log").read_text()

    ended = await operator.until("call_ended", caller=VIP)
    recorded = await operator.until("recording_finished", call_id=ended["call_id"])
    assert [kind for kind in operator.told(ended["call_id"]) if kind != "agent_state"] == KINDS
    assert (ended["outcome"], ended["ended_by"], ended["agent"]) == ("answered", "agent", "1001")
    pop = await operator.until("agent_offered", call_id=ended["call_id"])
    customer = pop["customer"]
    assert isinstance(customer, dict)
    assert (pop["agent"], customer["name"], customer["tier"]) == ("1001", "Customer One", "vip")

    left, right = channels(recordings / str(recorded["path"]))
    stored = await operator.stored(ended["call_id"])
    assert kinds_of(stored)[-3:] == ["bridged", "talk_ended", "ended"]
    assert seconds(left) == pytest.approx(float(str(recorded["duration_s"])), abs=0.01)
    assert seconds_of(left, CALLER_HZ) > seconds(left) - LATE_S
    assert seconds_of(right, AGENT_HZ) > seconds(right) - LATE_S
    assert seconds_of(left, AGENT_HZ) == seconds_of(right, CALLER_HZ) == 0


async def test_pjsua_agent_over_tcp_holds_and_resumes_within_one_recording(
    daemon: Daemon, operator: Operator, caller: Phone, recordings: Path
) -> None:
    require("pjsua2", "pjsua2-python")
    async with agents_phone("pjsua_agent.py", daemon, "1002", "tcp") as agent:
        await agent.do("register")
        assert await agent.until("registered") == "200"
        await operator.make_ready("1002")
        call = await caller.call(HOTLINE)
        call.sound.say(tone(CALLER_HZ))
        assert await call.sound.hear(GREETING_HZ, 5)
        call.sound.press("1")
        await agent.until("incoming")
        await agent.do("ring")
        await agent.do("answer")
        assert await agent.ear.hear(SYSTEM_HZ["whisper-call"], 5)
        assert await agent.ear.hear(CALLER_HZ, 5)
        assert await call.sound.hear(AGENT_HZ, 5)

        await agent.do("hold")
        held = await operator.until("call_held", agent="1002")
        assert not await call.sound.hear(AGENT_HZ, 0.5)
        assert seconds_of(bytes(call.sound.heard[-8000:]), CALLER_HZ) == 0
        assert not is_silent(bytes(call.sound.heard[-8000:])), "music while on hold"
        await agent.do("resume")
        await operator.until("call_resumed", call_id=held["call_id"])
        assert await call.sound.hear(AGENT_HZ, 5)
        assert await agent.ear.hear(CALLER_HZ, 5)
        call.hang_up()
        await agent.until("closed")

    ended = await operator.until("call_ended", call_id=held["call_id"])
    recorded = await operator.until("recording_finished", call_id=held["call_id"])
    assert (ended["outcome"], ended["ended_by"], ended["agent"]) == ("answered", "caller", "1002")
    assert operator.told(held["call_id"]).count("recording_finished") == 1
    left, right = channels(recordings / str(recorded["path"]))
    assert len(left) == len(right)
    spoken_s = seconds_of(right, AGENT_HZ)
    assert 0.5 < spoken_s < seconds(right) - 0.5, "the agent is heard before and after the hold, not during it"
    assert seconds_of(left, CALLER_HZ) > seconds(left) - LATE_S, "the caller is recorded throughout"
