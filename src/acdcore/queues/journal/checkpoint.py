"""A dispatcher's whole state as plain data and back: a segment of the journal begins with it.

Rules:
- After `load(dump(d))` any further inputs lead to the same decisions as they would have led to in `d`.
- What follows from the rest is not kept: sorted sides of lines, seats, counts of agents on duty are made again.
- A `FloorState` shares nothing that changes with the dispatcher, so that another thread may write it down.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from acdcore.kernel.errors import PeerError
from acdcore.kernel.ids import AgentId, QueueName
from acdcore.queues.agent import Agent, BackOff, Contact, Fairness
from acdcore.queues.decisions import AgentState
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.estimate import Pace
from acdcore.queues.inputs import MAX_FORMER_EDITIONS, CallerJoined, EntryId, OfferId
from acdcore.queues.live_figures import AgentFigures, QueueFigures
from acdcore.queues.policy import Demand, Place
from acdcore.queues.settings import AgentSettings, Channel, FloorSettings
from acdcore.queues.state import Board, Due
from acdcore.queues.waiting_line import Edition, Line, Offer, Visit, Waiting


class StateError(PeerError):
    """What is kept of a floor does not fit together."""


@dataclass(frozen=True, slots=True)
class LineState:
    """One line, without those who stand in it."""

    edition: int
    """Its version of the settings."""
    queue: QueueName
    """Its queue."""
    demand: Demand
    """What its callers ask for."""


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """One agent; the fields are those of `agent.Agent`."""

    settings: AgentSettings
    state: AgentState
    since: float
    wrap_up_until: float
    is_logged_in: bool
    is_phone_up: bool
    is_on_own_call: bool
    not_ready_reason: str | None
    back_off: BackOff | None
    misses: int
    fairness: Fairness
    contact: Contact | None


@dataclass(frozen=True, slots=True)
class EntryState:
    """One entry; the fields that are not explained are those of `line.Waiting`."""

    entry: EntryId
    line: int
    """Index of its line."""
    asked: CallerJoined
    joined_at: float
    serial: int
    visit: Visit
    place: Place
    tried: Mapping[AgentId, float]
    is_paused: bool
    offer: OfferId | None
    """Number of the offer that rings."""
    talking_to: AgentId | None
    talking_since: float


@dataclass(frozen=True, slots=True)
class OfferState:
    """One ringing."""

    offer: OfferId
    agent: AgentId
    until: float


@dataclass(frozen=True, slots=True)
class DueState:
    """One deadline."""

    due: Due
    at: float


@dataclass(frozen=True, slots=True)
class FloorState:
    """Everything that a dispatcher knows between two turns."""

    now: float | None
    """Time of the last turn; None before the first."""
    entries_made: int
    offers_made: int
    closed: tuple[QueueName, ...]
    """Queues whose hours are over."""
    edition: int
    """Number of the present settings."""
    editions: Mapping[int, FloorSettings]
    """The present settings, and older ones under which somebody inside came or may still join."""
    lines: tuple[LineState, ...]
    """In the order in which they were opened, then those that only talks remember."""
    open_lines: int
    """How many of `lines` are open."""
    agents: tuple[AgentFacts, ...]
    """In the order in which they were first heard of."""
    entries: tuple[EntryState, ...]
    """In the order of the board."""
    offers: tuple[OfferState, ...]
    """In the order in which they were made."""
    deadlines: tuple[DueState, ...]
    """Earliest first, ties in the order in which they were set."""
    paces: Mapping[QueueName, Pace]
    """What the estimates go by."""
    queue_figures: Mapping[QueueName, QueueFigures]
    """Counters since the start, of callers on the line."""
    agent_figures: Mapping[AgentId, AgentFigures]
    """Counters since the start."""
    work_figures: Mapping[Channel, Mapping[QueueName, QueueFigures]] = field(default_factory=dict)
    """Counters since the start, of callbacks and messages."""


def settings(dispatcher: Dispatcher) -> FloorSettings:
    """The settings for those who join now."""
    return dispatcher._board.lines.edition.settings


# ---- dump -------------------------------------------------------------------------------------------------------


def dump(dispatcher: Dispatcher) -> FloorState:
    """The state between two turns; costs as much as the floor is large."""
    board, metrics = dispatcher._board, dispatcher.metrics
    lines = list(board.lines)
    open_lines = len(lines)
    index = {line: number for number, line in enumerate(lines)}
    for _, line in board.entries.values():
        if index.setdefault(line, len(lines)) == len(lines):
            lines.append(line)
    present = board.lines.edition
    editions = {line.edition.number: line.edition.settings for line in lines}
    editions |= {number: former.settings for number, former in board.lines.former.items()}
    return FloorState(
        now=None if math.isinf(board.now) else board.now,
        entries_made=board.entries_made,
        offers_made=board.offers_made,
        closed=tuple(sorted(board.closed)),
        edition=present.number,
        editions={**editions, present.number: present.settings},
        lines=tuple([LineState(line.edition.number, line.queue.name, line.demand) for line in lines]),
        open_lines=open_lines,
        agents=tuple([_agent_facts(agent) for agent in board.roster]),
        entries=tuple([_entry_state(waiting, index[line]) for waiting, line in board.entries.values()]),
        offers=tuple([OfferState(offer.offer, offer.agent.id, offer.until) for offer in board.offers.values()]),
        deadlines=_deadlines(board),
        paces={name: replace(pace) for name, pace in board.estimator.paces.items()},
        queue_figures=_copies(metrics.queues),
        agent_figures={name: _copied(figures) for name, figures in metrics.agents.items()},
        work_figures={channel: _copies(queues) for channel, queues in metrics.work.items()},
    )


def _agent_facts(agent: Agent) -> AgentFacts:
    return AgentFacts(
        settings=agent.settings,
        state=agent.state,
        since=agent.since,
        wrap_up_until=agent.wrap_up_until,
        is_logged_in=agent.is_logged_in,
        is_phone_up=agent.is_phone_up,
        is_on_own_call=agent.is_on_own_call,
        not_ready_reason=agent.not_ready_reason,
        back_off=agent.back_off,
        misses=agent.misses,
        fairness=replace(agent.fairness),
        contact=agent.contact,
    )


def _entry_state(waiting: Waiting, line: int) -> EntryState:
    return EntryState(
        entry=waiting.entry,
        line=line,
        asked=waiting.asked,
        joined_at=waiting.joined_at,
        serial=waiting.serial,
        visit=replace(waiting.visit),
        place=waiting.place,
        tried=dict(waiting.tried),
        is_paused=waiting.is_paused,
        offer=waiting.offer.offer if waiting.offer else None,
        talking_to=waiting.talking_to.id if waiting.talking_to else None,
        talking_since=waiting.talking_since,
    )


def _copies(queues: Mapping[QueueName, QueueFigures]) -> dict[QueueName, QueueFigures]:
    return {name: replace(figures) for name, figures in queues.items()}


def _copied(figures: AgentFigures) -> AgentFigures:
    return replace(figures, seconds=dict(figures.seconds))


def _deadlines(board: Board) -> tuple[DueState, ...]:
    """Taken out one by one and put back, which keeps their order."""
    found: list[DueState] = []
    while (at := board.deadlines.earliest()) is not None:
        due = board.deadlines.pop_due(at)
        if due is not None:
            found.append(DueState(due, at))
    for each in found:
        board.deadlines.set(each.due, each.at)
    return tuple(found)


# ---- load -------------------------------------------------------------------------------------------------------


def load(state: FloorState) -> Dispatcher:
    """A dispatcher that goes on where `state` was taken. Raises StateError."""
    dispatcher = Dispatcher(FloorSettings())
    try:
        _fill(dispatcher._board, state)
    except (LookupError, ValueError) as error:
        raise StateError(f"a floor's state does not fit together: {error!r}") from error
    metrics = dispatcher.metrics
    metrics.queues.update(_copies(state.queue_figures))
    metrics.work.update({channel: _copies(queues) for channel, queues in state.work_figures.items()})
    metrics.agents.update({name: _copied(figures) for name, figures in state.agent_figures.items()})
    channels = {entry.entry: entry.asked.channel for entry in state.entries}
    metrics.items.update({entry: channel for entry, channel in channels.items() if channel is not Channel.CALL})
    return dispatcher


def _fill(board: Board, state: FloorState) -> None:
    board.now = -math.inf if state.now is None else state.now
    board.entries_made, board.offers_made = state.entries_made, state.offers_made
    board.closed.update(state.closed)
    board.estimator.paces.update({name: replace(pace) for name, pace in state.paces.items()})
    lines = _open_lines(board, state)
    for facts in state.agents:
        _seat(board, facts)
    offers = {offer.offer: offer for offer in state.offers}
    for entry in state.entries:
        _enter(board, entry, lines[entry.line], offers)
    board.offers = {number: board.offers[number] for number in offers}
    for each in state.deadlines:
        board.deadlines.set(each.due, each.at)


def _open_lines(board: Board, state: FloorState) -> list[Line]:
    """Empty lines, those that are open known to the board."""
    editions = {
        number: Edition(number, floor, {queue.name: queue for queue in floor.queues})
        for number, floor in state.editions.items()
    }
    board.lines.edition = editions[state.edition]
    kept = range(state.edition - MAX_FORMER_EDITIONS, state.edition)
    board.lines.former = {number: editions[number] for number in kept if number in editions}
    lines: list[Line] = []
    for number, each in enumerate(state.lines):
        edition = editions[each.edition]
        queue = edition.queues[each.queue]
        is_open = number < state.open_lines
        lines.append(board.lines.make(edition, queue, each.demand) if is_open else Line(edition, queue, each.demand))
    return lines


def _seat(board: Board, facts: AgentFacts) -> None:
    """The agent at every open line that the agent may serve."""
    agent = board.roster.get_or_add(facts.settings.agent, facts.since)
    if agent is None:
        raise ValueError("more agents than a floor may know")
    agent.state = facts.state
    agent.since = facts.since
    agent.wrap_up_until = facts.wrap_up_until
    agent.is_logged_in = facts.is_logged_in
    agent.is_phone_up = facts.is_phone_up
    agent.is_on_own_call = facts.is_on_own_call
    agent.not_ready_reason = facts.not_ready_reason
    agent.back_off = facts.back_off
    agent.misses = facts.misses
    agent.fairness = replace(facts.fairness)
    agent.contact = facts.contact
    board.roster.reseat(agent, facts.settings, board.lines)


def _enter(board: Board, state: EntryState, line: Line, offers: Mapping[OfferId, OfferState]) -> None:
    waiting = Waiting(state.entry, state.asked, state.joined_at, state.serial)
    waiting.visit = replace(state.visit)
    waiting.tried = dict(state.tried)
    waiting.place = state.place
    waiting.talking_since = state.talking_since
    board.entries[state.entry] = (waiting, line)
    if state.talking_to is not None:
        waiting.talking_to = _known(board, state.talking_to)
        return
    line.add(waiting)
    if state.is_paused:
        line.pause(waiting)
    if state.offer is not None:
        ringing = offers[state.offer]
        offer = Offer(ringing.offer, waiting, _known(board, ringing.agent), ringing.until)
        board.offers[offer.offer] = offer
        line.ring(waiting, offer)


def _known(board: Board, agent: AgentId) -> Agent:
    found = board.roster.get(agent)
    if found is None:
        raise LookupError(agent)
    return found
