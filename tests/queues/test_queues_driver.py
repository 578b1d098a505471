"""Obligations of the driver: order, one timer, no re-entrance, nothing lost; on a loop whose clock jumps."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime

import looptime
import pytest
from tests.queues.dispatcher_harness import ANNA, SALES, TALK, kinds, rebuilt

from acdcore.queues.decisions import Connected, Decision, Offered, OfferWithdrawn, Queued
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.driver import DispatcherDriver
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
from acdcore.queues.journal.lines import write
from acdcore.queues.settings import AgentSettings, DispatcherSettings, QueueSettings

SETTINGS = DispatcherSettings(queues=(QueueSettings(SALES, {TALK: 1}),))
ENTRY = EntryId("e1")


def on_virtual_time(scenario: Callable[[], Coroutine[None, None, None]]) -> Callable[[], None]:
    """Run a scenario on a loop of its own, whose clock jumps whenever all wait."""

    @functools.wraps(scenario)
    def run() -> None:
        with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
            runner.run(scenario())

    return run


class LoopClock:
    """The loop's own time."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def wall(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)


class Listener:
    """Keeps the decisions, and answers some of them at once."""

    def __init__(self, answers: bool = False) -> None:
        self.heard: list[Decision] = []
        self.journal: list[tuple[float, Input]] = []
        self.answers = answers
        self.depth = 0
        self.fails_at: type[Decision] | None = None
        self.driver = DispatcherDriver(Dispatcher(SETTINGS), LoopClock(), self.note, self.hear)

    def note(self, at: float, event: Input, decisions: list[Decision]) -> None:
        self.journal.append((at, event))

    def hear(self, decision: Decision) -> None:
        self.depth += 1
        assert self.depth == 1, "a decision was handed out in the middle of another"
        self.heard.append(decision)
        try:
            if self.answers and isinstance(decision, Offered):
                self.driver.handle(OfferAccepted(decision.offer))
            if self.fails_at is not None and isinstance(decision, self.fails_at):
                raise RuntimeError("the listener failed")
        finally:
            self.depth -= 1

    def open(self) -> None:
        """One agent is ready."""
        for event in (AgentPhoneUp(ANNA), AgentLoggedIn(AgentSettings(ANNA, skills={TALK: 1})), AgentReady(ANNA)):
            self.driver.handle(event)
        self.heard.clear()


@on_virtual_time
async def test_decisions_come_in_order_and_answers_from_inside_wait_for_them() -> None:
    listener = Listener(answers=True)
    listener.open()
    listener.driver.handle(CallerJoined(ENTRY, SALES))
    assert kinds(listener.heard) == ["Queued", "Offered", "AgentStateChanged", "Connected", "AgentStateChanged"]
    listener.driver.close()


@on_virtual_time
async def test_timer_fires_at_the_deadline() -> None:
    listener = Listener()
    listener.open()
    listener.driver.handle(CallerJoined(ENTRY, SALES))
    listener.heard.clear()
    await asyncio.sleep(19.9)
    assert listener.heard == []
    await asyncio.sleep(0.2)
    assert isinstance(listener.heard[0], OfferWithdrawn)
    listener.driver.close()


@on_virtual_time
async def test_answered_offer_leaves_no_timer_behind() -> None:
    listener = Listener(answers=True)
    listener.open()
    listener.driver.handle(CallerJoined(ENTRY, SALES))
    await asyncio.sleep(600)
    assert not any(isinstance(event, DeadlinePassed) for _, event in listener.journal)
    listener.driver.close()


@on_virtual_time
async def test_closed_dispatcher_stays_silent() -> None:
    listener = Listener()
    listener.open()
    listener.driver.handle(CallerJoined(ENTRY, SALES))
    listener.heard.clear()
    listener.driver.close()
    await asyncio.sleep(600)
    assert listener.heard == []


@on_virtual_time
async def test_journal_rebuilds_the_dispatcher() -> None:
    listener = Listener()
    listener.open()
    listener.driver.handle(CallerJoined(ENTRY, SALES))
    await asyncio.sleep(100)
    listener.driver.close()
    again = rebuilt(SETTINGS, [write(at, event) for at, event in listener.journal])
    now = LoopClock().now()
    assert again.snapshot(now) == listener.driver.dispatcher.snapshot(now)


@on_virtual_time
async def test_listener_that_raises_loses_nothing() -> None:
    listener = Listener(answers=True)
    listener.open()
    listener.fails_at = Queued
    with pytest.raises(RuntimeError):
        listener.driver.handle(CallerJoined(ENTRY, SALES))
    await asyncio.sleep(1)
    assert any(isinstance(decision, Connected) for decision in listener.heard)
    listener.driver.handle(CallerLeft(ENTRY))
    assert kinds(listener.heard)[-2:] == ["TalkFinished", "AgentStateChanged"]
    listener.driver.close()
