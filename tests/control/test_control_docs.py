"""Every example of docs/http.md, run as it stands against the real server."""

import asyncio
import json
import os
import re
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from tests.control.fake_centre import ENDED, HALF_AN_HOUR, MORNING, SERVICE, WAITING, FakeCallCentre
from tests.control.served import KEYS, Served

from acdcore.calls.model.directory import PastContact
from acdcore.calls.model.ports import Transcribed
from acdcore.calls.model.rows import AgentEventRow, AnswerRow, QueueVisitRow, SpokenPart, TraceRow, TranscriptRow
from acdcore.calls.record.event_stream import AlarmChange, ScreenPop, StreamEventKind
from acdcore.control import Right
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId, CallId, CustomerId

PAGE = Path(__file__).parents[2] / "docs" / "http.md"


@dataclass(frozen=True)
class Example:
    """A command of the page and the answer that the page shows."""

    command: str
    language: str
    answer: str


def examples() -> list[Example]:
    """Each `sh` block with the block after it."""
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return [Example(text, *following) for (language, text), following in pairwise(blocks) if language == "sh"]


def happened_before(centre: FakeCallCentre) -> None:
    """What the page's answers and reports are about: a survey, and two callers in a queue."""
    given_at = MORNING - HALF_AN_HOUR + timedelta(seconds=80)
    withheld = CallId("20261121T080000000-000004")
    centre.traces = {withheld: TraceRow(withheld, MORNING - HALF_AN_HOUR, "+8613800138000")}
    parts = (
        SpokenPart("caller", 0.4, 2.9, "你好，我想问一下我的发票。"),
        SpokenPart("agent", 3.6, 5.1, "好的，请稍等。"),
    )
    row = TranscriptRow(ENDED, 1, MORNING - timedelta(minutes=20), "cmn", parts)
    centre.transcripts = [Transcribed(centre.recording_rows[0], row)]
    centre.answer_rows = [
        AnswerRow(ENDED, 1, given_at, "survey", "satisfied", "choice", "yes", AgentId("1001"), SERVICE, CustomerId(1)),
        AnswerRow(ENDED, 2, given_at, "survey", "score", "number", "9", AgentId("1001"), SERVICE, CustomerId(1)),
    ]
    joined_at = MORNING - HALF_AN_HOUR + timedelta(seconds=5)
    answered = QueueVisitRow(
        entry=f"{ENDED}/1",
        n=1,
        call_id=ENDED,
        queue=SERVICE,
        channel="call",
        joined_at=joined_at,
        left_at=joined_at + timedelta(seconds=10),
        how="answered",
        waited_s=10.0,
        is_in_time=True,
        agent=AgentId("1001"),
        offers=1,
        talked_s=50.0,
        wrap_up_s=12.0,
        caller="+862155550101",
    )
    centre.queue_visit_rows = [
        answered,
        replace(
            answered,
            entry="20261121T080500000-000010/1",
            call_id="20261121T080500000-000010",
            joined_at=joined_at + timedelta(minutes=5),
            how="abandoned",
            waited_s=44.0,
            is_in_time=False,
            agent=None,
            talked_s=0.0,
            wrap_up_s=0.0,
            caller="02155550202",
        ),
    ]


def worked_before(centre: FakeCallCentre) -> None:
    """What the page's report of an agent is about: logged in from seven o'clock to eight, with a break."""
    states = (
        (90.0, "ready", ""),
        (60.0, "not_ready", "break"),
        (50.0, "ready", ""),
        (42.5, "talking", ""),
        (32.5, "wrap_up", ""),
        (30.0, "logged_out", ""),
    )
    centre.agent_event_rows = [
        AgentEventRow(AgentId("1001"), MORNING - timedelta(minutes=minutes), serial, state, reason)
        for serial, (minutes, state, reason) in enumerate(states)
    ]


def happen(centre: FakeCallCentre) -> None:
    """What the page's event stream shows: a first event, a screen pop, an alarm."""
    centre.events.publish(StreamEventKind.CALL_QUEUED, centre.calls_up[WAITING], MORNING)
    contact = PastContact(ENDED, MORNING - HALF_AN_HOUR, SERVICE, AgentId("1001"), Outcome.ANSWERED)
    customer = centre.customers[CustomerId(1)]
    pop = ScreenPop(AgentId("1001"), SERVICE, 20.0, centre.calls_up[WAITING], customer, (contact,))
    centre.events.publish(StreamEventKind.AGENT_OFFERED, pop, MORNING)
    alarm = AlarmChange("recording_off", True, "recordings stopped: 180 MB free of 500 MB wanted")
    centre.events.publish(StreamEventKind.ALARM, alarm, MORNING)


async def output_of(command: str, base: str, directory: Path) -> str:
    """What the command prints."""
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", command),
        stdout=asyncio.subprocess.PIPE,
        cwd=directory,
        env={**os.environ, "ACD": base, "KEY": KEYS[Right.ADMIN]},
    )
    out, _ = await process.communicate()
    return out.decode()


async def test_every_example_answers_as_the_page_says(served: Served, tmp_path: Path) -> None:
    happened_before(served.centre)
    worked_before(served.centre)
    happen(served.centre)
    for example in examples():
        out = await output_of(example.command, served.base, tmp_path)
        if example.language == "json":
            assert json.loads(out) == json.loads(example.answer), example.command
        else:
            assert out.strip() == example.answer.strip(), example.command


async def test_every_route_has_an_example(served: Served) -> None:
    document = await (await served.anyone.get("/openapi.json")).json()
    shown = [
        (re.search(r"-X (\w+)", example.command), re.search(r"\$ACD(/[^\s\"?]+)", example.command))
        for example in examples()
    ]
    seen = {(method[1] if method else "GET", path[1]) for method, path in shown if path}
    for path, operations in document["paths"].items():
        pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", path))
        for method in operations:
            assert any(method.upper() == used and pattern.fullmatch(at) for used, at in seen), (method, path)
