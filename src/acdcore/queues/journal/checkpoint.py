"""A dispatcher's whole state as plain data and back; every segment of the journal begins with it.

Rules:
- After `load(dump(d))`, any further inputs lead to the same decisions as they would in `d`.
- What follows from the rest is not kept: the sorted lists of the lines and the numbers of agents on duty are made anew.
- A `DispatcherCheckpoint` shares no mutable object with the dispatcher, so another thread may write it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from acdcore.kernel.errors import PeerError
from acdcore.kernel.ids import AgentId, QueueName
from acdcore.queues.agent import Agent, AgentContact, BackOff, Fairness
from acdcore.queues.decisions import AgentState
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.estimate import QueuePace
from acdcore.queues.inputs import MAX_FORMER_EDITIONS, CallerJoined, EntryId, OfferId
from acdcore.queues.live_figures import AgentFigures, QueueFigures
from acdcore.queues.policy import Demand, Place
from acdcore.queues.settings import AgentSettings, Channel, DispatcherSettings
from acdcore.queues.state import DispatcherState, Due
from acdcore.queues.waiting_line import Offer, QueuedCaller, SettingsEdition, VisitState, WaitingLine


class StateError(PeerError):
    """The kept state of a dispatcher is inconsistent."""


@dataclass(frozen=True, slots=True)
class WaitingLineState:
    """One line, without the callers in it."""

    edition: int
    """Number of its settings."""
    queue: QueueName
    demand: Demand
    """What its callers need."""


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
    contact: AgentContact | None


@dataclass(frozen=True, slots=True)
class EntryState:
    """One entry; fields without an explanation are those of `waiting_line.QueuedCaller`."""

    entry: EntryId
    waiting_line: int
    """Index of the entry's line in `waiting_lines`."""
    asked: CallerJoined
    joined_at: float
    serial: int
    visit: VisitState
    place: Place
    tried_agents: Mapping[AgentId, float]
    is_paused: bool
    offer: OfferId | None
    """Number of the ringing offer; None: no phone rings."""
    talking_to: AgentId | None
    talking_since: float


@dataclass(frozen=True, slots=True)
class OfferState:
    """One ringing phone; `until` is monotonic seconds."""

    offer: OfferId
    agent: AgentId
    until: float


@dataclass(frozen=True, slots=True)
class DueState:
    """One deadline; `at` is monotonic seconds."""

    due: Due
    at: float


@dataclass(frozen=True, slots=True)
class DispatcherCheckpoint:
    """Everything that a dispatcher knows between two turns."""

    now: float | None
    """Time of the last turn, monotonic seconds; None: no turn yet."""
    entries_made: int
    offers_made: int
    closed: tuple[QueueName, ...]
    """Queues whose hours are over."""
    edition: int
    """Number of the present settings."""
    editions: Mapping[int, DispatcherSettings]
    """The present settings, and older ones of entries inside or of calls that may still join."""
    waiting_lines: tuple[WaitingLineState, ...]
    """The open lines in the order in which they were opened, then the lines that only callers in a talk refer to."""
    open_lines: int
    """How many of `waiting_lines` are open; these come first."""
    agents: tuple[AgentFacts, ...]
    """In the order in which they became known."""
    entries: tuple[EntryState, ...]
    """In the order in which the state has them."""
    offers: tuple[OfferState, ...]
    """In the order in which they were made."""
    deadlines: tuple[DueState, ...]
    """Earliest first, ties in the order in which they were set."""
    paces: Mapping[QueueName, QueuePace]
    """What the estimated waits are based on."""
    queue_figures: Mapping[QueueName, QueueFigures]
    """Counters since the start, for callers on the line."""
    agent_figures: Mapping[AgentId, AgentFigures]
    """Counters since the start."""
    work_figures: Mapping[Channel, Mapping[QueueName, QueueFigures]] = field(default_factory=dict)
    """Counters since the start, for callbacks and messages."""


def settings(dispatcher: Dispatcher) -> DispatcherSettings:
    """The settings for calls that join now."""
    return dispatcher._state.lines.edition.settings


# ---- dump -------------------------------------------------------------------------------------------------------


def dump(dispatcher: Dispatcher) -> DispatcherCheckpoint:
    """The state between two turns; costs more the larger the dispatcher is."""
    state, metrics = dispatcher._state, dispatcher.metrics
    lines = list(state.lines)
    open_lines = len(lines)
    index = {line: number for number, line in enumerate(lines)}
    for _, line in state.entries.values():
        if index.setdefault(line, len(lines)) == len(lines):
            lines.append(line)
    present = state.lines.edition
    editions = {line.edition.number: line.edition.settings for line in lines}
    editions |= {number: former.settings for number, former in state.lines.former.items()}
    return DispatcherCheckpoint(
        now=None if math.isinf(state.now) else state.now,
        entries_made=state.entries_made,
        offers_made=state.offers_made,
        closed=tuple(sorted(state.closed)),
        edition=present.number,
        editions={**editions, present.number: present.settings},
        waiting_lines=tuple([WaitingLineState(line.edition.number, line.queue.name, line.demand) for line in lines]),
        open_lines=open_lines,
        agents=tuple([_agent_facts(agent) for agent in state.roster]),
        entries=tuple([_entry_state(waiting, index[line]) for waiting, line in state.entries.values()]),
        offers=tuple([OfferState(offer.offer, offer.agent.id, offer.until) for offer in state.offers.values()]),
        deadlines=_deadlines(state),
        paces={name: replace(pace) for name, pace in state.estimator.paces.items()},
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


def _entry_state(waiting: QueuedCaller, line: int) -> EntryState:
    return EntryState(
        entry=waiting.entry,
        waiting_line=line,
        asked=waiting.asked,
        joined_at=waiting.joined_at,
        serial=waiting.serial,
        visit=replace(waiting.visit),
        place=waiting.place,
        tried_agents=dict(waiting.tried_agents),
        is_paused=waiting.is_paused,
        offer=waiting.offer.offer if waiting.offer else None,
        talking_to=waiting.talking_to.id if waiting.talking_to else None,
        talking_since=waiting.talking_since,
    )


def _copies(queues: Mapping[QueueName, QueueFigures]) -> dict[QueueName, QueueFigures]:
    return {name: replace(figures) for name, figures in queues.items()}


def _copied(figures: AgentFigures) -> AgentFigures:
    return replace(figures, seconds=dict(figures.seconds))


def _deadlines(state: DispatcherState) -> tuple[DueState, ...]:
    """All deadlines, taken out one by one and put back, which keeps their order."""
    found: list[DueState] = []
    while (at := state.deadlines.earliest()) is not None:
        due = state.deadlines.pop_due(at)
        if due is not None:
            found.append(DueState(due, at))
    for each in found:
        state.deadlines.set(each.due, each.at)
    return tuple(found)


# ---- load -------------------------------------------------------------------------------------------------------


def load(checkpoint: DispatcherCheckpoint) -> Dispatcher:
    """A dispatcher that goes on from `checkpoint`. Raises StateError."""
    dispatcher = Dispatcher(DispatcherSettings())
    try:
        _fill(dispatcher._state, checkpoint)
    except (LookupError, ValueError) as error:
        raise StateError(f"the kept state of the dispatcher is inconsistent: {error!r}") from error
    metrics = dispatcher.metrics
    metrics.queues.update(_copies(checkpoint.queue_figures))
    metrics.work.update({channel: _copies(queues) for channel, queues in checkpoint.work_figures.items()})
    metrics.agents.update({name: _copied(figures) for name, figures in checkpoint.agent_figures.items()})
    channels = {entry.entry: entry.asked.channel for entry in checkpoint.entries}
    metrics.items.update({entry: channel for entry, channel in channels.items() if channel is not Channel.CALL})
    return dispatcher


def _fill(state: DispatcherState, checkpoint: DispatcherCheckpoint) -> None:
    state.now = -math.inf if checkpoint.now is None else checkpoint.now
    state.entries_made, state.offers_made = checkpoint.entries_made, checkpoint.offers_made
    state.closed.update(checkpoint.closed)
    state.estimator.paces.update({name: replace(pace) for name, pace in checkpoint.paces.items()})
    lines = _open_lines(state, checkpoint)
    for facts in checkpoint.agents:
        _seat(state, facts)
    offers = {offer.offer: offer for offer in checkpoint.offers}
    for entry in checkpoint.entries:
        _enter(state, entry, lines[entry.waiting_line], offers)
    state.offers = {number: state.offers[number] for number in offers}
    for each in checkpoint.deadlines:
        state.deadlines.set(each.due, each.at)


def _open_lines(state: DispatcherState, checkpoint: DispatcherCheckpoint) -> list[WaitingLine]:
    """All lines, still empty; the open ones are entered in the state."""
    editions = {
        number: SettingsEdition(number, settings, {queue.name: queue for queue in settings.queues})
        for number, settings in checkpoint.editions.items()
    }
    state.lines.edition = editions[checkpoint.edition]
    kept = range(checkpoint.edition - MAX_FORMER_EDITIONS, checkpoint.edition)
    state.lines.former = {number: editions[number] for number in kept if number in editions}
    lines: list[WaitingLine] = []
    for number, each in enumerate(checkpoint.waiting_lines):
        edition = editions[each.edition]
        queue = edition.queues[each.queue]
        is_open = number < checkpoint.open_lines
        lines.append(
            state.lines.make(edition, queue, each.demand) if is_open else WaitingLine(edition, queue, each.demand)
        )
    return lines


def _seat(state: DispatcherState, facts: AgentFacts) -> None:
    """Add the agent and enter the agent at every open line that the agent may serve."""
    agent = state.roster.get_or_add(facts.settings.agent, facts.since)
    if agent is None:
        raise ValueError("more agents than MAX_AGENTS")
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
    state.roster.change_settings(agent, facts.settings, state.lines)


def _enter(state: DispatcherState, kept: EntryState, line: WaitingLine, offers: Mapping[OfferId, OfferState]) -> None:
    waiting = QueuedCaller(kept.entry, kept.asked, kept.joined_at, kept.serial)
    waiting.visit = replace(kept.visit)
    waiting.tried_agents = dict(kept.tried_agents)
    waiting.place = kept.place
    waiting.talking_since = kept.talking_since
    state.entries[kept.entry] = (waiting, line)
    if kept.talking_to is not None:
        waiting.talking_to = _known(state, kept.talking_to)
        return
    line.add(waiting)
    if kept.is_paused:
        line.pause(waiting)
    if kept.offer is not None:
        ringing = offers[kept.offer]
        offer = Offer(ringing.offer, waiting, _known(state, ringing.agent), ringing.until)
        state.offers[offer.offer] = offer
        line.ring(waiting, offer)


def _known(state: DispatcherState, agent: AgentId) -> Agent:
    found = state.roster.get(agent)
    if found is None:
        raise LookupError(agent)
    return found
