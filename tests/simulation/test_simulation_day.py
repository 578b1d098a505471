"""A day of everything at random moments, with every invariant watched after every turn."""

import random
from functools import partial

import pytest
from tests.queues.desk import ENGLISH, HELP, REPAIR, SALES, SPARE, TALK, Auditor
from tests.simulation.queue_day import Day

from acdcore.kernel.ids import AgentId, SkillName
from acdcore.queues.model import (
    AgentBusy,
    AgentIdle,
    AgentLoggedIn,
    AgentLoggedOut,
    AgentNotReady,
    AgentPhoneDown,
    AgentPhoneUp,
    AgentReady,
    AgentState,
    CallerJoined,
    CallerLeft,
    Connected,
    Decision,
    EntryId,
    Input,
    LateAccept,
    LeaveCause,
    OfferAccepted,
    Offered,
    OfferEnded,
    TalkEnded,
)
from acdcore.queues.settings import (
    AgentSettings,
    FloorSettings,
    OfferEnd,
    OverflowCause,
    OverflowRule,
    QueueSettings,
    Strategy,
    ToAnnouncement,
    ToQueue,
)

AGENTS = [AgentId(str(1_000 + number)) for number in range(24)]
DAY_S = 8 * 3_600.0
CLOSING_S = 4 * 3_600.0
"""After closing time nobody calls any more, and everything must come to rest."""

FLOOR = FloorSettings(
    queues=(
        QueueSettings(
            SALES,
            {TALK: 1},
            max_wait_s=60,
            max_length=30,
            overflow=(
                OverflowRule(OverflowCause.WAIT, ToQueue(SPARE)),
                OverflowRule(OverflowCause.LENGTH, ToAnnouncement("full")),
            ),
            announce_first_s=20,
            announce_every_s=45,
        ),
        QueueSettings(
            HELP,
            {REPAIR: 2},
            Strategy.LEAST_OCCUPIED,
            weight=2.0,
            overflow=(OverflowRule(OverflowCause.NOBODY_LOGGED_IN, ToQueue(SPARE)),),
        ),
        QueueSettings(
            SPARE,
            strategy=Strategy.ROUND_ROBIN,
            overflow=(OverflowRule(OverflowCause.NOBODY_LOGGED_IN, ToAnnouncement("closed")),),
        ),
    )
)


class Traffic:
    """Callers who lose patience at any stage, agents with habits, phones with faults."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.day = Day(FLOOR)
        self.auditor = Auditor(FLOOR)
        self.day.on_turn = self.audit
        self.day.on_decision = self.react
        self.callers = 0
        self.late = 0
        for agent in AGENTS:
            self.come_to_work(agent)
            self.day.after(self.random.expovariate(1 / 900), partial(self.meddle, agent))
        self.arrive()

    def audit(self, fed: Input, decisions: list[Decision]) -> None:
        self.auditor.turn(fed, decisions, self.day.now)

    def come_to_work(self, agent: AgentId) -> None:
        skills: dict[SkillName, int] = {TALK: self.random.randint(1, 5)}
        if self.random.random() < 0.4:
            skills[REPAIR] = self.random.randint(1, 5)
        if self.random.random() < 0.3:
            skills[ENGLISH] = 1
        self.day.feed(AgentPhoneUp(agent))
        self.day.feed(AgentLoggedIn(AgentSettings(agent, skills=skills)))
        self.day.feed(AgentReady(agent))

    def meddle(self, agent: AgentId) -> None:
        """Breaks, lost phones, own calls, log-outs; each mended some minutes later."""
        kind = self.random.choice([AgentNotReady, AgentPhoneDown, AgentBusy, AgentLoggedOut])
        self.day.feed(kind(agent))
        self.day.after(self.random.expovariate(1 / 200), lambda: self.mend(agent))

    def mend(self, agent: AgentId) -> None:
        self.day.feed(AgentIdle(agent))
        self.come_to_work(agent)
        if self.day.now < DAY_S:
            self.day.after(self.random.expovariate(1 / 900), lambda: self.meddle(agent))

    def arrive(self) -> None:
        self.callers += 1
        entry = EntryId(f"e{self.callers}")
        queue = self.random.choice([SALES, SALES, HELP, SPARE])
        advance_s = self.random.choice([0.0, 0.0, 0.0, 60.0, 300.0])
        skills = {ENGLISH: 1} if self.random.random() < 0.1 else {}
        self.day.feed(CallerJoined(entry, queue, advance_s, skills))
        self.day.after(self.random.expovariate(1 / 150), lambda: self.hang_up(entry))
        if self.day.now < DAY_S:
            self.day.after(self.random.expovariate(1 / 6), self.arrive)

    def hang_up(self, entry: EntryId) -> None:
        """Waiting, ringing, talking or gone: callers do not care."""
        cause = LeaveCause.HUNG_UP if self.random.random() < 0.9 else LeaveCause.CALLBACK
        self.day.feed(CallerLeft(entry, cause))

    def react(self, decision: Decision) -> None:
        match decision:
            case Offered():
                self.ring(decision)
            case Connected(entry=entry):
                self.day.after(self.random.expovariate(1 / 120), lambda: self.day.feed(TalkEnded(entry)))
            case LateAccept():
                self.late += 1
            case _:
                pass

    def ring(self, offered: Offered) -> None:
        """Phones answer after a while, even when they were told to stop; some decline, some are broken."""
        chance = self.random.random()
        after_s = self.random.expovariate(1 / 6)
        if chance < 0.85:
            self.day.after(after_s, lambda: self.day.feed(OfferAccepted(offered.offer)))
        else:
            cause = self.random.choice(list(OfferEnd))
            self.day.after(after_s, lambda: self.day.feed(OfferEnded(offered.offer, cause)))


@pytest.mark.parametrize("seed", [1, 2])
def test_day_of_hang_ups_keeps_every_invariant_and_ends_at_rest(seed: int) -> None:
    traffic = Traffic(seed)
    traffic.day.run(until=DAY_S + CLOSING_S)
    view = traffic.day.dispatcher.snapshot(traffic.day.now)
    figures = traffic.day.dispatcher.metrics.queues
    assert not traffic.auditor.live and not traffic.auditor.callers, "somebody rings or waits after closing time"
    assert all(not queue.waiting and queue.figures.is_balanced for queue in view.queues)
    assert not {agent.state for agent in view.agents} & {AgentState.OFFERED, AgentState.TALKING, AgentState.WRAP_UP}
    assert sum(queue.answered for queue in figures.values()) > 1_000
    assert sum(queue.overflowed for queue in figures.values()) > 50
    assert sum(queue.abandoned for queue in figures.values()) > 50
    assert traffic.late > 10, "the day had no answer that came too late"
    assert figures == traffic.auditor.metrics.queues
