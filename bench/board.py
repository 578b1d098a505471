"""A wallboard of a running daemon: its events, queues, agents and calls, as a picture or line by line."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import aiohttp
from pydantic import AwareDatetime, BaseModel, JsonValue, TypeAdapter
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from acdcore.calls.model.commands import LiveAgent, LiveCall, LiveHours, LiveQueue, ReloadReport
from acdcore.calls.model.rows import AnswerRow, CdrRow, RecordingRow
from acdcore.calls.record.event_stream import (
    AgentOfferEnded,
    AlarmChange,
    MissedEvents,
    ScreenPop,
    StreamEvent,
    StreamEventData,
    StreamEventKind,
)
from acdcore.control.schemas import AgentList, Calls, Queues
from acdcore.numbering.plan import at_home
from acdcore.work.model import WorkItem

DRAWN_EVERY_S = 0.5
"""Seconds between two pictures, each of which needs three requests."""
EVENTS_SHOWN = 10
"""Events that fit below the tables on a terminal of 40 lines."""
EVENTS_KEPT_MAX = 10_000
"""Events to keep: a demo has some hundred, and the daemon keeps no more either."""

CALL_KINDS = (
    StreamEventKind.CALL_ARRIVED,
    StreamEventKind.CALL_ANSWERED,
    StreamEventKind.CALL_QUEUED,
    StreamEventKind.CALL_CONNECTED,
    StreamEventKind.CALL_HELD,
    StreamEventKind.CALL_RESUMED,
    StreamEventKind.CALL_MOVED,
)
SHAPES: dict[StreamEventKind, Callable[[JsonValue], StreamEventData]] = {
    **dict.fromkeys(CALL_KINDS, TypeAdapter(LiveCall).validate_python),
    StreamEventKind.AGENT_OFFERED: TypeAdapter(ScreenPop).validate_python,
    StreamEventKind.OFFER_ENDED: TypeAdapter(AgentOfferEnded).validate_python,
    StreamEventKind.CALL_ENDED: TypeAdapter(CdrRow).validate_python,
    StreamEventKind.AGENT_STATE: TypeAdapter(LiveAgent).validate_python,
    StreamEventKind.RECORDING_FINISHED: TypeAdapter(RecordingRow).validate_python,
    StreamEventKind.WORK_CHANGED: TypeAdapter(WorkItem).validate_python,
    StreamEventKind.QUESTION_ANSWERED: TypeAdapter(AnswerRow).validate_python,
    StreamEventKind.HOURS_CHANGED: TypeAdapter(LiveHours).validate_python,
    StreamEventKind.RELOADED: TypeAdapter(ReloadReport).validate_python,
    StreamEventKind.ALARM: TypeAdapter(AlarmChange).validate_python,
    StreamEventKind.GAP: TypeAdapter(MissedEvents).validate_python,
    StreamEventKind.OVERRUN: TypeAdapter(MissedEvents).validate_python,
}
"""The parser of each kind's data."""


class Envelope(BaseModel):
    """The fields that every event of the stream has."""

    serial: int
    at: AwareDatetime
    kind: StreamEventKind
    data: JsonValue


def read_event(data: bytes) -> StreamEvent:
    """One event from the JSON of its `data` line; raises pydantic's ValidationError."""
    envelope = Envelope.model_validate_json(data)
    return StreamEvent(envelope.serial, envelope.at, envelope.kind, SHAPES[envelope.kind](envelope.data))


def caller_of(event: StreamEvent) -> str:
    """The number of the caller whom an event concerns, as it was dialled; empty for what concerns no caller."""
    match event.data:
        case LiveCall(caller=caller) | CdrRow(caller=caller) | RecordingRow(caller=caller):
            return at_home(caller)
        case ScreenPop(call=call):
            return at_home(call.caller)
        case _:
            return ""


# --- listening ---


class Listener:
    """Follows the event stream, and lets others wait for an event."""

    def __init__(self, client: aiohttp.ClientSession) -> None:
        self.events: list[StreamEvent] = []
        self._client = client
        self._came = asyncio.Condition()

    async def listen(self, on_open: Callable[[], None]) -> None:
        """Take events until cancelled or the stream ends; `on_open` is called when no event can be missed any more."""
        patience = aiohttp.ClientTimeout(total=None)
        async with self._client.get("/v1/events", timeout=patience) as response:
            response.raise_for_status()
            async for line in response.content:
                if line.startswith(b":"):
                    on_open()
                if line.startswith(b"data: ") and len(self.events) < EVENTS_KEPT_MAX:
                    self.events.append(read_event(line.removeprefix(b"data: ")))
                    async with self._came:
                        self._came.notify_all()

    async def until(self, kind: StreamEventKind, caller: str) -> StreamEvent:
        """The first event of that kind about that caller, whether it has happened already or will."""
        async with self._came:
            while (event := self.find(kind, caller)) is None:
                await self._came.wait()
            return event

    def find(self, kind: StreamEventKind, caller: str) -> StreamEvent | None:
        """As `until`, without waiting; None when there is no such event yet."""
        return next((event for event in self.events if event.kind is kind and caller_of(event) == caller), None)

    async def next_after(self, count: int) -> list[StreamEvent]:
        """The events after the first `count`, as soon as there are any."""
        async with self._came:
            while len(self.events) <= count:
                await self._came.wait()
            return self.events[count:]


# --- drawing ---


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Queues, agents and calls at one moment."""

    calls: tuple[LiveCall, ...]
    queues: tuple[LiveQueue, ...]
    agents: tuple[LiveAgent, ...]


async def look(client: aiohttp.ClientSession) -> Snapshot:
    """Ask the daemon; raises aiohttp.ClientError."""
    return Snapshot(
        TypeAdapter(Calls).validate_json(await read(client, "/v1/calls")).calls,
        TypeAdapter(Queues).validate_json(await read(client, "/v1/queues")).queues,
        TypeAdapter(AgentList).validate_json(await read(client, "/v1/agents")).agents,
    )


async def read(client: aiohttp.ClientSession, path: str) -> bytes:
    """The body of a page; raises aiohttp.ClientError, also for a refusal."""
    async with client.get(path) as answer:
        answer.raise_for_status()
        return await answer.read()


@dataclass(frozen=True, slots=True)
class Board:
    """Shows a wallboard on a console."""

    console: Console
    """A terminal shows a picture, any other console a line for each event."""
    names: dict[str, str]
    """Names of callers, by their number."""
    opened_at: datetime
    """Events are shown with the seconds since then."""

    async def show(self, client: aiohttp.ClientSession, listener: Listener) -> None:
        """Show events until cancelled."""
        if self.console.is_terminal:
            await self._draw_on(client, listener)
        else:
            await self._tell(listener)

    async def _tell(self, listener: Listener) -> None:
        told = 0
        while True:
            fresh = await listener.next_after(told)
            told += len(fresh)
            for event in fresh:
                self.console.print(self.line(event), highlight=False, soft_wrap=True, markup=False)

    async def _draw_on(self, client: aiohttp.ClientSession, listener: Listener) -> None:
        with Live(console=self.console, auto_refresh=False) as live:
            while True:
                live.update(self.picture(await look(client), listener.events), refresh=True)
                await asyncio.sleep(DRAWN_EVERY_S)

    def picture(self, snapshot: Snapshot, events: list[StreamEvent]) -> RenderableType:
        """Everything on one screen."""
        now = datetime.now(self.opened_at.tzinfo)
        last = "\n".join(self.line(event) for event in events[-EVENTS_SHOWN:]) or "quiet so far"
        return Group(
            queue_table(snapshot.queues),
            agent_table(snapshot.agents, now),
            self.call_table(snapshot.calls, now),
            Panel(Text(last), title="last events", title_align="left", height=EVENTS_SHOWN + 2),
        )

    def call_table(self, calls: tuple[LiveCall, ...], now: datetime) -> Table:
        """Every call that is up."""
        table = Table("call", "caller", "state", "queue", "place", "agent", "customer", "tier", "s", expand=True)
        for call in calls:
            table.add_row(
                self.named(call.caller),
                call.caller,
                call.state.value,
                call.queue or "",
                str(call.position or ""),
                call.agent or "",
                call.customer_name or "",
                call.tier.value if call.tier else "",
                f"{(now - call.arrived_at).total_seconds():.0f}",
            )
        return table

    def line(self, event: StreamEvent) -> str:
        """One event in words."""
        return f"{(event.at - self.opened_at).total_seconds():7.2f}  {self.sentence(event)}"

    def sentence(self, event: StreamEvent) -> str:
        """What happened, without the time."""
        kind = event.kind.value.replace("_", " ")
        match event.data:
            case LiveCall() as call:
                told = [f"place {call.position}" if call.position else "", f"agent {call.agent}" if call.agent else ""]
                about = " ".join(filter(None, [call.queue, *told]))
                return f"{kind}: {self.named(call.caller)} {about}".rstrip()
            case ScreenPop() as pop:
                who = pop.customer.name if pop.customer else "unknown customer"
                return f"{kind}: screen of {pop.agent} shows {self.named(pop.call.caller)}, {pop.queue}, {who}"
            case AgentOfferEnded() as over:
                return f"{kind}: {over.agent} {over.cause.value}"
            case CdrRow() as row:
                return f"{kind}: {self.named(row.caller)} {row.outcome.value}, by {row.ended_by.value}"
            case LiveAgent() as agent:
                return f"{kind}: {agent.agent} {agent.state.value} {agent.reason or ''}".rstrip()
            case RecordingRow() as recording:
                return f"{kind}: {self.named(recording.caller)} {recording.duration_s:.1f} s"
            case AlarmChange() as alarm:
                return f"{kind}: {alarm.name} {'raised' if alarm.is_raised else 'over'}: {alarm.detail}"
            case WorkItem() as item:
                return f"{kind}: {item.kind.value} for {self.named(item.number)} {item.state.value}, {item.queue}"
            case AnswerRow() as answer:
                return f"{kind}: {answer.question} {answer.value}"
            case LiveHours() as hours:
                return f"{kind}: {hours.calendar} {hours.state} {hours.shift}".rstrip()
            case ReloadReport() as report:
                return f"{kind}: {len(report.changes)} changes, {len(report.problems)} problems"
            case MissedEvents() as missed:
                return f"{kind}: {missed.detail}"

    def named(self, caller: str) -> str:
        """The caller's name, else the number."""
        return self.names.get(at_home(caller), caller)


def queue_table(queues: tuple[LiveQueue, ...]) -> Table:
    """Every queue with its counts."""
    headings = ("waiting", "ringing", "talking", "ready", "offered", "answered", "abandoned", "overflowed", "level")
    table = Table("queue", *headings, expand=True)
    for queue in queues:
        counts = (queue.waiting, queue.ringing, queue.talking, queue.agents_ready, queue.offered, queue.answered)
        abandoned = f"{queue.abandoned_long} + {queue.abandoned_short} short"
        level = "-" if queue.service_level is None else f"{queue.service_level:.0%}"
        table.add_row(queue.name, *map(str, counts), abandoned, str(queue.overflowed), level)
    return table


def agent_table(agents: tuple[LiveAgent, ...], now: datetime) -> Table:
    """Every agent with the state."""
    table = Table("agent", "name", "state", "for s", "phone", "answered", "missed", expand=True)
    for agent in agents:
        state = f"{agent.state.value} ({agent.reason})" if agent.reason else agent.state.value
        phone = "registered" if agent.is_registered else "-"
        since = f"{(now - agent.since).total_seconds():.0f}"
        table.add_row(agent.agent, agent.name, state, since, phone, str(agent.answered), str(agent.missed))
    return table
