"""The state as others see it: the whole dispatcher at one moment, and why a caller still waits."""

from collections.abc import Mapping
from dataclasses import replace

from acdcore.kernel.ids import QueueName, SkillName
from acdcore.queues import policy
from acdcore.queues.agent import Agent
from acdcore.queues.inputs import EntryId
from acdcore.queues.live_figures import AgentFigures, Metrics, QueueFigures
from acdcore.queues.policy import Demand
from acdcore.queues.state import DispatcherState
from acdcore.queues.views import (
    MISSED_BEFORE,
    AgentSummary,
    AgentView,
    BlockingRule,
    CallerTimer,
    Candidate,
    Choice,
    CompetingCaller,
    DispatcherView,
    Evidence,
    Exclusion,
    Explanation,
    QueueView,
    TimerName,
    WaitingView,
)
from acdcore.queues.waiting_line import QueuedCaller, WaitingLine

FILTERS = tuple(Exclusion)
"""The filters in the order in which they are applied."""
MAX_CHANGES = 10
"""Most sentences on what would get a caller served; nobody reads more."""
MAX_COMPETING_CALLERS = 50
"""Other callers listed with an offer, the most urgent first; less urgent ones could not have got the agent."""
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
"""What an agent with the skills would have to do, the likeliest first."""


def dispatcher_view(state: DispatcherState, metrics: Metrics, now: float) -> DispatcherView:
    """Copies of everything that is shown."""
    queues = queue_views(state, metrics, now)
    return DispatcherView(now, queues, tuple(agent_view(agent, metrics, now) for agent in state.roster))


def queue_views(state: DispatcherState, metrics: Metrics, now: float) -> tuple[QueueView, ...]:
    """The queues without the agents."""
    return tuple(_queue_view(state, metrics, name, now) for name in state.lines.names())


def positions(state: DispatcherState, now: float) -> dict[EntryId, int]:
    """The position of every waiting caller; 1 is next."""
    inside = (_inside(state, name, now) for name in state.lines.names())
    return {waiting.entry: rank for queue in inside for rank, waiting in enumerate(queue, 1)}


def agent_summary(agent: Agent, metrics: Metrics) -> AgentSummary:
    """What a wallboard shows of one agent."""
    figures = metrics.agents.get(agent.id)
    answered, misses = (figures.answered, figures.misses) if figures is not None else (0, 0)
    entry = agent.contact.entry if agent.contact else None
    return AgentSummary(agent.state, agent.reason, agent.since, entry, answered, misses)


def explanation(state: DispatcherState, waiting: QueuedCaller, line: WaitingLine, now: float) -> Explanation:
    """Every known agent, with the first filter that excludes the agent for this caller."""
    candidates: list[Candidate] = []
    for agent in state.roster:
        found, detail = policy.exclusion(agent, line.demand, waiting.tried_agents.get(agent.id), now)
        if found is None and agent.id in waiting.tried_agents:
            detail = MISSED_BEFORE
        candidates.append(Candidate(agent.id, found, detail, line.agent_key(agent) if found is None else None))
    candidates.sort(key=_candidate_order)
    blocked_by = blocking_rule(waiting, line)
    return Explanation(
        entry=waiting.entry,
        queue=line.queue.name,
        position=state.lines.position(line, waiting, now),
        key=line.caller_key(waiting, now),
        ringing=waiting.offer.agent.id if waiting.offer else None,
        candidates=tuple(candidates),
        needs=dict(line.demand.skills),
        widening_step=waiting.visit.widening_step,
        timers=_timers(waiting, line, now),
        blocked_by=blocked_by,
        would_change=tuple(_changes(state, waiting, line, now)[:MAX_CHANGES]),
        strategy=line.queue.strategy,
        waited_s=now - waiting.visit.queued_at,
        priority_s=waiting.asked.priority_s,
    )


def trace_decision(
    state: DispatcherState, choice: Choice, waiting: QueuedCaller, line: WaitingLine, chosen: Agent | None = None
) -> None:
    """Note what a decision is based on, before it takes effect, if a trace was asked for this caller."""
    trace = state.trace
    if trace is None or waiting.entry not in trace.about:
        return
    callers = _competing_callers(state, waiting, chosen) if chosen is not None else []
    why = explanation(state, waiting, line, state.now)
    trace.noted.append(Evidence(choice, why, tuple(callers[:MAX_COMPETING_CALLERS]), len(callers)))


def _competing_callers(state: DispatcherState, chosen_for: QueuedCaller, agent: Agent) -> list[CompetingCaller]:
    """All other callers who wait with no phone ringing, the most urgent first."""
    callers = []
    for waiting, line in state.entries.values():
        if waiting is chosen_for or not waiting.is_waiting or waiting.offer is not None:
            continue
        excluded_by: Exclusion | BlockingRule | None
        excluded_by, detail = policy.exclusion(agent, line.demand, waiting.tried_agents.get(agent.id), state.now)
        rule = blocking_rule(waiting, line)
        if (
            rule is not None and rule is not BlockingRule.PREFERRED_AGENT
        ):  # the filters say which agents that rule excludes
            excluded_by, detail = rule, ""
        callers.append(
            CompetingCaller(
                entry=waiting.entry,
                label=waiting.asked.label,
                queue=line.queue.name,
                key=line.caller_key(waiting, state.now),
                waited_s=state.now - waiting.joined_at,
                excluded_by=excluded_by,
                detail=detail,
            )
        )
    callers.sort(key=lambda caller: caller.key)
    return callers


def blocking_rule(waiting: QueuedCaller, line: WaitingLine) -> BlockingRule | None:
    """The rule that keeps the caller from agents who could serve; None: no rule does."""
    if waiting.is_paused:
        return BlockingRule.PAUSED
    if line.queue.is_manual_assignment:
        return BlockingRule.MANUAL_ASSIGNMENT
    if waiting.visit.reserved is not None:
        return BlockingRule.PREFERRED_AGENT
    return None


def _timers(waiting: QueuedCaller, line: WaitingLine, now: float) -> tuple[CallerTimer, ...]:
    """The timers that run for a caller, the next first."""
    queue, visit = line.queue, waiting.visit
    timers: list[CallerTimer] = []
    if queue.max_wait_s is not None and line.is_for_calls:
        timers.append(CallerTimer(TimerName.WAIT, visit.queued_at + queue.max_wait_s))
    if visit.widening_step < len(queue.widening):
        timers.append(CallerTimer(TimerName.WIDENING, visit.queued_at + queue.widening[visit.widening_step].after_s))
    if visit.reserved is not None:
        timers.append(CallerTimer(TimerName.PREFERRED_AGENT, visit.reserved.until))
    if visit.language is not None and now < visit.queued_at + queue.language_for_s:
        timers.append(CallerTimer(TimerName.LANGUAGE, visit.queued_at + queue.language_for_s))
    if visit.announce_at is not None:
        timers.append(CallerTimer(TimerName.ANNOUNCEMENT, visit.announce_at))
    if waiting.offer is not None:
        timers.append(CallerTimer(TimerName.OFFER, waiting.offer.until))
    retry_times = [until for until in waiting.tried_agents.values() if until > now]
    if retry_times:
        timers.append(CallerTimer(TimerName.TRIED, min(retry_times)))
    return tuple(sorted(timers, key=lambda timer: timer.at))


def _changes(state: DispatcherState, waiting: QueuedCaller, line: WaitingLine, now: float) -> list[str]:
    """What would get the caller served: first what staff must do, then what time brings, then what agents must do."""
    visit = waiting.visit
    if waiting.offer is not None:
        return [f"agent {waiting.offer.agent.id} answers"]
    by_itself: list[tuple[float, str]] = []
    by_agents: list[tuple[int, str]] = []
    if visit.reserved is not None:
        by_itself.append((visit.reserved.until, f"the reservation for agent {visit.reserved.agent} ends"))
    if visit.widening_step < len(line.queue.widening):
        following = policy.apply_widening(visit.needs, line.queue.widening[: visit.widening_step + 1])
        at = visit.queued_at + line.queue.widening[visit.widening_step].after_s
        by_itself.append(
            (at, f"widening step {visit.widening_step + 1} {_widening_words(line.demand.skills, following)}")
        )
    until_s = visit.queued_at + line.queue.language_for_s
    if visit.language is not None and not state.on_duty(line) and now < until_s:
        by_itself.append((until_s, f"{visit.language} is not asked for any more, since nobody on duty has it"))
    for agent in state.roster:
        retry_at = waiting.tried_agents.get(agent.id)
        found, _ = policy.exclusion(agent, line.demand, retry_at, now)
        if (
            found is None
            or found not in WOULD_FREE
            or policy.settings_exclusion(agent.settings, line.demand) is not None
        ):
            continue
        until = retry_at if found is Exclusion.TRIED else agent.until
        sentence = f"agent {agent.id} {WOULD_FREE[found]}"
        if until is not None:
            by_itself.append((until, sentence))
        else:
            by_agents.append((list(WOULD_FREE).index(found), sentence))
    manual = {
        BlockingRule.PAUSED: "the caller comes back from the flow",
        BlockingRule.MANUAL_ASSIGNMENT: "somebody assigns the caller",
    }
    rule = blocking_rule(waiting, line)
    return (
        [manual[rule] for rule in (rule,) if rule in manual]
        + [f"{sentence} (in {max(0.0, at - now):.0f} s)" for at, sentence in sorted(by_itself)]
        + [sentence for _, sentence in sorted(by_agents)]
    )


def _widening_words(needs: Mapping[SkillName, int], left: Mapping[SkillName, int]) -> str:
    """What a widening step does to the needs, in words."""
    words = [f"drops {skill}" for skill in needs if skill not in left]
    words += [f"asks for {skill} {left[skill]} only" for skill in left if left[skill] < needs.get(skill, 0)]
    return " and ".join(words) or "changes nothing for this caller"


def _candidate_order(candidate: Candidate) -> tuple[int, bool, tuple[float | str, ...]]:
    if candidate.exclusion is None:
        return -1, candidate.detail == MISSED_BEFORE, candidate.key or ()
    return FILTERS.index(candidate.exclusion), False, ()


def _queue_view(state: DispatcherState, metrics: Metrics, name: QueueName, now: float) -> QueueView:
    edition = state.lines.edition
    queue = edition.queues.get(name)
    own = state.lines.find(edition, queue, Demand(queue.skills)) if queue else None
    inside = _inside(state, name, now)
    return QueueView(
        queue=name,
        waiting=tuple(_waiting_view(waiting, rank, now) for rank, waiting in enumerate(inside, 1)),
        agents_on_duty=own.on_duty if own else 0,
        agents_ready=len(own.ready) if own else 0,
        figures=replace(metrics.queues.get(name, QueueFigures())),
        is_open=name not in state.closed,
        expected_wait_s=_expected_s(state, own, len(inside), now) if own else None,
        work_figures={channel: replace(queues[name]) for channel, queues in metrics.work.items() if name in queues},
    )


def _expected_s(state: DispatcherState, line: WaitingLine, inside: int, now: float) -> float | None:
    if line.ready and not line.queue.is_manual_assignment:
        return 0.0
    return state.estimator.estimate(line.queue.name, inside + 1, line.on_duty, now)


def _inside(state: DispatcherState, name: QueueName, now: float) -> list[QueuedCaller]:
    """Everybody in a queue, waiting, ringing or paused, the next one first."""
    lines = state.lines.of(name)
    standings = [(line, standing) for line in lines for standing in line.waiting + line.ringing + line.paused]
    if len({id(line.queue) for line in lines}) <= 1:  # one edition ages at one rate: the places give the order
        standings.sort(key=lambda each: each[1])
    else:
        standings.sort(key=lambda each: each[0].caller_key(each[1][3], now))
    return [standing[3] for _, standing in standings]


def _waiting_view(waiting: QueuedCaller, position: int, now: float) -> WaitingView:
    return WaitingView(
        entry=waiting.entry,
        label=waiting.asked.label,
        position=position,
        waited_s=now - waiting.visit.queued_at,
        waited_total_s=now - waiting.joined_at,
        priority_s=waiting.asked.priority_s,
        agent=waiting.offer.agent.id if waiting.offer else None,
        channel=waiting.asked.channel,
        is_paused=waiting.is_paused,
        widening_step=waiting.visit.widening_step,
        reserved_for=waiting.visit.reserved.agent if waiting.visit.reserved else None,
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
