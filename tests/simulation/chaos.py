"""A seeded day of everything: rules, widening, preferred agents, pauses, callbacks, hours, reloads, restored agents,
phones that fail, answers that come too late, and people who hang up at any moment."""

from dataclasses import replace
from random import Random

from acdcore.kernel.ids import AgentId, QueueName, SkillName
from acdcore.planning.day import Arrival, Day, DayEvent, Person, Phone, WorkSpan
from acdcore.queues.inputs import (
    AgentBusy,
    AgentIdle,
    AgentPhoneDown,
    AgentPhoneUp,
    AgentRestored,
    CallerAssigned,
    CallerFacts,
    CallerLeft,
    CallerPaused,
    CallerResumed,
    DispatcherChanged,
    EntryId,
    HoursChanged,
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

SALES, HELP, SPARE, FRONT_DESK = QueueName("sales"), QueueName("help"), QueueName("spare"), QueueName("desk")
TALK, REPAIR, ENGLISH, YUE = SkillName("talk"), SkillName("repair"), SkillName("english"), SkillName("yue")
AGENTS = [AgentId(str(1_000 + number)) for number in range(16)]
OPEN_S, CLOSE_S = 8 * 3_600.0, 11 * 3_600.0
"""Three hours are enough for everything to happen."""
CALLERS = 850
MAX_OFFERS = 1_200
"""Offers of a day are numbered from 1 to about this."""


def dispatcher_settings(rng: Random) -> DispatcherSettings:
    """A dispatcher that uses every key, with figures drawn."""
    sales = QueueSettings(
        SALES,
        {TALK: 1},
        rng.choice(list(Strategy)),
        ring_for_s=rng.choice([8.0, 15.0]),
        max_wait_s=rng.choice([60.0, 180.0]),
        max_length=rng.choice([8, 20]),
        max_estimated_wait_s=rng.choice([60.0, 300.0]),
        overflow=(
            OverflowRule(OverflowCause.WAIT, ToQueue(SPARE)),
            OverflowRule(OverflowCause.LENGTH, ToAnnouncement("full")),
            OverflowRule(OverflowCause.ESTIMATED_WAIT, ToFlow("callback")),
            OverflowRule(OverflowCause.CLOSED, ToFlow("voicemail")),
        ),
        announce_first_s=10.0,
        announce_every_s=30.0,
        announces_wait=True,
        rules=(
            NeedRule(tiers=frozenset({"vip"}), skills={TALK: 3}),
            NeedRule(languages=frozenset({"yue"}), skills={YUE: 1}),
        ),
        widening=(WideningStep(20.0, {TALK: 1}), WideningStep(45.0, {YUE: 0}, estimated_wait_s=120.0)),
        sticky_for_s=rng.choice([0.0, 15.0]),
    )
    help_ = QueueSettings(
        HELP,
        {REPAIR: 2},
        rng.choice(list(Strategy)),
        weight=rng.choice([0.5, 2.0]),
        ageing=rng.choice([0.5, 1.0, 2.0]),
        overflow=(
            OverflowRule(OverflowCause.NOBODY_LOGGED_IN, ToQueue(SPARE)),
            OverflowRule(OverflowCause.CLOSED, ToQueue(SPARE)),
        ),
        widening=(WideningStep(30.0, {REPAIR: 1}),),
        sticky_for_s=20.0,
        misses_until_not_ready=rng.choice([1, 3]),
    )
    spare = QueueSettings(
        SPARE,
        strategy=Strategy.ROUND_ROBIN,
        wrap_up_s=0.0,
        overflow=(OverflowRule(OverflowCause.NOBODY_READY, ToExternalNumber("0755123456", "second")),)
        if rng.random() < 0.5
        else (),
    )
    harness = QueueSettings(FRONT_DESK, {TALK: 1}, is_manual_assignment=True)
    return DispatcherSettings((sales, help_, spare, harness))


def chaos(seed: int) -> Day:
    """One day, the same for the same seed."""
    rng = Random(seed)
    arrivals = [_arrival(number, rng) for number in range(CALLERS)]
    events = [*_of_callers(arrivals, rng), *_of_agents(rng), *_of_the_dispatcher(rng)]
    return Day(dispatcher_settings(rng), tuple(arrivals), tuple(_person(agent, rng) for agent in AGENTS), tuple(events))


def _arrival(number: int, rng: Random) -> Arrival:
    tier = rng.choices(["vip", "standard"], [1, 9])[0]
    facts = CallerFacts(tier, rng.choice(["", "", "", "yue", "en"]), rng.choice(["", "south"]))
    return Arrival(
        EntryId(f"e{number}"),
        rng.uniform(OPEN_S, CLOSE_S),
        rng.choices([SALES, HELP, SPARE, FRONT_DESK], [5, 3, 2, 1])[0],
        rng.expovariate(1 / 180),
        rng.expovariate(1 / 150),
        leaves_as=rng.choices(list(LeaveCause), [8, 2, 1, 1])[0],
        wrap_up_s=rng.choice([None, 0.0, 5.0]),
        priority_s=60.0 if tier == "vip" else rng.choice([0.0, 0.0, -20.0]),
        skills={ENGLISH: 1} if rng.random() < 0.05 else {},
        facts=facts,
        channel=rng.choices(list(Channel), [8, 1, 1])[0],
        preferred=rng.choice([None, *AGENTS]),
        waited_s=rng.choice([0.0, 0.0, 0.0, 90.0]),
        chance=rng.getrandbits(48),
    )


def _person(agent: AgentId, rng: Random) -> Person:
    skills = {TALK: rng.randint(1, 5)}
    for skill, share in ((REPAIR, 0.5), (ENGLISH, 0.4), (YUE, 0.3)):
        if rng.random() < share:
            skills[skill] = rng.randint(1, 5)
    channels = {Channel.VOICEMAIL: 0} if rng.random() < 0.2 else {}
    start = rng.uniform(OPEN_S - 600.0, OPEN_S + 1_800.0)
    pause = rng.uniform(start + 600.0, CLOSE_S - 1_200.0)
    spans = (
        WorkSpan(start, pause),
        WorkSpan(pause + rng.uniform(60.0, 900.0), CLOSE_S + rng.uniform(600.0, 3_600.0)),
    )
    phone = Phone((1.0, 3.0, 6.0, 12.0), rng.uniform(0.0, 0.3), rng.choice(list(OfferEnd)), 90.0)
    settings = AgentSettings(agent, f"agent {agent}", skills, channels)
    return Person(settings, spans, rng.uniform(0.7, 1.4), phone)


def _of_callers(arrivals: list[Arrival], rng: Random) -> list[DayEvent]:
    """Side flows, assignments, hang-ups and ends of talks at any moment, sensible or not."""
    events: list[DayEvent] = []
    for arrival in arrivals:
        at = arrival.at + rng.expovariate(1 / 40)
        chance = rng.random()
        if chance < 0.15:
            events.append(DayEvent(at, CallerPaused(arrival.entry)))
            events.append(DayEvent(at + rng.expovariate(1 / 30), CallerResumed(arrival.entry)))
        elif chance < 0.25:
            events.append(DayEvent(at, CallerLeft(arrival.entry)))
        elif chance < 0.3:
            events.append(DayEvent(at, TalkEnded(arrival.entry)))
        if arrival.queue == FRONT_DESK or chance > 0.95:
            events += [
                DayEvent(at + number * 5.0, CallerAssigned(arrival.entry, rng.choice(AGENTS))) for number in range(3)
            ]
    return events


def _of_agents(rng: Random) -> list[DayEvent]:
    """Phones lost and found, calls of their own, notes cut or drawn out, answers to offers long over."""
    events: list[DayEvent] = []
    for agent in AGENTS:
        if rng.random() < 0.3:
            restored = AgentRestored(AgentSettings(agent, skills={TALK: 2}), rng.random() < 0.5, "lunch", 3, 200.0, 0.4)
            events.append(DayEvent(OPEN_S - 700.0, restored))
        for _ in range(3):
            at, back_s = rng.uniform(OPEN_S, CLOSE_S), rng.expovariate(1 / 120)
            if rng.random() < 0.5:
                events += [DayEvent(at, AgentPhoneDown(agent)), DayEvent(at + back_s, AgentPhoneUp(agent))]
            else:
                events += [DayEvent(at, AgentBusy(agent)), DayEvent(at + back_s, AgentIdle(agent))]
            events.append(DayEvent(rng.uniform(OPEN_S, CLOSE_S), WrapUpEnded(agent)))
    for _ in range(60):
        at, offer = rng.uniform(OPEN_S, CLOSE_S), OfferId(rng.randint(1, MAX_OFFERS))
        is_answer = rng.random() < 0.5
        events.append(DayEvent(at, OfferAccepted(offer) if is_answer else OfferEnded(offer, OfferEnd.REFUSED)))
    return events


def _of_the_dispatcher(rng: Random) -> list[DayEvent]:
    """Hours that change and reloads, one of them without a queue in which people wait."""
    events: list[DayEvent] = []
    for queue in (SALES, HELP):
        at = rng.uniform(OPEN_S, CLOSE_S)
        events += [DayEvent(at, HoursChanged(queue, False)), DayEvent(at + 600.0, HoursChanged(queue, True))]
    for _ in range(3):
        events.append(DayEvent(rng.uniform(OPEN_S, CLOSE_S), DispatcherChanged(dispatcher_settings(rng))))
    whole = dispatcher_settings(rng)
    small = replace(whole, queues=tuple(queue for queue in whole.queues if queue.name != FRONT_DESK))
    at = rng.uniform(OPEN_S, CLOSE_S)
    return [*events, DayEvent(at, DispatcherChanged(small)), DayEvent(at + 300.0, DispatcherChanged(whole))]
