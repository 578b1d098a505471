"""A seeded shift: callers, agents, phones, supervisors and reloads in any order, using all that a dispatcher can do."""

import random
from collections.abc import Iterator

from acdcore.kernel.ids import AgentId, QueueName, SkillName
from acdcore.queues.decisions import Connected, Decision, Offered
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.inputs import (
    AgentBusy,
    AgentIdle,
    AgentLoggedIn,
    AgentLoggedOut,
    AgentNotReady,
    AgentPhoneDown,
    AgentPhoneUp,
    AgentReady,
    AgentRestored,
    CallerAssigned,
    CallerFacts,
    CallerJoined,
    CallerLeft,
    CallerPaused,
    CallerResumed,
    DeadlinePassed,
    DispatcherChanged,
    EntryId,
    HoursChanged,
    Input,
    LeaveCause,
    OfferAccepted,
    OfferEnded,
    OfferId,
    TalkEnded,
    WrapUpEnded,
)
from acdcore.queues.settings import (
    AgentSettings,
    Channel,
    DispatcherSettings,
    NeedRule,
    OfferEnd,
    OverflowCause,
    OverflowRule,
    QueueSettings,
    Strategy,
    ToAnnouncement,
    ToExternalNumber,
    ToFlow,
    ToQueue,
    WideningStep,
)

SALES, HELP, DOOR = QueueName("sales"), QueueName("help"), QueueName("door")
TALK, YUE = SkillName("talk"), SkillName("yue")
AGENTS = [AgentId(str(number)) for number in range(1001, 1009)]


def dispatcher_settings(strategy: Strategy = Strategy.LONGEST_IDLE, max_wait_s: float = 90.0) -> DispatcherSettings:
    """Two queues with rules, widening steps, preferred agents and every overflow, and a front desk."""
    rules = (NeedRule(languages=frozenset({"yue"}), skills={YUE: 1}), NeedRule(frozenset({"vip"}), skills={TALK: 3}))
    sales = QueueSettings(
        SALES,
        {TALK: 2},
        strategy,
        weight=1.5,
        max_wait_s=max_wait_s,
        max_length=30,
        overflow=(
            OverflowRule(OverflowCause.WAIT, ToQueue(HELP)),
            OverflowRule(OverflowCause.LENGTH, ToFlow("message")),
            OverflowRule(OverflowCause.CLOSED, ToAnnouncement("closed")),
        ),
        announce_first_s=5,
        announce_every_s=15,
        announces_wait=True,
        rules=rules,
        widening=(WideningStep(10, {YUE: 0}), WideningStep(25, {TALK: 1}, estimated_wait_s=120)),
        sticky_for_s=12,
    )
    help_ = QueueSettings(
        HELP,
        strategy=strategy,
        wrap_up_s=4,
        overflow=(
            OverflowRule(OverflowCause.NOBODY_LOGGED_IN, ToExternalNumber("10086", "north")),
            OverflowRule(OverflowCause.ESTIMATED_WAIT, ToFlow("callback")),
        ),
        max_estimated_wait_s=600,
    )
    return DispatcherSettings((sales, help_, QueueSettings(DOOR, is_manual_assignment=True)), retry_after_miss_s=20)


class Shift:
    """Draws what happens next from what the dispatcher decided so far."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        self._entries: list[EntryId] = []
        self._offers: list[OfferId] = []
        self.now = 5_000.0

    def inputs(self, dispatcher: Dispatcher, turns: int) -> Iterator[tuple[float, Input]]:
        """`turns` turns, with deadlines at their time between them; give the decisions of each to `learn`."""
        for _ in range(turns):
            until = self.now + self._draw.expovariate(1 / 1.5)
            deadline = dispatcher.next_deadline()
            while deadline is not None and deadline <= until:
                self.now = max(self.now, deadline)
                yield self.now, DeadlinePassed()
                deadline = dispatcher.next_deadline()
            self.now = until
            yield self.now, self._happens()

    def learn(self, decisions: list[Decision]) -> None:
        """Take the decisions of one turn."""
        for decision in decisions:
            if isinstance(decision, Offered):
                self._offers.append(decision.offer)
            if isinstance(decision, Connected):
                self._entries.append(decision.entry)  # talks are likelier to end

    def _happens(self) -> Input:
        draw = self._draw
        kind = draw.random()
        agent = draw.choice(AGENTS)
        if kind < 0.25 or not self._entries:
            return self._joined()
        entry = draw.choice(self._entries[-40:])
        if kind < 0.40:
            return OfferAccepted(draw.choice(self._offers[-4:] or [OfferId(1)]))
        if kind < 0.44:
            return OfferEnded(draw.choice(self._offers[-4:] or [OfferId(1)]), draw.choice(list(OfferEnd)))
        if kind < 0.54:
            return TalkEnded(entry)
        if kind < 0.72:
            return self._agent(agent)
        if kind < 0.73:
            return DispatcherChanged(dispatcher_settings(draw.choice(list(Strategy)), draw.choice([30.0, 90.0])))
        if kind < 0.74:
            return HoursChanged(SALES, draw.random() < 0.7)
        choices: list[Input] = [
            CallerLeft(entry, draw.choice(list(LeaveCause))),
            CallerPaused(entry),
            CallerResumed(entry),
            CallerAssigned(entry, agent),
            AgentPhoneUp(agent),
            AgentReady(agent),
            AgentReady(agent),
        ]
        return draw.choice(choices)

    def _joined(self) -> CallerJoined:
        draw = self._draw
        entry = EntryId(f"e{len(self._entries)}-{draw.randrange(10**9)}")
        self._entries.append(entry)
        facts = CallerFacts(draw.choice(["vip", "unknown", "unknown"]), draw.choice(["", "yue"]), "gz")
        return CallerJoined(
            entry,
            draw.choice([SALES, SALES, HELP, DOOR]),
            draw.choice([0.0, 0.0, 60.0]),
            label=f"138{draw.randrange(10**8):08}",
            facts=facts,
            channel=draw.choice([Channel.CALL, Channel.CALL, Channel.CALLBACK, Channel.VOICEMAIL]),
            preferred=draw.choice([None, None, *AGENTS]),
            waited_s=draw.choice([0.0, 0.0, 33.25]),
            edition=draw.choice([None, None, 1, 2]),
        )

    def _agent(self, agent: AgentId) -> Input:
        draw = self._draw
        skills = {TALK: draw.choice([1, 2, 3]), **({YUE: 1} if draw.random() < 0.4 else {})}
        settings = AgentSettings(agent, f"agent {agent}", skills, {Channel.VOICEMAIL: draw.choice([0, 1])})
        choices: list[Input] = [
            AgentLoggedIn(settings),
            AgentRestored(settings, draw.random() < 0.7, "lunch", 7, 40.5, 0.25, is_phone_up=draw.random() < 0.5),
            AgentReady(agent),
            AgentReady(agent),
            AgentPhoneUp(agent),
            AgentNotReady(agent, "lunch"),
            AgentLoggedOut(agent),
            AgentPhoneDown(agent),
            AgentBusy(agent),
            AgentIdle(agent),
            AgentIdle(agent),
            WrapUpEnded(agent),
        ]
        return draw.choice(choices)
