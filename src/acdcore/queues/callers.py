"""What happens to callers in the state: they enter queues, wait, are kept for an agent, overflow, and leave.

A caller's deadlines (the longest wait, the next widening step, the end of a reservation) do nothing while a phone rings
for the caller or while the caller is in a side flow. `bring_up_to_date` applies them afterwards.
"""

from collections.abc import Iterable, Iterator

from acdcore.queues import announcements, entry_rules, explain, policy
from acdcore.queues.decisions import Overflowed, Queued, ReservedForAgent, Widened
from acdcore.queues.settings import OverflowCause, OverflowRule, QueueSettings, ToQueue
from acdcore.queues.state import AnnounceDue, DispatcherState, Due, LanguageDue, RetryDue, StickyDue, WaitDue, WidenDue
from acdcore.queues.waiting_line import QueuedCaller, Reservation, SettingsEdition, VisitState, WaitingLine


def enter(state: DispatcherState, waiting: QueuedCaller, edition: SettingsEdition, queue: QueueSettings) -> None:
    """Enter a queue, or the queue to which its overflow rules lead."""
    following: QueueSettings | None = queue
    while following is not None:  # ends: settings whose overflow comes back to a queue are refused
        asked = waiting.asked
        waiting.visit = _new_visit(state, waiting, following)
        waiting.place = policy.place_of(following, asked.priority_s, waiting.joined_at, waiting.serial)
        state.decisions.append(Queued(waiting.entry, following.name, state.now, asked.channel))
        line = state.line_of(waiting, edition, following)
        expected_s = entry_rules.estimated_wait_s(state, waiting, line)
        line = _widen_at_entry(state, waiting, line, policy.widening_step_at_entry(following.widening, expected_s))
        rule = entry_rules.closing_rule(state, waiting, line, expected_s)
        if rule is None:
            _wait_in_line(state, waiting, line)
            return
        following = _apply_overflow(state, waiting, line, rule)
        state.close_if_idle(line)


def leave_queue(state: DispatcherState, waiting: QueuedCaller, line: WaitingLine) -> None:
    """Take a waiting, ringing or paused caller out of the line and the state, with all timers."""
    line.remove(waiting)
    del state.entries[waiting.entry]
    for due in _timers_of(waiting, line):
        state.deadlines.cancel(due)
    state.close_if_idle(line)


def depart(state: DispatcherState, waiting: QueuedCaller, line: WaitingLine) -> None:
    """The caller leaves the queue without an agent."""
    if not waiting.is_paused:
        state.estimator.left(line.queue.name, state.now)
    leave_queue(state, waiting, line)


def pause(state: DispatcherState, waiting: QueuedCaller, line: WaitingLine) -> None:
    """The caller goes into a side flow and keeps the place. No phone may be ringing for the caller."""
    line.pause(waiting)
    state.estimator.paused(line.queue.name, state.now)


def resume(state: DispatcherState, waiting: QueuedCaller, line: WaitingLine) -> None:
    """The caller comes back from a side flow."""
    line.unpause(waiting)
    state.estimator.joined(line.queue.name, state.on_duty(line), state.now)
    bring_up_to_date(state, waiting)


def came_due(state: DispatcherState, waiting: QueuedCaller) -> None:
    """One of the caller's deadlines passed; while a phone rings or a side flow runs, nothing happens yet."""
    if waiting.offer is None and not waiting.is_paused:
        bring_up_to_date(state, waiting)


def bring_up_to_date(state: DispatcherState, waiting: QueuedCaller) -> None:
    """Apply what is due for a caller who can be offered: overflow, or a move to the line for the present needs."""
    line = state.entries[waiting.entry][1]
    visit, limit_s = waiting.visit, line.queue.max_wait_s
    if (
        limit_s is not None
        and state.now >= visit.queued_at + limit_s
        and overflow(state, waiting, line, OverflowCause.WAIT)
    ):
        return
    if visit.reserved is not None and not _is_reservation_useful(state, waiting, line, visit.reserved):
        visit.reserved = None
        state.deadlines.cancel(StickyDue(waiting.entry))
    _widen(state, waiting, line)
    line = _move(state, waiting, line)
    if _drop_language(state, waiting, line):
        line = _move(state, waiting, line)
    if not state.is_anybody_on_duty(waiting, line) and overflow(state, waiting, line, OverflowCause.NOBODY_LOGGED_IN):
        return
    state.dirty[line] = None


def retry_agents(state: DispatcherState, waiting: QueuedCaller, line: WaitingLine) -> None:
    """Agents who missed this caller may be tried again; set the timer for the next of them."""
    state.dirty[line] = None
    later = [until for until in waiting.tried_agents.values() if until > state.now]
    if later:
        state.deadlines.set(RetryDue(waiting.entry), min(later))


def overflow(state: DispatcherState, waiting: QueuedCaller, line: WaitingLine, cause: OverflowCause) -> bool:
    """Apply the rule for `cause`; False when there is none. The caller must be neither ringing nor paused."""
    rule = entry_rules.overflow_rule(line, cause)
    if rule is None:
        return False
    depart(state, waiting, line)
    following = _apply_overflow(state, waiting, line, rule)
    if following is not None:
        enter(state, waiting, line.edition, following)
    return True


def overflow_unserved(state: DispatcherState, lines: Iterable[WaitingLine]) -> None:
    """Overflow callers for whom no agent is on duty any more."""
    for line in _and_narrower(state, lines):
        if line.on_duty or not line.waiting:
            continue
        has_rule = True
        for _, _, _, waiting in list(line.waiting):
            if waiting.visit.language is not None:
                bring_up_to_date(state, waiting)  # others may serve the caller now, or once the language is dropped
            elif has_rule:  # without a rule, no other caller of the line overflows either
                has_rule = overflow(state, waiting, line, OverflowCause.NOBODY_LOGGED_IN)


def _and_narrower(state: DispatcherState, lines: Iterable[WaitingLine]) -> list[WaitingLine]:
    """These lines, and lines of the same queues whose callers wait for a language that nobody on duty speaks."""
    found = dict.fromkeys(lines)
    for queue in dict.fromkeys(line.queue.name for line in found if not line.on_duty):
        found |= dict.fromkeys(near for near in state.lines.of(queue) if not near.on_duty)
    return list(found)


def release_reservations(state: DispatcherState, lines: Iterable[WaitingLine]) -> None:
    """End reservations whose agent can no longer take the caller; the callers then wait for any agent."""
    for line in lines:
        if line.demand.only is not None:
            for _, _, _, waiting in list(line.waiting):
                bring_up_to_date(state, waiting)


def _timers_of(waiting: QueuedCaller, line: WaitingLine) -> Iterator[Due]:
    """The timers that may be running. Most callers have only the announcement, and every turn runs this."""
    entry, visit, queue = waiting.entry, waiting.visit, line.queue
    if queue.max_wait_s is not None:
        yield WaitDue(entry)
    if visit.announce_at is not None:
        yield AnnounceDue(entry)
    if waiting.tried_agents:
        yield RetryDue(entry)
    if visit.widening_step < len(queue.widening):
        yield WidenDue(entry)
    if visit.reserved is not None:
        yield StickyDue(entry)
    if visit.language is not None:
        yield LanguageDue(entry)


def _new_visit(state: DispatcherState, waiting: QueuedCaller, queue: QueueSettings) -> VisitState:
    """A new visit to a queue, with the needs worked out."""
    asked = waiting.asked
    needs = policy.needs(queue, asked.skills, asked.facts)
    spoken = policy.language_need(queue, asked.facts)
    language = next((skill for skill in spoken if skill not in needs), None)  # asked for by others: kept
    for skill, level in spoken.items():
        needs[skill] = max(level, needs.get(skill, 0))
    return VisitState(state.now, needs, language=language)


def _drop_language(state: DispatcherState, waiting: QueuedCaller, line: WaitingLine) -> bool:
    """Drop the language need when the time for it is over and nobody on duty speaks it; True: dropped now.

    The need stays dropped for this visit, also when an agent with the language comes on duty.
    """
    visit, queue = waiting.visit, line.queue
    if visit.language is None or state.now < visit.queued_at + queue.language_for_s or state.on_duty(line):
        return False
    if state.line_without_language(waiting, line) is line:
        return False  # a widening step has lowered it already
    widened = Widened(waiting.entry, queue.name, visit.widening_step, state.now, visit.language)
    state.decisions.append(widened)
    explain.trace_decision(state, widened, waiting, line)
    visit.needs = {skill: level for skill, level in visit.needs.items() if skill != visit.language}
    visit.language = None
    state.deadlines.cancel(LanguageDue(waiting.entry))
    return True


def _wait_in_line(state: DispatcherState, waiting: QueuedCaller, line: WaitingLine) -> None:
    queue, visit, entry = line.queue, waiting.visit, waiting.entry
    state.estimator.joined(queue.name, line.on_duty, state.now)
    if queue.sticky_for_s and waiting.asked.preferred is not None:
        reservation = Reservation(waiting.asked.preferred, state.now + queue.sticky_for_s)
        if _is_reservation_useful(state, waiting, line, reservation):
            line = _reserve(state, waiting, line, reservation)
    line.add(waiting)
    state.entries[entry] = (waiting, line)
    state.dirty[line] = None
    if queue.max_wait_s is not None and line.is_for_calls:
        state.deadlines.set(WaitDue(entry), visit.queued_at + queue.max_wait_s)
    if queue.announce_first_s is not None and line.is_for_calls:
        visit.announce_at = visit.queued_at + queue.announce_first_s
        state.deadlines.set(AnnounceDue(entry), visit.announce_at)
    _arm_widening(state, waiting, queue)
    if visit.language is not None:
        state.deadlines.set(LanguageDue(entry), visit.queued_at + queue.language_for_s)
    if waiting.tried_agents:
        retry_agents(state, waiting, line)


def _reserve(state: DispatcherState, waiting: QueuedCaller, line: WaitingLine, reservation: Reservation) -> WaitingLine:
    """Move a caller to a line that one agent alone serves."""
    waiting.visit.reserved = reservation
    state.deadlines.set(StickyDue(waiting.entry), reservation.until)
    reserved_for = ReservedForAgent(waiting.entry, line.queue.name, *reservation)
    state.decisions.append(reserved_for)
    explain.trace_decision(state, reserved_for, waiting, line)
    kept = state.line_of(waiting, line.edition, line.queue)
    state.close_if_idle(line)
    return kept


def _is_reservation_useful(
    state: DispatcherState, waiting: QueuedCaller, line: WaitingLine, reservation: Reservation
) -> bool:
    """Whether the agent may still take this caller in time."""
    agent = state.roster.get(reservation.agent)
    if agent is None or not agent.is_willing or state.now >= reservation.until:
        return False
    if waiting.tried_agents.get(agent.id, state.now) > state.now:
        return False
    return policy.settings_exclusion(agent.settings, line.demand) is None


def _widen(state: DispatcherState, waiting: QueuedCaller, line: WaitingLine) -> None:
    """Decide `Widened` for the step that is reached, and set the timer for the next."""
    visit, queue = waiting.visit, line.queue
    reached = policy.widening_step_reached(queue.widening, visit.queued_at, state.now)
    if reached > visit.widening_step:
        widened = Widened(waiting.entry, queue.name, reached, state.now)
        state.decisions.append(widened)
        explain.trace_decision(state, widened, waiting, line)
        visit.widening_step = reached
        _arm_widening(state, waiting, queue)


def _arm_widening(state: DispatcherState, waiting: QueuedCaller, queue: QueueSettings) -> None:
    if waiting.visit.widening_step < len(queue.widening):
        next_step = queue.widening[waiting.visit.widening_step]
        state.deadlines.set(WidenDue(waiting.entry), waiting.visit.queued_at + next_step.after_s)


def _widen_at_entry(state: DispatcherState, waiting: QueuedCaller, line: WaitingLine, step: int) -> WaitingLine:
    """Begin at a later widening step because the estimated wait is long."""
    if step == 0:
        return line
    widened = Widened(waiting.entry, line.queue.name, step, state.now)
    state.decisions.append(widened)
    explain.trace_decision(state, widened, waiting, line)
    waiting.visit.widening_step = step
    wider = state.line_of(waiting, line.edition, line.queue)
    if wider is not line:
        state.close_if_idle(line)
    return wider


def _move(state: DispatcherState, waiting: QueuedCaller, line: WaitingLine) -> WaitingLine:
    """Move to the line for the present needs, at the same place."""
    target = state.line_of(waiting, line.edition, line.queue)
    if target is not line:
        line.remove(waiting)
        target.add(waiting)
        state.entries[waiting.entry] = (waiting, target)
        state.close_if_idle(line)
    return target


def _apply_overflow(
    state: DispatcherState, waiting: QueuedCaller, line: WaitingLine, rule: OverflowRule
) -> QueueSettings | None:
    """Decide where the caller goes; returns the next queue, from the settings of the caller's edition; None: none."""
    visit = waiting.visit
    waited_s = state.now - visit.queued_at
    kept = announcements.announced_wait_kept_on_leaving(visit, state.now)
    overflowed = Overflowed(waiting.entry, line.queue.name, rule.cause, rule.target, waited_s, kept)
    state.decisions.append(overflowed)
    explain.trace_decision(state, overflowed, waiting, line)
    if isinstance(rule.target, ToQueue):
        return line.edition.queues[rule.target.queue]
    return None
