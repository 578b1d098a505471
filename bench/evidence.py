"""Compares the daemon's records, counts, recordings and SIP after the last call with the demo's scene."""

import asyncio
import wave
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from pydantic import TypeAdapter

from acdcore.calls.model.commands import EngineFigures, LiveQueue
from acdcore.calls.model.ports import CallHistory
from acdcore.calls.record.event_stream import StreamEventKind
from acdcore.control.schemas import CallList, Calls, Queues
from acdcore.kernel.errors import Outcome
from acdcore.numbering.plan import at_home
from acdcore.sip import ladder
from bench.board import caller_of, read
from bench.scene import (
    AGENT_TONES_HZ,
    CALLERS,
    IMPATIENT,
    ORDINARY,
    OVERFLOWING,
    TALKERS,
    VIP,
    Caller,
    Expectation,
    Scene,
)
from bench.sound import SILENCE, share_of_tone

ROWS_WITHIN_S = 10.0
"""Seconds to wait for records, which reach the database within a second or two after the call."""
ASKED_EVERY_S = 0.25
SPEECH_SHARE_MIN = 0.9
"""Share of a channel's 20 ms frames that must be its speaker's tone; some frames are only half filled."""
SILENCE_SHARE_MAX = 0.3
"""Share of a channel that may be silence: phones on a busy machine fall behind, and a recording keeps to the clock."""
DURATION_SLACK_S = 0.5
"""Seconds of difference between recording and record: a packet or two at either end, and delays of a busy machine."""
TALK_KINDS = ["INVITE sdp", "200 OK (INVITE) sdp", "ACK", "BYE", "200 OK (BYE)"]
"""Messages that each leg's ladder must contain, in this order."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The answers of the control plane."""

    stories: dict[str, CallHistory]
    """The record of each caller's call, by name."""
    feature_codes: int
    """Calls of agents to feature codes."""
    queues: tuple[LiveQueue, ...]
    """The counts."""
    calls_left: int
    """Calls that are still up."""
    streams_left: int
    """Audio streams that are still open."""


async def gather_evidence(client: aiohttp.ClientSession) -> Evidence:
    """Wait until the records are complete, or for as long as they may take; raises aiohttp.ClientError."""
    evidence = await ask(client)
    for _ in range(int(ROWS_WITHIN_S / ASKED_EVERY_S)):
        if is_complete(evidence):
            break
        await asyncio.sleep(ASKED_EVERY_S)
        evidence = await ask(client)
    return evidence


async def ask(client: aiohttp.ClientSession) -> Evidence:
    """What is there now."""
    history = TypeAdapter(CallList).validate_json(await read(client, "/v1/history")).calls
    by_number = {at_home(row.caller): row.call_id for row in history}
    stories = {
        caller.name: TypeAdapter(CallHistory).validate_json(
            await read(client, f"/v1/history/{by_number[caller.number]}")
        )
        for caller in CALLERS
        if caller.number in by_number
    }
    engine = TypeAdapter(EngineFigures).validate_json(await read(client, "/v1/engine"))
    return Evidence(
        stories=stories,
        feature_codes=sum(row.outcome is Outcome.FEATURE_CODE for row in history),
        queues=TypeAdapter(Queues).validate_json(await read(client, "/v1/queues")).queues,
        calls_left=len(TypeAdapter(Calls).validate_json(await read(client, "/v1/calls")).calls),
        streams_left=engine.streams,
    )


def is_complete(evidence: Evidence) -> bool:
    """Whether nothing more is to come."""
    recorded = sum(len(story.recordings) for story in evidence.stories.values())
    is_quiet = evidence.calls_left == 0 and evidence.streams_left == 0
    return is_quiet and len(evidence.stories) == len(CALLERS) and recorded == len(TALKERS)


def judge_all(scene: Scene, evidence: Evidence, recordings: Path) -> None:
    """Judge every expectation that is not seen or heard at the phones."""
    scene.judge(Expectation.RECORDS, *record_faults(scene, evidence))
    scene.judge(Expectation.OVERTAKEN, overtaking_fault(evidence))
    scene.judge(Expectation.GAVE_UP, giving_up_fault(scene, evidence))
    scene.judge(Expectation.LEVELS, *count_faults(evidence.queues))
    scene.judge(Expectation.RECORDINGS, *(recording_fault(caller, evidence, recordings) for caller in TALKERS))
    scene.judge(Expectation.LADDER, *ladder_faults(scene, evidence))
    left = evidence.calls_left, evidence.streams_left
    scene.judge(Expectation.NOTHING_LEFT, "" if left == (0, 0) else "{} calls and {} streams are left".format(*left))


# --- records ---


def record_faults(scene: Scene, evidence: Evidence) -> list[str]:
    """What is wrong with the calls' records."""
    faults = [] if evidence.feature_codes == 1 else [f"{evidence.feature_codes} records of feature codes instead of 1"]
    for caller in CALLERS:
        story = evidence.stories.get(caller.name)
        if story is None:
            faults.append(f"{caller.name}: no record")
            continue
        row, agent_talk = story.cdr, scene.agent_talk(caller.number)
        agent = agent_talk.result().agent if agent_talk.done() else None
        wanted = (caller.outcome, caller.queue, caller.ended_by, agent)
        seen = (row.outcome, row.queue, row.ended_by, row.agent)
        if wanted != seen:
            faults.append(f"{caller.name}: on record as {' '.join(map(str, seen))}, not {' '.join(map(str, wanted))}")
    overflowed = evidence.stories.get(OVERFLOWING.name)
    if overflowed is not None and overflowed.cdr.overflowed_to != "announcement:system.queue-overflow":
        faults.append(f"{OVERFLOWING.name}: overflowed to {overflowed.cdr.overflowed_to!r}")
    return faults


def overtaking_fault(evidence: Evidence) -> str:
    """Why it is not true that both waited, the VIP joined later, and the VIP was connected first; "" when it is."""
    if not {VIP.name, ORDINARY.name} <= evidence.stories.keys():
        return "the records are missing"
    vip, ordinary = evidence.stories[VIP.name].cdr, evidence.stories[ORDINARY.name].cdr
    if not (vip.queued_at and vip.connected_at and ordinary.queued_at and ordinary.connected_at):
        return "one of them was not queued or not connected"
    if not ordinary.queued_at < vip.queued_at:
        return "the VIP was in the queue first"
    return "" if vip.connected_at < ordinary.connected_at else "the ordinary caller was connected first"


def giving_up_fault(scene: Scene, evidence: Evidence) -> str:
    """Why it is not true that the caller waited and hung up and no phone rang after that; "" when it is."""
    if IMPATIENT.name not in evidence.stories:
        return "no record"
    row = evidence.stories[IMPATIENT.name].cdr
    offers = [event for event in scene.listener.events if event.kind is StreamEventKind.AGENT_OFFERED]
    if any(caller_of(event) == IMPATIENT.number and event.at >= row.ended_at for event in offers):
        return "a phone rang for this call after its end"
    return "" if row.outcome is Outcome.ABANDONED_QUEUE else f"on record as {row.outcome}"


def count_faults(queues: tuple[LiveQueue, ...]) -> list[str]:
    """Whether the queues counted what happened."""
    wanted = {"service": (5, 4, 1, 0, 0), "sales": (1, 0, 0, 0, 1)}
    faults = []
    for queue in queues:
        counted = (queue.offered, queue.answered, queue.abandoned_long, queue.abandoned_short, queue.overflowed)
        if counted != wanted.get(queue.name):
            faults.append(f"{queue.name} counted {counted} offered, answered, abandoned, of them short, overflowed")
        if queue.name == "service" and queue.service_level is None:
            faults.append("no service level")
    return faults


# --- recordings ---


def recording_fault(caller: Caller, evidence: Evidence, directory: Path) -> str:
    """What is wrong with the recording of a caller's talk."""
    story = evidence.stories.get(caller.name)
    if story is None or story.cdr.agent is None or len(story.recordings) != 1:
        return f"{caller.name}: not one recording"
    channels, rate, pcm = read_wave(directory / story.recordings[0].path)
    if (channels, rate) != (2, 8000):
        return f"{caller.name}: {channels} channels at {rate} Hz"
    if not is_tone(channel(pcm, 0), caller.tone_hz):
        return f"{caller.name}: the left channel is not the caller"
    if not is_tone(channel(pcm, 1), AGENT_TONES_HZ[story.cdr.agent]):
        return f"{caller.name}: the right channel is not agent {story.cdr.agent}"
    seconds, wanted = len(pcm) / (4 * rate), connected_s(story)
    is_whole = abs(seconds - wanted) <= DURATION_SLACK_S and abs(seconds - story.recordings[0].duration_s) < 0.01
    return "" if is_whole else f"{caller.name}: {seconds:.2f} s of {wanted:.2f} s with the agent"


def connected_s(story: CallHistory) -> float:
    """How long the caller had the agent, from the answer on, announcements and holds included."""
    answered = next((event.at for event in story.events if event.kind == "connected"), story.cdr.ended_at)
    over = next((event.at for event in story.events if event.kind in ("talk_ended", "ended")), story.cdr.ended_at)
    return (over - answered).total_seconds()


def read_wave(file: Path) -> tuple[int, int, bytes]:
    """Channels, samples a second, and PCM."""
    with wave.open(str(file)) as opened:
        return opened.getnchannels(), opened.getframerate(), opened.readframes(opened.getnframes())


def channel(pcm: bytes, number: int) -> bytes:
    """One channel of stereo PCM with 16 bits."""
    return bytes(memoryview(pcm).cast("H")[number::2])


def is_tone(pcm: bytes, frequency_hz: int) -> bool:
    """Whether a channel is one speaker's tone, apart from silence."""
    frames = [pcm[start : start + len(SILENCE)] for start in range(0, len(pcm), len(SILENCE))]
    sounding = [frame for frame in frames if any(frame)]
    speaking = sum(share_of_tone(frame, frequency_hz) > 0.5 for frame in sounding)
    is_there = len(sounding) >= (1 - SILENCE_SHARE_MAX) * len(frames) > 0
    return is_there and speaking >= SPEECH_SHARE_MIN * len(sounding)


# --- the ladder ---


def legs_of_vip(scene: Scene, evidence: Evidence) -> list[list[ladder.LadderMessage]]:
    """The messages of the VIP's two legs, the caller's and the agent's; fewer when there was none."""
    story = evidence.stories.get(VIP.name)
    legs = [scene.messages.get(VIP.name, [])]
    if story is not None and story.cdr.agent is not None:
        seen = scene.messages.get(story.cdr.agent, [])
        calls = [
            message for message in seen if ladder.header_value(message.data, "X-Acdcore-Call") == story.cdr.call_id
        ]
        ids = frozenset(ladder.header_value(message.data, "Call-ID") for message in calls)
        legs.append(ladder.messages_of_calls(seen, ids))
    return legs


def ladder_faults(scene: Scene, evidence: Evidence) -> list[str]:
    """What is missing in the VIP's two legs."""
    legs = legs_of_vip(scene, evidence)
    faults = [] if len(legs) == 2 else ["there is no agent's leg"]
    for name, leg in zip(("caller", "agent"), legs, strict=False):
        labels = iter([ladder.label(message.data) for message in leg])
        missing = [kind for kind in TALK_KINDS if kind not in labels]  # each is looked for after the one before
        faults += [f"the {name}'s leg lacks {', '.join(missing)} in its place"] if missing else []
    return faults


def vip_ladder(scene: Scene, evidence: Evidence) -> str:
    """The VIP's call as a ladder."""
    story = evidence.stories.get(VIP.name)
    agent = story.cdr.agent if story is not None and story.cdr.agent is not None else ""
    messages = sorted((message for leg in legs_of_vip(scene, evidence) for message in leg), key=lambda seen: seen.at)
    names = {scene.server: "acdcore"}
    if VIP.name in scene.addresses:
        names = {scene.addresses[VIP.name]: "VIP"} | names
    if agent in scene.addresses:
        names |= {scene.addresses[agent]: f"agent {agent}"}
    return ladder.render(messages, names)
