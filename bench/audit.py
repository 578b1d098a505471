"""Checks after a load that every call has a correct record and a complete recording."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import aiohttp
from pydantic import TypeAdapter

from acdcore.calls.model.ports import PAGE_ROWS_MAX
from acdcore.calls.model.rows import CdrRow, RecordingRow, SegmentKind
from acdcore.kernel.errors import Outcome
from acdcore.recording.wav import CHANNELS, FRAME_BYTES, HEADER_BYTES, RATE_HZ
from bench.centre import Target

ROWS_WITHIN_S = 30.0
"""Seconds to wait for the records, which are written in batches after the calls."""
POLL_S = 0.5
LENGTH_TOLERANCE_S = 0.2
"""Seconds by which a recording may be shorter or longer than the talk."""
GRID_BYTES = 2 * RATE_HZ // 50
"""One channel's samples of one packet."""
QUIET = (bytes(GRID_BYTES), b"\x08\x00" * (GRID_BYTES // 2), b"\xf8\xff" * (GRID_BYTES // 2))
"""Silent blocks: no packet, and the two codes of PCMA for silence."""

CALLS = TypeAdapter(tuple[CdrRow, ...])
RECORDINGS = TypeAdapter(tuple[RecordingRow, ...])


@dataclass(frozen=True, slots=True)
class CallRecords:
    """The daemon's records."""

    calls: dict[str, CdrRow]
    """By call."""
    recordings: dict[str, RecordingRow]
    """First recordings, by call."""


@dataclass(frozen=True, slots=True)
class Audit:
    """The result of the audit."""

    answered: int
    """Calls that an agent answered, by their record."""
    wrong_length: int
    """Recordings that are not as long as the talk."""
    unsound: int | None
    """Recordings that lack packets; None when the files cannot be read."""
    good: int
    """Calls with a correct record and a correct recording."""


async def read_records(target: Target, since: datetime, calls: int) -> CallRecords:
    """All rows since `since`; waits at most `ROWS_WITHIN_S` until there are `calls` of them, each with a recording."""
    loop = asyncio.get_running_loop()
    until = loop.time() + ROWS_WITHIN_S
    async with target.client() as client:
        while True:
            ended, recordings = await read_calls(client, since), await read_recordings(client, since)
            if loop.time() > until or min(len(ended), len(recordings)) >= calls:
                return CallRecords(ended, recordings)
            await asyncio.sleep(POLL_S)


async def read_calls(client: aiohttp.ClientSession, since: datetime) -> dict[str, CdrRow]:
    """Every page of the history since then."""
    found: dict[str, CdrRow] = {}
    wanted = {"from": since.isoformat(), "limit": str(PAGE_ROWS_MAX)}
    while True:
        async with client.get("/v1/history", params=wanted) as answer:
            answer.raise_for_status()
            page = await answer.json()
        found |= {row.call_id: row for row in CALLS.validate_python(page["calls"])}
        if page["next"] is None:
            return found
        wanted["before"] = page["next"]


async def read_recordings(client: aiohttp.ClientSession, since: datetime) -> dict[str, RecordingRow]:
    """Every page of the recordings since then, the first of each call."""
    found: dict[str, RecordingRow] = {}
    wanted = {"from": since.isoformat(), "limit": str(PAGE_ROWS_MAX)}
    while True:
        async with client.get("/v1/recordings", params=wanted) as answer:
            answer.raise_for_status()
            page = await answer.json()
        found |= {row.call_id: row for row in RECORDINGS.validate_python(page["recordings"]) if row.n == 1}
        if page["next"] is None:
            return found
        wanted["before"] = page["next"]


def connected_s(call: CdrRow) -> float:
    """Seconds from the agent's answer on, announcements included, which is the length of a recording."""
    talks = [part for part in call.segments if part.kind is SegmentKind.AGENT]
    return sum((part.ended_at - part.began_at).total_seconds() for part in talks)


def judge(records: CallRecords, packets: int, directory: Path | None) -> Audit:
    """Compare every call with its recording, in which each channel must have `packets` packets that are not silence.

    The load's packets begin with a stamp, which is noise, and are silent otherwise: in a raster of one packet's length
    each stamp makes one or two steps loud. It reads all files: call it in a thread.
    """
    answered = {call_id for call_id, call in records.calls.items() if call.outcome is Outcome.ANSWERED}
    right_length = {
        call_id
        for call_id, recording in records.recordings.items()
        if call_id in answered and is_right_length(recording.duration_s, connected_s(records.calls[call_id]))
    }
    sound = right_length
    unsound: set[str] | None = None
    if directory is not None:
        unsound = {call for call, row in records.recordings.items() if loudness(directory / row.path) < packets}
        sound = right_length - unsound
    return Audit(
        answered=len(answered),
        wrong_length=len(records.recordings) - len(right_length),
        unsound=None if unsound is None else len(unsound),
        good=len(sound),
    )


def is_right_length(duration_s: float, connected_s: float) -> bool:
    """Whether a recording is as long as the talk."""
    return abs(duration_s - connected_s) <= LENGTH_TOLERANCE_S


def loudness(file: Path) -> int:
    """Steps of one packet that are not silent, in the channel that has fewer; 0 without a file."""
    try:
        data = file.read_bytes()[HEADER_BYTES:]
    except OSError:
        return 0
    samples = memoryview(data[: len(data) // FRAME_BYTES * FRAME_BYTES]).cast("h")
    return min(loud_steps(samples[channel::CHANNELS].tobytes()) for channel in range(CHANNELS))


def loud_steps(pcm: bytes) -> int:
    """The same for one channel's samples."""
    return sum(pcm[at : at + GRID_BYTES] not in QUIET for at in range(0, len(pcm), GRID_BYTES))
