"""The board as others see it: the whole floor at one moment, and why a caller still waits."""

from dataclasses import replace

from acdcore.kernel.ids import QueueName
from acdcore.queues import policy
from acdcore.queues.agent import Agent
from acdcore.queues.board import Board
from acdcore.queues.line import Line, Waiting
from acdcore.queues.metrics import AgentFigures, Metrics, QueueFigures
from acdcore.queues.view import AgentView, Candidate, Exclusion, Explanation, FloorView, QueueView, WaitingView

FILTERS = tuple(Exclusion)
"""The filters in the order in which they are asked."""


def floor_view(board: Board, metrics: Metrics, now: float) -> FloorView:
    """Copies of everything that is shown."""
    queues = tuple(_queue_view(board, metrics, name, now) for name in board.lines.names())
    return FloorView(now, queues, tuple(agent_view(agent, metrics, now) for agent in board.roster))


def explanation(board: Board, waiting: Waiting, line: Line, now: float) -> Explanation:
    """Every agent known, with the first filter that keeps them from this caller."""
    candidates: list[Candidate] = []
    for agent in board.roster:
        found, detail = policy.exclusion(agent, line.needs, waiting.tried.get(agent.id), now)
        key = None
        if found is None:
            key = policy.agent_key(line.queue.strategy, line.needs, agent.settings, agent.fairness)
        candidates.append(Candidate(agent.id, found, detail, key))
    candidates.sort(key=_candidate_order)
    return Explanation(
        entry=waiting.entry,
        queue=line.queue.name,
        position=board.lines.position(line, waiting, now),
        key=line.caller_key(waiting, now),
        ringing=waiting.offer.agent.id if waiting.offer else None,
        candidates=tuple(candidates),
    )


def _candidate_order(candidate: Candidate) -> tuple[int, tuple[float | str, ...]]:
    if candidate.exclusion is None:
        return -1, candidate.key or ()
    return FILTERS.index(candidate.exclusion), ()


def _queue_view(board: Board, metrics: Metrics, name: QueueName, now: float) -> QueueView:
    edition = board.lines.edition
    queue = edition.queues.get(name)
    own = board.lines.find(edition, queue, {}) if queue else None
    return QueueView(
        queue=name,
        waiting=tuple(_waiting_view(waiting, rank, now) for rank, waiting in enumerate(_inside(board, name, now), 1)),
        agents_on_duty=own.on_duty if own else 0,
        agents_ready=len(own.ready) if own else 0,
        figures=replace(metrics.queues.get(name, QueueFigures())),
    )


def _inside(board: Board, name: QueueName, now: float) -> list[Waiting]:
    """Everybody in a queue, waiting or ringing, the next one first."""
    lines = board.lines.of(name)
    standings = [(line, standing) for line in lines for standing in line.waiting + line.ringing]
    if len({id(line.queue) for line in lines}) <= 1:  # one edition, one way of ageing: the places say it all
        standings.sort(key=lambda each: each[1])
    else:
        standings.sort(key=lambda each: each[0].caller_key(each[1][3], now))
    return [standing[3] for _, standing in standings]


def _waiting_view(waiting: Waiting, position: int, now: float) -> WaitingView:
    return WaitingView(
        entry=waiting.entry,
        label=waiting.label,
        position=position,
        waited_s=now - waiting.queued_at,
        waited_in_all_s=now - waiting.joined_at,
        advance_s=waiting.advance_s,
        agent=waiting.offer.agent.id if waiting.offer else None,
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
