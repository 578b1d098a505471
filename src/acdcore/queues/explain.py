"""The board as others see it: the whole floor at one moment, and why a caller still waits."""

from collections.abc import Mapping
from dataclasses import replace

from acdcore.kernel.ids import QueueName, SkillName
from acdcore.queues import policy
from acdcore.queues.agent import Agent
from acdcore.queues.inputs import EntryId
from acdcore.queues.live_figures import AgentFigures, Metrics, QueueFigures
from acdcore.queues.policy import Demand
from acdcore.queues.state import Board
from acdcore.queues.views import (
    MISSED_BEFORE,
    AgentGlance,
    AgentView,
    Candidate,
    Choice,
    Exclusion,
    Explanation,
    FloorView,
    Grounds,
    HoldBack,
    QueueView,
    Rival,
    Timer,
    TimerName,
    WaitingView,
)
from acdcore.queues.waiting_line import Line, Waiting

FILTERS = tuple(Exclusion)
"""The filters in the order in which they are asked."""
MAX_CHANGES = 10
"""Sentences on what would change: more would not be read."""
MAX_RIVALS = 50
"""Other callers named with an offer, the most urgent ones: whoever comes after them could not have been meant."""
WOULD_FREE: Mapping[Exclusion, str] = {
    Exclusion.WRAP_UP: "ends the wrap-up",
    Exclusion.BACKING_OFF: "ends the back-off",
    Exclusion.TRIED: "may be tried again",
    Exclusion.TALKING: "ends the talk",
    Exclusion.OFFERED: "is free of the caller rung for",
    Exclusion.BUSY: "ends the own call",
    Exclusion.NOT_READY: "becomes ready",
    Exclusion.UNREACHABLE: "registers a phone",
    Exclusion.LOGGED_OUT: "logs in",
}
"""What a skilled agent would have to do, the likeliest first."""


def floor_view(board: Board, metrics: Metrics, now: float) -> FloorView:
    """Copies of everything that is shown."""
    queues = queue_views(board, metrics, now)
    return FloorView(now, queues, tuple(agent_view(agent, metrics, now) for agent in board.roster))


def queue_views(board: Board, metrics: Metrics, now: float) -> tuple[QueueView, ...]:
    """The queues alone."""
    return tuple(_queue_view(board, metrics, name, now) for name in board.lines.names())


def positions(board: Board, now: float) -> dict[EntryId, int]:
    """The place of everybody who waits, 1 being next."""
    inside = (_inside(board, name, now) for name in board.lines.names())
    return {waiting.entry: rank for queue in inside for rank, waiting in enumerate(queue, 1)}


def glance(agent: Agent, metrics: Metrics) -> AgentGlance:
    """What a board shows of one agent."""
    figures = metrics.agents.get(agent.id)
    answered, misses = (figures.answered, figures.misses) if figures is not None else (0, 0)
    entry = agent.contact.entry if agent.contact else None
    return AgentGlance(agent.state, agent.reason, agent.since, entry, answered, misses)


def explanation(board: Board, waiting: Waiting, line: Line, now: float) -> Explanation:
    """Every agent known, with the first filter that keeps them from this caller."""
    candidates: list[Candidate] = []
    for agent in board.roster:
        found, detail = policy.exclusion(agent, line.demand, waiting.tried.get(agent.id), now)
        if found is None and agent.id in waiting.tried:
            detail = MISSED_BEFORE
        candidates.append(Candidate(agent.id, found, detail, line.agent_key(agent) if found is None else None))
    candidates.sort(key=_candidate_order)
    held_back_by = hold_back(waiting, line)
    return Explanation(
        entry=waiting.entry,
        queue=line.queue.name,
        position=board.lines.position(line, waiting, now),
        key=line.caller_key(waiting, now),
        ringing=waiting.offer.agent.id if waiting.offer else None,
        candidates=tuple(candidates),
        needs=dict(line.demand.skills),
        ring=waiting.visit.ring,
        timers=_timers(waiting, line, now),
        held_back_by=held_back_by,
        would_change=tuple(_changes(board, waiting, line, now)[:MAX_CHANGES]),
        strategy=line.queue.strategy,
        waited_s=now - waiting.visit.queued_at,
        advance_s=waiting.asked.advance_s,
    )


def note(board: Board, choice: Choice, waiting: Waiting, line: Line, chosen: Agent | None = None) -> None:
    """Note down what a decision is made from, if somebody asked about the caller; before it takes effect."""
    witness = board.witness
    if witness is None or waiting.entry not in witness.about:
        return
    rivals = _rivals(board, waiting, chosen) if chosen is not None else []
    why = explanation(board, waiting, line, board.now)
    witness.noted.append(Grounds(choice, why, tuple(rivals[:MAX_RIVALS]), len(rivals)))


def _rivals(board: Board, chosen_for: Waiting, agent: Agent) -> list[Rival]:
    """Everybody else who waits and is not rung for, the most urgent first."""
    rivals = []
    for waiting, line in board.entries.values():
        if waiting is chosen_for or not waiting.is_waiting or waiting.offer is not None:
            continue
        barred_by: Exclusion | HoldBack | None
        barred_by, detail = policy.exclusion(agent, line.demand, waiting.tried.get(agent.id), board.now)
        rule = hold_back(waiting, line)
        if rule is not None and rule is not HoldBack.PREFERRED_AGENT:  # of that one the filters say whom it bars
            barred_by, detail = rule, ""
        rivals.append(
            Rival(
                entry=waiting.entry,
                label=waiting.asked.label,
                queue=line.queue.name,
                key=line.caller_key(waiting, board.now),
                waited_s=board.now - waiting.joined_at,
                barred_by=barred_by,
                detail=detail,
            )
        )
    rivals.sort(key=lambda rival: rival.key)
    return rivals


def hold_back(waiting: Waiting, line: Line) -> HoldBack | None:
    """The rule that keeps agents who could serve from a caller, if there is one."""
    if waiting.is_paused:
        return HoldBack.PAUSED
    if line.queue.is_by_hand:
        return HoldBack.BY_HAND
    if waiting.visit.held is not None:
        return HoldBack.PREFERRED_AGENT
    return None


def _timers(waiting: Waiting, line: Line, now: float) -> tuple[Timer, ...]:
    """What is running for a caller, the next first."""
    queue, visit = line.queue, waiting.visit
    timers: list[Timer] = []
    if queue.max_wait_s is not None and line.is_on_the_line:
        timers.append(Timer(TimerName.WAIT, visit.queued_at + queue.max_wait_s))
    if visit.ring < len(queue.rings):
        timers.append(Timer(TimerName.RING, visit.queued_at + queue.rings[visit.ring].after_s))
    if visit.held is not None:
        timers.append(Timer(TimerName.PREFERRED_AGENT, visit.held.until))
    if visit.language is not None and now < visit.queued_at + queue.language_for_s:
        timers.append(Timer(TimerName.LANGUAGE, visit.queued_at + queue.language_for_s))
    if visit.announce_at is not None:
        timers.append(Timer(TimerName.ANNOUNCEMENT, visit.announce_at))
    if waiting.offer is not None:
        timers.append(Timer(TimerName.OFFER, waiting.offer.until))
    held = [until for until in waiting.tried.values() if until > now]
    if held:
        timers.append(Timer(TimerName.TRIED, min(held)))
    return tuple(sorted(timers, key=lambda timer: timer.at))


def _changes(board: Board, waiting: Waiting, line: Line, now: float) -> list[str]:
    """What would get the caller served: what needs a hand, what comes by itself, then what agents would have to do."""
    visit = waiting.visit
    if waiting.offer is not None:
        return [f"agent {waiting.offer.agent.id} answers"]
    by_itself: list[tuple[float, str]] = []
    by_agents: list[tuple[int, str]] = []
    if visit.held is not None:
        by_itself.append((visit.held.until, f"the hold for agent {visit.held.agent} ends"))
    if visit.ring < len(line.queue.rings):
        following = policy.relaxed(visit.needs, line.queue.rings[: visit.ring + 1])
        at = visit.queued_at + line.queue.rings[visit.ring].after_s
        by_itself.append((at, f"ring {visit.ring + 1} {_relaxation(line.demand.skills, following)}"))
    until_s = visit.queued_at + line.queue.language_for_s
    if visit.language is not None and not board.on_duty(line) and now < until_s:
        by_itself.append((until_s, f"{visit.language} is not asked for any more, since nobody on duty has it"))
    for agent in board.roster:
        held_until = waiting.tried.get(agent.id)
        found, _ = policy.exclusion(agent, line.demand, held_until, now)
        if found is None or found not in WOULD_FREE or policy.unfit(agent.settings, line.demand) is not None:
            continue
        until = held_until if found is Exclusion.TRIED else agent.until
        sentence = f"agent {agent.id} {WOULD_FREE[found]}"
        if until is not None:
            by_itself.append((until, sentence))
        else:
            by_agents.append((list(WOULD_FREE).index(found), sentence))
    by_hand = {HoldBack.PAUSED: "the caller comes back from the flow", HoldBack.BY_HAND: "somebody assigns the caller"}
    rule = hold_back(waiting, line)
    return (
        [by_hand[rule] for rule in (rule,) if rule in by_hand]
        + [f"{sentence} (in {max(0.0, at - now):.0f} s)" for at, sentence in sorted(by_itself)]
        + [sentence for _, sentence in sorted(by_agents)]
    )


def _relaxation(needs: Mapping[SkillName, int], left: Mapping[SkillName, int]) -> str:
    """What a ring does to the needs, in words."""
    words = [f"drops {skill}" for skill in needs if skill not in left]
    words += [f"asks for {skill} {left[skill]} only" for skill in left if left[skill] < needs.get(skill, 0)]
    return " and ".join(words) or "changes nothing for this caller"


def _candidate_order(candidate: Candidate) -> tuple[int, bool, tuple[float | str, ...]]:
    if candidate.exclusion is None:
        return -1, candidate.detail == MISSED_BEFORE, candidate.key or ()
    return FILTERS.index(candidate.exclusion), False, ()


def _queue_view(board: Board, metrics: Metrics, name: QueueName, now: float) -> QueueView:
    edition = board.lines.edition
    queue = edition.queues.get(name)
    own = board.lines.find(edition, queue, Demand(queue.skills)) if queue else None
    inside = _inside(board, name, now)
    return QueueView(
        queue=name,
        waiting=tuple(_waiting_view(waiting, rank, now) for rank, waiting in enumerate(inside, 1)),
        agents_on_duty=own.on_duty if own else 0,
        agents_ready=len(own.ready) if own else 0,
        figures=replace(metrics.queues.get(name, QueueFigures())),
        is_open=name not in board.closed,
        expected_wait_s=_expected_s(board, own, len(inside), now) if own else None,
        work_figures={channel: replace(queues[name]) for channel, queues in metrics.work.items() if name in queues},
    )


def _expected_s(board: Board, line: Line, inside: int, now: float) -> float | None:
    if line.ready and not line.queue.is_by_hand:
        return 0.0
    return board.estimator.estimate(line.queue.name, inside + 1, line.on_duty, now)


def _inside(board: Board, name: QueueName, now: float) -> list[Waiting]:
    """Everybody in a queue, waiting, ringing or paused, the next one first."""
    lines = board.lines.of(name)
    standings = [(line, standing) for line in lines for standing in line.waiting + line.ringing + line.paused]
    if len({id(line.queue) for line in lines}) <= 1:  # one edition, one way of ageing: the places say it all
        standings.sort(key=lambda each: each[1])
    else:
        standings.sort(key=lambda each: each[0].caller_key(each[1][3], now))
    return [standing[3] for _, standing in standings]


def _waiting_view(waiting: Waiting, position: int, now: float) -> WaitingView:
    return WaitingView(
        entry=waiting.entry,
        label=waiting.asked.label,
        position=position,
        waited_s=now - waiting.visit.queued_at,
        waited_in_all_s=now - waiting.joined_at,
        advance_s=waiting.asked.advance_s,
        agent=waiting.offer.agent.id if waiting.offer else None,
        channel=waiting.asked.channel,
        is_paused=waiting.is_paused,
        ring=waiting.visit.ring,
        held_for=waiting.visit.held.agent if waiting.visit.held else None,
    )


def agent_view(agent: Agent, metrics: Metrics, now: float) -> AgentView:
    """A copy of what is shown of one agent."""
    return AgentView(
        agent=agent.id,
        name=agent.settings.name,
        skills=dict(agent.settings.skills),
        state=agent.state,
        reason=agent.reason,
        since=agent.since,
        until=agent.until,
        entry=agent.contact.entry if agent.contact else None,
        queue=agent.contact.queue if agent.contact else None,
        misses=agent.misses,
        figures=metrics.agents.get(agent.id, AgentFigures()).as_of(now),
    )
