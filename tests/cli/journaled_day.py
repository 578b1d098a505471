"""A scripted day in a journal: callers come every forty seconds, two agents answer, talk and write notes."""

import heapq
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path

from acdcore.kernel.ids import AgentId, QueueName, SkillName
from acdcore.queues.decisions import Connected, Decision, Offered
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.inputs import (
    AgentLoggedIn,
    AgentPhoneUp,
    AgentReady,
    CallerJoined,
    CallerLeft,
    DeadlinePassed,
    EntryId,
    Input,
    OfferAccepted,
    TalkEnded,
)
from acdcore.queues.journal.lines import Header, Mark, MarkKind, write, write_header, write_mark
from acdcore.queues.settings import AgentSettings, DispatcherSettings, QueueSettings
from acdcore.storage.journal.files import segment_path

DAY = date(2026, 11, 20)
OPENING = datetime(2026, 11, 20, 8, tzinfo=UTC)
STARTED_AT = 1_000.0
"""Monotonic seconds at the opening."""
CALLERS = 100
EVERY_S, ANSWERS_AFTER_S, TALK_S, PATIENCE_S = 40.0, 4.0, 110.0, 45.0
SERVICE, SKILL = QueueName("service"), SkillName("service")
SETTINGS = DispatcherSettings((QueueSettings(SERVICE, {SKILL: 1}, wrap_up_s=10.0, ring_for_s=15.0),))


def journal_of_a_day(directory: Path, day: date = DAY) -> Path:
    """Write the day's only segment; the same every time."""
    opening = OPENING + (day - DAY)
    header = Header(opening, STARTED_AT, SETTINGS, "0.0.1")
    path = segment_path(directory, day, opening)
    directory.mkdir(parents=True, exist_ok=True)
    turns = [write(at, fed, decisions) for at, fed, decisions in a_day()]
    closed = write_mark(Mark(MarkKind.CLOSED, STARTED_AT + timedelta(hours=2).total_seconds()))
    path.write_text("".join(f"{line}\n" for line in (write_header(header), *turns, closed)), "utf-8")
    return path


def a_day() -> list[tuple[float, Input, Sequence[Decision]]]:
    """Every turn of it."""
    dispatcher, order = Dispatcher(SETTINGS), count()
    coming: list[tuple[float, int, Input]] = []

    def expect(at: float, fed: Input) -> None:
        heapq.heappush(coming, (at, next(order), fed))

    for number in ("1001", "1002"):
        who = AgentSettings(AgentId(number), f"Agent {number}", {SKILL: 5})
        expect(STARTED_AT, AgentPhoneUp(who.agent))
        expect(STARTED_AT, AgentLoggedIn(who))
        expect(STARTED_AT, AgentReady(who.agent))
    for caller in range(CALLERS):
        entry, at = EntryId(f"call-{caller:03}/1"), STARTED_AT + 10.0 + caller * EVERY_S
        expect(at, CallerJoined(entry, SERVICE))
        if caller % 3 == 0:
            expect(at + PATIENCE_S, CallerLeft(entry))
    turns: list[tuple[float, Input, Sequence[Decision]]] = []
    while coming:
        due = dispatcher.next_deadline()
        if due is not None and due <= coming[0][0]:
            expect(due, DeadlinePassed())
        at, _, fed = heapq.heappop(coming)
        decisions = dispatcher.handle(fed, at)
        turns.append((at, fed, decisions))
        for decision in decisions:
            match decision:
                case Offered(offer=offer):
                    expect(at + ANSWERS_AFTER_S, OfferAccepted(offer))
                case Connected(entry=entry):
                    expect(at + TALK_S, TalkEnded(entry))
    return turns
