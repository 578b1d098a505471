"""Obligations of the driver: order, one timer, no re-entrance, nothing lost; on a loop whose clock jumps."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime

import looptime
import pytest
from tests.queues.desk import ANNA, SALES, TALK, kinds

from acdcore.queues.decisions import Connected, Decision, Offered, OfferWithdrawn, Queued
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.driver import Floor
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
)
from acdcore.queues.journal.lines import rebuild, write
from acdcore.queues.settings import AgentSettings, FloorSettings, QueueSettings

SETTINGS = FloorSettings(queues=(QueueSettings(SALES, {TALK: 1}),))
ENTRY = EntryId("e1")


def on_virtual_time(story: Callable[[], Coroutine[None, None, None]]) -> Callable[[], None]:
    """Run a story on a loop of its own, whose clock jumps whenever all wait."""

    @functools.wraps(story)
    def run() -> None:
        with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
            runner.run(story())

    return run


class LoopClock:
    """The loop's own time."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def wall(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)


class Hall:
    """Whoever listens: keeps the decisions, and answers some of them at once."""

    def __init__(self, answers: bool = False) -> None:
        self.heard: list[Decision] = []
        self.journal: list[tuple[float, Input]] = []
        self.answers = answers
        self.depth = 0
        self.fails_at: type[Decision] | None = None
        self.floor = Floor(Dispatcher(SETTINGS), LoopClock(), self.note, self.hear)

    def note(self, at: float, fed: Input, decisions: list[Decision]) -> None:
        self.journal.append((at, fed))

    def hear(self, decision: Decision) -> None:
        self.depth += 1
        assert self.depth == 1, "a decision was handed out in the middle of another"
        self.heard.append(decision)
        try:
            if self.answers and isinstance(decision, Offered):
                self.floor.feed(OfferAccepted(decision.offer))
            if self.fails_at is not None and isinstance(decision, self.fails_at):
                raise RuntimeError("the listener stumbled")
        finally:
            self.depth -= 1

    def open(self) -> None:
        """One agent is ready."""
        for fed in (AgentPhoneUp(ANNA), AgentLoggedIn(AgentSettings(ANNA, skills={TALK: 1})), AgentReady(ANNA)):
            self.floor.feed(fed)
        self.heard.clear()


@on_virtual_time
async def test_decisions_come_in_order_and_answers_from_inside_wait_for_them() -> None:
    hall = Hall(answers=True)
    hall.open()
    hall.floor.feed(CallerJoined(ENTRY, SALES))
    assert kinds(hall.heard) == ["Queued", "Offered", "AgentStateChanged", "Connected", "AgentStateChanged"]
    hall.floor.close()


@on_virtual_time
async def test_timer_fires_at_the_deadline() -> None:
    hall = Hall()
    hall.open()
    hall.floor.feed(CallerJoined(ENTRY, SALES))
    hall.heard.clear()
    await asyncio.sleep(19.9)
    assert hall.heard == []
    await asyncio.sleep(0.2)
    assert isinstance(hall.heard[0], OfferWithdrawn)
    hall.floor.close()


@on_virtual_time
async def test_answered_offer_leaves_no_timer_behind() -> None:
    hall = Hall(answers=True)
    hall.open()
    hall.floor.feed(CallerJoined(ENTRY, SALES))
    await asyncio.sleep(600)
    assert not any(isinstance(fed, DeadlinePassed) for _, fed in hall.journal)
    hall.floor.close()


@on_virtual_time
async def test_closed_floor_stays_silent() -> None:
    hall = Hall()
    hall.open()
    hall.floor.feed(CallerJoined(ENTRY, SALES))
    hall.heard.clear()
    hall.floor.close()
    await asyncio.sleep(600)
    assert hall.heard == []


@on_virtual_time
async def test_journal_rebuilds_the_floor() -> None:
    hall = Hall()
    hall.open()
    hall.floor.feed(CallerJoined(ENTRY, SALES))
    await asyncio.sleep(100)
    hall.floor.close()
    again = rebuild(SETTINGS, [write(at, fed) for at, fed in hall.journal])
    now = LoopClock().now()
    assert again.snapshot(now) == hall.floor.dispatcher.snapshot(now)


@on_virtual_time
async def test_listener_that_stumbles_loses_nothing() -> None:
    hall = Hall(answers=True)
    hall.open()
    hall.fails_at = Queued
    with pytest.raises(RuntimeError):
        hall.floor.feed(CallerJoined(ENTRY, SALES))
    await asyncio.sleep(1)
    assert any(isinstance(decision, Connected) for decision in hall.heard)
    hall.floor.feed(CallerLeft(ENTRY))
    assert kinds(hall.heard)[-2:] == ["TalkFinished", "AgentStateChanged"]
    hall.floor.close()
