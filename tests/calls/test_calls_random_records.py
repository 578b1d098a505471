"""Random calls with transfers, overflows, hang-ups, lost audio and a stop: each has one record with all who talked."""

import random
from collections.abc import Iterator
from contextlib import suppress

import pytest
from tests.calls.call_centre import OUTSIDE, SALES, SERVICE, SERVICE_LINE, CallCentre, Plan, opened
from tests.calls.phone import Phone

from acdcore.calls.core.call import Call
from acdcore.calls.model import history
from acdcore.calls.model.ports import CallFilter
from acdcore.calls.model.rows import CdrRow, SegmentEnd, SegmentKind
from acdcore.calls.record.recovery import event_of
from acdcore.kernel.errors import AcdError, Outcome
from acdcore.queues.settings import OverflowCause, OverflowRule, QueueSettings, ToExternalNumber, ToQueue

pytestmark = pytest.mark.looptime

STEPS = 60
AGENTS = ("1001", "1002", "1003")
TO_SALES, TO_OUTSIDE = (
    OverflowRule(OverflowCause.WAIT, target) for target in (ToQueue(SALES), ToExternalNumber(OUTSIDE))
)
PLAN = Plan(
    queues=(
        QueueSettings(SERVICE, ring_for_s=8.0, wrap_up_s=2.0, max_wait_s=20.0, overflow=(TO_SALES,)),
        QueueSettings(SALES, ring_for_s=8.0, wrap_up_s=2.0, max_wait_s=40.0, overflow=(TO_OUTSIDE,)),
    ),
    capacity=150,
)


class RandomDay:
    """Callers, agents and staff who do whatever comes to their minds."""

    def __init__(self, centre: CallCentre, chance: random.Random) -> None:
        self.centre, self.chance = centre, chance
        self.agents: list[Phone] = []
        self.callers: list[Phone] = []
        self.outside = centre.exchange()

    async def open(self) -> None:
        for agent in AGENTS:
            self.agents.append(await self.centre.seat(agent))

    def calls(self) -> list[Call]:
        return [call for call in self.centre.switchboard.calls.values() if call.ending is None]

    def step(self) -> None:
        """One thing happens."""
        often = (self.call, self.call, self.answer, self.answer, self.answer)
        now_and_then = (self.part, self.leave, self.move, self.silence, self.answer_outside, self.staff)
        self.chance.choice((*often, *now_and_then))()

    def call(self) -> None:
        if len(self.calls()) < 6:
            caller = self.centre.caller(f"139{len(self.callers):08}")
            self.callers.append(caller)
            caller.call(SERVICE_LINE)

    def answer(self) -> None:
        for phone in self.agents:
            if phone.rings:
                phone.answer()
                return

    def part(self) -> None:
        up = [phone for phone in self.agents if phone.is_up]
        if up:
            self.chance.choice(up).hang_up()

    def leave(self) -> None:
        up = [phone for phone in self.callers if phone.is_up]
        if up:
            self.chance.choice(up).hang_up()

    def move(self) -> None:
        if self.calls():
            call = self.chance.choice(self.calls())
            if self.chance.random() < 0.7:
                self.centre.operations.requeue(call.id, self.chance.choice((SERVICE, SALES)), "1001")
            else:
                self.centre.operations.send_to_flow(call.id, "outside", "1001")

    def silence(self) -> None:
        streams = list(self.centre.context.event_router.streams)
        if streams:
            self.centre.engine.fall_silent(self.chance.choice(streams))

    def answer_outside(self) -> None:
        if self.outside.rings:
            self.outside.answer() if self.chance.random() < 0.5 else self.outside.refuse(486)
        elif self.outside.is_up:
            self.outside.hang_up()

    def staff(self) -> None:
        if self.calls() and self.chance.random() < 0.3:
            self.centre.operations.hang_up(self.chance.choice(self.calls()).id, "staff")


def talks(happened: list[history.Event]) -> Iterator[tuple[str | None, float]]:
    """Each talk that was had, told another way than the record tells it: with whom, for how long."""
    with_whom, since = None, None
    for event in happened:
        match event:
            case history.CallConnected(agent=agent):
                with_whom = agent
            case history.Bridged(at=at):
                since = at
            case history.CallTalkEnded(at=at) | history.Ended(at=at) if since is not None:
                yield with_whom, at - since
                since = None
            case _:
                pass


def check(row: CdrRow, happened: list[history.Event]) -> None:
    had = list(talks(happened))
    with_agents = [agent for agent, _ in had if agent is not None]
    in_record = [part.agent for part in row.segments if part.agent is not None and part.end is not SegmentEnd.NO_TALK]
    assert set(with_agents) <= set(in_record)
    assert row.served_by == (with_agents[-1] if with_agents else None)
    assert row.talk_s == pytest.approx(sum(talk_s for _, talk_s in had), abs=0.01)
    assert row.talk_s == pytest.approx(sum(part.talk_s for part in row.segments), abs=0.01)
    queues = [event.queue for event in happened if isinstance(event, history.CallQueued)]
    assert queues == [part.queue for part in row.segments if part.kind is SegmentKind.QUEUE]
    if row.outcome is Outcome.ANSWERED:
        assert in_record
    if with_agents and row.segments[-1].kind is SegmentKind.AGENT:
        assert row.outcome is Outcome.ANSWERED or row.segments[-1].end is SegmentEnd.NO_TALK
    for before, after in zip(row.segments, row.segments[1:], strict=False):
        assert before.began_at <= before.ended_at <= after.began_at


@pytest.mark.parametrize("seed", range(12))
async def test_whoever_talked_is_in_the_one_record_of_each_call_whatever_happened(seed: int) -> None:
    async with opened(PLAN) as centre:
        chance = random.Random(seed)
        day = RandomDay(centre, chance)
        await day.open()
        for _ in range(STEPS):
            with suppress(AcdError):  # the call was not in a state for it
                day.step()
            await centre.pass_time(chance.choice((0.1, 1.0, 4.0)))
        centre.switchboard.end_all()
        await centre.pass_time(12)
        calls = {call_id for call_id, _ in centre.history.call_events}
        assert sorted(row.call_id for row in centre.cdrs()) == sorted(calls)
        assert len(calls) > 3
        for row in centre.cdrs():
            stored = [each for key, each in sorted(centre.history.call_events.items()) if key[0] == row.call_id]
            check(row, [event for each in stored if (event := event_of(each)) is not None])
            for agent in {part.agent for part in row.segments if part.agent is not None}:
                assert row in await centre.history.calls(CallFilter(agent=agent))
